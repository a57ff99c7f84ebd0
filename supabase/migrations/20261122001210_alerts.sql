-- Warnings at 80, 90 and 100 % of plan and grants, for the account's and each member's month. Settling compares one
-- number, balance.alert_at, and nothing more; this runs when it was reached, with the balances locked.
--
-- Each threshold is told of once in a period, of several crossed at once the highest. When the limit is raised, those
-- that are not reached any more may be told of again; when it is lowered, those that are reached by that are told of at
-- the next call. That a threshold was told of is in balance.alert_at, which outlives the alert and its mail.
--
-- Packs that are bought without asking are bought from here as well, and when calls are refused that a pack would let
-- through: where every call needs more than is left, none settles.
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

-- The use at which a pack is to be bought; null where nobody asked for one.
create function octroi_private.buying_point(
  p_account_id uuid, p_scope text, p_meter text, p_period text, p_limit bigint
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select greatest(p_limit - a.below, 1)
  from octroi_private.auto_top_up as a
  join octroi_private.top_up_pack as k on k.code = a.pack_code and k.retired_at is null
  where a.account_id = p_account_id and p_scope = 'account' and p_period = 'month' and k.meter = p_meter
    and p_limit > 0
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
      select b.point
      from octroi_private.buying_point(p_account_id, p_scope, p_meter, p_period, p_limit) as b (point)
      where b.point > p_used or p_reached_of is distinct from p_limit
    ),
    1000000000000000
  ) else 1000000000000000 end
$$;

-- After a limit changed: thresholds above what is used may be told of again, and a pack is bought again where so little
-- is left even so. Returns the next use to look at.
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
  return least(
    octroi_private.alert_amount(
      p_balance.account_id, p_balance.scope, p_balance.meter, p_balance.period, p_balance.used,
      greatest(p_balance.allowed, p_limit), p_limit
    ),
    octroi_private.buying_point(
      p_balance.account_id, p_balance.scope, p_balance.meter, p_balance.period, p_limit
    )
  );
end
$$;

-- What a balance allows now: a grant may have come since it was opened.
create function octroi_private.limit_of(p_balance octroi_private.balance)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case
    when (p_balance).scope = 'account' and (p_balance).period = 'month'
      then least((p_balance).included + (p_balance).from_grants + octroi_private.granted_on_top(
        (p_balance).account_id, (p_balance).scope, (p_balance).meter, (p_balance).period, octroi_private.now()
      ), (p_balance).ceiling)
    else (p_balance).allowed
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
    v_limit := octroi_private.limit_of(v_balance);
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
      -- a refusal may have been told of before, as 100
      having max(t.threshold) > coalesce((
        select max(a.threshold) from octroi_private.alert as a
        where a.balance_id = v_balance.id and a.cleared_at is null
      ), 0)
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

-- Buys a pack for an account that asked for it, unless one is being bought or the month's cap is reached. The caller
-- has the balance locked.
create function octroi_private.buy_when_low(p_account_id uuid, p_meter text, p_left bigint)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_wish record;
  v_month_start timestamptz;
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
  select coalesce(c.period_start, p.period_start) into v_month_start
  from octroi_private.period_bounds('month', octroi_private.anchor_of(p_account_id), v_now) as p
  left join octroi_private.month_cut_short(p_account_id, p.period_start) as c on true;
  select coalesce(sum((r.args ->> 'price_minor')::bigint), 0) into v_spent
  from octroi_private.billing_request as r
  where r.account_id = p_account_id and r.kind = 'auto_top_up' and r.state <> 'failed'
    and r.created_at >= v_month_start;
  if v_spent + v_wish.price_minor > v_wish.monthly_cap_minor then
    update octroi_private.auto_top_up as a
    set told_of_cap_at = v_now
    where a.account_id in (
      select t.account_id from octroi_private.auto_top_up as t
      where t.account_id = p_account_id and coalesce(t.told_of_cap_at < v_month_start, true)
      -- whoever changes the wish now has it locked and waits for the balance
      for update skip locked
    );
    if found then
      perform octroi_private.tell_of_auto_top_up(p_account_id, v_wish.pack_id, 'monthly_cap');
    end if;
    return null;
  end if;
  return octroi_private.enqueue_billing_request(
    p_account_id, v_wish.user_id, 'auto_top_up',
    jsonb_build_object('pack_id', v_wish.pack_id, 'price_minor', v_wish.price_minor) || case
      when (select s.automatic_tax from octroi_private.billing_setting as s) then '{"automatic_tax": true}' else '{}'
    end::jsonb
  );
exception
  -- too much is waiting to be done at Stripe; that must not undo the settlement that found it out
  when sqlstate 'OC013' then
    return null;
end
$$;

-- A limit whose calls are refused for what is used is at its end, though its counter stops a little short of it: output
-- is cut to what is left. Only a refusal with more than a fifth left is about the size of its call. The caller has the
-- balance locked.
create function octroi_private.raise_exhausted(p_balance octroi_private.balance)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alert_id bigint;
begin
  if p_balance.scope not in ('account', 'member') or p_balance.period = 'day'
    or p_balance.used < octroi_private.threshold_amount(p_balance.granted, 80) then
    return;
  end if;
  insert into octroi_private.alert (
    account_id, balance_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at
  )
  values (
    p_balance.account_id, p_balance.id, p_balance.scope, p_balance.subject, p_balance.meter, 100, p_balance.used,
    p_balance.granted, p_balance.period_start, p_balance.resets_at, octroi_private.now()
  )
  on conflict do nothing
  returning id into v_alert_id;
  if v_alert_id is not null then
    perform octroi_private.tell_of_threshold(v_alert_id);
  end if;
end
$$;

-- A call of p_user_id was refused for what is used. Each limit that would refuse it with every hold given back as well
-- is told of as reached; where the account's own month does, a pack is bought if one was asked for. However often: a
-- threshold is told of once in a period, and one pack is bought at a time.
create function octroi_private.note_refused_at_limit(
  p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer,
  p_reasoning boolean default null
)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_balance octroi_private.balance;
  v_price octroi_private.model_price;
  v_unit octroi_private.unit_prices;
  v_terms record;
  v_bought uuid;
begin
  select p.* into v_price
  from octroi_private.model_price as p
  where p.id = octroi_private.price_at(p_model, v_now);
  if v_price.id is null then
    return null;
  end if;
  v_unit := octroi_private.unit_prices_of(v_price, p_input_tokens);
  select t.* into v_terms from octroi_private.output_terms(p_account_id, v_price.id, p_reasoning) as t;
  for v_balance in
    select b.* from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at > v_now and b.period_start <= v_now and b.is_bound
      and (b.scope = 'account' or b.scope = 'member' and b.subject = p_user_id::text)
    order by b.id
    for no key update
  loop
    v_balance.reserved := 0;
    v_balance.granted := octroi_private.limit_of(v_balance);
    v_balance.allowed := v_balance.granted;
    continue when (octroi_private.allot_next(
      null, array[v_balance], p_input_tokens, p_output_tokens, v_terms.default_output_tokens,
      v_price.max_output_tokens, v_terms.least_output_tokens, p_choices, v_unit.top_input, v_unit.top_output
    )).hold is not null;
    perform octroi_private.raise_exhausted(v_balance);
    if v_balance.scope = 'account' and v_balance.period = 'month' then
      v_bought := coalesce(octroi_private.buy_when_low(p_account_id, v_balance.meter, 0), v_bought);
    end if;
  end loop;
  return v_bought;
end
$$;
comment on function octroi_private.note_refused_at_limit(uuid, uuid, text, bigint, bigint, integer, boolean) is
'Takes note of a call that was refused at a limit: raises the 100 % alert of each limit that is used up, and buys a pack where one was asked for and only that would let the account''s month allow the call. Returns the billing request, null when nothing is bought.';

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
