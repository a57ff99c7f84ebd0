-- Usage beyond plan and packs on its way to Stripe: booked call by call, told once, whatever happens to the telling.
begin;
\ir setup/billing.sql
select plan(50);

select tap.travel('2027-03-05 12:00:30+00') \g /dev/null
select tap.apply(
  'subscription', tap.subscription('sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null
select tap.apply(
  'invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null

-- The reports there are: state, units, and what their calls used.
create function tap.reports() returns setof text
language sql
stable
as $$
  select format('%s %s of %s calls', r.state, r.value, (
    select count(*) from octroi_private.overage_use as u where u.report_id = r.id
  )) from octroi_private.meter_report as r order by r.created_at, r.id
$$;
create function tap.last_report() returns uuid
language sql
stable
begin atomic
select r.id from octroi_private.meter_report as r order by r.created_at desc, r.id desc limit 1;
end;
create function tap.begun() returns text
language sql
as $$
  select concat_ws(' ', b.action, b.value, b.event_name, b.customer_id)
  from octroi_private.begin_meter_report(tap.last_report()) as b
$$;
create function tap.finished(p_outcome text) returns text
language sql
begin atomic
select octroi_private.finish_meter_report(tap.last_report(), p_outcome, null);
end;
-- What a total would make of the last report; nothing comes of it.
create function tap.resolved_by(p_total bigint) returns text
language plpgsql
as $$
declare
  v_state text;
begin
  v_state := octroi_private.resolve_meter_report(tap.last_report(), p_total);
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then return v_state;
end
$$;
create function tap.sweep() returns bigint
language sql
begin atomic
select octroi_private.report_usage(100);
end;

-- 10,000 are included. A pack of 5,000 comes next, then overage.
select tap.use(9000) \g /dev/null
select is((select count(*) from octroi_private.overage_use), 0::bigint, 'within the plan nothing is overage');
select tap.use(1500) as first_beyond \gset
select tap.apply('checkout_session', '{
  "id": "cs_1", "customer": "cus_nora", "mode": "payment", "status": "complete", "payment_status": "paid",
  "amount_total": 500, "currency": "eur", "payment_intent": "pi_cs", "created": 1804248000,
  "line_items": [{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]
}') \g /dev/null
select tap.use(5300) as second_beyond \gset
select results_eq(
  'select u.request_id, u.amount::bigint from octroi_private.overage_use as u order by 1',
  format($$values (%L::uuid, 500::bigint), (%L, 300)$$, :'first_beyond', :'second_beyond'),
  'of each call exactly what neither plan nor pack covered'
);
select results_eq(
  format('select quantity, slice, amount_minor from octroi_private.open_overage(%L)', :'account'),
  $$values (800::bigint, 100::bigint, 24::bigint)$$, 'its price is known at once'
);

-- It waits a while, then goes as one report.
select is(tap.sweep(), 0::bigint, 'nothing is reported call by call');
select tap.travel('2027-03-05 12:10+00') \g /dev/null
select is(tap.sweep(), 1::bigint, 'after five minutes it is');
select results_eq('select tap.reports()', array['pending 800 of 2 calls'], 'as one report of two calls');
select is(
  (select j.args from octroi_private.job as j where j.kind = 'send_meter_report'),
  jsonb_build_object('report_id', tap.last_report()), 'for the worker to send'
);
select is(tap.sweep(), 0::bigint, 'once');
select results_eq(
  $$select to_timestamp(b.timestamp_s), to_timestamp(b.window_start_s), to_timestamp(b.window_end_s),
  b.identifier = tap.last_report()::text
    from octroi_private.begin_meter_report(tap.last_report()) as b$$,
  $$values ('2027-03-05 12:01:00+00'::timestamptz, '2027-03-05 12:01:00+00'::timestamptz,
  '2027-04-05 12:00:00+00'::timestamptz, true)$$,
  'it is dated within the whole minutes of its period, under the row''s own identifier'
);
select tap.use(100) \g /dev/null
select tap.travel('2027-03-05 12:20+00') \g /dev/null
select is(tap.sweep(), 0::bigint, 'while it is under way no other is made');
select is(tap.finished('accepted'), 'accepted', 'accepted');
select is(tap.begun(), null, 'it is not sent again');
select is(tap.finished('unknown'), 'accepted', 'nor does a late word change it');
select is(tap.sweep(), 1::bigint, 'then the next one is made');

-- Not taken for sure: sent again. Unknown: the same again, for a day.
select is(tap.begun(), 'send 100 octroi_basic_v2_tokens cus_nora', 'the next one is sent');
select is(tap.finished('not_sent'), 'pending', 'Stripe was busy');
select is(tap.begun(), 'send 100 octroi_basic_v2_tokens cus_nora', 'so it is sent again');
select is(tap.finished('unknown'), 'unknown', 'nobody knows whether it arrived');
select tap.travel('2027-03-06 11:19+00') \g /dev/null
select is(tap.begun(), 'send 100 octroi_basic_v2_tokens cus_nora', 'for 23 hours the same identifier is safe');
select is(tap.finished('not_sent'), 'unknown', 'that this attempt failed says nothing of the one before');
select tap.travel('2027-03-06 11:21+00') \g /dev/null
select is(
  tap.begun(), 'compare 100 octroi_basic_v2_tokens cus_nora',
  'then totals are read first: sending may take minutes, and must not outlast the day that Stripe remembers'
);
select is(
  octroi_private.resolve_meter_report(tap.last_report(), 777), 'disputed',
  'a total that fits neither is a matter for people'
);
select is(
  (select t.kind from octroi_private.billing_troubles() as t where t.kind = 'meter_report'),
  'meter_report', 'and listed'
);
update octroi_private.meter_report set state = 'unknown' where state = 'disputed';
select is(tap.resolved_by(900), 'accepted', 'a total with it: it arrived');
select is(octroi_private.resolve_meter_report(tap.last_report(), 800), 'resent', 'a total without it: it did not');
select is(tap.sweep(), 1::bigint, 'so its usage is told again');
select results_eq(
  'select tap.reports()', array['accepted 800 of 2 calls', 'replaced 100 of 0 calls', 'pending 100 of 1 calls'],
  'under another identifier'
);
select tap.begun() \g /dev/null
select is(tap.finished('accepted'), 'accepted', 'and accepted');

-- Stripe finds fault with it later.
select is(
  octroi_private.reject_meter_reports(array[tap.last_report()::text, 'somebody else''s'], 'no such customer'),
    1::bigint,
  'rejected after all'
);
select is(tap.sweep(), 1::bigint, 'its usage is told a third time');
select is(
  (select r.generation from octroi_private.meter_report as r where r.id = tap.last_report()), 2::smallint,
  'which is counted'
);
select tap.begun() \g /dev/null
select tap.finished('accepted') \g /dev/null
select octroi_private.reject_meter_reports(array[tap.last_report()::text], 'no such customer') \g /dev/null
select tap.sweep() \g /dev/null
select tap.begun() \g /dev/null
select tap.finished('accepted') \g /dev/null
select octroi_private.reject_meter_reports(array[tap.last_report()::text], 'no such customer') \g /dev/null
select is(
  (select r.state || ': ' || r.detail from octroi_private.meter_report as r where r.id = tap.last_report()),
  'rejected: no such customer', 'after a few times it is left to people'
);
select is(tap.sweep(), 0::bigint, 'and not told again by itself');
update octroi_private.meter_report set generation = 0 where id = tap.last_report();
select octroi_private.replace_reports(array[tap.last_report()], 'the customer is back') \g /dev/null
select is(tap.sweep(), 1::bigint, 'unless an operator says so');
select tap.begun() \g /dev/null
select is(tap.finished('rejected'), 'rejected', 'a report that Stripe refuses at once');
select is(
  (select count(*) from octroi_private.billing_troubles() as t where t.kind = 'meter_report'), 1::bigint,
  'is listed as well'
);

-- Stripe is down for weeks.
select tap.use(50) \g /dev/null
select tap.travel('2027-03-06 13:00+00') \g /dev/null
select tap.sweep() \g /dev/null
select tap.travel('2027-04-10 13:00+00') \g /dev/null
select is(tap.begun(), 'too_old 50 octroi_basic_v2_tokens cus_nora', 'after 35 days Stripe takes it no more');
select is(tap.begun(), null, 'it is written off');
select is(
  (
    select t.detail from octroi_private.billing_troubles() as t
    where t.kind = 'meter_report' and t.subject = tap.last_report()::text
  ), 'written_off: older than the 35 days that Stripe takes', 'and listed'
);

-- What customers say about it.
select tap.apply(
  'invoice', tap.invoice('in_2', 'sub_1', '2027-04-05 12:00:30+00', '2027-05-05 12:00:30+00')
) \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'the plan lets 300 cents'' worth happen: 10,000 tokens');
select tap.play(:nora) \g /dev/null
select is(octroi.set_overage(true, 90), true, 'a lower cap');
select tap.clear() \g /dev/null
select is(tap.standing(), 'basic: 0 of 13000', 'buys as many slices as it pays for');
select tap.play(:nora) \g /dev/null
select is(octroi.set_overage(true, 100000), true, 'a higher one');
select tap.clear() \g /dev/null
select is(tap.standing(), 'basic: 0 of 20000', 'is bounded by the plan''s');
select tap.play(:nora) \g /dev/null
select is(octroi.set_overage(false), false, 'switched off');
select tap.clear() \g /dev/null
select is(tap.standing(), 'basic: 0 of 10000', 'the plan ends where it ends');
select tap.use(10500) \g /dev/null
select is(
  (select sum(u.amount)::bigint from octroi_private.overage_use as u where u.occurred_at > '2027-04-05'), null,
  'what could not be refused is nobody''s overage'
);

-- An upgrade: what was paid for as overage does not come out of the new plan.
select tap.play(:nora) \g /dev/null
select octroi.set_overage(true) \g /dev/null
select tap.clear() \g /dev/null
select tap.use(2000) \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-04-05 12:00:30+00', '2027-05-05 12:00:30+00', jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-03-05 12:00:30+00'), 'items', jsonb_build_array(jsonb_build_object(
    'id', 'si_sub_1', 'price', tap.price('premium-v2-month'), 'quantity', 1,
    'current_period_start', tap.s('2027-04-05 12:00:30+00'), 'current_period_end', tap.s('2027-05-05 12:00:30+00')
  ))
))) \g /dev/null
select tap.apply('invoice', tap.invoice(
  'in_3', 'sub_1', '2027-04-10 13:00+00', '2027-05-05 12:00:30+00', jsonb_build_object(
  'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_3', 'price', tap.price('premium-v2-month'), 'quantity', 1, 'amount', 4000,
    'period_start', tap.s('2027-04-10 13:00+00'), 'period_end', tap.s('2027-05-05 12:00:30+00')
  ))
))) \g /dev/null
select is(
  tap.standing(), 'premium: 12000 of 102000', 'of 12,000 used 2,000 were overage: 90,000 of the new plan are left'
);
select tap.use(89000) \g /dev/null
select is(
  (select sum(u.amount)::bigint from octroi_private.overage_use as u where u.occurred_at > '2027-04-05'), 2000::bigint,
  'and none of them is overage'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
