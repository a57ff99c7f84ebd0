-- Who has a second factor must have shown it before they spend money or touch what is private. Auth's own table of
-- factors is under row level security without a policy, so that octroi_owner sees nothing in it and would let everybody
-- pass: what matters of it is kept here by trigger.
set role octroi_owner;

create table octroi_private.second_factor (
  factor_id uuid primary key,
  user_id uuid not null,
  verified_at timestamptz not null
);
comment on table octroi_private.second_factor is 'Verified factors of auth.mfa_factors, kept in step by trigger.';
create index second_factor_user on octroi_private.second_factor (user_id);

create function octroi_private.keep_second_factor()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' or new.status::text <> 'verified' then
    delete from octroi_private.second_factor where factor_id = old.id;
  end if;
  if tg_op <> 'DELETE' and new.status::text = 'verified' then
    if not exists (select from octroi_private.person as p where p.user_id = new.user_id) then
      perform octroi_private.admit_user(new.user_id);
    end if;
    insert into octroi_private.second_factor (factor_id, user_id, verified_at)
    values (new.id, new.user_id, octroi_private.now())
    on conflict (factor_id) do update set user_id = excluded.user_id;
  end if;
  return null;
end
$$;

create function octroi_private.has_stepped_up()
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := octroi_private.my_user_id();
begin
  return coalesce(auth.jwt() ->> 'aal', '') = 'aal2' or not exists (
    select from octroi_private.second_factor as f where f.user_id = v_user_id
  );
end
$$;
comment on function octroi_private.has_stepped_up() is
'Whether the caller has no second factor, or has shown it in this session (aal2). Raises OC022.';

create function octroi_private.require_step_up()
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not octroi_private.has_stepped_up() then
    raise exception 'this needs your second factor' using errcode = 'OC040',
      hint = 'Call supabase.auth.mfa.challengeAndVerify({ factorId, code }), then make this call again.';
  end if;
end
$$;
comment on function octroi_private.require_step_up() is
'Passes whoever has no second factor, or has shown it in this session (aal2). Raises OC040, OC022.';

-- Operators: no claims means a login of the database itself, which has its own way in.
create function octroi_private.require_admin_step_up()
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.my_user_id();
  if auth.jwt() <> '{}' and coalesce(auth.jwt() ->> 'aal', '') <> 'aal2' then
    raise exception 'operators need a second factor' using errcode = 'OC040',
      hint = 'Enrol one with supabase.auth.mfa.enroll, call supabase.auth.mfa.challengeAndVerify, then try again.';
  end if;
end
$$;
comment on function octroi_private.require_admin_step_up() is
'Passes an operator who came through the Data API only with aal2, whether or not they have enrolled. Raises OC040, OC022.';

reset role;

create trigger octroi_keep_second_factor
after insert or update or delete on auth.mfa_factors
for each row execute function octroi_private.keep_second_factor();
