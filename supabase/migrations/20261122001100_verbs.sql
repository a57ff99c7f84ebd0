-- The verbs. This file is the seam between the rules above and whatever runs them: reserve, settle and release are
-- one statement each (pg_extension/sql), which the extension keeps prepared. Nothing else may write the ledger.
set role octroi_owner;

-- The statements are long and run thousands of times a second: force_generic_plan spares planning them anew,
-- enable_seqscan keeps a plan made while a table is empty usable when it is full, and jit would compile for longer
-- than they run.

create function octroi_private.reserve_many(
  p_request_ids uuid [], p_account_ids uuid [], p_api_key_ids uuid [], p_user_ids uuid [], p_models text [],
  p_endpoints text [], p_input_tokens bigint [], p_output_tokens bigint [], p_choices integer [],
  p_idempotency_keys text [], p_body_hashes bytea [], p_lease_seconds integer,
  p_waits boolean default false, p_reasoning boolean [] default null
)
returns table (
  request_id uuid, verdict text, reason text, output_tokens bigint, hold_tokens bigint, hold_cost_nano_usd bigint,
  expires_at timestamptz, scope text, meter text, period text, granted bigint, used bigint, reserved bigint,
  remaining bigint, period_start timestamptz, resets_at timestamptz, retry_after_seconds bigint, plan text,
  output_bound text, needed bigint, wait_seconds integer, ticket bigint, on_disconnect text,
  set_by text
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return query select * from octroi_native.reserve_many(
    p_request_ids, p_account_ids, p_api_key_ids, p_user_ids, p_models, p_endpoints, p_input_tokens, p_output_tokens,
    p_choices, p_idempotency_keys, p_body_hashes, p_lease_seconds, p_waits,
    coalesce(p_reasoning, array_fill(null::boolean, array[coalesce(cardinality(p_request_ids), 0)]))
  );
end
$$;
comment on function octroi_private.reserve_many(
  uuid [], uuid [], uuid [], uuid [], text [], text [], bigint [], bigint [], integer [], text [], bytea [], integer,
  boolean, boolean []
) is 'Decides calls in order of arrival and holds what is granted, in one commit. A verdict each: granted, held (others hold what it needs: ask again, with p_waits in its place in the queue), refused (reason), replayed (state).';

create function octroi_private.settle_many(
  p_request_ids uuid [], p_input_tokens bigint [], p_cached_input_tokens bigint [], p_cache_write_tokens bigint [],
  p_audio_input_tokens bigint [], p_output_tokens bigint [], p_reasoning_tokens bigint [],
  p_audio_output_tokens bigint [], p_response_models text [], p_service_tiers text [], p_sources text [],
  p_raw_usages jsonb [], p_latency_ms integer [], p_first_token_ms integer [], p_upstream_request_ids text [],
  p_response_statuses smallint [], p_response_content_types text [], p_response_bodies bytea [],
  p_cache_write_12h_tokens bigint []
)
returns table (
  request_id uuid, outcome text, total_tokens bigint, cost_nano_usd bigint, overrun_tokens bigint, remaining bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return query select * from octroi_native.settle_many(
    p_request_ids, p_input_tokens, p_cached_input_tokens, p_cache_write_tokens, p_audio_input_tokens, p_output_tokens,
    p_reasoning_tokens, p_audio_output_tokens, p_response_models, p_service_tiers, p_sources, p_raw_usages,
    p_latency_ms, p_first_token_ms, p_upstream_request_ids, p_response_statuses, p_response_content_types,
    p_response_bodies, p_cache_write_12h_tokens
  );
end
$$;
comment on function octroi_private.settle_many(
  uuid [], bigint [], bigint [], bigint [], bigint [], bigint [], bigint [], bigint [], text [], text [], text [],
  jsonb [], integer [], integer [], text [], smallint [], text [], bytea [], bigint []
) is 'Records what calls used, in one commit. An outcome each: settled, settled_late, replayed, conflict (other usage), unknown.';

create function octroi_private.release_many(p_request_ids uuid [], p_reasons text [])
returns table (request_id uuid, outcome text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return query select * from octroi_native.release_many(p_request_ids, p_reasons);
end
$$;
comment on function octroi_private.release_many(uuid [], text []) is
'Gives the holds of calls that did not happen back. An outcome each: released, replayed, conflict, unknown.';

-- The one-row case of reserve_many, for SQL callers.
create function octroi_private.reserve(
  p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint,
  p_output_tokens bigint, p_choices integer default 1, p_idempotency_key text default null,
  p_body_hash bytea default '\x', p_endpoint text default 'sql', p_lease_seconds integer default 660,
  p_reasoning boolean default null
)
returns table (
  request_id uuid, verdict text, reason text, output_tokens bigint, hold_tokens bigint, hold_cost_nano_usd bigint,
  expires_at timestamptz, scope text, meter text, period text, granted bigint, used bigint, reserved bigint,
  remaining bigint, period_start timestamptz, resets_at timestamptz, retry_after_seconds bigint, plan text,
  output_bound text, needed bigint, wait_seconds integer, ticket bigint, on_disconnect text,
  set_by text
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return query select * from octroi_native.reserve_many(
    array[p_request_id], array[p_account_id], array[p_api_key_id], array[p_user_id], array[p_model],
    array[p_endpoint], array[p_input_tokens], array[p_output_tokens], array[p_choices], array[p_idempotency_key],
    array[p_body_hash], p_lease_seconds, false, array[p_reasoning]
  );
end
$$;
comment on function octroi_private.reserve(
  uuid, uuid, uuid, uuid, text, bigint, bigint, integer, text, bytea, text, integer, boolean
) is 'reserve_many for one call. It does not queue: after a verdict held, ask again.';

-- The one-row case of settle_many. Here a conflict is misuse, and raises.
create function octroi_private.settle(
  p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint default 0,
  p_cache_write_tokens bigint default 0, p_audio_input_tokens bigint default 0, p_reasoning_tokens bigint default 0,
  p_audio_output_tokens bigint default 0, p_response_model text default null, p_source text default 'provider',
  p_cache_write_12h_tokens bigint default 0
)
returns table (
  request_id uuid, outcome text, total_tokens bigint, cost_nano_usd bigint, overrun_tokens bigint, remaining bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return query select * from octroi_native.settle_many(
    array[p_request_id], array[p_input_tokens], array[p_cached_input_tokens], array[p_cache_write_tokens],
    array[p_audio_input_tokens], array[p_output_tokens], array[p_reasoning_tokens], array[p_audio_output_tokens],
    array[p_response_model], array[null::text], array[p_source], array[null::jsonb], array[null::integer],
    array[null::integer], array[null::text], array[null::smallint], array[null::text], array[null::bytea],
    array[p_cache_write_12h_tokens]
  ) as s
  where case s.outcome
    when 'conflict' then octroi_private.refuse_outcome(p_request_id, 'was resolved already, with another outcome')
    when 'unknown' then octroi_private.refuse_outcome(p_request_id, 'was never reserved')
    else true
  end;
end
$$;
comment on function octroi_private.settle(
  uuid, bigint, bigint, bigint, bigint, bigint, bigint, bigint, text, text, bigint
) is 'settle_many for one call. Raises OC010 when it was settled with other usage or released, or was never reserved.';

create function octroi_private.refuse_outcome(p_request_id uuid, p_why text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'request % %', p_request_id, p_why using errcode = 'OC010';
end
$$;

create function octroi_private.release(p_request_id uuid, p_reason text)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return (select r.outcome from octroi_native.release_many(array[p_request_id], array[p_reason]) as r);
end
$$;
comment on function octroi_private.release(uuid, text) is 'release_many for one call; returns its outcome.';

-- Holds for a call after the fact: as much of its bounds as its balances have room for. The rest is overrun.
-- The caller has the balances locked, or locks them here.
create function octroi_private.hold_what_fits(p_request_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_request octroi_private.request;
  v_tokens bigint;
  v_cost bigint;
  v_requests bigint;
begin
  select r.* into strict v_request from octroi_private.request as r where r.id = p_request_id for update;
  if v_request.state not in ('expired', 'open') then
    return;
  end if;
  perform from octroi_private.balance as b where b.id = any(v_request.balance_ids) order by b.id for no key update;
  select
    greatest(least(v_request.hold_tokens, min(b.room) filter (where b.meter = 'tokens')), 0),
    greatest(least(v_request.hold_cost_nano_usd, min(b.room) filter (where b.meter = 'cost')), 0),
    greatest(least(1, min(b.room) filter (where b.meter = 'requests')), 0)
  into v_tokens, v_cost, v_requests
  from (
    select c.meter, c.granted + c.overage - c.used - c.reserved as room
    from octroi_private.balance as c
    where c.id = any(v_request.balance_ids)
  ) as b;
  update octroi_private.balance as b
  set reserved = b.reserved + case b.meter when 'tokens' then v_tokens when 'cost' then v_cost else v_requests end
  where b.id = any(v_request.balance_ids);
  update octroi_private.request as r
  set state = 'open', finished_at = null, is_late = (v_request.state = 'expired'),
    hold_tokens = v_tokens, hold_cost_nano_usd = v_cost, hold_requests = v_requests,
    hold_amounts = array(
      select case b.meter when 'tokens' then v_tokens when 'cost' then v_cost else v_requests end
      from unnest(r.balance_ids) with ordinality as held (id, ord)
      join octroi_private.balance as b on b.id = held.id
      order by held.ord
    )
  where r.id = p_request_id;
end
$$;

-- Usage of a call that Octroi did not see, in the caller's own transaction. It is a fact and never refused: what the
-- limits have no room for is recorded as overrun, and the outcome says so.
create function octroi_private.record_usage(
  p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint,
  p_cached_input_tokens bigint default 0, p_api_key_id uuid default null, p_request_id uuid default null,
  p_endpoint text default 'sql'
)
returns table (
  request_id uuid, outcome text, total_tokens bigint, cost_nano_usd bigint, overrun_tokens bigint, remaining bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_request_id uuid := coalesce(p_request_id, octroi_private.uuid_v7());
  v_now timestamptz := octroi_private.now();
  v_reason text;
begin
  if not exists (select from octroi_private.request as r where r.id = v_request_id) then
    if not octroi_private.open_entitlement(p_account_id, p_api_key_id, p_user_id, p_model) then
      v_reason := octroi_private.why_refused(p_account_id, p_api_key_id, p_user_id, p_model);
      raise exception 'usage of % cannot be recorded for account %: %', p_model, p_account_id, v_reason
        using errcode = 'OC011', hint = 'docs/errors.md says what each reason means';
    end if;
    insert into octroi_private.request (
      id, account_id, api_key_id, user_id, model, endpoint, body_hash, price_id, balance_ids, hold_amounts,
      input_tokens, output_tokens, choices, hold_tokens, hold_cost_nano_usd, started_at, expires_at
    )
    select
      v_request_id, p_account_id, p_api_key_id, p_user_id, p_model, p_endpoint, '\x', e.price_id, e.balance_ids,
      array_fill(0::bigint, array[cardinality(e.balance_ids)]), p_input_tokens, p_output_tokens, 1,
      p_input_tokens + p_output_tokens,
      (p_input_tokens * u.top_input + p_output_tokens * u.top_output + 999) / 1000,
      v_now, v_now + interval '1 minute'
    from octroi_private.entitlement as e
    join octroi_private.model_price as p on p.id = e.price_id
    cross join lateral octroi_private.unit_prices_of(p, p_input_tokens) as u
    where e.account_id = p_account_id and e.user_id = p_user_id and e.model = p_model
      and e.api_key_id = coalesce(p_api_key_id, '00000000-0000-0000-0000-000000000000');
    perform octroi_private.hold_what_fits(v_request_id);
  end if;
  return query select s.* from octroi_private.settle(
    v_request_id, p_input_tokens, p_output_tokens, p_cached_input_tokens, p_source => 'recorded'
  ) as s;
end
$$;
comment on function octroi_private.record_usage(uuid, uuid, text, bigint, bigint, bigint, uuid, uuid, text) is
'Records usage as a fact inside the caller''s transaction; with p_request_id, once. Raises OC011 when the caller or model is unknown, OC010 for other usage under the same id.';

-- Returns the holds of calls whose time is over. The customer is not charged; the operator sees them in audit of
-- the provider. A settle that still comes is taken.
create function octroi_private.expire_due(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid [];
  v_expired bigint;
begin
  select array_agg(due.id) into v_ids
  from (
    select r.id from octroi_private.request as r
    where r.state = 'open' and r.expires_at <= octroi_private.now()
    order by r.expires_at
    limit p_max_rows
    for update skip locked
  ) as due;
  if v_ids is null then
    return 0;
  end if;
  perform from octroi_private.balance as b
  where b.id in (select unnest(r.balance_ids) from octroi_private.request as r where r.id = any(v_ids))
  order by b.account_id, b.id
  for no key update;
  with closed as (
    update octroi_private.request as r
    set state = 'expired', finished_at = octroi_private.now()
    where r.id = any(v_ids) and r.state = 'open'
    returning r.balance_ids, r.hold_amounts
  ),
  returned as (
    update octroi_private.balance as b
    set reserved = b.reserved - h.amount
    from (
      select held.balance_id, sum(held.amount)::bigint as amount
      from closed as c
      cross join lateral unnest(c.balance_ids, c.hold_amounts) as held (balance_id, amount)
      group by held.balance_id
    ) as h
    where b.id = h.balance_id
  )
  select count(*) into v_expired from closed;
  return v_expired;
end
$$;
comment on function octroi_private.expire_due(integer) is
'Expires open requests past their time and returns their holds; how many.';

reset role;
