// Teams as they come about without a front end, for examples and matrices.
import { randomUUID } from "node:crypto";

/**
 * SQL that gives a user, whose address it confirms, a team on plan basic, with one other member; `team` and `member` are
 * their ids, to be used after it ran.
 */
export function teamOf(userId) {
  const [team, member] = [randomUUID(), randomUUID()];
  const sql = `
    insert into auth.users (id, email) values ('${member}', '${member}@example.test');
    update auth.users set email_confirmed_at = now() where id = '${userId}';
    insert into octroi_private.account (id, kind, owner_user_id, name) values ('${team}', 'team', '${userId}', 'Team');
    insert into octroi_private.member (account_id, user_id, role)
    values ('${team}', '${userId}', 'owner'), ('${team}', '${member}', 'member');
    select octroi_private.assign_plan('${team}', 'basic') \\g /dev/null
  `;
  return { sql, team, member };
}

/** SQL that invites a user to somebody's team, and confirms their address; `token` is what the mail would have. */
export function invitationOf(userId) {
  const owner = randomUUID();
  const made = teamOf(owner);
  const token = (randomUUID() + randomUUID()).replaceAll("-", "");
  const sql = `
    insert into auth.users (id, email) values ('${owner}', '${owner}@example.test');
    ${made.sql}
    update auth.users set email_confirmed_at = now() where id = '${userId}';
    with invited as (
      insert into octroi_private.invitation (
        account_id, user_id, email, email_index, role, accept_url, created_at, last_letter_at, expires_at
      )
      select
        '${made.team}', '${owner}', octroi_private.seal_for('${owner}', 'invitation.email', u.email),
        octroi_private.blind_index('email', u.email), 'member', 'http://localhost:3000/join', octroi_private.now(),
        octroi_private.now(), octroi_private.now() + interval '1 day'
      from auth.users as u where u.id = '${userId}'
      returning id
    )
    insert into octroi_private.invitation_link (token_hash, invitation_id)
    select sha256('${token}'), i.id from invited as i;
  `;
  return { sql, token };
}
