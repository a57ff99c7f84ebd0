-- Prices as one declaration, and what differs from it. A price that changed gets a row of its own from then on: calls
-- that were made at the one before keep it.
set role octroi_owner;

-- One declared price as its columns, defaults spelled out.
create function octroi_private.price_content(p_model jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'encoding', p_model -> 'encoding',
    'endpoints', (
      select jsonb_agg(distinct l.item order by l.item) from octroi_private.listed(p_model -> 'endpoints') as l
    ),
    'is_reasoning', coalesce(p_model -> 'reasoning', 'false'),
    'default_output_tokens', p_model -> 'default_output_tokens',
    'least_output_tokens', p_model -> 'least_output_tokens',
    'max_input_tokens', p_model -> 'max_input_tokens', 'max_output_tokens', p_model -> 'max_output_tokens',
    'input_price', p_model -> 'input', 'cached_input_price', coalesce(p_model -> 'cached_input', p_model -> 'input'),
    'cache_write_price', coalesce(p_model -> 'cache_write', p_model -> 'input'),
    'cache_write_12h_price', p_model -> 'cache_write_12h',
    'audio_input_price', coalesce(p_model -> 'audio_input', p_model -> 'input'),
    'output_price', p_model -> 'output',
    'audio_output_price', coalesce(p_model -> 'audio_output', p_model -> 'output'),
    'long_above_tokens', p_model #> '{long,above}', 'long_input_price', p_model #> '{long,input}',
    'long_cached_input_price', coalesce(p_model #> '{long,cached_input}', p_model #> '{long,input}'),
    'long_cache_write_price', coalesce(p_model #> '{long,cache_write}', p_model #> '{long,input}'),
    'long_cache_write_12h_price', p_model #> '{long,cache_write_12h}', 'long_output_price', p_model #> '{long,output}'
  )
$$;

-- Every price declared that is in force at p_at or comes later, beside ours. A price comes at some moment; the one that
-- is in force then has none.
create function octroi_private.declared_prices_beside_ours(p_prices jsonb, p_at timestamptz)
returns table (
  model text, comes_at timestamptz, price_id bigint, ours jsonb, theirs jsonb, starts_at timestamptz,
  ends_at timestamptz, source text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with declared as (
    select
      l.item ->> 'name' as model, coalesce(l.item ->> 'source', p_prices ->> 'source') as source,
      octroi_private.price_content(l.item) as content, days.starts_at, days.ends_at
    from octroi_private.listed(p_prices -> 'model') as l
    cross join lateral (
      select
        (l.item ->> 'from')::date::timestamp at time zone 'utc' as starts_at,
        (l.item ->> 'until')::date::timestamp at time zone 'utc' as ends_at
    ) as days
    where coalesce(days.ends_at, 'infinity') > p_at
  ),
  known as (
    select
      p.id, p.model, p.source, lower(p.valid) as starts_at, upper(p.valid) as ends_at,
      to_jsonb(p) - array['id', 'model', 'valid', 'source'] as content
    from octroi_private.model_price as p
    where coalesce(upper(p.valid), 'infinity') > p_at
  )
  select
    coalesce(k.model, d.model), nullif(greatest(coalesce(d.starts_at, k.starts_at), p_at), p_at), k.id,
    k.content || jsonb_build_object('until', k.ends_at::date, 'source', k.source),
    d.content || jsonb_build_object('until', d.ends_at::date, 'source', d.source), d.starts_at, d.ends_at, d.source
  from declared as d
  full join known as k on k.model = d.model and greatest(k.starts_at, p_at) = greatest(d.starts_at, p_at)
$$;

-- Other names, as they are declared.
create function octroi_private.declared_aliases(p_prices jsonb)
returns table (alias text, model text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select distinct a.item #>> '{}', l.item ->> 'name'
  from octroi_private.listed(p_prices -> 'model') as l
  cross join lateral octroi_private.listed(l.item -> 'aliases') as a
$$;

-- What a declaration changes, a row for each field.
create function octroi_private.price_changes(p_prices jsonb, p_at timestamptz)
returns table (model text, change text, field text, was jsonb, becomes jsonb, comes_at timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  (
    select
      d.model, case when d.ours is null then 'new' when d.theirs is null then 'removed' else 'changed' end, f.key,
      case when f.key is not null then d.ours -> f.key end, case when f.key is not null then d.theirs -> f.key end,
      d.comes_at
    from octroi_private.declared_prices_beside_ours(p_prices, p_at) as d
    left join lateral (
      select k.key from jsonb_object_keys(d.ours || d.theirs) as k (key)
      where nullif(d.ours -> k.key, 'null') is distinct from nullif(d.theirs -> k.key, 'null')
    ) as f on true
    where d.ours is null or d.theirs is null or f.key is not null
    order by d.model, d.comes_at nulls first, f.key
  )
  union all
  (
    select coalesce(d.model, a.model), 'changed', 'alias', to_jsonb(a.alias), to_jsonb(d.alias), null
    from octroi_private.declared_aliases(p_prices) as d
    full join octroi_private.model_alias as a on a.alias = d.alias and a.model = d.model
    where a.alias is null or d.alias is null
    order by 1, 4, 5
  )
$$;

-- Writes one declared price. What is in force ends when the change takes effect; what has not begun gives way.
create function octroi_private.apply_price(
  p_model text, p_price_id bigint, p_content jsonb, p_valid tstzrange, p_source text, p_at timestamptz
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_same boolean;
begin
  if p_price_id is not null then
    select to_jsonb(p) - array['id', 'model', 'valid', 'source'] = p_content into strict v_is_same
    from octroi_private.model_price as p
    where p.id = p_price_id;
    if v_is_same then
      update octroi_private.model_price as p
      set valid = tstzrange(lower(p.valid), upper(p_valid)), source = p_source
      where p.id = p_price_id
        and (upper(p.valid) is distinct from upper(p_valid) or p.source <> p_source);
      return;
    end if;
    delete from octroi_private.model_price as p where p.id = p_price_id and lower(p.valid) > p_at;
    update octroi_private.model_price as p set valid = tstzrange(lower(p.valid), p_at) where p.id = p_price_id;
  end if;
  if p_content is not null then
    insert into octroi_private.model_price (
      model, valid, encoding, endpoints, max_input_tokens, max_output_tokens, is_reasoning,
      default_output_tokens, least_output_tokens, input_price, cached_input_price, cache_write_price,
      cache_write_12h_price, audio_input_price, output_price, audio_output_price, long_above_tokens,
      long_input_price, long_cached_input_price, long_cache_write_price, long_cache_write_12h_price,
      long_output_price, source
    )
    select
      p_model, p_valid, c.encoding, c.endpoints, c.max_input_tokens, c.max_output_tokens, c.is_reasoning,
      c.default_output_tokens, c.least_output_tokens, c.input_price, c.cached_input_price, c.cache_write_price,
      c.cache_write_12h_price, c.audio_input_price, c.output_price, c.audio_output_price, c.long_above_tokens,
      c.long_input_price, c.long_cached_input_price, c.long_cache_write_price, c.long_cache_write_12h_price,
      c.long_output_price, p_source
    from jsonb_populate_record(null::octroi_private.model_price, p_content) as c;
  end if;
end
$$;

create function octroi_private.declare_prices(p_prices jsonb, p_dry_run boolean)
returns table (model text, change text, field text, was jsonb, becomes jsonb, takes_effect_at timestamptz)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- whoever holds the entitlements for longer stands in the way, and is told so
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  -- A call that is decided now goes by the price in force until this commits: that one ends a little later.
  c_notice constant interval := '10 seconds';
  v_at timestamptz;
  v_faults text [];
  v_priced text [];
  v_one record;
begin
  -- one declaration at a time
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.declare_prices', 0));
  v_faults := array(select f.fault from octroi_private.price_faults(p_prices) as f (fault));
  if cardinality(v_faults) > 0 then
    raise exception '%', v_faults[1] using errcode = 'OC030', detail = array_to_string(v_faults, e'\n');
  end if;
  v_at := octroi_private.now() + c_notice;
  return query
  select c.model, c.change, c.field, c.was, c.becomes, coalesce(c.comes_at, v_at)
  from octroi_private.price_changes(p_prices, v_at) as c;
  if p_dry_run then
    return;
  end if;
  v_priced := array(select distinct p.model from octroi_private.model_price as p);
  for v_one in
    -- what gives way goes before what takes its place
    select d.* from octroi_private.declared_prices_beside_ours(p_prices, v_at) as d
    order by d.theirs is not null, d.model, d.comes_at nulls first
  loop
    perform octroi_private.apply_price(
      v_one.model, v_one.price_id, v_one.theirs - array['until', 'source'],
      case when v_one.theirs is not null then tstzrange(
        -- a model that is new here is known from when the provider has it
        case when v_one.model = any(v_priced) then greatest(v_one.starts_at, v_at) else v_one.starts_at end,
        v_one.ends_at
      ) end, v_one.source, v_at
    );
  end loop;
  delete from octroi_private.model_alias as a
  where not exists (
    select from octroi_private.declared_aliases(p_prices) as d where d.alias = a.alias and d.model = a.model
  );
  insert into octroi_private.model_alias (alias, model)
  select d.alias, d.model from octroi_private.declared_aliases(p_prices) as d
  on conflict do nothing;
  if octroi_private.now() > v_at - interval '2 seconds' then
    raise exception 'the prices were not changed: it took longer than a change may' using errcode = '55P03',
      hint = 'Calls that are being decided stand in the way; try again.';
  end if;
end
$$;
comment on function octroi_private.declare_prices(jsonb, boolean) is
'Compares a declaration of prices with those in force, one row per difference, and unless it is a dry run makes it so: a changed price begins in ten seconds, and no call loses the price it was given. Raises OC030 with every fault.';

-- The prices in force and to come.
create function octroi_private.price_list()
returns table (
  model text, aliases text [], starts_at timestamptz, ends_at timestamptz, is_in_force boolean, prices jsonb
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.model, array(select a.alias from octroi_private.model_alias as a where a.model = p.model order by a.alias),
    lower(p.valid), upper(p.valid), p.valid operator(pg_catalog.@>) octroi_private.now(),
    to_jsonb(p) - array['id', 'model', 'valid']
  from octroi_private.model_price as p
  where coalesce(upper(p.valid), 'infinity') > octroi_private.now()
  order by p.model, lower(p.valid)
$$;
comment on function octroi_private.price_list() is 'Every price that is in force or begins later, in micro-USD per million tokens.';

reset role;
