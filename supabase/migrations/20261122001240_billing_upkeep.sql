-- What the sweep does about billing: a bounded bite of each, and never a wait for an account, because the sweep holds
-- balances already.
set role octroi_owner;

create table octroi_private.recurring_job (
  kind text primary key,
  every_seconds integer not null check (every_seconds between 60 and 604800),
  next_at timestamptz not null default octroi_private.now()
);
comment on table octroi_private.recurring_job is 'Jobs that come back by themselves; at most one of a kind waits.';
insert into octroi_private.recurring_job (kind, every_seconds, next_at)
select k.kind, k.every_seconds, octroi_private.now() + make_interval(secs => k.every_seconds)
from (values
  ('list_missed_events', 3600), ('reconcile', 86400), ('sync_live_subscriptions', 86400)
) as k (kind, every_seconds);

-- Overage that has waited long enough goes to Stripe.
create function octroi_private.report_usage(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
  v_made bigint := 0;
begin
  for v_account_id in
    select a.id
    from octroi_private.account as a
    where a.id in (
      select u.account_id
      from octroi_private.overage_use as u
      join octroi_private.stripe_customer as c on c.account_id = u.account_id and not c.is_deleted
      cross join octroi_private.billing_setting as s
      where u.report_id is null
        and u.occurred_at <= octroi_private.now() - make_interval(secs => s.report_every_seconds)
        and not exists (
          select from octroi_private.meter_report as r
          where r.customer_id = c.id and r.event_name = u.event_name and r.state in ('pending', 'sending', 'unknown')
        )
      limit p_max_rows
    )
    for no key update skip locked
  loop
    v_made := v_made + octroi_private.make_meter_reports(v_account_id);
  end loop;
  return v_made;
end
$$;

-- A draft that nobody works on any more is worked on again; so is a report.
create function octroi_private.watch_billing(p_max_rows integer)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with stuck as (
    (
      select 'close_cycle' as kind, jsonb_build_object('invoice_id', c.invoice_id) as args
      from octroi_private.billing_cycle as c
      cross join octroi_private.billing_setting as s
      where c.state not in ('closed', 'disputed')
        and c.changed_at <= octroi_private.now() - make_interval(secs => s.draft_watch_seconds)
      order by c.changed_at
      limit p_max_rows
    )
    union all
    (
      select 'send_meter_report', jsonb_build_object('report_id', r.id)
      from octroi_private.meter_report as r
      where r.state in ('pending', 'sending', 'unknown') and r.changed_at <= octroi_private.now() - interval '1 hour'
      order by r.changed_at
      limit p_max_rows
    )
  ),
  queued as (
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    select s.kind, s.args, octroi_private.now(), 100
    from stuck as s
    where not exists (
      select from octroi_private.job as j where j.kind = s.kind and j.args = s.args and j.state = 'queued'
    ) and not exists (
      select from octroi_private.job as j where j.kind = s.kind and j.args = s.args and j.state = 'running'
    )
    returning 1
  )
  select count(*) from queued
$$;

-- Events whose object was never fetched.
create function octroi_private.requeue_events(p_max_rows integer)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where octroi_private.enqueue_sync(e.object_kind, e.object_id))
  from (
    select distinct v.object_kind, v.object_id
    from octroi_private.stripe_event as v
    where v.state = 'queued' and v.object_kind <> 'meter'
      and v.received_at <= octroi_private.now() - interval '15 minutes'
    limit p_max_rows
  ) as e
$$;

create function octroi_private.enqueue_recurring()
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind text;
  v_now timestamptz := octroi_private.now();
  v_enqueued bigint := 0;
begin
  for v_kind in
    update octroi_private.recurring_job as r
    set next_at = v_now + make_interval(secs => r.every_seconds)
    where r.next_at <= v_now
    returning r.kind
  loop
    if v_kind = 'sync_live_subscriptions' then
      -- no job of its own: each subscription, and with it its latest invoice, is fetched as after an event
      perform octroi_private.enqueue_sync('subscription', s.id)
      from octroi_private.stripe_subscription as s
      join octroi_private.stripe_customer as c on c.id = s.customer_id and c.account_id is not null
      where s.status not in ('canceled', 'incomplete_expired');
    elsif not exists (
      select from octroi_private.job as j where j.kind = v_kind and j.state = 'queued'
    ) and not exists (
      select from octroi_private.job as j where j.kind = v_kind and j.state = 'running'
    ) then
      insert into octroi_private.job (kind, args, run_at, max_attempts) values (v_kind, '{}', v_now, 5);
    end if;
    v_enqueued := v_enqueued + 1;
  end loop;
  return v_enqueued;
end
$$;

-- How long a page at Stripe's leads somewhere: the portal's for minutes, a checkout's for a day.
create function octroi_private.billing_url_ends_at(p_kind text, p_finished_at timestamptz)
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select p_finished_at + case p_kind when 'portal' then interval '5 minutes' else interval '24 hours' end
$$;

create index billing_request_url on octroi_private.billing_request (finished_at) where url is not null;

create function octroi_private.forget_billing_urls(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_rows bigint;
  v_total bigint;
begin
  update octroi_private.billing_request set url = null where id in (
    select r.id from octroi_private.billing_request as r
    where r.url is not null and r.finished_at <= v_now
      and octroi_private.billing_url_ends_at(r.kind, r.finished_at) <= v_now
    order by r.finished_at
    limit p_max_rows
  );
  get diagnostics v_total = row_count;
  -- Stripe's pages of an invoice lead nowhere after a month; asked for again they are new
  update octroi_private.stripe_invoice set hosted_url = null, pdf_url = null where id in (
    select i.id from octroi_private.stripe_invoice as i
    where i.hosted_url is not null and i.urls_at <= v_now - interval '29 days'
    order by i.urls_at
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows;
end
$$;

-- Events, requests and mail that nobody needs any more. What they led to stays.
create function octroi_private.prune_billing(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event_since timestamptz := octroi_private.kept_since('stripe_event');
  v_mail_since timestamptz := octroi_private.kept_since('mail');
  v_rows bigint;
  v_total bigint := 0;
begin
  delete from octroi_private.stripe_event where id in (
    select e.id from octroi_private.stripe_event as e
    where e.received_at <= v_event_since and e.state <> 'queued' limit p_max_rows
  );
  get diagnostics v_total = row_count;
  delete from octroi_private.mail where id in (
    select m.id from octroi_private.mail as m where m.finished_at <= v_mail_since limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows + octroi_private.forget_billing_urls(p_max_rows);
end
$$;

reset role;
