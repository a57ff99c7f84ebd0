-- What an operator sets about billing, and what an account sets for itself.
set role octroi_owner;

create table octroi_private.billing_setting (
  only_row boolean primary key default true check (only_row),
  -- scheme, host and port of the pages that checkout and portal may return to
  return_origins text [] not null default '{http://localhost:3000}' check (cardinality(return_origins) <= 100),
  -- links in mails and refusals
  upgrade_url text,
  top_up_url text,
  billing_url text,
  -- Stripe drafts a renewal for an hour at least and three days at most before it is paid; so long a month that is
  -- not paid yet is trusted
  renewal_grace_seconds integer not null default 259200 check (renewal_grace_seconds between 0 and 1814400),
  -- so long while its payment is known to be under way, as a direct debit is for weeks, or its draft is kept by us
  payment_grace_seconds integer not null default 1814400 check (payment_grace_seconds between 0 and 1814400),
  -- a draft older than this is looked at again
  draft_watch_seconds integer not null default 7200 check (draft_watch_seconds between 60 and 259200),
  report_every_seconds integer not null default 300 check (report_every_seconds between 1 and 86400),
  -- What Stripe's checkout pages do beside taking the money. Taxes and terms need something set up at Stripe first.
  automatic_tax boolean not null default false,
  tax_ids boolean not null default false,
  billing_address text not null default 'auto' check (billing_address in ('auto', 'required')),
  promotion_codes boolean not null default false,
  -- auto: the browser's language; account: what who asks has set for their mails
  checkout_locale text not null default 'auto' check (checkout_locale ~ '^(auto|account|[a-z]{2,3}(-[A-Z0-9]{2,3})?)$'),
  prefill_email boolean not null default true,
  require_terms boolean not null default false,
  -- a pack is on an invoice; what a subscription costs always is
  pack_invoices boolean not null default true
);
comment on table octroi_private.billing_setting is 'One row: what the operator decides about billing.';
insert into octroi_private.billing_setting default values;

create table octroi_private.auto_top_up (
  account_id uuid primary key references octroi_private.account (id),
  pack_code text not null,
  -- bought when so little is left
  below octroi_private.quantity not null check (below >= 1),
  monthly_cap_minor bigint not null check (monthly_cap_minor between 1 and 99999999),
  user_id uuid not null,
  changed_at timestamptz not null default octroi_private.now(),
  -- its owners are told once a month that the month's cap is reached, however long their mails are kept
  told_of_cap_at timestamptz
);
comment on table octroi_private.auto_top_up is 'Accounts that buy a pack by themselves when little is left. A failed payment removes the row.';

-- An http(s) URL without user, without blanks and backslashes; plain http on the own machine only.
create function octroi_private.origin_of(p_url text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when length(p_url) > 2000 then null
    when p_url ~ '^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?([/?#]([!-\[]|[\]-~])*)?$'
      or p_url ~ '^http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?([/?#]([!-\[]|[\]-~])*)?$'
      then substring(p_url from '^https?://[^/?#]+')
  end
$$;

create function octroi_private.refuse_url(p_name text, p_url text)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not coalesce((
    select octroi_private.origin_of(p_url) = any(s.return_origins) from octroi_private.billing_setting as s
  ), false) then
    raise exception '% is not on a site that this service returns to', p_name using errcode = 'OC031',
      hint = 'The operator lists the origins: docs/operations.md, return_origins.';
  end if;
end
$$;

create function octroi_private.set_billing_settings(p_settings jsonb)
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
  v_after jsonb;
begin
  perform octroi_private.require_admin_step_up();
  select string_agg(k.key, ', ') into v_wrong
  from jsonb_each(p_settings) as k
  where not case
    when k.key = 'return_origins' then jsonb_typeof(k.value) = 'array' and not exists (
      select from octroi_private.listed(k.value) as o
      where octroi_private.origin_of(o.item #>> '{}') is distinct from o.item #>> '{}'
    )
    when k.key in ('upgrade_url', 'top_up_url', 'billing_url')
      then k.value = 'null' or octroi_private.origin_of(k.value #>> '{}') is not null
    when k.key in ('renewal_grace_seconds', 'payment_grace_seconds') then octroi_private.is_whole(k.value, 0, 1814400)
    when k.key in ('draft_watch_seconds', 'report_every_seconds')
      then octroi_private.is_whole(k.value, 0, 259200)
    when k.key in ('automatic_tax', 'tax_ids', 'promotion_codes', 'prefill_email', 'require_terms', 'pack_invoices')
      then jsonb_typeof(k.value) = 'boolean'
    when k.key in ('billing_address', 'checkout_locale') then jsonb_typeof(k.value) = 'string'
    else false
  end;
  if v_wrong is not null then
    raise exception 'these are no billing settings, or not of that kind: %', v_wrong using errcode = '22023';
  end if;
  update octroi_private.billing_setting as s
  set return_origins = n.return_origins, upgrade_url = n.upgrade_url, top_up_url = n.top_up_url,
    billing_url = n.billing_url, renewal_grace_seconds = n.renewal_grace_seconds,
    payment_grace_seconds = n.payment_grace_seconds, draft_watch_seconds = n.draft_watch_seconds,
    report_every_seconds = n.report_every_seconds, automatic_tax = n.automatic_tax, tax_ids = n.tax_ids,
    billing_address = n.billing_address, promotion_codes = n.promotion_codes, checkout_locale = n.checkout_locale,
    prefill_email = n.prefill_email, require_terms = n.require_terms, pack_invoices = n.pack_invoices
  from octroi_private.billing_setting as b
  cross join lateral jsonb_populate_record(b, p_settings) as n
  where s.only_row and b.only_row
  returning to_jsonb(s) - 'only_row' into v_after;
  return v_after;
end
$$;
comment on function octroi_private.set_billing_settings(jsonb) is
'Changes what is named and returns all of it. Raises OC040, 22023 for a name or value that is none.';

create function octroi_private.purchase_pages()
returns table (upgrade_url text, top_up_url text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.upgrade_url, s.top_up_url from octroi_private.billing_setting as s
$$;
comment on function octroi_private.purchase_pages() is 'Where a refused caller gets a bigger plan, or a pack.';

create function octroi_private.page_origins()
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select distinct o.origin
  from octroi_private.billing_setting as s
  cross join lateral (
    select unnest(s.return_origins) as origin
    union all
    select octroi_private.origin_of(u.url) from (values (s.upgrade_url), (s.top_up_url), (s.billing_url)) as u (url)
  ) as o
  where o.origin is not null
$$;
comment on function octroi_private.page_origins() is
'Sites of the operator''s that the billing settings name; their pages may call the gateway from a browser, unless the operator lists others.';

reset role;
