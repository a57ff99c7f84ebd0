-- For 31_bounds: rows of the tables about teams, and what each of their constraints refuses.
insert into octroi_private.invitation (
  account_id, user_id, email, email_index, role, accept_url, created_at, last_letter_at, expires_at
)
select
  :team, :olga, octroi_private.seal_for(:olga, 'invitation.email', a.email),
  octroi_private.blind_index('email', a.email), 'member', 'http://localhost:3000/join', now(), now(),
  now() + interval '1 day'
from unnest(array['one@example.test', 'two@example.test']) as a (email);

insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('team_setting_only_row_check', 'team_setting', 'only_row = false'),
  ('team_setting_max_owned_teams_check', 'team_setting', 'max_owned_teams = 0'),
  ('team_setting_max_owned_unpaid_teams_check', 'team_setting', 'max_owned_unpaid_teams = 10001'),
  ('team_setting_invitation_seconds_check', 'team_setting', 'invitation_seconds = 3599'),
  (
    'team_setting_max_waiting_invitations_check', 'team_setting', 'max_waiting_invitations = 0'
  ),
  ('team_setting_max_daily_invitations_of_team_check', 'team_setting', 'max_daily_invitations_of_team = 0'),
  ('team_setting_max_daily_invitations_of_inviter_check', 'team_setting', 'max_daily_invitations_of_inviter = 10001'),
  ('team_setting_max_daily_letters_to_invited_check', 'team_setting', 'max_daily_letters_to_invited = 0'),
  ('team_setting_letters_per_invitation_check', 'team_setting', 'letters_per_invitation = 21'),
  ('team_setting_seconds_between_letters_check', 'team_setting', 'seconds_between_letters = 86401'),
  ('invitation_email_check', 'invitation', 'email = ''\x01'''),
  ('invitation_email_index_check', 'invitation', 'email_index = ''\x01'''),
  ('invitation_role_check', 'invitation', 'role = ''owner'''),
  ('invitation_accept_url_check', 'invitation', 'accept_url = '''''),
  ('invitation_accept_url_check', 'invitation', 'accept_url = ' || tap.longer(2000)),
  ('invitation_state_check', 'invitation', 'state = ''lost'', email = null, accept_url = null, ended_at = now()'),
  ('invitation_letters_check', 'invitation', 'letters = 0'),
  ('invitation_letters_check', 'invitation', 'letters = 21'),
  ('invitation_check', 'invitation', 'expires_at = created_at'),
  ('invitation_forgets_when_ended', 'invitation', 'state = ''revoked'', ended_at = now()'),
  ('invitation_forgets_when_ended', 'invitation', 'state = ''revoked'', email = null, accept_url = null'),
  ('invitation_forgets_when_ended', 'invitation', 'email = null'),
  ('invitation_forgets_when_ended', 'invitation', 'email_index = null'),
  ('invitation_one_waits', 'invitation', 'email_index = sha256(''the same'')')
) as b (constraint_name, relation, assignment)
union all
select 'invitation_link_token_hash_check', format(
  'insert into octroi_private.invitation_link (token_hash, invitation_id) values (''\x01'', %L)', i.id
)
from octroi_private.invitation as i;
