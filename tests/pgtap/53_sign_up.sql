-- What signing up gives, and what being deleted takes.
begin;
\ir setup/play.sql
\set nora '\'01a00000-0000-7000-8000-00000000000e\''
select plan(13);

-- Auth's own login has no right on anything of Octroi's.
grant select, insert, delete on auth.users to service_role;
set local role service_role;
insert into auth.users (id, email) values (:nora, 'nora@example.test');
select tap.clear() \g /dev/null

select a.id as account from octroi_private.account as a where a.owner_user_id = :nora \gset
select results_eq(
  format(
    $$select a.kind, a.status, m.user_id, m.role, v.plan_code
      from octroi_private.account as a
      join octroi_private.member as m on m.account_id = a.id
      join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
      join octroi_private.plan_version as v on v.id = s.plan_version_id
      where a.id = %L$$, :'account'
  ),
  format($$values ('personal', 'active', %L::uuid, 'owner', 'free')$$, :nora),
  'a new user has a personal account on the default plan'
);
select results_eq(
  format('select account_id, user_id, state from octroi_private.authenticate_user(%L, null)', :nora),
  format('values (%L::uuid, %L::uuid, %L)', :'account', :nora, 'active'), 'their token resolves to it'
);
select tap.play(:nora) \g /dev/null
select k.id as key_id, k.secret from octroi.create_api_key('first') as k \gset
select is((select count(*) from octroi.api_keys), 1::bigint, 'they make a key');

-- Suspended: still there to be seen, but not to be used.
select tap.clear() \g /dev/null
update octroi_private.account set status = 'suspended' where id = :'account';
select is(
  (select u.state from octroi_private.authenticate_user(:nora, null) as u), 'suspended', 'a suspended account says so'
);
select is(
  (select u.state from octroi_private.authenticate_key(sha256(:'secret'::bytea)) as u), 'suspended', 'its keys too'
);
select is(
  (
    select r.reason
    from octroi_private.reserve(octroi_private.uuid_v7(), :'account', null, :nora, 'gpt-5.6-luna', 1, 1) as r
  ), 'account_suspended', 'nothing is granted to it'
);
select tap.play(:nora) \g /dev/null
select is(
  (select c.reason from octroi.check_quota('gpt-5.6-luna', 1) as c), 'account_suspended', 'and its user is told'
);
select tap.clear() \g /dev/null
update octroi_private.account set status = 'active' where id = :'account';

-- Deleted, with a call on record, a key that works and a token that has not expired.
select count(u.request_id)
from octroi_private.record_usage(:'account', :nora, 'gpt-5.6-luna', 10, 1) as u \g /dev/null
set local role service_role;
delete from auth.users where id = :nora;
select tap.clear() \g /dev/null
select is_empty(
  format('select * from octroi_private.authenticate_key(sha256(%L::bytea))', :'secret'),
  'with the user every key of theirs is unknown'
);
select is_empty(
  format('select * from octroi_private.authenticate_user(%L, null)', :nora),
  'a token that is still valid resolves to nothing'
);
select results_eq(
  format('select status, owner_user_id, closed_at is not null from octroi_private.account where id = %L', :'account'),
  $$values ('closed', null::uuid, true)$$, 'the account is closed, and nobody''s'
);
select is(
  (
    select r.reason
    from octroi_private.reserve(octroi_private.uuid_v7(), :'account', :'key_id', :nora, 'gpt-5.6-luna', 1, 1) as r
  ), 'not_a_member', 'nothing is granted any more'
);
select tap.play(:nora) \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), 'OC020', 'they are told to sign in');
select tap.clear() \g /dev/null
select results_eq(
  format('select count(*) from octroi_private.usage_event where account_id = %L', :'account'), array[1::bigint],
  'the ledger keeps the call'
);

select * from finish();
rollback;
