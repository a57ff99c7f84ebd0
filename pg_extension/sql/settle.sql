-- Settle: what these calls used, once and for all.
--
-- Closes the open ones: the hold goes back to the balances and what was used comes out of them; one usage event
-- each, rolled up by day; draws from grants where the plan's own amount is spent; the answer kept where one was
-- asked for. A call is charged its hold at most: what the provider counted beyond is an overrun, the operator's
-- loss. Without usage (source hold) the bounds of the hold stand in. A settled call answers with what was
-- recorded: replayed for the same usage, conflict for another.
--
-- $1 request ids  $2 input tokens  $3 cached input  $4 cache write  $5 audio input  $6 output tokens  $7 reasoning
-- $8 audio output  $9 response models  $10 service tiers  $11 sources  $12 raw usage  $13 latency ms
-- $14 first token ms  $15 upstream request ids  $16 response statuses  $17 content types  $18 response bodies
with clock as materialized (
  select octroi_private.now() as at
),
item as materialized (
  select
    i.*,
    row_number() over (partition by i.request_id order by i.ord) = 1 as is_first
  from unnest(
    $1::uuid [], $2::bigint [], $3::bigint [], $4::bigint [], $5::bigint [], $6::bigint [], $7::bigint [],
    $8::bigint [], $9::text [], $10::text [], $11::text [], $12::jsonb [], $13::integer [], $14::integer [],
    $15::text [], $16::smallint [], $17::text [], $18::bytea []
  ) with ordinality as i (
    request_id, input_tokens, cached_input_tokens, cache_write_tokens, audio_input_tokens, output_tokens,
    reasoning_tokens, audio_output_tokens, response_model, service_tier, source, raw_usage, latency_ms,
    first_token_ms, upstream_request_id, response_status, response_content_type, response_body, ord
  )
),
closed as (
  update octroi_private.request as r
  set state = 'settled', finished_at = clock.at
  from item as i
  cross join clock
  where r.id = i.request_id and i.is_first and r.state = 'open' and i.source is not null
  returning r.*, i.ord
),
-- Parts never exceed their whole: cached first, then written to the cache, then audio; the rest is text.
pooled as materialized (
  select
    c.*, i.response_model, i.service_tier, i.source, i.raw_usage, i.latency_ms, i.first_token_ms,
    i.upstream_request_id, i.response_status, i.response_content_type, i.response_body,
    whole.input as used_input, whole.output as used_output, cached.n as cached, written.n as written,
    audio.n as audio_in, least(greatest(i.reasoning_tokens, 0), whole.output) as reasoning,
    least(greatest(i.audio_output_tokens, 0), whole.output) as audio_out
  from closed as c
  join item as i on i.ord = c.ord
  cross join lateral (
    select
      case when i.source = 'hold' then c.input_tokens else greatest(coalesce(i.input_tokens, 0), 0) end as input,
      case when i.source = 'hold' then c.output_tokens * c.choices else greatest(coalesce(i.output_tokens, 0), 0) end
        as output
  ) as whole
  cross join lateral (select least(greatest(coalesce(i.cached_input_tokens, 0), 0), whole.input) as n) as cached
  cross join lateral (
    select least(greatest(coalesce(i.cache_write_tokens, 0), 0), whole.input - cached.n) as n
  ) as written
  cross join lateral (
    select least(greatest(coalesce(i.audio_input_tokens, 0), 0), whole.input - cached.n - written.n) as n
  ) as audio
),
-- Priced by the model that answered; by the one that was asked where the answer's name has no price of its own.
priced as materialized (
  select
    p.*, price.id as charged_price_id,
    p.used_input + p.used_output as total_tokens,
    cost.nano_usd as cost,
    least(p.used_input + p.used_output, p.hold_tokens) as charged_tokens,
    least(cost.nano_usd, p.hold_cost_nano_usd) as charged_cost
  from pooled as p
  left join octroi_private.model_price as answering
    on p.response_model <> p.model and answering.model = p.response_model
    and answering.valid operator(pg_catalog.@>) p.started_at
  join octroi_private.model_price as price on price.id = coalesce(answering.id, p.price_id)
  cross join lateral (
    select octroi_private.cost_nano_usd(
      price, p.used_input - p.cached - p.written - p.audio_in, p.cached, p.written, p.audio_in,
      p.used_output - p.audio_out, p.audio_out
    ) as nano_usd
  ) as cost
),
balanced as (
  update octroi_private.balance as b
  set
    reserved = b.reserved - h.hold,
    used = b.used + case b.meter when 'tokens' then h.tokens when 'cost' then h.cost else h.requests end
  from (
    select
      held.balance_id, sum(held.amount)::bigint as hold, sum(p.charged_tokens)::bigint as tokens,
      sum(p.charged_cost)::bigint as cost, sum(p.hold_requests)::bigint as requests
    from priced as p
    cross join lateral unnest(p.balance_ids, p.hold_amounts) as held (balance_id, amount)
    group by held.balance_id
  ) as h
  where b.id = h.balance_id
  returning
    b.id, b.account_id, b.scope, b.meter, b.period, b.included, b.granted, b.used,
    b.granted + b.overage - b.used - b.reserved as remaining
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
    p.service_tier, p.source, p.used_input, p.cached, p.written, p.audio_in, p.used_output, p.reasoning, p.audio_out,
    p.total_tokens, p.cost, p.total_tokens - p.charged_tokens, p.cost - p.charged_cost, 1 - p.hold_requests,
    p.charged_price_id, p.balance_ids, p.latency_ms, p.first_token_ms, left(p.upstream_request_id, 200), p.raw_usage,
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
    p.account_id, p.user_id, (p.started_at at time zone 'utc')::date, p.model, count(*), sum(p.used_input),
    sum(p.cached), sum(p.used_output), sum(p.reasoning), sum(p.total_tokens), sum(p.cost)
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
-- Beyond the plan's own amount: each call's share of it, in order of arrival.
beyond as materialized (
  select
    p.id, p.account_id, b.meter, b.id as balance_id,
    least(spent.amount, b.used - coalesce(sum(spent.amount) over later, 0) - b.included) as amount, p.ord
  from priced as p
  join balanced as b
    on b.id = any(p.balance_ids) and b.scope = 'account' and b.period = 'month'
    and b.granted > b.included and b.used > b.included
  cross join lateral (
    select case b.meter when 'tokens' then p.charged_tokens when 'cost' then p.charged_cost else p.hold_requests end
      as amount
  ) as spent
  window later as (
    partition by b.id order by p.ord desc rows between unbounded preceding and 1 preceding
  )
),
kept as (
  insert into octroi_private.stored_response (request_id, account_id, user_id, status, content_type, body, expires_at)
  select
    p.id, p.account_id, p.user_id, coalesce(p.response_status, 200), coalesce(p.response_content_type, ''),
    p.response_body, clock.at + interval '10 minutes'
  from priced as p
  cross join clock
  where p.response_body is not null
  on conflict do nothing
),
completed as (
  update octroi_private.completion as q
  set request = null, finished_at = clock.at
  from clock
  where q.id = any(array(select p.id from priced as p where p.response_body is not null)) and q.finished_at is null
)
select
  i.request_id,
  case
    when p.id is not null and i.is_first then case when p.is_late then 'settled_late' else 'settled' end
    when coalesce(p.id, known.id) is null then 'unknown'
    when coalesce(p.total_tokens, e.total_tokens) is null then 'conflict'
    when i.source = 'hold' and coalesce(p.source, e.source) = 'hold' then 'replayed'
    when (i.input_tokens, i.output_tokens) is not distinct from (
      coalesce(p.used_input, e.input_tokens), coalesce(p.used_output, e.output_tokens)
    ) then 'replayed'
    else 'conflict'
  end as outcome,
  coalesce(p.total_tokens, e.total_tokens)::bigint as total_tokens,
  coalesce(p.cost, e.cost_nano_usd)::bigint as cost_nano_usd,
  coalesce(p.total_tokens - p.charged_tokens, e.overrun_tokens)::bigint as overrun_tokens,
  (
    select min(b.remaining) from balanced as b where b.id = any(p.balance_ids) and b.meter = 'tokens'
  ) as remaining,
  -- run for its effect; null where nothing was drawn
  (
    select count(octroi_private.draw_grants(y.account_id, y.meter::text, y.balance_id, y.id, y.amount::bigint))
    from beyond as y
    where y.id = p.id and i.is_first and y.amount > 0
  ) as draws
from item as i
left join priced as p on p.id = i.request_id
left join octroi_private.request as known on known.id = i.request_id and p.id is null
left join octroi_private.usage_event as e on e.id = known.id and e.occurred_at = known.started_at
order by i.ord
