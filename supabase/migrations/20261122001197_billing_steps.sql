-- What must be true before a subscription ends or begins a new cycle at once, since Stripe bills with that call what
-- was used: nothing more is used for money, what runs has ended, and what was used beyond the plan is at Stripe.
set role octroi_owner;

-- Brings what an account used to Stripe; how many seconds to wait before asking again, 0 when all of it is there and
-- dated in the past. Usage of a cycle's first minute is dated at its end, and bills nothing before that.
create function octroi_private.settle_account(p_account_id uuid, p_before timestamptz)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wait integer := octroi_private.flush_account(p_account_id, p_before);
begin
  if v_wait = 0 then
    select coalesce(ceil(extract(epoch from max(r.usage_at) - octroi_private.now())) + 1, 0)::integer into v_wait
    from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.state = 'accepted' and r.usage_at >= octroi_private.now();
  end if;
  return v_wait;
end
$$;

-- How far the cancelling of a subscription at once has come. The last invoice is made by the cancelling itself.
create function octroi_private.cancel_step(p_id uuid)
returns table (action text, wait_seconds integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
  v_subscription octroi_private.stripe_subscription;
  v_wait integer;
begin
  select r.account_id into v_account_id
  from octroi_private.billing_request as r
  where r.id = p_id and r.kind = 'cancel' and r.state = 'pending';
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if v_subscription.id is null then
    return query select 'done', 0;
    return;
  end if;
  if not v_subscription.is_closing then
    perform from octroi_private.account as a where a.id = v_account_id for no key update;
    update octroi_private.stripe_subscription set is_closing = true where id = v_subscription.id;
    perform octroi_private.sync_access(v_account_id);
  end if;
  v_wait := octroi_private.settle_account(v_account_id, 'infinity');
  return query select case when v_wait = 0 then 'cancel' else 'wait' end, v_wait;
end
$$;
comment on function octroi_private.cancel_step(uuid) is
'What to do next to cancel a subscription at once: wait so many seconds, cancel, or done.';

-- Ends what an account may use beyond its plan for money, until the plan that it has now gives way to another; since
-- when. Calls under way decide before or after this, never meanwhile: they hold the balances.
create function octroi_private.close_overage(p_account_id uuid)
returns timestamptz
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_closed_at timestamptz;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select s.overage_closed_at into v_closed_at
  from octroi_private.subscription as s where s.account_id = p_account_id and s.ended_at is null;
  if v_closed_at is not null then
    return v_closed_at;
  end if;
  perform octroi_private.lock_balances(p_account_id, octroi_private.anchor_of(p_account_id), octroi_private.now());
  update octroi_private.subscription as s set overage_closed_at = octroi_private.now()
  where s.account_id = p_account_id and s.ended_at is null
  returning s.overage_closed_at into v_closed_at;
  perform octroi_private.open_balances(p_account_id);
  return v_closed_at;
end
$$;

create function octroi_private.reopen_overage(p_account_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  update octroi_private.subscription as s set overage_closed_at = null
  where s.account_id = p_account_id and s.ended_at is null and s.overage_closed_at is not null;
end
$$;

-- What Stripe must have counted in the cycles of an account that still run.
create function octroi_private.reported_windows(p_account_id uuid)
returns table (
  key text, event_name text, customer_id text, window_start timestamptz, window_end timestamptz, reported bigint
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select w.balance_id || ':' || w.event_name, w.event_name, w.customer_id, w.window_start, w.window_end, (
    select sum(r.value)
    from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.customer_id = w.customer_id and r.event_name = w.event_name
      and r.state = 'accepted' and r.usage_at >= w.window_start and r.usage_at < w.window_end
  )::bigint
  from (
    select distinct r.balance_id, r.event_name, r.customer_id, r.window_start, r.window_end
    from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.state = 'accepted' and r.window_end > octroi_private.now()
  ) as w
$$;

-- How far a change that begins a new cycle has come. The invoice of the old one is final with the change: nobody holds
-- it until Stripe has counted, so that is waited for before.
create function octroi_private.change_step(p_id uuid, p_totals jsonb)
returns table (action text, wait_seconds integer, windows jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
  v_closed_at timestamptz;
  v_wait integer;
  v_total record;
  v_action text;
begin
  select r.account_id into v_account_id
  from octroi_private.billing_request as r
  where r.id = p_id and r.kind = 'change_plan' and r.state = 'pending';
  if v_account_id is null then
    return query select 'done', 0, '[]'::jsonb;
    return;
  end if;
  v_closed_at := octroi_private.close_overage(v_account_id);
  v_wait := octroi_private.settle_account(v_account_id, v_closed_at);
  select
    coalesce(jsonb_agg(jsonb_build_object(
      'key', w.key, 'meter_id', octroi_private.stripe_id_of(w.event_name), 'customer', w.customer_id,
      'start_s', extract(epoch from w.window_start)::bigint, 'end_s', extract(epoch from w.window_end)::bigint
    ) order by w.key), '[]') as windows,
    count(w.key) > 0 and not coalesce(p_totals operator(pg_catalog.?&) array_agg(w.key), false) as is_to_ask,
    coalesce(bool_or((p_totals ->> w.key)::bigint > w.reported), false) as is_over,
    coalesce(bool_or((p_totals ->> w.key)::bigint < w.reported), false) as is_short
  into v_total
  from octroi_private.reported_windows(v_account_id) as w;
  v_action := case
    when v_wait > 0 then 'wait'
    when v_total.is_to_ask then 'compare'
    -- more than was ever told, or still less after a day: people look at it, and no machine charges for it
    when v_total.is_over or v_total.is_short and v_closed_at <= octroi_private.now() - interval '1 day' then 'disputed'
    when v_total.is_short then 'wait'
    else 'change'
  end;
  -- Stripe counts meter events some time after it took them
  return query
  select v_action, case when v_action = 'wait' then coalesce(nullif(v_wait, 0), 5) else 0 end, v_total.windows;
end
$$;
comment on function octroi_private.change_step(uuid, jsonb) is
'What to do next before a change of plan that begins a new billing cycle: wait so many seconds, compare (tell Stripe''s totals of these windows), change, disputed, or done.';

reset role;
