-- What owners may ask for, what is refused before it reaches Stripe, and what they are told of the outcome.
begin;
\ir setup/billing.sql
select plan(92);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
-- stan has signed up as well; tom is a member of nora's account, and only that.
insert into auth.users (id, email) values
('01a00000-0000-7000-8000-0000000000f1', 'stan@example.test'), ('01a00000-0000-7000-8000-0000000000f2',
  'tom@example.test');
\set stan '\'01a00000-0000-7000-8000-0000000000f1\''
\set tom '\'01a00000-0000-7000-8000-0000000000f2\''
delete from octroi_private.member where user_id = :tom;
insert into octroi_private.member (account_id, user_id, role) values (:'account', :tom, 'member');
select octroi_private.set_billing_settings('{"return_origins": ["https://app.example",
  "http://localhost:3000"]}') \g /dev/null

create table tap.request_id (name text primary key, id uuid);
grant all on tap.request_id to public;
create function tap.ask(p_name text, p_statement text) returns text
language plpgsql
as $$
declare
  v_id uuid;
begin
  execute 'select ' || p_statement into v_id;
  insert into tap.request_id values (p_name, v_id) on conflict (name) do update set id = excluded.id;
  return '00000';
exception
  when others then return sqlstate;
end
$$;
create function tap.checkout(p_success text, p_plan text default 'basic', p_interval text default 'month') returns text
language sql
begin atomic
select tap.ask('checkout', format('octroi.start_checkout(%L, %L, %L, %L)', p_plan, p_interval, p_success,
  'https://app.example/no'));
end;
-- What the worker is told to do.
create function tap.args_of(p_name text) returns jsonb
language sql
as $$
  select l.args - 'reference' from tap.request_id as r
    cross join lateral octroi_private.load_billing_request(r.id) as l where r.name = p_name
$$;
create function tap.id_of(p_name text) returns uuid
language sql
stable
begin atomic
select r.id from tap.request_id as r where r.name = p_name;
end;

-- Where a page may lead back to.
select tap.play(:nora) \g /dev/null
select is(tap.checkout(u.url), u.outcome, format('%s: %s', u.outcome, left(translate(u.url, e'\r\n', '  '), 60)))
from (values
  ('https://app.example/done?session={CHECKOUT_SESSION_ID}', '00000'), ('https://app.example', '00000'),
  ('http://localhost:3000/done', '00000'),
  ('http://app.example/done', 'OC031'), ('https://app.example.evil.test/', 'OC031'), ('https://evil.test/', 'OC031'),
  ('https://app.example@evil.test/', 'OC031'), ('https://app.example:8443/', 'OC031'),
  (e'https://app.example/\r\nLocation: https://evil.test', 'OC031'), ('https://app.example\@evil.test', 'OC031'),
  ('javascript:alert(1)', 'OC031'), ('//app.example/', 'OC031'), ('https://app.example/a b', 'OC031'), ('', 'OC031'),
  (null, 'OC031'), ('https://app.example/' || repeat('x', 2000), 'OC031'), ('HTTPS://APP.EXAMPLE/', 'OC031')
) as u (url, outcome);
select is(tap.checkout('https://app.example/', 'gold'), 'OC033', 'there is no such plan');
select is(tap.checkout('https://app.example/', 'free'), 'OC033', 'the default plan is not sold');
select is(tap.checkout('https://app.example/', 'basic', 'week'), 'OC033', 'nor any by the week');
select is(
  tap.ask('x', 'octroi.buy_top_up(''small'', ''https://app.example/'', ''https://app.example/'')'), 'OC033',
  'a pack is not sold on every plan'
);
select is(tap.ask('x', 'octroi.change_plan(''basic'', ''month'')'), 'OC032', 'there is no subscription to change');
select is(tap.ask('x', 'octroi.cancel_subscription()'), 'OC032', 'or to cancel');
select is(tap.ask('x', 'octroi.resume_subscription()'), 'OC032', 'or to resume');
select is(tap.ask('x', 'octroi.set_overage(true)'), 'OC032', 'and no overage');
select tap.play(:tom) \g /dev/null
select is(tap.checkout('https://app.example/'), 'OC021', 'a member pays for nothing');
select is(tap.ask('x', 'octroi.open_portal(''https://app.example/'')'), 'OC021', 'and sees no portal');
select tap.play_role('anon') \g /dev/null
select is(tap.checkout('https://app.example/'), '42501', 'who is not signed in asks for nothing');
select tap.clear() \g /dev/null

-- What the worker is told, and what its owner reads.
select is(
  tap.args_of('checkout') -> 'wait_seconds', '1', 'a checkout waits for the ones before it: each may be opening a page'
);
select octroi_private.fail_billing_request(r.id, 'given_up', 'x') from octroi_private.billing_request as r
where r.id <> tap.id_of('checkout') \g /dev/null
select is(
  tap.args_of('checkout') - 'options', jsonb_build_object(
    'mode', 'subscription', 'trial_days', 14, 'success_url', 'http://localhost:3000/done',
    'cancel_url', 'https://app.example/no', 'expire_sessions', '[]'::jsonb, 'items', '[
      {"price": "id_octroi-basic-v2-month", "quantity": 1}, {"price": "id_octroi-basic-v2-overage-tokens"}
    ]'::jsonb
  ), 'a checkout sells the plan and its metered price, with its trial'
);
select results_eq(
  $$select l.kind, l.customer_id, l.idempotency_key = 'octroi-request-' || tap.id_of('checkout')
    from octroi_private.load_billing_request(tap.id_of('checkout')) as l$$,
  $$values ('checkout', 'cus_nora', true)$$, 'for the account''s customer, under a key of the row''s'
);
select tap.play(:nora) \g /dev/null
select is(
  (select b.state from octroi.billing_request(tap.id_of('checkout')) as b), 'pending', 'its owner sees it wait'
);
select tap.checkout('http://localhost:3000/done') \g /dev/null
select is(
  (select count(*) from octroi.billing_requests), 3::bigint, 'asked again while it waits, it is the same request'
);
select tap.play(:stan) \g /dev/null
select is((select b.state from octroi.billing_request(tap.id_of('checkout')) as b), null, 'nobody else sees it');
select is((select count(*) from octroi.billing_requests), 0::bigint, 'not in the list either');
select tap.play(:tom) \g /dev/null
select is((select count(*) from octroi.billing_requests), 0::bigint, 'nor does a member');
select tap.clear() \g /dev/null
select is(
  octroi_private.finish_billing_request(tap.id_of('checkout'), 'cs_1', 'https://checkout.test/cs_1'), true, 'done'
);
select is(
  octroi_private.finish_billing_request(tap.id_of('checkout'), 'cs_2', 'https://checkout.test/cs_2'), false, 'once'
);
select is(octroi_private.fail_billing_request(tap.id_of('checkout'), 'late', 'x'), false, 'and not failed after that');
select is(
  (select l.kind from octroi_private.load_billing_request(tap.id_of('checkout')) as l), null,
  'the worker has nothing more to do'
);
select tap.play(:nora) \g /dev/null
select results_eq(
  $$select b.state, b.url, b.error from octroi.billing_request(tap.id_of('checkout')) as b$$,
  $$values ('done', 'https://checkout.test/cs_1', null::text)$$, 'its owner reads where to go'
);
select tap.checkout('https://app.example/', 'premium', 'year') \g /dev/null
select tap.clear() \g /dev/null
select is(
  tap.args_of('checkout') -> 'expire_sessions', '["cs_1"]', 'another checkout ends the one that could still be paid'
);
select is(tap.args_of('checkout') -> 'trial_days', '0', 'premium has no trial');

-- A page may be paid for a day after its request was finished, which may have waited long before.
select tap.travel('2027-03-06 11:59+00') \g /dev/null
select is(tap.args_of('checkout') -> 'expire_sessions', '["cs_1"]', 'for a day');
select tap.travel('2027-03-06 12:01+00') \g /dev/null
select is(tap.args_of('checkout') -> 'expire_sessions', '[]', 'and no longer');
select tap.travel('2027-03-05 12:00+00') \g /dev/null

-- The page was paid, and nothing else is known of it yet.
savepoint paid; -- noqa: PRS
select tap.apply('checkout_session', '{
  "id": "cs_1", "customer": "cus_nora", "mode": "subscription", "status": "complete", "payment_status": "paid",
  "amount_total": 900, "currency": "eur", "subscription": "sub_9", "created": 1804248000
}') \g /dev/null
select is(
  tap.outcome_of($$select octroi_private.load_billing_request(tap.id_of('checkout'))$$), 'OC032',
  'who has paid on one page is sent to no other'
);
select tap.play(:nora) \g /dev/null
select is(tap.checkout('https://app.example/more'), 'OC032', 'and asks for none');
select tap.clear() \g /dev/null
rollback to savepoint paid;

-- A change that the card does not pay for is told with the page where it can be paid.
savepoint declined;
insert into tap.request_id
select 'declined', octroi_private.enqueue_billing_request(:'account', :nora, 'change_plan', '{}');
select is(
  octroi_private.fail_billing_request(
    tap.id_of('declined'), 'payment_required', 'Pay here.', 'sub_1', 'https://invoice.test/in_1'
  ), true, 'payment is required'
);
select is(
  (select count(*) from octroi_private.job as j where j.args = '{"kind": "subscription", "id": "sub_1"}'), 1::bigint,
  'what is in the way is looked at'
);
select tap.play(:nora) \g /dev/null
select results_eq(
  $$select b.state, b.error, b.url, b.message from octroi.billing_request(tap.id_of('declined')) as b$$,
  $$values ('failed', 'payment_required', 'https://invoice.test/in_1', 'Pay here.')$$, 'its owner reads where'
);
select is(
  (select b.url from octroi.billing_requests as b where b.id = tap.id_of('declined')), 'https://invoice.test/in_1',
  'in the list as well'
);
select tap.play(:stan) \g /dev/null
select is((select b.url from octroi.billing_request(tap.id_of('declined')) as b), null, 'nobody else does');
select is((select count(*) from octroi.billing_requests), 0::bigint, 'in no list');
select tap.clear() \g /dev/null
rollback to savepoint declined;

-- A job that is given up fails its request.
update octroi_private.job set state = 'dead', finished_at = octroi_private.now()
where args ->> 'billing_request_id' = tap.id_of('checkout')::text;
select tap.play(:nora) \g /dev/null
select results_eq(
  $$select b.state, b.error from octroi.billing_request(tap.id_of('checkout')) as b$$, $$values ('failed',
  'given_up')$$,
  'and its owner is told'
);
select tap.clear() \g /dev/null

-- stan has no customer yet.
select tap.play(:stan) \g /dev/null
select tap.checkout('https://app.example/') \g /dev/null
select tap.clear() \g /dev/null
select is(
  (select l.customer_id from octroi_private.load_billing_request(tap.id_of('checkout')) as l), null,
  'a first request comes without a customer'
);
select is(
  octroi_private.link_stripe_customer(l.account_id, 'cus_stan'), 'cus_stan', 'the worker makes one and says so'
) from octroi_private.load_billing_request(tap.id_of('checkout')) as l;
select is(
  octroi_private.link_stripe_customer(l.account_id, 'cus_stan2'), 'cus_stan', 'two that race end with one'
) from octroi_private.load_billing_request(tap.id_of('checkout')) as l;
update octroi_private.stripe_catalogue set stripe_id = null where key = 'octroi-basic-v2-month';
select is(
  tap.outcome_of($$select octroi_private.load_billing_request(tap.id_of('checkout'))$$), 'OC033',
  'a price that was never pushed is told of'
);
update octroi_private.stripe_catalogue set stripe_id = 'id_octroi-basic-v2-month' where key = 'octroi-basic-v2-month';

-- With a subscription.
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00', jsonb_build_object(
  'trial_end', tap.s('2027-03-05 12:00+00')
))) \g /dev/null
select tap.apply('invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00')) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.checkout('https://app.example/'), 'OC032', 'who has a subscription starts no second one');
select is(tap.ask('portal', 'octroi.open_portal(''https://app.example/billing'')'), '00000', 'the portal');
select is(tap.ask('same', 'octroi.change_plan(''basic'', ''month'')'), 'OC032', 'the plan that there is');
select is(tap.ask('up', 'octroi.change_plan(''premium'', ''month'')'), '00000', 'upward');
select is(tap.ask('year', 'octroi.change_plan(''basic'', ''year'')'), '00000', 'or to the year');
select is(
  tap.ask('top_up', 'octroi.buy_top_up(''small'', ''https://app.example/'', ''https://app.example/'')'), '00000',
  'a pack'
);
select tap.clear() \g /dev/null
select is(tap.args_of('portal'), '{"return_url": "https://app.example/billing"}', 'the portal leads back');
select is(
  tap.args_of('up'), '{
    "subscription": "sub_1", "schedule": null, "when": "now",
    "items": [{"id": "si_sub_1", "price": "id_octroi-premium-v2-month"}]
  }', 'an upgrade is now; the metered price stays until the cycle is closed'
);
select is(tap.args_of('year') -> 'begins_anew', 'true', 'by another interval all periods begin anew');
select is(
  tap.args_of('top_up') - 'options', '{
    "mode": "payment", "items": [{"price": "id_octroi-top-up-small-v1", "quantity": 1}], "expire_sessions": [],
    "success_url": "https://app.example/", "cancel_url": "https://app.example/"
  }', 'a pack is one payment'
);
select octroi_private.finish_billing_request(tap.id_of('up'), 'sub_1', null) \g /dev/null
select is(
  (select count(*) from octroi_private.job as j where j.args = '{"kind": "subscription", "id": "sub_1"}'), 1::bigint,
  'what was touched is looked at again'
);
create function tap.on_premium(p_with jsonb) returns text
language sql
begin atomic
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-03-05 12:00+00', '2027-04-05 12:00+00', jsonb_build_object(
  'items', jsonb_build_array(jsonb_build_object(
    'id', 'si_sub_1', 'price', 'id_octroi-premium-v2-month', 'quantity', 1,
    'current_period_start', tap.s('2027-03-05 12:00+00'), 'current_period_end', tap.s('2027-04-05 12:00+00')
  ))
) || p_with));
end;
select tap.on_premium('{}') \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.ask('down', 'octroi.change_plan(''basic'', ''month'')'), '00000', 'downward');
select is(tap.ask('cancel', 'octroi.cancel_subscription()'), '00000', 'or out');
select tap.clear() \g /dev/null
select is(
  tap.args_of('down'), '{
    "subscription": "sub_1", "schedule": null, "when": "period_end",
    "items": [{"price": "id_octroi-basic-v2-month", "quantity": 1}, {"price": "id_octroi-basic-v2-overage-tokens"}]
  }', 'a downgrade waits for the end of what is paid'
);
select is(
  tap.args_of('cancel'), '{"subscription": "sub_1", "schedule": null, "when": "period_end"}', 'so does a cancellation'
);
select tap.on_premium('{"cancel_at_period_end": true, "schedule": "sub_sched_1",
  "next_price": "id_octroi-basic-v2-month", "next_price_at": 1806926400}') \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.ask('x', 'octroi.cancel_subscription()'), 'OC032', 'once');
select is(tap.ask('resume', 'octroi.resume_subscription()'), '00000', 'which can be taken back');
select results_eq(
  'select s.plan, s.status, s.cancel_at_period_end, s.next_plan, s.next_plan_at, s.billing_interval
  from octroi.my_subscription() as s',
  $$values ('basic', 'active', true, 'basic', '2027-04-05 12:00+00'::timestamptz, 'month')$$,
  'my_subscription says what waits'
);
select tap.clear() \g /dev/null
select is(tap.args_of('resume'), '{"subscription": "sub_1", "schedule": "sub_sched_1"}', 'by the worker');

-- One that is paid by the year and metered by the month ends at an instant, without the flag.
select tap.on_premium(jsonb_build_object('cancel_at', tap.s('2027-04-05 12:00+00'))) \g /dev/null
select tap.play(:nora) \g /dev/null
select is((select s.cancel_at_period_end from octroi.my_subscription() as s), true, 'it is shown as ending');
select is(tap.ask('x', 'octroi.cancel_subscription()'), 'OC032', 'cannot be cancelled again');
select is(tap.ask('resume', 'octroi.resume_subscription()'), '00000', 'and can be resumed');
select tap.clear() \g /dev/null
select tap.on_premium(jsonb_build_object('cancel_at', tap.s('2028-01-01 12:00+00'))) \g /dev/null
select tap.play(:nora) \g /dev/null
select is(tap.ask('x', 'octroi.cancel_subscription()'), '00000', 'one that would end later may end earlier');
select tap.clear() \g /dev/null

-- A past-due one can be paid, not changed.
select tap.on_premium('{"status": "past_due"}') \g /dev/null
select tap.play(:nora) \g /dev/null
select is(
  tap.ask('x', 'octroi.change_plan(''premium'', ''year'')'), 'OC032', 'a subscription that is past due is not changed'
);
select is(tap.ask('portal', 'octroi.open_portal(''https://app.example/'')'), '00000', 'but paid in the portal');

-- A second trial there is not; and there is an end to everything, also to what waits to be ended.
select tap.clear() \g /dev/null
select tap.on_premium('{"cancel_at_period_end": true}') \g /dev/null
select tap.play(:nora) \g /dev/null
select tap.ask('resume', 'octroi.resume_subscription()') \g /dev/null
select tap.ask('now', 'octroi.cancel_subscription(false)') \g /dev/null
select tap.clear() \g /dev/null
select tap.apply('subscription', '{"id": "sub_1", "deleted": true}') \g /dev/null
select is((select count(*) from octroi_private.load_billing_request(tap.id_of('now'))), 0::bigint, 'what has ended');
select is(
  (select r.state from octroi_private.billing_request as r where r.id = tap.id_of('now')), 'done',
  'need not be cancelled any more: that is done'
);
select is(
  tap.outcome_of($$select octroi_private.load_billing_request(tap.id_of('resume'))$$), 'OC032',
  'and cannot be resumed'
);
select tap.play(:nora) \g /dev/null
select tap.checkout('https://app.example/again') \g /dev/null
select tap.clear() \g /dev/null
select is(tap.args_of('checkout') -> 'trial_days', '0', 'who tried once pays');
select tap.play(:nora) \g /dev/null
select max(tap.ask('p' || n, format('octroi.open_portal(%L)', 'https://app.example/' || n))) from generate_series(1,
  20) as n \g /dev/null
select is(tap.ask('x', 'octroi.open_portal(''https://app.example/x'')'), 'OC013', 'twenty requests wait at most');
select tap.clear() \g /dev/null

-- Settings.
select is(
  tap.outcome_of($$select octroi_private.set_billing_settings('{"return_origins": ["https://app.example/path"]}')$$),
  '22023',
  'an origin has no path'
);
select is(
  tap.outcome_of($$select octroi_private.set_billing_settings('{"colour": 1}')$$), '22023', 'there is no such setting'
);
select is(
  octroi_private.set_billing_settings('{"upgrade_url": "https://app.example/plans"}') ->> 'upgrade_url',
    'https://app.example/plans',
  'what is named is set'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
