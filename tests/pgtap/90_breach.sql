-- A breach, from the alarm to the last notice: its clock, its duties, and the proof that people were told.
begin;
\ir setup/cast.sql
select plan(50);

insert into octroi_private.test_clock (shift) values ('2026-12-01 10:00Z'::timestamptz - clock_timestamp());
create function tap.at(p_at timestamptz) returns void
language sql
begin atomic
update octroi_private.test_clock set shift = p_at - clock_timestamp();
end;

-- mia has no address
delete from octroi_private.contact where user_id = :mia;

select tap.play_role('octroi_worker') \g /dev/null
select b.id as breach from octroi_private.open_breach('Keys in a repository', 'Keys were pushed.', null) as b \gset
select is(
  (select b.report_due_at - b.detected_at from octroi_private.breaches(false) as b), interval '72 hours',
  'the authority is owed a report 72 hours after somebody became aware'
);
select throws_ok(
  $$select octroi_private.open_breach('x', 'y', timestamptz '2026-12-01 12:00Z')$$, '22023', null,
  'nobody becomes aware in the future'
);
select throws_ok(
  $$select octroi_private.open_breach('', 'y', null)$$, '23514', null, 'a breach has a title'
);
select is(
  (
    select a.report_due_at
    from octroi_private.open_breach('older', 'known for two days', '2026-11-29 10:00Z') as a
  ), timestamptz '2026-12-02 10:00Z', 'awareness can lie in the past, and so does then the beginning of the clock'
);
select throws_ok(
  format('select octroi_private.notify_authority(%s, %L, %L, null, null)', :breach, 'CNIL', '1'), 'OC055', null,
  'nobody is told before it is assessed'
);
select throws_ok(
  format($$select octroi_private.assess_breach(%s, '{"risk": "high"}')$$, :breach), 'OC055', null,
  'an assessment says all that the report needs'
);
select throws_ok(
  format($$select octroi_private.assess_breach(%s, '{"mood": "bad"}')$$, :breach), '22023', null,
  'and nothing else'
);

select tap.clear() \g /dev/null
create function tap.assess(p_breach bigint, p_affected text) returns bigint
language sql
begin atomic
select octroi_private.assess_breach(p_breach, jsonb_build_object(
  'risk', 'high', 'data_categories', array['API keys'], 'affected', p_affected::jsonb, 'records_count', 4,
  'consequences', 'Calls at their cost.', 'measures', 'The keys are revoked.', 'contact', 'dpo@acme.example'
));
end;
select is(
  tap.assess(:breach, '{"everyone": true}'), (select count(*) from tap.person), 'everyone is everyone with an account'
);
select is(
  tap.assess(:breach, format('{"accounts": ["%s"]}', :team)), 3::bigint, 'whoever is a member of these accounts'
);
select is(
  tap.assess(:breach, format('{"keys": ["%s"]}', tap.key_id('sten personal'))), 1::bigint, 'whoever holds these keys'
);
select is(
  tap.assess(:breach, format('{"accounts": ["%s"], "users": ["%s"]}', :team, :sten)), 0::bigint,
  'every condition must hold'
);
select is(tap.assess(:breach, '{"used_until": "1999-12-31"}'), 0::bigint, 'whoever used it in a span of days');
select is(tap.assess(:breach, '{"signed_up_before": "2999-12-31"}'), 4::bigint, 'or was there before a day');
select is(
  tap.outcome_of(format($$select tap.assess(%s, %L)$$, :breach, t.affected)), '22023', t.affected || ' means nobody'
)
from (values
  ('{}'), ('{"everyone": false}'), ('{"users": []}'), ('{"users": ["x''); drop table y"]}'), ('{"used_from": "soon"}')
) as t (affected);
select is(tap.assess(:breach, '{"everyone": true}'), 4::bigint, 'the last assessment holds');

-- Late: three days and almost an hour.
select tap.at('2026-12-04 10:59:30Z') \g /dev/null
select tap.play_role('octroi_worker') \g /dev/null
select is(
  (select b.minutes_left from octroi_private.breaches(false) as b where b.id = :breach), -60::bigint,
  'the register shows that the time is over'
);
select throws_ok(
  format('select octroi_private.notify_authority(%s, %L, %L, null, null)', :breach, 'CNIL', 'ref 1'), 'OC055', null,
  'late, the authority is owed the reason'
);
select lives_ok(
  format('select octroi_private.notify_authority(%s, %L, %L, null, %L)', :breach, 'CNIL', 'ref 1', 'a long week-end'),
  'with it, it is told'
);
select throws_ok(
  format('select octroi_private.close_breach(%s, %L, null)', :breach, 'over'), 'OC055', null,
  'a high risk is not closed before people are told, or a reason is given why not'
);
select throws_ok(
  format($$select octroi_private.notify_affected(%s, '{"fr": {}}')$$, :breach), '22023', null,
  'a notice has all of its texts, in English at least'
);
select is(
  octroi_private.notify_affected(:breach, jsonb_build_object('en', jsonb_build_object(
    'happened', 'Keys were public.', 'consequences', 'Calls.', 'measures', 'Revoked.', 'advice', 'Make new keys.'
  ))), 4::bigint, 'the notices begin'
);
select throws_ok(
  format($$select octroi_private.notify_affected(%s, '{}')$$, :breach), 'OC055', null, 'once'
);
select results_eq(
  format('select octroi_private.send_breach_notices(%s, 3) from generate_series(1, 3)', :breach),
  array[3, 1, 0], 'batch by batch, each person once'
);
select tap.clear() \g /dev/null
select bag_eq(
  $$select m.user_id, m.kind, m.data ->> 'contact' from octroi_private.mail as m$$,
  format($$values (%L::uuid, 'breach', 'dpo@acme.example'), (%L, 'breach', 'dpo@acme.example'),
    (%L, 'breach', 'dpo@acme.example')$$, :olga, :ada, :sten),
  'a mail for each who has an address'
);
select is(
  (select count(*) from octroi_private.job as j where j.kind = 'send_mail'), 3::bigint, 'and a job for each mail'
);
select throws_ok(
  format('select octroi_private.close_breach(%s, %L, null)', :breach, 'over'), 'OC055', null,
  'it stays open while notices are under way'
);
update octroi_private.mail set state = 'sent', finished_at = octroi_private.now() where user_id in (:olga, :ada);
delete from auth.users where id = :sten;
select is(
  octroi_private.breach_report(:breach) -> 'notices', '{"sent": 2, "cancelled": 1, "no_address": 1}'::jsonb,
  'the report counts what became of each, and nobody is left out'
);
select is_empty(
  format('select n.id from octroi_private.breach_notice as n where n.user_id = %L', :sten),
  'of who is gone the proof names nobody'
);
select is(
  (select count(*) from octroi_private.breach_notice as n where n.user_id is null), 1::bigint, 'and is kept'
);
select lives_ok(format('select octroi_private.close_breach(%s, %L, null)', :breach, 'keys rotated'), 'then it ends');
select is(
  tap.outcome_of('delete from octroi_private.breach'), 'OC003', 'and stays in the register for good'
);
select bag_eq(
  $$select distinct l.action from octroi_private.audit_log as l where l.action like 'breach.%'$$,
  array['breach.open', 'breach.assess', 'breach.authority', 'breach.notify', 'breach.report', 'breach.close'],
  'each step is in the audit log'
);

-- More is known later: whoever is found after the notices went out is told as well, and nobody twice.
select tap.clear() \g /dev/null
insert into auth.users (id, email) values (:missing, 'late@example.test');
-- mia's key was deleted when she left the team: that she was there, her usage says
delete from octroi_private.member where account_id = :team and user_id = :mia;
delete from octroi_private.api_key where id = tap.key_id('mia team');
select b.id as later from octroi_private.open_breach('Keys in a log', 'Keys were logged.', null) as b \gset
create function tap.told(p_breach bigint) returns setof text
language sql
begin atomic
select p.name from octroi_private.breach_notice as n
join tap.person as p on p.user_id = n.user_id
where n.breach_id = p_breach;
end;
create function tap.tell_all(p_breach bigint) returns integer
language sql
begin atomic
select octroi_private.send_breach_notices(p_breach, 100);
update octroi_private.mail set state = 'sent', finished_at = octroi_private.now() where state = 'queued';
select count(*)::integer from octroi_private.mail as m where m.dedupe_key like format('breach:%s:%%', p_breach);
end;
create function tap.close(p_breach bigint, p_reason text default null) returns text
language sql
begin atomic
select tap.outcome_of(format('select octroi_private.close_breach(%s, %L, %L)', p_breach, 'over', p_reason));
end;
select tap.assess(:later, format('{"users": ["%s"]}', :olga)) \g /dev/null
select octroi_private.notify_authority(:later, 'CNIL', 'ref 2', null, null) \g /dev/null
select octroi_private.notify_affected(:later, jsonb_build_object('en', jsonb_build_object(
  'happened', 'Keys were logged.', 'consequences', 'Calls.', 'measures', 'Revoked.', 'advice', 'Make new keys.'
))) \g /dev/null
select is(tap.tell_all(:later), 1, 'one is known at first, and told');
delete from octroi_private.mail as m where m.user_id = :olga;
select is(
  tap.assess(:later, format('{"accounts": ["%s"]}', :team)), 3::bigint,
  'then it is everybody who used an account, also who has left it since'
);
select is(tap.close(:later), 'OC055', 'it stays open, for their notices are under way');
select is(
  (
    select count(*) from octroi_private.job as j
    where j.kind = 'send_breach_notices' and j.args = jsonb_build_object('breach_id', :later)
  ), 2::bigint, 'a job sees to them'
);
select is(tap.tell_all(:later), 1, 'whoever was told before gets no second mail, kept or not');
select bag_eq(format('select tap.told(%s)', :later), array['olga', 'ada', 'mia'], 'and everybody has one notice');
select is(tap.close(:later), '00000', 'then it could be closed');
insert into octroi_private.member (account_id, user_id, role) values (:team, :missing, 'member');
select is(tap.close(:later), 'OC055', 'not while somebody is affected who was not told');
select is(tap.close(:later, 'they joined after the leak'), '00000', 'unless there is a reason');
select is(tap.assess(:later, format('{"accounts": ["%s"]}', :team)), 4::bigint, 'so it is assessed again');
select is(tap.tell_all(:later), 2, 'they are told');
insert into auth.users (id, email) values (gen_random_uuid(), 'new@example.test');
insert into octroi_private.member (account_id, user_id, role)
select :team, a.owner_user_id, 'member' from octroi_private.account as a order by a.created_at desc limit 1;
select is(tap.close(:later), '00000', 'who signs up after the assessment is not meant by it');

-- Who used it in a span of days, on whichever account.
delete from octroi_private.usage_daily where account_id = tap.personal('mia');
select is(
  tap.assess(:later, format('{"users": ["%s"], "used_from": "2000-01-01"}', :mia)), 1::bigint,
  'also where they are a member no more'
);
select is_empty(
  $$select a.id, u.id from octroi_private.account as a
    cross join auth.users as u
    where (u.id in (select octroi_private.people_of_accounts(array[a.id])))
      <> (a.id in (select octroi_private.accounts_of_person(u.id)))$$,
  'the people of an account are those whose account it is or was'
);

select * from finish();
rollback;
