-- Takes in the users whom Auth has already: the first 10,000, in some seconds. More in one transaction would keep
-- others waiting for the audit log when it commits, so the rest is left to the worker, or to `octroi people backfill`
-- before it. A file of its own, since the ones before hold locks on Auth's tables.
do $$
declare
  c_bites_max constant integer := 10;
  c_bite_users constant integer := 1000;
  v_bite record;
  v_after uuid;
begin
  for n in 1 .. c_bites_max loop
    select b.* into v_bite from octroi_private.backfill_people(v_after, c_bite_users) as b;
    v_after := v_bite.last_user_id;
    if v_bite.users < c_bite_users then
      return;
    end if;
  end loop;
  raise notice 'there may be more than % users from before Octroi: octroi people backfill takes in the rest',
    c_bites_max * c_bite_users;
end
$$;
