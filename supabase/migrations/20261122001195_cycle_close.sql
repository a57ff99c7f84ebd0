-- The end of a billing cycle. Stripe drafts the invoice and counts meter events into it until it is finalised, so the
-- draft is held until everything used in its period has ended, been reported and been counted; then it is let go.
--
--   opened ─hold─► held ─flush─► flushed ─compare─► compared ─finalise─► finalised ─drop_items─► closed
--                                   └─► disputed: Stripe counts more than the ledger; no machine charges for that
--
-- The worker asks for the next step and reports what it did; a crash anywhere asks again, and the sweep asks for drafts
-- that nobody asks about.
set role octroi_owner;

create table octroi_private.billing_cycle (
  invoice_id octroi_private.stripe_id primary key,
  account_id uuid not null references octroi_private.account (id),
  customer_id text not null,
  subscription_id text,
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end >= period_start),
  state text not null default 'opened' check (state in (
    'opened', 'held', 'flushed', 'compared', 'finalised', 'closed', 'disputed'
  )),
  -- Stripe counted less than the ledger since then; it counts behind its back
  short_since timestamptz,
  detail text check (length(detail) <= 500),
  opened_at timestamptz not null,
  changed_at timestamptz not null
);
comment on table octroi_private.billing_cycle is 'An invoice for metered usage, from draft to finalised.';
create index billing_cycle_account on octroi_private.billing_cycle (account_id, period_end);
create index billing_cycle_running on octroi_private.billing_cycle (changed_at) where state <> 'closed';

create function octroi_private.is_closed_for(p_account_id uuid, p_at timestamptz)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from octroi_private.billing_cycle as c
    where c.account_id = p_account_id and c.period_start <= p_at and c.period_end > p_at
      and c.state in ('compared', 'finalised', 'closed')
  )
$$;

-- The metered lines of an invoice, with what the ledger has for each, in the window that Stripe is to be asked about;
-- apart from that, what was written off.
create function octroi_private.cycle_windows(p_invoice_id text)
returns table (
  key text, event_name text, window_start timestamptz, window_end timestamptz, ledger bigint, written_off bigint
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    l.id, o.event_name, octroi_private.whole_minute(l.period_start, true),
    -- nothing follows the last period of a subscription that has ended, so its last minute may be counted whole
    octroi_private.whole_minute(l.period_end, s.status is not distinct from 'canceled'), used.ledger, used.written_off
  from octroi_private.stripe_invoice as i
  join octroi_private.stripe_customer as c on c.id = i.customer_id
  join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
  join octroi_private.stripe_catalogue as k on k.stripe_id = l.price_id
  join octroi_private.plan_overage as o on o.lookup_key = k.key
  left join octroi_private.stripe_subscription as s on s.id = i.subscription_id
  cross join lateral (
    select
      coalesce(sum(u.amount) filter (where r.state is distinct from 'written_off'), 0)::bigint as ledger,
      coalesce(sum(u.amount) filter (where r.state = 'written_off'), 0)::bigint as written_off
    from octroi_private.overage_use as u
    join octroi_private.balance as b on b.id = u.balance_id
    left join octroi_private.meter_report as r on r.id = u.report_id
    where u.account_id = c.account_id and u.event_name = o.event_name
      and b.period_start < l.period_end and b.resets_at > l.period_start
      and u.occurred_at >= l.period_start - interval '1 minute' and u.occurred_at < l.period_end + interval '1 minute'
      -- Stripe bills usage by its date, also where a new cycle began early
      and (r.id is null or r.usage_at >= l.period_start and r.usage_at < l.period_end)
  ) as used
  where i.id = p_invoice_id
$$;

-- Takes up the drafts of a customer that charge for usage.
create function octroi_private.open_cycles(p_account_id uuid, p_customer_id text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_opened integer;
begin
  with draft as (
    select i.id, i.subscription_id, min(l.period_start) as period_start, max(l.period_end) as period_end
    from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = l.price_id and k.object = 'metered_price'
    where i.customer_id = p_customer_id and i.status = 'draft'
    group by i.id, i.subscription_id
  ),
  opened as (
    insert into octroi_private.billing_cycle (
      invoice_id, account_id, customer_id, subscription_id, period_start, period_end, opened_at, changed_at
    )
    select d.id, p_account_id, p_customer_id, d.subscription_id, d.period_start, d.period_end, v_now, v_now
    from draft as d
    on conflict (invoice_id) do nothing
    returning invoice_id
  ),
  queued as (
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    select 'close_cycle', jsonb_build_object('invoice_id', o.invoice_id), v_now, 100 from opened as o
  )
  select count(*) into v_opened from opened;
  return v_opened;
end
$$;

-- Brings everything an account used before an instant to Stripe; how many seconds to wait before asking again, 0 when
-- nothing is under way any more.
create function octroi_private.flush_account(p_account_id uuid, p_before timestamptz)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_first_expiry timestamptz;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select min(r.expires_at) into v_first_expiry
  from octroi_private.request as r
  where r.state = 'open' and r.account_id = p_account_id and r.started_at < p_before;
  -- a running call settles, or its time runs out and the sweep takes its hold back
  if v_first_expiry is not null then
    return greatest(least(ceil(extract(epoch from v_first_expiry - v_now)), 15), 1)::integer;
  end if;
  perform octroi_private.make_meter_reports(p_account_id);
  return case when exists (
    select from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.state in ('pending', 'sending', 'unknown') and r.window_start < p_before
  ) or exists (
    select from octroi_private.overage_use as u
    join octroi_private.stripe_customer as c on c.account_id = u.account_id and not c.is_deleted
    where u.account_id = p_account_id and u.report_id is null and u.occurred_at < p_before
  ) then 2 else 0 end;
end
$$;

-- Metered prices of plans that a subscription has left behind.
create function octroi_private.left_items(p_subscription_id text)
returns text []
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(i.id::text order by i.id)
  from octroi_private.stripe_subscription_item as i
  join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
  join octroi_private.plan_overage as o on o.lookup_key = k.key
  join octroi_private.stripe_subscription as s on s.id = i.subscription_id
  where i.subscription_id = p_subscription_id and s.status not in ('canceled', 'incomplete_expired')
    and not exists (
      select from octroi_private.stripe_subscription_item as b
      join octroi_private.stripe_catalogue as c on c.stripe_id = b.price_id
      join octroi_private.plan_price as p on p.lookup_key = c.key and p.plan_version_id = o.plan_version_id
      where b.subscription_id = i.subscription_id
    )
$$;

create function octroi_private.close_step(p_invoice_id text)
returns table (action text, args jsonb, wait_seconds integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_cycle octroi_private.billing_cycle;
  v_is_draft boolean;
  v_wait integer := 0;
begin
  perform from octroi_private.account as a
  where a.id = (select c.account_id from octroi_private.billing_cycle as c where c.invoice_id = p_invoice_id)
  for no key update;
  select c.* into v_cycle from octroi_private.billing_cycle as c where c.invoice_id = p_invoice_id for update;
  if v_cycle.invoice_id is null or v_cycle.state = 'closed' then
    return query select 'done', '{}'::jsonb, 0;
    return;
  end if;
  select i.status = 'draft' into v_is_draft from octroi_private.stripe_invoice as i where i.id = p_invoice_id;
  if not v_is_draft and v_cycle.state <> 'finalised' then
    -- let go by Stripe, or by somebody at its dashboard
    v_cycle.detail := concat_ws('; ', v_cycle.detail, 'finalised while ' || v_cycle.state);
    v_cycle.state := 'finalised';
  elsif v_cycle.state = 'held' then
    v_wait := octroi_private.flush_account(v_cycle.account_id, v_cycle.period_end);
    if v_wait = 0 then
      v_cycle.state := 'flushed';
    end if;
  elsif v_cycle.state = 'flushed' and v_cycle.short_since is not null then
    -- Stripe counts meter events some time after it took them
    v_wait := greatest(ceil(extract(epoch from v_cycle.changed_at + interval '15 seconds' - v_now)), 0)::integer;
  end if;
  if v_cycle.state = 'finalised' and octroi_private.left_items(v_cycle.subscription_id) is null then
    v_cycle.state := 'closed';
  end if;
  update octroi_private.billing_cycle as c
  set state = v_cycle.state, detail = left(v_cycle.detail, 500),
    changed_at = case when c.state = v_cycle.state then c.changed_at else v_now end
  where c.invoice_id = p_invoice_id;
  return query
  select
    case
      when v_wait > 0 then 'wait'
      else case v_cycle.state
        when 'opened' then 'hold' when 'flushed' then 'compare' when 'compared' then 'finalise'
        when 'finalised' then 'drop_items' when 'disputed' then 'disputed' else 'done'
      end
    end,
    case
      when v_wait > 0 then '{}'
      when v_cycle.state = 'flushed' then jsonb_build_object('windows', coalesce((
        select jsonb_agg(jsonb_build_object(
          'key', w.key, 'meter_id', octroi_private.stripe_id_of(w.event_name), 'customer', v_cycle.customer_id,
          'start_s', extract(epoch from w.window_start)::bigint, 'end_s', extract(epoch from w.window_end)::bigint
        ) order by w.key) from octroi_private.cycle_windows(p_invoice_id) as w
      ), '[]'))
      when v_cycle.state = 'finalised' then jsonb_build_object(
        'subscription', v_cycle.subscription_id, 'items', octroi_private.left_items(v_cycle.subscription_id)
      )
      else '{}'
    end, v_wait;
end
$$;
comment on function octroi_private.close_step(text) is
'What to do next about a draft invoice: hold, wait, compare, finalise, drop_items, disputed or done.';

create function octroi_private.close_did(p_invoice_id text, p_action text, p_result jsonb)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_cycle octroi_private.billing_cycle;
  v_over text;
  v_short text;
begin
  select c.* into v_cycle from octroi_private.billing_cycle as c where c.invoice_id = p_invoice_id for update;
  if v_cycle.state = 'opened' and p_action = 'hold' then
    v_cycle.state := 'held';
  elsif v_cycle.state = 'flushed' and p_action = 'compare' then
    select
      string_agg(d.text, '; ') filter (where d.total > d.ledger),
      string_agg(d.text, '; ') filter (where d.total < d.ledger)
    into v_over, v_short
    from (
      select t.total, w.ledger, format('%s: Stripe %s, ledger %s', w.event_name, t.total, w.ledger) as text
      from octroi_private.cycle_windows(p_invoice_id) as w
      cross join lateral (select coalesce((p_result ->> w.key)::bigint, 0) as total) as t
    ) as d;
    v_cycle.detail := left(coalesce(v_over, v_short), 500);
    if v_over is not null then
      v_cycle.state := 'disputed';
    elsif v_short is null or v_cycle.short_since <= v_now - interval '24 hours' then
      v_cycle.state := 'compared';
    else
      v_cycle.short_since := coalesce(v_cycle.short_since, v_now);
    end if;
  elsif v_cycle.state = 'compared' and p_action = 'finalise' then
    v_cycle.state := 'finalised';
    perform octroi_private.enqueue_sync('invoice', p_invoice_id);
  elsif v_cycle.state = 'finalised' and p_action = 'drop_items' then
    v_cycle.state := 'closed';
    perform octroi_private.enqueue_sync('subscription', v_cycle.subscription_id);
  end if;
  update octroi_private.billing_cycle
  set state = v_cycle.state, detail = v_cycle.detail, short_since = v_cycle.short_since, changed_at = v_now
  where invoice_id = p_invoice_id;
  return v_cycle.state;
end
$$;
comment on function octroi_private.close_did(text, text, jsonb) is
'What a step of closing came to; the state now. A report of a step that is over changes nothing.';

create function octroi_private.release_cycle(p_invoice_id text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.billing_cycle set state = 'compared', changed_at = octroi_private.now()
  where invoice_id = p_invoice_id and state in ('disputed', 'flushed');
  if not found then
    return false;
  end if;
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('close_cycle', jsonb_build_object('invoice_id', p_invoice_id), octroi_private.now(), 100);
  return true;
end
$$;
comment on function octroi_private.release_cycle(text) is
'An operator''s word that a draft is to be finalised as it stands; false when it does not wait for one.';

reset role;
