-- Invitations: a mail with a link that works once, for one address, for a while; within limits; and what is kept of it.
begin;
\ir setup/cast.sql
select plan(51);
\set page '\'http://localhost:3000/join\''

-- What the worker is given to send for an invitation, as the last attempt had it: address, language, link.
create table tap.letter (invitation_id uuid, address text, locale text, account_name text, data jsonb, token text);
create function tap.send(p_invitation_id uuid) returns bigint
language sql
begin atomic
with sent as (
  insert into tap.letter
  select p_invitation_id, c.address, c.locale, c.account_name, c.data,
    substring(c.data ->> 'url' from '^http://localhost:3000/join#invitation=([0-9a-f]{64})$')
  from octroi_private.mail as m
  cross join lateral octroi_private.claim_mail(m.id) as c
  where m.kind = 'invitation' and (m.data ->> 'invitation_id')::uuid = p_invitation_id and m.state = 'queued'
  returning 1
)
select count(*) from sent;
end;
-- So long after now.
create function tap.travel(p_shift interval) returns void
language sql
begin atomic
insert into octroi_private.test_clock (shift) values (p_shift)
on conflict (only_row) do update set shift = excluded.shift;
end;
create function tap.confirm(p_user_id uuid) returns void
language sql
begin atomic
update auth.users set email_confirmed_at = now() where id = p_user_id;
end;

select tap.confirm(:ada), tap.confirm(:olga) \g /dev/null

-- Ada invites Sten.
select tap.play_for(:ada, :team) \g /dev/null
select octroi.invite_member('Sten@Example.test', :page) as id \gset
select results_eq(
  $$select i.email, i.role, i.state, i.letters from octroi.team_invitations() as i$$,
  $$values ('Sten@Example.test', 'member', 'waiting', 1)$$, 'an invitation is listed to whoever looks after the team'
);
select tap.clear() \g /dev/null
select is(
  (select count(*) from octroi_private.mail as m where m.data::text || m.dedupe_key ~* 'sten@'), 0::bigint,
  'the mail has no address in the clear'
);
select is((select count(*) from octroi_private.invitation_link), 0::bigint, 'before it is sent there is no link');
select is(tap.send(:'id'), 1::bigint, 'it is sent');
select results_eq(
  $$select l.address, l.account_name, l.data ->> 'inviter', l.data ->> 'role' from tap.letter as l$$,
  $$values ('Sten@Example.test', 'Team', 'ada@example.test', 'member')$$,
  'to the address, with who invites, and to what'
);
select l.token from tap.letter as l \gset
select is(
  (select k.token_hash from octroi_private.invitation_link as k), sha256(convert_to(:'token', 'utf8')),
  'of its token the hash is stored'
);
create function tap.holding(p_text text) returns setof text
language plpgsql
as $$
declare
  v_table regclass;
  v_found boolean;
begin
  for v_table in
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format('select exists (select from %s as t where t::text ilike %L)', v_table, '%' || p_text || '%')
    into v_found;
    if v_found then
      return next v_table::text;
    end if;
  end loop;
end
$$;
select is_empty(format('select * from tap.holding(%L)', :'token'), 'and no row of any table has the token');
select is_empty('select * from tap.holding(''sten@example'')', 'or the address');

-- Who may accept: the address that was invited, once Auth has confirmed it.
select tap.play(:mia) \g /dev/null
select throws_like(
  format('select octroi.accept_invitation(%L)', :'token'), '%for another address%', 'somebody else does not accept it'
);
select tap.play(:sten) \g /dev/null
select throws_like(
  format('select octroi.accept_invitation(%L)', :'token'), '%not confirmed%',
  'nor whoever has not confirmed the address'
);
select tap.clear() \g /dev/null
select tap.confirm(:sten) \g /dev/null
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), :sten, 'totp', 'verified', now(), now());
select tap.play(:sten) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.accept_invitation(%L)', :'token')), 'OC040', 'nor without the second factor'
);
select tap.clear() \g /dev/null
delete from auth.mfa_factors;
select tap.play(:sten) \g /dev/null
select is(octroi.accept_invitation(:'token'), :team, 'they do then, whatever the spelling');
select results_eq(
  $$select a.name, a.role from octroi.my_accounts() as a where a.kind = 'team'$$, $$values ('Team', 'member')$$,
  'and are a member'
);
select is(tap.outcome_of(format('select octroi.accept_invitation(%L)', :'token')), 'OC026', 'the link works once');
select tap.clear() \g /dev/null
select results_eq(
  $$select i.state, i.email is null, i.accept_url is null, i.ended_at is not null from octroi_private.invitation as i$$,
  $$values ('accepted', true, true, true)$$, 'the address is forgotten'
);
select is((select count(*) from octroi_private.invitation_link), 0::bigint, 'and no link is left');
select is(
  (select array_agg(l.action || coalesce(':' || (l.detail ->> 'state'), '') order by l.id)
  from octroi_private.audit_log as l
  where l.account_id = :team and (l.action like 'invitation.%' or l.action = 'member.insert' and l.id > (
    select min(m.id) from octroi_private.audit_log as m where m.action = 'invitation.insert'
  ))),
  array['invitation.insert:waiting', 'member.insert', 'invitation.update:accepted'], 'all of it is in the audit log'
);
select is(
  (select count(*) from octroi_private.audit_log as l where l.detail::text ~* 'email|accept_url|example'), 0::bigint,
  'without address and page'
);

-- What is refused, before anything is written.
select tap.play_for(:mia, :team) \g /dev/null
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'http://localhost:3000/')$$), 'OC021',
  'a member invites nobody'
);
select is(tap.outcome_of('select octroi.team_invitations()'), 'OC021', 'nor sees who is invited');
select tap.play_for(:ada, :team) \g /dev/null
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'http://localhost:3000/', 'admin')$$), 'OC021',
  'an admin makes no admin'
);
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'http://localhost:3000/', 'owner')$$), '22023',
  'nobody is invited as an owner'
);
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'https://evil.test/')$$), 'OC031',
  'the page is the service''s'
);
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'http://localhost:3000/#here')$$), '22023',
  'and has no fragment of its own'
);
select is(
  tap.outcome_of($$select octroi.invite_member('two@y.test, three@y.test', 'http://localhost:3000/')$$), '22023',
  'one address is invited'
);
select is(
  tap.outcome_of($$select octroi.invite_member('MIA@example.test', 'http://localhost:3000/')$$), 'OC027',
  'and not a member''s'
);
select tap.play(:ada) \g /dev/null
select is(
  tap.outcome_of($$select octroi.invite_member('x@y.test', 'http://localhost:3000/')$$), 'OC027',
  'a personal account invites nobody'
);

-- Sent again: a new link, the old one ends; not at once, and not for ever.
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', :page, 'admin') as id \gset
select is(
  tap.outcome_of($$select octroi.invite_member('nora@example.test', 'http://localhost:3000/')$$), 'OC026',
  'an address has one invitation that waits'
);
select is(
  tap.outcome_of(format('select octroi.resend_invitation(%L)', :'id')), 'OC013', 'it is not sent again at once'
);
select tap.clear() \g /dev/null
truncate tap.letter;
select tap.send(:'id') \g /dev/null
-- an attempt whose outcome is unknown is made again
select tap.send(:'id') \g /dev/null
select is((select count(distinct l.token) from tap.letter as l), 2::bigint, 'each attempt has a link of its own');
select is((select count(*) from octroi_private.invitation_link), 2::bigint, 'and all of them work');
select tap.travel('6 days') \g /dev/null
select tap.play_for(:ada, :team) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.resend_invitation(%L)', :'id')), 'OC021', 'an admin does not decide about admins'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.resend_invitation(:'id'), true, 'later it is sent again');
select tap.clear() \g /dev/null
select is((select count(*) from octroi_private.invitation_link), 0::bigint, 'the links before it lead nowhere');
update octroi_private.mail set state = 'queued', finished_at = null where kind = 'invitation';
select is(tap.send(:'id'), 1::bigint, 'of its letters only the last is sent');

-- It ends by itself.
select tap.travel('12 days') \g /dev/null
insert into auth.users (id, email, email_confirmed_at) values (:missing, 'nora@example.test', now());
select l.token from tap.letter as l order by l.ctid desc limit 1 \gset
select tap.play(:missing) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.accept_invitation(%L)', :'token')), '00000',
  'six days after the second letter it is good'
);
select tap.clear() \g /dev/null
select tap.travel('14 days') \g /dev/null
select tap.play(:missing) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.accept_invitation(%L)', :'token')), 'OC026', 'eight days after it is over'
);
select tap.clear() \g /dev/null
select is(octroi_private.prune_invitations(100), 2::bigint, 'the sweep ends it, and forgets the one before');
select results_eq(
  format('select i.state, i.email from octroi_private.invitation as i where i.id = %L', :'id'),
  $$values ('expired', null::bytea)$$, 'and forgets the address'
);

-- Declined, and revoked.
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', :page) as id \gset
select tap.clear() \g /dev/null
select tap.send(:'id') \g /dev/null
select l.token from tap.letter as l where l.invitation_id = :'id' \gset
select tap.play(:missing) \g /dev/null
select is(octroi.decline_invitation(:'token'), true, 'who is invited may decline');
select is(
  tap.outcome_of(format('select octroi.accept_invitation(%L)', :'token')), 'OC026', 'and does not accept after that'
);
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', :page) as id \gset
select tap.clear() \g /dev/null
select tap.send(:'id') \g /dev/null
select l.token from tap.letter as l where l.invitation_id = :'id' \gset
select tap.play(:sten) \g /dev/null
select octroi.create_team('Sten & Co') as stens \gset
select tap.play_for(:sten, :'stens') \g /dev/null
select is(
  octroi.revoke_invitation(:'id'), octroi.revoke_invitation(:missing), 'a foreign invitation is as good as none'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.revoke_invitation(:'id'), true, 'an invitation can be taken back');
select tap.play(:missing) \g /dev/null
select is(tap.outcome_of(format('select octroi.accept_invitation(%L)', :'token')), 'OC026', 'and leads nowhere then');

-- Limits, each by its name. Mia, and whoever was invited, hold a seat of the five.
select tap.clear() \g /dev/null
create function tap.refusal_of(p_statement text) returns text
language plpgsql
as $$
begin
  execute p_statement;
  return 'none';
exception
  when others then
    return sqlstate || ' ' || sqlerrm;
end
$$;
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('one@y.test', :page) as one \gset
select matches(
  tap.refusal_of($$select octroi.invite_member('two@y.test', 'http://localhost:3000/')$$), '^OC013 all 5 seats',
  'who is invited has a seat kept'
);
select tap.clear() \g /dev/null
select octroi_private.assign_plan(:team, 'premium') \g /dev/null
select octroi_private.set_team_settings(format('{"%s": 1}', s.name)::jsonb)
from unnest(array['max_waiting_invitations']) as s (name) \g /dev/null
select tap.play_for(:olga, :team) \g /dev/null
select matches(
  tap.refusal_of($$select octroi.invite_member('two@y.test', 'http://localhost:3000/')$$),
  '^OC013 this team has 1 invitations waiting',
  'so many wait'
);
select tap.clear() \g /dev/null
select octroi_private.set_team_settings(
  '{"max_waiting_invitations": 100, "max_daily_invitations_of_team": 3, "max_daily_invitations_of_inviter": 3}'
) \g /dev/null
select tap.play_for(:ada, :team) \g /dev/null
select matches(
  tap.refusal_of($$select octroi.invite_member('two@y.test', 'http://localhost:3000/')$$),
  '^OC013 this team has invited 3 people within 24 hours', 'so many are made by a team within a day'
);
select tap.clear() \g /dev/null
select octroi_private.set_team_settings('{"max_daily_invitations_of_team": 100}') \g /dev/null
select octroi_private.open_team(:olga, 'Another') as another \gset
select tap.play_for(:olga, :'another') \g /dev/null
select matches(
  tap.refusal_of($$select octroi.invite_member('two@y.test', 'http://localhost:3000/')$$),
  '^OC013 you have invited 3 people within 24 hours', 'so many by a user, on whichever team'
);
select tap.clear() \g /dev/null
select octroi_private.set_team_settings(
  '{"max_daily_invitations_of_inviter": 100, "max_daily_letters_to_invited": 2}'
) \g /dev/null
select tap.play_for(:olga, :'another') \g /dev/null
select matches(
  tap.refusal_of($$select octroi.invite_member('Nora@example.test', 'http://localhost:3000/')$$),
  '^OC013 this address was written to often enough', 'and so many to an address, from whomever'
);

-- Erasure: with whoever invited, and with whoever was invited.
select octroi.invite_member('sten@example.test', :page) \g /dev/null
select tap.play_for(:ada, :team) \g /dev/null
select octroi.invite_member('by.ada@y.test', :page) \g /dev/null
select tap.clear() \g /dev/null
delete from auth.users where id in (:ada, :sten);
select is_empty(
  format('select i.id from octroi_private.invitation as i where i.user_id = %L or i.account_id = %L and i.state = %L',
  :ada, :'another', 'waiting'), 'no invitation by or to who is erased is left'
);
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
