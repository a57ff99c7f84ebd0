-- One month of usage: events $1 to $2 (counted over all months), at even steps from $3 to $4, of $5 accounts. Ten
-- calls on end are one account's, as when somebody sits down to work; a tenth of all are account 1's. The other
-- sittings are counted among themselves, so that every account has its turn.
insert into octroi_private.usage_event (
  id, account_id, user_id, endpoint, model, service_tier, source, input_tokens, cached_input_tokens,
  cache_write_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, total_tokens,
  cost_nano_usd, price_id, balance_ids, latency_ms, occurred_at, recorded_at
)
select
  (
    lpad(to_hex((extract(epoch from e.at) * 1000)::bigint), 12, '0') || '7000' || '8' || lpad(to_hex(e.n), 15, '0')
  )::uuid,
  e.account_id, e.account_id, 'chat.completions', 'gpt-5.4-mini', 'default', 'provider', 90, 0, 0, 0, 100, 0, 0, 190,
  73500, e.price_id, '{}', 900, e.at, e.at
from (
  select
    n, p.price_id,
    bench.numbered_id(case when n / 10 % 10 = 0 then 1 else 1 + (n / 10 - n / 100 - 1) * 7919 % $5::bigint end) as account_id,
    $3::timestamptz + ($4::timestamptz - $3::timestamptz) * ((n - $1)::float8 / ($2::bigint - $1::bigint + 1)) as at
  from generate_series($1::bigint, $2::bigint) as n
  cross join (
    select id as price_id from octroi_private.model_price where model = 'gpt-5.4-mini' order by id limit 1
  ) as p
) as e
