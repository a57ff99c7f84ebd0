-- Keeps the answers that were asked for, of calls that are settled, and ends the queued completions among them.
-- $1 request ids, $2 statuses, $3 content types, $4 bodies (null: not kept)
with kept as (
  insert into octroi_private.stored_response (request_id, account_id, user_id, status, content_type, body, expires_at)
  select
    r.id, r.account_id, r.user_id, coalesce(i.status, 200), coalesce(i.content_type, ''), i.body,
    octroi_private.now() + interval '10 minutes'
  from unnest($1::uuid [], $2::smallint [], $3::text [], $4::bytea []) as i (request_id, status, content_type, body)
  join octroi_private.request as r on r.id = i.request_id and r.state = 'settled'
  where i.body is not null
  on conflict do nothing
  returning request_id
),
completed as (
  update octroi_private.completion as c
  set request = null, finished_at = octroi_private.now()
  from kept as k
  where c.id = k.request_id and c.finished_at is null
)
select count(*) from kept
