-- Settle: what these calls used, once and for all.
--
-- Closes the open ones: the hold goes back to the balances and what was used comes out of them; one usage event
-- each, rolled up by day. A call is charged its hold at most: what the provider counted beyond is an overrun, the
-- operator's loss. Without usage (source hold) the bounds of the hold stand in. A call that is closed already
-- answers with what was recorded: replayed for the same usage, conflict for another. An expired one answers
-- expired, and is taken late after settle_reopen.sql.
--
-- $1 request ids  $2 input tokens  $3 cached input  $4 cache write  $5 audio input  $6 output tokens  $7 reasoning
-- $8 audio output  $9 response models  $10 service tiers  $11 sources  $12 raw usage  $13 latency ms
-- $14 first token ms  $15 upstream request ids  $16 cache write, to be kept for twelve hours
-- $17, $18 first and last call to settle
-- noqa: disable=PRS,RF01,ST03
-- (rows from, and is not distinct from before a function, are beyond sqlfluff)
with clock as materialized (
  select octroi_private.now() as at
),
item as materialized (
  select i.*
  -- the series beside the arrays makes the planner expect many calls, and hash where it would compare each with each
  from rows from (
    unnest(($1::uuid [])[$17:$18]), unnest(($2::bigint [])[$17:$18]), unnest(($3::bigint [])[$17:$18]),
    unnest(($4::bigint [])[$17:$18]), unnest(($5::bigint [])[$17:$18]), unnest(($6::bigint [])[$17:$18]),
    unnest(($7::bigint [])[$17:$18]), unnest(($8::bigint [])[$17:$18]), unnest(($9::text [])[$17:$18]),
    unnest(($10::text [])[$17:$18]), unnest(($11::text [])[$17:$18]), unnest(($12::jsonb [])[$17:$18]),
    unnest(($13::integer [])[$17:$18]), unnest(($14::integer [])[$17:$18]), unnest(($15::text [])[$17:$18]),
    unnest(($16::bigint [])[$17:$18]), generate_series($17::integer, $18::integer)
  ) as i (
    request_id, input_tokens, cached_input_tokens, cache_write_tokens, audio_input_tokens, output_tokens,
    reasoning_tokens, audio_output_tokens, response_model, service_tier, source, raw_usage, latency_ms,
    first_token_ms, upstream_request_id, cache_write_12h_tokens, ord
  )
),
closed as (
  update octroi_private.request as r
  set state = 'settled', finished_at = clock.at
  from item as i
  cross join clock
  -- any($1) finds the rows by index even in a plan made while the table was empty, and finished_at says what state
  -- says without offering the index of all that is open
  where r.id = i.request_id and r.id = any($1::uuid []) and r.finished_at is null and i.source is not null
  returning
    r.id, r.account_id, r.api_key_id, r.user_id, r.endpoint, r.model, r.price_id, r.balance_ids, r.hold_amounts,
    r.hold_requests, r.hold_tokens, r.hold_cost_nano_usd, r.started_at, r.is_late, i.ord, i.response_model,
    i.service_tier, i.source, i.raw_usage, i.latency_ms, i.first_token_ms, i.upstream_request_id,
    case when i.source = 'hold' then r.input_tokens else i.input_tokens end as input_tokens,
    case when i.source = 'hold' then r.output_tokens * r.choices else i.output_tokens end as output_tokens,
    i.cached_input_tokens, i.cache_write_tokens, i.cache_write_12h_tokens, i.audio_input_tokens, i.reasoning_tokens,
    i.audio_output_tokens
),
-- Priced by the model that answered; by the one that was asked where the answer's name has no price of its own.
priced as materialized (
  select
    c.*, price.id as charged_price_id,
    octroi_private.charge_call(
      price, c.hold_tokens, c.hold_cost_nano_usd, c.input_tokens, c.cached_input_tokens, c.cache_write_tokens,
      c.audio_input_tokens, c.output_tokens, c.reasoning_tokens, c.audio_output_tokens, c.cache_write_12h_tokens
    ) as charge
  from closed as c
  cross join lateral (
    select p.*
    from octroi_private.model_price as p
    where p.id = coalesce(
      case
        when c.response_model <> c.model
          -- nearly every answer names its model by another name, which costs the same
          and not exists (
            select from octroi_private.model_alias as a where a.alias = c.response_model and a.model = c.model
          ) then octroi_private.price_at(c.response_model, c.started_at)
      end, c.price_id
    )
    -- here and below: looked up one by one, even in a plan made while the table was empty
    limit 1
  ) as price
),
balanced as (
  update octroi_private.balance as b
  set
    reserved = b.reserved - h.hold,
    used = b.used + case b.meter when 'tokens' then h.tokens when 'cost' then h.cost else h.requests end
  from (
    select
      held.balance_id, sum(held.amount)::bigint as hold,
      sum((p.charge).total_tokens - (p.charge).overrun_tokens)::bigint as tokens,
      sum((p.charge).cost_nano_usd - (p.charge).overrun_cost_nano_usd)::bigint as cost,
      sum(p.hold_requests)::bigint as requests
    from priced as p
    cross join lateral unnest(p.balance_ids, p.hold_amounts) as held (balance_id, amount)
    group by held.balance_id
  ) as h
  where b.id = h.balance_id and b.id = any(array(select unnest(p.balance_ids) from priced as p))
  returning
    b.id, b.meter, b.granted + b.overage - b.used - b.reserved as remaining,
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
    p.id, p.account_id, p.api_key_id, p.user_id, p.endpoint, p.model, nullif(p.response_model, p.model),
    p.service_tier, p.source, (p.charge).input_tokens, (p.charge).cached_input_tokens,
    (p.charge).cache_write_tokens, (p.charge).cache_write_12h_tokens, (p.charge).audio_input_tokens,
    (p.charge).output_tokens, (p.charge).reasoning_tokens, (p.charge).audio_output_tokens,
    (p.charge).total_tokens, (p.charge).cost_nano_usd, (p.charge).overrun_tokens, (p.charge).overrun_cost_nano_usd,
    1 - p.hold_requests, p.charged_price_id, p.balance_ids, p.latency_ms, p.first_token_ms,
    nullif(left(p.upstream_request_id, 200), ''), p.raw_usage,
    p.started_at, clock.at
  from priced as p
  cross join clock
),
rolled_up as (
  insert into octroi_private.usage_daily as d (
    account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    total_tokens, cost_nano_usd
  )
  select
    p.account_id, p.user_id, (p.started_at at time zone 'utc')::date, p.model, count(*),
    sum((p.charge).input_tokens), sum((p.charge).cached_input_tokens), sum((p.charge).output_tokens),
    sum((p.charge).reasoning_tokens), sum((p.charge).total_tokens), sum((p.charge).cost_nano_usd)
  from priced as p
  group by p.account_id, p.user_id, (p.started_at at time zone 'utc')::date, p.model
  order by 1, 3, 2, 4
  on conflict (account_id, day, user_id, model) do update
  set
    requests = d.requests + excluded.requests,
    input_tokens = d.input_tokens + excluded.input_tokens,
    cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
    output_tokens = d.output_tokens + excluded.output_tokens,
    reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
    total_tokens = d.total_tokens + excluded.total_tokens,
    cost_nano_usd = d.cost_nano_usd + excluded.cost_nano_usd
),
bound as (
  select
    p.ord, min(b.remaining) filter (where b.meter = 'tokens') as remaining, bool_or(b.has_follow_up) as has_follow_up
  from priced as p
  cross join lateral unnest(p.balance_ids) as held (balance_id)
  join balanced as b on b.id = held.balance_id
  group by p.ord
)
select
  i.request_id,
  case
    when p.ord = i.ord then case when p.is_late then 'settled_late' else 'settled' end
    when p.id is null and known.id is null then 'unknown'
    when known.state = 'expired' then 'expired'
    when i.source = 'hold' and coalesce(p.source, e.source) = 'hold' or (
      said.input_tokens, said.output_tokens, said.cached_input_tokens, said.cache_write_tokens,
      said.cache_write_12h_tokens, said.audio_input_tokens, said.reasoning_tokens, said.audio_output_tokens
    ) = (
      coalesce((p.charge).input_tokens, e.input_tokens), coalesce((p.charge).output_tokens, e.output_tokens),
      coalesce((p.charge).cached_input_tokens, e.cached_input_tokens),
      coalesce((p.charge).cache_write_tokens, e.cache_write_tokens),
      coalesce((p.charge).cache_write_12h_tokens, e.cache_write_12h_tokens),
      coalesce((p.charge).audio_input_tokens, e.audio_input_tokens),
      coalesce((p.charge).reasoning_tokens, e.reasoning_tokens),
      coalesce((p.charge).audio_output_tokens, e.audio_output_tokens)
    ) and i.response_model is not distinct from coalesce(p.response_model, e.response_model, case
      when i.response_model = coalesce(p.model, e.model) then i.response_model
    end) then 'replayed'
    else 'conflict'
  end as outcome,
  coalesce((p.charge).total_tokens, e.total_tokens)::bigint as total_tokens,
  coalesce((p.charge).cost_nano_usd, e.cost_nano_usd)::bigint as cost_nano_usd,
  coalesce((p.charge).overrun_tokens, e.overrun_tokens)::bigint as overrun_tokens,
  bound.remaining,
  bound.has_follow_up
from item as i
left join priced as p on p.id = i.request_id
left join lateral (
  select r.id, r.account_id, r.state, r.started_at from octroi_private.request as r
  where p.id is null and r.id = i.request_id
  limit 1
) as known on true
left join lateral (
  select u.* from octroi_private.usage_event as u
  where u.id = known.id and u.account_id = known.account_id and u.occurred_at = known.started_at
  limit 1
) as e on true
-- what this settle says was used, read as the first one was
left join lateral (
  select (octroi_private.charge_call(
    price, 0, 0, i.input_tokens, i.cached_input_tokens, i.cache_write_tokens, i.audio_input_tokens, i.output_tokens,
    i.reasoning_tokens, i.audio_output_tokens, i.cache_write_12h_tokens
  )).*
  from octroi_private.model_price as price
  where p.ord is distinct from i.ord and price.id = coalesce(p.charged_price_id, e.price_id)
  limit 1
) as said on true
left join bound on bound.ord = p.ord
order by i.ord
