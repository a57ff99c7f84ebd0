-- What is said in the mails, and the forecast that some of them carry.
set role octroi_owner;

-- How much of a meter was used a day of late: over the last seven UTC days, or as long as the account is old. Null
-- where that is less than a day: of an hour's use nothing follows for the other 23.
create function octroi_private.used_per_day(p_account_id uuid, p_scope text, p_subject text, p_meter text)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with span as (
    select greatest(
      date_trunc('day', octroi_private.now() at time zone 'utc') - interval '6 days', a.created_at at time zone 'utc'
    ) as since, octroi_private.now() at time zone 'utc' as until
    from octroi_private.account as a
    where a.id = p_account_id
  )
  select round(coalesce(sum(case p_meter
    when 'tokens' then d.total_tokens when 'cost' then d.cost_nano_usd else d.requests
  end), 0) * 86400 / extract(epoch from max(s.until) - max(s.since)))::bigint
  from span as s
  left join octroi_private.usage_daily as d
    on d.account_id = p_account_id and d.day >= s.since::date
    and case p_scope
      when 'account' then true when 'member' then d.user_id::text = p_subject
      when 'model' then octroi_private.canonical_model(d.model) = p_subject or d.model = p_subject
    end
  having max(s.until) - max(s.since) >= interval '1 day'
$$;

-- When what is left will be used up at this rate; null when not before the reset, or when the rate is not known.
create function octroi_private.runs_out_at(p_left bigint, p_per_day bigint, p_resets_at timestamptz)
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select r.at
  from (
    select octroi_private.now() + make_interval(
      secs => least(greatest(p_left, 0) * 86400.0 / p_per_day, 3155760000)
    ) as at
    where p_left is not null and p_per_day > 0
  ) as r
  where r.at < p_resets_at
$$;

create function octroi_private.plan_name_of(p_account_id uuid)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.name
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  join octroi_private.plan as p on p.code = v.plan_code
  where s.account_id = p_account_id and s.ended_at is null
$$;

create function octroi_private.tell_of_threshold(p_alert_id bigint)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alert octroi_private.alert;
  v_per_day bigint;
  v_data jsonb;
begin
  select a.* into strict v_alert from octroi_private.alert as a where a.id = p_alert_id;
  v_per_day := octroi_private.used_per_day(v_alert.account_id, v_alert.scope, v_alert.subject, v_alert.meter);
  v_data := jsonb_build_object(
    'threshold', v_alert.threshold, 'scope', v_alert.scope, 'meter', v_alert.meter, 'used', v_alert.used,
    'granted', v_alert.granted, 'remaining', greatest(v_alert.granted - v_alert.used, 0),
    'resets_at', nullif(v_alert.resets_at, 'infinity'),
    'runs_out_at', octroi_private.runs_out_at(v_alert.granted - v_alert.used, v_per_day, v_alert.resets_at),
    'rate_known', v_per_day is not null,
    'plan', octroi_private.plan_name_of(v_alert.account_id),
    'overage_on', coalesce((
      select l.overage > 0 and (l.ceiling > l.included) is not false from octroi_private.limit_in_force as l
      where l.account_id = v_alert.account_id and l.scope = 'account' and l.period = 'month' and l.meter = v_alert.meter
    ), false)
  );
  if v_alert.scope = 'member' then
    perform octroi_private.enqueue_mail(
      v_alert.account_id, v_alert.subject::uuid, 'threshold', p_alert_id::text, v_data, v_alert.resets_at
    );
  else
    perform octroi_private.enqueue_mail_to_owners(
      v_alert.account_id, 'threshold', p_alert_id::text, v_data, v_alert.resets_at
    );
  end if;
end
$$;

create function octroi_private.tell_of_top_up(p_grant_id uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.enqueue_mail_to_owners(
    g.account_id, 'top_up_received', g.id::text, jsonb_build_object(
      'meter', g.meter, 'amount', g.amount, 'pack_name', k.name, 'paid_minor', t.paid_minor, 'currency', t.currency,
      'expires_at', nullif(g.expires_at, 'infinity'), 'remaining', (
        select greatest(sum(q.remaining), 0)::bigint
        from octroi_private.quota_of(g.account_id, null) as q
        where q.scope = 'account' and q.period = 'month' and q.meter = g.meter
      )
    ), g.created_at + interval '30 days'
  )
  from octroi_private.quota_grant as g
  join octroi_private.top_up as t on t.grant_id = g.id
  join octroi_private.top_up_pack as k on k.id = t.pack_id
  where g.id = p_grant_id
$$;

create function octroi_private.tell_of_auto_top_up(p_account_id uuid, p_pack_id bigint, p_reason text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.enqueue_mail_to_owners(
    p_account_id, 'auto_top_up_failed', format(
      '%s:%s:%s', p_account_id, p_reason, extract(epoch from octroi_private.now())::bigint
    ), jsonb_build_object(
      'amount_minor', k.price_minor, 'currency', k.currency, 'meter', k.meter, 'amount', k.amount,
      'pack_name', k.name, 'reason', p_reason
    ), octroi_private.now() + interval '7 days'
  )
  from octroi_private.top_up_pack as k
  where k.id = p_pack_id
$$;

-- Payments that failed and subscriptions that ended, each told of once. That it was is kept with what it is about,
-- which stays, and not with the mail, which does not. The caller has the account locked.
create function octroi_private.tell_of_payments(p_account_id uuid, p_customer_id text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with failed as (
    update octroi_private.stripe_invoice as i
    set told_attempt = i.attempt_count
    where i.customer_id = p_customer_id and i.status = 'open' and i.attempt_count > i.told_attempt
      and i.amount_due_minor > 0 and i.subscription_id is not null and not (
        octroi_private.is_payment_under_way(i) and exists (
          select from octroi_private.stripe_subscription as s where s.id = i.subscription_id and s.status = 'active'
        )
      )
    returning i.id, i.attempt_count, i.amount_due_minor, i.currency, i.next_attempt_at
  )
  select octroi_private.enqueue_mail_to_owners(
    p_account_id, 'payment_failed', format('%s:%s', f.id, f.attempt_count), jsonb_build_object(
      'amount_minor', f.amount_due_minor, 'currency', f.currency, 'next_attempt_at', f.next_attempt_at,
      'plan', octroi_private.plan_name_of(p_account_id)
    ), octroi_private.now() + interval '30 days'
  )
  from failed as f;
  with ended as (
    update octroi_private.stripe_subscription as s
    set told_ended_at = octroi_private.now()
    from octroi_private.subscription as r
    join octroi_private.plan_version as v on v.id = r.plan_version_id
    join octroi_private.plan as p on p.code = v.plan_code
    where s.customer_id = p_customer_id and s.status = 'canceled' and s.told_ended_at is null
      -- what never gave the account a plan took none away
      and r.id = (
        select h.id from octroi_private.subscription as h
        where h.account_id = p_account_id and h.stripe_subscription_id = s.id
        order by h.started_at desc, h.id
        limit 1
      )
    returning s.id, p.name, coalesce(s.ended_at, s.canceled_at, s.told_ended_at) as ended_at
  )
  select octroi_private.enqueue_mail_to_owners(
    p_account_id, 'subscription_ended', e.id, jsonb_build_object(
      'plan', e.name, 'ended_at', e.ended_at, 'plan_now', octroi_private.plan_name_of(p_account_id)
    ), octroi_private.now() + interval '30 days'
  )
  from ended as e
$$;

reset role;
