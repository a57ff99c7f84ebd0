-- A team is closed by its owner: nothing of it calls, buys or binds any more, and what it used stays.
begin;
\ir setup/cast.sql
select plan(33);

create function tap.verdict(p_key uuid, p_user uuid) returns text
language sql
begin atomic
select coalesce(r.reason, r.verdict)
from octroi_private.reserve(
  octroi_private.uuid_v7(), '01a00000-0000-7000-8000-0000000000ff', p_key, p_user, 'gpt-5.6-luna', 1, 1
) as r;
end;
update auth.users set email_confirmed_at = now() where id = :olga;
select tap.key_id('mia team') as mias \gset

-- Whose it is to close.
select tap.play_for(:mia, :team) \g /dev/null
select is(tap.outcome_of('select octroi.close_team()'), 'OC021', 'a member does not close the team');
select tap.play_for(:ada, :team) \g /dev/null
select is(tap.outcome_of('select octroi.close_team()'), 'OC021', 'nor does an admin');
select tap.play_for(:sten, :team) \g /dev/null
select is(tap.outcome_of('select octroi.close_team()'), 'OC025', 'nor a stranger');
select tap.play(:olga) \g /dev/null
select is(tap.outcome_of('select octroi.close_team()'), 'OC027', 'a personal account is not closed so');
select tap.clear() \g /dev/null
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), :olga, 'totp', 'verified', now(), now());
select tap.play_for(:olga, :team) \g /dev/null
select is(tap.outcome_of('select octroi.close_team()'), 'OC040', 'the owner shows their second factor');
select tap.clear() \g /dev/null
delete from auth.mfa_factors;

-- Nothing may take money for it any more.
insert into octroi_private.stripe_customer (id, account_id) values ('cus_team', :team);
insert into octroi_private.stripe_subscription (
  id, customer_id, status, currency, anchor_at, created_at, cancel_at_period_end, is_paused
)
values ('sub_team', 'cus_team', 'past_due', 'eur', now(), now(), false, false);
select tap.play_for(:olga, :team) \g /dev/null
select throws_like('select octroi.close_team()', 'the team has a subscription', 'not while a subscription runs');
select tap.clear() \g /dev/null
update octroi_private.stripe_subscription set status = 'canceled' where id = 'sub_team';
select octroi_private.enqueue_billing_request(:team, :ada, 'top_up', '{}') as request \gset
select tap.play_for(:olga, :team) \g /dev/null
select throws_like('select octroi.close_team()', '%under way', 'nor while something is being asked of Stripe');
select tap.clear() \g /dev/null
update octroi_private.billing_request
set state = 'done', url = 'https://checkout.stripe.test/1', object_id = 'cs_1', finished_at = octroi_private.now()
where id = :'request';
select tap.play_for(:olga, :team) \g /dev/null
select throws_like('select octroi.close_team()', '%still open', 'nor while somebody may still pay on a page');
select tap.clear() \g /dev/null
insert into octroi_private.stripe_checkout_session (id, customer_id, mode, status, payment_status, created_at)
values ('cs_1', 'cus_team', 'payment', 'expired', 'unpaid', now());

-- Closed.
select r.id as running from octroi_private.uuid_v7() as r (id) \gset
select is(
  (
    select r.verdict from octroi_private.reserve(
      :'running', :team, :'mias', :mia, 'gpt-5.6-luna', 10, 20
    ) as r
  ), 'granted', 'a call is under way'
);
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'account', '', 'tokens', 'day', 5000), (:team, 'api_key', :'mias', 'tokens', 'day', 5000),
(:team, 'member', :mia, 'tokens', 'day', 5000);
insert into octroi_private.overage_setting (account_id, is_on) values (:team, true);
insert into octroi_private.auto_top_up (account_id, pack_code, below, monthly_cap_minor, user_id)
values (:team, 'tokens_100k', 5, 5000, :olga);
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', 'http://localhost:3000/join') as invitation \gset
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') \g /dev/null
select count(*) as used from octroi.usage as u where u.account_id = :team \gset
select is(octroi.close_team(), true, 'its owner closes it');
select is(tap.outcome_of('select octroi.close_team()'), 'OC021', 'once');
select tap.clear() \g /dev/null
select is_empty(
  format('select from octroi_private.api_key as k where k.account_id = %L and k.revoked_at is null', :team),
  'its keys are revoked, the owner''s too'
);
select is(
  (select a.state from octroi_private.authenticate_key(sha256('mia team'::bytea)) as a), 'revoked', 'and a member''s'
);
select isnt(tap.verdict(null, :olga), 'granted', 'nobody calls for it, not even its owner');
select isnt(tap.verdict(null, :mia), 'granted', 'nor who was a member');
select is(
  (select string_agg(m.role, ' ') from octroi_private.member as m where m.account_id = :team), 'owner',
  'of its members the owner is left'
);
select is_empty(
  format('select from octroi_private.budget as b where b.account_id = %L', :team), 'its budgets are gone'
);
select is_empty(
  format('select from octroi_private.auto_top_up as t where t.account_id = %L', :team), 'it buys nothing by itself'
);
select is_empty(
  format('select from octroi_private.overage_setting as o where o.account_id = %L', :team), 'and goes beyond nothing'
);
select is_empty(
  format('select from octroi_private.completion as c where c.account_id = %L', :team), 'what was queued is not made'
);
select is(
  (select i.state from octroi_private.invitation as i where i.id = :'invitation'), 'revoked', 'invitations end'
);
select is(
  (select count(*) from octroi_private.audit_log as l where l.account_id = :team and l.action = 'account.update'
    and l.detail ->> 'status' = 'closed'), 1::bigint, 'it is in the audit log'
);

-- What stays.
select is(
  (select r.outcome from octroi_private.settle(:'running', 10, 0, 5) as r), 'settled', 'a call under way is settled'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(
  (select count(*) from octroi.usage as u where u.account_id = :team), (:used + 1)::bigint,
  'its owner reads what it used, that call included'
);
select results_eq(
  $$select a.status, a.role, a.members from octroi.my_accounts() as a where a.kind = 'team'$$,
  $$values ('closed', 'owner', 1::bigint)$$, 'and that it is closed'
);
select is(tap.outcome_of($$select octroi.set_budget('tokens', 'day', 5)$$), 'OC021', 'but changes nothing of it');
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'http://localhost:3000/join')$$), 'OC021', 'invites nobody'
);
select is(
  tap.outcome_of(
    $$select octroi.start_checkout('basic', 'month', 'http://localhost:3000/', 'http://localhost:3000/')$$
  ), 'OC021', 'and buys nothing'
);
select tap.play_for(:mia, :team) \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), 'OC025', 'who was a member has no part in it');
select tap.play(:olga) \g /dev/null
select is(tap.outcome_of($$select octroi.create_team('Another')$$), '00000', 'a closed team counts against no limit');
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

-- It goes with its owner, and to nobody else.
delete from auth.users where id = :olga;
select results_eq(
  format('select a.status, a.name, a.owner_user_id from octroi_private.account as a where a.id = %L', :team),
  $$values ('closed', 'erased', null::uuid)$$, 'an erasure of its owner erases it'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds after that');

select * from finish();
rollback;
