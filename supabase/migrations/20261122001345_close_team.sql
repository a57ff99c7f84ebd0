-- Closing a team: nobody calls for it any more, and nothing of it can be bought. What it used, was granted and was
-- invoiced stays, its owner's to read and to have erased.
set role octroi_owner;

-- Whatever could still take money for the account, in words; null when nothing can.
create function octroi_private.takes_money(p_account_id uuid)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case
    when octroi_private.has_bought(p_account_id) then 'the team has a subscription'
    when exists (
      select from octroi_private.billing_request as r where r.account_id = p_account_id and r.state = 'pending'
    ) then 'a billing request of the team is under way'
    when exists (
      select from octroi_private.billing_request as r
      where r.account_id = p_account_id and r.kind in ('checkout', 'top_up') and r.state = 'done' and r.url is not null
        and octroi_private.billing_url_ends_at(r.kind, r.finished_at) > octroi_private.now()
        and not exists (
          select from octroi_private.stripe_checkout_session as s
          where s.id = r.object_id and s.status in ('complete', 'expired')
        )
    ) then 'a page of Stripe''s that sells to the team is still open'
  end
$$;

create function octroi.close_team()
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_team_to_manage();
  v_taking text;
begin
  perform octroi_private.refuse_unless_owner(v_account_id, 'close it');
  -- keys, then the account: in the order in which whoever changes a key takes them
  perform from octroi_private.api_key as k where k.account_id = v_account_id order by k.id for update;
  -- as the caller's role is now: another owner may have been made meanwhile
  v_account_id := octroi_private.lock_team_to_manage();
  perform octroi_private.refuse_unless_owner(v_account_id, 'close it');
  v_taking := octroi_private.takes_money(v_account_id);
  if v_taking is not null then
    raise exception '%', v_taking using errcode = 'OC032',
      hint = 'cancel_subscription(false) ends a subscription at once; a page that nobody pays on ends within a day.';
  end if;
  perform octroi_private.end_membership(v_account_id, m.user_id)
  from (
    select o.user_id from octroi_private.member as o
    where o.account_id = v_account_id and o.role <> 'owner'
    order by o.user_id
  ) as m;
  update octroi_private.api_key as k set revoked_at = octroi_private.now()
  where k.account_id = v_account_id and k.revoked_at is null;
  perform octroi_private.end_invitation(i.id, 'revoked')
  from (
    select w.id from octroi_private.invitation as w
    where w.account_id = v_account_id and w.state = 'waiting'
    order by w.id
    for update
  ) as i;
  delete from octroi_private.completion as c where c.account_id = v_account_id and c.finished_at is null;
  delete from octroi_private.auto_top_up as t where t.account_id = v_account_id;
  delete from octroi_private.overage_setting as o where o.account_id = v_account_id;
  delete from octroi_private.budget as b where b.account_id = v_account_id;
  -- calls under way are settled; the plan it has stays its record
  update octroi_private.account as a set status = 'closed', closed_at = octroi_private.now() where a.id = v_account_id;
  return true;
end
$$;
comment on function octroi.close_team() is
'Closes the team that the caller owns and acts for: its keys are revoked, its members and invitations end, nobody calls for it any more. What it used and was invoiced stays. Raises OC040, OC020, OC021, OC025, OC027, OC032 while anything can still take money for it.';

reset role;
