-- What a model costs, and how large its calls may be. A model without a price now is refused.
set role octroi_owner;

create table octroi_private.model_price (
  id bigint generated always as identity primary key,
  model text not null check (model ~ '^[a-z0-9][a-z0-9.:_-]{0,99}$'),
  valid tstzrange not null check (not isempty(valid)),
  encoding text not null check (encoding in ('o200k_base', 'cl100k_base')),
  -- the ceilings keep every product of a count and a price inside bigint
  max_input_tokens integer not null check (max_input_tokens between 1 and 10000000),
  -- 0 for embeddings
  max_output_tokens integer not null check (max_output_tokens between 0 and 1000000),
  -- thinks before it answers, and bills that as output: its calls need more room
  is_reasoning boolean not null default false,
  -- micro-USD per million tokens
  input_price bigint not null check (input_price between 0 and 1000000000),
  cached_input_price bigint not null check (cached_input_price between 0 and input_price),
  cache_write_price bigint not null check (cache_write_price between 0 and 1000000000),
  audio_input_price bigint not null check (audio_input_price between 0 and 1000000000),
  output_price bigint not null check (output_price between 0 and 1000000000),
  audio_output_price bigint not null check (audio_output_price between 0 and 1000000000),
  -- what a token can cost at most, whichever pool it falls in: the price of a hold
  top_input_price bigint not null generated always as (
    greatest(input_price, cache_write_price, audio_input_price)
  ) stored,
  top_output_price bigint not null generated always as (greatest(output_price, audio_output_price)) stored,
  source text not null,
  constraint model_price_one_at_a_time exclude using gist (
    model extensions.gist_text_ops with operator(pg_catalog.=), valid with operator(pg_catalog.&&) -- noqa: LT01
  )
);
create index model_price_model on octroi_private.model_price (model);
comment on table octroi_private.model_price is
'Prices in micro-USD per million tokens and size limits of a model, each for a span of time.';

-- Standard tier, short context, as listed on OpenAI's pricing page in June 2026. Inputs are bounded to the
-- short context where longer ones cost more. A token written to the cache costs what an input token does.
insert into octroi_private.model_price (
  model, valid, encoding, max_input_tokens, max_output_tokens, is_reasoning,
  input_price, cached_input_price, cache_write_price, audio_input_price, output_price, audio_output_price, source
)
select
  m.model, '[2026-01-01 00:00+00,)', m.encoding, m.max_input, m.max_output, m.model ~ '^(o[0-9]|gpt-5)',
  m.input, m.cached, m.input, coalesce(m.audio_input, m.input), -- noqa: AL08
  m.output, coalesce(m.audio_output, m.output),
  'openai.com/api/pricing, 2026-06'
from (values
  ('gpt-5.5', 'o200k_base', 272000, 128000, 5000000, 500000, 30000000, null, null),
  ('gpt-5.5-pro', 'o200k_base', 272000, 128000, 30000000, 30000000, 180000000, null, null),
  ('gpt-5.4', 'o200k_base', 272000, 128000, 2500000, 250000, 15000000, null, null),
  ('gpt-5.4-mini', 'o200k_base', 272000, 128000, 750000, 75000, 4500000, null, null),
  ('gpt-5.4-nano', 'o200k_base', 272000, 128000, 200000, 20000, 1250000, null, null),
  ('gpt-5.1', 'o200k_base', 272000, 128000, 1250000, 125000, 10000000, null, null),
  ('gpt-5', 'o200k_base', 272000, 128000, 1250000, 125000, 10000000, null, null),
  ('gpt-5-mini', 'o200k_base', 272000, 128000, 250000, 25000, 2000000, null, null),
  ('gpt-5-nano', 'o200k_base', 272000, 128000, 50000, 5000, 400000, null, null),
  ('gpt-4.1', 'o200k_base', 1014808, 32768, 2000000, 500000, 8000000, null, null),
  ('gpt-4.1-mini', 'o200k_base', 1014808, 32768, 400000, 100000, 1600000, null, null),
  ('gpt-4.1-nano', 'o200k_base', 1014808, 32768, 100000, 25000, 400000, null, null),
  ('gpt-4o', 'o200k_base', 128000, 16384, 2500000, 1250000, 10000000, null, null),
  ('gpt-4o-mini', 'o200k_base', 128000, 16384, 150000, 75000, 600000, null, null),
  ('gpt-audio', 'o200k_base', 128000, 16384, 2500000, 2500000, 10000000, 32000000, 64000000),
  ('o3', 'o200k_base', 200000, 100000, 2000000, 500000, 8000000, null, null),
  ('o4-mini', 'o200k_base', 200000, 100000, 1100000, 275000, 4400000, null, null),
  ('o3-mini', 'o200k_base', 200000, 100000, 1100000, 550000, 4400000, null, null),
  ('text-embedding-3-small', 'cl100k_base', 300000, 0, 20000, 20000, 0, null, null),
  ('text-embedding-3-large', 'cl100k_base', 300000, 0, 130000, 130000, 0, null, null),
  ('text-embedding-ada-002', 'cl100k_base', 300000, 0, 100000, 100000, 0, null, null)
) as m (model, encoding, max_input, max_output, input, cached, output, audio_input, audio_output);

create function octroi_private.model_limits(p_model text)
returns table (max_output_tokens bigint, max_input_tokens bigint, encoding text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.max_output_tokens::bigint, p.max_input_tokens::bigint, p.encoding
  from octroi_private.model_price as p
  where p.model = p_model and p.valid operator(pg_catalog.@>) octroi_private.now()
$$;
comment on function octroi_private.model_limits(text) is
'Sizes and tokenizer of a model; no row when it has no price now.';

reset role;
