-- Lives longer than five events, at random: versions of objects come into being one by one; events tell of them late,
-- twice, out of order or not at all, until the sweep fetches everything once more. All end in one state.
--
-- The seed is printed, and OCTROI_TEST_SEED repeats a run; OCTROI_TEST_LIVES says how many lives: 5000 take minutes.
-- They come in families, whose lives part on the way.
begin;
\ir setup/billing.sql
\ir setup/events.sql
\getenv lives OCTROI_TEST_LIVES
\if :{?lives}
\else
\set lives 5000
\endif
\getenv seed OCTROI_TEST_SEED
\if :{?seed}
\else
select floor(random() * 1000000)::integer as seed \gset
\endif
select plan(3);
select diag('OCTROI_TEST_SEED=' || :'seed' || ' OCTROI_TEST_LIVES=' || :lives);
select abs(hashtextextended(:'seed', 0) % 1000000)::integer as first_life \gset

-- A pack is bought, disputed, won back and refunded in parts; a subscription begins unpaid, is paid, is to end, goes
-- on, and is upgraded.
select tap.travel('2027-03-05 12:00+00') \g /dev/null
create function tap.pack(p_paid text) returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'id', 'cs_1', 'customer', 'cus_nora', 'mode', 'payment', 'payment_status', p_paid,
  'status', case p_paid when 'paid' then 'complete' else 'open' end,
  'amount_total', 500, 'currency', 'eur', 'payment_intent', 'pi_cs', 'created', 1804248000,
  'line_items', jsonb_build_array(jsonb_build_object(
    'id', 'li_1', 'price', tap.price('top-up-small-v1'), 'quantity', 1, 'amount_total', 500
  ))
);
end;
create function tap.charge(p_refunds jsonb) returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'id', 'ch_1', 'customer', 'cus_nora', 'payment_intent', 'pi_cs', 'amount', 500, 'currency', 'eur',
  'status', 'succeeded', 'created', 1804248000, 'refunds', p_refunds
);
end;
create function tap.dispute(p_status text) returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'id', 'dp_1', 'charge', 'ch_1', 'payment_intent', 'pi_cs', 'amount', 500, 'currency', 'eur', 'status', p_status,
  'created', 1804248000
);
end;
create function tap.month(p_with jsonb) returns jsonb
language sql
begin atomic
select tap.subscription('sub_1', '2027-03-05 11:00+00', '2027-04-05 11:00+00', p_with);
end;
create function tap.premium() returns jsonb
language sql
begin atomic
select jsonb_build_object('items', jsonb_build_array(jsonb_build_object(
  'id', 'si_sub_1', 'price', tap.price('premium-v2-month'), 'quantity', 1,
  'current_period_start', tap.s('2027-03-05 11:00+00'), 'current_period_end', tap.s('2027-04-05 11:00+00')
)));
end;
create function tap.bill(p_id text, p_with jsonb) returns jsonb
language sql
begin atomic
select tap.invoice(p_id, 'sub_1', '2027-03-05 11:00+00', '2027-04-05 11:00+00', p_with);
end;
insert into tap.version
values
(1, 'subscription', 'sub_1', tap.month('{"status": "incomplete", "latest_invoice": "in_1"}')),
(2, 'invoice', 'in_1', tap.bill('in_1', '{"status": "open", "amount_paid": 0}')),
(3, 'checkout_session', 'cs_1', tap.pack('unpaid')),
(4, 'subscription', 'sub_1', tap.month('{"latest_invoice": "in_1"}')),
(5, 'invoice', 'in_1', tap.bill('in_1', '{}')),
(6, 'checkout_session', 'cs_1', tap.pack('paid')),
(7, 'dispute', 'dp_1', tap.dispute('needs_response')),
(8, 'subscription', 'sub_1', tap.month('{"latest_invoice": "in_1", "cancel_at_period_end": true}')),
(9, 'charge', 'ch_1', tap.charge('[{"id": "re_1", "amount": 100, "status": "succeeded", "created": 1804249000}]')),
(10, 'dispute', 'dp_1', tap.dispute('won')),
(11, 'subscription', 'sub_1', tap.month('{"latest_invoice": "in_1"}')),
(12, 'subscription', 'sub_1', tap.month(tap.premium() || '{"latest_invoice": "in_2"}')),
(13, 'invoice', 'in_2', tap.bill('in_2', '{"status": "open", "amount_paid": 0}')),
(14, 'invoice', 'in_2', tap.bill('in_2', jsonb_build_object('lines', jsonb_build_array(jsonb_build_object(
  'id', 'il_2', 'price', tap.price('premium-v2-month'), 'quantity', 1, 'amount', 4000, 'is_proration', true,
  'period_start', tap.s('2027-03-05 11:30+00'), 'period_end', tap.s('2027-04-05 11:00+00')
))))),
(15, 'charge', 'ch_1', tap.charge('[
  {"id": "re_1", "amount": 100, "status": "succeeded", "created": 1804249000},
  {"id": "re_2", "amount": 150, "status": "succeeded", "created": 1804249100}
]'));

create function tap.fetch_all(p_steps integer []) returns void
language plpgsql
as $$
begin
  perform tap.apply(v.kind, v.object)
  from unnest(p_steps) with ordinality as s (step, place)
  join tap.version as v using (step)
  order by s.place;
end
$$;

-- The sweep: everything that there is, fetched once more, in any order. Half way it goes on in three ways, each of
-- which ends with another object, and with what a customer has then.
create function tap.sweep() returns text []
language plpgsql
as $$
declare
  v_steps integer [] := array(
    select s.step from (select max(v.step) as step from tap.version as v group by v.kind, v.id) as s order by random()
  );
  v_left integer [] := v_steps[4:];
  v_outcome text;
  v_outcomes text [] := '{}';
begin
  perform tap.fetch_all(v_steps[:3]);
  for v_way in 1 .. 3 loop
    begin
      perform tap.fetch_all(v_left[v_way:] || v_left[:v_way - 1]);
      v_outcome := tap.outcome();
      v_outcomes := v_outcomes
        || concat_ws('; ', split_part(v_outcome, '; evt_', 1), substring(v_outcome from 'UNSOUND.*'));
      raise exception 'undo' using errcode = 'ZZ000';
    exception
      when sqlstate 'ZZ000' then null;
    end;
  end loop;
  return v_outcomes;
end
$$;

-- A family from step p_from on, whose lives part in two each time a few steps have happened and go on by chance: what
-- they have in common is lived once.
create function tap.live(p_from integer) returns text []
language plpgsql
as $$
declare
  v_step integer := p_from;
  v_outcomes text [] := '{}';
begin
  while v_step < 15 or random() < 0.5 loop
    if v_step < 15 and random() < 0.7 then
      v_step := v_step + 1;
      if v_step in (4, 8, 12) then
        for v_way in 1 .. 2 loop
          begin
            v_outcomes := v_outcomes || tap.live(v_step);
            raise exception 'undo' using errcode = 'ZZ000';
          exception
            when sqlstate 'ZZ000' then null;
          end;
        end loop;
        return v_outcomes;
      end if;
    else
      perform tap.deliver(array[1 + floor(random() * v_step)::integer], v_step);
      update octroi_private.test_clock set shift = shift + random() * interval '10 minutes';
    end if;
  end loop;
  return tap.sweep();
end
$$;

create table tap.lived (family integer, outcome text);
-- What was undone stays in the tables until the transaction ends, and every life would be slower than the one before.
create function tap.live_all(p_first integer, p_families integer) returns void
language plpgsql
as $$
declare
  v_table record;
begin
  for v_family in p_first .. p_first + p_families - 1 loop
    perform setseed(v_family % 1000003 / 1000003.0);
    insert into tap.lived select v_family, o.outcome from unnest(tap.live(0)) as o (outcome);
    continue when v_family % 10 <> 0;
    for v_table in
      select c.oid::regclass as name, k.relname as key
      from pg_catalog.pg_class as c
      join pg_catalog.pg_index as i on i.indrelid = c.oid and i.indisprimary
      join pg_catalog.pg_class as k on k.oid = i.indexrelid
      where c.relnamespace = 'octroi_private'::regnamespace and c.relkind = 'r' and pg_relation_size(c.oid) > 100000
    loop
      execute format('cluster %s using %I', v_table.name, v_table.key);
    end loop;
  end loop;
end
$$;

select (:lives + 23) / 24 as families \gset
set constraints all immediate;
select tap.live_all(:first_life, :families) \g /dev/null
select is(
  count(*), :families * 24::bigint, count(*) || ' lives, each with its own losses, repetitions and delays'
) from tap.lived;
select is(
  (select l.outcome from tap.lived as l limit 1),
  'premium: 0 of 102500; cs_1/li_1 0 of 5000, 2500 back; sub_1 until 2027-04-08 11:00:00+00; top_up_received',
  'end with the plan that was paid last, and the half of the pack that was not refunded'
);
select is_empty(
  'select l.family, l.outcome from tap.lived as l where l.outcome <> (select f.outcome from tap.lived as f limit 1)',
  'all of them'
);

select * from finish();
rollback;
