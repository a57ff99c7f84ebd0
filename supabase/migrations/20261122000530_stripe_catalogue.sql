-- What Stripe must have, and what it called it. `octroi plans push` makes what has no id yet and records what it got.
set role octroi_owner;

create function octroi_private.plan_catalogue()
returns table (
  kind text, code text, version integer, object text, key text, name text, currency text, amount_minor bigint,
  recurring_interval text, meter text, slice bigint, event_name text, stripe_id text, stripe_parent_key text,
  is_sold boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with version as (
    select
      v.id, v.plan_code, v.version, v.currency, p.name,
      p.retired_at is null and v.version = max(v.version) over (partition by v.plan_code) as is_sold,
      exists (
        select from octroi_private.subscription as s where s.plan_version_id = v.id and s.ended_at is null
      ) as is_had
    from octroi_private.plan_version as v
    join octroi_private.plan as p on p.code = v.plan_code
  )
  select
    c.kind, c.code, c.version, k.object, c.key, c.name, c.currency, c.amount_minor, c.recurring_interval, c.meter,
    c.slice, c.event_name, k.stripe_id, c.parent_key, c.is_sold
  from (
    select 'plan' as kind, v.plan_code as code, null::integer as version, 'octroi-' || v.plan_code as key, v.name,
      null::text as currency, null::bigint as amount_minor, null::text as recurring_interval, null::text as meter,
      null::bigint as slice, null::text as event_name, null::text as parent_key, bool_or(v.is_sold) as is_sold,
      bool_or(v.is_had) as is_had
    from version as v
    group by v.plan_code, v.name
    union all
    select 'plan', v.plan_code, v.version, p.lookup_key, v.name, v.currency, p.amount_minor, p.billing_interval, null,
      null, null, 'octroi-' || v.plan_code, v.is_sold, v.is_had
    from version as v
    join octroi_private.plan_price as p on p.plan_version_id = v.id
    union all
    select 'plan', v.plan_code, v.version, o.event_name, v.name, null, null, null, o.meter, null, o.event_name, null,
      v.is_sold, v.is_had
    from version as v
    join octroi_private.plan_overage as o on o.plan_version_id = v.id
    union all
    select 'plan', v.plan_code, v.version, o.lookup_key, v.name, v.currency, o.price_minor, 'month', o.meter, o.slice,
      o.event_name, 'octroi-' || v.plan_code, v.is_sold, v.is_had
    from version as v
    join octroi_private.plan_overage as o on o.plan_version_id = v.id
    union all
    (
      select distinct on (t.code) 'top_up', t.code, null::integer, 'octroi-top-up-' || t.code, t.name, null, null::bigint,
        null, null, null::bigint, null, null, t.retired_at is null, false
      from octroi_private.top_up_pack as t
      order by t.code, t.version desc
    )
    union all
    select 'top_up', t.code, t.version, t.lookup_key, t.name, t.currency, t.price_minor, null, t.meter, null, null,
      'octroi-top-up-' || t.code, t.retired_at is null, false
    from octroi_private.top_up_pack as t
  ) as c
  join octroi_private.stripe_catalogue as k on k.key = c.key
  -- what is at Stripe and nobody has or can buy any more must not be on sale there either
  where c.is_sold or c.is_had or k.stripe_id is not null
  order by array_position(array['product', 'meter', 'price', 'metered_price'], k.object), c.key
$$;
comment on function octroi_private.plan_catalogue() is
'Every product, meter and price that Stripe must have for what is on sale or in use, or has from before, parents first, with Stripe''s id once it is known.';

create function octroi_private.record_stripe_ids(p_ids jsonb)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id record;
  v_known text;
  v_recorded integer := 0;
begin
  for v_id in select i.key, i.value as stripe_id from jsonb_each_text(p_ids) as i order by i.key loop
    select c.stripe_id into v_known from octroi_private.stripe_catalogue as c where c.key = v_id.key for update;
    if not found then
      raise exception '%: nothing is declared under this key', v_id.key using errcode = 'OC030';
    elsif v_known <> v_id.stripe_id then
      raise exception '%: is % in Stripe already, not %', v_id.key, v_known, v_id.stripe_id using errcode = 'OC030',
        hint = 'A database belongs to one Stripe account and mode.';
    elsif v_known is null then
      update octroi_private.stripe_catalogue set stripe_id = v_id.stripe_id where key = v_id.key;
      v_recorded := v_recorded + 1;
    end if;
  end loop;
  return v_recorded;
end
$$;
comment on function octroi_private.record_stripe_ids(jsonb) is
'Records what Stripe called things: {"key": "id"}. Returns how many are new. Raises OC030 for an unknown key, or one with another id.';

create function octroi_private.stripe_id_of(p_key text)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.stripe_id from octroi_private.stripe_catalogue as c where c.key = p_key
$$;

reset role;
