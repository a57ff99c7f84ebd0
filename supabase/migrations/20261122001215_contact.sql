-- Where a person is written to: Auth's addresses, and a number they gave us. Sealed, kept in step by trigger. No other
-- copy is kept, and none in the clear; the address of a mail is opened when the mail goes.
set role octroi_owner;

create table octroi_private.contact (
  user_id uuid primary key,
  email bytea check (octet_length(email) between 44 and 1500),
  -- a keyed hash, to find a person by an address that is known already
  email_index bytea check (octet_length(email_index) = 32),
  phone bytea check (octet_length(phone) between 44 and 200),
  -- as Auth says: whoever signs in with it has shown that it is theirs
  is_verified boolean not null default false,
  constraint contact_has_one check (num_nonnulls(email, phone) > 0),
  constraint contact_indexed check ((email is null) = (email_index is null))
);
comment on table octroi_private.contact is
'Where a user is written to: Auth''s e-mail address and phone, sealed with their data key; gone with the user.';
create index contact_email_index on octroi_private.contact (email_index) where email_index is not null;

-- Without operator keys nothing is kept and `octroi doctor` says so: a sign-up never fails for that.
create function octroi_private.keep_contact()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text := case when length(new.email) between 3 and 320 and new.email !~ '[[:cntrl:]]' then new.email end;
  v_phone text := case when new.phone ~ '^\+?[0-9]{4,20}$' then new.phone end;
begin
  -- of whoever was erased Auth may keep a row, and go on changing it
  perform from octroi_private.person as p where p.user_id = new.id for key share;
  if not found then
    return null;
  end if;
  insert into octroi_private.notification_setting (user_id) values (new.id) on conflict do nothing;
  if new.email is null and v_phone is null then
    delete from octroi_private.contact where user_id = new.id;
  elsif v_email is not null or v_phone is not null then
    insert into octroi_private.contact as c (user_id, email, email_index, phone, is_verified)
    values (
      new.id, octroi_private.seal_for(new.id, 'contact.email', v_email), octroi_private.blind_index('email', v_email),
      octroi_private.seal_for(new.id, 'contact.phone', v_phone),
      v_email is not null and new.email_confirmed_at is not null
    )
    on conflict (user_id) do update
    set email = excluded.email, email_index = excluded.email_index, is_verified = excluded.is_verified,
      -- a number that they gave us stays until Auth has another
      phone = case when old.phone is not distinct from new.phone then c.phone else excluded.phone end;
  end if;
  return null;
exception
  when sqlstate 'OC050' or sqlstate 'OC051' then
    -- what was there may be an address that is theirs no more
    delete from octroi_private.contact where user_id = new.id;
    raise warning 'how to reach a user was not kept: %', sqlerrm;
    insert into octroi_private.notification_setting (user_id) values (new.id) on conflict do nothing;
    return null;
end
$$;

-- Nothing of it raises, so that one row that does not open hides no other. Whoever reads the view below calls it, with
-- sealed values that only the view can give them: it is no read by itself.
create function octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea)
returns table (email text, phone text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    octroi_private.mask_email(octroi_native.open(
      k.wrapped, octroi_private.sealed_place(k.user_id, 'contact.email'), p_email
    )),
    octroi_private.mask_phone(octroi_native.open(
      k.wrapped, octroi_private.sealed_place(k.user_id, 'contact.phone'), p_phone
    ))
  from octroi_private.data_key as k
  where k.user_id = p_user_id
$$;
comment on function octroi_private.mask_contact(uuid, bytea, bytea) is
'A person''s sealed address and number, masked: m***@d***, +33 •• •• 12. Null for what is missing or does not open.';

create function octroi_private.masked_contact(p_user_id uuid)
returns table (email text, phone text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.note_admin_read(
    'contact.read', 'contact', octroi_private.pseudonym_of(p_user_id)::text, '{}'
  );
  return query
  select m.email, m.phone
  from octroi_private.contact as c
  left join lateral octroi_private.mask_contact(c.user_id, c.email, c.phone) as m on true
  where c.user_id = p_user_id;
end
$$;
comment on function octroi_private.masked_contact(uuid) is
'How a person is reached, masked; null where there is nothing, or nothing that opens. The person sees in their audit log that it was read. Raises OC040, 25006.';

create function octroi_private.find_person_by_email(p_email text)
returns table (user_id uuid, email text, phone text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_index bytea := octroi_private.blind_index('email', p_email);
  v_found uuid [];
begin
  v_found := array(
    select c.user_id from octroi_private.contact as c where c.email_index = v_index order by c.user_id limit 100
  );
  -- who was found and not what was asked for: the log is kept for good, and of an address nothing may outlive its owner
  perform octroi_private.note_admin_read(
    'contact.find', 'contact', octroi_private.pseudonym_of(f.user_id)::text,
    jsonb_build_object('found', cardinality(v_found))
  )
  from (select 1 as n) as once
  left join unnest(v_found) as f (user_id) on true;
  return query
  select c.user_id, m.email, m.phone
  from octroi_private.contact as c
  left join lateral octroi_private.mask_contact(c.user_id, c.email, c.phone) as m on true
  where c.user_id = any(v_found)
  order by c.user_id;
end
$$;
comment on function octroi_private.find_person_by_email(text) is
'Who has an e-mail address, in any spelling of it, by its blind index, at most 100; their contact comes masked. Each search is in the audit log, and in that of whoever is found. Raises OC040, OC050, 25006.';

reset role;

create trigger octroi_keep_contact
after insert or update of email, phone, email_confirmed_at on auth.users
for each row execute function octroi_private.keep_contact();
