-- Forgets that these calls were released, so that they can be made again under their ids.
-- $1 request ids, $2 account ids
delete from octroi_private.request as r
using unnest($1::uuid [], $2::uuid []) as i (request_id, account_id)
where r.id = i.request_id and r.account_id = i.account_id and r.state = 'released'
