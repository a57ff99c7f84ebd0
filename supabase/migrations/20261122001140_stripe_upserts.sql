-- Each kind of object, from the fields the worker fetched into its mirror. What has ended stays ended, whatever is said
-- of it later. A value that no such object can have raises, and the caller sets the object aside.
set role octroi_owner;

create function octroi_private.store_customer(p_object jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into octroi_private.stripe_customer as s (id, currency, is_delinquent, has_payment_method, is_deleted)
  select
    o.id, o.currency, coalesce(o.delinquent, false), coalesce(o.has_payment_method, false), coalesce(o.deleted, false)
  from jsonb_to_record(p_object) as o (
    id text, currency text, delinquent boolean, has_payment_method boolean, deleted boolean
  )
  on conflict (id) do update
  set currency = excluded.currency, is_delinquent = excluded.is_delinquent,
    has_payment_method = excluded.has_payment_method, is_deleted = s.is_deleted or excluded.is_deleted;
end
$$;

create function octroi_private.store_subscription(p_object jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with stored as (
    insert into octroi_private.stripe_subscription as s (
      id, customer_id, status, created_at, anchor_at, cancel_at_period_end, cancel_at, canceled_at, ended_at,
      trial_ends_at, is_paused, currency, latest_invoice_id, schedule_id, next_price_id, next_price_at
    )
    select
      o.id, o.customer, o.status, octroi_private.at_second(o.created),
      octroi_private.at_second(coalesce(o.billing_cycle_anchor, o.created)), coalesce(o.cancel_at_period_end, false),
      octroi_private.at_second(o.cancel_at), octroi_private.at_second(o.canceled_at),
      octroi_private.at_second(o.ended_at), octroi_private.at_second(o.trial_end), coalesce(o.is_paused, false),
      o.currency, o.latest_invoice, o.schedule, o.next_price, octroi_private.at_second(o.next_price_at)
    from jsonb_to_record(p_object) as o (
      id text, customer text, status text, created bigint, billing_cycle_anchor bigint, cancel_at_period_end boolean,
      cancel_at bigint, canceled_at bigint, ended_at bigint, trial_end bigint, is_paused boolean, currency text,
      latest_invoice text, schedule text, next_price text, next_price_at bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, status = excluded.status, anchor_at = excluded.anchor_at,
      cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = excluded.cancel_at,
      canceled_at = excluded.canceled_at, ended_at = excluded.ended_at,
      -- a trial that was had stays known
      trial_ends_at = coalesce(excluded.trial_ends_at, s.trial_ends_at),
      is_paused = excluded.is_paused, currency = excluded.currency, latest_invoice_id = excluded.latest_invoice_id,
      schedule_id = excluded.schedule_id, next_price_id = excluded.next_price_id,
      next_price_at = excluded.next_price_at
    where s.status not in ('canceled', 'incomplete_expired')
      or excluded.status in ('canceled', 'incomplete_expired')
    returning s.id
  ),
  item as (
    select i.*
    from stored as s
    cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'items', 'null'), '[]')) as i (
      id text, price text, quantity bigint, current_period_start bigint, current_period_end bigint
    )
  ),
  gone as (
    delete from octroi_private.stripe_subscription_item as i
    using stored as s
    where i.subscription_id = s.id and i.id not in (select n.id from item as n)
  )
  insert into octroi_private.stripe_subscription_item as o (
    id, subscription_id, price_id, quantity, period_start, period_end
  )
  select
    n.id, s.id, n.price, n.quantity, octroi_private.at_second(n.current_period_start),
    octroi_private.at_second(n.current_period_end)
  from item as n
  cross join stored as s
  on conflict (id) do update
  set subscription_id = excluded.subscription_id, price_id = excluded.price_id, quantity = excluded.quantity,
    period_start = excluded.period_start, period_end = excluded.period_end;
end
$$;

create function octroi_private.store_invoice(p_object jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with stored as (
    insert into octroi_private.stripe_invoice as s (
      id, customer_id, subscription_id, status, billing_reason, currency, total_minor, amount_due_minor,
      amount_paid_minor, created_at, period_start, period_end, auto_advance, attempt_count, next_attempt_at,
      finalized_at, paid_at, number, subtotal_minor, tax_minor, hosted_url, pdf_url, urls_at, reference
    )
    select
      o.id, o.customer, o.subscription, coalesce(o.status, case when o.deleted then 'void' end), o.billing_reason,
      o.currency, o.total, coalesce(o.amount_due, 0), coalesce(o.amount_paid, 0), octroi_private.at_second(o.created),
      octroi_private.at_second(o.period_start), octroi_private.at_second(o.period_end), coalesce(o.auto_advance, false),
      coalesce(o.attempt_count, 0), octroi_private.at_second(o.next_payment_attempt),
      octroi_private.at_second(o.finalized_at), octroi_private.at_second(o.paid_at), left(o.number, 100), o.subtotal,
      o.tax, case when is_shown.so then left(o.hosted_invoice_url, 2000) end,
      case when is_shown.so then left(o.invoice_pdf, 2000) end, octroi_private.now(), left(o.reference, 200)
    from jsonb_to_record(p_object) as o (
      id text, customer text, subscription text, status text, deleted boolean, billing_reason text, currency text,
      total bigint, amount_due bigint, amount_paid bigint, created bigint, period_start bigint, period_end bigint,
      auto_advance boolean, attempt_count integer, next_payment_attempt bigint, finalized_at bigint, paid_at bigint,
      number text, subtotal bigint, tax bigint, hosted_invoice_url text, invoice_pdf text, reference text
    )
    -- of whoever was erased no page is kept
    cross join lateral (
      select coalesce((
        select a.status <> 'closed'
        from octroi_private.stripe_customer as c
        join octroi_private.account as a on a.id = c.account_id
        where c.id = o.customer
      ), false) as so
    ) as is_shown
    on conflict (id) do update
    set customer_id = excluded.customer_id, subscription_id = excluded.subscription_id, status = excluded.status,
      billing_reason = excluded.billing_reason, currency = excluded.currency, total_minor = excluded.total_minor,
      amount_due_minor = excluded.amount_due_minor, amount_paid_minor = excluded.amount_paid_minor,
      period_start = excluded.period_start, period_end = excluded.period_end, auto_advance = excluded.auto_advance,
      attempt_count = excluded.attempt_count, next_attempt_at = excluded.next_attempt_at,
      finalized_at = excluded.finalized_at, paid_at = excluded.paid_at, number = excluded.number,
      subtotal_minor = excluded.subtotal_minor, tax_minor = excluded.tax_minor, hosted_url = excluded.hosted_url,
      pdf_url = excluded.pdf_url, urls_at = excluded.urls_at, reference = excluded.reference
    where s.status not in ('paid', 'void') or excluded.status = s.status
    returning s.id
  ),
  line as (
    select l.*
    from stored as s
    cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'lines', 'null'), '[]')) as l (
      id text, price text, quantity bigint, amount bigint, is_proration boolean, period_start bigint, period_end bigint,
      description text
    )
  ),
  gone as (
    delete from octroi_private.stripe_invoice_line as l
    using stored as s
    where l.invoice_id = s.id and l.id not in (select n.id from line as n)
  ),
  paid_by as (
    insert into octroi_private.stripe_invoice_payment (invoice_id, payment_intent_id)
    select s.id, p.item #>> '{}'
    from stored as s
    cross join lateral octroi_private.listed(p_object -> 'payment_intents') as p
    on conflict do nothing
  )
  insert into octroi_private.stripe_invoice_line as o (
    invoice_id, id, price_id, quantity, amount_minor, is_proration, period_start, period_end, description
  )
  select
    s.id, n.id, n.price, n.quantity, n.amount, coalesce(n.is_proration, false),
    octroi_private.at_second(n.period_start), octroi_private.at_second(n.period_end), left(n.description, 500)
  from line as n
  cross join stored as s
  on conflict (invoice_id, id) do update
  set price_id = excluded.price_id, quantity = excluded.quantity, amount_minor = excluded.amount_minor,
    is_proration = excluded.is_proration, period_start = excluded.period_start, period_end = excluded.period_end,
    description = excluded.description;
end
$$;

create function octroi_private.store_checkout_session(p_object jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with stored as (
    insert into octroi_private.stripe_checkout_session as s (
      id, customer_id, mode, status, payment_status, reference, subscription_id, payment_intent_id, invoice_id,
      amount_total_minor, tax_minor, currency, created_at, expires_at
    )
    select
      o.id, o.customer, o.mode, o.status, o.payment_status, left(o.client_reference_id, 200), o.subscription,
      o.payment_intent, o.invoice, o.amount_total, o.amount_tax, o.currency, octroi_private.at_second(o.created),
      octroi_private.at_second(o.expires_at)
    from jsonb_to_record(p_object) as o (
      id text, customer text, mode text, status text, payment_status text, client_reference_id text,
      subscription text, payment_intent text, invoice text, amount_total bigint, amount_tax bigint, currency text,
      created bigint, expires_at bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, status = excluded.status, payment_status = excluded.payment_status,
      reference = excluded.reference, subscription_id = excluded.subscription_id,
      payment_intent_id = excluded.payment_intent_id, invoice_id = excluded.invoice_id,
      amount_total_minor = excluded.amount_total_minor, tax_minor = excluded.tax_minor,
      currency = excluded.currency, expires_at = excluded.expires_at
    where s.payment_status = 'unpaid' and s.status is distinct from 'expired'
      or (excluded.status, excluded.payment_status) is not distinct from (s.status, s.payment_status)
    returning s.id
  )
  insert into octroi_private.stripe_checkout_line as o (session_id, id, price_id, quantity, amount_total_minor)
  select s.id, n.id, n.price, n.quantity, n.amount_total
  from stored as s
  cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'line_items', 'null'), '[]')) as n (
    id text, price text, quantity bigint, amount_total bigint
  )
  on conflict (session_id, id) do update
  set price_id = excluded.price_id, quantity = excluded.quantity, amount_total_minor = excluded.amount_total_minor;
end
$$;

create function octroi_private.store_charge(p_object jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with stored as (
    insert into octroi_private.stripe_charge as s (
      id, customer_id, payment_intent_id, amount_minor, currency, status, created_at
    )
    select o.id, o.customer, o.payment_intent, o.amount, o.currency, o.status, octroi_private.at_second(o.created)
    from jsonb_to_record(p_object) as o (
      id text, customer text, payment_intent text, amount bigint, currency text, status text, created bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, payment_intent_id = excluded.payment_intent_id,
      amount_minor = excluded.amount_minor, currency = excluded.currency, status = excluded.status
    returning s.id
  )
  insert into octroi_private.stripe_refund as o (id, charge_id, amount_minor, status, created_at)
  select n.id, s.id, n.amount, n.status, octroi_private.at_second(n.created)
  from stored as s
  cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'refunds', 'null'), '[]')) as n (
    id text, amount bigint, status text, created bigint
  )
  on conflict (id) do update
  set amount_minor = excluded.amount_minor, status = excluded.status
  where o.status not in ('failed', 'canceled');
end
$$;

create function octroi_private.store_dispute(p_object jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into octroi_private.stripe_dispute as s (id, charge_id, payment_intent_id, amount_minor, status, created_at)
  select o.id, o.charge, o.payment_intent, o.amount, o.status, octroi_private.at_second(o.created)
  from jsonb_to_record(p_object) as o (
    id text, charge text, payment_intent text, amount bigint, status text, created bigint
  )
  on conflict (id) do update
  set amount_minor = excluded.amount_minor, status = excluded.status, payment_intent_id = excluded.payment_intent_id;
end
$$;

reset role;
