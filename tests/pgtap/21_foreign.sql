-- What is somebody else's answers as what does not exist.
begin;
\ir setup/cast.sql
select plan(22);

-- A completion of olga's: one that waits, and one whose answer is there.
select tap.play(:olga) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') as waiting \gset
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') as done \gset
select tap.clear() \g /dev/null
update octroi_private.completion set request = null, finished_at = octroi_private.now() where id = :'done';
insert into octroi_private.stored_response (request_id, account_id, user_id, status, content_type, body, expires_at)
values (
  :'done', tap.personal('olga'), :olga, 200, 'application/json', '{"answer": 42}', octroi_private.now() + '1 minute'
);
select tap.key_id('olga team') as olga_key, tap.key_id('mia team') as mia_key, tap.key_id('sten personal') as sten_key
\gset

select tap.play(:sten) \g /dev/null
select is(octroi.revoke_api_key(:'olga_key'), octroi.revoke_api_key(:missing), 'a foreign key is as good as none');
select is(octroi.revoke_api_key(:'olga_key'), false, 'and is not revoked');
select is(octroi.restrict_api_key(:'olga_key'), octroi.restrict_api_key(:missing), 'nor restricted');
select is_empty(format('select * from octroi.rotate_api_key(%L)', :'olga_key'), 'nor rotated');
select is_empty(format('select * from octroi.completion(%L)', :'waiting'), 'a foreign pending completion is no row');
select is_empty(format('select * from octroi.completion(%L)', :'done'), 'a foreign finished completion is no row');
select is_empty(format('select * from octroi.completion(%L)', :missing), 'nor is one that does not exist');
select is_empty(
  format('select * from octroi.usage where id in (select id from octroi.usage where account_id = %L)', :team),
  'naming a foreign account in a filter shows nothing'
);
select is(
  (select array_agg(total_tokens) from octroi.my_requests()), array[110::bigint], 'my_requests lists sten''s call alone'
);
select is((select sum(total_tokens) from octroi.my_usage()), 110::numeric, 'my_usage sums sten''s call alone');

-- An administrator does not read what a person asked, and a member revokes nobody's key but their own.
select tap.play(:ada) \g /dev/null
select is_empty(format('select * from octroi.completion(%L)', :'done'), 'an administrator reads no member''s answer');
select tap.play(:mia) \g /dev/null
select is(octroi.revoke_api_key(:'olga_key'), false, 'a member does not revoke a colleague''s key');
select is(octroi.revoke_api_key(:'mia_key'), true, 'a member revokes their own');
select is(octroi.revoke_api_key(:'mia_key'), false, 'once');
select tap.play(:ada) \g /dev/null
select is(octroi.revoke_api_key(:'olga_key'), true, 'an administrator revokes any key of the team');
select is(octroi.revoke_api_key(:'sten_key'), false, 'and none beyond it');

select tap.play(:olga) \g /dev/null
select is(
  (select state || (response ->> 'answer') from octroi.completion(:'done')), 'done42',
  'nobody''s looking has used up the answer'
);

-- Ids of another's request do not let anybody in through the verbs either.
select tap.clear() \g /dev/null
select is(
  (select u.state from octroi_private.authenticate_user(:sten, :team) as u), null,
  'a user resolves to no account they are not a member of'
);
select is(
  tap.outcome_of(format(
    'select octroi_private.record_usage(%L, %L, %L, 1, 1)', :team, :sten, 'gpt-5.6-luna'
  )), 'OC011', 'usage of a stranger is not recorded for the team'
);
select is(
  (
    select r.verdict || ' ' || r.reason
    from octroi_private.reserve(:missing, :team, null, :sten, 'gpt-5.6-luna', 1, 1) as r
  ), 'refused not_a_member', 'a stranger reserves nothing on the team'
);
select is(
  (
    select r.verdict || ' ' || r.reason
    from octroi_private.reserve(:missing, :team, :'sten_key', :olga, 'gpt-5.6-luna', 1, 1) as r
  ), 'refused key_revoked', 'a key of another account opens nothing'
);
select is(
  (
    select r.verdict || ' ' || r.reason
    from octroi_private.reserve(:missing, :missing, null, :olga, 'gpt-5.6-luna', 1, 1) as r
  ), 'refused not_a_member', 'an account that is missing and one that is foreign refuse alike'
);

select * from finish();
rollback;
