-- The register: calls, what they used, and the limits on them.
set role octroi_owner;

call octroi_private.register_personal_table(
  'usage_event', 'person', 'what was used and what it cost', 'contract',
  '25 months (setting), then by whole months', array['openai', 'stripe'],
  'pseudonymise', 'what was invoiced is kept for the tax period under a random id', 'member',
  't.account_id = $2 and t.user_id = $1', null, array['occurred_at', 'id'], $$
  id | reference | the call
  account_id | reference | who pays
  api_key_id | reference | with which key
  user_id | reference | who called
  endpoint | fact | what was called
  model | fact | the model asked for
  response_model | fact | the model that answered
  service_tier | fact | OpenAI's tier
  source | fact | who counted
  input_tokens | fact | tokens sent
  cached_input_tokens | fact | of them read from OpenAI's cache
  cache_write_tokens | fact | of them written to it
  cache_write_12h_tokens | fact | of these, to be kept for twelve hours
  audio_input_tokens | fact | of them audio
  output_tokens | fact | tokens received
  reasoning_tokens | fact | of them reasoning
  audio_output_tokens | fact | of them audio
  total_tokens | fact | all tokens
  cost_nano_usd | fact | cost in billionths of a US dollar
  overrun_tokens | fact | tokens not charged
  overrun_cost_nano_usd | fact | cost not charged
  overrun_requests | fact | whether the call was not charged
  price_id | fact | the price
  balance_ids | reference | the limits it counted against
  latency_ms | fact | how long it took
  first_token_ms | fact | until the first token
  upstream_request_id | reference | OpenAI's id of the call
  raw_usage | fact | what OpenAI counted
  occurred_at | fact | started
  recorded_at | fact | written down $$
);
call octroi_private.register_personal_table(
  'usage_daily', 'person', 'usage by day and model', 'contract',
  'as long as the account (setting)', array['stripe'], 'pseudonymise',
  'what was invoiced is kept for the tax period under a random id', 'member', 't.account_id = $2 and t.user_id = $1',
  null, array['day', 'model'], $$
  account_id | reference | who pays
  user_id | reference | who called
  day | fact | UTC day
  model | fact | the model
  requests | fact | calls
  input_tokens | fact | tokens sent
  cached_input_tokens | fact | of them from the cache
  output_tokens | fact | tokens received
  reasoning_tokens | fact | of them reasoning
  total_tokens | fact | all tokens
  cost_nano_usd | fact | cost in billionths of a US dollar $$
);
call octroi_private.register_personal_table(
  'request', 'person', 'calls under way, and that a call made twice is charged once', 'contract', '30 days (setting)',
  '{}',
  'pseudonymise', 'the audit of holds, until it is pruned', 'none', 't.user_id = $1', null, array['id'], $$
  id | reference | the call
  account_id | reference | who pays
  api_key_id | reference | with which key
  user_id | reference | who called
  model | fact | the model
  endpoint | fact | what was called
  state | fact | open, settled, released or expired
  idempotency_key | content | the caller's own name for it
  body_hash | secret | tells whether a repetition is one
  price_id | fact | the price
  balance_ids | reference | the limits it holds
  hold_amounts | fact | how much of each
  input_tokens | fact | tokens sent
  output_tokens | fact | most tokens received, per choice
  output_bound | fact | what that was bounded by
  choices | fact | answers asked for
  hold_requests | fact | calls held
  hold_tokens | fact | tokens held
  hold_cost_nano_usd | fact | cost held
  started_at | fact | started
  expires_at | fact | held until
  finished_at | fact | ended
  is_late | fact | settled after its time
  release_reason | fact | why it was released $$
);
call octroi_private.register_personal_table(
  'waiting_call', 'machinery', 'calls that wait for room, in order of arrival', 'contract', 'a minute', '{}', 'delete',
  null, 'none', null, 'a call that waits has not happened yet', array['account_id', 'ticket'], $$
  account_id | reference | who would pay
  ticket | fact | its place
  request_id | reference | the call
  balance_ids | reference | the limits it waits for
  waits_until | fact | gone by then $$
);
call octroi_private.register_personal_table(
  'completion', 'person', 'calls asked for through SQL', 'contract', 'an hour', array['openai'], 'delete', null, 'none',
  't.user_id = $1', null, array['id'], $$
  id | reference | the call
  account_id | reference | who pays
  user_id | reference | who asked
  endpoint | fact | what is called
  request | content | what was asked, until it is sent
  error | fact | what went wrong
  error_status | fact | its status
  created_at | fact | asked
  finished_at | fact | answered
  expires_at | fact | forgotten $$, 20
);
call octroi_private.register_personal_table(
  'stored_response', 'person', 'an answer kept for its reader', 'contract', 'ten minutes', array['openai'], 'delete',
  null, 'none', 't.user_id = $1', null, array['request_id'], $$
  request_id | reference | the call
  account_id | reference | who pays
  user_id | reference | who asked
  status | fact | its status
  content_type | fact | its form
  body | content | the answer
  expires_at | fact | forgotten $$, 1
);
call octroi_private.register_personal_table(
  'entitlement', 'person', 'what a caller may spend, worked out once', 'contract', 'until a rule changes', '{}',
  'delete', null, 'member', 't.account_id = $2 and t.user_id = $1', null, array['api_key_id', 'model'], $$
  account_id | reference | who pays
  api_key_id | reference | with which key
  user_id | reference | who calls
  model | fact | the model
  price_id | fact | its price
  plan_code | fact | the plan
  balance_ids | reference | the limits
  default_output_tokens | fact | output of calls that name no limit
  least_output_tokens | fact | least output that a call is cut to
  reasoning_default_output_tokens | fact | the default of calls that are to reason
  reasoning_least_output_tokens | fact | the least of calls that are to reason
  reasons_by_default | fact | whether the model reasons unless it is told otherwise
  hold_wait_seconds | fact | how long a call waits for room
  on_disconnect | fact | what becomes of a stream whose reader leaves
  valid_until | fact | until when it holds $$
);
call octroi_private.register_personal_table(
  'balance', 'account', 'how much of a limit is used', 'contract', 'as long as the usage it counts', '{}',
  'pseudonymise', 'it is the sum of retained usage', 'member', $reach$t.account_id = $2 and (
    t.scope = 'member' and t.subject = $1::text
    or t.scope = 'api_key' and t.subject in (select k.id::text from octroi_private.api_key as k where k.user_id = $1)
    or t.scope in ('account', 'model') and exists (
      select from octroi_private.account as a where a.id = $2 and a.owner_user_id = $1
    )
  )$reach$, null, array['id'], $$
  id | reference | the count
  account_id | reference | the account
  scope | fact | what the limit is on
  subject | reference | the member, key or model
  meter | fact | tokens, requests or cost
  period | fact | day, month or lifetime
  period_start | fact | the period
  resets_at | fact | its end
  included | fact | of the plan
  ceiling | fact | what a budget or the operator caps all of it at
  ceiling_by | fact | which of both
  allowed | fact | with grants
  granted | fact | the limit
  overage | fact | allowed beyond it
  carried | fact | brought along
  used | fact | used
  reserved | fact | held
  is_bound | fact | whether it binds
  from_grants | fact | covered by grants
  from_overage | fact | charged beyond
  alert_at | fact | where the next alert is
  set_off | fact | what works off a debt $$
);
call octroi_private.register_personal_table(
  'budget', 'account', 'limits that an account sets itself', 'contract', 'while the account is open', '{}', 'delete',
  null, 'member', $reach$t.account_id = $2 and (
    t.scope = 'member' and t.subject = $1::text
    or t.scope = 'api_key' and t.subject in (select k.id::text from octroi_private.api_key as k where k.user_id = $1)
    or t.scope in ('account', 'model') and exists (
      select from octroi_private.account as a where a.id = $2 and a.owner_user_id = $1
    )
  )$reach$, null, array['scope', 'subject', 'meter', 'period'], $$
  account_id | reference | the account
  scope | fact | what the limit is on
  subject | reference | the member, key or model
  meter | fact | tokens, requests or cost
  period | fact | day, month or lifetime
  amount | fact | how much
  created_at | fact | since when $$
);
call octroi_private.register_personal_table(
  'account_limit', 'account', 'limits that the operator sets on one account', 'contract', 'while the account is open',
  '{}', 'delete', null, 'owner', 't.account_id = $2', null, array['model', 'meter', 'period'], $$
  account_id | reference | the account
  model | fact | what the limit is on
  meter | fact | tokens, requests or cost
  period | fact | day, month or lifetime
  amount | fact | how much
  reason | fact | why
  created_at | fact | since when $$
);
call octroi_private.register_personal_table(
  'quota_grant', 'account', 'quota beyond the plan', 'contract', 'as long as its invoice', array['stripe'], 'keep',
  'it is what a payment bought', 'owner', 't.account_id = $2', null, array['id'], $$
  id | reference | the grant
  account_id | reference | the account
  meter | fact | tokens, requests or cost
  kind | fact | top-up, promo or rollover
  amount | fact | how much
  drawn | fact | used of it
  priority | fact | its turn
  starts_at | fact | from
  expires_at | fact | until
  ended_at | fact | ended before its time
  reason | content | why
  created_at | fact | since when
  revoked | fact | taken back
  source | reference | what paid for it $$
);
call octroi_private.register_personal_table(
  'quota_draw', 'account', 'which calls used a grant', 'contract', 'as long as the grant', '{}', 'keep',
  'it is how a purchase was used up', 'owner',
  't.grant_id in (select g.id from octroi_private.quota_grant as g where g.account_id = $2)', null,
  array['grant_id', 'request_id'], $$
  grant_id | reference | the grant
  request_id | reference | the call
  balance_id | reference | the limit
  amount | fact | how much
  drawn_at | fact | when $$
);
call octroi_private.register_personal_table(
  'revocation', 'account', 'what of a grant was taken back', 'contract', 'as long as the grant', '{}', 'keep',
  'it is the record of a refund', 'owner',
  't.grant_id in (select g.id from octroi_private.quota_grant as g where g.account_id = $2)', null, array['id'], $$
  id | reference | the entry
  grant_id | reference | the grant
  change | fact | how much more
  happened_at | fact | when $$
);
call octroi_private.register_personal_table(
  'overage_use', 'account', 'usage charged beyond the plan', 'contract', 'as long as its invoice', array['stripe'],
  'keep', 'it is what an invoice was made from', 'owner', 't.account_id = $2', null,
  array['occurred_at', 'balance_id', 'request_id'], $$
  balance_id | reference | the limit
  request_id | reference | the call
  account_id | reference | the account
  meter | fact | tokens, requests or cost
  event_name | fact | Stripe's meter
  amount | fact | how much
  occurred_at | fact | when
  report_id | reference | the report it went into $$
);
call octroi_private.register_personal_table(
  'overage_setting', 'account', 'whether usage may go on for money', 'contract', 'while the account is open', '{}',
  'delete', null, 'owner', 't.account_id = $2', null, array['account_id'], $$
  account_id | reference | the account
  is_on | fact | whether it may
  spend_cap_minor | fact | up to how much
  changed_at | fact | last changed $$
);
call octroi_private.register_personal_table(
  'refused_call', 'account', 'to say why calls were refused', 'contract', '30 days (setting)', '{}', 'delete', null,
  'owner', 't.account_id = $2', null, array['account_id', 'day', 'code'], $$
  account_id | reference | the account
  day | fact | UTC day
  code | fact | why
  status | fact | the HTTP status that it was answered with
  refusals | fact | how often
  last_refused_at | fact | last
  api_key_id | reference | with which key, then
  endpoint | fact | calling what
  model | fact | asking for which model
  scope | fact | the limit that was reached: what it is on
  meter | fact | tokens, requests or cost
  period | fact | month, day or lifetime
  granted | fact | how much it grants
  used | fact | how much was used
  held | fact | how much was held for calls under way $$
);

reset role;
