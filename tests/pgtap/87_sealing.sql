-- Sealing: what is known of a person opens for them, in its place, with the operator's keys, and in no other way.
begin;
\ir setup/cast.sql
select plan(51);

create function tap.email(p_name text) returns text
language sql
begin atomic
select octroi_private.open_for(c.user_id, 'contact.email', c.email)
from octroi_private.contact as c
where c.user_id = tap.user_id(p_name);
end;

-- An address, sealed.
update auth.users set phone = '33612345612' where id = :mia;
select is(tap.email('mia'), 'mia@example.test', 'a contact opens');
select is(
  (
    select octroi_private.open_for(c.user_id, 'contact.phone', c.phone)
    from octroi_private.contact as c
    where c.user_id = :mia
  ), '33612345612', 'so does a phone'
);
select is_empty(
  $$select c.user_id from octroi_private.contact as c
    where position('example'::bytea in c.email) > 0 or position('3361234'::bytea in c.phone) > 0$$,
  'neither rests in the clear'
);
select results_eq(
  $$select get_byte(c.email, 0), octet_length(c.email) from octroi_private.contact as c
    where c.user_id = '01a00000-0000-7000-8000-00000000000c'$$,
  $$values (1, 1 + 24 + 16 + 16)$$, 'a version, a nonce, the address, a tag'
);
select is(
  (select count(distinct k.wrapped) from octroi_private.data_key as k), 4::bigint, 'everybody has a key of their own'
);
select is_empty(
  $$select k.user_id from octroi_private.data_key as k
    where k.operator_key_id <> (octroi_native.operator_key_ids())[1]
      or k.operator_key_id <> octroi_native.wrapping_key_id(k.wrapped)$$,
  'wrapped by the active operator key, whose name stands beside it'
);
select isnt(
  octroi_private.seal_for(:mia, 'contact.email', 'x'), octroi_private.seal_for(:mia, 'contact.email', 'x'),
  'the same sealed twice does not look the same'
);
select is(octroi_private.seal_for(:mia, 'contact.email', null), null, 'nothing is sealed as nothing');
select is(octroi_private.open_for(:mia, 'contact.email', null), null, 'and opens as nothing');

-- Moved, altered, or of another person.
create function tap.open_outcome(p_user_id uuid, p_place text, p_sealed bytea) returns text
language sql
begin atomic
select tap.outcome_of(format('select octroi_private.open_for(%L, %L, %L)', p_user_id, p_place, p_sealed));
end;
select c.email as sealed from octroi_private.contact as c where c.user_id = :mia \gset
select is(tap.open_outcome(:mia, 'contact.email', :'sealed'), '00000', 'in its place it opens');
select is(tap.open_outcome(:mia, 'contact.phone', :'sealed'), 'OC051', 'in another column it does not');
select is(tap.open_outcome(:mia, 'letter.email', :'sealed'), 'OC051', 'nor in another table');
select is(tap.open_outcome(:mia, 'contact.email/2', :'sealed'), 'OC051', 'nor in another row');
select is(tap.open_outcome(:ada, 'contact.email', :'sealed'), 'OC051', 'nor for another person');
select is(
  tap.open_outcome(:mia, 'contact.email', set_byte(:'sealed', 30, (get_byte(:'sealed', 30) + 1) % 256)), 'OC051',
  'nor with a bit flipped'
);
select is(tap.open_outcome(:mia, 'contact.email', set_byte(:'sealed', 0, 2)), 'OC051', 'nor as another version');
select is(tap.open_outcome(:mia, 'contact.email', '\x'), 'OC051', 'nor with nothing left of it');
update octroi_private.data_key as k set wrapped = o.wrapped
from octroi_private.data_key as o
where k.user_id = :ada and o.user_id = :mia;
select is(
  tap.open_outcome(:ada, 'contact.email', :'sealed'), 'OC051',
  'not even with the key of the other: who it is for is bound as well'
);
select is(tap.open_outcome(:mia, 'contact', :'sealed'), '22023', 'a place has a table and a column');
select is(tap.open_outcome(null, 'contact.email', :'sealed'), '22023', 'and a person');

-- Found without being read.
update auth.users set email = 'Mia@Example.test' where id = :mia;
select tap.play_role('octroi_support') \g /dev/null
select results_eq(
  $$select f.user_id, f.email, f.phone from octroi_private.find_person_by_email(' MIA@example.TEST ') as f$$,
  format('values (%L::uuid, %L, %L)', :mia, 'M***@E***', '+33 •• •• 12'),
  'support finds a person by any spelling of an address, and sees it masked'
);
select is_empty(
  $$select * from octroi_private.find_person_by_email('nobody@example.test')$$, 'who is not there is not found'
);
select results_eq(
  format('select c.email, c.phone from octroi_private.support_contact as c where c.user_id = %L', :sten),
  $$values ('s***@e***', null::text)$$, 'the view shows everybody, masked'
);
select is(
  tap.outcome_of('select c.email from octroi_private.contact as c'), '42501', 'what is sealed support cannot read'
);
select is(
  tap.outcome_of(format('select octroi_private.open_for(%L, %L, %L)', :mia, 'contact.email', :'sealed')), '42501',
  'nor open'
);
select is(
  tap.outcome_of('select octroi_native.operator_key_ids()'), '42501', 'the native functions are the owner''s alone'
);
select is(
  tap.outcome_of($$set local octroi.key_file = '/tmp/mine'$$), '42501', 'and the key file is a superuser''s to name'
);
select tap.clear() \g /dev/null

-- Masks.
select results_eq(
  $$select octroi_private.mask_email(m.email) from (values
    ('mia@domain.test'), ('m@d'), ('"a@b"@c.test'), ('é@ü.test'), ('nobody')
  ) as m (email)$$,
  $$values ('m***@d***'), ('m***@d***'), ('"***@c***'), ('é***@ü***'), (null)$$, 'of an address two letters remain'
);
select results_eq(
  $$select octroi_private.mask_phone(m.phone) from (values
    ('+33612345612'), ('15551234567'), ('+353 12 34 56 78'), ('447700900123'), ('12345')
  ) as m (phone)$$,
  $$values ('+33 •• •• 12'), ('+1 •• •• 67'), ('+353 •• •• 78'), ('+44 •• •• 23'), (null)$$,
  'of a number the country and two digits'
);

-- The address changes, and goes.
update auth.users set email = 'mia@new.test' where id = :mia;
select is(tap.email('mia'), 'mia@new.test', 'a new address replaces the old');
select is_empty(
  $$select * from octroi_private.find_person_by_email('mia@example.test')$$, 'by which nobody is found any more'
);
update auth.users set email = null where id = :mia;
select results_eq(
  format('select c.email is null, c.phone is not null from octroi_private.contact as c where c.user_id = %L', :mia),
  $$values (true, true)$$, 'without one the phone remains'
);
update auth.users set phone = null where id = :mia;
select is_empty(
  format('select c.user_id from octroi_private.contact as c where c.user_id = %L', :mia), 'without both, nothing'
);

-- Crypto-shredding.
select c.email as sealed from octroi_private.contact as c where c.user_id = :sten \gset
delete from octroi_private.data_key where user_id = :sten;
select is(tap.open_outcome(:sten, 'contact.email', :'sealed'), 'OC052', 'with the data key all that it sealed is gone');
select results_eq(
  format('select c.email from octroi_private.support_contact as c where c.user_id = %L', :sten),
  $$values (null::text)$$, 'for the view too, which hides nobody else for that'
);
update auth.users set email = 'sten@new.test' where id = :sten;
select is(tap.open_outcome(:sten, 'contact.email', :'sealed'), 'OC051', 'a later key does not bring it back');
select is(tap.email('sten'), 'sten@new.test', 'it seals what comes then');

-- No keys: nobody is turned away for that.
select current_setting('octroi.key_file') as key_file \gset
select set_config('octroi.key_file', '/nonexistent', true) \g /dev/null
select set_config('client_min_messages', 'error', true) \g /dev/null
update auth.users set email = 'ada@new.test' where id = :ada;
select is_empty(
  format('select c.user_id from octroi_private.contact as c where c.user_id = %L', :ada),
  'without operator keys an address is not kept, and the old one, which is wrong now, no longer'
);
insert into auth.users (id, email) values (:missing, 'late@example.test');
select is(
  (select count(*) from octroi_private.notification_setting as n where n.user_id = :missing), 1::bigint,
  'who signs up meanwhile is signed up'
);
select is(
  (select r.operator_key_problem from octroi_private.worker_ready() as r),
  'the file of octroi.key_file cannot be read: entity not found', 'and the worker is told why'
);
select is(octroi_native.operator_key_ids(), '{}', 'there are no ids then');
select is(octroi_native.new_data_key(), null, 'and no data keys');
select is(
  tap.outcome_of(format('select octroi_private.seal_for(%L, %L, %L)', :olga, 'contact.email', 'x')), 'OC050',
  'whoever asks for a seal by name is told'
);
select is(
  tap.open_outcome(:olga, 'contact.email', (select c.email from octroi_private.contact as c where c.user_id = :olga)),
  'OC050', 'so is who wants to open one'
);
select is(tap.outcome_of('select * from octroi_private.rotate_data_keys(null, 10)'), 'OC050', 'or to rotate');
select set_config('octroi.key_file', '/etc/passwd', true) \g /dev/null
select matches(
  octroi_native.operator_key_problem(), 'only its owner can read', 'a file that others can read is not read at all'
);
select set_config('octroi.key_file', :'key_file', true) \g /dev/null
select set_config('client_min_messages', 'warning', true) \g /dev/null

-- The keys are back: what was missed is caught up with.
update auth.users as u set email = u.email
where u.email is not null
  and not exists (select from octroi_private.contact as c where c.user_id = u.id);
select results_eq(
  $$select tap.email('ada'), (select count(*) from octroi_private.find_person_by_email('late@example.test'))$$,
  $$values ('ada@new.test', 1::bigint)$$, 'once they are back, touching the users in Auth catches up'
);
select is(
  tap.outcome_of('select * from octroi_private.rotate_data_keys(null, 1001)'), '22023', 'a rotation goes by batches'
);
select results_eq(
  $$select u.is_active, u.is_known, u.data_keys from octroi_private.operator_key_use() as u$$,
  $$values (true, true, 5::bigint)$$, 'one operator key wraps them all'
);
select bag_eq(
  $$select l.person, l.detail, count(*) from octroi_private.audit_log as l
    where l.action = 'contact.find' group by l.person, l.detail$$,
  format(
    $$values (octroi_private.pseudonym_of(%L), '{"found": 1}'::jsonb, 1::bigint),
      (octroi_private.pseudonym_of(%L), '{"found": 1}', 1), (null, '{"found": 0}', 2)$$, :mia, :missing
  ), 'each search is written down by who was found, and of the address not even a hash is left'
);

-- A rotation, with a key that does not open.
update octroi_private.data_key set operator_key_id = 'older' where user_id in (:mia, :olga);
update octroi_private.data_key set wrapped = set_byte(wrapped, 70, (get_byte(wrapped, 70) + 1) % 256)
where user_id = :olga;
select * from octroi_private.rotate_data_keys(null, 10) \g /dev/null
select * from octroi_private.rotate_data_keys(:missing, 10) \g /dev/null
select results_eq(
  $$select l.detail from octroi_private.audit_log as l where l.action = 'data_key.rotate'$$,
  $$select jsonb_build_object('to', (octroi_native.operator_key_ids())[1], 'rotated', 1, 'failed', 1)$$,
  'a rotation is written down: to which key, of how many; one with nothing to do is none'
);

select * from finish();
rollback;
