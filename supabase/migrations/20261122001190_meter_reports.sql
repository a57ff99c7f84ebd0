-- Usage beyond plan and grants, on its way to Stripe's meters. A report is a row before it is a call: what it says,
-- under which identifier and for which second, so that it can be said again and counts once.
--
--   pending ─► sending ─► accepted                when Stripe finds fault with it later: replaced
--                 ├─────► unknown ─► accepted | replaced (nothing arrived: another is made) | disputed (fits neither)
--                 └─────► rejected
--   pending ─► written_off: its period is closed, or too long ago. The operator's loss, and listed.
--
-- Stripe remembers an identifier for a day: until an hour before that the same report is sent again, after that its
-- totals are read first. Summaries are by the minute, so every report is dated inside the whole minutes of its period.
set role octroi_owner;

create table octroi_private.meter_report (
  -- Stripe's identifier of the meter event
  id uuid primary key,
  account_id uuid not null references octroi_private.account (id),
  customer_id text not null,
  event_name text not null,
  meter octroi_private.meter_name not null,
  balance_id bigint not null references octroi_private.balance (id),
  window_start timestamptz not null,
  window_end timestamptz not null,
  value octroi_private.quantity not null check (value > 0),
  usage_at timestamptz not null,
  state text not null check (state in (
    'pending', 'sending', 'accepted', 'unknown', 'rejected', 'disputed', 'replaced', 'written_off'
  )),
  attempts integer not null default 0 check (attempts >= 0),
  -- when Stripe may first have seen it
  first_sent_at timestamptz,
  -- how many reports of the same usage came before it
  generation smallint not null default 0 check (generation between 0 and 10),
  detail text check (length(detail) <= 500),
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint meter_report_dated_in_its_window check (usage_at >= window_start and usage_at < window_end)
);
comment on table octroi_private.meter_report is
'What was told, or is to be told, to a Stripe meter. The calls behind it are the rows of overage_use with its id.';
create unique index meter_report_one_in_flight on octroi_private.meter_report (customer_id, event_name)
where state in ('pending', 'sending', 'unknown');
create index meter_report_balance on octroi_private.meter_report (balance_id);
create index meter_report_account on octroi_private.meter_report (account_id, window_start);
create index meter_report_to_look_at on octroi_private.meter_report (changed_at)
where state in ('pending', 'sending', 'unknown', 'rejected', 'disputed');

create function octroi_private.whole_minute(p_at timestamptz, p_up boolean)
returns timestamptz
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select to_timestamp(
    case when p_up then ceil(extract(epoch from p_at) / 60) else floor(extract(epoch from p_at) / 60) end * 60
  )
$$;

-- When the last subscription that an event's usage is billed by ended; null while one is alive, or none is known.
create view octroi_private.metered_subscription with (security_invoker = true) as
select s.id, s.customer_id, s.created_at, s.trial_ends_at, s.ended_at, o.event_name
from octroi_private.stripe_subscription as s
join octroi_private.stripe_subscription_item as i on i.subscription_id = s.id
join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
join octroi_private.plan_overage as o on o.lookup_key = k.key;
comment on view octroi_private.metered_subscription is
'Subscriptions that Stripe bills for what is used beyond the plan, by the meter that counts it.';

create function octroi_private.billed_until(p_customer_id text, p_event_name text)
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- a plan that lives is charged for its usage, or somebody is told that it lacks the price (billing_troubles)
  select case when bool_and(s.ended_at is not null) and not exists (
    select from octroi_private.stripe_subscription as a
    join octroi_private.stripe_subscription_item as b on b.subscription_id = a.id
    join octroi_private.stripe_catalogue as c on c.stripe_id = b.price_id
    join octroi_private.plan_price as p on p.lookup_key = c.key
    join octroi_private.plan_overage as v on v.plan_version_id = p.plan_version_id and v.event_name = p_event_name
    where a.customer_id = p_customer_id and a.ended_at is null
  ) then max(s.ended_at) end
  from octroi_private.metered_subscription as s
  where s.event_name = p_event_name and s.customer_id = p_customer_id
$$;

-- Turns what was used beyond the plans of an account into reports, one for each Stripe meter and period that none is
-- under way for. The caller has the account locked. Returns how many.
create function octroi_private.make_meter_reports(p_account_id uuid)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_sum record;
  v_id uuid;
  v_end timestamptz;
  v_fault text;
  v_made integer := 0;
begin
  for v_sum in
    select
      u.balance_id, u.event_name, u.meter, c.id as customer_id, sum(u.amount)::bigint as value,
      max(u.occurred_at) as last_at, array_agg(u.request_id) as request_ids,
      octroi_private.whole_minute(b.period_start, true) as window_start,
      octroi_private.whole_minute(b.resets_at, false) as window_end,
      (
        select least(count(*), 10)::smallint from octroi_private.meter_report as r
        where r.balance_id = u.balance_id and r.event_name = u.event_name and r.state = 'replaced'
      ) as generation
    from octroi_private.overage_use as u
    join octroi_private.balance as b on b.id = u.balance_id
    join octroi_private.stripe_customer as c on c.account_id = u.account_id and not c.is_deleted
    where u.account_id = p_account_id and u.report_id is null
    group by u.balance_id, u.event_name, u.meter, c.id, b.period_start, b.resets_at
    order by b.period_start, u.event_name
  loop
    -- what ended after its subscription did belongs to its last second
    v_end := octroi_private.billed_until(v_sum.customer_id, v_sum.event_name) - interval '1 second';
    v_fault := case
      when v_end < v_sum.window_start then 'its subscription ended within its first minute'
      when octroi_private.is_closed_for(p_account_id, least(v_sum.last_at, v_end))
        then 'the invoice of its period is closed'
      when v_sum.last_at < v_now - interval '35 days' then 'older than the 35 days that Stripe takes'
    end;
    continue when v_fault is null and exists (
      select from octroi_private.meter_report as r
      where r.customer_id = v_sum.customer_id and r.event_name = v_sum.event_name
        and r.state in ('pending', 'sending', 'unknown')
    );
    v_id := octroi_private.uuid_v7();
    insert into octroi_private.meter_report (
      id, account_id, customer_id, event_name, meter, balance_id, window_start, window_end, value, usage_at, state,
      detail, generation, created_at, changed_at
    )
    values (
      v_id, p_account_id, v_sum.customer_id, v_sum.event_name, v_sum.meter, v_sum.balance_id, v_sum.window_start,
      v_sum.window_end, v_sum.value,
      greatest(v_sum.window_start, least(
        date_trunc('second', v_sum.last_at), v_sum.window_end - interval '1 second', v_end
      )),
      case when v_fault is null then 'pending' else 'written_off' end, v_fault, v_sum.generation, v_now, v_now
    );
    update octroi_private.overage_use as u set report_id = v_id
    where u.balance_id = v_sum.balance_id and u.event_name = v_sum.event_name
      and u.request_id = any(v_sum.request_ids);
    if v_fault is null then
      insert into octroi_private.job (kind, args, run_at, max_attempts)
      values ('send_meter_report', jsonb_build_object('report_id', v_id), v_now, 100);
    end if;
    v_made := v_made + 1;
  end loop;
  return v_made;
end
$$;

-- Usage whose report did not count goes into another one, under another identifier, a few times at most.
create function octroi_private.replace_reports(p_report_ids uuid [], p_why text)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with failed as (
    update octroi_private.meter_report as r
    set state = case when r.generation < 3 then 'replaced' else 'rejected' end, detail = left(p_why, 500),
      changed_at = octroi_private.now()
    where r.id = any(p_report_ids) and r.state not in ('pending', 'replaced', 'written_off')
    returning r.id, r.state
  ),
  freed as (
    update octroi_private.overage_use as u set report_id = null
    from failed as f
    where u.report_id = f.id and f.state = 'replaced'
  )
  select count(*) from failed
$$;
comment on function octroi_private.replace_reports(uuid [], text) is
'Has the usage of reports that Stripe did not count reported anew; how many. For operators too, once the reason of a rejection is gone.';

create function octroi_private.begin_meter_report(p_report_id uuid)
returns table (
  action text, identifier text, event_name text, customer_id text, value bigint, timestamp_s bigint, meter_id text,
  window_start_s bigint, window_end_s bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_report octroi_private.meter_report;
  v_action text;
begin
  select r.* into v_report from octroi_private.meter_report as r where r.id = p_report_id for update;
  if v_report.id is null or v_report.state not in ('pending', 'sending', 'unknown') then
    return;
  end if;
  v_action := case
    -- an hour short of the day that Stripe remembers: sending may go on for minutes
    when v_report.first_sent_at <= v_now - interval '23 hours' then 'compare'
    when v_report.usage_at <= v_now - interval '35 days' then 'too_old'
    else 'send'
  end;
  if v_action = 'too_old' and v_report.first_sent_at is null then
    update octroi_private.meter_report as r
    set state = 'written_off', detail = 'older than the 35 days that Stripe takes', changed_at = v_now
    where r.id = p_report_id;
  elsif v_action = 'send' then
    -- from here on Stripe may have seen it
    update octroi_private.meter_report as r
    set state = 'sending', attempts = r.attempts + 1, first_sent_at = coalesce(r.first_sent_at, v_now),
      changed_at = v_now
    where r.id = p_report_id;
  elsif v_action = 'too_old' then
    v_action := 'compare';
  end if;
  return query select
    v_action, v_report.id::text, v_report.event_name, v_report.customer_id, v_report.value::bigint,
    extract(epoch from v_report.usage_at)::bigint, octroi_private.stripe_id_of(v_report.event_name),
    extract(epoch from v_report.window_start)::bigint, extract(epoch from v_report.window_end)::bigint;
end
$$;
comment on function octroi_private.begin_meter_report(uuid) is
'What to do about a report: send it (the intent is committed with this), compare totals, or nothing because it is too_old. No row when it has ended.';

create function octroi_private.finish_meter_report(p_report_id uuid, p_outcome text, p_detail text)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
begin
  if p_outcome not in ('accepted', 'not_sent', 'unknown', 'rejected') then
    raise exception 'unknown outcome % of a meter report', p_outcome using errcode = 'OC001';
  end if;
  update octroi_private.meter_report as r
  set
    state = case
      when p_outcome <> 'not_sent' then p_outcome
      -- an earlier attempt may have arrived
      when r.attempts > 1 then 'unknown'
      else 'pending'
    end,
    first_sent_at = case when p_outcome = 'not_sent' and r.attempts = 1 then null else r.first_sent_at end,
    attempts = case when p_outcome = 'not_sent' and r.attempts = 1 then 0 else r.attempts end,
    detail = left(p_detail, 500), changed_at = octroi_private.now()
  where r.id = p_report_id and r.state in ('sending', 'unknown')
  returning r.state into v_state;
  return coalesce(v_state, (select r.state from octroi_private.meter_report as r where r.id = p_report_id));
end
$$;
comment on function octroi_private.finish_meter_report(uuid, text, text) is
'What became of sending a report: accepted, not_sent (surely not taken), unknown or rejected. Returns its state.';

create function octroi_private.resolve_meter_report(p_report_id uuid, p_stripe_total bigint)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_report octroi_private.meter_report;
  v_accepted bigint;
begin
  select r.* into v_report from octroi_private.meter_report as r where r.id = p_report_id for update;
  if v_report.state is null or v_report.state not in ('sending', 'unknown') then
    return v_report.state;
  end if;
  select coalesce(sum(r.value), 0)::bigint into v_accepted
  from octroi_private.meter_report as r
  where r.account_id = v_report.account_id and r.customer_id = v_report.customer_id
    and r.event_name = v_report.event_name and r.state = 'accepted'
    -- a new cycle that began early shares time with the one before
    and r.usage_at >= v_report.window_start and r.usage_at < v_report.window_end;
  if p_stripe_total = v_accepted + v_report.value then
    update octroi_private.meter_report
    set state = 'accepted', detail = 'found in Stripe''s total', changed_at = octroi_private.now()
    where id = p_report_id;
    return 'accepted';
  elsif p_stripe_total = v_accepted then
    perform octroi_private.replace_reports(array[p_report_id], 'never arrived');
    return 'resent';
  end if;
  update octroi_private.meter_report
  set state = 'disputed', changed_at = octroi_private.now(),
    detail = format('Stripe counts %s, %s were accepted before these %s', p_stripe_total, v_accepted, v_report.value)
  where id = p_report_id;
  return 'disputed';
end
$$;
comment on function octroi_private.resolve_meter_report(uuid, bigint) is
'Settles a report of unknown outcome by Stripe''s total for its window: accepted, resent, or disputed where it fits neither.';

create function octroi_private.reject_meter_reports(p_identifiers text [], p_reason text)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.replace_reports(array(
    select r.id from octroi_private.meter_report as r where r.id::text = any(p_identifiers)
  ), p_reason)
$$;
comment on function octroi_private.reject_meter_reports(text [], text) is
'Takes note of reports that Stripe accepted and then found fault with; their usage is reported again. Returns how many.';

reset role;
