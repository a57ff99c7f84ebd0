-- What is sold beside what it can cost at worst: `octroi plans check` asks here.
begin;
\ir setup/play.sql
select plan(34);

delete from octroi_private.model_price;
insert into octroi_private.model_price (
  model, valid, encoding, max_input_tokens, max_output_tokens, input_price, cached_input_price, cache_write_price,
  audio_input_price, output_price, audio_output_price, source
) values
-- the dearest token: 2, 50 (spoken), and from 2030 on 60 instead of 20 USD per million
('small', '[2026-01-01 00:00+00,)', 'o200k_base', 1000, 500, 500000, 100000, 500000, 500000, 2000000, 2000000, 'test'),
('spoken', '[2026-01-01 00:00+00,)', 'o200k_base', 1000, 500, 500000, 100000, 500000, 50000000, 2000000, 2000000,
'test'),
('large', '[2026-01-01 00:00+00,2030-01-01 00:00+00)', 'o200k_base', 2000, 1000, 5000000, 100000, 5000000, 5000000,
  20000000, 20000000, 'test'),
('large', '[2030-01-01 00:00+00,)', 'o200k_base', 2000, 1000, 5000000, 100000, 5000000, 5000000, 60000000, 60000000,
  'test'),
('gone', '[2020-01-01 00:00+00,2021-01-01 00:00+00)', 'o200k_base', 1000, 500, 900000000, 0, 0, 0, 900000000, 0,
'test');

-- The margins of one plan with p_with, for 10.00 USD and 1,000,000 tokens a month unless it says otherwise, and of what
-- else is declared.
create function tap.margins(p_with jsonb, p_beside jsonb default '{}')
returns table (line text, loss bigint, is_refused boolean)
language sql
stable
as $$
  select format('%s %s, %s: %s for %s at %s', m.kind, m.code, m.part, m.worst_cost, m.worth, m.model), m.loss,
    m.is_refused
  from octroi_private.plan_margins(jsonb_build_object('plan', jsonb_build_array(jsonb_build_object(
    'code', 'p', 'name', 'P', 'currency', 'usd', 'price', '{"month": 1000}'::jsonb, 'models', '["small"]'::jsonb,
    'limit', '[{"meter": "tokens", "period": "month", "amount": 1000000}]'::jsonb
  ) || p_with)) || p_beside) as m
$$;
create function tap.margin(p_with jsonb, p_beside jsonb default '{}')
returns text
language sql
stable
as $$
  select string_agg(
    m.line || case
      when m.is_refused then ', loses ' || coalesce(m.loss::text, 'any sum') when m.loss > 0 then ', meant' else ''
    end, e'\n'
  )
  from tap.margins(p_with, p_beside) as m
$$;

select is(
  tap.margin('{}'), 'plan p, month: 2000000 for 10000000 at small',
  'every token is taken to be the dearest of the model'
);
select is(
  tap.margin('{"models": ["small", "spoken"]}'), 'plan p, month: 50000000 for 10000000 at spoken, loses 40000000',
  'of all models the dearest, of its pools the dearest'
);
insert into octroi_private.model_alias (alias, model) values ('small-2026', 'small'), ('large-2026', 'large');
select is(
  tap.margin('{"models": ["small-2026"]}'), 'plan p, month: 2000000 for 10000000 at small',
  'a model is known by each of its names'
);
select is(
  tap.margin('{"models": ["small", "large-2026"], "limit": [
    {"meter": "tokens", "period": "month", "amount": 1000000},
    {"scope": "model", "model": "large", "meter": "tokens", "period": "month", "amount": 0}]}'),
  'plan p, month: 2000000 for 10000000 at large', 'and so is a limit on it'
);
select is(
  tap.margin('{"models": ["large"]}'), 'plan p, month: 60000000 for 10000000 at large, loses 50000000',
  'a price that is announced counts'
);
select is(
  (select m.model from octroi_private.plan_margins('{"plan": [{"code": "p", "limit": [
    {"meter": "tokens", "period": "month", "amount": 1}]}]}') as m), 'large',
  'a plan that names no models allows every one that has a price, and none that is gone'
);
select is(
  tap.margin('{"models": ["small", "gone"]}'), 'plan p, month:  for 10000000 at gone, loses any sum',
  'a model without a price can cost anything'
);
select is(
  tap.margin('{"price": {"month": 1000, "year": 1200}, "limit": [{"meter": "tokens", "period": "month",
    "amount": 1000000}]}'), e'plan p, month: 2000000 for 10000000 at small\n'
  'plan p, year: 2000000 for 1000000 at small, loses 1000000', 'a year is worth a twelfth a month'
);

-- What bounds a month.
select is(
  tap.margin('{"models": ["spoken"], "limit": [{"meter": "tokens", "period": "month", "amount": 1000000},
    {"meter": "cost", "period": "month", "amount": 8000000000}]}'),
  'plan p, month: 8000000 for 10000000 at spoken', 'a limit on cost'
);
select is(
  tap.margin('{"limit": [{"meter": "tokens", "period": "day", "amount": 1000000}]}'),
  'plan p, month: 64000000 for 10000000 at small, loses 54000000',
  'a limit by the day, as often as a month touches days'
);
select is(
  tap.margin('{"limit": [{"meter": "requests", "period": "month", "amount": 100}]}'),
  'plan p, month: 1000000 for 10000000 at small', 'a limit of calls: the largest call, 5,000 tokens with eight choices'
);
select is(
  tap.margin('{"limit": [{"meter": "tokens", "period": "month", "scope": "api_key", "amount": 10}]}'),
  'plan p, month:  for 10000000 at small, loses any sum', 'a limit of keys bounds nothing: there is always another key'
);
select is(
  tap.margin('{"limit": [{"meter": "tokens", "period": "month", "scope": "member", "amount": 1000000}]}'),
  'plan p, month:  for 10000000 at small, loses any sum', 'nor does one of members, as long as seats are not counted'
);
select is(
  tap.margin('{"seats": 3, "limit": [{"meter": "tokens", "period": "month", "scope": "member", "amount": 1000000}]}'),
  'plan p, month: 6000000 for 10000000 at small', 'with seats, so much for each'
);
select is(
  tap.margin('{"models": ["small", "spoken"], "limit": [{"meter": "tokens", "period": "month", "amount": 1000000},
    {"meter": "tokens", "period": "month", "scope": "model", "model": "spoken", "amount": 100000}]}'),
  'plan p, month: 6800000 for 10000000 at spoken', 'a model''s own limit: 100,000 of the dearest, the rest of the next'
);
select is(
  tap.margin('{"models": ["small", "spoken"], "limit": [{"meter": "tokens", "period": "month", "scope": "model",
    "model": "spoken", "amount": 100000}, {"meter": "cost", "period": "month", "scope": "model", "model": "small",
    "amount": 1000000000}]}'),
  'plan p, month: 6000000 for 10000000 at spoken', 'every model with a limit of its own bounds the plan as well'
);
select is(
  tap.margin('{"models": ["small", "spoken"], "limit": [{"meter": "tokens", "period": "month", "scope": "model",
    "model": "spoken", "amount": 100000}]}'),
  'plan p, month:  for 10000000 at spoken, loses any sum', 'one without does not'
);

-- What is meant is said, with its bound.
select is(
  tap.margin('{"allow_loss": {"usd_cents": 4000, "reason": "to win them"}, "models": ["spoken"]}'),
  'plan p, month: 50000000 for 10000000 at spoken, meant', 'a loss that the file allows'
);
select is(
  tap.margin('{"allow_loss": {"usd_cents": 3999, "reason": "to win them"}, "models": ["spoken"]}'),
  'plan p, month: 50000000 for 10000000 at spoken, loses 40000000', 'not a cent more'
);
select is(
  (select m.reason from octroi_private.plan_margins('{"plan": [{"code": "f", "models": ["small"], "limit": [
    {"meter": "tokens", "period": "month", "amount": 1000}],
    "allow_loss": {"usd_cents": 1, "reason": "to win them"}}]}') as m where m.part = 'free' and not m.is_refused),
  'to win them', 'a free plan is a loss, and says why'
);
select is(
  (select m.is_refused from octroi_private.plan_margins('{"plan": [{"code": "f", "models": ["small"], "limit": [
    {"meter": "tokens", "period": "month", "amount": 1000}]}]}') as m), true, 'or is refused'
);
select is(
  tap.margin('{"trial_days": 14}'),
  e'plan p, month: 2000000 for 10000000 at small\nplan p, trial: 2000000 for 0 at small, loses 2000000',
  'a trial is a month for nothing'
);

-- Use beyond the plan: each slice.
select is(
  tap.margin('{"overage": [{"meter": "tokens", "slice": 1000, "price": 1, "spend_cap": 1000, "on": true}]}'),
  e'plan p, month: 2000000 for 10000000 at small\noverage p, tokens: 2000000 for 10000000 at small',
  'a slice that costs less than it is sold for'
);
select is(
  tap.margin('{"models": ["spoken"], "allow_loss": {"usd_cents": 9999, "reason": "x"},
    "overage": [{"meter": "tokens", "slice": 1000, "price": 1, "spend_cap": 1000, "on": true}]}'),
  e'plan p, month: 50000000 for 10000000 at spoken, meant\n'
  'overage p, tokens: 50000000 for 10000000 at spoken, loses 40000000',
  'one that costs more, as often as the cap buys it'
);
select is(
  tap.margin('{"models": ["spoken"], "limit": [{"meter": "tokens", "period": "month", "amount": 100000},
    {"meter": "cost", "period": "month", "amount": 10000000000}],
    "overage": [{"meter": "tokens", "slice": 1000, "price": 1, "spend_cap": 1000, "on": true}]}'),
  e'plan p, month: 5000000 for 10000000 at spoken\n'
  'overage p, tokens: 10000000 for 10000000 at spoken, loses 8000000',
  'a limit on cost ends it after 200 slices, each sold at a fifth'
);

-- Packs, on the plan where they cost most.
select is(
  tap.margin('{"top_ups": ["k"]}', '{"top_up": [{"code": "k", "name": "K", "meter": "tokens", "amount": 1000000,
    "price": 150, "currency": "usd", "expires_after_days": 365}]}'),
  e'plan p, month: 2000000 for 10000000 at small\ntop_up k, on p: 2000000 for 1500000 at small, loses 500000',
  'a pack that costs more than it is sold for'
);
select is(
  tap.margin('{"top_ups": ["k"], "limit": [{"meter": "tokens", "period": "month", "amount": 1000000},
    {"meter": "cost", "period": "month", "amount": 2100000000}]}', '{"top_up": [{"code": "k", "name": "K",
    "meter": "tokens", "amount": 1000000, "price": 150, "currency": "usd", "expires_after_days": 28}]}'),
  e'plan p, month: 2000000 for 10000000 at small\ntop_up k, on p: 300000 for 1500000 at small',
  'where a limit on cost leaves a tenth of a dollar a month beside the plan, it costs no more in three months'
);
select is(
  tap.margin('{}', '{"top_up": [{"code": "k", "name": "K", "meter": "tokens", "amount": 1000000, "price": 1,
    "currency": "usd"}]}'), 'plan p, month: 2000000 for 10000000 at small', 'a pack that no plan sells costs nothing'
);

-- Other currencies are worth what the file says.
select is(
  tap.margin('{"currency": "eur"}'), 'plan p, month: 2000000 for  at small, loses any sum',
  'what is sold in a currency of unknown worth cannot be told'
);
select is(
  tap.margin('{"currency": "jpy", "price": {"month": 1500}}', '{"micro_usd_per_minor_unit": {"jpy": 6500}}'),
  'plan p, month: 2000000 for 9750000 at small', 'one of known worth can, whatever its minor unit is'
);

-- The declaration itself.
create function tap.faults(p_plan jsonb, p_beside jsonb) returns text
language sql
stable
as $$
  select string_agg(f, '; ' order by f) from octroi_private.declaration_faults(jsonb_build_object(
    'plan', jsonb_build_array(jsonb_build_object('code', 'p', 'name', 'P', 'default', true, 'limit',
      '[{"meter": "tokens", "period": "month", "amount": 1}]'::jsonb) || p_plan)
  ) || p_beside) as f where f !~ 'still have it'
$$;
select is(
  tap.faults('{"allow_loss": {"usd_cents": 5, "reason": "x"}}', '{"micro_usd_per_minor_unit": {"eur": 10800}}'), null,
  'a loss and a currency are declared'
);
select is(
  tap.faults('{"allow_loss": true}', '{"micro_usd_per_minor_unit": {"usd": 1, "EURO": 2, "eur": 0.5}}'),
  'micro_usd_per_minor_unit.EURO: a currency of three small letters other than usd, and a whole number from 1 to '
  '1,000,000,000; micro_usd_per_minor_unit.eur: a currency of three small letters other than usd, and a whole number '
  'from 1 to 1,000,000,000; micro_usd_per_minor_unit.usd: a currency of three small letters other than usd, and a '
  'whole number from 1 to 1,000,000,000; plan p, allow_loss: usd_cents from 1 to 99,999,999 and a reason of 1 to '
  '200 characters',
  'and what cannot be is named'
);
select is(
  octroi_private.plan_content('{"overage": [{"meter": "tokens", "allow_loss": {}}], "allow_loss": {}}') #>> '{}'
  ~ 'allow_loss', false, 'what may be lost is no part of what is sold: it makes no new version'
);

-- The catalogue may be read by everybody: what its seller reckons with is not in it.
select is(
  (select count(*) from octroi_private.plans_on_sale() as p where to_jsonb(p)::text ~ 'allow_loss|usd_cents|worst'),
  0::bigint,
  'customers read what is sold, and not what may be lost on it'
);

select * from finish();
rollback;
