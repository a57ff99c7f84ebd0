-- Which account a call acts for: the one that its caller names, in a header or in the session, if they are a member of
-- it; else their personal one. RPCs and views ask the same function.
begin;
\ir setup/cast.sql
select plan(26);

create function tap.ask_with(p_headers text) returns void
language sql
begin atomic
select set_config('octroi.account', '', true);
select set_config('request.headers', p_headers, true);
end;
create function tap.plan_seen() returns text
language sql
begin atomic
select string_agg(s.plan, ' ') from octroi.my_subscription() as s;
end;
create function tap.quota_seen() returns bigint
language sql
begin atomic
select q.granted from octroi.quota as q where q.scope = 'account' and q.meter = 'tokens';
end;
grant execute on function tap.plan_seen(), tap.quota_seen() to public;

select tap.play(:mia) \g /dev/null
select is(tap.plan_seen(), 'free', 'who names no account acts for their own');
select is(tap.quota_seen(), 10000::bigint, 'in views as well');
select results_eq(
  $$select a.kind, a.role, a.plan, a.members, a.is_acting from octroi.my_accounts() as a$$,
  $$values ('personal', 'owner', 'free', 1::bigint, true), ('team', 'member', 'basic', 3::bigint, false)$$,
  'both accounts are listed, and which one is acted for'
);

-- By header, as PostgREST hands it on.
select tap.ask_with(format('{"x-octroi-account": "%s", "accept": "*/*"}', :team)) \g /dev/null
select is(tap.plan_seen(), 'basic', 'a header names the team');
select is(tap.quota_seen(), 100000::bigint, 'for a view too');
select is(
  (select count(*) from octroi.my_accounts() as a where a.is_acting and a.kind = 'team'), 1::bigint,
  'and my_accounts says so'
);
select is((select sum(u.total_tokens) from octroi.my_usage() as u), 420::numeric, 'usage is what was used on the team');
select is((select r.total_tokens from octroi.my_requests(1) as r), 420::bigint, 'so are calls');
select c.id as key from octroi.create_api_key('for the team') as c \gset
select is((select k.account_id from octroi.api_keys as k where k.id = :'key'), :team, 'and a key is made for it');
select tap.ask_with(format('{"x-octroi-account": "%s"}', upper(:team))) \g /dev/null
select is(tap.plan_seen(), 'basic', 'in capitals as well');
select tap.ask_with('{"accept": "*/*"}') \g /dev/null
select is(tap.plan_seen(), 'free', 'other headers name nothing');

-- By the session, which wins.
select set_config('octroi.account', :team, true) \g /dev/null
select is(tap.plan_seen(), 'basic', 'a setting of the session names the team');
select tap.ask_with(format('{"x-octroi-account": "%s"}', tap.personal('mia'))) \g /dev/null
select set_config('octroi.account', :team, true) \g /dev/null
select is(tap.plan_seen(), 'basic', 'against a header');
select tap.ask_with('') \g /dev/null

-- Of what is not theirs, and of what is not there, the same is said, by everything.
select tap.clear() \g /dev/null
create function tap.told(p_account text) returns text
language plpgsql
as $$
declare
  v_told text;
begin
  perform set_config('octroi.account', p_account, true);
  perform octroi.my_quota();
  return 'nothing';
exception
  when others then
    get stacked diagnostics v_told = pg_exception_hint;
    return sqlstate || ' ' || sqlerrm || ' ' || v_told;
end
$$;
select tap.play(:sten) \g /dev/null
select is(tap.told(:team), tap.told(:missing), 'a foreign account and one that nobody has are told apart by nothing');
select is(tap.told(:team), tap.told('nonsense'), 'nor is what is no id');
select matches(tap.told(:team), '^OC025 .*none of yours.*my_accounts', 'and the answer says what to do');
select tap.play_for(:sten, :team) \g /dev/null
select is(tap.outcome_of('select * from octroi.quota'), 'OC025', 'a view says it as well');
select is(tap.outcome_of('select octroi.open_portal(''http://localhost:3000'')'), 'OC025', 'so does what costs money');
select is(tap.outcome_of($$select octroi.create_api_key('x')$$), 'OC025', 'and nobody has a key of it');

-- What is a person's own does not ask for an account.
select is(tap.outcome_of('select octroi.my_accounts()'), '00000', 'the accounts are listed, whatever is named');
select is(tap.outcome_of('select octroi.my_consents()'), '00000', 'consents are a person''s');
select is(tap.outcome_of($$select octroi.withdraw_consent('news')$$), '00000', 'and are taken back');
select is(tap.outcome_of($$select octroi.my_data('member')$$), '00000', 'so are data');

-- Somebody who is a member no more.
select tap.clear() \g /dev/null
delete from octroi_private.member where account_id = :team and user_id = :mia;
select tap.play_for(:mia, :team) \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), 'OC025', 'who was removed acts for the team no more');
select tap.play(:missing) \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), 'OC020', 'and who is nobody is told that');
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
