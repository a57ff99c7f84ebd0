-- Members of a team: their roles, who goes, and who owns it.
set role octroi_owner;

-- Somebody who is no member of the team; of whoever shares another account with the caller, it is no foreign id.
create function octroi_private.note_missed_member(p_member_id uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.note_missed_id(exists (
    select from octroi_private.member as m where m.user_id = p_member_id
  ) and not exists (
    select from octroi_private.member as m
    where m.user_id = p_member_id and m.account_id in (select octroi_private.my_accounts())
  ))
$$;

-- A member of a team whom the caller may decide about: the owner about everybody else, an admin about members. Null for
-- anybody who is none, whoever they are elsewhere.
create function octroi_private.role_of_managed(p_account_id uuid, p_member_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text;
begin
  select m.role into v_role from octroi_private.member as m
  where m.account_id = p_account_id and m.user_id = p_member_id
  for update;
  if v_role is null then
    perform octroi_private.note_missed_member(p_member_id);
  elsif v_role = 'owner' then
    raise exception 'the owner stays the owner until the team is handed over' using errcode = 'OC027',
      hint = 'transfer_team makes another member the owner.';
  elsif v_role = 'admin' then
    perform octroi_private.refuse_unless_owner(p_account_id, 'decide about admins');
  end if;
  return v_role;
end
$$;

-- What somebody did as an admin and would go on without them.
create function octroi_private.end_administration(p_account_id uuid, p_user_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.end_invitation(i.id, 'revoked')
  from (
    select w.id from octroi_private.invitation as w
    where w.account_id = p_account_id and w.user_id = p_user_id and w.state = 'waiting'
    order by w.id
    for update
  ) as i;
  update octroi_private.auto_top_up as t
  set user_id = a.owner_user_id
  from octroi_private.account as a
  where t.account_id = p_account_id and t.user_id = p_user_id and a.id = p_account_id;
end
$$;

-- Ends a membership: from the next call on, keys and tokens of theirs are none of this account's. What they used stays
-- the team's. Calls under way go on, and are settled.
create function octroi_private.end_membership(p_account_id uuid, p_user_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- a key that was only shut out would open again with the next membership
  update octroi_private.api_key as k
  set revoked_at = octroi_private.now()
  where k.account_id = p_account_id and k.user_id = p_user_id and k.revoked_at is null;
  perform octroi_private.end_administration(p_account_id, p_user_id);
  delete from octroi_private.completion as c
  where c.account_id = p_account_id and c.user_id = p_user_id and c.finished_at is null;
  delete from octroi_private.budget as b
  where b.account_id = p_account_id and b.scope = 'member' and b.subject = p_user_id::text;
  delete from octroi_private.member as m where m.account_id = p_account_id and m.user_id = p_user_id;
end
$$;

-- Keys, then the account: in the order in which whoever changes a key takes them (001370).
create function octroi_private.lock_membership(p_account_id uuid, p_user_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from octroi_private.api_key as k
  where k.account_id = p_account_id and k.user_id = p_user_id
  order by k.id
  for update;
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
end
$$;

create function octroi.remove_member(member_id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_team_to_manage();
begin
  perform octroi_private.lock_membership(v_account_id, remove_member.member_id);
  -- as the caller's role is now, and not before the keys and the account were locked
  v_account_id := octroi_private.lock_team_to_manage();
  if octroi_private.role_of_managed(v_account_id, remove_member.member_id) is null then
    return false;
  end if;
  perform octroi_private.end_membership(v_account_id, remove_member.member_id);
  return true;
end
$$;
comment on function octroi.remove_member(uuid) is
'Takes a member out of the team that the caller manages, and revokes their keys of it; false when they are none. Only the owner removes admins. Raises OC040, OC020, OC021, OC025, OC027.';

create function octroi.leave_team()
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := (select auth.uid());
  v_account_id uuid;
begin
  perform octroi_private.require_step_up();
  v_account_id := octroi_private.my_team();
  perform octroi_private.lock_membership(v_account_id, v_user_id);
  if octroi_private.my_role(v_account_id) = 'owner' then
    raise exception 'the owner does not leave the team' using errcode = 'OC027',
      hint = 'transfer_team makes another member the owner; then leave.';
  end if;
  perform octroi_private.end_membership(v_account_id, v_user_id);
  return true;
end
$$;
comment on function octroi.leave_team() is
'Ends the caller''s membership of the team that they act for, and revokes their keys of it. Raises OC040, OC020, OC025, OC027.';

create function octroi.set_member_role(member_id uuid, role text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.lock_team_to_manage();
begin
  perform octroi_private.refuse_unless_owner(v_account_id, 'make and unmake admins');
  if set_member_role.role is null or set_member_role.role not in ('admin', 'member') then
    raise exception 'role is admin or member' using errcode = '22023', hint = 'transfer_team makes another owner.';
  end if;
  if octroi_private.role_of_managed(v_account_id, set_member_role.member_id) is null then
    return false;
  end if;
  update octroi_private.member as m set role = set_member_role.role
  where m.account_id = v_account_id and m.user_id = set_member_role.member_id and m.role <> set_member_role.role;
  if set_member_role.role = 'member' then
    perform octroi_private.end_administration(v_account_id, set_member_role.member_id);
  end if;
  return true;
end
$$;
comment on function octroi.set_member_role(uuid, text) is
'Makes a member of the caller''s team an admin, or an admin a member; false when they are no member. For the owner. Raises OC040, OC020, OC021, OC025, OC027, 22023.';

create function octroi.transfer_team(member_id uuid, keep_payment_details boolean default false)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := (select auth.uid());
  v_account_id uuid := octroi_private.my_team_to_manage();
begin
  perform octroi_private.refuse_unless_owner(v_account_id, 'hand it over');
  if transfer_team.member_id = v_user_id then
    raise exception 'you are the owner already' using errcode = 'OC027';
  elsif transfer_team.keep_payment_details is null then
    raise exception 'keep_payment_details is true or false' using errcode = '22023';
  elsif not exists (
    select from octroi_private.member as m
    where m.account_id = v_account_id and m.user_id = transfer_team.member_id
  ) then
    perform octroi_private.note_missed_member(transfer_team.member_id);
    return false;
  elsif octroi_private.is_banned(transfer_team.member_id) then
    raise exception 'this member is suspended' using errcode = 'OC027';
  end if;
  -- people before accounts, as an erasure takes them
  perform octroi_private.refuse_another_team(
    transfer_team.member_id, octroi_private.is_on_default_plan(v_account_id)
  );
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  -- as it stands now: another transfer may have been first
  perform octroi_private.refuse_unless_owner(v_account_id, 'hand it over');
  update octroi_private.account as a set owner_user_id = transfer_team.member_id
  where a.id = v_account_id and exists (
    select from octroi_private.member as m
    where m.account_id = a.id and m.user_id = transfer_team.member_id
  );
  if not found then
    return false;
  end if;
  update octroi_private.member as m set role = case m.user_id when v_user_id then 'admin' else 'owner' end
  where m.account_id = v_account_id and m.user_id in (v_user_id, transfer_team.member_id);
  update octroi_private.auto_top_up as t set user_id = transfer_team.member_id where t.account_id = v_account_id;
  perform octroi_private.hand_over_team(v_account_id, v_user_id, not transfer_team.keep_payment_details);
  return true;
end
$$;
comment on function octroi.transfer_team(uuid, boolean) is
'Makes a member the owner of the caller''s team and the caller an admin; false when they are no member. The caller''s means of payment, name and addresses are taken off the team at Stripe unless they are to stay. Raises OC040, OC020, OC021, OC025, OC027, OC013.';

reset role;
