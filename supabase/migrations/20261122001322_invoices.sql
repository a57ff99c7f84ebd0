-- What customers see of what they pay: invoices with their lines and Stripe's pages of them, and what a change of plan
-- would charge before it is made.
set role octroi_owner;

-- So long a change may be made as it was previewed.
create function octroi_private.preview_time()
returns interval
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select interval '30 minutes'
$$;

-- When a cycle ends that begins then: a month or a year of UTC later, as Stripe counts, whatever the session's zone.
create function octroi_private.cycle_end(p_starts_at timestamptz, p_billing_interval text)
returns timestamptz
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select (
    p_starts_at at time zone 'utc'
    + case p_billing_interval when 'year' then interval '1 year' else interval '1 month' end
  ) at time zone 'utc'
$$;

create function octroi.preview_change(plan text, billing_interval text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_wanted jsonb;
begin
  v_wanted := octroi_private.wanted_change(v_account_id, preview_change.plan, preview_change.billing_interval);
  return octroi_private.enqueue_billing_request(
    v_account_id, (select auth.uid()), 'preview_change',
    v_wanted || jsonb_build_object('proration_at_s', extract(epoch from octroi_private.now())::bigint)
  );
end
$$;
comment on function octroi.preview_change(text, text) is
'Asks what change_plan would charge now; read the answer with change_preview(id). Nothing is changed. Raises OC040, OC021, OC032, OC033, OC013.';

create function octroi.change_preview(id uuid)
returns table (
  state text, takes_effect_at timestamptz, due_minor bigint, tax_minor bigint, usage_minor bigint, currency text,
  renews_at timestamptz, renewal_minor bigint, lines jsonb, valid_until timestamptz, error text, message text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_request octroi_private.billing_request;
begin
  perform octroi_private.my_user_id();
  select r.* into v_request
  from octroi_private.billing_request as r
  where r.id = change_preview.id and r.kind = 'preview_change'
    and r.account_id in (select octroi_private.my_administered_accounts());
  if v_request.id is null then
    perform octroi_private.note_missed_id(exists (
      select from octroi_private.billing_request as r
      where r.id = change_preview.id and r.account_id not in (select octroi_private.my_administered_accounts())
    ));
    return;
  end if;
  return query
  select
    v_request.state, at.takes_effect, (v_request.preview ->> 'due')::bigint, (v_request.preview ->> 'tax')::bigint,
    -- what a new cycle bills of the old one beside this, as far as Stripe has not counted it yet
    case when v_request.preview is not null and is_anew.so and v_request.args ->> 'when' = 'now' then greatest(coalesce((
      select sum(o.amount_minor) from octroi_private.open_overage(v_request.account_id) as o
    ), 0) - coalesce((
      select sum((l.item ->> 'amount')::bigint)
      from octroi_private.listed(v_request.preview -> 'lines') as l
      join octroi_private.stripe_catalogue as k
        on k.stripe_id = l.item ->> 'price' and k.object = 'metered_price'
    ), 0), 0)::bigint else 0 end,
    v.currency::text,
    case
      when is_anew.so and v_request.args ->> 'when' = 'now' then
        octroi_private.cycle_end(at.takes_effect, p.billing_interval)
      else base.period_end
    end,
    p.amount_minor::bigint, coalesce((
      select jsonb_agg(jsonb_build_object(
        'description', l.item -> 'description', 'amount_minor', l.item -> 'amount',
        'period_start', octroi_private.at_second((l.item ->> 'period_start')::bigint),
        'period_end', octroi_private.at_second((l.item ->> 'period_end')::bigint)
      ) order by l.place)
      from octroi_private.listed(v_request.preview -> 'lines') as l
    ), '[]'), v_request.finished_at + octroi_private.preview_time(), v_request.error, v_request.message
  from octroi_private.plan_price as p
  join octroi_private.plan_version as v on v.id = p.plan_version_id
  left join lateral (
    select i.period_end, x.billing_interval
    from octroi_private.billed_subscription(v_request.account_id) as s
    join octroi_private.stripe_subscription_item as i on i.subscription_id = s.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    join octroi_private.plan_price as x on x.lookup_key = k.key
    limit 1
  ) as base on true
  cross join lateral (select base.billing_interval is distinct from p.billing_interval as so) as is_anew
  cross join lateral (
    select case v_request.args ->> 'when'
      when 'now' then octroi_private.at_second((v_request.args ->> 'proration_at_s')::bigint) else base.period_end
    end as takes_effect
  ) as at
  where p.plan_version_id = (v_request.args ->> 'plan_version_id')::bigint
    and p.billing_interval = v_request.args ->> 'billing_interval';
end
$$;
comment on function octroi.change_preview(uuid) is
'A preview: what is charged now (due_minor, of which tax_minor), what was used beyond the plan and comes on top (usage_minor), and what the plan renews at, before tax. No row for any other id.';

-- The pages of an invoice as Stripe gave them, for as long as they lead there, to whoever has stepped up: with one,
-- anybody reads the address on it.
create function octroi_private.invoice_page(p_url text, p_urls_at timestamptz)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when p_urls_at > octroi_private.now() - interval '29 days' and octroi_private.has_stepped_up() then p_url
  end;
end
$$;

create function octroi_private.invoice_lines(p_invoice_id text)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'description', l.description, 'quantity', l.quantity, 'amount_minor', l.amount_minor,
    'is_proration', l.is_proration, 'period_start', l.period_start, 'period_end', l.period_end
  ) order by l.period_start, l.id), '[]')
  from octroi_private.stripe_invoice_line as l
  where l.invoice_id = p_invoice_id
$$;

create function octroi_private.my_invoices()
returns table (
  account_id uuid, id text, status text, total_minor bigint, amount_paid_minor bigint, currency text,
  created_at timestamptz, period_start timestamptz, period_end timestamptz, paid_at timestamptz, number text,
  subtotal_minor bigint, tax_minor bigint, lines jsonb, hosted_url text, pdf_url text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    c.account_id, i.id, i.status, i.total_minor, i.amount_paid_minor, i.currency, i.created_at, i.period_start,
    i.period_end, i.paid_at, i.number, i.subtotal_minor, i.tax_minor, octroi_private.invoice_lines(i.id),
    octroi_private.invoice_page(i.hosted_url, i.urls_at), octroi_private.invoice_page(i.pdf_url, i.urls_at)
  from octroi_private.stripe_invoice as i
  join octroi_private.stripe_customer as c on c.id = i.customer_id
  where c.account_id in (select octroi_private.my_administered_accounts()) and i.status <> 'draft'
$$;

create function octroi.my_invoices(max_rows integer default 50, before text default null)
returns table (
  id text, number text, status text, subtotal_minor bigint, tax_minor bigint, total_minor bigint,
  amount_paid_minor bigint, currency text, created_at timestamptz, period_start timestamptz, period_end timestamptz,
  paid_at timestamptz, lines jsonb, hosted_url text, pdf_url text, has_more boolean
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_account_id uuid := octroi_private.my_billed_account();
  v_rows integer := octroi_private.page_rows(my_invoices.max_rows, 500);
  v_before timestamptz := 'infinity';
begin
  if my_invoices.before is not null then
    select i.created_at into v_before
    from octroi_private.stripe_invoice as i
    join octroi_private.stripe_customer as c on c.id = i.customer_id
    where i.id = my_invoices.before and c.account_id = v_account_id;
    if not found then
      raise exception 'before is the id of an invoice of this account' using errcode = '22023';
    end if;
  end if;
  return query
  select n.id::text, n.number, n.status, n.subtotal_minor, n.tax_minor, n.total_minor, n.amount_paid_minor,
    n.currency::text, n.created_at, n.period_start, n.period_end, n.paid_at, octroi_private.invoice_lines(n.id),
    octroi_private.invoice_page(n.hosted_url, n.urls_at), octroi_private.invoice_page(n.pdf_url, n.urls_at),
    n.has_more
  from (
    select p.*, lead(p.id) over (order by p.created_at desc, p.id desc) is not null as has_more
    from (
      -- lines are added up of the page alone
      select i.*
      from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id
      where c.account_id = v_account_id and i.status <> 'draft' and (
        my_invoices.before is null or (i.created_at, i.id) < (v_before, my_invoices.before)
      )
      order by i.created_at desc, i.id desc
      limit v_rows + 1
    ) as p
    order by p.created_at desc, p.id desc
    limit v_rows
  ) as n
  order by n.created_at desc, n.id desc;
end
$$;
comment on function octroi.my_invoices(integer, text) is
'Invoices of the account that the caller pays for, newest first, with lines, Stripe''s page and PDF (null without the second factor, and a month after Stripe was last asked: open_invoice asks again). has_more: page on with the last id as before. Raises OC021, 22023.';

create function octroi.open_invoice(invoice text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
begin
  if not exists (
    select from octroi_private.stripe_invoice as i
    join octroi_private.stripe_customer as c on c.id = i.customer_id
    where c.account_id = v_account_id and i.id = open_invoice.invoice and i.status <> 'draft'
  ) then
    -- one of an account that the caller administers is no foreign id
    perform octroi_private.note_missed_id(exists (
      select from octroi_private.stripe_invoice as i
      left join octroi_private.stripe_customer as c on c.id = i.customer_id
      where i.id = open_invoice.invoice
        and (c.account_id in (select octroi_private.my_administered_accounts())) is not true
    ));
    raise exception 'there is no invoice of this id' using errcode = 'OC032', hint = 'my_invoices lists them.';
  end if;
  return octroi_private.enqueue_billing_request(
    v_account_id, (select auth.uid()), 'invoice', jsonb_build_object('invoice', open_invoice.invoice)
  );
end
$$;
comment on function octroi.open_invoice(text) is
'Asks Stripe for its page of an invoice anew; read its URL with billing_request(id). my_invoices then has it too. Raises OC040, OC021, OC032, OC013.';

-- Where the owner of an account is reached, to fill in Stripe's page for them, once: what Stripe has of an account is
-- corrected by update_my_contact alone. Null where that is not to be, nothing is kept, nothing opens, or what an
-- earlier owner left at Stripe is still being removed.
create function octroi_private.checkout_email(p_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select octroi_private.open_for(r.user_id, 'contact.email', c.email)
    from octroi_private.billing_request as r
    join octroi_private.account as a on a.id = r.account_id and a.owner_user_id = r.user_id
    join octroi_private.contact as c on c.user_id = r.user_id and c.email is not null
    cross join octroi_private.billing_setting as s
    where r.id = p_id and r.state = 'pending' and r.kind in ('checkout', 'top_up') and s.prefill_email
      and not exists (
        select from octroi_private.erasure_step as e
        where e.account_id = r.account_id and e.kind = 'handover' and e.finished_at is null
      )
  );
exception
  when sqlstate 'OC050' or sqlstate 'OC051' then
    return null;
end
$$;
comment on function octroi_private.checkout_email(uuid) is
'The address to fill in on the page that a pending request asks for; null where none is to be.';

reset role;
