-- Draws from the accounts' grants what these settled calls used beyond their plans.
-- $1 request ids, in the order they were settled in
select octroi_private.draw_grants($1::uuid [])
