-- Time, periods and identifiers.
set role octroi_owner;

-- Empty in production. A row moves the clock of everything Octroi does; only the owner can write it.
create table octroi_private.test_clock (
  only_row boolean primary key default true check (only_row),
  shift interval not null
);
comment on table octroi_private.test_clock is
'Moves octroi_private.now() in tests. Empty in production.';

-- PL/pgSQL, not SQL: a scalar SQL function with a sub-select is planned anew at every call.
create function octroi_private.now()
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return clock_timestamp() + coalesce((select c.shift from octroi_private.test_clock as c where c.only_row), interval '0');
end
$$;
comment on function octroi_private.now() is
'The only clock of Octroi: the database''s, shifted by test_clock in tests.';

-- RFC 9562 version 7: ordered by time, so that its index grows at one end (a random key writes 20 times the WAL).
create function octroi_private.uuid_v7()
returns uuid
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select encode(
    overlay(
      overlay(
        uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6
      )
      placing set_byte('\x00'::bytea, 0, (get_byte(uuid_send(gen_random_uuid()), 0) & 15) | 112) from 7 for 1
    ),
    'hex'
  )::uuid
$$;
comment on function octroi_private.uuid_v7() is 'A time-ordered UUID (RFC 9562, version 7).';

create domain octroi_private.meter_name as text check (value in ('tokens', 'requests', 'cost'));
create domain octroi_private.period_name as text check (value in ('day', 'month', 'lifetime'));
create domain octroi_private.scope_name as text check (value in ('account', 'member', 'api_key', 'model'));
-- Tokens, requests or nano-USD. The ceiling keeps every product of a price and a count inside bigint.
create domain octroi_private.quantity as bigint check (value between 0 and 1000000000000000);

-- The period that holds p_at. A month runs from the anchor's day and time, always counted from the original
-- anchor, so an account of the 31st resets on the 28th in February and on the 31st again in March.
-- A day is a UTC day. A lifetime never resets.
create function octroi_private.period_bounds(
  p_period text, p_anchor_at timestamptz, p_at timestamptz,
  out period_start timestamptz, out resets_at timestamptz
)
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_anchor timestamp := p_anchor_at at time zone 'utc';
  v_at timestamp := p_at at time zone 'utc';
  v_months integer;
begin
  case p_period
    when 'lifetime' then
      period_start := p_anchor_at;
      resets_at := 'infinity';
    when 'day' then
      period_start := date_trunc('day', v_at) at time zone 'utc';
      resets_at := (date_trunc('day', v_at) + interval '1 day') at time zone 'utc';
    when 'month' then
      v_months := (extract(year from v_at) - extract(year from v_anchor))::integer * 12
        + (extract(month from v_at) - extract(month from v_anchor))::integer;
      if v_anchor + make_interval(months => v_months) > v_at then
        v_months := v_months - 1;
      end if;
      period_start := (v_anchor + make_interval(months => v_months)) at time zone 'utc';
      resets_at := (v_anchor + make_interval(months => v_months + 1)) at time zone 'utc';
    else
      raise exception 'unknown period %', p_period using errcode = 'OC001';
  end case;
end
$$;
comment on function octroi_private.period_bounds(text, timestamptz, timestamptz) is
'Start (inclusive) and reset (exclusive) of the day, month or lifetime that holds an instant.';

reset role;
