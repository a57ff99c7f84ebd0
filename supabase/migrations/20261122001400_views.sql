-- The same facts for those who would rather select. Every view runs with its reader's rights, under RLS.
set role octroi_owner;

create view octroi.usage with (security_invoker = true) as
select
  e.id, e.account_id, e.user_id, e.api_key_id, e.endpoint, e.model, e.response_model, e.source, e.input_tokens,
  e.cached_input_tokens, e.cache_write_tokens, e.audio_input_tokens, e.output_tokens, e.reasoning_tokens,
  e.audio_output_tokens, e.total_tokens, e.cost_nano_usd, e.overrun_tokens, e.latency_ms, e.first_token_ms,
  e.occurred_at, e.cache_write_12h_tokens
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
  q.plan, q.included, q.from_grants, q.overage, q.charged_above, q.set_by
from octroi.my_quota() as q;
comment on view octroi.quota is 'my_quota() as a view.';

create view octroi.api_keys with (security_invoker = true) as
select
  k.id, k.account_id, k.user_id, k.name, k.key_prefix, k.allowed_models, k.allowed_endpoints, k.created_at,
  k.expires_at, k.revoked_at, u.last_used_on, (
    select max(p.expires_at) from octroi_private.api_key_previous as p where p.api_key_id = k.id
  ) as previous_expires_at
from octroi_private.api_key as k
left join octroi_private.api_key_use as u on u.api_key_id = k.id;
comment on view octroi.api_keys is 'Keys of the reader, and of the accounts they administer; never a secret or its hash.';

create view octroi.budgets with (security_invoker = true) as
select b.account_id, b.scope, b.subject, b.meter, b.period, b.amount, b.created_at
from octroi_private.budget as b;
comment on view octroi.budgets is
'Limits that accounts set for themselves: all of the accounts the reader administers; of other teams of theirs what binds the reader.';

create view octroi.plans with (security_invoker = true) as
select
  p.plan, p.name, p.version, p.rank, p.currency, p.month_price_minor, p.year_price_minor, p.trial_days, p.seats,
  p.features, p.models, p.limits, p.overage, p.top_ups
from octroi_private.plans_on_sale() as p;
comment on view octroi.plans is 'Plans on sale. Prices are in the currency''s minor unit; models null means every priced one.';

create view octroi.top_up_packs with (security_invoker = true) as
select k.pack, k.name, k.meter, k.amount, k.price_minor, k.currency, k.expires_after_days, k.plans
from octroi_private.packs_on_sale() as k;
comment on view octroi.top_up_packs is 'Extra quota on sale, and to subscribers of which plans.';

create view octroi.top_ups with (security_invoker = true) as
select
  t.account_id, t.pack, t.meter, t.amount, t.drawn, t.revoked, t.remaining, t.paid_minor, t.currency, t.bought_at,
  t.expires_at
from octroi_private.my_top_ups() as t;
comment on view octroi.top_ups is 'Packs that the accounts the reader administers have bought, and what is left of them.';

create view octroi.invoices with (security_invoker = true) as
select
  i.account_id, i.id, i.status, i.total_minor, i.amount_paid_minor, i.currency, i.created_at, i.period_start,
  i.period_end, i.paid_at, i.number, i.subtotal_minor, i.tax_minor, i.lines, i.hosted_url, i.pdf_url
from octroi_private.my_invoices() as i;
comment on view octroi.invoices is 'Invoices of the accounts the reader administers, as Stripe has them.';

create view octroi.billing_requests with (security_invoker = true) as
select
  r.id, r.account_id, r.kind, r.state, octroi_private.my_billing_url(r.id) as url, r.error, r.message, r.created_at,
  r.finished_at
from octroi_private.billing_request as r;
comment on view octroi.billing_requests is 'What was asked of Stripe for the accounts the reader administers, and what became of it.';

create view octroi.alerts with (security_invoker = true) as
select
  a.account_id, a.scope, a.subject, a.meter, a.threshold, a.used, a.granted, a.period_start, a.resets_at, a.raised_at,
  a.cleared_at
from octroi_private.alert as a;
comment on view octroi.alerts is 'Thresholds that were reached: the reader''s own, and those of the accounts they administer.';

reset role;
