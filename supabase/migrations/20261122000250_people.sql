-- People, as the records that outlive them call them. Octroi's log of what happened names nobody: it has a pseudonym,
-- and the only place that says whose it is is this row. Once the row is deleted nothing says so any more.
set role octroi_owner;

create table octroi_private.person (
  user_id uuid primary key,
  pseudonym uuid not null unique default gen_random_uuid(),
  created_at timestamptz not null default octroi_private.now()
);
comment on table octroi_private.person is
'Each user of Auth, and what the audit log calls them. Without the row an entry cannot be told to be theirs.';

create function octroi_private.add_person()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into octroi_private.person (user_id) values (new.id) on conflict do nothing;
  return null;
end
$$;

create function octroi_private.pseudonym_of(p_user_id uuid)
returns uuid
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.pseudonym from octroi_private.person as p where p.user_id = p_user_id
$$;
comment on function octroi_private.pseudonym_of(uuid) is
'What the audit log calls a user; null for who is not there, or is there no more.';

reset role;

-- Whoever signed up before Octroi came is taken in by …1382. Triggers fire in the order of their names: what the later
-- ones write is audited.
create trigger octroi_add_person
after insert on auth.users
for each row execute function octroi_private.add_person();
