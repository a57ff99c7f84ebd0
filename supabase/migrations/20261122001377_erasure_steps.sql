-- What an erasure has left to do outside its transaction: the customer at Stripe, and the end of it all.
set role octroi_owner;

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
  select s.* into v_step from octroi_private.erasure_step as s where s.id = p_step_id and s.kind = 'stripe';
  if v_step.id is null or v_step.finished_at is not null then
    return query select 'done', '{}'::jsonb, 0;
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
'What to do next to erase a customer at Stripe: wait, cancel, waive, delete, finish or done.';

create function octroi_private.erasure_customer(p_step_id bigint)
returns table (customer_id text, session_ids text [])
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.customer_id, s.session_ids from octroi_private.erasure_step as s
  where s.id = p_step_id and s.kind = 'stripe' and s.finished_at is null
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
  where id = p_step_id and kind = 'stripe' and finished_at is null
  returning receipt_id into v_receipt_id;
  if v_receipt_id is null then
    return false;
  end if;
  perform octroi_private.finish_erasure(v_receipt_id);
  return true;
end
$$;
comment on function octroi_private.finish_erasure_step(bigint) is
'Takes note that Stripe has forgotten a customer; false when that was known.';

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
        case s.kind when 'stripe' then 'erase_at_stripe' else 'remove_usage' end as kind,
        case s.kind
          when 'stripe' then jsonb_build_object('step_id', s.id) else jsonb_build_object('receipt_id', s.receipt_id)
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
