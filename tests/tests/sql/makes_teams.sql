-- A team that somebody owns, with a colleague in it and an invitation that waits; and one of somebody else's that they are
-- in, and another that they are invited to.
create function public.makes_teams(p_user_id uuid)
returns table (team uuid, colleague uuid, invitation uuid, foreign_team uuid)
language plpgsql
as $$
declare
  v_host uuid := gen_random_uuid();
  v_inviting uuid;
  v_id uuid;
begin
  colleague := gen_random_uuid();
  insert into auth.users (id, email)
  select u.id, u.id || '@example.test' from unnest(array[colleague, v_host]) as u (id);
  update auth.users set email_confirmed_at = now() where id = p_user_id;
  team := octroi_private.open_team(p_user_id, 'Canary''s');
  foreign_team := octroi_private.open_team(v_host, 'Host''s');
  v_inviting := octroi_private.open_team(v_host, 'Inviting');
  insert into octroi_private.member (account_id, user_id, role)
  values (team, colleague, 'member'), (foreign_team, p_user_id, 'member');
  invitation := public.invites(p_user_id, team, gen_random_uuid() || '@example.test', null);
  v_id := public.invites(v_host, v_inviting, (select u.email from auth.users as u where u.id = p_user_id), p_user_id::text);
  return next;
end
$$;

-- A token that is null has no link.
create function public.invites(p_user_id uuid, p_team uuid, p_email text, p_token text)
returns uuid
language sql
as $$
  with invited as (
    insert into octroi_private.invitation (
      account_id, user_id, email, email_index, role, accept_url, created_at, last_letter_at, expires_at
    )
    values (
      p_team, p_user_id, octroi_private.seal_for(p_user_id, 'invitation.email', p_email),
      octroi_private.blind_index('email', p_email), 'member', 'https://app.example/join', octroi_private.now(),
      octroi_private.now() - interval '1 day', octroi_private.now() + interval '1 day'
    )
    returning id
  ),
  link as (
    insert into octroi_private.invitation_link (token_hash, invitation_id)
    select sha256(convert_to(p_token, 'utf8')), i.id from invited as i where p_token is not null
  )
  select i.id from invited as i
$$;
