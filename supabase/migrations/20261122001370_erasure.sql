-- Erasure. Whoever deletes a row of auth.users, by Auth, by SQL or with delete_my_account(), erases the person in that
-- same transaction; so does Auth's soft deletion, which keeps the row and sets deleted_at.
--
--   auth.users ─► erase_user ─┬─ at once: who the person is, keys, memberships, mail, prompts, everything open
--                             ├─ erasure_receipt: what went, what stays, why and until when
--                             ├─ usage_removal ─job─► remove_usage: calls, bite by bite (001375)
--                             ├─ erasure_step ─job─► erase_at_stripe: cancel, bill, delete the customer; of a team that
--                             │                      goes on take off who left, and their cards (001377)
--                             └─ tombstone: erases again what a restored backup brings back (001380)
--
-- What a law wants kept stays with the closed account, which has neither owner nor name, and goes when its time is over
-- (001385). Calls that a team pays for stay the team's; the person in them becomes the receipt's pseudonym.
set role octroi_owner;

create table octroi_private.retention_rule (
  country text primary key check (country ~ '^[A-Z]{2}$'),
  years integer not null check (years between 1 and 30),
  legal_reason text not null check (length(legal_reason) between 1 and 300),
  -- the operator's country; ZZ while nobody has said which
  is_in_force boolean not null default false
);
comment on table octroi_private.retention_rule is
'How long invoices and what they charge for are kept after an erasure, by the operator''s country, from the end of the year.';
create unique index retention_rule_one_in_force on octroi_private.retention_rule (is_in_force) where is_in_force;
insert into octroi_private.retention_rule (country, years, legal_reason, is_in_force) values
('ZZ', 10, 'tax and commercial law; no country is set, so the longest of the known periods', true),
('DE', 8, '§ 147 AO, § 257 HGB and § 14b UStG: invoices and booking records', false),
('FR', 10, 'art. L123-22 Code de commerce: booking records and their documents', false),
('IT', 10, 'art. 2220 Codice civile: booking records and invoices', false),
('NL', 7, 'art. 52 Algemene wet inzake rijksbelastingen: the administration', false),
('ES', 6, 'art. 30 Código de Comercio: books and their documents', false);
create trigger retention_rule_audited
after insert or update or delete on octroi_private.retention_rule
for each row execute function octroi_private.audit('retention_rule');

create function octroi_private.set_retention_country(p_country text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_years integer;
begin
  update octroi_private.retention_rule set is_in_force = false where is_in_force and country <> p_country;
  update octroi_private.retention_rule set is_in_force = true where country = p_country returning years into v_years;
  if v_years is null then
    raise exception 'no retention rule for country %', p_country using errcode = 'OC047',
      hint = 'Insert its years and legal_reason into octroi_private.retention_rule first.';
  end if;
  return v_years;
end
$$;
comment on function octroi_private.set_retention_country(text) is
'Whose law says how long billing records are kept, for erasures from now on; its years. Raises OC047 for a country without a rule.';

create table octroi_private.erasure_receipt (
  id uuid primary key default gen_random_uuid(),
  -- what stands for the person in rows that are kept; nothing leads from it to them
  pseudonym uuid not null unique default gen_random_uuid(),
  asked_by text not null check (asked_by in ('user', 'auth', 'restore')),
  erased_at timestamptz not null,
  erased jsonb not null default '{}' check (jsonb_typeof(erased) = 'object'),
  kept jsonb not null default '[]' check (jsonb_typeof(kept) = 'array'),
  -- nothing is left to be done, here or elsewhere
  finished_at timestamptz
);
comment on table octroi_private.erasure_receipt is
'Proof of an erasure: erased is rows by table, kept is [{what, why, until}]. It does not say whose.';
create index erasure_receipt_finished on octroi_private.erasure_receipt (finished_at);

create table octroi_private.erased_account (
  account_id uuid primary key references octroi_private.account (id),
  receipt_id uuid not null references octroi_private.erasure_receipt (id),
  kept_until timestamptz not null,
  -- how far its last calls are gone, once that time has come
  after_at timestamptz not null default '-infinity',
  -- not before, after it could not be dropped
  retry_at timestamptz not null default '-infinity'
);
comment on table octroi_private.erased_account is 'Accounts that an erasure closed, and when what is left of them goes.';
create index erased_account_due on octroi_private.erased_account (kept_until);
create index erased_account_receipt on octroi_private.erased_account (receipt_id);

create table octroi_private.erasure_step (
  id bigint generated always as identity primary key,
  -- null where an owner handed a team over and is there still
  receipt_id uuid references octroi_private.erasure_receipt (id),
  kind text not null check (kind in ('stripe', 'handover', 'usage')),
  account_id uuid,
  customer_id text,
  -- checkout pages that could still be paid
  session_ids text [] not null default '{}',
  -- what is not billed and paid by then is waived
  waived_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null,
  constraint erasure_step_at_stripe_has_customer check (
    (kind <> 'usage') = (customer_id is not null and account_id is not null)
    and (kind = 'stripe') = (waived_at is not null)
  ),
  constraint erasure_step_of_an_erasure check (receipt_id is not null or kind = 'handover')
);
comment on table octroi_private.erasure_step is 'What an erasure, or the handing over of a team, has left to do outside its transaction; done once finished_at is set.';
create index erasure_step_receipt on octroi_private.erasure_step (receipt_id);
create index erasure_step_open on octroi_private.erasure_step (id) where finished_at is null;
create unique index erasure_step_once on octroi_private.erasure_step (customer_id, receipt_id)
where customer_id is not null;
create index erasure_step_handover on octroi_private.erasure_step (account_id)
where kind = 'handover' and finished_at is null;

create table octroi_private.usage_removal (
  id bigint generated always as identity primary key,
  receipt_id uuid not null references octroi_private.erasure_receipt (id),
  -- the last place that knows; gone with the last call
  user_id uuid not null,
  -- null for the requests of all accounts
  account_id uuid,
  -- false: the calls are a team's and stay, without the person
  is_deleting boolean not null,
  after_at timestamptz not null default '-infinity',
  after_id uuid not null default '00000000-0000-0000-0000-000000000000'
);
comment on table octroi_private.usage_removal is 'How far the calls of an erased person are removed; the row is the cursor.';
create index usage_removal_receipt on octroi_private.usage_removal (receipt_id);

create index quota_grant_of_account on octroi_private.quota_grant (account_id);
-- Which accounts somebody has used, also those they have left.
create index usage_daily_user on octroi_private.usage_daily (user_id, account_id);
create index usage_daily_day on octroi_private.usage_daily (day);
-- Whose calls may still be settled although their time is over.
create index request_expired on octroi_private.request (user_id) where state = 'expired';

create function octroi_private.unlock_append_only(p_relation regclass)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.append_only_pass (relation, transaction_id) values (p_relation, pg_current_xact_id())
  on conflict do nothing
$$;

create function octroi_private.lock_append_only(p_relation regclass)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from octroi_private.append_only_pass where relation = p_relation and transaction_id = pg_current_xact_id()
$$;

-- The one list of what an erasure does to which table, in order. $1 the person, $2 the accounts that end with them,
-- $3 all accounts they ever used, $4 their pseudonym, $5 now.
create function octroi_private.erasure_statements()
returns table (place integer, table_name text, statement text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select s.place, s.table_name, s.statement
  from (values
    -- in the order in which whoever reads an answer takes them
    (1, 'completion', 'delete from octroi_private.completion
      where account_id = any($3) and (user_id = $1 or account_id = any($2))'),
    (2, 'stored_response', 'delete from octroi_private.stored_response where user_id = $1 or account_id = any($2)'),
    (3, 'entitlement', 'delete from octroi_private.entitlement
      where account_id = any($3) and (user_id = $1 or account_id = any($2))'),
    (5, 'alert', 'delete from octroi_private.alert
      where account_id = any($3) and (account_id = any($2) or scope = ''member'' and subject = $1::text)'),
    (6, 'budget', 'delete from octroi_private.budget
      where account_id = any($3) and (account_id = any($2) or scope = ''member'' and subject = $1::text)'),
    (6, 'account_limit', 'delete from octroi_private.account_limit where account_id = any($2)'),
    (7, 'auto_top_up', 'delete from octroi_private.auto_top_up where account_id = any($2)'),
    -- a team goes on buying, for whoever owns it now
    (8, 'auto_top_up', 'update octroi_private.auto_top_up as t set user_id = a.owner_user_id
      from octroi_private.account as a where a.id = t.account_id and t.user_id = $1'),
    (9, 'billing_request', 'update octroi_private.billing_request
      set user_id = case when user_id = $1 then $4 else user_id end, url = null, message = null,
        args = args - array[''success_url'', ''cancel_url'', ''return_url''],
        error = case when state = ''pending'' then ''account_erased'' else error end,
        finished_at = coalesce(finished_at, $5), state = case state when ''pending'' then ''failed'' else state end
      where account_id = any($2)'),
    (10, 'billing_request', 'update octroi_private.billing_request
      set user_id = $4, url = case when state = ''done'' then null else url end, message = null
      where account_id = any($3) and user_id = $1'),
    (10, 'stripe_invoice', 'update octroi_private.stripe_invoice set hosted_url = null, pdf_url = null
      where hosted_url is not null and customer_id in (
        select c.id from octroi_private.stripe_customer as c where c.account_id = any($2)
      )'),
    (11, 'balance', 'update octroi_private.balance set subject = $4::text
      where account_id = any($3) and scope = ''member'' and subject = $1::text'),
    (12, 'quota_grant', 'update octroi_private.quota_grant set reason = ''erased'' where account_id = any($2)'),
    (13, 'api_key', 'update octroi_private.api_key
      set user_id = $4, name = ''erased'', key_prefix = ''sk-oct-erased'',
        key_hash = sha256(uuid_send(gen_random_uuid())), revoked_at = coalesce(revoked_at, $5)
      where user_id = $1 or account_id = any($2)'),
    (14, 'api_key_previous', 'delete from octroi_private.api_key_previous
      where api_key_id in (select k.id from octroi_private.api_key as k where k.user_id = $4)'),
    (14, 'overage_setting', 'delete from octroi_private.overage_setting where account_id = any($2)'),
    (14, 'contact_change', 'delete from octroi_private.contact_change where user_id = $1 or account_id = any($2)'),
    (14, 'export_ticket', 'delete from octroi_private.export_ticket where user_id = $1'),
    (14, 'privacy_request', 'update octroi_private.privacy_request
      set state = ''withdrawn'', closed_at = $5, evidence = evidence || ''{"reason": "the user is gone"}''
      where user_id = $1 and state = ''open'' and kind <> ''erasure'''),
    (15, 'privacy_request', 'update octroi_private.privacy_request set user_id = null where user_id = $1'),
    (14, 'breach_notice', 'update octroi_private.breach_notice set user_id = null where user_id = $1'),
    (14, 'breach',
    'update octroi_private.breach set affected = jsonb_set(affected, ''{users}'', (affected -> ''users'') - $1::text)
      where affected -> ''users'' ? $1::text'),
    (14, 'ban', 'delete from octroi_private.ban where user_id = $1'),
    (14, 'second_factor', 'delete from octroi_private.second_factor where user_id = $1'),
    (14, 'member', 'delete from octroi_private.member where user_id = $1 or account_id = any($2)'),
    (15, 'account', 'update octroi_private.account
      set status = ''closed'', closed_at = coalesce(closed_at, $5), owner_user_id = null, name = ''erased''
      where id = any($2)'),
    -- after its account: whoever counts refusals holds that
    (16, 'refused_call', 'delete from octroi_private.refused_call where account_id = any($2)'),
    (16, 'consent', 'delete from octroi_private.consent where user_id = $1'),
    (17, 'notification_setting', 'delete from octroi_private.notification_setting where user_id = $1'),
    -- after the settings, as whoever sends it
    (18, 'mail', 'delete from octroi_private.mail where user_id = $1'),
    -- those that they sent, of accounts that end, and to them, if they have shown that the address is theirs
    (19, 'invitation', 'delete from octroi_private.invitation
      where user_id = $1 or account_id = any($2) or email_index in (
        select c.email_index from octroi_private.contact as c where c.user_id = $1 and c.is_verified)'),
    (20, 'contact', 'delete from octroi_private.contact where user_id = $1'),
    (21, 'data_key', 'delete from octroi_private.data_key where user_id = $1'),
    -- last: until then their audit entries are theirs
    (22, 'person', 'delete from octroi_private.person where user_id = $1')
  ) as s (place, table_name, statement)
  order by s.place
$$;
comment on function octroi_private.erasure_statements() is
'What erasure does to which table. A new table with a user in it gets its line here.';

-- Takes hold of who leaves, against whoever is writing about them (001398), and of those whom a team of theirs may go
-- to. In one order: of two owners who leave at once the second waits for the first before either has an account. Then
-- of their keys, which whoever changes one has before its account. Who is not known here gets a row for that: who is
-- being taken in this moment is waited for, and erased.
create function octroi_private.lock_person(p_user_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_heirs uuid [] := array(
    select m.user_id from octroi_private.account as a
    join octroi_private.member as m on m.account_id = a.id
    where a.owner_user_id = p_user_id and m.user_id <> p_user_id
  );
begin
  perform from octroi_private.person as p where p.user_id = any(v_heirs) and p.user_id < p_user_id
  order by p.user_id
  for key share;
  insert into octroi_private.person (user_id) values (p_user_id) on conflict do nothing;
  perform from octroi_private.person as p where p.user_id = p_user_id for update;
  perform from octroi_private.person as p where p.user_id = any(v_heirs) and p.user_id > p_user_id
  order by p.user_id
  for key share;
  perform from octroi_private.api_key as k where k.user_id = p_user_id order by k.id for update;
end
$$;

-- A team goes on with whoever is next: an owner, else the oldest admin, else the oldest member. What has nobody else
-- ends.
create function octroi_private.hand_over(p_user_id uuid)
returns uuid []
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account octroi_private.account;
  v_heir uuid;
  v_ending uuid [] := '{}';
begin
  for v_account in
    select a.* from octroi_private.account as a where a.owner_user_id = p_user_id order by a.id
  loop
    v_heir := null;
    if v_account.kind = 'team' and v_account.status <> 'closed' then
      select m.user_id into v_heir
      from octroi_private.member as m
      join octroi_private.person as p on p.user_id = m.user_id
      where m.account_id = v_account.id and m.user_id <> p_user_id
      order by array_position(array['owner', 'admin', 'member'], m.role), m.created_at, m.user_id
      limit 1
      for key share of p skip locked;
    end if;
    if v_heir is null then
      v_ending := v_ending || v_account.id;
    else
      update octroi_private.member set role = 'owner' where account_id = v_account.id and user_id = v_heir;
      update octroi_private.account set owner_user_id = v_heir where id = v_account.id;
    end if;
  end loop;
  return v_ending;
end
$$;

-- The calls that may still be settled, in the order in which settling locks them. Returns them locked.
create function octroi_private.lock_unsettled_requests(p_user_id uuid, p_ending uuid [])
returns uuid []
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = 'off'
as $$
  select array_agg(r.id)
  from (
    select q.id from octroi_private.request as q
    where q.state = 'open' and (q.user_id = p_user_id or q.account_id = any(p_ending))
      or q.state = 'expired' and q.user_id = p_user_id
    order by q.id
    for update
  ) as r
$$;

-- Calls under way. On an account that ends they are over and cost nothing any more: a settle that still comes is
-- recorded, on no balance. On a team's they go on, as somebody's.
create function octroi_private.resolve_open_requests(
  p_user_id uuid, p_ending uuid [], p_accounts uuid [], p_pseudonym uuid, p_at timestamptz
)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = 'off'
as $$
declare
  v_ids uuid [];
begin
  -- in the order in which settling locks: calls, then balances
  v_ids := octroi_private.lock_unsettled_requests(p_user_id, p_ending);
  perform from octroi_private.balance as b
  where b.id in (
    select unnest(r.balance_ids) from octroi_private.request as r
    where r.id = any(v_ids) and r.account_id = any(p_ending)
    union all
    select unnest(e.balance_ids) from octroi_private.entitlement as e
    where e.account_id = any(p_accounts) and (e.user_id = p_user_id or e.account_id = any(p_ending))
  )
  order by b.account_id, b.id
  for no key update;
  -- whoever was reserving under one of these entitlements held its balances until the call was there; nobody can now
  v_ids := octroi_private.lock_unsettled_requests(p_user_id, p_ending);
  update octroi_private.balance as b
  set reserved = b.reserved - h.amount
  from (
    select held.balance_id, sum(held.amount)::bigint as amount
    from octroi_private.request as r
    cross join lateral unnest(r.balance_ids, r.hold_amounts) as held (balance_id, amount)
    where r.id = any(v_ids) and r.account_id = any(p_ending) and r.state = 'open'
    group by held.balance_id
  ) as h
  where b.id = h.balance_id;
  update octroi_private.request as r
  set user_id = case when r.user_id = p_user_id then p_pseudonym else r.user_id end, idempotency_key = null,
    body_hash = '\x',
    state = case when r.account_id = any(p_ending) then 'expired' else r.state end,
    finished_at = case when r.account_id = any(p_ending) then coalesce(r.finished_at, p_at) else r.finished_at end,
    balance_ids = case when r.account_id = any(p_ending) then '{}' else r.balance_ids end,
    hold_amounts = case when r.account_id = any(p_ending) then '{}' else r.hold_amounts end
  where r.id = any(v_ids);
  return coalesce(cardinality(v_ids), 0);
end
$$;

reset role;
