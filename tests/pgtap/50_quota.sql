-- What a caller is told of quota and usage: before the first call, while calls run, after them, and at the limit.
begin;
\ir setup/play.sql
\set nora '\'01a00000-0000-7000-8000-00000000000e\''
select plan(35);

insert into auth.users (id, email) values (:nora, 'nora@example.test');
select a.id as account from octroi_private.account as a where a.owner_user_id = :nora \gset

-- scope/meter/period used + reserved of granted
create function tap.standing() returns setof text
language sql
begin atomic
select format(
  '%s %s a %s: %s + %s of %s, %s left', q.scope, q.meter, q.period, q.used, q.reserved, q.granted, q.remaining
)
from octroi.my_quota() as q;
end;

select tap.play(:nora) \g /dev/null
select results_eq(
  'select * from tap.standing()',
  array['account requests a day: 0 + 0 of 200, 200 left', 'account tokens a month: 0 + 0 of 10000, 10000 left'],
  'before the first call all of the plan is left'
);
select is((select count(*) from octroi.my_requests()), 0::bigint, 'and there is no call to list');
select is((select count(*) from octroi.my_usage()), 0::bigint, 'and no usage');
select bag_eq(
  'select * from octroi.quota', 'select * from octroi.my_quota()', 'the view quota shows what my_quota() says'
);
select is(
  (
    select bool_and(clock_timestamp() between q.period_start and q.resets_at and q.plan = 'free')
    from octroi.my_quota() as q
  ), true, 'each limit says when it resets, and of which plan it is'
);

-- One call after another, as the verbs see them.
select tap.clear() \g /dev/null
select verdict, output_tokens from octroi_private.reserve(
  '01a00000-0000-7000-8000-000000000001', :'account', null, :nora, 'gpt-5.6-luna', 100, 400, 2
) \g /dev/null
select tap.play(:nora) \g /dev/null
select results_eq(
  'select * from tap.standing()',
  array['account requests a day: 0 + 1 of 200, 199 left', 'account tokens a month: 0 + 900 of 10000, 9100 left'],
  'a running call holds its upper bound: its input, and its most output for each choice'
);
select results_eq(
  'select state, model, total_tokens, cost_nano_usd from octroi.my_requests()',
  $$values ('open', 'gpt-5.6-luna', null::bigint, null::bigint)$$, 'it is listed as open'
);

select tap.clear() \g /dev/null
select outcome from octroi_private.settle(
  '01a00000-0000-7000-8000-000000000001', 90, 110, p_cached_input_tokens => 40, p_reasoning_tokens => 64
) \g /dev/null
select tap.play(:nora) \g /dev/null
select results_eq(
  'select * from tap.standing()',
  array['account requests a day: 1 + 0 of 200, 199 left', 'account tokens a month: 200 + 0 of 10000, 9800 left'],
  'once settled, what it used is used and nothing is held'
);
-- 50 uncached at 200,000, 40 cached at 20,000, 110 output at 1,200,000 micro-USD a million
select results_eq(
  $$select state, endpoint, model, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, total_tokens,
      cost_nano_usd, source from octroi.my_requests()$$,
  $$values ('settled', 'sql', 'gpt-5.6-luna', 90::bigint, 40::bigint, 110::bigint, 64::bigint, 200::bigint,
      142800::bigint, 'provider')$$,
  'it is listed with its pools and its cost'
);
select results_eq(
  $$select day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, total_tokens,
      cost_nano_usd from octroi.my_usage()$$,
  $$values ((now() at time zone 'utc')::date, 'gpt-5.6-luna', 1::bigint, 90::bigint, 40::bigint, 110::bigint,
  64::bigint,
      200::bigint, 142800::bigint)$$,
  'and summed by day and model'
);
select results_eq(
  'select id, total_tokens::bigint from octroi.usage', 'select id, total_tokens from octroi.my_requests()',
  'the view usage shows the same call'
);

-- Days and pages. Two more calls on another model, a day apart, then three open ones.
select tap.clear() \g /dev/null
insert into octroi_private.test_clock (shift) values ('1 day');
select count(r.request_id) from octroi_private.record_usage(:'account', :nora, 'gpt-5.2', 10, 1) as r \g /dev/null
update octroi_private.test_clock set shift = '2 days';
select count(r.request_id) from octroi_private.record_usage(:'account', :nora, 'gpt-5.2', 20, 2) as r \g /dev/null
select count(o.verdict)
from generate_series(1, 3) as n
cross join lateral octroi_private.reserve(
  ('01a00000-0000-7000-8000-00000000010' || n)::uuid, :'account', null, :nora, 'gpt-5.2', 10, 16
) as o \g /dev/null
select tap.play(:nora) \g /dev/null
select (octroi_today.at at time zone 'utc')::date as today
from (select max(occurred_at) as at from octroi.my_requests()) as octroi_today \gset
select results_eq(
  $$select model, sum(total_tokens)::bigint from octroi.my_usage() group by day, model order by day desc$$,
  $$values ('gpt-5.2', 22::bigint), ('gpt-5.2', 11), ('gpt-5.6-luna', 200)$$, 'usage is listed by day, newest first'
);
select is(
  (select sum(u.total_tokens) from octroi.my_usage(:'today'::date, :'today'::date) as u), 22::numeric,
  'since and until both belong to the span'
);
select is(
  (select sum(u.total_tokens) from octroi.my_usage(:'today'::date - 1) as u), 33::numeric, 'until may be left out'
);
select is_empty(
  $$select * from octroi.my_usage('2000-01-01', '2000-12-31')$$, 'a span without usage is empty, not an error'
);
select is(
  (select string_agg(r.state || coalesce(r.total_tokens::text, ''), ',' order by r.ord)
    from octroi.my_requests() with ordinality as r (
      id, state, endpoint, model, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
      reasoning_tokens, total_tokens, cost_nano_usd, source, latency_ms, first_token_ms, occurred_at, has_more, ord
    )
  ), 'open,open,open,settled22,settled11,settled200', 'open and settled calls stand in one list, newest first'
);

-- Pages of two, each asked for with the last time of the one before.
create temporary table page_seen (id uuid, page integer);
do $$
declare
  v_before timestamptz;
begin
  for v_page in 1 .. 4 loop
    insert into page_seen select r.id, v_page from octroi.my_requests(2, v_before) as r;
    select min(r.occurred_at) into v_before from octroi.my_requests(2, v_before) as r;
    exit when v_before is null;
  end loop;
end
$$;
select results_eq(
  'select page, count(*) from page_seen group by page order by page',
  $$values (1, 2::bigint), (2, 2), (3, 2)$$, 'pages of two hold two each'
);
select is((select count(distinct p.id) from page_seen as p), 6::bigint, 'and no call is left out or shown twice');
select is((select count(*) from octroi.my_requests(0)), 0::bigint, 'a page of none is empty');
select is(tap.outcome_of('select octroi.my_requests(-5)'), '22023', 'fewer than none are not asked for');

-- check_quota says what reserve then decides, at two edges: a call of exactly what is left, and of one more, for which
-- running calls hold too much; one of all that is not used, and of one more, which is refused for good.
select q.remaining as left_over, q.granted - q.used as unused from octroi.my_quota() as q where q.meter = 'tokens' \gset
select is(
  (select c.allowed from octroi.check_quota('gpt-5.6-luna', :left_over) as c), true, 'what is left exactly is allowed'
);
select results_eq(
  format(
    'select allowed, reason, scope, meter, remaining from octroi.check_quota(%L, %s)', 'gpt-5.6-luna', :left_over + 1
  ),
  format($$values (false, 'quota_held', 'account', 'tokens', %s::bigint)$$, :left_over),
  'one more has to wait for running calls, and the limit is named'
);
select results_eq(
  format(
    'select reason, used + reserved + remaining = granted, retry_after_seconds from octroi.check_quota(%L, %s)',
    'gpt-5.6-luna', :unused
  ),
  $$values ('quota_held', true, null::bigint)$$, 'so has one of all that is not used; nobody knows for how long'
);
select is(
  (select c.reason from octroi.check_quota('gpt-5.6-luna', :unused + 1) as c), 'quota_exceeded',
  'more than that is refused until the reset'
);
select c.retry_after_seconds as retry_after, extract(epoch from c.resets_at - max(r.occurred_at))::bigint as to_reset
from octroi.check_quota('gpt-5.6-luna', :unused + 1) as c
cross join octroi.my_requests() as r
group by 1, c.resets_at \gset
select ok(:retry_after between :to_reset - 1 and :to_reset + 1, 'retry_after_seconds is the time to the reset');
select tap.clear() \g /dev/null
select is(
  (
    select r.verdict || ' ' || r.reason
    from octroi_private.reserve(
      '01a00000-0000-7000-8000-000000000201', :'account', null, :nora, 'gpt-5.6-luna', :left_over + 1, 0
    ) as r
  ), 'held quota_held', 'reserve holds the one more back'
);
select is(
  (
    select r.verdict || ' ' || r.reason
    from octroi_private.reserve(
      '01a00000-0000-7000-8000-000000000203', :'account', null, :nora, 'gpt-5.6-luna', :unused + 1, 0
    ) as r
  ), 'refused quota_exceeded', 'and refuses what can never fit'
);
select is(
  (
    select r.verdict
    from octroi_private.reserve(
      '01a00000-0000-7000-8000-000000000202', :'account', null, :nora, 'gpt-5.6-luna', :left_over, 0
    ) as r
  ), 'granted', 'and grants what is left'
);
select tap.play(:nora) \g /dev/null
select is(
  (select c.reason from octroi.check_quota('gpt-5.6-luna', 1) as c), 'quota_held',
  'then nothing more is allowed for now'
);
select is(
  (select c.reason from octroi.check_quota('gpt-99', 1) as c), 'model_not_priced', 'a model without a price is refused'
);
select is(tap.outcome_of('select octroi.check_quota(''gpt-5.5'', -1)'), '22023', 'negative tokens are misuse');
select is(tap.outcome_of('select octroi.check_quota(''gpt-5.5'', null)'), '22023', 'so are missing ones');
select is(
  tap.outcome_of('select octroi.check_quota(''gpt-5.5'', 9223372036854775807)'), '22023',
  'and a count that no call can have'
);

select tap.play_role('anon') \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), '42501', 'who is not signed in may not ask');

select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

select * from finish();
rollback;
