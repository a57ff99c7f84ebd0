-- Settle, for a lone call whose hold is open. No row means anything else, and nothing written: settle_many.sql then
-- says what. The rule of both is octroi_private.charge_call. Narrow rows for the reason that reserve.sql gives.
--
-- The arguments are those of settle_many.sql, with one call in each array; $17 and $18 are not used.
with closed as (
  update octroi_private.request as r
  set state = 'settled', finished_at = octroi_private.now()
  where r.id = ($1::uuid [])[1] and r.state = 'open' and ($11::text [])[1] is not null
  returning
    r.account_id, r.api_key_id, r.user_id, r.endpoint, r.model, r.price_id, r.balance_ids, r.hold_amounts,
    r.hold_requests, r.hold_tokens, r.hold_cost_nano_usd, r.started_at, r.finished_at, r.is_late,
    case when ($11::text [])[1] = 'hold' then r.input_tokens else ($2::bigint [])[1] end as input_tokens,
    case when ($11::text [])[1] = 'hold' then r.output_tokens * r.choices else ($6::bigint [])[1] end as output_tokens
),
priced as materialized (
  select
    c.account_id, c.api_key_id, c.user_id, c.endpoint, c.model, c.balance_ids, c.hold_amounts, c.hold_requests,
    c.started_at, c.finished_at, c.is_late, price.id as price_id,
    octroi_private.charge_call(
      price, c.hold_tokens, c.hold_cost_nano_usd, c.input_tokens, ($3::bigint [])[1], ($4::bigint [])[1],
      ($5::bigint [])[1], c.output_tokens, ($7::bigint [])[1], ($8::bigint [])[1], ($16::bigint [])[1]
    ) as charge
  from closed as c
  cross join lateral (
    select p.*
    from octroi_private.model_price as p
    where p.id = coalesce(
      case
        when ($9::text [])[1] <> c.model
          -- nearly every answer names its model by another name, which costs the same
          and not exists (
            select from octroi_private.model_alias as a where a.alias = ($9::text [])[1] and a.model = c.model
          ) then octroi_private.price_at(($9::text [])[1], c.started_at)
      end, c.price_id
    )
    -- looked up, not joined to all prices
    limit 1
  ) as price
),
balanced as (
  update octroi_private.balance as b
  set
    reserved = b.reserved - held.amount,
    used = b.used + case b.meter
      when 'tokens' then (p.charge).total_tokens - (p.charge).overrun_tokens
      when 'cost' then (p.charge).cost_nano_usd - (p.charge).overrun_cost_nano_usd
      else p.hold_requests
    end
  from priced as p
  -- one by one in the order of the ids, in which every verb locks; by any() they would come as they lie on disk
  cross join lateral unnest(p.balance_ids, p.hold_amounts) as held (balance_id, amount)
  where b.id = held.balance_id
  returning
    case when b.meter = 'tokens' then b.granted + b.overage - b.used - b.reserved end as remaining,
    b.scope = 'account' and b.period = 'month' and b.used > b.included or b.used >= b.alert_at as has_follow_up
),
recorded as (
  insert into octroi_private.usage_event (
    id, account_id, api_key_id, user_id, endpoint, model, response_model, service_tier, source, input_tokens,
    cached_input_tokens, cache_write_tokens, cache_write_12h_tokens, audio_input_tokens, output_tokens,
    reasoning_tokens, audio_output_tokens, total_tokens, cost_nano_usd, overrun_tokens, overrun_cost_nano_usd,
    overrun_requests, price_id, balance_ids, latency_ms, first_token_ms, upstream_request_id, raw_usage, occurred_at,
    recorded_at
  )
  select
    ($1::uuid [])[1], p.account_id, p.api_key_id, p.user_id, p.endpoint, p.model,
    nullif(($9::text [])[1], p.model), ($10::text [])[1], ($11::text [])[1], (p.charge).input_tokens,
    (p.charge).cached_input_tokens, (p.charge).cache_write_tokens, (p.charge).cache_write_12h_tokens,
    (p.charge).audio_input_tokens, (p.charge).output_tokens, (p.charge).reasoning_tokens,
    (p.charge).audio_output_tokens, (p.charge).total_tokens, (p.charge).cost_nano_usd, (p.charge).overrun_tokens,
    (p.charge).overrun_cost_nano_usd, 1 - p.hold_requests, p.price_id, p.balance_ids, ($13::integer [])[1],
    ($14::integer [])[1], nullif(left(($15::text [])[1], 200), ''), ($12::jsonb [])[1], p.started_at, p.finished_at
  from priced as p
),
rolled_up as (
  insert into octroi_private.usage_daily as d (
    account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    total_tokens, cost_nano_usd
  )
  select
    p.account_id, p.user_id, (p.started_at at time zone 'utc')::date, p.model, 1, (p.charge).input_tokens,
    (p.charge).cached_input_tokens, (p.charge).output_tokens, (p.charge).reasoning_tokens, (p.charge).total_tokens,
    (p.charge).cost_nano_usd
  from priced as p
  on conflict (account_id, day, user_id, model) do update
  set
    requests = d.requests + excluded.requests,
    input_tokens = d.input_tokens + excluded.input_tokens,
    cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
    output_tokens = d.output_tokens + excluded.output_tokens,
    reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
    total_tokens = d.total_tokens + excluded.total_tokens,
    cost_nano_usd = d.cost_nano_usd + excluded.cost_nano_usd
)
select
  ($1::uuid [])[1] as request_id,
  case when p.is_late then 'settled_late' else 'settled' end as outcome,
  (p.charge).total_tokens as total_tokens,
  (p.charge).cost_nano_usd as cost_nano_usd,
  (p.charge).overrun_tokens as overrun_tokens,
  bound.remaining,
  bound.has_follow_up
from priced as p
cross join (
  select min(b.remaining) as remaining, bool_or(b.has_follow_up) as has_follow_up from balanced as b
) as bound
