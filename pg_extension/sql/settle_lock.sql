-- Locks the balances that these requests hold on, in the order every verb locks them in, after giving expired
-- requests a hold again: a settle that comes late is recorded, within what is left.
-- $1 request ids
select count(*)
from (
  select b.id
  from octroi_private.balance as b
  where b.id = any(array(
    select unnest(r.balance_ids) from octroi_private.request as r where r.id = any($1::uuid [])
  ))
  order by b.id
  for no key update
) as locked
