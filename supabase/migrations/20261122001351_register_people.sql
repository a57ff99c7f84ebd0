-- The register: people, accounts, keys, and what they are written.
set role octroi_owner;

call octroi_private.register_personal_table(
  'account', 'account', 'whom to bill', 'contract', 'while the account is open, then as long as its invoices',
  array['stripe'], 'pseudonymise', 'retained invoices and usage belong to an account', 'none',
  't.owner_user_id = $1', null, array['id'], $$
  id | reference | the account
  kind | fact | personal or team
  owner_user_id | reference | who owns it | delete
  name | contact | what its owner calls it | delete
  status | fact | active, suspended or closed
  created_at | fact | since when
  closed_at | fact | until when $$
);
call octroi_private.register_personal_table(
  'member', 'person', 'who may act for an account', 'contract', 'while they are a member', '{}', 'delete', null, 'none',
  't.user_id = $1', null, array['account_id'], $$
  account_id | reference | the account
  user_id | reference | the member
  role | fact | owner, admin or member
  created_at | fact | since when $$
);
call octroi_private.register_personal_table(
  'former_member', 'person', 'to find what somebody did in a team that they left', 'legal_obligation',
  'while the user exists', '{}', 'delete', null, 'none', 't.user_id = $1', null, array['account_id'], $$
  account_id | reference | the account
  user_id | reference | who was a member
  left_at | fact | until when $$
);
call octroi_private.register_personal_table(
  'api_key', 'person', 'to know who calls', 'contract', 'while the account exists', '{}', 'pseudonymise',
  'retained usage names the key', 'none', 't.user_id = $1', null, array['id'], $$
  id | reference | the key
  account_id | reference | whom it bills
  user_id | reference | who made it
  name | content | what they call it | delete
  key_prefix | fact | its first characters
  key_hash | secret | what the key is known by | delete
  allowed_models | fact | the models it may call
  created_at | fact | since when
  expires_at | fact | until when
  revoked_at | fact | when it was revoked $$
);
call octroi_private.register_personal_table(
  'contact', 'person', 'to write to a user about their account', 'contract', 'while the user exists', array['mail'],
  'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | the user
  email | contact | their address, as they sign in with it
  phone | contact | their telephone number, if they gave one $$
);
call octroi_private.register_personal_table(
  'notification_setting', 'person', 'what mail a user wants, and how it is written', 'contract', 'while the user exists',
  array['mail'], 'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | the user
  usage_alerts | fact | whether warnings are wanted
  locale | fact | the language of mails
  time_zone | fact | the zone of their times
  unsubscribe_token | secret | what ends warnings
  changed_at | fact | last changed $$
);
call octroi_private.register_personal_table(
  'mail', 'person', 'what a user was written, once', 'contract', '90 days after it was sent', array['mail'], 'delete',
  null, 'none', 't.user_id = $1', null, array['id'], $$
  id | reference | the mail
  user_id | reference | to whom
  account_id | reference | about which account
  kind | fact | what it is about
  dedupe_key | reference | what makes it one and the same
  data | fact | the figures in it
  state | fact | queued, sending, sent, refused, unknown or cancelled
  attempt | fact | how often it was tried
  detail | fact | what went wrong
  created_at | fact | decided on
  expires_at | fact | of no use after
  finished_at | fact | done with $$
);
call octroi_private.register_personal_table(
  'alert', 'account', 'that a share of a limit was reached', 'contract', 'as long as the account', array['mail'],
  'delete', null, 'member', $reach$t.account_id = $2 and (
    t.scope = 'member' and t.subject = $1::text
    or t.scope = 'api_key' and t.subject in (select k.id::text from octroi_private.api_key as k where k.user_id = $1)
    or t.scope in ('account', 'model') and exists (
      select from octroi_private.account as a where a.id = $2 and a.owner_user_id = $1
    )
  )$reach$, null, array['id'], $$
  id | reference | the alert
  account_id | reference | the account
  balance_id | reference | the limit's count
  scope | fact | what the limit is on
  subject | reference | the member, key or model
  meter | fact | tokens, requests or cost
  threshold | fact | percent
  used | fact | how much was used
  granted | fact | of how much
  period_start | fact | the period
  resets_at | fact | its end
  raised_at | fact | reached
  cleared_at | fact | no longer so $$
);
call octroi_private.register_personal_table(
  'person', 'person', 'to write about somebody without naming them', 'legal_obligation', 'while the user exists', '{}',
  'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | the user
  pseudonym | reference | what the audit log calls them
  created_at | fact | since when $$
);
call octroi_private.register_personal_table(
  'data_key', 'person', 'to seal contact data, and to destroy it by destroying the key', 'legal_obligation',
  'while the user exists', '{}', 'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | the user
  wrapped | secret | the key, sealed by the operator's
  operator_key_id | fact | by which of the operator's keys
  made_at | fact | since when $$
);

reset role;
