-- Keys that are replaced without an outage, narrowed, and revoked when they turn up where they should not.
set role octroi_owner;

-- 244 random bits in a form that survives shells, headers and double clicks. Secret scanners look for the prefix.
create function octroi_private.new_key_secret()
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select 'sk-oct-' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;

create function octroi_private.check_key_access(p_allowed_models text [], p_allowed_endpoints text [])
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(p_allowed_models) not between 1 and 100
    or exists (select from unnest(p_allowed_models) as m (model) where length(m.model) between 1 and 200 is not true)
  then
    raise exception 'allowed_models has 1 to 100 models, or is null for all' using errcode = '22023';
  end if;
  if cardinality(p_allowed_endpoints) = 0
    or not p_allowed_endpoints <@ array['chat.completions', 'responses', 'embeddings']
  then
    raise exception 'allowed_endpoints has some of chat.completions, responses, embeddings, or is null for all'
      using errcode = '22023';
  end if;
end
$$;

-- A key that was not found for the caller; of one that is theirs, or their account's, it is no foreign id.
create function octroi_private.note_missed_key(p_api_key_id uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.note_missed_id(exists (
    select from octroi_private.api_key as k
    where k.id = p_api_key_id and k.user_id <> (select auth.uid())
      and k.account_id not in (select octroi_private.my_administered_accounts())
  ))
$$;

-- A key that the caller may decide about, as its holder or because they administer its account; null when there is none
-- that works. Key and account are locked before the role counts: whoever lost it while this waited decides no more.
create function octroi_private.lock_key_to_manage(p_api_key_id uuid)
returns octroi_private.api_key
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key octroi_private.api_key;
begin
  select k.* into v_key
  from octroi_private.api_key as k
  where k.id = p_api_key_id and k.revoked_at is null
    and (
      k.user_id = (select auth.uid())
      or k.account_id in (select octroi_private.my_administered_accounts())
    )
  for no key update;
  perform from octroi_private.account as a where a.id = v_key.account_id for no key update;
  if v_key.user_id <> (select auth.uid())
    and v_key.account_id not in (select octroi_private.my_administered_accounts())
  then
    v_key := null;
  end if;
  if v_key.id is null then
    perform octroi_private.note_missed_key(p_api_key_id);
  end if;
  return v_key;
end
$$;

-- The key keeps its id, and with it its limits, what it used of them, and its history: a new row would begin anew.
-- Earlier rotations keep their own grace, so that asking twice, because an answer was lost, stops nothing.
create function octroi.rotate_api_key(id uuid, grace_seconds integer default 86400)
returns table (secret text, key_prefix text, previous_works_until timestamptz)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_secret text := octroi_private.new_key_secret();
  v_previous bytea;
  v_until timestamptz;
begin
  perform octroi_private.require_step_up();
  if grace_seconds is null or grace_seconds not between 0 and 2592000 then
    raise exception 'grace_seconds is 0 to 2592000 (30 days)' using errcode = '22023';
  end if;
  select k.key_hash into v_previous from octroi_private.api_key as k
  -- the holder alone: whoever rotates learns the secret
  where k.id = rotate_api_key.id and k.user_id = (select auth.uid()) and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > v_now)
  for no key update;
  if v_previous is null then
    perform octroi_private.note_missed_key(rotate_api_key.id);
    return;
  end if;
  update octroi_private.api_key as k
  set key_hash = sha256(convert_to(v_secret, 'utf8')), key_prefix = left(v_secret, 12)
  where k.id = rotate_api_key.id;
  -- without grace everything older ends too; of many rotations in a row the latest ten keep theirs
  delete from octroi_private.api_key_previous as p
  where p.api_key_id = rotate_api_key.id and (
    grace_seconds = 0 or p.key_hash not in (
      select n.key_hash from octroi_private.api_key_previous as n
      where n.api_key_id = rotate_api_key.id order by n.expires_at desc limit 9
    )
  );
  if grace_seconds > 0 then
    v_until := v_now + make_interval(secs => grace_seconds);
    insert into octroi_private.api_key_previous (key_hash, api_key_id, expires_at)
    values (v_previous, rotate_api_key.id, v_until);
  end if;
  return query select v_secret, left(v_secret, 12), v_until;
end
$$;
comment on function octroi.rotate_api_key(uuid, integer) is
'Gives a key of the caller a new secret, returned this once; the one before works for grace_seconds more, with 0 nothing older does. No row when there is no such key that works. Raises OC040, 22023.';

create function octroi.restrict_api_key(
  id uuid, allowed_models text [] default null, allowed_endpoints text [] default null
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key octroi_private.api_key;
  v_is_admin boolean;
begin
  perform octroi_private.require_step_up();
  perform octroi_private.check_key_access(restrict_api_key.allowed_models, restrict_api_key.allowed_endpoints);
  v_key := octroi_private.lock_key_to_manage(restrict_api_key.id);
  if v_key.id is null then
    return false;
  end if;
  v_is_admin := v_key.account_id in (select octroi_private.my_administered_accounts());
  -- what an admin has narrowed is not the holder's to widen
  if not v_is_admin and not (
    coalesce(restrict_api_key.allowed_models <@ v_key.allowed_models, v_key.allowed_models is null)
    and coalesce(restrict_api_key.allowed_endpoints <@ v_key.allowed_endpoints, v_key.allowed_endpoints is null)
  ) then
    raise exception 'only an owner or admin of the account lets a key call more than it may' using errcode = 'OC021',
      hint = 'Name some of the models and endpoints it has; null means all.';
  end if;
  update octroi_private.api_key as k
  set allowed_models = restrict_api_key.allowed_models, allowed_endpoints = restrict_api_key.allowed_endpoints
  where k.id = v_key.id;
  return true;
end
$$;
comment on function octroi.restrict_api_key(uuid, text [], text []) is
'Sets which models and endpoints a key of the caller, or of an account they administer, may call; null means all. Who does not administer the account only narrows them. False when there is no such key. Raises OC040, OC021, 22023.';

-- A key whose secret leaked is revoked; a secret that was replaced already only loses what is left of its grace.
create function octroi_private.revoke_leaked_keys(p_key_hashes bytea [])
returns table (revoked bigint, graces_ended bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if cardinality(p_key_hashes) > 1000 then
    raise exception 'at most 1000 keys at once' using errcode = '54000';
  end if;
  update octroi_private.api_key set revoked_at = v_now
  where key_hash = any(p_key_hashes) and revoked_at is null;
  get diagnostics revoked = row_count;
  update octroi_private.api_key_previous set expires_at = v_now
  where key_hash = any(p_key_hashes) and expires_at > v_now;
  get diagnostics graces_ended = row_count;
  return next;
end
$$;
comment on function octroi_private.revoke_leaked_keys(bytea []) is
'Revokes every key with one of these SHA-256 hashes, at once. Unknown hashes are passed over; nothing else is stored. Raises 54000.';

-- Told as expired for a month, then as unknown.
create function octroi_private.prune_previous_keys(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows bigint;
begin
  delete from octroi_private.api_key_previous where key_hash in (
    select p.key_hash from octroi_private.api_key_previous as p
    where p.expires_at <= octroi_private.now() - interval '30 days' limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

reset role;
