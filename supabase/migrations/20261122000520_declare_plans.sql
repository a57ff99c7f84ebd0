-- Plans as one declaration, and what differs from it. A plan whose content changed gets a new version; those who
-- subscribed before keep theirs.
set role octroi_owner;

-- What of a declared plan is versioned, in one form: defaults spelled out, lists in order, models by the name they are
-- limited by.
create function octroi_private.plan_content(p_plan jsonb)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'currency', p_plan -> 'currency',
    'price', coalesce(p_plan -> 'price', '{}'),
    'trial_days', coalesce(p_plan -> 'trial_days', '0'),
    'seats', p_plan -> 'seats',
    'default_output_tokens', p_plan -> 'default_output_tokens',
    'least_output_tokens', p_plan -> 'least_output_tokens',
    'hold_wait_seconds', coalesce(p_plan -> 'hold_wait_seconds', '20'),
    'features', coalesce(p_plan -> 'features', '[]'),
    'on_disconnect', coalesce(p_plan -> 'on_disconnect', '"cancel"'),
    'models', (
      select jsonb_agg(distinct l.item order by l.item) from octroi_private.listed(p_plan -> 'models') as l
    ),
    'top_ups', coalesce((
      select jsonb_agg(distinct l.item order by l.item) from octroi_private.listed(p_plan -> 'top_ups') as l
    ), '[]'),
    'limit', (
      select jsonb_agg(
        jsonb_build_object(
          'scope', coalesce(l.item -> 'scope', '"account"'), 'model', m.name,
          'meter', l.item -> 'meter', 'period', l.item -> 'period', 'amount', l.item -> 'amount',
          'rollover', jsonb_build_object(
            'max', coalesce(l.item #> '{rollover,max}', '0'), 'months', coalesce(l.item #> '{rollover,months}', '1')
          )
        )
        order by l.item ->> 'scope', m.name, l.item ->> 'meter', l.item ->> 'period'
      )
      from octroi_private.listed(p_plan -> 'limit') as l
      cross join lateral octroi_private.canonical_model(coalesce(l.item ->> 'model', '')) as m (name)
    ),
    'overage', coalesce((
      select jsonb_agg(l.item - 'allow_loss' order by l.item ->> 'meter')
      from octroi_private.listed(p_plan -> 'overage') as l
    ), '[]')
  )
$$;

create function octroi_private.pack_content(p_pack jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'name', p_pack -> 'name', 'meter', p_pack -> 'meter', 'amount', p_pack -> 'amount', 'price', p_pack -> 'price',
    'currency', p_pack -> 'currency', 'expires_after_days', p_pack -> 'expires_after_days',
    'priority', coalesce(p_pack -> 'priority', '0')
  )
$$;

-- Everything declared beside what is in force, whole.
create function octroi_private.declared_beside_ours(p_plans jsonb)
returns table (kind text, code text, rank integer, version integer, ours jsonb, theirs jsonb, is_versioned boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with newest as (
    select distinct on (v.plan_code) v.plan_code, v.version, v.content
    from octroi_private.plan_version as v
    order by v.plan_code, v.version desc
  )
  select
    'plan', coalesce(p.code, d.item ->> 'code'), d.place, coalesce(n.version, 0),
    case when p.retired_at is null then n.content || jsonb_build_object(
      'name', p.name, 'default', p.is_default, 'rank', p.rank
    ) end,
    case when d.item is not null then octroi_private.plan_content(d.item) || jsonb_build_object(
      'name', d.item -> 'name', 'default', coalesce(d.item -> 'default', 'false'), 'rank', d.place
    ) end,
    n.content is distinct from octroi_private.plan_content(d.item)
  from octroi_private.plan as p
  join newest as n on n.plan_code = p.code
  full join octroi_private.listed(p_plans -> 'plan') as d on d.item ->> 'code' = p.code
  where d.item is not null or p.retired_at is null
  union all
  select
    'top_up', coalesce(k.code, d.item ->> 'code'), d.place,
    (
      select coalesce(max(o.version), 0) from octroi_private.top_up_pack as o
      where o.code = coalesce(k.code, d.item ->> 'code')
    ),
    k.content, case when d.item is not null then octroi_private.pack_content(d.item) end,
    k.content is distinct from case when d.item is not null then octroi_private.pack_content(d.item) end
  from (select t.code, t.content from octroi_private.top_up_pack as t where t.retired_at is null) as k
  full join octroi_private.listed(p_plans -> 'top_up') as d on d.item ->> 'code' = k.code
$$;

create function octroi_private.make_plan_version(p_code text, p_version integer, p_content jsonb)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
  v_key text := format('octroi-%s-v%s-', p_code, p_version);
begin
  insert into octroi_private.plan_version (
    plan_code, version, allowed_models, currency, trial_days, seats, features, default_output_tokens,
    least_output_tokens, hold_wait_seconds, on_disconnect, content
  )
  values (
    p_code, p_version, (select array_agg(l.item #>> '{}') from octroi_private.listed(p_content -> 'models') as l),
    p_content ->> 'currency', (p_content ->> 'trial_days')::smallint, (p_content ->> 'seats')::integer,
    array(select l.item #>> '{}' from octroi_private.listed(p_content -> 'features') as l),
    (p_content ->> 'default_output_tokens')::bigint, (p_content ->> 'least_output_tokens')::bigint,
    (p_content ->> 'hold_wait_seconds')::smallint, p_content ->> 'on_disconnect', p_content
  )
  returning id into v_id;
  insert into octroi_private.plan_price (plan_version_id, billing_interval, amount_minor, lookup_key)
  select v_id, p.key, p.value::bigint, v_key || p.key from jsonb_each_text(p_content -> 'price') as p;
  insert into octroi_private.plan_overage (
    plan_version_id, meter, slice, price_minor, spend_cap_minor, is_on, lookup_key, event_name
  )
  select
    v_id, o.meter, o.slice, o.price, o.spend_cap, o."on", v_key || 'overage-' || o.meter,
    format('octroi_%s_v%s_%s', p_code, p_version, o.meter)
  from jsonb_to_recordset(p_content -> 'overage')
    as o (meter text, slice bigint, price bigint, spend_cap bigint, "on" boolean); -- noqa: RF06
  insert into octroi_private.plan_limit (
    plan_version_id, scope, model, meter, period, amount, overage, rollover_max, rollover_months
  )
  select
    v_id, l.scope, l.model, l.meter, l.period, l.amount,
    coalesce(octroi_private.overage_units(o.spend_cap_minor, o.price_minor, o.slice), 0),
    (l.rollover ->> 'max')::bigint, (l.rollover ->> 'months')::smallint
  from jsonb_to_recordset(p_content -> 'limit')
    as l (scope text, model text, meter text, period text, amount bigint, rollover jsonb)
  left join octroi_private.plan_overage as o
    on o.plan_version_id = v_id and o.meter = l.meter and l.scope = 'account' and l.period = 'month';
  insert into octroi_private.plan_version_pack (plan_version_id, pack_code)
  select v_id, l.item #>> '{}' from octroi_private.listed(p_content -> 'top_ups') as l;
  insert into octroi_private.stripe_catalogue (key, object)
  select 'octroi-' || p_code, 'product' where p_content -> 'price' <> '{}'
  union all
  select p.lookup_key, 'price' from octroi_private.plan_price as p where p.plan_version_id = v_id
  union all
  select k.key, k.object
  from octroi_private.plan_overage as o
  cross join lateral (values (o.lookup_key, 'metered_price'), (o.event_name, 'meter')) as k (key, object)
  where o.plan_version_id = v_id
  on conflict (key) do nothing;
end
$$;

create function octroi_private.make_pack_version(p_code text, p_version integer, p_content jsonb)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text := format('octroi-top-up-%s-v%s', p_code, p_version);
begin
  update octroi_private.top_up_pack set retired_at = octroi_private.now() where code = p_code and retired_at is null;
  if p_content is null then
    return;
  end if;
  insert into octroi_private.top_up_pack (
    code, version, name, meter, amount, price_minor, currency, expires_after_days, priority, lookup_key, content
  )
  select
    p_code, p_version, c.name, c.meter, c.amount, c.price, c.currency, c.expires_after_days, c.priority, v_key,
    p_content
  from jsonb_to_record(p_content) as c (
    name text, meter text, amount bigint, price bigint, currency text, expires_after_days integer, priority smallint
  );
  insert into octroi_private.stripe_catalogue (key, object)
  values ('octroi-top-up-' || p_code, 'product'), (v_key, 'price')
  on conflict (key) do nothing;
end
$$;

create function octroi_private.declare_plans(p_plans jsonb, p_dry_run boolean)
returns table (
  kind text, code text, change text, field text, was jsonb, becomes jsonb, version integer
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_faults text [];
  v_one record;
begin
  -- one declaration at a time
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.declare_plans', 0));
  v_faults := array(select f.fault from octroi_private.declaration_faults(p_plans) as f (fault));
  if cardinality(v_faults) > 0 then
    raise exception '%', v_faults[1] using errcode = 'OC030', detail = array_to_string(v_faults, e'\n');
  end if;
  return query
  select
    d.kind, d.code,
    case
      when d.ours is null then 'new' when d.theirs is null then 'removed' when f.key is null then 'unchanged'
      else 'changed'
    end,
    f.key, case when f.key is not null then d.ours -> f.key end, case when f.key is not null then d.theirs -> f.key end,
    case when d.theirs is not null and d.is_versioned then d.version + 1 else d.version end
  from octroi_private.declared_beside_ours(p_plans) as d
  left join lateral (
    select k.key from jsonb_object_keys(d.ours || d.theirs) as k (key)
    where nullif(d.ours -> k.key, 'null') is distinct from nullif(d.theirs -> k.key, 'null')
  ) as f on true
  order by d.kind, d.rank, d.code, f.key;
  if p_dry_run then
    return;
  end if;
  -- the one default may move from one plan to another
  update octroi_private.plan as p set is_default = false where p.is_default and not exists (
    select from octroi_private.listed(p_plans -> 'plan') as l
    where l.item ->> 'code' = p.code and l.item -> 'default' = 'true'
  );
  for v_one in
    select d.* from octroi_private.declared_beside_ours(p_plans) as d order by d.kind, d.rank, d.code
  loop
    if v_one.kind = 'top_up' then
      if v_one.is_versioned then
        perform octroi_private.make_pack_version(v_one.code, v_one.version + 1, v_one.theirs);
      end if;
    elsif v_one.theirs is null then
      update octroi_private.plan as p set retired_at = octroi_private.now() where p.code = v_one.code;
    else
      insert into octroi_private.plan as p (code, name, is_default, rank)
      values (v_one.code, v_one.theirs ->> 'name', (v_one.theirs -> 'default')::boolean, v_one.rank)
      on conflict on constraint plan_pkey do update
      set name = excluded.name, is_default = excluded.is_default, rank = excluded.rank, retired_at = null;
      if v_one.is_versioned then
        perform octroi_private.make_plan_version(
          v_one.code, v_one.version + 1, v_one.theirs - array['name', 'default', 'rank']
        );
      end if;
    end if;
  end loop;
end
$$;
comment on function octroi_private.declare_plans(jsonb, boolean) is
'Compares a declaration of plans with those in force, one row per difference, and unless it is a dry run makes new versions where content changed. Raises OC030 with every fault.';

reset role;
