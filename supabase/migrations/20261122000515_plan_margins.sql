-- What a plan, its overage and a pack can cost at worst, beside what they are sold for. Costs are the provider's, in
-- micro-USD; taxes and what payments cost are not counted.
--
-- The worst case is a true bound: every token of a quota is taken to be the dearest token of the dearest model that may
-- be used, at the highest price in force or announced. What a month leaves over and the next one may use was paid for
-- in its own month, so roll-over costs nothing on average and is not counted.
set role octroi_owner;

-- The dearest token of a model, in micro-USD per million, whichever price of it applies; and its dearest call, in
-- micro-USD. Null where it has no price now or later.
create function octroi_private.dearest_use(p_model text, out token_price bigint, out call_cost bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select max(t.price), max(ceil(
    -- Calls of the gateway have eight choices at most. Programs that reserve in SQL may ask for 128; that is the
    -- operator's own doing, and no plan that is sold is refused for it.
    (p.max_input_tokens + p.max_output_tokens::numeric * 8) * t.price / 1000000
  ))::bigint
  from octroi_private.model_price as p
  cross join lateral (
    select max(c.value::bigint) as price
    from jsonb_each_text(to_jsonb(p)) as c (name, value)
    where c.name ~ '_price$'
  ) as t
  where p.model = p_model and (upper(p.valid) is null or upper(p.valid) > octroi_private.now())
$$;

-- The models of a declared plan, dearest first.
create function octroi_private.models_by_price(p_plan jsonb)
returns table (model text, token_price bigint, call_cost bigint, place bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select m.model, d.token_price, d.call_cost, row_number() over (order by d.token_price desc nulls first, m.model)
  from (
    select octroi_private.canonical_model(l.item #>> '{}') as model
    from octroi_private.listed(p_plan -> 'models') as l
    union
    select p.model from octroi_private.model_price as p
    where not p_plan ? 'models' and (upper(p.valid) is null or upper(p.valid) > octroi_private.now())
  ) as m
  cross join lateral octroi_private.dearest_use(m.model) as d
$$;

-- What the limits of a declared plan allow in a month, by what they bound: a month from an account's anchor touches 32
-- UTC days at most. A member's limit counts for each seat, a key's bounds nothing: there can always be another key.
create function octroi_private.month_bounds(p_plan jsonb)
returns table (model text, meter text, amount bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.canonical_model(coalesce(l.item ->> 'model', '')), l.item ->> 'meter', min(least(
    (l.item ->> 'amount')::numeric * case l.item ->> 'period' when 'day' then 32 else 1 end
    * case l.item ->> 'scope' when 'member' then (p_plan ->> 'seats')::bigint else 1 end, 1000000000000000000
  ) * case when l.item ->> 'scope' = 'member' and not p_plan ? 'seats' then null else 1 end)::bigint
  from octroi_private.listed(p_plan -> 'limit') as l
  where coalesce(l.item ->> 'scope', 'account') <> 'api_key'
  group by 1, 2
$$;

-- The most that a month of a declared plan can cost, in micro-USD, and the dearest model of it; null: nothing bounds
-- it. Tokens go to the dearest model first, as far as a limit of its own lets them.
create function octroi_private.month_cost(p_plan jsonb, out model text, out token_price bigint, out cost bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with bound as materialized (select b.* from octroi_private.month_bounds(p_plan) as b),
  account as (
    select
      min(b.amount) filter (where b.meter = 'tokens')::numeric as tokens,
      min(b.amount) filter (where b.meter = 'requests')::numeric as requests,
      min(b.amount) filter (where b.meter = 'cost')::numeric / 1000 as cost
    from bound as b where b.model = ''
  ),
  each as (
    select m.*, own.tokens, least(
      own.tokens * m.token_price / 1000000, own.requests * m.call_cost, own.cost
    ) as cost,
      coalesce(sum(coalesce(own.tokens, a.tokens)) over (
        order by m.place rows between unbounded preceding and 1 preceding
      ), 0) as dearer_tokens
    from octroi_private.models_by_price(p_plan) as m
    cross join account as a
    cross join lateral (
      select
        min(b.amount) filter (where b.meter = 'tokens')::numeric as tokens,
        min(b.amount) filter (where b.meter = 'requests')::numeric as requests,
        min(b.amount) filter (where b.meter = 'cost')::numeric / 1000 as cost
      from bound as b where b.model = m.model
    ) as own
  )
  select
    min(e.model) filter (where e.place = 1), min(e.token_price) filter (where e.place = 1), case
      when bool_or(e.token_price is null) then null
      else ceil(least(
        sum(greatest(least(e.tokens, a.tokens - e.dearer_tokens), 0) * e.token_price / 1000000)
        filter (where a.tokens is not null),
        max(e.call_cost) * min(a.requests), min(a.cost),
        case when bool_and(e.cost is not null) then sum(e.cost) end
      ))::bigint
    end
  from each as e
  cross join account as a
$$;

-- Micro-USD in a minor unit of a currency, as the declaration says; a US cent is 10,000.
create function octroi_private.minor_unit_worth(p_plans jsonb, p_currency text)
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case p_currency
    when 'usd' then 10000
    else (p_plans #>> array['micro_usd_per_minor_unit', p_currency])::bigint
  end
$$;

-- What use beyond a plan costs more than it brings, when its cap is spent: of each slice the same part. A limit on cost
-- ends it earlier.
create function octroi_private.overage_loss(
  p_slices bigint, p_slice_cost bigint, p_slice_price bigint, p_cost_limit bigint
)
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_slice_cost <= p_slice_price then 0
    else ceil(
      least(p_slices::numeric * p_slice_cost, p_cost_limit) * (p_slice_cost - p_slice_price) / p_slice_cost
    )::bigint
  end
$$;

-- Everything declared that is sold or given away. Money in micro-USD; null: not known, or without bound.
create function octroi_private.plan_margins(p_plans jsonb)
returns table (
  kind text, code text, part text, model text, token_price bigint, worth bigint, worst_cost bigint, loss bigint,
  allowed_loss bigint, reason text, is_refused boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with plan as materialized (
    select l.item, l.place, m.model, m.token_price, m.cost, octroi_private.minor_unit_worth(
      p_plans, l.item ->> 'currency'
    ) as unit, (
      select min(b.amount) / 1000 from octroi_private.month_bounds(l.item) as b where b.model = '' and b.meter = 'cost'
    ) as cost_limit, (
      select max(d.call_cost) from octroi_private.models_by_price(l.item) as d
    ) as call_cost
    from octroi_private.listed(p_plans -> 'plan') as l
    cross join lateral octroi_private.month_cost(l.item) as m
  ),
  sold as (
    -- a month of the plan: as it is paid, and as it is tried
    select 'plan' as kind, p.item ->> 'code' as code, p.place, 1 as ord, v.part, p.model, p.token_price, v.worth,
      p.cost * v.months as cost, p.cost * v.months - v.worth as loss, p.item -> 'allow_loss' as allowed
    from plan as p
    cross join lateral (
      select 'month' as part, (p.item #>> '{price,month}')::bigint * p.unit as worth, 1 as months
      where p.item #> '{price,month}' is not null
      union all
      select 'year', (p.item #>> '{price,year}')::bigint * p.unit / 12, 1
      where p.item #> '{price,year}' is not null
      union all
      select 'free', 0, 1 where not p.item ? 'price'
      union all
      select 'trial', 0, ((p.item ->> 'trial_days')::integer + 27) / 28 where p.item ->> 'trial_days' <> '0'
    ) as v
    union all
    select 'overage', p.item ->> 'code', p.place, 2, o.item ->> 'meter', p.model, p.token_price, s.slices * s.price,
      least(s.slices::numeric * s.cost, p.cost_limit),
      octroi_private.overage_loss(s.slices, s.cost, s.price, p.cost_limit),
      o.item -> 'allow_loss'
    from plan as p
    cross join lateral octroi_private.listed(p.item -> 'overage') as o
    cross join lateral (
      select
        (o.item ->> 'spend_cap')::bigint / (o.item ->> 'price')::bigint as slices,
        (o.item ->> 'price')::bigint * p.unit as price,
        ceil((o.item ->> 'slice')::numeric * case o.item ->> 'meter'
          when 'tokens' then p.token_price::numeric / 1000000 else p.call_cost
        end)::bigint as cost
    ) as s
    union all
    (
      -- a pack, on the plan where it can cost most
      select distinct on (k.place)
        'top_up', k.item ->> 'code', k.place, 3, 'on ' || (p.item ->> 'code'), p.model, p.token_price, s.worth, s.cost,
        s.cost - s.worth, k.item -> 'allow_loss'
      from octroi_private.listed(p_plans -> 'top_up') as k
      join plan as p on exists (
        select from octroi_private.listed(p.item -> 'top_ups') as t where t.item = k.item -> 'code'
      )
      cross join lateral (
        select
          (k.item ->> 'price')::bigint * octroi_private.minor_unit_worth(p_plans, k.item ->> 'currency') as worth,
          case k.item ->> 'meter'
            when 'cost' then ceil((k.item ->> 'amount')::numeric / 1000)
            else least(
              ceil((k.item ->> 'amount')::numeric * case k.item ->> 'meter'
                when 'tokens' then p.token_price::numeric / 1000000 else p.call_cost
              end),
              -- a limit on cost leaves so much a month beside the plan, for as long as the pack is good
              (p.cost_limit - p.cost) * ((k.item ->> 'expires_after_days')::integer / 28 + 2)
            )
          end as cost
      ) as s
      order by k.place, s.cost desc nulls first, p.place
    )
  )
  select
    s.kind, s.code, s.part, s.model, s.token_price, s.worth, s.cost::bigint,
    case when s.loss is not null then greatest(s.loss, 0)::bigint end,
    (s.allowed ->> 'usd_cents')::bigint * 10000, s.allowed ->> 'reason',
    coalesce(s.loss > coalesce((s.allowed ->> 'usd_cents')::bigint * 10000, 0), true)
  from sold as s
  order by s.ord = 3, s.place, s.ord, array_position(array['month', 'year', 'free', 'trial'], s.part), s.part
$$;
comment on function octroi_private.plan_margins(jsonb) is
'What everything in a declaration of plans is sold for beside what it can cost at worst, in micro-USD: plans by the month, overage and packs as a whole. is_refused: it can lose more than the declaration allows, or nobody can tell.';

reset role;
