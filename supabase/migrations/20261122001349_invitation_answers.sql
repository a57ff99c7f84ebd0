-- What becomes of an invitation: accepted, declined, over.
set role octroi_owner;

-- The invitation behind a token, locked with its account, as long as it can be answered.
create function octroi_private.lock_invitation_of(p_token text)
returns octroi_private.invitation
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash bytea := sha256(convert_to(coalesce(p_token, ''), 'utf8'));
  v_invitation octroi_private.invitation;
begin
  perform octroi_private.require_user();
  -- the account first, as whoever ends a membership or invites takes them
  perform from octroi_private.account as a
  where a.id = (
    select i.account_id from octroi_private.invitation_link as l
    join octroi_private.invitation as i on i.id = l.invitation_id
    where l.token_hash = v_hash
  ) for no key update;
  select i.* into v_invitation
  from octroi_private.invitation_link as l
  join octroi_private.invitation as i on i.id = l.invitation_id
  join octroi_private.account as a on a.id = i.account_id and a.status = 'active'
  where l.token_hash = v_hash and i.state = 'waiting' and i.expires_at > octroi_private.now()
  for update of i;
  if v_invitation.id is null then
    raise exception 'this invitation was used, is over, or was taken back' using errcode = 'OC026',
      hint = 'Ask whoever invited you for another.';
  end if;
  return v_invitation;
end
$$;

create function octroi.accept_invitation(token text)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := (select auth.uid());
  v_invitation octroi_private.invitation;
  v_contact octroi_private.contact;
begin
  perform octroi_private.require_step_up();
  v_invitation := octroi_private.lock_invitation_of(accept_invitation.token);
  select c.* into v_contact from octroi_private.contact as c where c.user_id = v_user_id;
  if v_contact.email_index is distinct from v_invitation.email_index then
    raise exception 'this invitation is for another address than yours' using errcode = 'OC026',
      hint = 'Sign in with the address that it was sent to.';
  elsif not v_contact.is_verified then
    raise exception 'your address is not confirmed yet' using errcode = 'OC026',
      hint = 'Follow the link in the mail that came with your sign-up, then accept again.';
  end if;
  insert into octroi_private.member (account_id, user_id, role, created_at)
  select v_invitation.account_id, v_user_id, v_invitation.role, octroi_private.now()
  where not exists (
    select from octroi_private.member as m
    where m.account_id = v_invitation.account_id and m.user_id = v_user_id
  );
  perform octroi_private.end_invitation(v_invitation.id, 'accepted');
  return v_invitation.account_id;
end
$$;
comment on function octroi.accept_invitation(text) is
'Makes the caller a member of the team that invited their address, which Auth has confirmed, and returns the team''s id. Raises OC040, OC020, OC026, OC013 when no seat is left.';

create function octroi.decline_invitation(token text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.end_invitation(
    (octroi_private.lock_invitation_of(decline_invitation.token)).id, 'declined'
  );
  return true;
end
$$;
comment on function octroi.decline_invitation(text) is
'Turns an invitation down; its address is forgotten. Raises OC020, OC026.';

-- Invitations whose time is over, and those that ended long ago.
create function octroi_private.prune_invitations(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz := octroi_private.kept_since('invitation');
  v_expired bigint;
  v_deleted bigint;
begin
  select count(octroi_private.end_invitation(i.id, 'expired')::text) into v_expired
  from (
    select w.id from octroi_private.invitation as w
    where w.state = 'waiting' and w.expires_at <= octroi_private.now()
    order by w.expires_at
    limit p_max_rows
    for update skip locked
  ) as i;
  delete from octroi_private.invitation where id in (
    select i.id from octroi_private.invitation as i where i.ended_at <= v_since limit p_max_rows
  );
  get diagnostics v_deleted = row_count;
  return v_expired + v_deleted;
end
$$;

reset role;
