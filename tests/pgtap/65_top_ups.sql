-- Packs: granted once when they are paid, drawn after the plan, taken back with the money.
begin;
\ir setup/billing.sql
select plan(29);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
insert into octroi_private.overage_setting (account_id, is_on) values (:'account', false);

create function tap.session(p_id text, p_payment_status text, p_status text default 'complete') returns text
language sql
begin atomic
select tap.apply('checkout_session', jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'mode', 'payment', 'status', p_status, 'payment_status', p_payment_status,
  'amount_total', 500, 'currency', 'eur', 'payment_intent', 'pi_' || p_id, 'created', 1804248000, 'line_items',
  '[{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]'::jsonb
));
end;
-- The charge of a session, with what was refunded of it so far.
create function tap.refunded(p_session text, variadic p_amounts bigint []) returns text
language sql
begin atomic
select tap.apply('charge', jsonb_build_object(
  'id', 'ch_' || p_session, 'customer', 'cus_nora', 'payment_intent', 'pi_' || p_session, 'amount', 500, 'currency',
  'eur',
  'status', 'succeeded', 'created', 1804248000, 'refunds', (
    select jsonb_agg(jsonb_build_object(
      'id', format('re_%s_%s', p_session, a.ord), 'amount', abs(a.amount), 'created', 1804248000,
      'status', case when a.amount > 0 then 'succeeded' else 'failed' end
    )) from unnest(p_amounts) with ordinality as a (amount, ord)
  )
));
end;

-- A delayed payment method: the session is complete, the money comes later.
select tap.session('cs_1', 'unpaid') \g /dev/null
select is(tap.standing(), 'basic: 0 of 10000', 'a session that is complete and not paid grants nothing');
select tap.session('cs_1', 'paid') \g /dev/null
select is(tap.standing(), 'basic: 0 of 15000', 'paid, it does');
select tap.session('cs_1', 'paid') \g /dev/null
select tap.session('cs_1', 'unpaid') \g /dev/null
select is(tap.standing(), 'basic: 0 of 15000', 'once, and for good');
select results_eq(
  $$select m.data ->> 'amount', m.data ->> 'paid_minor', m.data ->> 'remaining' from octroi_private.mail as m$$,
  $$values ('5000', '500', '15000')$$, 'its owner is told what came, and what there is now'
);
select tap.session('cs_2', 'unpaid', 'expired') \g /dev/null
select tap.session('cs_2', 'paid') \g /dev/null
select is(tap.standing(), 'basic: 0 of 15000', 'a session that expired stays so');

-- Drawn after the plan; the older first.
select tap.travel('2027-03-06 12:00+00') \g /dev/null
select tap.session('cs_3', 'paid') \g /dev/null
select tap.use(12000) \g /dev/null
select results_eq(
  'select g.source, g.drawn::bigint from octroi_private.quota_grant as g order by 1',
  $$values ('cs_1/li_1', 2000::bigint), ('cs_3/li_1', 0)$$,
  'what is used beyond the plan is drawn from the pack that ends first'
);
select is(tap.standing(), 'basic: 12000 of 20000', 'and all of it counts');

-- A pack that nothing was drawn of, refunded in two parts: its part goes each time.
select tap.refunded('cs_3', 100) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 19000', 'a fifth of the money back: a fifth of the pack');
select tap.refunded('cs_3', 100) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 19000', 'the same refund again changes nothing');
select tap.refunded('cs_3', 100, 150) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 17500', 'another one takes its own part');
select tap.refunded('cs_3', 100, 400) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 15000', 'all of it');
select tap.refunded('cs_3', 100, -400) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 19000', 'a refund that failed after all gives it back');
select tap.refunded('cs_3', 100, -400, 500) \g /dev/null
select is(tap.standing(), 'basic: 12000 of 15000', 'never more than was paid');
select is(
  (select array_agg(r.change order by r.id) from octroi_private.revocation as r), array[1000, 1500, 2500, -4000,
  4000]::bigint [],
  'each step is on record'
);

-- A pack of which 2,000 are drawn: what is drawn already is owed in this month.
select tap.refunded('cs_1', 500) \g /dev/null
select is(
  tap.standing(), 'basic: 12000 of 12000', 'all back: what was drawn of it counts against the plan, and nothing is left'
);
select is(
  (
    select r.verdict || ' ' || r.reason from octroi_private.reserve(
      octroi_private.uuid_v7(), :'account', null, :nora, 'gpt-5.6-luna', 1, 0
    ) as r
  ), 'refused quota_exceeded', 'the next call is refused'
);
select tap.travel('2027-04-05 12:10+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_2', 'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00')) \g /dev/null
select is(tap.standing(), 'basic: 0 of 8000', 'the next month owes what was drawn');
select tap.use(10) \g /dev/null
select tap.travel('2027-05-05 12:10+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_3', 'sub_1', '2027-05-05 12:00+00', '2027-06-05 12:00+00')) \g /dev/null
select is(tap.standing(), 'basic: 0 of 10000', 'and works it off, so that the one after it owes nothing');

-- A dispute takes all of it, as long as it is not won.
select tap.session('cs_4', 'paid') \g /dev/null
select tap.use(13000) \g /dev/null
create function tap.dispute(p_status text) returns text
language sql
begin atomic
select tap.apply('dispute', jsonb_build_object(
  'id', 'dp_1', 'charge', 'ch_cs_4', 'payment_intent', 'pi_cs_4', 'amount', 500, 'currency', 'eur', 'status', p_status,
  'created', 1804248000
));
end;
select tap.refunded('cs_4', -1) \g /dev/null
select is(tap.dispute('warning_needs_response'), 'applied', 'an inquiry');
select is(tap.standing(), 'basic: 13000 of 15000', 'takes nothing');
select tap.dispute('needs_response') \g /dev/null
select is(tap.standing(), 'basic: 13000 of 13000', 'disputed: 2,000 not drawn are gone, 3,000 drawn are owed');
select tap.dispute('lost') \g /dev/null
select is(tap.standing(), 'basic: 13000 of 13000', 'lost: the same');
select tap.dispute('won') \g /dev/null
select is(tap.standing(), 'basic: 13000 of 15000', 'won: all of it is back');
select tap.travel('2027-06-05 12:10+00') \g /dev/null
select tap.apply('invoice', tap.invoice('in_4', 'sub_1', '2027-06-05 12:00+00', '2027-07-05 12:00+00')) \g /dev/null
select is(tap.standing(), 'basic: 0 of 12000', 'and owes no other month anything: 10,000, and 2,000 of the pack');

-- It ends when its time is over.
select tap.travel('2028-05-10 00:00+00') \g /dev/null
select octroi_private.lapse_plans(10) \g /dev/null
select tap.use(10) \g /dev/null
select is(
  (select count(*) from octroi_private.quota_grant as g where g.ended_at is not null), 3::bigint,
  'after a year packs are over'
);

-- An invoice can sell a pack as well: that is how it is bought automatically.
select tap.apply('invoice', '{
  "id": "in_9", "customer": "cus_nora", "status": "paid", "total": 1000, "amount_due": 1000, "amount_paid": 1000,
  "currency": "eur", "created": 1838678400, "payment_intents": ["pi_9"], "lines": [{
    "id": "il_9", "price": "id_octroi-top-up-small-v1", "quantity": 2, "amount": 1000, "period_start": 1838678400,
    "period_end": 1838678400
  }]
}') \g /dev/null
select is(tap.standing(), 'free: 10 of 11000', 'a paid invoice for two packs grants both');
select tap.apply('charge', '{
  "id": "ch_9", "customer": "cus_nora", "payment_intent": "pi_9", "amount": 1000, "currency": "eur",
  "status": "succeeded",
  "created": 1838678400, "refunds": [{"id": "re_9", "amount": 333, "status": "succeeded", "created": 1838678400}]
}') \g /dev/null
select is(tap.standing(), 'free: 10 of 7670', 'and a refund of a third takes a third, in whole tokens');

select is(
  (select sum(t.paid_minor) from octroi_private.top_up as t), 2500::numeric, 'what was paid stays on record'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select * from finish();
rollback;
