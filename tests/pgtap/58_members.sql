-- Members: who decides about whom, what ends with a membership, and how a team passes to another owner.
begin;
\ir setup/cast.sql
select plan(58);

-- Who decides about whom.
select tap.play_for(:mia, :team) \g /dev/null
select is(tap.outcome_of(format('select octroi.remove_member(%L)', :ada)), 'OC021', 'a member removes nobody');
select is(
  tap.outcome_of(format('select octroi.set_member_role(%L, %L)', :mia, 'admin')), 'OC021',
  'nor makes themselves an admin'
);
select is(tap.outcome_of(format('select octroi.transfer_team(%L)', :mia)), 'OC021', 'nor the owner');
select tap.play_for(:ada, :team) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.set_member_role(%L, %L)', :mia, 'admin')), 'OC021', 'an admin makes no admin'
);
select is(tap.outcome_of(format('select octroi.transfer_team(%L)', :ada)), 'OC021', 'takes no team');
select is(tap.outcome_of(format('select octroi.remove_member(%L)', :olga)), 'OC027', 'and does not remove the owner');
select is(tap.outcome_of(format('select octroi.remove_member(%L)', :ada)), 'OC021', 'or themselves: they leave');
select tap.play_for(:olga, :team) \g /dev/null
select is(tap.outcome_of(format('select octroi.remove_member(%L)', :olga)), 'OC027', 'the owner is not removed');
select is(tap.outcome_of('select octroi.leave_team()'), 'OC027', 'and does not leave');
select is(
  tap.outcome_of(format('select octroi.set_member_role(%L, %L)', :olga, 'member')), 'OC027', 'nor becomes less'
);
select is(
  tap.outcome_of(format('select octroi.set_member_role(%L, %L)', :mia, 'owner')), '22023', 'a role makes no owner'
);
select is(octroi.remove_member(:sten), octroi.remove_member(:missing), 'a stranger is as good as nobody');
select is(octroi.set_member_role(:sten, 'admin'), false, 'and has no role to change');
select is(octroi.transfer_team(:sten), false, 'and is no heir');
select tap.play(:olga) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.remove_member(%L)', :mia)), 'OC027', 'a personal account has nobody to remove'
);
select is(tap.outcome_of('select octroi.leave_team()'), 'OC027', 'and is not left');

-- Each of it asks for the second factor, before anything else.
select tap.clear() \g /dev/null
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), :olga, 'totp', 'verified', now(), now());
select tap.play_for(:olga, :team) \g /dev/null
select is(
  tap.outcome_of(s.statement), 'OC040', s.statement || ' asks for the second factor'
)
from (values
  ('select octroi.remove_member(null)'), ('select octroi.set_member_role(null, null)'),
  ('select octroi.transfer_team(null)'), ('select octroi.leave_team()'), ('select octroi.invite_member(null, null)'),
  ('select octroi.set_member_budget(null, null, null, null)'), ('select octroi.create_team(null)')
) as s (statement);
select tap.clear() \g /dev/null
delete from auth.mfa_factors;

-- Roles.
update auth.users set email_confirmed_at = now() where id = :mia;
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.set_member_role(:mia, 'admin'), true, 'the owner makes an admin');
select tap.play_for(:mia, :team) \g /dev/null
select is(
  (select count(*) from octroi.usage as u where u.account_id = :team), 3::bigint, 'who sees all of the team''s usage'
);
select octroi.invite_member('x@y.test', 'http://localhost:3000/') as id \gset
select octroi.set_auto_top_up('tokens_100k', 1000, 1000) \g /dev/null
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.set_member_role(:mia, 'member'), true, 'and takes it back');
select tap.clear() \g /dev/null
select is(
  (select i.state from octroi_private.invitation as i where i.id = :'id'), 'revoked',
  'with it end the invitations they sent'
);
select is(
  (select t.user_id from octroi_private.auto_top_up as t where t.account_id = :team), :olga,
  'and packs are bought for the owner'
);
select tap.play_for(:mia, :team) \g /dev/null
select is((select count(*) from octroi.usage as u where u.account_id = :team), 1::bigint, 'they see their own again');

-- What ends with a membership, and what stays.
select tap.clear() \g /dev/null
select k.id as key from octroi_private.api_key as k where k.name = 'mia team' \gset
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'member', :mia, 'tokens', 'day', 5000);
select is(
  (select r.verdict from octroi_private.reserve(
    '01900000-0000-7000-8000-0000000000b1', :team, :'key', :mia, 'gpt-5.6-luna', 10, 20
  ) as r), 'granted', 'mia has a call under way'
);
select tap.play_for(:mia, :team) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') \g /dev/null
select tap.play_for(:ada, :team) \g /dev/null
select is(octroi.remove_member(:mia), true, 'an admin removes a member');
select is(octroi.remove_member(:mia), false, 'once');
select tap.clear() \g /dev/null
select is(
  (select k.state from octroi_private.authenticate_key(sha256('mia team')) as k), 'revoked',
  'their key of the team is revoked'
);
select is(
  (select k.state from octroi_private.authenticate_key(sha256('mia')) as k), 'active', 'their own is not'
);
select is_empty(
  format('select * from octroi_private.authenticate_user(%L, %L)', :mia, :team), 'their token is nobody''s there'
);
select is(octroi_private.why_refused(:team, null, :mia, 'gpt-5.6-luna'), 'not_a_member', 'they call no more');
select is(
  (select r.outcome from octroi_private.settle('01900000-0000-7000-8000-0000000000b1', 10, 0, 5) as r), 'settled',
  'the call under way is settled'
);
select is_empty(
  format('select from octroi_private.budget as b where b.subject = %L', :mia), 'the limit on them is gone'
);
select is_empty(
  format('select from octroi_private.completion as c where c.user_id = %L', :mia),
  'and what they had asked for is not done'
);
select is(
  (select sum(d.total_tokens) from octroi_private.usage_daily as d where d.account_id = :team and d.user_id = :mia),
  430::numeric,
  'what they used stays the team''s'
);
insert into octroi_private.member (account_id, user_id, role) values (:team, :mia, 'member');
select is(
  (select k.state from octroi_private.authenticate_key(sha256('mia team')) as k), 'revoked',
  'a member again: the old key stays revoked'
);
select tap.play_for(:mia, :team) \g /dev/null
select is(octroi.leave_team(), true, 'a member leaves');
select is(tap.outcome_of('select octroi.my_quota()'), 'OC025', 'and acts for the team no more');

-- Handing over. What the team is paid with is the former owner's, and goes, unless they leave it.
select tap.clear() \g /dev/null
select octroi_private.link_stripe_customer(:team, 'cus_team') \g /dev/null
insert into octroi_private.auto_top_up (account_id, pack_code, below, monthly_cap_minor, user_id)
values (:team, 'tokens_100k', 1000, 1000, :olga)
on conflict (account_id) do nothing;
select tap.play_for(:olga, :team) \g /dev/null
select is(tap.outcome_of(format('select octroi.transfer_team(%L)', :olga)), 'OC027', 'the owner is the owner already');
select is(octroi.transfer_team(:ada), true, 'the owner hands the team over');
select is(tap.outcome_of(format('select octroi.transfer_team(%L)', :ada)), 'OC021', 'once');
select tap.clear() \g /dev/null
select results_eq(
  format('select a.owner_user_id, t.user_id
    from octroi_private.account as a
    join octroi_private.auto_top_up as t on t.account_id = a.id where a.id = %L', :team),
  format('values (%L::uuid, %L::uuid)', :ada, :ada), 'to whom it is, and who buys for it'
);
select bag_eq(
  format('select p.name, m.role
    from octroi_private.member as m join tap.person as p using (user_id) where m.account_id = %L', :team),
  $$values ('ada', 'owner'), ('olga', 'admin')$$, 'the former owner is an admin'
);
select results_eq(
  $$select m.user_id, m.data ->> 'cause', m.data ->> 'payment'
    from octroi_private.mail as m where m.kind = 'new_owner'$$,
  format($$values (%L::uuid, 'transferred', 'none')$$, :ada), 'the new one is told'
);
select s.id as step from octroi_private.erasure_step as s where s.kind = 'handover' \gset
select is(
  (select e.action from octroi_private.erasure_at_stripe(:step) as e), 'hand_over',
  'and the card and name of the former owner come off the customer at Stripe'
);
select is(octroi_private.finish_erasure_step(:step), true, 'which is done');
select is(octroi_private.finish_erasure_step(:step), false, 'once');
select is(
  (select l.detail -> 'was' ->> 'owner'
    from octroi_private.audit_log as l where l.action = 'account.update' and l.account_id = :team),
  octroi_private.pseudonym_of(:olga)::text, 'the audit log says whose it was'
);
select tap.play_for(:ada, :team) \g /dev/null
select is(octroi.transfer_team(:olga, keep_payment_details => true), true, 'back again, with what pays');
select tap.clear() \g /dev/null
select is(
  (select count(*) from octroi_private.erasure_step as s where s.kind = 'handover'), 1::bigint, 'which is left as it is'
);

-- The limit of teams is the heir's as well.
select octroi_private.set_team_settings('{"max_owned_unpaid_teams": 0}') \g /dev/null
select octroi_private.assign_plan(:team, 'free') \g /dev/null
select tap.play_for(:olga, :team) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.transfer_team(%L)', :ada)), 'OC013',
  'nobody is given more teams than they may own'
);

-- An owner who is erased leaves the team to the next one, as before.
select tap.clear() \g /dev/null
delete from auth.users where id = :olga;
select is(
  (select a.owner_user_id from octroi_private.account as a where a.id = :team), :ada,
  'an erased owner is followed by the admin'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
