-- Payments that take their time, and plans whose time was given back: what is trusted meanwhile, and what is not.
begin;
\ir setup/billing.sql
select plan(25);

-- The subscription as it is in the month from an instant; p_with says what differs.
create function tap.month(p_from timestamptz, p_with jsonb default '{}') returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription('sub_1', p_from, p_from + interval '1 month', jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-01-10 09:00+00')
) || p_with));
end;
create function tap.bill(p_id text, p_from timestamptz, p_with jsonb default '{}') returns text
language sql
begin atomic
select tap.apply('invoice', tap.invoice(p_id, 'sub_1', p_from, p_from + interval '1 month', p_with));
end;
create function tap.granted_until() returns timestamptz
language sql
stable
begin atomic
select s.granted_until
from octroi_private.subscription as s
where s.ended_at is null and s.account_id = (
  select a.id from octroi_private.account as a where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e'
);
end;

select tap.travel('2027-01-10 09:00+00') \g /dev/null
select tap.month('2027-01-10 09:00+00') \g /dev/null
select tap.bill('in_1', '2027-01-10 09:00+00') \g /dev/null

-- A direct debit: the subscription stays active and its invoice open for weeks, tried once.
select tap.travel('2027-02-10 10:00+00') \g /dev/null
select tap.month('2027-02-10 09:00+00') \g /dev/null
select is(tap.granted_until(), '2027-02-13 09:00+00', 'a renewal of which nothing is known is trusted for three days');
select tap.bill('in_2', '2027-02-10 09:00+00', '{"status": "open", "amount_paid": 0}') \g /dev/null
select is(tap.granted_until(), '2027-03-03 09:00+00', 'one whose invoice waits for its payment for three weeks');
select tap.bill('in_2', '2027-02-10 09:00+00', '{"status": "open", "amount_paid": 0, "attempt_count": 1}') \g /dev/null
select tap.travel('2027-02-23 09:00+00') \g /dev/null
select is(octroi_private.lapse_plans(10), 0::bigint, 'nothing lapses while a direct debit is on its way');
select tap.use(10) \g /dev/null
select is(tap.standing(), 'basic: 10 of 20000', 'and the plan is there');
select is_empty(
  $$select * from octroi_private.mail as m where m.kind = 'payment_failed'$$, 'nobody is told that it failed'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select tap.bill('in_2', '2027-02-10 09:00+00') \g /dev/null
select is(tap.granted_until(), '2027-03-13 09:00+00', 'paid, the next one is trusted as ever');

-- The next one comes back.
select tap.travel('2027-03-10 10:00+00') \g /dev/null
select tap.month('2027-03-10 09:00+00') \g /dev/null
select tap.bill('in_3', '2027-03-10 09:00+00', '{"status": "open", "amount_paid": 0, "attempt_count": 1}') \g /dev/null
select tap.travel('2027-03-15 10:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'a direct debit that will fail is trusted as well');
select tap.bill('in_3', '2027-03-10 09:00+00', jsonb_build_object(
  'status', 'open', 'amount_paid', 0, 'attempt_count', 1, 'next_payment_attempt', tap.s('2027-03-18 09:00+00')
)) \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'until another try is due, even before the status says so');
select is(
  (select count(*) from octroi_private.mail as m where m.kind = 'payment_failed'), 1::bigint, 'then its owner is told'
);
select tap.month('2027-03-10 09:00+00', '{"status": "past_due"}') \g /dev/null
select tap.bill('in_3', '2027-03-10 09:00+00', '{"status": "open", "amount_paid": 0, "attempt_count": 2}') \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'a second try is not trusted');
select tap.bill('in_3', '2027-03-10 09:00+00') \g /dev/null
select tap.month('2027-03-10 09:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'what arrives counts');

-- A draft that we keep, because Stripe counts more than the ledger.
select tap.travel('2027-04-10 09:10+00') \g /dev/null
select tap.month('2027-04-10 09:00+00') \g /dev/null
create function tap.draft(p_status text) returns text
language sql
begin atomic
select tap.bill('in_4', '2027-04-10 09:00+00', jsonb_build_object('status', p_status, 'amount_paid', 900, 'lines',
  jsonb_build_array(
    jsonb_build_object(
      'id', 'il_4', 'price', tap.price('basic-v2-month'), 'quantity', 1, 'amount', 900,
      'period_start', tap.s('2027-04-10 09:00+00'), 'period_end', tap.s('2027-05-10 09:00+00')
    ),
    jsonb_build_object(
      'id', 'il_m', 'price', tap.price('basic-v2-overage-tokens'), 'quantity', 0, 'amount', 0,
      'period_start', tap.s('2027-03-10 09:00+00'), 'period_end', tap.s('2027-04-10 09:00+00')
    )
  )
));
end;
select tap.draft('draft') \g /dev/null
select octroi_private.close_did('in_4', 'hold', '{}') \g /dev/null
select s.action from octroi_private.close_step('in_4') as s \g /dev/null
select is(
  octroi_private.close_did('in_4', 'compare', '{"il_m": 7}'), 'disputed',
  'a draft is kept for people to look at'
);
select tap.travel('2027-04-30 09:00+00') \g /dev/null
select is(octroi_private.lapse_plans(10), 0::bigint, 'its customer does not pay for that with the plan');
select is(tap.standing(), 'basic: 0 of 20000', 'for weeks');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select tap.travel('2027-05-01 09:00:01+00') \g /dev/null
select is(octroi_private.lapse_plans(10), 1::bigint, 'three of them');
select is(tap.standing(), 'free: 0 of 1000', 'and no more');
select is(
  octroi_private.set_billing_settings('{"payment_grace_seconds": 0}') ->> 'payment_grace_seconds', '0',
  'an operator may trust less'
);
select is(
  tap.outcome_of($$select octroi_private.set_billing_settings('{"payment_grace_seconds": 1814401}')$$), '22023',
  'and no more than three weeks'
);
select octroi_private.set_billing_settings('{"payment_grace_seconds": 1814400}') \g /dev/null
select tap.draft('paid') \g /dev/null

-- A downgrade: the lower plan was never paid for, and its first invoice is drafted when what was paid for ends.
select tap.travel('2027-04-10 09:10+00') \g /dev/null
create function tap.sells(p_key text, p_amount bigint, p_from timestamptz, p_to timestamptz) returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'id', 'il_' || p_key || p_amount, 'price', tap.price(p_key), 'quantity', 1, 'amount', p_amount,
  'is_proration', p_amount < 0, 'period_start', tap.s(p_from), 'period_end', tap.s(p_to)
);
end;
create function tap.on_plan(p_id text, p_key text, p_anchor timestamptz, p_status text default 'active') returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription(p_id, p_anchor, p_anchor + interval '1 month', jsonb_build_object(
  'status', p_status, 'items', jsonb_build_array(jsonb_build_object(
    'id', 'si_' || p_id, 'price', tap.price(p_key), 'quantity', 1,
    'current_period_start', tap.s(p_anchor), 'current_period_end', tap.s(p_anchor + interval '1 month')
  ))
)));
end;
select tap.apply('subscription', '{"id": "sub_1", "deleted": true}') \g /dev/null
select tap.travel('2027-06-01 09:00+00') \g /dev/null
select tap.on_plan('sub_2', 'premium-v2-month', '2027-06-01 09:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_5', 'sub_2', '2027-06-01 09:00+00', '2027-07-01 09:00+00',
  jsonb_build_object(
  'lines', jsonb_build_array(tap.sells('premium-v2-month', 4900, '2027-06-01 09:00+00', '2027-07-01 09:00+00'))
))) \g /dev/null
select tap.travel('2027-07-01 09:10+00') \g /dev/null
select tap.on_plan('sub_2', 'basic-v2-month', '2027-06-01 09:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'after a downgrade the lower plan is trusted like any renewal');
select tap.apply('subscription', '{"id": "sub_2", "deleted": true}') \g /dev/null

-- A year of basic is given back on an upgrade; then the better plan is not paid.
select tap.travel('2027-08-01 09:00+00') \g /dev/null
select tap.on_plan('sub_3', 'basic-v2-year', '2027-08-01 09:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_6', 'sub_3', '2027-08-01 09:00+00', '2028-08-01 09:00+00',
  jsonb_build_object(
  'amount_paid', 9000,
  'lines', jsonb_build_array(tap.sells('basic-v2-year', 9000, '2027-08-01 09:00+00', '2028-08-01 09:00+00'))
))) \g /dev/null
select tap.travel('2027-08-20 09:00+00') \g /dev/null
select tap.on_plan('sub_3', 'premium-v2-month', '2027-08-20 09:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_7', 'sub_3', '2027-08-20 09:00+00', '2027-09-20 09:00+00',
  jsonb_build_object(
  'amount_paid', 0, 'total', -3632, 'lines', jsonb_build_array(
    tap.sells('basic-v2-year', -8532, '2027-08-20 09:00+00', '2028-08-01 09:00+00'),
    tap.sells('premium-v2-month', 4900, '2027-08-20 09:00+00', '2027-09-20 09:00+00')
  )
))) \g /dev/null
select is(tap.standing(), 'premium: 0 of 100000', 'an upgrade that the year before it pays for');
select tap.travel('2027-09-20 09:10+00') \g /dev/null
select tap.on_plan('sub_3', 'premium-v2-month', '2027-08-20 09:00+00', 'past_due') \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'when it is not paid any more, the year that was given back is not there');
-- Back to the year: it is bought again, and counts from then on.
select tap.travel('2027-09-21 09:00+00') \g /dev/null
select tap.on_plan('sub_3', 'basic-v2-year', '2027-09-21 09:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_8', 'sub_3', '2027-09-21 09:00+00', '2028-09-21 09:00+00',
  jsonb_build_object(
  'amount_paid', 9000,
  'lines', jsonb_build_array(tap.sells('basic-v2-year', 9000, '2027-09-21 09:00+00', '2028-09-21 09:00+00'))
))) \g /dev/null
select is(tap.granted_until(), '2028-09-24 09:00+00', 'bought again, it is paid again');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
