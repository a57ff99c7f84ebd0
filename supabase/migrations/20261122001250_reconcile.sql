-- Ledger, reports, Stripe's summaries and invoices, side by side. The worker reads Stripe and hands in what it read;
-- here is decided what a difference means. It is explained when our own rows say why it is there; any other is a fault
-- of somebody's, and the run says so.
set role octroi_owner;

create table octroi_private.reconciliation (
  id bigint generated always as identity primary key,
  started_at timestamptz not null,
  finished_at timestamptz,
  customers integer not null default 0
);
comment on table octroi_private.reconciliation is 'Runs of `octroi reconcile` and of the daily job.';

create table octroi_private.reconciliation_difference (
  id bigint generated always as identity primary key,
  run_id bigint not null references octroi_private.reconciliation (id) on delete cascade,
  customer_id text not null,
  subject text not null,
  what text not null check (what in ('usage', 'invoice', 'subscription')),
  meter text,
  period_start timestamptz,
  period_end timestamptz,
  -- units of usage, or minor units of an invoice's line
  ledger bigint,
  reported bigint,
  stripe bigint,
  invoiced bigint,
  is_explained boolean not null,
  reason text not null check (length(reason) <= 500)
);
comment on table octroi_private.reconciliation_difference is 'What did not agree in a run, and why.';
create index reconciliation_difference_run on octroi_private.reconciliation_difference (run_id);

create table octroi_private.reconciliation_seen (
  run_id bigint not null references octroi_private.reconciliation (id) on delete cascade,
  subscription_id text not null,
  primary key (run_id, subscription_id)
);
comment on table octroi_private.reconciliation_seen is 'Subscriptions that Stripe listed in a run.';

create function octroi_private.start_reconciliation()
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  delete from octroi_private.reconciliation where started_at < octroi_private.kept_since('reconciliation');
  insert into octroi_private.reconciliation (started_at) values (octroi_private.now()) returning id into v_id;
  return v_id;
end
$$;

create function octroi_private.reconcile_customers(p_run bigint, p_after text, p_max integer)
returns table (customer_id text, account_id uuid)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_rows integer;
begin
  return query
  select c.id::text, c.account_id
  from octroi_private.stripe_customer as c
  where c.account_id is not null and not c.is_deleted and c.id collate "C" > coalesce(p_after, '')
  order by c.id collate "C"
  limit least(greatest(p_max, 0), 1000);
  get diagnostics v_rows = row_count;
  update octroi_private.reconciliation set customers = customers + v_rows where id = p_run;
end
$$;
comment on function octroi_private.reconcile_customers(bigint, text, integer) is
'The customers of a run, page by page.';

-- Whether a fetch of an object is under way that will bring its mirror up to date.
create function octroi_private.is_sync_due(p_kind text, p_id text)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from octroi_private.stripe_object as o
    where o.kind = p_kind and o.id = p_id
      and (o.queued_at > octroi_private.now() - interval '10 minutes' or o.lease_expires_at > octroi_private.now())
  )
$$;

create function octroi_private.reconcile_subscription(p_run bigint, p_customer text, p_object jsonb)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := p_object ->> 'id';
  v_ours octroi_private.stripe_subscription;
  v_differs text;
begin
  insert into octroi_private.reconciliation_seen values (p_run, v_id) on conflict do nothing;
  select s.* into v_ours from octroi_private.stripe_subscription as s where s.id = v_id;
  select string_agg(f.name, ', ' order by f.name) into v_differs
  from (values
    ('status', v_ours.status, p_object ->> 'status'),
    (
      'cancel_at_period_end', v_ours.cancel_at_period_end::text,
      coalesce((p_object ->> 'cancel_at_period_end')::boolean, false)::text
    ),
    ('cancel_at', extract(epoch from v_ours.cancel_at)::bigint::text, p_object ->> 'cancel_at'),
    ('prices', (
      select string_agg(i.price_id, ' ' order by i.price_id)
      from octroi_private.stripe_subscription_item as i where i.subscription_id = v_id
    ), (
      select string_agg(i.item ->> 'price', ' ' order by i.item ->> 'price')
      from octroi_private.listed(p_object -> 'items') as i
    )),
    ('periods', (
      select string_agg(extract(epoch from i.period_end)::bigint::text, ' ' order by i.price_id)
      from octroi_private.stripe_subscription_item as i where i.subscription_id = v_id
    ), (
      select string_agg(i.item ->> 'current_period_end', ' ' order by i.item ->> 'price')
      from octroi_private.listed(p_object -> 'items') as i
    ))
  ) as f (name, ours, theirs)
  where f.ours is distinct from f.theirs;
  if v_differs is null then
    return;
  end if;
  insert into octroi_private.reconciliation_difference (run_id, customer_id, subject, what, is_explained, reason)
  select p_run, p_customer, v_id, 'subscription', d.is_due, case
    when v_ours.id is null then 'not known here' else 'differs in ' || v_differs
  end || case when d.is_due then '; being fetched' else '; fetched now' end
  from (select octroi_private.is_sync_due('subscription', v_id) as is_due) as d;
  perform octroi_private.enqueue_sync('subscription', v_id);
end
$$;
comment on function octroi_private.reconcile_subscription(bigint, text, jsonb) is
'Compares a subscription that Stripe listed with its mirror, and has it fetched where they differ.';

create function octroi_private.reconcile_listed(p_run bigint, p_customer text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    insert into octroi_private.reconciliation_difference (run_id, customer_id, subject, what, is_explained, reason)
    select p_run, p_customer, s.id, 'subscription', d.is_due, 'not listed by Stripe' || case
      when d.is_due then '; being fetched' else '; fetched now'
    end
    from octroi_private.stripe_subscription as s
    cross join lateral (select octroi_private.is_sync_due('subscription', s.id) as is_due) as d
    where s.customer_id = p_customer and s.status not in ('canceled', 'incomplete_expired') and not exists (
      select from octroi_private.reconciliation_seen as n where n.run_id = p_run and n.subscription_id = s.id
    )
    returning subject
  )
  select octroi_private.enqueue_sync('subscription', g.subject) from gone as g
$$;
comment on function octroi_private.reconcile_listed(bigint, text) is
'After the last subscription of a customer: those that are alive here and that Stripe did not list.';

-- The metered periods of a customer that ran in the last two months, with what became of their usage here. Stripe adds
-- up by date, so what was reported counts where its date falls: a cycle that began early shares time with another.
create function octroi_private.metered_periods(p_customer text)
returns table (
  key text, event_name text, meter text, account_id uuid, period_start timestamptz, period_end timestamptz,
  ledger bigint, accepted bigint, under_way bigint, waiting bigint, lost bigint, is_recent boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with used as (
    select c.account_id, u.balance_id, u.event_name, min(u.meter) as meter, u.report_id, sum(u.amount) as amount
    from octroi_private.stripe_customer as c
    join octroi_private.overage_use as u on u.account_id = c.account_id
    where c.id = p_customer and u.occurred_at > octroi_private.now() - interval '94 days'
    group by c.account_id, u.balance_id, u.event_name, u.report_id
  )
  select
    w.balance_id || ':' || w.event_name, w.event_name, min(u.meter), w.account_id, b.period_start, b.resets_at,
    sum(u.amount)::bigint,
    coalesce(sum(u.amount) filter (where r.state = 'accepted'), 0)::bigint,
    coalesce(sum(u.amount) filter (where r.state in ('sending', 'unknown', 'disputed')), 0)::bigint,
    coalesce(sum(u.amount) filter (where r.id is null or r.state = 'pending'), 0)::bigint,
    coalesce(sum(u.amount) filter (where r.state in ('written_off', 'rejected')), 0)::bigint,
    bool_or(coalesce(r.changed_at > octroi_private.now() - interval '15 minutes', false))
  from (select distinct x.account_id, x.balance_id, x.event_name from used as x) as w
  join octroi_private.balance as b on b.id = w.balance_id
  join used as u on u.event_name = w.event_name
  left join octroi_private.meter_report as r on r.id = u.report_id
  -- whole periods: Stripe's totals are of those
  where b.resets_at > octroi_private.now() - interval '62 days' and case
    when r.id is null then u.balance_id = w.balance_id
    else r.usage_at >= octroi_private.whole_minute(b.period_start, true)
      and r.usage_at < octroi_private.whole_minute(b.resets_at, false)
  end
  group by w.account_id, w.balance_id, w.event_name, b.period_start, b.resets_at
$$;

create function octroi_private.reconcile_windows(p_run bigint, p_customer text)
returns table (key text, meter_id text, start_s bigint, end_s bigint)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.key, octroi_private.stripe_id_of(p.event_name),
    extract(epoch from octroi_private.whole_minute(p.period_start, true))::bigint,
    extract(epoch from octroi_private.whole_minute(p.period_end, false))::bigint
  from octroi_private.metered_periods(p_customer) as p
  order by p.period_start, p.key
$$;
comment on function octroi_private.reconcile_windows(bigint, text) is
'The summaries to read from Stripe for a customer.';

create function octroi_private.reconcile_window(p_run bigint, p_customer text, p_key text, p_stripe_total bigint)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, meter, period_start, period_end, ledger, reported, stripe, is_explained, reason
  )
  select
    p_run, p_customer, p_key, 'usage', p.meter, p.period_start, p.period_end, p.ledger, p.accepted, p_stripe_total,
    why.reason is not null, coalesce(why.reason, format(
      'Stripe counts %s; %s were accepted, %s under way, %s waiting, %s written off', p_stripe_total, p.accepted,
      p.under_way, p.waiting, p.lost
    ))
  from octroi_private.metered_periods(p_customer) as p
  cross join lateral (
    select case
      when p_stripe_total = p.accepted then concat_ws(
        '; ', case when p.waiting > 0 then format('%s wait to be reported', p.waiting) end,
        case when p.under_way > 0 then format('%s are of unknown outcome', p.under_way) end,
        case when p.lost > 0 then format('%s were written off or rejected', p.lost) end
      )
      when p_stripe_total = p.accepted + p.under_way then format('%s arrived and are not confirmed yet', p.under_way)
      when p_stripe_total < p.accepted and p.is_recent then 'Stripe counts some minutes later'
    end as reason
  ) as why
  where p.key = p_key and p_stripe_total <> p.ledger
$$;
comment on function octroi_private.reconcile_window(bigint, text, text, bigint) is
'Compares the ledger, the reports and Stripe''s total of one period.';

create function octroi_private.reconcile_invoice(p_run bigint, p_customer text, p_object jsonb)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := p_object ->> 'id';
begin
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, meter, period_start, period_end, ledger, invoiced, is_explained, reason
  )
  select
    p_run, p_customer, v_id || '/' || (l.item ->> 'id'), 'invoice', o.meter,
    octroi_private.at_second((l.item ->> 'period_start')::bigint),
    octroi_private.at_second((l.item ->> 'period_end')::bigint),
    due.amount, (l.item ->> 'amount')::bigint, due.without_losses = (l.item ->> 'amount')::bigint,
    left(case
      when due.without_losses = (l.item ->> 'amount')::bigint
        then format('%s of %s units were written off', w.written_off, used.units)
      else concat_ws('; ', format('%s units cost %s', used.units, due.amount), c.detail)
    end, 500)
  from octroi_private.listed(p_object -> 'lines') as l
  join octroi_private.stripe_catalogue as k on k.stripe_id = l.item ->> 'price'
  join octroi_private.plan_overage as o on o.lookup_key = k.key
  left join octroi_private.billing_cycle as c on c.invoice_id = v_id
  left join octroi_private.cycle_windows(v_id) as w on w.key = l.item ->> 'id'
  cross join lateral (select coalesce(w.ledger + w.written_off, 0) as units) as used
  cross join lateral (
    select
      octroi_private.overage_price(used.units, o.price_minor, o.slice) as amount,
      octroi_private.overage_price(coalesce(w.ledger, 0), o.price_minor, o.slice) as without_losses
  ) as due
  where due.amount <> (l.item ->> 'amount')::bigint
    and p_object ->> 'status' in ('open', 'paid', 'uncollectible');
  insert into octroi_private.reconciliation_difference (run_id, customer_id, subject, what, is_explained, reason)
  select p_run, p_customer, v_id, 'invoice', d.is_due, format(
    'is %s here and %s at Stripe', coalesce(i.status, 'not known'), p_object ->> 'status'
  ) || case when d.is_due then '; being fetched' else '; fetched now' end
  from (select octroi_private.is_sync_due('invoice', v_id) as is_due) as d
  left join octroi_private.stripe_invoice as i on i.id = v_id
  where i.status is distinct from p_object ->> 'status';
  if found then
    perform octroi_private.enqueue_sync('invoice', v_id);
  end if;
end
$$;
comment on function octroi_private.reconcile_invoice(bigint, text, jsonb) is
'Compares an invoice of Stripe with the ledger, line by line, and with its mirror.';

create function octroi_private.reconcile_cycles(p_run bigint, p_customer text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, period_start, period_end, is_explained, reason
  )
  select
    p_run, p_customer, c.invoice_id, 'invoice', c.period_start, c.period_end, false,
    left(concat_ws('; ', format('a draft, %s', c.state), c.detail), 500)
  from octroi_private.billing_cycle as c
  where c.customer_id = p_customer
    and (
      c.state = 'disputed'
      or c.state not in ('finalised', 'closed') and c.opened_at <= octroi_private.now() - interval '1 day'
    );
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, meter, period_start, period_end, ledger, reported, is_explained, reason
  )
  select
    p_run, p_customer, p.key, 'usage', p.meter, p.period_start, p.period_end, p.ledger, p.accepted, false,
    format('%s were accepted, and no invoice has a line for them', p.accepted)
  from octroi_private.metered_periods(p_customer) as p
  where p.accepted > 0 and p.period_end <= octroi_private.now() - interval '1 day' and not exists (
    select from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = l.price_id
    join octroi_private.plan_overage as o on o.lookup_key = k.key
    where i.customer_id = p_customer and o.event_name = p.event_name
      and l.period_start < p.period_end and l.period_end > p.period_start
  )
$$;
comment on function octroi_private.reconcile_cycles(bigint, text) is
'After the last invoice of a customer: drafts that do not become invoices, and usage told to Stripe that no invoice charges for.';

create function octroi_private.finish_reconciliation(p_run bigint)
returns table (customers bigint, explained bigint, unexplained bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from octroi_private.reconciliation_seen where run_id = p_run;
  update octroi_private.reconciliation set finished_at = octroi_private.now() where id = p_run and finished_at is null;
  return query
  select r.customers::bigint, count(d.id) filter (where d.is_explained), count(d.id) filter (where not d.is_explained)
  from octroi_private.reconciliation as r
  left join octroi_private.reconciliation_difference as d on d.run_id = r.id
  where r.id = p_run
  group by r.customers;
end
$$;

create function octroi_private.reconciliation_differences(p_run bigint)
returns table (
  customer_id text, account_id uuid, what text, subject text, meter text, period_start timestamptz,
  period_end timestamptz, ledger bigint, reported bigint, stripe bigint, invoiced bigint, is_explained boolean,
  reason text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    d.customer_id, c.account_id, d.what, d.subject, d.meter, d.period_start, d.period_end, d.ledger, d.reported,
    d.stripe, d.invoiced, d.is_explained, d.reason
  from octroi_private.reconciliation_difference as d
  left join octroi_private.stripe_customer as c on c.id = d.customer_id
  where d.run_id = p_run
  order by d.is_explained, d.customer_id, d.id
$$;

reset role;
