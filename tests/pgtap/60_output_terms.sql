-- How long an answer may be, how short it is cut at most, how long a call waits, and what becomes of it when its client
-- leaves: from the files of prices and plans, and an account's own wish, to the verdict of a reservation.
begin;
\ir setup/play.sql
select plan(36);
\set nora '\'01a00000-0000-7000-8000-00000000000e\''

select count(p.change) from octroi_private.declare_prices(jsonb_build_object(
  'source', 'a price list', 'model', (
    select jsonb_agg('{
      "from": "2026-01-01", "encoding": "o200k_base", "endpoints": ["responses"], "max_input_tokens": 900000,
      "max_output_tokens": 100000, "input": 1000000, "output": 4000000
    }'::jsonb || m.own)
    from (values
      ('{"name": "plain"}'::jsonb), ('{"name": "thinker", "reasoning": true}'),
      ('{"name": "sized", "aliases": ["sized-2026"], "default_output_tokens": 300, "least_output_tokens": 30}'),
      ('{"name": "sized-thinker", "reasoning": true, "default_output_tokens": 5000, "least_output_tokens": 500}')
    ) as m (own)
  )
), false) as p \g /dev/null
select count(d.code) from octroi_private.declare_plans(jsonb_build_object('plan', (
  select jsonb_agg('{"limit": [{"meter": "tokens", "period": "month", "amount": 10000000}]}'::jsonb || p.own)
  from (values
    ('{"code": "free", "name": "Free", "default": true}'::jsonb),
    ('{
      "code": "shaped", "name": "Shaped", "default_output_tokens": 700, "least_output_tokens": 70,
      "hold_wait_seconds": 5, "on_disconnect": "drain"
    }'),
    ('{"code": "hasty", "name": "Hasty", "hold_wait_seconds": 0, "on_disconnect": "cancel"}')
  ) as p (own)
)), false) as d \g /dev/null
insert into auth.users (id, email) values (:nora, 'nora@example.test');
select a.id as account from octroi_private.account as a where a.owner_user_id = :nora \gset

-- One call of nora's with ten tokens of input, which holds nothing afterwards.
create function tap.ask(p_model text, p_asked bigint, p_reasoning boolean, p_columns text) returns text
language plpgsql
as $$
declare
  v_id uuid := octroi_private.uuid_v7();
  v_said text;
begin
  execute format(
    'select concat_ws('' '', %s) from octroi_private.reserve($1, (
      select a.id from octroi_private.account as a where a.owner_user_id = $2
    ), null, $2, $3, 10, $4, p_reasoning => $5) as r', p_columns
  ) into v_said using v_id, '01a00000-0000-7000-8000-00000000000e'::uuid, p_model, p_asked, p_reasoning;
  perform octroi_private.release(v_id, 'test');
  return v_said;
end
$$;
create function tap.bound(p_model text, p_asked bigint default null, p_reasoning boolean default null) returns text
language sql
return tap.ask(p_model, p_asked, p_reasoning, 'r.verdict, r.output_tokens, r.output_bound');
create function tap.on_plan(p_plan text) returns uuid
language sql
begin atomic
select octroi_private.assign_plan(a.id, p_plan) from octroi_private.account as a
where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
end;
-- So much of the account's tokens is left.
create function tap.leave(p_tokens bigint) returns void
language sql
as $$
  delete from octroi_private.budget;
  insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
  select a.id, 'account', '', 'tokens', 'lifetime', p_tokens from octroi_private.account as a
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e' and p_tokens is not null
$$;

-- What a call gets that names no length: as the model has it, where nobody else says.
select is(tap.bound('plain'), 'granted 4096 default', 'a model that says nothing has 4,096');
select is(tap.bound('plain', null, true), 'granted 16384 default', 'more where the call asks it to think');
select is(tap.bound('thinker'), 'granted 16384 default', 'and where it thinks by itself');
select is(tap.bound('thinker', null, false), 'granted 4096 default', 'unless the call asks it not to');
select is(tap.bound('sized'), 'granted 300 default', 'what the price file says of a model counts before that');
select is(tap.bound('sized-2026'), 'granted 300 default', 'by each of its names');
select is(tap.bound('sized', null, true), 'granted 300 default', 'thinking or not');
select is(tap.bound('sized', 50), 'granted 50 asked', 'a call that names a length has that');
select is(tap.bound('sized', 900000), 'granted 100000 model', 'and no more than the model can');

-- Plan before model, account before plan.
select tap.on_plan('shaped') \g /dev/null
select is(tap.bound('plain'), 'granted 700 default', 'what the plan file says counts before the model''s');
select is(tap.bound('sized'), 'granted 700 default', 'also where the model has one of its own');
select is(tap.bound('thinker'), 'granted 700 default', 'or thinks');
select tap.play(:nora) \g /dev/null
select octroi.set_default_output(900) \g /dev/null
select tap.clear() \g /dev/null
select is(tap.bound('plain'), 'granted 900 default', 'what the account wants counts before its plan''s');
select is(tap.bound('sized'), 'granted 900 default', 'and before the model''s');
select tap.on_plan('free') \g /dev/null
select is(tap.bound('sized'), 'granted 900 default', 'on whichever plan it is');
select is(tap.bound('sized', 50), 'granted 50 asked', 'but not before the call''s');
select tap.play(:nora) \g /dev/null
select octroi.set_default_output(null) \g /dev/null
select tap.clear() \g /dev/null
select is(tap.bound('sized'), 'granted 300 default', 'taken back, the model''s counts again');

-- The least that an answer is cut to: plan before model, and 16, or 1,024 to think.
create function tap.room(p_model text, p_reasoning boolean default null) returns text
language sql
return tap.ask(p_model, null, p_reasoning, 'r.verdict, r.output_tokens, r.output_bound, r.needed');
select tap.leave(26) \g /dev/null
select is(tap.room('plain'), 'granted 16 balance 26', 'an answer is cut to 16 tokens');
select is(tap.room('plain', true), 'refused 1034', 'not to think in: that takes 1,024');
select is(tap.room('sized'), 'refused 40', 'nor below what the price file says of its model');
select tap.leave(40) \g /dev/null
select is(tap.room('sized'), 'granted 30 balance 40', 'to which it is');
select tap.leave(25) \g /dev/null
select is(tap.room('plain'), 'refused 26', 'below that it is refused, and told what it needs');
select tap.leave(509) \g /dev/null
select is(tap.room('sized-thinker'), 'refused 510', 'a model that thinks has a bound of its own');
select is(tap.room('thinker', false), 'granted 499 balance 509', 'one that is asked not to think that of others');
select tap.on_plan('shaped') \g /dev/null
select is(tap.room('sized-thinker'), 'granted 499 balance 509', 'the plan''s counts before it');
select tap.leave(79) \g /dev/null
select is(tap.room('sized'), 'refused 80', 'also where it is more than the model''s');
select tap.leave(80) \g /dev/null
select is(tap.room('thinker'), 'granted 70 balance 80', 'or less');
select is(tap.ask('plain', 20, null, 'r.verdict, r.output_tokens, r.output_bound'), 'granted 20 asked',
  'who asks for less than the least gets it');

-- How long a call waits for room that others hold.
select tap.leave(1000) \g /dev/null
create function tap.wait_on(p_plan text) returns text
language plpgsql
as $$
declare
  v_holder uuid := octroi_private.uuid_v7();
  v_said text;
begin
  perform tap.on_plan(p_plan);
  perform octroi_private.reserve(v_holder, a.id, null, a.owner_user_id, 'plain', 10, 890)
  from octroi_private.account as a where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
  v_said := tap.ask('plain', 500, null, 'r.verdict, r.reason, r.wait_seconds');
  perform octroi_private.release(v_holder, 'test');
  return v_said;
end
$$;
select is(tap.wait_on('free'), 'held quota_held 20', 'twenty seconds where the plan file says nothing');
select is(tap.wait_on('shaped'), 'held quota_held 5', 'as the plan file says');
select is(tap.wait_on('hasty'), 'held quota_held 0', 'or not at all');
select tap.leave(null) \g /dev/null

-- Whose client leaves: by plan, and a call that thinks is read to its end on every plan.
create function tap.left_on(p_plan text, p_model text, p_reasoning boolean default null) returns text
language plpgsql
as $$
begin
  perform tap.on_plan(p_plan);
  return tap.ask(p_model, 20, p_reasoning, 'r.on_disconnect');
end
$$;
select is(tap.left_on('free', 'plain'), 'cancel', 'closed where the plan file says nothing');
select is(tap.left_on('shaped', 'plain'), 'drain', 'read to its end where it says so');
select is(
  array[tap.left_on('hasty', 'plain'), tap.left_on('hasty', 'thinker'), tap.left_on('hasty', 'thinker', false)],
  array['cancel', 'drain', 'cancel'], 'whatever it says, when the model thinks'
);
select is(tap.left_on('hasty', 'plain', true), 'drain', 'or is asked to');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
