-- What can be wrong with a declaration of prices. Each fault is one line that names the model and the field; a
-- declaration with any is refused whole.
set role octroi_owner;

create function octroi_private.is_date(p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(p_value) is distinct from 'string' or p_value #>> '{}' !~ '^20[0-9]{2}-[0-9]{2}-[0-9]{2}$' then
    return false;
  end if;
  return make_date(left(p_value #>> '{}', 4)::integer, substr(p_value #>> '{}', 6, 2)::integer,
    right(p_value #>> '{}', 2)::integer) is not null;
exception
  when datetime_field_overflow then return false;
end
$$;

create function octroi_private.is_model_name(p_value jsonb)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_typeof(p_value) is not distinct from 'string' and p_value #>> '{}' ~ '^[a-z0-9][a-z0-9.:_-]{0,99}$'
$$;

-- The prices of one table of the file: [[model]] itself, or what it says of long inputs.
create function octroi_private.unit_price_faults(p_prices jsonb, p_where text)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select p_where || n.name || ': a whole number of micro-USD per million tokens, from 0 to 1,000,000,000'
  from (values
    ('input', true), ('cached_input', false), ('cache_write', false), ('cache_write_12h', false), ('output', true),
    ('audio_input', false), ('audio_output', false)
  ) as n (name, is_needed)
  where (n.is_needed or p_prices ? n.name) and not octroi_private.is_whole(p_prices -> n.name, 0, 1000000000)
    and (n.is_needed or p_where = '' or n.name !~ '^audio')
$$;

create function octroi_private.long_price_faults(p_model jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.unknown_keys(
    p_model -> 'long', array['above', 'input', 'cached_input', 'cache_write', 'cache_write_12h', 'output'], 'long.'
  ) where p_model ? 'long'
  union all
  select octroi_private.unit_price_faults(p_model -> 'long', 'long.') where p_model ? 'long'
  union all
  select f.fault
  from (values
    (octroi_private.is_whole(p_model #> '{long,above}', 1, 10000000), 'long.above: a whole number of input tokens'),
    (
      (p_model ? 'cache_write_12h') = (p_model -> 'long' ? 'cache_write_12h'),
      'long.cache_write_12h: there, if and only if the model has cache_write_12h'
    )
  ) as f (holds, fault)
  where p_model ? 'long' and f.holds is not true
  union all
  select 'long.' || n.name || ': less than ' || n.name || '; long inputs are never cheaper'
  from (values ('input'), ('cached_input'), ('cache_write'), ('cache_write_12h'), ('output')) as n (name)
  where case
    when octroi_private.is_whole(p_model #> array['long', n.name], 0, 1000000000)
      and octroi_private.is_whole(p_model -> n.name, 0, 1000000000)
      then (p_model #>> array['long', n.name])::bigint < (p_model ->> n.name)::bigint
  end
$$;

create function octroi_private.model_faults(p_model jsonb, p_default_source jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.unknown_keys(p_model, array[
    'name', 'aliases', 'from', 'until', 'encoding', 'endpoints', 'reasoning', 'max_input_tokens', 'max_output_tokens',
    'default_output_tokens', 'least_output_tokens',
    'input', 'cached_input', 'cache_write', 'cache_write_12h', 'audio_input', 'output', 'audio_output', 'long', 'source'
  ], '')
  union all
  select octroi_private.unit_price_faults(p_model, '')
  union all
  select octroi_private.long_price_faults(p_model)
  union all
  select f.fault
  from (values
    (octroi_private.is_model_name(p_model -> 'name'), 'name: at most 100 of a-z, 0-9 and .:_-'),
    (octroi_private.is_date(p_model -> 'from'), 'from: a day, such as "2026-01-31"'),
    (
      not p_model ? 'until' or (
        octroi_private.is_date(p_model -> 'until') and p_model ->> 'until' > p_model ->> 'from'
      ), 'until: a later day than from'
    ),
    (coalesce(p_model ->> 'encoding', '') in ('o200k_base', 'cl100k_base'), 'encoding: o200k_base or cl100k_base'),
    (
      jsonb_array_length(jsonb_path_query_array(p_model, '$.endpoints[*]')) between 1 and 3
      and p_model -> 'endpoints' <@ '["chat.completions", "responses", "embeddings"]',
      'endpoints: a list of chat.completions, responses, embeddings'
    ),
    (jsonb_typeof(coalesce(p_model -> 'reasoning', 'false')) = 'boolean', 'reasoning: true or false'),
    (
      octroi_private.is_whole(p_model -> 'max_input_tokens', 1, 10000000),
      'max_input_tokens: a whole number from 1 to 10,000,000'
    ),
    (
      octroi_private.is_whole(p_model -> 'max_output_tokens', 0, 1000000),
      'max_output_tokens: a whole number from 0 to 1,000,000'
    ),
    (
      octroi_private.is_whole(coalesce(p_model -> 'default_output_tokens', '1'), 1, 1000000)
      and octroi_private.is_whole(coalesce(p_model -> 'least_output_tokens', '1'), 1, 1000000),
      'default_output_tokens and least_output_tokens: whole numbers from 1 to 1,000,000'
    ),
    (
      not octroi_private.is_whole(p_model -> 'cached_input', 0, 1000000000)
      or not octroi_private.is_whole(p_model -> 'input', 0, 1000000000)
      or (p_model ->> 'cached_input')::bigint <= (p_model ->> 'input')::bigint, 'cached_input: more than input'
    ),
    (
      octroi_private.is_text(coalesce(p_model -> 'source', p_default_source), 300),
      'source: where the facts are from, here or at the top of the file'
    ),
    (jsonb_typeof(coalesce(p_model -> 'aliases', '[]')) = 'array', 'aliases: a list')
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select 'aliases[' || l.place || ']: at most 100 of a-z, 0-9 and .:_-'
  from octroi_private.listed(p_model -> 'aliases') as l
  where not octroi_private.is_model_name(l.item)
$$;

-- Names that are declared more often than they may be.
create function octroi_private.name_faults(p_prices jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  with model as materialized (
    select l.place, l.item ->> 'name' as name, coalesce(l.item ->> 'from', '') as starts,
      coalesce(l.item ->> 'until', '9999') as ends, l.item -> 'aliases' as aliases
    from octroi_private.listed(p_prices -> 'model') as l
  ),
  alias as materialized (
    select distinct m.name, a.item #>> '{}' as alias
    from model as m
    cross join lateral octroi_private.listed(m.aliases) as a
  )
  select format('model %s: priced twice for %s', m.name, m.starts)
  from model as m
  join model as o on o.name = m.name and o.place < m.place and o.starts < m.ends and m.starts < o.ends
  union all
  select format('model %s, aliases: %s is a model of its own', a.name, a.alias)
  from alias as a
  where exists (select from model as m where m.name = a.alias)
  union all
  select format('model %s, aliases: %s is also one of %s', max(a.name), a.alias, min(a.name))
  from alias as a
  group by a.alias
  having count(*) > 1
$$;

-- Every fault of a declaration.
create function octroi_private.price_faults(p_prices jsonb)
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.unknown_keys(p_prices, array['source', 'model', 'not_offered'], '')
  union all
  select f.fault
  from (values
    (
      jsonb_array_length(jsonb_path_query_array(p_prices, '$.model[*]')) between 1 and 1000,
      'model: 1 to 1,000 of them'
    ),
    (jsonb_typeof(coalesce(p_prices -> 'not_offered', '[]')) = 'array', 'not_offered: a list')
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select format('model %s, %s', coalesce(l.item ->> 'name', '[' || l.place || ']'), f.fault)
  from octroi_private.listed(p_prices -> 'model') as l
  cross join lateral octroi_private.model_faults(l.item, p_prices -> 'source') as f (fault)
  where f.fault is not null
  union all
  select octroi_private.name_faults(p_prices)
  union all
  select format('not_offered[%s]: models, a list of names, and because', l.place)
  from octroi_private.listed(p_prices -> 'not_offered') as l
  where jsonb_typeof(l.item) is distinct from 'object' or (l.item - array['models', 'because']) <> '{}'
    or jsonb_typeof(l.item -> 'models') is distinct from 'array'
    or not octroi_private.is_text(l.item -> 'because', 300)
$$;

reset role;
