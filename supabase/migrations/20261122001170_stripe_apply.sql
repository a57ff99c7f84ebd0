-- The one door from a fetched object to its mirror, and from the mirrors to what follows from them.
-- Locks, always in this order: the account, the object's row, grants.
set role octroi_owner;

create function octroi_private.customer_of(p_kind text, p_id text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case p_kind
      when 'customer' then p_id
      when 'subscription' then (select s.customer_id from octroi_private.stripe_subscription as s where s.id = p_id)
      when 'invoice' then (select i.customer_id from octroi_private.stripe_invoice as i where i.id = p_id)
      when 'checkout_session' then (
        select s.customer_id from octroi_private.stripe_checkout_session as s where s.id = p_id
      )
      when 'charge' then (select c.customer_id from octroi_private.stripe_charge as c where c.id = p_id)
      when 'dispute' then (
        select c.customer_id from octroi_private.stripe_dispute as d
        join octroi_private.stripe_charge as c on c.id = d.charge_id
        where d.id = p_id
      )
    end
  );
end
$$;

create function octroi_private.account_of_customer(p_customer_id text)
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select c.account_id from octroi_private.stripe_customer as c where c.id = p_customer_id
  );
end
$$;

-- The prices of an object: what of ours each one is (null: nothing), and how many of it.
create function octroi_private.sold_by(p_kind text, p_id text)
returns table (plan_key text, pack_key text, is_ours boolean, quantity bigint)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select p.lookup_key::text, k.lookup_key::text, c.key is not null, l.quantity
  from (
    select i.price_id, i.quantity from octroi_private.stripe_subscription_item as i
    where p_kind = 'subscription' and i.subscription_id = p_id
    union all
    select n.price_id, n.quantity from octroi_private.stripe_invoice_line as n
    where p_kind = 'invoice' and n.invoice_id = p_id
    union all
    select n.price_id, n.quantity from octroi_private.stripe_checkout_line as n
    where p_kind = 'checkout_session' and n.session_id = p_id
  ) as l
  left join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
  left join octroi_private.plan_price as p on p.lookup_key = c.key
  left join octroi_private.top_up_pack as k on k.lookup_key = c.key;
end
$$;

-- Why an object is taken note of and not acted on; null when all is well with it.
create function octroi_private.object_problem(p_kind text, p_id text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.account_of_customer(octroi_private.customer_of(p_kind, p_id));
  v_sold record;
begin
  if p_kind = 'customer' then
    return null;
  end if;
  select
    coalesce(bool_or(s.is_ours), false) as any_ours, coalesce(bool_and(s.is_ours), false) as all_ours,
    coalesce(bool_or(s.plan_key is not null), false) as any_plan,
    coalesce(bool_or(s.plan_key is not null and s.quantity is distinct from 1), false) as bad_plan,
    coalesce(bool_or(s.pack_key is not null and coalesce(s.quantity not between 1 and 100, true)), false) as bad_pack
  into v_sold
  from octroi_private.sold_by(p_kind, p_id) as s;
  if v_account_id is null then
    return case when v_sold.any_ours then 'unknown_customer' else 'foreign' end;
  end if;
  return case p_kind
    when 'subscription' then
      case when not v_sold.any_plan then 'unknown_price' when v_sold.bad_plan then 'bad_quantity' end
    when 'checkout_session' then (
      select case
        when s.mode = 'payment' and s.status = 'complete' and not v_sold.all_ours then 'unknown_price'
        when v_sold.bad_pack then 'bad_quantity'
        when exists (
          select from octroi_private.billing_request as r
          where r.id::text = s.reference and r.account_id <> v_account_id
        ) then 'foreign_reference'
      end
      from octroi_private.stripe_checkout_session as s where s.id = p_id
    )
    when 'invoice' then case when v_sold.bad_pack then 'bad_quantity' when not v_sold.any_ours then 'unknown_price' end
  end;
end
$$;

-- Everything that follows from what a customer has at Stripe.
create function octroi_private.evaluate_customer(p_customer_id text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.account_of_customer(p_customer_id);
begin
  if v_account_id is null then
    return;
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  perform octroi_private.grant_top_ups(v_account_id, p_customer_id);
  perform octroi_private.revoke_top_ups(v_account_id);
  -- before access, which trusts what they hold
  perform octroi_private.open_cycles(v_account_id, p_customer_id);
  perform octroi_private.sync_access(v_account_id);
  perform octroi_private.tell_of_payments(v_account_id, p_customer_id);
end
$$;

create function octroi_private.store_gone(p_kind text, p_id text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  case p_kind
    when 'customer' then update octroi_private.stripe_customer set is_deleted = true where id = p_id;
    when 'subscription' then
      update octroi_private.stripe_subscription
      set status = 'canceled', ended_at = coalesce(ended_at, octroi_private.now())
      where id = p_id and status not in ('canceled', 'incomplete_expired');
    when 'invoice' then
      update octroi_private.stripe_invoice set status = 'void' where id = p_id and status not in ('paid', 'void');
    else null;
  end case;
end
$$;

-- What this object shows to be out of date, and the worker should fetch as well.
create function octroi_private.enqueue_related(p_kind text, p_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.enqueue_sync(r.kind, r.id)
  from (
    select 'invoice' as kind, s.latest_invoice_id as id
    from octroi_private.stripe_subscription as s
    where p_kind = 'subscription' and s.id = p_id and not exists (
      select from octroi_private.stripe_invoice as i where i.id = s.latest_invoice_id and i.status in ('paid', 'void')
    )
    union all
    select 'subscription', i.subscription_id
    from octroi_private.stripe_invoice as i
    left join octroi_private.stripe_subscription as s on s.id = i.subscription_id
    where p_kind = 'invoice' and i.id = p_id
      and (s.id is null or i.status = 'paid' and s.status in ('incomplete', 'past_due', 'unpaid'))
    union all
    select 'subscription', c.subscription_id
    from octroi_private.stripe_checkout_session as c
    where p_kind = 'checkout_session' and c.id = p_id
      and not exists (select from octroi_private.stripe_subscription as s where s.id = c.subscription_id)
    union all
    select 'charge', d.charge_id
    from octroi_private.stripe_dispute as d
    where p_kind = 'dispute' and d.id = p_id
      and not exists (select from octroi_private.stripe_charge as c where c.id = d.charge_id)
  ) as r
  where r.id is not null
  order by r.kind, r.id;
end
$$;

create function octroi_private.apply_stripe_object(p_kind text, p_id text, p_fence bigint, p_object jsonb)
returns table (outcome text, problem text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_locked_at timestamptz;
  v_problem text;
begin
  perform from octroi_private.account as a
  where a.id = octroi_private.account_of_customer(
    coalesce(octroi_private.customer_of(p_kind, p_id), p_object ->> 'customer')
  )
  for no key update;
  select o.locked_at into v_locked_at
  from octroi_private.stripe_object as o
  where o.kind = p_kind and o.id = p_id and o.fence = p_fence and o.lease_expires_at is not null
  for update;
  if v_locked_at is null then
    return query select 'fenced', null::text;
    return;
  end if;
  begin
    if p_object ->> 'id' is distinct from p_id and p_object -> 'deleted' is distinct from 'true' then
      v_problem := 'malformed: another object than was asked for';
    elsif p_object -> 'deleted' = 'true' then
      perform octroi_private.store_gone(p_kind, p_id);
    else
      case p_kind
        when 'customer' then perform octroi_private.store_customer(p_object);
        when 'subscription' then perform octroi_private.store_subscription(p_object);
        when 'invoice' then perform octroi_private.store_invoice(p_object);
        when 'checkout_session' then perform octroi_private.store_checkout_session(p_object);
        when 'charge' then perform octroi_private.store_charge(p_object);
        when 'dispute' then perform octroi_private.store_dispute(p_object);
      end case;
    end if;
  exception
    when data_exception or integrity_constraint_violation then
      v_problem := left('malformed: ' || sqlerrm, 500);
  end;
  if v_problem is null then
    perform octroi_private.evaluate_customer(octroi_private.customer_of(p_kind, p_id));
    perform octroi_private.enqueue_related(p_kind, p_id);
    v_problem := octroi_private.object_problem(p_kind, p_id);
  end if;
  update octroi_private.stripe_object as o
  set lease_expires_at = null, applied_at = octroi_private.now(), problem = v_problem
  where o.kind = p_kind and o.id = p_id;
  update octroi_private.stripe_event as e
  set state = case when v_problem is null then 'done' else 'quarantined' end, reason = v_problem
  where e.object_kind = p_kind and e.object_id = p_id and e.state = 'queued' and e.received_at <= v_locked_at;
  return query select case when v_problem is null then 'applied' else 'quarantined' end, v_problem;
end
$$;
comment on function octroi_private.apply_stripe_object(text, text, bigint, jsonb) is
'Takes an object as fetched under a fence, and does what follows: applied, quarantined (with the problem) or fenced. The lease ends.';

-- Whose customer it is. The only place that ties an account to Stripe.
create function octroi_private.link_stripe_customer(p_account_id uuid, p_customer_id text)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_customer_id text;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  if not found then
    raise exception 'no account %', p_account_id using errcode = 'OC032';
  end if;
  select c.id into v_customer_id
  from octroi_private.stripe_customer as c
  where c.account_id = p_account_id and not c.is_deleted;
  if v_customer_id is not null then
    return v_customer_id;
  end if;
  insert into octroi_private.stripe_customer as c (id, account_id)
  values (p_customer_id, p_account_id)
  on conflict (id) do update set account_id = excluded.account_id where c.account_id is null;
  if not found then
    raise exception 'customer % belongs to another account', p_customer_id using errcode = 'OC032';
  end if;
  perform octroi_private.evaluate_customer(p_customer_id);
  update octroi_private.stripe_object as o
  set problem = octroi_private.object_problem(o.kind, o.id)
  where o.problem in ('unknown_customer', 'foreign') and octroi_private.customer_of(o.kind, o.id) = p_customer_id;
  return p_customer_id;
end
$$;
comment on function octroi_private.link_stripe_customer(uuid, text) is
'Makes a customer of Stripe an account''s and returns the account''s customer, which is another one where one was linked before. Raises OC032.';

create function octroi_private.live_stripe_ids(p_kind text, p_after text, p_max integer)
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select o.id
  from (
    select c.id from octroi_private.stripe_customer as c
    where p_kind = 'customer' and c.account_id is not null and not c.is_deleted
    union all
    select s.id from octroi_private.stripe_subscription as s
    where p_kind = 'subscription' and s.status not in ('canceled', 'incomplete_expired')
    union all
    select i.id from octroi_private.stripe_invoice as i where p_kind = 'invoice' and i.status in ('draft', 'open')
  ) as o
  where o.id collate "C" > coalesce(p_after, '')
  order by o.id collate "C"
  limit least(greatest(p_max, 0), 1000)
$$;
comment on function octroi_private.live_stripe_ids(text, text, integer) is
'Ids of customers, subscriptions or invoices that can still change, page by page.';

reset role;
