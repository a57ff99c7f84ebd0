-- What a front end asks of Stripe. The row is written first, with everything validated; the worker does what it says,
-- under a key that is the row's, and writes back where to go or what went wrong. Its owner reads the row.
set role octroi_owner;

create table octroi_private.billing_request (
  id uuid primary key default octroi_private.uuid_v7(),
  account_id uuid not null references octroi_private.account (id),
  user_id uuid not null,
  kind text not null check (kind in (
    'checkout', 'portal', 'change_plan', 'cancel', 'resume', 'top_up', 'auto_top_up', 'preview_change', 'invoice'
  )),
  args jsonb not null check (jsonb_typeof(args) = 'object'),
  state text not null default 'pending' check (state in ('pending', 'done', 'failed')),
  -- what Stripe made of it, or why it made nothing
  object_id text check (length(object_id) <= 255),
  url text check (length(url) <= 5000),
  -- what a change of plan would charge, in Stripe's words
  preview jsonb check (jsonb_typeof(preview) = 'object' and pg_column_size(preview) <= 65536),
  error text check (error ~ '^[a-z_]{1,50}$'),
  message text check (length(message) <= 500),
  created_at timestamptz not null default octroi_private.now(),
  finished_at timestamptz,
  constraint billing_request_finished_or_pending check ((state = 'pending') = (finished_at is null)),
  constraint billing_request_failed_for_a_reason check ((state = 'failed') = (error is not null)),
  constraint billing_request_url_only_when_answered check (url is null or state <> 'pending')
);
comment on table octroi_private.billing_request is 'Requests of account owners to Stripe: pending, then done or failed.';
create index billing_request_account on octroi_private.billing_request (account_id, created_at);

create function octroi_private.enqueue_billing_request(p_account_id uuid, p_user_id uuid, p_kind text, p_args jsonb)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  -- the same thing asked for again while it is being done is the same request; a page is its asker's alone
  select r.id into v_id
  from octroi_private.billing_request as r
  where r.account_id = p_account_id and r.kind = p_kind and r.state = 'pending' and r.args = p_args
    and (r.user_id = p_user_id or p_kind not in ('checkout', 'portal', 'top_up', 'invoice'))
  limit 1;
  if v_id is not null then
    return v_id;
  end if;
  if (
    select count(*) from octroi_private.billing_request as r where r.account_id = p_account_id and r.state = 'pending'
  ) >= 20 then
    raise exception 'this account has 20 billing requests waiting already' using errcode = 'OC013';
  end if;
  insert into octroi_private.billing_request (account_id, user_id, kind, args, created_at)
  values (p_account_id, p_user_id, p_kind, p_args, octroi_private.now())
  returning id into v_id;
  -- whoever a pack was to be bought for is being erased
  if v_id is null then
    return null;
  end if;
  insert into octroi_private.job (kind, args, run_at)
  values ('run_billing_request', jsonb_build_object('billing_request_id', v_id), octroi_private.now());
  return v_id;
end
$$;

-- The subscription that an account's requests are about: the one that gives it its plan, else the newest alive.
create function octroi_private.billed_subscription(p_account_id uuid)
returns octroi_private.stripe_subscription
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.*
  from octroi_private.stripe_customer as c
  join octroi_private.stripe_subscription as s on s.customer_id = c.id
  left join octroi_private.subscription as r
    on r.account_id = c.account_id and r.ended_at is null and r.stripe_subscription_id = s.id
  where c.account_id = p_account_id and not c.is_deleted and s.status not in ('canceled', 'incomplete_expired')
  order by r.id is null, s.created_at desc
  limit 1
$$;

create function octroi_private.price_id_of(p_key text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := octroi_private.stripe_id_of(p_key);
begin
  if v_id is null then
    raise exception '% is not in Stripe yet', p_key using errcode = 'OC033', hint = 'Run octroi plans push.';
  end if;
  return v_id;
end
$$;

-- What a subscription to a plan version consists of: the plan, and a metered price for each overage.
create function octroi_private.items_of(p_plan_version_id bigint, p_billing_interval text)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_array(
    jsonb_build_object('price', octroi_private.price_id_of(p.lookup_key), 'quantity', 1)
  ) || coalesce((
    select jsonb_agg(jsonb_build_object('price', octroi_private.price_id_of(o.lookup_key)) order by o.meter)
    from octroi_private.plan_overage as o
    where o.plan_version_id = p.plan_version_id
  ), '[]')
  from octroi_private.plan_price as p
  where p.plan_version_id = p_plan_version_id and p.billing_interval = p_billing_interval
$$;

-- Sessions of earlier checkouts that could still be paid, which would be twice. A session is open for a day, and was
-- made before its request was finished.
create function octroi_private.open_sessions(p_account_id uuid, p_kind text)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(r.object_id order by r.created_at), '[]')
  from octroi_private.billing_request as r
  left join octroi_private.stripe_checkout_session as s on s.id = r.object_id
  where r.account_id = p_account_id and r.kind = p_kind and r.state = 'done'
    and r.finished_at > octroi_private.now() - interval '1 day' and coalesce(s.status, 'open') = 'open'
$$;

-- Whether an earlier checkout of the account is under way: it may be opening a session that nobody knows of yet.
create function octroi_private.is_checkout_under_way(p_request octroi_private.billing_request)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from octroi_private.billing_request as r
    where r.account_id = p_request.account_id and r.kind = 'checkout' and r.state = 'pending'
      and (r.created_at, r.id) < (p_request.created_at, p_request.id)
  )
$$;

-- Whether an account has bought a subscription, be it that only the page it was bought on is known so far.
create function octroi_private.has_bought(p_account_id uuid)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select (octroi_private.billed_subscription(p_account_id)).status in (
    'trialing', 'active', 'past_due', 'unpaid', 'paused'
  ) is true or exists (
    select from octroi_private.stripe_customer as c
    join octroi_private.stripe_checkout_session as n
      on n.customer_id = c.id and n.mode = 'subscription' and n.status = 'complete'
    where c.account_id = p_account_id and not c.is_deleted and n.subscription_id is not null
      and not exists (select from octroi_private.stripe_subscription as s where s.id = n.subscription_id)
  )
$$;

create function octroi_private.change_args(p_request octroi_private.billing_request)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription octroi_private.stripe_subscription := octroi_private.billed_subscription(p_request.account_id);
  v_items jsonb := octroi_private.items_of(
    (p_request.args ->> 'plan_version_id')::bigint, p_request.args ->> 'billing_interval'
  );
  v_base_item_id text;
  v_base_interval text;
begin
  if v_subscription.id is null then
    raise exception 'there is no subscription to change' using errcode = 'OC032';
  end if;
  if p_request.args ->> 'when' = 'now' then
    select i.id, p.billing_interval into v_base_item_id, v_base_interval
    from octroi_private.stripe_subscription_item as i
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    join octroi_private.plan_price as p on p.lookup_key = k.key
    where i.subscription_id = v_subscription.id
    limit 1;
    -- the metered prices of the plan that is left stay until the cycle is closed: what was used under them is billed
    -- under them
    v_items := jsonb_build_array(
      jsonb_build_object('id', v_base_item_id, 'price', v_items #>> '{0,price}')
    ) || coalesce((
      select jsonb_agg(i.item)
      from octroi_private.listed(v_items - 0) as i
      where not exists (
        select from octroi_private.stripe_subscription_item as s
        where s.subscription_id = v_subscription.id and s.price_id = i.item ->> 'price'
      )
    ), '[]');
  end if;
  return jsonb_build_object(
    'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id, 'when', p_request.args -> 'when',
    'items', v_items, 'reference', p_request.id
  ) || case
    when p_request.args ? 'proration_at_s' then jsonb_build_object('proration_at_s', p_request.args -> 'proration_at_s')
    else '{}'
  end || case
    when p_request.kind = 'preview_change' then jsonb_build_object('is_trial', v_subscription.status = 'trialing')
    else '{}'
  end || case
    -- by another interval than before, Stripe counts all periods from now on, and bills what was used up to now
    when p_request.args ->> 'when' = 'now' and v_subscription.status <> 'trialing'
      and v_base_interval <> p_request.args ->> 'billing_interval' then '{"begins_anew": true}'
    else '{}'
  end::jsonb;
end
$$;

create function octroi_private.load_billing_request(p_id uuid)
returns table (kind text, account_id uuid, customer_id text, idempotency_key text, args jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_request octroi_private.billing_request;
  v_subscription octroi_private.stripe_subscription;
  v_args jsonb;
begin
  select r.* into v_request from octroi_private.billing_request as r where r.id = p_id and r.state = 'pending';
  if v_request.id is null then
    return;
  end if;
  v_subscription := octroi_private.billed_subscription(v_request.account_id);
  if v_request.kind = 'cancel' and v_subscription.id is null then
    -- it has ended: by a worker that died before it could say so, or at Stripe's own pages
    perform octroi_private.finish_billing_request(p_id, null, null);
    return;
  elsif v_request.kind = 'resume' and v_subscription.id is null then
    raise exception 'there is no subscription to resume' using errcode = 'OC032';
  elsif v_request.kind = 'checkout' and octroi_private.has_bought(v_request.account_id) then
    raise exception 'this account has a subscription already' using errcode = 'OC032';
  end if;
  v_args := case v_request.kind
    when 'checkout' then jsonb_build_object(
      'mode', 'subscription', 'items', octroi_private.items_of(
        (v_request.args ->> 'plan_version_id')::bigint, v_request.args ->> 'billing_interval'
      ), 'trial_days', v_request.args -> 'trial_days', 'success_url', v_request.args -> 'success_url',
      'cancel_url', v_request.args -> 'cancel_url', 'reference', v_request.id,
      'options', v_request.args -> 'options',
      'expire_sessions', octroi_private.open_sessions(v_request.account_id, 'checkout')
    ) || case when octroi_private.is_checkout_under_way(v_request) then '{"wait_seconds": 1}' else '{}' end::jsonb
    when 'portal' then v_request.args
    when 'change_plan' then octroi_private.change_args(v_request)
    when 'preview_change' then octroi_private.change_args(v_request)
    when 'invoice' then v_request.args
    when 'cancel' then jsonb_build_object(
      'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id, 'when', v_request.args -> 'when'
    )
    when 'resume' then jsonb_build_object(
      'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id
    )
    when 'top_up' then jsonb_build_object(
      'mode', 'payment', 'items', (
        select jsonb_build_array(jsonb_build_object('price', octroi_private.price_id_of(p.lookup_key), 'quantity', 1))
        from octroi_private.top_up_pack as p where p.id = (v_request.args ->> 'pack_id')::bigint
      ), 'success_url', v_request.args -> 'success_url', 'cancel_url', v_request.args -> 'cancel_url',
      'reference', v_request.id, 'options', v_request.args -> 'options', 'expire_sessions', '[]'::jsonb
    )
    when 'auto_top_up' then (
      select jsonb_build_object(
        'price', octroi_private.price_id_of(p.lookup_key), 'quantity', 1, 'currency', p.currency,
        'reference', v_request.id
      ) || case when v_request.args ? 'automatic_tax' then '{"automatic_tax": true}' else '{}' end::jsonb
      from octroi_private.top_up_pack as p where p.id = (v_request.args ->> 'pack_id')::bigint
    )
  end;
  return query
  select
    v_request.kind, v_request.account_id, (
      select c.id from octroi_private.stripe_customer as c
      where c.account_id = v_request.account_id and not c.is_deleted
    )::text, 'octroi-request-' || v_request.id, v_args;
end
$$;
comment on function octroi_private.load_billing_request(uuid) is
'A pending billing request with every id that Stripe needs; no row when it is finished or unknown. Raises OC032, OC033 where it can no longer be done.';

-- What the worker touched is looked at soon.
create function octroi_private.enqueue_touched(p_object_id text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.enqueue_sync(k.kind, p_object_id)
  from (values ('sub_', 'subscription'), ('in_', 'invoice'), ('cs_', 'checkout_session')) as k (prefix, kind)
  where starts_with(p_object_id, k.prefix)
$$;

create function octroi_private.finish_billing_request(p_id uuid, p_object_id text, p_url text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.billing_request
  set state = 'done', object_id = p_object_id, url = p_url, finished_at = octroi_private.now()
  where id = p_id and state = 'pending';
  if not found then
    return false;
  end if;
  perform octroi_private.enqueue_touched(p_object_id);
  return true;
end
$$;
comment on function octroi_private.finish_billing_request(uuid, text, text) is
'Ends a billing request well: what Stripe made, and where its owner is to go. False when it had ended.';

create function octroi_private.finish_preview(p_id uuid, p_preview jsonb)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.billing_request
  set state = 'done', preview = p_preview, finished_at = octroi_private.now()
  where id = p_id and kind = 'preview_change' and state = 'pending';
  return found;
end
$$;
comment on function octroi_private.finish_preview(uuid, jsonb) is
'Ends a request for a preview with what Stripe would charge now. False when it had ended.';

create function octroi_private.fail_billing_request(
  p_id uuid, p_code text, p_message text, p_object_id text default null, p_url text default null
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_request octroi_private.billing_request;
begin
  update octroi_private.billing_request
  set state = 'failed', error = p_code, message = left(p_message, 500), object_id = p_object_id, url = p_url,
    finished_at = octroi_private.now()
  where id = p_id and state = 'pending'
  returning * into v_request;
  if v_request.id is null then
    return false;
  end if;
  if v_request.kind = 'auto_top_up' then
    perform octroi_private.stop_auto_top_up(v_request);
  elsif v_request.kind = 'cancel' then
    perform octroi_private.reopen_subscription(v_request.account_id);
  elsif v_request.kind = 'change_plan' then
    perform octroi_private.reopen_overage(v_request.account_id);
  end if;
  perform octroi_private.enqueue_touched(p_object_id);
  return true;
end
$$;
comment on function octroi_private.fail_billing_request(uuid, text, text, text, text) is
'Ends a billing request with what went wrong, in words for its owner; what at Stripe is the reason is looked at, and the URL is where the owner can do something about it. False when it had ended.';

reset role;
