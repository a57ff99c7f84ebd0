-- $1 accounts, numbered from 1, each with its owner under the same id and the plan `bench`. Triggers are off: signing
-- up one by one is not what is measured, and would take minutes.
with numbered as (
  select bench.numbered_id(n) as id from generate_series(1, $1::integer) as n
),
users as (
  insert into auth.users (id, email)
  select id, id || '@bench.invalid' from numbered
),
people as (
  insert into octroi_private.person (user_id)
  select id from numbered
),
accounts as (
  insert into octroi_private.account (id, kind, owner_user_id, name)
  select id, 'personal', id, 'Personal' from numbered
),
members as (
  insert into octroi_private.member (account_id, user_id, role)
  select id, id, 'owner' from numbered
),
quotas as (
  insert into bench.account_quota (account_id, monthly_tokens)
  select id, 900000000000000 from numbered
)
insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
select numbered.id, v.id, octroi_private.now(), octroi_private.now()
from numbered
cross join octroi_private.plan_version as v
where v.plan_code = 'bench'
