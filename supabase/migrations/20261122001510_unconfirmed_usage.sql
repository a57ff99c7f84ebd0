-- What the provider may have billed and nobody was charged: the operator's difference.
set role octroi_owner;

create view octroi_private.unconfirmed_usage with (security_invoker = true) as
select
  r.id as request_id,
  r.account_id,
  r.model,
  -- estimated: the stream was cancelled or broke off, or the answer told no usage; expired: it was never settled
  coalesce(e.source::text, r.state::text) as source,
  coalesce(e.total_tokens - e.overrun_tokens, 0) as charged_tokens,
  greatest(r.hold_tokens - coalesce(e.total_tokens, 0), 0) as unconfirmed_tokens,
  greatest(r.hold_cost_nano_usd - coalesce(e.cost_nano_usd, 0), 0) as unconfirmed_cost_nano_usd,
  r.started_at
from octroi_private.request as r
left join octroi_private.usage_event as e on e.id = r.id and e.occurred_at = r.started_at
where e.source = 'estimated' or r.state = 'expired';
comment on view octroi_private.unconfirmed_usage is
'Calls whose usage the provider never told: what was charged, and what it may have billed beyond that at most, the rest of the hold. As long as requests are kept.';

reset role;
