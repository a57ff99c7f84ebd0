-- The rollup anew, from the calls.
insert into octroi_private.usage_daily (
  account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
  total_tokens, cost_nano_usd
)
select
  account_id, user_id, (occurred_at at time zone 'utc')::date, model, count(*), sum(input_tokens),
  sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(total_tokens), sum(cost_nano_usd)
from octroi_private.usage_event
group by account_id, user_id, (occurred_at at time zone 'utc')::date, model
on conflict (account_id, day, user_id, model) do update
set requests = excluded.requests, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
  total_tokens = excluded.total_tokens, cost_nano_usd = excluded.cost_nano_usd
