-- Mail, as rows: what is to be said to whom, once. When it is sent its address is opened, and it is asked again whether
-- it is still wanted.
set role octroi_owner;

create table octroi_private.notification_setting (
  user_id uuid primary key,
  usage_alerts boolean not null default true,
  locale text not null default 'en' check (locale in ('en', 'fr')),
  time_zone text check (length(time_zone) <= 100),
  -- whoever has it may turn warnings off, and nothing else
  unsubscribe_token uuid not null unique default gen_random_uuid(),
  -- the same for news
  news_token uuid not null unique default gen_random_uuid(),
  changed_at timestamptz not null default octroi_private.now()
);
comment on table octroi_private.notification_setting is 'What mail a user wants, and in which language.';

create table octroi_private.mail (
  id uuid primary key default octroi_private.uuid_v7(),
  user_id uuid not null,
  account_id uuid not null references octroi_private.account (id),
  kind text not null check (kind in (
    'threshold', 'payment_failed', 'subscription_ended', 'top_up_received', 'auto_top_up_failed', 'new_owner',
    'news', 'breach', 'invitation'
  )),
  dedupe_key text not null unique check (length(dedupe_key) <= 300),
  data jsonb not null check (jsonb_typeof(data) = 'object'),
  state text not null default 'queued' check (state in (
    'queued', 'sending', 'sent', 'refused', 'unknown', 'cancelled'
  )),
  attempt integer not null default 0 check (attempt >= 0),
  detail text check (length(detail) <= 500),
  created_at timestamptz not null,
  -- of no use to anybody after that
  expires_at timestamptz not null,
  finished_at timestamptz,
  constraint mail_finished_or_not check ((state in ('queued', 'sending')) = (finished_at is null))
);
comment on table octroi_private.mail is 'Mail to users: queued, sending, then sent, refused, unknown or cancelled.';
create index mail_finished on octroi_private.mail (finished_at) where finished_at is not null;
create index mail_user on octroi_private.mail (user_id);

create function octroi_private.is_contractual(p_kind text)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select p_kind not in ('threshold', 'news')
$$;

-- Whether a mail may go to somebody, as their wishes and consents stand.
create function octroi_private.is_wanted(p_user_id uuid, p_kind text)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return octroi_private.is_contractual(p_kind)
    or octroi_private.has_consent(p_user_id, case p_kind when 'threshold' then 'usage_alerts' else p_kind end);
end
$$;

create function octroi_private.enqueue_mail(
  p_account_id uuid, p_user_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamptz
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_id uuid;
begin
  insert into octroi_private.mail (user_id, account_id, kind, dedupe_key, data, created_at, expires_at)
  select
    p_user_id, p_account_id, p_kind, format('%s:%s:%s', p_kind, p_key, p_user_id),
    p_data || jsonb_build_object('account_id', p_account_id, 'links', jsonb_build_object(
      'upgrade', s.upgrade_url, 'top_up', s.top_up_url, 'billing', s.billing_url
    )), v_now, p_expires_at
  from octroi_private.billing_setting as s
  on conflict (dedupe_key) do nothing
  returning id into v_id;
  if v_id is null then
    return false;
  end if;
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('send_mail', jsonb_build_object('mail_id', v_id), v_now, 20);
  return true;
end
$$;

-- To everybody who looks after an account.
create function octroi_private.enqueue_mail_to_owners(
  p_account_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamptz
)
returns integer
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where octroi_private.enqueue_mail(
    p_account_id, m.user_id, p_kind, p_key, p_data, p_expires_at
  ))::integer
  from octroi_private.member as m
  where m.account_id = p_account_id and m.role in ('owner', 'admin')
$$;

create function octroi_private.claim_mail(p_mail_id uuid)
returns table (
  mail_id uuid, attempt integer, kind text, is_contractual boolean, dedupe_key text, created_at timestamptz,
  address text, locale text, time_zone text, account_name text, unsubscribe_token text, data jsonb
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_mail octroi_private.mail;
  v_address bytea;
  -- of an invitation, which goes to an address that may be nobody's yet
  v_invited text;
  v_locale text;
  v_data jsonb;
  v_is_addressed boolean;
  v_end text;
begin
  select m.* into v_mail from octroi_private.mail as m where m.id = p_mail_id for update;
  if v_mail.id is null or v_mail.finished_at is not null then
    return;
  end if;
  if v_mail.kind = 'invitation' then
    select i.address, i.locale, i.data into v_invited, v_locale, v_data
    from octroi_private.open_invitation_mail(v_mail) as i;
  else
    select c.email into v_address from octroi_private.contact as c where c.user_id = v_mail.user_id;
  end if;
  v_is_addressed := num_nonnulls(v_address, v_invited) > 0;
  v_end := case
    when v_mail.state = 'sending' and not octroi_private.is_contractual(v_mail.kind) then 'unknown'
    when not v_is_addressed or v_mail.expires_at <= v_now
      or not octroi_private.is_wanted(v_mail.user_id, v_mail.kind) then 'cancelled'
  end;
  if v_end is not null then
    update octroi_private.mail as m
    set state = v_end, finished_at = v_now, detail = case
      when v_end = 'unknown' then 'an earlier attempt may have been delivered'
      when not v_is_addressed and v_mail.kind <> 'invitation' then 'no address'
      when not v_is_addressed or v_mail.expires_at <= v_now then 'of no use any more'
      else 'not wanted'
    end
    where m.id = p_mail_id;
    return;
  end if;
  update octroi_private.mail as m set attempt = m.attempt + 1, state = 'queued' where m.id = p_mail_id;
  return query
  select
    v_mail.id, v_mail.attempt + 1, v_mail.kind, octroi_private.is_contractual(v_mail.kind), v_mail.dedupe_key,
    v_mail.created_at, coalesce(v_invited, octroi_private.open_for(v_mail.user_id, 'contact.email', v_address)),
    coalesce(v_locale, n.locale, 'en'), case when v_invited is null then n.time_zone end,
    case when a.kind = 'team' then a.name end,
    case v_mail.kind when 'threshold' then n.unsubscribe_token when 'news' then n.news_token end::text,
    coalesce(v_data, v_mail.data)
  from octroi_private.account as a
  left join octroi_private.notification_setting as n on n.user_id = v_mail.user_id
  where a.id = v_mail.account_id;
end
$$;
comment on function octroi_private.claim_mail(uuid) is
'A mail to be sent now, with the attempt as a fence; no row when there is nothing to send any more. Raises OC050, OC051.';

create function octroi_private.begin_mail(p_mail_id uuid, p_attempt integer)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mail octroi_private.mail;
begin
  select m.* into v_mail from octroi_private.mail as m where m.id = p_mail_id;
  -- Whoever takes back a consent holds this row until that is committed; the wish is read after it. Settings before
  -- mail, as whoever turns mail off takes them.
  perform from octroi_private.notification_setting as n where n.user_id = v_mail.user_id for share;
  if not octroi_private.is_wanted(v_mail.user_id, v_mail.kind) then
    update octroi_private.mail
    set state = 'cancelled', detail = 'not wanted', finished_at = octroi_private.now()
    where id = p_mail_id and attempt = p_attempt and state = 'queued';
    return false;
  end if;
  update octroi_private.mail set state = 'sending' where id = p_mail_id and attempt = p_attempt and state = 'queued';
  return found;
end
$$;
comment on function octroi_private.begin_mail(uuid, integer) is
'Says that a mail may be delivered from now on; false when the attempt is not the latest, or the mail was cancelled or became unwanted meanwhile.';

create function octroi_private.mark_mail(p_mail_id uuid, p_attempt integer, p_outcome text, p_detail text)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
begin
  if p_outcome not in ('sent', 'refused', 'deferred', 'unknown') then
    raise exception 'unknown outcome % of a mail', p_outcome using errcode = 'OC001';
  end if;
  update octroi_private.mail as m
  set state = next.state, detail = left(p_detail, 500),
    finished_at = case when next.state in ('queued', 'sending') then null else octroi_private.now() end
  from (
    select case
      when p_outcome = 'deferred' then 'queued'
      -- better twice than never where a contract is at stake; better never than twice otherwise
      when p_outcome = 'unknown' and octroi_private.is_contractual(k.kind) then 'queued'
      else p_outcome
    end as state
    from octroi_private.mail as k where k.id = p_mail_id
  ) as next
  where m.id = p_mail_id and m.attempt = p_attempt and m.finished_at is null
  returning m.state into v_state;
  return coalesce(v_state, (select m.state from octroi_private.mail as m where m.id = p_mail_id));
end
$$;
comment on function octroi_private.mark_mail(uuid, integer, text, text) is
'What became of an attempt: sent, refused, deferred or unknown. Returns the state of the mail.';

-- A mail whose job was given up will not be sent; one that may be out already stays unknown.
create function octroi_private.give_up_mail()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update octroi_private.mail as m
  set state = case m.state when 'sending' then 'unknown' else 'cancelled' end,
    detail = left('given up: ' || coalesce(new.last_error, 'no reason known'), 500), finished_at = octroi_private.now()
  -- as text: an unreadable id must not keep its job from ending
  where m.id::text = new.args ->> 'mail_id' and m.finished_at is null;
  return null;
end
$$;
create trigger mail_given_up after update of state on octroi_private.job
for each row when (new.kind = 'send_mail' and new.state in ('dead', 'cancelled'))
execute function octroi_private.give_up_mail();

create function octroi_private.unsubscribe(p_token text, p_act boolean)
returns table (found boolean, locale text, is_unsubscribed boolean, purpose text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_token uuid := case when p_token ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_token::uuid end;
  v_user_id uuid;
  v_locale text;
  v_purpose text;
begin
  select n.user_id, n.locale, case n.news_token when v_token then 'news' else 'usage_alerts' end
  into v_user_id, v_locale, v_purpose
  from octroi_private.notification_setting as n
  where n.unsubscribe_token = v_token or n.news_token = v_token;
  if p_act and v_user_id is not null then
    perform octroi_private.decide_consent(v_user_id, v_purpose, false, null, 'link');
  end if;
  return query select
    v_user_id is not null, coalesce(v_locale, 'en'),
    v_user_id is not null and not octroi_private.has_consent(v_user_id, v_purpose), v_purpose;
end
$$;
comment on function octroi_private.unsubscribe(text, boolean) is
'Takes back the consent that a token stands for, warnings or news, or only looks. An unknown token finds nothing and changes nothing.';

-- The same, for an edge function.
create function octroi.unsubscribe(token text, act boolean)
returns table (found boolean, locale text, is_unsubscribed boolean, purpose text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.found, u.locale, u.is_unsubscribed, u.purpose
  from octroi_private.unsubscribe(unsubscribe.token, unsubscribe.act) as u
$$;
comment on function octroi.unsubscribe(text, boolean) is
'For the page behind a mail''s unsubscribe link: looks a token up, and with act takes back the consent it stands for, usage_alerts or news.';

reset role;
