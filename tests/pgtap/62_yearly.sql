-- A yearly plan: billed by the year, refreshed by the month, in months that keep the day on which they began.
begin;
\ir setup/billing.sql
select plan(22);

-- A year from an instant, paid at once.
create function tap.pay_year(p_id text, p_from timestamptz, p_anchor timestamptz) returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription(p_id, p_from, p_from + interval '1 year', jsonb_build_object(
  'billing_cycle_anchor', tap.s(p_anchor), 'items', jsonb_build_array(
    jsonb_build_object(
      'id', 'si_' || p_id, 'price', tap.price('basic-v2-year'), 'quantity', 1,
      'current_period_start', tap.s(p_from), 'current_period_end', tap.s(p_from + interval '1 year')
    ),
    jsonb_build_object(
      'id', 'si_m_' || p_id, 'price', tap.price('basic-v2-overage-tokens'),
      'current_period_start', tap.s(p_from), 'current_period_end', tap.s(p_from + interval '1 month')
    )
  )
))) || ', ' || tap.apply('invoice', tap.invoice(
  'in_' || p_id || tap.s(p_from), p_id, p_from, p_from + interval '1 year', jsonb_build_object(
    'amount_paid', 9000, 'lines', jsonb_build_array(jsonb_build_object(
      'id', 'il_1', 'price', tap.price('basic-v2-year'), 'quantity', 1, 'amount', 9000,
      'period_start', tap.s(p_from), 'period_end', tap.s(p_from + interval '1 year')
    ))
  )
));
end;

-- Begun on 31 January: the months end on the last day where there is no 31st, and on the 31st where there is.
select tap.travel('2027-01-31 17:30+00') \g /dev/null
select is(tap.pay_year('sub_y', '2027-01-31 17:30+00', '2027-01-31 17:30+00'), 'applied, applied', 'a year is paid');

create table tap.month (starts timestamptz, resets timestamptz);
insert into tap.month values
('2027-01-31 17:30+00', '2027-02-28 17:30+00'), ('2027-02-28 17:30+00', '2027-03-31 17:30+00'),
('2027-03-31 17:30+00', '2027-04-30 17:30+00'), ('2027-04-30 17:30+00', '2027-05-31 17:30+00'),
('2027-09-30 17:30+00', '2027-10-31 17:30+00'), ('2027-12-31 17:30+00', '2028-01-31 17:30+00');

-- Uses 700 in the first second of a month and 300 in its last, and says what stands after each.
create function tap.spend_month(p_starts timestamptz, p_resets timestamptz) returns text
language plpgsql
as $$
declare
  v_first text;
begin
  perform tap.travel(p_starts + interval '0.5 seconds');
  perform tap.use(700);
  v_first := tap.standing();
  perform tap.travel(p_resets - interval '1 second');
  perform tap.use(300);
  return v_first || ', then ' || tap.standing();
end
$$;
select is(
  tap.spend_month(m.starts, m.resets), 'basic: 700 of 20000, then basic: 1000 of 20000',
  format('the quota of %s is fresh to %s, and no longer', m.starts::date, m.resets::date)
) from tap.month as m;

select is(
  (select q.resets_at from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account'),
  '2028-01-31 17:30+00', 'the session''s zone and its clock changes do not matter'
);
select is(
  (select count(*) from octroi_private.balance as b where b.account_id = :'account' and b.used = 1000), 6::bigint,
  'six months were used, each for itself: twelve were never granted at once'
);

-- The next year. 2028 has a 29 February.
select tap.travel('2028-01-31 17:40+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'at the turn of the year the renewal is being paid');
select tap.pay_year('sub_y', '2028-01-31 17:30+00', '2027-01-31 17:30+00') \g /dev/null
select is(
  tap.spend_month('2028-01-31 17:30+00', '2028-02-29 17:30+00'), 'basic: 700 of 20000, then basic: 1000 of 20000',
  'a leap year''s February ends on the 29th'
);
select is(
  tap.spend_month('2028-02-29 17:30+00', '2028-03-31 17:30+00'), 'basic: 700 of 20000, then basic: 1000 of 20000',
  'and March on the 31st'
);

-- Overage of a yearly plan belongs to its month.
select tap.travel('2028-04-10 00:00+00') \g /dev/null
select tap.use(12345) \g /dev/null
select results_eq(
  format('select quantity, amount_minor, period_start, period_end from octroi_private.open_overage(%L)', :'account'),
  $$values (2345::bigint, 72::bigint, '2028-03-31 17:30+00'::timestamptz, '2028-04-30 17:30+00'::timestamptz)$$,
  'usage beyond the month''s amount is priced by the slice that was begun'
);
select is(
  (select u.event_name from octroi_private.overage_use as u), 'octroi_basic_v2_tokens', 'and is the plan''s to meter'
);

-- Begun on 29 February of a leap year.
select tap.apply('subscription', '{"id": "sub_y", "deleted": true}') \g /dev/null
select is(tap.standing(), 'free: 12345 of 12345', 'a deleted subscription grants nothing from that moment on');
select tap.travel('2028-02-29 08:00+00') \g /dev/null
select tap.pay_year('sub_z', '2028-02-29 08:00+00', '2028-02-29 08:00+00') \g /dev/null
select is(
  (select q.resets_at from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account'),
  '2028-03-29 08:00+00', 'from 29 February to 29 March'
);
select tap.travel('2029-02-27 08:00+00') \g /dev/null
select is(
  (select q.resets_at from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account'),
  '2029-02-28 08:00+00', 'to the 28th a year later'
);

-- Where the session is must not matter, across a change of its clocks.
set local timezone = 'America/St_Johns';
select tap.travel('2028-03-12 06:29:59+00') \g /dev/null
select is(
  (select q.resets_at from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account'),
  '2028-03-29 08:00+00', 'in a zone half an hour off, in the hour that is left out, nothing moves'
);
reset timezone;

select tap.travel('2029-02-28 08:00:01+00') \g /dev/null
select octroi_private.lapse_plans(10) \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'a year that is not renewed yet is trusted');
select tap.travel('2029-03-03 08:00:01+00') \g /dev/null
select is(octroi_private.lapse_plans(10), 1::bigint, 'for three days');
select is(tap.standing(), 'free: 0 of 1000', 'then the default plan takes over, without anybody calling');

select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select * from finish();
rollback;
