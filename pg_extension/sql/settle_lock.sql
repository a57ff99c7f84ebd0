-- Locks these requests and then the balances they hold on, in the order every verb locks them in.
-- $1 request ids
with request as materialized (
  select r.balance_ids
  from octroi_private.request as r
  where r.id = any($1::uuid [])
  order by r.id
  for no key update
)
select count(*)
from (
  select b.id
  from octroi_private.balance as b
  where b.id = any(array(select unnest(r.balance_ids) from request as r))
  order by b.account_id, b.id
  for no key update
) as locked
