-- What a caller, or all of their account, has used: by day, and call by call.
set role octroi_owner;

-- Usage by UTC day, month or over the whole span, by model and, for a null user, by member. The Data API hands out a
-- thousand rows at most and does not say when there were more, so each row says whether others follow it: the last row
-- of an answer tells, whoever cut it.
create function octroi_private.usage_page(
  p_account_id uuid, p_user_id uuid, p_since date, p_until date, p_per text, p_after_day date, p_after_model text,
  p_after_user uuid, p_max_rows integer
)
returns table (
  day date, user_id uuid, model text, requests bigint, input_tokens bigint, cached_input_tokens bigint,
  output_tokens bigint, reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint, has_more boolean
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_since date := coalesce(
    p_since,
    -- the day of a total is the first of its span: the next page is of the same, whatever day it is by then
    case when p_per = 'total' then p_after_day end,
    (octroi_private.now() at time zone 'utc')::date - 30
  );
  v_rows integer := octroi_private.page_rows(p_max_rows, 1000);
begin
  if p_per is null or p_per not in ('day', 'month', 'total') then
    raise exception 'per is day, month or total' using errcode = '22023';
  elsif (p_after_day is null) <> (p_after_model is null)
    or p_user_id is null and (p_after_day is null) <> (p_after_user is null)
  then
    raise exception 'a page goes on after a whole row: its day, its model and, of an account, its user'
      using errcode = '22023', hint = 'Without them the rows of that day would come again, or not at all.';
  elsif p_per = 'total' and p_after_day <> v_since then
    raise exception 'after_day is not of this total, which begins on %', v_since using errcode = '22023';
  end if;
  return query
  select g.*, lead(g.day) over (order by g.day desc, g.model, g.user_id) is not null
  from (
    select
      d.bucket as day, d.user_id, d.model, sum(d.requests)::bigint, sum(d.input_tokens)::bigint,
      sum(d.cached_input_tokens)::bigint, sum(d.output_tokens)::bigint, sum(d.reasoning_tokens)::bigint,
      sum(d.total_tokens)::bigint, sum(d.cost_nano_usd)::bigint
    from (
      select u.*, case p_per when 'day' then u.day when 'month' then date_trunc('month', u.day)::date else v_since end
        as bucket
      from octroi_private.usage_daily as u
      where u.account_id = p_account_id and (p_user_id is null or u.user_id = p_user_id)
        and u.day >= v_since and u.day <= coalesce(p_until, 'infinity')
    ) as d
    where p_after_day is null or d.bucket < p_after_day
      or d.bucket = p_after_day and (d.model, d.user_id) > (
        p_after_model, coalesce(p_after_user, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      )
    group by d.bucket, d.model, d.user_id
    order by d.bucket desc, d.model, d.user_id
    limit v_rows + 1
  ) as g
  order by g.day desc, g.model, g.user_id
  limit v_rows;
end
$$;

create function octroi.my_usage(
  since date default null, until date default null, per text default 'day', after_day date default null,
  after_model text default null, max_rows integer default 1000
)
returns table (
  day date, model text, requests bigint, input_tokens bigint, cached_input_tokens bigint, output_tokens bigint,
  reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint, has_more boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.day, u.model, u.requests, u.input_tokens, u.cached_input_tokens, u.output_tokens, u.reasoning_tokens,
    u.total_tokens, u.cost_nano_usd, u.has_more
  from octroi_private.usage_page(
    octroi_private.my_account(), (select auth.uid()), my_usage.since, my_usage.until, my_usage.per, my_usage.after_day,
    my_usage.after_model, null, my_usage.max_rows
  ) as u
$$;
comment on function octroi.my_usage(date, date, text, date, text, integer) is
'The caller''s own usage by UTC day, month or in total, and by model, newest first; the last 30 days unless asked otherwise. has_more says that rows follow this one: page on with the last day and model as after_day and after_model. Raises 22023.';

create function octroi.account_usage(
  since date default null, until date default null, per text default 'day', after_day date default null,
  after_model text default null, after_user uuid default null, max_rows integer default 1000
)
returns table (
  day date, user_id uuid, model text, requests bigint, input_tokens bigint, cached_input_tokens bigint,
  output_tokens bigint, reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint, has_more boolean
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_account_id uuid := octroi_private.my_account();
begin
  if v_account_id not in (select octroi_private.my_administered_accounts()) then
    raise exception 'only an owner or admin of the account may see what others used' using errcode = 'OC021';
  end if;
  return query
  select u.* from octroi_private.usage_page(
    v_account_id, null, account_usage.since, account_usage.until, account_usage.per, account_usage.after_day,
    account_usage.after_model, account_usage.after_user, account_usage.max_rows
  ) as u;
end
$$;
comment on function octroi.account_usage(date, date, text, date, text, uuid, integer) is
'Usage of the caller''s account by member, otherwise as my_usage(); for owners and admins. Page on with the last day, model and user_id. Raises 22023, OC021.';

create function octroi.my_requests(
  max_rows integer default 50, before timestamptz default null, before_id uuid default null
)
returns table (
  id uuid, state text, endpoint text, model text, input_tokens bigint, cached_input_tokens bigint,
  cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint,
  source text, latency_ms integer, first_token_ms integer, occurred_at timestamptz, has_more boolean
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
  -- no id is less, so that without one everything of that instant is left out
  v_before_id uuid := coalesce(my_requests.before_id, '00000000-0000-0000-0000-000000000000');
  v_rows integer := octroi_private.page_rows(my_requests.max_rows, 1000);
begin
  if my_requests.before is null and my_requests.before_id is not null then
    raise exception 'before_id goes with before' using errcode = '22023';
  end if;
  return query
  select c.*, lead(c.id) over (order by c.occurred_at desc, c.id desc) is not null
  from (
    (
      select
        e.id, 'settled', e.endpoint, e.model, e.input_tokens, e.cached_input_tokens, e.cache_write_tokens,
        e.output_tokens, e.reasoning_tokens, e.total_tokens, e.cost_nano_usd, e.source, e.latency_ms, e.first_token_ms,
        e.occurred_at
      from octroi_private.usage_event as e
      where e.account_id = v_account_id and e.user_id = v_user_id
        and e.occurred_at <= v_before and (e.occurred_at, e.id) < (v_before, v_before_id)
      order by e.occurred_at desc, e.id desc
      limit v_rows + 1
    )
    union all
    (
      select
        r.id, 'open', r.endpoint, r.model, null, null, null, null, null, null, null, null, null, null, r.started_at
      from octroi_private.request as r
      where r.account_id = v_account_id and r.user_id = v_user_id and r.state = 'open'
        and r.expires_at > octroi_private.now() and (r.started_at, r.id) < (v_before, v_before_id)
      order by r.started_at desc, r.id desc
      limit v_rows + 1
    )
    order by 15 desc, 1 desc
    limit v_rows + 1
  ) as c
  order by c.occurred_at desc, c.id desc
  limit v_rows;
end
$$;
comment on function octroi.my_requests(integer, timestamptz, uuid) is
'The caller''s own recent calls, newest first, running ones included. has_more says that calls follow this one: page on with the last occurred_at and id as before and before_id. Raises 22023.';

reset role;
