-- What plans cost. Money is in the currency's minor unit, as Stripe counts it: whole numbers, nothing to round.
-- A version's prices are as immutable as the rest of it; each has a key by which Stripe's copy is found again.
set role octroi_owner;

create domain octroi_private.billing_interval as text check (value in ('month', 'year'));
-- Stripe takes at most eight digits.
create domain octroi_private.unit_price as bigint check (value between 1 and 99999999);
create domain octroi_private.catalogue_key as text check (value ~ '^octroi[-_][a-z0-9_-]{1,90}$');

create table octroi_private.plan_price (
  plan_version_id bigint not null references octroi_private.plan_version (id),
  billing_interval octroi_private.billing_interval not null,
  amount_minor octroi_private.unit_price not null,
  lookup_key octroi_private.catalogue_key not null unique,
  primary key (plan_version_id, billing_interval)
);
comment on table octroi_private.plan_price is 'What a plan version costs by the month and by the year.';

create table octroi_private.plan_overage (
  plan_version_id bigint not null references octroi_private.plan_version (id),
  meter octroi_private.meter_name not null check (meter in ('tokens', 'requests')),
  slice octroi_private.quantity not null check (slice between 1 and 1000000000),
  -- for each slice that was begun
  price_minor octroi_private.unit_price not null,
  -- by the month; the ceiling keeps every price of a period within what Stripe can invoice
  spend_cap_minor bigint not null check (spend_cap_minor <= 99999999),
  is_on boolean not null,
  lookup_key octroi_private.catalogue_key not null unique,
  -- the Stripe meter that counts it
  event_name octroi_private.catalogue_key not null unique,
  primary key (plan_version_id, meter),
  constraint plan_overage_affords_a_slice check (spend_cap_minor >= price_minor)
);
comment on table octroi_private.plan_overage is
'What usage beyond plan and grants costs. is_on is what subscribers start with; overage_setting is their own word.';

create table octroi_private.overage_setting (
  account_id uuid primary key references octroi_private.account (id),
  is_on boolean not null,
  -- below the plan's own cap
  spend_cap_minor bigint check (spend_cap_minor between 0 and 99999999),
  changed_at timestamptz not null default octroi_private.now()
);
comment on table octroi_private.overage_setting is 'Whether an account lets overage happen, and for how much money a month at most.';

create table octroi_private.top_up_pack (
  id bigint generated always as identity primary key,
  code text not null check (code ~ '^[a-z][a-z0-9_]{0,39}$'),
  version integer not null check (version > 0),
  name text not null check (length(name) between 1 and 200),
  meter octroi_private.meter_name not null,
  amount octroi_private.quantity not null check (amount > 0),
  price_minor octroi_private.unit_price not null,
  currency octroi_private.currency_code not null,
  -- null: never
  expires_after_days integer check (expires_after_days between 1 and 3650),
  priority smallint not null check (priority between -1000 and 1000),
  lookup_key octroi_private.catalogue_key not null unique,
  content jsonb not null check (jsonb_typeof(content) = 'object'),
  created_at timestamptz not null default octroi_private.now(),
  -- replaced by another version, or not sold any more
  retired_at timestamptz,
  unique (code, version)
);
comment on table octroi_private.top_up_pack is 'Extra quota on sale; a changed pack is a new version.';
create unique index top_up_pack_one_on_sale on octroi_private.top_up_pack (code) where retired_at is null;

create table octroi_private.plan_version_pack (
  plan_version_id bigint not null references octroi_private.plan_version (id),
  pack_code text not null,
  primary key (plan_version_id, pack_code)
);
comment on table octroi_private.plan_version_pack is 'Which packs the subscribers of a plan version may buy, always in the version on sale.';

-- Keys do not change; the ids that Stripe gave are filled in by `octroi plans push`, each once.
create table octroi_private.stripe_catalogue (
  key octroi_private.catalogue_key primary key,
  object text not null check (object in ('product', 'meter', 'price', 'metered_price')),
  stripe_id text unique check (length(stripe_id) between 1 and 255)
);
comment on table octroi_private.stripe_catalogue is 'The products, prices and meters that Stripe must have for what is declared here, and its id of each.';

-- What may be used beyond the plan for a sum of money, in whole slices.
create function octroi_private.overage_units(p_cap_minor bigint, p_price_minor bigint, p_slice bigint)
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select p_cap_minor / p_price_minor * p_slice
$$;

-- What so many units beyond the plan cost: each slice that was begun, once a period.
create function octroi_private.overage_price(p_units bigint, p_price_minor bigint, p_slice bigint)
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select (p_units + p_slice - 1) / p_slice * p_price_minor
$$;

reset role;
