-- Pages at Stripe's: who is told where one is, and for how long.
begin;
\ir setup/billing.sql
select plan(24);

\set stan '\'01a00000-0000-7000-8000-0000000000f1\''
select tap.travel('2027-03-05 12:00+00') \g /dev/null
-- stan looks after nora's account with her.
insert into auth.users (id, email) values (:stan, 'stan@example.test');
delete from octroi_private.member where user_id = :stan;
insert into octroi_private.member (account_id, user_id, role) values (:'account', :stan, 'admin');

create function tap.play_at(p_user_id uuid, p_aal text) returns void
language sql
begin atomic
select tap.play(p_user_id);
select set_config('request.jwt.claims', jsonb_build_object(
  'sub', p_user_id, 'role', 'authenticated', 'aal', p_aal
)::text, true);
end;
create table tap.asked (name text primary key, id uuid);
grant select, insert on tap.asked to public;
create function tap.id_of(p_name text) returns uuid
language sql
stable
begin atomic
select a.id from tap.asked as a where a.name = p_name;
end;
-- What the RPC and the view tell the caller: the same.
create function tap.told(p_name text) returns text
language sql
as $$
  select concat_ws(' ', b.state, b.url, case when b.url is distinct from v.url then 'or ' || coalesce(v.url, 'nothing') end)
  from octroi.billing_request(tap.id_of(p_name)) as b
  join octroi.billing_requests as v on v.id = tap.id_of(p_name)
$$;
create function tap.ask_all(p_who text) returns void
language sql
as $$
  insert into tap.asked values
  (p_who || ' checkout', octroi.start_checkout('basic', 'month', 'http://localhost:3000/', 'http://localhost:3000/')),
  (p_who || ' portal', octroi.open_portal('http://localhost:3000/'))
$$;

select tap.play(:nora) \g /dev/null
select tap.ask_all('nora') \g /dev/null
select tap.play(:stan) \g /dev/null
select tap.ask_all('stan') \g /dev/null
select is(
  (select count(distinct a.id) from tap.asked as a), 4::bigint,
  'a page that somebody else is waiting for is not the one that is asked for'
);
select tap.clear() \g /dev/null
select octroi_private.finish_billing_request(
  a.id, 'cs_' || replace(a.name, ' ', '_'), 'https://stripe.test/' || replace(a.name, ' ', '/')
) from tap.asked as a \g /dev/null

select tap.play(:nora) \g /dev/null
select is(
  tap.told('nora checkout'), 'done https://stripe.test/nora/checkout', 'who asked for a checkout is told where'
);
select is(tap.told('nora portal'), 'done https://stripe.test/nora/portal', 'and for the portal');
select is(tap.told('stan portal'), 'done', 'of a colleague''s page, that it is there');
select is(tap.told('stan checkout'), 'done', 'and no more');
select is(
  tap.outcome_of('select r.url from octroi_private.billing_request as r'), '42501', 'the table does not tell either'
);
select tap.play(:stan) \g /dev/null
select is(tap.told('stan checkout'), 'done https://stripe.test/stan/checkout', 'they are told of theirs');
select is(tap.told('nora portal'), 'done', 'and not of hers');

-- A second factor, enrolled since.
select tap.clear() \g /dev/null
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), :nora, 'totp', 'verified', now(), now());
select tap.play_at(:nora, 'aal1') \g /dev/null
select is(tap.told('nora portal'), 'done', 'a session without the second factor is told of no page');
select tap.play_at(:nora, 'aal2') \g /dev/null
select is(tap.told('nora portal'), 'done https://stripe.test/nora/portal', 'one with it is');

-- Time.
select tap.clear() \g /dev/null
select tap.travel('2027-03-05 12:05:30+00') \g /dev/null
select tap.play_at(:nora, 'aal2') \g /dev/null
select is(tap.told('nora portal'), 'done', 'a page of the portal is told for five minutes');
select is(tap.told('nora checkout'), 'done https://stripe.test/nora/checkout', 'a checkout''s longer');
select tap.clear() \g /dev/null
select is(octroi_private.prune_billing(100), 2::bigint, 'after that the sweep forgets it');
select set_eq(
  'select r.kind from octroi_private.billing_request as r where r.url is not null', array['checkout'],
  'and nothing that leads somewhere'
);
select tap.travel('2027-03-06 12:00:30+00') \g /dev/null
select tap.play_at(:nora, 'aal2') \g /dev/null
select is(tap.told('nora checkout'), 'done', 'a checkout''s for a day');
select tap.clear() \g /dev/null
select is(octroi_private.prune_billing(1), 1::bigint, 'of these one by one');
select is(octroi_private.prune_billing(100), 1::bigint, 'all are forgotten');
select is(octroi_private.prune_billing(100), 0::bigint, 'once');
select is(
  (select count(*) from octroi_private.billing_request as r where r.url is not null), 0::bigint, 'none is left'
);

-- Who pays for the account no more.
select tap.travel('2027-03-06 13:00+00') \g /dev/null
select tap.play(:stan) \g /dev/null
insert into tap.asked values ('last', octroi.open_portal('http://localhost:3000/last'));
select tap.clear() \g /dev/null
select octroi_private.finish_billing_request(tap.id_of('last'), 'bps_1', 'https://stripe.test/last') \g /dev/null
select tap.play(:stan) \g /dev/null
select is(tap.told('last'), 'done https://stripe.test/last', 'an admin is told');
select tap.clear() \g /dev/null
update octroi_private.member set role = 'member' where user_id = :stan;
select tap.play(:stan) \g /dev/null
select is(octroi_private.my_billing_url(tap.id_of('last')), null, 'who is none any more is not');
select tap.clear() \g /dev/null
update octroi_private.member set role = 'admin' where user_id = :stan;
update auth.users set banned_until = 'infinity' where id = :stan;
select tap.play(:stan) \g /dev/null
select is(
  tap.outcome_of($$select octroi_private.my_billing_url(tap.id_of('last'))$$), 'OC022', 'nor who is banned'
);
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'every invariant holds');

-- What a sweep forgot is counted, or it would not come back for the rest.
insert into octroi_private.stripe_invoice (
  id, customer_id, status, currency, total_minor, amount_due_minor, amount_paid_minor, created_at, auto_advance,
  attempt_count, hosted_url, urls_at
)
select 'in_u' || n, 'cus_nora', 'paid', 'eur', 9, 9, 9, octroi_private.now(), true, 1, 'https://invoice.test/' || n,
  octroi_private.now() - interval '30 days'
from generate_series(1, 3) as n;
update octroi_private.billing_request set url = null;
select is(octroi_private.forget_billing_urls(2), 2::bigint, 'pages of invoices are counted with the others');

select * from finish();
rollback;
