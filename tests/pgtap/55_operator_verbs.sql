-- What an operator gives, takes and limits: once, however often it is said, and on record.
begin;
\ir setup/cast.sql
select plan(24);

create function tap.tokens_left() returns bigint
language sql
stable
security definer
begin atomic
select sum(q.remaining)::bigint from octroi_private.quota_of(
  (select a.id from octroi_private.account as a where a.owner_user_id = auth.uid() and a.kind = 'personal'), auth.uid()
) as q
where q.scope = 'account' and q.meter = 'tokens' and q.period = 'month';
end;
create function tap.left_of(p_user_id uuid) returns bigint
language plpgsql
as $$
declare
  v_left bigint;
begin
  perform tap.play(p_user_id);
  v_left := tap.tokens_left();
  perform tap.clear();
  return v_left;
end
$$;
grant execute on function tap.tokens_left() to authenticated;
select a.id as mias from octroi_private.account as a where a.owner_user_id = :mia and a.kind = 'personal' \gset
select tap.left_of(:mia) as before \gset

-- A gift.
select tap.play_role('octroi_operator') \g /dev/null
select octroi_private.give_grant('ticket-4711', :'mias', 'tokens', 500, 'sorry for the outage') as gift \gset
select tap.clear() \g /dev/null
select is(tap.left_of(:mia), (:before + 500)::bigint, 'a gift may be used');
select tap.play_role('octroi_operator') \g /dev/null
select is(
  octroi_private.give_grant('ticket-4711', :'mias', 'tokens', 500, 'in other words'), :'gift'::uuid,
  'said again it is the same'
);
select is(
  tap.outcome_of(format('select octroi_private.give_grant(''ticket-4711'', %L, ''tokens'', 501, ''more'')', :'mias')),
  'OC048', 'its code stands for nothing else'
);
select is(tap.outcome_of(statement), '22023', statement)
from unnest(array[
  format('select octroi_private.give_grant(''Ticket 1'', %L, ''tokens'', 5, ''x'')', :'mias'),
  format('select octroi_private.give_grant(''t'', %L, ''bytes'', 5, ''x'')', :'mias'),
  format('select octroi_private.give_grant(''t'', %L, ''tokens'', 0, ''x'')', :'mias'),
  format('select octroi_private.give_grant(''t'', %L, ''tokens'', 5, '''')', :'mias'),
  format('select octroi_private.give_grant(''t'', %L, ''tokens'', 5, ''x'', ''2000-01-01'')', :'mias'),
  'select octroi_private.give_grant(''t'', gen_random_uuid(), ''tokens'', 5, ''x'')'
]) as s (statement);
select tap.clear() \g /dev/null
select is(tap.left_of(:mia), (:before + 500)::bigint, 'nothing of that was given');
select tap.play(:mia) \g /dev/null
select is(
  (
    select l.actor || ': ' || (l.detail ->> 'reason') from octroi.my_audit(1) as l
    where l.action = 'quota_grant.insert'
  ),
  'operator: sorry for the outage', 'she reads who gave it, and why'
);

-- Taken back: what was drawn stays drawn.
select tap.clear() \g /dev/null
select tap.play_role('octroi_operator') \g /dev/null
select is(octroi_private.end_grant(:'gift', 'given twice'), true, 'a gift is ended');
select is(octroi_private.end_grant(:'gift', 'given twice'), false, 'once');
select tap.clear() \g /dev/null
select is(tap.left_of(:mia), (:before)::bigint, 'and may be used no more');
select octroi_private.add_grant(:'mias', 'tokens', 5, 'top_up', 'bought') as bought \gset
select tap.play_role('octroi_operator') \g /dev/null
select is(
  tap.outcome_of(format('select octroi_private.end_grant(%L, ''x'')', :'bought')), '22023',
  'what was paid for is refunded, and not ended'
);

-- A promotion: everybody of a plan, once, in batches.
select tap.clear() \g /dev/null
select v.plan_code as mias_plan
from octroi_private.subscription as s
join octroi_private.plan_version as v on v.id = s.plan_version_id
where s.account_id = :'mias' and s.ended_at is null \gset
select count(*) as accounts
from octroi_private.subscription as s
join octroi_private.plan_version as v on v.id = s.plan_version_id
join octroi_private.account as a on a.id = s.account_id and a.status = 'active'
where s.ended_at is null and v.plan_code = :'mias_plan' \gset
select tap.left_of(:mia) as before \gset
select tap.play_role('octroi_operator') \g /dev/null
select is(
  octroi_private.give_promotion('spring', 'tokens', 70, 'spring', 'infinity', :'mias_plan', 1), 1::bigint, 'a batch'
);
select is(
  octroi_private.give_promotion('spring', 'tokens', 70, 'spring', 'infinity', :'mias_plan'), (:accounts - 1)::bigint,
  'the others'
);
select is(
  octroi_private.give_promotion('spring', 'tokens', 70, 'spring', 'infinity', :'mias_plan'), 0::bigint,
  'and nobody twice'
);
select is(
  tap.outcome_of('select octroi_private.give_promotion(''spring'', ''tokens'', 71, ''spring'', ''infinity'')'), 'OC048',
  'its code stands for nothing else'
);
select tap.clear() \g /dev/null
select is(tap.left_of(:mia), (:before + 70)::bigint, 'it may be used');

-- A limit of the operator's: the smallest holds, and the account cannot lift it.
select tap.play_role('octroi_operator') \g /dev/null
select is(octroi_private.set_account_limit(:'mias', 'tokens', 'day', 10, 'unpaid'), true, 'a limit is set');
select is(octroi_private.set_account_limit(:'mias', 'tokens', 'day', 10, 'unpaid'), false, 'once');
select tap.play(:mia) \g /dev/null
select results_eq(
  $$select q.scope, q.period, q.granted from octroi.my_quota() as q where q.meter = 'tokens' and q.period = 'day'$$,
  $$values ('account', 'day', 10::bigint)$$, 'she sees it'
);
select is(
  (select c.reason from octroi.check_quota('gpt-5.6-luna', 11) as c), 'quota_exceeded', 'and is held to it'
);

select * from finish();
rollback;
