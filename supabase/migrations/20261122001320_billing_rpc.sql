-- What owners and admins of an account may ask about its billing. Each request is validated here, whole; what happens
-- at Stripe is the worker's, and its outcome is in billing_request(id).
set role octroi_owner;

-- The account that the caller pays for. Members of a team who are neither owner nor admin pay for nothing.
create function octroi_private.my_billed_account()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account();
begin
  if not exists (
    select from octroi_private.member as m
    join octroi_private.account as a on a.id = m.account_id
    where m.account_id = v_account_id and m.user_id = (select auth.uid()) and m.role in ('owner', 'admin')
      and a.status = 'active'
  ) then
    raise exception 'only an owner or admin of an active account may do this' using errcode = 'OC021';
  end if;
  return v_account_id;
end
$$;

-- The same, for what changes the account or costs money: with the caller's second factor, if they have one. Locks the
-- account, then reads the role again: whoever was demoted, removed or suspended while this waited does nothing more.
create function octroi_private.my_account_to_bill()
returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid;
begin
  perform octroi_private.require_step_up();
  v_account_id := octroi_private.my_billed_account();
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  return octroi_private.my_billed_account();
end
$$;

-- The version of a plan on sale, if it is sold by that interval.
create function octroi_private.version_on_sale(p_plan text, p_billing_interval text)
returns octroi_private.plan_version
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_version octroi_private.plan_version;
begin
  select v.* into v_version
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  where p.code = p_plan and p.retired_at is null
  order by v.version desc
  limit 1;
  if not exists (
    select from octroi_private.plan_price as x
    where x.plan_version_id = v_version.id and x.billing_interval = p_billing_interval
  ) then
    raise exception 'plan % is not sold by the %', left(p_plan, 50), left(p_billing_interval, 50)
      using errcode = 'OC033', hint = 'The view octroi.plans lists what is.';
  end if;
  return v_version;
end
$$;

-- What a checkout page that is asked for now does beside taking the money. Kept with the request: asked again after the
-- settings changed, Stripe would be asked for another page under the same key.
create function octroi_private.checkout_options(p_user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'automatic_tax', s.automatic_tax, 'tax_ids', s.tax_ids, 'billing_address', s.billing_address,
    'promotion_codes', s.promotion_codes, 'require_terms', s.require_terms, 'invoice', s.pack_invoices,
    'locale', case when s.checkout_locale = 'account' then coalesce((
      select n.locale from octroi_private.notification_setting as n where n.user_id = p_user_id
    ), 'auto') else s.checkout_locale end
  )
  from octroi_private.billing_setting as s
$$;

create function octroi.start_checkout(plan text, billing_interval text, success_url text, cancel_url text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_version octroi_private.plan_version;
begin
  perform octroi_private.refuse_url('success_url', start_checkout.success_url);
  perform octroi_private.refuse_url('cancel_url', start_checkout.cancel_url);
  v_version := octroi_private.version_on_sale(start_checkout.plan, start_checkout.billing_interval);
  if octroi_private.has_bought(v_account_id) then
    raise exception 'this account has a subscription already' using errcode = 'OC032',
      hint = 'change_plan changes it, open_portal pays what is due.';
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'checkout', jsonb_build_object(
    'plan_version_id', v_version.id, 'billing_interval', start_checkout.billing_interval,
    'success_url', start_checkout.success_url, 'cancel_url', start_checkout.cancel_url,
    'options', octroi_private.checkout_options((select auth.uid())),
    -- one trial for an account, whatever the plan
    'trial_days', case when exists (
      select from octroi_private.stripe_customer as c
      join octroi_private.stripe_subscription as s on s.customer_id = c.id
      where c.account_id = v_account_id and s.trial_ends_at is not null
    ) then 0 else v_version.trial_days end
  ));
end
$$;
comment on function octroi.start_checkout(text, text, text, text) is
'Asks for a Stripe Checkout page that sells a plan by the month or year; read its URL with billing_request(id). Raises OC040, OC021, OC031, OC032, OC033, OC013.';

create function octroi.open_portal(return_url text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
begin
  perform octroi_private.refuse_url('return_url', open_portal.return_url);
  return octroi_private.enqueue_billing_request(
    v_account_id, (select auth.uid()), 'portal', jsonb_build_object('return_url', open_portal.return_url)
  );
end
$$;
comment on function octroi.open_portal(text) is
'Asks for a page of Stripe''s customer portal: payment methods, invoices, addresses. Read its URL with billing_request(id). Raises OC040, OC021, OC031, OC013.';

-- What a subscription in good standing would be changed to, and when: upward at once, downward when what is paid for
-- ends. The caller holds the account.
create function octroi_private.wanted_change(p_account_id uuid, p_plan text, p_billing_interval text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_version octroi_private.plan_version := octroi_private.version_on_sale(p_plan, p_billing_interval);
  v_subscription octroi_private.stripe_subscription := octroi_private.billed_subscription(p_account_id);
  v_has record;
  v_is_upgrade boolean;
begin
  if v_subscription.status is null or v_subscription.status not in ('trialing', 'active') then
    raise exception 'there is no subscription in good standing to change' using errcode = 'OC032',
      hint = 'start_checkout begins one, open_portal pays what is due.';
  end if;
  select p.plan_version_id, p.billing_interval, n.rank into v_has
  from octroi_private.stripe_subscription_item as i
  join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
  join octroi_private.plan_price as p on p.lookup_key = k.key
  join octroi_private.plan_version as v on v.id = p.plan_version_id
  join octroi_private.plan as n on n.code = v.plan_code
  where i.subscription_id = v_subscription.id
  limit 1;
  if v_has.plan_version_id is null then
    raise exception 'the subscription is to something that is not sold here' using errcode = 'OC032';
  elsif (v_has.plan_version_id, v_has.billing_interval) = (v_version.id, p_billing_interval) then
    raise exception 'the subscription is to this plan already' using errcode = 'OC032',
      hint = 'resume_subscription takes back a change that waits.';
  end if;
  select n.rank > v_has.rank
    or n.rank = v_has.rank and v_has.billing_interval = 'month' and p_billing_interval = 'year'
  into v_is_upgrade
  from octroi_private.plan as n where n.code = v_version.plan_code;
  return jsonb_build_object(
    'plan_version_id', v_version.id, 'billing_interval', p_billing_interval,
    'when', case when v_is_upgrade then 'now' else 'period_end' end
  );
end
$$;

create function octroi.change_plan(plan text, billing_interval text, preview uuid default null)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_wanted jsonb;
  v_seen octroi_private.billing_request;
begin
  v_wanted := octroi_private.wanted_change(v_account_id, change_plan.plan, change_plan.billing_interval);
  if change_plan.preview is not null then
    select r.* into v_seen
    from octroi_private.billing_request as r
    where r.id = change_plan.preview and r.account_id = v_account_id and r.kind = 'preview_change'
      and r.state = 'done' and r.args - 'proration_at_s' = v_wanted
      and r.finished_at > octroi_private.now() - octroi_private.preview_time();
    if v_seen.id is null then
      raise exception 'there is no such preview, or its time is over' using errcode = 'OC032',
        hint = 'preview_change makes another one.';
    end if;
    -- counted from the same second it costs the same
    v_wanted := v_wanted || jsonb_build_object('proration_at_s', v_seen.args -> 'proration_at_s');
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'change_plan', v_wanted);
end
$$;
comment on function octroi.change_plan(text, text, uuid) is
'Moves the subscription to another plan or interval: upward at once, with what was used; downward when what is paid for ends. With a preview of the last half hour it charges what that says. Raises OC040, OC021, OC032, OC033, OC013.';

create function octroi.cancel_subscription(at_period_end boolean default true)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_subscription octroi_private.stripe_subscription;
begin
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if v_subscription.id is null
    or coalesce(cancel_subscription.at_period_end, true) and (
      v_subscription.cancel_at_period_end or v_subscription.cancel_at <= (
        select max(i.period_end) from octroi_private.stripe_subscription_item as i
        where i.subscription_id = v_subscription.id
      )
    ) then
    raise exception 'there is no subscription to cancel' using errcode = 'OC032';
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'cancel', jsonb_build_object(
    'when', case when coalesce(cancel_subscription.at_period_end, true) then 'period_end' else 'now' end
  ));
end
$$;
comment on function octroi.cancel_subscription(boolean) is
'Cancels the subscription when what is paid for ends, or at once; what was used beyond the plan is billed. Raises OC040, OC021, OC032, OC013.';

create function octroi.resume_subscription()
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_subscription octroi_private.stripe_subscription;
begin
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if not coalesce(
    octroi_private.is_ending(v_subscription) or v_subscription.schedule_id is not null, false
  ) then
    raise exception 'nothing waits that could be taken back' using errcode = 'OC032';
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'resume', '{}');
end
$$;
comment on function octroi.resume_subscription() is
'Takes back a cancellation or a downgrade that has not come into force. Raises OC040, OC021, OC032, OC013.';

-- A pack that the account's plan may buy.
create function octroi_private.pack_on_sale(p_account_id uuid, p_pack text)
returns octroi_private.top_up_pack
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_pack octroi_private.top_up_pack;
begin
  select k.* into v_pack
  from octroi_private.subscription as s
  join octroi_private.plan_version_pack as p on p.plan_version_id = s.plan_version_id
  join octroi_private.top_up_pack as k on k.code = p.pack_code and k.retired_at is null
  where s.account_id = p_account_id and s.ended_at is null and k.code = p_pack;
  if v_pack.id is null then
    raise exception 'pack % is not sold on this plan', left(p_pack, 50) using errcode = 'OC033',
      hint = 'The view octroi.top_up_packs lists what is.';
  end if;
  return v_pack;
end
$$;

create function octroi.buy_top_up(pack text, success_url text, cancel_url text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_pack octroi_private.top_up_pack := octroi_private.pack_on_sale(v_account_id, buy_top_up.pack);
begin
  perform octroi_private.refuse_url('success_url', buy_top_up.success_url);
  perform octroi_private.refuse_url('cancel_url', buy_top_up.cancel_url);
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'top_up', jsonb_build_object(
    'pack_id', v_pack.id, 'success_url', buy_top_up.success_url, 'cancel_url', buy_top_up.cancel_url,
    'options', octroi_private.checkout_options((select auth.uid()))
  ));
end
$$;
comment on function octroi.buy_top_up(text, text, text) is
'Asks for a Stripe Checkout page that sells a pack once; read its URL with billing_request(id). Raises OC040, OC021, OC031, OC033, OC013.';

create function octroi.set_auto_top_up(pack text, below bigint default null, monthly_cap_minor bigint default 0)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_pack octroi_private.top_up_pack;
  v_below bigint;
begin
  if set_auto_top_up.pack is null then
    delete from octroi_private.auto_top_up as a where a.account_id = v_account_id;
    return false;
  end if;
  v_pack := octroi_private.pack_on_sale(v_account_id, set_auto_top_up.pack);
  -- so much is left when the pack is paid for, which takes its time
  v_below := coalesce(set_auto_top_up.below, greatest(v_pack.amount / 10, 1));
  if v_below not between 1 and v_pack.amount then
    raise exception 'below must be between 1 and the pack''s %', v_pack.amount using errcode = '22023';
  elsif set_auto_top_up.monthly_cap_minor is null
    or set_auto_top_up.monthly_cap_minor not between v_pack.price_minor and 99999999 then
    raise exception 'monthly_cap_minor must be between the pack''s price, %, and 99,999,999', v_pack.price_minor
      using errcode = '22023';
  end if;
  insert into octroi_private.auto_top_up as a (account_id, pack_code, below, monthly_cap_minor, user_id, changed_at)
  values (
    v_account_id, v_pack.code, v_below, set_auto_top_up.monthly_cap_minor, (select auth.uid()),
    octroi_private.now()
  )
  on conflict (account_id) do update
  set pack_code = excluded.pack_code, below = excluded.below, monthly_cap_minor = excluded.monthly_cap_minor,
    user_id = excluded.user_id, changed_at = excluded.changed_at, told_of_cap_at = null;
  update octroi_private.balance as b
  set alert_at = least(
    b.alert_at, octroi_private.buying_point(b.account_id, b.scope, b.meter, b.period, b.allowed)
  )
  where b.account_id = v_account_id and b.scope = 'account' and b.period = 'month' and b.meter = v_pack.meter
    and b.resets_at > octroi_private.now() and b.is_bound;
  return true;
end
$$;
comment on function octroi.set_auto_top_up(text, bigint, bigint) is
'Has a pack bought by itself when no more than below is left (null: a tenth of the pack), or calls are refused for lack of it, for so much money a month at most, before tax; a null pack ends it. Raises OC040, OC021, OC033, 22023.';

create function octroi.set_overage(enabled boolean, spend_cap_minor bigint default null)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
begin
  if set_overage.enabled is null or set_overage.spend_cap_minor not between 0 and 99999999 then
    raise exception 'enabled is true or false, spend_cap_minor null or 0 to 99,999,999' using errcode = '22023';
  end if;
  if set_overage.enabled and not exists (
    select from octroi_private.subscription as s
    join octroi_private.plan_overage as o on o.plan_version_id = s.plan_version_id
    where s.account_id = v_account_id and s.ended_at is null and s.stripe_subscription_id is not null
  ) then
    raise exception 'this plan has no overage' using errcode = 'OC032';
  end if;
  insert into octroi_private.overage_setting as o (account_id, is_on, spend_cap_minor, changed_at)
  values (v_account_id, set_overage.enabled, set_overage.spend_cap_minor, octroi_private.now())
  on conflict (account_id) do update
  set is_on = excluded.is_on, spend_cap_minor = excluded.spend_cap_minor, changed_at = excluded.changed_at;
  return set_overage.enabled;
end
$$;
comment on function octroi.set_overage(boolean, bigint) is
'Lets usage go on beyond plan and top-ups, for money, up to a cap a month (null: the plan''s), or stops it. In force while the subscription is active, so not in a trial. Raises OC040, OC021, OC032, 22023.';

reset role;
