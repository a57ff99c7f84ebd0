-- Breaches of personal data, from the alarm to the last notice (GDPR, Articles 33 and 34). Every breach stands here,
-- whether it had to be reported or not (33(5)). The clock runs from the moment somebody became aware of it:
--
--   open_breach ─► assess_breach (as often as more is known) ─► notify_authority ─► notify_affected ─► close_breach
--
-- Notices go out through the mail outbox, a batch at a time; `breach_notice` says of each person what became of theirs.
set role octroi_owner;

create table octroi_private.security_setting (
  only_row boolean primary key default true check (only_row),
  -- from awareness to the authority
  breach_report_hours integer not null default 72 check (breach_report_hours between 1 and 720),
  -- refused calls of one key or account in ten minutes
  refusals_of_one integer not null default 100 check (refusals_of_one between 1 and 1000000),
  -- refused calls of nobody we know in ten minutes
  refusals_of_unknown integer not null default 2000 check (refusals_of_unknown between 1 and 1000000),
  -- ids of other people's things asked for by one account in ten minutes
  foreign_ids integer not null default 3 check (foreign_ids between 1 and 1000000),
  -- times the busiest day of the last two weeks
  velocity_times integer not null default 10 check (velocity_times between 2 and 1000),
  -- and calls in a day below which nothing is unusual
  velocity_requests integer not null default 1000 check (velocity_requests between 1 and 1000000000),
  -- days of use before a model can be a surprise
  habit_days integer not null default 7 check (habit_days between 1 and 90)
);
comment on table octroi_private.security_setting is 'One row: the breach clock, and what counts as a sign of one.';
insert into octroi_private.security_setting default values;
create trigger security_setting_audited
after insert or update or delete on octroi_private.security_setting
for each row execute function octroi_private.audit('security_setting');

create table octroi_private.breach (
  id bigint generated always as identity primary key,
  title text not null check (length(title) between 1 and 200),
  nature text not null check (length(nature) between 1 and 4000),
  detected_at timestamptz not null,
  report_due_at timestamptz not null,
  opened_at timestamptz not null,
  assessed_at timestamptz,
  risk text check (risk in ('none', 'risk', 'high')),
  data_categories text [] check (cardinality(data_categories) between 1 and 50),
  affected jsonb check (jsonb_typeof(affected) = 'object'),
  affected_count octroi_private.quantity,
  records_count octroi_private.quantity,
  consequences text check (length(consequences) between 1 and 4000),
  measures text check (length(measures) between 1 and 4000),
  contact text check (length(contact) between 1 and 500),
  authority text check (length(authority) between 1 and 200),
  authority_reference text check (length(authority_reference) between 1 and 200),
  authority_notified_at timestamptz,
  delay_reason text check (length(delay_reason) between 1 and 4000),
  notice jsonb check (jsonb_typeof(notice) = 'object'),
  notices_begun_at timestamptz,
  -- how far the people are noticed, by id
  notices_after uuid,
  notices_queued_at timestamptz,
  no_notice_reason text check (length(no_notice_reason) between 1 and 4000),
  closed_at timestamptz,
  closing_note text check (length(closing_note) between 1 and 4000),
  constraint breach_assessed_in_full check (
    (assessed_at is null) = (risk is null) and (assessed_at is null) = (affected is null)
    and (assessed_at is null) = (affected_count is null) and (assessed_at is null) = (data_categories is null)
    and (assessed_at is null) = (consequences is null) and (assessed_at is null) = (measures is null)
    and (assessed_at is null) = (contact is null)
  ),
  constraint breach_late_for_a_reason check (authority_notified_at <= report_due_at or delay_reason is not null),
  constraint breach_closed_with_a_note check ((closed_at is null) = (closing_note is null))
);
comment on table octroi_private.breach is 'The register of breaches (Art. 33(5)). Rows are never deleted.';

create table octroi_private.breach_notice (
  id uuid primary key default octroi_private.uuid_v7(),
  breach_id bigint not null references octroi_private.breach (id),
  -- null once the person is erased: that somebody was told remains
  user_id uuid,
  mail_id uuid,
  outcome text not null check (outcome in ('queued', 'no_address', 'sent', 'refused', 'unknown', 'cancelled')),
  queued_at timestamptz not null,
  ended_at timestamptz,
  constraint breach_notice_once unique (breach_id, user_id),
  constraint breach_notice_ended_or_queued check ((outcome = 'queued') = (ended_at is null))
);
comment on table octroi_private.breach_notice is
'The proof of Art. 34: who was told of which breach, and what became of the mail.';
create index breach_notice_mail on octroi_private.breach_notice (mail_id);
create index breach_notice_user on octroi_private.breach_notice (user_id);

create trigger breach_kept
before delete or truncate on octroi_private.breach
for each statement execute function octroi_private.refuse_change();
create trigger breach_notice_kept
before delete or truncate on octroi_private.breach_notice
for each statement execute function octroi_private.refuse_change();

create function octroi_private.set_security_settings(p_settings jsonb)
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
  v_after jsonb;
begin
  select string_agg(k.key, ', ') into v_wrong
  from jsonb_each(p_settings) as k
  where k.key = 'only_row' or not octroi_private.is_whole(k.value, 1, 1000000000) or not exists (
    select from octroi_private.security_setting as s where to_jsonb(s) ? k.key
  );
  if v_wrong is not null then
    raise exception 'these are no security settings, or no whole numbers above 0: %', v_wrong using errcode = '22023';
  end if;
  update octroi_private.security_setting as s
  set breach_report_hours = n.breach_report_hours, refusals_of_one = n.refusals_of_one,
    refusals_of_unknown = n.refusals_of_unknown, foreign_ids = n.foreign_ids, velocity_times = n.velocity_times,
    velocity_requests = n.velocity_requests, habit_days = n.habit_days
  from octroi_private.security_setting as b
  cross join lateral jsonb_populate_record(b, p_settings) as n
  where s.only_row and b.only_row
  returning to_jsonb(s) - 'only_row' into v_after;
  return v_after;
end
$$;
comment on function octroi_private.set_security_settings(jsonb) is
'Changes what is named and returns all of it. Raises 22023 for a name or value that is none, 23514 outside its range.';

-- What is wrong with a description of the people affected; null when nothing is.
create function octroi_private.affected_fault(p_affected jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(p_affected) is distinct from 'object' then 'it is no object'
    when p_affected = '{}' then 'it says nothing; {"everyone": true} means everyone'
    else (
      select string_agg(format('%s is not what it should be', k.key), ', ')
      from jsonb_each(p_affected) as k
      where not case
        when k.key = 'everyone' then k.value = 'true'
        when k.key in ('users', 'accounts', 'keys') then jsonb_typeof(k.value) = 'array'
          and jsonb_array_length(k.value) between 1 and 10000
          and not jsonb_path_exists(
            k.value, '$[*] ? (!(@ like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))'
          )
        when k.key in ('used_from', 'used_until', 'signed_up_before')
          then k.value #>> '{}' ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
        else false
      end
    )
  end
$$;

-- The people that a description means, by id. Every condition in it must hold; days are UTC days, both ends included.
-- Whoever has left an account since is meant as well, if they used it or had a key of it.
create function octroi_private.affected_people(p_affected jsonb, p_after uuid, p_max integer)
returns setof uuid
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.owner_user_id
  from octroi_private.account as a
  where a.kind = 'personal' and a.owner_user_id is not null
    and (p_after is null or a.owner_user_id > p_after)
    and (not p_affected ? 'users' or p_affected -> 'users' ? a.owner_user_id::text)
    and (not p_affected ? 'accounts' or a.owner_user_id in (
      select octroi_private.people_of_accounts(array(
        select i.id::uuid from jsonb_array_elements_text(p_affected -> 'accounts') as i (id)
      ))
    ))
    and (not p_affected ? 'keys' or exists (
      select from octroi_private.api_key as k
      where k.user_id = a.owner_user_id and p_affected -> 'keys' ? k.id::text
    ))
    and (not p_affected ? 'signed_up_before' or a.created_at < (p_affected ->> 'signed_up_before')::date)
    and (not p_affected ?| array['used_from', 'used_until'] or exists (
      select from octroi_private.usage_daily as d
      where d.user_id = a.owner_user_id
        and d.day between coalesce((p_affected ->> 'used_from')::date, '-infinity')
        and coalesce((p_affected ->> 'used_until')::date, 'infinity')
    ))
  order by a.owner_user_id
  limit p_max
$$;

-- The breach, locked, if it is there and open.
create function octroi_private.open_breach_row(p_breach_id bigint)
returns octroi_private.breach
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_breach octroi_private.breach;
begin
  select b.* into v_breach from octroi_private.breach as b where b.id = p_breach_id for update;
  if v_breach.id is null then
    raise exception 'there is no breach %', p_breach_id using errcode = 'OC055';
  elsif v_breach.closed_at is not null then
    raise exception 'breach % is closed', p_breach_id using errcode = 'OC055', hint = 'Open another one.';
  end if;
  return v_breach;
end
$$;

create function octroi_private.open_breach(p_title text, p_nature text, p_detected_at timestamptz)
returns table (id bigint, report_due_at timestamptz)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_id bigint;
  v_due timestamptz;
begin
  if coalesce(p_detected_at > v_now, false) then
    raise exception 'nobody becomes aware of a breach in the future' using errcode = '22023';
  end if;
  insert into octroi_private.breach as b (title, nature, detected_at, report_due_at, opened_at)
  select p_title, p_nature, coalesce(p_detected_at, v_now),
    coalesce(p_detected_at, v_now) + make_interval(hours => s.breach_report_hours), v_now
  from octroi_private.security_setting as s
  returning b.id, b.report_due_at into v_id, v_due;
  perform octroi_private.record_audit(
    'breach.open', null, v_id::text, jsonb_build_object('report_due_at', v_due), p_title
  );
  return query select v_id, v_due;
end
$$;
comment on function octroi_private.open_breach(text, text, timestamptz) is
'Enters a breach and starts its clock at the moment of awareness, now when null. Raises 22023, 23514, 23502.';

-- {"risk", "data_categories", "affected", "records_count", "consequences", "measures", "contact"}; what is left out
-- stays as it was.
create function octroi_private.assess_breach(p_breach_id bigint, p_assessment jsonb)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_names text [] := array[
    'risk', 'data_categories', 'affected', 'records_count', 'consequences', 'measures', 'contact', 'nature'
  ];
  v_missing text;
  v_fault text;
  v_count bigint;
begin
  if jsonb_typeof(p_assessment) is distinct from 'object' or p_assessment - v_names <> '{}' then
    raise exception 'an assessment has % and no more', array_to_string(v_names, ', ') using errcode = '22023';
  end if;
  v_breach := jsonb_populate_record(v_breach, jsonb_strip_nulls(p_assessment));
  select string_agg(f.name, ', ') into v_missing
  from unnest(v_names) as f (name)
  where f.name <> 'records_count' and to_jsonb(v_breach) -> f.name = 'null';
  if v_missing is not null then
    raise exception 'the assessment lacks %', v_missing using errcode = 'OC055';
  end if;
  v_fault := octroi_private.affected_fault(v_breach.affected);
  if v_fault is not null then
    raise exception 'who is affected cannot be read: %', v_fault using errcode = '22023';
  end if;
  select count(*) into v_count from octroi_private.affected_people(v_breach.affected, null, null);
  update octroi_private.breach as b
  set risk = v_breach.risk, data_categories = v_breach.data_categories, affected = v_breach.affected,
    records_count = v_breach.records_count, consequences = v_breach.consequences, measures = v_breach.measures,
    contact = v_breach.contact, nature = v_breach.nature, affected_count = v_count,
    assessed_at = octroi_private.now(), notices_after = null, notices_queued_at = null
  where b.id = p_breach_id;
  -- whom it affects may be others now: the notices begin anew, and pass over everybody who has one
  if v_breach.notices_begun_at is not null then
    perform octroi_private.enqueue_breach_notices(p_breach_id);
  end if;
  perform octroi_private.record_audit(
    'breach.assess', null, p_breach_id::text, jsonb_build_object('risk', v_breach.risk, 'affected_count', v_count),
    'assessed by the operator'
  );
  return v_count;
end
$$;
comment on function octroi_private.assess_breach(bigint, jsonb) is
'Writes down what is known of a breach and counts who is affected; once notices have begun, whoever has none yet is told. Raises OC055 when something is missing, 22023 for what cannot be read, 23514.';

create function octroi_private.notify_authority(
  p_breach_id bigint, p_authority text, p_reference text, p_notified_at timestamptz, p_delay_reason text
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_at timestamptz := coalesce(p_notified_at, octroi_private.now());
begin
  if v_breach.assessed_at is null then
    raise exception 'breach % is not assessed yet', p_breach_id using errcode = 'OC055';
  elsif v_at > octroi_private.now() or v_at < v_breach.detected_at then
    raise exception 'the authority was told between awareness and now' using errcode = '22023';
  elsif v_at > v_breach.report_due_at and p_delay_reason is null then
    raise exception 'the time limit was %, so the authority is owed the reason for the delay', v_breach.report_due_at
      using errcode = 'OC055';
  end if;
  update octroi_private.breach as b
  set authority = p_authority, authority_reference = p_reference, authority_notified_at = v_at,
    delay_reason = p_delay_reason
  where b.id = p_breach_id;
  perform octroi_private.record_audit(
    'breach.authority', null, p_breach_id::text, jsonb_build_object('authority', p_authority, 'notified_at', v_at),
    p_delay_reason
  );
end
$$;
comment on function octroi_private.notify_authority(bigint, text, text, timestamptz, text) is
'Records that the authority was told. Late, it asks for the reason. Raises OC055, 22023, 23514.';

reset role;
