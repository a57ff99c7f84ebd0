-- What was drawn from packs whose money went back is owed until it is worked off.
begin;
\ir setup/billing.sql
select plan(16);

insert into octroi_private.overage_setting (account_id, is_on) values (:'account', false);
create function tap.month(p_from timestamptz) returns text
language sql
as $$
  select tap.travel(p_from + interval '10 minutes');
  select tap.apply('subscription', tap.subscription('sub_1', p_from, p_from + interval '1 month', jsonb_build_object(
    'billing_cycle_anchor', tap.s('2027-01-05 12:00+00')
  ))) || tap.apply('invoice', tap.invoice('in_' || tap.s(p_from), 'sub_1', p_from, p_from + interval '1 month'));
$$;
-- Packs that one payment bought.
create function tap.packs(p_id text, p_count bigint) returns text
language sql
begin atomic
select tap.apply('checkout_session', jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'mode', 'payment', 'status', 'complete', 'payment_status', 'paid',
  'amount_total', 500 * p_count, 'currency', 'eur', 'payment_intent', 'pi_' || p_id, 'created', 1799150400,
  'line_items', jsonb_build_array(jsonb_build_object(
    'id', 'li_1', 'price', tap.price('top-up-small-v1'), 'quantity', p_count, 'amount_total', 500 * p_count
  ))
));
end;
create function tap.dispute(p_id text, p_status text) returns text
language sql
begin atomic
select tap.apply('charge', jsonb_build_object(
  'id', 'ch_' || p_id, 'customer', 'cus_nora', 'payment_intent', 'pi_' || p_id, 'amount', 5000, 'currency', 'eur',
  'status', 'succeeded', 'created', 1799150400
)) || tap.apply('dispute', jsonb_build_object(
  'id', 'dp_' || p_id, 'charge', 'ch_' || p_id, 'payment_intent', 'pi_' || p_id, 'amount', 5000, 'currency', 'eur',
  'status', p_status, 'created', 1799150400
));
end;
create function tap.verdict(p_tokens bigint) returns text
language plpgsql
as $$
declare
  v_verdict text;
begin
  select r.verdict into v_verdict
  from octroi_private.account as a
  cross join lateral octroi_private.reserve(
    octroi_private.uuid_v7(), a.id, null, a.owner_user_id, 'gpt-5.6-luna', p_tokens, 0
  ) as r
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
  perform octroi_private.release(r.id, 'test') from octroi_private.request as r where r.state = 'open';
  return v_verdict;
end
$$;

-- Ten packs, 50,000 tokens, of which 25,000 are drawn when the money is disputed. A month's own amount is 10,000.
select tap.month('2027-01-05 12:00+00') \g /dev/null
select tap.packs('cs_1', 10) \g /dev/null
select tap.use(35000) \g /dev/null
select tap.dispute('cs_1', 'needs_response') \g /dev/null
select is(tap.standing(), 'basic: 35000 of 35000', 'disputed: 25,000 are owed, and nothing is left');
select is(tap.verdict(1), 'refused', 'no call is let through');

-- The next month's own amount works off 10,000, and no pack gets around the rest.
select tap.month('2027-02-05 12:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 0', 'the next month: all of it goes to what is owed');
select is(tap.verdict(1), 'refused', 'so no call is let through');
select tap.packs('cs_2', 1) \g /dev/null
select is(tap.standing(), 'basic: 0 of 0', 'a pack does not pay for a dispute');
select tap.packs('cs_3', 3) \g /dev/null
select is(tap.standing(), 'basic: 0 of 5000', 'beyond 15,000 that are left to work off it may be used');
select tap.use(5000) \g /dev/null
select is(tap.verdict(1), 'refused', 'and no further');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

-- 15,000 are left, and 5,000 of a pack are drawn; a month that nobody calls in works off nothing.
select tap.month('2027-03-05 12:00+00') \g /dev/null
select tap.month('2027-04-05 12:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 10000', '15,000 are owed still: of 10,000 and 15,000 of packs, 10,000');
select tap.use(4000) \g /dev/null
select tap.month('2027-05-05 12:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 16000', '5,000 are owed: of 10,000 and 11,000 of packs');
select tap.use(1000) \g /dev/null
select tap.month('2027-06-05 12:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 21000', 'worked off: 10,000 and 11,000 of packs');

-- The dispute is won after all: the pack is back, and so is what was worked off, in this month.
select tap.use(10) \g /dev/null
select tap.dispute('cs_1', 'won') \g /dev/null
select is(
  tap.standing(), 'basic: 10 of 71000',
  'won: 25,000 of the pack that were left, and 25,000 of months that were withheld'
);
select tap.use(30000) \g /dev/null
select is(

   (select sum(g.drawn)::bigint from octroi_private.quota_grant as g where g.source ~ '^cs_[23]'),
  9000::bigint, 'they are used before any pack'
);
select tap.month('2027-07-05 12:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 46000', 'the month after it is one like any other: 10,000 and 36,000 of packs');

-- A month whose own amount is used already works off nothing more.
select tap.use(46000) \g /dev/null
select tap.dispute('cs_3', 'lost') \g /dev/null
select tap.month('2027-08-05 12:00+00') \g /dev/null
select is(tap.standing(), 'basic: 0 of 0', 'what is taken back at its end is owed in the next');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
