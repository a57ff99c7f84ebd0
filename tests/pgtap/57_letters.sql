-- Letters to strangers: from whom, how many, in whose name; and that an address which nobody has confirmed is nobody's.
begin;
\ir setup/cast.sql
select plan(28);
\set page '\'http://localhost:3000/join\''
\set nora '\'01a00000-0000-7000-8000-00000000000e\''

create function tap.confirm(p_user_id uuid) returns void
language sql
begin atomic
update auth.users set email_confirmed_at = now() where id = p_user_id;
end;
create function tap.travel(p_shift interval) returns void
language sql
begin atomic
insert into octroi_private.test_clock (shift) values (p_shift)
on conflict (only_row) do update set shift = excluded.shift;
end;
create function tap.token_of(p_invitation_id uuid) returns text
language sql
begin atomic
select substring(c.data ->> 'url' from '[0-9a-f]{64}$')
from octroi_private.mail as m
cross join lateral octroi_private.claim_mail(m.id) as c
where m.kind = 'invitation' and (m.data ->> 'invitation_id')::uuid = p_invitation_id and m.state = 'queued';
end;

-- From whom: whoever has shown that their own address is theirs.
select tap.play_for(:olga, :team) \g /dev/null
select throws_like(
  $$select octroi.invite_member('nora@example.test', 'http://localhost:3000/join')$$,
  '%your address is not confirmed%', 'who has not confirmed their address invites nobody'
);
select tap.clear() \g /dev/null
select tap.confirm(:olga) \g /dev/null
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', :page) as id \gset
select tap.clear() \g /dev/null
select octroi_private.set_team_settings(
  '{"seconds_between_letters": 0, "max_daily_letters_to_invited": 2}'
) \g /dev/null
select tap.play_for(:ada, :team) \g /dev/null
select is(
  tap.outcome_of(format('select octroi.resend_invitation(%L)', :'id')), 'OC026', 'nor sends an invitation again'
);

-- How many: an address gets so many a day, whether it is invited or written to again.
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.resend_invitation(:'id'), true, 'the second letter of a day');
select throws_like(
  format('select octroi.resend_invitation(%L)', :'id'), '%this address was written to often enough%',
  'a third one is not sent, though it is the same invitation'
);
select tap.clear() \g /dev/null
select octroi_private.open_team(:olga, 'Another') as another \gset
select tap.play_for(:olga, :'another') \g /dev/null
select is(
  tap.outcome_of($$select octroi.invite_member('Nora@example.test', 'http://localhost:3000/join')$$), 'OC013',
  'nor from another team'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.revoke_invitation(:'id'), true, 'revoked');
select is(
  tap.outcome_of($$select octroi.invite_member('Nora@example.test', 'http://localhost:3000/join')$$), 'OC013',
  'and invited anew, its letters still count'
);
select tap.clear() \g /dev/null
select is(octroi_private.prune_invitations(100), 0::bigint, 'so the sweep leaves what they are counted by');
select tap.travel('25 hours') \g /dev/null
select is(octroi_private.prune_invitations(100), 1::bigint, 'a day later it forgets that');
select is(
  (select i.email_index from octroi_private.invitation as i where i.id = :'id'), null,
  'nothing of the address is left then'
);
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', :page) as id \gset
select is(octroi.resend_invitation(:'id'), true, 'and the address may be written to again');
select tap.clear() \g /dev/null
select tap.travel('3 days') \g /dev/null
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.revoke_invitation(:'id'), true, 'an invitation that ends days later');
select tap.clear() \g /dev/null
select is(
  (select i.email_index from octroi_private.invitation as i where i.id = :'id'), null, 'forgets it all at once'
);
select tap.play_for(:olga, :team) \g /dev/null
select octroi.invite_member('nora@example.test', :page) as id \gset

-- To whom: an address that nobody has confirmed is nobody's, whoever signs up with it.
select tap.clear() \g /dev/null
insert into auth.users (id, email) values (:nora, 'nora@example.test');
select tap.token_of(:'id') as token \gset
select tap.play(:nora) \g /dev/null
select throws_like(
  format('select octroi.decline_invitation(%L)', :'token'), '%your address is not confirmed%',
  'who has not confirmed the address does not decline its invitation'
);
select is_empty($$select * from octroi.my_data('invitation')$$, 'and does not read in their data that it was invited');
select tap.play(:sten) \g /dev/null
select throws_like(
  format('select octroi.decline_invitation(%L)', :'token'), '%for another address%', 'nor does somebody else decline it'
);
select tap.clear() \g /dev/null
delete from auth.users where id = :nora;
select is(
  (select i.state from octroi_private.invitation as i where i.id = :'id'), 'waiting',
  'nothing of it goes with them either'
);
insert into auth.users (id, email, email_confirmed_at) values (:missing, 'nora@example.test', now());
select tap.play(:missing) \g /dev/null
select is((select count(*) from octroi.my_data('invitation')), 1::bigint, 'who has confirmed it reads it');
select tap.clear() \g /dev/null
delete from auth.users where id = :missing;
select is_empty(
  format('select from octroi_private.invitation as i where i.id = %L', :'id'), 'and with them it goes'
);

-- In whose name: that of a team stands in mails, and leads nowhere.
select tap.play(:sten) \g /dev/null
select is(tap.outcome_of(format('select octroi.create_team(%L)', n.name)), '22023', n.name || ' names no team')
from unnest(array['See https://evil.test', 'WWW.evil.test', 'evil.test/pay', 'a//b']) as n (name);
select is(tap.outcome_of($$select octroi.create_team('Sten & Co., wwwhat?')$$), '00000', 'other signs do');
select tap.clear() \g /dev/null
select is(
  tap.outcome_of(format($$select octroi_private.open_team(%L, 'evil.test/pay')$$, :mia)), '22023', 'not by an operator'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(
  tap.outcome_of($$select octroi.update_my_contact(account_name => 'See www.evil.test')$$), '22023',
  'nor is one renamed so'
);
select tap.play(:olga) \g /dev/null
select is(
  tap.outcome_of($$select octroi.update_my_contact(account_name => 'Olga c/o Team')$$), '00000',
  'what nobody is invited to is called as its owner likes'
);
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
