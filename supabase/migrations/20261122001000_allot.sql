-- The rule of the gate: how much of the room left a call may hold. Pure, so that reserve, check_quota and the
-- property tests ask the same function.
--
-- What is used up and what is only held by calls under way are told apart. What is unused bounds the answer, and where
-- it affords none the call is refused: only a reset or a larger limit helps. What others hold never shortens an answer:
-- a call whose hold does not fit beside theirs is held back, and asks again when they have settled.
set role octroi_owner;

create type octroi_private.allotment as (
  -- balances seen so far, and the room left on each
  ids bigint [],
  room bigint [],
  -- balances on which an earlier call waits for room: later ones wait behind it
  awaited bigint [],
  -- what this call holds of each of its own balances; null unless granted
  hold bigint [],
  -- output tokens allowed per choice, and what the whole call may use at most; null unless granted
  output_tokens bigint,
  hold_tokens bigint,
  hold_cost_nano_usd bigint,
  -- what the output is bounded by: asked, default, model or balance; null unless granted
  output_bound text,
  -- position, among the call's own balances, of the one that refuses, holds back or bounds it most; the room left
  -- there, and what the call needs of it
  tightest integer,
  remaining bigint,
  needed bigint,
  -- the call's balances on which others hold what it needs; null unless it is held back
  short bigint []
);

-- Allots room to one more call, after what p_before left. The hold is an upper bound: input is one already, output is
-- clamped to what every balance affords, and cost takes the dearest pool a token can fall in. Where a balance affords
-- fewer than p_least_tokens of output (or fewer than are asked for, if that is less), an answer would be of no use and
-- the call is refused whole.
create function octroi_private.allot_next(
  p_before octroi_private.allotment, p_balances octroi_private.balance [], p_input_tokens bigint,
  p_asked_tokens bigint, p_default_tokens bigint, p_most_tokens bigint, p_least_tokens bigint, p_choices bigint,
  p_input_price bigint, p_output_price bigint
)
returns octroi_private.allotment
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  c_unbounded constant bigint := 9223372036854775807;
  v_ids bigint [] := coalesce(p_before.ids, '{}');
  v_room bigint [] := coalesce(p_before.room, '{}');
  v_awaited bigint [] := coalesce(p_before.awaited, '{}');
  v_short bigint [] := '{}';
  v_positions integer [] := '{}';
  v_hold bigint [] := '{}';
  v_wanted bigint := least(coalesce(p_asked_tokens, p_default_tokens), p_most_tokens);
  v_enough bigint := least(v_wanted, p_least_tokens);
  v_output bigint;
  v_tokens bigint;
  v_cost bigint;
  v_amount bigint;
  -- output tokens per choice that one balance affords, and the least of them
  v_fits bigint;
  v_least bigint;
  v_tightest integer;
  v_refused_until timestamptz;
  v_held_at integer;
  v_balance octroi_private.balance;
  v_at integer;
  v_unused bigint;
begin
  foreach v_balance in array coalesce(p_balances, '{}') loop
    v_at := array_position(v_ids, v_balance.id);
    if v_at is null then
      v_ids := v_ids || v_balance.id;
      v_room := v_room || (v_balance.granted + v_balance.overage - v_balance.used - v_balance.reserved);
      v_at := cardinality(v_ids);
    end if;
    v_positions := v_positions || v_at;
    -- granted stands above what is allowed while calls hold more than a limit that was lowered
    v_unused := v_balance.allowed + v_balance.overage - v_balance.used;
    v_fits := case v_balance.meter
      -- integer division rounds to zero: a shortage below one token must not read as none
      when 'tokens' then case when v_unused < p_input_tokens then -1 else (v_unused - p_input_tokens) / p_choices end
      when 'cost' then case
        when v_unused * 1000 < p_input_tokens * p_input_price then -1
        when p_output_price = 0 then c_unbounded
        else (v_unused * 1000 - p_input_tokens * p_input_price) / (p_output_price * p_choices)
      end
      else case when v_unused >= 1 then c_unbounded else -1 end
    end;
    if v_fits < v_enough then
      -- of several that refuse, the one that refuses longest is named: waiting for another would not help
      if v_refused_until is null or v_balance.resets_at > v_refused_until then
        v_refused_until := v_balance.resets_at;
        v_tightest := cardinality(v_positions);
      end if;
    elsif v_refused_until is null and (v_least is null or v_fits < v_least) then
      v_tightest := cardinality(v_positions);
      v_least := v_fits;
    end if;
  end loop;
  v_output := case when v_refused_until is null then least(v_wanted, v_least) else v_enough end;
  v_tokens := p_input_tokens + v_output * p_choices;
  v_cost := (p_input_tokens * p_input_price + v_output * p_choices * p_output_price + 999) / 1000;
  foreach v_balance in array coalesce(p_balances, '{}') loop
    v_at := v_positions[cardinality(v_hold) + 1];
    v_amount := case v_balance.meter when 'tokens' then v_tokens when 'cost' then v_cost else 1 end;
    v_hold := v_hold || v_amount;
    if v_amount > v_room[v_at] or v_balance.id = any(v_awaited) then
      v_short := v_short || v_balance.id;
      v_held_at := coalesce(v_held_at, cardinality(v_hold));
    end if;
  end loop;
  if v_refused_until is not null then
    return row(
      v_ids, v_room, v_awaited, null, null, null, null, null, v_tightest, v_room[v_positions[v_tightest]],
      v_hold[v_tightest], null
    )::octroi_private.allotment;
  elsif v_held_at is not null then
    return row(
      v_ids, v_room, v_awaited || v_short, null, null, null, null, null, v_held_at, v_room[v_positions[v_held_at]],
      v_hold[v_held_at], v_short
    )::octroi_private.allotment;
  end if;
  for v_at in 1 .. cardinality(v_hold) loop
    v_room[v_positions[v_at]] := v_room[v_positions[v_at]] - v_hold[v_at];
  end loop;
  return row(
    v_ids, v_room, v_awaited, v_hold, v_output, v_tokens, v_cost,
    case
      when v_output < v_wanted then 'balance' when v_wanted = p_asked_tokens then 'asked'
      when v_wanted = p_most_tokens then 'model' else 'default'
    end,
    v_tightest, v_room[v_positions[v_tightest]], v_hold[v_tightest], null
  )::octroi_private.allotment;
end
$$;

create type octroi_private.charge as (
  input_tokens bigint,
  cached_input_tokens bigint,
  cache_write_tokens bigint,
  audio_input_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  audio_output_tokens bigint,
  total_tokens bigint,
  cost_nano_usd bigint,
  -- what the hold did not cover: the operator's loss
  overrun_tokens bigint,
  overrun_cost_nano_usd bigint,
  -- of what was written to the cache
  cache_write_12h_tokens bigint
);

-- What a call is charged, at the unit prices for as much input. Parts never exceed their whole: cached first, then
-- written to the cache, then audio; the rest is text, and reasoning is part of the output. Micro-USD per million
-- tokens times tokens is pico-USD; a thousand of those are a nano-USD, rounded up once for the call.
create function octroi_private.charge_call(
  p_price octroi_private.model_price, p_hold_tokens bigint, p_hold_cost_nano_usd bigint, p_input_tokens bigint,
  p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint,
  p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_cache_write_12h_tokens bigint
)
returns octroi_private.charge
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_input bigint := greatest(p_input_tokens, 0);
  v_output bigint := greatest(p_output_tokens, 0);
  v_cached bigint := least(greatest(p_cached_input_tokens, 0), v_input);
  v_written bigint := least(greatest(p_cache_write_tokens, 0), v_input - v_cached);
  v_written_12h bigint := least(greatest(p_cache_write_12h_tokens, 0), v_written);
  v_audio_in bigint := least(greatest(p_audio_input_tokens, 0), v_input - v_cached - v_written);
  v_audio_out bigint := least(greatest(p_audio_output_tokens, 0), v_output);
  v_unit octroi_private.unit_prices := octroi_private.unit_prices_of(p_price, v_input);
  v_cost bigint := (
    (v_input - v_cached - v_written - v_audio_in) * v_unit.input + v_cached * v_unit.cached_input
    + (v_written - v_written_12h) * v_unit.cache_write + v_written_12h * v_unit.cache_write_12h
    + v_audio_in * v_unit.audio_input + (v_output - v_audio_out) * v_unit.output
    + v_audio_out * v_unit.audio_output + 999
  ) / 1000;
begin
  return row(
    v_input, v_cached, v_written, v_audio_in, v_output, least(greatest(p_reasoning_tokens, 0), v_output), v_audio_out,
    v_input + v_output, v_cost, greatest(v_input + v_output - p_hold_tokens, 0),
    greatest(v_cost - p_hold_cost_nano_usd, 0), v_written_12h
  )::octroi_private.charge;
end
$$;

-- How a refusal by a limit is called.
create function octroi_private.limit_reason(p_scope text, p_meter text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when p_meter = 'cost' and p_scope = 'account' then 'spend_cap_reached'
    when p_scope = 'member' then 'member_budget_reached'
    when p_scope = 'api_key' then 'key_budget_reached'
    when p_scope = 'model' then 'model_budget_reached'
    else 'quota_exceeded'
  end;
end
$$;

create type octroi_private.asked_call as (
  balances octroi_private.balance [],
  -- balances for which calls that came before wait
  awaited bigint [],
  input_tokens bigint,
  -- output per choice: as the call says (null: it does not), what it gets then, the model's most, and the least that
  -- is of any use
  asked_tokens bigint,
  default_tokens bigint,
  most_tokens bigint,
  least_tokens bigint,
  choices bigint,
  input_price bigint,
  output_price bigint
);

-- Allots room to the calls of one account, in order of arrival: each gets what those before it left, and none gets room
-- for which one before it waits.
create function octroi_private.allot(p_calls octroi_private.asked_call [])
returns octroi_private.allotment []
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_given octroi_private.allotment [] := '{}';
  v_last octroi_private.allotment;
  v_call octroi_private.asked_call;
begin
  foreach v_call in array p_calls loop
    v_last.awaited := coalesce(v_last.awaited, '{}') || coalesce(v_call.awaited, '{}');
    v_last := octroi_private.allot_next(
      v_last, v_call.balances, v_call.input_tokens, v_call.asked_tokens, v_call.default_tokens, v_call.most_tokens,
      v_call.least_tokens, v_call.choices, v_call.input_price, v_call.output_price
    );
    v_given := v_given || v_last;
  end loop;
  return v_given;
end
$$;

-- How long a ticket stands without being renewed. A worker renews those of its waiting calls every second, so that a
-- worker that died holds nobody up for longer.
create function octroi_private.ticket_time()
returns interval
language sql
immutable
set search_path = pg_catalog, pg_temp
return interval '5 seconds';

reset role;
