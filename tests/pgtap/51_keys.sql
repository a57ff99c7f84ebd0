-- API keys: made once, shown once, bounded by limits of their own, gone at once.
begin;
\ir setup/cast.sql
select plan(33);

select tap.play(:sten) \g /dev/null
select k.id, k.secret, k.key_prefix as prefix
from octroi.create_api_key('laptop', '[{"meter": "tokens", "period": "day", "amount": 300}]') as k \gset
select matches(:'secret'::text, '^sk-oct-[0-9a-f]{64}$', 'a secret is long, and easy to find in a repository');
select is(:'prefix'::text, left(:'secret', 12), 'its prefix is kept, to recognise it by');
select results_eq(
  format('select name, key_prefix, user_id, revoked_at from octroi.api_keys where id = %L', :'id'),
  format('values (%L, %L, %L::uuid, null::timestamptz)', 'laptop', :'prefix', :sten), 'the view lists it'
);
select results_eq(
  format(
    $$select meter, period, granted, remaining from octroi.my_quota() where scope = 'api_key' and subject = %L$$, :'id'
  ),
  $$values ('tokens', 'day', 300::bigint, 300::bigint)$$, 'its limit stands among the quotas'
);
select isnt(
  (select k.secret from octroi.create_api_key('laptop') as k), :'secret'::text, 'names may repeat, secrets do not'
);

select tap.clear() \g /dev/null
select is(
  (select k.key_hash from octroi_private.api_key as k where k.id = :'id'), sha256(:'secret'::bytea),
  'only the hash of the secret rests in the database'
);
select results_eq(
  format('select * from octroi_private.authenticate_key(%L)', sha256(:'secret'::bytea)),
  format('values (%L::uuid, %L::uuid, %L::uuid, %L, null::text [])', :'id', tap.personal('sten'), :sten, 'active'),
  'the hash resolves to the caller'
);
select is_empty(
  format('select * from octroi_private.authenticate_key(%L)', sha256((:'secret' || 'x')::bytea)), 'another does not'
);

-- The key's own limit holds before the account's.
select results_eq(
  format(
    $$select verdict, reason, scope, remaining from octroi_private.reserve(
      %L, %L, %L, %L, 'gpt-5.6-luna', 301, 0
    )$$, :missing, tap.personal('sten'), :'id', :sten
  ),
  $$values ('refused', 'key_budget_reached', 'api_key', 300::bigint)$$, 'past its limit a key is refused'
);
select is(
  (
    select r.verdict
    from octroi_private.reserve(:missing, tap.personal('sten'), null, :sten, 'gpt-5.6-luna', 301, 0) as r
  ), 'granted', 'the account without the key is not'
);

select tap.play(:sten) \g /dev/null
select is(octroi.revoke_api_key(:'id'), true, 'a key is revoked');
select is(octroi.revoke_api_key(:'id'), false, 'once');
select is(octroi.revoke_api_key(null), false, 'nothing revokes nothing');
select is_empty(
  format($$select * from octroi.my_quota() where subject = %L$$, :'id'), 'its limit is gone from the quotas'
);
select tap.clear() \g /dev/null
select is(
  (select u.state from octroi_private.authenticate_key(sha256(:'secret'::bytea)) as u), 'revoked',
  'it authenticates nobody from then on'
);
select is(
  (
    select r.reason
    from octroi_private.reserve(gen_random_uuid(), tap.personal('sten'), :'id', :sten, 'gpt-5.6-luna', 1, 0) as r
  ), 'key_revoked', 'and a call that was under way with it is refused too'
);
select is(
  (
    select string_agg(l.action, ', ' order by l.id) from octroi_private.audit_log as l
    where l.subject = :'id' and l.actor = octroi_private.pseudonym_of(:sten)
  ), 'api_key.insert, budget.insert, api_key.update, budget.delete', 'the audit log has all of it, and who did it'
);

-- What is no key.
create function tap.create_outcome(p_name text, p_limits text) returns text
language sql
begin atomic
select tap.outcome_of(format('select octroi.create_api_key(%L, %L)', p_name, p_limits));
end;
select tap.play(:sten) \g /dev/null
select is(tap.create_outcome(null, '[]'), '22023', 'a key has a name');
select is(tap.create_outcome('', '[]'), '22023', 'of one character at least');
select is(tap.create_outcome(repeat('x', 101), '[]'), '22023', 'and a hundred at most');
select is(tap.create_outcome('x', null), '22023', 'limits may be left out, but are not null');
select is(tap.create_outcome('x', '{"meter": "tokens"}'), '22023', 'limits are an array');
select is(tap.create_outcome('x', '[1]'), '22023', 'of objects');
select is(tap.create_outcome('x', '[{}]'), '22023', 'that say what they limit');
select is(
  tap.create_outcome('x', '[{"meter": "tokens", "period": "day", "amount": 1.5}]'), '22023', 'in whole numbers'
);
select is(
  tap.create_outcome('x', '[{"meter": "tokens", "period": "day", "amount": 1e30}]'), '22023', 'that can be'
);
select is(
  tap.create_outcome('x', '[{"meter": "tokens", "period": "day", "amount": 1, "model": "gpt-5.5"}]'), '22023',
  'and nothing that would be ignored'
);
select is(
  tap.create_outcome('x', '[{"meter": "tokens", "period": "day", "amount": -1}]'), '23514 quantity_check',
  'no amount is negative'
);
select is(
  tap.create_outcome('x', '[{"meter": "bytes", "period": "day", "amount": 1}]'), '23514 meter_name_check',
  'there are three meters'
);
select is(
  tap.create_outcome('x', '[{"meter": "tokens", "period": "week", "amount": 1}]'), '23514 period_name_check',
  'and three periods'
);
select is(
  tap.create_outcome('x', format('[%s, %1$s]', '{"meter": "tokens", "period": "day", "amount": 1}')),
  '23505 budget_pkey', 'the same limit stands once'
);
select is(
  tap.create_outcome('x', format('[%s]', repeat('{"meter": "tokens", "period": "day", "amount": 1},', 9) || '{}')),
  '22023', 'ten limits are too many'
);

select tap.clear() \g /dev/null
insert into octroi_private.api_key (account_id, user_id, name, key_prefix, key_hash)
select tap.personal('sten'), :sten, 'filler', 'sk-oct-0', sha256(n::text::bytea)
from generate_series(1, 98) as n;
select tap.play(:sten) \g /dev/null
select is(tap.create_outcome('x', '[]'), 'OC013', 'an account has a hundred keys at most that work');

select * from finish();
rollback;
