-- What a limit is made of: the plan's own, what packs and gifts add, what may be used beyond both, and where that
-- begins to cost money.
begin;
\ir setup/billing.sql
select plan(15);

create function tap.parts() returns text
language sql
stable
as $$
  select format(
    '%s = %s + %s + %s, charged above %s, used %s', q.granted, q.included, q.from_grants, q.overage,
    coalesce(q.charged_above::text, 'nothing'), q.used
  )
  from octroi.my_quota() as q
  where q.scope = 'account' and q.period = 'month'
$$;

select tap.travel('2027-03-05 12:00+00') \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.parts(), '1000 = 1000 + 0 + 0, charged above nothing, used 0', 'the free plan is all there is');
select tap.clear() \g /dev/null
select octroi_private.add_grant(:'account', 'tokens', 250, 'promo', 'a gift') \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.parts(), '1250 = 1000 + 250 + 0, charged above nothing, used 0',
'a gift stands apart, and costs nothing');

select tap.clear() \g /dev/null
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(
  tap.parts(), '20250 = 10000 + 250 + 10000, charged above 10250, used 0',
  'with overage: what the cap buys stands apart, and charging begins beyond plan and gift'
);
select bag_eq('select * from octroi.quota', 'select * from octroi.my_quota()', 'the view says the same');

-- As calls are made the parts stay what they are.
select tap.clear() \g /dev/null
select tap.use(10100) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(
  tap.parts(), '20250 = 10000 + 250 + 10000, charged above 10250, used 10100',
  'what is drawn from a gift is still a gift'
);
select is(
  (select n.amount_minor from octroi.next_invoice() as n where n.line = 'overage'), null, 'and nothing is charged yet'
);
select results_eq(
  $$select allowed, remaining, charged from octroi.check_quota('gpt-5.6-luna', 150)$$,
  $$values (true, 10150::bigint, 0::bigint)$$, 'check_quota: the last of the gift is not charged'
);
select results_eq(
  $$select allowed, remaining, charged from octroi.check_quota('gpt-5.6-luna', 400)$$,
  $$values (true, 10150::bigint, 250::bigint)$$, 'of a larger call, what goes beyond'
);
select tap.clear() \g /dev/null
select tap.use(400) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(
  (select n.quantity from octroi.next_invoice() as n where n.line = 'overage'), 250::bigint,
  'and that is what is then charged'
);
select is(
  tap.parts(), '20250 = 10000 + 250 + 10000, charged above 10250, used 10500', 'charging began where it was said'
);

-- Switched off, what was charged is still what it was, and nothing more will be.
select octroi.set_overage(false) \g /dev/null
select is(
  tap.parts(), '10500 = 10000 + 250 + 250, charged above 10250, used 10500', 'what was charged stays, nothing is left'
);
select octroi.set_overage(true, 9) \g /dev/null
select is(
  tap.parts(), '10550 = 10000 + 250 + 300, charged above 10250, used 10500', 'a lower cap buys less'
);

-- A plan that the operator gives is billed to nobody.
select tap.clear() \g /dev/null
insert into auth.users (id, email) values ('01a00000-0000-7000-8000-0000000000f1', 'stan@example.test');
select octroi_private.assign_plan(a.id, 'basic') from octroi_private.account as a
where a.owner_user_id = '01a00000-0000-7000-8000-0000000000f1' \g /dev/null
select tap.play('01a00000-0000-7000-8000-0000000000f1') \g /dev/null
select is(
  tap.parts(), '20000 = 10000 + 0 + 10000, charged above nothing, used 0', 'a plan that was given is charged to nobody'
);

-- A limit that was lowered below what is used: no part is negative, and nothing is left.
select tap.clear() \g /dev/null
insert into octroi_private.budget (account_id, scope, meter, period, amount)
values (:'account', 'account', 'tokens', 'month', 400);
select tap.play(:nora) \g /dev/null
select is(
  (select q.remaining from octroi.my_quota() as q where q.period = 'month'), 0::bigint,
  'a budget below what is used leaves nothing'
);
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
