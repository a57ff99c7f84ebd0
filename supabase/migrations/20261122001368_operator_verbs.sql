-- What an operator does about what accounts may use: grants, promotions, limits, corrections. For logins that were
-- granted octroi_operator, so that nobody has to be superuser to be kind; each of it is in the audit log, and the
-- customer sees it there with the reason.
--
-- Said twice it happens once. A grant and a promotion go by a code of the operator's own, such as the number of a
-- ticket; the same code with other contents is refused. A limit is set to a value, and a call is corrected once.
set role octroi_owner;

create table octroi_private.promotion (
  code text primary key check (code ~ '^[a-z0-9][a-z0-9._-]{0,59}$'),
  -- null: whatever plan an account has
  plan_code text references octroi_private.plan (code),
  meter octroi_private.meter_name not null,
  amount octroi_private.quantity not null check (amount > 0),
  expires_at timestamptz not null,
  reason text not null check (length(reason) between 1 and 200),
  created_at timestamptz not null default octroi_private.now()
);
comment on table octroi_private.promotion is 'Quota that an operator gives to many accounts, once each.';

create trigger promotion_audited
after insert or update or delete on octroi_private.promotion
for each row execute function octroi_private.audit('promotion');
create trigger account_limit_audited
after insert or update or delete on octroi_private.account_limit
for each row execute function octroi_private.audit('account_limit');

create function octroi_private.require_open_account(p_account_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from octroi_private.account as a where a.id = p_account_id and a.status <> 'closed' for no key update;
  if not found then
    raise exception 'there is no open account %', p_account_id using errcode = '22023';
  end if;
end
$$;

-- What an operator says about something of a customer's: a code, how much of what, until when, and why.
create function octroi_private.require_grant_terms(
  p_code text, p_meter text, p_amount bigint, p_reason text, p_expires_at timestamptz
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.require_admin_step_up();
  if p_code is null or p_code !~ '^[a-z0-9][a-z0-9._-]{0,59}$' then
    raise exception 'a code is 1 to 60 of a-z, 0-9, ".", "_" and "-", such as ticket-4711' using errcode = '22023';
  elsif p_meter is null or p_meter not in ('tokens', 'requests', 'cost') then
    raise exception 'meter is tokens, requests or cost' using errcode = '22023';
  elsif p_amount is null or p_amount not between 1 and 1000000000000000 then
    raise exception 'amount is 1 to 1,000,000,000,000,000' using errcode = '22023';
  elsif p_reason is null or length(p_reason) not between 1 and 200 then
    raise exception 'a reason has 1 to 200 characters: the customer reads it' using errcode = '22023';
  elsif p_expires_at is null or p_expires_at <= octroi_private.now() then
    raise exception 'it would be over already: expires_at lies in the future' using errcode = '22023';
  end if;
end
$$;

create function octroi_private.give_grant(
  p_code text, p_account_id uuid, p_meter text, p_amount bigint, p_reason text,
  p_expires_at timestamptz default 'infinity'
)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant octroi_private.quota_grant;
begin
  select g.* into v_grant from octroi_private.quota_grant as g where g.source = 'gift:' || p_code;
  if v_grant.id is null then
    perform octroi_private.require_grant_terms(p_code, p_meter, p_amount, p_reason, p_expires_at);
    perform octroi_private.require_open_account(p_account_id);
    insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, expires_at, reason, source)
    values (
      p_account_id, p_meter, 'promo', p_amount, octroi_private.now(), p_expires_at, p_reason, 'gift:' || p_code
    )
    on conflict (source) do nothing;
    -- somebody else's, if they were first
    select g.* into v_grant from octroi_private.quota_grant as g where g.source = 'gift:' || p_code;
  end if;
  perform octroi_private.require_admin_step_up();
  if (v_grant.account_id, v_grant.meter::text, v_grant.amount::bigint, v_grant.expires_at)
    is distinct from (p_account_id, p_meter, p_amount, p_expires_at)
  then
    raise exception 'the code % stands for another grant', p_code using errcode = 'OC048',
      detail = format(
        '%s %s for account %s until %s', v_grant.amount, v_grant.meter, v_grant.account_id, v_grant.expires_at
      ),
      hint = 'Take another code for another grant.';
  end if;
  return v_grant.id;
end
$$;
comment on function octroi_private.give_grant(text, uuid, text, bigint, text, timestamptz) is
'Gives an account quota on top of its plan, once for a code. The same code again returns the same grant. Raises 22023, OC040, OC048 for a code that stands for another grant.';

create function octroi_private.give_promotion(
  p_code text, p_meter text, p_amount bigint, p_reason text, p_expires_at timestamptz, p_plan_code text default null,
  p_max_rows integer default 1000
)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_promotion octroi_private.promotion;
  v_given bigint;
begin
  perform octroi_private.require_admin_step_up();
  if p_max_rows is null or p_max_rows not between 1 and 10000 then
    raise exception 'a batch has 1 to 10,000 accounts' using errcode = '22023';
  elsif not exists (select from octroi_private.plan as p where p.code = coalesce(p_plan_code, p.code)) then
    raise exception 'no plan %', p_plan_code using errcode = 'OC002', hint = 'select code from octroi_private.plan';
  end if;
  perform octroi_private.require_grant_terms(p_code, p_meter, p_amount, p_reason, p_expires_at);
  insert into octroi_private.promotion (code, plan_code, meter, amount, expires_at, reason)
  values (p_code, p_plan_code, p_meter, p_amount, p_expires_at, p_reason)
  on conflict (code) do nothing;
  -- one batch of a promotion at a time
  select p.* into v_promotion from octroi_private.promotion as p where p.code = p_code for no key update;
  if (v_promotion.plan_code, v_promotion.meter::text, v_promotion.amount::bigint, v_promotion.expires_at)
    is distinct from (p_plan_code, p_meter, p_amount, p_expires_at)
  then
    raise exception 'the code % stands for another promotion', p_code using errcode = 'OC048',
      detail = format('%s %s until %s', v_promotion.amount, v_promotion.meter, v_promotion.expires_at),
      hint = 'Take another code for another promotion.';
  end if;
  insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, expires_at, reason, source)
  select a.id, v_promotion.meter, 'promo', v_promotion.amount, octroi_private.now(), v_promotion.expires_at,
    v_promotion.reason, format('promotion:%s:%s', p_code, a.id)
  from octroi_private.account as a
  join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where a.status = 'active' and (v_promotion.plan_code is null or v.plan_code = v_promotion.plan_code)
    and not exists (
      select from octroi_private.quota_grant as g where g.source = format('promotion:%s:%s', p_code, a.id)
    )
  order by a.id
  limit p_max_rows
  on conflict (source) do nothing;
  get diagnostics v_given = row_count;
  return v_given;
end
$$;
comment on function octroi_private.give_promotion(text, text, bigint, text, timestamptz, text, integer) is
'Gives quota on top of the plan to the next accounts of a plan, or of any, that did not have it under this code; how many. Repeat until it says 0. Raises 22023, OC002, OC040, OC048 for a code that stands for another promotion.';

create function octroi_private.end_grant(p_grant_id uuid, p_reason text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant octroi_private.quota_grant;
  v_said text := current_setting('octroi_audit.reason', true);
  v_is_ended boolean;
begin
  perform octroi_private.require_admin_step_up();
  if p_reason is null or length(p_reason) not between 1 and 200 then
    raise exception 'a reason has 1 to 200 characters: the customer reads it' using errcode = '22023';
  end if;
  select g.* into v_grant from octroi_private.quota_grant as g where g.id = p_grant_id;
  -- the account first, as whoever opens or changes one; balances before grants, as a settle
  perform from octroi_private.account as a where a.id = v_grant.account_id for no key update;
  perform octroi_private.lock_balances(
    v_grant.account_id, octroi_private.anchor_of(v_grant.account_id), octroi_private.now()
  );
  if v_grant.kind <> 'promo' then
    raise exception 'only what was given can be ended: this is %', v_grant.kind using errcode = '22023',
      hint = 'A pack is taken back by refunding its payment at Stripe.';
  end if;
  perform set_config('octroi_audit.reason', p_reason, true);
  update octroi_private.quota_grant as g set ended_at = octroi_private.now()
  where g.id = p_grant_id and g.ended_at is null and g.expires_at > octroi_private.now();
  v_is_ended := found;
  perform set_config('octroi_audit.reason', coalesce(v_said, ''), true);
  return v_is_ended;
end
$$;
comment on function octroi_private.end_grant(uuid, text) is
'Ends a grant that was given, by itself, by a promotion or as a correction, from now on; what was drawn stays drawn. False when it had ended, or never was. Raises 22023, OC040.';

create function octroi_private.set_account_limit(
  p_account_id uuid, p_meter text, p_period text, p_amount bigint, p_reason text, p_model text default ''
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_model text := octroi_private.canonical_model(coalesce(p_model, ''));
begin
  perform octroi_private.require_admin_step_up();
  if p_meter is null or p_meter not in ('tokens', 'requests', 'cost') then
    raise exception 'meter is tokens, requests or cost' using errcode = '22023';
  elsif p_period is null or p_period not in ('day', 'month', 'lifetime') then
    raise exception 'period is day, month or lifetime' using errcode = '22023';
  elsif p_amount not between 0 and 1000000000000000 then
    raise exception 'amount is 0 to 1,000,000,000,000,000, or null for no limit' using errcode = '22023';
  elsif p_reason is null or length(p_reason) not between 1 and 200 then
    raise exception 'a reason has 1 to 200 characters: the customer reads it' using errcode = '22023';
  end if;
  perform octroi_private.require_open_account(p_account_id);
  if p_amount is null then
    delete from octroi_private.account_limit as l
    where l.account_id = p_account_id and l.model = v_model and l.meter = p_meter and l.period = p_period;
    return found;
  end if;
  if v_model <> '' then
    perform octroi_private.require_priced_model(p_model);
  end if;
  insert into octroi_private.account_limit as l (account_id, model, meter, period, amount, reason)
  values (p_account_id, v_model, p_meter, p_period, p_amount, p_reason)
  on conflict (account_id, model, meter, period) do update set amount = excluded.amount, reason = excluded.reason
  where (l.amount, l.reason) <> (excluded.amount, excluded.reason);
  return found;
end
$$;
comment on function octroi_private.set_account_limit(uuid, text, text, bigint, text, text) is
'Limits an account, or one model of it by whichever of its names, beside its plan and whatever it sets itself; the smallest holds. A null amount takes the limit away. False when that is how it stood. Raises 22023, OC040.';

reset role;
