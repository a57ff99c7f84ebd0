-- Gives requests that expired a hold again, as far as there is room, so that settle.sql can close them.
-- $1 request ids
select count(octroi_private.hold_what_fits(r.id))
from octroi_private.request as r
where r.id = any($1::uuid []) and r.state = 'expired'
