-- Everything about billing that waits for an operator: what no machine puts right, or may.
set role octroi_owner;

-- Metered prices of a running plan that are not on its subscription: Stripe counts the usage and charges nobody for it.
-- That is what a plan switched at Stripe's own pages leaves behind.
create function octroi_private.missing_items()
returns table (subscription_id text, meter text, lookup_key text, since timestamptz)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.id, o.meter, o.lookup_key, r.started_at
  from octroi_private.subscription as r
  join octroi_private.stripe_subscription as s
    on s.id = r.stripe_subscription_id and s.status not in ('canceled', 'incomplete_expired')
  join octroi_private.plan_overage as o on o.plan_version_id = r.plan_version_id
  where r.ended_at is null and not exists (
    select from octroi_private.stripe_subscription_item as i
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    where i.subscription_id = s.id and k.key = o.lookup_key
  )
$$;

create function octroi_private.billing_troubles()
returns table (kind text, subject text, since timestamptz, detail text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.kind, t.subject, t.since, t.detail
  from (
    select 'event' as kind, e.id::text as subject, e.received_at as since,
      coalesce(e.reason, 'not handled after an hour') as detail
    from octroi_private.stripe_event as e
    where e.state = 'quarantined' or e.state = 'queued' and e.received_at <= octroi_private.now() - interval '1 hour'
    union all
    select o.kind, o.id, o.applied_at, o.problem from octroi_private.stripe_object as o where o.problem is not null
    union all
    select 'meter_report', r.id::text, r.changed_at, concat_ws(': ', r.state, r.detail)
    from octroi_private.meter_report as r
    where r.state in ('rejected', 'disputed')
      or r.state = 'written_off' and r.changed_at > octroi_private.now() - interval '35 days'
      or r.state in ('pending', 'sending', 'unknown') and r.created_at <= octroi_private.now() - interval '1 day'
    union all
    select 'billing_cycle', c.invoice_id, c.opened_at, concat_ws(': ', c.state, c.detail)
    from octroi_private.billing_cycle as c
    where c.state = 'disputed' or c.state <> 'closed' and c.opened_at <= octroi_private.now() - interval '1 day'
    union all
    select 'subscription', m.subscription_id, m.since,
      format('lacks the price %s: %s beyond the plan are not invoiced', m.lookup_key, m.meter)
    from octroi_private.missing_items() as m
    union all
    select 'account', c.account_id::text, max(s.created_at), format('%s subscriptions are alive', count(*))
    from octroi_private.stripe_customer as c
    join octroi_private.stripe_subscription as s
      on s.customer_id = c.id and s.status in ('trialing', 'active', 'past_due')
    where c.account_id is not null
    group by c.account_id
    having count(*) > 1
    union all
    select 'job', j.kind || ' ' || j.id, j.finished_at, j.last_error
    from octroi_private.job as j
    where j.state = 'dead' and j.finished_at > octroi_private.now() - interval '35 days'
      and j.kind in (
        'sync_stripe_object', 'send_meter_report', 'close_cycle', 'read_meter_errors', 'send_mail',
        'run_billing_request'
      )
  ) as t
  order by t.since desc
  limit 1000
$$;
comment on function octroi_private.billing_troubles() is 'What about billing no machine will put right.';

reset role;
