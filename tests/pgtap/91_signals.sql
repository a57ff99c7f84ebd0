-- Signs of a breach: found where they are, once, and without telling those who leave them.
begin;
\ir setup/cast.sql
select plan(32);

insert into octroi_private.test_clock (shift) values ('2026-12-01 10:02Z'::timestamptz - clock_timestamp());
select tap.key_id('olga team') as olga_key, tap.personal('sten') as sten_account, tap.personal('olga') as olga_account
\gset

-- Entries get their links when a transaction commits; here they must have them before.
set constraints all immediate;
-- Ids of other people's things, and ids of nothing.
select octroi_private.enqueue_billing_request(:team, :olga, 'portal', '{}') as request_id \gset
select e.id as call_id from octroi_private.usage_event as e where e.account_id = :team limit 1 \gset
select tap.play(:olga) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') as completion_id \gset

create function pg_temp.look_up(p_key uuid, p_completion uuid, p_request uuid, p_call uuid) returns jsonb
language sql
begin atomic
select jsonb_build_array(
  octroi.revoke_api_key(p_key), (select count(*) from octroi.rotate_api_key(p_key)), octroi.restrict_api_key(p_key),
  (select count(*) from octroi.completion(p_completion)),
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
  format($$values (%L::uuid, 'missed_id', 12::bigint, 6::bigint)$$, :'sten_account'),
  'the operator learns that six of twelve were somebody else''s, and not which'
);
select tap.play(:olga) \g /dev/null
select is(
  (select count(*) from octroi.billing_request(:'request_id')), 1::bigint, 'whoever asks for their own is not counted'
);
select tap.clear() \g /dev/null
select octroi_private.link_stripe_customer(:team, 'cus_team') \g /dev/null
insert into octroi_private.stripe_invoice (
  id, customer_id, status, currency, total_minor, amount_due_minor, amount_paid_minor, created_at, auto_advance,
  attempt_count
)
values ('in_team', 'cus_team', 'open', 'usd', 900, 900, 0, now(), true, 1);
insert into octroi_private.invitation (
  account_id, user_id, email, email_index, role, accept_url, created_at, last_letter_at, expires_at
)
select :team, :olga, octroi_private.seal_for(:olga, 'invitation.email', 'x@example.test'),
  octroi_private.blind_index('email', 'x@example.test'), 'member', 'http://localhost:3000/join', octroi_private.now(),
  octroi_private.now(), octroi_private.now() + interval '1 day'
returning id as invitation \gset
-- acting for her own account, she names what is her team's
update octroi_private.account set kind = 'team' where id = :'olga_account';
select tap.play_for(:olga, :'olga_account') \g /dev/null
select is_empty(format('select * from octroi.change_preview(%L)', :'request_id'), 'a portal is no preview');
select is(tap.outcome_of($$select octroi.open_invoice('in_team')$$), 'OC032', 'an invoice is of one account');
select is(octroi.revoke_invitation(:'invitation'), false, 'so is an invitation');
select is(octroi.remove_member(:mia), false, 'and a member');
select tap.clear() \g /dev/null
update octroi_private.account set kind = 'personal' where id = :'olga_account';
select is(
  (
    select coalesce(sum(r.foreign_ids), 0)::bigint from octroi_private.refused_access as r
    where r.account_id = :'olga_account'
  ), 0::bigint, 'what is theirs on another account is nobody else''s'
);
delete from octroi_private.refused_access where account_id = :'olga_account';

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

-- Use: two weeks of a dozen calls a day with one model by one key, and of hundreds by another.
delete from octroi_private.key_use;
insert into octroi_private.key_use
select :'olga_account', k.id, d.day, 'gpt-5.6-luna', k.requests
from generate_series('2026-11-17'::date, '2026-11-30', '1 day') as d (day)
cross join (values (:'olga_key'::uuid, 12), (:missing, 900)) as k (id, requests);
insert into octroi_private.key_use values (:'olga_account', :'olga_key', '2026-12-01', 'gpt-5.6-luna', 900);
select is_empty(
  'select s.kind from octroi_private.detect_signals(500) as s where s.raised > 0', 'a busy day is none yet'
);
update octroi_private.key_use set requests = 1000 where day = '2026-12-01';
insert into octroi_private.key_use values
(:'olga_account', :'olga_key', '2026-12-01', 'gpt-5-pro', 1),
(:'olga_account', :missing, '2026-12-01', 'gpt-5.6-luna', 990),
(:'sten_account', '00000000-0000-0000-0000-000000000000', '2026-12-01', 'gpt-5-pro', 5000);
select bag_eq(
  'select s.kind, s.raised from octroi_private.detect_signals(500) as s where s.raised > 0',
  $$values ('velocity', 1::bigint), ('new_model', 1::bigint)$$,
  'ten times its busiest day and a model it was never used with are signals of a key, also beside a busier one'
);
select results_eq(
  $$select g.kind, g.api_key_id, g.detail from octroi_private.security_signal as g
    where g.kind in ('new_model', 'velocity') order by 1$$,
  format($$values ('new_model', %1$L::uuid, '{"models": ["gpt-5-pro"]}'::jsonb),
    ('velocity', %1$L, '{"requests": 1001, "most_before": 12}')$$, :'olga_key'),
  'they name the key, the model and how much; of who is new nothing is unusual'
);

-- What a key is used for is counted from the ledger, each call once.
create function tap.call(p_key uuid, p_model text, p_at timestamptz) returns void
language sql
begin atomic
insert into octroi_private.usage_event (
  id, account_id, api_key_id, user_id, endpoint, model, response_model, service_tier, source, input_tokens,
  cached_input_tokens, cache_write_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens,
  total_tokens, cost_nano_usd, overrun_tokens, overrun_cost_nano_usd, overrun_requests, price_id, balance_ids,
  occurred_at, recorded_at
)
select
  gen_random_uuid(), a.id, p_key, a.owner_user_id, 'responses', p_model, null, 'default', 'provider', 1, 0, 0, 0, 1, 0,
  0, 2, 1, 0, 0, 0, 1, '{}', p_at, p_at + interval '1 second'
from octroi_private.account as a where a.id = tap.personal('olga');
end;
delete from octroi_private.key_use;
update octroi_private.key_use_cursor set counted_until = '2026-11-30 23:50Z';
select tap.call(c.key, c.model, c.at) from (values
  (:'olga_key'::uuid, 'gpt-5.6-luna', '2026-11-30 23:58Z'::timestamptz), (:'olga_key', 'gpt-5.6-luna',
  '2026-12-01 10:03Z'),
  (:'olga_key', 'gpt-5.6-luna', '2026-12-01 10:04Z'), (null, 'gpt-6-luna', '2026-12-01 10:04Z'),
  (:'olga_key', 'gpt-5.6-luna', '2026-12-01 10:19Z')
) as c (key, model, at) \g /dev/null
update octroi_private.test_clock set shift = '2026-12-01 10:20Z'::timestamptz - clock_timestamp();
select octroi_private.detect_signals(500) \g /dev/null
select octroi_private.detect_signals(500) \g /dev/null
create function tap.counted() returns setof text
language sql
begin atomic
select concat_ws(
  ' ', nullif(k.api_key_id, '00000000-0000-0000-0000-000000000000') is not null, k.day, k.model, k.requests
)
from octroi_private.key_use as k
order by 1;
end;
select results_eq(
  'select * from tap.counted()',
  array['f 2026-12-01 gpt-6-luna 1', 't 2026-11-30 gpt-5.6-luna 1', 't 2026-12-01 gpt-5.6-luna 2'],
  'by key, day and model, of what has had time to end'
);
update octroi_private.test_clock set shift = '2026-12-01 10:31Z'::timestamptz - clock_timestamp();
select octroi_private.detect_signals(500) \g /dev/null
select results_eq(
  'select * from tap.counted()',
  array['f 2026-12-01 gpt-6-luna 1', 't 2026-11-30 gpt-5.6-luna 1', 't 2026-12-01 gpt-5.6-luna 3'], 'and once'
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
update octroi_private.test_clock set shift = '2027-03-02 10:02Z'::timestamptz - clock_timestamp();
select octroi_private.detect_signals(500) \g /dev/null
select is((select count(*) from octroi_private.key_use), 0::bigint, 'what keys are used for, for 90 days');

-- How long they are kept.
select octroi_private.raise_signal('refusals', :'sten_account', null, '2027-03-02 10:00Z', '{}') \g /dev/null
select octroi_private.raise_signal('refusals', :'olga_account', null, '2027-03-02 10:00Z', '{}') \g /dev/null
select octroi_private.resolve_signals(array_agg(g.id), null, 'a load test')
from octroi_private.security_signals(false) as g where g.account_id = :'olga_account' \g /dev/null
create function tap.signals() returns text
language sql
stable
begin atomic
select format('%s dismissed, %s of a breach, %s open', count(g.dismissed_at), count(g.breach_id), count(*) filter (
  where g.dismissed_at is null and g.breach_id is null
))
from octroi_private.security_signal as g
where g.kind <> 'audit_chain';
end;
update octroi_private.test_clock set shift = '2028-03-01 10:02Z'::timestamptz - clock_timestamp();
select octroi_private.detect_signals(500) \g /dev/null
select is(tap.signals(), '2 dismissed, 4 of a breach, 1 open', 'a dismissed signal is kept for a year');
update octroi_private.test_clock set shift = '2028-03-02 10:03Z'::timestamptz - clock_timestamp();
select octroi_private.detect_signals(500) \g /dev/null
select is(tap.signals(), '0 dismissed, 4 of a breach, 1 open', 'what is part of a breach, or not dealt with, stays');

select * from finish();
rollback;
