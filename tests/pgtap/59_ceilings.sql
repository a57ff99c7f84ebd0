-- A budget and the operator's limit cap all that an account may use in a month, packs and overage with it, and change
-- nothing else: what the plan includes is used before what was paid for on top.
begin;
\ir setup/billing.sql
select plan(17);

select tap.travel('2027-03-05 12:00:30+00') \g /dev/null
select tap.apply(
  'subscription', tap.subscription('sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null
select tap.apply(
  'invoice', tap.invoice('in_1', 'sub_1', '2027-03-05 12:00:30+00', '2027-04-05 12:00:30+00')
) \g /dev/null

-- Month's limit as nora sees it: granted, included, from grants, overage, and where charging begins.
create function tap.month() returns text
language sql
as $$
select concat_ws(' ', q.granted, q.included, q.from_grants, q.overage, coalesce(q.charged_above::text, 'never'))
from octroi_private.quota_of(
  (select a.id from octroi_private.account as a where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e'),
  '01a00000-0000-7000-8000-00000000000e'
) as q
where q.scope = 'account' and q.period = 'month' and q.meter = 'tokens'
$$;
-- What becomes of a call of so many tokens, and who set the limit that says so.
create function tap.asked(p_tokens bigint) returns text
language plpgsql
as $$
declare
  v_told text;
begin
  select concat_ws(' ', r.verdict, r.set_by, r.granted) into v_told
  from octroi_private.account as a
  cross join lateral octroi_private.reserve(
    octroi_private.uuid_v7(), a.id, null, a.owner_user_id, 'gpt-5.6-luna', p_tokens, 0
  ) as r
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then return v_told;
end
$$;
create function tap.set_budget(p_amount bigint) returns boolean
language sql
as $$
select octroi_private.put_budget(a.id, 'account', '', 'tokens', 'month', p_amount)
from octroi_private.account as a where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e'
$$;

-- 10,000 are included, 10,000 more are charged.
select is(tap.month(), '20000 10000 0 10000 10000', 'the plan and its overage');
select tap.set_budget(500000) \g /dev/null
select is(tap.month(), '20000 10000 0 10000 10000', 'a budget above all of it takes no overage away');
select is(tap.asked(15000), 'granted plan 20000', 'nor refuses it');
select tap.set_budget(12000) \g /dev/null
select is(tap.month(), '12000 10000 0 2000 10000', 'one between them leaves a part of the overage');
select is(tap.asked(12001), 'refused budget 12000', 'and refuses beyond it, in its own name');

select octroi_private.add_grant(:'account', 'tokens', 5000, 'promo', 'thanks') \g /dev/null
select is(tap.month(), '12000 10000 5000 0 never', 'a grant does not lift it, and goes before overage');
select tap.set_budget(4000) \g /dev/null
select is(tap.month(), '4000 10000 5000 0 never', 'one below the plan is all there is');
select tap.use(3900) \g /dev/null
select is((select g.drawn::bigint from octroi_private.quota_grant as g), 0::bigint, 'and the plan is used first');
select is(tap.asked(200), 'refused budget 4000', 'nothing goes beyond it');

select octroi_private.set_account_limit(:'account', 'tokens', 'month', 3000, 'a pilot') \g /dev/null
select is(tap.month(), '3900 10000 5000 0 never', 'the operator''s own limit counts where it is smaller');
select is(tap.asked(1), 'refused operator 3900', 'and is told as theirs');
select octroi_private.add_grant(:'account', 'tokens', 50000, 'top_up', 'bought') \g /dev/null
select is(tap.asked(1), 'refused operator 3900', 'no pack lifts it');
select octroi_private.set_account_limit(:'account', 'tokens', 'month', null, 'over') \g /dev/null
select tap.set_budget(null) \g /dev/null
select is(tap.month(), '75000 10000 55000 10000 65000', 'without both everything is there again');
select tap.use(8000) \g /dev/null
select is((select sum(g.drawn)::bigint from octroi_private.quota_grant as g), 1900::bigint, 'and is drawn in order');

-- Where no plan bounds the same thing a budget is the limit.
select octroi_private.put_budget(:'account', 'account', '', 'tokens', 'day', 12000) \g /dev/null
select is(tap.asked(200), 'refused budget 12000', 'a day''s budget is its own limit');
select octroi_private.put_budget(:'account', 'account', '', 'tokens', 'day', null) \g /dev/null
select is(tap.asked(200), 'granted plan 75000', 'and taken away');
select is_empty('select * from octroi_private.integrity', 'the books are sound');

select * from finish();
rollback;
