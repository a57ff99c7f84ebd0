-- Erasing a person: the transaction itself. 001370 says what it consists of.
set role octroi_owner;

-- What was not billed and paid so long after an erasure is waived.
create function octroi_private.waived_after()
returns interval
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select interval '7 days'
$$;

-- A customer at Stripe of an account that is erased has to go as well, also one that was being made meanwhile.
create function octroi_private.enqueue_erasure_at_stripe(p_receipt_id uuid, p_account_id uuid, p_customer_id text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_id bigint;
begin
  insert into octroi_private.erasure_step (
    receipt_id, kind, account_id, customer_id, session_ids, waived_at, created_at
  )
  select
    p_receipt_id, 'stripe', p_account_id, p_customer_id, coalesce((
      select array_agg(r.object_id order by r.created_at) from octroi_private.billing_request as r
      where r.account_id = p_account_id and r.object_id like 'cs\_%' and r.created_at > v_now - interval '2 days'
    ), '{}'), v_now + octroi_private.waived_after(), v_now
  on conflict do nothing
  returning id into v_id;
  if v_id is not null then
    update octroi_private.erasure_receipt set finished_at = null where id = p_receipt_id;
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    values ('erase_at_stripe', jsonb_build_object('step_id', v_id), v_now, 1000);
  end if;
end
$$;

create function octroi_private.erase_late_customer()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.enqueue_erasure_at_stripe(e.receipt_id, e.account_id, new.id)
  from octroi_private.erased_account as e
  where e.account_id = new.account_id;
  return null;
end
$$;
create trigger stripe_customer_of_erased after insert or update of account_id on octroi_private.stripe_customer
for each row when (new.account_id is not null and not new.is_deleted)
execute function octroi_private.erase_late_customer();

-- What is left of the accounts that end, until when, and why. The law's years run from the end of the calendar year.
create function octroi_private.keep_accounts(p_receipt_id uuid, p_ending uuid [], p_at timestamptz)
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule octroi_private.retention_rule;
  v_billed uuid [];
  v_until timestamptz;
  v_soon timestamptz := p_at + octroi_private.kept_for('request');
  v_kept jsonb := '[]';
begin
  select r.* into strict v_rule from octroi_private.retention_rule as r where r.is_in_force;
  v_until := (
    date_trunc('year', p_at at time zone 'utc') + make_interval(years => 1 + v_rule.years)
  ) at time zone 'utc';
  v_billed := array(
    select distinct c.account_id from octroi_private.stripe_customer as c where c.account_id = any(p_ending)
  );
  insert into octroi_private.erased_account (account_id, receipt_id, kept_until)
  select a.id, p_receipt_id, case when a.id = any(v_billed) then v_until else v_soon end
  from unnest(p_ending) as a (id);
  if cardinality(v_billed) > 0 then
    v_kept := v_kept || jsonb_build_object(
      'what', 'invoices, payments, top-ups and the usage they charge for, of a closed account without owner and name',
      'why', format('Art. 17(3)(b) GDPR; %s: %s years, %s', v_rule.country, v_rule.years, v_rule.legal_reason),
      'until', v_until
    );
  end if;
  if cardinality(p_ending) > cardinality(v_billed) then
    v_kept := v_kept || jsonb_build_object(
      'what', 'counters of a closed account without owner and name',
      'why', 'a call that was under way can still be counted', 'until', v_soon
    );
  end if;
  return v_kept;
end
$$;

create function octroi_private.erase_user(p_user_id uuid, p_asked_by text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set jit = 'off'
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_accounts uuid [];
  v_owned uuid [];
  v_ending uuid [];
  v_receipt octroi_private.erasure_receipt;
  v_step record;
  v_rows bigint;
  v_erased jsonb := '{}';
  v_kept jsonb := '[]';
begin
  perform octroi_private.lock_person(p_user_id);
  -- erased before, by the same deletion or by an earlier soft one
  if not exists (select from octroi_private.account as a where a.owner_user_id = p_user_id)
    and not exists (select from octroi_private.member as m where m.user_id = p_user_id)
    and not exists (select from octroi_private.notification_setting as n where n.user_id = p_user_id)
  then
    delete from octroi_private.person where user_id = p_user_id;
    return null;
  end if;
  select array_agg(a.id) into v_accounts
  from (
    select k.id from octroi_private.account as k
    where k.owner_user_id = p_user_id or k.id in (
      select m.account_id from octroi_private.member as m where m.user_id = p_user_id
      union
      select d.account_id from octroi_private.usage_daily as d where d.user_id = p_user_id
      union
      select y.account_id from octroi_private.api_key as y where y.user_id = p_user_id
    )
    order by k.id
    for no key update
  ) as a;
  v_accounts := coalesce(v_accounts, '{}');
  insert into octroi_private.erasure_receipt (asked_by, erased_at)
  values (p_asked_by, v_now)
  returning * into v_receipt;
  v_owned := array(select a.id from octroi_private.account as a where a.owner_user_id = p_user_id);
  v_ending := octroi_private.hand_over(p_user_id);
  perform octroi_private.audit_erasure(v_receipt.id, v_accounts, v_ending);
  v_erased := jsonb_build_object('request', octroi_private.resolve_open_requests(
    p_user_id, v_ending, v_accounts, v_receipt.pseudonym, v_now
  ));
  perform octroi_private.enqueue_erasure_at_stripe(v_receipt.id, c.account_id, c.id)
  from octroi_private.stripe_customer as c
  where c.account_id = any(v_ending) and not c.is_deleted;
  v_kept := octroi_private.hand_over_customers(
    v_receipt.id, p_user_id, array(select unnest(v_owned) except select unnest(v_ending))
  );
  for v_step in
    select s.table_name, s.statement from octroi_private.erasure_statements() as s order by s.place
  loop
    execute v_step.statement using p_user_id, v_ending, v_accounts, v_receipt.pseudonym, v_now;
    get diagnostics v_rows = row_count;
    if v_rows > 0 then
      v_erased := v_erased || jsonb_build_object(
        v_step.table_name, coalesce((v_erased ->> v_step.table_name)::bigint, 0) + v_rows
      );
    end if;
  end loop;
  v_kept := v_kept || octroi_private.keep_accounts(v_receipt.id, v_ending, v_now);
  if v_accounts && array(select unnest(v_accounts) except select unnest(v_ending)) then
    v_kept := v_kept || jsonb_build_object(
      'what', 'calls that a team pays for, under a pseudonym', 'why', 'they are the team''s record of what it used',
      'until', null
    );
  end if;
  v_kept := v_kept || jsonb_build_object(
    'what', 'tombstone: a keyed hash of the user id',
    'why', 'Art. 5(1)(f), 17 GDPR: a restored backup is erased again, for good since nobody knows how old one may be',
    'until', null
  ) || jsonb_build_object(
    'what', 'audit entries about a pseudonym that leads to nobody',
    'why', 'Art. 5(2) GDPR: accountability, for good since a chain with gaps proves nothing', 'until', null
  ) || jsonb_build_object(
    'what', 'this receipt', 'why', 'Art. 5(2) GDPR: accountability; counted from the end of the erasure',
    'until', greatest(v_now + octroi_private.kept_for('erasure_receipt'), (
      select max(e.kept_until) from octroi_private.erased_account as e where e.receipt_id = v_receipt.id
    ))
  );
  perform octroi_private.record_tombstone(p_user_id, v_now);
  update octroi_private.erasure_receipt set erased = v_erased, kept = v_kept where id = v_receipt.id;
  insert into octroi_private.usage_removal (receipt_id, user_id, account_id, is_deleting)
  select v_receipt.id, p_user_id, a.id, a.id = any(v_ending) from unnest(v_accounts) as a (id)
  union all
  select v_receipt.id, p_user_id, null, true;
  insert into octroi_private.erasure_step (receipt_id, kind, created_at) values (v_receipt.id, 'usage', v_now);
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('remove_usage', jsonb_build_object('receipt_id', v_receipt.id), v_now, 1000);
  -- for whoever asked in this transaction
  perform set_config('octroi.erasure_receipt_id', v_receipt.id::text, true);
  return v_receipt.id;
end
$$;
comment on function octroi_private.erase_user(uuid, text) is
'Erases a person (asked_by user, auth or restore) and returns the receipt; null when nothing of them is left. Repeating it changes nothing.';

-- Who erased what, in the audit log, without saying whom.
create function octroi_private.audit_erasure(p_receipt_id uuid, p_accounts uuid [], p_ending uuid [])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_detail jsonb := jsonb_build_object('accounts_ended', to_jsonb(p_ending), 'accounts_left', (
    select coalesce(jsonb_agg(a.id), '[]') from unnest(p_accounts) as a (id) where a.id <> all(p_ending)
  ));
begin
  perform octroi_private.record_audit('person.erased', p_ending[1], p_receipt_id::text, v_detail, null);
end
$$;

create function octroi_private.erase_deleted_user()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.erase_user(old.id, case
    when current_setting('octroi.is_replaying', true) = 'on' then 'restore'
    when (select auth.uid()) = old.id then 'user'
    else 'auth'
  end);
  return null;
end
$$;

-- Deletes a user of Auth, whose trigger erases them. On Supabase only the migrations' own role may; then they made the
-- function that is looked for here.
create function octroi_private.delete_user(p_user_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_function regproc := to_regprocedure('octroi_private.delete_auth_user(uuid)')::regproc;
  v_is_deleted boolean;
begin
  if v_function is not null then
    execute format('select %s($1)', v_function) into v_is_deleted using p_user_id;
    return v_is_deleted;
  end if;
  delete from auth.users as u where u.id = p_user_id;
  return found;
end
$$;

create function octroi.delete_my_account()
returns table (receipt_id uuid, erased_at timestamptz, erased jsonb, kept jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := (select auth.uid());
begin
  if v_user_id is null then
    raise exception 'not signed in' using errcode = 'OC020', hint = 'Send the access token of a signed-in user.';
  end if;
  perform octroi_private.require_step_up();
  perform set_config('octroi.erasure_receipt_id', '', true);
  if not octroi_private.delete_user(v_user_id) then
    raise exception 'this user is not there any more, or may not be deleted here' using errcode = 'OC045',
      hint = 'For the operator: docs/operations.md, what erasure needs of you.';
  end if;
  return query
  select r.id, r.erased_at, r.erased, r.kept
  from octroi_private.erasure_receipt as r
  where r.id::text = current_setting('octroi.erasure_receipt_id', true);
end
$$;
comment on function octroi.delete_my_account() is
'Deletes the caller and erases what is known of them, at once and for good; the receipt says what went, what stays, why and until when. Raises OC020, OC040, OC045.';

reset role;

-- Who may delete users of Auth for Octroi. A superuser gives octroi_owner the right, past row level security where that
-- is on; any other runner of migrations, as on Supabase, lends its own to one function, for nobody but octroi_owner.
do $$
begin
  if (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
    grant select (id), delete on auth.users to octroi_owner;
    if (select c.relrowsecurity from pg_catalog.pg_class as c where c.oid = 'auth.users'::regclass) then
      create policy octroi_finds on auth.users for select to octroi_owner using (true);
      create policy octroi_deletes on auth.users for delete to octroi_owner using (true);
    end if;
  else
    grant create on schema octroi_private to current_user;
    create function octroi_private.delete_auth_user(p_user_id uuid)
    returns boolean
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    as $function$
    begin
      delete from auth.users as u where u.id = p_user_id;
      return found;
    end
    $function$;
    revoke all on function octroi_private.delete_auth_user(uuid) from public;
    grant execute on function octroi_private.delete_auth_user(uuid) to octroi_owner;
    revoke create on schema octroi_private from current_user;
  end if;
end
$$;

create trigger octroi_erase_deleted_user
after delete on auth.users
for each row execute function octroi_private.erase_deleted_user();
-- Fires after octroi_keep_contact, which the same statement may have given a new address: triggers fire by name.
create trigger octroi_soft_delete_erases
after update of deleted_at on auth.users
for each row when (old.deleted_at is null and new.deleted_at is not null)
execute function octroi_private.erase_deleted_user();
