-- Limits that customers set themselves: on an account, a model, a key, a member. The smaller of plan and budget holds,
-- from the next call on.
begin;
\ir setup/cast.sql
select plan(34);

create function tap.verdict(p_account_id uuid, p_user_id uuid, p_key_id uuid, p_input integer) returns text
language sql
begin atomic
select r.verdict || coalesce(' ' || r.reason, '') from octroi_private.reserve(
  octroi_private.uuid_v7(), p_account_id, p_key_id, p_user_id, 'gpt-5.6-luna', p_input, 20
) as r;
end;

-- An account of one's own.
select tap.play(:sten) \g /dev/null
select is(octroi.set_budget('tokens', 'day', 200), true, 'sten limits his day');
select is(octroi.set_budget('tokens', 'day', 200), false, 'the same again changes nothing');
select results_eq(
  $$select q.granted, q.used
    from octroi.my_quota() as q where q.scope = 'account' and q.period = 'day' and q.meter = 'tokens'$$,
  $$values (200::bigint, 110::bigint)$$, 'it counts what was used before'
);
select is((select c.reason from octroi.check_quota('gpt-5.6-luna', 100) as c), 'quota_exceeded', 'a forecast knows it');
select tap.clear() \g /dev/null
select is(
  tap.verdict(tap.personal('sten'), :sten, null, 80), 'refused quota_exceeded', 'the next call is refused by it'
);
select tap.play(:sten) \g /dev/null
select is(octroi.set_budget('tokens', 'day', null), true, 'and taken away');
select is(octroi.set_budget('tokens', 'day', null), false, 'once');
select tap.clear() \g /dev/null
select is(tap.verdict(tap.personal('sten'), :sten, null, 80), 'granted', 'the next call is not');
select tap.play(:sten) \g /dev/null
select is(octroi.set_budget('tokens', 'month', 1000000), true, 'a budget may be more than the plan');
select is(
  (select q.granted
    from octroi.my_quota() as q where q.scope = 'account' and q.period = 'month' and q.meter = 'tokens'),
  10000::bigint, 'which holds then'
);
select is(octroi.set_budget('requests', 'day', 1, model => 'gpt-5.6-luna'), true, 'a model is limited');
select tap.clear() \g /dev/null
select is(tap.verdict(tap.personal('sten'), :sten, null, 10), 'refused model_budget_reached', 'and refused');
select tap.play(:sten) \g /dev/null
select is(tap.outcome_of(s.statement), '22023', s.statement)
from (values
  ($$select octroi.set_budget('bytes', 'day', 1)$$), ($$select octroi.set_budget('tokens', 'week', 1)$$),
  ($$select octroi.set_budget('tokens', 'day', -1)$$), ($$select octroi.set_budget('tokens', 'day', 1, '')$$),
  ($$select octroi.set_budget(null, null, null)$$)
) as s (statement);
select bag_eq(
  $$select b.scope, b.subject, b.meter, b.period, b.amount from octroi.budgets as b$$,
  $$values ('account', '', 'tokens', 'month', 1000000::bigint), ('model', 'gpt-5.6-luna', 'requests', 'day',
  1::bigint)$$,
  'what is set is listed'
);

-- A key: its holder narrows it; on a team only who administers it widens.
select tap.key_id('mia team') as key, tap.key_id('sten personal') as foreign_key \gset
select tap.play_for(:mia, :team) \g /dev/null
select is(
  tap.outcome_of($$select octroi.set_budget('tokens', 'day', 1)$$), 'OC021', 'a member does not limit the team'
);
select is(octroi.set_key_budget(:'key', 'tokens', 'day', 500), true, 'but their own key');
select is(octroi.set_key_budget(:'key', 'tokens', 'day', 400), true, 'and closer');
select is(
  tap.outcome_of(format($$select octroi.set_key_budget(%L, 'tokens', 'day', 900)$$, :'key')), 'OC021', 'not wider'
);
select is(
  tap.outcome_of(format($$select octroi.set_key_budget(%L, 'tokens', 'day', null)$$, :'key')), 'OC021', 'nor free of it'
);
select is(
  octroi.set_key_budget(:'foreign_key', 'tokens', 'day', 1), octroi.set_key_budget(:missing, 'tokens', 'day', 1),
  'a foreign key is as good as none'
);
select tap.clear() \g /dev/null
select is(tap.verdict(:team, :mia, :'key', 500), 'refused key_budget_reached', 'the key is refused by it');
select tap.play_for(:ada, :team) \g /dev/null
select is(octroi.set_key_budget(:'key', 'tokens', 'day', null), true, 'an admin takes it away');

-- A member of a team.
select is(octroi.set_member_budget(:mia, 'tokens', 'month', 430), true, 'an admin limits a member');
select is(
  octroi.set_member_budget(:sten, 'tokens', 'month', 1), octroi.set_member_budget(:missing, 'tokens', 'month', 1),
  'a stranger is as good as nobody'
);
select is(
  tap.outcome_of(format($$select octroi.set_member_budget(%L, 'tokens', 'month', 1)$$, :olga)), 'OC027', 'not the owner'
);
select is(
  tap.outcome_of(format($$select octroi.set_member_budget(%L, 'tokens', 'month', 1)$$, :ada)), 'OC021',
  'nor an admin, as they are'
);
select tap.clear() \g /dev/null
select is(tap.verdict(:team, :mia, null, 10), 'refused member_budget_reached', 'the member is refused by it');
select is(tap.verdict(:team, :ada, null, 10), 'granted', 'and nobody else');
select tap.play_for(:mia, :team) \g /dev/null
select bag_eq(
  $$select b.scope, b.amount from octroi.budgets as b$$, $$values ('member', 430::bigint)$$, 'who sees it'
);
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
