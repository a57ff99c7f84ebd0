-- Mail: to whom, in which words' language, once, and not at all where it is not wanted any more.
begin;
\ir setup/cast.sql
select plan(34);

create function tap.mail_to(p_account uuid, p_kind text, p_key text) returns integer
language sql
begin atomic
select octroi_private.enqueue_mail_to_owners(p_account, p_kind, p_key, '{"amount": 5}',
  octroi_private.now() + interval '1 day');
end;
create function tap.mail_of(p_user uuid, p_key text) returns uuid
language sql
stable
begin atomic
select m.id from octroi_private.mail as m where m.user_id = p_user and m.dedupe_key like '%:' || p_key || ':%';
end;

select is(tap.mail_to(:team, 'threshold', '1'), 2, 'what concerns a team goes to its owner and its admin');
select is(tap.mail_to(:team, 'threshold', '1'), 0, 'once');
select is(
  (select count(*) from octroi_private.job as j where j.kind = 'send_mail'), 2::bigint, 'each has a job'
);
select tap.mail_of(:olga, '1') as mail, tap.mail_of(:ada, '1') as other \gset

-- Languages and zones are the reader's.
select tap.play(:olga) \g /dev/null
select is(
  octroi.set_notifications(locale => 'fr', time_zone => 'Europe/Paris'),
  '{"locale": "fr", "time_zone": "Europe/Paris", "usage_alerts": true}', 'olga reads French'
);
select is(tap.outcome_of($$select octroi.set_notifications(locale => 'tlh')$$), '22023', 'not any language');
select is(tap.outcome_of($$select octroi.set_notifications(time_zone => 'Mars/Olympus')$$), '22023', 'nor any zone');
select tap.clear() \g /dev/null
select results_eq(
  format(
    'select c.attempt, c.kind, c.is_contractual, c.address, c.locale, c.time_zone, c.account_name, c.data ->> ''amount''
    from octroi_private.claim_mail(%L) as c', :'mail'
  ),
  $$values (1, 'threshold', false, 'olga@example.test', 'fr', 'Europe/Paris', 'Team', '5')$$,
  'a mail is claimed with all of that'
);
select results_eq(
  format(
    'select c.locale, c.time_zone, c.unsubscribe_token is not null from octroi_private.claim_mail(%L) as c', :'other'
  ), $$values ('en', null::text, true)$$, 'who said nothing reads English'
);

-- One attempt after another.
select is(octroi_private.mark_mail(:'mail', 1, 'deferred', '450 busy'), 'queued', 'put off, it is tried again');
select is((select c.attempt from octroi_private.claim_mail(:'mail') as c), 2, 'as a second attempt');
select is(octroi_private.begin_mail(:'mail', 1), false, 'the first one may not deliver any more');
select is(octroi_private.begin_mail(:'mail', 2), true, 'the second may');
select is(octroi_private.mark_mail(:'mail', 1, 'refused', ''), 'sending', 'nor may the first say what became of it');
select is(octroi_private.mark_mail(:'mail', 2, 'sent', '250 ok'), 'sent', 'sent');
select is((select c.attempt from octroi_private.claim_mail(:'mail') as c), null, 'and never again');
select is(octroi_private.mark_mail(:'mail', 2, 'deferred', ''), 'sent', 'whatever is said later');

-- A worker dies while it delivers. A warning is not sent twice; what a contract needs is.
select octroi_private.begin_mail(:'other', 1) \g /dev/null
select is(
  (select c.attempt from octroi_private.claim_mail(:'other') as c), null,
  'a warning that may have arrived is not sent again'
);
select is((select m.state from octroi_private.mail as m where m.id = :'other'), 'unknown', 'and stays unknown');
select tap.mail_to(:team, 'payment_failed', '2') \g /dev/null
select tap.mail_of(:olga, '2') as mail \gset
select octroi_private.claim_mail(:'mail') \g /dev/null
select octroi_private.begin_mail(:'mail', 1) \g /dev/null
select results_eq(
  format('select c.attempt, c.is_contractual, c.unsubscribe_token from octroi_private.claim_mail(%L) as c', :'mail'),
  $$values (2, true, null::text)$$, 'what a contract needs is, and cannot be switched off'
);
select is(octroi_private.mark_mail(:'mail', 2, 'unknown', 'no reply'), 'queued', 'also when its outcome is unknown');

-- Switched off between the writing and the sending.
select tap.mail_to(:team, 'threshold', '3') \g /dev/null
select n.unsubscribe_token as token from octroi_private.notification_setting as n where n.user_id = :ada \gset
select results_eq(
  format('select * from octroi_private.unsubscribe(%L, false)', :'token'),
  $$values (true, 'en', false, 'usage_alerts')$$,
  'a link in a mail shows how things are'
);
select results_eq(
  format('select * from octroi_private.unsubscribe(%L, true)', upper(:'token')),
  $$values (true, 'en', true, 'usage_alerts')$$,
  'and one click ends it'
);
select results_eq(
  format('select * from octroi_private.unsubscribe(%L, true)', :'token'), $$values (true, 'en', true, 'usage_alerts')$$,
  'again: the same'
);
select results_eq(
  $$select * from octroi_private.unsubscribe('guess', true)$$, $$values (false, 'en', false, null::text)$$,
  'a guess finds nobody'
);
select is(
  (select count(*) from octroi_private.notification_setting as n where not n.usage_alerts), 1::bigint,
  'and changes nothing'
);
select is(
  (select c.attempt from octroi_private.claim_mail(tap.mail_of(:ada, '3')) as c), null,
  'a warning that waits is not sent'
);
select is(
  (select m.detail from octroi_private.mail as m where m.id = tap.mail_of(:ada, '3')),
  'not wanted', 'because it is not wanted'
);
select is(
  (select c.address from octroi_private.claim_mail(tap.mail_of(:ada, '2')) as c), 'ada@example.test',
  'what a contract needs is sent all the same'
);

-- The address is Auth's, as it is when the mail goes.
update auth.users set email = 'olga@new.test' where id = :olga;
select is(
  (select c.address from octroi_private.claim_mail(tap.mail_of(:olga, '3')) as c), 'olga@new.test', 'a new address'
);
update auth.users set email = e'olga@new.test\r\nBcc: all@example.test' where id = :olga;
select is(
  (select c.address from octroi_private.claim_mail(tap.mail_of(:olga, '3')) as c), 'olga@new.test', 'a trick is none'
);
select tap.mail_to(:team, 'threshold', '4') \g /dev/null
update octroi_private.mail set expires_at = octroi_private.now() where id = tap.mail_of(:olga, '4');
select is(
  (select c.attempt from octroi_private.claim_mail(tap.mail_of(:olga, '4')) as c), null,
  'what is of no use any more is not sent'
);

-- A user who is gone.
select tap.mail_to(tap.personal('mia'), 'top_up_received', '5') \g /dev/null
delete from auth.users where id = :mia;
select is(
  (select c.attempt from octroi_private.claim_mail(tap.mail_of(:mia, '5')) as c), null, 'nothing goes to who is gone'
);
select is_empty(
  format('select c.user_id from octroi_private.contact as c where c.user_id = %L', :mia),
  'and the address is gone as well'
);
select ok(
  not exists (select from octroi_private.mail as m where m.data::text like '%@%'),
    'no mail holds an address while it waits'
);

select * from finish();
rollback;
