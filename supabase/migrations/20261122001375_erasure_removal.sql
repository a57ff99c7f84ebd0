-- The calls of an erased person, removed in bites. A bite is a range of one account's calls by time; the cursor moves
-- in the same transaction, and nothing that is gone is looked at again. After every bite the books agree: balances keep
-- what was used as carried, and rollups lose or move as much as the calls they are the sum of.
--
-- Planning these statements over every partition takes as long as a bite: force_generic_plan does it once a session.
set role octroi_owner;

-- Takes calls of an account out of the ledger, in (p_after, p_until]: those of one user, or of everybody.
create function octroi_private.delete_calls(
  p_account_id uuid, p_user_id uuid, p_after timestamptz, p_until timestamptz
)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
declare
  v_rows bigint;
  v_request_since timestamptz := octroi_private.kept_since('request');
begin
  perform octroi_private.unlock_append_only('octroi_private.usage_event');
  -- a call that is settled has its event, or neither is there
  if p_until >= v_request_since then
    delete from octroi_private.request as r
    where r.id = any(array(
      select e.id from octroi_private.usage_event as e
      where e.account_id = p_account_id and e.occurred_at > greatest(p_after, v_request_since)
        and e.occurred_at <= p_until and (p_user_id is null or e.user_id = p_user_id)
    ));
  end if;
  -- read and deleted under one snapshot: that is faster than having the delete return its rows
  with gone as (
    delete from octroi_private.usage_event as e
    where e.account_id = p_account_id and e.occurred_at > p_after and e.occurred_at <= p_until
      and (p_user_id is null or e.user_id = p_user_id)
  ),
  part as materialized (
    select
      g.user_id, (g.occurred_at at time zone 'utc')::date as day, g.model, g.balance_ids, count(*) as requests,
      sum(g.input_tokens) as input_tokens, sum(g.cached_input_tokens) as cached_input_tokens,
      sum(g.output_tokens) as output_tokens, sum(g.reasoning_tokens) as reasoning_tokens,
      sum(g.total_tokens) as total_tokens, sum(g.cost_nano_usd) as cost_nano_usd,
      sum(g.overrun_tokens) as overrun_tokens, sum(g.overrun_cost_nano_usd) as overrun_cost_nano_usd,
      sum(g.overrun_requests) as overrun_requests
    from octroi_private.usage_event as g
    where g.account_id = p_account_id and g.occurred_at > p_after and g.occurred_at <= p_until
      and (p_user_id is null or g.user_id = p_user_id)
    group by 1, 2, 3, 4
  ),
  carried as (
    update octroi_private.balance as b
    set carried = b.carried + case b.meter
      when 'tokens' then used.tokens when 'cost' then used.cost else used.requests
    end
    from (
      select
        bound.id, sum(p.total_tokens - p.overrun_tokens)::bigint as tokens,
        sum(p.cost_nano_usd - p.overrun_cost_nano_usd)::bigint as cost,
        sum(p.requests - p.overrun_requests)::bigint as requests
      from part as p
      cross join lateral unnest(p.balance_ids) as bound (id)
      group by bound.id
    ) as used
    where b.id = used.id
  ),
  day as materialized (
    select
      p.user_id, p.day, p.model, sum(p.requests) as requests, sum(p.input_tokens) as input_tokens,
      sum(p.cached_input_tokens) as cached_input_tokens, sum(p.output_tokens) as output_tokens,
      sum(p.reasoning_tokens) as reasoning_tokens, sum(p.total_tokens) as total_tokens,
      sum(p.cost_nano_usd) as cost_nano_usd
    from part as p
    group by 1, 2, 3
  ),
  -- never below nothing: whatever else may be wrong with the books, a person can leave
  shrunk as (
    update octroi_private.usage_daily as d
    set requests = greatest(d.requests - x.requests, 0),
      input_tokens = greatest(d.input_tokens - x.input_tokens, 0),
      cached_input_tokens = greatest(d.cached_input_tokens - x.cached_input_tokens, 0),
      output_tokens = greatest(d.output_tokens - x.output_tokens, 0),
      reasoning_tokens = greatest(d.reasoning_tokens - x.reasoning_tokens, 0),
      total_tokens = greatest(d.total_tokens - x.total_tokens, 0),
      cost_nano_usd = greatest(d.cost_nano_usd - x.cost_nano_usd, 0)
    from day as x
    where d.account_id = p_account_id and d.day = x.day and d.user_id = x.user_id and d.model = x.model
  )
  select coalesce(sum(x.requests), 0)::bigint into v_rows from day as x;
  perform octroi_private.drop_empty_days(p_account_id, p_after, p_until);
  perform octroi_private.lock_append_only('octroi_private.usage_event');
  return v_rows;
end
$$;

-- Puts a pseudonym in the place of a user in the calls of a team, in (p_after, p_until].
create function octroi_private.unlink_calls(
  p_account_id uuid, p_user_id uuid, p_pseudonym uuid, p_after timestamptz, p_until timestamptz
)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
declare
  v_rows bigint;
begin
  perform octroi_private.unlock_append_only('octroi_private.usage_event');
  with moved as (
    -- the provider's id of the call leads to what it still has of it
    update octroi_private.usage_event as e
    set user_id = p_pseudonym, upstream_request_id = null
    where e.account_id = p_account_id and e.occurred_at > p_after and e.occurred_at <= p_until
      and e.user_id = p_user_id
    returning
      e.occurred_at, e.model, e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens,
      e.total_tokens, e.cost_nano_usd
  ),
  day as materialized (
    select
      (m.occurred_at at time zone 'utc')::date as day, m.model, count(*) as requests,
      sum(m.input_tokens) as input_tokens, sum(m.cached_input_tokens) as cached_input_tokens,
      sum(m.output_tokens) as output_tokens, sum(m.reasoning_tokens) as reasoning_tokens,
      sum(m.total_tokens) as total_tokens, sum(m.cost_nano_usd) as cost_nano_usd
    from moved as m
    group by 1, 2
  ),
  shrunk as (
    update octroi_private.usage_daily as d
    set requests = greatest(d.requests - x.requests, 0),
      input_tokens = greatest(d.input_tokens - x.input_tokens, 0),
      cached_input_tokens = greatest(d.cached_input_tokens - x.cached_input_tokens, 0),
      output_tokens = greatest(d.output_tokens - x.output_tokens, 0),
      reasoning_tokens = greatest(d.reasoning_tokens - x.reasoning_tokens, 0),
      total_tokens = greatest(d.total_tokens - x.total_tokens, 0),
      cost_nano_usd = greatest(d.cost_nano_usd - x.cost_nano_usd, 0)
    from day as x
    where d.account_id = p_account_id and d.day = x.day and d.user_id = p_user_id and d.model = x.model
  ),
  grown as (
    insert into octroi_private.usage_daily as d (
      account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      total_tokens, cost_nano_usd
    )
    select
      p_account_id, p_pseudonym, x.day, x.model, x.requests, x.input_tokens, x.cached_input_tokens, x.output_tokens,
      x.reasoning_tokens, x.total_tokens, x.cost_nano_usd
    from day as x
    on conflict (account_id, day, user_id, model) do update
    set requests = d.requests + excluded.requests, input_tokens = d.input_tokens + excluded.input_tokens,
      cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
      total_tokens = d.total_tokens + excluded.total_tokens, cost_nano_usd = d.cost_nano_usd + excluded.cost_nano_usd
  )
  select coalesce(sum(x.requests), 0)::bigint into v_rows from day as x;
  perform octroi_private.drop_empty_days(p_account_id, p_after, p_until);
  perform octroi_private.lock_append_only('octroi_private.usage_event');
  return v_rows;
end
$$;

create function octroi_private.drop_empty_days(p_account_id uuid, p_after timestamptz, p_until timestamptz)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from octroi_private.usage_daily as d
  where d.account_id = p_account_id and d.requests = 0
    and d.day between (p_after at time zone 'utc')::date and (p_until at time zone 'utc')::date
$$;

-- Where a bite of so many calls of an account ends. Calls of one instant, which one batch settled, go together.
create function octroi_private.bite_end(p_account_id uuid, p_after timestamptz, p_max_rows integer)
returns timestamptz
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
begin
  return coalesce((
    select e.occurred_at from octroi_private.usage_event as e
    where e.account_id = p_account_id and e.occurred_at > p_after
    order by e.occurred_at
    offset greatest(p_max_rows, 1) - 1
    limit 1
  ), 'infinity');
end
$$;

-- Requests are found by their own key: it is in order of time, and no index knows users. They are pruned soon, so the
-- way is short. Returns the id reached; null at the end.
create function octroi_private.remove_requests(
  p_user_id uuid, p_pseudonym uuid, p_after uuid, p_max_rows integer, out reached_id uuid, out rows_done bigint
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set jit = 'off'
as $$
declare
  -- a bound that may be missing is none to an index: every bite would read all that is left
  v_until uuid;
begin
  select r.id into reached_id from octroi_private.request as r
  where r.id > p_after
  order by r.id
  offset greatest(p_max_rows, 1) - 1
  limit 1;
  v_until := coalesce(reached_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  -- one whose time ran out may still be settled, as nobody's; an open one is somebody's turn
  update octroi_private.request as r
  set user_id = p_pseudonym, idempotency_key = null, body_hash = '\x'
  where r.id > p_after and r.id <= v_until and r.user_id = p_user_id
    and r.state in ('open', 'expired');
  delete from octroi_private.request as r
  where r.id > p_after and r.id <= v_until and r.user_id = p_user_id
    and r.state in ('settled', 'released');
  get diagnostics rows_done = row_count;
end
$$;

create function octroi_private.remove_usage(p_receipt_id uuid, p_max_rows integer)
returns table (rows_done bigint, is_done boolean)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_removal octroi_private.usage_removal;
  v_pseudonym uuid;
  v_until timestamptz;
  v_reached uuid;
  v_rows bigint := 0;
  v_name text;
begin
  -- cursor and rows are lost together or not at all, so nothing is owed to anybody by waiting for the disk
  perform set_config('synchronous_commit', 'off', true);
  select r.* into v_removal
  from octroi_private.usage_removal as r
  where r.receipt_id = p_receipt_id
  order by r.id
  limit 1
  for update;
  if v_removal.id is null then
    update octroi_private.erasure_step set finished_at = octroi_private.now()
    where receipt_id = p_receipt_id and kind = 'usage' and finished_at is null;
    perform octroi_private.finish_erasure(p_receipt_id);
    return query select 0::bigint, true;
    return;
  end if;
  select r.pseudonym into strict v_pseudonym from octroi_private.erasure_receipt as r where r.id = p_receipt_id;
  if v_removal.account_id is null then
    select s.reached_id, s.rows_done into v_reached, v_rows
    from octroi_private.remove_requests(v_removal.user_id, v_pseudonym, v_removal.after_id, p_max_rows) as s;
    v_name := 'request';
    update octroi_private.usage_removal set after_id = v_reached where id = v_removal.id and v_reached is not null;
    delete from octroi_private.usage_removal where id = v_removal.id and v_reached is null;
  else
    v_until := octroi_private.bite_end(v_removal.account_id, v_removal.after_at, p_max_rows);
    if v_removal.is_deleting then
      v_name := 'usage_event';
      v_rows := octroi_private.delete_calls(
        v_removal.account_id, v_removal.user_id, v_removal.after_at, v_until
      );
    else
      v_name := 'usage_event_unlinked';
      v_rows := octroi_private.unlink_calls(
        v_removal.account_id, v_removal.user_id, v_pseudonym, v_removal.after_at, v_until
      );
    end if;
    update octroi_private.usage_removal set after_at = v_until where id = v_removal.id and v_until < 'infinity';
    delete from octroi_private.usage_removal where id = v_removal.id and v_until = 'infinity';
  end if;
  update octroi_private.erasure_receipt as r
  set erased = r.erased || jsonb_build_object(v_name, coalesce((r.erased ->> v_name)::bigint, 0) + v_rows)
  where r.id = p_receipt_id and v_rows > 0;
  return query select v_rows, false;
end
$$;
comment on function octroi_private.remove_usage(uuid, integer) is
'One batch of removing an erased person''s calls; how many rows, and whether it was the last. Any number of workers may call it, one after the other.';

reset role;
