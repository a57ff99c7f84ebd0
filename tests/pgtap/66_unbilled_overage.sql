-- Overage happens only where it will be billed: not in a trial, and not on top of a payment that failed.
begin;
\ir setup/billing.sql
select plan(17);

create function tap.tried(p_status text) returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-05-01 00:00+00', '2027-05-15 00:00+00', jsonb_build_object('status', p_status,
  'billing_cycle_anchor', tap.s('2027-05-15 00:00+00'), 'trial_end', tap.s('2027-05-15 00:00+00')
)));
end;
create function tap.next_overage() returns bigint
language sql
as $$
  select sum(n.quantity)::bigint from octroi.next_invoice() as n where n.line = 'overage'
$$;

-- A trial ends where the plan does.
select tap.travel('2027-05-01 00:00+00') \g /dev/null
select tap.tried('trialing') \g /dev/null
select is(tap.standing(), 'basic: 0 of 10000', 'in a trial there is the plan, and nothing beyond it');
select tap.play(:nora) \g /dev/null
select is(octroi.set_overage(true, 150), true, 'overage may be switched on meanwhile');
select tap.clear() \g /dev/null
select tap.use(11000) \g /dev/null
select is(tap.standing(), 'basic: 10000 of 10000', 'and does not happen');
select is((select count(*) from octroi_private.overage_use), 0::bigint, 'so nothing is owed for it');
select tap.play(:nora) \g /dev/null
select is(tap.next_overage(), null, 'nor announced');
select tap.clear() \g /dev/null

-- The first paid month: as it was set.
select tap.travel('2027-05-15 00:10+00') \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-05-15 00:00+00', '2027-06-15 00:00+00', jsonb_build_object('trial_end', tap.s('2027-05-15 00:00+00'))
)) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-05-15 00:00+00', '2027-06-15 00:00+00')) \g /dev/null
select is(tap.standing(), 'basic: 0 of 15000', 'paid, it goes on as far as was set: 50 slices');
select tap.use(10250) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.next_overage(), 250::bigint, 'and is announced');
select tap.clear() \g /dev/null

-- Nothing beyond the plan of somebody whom nobody bills is announced.
select tap.apply('subscription', '{"id": "sub_1", "deleted": true}') \g /dev/null
select tap.travel('2027-06-20 00:00+00') \g /dev/null
select octroi_private.assign_plan(:'account', 'basic') \g /dev/null
select is(tap.standing(), 'basic: 0 of 15000', 'an operator''s gift is as the operator declared it');
select tap.use(10500) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.next_overage(), 250::bigint, 'and what nobody will bill of it is not announced');
select tap.clear() \g /dev/null

-- A year, billed by the month for overage. The invoice for that fails.
select tap.travel('2027-07-01 00:00+00') \g /dev/null
create function tap.year(p_status text) returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription(
  'sub_2', '2027-07-01 00:00+00', '2028-07-01 00:00+00', jsonb_build_object('status', p_status, 'items',
  jsonb_build_array(
    jsonb_build_object(
      'id', 'si_2', 'price', tap.price('basic-v2-year'), 'quantity', 1,
      'current_period_start', tap.s('2027-07-01 00:00+00'), 'current_period_end', tap.s('2028-07-01 00:00+00')
    ),
    jsonb_build_object(
      'id', 'si_m_2', 'price', tap.price('basic-v2-overage-tokens'),
      'current_period_start', tap.s('2027-07-01 00:00+00'), 'current_period_end', tap.s('2027-08-01 00:00+00')
    )
  )
)));
end;
select tap.year('active') \g /dev/null
select tap.apply('invoice', tap.invoice('in_2', 'sub_2', '2027-07-01 00:00+00', '2028-07-01 00:00+00',
  jsonb_build_object(
  'amount_paid', 9000, 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_2', 'price', tap.price('basic-v2-year'), 'quantity', 1, 'amount', 9000,
    'period_start', tap.s('2027-07-01 00:00+00'), 'period_end', tap.s('2028-07-01 00:00+00')
  ))
))) \g /dev/null
select tap.use(12000) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 15000', 'a year, and 2,000 beyond its first month');
select tap.year('past_due') \g /dev/null
select is(
  tap.standing(), 'basic: 12000 of 12000',
  'the invoice for them fails: the year is paid, and nothing more happens beyond it'
);
select is(
  (
    select r.verdict || ' ' || r.reason from octroi_private.reserve(
      octroi_private.uuid_v7(), :'account', null, :nora, 'gpt-5.6-luna', 1, 0
    ) as r
  ), 'refused quota_exceeded', 'from the next call on'
);
select tap.play(:nora) \g /dev/null
select is(
  tap.next_overage(), 2250::bigint,
  'what happened is billed, as is what the subscription before has not yet billed'
);
select tap.clear() \g /dev/null
select tap.travel('2027-08-01 00:10+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 10000', 'a new month has its own amount');
select tap.use(1) \g /dev/null
select tap.year('active') \g /dev/null
select tap.use(1) \g /dev/null
select is(
  (
    select b.overage::bigint from octroi_private.balance as b
    where b.account_id = :'account' and b.is_bound and b.resets_at = '2027-09-01 00:00+00'
  ), 5000::bigint, 'paid, it may go on, at the next call'
);
select is(tap.standing(), 'basic: 2 of 15000', 'and is shown so');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
