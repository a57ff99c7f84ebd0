-- Models that customers ask for in vain, and those that are about to end: what an operator should know of the prices.
set role octroi_owner;

create table octroi_private.unpriced_model (
  -- only what looks like a model's name is kept
  model text primary key check (model ~ '^[a-z0-9][a-z0-9.:_-]{0,63}$'),
  requests octroi_private.quantity not null,
  first_asked_at timestamptz not null,
  last_asked_at timestamptz not null
);
comment on table octroi_private.unpriced_model is
'Models without a price that were asked for, by anybody, and how often. At most 100; forgotten after 30 days.';

-- A new name takes the place of the one that was asked for least: whoever makes up names displaces what nobody needs.
create function octroi_private.count_unpriced_models(p_models text [], p_counts bigint [])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_rows constant integer := 100;
  v_now timestamptz := octroi_private.now();
begin
  if cardinality(p_models) > c_rows then
    raise exception 'over % models at once', c_rows using errcode = '54000';
  end if;
  -- one worker at a time, so that the bound holds
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.count_unpriced_models', 0));
  insert into octroi_private.unpriced_model as u (model, requests, first_asked_at, last_asked_at)
  select i.model, sum(i.requests), v_now, v_now
  from unnest(p_models, p_counts) as i (model, requests)
  where i.model ~ '^[a-z0-9][a-z0-9.:_-]{0,63}$' and i.requests > 0
  group by i.model
  on conflict (model) do update
  set requests = least(u.requests + excluded.requests, 1000000000000000), last_asked_at = excluded.last_asked_at;
  delete from octroi_private.unpriced_model as u
  where u.last_asked_at < v_now - interval '30 days' or u.model in (
    select k.model from octroi_private.unpriced_model as k
    order by k.model = any(p_models) desc, k.requests desc, k.last_asked_at desc
    offset c_rows
  );
end
$$;
comment on function octroi_private.count_unpriced_models(text [], bigint []) is
'Adds how often models without a price were asked for since a worker last told. Raises 54000 over 100 models.';

-- One row each: a price that ends within 30 days with nothing after it, a model that a plan on sale allows by name and
-- that is not offered, a model that was asked for and has no price.
create function octroi_private.model_troubles()
returns table (kind text, model text, requests bigint, at timestamptz)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select 'ending', p.model, null::bigint, upper(p.valid)
  from octroi_private.model_price as p
  where p.valid operator(pg_catalog.@>) octroi_private.now()
    and upper(p.valid) <= octroi_private.now() + interval '30 days'
    and octroi_private.price_at(p.model, upper(p.valid)) is null
  union all
  select distinct 'allowed_without_price', m.name, null::bigint, null::timestamptz
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  cross join lateral unnest(v.allowed_models) as m (name)
  where p.retired_at is null and not exists (
    select from octroi_private.plan_version as n where n.plan_code = p.code and n.version > v.version
  ) and octroi_private.price_at(m.name, octroi_private.now()) is null
  union all
  select 'asked_without_price', u.model, u.requests, u.last_asked_at
  from octroi_private.unpriced_model as u
  where u.last_asked_at > octroi_private.now() - interval '30 days'
    and octroi_private.price_at(u.model, octroi_private.now()) is null
  order by 1, 3 desc nulls last, 2
$$;
comment on function octroi_private.model_troubles() is
'What an operator should know of models and prices: ending, allowed_without_price, asked_without_price.';

reset role;
