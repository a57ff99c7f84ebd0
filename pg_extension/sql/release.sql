-- Release: these calls did not happen; their holds go back unspent, and so do their places in the queue for room.
-- A released call answers replayed, one that was settled or has expired conflict.
-- $1 request ids, $2 reasons
with gone as (
  delete from octroi_private.waiting_call as w where w.request_id = any($1::uuid [])
),
closed as (
  update octroi_private.request as r
  set state = 'released', finished_at = octroi_private.now(), release_reason = left(i.reason, 100)
  from unnest($1::uuid [], $2::text []) as i (request_id, reason)
  where r.id = i.request_id and r.state = 'open'
  returning r.id, r.balance_ids, r.hold_amounts
),
returned as (
  update octroi_private.balance as b
  set reserved = b.reserved - h.amount
  from (
    select held.balance_id, sum(held.amount)::bigint as amount
    from closed as c
    cross join lateral unnest(c.balance_ids, c.hold_amounts) as held (balance_id, amount)
    group by held.balance_id
  ) as h
  where b.id = h.balance_id
)
select
  i.request_id,
  case
    when c.id is not null then 'released'
    when r.id is null then 'unknown'
    when r.state = 'released' then 'replayed'
    else 'conflict'
  end as outcome
from unnest($1::uuid []) with ordinality as i (request_id, ord)
left join closed as c on c.id = i.request_id
left join octroi_private.request as r on r.id = i.request_id
order by i.ord
