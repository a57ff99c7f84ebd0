-- Teams: made by whoever wants one, on the default plan, within limits; who is in them; how many of them may call.
begin;
\ir setup/cast.sql
select plan(31);

-- Sten makes a team, and calls for it at once.
select tap.play(:sten) \g /dev/null
select octroi.create_team('Sten & Co') as stens \gset
select results_eq(
  $$select a.name, a.kind, a.role, a.status, a.plan, a.members from octroi.my_accounts() as a where a.kind = 'team'$$,
  $$values ('Sten & Co', 'team', 'owner', 'active', 'free', 1::bigint)$$, 'a team is its maker''s, on the default plan'
);
select tap.clear() \g /dev/null
select is(
  (select r.verdict from octroi_private.reserve(
    '01900000-0000-7000-8000-0000000000a1', :'stens', null, :sten, 'gpt-5.6-luna', 10, 20
  ) as r), 'granted', 'which lets it call'
);
select is(
  (select r.outcome from octroi_private.settle('01900000-0000-7000-8000-0000000000a1', 10, 0, 5) as r), 'settled',
  'and is settled'
);
select is(
  (select count(*) from octroi_private.audit_log as l where l.account_id = :'stens' and l.action = 'account.insert'),
  1::bigint, 'that it was made is in the audit log'
);

-- Within limits: each free team comes with a free quota.
select tap.play(:sten) \g /dev/null
select throws_like(
  $$select octroi.create_team('Another')$$, '%owns 1 teams that nobody pays for%', 'a second free team is refused'
);
select is(tap.outcome_of($$select octroi.create_team('Another')$$), 'OC013', 'as a limit');
select tap.clear() \g /dev/null
select octroi_private.assign_plan(:'stens', 'basic') \g /dev/null
select tap.play(:sten) \g /dev/null
select is(
  tap.outcome_of($$select octroi.create_team('Another')$$), '00000', 'with a plan for the first there may be one'
);
select tap.clear() \g /dev/null
select is(
  octroi_private.set_team_settings('{"max_owned_teams": 1}') ->> 'max_owned_teams', '1', 'the operator sets limits'
);
select is(
  tap.outcome_of($$select octroi_private.set_team_settings('{"teams": 1}')$$), '22023', 'and is told of what is none'
);
select is(
  tap.outcome_of($$select octroi_private.set_team_settings('{"max_owned_teams": 0}')$$),
  '23514 team_setting_max_owned_teams_check', 'or out of range'
);
select tap.play(:sten) \g /dev/null
select is(tap.outcome_of($$select octroi.create_team('Another')$$), 'OC013', 'of teams in all as well');
select is(tap.outcome_of($$select octroi.create_team('')$$), 'OC013', 'before anything is looked at');
select tap.play(:mia) \g /dev/null
select is(tap.outcome_of($$select octroi.create_team('')$$), '22023', 'a team has a name');
select is(tap.outcome_of($$select octroi.create_team(E'a\nb')$$), '22023', 'on one line');
select is(tap.outcome_of('select octroi.create_team(null)'), '22023', 'and not none');
select tap.play(:missing) \g /dev/null
select is(tap.outcome_of($$select octroi.create_team('x')$$), 'OC020', 'nobody makes no team');

-- An operator makes one for somebody; it is no half of one.
select tap.clear() \g /dev/null
select octroi_private.open_team(:mia, 'Made by hand') as made \gset
select is(
  octroi_private.why_refused(:'made', null, :mia, 'gpt-5.6-luna'), null,
  'a team that an operator makes may call'
);

-- Who is in it: addresses for those who look after it.
select tap.play_for(:olga, :team) \g /dev/null
select results_eq(
  $$select m.email, m.role, m.has_seat, m.is_me from octroi.team_members() as m$$,
  $$values ('olga@example.test', 'owner', true, true), ('ada@example.test', 'admin', true, false),
    ('mia@example.test', 'member', true, false)$$, 'the owner sees who is in the team'
);
select tap.play_for(:mia, :team) \g /dev/null
select results_eq(
  $$select m.email, m.is_me from octroi.team_members() as m$$,
  $$values ('o***@e***', false), ('a***@e***', false), ('mia@example.test', true)$$,
  'a member sees their own address, and of others a mask'
);
select tap.play(:mia) \g /dev/null
select is(tap.outcome_of('select octroi.team_members()'), 'OC027', 'a personal account has no members to list');
select tap.play_for(:sten, :team) \g /dev/null
select is(tap.outcome_of('select octroi.team_members()'), 'OC025', 'a stranger sees none');
select tap.clear() \g /dev/null
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), :ada, 'totp', 'verified', now(), now());
select tap.play_for(:ada, :team) \g /dev/null
select is(
  (select array_agg(m.email order by m.email) from octroi.team_members() as m where not m.is_me),
  array['m***@e***', 'o***@e***'], 'an admin who has not shown their second factor sees masks'
);

-- Seats: no more members than the plan has; a smaller plan leaves them in, and lets so many call.
select tap.clear() \g /dev/null
insert into octroi_private.member (account_id, user_id, role) values (:team, :sten, 'member');
update octroi_private.plan_version set seats = 2 where plan_code = 'premium';
select octroi_private.assign_plan(:team, 'premium') \g /dev/null
select is(
  (select string_agg(p.name, ' ' order by p.name) from tap.person as p
  where octroi_private.why_refused(:team, null, p.user_id, 'gpt-5.6-luna') is null),
  'ada olga', 'of four members the owner and whoever was first have the two seats'
);
select is(octroi_private.why_refused(:team, null, :mia, 'gpt-5.6-luna'), 'no_seat', 'the others are told why');
select is(
  (select r.verdict || ' ' || r.reason from octroi_private.reserve(
    '01900000-0000-7000-8000-0000000000a2', :team, null, :mia, 'gpt-5.6-luna', 10, 20
  ) as r), 'refused no_seat', 'by the gate'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(
  (select count(*) from octroi.team_members() as m where m.has_seat), 2::bigint, 'the owner sees who has none'
);
select is(octroi.remove_member(:ada), true, 'removes somebody');
select tap.clear() \g /dev/null
select is(octroi_private.why_refused(:team, null, :mia, 'gpt-5.6-luna'), null, 'and the next one may call');
select octroi_private.assign_plan(:team, 'basic') \g /dev/null
select is(octroi_private.why_refused(:team, null, :sten, 'gpt-5.6-luna'), null, 'as all may with a bigger plan');
select is(
  octroi_private.why_refused(tap.personal('mia'), null, :mia, 'gpt-5.6-luna'), null, 'a personal account has its seat'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
