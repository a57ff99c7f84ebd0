-- The register: what an account pays, at Stripe and here. A row of Stripe's is an account's through its customer.
set role octroi_owner;

call octroi_private.register_personal_table(
  'subscription', 'account', 'which plan an account has', 'contract', 'as long as its invoices', array['stripe'],
  'keep',
  'it is what was sold', 'owner', 't.account_id = $2', null, array['id'], $$
  id | reference | the subscription
  account_id | reference | the account
  plan_version_id | fact | the plan
  anchor_at | fact | where its months begin
  started_at | fact | from
  ended_at | fact | until
  stripe_subscription_id | reference | Stripe's id
  granted_until | fact | paid for until
  overage_closed_at | fact | nothing more for money from then on $$
);
call octroi_private.register_personal_table(
  'top_up', 'account', 'packs that were bought', 'contract', 'as long as its invoice', array['stripe'], 'keep',
  'it is what was sold', 'owner', 't.account_id = $2', null, array['bought_at', 'grant_id'], $$
  grant_id | reference | the grant it became
  account_id | reference | the account
  pack_id | fact | the pack
  quantity | fact | how many
  paid_minor | fact | paid
  currency | fact | in
  payment_intent_id | reference | Stripe's payment
  bought_at | fact | when $$
);
call octroi_private.register_personal_table(
  'auto_top_up', 'account', 'packs bought without asking', 'contract', 'while it is on', array['stripe'], 'delete',
  null,
  'owner', 't.account_id = $2', null, array['account_id'], $$
  account_id | reference | the account
  pack_code | fact | the pack
  below | fact | when so little is left
  monthly_cap_minor | fact | for so much a month
  user_id | reference | who turned it on
  changed_at | fact | when
  told_of_cap_at | fact | when they were told that the sum is reached $$
);
call octroi_private.register_personal_table(
  'billing_request', 'person', 'what somebody asked of Stripe', 'contract', '1 year (setting)', array['stripe'],
  'pseudonymise', 'that it was asked for is part of the books', 'none', 't.user_id = $1', null, array['id'], $$
  id | reference | the request
  account_id | reference | the account
  user_id | reference | who asked
  kind | fact | for what
  args | content | with which pages and plan | delete
  state | fact | pending, done or failed
  object_id | reference | what Stripe made
  url | secret | the page it leads to, a day at most | delete
  preview | fact | what a change of plan would have charged
  error | fact | what went wrong
  message | fact | in words
  created_at | fact | asked
  finished_at | fact | answered $$
);
call octroi_private.register_personal_table(
  'billing_cycle', 'account', 'the closing of a billing period', 'contract', 'as long as its invoice', array['stripe'],
  'keep', 'it is how an invoice came about', 'owner', 't.account_id = $2', null, array['invoice_id'], $$
  invoice_id | reference | Stripe's invoice
  account_id | reference | the account
  customer_id | reference | Stripe's customer
  subscription_id | reference | Stripe's subscription
  period_start | fact | from
  period_end | fact | until
  state | fact | how far it is
  short_since | fact | since when Stripe counted less
  detail | fact | what stood in the way
  opened_at | fact | begun
  changed_at | fact | last step $$
);
call octroi_private.register_personal_table(
  'meter_report', 'account', 'usage told to Stripe', 'contract', 'as long as its invoice', array['stripe'], 'keep',
  'it is what an invoice was made from', 'owner', 't.account_id = $2', null, array['window_start', 'id'], $$
  id | reference | the report
  account_id | reference | the account
  customer_id | reference | Stripe's customer
  event_name | fact | Stripe's meter
  meter | fact | tokens, requests or cost
  balance_id | reference | the limit
  window_start | fact | from
  window_end | fact | until
  value | fact | how much
  usage_at | fact | dated
  state | fact | what became of it
  attempts | fact | how often it was sent
  first_sent_at | fact | first sent
  generation | fact | how many came before it
  detail | fact | what went wrong
  created_at | fact | made
  changed_at | fact | last step $$
);
call octroi_private.register_personal_table(
  'stripe_customer', 'account', 'who an account is at Stripe', 'contract', 'as long as its invoices', array['stripe'],
  'keep', 'it ties retained invoices to the account', 'owner', 't.account_id = $2', null, array['id'], $$
  id | reference | Stripe's customer
  account_id | reference | the account
  currency | fact | what they pay in
  is_delinquent | fact | whether a payment is late
  has_payment_method | fact | whether they can pay
  is_deleted | fact | whether they are gone at Stripe $$
);
call octroi_private.register_personal_table(
  'stripe_subscription', 'account', 'a subscription, as Stripe has it', 'contract', 'as long as its invoices',
  array['stripe'], 'keep', 'it is what was sold', 'owner',
  't.customer_id in (select c.id from octroi_private.stripe_customer as c where c.account_id = $2)', null, array['id'],
  $$
  id | reference | Stripe's subscription
  customer_id | reference | Stripe's customer
  status | fact | how it stands
  created_at | fact | since when
  anchor_at | fact | where its periods begin
  cancel_at_period_end | fact | whether it ends with the period
  cancel_at | fact | when it will end
  canceled_at | fact | when that was decided
  ended_at | fact | ended
  trial_ends_at | fact | end of the trial
  is_paused | fact | whether it rests
  currency | fact | paid in
  latest_invoice_id | reference | its last invoice
  schedule_id | reference | a change that waits
  next_price_id | fact | to which price
  next_price_at | fact | from when
  is_closing | fact | whether it is being ended
  told_ended_at | fact | when they were told of its end $$
);
call octroi_private.register_personal_table(
  'stripe_subscription_item', 'account', 'what a subscription consists of', 'contract', 'as long as its invoices',
  array['stripe'], 'keep', 'it is what was sold', 'owner', $reach$t.subscription_id in (
    select s.id from octroi_private.stripe_subscription as s
    join octroi_private.stripe_customer as c on c.id = s.customer_id
    where c.account_id = $2
  )$reach$, null, array['id'], $$
  id | reference | Stripe's item
  subscription_id | reference | Stripe's subscription
  price_id | fact | the price
  quantity | fact | how many
  period_start | fact | from
  period_end | fact | until $$
);
call octroi_private.register_personal_table(
  'stripe_invoice', 'account', 'an invoice, as Stripe has it', 'legal_obligation',
  'the tax period (a setting, by country)', array['stripe'], 'keep', 'tax law asks for it', 'owner',
  't.customer_id in (select c.id from octroi_private.stripe_customer as c where c.account_id = $2)', null,
  array['created_at', 'id'], $$
  id | reference | Stripe's invoice
  customer_id | reference | Stripe's customer
  subscription_id | reference | Stripe's subscription
  status | fact | how it stands
  billing_reason | fact | why it was made
  currency | fact | in
  total_minor | fact | total
  amount_due_minor | fact | due
  amount_paid_minor | fact | paid
  created_at | fact | made
  period_start | fact | from
  period_end | fact | until
  auto_advance | fact | whether Stripe goes on with it
  attempt_count | fact | how often payment was tried
  next_attempt_at | fact | next try
  finalized_at | fact | finalised
  paid_at | fact | paid
  told_attempt | fact | the last failed try that they were told of
  number | fact | its number
  subtotal_minor | fact | before tax
  tax_minor | fact | tax
  hosted_url | secret | Stripe's page of it, a month at most | delete
  pdf_url | secret | Stripe's PDF of it, a month at most | delete
  urls_at | fact | when Stripe gave them
  reference | reference | our request $$
);
call octroi_private.register_personal_table(
  'stripe_invoice_line', 'account', 'a line of an invoice', 'legal_obligation', 'the tax period', array['stripe'],
  'keep',
  'tax law asks for it', 'owner', $reach$t.invoice_id in (
    select i.id from octroi_private.stripe_invoice as i
    join octroi_private.stripe_customer as c on c.id = i.customer_id
    where c.account_id = $2
  )$reach$, null, array['invoice_id', 'id'], $$
  invoice_id | reference | Stripe's invoice
  id | reference | the line
  price_id | fact | the price
  quantity | fact | how many
  amount_minor | fact | how much
  is_proration | fact | whether for a part of the period
  period_start | fact | from
  period_end | fact | until
  description | fact | in Stripe's words $$
);
call octroi_private.register_personal_table(
  'stripe_invoice_payment', 'account', 'which payment paid an invoice', 'legal_obligation', 'the tax period',
  array['stripe'], 'keep', 'tax law asks for it', 'owner', $reach$t.invoice_id in (
    select i.id from octroi_private.stripe_invoice as i
    join octroi_private.stripe_customer as c on c.id = i.customer_id
    where c.account_id = $2
  )$reach$, null, array['payment_intent_id', 'invoice_id'], $$
  invoice_id | reference | Stripe's invoice
  payment_intent_id | reference | Stripe's payment $$
);
call octroi_private.register_personal_table(
  'stripe_checkout_session', 'account', 'a visit to Stripe''s checkout', 'contract', 'as long as its invoice',
  array['stripe'], 'keep', 'it is what was bought', 'owner',
  't.customer_id in (select c.id from octroi_private.stripe_customer as c where c.account_id = $2)', null,
  array['created_at', 'id'], $$
  id | reference | Stripe's session
  customer_id | reference | Stripe's customer
  mode | fact | subscription or payment
  status | fact | how it stands
  payment_status | fact | whether it is paid
  reference | reference | our request
  subscription_id | reference | Stripe's subscription
  payment_intent_id | reference | Stripe's payment
  invoice_id | reference | its receipt
  amount_total_minor | fact | how much
  tax_minor | fact | how much of it is tax
  currency | fact | in
  created_at | fact | opened
  expires_at | fact | open until $$
);
call octroi_private.register_personal_table(
  'stripe_checkout_line', 'account', 'what a checkout sold', 'contract', 'as long as its invoice', array['stripe'],
  'keep', 'it is what was bought', 'owner', $reach$t.session_id in (
    select s.id from octroi_private.stripe_checkout_session as s
    join octroi_private.stripe_customer as c on c.id = s.customer_id
    where c.account_id = $2
  )$reach$, null, array['session_id', 'id'], $$
  session_id | reference | Stripe's session
  id | reference | the line
  price_id | fact | the price
  quantity | fact | how many
  amount_total_minor | fact | how much $$
);
call octroi_private.register_personal_table(
  'stripe_charge', 'account', 'a payment, as Stripe has it', 'legal_obligation', 'the tax period', array['stripe'],
  'keep', 'tax law asks for it', 'owner',
  't.customer_id in (select c.id from octroi_private.stripe_customer as c where c.account_id = $2)', null, array['id'],
  $$
  id | reference | Stripe's charge
  customer_id | reference | Stripe's customer
  payment_intent_id | reference | Stripe's payment
  amount_minor | fact | how much
  currency | fact | in
  status | fact | how it stands
  created_at | fact | when $$
);
call octroi_private.register_personal_table(
  'stripe_refund', 'account', 'money that went back', 'legal_obligation', 'the tax period', array['stripe'], 'keep',
  'tax law asks for it', 'owner', $reach$t.charge_id in (
    select h.id from octroi_private.stripe_charge as h
    join octroi_private.stripe_customer as c on c.id = h.customer_id
    where c.account_id = $2
  )$reach$, null, array['id'], $$
  id | reference | Stripe's refund
  charge_id | reference | Stripe's charge
  amount_minor | fact | how much
  status | fact | how it stands
  created_at | fact | when $$
);
call octroi_private.register_personal_table(
  'stripe_dispute', 'account', 'a payment that was disputed', 'legal_obligation', 'the tax period', array['stripe'],
  'keep', 'tax law asks for it', 'owner', $reach$t.charge_id in (
    select h.id from octroi_private.stripe_charge as h
    join octroi_private.stripe_customer as c on c.id = h.customer_id
    where c.account_id = $2
  )$reach$, null, array['id'], $$
  id | reference | Stripe's dispute
  charge_id | reference | Stripe's charge
  payment_intent_id | reference | Stripe's payment
  amount_minor | fact | how much
  status | fact | how it stands
  created_at | fact | when $$
);

reset role;
