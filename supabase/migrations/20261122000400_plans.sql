-- What may be spent: plans, the assignment of a plan to an account, budgets, and grants on top.
set role octroi_owner;

create domain octroi_private.currency_code as text check (value ~ '^[a-z]{3}$');

create table octroi_private.plan (
  code text primary key check (code ~ '^[a-z][a-z0-9_]{0,39}$'),
  name text not null check (length(name) between 1 and 200),
  is_default boolean not null default false,
  -- a plan of a higher rank is an upgrade
  rank smallint not null default 0,
  created_at timestamptz not null default octroi_private.now(),
  -- not sold any more
  retired_at timestamptz
);
comment on table octroi_private.plan is
'A plan as customers know it. The default one is given at sign-up, and when a paid one ends.';
create unique index plan_one_default on octroi_private.plan (is_default) where is_default;

create table octroi_private.plan_version (
  id bigint generated always as identity primary key,
  plan_code text not null references octroi_private.plan (code),
  version integer not null check (version > 0),
  -- null allows every priced model
  allowed_models text [] check (cardinality(allowed_models) between 1 and 500),
  created_at timestamptz not null default octroi_private.now(),
  -- of everything that has a price here
  currency octroi_private.currency_code,
  trial_days smallint not null default 0 check (trial_days between 0 and 730),
  -- most members of a team; null: any number
  seats integer check (seats between 1 and 100000),
  features text [] not null default '{}' check (cardinality(features) <= 50),
  -- output per choice of a call that names no limit, and the least that a call is cut to; null: as the model has it
  default_output_tokens octroi_private.quantity check (default_output_tokens between 1 and 1000000),
  least_output_tokens octroi_private.quantity check (least_output_tokens between 1 and 1000000),
  -- how long a call waits at most for room that other calls hold
  hold_wait_seconds smallint not null default 20 check (hold_wait_seconds between 0 and 60),
  -- whose client leaves a stream: it is closed and charged as far as it came, or read to its end
  on_disconnect text not null default 'cancel' check (on_disconnect in ('cancel', 'drain')),
  -- the plan as it was declared, in one form: whether a declaration changes anything is told by comparing
  content jsonb not null default '{}' check (jsonb_typeof(content) = 'object'),
  unique (plan_code, version)
);
comment on table octroi_private.plan_version is 'Immutable content of a plan; subscribers keep the version they have.';

create table octroi_private.plan_limit (
  plan_version_id bigint not null references octroi_private.plan_version (id),
  scope octroi_private.scope_name not null,
  model text not null default '',
  meter octroi_private.meter_name not null,
  period octroi_private.period_name not null,
  amount octroi_private.quantity not null,
  overage octroi_private.quantity not null default 0,
  -- of what is left at the month's end, so much is granted again, for so many months
  rollover_max octroi_private.quantity not null default 0,
  rollover_months smallint not null default 1 check (rollover_months between 1 and 12),
  primary key (plan_version_id, scope, model, meter, period),
  constraint plan_limit_model_only_for_models check ((scope = 'model') = (model <> '')),
  constraint plan_limit_overage_on_account check (overage = 0 or (scope = 'account' and period = 'month')),
  constraint plan_limit_rollover_on_account check (rollover_max = 0 or (scope = 'account' and period = 'month'))
);
comment on table octroi_private.plan_limit is
'A limit of a plan: for the account as a whole, for each member, for each key, or for one model. overage is what may be used beyond amount.';

create table octroi_private.subscription (
  id uuid primary key default octroi_private.uuid_v7(),
  account_id uuid not null references octroi_private.account (id),
  plan_version_id bigint not null references octroi_private.plan_version (id),
  -- Monthly periods are counted from here; kept when the plan changes, so that usage carries over.
  anchor_at timestamptz not null,
  started_at timestamptz not null,
  ended_at timestamptz check (ended_at >= started_at),
  -- null when nobody pays for it: the default plan, or one that the operator gave
  stripe_subscription_id text,
  -- what is paid for; then the default plan takes over
  granted_until timestamptz not null default 'infinity',
  -- from here on nothing more may be used for money: Stripe is about to bill what was
  overage_closed_at timestamptz,
  constraint subscription_granted_while_paid check (stripe_subscription_id is not null or granted_until = 'infinity')
);
comment on table octroi_private.subscription is 'Which plan version an account has, and since when. At most one runs.';
create unique index subscription_one_running on octroi_private.subscription (account_id) where ended_at is null;
create index subscription_account on octroi_private.subscription (account_id);
create index subscription_plan_version on octroi_private.subscription (plan_version_id);
create index subscription_to_lapse on octroi_private.subscription (granted_until)
where ended_at is null and granted_until < 'infinity';

create table octroi_private.budget (
  account_id uuid not null references octroi_private.account (id),
  scope octroi_private.scope_name not null,
  -- '' for the account, else the user id, the key id or the model name
  subject text not null default '',
  meter octroi_private.meter_name not null,
  period octroi_private.period_name not null,
  amount octroi_private.quantity not null,
  created_at timestamptz not null default octroi_private.now(),
  primary key (account_id, scope, subject, meter, period),
  constraint budget_subject_unless_account check ((scope = 'account') = (subject = ''))
);
comment on table octroi_private.budget is
'A limit that an account sets for itself: a key, a member, a model, or all of it. Where a plan limits the same thing, the smaller holds.';

create table octroi_private.account_limit (
  account_id uuid not null references octroi_private.account (id),
  -- '' for all of the account
  model text not null default '' check (length(model) <= 200),
  meter octroi_private.meter_name not null,
  period octroi_private.period_name not null,
  amount octroi_private.quantity not null,
  reason text not null check (length(reason) between 1 and 200),
  created_at timestamptz not null default octroi_private.now(),
  primary key (account_id, model, meter, period)
);
comment on table octroi_private.account_limit is
'A limit that the operator sets on one account, or on one model of it, beside its plan: the smallest holds, and the account cannot lift it.';

create table octroi_private.quota_grant (
  id uuid primary key default octroi_private.uuid_v7(),
  account_id uuid not null references octroi_private.account (id),
  meter octroi_private.meter_name not null,
  kind text not null check (kind in ('rollover', 'promo', 'top_up')),
  amount octroi_private.quantity not null check (amount > 0),
  drawn octroi_private.quantity not null default 0,
  priority smallint not null default 0,
  starts_at timestamptz not null,
  expires_at timestamptz not null default 'infinity' check (expires_at > starts_at),
  ended_at timestamptz,
  reason text not null check (length(reason) between 1 and 200),
  created_at timestamptz not null default octroi_private.now(),
  -- taken back by refunds and disputes
  revoked octroi_private.quantity not null default 0,
  -- what it was granted for: once
  source text unique check (length(source) between 1 and 600),
  constraint quota_grant_never_overdrawn check (drawn <= amount),
  constraint quota_grant_never_overrevoked check (revoked <= amount)
);
comment on table octroi_private.quota_grant is
'Quota on top of the plan''s monthly amount. Drawn after it: rollover, then promo, then top_up; by priority, expiry and age.';
create index quota_grant_account on octroi_private.quota_grant (account_id, meter) where ended_at is null;
create index quota_grant_revoked on octroi_private.quota_grant (account_id, meter) where revoked > 0;

create table octroi_private.revocation (
  id bigint generated always as identity primary key,
  grant_id uuid not null references octroi_private.quota_grant (id),
  -- below zero when a refund or dispute came to nothing after all
  change bigint not null check (change <> 0),
  happened_at timestamptz not null
);
comment on table octroi_private.revocation is 'Each time that a grant was taken back, or given again. quota_grant.revoked is the sum of change.';
create index revocation_grant on octroi_private.revocation (grant_id, happened_at);

-- Puts a new account on the default plan; without one it has none, and may not call.
create function octroi_private.give_default_plan(p_account_id uuid, p_at timestamptz)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
  select p_account_id, v.id, p_at, p_at
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  where p.is_default
  order by v.version desc
  limit 1
$$;

-- A user's first account, on the default plan; false when they have one. Months are counted from now, also for who
-- signed up long ago: nothing was metered before.
create function octroi_private.open_account_of(p_user_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.uuid_v7();
  v_now timestamptz := octroi_private.now();
begin
  insert into octroi_private.account (id, kind, owner_user_id, name, created_at)
  values (v_account_id, 'personal', p_user_id, 'Personal', v_now)
  on conflict (owner_user_id) where kind = 'personal' do nothing;
  if not found then
    return false;
  end if;
  insert into octroi_private.member (account_id, user_id, role, created_at)
  values (v_account_id, p_user_id, 'owner', v_now);
  perform octroi_private.give_default_plan(v_account_id, v_now);
  return true;
end
$$;

-- In the transaction that creates the user.
create function octroi_private.open_personal_account()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.open_account_of(new.id);
  return null;
end
$$;

-- Gives an account the newest version of a plan from now on; usage of the running period carries over.
create function octroi_private.assign_plan(p_account_id uuid, p_plan_code text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_anchor_at timestamptz;
  v_version_id bigint;
  v_id uuid;
begin
  perform octroi_private.require_admin_step_up();
  -- the account before its subscription, as whoever else changes one
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select v.id into v_version_id
  from octroi_private.plan_version as v
  where v.plan_code = p_plan_code
  order by v.version desc
  limit 1;
  if v_version_id is null then
    raise exception 'no plan %', p_plan_code using errcode = 'OC002', hint = 'select code from octroi_private.plan';
  end if;
  update octroi_private.subscription set ended_at = v_now
  where account_id = p_account_id and ended_at is null
  returning anchor_at into v_anchor_at;
  insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
  values (p_account_id, v_version_id, coalesce(v_anchor_at, v_now), v_now)
  returning id into v_id;
  return v_id;
end
$$;
comment on function octroi_private.assign_plan(uuid, text) is
'Puts an account on the newest version of a plan, keeping its anchor. Raises OC040, OC002 for an unknown plan.';

reset role;

create trigger octroi_open_personal_account
after insert on auth.users
for each row execute function octroi_private.open_personal_account();
