-- Every promise about money that can be checked from the rows. Empty, always: after every test, in a crash drill, and
-- as a job in production. Invariants are numbered as in the reliability reference.
set role octroi_owner;

create view octroi_private.integrity with (security_invoker = true) as
select 'I2 a settled call has one usage event' as violated, r.id::text as subject, '' as detail
from octroi_private.request as r
left join octroi_private.usage_event as e on e.id = r.id and e.occurred_at = r.started_at
where (r.state = 'settled') <> (e.id is not null)
union all
select 'I2 a call is charged no more than its hold', e.id::text,
  format('%s of %s', e.total_tokens - e.overrun_tokens, r.hold_tokens)
from octroi_private.usage_event as e
join octroi_private.request as r on r.id = e.id
where e.total_tokens - e.overrun_tokens > r.hold_tokens
  or e.cost_nano_usd - e.overrun_cost_nano_usd > r.hold_cost_nano_usd
union all
select 'I3 used and reserved stay within the limit', b.id::text,
  format('%s + %s of %s + %s', b.used, b.reserved, b.granted, b.overage)
from octroi_private.balance as b
where b.used + b.reserved > b.granted + b.overage or b.reserved < 0 or b.used < 0
union all
select 'I3 reserved is the sum of the open holds', b.id::text, format('%s, holds %s', b.reserved, coalesce(h.amount, 0))
from octroi_private.balance as b
left join (
  select held.balance_id, sum(held.amount) as amount
  from octroi_private.request as r
  cross join lateral unnest(r.balance_ids, r.hold_amounts) as held (balance_id, amount)
  where r.state = 'open'
  group by held.balance_id
) as h on h.balance_id = b.id
where b.reserved <> coalesce(h.amount, 0)
union all
select 'I1 used is the sum of the charged usage', b.id::text,
  format('%s, events %s', b.used, b.carried + coalesce(u.amount, 0))
from octroi_private.balance as b
left join (
  select c.id, sum(case c.meter
    when 'tokens' then e.total_tokens - e.overrun_tokens
    when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
    else 1 - e.overrun_requests
  end) as amount
  from octroi_private.usage_event as e
  cross join lateral unnest(e.balance_ids) as bound (id)
  join octroi_private.balance as c on c.id = bound.id
  group by c.id
) as u on u.id = b.id
where b.used <> b.carried + coalesce(u.amount, 0)
  -- months whose time is over are dropped, and nothing can be compared with them any more
  and b.period_start >= octroi_private.usage_kept_since()
union all
select 'I1 the daily rollup is the sum of the events', coalesce(d.account_id, e.account_id)::text,
  coalesce(d.day, e.day)::text
from octroi_private.usage_daily as d
full join (
  select
    v.account_id, v.user_id, (v.occurred_at at time zone 'utc')::date as day, v.model, count(*) as requests,
    sum(v.total_tokens) as total_tokens, sum(v.cost_nano_usd) as cost_nano_usd
  from octroi_private.usage_event as v
  group by v.account_id, v.user_id, (v.occurred_at at time zone 'utc')::date, v.model
) as e on e.account_id = d.account_id and e.user_id = d.user_id and e.day = d.day and e.model = d.model
where (d.requests, d.total_tokens, d.cost_nano_usd) is distinct from (e.requests, e.total_tokens, e.cost_nano_usd)
  and coalesce(d.day, e.day) >= (octroi_private.usage_kept_since() at time zone 'utc')::date
union all
select 'I1 a grant is drawn as its draws say', g.id::text, format('%s, draws %s', g.drawn, coalesce(d.amount, 0))
from octroi_private.quota_grant as g
left join (
  select w.grant_id, sum(w.amount) as amount from octroi_private.quota_draw as w group by w.grant_id
) as d on d.grant_id = g.id
where g.drawn <> coalesce(d.amount, 0)
union all
select 'I1 a balance knows what grants and overage covered', b.id::text,
  format(
    'grants %s of %s, overage %s of %s', b.from_grants, coalesce(d.amount, 0), b.from_overage, coalesce(o.amount, 0)
  )
from octroi_private.balance as b
left join (
  select w.balance_id, sum(w.amount) as amount from octroi_private.quota_draw as w group by w.balance_id
) as d on d.balance_id = b.id
left join (
  select u.balance_id, sum(u.amount) as amount from octroi_private.overage_use as u group by u.balance_id
) as o on o.balance_id = b.id
where b.from_grants <> coalesce(d.amount, 0) or b.from_overage <> coalesce(o.amount, 0)
union all
select 'I6 a meter report says what its calls used', r.id::text, format('%s, calls %s', r.value, coalesce(u.amount, 0))
from octroi_private.meter_report as r
left join (
  select w.report_id, sum(w.amount) as amount from octroi_private.overage_use as w
  where w.report_id is not null
  group by w.report_id
) as u on u.report_id = r.id
where coalesce(u.amount, 0) <> case when r.state = 'replaced' then 0 else r.value end
union all
select 'I7 an account has the plan that it has paid for', r.account_id::text,
  format(
    'has %s until %s, paid for %s until %s', r.plan_version_id, r.granted_until, a.plan_version_id, a.granted_until
  )
from octroi_private.subscription as r
join octroi_private.stripe_customer as c on c.account_id = r.account_id and not c.is_deleted
left join lateral octroi_private.access_of(r.account_id) as a on true
where r.ended_at is null
  -- what is over is found at the next call, or by the sweep
  and r.granted_until > octroi_private.now()
  and coalesce(r.stripe_subscription_id, a.stripe_subscription_id) is not null
  and (r.stripe_subscription_id, r.plan_version_id, r.anchor_at, r.granted_until)
  is distinct from (a.stripe_subscription_id, a.plan_version_id, a.anchor_at, a.granted_until)
union all
select 'I10 a pack that is paid was granted', p.source, c.account_id::text
from octroi_private.stripe_customer as c
cross join lateral octroi_private.paid_packs(c.id) as p
where c.account_id is not null and p.quantity between 1 and 100
  and not exists (select from octroi_private.quota_grant as g where g.source = p.source)
union all
select 'I10 money that went back took its part of the grant along', g.id::text,
  format('%s of %s, %s of %s went back', g.revoked, g.amount, back.amount, t.paid_minor)
from octroi_private.top_up as t
join octroi_private.quota_grant as g on g.id = t.grant_id
cross join lateral (
  select least(octroi_private.taken_back(t.payment_intent_id), t.paid_minor) as amount
) as back
where g.revoked <> div(g.amount::numeric * back.amount, greatest(t.paid_minor, 1))
union all
select 'I10 each reversal is on record', g.id::text, format('%s, record %s', g.revoked, coalesce(r.change, 0))
from octroi_private.quota_grant as g
left join (
  select v.grant_id, sum(v.change) as change from octroi_private.revocation as v group by v.grant_id
) as r on r.grant_id = g.id
where g.revoked <> coalesce(r.change, 0)
union all
select 'I4 no hold outlives its time by five minutes', r.id::text, r.expires_at::text
from octroi_private.request as r
where r.state = 'open' and r.expires_at < octroi_private.now() - interval '5 minutes'
union all
select 'I5 a usage event names a price that was valid', e.id::text, e.price_id::text
from octroi_private.usage_event as e
left join octroi_private.model_price as p
  on p.id = e.price_id and p.valid operator(pg_catalog.@>) e.occurred_at
where p.id is null
union all
select 'I6 a call is billed once', e.id::text, count(*)::text
from octroi_private.usage_event as e
group by e.id
having count(*) > 1
union all
select 'I3 an entitlement names every balance that binds it', e.user_id::text, e.model
from octroi_private.entitlement as e
join octroi_private.model_price as p on p.id = e.price_id
where e.valid_until > octroi_private.now()
  and e.balance_ids is distinct from coalesce((
    select array_agg(b.id order by b.id)
    from octroi_private.balance as b
    join octroi_private.limit_in_force as l
      on l.account_id = b.account_id and l.scope = b.scope and l.subject = b.subject
      and l.meter = b.meter and l.period = b.period
    where b.is_bound and b.account_id = e.account_id and b.resets_at > octroi_private.now()
      and b.period_start <= octroi_private.now()
      and b.subject = case b.scope
        when 'account' then '' when 'member' then e.user_id::text
        when 'api_key' then e.api_key_id::text
        when 'model' then case b.subject when e.model then e.model else p.model end
      end
  ), '{}')
union all
select 'I8 row level security is on and forced for every table', c.oid::regclass::text, ''
from pg_catalog.pg_class as c
where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p')
  and not (c.relrowsecurity and c.relforcerowsecurity);
comment on view octroi_private.integrity is 'Violated invariants, one row each. Empty in a sound database.';

reset role;
