-- Quota beyond the plan's own amount: how it is drawn, rolled over, added and ended.
set role octroi_owner;

-- Draws what calls just settled used beyond their plan's own amount from the accounts' grants, in the documented
-- order. What no grant covers is overage, and charged where the plan has a price for it. The caller has the balances
-- locked, so that used is these calls' doing last.
create function octroi_private.draw_grants(p_request_ids uuid [])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_call record;
  v_grant record;
  v_taken bigint;
  v_left bigint;
begin
  for v_call in
    -- a call's share is what the balance stood beyond the plan after it, less what it stood before it; what earlier
    -- calls used beyond the plan is settled already
    select c.id, c.account_id, c.occurred_at, c.balance_id, c.meter, c.event_name, least(
      c.charged, c.used - c.settled - c.included - coalesce(sum(c.charged) over later, 0)
    )::bigint as amount
    from (
      select
        e.id, e.account_id, e.occurred_at, b.id as balance_id, b.meter, b.used,
        b.from_grants + b.from_overage as settled,
        o.event_name, ids.ord,
        -- a plan left while the call ran is the one that the call was allowed by
        greatest(b.included, case when s.ended_at is not null then (
          select l.amount from octroi_private.plan_limit as l
          where l.plan_version_id = s.plan_version_id and l.scope = 'account' and l.period = 'month'
            and l.meter = b.meter
        ) end) as included,
        case b.meter
          when 'tokens' then e.total_tokens - e.overrun_tokens
          when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
          else 1 - e.overrun_requests
        end as charged
      from unnest(p_request_ids) with ordinality as ids (id, ord)
      join octroi_private.request as r on r.id = ids.id
      join octroi_private.usage_event as e on e.id = r.id and e.occurred_at = r.started_at
      join octroi_private.balance as b
        on b.id = any(e.balance_ids) and b.scope = 'account' and b.period = 'month' and b.used > b.included
      left join octroi_private.subscription as s
        on s.account_id = e.account_id and s.started_at <= e.occurred_at
        and (s.ended_at is null or s.ended_at > e.occurred_at)
      left join octroi_private.plan_overage as o on o.plan_version_id = s.plan_version_id and o.meter = b.meter
    ) as c
    window later as (partition by c.balance_id order by c.ord desc rows between unbounded preceding and 1 preceding)
    order by c.ord, c.balance_id
  loop
    v_left := greatest(v_call.amount, 0);
    for v_grant in
      select g.id, g.amount - g.drawn - g.revoked as remaining, g.ended_at is not null as has_ended
      from octroi_private.quota_grant as g
      where g.account_id = v_call.account_id and g.meter = v_call.meter and g.drawn + g.revoked < g.amount
        -- not over when the call started, unless it was ended before its time
        and g.starts_at <= v_now and g.expires_at > v_call.occurred_at
        and (g.ended_at is null or g.ended_at >= g.expires_at)
      order by
        array_position(array['rollover', 'promo', 'top_up'], g.kind), g.priority, g.expires_at, g.created_at, g.id
      for update
    loop
      exit when v_left <= 0;
      v_taken := least(v_left, v_grant.remaining);
      update octroi_private.quota_grant as g set drawn = g.drawn + v_taken where g.id = v_grant.id;
      insert into octroi_private.quota_draw (grant_id, request_id, balance_id, amount, drawn_at)
      values (v_grant.id, v_call.id, v_call.balance_id, v_taken, v_now);
      -- the balance had stopped counting on a grant that is over; what was still drawn from it is allowed after all
      update octroi_private.balance as b
      set from_grants = b.from_grants + v_taken,
        allowed = case when v_grant.has_ended then least(b.allowed + v_taken, b.ceiling) else b.allowed end,
        granted = case
          when v_grant.has_ended
            then greatest(least(b.allowed + v_taken, b.ceiling), b.used + b.reserved - b.overage)
          else b.granted
        end
      where b.id = v_call.balance_id;
      v_left := v_left - v_taken;
    end loop;
    if v_left > 0 and v_call.event_name is not null then
      insert into octroi_private.overage_use (
        balance_id, request_id, account_id, meter, event_name, amount, occurred_at
      )
      values (
        v_call.balance_id, v_call.id, v_call.account_id, v_call.meter, v_call.event_name, v_left, v_call.occurred_at
      );
      update octroi_private.balance as b set from_overage = b.from_overage + v_left where b.id = v_call.balance_id;
    end if;
  end loop;
end
$$;

-- What a paid-for month left over is granted again, where the plan says so: once for each of the last months from which
-- something may still be used, whenever one is looked at. A month counts if it ended with this plan of this
-- subscription, so a late payment loses nothing of the month before. What running calls still hold counts as used.
create function octroi_private.roll_over(p_account_id uuid, p_anchor_at timestamptz, p_at timestamptz)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit record;
  v_start timestamptz;
  v_end timestamptz;
  v_expires_at timestamptz;
  v_left bigint;
begin
  for v_limit in
    select s.stripe_subscription_id, s.plan_version_id, l.meter, l.amount, l.rollover_max, l.rollover_months
    from octroi_private.subscription as s
    join octroi_private.plan_limit as l on l.plan_version_id = s.plan_version_id and l.rollover_max > 0
    where s.account_id = p_account_id and s.ended_at is null
  loop
    v_start := (select p.period_start from octroi_private.period_bounds('month', p_anchor_at, p_at) as p);
    for n in 1 .. v_limit.rollover_months loop
      v_end := v_start;
      v_start := (
        select p.period_start
        from octroi_private.period_bounds('month', p_anchor_at, v_end - interval '1 microsecond') as p
      );
      continue when not exists (
        select from octroi_private.subscription as s
        cross join lateral octroi_private.period_bounds('month', s.anchor_at, v_start) as m
        where s.account_id = p_account_id and s.plan_version_id = v_limit.plan_version_id
          and s.stripe_subscription_id is not distinct from v_limit.stripe_subscription_id
          and s.started_at < v_end and (s.ended_at is null or s.ended_at >= v_end)
          and s.anchor_at <= v_start and m.period_start = v_start and m.resets_at = v_end
      );
      v_left := least(v_limit.rollover_max, coalesce((
        select b.included - (b.used - b.from_grants - b.from_overage) - b.reserved
        from octroi_private.balance as b
        where b.account_id = p_account_id and b.resets_at = v_end and b.scope = 'account' and b.subject = ''
          and b.meter = v_limit.meter and b.period = 'month'
      ), v_limit.amount));
      continue when v_left <= 0;
      v_expires_at := v_end;
      for m in 1 .. v_limit.rollover_months loop
        v_expires_at := (
          select p.resets_at from octroi_private.period_bounds('month', p_anchor_at, v_expires_at) as p
        );
      end loop;
      insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, expires_at, reason, source)
      values (
        p_account_id, v_limit.meter, 'rollover', v_left, v_end, v_expires_at, 'left over from the month before',
        format('rollover:%s:%s:%s', p_account_id, v_limit.meter, extract(epoch from v_end)::bigint)
      )
      on conflict (source) do nothing;
    end loop;
  end loop;
end
$$;

-- Ends grants whose time is over; what was left of them is lost with them.
create function octroi_private.expire_grants(p_account_id uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update octroi_private.quota_grant as g
  set ended_at = octroi_private.now()
  where g.account_id = p_account_id and g.ended_at is null and g.expires_at <= octroi_private.now()
$$;

-- Adds quota on top of the plan, from now on.
create function octroi_private.add_grant(
  p_account_id uuid, p_meter text, p_amount bigint, p_kind text, p_reason text,
  p_expires_at timestamptz default 'infinity', p_priority smallint default 0
)
returns uuid
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.quota_grant (account_id, meter, kind, amount, priority, starts_at, expires_at, reason)
  values (p_account_id, p_meter, p_kind, p_amount, p_priority, octroi_private.now(), p_expires_at, p_reason)
  returning id
$$;
comment on function octroi_private.add_grant(uuid, text, bigint, text, text, timestamptz, smallint) is
'Grants quota on top of the plan (kind rollover, promo or top_up) and says why. Raises 23514 on a bad amount or kind.';

reset role;
