-- Row level security on every table, forced for its owner too. What a signed-in user may see of a table stands
-- here; a table without such a policy shows them nothing.
set role octroi_owner;

do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid::regclass from pg_catalog.pg_class as c
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format('alter table %s enable row level security, force row level security', v_table);
    -- the verbs run as the owner, and see all
    execute format('create policy owner_all on %s to octroi_owner using (true) with check (true)', v_table);
  end loop;
end
$$;

create policy member_reads on octroi_private.account for select to authenticated
using (id = any(array(select octroi_private.my_accounts())));

create policy member_reads on octroi_private.member for select to authenticated
using (account_id = any(array(select octroi_private.my_accounts())));

create policy holder_reads on octroi_private.api_key for select to authenticated
using (
  user_id = (select octroi_private.my_user_id())
  or account_id = any(array(select octroi_private.my_administered_accounts()))
);

-- of the keys that the reader sees
create policy holder_reads on octroi_private.api_key_use for select to authenticated
using (exists (select from octroi_private.api_key as k where k.id = api_key_id));
create policy holder_reads on octroi_private.api_key_previous for select to authenticated
using (exists (select from octroi_private.api_key as k where k.id = api_key_id));

-- by account first: that is what the index serves
create policy member_reads on octroi_private.usage_event for select to authenticated
using (
  account_id = any(array(select octroi_private.my_accounts()))
  and (
    user_id = (select auth.uid())
    or account_id = any(array(select octroi_private.my_administered_accounts()))
  )
);

create policy member_reads on octroi_private.usage_daily for select to authenticated
using (
  account_id = any(array(select octroi_private.my_accounts()))
  and (
    user_id = (select auth.uid())
    or account_id = any(array(select octroi_private.my_administered_accounts()))
  )
);

create policy member_reads on octroi_private.budget for select to authenticated
using (
  account_id = any(array(select octroi_private.my_administered_accounts()))
  or account_id = any(array(select octroi_private.my_accounts())) and case scope
    when 'member' then subject = (select auth.uid())::text
    when 'api_key' then exists (
      select from octroi_private.api_key as k where k.id::text = subject and k.user_id = (select auth.uid())
    )
    else true
  end
);

create policy payer_reads on octroi_private.billing_request for select to authenticated
using (account_id = any(array(select octroi_private.my_administered_accounts())));

create policy member_reads on octroi_private.alert for select to authenticated
using (
  account_id = any(array(select octroi_private.my_accounts()))
  and (
    subject = (select auth.uid())::text
    or account_id = any(array(select octroi_private.my_administered_accounts()))
  )
);

-- an operator's read is entered in the audit log, once for each statement
create policy admin_reads on octroi_private.account for select to octroi_admin
using ((select octroi_private.log_admin_read('account')));
create policy admin_reads on octroi_private.usage_event for select to octroi_admin
using ((select octroi_private.log_admin_read('usage_event')));
create policy admin_reads on octroi_private.usage_daily for select to octroi_admin
using ((select octroi_private.log_admin_read('usage_daily')));

reset role;
