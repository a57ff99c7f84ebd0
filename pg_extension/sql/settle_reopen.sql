-- Gives a request that expired a hold again, as far as there is room, so that settle_many.sql can close it.
-- $1 request ids, $2 which of them
select octroi_private.hold_what_fits(($1::uuid [])[$2::integer])
