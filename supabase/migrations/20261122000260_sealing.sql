-- Sealed personal data. Each person has a data key that seals what is known of them; it rests here wrapped by an
-- operator key, which is in a file (octroi.key_file) or in the server's environment (OCTROI_OPERATOR_KEYS) and never in
-- SQL. A dump without that file opens nothing, and who deletes a row of data_key has erased whatever it sealed, in
-- every backup too.
--
-- A sealed value is bound to its place: table, column and person. Copied to another it does not open.
set role octroi_owner;

create table octroi_private.data_key (
  user_id uuid primary key,
  wrapped bytea not null check (octet_length(wrapped) between 74 and 200),
  -- the one that wrapped it, as the wrapped key itself says
  operator_key_id text not null check (length(operator_key_id) between 1 and 64),
  made_at timestamptz not null default octroi_private.now()
);
comment on table octroi_private.data_key is
'The key of a person, wrapped by an operator key. Deleting a row destroys all that it sealed (crypto-shredding).';

-- The native functions answer null and never raise; this tells why.
create function octroi_private.raise_unsealed()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text := octroi_native.operator_key_problem();
begin
  if v_problem is not null then
    raise exception 'personal data can be neither sealed nor opened: %', v_problem
      using errcode = 'OC050', hint = 'See "Operator keys" in docs/operations.md.';
  end if;
  raise exception 'a sealed value cannot be opened: its operator key is not among the keys, or it was altered or moved'
    using errcode = 'OC051', hint = 'See "Operator keys" in docs/operations.md.';
end
$$;

-- What a value is bound to. p_place is table.column, with /row where a person has more than one.
create function octroi_private.sealed_place(p_user_id uuid, p_place text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_user_id is null or p_place is null or p_place !~ '^[a-z_]+\.[a-z_]+(/[0-9a-z-]{1,64})?$' then
    raise exception 'a value is sealed for a person and a place table.column' using errcode = '22023';
  end if;
  return p_place || '/' || p_user_id;
end
$$;

create function octroi_private.seal_for(p_user_id uuid, p_place text, p_plain text)
returns bytea
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_place text := octroi_private.sealed_place(p_user_id, p_place);
  v_wrapped bytea;
  v_sealed bytea;
begin
  if p_plain is null then
    return null;
  end if;
  -- locked, so that an erasure waits for what is being sealed, and then deletes it
  select k.wrapped into v_wrapped from octroi_private.data_key as k where k.user_id = p_user_id for key share;
  if v_wrapped is null then
    v_wrapped := octroi_native.new_data_key();
    if v_wrapped is null then
      perform octroi_private.raise_unsealed();
    end if;
    insert into octroi_private.data_key (user_id, wrapped, operator_key_id)
    values (p_user_id, v_wrapped, octroi_native.wrapping_key_id(v_wrapped))
    on conflict (user_id) do nothing;
    -- somebody else's, if they were first
    select k.wrapped into v_wrapped from octroi_private.data_key as k where k.user_id = p_user_id for key share;
  end if;
  v_sealed := octroi_native.seal(v_wrapped, v_place, p_plain);
  if v_sealed is null then
    perform octroi_private.raise_unsealed();
  end if;
  return v_sealed;
end
$$;
comment on function octroi_private.seal_for(uuid, text, text) is
'Seals a text for a person and a place such as contact.email, with their data key, made when they have none. Raises OC050, OC051, 22023.';

create function octroi_private.open_for(p_user_id uuid, p_place text, p_sealed bytea)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_place text := octroi_private.sealed_place(p_user_id, p_place);
  v_wrapped bytea;
  v_plain text;
begin
  if p_sealed is null then
    return null;
  end if;
  select k.wrapped into v_wrapped from octroi_private.data_key as k where k.user_id = p_user_id;
  if v_wrapped is null then
    raise exception 'the data key of this person was destroyed: what it sealed is gone' using errcode = 'OC052';
  end if;
  v_plain := octroi_native.open(v_wrapped, v_place, p_sealed);
  if v_plain is null then
    perform octroi_private.raise_unsealed();
  end if;
  return v_plain;
end
$$;
comment on function octroi_private.open_for(uuid, text, bytea) is
'Opens what seal_for sealed for the same person and place. Raises OC050, OC051, OC052, 22023.';

create function octroi_private.blind_index(p_kind text, p_value text)
returns bytea
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_index bytea := octroi_native.blind_index(p_kind, p_value);
begin
  if v_index is null and p_kind is not null and p_value is not null then
    perform octroi_private.raise_unsealed();
  end if;
  return v_index;
end
$$;
comment on function octroi_private.blind_index(text, text) is
'What an email or a phone is found by without being readable: the same for every spelling. Raises OC050, 22023.';

-- Rotation: one batch after another, each its own transaction. What is done stays done, so it may stop anywhere.
create function octroi_private.rotate_data_keys(p_after uuid, p_max_rows integer)
returns table (last_user_id uuid, rotated bigint, failed bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_active text := (octroi_native.operator_key_ids())[1];
  v_key record;
  v_wrapped bytea;
begin
  if p_max_rows is null or p_max_rows not between 1 and 1000 then
    raise exception 'a batch has 1 to 1000 keys' using errcode = '22023';
  end if;
  if v_active is null then
    perform octroi_private.raise_unsealed();
  end if;
  rotated := 0;
  failed := 0;
  for v_key in
    select k.user_id, k.wrapped from octroi_private.data_key as k
    where k.operator_key_id <> v_active and (p_after is null or k.user_id > p_after)
    order by k.user_id
    limit p_max_rows
    for no key update
  loop
    last_user_id := v_key.user_id;
    v_wrapped := octroi_native.rewrap(v_key.wrapped);
    if v_wrapped is null then
      failed := failed + 1;
    else
      update octroi_private.data_key as k
      set wrapped = v_wrapped, operator_key_id = octroi_native.wrapping_key_id(v_wrapped)
      where k.user_id = v_key.user_id;
      rotated := rotated + 1;
    end if;
  end loop;
  if last_user_id is not null then
    perform octroi_private.record_audit(
      'data_key.rotate', null, null, jsonb_build_object('to', v_active, 'rotated', rotated, 'failed', failed), null
    );
  end if;
  return next;
end
$$;
comment on function octroi_private.rotate_data_keys(uuid, integer) is
'Wraps the next data keys, after a person, with the active operator key; each is checked before it replaces the old, and each batch is in the audit log. last_user_id is null at the end. Raises OC050, 22023.';

create function octroi_private.operator_key_use()
returns table (operator_key_id text, is_active boolean, is_known boolean, data_keys bigint)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    coalesce(o.id, k.operator_key_id), coalesce(o.place = 1, false), o.id is not null, coalesce(k.data_keys, 0)
  from unnest(octroi_native.operator_key_ids()) with ordinality as o (id, place)
  full join (
    select d.operator_key_id, count(*) as data_keys from octroi_private.data_key as d group by d.operator_key_id
  ) as k on k.operator_key_id = o.id
  order by o.place nulls last, 1
$$;
comment on function octroi_private.operator_key_use() is
'How many data keys each operator key wraps. is_known is false for one that is not in the file: those do not open.';

-- For those who help, and need not know.
create function octroi_private.mask_email(p_email text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select left(p_email, 1) || '***@' || left(substring(p_email from '@([^@]*)$'), 1) || '***'
$$;
comment on function octroi_private.mask_email(text) is 'm***@d***';

create function octroi_private.mask_phone(p_phone text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  -- the calling code (ITU-T E.164: one, two or, where it is neither, three digits) and the last two digits
  select '+' || coalesce(
    substring(d.digits from '^[17]'),
    substring(d.digits from '^(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])'),
    left(d.digits, 3)
  ) || ' •• •• ' || right(d.digits, 2)
  from (select regexp_replace(p_phone, '[^0-9]', '', 'g') as digits) as d
  where length(d.digits) >= 7
$$;
comment on function octroi_private.mask_phone(text) is '+33 •• •• 12; null for what is too short to hide anything.';

reset role;
