-- Limits that customers set themselves: on an account, a model, a key, a member. The smaller of plan and budget holds,
-- from the next call on.
begin;
\ir setup/cast.sql
select plan(57);

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
  ($$select octroi.set_budget('tokens', 'day', 1, 'gpt-of-nobody')$$),
  ($$select octroi.set_budget(null, null, null)$$)
) as s (statement);
select bag_eq(
  $$select b.scope, b.subject, b.meter, b.period, b.amount from octroi.budgets as b$$,
  $$values ('account', '', 'tokens', 'month', 1000000::bigint), ('model', 'gpt-5.6-luna', 'requests', 'day',
  1::bigint)$$,
  'what is set is listed'
);

-- A model is limited by whichever of its names.
select tap.clear() \g /dev/null
select a.alias, a.model from octroi_private.model_alias as a order by a.alias limit 1 \gset
select tap.play(:sten) \g /dev/null
select is(octroi.set_budget('requests', 'day', 7, model => :'alias'), true, 'a model is limited by another name of it');
select is(octroi.set_budget('requests', 'day', 7, model => :'model'), false, 'which is the same limit');
select is(
  (select b.amount::bigint from octroi.budgets as b where b.scope = 'model' and b.subject = :'model'), 7::bigint,
  'under the name that has the price'
);
select tap.clear() \g /dev/null
select octroi_private.open_entitlement(tap.personal('sten'), null, :sten, m.name)
from unnest(array[:'alias', :'model']) as m (name) \g /dev/null
select is(
  (
    select count(*) from unnest(array[:'alias', :'model']) as m (name)
    join octroi_private.entitlement as e on e.account_id = tap.personal('sten') and e.model = m.name
    join octroi_private.balance as b on b.id = any(e.balance_ids) and b.scope = 'model' and b.subject = :'model'
  ), 2::bigint, 'calls by either name are bound by it'
);
select is(
  octroi_private.set_account_limit(tap.personal('sten'), 'requests', 'day', 6, 'x', :'alias'), true,
  'so it is with a limit of the operator''s'
);
select is(
  octroi_private.set_account_limit(tap.personal('sten'), 'requests', 'day', 6, 'x', :'model'), false, 'the same again'
);
select is(
  octroi_private.set_account_limit(tap.personal('sten'), 'requests', 'day', 6, 'why', :'model'), true,
  'for another reason it is another'
);
select is(
  (select l.reason from octroi_private.account_limit as l where l.account_id = tap.personal('sten')), 'why',
  'which the customer reads'
);
select is(
  tap.outcome_of(format(
    $$select octroi_private.set_account_limit(%L, 'requests', 'day', 6, 'x', 'gpt-of-nobody')$$, tap.personal('sten')
  )), '22023', 'a model without a price is not limited'
);
select is(
  octroi_private.set_account_limit(tap.personal('sten'), 'requests', 'day', null, 'x', :'alias'), true, 'and taken away'
);
select tap.play(:sten) \g /dev/null
select is(octroi.set_budget('requests', 'day', null, model => :'alias'), true, 'by either name');
select is(
  octroi.set_budget('requests', 'day', null, model => 'gpt-of-nobody'), false,
  'of a model that lost its price there is none to take away, and it may be said'
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

-- Budgets of a key end with it, whoever ends it, and count no more.
select tap.clear() \g /dev/null
create function tap.key_budgets() returns bigint
language sql
begin atomic
select count(*) from octroi_private.budget as b where b.scope = 'api_key';
end;
delete from octroi_private.budget where scope = 'api_key';
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
select k.account_id, 'api_key', k.id::text, 'tokens', p.period, 1000
from octroi_private.api_key as k
cross join unnest(array['day', 'month']) as p (period)
where k.account_id = :team;
select is(tap.key_budgets(), 6::bigint, 'three keys of the team have two budgets each');
select tap.play_for(:olga, :team) \g /dev/null
select is(octroi.revoke_api_key(tap.key_id('olga team')), true, 'one is revoked');
select tap.clear() \g /dev/null
select is(tap.key_budgets(), 4::bigint, 'its budgets end');
select tap.play(:sten) \g /dev/null
select k.id, k.secret from octroi.create_api_key(
  'leaked', '[{"meter": "tokens", "period": "day", "amount": 5}]'
) as k \gset
select tap.clear() \g /dev/null
select is(tap.key_budgets(), 5::bigint, 'a key is made with one');
select octroi_private.revoke_leaked_keys(array[sha256(convert_to(:'secret', 'utf8'))]) \g /dev/null
select is(tap.key_budgets(), 4::bigint, 'leaks, and it ends');
select tap.play_for(:ada, :team) \g /dev/null
select is(octroi.remove_member(:mia), true, 'a member goes');
select tap.clear() \g /dev/null
select is(tap.key_budgets(), 2::bigint, 'those of their key go too');
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
select :team, 'model', 'm' || n, 'tokens', 'day', 1 from generate_series(1, 997) as n;
update octroi_private.api_key set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'
where name = 'ada team';
select tap.play_for(:olga, :team) \g /dev/null
select is(
  tap.outcome_of(
    $$select octroi.create_api_key('many', '[{"meter": "tokens", "period": "day", "amount": 5},
      {"meter": "tokens", "period": "month", "amount": 5}, {"meter": "requests", "period": "day", "amount": 5},
      {"meter": "requests", "period": "month", "amount": 5}]')$$
  ), 'OC013', 'a key is not made with more budgets than the account may have'
);
select is(
  tap.outcome_of(
    $$select octroi.create_api_key('few', '[{"meter": "tokens", "period": "day", "amount": 5},
      {"meter": "tokens", "period": "month", "amount": 5}, {"meter": "requests", "period": "day", "amount": 5}]')$$
  ), '00000', 'but with those that are left: what is left of a key that expired counts no more'
);
select tap.clear() \g /dev/null
delete from auth.users where id = :ada;
select is(tap.key_budgets(), 0::bigint, 'until it goes with its holder');
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
