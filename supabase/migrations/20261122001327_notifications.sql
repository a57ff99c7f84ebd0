-- What mail a user gets, and in which words.
set role octroi_owner;

create function octroi.set_notifications(
  usage_alerts boolean default null, locale text default null, time_zone text default null
)
returns jsonb
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_after jsonb;
begin
  perform octroi_private.require_user();
  -- turning warnings off must be as easy as it can be
  if set_notifications.usage_alerts then
    perform octroi_private.require_step_up();
  end if;
  if set_notifications.locale not in ('en', 'fr') then
    raise exception 'locale is en or fr' using errcode = '22023';
  elsif set_notifications.time_zone is not null and not exists (
    select from pg_catalog.pg_timezone_names as z where z.name = set_notifications.time_zone
  ) then
    raise exception 'time_zone is a name like Europe/Paris' using errcode = '22023';
  end if;
  insert into octroi_private.notification_setting as n (user_id, locale, time_zone, changed_at)
  values (
    (select auth.uid()), coalesce(set_notifications.locale, 'en'), set_notifications.time_zone, octroi_private.now()
  )
  on conflict (user_id) do update
  set locale = coalesce(set_notifications.locale, n.locale),
    time_zone = coalesce(set_notifications.time_zone, n.time_zone), changed_at = excluded.changed_at;
  if set_notifications.usage_alerts is not null then
    perform octroi_private.decide_consent(
      (select auth.uid()), 'usage_alerts', set_notifications.usage_alerts, null, 'settings'
    );
  end if;
  select jsonb_build_object('usage_alerts', n.usage_alerts, 'locale', n.locale, 'time_zone', n.time_zone) into v_after
  from octroi_private.notification_setting as n
  where n.user_id = (select auth.uid());
  return v_after;
end
$$;
comment on function octroi.set_notifications(boolean, text, text) is
'Changes what mail the caller gets, in which language and with which zone''s times; what is left out stays. Returns all of it. Raises OC040 for turning warnings on, 22023, OC020.';

reset role;
