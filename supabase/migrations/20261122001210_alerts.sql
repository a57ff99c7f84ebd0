-- Warnings at 80, 90 and 100 % of plan and grants, for the account's and each member's month. Settling compares one
-- number, balance.alert_at, and nothing more; this runs when it was reached, with the balances locked.
--
-- Each threshold is told of once in a period, of several crossed at once the highest. When the limit is raised, those
-- that are not reached any more may be told of again; when it is lowered, those that are reached by that are told of at
-- the next call.
set role octroi_owner;

create table octroi_private.alert (
  id bigint generated always as identity primary key,
  account_id uuid not null references octroi_private.account (id),
  balance_id bigint not null references octroi_private.balance (id),
  scope octroi_private.scope_name not null,
  subject text not null,
  meter octroi_private.meter_name not null,
  threshold smallint not null check (threshold in (80, 90, 100)),
  used octroi_private.quantity not null,
  granted octroi_private.quantity not null,
  period_start timestamptz not null,
  resets_at timestamptz not null,
  raised_at timestamptz not null,
  -- the limit was raised above it
  cleared_at timestamptz
);
comment on table octroi_private.alert is 'Thresholds that were reached. One of each for a balance, until it is cleared.';
create unique index alert_once on octroi_private.alert (balance_id, threshold) where cleared_at is null;
create index alert_account on octroi_private.alert (account_id, raised_at);

create function octroi_private.threshold_amount(p_limit bigint, p_threshold integer)
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select (p_limit * p_threshold + 99) / 100
$$;

-- The use at which somebody is to be told next: the least threshold of p_limit that had not been reached under
-- p_reached_of (null: none had), or the use at which a pack is to be bought.
create function octroi_private.alert_amount(
  p_account_id uuid, p_scope text, p_meter text, p_period text, p_used bigint, p_reached_of bigint, p_limit bigint
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when p_scope in ('account', 'member') and p_period <> 'day' and p_limit > 0 then least(
    (
      select min(octroi_private.threshold_amount(p_limit, t.threshold))
      from unnest(array[80, 90, 100]) as t (threshold)
      where coalesce(octroi_private.threshold_amount(p_reached_of, t.threshold) > p_used, true)
    ),
    (
      select greatest(p_limit - a.below, 1)
      from octroi_private.auto_top_up as a
      join octroi_private.top_up_pack as k on k.code = a.pack_code and k.retired_at is null
      where a.account_id = p_account_id and p_scope = 'account' and p_period = 'month' and k.meter = p_meter
        and (p_limit - a.below > p_used or p_reached_of is distinct from p_limit)
    ),
    1000000000000000
  ) else 1000000000000000 end
$$;

-- After a limit changed: thresholds above what is used may be told of again. Returns the next.
create function octroi_private.rearm_alerts(p_balance octroi_private.balance, p_limit bigint)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.alert as a
  set cleared_at = octroi_private.now()
  where a.balance_id = p_balance.id and a.cleared_at is null
    and octroi_private.threshold_amount(p_limit, a.threshold) > p_balance.used;
  return octroi_private.alert_amount(
    p_balance.account_id, p_balance.scope, p_balance.meter, p_balance.period, p_balance.used,
    greatest(p_balance.allowed, p_limit), p_limit
  );
end
$$;

-- For calls just settled on a balance whose alert_at they reached.
create function octroi_private.raise_alerts(p_request_ids uuid [])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_balance octroi_private.balance;
  v_limit bigint;
  v_alert_id bigint;
begin
  for v_balance in
    select b.* from octroi_private.balance as b
    where b.used >= b.alert_at and b.id in (
      select unnest(r.balance_ids) from octroi_private.request as r where r.id = any(p_request_ids)
    )
    order by b.id
  loop
    -- a grant may have come since the balance was opened
    v_limit := case when v_balance.scope = 'account' and v_balance.period = 'month'
      then v_balance.included + v_balance.from_grants + octroi_private.granted_on_top(
        v_balance.account_id, v_balance.scope, v_balance.meter, v_balance.period, v_now
      ) else v_balance.allowed
    end;
    -- a call that ended after its period tells nobody anything
    if v_balance.resets_at > v_now and v_balance.is_bound then
      insert into octroi_private.alert (
        account_id, balance_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at
      )
      select
        v_balance.account_id, v_balance.id, v_balance.scope, v_balance.subject, v_balance.meter, max(t.threshold),
        v_balance.used, v_limit, v_balance.period_start, v_balance.resets_at, v_now
      from unnest(array[80, 90, 100]) as t (threshold)
      where octroi_private.threshold_amount(v_limit, t.threshold) <= v_balance.used
      having max(t.threshold) is not null
      on conflict do nothing
      returning id into v_alert_id;
      if v_alert_id is not null then
        perform octroi_private.tell_of_threshold(v_alert_id);
      end if;
      if v_balance.scope = 'account' and v_balance.period = 'month' then
        perform octroi_private.buy_when_low(v_balance.account_id, v_balance.meter, v_limit - v_balance.used);
      end if;
    end if;
    update octroi_private.balance as b
    set alert_at = octroi_private.alert_amount(
      b.account_id, b.scope, b.meter, b.period, b.used, v_limit, v_limit
    )
    where b.id = v_balance.id;
  end loop;
end
$$;

-- What settling has to do beyond the counting, for the calls for which it found anything to do.
create function octroi_private.follow_up(p_request_ids uuid [])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.draw_grants(p_request_ids);
  perform octroi_private.raise_alerts(p_request_ids);
end
$$;
comment on function octroi_private.follow_up(uuid []) is
'Draws grants, books overage and raises alerts for calls just settled that used something beyond their plan or reached a threshold.';

-- Buys a pack for an account that asked for it, unless one is being bought or the month's cap is reached.
create function octroi_private.buy_when_low(p_account_id uuid, p_meter text, p_left bigint)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_wish record;
  v_spent bigint;
begin
  select a.user_id, a.monthly_cap_minor, k.id as pack_id, k.price_minor, k.currency, k.name into v_wish
  from octroi_private.auto_top_up as a
  join octroi_private.top_up_pack as k on k.code = a.pack_code and k.retired_at is null
  where a.account_id = p_account_id and k.meter = p_meter and p_left <= a.below;
  if v_wish.pack_id is null or exists (
    select from octroi_private.billing_request as r
    left join octroi_private.stripe_invoice as i on i.id = r.object_id
    where r.account_id = p_account_id and r.kind = 'auto_top_up' and r.created_at > v_now - interval '1 day'
      and (r.state = 'pending' or r.state = 'done' and coalesce(i.status in ('draft', 'open'), true))
  ) then
    return null;
  end if;
  select coalesce(sum((r.args ->> 'price_minor')::bigint), 0) into v_spent
  from octroi_private.billing_request as r
  where r.account_id = p_account_id and r.kind = 'auto_top_up' and r.state <> 'failed' and r.created_at >= (
    select coalesce(c.period_start, p.period_start)
    from octroi_private.period_bounds('month', octroi_private.anchor_of(p_account_id), v_now) as p
    left join octroi_private.month_cut_short(p_account_id, p.period_start) as c on true
  );
  if v_spent + v_wish.price_minor > v_wish.monthly_cap_minor then
    perform octroi_private.tell_of_auto_top_up(p_account_id, v_wish.pack_id, 'monthly_cap');
    return null;
  end if;
  return octroi_private.enqueue_billing_request(
    p_account_id, v_wish.user_id, 'auto_top_up',
    jsonb_build_object('pack_id', v_wish.pack_id, 'price_minor', v_wish.price_minor)
  );
end
$$;

-- A payment that failed ends the buying by itself, and its owner is told.
create function octroi_private.stop_auto_top_up(p_request octroi_private.billing_request)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from octroi_private.auto_top_up where account_id = p_request.account_id;
  perform octroi_private.tell_of_auto_top_up(
    p_request.account_id, (p_request.args ->> 'pack_id')::bigint, coalesce(p_request.error, 'given_up')
  );
end
$$;

reset role;
