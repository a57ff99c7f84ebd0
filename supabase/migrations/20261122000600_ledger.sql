-- The counters, the holds and the record of what was used.
--
-- Postgres parses a table's CHECKs anew for every statement. So on these tables a rule about one column is a domain,
-- and rules between columns are one CHECK that calls a function: both are parsed once.
set role octroi_owner;

create domain octroi_private.request_state as text check (value in ('open', 'settled', 'released', 'expired'));
create domain octroi_private.usage_source as text check (value in ('provider', 'estimated', 'hold', 'recorded'));
create domain octroi_private.output_bound as text check (value in ('asked', 'default', 'model', 'balance'));
create domain octroi_private.none_or_one as smallint check (value in (0, 1));
create domain octroi_private.choice_count as smallint check (value between 1 and 128);
create domain octroi_private.duration_ms as integer check (value >= 0);
create domain octroi_private.short_text as text check (length(value) between 1 and 255);

-- One row per limit and period. fillfactor: the two counters change at every call, and an update that fits
-- its page touches no index.
create table octroi_private.balance (
  id bigint generated always as identity primary key,
  account_id uuid not null references octroi_private.account (id),
  scope octroi_private.scope_name not null,
  subject text not null,
  meter octroi_private.meter_name not null,
  period octroi_private.period_name not null,
  period_start timestamptz not null,
  resets_at timestamptz not null,
  -- of the plan; without one, of the budget or the operator's limit
  included octroi_private.quantity not null,
  -- what a budget or the operator caps all of it at, grants and overage with it
  ceiling octroi_private.quantity,
  ceiling_by text check (ceiling_by in ('budget', 'operator')),
  -- the limit in force, grants on top; granted is more only while what was used and held before it was lowered is
  allowed octroi_private.quantity not null,
  granted octroi_private.quantity not null,
  overage octroi_private.quantity not null,
  -- used in this period before the limit existed; part of used
  carried octroi_private.quantity not null default 0,
  used octroi_private.quantity not null default 0,
  reserved octroi_private.quantity not null default 0,
  -- false once the limit is gone; its counters stand still then
  is_bound boolean not null default true,
  -- of what was used, the part that grants covered, and the part that is charged beyond them
  from_grants octroi_private.quantity not null default 0,
  from_overage octroi_private.quantity not null default 0,
  -- once so much is used, somebody is to be told
  alert_at octroi_private.quantity not null default 1000000000000000,
  -- by so much the debt of grants that were taken back lowers what is included; below zero: given back
  set_off bigint not null default 0,
  unique (account_id, resets_at, scope, subject, meter, period),
  constraint balance_grants_what_is_allowed check (granted >= allowed and allowed >= least(included, ceiling)),
  constraint balance_ceiling_is_somebodys check ((ceiling is null) = (ceiling_by is null)),
  constraint balance_never_overshot check (used + reserved <= granted + overage)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
comment on table octroi_private.balance is
'What one limit allows in one period (granted, of which included by the plan, plus overage) and what is used and held of it.';

create index balance_set_off on octroi_private.balance (account_id, meter) where set_off <> 0;

-- A limit that was lowered below what was used and held comes down with every hold that is given back.
create function octroi_private.lower_granted()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.granted := greatest(new.allowed, new.used + new.reserved - new.overage);
  return new;
end
$$;
create trigger balance_lowered before update of used, reserved on octroi_private.balance
for each row when (old.granted > old.allowed)
execute function octroi_private.lower_granted();

-- What one caller may spend on one model. Derived, so that a call reads one row: dropped by trigger when a rule
-- behind it changes, and void from valid_until on (the first reset, expiry or price change ahead).
create table octroi_private.entitlement (
  account_id uuid not null references octroi_private.account (id) on delete cascade,
  -- all zeros for a caller without a key
  api_key_id uuid not null,
  user_id uuid not null,
  model text not null,
  price_id bigint not null references octroi_private.model_price (id),
  plan_code text not null,
  balance_ids bigint [] not null,
  default_output_tokens octroi_private.quantity not null,
  least_output_tokens octroi_private.quantity not null,
  -- the same for calls that are to reason, and whether the model does unless it is told otherwise
  reasoning_default_output_tokens octroi_private.quantity not null,
  reasoning_least_output_tokens octroi_private.quantity not null,
  reasons_by_default boolean not null,
  hold_wait_seconds integer not null,
  on_disconnect text not null,
  valid_until timestamptz not null,
  primary key (account_id, api_key_id, user_id, model)
);
comment on table octroi_private.entitlement is
'Resolved right of a caller to use a model: its price and every balance that bounds it. A cache with triggers; rebuilt on demand.';
create index entitlement_price on octroi_private.entitlement (price_id);

-- The reservation and the idempotency record. Unpartitioned, because its keys must be unique over all time
-- kept; pruned by the sweeper.
create table octroi_private.request (
  id uuid primary key,
  account_id uuid not null,
  api_key_id uuid,
  user_id uuid not null,
  model text not null,
  endpoint text not null,
  state octroi_private.request_state not null default 'open',
  idempotency_key octroi_private.short_text,
  body_hash bytea not null,
  price_id bigint not null,
  balance_ids bigint [] not null,
  hold_amounts bigint [] not null,
  input_tokens octroi_private.quantity not null,
  output_tokens octroi_private.quantity not null,
  -- what that was bounded by; null for a call that was not clamped here
  output_bound octroi_private.output_bound,
  choices octroi_private.choice_count not null,
  hold_requests octroi_private.none_or_one not null default 1,
  hold_tokens octroi_private.quantity not null,
  hold_cost_nano_usd octroi_private.quantity not null,
  started_at timestamptz not null,
  expires_at timestamptz not null,
  finished_at timestamptz,
  -- the usage came after the hold had expired
  is_late boolean not null default false,
  release_reason octroi_private.short_text
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table octroi_private.request is
'A call that was allowed: what is held for it (output_tokens is per choice), and how it ended. open, then exactly one of settled, released, expired.';

-- The truth table of a request.
create function octroi_private.is_sound_request(p_request octroi_private.request)
returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return p_request.expires_at > p_request.started_at
    and (p_request.state = 'open') = (p_request.finished_at is null)
    and (p_request.state = 'released') = (p_request.release_reason is not null)
    and (not p_request.is_late or p_request.state in ('open', 'settled'))
    and cardinality(p_request.balance_ids) = cardinality(p_request.hold_amounts)
    -- less than the call only when it was held after the fact: late, or recorded
    and p_request.hold_tokens <= p_request.input_tokens + p_request.output_tokens * p_request.choices;
end
$$;
alter table octroi_private.request
add constraint request_is_sound check (octroi_private.is_sound_request(request));

-- A released call may be made again under its key; any other outcome is replayed.
create unique index request_idempotency on octroi_private.request (account_id, idempotency_key)
where idempotency_key is not null and state <> 'released';
create index request_open on octroi_private.request (expires_at) where state = 'open';

-- Calls that wait for room which others hold, in order of arrival: a later call gets none of it before them.
create table octroi_private.waiting_call (
  account_id uuid not null,
  ticket bigint not null generated always as identity,
  request_id uuid not null,
  -- where it waits
  balance_ids bigint [] not null,
  -- its worker renews this; one that does no more has left, or died
  waits_until timestamptz not null,
  primary key (account_id, ticket),
  constraint waiting_call_once unique (account_id, request_id)
) with (fillfactor = 70);
comment on table octroi_private.waiting_call is
'Calls held back until others settle, by ticket. A row goes when its call is granted, refused or gives up.';
-- a release knows its request alone
create index waiting_call_request on octroi_private.waiting_call (request_id);

-- Parts never exceed their whole, and nothing beyond a call's total was overrun.
create function octroi_private.is_sound_usage(
  p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint,
  p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_total_tokens bigint,
  p_cost_nano_usd bigint, p_overrun_tokens bigint, p_overrun_cost_nano_usd bigint
)
returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return p_total_tokens = p_input_tokens + p_output_tokens
    and p_cached_input_tokens + p_cache_write_tokens + p_audio_input_tokens <= p_input_tokens
    and greatest(p_reasoning_tokens, p_audio_output_tokens) <= p_output_tokens
    and p_overrun_tokens <= p_total_tokens and p_overrun_cost_nano_usd <= p_cost_nano_usd;
end
$$;

create table octroi_private.usage_event (
  -- the request's id
  id uuid not null,
  account_id uuid not null,
  api_key_id uuid,
  user_id uuid not null,
  endpoint text not null,
  model text not null,
  -- what the provider says answered, when it is another name
  response_model text,
  service_tier text,
  source octroi_private.usage_source not null,
  input_tokens octroi_private.quantity not null,
  cached_input_tokens octroi_private.quantity not null,
  cache_write_tokens octroi_private.quantity not null,
  -- of these, to be kept for twelve hours
  cache_write_12h_tokens octroi_private.quantity not null default 0,
  audio_input_tokens octroi_private.quantity not null,
  output_tokens octroi_private.quantity not null,
  reasoning_tokens octroi_private.quantity not null,
  audio_output_tokens octroi_private.quantity not null,
  total_tokens octroi_private.quantity not null,
  cost_nano_usd octroi_private.quantity not null,
  -- beyond what the limits allowed: the operator's loss, not charged
  overrun_tokens octroi_private.quantity not null default 0,
  overrun_cost_nano_usd octroi_private.quantity not null default 0,
  overrun_requests octroi_private.none_or_one not null default 0,
  price_id bigint not null,
  balance_ids bigint [] not null,
  latency_ms octroi_private.duration_ms,
  first_token_ms octroi_private.duration_ms,
  upstream_request_id octroi_private.short_text,
  raw_usage jsonb,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  primary key (id, occurred_at),
  -- scalars, because a partition cannot take over a rule about a whole row
  constraint usage_event_is_sound check (octroi_private.is_sound_usage(
    input_tokens, cached_input_tokens, cache_write_tokens, audio_input_tokens, output_tokens, reasoning_tokens,
    audio_output_tokens, total_tokens, cost_nano_usd, overrun_tokens, overrun_cost_nano_usd
  )),
  constraint usage_event_cache_writes_are_sound check (cache_write_12h_tokens <= cache_write_tokens)
) partition by range (occurred_at);
comment on table octroi_private.usage_event is
'One settled call: token pools, cost and price used. Append-only, one partition per month.';
create index usage_event_account on octroi_private.usage_event (account_id, occurred_at desc);

-- Which grants a call drew from, beyond the plan's own amount.
create table octroi_private.quota_draw (
  grant_id uuid not null references octroi_private.quota_grant (id),
  request_id uuid not null,
  balance_id bigint not null references octroi_private.balance (id),
  amount octroi_private.quantity not null check (amount > 0),
  drawn_at timestamptz not null,
  primary key (grant_id, request_id)
);
comment on table octroi_private.quota_draw is 'What a call took from a grant. quota_grant.drawn is the sum.';
create index quota_draw_balance on octroi_private.quota_draw (balance_id);

-- What a call used beyond plan and grants, where the plan that was in force when it started has a price for that.
create table octroi_private.overage_use (
  balance_id bigint not null references octroi_private.balance (id),
  request_id uuid not null,
  account_id uuid not null,
  meter octroi_private.meter_name not null,
  -- the Stripe meter that counts it
  event_name text not null,
  amount octroi_private.quantity not null check (amount > 0),
  occurred_at timestamptz not null,
  -- the meter report it went into
  report_id uuid,
  primary key (balance_id, request_id)
);
comment on table octroi_private.overage_use is 'Usage that is charged beyond plan and grants, call by call. balance.from_overage is the sum.';
create index overage_use_unreported on octroi_private.overage_use (account_id, event_name) where report_id is null;
create index overage_use_report on octroi_private.overage_use (report_id) where report_id is not null;
create index overage_use_period on octroi_private.overage_use (account_id, occurred_at);

create table octroi_private.usage_daily (
  account_id uuid not null,
  user_id uuid not null,
  day date not null,
  model text not null,
  requests octroi_private.quantity not null,
  input_tokens octroi_private.quantity not null,
  cached_input_tokens octroi_private.quantity not null,
  output_tokens octroi_private.quantity not null,
  reasoning_tokens octroi_private.quantity not null,
  total_tokens octroi_private.quantity not null,
  cost_nano_usd octroi_private.quantity not null,
  primary key (account_id, day, user_id, model)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
comment on table octroi_private.usage_daily is
'usage_event by account, member, UTC day and model; written in the same statement.';

-- An answer kept for its owner: the replay of an idempotent call, or the result of a queued one.
create table octroi_private.stored_response (
  request_id uuid primary key,
  account_id uuid not null,
  user_id uuid not null,
  status smallint not null check (status between 100 and 599),
  content_type text not null,
  body bytea not null check (octet_length(body) <= 8388608),
  expires_at timestamptz not null
);
comment on table octroi_private.stored_response is
'The only place an answer''s text rests: opt-in, for ten minutes at most. Read through RPCs, never selected.';
create index stored_response_expiry on octroi_private.stored_response (expires_at);

-- Which transaction may take rows out of which append-only table. Only erasure and retention write here (001370), and
-- take it back before they commit, so that a row is never seen by anybody else. A setting would be for everyone to
-- set; this is for nobody who could not drop the trigger.
create table octroi_private.append_only_pass (
  relation regclass not null,
  transaction_id xid8 not null,
  primary key (relation, transaction_id)
);
comment on table octroi_private.append_only_pass is 'Always empty when looked at: a pass lasts within one transaction.';

-- Tables that only grow say so.
create function octroi_private.refuse_change()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'TRUNCATE' and exists (
    select from octroi_private.append_only_pass as p
    where p.relation = tg_relid and p.transaction_id = pg_current_xact_id_if_assigned()
  ) then
    return null;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'OC003';
end
$$;
create trigger usage_event_append_only
before update or delete or truncate on octroi_private.usage_event
for each statement execute function octroi_private.refuse_change();

-- Neither RLS nor a statement trigger reaches a partition that is named directly, so each gets its own.
create function octroi_private.make_usage_partition(p_month date)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('usage_event_%s', to_char(p_month, 'YYYY_MM'));
begin
  if to_regclass('octroi_private.' || v_name) is not null then
    return false;
  end if;
  execute format(
    'create table octroi_private.%I partition of octroi_private.usage_event for values from (%L) to (%L)',
    v_name, p_month::timestamp at time zone 'utc', (p_month + interval '1 month') at time zone 'utc'
  );
  execute format('alter table octroi_private.%I enable row level security, force row level security', v_name);
  execute format('create policy owner_all on octroi_private.%I to octroi_owner using (true) with check (true)', v_name);
  execute format(
    'create trigger usage_event_append_only before update or delete or truncate on octroi_private.%I '
    'for each statement execute function octroi_private.refuse_change()', v_name
  );
  return true;
end
$$;

-- Partitions for the running month and p_months_ahead more. Returns how many were made.
create function octroi_private.make_usage_partitions(p_months_ahead integer)
returns integer
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where octroi_private.make_usage_partition(
    (date_trunc('month', octroi_private.now() at time zone 'utc') + make_interval(months => m))::date
  ))::integer
  from generate_series(-1, p_months_ahead) as m
$$;
comment on function octroi_private.make_usage_partitions(integer) is
'Makes the partitions of usage_event from last month to so many months ahead; the sweeper calls it.';

select octroi_private.make_usage_partitions(3);

reset role;
