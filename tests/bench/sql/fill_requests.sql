-- The request rows of the last 30 days, which is as long as they are kept. (They name no balance, so that counters stay as they are.)
insert into octroi_private.request (
  id, account_id, user_id, model, endpoint, state, body_hash, price_id, balance_ids, hold_amounts, input_tokens,
  output_tokens, choices, hold_tokens, hold_cost_nano_usd, started_at, expires_at, finished_at
)
select
  id, account_id, user_id, model, endpoint, 'settled', '\x', price_id, '{}', '{}', input_tokens, output_tokens, 1,
  total_tokens, cost_nano_usd, occurred_at, occurred_at + interval '11 minutes', occurred_at + interval '1 second'
from octroi_private.usage_event
where occurred_at >= now() - interval '30 days'
