-- A change of the billing interval begins a new cycle in the middle of one. What was used beyond the plan until then is
-- at Stripe before it, nothing more is used meanwhile, and afterwards each use counts in one cycle.
begin;
\ir setup/billing.sql
select plan(27);

select tap.travel('2027-03-05 12:00:30+00') \g /dev/null
select tap.apply(
  'subscription', tap.subscription('sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null
select tap.apply(
  'invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null

create function tap.send_reports() returns bigint
language sql
as $$
  select count(octroi_private.finish_meter_report(r.id, 'accepted', null))
  from octroi_private.meter_report as r
  cross join lateral octroi_private.begin_meter_report(r.id) as b
  where r.state in ('pending', 'sending', 'unknown')
$$;
create table tap.change (id uuid);
-- What to do next when Stripe counts so much; asked for nothing else than the worker would tell.
create function tap.step(p_counted bigint default null) returns text
language plpgsql
as $$
declare
  v_step record;
  v_id uuid := (select c.id from tap.change as c);
begin
  select s.* into v_step from octroi_private.change_step(v_id, null) as s;
  if v_step.action = 'compare' and p_counted is not null then
    select s.* into v_step from octroi_private.change_step(v_id, (
      select jsonb_object_agg(w.item ->> 'key', p_counted) from octroi_private.listed(v_step.windows) as w
    )) as s;
  end if;
  return concat_ws(' ', v_step.action, nullif(v_step.wait_seconds, 0));
end
$$;
create function tap.ask() returns text
language plpgsql
as $$
begin
  delete from tap.change;
  insert into tap.change values (octroi.change_plan('basic', 'year'));
  return '00000';
exception
  when others then return sqlstate;
end
$$;
grant all on tap.change to public;

-- 600 beyond the plan, of which a call that runs will add some.
select tap.travel('2027-03-15 12:00:10+00') \g /dev/null
select tap.use(10600) \g /dev/null
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-5.6-luna', 200, 100, p_lease_seconds => 600
) as r \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.ask(), '00000', 'from the month to the year');
select tap.clear() \g /dev/null
select is(tap.standing(), 'basic: 10600 of 20000', 'overage goes on until the worker is there');
select is(tap.step(), 'wait 15', 'what runs is waited for');
select is(tap.standing(), 'basic: 10600 of 10900', 'and no more than it holds is used for money');
select is(
  (select r.verdict from octroi_private.reserve(
    '01a00000-0000-7000-8000-000000000002', :'account', null, :nora, 'gpt-5.6-luna', 20, 10, p_lease_seconds => 600
  ) as r), 'refused', 'a call is refused that would be'
);
select s.outcome from octroi_private.settle('01a00000-0000-7000-8000-000000000001', 60, 40) as s \g /dev/null
select is(tap.step(), 'wait 2', 'then the report, made at once');
select tap.send_reports() \g /dev/null
select is(tap.step(), 'compare', 'then Stripe is asked what it has counted');
select results_eq(
  $$select w.item - 'key' from octroi_private.change_step((select c.id from tap.change as c), null) as s
    cross join lateral octroi_private.listed(s.windows) as w$$,
  array[jsonb_build_object(
    'meter_id', 'id_octroi_basic_v2_tokens', 'customer', 'cus_nora', 'start_s', tap.s('2027-03-05 12:01+00'),
    'end_s', tap.s('2027-04-05 12:00+00')
  )], 'in the whole minutes of the month'
);
select is(tap.step(0), 'wait 5', 'it counts behind its back');
select is(tap.step(701), 'disputed', 'more than was ever told is a matter for people');
select is(tap.step(700), 'change', 'all of it: the plan is changed');
savepoint waiting; -- noqa: PRS
select tap.travel('2027-03-16 12:01+00') \g /dev/null
select is(tap.step(0), 'disputed', 'so is less after a day');
select is(
  octroi_private.fail_billing_request(c.id, 'not_possible', 'x'), true, 'the request fails'
) from tap.change as c;
select is(tap.standing(), 'basic: 10700 of 20000', 'and overage goes on');
select is(tap.step(), 'done', 'there is nothing more to do about it');
rollback to savepoint waiting;

-- The first minute's usage is dated at the end of that minute, and belongs to the cycle that is left.
savepoint first_minute;
select tap.travel('2027-03-15 12:00:15+00') \g /dev/null
update octroi_private.meter_report set usage_at = '2027-03-15 12:01+00';
select matches(tap.step(700), '^wait 4[56]$', 'what is dated ahead is waited for');
rollback to savepoint first_minute;

-- Changed at 12:00:20. The new month shares three weeks with the one that was cut short.
select octroi_private.finish_billing_request(c.id, 'sub_1', null) from tap.change as c \g /dev/null
select is(tap.standing(), 'basic: 10700 of 10700', 'until the new cycle is known here nothing more is used for money');
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00', jsonb_build_object(
  'billing_cycle_anchor', tap.s('2027-03-15 12:00:20+00'), 'items', jsonb_build_array(
    jsonb_build_object(
      'id', 'si_sub_1', 'price', tap.price('basic-v2-year'), 'quantity', 1,
      'current_period_start', tap.s('2027-03-15 12:00:20+00'), 'current_period_end', tap.s('2028-03-15 12:00:20+00')
    ),
    jsonb_build_object(
      'id', 'si_m_sub_1', 'price', tap.price('basic-v2-overage-tokens'),
      'current_period_start', tap.s('2027-03-15 12:00:20+00'), 'current_period_end', tap.s('2027-04-15 12:00:20+00')
    )
  )
))) \g /dev/null
create function tap.invoice_of(p_id text, p_status text, p_from timestamptz, p_to timestamptz, p_amount bigint)
returns jsonb
language sql
begin atomic
select tap.invoice(p_id, 'sub_1', p_from, p_to, jsonb_build_object(
  'status', p_status, 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_m_' || p_id, 'price', tap.price('basic-v2-overage-tokens'), 'quantity', 0, 'amount', p_amount,
    'period_start', tap.s(p_from), 'period_end', tap.s(p_to)
  ))
));
end;
select tap.apply(
  'invoice', tap.invoice_of('in_2', 'paid', '2027-03-05 12:00:30+00', '2027-03-15 12:00:20+00', 21)
) \g /dev/null
select tap.apply('invoice', tap.invoice('in_3', 'sub_1', '2027-03-15 12:00:20+00', '2028-03-15 12:00:20+00',
  jsonb_build_object('lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_3', 'price', tap.price('basic-v2-year'), 'quantity', 1, 'amount', 9000,
    'period_start', tap.s('2027-03-15 12:00:20+00'), 'period_end', tap.s('2028-03-15 12:00:20+00')
  ))))) \g /dev/null
select tap.travel('2027-03-15 12:10+00') \g /dev/null
select is(tap.standing(), 'basic: 10000 of 20000', 'the plan''s month is used up already, and overage goes on');
select tap.use(250) \g /dev/null
select tap.travel('2027-03-15 12:20+00') \g /dev/null
select is(octroi_private.report_usage(10), 1::bigint, 'what is used in it is told');
select tap.send_reports() \g /dev/null

create function tap.windows() returns setof text
language sql
stable
as $$
  select format('%s..%s: %s of %s', p.period_start::date, p.period_end::date, p.accepted, p.ledger)
  from octroi_private.metered_periods('cus_nora') as p order by p.period_start
$$;
select results_eq(
  'select tap.windows()',
  array['2027-03-05..2027-04-05: 950 of 950', '2027-03-15..2027-04-15: 250 of 250'],
  'Stripe''s totals are by date, so the old month is compared with what falls into it'
);
select is(
  (select w.ledger from octroi_private.cycle_windows('in_2') as w), 700::bigint,
  'the invoice of the change billed the old cycle'
);
select is(
  (select octroi_private.overage_price(w.ledger, o.price_minor, o.slice)
    from octroi_private.cycle_windows('in_2') as w
    join octroi_private.plan_overage as o on o.event_name = w.event_name), 21::bigint, 'for what that costs'
);
select tap.apply(
  'invoice', tap.invoice_of('in_4', 'draft', '2027-03-15 12:00:20+00', '2027-04-15 12:00:20+00', 9)
) \g /dev/null
select is(
  (select w.ledger from octroi_private.cycle_windows('in_4') as w), 250::bigint,
  'and the next one bills the new, not the last minute before it'
);

-- A report of unknown outcome whose cycle shares time with another is settled by dates as well.
select tap.use(100) \g /dev/null
select tap.travel('2027-03-15 12:30+00') \g /dev/null
select octroi_private.report_usage(10) \g /dev/null
select r.id as report from octroi_private.meter_report as r where r.state = 'pending' \gset
select b.action from octroi_private.begin_meter_report(:'report') as b \g /dev/null
select octroi_private.finish_meter_report(:'report', 'unknown', null) \g /dev/null
update octroi_private.meter_report as r
set balance_id = o.balance_id, window_start = o.window_start, window_end = o.window_end
from (select m.* from octroi_private.meter_report as m order by m.created_at limit 1) as o
where r.id = :'report';
select is(octroi_private.resolve_meter_report(:'report', 1050), 'accepted', 'a total with it: it arrived');

-- Another plan of the same interval begins nothing anew.
select tap.play(:nora) \g /dev/null
select octroi.change_plan('premium', 'year') as same \gset
select octroi.change_plan('premium', 'month') as other \gset
select tap.clear() \g /dev/null
select is(
  (select l.args -> 'begins_anew' from octroi_private.load_billing_request(:'same') as l), null, 'from year to year'
);
select is(
  (select l.args -> 'begins_anew' from octroi_private.load_billing_request(:'other') as l), 'true', 'from year to month'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
