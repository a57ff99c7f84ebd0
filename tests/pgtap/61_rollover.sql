-- What months leave over, where nobody called for months, and where a payment came late.
begin;
\ir setup/billing.sql
select plan(9);
update octroi_private.plan_limit set rollover_months = 3 where rollover_max > 0;

create function tap.premium(p_from timestamptz, p_status text default 'paid') returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription('sub_1', p_from, p_from + interval '1 month', jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-01-01 00:00+00'),
  'status', case p_status when 'open' then 'past_due' else 'active' end,
  'items', jsonb_build_array(jsonb_build_object(
    'id', 'si_1', 'price', tap.price('premium-v2-month'), 'quantity', 1,
    'current_period_start', tap.s(p_from), 'current_period_end', tap.s(p_from + interval '1 month')
  ))
))) || tap.apply('invoice', tap.invoice('in_' || tap.s(p_from), 'sub_1', p_from, p_from + interval '1 month',
  jsonb_build_object('status', p_status, 'amount_paid', case p_status when 'paid' then 4900 else 0 end,
    'attempt_count', 1, 'lines', jsonb_build_array(jsonb_build_object(
      'id', 'il_1', 'price', tap.price('premium-v2-month'), 'quantity', 1, 'amount', 4900,
      'period_start', tap.s(p_from), 'period_end', tap.s(p_from + interval '1 month')
    ))
  )
));
end;
-- What was rolled over, by the month that it is from.
create function tap.rolled() returns setof text
language sql
stable
as $$
  select format('%s: %s until %s', (g.starts_at - interval '1 day')::date, g.amount, g.expires_at::date)
  from octroi_private.quota_grant as g where g.kind = 'rollover' order by g.starts_at
$$;
set local timezone = 'UTC';

select tap.travel('2027-01-01 00:00+00') \g /dev/null
select tap.premium('2027-01-01 00:00+00') \g /dev/null
select tap.use(88000) \g /dev/null
select tap.travel('2027-02-01 00:05+00') \g /dev/null
select tap.premium('2027-02-01 00:00+00') \g /dev/null
-- nobody calls in February
select tap.travel('2027-03-01 00:05+00') \g /dev/null
select tap.premium('2027-03-01 00:00+00') \g /dev/null
select tap.use(1000) \g /dev/null
select results_eq(
  'select tap.rolled()', array['2027-01-31: 12000 until 2027-05-01', '2027-02-28: 20000 until 2027-06-01'],
  'what January left over is there in March, though nobody called in between'
);
select is(tap.standing(), 'premium: 1000 of 132000', 'beside what February did');
select tap.use(1000) \g /dev/null
select results_eq('select count(*) from tap.rolled()', array[2::bigint], 'once');

-- April is paid late: for two days the plan is gone.
select tap.travel('2027-04-01 00:05+00') \g /dev/null
select tap.premium('2027-04-01 00:00+00', 'open') \g /dev/null
select is(tap.standing(), 'free: 0 of 33000', 'not paid: the default plan, and what was rolled over before');
select tap.travel('2027-04-03 00:05+00') \g /dev/null
select tap.premium('2027-04-01 00:00+00') \g /dev/null
select tap.use(1) \g /dev/null
select results_eq(
  'select r from tap.rolled() as r where r like ''2027-03%''', array['2027-03-31: 20000 until 2027-07-01'],
  'paid late, March is not lost'
);

-- May is not paid at all, June is. May was nobody's to roll over.
select tap.travel('2027-05-01 00:05+00') \g /dev/null
select tap.premium('2027-05-01 00:00+00', 'open') \g /dev/null
select tap.travel('2027-06-01 00:05+00') \g /dev/null
select tap.premium('2027-06-01 00:00+00') \g /dev/null
select tap.use(1) \g /dev/null
select results_eq(
  'select r from tap.rolled() as r where r > ''2027-04''', array['2027-04-30: 20000 until 2027-08-01'],
  'a month without the plan leaves nothing over, and does not take the one before along'
);

-- Another subscription starts anew.
select tap.apply('subscription', '{"id": "sub_1", "deleted": true}') \g /dev/null
select tap.travel('2027-06-15 00:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_2', '2027-06-15 00:00+00', '2027-07-15 00:00+00',
  jsonb_build_object(
  'items', jsonb_build_array(jsonb_build_object(
    'id', 'si_2', 'price', tap.price('premium-v2-month'), 'quantity', 1,
    'current_period_start', tap.s('2027-06-15 00:00+00'), 'current_period_end', tap.s('2027-07-15 00:00+00')
  ))
))) \g /dev/null
select tap.apply('invoice', tap.invoice('in_x', 'sub_2', '2027-06-15 00:00+00', '2027-07-15 00:00+00',
  jsonb_build_object(
  'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_x', 'price', tap.price('premium-v2-month'), 'quantity', 1, 'amount', 4900,
    'period_start', tap.s('2027-06-15 00:00+00'), 'period_end', tap.s('2027-07-15 00:00+00')
  ))
))) \g /dev/null
select tap.use(1) \g /dev/null
select results_eq('select count(*) from tap.rolled()', array[4::bigint], 'months before it are not its own');
select is(tap.standing(), 'premium: 1 of 140000', 'what had been rolled over stays until its time is over');

select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select * from finish();
rollback;
