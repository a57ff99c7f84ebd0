-- Who sees invitations, and what becomes of one: accepted, declined, over.
set role octroi_owner;

create function octroi.team_invitations(max_rows integer default 100, before uuid default null)
returns table (
  id uuid, email text, role text, state text, letters integer, invited_at timestamptz, expires_at timestamptz,
  ended_at timestamptz, has_more boolean
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_account_id uuid := octroi_private.my_team_to_manage();
  v_rows integer := octroi_private.page_rows(team_invitations.max_rows, 1000);
  v_before timestamptz := 'infinity';
begin
  if team_invitations.before is not null then
    select i.created_at into v_before
    from octroi_private.invitation as i
    where i.id = team_invitations.before and i.account_id = v_account_id;
    if not found then
      raise exception 'before is the id of an invitation of this team' using errcode = '22023';
    end if;
  end if;
  return query
  select
    n.id, octroi_native.open(k.wrapped, octroi_private.sealed_place(n.user_id, 'invitation.email'), n.email), n.role,
    case when n.state = 'waiting' and n.expires_at <= octroi_private.now() then 'expired' else n.state end,
    n.letters::integer, n.created_at, n.expires_at, n.ended_at, n.has_more
  from (
    select p.*, lead(p.id) over (order by p.created_at desc, p.id desc) is not null as has_more
    from (
      select i.*
      from octroi_private.invitation as i
      where i.account_id = v_account_id and (
        team_invitations.before is null or (i.created_at, i.id) < (v_before, team_invitations.before)
      )
      order by i.created_at desc, i.id desc
      limit v_rows + 1
    ) as p
    order by p.created_at desc, p.id desc
    limit v_rows
  ) as n
  left join octroi_private.data_key as k on k.user_id = n.user_id
  order by n.created_at desc, n.id desc;
end
$$;
comment on function octroi.team_invitations(integer, uuid) is
'Invitations of the team that the caller manages, newest first; the address of one that has ended is forgotten. has_more: page on with the last id as before. Raises OC040, OC020, OC021, OC025, OC027, 22023.';

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

-- A link may be passed on: whoever answers has the address that it was sent to, confirmed.
create function octroi_private.refuse_if_not_invited(p_invitation octroi_private.invitation)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from octroi_private.contact as c
    where c.user_id = (select auth.uid()) and c.email_index = p_invitation.email_index
  ) then
    raise exception 'this invitation is for another address than yours' using errcode = 'OC026',
      hint = 'Sign in with the address that it was sent to.';
  end if;
  perform octroi_private.require_verified_address();
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
begin
  perform octroi_private.require_step_up();
  v_invitation := octroi_private.lock_invitation_of(accept_invitation.token);
  perform octroi_private.refuse_if_not_invited(v_invitation);
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
declare
  v_invitation octroi_private.invitation := octroi_private.lock_invitation_of(decline_invitation.token);
begin
  perform octroi_private.refuse_if_not_invited(v_invitation);
  perform octroi_private.end_invitation(v_invitation.id, 'declined');
  return true;
end
$$;
comment on function octroi.decline_invitation(text) is
'Turns an invitation to the caller''s address, which Auth has confirmed, down; it is forgotten. Raises OC020, OC026.';

-- Invitations whose time is over, what is left of an address that no longer counts, and those that ended long ago.
create function octroi_private.prune_invitations(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz := octroi_private.kept_since('invitation');
  v_expired bigint;
  v_forgotten bigint;
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
  update octroi_private.invitation set email_index = null where id in (
    select i.id from octroi_private.invitation as i
    where i.ended_at is not null and i.email_index is not null
      and i.last_letter_at <= octroi_private.now() - interval '24 hours'
    limit p_max_rows
    for update skip locked
  );
  get diagnostics v_forgotten = row_count;
  delete from octroi_private.invitation where id in (
    select i.id from octroi_private.invitation as i where i.ended_at <= v_since limit p_max_rows
  );
  get diagnostics v_deleted = row_count;
  return v_expired + v_forgotten + v_deleted;
end
$$;

reset role;
