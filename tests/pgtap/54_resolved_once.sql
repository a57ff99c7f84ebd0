-- A call is resolved once. The verbs see to it, and under them the key of usage_event: a defect in a verb, or a row put
-- back by hand, ends in an error and not in a second charge.
begin;
\ir setup/play.sql
\set nora '\'01a00000-0000-7000-8000-00000000000e\''
\set call '\'01a00000-0000-7000-8000-000000000001\''
select plan(7);

insert into auth.users (id, email) values (:nora, 'nora@example.test');
select a.id as account from octroi_private.account as a where a.owner_user_id = :nora \gset
select r.verdict from octroi_private.reserve(:call, :'account', null, :nora, 'gpt-5.6-luna', 100, 400) as r \g /dev/null

create function tap.charged() returns text
language sql
stable
begin atomic
select format(
  '%s events, %s tokens, %s held', (
    select count(*) from octroi_private.usage_event as e where e.account_id = b.account_id
  ), b.used, b.reserved
)
from octroi_private.balance as b
where b.meter = 'tokens' and b.scope = 'account';
end;

select is(
  (select s.outcome from octroi_private.settle(:call, 90, 110) as s), 'settled', 'the first settle resolves the call'
);
select is(
  (select s.outcome from octroi_private.settle(:call, 90, 110) as s), 'replayed', 'the second finds it resolved'
);
select is(tap.charged(), '1 events, 200 tokens, 0 held', 'and charges nothing');

-- As if the verb had forgotten to look: the call is open again, with its hold.
update octroi_private.request set state = 'open', finished_at = null where id = :call;
update octroi_private.balance as b set reserved = b.reserved + h.amount
from octroi_private.request as r cross join lateral unnest(r.balance_ids, r.hold_amounts) as h (balance_id, amount)
where r.id = :call and b.id = h.balance_id;
select is(
  left(tap.outcome_of(format('select * from octroi_private.settle(%L, 90, 110)', :call)), 5), '23505',
  'a settle that is applied again is stopped by the key of what it would write'
);
select is(
  left(tap.outcome_of(format('select * from octroi_private.settle(%L, 1, 1)', :call)), 5), '23505',
  'whatever it says was used'
);
select is(tap.charged(), '1 events, 200 tokens, 500 held', 'and nothing of it remains');
select isnt_empty('select * from octroi_private.integrity', 'the call that lies there open and charged is told of');

select * from finish();
rollback;
