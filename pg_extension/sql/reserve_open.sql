-- Opens what these callers are entitled to and locks their balances; the balances locked.
-- $1 account ids, $2 key ids (null: no key), $3 user ids, $4 models
select octroi_private.open_and_lock($1::uuid [], $2::uuid [], $3::uuid [], $4::text []) as ids
