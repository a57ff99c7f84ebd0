-- Telling the people a breach affects (Art. 34), and the end of a breach.
set role octroi_owner;

-- A notice is one entry per language: {"en": {"happened", "consequences", "measures", "advice"}, "fr": {…}}.
create function octroi_private.notice_fault(p_notice jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(p_notice) is distinct from 'object' or not p_notice ? 'en' then 'it has no English part'
    else (
      select string_agg(format('%s', l.key), ', ')
      from jsonb_each(p_notice) as l
      where l.key not in ('en', 'fr') or case when jsonb_typeof(l.value) <> 'object' then true else
        l.value - array['happened', 'consequences', 'measures', 'advice'] <> '{}'
        or not l.value ?& array['happened', 'consequences', 'measures', 'advice']
        or exists (
          select from jsonb_each(l.value) as t
          where jsonb_typeof(t.value) <> 'string' or length(t.value #>> '{}') not between 1 and 2000
        )
      end
    )
  end
$$;

create function octroi_private.enqueue_breach_notices(p_breach_id bigint)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('send_breach_notices', jsonb_build_object('breach_id', p_breach_id), octroi_private.now(), 50)
$$;

create function octroi_private.notify_affected(p_breach_id bigint, p_notice jsonb)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_fault text := octroi_private.notice_fault(p_notice);
begin
  if v_breach.assessed_at is null then
    raise exception 'breach % is not assessed yet', p_breach_id using errcode = 'OC055';
  elsif v_breach.notices_begun_at is not null then
    raise exception 'notices of breach % are under way already', p_breach_id using errcode = 'OC055',
      hint = 'Whoever is found to be affected later is told once the breach is assessed again.';
  elsif v_fault is not null then
    raise exception 'the notice lacks a text, or has one of over 2,000 characters: %', v_fault using errcode = '22023';
  end if;
  update octroi_private.breach as b set notice = p_notice, notices_begun_at = octroi_private.now()
  where b.id = p_breach_id;
  perform octroi_private.enqueue_breach_notices(p_breach_id);
  perform octroi_private.record_audit(
    'breach.notify', null, p_breach_id::text, jsonb_build_object('affected_count', v_breach.affected_count),
    'notices to the people affected'
  );
  return v_breach.affected_count;
end
$$;
comment on function octroi_private.notify_affected(bigint, jsonb) is
'Begins the notices to everyone a breach affects, once; a job queues them in batches. Returns how many. Raises OC055, 22023.';

-- A batch of notices, in the order of ids: a mail each, or the fact that there is no address. A job that dies between
-- two batches goes on where the last one was committed. Nobody is told twice, also when the mail is long gone.
create function octroi_private.send_breach_notices(p_breach_id bigint, p_max_rows integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_breach octroi_private.breach;
  v_people uuid [];
  v_untold uuid [];
begin
  select b.* into v_breach from octroi_private.breach as b where b.id = p_breach_id for update;
  if v_breach.notices_begun_at is null or v_breach.notices_queued_at is not null then
    return 0;
  end if;
  v_people := array(select octroi_private.affected_people(v_breach.affected, v_breach.notices_after, p_max_rows));
  v_untold := array(
    select p.user_id from unnest(v_people) as p (user_id)
    where not exists (
      select from octroi_private.breach_notice as n where n.breach_id = p_breach_id and n.user_id = p.user_id
    )
  );
  perform octroi_private.enqueue_mail(
    a.id, a.owner_user_id, 'breach', p_breach_id::text, jsonb_build_object(
      'breach', p_breach_id, 'detected_at', v_breach.detected_at, 'contact', v_breach.contact, 'notice', v_breach.notice
    ), v_now + interval '90 days'
  )
  from octroi_private.account as a
  join octroi_private.contact as c on c.user_id = a.owner_user_id
  where a.kind = 'personal' and a.owner_user_id = any(v_untold);
  insert into octroi_private.breach_notice (breach_id, user_id, mail_id, outcome, queued_at, ended_at)
  select p_breach_id, p.user_id, m.id, case when m.id is null then 'no_address' else 'queued' end, v_now,
    case when m.id is null then v_now end
  from unnest(v_untold) as p (user_id)
  left join octroi_private.mail as m on m.dedupe_key = format('breach:%s:%s', p_breach_id, p.user_id);
  update octroi_private.breach as b
  set notices_after = case when cardinality(v_people) = p_max_rows then v_people[p_max_rows] end,
    notices_queued_at = case when cardinality(v_people) < p_max_rows then v_now end
  where b.id = p_breach_id;
  return cardinality(v_people);
end
$$;
comment on function octroi_private.send_breach_notices(bigint, integer) is
'Queues the next batch of a breach''s notices; how many people it dealt with, fewer than asked for at the end.';

create function octroi_private.keep_notice_outcome()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.breach_notice as n
  set outcome = case when tg_op = 'DELETE' then 'cancelled' else new.state end, ended_at = octroi_private.now()
  where n.mail_id = old.id and n.ended_at is null;
  return null;
end
$$;
create trigger breach_notice_ended after update of state on octroi_private.mail
for each row when (new.kind = 'breach' and new.finished_at is not null)
execute function octroi_private.keep_notice_outcome();
create trigger breach_notice_lost after delete on octroi_private.mail
for each row when (old.kind = 'breach' and old.finished_at is null)
execute function octroi_private.keep_notice_outcome();

-- Whom a breach affects without a notice of it. Whoever signed up after the assessment is not meant by it.
create function octroi_private.untold_people(p_breach octroi_private.breach)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*)
  from octroi_private.affected_people(p_breach.affected, null, null) as p (user_id)
  join octroi_private.account as a on a.owner_user_id = p.user_id and a.kind = 'personal'
  where a.created_at <= p_breach.assessed_at and not exists (
    select from octroi_private.breach_notice as n where n.breach_id = p_breach.id and n.user_id = p.user_id
  )
$$;

create function octroi_private.close_breach(p_breach_id bigint, p_note text, p_no_notice_reason text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_why text;
begin
  v_why := case
    when v_breach.assessed_at is null then 'it is not assessed'
    when v_breach.risk <> 'none' and v_breach.authority_notified_at is null then 'the authority was not told'
    when v_breach.notices_begun_at is not null and v_breach.notices_queued_at is null
      or exists (
        select from octroi_private.breach_notice as n where n.breach_id = p_breach_id and n.outcome = 'queued'
      ) then 'notices are still under way'
    when v_breach.risk = 'high' and v_breach.notices_begun_at is null and p_no_notice_reason is null
      then 'the people affected were not told, and no reason is given (Art. 34(3))'
    when v_breach.notices_begun_at is not null and p_no_notice_reason is null
      and octroi_private.untold_people(v_breach) > 0
      then 'some of the people affected were not told; assess it again, and they are, or give a reason (Art. 34(3))'
  end;
  if v_why is not null then
    raise exception 'breach % cannot be closed: %', p_breach_id, v_why using errcode = 'OC055';
  end if;
  update octroi_private.breach as b
  set closed_at = octroi_private.now(), closing_note = p_note, no_notice_reason = p_no_notice_reason
  where b.id = p_breach_id;
  perform octroi_private.record_audit('breach.close', null, p_breach_id::text, '{}', p_note);
end
$$;
comment on function octroi_private.close_breach(bigint, text, text) is
'Ends a breach whose duties are met. Raises OC055 naming the one that is not, 23514 without a note.';

create function octroi_private.breach_state(p_breach octroi_private.breach)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_breach.closed_at is not null then 'closed'
    when p_breach.assessed_at is null then 'open'
    when p_breach.authority_notified_at is null then 'assessed'
    else 'notified'
  end
$$;

-- A breach as its report needs it: the record, its clock and what became of its notices. It may name people, so that it
-- was read is on record.
create function octroi_private.breach_report(p_breach_id bigint)
returns jsonb
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.record_audit('breach.report', null, b.id::text, '{}', 'read by the operator')
  from octroi_private.breach as b
  where b.id = p_breach_id;
  select to_jsonb(b) - array['notices_after'] || jsonb_build_object(
    'state', octroi_private.breach_state(b),
    'reported_in_time', b.authority_notified_at <= b.report_due_at,
    'written_at', octroi_private.now(),
    'notices', coalesce((
      select jsonb_object_agg(n.outcome, n.people)
      from (
        select k.outcome, count(*) as people from octroi_private.breach_notice as k
        where k.breach_id = b.id
        group by k.outcome
      ) as n
    ), '{}')
  )
  from octroi_private.breach as b
  where b.id = p_breach_id
$$;
comment on function octroi_private.breach_report(bigint) is
'Everything the register knows of a breach, for the report of Art. 33; null when there is none.';

create function octroi_private.breaches(p_closed boolean)
returns table (
  id bigint, title text, state text, risk text, detected_at timestamptz, report_due_at timestamptz,
  authority_notified_at timestamptz, affected_count bigint, minutes_left bigint
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select b.id, b.title, octroi_private.breach_state(b), b.risk, b.detected_at, b.report_due_at,
    b.authority_notified_at, b.affected_count,
    case
      when b.authority_notified_at is null and b.closed_at is null and b.risk is distinct from 'none'
        then floor(extract(epoch from b.report_due_at - octroi_private.now()) / 60)::bigint
    end
  from octroi_private.breach as b
  where p_closed or b.closed_at is null
  order by b.id
$$;
comment on function octroi_private.breaches(boolean) is
'The register, without or with what is closed. minutes_left, below 0 when overdue, runs until the authority was told or there is no risk.';

reset role;
