-- Reserve: may these calls go ahead, and how much may each spend?
--
-- Every call gets a verdict of its own, in order of arrival. A call that was seen before (by id, or by the
-- account's idempotency key) is replayed or, with another body, refused. A caller for whom reserve_open.sql could
-- open no entitlement is refused for the reason why not. For the others octroi_private.allot decides against the
-- room on their balances, which reserve_lock.sql has locked. What is granted becomes a request row, and its hold is
-- added to the balances. What others hold back takes a ticket, if its caller waits: until it leaves, no later call of
-- the account gets room on that balance. A verdict raced is none: decide again, on a new snapshot.
--
-- $1 request ids  $2 account ids  $3 key ids  $4 user ids  $5 models  $6 endpoints  $7 input tokens (upper bound)
-- $8 output tokens wanted per choice (null: the default)  $9 choices  $10 idempotency keys  $11 body hashes
-- $12 seconds until the hold expires  $13 whether they are to reason (null: as the model does)  $14 balances locked
-- $15, $16 first and last call to decide  $17 whether these callers wait
-- noqa: disable=PRS,RF01
-- (rows from is beyond sqlfluff)
with clock as materialized (
  select octroi_private.now() as at
),
item as materialized (
  select
    i.*, unit.top_input, unit.top_output, p.max_output_tokens, e.balance_ids, e.plan_code, e.price_id,
    e.hold_wait_seconds, bound.balances, own.ticket,
    -- what a model thinks is billed and not shown: it needs more, and only the provider's count says how much it was
    case when wants.reasoning then e.reasoning_default_output_tokens else e.default_output_tokens end
      as default_output_tokens,
    case when wants.reasoning then e.reasoning_least_output_tokens else e.least_output_tokens end
      as least_output_tokens,
    case when wants.reasoning then 'drain' else e.on_disconnect end as on_disconnect,
    -- older tickets, but for those decided here as well
    array(
      select w_at.balance_id from octroi_private.waiting_call as w
      cross join lateral unnest(w.balance_ids) as w_at (balance_id)
      where w.account_id = i.account_id and w.ticket < coalesce(own.ticket, 9223372036854775807)
        and w.waits_until > clock.at and w.request_id <> all(($1::uuid [])[$15:$16])
    ) as awaited,
    coalesce(by_id.id, by_key.id) as known_id,
    coalesce(by_id.state, by_key.state) as known_state,
    case when by_id.state = 'open' then by_id.output_tokens end as known_output_tokens,
    case when by_id.state = 'open' then by_id.hold_tokens end as known_hold_tokens,
    case when by_id.state = 'open' then by_id.hold_cost_nano_usd end as known_hold_cost_nano_usd,
    case when by_id.state = 'open' then by_id.expires_at end as known_expires_at,
    case
      when by_id.id is null then by_key.body_hash = i.body_hash
      else by_id.body_hash = i.body_hash and by_id.account_id = i.account_id
    end as known_body,
    case
      when i.request_id is null or i.endpoint is null or i.body_hash is null or i.input_tokens is null
        or i.input_tokens < 0 or i.output_tokens < 0 or i.choices is null or i.choices not between 1 and 128
        or length(i.idempotency_key) not between 1 and 255 then 'invalid_arguments'
      when i.input_tokens > p.max_input_tokens then 'input_too_long'
    end as misuse,
    -- a rule was changed between the lock and this statement
    not e.balance_ids <@ $14::bigint [] as is_raced
  from clock
  -- the series beside the arrays makes the planner expect many calls, and hash where it would compare each with each
  cross join rows from (
    unnest(($1::uuid [])[$15:$16]), unnest(($2::uuid [])[$15:$16]), unnest(($3::uuid [])[$15:$16]),
    unnest(($4::uuid [])[$15:$16]), unnest(($5::text [])[$15:$16]), unnest(($6::text [])[$15:$16]),
    unnest(($7::bigint [])[$15:$16]), unnest(($8::bigint [])[$15:$16]), unnest(($9::integer [])[$15:$16]),
    unnest(($10::text [])[$15:$16]), unnest(($11::bytea [])[$15:$16]), unnest(($13::boolean [])[$15:$16]),
    generate_series($15::integer, $16::integer)
  ) as i (
    request_id, account_id, api_key_id, user_id, model, endpoint, input_tokens, output_tokens,
    choices, idempotency_key, body_hash, asks_reasoning, ord
  )
  -- limit 1: a plan made while the table is empty must still look the row up, not join the whole index
  left join lateral (
    select r.* from octroi_private.request as r where r.id = i.request_id limit 1
  ) as by_id on true
  left join lateral (
    select r.* from octroi_private.request as r
    where r.account_id = i.account_id and r.idempotency_key = i.idempotency_key and r.state <> 'released'
    limit 1
  ) as by_key on true
  left join lateral (
    select w.ticket from octroi_private.waiting_call as w
    where w.account_id = i.account_id and w.request_id = i.request_id
    limit 1
  ) as own on true
  left join lateral (
    select c.* from octroi_private.entitlement as c
    where c.account_id = i.account_id
      and c.api_key_id = coalesce(i.api_key_id, '00000000-0000-0000-0000-000000000000')
      and c.user_id = i.user_id and c.model = i.model and c.valid_until > clock.at
    limit 1
  ) as e on true
  cross join lateral (select coalesce(i.asks_reasoning, e.reasons_by_default) as reasoning) as wants
  left join lateral (
    select c as price, c.max_input_tokens, c.max_output_tokens
    from octroi_private.model_price as c where c.id = e.price_id
    limit 1
  ) as p on true
  left join lateral octroi_private.unit_prices_of(p.price, i.input_tokens) as unit on true
  left join lateral (
    select array_agg(b.balance) as balances
    from (
      select c as balance from octroi_private.balance as c
      where c.id = any(e.balance_ids) and by_id.id is null and by_key.id is null
      order by c.id
    ) as b
  ) as bound on true
),
allotted as materialized (
  select given.*
  from (
    select
      array_agg(j.ord) as ords,
      octroi_private.allot(array_agg(row(
        j.balances, j.awaited, j.input_tokens, j.output_tokens, j.default_output_tokens, j.max_output_tokens,
        j.least_output_tokens, j.choices, j.top_input, j.top_output
      )::octroi_private.asked_call)) as given
    from (
      select k.* from item as k
      where k.known_id is null and k.balance_ids is not null and k.misuse is null and not k.is_raced
      order by k.account_id, k.ticket, k.ord
    ) as j
    group by j.account_id
  ) as account
  cross join lateral unnest(account.ords, account.given) as given (
    ord, ids, room, awaited, hold, output_tokens, hold_tokens, hold_cost_nano_usd, output_bound, tightest, remaining,
    needed, short
  )
),
queued as (
  insert into octroi_private.waiting_call as w (request_id, account_id, balance_ids, waits_until)
  select i.request_id, i.account_id, a.short, clock.at + octroi_private.ticket_time()
  from allotted as a
  join item as i on i.ord = a.ord
  cross join clock
  where a.short is not null and $17::boolean and i.hold_wait_seconds > 0
  order by i.ticket, i.ord
  -- who only asks again writes nothing
  on conflict on constraint waiting_call_once do update
  set balance_ids = excluded.balance_ids, waits_until = excluded.waits_until
  where w.balance_ids <> excluded.balance_ids or w.waits_until < excluded.waits_until - interval '3 seconds'
  returning request_id, account_id, ticket
),
served as (
  delete from octroi_private.waiting_call as w
  using item as i
  left join allotted as a on a.ord = i.ord
  where i.ticket is not null and a.short is null and w.account_id = i.account_id and w.ticket = i.ticket
),
opened as (
  insert into octroi_private.request (
    id, account_id, api_key_id, user_id, model, endpoint, idempotency_key, body_hash, price_id, balance_ids,
    hold_amounts, input_tokens, output_tokens, output_bound, choices, hold_tokens, hold_cost_nano_usd, started_at,
    expires_at
  )
  select
    i.request_id, i.account_id, i.api_key_id, i.user_id, i.model, i.endpoint, i.idempotency_key, i.body_hash,
    i.price_id, i.balance_ids, a.hold, i.input_tokens, a.output_tokens, a.output_bound, i.choices, a.hold_tokens,
    a.hold_cost_nano_usd, clock.at, clock.at + make_interval(secs => $12::integer)
  from allotted as a
  join item as i on i.ord = a.ord
  cross join clock
  where a.output_tokens is not null
  -- a racing twin under the same key ends here
  on conflict do nothing
  returning id, balance_ids, hold_amounts, hold_tokens, hold_cost_nano_usd, expires_at
),
held as (
  update octroi_private.balance as b
  set reserved = b.reserved + h.amount
  from (
    select hold.balance_id, sum(hold.amount)::bigint as amount
    from opened as o
    cross join lateral unnest(o.balance_ids, o.hold_amounts) as hold (balance_id, amount)
    group by hold.balance_id
  ) as h
  where b.id = h.balance_id and b.id = any(array(select unnest(o.balance_ids) from opened as o))
)
select
  coalesce(i.known_id, i.request_id) as request_id,
  verdict.verdict,
  case verdict.verdict
    when 'refused' then coalesce(
      i.misuse,
      case
        when i.known_id is not null then 'idempotency_mismatch'
        when i.balance_ids is null then verdict.why_refused
        else octroi_private.limit_reason(b.scope, b.meter)
      end
    )
    when 'held' then 'quota_held'
    when 'replayed' then i.known_state
  end as reason,
  -- of an open call repeated by its id, what it was granted
  case when o.id is not null then a.output_tokens else i.known_output_tokens::bigint end
    as output_tokens,
  coalesce(o.hold_tokens, i.known_hold_tokens)::bigint as hold_tokens,
  coalesce(o.hold_cost_nano_usd, i.known_hold_cost_nano_usd)::bigint as hold_cost_nano_usd,
  coalesce(o.expires_at, i.known_expires_at) as expires_at,
  b.scope::text,
  b.meter::text,
  b.period::text,
  (b.granted + b.overage)::bigint as granted,
  b.used,
  b.granted + b.overage - b.used - a.remaining as reserved,
  a.remaining,
  b.period_start,
  nullif(b.resets_at, 'infinity') as resets_at,
  case when b.resets_at < 'infinity' and verdict.verdict <> 'held' then
    greatest(ceil(extract(epoch from b.resets_at - clock.at)), 1)::bigint
  end as retry_after_seconds,
  i.plan_code as plan,
  a.output_bound,
  a.needed,
  case when verdict.verdict = 'held' then i.hold_wait_seconds end as wait_seconds,
  case when verdict.verdict = 'held' then coalesce(q.ticket, i.ticket) end as ticket,
  i.on_disconnect,
  case when b.id is not null then case when b.ceiling <= b.allowed + b.overage then b.ceiling_by else 'plan' end end
    as set_by
from item as i
cross join clock
left join allotted as a on a.ord = i.ord
left join opened as o on o.id = i.request_id and i.known_id is null
left join queued as q on q.account_id = i.account_id and q.request_id = i.request_id
left join lateral (select (i.balances[a.tightest]).*) as b on true
cross join lateral (
  select case when i.balance_ids is null and i.known_id is null then
    octroi_private.why_refused(i.account_id, i.api_key_id, i.user_id, i.model)
  end as why_refused
) as entitled
cross join lateral (
  select entitled.why_refused, case
    when i.misuse is not null then 'refused'
    when i.known_id is not null then case when i.known_body then 'replayed' else 'refused' end
    when o.id is not null then 'granted'
    when a.short is not null then 'held'
    when i.is_raced or a.output_tokens is not null then 'raced'
    when i.balance_ids is null and entitled.why_refused is null then 'raced'
    else 'refused'
  end as verdict
) as verdict
order by i.ord
