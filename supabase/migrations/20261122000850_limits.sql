-- Which limits are in force for whom, and what stands on top of them.
set role octroi_owner;

-- Every limit in force, before grants. Where a plan and a budget bound the same thing, the smaller holds.
create view octroi_private.limit_in_force with (security_invoker = true) as
select
  every.account_id, every.scope, every.subject, every.meter, every.period,
  min(every.amount) as included, min(every.overage) as overage
from (
  select s.account_id, l.scope::text, who.subject, l.meter::text, l.period::text, l.amount::bigint,
    case
      when o.meter is null then l.overage
      when not coalesce(t.is_on, o.is_on) then 0
      else least(l.overage, octroi_private.overage_units(
        least(t.spend_cap_minor, o.spend_cap_minor), o.price_minor, o.slice
      ))
    end::bigint as overage
  from octroi_private.subscription as s
  join octroi_private.plan_limit as l on l.plan_version_id = s.plan_version_id
  left join octroi_private.plan_overage as o
    on o.plan_version_id = l.plan_version_id and o.meter = l.meter and l.scope = 'account' and l.period = 'month'
  left join octroi_private.overage_setting as t on t.account_id = s.account_id
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
'Limits of plans and budgets by what they bound, without grants on top. Overage is what the account lets happen.';

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
      select sum(greatest(g.amount - g.drawn - g.revoked, 0))
      from octroi_private.quota_grant as g
      where g.account_id = p_account_id and g.meter = p_meter and g.ended_at is null
        and g.starts_at <= p_at and g.expires_at > p_at
    ), 0) - octroi_private.held_of_earlier_months(p_account_id, p_meter, p_at), 0
  )::bigint else 0 end
$$;

-- What was drawn from grants that were then taken back. It is a debt of the month in which they were.
create function octroi_private.debt_of(
  p_account_id uuid, p_scope text, p_meter text, p_period text, p_period_start timestamptz
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when p_scope = 'account' and p_period = 'month' then coalesce((
    select greatest(sum(r.debt_change), 0)
    from octroi_private.quota_grant as g
    join octroi_private.revocation as r on r.grant_id = g.id and r.happened_at >= p_period_start
    where g.account_id = p_account_id and g.meter = p_meter and g.source is not null
  ), 0)::bigint else 0 end
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

-- A team grows no larger than its plan's seats; one that was larger before it had the plan stays so.
create function octroi_private.refuse_beyond_seats()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_seats integer;
begin
  perform from octroi_private.account as a where a.id = new.account_id for no key update;
  select v.seats into v_seats
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where s.account_id = new.account_id and s.ended_at is null;
  if (select count(*) from octroi_private.member as m where m.account_id = new.account_id) >= v_seats then
    raise exception 'all % seats of the plan are taken', v_seats using errcode = 'OC013';
  end if;
  return new;
end
$$;
create trigger member_seats before insert on octroi_private.member
for each row execute function octroi_private.refuse_beyond_seats();

reset role;
