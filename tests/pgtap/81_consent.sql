-- Consent: given in words that are registered, taken back as easily, and asked before anything is done with it.
begin;
\ir setup/cast.sql
select plan(49);

create function tap.news_to(p_user uuid) returns octroi_private.mail
language sql
stable
begin atomic
select m from octroi_private.mail as m where m.user_id = p_user and m.kind = 'news' order by m.id desc limit 1;
end;
create function tap.consents_of(p_user uuid) returns setof text
language sql
stable
begin atomic
select format('%s %s %s by %s', c.purpose, c.is_given, c.policy_version, c.method)
from octroi_private.consent as c where c.user_id = p_user order by c.id;
end;
\set letter '{"en": {"subject": "New models", "paragraphs": ["There are some."]}, "url": "https://app.example/new"}'

-- How it stands before anybody said anything.
select tap.play(:olga) \g /dev/null
select results_eq(
  'select c.purpose, c.is_given, c.policy_version, c.current_version from octroi.my_consents() as c',
  $$values
    ('news', false, null::text, '1'), ('prompt_logging', false, null, '1'), ('usage_alerts', true, null, '1')$$,
  'warnings are part of the service, nothing else is done without consent'
);
select is(
  (select c.current_text_hash from octroi.my_consents() as c where c.purpose = 'news'),
  (
    select encode(sha256(convert_to(c.current_text, 'utf8')), 'hex') from octroi.my_consents() as c
    where c.purpose = 'news'
  ),
  'the words are shown with their hash'
);

-- Given.
select is(octroi.give_consent('news', '1'), true, 'olga consents');
select is(octroi.give_consent('news', '1'), false, 'once');
select is(tap.outcome_of($$select octroi.give_consent('profiling', '1')$$), '22023', 'not to what is no purpose');
select is(tap.outcome_of($$select octroi.give_consent('news', '2')$$), '22023', 'nor to words that are not there');
select is(tap.outcome_of($$select octroi.give_consent('news', null)$$), '22023', 'nor to none');
select is(tap.outcome_of($$select octroi.give_consent(null, '1')$$), '22023', 'nor for nothing');
select results_eq(
  $$select c.is_given, c.policy_version, c.method, c.decided_at > now() - interval '1 minute'
    from octroi.my_consents() as c where c.purpose = 'news'$$,
  $$values (true, '1', 'rpc', true)$$, 'she sees what she said, how and when'
);
select tap.clear() \g /dev/null
select is(octroi_private.has_consent(:olga, 'news'), true, 'so it may be done for her');
select is(octroi_private.has_consent(:ada, 'news'), false, 'and for nobody else');
select is(octroi_private.has_consent(:olga, 'prompt_logging'), false, 'nor anything else');
select is(octroi_private.has_consent(:olga, 'profiling'), false, 'a purpose that is none is never allowed');
select is(
  (
    select c.text_hash from octroi_private.consent as c where c.user_id = :olga
  ), (select p.text_hash from octroi_private.consent_policy as p where p.purpose = 'news' and p.version = '1'),
  'the hash of the words is kept'
);

-- New words: what was given stands, and who consents now consents to them.
select octroi_private.publish_policy('news', '2', 'Other words.') \g /dev/null
select is(octroi_private.has_consent(:olga, 'news'), true, 'what was given stands');
select tap.play(:olga) \g /dev/null
select is(tap.outcome_of($$select octroi.give_consent('news', '1')$$), '22023', 'old words are not agreed to any more');
select is(octroi.give_consent('news', '2'), true, 'she agrees to the new ones');
select tap.clear() \g /dev/null

-- News go to whom they may go, once.
select is(octroi_private.announce('2026-11', :'letter'), 1, 'news are written to who consented');
select is(octroi_private.announce('2026-11', :'letter'), 0, 'once');
select is(octroi_private.announce('2026-12', :'letter', 0), 0, 'no more than asked for');
select results_eq(
  format(
    $$select c.kind, c.is_contractual, c.address, c.unsubscribe_token, c.data -> 'en' ->> 'subject'
    from octroi_private.claim_mail((tap.news_to(%L)).id) as c$$, :olga
  ),
  format(
    $$select 'news', false, 'olga@example.test', n.news_token::text, 'New models'
    from octroi_private.notification_setting as n where n.user_id = %L$$, :olga
  ), 'with a link of their own to stop them'
);
create function tap.announce_outcome(p_key text, p_letter jsonb) returns text
language sql
begin atomic
select tap.outcome_of(format('select octroi_private.announce(%L, %L)', p_key, p_letter));
end;
select is(tap.announce_outcome(k.key, k.letter::jsonb), '22023', 'no letter: ' || left(k.letter, 60))
from (values
  ('a b', :'letter'), ('x', '{}'), ('x', '[]'), ('x', 'null'),
  ('x', '{"fr": {"subject": "x", "paragraphs": ["x"]}}'),
  ('x', '{"en": {"subject": "x", "paragraphs": []}}'),
  ('x', '{"en": {"subject": "x", "paragraphs": [1]}}'),
  ('x', '{"en": {"subject": "x", "paragraphs": ["x"], "html": "x"}}'),
  ('x', '{"en": {"subject": "x", "paragraphs": ["x"]}, "url": "javascript:x"}')
) as k (key, letter);

-- Taken back between the claim and the send.
select n.news_token as token from octroi_private.notification_setting as n where n.user_id = :olga \gset
select results_eq(
  format('select * from octroi_private.unsubscribe(%L, false)', :'token'), $$values (true, 'en', false, 'news')$$,
  'the link shows how things are'
);
select results_eq(
  format('select * from octroi_private.unsubscribe(%L, true)', :'token'), $$values (true, 'en', true, 'news')$$,
  'and one click takes the consent back'
);
select is(
  octroi_private.begin_mail((tap.news_to(:olga)).id, 1), false, 'a mail that was about to go does not'
);
select results_eq(
  format('select (tap.news_to(%L)).state, (tap.news_to(%L)).detail', :olga, :olga),
  $$values ('cancelled', 'not wanted')$$,
  'and never will'
);
select is(octroi_private.has_consent(:olga, 'usage_alerts'), true, 'warnings go on');
select bag_eq(
  format('select tap.consents_of(%L)', :olga),
  array['news t 1 by rpc', 'news t 2 by rpc', 'news f 2 by link'], 'all of it is kept, in the words it was about'
);

-- Warnings: the same, by three ways.
select tap.play(:ada) \g /dev/null
select is(octroi.withdraw_consent('usage_alerts'), true, 'ada wants no warnings');
select is(octroi.withdraw_consent('usage_alerts'), false, 'which she says once');
select is(octroi.set_notifications() -> 'usage_alerts', 'false', 'her settings know');
select is(octroi.set_notifications(usage_alerts => true) -> 'usage_alerts', 'true', 'and turn them on again');
select is(
  tap.outcome_of($$select octroi.withdraw_consent('profiling')$$), '22023', 'what is no purpose is not taken back'
);
select tap.clear() \g /dev/null
select bag_eq(
  format('select tap.consents_of(%L)', :ada),
  array['usage_alerts f 1 by rpc', 'usage_alerts t 1 by settings'], 'whichever way, it is a consent'
);
select is(
  (select count(*) from octroi_private.audit_log as l where l.action = 'consent.insert'), 5::bigint, 'and is audited'
);

-- Kept for as long as the person.
select is(
  tap.outcome_of('update octroi_private.consent set is_given = true'), 'OC003', 'what was said is not rewritten'
);
select is(tap.outcome_of('truncate octroi_private.consent'), 'OC003', 'nor thrown away');
set constraints octroi_private.consent_leaves_with_person immediate;
select is(tap.outcome_of('delete from octroi_private.consent'), 'OC003', 'nor taken out');
delete from octroi_private.person where user_id = :ada;
select is(
  tap.outcome_of(format('delete from octroi_private.consent where user_id = %L', :ada)), '00000',
  'it leaves with the person'
);

-- A mail whose job is given up is not left waiting.
select tap.play(:sten) \g /dev/null
select octroi.give_consent('news', '2') \g /dev/null
select tap.clear() \g /dev/null
select octroi_private.announce('2027-01', :'letter') \g /dev/null
update octroi_private.job set state = 'dead', finished_at = now(), last_error = 'no server'
where kind = 'send_mail' and args ->> 'mail_id' = (tap.news_to(:sten)).id::text;
select results_eq(
  format('select (tap.news_to(%L)).state, (tap.news_to(%L)).detail', :sten, :sten),
  $$values ('cancelled', 'given up: no server')$$, 'it ends with its job'
);
select tap.play(:missing) \g /dev/null
select is(tap.outcome_of('select octroi.my_consents()'), 'OC020', 'nobody has consents');

select * from finish();
rollback;
