-- The cast. Each has a personal account on `free`; olga owns a team in which ada is admin and mia a member, with a key
-- of each; sten has nothing to do with them. Everyone has used something, on their own account and on the team's.
\ir play.sql
\set olga '\'01a00000-0000-7000-8000-00000000000a\''
\set ada '\'01a00000-0000-7000-8000-00000000000b\''
\set mia '\'01a00000-0000-7000-8000-00000000000c\''
\set sten '\'01a00000-0000-7000-8000-00000000000d\''
\set team '\'01a00000-0000-7000-8000-0000000000ff\''
\set missing '\'01a00000-0000-7000-8000-00000000dead\''

create table tap.person (name text primary key, user_id uuid not null);
insert into tap.person values ('olga', :olga), ('ada', :ada), ('mia', :mia), ('sten', :sten);
grant select on tap.person to public;
insert into auth.users (id, email) select p.user_id, p.name || '@example.test' from tap.person as p;

insert into octroi_private.account (id, kind, owner_user_id, name) values (:team, 'team', :olga, 'Team');
insert into octroi_private.member (account_id, user_id, role)
values (:team, :olga, 'owner'), (:team, :ada, 'admin'), (:team, :mia, 'member');
select octroi_private.assign_plan(:team, 'basic') \g /dev/null

create function tap.personal(p_name text) returns uuid
language sql
stable
security definer
begin atomic
select a.id
from octroi_private.account as a
join tap.person as p on p.user_id = a.owner_user_id
where p.name = p_name and a.kind = 'personal';
end;

create function tap.user_id(p_name text) returns uuid
language sql
stable
begin atomic
select p.user_id from tap.person as p where p.name = p_name;
end;

-- Named after their holder; a team key and a personal key each, as far as they are in the team.
insert into octroi_private.api_key (account_id, user_id, name, key_prefix, key_hash)
select tap.personal(p.name), p.user_id, p.name || ' personal', 'sk-oct-' || left(p.name, 1), sha256(p.name::bytea)
from tap.person as p
union all
select m.account_id, m.user_id, p.name || ' team', 'sk-oct-' || left(p.name, 1), sha256((p.name || ' team')::bytea)
from octroi_private.member as m
join tap.person as p using (user_id)
where m.account_id = :team;

create function tap.key_id(p_name text) returns uuid
language sql
stable
security definer
begin atomic
select k.id from octroi_private.api_key as k where k.name = p_name;
end;

-- olga and sten 100 + 10 tokens each on their own account; olga, ada and mia on the team's: 200, 300, 400 + 20.
select u.*
from (values ('olga', 100), ('ada', 100), ('mia', 100), ('sten', 100)) as call (name, input_tokens)
cross join lateral octroi_private.record_usage(
  tap.personal(call.name), tap.user_id(call.name), 'gpt-5.6-luna', call.input_tokens, 10
) as u \g /dev/null
select u.*
from (values ('olga', 200), ('ada', 300), ('mia', 400)) as call (name, input_tokens)
cross join lateral octroi_private.record_usage(
  :team, tap.user_id(call.name), 'gpt-5.2', call.input_tokens, 20
) as u \g /dev/null
