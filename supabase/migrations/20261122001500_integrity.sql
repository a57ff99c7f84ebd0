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
union all
select 'I1 a grant is drawn as its draws say', g.id::text, format('%s, draws %s', g.drawn, coalesce(d.amount, 0))
from octroi_private.quota_grant as g
left join (
  select w.grant_id, sum(w.amount) as amount from octroi_private.quota_draw as w group by w.grant_id
) as d on d.grant_id = g.id
where g.drawn <> coalesce(d.amount, 0)
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
        when 'api_key' then e.api_key_id::text when 'model' then e.model
      end
  ), '{}')
union all
select 'I8 row level security is on and forced for every table', c.oid::regclass::text, ''
from pg_catalog.pg_class as c
where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p')
  and not (c.relrowsecurity and c.relforcerowsecurity);
comment on view octroi_private.integrity is 'Violated invariants, one row each. Empty in a sound database.';

reset role;
