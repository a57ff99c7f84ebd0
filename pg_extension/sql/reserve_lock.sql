-- Locks the balances that bound these callers, in the order every verb locks them in; the balances locked. The
-- statement after it has a snapshot of all that earlier holders of the lock have committed, and decides on nothing
-- that is not locked.
-- $1 account ids, $2 key ids (null: no key), $3 user ids, $4 models
select array( -- noqa: PRS
  select b.id
  from octroi_private.balance as b
  where b.id = any(array(
    select unnest(e.balance_ids)
    from unnest($1::uuid [], $2::uuid [], $3::uuid [], $4::text []) as i (account_id, api_key_id, user_id, model)
    join octroi_private.entitlement as e
      on e.account_id = i.account_id
      and e.api_key_id = coalesce(i.api_key_id, '00000000-0000-0000-0000-000000000000')
      and e.user_id = i.user_id and e.model = i.model and e.valid_until > clock.at
  ))
  order by b.account_id, b.id
  for no key update
) as ids
-- read once, out here: after waiting for a lock Postgres evaluates the condition again, and must find the same
from (select octroi_private.now() as at offset 0) as clock -- noqa: PRS
