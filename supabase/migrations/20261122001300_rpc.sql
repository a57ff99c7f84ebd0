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

-- The account that the caller acts for where an RPC takes none: their personal one, else their oldest team.
create function octroi_private.my_account()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
begin
  select a.id into v_account_id
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  where m.user_id = (select octroi_private.my_user_id())
  order by (a.kind = 'personal') desc, a.id
  limit 1;
  if v_account_id is null then
    raise exception 'not signed in' using errcode = 'OC020', hint = 'Send the access token of a signed-in user.';
  end if;
  return v_account_id;
end
$$;

-- Every limit that binds the caller now, opened or not.
create function octroi_private.quota_of(p_account_id uuid, p_user_id uuid)
returns table (
  account_id uuid, scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint,
  remaining bigint, period_start timestamptz, resets_at timestamptz, plan text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    l.account_id, l.scope, l.subject, l.meter, l.period,
    granted.amount, taken.used, coalesce(b.reserved, 0),
    granted.amount - taken.used - coalesce(b.reserved, 0), p.period_start,
    nullif(p.resets_at, 'infinity'),
    (
      select v.plan_code from octroi_private.subscription as s
      join octroi_private.plan_version as v on v.id = s.plan_version_id
      where s.account_id = l.account_id and s.ended_at is null
    )
  from octroi_private.limit_in_force as l
  cross join lateral octroi_private.period_bounds(
    l.period, octroi_private.anchor_of(l.account_id), octroi_private.now()
  ) as p
  left join octroi_private.balance as b
    on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
    and b.subject = l.subject and b.meter = l.meter and b.period = l.period
  cross join lateral (
    select coalesce(b.used, octroi_private.used_of_cut_month(
      l.account_id, l.scope, l.subject, l.meter, l.period, p.period_start
    ), 0)::bigint as used
  ) as taken
  -- as opening would allow it now, whatever the balance was opened with
  cross join lateral (
    select greatest(
      greatest(l.included - octroi_private.debt_of(l.account_id, l.scope, l.meter, l.period, p.period_start), 0)
      + greatest(l.overage, coalesce(b.from_overage, 0)) + coalesce(b.from_grants, 0)
      + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, octroi_private.now()),
      taken.used + coalesce(b.reserved, 0)
    )::bigint as amount
  ) as granted
  where l.account_id = p_account_id
    and (
      l.scope in ('account', 'model')
      or (l.scope = 'member' and l.subject = p_user_id::text)
      or (l.scope = 'api_key' and exists (
        select from octroi_private.api_key as k
        where k.id::text = l.subject and k.user_id = p_user_id and k.revoked_at is null
      ))
    )
  order by array_position(array['account', 'member', 'api_key', 'model'], l.scope), l.subject, l.meter, l.period
$$;

create function octroi.my_quota()
returns table (
  scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint,
  period_start timestamptz, resets_at timestamptz, plan text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select q.scope, q.subject, q.meter, q.period, q.granted, q.used, q.reserved, q.remaining, q.period_start,
    q.resets_at, q.plan
  from octroi_private.quota_of(octroi_private.my_account(), (select auth.uid())) as q
$$;
comment on function octroi.my_quota() is
'One row per limit that binds the caller: what is granted, used, held and left of it, and when it resets (null: never).';

create function octroi.my_usage(since date default null, until date default null)
returns table (
  day date, model text, requests bigint, input_tokens bigint, cached_input_tokens bigint, output_tokens bigint,
  reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    d.day, d.model, sum(d.requests)::bigint, sum(d.input_tokens)::bigint, sum(d.cached_input_tokens)::bigint,
    sum(d.output_tokens)::bigint, sum(d.reasoning_tokens)::bigint, sum(d.total_tokens)::bigint,
    sum(d.cost_nano_usd)::bigint
  from octroi_private.usage_daily as d
  where d.account_id = octroi_private.my_account() and d.user_id = (select auth.uid())
    and d.day >= coalesce(my_usage.since, (octroi_private.now() at time zone 'utc')::date - 30)
    and d.day <= coalesce(my_usage.until, 'infinity')
  group by d.day, d.model
  order by d.day desc, d.model
  limit 10000
$$;
comment on function octroi.my_usage(date, date) is
'The caller''s own usage by UTC day and model, newest first; the last 30 days unless asked otherwise.';

create function octroi.my_requests(max_rows integer default 50, before timestamptz default null)
returns table (
  id uuid, state text, endpoint text, model text, input_tokens bigint, cached_input_tokens bigint,
  cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint,
  source text, latency_ms integer, first_token_ms integer, occurred_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_account_id uuid := octroi_private.my_account();
  v_user_id uuid := (select auth.uid());
  v_before timestamptz := coalesce(my_requests.before, 'infinity');
  v_rows integer := least(greatest(my_requests.max_rows, 0), 1000);
begin
  return query
  (
    select
      e.id, 'settled', e.endpoint, e.model, e.input_tokens, e.cached_input_tokens, e.cache_write_tokens,
      e.output_tokens, e.reasoning_tokens, e.total_tokens, e.cost_nano_usd, e.source, e.latency_ms, e.first_token_ms,
      e.occurred_at
    from octroi_private.usage_event as e
    where e.account_id = v_account_id and e.user_id = v_user_id
      and e.occurred_at < v_before
    order by e.occurred_at desc
    limit v_rows
  )
  union all
  (
    select
      r.id, 'open', r.endpoint, r.model, null, null, null, null, null, null, null, null, null, null, r.started_at
    from octroi_private.request as r
    where r.account_id = v_account_id and r.user_id = v_user_id and r.state = 'open'
      and r.expires_at > octroi_private.now() and r.started_at < v_before
    order by r.started_at desc
    limit v_rows
  )
  order by 15 desc
  limit v_rows;
end
$$;
comment on function octroi.my_requests(integer, timestamptz) is
'The caller''s own recent calls, newest first, running ones included; page on with the last occurred_at as before.';

-- What a call of so many tokens would be told, by the rule that decides it, against balances as they stand.
create function octroi_private.forecast(p_balances octroi_private.balance [], p_price_id bigint, p_tokens bigint)
returns table (
  allowed boolean, reason text, scope text, meter text, granted bigint, used bigint, reserved bigint, remaining bigint,
  resets_at timestamptz, retry_after_seconds bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price octroi_private.model_price;
  v_unit octroi_private.unit_prices;
  v_given octroi_private.allotment;
  v_tightest octroi_private.balance;
begin
  select p.* into v_price from octroi_private.model_price as p where p.id = p_price_id;
  v_unit := octroi_private.unit_prices_of(v_price, p_tokens);
  v_given := octroi_private.allot_next(
    null, p_balances, p_tokens, 0, 0, 0, 0, 1, v_unit.top_input, v_unit.top_output
  );
  v_tightest := p_balances[v_given.tightest];
  allowed := v_given.output_tokens is not null;
  reason := case
    when v_given.is_held then 'quota_held'
    when not allowed then octroi_private.limit_reason(v_tightest.scope, v_tightest.meter)
  end;
  scope := v_tightest.scope;
  meter := v_tightest.meter;
  granted := v_tightest.granted + v_tightest.overage;
  used := v_tightest.used;
  reserved := v_tightest.reserved;
  remaining := granted - used - reserved;
  resets_at := nullif(v_tightest.resets_at, 'infinity');
  retry_after_seconds := case when not allowed and not v_given.is_held then
    greatest(ceil(extract(epoch from resets_at - octroi_private.now())), 1)::bigint
  end;
  return next;
end
$$;

create function octroi.check_quota(model text, tokens bigint)
returns table (
  allowed boolean, reason text, scope text, meter text, granted bigint, used bigint, reserved bigint, remaining bigint,
  resets_at timestamptz, retry_after_seconds bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := auth.uid();
  v_account_id uuid := octroi_private.my_account();
  v_price_id bigint;
  v_balances octroi_private.balance [];
  v_reason text;
begin
  if check_quota.tokens is null or check_quota.tokens not between 0 and 1000000000 then
    raise exception 'tokens must be between 0 and 1,000,000,000' using errcode = '22023';
  end if;
  -- a caller who has made a call in this period has everything resolved
  select e.price_id, array(
    select b from octroi_private.balance as b where b.id = any(e.balance_ids)
  ) into v_price_id, v_balances
  from octroi_private.entitlement as e
  where e.account_id = v_account_id and e.api_key_id = '00000000-0000-0000-0000-000000000000'
    and e.user_id = v_user_id and e.model = check_quota.model and e.valid_until > octroi_private.now();
  if v_price_id is null then
    v_reason := octroi_private.why_refused(v_account_id, null, v_user_id, check_quota.model);
    if v_reason is not null then
      return query select
        false, v_reason, null::text, null::text, null::bigint, null::bigint, null::bigint, null::bigint,
        null::timestamptz, null::bigint;
      return;
    end if;
    v_price_id := octroi_private.price_at(check_quota.model, octroi_private.now());
    -- balances as they would be opened
    select array_agg(row(
      q.ord, q.account_id, q.scope, q.subject, q.meter, q.period, q.period_start, coalesce(q.resets_at, 'infinity'),
      0, q.granted, q.granted, 0, 0, q.used, q.reserved, true, 0, 0, 0, 0
    )::octroi_private.balance) into v_balances
    from octroi_private.quota_of(v_account_id, v_user_id) with ordinality as q (
      account_id, scope, subject, meter, period, granted, used, reserved, remaining, period_start, resets_at, plan, ord
    )
    where q.scope in ('account', 'member') or (q.scope = 'model' and q.subject in (check_quota.model, (
      select p.model from octroi_private.model_price as p where p.id = v_price_id
    )));
  end if;
  return query select f.* from octroi_private.forecast(v_balances, v_price_id, check_quota.tokens) as f;
end
$$;
comment on function octroi.check_quota(text, bigint) is
'Whether a call of so many tokens would be allowed now, and how the strictest limit stands. reason quota_held: it fits once running calls have settled. Holds nothing: the answer is a forecast. Raises 22023, OC020.';

create function octroi.count_tokens(model text, text text)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_encoding text := (select l.encoding from octroi_private.model_limits(count_tokens.model) as l);
begin
  if v_encoding is null then
    raise exception 'model % has no price, so its tokenizer is unknown', left(count_tokens.model, 100)
      using errcode = 'OC012', hint = 'GET /v1/models lists the models that have one.';
  end if;
  if octet_length(count_tokens.text) > 1048576 then
    raise exception 'the text is longer than 1 MiB' using errcode = '22023';
  end if;
  return octroi_native.count_tokens(v_encoding, count_tokens.text);
end
$$;
comment on function octroi.count_tokens(text, text) is
'Tokens of a text for a model, exactly; a message adds a few for its framing. Raises OC012 for an unpriced model, 22023 past 1 MiB.';

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
