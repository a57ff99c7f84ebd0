-- Invitations: an address is asked to join a team, by a mail with a link that works once.
--
--   invite_member ─► invitation, mail ─job─► claim_mail ─► a link with a new token ─► accept_invitation(token)
--
-- Of a token only the hash is stored, so it is made when its mail goes: whoever reads the database reads no link. A
-- mail whose delivery is unknown goes again, with a token of its own; all of an invitation's work until one is used, or
-- the invitation is sent anew, revoked, or over. The address is sealed with the key of whoever invites, goes with them,
-- and is forgotten when the invitation ends; its keyed hash a day after the last letter, when it no longer counts
-- against another. Whoever invites, accepts or declines has an address that Auth has confirmed; who answers, that very
-- address.
set role octroi_owner;

create table octroi_private.invitation (
  id uuid primary key default octroi_private.uuid_v7(),
  account_id uuid not null references octroi_private.account (id),
  -- who invites
  user_id uuid not null,
  email bytea check (octet_length(email) between 44 and 1500),
  email_index bytea check (octet_length(email_index) = 32),
  role text not null check (role in ('admin', 'member')),
  -- the front end's page, which takes the token from its fragment
  accept_url text check (length(accept_url) between 1 and 2000),
  state text not null default 'waiting' check (state in ('waiting', 'accepted', 'declined', 'revoked', 'expired')),
  letters smallint not null default 1 check (letters between 1 and 20),
  created_at timestamptz not null,
  last_letter_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  ended_at timestamptz,
  constraint invitation_forgets_when_ended check (
    (state = 'waiting') = (ended_at is null)
    and num_nonnulls(email, accept_url) = case state when 'waiting' then 2 else 0 end
    and (state <> 'waiting' or email_index is not null)
  )
);
comment on table octroi_private.invitation is 'Addresses that were asked to join a team. Whose they are is forgotten when the invitation ends.';
create unique index invitation_one_waits on octroi_private.invitation (account_id, email_index) where state = 'waiting';
create index invitation_account on octroi_private.invitation (account_id, created_at, id);
create index invitation_user on octroi_private.invitation (user_id, created_at);
create index invitation_address on octroi_private.invitation (email_index, last_letter_at);
create index invitation_waiting on octroi_private.invitation (expires_at) where state = 'waiting';
create index invitation_ended on octroi_private.invitation (ended_at) where ended_at is not null;
create index invitation_to_forget on octroi_private.invitation (last_letter_at)
where ended_at is not null and email_index is not null;
-- the letters of an invitation, each with the time it was written
create index mail_invitation on octroi_private.mail ((data ->> 'invitation_id')) where kind = 'invitation';

create table octroi_private.invitation_link (
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  invitation_id uuid not null references octroi_private.invitation (id) on delete cascade
);
comment on table octroi_private.invitation_link is 'What opens an invitation, by the SHA-256 of its token. Gone when it is used or the invitation ends.';
create index invitation_link_invitation on octroi_private.invitation_link (invitation_id);

create trigger invitation_audited
after insert or update of state, letters on octroi_private.invitation
for each row execute function octroi_private.audit('invitation');

-- Writes the letter of an invitation, for what the worker finds when it sends it.
create function octroi_private.enqueue_invitation(p_invitation octroi_private.invitation)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.enqueue_mail(
    p_invitation.account_id, p_invitation.user_id, 'invitation', format('%s:%s', p_invitation.id, p_invitation.letters),
    jsonb_build_object(
      'invitation_id', p_invitation.id, 'letter', p_invitation.letters, 'role', p_invitation.role,
      'expires_at', p_invitation.expires_at
    ), p_invitation.expires_at
  )
$$;

-- What claim_mail needs of an invitation: where it goes, and a link that nobody has seen. No row when it is waited for
-- no more, or was written anew since.
create function octroi_private.open_invitation_mail(p_mail octroi_private.mail)
returns table (address text, locale text, data jsonb)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_token text := encode(sha256(convert_to(
    gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'utf8'
  )), 'hex');
  v_invitation octroi_private.invitation;
begin
  select i.* into v_invitation
  from octroi_private.invitation as i
  where i.id = (p_mail.data ->> 'invitation_id')::uuid and i.state = 'waiting'
    and i.letters = (p_mail.data ->> 'letter')::integer and i.expires_at > octroi_private.now()
  for update;
  if v_invitation.id is null then
    return;
  end if;
  insert into octroi_private.invitation_link (token_hash, invitation_id)
  values (sha256(convert_to(v_token, 'utf8')), v_invitation.id);
  return query
  select
    octroi_private.open_for(v_invitation.user_id, 'invitation.email', v_invitation.email),
    coalesce(n.locale, 'en'), p_mail.data || jsonb_build_object(
      'url', v_invitation.accept_url || '#invitation=' || v_token, 'inviter', octroi_native.open(
        k.wrapped, octroi_private.sealed_place(v_invitation.user_id, 'contact.email'), c.email
      )
    )
  from (select 1 as n) as once
  -- in the language of who is written to, where they are known
  left join lateral (
    select s.locale
    from octroi_private.notification_setting as s
    left join octroi_private.contact as t on t.user_id = s.user_id and t.is_verified
    where t.email_index = v_invitation.email_index or s.user_id = v_invitation.user_id
    order by (t.email_index is not distinct from v_invitation.email_index) desc
    limit 1
  ) as n on true
  left join octroi_private.contact as c on c.user_id = v_invitation.user_id
  left join octroi_private.data_key as k on k.user_id = v_invitation.user_id;
end
$$;

-- Ends an invitation that the caller has locked.
create function octroi_private.end_invitation(p_id uuid, p_state text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from octroi_private.invitation_link where invitation_id = p_id;
  update octroi_private.invitation
  set state = p_state, ended_at = octroi_private.now(), email = null, accept_url = null,
    email_index = case when last_letter_at > octroi_private.now() - interval '24 hours' then email_index end
  where id = p_id and state = 'waiting';
end
$$;

-- Whoever sends mail to strangers has shown that an address is theirs: anybody could sign up with one that is not.
create function octroi_private.require_verified_address()
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from octroi_private.contact as c where c.user_id = (select auth.uid()) and c.is_verified
  ) then
    raise exception 'your address is not confirmed yet' using errcode = 'OC026',
      hint = 'Follow the link in the mail that came with your sign-up, then try again.';
  end if;
end
$$;

-- Refuses what would be one letter too many to an address within a day, from whichever team and however often sent.
create function octroi_private.refuse_another_letter(p_email_index bytea)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz := octroi_private.now() - interval '24 hours';
begin
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.invitation ' || encode(p_email_index, 'hex'), 0));
  if (
    select count(*)
    from octroi_private.invitation as i
    join octroi_private.mail as m on m.kind = 'invitation' and m.data ->> 'invitation_id' = i.id::text
    where i.email_index = p_email_index and i.last_letter_at > v_since and m.created_at > v_since
  ) >= (select s.max_daily_letters_to_invited from octroi_private.team_setting as s) then
    raise exception 'this address was written to often enough within 24 hours' using errcode = 'OC013',
      hint = 'Try again tomorrow.';
  end if;
end
$$;

-- Refuses what would be one too many. The caller has the account locked.
create function octroi_private.refuse_another_invitation(p_account_id uuid, p_user_id uuid, p_email_index bytea)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz := octroi_private.now() - interval '24 hours';
  v_set octroi_private.team_setting;
  v_waiting bigint := (
    select count(*) from octroi_private.invitation as i where i.account_id = p_account_id and i.state = 'waiting'
  );
begin
  select s.* into strict v_set from octroi_private.team_setting as s;
  -- of one user on several teams at once
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.invitation ' || p_user_id, 0));
  if v_waiting >= v_set.max_waiting_invitations then
    raise exception 'this team has % invitations waiting already', v_waiting using errcode = 'OC013',
      hint = 'revoke_invitation ends one.';
  elsif (
    select count(*) from octroi_private.member as m where m.account_id = p_account_id
  ) + v_waiting >= octroi_private.seats_of(p_account_id) then
    raise exception 'all % seats of the plan are taken or kept for who is invited',
      octroi_private.seats_of(p_account_id) using errcode = 'OC013',
      hint = 'A bigger plan has more; remove_member or revoke_invitation frees one.';
  elsif (
    select count(*) from octroi_private.invitation as i
    where i.account_id = p_account_id and i.created_at > v_since
  ) >= v_set.max_daily_invitations_of_team then
    raise exception 'this team has invited % people within 24 hours', v_set.max_daily_invitations_of_team
      using errcode = 'OC013', hint = 'Try again tomorrow.';
  elsif (
    select count(*) from octroi_private.invitation as i where i.user_id = p_user_id and i.created_at > v_since
  ) >= v_set.max_daily_invitations_of_inviter then
    raise exception 'you have invited % people within 24 hours', v_set.max_daily_invitations_of_inviter
      using errcode = 'OC013', hint = 'Try again tomorrow.';
  end if;
  perform octroi_private.refuse_another_letter(p_email_index);
end
$$;

create function octroi.invite_member(email text, accept_url text, role text default 'member')
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_account_id uuid := octroi_private.lock_team_to_manage();
  v_user_id uuid := (select auth.uid());
  v_now timestamptz := octroi_private.now();
  v_index bytea;
  v_waiting uuid;
  v_invitation octroi_private.invitation;
begin
  if invite_member.role is null or invite_member.role not in ('admin', 'member') then
    raise exception 'role is admin or member' using errcode = '22023', hint = 'transfer_team makes another owner.';
  elsif invite_member.role = 'admin' then
    perform octroi_private.refuse_unless_owner(v_account_id, 'make admins');
  end if;
  if invite_member.email is null or length(invite_member.email) > 320
    or invite_member.email !~ '^[^[:space:][:cntrl:]@<>,;"]+@[^[:space:][:cntrl:]@<>,;"]+$' then
    raise exception 'email is one e-mail address' using errcode = '22023';
  end if;
  perform octroi_private.refuse_url('accept_url', invite_member.accept_url);
  if invite_member.accept_url ~ '#' then
    raise exception 'accept_url has no fragment: the token of the invitation becomes it' using errcode = '22023';
  end if;
  perform octroi_private.require_verified_address();
  v_index := octroi_private.blind_index('email', invite_member.email);
  if exists (
    select from octroi_private.member as m
    join octroi_private.contact as c on c.user_id = m.user_id
    where m.account_id = v_account_id and c.email_index = v_index
  ) then
    raise exception 'whoever has this address is a member already' using errcode = 'OC027';
  end if;
  select i.id into v_waiting
  from octroi_private.invitation as i
  where i.account_id = v_account_id and i.email_index = v_index and i.state = 'waiting'
  for update;
  if exists (
    select from octroi_private.invitation as i where i.id = v_waiting and i.expires_at > v_now
  ) then
    raise exception 'this address has an invitation that waits' using errcode = 'OC026',
      hint = 'resend_invitation sends it again.';
  end if;
  perform octroi_private.end_invitation(v_waiting, 'expired');
  perform octroi_private.refuse_another_invitation(v_account_id, v_user_id, v_index);
  insert into octroi_private.invitation (
    account_id, user_id, email, email_index, role, accept_url, created_at, last_letter_at, expires_at
  )
  select
    v_account_id, v_user_id, octroi_private.seal_for(v_user_id, 'invitation.email', invite_member.email), v_index,
    invite_member.role, invite_member.accept_url, v_now, v_now, v_now + make_interval(secs => s.invitation_seconds)
  from octroi_private.team_setting as s
  returning * into v_invitation;
  perform octroi_private.enqueue_invitation(v_invitation);
  return v_invitation.id;
end
$$;
comment on function octroi.invite_member(text, text, text) is
'Invites an address to the team that the caller acts for, by a mail with a link to accept_url#invitation=TOKEN, and returns the invitation''s id. Raises OC040, OC021, OC025, OC026, OC027, OC013, OC031, OC050, 22023.';

-- An invitation of the team that the caller manages, locked; null for any other id.
create function octroi_private.lock_my_invitation(p_id uuid)
returns octroi_private.invitation
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.lock_team_to_manage();
  v_invitation octroi_private.invitation;
begin
  select i.* into v_invitation
  from octroi_private.invitation as i
  where i.id = p_id and i.account_id = v_account_id and i.state = 'waiting'
  for update;
  if v_invitation.id is null then
    perform octroi_private.note_missed_id(exists (
      select from octroi_private.invitation as i
      where i.id = p_id and i.account_id not in (select octroi_private.my_administered_accounts())
    ));
  elsif v_invitation.role = 'admin' then
    perform octroi_private.refuse_unless_owner(v_account_id, 'decide about admins');
  end if;
  return v_invitation;
end
$$;

create function octroi.resend_invitation(id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_invitation octroi_private.invitation := octroi_private.lock_my_invitation(resend_invitation.id);
  v_set octroi_private.team_setting;
begin
  if v_invitation.id is null then
    return false;
  end if;
  select s.* into strict v_set from octroi_private.team_setting as s;
  if v_invitation.letters >= v_set.letters_per_invitation then
    raise exception 'this invitation was sent % times', v_invitation.letters using errcode = 'OC013',
      hint = 'revoke_invitation ends it; then the address can be invited anew.';
  elsif v_invitation.last_letter_at > v_now - make_interval(secs => v_set.seconds_between_letters) then
    raise exception 'this invitation was sent less than % seconds ago', v_set.seconds_between_letters
      using errcode = 'OC013', hint = 'Wait a little.';
  end if;
  perform octroi_private.require_verified_address();
  perform octroi_private.refuse_another_letter(v_invitation.email_index);
  delete from octroi_private.invitation_link where invitation_id = v_invitation.id;
  update octroi_private.invitation as i
  set letters = i.letters + 1, last_letter_at = v_now,
    expires_at = v_now + make_interval(secs => v_set.invitation_seconds)
  where i.id = v_invitation.id
  returning * into v_invitation;
  perform octroi_private.enqueue_invitation(v_invitation);
  return true;
end
$$;
comment on function octroi.resend_invitation(uuid) is
'Sends a waiting invitation again, with a new link and all its time; earlier links end. False when there is none. Raises OC040, OC021, OC025, OC026, OC027, OC013.';

create function octroi.revoke_invitation(id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation octroi_private.invitation := octroi_private.lock_my_invitation(revoke_invitation.id);
begin
  if v_invitation.id is null then
    return false;
  end if;
  perform octroi_private.end_invitation(v_invitation.id, 'revoked');
  return true;
end
$$;
comment on function octroi.revoke_invitation(uuid) is
'Takes a waiting invitation of the team back: its link leads nowhere any more. False when there is none. Raises OC040, OC021, OC025, OC027.';

reset role;
