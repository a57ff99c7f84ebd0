-- The chain: what a superuser does to it who first takes the defences down.
begin;
\ir setup/cast.sql
select plan(9);
set constraints all immediate;
select max(k.position) as head from octroi_private.audit_link as k \gset

create function tap.break(p_statement text) returns text
language plpgsql
as $$
declare
  v_found record;
begin
  alter table octroi_private.audit_log disable trigger all;
  alter table octroi_private.audit_link disable trigger all;
  execute p_statement;
  select v.* into v_found from octroi_private.verify_audit(0, 100000) as v;
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then
    return concat_ws(' ', v_found.broken_at, v_found.problem);
end
$$;
select results_eq(
  'select v.checked, v.last_position, v.broken_at from octroi_private.verify_audit(0, 100000) as v',
  format('values (%s, %s::bigint, null::bigint)', :'head', :'head'), 'what nobody touched holds'
);
select is(
  tap.break('update octroi_private.audit_log set reason = ''x'' where id = (
    select k.audit_id from octroi_private.audit_link as k where k.position = 5)'), '5 changed', 'an altered entry'
);
select is(
  tap.break('update octroi_private.audit_link
    set hash = set_byte(hash, 31, get_byte(hash, 31) # 1) where position = 5'),
  '5 changed', 'a byte of a link'
);
select is(
  tap.break('update octroi_private.audit_link set hash = set_byte(hash, 0, get_byte(hash, 0) # 1) where position = 0'),
  '1 changed', 'a byte of the first link'
);
select is(
  tap.break('delete from octroi_private.audit_log where id = (
    select k.audit_id from octroi_private.audit_link as k where k.position = 5)'), '5 missing_entry', 'a lost entry'
);
select is(tap.break('delete from octroi_private.audit_link where position = 5'), '5 missing_link', 'a lost link');
select is(
  tap.break('delete from octroi_private.audit_link where position = ' || :'head'),
  :'head' || ' unlinked_entry', 'the last link that is gone'
);
select is(
  tap.break('insert into octroi_private.audit_log (occurred_at, actor_role, action) values (now(), ''x'', ''x.y'')'),
  :'head'::bigint + 1 || ' unlinked_entry', 'an entry that was slipped in'
);
select is(
  (select v.last_position from octroi_private.verify_audit(3, 4) as v), 7::bigint, 'it is walked in parts as well'
);
select * from finish();
rollback;
