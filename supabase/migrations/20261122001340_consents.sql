-- Consent: what somebody agreed to, in which words, when and how; and what they took back. Rows are added and never
-- changed. They leave only with the person, whose erasure says how many there were.
--
-- `usage_alerts` is part of the service until it is declined; what everything looks at is the person's setting. `news`
-- and `prompt_logging` need a consent first. Whoever takes one back holds the row of their settings until that is
-- committed, and a mail about to go waits for that row: no mail begins after a withdrawal.
set role octroi_owner;

create table octroi_private.consent_policy (
  purpose text not null check (purpose in ('usage_alerts', 'news', 'prompt_logging')),
  version text not null check (version ~ '^[A-Za-z0-9._-]{1,40}$'),
  policy_text text not null check (length(policy_text) between 1 and 20000),
  text_hash bytea not null,
  published_at timestamptz not null default octroi_private.now(),
  primary key (purpose, version),
  constraint consent_policy_hash_is_of_text check (text_hash = sha256(convert_to(policy_text, 'utf8')))
);
comment on table octroi_private.consent_policy is 'The words that people agree to, by purpose and version. Append-only.';

create table octroi_private.consent (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  purpose text not null,
  is_given boolean not null,
  policy_version text not null,
  text_hash bytea not null check (octet_length(text_hash) = 32),
  -- an RPC, the settings, the link in a mail
  method text not null check (method in ('rpc', 'settings', 'link')),
  decided_at timestamptz not null,
  foreign key (purpose, policy_version) references octroi_private.consent_policy (purpose, version)
);
comment on table octroi_private.consent is
'Every consent given and taken back, with the hash of the words. Append-only for as long as the person is there.';
create index consent_user on octroi_private.consent (user_id, purpose, id);
create index consent_purpose on octroi_private.consent (purpose, policy_version);

create trigger consent_policy_append_only
before update or delete or truncate on octroi_private.consent_policy
for each statement execute function octroi_private.refuse_change();
create trigger consent_append_only
before update or truncate on octroi_private.consent
for each statement execute function octroi_private.refuse_change();

-- Asked when the transaction ends, so that an erasure may delete in any order.
create function octroi_private.refuse_loss_of_consent()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if octroi_private.pseudonym_of(old.user_id) is not null then
    raise exception 'consents leave with the person only' using errcode = 'OC003';
  end if;
  return null;
end
$$;
create constraint trigger consent_leaves_with_person
after delete on octroi_private.consent
deferrable initially deferred
for each row execute function octroi_private.refuse_loss_of_consent();

create trigger consent_audited
after insert on octroi_private.consent
for each row execute function octroi_private.audit('consent');
create trigger consent_policy_audited
after insert on octroi_private.consent_policy
for each row execute function octroi_private.audit('consent_policy');

-- From then on consent is given to these words; what was given to others stands.
create function octroi_private.publish_policy(p_purpose text, p_version text, p_text text)
returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into octroi_private.consent_policy (purpose, version, policy_text, text_hash)
  values (p_purpose, p_version, p_text, sha256(convert_to(p_text, 'utf8')))
  returning encode(text_hash, 'hex')
$$;
comment on function octroi_private.publish_policy(text, text, text) is
'Registers the words of a purpose and returns their SHA-256. Raises 23505 for a version that is there, 23514 for a purpose that is none.';

-- Words to begin with; the operator publishes their own.
select octroi_private.publish_policy(p.purpose, '1', p.words)
from (values
  (
    'usage_alerts',
    'We write to you when 80, 90 and 100 % of what you may use is used up. This is part of the service until you '
    || 'decline it.'
  ),
  (
    'news',
    'We may write to you about what is new in this service. You can take this back at any time, with one click in '
    || 'each mail.'
  ),
  (
    'prompt_logging',
    'We may keep the text of your requests and of the answers to improve the service. You can take this back at any '
    || 'time.'
  )
) as p (purpose, words);

create function octroi_private.policy_in_force(p_purpose text)
returns octroi_private.consent_policy
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select p from octroi_private.consent_policy as p
  where p.purpose = p_purpose
  order by p.published_at desc, p.version desc
  limit 1
$$;

-- The latest decision of somebody about a purpose.
create function octroi_private.decision_on(p_user_id uuid, p_purpose text)
returns octroi_private.consent
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select c from octroi_private.consent as c
  where c.user_id = p_user_id and c.purpose = p_purpose
  order by c.id desc
  limit 1
$$;

create function octroi_private.has_consent(p_user_id uuid, p_purpose text)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case p_purpose
    when 'usage_alerts' then coalesce(
      (select n.usage_alerts from octroi_private.notification_setting as n where n.user_id = p_user_id), true
    )
    else coalesce((octroi_private.decision_on(p_user_id, p_purpose)).is_given, false)
  end
$$;
comment on function octroi_private.has_consent(uuid, text) is
'Whether a purpose may be processed for somebody now. Whoever processes one asks this, in the transaction that decides.';

-- Gives or takes back; false when that is how it stood. A null version means the words in force.
create function octroi_private.decide_consent(
  p_user_id uuid, p_purpose text, p_is_given boolean, p_version text, p_method text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy octroi_private.consent_policy := octroi_private.policy_in_force(p_purpose);
  v_last octroi_private.consent;
begin
  if v_policy.purpose is null then
    raise exception 'no purpose %', left(p_purpose, 40) using errcode = '22023',
      hint = 'my_consents() lists them: usage_alerts, news, prompt_logging.';
  elsif p_is_given and p_version <> v_policy.version then
    raise exception 'version % is not in force', left(p_version, 40) using errcode = '22023',
      hint = 'Show the words that my_consents() has now, then ask again.';
  end if;
  insert into octroi_private.notification_setting (user_id) values (p_user_id) on conflict do nothing;
  perform from octroi_private.notification_setting as n where n.user_id = p_user_id for no key update;
  v_last := octroi_private.decision_on(p_user_id, p_purpose);
  if octroi_private.has_consent(p_user_id, p_purpose) = p_is_given
    and (not p_is_given or v_last.policy_version = v_policy.version or p_method <> 'rpc') then
    return false;
  end if;
  insert into octroi_private.consent (user_id, purpose, is_given, policy_version, text_hash, method, decided_at)
  select p_user_id, p_purpose, p_is_given, p.version, p.text_hash, p_method, octroi_private.now()
  from octroi_private.consent_policy as p
  -- taken back is what was given
  where p.purpose = p_purpose and p.version = case
    when p_is_given then v_policy.version else coalesce(v_last.policy_version, v_policy.version)
  end;
  if p_purpose = 'usage_alerts' then
    update octroi_private.notification_setting as n
    set usage_alerts = p_is_given, changed_at = octroi_private.now()
    where n.user_id = p_user_id and n.usage_alerts <> p_is_given;
  end if;
  return true;
end
$$;

create function octroi.give_consent(purpose text, policy_version text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.require_step_up();
  perform octroi_private.require_user();
  if give_consent.purpose is null or give_consent.policy_version is null then
    raise exception 'consent is given to a purpose and a version of its words' using errcode = '22023';
  end if;
  return octroi_private.decide_consent(
    (select auth.uid()), give_consent.purpose, true, give_consent.policy_version, 'rpc'
  );
end
$$;
comment on function octroi.give_consent(text, text) is
'Consents to a purpose in the words of the version that is in force; false when that was given already. Raises OC040, OC020, 22023.';

create function octroi.withdraw_consent(purpose text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.require_user();
  return octroi_private.decide_consent((select auth.uid()), withdraw_consent.purpose, false, null, 'rpc');
end
$$;
comment on function octroi.withdraw_consent(text) is
'Takes a consent back, at once and without conditions; false when there was none. Raises OC020, 22023.';

create function octroi.my_consents()
returns table (
  purpose text, is_given boolean, policy_version text, method text, decided_at timestamptz, current_version text,
  current_text text, current_text_hash text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform octroi_private.require_user();
  return query
  select
    p.purpose, octroi_private.has_consent((select auth.uid()), p.purpose), d.policy_version, d.method, d.decided_at,
    f.version, f.policy_text, encode(f.text_hash, 'hex')
  from (select distinct k.purpose from octroi_private.consent_policy as k) as p
  cross join lateral octroi_private.policy_in_force(p.purpose) as f
  cross join lateral octroi_private.decision_on((select auth.uid()), p.purpose) as d
  order by p.purpose;
end
$$;
comment on function octroi.my_consents() is
'Each purpose: whether it may be processed, what the caller last decided about it, and the words in force. Raises OC020.';

-- A letter in the languages that mail is written in: {"en": {"subject", "paragraphs"}, "fr": {…}, "url"}.
create function octroi_private.is_letter(p_letter jsonb)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    jsonb_typeof(p_letter) = 'object' and p_letter - array['en', 'fr', 'url'] = '{}' and p_letter ? 'en'
    and coalesce(octroi_private.origin_of(p_letter ->> 'url') is not null or not p_letter ? 'url', false)
    and not exists (
      select from jsonb_each(p_letter - 'url') as l
      where case
        when jsonb_typeof(l.value) <> 'object' or jsonb_typeof(l.value -> 'paragraphs') is distinct from 'array' then true
        else l.value - array['subject', 'paragraphs'] <> '{}'
          or jsonb_typeof(l.value -> 'subject') is distinct from 'string'
          or length(l.value ->> 'subject') not between 1 and 200
          or jsonb_array_length(l.value -> 'paragraphs') not between 1 and 20
          or exists (
            select from jsonb_array_elements(l.value -> 'paragraphs') as p (item)
            where jsonb_typeof(p.item) <> 'string' or length(p.item #>> '{}') not between 1 and 2000
          )
      end
    ), false
  )
$$;

-- Mails are kept for a week at least: within it they tell who had a letter, and nobody is written to after it.
create table octroi_private.news_letter (
  key text primary key,
  begun_at timestamptz not null
);
comment on table octroi_private.news_letter is 'Letters that were announced, each under its key.';

create function octroi_private.announce(p_key text, p_letter jsonb, p_max_rows integer default 10000)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_written integer;
begin
  if not octroi_private.is_letter(p_letter) then
    raise exception 'a letter is {"en": {"subject": …, "paragraphs": […]}}, with "fr" alike and "url" if there is one'
      using errcode = '22023';
  elsif p_key is null or p_key !~ '^[A-Za-z0-9._-]{1,100}$' then
    raise exception 'the key of a letter has 1 to 100 letters, digits, dots and dashes' using errcode = '22023';
  end if;
  insert into octroi_private.news_letter (key, begun_at) values (p_key, v_now) on conflict (key) do nothing;
  if (select n.begun_at from octroi_private.news_letter as n where n.key = p_key) <= v_now - interval '7 days' then
    raise exception 'letter % was announced more than a week ago', p_key using errcode = '22023',
      hint = 'Who had it is not known any more: another letter takes another key.';
  end if;
  select count(*) filter (where octroi_private.enqueue_mail(
    r.account_id, r.user_id, 'news', p_key, p_letter, v_now + interval '7 days'
  )) into v_written
  from (
    select a.id as account_id, a.owner_user_id as user_id
    from octroi_private.account as a
    where a.kind = 'personal' and a.status = 'active' and octroi_private.has_consent(a.owner_user_id, 'news')
      and not exists (
        select from octroi_private.mail as m where m.dedupe_key = format('news:%s:%s', p_key, a.owner_user_id)
      )
    order by a.owner_user_id
    limit greatest(p_max_rows, 0)
  ) as r;
  perform octroi_private.record_audit(
    'news.announce', null, p_key, jsonb_build_object('mails', v_written, 'subject', p_letter -> 'en' ->> 'subject'),
    null
  );
  return v_written;
end
$$;
comment on function octroi_private.announce(text, jsonb, integer) is
'Writes news to everybody who consented, once for a key; how many mails were written. Call it again until that is 0, within a week. Raises 22023.';

reset role;
