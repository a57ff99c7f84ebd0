-- Settle, for a lone call whose hold is open. No row means anything else, and nothing written: settle_many.sql then
-- says what. The rule of both is octroi_private.charge_call.
--
-- The arguments are those of settle_many.sql, with one call in each array; $16 and $17 are not used.
with closed as (
  update octroi_private.request as r
  set state = 'settled', finished_at = octroi_private.now()
  from (
    select
      ($1::uuid [])[1] as request_id, ($2::bigint [])[1] as input_tokens, ($3::bigint [])[1] as cached_input_tokens,
      ($4::bigint [])[1] as cache_write_tokens, ($5::bigint [])[1] as audio_input_tokens,
      ($6::bigint [])[1] as output_tokens, ($7::bigint [])[1] as reasoning_tokens,
      ($8::bigint [])[1] as audio_output_tokens, ($9::text [])[1] as response_model,
      ($10::text [])[1] as service_tier, ($11::text [])[1] as source, ($12::jsonb [])[1] as raw_usage,
      ($13::integer [])[1] as latency_ms, ($14::integer [])[1] as first_token_ms,
      ($15::text [])[1] as upstream_request_id
  ) as i
  where r.id = i.request_id and r.state = 'open' and i.source is not null
  returning
    r.id, r.account_id, r.api_key_id, r.user_id, r.endpoint, r.model, r.price_id, r.balance_ids, r.hold_amounts,
    r.hold_requests, r.hold_tokens, r.hold_cost_nano_usd, r.started_at, r.finished_at, r.is_late,
    case when i.source = 'hold' then r.input_tokens else i.input_tokens end as input_tokens,
    case when i.source = 'hold' then r.output_tokens * r.choices else i.output_tokens end as output_tokens,
    i.cached_input_tokens, i.cache_write_tokens, i.audio_input_tokens, i.reasoning_tokens, i.audio_output_tokens,
    i.response_model, i.service_tier, i.source, i.raw_usage, i.latency_ms, i.first_token_ms, i.upstream_request_id
),
priced as materialized (
  select
    c.*, price.id as charged_price_id,
    octroi_private.charge_call(
      price, c.hold_tokens, c.hold_cost_nano_usd, c.input_tokens, c.cached_input_tokens, c.cache_write_tokens,
      c.audio_input_tokens, c.output_tokens, c.reasoning_tokens, c.audio_output_tokens
    ) as charge
  from closed as c
  join octroi_private.model_price as price on price.id = coalesce((
    select answering.id from octroi_private.model_price as answering
    where c.response_model <> c.model and answering.model = c.response_model
      and answering.valid operator(pg_catalog.@>) c.started_at
  ), c.price_id)
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
  cross join lateral unnest(p.balance_ids, p.hold_amounts) as held (balance_id, amount)
  where b.id = held.balance_id
  returning
    case when b.meter = 'tokens' then b.granted + b.overage - b.used - b.reserved end as remaining,
    b.scope = 'account' and b.period = 'month' and b.used > b.included as is_beyond_plan
),
recorded as (
  insert into octroi_private.usage_event (
    id, account_id, api_key_id, user_id, endpoint, model, response_model, service_tier, source, input_tokens,
    cached_input_tokens, cache_write_tokens, audio_input_tokens, output_tokens, reasoning_tokens,
    audio_output_tokens, total_tokens, cost_nano_usd, overrun_tokens, overrun_cost_nano_usd, overrun_requests,
    price_id, balance_ids, latency_ms, first_token_ms, upstream_request_id, raw_usage, occurred_at, recorded_at
  )
  select
    p.id, p.account_id, p.api_key_id, p.user_id, p.endpoint, p.model, nullif(p.response_model, p.model),
    p.service_tier, p.source, (p.charge).input_tokens, (p.charge).cached_input_tokens,
    (p.charge).cache_write_tokens, (p.charge).audio_input_tokens, (p.charge).output_tokens,
    (p.charge).reasoning_tokens, (p.charge).audio_output_tokens, (p.charge).total_tokens, (p.charge).cost_nano_usd,
    (p.charge).overrun_tokens, (p.charge).overrun_cost_nano_usd, 1 - p.hold_requests, p.charged_price_id,
    p.balance_ids, p.latency_ms, p.first_token_ms, nullif(left(p.upstream_request_id, 200), ''), p.raw_usage,
    p.started_at, p.finished_at
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
  p.id as request_id,
  case when p.is_late then 'settled_late' else 'settled' end as outcome,
  (p.charge).total_tokens as total_tokens,
  (p.charge).cost_nano_usd as cost_nano_usd,
  (p.charge).overrun_tokens as overrun_tokens,
  (select min(b.remaining) from balanced as b) as remaining,
  (select bool_or(b.is_beyond_plan) from balanced as b) as is_beyond_plan
from priced as p
