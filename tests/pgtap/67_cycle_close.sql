-- The end of a cycle: the draft is held, what is still to come is waited for, totals are compared, and it is let go.
-- The worker is asked to do one step after another; here the steps are done by hand.
begin;
\ir setup/billing.sql
select plan(54);

select tap.travel('2027-03-05 12:00:30+00') \g /dev/null
select tap.apply(
  'subscription', tap.subscription('sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null
select tap.apply(
  'invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null

-- The draft of a renewal: the plan for the next month, and what was metered in the one that ended.
create function tap.draft(p_id text, p_from timestamptz, p_to timestamptz, p_with jsonb default '{}') returns jsonb
language sql
begin atomic
select tap.invoice(p_id, 'sub_1', p_to, p_to + interval '1 month', jsonb_build_object(
  'status', 'draft', 'amount_paid', 0, 'auto_advance', true, 'lines', jsonb_build_array(
    jsonb_build_object(
      'id', 'il_' || p_id, 'price', tap.price('basic-v2-month'), 'quantity', 1, 'amount', 900,
      'period_start', tap.s(p_to), 'period_end', tap.s(p_to + interval '1 month')
    ),
    jsonb_build_object(
      'id', 'il_m_' || p_id, 'price', tap.price('basic-v2-overage-tokens'), 'quantity', 0, 'amount', 0,
      'period_start', tap.s(p_from), 'period_end', tap.s(p_to)
    )
  )
) || p_with);
end;
create function tap.step(p_id text) returns text
language sql
as $$
  select concat_ws(' ', s.action, nullif(s.wait_seconds, 0)) from octroi_private.close_step(p_id) as s
$$;
-- Sends every report that waits.
create function tap.send_reports() returns bigint
language sql
as $$
  select count(octroi_private.finish_meter_report(r.id, 'accepted', null))
  from octroi_private.meter_report as r
  cross join lateral octroi_private.begin_meter_report(r.id) as b
  where r.state in ('pending', 'sending', 'unknown')
$$;

-- 10,500 used; a call of the last minute still runs when the month ends.
select tap.use(10500) \g /dev/null
select tap.travel('2027-04-05 12:00:10+00') \g /dev/null
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-5.6-luna', 200, 100, p_lease_seconds => 600
) as r \g /dev/null
select tap.travel('2027-04-05 12:01+00') \g /dev/null
select tap.apply('invoice', tap.draft('in_2', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')) \g /dev/null
select is(
  (select array_agg(j.args) from octroi_private.job as j where j.kind = 'close_cycle'),
  array['{"invoice_id": "in_2"}'::jsonb], 'a draft for usage is taken up'
);
select tap.apply('invoice', tap.draft('in_2', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')) \g /dev/null
select is((select count(*) from octroi_private.job as j where j.kind = 'close_cycle'), 1::bigint, 'once');

select is(tap.step('in_2'), 'hold', 'first it is held');
select is(tap.step('in_2'), 'hold', 'asked again before that is done, the same');
select is(octroi_private.close_did('in_2', 'finalise', '{}'), 'opened', 'what was not asked for does not count');
select is(octroi_private.close_did('in_2', 'hold', '{}'), 'held', 'it is held');
select is(tap.step('in_2'), 'wait 15', 'then what runs is waited for');
select tap.use(700) \g /dev/null
select s.outcome from octroi_private.settle('01a00000-0000-7000-8000-000000000001', 200, 40) as s \g /dev/null
select is(tap.step('in_2'), 'wait 2', 'then the reports, made at once');
select results_eq(
  'select r.state, r.value::bigint, r.usage_at from octroi_private.meter_report as r',
  $$values ('pending', 740::bigint, '2027-04-05 11:59:59+00'::timestamptz)$$,
  'what the call used belongs to the month in which it began, and so does the report'
);
select is(tap.step('in_2'), 'wait 2', 'and waited for');
select tap.send_reports() \g /dev/null
select is(
  (select s.action || ' ' || (s.args #>> '{windows,0,key}') from octroi_private.close_step('in_2') as s),
  'compare il_m_in_2',
  'then totals are compared'
);
select results_eq(
  $$select (w ->> 'meter_id'), (w ->> 'customer'), to_timestamp((w ->> 'start_s')::bigint),
  to_timestamp((w ->> 'end_s')::bigint)
    from octroi_private.close_step('in_2') as s cross join lateral jsonb_array_elements(s.args -> 'windows') as w$$,
  $$values ('id_octroi_basic_v2_tokens', 'cus_nora', '2027-03-05 12:01+00'::timestamptz,
  '2027-04-05 12:00+00'::timestamptz)$$,
  'in whole minutes, as Stripe''s summaries are'
);
-- Stripe counts with a delay.
select is(
  octroi_private.close_did('in_2', 'compare', '{"il_m_in_2": 500}'), 'flushed', 'Stripe has less than the ledger'
);
select is(tap.step('in_2'), 'wait 15', 'so it is given time');
select tap.travel('2027-04-05 12:02+00') \g /dev/null
select is(tap.step('in_2'), 'compare', 'and asked again');
select is(octroi_private.close_did('in_2', 'compare', '{"il_m_in_2": 740}'), 'compared', 'now it has the same');
select is(tap.step('in_2'), 'finalise', 'and the invoice is let go');

-- A call that had been given up and settles now comes too late.
select tap.play(:nora) \g /dev/null
select is(
  (select sum(n.amount_minor)::bigint from octroi.next_invoice() as n), 924::bigint,
  'its owner sees 8 slices and the next month'
);
select tap.clear() \g /dev/null
select is(octroi_private.close_did('in_2', 'finalise', '{}'), 'finalised', 'it is');
select is(tap.step('in_2'), 'done', 'and that is all');
select is(tap.step('in_2'), 'done', 'for good');
select tap.apply('invoice', tap.draft('in_2', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00', '{
  "status": "paid", "amount_paid": 924, "total": 924
}')) \g /dev/null
select is(tap.standing(), 'basic: 700 of 20000', 'paid, the next month is granted');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

-- Late usage of a closed month.
select tap.travel('2027-04-05 12:00:20+00') \g /dev/null
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000002', :'account', null, :nora, 'gpt-5.6-luna', 100, 100, p_lease_seconds => 60
) as r \g /dev/null
select tap.travel('2027-04-05 12:30+00') \g /dev/null
select octroi_private.expire_due(10) \g /dev/null
select is(
  (select s.outcome from octroi_private.settle('01a00000-0000-7000-8000-000000000002', 100, 100) as s), 'settled_late',
  'a call of the month that is closed settles after all'
);
select tap.travel('2027-04-05 12:40+00') \g /dev/null
select octroi_private.report_usage(10) \g /dev/null
select is(
  (select string_agg(format('%s %s: %s', r.state, r.value, r.detail), ', ')
  from octroi_private.meter_report as r where r.state <> 'accepted'),
  'written_off 200: the invoice of its period is closed', 'it is written off, and on record'
);
select tap.play(:nora) \g /dev/null
select is(
  (select array_agg(n.line) from octroi.next_invoice() as n), array['plan'], 'and charged to nobody'
);
select tap.clear() \g /dev/null

-- Stripe counts more than the ledger.
select tap.use(9700) \g /dev/null
select tap.travel('2027-05-05 12:01+00') \g /dev/null
select tap.apply('invoice', tap.draft('in_3', '2027-04-05 12:00:30+00', '2027-05-05 12:00:30+00')) \g /dev/null
select octroi_private.close_did('in_3', 'hold', '{}') \g /dev/null
select tap.step('in_3') \g /dev/null
select tap.send_reports() \g /dev/null
select is(tap.step('in_3'), 'compare', 'the next cycle');
select is(
  octroi_private.close_did('in_3', 'compare', '{"il_m_in_3": 10400}'), 'disputed', 'Stripe has more than the ledger'
);
select is(tap.step('in_3'), 'disputed', 'no machine charges a customer for that');
select is(
  (select t.detail from octroi_private.billing_troubles() as t where t.kind = 'billing_cycle'),
  'disputed: octroi_basic_v2_tokens: Stripe 10400, ledger 400', 'the operator is told what differs'
);
select is(octroi_private.release_cycle('in_3'), true, 'and may let it go');
select is(tap.step('in_3'), 'finalise', 'as it stands');

-- Stripe finalises by itself, or somebody at its dashboard.
select tap.apply(
  'invoice', tap.draft('in_3', '2027-04-05 12:00:30+00', '2027-05-05 12:00:30+00', '{"status": "open"}')
) \g /dev/null
select is(tap.step('in_3'), 'done', 'an invoice that is no draft any more needs nothing');
select matches(
  (select c.detail from octroi_private.billing_cycle as c where c.invoice_id = 'in_3'), 'finalised while compared',
  'but a note of how it came to that'
);

-- The total stays short for a day.
select tap.apply(
  'invoice', tap.draft('in_3', '2027-04-05 12:00:30+00', '2027-05-05 12:00:30+00', '{"status": "paid",
  "amount_paid": 912}')
) \g /dev/null
select tap.use(10100) \g /dev/null
select tap.travel('2027-06-05 12:01+00') \g /dev/null
select tap.apply('invoice', tap.draft('in_4', '2027-05-05 12:00:30+00', '2027-06-05 12:00:30+00')) \g /dev/null
select octroi_private.close_did('in_4', 'hold', '{}') \g /dev/null
select tap.step('in_4') \g /dev/null
select tap.send_reports() \g /dev/null
select tap.step('in_4') \g /dev/null
select is(
  octroi_private.close_did('in_4', 'compare', '{"il_m_in_4": 0}'), 'flushed', 'what was accepted does not show up'
);
select tap.travel('2027-06-06 12:02+00') \g /dev/null
select is(tap.step('in_4'), 'compare', 'for a day');
select is(
  octroi_private.close_did('in_4', 'compare', '{"il_m_in_4": 0}'), 'compared',
  'then the customer gets the smaller invoice'
);
select is(octroi_private.close_did('in_4', 'finalise', '{}'), 'finalised', 'and the draft does not stay for ever');

-- Nobody asks any more: a worker died.
select tap.step('in_4') \g /dev/null
select tap.apply(
  'invoice', tap.draft('in_4', '2027-05-05 12:00:30+00', '2027-06-05 12:00:30+00', '{"status": "paid",
  "amount_paid": 900}')
) \g /dev/null
select tap.travel('2027-07-05 12:01+00') \g /dev/null
delete from octroi_private.job;
select tap.apply('invoice', tap.draft('in_5', '2027-06-05 12:00:30+00', '2027-07-05 12:00:30+00')) \g /dev/null
update octroi_private.job set state = 'dead', finished_at = octroi_private.now();
select tap.travel('2027-07-05 13:00+00') \g /dev/null
select is(octroi_private.watch_billing(10), 0::bigint, 'a draft that is an hour old is left alone');
select tap.travel('2027-07-05 14:02+00') \g /dev/null
select is(octroi_private.watch_billing(10), 1::bigint, 'one that nobody worked on for two is taken up again');
select is(octroi_private.watch_billing(10), 0::bigint, 'once');
select is(tap.step('in_5'), 'hold', 'where it stood');

-- Cancelled at once: no further call, what was used is told, then the subscription goes.
select octroi_private.close_did('in_5', 'hold', '{}') \g /dev/null
select tap.apply(
  'invoice', tap.draft('in_5', '2027-06-05 12:00:30+00', '2027-07-05 12:00:30+00', '{"status": "paid",
  "amount_paid": 900}')
) \g /dev/null
select tap.step('in_5') \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-07-05 12:00:30+00', '2027-08-05 12:00:30+00', jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-03-05 12:00:30+00')
))) \g /dev/null
select tap.use(10250) \g /dev/null
select tap.play(:nora) \g /dev/null
select octroi.cancel_subscription(false) as cancelling \gset
select tap.clear() \g /dev/null
create function tap.cancel_step(p_id uuid) returns text
language sql
as $$
  select concat_ws(' ', s.action, nullif(s.wait_seconds, 0)) from octroi_private.cancel_step(p_id) as s
$$;
select is(tap.cancel_step(:'cancelling'), 'wait 2', 'cancelled at once: what was used beyond the plan is told first');
select is(tap.standing(), 'free: 10250 of 10250', 'and nothing more may be used');
select tap.send_reports() \g /dev/null
select is(tap.cancel_step(:'cancelling'), 'cancel', 'then it is cancelled');
select is(
  (select s.action from octroi_private.cancel_step('01a00000-0000-7000-8000-00000000dead') as s),
  'done', 'there is nothing to do about what is not there'
);

-- Ended within its first minute, which no summary of Stripe's shows alone. What was used in it is dated at its end.
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-07-05 12:00:30+00', '2027-08-05 12:00:30+00', jsonb_build_object(
  'status', 'canceled', 'ended_at', tap.s('2027-07-05 14:02:30+00')
))) \g /dev/null
create function tap.begin_anew(p_id text, p_from timestamptz) returns void
language plpgsql
as $$
begin
  perform tap.travel(p_from);
  perform tap.apply('subscription', tap.subscription(p_id, p_from, p_from + interval '1 month'));
  perform tap.apply('invoice', tap.invoice('in_' || p_id, p_id, p_from, p_from + interval '1 month'));
  perform tap.travel(p_from + interval '10 seconds');
  perform tap.use(10250);
end
$$;
select tap.begin_anew('sub_2', '2027-07-06 09:00:10+00') \g /dev/null
select tap.play(:nora) \g /dev/null
select octroi.cancel_subscription(false) as cancelling \gset
select tap.clear() \g /dev/null
select is(tap.cancel_step(:'cancelling'), 'wait 2', 'what was used is told at once');
select tap.send_reports() \g /dev/null
select matches(tap.cancel_step(:'cancelling'), '^wait (4[0-9])$', 'and the subscription lives until that has been');
select tap.travel('2027-07-06 09:01:01+00') \g /dev/null
select is(tap.cancel_step(:'cancelling'), 'cancel', 'then it is cancelled');
select tap.apply('subscription', tap.subscription(
  'sub_2', '2027-07-06 09:00:10+00', '2027-08-06 09:00:10+00', jsonb_build_object(
  'status', 'canceled', 'ended_at', tap.s('2027-07-06 09:01:02+00')
))) \g /dev/null
select tap.apply('invoice', tap.draft('in_6', '2027-07-06 09:00:10+00', '2027-07-06 09:01:02+00', '{
  "subscription": "sub_2"
}')) \g /dev/null
select octroi_private.close_did('in_6', 'hold', '{}') \g /dev/null
select results_eq(
  $$select to_timestamp((w ->> 'start_s')::bigint), to_timestamp((w ->> 'end_s')::bigint)
    from octroi_private.close_step('in_6') as s cross join lateral jsonb_array_elements(s.args -> 'windows') as w$$,
  $$values ('2027-07-06 09:01+00'::timestamptz, '2027-07-06 09:02+00'::timestamptz)$$,
  'in a minute that can be asked for'
);
select is(octroi_private.close_did('in_6', 'compare', '{"il_m_in_6": 250}'), 'compared', 'and was counted');

-- Ended at Stripe's own pages, which wait for nobody: nothing can be told for a time after the end.
select tap.begin_anew('sub_3', '2027-07-06 10:00:10+00') \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_3', '2027-07-06 10:00:10+00', '2027-08-06 10:00:10+00', jsonb_build_object(
  'status', 'canceled', 'ended_at', tap.s('2027-07-06 10:00:30+00')
))) \g /dev/null
select tap.apply('invoice', tap.draft('in_7', '2027-07-06 10:00:10+00', '2027-07-06 10:00:30+00', '{
  "subscription": "sub_3"
}')) \g /dev/null
select octroi_private.close_did('in_7', 'hold', '{}') \g /dev/null
select tap.step('in_7') \g /dev/null
select is(
  octroi_private.close_did('in_7', 'compare', '{"il_m_in_7": 0}'), 'compared', 'its last invoice waits for nothing'
);
select is(
  (select t.detail from octroi_private.billing_troubles() as t where t.detail like '%first minute%'),
  'written_off: its subscription ended within its first minute', 'and what was used is listed'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
