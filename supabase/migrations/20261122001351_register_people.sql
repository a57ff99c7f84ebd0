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
  closed_at | fact | until when
  default_output_tokens | fact | output of calls that name no limit $$
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
  'api_key', 'person', 'to know who calls', 'contract', 'while the account exists', '{}', 'pseudonymise',
  'retained usage names the key', 'none', 't.user_id = $1', null, array['id'], $$
  id | reference | the key
  account_id | reference | whom it bills
  user_id | reference | who made it
  name | content | what they call it | delete
  key_prefix | fact | its first characters
  key_hash | secret | what the key is known by | delete
  allowed_models | fact | the models it may call
  allowed_endpoints | fact | the endpoints it may call
  created_at | fact | since when
  expires_at | fact | until when
  revoked_at | fact | when it was revoked $$
);
call octroi_private.register_personal_table(
  'contact', 'person', 'to write to a user about their account, and to tell them apart in their teams', 'contract',
  'while the user exists', array['mail'],
  'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | the user
  email | sealed | their address, as they sign in with it
  email_index | secret | a keyed hash that finds them by an address known already
  phone | sealed | their telephone number, if they gave one
  is_verified | fact | whether Auth has confirmed the address $$
);
call octroi_private.register_personal_table(
  'notification_setting', 'person', 'what mail a user wants, and how it is written', 'contract',
  'while the user exists',
  array['mail'], 'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | the user
  usage_alerts | fact | whether warnings are wanted
  locale | fact | the language of mails
  time_zone | fact | the zone of their times
  unsubscribe_token | secret | what ends warnings
  news_token | secret | what ends news
  changed_at | fact | last changed $$
);
call octroi_private.register_personal_table(
  'mail', 'person', 'what a user was written, once', 'contract', '90 days after it was sent (setting)', array['mail'],
  'delete',
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
  'alert', 'account', 'that a share of a limit was reached', 'contract', '13 months (setting)', array['mail'],
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

call octroi_private.register_personal_table(
  'second_factor', 'person', 'to ask for the second factor of who has one', 'legal_obligation', 'while they have it',
  '{}',
  'delete', null, 'none', 't.user_id = $1', null, array['factor_id'], $$
  factor_id | reference | Auth's factor
  user_id | reference | whose
  verified_at | fact | since when $$
);
call octroi_private.register_personal_table(
  'ban', 'person', 'to refuse whom the operator has banned in Auth', 'legitimate_interest', 'until the ban is lifted',
  '{}', 'delete', null, 'none', 't.user_id = $1', null, array['user_id'], $$
  user_id | reference | who is banned
  banned_until | fact | until when $$
);
call octroi_private.register_personal_table(
  'invitation', 'person', 'to invite somebody to a team', 'legitimate_interest',
  'the address: until it is answered, a month at most; its keyed hash: a day longer; that it was: 90 days (setting)',
  array['mail'], 'delete', null, 'none', $reach$t.user_id = $1 or t.email_index in (
    select c.email_index from octroi_private.contact as c where c.user_id = $1 and c.is_verified
  )$reach$, null, array['id'], $$
  id | reference | the invitation
  account_id | reference | to which team
  user_id | reference | who invites
  email | sealed | the address that is invited, until that has ended
  email_index | secret | a keyed hash that tells whether it is somebody's, until a day after the last letter
  role | fact | as what
  accept_url | fact | the page that it is answered on
  state | fact | waiting, accepted, declined, revoked or expired
  letters | fact | how often it was sent
  created_at | fact | since when
  last_letter_at | fact | last sent
  expires_at | fact | until when
  ended_at | fact | when it ended $$
);
call octroi_private.register_personal_table(
  'invitation_link', 'person', 'to know who was invited by their link', 'legitimate_interest',
  'until the invitation has ended', '{}', 'delete', null, 'none',
  't.invitation_id in (select i.id from octroi_private.invitation as i where i.user_id = $1)', null,
  array['invitation_id'], $$
  token_hash | secret | what the link is known by
  invitation_id | reference | the invitation $$
);
call octroi_private.register_personal_table(
  'consent', 'person', 'what somebody agreed to, in which words', 'legal_obligation', 'while the user exists', '{}',
  'delete', null, 'none', 't.user_id = $1', null, array['id'], $$
  id | fact | the entry
  user_id | reference | who
  purpose | fact | to what
  is_given | fact | given, or taken back
  policy_version | fact | in which words
  text_hash | fact | their SHA-256
  method | fact | how
  decided_at | fact | when $$
);
call octroi_private.register_personal_table(
  'api_key_use', 'person', 'to find keys that nobody uses', 'legitimate_interest', 'as long as the key', '{}', 'keep',
  'it names a key that is revoked and has no name', 'none',
  't.api_key_id in (select k.id from octroi_private.api_key as k where k.user_id = $1)', null, array['api_key_id'], $$
  api_key_id | reference | the key
  last_used_on | fact | the last day it was used $$
);
call octroi_private.register_personal_table(
  'api_key_previous', 'person', 'a rotated key works on for a while', 'contract', 'until its grace is over', '{}',
  'delete', null, 'none', 't.api_key_id in (select k.id from octroi_private.api_key as k where k.user_id = $1)', null,
  array['api_key_id', 'expires_at'], $$
  key_hash | secret | what the key was known by
  api_key_id | reference | the key
  expires_at | fact | works until $$
);

reset role;
