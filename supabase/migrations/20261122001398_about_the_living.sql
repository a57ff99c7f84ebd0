-- Nobody comes back by a row. A call that began before an erasure and waited for one of its locks goes on after it, and
-- would write down anew who is gone. So a row about somebody is written by whoever holds on to that person's own row,
-- and erase_user takes that row before anything else: it waits for what is being written, sees it and deletes it, and
-- what comes later finds nobody.
--
-- A row that is being erased is not waited for: whoever writes holds other locks, which the erasure is after. To them
-- the person is gone already; if the erasure comes to nothing, they are there again.
--
-- Rows of calls (request, usage_event, usage_daily, entitlement, balance, stored_response) are written too often for
-- this. resolve_open_requests waits for those who write them, and what they wrote goes by the removal of usage.
set role octroi_owner;

-- The first argument is the column that says who; skip as the second: the row is somebody else's to write, who goes on
-- without it.
create function octroi_private.only_about_the_living()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  execute format('select ($1).%I::text::uuid', tg_argv[0]) into v_user_id using new;
  if v_user_id is null then
    return new;
  end if;
  perform from octroi_private.person as p where p.user_id = v_user_id for key share skip locked;
  if found then
    return new;
  elsif tg_argv[1] = 'skip' then
    return null;
  end if;
  if exists (select from octroi_private.person as p where p.user_id = v_user_id) then
    perform octroi_private.refuse_erased();
  end if;
  perform octroi_private.refuse_without_account(v_user_id);
  return null;
end
$$;

-- What people do themselves, or have done for them.
create trigger account_of_the_living before insert or update of owner_user_id on octroi_private.account
for each row when (new.owner_user_id is not null)
execute function octroi_private.only_about_the_living('owner_user_id');
create trigger member_of_the_living before insert on octroi_private.member
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger api_key_of_the_living before insert on octroi_private.api_key
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger budget_of_the_living before insert on octroi_private.budget
for each row when (new.scope = 'member') execute function octroi_private.only_about_the_living('subject');
create trigger data_key_of_the_living before insert on octroi_private.data_key
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger contact_of_the_living before insert on octroi_private.contact
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger contact_change_of_the_living before insert on octroi_private.contact_change
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger notification_setting_of_the_living before insert on octroi_private.notification_setting
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger consent_of_the_living before insert on octroi_private.consent
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger completion_of_the_living before insert on octroi_private.completion
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger privacy_request_of_the_living before insert on octroi_private.privacy_request
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger export_ticket_of_the_living before insert on octroi_private.export_ticket
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger invitation_of_the_living before insert on octroi_private.invitation
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger auto_top_up_of_the_living before insert on octroi_private.auto_top_up
for each row execute function octroi_private.only_about_the_living('user_id');
create trigger billing_request_of_the_living before insert on octroi_private.billing_request
for each row when (new.kind <> 'auto_top_up') execute function octroi_private.only_about_the_living('user_id');

-- What is written about them: by a settle, by a sweep, by Auth, by an operator.
create trigger auto_top_up_request_of_the_living before insert on octroi_private.billing_request
for each row when (new.kind = 'auto_top_up') execute function octroi_private.only_about_the_living('user_id', 'skip');
create trigger alert_of_the_living before insert on octroi_private.alert
for each row when (new.scope = 'member') execute function octroi_private.only_about_the_living('subject', 'skip');
create trigger mail_of_the_living before insert on octroi_private.mail
for each row execute function octroi_private.only_about_the_living('user_id', 'skip');
create trigger second_factor_of_the_living before insert on octroi_private.second_factor
for each row execute function octroi_private.only_about_the_living('user_id', 'skip');
create trigger ban_of_the_living before insert on octroi_private.ban
for each row execute function octroi_private.only_about_the_living('user_id', 'skip');
create trigger breach_notice_of_the_living before insert on octroi_private.breach_notice
for each row execute function octroi_private.only_about_the_living('user_id', 'skip');

reset role;
