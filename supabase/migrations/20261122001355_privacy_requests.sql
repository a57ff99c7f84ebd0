-- Rights that people ask for, and the clocks that run then: Art. 12(3) GDPR gives a month, and two more with a reason;
-- the CCPA ten business days to confirm, 45 days to answer, and 45 more.
set role octroi_owner;

create table octroi_private.privacy_setting (
  only_row boolean primary key default true check (only_row),
  gdpr_answer_months smallint not null default 1 check (gdpr_answer_months between 1 and 3),
  gdpr_extension_months smallint not null default 2 check (gdpr_extension_months between 0 and 2),
  -- the operator hears of a request that is open so many days after it came
  alert_day smallint not null default 20 check (alert_day between 1 and 28),
  ccpa_confirm_business_days smallint not null default 10 check (ccpa_confirm_business_days between 1 and 10),
  ccpa_answer_days smallint not null default 45 check (ccpa_answer_days between 1 and 45),
  ccpa_extension_days smallint not null default 45 check (ccpa_extension_days between 0 and 45),
  ccpa_opt_out_business_days smallint not null default 15 check (ccpa_opt_out_business_days between 1 and 15),
  request_log_months smallint not null default 24 check (request_log_months between 1 and 120),
  export_ticket_seconds integer not null default 900 check (export_ticket_seconds between 60 and 3600),
  exports_a_day smallint not null default 10 check (exports_a_day between 1 and 1000)
);
comment on table octroi_private.privacy_setting is 'One row: the clocks of privacy requests, and how often an export may be had.';
insert into octroi_private.privacy_setting default values;
create trigger privacy_setting_audited
after insert or update or delete on octroi_private.privacy_setting
for each row execute function octroi_private.audit('privacy_setting');

create table octroi_private.privacy_request (
  id uuid primary key default octroi_private.uuid_v7(),
  -- null once the person is erased: that the request was answered in time stays provable without them
  user_id uuid,
  kind text not null check (kind in (
    'access', 'rectification', 'erasure', 'restriction', 'objection', 'opt_out'
  )),
  regime text not null default 'gdpr' check (regime in ('gdpr', 'ccpa')),
  channel text not null check (channel in ('rpc', 'operator')),
  received_at timestamptz not null,
  confirm_by timestamptz,
  confirmed_at timestamptz,
  due_at timestamptz not null check (due_at > received_at),
  extended_at timestamptz,
  extension_reason text check (length(extension_reason) between 1 and 500),
  state text not null default 'open' check (state in ('open', 'done', 'refused', 'withdrawn')),
  closed_at timestamptz,
  evidence jsonb not null default '{}' check (jsonb_typeof(evidence) = 'object'),
  constraint privacy_request_closed_or_open check ((state = 'open') = (closed_at is null)),
  constraint privacy_request_extended_for_a_reason check ((extended_at is null) = (extension_reason is null)),
  constraint privacy_request_refused_for_a_reason check (state <> 'refused' or evidence ? 'reason')
);
comment on table octroi_private.privacy_request is 'Each use of a right: when it came, when it is due, what became of it.';
create index privacy_request_user on octroi_private.privacy_request (user_id, received_at);
create index privacy_request_open on octroi_private.privacy_request (due_at) where state = 'open';

-- Requests that were closed before are kept no longer.
create function octroi_private.privacy_requests_kept_since()
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.now() - make_interval(months => s.request_log_months)
  from octroi_private.privacy_setting as s
$$;

create trigger privacy_request_audited
after insert or update on octroi_private.privacy_request
for each row execute function octroi_private.audit('privacy_request');
-- what the sweep takes when its time is over is no action of anybody's
create trigger privacy_request_deletion_audited
after delete on octroi_private.privacy_request
for each row
when (old.closed_at is null or old.closed_at > octroi_private.privacy_requests_kept_since())
execute function octroi_private.audit('privacy_request');

-- So many days later, weekends not counted.
create function octroi_private.add_business_days(p_at timestamptz, p_days integer)
returns timestamptz
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select d.at
  from (
    select p_at + make_interval(days => n) as at, row_number() over (order by n) as nth
    from generate_series(1, p_days * 2 + 4) as n
    where extract(isodow from (p_at + make_interval(days => n)) at time zone 'utc') < 6
  ) as d
  where d.nth = p_days
$$;

create function octroi_private.open_privacy_request(
  p_user_id uuid, p_kind text, p_channel text default 'rpc', p_regime text default 'gdpr'
)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_set octroi_private.privacy_setting;
  v_id uuid;
begin
  select s.* into strict v_set from octroi_private.privacy_setting as s;
  insert into octroi_private.privacy_request (user_id, kind, regime, channel, received_at, confirm_by, due_at)
  values (
    p_user_id, p_kind, p_regime, p_channel, v_now,
    case when p_regime = 'ccpa' then octroi_private.add_business_days(v_now, v_set.ccpa_confirm_business_days) end,
    case
      when p_regime = 'ccpa' and p_kind = 'opt_out'
        then octroi_private.add_business_days(v_now, v_set.ccpa_opt_out_business_days)
      when p_regime = 'ccpa' then v_now + make_interval(days => v_set.ccpa_answer_days)
      -- a month from the 31st ends on the last day of a shorter month
      else ((v_now at time zone 'utc') + make_interval(months => v_set.gdpr_answer_months)) at time zone 'utc'
    end
  )
  returning id into v_id;
  return v_id;
end
$$;
comment on function octroi_private.open_privacy_request(uuid, text, text, text) is
'Takes note that somebody asked for a right, and starts its clock. Raises 23514 for a kind, channel or law that does not exist.';

create function octroi_private.confirm_privacy_request(p_id uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update octroi_private.privacy_request set confirmed_at = octroi_private.now()
  where id = p_id and confirmed_at is null
$$;
comment on function octroi_private.confirm_privacy_request(uuid) is 'Takes note that the receipt of a request was confirmed.';

create function octroi_private.extend_privacy_request(p_id uuid, p_reason text)
returns timestamptz
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due_at timestamptz;
begin
  update octroi_private.privacy_request as r
  set extended_at = octroi_private.now(), extension_reason = p_reason, due_at = case r.regime
    when 'ccpa' then r.due_at + make_interval(days => s.ccpa_extension_days)
    else ((r.due_at at time zone 'utc') + make_interval(months => s.gdpr_extension_months)) at time zone 'utc'
  end
  from octroi_private.privacy_setting as s
  -- only before it is due, and once; an opt-out cannot be put off
  where r.id = p_id and r.state = 'open' and r.extended_at is null and r.due_at > octroi_private.now()
    and r.kind <> 'opt_out'
  returning r.due_at into v_due_at;
  if v_due_at is null then
    raise exception 'this request cannot be put off' using errcode = 'OC044',
      hint = 'Only an open request, before it is due, and once.';
  end if;
  return v_due_at;
end
$$;
comment on function octroi_private.extend_privacy_request(uuid, text) is
'Puts a request off by what the law allows, for a reason that the person is to be told. Raises OC044.';

create function octroi_private.close_privacy_request(p_id uuid, p_state text, p_evidence jsonb)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.privacy_request
  set state = p_state, closed_at = octroi_private.now(), evidence = evidence || p_evidence
  where id = p_id and state = 'open';
  return found;
end
$$;
comment on function octroi_private.close_privacy_request(uuid, text, jsonb) is
'Ends a request as done, refused (with a reason in the evidence) or withdrawn. False when it had ended.';

-- What an operator must look at, as billing_troubles() does for money.
create function octroi_private.privacy_troubles()
returns table (kind text, subject text, since timestamptz, detail text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select 'privacy_request', r.id::text, r.received_at, case
    when r.due_at <= octroi_private.now() then format('%s was due on %s', r.kind, r.due_at::date)
    when r.confirmed_at is null and r.confirm_by <= octroi_private.now()
      then format('%s was to be confirmed by %s', r.kind, r.confirm_by::date)
    else format('%s is due on %s', r.kind, r.due_at::date)
  end
  from octroi_private.privacy_request as r
  cross join octroi_private.privacy_setting as s
  where r.state = 'open' and (
    octroi_private.now() >= r.received_at + make_interval(days => s.alert_day) and r.extended_at is null
    -- one that was put off is heard of ten days before it is due again
    or octroi_private.now() >= r.due_at - interval '10 days' and r.extended_at is not null
    or octroi_private.now() >= r.due_at
    or r.confirmed_at is null and r.confirm_by <= octroi_private.now()
  )
  order by r.due_at
  limit 1000
$$;
comment on function octroi_private.privacy_troubles() is 'Privacy requests that are due soon or late.';

create function octroi_private.prune_privacy(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_since timestamptz := octroi_private.privacy_requests_kept_since();
  v_rows bigint;
  v_total bigint;
begin
  delete from octroi_private.export_ticket where request_id in (
    select t.request_id from octroi_private.export_ticket as t
    where t.expires_at <= v_now - interval '1 day' limit p_max_rows
  );
  get diagnostics v_total = row_count;
  -- a bundle that was never fetched: the offer was the answer
  update octroi_private.privacy_request as r
  set state = 'done', closed_at = v_now, evidence = r.evidence || '{"outcome": "offered and not fetched"}'
  where r.id in (
    select q.id from octroi_private.privacy_request as q
    where q.state = 'open' and q.kind = 'access' and q.channel = 'rpc' and q.received_at <= v_now - interval '1 day'
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.privacy_request where id in (
    select r.id from octroi_private.privacy_request as r
    where r.closed_at <= v_since limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows;
end
$$;

reset role;
