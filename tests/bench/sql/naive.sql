-- The naive pair: what a competent team writes first. Check under FOR UPDATE, update the counter, keep a row for the
-- reservation; then close it, move the counter, log the usage. Correct, and one round trip each.

create table bench.account_quota (
  account_id uuid primary key,
  monthly_tokens bigint not null,
  used bigint not null default 0,
  reserved bigint not null default 0
);

create table bench.reservation (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references bench.account_quota (account_id),
  model text not null,
  tokens bigint not null,
  status text not null default 'open' check (status in ('open', 'settled', 'cancelled')),
  created_at timestamptz not null default now()
);

create table bench.usage_log (
  id bigint generated always as identity primary key,
  reservation_id uuid not null references bench.reservation (id),
  account_id uuid not null,
  model text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  created_at timestamptz not null default now()
);
create index usage_log_account on bench.usage_log (account_id, created_at);

create function bench.reserve(p_account_id uuid, p_model text, p_tokens bigint)
returns uuid
language plpgsql
as $$
declare
  v_quota bench.account_quota;
  v_id uuid;
begin
  select * into v_quota from bench.account_quota where account_id = p_account_id for update;
  if not found or v_quota.used + v_quota.reserved + p_tokens > v_quota.monthly_tokens then
    raise exception 'quota exceeded';
  end if;
  update bench.account_quota set reserved = reserved + p_tokens where account_id = p_account_id;
  insert into bench.reservation (account_id, model, tokens) values (p_account_id, p_model, p_tokens)
  returning id into v_id;
  return v_id;
end
$$;

create function bench.settle(p_id uuid, p_input_tokens bigint, p_output_tokens bigint)
returns bigint
language plpgsql
as $$
declare
  v_reservation bench.reservation;
begin
  select * into v_reservation from bench.reservation where id = p_id and status = 'open' for update;
  if not found then
    raise exception 'no open reservation %', p_id;
  end if;
  update bench.reservation set status = 'settled' where id = p_id;
  update bench.account_quota
  set reserved = reserved - v_reservation.tokens, used = used + p_input_tokens + p_output_tokens
  where account_id = v_reservation.account_id;
  insert into bench.usage_log (reservation_id, account_id, model, input_tokens, output_tokens)
  values (p_id, v_reservation.account_id, v_reservation.model, p_input_tokens, p_output_tokens);
  return p_input_tokens + p_output_tokens;
end
$$;

grant execute on function bench.reserve(uuid, text, bigint), bench.settle(uuid, bigint, bigint) to bench_backend;
grant select, insert, update on all tables in schema bench to bench_backend;
