-- From month to year: months are counted from another day, and what was used of the running one stays used.
begin;
\ir setup/billing.sql
select plan(16);

create function tap.on_plan(p_key text, p_anchor timestamptz, p_to timestamptz, p_with jsonb default '{}') returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription('sub_1', p_anchor, p_to, jsonb_build_object(
  'items', jsonb_build_array(
    jsonb_build_object(
      'id', 'si_1', 'price', tap.price(p_key), 'quantity', 1,
      'current_period_start', tap.s(p_anchor), 'current_period_end', tap.s(p_to)
    ),
    jsonb_build_object(
      'id', 'si_m', 'price', tap.price('basic-v2-overage-tokens'),
      'current_period_start', tap.s(p_anchor), 'current_period_end', tap.s(p_anchor + interval '1 month')
    )
  )
) || p_with));
end;
create function tap.paid(p_key text, p_from timestamptz, p_to timestamptz) returns text
language sql
begin atomic
select tap.apply('invoice', tap.invoice('in_' || p_key || tap.s(p_from), 'sub_1', p_from, p_to, jsonb_build_object(
  'amount_paid', 9000, 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_1', 'price', tap.price(p_key), 'quantity', 1, 'amount', 9000,
    'period_start', tap.s(p_from), 'period_end', tap.s(p_to)
  ))
)));
end;
create function tap.pack(p_id text) returns text
language sql
begin atomic
select tap.apply('checkout_session', jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'mode', 'payment', 'status', 'complete', 'payment_status', 'paid',
  'amount_total', 500, 'currency', 'eur', 'payment_intent', 'pi_' || p_id, 'created', 1804248000, 'line_items',
  '[{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]'::jsonb
));
end;

-- The month: 10,000 of the plan, 2,000 of a pack. One model has a limit of its own.
select tap.travel('2027-03-05 12:00+00') \g /dev/null
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:'account', 'model', 'gpt-5.6-luna', 'tokens', 'month', 30000);
select tap.on_plan('basic-v2-month', '2027-03-05 12:00+00', '2027-04-05 12:00+00') \g /dev/null
select tap.paid('basic-v2-month', '2027-03-05 12:00+00', '2027-04-05 12:00+00') \g /dev/null
select tap.play(:nora) \g /dev/null
select octroi.set_overage(false) \g /dev/null
select octroi.set_auto_top_up('small', 500, 1200) \g /dev/null
select tap.clear() \g /dev/null
select tap.pack('cs_1') \g /dev/null
select tap.use(12000) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 15000', 'a month in which all of the plan and a part of a pack is used');

-- A year from the twentieth on, by the same subscription.
select tap.travel('2027-03-20 08:00+00') \g /dev/null
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-5.6-luna', 500, 0
) as r \g /dev/null
select tap.on_plan('basic-v2-year', '2027-03-20 08:00+00', '2028-03-20 08:00+00') \g /dev/null
select tap.paid('basic-v2-year', '2027-03-20 08:00+00', '2028-03-20 08:00+00') \g /dev/null
select is(
  tap.standing(), 'basic: 10500 of 13000',
  'what was used of the plan stays used, what the pack covered is not counted twice, and a running call counts'
);
select s.outcome from octroi_private.settle('01a00000-0000-7000-8000-000000000001', 500, 0) as s \g /dev/null
select is(
  (select q.used from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'model'), 12500::bigint,
  'a limit on a model goes on as well'
);
select tap.use(1) \g /dev/null
select is(tap.standing(), 'basic: 10001 of 12500', 'the first call finds it so: of the pack 2,499 are left');
select is(
  (select sum(g.drawn)::bigint from octroi_private.quota_grant as g), 2501::bigint, 'from which it was drawn'
);
select is(
  (
    select b.carried::bigint from octroi_private.balance as b
    where b.account_id = :'account' and b.scope = 'account' and b.is_bound
  ), 10000::bigint, 'the balance says what was brought along'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select tap.travel('2027-04-20 08:01+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 12499', 'the next month is fresh');
select tap.use(100) \g /dev/null
select is(tap.standing(), 'basic: 100 of 12499', 'and stays so');

-- The cap of what is bought by itself is for a month too, whatever its first day.
delete from octroi_private.budget;
select tap.use(12390) \g /dev/null
select octroi_private.finish_billing_request(r.id,
'in_auto1', null) from octroi_private.billing_request as r \g /dev/null
create function tap.auto_paid(p_id text) returns text
language sql
begin atomic
select tap.apply('invoice', jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'status', 'paid', 'total', 500, 'amount_due', 500, 'amount_paid', 500,
  'currency', 'eur', 'created', 1804248000, 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_a', 'price', tap.price('top-up-small-v1'), 'quantity', 1, 'amount', 500,
    'period_start', 1804248000, 'period_end', 1804248000
  ))
));
end;
select tap.auto_paid('in_auto1') \g /dev/null
select tap.use(5000) \g /dev/null
select octroi_private.finish_billing_request(r.id, 'in_auto2', null) from octroi_private.billing_request as r
where r.state = 'pending' \g /dev/null
select tap.auto_paid('in_auto2') \g /dev/null
select is((select count(*) from octroi_private.billing_request), 2::bigint, 'two packs are bought, of 1,200 a month');
select tap.travel('2027-04-25 08:00+00') \g /dev/null
select tap.on_plan('premium-v2-year', '2027-04-25 08:00+00', '2028-04-25 08:00+00') \g /dev/null
select tap.paid('premium-v2-year', '2027-04-25 08:00+00', '2028-04-25 08:00+00') \g /dev/null
select is(tap.standing(), 'premium: 10000 of 105009', 'another year, of a better plan, from another day');
select tap.use(94600) \g /dev/null
select is(
  (select count(*) from octroi_private.billing_request), 2::bigint,
  'a third pack would be too much for the month'
);
select tap.travel('2027-05-25 08:01+00') \g /dev/null
select tap.use(104600) \g /dev/null
select is((select count(*) from octroi_private.billing_request), 3::bigint, 'in the next one it is not');

-- Another subscription is another month that was paid for: it is fresh.
select tap.apply('subscription', '{"id": "sub_1", "deleted": true}') \g /dev/null
select tap.travel('2027-06-01 08:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_2', '2027-06-01 08:00+00', '2027-07-01 08:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_2', 'sub_2', '2027-06-01 08:00+00', '2027-07-01 08:00+00')) \g /dev/null
select is(
  (
    select q.used from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account' and q.meter = 'tokens'
  ), 0::bigint, 'one that is bought anew begins anew'
);
-- A trial that is ended before its time is not the first month that is paid.
select tap.apply('subscription', '{"id": "sub_2", "deleted": true}') \g /dev/null
select tap.travel('2027-07-10 08:00+00') \g /dev/null
create function tap.tried(p_status text, p_ends timestamptz) returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription('sub_3', '2027-07-10 08:00+00', p_ends, jsonb_build_object(
  'status', p_status, 'billing_cycle_anchor', tap.s(p_ends), 'trial_end', tap.s(p_ends)
)));
end;
select tap.tried('trialing', '2027-07-24 08:00+00') \g /dev/null
select tap.use(6000) \g /dev/null
select tap.travel('2027-07-15 08:00+00') \g /dev/null
select tap.tried('active', '2027-07-15 08:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_3', 'sub_3', '2027-07-15 08:00+00', '2027-08-15 08:00+00')) \g /dev/null
select is(
  (
    select q.used from octroi_private.quota_of(:'account', :nora) as q where q.scope = 'account' and q.meter = 'tokens'
  ), 0::bigint, 'what was tried was not bought'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select * from finish();
rollback;
