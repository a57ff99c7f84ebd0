-- What a customer can look up: what a call cost and why, what the next invoice says, what is on sale, what was paid.
begin;
\ir setup/billing.sql
select plan(29);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
\set stan '\'01a00000-0000-7000-8000-0000000000f1\''
\set olaf '\'01a00000-0000-7000-8000-0000000000f2\''
insert into auth.users (id, email) values (:stan, 'stan@example.test'), (:olaf, 'olaf@example.test');
select tap.play(:stan) \g /dev/null
select results_eq(
  'select s.plan, s.billing_interval, s.status, s.granted_until, s.overage_on from octroi.my_subscription() as s',
  $$values ('free', null::text, null::text, null::timestamptz, false)$$,
  'who pays nothing has the default plan, without end'
);
select is((select count(*) from octroi.next_invoice()), 0::bigint, 'and no next invoice');
select is((select count(*) from octroi.invoices), 0::bigint, 'nor earlier ones');
select tap.clear() \g /dev/null

select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('checkout_session', '{
  "id": "cs_1", "customer": "cus_nora", "mode": "payment", "status": "complete", "payment_status": "paid",
  "amount_total": 500, "currency": "eur", "payment_intent": "pi_cs", "created": 1804248000,
  "line_items": [{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]
}') \g /dev/null

-- A model that hears and speaks.
insert into octroi_private.model_price (
  model, valid, encoding, max_input_tokens, max_output_tokens, input_price, cached_input_price, cache_write_price,
  audio_input_price, output_price, audio_output_price, source
)
values (
  'gpt-audio', '[2026-01-01Z,)', 'o200k_base', 128000, 16384, 2500000, 2500000, 2500000, 32000000, 10000000, 64000000,
  'its price list'
);

-- A call that takes the last of the plan, all of the pack, and some more.
select tap.use(9900) \g /dev/null
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-audio', 6000, 1000
) as r \g /dev/null
select s.outcome from octroi_private.settle(
  '01a00000-0000-7000-8000-000000000001', 5000, 400, p_cached_input_tokens => 1000, p_cache_write_tokens => 500,
  p_audio_input_tokens => 300, p_reasoning_tokens => 50, p_audio_output_tokens => 100
) as s \g /dev/null
select tap.use(10) \g /dev/null

select tap.play(:nora) \g /dev/null
select results_eq(
  $$select p ->> 'pool', (p ->> 'tokens')::bigint, (p ->> 'micro_usd_per_million')::bigint
    from octroi.receipt('01a00000-0000-7000-8000-000000000001') as r
      cross join lateral jsonb_array_elements(r.pools) as p$$,
  $$values ('input', 3200::bigint, 2500000::bigint), ('cached_input', 1000, 2500000), ('cache_write', 500, 2500000),
    ('audio_input', 300, 32000000), ('output', 300, 10000000), ('audio_output', 100, 64000000)$$,
  'a receipt has every pool with its price; the pools are disjoint'
);
select is(
  (
    select (r.total_tokens, r.cost_nano_usd) = (
      sum((p ->> 'tokens')::bigint)::bigint, ((sum((p ->> 'pico_usd')::bigint)::bigint + 999) / 1000)
    )
    from octroi.receipt('01a00000-0000-7000-8000-000000000001') as r
      cross join lateral jsonb_array_elements(r.pools) as p
    group by r.total_tokens, r.cost_nano_usd
  ), true, 'they add up to the tokens and to the cost, rounded up once'
);
select is(
  (select r.grants from octroi.receipt('01a00000-0000-7000-8000-000000000001') as r),
  '[{"kind": "top_up", "meter": "tokens", "amount": 5000, "reason": "1 × 5,000 tokens"}]', 'what of it a pack covered'
);
select is(
  (select r.overage from octroi.receipt('01a00000-0000-7000-8000-000000000001') as r),
  '[{"meter": "tokens", "amount": 300, "report_id": null}]', 'what is charged beyond that'
);
select results_eq(
  $$select b ->> 'scope', (b ->> 'used_before')::bigint, (b ->> 'used_after')::bigint
    from octroi.receipt('01a00000-0000-7000-8000-000000000001') as r
      cross join lateral jsonb_array_elements(r.balances) as b$$,
  $$values ('account', 9900::bigint, 15300::bigint)$$, 'how the account stood before and after'
);
select is(
  (select r.price_source from octroi.receipt('01a00000-0000-7000-8000-000000000001') as r),
  'its price list',
  'and where the price is from'
);
select is(
  (select count(*) from octroi.receipt('01a00000-0000-7000-8000-00000000dead')), 0::bigint, 'there is none for no call'
);
select tap.play(:stan) \g /dev/null
select is(
  (select count(*) from octroi.receipt('01a00000-0000-7000-8000-000000000001')), 0::bigint, 'nor for somebody else''s'
);

select tap.play(:nora) \g /dev/null
select results_eq(
  'select n.line, n.meter, n.quantity, n.slice, n.unit_amount_minor, n.amount_minor, n.currency, n.due_at
  from octroi.next_invoice() as n',
  $$values
    ('plan', null::text, 1::bigint, null::bigint, 900::bigint, 900::bigint, 'eur', '2027-04-05 12:00+00'::timestamptz),
    ('overage', 'tokens', 310, 100, 3, 12, 'eur', '2027-04-05 12:00+00')$$,
  'the next invoice: the next month, and four slices begun'
);
select results_eq(
  'select s.plan, s.plan_name, s.plan_version, s.billing_interval, s.status, s.granted_until, s.overage_on,
  s.overage_cap_minor
    from octroi.my_subscription() as s',
  $$values ('basic', 'Basic', 2, 'month', 'active', '2027-04-08 12:00+00'::timestamptz, true, 300::bigint)$$,
  'the subscription: until when it is granted, and what may be spent beyond it'
);
select results_eq(
  'select t.pack, t.amount, t.drawn, t.remaining, t.paid_minor from octroi.top_ups as t',
  $$values ('small', 5000::bigint, 5000::bigint, 0::bigint, 500::bigint)$$, 'the pack, and what is left of it'
);
select results_eq(
  'select i.id, i.status, i.amount_paid_minor from octroi.invoices as i', $$values ('in_1',
  'paid', 900::bigint)$$, 'the invoice'
);
select results_eq(
  'select p.plan, p.rank, p.month_price_minor, p.year_price_minor, p.trial_days, p.top_ups
  from octroi.plans as p order by p.rank',
  $$values ('free', 0, null::bigint, null::bigint, 0, '{}'::text []), ('basic', 1, 900, 9000, 14, '{small}'),
    ('premium', 2, 4900, 49000, 0, '{small}')$$, 'what is on sale'
);
select results_eq(
  'select k.pack, k.price_minor, k.plans from octroi.top_up_packs as k',
  $$values ('small', 500::bigint, '{basic,premium}'::text [])$$, 'the packs, and on which plans'
);

-- The cancelled one renews nothing; a downgrade renews as what it becomes.
select tap.clear() \g /dev/null
select tap.apply(
  'subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00',
  '{"cancel_at_period_end": true}')
) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(
  (select array_agg(n.line) from octroi.next_invoice() as n), array['overage'], 'cancelled: only what was used'
);
select tap.clear() \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00', jsonb_build_object(
  'schedule', 'sub_sched', 'next_price', 'id_octroi-premium-v2-year', 'next_price_at', tap.s('2027-04-05 12:00+00')
))) \g /dev/null
select tap.play(:nora) \g /dev/null
select results_eq(
  $$select n.amount_minor, n.period_start, n.period_end from octroi.next_invoice() as n where n.line = 'plan'$$,
  $$values (49000::bigint, '2027-04-05 12:00+00'::timestamptz, '2028-04-05 12:00+00'::timestamptz)$$,
  'a change that waits: what it will cost'
);
select tap.play(:stan) \g /dev/null
select is((select count(*) from octroi.top_ups), 0::bigint, 'stan sees none of the packs');
select is((select count(*) from octroi.invoices), 0::bigint, 'none of the invoices');
select is((select count(*) from octroi.alerts), 0::bigint, 'none of the warnings');
select is((select s.plan from octroi.my_subscription() as s), 'free', 'and his own plan');

-- Seats.
select tap.clear() \g /dev/null
update octroi_private.plan_version set seats = 2 where plan_code = 'basic' and version = 2;
insert into octroi_private.member (account_id, user_id, role) values (:'account', :stan, 'member');
select is(
  tap.outcome_of(format(
    'insert into octroi_private.member (account_id, user_id, role) values (%L, %L, ''member'')', :'account', :olaf
  )), 'OC013', 'a team has as many members as its plan has seats'
);
select is(
  tap.outcome_of(format(
    'insert into octroi_private.member (account_id, user_id, role) select a.id, %L, ''member''
    from octroi_private.account as a where a.owner_user_id = %L', :olaf, :stan
  )), '00000', 'any number where the plan counts none'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

-- A renewal is told in UTC, as Stripe counts: clocks that are changed in between are the reader's alone.
set local timezone = 'America/New_York';
select is(
  octroi_private.cycle_end('2027-03-10 12:00Z', 'month'), '2027-04-10 12:00Z'::timestamptz,
  'a month later it is the same hour of UTC'
);
select is(
  octroi_private.cycle_end('2027-11-30 23:30Z', 'year'), '2028-11-30 23:30Z'::timestamptz, 'and so it is a year later'
);
select is_empty(
  $$select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'octroi'::regnamespace and p.prosrc ~ 'interval .1 (month|year)'$$,
  'no function of the Data API adds months by the session''s clock'
);

select * from finish();
rollback;
