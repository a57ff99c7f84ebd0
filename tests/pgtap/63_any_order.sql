-- Stripe's events in any order, any number of times: one state in the end. Each event is a hint, and what is fetched is
-- the object as it is by then.
begin;
\ir setup/billing.sql
\if :{?lives}
\else
\set lives 50
\endif
select plan(7);

-- Stripe: the objects of a life, one version after another, and which of them is the present one.
create table tap.version (
  step integer, kind text, id text, object jsonb, primary key (kind, id, step)
);

create function tap.fetched(p_kind text, p_id text, p_step integer) returns jsonb
language sql
stable
begin atomic
select v.object from tap.version as v
where v.kind = p_kind and v.id = p_id and v.step <= p_step
order by v.step desc
limit 1;
end;

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

-- Delivers events: each fetches its object as it is when p_seen steps have happened.
create function tap.deliver(p_steps integer [], p_seen integer) returns void
language plpgsql
as $$
declare
  v_event record;
begin
  for v_event in
    select v.kind, v.id, v.step from unnest(p_steps) with ordinality as s (step, ord)
    join tap.version as v using (step)
    order by s.ord
  loop
    perform octroi_private.receive_stripe_event(jsonb_build_object(
      'id', 'evt_' || v_event.step, 'created', 1804248000, 'object', jsonb_build_object('id', v_event.id),
      'type', case v_event.kind
        when 'checkout_session' then 'checkout.session.completed'
        when 'subscription' then 'customer.subscription.updated'
        when 'invoice' then 'invoice.paid' else 'charge.refunded'
      end
    ));
    perform tap.apply(v_event.kind, tap.fetched(v_event.kind, v_event.id, greatest(p_seen, v_event.step)));
  end loop;
end
$$;

-- Everything that a customer could notice.
create function tap.outcome() returns text
language sql
stable
as $$
  select concat_ws('; ', tap.standing(), (
    select string_agg(format('%s %s of %s, %s back', g.source, g.drawn, g.amount, g.revoked), ', ' order by g.source)
    from octroi_private.quota_grant as g
  ), (
    select string_agg(format('%s until %s', s.stripe_subscription_id, s.granted_until), ', ')
    from octroi_private.subscription as s where s.ended_at is null
  ), (
    select string_agg(m.dedupe_key, ', ' order by m.kind) from (
      select x.kind, split_part(x.dedupe_key, ':', 1) as dedupe_key from octroi_private.mail as x
    ) as m
  ), (select string_agg(e.id || ' ' || e.state, ', ' order by e.id) from octroi_private.stripe_event as e), (
    select 'UNSOUND ' || string_agg(i.violated, ', ') from octroi_private.integrity as i
  ))
$$;

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

-- Longer lives, at random: versions come into being one by one, deliveries happen in between, late, twice or not at all
-- until the sweep, which fetches everything once more. The seed makes a failure repeatable.
create function tap.live(p_seed integer) returns text
language plpgsql
as $$
declare
  v_step integer := 0;
  v_known text;
begin
  perform setseed(p_seed / 1000.0);
  for n in 1 .. 24 loop
    if random() < 0.4 and v_step < 5 then
      v_step := v_step + 1;
    elsif v_step > 0 then
      perform tap.deliver(array[1 + floor(random() * v_step)::integer], v_step);
    end if;
  end loop;
  perform tap.deliver(array[1, 4, 3, 5, 2], 5);
  v_known := tap.outcome();
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then return v_known;
end
$$;
select is_empty(
  format(
    'select s, e from generate_series(1, %s) as s cross join lateral tap.live(s) as e where e <> %L', :lives,
    :'expected'
  ),
  :lives || ' lives, each with its own losses, repetitions and delays, end in the same state'
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
