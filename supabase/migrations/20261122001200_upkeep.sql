-- What the worker asks and does beside the verbs: models, stored answers, upkeep, readiness.
set role octroi_owner;

-- Under every name it has. An account's plan may name the model or one of its other names; what a key may not call at
-- any endpoint would only fail.
create function octroi_private.model_list(p_account_id uuid, p_api_key_id uuid)
returns table (model text, created_at timestamptz, owned_by text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select n.name, lower(p.valid), 'openai'
  from octroi_private.model_price as p
  cross join lateral (
    select p.model as name
    union all
    select a.alias from octroi_private.model_alias as a where a.model = p.model
  ) as n
  join octroi_private.subscription as s on s.account_id = p_account_id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where p.id = octroi_private.price_at(n.name, octroi_private.now())
    and (v.allowed_models is null or v.allowed_models && array[n.name, p.model])
    and not exists (
      select from octroi_private.api_key as k
      where k.id = p_api_key_id
        and (not k.allowed_models && array[n.name, p.model] or not k.allowed_endpoints && p.endpoints)
    )
  order by n.name
$$;
comment on function octroi_private.model_list(uuid, uuid) is
'The models, under each of their names, that a call of the account can be made with now, and of the key, if the caller has one.';

create function octroi_private.stored_response(p_request_id uuid)
returns table (status smallint, content_type text, body bytea)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.status, r.content_type, r.body
  from octroi_private.stored_response as r
  where r.request_id = p_request_id and r.expires_at > octroi_private.now()
$$;
comment on function octroi_private.stored_response(uuid) is 'The answer kept for a call; no row when none was or its time is over.';

-- Requests kept for replay and audit of holds after they ended, and finished jobs.
create function octroi_private.prune(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_request_since timestamptz := octroi_private.kept_since('request');
  v_rows bigint;
  v_total bigint := 0;
begin
  delete from octroi_private.stored_response where request_id in (
    select r.request_id from octroi_private.stored_response as r where r.expires_at <= v_now limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.waiting_call where (account_id, ticket) in (
    select w.account_id, w.ticket from octroi_private.waiting_call as w
    where w.waits_until <= v_now
    limit p_max_rows
    -- one that a call is just giving back is no longer this sweep's to wait for
    for update skip locked
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.completion where id in (
    select c.id from octroi_private.completion as c where c.expires_at <= v_now limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.job where id in (
    select j.id from octroi_private.job as j
    where j.state in ('done', 'cancelled') and j.finished_at <= octroi_private.kept_since('job') limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  -- ids are ordered by time, so the oldest stand first in the key
  delete from octroi_private.request where id in (
    select r.id from octroi_private.request as r
    where r.id < octroi_private.uuid_v7_floor(v_request_since) and r.state <> 'open'
      and r.finished_at <= v_request_since
    order by r.id
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows;
end
$$;

-- The least version 7 UUID of an instant.
create function octroi_private.uuid_v7_floor(p_at timestamptz)
returns uuid
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select (lpad(to_hex((extract(epoch from p_at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

-- All upkeep, a bounded bite of each. Any number of workers may call it: one runs, the others find it busy.
create function octroi_private.sweep(p_max_rows integer)
returns table (task text, rows_done bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('octroi_private.sweep', 0)) then
    return;
  end if;
  return query
  select 'expire_requests', octroi_private.expire_due(p_max_rows)
  union all
  select 'recover_jobs', octroi_private.recover_jobs(p_max_rows)
  union all
  select 'make_partitions', octroi_private.make_usage_partitions(3)::bigint
  union all
  select 'prune', octroi_private.prune(p_max_rows) + octroi_private.prune_billing(p_max_rows)
    + octroi_private.prune_previous_keys(p_max_rows) + octroi_private.prune_invitations(p_max_rows)
  union all
  select 'lapse_plans', octroi_private.lapse_plans(p_max_rows)
  union all
  select 'report_usage', octroi_private.report_usage(p_max_rows)
  union all
  select 'watch_billing', octroi_private.watch_billing(p_max_rows)
  union all
  select 'requeue_events', octroi_private.requeue_events(p_max_rows)
  union all
  select 'prune_privacy', octroi_private.prune_privacy(p_max_rows)
  union all
  select 'enqueue_recurring', octroi_private.enqueue_recurring()
  union all
  select 'signal:' || d.kind, d.raised from octroi_private.detect_signals(p_max_rows) as d
  union all
  -- last: it may take the ledger for itself for a moment
  select 'retention', octroi_private.apply_retention(p_max_rows);
end
$$;
comment on function octroi_private.sweep(integer) is
'Expires holds, recovers jobs, makes partitions ahead, prunes, lapses plans, reports overage, watches drafts, enqueues what comes back, drops what is kept no longer; how many rows each. No rows when another worker is at it.';

create function octroi_private.worker_ready()
returns table (synchronous_commit text, migration text, server_minor text, operator_key_problem text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- the newest file
  select current_setting('synchronous_commit'), '20261122001710', current_setting('server_version'),
    octroi_native.operator_key_problem()
$$;
comment on function octroi_private.worker_ready() is
'What a worker checks before it starts: durable commits, the migration it was written for, the server''s version, why personal data cannot be sealed.';

reset role;
