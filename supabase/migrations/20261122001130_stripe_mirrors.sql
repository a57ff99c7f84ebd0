-- What Stripe has, as last fetched: facts without rules and without keys between them, because no order of arrival may
-- be refused. Whose they are follows from the customer, which our own row ties to an account; what an object says of
-- itself (client_reference_id, metadata) ties nothing.
--
-- No column can hold a card: not a number, not a token of one. tests/pgtap looks.
set role octroi_owner;

create table octroi_private.stripe_customer (
  id octroi_private.stripe_id primary key,
  -- null: not made by us
  account_id uuid references octroi_private.account (id),
  currency text,
  is_delinquent boolean not null default false,
  has_payment_method boolean not null default false,
  is_deleted boolean not null default false
);
comment on table octroi_private.stripe_customer is 'Customers of Stripe; account_id is our own word for whose they are.';
create unique index stripe_customer_one_per_account on octroi_private.stripe_customer (account_id)
where account_id is not null and not is_deleted;

create table octroi_private.stripe_subscription (
  id octroi_private.stripe_id primary key,
  customer_id text not null,
  status text not null check (status in (
    'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused'
  )),
  created_at timestamptz not null,
  anchor_at timestamptz not null,
  cancel_at_period_end boolean not null,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  trial_ends_at timestamptz,
  is_paused boolean not null,
  currency text,
  latest_invoice_id text,
  schedule_id text,
  next_price_id text,
  next_price_at timestamptz,
  -- being cancelled at once by us: nothing may be used any more while what was used is billed
  is_closing boolean not null default false,
  -- when its owners were told that it has ended; the mail itself is not kept for as long
  told_ended_at timestamptz
);
comment on table octroi_private.stripe_subscription is 'Subscriptions of Stripe, as last fetched. Once canceled, for ever.';
create index stripe_subscription_customer on octroi_private.stripe_subscription (customer_id);

-- Whether it is known when it will end. A plan paid by the year with usage billed by the month ends through cancel_at:
-- Stripe's own flag would end it with the month.
create function octroi_private.is_ending(p_subscription octroi_private.stripe_subscription)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select (p_subscription).cancel_at_period_end or (p_subscription).cancel_at is not null
$$;

create table octroi_private.stripe_subscription_item (
  id octroi_private.stripe_id primary key,
  subscription_id text not null,
  price_id text not null,
  quantity bigint,
  period_start timestamptz not null,
  period_end timestamptz not null
);
comment on table octroi_private.stripe_subscription_item is 'The prices of a subscription, each with its own running period.';
create index stripe_subscription_item_of on octroi_private.stripe_subscription_item (subscription_id);

create table octroi_private.stripe_invoice (
  id octroi_private.stripe_id primary key,
  customer_id text not null,
  subscription_id text,
  status text not null check (status in ('draft', 'open', 'paid', 'uncollectible', 'void')),
  billing_reason text,
  currency text,
  total_minor bigint not null,
  amount_due_minor bigint not null,
  amount_paid_minor bigint not null,
  created_at timestamptz not null,
  period_start timestamptz,
  period_end timestamptz,
  auto_advance boolean not null,
  attempt_count integer not null,
  next_attempt_at timestamptz,
  finalized_at timestamptz,
  paid_at timestamptz,
  -- the last failed attempt to have it paid that its owners were told of
  told_attempt integer not null default 0 check (told_attempt >= 0),
  -- what its owner reads: the number, what of the total is tax, and Stripe's pages of it, which lead there for a month
  number text check (length(number) <= 100),
  subtotal_minor bigint,
  tax_minor bigint,
  hosted_url text check (length(hosted_url) <= 2000),
  pdf_url text check (length(pdf_url) <= 2000),
  urls_at timestamptz,
  -- our request that it was made for, as it says; believed of our own account's requests only
  reference text
);
comment on table octroi_private.stripe_invoice is 'Invoices of Stripe, as last fetched. Once paid or void, for ever.';
create index stripe_invoice_customer on octroi_private.stripe_invoice (customer_id, created_at);
create index stripe_invoice_subscription on octroi_private.stripe_invoice (subscription_id);
create index stripe_invoice_urls on octroi_private.stripe_invoice (urls_at) where hosted_url is not null;
create index stripe_invoice_draft on octroi_private.stripe_invoice (created_at) where status = 'draft';

create table octroi_private.stripe_invoice_line (
  invoice_id octroi_private.stripe_id not null,
  id octroi_private.stripe_id not null,
  price_id text,
  quantity bigint,
  amount_minor bigint not null,
  is_proration boolean not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  description text check (length(description) <= 500),
  primary key (invoice_id, id)
);
comment on table octroi_private.stripe_invoice_line is 'What an invoice charges for.';

create table octroi_private.stripe_invoice_payment (
  invoice_id octroi_private.stripe_id not null,
  payment_intent_id octroi_private.stripe_id not null,
  primary key (payment_intent_id, invoice_id)
);
comment on table octroi_private.stripe_invoice_payment is 'Which payments paid an invoice; a refund names only the payment.';
create index stripe_invoice_payment_of on octroi_private.stripe_invoice_payment (invoice_id);

create table octroi_private.stripe_checkout_session (
  id octroi_private.stripe_id primary key,
  customer_id text,
  mode text not null,
  status text,
  payment_status text not null,
  -- what the session says it is for; believed of our own account's requests only
  reference text,
  subscription_id text,
  payment_intent_id text,
  -- the receipt of what was paid once
  invoice_id text,
  amount_total_minor bigint,
  tax_minor bigint,
  currency text,
  created_at timestamptz not null,
  expires_at timestamptz
);
comment on table octroi_private.stripe_checkout_session is 'Checkout sessions of Stripe, as last fetched. Once paid or expired, for ever.';
create index stripe_checkout_session_customer on octroi_private.stripe_checkout_session (customer_id);
create index stripe_checkout_session_invoice on octroi_private.stripe_checkout_session (invoice_id)
where invoice_id is not null;
create index stripe_checkout_session_payment on octroi_private.stripe_checkout_session (payment_intent_id);

create table octroi_private.stripe_checkout_line (
  session_id octroi_private.stripe_id not null,
  id octroi_private.stripe_id not null,
  price_id text,
  quantity bigint,
  amount_total_minor bigint,
  primary key (session_id, id)
);
comment on table octroi_private.stripe_checkout_line is 'What a checkout session sells.';

create table octroi_private.stripe_charge (
  id octroi_private.stripe_id primary key,
  customer_id text,
  payment_intent_id text,
  amount_minor bigint not null,
  currency text,
  status text not null,
  created_at timestamptz not null
);
comment on table octroi_private.stripe_charge is 'Charges that something was refunded of or that are disputed.';
create index stripe_charge_payment on octroi_private.stripe_charge (payment_intent_id);

create table octroi_private.stripe_refund (
  id octroi_private.stripe_id primary key,
  charge_id text not null,
  amount_minor bigint not null check (amount_minor >= 0),
  status text not null,
  created_at timestamptz not null
);
comment on table octroi_private.stripe_refund is 'Refunds of charges.';
create index stripe_refund_charge on octroi_private.stripe_refund (charge_id);

create table octroi_private.stripe_dispute (
  id octroi_private.stripe_id primary key,
  charge_id text not null,
  payment_intent_id text,
  amount_minor bigint not null check (amount_minor >= 0),
  status text not null,
  created_at timestamptz not null
);
comment on table octroi_private.stripe_dispute is 'Disputed charges.';
create index stripe_dispute_payment on octroi_private.stripe_dispute (payment_intent_id);

-- Stripe's seconds since 1970.
create function octroi_private.at_second(p_seconds bigint)
returns timestamptz
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select to_timestamp(p_seconds)
$$;

reset role;
