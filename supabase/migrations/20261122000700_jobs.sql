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

-- One nudge per statement, without payload: the row is the message, and a lost nudge costs one poll interval.
create function octroi_private.notify_job()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('octroi_job', '');
  return null;
end
$$;
create trigger job_inserted
after insert on octroi_private.job
for each statement execute function octroi_private.notify_job();

create function octroi_private.claim_jobs(p_worker text, p_kinds text [], p_max integer, p_lease_seconds integer)
returns table (id bigint, kind text, args jsonb, attempt integer, max_attempts integer)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with due as (
    select j.id
    from octroi_private.job as j
    where j.state = 'queued' and j.run_at <= octroi_private.now() and j.kind = any(p_kinds)
    order by j.run_at, j.id
    limit least(greatest(p_max, 0), 1000)
    for update skip locked
  )
  update octroi_private.job as j
  set state = 'running', attempt = j.attempt + 1, worker = p_worker,
    lease_expires_at = octroi_private.now() + make_interval(secs => p_lease_seconds)
  from due
  where j.id = due.id
  returning j.id, j.kind, j.args, j.attempt, j.max_attempts
$$;
comment on function octroi_private.claim_jobs(text, text [], integer, integer) is
'Leases due jobs of known kinds, oldest first. The attempt is counted before the work, so a job that kills its worker runs out of attempts.';

create function octroi_private.extend_jobs(p_ids bigint [], p_attempts integer [], p_lease_seconds integer)
returns setof bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update octroi_private.job as j
  set lease_expires_at = octroi_private.now() + make_interval(secs => p_lease_seconds)
  from unnest(p_ids, p_attempts) as mine (id, attempt)
  where j.id = mine.id and j.attempt = mine.attempt and j.state = 'running'
  returning j.id
$$;
comment on function octroi_private.extend_jobs(bigint [], integer [], integer) is
'Heartbeat. Returns the jobs that are still the caller''s; work on the others must stop.';

create function octroi_private.finish_job(
  p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if p_outcome not in ('done', 'retry', 'snooze', 'cancel') then
    raise exception 'unknown job outcome %', p_outcome using errcode = 'OC001';
  end if;
  update octroi_private.job as j
  set
    state = next.state,
    -- a snooze is not a failure: it gives its attempt back at the far end, since attempt is the fence and only grows
    max_attempts = case when p_outcome = 'snooze' then j.max_attempts + 1 else j.max_attempts end,
    run_at = case when next.state = 'queued' then v_now + make_interval(secs => p_delay_seconds) else j.run_at end,
    lease_expires_at = null,
    worker = null,
    last_error = coalesce(left(p_detail, 2000), j.last_error),
    finished_at = case when next.state = 'queued' then null else v_now end
  from (
    select k.id, case
      when p_outcome = 'done' then 'done'
      when p_outcome = 'cancel' then 'cancelled'
      when p_outcome = 'retry' and k.attempt >= k.max_attempts then 'dead'
      else 'queued'
    end as state
    from octroi_private.job as k
    where k.id = p_id
  ) as next
  where j.id = next.id and j.attempt = p_attempt and j.state = 'running';
  return found;
end
$$;
comment on function octroi_private.finish_job(bigint, integer, text, text, integer) is
'Ends one attempt; false when the caller no longer holds it. A retry past max_attempts is dead. Raises OC001 for an unknown outcome.';

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
