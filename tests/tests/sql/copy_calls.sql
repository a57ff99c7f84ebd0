-- $2 calls like the one that account $1 has made, each half a minute before the other. They are on no balance.
insert into octroi_private.usage_event (
  id, account_id, user_id, endpoint, model, source, input_tokens, cached_input_tokens, cache_write_tokens,
  audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, total_tokens, cost_nano_usd, price_id,
  balance_ids, occurred_at, recorded_at
)
select
  octroi_private.uuid_v7(), e.account_id, e.user_id, e.endpoint, e.model, e.source, e.input_tokens, 0, 0, 0,
  e.output_tokens, 0, 0, e.total_tokens, e.cost_nano_usd, e.price_id, '{}', e.occurred_at - n * interval '20 ms', e.recorded_at
from octroi_private.usage_event as e
cross join generate_series(1, $2) as n
where e.account_id = $1
