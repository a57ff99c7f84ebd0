-- The rollup of the events from $1 to $2.
insert into octroi_private.usage_daily (
  account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
  total_tokens, cost_nano_usd
)
select
  account_id, user_id, (occurred_at at time zone 'utc')::date, model, count(*), sum(input_tokens), 0,
  sum(output_tokens), 0, sum(total_tokens), sum(cost_nano_usd)
from octroi_private.usage_event
where occurred_at >= $1::timestamptz and occurred_at < $2::timestamptz
group by account_id, user_id, (occurred_at at time zone 'utc')::date, model
on conflict (account_id, day, user_id, model) do update
set requests = usage_daily.requests + excluded.requests,
  input_tokens = usage_daily.input_tokens + excluded.input_tokens,
  output_tokens = usage_daily.output_tokens + excluded.output_tokens,
  total_tokens = usage_daily.total_tokens + excluded.total_tokens,
  cost_nano_usd = usage_daily.cost_nano_usd + excluded.cost_nano_usd
