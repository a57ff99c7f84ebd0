-- The same facts for those who would rather select. Every view runs with its reader's rights, under RLS.
set role octroi_owner;

create view octroi.usage with (security_invoker = true) as
select
  e.id, e.account_id, e.user_id, e.api_key_id, e.endpoint, e.model, e.response_model, e.source, e.input_tokens,
  e.cached_input_tokens, e.cache_write_tokens, e.audio_input_tokens, e.output_tokens, e.reasoning_tokens,
  e.audio_output_tokens, e.total_tokens, e.cost_nano_usd, e.overrun_tokens, e.latency_ms, e.first_token_ms,
  e.occurred_at
from octroi_private.usage_event as e;
comment on view octroi.usage is
'Settled calls: the reader''s own, and all of the accounts they administer. cost_nano_usd is in billionths of a US dollar.';

create view octroi.usage_daily with (security_invoker = true) as
select
  d.account_id, d.user_id, d.day, d.model, d.requests, d.input_tokens, d.cached_input_tokens, d.output_tokens,
  d.reasoning_tokens, d.total_tokens, d.cost_nano_usd
from octroi_private.usage_daily as d;
comment on view octroi.usage_daily is 'usage by member, UTC day and model.';

create view octroi.quota with (security_invoker = true) as
select
  q.scope, q.subject, q.meter, q.period, q.granted, q.used, q.reserved, q.remaining, q.period_start, q.resets_at,
  q.plan
from octroi.my_quota() as q;
comment on view octroi.quota is 'my_quota() as a view.';

create view octroi.api_keys with (security_invoker = true) as
select k.id, k.account_id, k.user_id, k.name, k.key_prefix, k.allowed_models, k.created_at, k.expires_at, k.revoked_at
from octroi_private.api_key as k;
comment on view octroi.api_keys is 'Keys of the reader, and of the accounts they administer; never a secret or its hash.';

reset role;
