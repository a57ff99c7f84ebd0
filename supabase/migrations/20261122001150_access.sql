-- From what Stripe has to what an account may use. One function says what is paid for, from the mirrors alone, so that
-- every order of events ends in the same place; another brings the running plan in line with it.
--
--   status               may use
--   trialing             the plan, until the trial ends
--   active               the plan for as long as an invoice for it is paid; a renewal is trusted for
--                        renewal_grace_seconds, or for payment_grace_seconds while its payment is under way or we keep
--                        its draft
--   past_due             what is paid already, and nothing after it
--   incomplete, unpaid, paused, canceled, incomplete_expired, being cancelled: the default plan
--
-- A yearly plan is billed by the year and refreshed by the month: months are counted from the subscription's anchor.
set role octroi_owner;

-- What was given back of a payment, by refund or dispute.
create function octroi_private.taken_back(p_payment_intent_id text)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select (
      coalesce((
        select sum(r.amount_minor)
        from octroi_private.stripe_charge as c
        join octroi_private.stripe_refund as r on r.charge_id = c.id and r.status = 'succeeded'
        where c.payment_intent_id = p_payment_intent_id
      ), 0)
      + coalesce((
        select sum(d.amount_minor)
        from octroi_private.stripe_dispute as d
        -- the money is gone from the moment it is disputed until the dispute is won
        where d.payment_intent_id = p_payment_intent_id and d.status in ('needs_response', 'under_review', 'lost')
      ), 0)
    )::bigint
  );
end
$$;

-- Invoices of plans that are paid, line by line, without those whose money went back whole. Time that a later one
-- credited, as an upgrade does, is not paid any more.
create function octroi_private.paid_lines(p_subscription_id text)
returns table (invoice_id text, line_id text, plan_version_id bigint, period_start timestamptz, period_end timestamptz)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with line as materialized (
    select i.created_at, l.*, p.plan_version_id
    from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
    join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
    join octroi_private.plan_price as p on p.lookup_key = c.key
    where i.subscription_id = p_subscription_id and i.status = 'paid'
      and (i.amount_paid_minor = 0 or i.amount_paid_minor > coalesce((
        select sum(octroi_private.taken_back(y.payment_intent_id))
        from octroi_private.stripe_invoice_payment as y
        where y.invoice_id = i.id
      ), 0))
  )
  select l.invoice_id::text, l.id::text, l.plan_version_id, l.period_start, least(l.period_end, credit.since)
  from line as l
  cross join lateral (
    select min(c.period_start) as since
    from line as c
    where c.price_id = l.price_id and c.is_proration and c.amount_minor < 0
      and c.period_start < l.period_end and c.period_end > l.period_start
      -- what is bought again from the moment of the credit on is not credited by it
      and (c.period_start > l.period_start and c.created_at >= l.created_at or c.created_at > l.created_at)
  ) as credit
  where l.amount_minor >= 0 and (credit.since is null or credit.since > l.period_start);
end
$$;

-- Whether the payment of an open invoice may still arrive, as long as its subscription is active. A direct debit is
-- tried once and takes up to two weeks and more: the invoice is open meanwhile, without another try in sight. A failure
-- makes the subscription past_due.
create function octroi_private.is_payment_under_way(p_invoice octroi_private.stripe_invoice)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select p_invoice.attempt_count = 0 or p_invoice.attempt_count = 1 and p_invoice.next_attempt_at is null
$$;

-- How long a plan that was paid for until p_paid_until is trusted to be renewed.
create function octroi_private.grace_of(
  p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, p_paid_until timestamptz
)
returns interval
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_setting octroi_private.billing_setting;
begin
  if p_subscription.status not in ('trialing', 'active') or octroi_private.is_ending(p_subscription)
    or p_subscription.is_paused then
    return interval '0';
  end if;
  select s.* into v_setting from octroi_private.billing_setting as s;
  return make_interval(secs => case when p_subscription.status = 'active' and exists (
    select from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l
      on l.invoice_id = i.id and l.period_start <= p_paid_until and l.period_end > p_paid_until
    join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
    join octroi_private.plan_price as p on p.lookup_key = c.key and p.plan_version_id = p_plan_version_id
    where i.subscription_id = p_subscription.id and l.amount_minor >= 0 and case i.status
      when 'open' then octroi_private.is_payment_under_way(i)
      when 'draft' then exists (select from octroi_private.billing_cycle as b where b.invoice_id = i.id)
    end
  ) then greatest(v_setting.payment_grace_seconds, v_setting.renewal_grace_seconds)
  else v_setting.renewal_grace_seconds end);
end
$$;

-- Until when a plan is paid for, or tried; where that is over, until when it or a better one was: what a downgrade
-- comes after is trusted like any renewal.
create function octroi_private.covered_until(
  p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint,
  out until timestamptz, out is_paid boolean
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_better_until timestamptz;
begin
  select
    greatest(
      max(p.period_end) filter (where p.plan_version_id = p_plan_version_id),
      case when p_subscription.status = 'trialing' then p_subscription.trial_ends_at end
    ),
    max(p.period_end) filter (where n.rank >= own.rank)
  into until, v_better_until
  from octroi_private.paid_lines(p_subscription.id) as p
  join octroi_private.plan_version as v on v.id = p.plan_version_id
  join octroi_private.plan as n on n.code = v.plan_code
  left join (
    select o.rank
    from octroi_private.plan as o
    join octroi_private.plan_version as w on w.plan_code = o.code
    where w.id = p_plan_version_id
  ) as own on true;
  is_paid := coalesce(until > octroi_private.now(), false);
  until := case when is_paid then until else greatest(until, v_better_until) end;
end
$$;

-- What an account has paid for now; no row when nothing.
create function octroi_private.access_of(p_account_id uuid)
returns table (
  stripe_subscription_id text, plan_version_id bigint, anchor_at timestamptz, granted_until timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with live as (
    select s as subscription, s.id, s.anchor_at, base.plan_version_id, octroi_private.now() as at
    from octroi_private.stripe_customer as c
    join octroi_private.stripe_subscription as s on s.customer_id = c.id
    left join lateral (
      select p.plan_version_id
      from octroi_private.stripe_subscription_item as i
      join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
      join octroi_private.plan_price as p on p.lookup_key = k.key
      where i.subscription_id = s.id
      order by p.plan_version_id desc
      limit 1
    ) as base on true
    where c.account_id = p_account_id and not c.is_deleted and not s.is_closing
      and s.status in ('trialing', 'active', 'past_due')
  ),
  granted as (
    -- the plan that the subscription is on now, as far as it is paid, or tried; last, as far as it is trusted
    select l.id, l.plan_version_id, l.anchor_at, l.at,
      c.until + octroi_private.grace_of(l.subscription, l.plan_version_id, c.until) as until,
      case when c.is_paid then 1 else 3 end as choice
    from live as l
    cross join lateral octroi_private.covered_until(l.subscription, l.plan_version_id) as c
    union all
    -- another one that was paid for this very time: an upgrade that is not paid yet, a downgrade seen half
    select l.id, p.plan_version_id, l.anchor_at, l.at, p.period_end, 2
    from live as l
    cross join lateral (
      select d.plan_version_id, d.period_end
      from octroi_private.paid_lines(l.id) as d
      where d.plan_version_id is distinct from l.plan_version_id and d.period_start <= l.at and d.period_end > l.at
      order by d.period_start desc, d.plan_version_id desc
      limit 1
    ) as p
  )
  select best.id::text, best.plan_version_id, best.anchor_at, best.until
  from (
    select distinct on (g.id) g.*
    from granted as g
    where g.until > g.at
    order by g.id, g.choice
  ) as best
  join octroi_private.plan_version as v on v.id = best.plan_version_id
  join octroi_private.plan as n on n.code = v.plan_code
  -- of two subscriptions, which nobody needs, the better one counts
  order by n.rank desc, best.until desc, best.id
  limit 1;
end
$$;

-- Brings the running plan of an account in line with what it has paid for. What an operator gave stays until something
-- is paid for; what was paid for and is over gives way to the default plan, in the same months.
create function octroi_private.sync_access(p_account_id uuid)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_has octroi_private.subscription;
  v_access record;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select s.* into v_has from octroi_private.subscription as s where s.account_id = p_account_id and s.ended_at is null;
  select a.* into v_access from octroi_private.access_of(p_account_id) as a;
  if v_access.stripe_subscription_id is null then
    if v_has.stripe_subscription_id is null then
      return 'unchanged';
    end if;
    update octroi_private.subscription set ended_at = greatest(v_now, started_at) where id = v_has.id;
    insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
    select p_account_id, v.id, v_has.anchor_at, greatest(v_now, v_has.started_at)
    from octroi_private.plan as p
    join octroi_private.plan_version as v on v.plan_code = p.code
    where p.is_default
    order by v.version desc
    limit 1;
    return 'ended';
  end if;
  if (v_has.stripe_subscription_id, v_has.plan_version_id, v_has.anchor_at)
    is not distinct from (v_access.stripe_subscription_id, v_access.plan_version_id, v_access.anchor_at)
  then
    if v_has.granted_until = v_access.granted_until then
      return 'unchanged';
    end if;
    update octroi_private.subscription set granted_until = v_access.granted_until where id = v_has.id;
    return 'extended';
  end if;
  update octroi_private.subscription set ended_at = greatest(v_now, started_at) where id = v_has.id;
  insert into octroi_private.subscription (
    account_id, plan_version_id, anchor_at, started_at, stripe_subscription_id, granted_until
  )
  values (
    p_account_id, v_access.plan_version_id, v_access.anchor_at, greatest(v_now, v_has.started_at),
    v_access.stripe_subscription_id, v_access.granted_until
  );
  return 'changed';
end
$$;
comment on function octroi_private.sync_access(uuid) is
'Gives an account the plan it has paid for: unchanged, extended, changed or ended. Whoever asks, and however often.';

-- Whether overage may happen follows from the status (is_overage_billed).
create function octroi_private.void_entitlements_of_customer()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.account_of_customer(new.customer_id);
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  delete from octroi_private.entitlement as e where e.account_id = v_account_id;
  return null;
end
$$;
create trigger stripe_subscription_voids after update of status, is_paused on octroi_private.stripe_subscription
for each row when (old.status <> new.status or old.is_paused <> new.is_paused)
execute function octroi_private.void_entitlements_of_customer();

-- Plans whose paid time is over give way, also where nobody calls. Never waits: the sweep holds balances.
create function octroi_private.lapse_plans(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
  v_lapsed bigint := 0;
begin
  for v_account_id in
    select a.id
    from octroi_private.subscription as s
    join octroi_private.account as a on a.id = s.account_id
    where s.ended_at is null and s.granted_until < 'infinity' and s.granted_until <= octroi_private.now()
    order by s.granted_until
    limit p_max_rows
    for no key update of a skip locked
  loop
    perform octroi_private.sync_access(v_account_id);
    v_lapsed := v_lapsed + 1;
  end loop;
  return v_lapsed;
end
$$;

reset role;
