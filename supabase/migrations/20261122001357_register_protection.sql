-- The register: what an erasure leaves, and what watches over the rest. Tables of later migrations: what is not there
-- is not handed out, and a test says so.
set role octroi_owner;

call octroi_private.register_personal_table(
  'erasure_receipt', 'machinery', 'the proof that somebody was erased', 'legal_obligation', '3 years (setting)', '{}',
  'keep', 'it names nobody', 'none', null, 'whoever it is about is gone; they were given it', array['id'], $$
  id | reference | the receipt
  pseudonym | reference | what stands for the person in rows that are kept
  asked_by | fact | who asked
  erased_at | fact | when
  erased | fact | how many rows of what
  kept | fact | what stays, why and until when
  finished_at | fact | when nothing was left to do $$
);
call octroi_private.register_personal_table(
  'erasure_step', 'machinery', 'what an erasure, or the handing over of a team, has left to do elsewhere',
  'legal_obligation', 'as long as the receipt',
  array['stripe'], 'keep', 'it holds ids of Stripe''s', 'none', null, 'whoever it is about is gone', array['id'], $$
  id | fact | the step
  receipt_id | reference | the receipt
  kind | fact | what is to be done
  account_id | reference | the account that ended, or passed to somebody else
  customer_id | reference | Stripe's customer
  session_ids | reference | Stripe's checkouts
  waived_at | fact | when what is unpaid is waived
  finished_at | fact | done
  created_at | fact | begun $$
);
call octroi_private.register_personal_table(
  'erased_account', 'machinery', 'until when a closed account''s books are kept', 'legal_obligation',
  'until the tax period is over', '{}', 'keep', 'it names an account without owner and name', 'none', null,
  'whoever it is about is gone', array['account_id'], $$
  account_id | reference | the account
  receipt_id | reference | the receipt
  kept_until | fact | until when
  after_at | fact | how far its calls are removed
  retry_at | fact | not to be dropped before, after that failed $$
);
call octroi_private.register_personal_table(
  'usage_removal', 'machinery', 'how far the calls of an erased person are removed', 'legal_obligation',
  'until the last call is removed', '{}', 'delete', null, 'none', null, 'whoever it is about is gone', array['id'], $$
  id | fact | the removal
  receipt_id | reference | the receipt
  user_id | reference | whose calls
  account_id | reference | of which account
  is_deleting | fact | deleted, or pseudonymised
  after_at | fact | how far
  after_id | reference | how far $$
);
call octroi_private.register_personal_table(
  'tombstone', 'machinery', 'a restored backup is erased again', 'legal_obligation',
  'for good: nobody knows how old a backup may be', '{}', 'keep',
  'a keyed hash recognises a person who is back, and names nobody', 'none', null,
  'whoever it is about is gone', array['subject_hash'], $$
  subject_hash | secret | a keyed hash of the user's id
  erased_at | fact | when $$
);
call octroi_private.register_personal_table(
  'refused_access', 'machinery', 'to notice attacks', 'legitimate_interest', 'a week', '{}', 'keep',
  'it is gone within a week', 'none', null, 'it counts refusals, and would tell an attacker what is seen',
  array['bucket_at', 'reason', 'account_id', 'api_key_id'], $$
  bucket_at | fact | ten minutes
  reason | fact | why it was refused
  account_id | reference | the account, if known
  api_key_id | reference | the key, if known
  refusals | fact | how often
  foreign_ids | fact | of these, ids that are somebody else's $$
);
call octroi_private.register_personal_table(
  'key_use', 'machinery', 'to notice keys in wrong hands', 'legitimate_interest', '90 days', '{}', 'keep',
  'it counts the calls of keys that are revoked, and is gone within 90 days', 'none', null,
  'the same calls are in usage_event; it would tell an attacker what is seen',
  array['account_id', 'api_key_id', 'day', 'model'], $$
  account_id | reference | the account
  api_key_id | reference | the key, all zeros without one
  day | fact | UTC day
  model | fact | the model asked for
  requests | fact | calls $$
);
call octroi_private.register_personal_table(
  'key_use_cursor', 'machinery', 'until when calls are counted by key', 'legitimate_interest', 'as long as the account',
  '{}', 'keep', 'it names an account without owner and name', 'none', null, 'it is only how far the sweep is',
  array['account_id'], $$
  account_id | reference | the account
  counted_until | fact | until when $$
);
call octroi_private.register_personal_table(
  'security_signal', 'machinery', 'to notice breaches', 'legitimate_interest',
  '1 year after it was dismissed (setting); part of a breach, as long as the register of breaches',
  '{}', 'keep', 'Art. 33(5) GDPR: the record of a breach', 'none', null,
  'it would tell an attacker what is seen', array['id'], $$
  id | fact | the signal
  kind | fact | what was seen
  account_id | reference | on which account
  api_key_id | reference | with which key
  window_start | fact | when
  detail | fact | how much
  raised_at | fact | noticed
  breach_id | fact | the breach it belongs to
  dismissed_at | fact | dismissed
  dismissed_reason | fact | why $$
);
call octroi_private.register_personal_table(
  'breach', 'machinery', 'the register of breaches', 'legal_obligation', 'for good', '{}', 'keep',
  'Art. 33(5) GDPR asks for it', 'none', null, 'it is about the service; whom it affects is told', array['id'], $$
  id | fact | the breach
  title | fact | what it is called
  nature | fact | what happened
  detected_at | fact | noticed
  report_due_at | fact | to be reported by
  opened_at | fact | entered
  assessed_at | fact | assessed
  risk | fact | how grave
  data_categories | fact | which data
  affected | fact | how those affected are found
  affected_count | fact | how many people
  records_count | fact | how many records
  consequences | fact | what may follow
  measures | fact | what is done
  contact | contact | whom to ask, at the operator's
  authority | fact | who was told
  authority_reference | fact | their reference
  authority_notified_at | fact | when
  delay_reason | fact | why late
  notice | fact | what people are told
  notices_begun_at | fact | told from
  notices_after | reference | how far
  notices_queued_at | fact | told until
  no_notice_reason | fact | why nobody is told
  closed_at | fact | closed
  closing_note | fact | how $$
);
call octroi_private.register_personal_table(
  'breach_notice', 'person', 'that somebody was told of a breach', 'legal_obligation', 'as long as the breach',
  array['mail'], 'pseudonymise', 'Art. 5(2) GDPR: that somebody was told', 'none', 't.user_id = $1', null, array['id'],
  $$
  id | reference | the notice
  breach_id | fact | of which breach
  user_id | reference | who was told | delete
  mail_id | reference | the mail
  outcome | fact | what became of it
  queued_at | fact | when
  ended_at | fact | done $$
);

reset role;
