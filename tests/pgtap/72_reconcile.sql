-- Four sets of books side by side: ledger, reports, Stripe's totals, invoices. Each difference has a reason, or is a
-- fault.
begin;
\ir setup/billing.sql
select plan(36);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null

-- A run as the worker makes it: what Stripe lists, counts and invoiced; then every difference, the faults first.
create function tap.reconcile(p_total bigint, p_subscriptions jsonb, p_invoices jsonb default '[]') returns setof text
language plpgsql
as $$
declare
  v_run bigint := octroi_private.start_reconciliation();
  v_customer text;
begin
  for v_customer in select c.customer_id from octroi_private.reconcile_customers(v_run, null, 10) as c loop
    perform octroi_private.reconcile_subscription(v_run, v_customer, s.item)
      from octroi_private.listed(p_subscriptions) as s;
    perform octroi_private.reconcile_listed(v_run, v_customer);
    perform octroi_private.reconcile_window(v_run, v_customer, w.key, p_total)
    from octroi_private.reconcile_windows(v_run, v_customer) as w;
    perform octroi_private.reconcile_invoice(v_run, v_customer, i.item) from octroi_private.listed(p_invoices) as i;
    perform octroi_private.reconcile_cycles(v_run, v_customer);
  end loop;
  return query
  select format('%s: %s', case when d.is_explained then 'explained' else 'unexplained' end, d.reason)
  from octroi_private.reconciliation_differences(v_run) as d;
  return query
  select format('%s customers, %s explained, %s unexplained', f.customers, f.explained, f.unexplained)
  from octroi_private.finish_reconciliation(v_run) as f;
end
$$;
create function tap.at_stripe(p_with jsonb default '{}') returns jsonb
language sql
begin atomic
select jsonb_build_array(tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00', p_with));
end;

select results_eq(
  'select tap.reconcile(0, tap.at_stripe())', array['1 customers, 0 explained, 0 unexplained'],
  'nothing used beyond the plan: nothing differs'
);
select tap.use(10400) \g /dev/null
select results_eq(
  'select tap.reconcile(0, tap.at_stripe())',
  array['explained: 400 wait to be reported', '1 customers, 1 explained, 0 unexplained'], 'what waits is explained'
);
select tap.travel('2027-03-05 12:10+00') \g /dev/null
select octroi_private.report_usage(10) \g /dev/null
select r.id as report from octroi_private.meter_report as r \gset
select b.action from octroi_private.begin_meter_report(:'report') as b \g /dev/null
select octroi_private.finish_meter_report(:'report', 'unknown', null) \g /dev/null
select results_eq(
  'select tap.reconcile(0, tap.at_stripe())',
  array['explained: 400 are of unknown outcome', '1 customers, 1 explained, 0 unexplained'],
  'so is what may have arrived'
);
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())', array['1 customers, 0 explained, 0 unexplained'], 'if it did, all agree'
);
select octroi_private.finish_meter_report(:'report', 'accepted', null) \g /dev/null
select results_eq(
  'select tap.reconcile(0, tap.at_stripe())',
  array['explained: Stripe counts some minutes later', '1 customers, 1 explained, 0 unexplained'], 'Stripe may be slow'
);
select tap.travel('2027-03-05 13:00+00') \g /dev/null
select results_eq(
  'select tap.reconcile(0, tap.at_stripe())',
  array[
    'unexplained: Stripe counts 0; 400 were accepted, 0 under way, 0 waiting, 0 written off',
    '1 customers, 0 explained, 1 unexplained'
  ], 'but not for an hour'
);
select results_eq(
  'select tap.reconcile(500, tap.at_stripe())',
  array[
    'unexplained: Stripe counts 500; 400 were accepted, 0 under way, 0 waiting, 0 written off',
    '1 customers, 0 explained, 1 unexplained'
  ], 'nor may it count more'
);
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())', array['1 customers, 0 explained, 0 unexplained'],
  'the same everywhere: nothing differs'
);

-- Subscriptions.
delete from octroi_private.job;
update octroi_private.stripe_object set queued_at = null;
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe('{"status": "past_due", "cancel_at_period_end": true}'))$$,
  array['unexplained: differs in cancel_at_period_end, status; fetched now', '1 customers, 0 explained, 1 unexplained'],
  'a subscription that changed unseen is a fault'
);
select is(
  (select j.args ->> 'id' from octroi_private.job as j where j.kind = 'sync_stripe_object'),
  'sub_1', 'that is put right at once'
);
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe('{"status": "past_due", "cancel_at_period_end": true}'))$$,
  array['explained: differs in cancel_at_period_end, status; being fetched', '1 customers, 1 explained, 0 unexplained'],
  'while it is, it is explained'
);
update octroi_private.stripe_object set queued_at = null;
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(jsonb_build_object('cancel_at', tap.s('2028-03-05 12:00+00'))))$$,
  array['unexplained: differs in cancel_at; fetched now', '1 customers, 0 explained, 1 unexplained'],
  'an end that was set unseen, without Stripe''s flag, as one paid by the year has it'
);
update octroi_private.stripe_object set queued_at = null;
select results_eq(
  $$select tap.reconcile(400, '[]')$$,
  array['unexplained: not listed by Stripe; fetched now', '1 customers, 0 explained, 1 unexplained'],
  'one that Stripe does not have'
);
update octroi_private.stripe_object set queued_at = null;
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe() || jsonb_build_array(tap.subscription('sub_9', '2027-03-05',
  '2027-04-05')))$$,
  array['unexplained: not known here; fetched now', '1 customers, 0 explained, 1 unexplained'],
  'one that we do not have'
);
select is(
  (select count(*) from octroi_private.billing_troubles() as t where t.kind = 'account'), 0::bigint,
  'one subscription is alive'
);
select tap.apply('subscription', tap.subscription('sub_9', '2027-03-05', '2027-04-05')) \g /dev/null
select is(
  (select t.detail from octroi_private.billing_troubles() as t where t.kind = 'account'), '2 subscriptions are alive',
  'two are a matter for the operator'
);
select tap.apply('subscription', '{"id": "sub_9", "deleted": true}') \g /dev/null

-- Invoices. Four slices at three cents.
select tap.travel('2027-04-05 12:01+00') \g /dev/null
create function tap.closing(p_status text, p_amount bigint) returns jsonb
language sql
begin atomic
select tap.invoice('in_2', 'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00', jsonb_build_object(
  'status', p_status, 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_m', 'price', tap.price('basic-v2-overage-tokens'), 'quantity', 400, 'amount', p_amount,
    'period_start', tap.s('2027-03-05 12:00+00'), 'period_end', tap.s('2027-04-05 12:00+00')
  ))
));
end;
select tap.apply('invoice', tap.closing('draft', 0)) \g /dev/null
select octroi_private.close_did('in_2', 'hold', '{}') \g /dev/null
select s.action from octroi_private.close_step('in_2') as s \g /dev/null
select octroi_private.close_did('in_2', 'compare', '{"il_m": 400}') \g /dev/null
select octroi_private.close_did('in_2', 'finalise', '{}') \g /dev/null
select tap.apply('invoice', tap.closing('open', 12)) \g /dev/null
update octroi_private.stripe_object set queued_at = null;
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(), jsonb_build_array(tap.closing('open', 12)))$$,
  array['1 customers, 0 explained, 0 unexplained'], 'the invoice says what the ledger says, to the unit'
);
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(), jsonb_build_array(tap.closing('open', 15)))$$,
  array['unexplained: 400 units cost 12', '1 customers, 0 explained, 1 unexplained'], 'one cent more is a fault'
);
update octroi_private.billing_cycle set detail = 'finalised while held';
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(), jsonb_build_array(tap.closing('open', 9)))$$,
  array[
    'unexplained: 400 units cost 12; finalised while held', '1 customers, 0 explained, 1 unexplained'
  ], 'a note of how a cycle went explains no sum'
);
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(), jsonb_build_array(tap.closing('paid', 12)))$$,
  array['unexplained: is open here and paid at Stripe; fetched now', '1 customers, 0 explained, 1 unexplained'],
  'an invoice that was paid unseen'
);

-- What comes back by itself.
delete from octroi_private.job;
update octroi_private.stripe_object set queued_at = null;
update octroi_private.recurring_job set next_at = octroi_private.now();
select is(octroi_private.enqueue_recurring(), 3::bigint, 'once a day all of this is asked');
select bag_eq(
  'select j.kind, j.args from octroi_private.job as j',
  $$values ('list_missed_events', '{}'::jsonb), ('reconcile', '{}'), ('sync_stripe_object', '{"id": "sub_1",
  "kind": "subscription"}')$$,
  'missed events are listed, the books compared, live subscriptions fetched'
);
update octroi_private.recurring_job set next_at = octroi_private.now();
select octroi_private.enqueue_recurring() \g /dev/null
select is((select count(*) from octroi_private.job), 3::bigint, 'what waits already is not asked for again');

-- Events whose fetch was lost.
delete from octroi_private.job;
update octroi_private.stripe_object set queued_at = null;
select octroi_private.receive_stripe_events('[{"id": "evt_1", "type": "invoice.paid", "created": 1,
  "object": {"id": "in_2"}}]') \g /dev/null
delete from octroi_private.job;
select tap.travel('2027-04-05 12:10+00') \g /dev/null
select is(octroi_private.requeue_events(10), 0::bigint, 'for a quarter of an hour a fetch may take');
select tap.travel('2027-04-05 12:17+00') \g /dev/null
select is(octroi_private.requeue_events(10), 1::bigint, 'then it is asked for again');

-- A call of the month that settles after its invoice: 140 units that nobody is charged for.
update octroi_private.stripe_object set queued_at = null;
select tap.travel('2027-04-05 11:59+00') \g /dev/null
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-5.6-luna', 100, 40, p_lease_seconds => 60
) as r \g /dev/null
select tap.travel('2027-04-05 12:30+00') \g /dev/null
select octroi_private.expire_due(10) \g /dev/null
select s.outcome from octroi_private.settle('01a00000-0000-7000-8000-000000000001', 100, 40) as s \g /dev/null
select tap.travel('2027-04-05 12:40+00') \g /dev/null
select octroi_private.report_usage(10) \g /dev/null
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(), jsonb_build_array(tap.closing('open', 12)))$$,
  array[
    'explained: 140 were written off or rejected', 'explained: 140 of 540 units were written off',
    '1 customers, 2 explained, 0 unexplained'
  ], 'what was written off is missing on the invoice, and nothing else'
);
select results_eq(
  $$select tap.reconcile(400, tap.at_stripe(), jsonb_build_array(tap.closing('open', 9)))$$,
  array[
    'unexplained: 540 units cost 18; finalised while held', 'explained: 140 were written off or rejected',
    '1 customers, 1 explained, 1 unexplained'
  ], 'it explains its own sum, not a cent more'
);

-- A plan switched at Stripe's own pages comes without its metered price.
select is_empty(
  $$select t.detail from octroi_private.billing_troubles() as t where t.kind = 'subscription'$$, 'every price is there'
);
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00', jsonb_build_object('items', jsonb_build_array(
    jsonb_build_object(
      'id', 'si_sub_1', 'price', tap.price('basic-v2-month'), 'quantity', 1,
      'current_period_start', tap.s('2027-03-05 12:00+00'), 'current_period_end', tap.s('2027-04-05 12:00+00')
    )
  ))
)) \g /dev/null
select results_eq(
  $$select t.subject, t.detail from octroi_private.billing_troubles() as t where t.kind = 'subscription'$$,
  $$values ('sub_1', 'lacks the price octroi-basic-v2-overage-tokens: tokens beyond the plan are not invoiced')$$,
  'the operator is told before anything is lost'
);
-- Beside an earlier subscription that had the price and has ended; nothing comes of it.
create function tap.billed_until() returns text
language plpgsql
as $$
declare
  v_until text;
begin
  perform tap.apply('subscription', tap.subscription('sub_0', '2027-02-05', '2027-03-05', jsonb_build_object(
    'status', 'canceled', 'ended_at', tap.s('2027-03-05'), 'canceled_at', tap.s('2027-03-05')
  )));
  v_until := coalesce(octroi_private.billed_until('cus_nora', 'octroi_basic_v2_tokens')::text, 'for ever');
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then return v_until;
end
$$;
select is(tap.billed_until(), 'for ever', 'and what is used meanwhile is reported, not written off');

-- Usage of a month for which no invoice comes.
select tap.apply(
  'subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')
) \g /dev/null
select tap.use(10400) \g /dev/null
select tap.travel('2027-04-05 12:50+00') \g /dev/null
select octroi_private.report_usage(10) \g /dev/null
select octroi_private.finish_meter_report(r.id, 'accepted', null)
from octroi_private.meter_report as r
cross join lateral octroi_private.begin_meter_report(r.id) \g /dev/null
update octroi_private.stripe_object set queued_at = null;
select tap.travel('2027-05-06 11:59+00') \g /dev/null
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())',
  array['explained: 140 were written off or rejected', '1 customers, 1 explained, 0 unexplained'],
  'an invoice may be a day late'
);
select tap.travel('2027-05-06 12:01+00') \g /dev/null
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())',
  array[
    'unexplained: 400 were accepted, and no invoice has a line for them', 'explained: 140 were written off or rejected',
    '1 customers, 1 explained, 1 unexplained'
  ], 'usage that Stripe took and nobody is charged for is a fault'
);

-- A draft that does not become an invoice.
select tap.apply('invoice', tap.invoice('in_3', 'sub_1', '2027-05-05 12:00Z', '2027-06-05 12:00Z', jsonb_build_object(
  'status', 'draft', 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_m', 'price', tap.price('basic-v2-overage-tokens'), 'quantity', 0, 'amount', 0,
    'period_start', tap.s('2027-04-05 12:00+00'), 'period_end', tap.s('2027-05-05 12:00+00')
  ))
))) \g /dev/null
update octroi_private.stripe_object set queued_at = null;
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())',
  array['explained: 140 were written off or rejected', '1 customers, 1 explained, 0 unexplained'],
  'there is an invoice to come'
);
select octroi_private.close_did('in_3', 'hold', '{}') \g /dev/null
select tap.travel('2027-05-07 12:02+00') \g /dev/null
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())',
  array[
    'unexplained: a draft, held', 'explained: 140 were written off or rejected',
    '1 customers, 1 explained, 1 unexplained'
  ], 'it does not come for a day'
);
update octroi_private.billing_cycle set opened_at = octroi_private.now() where invoice_id = 'in_3';
select s.action from octroi_private.close_step('in_3') as s \g /dev/null
select octroi_private.close_did('in_3', 'compare', '{"il_m": 500}') \g /dev/null
select results_eq(
  'select tap.reconcile(400, tap.at_stripe())',
  array[
    'unexplained: a draft, disputed; octroi_basic_v2_tokens: Stripe 500, ledger 400',
    'explained: 140 were written off or rejected', '1 customers, 1 explained, 1 unexplained'
  ], 'or waits for the operator''s word'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
