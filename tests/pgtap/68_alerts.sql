-- Warnings: at 80, 90 and 100 % of plan and packs, once a period, the highest of several; packs bought by themselves.
begin;
\ir setup/billing.sql
select plan(40);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
insert into octroi_private.overage_setting (account_id, is_on) values (:'account', false);

-- What was told of so far: threshold and use, oldest first.
create function tap.told() returns text
language sql
stable
as $$
  select coalesce(string_agg(format('%s%% at %s', m.data ->> 'threshold', m.data ->> 'used'), ', '
    order by m.created_at, m.id), 'nothing')
  from octroi_private.mail as m where m.kind = 'threshold'
$$;
create function tap.session(p_id text) returns text
language sql
begin atomic
select tap.apply('checkout_session', jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'mode', 'payment', 'status', 'complete', 'payment_status', 'paid',
  'amount_total', 500, 'currency', 'eur', 'payment_intent', 'pi_' || p_id, 'created', 1804248000, 'line_items',
  '[{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]'::jsonb
));
end;

select tap.use(7999) \g /dev/null
select is(tap.told(), 'nothing', 'below 80 % nobody is told');
select tap.use(1) \g /dev/null
select is(tap.told(), '80% at 8000', 'at 80 % exactly they are');
select tap.use(500) \g /dev/null
select is(tap.told(), '80% at 8000', 'once');
select tap.use(1500) \g /dev/null
select is(tap.told(), '80% at 8000, 100% at 10000', 'of two thresholds reached at once, the highest');
select results_eq(
  $$select m.data ->> 'granted', m.data ->> 'remaining', m.data ->> 'plan', m.data ->> 'scope', m.data ->> 'meter',
      (m.data ->> 'resets_at')::timestamptz, m.data ->> 'overage_on'
    from octroi_private.mail as m where m.data ->> 'threshold' = '100'$$,
  $$values ('10000', '0', 'Basic', 'account', 'tokens', '2027-04-05 12:00+00'::timestamptz, 'false')$$,
  'with what there is, what is left and when it begins anew'
);

-- A pack lowers the ratio: what is not reached any more may be told of again.
select tap.session('cs_1') \g /dev/null
select tap.use(100) \g /dev/null
select is(tap.told(), '80% at 8000, 100% at 10000', 'with a pack on top two thirds are used: no reason to tell');
select is(
  (select count(*) from octroi_private.alert as a where a.cleared_at is null), 0::bigint, 'and nothing stands any more'
);
select tap.use(1900) \g /dev/null
select is(tap.told(), '80% at 8000, 100% at 10000, 80% at 12000', '80 % of the new sum is told of');
select tap.session('cs_2') \g /dev/null
select tap.use(5000) \g /dev/null
select is(
  tap.told(), '80% at 8000, 100% at 10000, 80% at 12000, 80% at 17000',
  'with another pack as well: 85 % are used, and 90 are not'
);
select tap.session('cs_3') \g /dev/null
select octroi_private.sync_access(:'account') \g /dev/null
select tap.use(5000) \g /dev/null
select is(
  tap.told(), '80% at 8000, 100% at 10000, 80% at 12000, 80% at 17000, 80% at 22000', '22,000 of 25,000'
);

-- A pack that arrives between a call's start and its end counts.
select tap.use(400) \g /dev/null
select tap.session('cs_4') \g /dev/null
update octroi_private.balance set alert_at = 22500 where account_id = :'account' and is_bound;
select tap.use(200) \g /dev/null
select is(
  tap.told(), '80% at 8000, 100% at 10000, 80% at 12000, 80% at 17000, 80% at 22000',
  'a threshold that a pack has moved away meanwhile is not told of'
);

-- The next period begins anew.
select tap.travel('2027-04-05 12:10+00') \g /dev/null
update octroi_private.quota_grant set ended_at = octroi_private.now(), expires_at = octroi_private.now();
delete from octroi_private.mail;
select tap.apply('invoice', tap.invoice('in_2', 'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00')) \g /dev/null
select tap.use(8500) \g /dev/null
select is(tap.told(), '80% at 8500', 'a new month, a new warning');

-- A call that ends after its month tells nobody.
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-5.6-luna', 800, 100, p_lease_seconds => 4000000
) as r \g /dev/null
select tap.travel('2027-05-05 12:10+00') \g /dev/null
select s.outcome from octroi_private.settle('01a00000-0000-7000-8000-000000000001', 800, 100) as s \g /dev/null
select octroi_private.follow_up(array['01a00000-0000-7000-8000-000000000001']::uuid []) \g /dev/null
select is(tap.told(), '80% at 8500', 'what is used up in a month that is over is told to nobody');

-- Members have limits of their own, and are told themselves.
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:'account', 'member', :nora::text, 'tokens', 'month', 1000), (:'account', 'member', :nora::text, 'requests',
  'day', 1);
delete from octroi_private.mail;
select tap.apply('invoice', tap.invoice('in_3', 'sub_1', '2027-05-05 12:00+00', '2027-06-05 12:00+00')) \g /dev/null
select tap.use(950) \g /dev/null
select results_eq(
  $$select m.data ->> 'scope', m.data ->> 'threshold', m.user_id from octroi_private.mail as m$$,
  format($$values ('member', '90', %L::uuid)$$, :nora),
  'a member''s month is told to the member; a day''s limit to nobody'
);

-- A limit that is lowered below what is used is told of at the next call.
delete from octroi_private.budget;
delete from octroi_private.mail;
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:'account', 'account', '', 'tokens', 'month', 1200);
select tap.use(20) \g /dev/null
select is(tap.told(), '80% at 970', 'a lower limit is reached without a call that reached it');

-- Forecast: 14,000 in seven days, 2,000 a day.
delete from octroi_private.budget;
select tap.travel('2027-06-05 12:00+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_4', 'sub_1', '2027-06-05 12:00+00', '2027-07-05 12:00+00')) \g /dev/null
select tap.travel(day), tap.use(1000)
from generate_series('2027-06-06 12:00+00'::timestamptz, '2027-06-11 12:00+00', '1 day') as day \g /dev/null
delete from octroi_private.mail;
select tap.travel('2027-06-12 12:00+00') \g /dev/null
select tap.play(:nora) \g /dev/null
select results_eq(
  'select f.used, f.remaining, f.per_day, date_trunc(''hour'', f.runs_out_at) from octroi.my_forecast() as f',
  $$values (6000::bigint, 4000::bigint, 923::bigint, '2027-06-16 20:00+00'::timestamptz)$$,
  '6,000 in six and a half days: the rest lasts for four and a third'
);
select tap.clear() \g /dev/null
select tap.use(3000) \g /dev/null
select is(
  (select (m.data ->> 'runs_out_at')::timestamptz between '2027-06-13 05:00+00' and '2027-06-13 06:00+00'
  from octroi_private.mail as m), true,
  'the warning says when it runs out'
);

-- A pack bought by itself.
delete from octroi_private.mail;
select tap.play(:nora) \g /dev/null
select is(tap.outcome_of($$select octroi.set_auto_top_up('huge', 10, 1000)$$), 'OC033', 'only what the plan sells');
select is(
  tap.outcome_of($$select octroi.set_auto_top_up('small', 6000, 1000)$$), '22023', 'not below more than it brings'
);
select is(tap.outcome_of($$select octroi.set_auto_top_up('small', 10, 499)$$), '22023', 'not for less than it costs');
select is(octroi.set_auto_top_up('small', 500, 1200), true, 'below 500, for 1,200 a month at most');
select tap.clear() \g /dev/null
select tap.use(400) \g /dev/null
select is(
  (select count(*) from octroi_private.billing_request), 0::bigint, '600 left: nothing is bought'
);
select tap.use(150) \g /dev/null
select results_eq(
  'select r.kind, r.state, r.user_id from octroi_private.billing_request as r',
  format($$values ('auto_top_up', 'pending', %L::uuid)$$, :nora), '450 left: a pack is being bought'
);
select tap.use(10) \g /dev/null
select is((select count(*) from octroi_private.billing_request), 1::bigint, 'one');
select r.id as buying from octroi_private.billing_request as r \gset
select is(
  (select l.args - 'reference' from octroi_private.load_billing_request(:'buying') as l),
  '{"price": "id_octroi-top-up-small-v1", "currency": "eur", "quantity": 1}', 'the worker is told what to charge'
);
select is(octroi_private.finish_billing_request(:'buying', 'in_auto1', null), true, 'it made an invoice');
create function tap.auto_invoice(p_id text, p_status text) returns text
language sql
begin atomic
select tap.apply('invoice', jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'status', p_status, 'total', 500, 'amount_due', 500, 'currency', 'eur',
  'amount_paid', case when p_status = 'paid' then 500 else 0 end, 'created', 1812801600, 'lines', '[{
    "id": "il_a", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount": 500, "period_start": 1812801600,
    "period_end": 1812801600
  }]'::jsonb
));
end;
select tap.use(10) \g /dev/null
select is((select count(*) from octroi_private.billing_request), 1::bigint, 'until it is paid nothing more is bought');
select tap.auto_invoice('in_auto1', 'paid') \g /dev/null
select is(tap.standing(), 'basic: 9570 of 15000', 'paid, it is granted');
select tap.use(5000) \g /dev/null
select is((select count(*) from octroi_private.billing_request), 2::bigint, 'the next one is bought');
select octroi_private.finish_billing_request(r.id, 'in_auto2', null) from octroi_private.billing_request as r
where r.state = 'pending' \g /dev/null
select tap.auto_invoice('in_auto2', 'paid') \g /dev/null
delete from octroi_private.mail;
select tap.use(5000) \g /dev/null
select is((select count(*) from octroi_private.billing_request), 2::bigint, 'a third would be more than 1,200 a month');
select is(
  (select m.data ->> 'reason' from octroi_private.mail as m where m.kind = 'auto_top_up_failed'), 'monthly_cap',
  'its owner is told'
);
select tap.use(10) \g /dev/null
select is((select count(*) from octroi_private.mail as m where m.kind = 'auto_top_up_failed'), 1::bigint, 'once');
select tap.travel('2027-07-05 12:10+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_5', 'sub_1', '2027-07-05 12:00+00', '2027-08-05 12:00+00')) \g /dev/null
delete from octroi_private.mail;
select tap.use(9950) \g /dev/null
select is(
  (select count(*) from octroi_private.billing_request as r where r.state = 'pending'), 1::bigint,
  'next month it is bought again'
);
select octroi_private.fail_billing_request(r.id, 'card_declined', 'The card was declined.')
  from octroi_private.billing_request as r
where r.state = 'pending' \g /dev/null
select is(
  (select m.data ->> 'reason' from octroi_private.mail as m where m.kind = 'auto_top_up_failed'), 'card_declined',
  'a payment that fails is told of'
);
select is_empty('select * from octroi_private.auto_top_up', 'and ends the buying');
select tap.use(10) \g /dev/null
select is((select count(*) from octroi_private.billing_request), 3::bigint, 'nothing more is bought');
select is(
  (select j.kind from octroi_private.job as j where j.kind = 'run_billing_request' limit 1), 'run_billing_request',
  'each was a job of the worker''s'
);
select tap.play(:nora) \g /dev/null
select is(octroi.set_auto_top_up(null), false, 'it can be switched off');
select is(
  (select count(*) from octroi.alerts as a where a.threshold = 80 and a.cleared_at is null), 2::bigint,
  'what was told of can be read'
);
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
