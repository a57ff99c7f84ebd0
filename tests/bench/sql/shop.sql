-- What customers of a shop do, by the functions that a front end calls.
create schema bench;

create function bench.sign_up(p_customers integer) returns void language plpgsql as $$
declare
  v_user_id uuid;
begin
  for v_user_id in
    insert into auth.users (id, email)
    select octroi_private.uuid_v7(), n || '@bench.invalid' from generate_series(1, p_customers) as n
    returning id
  loop
    perform set_config('request.jwt.claims', jsonb_build_object('sub', v_user_id, 'role', 'authenticated')::text, true);
    perform octroi.start_checkout('basic', 'month', 'http://localhost:3000/back', 'http://localhost:3000/back');
  end loop;
end
$$;

create function bench.let_usage_go_on() returns bigint language plpgsql as $$
declare
  v_user_id uuid;
  v_done bigint := 0;
begin
  for v_user_id in
    select a.owner_user_id from octroi_private.account as a
    join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
    where s.stripe_subscription_id is not null
  loop
    perform set_config('request.jwt.claims', jsonb_build_object('sub', v_user_id, 'role', 'authenticated')::text, true);
    perform octroi.set_overage(true);
    v_done := v_done + 1;
  end loop;
  return v_done;
end
$$;

-- Each customer calls so often for so many tokens of output; every session takes its share of the customers.
create procedure bench.use_up(p_calls integer, p_output bigint, p_session integer, p_sessions integer) language plpgsql as $$
declare
  v_account record;
  v_ids uuid [];
  v_left integer;
  v_wrong text;
begin
  for v_account in
    select a.id, a.owner_user_id, row_number() over (order by a.id) as n from octroi_private.account as a
  loop
    continue when v_account.n % p_sessions <> p_session;
    v_left := p_calls;
    while v_left > 0 loop
      select array_agg(octroi_private.uuid_v7()) into v_ids from generate_series(1, least(v_left, 100));
      select min(r.verdict || ' ' || coalesce(r.reason, '')) into v_wrong
      from octroi_private.reserve_many(
        v_ids, bench.same(v_account.id, v_ids), bench.same(null::uuid, v_ids), bench.same(v_account.owner_user_id, v_ids),
        bench.same('gpt-5.4-mini'::text, v_ids), bench.same('chat.completions'::text, v_ids),
        bench.same(100::bigint, v_ids), bench.same(p_output, v_ids), bench.same(1, v_ids),
        bench.same(null::text, v_ids), bench.same('\x'::bytea, v_ids), 660
      ) as r
      where r.verdict <> 'granted';
      if v_wrong is not null then
        raise exception 'a call was not granted: %', v_wrong;
      end if;
      select min(s.outcome) into v_wrong
      from octroi_private.settle_many(
        v_ids, bench.same(100::bigint, v_ids), bench.same(0::bigint, v_ids), bench.same(0::bigint, v_ids),
        bench.same(0::bigint, v_ids), bench.same(p_output, v_ids), bench.same(0::bigint, v_ids),
        bench.same(0::bigint, v_ids), bench.same('gpt-5.4-mini'::text, v_ids), bench.same('default'::text, v_ids),
        bench.same('provider'::text, v_ids), bench.same(null::jsonb, v_ids), bench.same(900, v_ids),
        bench.same(200, v_ids), bench.same(null::text, v_ids), bench.same(null::smallint, v_ids),
        bench.same(null::text, v_ids), bench.same(null::bytea, v_ids), bench.same(0::bigint, v_ids)
      ) as s
      where s.outcome <> 'settled';
      if v_wrong is not null then
        raise exception 'a call was not settled: %', v_wrong;
      end if;
      v_left := v_left - cardinality(v_ids);
    end loop;
    commit;
  end loop;
end
$$;

create function bench.same(p_value anyelement, p_for uuid []) returns anyarray language sql immutable as $$
  select array_fill(p_value, array[cardinality(p_for)])
$$;
