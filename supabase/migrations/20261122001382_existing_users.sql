-- Users whom Auth had before Octroi came, or took in while its triggers were off, as an import does. They are taken in
-- here: person, ban, second factors, address, account, membership, default plan, all that a sign-up gives. Until then
-- they are signed in and may do nothing, and are told so.
--
-- backfill_people walks auth.users in bites, each its own transaction, and passes over who is here already, so it may
-- be stopped, repeated and run by several at once. The last migration but one takes the first ones, every worker that
-- runs jobs walks once when it starts, `octroi people backfill` does whenever an operator likes, and `octroi doctor`
-- counts who is left.
--
-- Two hold on to the row of a person until they commit: who takes them in, and who erases them (lock_person). Whichever
-- comes second waits, looks again, and finds them here, or gone. What Auth changes meanwhile, an address, a ban or a
-- factor, waits as well (keep_contact, keep_ban, keep_second_factor).

-- What is read of Auth. A superuser gives octroi_owner the right to these columns, past row level security; any other
-- runner of migrations, as on Supabase, lends its own to three functions, for nobody but octroi_owner. deleted_at is
-- Auth's own soft deletion, which erases.
do $$
declare
  v_is_superuser constant boolean := (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user);
  v_function text;
begin
  if v_is_superuser then
    grant select (id, email, email_confirmed_at, phone, banned_until, deleted_at) on auth.users to octroi_owner;
    grant select (id, user_id, status, updated_at) on auth.mfa_factors to octroi_owner;
    if (select c.relrowsecurity from pg_catalog.pg_class as c where c.oid = 'auth.mfa_factors'::regclass) then
      create policy octroi_finds on auth.mfa_factors for select to octroi_owner using (true);
    end if;
    set role octroi_owner;
  else
    grant create on schema octroi_private to current_user;
  end if;

  create function octroi_private.auth_users_after(p_after uuid, p_max_rows bigint)
  returns table (user_id uuid, has_address boolean)
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  as $function$
    select u.id, u.email is not null or u.phone is not null
    from auth.users as u
    where u.deleted_at is null and u.id > coalesce(p_after, '00000000-0000-0000-0000-000000000000')
    order by u.id
    limit p_max_rows
  $function$;

  create function octroi_private.auth_user(p_user_id uuid)
  returns table (user_id uuid, email text, is_confirmed boolean, phone text, banned_until timestamptz)
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  as $function$
    select u.id, u.email::text, u.email_confirmed_at is not null, u.phone::text, u.banned_until::timestamptz
    from auth.users as u
    where u.id = p_user_id and u.deleted_at is null
  $function$;

  create function octroi_private.auth_factors(p_user_id uuid)
  returns table (factor_id uuid, verified_at timestamptz)
  language sql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  as $function$
    select f.id, f.updated_at::timestamptz
    from auth.mfa_factors as f
    where f.user_id = p_user_id and f.status::text = 'verified'
  $function$;

  foreach v_function in array array['auth_users_after(uuid, bigint)', 'auth_user(uuid)', 'auth_factors(uuid)'] loop
    execute format('revoke all on function octroi_private.%s from public', v_function);
    execute format('grant execute on function octroi_private.%s to octroi_owner', v_function);
  end loop;
  reset role;
  if not v_is_superuser then
    revoke create on schema octroi_private from current_user;
  end if;
end
$$;

set role octroi_owner;

create function octroi_private.admit_user(p_user_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user record;
begin
  insert into octroi_private.person (user_id) values (p_user_id) on conflict do nothing;
  perform from octroi_private.person as p where p.user_id = p_user_id for no key update;
  -- a statement of its own: it sees what was committed while this one waited
  select u.* into v_user from octroi_private.auth_user(p_user_id) as u;
  if v_user.user_id is null or octroi_private.is_erased(p_user_id) then
    delete from octroi_private.person as p
    where p.user_id = p_user_id
      and not exists (select from octroi_private.account as a where a.owner_user_id = p.user_id)
      and not exists (select from octroi_private.member as m where m.user_id = p.user_id)
      and not exists (select from octroi_private.notification_setting as n where n.user_id = p.user_id);
    return false;
  end if;
  perform octroi_private.keep_ban_of(p_user_id, v_user.banned_until);
  insert into octroi_private.second_factor (factor_id, user_id, verified_at)
  select f.factor_id, p_user_id, f.verified_at from octroi_private.auth_factors(p_user_id) as f
  on conflict do nothing;
  insert into octroi_private.notification_setting (user_id) values (p_user_id) on conflict do nothing;
  -- without operator keys it is kept by a later walk
  if octroi_native.operator_key_problem() is null
    and not exists (select from octroi_private.contact as c where c.user_id = p_user_id)
  then
    perform octroi_private.keep_contact_of(p_user_id, v_user.email, v_user.phone, null, v_user.is_confirmed);
  end if;
  return octroi_private.open_account_of(p_user_id);
end
$$;
comment on function octroi_private.admit_user(uuid) is
'Gives a user of Auth what a sign-up gives, as far as it is missing; true when an account was opened. Whoever was erased stays so.';

create function octroi_private.backfill_people(p_after uuid, p_max_rows integer)
returns table (last_user_id uuid, users bigint, accounts_opened bigint, addresses_kept bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user record;
  v_has_keys boolean := octroi_native.operator_key_problem() is null;
begin
  if p_max_rows is null or p_max_rows not between 1 and 1000 then
    raise exception 'a batch has 1 to 1,000 users' using errcode = '22023';
  end if;
  users := 0;
  accounts_opened := 0;
  addresses_kept := 0;
  for v_user in
    select
      u.user_id, u.has_address and v_has_keys and c.user_id is null as lacks_address,
      p.user_id is null or a.id is null or n.user_id is null as is_incomplete
    from octroi_private.auth_users_after(p_after, p_max_rows) as u
    left join octroi_private.person as p on p.user_id = u.user_id
    left join octroi_private.account as a on a.owner_user_id = u.user_id and a.kind = 'personal'
    left join octroi_private.notification_setting as n on n.user_id = u.user_id
    left join octroi_private.contact as c on c.user_id = u.user_id
    order by u.user_id
  loop
    users := users + 1;
    last_user_id := v_user.user_id;
    if v_user.is_incomplete or v_user.lacks_address then
      accounts_opened := accounts_opened + octroi_private.admit_user(v_user.user_id)::integer;
      addresses_kept := addresses_kept + (v_user.lacks_address and exists (
        select from octroi_private.contact as c where c.user_id = v_user.user_id
      ))::integer;
    end if;
  end loop;
  return next;
end
$$;
comment on function octroi_private.backfill_people(uuid, integer) is
'Takes in the next users of Auth after one, whoever has no account yet: how many were looked at, accounts opened, addresses kept that could not be before. last_user_id is null at the end. Repeating it changes nothing. Raises 22023.';

create function octroi_private.users_without_account()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select count(*)
    from octroi_private.auth_users_after(null, null) as u
    where not exists (
      select from octroi_private.account as a where a.owner_user_id = u.user_id and a.kind = 'personal'
    ) and not octroi_private.is_erased(u.user_id)
  );
end
$$;
comment on function octroi_private.users_without_account() is
'How many users of Auth have no personal account, and are refused wherever they ask. backfill_people opens them.';

create function octroi_private.refuse_erased()
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'this user is not there any more' using errcode = 'OC020',
    hint = 'Whoever was deleted is not signed in, whatever their access token says.';
end
$$;

-- Whether the user of a verified token is one whom Auth knows, and who was not erased here.
create function octroi_private.is_to_be_admitted(p_user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (select from octroi_private.auth_user(p_user_id)) and not octroi_private.is_erased(p_user_id);
end
$$;

-- Three that have no account are told apart: nobody, somebody who is gone, and somebody who is still to be taken in.
create function octroi_private.refuse_without_account(p_user_id uuid)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_user_id is null then
    raise exception 'not signed in' using errcode = 'OC020', hint = 'Send the access token of a signed-in user.';
  elsif octroi_private.is_to_be_admitted(p_user_id) then
    raise exception 'signed in, but this user has no account here yet' using errcode = 'OC023',
      hint = 'Users from before Octroi are given one by octroi people backfill, which the operator runs.';
  end if;
  perform octroi_private.refuse_erased();
end
$$;

create function octroi_private.is_without_account(p_user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return not exists (
    select from octroi_private.account as a where a.owner_user_id = p_user_id and a.kind = 'personal'
  ) and octroi_private.is_to_be_admitted(p_user_id);
end
$$;
comment on function octroi_private.is_without_account(uuid) is
'Whether the user of a verified token is still to be taken in: known to Auth, no personal account, and not erased.';

reset role;
