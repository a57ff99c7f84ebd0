-- What keeps an erased person erased when a backup from before is restored. The list of tombstones is kept outside the
-- backup (`octroi erasure list`), and `octroi erasure replay` erases again whoever it names (docs/operations.md).
set role octroi_owner;

create table octroi_private.tombstone (
  subject_hash bytea primary key check (octet_length(subject_hash) = 32),
  erased_at timestamptz not null
);
comment on table octroi_private.tombstone is 'Who was erased, as a keyed hash of their id: it recognises a person who is back, and names nobody.';
create index tombstone_erased on octroi_private.tombstone (erased_at, subject_hash);

-- Made once for each database, and restored with it: a list made after a backup must fit that backup.
create table octroi_private.tombstone_key (
  only_row boolean primary key default true check (only_row),
  key bytea not null check (octet_length(key) = 32)
);
comment on table octroi_private.tombstone_key is 'The key of the hashes in tombstone.';
insert into octroi_private.tombstone_key (key)
values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- Key and id have fixed lengths, so a plain hash of both is a sound keyed hash.
create function octroi_private.subject_hash(p_user_id uuid)
returns bytea
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return sha256((select k.key from octroi_private.tombstone_key as k where k.only_row) || uuid_send(p_user_id));
end
$$;

create function octroi_private.is_erased(p_user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select from octroi_private.tombstone as t where t.subject_hash = octroi_private.subject_hash(p_user_id)
  );
end
$$;

create function octroi_private.record_tombstone(p_user_id uuid, p_at timestamptz)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.tombstone (subject_hash, erased_at)
  values (octroi_private.subject_hash(p_user_id), p_at)
  on conflict (subject_hash) do update set erased_at = greatest(tombstone.erased_at, excluded.erased_at)
$$;

-- The list as lines, `hash time`: the one place that knows how a line looks, with replay_tombstones.
create function octroi_private.tombstones(p_after text, p_max integer)
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select format(
    '%s %s', encode(t.subject_hash, 'hex'), to_char(t.erased_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  )
  from octroi_private.tombstone as t
  where p_after is null or t.subject_hash > decode(split_part(p_after, ' ', 1), 'hex')
  order by t.subject_hash
  limit least(greatest(p_max, 0), 10000)
$$;
comment on function octroi_private.tombstones(text, integer) is
'Everybody who was erased, a line each, from after a line on: the list that is kept outside backups.';

-- Erases who is in this database although they were erased: whoever signed up has an account or a setting. Auth's table
-- may have been restored from another time, and need not know them.
create function octroi_private.replay_tombstones(p_lines text [])
returns table (erased bigint, absent bigint)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_wrong text;
  v_hashes bytea [];
  v_user_id uuid;
  v_erased bigint := 0;
begin
  select l.line into v_wrong
  from unnest(p_lines) as l (line)
  where l.line is null or l.line !~ '^[0-9a-f]{64} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$'
  limit 1;
  if found then
    raise exception 'this is no tombstone: %', left(v_wrong, 100) using errcode = 'OC046',
      hint = 'The list is what octroi erasure list printed.';
  end if;
  v_hashes := array(select decode(left(l.line, 64), 'hex') from unnest(p_lines) as l (line));
  perform set_config('octroi.is_replaying', 'on', true);
  for v_user_id in
    select p.id
    from (
      select a.owner_user_id as id from octroi_private.account as a where a.owner_user_id is not null
      union
      select m.user_id from octroi_private.member as m
      union
      select n.user_id from octroi_private.notification_setting as n
    ) as p
    where octroi_private.subject_hash(p.id) = any(v_hashes)
    order by p.id
  loop
    perform octroi_private.delete_user(v_user_id);
    -- gone from Auth already, or its trigger has done this
    perform octroi_private.erase_user(v_user_id, 'restore');
    v_erased := v_erased + 1;
  end loop;
  perform set_config('octroi.is_replaying', 'off', true);
  insert into octroi_private.tombstone as t (subject_hash, erased_at)
  select decode(left(l.line, 64), 'hex'), min(substr(l.line, 66)::timestamptz) from unnest(p_lines) as l (line)
  group by 1
  on conflict (subject_hash) do update set erased_at = least(t.erased_at, excluded.erased_at);
  return query select v_erased, coalesce(cardinality(v_hashes), 0) - v_erased;
end
$$;
comment on function octroi_private.replay_tombstones(text []) is
'After a restore: erases again whoever the tombstones name, and takes them in; how many were here and how many were not. Raises OC046 for what is no tombstone.';

reset role;
