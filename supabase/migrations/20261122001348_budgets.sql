-- Limits that customers set for themselves: on all of an account, on a model, on a key, on a member of a team. Where a
-- plan limits the same thing, the smaller holds; in force from the next call on.
set role octroi_owner;

-- Refuses what would be one too many of those that may bind a call: a key that expired makes none, and leaves its own
-- behind until it is revoked. The caller has the account locked.
create function octroi_private.refuse_more_budgets(p_account_id uuid, p_more integer)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_max_budgets constant integer := 1000;
begin
  if p_more > 0 and p_more + (
    select count(*)
    from octroi_private.budget as b
    left join octroi_private.api_key as k
      on b.scope = 'api_key' and k.account_id = b.account_id and k.id::text = b.subject
    where b.account_id = p_account_id
      and (b.scope <> 'api_key' or coalesce(k.expires_at, 'infinity') > octroi_private.now())
  ) > c_max_budgets then
    raise exception 'this account has % budgets at most', c_max_budgets using errcode = 'OC013',
      hint = 'A null amount takes one away; those of a key end when it is revoked.';
  end if;
end
$$;

-- The one place that writes a budget for a front end. A null amount takes it away; whether anything changed.
create function octroi_private.put_budget(
  p_account_id uuid, p_scope text, p_subject text, p_meter text, p_period text, p_amount bigint
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_changed boolean;
begin
  if p_meter is null or p_meter not in ('tokens', 'requests', 'cost') then
    raise exception 'meter is tokens, requests or cost' using errcode = '22023';
  elsif p_period is null or p_period not in ('day', 'month', 'lifetime') then
    raise exception 'period is day, month or lifetime' using errcode = '22023';
  elsif p_amount not between 0 and 1000000000000000 then
    raise exception 'amount is 0 to 1,000,000,000,000,000, or null for no limit' using errcode = '22023';
  end if;
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  if p_amount is null then
    delete from octroi_private.budget as b
    where b.account_id = p_account_id and b.scope = p_scope and b.subject = p_subject and b.meter = p_meter
      and b.period = p_period;
    v_is_changed := found;
  else
    if not exists (
      select from octroi_private.budget as b
      where b.account_id = p_account_id and b.scope = p_scope and b.subject = p_subject and b.meter = p_meter
        and b.period = p_period
    ) then
      perform octroi_private.refuse_more_budgets(p_account_id, 1);
    end if;
    insert into octroi_private.budget as b (account_id, scope, subject, meter, period, amount, created_at)
    values (p_account_id, p_scope, p_subject, p_meter, p_period, p_amount, octroi_private.now())
    on conflict (account_id, scope, subject, meter, period) do update set amount = excluded.amount
    where b.amount <> excluded.amount;
    v_is_changed := found;
  end if;
  -- at once, and not with the next call: what was used of the period counts, and my_quota says so
  if v_is_changed then
    perform octroi_private.open_balances(p_account_id);
  end if;
  return v_is_changed;
end
$$;

create function octroi.set_budget(meter text, period text, amount bigint, model text default null)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_model text := '';
begin
  if set_budget.model is not null then
    -- what has lost its price since can still be taken away
    v_model := case
      when set_budget.amount is null then octroi_private.canonical_model(set_budget.model)
      else octroi_private.require_priced_model(set_budget.model)
    end;
  end if;
  return octroi_private.put_budget(
    v_account_id, case when set_budget.model is null then 'account' else 'model' end, v_model, set_budget.meter,
    set_budget.period, set_budget.amount
  );
end
$$;
comment on function octroi.set_budget(text, text, bigint, text) is
'Limits what the account that the caller acts for uses in all, or of a model, by whichever of its names; a null amount takes the limit away. False when that is how it stood. Raises OC040, OC020, OC021, OC025, OC013, 22023.';

create function octroi.set_key_budget(id uuid, meter text, period text, amount bigint)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key octroi_private.api_key;
begin
  perform octroi_private.require_step_up();
  v_key := octroi_private.lock_key_to_manage(set_key_budget.id);
  -- a key of an account that its holder has left works no more
  if v_key.id is null or v_key.account_id not in (select octroi_private.my_accounts()) then
    return false;
  end if;
  -- what an admin has narrowed is not the holder's to widen
  if v_key.account_id not in (select octroi_private.my_administered_accounts()) and exists (
    select from octroi_private.budget as b
    where b.account_id = v_key.account_id and b.scope = 'api_key' and b.subject = v_key.id::text
      and b.meter = set_key_budget.meter and b.period = set_key_budget.period
      and (set_key_budget.amount is null or b.amount < set_key_budget.amount)
  ) then
    raise exception 'only an owner or admin of the account lets a key use more than it may' using errcode = 'OC021';
  end if;
  return octroi_private.put_budget(
    v_key.account_id, 'api_key', v_key.id::text, set_key_budget.meter, set_key_budget.period, set_key_budget.amount
  );
end
$$;
comment on function octroi.set_key_budget(uuid, text, text, bigint) is
'Limits what a key of the caller, or of an account they administer, uses; a null amount takes the limit away. Who does not administer the account only narrows. False when there is no such key, or that is how it stood. Raises OC040, OC021, OC013, 22023.';

create function octroi.set_member_budget(member_id uuid, meter text, period text, amount bigint)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.lock_team_to_manage();
begin
  -- the owner's own is theirs to set, as that of all others
  if set_member_budget.member_id = (select auth.uid()) and octroi_private.my_role(v_account_id) = 'owner' then
    null;
  elsif octroi_private.role_of_managed(v_account_id, set_member_budget.member_id) is null then
    return false;
  end if;
  return octroi_private.put_budget(
    v_account_id, 'member', set_member_budget.member_id::text, set_member_budget.meter, set_member_budget.period,
    set_member_budget.amount
  );
end
$$;
comment on function octroi.set_member_budget(uuid, text, text, bigint) is
'Limits what a member of the team that the caller manages uses; a null amount takes the limit away. Only the owner sets an admin''s. False when they are no member, or that is how it stood. Raises OC040, OC020, OC021, OC025, OC027, OC013, 22023.';

reset role;
