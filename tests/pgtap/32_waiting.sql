-- Calls that others hold back wait in order of arrival: nobody overtakes at the limit they wait for.
begin;
\ir setup/play.sql
\set nora '\'01a00000-0000-7000-8000-00000000000e\''
select plan(23);

insert into auth.users (id, email) values (:nora, 'nora@example.test');
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
select a.id, 'account', '', 'tokens', 'day', 1000 from octroi_private.account as a where a.owner_user_id = :nora;

create function tap.id(p_call integer) returns uuid
language sql
immutable
return ('01a00000-0000-7000-8000-' || lpad(p_call::text, 12, '0'))::uuid;

-- Calls with so many tokens of input and no output, in one batch, by callers who wait or do not.
create function tap.ask(p_calls integer [], p_tokens bigint [], p_waits boolean default true) returns text
language sql
as $$
select string_agg(r.verdict, ' ' order by r.ord)
from octroi_private.account as a
cross join lateral octroi_private.reserve_many(
  array(select tap.id(c) from unnest(p_calls) as c), array_fill(a.id, array[cardinality(p_calls)]),
  array_fill(null::uuid, array[cardinality(p_calls)]), array_fill(a.owner_user_id, array[cardinality(p_calls)]),
  array_fill('gpt-5.6-luna'::text, array[cardinality(p_calls)]), array_fill('sql'::text, array[cardinality(p_calls)]),
  p_tokens, array_fill(0::bigint, array[cardinality(p_calls)]), array_fill(1, array[cardinality(p_calls)]),
  array_fill(null::text, array[cardinality(p_calls)]), array_fill('\x'::bytea, array[cardinality(p_calls)]), 600,
  p_waits
) with ordinality as r (
  request_id, verdict, reason, output_tokens, hold_tokens, hold_cost_nano_usd, expires_at, scope, meter, period,
  granted,
  used, reserved, remaining, period_start, resets_at, retry_after_seconds, plan, output_bound, needed, wait_seconds,
  ticket, on_disconnect, set_by, ord
)
where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e'
$$;
create function tap.queue() returns text
language sql
as $$
select coalesce(string_agg(ltrim(right(w.request_id::text, 12), '0'), ' ' order by w.ticket), 'nobody')
from octroi_private.waiting_call as w
$$;

select is(tap.ask('{1}', '{900}'), 'granted', 'a call holds most of a limit');
select is(tap.ask('{2}', '{500}'), 'held', 'one that does not fit beside it waits');
select is(tap.ask('{3}', '{50}'), 'held', 'so does a later one that would fit: it may not overtake');
select is(tap.ask('{4,5}', '{60,70}'), 'held held', 'nor may any of a batch');
select is(tap.queue(), '2 3 4 5', 'they stand in order of arrival');
select is(tap.ask('{3}', '{50}'), 'held', 'who asks again does not pass the first');
select is(tap.queue(), '2 3 4 5', 'and keeps their place');
select is(tap.ask('{6}', '{1001}'), 'refused', 'what can never fit is refused at once, whoever waits');

select octroi_private.release(tap.id(1), 'test') \g /dev/null
select is(tap.ask('{5,2}', '{70,500}'), 'held granted', 'of a batch the older ticket is served, wherever it stands');
select is(tap.queue(), '3 4 5', 'the first has left');
select octroi_private.release(tap.id(3), 'left_the_queue') \g /dev/null
select is(tap.queue(), '4 5', 'so has one whose caller gave up');
select is(tap.ask('{4}', '{60}') || ' ' || tap.ask('{5}', '{70}'), 'granted granted', 'the others get room in turn');
select is(tap.queue(), 'nobody', 'and nobody waits any more');

select is(tap.ask('{7}', '{900}', false), 'held', 'a caller who does not wait is told the same');
select is(tap.queue(), 'nobody', 'and holds nobody up');

-- What holds a call back is counted by whatever name the model is called.
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
select a.id, 'model', 'gpt-5.6-luna', 'tokens', 'day', 2000 from octroi_private.account as a
where a.owner_user_id = :nora;
insert into octroi_private.model_alias (alias, model) values ('gpt-luna-by-another-name', 'gpt-5.6-luna');
select octroi_private.release(tap.id(c), 'test') from unnest(array[2, 4, 5, 7]) as c \g /dev/null
select is(tap.ask('{8}', '{900}'), 'granted', 'a call holds most of the day');
select is(
  (select array_agg(octroi_private.calls_holding(a.id, null, :nora, s.name, 'model', 'tokens', 'day') order by s.name)
    from octroi_private.account as a, unnest(array['gpt-5.6-luna', 'gpt-luna-by-another-name']) as s (name)
    where a.owner_user_id = :nora), array[1, 1]::bigint [], 'and of its model''s limit, whatever that is called'
);

-- A call that is short of two limits stands in both queues.
update octroi_private.budget set amount = 950 where scope = 'model';
select is(tap.ask('{9}', '{120}'), 'held', 'short of the day and of the model');
select is(
  (select cardinality(w.balance_ids) from octroi_private.waiting_call as w), 2, 'it waits at both'
);

-- Asking again writes nothing while the ticket is fresh; renewing keeps it; one that nobody renews is nobody's.
select w.ctid as place from octroi_private.waiting_call as w \gset
select tap.ask('{9}', '{120}') \g /dev/null
select is((select w.ctid::text from octroi_private.waiting_call as w), :'place', 'asking again moves nothing');
select is(octroi_private.renew_tickets(array[tap.id(9), tap.id(1)]), 1::bigint, 'a worker renews what waits');
update octroi_private.waiting_call set waits_until = octroi_private.now() - interval '1 second';
select is(tap.ask('{10}', '{40}'), 'granted', 'a ticket that was not renewed holds nobody up');

select is_empty('select * from octroi_private.integrity', 'the books are sound');

select * from finish();
rollback;
