-- What was told is told once, though the mail that told it is not kept: every kind of mail, then its removal, then
-- everything that would write it again.
begin;
\ir setup/billing.sql
select plan(16);

create function tap.told() returns text
language sql
stable
as $$
  select coalesce(string_agg(m.kind, ', ' order by m.kind, m.id), 'nothing') from octroi_private.mail as m
$$;
-- Every mail was sent and its time is over.
create function tap.forget_mails(p_after interval) returns bigint
language plpgsql
as $$
begin
  update octroi_private.mail set state = 'sent', finished_at = octroi_private.now() where finished_at is null;
  perform tap.travel(octroi_private.now() + p_after);
  return octroi_private.prune_billing(100);
end
$$;
create function tap.failing(p_attempt integer) returns jsonb
language sql
begin atomic
select tap.invoice('in_2', 'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00', jsonb_build_object(
  'status', 'open', 'attempt_count', p_attempt, 'next_payment_attempt', tap.s('2027-04-20'), 'amount_paid', 0
));
end;

select tap.travel('2027-03-05 12:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select octroi_private.set_retention('mail', '7 days') \g /dev/null

-- A cap that is reached is told of once a month, and mails are kept for a week.
select tap.play(:nora) \g /dev/null
select octroi.set_auto_top_up('small', 500, 500) \g /dev/null
select tap.clear() \g /dev/null
select tap.use(9600) \g /dev/null
select octroi_private.finish_billing_request(r.id, 'in_auto', null)
from octroi_private.billing_request as r \g /dev/null
select tap.apply('invoice', jsonb_build_object(
  'id', 'in_auto', 'customer', 'cus_nora', 'status', 'paid', 'total', 500, 'amount_due', 500, 'amount_paid', 500,
  'currency', 'eur', 'created', tap.s('2027-03-05 12:00+00'), 'lines', jsonb_build_array(jsonb_build_object(
    'id', 'il_a', 'price', 'id_octroi-top-up-small-v1', 'quantity', 1, 'amount', 500,
    'period_start', tap.s('2027-03-05 12:00+00'), 'period_end', tap.s('2027-03-05 12:00+00')
  ))
)) \g /dev/null
select tap.use(5000) \g /dev/null
select is(
  tap.told(), 'auto_top_up_failed, threshold, threshold, top_up_received', 'a pack, warnings, and the cap of the month'
);
select is(tap.forget_mails('8 days'), 4::bigint, 'a week later these mails are gone');
select octroi_private.buy_when_low(:'account', 'tokens', 0) \g /dev/null
select octroi_private.evaluate_customer('cus_nora') \g /dev/null
select is(tap.told(), 'nothing', 'in the same month none of it is told again');
select tap.play(:nora) \g /dev/null
select octroi.set_auto_top_up('small', 500, 501) \g /dev/null
select tap.clear() \g /dev/null
select octroi_private.buy_when_low(:'account', 'tokens', 0) \g /dev/null
select is(tap.told(), 'auto_top_up_failed', 'another cap is another matter');

-- A payment that fails, attempt by attempt.
select tap.travel('2027-04-05 13:00+00') \g /dev/null
delete from octroi_private.mail;
select tap.apply('invoice', tap.failing(1)) \g /dev/null
select is(tap.told(), 'payment_failed', 'a payment that fails is told of');
select is(tap.forget_mails('8 days'), 1::bigint, 'this mail goes as well');
select tap.apply('invoice', tap.failing(1)) \g /dev/null
select is(tap.told(), 'nothing', 'the same attempt is not told of again');
select tap.apply('invoice', tap.failing(2)) \g /dev/null
select is(tap.told(), 'payment_failed', 'the next one is');

-- A subscription that ended, and another one that pays.
delete from octroi_private.mail;
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00', jsonb_build_object(
    'status', 'canceled', 'ended_at', tap.s('2027-04-14 12:00+00')
  )
)) \g /dev/null
select is(tap.told(), 'subscription_ended', 'that a subscription has ended is told');
select tap.apply('subscription', tap.subscription('sub_0', '2027-04-05 12:00+00', '2027-05-05 12:00+00', '{
  "status": "canceled"
}')) \g /dev/null
select is(tap.told(), 'subscription_ended', 'of one that never gave a plan nobody is told');
select is(tap.forget_mails('91 days'), 1::bigint, 'three months later that mail is gone');
select tap.apply('subscription', tap.subscription('sub_2', '2027-07-15 12:00+00', '2027-08-15 12:00+00')) \g /dev/null
select tap.apply('invoice', tap.invoice('in_3', 'sub_2', '2027-07-15 12:00+00', '2027-08-15 12:00+00')) \g /dev/null
select is(tap.told(), 'nothing', 'a customer who pays again is not told that they do not');

-- News.
select tap.play(:nora) \g /dev/null
select octroi.give_consent('news', '1') \g /dev/null
select tap.clear() \g /dev/null
\set letter '{"en": {"subject": "New models", "paragraphs": ["There are new models."]}}'
select is(octroi_private.announce('summer', :'letter'), 1, 'a letter');
select is(tap.forget_mails('8 days'), 1::bigint, 'goes like any other mail');
select is(
  tap.outcome_of(format('select octroi_private.announce(%L, %L)', 'summer', :'letter')), '22023',
  'it is not written again when nobody knows who had it'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
