-- What may be the sign of a breach: spikes of refused access, ids of other people's things, and use that is not as
-- usual. An operator sees the signals and decides.
set role octroi_owner;

create table octroi_private.security_signal (
  id bigint generated always as identity primary key,
  kind text not null check (kind in (
    'refusals', 'unknown_callers', 'foreign_ids', 'new_model', 'velocity', 'audit_chain'
  )),
  account_id uuid,
  api_key_id uuid,
  window_start timestamptz not null,
  detail jsonb not null check (jsonb_typeof(detail) = 'object'),
  raised_at timestamptz not null,
  breach_id bigint references octroi_private.breach (id),
  dismissed_at timestamptz,
  dismissed_reason text check (length(dismissed_reason) between 1 and 1000),
  constraint security_signal_once unique nulls not distinct (kind, account_id, api_key_id, window_start),
  constraint security_signal_dismissed_for_a_reason check ((dismissed_at is null) = (dismissed_reason is null))
);
comment on table octroi_private.security_signal is 'What may be the sign of a breach, once per window. Dismissed for a reason, or part of a breach.';
create index security_signal_breach on octroi_private.security_signal (breach_id);
create index security_signal_dismissed on octroi_private.security_signal (dismissed_at) where dismissed_at is not null;

-- Where the comparison of accounts, and the check of the audit chain, go on.
create table octroi_private.detection_state (
  only_row boolean primary key default true check (only_row),
  after_account_id uuid not null default '00000000-0000-0000-0000-000000000000',
  after_audit_position bigint not null default 0
);
insert into octroi_private.detection_state default values;

create function octroi_private.raise_signal(
  p_kind text, p_account_id uuid, p_api_key_id uuid, p_window_start timestamptz, p_detail jsonb
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into octroi_private.security_signal (kind, account_id, api_key_id, window_start, detail, raised_at)
  values (p_kind, p_account_id, p_api_key_id, p_window_start, p_detail, octroi_private.now())
  on conflict on constraint security_signal_once do nothing;
  return found;
end
$$;

-- Spikes of refused access, and ids of other people's things.
create function octroi_private.detect_refusals(p_max_rows integer)
returns table (kind text, raised bigint)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with counted as (
    select
      r.bucket_at, nullif(r.account_id, z.nobody) as account_id, nullif(r.api_key_id, z.nobody) as api_key_id,
      sum(r.refusals)::bigint as refusals, sum(r.foreign_ids)::bigint as foreign_ids,
      jsonb_object_agg(r.reason, r.refusals) as reasons
    from octroi_private.refused_access as r
    cross join (select '00000000-0000-0000-0000-000000000000'::uuid as nobody) as z
    where r.bucket_at >= octroi_private.now() - interval '30 minutes'
    group by 1, 2, 3
  ),
  found as (
    select w.kind, c.account_id, c.api_key_id, c.bucket_at, w.detail
    from counted as c
    cross join octroi_private.security_setting as s
    cross join lateral (
      select 'foreign_ids' as kind, jsonb_build_object('foreign_ids', c.foreign_ids) as detail
      where c.foreign_ids >= s.foreign_ids
      union all
      select 'unknown_callers', jsonb_build_object('refusals', c.refusals, 'reasons', c.reasons)
      where c.account_id is null and c.refusals >= s.refusals_of_unknown
      union all
      select 'refusals', jsonb_build_object('refusals', c.refusals, 'reasons', c.reasons)
      where c.account_id is not null and c.refusals >= s.refusals_of_one
    ) as w
    where not exists (
      select from octroi_private.security_signal as g
      where g.kind = w.kind and g.window_start = c.bucket_at and g.account_id is not distinct from c.account_id
        and g.api_key_id is not distinct from c.api_key_id
    )
    limit p_max_rows
  )
  select f.kind, count(*) filter (
    where octroi_private.raise_signal(f.kind, f.account_id, f.api_key_id, f.bucket_at, f.detail)
  )
  from found as f
  group by f.kind
$$;

-- Today's use of each key against what was usual for it, some thousand accounts at a time, in the order of their ids
-- and then anew.
create function octroi_private.detect_unusual_use(p_max_accounts integer)
returns table (kind text, raised bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_today date := (octroi_private.now() at time zone 'utc')::date;
  v_after uuid := (select d.after_account_id from octroi_private.detection_state as d where d.only_row);
  v_accounts uuid [] := array(
    select a.id from octroi_private.account as a where a.id > v_after order by a.id limit p_max_accounts
  );
begin
  -- this row is also what keeps two from counting the same calls
  update octroi_private.detection_state as d
  set after_account_id = case
    when cardinality(v_accounts) < p_max_accounts then '00000000-0000-0000-0000-000000000000'
    else v_accounts[cardinality(v_accounts)]
  end
  where d.only_row;
  perform octroi_private.count_key_use(v_accounts);
  return query
  with busy as (
    select a.id as account_id, t.api_key_id, t.requests, t.models
    from unnest(v_accounts) as a (id)
    cross join lateral (
      select k.api_key_id, sum(k.requests)::bigint as requests, array_agg(k.model order by k.model) as models
      from octroi_private.key_use as k
      where k.account_id = a.id and k.day = v_today
      group by k.api_key_id
    ) as t
  ),
  found as (
    select w.kind, b.account_id, b.api_key_id, w.detail
    from busy as b
    cross join octroi_private.security_setting as s
    cross join lateral (
      select min(p.day) as since, coalesce(max(p.requests) filter (where p.day >= v_today - 14), 0)::bigint as most
      from (
        select k.day, sum(k.requests) as requests
        from octroi_private.key_use as k
        where k.account_id = b.account_id and k.api_key_id = b.api_key_id and k.day between v_today - 90 and v_today - 1
        group by k.day
      ) as p
    ) as habit
    cross join lateral (
      select 'velocity' as kind, jsonb_build_object('requests', b.requests, 'most_before', habit.most) as detail
      where b.requests >= s.velocity_requests and b.requests >= s.velocity_times * greatest(habit.most, 1)
      union all
      select 'new_model', jsonb_build_object('models', n.models)
      from (
        select array_agg(m.model order by m.model) as models
        from unnest(b.models) as m (model)
        where not exists (
          select from octroi_private.key_use as k
          where k.account_id = b.account_id and k.api_key_id = b.api_key_id
            and k.day between v_today - 90 and v_today - 1 and k.model = m.model
        )
      ) as n
      where n.models is not null
    ) as w
    where habit.since <= v_today - s.habit_days
  )
  select f.kind, count(*) filter (where octroi_private.raise_signal(
    f.kind, f.account_id, nullif(f.api_key_id, '00000000-0000-0000-0000-000000000000'),
    v_today::timestamp at time zone 'utc', f.detail
  ))
  from found as f
  group by f.kind;
end
$$;

-- Some thousand links of the audit chain, and then anew. An entry gets its link when its transaction commits, so one
-- without is only strange when it is old: the sweep itself makes entries.
create function octroi_private.detect_broken_chain(p_max_links integer)
returns table (kind text, raised bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_walk record;
  v_is_broken boolean;
begin
  select w.* into v_walk
  from octroi_private.detection_state as d
  cross join lateral octroi_private.verify_audit(d.after_audit_position, p_max_links) as w
  where d.only_row;
  v_is_broken := v_walk.problem <> 'unlinked_entry' or exists (
    select from octroi_private.audit_log as l
    where l.occurred_at < octroi_private.now() - interval '5 minutes'
      and not exists (select from octroi_private.audit_link as k where k.audit_id = l.id)
  );
  update octroi_private.detection_state as d
  set after_audit_position = case when v_walk.checked < p_max_links then 0 else v_walk.last_position end
  where d.only_row;
  return query
  select 'audit_chain', count(*)
  where v_is_broken and v_walk.problem is not null and octroi_private.raise_signal(
    'audit_chain', null, null, date_trunc('day', octroi_private.now(), 'utc'),
    jsonb_build_object('position', v_walk.broken_at, 'problem', v_walk.problem)
  );
end
$$;

-- All of it, for the sweep. Refusals counted more than a week ago go, what is no habit any more, and signals that were
-- dismissed long ago. What is part of a breach stays with the register, and what nobody has dealt with waits.
create function octroi_private.detect_signals(p_max_rows integer)
returns table (kind text, raised bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from octroi_private.refused_access as r where (r.bucket_at, r.reason, r.account_id, r.api_key_id) in (
    select o.bucket_at, o.reason, o.account_id, o.api_key_id
    from octroi_private.refused_access as o
    where o.bucket_at < octroi_private.now() - interval '7 days'
    limit p_max_rows
  );
  perform octroi_private.prune_key_use(p_max_rows);
  delete from octroi_private.security_signal as g where g.id in (
    select o.id from octroi_private.security_signal as o
    where o.dismissed_at <= octroi_private.kept_since('security_signal')
    limit p_max_rows
  );
  return query
  select r.kind, r.raised from octroi_private.detect_refusals(p_max_rows) as r
  union all
  select u.kind, u.raised from octroi_private.detect_unusual_use(p_max_rows * 4) as u
  union all
  select c.kind, c.raised from octroi_private.detect_broken_chain(p_max_rows * 4) as c where c.raised > 0;
end
$$;

create function octroi_private.security_signals(p_all boolean)
returns table (
  id bigint, kind text, account_id uuid, api_key_id uuid, window_start timestamptz, detail jsonb,
  raised_at timestamptz, breach_id bigint, dismissed_reason text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select g.id, g.kind, g.account_id, g.api_key_id, g.window_start, g.detail, g.raised_at, g.breach_id,
    g.dismissed_reason
  from octroi_private.security_signal as g
  where p_all or g.breach_id is null and g.dismissed_at is null
  order by g.id desc
  limit 1000
$$;
comment on function octroi_private.security_signals(boolean) is
'The newest 1,000 signals, with or without those that were dealt with.';

create function octroi_private.resolve_signals(p_ids bigint [], p_breach_id bigint, p_reason text)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_resolved bigint;
begin
  if (p_breach_id is null) = (p_reason is null) then
    raise exception 'a signal becomes part of a breach or is dismissed for a reason' using errcode = '22023';
  elsif p_breach_id is not null then
    perform octroi_private.open_breach_row(p_breach_id);
  end if;
  update octroi_private.security_signal as g
  set breach_id = p_breach_id, dismissed_reason = p_reason,
    dismissed_at = case when p_reason is not null then octroi_private.now() end
  where g.id = any(p_ids) and g.breach_id is null and g.dismissed_at is null;
  get diagnostics v_resolved = row_count;
  perform octroi_private.record_audit(
    'breach.signals', null, p_breach_id::text, jsonb_build_object('signals', p_ids, 'resolved', v_resolved),
    coalesce(p_reason, 'part of a breach')
  );
  return v_resolved;
end
$$;
comment on function octroi_private.resolve_signals(bigint [], bigint, text) is
'Makes signals part of a breach, or dismisses them for a reason; how many it was. Raises 22023, OC055.';

reset role;
