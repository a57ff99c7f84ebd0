-- The outbox: what must happen outside the database, written in the transaction that decided it.
-- A job is leased, never locked, while it runs. Its attempt number is the fence: a worker that lost its lease
-- can no longer finish it.
set role octroi_owner;

create table octroi_private.job (
  id bigint generated always as identity primary key,
  kind text not null check (kind ~ '^[a-z][a-z_]{0,49}$'),
  args jsonb not null check (jsonb_typeof(args) = 'object'),
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'cancelled', 'dead')),
  attempt integer not null default 0 check (attempt >= 0),
  max_attempts integer not null default 10 check (max_attempts between 1 and 1000000),
  run_at timestamptz not null default octroi_private.now(),
  lease_expires_at timestamptz,
  worker text check (length(worker) <= 200),
  last_error text check (length(last_error) <= 2000),
  created_at timestamptz not null default octroi_private.now(),
  finished_at timestamptz,
  constraint job_running_is_leased check (
    (state = 'running') = (lease_expires_at is not null) and (state = 'running') = (worker is not null)
  ),
  constraint job_finished_or_not check ((state in ('done', 'cancelled', 'dead')) = (finished_at is not null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table octroi_private.job is 'Outbox and queue. queued → running → done, cancelled or dead; back to queued on retry.';
create index job_due on octroi_private.job (run_at, id) where state = 'queued';
create index job_leased on octroi_private.job (lease_expires_at) where state = 'running';
create index job_finished on octroi_private.job (finished_at) where finished_at is not null;

-- The nudge: a NOTIFY without payload, because the row is the message. A commit that notifies waits for every other
-- one that does, so it is sent only when it is needed: a worker with nothing to do stands by, which is to hold or await
-- the stand-by lock, and a statement that finds it free need not notify. No job is missed: a worker is given the lock
-- when all transactions that found it free have ended, and looks once more before it waits.
create function octroi_private.stand_by_key()
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select hashtextextended('octroi_private.stand_by', 0)
$$;

create function octroi_private.notify_job()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key constant bigint := hashtextextended('octroi_private.stand_by', 0);
begin
  if not pg_try_advisory_xact_lock_shared(v_key) then
    perform pg_notify('octroi_job', '');
  end if;
  return null;
end
$$;
create trigger job_inserted
after insert on octroi_private.job
for each statement execute function octroi_private.notify_job();

create function octroi_private.stand_by_for_jobs()
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_lock(octroi_private.stand_by_key())
$$;
comment on function octroi_private.stand_by_for_jobs() is
'Has jobs announced on channel octroi_job from now on, for as long as this session lives; look once more afterwards. Waits for others that stand by.';

create function octroi_private.stop_standing_by()
returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_unlock(octroi_private.stand_by_key())
$$;
comment on function octroi_private.stop_standing_by() is
'Ends what stand_by_for_jobs began in this session; false when nothing was to be ended.';

create function octroi_private.claim_jobs(
  p_worker text, p_kinds text [], p_max integer, p_lease_seconds integer,
  p_after_run_at timestamptz default null, p_after_id bigint default null
)
returns table (
  id bigint, kind text, args jsonb, attempt integer, max_attempts integer, run_at timestamptz
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- the order comes from the index, whatever the table held when the plan was made
set enable_sort = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
begin
  return query
  update octroi_private.job as j
  set state = 'running', attempt = j.attempt + 1, worker = p_worker,
    lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
  -- locked in this statement, so that the place is still the row's
  where j.ctid = any(array(
    select k.ctid
    from octroi_private.job as k
    where k.state = 'queued' and k.run_at <= v_now and k.kind = any(p_kinds)
      and (k.run_at, k.id) > (coalesce(p_after_run_at, '-infinity'), coalesce(p_after_id, 0))
    order by k.run_at, k.id
    limit least(greatest(p_max, 0), 1000)
    for update skip locked
  ))
  returning j.id, j.kind, j.args, j.attempt, j.max_attempts, j.run_at;
end
$$;
comment on function octroi_private.claim_jobs(text, text [], integer, integer, timestamptz, bigint) is
'Leases due jobs of known kinds, oldest first, of those after a given one. The attempt is counted before the work, so a job that kills its worker runs out of attempts. Whoever goes on from the last job claimed is spared what was claimed before, which stays in the index while any transaction could still see it; jobs that were committed late stand before it.';

create function octroi_private.extend_jobs(p_ids bigint [], p_attempts integer [], p_lease_seconds integer)
returns setof bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- locked in order, as by finish_jobs, which the same worker may be calling
  with mine as materialized (
    select j.id
    from octroi_private.job as j
    join unnest(p_ids, p_attempts) as m (id, attempt) on m.id = j.id and m.attempt = j.attempt
    where j.state = 'running'
    order by j.id
    for no key update of j
  )
  update octroi_private.job as j
  set lease_expires_at = octroi_private.now() + make_interval(secs => p_lease_seconds)
  from mine
  where j.id = mine.id
  returning j.id
$$;
comment on function octroi_private.extend_jobs(bigint [], integer [], integer) is
'Heartbeat. Returns the jobs that are still the caller''s; work on the others must stop.';

create function octroi_private.finish_jobs(
  p_ids bigint [], p_attempts integer [], p_outcomes text [], p_details text [], p_delays_seconds integer []
)
returns setof bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- row by row through the key, whatever the table held when the plan was made
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if not p_outcomes <@ array['done', 'retry', 'snooze', 'cancel'] then
    raise exception 'unknown job outcome among %', p_outcomes using errcode = 'OC001';
  end if;
  return query
  update octroi_private.job as j
  set
    state = case
      when mine.outcome = 'done' then 'done'
      when mine.outcome = 'cancel' then 'cancelled'
      when mine.outcome = 'retry' and j.attempt >= j.max_attempts then 'dead'
      else 'queued'
    end,
    -- a snooze is not a failure: it gives its attempt back at the far end, since attempt is the fence and only grows
    max_attempts = case when mine.outcome = 'snooze' then j.max_attempts + 1 else j.max_attempts end,
    run_at = case
      when mine.outcome = 'snooze' or mine.outcome = 'retry' and j.attempt < j.max_attempts
        then v_now + make_interval(secs => mine.delay_seconds)
      else j.run_at
    end,
    lease_expires_at = null,
    worker = null,
    last_error = coalesce(left(mine.detail, 2000), j.last_error),
    finished_at = case
      when mine.outcome in ('done', 'cancel') or mine.outcome = 'retry' and j.attempt >= j.max_attempts then v_now
    end
  from (
    select m.id, m.attempt, m.outcome, m.detail, m.delay_seconds
    from unnest(p_ids, p_attempts, p_outcomes, p_details, p_delays_seconds)
      as m (id, attempt, outcome, detail, delay_seconds)
    order by m.id
  ) as mine
  -- which is to say that it is running; said so, the planner may go through all that run instead of through the key
  where j.id = mine.id and j.attempt = mine.attempt and j.lease_expires_at is not null
  returning j.id;
end
$$;
comment on function octroi_private.finish_jobs(bigint [], integer [], text [], text [], integer []) is
'Ends attempts; returns the jobs that were still the caller''s. A retry past max_attempts is dead. Raises OC001 for an unknown outcome.';

create function octroi_private.finish_job(
  p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer
)
returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from octroi_private.finish_jobs(
      array[p_id], array[p_attempt], array[p_outcome], array[p_detail], array[p_delay_seconds]
    )
  )
$$;
comment on function octroi_private.finish_job(bigint, integer, text, text, integer) is
'The same for one; false when the caller no longer holds it.';

create function octroi_private.release_jobs(p_ids bigint [], p_attempts integer [])
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update octroi_private.job as j
  set state = 'queued', max_attempts = j.max_attempts + 1, run_at = octroi_private.now(),
    lease_expires_at = null, worker = null
  from unnest(p_ids, p_attempts) as mine (id, attempt)
  where j.id = mine.id and j.attempt = mine.attempt and j.state = 'running'
$$;
comment on function octroi_private.release_jobs(bigint [], integer []) is
'Hands jobs back on shutdown; no attempt is burnt.';

-- Jobs whose worker went silent: queued again, or dead when that was the last attempt.
create function octroi_private.recover_jobs(p_max_rows integer)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with lost as (
    select j.id
    from octroi_private.job as j
    where j.state = 'running' and j.lease_expires_at <= octroi_private.now()
    order by j.lease_expires_at
    limit p_max_rows
    for update skip locked
  ),
  recovered as (
    update octroi_private.job as j
    set state = case when j.attempt >= j.max_attempts then 'dead' else 'queued' end,
      run_at = octroi_private.now(), lease_expires_at = null, worker = null,
      last_error = 'the worker went silent and its lease ran out',
      finished_at = case when j.attempt >= j.max_attempts then octroi_private.now() end
    from lost
    where j.id = lost.id
    returning 1
  )
  select count(*) from recovered
$$;

-- A completion asked for without waiting. The prompt rests here until the answer is there, then goes.
create table octroi_private.completion (
  id uuid primary key default octroi_private.uuid_v7(),
  account_id uuid not null references octroi_private.account (id),
  user_id uuid not null,
  endpoint text not null check (endpoint in ('chat.completions', 'responses', 'embeddings')),
  request jsonb,
  error jsonb,
  error_status smallint check (error_status between 400 and 599),
  created_at timestamptz not null default octroi_private.now(),
  finished_at timestamptz,
  expires_at timestamptz not null,
  constraint completion_prompt_only_while_pending check ((request is null) = (finished_at is not null)),
  constraint completion_error_only_when_finished check (error is null or finished_at is not null),
  constraint completion_error_has_status check ((error is null) = (error_status is null))
);
comment on table octroi_private.completion is 'A queued call of one user. Its id becomes the request''s id; its answer a stored_response.';
create index completion_account on octroi_private.completion (account_id);
create index completion_expiry on octroi_private.completion (expires_at);

create function octroi_private.load_completion(p_completion_id uuid)
returns table (account_id uuid, user_id uuid, endpoint text, request jsonb)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.account_id, c.user_id, c.endpoint, c.request
  from octroi_private.completion as c
  where c.id = p_completion_id and c.finished_at is null and c.expires_at > octroi_private.now()
$$;
comment on function octroi_private.load_completion(uuid) is 'A pending completion; no row when finished, expired or unknown.';

-- A completion whose job was given up has failed, and its owner is told so.
create function octroi_private.fail_given_up_completion()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.completion as c
  set error = jsonb_build_object('error', jsonb_build_object(
      'message', 'This completion could not be made. You were not charged; ask for it again.',
      'type', 'server_error', 'param', null, 'code', 'completion_failed'
    )),
    error_status = 503, request = null, finished_at = octroi_private.now()
  -- as text: an unreadable id must not keep its job from ending
  where c.id::text = new.args ->> 'completion_id' and c.finished_at is null;
  return null;
end
$$;
create trigger job_given_up after update of state on octroi_private.job
for each row when (new.kind = 'complete_request' and new.state in ('dead', 'cancelled'))
execute function octroi_private.fail_given_up_completion();

create function octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update octroi_private.completion
  set error = p_error, error_status = p_status, request = null, finished_at = octroi_private.now()
  where id = p_completion_id and finished_at is null
$$;
comment on function octroi_private.fail_completion(uuid, smallint, jsonb) is
'Ends a pending completion with an OpenAI-shaped error; nothing happens to a finished one.';

reset role;
