-- The rule of the gate: how much of the room left a call may hold. Pure, so that reserve, check_quota and the
-- property tests ask the same function.
set role octroi_owner;

create type octroi_private.allotment as (
  -- room left on each balance, after this call
  room bigint [],
  -- what this call holds of each of its own balances; null when refused
  hold bigint [],
  -- output tokens allowed per choice; null when refused
  output_tokens bigint,
  -- position of the balance that bounds the call most
  tightest integer
);

-- Allots room to one more call. As an aggregate over calls in order of arrival it gives each the room that those
-- before it left. The hold is an upper bound: input is one already, output is clamped to what every balance
-- affords, and cost takes the dearest pool a token can fall in. Under sixteen output tokens (or fewer, if fewer
-- are asked for) an answer is of no use and OpenAI refuses it: the call is refused whole.
create function octroi_private.allot_next(
  p_before octroi_private.allotment,
  p_ids bigint [], p_meters text [], p_resets_at timestamptz [], p_room bigint [],
  p_balance_ids bigint [], p_input_tokens bigint, p_output_tokens bigint, p_choices bigint,
  p_input_price bigint, p_output_price bigint
)
returns octroi_private.allotment
language plpgsql
immutable
set search_path = ''
as $$
declare
  c_min_output_tokens constant bigint := 16;
  c_unbounded constant bigint := 9223372036854775807;
  v_room bigint [] := coalesce(p_before.room, p_room);
  v_hold bigint [] := '{}';
  v_output bigint;
  -- output tokens per choice that one balance affords, and the least of them
  v_fits bigint;
  v_least bigint;
  v_tightest integer;
  v_refused_until timestamptz;
  v_position integer;
  v_balance_id bigint;
begin
  foreach v_balance_id in array p_balance_ids loop
    v_position := array_position(p_ids, v_balance_id);
    v_fits := case p_meters[v_position]
      when 'tokens' then (v_room[v_position] - p_input_tokens) / p_choices
      when 'cost' then
        case
          when v_room[v_position] * 1000 < p_input_tokens * p_input_price then -1
          when p_output_price = 0 then c_unbounded
          else (v_room[v_position] * 1000 - p_input_tokens * p_input_price) / (p_output_price * p_choices)
        end
      else case when v_room[v_position] >= 1 then c_unbounded else -1 end
    end;
    -- integer division rounds to zero: a shortage below one token must not read as none
    if p_meters[v_position] = 'tokens' and v_room[v_position] < p_input_tokens then
      v_fits := -1;
    end if;
    if v_fits < least(p_output_tokens, c_min_output_tokens) then
      -- of several that refuse, the one that refuses longest is named: waiting for another would not help
      if v_refused_until is null or p_resets_at[v_position] > v_refused_until then
        v_refused_until := p_resets_at[v_position];
        v_tightest := v_position;
      end if;
    elsif v_refused_until is null and (v_least is null or v_fits < v_least) then
      v_tightest := v_position;
      v_least := v_fits;
    end if;
  end loop;
  if v_refused_until is not null then
    return row(v_room, null, null, v_tightest)::octroi_private.allotment;
  end if;
  v_output := least(p_output_tokens, v_least);
  foreach v_balance_id in array p_balance_ids loop
    v_position := array_position(p_ids, v_balance_id);
    v_fits := case p_meters[v_position]
      when 'tokens' then p_input_tokens + v_output * p_choices
      when 'cost' then (p_input_tokens * p_input_price + v_output * p_choices * p_output_price + 999) / 1000
      else 1
    end;
    v_hold := v_hold || v_fits;
    v_room[v_position] := v_room[v_position] - v_fits;
  end loop;
  return row(v_room, v_hold, v_output, v_tightest)::octroi_private.allotment;
end
$$;

create aggregate octroi_private.allot(
  bigint [], text [], timestamptz [], bigint [], bigint [], bigint, bigint, bigint, bigint, bigint
) (
  sfunc = octroi_private.allot_next,
  stype = octroi_private.allotment
);
comment on aggregate octroi_private.allot(
  bigint [], text [], timestamptz [], bigint [], bigint [], bigint, bigint, bigint, bigint, bigint
) is 'Over calls in order of arrival: what each may hold of the room the ones before it left.';

reset role;
