-- Where a person is written to: Auth's addresses, and a number they gave us. Sealed, kept in step by trigger. No other
-- copy is kept, and none in the clear; the address of a mail is opened when the mail goes.
set role octroi_owner;

create table octroi_private.contact (
  user_id uuid primary key,
  email bytea check (octet_length(email) between 44 and 1500),
  -- a keyed hash, to find a person by an address that is known already
  email_index bytea check (octet_length(email_index) = 32),
  phone bytea check (octet_length(phone) between 44 and 200),
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
    insert into octroi_private.contact as c (user_id, email, email_index, phone)
    values (
      new.id, octroi_private.seal_for(new.id, 'contact.email', v_email), octroi_private.blind_index('email', v_email),
      octroi_private.seal_for(new.id, 'contact.phone', v_phone)
    )
    on conflict (user_id) do update
    set email = excluded.email, email_index = excluded.email_index,
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

-- Nothing of it raises, so that one row that does not open hides no other.
create function octroi_private.masked_contact(p_user_id uuid)
returns table (email text, phone text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    octroi_private.mask_email(octroi_native.open(
      k.wrapped, octroi_private.sealed_place(c.user_id, 'contact.email'), c.email
    )),
    octroi_private.mask_phone(octroi_native.open(
      k.wrapped, octroi_private.sealed_place(c.user_id, 'contact.phone'), c.phone
    ))
  from octroi_private.contact as c
  left join octroi_private.data_key as k on k.user_id = c.user_id
  where c.user_id = p_user_id
$$;
comment on function octroi_private.masked_contact(uuid) is
'How a person is reached, masked: m***@d***, +33 •• •• 12. Null where there is nothing, or nothing that opens.';

create view octroi_private.support_contact with (security_invoker = true) as
select c.user_id, m.email, m.phone
from octroi_private.contact as c
left join lateral octroi_private.masked_contact(c.user_id) as m on true;
comment on view octroi_private.support_contact is 'Everybody''s contact, masked, for octroi_support. Nothing in it can be unmasked.';

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
begin
  -- the index says nothing to who has not its key, and tells two searches for the same address apart from others
  perform octroi_private.record_audit(
    'contact.find', null, null, jsonb_build_object('index', encode(v_index, 'hex')), null
  );
  return query
  select c.user_id, m.email, m.phone
  from octroi_private.contact as c
  left join lateral octroi_private.masked_contact(c.user_id) as m on true
  where c.email_index = v_index
  order by c.user_id
  limit 100;
end
$$;
comment on function octroi_private.find_person_by_email(text) is
'Who has an e-mail address, in any spelling of it, by its blind index; their contact comes masked. Each search is in the audit log. Raises OC050.';

reset role;

create trigger octroi_keep_contact
after insert or update of email, phone on auth.users
for each row execute function octroi_private.keep_contact();
