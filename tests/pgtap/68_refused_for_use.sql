-- Output is cut to what is left, so use stops just short of a limit. The first refusal for what is used tells of 100 %.
begin;
\ir setup/billing.sql
select plan(7);

select tap.travel('2027-03-05 12:00+00') \g /dev/null
create function tap.told() returns text
language sql
stable
as $$
  select coalesce(string_agg(format('%s%% at %s', m.data ->> 'threshold', m.data ->> 'used'), ', '
    order by m.created_at, m.id), 'nothing')
  from octroi_private.mail as m where m.kind = 'threshold'
$$;
-- A call with so much input and 16 tokens of output is refused; the gateway takes note of it.
create function tap.refused(p_tokens bigint) returns text
language plpgsql
as $$
declare
  v_verdict record;
begin
  select r.* into v_verdict
  from octroi_private.account as a
  cross join lateral octroi_private.reserve(
    octroi_private.uuid_v7(), a.id, null, a.owner_user_id, 'gpt-5.6-luna', p_tokens, 16
  ) as r
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
  perform octroi_private.note_refused_at_limit(a.id, a.owner_user_id, 'gpt-5.6-luna', p_tokens, 16, 1)
  from octroi_private.account as a
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
  return v_verdict.reason;
end
$$;

select tap.use(700) \g /dev/null
select is(tap.refused(400), 'quota_exceeded', 'a call that is too long for what is left of 1,000 tokens');
select is(tap.told(), 'nothing', 'with a third left that is about the call, and nobody is told');
select tap.use(200) \g /dev/null
select is(tap.told(), '90% at 900', 'use is told of as ever');
select tap.refused(200) \g /dev/null
select is(tap.told(), '90% at 900, 100% at 900', 'a refusal with a tenth left tells that it is used up');
select tap.refused(200) \g /dev/null
select tap.use(60) \g /dev/null
select tap.use(40) \g /dev/null
select is(tap.told(), '90% at 900, 100% at 900', 'once, and nothing lower or equal afterwards');
select is(
  (select count(*) from octroi_private.alert as a where a.threshold = 100 and a.cleared_at is null), 1::bigint,
  'one alert stands'
);
select is_empty('select * from octroi_private.integrity', 'the books are sound');

select * from finish();
rollback;
