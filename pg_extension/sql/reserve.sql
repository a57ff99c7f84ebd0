-- Reserve, for a lone call that is plainly granted: seen never before, its entitlement open, its limits with room.
-- No row means anything else, and nothing written: reserve_many.sql then says what. The rule of both is
-- octroi_private.allot_next; here it costs a plan of few nodes, since starting a plan is most of a lone call.
--
-- The arguments are those of reserve_many.sql, with one call in each array; $14 and $15 are not used.
with allotted as materialized (
  select
    i.*, e.balance_ids, e.price_id, e.plan_code, bound.balances, clock.at,
    octroi_private.allot_next(
      null, bound.balances, i.input_tokens, least(i.output_tokens, p.max_output_tokens), i.choices,
      p.top_input_price, p.top_output_price
    ) as given
  from (
    select
      ($1::uuid [])[1] as request_id, ($2::uuid [])[1] as account_id, ($3::uuid [])[1] as api_key_id,
      ($4::uuid [])[1] as user_id, ($5::text [])[1] as model, ($6::text [])[1] as endpoint,
      ($7::bigint [])[1] as input_tokens, ($8::bigint [])[1] as output_tokens, ($9::integer [])[1] as choices,
      ($10::text [])[1] as idempotency_key, ($11::bytea [])[1] as body_hash
  ) as i
  cross join (select octroi_private.now() as at) as clock
  join octroi_private.entitlement as e
    on e.account_id = i.account_id
    and e.api_key_id = coalesce(i.api_key_id, '00000000-0000-0000-0000-000000000000')
    and e.user_id = i.user_id and e.model = i.model and e.valid_until > clock.at
    and e.balance_ids <@ $13::bigint []
  join octroi_private.model_price as p on p.id = e.price_id
  cross join lateral (
    select array(
      select c from octroi_private.balance as c
      where c.id = any(e.balance_ids)
      order by c.id
    ) as balances
  ) as bound
  where i.request_id is not null and i.endpoint is not null and i.body_hash is not null
    and i.input_tokens between 0 and p.max_input_tokens and (i.output_tokens >= 0) is not false
    and i.choices between 1 and 128 and (length(i.idempotency_key) between 1 and 255) is not false
),
opened as (
  insert into octroi_private.request (
    id, account_id, api_key_id, user_id, model, endpoint, idempotency_key, body_hash, price_id, balance_ids,
    hold_amounts, input_tokens, output_tokens, choices, hold_tokens, hold_cost_nano_usd, started_at, expires_at
  )
  select
    a.request_id, a.account_id, a.api_key_id, a.user_id, a.model, a.endpoint, a.idempotency_key, a.body_hash,
    a.price_id, a.balance_ids, (a.given).hold, a.input_tokens, (a.given).output_tokens, a.choices,
    (a.given).hold_tokens, (a.given).hold_cost_nano_usd, a.at, a.at + make_interval(secs => $12::integer)
  from allotted as a
  where (a.given).output_tokens is not null
  on conflict do nothing
  returning expires_at
),
held as (
  update octroi_private.balance as b
  set reserved = b.reserved + hold.amount
  from opened as o
  cross join allotted as a
  cross join lateral unnest(a.balance_ids, (a.given).hold) as hold (balance_id, amount)
  where b.id = hold.balance_id
)
select
  a.request_id,
  'granted' as verdict,
  null::text as reason,
  (a.given).output_tokens as output_tokens,
  (a.given).hold_tokens as hold_tokens,
  (a.given).hold_cost_nano_usd as hold_cost_nano_usd,
  o.expires_at,
  b.scope::text,
  b.meter::text,
  b.period::text,
  (b.granted + b.overage)::bigint as granted,
  b.used::bigint,
  b.granted + b.overage - b.used - (a.given).remaining as reserved,
  (a.given).remaining as remaining,
  b.period_start,
  nullif(b.resets_at, 'infinity') as resets_at,
  case when b.resets_at < 'infinity' then greatest(ceil(extract(epoch from b.resets_at - a.at)), 1)::bigint end
    as retry_after_seconds,
  a.plan_code as plan
from allotted as a
cross join opened as o
left join lateral (select (a.balances[(a.given).tightest]).*) as b on true
