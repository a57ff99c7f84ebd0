-- Which limits are in force for whom, and what stands on top of them.
set role octroi_owner;

-- Whether Stripe bills what is used beyond a plan. It bills nothing of a trial, and what it could not collect once is
-- not to grow. A plan that nobody pays for has what its operator gave it.
create function octroi_private.is_overage_billed(p_stripe_subscription_id text)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return p_stripe_subscription_id is null or exists (
    select from octroi_private.stripe_subscription as s
    where s.id = p_stripe_subscription_id and s.status = 'active' and not s.is_paused
  );
end
$$;

-- Every limit in force, before grants. What a plan includes is added to by grants and overage; a budget and the
-- operator's limit cap all of that, the smaller first. Where no plan bounds the same thing, they are all there is.
create view octroi_private.limit_in_force with (security_invoker = true) as
select
  every.account_id, every.scope, every.subject, every.meter, every.period,
  coalesce(min(every.amount) filter (where every.set_by = 'plan'), min(every.amount)) as included,
  coalesce(min(every.overage) filter (where every.set_by = 'plan'), 0) as overage,
  min(every.amount) filter (where every.set_by <> 'plan') as ceiling,
  (array_agg(every.set_by order by every.amount asc, every.set_by desc) filter (where every.set_by <> 'plan'))[1]
    as ceiling_by
from (
  select s.account_id, l.scope::text, who.subject, l.meter::text, l.period::text, l.amount::bigint,
    case
      when o.meter is null then l.overage
      when s.overage_closed_at is not null or not coalesce(t.is_on, o.is_on)
        or not octroi_private.is_overage_billed(s.stripe_subscription_id) then 0
      else least(l.overage, octroi_private.overage_units(
        least(t.spend_cap_minor, o.spend_cap_minor), o.price_minor, o.slice
      ))
    end::bigint as overage,
    'plan' as set_by
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
  select b.account_id, b.scope::text, b.subject, b.meter::text, b.period::text, b.amount::bigint, 0, 'budget'
  from octroi_private.budget as b
  -- by the key's own index, one budget after the other
  left join octroi_private.api_key as k on k.id = case b.scope when 'api_key' then b.subject::uuid end
  where b.scope <> 'api_key' or k.id is not null and k.revoked_at is null
  union all
  select
    o.account_id, case when o.model = '' then 'account' else 'model' end, o.model, o.meter::text, o.period::text,
    o.amount::bigint, 0, 'operator'
  from octroi_private.account_limit as o
) as every
group by every.account_id, every.scope, every.subject, every.meter, every.period;
comment on view octroi_private.limit_in_force is
'Limits by what they bound, without grants on top: what the plan includes, the overage that the account lets happen, and the ceiling over all of it that a budget or the operator set.';

-- What a limit allows under its ceiling: the amount without what is charged beyond it, and that.
create function octroi_private.under_ceiling(
  p_amount bigint, p_overage bigint, p_ceiling bigint, out allowed bigint, out overage bigint
)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select least(p_amount, p_ceiling),
    case when p_ceiling is null then p_overage else least(p_overage, greatest(p_ceiling - p_amount, 0)) end
$$;

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

-- What was drawn from grants that were then taken back, as far as no month has worked it off yet: a month does so by
-- what its plan's own amount was lowered by and was not used all the same. One in which nobody called has no balance,
-- and works off nothing. Below zero when a reversal came to nothing after all: what was worked off is given back, in
-- the month in which that is known.
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
    select sum(greatest(g.drawn + g.revoked - g.amount, 0))
    from octroi_private.quota_grant as g
    where g.account_id = p_account_id and g.meter = p_meter and g.revoked > 0
  ), 0)::bigint - coalesce((
    select sum(
      b.set_off - least(greatest(b.used - b.from_grants - b.from_overage - b.included, 0), greatest(b.set_off, 0))
    )
    from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at <= p_period_start and b.scope = 'account' and b.subject = ''
      and b.meter = p_meter and b.period = 'month' and b.set_off <> 0 and b.is_bound
  ), 0)::bigint else 0 end
$$;

-- Quota on top of a limit: grants raise the account's monthly amount and nothing else. What calls of an earlier
-- month still hold beyond their plan is theirs to draw, and not granted again. A debt that the month's own amount does
-- not cover keeps as much of them from being used until it does.
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
    ), 0) - octroi_private.held_of_earlier_months(p_account_id, p_meter, p_at)
    - coalesce((
      select greatest(octroi_private.debt_of(p_account_id, 'account', p_meter, 'month', m.period_start) - l.included, 0)
      from octroi_private.period_bounds('month', octroi_private.anchor_of(p_account_id), p_at) as m
      join octroi_private.limit_in_force as l
        on l.account_id = p_account_id and l.scope = 'account' and l.meter = p_meter and l.period = 'month'
      -- most accounts never owe anything
      where exists (
        select from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.meter = p_meter and g.revoked > 0
      )
    ), 0), 0
  )::bigint else 0 end
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
      when 'api_key' then e.api_key_id::text else case when e.model = p_subject or exists (
        select from octroi_private.model_alias as a where a.alias = e.model and a.model = p_subject
      ) then p_subject end
    end
$$;

-- The month that a change of anchor cut short, where the month that begins at p_period_start is the first of another
-- one: changing from month to year begins anew at Stripe. No row when it was not cut short, or by the end of a trial.
create function octroi_private.month_cut_short(p_account_id uuid, p_period_start timestamptz)
returns table (period_start timestamptz, resets_at timestamptz, is_same_subscription boolean)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select m.period_start, m.resets_at, has.stripe_subscription_id is not distinct from had.stripe_subscription_id
  from octroi_private.subscription as has
  cross join lateral (
    select s.stripe_subscription_id, s.anchor_at
    from octroi_private.subscription as s
    where s.account_id = has.account_id and s.anchor_at <> has.anchor_at and s.stripe_subscription_id is not null
    order by s.started_at desc, s.id desc
    limit 1
  ) as had
  cross join lateral octroi_private.period_bounds('month', had.anchor_at, has.anchor_at) as m
  where has.account_id = p_account_id and has.ended_at is null and has.anchor_at = p_period_start
    and m.period_start < has.anchor_at
    and not exists (
      select from octroi_private.stripe_subscription as t
      where t.id = has.stripe_subscription_id and t.trial_ends_at = has.anchor_at
    );
end
$$;

-- What a subscription that goes on with another anchor used of the month which that cut short: no month is handed out
-- twice. Grants and overage have paid for their part; what running calls still hold counts as used. Null where no
-- month was cut short.
create function octroi_private.used_of_cut_month(
  p_account_id uuid, p_scope text, p_subject text, p_meter text, p_period text, p_period_start timestamptz
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select greatest(b.used + b.reserved - b.from_grants - b.from_overage, 0)::bigint
  from octroi_private.month_cut_short(p_account_id, p_period_start) as m
  join octroi_private.balance as b
    on b.account_id = p_account_id and b.resets_at = m.resets_at and b.scope = p_scope and b.subject = p_subject
    and b.meter = p_meter and b.period = p_period
  where p_period = 'month' and m.is_same_subscription
$$;

-- How many members the plan of an account has seats for; null: any number.
create function octroi_private.seats_of(p_account_id uuid)
returns integer
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select v.seats
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where s.account_id = p_account_id and s.ended_at is null
$$;

-- A team grows no larger than its plan's seats.
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
  v_seats := octroi_private.seats_of(new.account_id);
  if (select count(*) from octroi_private.member as m where m.account_id = new.account_id) >= v_seats then
    raise exception 'all % seats of the plan are taken', v_seats using errcode = 'OC013',
      hint = 'A bigger plan has more, and remove_member frees one.';
  end if;
  return new;
end
$$;
create trigger member_seats before insert on octroi_private.member
for each row execute function octroi_private.refuse_beyond_seats();

-- A team that came to a plan with fewer seats than it has members keeps them all, and so many of them may call: the
-- owner, then whoever has been there longest.
create function octroi_private.has_seat(p_account_id uuid, p_user_id uuid, p_seats integer)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p_seats is null or p_user_id in (
    select m.user_id from octroi_private.member as m
    where m.account_id = p_account_id
    order by (m.role = 'owner') desc, m.created_at, m.user_id
    limit p_seats
  )
$$;
comment on function octroi_private.has_seat(uuid, uuid, integer) is
'Whether a member is one of the so many whom the plan has seats for; null seats are enough for everybody.';

-- How the output of an account's calls is bounded: per choice where a call names no limit, and the least that it is cut
-- to; and how long a call waits for room that others hold. What is stated for the account counts before its plan's, and
-- that before the model's. A call that is to reason needs more, since what a model thinks is output too; with
-- p_reasoning null it is the model's own way that counts.
create function octroi_private.output_terms(p_account_id uuid, p_price_id bigint, p_reasoning boolean)
returns table (default_output_tokens bigint, least_output_tokens bigint, hold_wait_seconds integer)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select
    coalesce(
      a.default_output_tokens, v.default_output_tokens, p.default_output_tokens,
      case when coalesce(p_reasoning, p.is_reasoning) then 16384 else 4096 end
    )::bigint,
    coalesce(
      v.least_output_tokens, p.least_output_tokens,
      case when coalesce(p_reasoning, p.is_reasoning) then 1024 else 16 end
    )::bigint,
    v.hold_wait_seconds::integer
  from octroi_private.model_price as p
  join octroi_private.account as a on a.id = p_account_id
  join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where p.id = p_price_id;
end
$$;

reset role;
