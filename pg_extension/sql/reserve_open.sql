-- Opens what these callers are entitled to, where it is not open already. Runs before reserve.sql, whose
-- snapshot then sees it.
-- $1 account ids, $2 key ids (null: no key), $3 user ids, $4 models
select count(octroi_private.open_entitlement(caller.account_id, caller.api_key_id, caller.user_id, caller.model))
from (
  select distinct i.account_id, i.api_key_id, i.user_id, i.model
  from unnest($1::uuid [], $2::uuid [], $3::uuid [], $4::text []) as i (account_id, api_key_id, user_id, model)
  left join octroi_private.entitlement as e
    on e.account_id = i.account_id
    and e.api_key_id = coalesce(i.api_key_id, '00000000-0000-0000-0000-000000000000')
    and e.user_id = i.user_id and e.model = i.model
    and e.valid_until > octroi_private.now()
  where e.account_id is null
  order by i.account_id, i.api_key_id, i.user_id, i.model
) as caller
