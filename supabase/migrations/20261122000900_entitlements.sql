-- From rules to rows: the balances and the entitlement that a call reads.
set role octroi_owner;

-- Locks the balances of an account that still run, and the month that a change of anchor cut short, in the order every
-- verb does. What belongs to a limit that is gone, or to a period that is counted from another anchor now, binds no
-- more.
create function octroi_private.lock_balances(p_account_id uuid, p_anchor_at timestamptz, p_at timestamptz)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint [];
begin
  select array_agg(r.id) into v_ids
  from (
    select b.id from octroi_private.balance as b
    where b.account_id = p_account_id and (
      b.resets_at > p_at or b.period = 'month' and b.period_start < p_anchor_at and b.resets_at > p_anchor_at
    )
    order by b.id
    for no key update
  ) as r;
  update octroi_private.balance as b
  set is_bound = false
  where b.id = any(v_ids) and b.is_bound and not exists (
    select from octroi_private.limit_in_force as l
    -- by the account itself: by the balance's, the limits of every account would be worked out
    where l.account_id = p_account_id and l.scope = b.scope and l.subject = b.subject and l.meter = b.meter
      and l.period = b.period
      and b.resets_at = (select p.resets_at from octroi_private.period_bounds(l.period, p_anchor_at, p_at) as p)
  );
end
$$;

-- Brings the balances of an account in line with its limits now: opens what is missing, adjusts what changed, takes up
-- what was used while a limit was gone. A limit below what is already used and held allows nothing more, and takes
-- nothing back.
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
  perform octroi_private.lock_balances(p_account_id, v_anchor_at, v_now);
  perform octroi_private.expire_grants(p_account_id);
  perform octroi_private.roll_over(p_account_id, v_anchor_at, v_now);
  for v_limit in
    select l.account_id, l.scope, l.subject, l.meter, l.period, p.period_start, p.resets_at, b.id as balance_id,
      b.used, coalesce(b.is_bound, false) as is_bound, plan.included, l.included - plan.included as set_off,
      capped.allowed, l.ceiling, l.ceiling_by,
      -- what was used as overage before the plan changed does not come out of the new one
      greatest(capped.overage, coalesce(b.from_overage, 0)) as overage
    from octroi_private.limit_in_force as l
    cross join lateral octroi_private.period_bounds(l.period, v_anchor_at, v_now) as p
    left join octroi_private.balance as b
      on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
      and b.subject = l.subject and b.meter = l.meter and b.period = l.period
    cross join lateral (
      select greatest(
        l.included - octroi_private.debt_of(l.account_id, l.scope, l.meter, l.period, p.period_start), 0
      ) as included
    ) as plan
    cross join lateral octroi_private.under_ceiling(
      plan.included + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, v_now)
      + coalesce(b.from_grants, 0), l.overage, l.ceiling
    ) as capped
    where l.account_id = p_account_id
    order by b.id, l.scope, l.subject, l.meter, l.period
  loop
    v_missed := case when v_limit.is_bound then 0 else coalesce(
      case when v_limit.balance_id is null then octroi_private.used_of_cut_month(
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period, v_limit.period_start
      ) end,
      greatest(octroi_private.used_since(
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period_start
      ) - coalesce(v_limit.used, 0), 0)
    ) end;
    if v_limit.balance_id is null then
      insert into octroi_private.balance (
        account_id, scope, subject, meter, period, period_start, resets_at, included, ceiling, ceiling_by, allowed,
        granted, overage, carried, used, set_off, alert_at
      )
      values (
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period, v_limit.period_start,
        v_limit.resets_at, v_limit.included, v_limit.ceiling, v_limit.ceiling_by, v_limit.allowed,
        greatest(v_limit.allowed, v_missed - v_limit.overage), v_limit.overage, v_missed, v_missed, v_limit.set_off,
        octroi_private.alert_amount(
          p_account_id, v_limit.scope, v_limit.meter, v_limit.period, v_missed, null, v_limit.allowed
        )
      );
    else
      update octroi_private.balance as b
      set included = v_limit.included, ceiling = v_limit.ceiling, ceiling_by = v_limit.ceiling_by,
        overage = v_limit.overage, allowed = v_limit.allowed, is_bound = true, set_off = v_limit.set_off,
        alert_at = octroi_private.rearm_alerts(b, v_limit.allowed),
        carried = b.carried + v_missed, used = b.used + v_missed,
        granted = greatest(v_limit.allowed, b.used + v_missed + b.reserved - v_limit.overage)
      where b.id = v_limit.balance_id
        and (
          v_missed > 0
          or (b.included, b.ceiling, b.ceiling_by, b.overage, b.allowed, b.is_bound, b.set_off) is distinct from (
            v_limit.included, v_limit.ceiling, v_limit.ceiling_by, v_limit.overage, v_limit.allowed, true,
            v_limit.set_off
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
  -- the model's name, whatever other name it was asked by
  v_model text;
begin
  select a.* into v_account from octroi_private.account as a where a.id = p_account_id;
  if not exists (
    select from octroi_private.member as m where m.account_id = p_account_id and m.user_id = p_user_id
  ) then
    return 'not_a_member';
  end if;
  if v_account.status <> 'active' or octroi_private.is_banned(p_user_id) then
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
  elsif not octroi_private.has_seat(p_account_id, p_user_id, v_plan.seats) then
    return 'no_seat';
  end if;
  select p.model into v_model
  from octroi_private.model_price as p
  where p.id = octroi_private.price_at(p_model, v_now);
  if v_model is null then
    return 'model_not_priced';
  end if;
  if not v_plan.allowed_models && array[p_model, v_model] or not v_key.allowed_models && array[p_model, v_model] then
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
  -- what was paid for is over: what comes next is in force before anything is resolved
  if exists (
    select from octroi_private.subscription as s
    where s.account_id = p_account_id and s.ended_at is null and s.granted_until <= v_now
  ) then
    perform octroi_private.sync_access(p_account_id);
  end if;
  if octroi_private.why_refused(p_account_id, p_api_key_id, p_user_id, p_model) is not null then
    return false;
  end if;
  perform octroi_private.open_balances(p_account_id);
  insert into octroi_private.entitlement (
    account_id, api_key_id, user_id, model, price_id, plan_code, balance_ids, default_output_tokens,
    least_output_tokens, reasoning_default_output_tokens, reasoning_least_output_tokens, reasons_by_default,
    hold_wait_seconds, on_disconnect, valid_until
  )
  select
    p_account_id, coalesce(p_api_key_id, '00000000-0000-0000-0000-000000000000'), p_user_id, p_model,
    p.id, v.plan_code, coalesce(bound.balance_ids, '{}'), t.default_output_tokens, t.least_output_tokens,
    r.default_output_tokens, r.least_output_tokens, p.is_reasoning, t.hold_wait_seconds, v.on_disconnect,
    least(
      coalesce(bound.resets_at, 'infinity'), coalesce(upper(p.valid), 'infinity'), coalesce(k.expires_at, 'infinity'),
      coalesce((
        select min(case when g.starts_at > v_now then g.starts_at else g.expires_at end)
        from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.ended_at is null
      ), 'infinity'),
      s.granted_until,
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
  cross join lateral octroi_private.output_terms(p_account_id, p.id, false) as t
  cross join lateral octroi_private.output_terms(p_account_id, p.id, true) as r
  cross join lateral (
    select array_agg(b.id order by b.id) as balance_ids, min(b.resets_at) as resets_at
    from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at > v_now and b.period_start <= v_now and b.is_bound
      and b.subject = case b.scope
        when 'account' then '' when 'member' then p_user_id::text
        when 'api_key' then p_api_key_id::text
        -- a limit of the model binds calls by its other names too
        when 'model' then case b.subject when p_model then p_model else p.model end
      end
  ) as bound
  where p.id = octroi_private.price_at(p_model, v_now)
  on conflict (account_id, api_key_id, user_id, model) do update
  set price_id = excluded.price_id, plan_code = excluded.plan_code, balance_ids = excluded.balance_ids,
    default_output_tokens = excluded.default_output_tokens, least_output_tokens = excluded.least_output_tokens,
    reasoning_default_output_tokens = excluded.reasoning_default_output_tokens,
    reasoning_least_output_tokens = excluded.reasoning_least_output_tokens,
    reasons_by_default = excluded.reasons_by_default,
    hold_wait_seconds = excluded.hold_wait_seconds, on_disconnect = excluded.on_disconnect,
    valid_until = excluded.valid_until;
  return true;
end
$$;
comment on function octroi_private.open_entitlement(uuid, uuid, uuid, text) is
'Opens balances and writes the entitlement of a caller for a model; false when why_refused gives a reason.';

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
create trigger account_voids after update of status, default_output_tokens on octroi_private.account
for each row execute function octroi_private.void_entitlements();
create trigger member_voids after insert or update or delete on octroi_private.member
for each row execute function octroi_private.void_entitlements();
create trigger api_key_voids after update or delete on octroi_private.api_key
for each row execute function octroi_private.void_entitlements();
create trigger subscription_voids after insert or update or delete on octroi_private.subscription
for each row execute function octroi_private.void_entitlements();
create trigger budget_voids after insert or update or delete on octroi_private.budget
for each row execute function octroi_private.void_entitlements();
create trigger account_limit_voids after insert or update or delete on octroi_private.account_limit
for each row execute function octroi_private.void_entitlements();
create trigger quota_grant_voids
after insert or delete or update of amount, starts_at, expires_at, ended_at, revoked on octroi_private.quota_grant
for each row execute function octroi_private.void_entitlements();
create trigger overage_setting_voids after insert or update or delete on octroi_private.overage_setting
for each row execute function octroi_private.void_entitlements();

-- A ban concerns its user, on every account of theirs. Once it is over there is nothing to void: none was opened.
create function octroi_private.void_entitlements_of_banned()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_accounts uuid [] := array(
    select m.account_id from octroi_private.member as m where m.user_id = new.user_id order by m.account_id
  );
begin
  perform from octroi_private.account as a where a.id = any(v_accounts) order by a.id for no key update;
  delete from octroi_private.entitlement as e where e.account_id = any(v_accounts) and e.user_id = new.user_id;
  return null;
end
$$;
create trigger ban_voids after insert or update on octroi_private.ban
for each row execute function octroi_private.void_entitlements_of_banned();

-- Prices and plan contents concern every account. The lock waits for calls in the act of opening one by the rules
-- before, and makes others wait for the new ones.
create function octroi_private.void_all_entitlements()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  lock table octroi_private.entitlement in share row exclusive mode;
  delete from octroi_private.entitlement;
  return null;
end
$$;
create trigger model_price_voids after insert or update or delete on octroi_private.model_price
for each statement execute function octroi_private.void_all_entitlements();
create trigger model_alias_voids after insert or update or delete on octroi_private.model_alias
for each statement execute function octroi_private.void_all_entitlements();
create trigger plan_version_voids after update or delete on octroi_private.plan_version
for each statement execute function octroi_private.void_all_entitlements();
create trigger plan_limit_voids after insert or update or delete on octroi_private.plan_limit
for each statement execute function octroi_private.void_all_entitlements();

reset role;
