-- Does what settling these calls asks for beyond counting: draws from grants, books overage, raises alerts.
-- $1 request ids, in the order they were settled in
select octroi_private.follow_up($1::uuid [])
