-- API keys as their holders make and end them. What becomes of a key over time is in 001305.
set role octroi_owner;

-- limits: [{"meter": "tokens", "period": "month", "amount": 1000}, …]
create function octroi.create_api_key(
  name text, limits jsonb default '[]', expires_at timestamptz default null, allowed_models text [] default null,
  allowed_endpoints text [] default null
)
returns table (id uuid, secret text, key_prefix text)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account_id uuid := octroi_private.my_account();
  v_id uuid := octroi_private.uuid_v7();
  v_secret text := octroi_private.new_key_secret();
begin
  perform octroi_private.require_step_up();
  perform octroi_private.check_key_access(create_api_key.allowed_models, create_api_key.allowed_endpoints);
  if create_api_key.expires_at <= octroi_private.now() then
    raise exception 'a key expires in the future, or never' using errcode = '22023';
  end if;
  if create_api_key.name is null or length(create_api_key.name) not between 1 and 100 then
    raise exception 'a key''s name has 1 to 100 characters' using errcode = '22023';
  end if;
  if jsonb_typeof(create_api_key.limits) is distinct from 'array' or jsonb_array_length(create_api_key.limits) > 9 then
    raise exception 'limits is an array of at most 9 {meter, period, amount}' using errcode = '22023';
  end if;
  if exists (
    select from jsonb_array_elements(create_api_key.limits) as l (item)
    where case
      when jsonb_typeof(l.item) <> 'object' then true
      else l.item - array['meter', 'period', 'amount'] <> '{}'
        or not l.item ?& array['meter', 'period', 'amount']
        or jsonb_typeof(l.item -> 'meter') <> 'string' or jsonb_typeof(l.item -> 'period') <> 'string'
        or l.item ->> 'amount' !~ '^-?[0-9]{1,16}$'
    end
  ) then
    raise exception 'each limit is {meter, period, amount} and no more, with a whole number as amount'
      using errcode = '22023';
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  if (
    select count(*) from octroi_private.api_key as k where k.account_id = v_account_id and k.revoked_at is null
  ) >= 100 then
    raise exception 'this account has 100 keys already' using errcode = 'OC013', hint = 'Revoke one first.';
  end if;
  insert into octroi_private.api_key (
    id, account_id, user_id, name, key_prefix, key_hash, created_at, expires_at, allowed_models, allowed_endpoints
  )
  values (
    v_id, v_account_id, (select auth.uid()), create_api_key.name, left(v_secret, 12),
    sha256(convert_to(v_secret, 'utf8')), octroi_private.now(), create_api_key.expires_at,
    create_api_key.allowed_models, create_api_key.allowed_endpoints
  );
  perform octroi_private.refuse_more_budgets(v_account_id, jsonb_array_length(create_api_key.limits));
  insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
  select v_account_id, 'api_key', v_id::text, l.meter, l.period, l.amount
  from jsonb_to_recordset(create_api_key.limits) as l (meter text, period text, amount bigint);
  return query select v_id, v_secret, left(v_secret, 12);
end
$$;
comment on function octroi.create_api_key(text, jsonb, timestamptz, text [], text []) is
'Makes an API key of the caller and returns its secret, this once. limits bound the key: [{"meter","period","amount"}]; so do an expiry and lists of models and endpoints. Raises OC040, 22023, 23514, 23505, OC013.';

-- A revoked key is never used again, so its budgets end with it, whoever revokes it: its holder, whoever ends their
-- membership, a secret scanner, an erasure. The account first, as whoever sets a budget takes them.
create function octroi_private.end_key_budgets()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from octroi_private.account as a where a.id = new.account_id for no key update;
  delete from octroi_private.budget as b
  where b.account_id = new.account_id and b.scope = 'api_key' and b.subject = new.id::text;
  return null;
end
$$;
create trigger api_key_ends_budgets after update of revoked_at on octroi_private.api_key
for each row when (old.revoked_at is null and new.revoked_at is not null)
execute function octroi_private.end_key_budgets();

create function octroi.revoke_api_key(id uuid)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key octroi_private.api_key;
begin
  perform octroi_private.require_step_up();
  v_key := octroi_private.lock_key_to_manage(revoke_api_key.id);
  if v_key.id is null then
    return false;
  end if;
  update octroi_private.api_key as k set revoked_at = octroi_private.now() where k.id = v_key.id;
  return true;
end
$$;
comment on function octroi.revoke_api_key(uuid) is
'Revokes a key of the caller, or of an account they administer, at once; false when there is none to revoke. Raises OC040.';

reset role;
