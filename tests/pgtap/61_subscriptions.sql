-- A subscription over its life, as Stripe tells it: paid, renewed, failed and paid late, changed, tried, paused, ended.
begin;
\ir setup/billing.sql
select plan(44);

select tap.travel('2027-01-10 08:50+00') \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'before anything is paid, the default plan');
select tap.use(400) \g /dev/null
select tap.travel('2027-01-10 09:00+00') \g /dev/null

-- Active, and not paid for: nothing. Paid for: the plan, in months that begin when it began.
select is(
  tap.apply('subscription', tap.subscription('sub_1', '2027-01-10 09:00+00', '2027-02-10 09:00+00')), 'applied',
  'a subscription arrives'
);
select is(tap.standing(), 'free: 400 of 1000', 'and grants nothing by itself');
select is(
  tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-01-10 09:00+00', '2027-02-10 09:00+00')), 'applied',
  'its invoice is paid'
);
select is(
  tap.standing(), 'basic: 0 of 20000', 'and grants the plan: 10,000, and 10,000 of overage, from that moment on'
);
select tap.use(6000) \g /dev/null
select is(
  (
    select r.verdict from octroi_private.reserve(
      octroi_private.uuid_v7(), :'account', null, :nora, 'gpt-5.6-luna', 14000, 0
    ) as r
  ), 'granted', 'the balance of the plan before bounds no call any more'
);
select octroi_private.release(r.id, 'test') from octroi_private.request as r where r.state = 'open' \g /dev/null

-- The renewal is drafted at the turn of the month and paid an hour later; in between the next month is trusted.
select tap.travel('2027-02-10 09:20+00') \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-10 09:00+00')
  )
)) \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'a new month begins while its invoice is drafted');
select tap.use(3000) \g /dev/null

-- The payment fails: what is paid is over, and nothing more is granted. What was used stays used.
select tap.apply('invoice', tap.invoice(
  'in_2', 'sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00', jsonb_build_object(
  'status', 'open', 'attempt_count', 1, 'amount_paid', 0, 'next_payment_attempt', tap.s('2027-02-13 09:00+00')
))) \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-10 09:00+00'), 'status', 'past_due'
  )
)) \g /dev/null
select is(tap.standing(), 'free: 3000 of 3000', 'past due: the default plan, of which more than all is used');
select is(
  (select m.kind || ' ' || (m.data ->> 'amount_minor') from octroi_private.mail as m), 'payment_failed 900',
  'its owner is told'
);
select tap.apply('invoice', tap.invoice(
  'in_2', 'sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00', jsonb_build_object(
  'status', 'open', 'attempt_count', 1, 'amount_paid', 0
))) \g /dev/null
select is((select count(*) from octroi_private.mail), 1::bigint, 'once for an attempt');

-- Paid late: the same month goes on.
select tap.travel('2027-02-14 12:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_2', 'sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00')) \g /dev/null
select is(
  tap.standing(), 'basic: 3000 of 10000',
  'paid late, even before Stripe says active: the plan, with what was used of this month, and nothing beyond it yet'
);
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-10 09:00+00')
  )
)) \g /dev/null
select is(tap.standing(), 'basic: 3000 of 20000', 'which comes back with the status');

-- Upgrade in the middle of the month: the new limit now, with what was used.
select tap.travel('2027-02-20 12:00+00') \g /dev/null
create function tap.upgraded(p_status text, p_with jsonb default '{}') returns jsonb
language sql
begin atomic
select tap.subscription('sub_1', '2027-02-10 09:00+00', '2027-03-10 09:00+00', jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-01-10 09:00+00'), 'status', p_status, 'items', jsonb_build_array(
    jsonb_build_object(
      'id', 'si_sub_1', 'price', tap.price('premium-v2-month'), 'quantity', 1,
      'current_period_start', tap.s('2027-02-10 09:00+00'), 'current_period_end', tap.s('2027-03-10 09:00+00')
    ),
    jsonb_build_object(
      'id', 'si_m_sub_1', 'price', tap.price('basic-v2-overage-tokens'),
      'current_period_start', tap.s('2027-02-10 09:00+00'), 'current_period_end', tap.s('2027-03-10 09:00+00')
    )
  )
) || p_with);
end;
select tap.apply('subscription', tap.upgraded('active')) \g /dev/null
select is(tap.standing(), 'basic: 3000 of 20000', 'an upgrade that is not paid yet changes nothing');
select tap.apply('invoice', tap.invoice(
  'in_3', 'sub_1', '2027-02-20 12:00+00', '2027-03-10 09:00+00', jsonb_build_object(
  'billing_reason', 'subscription_update', 'lines', jsonb_build_array(
    jsonb_build_object(
      'id', 'il_3a', 'price', tap.price('basic-v2-month'), 'quantity', 1, 'amount', -580, 'is_proration', true,
      'period_start', tap.s('2027-02-20 12:00+00'), 'period_end', tap.s('2027-03-10 09:00+00')
    ),
    jsonb_build_object(
      'id', 'il_3b', 'price', tap.price('premium-v2-month'), 'quantity', 1, 'amount', 3150, 'is_proration', true,
      'period_start', tap.s('2027-02-20 12:00+00'), 'period_end', tap.s('2027-03-10 09:00+00')
    )
  )
))) \g /dev/null
select is(tap.standing(), 'premium: 3000 of 100000', 'paid, it is in force, and what was used is carried');
select results_eq(
  $$select x from unnest(octroi_private.left_items('sub_1')) as x$$, array['si_m_sub_1'],
  'the metered price of the plan that was left is to go when the cycle is closed'
);

-- Downgrade: in force when what is paid for ends, and paid.
select tap.travel('2027-03-10 09:30+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_4', 'sub_1', '2027-03-10 09:00+00', '2027-04-10 09:00+00')) \g /dev/null
select is(
  tap.standing(), 'basic: 0 of 20000',
  'after a downgrade the lower plan, also while the subscription is not looked at yet'
);
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-10 09:00+00', '2027-04-10 09:00+00', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-10 09:00+00')
  )
)) \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'and after that');

-- Cancelled at the period's end: until then the plan, not a moment longer, whatever the grace.
select tap.use(2000) \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-10 09:00+00', '2027-04-10 09:00+00', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-10 09:00+00'), 'cancel_at_period_end', true
  )
)) \g /dev/null
select tap.travel('2027-04-10 08:59:59+00') \g /dev/null
select is(tap.standing(), 'basic: 2000 of 20000', 'to the last second');
select tap.travel('2027-04-10 09:00:01+00') \g /dev/null
select is(
  (
    select r.granted - r.used - r.reserved from octroi_private.reserve(
      octroi_private.uuid_v7(), :'account', null, :nora, 'gpt-5.6-luna', 500, 0
    ) as r
  ), 500::bigint, 'the first call after it finds the default plan'
);
select octroi_private.release(r.id, 'test') from octroi_private.request as r where r.state = 'open' \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'in the same months');
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-10 09:00+00', '2027-04-10 09:00+00', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-10 09:00+00'), 'status', 'canceled', 'ended_at', tap.s('2027-04-10 09:00+00')
  )
)) \g /dev/null
select is(
  (select m.data ->> 'plan' from octroi_private.mail as m where m.kind = 'subscription_ended'),
  'Basic', 'its owner is told'
);
select is(
  tap.apply('subscription', tap.subscription('sub_1', '2027-04-10 09:00+00', '2027-05-10 09:00+00')), 'applied',
  'something that says it lives again'
);
select is(tap.standing(), 'free: 0 of 1000', 'is not believed: what has ended stays ended');
select tap.apply('invoice', tap.invoice('in_5', 'sub_1', '2027-04-10 09:00+00', '2027-05-10 09:00+00')) \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'a late payment for a subscription that has ended grants nothing');

-- A trial: the plan until it ends, without payment; then it is paid or over.
select tap.travel('2027-05-01 00:00+00') \g /dev/null
create function tap.tried(p_status text) returns jsonb
language sql
begin atomic
select tap.subscription('sub_2', '2027-05-01 00:00+00', '2027-05-15 00:00+00', jsonb_build_object(
  'status', p_status, 'billing_cycle_anchor', tap.s('2027-05-15 00:00+00'), 'trial_end', tap.s('2027-05-15 00:00+00')
));
end;
select tap.apply('subscription', tap.tried('trialing')) \g /dev/null
select is(
  tap.standing(), 'basic: 0 of 10000', 'a trial grants the plan, and nothing beyond it'
);
select is(
  (select q.resets_at from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account'),
  '2027-05-15 00:00+00',
  'its month ends with it'
);
select tap.apply('subscription', tap.tried('paused')) \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'paused at the end of a trial: the default plan');
select tap.apply('subscription', tap.tried('unpaid')) \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'unpaid: the default plan');
select tap.apply('subscription', tap.tried('incomplete')) \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'incomplete: the default plan');
select tap.apply('subscription', tap.tried('incomplete_expired')) \g /dev/null

-- An operator's gift is nobody's to take.
select octroi_private.assign_plan(:'account', 'premium') \g /dev/null
select octroi_private.sync_access(:'account') \g /dev/null
select is(tap.standing(), 'premium: 0 of 100000', 'a plan that the operator gave stays');
select tap.apply('subscription', tap.subscription('sub_3', '2027-05-02 00:00+00', '2027-06-02 00:00+00')) \g /dev/null
select is(tap.standing(), 'premium: 0 of 100000', 'an unpaid subscription does not replace it');
select tap.travel('2027-05-02 00:01+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_6', 'sub_3', '2027-05-02 00:00+00', '2027-06-02 00:00+00')) \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'a paid one does');

-- The money of a plan goes back whole: what it paid for goes as well. In part: it stays.
select tap.apply('charge', '{
  "id": "ch_6", "customer": "cus_nora", "payment_intent": "pi_in_6", "amount": 900, "currency": "eur",
  "status": "succeeded",
  "created": 1809216000, "refunds": [{"id": "re_1", "amount": 899, "status": "succeeded", "created": 1809216000}]
}') \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'a part refunded');
select tap.apply('charge', '{
  "id": "ch_6", "customer": "cus_nora", "payment_intent": "pi_in_6", "amount": 900, "currency": "eur",
  "status": "succeeded",
  "created": 1809216000, "refunds": [
    {"id": "re_1", "amount": 899, "status": "succeeded", "created": 1809216000},
    {"id": "re_2", "amount": 1, "status": "succeeded", "created": 1809216001}
  ]
}') \g /dev/null
select is(tap.standing(), 'free: 0 of 1000', 'all refunded');

-- Roll-over: what a month of premium leaves is granted again for one month, up to its bound.
select tap.travel('2027-07-01 00:00+00') \g /dev/null
create function tap.premium(p_from timestamptz, p_to timestamptz) returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription('sub_4', p_from, p_to, jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-07-01 00:00+00'), 'items', jsonb_build_array(jsonb_build_object(
    'id', 'si_sub_4', 'price', tap.price('premium-v2-month'), 'quantity', 1,
    'current_period_start', tap.s(p_from), 'current_period_end', tap.s(p_to)
  ))
))) || tap.apply('invoice', tap.invoice('in_p' || tap.s(p_from), 'sub_4', p_from, p_to, jsonb_build_object(
  'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_p', 'price', tap.price('premium-v2-month'), 'quantity', 1, 'amount', 4900,
    'period_start', tap.s(p_from), 'period_end', tap.s(p_to)
  ))
)));
end;
select tap.premium('2027-07-01 00:00+00', '2027-08-01 00:00+00') \g /dev/null
select tap.use(85000) \g /dev/null
select tap.travel('2027-08-01 00:05+00') \g /dev/null
select tap.premium('2027-08-01 00:00+00', '2027-09-01 00:00+00') \g /dev/null
select tap.use(1000) \g /dev/null
select is(tap.standing(), 'premium: 1000 of 115000', '15,000 of July are granted again in August');
select tap.travel('2027-09-01 00:05+00') \g /dev/null
select tap.premium('2027-09-01 00:00+00', '2027-10-01 00:00+00') \g /dev/null
select tap.use(1000) \g /dev/null
select is(
  tap.standing(), 'premium: 1000 of 120000', 'of August 20,000 at most; what was rolled over into it is gone'
);
select tap.use(110000) \g /dev/null
select is(
  (
    select g.drawn::bigint from octroi_private.quota_grant as g
      where g.kind = 'rollover' and g.starts_at = '2027-09-01 00:00+00'
  ), 11000::bigint, 'it is drawn after the plan''s own amount'
);
select tap.travel(m + interval '5 minutes'), tap.premium(m, m + interval '1 month')
from generate_series('2027-10-01 00:00+00'::timestamptz, '2027-12-01 00:00+00', interval '1 month') as m \g /dev/null
select tap.use(1) \g /dev/null
select is(tap.standing(), 'premium: 1 of 120000', 'a month in which nothing was used rolls over too');

-- A disputed invoice counts as given back until the dispute is won.
select tap.travel('2027-12-05 00:00+00') \g /dev/null
select tap.apply('dispute', '{
  "id": "dp_1", "charge": "ch_9", "payment_intent": "pi_in_p1827619200", "amount": 900, "currency": "eur",
  "status": "needs_response", "created": 1827619300
}') \g /dev/null
select is(tap.apply('charge', '{
  "id": "ch_9", "customer": "cus_nora", "payment_intent": "pi_in_p1827619200", "amount": 900, "currency": "eur",
  "status": "succeeded", "created": 1827619200
}'), 'applied', 'the charge of a dispute says whose it is');
select is(tap.standing(), 'free: 1 of 21000', 'disputed: the default plan, beside what November had left over');
select is(tap.apply('dispute', '{
  "id": "dp_1", "charge": "ch_9", "payment_intent": "pi_in_p1827619200", "amount": 900, "currency": "eur",
  "status": "won", "created": 1827619300
}'), 'applied', 'won');
select is(tap.standing(), 'premium: 1 of 120000', 'the plan is back, and so is what rolled over');

select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select is_empty(
  $$select s.account_id from octroi_private.subscription as s where s.ended_at is null group by 1 having count(*) > 1$$,
  'one plan runs'
);

select * from finish();
rollback;
