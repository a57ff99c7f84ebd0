-- Time: whose clock it is, and where periods begin and end.
begin;
\ir setup/cast.sql
select plan(26);

select is_empty('select * from octroi_private.test_clock', 'a migrated database runs on the true time');
select is_empty(
  $$select c.role_name
    from tap.role_name as c
    where has_table_privilege(c.role_name, 'octroi_private.test_clock', 'select, insert, update, delete, truncate')$$,
  'no role can move the clock'
);
select tap.play(:olga) \g /dev/null
select is(
  tap.outcome_of('insert into octroi_private.test_clock (shift) values (''1 day'')'), '42501',
  'nor can somebody who is signed in'
);
select tap.play_role('octroi_owner') \g /dev/null
insert into octroi_private.test_clock (shift) values ('40 days');
select tap.clear() \g /dev/null
select ok(
  octroi_private.now() between clock_timestamp() + '40 days' - interval '1 second' and clock_timestamp() + '40 days',
  'the owner can, and everything moves with it'
);
select tap.play(:olga) \g /dev/null
select is(
  (
    select q.used || ' of ' || q.granted || ', ' || (q.resets_at > clock_timestamp() + interval '40 days')
    from octroi.my_quota() as q
    where q.meter = 'tokens'
  ), '0 of 10000, true', 'in the period after the next, nothing is used and the reset lies ahead'
);
select is((select count(*) from octroi.my_requests()), 1::bigint, 'what was used stays on record');
select tap.clear() \g /dev/null

-- period, anchor, instant, start, reset; all in UTC
create table tap.bounds (
  why text, period text, anchor timestamptz, at timestamptz, starts timestamptz, resets timestamptz
);
set local timezone = 'UTC';
insert into tap.bounds values
('a month runs from the anchor''s day and time',
  'month', '2026-01-15 10:30', '2026-03-20', '2026-03-15 10:30', '2026-04-15 10:30'),
('the start belongs to the period',
  'month', '2026-01-15 10:30', '2026-03-15 10:30', '2026-03-15 10:30', '2026-04-15 10:30'),
('the instant before belongs to the one before',
  'month', '2026-01-15 10:30', '2026-03-15 10:29:59.999999', '2026-02-15 10:30', '2026-03-15 10:30'),
('the first period starts at the anchor',
  'month', '2026-01-15 10:30', '2026-01-15 10:30', '2026-01-15 10:30', '2026-02-15 10:30'),
('a 31st resets on the 28th of February', 'month', '2026-01-31', '2026-02-27 23:59', '2026-01-31', '2026-02-28'),
('and on the 31st of March again', 'month', '2026-01-31', '2026-02-28', '2026-02-28', '2026-03-31'),
('on the 30th of April', 'month', '2026-01-31', '2026-04-29', '2026-03-31', '2026-04-30'),
('in a leap year on the 29th', 'month', '2027-12-31', '2028-02-29', '2028-02-29', '2028-03-31'),
('a leap day''s anchor resets on the 28th in other years',
  'month', '2028-02-29', '2029-02-28', '2029-02-28', '2029-03-29'),
('and on the 29th in the next leap year', 'month', '2028-02-29', '2032-02-29', '2032-02-29', '2032-03-29'),
('a 30th skips only February', 'month', '2026-01-30', '2026-03-01', '2026-02-28', '2026-03-30'),
('a month crosses the year', 'month', '2026-06-20', '2027-01-02', '2026-12-20', '2027-01-20'),
('a month before the anchor is counted back', 'month', '2026-03-10', '2026-02-20', '2026-02-10', '2026-03-10'),
('a day is a day of UTC', 'day', '2026-01-15 10:30', '2026-03-01 23:59:59.999999', '2026-03-01', '2026-03-02'),
('and starts at midnight', 'day', '2026-01-15 10:30', '2026-03-02', '2026-03-02', '2026-03-03'),
('a lifetime never resets', 'lifetime', '2026-01-15 10:30', '2099-01-01', '2026-01-15 10:30', 'infinity');

-- Far from UTC and across a change of its clocks: where the session is must not matter.
set local timezone = 'America/St_Johns';
select is(
  (select (p.period_start, p.resets_at)::text from octroi_private.period_bounds(b.period, b.anchor, b.at) as p),
  (b.starts, b.resets)::text,
  b.why
)
from tap.bounds as b;

select is(
  tap.outcome_of('select octroi_private.period_bounds(''week'', now(), now())'), 'OC001', 'there is no other period'
);
select is_empty(
  $$select a.at
    from generate_series('2024-01-31 17:00+00'::timestamptz, '2032-03-01', interval '17 hours') as a (at)
    cross join unnest(array['2024-01-29', '2024-01-30', '2024-01-31', '2024-02-29']::timestamptz []) as anchor
    cross join unnest(array['day', 'month']) as period
    cross join lateral octroi_private.period_bounds(period, anchor, a.at) as p
    cross join lateral octroi_private.period_bounds(period, anchor, p.resets_at) as next
    where not (p.period_start <= a.at and a.at < p.resets_at and next.period_start = p.resets_at)$$,
  'over eight years every instant lies in exactly one period, and the next starts where it ends'
);
select ok(
  octroi_private.uuid_v7_floor(clock_timestamp()) <= octroi_private.uuid_v7()
  and octroi_private.uuid_v7() < octroi_private.uuid_v7_floor(clock_timestamp() + interval '1 second'),
  'ids are ordered by the time they were made at'
);
select is(
  (
    select bool_and(
      substring(id::text from 15 for 1) = '7' and substring(id::text from 20 for 1) in ('8', '9', 'a', 'b')
    )
    from (select octroi_private.uuid_v7() as id from generate_series(1, 100)) as made
  ), true, 'ids are UUIDs of version 7'
);

select * from finish();
rollback;
