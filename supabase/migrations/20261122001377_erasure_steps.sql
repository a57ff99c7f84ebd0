-- What an erasure has left to do outside its transaction: the customer at Stripe, and the end of it all.
set role octroi_owner;

-- A team that goes on keeps its customer at Stripe, and nothing of its former owner: neither name nor addresses, and
-- above all no card of theirs, which would be charged for somebody else. The receipt is of their erasure, and null
-- where they handed the team over. Returns how many customers that concerns.
create function octroi_private.enqueue_handover(p_receipt_id uuid, p_user_id uuid, p_teams uuid [])
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_rows bigint;
begin
  with step as (
    insert into octroi_private.erasure_step (receipt_id, kind, account_id, customer_id, session_ids, created_at)
    select
      p_receipt_id, 'handover', c.account_id, c.id, array(
        select r.object_id from octroi_private.billing_request as r
        where r.account_id = c.account_id and r.user_id = p_user_id and r.object_id like 'cs\_%'
          and r.created_at > v_now - interval '2 days'
        order by r.created_at
      ), v_now
    from octroi_private.stripe_customer as c
    where c.account_id = any(p_teams) and not c.is_deleted
    order by c.id
    returning id
  )
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  select 'erase_at_stripe', jsonb_build_object('step_id', s.id), v_now, 1000 from step as s;
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

-- Whoever owns a team now is told how it came about, and what becomes of the means of payment: removed, kept, or none.
create function octroi_private.tell_new_owner(p_account_id uuid, p_key text, p_cause text, p_payment text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.enqueue_mail(
    a.id, a.owner_user_id, 'new_owner', p_key, jsonb_build_object(
      'plan', octroi_private.plan_name_of(a.id), 'cause', p_cause, 'payment', p_payment
    ), octroi_private.now() + interval '30 days'
  )
  from octroi_private.account as a
  where a.id = p_account_id
$$;

-- For an owner who handed their team over. The new one is told in any case: they did not ask for it.
create function octroi_private.hand_over_team(p_account_id uuid, p_user_id uuid, p_removes_payment_details boolean)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payment text := case
    when (octroi_private.billed_subscription(p_account_id)).id is null then 'none'
    when p_removes_payment_details then 'removed'
    else 'kept'
  end;
begin
  if p_removes_payment_details then
    perform octroi_private.enqueue_handover(null, p_user_id, array[p_account_id]);
  end if;
  perform octroi_private.tell_new_owner(p_account_id, octroi_private.uuid_v7()::text, 'transferred', v_payment);
end
$$;

-- For one whose erasure left the team to somebody else, who is told while it is billed. Returns what the receipt says
-- of it.
create function octroi_private.hand_over_customers(p_receipt_id uuid, p_user_id uuid, p_teams uuid [])
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if octroi_private.enqueue_handover(p_receipt_id, p_user_id, p_teams) = 0 then
    return '[]';
  end if;
  perform octroi_private.tell_new_owner(a.id, p_receipt_id::text, 'erased', 'removed')
  from unnest(p_teams) as a (id)
  where (octroi_private.billed_subscription(a.id)).id is not null;
  return jsonb_build_array(jsonb_build_object(
    'what', 'the customer at Stripe of a team that goes on, without name, addresses, tax ids and means of payment',
    'why', 'the team has somebody else as its owner now', 'until', null
  ));
end
$$;

-- What is next for such a customer. A correction that was on its way when the person left comes first, so that it
-- cannot come after; means of payment that were added since are somebody else's.
create function octroi_private.handover_at_stripe(p_step octroi_private.erasure_step)
returns table (action text, args jsonb, wait_seconds integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner_user_id uuid;
begin
  select a.owner_user_id into v_owner_user_id
  from octroi_private.stripe_customer as c
  join octroi_private.account as a on a.id = c.account_id
  where c.id = p_step.customer_id and c.account_id = p_step.account_id and not c.is_deleted;
  if v_owner_user_id is null then
    return query select 'finish', '{}'::jsonb, 0;
  elsif exists (
    select from octroi_private.job as j
    where j.kind = 'push_contact' and j.state = 'running' and j.run_at <= p_step.created_at
  ) then
    return query select 'wait', '{}'::jsonb, 1;
  else
    return query
    select 'hand_over', jsonb_strip_nulls(jsonb_build_object(
      -- five minutes by which Stripe's clock may be ahead: better ask twice for a card than charge who left
      'until_s', floor(extract(epoch from p_step.created_at))::bigint + 300, 'locale', n.locale,
      -- opened here and kept nowhere; without operator keys the team goes on without it
      'email', octroi_native.open(k.wrapped, octroi_private.sealed_place(v_owner_user_id, 'contact.email'), t.email)
    )), 0
    from octroi_private.person as p
    left join octroi_private.notification_setting as n on n.user_id = p.user_id
    left join octroi_private.contact as t on t.user_id = p.user_id
    left join octroi_private.data_key as k on k.user_id = p.user_id
    where p.user_id = v_owner_user_id;
  end if;
end
$$;

-- What is next to erase an account's customer at Stripe: cancel with a last invoice, wait until what is open is paid,
-- waive what is not paid in time, delete.
create function octroi_private.erasure_at_stripe(p_step_id bigint)
returns table (action text, args jsonb, wait_seconds integer)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_step octroi_private.erasure_step;
  v_subscription octroi_private.stripe_subscription;
  v_open jsonb;
  v_wait integer := 0;
begin
  select s.* into v_step from octroi_private.erasure_step as s where s.id = p_step_id and s.kind <> 'usage';
  if v_step.id is null or v_step.finished_at is not null then
    return query select 'done', '{}'::jsonb, 0;
    return;
  elsif v_step.kind = 'handover' then
    return query select h.action, h.args, h.wait_seconds from octroi_private.handover_at_stripe(v_step) as h;
    return;
  end if;
  v_subscription := octroi_private.billed_subscription(v_step.account_id);
  if v_subscription.id is not null then
    if not v_subscription.is_closing then
      perform from octroi_private.account as a where a.id = v_step.account_id for no key update;
      update octroi_private.stripe_subscription set is_closing = true where id = v_subscription.id;
    end if;
    if v_now < v_step.waived_at then
      v_wait := octroi_private.flush_account(v_step.account_id, 'infinity');
    end if;
    return query select case when v_wait > 0 then 'wait' else 'cancel' end, jsonb_build_object(
      'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id
    ), v_wait;
    return;
  end if;
  select jsonb_agg(jsonb_build_object('id', i.id, 'is_draft', i.status = 'draft') order by i.id) into v_open
  from octroi_private.stripe_invoice as i
  where i.customer_id = v_step.customer_id and i.status in ('draft', 'open');
  return query select
    case
      when (v_open is not null or exists (
        select from octroi_private.billing_cycle as c
        where c.account_id = v_step.account_id and c.state not in ('finalised', 'closed', 'disputed')
      )) and v_now < v_step.waived_at then 'wait'
      when v_open is not null then 'waive'
      when exists (
        select from octroi_private.stripe_customer as c where c.id = v_step.customer_id and not c.is_deleted
      ) then 'delete'
      else 'finish'
    end, jsonb_build_object('customer', v_step.customer_id, 'invoices', coalesce(v_open, '[]')),
    -- a draft is finalised within the hour; a payment that failed is tried again after days
    case when v_open @> '[{"is_draft": false}]' then 21600 else 3600 end;
end
$$;
comment on function octroi_private.erasure_at_stripe(bigint) is
'What to do next to erase a customer at Stripe, or who left a team from it: wait, cancel, waive, delete, hand_over, finish or done.';

create function octroi_private.erasure_customer(p_step_id bigint)
returns table (customer_id text, session_ids text [])
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.customer_id, s.session_ids from octroi_private.erasure_step as s
  where s.id = p_step_id and s.kind <> 'usage' and s.finished_at is null
$$;
comment on function octroi_private.erasure_customer(bigint) is
'The customer that a step is to erase at Stripe, and the checkout pages to close first; no row when it is done.';

create function octroi_private.finish_erasure_step(p_step_id bigint)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_receipt_id uuid;
begin
  update octroi_private.erasure_step set finished_at = octroi_private.now()
  where id = p_step_id and kind <> 'usage' and finished_at is null
  returning receipt_id into v_receipt_id;
  if not found then
    return false;
  end if;
  perform octroi_private.finish_erasure(v_receipt_id);
  return true;
end
$$;
comment on function octroi_private.finish_erasure_step(bigint) is
'Takes note that Stripe has forgotten a customer, or who left; false when that was known.';

-- A step that nobody works on any more is worked on again.
create function octroi_private.watch_erasures(p_max_rows integer)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with stuck as (
    select w.kind, w.args
    from (
      select
        case s.kind when 'usage' then 'remove_usage' else 'erase_at_stripe' end as kind,
        case s.kind
          when 'usage' then jsonb_build_object('receipt_id', s.receipt_id) else jsonb_build_object('step_id', s.id)
        end as args
      from octroi_private.erasure_step as s
      where s.finished_at is null and s.created_at <= octroi_private.now() - interval '1 hour'
      order by s.id
      limit p_max_rows
    ) as w
    where not exists (
      select from octroi_private.job as j
      where j.kind = w.kind and j.args = w.args and j.state in ('queued', 'running')
    )
  ),
  queued as (
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    select s.kind, s.args, octroi_private.now(), 1000 from stuck as s
    returning 1
  )
  select count(*) from queued
$$;

create function octroi_private.finish_erasure(p_receipt_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from octroi_private.erasure_receipt as r where r.id = p_receipt_id for update;
  update octroi_private.erasure_receipt set finished_at = octroi_private.now()
  where id = p_receipt_id and finished_at is null and not exists (
    select from octroi_private.erasure_step as s where s.receipt_id = p_receipt_id and s.finished_at is null
  );
end
$$;

reset role;
