-- Keys that are replaced without an outage, end by themselves, may do what they are for, and die when they leak.
begin;
\ir setup/cast.sql
select plan(59);

create function tap.state_of(p_secret text) returns text
language sql
volatile
begin atomic
select a.state from octroi_private.authenticate_key(sha256(p_secret::bytea)) as a;
end;
create function tap.travel(p_by interval) returns void
language sql
begin atomic
insert into octroi_private.test_clock (shift) values (p_by) on conflict (only_row) do update set shift = excluded.shift;
end;

-- Rotation with grace.
select tap.play(:sten) \g /dev/null
select k.id, k.secret as first
from octroi.create_api_key('server', '[{"meter": "tokens", "period": "day", "amount": 300}]') as k \gset
select r.secret as second, r.previous_works_until as until from octroi.rotate_api_key(:'id', 3600) as r \gset
select matches(:'second'::text, '^sk-oct-[0-9a-f]{64}$', 'a rotated key has a new secret');
select isnt(:'second'::text, :'first'::text, 'which is not the old one');
select results_eq(
  format(
    'select k.key_prefix, k.previous_expires_at = %L from octroi.api_keys as k where k.id = %L', :'until', :'id'
  ), format('values (%L, true)', left(:'second', 12)), 'the view shows its prefix, and until when the old one works'
);
select results_eq(
  format($$select granted from octroi.my_quota() where scope = 'api_key' and subject = %L$$, :'id'),
  $$values (300::bigint)$$, 'its limit is the same key''s'
);
select tap.clear() \g /dev/null
select is(tap.state_of(:'first'), 'active', 'the old secret works on');
select is(tap.state_of(:'second'), 'active', 'the new one works at once');
select is(
  (
    select count(distinct a.api_key_id)
    from unnest(array[:'first', :'second']) as s (secret)
    cross join lateral octroi_private.authenticate_key(sha256(s.secret::bytea)) as a
  ), 1::bigint, 'both are the same key'
);
select tap.travel('59 minutes') \g /dev/null
select is(tap.state_of(:'first'), 'active', 'as long as its grace lasts');
select tap.travel('61 minutes') \g /dev/null
select is(tap.state_of(:'first'), 'expired', 'and no longer');
select is(tap.state_of(:'second'), 'active', 'the new one does');
select is(octroi_private.prune_previous_keys(100), 0::bigint, 'for a month it is called expired');
select tap.travel('32 days') \g /dev/null
select is(octroi_private.prune_previous_keys(100), 1::bigint, 'then it is forgotten');
select is(tap.state_of(:'first'), null, 'and unknown');
select is(
  (
    select string_agg(l.detail::text, ' ') ~ encode(sha256(:'second'::bytea), 'hex')
    from octroi_private.audit_log as l
    where l.subject = :'id'
  ), false, 'the audit log has no hash of a secret'
);

-- An answer is lost, and the rotation asked for again.
select tap.play(:sten) \g /dev/null
select r.secret as lost from octroi.rotate_api_key(:'id', 3600) as r \gset
select r.secret as third from octroi.rotate_api_key(:'id', 3600) as r \gset
select tap.clear() \g /dev/null
select results_eq(
  format('select tap.state_of(s) from unnest(array[%L, %L, %L]) as s', :'second', :'lost', :'third'),
  $$values ('active'), ('active'), ('active')$$, 'rotating twice stops nothing that is in use'
);
select tap.play(:sten) \g /dev/null
select r.secret as fourth, r.previous_works_until as until from octroi.rotate_api_key(:'id', 0) as r \gset
select tap.clear() \g /dev/null
select results_eq(
  format('select tap.state_of(s) from unnest(array[%L, %L, %L, %L]) as s', :'second', :'lost', :'third', :'fourth'),
  $$values (null), (null), (null), ('active')$$, 'without grace every older secret ends at once'
);
select tap.play(:sten) \g /dev/null
select r.key_prefix
from generate_series(1, 15) as n
cross join lateral octroi.rotate_api_key(:'id', 3600 + n) as r \g /dev/null
select tap.clear() \g /dev/null
select is(
  (select count(*) from octroi_private.api_key_previous as p where p.api_key_id = :'id'), 10::bigint,
  'of many rotations ten secrets keep their grace at most'
);

-- Whose keys.
select tap.key_id('ada team') as adas \gset
select tap.play(:sten) \g /dev/null
select is_empty(format('select * from octroi.rotate_api_key(%L)', :'adas'), 'nobody rotates a stranger''s key');
select is_empty(format('select * from octroi.rotate_api_key(%L)', :missing), 'it is like one that does not exist');
select is(octroi.restrict_api_key(:'adas', array['gpt-5.5']), false, 'nor restricts it');
select is(
  tap.outcome_of(format('select * from octroi.rotate_api_key(%L, %L)', :'id', -1)), '22023', 'no grace is negative'
);
select is(
  tap.outcome_of(format('select * from octroi.rotate_api_key(%L, %L)', :'id', 2592001)), '22023',
  'or longer than thirty days'
);
select tap.play(:olga) \g /dev/null
select is_empty(
  format('select * from octroi.rotate_api_key(%L)', :'adas'), 'an owner does not either: they would hold the secret'
);
select is(octroi.restrict_api_key(:'adas', array['gpt-5.5']), true, 'but restricts it');
select tap.play(:sten) \g /dev/null
select octroi.revoke_api_key(:'id') \g /dev/null
select is_empty(format('select * from octroi.rotate_api_key(%L)', :'id'), 'a revoked key has no second life');
select is(octroi.restrict_api_key(:'id'), false, 'and nothing left to restrict');

-- Expiry.
select tap.clear() \g /dev/null
select tap.travel('0') \g /dev/null
select tap.play(:sten) \g /dev/null
select k.id, k.secret
from octroi.create_api_key('ci', expires_at => clock_timestamp() + interval '1 day') as k \gset
select is(
  tap.outcome_of($$select octroi.create_api_key('late', expires_at => now() - interval '1 hour')$$), '22023',
  'no key is born expired'
);
select tap.clear() \g /dev/null
select is(tap.state_of(:'secret'), 'active', 'a key with an expiry works');
select tap.travel('25 hours') \g /dev/null
select is(tap.state_of(:'secret'), 'expired', 'until then');
select tap.play(:sten) \g /dev/null
select is_empty(format('select * from octroi.rotate_api_key(%L)', :'id'), 'a rotation does not bring it back');
select tap.clear() \g /dev/null
select tap.travel('0') \g /dev/null

-- What it may call.
select tap.play(:sten) \g /dev/null
select k.id, k.secret from octroi.create_api_key(
  'narrow', allowed_models => array['gpt-5.6-luna'], allowed_endpoints => array['embeddings', 'responses']
) as k \gset
select results_eq(
  format('select k.allowed_models, k.allowed_endpoints from octroi.api_keys as k where k.id = %L', :'id'),
  $$values (array['gpt-5.6-luna'], array['embeddings', 'responses'])$$, 'a key is made for some models and endpoints'
);
select is(
  tap.outcome_of($$select octroi.create_api_key('x', allowed_endpoints => array['images'])$$), '22023',
  'endpoints are those there are'
);
select is(tap.outcome_of($$select octroi.create_api_key('x', allowed_endpoints => '{}')$$), '22023', 'one at least');
select is(tap.outcome_of($$select octroi.create_api_key('x', allowed_models => '{}')$$), '22023', 'or model');
select is(
  tap.outcome_of($$select octroi.create_api_key('x', allowed_models => array[null])$$), '22023', 'with a name'
);
select tap.clear() \g /dev/null
select is(
  (select a.allowed_endpoints from octroi_private.authenticate_key(sha256(:'secret'::bytea)) as a),
  array['embeddings', 'responses'], 'whoever serves a call learns which endpoints'
);
create function tap.verdict(p_key_id uuid, p_model text) returns text
language sql
begin atomic
select coalesce(r.reason, r.verdict) from octroi_private.reserve(
  gen_random_uuid(), tap.personal('sten'), p_key_id, tap.user_id('sten'), p_model, 1, 0
) as r;
end;
select is(tap.verdict(:'id', 'gpt-5.2'), 'model_not_allowed', 'a model that is not named is refused');
select is(tap.verdict(:'id', 'gpt-5.6-luna'), 'granted', 'one that is, is not');
select tap.play(:sten) \g /dev/null
select is(octroi.restrict_api_key(:'id', array['gpt-5.2']), true, 'that may be changed');
select tap.clear() \g /dev/null
select is(tap.verdict(:'id', 'gpt-5.6-luna'), 'model_not_allowed', 'with effect at once');
select is(
  (select a.allowed_endpoints from octroi_private.authenticate_key(sha256(:'secret'::bytea)) as a), null,
  'what is left out is every one'
);

-- What an admin has narrowed stays so for its holder.
select tap.clear() \g /dev/null
select tap.key_id('mia team') as mias \gset
create function tap.restricted(p_models text [], p_endpoints text []) returns text
language sql
begin atomic
select tap.outcome_of(format(
  'select octroi.restrict_api_key(%L, %L, %L)', tap.key_id('mia team'), p_models, p_endpoints
));
end;
select tap.play(:mia) \g /dev/null
select is(tap.restricted(array['gpt-5.2'], null), '00000', 'a holder may narrow a key that may call everything');
select tap.play(:ada) \g /dev/null
select is(
  octroi.restrict_api_key(:'mias', array['gpt-5.6-luna', 'gpt-5.2'], array['responses']), true, 'an admin narrows it'
);
select tap.play(:mia) \g /dev/null
select is(tap.restricted(r.models, r.endpoints), r.outcome, r.description)
from (values
  (null::text [], null::text [], 'OC021', 'then its holder does not lift that'),
  (array['gpt-5.6-luna', 'gpt-5.2'], null, 'OC021', 'nor one of the lists'),
  (null, array['responses'], 'OC021', 'nor the other'),
  (array['gpt-5.6-luna', 'gpt-5.5'], array['responses'], 'OC021', 'nor puts a model on it'),
  (array['gpt-5.6-luna'], array['responses', 'embeddings'], 'OC021', 'or an endpoint'),
  (array['gpt-5.6-luna'], array['responses'], '00000', 'but narrows it further'),
  (array['gpt-5.2', 'gpt-5.6-luna'], array['responses'], '00000', 'or leaves it as it is')
) as r (models, endpoints, outcome, description);
select tap.play(:ada) \g /dev/null
select is(octroi.restrict_api_key(:'mias'), true, 'an admin lifts it');

-- Last used, by day, with one write a day.
select tap.play(:sten) \g /dev/null
select results_eq(
  format('select k.last_used_on from octroi.api_keys as k where k.id = %L', :'id'),
  $$values ((now() at time zone 'utc')::date)$$, 'the holder sees when a key was last used'
);
select tap.clear() \g /dev/null
select u.ctid as version from octroi_private.api_key_use as u where u.api_key_id = :'id' \gset
select tap.state_of(:'secret') from generate_series(1, 3) \g /dev/null
select is(
  (select u.ctid::text from octroi_private.api_key_use as u where u.api_key_id = :'id'), :'version',
  'calls of the same day write nothing'
);
select tap.travel('1 day') \g /dev/null
select tap.state_of(:'secret') \g /dev/null
select is(
  (select u.last_used_on from octroi_private.api_key_use as u where u.api_key_id = :'id'),
  ((now() + interval '1 day') at time zone 'utc')::date, 'the first of the next day does'
);

-- Leaked.
select tap.play(:sten) \g /dev/null
select r.secret as next from octroi.rotate_api_key(:'id', 3600) as r \gset
select tap.clear() \g /dev/null
select results_eq(
  format(
    'select * from octroi_private.revoke_leaked_keys(array[%L, %L]::bytea [])', sha256(:'secret'::bytea),
    sha256('no key')
  ), $$values (0::bigint, 1::bigint)$$, 'a leaked secret that was replaced loses its grace'
);
select results_eq(
  format('select tap.state_of(s) from unnest(array[%L, %L]) as s', :'secret', :'next'),
  $$values ('expired'), ('active')$$, 'and the key lives'
);
select results_eq(
  format('select * from octroi_private.revoke_leaked_keys(array[%L]::bytea [])', sha256(:'next'::bytea)),
  $$values (1::bigint, 0::bigint)$$, 'when the one in use leaks, the key is revoked'
);
select is(tap.state_of(:'next'), 'revoked', 'at once');
select is(
  tap.outcome_of($$select octroi_private.revoke_leaked_keys(array_fill('\x00'::bytea, array[1001]))$$), '54000',
  'a thousand at a time'
);

select * from finish();
rollback;
