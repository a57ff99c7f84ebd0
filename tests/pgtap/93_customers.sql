-- What an operator sees of all customers at once: plan, use, what they cost and pay, who is late. And that no row of it
-- is made by going through an account's history.
begin;
\ir setup/billing.sql
select plan(14);
\set sten '\'01a00000-0000-7000-8000-00000000000d\''

create function tap.entries_of(p_action text) returns bigint
language sql
begin atomic
select count(*) from octroi_private.audit_log as l where l.action = p_action;
end;
create function tap.customer(p_columns text) returns setof text
language plpgsql
as $$
begin
  perform tap.play_role('octroi_admin');
  return query execute format(
    'select concat_ws('' '', %s) from octroi_private.customers as c order by c.since, c.account_id', p_columns
  );
  perform tap.clear();
end
$$;

-- nora buys basic on the 10th of March, for 9 €; sten stays on the free plan.
select tap.travel('2027-03-10 12:00Z') \g /dev/null
insert into auth.users (id, email) values (:sten, 'sten@example.test');
select tap.apply('subscription', tap.subscription('sub_1', '2027-03-10 12:00Z', '2027-04-10 12:00Z')) \g /dev/null
select tap.apply(
  'invoice', tap.invoice('in_1', 'sub_1', '2027-03-10 12:00Z', '2027-04-10 12:00Z')
  || jsonb_build_object('paid_at', tap.s('2027-03-10 12:00Z'))
) \g /dev/null
select results_eq(
  $$select * from tap.customer(
    'c.plan, c.stripe_status, c.used || ''/'' || c.granted, c.is_near_limit, c.paid_minor'
  )$$,
  array['basic active 0/10000 f 900', 'free 0/1000 f 0'], 'before the first call it is the plan that grants'
);

select tap.use(8500) \g /dev/null
select results_eq(
  $$select * from tap.customer(
    'c.used || ''/'' || c.granted, c.used_percent, c.is_near_limit, c.requests, c.total_tokens'
  )$$,
  array['8500/10000 85 t 1 8500', '0/1000 0 f 0 0'], 'whoever has used four fifths is near the limit'
);
select results_eq(
  $$select * from tap.customer('c.cost_nano_usd > 0, c.margin_nano_usd is null')$$,
  array['t t', 'f f'], 'a margin is not guessed between two currencies'
);
update octroi_private.stripe_customer set currency = 'usd' where id = 'cus_nora';
select results_eq(
  $$select * from tap.customer('c.margin_nano_usd = c.paid_minor * 10000000 - c.cost_nano_usd, c.currency')$$,
  array['t usd', 't'], 'in dollars it is what was paid less what it cost'
);

-- Half of it goes back, and a pack is bought that no invoice is for.
insert into octroi_private.stripe_charge (
  id, customer_id, payment_intent_id, amount_minor, currency, status, created_at
)
values ('ch_1', 'cus_nora', 'pi_in_1', 900, 'usd', 'succeeded', '2027-03-10');
insert into octroi_private.stripe_refund (id, charge_id, amount_minor, status, created_at)
values ('re_1', 'ch_1', 450, 'succeeded', '2027-03-11'), ('re_2', 'ch_1', 100, 'failed', '2027-03-11'),
('re_3', 'ch_1', 100, 'succeeded', '2027-02-11');
with pack as (
  insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, reason, source)
  select :'account', 'tokens', 'top_up', 5000, octroi_private.now(), 'pack', 'cs_' || n from generate_series(1, 3) as n
  returning id as grant_id
)
insert into octroi_private.top_up (
  grant_id, account_id, pack_id, quantity, paid_minor, currency, payment_intent_id, bought_at
)
select p.grant_id, :'account', k.id, 1, 500, 'usd',
  (array['pi_a', 'pi_a', 'pi_in_1'])[row_number() over (order by p.grant_id)],
  octroi_private.now()
from pack as p
cross join octroi_private.top_up_pack as k
where k.code = 'small';
select results_eq(
  $$select * from tap.customer('c.paid_minor, c.refunded_minor') limit 1$$, array['1400 450'],
  'a payment counts once, with or without an invoice, and refunds of the month are told'
);


-- Taxes are the state's: of an invoice, of a pack with a receipt of its own or without, and of what goes back.
update octroi_private.stripe_invoice set tax_minor = 150 where id = 'in_1';
select results_eq(
  $$select * from tap.customer('c.margin_nano_usd + c.cost_nano_usd') limit 1$$,
  -- 900 and a sixth of it tax, 500 without, 450 back with its sixth
  array[((900 - 150 + 500 - 450 + 75) * 10000000::bigint)::text], 'a margin has no tax in it, and none goes back'
);
insert into octroi_private.stripe_checkout_session (
  id, customer_id, mode, status, payment_status, payment_intent_id, amount_total_minor, tax_minor, created_at
)
values ('cs_1', 'cus_nora', 'payment', 'complete', 'paid', 'pi_a', 500, 100, octroi_private.now());
select results_eq(
  $$select * from tap.customer('c.margin_nano_usd + c.cost_nano_usd') limit 1$$,
  array[((900 - 150 + 500 - 100 - 450 + 75) * 10000000::bigint)::text], 'nor has that of a pack'
);
update octroi_private.stripe_checkout_session set invoice_id = 'in_r' where id = 'cs_1';
insert into octroi_private.stripe_invoice (
  id, customer_id, status, currency, total_minor, tax_minor, amount_due_minor, amount_paid_minor, created_at,
  auto_advance, attempt_count, paid_at
)
values ('in_r', 'cus_nora', 'paid', 'usd', 500, 100, 500, 500, octroi_private.now(), false, 1, octroi_private.now());
select results_eq(
  $$select * from tap.customer('c.paid_minor, c.margin_nano_usd + c.cost_nano_usd') limit 1$$,
  array['1400 ' || (900 - 150 + 500 - 100 - 450 + 75) * 10000000::bigint],
  'a pack whose receipt is an invoice counts once, though no payment of the invoice is known'
);

-- The next month begins with nothing; its renewal fails.
select tap.travel('2027-04-11 12:00Z') \g /dev/null
select tap.apply(
  'invoice', tap.invoice('in_2', 'sub_1', '2027-04-10 12:00Z', '2027-05-10 12:00Z')
  || jsonb_build_object('status', 'open', 'amount_paid', 0, 'attempt_count', 2)
) \g /dev/null
select results_eq(
  $$select * from tap.customer(
    'c.requests, c.cost_nano_usd, c.paid_minor, c.refunded_minor, c.past_due_minor, c.past_due_since::date'
  ) limit 1$$,
  array['0 0 0 0 900 2027-04-10'], 'a month is a calendar month, and what was tried and not paid is past due'
);

-- Who may read it, and that it is written down.
select is(
  tap.entries_of('admin_read.account') > 0, true, 'each reading is in the audit log'
);
select tap.play_role('octroi_support') \g /dev/null
select is(tap.outcome_of('select count(*) from octroi_private.customers'), '42501', 'support does not read it');
select tap.clear() \g /dev/null
update octroi_private.account set status = 'closed', closed_at = now(), owner_user_id = null
where owner_user_id = :sten;
select is((select count(*) from tap.customer('1')), 1::bigint, 'an account that is closed is no customer');

-- Three years of history, of which a row reads the days of this month.
insert into octroi_private.usage_daily
select :'account', :nora, d::date, 'gpt-5.6-luna', 1, 1, 0, 1, 0, 2, 1000
from generate_series('2024-04-01'::timestamp, '2027-04-11', '1 day') as d
on conflict do nothing;
analyze octroi_private.usage_daily;
set local enable_seqscan = off;
create function tap.rows_of(p_relation text) returns bigint
language plpgsql
as $$
declare
  v_plan json;
begin
  perform tap.play_role('octroi_admin');
  execute 'explain (analyze, format json) select * from octroi_private.customers' into v_plan;
  perform tap.clear();
  return (
    with recursive node as (
      select v_plan -> 0 -> 'Plan' as it
      union all
      select c.it from node as n cross join lateral json_array_elements(n.it -> 'Plans') as c (it)
    )
    select sum(((n.it ->> 'Actual Rows')::bigint + coalesce((n.it ->> 'Rows Removed by Filter')::bigint, 0))
      * (n.it ->> 'Actual Loops')::bigint)
    from node as n
    where n.it ->> 'Relation Name' = p_relation
  );
end
$$;
select is(tap.rows_of('usage_daily'), 11::bigint, 'of three years of days it reads those of this month');
insert into octroi_private.stripe_invoice (
  id, customer_id, status, currency, total_minor, amount_due_minor, amount_paid_minor, created_at, auto_advance,
  attempt_count, paid_at
)
select 'in_h' || h.n, 'cus_nora', 'paid', 'usd', 900, 900, 900, h.made_at, true, 1, h.made_at + interval '1 hour'
from (
  select g.n, '2027-01-01'::timestamptz - make_interval(days => g.n) as made_at from generate_series(1, 500) as g (n)
) as h;
analyze octroi_private.stripe_invoice;
select cmp_ok(tap.rows_of('stripe_invoice'), '<=', 4::bigint, 'and of its invoices the last ones and the open ones');

select * from finish();
rollback;
