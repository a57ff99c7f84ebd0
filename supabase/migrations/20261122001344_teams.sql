-- Teams: accounts of several people, who share a plan, its quota and its invoices. Whoever makes one owns it.
--
--   owner    everything, and alone: makes and unmakes admins, hands the team over
--   admin    pays, invites, removes members, sets budgets, sees all usage
--   member   calls, and sees their own
--
-- An RPC about a team acts for the account that the caller names (named_account, 001300); whom it is done to is an
-- argument, looked for among that team's members.
set role octroi_owner;

create table octroi_private.team_setting (
  only_row boolean primary key default true check (only_row),
  max_owned_teams integer not null default 20 check (max_owned_teams between 1 and 10000),
  -- of these, on the default plan: each comes with that plan's quota, which nobody pays for
  max_owned_unpaid_teams integer not null default 1 check (max_owned_unpaid_teams between 0 and 10000),
  invitation_seconds integer not null default 604800 check (invitation_seconds between 3600 and 2592000),
  max_waiting_invitations integer not null default 100 check (max_waiting_invitations between 1 and 10000),
  -- within 24 hours: by one team, by one user on whichever of their teams; and letters to one address, from whomever,
  -- those that are sent again counted
  max_daily_invitations_of_team integer not null default 100 check (
    max_daily_invitations_of_team between 1 and 10000
  ),
  max_daily_invitations_of_inviter integer not null default 50 check (
    max_daily_invitations_of_inviter between 1 and 10000
  ),
  max_daily_letters_to_invited integer not null default 3 check (max_daily_letters_to_invited between 1 and 1000),
  letters_per_invitation integer not null default 5 check (letters_per_invitation between 1 and 20),
  seconds_between_letters integer not null default 600 check (seconds_between_letters between 0 and 86400)
);
comment on table octroi_private.team_setting is 'One row: what the operator decides about teams and invitations.';
insert into octroi_private.team_setting default values;
create trigger team_setting_audited
after insert or update or delete on octroi_private.team_setting
for each row execute function octroi_private.audit('team_setting');

create function octroi_private.set_team_settings(p_settings jsonb)
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
  v_after jsonb;
begin
  select string_agg(k.key, ', ') into v_wrong
  from jsonb_each(p_settings) as k
  where k.key = 'only_row' or not exists (
    select from octroi_private.team_setting as s where to_jsonb(s) ? k.key
  ) or not octroi_private.is_whole(k.value, 0, 2592000);
  if v_wrong is not null then
    raise exception 'these are no team settings, or no whole numbers: %', v_wrong using errcode = '22023';
  end if;
  update octroi_private.team_setting as s
  set max_owned_teams = n.max_owned_teams, max_owned_unpaid_teams = n.max_owned_unpaid_teams,
    invitation_seconds = n.invitation_seconds, max_waiting_invitations = n.max_waiting_invitations,
    max_daily_invitations_of_team = n.max_daily_invitations_of_team,
    max_daily_invitations_of_inviter = n.max_daily_invitations_of_inviter,
    max_daily_letters_to_invited = n.max_daily_letters_to_invited,
    letters_per_invitation = n.letters_per_invitation, seconds_between_letters = n.seconds_between_letters
  from octroi_private.team_setting as b
  cross join lateral jsonb_populate_record(b, p_settings) as n
  where s.only_row and b.only_row
  returning to_jsonb(s) - 'only_row' into v_after;
  return v_after;
end
$$;
comment on function octroi_private.set_team_settings(jsonb) is
'Changes what is named and returns all of it. Raises 22023 for a name or value that is none, 23514 for one outside its range.';

-- Whether somebody pays for an account, or its operator gave it a plan.
create function octroi_private.is_on_default_plan(p_account_id uuid)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select not exists (
    select from octroi_private.subscription as s
    join octroi_private.plan_version as v on v.id = s.plan_version_id
    join octroi_private.plan as p on p.code = v.plan_code
    where s.account_id = p_account_id and s.ended_at is null and not p.is_default
  )
$$;

-- Waits for whoever else gives this person a team, so that the count below is true until the end of the transaction.
create function octroi_private.refuse_another_team(p_user_id uuid, p_is_unpaid boolean)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_set octroi_private.team_setting;
  v_owned bigint;
  v_unpaid bigint;
begin
  perform from octroi_private.person as p where p.user_id = p_user_id for no key update;
  select s.* into strict v_set from octroi_private.team_setting as s;
  select count(*), count(*) filter (where octroi_private.is_on_default_plan(a.id)) into v_owned, v_unpaid
  from octroi_private.account as a
  where a.owner_user_id = p_user_id and a.kind = 'team' and a.status <> 'closed';
  if v_owned >= v_set.max_owned_teams then
    raise exception 'this user owns % teams, as many as one may', v_owned using errcode = 'OC013',
      hint = 'transfer_team hands one over to a member of it.';
  elsif p_is_unpaid and v_unpaid >= v_set.max_owned_unpaid_teams then
    raise exception 'this user owns % teams that nobody pays for, as many as one may', v_unpaid
      using errcode = 'OC013', hint = 'start_checkout buys a plan for one of them; transfer_team hands one over.';
  end if;
end
$$;

-- Mails of Octroi carry the name of a team to whoever it invites, from the operator's own address: it leads nowhere.
create function octroi_private.team_name_fault(p_name text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_name is null or p_name !~ '^[^[:cntrl:]]{1,200}$' then 'a team''s name has 1 to 200 characters'
    when p_name ~* '/|www\.' then 'a team''s name has no "/" and no "www."'
  end
$$;

create function octroi_private.open_team(p_owner_user_id uuid, p_name text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.uuid_v7();
  v_now timestamptz := octroi_private.now();
begin
  if octroi_private.team_name_fault(p_name) is not null then
    raise exception '%', octroi_private.team_name_fault(p_name) using errcode = '22023';
  end if;
  insert into octroi_private.account (id, kind, owner_user_id, name, created_at)
  values (v_account_id, 'team', p_owner_user_id, p_name, v_now);
  insert into octroi_private.member (account_id, user_id, role, created_at)
  values (v_account_id, p_owner_user_id, 'owner', v_now);
  perform octroi_private.give_default_plan(v_account_id, v_now);
  perform octroi_private.record_audit('account.insert', v_account_id, v_account_id::text, '{"kind": "team"}', null);
  return v_account_id;
end
$$;
comment on function octroi_private.open_team(uuid, text) is
'Makes a team of somebody, on the default plan, and returns its id. For operators: no limit of team_setting applies. Raises 22023, OC020.';

create function octroi.create_team(name text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := (select auth.uid());
begin
  perform octroi_private.require_step_up();
  perform octroi_private.require_user();
  perform octroi_private.refuse_another_team(v_user_id, true);
  return octroi_private.open_team(v_user_id, create_team.name);
end
$$;
comment on function octroi.create_team(text) is
'Makes a team that the caller owns, on the default plan, and returns its id. Raises OC040, OC020, OC013, 22023.';

create function octroi.my_accounts()
returns table (
  id uuid, name text, kind text, role text, status text, plan text, seats integer, members bigint, is_acting boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    a.id, a.name, a.kind, m.role, a.status, v.plan_code, v.seats,
    (select count(*) from octroi_private.member as o where o.account_id = a.id),
    a.id is not distinct from octroi_private.acting_account()
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  left join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
  left join octroi_private.plan_version as v on v.id = s.plan_version_id
  where m.user_id = (select octroi_private.my_user_id())
  order by (a.kind = 'personal') desc, a.id
$$;
comment on function octroi.my_accounts() is
'The accounts of which the caller is a member, their personal one first. is_acting: the one that this call acts for; none, where it names none of theirs.';

-- The role of the caller on an account; null when they are no member.
create function octroi_private.my_role(p_account_id uuid)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.role from octroi_private.member as m
  where m.account_id = p_account_id and m.user_id = (select octroi_private.my_user_id())
$$;

-- The team that the caller acts for.
create function octroi_private.my_team()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account();
begin
  if not exists (select from octroi_private.account as a where a.id = v_account_id and a.kind = 'team') then
    raise exception 'this call acts for a personal account, which has one member' using errcode = 'OC027',
      hint = 'Name a team by its id in the header x-octroi-account; octroi.my_accounts() lists yours.';
  end if;
  return v_account_id;
end
$$;

-- The same, for what only its owner and admins may do, with their second factor, if they have one.
create function octroi_private.my_team_to_manage()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.require_step_up();
  perform octroi_private.my_team();
  return octroi_private.my_billed_account();
end
$$;

-- The same, locked before the role is read: whoever lost it while this waited decides nothing more.
create function octroi_private.lock_team_to_manage()
returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_team_to_manage();
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  return octroi_private.my_team_to_manage();
end
$$;

create function octroi_private.refuse_unless_owner(p_account_id uuid, p_what text)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if octroi_private.my_role(p_account_id) is distinct from 'owner' then
    raise exception 'only the owner of the team may %', p_what using errcode = 'OC021';
  end if;
end
$$;

-- Addresses are for whoever manages the team, in a session that has shown a second factor where there is one; for
-- anybody else they are masked. One that does not open hides no member.
create function octroi.team_members()
returns table (
  member_id uuid, email text, role text, joined_at timestamptz, has_seat boolean, is_me boolean
)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    m.user_id,
    case when me.sees_addresses or m.user_id = me.user_id then o.email else octroi_private.mask_email(o.email) end,
    m.role, m.created_at, octroi_private.has_seat(m.account_id, m.user_id, me.seats), m.user_id = me.user_id
  from (
    select
      t.account_id, (select auth.uid()) as user_id, octroi_private.seats_of(t.account_id) as seats,
      octroi_private.my_role(t.account_id) in ('owner', 'admin') and octroi_private.has_stepped_up() as sees_addresses
    from octroi_private.my_team() as t (account_id)
  ) as me
  join octroi_private.member as m on m.account_id = me.account_id
  left join octroi_private.contact as c on c.user_id = m.user_id
  left join octroi_private.data_key as k on k.user_id = m.user_id
  left join lateral (
    select octroi_native.open(k.wrapped, octroi_private.sealed_place(k.user_id, 'contact.email'), c.email) as email
    where k.wrapped is not null and c.email is not null
  ) as o on true
  order by array_position(array['owner', 'admin', 'member'], m.role), m.created_at, m.user_id
$$;
comment on function octroi.team_members() is
'The members of the team that the caller acts for. Owner and admins see addresses, others a mask. has_seat: whether they may call. Raises OC020, OC025, OC027.';

reset role;
