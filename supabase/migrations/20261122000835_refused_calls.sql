-- Calls that were refused, by account, day and code, with the last one in full: what a customer who asks "why am I
-- refused" is answered from. Gateways count and tell every few seconds, apart from what meters calls; no row is written
-- per call, and no text of a request is kept.
set role octroi_owner;

create table octroi_private.refused_call (
  account_id uuid not null,
  -- UTC
  day date not null,
  -- as docs/errors.md names it, or as refused_access does
  code text not null check (code ~ '^[a-z][a-z0-9_]{0,59}$'),
  -- what the client was answered with
  status smallint not null check (status between 400 and 599),
  refusals octroi_private.quantity not null,
  last_refused_at timestamptz not null,
  -- of the last one: the key, the model as it was asked for, and the limit as it stood
  api_key_id uuid,
  endpoint text check (endpoint in ('chat.completions', 'responses', 'embeddings')),
  model text check (model ~ '^[A-Za-z0-9._:/-]{1,100}$'),
  scope octroi_private.scope_name,
  meter octroi_private.meter_name,
  period octroi_private.period_name,
  granted octroi_private.quantity,
  used octroi_private.quantity,
  held octroi_private.quantity,
  primary key (account_id, day, code),
  constraint refused_call_limit_whole_or_none check (num_nulls(scope, meter, period, granted, used, held) in (0, 6))
) with (fillfactor = 70);
comment on table octroi_private.refused_call is
'How often an account''s calls were refused, by UTC day and code, and the last of them. Kept for 30 days.';
create index refused_call_day on octroi_private.refused_call (day);

create function octroi_private.count_refused_calls(p_calls jsonb)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if jsonb_array_length(p_calls) > 10000 then
    raise exception 'over 10000 counters at once' using errcode = '54000';
  end if;
  -- In one order, so that workers never wait for each other in a circle. An account that is being erased is waited for,
  -- and nothing is written of one that is closed.
  perform from octroi_private.account as a
  where a.id in (select (c.value ->> 'account_id')::uuid from jsonb_array_elements(p_calls) as c)
  order by a.id
  for share;
  insert into octroi_private.refused_call as r (
    account_id, day, code, status, refusals, last_refused_at, api_key_id, endpoint, model, scope, meter, period,
    granted, used, held
  )
  select distinct on (c.account_id, c.code)
    c.account_id, (v_now at time zone 'utc')::date, c.code, c.status,
    sum(c.refusals) over (partition by c.account_id, c.code), v_now, c.api_key_id, c.endpoint,
    -- a name that no model has is somebody's text
    case when c.model ~ '^[A-Za-z0-9._:/-]{1,100}$' then c.model end,
    c.scope, c.meter, c.period, c.granted, c.used, c.held
  from jsonb_to_recordset(p_calls) as c (
    account_id uuid, code text, status smallint, refusals bigint, api_key_id uuid, endpoint text, model text,
    scope text,
    meter text, period text, granted bigint, used bigint, held bigint
  )
  join octroi_private.account as a on a.id = c.account_id and a.status <> 'closed'
  order by c.account_id, c.code, c.refusals desc
  on conflict (account_id, day, code) do update
  set refusals = least(r.refusals + excluded.refusals, 1000000000000000), status = excluded.status,
    last_refused_at = excluded.last_refused_at, api_key_id = excluded.api_key_id, endpoint = excluded.endpoint,
    model = excluded.model, scope = excluded.scope, meter = excluded.meter, period = excluded.period,
    granted = excluded.granted, used = excluded.used, held = excluded.held;
end
$$;
comment on function octroi_private.count_refused_calls(jsonb) is
'Adds calls that a worker has refused since it last told, one object for each account and code, the last call in it. Raises 54000 over 10,000 objects, 23514 for what is no code.';

reset role;
