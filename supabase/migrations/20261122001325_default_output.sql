-- How much output a call holds that names no limit, as an account wants it.
set role octroi_owner;

create function octroi.set_default_output(tokens integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
begin
  if set_default_output.tokens not between 1 and 1000000 then
    raise exception 'tokens is null or a whole number from 1 to 1,000,000' using errcode = '22023';
  end if;
  update octroi_private.account as a
  set default_output_tokens = set_default_output.tokens
  where a.id = v_account_id;
  return set_default_output.tokens;
end
$$;
comment on function octroi.set_default_output(integer) is
'Sets how many output tokens, per choice, a call of the account may have that names no limit of its own (null: as plan and model have it). The less, the more calls run side by side near a limit. Raises OC040, OC021, OC020, 22023.';

reset role;
