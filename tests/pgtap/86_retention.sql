-- How long things are kept: what the operator sets is what the sweep does, on the test clock.
begin;
\ir setup/cast.sql
select plan(35);

create function tap.travel(p_at timestamptz) returns void
language sql
begin atomic
insert into octroi_private.test_clock (shift) values (p_at - clock_timestamp())
on conflict (only_row) do update set shift = excluded.shift;
end;
create function tap.elapse(p_time interval) returns void
language sql
begin atomic
select tap.travel(octroi_private.now() + p_time);
end;
-- As often as a worker would until nothing is left.
create function tap.sweep_all() returns void
language plpgsql
as $$
begin
  for n in 1 .. 30 loop
    perform octroi_private.sweep(500);
  end loop;
end
$$;

-- Settings.
select throws_ok(
  $$select octroi_private.set_retention('balance', '1 year')$$, 'OC047', null, 'what has no retention has none to set'
);
select throws_ok(
  $$select octroi_private.set_retention('stripe_event', '29 days')$$, 'OC047', null,
  'Stripe''s events are kept for as long as Stripe may send them again'
);
select throws_ok(
  $$select octroi_private.set_retention('request', null)$$, 'OC047', null, 'requests are not kept for ever'
);
select throws_ok(
  $$select octroi_private.set_retention('usage_event', '40 years'),
      octroi_private.set_retention('usage_daily', '39 years')$$,
  'OC047', null, 'sums outlive the calls they are of'
);
select lives_ok($$select octroi_private.set_retention('usage_event', '3 months')$$, 'calls are kept for three months');
select lives_ok($$select octroi_private.set_retention('mail', '7 days')$$, 'mail for a week');
select throws_ok(
  $$select octroi_private.set_retention_country('XX')$$, 'OC047', null, 'a country without a rule cannot be set'
);
select is(octroi_private.set_retention_country('DE'), 8, 'Germany keeps for eight years');
select is(
  (select string_agg(country || ' ' || years, ', ' order by country) from octroi_private.retention_rule),
  'DE 8, ES 6, FR 10, IT 10, NL 7, ZZ 10', 'the rules that are known'
);
select is(
  (select count(*) from octroi_private.retention_rule where is_in_force), 1::bigint, 'one of them is in force'
);

-- One row of each kind, ended now.
insert into octroi_private.job (kind, args, state, finished_at)
values ('done_job', '{}', 'done', octroi_private.now()), ('dead_job', '{}', 'dead', octroi_private.now());
insert into octroi_private.mail (
  user_id, account_id, kind, dedupe_key, data, state, created_at, expires_at, finished_at
)
values (:olga, :team, 'threshold', 'k', '{}', 'sent', octroi_private.now(), octroi_private.now(), octroi_private.now());
insert into octroi_private.stripe_event (id, type, created_at, received_at, object, state)
values ('evt_old', 'x', octroi_private.now(), octroi_private.now(), '{}', 'ignored');
insert into octroi_private.billing_request (account_id, user_id, kind, args, state, finished_at)
values (:team, :olga, 'portal', '{}', 'done', octroi_private.now());
insert into octroi_private.alert (
  account_id, balance_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at
)
select :team, min(b.id), 'account', '', 'tokens', 80, 1, 1, n.at as starts, n.at as resets, n.at as raised
from octroi_private.balance as b
cross join (select octroi_private.now() as at) as n
where b.account_id = :team
group by n.at;
select count(*) as requests from octroi_private.request \gset

create function tap.kept() returns text
language sql
as $$
  select concat_ws(' ',
    case when exists (select from octroi_private.job where kind = 'done_job') then 'job' end,
    case when exists (select from octroi_private.job where kind = 'dead_job') then 'dead' end,
    case when exists (select from octroi_private.mail where dedupe_key = 'k') then 'mail' end,
    case when exists (select from octroi_private.stripe_event where id = 'evt_old') then 'event' end,
    case when exists (select from octroi_private.billing_request) then 'billing' end,
    case when exists (select from octroi_private.alert) then 'alert' end,
    case when exists (select from octroi_private.request) then 'request' end
  )
$$;
select tap.elapse('6 days 23 hours') \g /dev/null
select tap.sweep_all() \g /dev/null
select is(tap.kept(), 'job dead mail event billing alert request', 'for a week all of it is there');
select tap.elapse('2 hours') \g /dev/null
select tap.sweep_all() \g /dev/null
select is(tap.kept(), 'dead event billing alert request', 'then finished jobs and mail go, as they are set');
select tap.elapse('24 days') \g /dev/null
select tap.sweep_all() \g /dev/null
select is(tap.kept(), 'dead event billing alert', 'after a month requests and their idempotency keys');
select tap.elapse('30 days') \g /dev/null
select tap.sweep_all() \g /dev/null
select is(tap.kept(), 'dead billing alert', 'after two what Stripe said');
select tap.elapse('30 days') \g /dev/null
select tap.sweep_all() \g /dev/null
select is(tap.kept(), 'billing alert', 'after three what was given up');
select is(
  (select count(*) from octroi_private.usage_event), 7::bigint, 'calls of a month that is not over for so long stay'
);

-- Usage by whole months.
select count(*) as days from octroi_private.usage_daily \gset
select to_regclass(format('octroi_private.usage_event_%s', to_char(now() at time zone 'utc', 'YYYY_MM'))) as month \gset
select tap.travel((date_trunc('month', now() at time zone 'utc') + interval '4 months -1 minute') at time zone 'utc')
\g /dev/null
select tap.sweep_all() \g /dev/null
select isnt(to_regclass(:'month'), null, 'a month is kept until all of it is old enough');
select tap.travel((date_trunc('month', now() at time zone 'utc') + interval '4 months 1 minute') at time zone 'utc')
\g /dev/null
select tap.sweep_all() \g /dev/null
select is(to_regclass(:'month'), null, 'then it is dropped whole');
select is((select count(*) from octroi_private.usage_event), 0::bigint, 'with every call in it');
select is((select count(*) from octroi_private.usage_daily), :days::bigint, 'the sums by day stay');
select ok(
  exists (
    select from octroi_private.usage_month_dropped as d
    where d.month = date_trunc('month', now() at time zone 'utc')::date
  ), 'what was dropped is on record'
);
select is_empty('select * from octroi_private.integrity', 'and the books agree with what is left');
select is(
  octroi_private.make_usage_partition((date_trunc('month', now()) - interval '30 months')::date), true, 'a month of old'
);
select is(octroi_private.drop_usage_month(), 1::bigint, 'goes as well');

-- An erased account whose legal time is over.
select octroi_private.link_stripe_customer(tap.personal('sten'), 'cus_sten') \g /dev/null
select octroi_private.store_subscription(
  '{"id": "sub_s", "customer": "cus_sten", "status": "canceled", "created": 1}'
) \g /dev/null
select octroi_private.store_invoice(
  '{"id": "in_s", "customer": "cus_sten", "status": "paid", "total": 900, "created": 1}'
) \g /dev/null
select octroi_private.store_charge('{
  "id": "ch_s", "customer": "cus_sten", "amount": 900, "currency": "eur", "status": "succeeded", "created": 1,
  "payment_intent": "pi_s", "refunds": [{"id": "re_s", "amount": 900, "status": "succeeded", "created": 1}]
}') \g /dev/null
select octroi_private.store_dispute('{
  "id": "dp_s", "charge": "ch_s", "payment_intent": "pi_s", "amount": 900, "status": "lost", "created": 1
}') \g /dev/null
select octroi_private.store_checkout_session('{
  "id": "cs_s", "customer": "cus_sten", "mode": "payment", "status": "complete", "payment_status": "paid", "created": 1,
  "line_items": []
}') \g /dev/null
insert into octroi_private.stripe_object (kind, id)
values ('customer', 'cus_sten'), ('subscription', 'sub_s'), ('invoice', 'in_s'), ('charge', 'ch_s'),
('dispute', 'dp_s'), ('checkout_session', 'cs_s');
select tap.personal('sten') as sten_account, tap.personal('mia') as mia_account, tap.personal('ada') as ada_account
\gset
delete from auth.users where id in (:sten, :mia, :ada);
-- What somebody else, who is still there, corrected of his account; and a table of the operator's that knows mia's.
insert into octroi_private.contact_change (id, account_id, user_id, state, created_at, finished_at)
select octroi_private.open_privacy_request(:olga, 'rectification'), :'sten_account', :olga, 'done', now(), now();
create table tap.ledger_of_mine (account_id uuid references octroi_private.account (id));
insert into tap.ledger_of_mine values (:'mia_account');
select octroi_private.finish_erasure_step(s.id) from octroi_private.erasure_step as s \g /dev/null
do $$
declare
  v_id uuid;
begin
  for v_id in select r.id from octroi_private.erasure_receipt as r loop
    while not (select m.is_done from octroi_private.remove_usage(v_id, 100) as m) loop
      null;
    end loop;
  end loop;
end
$$;
create function tap.is_kept(p_account_id uuid) returns boolean
language sql
as $$
  select exists (select from octroi_private.account as a where a.id = p_account_id)
$$;
select tap.elapse('31 days') \g /dev/null
set local client_min_messages = error;
select tap.sweep_all() \g /dev/null
select results_eq(
  format(
    'select tap.is_kept(%L), tap.is_kept(%L), tap.is_kept(%L)', :'mia_account', :'ada_account', :'sten_account'
  ), 'values (true, false, true)', 'an account that cannot go keeps neither others nor the sweep from going'
);
set local client_min_messages = warning;
delete from tap.ledger_of_mine;
select tap.sweep_all() \g /dev/null
select ok(tap.is_kept(:'mia_account'), 'it is left alone for a day');
select tap.elapse('1 day') \g /dev/null
select tap.sweep_all() \g /dev/null
select results_eq(
  format('select tap.is_kept(%L), tap.is_kept(%L)', :'mia_account', :'sten_account'), 'values (false, true)',
  'who never paid leaves no account; who did leaves what the law asks for'
);
select is(
  (select e.kept_until from octroi_private.erased_account as e where e.account_id = :'sten_account'),
  (
    select (date_trunc('year', r.erased_at at time zone 'utc') + interval '9 years') at time zone 'utc'
    from octroi_private.erasure_receipt as r join octroi_private.erased_account as e on e.receipt_id = r.id
  ), 'for eight years from the end of this one'
);
select tap.travel((select e.kept_until - interval '1 minute' from octroi_private.erased_account as e)) \g /dev/null
select tap.sweep_all() \g /dev/null
select ok(tap.is_kept(:'sten_account'), 'until the last minute');
select tap.elapse('2 minutes') \g /dev/null
select tap.sweep_all() \g /dev/null
select ok(not tap.is_kept(:'sten_account'), 'and not after it');
create function tap.mentions(p_pattern text) returns setof text
language plpgsql
as $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  loop
    return query execute format('select %L || '': '' || t::text from %s as t where t::text ~ %L', v_table, v_table,
    p_pattern);
  end loop;
end
$$;
select is_empty(
  $$select * from tap.mentions('(cus_sten|\m(sub|in|ch|re|dp|cs)_s\M)')$$, 'with everything Stripe was known to have'
);
select is_empty(
  format('select m from tap.mentions(%L) as m where m !~ ''^octroi_private.audit_log''', :'sten_account'),
  'and the id of the account is in the audit log alone'
);
-- Whoever adds a table with an account in it says here or in drop_statements() how it goes.
select set_eq(
  $$select c.relname::text
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attname in ('account_id', 'customer_id')
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and not exists (
        select from octroi_private.drop_statements() as s
        where s.statement like 'delete from octroi\_private.' || c.relname || ' %'
      )$$,
  array[
    -- in bites; by cascade; by the clock of their own; with the receipt; for good
    'usage_event', 'entitlement', 'request', 'stored_response', 'refused_access', 'security_signal', 'usage_removal',
    'waiting_call', 'erasure_step', 'audit_log'
  ],
  'no other table holds an account for longer'
);
select is((select count(*) from octroi_private.erasure_receipt), 0::bigint, 'the receipts are too old as well');
select is_empty('select * from octroi_private.integrity', 'the books agree');

select * from finish();
rollback;
