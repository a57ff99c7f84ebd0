-- Locks the balances that bound these callers, in the order every verb locks them in; the balances locked. The
-- statement after it has a snapshot of all that earlier holders of the lock have committed, and decides on nothing
-- that is not locked.
-- $1 account ids, $2 key ids (null: no key), $3 user ids, $4 models
select array( -- noqa: PRS
  select b.id
  from octroi_private.balance as b
  where b.id = any(array(
    select unnest(e.balance_ids)
    from generate_subscripts($1::uuid [], 1) as i
    cross join lateral (
      select c.balance_ids
      from octroi_private.entitlement as c
      where c.account_id = ($1::uuid [])[i]
        and c.api_key_id = coalesce(($2::uuid [])[i], '00000000-0000-0000-0000-000000000000')
        and c.user_id = ($3::uuid [])[i] and c.model = ($4::text [])[i] and c.valid_until > clock.at
      -- looked up one by one, even in a plan made while the table was empty
      limit 1
    ) as e
  ))
  order by b.account_id, b.id
  for no key update
) as ids
-- read once, out here: after waiting for a lock Postgres evaluates the condition again, and must find the same
from (select octroi_private.now() as at offset 0) as clock -- noqa: PRS
