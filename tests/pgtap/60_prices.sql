-- Prices as one declaration: what is refused and why, what a changed price does to calls, what a name is charged at,
-- and what an operator is told.
begin;
\ir setup/play.sql
select plan(50);

create function tap.priced(p_change text) returns jsonb
language sql
stable
begin atomic
select jsonb_set('{
  "source": "a price list",
  "model": [
    {
      "name": "flat", "aliases": ["flat-2026-02-03"], "from": "2026-01-01", "encoding": "o200k_base",
      "endpoints": ["responses", "chat.completions"], "max_input_tokens": 100000, "max_output_tokens": 1000,
      "input": 1000000, "cached_input": 100000, "output": 4000000
    },
    {
      "name": "tiered", "from": "2026-01-01", "until": "2031-01-01", "encoding": "o200k_base",
      "endpoints": ["responses"], "reasoning": true, "max_input_tokens": 900000, "max_output_tokens": 1000,
      "input": 1000000, "cached_input": 100000, "cache_write": 1250000, "cache_write_12h": 2500000, "output": 6000000,
      "long": {
        "above": 1000, "input": 2000000, "cached_input": 200000, "cache_write": 2500000, "cache_write_12h": 5000000,
        "output": 9000000
      }
    }
  ]
}'::jsonb, split_part(p_change, ' = ', 1)::text [], split_part(p_change, ' = ', 2)::jsonb);
end;

-- The faults that a declaration with one thing different is refused for.
create function tap.faults(p_change text) returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  perform octroi_private.declare_prices(tap.priced(p_change), true);
  return 'none';
exception
  when sqlstate 'OC030' then
    get stacked diagnostics v_detail = pg_exception_detail;
    return v_detail;
end
$$;

create table tap.refused (change text, fault text);
insert into tap.refused values
('{models} = []', 'models: not a field of this file'),
('{model} = []', 'model: 1 to 1,000 of them'),
('{source} = ""', e'model flat, source: where the facts are from, here or at the top of the file\n'
  || 'model tiered, source: where the facts are from, here or at the top of the file'),
('{model,0,name} = "GPT"', 'model GPT, name: at most 100 of a-z, 0-9 and .:_-'),
('{model,0,colour} = "red"', 'model flat, colour: not a field of this file'),
('{model,0,from} = "2026-02-30"', 'model flat, from: a day, such as "2026-01-31"'),
('{model,0,until} = "2026-01-01"', 'model flat, until: a later day than from'),
('{model,0,encoding} = "p50k_base"', 'model flat, encoding: o200k_base or cl100k_base'),
('{model,0,endpoints} = ["images"]', 'model flat, endpoints: a list of chat.completions, responses, embeddings'),
('{model,0,endpoints} = []', 'model flat, endpoints: a list of chat.completions, responses, embeddings'),
('{model,0,input} = 0.15',
  'model flat, input: a whole number of micro-USD per million tokens, from 0 to 1,000,000,000'),
('{model,0,output} = -1',
  'model flat, output: a whole number of micro-USD per million tokens, from 0 to 1,000,000,000'),
('{model,0,cached_input} = 1000001', 'model flat, cached_input: more than input'),
('{model,0,max_input_tokens} = 0', 'model flat, max_input_tokens: a whole number from 1 to 10,000,000'),
('{model,0,least_output_tokens} = 0',
  'model flat, default_output_tokens and least_output_tokens: whole numbers from 1 to 1,000,000'),
('{model,1,long,above} = 0', 'model tiered, long.above: a whole number of input tokens'),
('{model,1,long,output} = 5999999', 'model tiered, long.output: less than output; long inputs are never cheaper'),
('{model,0,long} = {"above": 5, "input": 1000000, "output": 4000000, "cache_write_12h": 5}',
  'model flat, long.cache_write_12h: there, if and only if the model has cache_write_12h'),
('{model,0,aliases} = ["tiered"]', 'model flat, aliases: tiered is a model of its own'),
('{model,1,aliases} = ["flat-2026-02-03"]', 'model tiered, aliases: flat-2026-02-03 is also one of flat'),
('{model,1,name} = "flat"', 'model flat: priced twice for 2026-01-01'),
('{not_offered} = [{"models": ["x"]}]', 'not_offered[0]: models, a list of names, and because');
select is(tap.faults(r.change), r.fault, 'refused: ' || r.fault) from tap.refused as r;

-- ada calls at the prices that Octroi came with; then the file says otherwise.
insert into auth.users (id, email) values ('01a00000-0000-7000-8000-00000000000a', 'ada@example.test');
\set ada '\'01a00000-0000-7000-8000-00000000000a\''
select a.id as account from octroi_private.account as a where a.owner_user_id = :ada \gset
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:'account', 'account', '', 'cost', 'month', 1000000000000);
create function tap.travel(p_by interval) returns void
language sql
begin atomic
insert into octroi_private.test_clock as c (shift) values (p_by)
on conflict (only_row) do update set shift = c.shift + excluded.shift;
end;
create function tap.hold(p_id uuid, p_model text, p_input bigint, p_output bigint) returns text
language sql
begin atomic
select coalesce(r.reason, r.hold_cost_nano_usd::text)
from octroi_private.reserve(
  p_id, (select a.id from octroi_private.account as a where a.owner_user_id = :ada), null, :ada, p_model, p_input,
  p_output
) as r;
end;
select octroi_private.assign_plan(:'account', 'premium') \g /dev/null

select count(*) from octroi_private.declare_prices(tap.priced('{source} = "a price list"'), false) \g /dev/null
select is_empty(
  $$select d.model, d.field from octroi_private.declare_prices(tap.priced('{source} = "a price list"'), true) as d$$,
  'a declaration that is in force differs in nothing'
);
select results_eq(
  $$select l.model, l.aliases, l.is_in_force, l.ends_at from octroi_private.price_list() as l
    where l.ends_at is null or l.ends_at > '2030-01-01Z'$$,
  $$values ('flat', array['flat-2026-02-03'], true, null::timestamptz),
    ('tiered', '{}', true, '2031-01-01Z')$$, 'what is new is in force at once'
);
select tap.travel('11 seconds') \g /dev/null
select is(
  (select count(*) from octroi_private.price_list()), 2::bigint, 'what is not in the file any more has ended'
);
select is(tap.hold(gen_random_uuid(), 'gpt-5.4-mini', 10, 10), 'model_not_priced', 'and is offered no more');

select is(
  tap.hold('01a00000-0000-7000-8000-000000000001', 'flat', 100, 50), (100 * 1000 + 50 * 4000)::text,
  'a call is held at the price in force'
);
select results_eq(
  $$select d.model, d.field, d.was, d.becomes
    from octroi_private.declare_prices(tap.priced('{model,0,output} = 5000000'), false) as d order by 2$$,
  $$values ('flat', 'audio_output_price', '4000000'::jsonb, '5000000'::jsonb),
    ('flat', 'output_price', '4000000'::jsonb, '5000000'::jsonb)$$,
  'a changed price is told field by field'
);
select is(
  tap.hold('01a00000-0000-7000-8000-000000000002', 'flat', 100, 50), (100 * 1000 + 50 * 4000)::text,
  'and begins a moment later'
);
select tap.travel('11 seconds') \g /dev/null
select is(
  tap.hold('01a00000-0000-7000-8000-000000000003', 'flat', 100, 50), (100 * 1000 + 50 * 5000)::text,
  'for the calls from then on'
);
select results_eq(
  $$select s.cost_nano_usd from octroi_private.settle('01a00000-0000-7000-8000-000000000002', 100, 50) as s$$,
  $$values ((100 * 1000 + 50 * 4000)::bigint)$$, 'a call that was under way keeps the price that it was held at'
);
select results_eq(
  $$select s.cost_nano_usd
    from octroi_private.settle('01a00000-0000-7000-8000-000000000001', 100, 50,
    p_response_model => 'flat-2026-02-03') as s$$,
  $$values ((100 * 1000 + 50 * 4000)::bigint)$$, 'also where another name of the model answered'
);
select results_eq(
  $$select p.output_price, upper(p.valid) is null from octroi_private.model_price as p
    where p.model = 'flat' order by lower(p.valid)$$,
  $$values (4000000::bigint, false), (5000000, true)$$, 'the price before stays on record, with its end'
);
select is(
  (
    select count(*) from octroi_private.audit_log as l
    where l.action = 'model_price.update' and l.detail #>> '{model}' = 'flat'
  ), 1::bigint, 'and who changed it is entered'
);
select results_eq(
  $$select d.field, d.becomes from octroi_private.declare_prices(
      jsonb_set(tap.priced('{model,0,output} = 5000000'), '{model,0,until}', '"2030-05-06"'), false
    ) as d$$,
  $$values ('until', '"2030-05-06"'::jsonb)$$, 'a shut-down date ends the price that is in force'
);
select is(
  (select count(*) from octroi_private.model_price as p where p.model = 'flat'), 2::bigint, 'and makes no other'
);

-- Other names.
select is(
  tap.hold(gen_random_uuid(), 'flat-2026-02-03', 100, 50), (100 * 1000 + 50 * 5000)::text,
  'a dated name costs what its model does'
);
select is(tap.hold(gen_random_uuid(), 'flat-2026-09-09', 1, 1), 'model_not_priced', 'a name that is none is not');
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:'account', 'model', 'flat', 'tokens', 'day', 1000);
select is(
  tap.hold(gen_random_uuid(), 'flat-2026-02-03', 1001, 0), 'model_budget_reached',
  'a limit of the model binds calls by its other names'
);
select tap.play(:ada) \g /dev/null
select is(
  (select c.reason from octroi.check_quota('flat-2026-02-03', 1001) as c), 'model_budget_reached', 'as check_quota says'
);
select tap.clear() \g /dev/null
delete from octroi_private.budget where scope = 'model';
insert into octroi_private.api_key (
  account_id, user_id, name, key_hash, key_prefix, allowed_models, allowed_endpoints, created_at
)
values (:'account', :ada, 'narrow', sha256('narrow'), 'sk-oct-narrow', '{flat,tiered}', '{chat.completions}', now());
select k.id as key_id from octroi_private.api_key as k where k.name = 'narrow' \gset
select results_eq(
  format('select l.model from octroi_private.model_list(%L, %L) as l', :'account', :'key_id'),
  $$values ('flat'), ('flat-2026-02-03')$$,
  'listed are the models that a key can call somewhere, under each of their names'
);

-- Inputs above the short context.
select results_eq(
  $$select tap.hold(gen_random_uuid(), 'tiered', i.tokens, 10) from (values (1000), (1001)) as i (tokens)$$,
  $$values ((1000 * 2500 + 10 * 6000)::text), ((1001 * 5000 + 10 * 9000)::text)$$,
  'a hold is at the dearest that a token of an input of that size can cost'
);
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000004', :'account', null, :ada, 'tiered', 1200, 20
) as r \g /dev/null
select results_eq(
  $$select s.cost_nano_usd from octroi_private.settle(
      '01a00000-0000-7000-8000-000000000004', 1100, 10, p_cached_input_tokens => 100, p_cache_write_tokens => 900,
      p_cache_write_12h_tokens => 400
    ) as s$$,
  $$values ((100 * 2000 + 100 * 200 + 500 * 2500 + 400 * 5000 + 10 * 9000)::bigint)$$,
  'all tokens of a long input are charged at its prices, what is kept for twelve hours at its own'
);
select r.verdict from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000005', :'account', null, :ada, 'tiered', 1200, 20
) as r \g /dev/null
select results_eq(
  $$select s.cost_nano_usd, s.overrun_tokens
    from octroi_private.settle('01a00000-0000-7000-8000-000000000005', 1000, 10) as s$$,
  $$values ((1000 * 1000 + 10 * 6000)::bigint, 0::bigint)$$,
  'an input that turned out shorter is charged as a short one'
);
select tap.play(:ada) \g /dev/null
select results_eq(
  $$select p ->> 'pool', (p ->> 'tokens')::bigint, (p ->> 'micro_usd_per_million')::bigint
    from octroi.receipt('01a00000-0000-7000-8000-000000000004') as r
      cross join lateral jsonb_array_elements(r.pools) as p$$,
  $$values ('input', 100::bigint, 2000000::bigint), ('cached_input', 100, 200000), ('cache_write', 500, 2500000),
    ('cache_write_12h', 400, 5000000), ('output', 10, 9000000)$$, 'and the receipt says so'
);
select tap.clear() \g /dev/null

-- What the operator is told.
select octroi_private.count_unpriced_models(
  array['gpt-99', 'gpt-99', 'Not A Name', 'flat'], array[2, 3, 9, 1]
) \g /dev/null
select octroi_private.count_unpriced_models(
  array(select 'made-up-' || n from generate_series(1, 100) as n), array_fill(1::bigint, array[100])
) \g /dev/null
select octroi_private.count_unpriced_models(
  array(select 'made-up-too-' || n from generate_series(1, 99) as n), array_fill(1::bigint, array[99])
) \g /dev/null
select is(
  (select count(*) from octroi_private.unpriced_model), 100::bigint,
  'models that were asked for are kept for some names only'
);
select octroi_private.count_unpriced_models(array['gpt-99'], array[5]) \g /dev/null
select octroi_private.count_unpriced_models(array['new'], array[1]) \g /dev/null
select results_eq(
  $$select t.kind, t.model, t.requests from octroi_private.model_troubles() as t where t.model !~ '^made'$$,
  $$values ('asked_without_price', 'gpt-99', 5::bigint), ('asked_without_price', 'new', 1)$$,
  'what is asked for often stays, and what has a price is no trouble'
);
update octroi_private.test_clock set shift = '2030-04-08Z'::timestamptz - clock_timestamp();
select results_eq(
  $$select t.kind, t.model, t.at from octroi_private.model_troubles() as t$$,
  $$values ('ending', 'flat', '2030-05-06Z'::timestamptz)$$,
  'a price that ends within 30 days is told; what was asked for in another time is not'
);
update octroi_private.test_clock set shift = '2030-05-06Z'::timestamptz - clock_timestamp();
select is(tap.hold(gen_random_uuid(), 'flat', 1, 1), 'model_not_priced', 'a model that was shut down is not offered');
select is(tap.hold(gen_random_uuid(), 'flat-2026-02-03', 1, 1), 'model_not_priced', 'under none of its names');

select * from finish();
rollback;
