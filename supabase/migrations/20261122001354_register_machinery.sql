-- The register: the record of what was done, the rights themselves, and what only turns the wheels. Of the last no row
-- is handed out, because each says nothing that the row it points to does not say.
set role octroi_owner;

call octroi_private.register_personal_table(
  'audit_log', 'person', 'who did what', 'legal_obligation', 'for good: the chain has no gaps', '{}', 'keep',
  'without the person''s row its pseudonyms lead to nobody', 'none',
  'octroi_private.pseudonym_of($1) in (t.actor, t.person)', null, array['id'], $$
  id | fact | the entry
  occurred_at | fact | when
  actor | reference | who, by pseudonym
  actor_role | fact | in which role
  login | fact | over which login of the database
  action | fact | what
  account_id | reference | about which account
  person | reference | about whom, by pseudonym
  subject | reference | about what
  detail | fact | how it was after
  reason | fact | why $$
);
call octroi_private.register_personal_table(
  'audit_link', 'machinery', 'to find a change of the audit log', 'legal_obligation', 'for good', '{}', 'keep',
  'it holds hashes of entries', 'none', null, 'the entries that it chains are handed out', array['position'], $$
  position | fact | its place
  audit_id | fact | the entry
  hash | fact | the hash of the entry and of the link before $$
);
call octroi_private.register_personal_table(
  'privacy_request', 'person', 'that a right was asked for, and answered in time', 'legal_obligation',
  'request_log_months of the privacy settings', '{}', 'pseudonymise', 'the proof that it was answered in time', 'none',
  't.user_id = $1', null, array['id'], $$
  id | reference | the request
  user_id | reference | who asked | delete
  kind | fact | which right
  regime | fact | under which law
  channel | fact | how it was asked
  received_at | fact | when
  confirm_by | fact | to be confirmed by
  confirmed_at | fact | confirmed
  due_at | fact | to be answered by
  extended_at | fact | put off
  extension_reason | fact | why
  state | fact | open, done, refused or withdrawn
  closed_at | fact | answered
  evidence | fact | how $$
);
call octroi_private.register_personal_table(
  'export_ticket', 'person', 'to hand a bundle to whoever asked for it, once', 'legal_obligation', 'a day', '{}',
  'delete',
  null, 'none', 't.user_id = $1', null, array['request_id'], $$
  request_id | reference | the request
  user_id | reference | whose bundle
  token_hash | secret | what the door is opened with
  issued_at | fact | made
  expires_at | fact | good until
  used_at | fact | used $$
);
call octroi_private.register_personal_table(
  'contact_change', 'person', 'to correct a name or an address at Stripe', 'contract',
  'what was given: until Stripe has it; that it was: as long as the account', array['stripe'], 'delete', null, 'none',
  't.user_id = $1', null, array['id'], $$
  id | reference | the change
  account_id | reference | whose customer
  user_id | reference | who asked
  version | fact | how often it was changed while it waited
  details | sealed | what was given, until Stripe has it
  state | fact | pending, done or failed
  error | fact | what went wrong
  created_at | fact | asked
  finished_at | fact | answered $$
);
call octroi_private.register_personal_table(
  'job', 'machinery', 'what is to be done outside the database', 'contract', '7 days after it was done (setting)',
  '{}', 'delete',
  null, 'none', null, 'a job is an id, and the row that it points to is handed out', array['id'], $$
  id | fact | the job
  kind | fact | what is to be done
  args | reference | to which row
  state | fact | how far it is
  attempt | fact | how often it was tried
  max_attempts | fact | how often it may be
  run_at | fact | due
  lease_expires_at | fact | under way until
  worker | fact | by whom
  last_error | fact | what went wrong
  created_at | fact | made
  finished_at | fact | done $$
);
call octroi_private.register_personal_table(
  'stripe_event', 'machinery', 'which object of Stripe''s changed', 'contract', '60 days (setting)', array['stripe'],
  'keep',
  'it holds ids of Stripe''s and is pruned after 60 days', 'none', null, 'the objects that it names are handed out',
  array['id'], $$
  id | fact | Stripe's event
  type | fact | what happened
  created_at | fact | when
  received_at | fact | when it came
  api_version | fact | Stripe's version
  object_kind | fact | to what
  object_id | reference | which
  object | reference | the ids in it
  state | fact | how far it is
  reason | fact | what was wrong with it $$
);
call octroi_private.register_personal_table(
  'stripe_object', 'machinery', 'which object of Stripe''s is being fetched', 'contract', 'as long as the object',
  array['stripe'], 'keep', 'it holds an id of Stripe''s and times', 'none', null,
  'the objects that it names are handed out', array['kind', 'id'], $$
  kind | fact | what it is
  id | reference | Stripe's id
  fence | fact | how often it was fetched
  lease_expires_at | fact | being fetched until
  locked_at | fact | since
  queued_at | fact | waiting since
  applied_at | fact | last fetched
  problem | fact | what was wrong with it $$
);
call octroi_private.register_personal_table(
  'reconciliation_difference', 'machinery', 'where the books and Stripe''s differ', 'legal_obligation',
  'as long as the run', array['stripe'], 'keep', 'it holds sums and ids of Stripe''s', 'none', null,
  'it compares rows that are handed out', array['id'], $$
  id | fact | the difference
  run_id | fact | the comparison
  customer_id | reference | Stripe's customer
  subject | reference | Stripe's object
  what | fact | what differs
  meter | fact | tokens, requests or cost
  period_start | fact | from
  period_end | fact | until
  ledger | fact | used
  reported | fact | told to Stripe
  stripe | fact | counted by Stripe
  invoiced | fact | on the invoice
  is_explained | fact | whether there is a reason
  reason | fact | which $$
);
call octroi_private.register_personal_table(
  'reconciliation_seen', 'machinery', 'what a comparison has seen', 'legal_obligation', 'as long as the run',
  array['stripe'], 'keep', 'it holds ids of Stripe''s', 'none', null, 'the subscription that it names is handed out',
  array['run_id', 'subscription_id'], $$
  run_id | fact | the comparison
  subscription_id | reference | Stripe's subscription $$
);

reset role;
