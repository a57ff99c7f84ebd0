-- From rules to rows: which limits bind a caller, and the balances and entitlement that a call reads.
set role octroi_owner;

-- Every limit in force, before grants. Where a plan and a budget bound the same thing, the smaller holds.
create view octroi_private.limit_in_force with (security_invoker = true) as
select
  every.account_id, every.scope, every.subject, every.meter, every.period,
  min(every.amount) as included, min(every.overage) as overage
from (
  select s.account_id, l.scope::text, who.subject, l.meter::text, l.period::text, l.amount::bigint, l.overage::bigint
  from octroi_private.subscription as s
  join octroi_private.plan_limit as l on l.plan_version_id = s.plan_version_id
  cross join lateral (
    select '' as subject where l.scope = 'account'
    union all
    select l.model where l.scope = 'model'
    union all
    select m.user_id::text from octroi_private.member as m where l.scope = 'member' and m.account_id = s.account_id
    union all
    select k.id::text from octroi_private.api_key as k
    where l.scope = 'api_key' and k.account_id = s.account_id and k.revoked_at is null
  ) as who
  where s.ended_at is null
  union all
  select b.account_id, b.scope::text, b.subject, b.meter::text, b.period::text, b.amount::bigint, 0
  from octroi_private.budget as b
) as every
group by every.account_id, every.scope, every.subject, every.meter, every.period;
comment on view octroi_private.limit_in_force is
'Limits of plans and budgets by what they bound, without grants on top.';

-- What calls of an earlier month still hold beyond their plan.
create function octroi_private.held_of_earlier_months(p_account_id uuid, p_meter text, p_at timestamptz)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(least(b.reserved, greatest(b.used + b.reserved - b.included, 0))), 0)::bigint
  from octroi_private.balance as b
  where b.account_id = p_account_id and b.scope = 'account' and b.period = 'month' and b.meter = p_meter
    and b.resets_at between p_at - interval '2 days' and p_at and b.reserved > 0
$$;

-- Quota on top of a limit: grants raise the account's monthly amount and nothing else. What calls of an earlier
-- month still hold beyond their plan is theirs to draw, and not granted again.
create function octroi_private.granted_on_top(
  p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamptz
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when p_scope = 'account' and p_period = 'month' then greatest(
    coalesce((
      select sum(g.amount - g.drawn)
      from octroi_private.quota_grant as g
      where g.account_id = p_account_id and g.meter = p_meter and g.ended_at is null
        and g.starts_at <= p_at and g.expires_at > p_at
    ), 0) - octroi_private.held_of_earlier_months(p_account_id, p_meter, p_at), 0
  )::bigint else 0 end
$$;

-- The anchor that an account's months are counted from.
create function octroi_private.anchor_of(p_account_id uuid)
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select s.anchor_at from octroi_private.subscription as s where s.account_id = p_account_id and s.ended_at is null),
    (select a.created_at from octroi_private.account as a where a.id = p_account_id)
  )
$$;

-- What was used in a period before a limit on it was opened; overruns were never charged.
create function octroi_private.used_since(
  p_account_id uuid, p_scope text, p_subject text, p_meter text, p_since timestamptz
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(case p_meter
    when 'tokens' then e.total_tokens - e.overrun_tokens
    when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
    else 1 - e.overrun_requests
  end), 0)::bigint
  from octroi_private.usage_event as e
  where e.account_id = p_account_id and e.occurred_at >= p_since
    and p_subject = case p_scope
      when 'account' then '' when 'member' then e.user_id::text
      when 'api_key' then e.api_key_id::text else e.model
    end
$$;

-- Brings the balances of an account in line with its limits now: opens what is missing, adjusts what changed, takes up
-- what was used while a limit was gone. A limit below what is already used and held allows nothing more, and takes
-- nothing back. Locks the balances in the order every verb does.
create function octroi_private.open_balances(p_account_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_anchor_at timestamptz := octroi_private.anchor_of(p_account_id);
  v_limit record;
  v_missed bigint;
begin
  perform from octroi_private.balance as b
  where b.account_id = p_account_id and b.resets_at > v_now
  order by b.id
  for no key update;
  perform octroi_private.expire_grants(p_account_id);
  update octroi_private.balance as b
  set is_bound = false
  where b.account_id = p_account_id and b.resets_at > v_now and b.is_bound and not exists (
    select from octroi_private.limit_in_force as l
    where l.account_id = b.account_id and l.scope = b.scope and l.subject = b.subject and l.meter = b.meter
      and l.period = b.period
  );
  for v_limit in
    select l.*, p.period_start, p.resets_at, b.id as balance_id, b.used, coalesce(b.is_bound, false) as is_bound,
      l.included + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, v_now)
      + coalesce((select sum(d.amount) from octroi_private.quota_draw as d where d.balance_id = b.id), 0) as allowed
    from octroi_private.limit_in_force as l
    cross join lateral octroi_private.period_bounds(l.period, v_anchor_at, v_now) as p
    left join octroi_private.balance as b
      on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
      and b.subject = l.subject and b.meter = l.meter and b.period = l.period
    where l.account_id = p_account_id
    order by b.id, l.scope, l.subject, l.meter, l.period
  loop
    v_missed := case when v_limit.is_bound then 0 else greatest(octroi_private.used_since(
      p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period_start
    ) - coalesce(v_limit.used, 0), 0) end;
    if v_limit.balance_id is null then
      insert into octroi_private.balance (
        account_id, scope, subject, meter, period, period_start, resets_at, included, allowed, granted, overage,
        carried, used
      )
      values (
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period, v_limit.period_start,
        v_limit.resets_at, v_limit.included, v_limit.allowed, greatest(v_limit.allowed, v_missed - v_limit.overage),
        v_limit.overage, v_missed, v_missed
      );
    else
      update octroi_private.balance as b
      set included = v_limit.included, overage = v_limit.overage, allowed = v_limit.allowed, is_bound = true,
        carried = b.carried + v_missed, used = b.used + v_missed,
        granted = greatest(v_limit.allowed, b.used + v_missed + b.reserved - v_limit.overage)
      where b.id = v_limit.balance_id
        and (
          v_missed > 0 or (b.included, b.overage, b.allowed, b.is_bound) is distinct from (
            v_limit.included, v_limit.overage, v_limit.allowed, true
          )
        );
    end if;
  end loop;
end
$$;

-- Why a caller may not use a model, or null when they may. The one place that knows the order of the reasons.
create function octroi_private.why_refused(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_account octroi_private.account;
  v_key octroi_private.api_key;
  v_plan octroi_private.plan_version;
begin
  select a.* into v_account from octroi_private.account as a where a.id = p_account_id;
  if not exists (
    select from octroi_private.member as m where m.account_id = p_account_id and m.user_id = p_user_id
  ) then
    return 'not_a_member';
  end if;
  if v_account.status <> 'active' then
    return 'account_suspended';
  end if;
  if p_api_key_id is not null then
    select k.* into v_key
    from octroi_private.api_key as k
    where k.id = p_api_key_id and k.account_id = p_account_id and k.user_id = p_user_id;
    if v_key.id is null or v_key.revoked_at is not null then
      return 'key_revoked';
    elsif v_key.expires_at <= v_now then
      return 'key_expired';
    end if;
  end if;
  select v.* into v_plan
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where s.account_id = p_account_id and s.ended_at is null;
  if v_plan.id is null then
    return 'no_plan';
  end if;
  if not exists (
    select from octroi_private.model_price as p
    where p.model = p_model and p.valid operator(pg_catalog.@>) v_now
  ) then
    return 'model_not_priced';
  end if;
  if p_model <> all(v_plan.allowed_models) or p_model <> all(v_key.allowed_models) then
    return 'model_not_allowed';
  end if;
  return null;
end
$$;

-- Resolves a caller and a model to an entitlement. Writes none when the caller may not use the model.
create function octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  -- One opener at a time per account, and none while a rule of the account is being changed.
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  if octroi_private.why_refused(p_account_id, p_api_key_id, p_user_id, p_model) is not null then
    return false;
  end if;
  perform octroi_private.open_balances(p_account_id);
  insert into octroi_private.entitlement (
    account_id, api_key_id, user_id, model, price_id, plan_code, balance_ids, valid_until
  )
  select
    p_account_id, coalesce(p_api_key_id, '00000000-0000-0000-0000-000000000000'), p_user_id, p_model,
    p.id, v.plan_code, coalesce(bound.balance_ids, '{}'),
    least(
      coalesce(bound.resets_at, 'infinity'), coalesce(upper(p.valid), 'infinity'), coalesce(k.expires_at, 'infinity'),
      coalesce((
        select min(case when g.starts_at > v_now then g.starts_at else g.expires_at end)
        from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.ended_at is null
      ), 'infinity'),
      -- what an earlier month holds comes free within a call's time
      case when exists (
        select from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.ended_at is null
          and octroi_private.held_of_earlier_months(p_account_id, g.meter, v_now) > 0
      ) then v_now + interval '1 minute' else 'infinity' end
    )
  from octroi_private.model_price as p
  join octroi_private.subscription as s on s.account_id = p_account_id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  left join octroi_private.api_key as k on k.id = p_api_key_id
  cross join lateral (
    select array_agg(b.id order by b.id) as balance_ids, min(b.resets_at) as resets_at
    from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at > v_now and b.period_start <= v_now and b.is_bound
      and b.subject = case b.scope
        when 'account' then '' when 'member' then p_user_id::text
        when 'api_key' then p_api_key_id::text when 'model' then p_model
      end
  ) as bound
  where p.model = p_model and p.valid operator(pg_catalog.@>) v_now
  on conflict (account_id, api_key_id, user_id, model) do update
  set price_id = excluded.price_id, plan_code = excluded.plan_code, balance_ids = excluded.balance_ids,
    valid_until = excluded.valid_until;
  return true;
end
$$;
-- Opens and locks for a batch in which some caller has nothing open, account by account: the order in which a batch
-- with everything open locks. Returns the balances locked.
create function octroi_private.open_and_lock(
  p_account_ids uuid [], p_api_key_ids uuid [], p_user_ids uuid [], p_models text []
)
returns bigint []
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
  v_locked bigint [] := '{}';
begin
  for v_caller in
    select distinct i.account_id, i.api_key_id, i.user_id, i.model
    from unnest(p_account_ids, p_api_key_ids, p_user_ids, p_models) as i (account_id, api_key_id, user_id, model)
    order by i.account_id, i.api_key_id, i.user_id, i.model
  loop
    if not exists (
      select from octroi_private.entitlement as e
      where e.account_id = v_caller.account_id and e.user_id = v_caller.user_id and e.model = v_caller.model
        and e.api_key_id = coalesce(v_caller.api_key_id, '00000000-0000-0000-0000-000000000000')
        and e.valid_until > octroi_private.now()
    ) then
      perform octroi_private.open_entitlement(
        v_caller.account_id, v_caller.api_key_id, v_caller.user_id, v_caller.model
      );
    end if;
    v_locked := v_locked || array(
      select b.id from octroi_private.balance as b
      where b.account_id = v_caller.account_id and b.resets_at > octroi_private.now()
      order by b.id
      for no key update
    );
  end loop;
  return v_locked;
end
$$;

comment on function octroi_private.open_entitlement(uuid, uuid, uuid, text) is
'Opens balances and writes the entitlement of a caller for a model; false when why_refused gives a reason.';

-- Draws what calls just settled used beyond their plan's own amount from the accounts' grants, in the documented
-- order. What no grant covers is overage. The caller has the balances locked, so that used is these calls' doing last.
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
  v_left bigint;
begin
  for v_call in
    -- a call's share is what the balance stood beyond the plan after it, less what it stood before it
    select c.id, c.account_id, c.occurred_at, c.balance_id, c.meter, least(
      c.charged, c.used - c.included - coalesce(sum(c.charged) over later, 0)
    )::bigint as amount
    from (
      select
        e.id, e.account_id, e.occurred_at, b.id as balance_id, b.meter, b.used, b.included, ids.ord,
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
    ) as c
    window later as (partition by c.balance_id order by c.ord desc rows between unbounded preceding and 1 preceding)
    order by c.ord, c.balance_id
  loop
    v_left := v_call.amount;
    for v_grant in
      select g.id, g.amount - g.drawn as remaining, g.ended_at is not null as has_ended
      from octroi_private.quota_grant as g
      where g.account_id = v_call.account_id and g.meter = v_call.meter and g.drawn < g.amount
        -- not over when the call started, unless it was ended before its time
        and g.starts_at <= v_now and g.expires_at > v_call.occurred_at
        and (g.ended_at is null or g.ended_at >= g.expires_at)
      order by
        array_position(array['rollover', 'promo', 'top_up'], g.kind), g.priority, g.expires_at, g.created_at, g.id
      for update
    loop
      exit when v_left <= 0;
      update octroi_private.quota_grant as g
      set drawn = g.drawn + least(v_left, v_grant.remaining)
      where g.id = v_grant.id;
      insert into octroi_private.quota_draw (grant_id, request_id, balance_id, amount, drawn_at)
      values (v_grant.id, v_call.id, v_call.balance_id, least(v_left, v_grant.remaining), v_now);
      -- the balance had stopped counting on a grant that is over; what was still drawn from it is allowed after all
      if v_grant.has_ended then
        update octroi_private.balance as b
        set allowed = b.allowed + least(v_left, v_grant.remaining),
          granted = greatest(b.allowed + least(v_left, v_grant.remaining), b.used + b.reserved - b.overage)
        where b.id = v_call.balance_id;
      end if;
      v_left := v_left - v_grant.remaining;
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

-- A changed rule voids every entitlement it may have shaped. The lock waits for calls in the act of opening one.
create function octroi_private.void_entitlements()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := to_jsonb(coalesce(new, old));
  v_account_id uuid := coalesce(v_row ->> 'account_id', v_row ->> 'id')::uuid;
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  delete from octroi_private.entitlement as e where e.account_id = v_account_id;
  return null;
end
$$;
create trigger account_voids after update of status on octroi_private.account
for each row execute function octroi_private.void_entitlements();
create trigger member_voids after insert or update or delete on octroi_private.member
for each row execute function octroi_private.void_entitlements();
create trigger api_key_voids after update or delete on octroi_private.api_key
for each row execute function octroi_private.void_entitlements();
create trigger subscription_voids after insert or update or delete on octroi_private.subscription
for each row execute function octroi_private.void_entitlements();
create trigger budget_voids after insert or update or delete on octroi_private.budget
for each row execute function octroi_private.void_entitlements();
create trigger quota_grant_voids
after insert or delete or update of amount, starts_at, expires_at, ended_at on octroi_private.quota_grant
for each row execute function octroi_private.void_entitlements();

-- Prices and plan contents concern every account.
create function octroi_private.void_all_entitlements()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from octroi_private.entitlement;
  return null;
end
$$;
create trigger model_price_voids after insert or update or delete on octroi_private.model_price
for each statement execute function octroi_private.void_all_entitlements();
create trigger plan_version_voids after update or delete on octroi_private.plan_version
for each statement execute function octroi_private.void_all_entitlements();
create trigger plan_limit_voids after insert or update or delete on octroi_private.plan_limit
for each statement execute function octroi_private.void_all_entitlements();

reset role;
