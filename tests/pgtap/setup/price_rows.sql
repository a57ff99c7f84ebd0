-- Rows that break the rules of prices, for 31_bounds.sql.
insert into octroi_private.unpriced_model (model, requests, first_asked_at, last_asked_at)
values ('gpt-99', 1, now(), now());

insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('model_price_endpoints_check', 'model_price', 'endpoints = ''{}'''),
  ('model_price_endpoints_check', 'model_price', 'endpoints = ''{images}'''),
  ('model_price_default_output_tokens_check', 'model_price', 'default_output_tokens = 0'),
  ('model_price_least_output_tokens_check', 'model_price', 'least_output_tokens = 0'),
  ('model_price_cache_write_12h_price_check', 'model_price', 'cache_write_12h_price = -1'),
  ('model_price_long_above_tokens_check', 'model_price', 'long_above_tokens = 0'),
  ('model_price_long_input_price_check', 'model_price', 'long_input_price = -1'),
  ('model_price_long_cached_input_price_check', 'model_price', 'long_cached_input_price = -1'),
  ('model_price_long_cache_write_price_check', 'model_price', 'long_cache_write_price = -1'),
  ('model_price_long_cache_write_12h_price_check', 'model_price', 'long_cache_write_12h_price = -1'),
  ('model_price_long_output_price_check', 'model_price', 'long_above_tokens = 1, '
    || 'long_input_price = 1000000000, long_cached_input_price = 1000000000, long_cache_write_price = 1000000000, '
    || 'cache_write_12h_price = null, long_cache_write_12h_price = null, long_output_price = 1000000001'),
  ('model_price_long_is_whole', 'model_price', 'long_above_tokens = null, long_input_price = input_price'),
  (
    'model_price_long_is_dearer', 'model_price',
    'input_price = 5, cached_input_price = 5, cache_write_12h_price = null, long_cache_write_12h_price = null, '
    || 'long_above_tokens = 1, long_input_price = 4, long_cached_input_price = 4, long_cache_write_price = 1000000000, '
    || 'long_output_price = 1000000000'
  ),
  ('model_alias_alias_check', 'model_alias', 'alias = ''GPT'''),
  ('model_alias_is_another_name', 'model_alias', 'model = alias'),
  ('unpriced_model_model_check', 'unpriced_model', 'model = ''a name with spaces''')
) as b (constraint_name, relation, assignment)
union all
select
  'usage_event_cache_writes_are_sound',
  'insert into octroi_private.usage_event
  select (jsonb_populate_record(e, ''{"cache_write_12h_tokens": 1}'')).* from octroi_private.usage_event as e';
