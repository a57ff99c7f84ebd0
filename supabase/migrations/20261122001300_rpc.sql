-- What front ends and SQL users may ask. Identity is always auth.uid(); a limit, a key or a request of somebody else
-- is the same as one that does not exist.
set role octroi_owner;

-- The accounts of the caller, and those whose every usage they may see. Policies ask for them in every statement, and
-- PL/pgSQL keeps its plans: one in SQL is planned anew each time, which takes longer than finding 100 calls.
create function octroi_private.my_accounts()
returns setof uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select m.account_id from octroi_private.member as m where m.user_id = (select octroi_private.my_user_id());
end
$$;

create function octroi_private.my_administered_accounts()
returns setof uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select m.account_id from octroi_private.member as m
  where m.user_id = (select octroi_private.my_user_id()) and m.role in ('owner', 'admin');
end
$$;

-- What stands for anybody but a user of Octroi's: everything that is a person's own, whatever account they act for.
create function octroi_private.require_user()
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from octroi_private.member as m where m.user_id = (select octroi_private.my_user_id())
  ) then
    perform octroi_private.refuse_without_account((select auth.uid()));
  end if;
end
$$;
comment on function octroi_private.require_user() is 'Passes a signed-in user who has an account. Raises OC020, OC022, OC023.';

-- Which account a call acts for, as its caller names it; null when they name none. The one place that reads it:
--
--   Data API, RPCs and views   header x-octroi-account, which PostgREST hands on as request.headers
--   SQL                        set local octroi.account = '…', which wins over the header
--   gateway                    header OpenAI-Organization, as OpenAI's SDKs send it (authenticate_user); a key has one
--
-- It is a choice and no identity: my_account checks it against the caller's memberships in every statement. A header,
-- and not an argument, because it serves views as well, and is set once for a client instead of at every call.
create function octroi_private.named_account()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select lower(coalesce(
    nullif(current_setting('octroi.account', true), ''),
    nullif(current_setting('request.headers', true), '')::json ->> 'x-octroi-account'
  ))
$$;
comment on function octroi_private.named_account() is
'The account that this session or request names, unchecked: the setting octroi.account, else the header x-octroi-account.';

-- The account that the caller acts for: the one they name, else their personal one, else their oldest team. Null where
-- they are no member of what they name, or of anything.
create function octroi_private.acting_account()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_named text := octroi_private.named_account();
begin
  return (
    select a.id
    from octroi_private.member as m
    join octroi_private.account as a on a.id = m.account_id
    where m.user_id = (select octroi_private.my_user_id()) and (v_named is null or a.id::text = v_named)
    order by (a.kind = 'personal') desc, a.id
    limit 1
  );
end
$$;

create function octroi_private.my_account()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.acting_account();
begin
  if v_account_id is null then
    perform octroi_private.require_user();
    raise exception 'the account that this call names is none of yours' using errcode = 'OC025',
      hint = 'octroi.my_accounts() lists yours. Name one by its id in the header x-octroi-account, or none.';
  end if;
  return v_account_id;
end
$$;
comment on function octroi_private.my_account() is
'The account that the caller acts for, of which they are a member. Raises OC020, OC022, OC023, OC025.';

-- How many rows a page has: as many as are asked for, and never more than fit; null asks for a full one.
create function octroi_private.page_rows(p_asked integer, p_most integer)
returns integer
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_asked < 0 then
    raise exception 'max_rows is 0 or more, or null for a full page' using errcode = '22023';
  end if;
  return least(coalesce(p_asked, p_most), p_most);
end
$$;

create function octroi.request_completion(request jsonb)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account();
  v_endpoint text := coalesce(request_completion.request ->> 'endpoint', case
    when request_completion.request ? 'messages' then 'chat.completions'
    else 'responses'
  end);
  v_id uuid;
begin
  if jsonb_typeof(request_completion.request) is distinct from 'object' or not request_completion.request ? 'model' then
    raise exception 'request is an object with a model, as OpenAI takes it' using errcode = '22023';
  elsif v_endpoint not in ('chat.completions', 'responses', 'embeddings') then
    raise exception 'endpoint is chat.completions, responses or embeddings' using errcode = '22023';
  elsif request_completion.request -> 'stream' = 'true' then
    raise exception 'a queued completion cannot be streamed' using errcode = '22023';
  elsif pg_column_size(request_completion.request) > 1048576 then
    raise exception 'the request is larger than 1 MiB' using errcode = '22023';
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  if (
    select count(*) from octroi_private.completion as c
    where c.account_id = v_account_id and c.finished_at is null and c.expires_at > octroi_private.now()
  ) >= 1000 then
    raise exception 'this account has 1000 completions waiting already' using errcode = 'OC013';
  end if;
  insert into octroi_private.completion (account_id, user_id, endpoint, request, created_at, expires_at)
  values (
    v_account_id, (select auth.uid()), v_endpoint, request_completion.request - 'endpoint', octroi_private.now(),
    octroi_private.now() + interval '1 hour'
  )
  returning completion.id into v_id;
  insert into octroi_private.job (kind, args, run_at)
  values ('complete_request', jsonb_build_object('completion_id', v_id), octroi_private.now());
  return v_id;
end
$$;
comment on function octroi.request_completion(jsonb) is
'Queues a call to OpenAI, as its endpoint takes it, and returns its id at once; read the answer with completion(id). Raises 22023, OC013, OC020.';

create function octroi.completion(id uuid)
returns table (state text, status smallint, response jsonb, error jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := octroi_private.my_user_id();
  v_completion octroi_private.completion;
  v_answer record;
begin
  select c.* into v_completion
  from octroi_private.completion as c
  where c.id = completion.id and c.user_id = v_user_id and c.expires_at > octroi_private.now()
  for update;
  if v_completion.id is null then
    perform octroi_private.note_missed_id(exists (
      select from octroi_private.completion as c
      where c.id = completion.id and c.user_id <> v_user_id
    ));
    return;
  elsif v_completion.finished_at is null then
    return query select 'pending', null::smallint, null::jsonb, null::jsonb;
    return;
  elsif v_completion.error is not null then
    return query select 'failed', v_completion.error_status, null::jsonb, v_completion.error;
    return;
  end if;
  -- read once: the answer leaves with the reader
  delete from octroi_private.stored_response as r
  where r.request_id = completion.id and r.expires_at > octroi_private.now()
  returning r.status, convert_from(r.body, 'utf8')::jsonb as body into v_answer;
  if v_answer.status is null then
    return query select 'read', null::smallint, null::jsonb, null::jsonb;
  else
    return query select 'done', v_answer.status, v_answer.body, null::jsonb;
  end if;
end
$$;
comment on function octroi.completion(uuid) is
'A completion of the caller: pending, done (with the answer, handed out once), read, or failed. No row for any other id.';

reset role;
