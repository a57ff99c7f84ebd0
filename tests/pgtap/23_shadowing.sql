-- A caller who brings temporary tables, types, functions and operators of their own: no definer function may take one
-- of them for the real thing, or run its code as the owner.
begin;
\ir setup/cast.sql
select plan(15);

select tap.key_id('sten personal') as sten_key \gset

create sequence tap.traps_sprung;
grant usage on sequence tap.traps_sprung to public;

select tap.play(:sten) \g /dev/null
-- Runs whenever a domain below is used; counts when that is in the owner's name.
create function pg_temp.spring() returns boolean
language plpgsql
as $$
begin
  if current_user = 'octroi_owner' then
    perform pg_catalog.nextval('tap.traps_sprung');
  end if;
  return true;
end
$$;
create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.spring());
create domain pg_temp.text as pg_catalog.text check (pg_temp.spring());
create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.spring());
create domain pg_temp.date as pg_catalog.date check (pg_temp.spring());
create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.spring());
create domain pg_temp.bytea as pg_catalog.bytea check (pg_temp.spring());
create domain pg_temp.regclass as pg_catalog.regclass check (pg_temp.spring());

create temporary table account (id pg_catalog.uuid, kind pg_catalog.text, status pg_catalog.text);
create temporary table member (account_id pg_catalog.uuid, user_id pg_catalog.uuid, role pg_catalog.text);
create temporary table api_key (id pg_catalog.uuid, user_id pg_catalog.uuid, revoked_at pg_catalog.timestamptz);
create temporary table usage_event (account_id pg_catalog.uuid, user_id pg_catalog.uuid, total_tokens bigint);
create temporary table pg_class (oid pg_catalog.oid);
create temporary table pg_namespace (oid pg_catalog.oid);
insert into member values ('01a00000-0000-7000-8000-0000000000ff', '01a00000-0000-7000-8000-00000000000d', 'owner');
grant select on account, member, api_key, usage_event to public;

create function pg_temp.now() returns pg_catalog.timestamptz
language sql
return pg_catalog.timestamptz 'infinity';
create function pg_temp.sprung_sum(bigint, bigint) returns boolean
language plpgsql
as $$ begin return pg_temp.spring(); end $$;
create operator pg_temp.+ ( -- noqa: PRS
  leftarg = bigint, rightarg = bigint, function = pg_temp.sprung_sum
);

select is((select count(*) from octroi.my_quota()), 2::bigint, 'my_quota answers from the real tables');
select is((select sum(u.total_tokens) from octroi.my_usage() as u), 110::numeric, 'so does my_usage');
select is((select count(*) from octroi.my_requests()), 1::bigint, 'so does my_requests');
select is((select c.allowed from octroi.check_quota('gpt-5.6-luna', 10) as c), true, 'so does check_quota');
select is(octroi.count_tokens('gpt-5.6-luna', 'hello'), 1::bigint, 'so does count_tokens');
select isnt((select k.secret from octroi.create_api_key('mine') as k), null, 'create_api_key makes a key');
select is(octroi.revoke_api_key(:'sten_key'::pg_catalog.uuid), true, 'revoke_api_key revokes it');
select isnt(
  octroi.request_completion('{"model": "gpt-5.6-luna", "input": "x"}'::pg_catalog.jsonb), null,
  'request_completion queues'
);
select is_empty(
  $$select * from octroi.completion('01a00000-0000-7000-8000-00000000dead'::pg_catalog.uuid)$$,
  'completion finds nothing that is not there'
);
select is((select count(*) from octroi.usage), 1::bigint,
'the views answer from the real tables, under their policies');
select is((select count(*) from octroi.quota), 2::bigint, 'quota too');
select bag_eq(
  'select * from octroi_private.my_accounts()', array[tap.personal('sten')],
  'the functions behind the policies know sten for no member of the team'
);

-- A backend with rights on the verbs, in a session that was prepared like that.
select tap.clear() \g /dev/null
grant octroi_meter to authenticated;
select tap.personal('sten') as sten_account \gset
set local role octroi_meter;
select is(
  (
    select r.verdict
    from octroi_private.reserve(
      '01a00000-0000-7000-8000-00000000beef', :'sten_account', null, '01a00000-0000-7000-8000-00000000000d',
      'gpt-5.6-luna', 10, 20
    ) as r
  ), 'granted', 'reserve decides by the real balances'
);
select is(
  (
    select s.outcome
    from octroi_private.settle('01a00000-0000-7000-8000-00000000beef', 10, 5) as s
  ), 'settled', 'settle books to them'
);

select tap.clear() \g /dev/null
select is(
  (select s.is_called from tap.traps_sprung as s), false,
  'no code of the caller''s ran in the owner''s name'
);

select * from finish();
rollback;
