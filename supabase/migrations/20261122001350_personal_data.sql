-- What is known about people: every table that has something about a person, and every column of it, with what it is,
-- why it is there, how long, who handles it, and what becomes of it when the person asks for it or wants it gone.
--
-- The bundle of export_my_data, the exports of operators and the table in docs/privacy.md are made from these rows, and
-- a test refuses a table or column that is missing here. A table is registered by whoever adds it:
--   call octroi_private.register_personal_table(…)
set role octroi_owner;

create table octroi_private.processor (
  name text primary key check (name ~ '^[a-z_]{1,30}$'),
  who text not null check (length(who) between 1 and 200),
  handles text not null check (length(handles) between 1 and 500)
);
comment on table octroi_private.processor is 'Who handles personal data for the operator. The operator adds their own.';
insert into octroi_private.processor (name, who, handles) values
('operator', 'whoever runs this service (the controller)', 'everything in this register'),
('supabase', 'Supabase, or whoever hosts the database', 'stores everything in this register; signs users in'),
('stripe', 'Stripe', 'payments, invoices, addresses and tax ids; knows an account by its id'),
('openai', 'OpenAI', 'the text of calls, under a pseudonym of the caller; keeps abuse logs for up to 30 days'),
('mail', 'the mail provider of the operator', 'mails and the addresses that they go to');
create trigger processor_audited
after insert or update or delete on octroi_private.processor
for each row execute function octroi_private.audit('processor');

create table octroi_private.personal_table (
  table_name text primary key check (table_name ~ '^[a-z][a-z_]{0,62}$'),
  -- whom a row is about: somebody, or an account, which is about who owns it
  about text not null check (about in ('person', 'account', 'machinery')),
  purpose text not null,
  -- of Art. 6(1) GDPR
  legal_basis text not null check (legal_basis in ('consent', 'contract', 'legal_obligation', 'legitimate_interest')),
  retention text not null,
  processors text [] not null,
  erasure text not null check (erasure in ('delete', 'pseudonymise', 'keep')),
  -- why it is kept, in whatever form
  erasure_reason text,
  -- which accounts' rows are gone through, one account after the other
  slices text not null check (slices in ('none', 'member', 'owner')),
  -- SQL over t, $1 (the person) and $2 (the account of the slice); null: no row is handed out, for the reason given
  reach text,
  withheld text,
  -- unique within a slice, and in the order of an index
  key_columns text [] not null check (cardinality(key_columns) between 1 and 5),
  page_rows integer not null default 2000 check (page_rows between 1 and 10000),
  constraint personal_table_kept_for_a_reason check (erasure = 'delete' or erasure_reason is not null),
  constraint personal_table_withheld_for_a_reason check ((reach is null) = (withheld is not null))
);
comment on table octroi_private.personal_table is
'Tables with something about people: why, how long, who handles it, how a person''s rows are found, what erasure does.';

create table octroi_private.personal_column (
  table_name text not null references octroi_private.personal_table (table_name) on delete cascade,
  column_name text not null,
  position smallint not null,
  -- fact; reference: who or whose; contact: how to reach somebody; content: what they wrote; secret: what opens a door;
  -- sealed: kept encrypted under the person's own key
  class text not null check (class in ('fact', 'reference', 'contact', 'content', 'secret', 'sealed')),
  what text not null check (length(what) between 1 and 200),
  export text not null generated always as (
    case class when 'secret' then 'withheld' when 'sealed' then 'opened' else 'as_is' end
  ) stored,
  -- as the table's unless it says otherwise
  erasure text check (erasure in ('delete', 'pseudonymise', 'keep')),
  -- what a support role sees
  mask text not null generated always as (
    case class
      when 'fact' then 'shown' when 'reference' then 'pseudonym'
      when 'contact' then 'partial' when 'sealed' then 'partial'
      else 'hidden'
    end
  ) stored,
  primary key (table_name, column_name)
);
comment on table octroi_private.personal_column is
'Every column of those tables: what it is, how it is handed out, what erasure does to it, how it is masked.';

-- Columns are given one to a line: name | class | what it is [| erasure, where it is not the table's].
create procedure octroi_private.register_personal_table(
  p_table text, p_about text, p_purpose text, p_legal_basis text, p_retention text, p_processors text [],
  p_erasure text, p_erasure_reason text, p_slices text, p_reach text, p_withheld text, p_key_columns text [],
  p_columns text, p_page_rows integer default 2000
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into octroi_private.personal_table values (
    p_table, p_about, p_purpose, p_legal_basis, p_retention, p_processors || array['operator', 'supabase'], p_erasure,
    p_erasure_reason, p_slices, p_reach, p_withheld, p_key_columns, p_page_rows
  );
  insert into octroi_private.personal_column (table_name, column_name, position, class, what, erasure)
  select p_table, trim(l.field[1]), l.position, trim(l.field[2]), trim(l.field[3]), trim(l.field[4])
  from (
    select string_to_array(trim(c.line), '|') as field, row_number() over (order by c.ord) as position
    from unnest(string_to_array(p_columns, E'\n')) with ordinality as c (line, ord)
    where trim(c.line) <> ''
  ) as l;
  if exists (
    select from octroi_private.personal_table as t
    cross join lateral unnest(t.processors) as named (name)
    where t.table_name = p_table
      and not exists (select from octroi_private.processor as p where p.name = named.name)
  ) then
    raise exception 'table % names a processor that does not exist', p_table using errcode = '22023';
  end if;
end
$$;
comment on procedure octroi_private.register_personal_table(
  text, text, text, text, text, text [], text, text, text, text, text, text [], text, integer
) is 'Registers a table with something about people, whole. Raises 22023 for a processor that does not exist.';

-- Every account that a person has or had a part in: whoever left a team has used it, or had a key of it.
create function octroi_private.accounts_of_person(p_user_id uuid)
returns setof uuid
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.account_id from octroi_private.member as m where m.user_id = p_user_id
  union
  select d.account_id from octroi_private.usage_daily as d where d.user_id = p_user_id
  union
  select k.account_id from octroi_private.api_key as k where k.user_id = p_user_id
  union
  select a.id from octroi_private.account as a where a.owner_user_id = p_user_id
$$;

-- The same, the other way round: everybody who has or had a part in one of these accounts.
create function octroi_private.people_of_accounts(p_account_ids uuid [])
returns setof uuid
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.user_id from octroi_private.member as m where m.account_id = any(p_account_ids)
  union
  select d.user_id from octroi_private.usage_daily as d where d.account_id = any(p_account_ids)
  union
  select k.user_id from octroi_private.api_key as k where k.account_id = any(p_account_ids)
  union
  select a.owner_user_id from octroi_private.account as a
  where a.id = any(p_account_ids) and a.owner_user_id is not null
$$;

-- The register as it stands against the tables that there are: what is registered and exists.
create view octroi_private.personal_data with (security_invoker = true) as
select
  t.table_name, t.about, t.purpose, t.legal_basis, t.retention, t.processors, t.slices, t.reach, t.withheld,
  t.key_columns, t.page_rows, c.column_name, c.position, c.class, c.what, c.export, c.mask,
  coalesce(c.erasure, t.erasure) as erasure, t.erasure_reason,
  pg_catalog.format_type(a.atttypid, a.atttypmod) as type
from octroi_private.personal_table as t
join octroi_private.personal_column as c on c.table_name = t.table_name
join pg_catalog.pg_class as r
  on r.relnamespace = 'octroi_private'::regnamespace and r.relname = t.table_name and r.relkind in ('r', 'p')
join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attname = c.column_name and not a.attisdropped;
comment on view octroi_private.personal_data is 'personal_table and personal_column, as far as the table and the column exist.';

reset role;
