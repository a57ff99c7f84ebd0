-- What a model costs, and how large its calls may be. A model without a price now is not offered.
set role octroi_owner;

create table octroi_private.model_price (
  id bigint generated always as identity primary key,
  model text not null check (model ~ '^[a-z0-9][a-z0-9.:_-]{0,99}$'),
  -- until it is shut down, or costs something else
  valid tstzrange not null check (not isempty(valid)),
  encoding text not null check (encoding in ('o200k_base', 'cl100k_base')),
  -- where it can be called
  endpoints text [] not null default '{chat.completions,responses}' check (
    cardinality(endpoints) > 0 and endpoints <@ array['chat.completions', 'responses', 'embeddings']
  ),
  -- the ceilings keep every product of a count and a price inside bigint
  max_input_tokens integer not null check (max_input_tokens between 1 and 10000000),
  -- 0 for embeddings
  max_output_tokens integer not null check (max_output_tokens between 0 and 1000000),
  -- thinks before it answers unless a call says otherwise, and bills that as output: its calls need more room
  is_reasoning boolean not null default false,
  -- output per choice of a call that names no limit, and the least that a call is cut to; null: as for any such model
  default_output_tokens integer check (default_output_tokens between 1 and 1000000),
  least_output_tokens integer check (least_output_tokens between 1 and 1000000),
  -- micro-USD per million tokens
  input_price bigint not null check (input_price between 0 and 1000000000),
  cached_input_price bigint not null check (cached_input_price between 0 and input_price),
  cache_write_price bigint not null check (cache_write_price between 0 and 1000000000),
  -- what is written to be kept for twelve hours; null where it costs what other writes do
  cache_write_12h_price bigint check (cache_write_12h_price between 0 and 1000000000),
  audio_input_price bigint not null check (audio_input_price between 0 and 1000000000),
  output_price bigint not null check (output_price between 0 and 1000000000),
  audio_output_price bigint not null check (audio_output_price between 0 and 1000000000),
  -- a call with more input than this pays the long prices, for all of its tokens; null where there are none
  long_above_tokens integer check (long_above_tokens between 1 and 10000000),
  long_input_price bigint check (long_input_price between 0 and 1000000000),
  long_cached_input_price bigint check (long_cached_input_price between 0 and 1000000000),
  long_cache_write_price bigint check (long_cache_write_price between 0 and 1000000000),
  long_cache_write_12h_price bigint check (long_cache_write_12h_price between 0 and 1000000000),
  long_output_price bigint check (long_output_price between 0 and 1000000000),
  source text not null,
  constraint model_price_long_is_whole check (
    num_nonnulls(
      long_above_tokens, long_input_price, long_cached_input_price, long_cache_write_price, long_output_price
    ) in (0, 5)
    and (long_cache_write_12h_price is null) = (long_above_tokens is null or cache_write_12h_price is null)
  ),
  -- so that what a long input is held for covers a short one too
  constraint model_price_long_is_dearer check (
    long_above_tokens is null or (
      long_input_price >= greatest(input_price, long_cached_input_price)
      and long_cached_input_price >= cached_input_price and long_cache_write_price >= cache_write_price
      and long_output_price >= output_price
      and coalesce(long_cache_write_12h_price >= cache_write_12h_price, true)
    )
  ),
  constraint model_price_one_at_a_time exclude using gist (
    model extensions.gist_text_ops with operator(pg_catalog.=), valid with operator(pg_catalog.&&) -- noqa: LT01
  )
);
create index model_price_model on octroi_private.model_price (model);
comment on table octroi_private.model_price is
'Prices in micro-USD per million tokens and size limits of a model, each for a span of time.';

create table octroi_private.model_alias (
  alias text primary key check (alias ~ '^[a-z0-9][a-z0-9.:_-]{0,99}$'),
  model text not null,
  constraint model_alias_is_another_name check (model <> alias)
);
comment on table octroi_private.model_alias is
'Other names of a model, such as dated ones, at whose price they are answered. A name with a price of its own is no alias.';
create index model_alias_model on octroi_private.model_alias (model);

-- Which price applies to a name at a moment: its own, or that of the model it is another name of; it is one or the
-- other. Null: none, so the name is not offered.
create function octroi_private.price_at(p_model text, p_at timestamptz)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select p.id from octroi_private.model_price as p
    where p.valid operator(pg_catalog.@>) p_at and p.model = coalesce(
      (select a.model from octroi_private.model_alias as a where a.alias = p_model), p_model
    )
  );
end
$$;
comment on function octroi_private.price_at(text, timestamptz) is
'The price that applies to a name of a model at a moment; null when it has none, and is not offered.';

-- The name that a model is priced and limited by, whatever other name it is asked for by.
create function octroi_private.canonical_model(p_model text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce((select a.model from octroi_private.model_alias as a where a.alias = p_model), p_model);
end
$$;

-- The same, of a model that is to be limited. A limit on a name without a price would bind no call: it is refused.
create function octroi_private.require_priced_model(p_model text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_model text := octroi_private.canonical_model(p_model);
begin
  if not exists (
    select from octroi_private.model_price as p
    where p.model = v_model and (upper(p.valid) is null or upper(p.valid) > octroi_private.now())
  ) then
    raise exception 'model % has no price', left(p_model, 100) using errcode = '22023',
      hint = 'GET /v1/models lists the models that have one.';
  end if;
  return v_model;
end
$$;
comment on function octroi_private.require_priced_model(text) is
'The name that a model is priced by, of any of its names. Raises 22023 when it has no price now or later.';

create type octroi_private.unit_prices as (
  input bigint,
  cached_input bigint,
  cache_write bigint,
  cache_write_12h bigint,
  audio_input bigint,
  output bigint,
  audio_output bigint,
  -- what a token can cost at most, whichever pool it falls in: the prices of a hold
  top_input bigint,
  top_output bigint
);

-- What each token of a call costs. All of them cost more when the call has more input than the short context: the
-- bound of the input gives the prices of a hold, the input as counted those of the charge, which are never higher.
create function octroi_private.unit_prices_of(p_price octroi_private.model_price, p_input_tokens bigint)
returns octroi_private.unit_prices
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_input_tokens > p_price.long_above_tokens then
    return row(
      p_price.long_input_price, p_price.long_cached_input_price, p_price.long_cache_write_price,
      coalesce(p_price.long_cache_write_12h_price, p_price.long_cache_write_price), p_price.audio_input_price,
      p_price.long_output_price, p_price.audio_output_price,
      greatest(
        p_price.long_input_price, p_price.long_cache_write_price, p_price.long_cache_write_12h_price,
        p_price.audio_input_price
      ), greatest(p_price.long_output_price, p_price.audio_output_price)
    )::octroi_private.unit_prices;
  end if;
  return row(
    p_price.input_price, p_price.cached_input_price, p_price.cache_write_price,
    coalesce(p_price.cache_write_12h_price, p_price.cache_write_price), p_price.audio_input_price,
    p_price.output_price, p_price.audio_output_price,
    greatest(
      p_price.input_price, p_price.cache_write_price, p_price.cache_write_12h_price, p_price.audio_input_price
    ), greatest(p_price.output_price, p_price.audio_output_price)
  )::octroi_private.unit_prices;
end
$$;
comment on function octroi_private.unit_prices_of(octroi_private.model_price, bigint) is
'The prices of a call with so much input, in micro-USD per million tokens.';

create function octroi_private.model_limits(p_model text)
returns table (max_output_tokens bigint, max_input_tokens bigint, encoding text, endpoints text [])
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.max_output_tokens::bigint, p.max_input_tokens::bigint, p.encoding, p.endpoints
  from octroi_private.model_price as p
  where p.id = octroi_private.price_at(p_model, octroi_private.now())
$$;
comment on function octroi_private.model_limits(text) is
'Sizes, tokenizer and endpoints of a model; no row when it has no price now.';

reset role;
