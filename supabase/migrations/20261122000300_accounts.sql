-- Who pays (account), who acts (member), and with what (api_key).
set role octroi_owner;

create table octroi_private.account (
  id uuid primary key default octroi_private.uuid_v7(),
  kind text not null check (kind in ('personal', 'team')),
  -- No foreign key to auth.users: the ledger outlives the person, and Auth owns that table.
  owner_user_id uuid,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'suspended', 'closed')),
  created_at timestamptz not null default octroi_private.now(),
  closed_at timestamptz,
  -- output per choice of a call that names no limit; null: as plan and model have it
  default_output_tokens octroi_private.quantity check (default_output_tokens between 1 and 1000000),
  constraint account_closed_or_owned check ((status = 'closed') = (closed_at is not null)),
  constraint account_open_has_owner check (status = 'closed' or owner_user_id is not null)
);
comment on table octroi_private.account is 'The billing unit: one person, or a team.';
create unique index account_one_personal on octroi_private.account (owner_user_id) where kind = 'personal';
create index account_owner on octroi_private.account (owner_user_id);

create table octroi_private.member (
  account_id uuid not null references octroi_private.account (id),
  user_id uuid not null,
  role text not null check (role in ('owner', 'admin', 'member')),
  created_at timestamptz not null default octroi_private.now(),
  primary key (account_id, user_id)
);
comment on table octroi_private.member is 'Who may act for an account. Owner and admin see all of its usage, a member their own.';
create index member_user on octroi_private.member (user_id, account_id);

create table octroi_private.api_key (
  id uuid primary key default octroi_private.uuid_v7(),
  account_id uuid not null references octroi_private.account (id),
  user_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  key_prefix text not null check (length(key_prefix) between 8 and 16),
  key_hash bytea not null unique check (octet_length(key_hash) = 32),
  allowed_models text [] check (cardinality(allowed_models) between 1 and 100),
  allowed_endpoints text [] check (
    cardinality(allowed_endpoints) > 0
    and allowed_endpoints <@ array['chat.completions', 'responses', 'embeddings']
  ),
  created_at timestamptz not null default octroi_private.now(),
  expires_at timestamptz check (expires_at > created_at),
  revoked_at timestamptz
);
comment on table octroi_private.api_key is 'A bearer secret of one member of one account. Only its SHA-256 is stored.';
create index api_key_account on octroi_private.api_key (account_id);
create index api_key_user on octroi_private.api_key (user_id);

create table octroi_private.api_key_previous (
  key_hash bytea primary key check (octet_length(key_hash) = 32),
  api_key_id uuid not null references octroi_private.api_key (id) on delete cascade,
  expires_at timestamptz not null
);
comment on table octroi_private.api_key_previous is
'Secrets that a rotation has replaced, and until when each still works.';
create index api_key_previous_key on octroi_private.api_key_previous (api_key_id);

create table octroi_private.api_key_use (
  api_key_id uuid primary key references octroi_private.api_key (id) on delete cascade,
  last_used_on date not null
);
comment on table octroi_private.api_key_use is
'The last day, UTC, on which a key was taken. Apart from api_key, whose every change voids entitlements and is audited.';

create table octroi_private.ban (
  user_id uuid primary key,
  banned_until timestamptz not null
);
comment on table octroi_private.ban is
'Users whom Auth has banned, and until when; kept in step with auth.users by trigger. A ban is of the user, on every account, and of nobody else on it.';

-- Auth only refuses the next sign-in: keys, and tokens until they expire, are judged here. Whoever is erased already
-- has no person, and no ban is kept of them.
create function octroi_private.keep_ban()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz := new.banned_until;
begin
  if v_until is null then
    delete from octroi_private.ban where user_id = new.id;
  else
    insert into octroi_private.ban (user_id, banned_until)
    select p.user_id, v_until from octroi_private.person as p where p.user_id = new.id
    on conflict (user_id) do update set banned_until = excluded.banned_until;
  end if;
  return null;
end
$$;

create function octroi_private.is_banned(p_user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select from octroi_private.ban as b where b.user_id = p_user_id and b.banned_until > octroi_private.now()
  );
end
$$;

-- The caller, as everything that front ends may ask knows them.
create function octroi_private.my_user_id()
returns uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := auth.uid();
begin
  if octroi_private.is_banned(v_user_id) then
    raise exception 'this user is suspended' using errcode = 'OC022',
      hint = 'Auth has banned the user, for a time or until the ban is lifted. Ask whoever runs this service.';
  end if;
  return v_user_id;
end
$$;
comment on function octroi_private.my_user_id() is
'auth.uid(), unless Auth has banned them. Raises OC022.';

-- The caller behind a key. A row says who it is, `state` whether it may act now.
--
-- The key is found by an index on its hash and nowhere compared byte by byte against a secret: what timing could tell
-- of the index is about the hash of a guess, which nobody can steer towards that of a key they do not have.
create function octroi_private.authenticate_key(p_key_hash bytea)
returns table (api_key_id uuid, account_id uuid, user_id uuid, state text, allowed_endpoints text [])
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_today date := (v_now at time zone 'utc')::date;
begin
  select k.id, k.account_id, k.user_id, k.allowed_endpoints,
    case
      when k.revoked_at is not null or m.user_id is null then 'revoked'
      when k.expires_at <= v_now then 'expired'
      when p.expires_at <= v_now then 'expired'
      when a.status <> 'active' or octroi_private.is_banned(k.user_id) then 'suspended'
      else 'active'
    end
  into api_key_id, account_id, user_id, allowed_endpoints, state
  from octroi_private.api_key as k
  join octroi_private.account as a on a.id = k.account_id
  left join octroi_private.member as m on m.account_id = k.account_id and m.user_id = k.user_id
  left join octroi_private.api_key_previous as p on p.key_hash = p_key_hash
  where k.id = coalesce(p.api_key_id, (select c.id from octroi_private.api_key as c where c.key_hash = p_key_hash));
  if not found then
    return;
  end if;
  -- one write per key and day
  if state = 'active' and not exists (
    select from octroi_private.api_key_use as u where u.api_key_id = authenticate_key.api_key_id and u.last_used_on >= v_today
  ) then
    insert into octroi_private.api_key_use as u (api_key_id, last_used_on) values (api_key_id, v_today)
    on conflict (api_key_id) do update set last_used_on = greatest(u.last_used_on, excluded.last_used_on);
  end if;
  return next;
end
$$;
comment on function octroi_private.authenticate_key(bytea) is
'Resolves the SHA-256 of an API key, or of the one before its rotation while its grace lasts; no row when unknown. state: active, revoked, expired or suspended (the account, or the key''s user). allowed_endpoints null means every one.';

-- The caller behind a verified access token; p_account_id null means the personal account.
create function octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid)
returns table (account_id uuid, user_id uuid, state text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.id, m.user_id,
    case when a.status <> 'active' or octroi_private.is_banned(m.user_id) then 'suspended' else 'active' end
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  where m.user_id = p_user_id
    and case when p_account_id is null then a.kind = 'personal' else a.id = p_account_id end
$$;
comment on function octroi_private.authenticate_user(uuid, uuid) is
'Resolves the user of a verified token to an account of theirs; no row when not a member. state: active or suspended (the account, or the user).';

reset role;

-- Whoever was banned before Octroi came.
insert into octroi_private.ban (user_id, banned_until)
select u.id, u.banned_until::timestamptz from auth.users as u
where u.banned_until is not null
on conflict do nothing;

-- Fires after octroi_add_person: triggers fire by name.
create trigger octroi_keep_ban
after insert or update of banned_until on auth.users
for each row execute function octroi_private.keep_ban();
