-- Rectification (Art. 16 GDPR): people correct what is known about them. What Stripe has is corrected there by a job.
-- An address or tax id is Stripe's alone: it waits in the change, sealed, until Stripe has it, and is gone from here
-- then. The ledger is never changed; a call that was counted wrongly is made up for by an entry of its own.
--
-- The address that mail goes to is the one that its owner signs in with, and is changed there, because Auth makes sure
-- that it is theirs. billing_email is where Stripe sends invoices, and is Stripe's alone.
set role octroi_owner;

create table octroi_private.contact_change (
  -- the privacy request's
  id uuid primary key references octroi_private.privacy_request (id) on delete cascade,
  account_id uuid not null references octroi_private.account (id),
  user_id uuid not null,
  -- given again before Stripe had it: the newest counts
  version integer not null default 1 check (version between 1 and 1000000),
  -- what was given, as JSON, sealed for who asked
  details bytea check (octet_length(details) between 43 and 16384),
  state text not null default 'pending' check (state in ('pending', 'done', 'failed')),
  error text check (length(error) <= 500),
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint contact_change_forgets_when_finished check (
    (state = 'pending') = (details is not null) and (state = 'pending') = (finished_at is null)
  )
);
comment on table octroi_private.contact_change is 'Corrections on their way to Stripe. What was given is forgotten as soon as they are there.';
create unique index contact_change_one_waits on octroi_private.contact_change (account_id) where state = 'pending';
create index contact_change_account on octroi_private.contact_change (account_id);
create index contact_change_user on octroi_private.contact_change (user_id);

-- The one place that writes how somebody is reached. Null leaves as it is, empty removes.
create function octroi_private.set_contact(p_user_id uuid, p_email text, p_phone text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from octroi_private.contact as c
  where c.user_id = p_user_id and c.email is null and p_email is null and p_phone = '';
  update octroi_private.contact as c
  set email = coalesce(octroi_private.seal_for(p_user_id, 'contact.email', p_email), c.email),
    email_index = coalesce(octroi_private.blind_index('email', p_email), c.email_index),
    -- what Auth has confirmed is the address from before
    is_verified = c.is_verified and p_email is null,
    phone = case
      when p_phone is null then c.phone else octroi_private.seal_for(p_user_id, 'contact.phone', nullif(p_phone, ''))
    end
  where c.user_id = p_user_id;
  if not found and (p_email is not null or p_phone <> '') then
    insert into octroi_private.contact (user_id, email, email_index, phone)
    values (
      p_user_id, octroi_private.seal_for(p_user_id, 'contact.email', p_email),
      octroi_private.blind_index('email', p_email),
      octroi_private.seal_for(p_user_id, 'contact.phone', nullif(p_phone, ''))
    );
  end if;
end
$$;
comment on function octroi_private.set_contact(uuid, text, text) is
'Changes how a user is reached: null leaves as it is, an empty phone removes it. Raises 23514, OC050, OC051.';

-- What is wrong with a correction, in words; null when nothing is.
create function octroi_private.contact_fault(
  p_account_name text, p_billing_email text, p_phone text, p_address jsonb, p_tax_id jsonb
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_account_name !~ '^[^[:cntrl:]]{1,200}$' then 'account_name has 1 to 200 characters'
    when length(p_billing_email) > 320 or p_billing_email !~ '^[^[:space:][:cntrl:]@<>,;"]+@[^[:space:][:cntrl:]@<>,;"]+$'
      then 'billing_email is one e-mail address'
    when p_phone <> '' and p_phone !~ '^\+[1-9][0-9]{6,14}$' then 'phone is a number like +33123456789, or empty'
    when jsonb_typeof(p_address) <> 'object'
      or p_address - array['line1', 'line2', 'city', 'postal_code', 'state', 'country'] <> '{}'
      or exists (
        select from jsonb_each(case jsonb_typeof(p_address) when 'object' then p_address end) as a (name, value)
        where jsonb_typeof(a.value) <> 'string' or length(a.value #>> '{}') > 200 or a.value #>> '{}' ~ '[[:cntrl:]]'
      ) or p_address ->> 'country' !~ '^[A-Z]{2}$'
      then 'address has line1, line2, city, postal_code, state and a country like FR, as texts of at most 200 characters'
    when jsonb_typeof(p_tax_id) <> 'object' or p_tax_id - array['type', 'value'] <> '{}'
      or not p_tax_id ?& array['type', 'value'] or p_tax_id ->> 'type' !~ '^[a-z]{2}_[a-z]{2,10}$'
      or p_tax_id ->> 'value' !~ '^[A-Za-z0-9 ./-]{1,50}$'
      then 'tax_id is a type of Stripe''s such as eu_vat, and a value'
  end
$$;

-- What a correction that waits says.
create function octroi_private.contact_change_details(p_user_id uuid, p_sealed bytea)
returns jsonb
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.open_for(p_user_id, 'contact_change.details', p_sealed)::jsonb
$$;

create function octroi_private.enqueue_contact_change(
  p_request_id uuid, p_account_id uuid, p_user_id uuid, p_details jsonb
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_has_customer boolean := exists (
    select from octroi_private.stripe_customer as c where c.account_id = p_account_id and not c.is_deleted
  );
  v_waiting_id uuid;
begin
  if not v_has_customer and p_details ?| array['email', 'address', 'tax_id'] then
    raise exception 'Stripe does not know this account yet' using errcode = 'OC043',
      hint = 'Its checkout asks for e-mail, address and tax id.';
  elsif not v_has_customer or p_details = '{}' then
    return false;
  end if;
  select c.id into v_waiting_id
  from octroi_private.contact_change as c
  where c.account_id = p_account_id and c.state = 'pending'
  for no key update;
  if found then
    -- it goes along with the one that waits, whose job goes again if it was under way
    update octroi_private.contact_change as c
    set version = c.version + 1, details = octroi_private.seal_for(
      c.user_id, 'contact_change.details',
      (octroi_private.contact_change_details(c.user_id, c.details) || p_details)::text
    )
    where c.id = v_waiting_id;
    perform octroi_private.close_privacy_request(p_request_id, 'done', '{"outcome": "joined to an earlier one"}');
    return true;
  end if;
  insert into octroi_private.contact_change (id, account_id, user_id, details, created_at)
  values (
    p_request_id, p_account_id, p_user_id,
    octroi_private.seal_for(p_user_id, 'contact_change.details', p_details::text), octroi_private.now()
  );
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('push_contact', jsonb_build_object('contact_change_id', p_request_id), octroi_private.now(), 20);
  return true;
end
$$;

create function octroi.update_my_contact(
  account_name text default null, billing_email text default null, phone text default null, locale text default null,
  time_zone text default null, address jsonb default null, tax_id jsonb default null
)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := (select auth.uid());
  v_account_id uuid := octroi_private.my_account();
  v_fault text := octroi_private.contact_fault(
    update_my_contact.account_name, update_my_contact.billing_email, update_my_contact.phone, update_my_contact.address,
    update_my_contact.tax_id
  );
  -- what is the account's is for those who pay for it to say
  v_pays boolean := update_my_contact.account_name is not null or update_my_contact.billing_email is not null
    or update_my_contact.address is not null or update_my_contact.tax_id is not null;
  v_details jsonb;
  v_id uuid;
begin
  perform octroi_private.require_step_up();
  if v_fault is null and update_my_contact.account_name is not null and exists (
    select from octroi_private.account as a where a.id = v_account_id and a.kind = 'team'
  ) then
    v_fault := octroi_private.team_name_fault(update_my_contact.account_name);
  end if;
  if v_fault is not null then
    raise exception '%', v_fault using errcode = '22023';
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  -- as the caller's role is now, and not before the account was theirs to change
  if v_pays then
    v_account_id := octroi_private.my_billed_account();
  end if;
  v_id := octroi_private.open_privacy_request(v_user_id, 'rectification');
  if update_my_contact.locale is not null or update_my_contact.time_zone is not null then
    perform octroi.set_notifications(null, update_my_contact.locale, update_my_contact.time_zone);
  end if;
  if update_my_contact.phone is not null then
    perform octroi_private.set_contact(v_user_id, null, update_my_contact.phone);
  end if;
  update octroi_private.account as a set name = update_my_contact.account_name
  where a.id = v_account_id and update_my_contact.account_name is not null;
  v_details := jsonb_strip_nulls(jsonb_build_object(
    'name', update_my_contact.account_name, 'email', update_my_contact.billing_email,
    'address', update_my_contact.address, 'tax_id', update_my_contact.tax_id,
    -- the customer is the owner of the account; a member's language and telephone are none of Stripe's business
    'phone', case when o.is_owner then update_my_contact.phone end,
    'locale', case when o.is_owner then update_my_contact.locale end
  ))
  from (
    select exists (
      select from octroi_private.account as a where a.id = v_account_id and a.owner_user_id = v_user_id
    ) as is_owner
  ) as o;
  if not octroi_private.enqueue_contact_change(v_id, v_account_id, v_user_id, v_details) then
    perform octroi_private.close_privacy_request(v_id, 'done', '{"outcome": "corrected here"}');
  end if;
  return v_id;
end
$$;
comment on function octroi.update_my_contact(text, text, text, text, text, jsonb, jsonb) is
'Corrects what is known about the caller and the account they pay for, here and at Stripe; what is left out stays. Raises OC020, OC021, OC040, OC043, OC050, OC051, 22023.';

create function octroi_private.load_contact_change(p_id uuid)
returns table (version integer, customer_id text, idempotency_key text, details jsonb, must_wait boolean)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select
    c.version, s.id::text, format('octroi-contact-%s-%s', c.id, c.version),
    octroi_private.contact_change_details(c.user_id, c.details), exists (
      select from octroi_private.erasure_step as e
      where e.account_id = c.account_id and e.kind = 'handover' and e.finished_at is null
    )
  from octroi_private.contact_change as c
  join octroi_private.stripe_customer as s on s.account_id = c.account_id and not s.is_deleted
  where c.id = p_id and c.state = 'pending';
end
$$;
comment on function octroi_private.load_contact_change(uuid) is
'A correction that Stripe is to be told of, opened; must_wait while what an earlier owner left there is still being removed. No row when it has ended or the customer is gone. Raises OC050 to OC052.';

create function octroi_private.finish_contact_change(p_id uuid, p_version integer, p_error text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.contact_change
  set state = case when p_error is null then 'done' else 'failed' end, error = left(p_error, 500), details = null,
    finished_at = octroi_private.now()
  where id = p_id and state = 'pending' and version = coalesce(p_version, version);
  if not found then
    return false;
  end if;
  -- one that failed stays open, and the operator hears of it in time
  if p_error is null then
    perform octroi_private.close_privacy_request(p_id, 'done', '{"outcome": "corrected here and at Stripe"}');
  else
    update octroi_private.privacy_request
    set evidence = evidence || jsonb_build_object('failed', left(p_error, 500)) where id = p_id;
  end if;
  return true;
end
$$;
comment on function octroi_private.finish_contact_change(uuid, integer, text) is
'Ends a correction, well or with what went wrong, and forgets what was given. False when a newer version waits, or it had ended.';

-- A change whose job is given up or whose customer is gone is not kept waiting with what was given.
create function octroi_private.fail_given_up_contact_change()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.finish_contact_change(c.id, null, 'it could not be done in time')
  from octroi_private.contact_change as c
  where c.id::text = new.args ->> 'contact_change_id';
  return null;
end
$$;
create trigger job_contact_given_up after update of state on octroi_private.job
for each row when (new.kind = 'push_contact' and new.state in ('dead', 'cancelled'))
execute function octroi_private.fail_given_up_contact_change();

-- The counter-entry: what a call was charged against the account's month is granted anew, once, for a reason. The call,
-- the balances and the rollups stay as they are; what was invoiced for it beyond the plan is credited at Stripe by
-- hand.
create function octroi_private.correct_usage(p_request_id uuid, p_reason text)
returns setof uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  perform octroi_private.require_admin_step_up();
  if p_reason is null or length(p_reason) not between 1 and 200 then
    raise exception 'a correction has a reason of 1 to 200 characters' using errcode = '22023';
  end if;
  return query
  insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, expires_at, reason, source)
  select e.account_id, b.meter, 'promo', c.amount, v_now, v_now + interval '1 year', p_reason,
    format('correction:%s:%s', e.id, b.meter)
  from octroi_private.usage_event as e
  join octroi_private.balance as b on b.id = any(e.balance_ids) and b.scope = 'account' and b.period = 'month'
  cross join lateral (
    select case b.meter
      when 'tokens' then e.total_tokens - e.overrun_tokens
      when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
      else 1 - e.overrun_requests
    end as amount
  ) as c
  where e.id = p_request_id and c.amount > 0
  on conflict (source) do nothing
  returning id;
  if not found then
    raise exception 'there is nothing to correct about this call, or it was corrected before' using errcode = 'OC044';
  end if;
end
$$;
comment on function octroi_private.correct_usage(uuid, text) is
'Makes up for a call that was counted wrongly: grants what it was charged against the account''s month, once. The ledger stays. Raises 22023, OC044.';

reset role;
