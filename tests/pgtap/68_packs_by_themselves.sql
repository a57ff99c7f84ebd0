-- Packs bought without asking: whoever set that up is not left without quota while the month's cap allows for more.
begin;
\ir setup/billing.sql
select plan(20);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
insert into octroi_private.overage_setting (account_id, is_on) values (:'account', false);

-- A call with so many tokens of input: granted, or refused by what; then what the gateway does about it.
create function tap.call(p_id uuid, p_tokens bigint) returns text
language plpgsql
as $$
declare
  v_account_id uuid := (
    select a.id from octroi_private.account as a where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e'
  );
  v_told text;
begin
  select concat_ws(' ', r.verdict, case when r.verdict = 'refused' then r.reason end) into v_told
  from octroi_private.reserve(
    p_id, v_account_id, null, '01a00000-0000-7000-8000-00000000000e', 'gpt-5.6-luna', p_tokens, 16
  ) as r;
  if v_told like 'refused%' then
    perform octroi_private.note_refused_at_limit(v_account_id, '01a00000-0000-7000-8000-00000000000e', 'gpt-5.6-luna',
    p_tokens, 16, 1);
  end if;
  return v_told;
end
$$;
create function tap.bought() returns bigint
language sql
stable
begin atomic
select count(*) from octroi_private.billing_request as r where r.kind = 'auto_top_up';
end;
-- The pack that is being bought is paid.
create function tap.pay(p_id text) returns text
language plpgsql
as $$
begin
  perform octroi_private.finish_billing_request(r.id, p_id, null)
  from octroi_private.billing_request as r where r.kind = 'auto_top_up' and r.state = 'pending';
  return tap.apply('invoice', jsonb_build_object(
    'id', p_id, 'customer', 'cus_nora', 'status', 'paid', 'total', 500, 'amount_due', 500, 'amount_paid', 500,
    'currency', 'eur', 'created', tap.s(octroi_private.now()), 'lines', jsonb_build_array(jsonb_build_object(
      'id', 'il_a', 'price', 'id_octroi-top-up-small-v1', 'quantity', 1, 'amount', 500,
      'period_start', tap.s(octroi_private.now()), 'period_end', tap.s(octroi_private.now())
    ))
  ));
end
$$;
create function tap.wish(p_below bigint, p_cap_minor bigint) returns boolean
language plpgsql
as $$
begin
  perform tap.play('01a00000-0000-7000-8000-00000000000e');
  perform octroi.set_auto_top_up('small', p_below, p_cap_minor);
  perform tap.clear();
  return true;
end
$$;

-- 300 are left, and every call needs 400.
select tap.use(9700) \g /dev/null
select is(tap.call(octroi_private.uuid_v7(), 384), 'refused quota_exceeded', 'a call that needs more than is left');
select is(tap.bought(), 0::bigint, 'nobody asked for packs: none is bought');
select tap.play(:nora) \g /dev/null
select is(
  tap.outcome_of($$select octroi.set_auto_top_up('small', 0, 1000)$$), '22023', 'at nothing left it is too late'
);
select tap.clear() \g /dev/null
select tap.wish(1, 1000) \g /dev/null
select is(tap.call(octroi_private.uuid_v7(), 384), 'refused quota_exceeded', 'the next call is refused as well');
select is(tap.bought(), 1::bigint, 'and a pack is being bought, though 300 are left');
select tap.call(octroi_private.uuid_v7(), 384) \g /dev/null
select is(tap.bought(), 1::bigint, 'one, however many calls are refused');
select tap.pay('in_p1') \g /dev/null
select is(
  octroi_private.note_refused_at_limit(:'account', :nora, 'gpt-5.6-luna', 384, 16, 1), null,
  'a refusal that is told of when the pack is there buys nothing'
);
select is(tap.standing(), 'basic: 9700 of 15000', 'it is granted');

-- What others hold comes back, and is no reason to buy.
select is(tap.call('01a00000-0000-7000-8000-000000000001', 5284), 'granted', 'a call that holds all there is');
select is(tap.call(octroi_private.uuid_v7(), 384), 'held', 'another one beside it waits');
select is(tap.bought(), 1::bigint, 'and has no pack bought');
select octroi_private.release('01a00000-0000-7000-8000-000000000001', 'test') \g /dev/null

-- The cap holds.
select tap.call(octroi_private.uuid_v7(), 6000) \g /dev/null
select is(tap.bought(), 2::bigint, 'a call that is too long for what is left has a pack bought');
select tap.pay('in_p2') \g /dev/null
select tap.use(10000) \g /dev/null
select tap.call(octroi_private.uuid_v7(), 384) \g /dev/null
select is(tap.bought(), 2::bigint, 'a third would be more than 1,000 a month');

-- By itself a pack is bought when a tenth of it is left.
select tap.travel('2027-04-05 12:10+00') \g /dev/null
update octroi_private.quota_grant set ended_at = octroi_private.now(), expires_at = octroi_private.now();
select tap.apply('invoice', tap.invoice('in_2', 'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00')) \g /dev/null
select tap.wish(null, 100000) \g /dev/null
select tap.use(9499) \g /dev/null
select is(tap.bought(), 2::bigint, 'with 501 left nothing is bought');
select tap.use(1) \g /dev/null
select is(tap.bought(), 3::bigint, 'with 500, a tenth of the pack, one is');

-- A pack that leaves no more than that much has the next one bought.
select tap.wish(5000, 100000) \g /dev/null
select tap.use(500) \g /dev/null
select tap.pay('in_p3') \g /dev/null
select is(tap.standing(), 'basic: 10000 of 15000', 'the pack came when nothing was left');
select tap.use(1) \g /dev/null
select is(tap.bought(), 4::bigint, 'less than 5,000 are left: the next one is bought');

-- Requests pile up while Stripe is away.
select tap.pay('in_p4') \g /dev/null
insert into octroi_private.billing_request (account_id, user_id, kind, args)
select :'account', :nora, 'portal', jsonb_build_object('n', n) from generate_series(1, 20) as n;
select tap.use(9500) is not null as used \gset
select is(tap.standing(), 'basic: 19501 of 20000', 'what was used is written down');
select is(tap.bought(), 4::bigint, 'though nothing more can be asked of Stripe');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
