-- What people add up is whole: whoever is handed a part of a list is told so by its last row, whether the part was
-- asked for, is what one call hands out, or is what the Data API leaves of it.
begin;
\ir setup/cast.sql
select plan(33);

-- Two years of sten's, three models a day: 2,190 rows. The Data API hands out 1,000.
select tap.clear() \g /dev/null
insert into octroi_private.usage_daily (
  account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
  total_tokens, cost_nano_usd
)
select tap.personal('sten'), :sten, '2024-01-01'::date + d, m, 1, 6, 0, 4, 0, 10, 100
from generate_series(0, 729) as d
cross join unnest(array['a', 'b', 'c']) as m;

select tap.play(:sten) \g /dev/null
select results_eq(
  $$select count(*), bool_and(has_more) from octroi.my_usage('2024-01-01', '2025-12-30')$$,
  $$values (1000::bigint, true)$$, 'of 2,190 rows a call hands out 1,000, and each says that others follow it'
);
select is(
  (
    select u.has_more from octroi.my_usage('2024-01-01', '2025-12-30', max_rows => 7) as u
    order by u.day asc, u.model desc
    limit 1
  ), true, 'so does a page of seven'
);
select results_eq(
  $$select u.day, u.model, u.has_more from octroi.my_usage('2024-01-01', '2024-01-01') as u$$,
  $$values ('2024-01-01'::date, 'a', true), ('2024-01-01', 'b', true), ('2024-01-01', 'c', false)$$,
  'whoever cuts an answer, its last row tells: only the very last has nothing after it'
);

-- Page by page, as a client adds it up.
create temporary table usage_seen (page integer, day date, model text, total_tokens bigint);
do $$
declare
  v_day date;
  v_model text;
  v_more boolean := true;
  v_page integer := 0;
begin
  while v_more and v_page < 10 loop
    v_page := v_page + 1;
    insert into usage_seen
    select v_page, u.day, u.model, u.total_tokens
    from octroi.my_usage(
      '2024-01-01', '2025-12-30', after_day => v_day, after_model => v_model, max_rows => 500
    ) as u;
    select u.day, u.model, u.has_more into v_day, v_model, v_more
    from octroi.my_usage(
      '2024-01-01', '2025-12-30', after_day => v_day, after_model => v_model, max_rows => 500
    ) as u
    order by u.day asc, u.model desc
    limit 1;
  end loop;
end
$$;
select results_eq(
  'select page, count(*) from usage_seen group by page order by page',
  $$values (1, 500::bigint), (2, 500), (3, 500), (4, 500), (5, 190)$$, 'five pages of 500 hold all of it'
);
select results_eq(
  'select sum(total_tokens)::bigint, count(distinct (day, model)) from usage_seen',
  $$values (21900::bigint, 2190::bigint)$$, 'and nothing of it twice'
);
select results_eq(
  $$select count(*), sum(total_tokens)::bigint, bool_or(has_more)
    from octroi.my_usage('2024-01-01', '2025-12-30', 'month') where day < '2025-12-31' and total_tokens is not null$$,
  $$values (72::bigint, 21900::bigint, true)$$, 'by month it is 72 rows, in one page'
);
select results_eq(
  $$select day, model, total_tokens, has_more from octroi.my_usage('2024-01-01', '2025-12-30', 'total')$$,
  $$values ('2024-01-01'::date, 'a', 7300::bigint, true), ('2024-01-01', 'b', 7300, true),
    ('2024-01-01', 'c', 7300, false)$$, 'in total it is a row for each model'
);
select is(tap.outcome_of($$select octroi.my_usage(per => 'week')$$), '22023', 'per is day, month or total');
select is((select count(*) from octroi.my_usage(max_rows => 0)), 0::bigint, 'a page of none is empty');
select is(tap.outcome_of('select octroi.my_usage(max_rows => -1)'), '22023', 'fewer than none are not asked for');
select is(
  (select count(*) from octroi.my_usage('2024-01-01', '2025-12-30', max_rows => null)), 1000::bigint,
  'null asks for as many as a page has, and not for none'
);
select is(
  tap.outcome_of($$select octroi.my_usage('2024-01-01', '2024-01-02', after_day => '2024-01-02')$$), '22023',
  'a page goes on after a whole row: without the model the rows of that day came again'
);
select is(
  tap.outcome_of($$select octroi.my_usage('2024-01-01', '2024-01-02', after_model => 'a')$$), '22023',
  'nor after a model of no day'
);
select is(
  tap.outcome_of(
    $$select octroi.my_usage('2024-01-01', '2025-12-30', 'total', after_day => '2024-01-02', after_model => 'a')$$
  ), '22023', 'a total has one day, and goes on after that'
);

-- A total of the last 30 days, of which a second page is asked for when it is another day.
select tap.clear() \g /dev/null
insert into octroi_private.usage_daily (
  account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
  total_tokens, cost_nano_usd
)
select tap.personal('sten'), :sten, (octroi_private.now() at time zone 'utc')::date - d, m, 1, 6, 0, 4, 0, 10, 100
from generate_series(1, 3) as d
cross join unnest(array['a', 'b', 'c']) as m;
select tap.play(:sten) \g /dev/null
select u.day, u.model, u.has_more from octroi.my_usage(per => 'total', max_rows => 1) as u \gset
select is(:'has_more'::boolean, true, 'the first page of a total says that more follows');
select tap.clear() \g /dev/null
insert into octroi_private.test_clock (shift) values ('1 day')
on conflict (only_row) do update set shift = excluded.shift;
select tap.play(:sten) \g /dev/null
select is(
  (
    select array_agg(u.model order by u.model)
    from octroi.my_usage(per => 'total', after_day => :'day', after_model => :'model') as u
  ), array['b', 'c', 'gpt-5.6-luna'], 'and after midnight the second has the rest of it'
);
select is(tap.outcome_of('select octroi.my_requests(-1)'), '22023', 'calls likewise');
select is((select count(*) from octroi.my_requests(null)), 1::bigint, 'null is all that a page has');
select is(
  tap.outcome_of('select octroi.my_requests(5, before_id => gen_random_uuid())'), '22023',
  'an id goes with its time: by itself it was passed over'
);
select is(tap.outcome_of('select octroi.my_audit(-1)'), '22023', 'the log likewise');
select cmp_ok((select count(*) from octroi.my_audit(null)), '>', 0::bigint, 'and null is no empty page');
select is(tap.outcome_of('select octroi.my_invoices(-1)'), '22023', 'invoices likewise');
select is(
  tap.outcome_of($$select octroi.my_invoices(before => 'in_of_nobody')$$), '22023',
  'after an invoice that is none there is no page, and not an empty one'
);
select tap.play_for(:olga, :team) \g /dev/null
select is(
  tap.outcome_of('select octroi.account_usage(after_day => current_date, after_model => ''a'')'), '22023',
  'of an account the user belongs to the row'
);
select is(
  tap.outcome_of('select octroi.team_invitations(before => gen_random_uuid())'), '22023',
  'nor is there a page of invitations after one that is none'
);
select tap.clear() \g /dev/null
delete from octroi_private.test_clock;

-- A team's usage, by member, for those who pay for it.
select tap.clear() \g /dev/null
delete from octroi_private.member as m using octroi_private.account as a
where a.id = m.account_id and a.kind = 'personal' and m.user_id in (:ada, :mia);
select tap.play(:ada) \g /dev/null
select results_eq(
  $$select user_id, total_tokens, has_more from octroi.account_usage(per => 'total')$$,
  format($$values (%L::uuid, 220::bigint, true), (%L, 320, true), (%L, 420, false)$$, :olga, :ada, :mia),
  'an admin reads what each member of the team used'
);
select results_eq(
  format($$select user_id from octroi.account_usage(per => 'total', after_day => (
    select min(day) from octroi.account_usage(per => 'total')
  ), after_model => 'gpt-5.2', after_user => %L)$$, :ada),
  format($$values (%L::uuid)$$, :mia), 'and pages on within a model'
);
select tap.play(:mia) \g /dev/null
select is(tap.outcome_of('select octroi.account_usage()'), 'OC021', 'a member who pays for nothing does not');

-- Calls of one instant, and the log.
select tap.clear() \g /dev/null
select count(o.verdict)
from generate_series(1, 4) as n
cross join lateral octroi_private.reserve(
  ('01a00000-0000-7000-8000-00000000010' || n)::uuid, tap.personal('sten'), null, :sten, 'gpt-5.2', 10, 16
) as o \g /dev/null
update octroi_private.request set started_at = octroi_private.now(), expires_at = 'infinity'
where user_id = :sten and state = 'open';
select tap.play(:sten) \g /dev/null
create temporary table call_seen (id uuid, page integer);
do $$
declare
  v_before timestamptz;
  v_id uuid;
  v_more boolean := true;
  v_page integer := 0;
begin
  while v_more and v_page < 10 loop
    v_page := v_page + 1;
    insert into call_seen select r.id, v_page from octroi.my_requests(2, v_before, v_id) as r;
    select r.occurred_at, r.id, r.has_more into v_before, v_id, v_more
    from octroi.my_requests(2, v_before, v_id) as r
    order by r.occurred_at, r.id
    limit 1;
  end loop;
end
$$;
select results_eq(
  'select count(*), count(distinct id), max(page) from call_seen', $$values (5::bigint, 5::bigint, 3)$$,
  'calls of one instant are each on one page, and the last page says that it is the last'
);
select results_eq(
  'select bool_and(has_more) from octroi.my_audit(1)', $$values (true)$$, 'a page of the log says that more follows'
);
select results_eq(
  'select count(*) from octroi.my_audit() where not has_more', $$values (1::bigint)$$, 'and where it ends'
);

select tap.clear() \g /dev/null
-- A limit that takes the best of several is no page; nor is a word of a message.
select is_empty(
  $$select p.oid::regprocedure::text from pg_proc as p
    where p.pronamespace = 'octroi'::regnamespace and p.proretset
      and ('max_rows' = any(p.proargnames) or regexp_replace(p.prosrc, '\mlimit (1|9|is)\M', '', 'g') ~* '\mlimit\M')
      and not p.proargnames && array['has_more', 'next_after']$$,
  'every function that hands out pages, or cuts what it hands out, says on each row how it goes on'
);
select is_empty(
  $$select p.oid::regprocedure::text from pg_proc as p
    where p.pronamespace = 'octroi'::regnamespace and 'max_rows' = any(p.proargnames)
      and p.prosrc !~ 'page_rows\(.*max_rows' and p.prosrc !~ '(usage_page|export_rows)\('$$,
  'and counts its rows as all others do'
);

select * from finish();
rollback;
