-- Reserve, for a lone call that is plainly granted: seen never before, its entitlement open, its limits with room.
-- No row means anything else, and nothing written: reserve_many.sql then says what. The rule of both is
-- octroi_private.allot_next; here it costs a plan of few nodes and narrow rows, since starting a plan is most of a
-- lone call. So the arguments are used where they are needed, and not passed on from node to node.
--
-- The arguments are those of reserve_many.sql, with one call in each array; $15 to $17 are not used.
with allotted as materialized (
  select
    e.balance_ids, e.price_id, e.plan_code, e.on_disconnect, e.balances, e.at, e.is_reasoning,
    octroi_private.allot_next(
      null, e.balances, ($7::bigint [])[1], ($8::bigint [])[1],
      case when e.is_reasoning then e.reasoning_default_output_tokens else e.default_output_tokens end,
      p.max_output_tokens,
      case when e.is_reasoning then e.reasoning_least_output_tokens else e.least_output_tokens end,
      ($9::integer [])[1],
      (octroi_private.unit_prices_of(p, ($7::bigint [])[1])).top_input,
      (octroi_private.unit_prices_of(p, ($7::bigint [])[1])).top_output
    ) as given
  from (
    select
      c.balance_ids, c.price_id, c.plan_code, c.on_disconnect, c.valid_until, c.default_output_tokens,
      c.least_output_tokens, c.reasoning_default_output_tokens, c.reasoning_least_output_tokens,
      coalesce(($13::boolean [])[1], c.reasons_by_default) as is_reasoning,
      octroi_private.now() as at,
      array(select b from octroi_private.balance as b where b.id = any(c.balance_ids) order by b.id) as balances
    from octroi_private.entitlement as c
    where c.account_id = ($2::uuid [])[1]
      and c.api_key_id = coalesce(($3::uuid [])[1], '00000000-0000-0000-0000-000000000000')
      and c.user_id = ($4::uuid [])[1] and c.model = ($5::text [])[1] and c.balance_ids <@ $14::bigint []
    -- reads clock and balances once, wherever they are used
    offset 0
  ) as e
  join octroi_private.model_price as p on p.id = e.price_id
  where e.valid_until > e.at
    and ($1::uuid [])[1] is not null and ($6::text [])[1] is not null and ($11::bytea [])[1] is not null
    and ($7::bigint [])[1] between 0 and p.max_input_tokens and (($8::bigint [])[1] >= 0) is not false
    and ($9::integer [])[1] between 1 and 128 and (length(($10::text [])[1]) between 1 and 255) is not false
    -- nobody of this account waits for room
    and not exists (select from octroi_private.waiting_call as w where w.account_id = ($2::uuid [])[1])
),
opened as (
  insert into octroi_private.request (
    id, account_id, api_key_id, user_id, model, endpoint, idempotency_key, body_hash, price_id, balance_ids,
    hold_amounts, input_tokens, output_tokens, output_bound, choices, hold_tokens, hold_cost_nano_usd, started_at,
    expires_at
  )
  select
    ($1::uuid [])[1], ($2::uuid [])[1], ($3::uuid [])[1], ($4::uuid [])[1], ($5::text [])[1], ($6::text [])[1],
    ($10::text [])[1], ($11::bytea [])[1], a.price_id, a.balance_ids, (a.given).hold, ($7::bigint [])[1],
    (a.given).output_tokens, (a.given).output_bound, ($9::integer [])[1], (a.given).hold_tokens,
    (a.given).hold_cost_nano_usd, a.at,
    a.at + make_interval(secs => $12::integer)
  from allotted as a
  where (a.given).output_tokens is not null
  on conflict do nothing
  returning balance_ids, hold_amounts, expires_at
),
held as (
  update octroi_private.balance as b
  set reserved = b.reserved + o.hold_amounts[array_position(o.balance_ids, b.id)]
  from opened as o
  where b.id = any(o.balance_ids)
)
select
  ($1::uuid [])[1] as request_id,
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
  a.plan_code as plan,
  (a.given).output_bound as output_bound,
  (a.given).needed as needed,
  null::integer as wait_seconds,
  null::bigint as ticket,
  case when a.is_reasoning then 'drain' else a.on_disconnect end as on_disconnect,
  case when b.ceiling <= b.allowed + b.overage then b.ceiling_by else 'plan' end as set_by
from opened as o
cross join allotted as a
left join lateral (select (a.balances[(a.given).tightest]).*) as b on true
