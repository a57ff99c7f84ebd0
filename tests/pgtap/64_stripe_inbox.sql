-- What comes in from Stripe and is no good: told apart, kept, listed, and nothing granted for it.
begin;
\ir setup/billing.sql
select plan(52);

select tap.travel('2027-03-05 12:00+00') \g /dev/null

create function tap.event(p_with jsonb) returns jsonb
language sql
immutable
begin atomic
select jsonb_strip_nulls('{
  "id": "evt_1", "type": "invoice.paid", "created": 1804248000, "api_version": "2026-09-30.endive",
  "object": {"object": "invoice", "id": "in_1", "customer": "cus_nora"}
}' || p_with);
end;
create function tap.receive(p_with jsonb) returns text
language sql
begin atomic
select r.state from octroi_private.receive_stripe_events(jsonb_build_array(tap.event(p_with))) as r;
end;

select is(tap.receive('{}'), 'queued', 'an event is taken');
select is(
  (select array_agg(j.args) from octroi_private.job as j where j.kind = 'sync_stripe_object'),
  array['{"id": "in_1", "kind": "invoice"}'::jsonb], 'and has its object fetched'
);
select is(tap.receive('{}'), 'duplicate', 'the same again is no news');
select is(tap.receive('{"id": "evt_2", "type": "invoice.finalized"}'), 'queued', 'another event of the same object');
select is(
  (select count(*) from octroi_private.job as j where j.kind = 'sync_stripe_object'), 1::bigint,
  'is served by the fetch that waits'
);
select octroi_private.lock_stripe_object('invoice', 'in_1', 60) as fence \gset
select is(
  tap.receive('{"id": "evt_3", "type": "invoice.updated"}'), 'queued', 'one that comes while it is being fetched'
);
select is(
  (select count(*) from octroi_private.job as j where j.kind = 'sync_stripe_object'), 2::bigint, 'needs another fetch'
);
select is(
  (
    select a.outcome from octroi_private.apply_stripe_object(
      'invoice', 'in_1', :fence, tap.invoice('in_1', 'sub_1', '2027-03-05', '2027-04-05')
    ) as a
  ), 'applied', 'the object is applied'
);
select results_eq(
  'select e.id::text, e.state from octroi_private.stripe_event as e order by 1',
  $$values ('evt_1', 'done'), ('evt_2', 'done'), ('evt_3', 'queued')$$,
  'events from before the fetch are done, the one from after it is not'
);

select is(tap.receive('{"id": "evt_4", "type": "coffee.ordered"}'), 'ignored', 'an unknown type is kept and ignored');
select is(
  tap.receive('{"id": "evt_5", "type": "invoice.upcoming"}'), 'ignored', 'so is one without an object of its own'
);
select is(
  tap.receive('{"id": "evt_6", "type": "refund.created", "object": {"object": "refund", "id": "re_1",
  "charge": "ch_1"}}'),
  'queued', 'a refund is looked up by its charge'
);
select is(
  tap.receive('{"id": "evt_7", "type": "refund.created", "object": {"object": "refund", "id": "re_1"}}'),
  'quarantined', 'one that names none is set aside'
);
select is(
  tap.receive('{"id": "evt_8", "object": {"id": "in 1; drop table"}}'), 'quarantined', 'so is an id that is none'
);
select is(tap.receive('{"id": "evt_9", "object": "in_1"}'), 'quarantined', 'and an object that is none');
select is(
  tap.receive('{
    "id": "evt_10", "type": "v1.billing.meter.error_report_triggered", "created": "2027-03-05T12:00:00.000Z",
    "object": {"object": "billing.meter", "id": "mtr_1"}
  }'), 'queued', 'a thin event of a meter is taken'
);
select is(
  (select j.args from octroi_private.job as j where j.kind = 'read_meter_errors'), '{"event_id": "evt_10"}', 'and read'
);
select ok(
  octroi_private.finish_stripe_event('evt_10', 'done', null)
  and not octroi_private.finish_stripe_event('evt_10', 'done', null), 'once'
);
select is(
  (
    select e.object from octroi_private.stripe_event as e where e.id = 'evt_11'
      and tap.receive('{}') is not null
  ), null, 'nothing is kept of what is no event'
);
select is(
  tap.receive('{"id": "evt_12", "object": {"id": "in_1", "number": "4242424242424242", "card": {"cvc": "123"}}}'),
  'queued', 'of an object only what says which it is'
);
select is((select e.object from octroi_private.stripe_event as e where e.id = 'evt_12'), '{"id": "in_1"}', 'is kept');

select is(
  (
    select concat_ws(': ', r.state, r.reason)
    from octroi_private.receive_stripe_events(jsonb_build_array(e.event::jsonb)) as r
  ), 'refused: ' || e.reason, e.why
)
from (values
  ('{}', 'an event has an id and a type', 'an event without an id is none'),
  ('[]', 'an event has an id and a type', 'nor is a list'),
  ('{"id": "evt_1", "type": "invoice.paid"}', 'an event says when it was created', 'nor one without a time'),
  ('{"id": "evt_1", "type": "invoice.paid", "created": "yesterday"}', 'an event says when it was created',
    'nor one with a time that is none'),
  ('{"id": "evt_1", "type": "invoice.paid", "created": "2027-02-31T10:00:00Z"}', 'an event says when it was created',
    'nor one from a day that there is not'),
  ('{"id": "evt 1", "type": "invoice.paid", "created": 1}', 'an event has an id and a type',
    'nor one with an id that is none'),
  ('{"id": "evt_1", "type": "Invoice paid!", "created": 1}', 'an event has an id and a type',
    'nor one with a type that is none'),
  (jsonb_build_object('id', 'evt_1', 'type', 'x', 'created', 1, 'more', repeat('more', 3000))::text,
    'an event is not larger than 8 KiB', 'nor one that is too large')
) as e (event, reason, why);

-- Many at once, as the door brings them.
select results_eq(
  $$select r.number, r.state from octroi_private.receive_stripe_events(jsonb_build_array(
      tap.event('{"id": "evt_22", "object": {"id": "in_9"}}'), '{"id": "evt_21"}',
      tap.event('{"id": "evt_20", "object": {"id": "in_9"}}'), tap.event('{"id": "evt_22"}'),
      tap.event('{"id": "evt_1"}'), tap.event('{"id": "evt_23", "type": "coffee.ordered"}')
    )) as r order by r.number$$,
  $$values (1, 'queued'), (2, 'refused'), (3, 'queued'), (4, 'duplicate'), (5, 'duplicate'), (6, 'ignored')$$,
  'each of a list is judged by itself, and one that is none keeps out no other'
);
select is(
  (select count(*) from octroi_private.job as j where j.kind = 'sync_stripe_object' and j.args ->> 'id' = 'in_9'),
  1::bigint, 'what several of them are about is fetched once'
);
select is(
  tap.outcome_of(format('select octroi_private.receive_stripe_events(%L)', e.events)), '22023', e.why
)
from (values
  ('{"id": "evt_1"}', 'what is no list is misuse'),
  ((select jsonb_agg(n) from generate_series(1, 257) as n)::text, 'so is one that is too long')
) as e (events, why);

-- Objects.
select is(
  tap.apply('subscription', tap.subscription('sub_2', '2027-03-05', '2027-04-05', '{"customer": "cus_other"}')),
  'quarantined: unknown_customer', 'a subscription to our plan of a customer who is not ours'
);
select is(
  tap.apply('subscription', tap.subscription('sub_3', '2027-03-05', '2027-04-05', '{"customer": "cus_other",
  "items": []}')),
  'quarantined: foreign', 'one to something else is the business of somebody else'
);
select is(
  tap.apply('subscription', tap.subscription('sub_4', '2027-03-05', '2027-04-05', '{"items": [{
    "id": "si_x", "price": "price_x", "quantity": 1, "current_period_start": 1804248000,
    "current_period_end": 1806926400
  }]}')), 'quarantined: unknown_price', 'a price that we do not know'
);
select is(
  tap.apply('subscription', tap.subscription('sub_5', '2027-03-05', '2027-04-05', '{"status": "winning"}')),
  'quarantined: malformed: new row for relation "stripe_subscription" violates check constraint '
  || '"stripe_subscription_status_check"',
  'a status that there is not'
);
select is(
  tap.apply('subscription', '{"id": "sub_6", "customer": "cus_nora", "status": "active", "created": "now"}'),
  'quarantined: malformed: invalid input syntax for type bigint: "now"', 'a time that is none'
);
select is(
  (
    select concat_ws(': ', a.outcome, a.problem) from octroi_private.apply_stripe_object(
      'invoice', 'in_7', octroi_private.lock_stripe_object('invoice', 'in_7', 60),
      tap.invoice('in_8', 'sub_1', '2027-03-05', '2027-04-05')
    ) as a
  ), 'quarantined: malformed: another object than was asked for', 'another object than was asked for'
);
create function tap.session(p_with jsonb) returns text
language sql
begin atomic
select tap.apply('checkout_session', '{
  "id": "cs_1", "customer": "cus_nora", "mode": "payment", "status": "complete", "payment_status": "paid",
  "amount_total": 500, "currency": "eur", "payment_intent": "pi_1", "created": 1804248000,
  "line_items": [{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]
}'::jsonb || p_with);
end;
select is(
  tap.session('{"id": "cs_2", "customer": "cus_other", "client_reference_id": "01a00000-0000-7000-8000-00000000000e"}'),
  'quarantined: unknown_customer', 'somebody else''s payment that names one of us'
);
select is(tap.session('{"id": "cs_3", "payment_status": "unpaid"}'), 'applied', 'a checkout that is not paid');
select is(
  tap.session('{"id": "cs_4", "line_items": [{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": -1}]}'),
  'quarantined: bad_quantity', 'a negative quantity'
);
select is(
  tap.session('{"id": "cs_5", "line_items": [{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 101}]}'),
  'quarantined: bad_quantity', 'an absurd one'
);
select is(
  tap.session('{"id": "cs_6", "line_items": [{"id": "li_1", "price": "price_x", "quantity": 1}]}'),
  'quarantined: unknown_price', 'a payment for something that we do not sell'
);
select is((select count(*) from octroi_private.quota_grant), 0::bigint, 'none of it grants anything');
select is(tap.standing(), 'free: 0 of 1000', 'or gives a plan');
select is(
  (select count(*) from octroi_private.billing_troubles() as t where t.kind in ('subscription', 'checkout_session',
  'invoice')),
  10::bigint, 'all of it is listed for the operator'
);

-- Nothing is lost: once we know whose customer it is, what waited is granted.
insert into auth.users (id, email) values ('01a00000-0000-7000-8000-00000000000f', 'otto@example.test');
select octroi_private.link_stripe_customer(a.id, 'cus_other') from octroi_private.account as a
where a.owner_user_id = '01a00000-0000-7000-8000-00000000000f' \g /dev/null
select results_eq(
  'select g.source, p.user_id from octroi_private.quota_grant as g join octroi_private.member as p using (account_id)',
  $$values ('cs_2/li_1', '01a00000-0000-7000-8000-00000000000f'::uuid)$$,
  'when the customer turns out to be ours, the payment is granted to whom it belongs'
);
select is(
  tap.outcome_of(format('select octroi_private.link_stripe_customer(%L, %L)', :'account', 'cus_other')), '00000',
  'linking again answers with the customer that is linked'
);
select is(
  octroi_private.link_stripe_customer(:'account', 'cus_other'), 'cus_nora', 'which is not replaced'
);

-- No table can hold a card: no such column, and no such number in anything kept.
select is_empty(
  $$select c.oid::regclass, a.attname
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p')
      and a.attname ~* '(card|pan|cvc|cvv|exp_month|exp_year|last4|fingerprint|iban|bank)'
      and a.attname not in ('expires_at')$$,
  'there is no column for a card'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
