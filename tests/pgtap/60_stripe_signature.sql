-- The native check of Stripe's signatures, held to the cases that the webhook door is held to.
begin;
\ir setup/cast.sql
\set cases `cat tests/stripe_signatures.json`
select plan(3);

create table tap.stripe_case as
select c.*, octroi_native.verify_stripe_signature(
  convert_to(c.body, 'utf8'), c.header, c.secrets, to_timestamp(c.at)
) as answer
from jsonb_to_recordset(:'cases') as c (name text, verdict text, body text, header text, secrets text [], at bigint);

select is_empty(
  'select name, verdict, answer from tap.stripe_case where answer is distinct from verdict',
  'every case is judged as it should be'
);
select results_eq(
  'select distinct verdict from tap.stripe_case order by 1',
  array['forged', 'malformed', 'stale', 'valid'],
  'there are cases of every verdict'
);
select is(
  octroi_native.verify_stripe_signature('x', 't=1,' || repeat('v1=', 2000), '{whsec_first}', now()), 'malformed',
  'a header of absurd length is not read'
);

select * from finish();
rollback;
