-- Stripe's events in any order, any number of times: one state in the end. Each event is a hint, and what is fetched is
-- the object as it is by then.
begin;
\ir setup/billing.sql
\ir setup/events.sql
select plan(6);

-- The five events of a subscription's first month. Each step changes one object.
select tap.travel('2027-03-05 12:00+00') \g /dev/null
insert into tap.version
values
(1, 'checkout_session', 'cs_1', '{
  "id": "cs_1", "customer": "cus_nora", "mode": "payment", "status": "complete", "payment_status": "paid",
  "amount_total": 500, "currency": "eur", "payment_intent": "pi_cs", "created": 1804248000,
  "line_items": [{"id": "li_1", "price": "id_octroi-top-up-small-v1", "quantity": 1, "amount_total": 500}]
}'),
(2, 'subscription', 'sub_1', tap.subscription(
  'sub_1', '2027-03-05 11:00+00', '2027-04-05 11:00+00', '{"status": "incomplete", "latest_invoice": "in_1"}'
)),
(3, 'invoice', 'in_1', tap.invoice('in_1', 'sub_1', '2027-03-05 11:00+00', '2027-04-05 11:00+00')),
(4, 'subscription', 'sub_1', tap.subscription(
  'sub_1', '2027-03-05 11:00+00', '2027-04-05 11:00+00', '{"status": "active", "latest_invoice": "in_1"}'
)),
(5, 'charge', 'ch_1', '{
  "id": "ch_1", "customer": "cus_nora", "payment_intent": "pi_cs", "amount": 500, "currency": "eur",
  "status": "succeeded", "created": 1804248000,
  "refunds": [{"id": "re_1", "amount": 200, "status": "succeeded", "created": 1804249000}]
}');

-- What comes of an order of deliveries; the database is as before afterwards.
create function tap.outcome_of_order(p_steps integer [], p_seen integer) returns text
language plpgsql
as $$
declare
  v_outcome text;
begin
  perform tap.deliver(p_steps, p_seen);
  v_outcome := tap.outcome();
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then return v_outcome;
end
$$;

create function tap.orders(p_steps integer []) returns setof integer []
language sql
immutable
as $$
  with recursive o (taken, rest) as (
    select array[]::integer [], p_steps
    union all
    select o.taken || n, array_remove(o.rest, n) from o cross join lateral unnest(o.rest) as n
  )
  select taken from o where rest = '{}'
$$;

select tap.outcome_of_order(array[1, 2, 3, 4, 5], 0) as expected \gset
select is(
  :'expected',
  'basic: 0 of 23000; cs_1/li_1 0 of 5000, 2000 back; sub_1 until 2027-04-08 11:00:00+00; top_up_received; '
  || 'evt_1 done, evt_2 done, evt_3 done, evt_4 done, evt_5 done',
  'in order: the plan, the pack, less what was refunded of it'
);
select is((select count(*) from tap.orders(array[1, 2, 3, 4, 5])), 120::bigint, 'there are 120 orders');
select is_empty(
  format(
    'select o, e from tap.orders(array[1, 2, 3, 4, 5]) as o cross join lateral tap.outcome_of_order(o, 5) as e
    where e <> %L', :'expected'
  ), 'delivered late, in any order: the same'
);
select is_empty(
  format(
    'select o, e from tap.orders(array[1, 2, 3, 4, 5]) as o
    cross join lateral tap.outcome_of_order(o || o[2:4] || o[1:1] || o, 5) as e
    where e <> %L', :'expected'
  ), 'each of them two or three times: the same'
);

-- Two workers fetch one object. The one whose lease ran out comes second with what it fetched first.
select octroi_private.lock_stripe_object('subscription', 'sub_1', 30) as slow_fence \gset
select is(octroi_private.lock_stripe_object('subscription', 'sub_1', 30), null, 'while one fetches, another may not');
select tap.travel('2027-03-05 14:00+00') \g /dev/null
select octroi_private.lock_stripe_object('subscription', 'sub_1', 30) as fast_fence \gset
select tap.deliver(array[3], 5) \g /dev/null
select a.outcome from octroi_private.apply_stripe_object(
  'subscription', 'sub_1', :fast_fence, tap.fetched('subscription', 'sub_1', 5)
) as a \g /dev/null
select is(
  (
    select a.outcome || ', ' || tap.standing() from octroi_private.apply_stripe_object(
      'subscription', 'sub_1', :slow_fence, tap.fetched('subscription', 'sub_1', 2)
    ) as a
  ), 'fenced, basic: 0 of 20000', 'what it fetched is refused'
);

select * from finish();
rollback;
