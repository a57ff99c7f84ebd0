-- What Stripe says happened. An event is a hint that an object changed: it is kept, answered, and the object is fetched
-- anew, so that neither order nor repetition can matter.
--
--   event ─► stripe_event, job ─► worker locks the object (a fence), fetches, applies it ─► mirrors ─► what is granted
--
-- The lock is a lease on a row, because a fetch must not hold a transaction. Whoever takes an expired lease raises the
-- fence, and what the former holder fetched is refused.
set role octroi_owner;

create domain octroi_private.stripe_id as text check (value ~ '^[A-Za-z0-9_.-]{1,255}$');

create table octroi_private.stripe_event (
  id octroi_private.stripe_id primary key,
  type text not null check (length(type) between 1 and 100),
  created_at timestamptz not null,
  received_at timestamptz not null,
  api_version text check (length(api_version) <= 50),
  object_kind text,
  object_id text,
  -- the members of the object that are kept
  object jsonb not null check (jsonb_typeof(object) = 'object'),
  state text not null check (state in ('queued', 'done', 'ignored', 'quarantined')),
  reason text check (length(reason) <= 500),
  constraint stripe_event_quarantined_for_a_reason check (state <> 'quarantined' or reason is not null),
  constraint stripe_event_queued_for_an_object check (state <> 'queued' or object_kind is not null)
);
comment on table octroi_private.stripe_event is
'Inbox of webhooks: which event said that which object changed. Nothing of its content is believed.';
create index stripe_event_queued on octroi_private.stripe_event (object_kind, object_id) where state = 'queued';
create index stripe_event_received on octroi_private.stripe_event (received_at);
create index stripe_event_quarantined on octroi_private.stripe_event (received_at) where state = 'quarantined';

create table octroi_private.stripe_object (
  kind text not null check (kind in ('customer', 'subscription', 'invoice', 'checkout_session', 'charge', 'dispute')),
  id octroi_private.stripe_id not null,
  fence bigint not null default 0,
  lease_expires_at timestamptz,
  locked_at timestamptz,
  -- a job to fetch it waits since
  queued_at timestamptz,
  applied_at timestamptz,
  -- why it was taken note of and not acted on
  problem text check (length(problem) <= 500),
  primary key (kind, id)
);
comment on table octroi_private.stripe_object is 'Which objects of Stripe were fetched, and who may be fetching one now.';
create index stripe_object_troubled on octroi_private.stripe_object (applied_at) where problem is not null;

-- Every event of interest, and where it says which object to fetch.
create function octroi_private.stripe_event_types()
returns table (type text, kind text, id_member text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select t.type, g.kind, g.id_member
  from (values
    ('checkout_session', 'id', array[
      'checkout.session.completed', 'checkout.session.async_payment_succeeded',
      'checkout.session.async_payment_failed', 'checkout.session.expired'
    ]),
    ('customer', 'id', array['customer.created', 'customer.updated', 'customer.deleted']),
    ('subscription', 'id', array[
      'customer.subscription.created', 'customer.subscription.updated', 'customer.subscription.deleted',
      'customer.subscription.paused', 'customer.subscription.resumed',
      'customer.subscription.pending_update_applied', 'customer.subscription.pending_update_expired',
      'customer.subscription.trial_will_end'
    ]),
    ('subscription', 'subscription', array[
      'subscription_schedule.created', 'subscription_schedule.updated', 'subscription_schedule.released',
      'subscription_schedule.canceled', 'subscription_schedule.completed'
    ]),
    ('invoice', 'id', array[
      'invoice.created', 'invoice.updated', 'invoice.finalized', 'invoice.finalization_failed', 'invoice.paid',
      'invoice.payment_failed', 'invoice.payment_action_required', 'invoice.overdue', 'invoice.voided',
      'invoice.marked_uncollectible'
    ]),
    ('charge', 'id', array['charge.refunded']),
    ('charge', 'charge', array['refund.created', 'refund.updated', 'refund.failed']),
    ('dispute', 'id', array[
      'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.funds_withdrawn',
      'charge.dispute.funds_reinstated', 'charge.dispute.closed'
    ]),
    ('meter', 'id', array['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found'])
  ) as g (kind, id_member, types)
  cross join lateral unnest(g.types) as t (type)
$$;

create function octroi_private.subscribed_event_types()
returns setof text
language sql
immutable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.type from octroi_private.stripe_event_types() as t
$$;
comment on function octroi_private.subscribed_event_types() is
'The events that a webhook endpoint must be subscribed to, and that the hourly sweep asks for.';

-- Has an object fetched soon, once: while a job for it waits, another would find the same.
create function octroi_private.enqueue_sync(p_kind text, p_id text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  insert into octroi_private.stripe_object as o (kind, id, queued_at)
  values (p_kind, p_id, v_now)
  on conflict (kind, id) do update
  set queued_at = excluded.queued_at
  -- a job that was given up must not stand in the way for ever
  where o.queued_at is null or o.queued_at <= excluded.queued_at - interval '10 minutes';
  if not found then
    return false;
  end if;
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('sync_stripe_object', jsonb_build_object('kind', p_kind, 'id', p_id), v_now, 20);
  return true;
end
$$;

-- What is to become of an event: queued for the object it is about, ignored, quarantined, or refused: it is none.
create function octroi_private.judge_stripe_event(
  p_event jsonb, out id text, out type text, out created_at timestamptz, out kind text, out object_id text,
  out object jsonb, out state text, out reason text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id_member text;
begin
  object := case when jsonb_typeof(p_event -> 'object') = 'object' then p_event -> 'object' else '{}' end;
  state := 'refused';
  if pg_column_size(p_event) > 8192 then
    reason := 'an event is not larger than 8 KiB';
    return;
  end if;
  id := p_event ->> 'id';
  type := p_event ->> 'type';
  if id is null or id !~ '^[A-Za-z0-9_.-]{1,255}$' or type is null or type !~ '^[a-z0-9_.]{1,100}$' then
    reason := 'an event has an id and a type';
    return;
  elsif octroi_private.is_whole(p_event -> 'created', 0, 99999999999) then
    created_at := to_timestamp((p_event ->> 'created')::bigint);
  elsif p_event ->> 'created' ~ '^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$' then
    begin
      created_at := (p_event ->> 'created')::timestamptz;
    exception
      -- the 31st of February
      when datetime_field_overflow then null;
    end;
  end if;
  if created_at is null then
    reason := 'an event says when it was created';
    return;
  end if;
  select t.kind, t.id_member into kind, v_id_member
  from octroi_private.stripe_event_types() as t
  where t.type = judge_stripe_event.type;
  object_id := object ->> v_id_member;
  if kind is null or type like 'subscription\_schedule.%' and object_id is null then
    state := 'ignored';
  elsif object_id is null or object_id !~ '^[A-Za-z0-9_.-]{1,255}$' then
    state := 'quarantined';
    reason := format('%s names no usable object', type);
    object_id := null;
  else
    state := 'queued';
  end if;
end
$$;

-- Events are inserted in the order of their ids and objects touched in the order of theirs, so that batches which share
-- some cannot wait for each other in a circle.
create function octroi_private.receive_stripe_events(p_events jsonb)
returns table (number integer, state text, reason text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_event record;
  v_changed jsonb := '[]';
begin
  if jsonb_typeof(p_events) is distinct from 'array' or jsonb_array_length(p_events) > 256 then
    raise exception 'events come as a list of at most 256' using errcode = '22023';
  end if;
  for v_event in
    select e.number, e.event ->> 'api_version' as api_version, j.*
    from jsonb_array_elements(p_events) with ordinality as e (event, number)
    cross join lateral octroi_private.judge_stripe_event(e.event) as j
    order by j.id, e.number
  loop
    number := v_event.number;
    state := v_event.state;
    reason := v_event.reason;
    if state <> 'refused' then
      insert into octroi_private.stripe_event (
        id, type, created_at, received_at, api_version, object_kind, object_id, object, state, reason
      )
      values (
        v_event.id, v_event.type, v_event.created_at, v_now, left(v_event.api_version, 50), v_event.kind,
        case when v_event.state = 'queued' then v_event.object_id end,
        (
          select coalesce(jsonb_object_agg(m.key, left(m.value, 255)), '{}')
          from jsonb_each_text(v_event.object) as m
          where m.key in ('object', 'id', 'customer', 'charge', 'payment_intent', 'subscription')
        ), v_event.state, v_event.reason
      )
      on conflict (id) do nothing;
      if not found then
        state := 'duplicate';
        reason := null;
      elsif state = 'queued' and v_event.kind = 'meter' then
        insert into octroi_private.job (kind, args, run_at)
        values ('read_meter_errors', jsonb_build_object('event_id', v_event.id), v_now);
      elsif state = 'queued' then
        v_changed := v_changed || jsonb_build_object('kind', v_event.kind, 'id', v_event.object_id);
      end if;
    end if;
    return next;
  end loop;
  perform octroi_private.enqueue_sync(c.kind, c.id)
  from (
    select distinct o.kind, o.id from jsonb_to_recordset(v_changed) as o (kind text, id text) order by 1, 2
  ) as c;
end
$$;
comment on function octroi_private.receive_stripe_events(jsonb) is
'Keeps a list of events and has their objects fetched, in one transaction. For each, by its number in the list from 1: queued, duplicate, ignored, quarantined, or refused with a reason, which keeps nothing of it.';

-- The same, for the edge function that verifies signatures.
create function octroi.receive_stripe_events(events jsonb)
returns table (number integer, state text, reason text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.number, r.state, r.reason
  from octroi_private.receive_stripe_events(receive_stripe_events.events) as r
$$;
comment on function octroi.receive_stripe_events(jsonb) is
'For the webhook''s edge function: keeps at most 256 verified events and has their objects fetched; queued, duplicate, ignored, quarantined or refused for each, by its number in the list from 1.';

create function octroi_private.finish_stripe_event(p_event_id text, p_state text, p_reason text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_state not in ('done', 'quarantined') then
    raise exception 'unknown event state %', p_state using errcode = 'OC001';
  end if;
  update octroi_private.stripe_event
  set state = p_state, reason = left(p_reason, 500)
  where id = p_event_id and state = 'queued';
  return found;
end
$$;

create function octroi_private.lock_stripe_object(p_kind text, p_id text, p_lease_seconds integer)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.stripe_object as o (kind, id, fence, lease_expires_at, locked_at)
  values (
    p_kind, p_id, 1, octroi_private.now() + make_interval(secs => least(greatest(p_lease_seconds, 1), 600)),
    octroi_private.now()
  )
  on conflict (kind, id) do update
  set fence = o.fence + 1, lease_expires_at = excluded.lease_expires_at, locked_at = excluded.locked_at,
    -- whatever happens from here on needs another fetch
    queued_at = null
  where o.lease_expires_at is null or o.lease_expires_at <= excluded.locked_at
  returning o.fence
$$;
comment on function octroi_private.lock_stripe_object(text, text, integer) is
'Leases an object of Stripe before it is fetched; its fence, or null while another holds it.';

create function octroi_private.unlock_stripe_object(p_kind text, p_id text, p_fence bigint)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.stripe_object
  set lease_expires_at = null
  where kind = p_kind and id = p_id and fence = p_fence and lease_expires_at is not null;
  return found;
end
$$;

reset role;
