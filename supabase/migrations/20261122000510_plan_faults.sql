-- What can be wrong with a declaration of plans. Each fault is one line that names the plan and the field; a
-- declaration with any is refused whole.
set role octroi_owner;

create function octroi_private.is_whole(p_value jsonb, p_least bigint, p_most bigint)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    case when jsonb_typeof(p_value) = 'number' and p_value #>> '{}' ~ '^-?[0-9]{1,17}$'
      then (p_value #>> '{}')::bigint between p_least and p_most
    end, false
  )
$$;

create function octroi_private.is_text(p_value jsonb, p_most integer)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_typeof(p_value) is not distinct from 'string' and length(p_value #>> '{}') between 1 and p_most
    and p_value #>> '{}' !~ '[[:cntrl:]]'
$$;

-- The elements of a list, none of what is no list.
create function octroi_private.listed(p_value jsonb)
returns table (item jsonb, place integer)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select l.item, l.ord::integer - 1
  from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end)
    with ordinality as l (item, ord)
$$;

create function octroi_private.unknown_keys(p_object jsonb, p_known text [], p_where text)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select p_where || k.key || ': not a field of this file'
  from jsonb_object_keys(case when jsonb_typeof(p_object) = 'object' then p_object else '{}' end) as k (key)
  where k.key <> all(p_known)
  union all
  select p_where || ' is not a table' where jsonb_typeof(p_object) <> 'object'
$$;

-- A loss that is meant: at most so much, and why.
create function octroi_private.allow_loss_faults(p_item jsonb, p_at text)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select p_at || 'allow_loss: usd_cents from 1 to 99,999,999 and a reason of 1 to 200 characters'
  where p_item ? 'allow_loss' and not (
    octroi_private.is_whole(p_item #> '{allow_loss,usd_cents}', 1, 99999999)
    and octroi_private.is_text(p_item #> '{allow_loss,reason}', 200)
    and (p_item -> 'allow_loss') - array['usd_cents', 'reason'] = '{}'
  )
$$;

create function octroi_private.currency_faults(p_plans jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select 'micro_usd_per_minor_unit: a table' where jsonb_typeof(p_plans -> 'micro_usd_per_minor_unit') <> 'object'
  union all
  select format(
    'micro_usd_per_minor_unit.%s: a currency of three small letters other than usd, and a whole number from 1 to '
    || '1,000,000,000', left(c.key, 50)
  )
  from jsonb_each(
    case jsonb_typeof(p_plans -> 'micro_usd_per_minor_unit') when 'object'
      then p_plans -> 'micro_usd_per_minor_unit' else '{}' end
  ) as c
  where c.key !~ '^[a-z]{3}$' or c.key = 'usd' or not octroi_private.is_whole(c.value, 1, 1000000000)
$$;

create function octroi_private.limit_faults(p_plan jsonb)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with declared as materialized (
    select l.item, 'limit[' || l.place || ']' as at, l.place,
      coalesce(l.item ->> 'scope', 'account') as scope,
      -- two limits on one model under different names overlap
      octroi_private.canonical_model(coalesce(l.item ->> 'model', '')) as model,
      l.item ->> 'meter' as meter, l.item ->> 'period' as period
    from octroi_private.listed(p_plan -> 'limit') as l
  )
  select octroi_private.unknown_keys(
    d.item, array['scope', 'model', 'meter', 'period', 'amount', 'rollover'], d.at || '.'
  ) from declared as d
  union all
  select d.at || f.fault
  from declared as d
  cross join lateral (values
    (d.scope in ('account', 'member', 'api_key', 'model'), '.scope: account, member, api_key or model'),
    ((d.scope = 'model') = (d.model <> ''), '.model: named where, and only where, the scope is model'),
    (
      d.model = '' or exists (select from octroi_private.model_price as p where p.model = d.model),
      '.model: ' || left(d.item ->> 'model', 100) || ' has no price'
    ),
    (d.meter in ('tokens', 'requests', 'cost'), '.meter: tokens, requests or cost'),
    (d.period in ('day', 'month', 'lifetime'), '.period: day, month or lifetime'),
    (
      octroi_private.is_whole(d.item -> 'amount', 0, 1000000000000000),
      '.amount: a whole number from 0 to 1,000,000,000,000,000'
    ),
    (
      not d.item ? 'rollover' or (d.scope = 'account' and d.period = 'month'),
      '.rollover: only for the account''s month'
    ),
    (
      not d.item ? 'rollover' or (
        octroi_private.is_whole(d.item #> '{rollover,max}', 0, 1000000000000000)
        and octroi_private.is_whole(coalesce(d.item #> '{rollover,months}', '1'), 1, 12)
        and (d.item -> 'rollover') - array['max', 'months'] = '{}'
      ), '.rollover: max, and months from 1 to 12'
    )
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select d.at || ': overlaps limit[' || e.place || '], of the same scope, model, meter and period'
  from declared as d
  join declared as e on (e.scope, e.model, e.meter, e.period) = (d.scope, d.model, d.meter, d.period)
    and e.place < d.place
$$;

create function octroi_private.overage_faults(p_plan jsonb)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with declared as materialized (
    select o.item, 'overage[' || o.place || ']' as at, o.place, o.item ->> 'meter' as meter
    from octroi_private.listed(p_plan -> 'overage') as o
  )
  select octroi_private.unknown_keys(
    d.item, array['meter', 'slice', 'price', 'spend_cap', 'on', 'allow_loss'], d.at || '.'
  )
  from declared as d
  union all
  select octroi_private.allow_loss_faults(d.item, d.at || '.') from declared as d
  union all
  select d.at || f.fault
  from declared as d
  cross join lateral (values
    (d.meter in ('tokens', 'requests'), '.meter: tokens or requests'),
    (octroi_private.is_whole(d.item -> 'slice', 1, 1000000000), '.slice: a whole number from 1 to 1,000,000,000'),
    (
      octroi_private.is_whole(d.item -> 'price', 1, 99999999),
      '.price: a whole number of minor units from 1 to 99,999,999'
    ),
    (
      octroi_private.is_whole(d.item -> 'spend_cap', 1, 99999999),
      '.spend_cap: a whole number of minor units from 1 to 99,999,999'
    ),
    (jsonb_typeof(d.item -> 'on') = 'boolean', '.on: true or false'),
    (
      exists (
        select from octroi_private.listed(p_plan -> 'limit') as l
        where coalesce(l.item ->> 'scope', 'account') = 'account' and l.item ->> 'period' = 'month'
          and l.item ->> 'meter' = d.meter
      ), '.meter: the account has no monthly limit of it to go beyond'
    ),
    (p_plan ? 'price', ': a plan that costs nothing has no invoice to put it on')
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select d.at || case
    when not octroi_private.is_whole(d.item -> 'slice', 1, 1000000000)
      or not octroi_private.is_whole(d.item -> 'price', 1, 99999999)
      or not octroi_private.is_whole(d.item -> 'spend_cap', 1, 99999999) then null
    when (d.item ->> 'spend_cap')::bigint < (d.item ->> 'price')::bigint then '.spend_cap: buys less than one slice'
    when octroi_private.overage_units(
      (d.item ->> 'spend_cap')::bigint, (d.item ->> 'price')::bigint, (d.item ->> 'slice')::bigint
    ) > 1000000000000000 then '.spend_cap: buys more than 1,000,000,000,000,000 units'
  end
  from declared as d
  union all
  select d.at || ': overlaps overage[' || e.place || '], of the same meter'
  from declared as d
  join declared as e on e.meter = d.meter and e.place < d.place
$$;

create function octroi_private.plan_faults(p_plan jsonb, p_packs jsonb)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.unknown_keys(p_plan, array[
    'code', 'name', 'default', 'currency', 'price', 'trial_days', 'seats', 'features', 'models', 'top_ups', 'limit',
    'overage', 'default_output_tokens', 'least_output_tokens', 'hold_wait_seconds', 'on_disconnect', 'allow_loss'
  ], '')
  union all
  select octroi_private.unknown_keys(p_plan -> 'price', array['month', 'year'], 'price.') where p_plan ? 'price'
  union all
  select f.fault
  from (values
    (
      coalesce(p_plan ->> 'code', '') ~ '^[a-z][a-z0-9_]{0,39}$',
      'code: a small letter, then at most 39 of a-z, 0-9 and _'
    ),
    (octroi_private.is_text(p_plan -> 'name', 200), 'name: 1 to 200 characters'),
    (jsonb_typeof(coalesce(p_plan -> 'default', 'false')) = 'boolean', 'default: true or false'),
    (
      not p_plan ? 'price' or coalesce(p_plan -> 'default', 'false') = 'false',
      'price: the default plan is what everybody falls back to, and costs nothing'
    ),
    (not p_plan ? 'price' or p_plan -> 'price' <> '{}', 'price: month, year or both'),
    (
      p_plan #> '{price,month}' is null or octroi_private.is_whole(p_plan #> '{price,month}', 1, 99999999),
      'price.month: a whole number of minor units from 1 to 99,999,999'
    ),
    (
      p_plan #> '{price,year}' is null or octroi_private.is_whole(p_plan #> '{price,year}', 1, 99999999),
      'price.year: a whole number of minor units from 1 to 99,999,999'
    ),
    (not p_plan ? 'price' or p_plan ? 'currency', 'currency: missing; a price is one of some currency'),
    (
      not p_plan ? 'currency' or coalesce(p_plan ->> 'currency', '') ~ '^[a-z]{3}$',
      'currency: three small letters, as in ISO 4217'
    ),
    (
      octroi_private.is_whole(coalesce(p_plan -> 'trial_days', '0'), 0, 730), 'trial_days: a whole number from 0 to 730'
    ),
    (
      p_plan ? 'price' or coalesce(p_plan -> 'trial_days', '0') = '0',
      'trial_days: there is nothing to try without a price'
    ),
    (
      not p_plan ? 'seats' or octroi_private.is_whole(p_plan -> 'seats', 1, 100000),
      'seats: a whole number from 1 to 100,000'
    ),
    (
      not p_plan ? 'default_output_tokens' or octroi_private.is_whole(p_plan -> 'default_output_tokens', 1, 1000000),
      'default_output_tokens: a whole number from 1 to 1,000,000'
    ),
    (
      not p_plan ? 'least_output_tokens' or octroi_private.is_whole(p_plan -> 'least_output_tokens', 1, 1000000),
      'least_output_tokens: a whole number from 1 to 1,000,000'
    ),
    (
      octroi_private.is_whole(coalesce(p_plan -> 'hold_wait_seconds', '20'), 0, 60),
      'hold_wait_seconds: a whole number from 0 to 60'
    ),
    (coalesce(p_plan -> 'on_disconnect', '"cancel"') in ('"cancel"', '"drain"'), 'on_disconnect: cancel or drain'),
    (jsonb_typeof(coalesce(p_plan -> 'limit', '[]')) = 'array', 'limit: a list'),
    (jsonb_array_length(jsonb_path_query_array(p_plan, '$.limit[*]')) between 1 and 50, 'limit: 1 to 50 of them'),
    (jsonb_typeof(coalesce(p_plan -> 'overage', '[]')) = 'array', 'overage: a list'),
    (
      jsonb_typeof(coalesce(p_plan -> 'features', '[]')) = 'array'
      and jsonb_array_length(jsonb_path_query_array(p_plan, '$.features[*]')) <= 50, 'features: a list of at most 50'
    ),
    (
      not p_plan ? 'models' or jsonb_array_length(jsonb_path_query_array(p_plan, '$.models[*]')) between 1 and 500,
      'models: a list of 1 to 500; left out, every priced model'
    ),
    (jsonb_typeof(coalesce(p_plan -> 'top_ups', '[]')) = 'array', 'top_ups: a list')
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select 'features[' || l.place || ']: 1 to 100 characters'
  from octroi_private.listed(p_plan -> 'features') as l
  where not octroi_private.is_text(l.item, 100)
  union all
  select 'models[' || l.place || ']: ' || coalesce(left(l.item #>> '{}', 100), 'null') || ' has no price'
  from octroi_private.listed(p_plan -> 'models') as l
  where not exists (select from octroi_private.model_price as p where p.model = l.item #>> '{}')
    and not exists (select from octroi_private.model_alias as a where a.alias = l.item #>> '{}')
  union all
  select 'top_ups[' || l.place || ']: ' || coalesce(left(l.item #>> '{}', 100), 'null') || ' is not declared'
  from octroi_private.listed(p_plan -> 'top_ups') as l
  where not exists (select from octroi_private.listed(p_packs) as k where k.item -> 'code' = l.item)
  union all
  select octroi_private.allow_loss_faults(p_plan, '')
  union all
  select octroi_private.limit_faults(p_plan)
  union all
  select octroi_private.overage_faults(p_plan)
$$;

create function octroi_private.pack_faults(p_pack jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.unknown_keys(p_pack, array[
    'code', 'name', 'meter', 'amount', 'price', 'currency', 'expires_after_days', 'priority', 'allow_loss'
  ], '')
  union all
  select octroi_private.allow_loss_faults(p_pack, '')
  union all
  select f.fault
  from (values
    (
      coalesce(p_pack ->> 'code', '') ~ '^[a-z][a-z0-9_]{0,39}$',
      'code: a small letter, then at most 39 of a-z, 0-9 and _'
    ),
    (octroi_private.is_text(p_pack -> 'name', 200), 'name: 1 to 200 characters'),
    (coalesce(p_pack ->> 'meter', '') in ('tokens', 'requests', 'cost'), 'meter: tokens, requests or cost'),
    (
      octroi_private.is_whole(p_pack -> 'amount', 1, 10000000000000),
      'amount: a whole number from 1 to 10,000,000,000,000'
    ),
    (
      octroi_private.is_whole(p_pack -> 'price', 1, 99999999),
      'price: a whole number of minor units from 1 to 99,999,999'
    ),
    (coalesce(p_pack ->> 'currency', '') ~ '^[a-z]{3}$', 'currency: missing, or not three small letters'),
    (
      not p_pack ? 'expires_after_days' or octroi_private.is_whole(p_pack -> 'expires_after_days', 1, 3650),
      'expires_after_days: a whole number from 1 to 3,650; left out, never'
    ),
    (
      octroi_private.is_whole(coalesce(p_pack -> 'priority', '0'), -1000, 1000),
      'priority: a whole number from -1,000 to 1,000'
    )
  ) as f (holds, fault)
  where f.holds is not true
$$;

-- Every fault of a declaration.
create function octroi_private.declaration_faults(p_plans jsonb)
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.unknown_keys(p_plans, array['plan', 'top_up', 'micro_usd_per_minor_unit'], '')
  union all
  select octroi_private.currency_faults(p_plans)
  union all
  select f.fault
  from (values
    (jsonb_array_length(jsonb_path_query_array(p_plans, '$.plan[*]')) between 1 and 100, 'plan: 1 to 100 of them'),
    (jsonb_array_length(jsonb_path_query_array(p_plans, '$.top_up[*]')) <= 100, 'top_up: at most 100 of them'),
    (
      (select count(*) from octroi_private.listed(p_plans -> 'plan') as l where l.item -> 'default' = 'true') = 1,
      'plan: exactly one is the default'
    )
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select format('plan %s, %s', coalesce(l.item ->> 'code', '[' || l.place || ']'), f.fault)
  from octroi_private.listed(p_plans -> 'plan') as l
  cross join lateral octroi_private.plan_faults(l.item, p_plans -> 'top_up') as f (fault)
  where f.fault is not null
  union all
  select format('top_up %s, %s', coalesce(l.item ->> 'code', '[' || l.place || ']'), f.fault)
  from octroi_private.listed(p_plans -> 'top_up') as l
  cross join lateral octroi_private.pack_faults(l.item) as f (fault)
  union all
  select format('%s %s, code: declared twice', k.kind, l.item ->> 'code')
  from (values ('plan', p_plans -> 'plan'), ('top_up', p_plans -> 'top_up')) as k (kind, list)
  cross join lateral octroi_private.listed(k.list) as l
  group by k.kind, l.item ->> 'code'
  having count(*) > 1
  union all
  select format('plan %s: removed, and %s accounts still have it', p.code, count(*))
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  join octroi_private.subscription as s on s.plan_version_id = v.id and s.ended_at is null
  where not exists (select from octroi_private.listed(p_plans -> 'plan') as l where l.item ->> 'code' = p.code)
  group by p.code
$$;

reset role;
