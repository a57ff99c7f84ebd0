-- Plans as one declaration: what is refused and why, what makes a new version, and what those who subscribed keep.
begin;
\ir setup/play.sql
select plan(60);

create function tap.declared(p_change text) returns jsonb
language sql
stable
begin atomic
select jsonb_set('{
  "plan": [
    {"code": "free", "name": "Free", "default": true, "limit": [{"meter": "tokens", "period": "month",
      "amount": 1000}]},
    {
      "code": "basic", "name": "Basic", "currency": "eur", "price": {"month": 900, "year": 9000},
      "top_ups": ["small"], "limit": [{"meter": "tokens", "period": "month", "amount": 10000}],
      "overage": [{"meter": "tokens", "slice": 100, "price": 3, "spend_cap": 300, "on": true}]
    },
    {"code": "premium", "name": "Premium", "limit": [{"meter": "tokens", "period": "month", "amount": 100000}]}
  ],
  "top_up": [
    {"code": "small", "name": "Small", "meter": "tokens", "amount": 5000, "price": 500, "currency": "eur"}
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
  perform octroi_private.declare_plans(tap.declared(p_change), true);
  return 'none';
exception
  when sqlstate 'OC030' then
    get stacked diagnostics v_detail = pg_exception_detail;
    return v_detail;
end
$$;

create table tap.refused (change text, fault text);
insert into tap.refused values
('{plan,1,code} = "Basic"', 'plan Basic, code: a small letter, then at most 39 of a-z, 0-9 and _'),
('{plan,1,code} = "free"', 'plan free, code: declared twice'),
('{plan,1,name} = ""', 'plan basic, name: 1 to 200 characters'),
('{plan,2,default} = true', 'plan: exactly one is the default'),
('{plan,0,default} = false', 'plan: exactly one is the default'),
('{plan,1,currency} = null', 'plan basic, currency: three small letters, as in ISO 4217'),
('{plan,1,currency} = "euro"', 'plan basic, currency: three small letters, as in ISO 4217'),
('{plan,1,price,month} = -1', 'plan basic, price.month: a whole number of minor units from 1 to 99,999,999'),
('{plan,1,price,month} = 9.5', 'plan basic, price.month: a whole number of minor units from 1 to 99,999,999'),
('{plan,1,price,year} = 1e30', 'plan basic, price.year: a whole number of minor units from 1 to 99,999,999'),
('{plan,1,price,week} = 100', 'plan basic, price.week: not a field of this file'),
('{plan,1,color} = "red"', 'plan basic, color: not a field of this file'),
('{plan,1,trial_days} = 1000', 'plan basic, trial_days: a whole number from 0 to 730'),
('{plan,0,trial_days} = 7', 'plan free, trial_days: there is nothing to try without a price'),
('{plan,1,seats} = 0', 'plan basic, seats: a whole number from 1 to 100,000'),
('{plan,1,on_disconnect} = "stop"', 'plan basic, on_disconnect: cancel or drain'),
('{plan,1,on_disconnect} = null', 'plan basic, on_disconnect: cancel or drain'),
('{plan,1,default_output_tokens} = 0', 'plan basic, default_output_tokens: a whole number from 1 to 1,000,000'),
('{plan,1,default_output_tokens} = 1000001', 'plan basic, default_output_tokens: a whole number from 1 to 1,000,000'),
('{plan,1,default_output_tokens} = "4096"', 'plan basic, default_output_tokens: a whole number from 1 to 1,000,000'),
('{plan,1,least_output_tokens} = 0', 'plan basic, least_output_tokens: a whole number from 1 to 1,000,000'),
('{plan,1,least_output_tokens} = 1.5', 'plan basic, least_output_tokens: a whole number from 1 to 1,000,000'),
('{plan,1,least_output_tokens} = null', 'plan basic, least_output_tokens: a whole number from 1 to 1,000,000'),
('{plan,1,hold_wait_seconds} = -1', 'plan basic, hold_wait_seconds: a whole number from 0 to 60'),
('{plan,1,hold_wait_seconds} = 61', 'plan basic, hold_wait_seconds: a whole number from 0 to 60'),
('{plan,1,hold_wait_seconds} = true', 'plan basic, hold_wait_seconds: a whole number from 0 to 60'),
('{plan,1,models} = ["gpt-99"]', 'plan basic, models[0]: gpt-99 has no price'),
('{plan,1,top_ups} = ["huge"]', 'plan basic, top_ups[0]: huge is not declared'),
('{plan,1,features} = ["", "x"]', 'plan basic, features[0]: 1 to 100 characters'),
('{plan,1,limit,0,amount} = -5', 'plan basic, limit[0].amount: a whole number from 0 to 1,000,000,000,000,000'),
(
  '{plan,1,limit,0,amount} = 9999999999999999',
  'plan basic, limit[0].amount: a whole number from 0 to 1,000,000,000,000,000'
),
('{plan,0,limit,0,meter} = "bytes"', 'plan free, limit[0].meter: tokens, requests or cost'),
('{plan,0,limit,0,period} = "week"', 'plan free, limit[0].period: day, month or lifetime'),
('{plan,0,limit,0,model} = "gpt-5.5"', 'plan free, limit[0].model: named where, and only where, the scope is model'),
(
  '{plan,1,limit,1} = {"meter": "tokens", "period": "month", "amount": 5}',
  'plan basic, limit[1]: overlaps limit[0], of the same scope, model, meter and period'
),
(
  '{plan,1,limit,1} = {"scope": "model", "model": "gpt-99", "meter": "tokens", "period": "day", "amount": 5}',
  'plan basic, limit[1].model: gpt-99 has no price'
),
(
  '{plan,0,limit} = [{"scope": "model", "model": "gpt-5.2", "meter": "tokens", "period": "day", "amount": 5},
    {"scope": "model", "model": "gpt-5.2-2025-12-11", "meter": "tokens", "period": "day", "amount": 6}]',
  'plan free, limit[1]: overlaps limit[0], of the same scope, model, meter and period'
),
(
  '{plan,0,limit,0} = {"meter": "tokens", "period": "day", "amount": 5, "rollover": {"max": 5}}',
  'plan free, limit[0].rollover: only for the account''s month'
),
('{plan,1,limit,0,rollover} = {"max": 5, "months": 13}', 'plan basic, limit[0].rollover: max, and months from 1 to 12'),
('{plan,1,overage,0,slice} = 0', 'plan basic, overage[0].slice: a whole number from 1 to 1,000,000,000'),
('{plan,1,overage,0,spend_cap} = 2', 'plan basic, overage[0].spend_cap: buys less than one slice'),
(
  '{plan,1,overage,1} = {"meter": "tokens", "slice": 1, "price": 1, "spend_cap": 1, "on": false}',
  'plan basic, overage[1]: overlaps overage[0], of the same meter'
),
('{plan,1,overage,0,meter} = "requests"',
  'plan basic, overage[0].meter: the account has no monthly limit of it to go beyond'),
('{top_up,0,currency} = null', 'top_up small, currency: missing, or not three small letters'),
('{top_up,0,amount} = 0', 'top_up small, amount: a whole number from 1 to 10,000,000,000,000');
select is(tap.faults(r.change), r.fault, 'refused: ' || r.fault) from tap.refused as r;

select is(
  tap.faults('{plan,1} = {"code": "basic", "name": "Basic", "price": {"month": 900}, "limit": []}'),
  e'plan basic, currency: missing; a price is one of some currency\nplan basic, limit: 1 to 50 of them',
  'every fault is told at once; a price without a currency is one'
);

-- What is in force is in force, said again it changes nothing.
select count(*) from octroi_private.declare_plans(tap.declared('{plan,1,seats} = 3'), false) \g /dev/null
select results_eq(
  $$select d.kind, d.code, d.change, d.field
    from octroi_private.declare_plans(tap.declared('{plan,1,seats} = 3'), true) as d order by 1, 2$$,
  $$values ('plan', 'basic', 'unchanged', null), ('plan', 'free', 'unchanged', null),
    ('plan', 'premium', 'unchanged', null), ('top_up', 'small', 'unchanged', null)$$,
  'a declaration that is in force differs in nothing'
);

-- nora is on basic; then its limit and its price change.
insert into auth.users (id, email) values ('01a00000-0000-7000-8000-00000000000e', 'nora@example.test');
select a.id as account from octroi_private.account as a
where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e' \gset
select octroi_private.assign_plan(:'account', 'basic') \g /dev/null
select results_eq(
  $$select d.change, d.field, d.was, d.becomes, d.version
    from octroi_private.declare_plans(tap.declared('{plan,1,seats} = 5'), true) as d where d.code = 'basic'$$,
  $$values ('changed', 'seats', '3'::jsonb, '5'::jsonb, 3)$$,
  'a dry run says what would differ and which version that would be'
);
select is(
  (select max(v.version) from octroi_private.plan_version as v where v.plan_code = 'basic'), 2, 'and makes none'
);
select count(*) from octroi_private.declare_plans(tap.declared('{plan,1,limit,0,amount} = 20000'), false) \g /dev/null
select is(
  (
    select q.granted from octroi_private.quota_of(:'account', '01a00000-0000-7000-8000-00000000000e') as q
    where q.scope = 'account' and q.meter = 'tokens'
  ), 20000::bigint, 'who is on a version keeps it: 10,000, and 10,000 of overage, when it grows to 20,000'
);
select is(
  (
    select array_agg(l.amount::bigint order by v.version) from octroi_private.plan_version as v
    join octroi_private.plan_limit as l on l.plan_version_id = v.id
    where v.plan_code = 'basic'
  ), array[100000, 10000, 20000]::bigint [], 'each version has its own limit'
);

-- Stripe's ids belong to versions, once.
select is(
  (
    select array_agg(c.key order by c.key) from octroi_private.plan_catalogue() as c
    where c.code = 'basic' and c.object in ('price', 'metered_price')
  ), array[
    'octroi-basic-v2-month', 'octroi-basic-v2-overage-tokens', 'octroi-basic-v2-year', 'octroi-basic-v3-month',
    'octroi-basic-v3-overage-tokens', 'octroi-basic-v3-year'
  ], 'the catalogue has what is sold and what somebody still has'
);
select is(octroi_private.record_stripe_ids('{"octroi-basic-v3-month": "price_1"}'), 1, 'an id is recorded');
select is(octroi_private.record_stripe_ids('{"octroi-basic-v3-month": "price_1"}'), 0, 'once');
select is(
  tap.outcome_of($$select octroi_private.record_stripe_ids('{"octroi-basic-v3-month": "price_2"}')$$), 'OC030',
  'and not replaced by another'
);
select octroi_private.record_stripe_ids('{"octroi-basic-v1-month": "price_0"}') \g /dev/null
select results_eq(
  $$select c.key, c.is_sold from octroi_private.plan_catalogue() as c
    where c.code = 'basic' and c.object = 'price' and c.key like '%month'$$,
  $$values ('octroi-basic-v1-month', false), ('octroi-basic-v2-month', false), ('octroi-basic-v3-month', true)$$,
  'and what Stripe has from before, so that it is not sold there any more'
);

-- A model is limited by whichever of its names, and said by another it is the same limit.
select count(*) from octroi_private.declare_plans(tap.declared(
  '{plan,2,limit,1} = {"scope": "model", "model": "gpt-5.2-2025-12-11", "meter": "requests", "period": "day",
  "amount": 5}'
), false) \g /dev/null
select results_eq(
  $$select d.change from octroi_private.declare_plans(tap.declared(
    '{plan,2,limit,1} = {"scope": "model", "model": "gpt-5.2", "meter": "requests", "period": "day", "amount": 5}'
  ), true) as d where d.code = 'premium'$$, $$values ('unchanged')$$, 'a limit is on the model, not on a spelling of it'
);

-- Removing a plan.
select is(
  tap.faults('{plan,1} = {"code": "other", "name": "Other", "limit": [{"meter": "tokens", "period": "day",
  "amount": 1}]}'),
  'plan basic: removed, and 1 accounts still have it', 'a plan that somebody has is not removed'
);

-- What becomes of a stream whose client leaves is the plan's to say, unless the model thinks.
select count(*) from octroi_private.declare_plans(tap.declared('{plan,2,on_disconnect} = "drain"'), false) \g /dev/null
select octroi_private.assign_plan(:'account', p.code)
from (values ('premium'), ('basic')) as p (code) \g /dev/null
select is(
  (
    select array_agg(v.on_disconnect order by v.plan_code)
    from (
      select distinct on (w.plan_code) w.plan_code, w.on_disconnect from octroi_private.plan_version as w
      where w.plan_code in ('basic', 'premium') order by w.plan_code asc, w.version desc
    ) as v
  ), array['cancel', 'drain'], 'a plan cancels unless it drains'
);
select results_eq(
  format(
    $$select m.model, r.verdict, r.on_disconnect
      from (values ('gpt-5.4-mini'), ('gpt-5.6-luna')) as m (model)
      cross join lateral octroi_private.reserve(
        octroi_private.uuid_v7(), %L, null, '01a00000-0000-7000-8000-00000000000e', m.model, 10, 20
      ) as r$$, :'account'
  ),
  $$values ('gpt-5.4-mini', 'granted', 'cancel'), ('gpt-5.6-luna', 'granted', 'drain')$$,
  'a reservation says which, and a model that thinks is drained on every plan'
);

select * from finish();
rollback;
