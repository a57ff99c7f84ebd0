-- Whether some of these callers have nothing open, so that reserve_open.sql must open and lock.
-- $1 account ids, $2 key ids (null: no key), $3 user ids, $4 models
select exists(
  select
  from unnest($1::uuid [], $2::uuid [], $3::uuid [], $4::text []) as i (account_id, api_key_id, user_id, model)
  left join octroi_private.entitlement as e
    on e.account_id = i.account_id
    and e.api_key_id = coalesce(i.api_key_id, '00000000-0000-0000-0000-000000000000')
    and e.user_id = i.user_id and e.model = i.model
    and e.valid_until > octroi_private.now()
  where e.account_id is null
) as is_missing
