-- Signs of a breach: found where they are, once, and without telling those who leave them.
begin;
\ir setup/cast.sql
select plan(22);

insert into octroi_private.test_clock (shift) values ('2026-12-01 10:02Z'::timestamptz - clock_timestamp());
select tap.key_id('olga team') as olga_key, tap.personal('sten') as sten_account, tap.personal('olga') as olga_account
\gset

-- Entries get their links when a transaction commits; here they must have them before.
set constraints all immediate;
-- Ids of other people's things, and ids of nothing.
select octroi_private.enqueue_billing_request(:team, :olga, 'portal', '{}') as request_id \gset
select e.id as call_id from octroi_private.usage_event as e where e.account_id = :team limit 1 \gset
select tap.play(:olga) \g /dev/null
select octroi.request_completion('{"model": "gpt-5-mini", "input": "hello"}') as completion_id \gset

create function pg_temp.look_up(p_key uuid, p_completion uuid, p_request uuid, p_call uuid) returns jsonb
language sql
begin atomic
select jsonb_build_array(
  octroi.revoke_api_key(p_key), (select count(*) from octroi.completion(p_completion)),
  (select count(*) from octroi.billing_request(p_request)), (select count(*) from octroi.receipt(p_call))
);
end;
select tap.play(:sten) \g /dev/null
select is(
  pg_temp.look_up(:'olga_key', :'completion_id', :'request_id', :'call_id'),
  pg_temp.look_up(:missing, :missing, :missing, :missing),
  'a foreign id and a missing one leave the same trace for their caller: none'
);
select tap.clear() \g /dev/null
select results_eq(
  $$select r.account_id, r.reason, r.refusals::bigint, r.foreign_ids::bigint from octroi_private.refused_access as r$$,
  format($$values (%L::uuid, 'missed_id', 8::bigint, 4::bigint)$$, :'sten_account'),
  'the operator learns that four of eight were somebody else''s, and not which'
);
select tap.play(:olga) \g /dev/null
select is(
  (select count(*) from octroi.billing_request(:'request_id')), 1::bigint, 'whoever asks for their own is not counted'
);

select tap.clear() \g /dev/null
select bag_eq(
  'select s.kind, s.raised from octroi_private.detect_signals(500) as s', $$values ('foreign_ids', 1::bigint)$$,
  'three foreign ids in ten minutes are a signal'
);
select is_empty(
  'select s.kind from octroi_private.detect_signals(500) as s where s.raised > 0', 'which is raised once'
);

-- Refusals, as gateways tell them.
select tap.play_role('octroi_worker') \g /dev/null
select octroi_private.count_refusals(
  array['revoked_key', 'revoked_key', 'bad_token'], array[:'olga_account', :'olga_account', null]::uuid [],
  array[:'olga_key', :'olga_key', null]::uuid [], array[60, 30, 1999]
) \g /dev/null
select tap.clear() \g /dev/null
select is_empty(
  'select s.kind from octroi_private.detect_signals(500) as s where s.raised > 0', 'a few refusals are everyday life'
);
select octroi_private.count_refusals(
  array['revoked_key', 'unknown_key'], array[:'olga_account', null]::uuid [], array[:'olga_key', null]::uuid [],
  array[10, 1]
) \g /dev/null
select bag_eq(
  'select s.kind, s.raised from octroi_private.detect_signals(500) as s',
  $$values ('refusals', 1::bigint), ('unknown_callers', 1::bigint)$$, 'a spike is a signal, of a key and of nobody'
);
select is(
  (select g.api_key_id from octroi_private.security_signal as g where g.kind = 'refusals'), :'olga_key'::uuid,
  'it names the key'
);
select throws_ok(
  $$select octroi_private.count_refusals(array['mood'], array[null]::uuid [], array[null]::uuid [], array[1])$$,
  '23514', null, 'there are no other reasons'
);
select is(
  octroi_private.set_security_settings('{"foreign_ids": 5}') -> 'foreign_ids', '5', 'the thresholds are settings'
);
select is(
  tap.outcome_of(format('select octroi_private.set_security_settings(%L)', s.settings)), s.outcome,
  s.settings || ' is none'
)
from (values
  ('{"foreign_ids": 0}', '22023'), ('{"only_row": 1}', '22023'), ('{"mood": 1}', '22023'),
  ('{"breach_report_hours": 721}', '23514 security_setting_breach_report_hours_check')
) as s (settings, outcome);

-- Use: two weeks of a dozen calls a day with one model.
delete from octroi_private.usage_daily;
insert into octroi_private.usage_daily
select :'sten_account', :sten, d.day, 'gpt-5-mini', 12, 1, 0, 1, 0, 2, 1
from generate_series('2026-11-17'::date, '2026-11-30', '1 day') as d (day);
insert into octroi_private.usage_daily values
(:'sten_account', :sten, '2026-12-01', 'gpt-5-mini', 900, 1, 0, 1, 0, 2, 1);
select is_empty(
  'select s.kind from octroi_private.detect_signals(500) as s where s.raised > 0', 'a busy day is none yet'
);
update octroi_private.usage_daily set requests = 1000 where day = '2026-12-01' and account_id = :'sten_account';
insert into octroi_private.usage_daily values
(:'sten_account', :sten, '2026-12-01', 'gpt-5-pro', 1, 1, 0, 1, 0, 2, 1),
(:'olga_account', :olga, '2026-12-01', 'gpt-5-pro', 5000, 1, 0, 1, 0, 2, 1);
select bag_eq(
  'select s.kind, s.raised from octroi_private.detect_signals(500) as s where s.raised > 0',
  $$values ('velocity', 1::bigint), ('new_model', 1::bigint)$$,
  'ten times the busiest day and a model never used before are signals; of who is new nothing is unusual'
);
select is(
  (select g.detail -> 'models' from octroi_private.security_signal as g where g.kind = 'new_model'), '["gpt-5-pro"]',
  'it names the model'
);

-- The audit chain, when somebody could get past its triggers.
set local session_replication_role = replica;
alter table octroi_private.audit_log disable trigger audit_log_append_only;
update octroi_private.audit_log set detail = '{"forged": true}' where id = (
  select min(k.audit_id) from octroi_private.audit_link as k
);
alter table octroi_private.audit_log enable always trigger audit_log_append_only;
set local session_replication_role = origin;
select bag_eq(
  'select s.kind, s.raised from octroi_private.detect_signals(500) as s where s.raised > 0',
  $$values ('audit_chain', 1::bigint)$$, 'a changed entry breaks the chain, and is found by itself'
);

-- What becomes of them.
select b.id as breach from octroi_private.open_breach('x', 'y', null) as b \gset
select array_agg(g.id) as ids from octroi_private.security_signals(false) as g where g.kind <> 'velocity' \gset
select is(octroi_private.resolve_signals(:'ids', :breach, null), 5::bigint, 'signals become part of a breach');
select results_eq(
  'select g.kind from octroi_private.security_signals(false) as g', array['velocity'], 'what is dealt with is not shown'
);
select is(
  tap.outcome_of('select octroi_private.resolve_signals(array[1]::bigint [], null, null)'), '22023',
  'none is dropped without a reason'
);

insert into octroi_private.test_clock (shift) values ('2026-12-09 10:02Z'::timestamptz - clock_timestamp())
on conflict (only_row) do update set shift = excluded.shift;
select octroi_private.detect_signals(500) \g /dev/null
select is((select count(*) from octroi_private.refused_access), 0::bigint, 'counters are kept for a week');

select * from finish();
rollback;
