-- Forecasts rest on a day of use at least; before that nothing is foretold, in the RPC nor in the mail.
begin;
\ir setup/billing.sql
select plan(10);

create function tap.outlook() returns text
language sql
stable
as $$
  select format('%s a day, out at %s', coalesce(f.per_day::text, 'unknown'), coalesce(f.runs_out_at::text, 'unknown'))
  from octroi.my_forecast() as f
  where f.scope = 'account' and f.meter = 'tokens' and f.period = 'month'
$$;

-- An account that is an hour old, and has used 800 of its 1,000.
select tap.travel('2027-03-05 12:00+00') \g /dev/null
delete from auth.users;
set local timezone = 'UTC';
insert into auth.users (id, email) values ('01a00000-0000-7000-8000-0000000000f3', 'newly@example.test');
select a.id as fresh from octroi_private.account as a
where a.owner_user_id = '01a00000-0000-7000-8000-0000000000f3' \gset
update octroi_private.account set created_at = '2027-03-05 11:00+00' where id = :'fresh';
delete from octroi_private.mail;
select count(*) from octroi_private.record_usage(
  :'fresh', '01a00000-0000-7000-8000-0000000000f3', 'gpt-5.6-luna', 810, 0
) \g /dev/null
select tap.play('01a00000-0000-7000-8000-0000000000f3') \g /dev/null
select is(tap.outlook(), 'unknown a day, out at unknown', 'of an hour''s use nothing is foretold');
select tap.clear() \g /dev/null
select results_eq(
  $$select m.data ->> 'threshold', m.data ->> 'rate_known', m.data ->> 'runs_out_at' from octroi_private.mail as m
    where m.kind = 'threshold'$$,
  $$values ('80', 'false', null::text)$$, 'and the mail at 80 % says that it is not known yet'
);
select tap.travel('2027-03-06 10:59+00') \g /dev/null
select tap.play('01a00000-0000-7000-8000-0000000000f3') \g /dev/null
select is(tap.outlook(), 'unknown a day, out at unknown', 'a minute short of a day, still nothing');
select tap.clear() \g /dev/null
select tap.travel('2027-03-06 11:00+00') \g /dev/null
select tap.play('01a00000-0000-7000-8000-0000000000f3') \g /dev/null
select alike(tap.outlook(), '810 a day, out at 2027-03-06 16:%',
'after a day the rate is that day''s: 190 last 5.6 hours');

-- Without use there is a rate, of nothing, and it lasts.
select tap.clear() \g /dev/null
insert into auth.users (id, email) values ('01a00000-0000-7000-8000-0000000000f4', 'idle@example.test');
insert into octroi_private.budget (account_id, scope, meter, period, amount)
select a.id, 'account', 'tokens', 'lifetime', 500 from octroi_private.account as a
where a.owner_user_id = '01a00000-0000-7000-8000-0000000000f4';
select tap.travel('2027-03-20 11:00+00') \g /dev/null
select tap.play('01a00000-0000-7000-8000-0000000000f4') \g /dev/null
select results_eq(
  'select f.period, f.per_day, f.runs_out_at from octroi.my_forecast() as f order by f.period',
  $$values ('lifetime', 0::bigint, null::timestamptz), ('month', 0, null)$$, 'who uses nothing never runs out'
);

-- Where use beyond the plan is charged, when that begins.
select tap.clear() \g /dev/null
insert into auth.users (id, email) values (:nora, 'nora@example.test');
select a.id as account from octroi_private.account as a where a.owner_user_id = :nora \gset
select octroi_private.link_stripe_customer(:'account', 'cus_nora2') \g /dev/null
select tap.travel('2027-04-05 12:00+00') \g /dev/null
select tap.apply('subscription', tap.subscription(
  'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00', '{"customer": "cus_nora2"}'
)) \g /dev/null
select tap.apply('invoice', tap.invoice(
  'in_1', 'sub_1', '2027-04-05 12:00+00', '2027-05-05 12:00+00', '{"customer": "cus_nora2"}'
)) \g /dev/null
select tap.travel('2027-04-12 00:00+00') \g /dev/null
select tap.use(6000) \g /dev/null
select tap.play(:nora) \g /dev/null
select results_eq(
  $$select f.per_day, date_trunc('hour', f.charged_at), date_trunc('hour', f.runs_out_at)
    from octroi.my_forecast() as f where f.scope = 'account'$$,
  $$values (1000::bigint, '2027-04-16 00:00+00'::timestamptz, '2027-04-26 00:00+00'::timestamptz)$$,
  '4,000 left of the plan last four days; 10,000 more may then be used for money'
);
select octroi.set_overage(false) \g /dev/null
select results_eq(
  'select f.charged_at, date_trunc(''hour'', f.runs_out_at) from octroi.my_forecast() as f',
  $$values (null::timestamptz, '2027-04-16 00:00+00'::timestamptz)$$, 'without overage nothing is charged, and it ends'
);
select tap.clear() \g /dev/null
-- A model's limit counts its use by each name.
insert into octroi_private.model_alias (alias, model) values ('luna-by-another-name', 'gpt-5.6-luna');
select count(*) from octroi_private.record_usage(:'account', :nora, 'luna-by-another-name', 700, 0) \g /dev/null
select is(
  octroi_private.used_per_day(:'account', 'model', 'gpt-5.6-luna', 'tokens')
  - octroi_private.used_per_day(:'account', 'model', 'luna-by-another-name', 'tokens'), 1000::bigint,
  'what a model is used a day is used by all of its names'
);
select is(
  octroi_private.runs_out_at(10, null, 'infinity'), null, 'no rate, no forecast, also where nothing ever resets'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
