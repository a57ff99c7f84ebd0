-- Who did what, when and why. Entries are added and never changed, by any role, and each is chained to the one before
-- it: what was changed, removed or slipped in afterwards breaks the chain there (octroi audit verify).
--
-- An entry is written in the transaction that it is about. Its link is made when that transaction commits, by a
-- deferred trigger and under one lock: taken last of all, it cannot take part in a deadlock, and the order of the links
-- is the order of the commits. Nobody is named: people are pseudonyms, and what looks like an address does not get in.
set role octroi_owner;

create table octroi_private.audit_log (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null,
  -- the pseudonym of who was signed in; null when nobody was
  actor uuid,
  actor_role text not null,
  -- the login of the database session
  login text not null default session_user,
  action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
  account_id uuid,
  -- the pseudonym of whom it was done to
  person uuid,
  subject text check (length(subject) <= 200),
  detail jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
  reason text check (length(reason) <= 500)
);
comment on table octroi_private.audit_log is
'Append-only record of critical actions. It holds no user id, no address and no name: people are pseudonyms.';
create index audit_log_account on octroi_private.audit_log (account_id, id);
create index audit_log_actor on octroi_private.audit_log (actor, id);
create index audit_log_person on octroi_private.audit_log (person, id);
create index audit_log_reads on octroi_private.audit_log (id) where action ~ '^admin_read\.';

create table octroi_private.audit_link (
  position bigint primary key check (position >= 0),
  -- none in the first link, which only begins the chain
  audit_id bigint unique,
  hash bytea not null check (octet_length(hash) = 32),
  constraint audit_link_first_is_bare check ((position = 0) = (audit_id is null))
);
comment on table octroi_private.audit_link is
'The chain: each link is the hash of the one before and of an entry. The first is random, and its row is the lock.';
insert into octroi_private.audit_link (position, hash)
values (0, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- A text without addresses, and with pseudonyms instead of the ids of people.
create function octroi_private.pseudonymised(p_text text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_text text := p_text;
  v_person record;
begin
  -- most entries have no address, and looking for one costs more than all the rest
  if position('@' in p_text) > 0 then
    v_text := regexp_replace(p_text, '[^\s"\\<>@]+@[^\s"\\<>@]+', '[address]', 'g');
  end if;
  if v_text is null then
    return null;
  end if;
  for v_person in
    select p.user_id, p.pseudonym
    from octroi_private.person as p
    -- an array, which the index serves whatever the planner takes the size of the table for
    where p.user_id = any(array(
      select m.found[1]::uuid
      from regexp_matches(
        v_text, '([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})', 'g'
      ) as m (found)
    ))
  loop
    v_text := regexp_replace(v_text, v_person.user_id::text, v_person.pseudonym::text, 'gi');
  end loop;
  return v_text;
end
$$;

-- Whatever is entered, by whichever way: what names a person does not stay in.
create function octroi_private.pseudonymise_entry()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_whom text;
begin
  new.subject := octroi_private.pseudonymised(new.subject);
  new.reason := octroi_private.pseudonymised(new.reason);
  new.detail := octroi_private.pseudonymised((new.detail - array[
    'name', 'email', 'phone', 'address', 'url', 'key_hash', 'user_id', 'owner_user_id', 'unsubscribe_token',
    'news_token'
  ])::text)::jsonb;
  foreach v_whom in array array[new.detail ->> 'person', new.subject] loop
    if v_whom ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      new.person := coalesce(new.person, (
        select p.pseudonym from octroi_private.person as p where p.pseudonym = v_whom::uuid
      ));
    end if;
  end loop;
  return new;
end
$$;
create trigger audit_log_pseudonymous
before insert on octroi_private.audit_log
for each row execute function octroi_private.pseudonymise_entry();

-- In one form whatever the session's settings: jsonb orders its keys, and an instant is counted.
create function octroi_private.audit_hash(p_before bytea, p_entry octroi_private.audit_log)
returns bytea
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select sha256(p_before || convert_to(jsonb_build_array(
    p_entry.id, (extract(epoch from p_entry.occurred_at) * 1000000)::bigint, p_entry.actor, p_entry.actor_role,
    p_entry.login, p_entry.action, p_entry.account_id, p_entry.person, p_entry.subject, p_entry.detail, p_entry.reason
  )::text, 'utf8'))
$$;

create function octroi_private.link_entry()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
begin
  perform from octroi_private.audit_link as k where k.position = 0 for update;
  -- a statement of its own: it sees the link of whoever held the lock
  insert into octroi_private.audit_link (position, audit_id, hash)
  select k.position + 1, new.id, octroi_private.audit_hash(k.hash, new)
  from octroi_private.audit_link as k
  order by k.position desc
  limit 1
  on conflict (position) do nothing;
  if not found then
    raise exception 'the audit log grew meanwhile, or has lost its first link' using errcode = '40001',
      hint = 'Run the transaction again; if that does not help: octroi audit verify.';
  end if;
  return null;
end
$$;
create constraint trigger audit_log_linked
after insert on octroi_private.audit_log
deferrable initially deferred
for each row execute function octroi_private.link_entry();

create trigger audit_log_append_only
before update or delete or truncate on octroi_private.audit_log
for each statement execute function octroi_private.refuse_change();
create trigger audit_link_append_only
before update or delete or truncate on octroi_private.audit_link
for each statement execute function octroi_private.refuse_change();

-- Also for sessions that replay a replica's changes.
alter table octroi_private.audit_log enable always trigger audit_log_pseudonymous;
alter table octroi_private.audit_log enable always trigger audit_log_linked;
alter table octroi_private.audit_log enable always trigger audit_log_append_only;
alter table octroi_private.audit_link enable always trigger audit_link_append_only;

create function octroi_private.record_audit(
  p_action text, p_account_id uuid, p_subject text, p_detail jsonb, p_reason text
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into octroi_private.audit_log (
    occurred_at, actor, actor_role, login, action, account_id, subject, detail, reason
  )
  values (
    octroi_private.now(), octroi_private.pseudonym_of((select auth.uid())),
    coalesce(nullif(current_setting('role'), 'none'), session_user), session_user, p_action, p_account_id,
    left(p_subject, 200), coalesce(p_detail, '{}'),
    left(coalesce(p_reason, nullif(current_setting('octroi_audit.reason', true), '')), 500)
  );
end
$$;
comment on function octroi_private.record_audit(text, uuid, text, jsonb, text) is
'Enters an action of whoever is signed in. Whom it was done to is the subject, or person in the detail. Ids of people become pseudonyms, addresses and names are left out. A null reason is what the session set as octroi_audit.reason. Raises 23514 for an action that is not word.word.';

-- Records a change of the row a trigger fires for, under the word its argument gives; a change of nothing that counts
-- is none.
create function octroi_private.audit()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_left_out constant text [] := array[
    'name', 'key_hash', 'unsubscribe_token', 'news_token', 'content', 'changed_at', 'last_used_at', 'user_id',
    'owner_user_id', 'email', 'email_index', 'accept_url',
    -- texts about a person in a request of theirs, which is not kept as long as this log
    'evidence', 'extension_reason'
  ];
  v_old jsonb := to_jsonb(old);
  v_new jsonb := to_jsonb(new);
  v_row jsonb := coalesce(v_new, v_old);
  v_person uuid := octroi_private.pseudonym_of(coalesce(v_row ->> 'user_id', v_row ->> 'owner_user_id')::uuid);
  v_was jsonb;
begin
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(o.key, o.value) into v_was
    from jsonb_each(v_old - c_left_out) as o
    where o.value is distinct from v_new -> o.key;
    if v_old -> 'owner_user_id' is distinct from v_new -> 'owner_user_id' then
      v_was := coalesce(v_was, '{}') || jsonb_build_object(
        'owner', octroi_private.pseudonym_of((v_old ->> 'owner_user_id')::uuid)
      );
    end if;
    if v_was is null then
      return null;
    end if;
  end if;
  perform octroi_private.record_audit(
    tg_argv[0] || '.' || lower(tg_op), coalesce(v_row ->> 'account_id', case tg_argv[0]
      when 'account' then v_row ->> 'id'
    end)::uuid, coalesce(
      v_row ->> 'id', v_row ->> 'code', v_row ->> 'subject', v_row ->> 'table_name', v_row ->> 'country',
      case tg_argv[0] when 'processor' then v_row ->> 'name' end, v_person::text
    ),
    (v_row - c_left_out) || case when v_person is null then '{}' else jsonb_build_object('person', v_person) end
    || case when v_was is null then '{}' else jsonb_build_object('was', v_was) end, null
  );
  return null;
end
$$;

-- Walks the chain, at most so many links on from a position, and stops at the first break.
create function octroi_private.verify_audit(p_after bigint, p_max integer)
returns table (checked integer, last_position bigint, last_hash text, broken_at bigint, problem text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_link record;
  v_hash bytea;
  v_max integer := least(greatest(p_max, 1), 100000);
begin
  checked := 0;
  last_position := p_after;
  select k.hash into v_hash from octroi_private.audit_link as k where k.position = p_after;
  if v_hash is null then
    broken_at := p_after;
    problem := 'missing_link';
    return next;
    return;
  end if;
  for v_link in
    select k.position, k.hash, l.id is null as is_missing, l as entry
    from octroi_private.audit_link as k
    left join octroi_private.audit_log as l on l.id = k.audit_id
    where k.position > p_after
    order by k.position
    limit v_max
  loop
    problem := case
      when v_link.position <> last_position + 1 then 'missing_link'
      when v_link.is_missing then 'missing_entry'
      when octroi_private.audit_hash(v_hash, v_link.entry) <> v_link.hash then 'changed'
    end;
    if problem is not null then
      broken_at := last_position + 1;
      exit;
    end if;
    checked := checked + 1;
    last_position := v_link.position;
    v_hash := v_link.hash;
  end loop;
  last_hash := encode(v_hash, 'hex');
  -- at the head: an entry that no link holds was slipped in, or its link taken away
  if problem is null and checked < v_max and exists (
    select from octroi_private.audit_log as l
    where not exists (select from octroi_private.audit_link as k where k.audit_id = l.id)
  ) then
    broken_at := last_position + 1;
    problem := 'unlinked_entry';
  end if;
  return next;
end
$$;
comment on function octroi_private.verify_audit(bigint, integer) is
'Checks the links after a position: how many hold, the last of them, and the first break, if any: missing_link, missing_entry, changed or unlinked_entry. Fewer than asked for: the head is reached.';

create function octroi_private.audit_position(p_position bigint default null)
returns table (reached bigint, hash text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select k.position, encode(k.hash, 'hex')
  from octroi_private.audit_link as k
  where p_position is null or k.position = p_position
  order by k.position desc
  limit 1
$$;
comment on function octroi_private.audit_position(bigint) is
'A link of the audit chain, or with null its head, to be kept elsewhere; no row when there is none.';

reset role;
