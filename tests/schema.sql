CREATE SCHEMA octroi;

ALTER SCHEMA octroi OWNER TO octroi_owner;

CREATE SCHEMA octroi_private;

ALTER SCHEMA octroi_private OWNER TO octroi_owner;

CREATE TYPE octroi_private.allotment AS (
	ids bigint[],
	room bigint[],
	hold bigint[],
	output_tokens bigint,
	hold_tokens bigint,
	hold_cost_nano_usd bigint,
	tightest integer,
	remaining bigint
);

ALTER TYPE octroi_private.allotment OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.meter_name AS text
	CONSTRAINT meter_name_check CHECK ((VALUE = ANY (ARRAY['tokens'::text, 'requests'::text, 'cost'::text])));

ALTER DOMAIN octroi_private.meter_name OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.period_name AS text
	CONSTRAINT period_name_check CHECK ((VALUE = ANY (ARRAY['day'::text, 'month'::text, 'lifetime'::text])));

ALTER DOMAIN octroi_private.period_name OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.quantity AS bigint
	CONSTRAINT quantity_check CHECK (((VALUE >= 0) AND (VALUE <= '1000000000000000'::bigint)));

ALTER DOMAIN octroi_private.quantity OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.scope_name AS text
	CONSTRAINT scope_name_check CHECK ((VALUE = ANY (ARRAY['account'::text, 'member'::text, 'api_key'::text, 'model'::text])));

ALTER DOMAIN octroi_private.scope_name OWNER TO octroi_owner;

CREATE TABLE octroi_private.balance (
    id bigint NOT NULL,
    account_id uuid NOT NULL,
    scope octroi_private.scope_name NOT NULL,
    subject text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    period octroi_private.period_name NOT NULL,
    period_start timestamp with time zone NOT NULL,
    resets_at timestamp with time zone NOT NULL,
    included octroi_private.quantity NOT NULL,
    allowed octroi_private.quantity NOT NULL,
    granted octroi_private.quantity NOT NULL,
    overage octroi_private.quantity NOT NULL,
    carried octroi_private.quantity DEFAULT 0 NOT NULL,
    used octroi_private.quantity DEFAULT 0 NOT NULL,
    reserved octroi_private.quantity DEFAULT 0 NOT NULL,
    is_bound boolean DEFAULT true NOT NULL,
    from_grants octroi_private.quantity DEFAULT 0 NOT NULL,
    from_overage octroi_private.quantity DEFAULT 0 NOT NULL,
    alert_at octroi_private.quantity DEFAULT '1000000000000000'::bigint NOT NULL,
    set_off bigint DEFAULT 0 NOT NULL,
    CONSTRAINT balance_grants_what_is_allowed CHECK ((((granted)::bigint >= (allowed)::bigint) AND ((allowed)::bigint >= (included)::bigint))),
    CONSTRAINT balance_never_overshot CHECK ((((used)::bigint + (reserved)::bigint) <= ((granted)::bigint + (overage)::bigint)))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE ONLY octroi_private.balance FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.balance OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.balance IS 'What one limit allows in one period (granted, of which included by the plan, plus overage) and what is used and held of it.';

CREATE TYPE octroi_private.asked_call AS (
	balances octroi_private.balance[],
	input_tokens bigint,
	output_tokens bigint,
	choices bigint,
	input_price bigint,
	output_price bigint
);

ALTER TYPE octroi_private.asked_call OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.billing_interval AS text
	CONSTRAINT billing_interval_check CHECK ((VALUE = ANY (ARRAY['month'::text, 'year'::text])));

ALTER DOMAIN octroi_private.billing_interval OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.catalogue_key AS text
	CONSTRAINT catalogue_key_check CHECK ((VALUE ~ '^octroi[-_][a-z0-9_-]{1,90}$'::text));

ALTER DOMAIN octroi_private.catalogue_key OWNER TO octroi_owner;

CREATE TYPE octroi_private.charge AS (
	input_tokens bigint,
	cached_input_tokens bigint,
	cache_write_tokens bigint,
	audio_input_tokens bigint,
	output_tokens bigint,
	reasoning_tokens bigint,
	audio_output_tokens bigint,
	total_tokens bigint,
	cost_nano_usd bigint,
	overrun_tokens bigint,
	overrun_cost_nano_usd bigint
);

ALTER TYPE octroi_private.charge OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.choice_count AS smallint
	CONSTRAINT choice_count_check CHECK (((VALUE >= 1) AND (VALUE <= 128)));

ALTER DOMAIN octroi_private.choice_count OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.currency_code AS text
	CONSTRAINT currency_code_check CHECK ((VALUE ~ '^[a-z]{3}$'::text));

ALTER DOMAIN octroi_private.currency_code OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.duration_ms AS integer
	CONSTRAINT duration_ms_check CHECK ((VALUE >= 0));

ALTER DOMAIN octroi_private.duration_ms OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.none_or_one AS smallint
	CONSTRAINT none_or_one_check CHECK ((VALUE = ANY (ARRAY[0, 1])));

ALTER DOMAIN octroi_private.none_or_one OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.request_state AS text
	CONSTRAINT request_state_check CHECK ((VALUE = ANY (ARRAY['open'::text, 'settled'::text, 'released'::text, 'expired'::text])));

ALTER DOMAIN octroi_private.request_state OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.short_text AS text
	CONSTRAINT short_text_check CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 255)));

ALTER DOMAIN octroi_private.short_text OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.stripe_id AS text
	CONSTRAINT stripe_id_check CHECK ((VALUE ~ '^[A-Za-z0-9_.-]{1,255}$'::text));

ALTER DOMAIN octroi_private.stripe_id OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.unit_price AS bigint
	CONSTRAINT unit_price_check CHECK (((VALUE >= 1) AND (VALUE <= 99999999)));

ALTER DOMAIN octroi_private.unit_price OWNER TO octroi_owner;

CREATE DOMAIN octroi_private.usage_source AS text
	CONSTRAINT usage_source_check CHECK ((VALUE = ANY (ARRAY['provider'::text, 'estimated'::text, 'hold'::text, 'recorded'::text])));

ALTER DOMAIN octroi_private.usage_source OWNER TO octroi_owner;

CREATE FUNCTION octroi.billing_request(id uuid) RETURNS TABLE(kind text, state text, url text, error text, message text, created_at timestamp with time zone, finished_at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- somebody else's, or none: the answer is the same, and only the operator learns how often
  select octroi_private.note_missed_id(exists (
    select from octroi_private.billing_request as r where r.id = billing_request.id
  ))
  where not exists (
    select from octroi_private.billing_request as r
    where r.id = billing_request.id and r.account_id in (select octroi_private.my_administered_accounts())
  );
  select r.kind, r.state, octroi_private.my_billing_url(r.id), r.error, r.message, r.created_at, r.finished_at
  from octroi_private.billing_request as r
  where r.id = billing_request.id and r.account_id in (select octroi_private.my_administered_accounts())
$$;

ALTER FUNCTION octroi.billing_request(id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.billing_request(id uuid) IS 'What became of a billing request: pending, done (with a url where there is one to go to) or failed (error, message, and a url where something can be done about it). The url is for whoever asked. No row for another account''s.';

CREATE FUNCTION octroi.buy_top_up(pack text, success_url text, cancel_url text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_pack octroi_private.top_up_pack := octroi_private.pack_on_sale(v_account_id, buy_top_up.pack);
begin
  perform octroi_private.refuse_url('success_url', buy_top_up.success_url);
  perform octroi_private.refuse_url('cancel_url', buy_top_up.cancel_url);
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'top_up', jsonb_build_object(
    'pack_id', v_pack.id, 'success_url', buy_top_up.success_url, 'cancel_url', buy_top_up.cancel_url
  ));
end
$$;

ALTER FUNCTION octroi.buy_top_up(pack text, success_url text, cancel_url text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.buy_top_up(pack text, success_url text, cancel_url text) IS 'Asks for a Stripe Checkout page that sells a pack once; read its URL with billing_request(id). Raises OC040, OC021, OC031, OC033, OC013.';

CREATE FUNCTION octroi.cancel_subscription(at_period_end boolean DEFAULT true) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_subscription octroi_private.stripe_subscription;
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if v_subscription.id is null
    or coalesce(cancel_subscription.at_period_end, true) and (
      v_subscription.cancel_at_period_end or v_subscription.cancel_at <= (
        select max(i.period_end) from octroi_private.stripe_subscription_item as i
        where i.subscription_id = v_subscription.id
      )
    ) then
    raise exception 'there is no subscription to cancel' using errcode = 'OC032';
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'cancel', jsonb_build_object(
    'when', case when coalesce(cancel_subscription.at_period_end, true) then 'period_end' else 'now' end
  ));
end
$$;

ALTER FUNCTION octroi.cancel_subscription(at_period_end boolean) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.cancel_subscription(at_period_end boolean) IS 'Cancels the subscription when what is paid for ends, or at once; what was used beyond the plan is billed. Raises OC040, OC021, OC032, OC013.';

CREATE FUNCTION octroi.change_plan(plan text, billing_interval text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_version octroi_private.plan_version :=
    octroi_private.version_on_sale(change_plan.plan, change_plan.billing_interval);
  v_subscription octroi_private.stripe_subscription;
  v_has record;
  v_is_upgrade boolean;
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if v_subscription.status is null or v_subscription.status not in ('trialing', 'active') then
    raise exception 'there is no subscription in good standing to change' using errcode = 'OC032',
      hint = 'start_checkout begins one, open_portal pays what is due.';
  end if;
  select p.plan_version_id, p.billing_interval, n.rank into v_has
  from octroi_private.stripe_subscription_item as i
  join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
  join octroi_private.plan_price as p on p.lookup_key = k.key
  join octroi_private.plan_version as v on v.id = p.plan_version_id
  join octroi_private.plan as n on n.code = v.plan_code
  where i.subscription_id = v_subscription.id
  limit 1;
  if v_has.plan_version_id is null then
    raise exception 'the subscription is to something that is not sold here' using errcode = 'OC032';
  elsif (v_has.plan_version_id, v_has.billing_interval) = (v_version.id, change_plan.billing_interval) then
    raise exception 'the subscription is to this plan already' using errcode = 'OC032',
      hint = 'resume_subscription takes back a change that waits.';
  end if;
  select n.rank > v_has.rank
    or n.rank = v_has.rank and v_has.billing_interval = 'month' and change_plan.billing_interval = 'year'
  into v_is_upgrade
  from octroi_private.plan as n where n.code = v_version.plan_code;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'change_plan', jsonb_build_object(
    'plan_version_id', v_version.id, 'billing_interval', change_plan.billing_interval,
    'when', case when v_is_upgrade then 'now' else 'period_end' end
  ));
end
$$;

ALTER FUNCTION octroi.change_plan(plan text, billing_interval text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.change_plan(plan text, billing_interval text) IS 'Moves the subscription to another plan or interval: upward at once, with what was used; downward when what is paid for ends. Raises OC040, OC021, OC032, OC033, OC013.';

CREATE FUNCTION octroi.check_quota(model text, tokens bigint) RETURNS TABLE(allowed boolean, reason text, scope text, meter text, remaining bigint, resets_at timestamp with time zone, retry_after_seconds bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_user_id uuid := auth.uid();
  v_account_id uuid := octroi_private.my_account();
  v_price_id bigint;
  v_balances octroi_private.balance [];
  v_reason text;
begin
  if check_quota.tokens is null or check_quota.tokens not between 0 and 1000000000 then
    raise exception 'tokens must be between 0 and 1,000,000,000' using errcode = '22023';
  end if;
  -- a caller who has made a call in this period has everything resolved
  select e.price_id, array(
    select b from octroi_private.balance as b where b.id = any(e.balance_ids)
  ) into v_price_id, v_balances
  from octroi_private.entitlement as e
  where e.account_id = v_account_id and e.api_key_id = '00000000-0000-0000-0000-000000000000'
    and e.user_id = v_user_id and e.model = check_quota.model and e.valid_until > octroi_private.now();
  if v_price_id is null then
    v_reason := octroi_private.why_refused(v_account_id, null, v_user_id, check_quota.model);
    if v_reason is not null then
      return query select false, v_reason, null::text, null::text, null::bigint, null::timestamptz, null::bigint;
      return;
    end if;
    select p.id into v_price_id from octroi_private.model_price as p
    where p.model = check_quota.model and p.valid operator(pg_catalog.@>) octroi_private.now();
    -- balances as they would be opened
    select array_agg(row(
      q.ord, q.account_id, q.scope, q.subject, q.meter, q.period, q.period_start, coalesce(q.resets_at, 'infinity'),
      0, q.granted, q.granted, 0, 0, q.used, q.reserved, true, 0, 0, 0, 0
    )::octroi_private.balance) into v_balances
    from octroi_private.quota_of(v_account_id, v_user_id) with ordinality as q (
      account_id, scope, subject, meter, period, granted, used, reserved, remaining, period_start, resets_at, plan, ord
    )
    where q.scope in ('account', 'member') or (q.scope = 'model' and q.subject = check_quota.model);
  end if;
  return query select f.* from octroi_private.forecast(v_balances, v_price_id, check_quota.tokens) as f;
end
$$;

ALTER FUNCTION octroi.check_quota(model text, tokens bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.check_quota(model text, tokens bigint) IS 'Whether a call of so many tokens would be allowed now, and which limit is the strictest. Holds nothing: the answer is a forecast. Raises 22023, OC020.';

CREATE FUNCTION octroi.completion(id uuid) RETURNS TABLE(state text, status smallint, response jsonb, error jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := octroi_private.my_user_id();
  v_completion octroi_private.completion;
  v_answer record;
begin
  select c.* into v_completion
  from octroi_private.completion as c
  where c.id = completion.id and c.user_id = v_user_id and c.expires_at > octroi_private.now()
  for update;
  if v_completion.id is null then
    perform octroi_private.note_missed_id(exists (
      select from octroi_private.completion as c
      where c.id = completion.id and c.user_id <> v_user_id
    ));
    return;
  elsif v_completion.finished_at is null then
    return query select 'pending', null::smallint, null::jsonb, null::jsonb;
    return;
  elsif v_completion.error is not null then
    return query select 'failed', v_completion.error_status, null::jsonb, v_completion.error;
    return;
  end if;
  -- read once: the answer leaves with the reader
  delete from octroi_private.stored_response as r
  where r.request_id = completion.id and r.expires_at > octroi_private.now()
  returning r.status, convert_from(r.body, 'utf8')::jsonb as body into v_answer;
  if v_answer.status is null then
    return query select 'read', null::smallint, null::jsonb, null::jsonb;
  else
    return query select 'done', v_answer.status, v_answer.body, null::jsonb;
  end if;
end
$$;

ALTER FUNCTION octroi.completion(id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.completion(id uuid) IS 'A completion of the caller: pending, done (with the answer, handed out once), read, or failed. No row for any other id.';

CREATE FUNCTION octroi.count_tokens(model text, text text) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_encoding text := (select l.encoding from octroi_private.model_limits(count_tokens.model) as l);
begin
  if v_encoding is null then
    raise exception 'model % has no price, so its tokenizer is unknown', left(count_tokens.model, 100)
      using errcode = 'OC012', hint = 'GET /v1/models lists the models that have one.';
  end if;
  if octet_length(count_tokens.text) > 1048576 then
    raise exception 'the text is longer than 1 MiB' using errcode = '22023';
  end if;
  return octroi_native.count_tokens(v_encoding, count_tokens.text);
end
$$;

ALTER FUNCTION octroi.count_tokens(model text, text text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.count_tokens(model text, text text) IS 'Tokens of a text for a model, exactly; a message adds a few for its framing. Raises OC012 for an unpriced model, 22023 past 1 MiB.';

CREATE FUNCTION octroi.create_api_key(name text, limits jsonb DEFAULT '[]'::jsonb, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, allowed_models text[] DEFAULT NULL::text[], allowed_endpoints text[] DEFAULT NULL::text[]) RETURNS TABLE(id uuid, secret text, key_prefix text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
  insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
  select v_account_id, 'api_key', v_id::text, l.meter, l.period, l.amount
  from jsonb_to_recordset(create_api_key.limits) as l (meter text, period text, amount bigint);
  return query select v_id, v_secret, left(v_secret, 12);
end
$_$;

ALTER FUNCTION octroi.create_api_key(name text, limits jsonb, expires_at timestamp with time zone, allowed_models text[], allowed_endpoints text[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.create_api_key(name text, limits jsonb, expires_at timestamp with time zone, allowed_models text[], allowed_endpoints text[]) IS 'Makes an API key of the caller and returns its secret, this once. limits bound the key: [{"meter","period","amount"}]; so do an expiry and lists of models and endpoints. Raises OC040, 22023, 23514, 23505, OC013.';

CREATE FUNCTION octroi.delete_my_account() RETURNS TABLE(receipt_id uuid, erased_at timestamp with time zone, erased jsonb, kept jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_user_id uuid := (select auth.uid());
begin
  if v_user_id is null then
    raise exception 'not signed in' using errcode = 'OC020', hint = 'Send the access token of a signed-in user.';
  end if;
  perform octroi_private.require_step_up();
  perform set_config('octroi.erasure_receipt_id', '', true);
  if not octroi_private.delete_user(v_user_id) then
    raise exception 'this user is not there any more, or may not be deleted here' using errcode = 'OC045',
      hint = 'For the operator: docs/operations.md, what erasure needs of you.';
  end if;
  return query
  select r.id, r.erased_at, r.erased, r.kept
  from octroi_private.erasure_receipt as r
  where r.id::text = current_setting('octroi.erasure_receipt_id', true);
end
$$;

ALTER FUNCTION octroi.delete_my_account() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.delete_my_account() IS 'Deletes the caller and erases what is known of them, at once and for good; the receipt says what went, what stays, why and until when. Raises OC020, OC040, OC045.';

CREATE FUNCTION octroi.export_my_data() RETURNS TABLE(request_id uuid, path text, expires_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_user_id uuid := (select auth.uid());
  v_now timestamptz := octroi_private.now();
  v_set octroi_private.privacy_setting;
  -- 256 bits: three version 4 UUIDs have 366 random ones, and the hash keeps 256 of them
  v_token text := encode(sha256(convert_to(
    gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'utf8'
  )), 'hex');
  v_id uuid;
begin
  perform octroi_private.my_account();
  perform octroi_private.require_step_up();
  select s.* into strict v_set from octroi_private.privacy_setting as s;
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.export ' || v_user_id, 0));
  if (
    select count(*) from octroi_private.privacy_request as r
    where r.user_id = v_user_id and r.kind = 'access' and r.received_at > v_now - interval '1 day'
  ) >= v_set.exports_a_day then
    raise exception 'there were % exports within a day already', v_set.exports_a_day using errcode = 'OC042',
      hint = 'Try again tomorrow, or read table by table with my_data.';
  end if;
  -- a link that was asked for before leads nowhere any more
  update octroi_private.export_ticket set expires_at = greatest(v_now, issued_at + interval '1 microsecond')
  where user_id = v_user_id and expires_at > v_now;
  v_id := octroi_private.open_privacy_request(v_user_id, 'access');
  insert into octroi_private.export_ticket (request_id, user_id, token_hash, issued_at, expires_at)
  values (
    v_id, v_user_id, sha256(convert_to(v_token, 'utf8')), v_now,
    v_now + make_interval(secs => v_set.export_ticket_seconds)
  );
  perform octroi_private.record_audit(
    p_action => 'export.requested', p_account_id => null, p_subject => v_id::text, p_detail => '{}', p_reason => null
  );
  return query
  select v_id, '/privacy/export/' || v_token, v_now + make_interval(secs => v_set.export_ticket_seconds);
end
$$;

ALTER FUNCTION octroi.export_my_data() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.export_my_data() IS 'Offers a bundle of every row about the caller: where the gateway hands it out, once, within 15 minutes. Raises OC020, OC040, OC042.';

CREATE FUNCTION octroi.give_consent(purpose text, policy_version text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.require_step_up();
  perform octroi_private.my_account();
  if give_consent.purpose is null or give_consent.policy_version is null then
    raise exception 'consent is given to a purpose and a version of its words' using errcode = '22023';
  end if;
  return octroi_private.decide_consent(
    (select auth.uid()), give_consent.purpose, true, give_consent.policy_version, 'rpc'
  );
end
$$;

ALTER FUNCTION octroi.give_consent(purpose text, policy_version text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.give_consent(purpose text, policy_version text) IS 'Consents to a purpose in the words of the version that is in force; false when that was given already. Raises OC040, OC020, 22023.';

CREATE FUNCTION octroi.my_audit(max_rows integer DEFAULT 100, before bigint DEFAULT NULL::bigint) RETURNS TABLE(id bigint, occurred_at timestamp with time zone, actor text, action text, subject text, detail jsonb, reason text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with me as materialized (
    select
      p.pseudonym, p.created_at, coalesce(my_audit.before, 9223372036854775807) as before,
      least(greatest(my_audit.max_rows, 0), 1000) as max_rows
    from octroi_private.person as p
    where p.user_id = (select octroi_private.my_user_id())
  ),
  mine as (
    (
      select l.id from octroi_private.audit_log as l
      where l.actor = (select m.pseudonym from me as m) and l.id < (select m.before from me as m)
      order by l.id desc
      limit (select m.max_rows from me as m)
    )
    union
    (
      select l.id from octroi_private.audit_log as l
      where l.person = (select m.pseudonym from me as m) and l.id < (select m.before from me as m)
      order by l.id desc
      limit (select m.max_rows from me as m)
    )
    union
    (
      select l.id from octroi_private.audit_log as l
      where l.account_id = any(array(select octroi_private.my_administered_accounts()))
        and l.id < (select m.before from me as m)
      order by l.id desc
      limit (select m.max_rows from me as m)
    )
    union
    -- what was read of everybody may have been read of the caller as well
    (
      select l.id from octroi_private.audit_log as l
      where l.action ~ '^admin_read\.' and l.id < (select m.before from me as m)
        and l.occurred_at >= (select m.created_at from me as m)
      order by l.id desc
      limit (select m.max_rows from me as m)
    )
  )
  select
    l.id, l.occurred_at,
    case
      when l.actor = m.pseudonym then 'you'
      when l.actor_role in ('octroi_worker', 'service_role', 'supabase_auth_admin') then 'service'
      when l.actor is null or l.actor_role in ('octroi_admin', 'octroi_support') then 'operator'
      else 'another user'
    end,
    l.action, l.subject, case when read.was_of_everybody then '{}' else l.detail || case
      when l.account_id is null then '{}' else jsonb_build_object('account_id', l.account_id)
    end end, case when not read.was_of_everybody then l.reason end
  from mine
  join octroi_private.audit_log as l on l.id = mine.id
  cross join me as m
  -- of such a read only that it was, of which table and when: why, and how much, is about others too
  cross join lateral (
    select l.action ~ '^admin_read\.' and l.actor is distinct from m.pseudonym and l.person is distinct from m.pseudonym
  ) as read (was_of_everybody)
  order by l.id desc
  limit (select m.max_rows from me as m)
$$;

ALTER FUNCTION octroi.my_audit(max_rows integer, before bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_audit(max_rows integer, before bigint) IS 'What the caller did, and what was done to them, their account and the accounts they administer, newest first; page on with the last id as before. Of a read of everybody: when, and of which table.';

CREATE FUNCTION octroi.my_consents() RETURNS TABLE(purpose text, is_given boolean, policy_version text, method text, decided_at timestamp with time zone, current_version text, current_text text, current_text_hash text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  perform octroi_private.my_account();
  return query
  select
    p.purpose, octroi_private.has_consent((select auth.uid()), p.purpose), d.policy_version, d.method, d.decided_at,
    f.version, f.policy_text, encode(f.text_hash, 'hex')
  from (select distinct k.purpose from octroi_private.consent_policy as k) as p
  cross join lateral octroi_private.policy_in_force(p.purpose) as f
  cross join lateral octroi_private.decision_on((select auth.uid()), p.purpose) as d
  order by p.purpose;
end
$$;

ALTER FUNCTION octroi.my_consents() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_consents() IS 'Each purpose: whether it may be processed, what the caller last decided about it, and the words in force. Raises OC020.';

CREATE FUNCTION octroi.my_data(table_name text, after text[] DEFAULT NULL::text[], max_rows integer DEFAULT 1000) RETURNS TABLE(next_after text[], data json)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.my_account();
  perform octroi_private.require_step_up();
  return query
  select r.next_after, r.data
  from octroi_private.export_rows((select auth.uid()), my_data.table_name, my_data.after, my_data.max_rows) as r;
end
$$;

ALTER FUNCTION octroi.my_data(table_name text, after text[], max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_data(table_name text, after text[], max_rows integer) IS 'Every row about the caller in one table, page by page; page on with the last next_after. Raises OC020, OC040, OC050, OC051, 22023.';

CREATE FUNCTION octroi.my_data_tables() RETURNS TABLE(table_name text, about text, purpose text, legal_basis text, retention text, processors text[], columns jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    d.table_name, d.about, d.purpose, d.legal_basis, d.retention, d.processors,
    jsonb_agg(jsonb_build_object('name', d.column_name, 'type', d.type, 'what', d.what) order by d.position)
  from octroi_private.personal_data as d
  where d.reach is not null and d.export <> 'withheld'
  group by d.table_name, d.about, d.purpose, d.legal_basis, d.retention, d.processors
  order by d.table_name
$$;

ALTER FUNCTION octroi.my_data_tables() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_data_tables() IS 'The tables with rows about people, and what their columns are.';

CREATE FUNCTION octroi.my_forecast() RETURNS TABLE(scope text, subject text, meter text, period text, used bigint, granted bigint, remaining bigint, per_day bigint, runs_out_at timestamp with time zone, resets_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select q.scope, q.subject, q.meter, q.period, q.used, q.granted, q.remaining, d.per_day,
    octroi_private.runs_out_at(q.remaining, d.per_day, coalesce(q.resets_at, 'infinity')), q.resets_at
  from octroi_private.quota_of(octroi_private.my_account(), (select auth.uid())) as q
  cross join lateral octroi_private.used_per_day(q.account_id, q.scope, q.subject, q.meter) as d (per_day)
  where q.scope in ('account', 'member', 'model')
$$;

ALTER FUNCTION octroi.my_forecast() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_forecast() IS 'Each limit with what is used of it a day of late (the last seven days), and when it runs out at that rate; null when it lasts until the reset.';

CREATE FUNCTION octroi.my_quota() RETURNS TABLE(scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint, period_start timestamp with time zone, resets_at timestamp with time zone, plan text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select q.scope, q.subject, q.meter, q.period, q.granted, q.used, q.reserved, q.remaining, q.period_start,
    q.resets_at, q.plan
  from octroi_private.quota_of(octroi_private.my_account(), (select auth.uid())) as q
$$;

ALTER FUNCTION octroi.my_quota() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_quota() IS 'One row per limit that binds the caller: what is granted, used, held and left of it, and when it resets (null: never).';

CREATE FUNCTION octroi.my_requests(max_rows integer DEFAULT 50, before timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(id uuid, state text, endpoint text, model text, input_tokens bigint, cached_input_tokens bigint, cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint, source text, latency_ms integer, first_token_ms integer, occurred_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_account_id uuid := octroi_private.my_account();
  v_user_id uuid := (select auth.uid());
  v_before timestamptz := coalesce(my_requests.before, 'infinity');
  v_rows integer := least(greatest(my_requests.max_rows, 0), 1000);
begin
  return query
  (
    select
      e.id, 'settled', e.endpoint, e.model, e.input_tokens, e.cached_input_tokens, e.cache_write_tokens,
      e.output_tokens, e.reasoning_tokens, e.total_tokens, e.cost_nano_usd, e.source, e.latency_ms, e.first_token_ms,
      e.occurred_at
    from octroi_private.usage_event as e
    where e.account_id = v_account_id and e.user_id = v_user_id
      and e.occurred_at < v_before
    order by e.occurred_at desc
    limit v_rows
  )
  union all
  (
    select
      r.id, 'open', r.endpoint, r.model, null, null, null, null, null, null, null, null, null, null, r.started_at
    from octroi_private.request as r
    where r.account_id = v_account_id and r.user_id = v_user_id and r.state = 'open'
      and r.expires_at > octroi_private.now() and r.started_at < v_before
    order by r.started_at desc
    limit v_rows
  )
  order by 15 desc
  limit v_rows;
end
$$;

ALTER FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) IS 'The caller''s own recent calls, newest first, running ones included; page on with the last occurred_at as before.';

CREATE FUNCTION octroi.my_subscription() RETURNS TABLE(plan text, plan_name text, plan_version integer, billing_interval text, status text, granted_until timestamp with time zone, cancel_at_period_end boolean, trial_ends_at timestamp with time zone, next_plan text, next_plan_at timestamp with time zone, seats integer, features text[], overage_on boolean, overage_cap_minor bigint, currency text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    v.plan_code, p.name, v.version, paid.billing_interval, s.status, nullif(r.granted_until, 'infinity'),
    coalesce(octroi_private.is_ending(s), false), s.trial_ends_at, next.plan_code, s.next_price_at, v.seats, v.features,
    coalesce(t.is_on, o.is_on, false) and o.meter is not null,
    least(t.spend_cap_minor, o.spend_cap_minor), v.currency
  from octroi_private.subscription as r
  join octroi_private.plan_version as v on v.id = r.plan_version_id
  join octroi_private.plan as p on p.code = v.plan_code
  left join octroi_private.stripe_subscription as s on s.id = r.stripe_subscription_id
  left join octroi_private.overage_setting as t on t.account_id = r.account_id
  left join lateral (
    select x.meter, x.is_on, x.spend_cap_minor from octroi_private.plan_overage as x
    where x.plan_version_id = v.id
    order by x.meter desc
    limit 1
  ) as o on true
  left join lateral (
    select x.billing_interval
    from octroi_private.stripe_subscription_item as i
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    join octroi_private.plan_price as x on x.lookup_key = k.key
    where i.subscription_id = s.id
    limit 1
  ) as paid on true
  left join lateral (
    select w.plan_code
    from octroi_private.stripe_catalogue as k
    join octroi_private.plan_price as x on x.lookup_key = k.key
    join octroi_private.plan_version as w on w.id = x.plan_version_id
    where k.stripe_id = s.next_price_id
  ) as next on true
  where r.account_id = octroi_private.my_account() and r.ended_at is null
$$;

ALTER FUNCTION octroi.my_subscription() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_subscription() IS 'The plan of the caller''s account: how it is billed, until when it is granted (null: without end), and what follows.';

CREATE FUNCTION octroi.my_usage(since date DEFAULT NULL::date, until date DEFAULT NULL::date) RETURNS TABLE(day date, model text, requests bigint, input_tokens bigint, cached_input_tokens bigint, output_tokens bigint, reasoning_tokens bigint, total_tokens bigint, cost_nano_usd bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    d.day, d.model, sum(d.requests)::bigint, sum(d.input_tokens)::bigint, sum(d.cached_input_tokens)::bigint,
    sum(d.output_tokens)::bigint, sum(d.reasoning_tokens)::bigint, sum(d.total_tokens)::bigint,
    sum(d.cost_nano_usd)::bigint
  from octroi_private.usage_daily as d
  where d.account_id = octroi_private.my_account() and d.user_id = (select auth.uid())
    and d.day >= coalesce(my_usage.since, (octroi_private.now() at time zone 'utc')::date - 30)
    and d.day <= coalesce(my_usage.until, 'infinity')
  group by d.day, d.model
  order by d.day desc, d.model
  limit 10000
$$;

ALTER FUNCTION octroi.my_usage(since date, until date) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_usage(since date, until date) IS 'The caller''s own usage by UTC day and model, newest first; the last 30 days unless asked otherwise.';

CREATE FUNCTION octroi.next_invoice() RETURNS TABLE(line text, meter text, quantity bigint, slice bigint, unit_amount_minor bigint, amount_minor bigint, currency text, period_start timestamp with time zone, period_end timestamp with time zone, due_at timestamp with time zone, as_of timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with paid as (
    select s.*, i.period_end as renews_at, coalesce(
      case when s.next_price_at <= i.period_end then s.next_price_id end, i.price_id
    ) as renewal_price_id
    from octroi_private.billed_subscription(octroi_private.my_billed_account()) as s
    join octroi_private.stripe_subscription_item as i on i.subscription_id = s.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id and k.object = 'price'
    where s.status in ('trialing', 'active', 'past_due')
  )
  select
    'plan', null::text, 1::bigint, null::bigint, x.amount_minor::bigint, x.amount_minor::bigint, v.currency::text,
    p.renews_at,
    p.renews_at + case x.billing_interval when 'year' then interval '1 year' else interval '1 month' end,
    p.renews_at, octroi_private.now()
  from paid as p
  join octroi_private.stripe_catalogue as k on k.stripe_id = p.renewal_price_id
  join octroi_private.plan_price as x on x.lookup_key = k.key
  join octroi_private.plan_version as v on v.id = x.plan_version_id
  where not p.cancel_at_period_end and (p.cancel_at is null or p.cancel_at > p.renews_at)
  union all
  select
    'overage', o.meter, o.quantity, o.slice, o.price_minor, o.amount_minor, o.currency, o.period_start, o.period_end,
    o.period_end, octroi_private.now()
  from octroi_private.open_overage(octroi_private.my_billed_account()) as o
  order by 10, 1 desc, 2
$$;

ALTER FUNCTION octroi.next_invoice() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.next_invoice() IS 'What will be charged next, as it stands: the renewal of the plan, and usage beyond it so far with its price. Before taxes and discounts. Raises OC021.';

CREATE FUNCTION octroi.open_portal(return_url text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
begin
  perform octroi_private.refuse_url('return_url', open_portal.return_url);
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  return octroi_private.enqueue_billing_request(
    v_account_id, (select auth.uid()), 'portal', jsonb_build_object('return_url', open_portal.return_url)
  );
end
$$;

ALTER FUNCTION octroi.open_portal(return_url text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.open_portal(return_url text) IS 'Asks for a page of Stripe''s customer portal: payment methods, invoices, addresses. Read its URL with billing_request(id). Raises OC040, OC021, OC031, OC013.';

CREATE FUNCTION octroi.receipt(request_id uuid) RETURNS TABLE(id uuid, occurred_at timestamp with time zone, settled_at timestamp with time zone, endpoint text, model text, response_model text, service_tier text, source text, pools jsonb, total_tokens bigint, reasoning_tokens bigint, cost_nano_usd bigint, not_charged_tokens bigint, not_charged_nano_usd bigint, grants jsonb, overage jsonb, balances jsonb, price_version bigint, price_source text, price_valid_from timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.note_missed_id(exists (
    select from octroi_private.usage_event as e where e.id = receipt.request_id
  ))
  where not exists (
    select from octroi_private.usage_event as e
    where e.id = receipt.request_id and e.account_id in (select octroi_private.my_accounts())
      and (e.user_id = (select auth.uid()) or e.account_id in (select octroi_private.my_administered_accounts()))
  );
  select
    e.id, e.occurred_at, e.recorded_at, e.endpoint, e.model, e.response_model, e.service_tier, e.source,
    octroi_private.priced_pools(e), e.total_tokens, e.reasoning_tokens, e.cost_nano_usd, e.overrun_tokens,
    e.overrun_cost_nano_usd, coalesce((
      select jsonb_agg(jsonb_build_object('kind', g.kind, 'reason', g.reason, 'meter', g.meter, 'amount', d.amount)
        order by d.drawn_at, g.id)
      from octroi_private.quota_draw as d
      join octroi_private.quota_grant as g on g.id = d.grant_id
      where d.request_id = e.id
    ), '[]'), coalesce((
      select jsonb_agg(jsonb_build_object(
        'meter', o.meter, 'amount', o.amount, 'report_id', o.report_id
      ) order by o.meter)
      from octroi_private.overage_use as o
      where o.balance_id = any(e.balance_ids) and o.request_id = e.id
    ), '[]'), octroi_private.balances_around(e), e.price_id, p.source, lower(p.valid)
  from octroi_private.usage_event as e
  join octroi_private.model_price as p on p.id = e.price_id
  where e.id = receipt.request_id and e.account_id in (select octroi_private.my_accounts())
    and (e.user_id = (select auth.uid()) or e.account_id in (select octroi_private.my_administered_accounts()))
$$;

ALTER FUNCTION octroi.receipt(request_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.receipt(request_id uuid) IS 'Why a call cost what it did: pools and prices, the grants it drew from, what of it was overage, each limit before and after. No row for anybody else''s call.';

CREATE FUNCTION octroi.receive_stripe_events(events jsonb) RETURNS TABLE(number integer, state text, reason text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select r.number, r.state, r.reason
  from octroi_private.receive_stripe_events(receive_stripe_events.events) as r
$$;

ALTER FUNCTION octroi.receive_stripe_events(events jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.receive_stripe_events(events jsonb) IS 'For the webhook''s edge function: keeps at most 256 verified events and has their objects fetched; queued, duplicate, ignored, quarantined or refused for each, by its number in the list from 1.';

CREATE FUNCTION octroi.request_completion(request jsonb) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account();
  v_endpoint text := coalesce(request_completion.request ->> 'endpoint', case
    when request_completion.request ? 'messages' then 'chat.completions'
    else 'responses'
  end);
  v_id uuid;
begin
  if jsonb_typeof(request_completion.request) is distinct from 'object' or not request_completion.request ? 'model' then
    raise exception 'request is an object with a model, as OpenAI takes it' using errcode = '22023';
  elsif v_endpoint not in ('chat.completions', 'responses', 'embeddings') then
    raise exception 'endpoint is chat.completions, responses or embeddings' using errcode = '22023';
  elsif request_completion.request -> 'stream' = 'true' then
    raise exception 'a queued completion cannot be streamed' using errcode = '22023';
  elsif pg_column_size(request_completion.request) > 1048576 then
    raise exception 'the request is larger than 1 MiB' using errcode = '22023';
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  if (
    select count(*) from octroi_private.completion as c
    where c.account_id = v_account_id and c.finished_at is null and c.expires_at > octroi_private.now()
  ) >= 1000 then
    raise exception 'this account has 1000 completions waiting already' using errcode = 'OC013';
  end if;
  insert into octroi_private.completion (account_id, user_id, endpoint, request, created_at, expires_at)
  values (
    v_account_id, (select auth.uid()), v_endpoint, request_completion.request - 'endpoint', octroi_private.now(),
    octroi_private.now() + interval '1 hour'
  )
  returning completion.id into v_id;
  insert into octroi_private.job (kind, args, run_at)
  values ('complete_request', jsonb_build_object('completion_id', v_id), octroi_private.now());
  return v_id;
end
$$;

ALTER FUNCTION octroi.request_completion(request jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.request_completion(request jsonb) IS 'Queues a call to OpenAI, as its endpoint takes it, and returns its id at once; read the answer with completion(id). Raises 22023, OC013, OC020.';

CREATE FUNCTION octroi.restrict_api_key(id uuid, allowed_models text[] DEFAULT NULL::text[], allowed_endpoints text[] DEFAULT NULL::text[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_key octroi_private.api_key;
  v_is_admin boolean;
begin
  perform octroi_private.require_step_up();
  perform octroi_private.check_key_access(restrict_api_key.allowed_models, restrict_api_key.allowed_endpoints);
  select k.* into v_key
  from octroi_private.api_key as k
  where k.id = restrict_api_key.id and k.revoked_at is null
    and (
      k.user_id = (select auth.uid())
      or k.account_id in (select octroi_private.my_administered_accounts())
    )
  for no key update;
  if v_key.id is null then
    perform octroi_private.note_missed_key(restrict_api_key.id);
    return false;
  end if;
  v_is_admin := v_key.account_id in (select octroi_private.my_administered_accounts());
  -- what an admin has narrowed is not the holder's to widen
  if not v_is_admin and not (
    coalesce(restrict_api_key.allowed_models <@ v_key.allowed_models, v_key.allowed_models is null)
    and coalesce(restrict_api_key.allowed_endpoints <@ v_key.allowed_endpoints, v_key.allowed_endpoints is null)
  ) then
    raise exception 'only an owner or admin of the account lets a key call more than it may' using errcode = 'OC021',
      hint = 'Name some of the models and endpoints it has; null means all.';
  end if;
  update octroi_private.api_key as k
  set allowed_models = restrict_api_key.allowed_models, allowed_endpoints = restrict_api_key.allowed_endpoints
  where k.id = v_key.id;
  return true;
end
$$;

ALTER FUNCTION octroi.restrict_api_key(id uuid, allowed_models text[], allowed_endpoints text[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.restrict_api_key(id uuid, allowed_models text[], allowed_endpoints text[]) IS 'Sets which models and endpoints a key of the caller, or of an account they administer, may call; null means all. Who does not administer the account only narrows them. False when there is no such key. Raises OC040, OC021, 22023.';

CREATE FUNCTION octroi.resume_subscription() RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_subscription octroi_private.stripe_subscription;
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if not coalesce(
    octroi_private.is_ending(v_subscription) or v_subscription.schedule_id is not null, false
  ) then
    raise exception 'nothing waits that could be taken back' using errcode = 'OC032';
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'resume', '{}');
end
$$;

ALTER FUNCTION octroi.resume_subscription() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.resume_subscription() IS 'Takes back a cancellation or a downgrade that has not come into force. Raises OC040, OC021, OC032, OC013.';

CREATE FUNCTION octroi.revoke_api_key(id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.require_step_up();
  update octroi_private.api_key as k
  set revoked_at = octroi_private.now()
  where k.id = revoke_api_key.id and k.revoked_at is null
    and (
      k.user_id = (select auth.uid())
      or k.account_id in (select octroi_private.my_administered_accounts())
    );
  if not found then
    perform octroi_private.note_missed_key(revoke_api_key.id);
    return false;
  end if;
  return true;
end
$$;

ALTER FUNCTION octroi.revoke_api_key(id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.revoke_api_key(id uuid) IS 'Revokes a key of the caller, or of an account they administer, at once; false when there is none to revoke. Raises OC040.';

CREATE FUNCTION octroi.rotate_api_key(id uuid, grace_seconds integer DEFAULT 86400) RETURNS TABLE(secret text, key_prefix text, previous_works_until timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_secret text := octroi_private.new_key_secret();
  v_previous bytea;
  v_until timestamptz;
begin
  perform octroi_private.require_step_up();
  if grace_seconds is null or grace_seconds not between 0 and 2592000 then
    raise exception 'grace_seconds is 0 to 2592000 (30 days)' using errcode = '22023';
  end if;
  select k.key_hash into v_previous from octroi_private.api_key as k
  -- the holder alone: whoever rotates learns the secret
  where k.id = rotate_api_key.id and k.user_id = (select auth.uid()) and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > v_now)
  for no key update;
  if v_previous is null then
    perform octroi_private.note_missed_key(rotate_api_key.id);
    return;
  end if;
  update octroi_private.api_key as k
  set key_hash = sha256(convert_to(v_secret, 'utf8')), key_prefix = left(v_secret, 12)
  where k.id = rotate_api_key.id;
  -- without grace everything older ends too; of many rotations in a row the latest ten keep theirs
  delete from octroi_private.api_key_previous as p
  where p.api_key_id = rotate_api_key.id and (
    grace_seconds = 0 or p.key_hash not in (
      select n.key_hash from octroi_private.api_key_previous as n
      where n.api_key_id = rotate_api_key.id order by n.expires_at desc limit 9
    )
  );
  if grace_seconds > 0 then
    v_until := v_now + make_interval(secs => grace_seconds);
    insert into octroi_private.api_key_previous (key_hash, api_key_id, expires_at)
    values (v_previous, rotate_api_key.id, v_until);
  end if;
  return query select v_secret, left(v_secret, 12), v_until;
end
$$;

ALTER FUNCTION octroi.rotate_api_key(id uuid, grace_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.rotate_api_key(id uuid, grace_seconds integer) IS 'Gives a key of the caller a new secret, returned this once; the one before works for grace_seconds more, with 0 nothing older does. No row when there is no such key that works. Raises OC040, 22023.';

CREATE FUNCTION octroi.set_auto_top_up(pack text, below bigint DEFAULT NULL::bigint, monthly_cap_minor bigint DEFAULT 0) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_pack octroi_private.top_up_pack;
  v_below bigint;
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  if set_auto_top_up.pack is null then
    delete from octroi_private.auto_top_up as a where a.account_id = v_account_id;
    return false;
  end if;
  v_pack := octroi_private.pack_on_sale(v_account_id, set_auto_top_up.pack);
  -- so much is left when the pack is paid for, which takes its time
  v_below := coalesce(set_auto_top_up.below, greatest(v_pack.amount / 10, 1));
  if v_below not between 1 and v_pack.amount then
    raise exception 'below must be between 1 and the pack''s %', v_pack.amount using errcode = '22023';
  elsif set_auto_top_up.monthly_cap_minor is null
    or set_auto_top_up.monthly_cap_minor not between v_pack.price_minor and 99999999 then
    raise exception 'monthly_cap_minor must be between the pack''s price, %, and 99,999,999', v_pack.price_minor
      using errcode = '22023';
  end if;
  insert into octroi_private.auto_top_up as a (account_id, pack_code, below, monthly_cap_minor, user_id, changed_at)
  values (
    v_account_id, v_pack.code, v_below, set_auto_top_up.monthly_cap_minor, (select auth.uid()),
    octroi_private.now()
  )
  on conflict (account_id) do update
  set pack_code = excluded.pack_code, below = excluded.below, monthly_cap_minor = excluded.monthly_cap_minor,
    user_id = excluded.user_id, changed_at = excluded.changed_at, told_of_cap_at = null;
  update octroi_private.balance as b
  set alert_at = least(
    b.alert_at, octroi_private.buying_point(b.account_id, b.scope, b.meter, b.period, b.allowed)
  )
  where b.account_id = v_account_id and b.scope = 'account' and b.period = 'month' and b.meter = v_pack.meter
    and b.resets_at > octroi_private.now() and b.is_bound;
  return true;
end
$$;

ALTER FUNCTION octroi.set_auto_top_up(pack text, below bigint, monthly_cap_minor bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.set_auto_top_up(pack text, below bigint, monthly_cap_minor bigint) IS 'Has a pack bought by itself when no more than below is left (null: a tenth of the pack), or calls are refused for lack of it, for so much money a month at most; a null pack ends it. Raises OC040, OC021, OC033, 22023.';

CREATE FUNCTION octroi.set_notifications(usage_alerts boolean DEFAULT NULL::boolean, locale text DEFAULT NULL::text, time_zone text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_after jsonb;
begin
  perform octroi_private.my_account();
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

ALTER FUNCTION octroi.set_notifications(usage_alerts boolean, locale text, time_zone text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.set_notifications(usage_alerts boolean, locale text, time_zone text) IS 'Changes what mail the caller gets, in which language and with which zone''s times; what is left out stays. Returns all of it. Raises OC040 for turning warnings on, 22023, OC020.';

CREATE FUNCTION octroi.set_overage(enabled boolean, spend_cap_minor bigint DEFAULT NULL::bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
begin
  if set_overage.enabled is null or set_overage.spend_cap_minor not between 0 and 99999999 then
    raise exception 'enabled is true or false, spend_cap_minor null or 0 to 99,999,999' using errcode = '22023';
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  if set_overage.enabled and not exists (
    select from octroi_private.subscription as s
    join octroi_private.plan_overage as o on o.plan_version_id = s.plan_version_id
    where s.account_id = v_account_id and s.ended_at is null and s.stripe_subscription_id is not null
  ) then
    raise exception 'this plan has no overage' using errcode = 'OC032';
  end if;
  insert into octroi_private.overage_setting as o (account_id, is_on, spend_cap_minor, changed_at)
  values (v_account_id, set_overage.enabled, set_overage.spend_cap_minor, octroi_private.now())
  on conflict (account_id) do update
  set is_on = excluded.is_on, spend_cap_minor = excluded.spend_cap_minor, changed_at = excluded.changed_at;
  return set_overage.enabled;
end
$$;

ALTER FUNCTION octroi.set_overage(enabled boolean, spend_cap_minor bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.set_overage(enabled boolean, spend_cap_minor bigint) IS 'Lets usage go on beyond plan and top-ups, for money, up to a cap a month (null: the plan''s), or stops it. In force while the subscription is active, so not in a trial. Raises OC040, OC021, OC032, 22023.';

CREATE FUNCTION octroi.start_checkout(plan text, billing_interval text, success_url text, cancel_url text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account_to_bill();
  v_version octroi_private.plan_version;
begin
  perform octroi_private.refuse_url('success_url', start_checkout.success_url);
  perform octroi_private.refuse_url('cancel_url', start_checkout.cancel_url);
  v_version := octroi_private.version_on_sale(start_checkout.plan, start_checkout.billing_interval);
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  if octroi_private.has_bought(v_account_id) then
    raise exception 'this account has a subscription already' using errcode = 'OC032',
      hint = 'change_plan changes it, open_portal pays what is due.';
  end if;
  return octroi_private.enqueue_billing_request(v_account_id, (select auth.uid()), 'checkout', jsonb_build_object(
    'plan_version_id', v_version.id, 'billing_interval', start_checkout.billing_interval,
    'success_url', start_checkout.success_url, 'cancel_url', start_checkout.cancel_url,
    -- one trial for an account, whatever the plan
    'trial_days', case when exists (
      select from octroi_private.stripe_customer as c
      join octroi_private.stripe_subscription as s on s.customer_id = c.id
      where c.account_id = v_account_id and s.trial_ends_at is not null
    ) then 0 else v_version.trial_days end
  ));
end
$$;

ALTER FUNCTION octroi.start_checkout(plan text, billing_interval text, success_url text, cancel_url text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.start_checkout(plan text, billing_interval text, success_url text, cancel_url text) IS 'Asks for a Stripe Checkout page that sells a plan by the month or year; read its URL with billing_request(id). Raises OC040, OC021, OC031, OC032, OC033, OC013.';

CREATE FUNCTION octroi.unsubscribe(token text, act boolean) RETURNS TABLE(found boolean, locale text, is_unsubscribed boolean, purpose text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select u.found, u.locale, u.is_unsubscribed, u.purpose
  from octroi_private.unsubscribe(unsubscribe.token, unsubscribe.act) as u
$$;

ALTER FUNCTION octroi.unsubscribe(token text, act boolean) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.unsubscribe(token text, act boolean) IS 'For the page behind a mail''s unsubscribe link: looks a token up, and with act takes back the consent it stands for, usage_alerts or news.';

CREATE FUNCTION octroi.update_my_contact(account_name text DEFAULT NULL::text, billing_email text DEFAULT NULL::text, phone text DEFAULT NULL::text, locale text DEFAULT NULL::text, time_zone text DEFAULT NULL::text, address jsonb DEFAULT NULL::jsonb, tax_id jsonb DEFAULT NULL::jsonb) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := (select auth.uid());
  v_account_id uuid := octroi_private.my_account();
  v_fault text := octroi_private.contact_fault(
    update_my_contact.account_name, update_my_contact.billing_email, update_my_contact.phone, update_my_contact.address,
    update_my_contact.tax_id
  );
  -- what is the account's is for those who pay for it to say
  v_pays boolean := update_my_contact.account_name is not null or update_my_contact.billing_email is not null
    or update_my_contact.address is not null or update_my_contact.tax_id is not null;
  v_details jsonb;
  v_id uuid;
begin
  perform octroi_private.require_step_up();
  if v_fault is not null then
    raise exception '%', v_fault using errcode = '22023';
  end if;
  if v_pays then
    v_account_id := octroi_private.my_billed_account();
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  v_id := octroi_private.open_privacy_request(v_user_id, 'rectification');
  if update_my_contact.locale is not null or update_my_contact.time_zone is not null then
    perform octroi.set_notifications(null, update_my_contact.locale, update_my_contact.time_zone);
  end if;
  if update_my_contact.phone is not null then
    perform octroi_private.set_contact(v_user_id, null, update_my_contact.phone);
  end if;
  update octroi_private.account as a set name = update_my_contact.account_name
  where a.id = v_account_id and update_my_contact.account_name is not null;
  v_details := jsonb_strip_nulls(jsonb_build_object(
    'name', update_my_contact.account_name, 'email', update_my_contact.billing_email,
    'address', update_my_contact.address, 'tax_id', update_my_contact.tax_id,
    -- the customer is the owner of the account; a member's language and telephone are none of Stripe's business
    'phone', case when o.is_owner then update_my_contact.phone end,
    'locale', case when o.is_owner then update_my_contact.locale end
  ))
  from (
    select exists (
      select from octroi_private.account as a where a.id = v_account_id and a.owner_user_id = v_user_id
    ) as is_owner
  ) as o;
  if not octroi_private.enqueue_contact_change(v_id, v_account_id, v_user_id, v_details) then
    perform octroi_private.close_privacy_request(v_id, 'done', '{"outcome": "corrected here"}');
  end if;
  return v_id;
end
$$;

ALTER FUNCTION octroi.update_my_contact(account_name text, billing_email text, phone text, locale text, time_zone text, address jsonb, tax_id jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.update_my_contact(account_name text, billing_email text, phone text, locale text, time_zone text, address jsonb, tax_id jsonb) IS 'Corrects what is known about the caller and the account they pay for, here and at Stripe; what is left out stays. Raises OC020, OC021, OC040, OC043, OC050, OC051, 22023.';

CREATE FUNCTION octroi.withdraw_consent(purpose text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.my_account();
  return octroi_private.decide_consent((select auth.uid()), withdraw_consent.purpose, false, null, 'rpc');
end
$$;

ALTER FUNCTION octroi.withdraw_consent(purpose text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.withdraw_consent(purpose text) IS 'Takes a consent back, at once and without conditions; false when there was none. Raises OC020, 22023.';

CREATE FUNCTION octroi_private.access_of(p_account_id uuid) RETURNS TABLE(stripe_subscription_id text, plan_version_id bigint, anchor_at timestamp with time zone, granted_until timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  with live as (
    select s as subscription, s.id, s.anchor_at, base.plan_version_id, octroi_private.now() as at
    from octroi_private.stripe_customer as c
    join octroi_private.stripe_subscription as s on s.customer_id = c.id
    left join lateral (
      select p.plan_version_id
      from octroi_private.stripe_subscription_item as i
      join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
      join octroi_private.plan_price as p on p.lookup_key = k.key
      where i.subscription_id = s.id
      order by p.plan_version_id desc
      limit 1
    ) as base on true
    where c.account_id = p_account_id and not c.is_deleted and not s.is_closing
      and s.status in ('trialing', 'active', 'past_due')
  ),
  granted as (
    -- the plan that the subscription is on now, as far as it is paid, or tried; last, as far as it is trusted
    select l.id, l.plan_version_id, l.anchor_at, l.at,
      c.until + octroi_private.grace_of(l.subscription, l.plan_version_id, c.until) as until,
      case when c.is_paid then 1 else 3 end as choice
    from live as l
    cross join lateral octroi_private.covered_until(l.subscription, l.plan_version_id) as c
    union all
    -- another one that was paid for this very time: an upgrade that is not paid yet, a downgrade seen half
    select l.id, p.plan_version_id, l.anchor_at, l.at, p.period_end, 2
    from live as l
    cross join lateral (
      select d.plan_version_id, d.period_end
      from octroi_private.paid_lines(l.id) as d
      where d.plan_version_id is distinct from l.plan_version_id and d.period_start <= l.at and d.period_end > l.at
      order by d.period_start desc, d.plan_version_id desc
      limit 1
    ) as p
  )
  select best.id::text, best.plan_version_id, best.anchor_at, best.until
  from (
    select distinct on (g.id) g.*
    from granted as g
    where g.until > g.at
    order by g.id, g.choice
  ) as best
  join octroi_private.plan_version as v on v.id = best.plan_version_id
  join octroi_private.plan as n on n.code = v.plan_code
  -- of two subscriptions, which nobody needs, the better one counts
  order by n.rank desc, best.until desc, best.id
  limit 1;
end
$$;

ALTER FUNCTION octroi_private.access_of(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.account_of_customer(p_customer_id text) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select c.account_id from octroi_private.stripe_customer as c where c.id = p_customer_id
  );
end
$$;

ALTER FUNCTION octroi_private.account_of_customer(p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.accounts_of_person(p_user_id uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select m.account_id from octroi_private.member as m where m.user_id = p_user_id
  union
  select d.account_id from octroi_private.usage_daily as d where d.user_id = p_user_id
  union
  select k.account_id from octroi_private.api_key as k where k.user_id = p_user_id
  union
  select a.id from octroi_private.account as a where a.owner_user_id = p_user_id
$$;

ALTER FUNCTION octroi_private.accounts_of_person(p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.add_business_days(p_at timestamp with time zone, p_days integer) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select d.at
  from (
    select p_at + make_interval(days => n) as at, row_number() over (order by n) as nth
    from generate_series(1, p_days * 2 + 4) as n
    where extract(isodow from (p_at + make_interval(days => n)) at time zone 'utc') < 6
  ) as d
  where d.nth = p_days
$$;

ALTER FUNCTION octroi_private.add_business_days(p_at timestamp with time zone, p_days integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.add_grant(p_account_id uuid, p_meter text, p_amount bigint, p_kind text, p_reason text, p_expires_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone, p_priority smallint DEFAULT 0) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.quota_grant (account_id, meter, kind, amount, priority, starts_at, expires_at, reason)
  values (p_account_id, p_meter, p_kind, p_amount, p_priority, octroi_private.now(), p_expires_at, p_reason)
  returning id
$$;

ALTER FUNCTION octroi_private.add_grant(p_account_id uuid, p_meter text, p_amount bigint, p_kind text, p_reason text, p_expires_at timestamp with time zone, p_priority smallint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.add_grant(p_account_id uuid, p_meter text, p_amount bigint, p_kind text, p_reason text, p_expires_at timestamp with time zone, p_priority smallint) IS 'Grants quota on top of the plan (kind rollover, promo or top_up) and says why. Raises 23514 on a bad amount or kind.';

CREATE FUNCTION octroi_private.add_person() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into octroi_private.person (user_id) values (new.id) on conflict do nothing;
  return null;
end
$$;

ALTER FUNCTION octroi_private.add_person() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.admin_page(p_table text, p_after text[], p_max_rows integer) RETURNS TABLE(next_after text[], data text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  v_rows bigint;
begin
  if not exists (select from octroi_private.admin_tables() as t where t.table_name = p_table) then
    raise exception 'there is no table % for operators', left(p_table, 63) using errcode = '22023';
  end if;
  return query execute octroi_private.admin_statement(p_table)
  using p_after, least(greatest(p_max_rows, 0), 10000);
  get diagnostics v_rows = row_count;
  -- nobody has a row yet: what raises here takes them back. Keys are ids of people, and not kept
  perform octroi_private.note_admin_read(
    p_action => 'admin_read.' || p_table, p_table => p_table, p_subject => p_table,
    p_detail => jsonb_build_object('by', 'page', 'rows', v_rows)
  );
end
$$;

ALTER FUNCTION octroi_private.admin_page(p_table text, p_after text[], p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.admin_page(p_table text, p_after text[], p_max_rows integer) IS 'Rows of a table for operators in the order of its primary key, and the key to go on after; written down in the audit log. Raises OC040 for an operator from the Data API without aal2, 22023, 25006.';

CREATE FUNCTION octroi_private.admin_statement(p_table text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select format(
    'select array[%1$s], row_to_json(x)::text from (select * from octroi_private.%2$I as t where $1 is null or (%3$s) > (%4$s) '
    'order by %3$s limit $2) as t cross join lateral (select %5$s) as x order by %3$s',
    k.as_text, p_table, k.names, k.given, (
      select string_agg(format('t.%I', d.column_name), ', ' order by d.position)
      from octroi_private.personal_data as d
      -- no secret, and nothing that says how to reach somebody or what they wrote
      where d.table_name = p_table and d.class in ('fact', 'reference')
    )
  )
  from (
    select
      string_agg(format('t.%I::text', a.attname), ', ' order by n.ord) as as_text,
      string_agg(format('t.%I', a.attname), ', ' order by n.ord) as names,
      string_agg(format('$1[%s]::%s', n.ord, format_type(a.atttypid, null)), ', ' order by n.ord) as given
    from pg_catalog.pg_constraint as c
    cross join lateral unnest(c.conkey) with ordinality as n (attnum, ord)
    join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and a.attnum = n.attnum
    where c.contype = 'p' and c.conrelid = to_regclass('octroi_private.' || quote_ident(p_table))
  ) as k
$_$;

ALTER FUNCTION octroi_private.admin_statement(p_table text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.admin_tables() RETURNS TABLE(table_name text, estimated_rows bigint, columns text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    d.table_name, (
      -- of a partitioned table only the partitions are counted
      select greatest(sum(greatest(c.reltuples, 0)), 0)::bigint
      from pg_partition_tree(to_regclass('octroi_private.' || d.table_name)) as p
      join pg_catalog.pg_class as c on c.oid = p.relid
    ), array_agg(d.column_name order by d.position)
  from octroi_private.personal_data as d
  where d.reach is not null and d.class in ('fact', 'reference')
    and d.table_name not in (
      'contact', 'completion', 'stored_response', 'person', 'data_key', 'export_ticket', 'contact_change'
    )
  group by d.table_name
  order by d.table_name
$$;

ALTER FUNCTION octroi_private.admin_tables() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.admin_tables() IS 'The tables that operators may export, their columns, and about how many rows they have.';

CREATE FUNCTION octroi_private.affected_fault(p_affected jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case
    when jsonb_typeof(p_affected) is distinct from 'object' then 'it is no object'
    when p_affected = '{}' then 'it says nothing; {"everyone": true} means everyone'
    else (
      select string_agg(format('%s is not what it should be', k.key), ', ')
      from jsonb_each(p_affected) as k
      where not case
        when k.key = 'everyone' then k.value = 'true'
        when k.key in ('users', 'accounts', 'keys') then jsonb_typeof(k.value) = 'array'
          and jsonb_array_length(k.value) between 1 and 10000
          and not jsonb_path_exists(
            k.value, '$[*] ? (!(@ like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))'
          )
        when k.key in ('used_from', 'used_until', 'signed_up_before')
          then k.value #>> '{}' ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
        else false
      end
    )
  end
$_$;

ALTER FUNCTION octroi_private.affected_fault(p_affected jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.affected_people(p_affected jsonb, p_after uuid, p_max integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.owner_user_id
  from octroi_private.account as a
  where a.kind = 'personal' and a.owner_user_id is not null
    and (p_after is null or a.owner_user_id > p_after)
    and (not p_affected ? 'users' or p_affected -> 'users' ? a.owner_user_id::text)
    and (not p_affected ? 'accounts' or a.owner_user_id in (
      select octroi_private.people_of_accounts(array(
        select i.id::uuid from jsonb_array_elements_text(p_affected -> 'accounts') as i (id)
      ))
    ))
    and (not p_affected ? 'keys' or exists (
      select from octroi_private.api_key as k
      where k.user_id = a.owner_user_id and p_affected -> 'keys' ? k.id::text
    ))
    and (not p_affected ? 'signed_up_before' or a.created_at < (p_affected ->> 'signed_up_before')::date)
    and (not p_affected ?| array['used_from', 'used_until'] or exists (
      select from octroi_private.usage_daily as d
      where d.user_id = a.owner_user_id
        and d.day between coalesce((p_affected ->> 'used_from')::date, '-infinity')
        and coalesce((p_affected ->> 'used_until')::date, 'infinity')
    ))
  order by a.owner_user_id
  limit p_max
$$;

ALTER FUNCTION octroi_private.affected_people(p_affected jsonb, p_after uuid, p_max integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.alert_amount(p_account_id uuid, p_scope text, p_meter text, p_period text, p_used bigint, p_reached_of bigint, p_limit bigint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when p_scope in ('account', 'member') and p_period <> 'day' and p_limit > 0 then least(
    (
      select min(octroi_private.threshold_amount(p_limit, t.threshold))
      from unnest(array[80, 90, 100]) as t (threshold)
      where coalesce(octroi_private.threshold_amount(p_reached_of, t.threshold) > p_used, true)
    ),
    (
      select b.point
      from octroi_private.buying_point(p_account_id, p_scope, p_meter, p_period, p_limit) as b (point)
      where b.point > p_used or p_reached_of is distinct from p_limit
    ),
    1000000000000000
  ) else 1000000000000000 end
$$;

ALTER FUNCTION octroi_private.alert_amount(p_account_id uuid, p_scope text, p_meter text, p_period text, p_used bigint, p_reached_of bigint, p_limit bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.allot(p_calls octroi_private.asked_call[]) RETURNS octroi_private.allotment[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_given octroi_private.allotment [] := '{}';
  v_last octroi_private.allotment;
  v_call octroi_private.asked_call;
begin
  foreach v_call in array p_calls loop
    v_last := octroi_private.allot_next(
      v_last, v_call.balances, v_call.input_tokens, v_call.output_tokens, v_call.choices, v_call.input_price,
      v_call.output_price
    );
    v_given := v_given || v_last;
  end loop;
  return v_given;
end
$$;

ALTER FUNCTION octroi_private.allot(p_calls octroi_private.asked_call[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.allot_next(p_before octroi_private.allotment, p_balances octroi_private.balance[], p_input_tokens bigint, p_output_tokens bigint, p_choices bigint, p_input_price bigint, p_output_price bigint) RETURNS octroi_private.allotment
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  c_min_output_tokens constant bigint := 16;
  c_unbounded constant bigint := 9223372036854775807;
  v_ids bigint [] := coalesce(p_before.ids, '{}');
  v_room bigint [] := coalesce(p_before.room, '{}');
  v_positions integer [] := '{}';
  v_hold bigint [] := '{}';
  v_output bigint;
  v_tokens bigint;
  v_cost bigint;
  -- output tokens per choice that one balance affords, and the least of them
  v_fits bigint;
  v_least bigint;
  v_tightest integer;
  v_refused_until timestamptz;
  v_balance octroi_private.balance;
  v_at integer;
  v_left bigint;
begin
  foreach v_balance in array coalesce(p_balances, '{}') loop
    v_at := array_position(v_ids, v_balance.id);
    if v_at is null then
      v_ids := v_ids || v_balance.id;
      v_room := v_room || (v_balance.granted + v_balance.overage - v_balance.used - v_balance.reserved);
      v_at := cardinality(v_ids);
    end if;
    v_positions := v_positions || v_at;
    v_left := v_room[v_at];
    v_fits := case v_balance.meter
      -- integer division rounds to zero: a shortage below one token must not read as none
      when 'tokens' then case when v_left < p_input_tokens then -1 else (v_left - p_input_tokens) / p_choices end
      when 'cost' then case
        when v_left * 1000 < p_input_tokens * p_input_price then -1
        when p_output_price = 0 then c_unbounded
        else (v_left * 1000 - p_input_tokens * p_input_price) / (p_output_price * p_choices)
      end
      else case when v_left >= 1 then c_unbounded else -1 end
    end;
    if v_fits < least(p_output_tokens, c_min_output_tokens) then
      -- of several that refuse, the one that refuses longest is named: waiting for another would not help
      if v_refused_until is null or v_balance.resets_at > v_refused_until then
        v_refused_until := v_balance.resets_at;
        v_tightest := cardinality(v_positions);
      end if;
    elsif v_refused_until is null and (v_least is null or v_fits < v_least) then
      v_tightest := cardinality(v_positions);
      v_least := v_fits;
    end if;
  end loop;
  if v_refused_until is not null then
    return row(v_ids, v_room, null, null, null, null, v_tightest, v_room[v_positions[v_tightest]])::octroi_private.allotment;
  end if;
  v_output := least(p_output_tokens, v_least);
  v_tokens := p_input_tokens + v_output * p_choices;
  v_cost := (p_input_tokens * p_input_price + v_output * p_choices * p_output_price + 999) / 1000;
  foreach v_balance in array coalesce(p_balances, '{}') loop
    v_at := v_positions[cardinality(v_hold) + 1];
    v_fits := case v_balance.meter when 'tokens' then v_tokens when 'cost' then v_cost else 1 end;
    v_hold := v_hold || v_fits;
    v_room[v_at] := v_room[v_at] - v_fits;
  end loop;
  return row(
    v_ids, v_room, v_hold, v_output, v_tokens, v_cost, v_tightest, v_room[v_positions[v_tightest]]
  )::octroi_private.allotment;
end
$$;

ALTER FUNCTION octroi_private.allot_next(p_before octroi_private.allotment, p_balances octroi_private.balance[], p_input_tokens bigint, p_output_tokens bigint, p_choices bigint, p_input_price bigint, p_output_price bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.anchor_of(p_account_id uuid) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (select s.anchor_at from octroi_private.subscription as s where s.account_id = p_account_id and s.ended_at is null),
    (select a.created_at from octroi_private.account as a where a.id = p_account_id)
  )
$$;

ALTER FUNCTION octroi_private.anchor_of(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.announce(p_key text, p_letter jsonb, p_max_rows integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_now timestamptz := octroi_private.now();
  v_written integer;
begin
  if not octroi_private.is_letter(p_letter) then
    raise exception 'a letter is {"en": {"subject": …, "paragraphs": […]}}, with "fr" alike and "url" if there is one'
      using errcode = '22023';
  elsif p_key is null or p_key !~ '^[A-Za-z0-9._-]{1,100}$' then
    raise exception 'the key of a letter has 1 to 100 letters, digits, dots and dashes' using errcode = '22023';
  end if;
  insert into octroi_private.news_letter (key, begun_at) values (p_key, v_now) on conflict (key) do nothing;
  if (select n.begun_at from octroi_private.news_letter as n where n.key = p_key) <= v_now - interval '7 days' then
    raise exception 'letter % was announced more than a week ago', p_key using errcode = '22023',
      hint = 'Who had it is not known any more: another letter takes another key.';
  end if;
  select count(*) filter (where octroi_private.enqueue_mail(
    r.account_id, r.user_id, 'news', p_key, p_letter, v_now + interval '7 days'
  )) into v_written
  from (
    select a.id as account_id, a.owner_user_id as user_id
    from octroi_private.account as a
    where a.kind = 'personal' and a.status = 'active' and octroi_private.has_consent(a.owner_user_id, 'news')
      and not exists (
        select from octroi_private.mail as m where m.dedupe_key = format('news:%s:%s', p_key, a.owner_user_id)
      )
    order by a.owner_user_id
    limit greatest(p_max_rows, 0)
  ) as r;
  perform octroi_private.record_audit(
    'news.announce', null, p_key, jsonb_build_object('mails', v_written, 'subject', p_letter -> 'en' ->> 'subject'), null
  );
  return v_written;
end
$_$;

ALTER FUNCTION octroi_private.announce(p_key text, p_letter jsonb, p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.announce(p_key text, p_letter jsonb, p_max_rows integer) IS 'Writes news to everybody who consented, once for a key; how many mails were written. Call it again until that is 0, within a week. Raises 22023.';

CREATE FUNCTION octroi_private.apply_retention(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_since timestamptz;
  v_rows bigint;
  v_total bigint := 0;
begin
  v_since := octroi_private.kept_since('job_dead');
  delete from octroi_private.job where id in (
    select j.id from octroi_private.job as j where j.state = 'dead' and j.finished_at <= v_since limit p_max_rows
  );
  get diagnostics v_total = row_count;
  v_since := octroi_private.kept_since('billing_request');
  delete from octroi_private.billing_request where id in (
    -- ids are in order of time
    select r.id from octroi_private.billing_request as r
    where r.id < octroi_private.uuid_v7_floor(v_since) and r.finished_at <= v_since
    order by r.id
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('alert');
  delete from octroi_private.alert where id in (
    select o.id
    from (select a.id, a.raised_at from octroi_private.alert as a order by a.id limit p_max_rows) as o
    where o.raised_at <= v_since
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('usage_daily');
  delete from octroi_private.usage_daily as d
  where d.ctid = any(array(
    select k.ctid from octroi_private.usage_daily as k
    where k.day < (v_since at time zone 'utc')::date and k.day < (octroi_private.usage_kept_since() at time zone 'utc')::date
    limit p_max_rows
  ));
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('erasure_receipt');
  delete from octroi_private.erasure_step as s using octroi_private.erasure_receipt as r
  where r.id = s.receipt_id and r.finished_at <= v_since and not exists (
    select from octroi_private.erased_account as e where e.receipt_id = r.id
  );
  delete from octroi_private.erasure_receipt as r
  where r.finished_at <= v_since and not exists (
    select from octroi_private.erased_account as e where e.receipt_id = r.id
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows + octroi_private.watch_erasures(p_max_rows)
    + octroi_private.drop_erased_account(p_max_rows);
  -- last: from here to the end of the sweep nobody else can use the table
  return v_total + octroi_private.drop_usage_month();
end
$$;

ALTER FUNCTION octroi_private.apply_retention(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.apply_stripe_object(p_kind text, p_id text, p_fence bigint, p_object jsonb) RETURNS TABLE(outcome text, problem text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_locked_at timestamptz;
  v_problem text;
begin
  perform from octroi_private.account as a
  where a.id = octroi_private.account_of_customer(
    coalesce(octroi_private.customer_of(p_kind, p_id), p_object ->> 'customer')
  )
  for no key update;
  select o.locked_at into v_locked_at
  from octroi_private.stripe_object as o
  where o.kind = p_kind and o.id = p_id and o.fence = p_fence and o.lease_expires_at is not null
  for update;
  if v_locked_at is null then
    return query select 'fenced', null::text;
    return;
  end if;
  begin
    if p_object ->> 'id' is distinct from p_id and p_object -> 'deleted' is distinct from 'true' then
      v_problem := 'malformed: another object than was asked for';
    elsif p_object -> 'deleted' = 'true' then
      perform octroi_private.store_gone(p_kind, p_id);
    else
      case p_kind
        when 'customer' then perform octroi_private.store_customer(p_object);
        when 'subscription' then perform octroi_private.store_subscription(p_object);
        when 'invoice' then perform octroi_private.store_invoice(p_object);
        when 'checkout_session' then perform octroi_private.store_checkout_session(p_object);
        when 'charge' then perform octroi_private.store_charge(p_object);
        when 'dispute' then perform octroi_private.store_dispute(p_object);
      end case;
    end if;
  exception
    when data_exception or integrity_constraint_violation then
      v_problem := left('malformed: ' || sqlerrm, 500);
  end;
  if v_problem is null then
    perform octroi_private.evaluate_customer(octroi_private.customer_of(p_kind, p_id));
    perform octroi_private.enqueue_related(p_kind, p_id);
    v_problem := octroi_private.object_problem(p_kind, p_id);
  end if;
  update octroi_private.stripe_object as o
  set lease_expires_at = null, applied_at = octroi_private.now(), problem = v_problem
  where o.kind = p_kind and o.id = p_id;
  update octroi_private.stripe_event as e
  set state = case when v_problem is null then 'done' else 'quarantined' end, reason = v_problem
  where e.object_kind = p_kind and e.object_id = p_id and e.state = 'queued' and e.received_at <= v_locked_at;
  return query select case when v_problem is null then 'applied' else 'quarantined' end, v_problem;
end
$$;

ALTER FUNCTION octroi_private.apply_stripe_object(p_kind text, p_id text, p_fence bigint, p_object jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.apply_stripe_object(p_kind text, p_id text, p_fence bigint, p_object jsonb) IS 'Takes an object as fetched under a fence, and does what follows: applied, quarantined (with the problem) or fenced. The lease ends.';

CREATE FUNCTION octroi_private.assess_breach(p_breach_id bigint, p_assessment jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_names text [] := array[
    'risk', 'data_categories', 'affected', 'records_count', 'consequences', 'measures', 'contact', 'nature'
  ];
  v_missing text;
  v_fault text;
  v_count bigint;
begin
  if jsonb_typeof(p_assessment) is distinct from 'object' or p_assessment - v_names <> '{}' then
    raise exception 'an assessment has % and no more', array_to_string(v_names, ', ') using errcode = '22023';
  end if;
  v_breach := jsonb_populate_record(v_breach, jsonb_strip_nulls(p_assessment));
  select string_agg(f.name, ', ') into v_missing
  from unnest(v_names) as f (name)
  where f.name <> 'records_count' and to_jsonb(v_breach) -> f.name = 'null';
  if v_missing is not null then
    raise exception 'the assessment lacks %', v_missing using errcode = 'OC055';
  end if;
  v_fault := octroi_private.affected_fault(v_breach.affected);
  if v_fault is not null then
    raise exception 'who is affected cannot be read: %', v_fault using errcode = '22023';
  end if;
  select count(*) into v_count from octroi_private.affected_people(v_breach.affected, null, null);
  update octroi_private.breach as b
  set risk = v_breach.risk, data_categories = v_breach.data_categories, affected = v_breach.affected,
    records_count = v_breach.records_count, consequences = v_breach.consequences, measures = v_breach.measures,
    contact = v_breach.contact, nature = v_breach.nature, affected_count = v_count,
    assessed_at = octroi_private.now(), notices_after = null, notices_queued_at = null
  where b.id = p_breach_id;
  -- whom it affects may be others now: the notices begin anew, and pass over everybody who has one
  if v_breach.notices_begun_at is not null then
    perform octroi_private.enqueue_breach_notices(p_breach_id);
  end if;
  perform octroi_private.record_audit(
    'breach.assess', null, p_breach_id::text, jsonb_build_object('risk', v_breach.risk, 'affected_count', v_count),
    'assessed by the operator'
  );
  return v_count;
end
$$;

ALTER FUNCTION octroi_private.assess_breach(p_breach_id bigint, p_assessment jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.assess_breach(p_breach_id bigint, p_assessment jsonb) IS 'Writes down what is known of a breach and counts who is affected; once notices have begun, whoever has none yet is told. Raises OC055 when something is missing, 22023 for what cannot be read, 23514.';

CREATE FUNCTION octroi_private.assign_plan(p_account_id uuid, p_plan_code text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_anchor_at timestamptz;
  v_version_id bigint;
  v_id uuid;
begin
  select v.id into v_version_id
  from octroi_private.plan_version as v
  where v.plan_code = p_plan_code
  order by v.version desc
  limit 1;
  if v_version_id is null then
    raise exception 'no plan %', p_plan_code using errcode = 'OC002', hint = 'select code from octroi_private.plan';
  end if;
  update octroi_private.subscription set ended_at = v_now
  where account_id = p_account_id and ended_at is null
  returning anchor_at into v_anchor_at;
  insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
  values (p_account_id, v_version_id, coalesce(v_anchor_at, v_now), v_now)
  returning id into v_id;
  return v_id;
end
$$;

ALTER FUNCTION octroi_private.assign_plan(p_account_id uuid, p_plan_code text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.assign_plan(p_account_id uuid, p_plan_code text) IS 'Puts an account on the newest version of a plan, keeping its anchor. Raises OC002 for an unknown plan.';

CREATE FUNCTION octroi_private.at_second(p_seconds bigint) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select to_timestamp(p_seconds)
$$;

ALTER FUNCTION octroi_private.at_second(p_seconds bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  c_left_out constant text [] := array[
    'name', 'key_hash', 'unsubscribe_token', 'news_token', 'content', 'changed_at', 'last_used_at', 'user_id',
    'owner_user_id',
    -- texts about a person in a request of theirs, which is not kept as long as this log
    'evidence', 'extension_reason'
  ];
  v_old jsonb := to_jsonb(old);
  v_new jsonb := to_jsonb(new);
  v_row jsonb := coalesce(v_new, v_old);
  v_person uuid := octroi_private.pseudonym_of(coalesce(v_row ->> 'user_id', v_row ->> 'owner_user_id')::uuid);
  v_was jsonb;
begin
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(o.key, o.value) into v_was
    from jsonb_each(v_old - c_left_out) as o
    where o.value is distinct from v_new -> o.key;
    if v_old -> 'owner_user_id' is distinct from v_new -> 'owner_user_id' then
      v_was := coalesce(v_was, '{}') || jsonb_build_object(
        'owner', octroi_private.pseudonym_of((v_old ->> 'owner_user_id')::uuid)
      );
    end if;
    if v_was is null then
      return null;
    end if;
  end if;
  perform octroi_private.record_audit(
    tg_argv[0] || '.' || lower(tg_op), coalesce(v_row ->> 'account_id', case tg_argv[0]
      when 'account' then v_row ->> 'id'
    end)::uuid, coalesce(
      v_row ->> 'id', v_row ->> 'code', v_row ->> 'subject', v_row ->> 'table_name', v_row ->> 'country',
      case tg_argv[0] when 'processor' then v_row ->> 'name' end, v_person::text
    ),
    (v_row - c_left_out) || case when v_person is null then '{}' else jsonb_build_object('person', v_person) end
    || case when v_was is null then '{}' else jsonb_build_object('was', v_was) end, null
  );
  return null;
end
$$;

ALTER FUNCTION octroi_private.audit() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.audit_erasure(p_receipt_id uuid, p_accounts uuid[], p_ending uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_detail jsonb := jsonb_build_object('accounts_ended', to_jsonb(p_ending), 'accounts_left', (
    select coalesce(jsonb_agg(a.id), '[]') from unnest(p_accounts) as a (id) where a.id <> all(p_ending)
  ));
begin
  perform octroi_private.record_audit('person.erased', p_ending[1], p_receipt_id::text, v_detail, null);
end
$$;

ALTER FUNCTION octroi_private.audit_erasure(p_receipt_id uuid, p_accounts uuid[], p_ending uuid[]) OWNER TO octroi_owner;

CREATE TABLE octroi_private.audit_log (
    id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    actor uuid,
    actor_role text NOT NULL,
    login text DEFAULT SESSION_USER NOT NULL,
    action text NOT NULL,
    account_id uuid,
    person uuid,
    subject text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    reason text,
    CONSTRAINT audit_log_action_check CHECK ((action ~ '^[a-z_]+\.[a-z_]+$'::text)),
    CONSTRAINT audit_log_detail_check CHECK ((jsonb_typeof(detail) = 'object'::text)),
    CONSTRAINT audit_log_reason_check CHECK ((length(reason) <= 500)),
    CONSTRAINT audit_log_subject_check CHECK ((length(subject) <= 200))
);

ALTER TABLE ONLY octroi_private.audit_log FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.audit_log OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.audit_log IS 'Append-only record of critical actions. It holds no user id, no address and no name: people are pseudonyms.';

CREATE FUNCTION octroi_private.audit_hash(p_before bytea, p_entry octroi_private.audit_log) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select sha256(p_before || convert_to(jsonb_build_array(
    p_entry.id, (extract(epoch from p_entry.occurred_at) * 1000000)::bigint, p_entry.actor, p_entry.actor_role,
    p_entry.login, p_entry.action, p_entry.account_id, p_entry.person, p_entry.subject, p_entry.detail, p_entry.reason
  )::text, 'utf8'))
$$;

ALTER FUNCTION octroi_private.audit_hash(p_before bytea, p_entry octroi_private.audit_log) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.audit_position(p_position bigint DEFAULT NULL::bigint) RETURNS TABLE(reached bigint, hash text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select k.position, encode(k.hash, 'hex')
  from octroi_private.audit_link as k
  where p_position is null or k.position = p_position
  order by k.position desc
  limit 1
$$;

ALTER FUNCTION octroi_private.audit_position(p_position bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.audit_position(p_position bigint) IS 'A link of the audit chain, or with null its head, to be kept elsewhere; no row when there is none.';

CREATE FUNCTION octroi_private.authenticate_key(p_key_hash bytea) RETURNS TABLE(api_key_id uuid, account_id uuid, user_id uuid, state text, allowed_endpoints text[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_today date := (v_now at time zone 'utc')::date;
begin
  select k.id, k.account_id, k.user_id, k.allowed_endpoints,
    case
      when k.revoked_at is not null or m.user_id is null then 'revoked'
      when k.expires_at <= v_now then 'expired'
      when p.expires_at <= v_now then 'expired'
      when a.status <> 'active' or octroi_private.is_banned(k.user_id) then 'suspended'
      else 'active'
    end
  into api_key_id, account_id, user_id, allowed_endpoints, state
  from octroi_private.api_key as k
  join octroi_private.account as a on a.id = k.account_id
  left join octroi_private.member as m on m.account_id = k.account_id and m.user_id = k.user_id
  left join octroi_private.api_key_previous as p on p.key_hash = p_key_hash
  where k.id = coalesce(p.api_key_id, (select c.id from octroi_private.api_key as c where c.key_hash = p_key_hash));
  if not found then
    return;
  end if;
  -- one write per key and day
  if state = 'active' and not exists (
    select from octroi_private.api_key_use as u where u.api_key_id = authenticate_key.api_key_id and u.last_used_on >= v_today
  ) then
    insert into octroi_private.api_key_use as u (api_key_id, last_used_on) values (api_key_id, v_today)
    on conflict (api_key_id) do update set last_used_on = greatest(u.last_used_on, excluded.last_used_on);
  end if;
  return next;
end
$$;

ALTER FUNCTION octroi_private.authenticate_key(p_key_hash bytea) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) IS 'Resolves the SHA-256 of an API key, or of the one before its rotation while its grace lasts; no row when unknown. state: active, revoked, expired or suspended (the account, or the key''s user). allowed_endpoints null means every one.';

CREATE FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) RETURNS TABLE(account_id uuid, user_id uuid, state text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.id, m.user_id,
    case when a.status <> 'active' or octroi_private.is_banned(m.user_id) then 'suspended' else 'active' end
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  where m.user_id = p_user_id
    and case when p_account_id is null then a.kind = 'personal' else a.id = p_account_id end
$$;

ALTER FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) IS 'Resolves the user of a verified token to an account of theirs; no row when not a member. state: active or suspended (the account, or the user).';

CREATE FUNCTION octroi_private.is_sound_usage(p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_total_tokens bigint, p_cost_nano_usd bigint, p_overrun_tokens bigint, p_overrun_cost_nano_usd bigint) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return p_total_tokens = p_input_tokens + p_output_tokens
    and p_cached_input_tokens + p_cache_write_tokens + p_audio_input_tokens <= p_input_tokens
    and greatest(p_reasoning_tokens, p_audio_output_tokens) <= p_output_tokens
    and p_overrun_tokens <= p_total_tokens and p_overrun_cost_nano_usd <= p_cost_nano_usd;
end
$$;

ALTER FUNCTION octroi_private.is_sound_usage(p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_total_tokens bigint, p_cost_nano_usd bigint, p_overrun_tokens bigint, p_overrun_cost_nano_usd bigint) OWNER TO octroi_owner;

CREATE TABLE octroi_private.usage_event (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    api_key_id uuid,
    user_id uuid NOT NULL,
    endpoint text NOT NULL,
    model text NOT NULL,
    response_model text,
    service_tier text,
    source octroi_private.usage_source NOT NULL,
    input_tokens octroi_private.quantity NOT NULL,
    cached_input_tokens octroi_private.quantity NOT NULL,
    cache_write_tokens octroi_private.quantity NOT NULL,
    audio_input_tokens octroi_private.quantity NOT NULL,
    output_tokens octroi_private.quantity NOT NULL,
    reasoning_tokens octroi_private.quantity NOT NULL,
    audio_output_tokens octroi_private.quantity NOT NULL,
    total_tokens octroi_private.quantity NOT NULL,
    cost_nano_usd octroi_private.quantity NOT NULL,
    overrun_tokens octroi_private.quantity DEFAULT 0 NOT NULL,
    overrun_cost_nano_usd octroi_private.quantity DEFAULT 0 NOT NULL,
    overrun_requests octroi_private.none_or_one DEFAULT 0 NOT NULL,
    price_id bigint NOT NULL,
    balance_ids bigint[] NOT NULL,
    latency_ms octroi_private.duration_ms,
    first_token_ms octroi_private.duration_ms,
    upstream_request_id octroi_private.short_text,
    raw_usage jsonb,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT usage_event_is_sound CHECK (octroi_private.is_sound_usage((input_tokens)::bigint, (cached_input_tokens)::bigint, (cache_write_tokens)::bigint, (audio_input_tokens)::bigint, (output_tokens)::bigint, (reasoning_tokens)::bigint, (audio_output_tokens)::bigint, (total_tokens)::bigint, (cost_nano_usd)::bigint, (overrun_tokens)::bigint, (overrun_cost_nano_usd)::bigint))
)
PARTITION BY RANGE (occurred_at);

ALTER TABLE ONLY octroi_private.usage_event FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_event OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.usage_event IS 'One settled call: token pools, cost and price used. Append-only, one partition per month.';

CREATE FUNCTION octroi_private.balances_around(p_event octroi_private.usage_event) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'scope', b.scope, 'meter', b.meter, 'period', b.period, 'period_start', b.period_start,
    'used_before', b.carried + u.before, 'used_after', b.carried + u.before + u.own
  ) order by b.id), '[]')
  from octroi_private.balance as b
  cross join lateral (
    select
      coalesce(sum(c.charged) filter (where c.id <> p_event.id), 0)::bigint as before,
      coalesce(sum(c.charged) filter (where c.id = p_event.id), 0)::bigint as own
    from (
      select e.id, case b.meter
        when 'tokens' then e.total_tokens - e.overrun_tokens
        when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
        else 1 - e.overrun_requests
      end as charged
      from octroi_private.usage_event as e
      where e.account_id = p_event.account_id and e.occurred_at >= b.period_start
        and b.id = any(e.balance_ids) and (e.recorded_at, e.id) <= (p_event.recorded_at, p_event.id)
    ) as c
  ) as u
  where b.id = any(p_event.balance_ids)
$$;

ALTER FUNCTION octroi_private.balances_around(p_event octroi_private.usage_event) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.begin_export(p_token_hash bytea) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update octroi_private.export_ticket as t set used_at = octroi_private.now()
  where t.token_hash = p_token_hash and t.used_at is null and t.expires_at > octroi_private.now()
    and not octroi_private.is_banned(t.user_id)
  returning t.request_id
$$;

ALTER FUNCTION octroi_private.begin_export(p_token_hash bytea) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.begin_export(p_token_hash bytea) IS 'Uses up the ticket whose token has this hash; null when there is none, it was used, its time is over, or its user is banned.';

CREATE FUNCTION octroi_private.begin_mail(p_mail_id uuid, p_attempt integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION octroi_private.begin_mail(p_mail_id uuid, p_attempt integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.begin_mail(p_mail_id uuid, p_attempt integer) IS 'Says that a mail may be delivered from now on; false when the attempt is not the latest, or the mail was cancelled or became unwanted meanwhile.';

CREATE FUNCTION octroi_private.begin_meter_report(p_report_id uuid) RETURNS TABLE(action text, identifier text, event_name text, customer_id text, value bigint, timestamp_s bigint, meter_id text, window_start_s bigint, window_end_s bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_report octroi_private.meter_report;
  v_action text;
begin
  select r.* into v_report from octroi_private.meter_report as r where r.id = p_report_id for update;
  if v_report.id is null or v_report.state not in ('pending', 'sending', 'unknown') then
    return;
  end if;
  v_action := case
    -- an hour short of the day that Stripe remembers: sending may go on for minutes
    when v_report.first_sent_at <= v_now - interval '23 hours' then 'compare'
    when v_report.usage_at <= v_now - interval '35 days' then 'too_old'
    else 'send'
  end;
  if v_action = 'too_old' and v_report.first_sent_at is null then
    update octroi_private.meter_report as r
    set state = 'written_off', detail = 'older than the 35 days that Stripe takes', changed_at = v_now
    where r.id = p_report_id;
  elsif v_action = 'send' then
    -- from here on Stripe may have seen it
    update octroi_private.meter_report as r
    set state = 'sending', attempts = r.attempts + 1, first_sent_at = coalesce(r.first_sent_at, v_now),
      changed_at = v_now
    where r.id = p_report_id;
  elsif v_action = 'too_old' then
    v_action := 'compare';
  end if;
  return query select
    v_action, v_report.id::text, v_report.event_name, v_report.customer_id, v_report.value::bigint,
    extract(epoch from v_report.usage_at)::bigint, octroi_private.stripe_id_of(v_report.event_name),
    extract(epoch from v_report.window_start)::bigint, extract(epoch from v_report.window_end)::bigint;
end
$$;

ALTER FUNCTION octroi_private.begin_meter_report(p_report_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.begin_meter_report(p_report_id uuid) IS 'What to do about a report: send it (the intent is committed with this), compare totals, or nothing because it is too_old. No row when it has ended.';

CREATE TABLE octroi_private.stripe_subscription (
    id octroi_private.stripe_id NOT NULL,
    customer_id text NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    cancel_at_period_end boolean NOT NULL,
    cancel_at timestamp with time zone,
    canceled_at timestamp with time zone,
    ended_at timestamp with time zone,
    trial_ends_at timestamp with time zone,
    is_paused boolean NOT NULL,
    currency text,
    latest_invoice_id text,
    schedule_id text,
    next_price_id text,
    next_price_at timestamp with time zone,
    is_closing boolean DEFAULT false NOT NULL,
    told_ended_at timestamp with time zone,
    CONSTRAINT stripe_subscription_status_check CHECK ((status = ANY (ARRAY['incomplete'::text, 'incomplete_expired'::text, 'trialing'::text, 'active'::text, 'past_due'::text, 'canceled'::text, 'unpaid'::text, 'paused'::text])))
);

ALTER TABLE ONLY octroi_private.stripe_subscription FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_subscription OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_subscription IS 'Subscriptions of Stripe, as last fetched. Once canceled, for ever.';

CREATE FUNCTION octroi_private.billed_subscription(p_account_id uuid) RETURNS octroi_private.stripe_subscription
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.*
  from octroi_private.stripe_customer as c
  join octroi_private.stripe_subscription as s on s.customer_id = c.id
  left join octroi_private.subscription as r
    on r.account_id = c.account_id and r.ended_at is null and r.stripe_subscription_id = s.id
  where c.account_id = p_account_id and not c.is_deleted and s.status not in ('canceled', 'incomplete_expired')
  order by r.id is null, s.created_at desc
  limit 1
$$;

ALTER FUNCTION octroi_private.billed_subscription(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.billed_until(p_customer_id text, p_event_name text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- a plan that lives is charged for its usage, or somebody is told that it lacks the price (billing_troubles)
  select case when bool_and(s.ended_at is not null) and not exists (
    select from octroi_private.stripe_subscription as a
    join octroi_private.stripe_subscription_item as b on b.subscription_id = a.id
    join octroi_private.stripe_catalogue as c on c.stripe_id = b.price_id
    join octroi_private.plan_price as p on p.lookup_key = c.key
    join octroi_private.plan_overage as v on v.plan_version_id = p.plan_version_id and v.event_name = p_event_name
    where a.customer_id = p_customer_id and a.ended_at is null
  ) then max(s.ended_at) end
  from octroi_private.metered_subscription as s
  where s.event_name = p_event_name and s.customer_id = p_customer_id
$$;

ALTER FUNCTION octroi_private.billed_until(p_customer_id text, p_event_name text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.billing_troubles() RETURNS TABLE(kind text, subject text, since timestamp with time zone, detail text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.kind, t.subject, t.since, t.detail
  from (
    select 'event' as kind, e.id::text as subject, e.received_at as since,
      coalesce(e.reason, 'not handled after an hour') as detail
    from octroi_private.stripe_event as e
    where e.state = 'quarantined' or e.state = 'queued' and e.received_at <= octroi_private.now() - interval '1 hour'
    union all
    select o.kind, o.id, o.applied_at, o.problem from octroi_private.stripe_object as o where o.problem is not null
    union all
    select 'meter_report', r.id::text, r.changed_at, concat_ws(': ', r.state, r.detail)
    from octroi_private.meter_report as r
    where r.state in ('rejected', 'disputed')
      or r.state = 'written_off' and r.changed_at > octroi_private.now() - interval '35 days'
      or r.state in ('pending', 'sending', 'unknown') and r.created_at <= octroi_private.now() - interval '1 day'
    union all
    select 'billing_cycle', c.invoice_id, c.opened_at, concat_ws(': ', c.state, c.detail)
    from octroi_private.billing_cycle as c
    where c.state = 'disputed' or c.state <> 'closed' and c.opened_at <= octroi_private.now() - interval '1 day'
    union all
    select 'subscription', m.subscription_id, m.since,
      format('lacks the price %s: %s beyond the plan are not invoiced', m.lookup_key, m.meter)
    from octroi_private.missing_items() as m
    union all
    select 'account', c.account_id::text, max(s.created_at), format('%s subscriptions are alive', count(*))
    from octroi_private.stripe_customer as c
    join octroi_private.stripe_subscription as s
      on s.customer_id = c.id and s.status in ('trialing', 'active', 'past_due')
    where c.account_id is not null
    group by c.account_id
    having count(*) > 1
    union all
    select 'job', j.kind || ' ' || j.id, j.finished_at, j.last_error
    from octroi_private.job as j
    where j.state = 'dead' and j.finished_at > octroi_private.now() - interval '35 days'
      and j.kind in (
        'sync_stripe_object', 'send_meter_report', 'close_cycle', 'read_meter_errors', 'send_mail',
        'run_billing_request'
      )
  ) as t
  order by t.since desc
  limit 1000
$$;

ALTER FUNCTION octroi_private.billing_troubles() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.billing_troubles() IS 'What about billing no machine will put right.';

CREATE FUNCTION octroi_private.billing_url_ends_at(p_kind text, p_finished_at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p_finished_at + case p_kind when 'portal' then interval '5 minutes' else interval '24 hours' end
$$;

ALTER FUNCTION octroi_private.billing_url_ends_at(p_kind text, p_finished_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.bite_end(p_account_id uuid, p_after timestamp with time zone, p_max_rows integer) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return coalesce((
    select e.occurred_at from octroi_private.usage_event as e
    where e.account_id = p_account_id and e.occurred_at > p_after
    order by e.occurred_at
    offset greatest(p_max_rows, 1) - 1
    limit 1
  ), 'infinity');
end
$$;

ALTER FUNCTION octroi_private.bite_end(p_account_id uuid, p_after timestamp with time zone, p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.blind_index(p_kind text, p_value text) RETURNS bytea
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_index bytea := octroi_native.blind_index(p_kind, p_value);
begin
  if v_index is null and p_kind is not null and p_value is not null then
    perform octroi_private.raise_unsealed();
  end if;
  return v_index;
end
$$;

ALTER FUNCTION octroi_private.blind_index(p_kind text, p_value text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.blind_index(p_kind text, p_value text) IS 'What an email or a phone is found by without being readable: the same for every spelling. Raises OC050, 22023.';

CREATE FUNCTION octroi_private.breach_report(p_breach_id bigint) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.record_audit('breach.report', null, b.id::text, '{}', 'read by the operator')
  from octroi_private.breach as b
  where b.id = p_breach_id;
  select to_jsonb(b) - array['notices_after'] || jsonb_build_object(
    'state', octroi_private.breach_state(b),
    'reported_in_time', b.authority_notified_at <= b.report_due_at,
    'written_at', octroi_private.now(),
    'notices', coalesce((
      select jsonb_object_agg(n.outcome, n.people)
      from (
        select k.outcome, count(*) as people from octroi_private.breach_notice as k
        where k.breach_id = b.id
        group by k.outcome
      ) as n
    ), '{}')
  )
  from octroi_private.breach as b
  where b.id = p_breach_id
$$;

ALTER FUNCTION octroi_private.breach_report(p_breach_id bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.breach_report(p_breach_id bigint) IS 'Everything the register knows of a breach, for the report of Art. 33; null when there is none.';

CREATE TABLE octroi_private.breach (
    id bigint NOT NULL,
    title text NOT NULL,
    nature text NOT NULL,
    detected_at timestamp with time zone NOT NULL,
    report_due_at timestamp with time zone NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    assessed_at timestamp with time zone,
    risk text,
    data_categories text[],
    affected jsonb,
    affected_count octroi_private.quantity,
    records_count octroi_private.quantity,
    consequences text,
    measures text,
    contact text,
    authority text,
    authority_reference text,
    authority_notified_at timestamp with time zone,
    delay_reason text,
    notice jsonb,
    notices_begun_at timestamp with time zone,
    notices_after uuid,
    notices_queued_at timestamp with time zone,
    no_notice_reason text,
    closed_at timestamp with time zone,
    closing_note text,
    CONSTRAINT breach_affected_check CHECK ((jsonb_typeof(affected) = 'object'::text)),
    CONSTRAINT breach_assessed_in_full CHECK ((((assessed_at IS NULL) = (risk IS NULL)) AND ((assessed_at IS NULL) = (affected IS NULL)) AND ((assessed_at IS NULL) = (affected_count IS NULL)) AND ((assessed_at IS NULL) = (data_categories IS NULL)) AND ((assessed_at IS NULL) = (consequences IS NULL)) AND ((assessed_at IS NULL) = (measures IS NULL)) AND ((assessed_at IS NULL) = (contact IS NULL)))),
    CONSTRAINT breach_authority_check CHECK (((length(authority) >= 1) AND (length(authority) <= 200))),
    CONSTRAINT breach_authority_reference_check CHECK (((length(authority_reference) >= 1) AND (length(authority_reference) <= 200))),
    CONSTRAINT breach_closed_with_a_note CHECK (((closed_at IS NULL) = (closing_note IS NULL))),
    CONSTRAINT breach_closing_note_check CHECK (((length(closing_note) >= 1) AND (length(closing_note) <= 4000))),
    CONSTRAINT breach_consequences_check CHECK (((length(consequences) >= 1) AND (length(consequences) <= 4000))),
    CONSTRAINT breach_contact_check CHECK (((length(contact) >= 1) AND (length(contact) <= 500))),
    CONSTRAINT breach_data_categories_check CHECK (((cardinality(data_categories) >= 1) AND (cardinality(data_categories) <= 50))),
    CONSTRAINT breach_delay_reason_check CHECK (((length(delay_reason) >= 1) AND (length(delay_reason) <= 4000))),
    CONSTRAINT breach_late_for_a_reason CHECK (((authority_notified_at <= report_due_at) OR (delay_reason IS NOT NULL))),
    CONSTRAINT breach_measures_check CHECK (((length(measures) >= 1) AND (length(measures) <= 4000))),
    CONSTRAINT breach_nature_check CHECK (((length(nature) >= 1) AND (length(nature) <= 4000))),
    CONSTRAINT breach_no_notice_reason_check CHECK (((length(no_notice_reason) >= 1) AND (length(no_notice_reason) <= 4000))),
    CONSTRAINT breach_notice_check CHECK ((jsonb_typeof(notice) = 'object'::text)),
    CONSTRAINT breach_risk_check CHECK ((risk = ANY (ARRAY['none'::text, 'risk'::text, 'high'::text]))),
    CONSTRAINT breach_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);

ALTER TABLE ONLY octroi_private.breach FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.breach OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.breach IS 'The register of breaches (Art. 33(5)). Rows are never deleted.';

CREATE FUNCTION octroi_private.breach_state(p_breach octroi_private.breach) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when p_breach.closed_at is not null then 'closed'
    when p_breach.assessed_at is null then 'open'
    when p_breach.authority_notified_at is null then 'assessed'
    else 'notified'
  end
$$;

ALTER FUNCTION octroi_private.breach_state(p_breach octroi_private.breach) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.breaches(p_closed boolean) RETURNS TABLE(id bigint, title text, state text, risk text, detected_at timestamp with time zone, report_due_at timestamp with time zone, authority_notified_at timestamp with time zone, affected_count bigint, minutes_left bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select b.id, b.title, octroi_private.breach_state(b), b.risk, b.detected_at, b.report_due_at,
    b.authority_notified_at, b.affected_count,
    case
      when b.authority_notified_at is null and b.closed_at is null and b.risk is distinct from 'none'
        then floor(extract(epoch from b.report_due_at - octroi_private.now()) / 60)::bigint
    end
  from octroi_private.breach as b
  where p_closed or b.closed_at is null
  order by b.id
$$;

ALTER FUNCTION octroi_private.breaches(p_closed boolean) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.breaches(p_closed boolean) IS 'The register, without or with what is closed. minutes_left, below 0 when overdue, runs until the authority was told or there is no risk.';

CREATE FUNCTION octroi_private.bury(p_user_id uuid, p_at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.tombstone (subject_hash, erased_at)
  values (octroi_private.subject_hash(p_user_id), p_at)
  on conflict (subject_hash) do update set erased_at = greatest(tombstone.erased_at, excluded.erased_at)
$$;

ALTER FUNCTION octroi_private.bury(p_user_id uuid, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.buy_when_low(p_account_id uuid, p_meter text, p_left bigint) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_wish record;
  v_month_start timestamptz;
  v_spent bigint;
begin
  select a.user_id, a.monthly_cap_minor, k.id as pack_id, k.price_minor, k.currency, k.name into v_wish
  from octroi_private.auto_top_up as a
  join octroi_private.top_up_pack as k on k.code = a.pack_code and k.retired_at is null
  where a.account_id = p_account_id and k.meter = p_meter and p_left <= a.below;
  if v_wish.pack_id is null or exists (
    select from octroi_private.billing_request as r
    left join octroi_private.stripe_invoice as i on i.id = r.object_id
    where r.account_id = p_account_id and r.kind = 'auto_top_up' and r.created_at > v_now - interval '1 day'
      and (r.state = 'pending' or r.state = 'done' and coalesce(i.status in ('draft', 'open'), true))
  ) then
    return null;
  end if;
  select coalesce(c.period_start, p.period_start) into v_month_start
  from octroi_private.period_bounds('month', octroi_private.anchor_of(p_account_id), v_now) as p
  left join octroi_private.month_cut_short(p_account_id, p.period_start) as c on true;
  select coalesce(sum((r.args ->> 'price_minor')::bigint), 0) into v_spent
  from octroi_private.billing_request as r
  where r.account_id = p_account_id and r.kind = 'auto_top_up' and r.state <> 'failed'
    and r.created_at >= v_month_start;
  if v_spent + v_wish.price_minor > v_wish.monthly_cap_minor then
    update octroi_private.auto_top_up as a
    set told_of_cap_at = v_now
    where a.account_id in (
      select t.account_id from octroi_private.auto_top_up as t
      where t.account_id = p_account_id and coalesce(t.told_of_cap_at < v_month_start, true)
      -- whoever changes the wish now has it locked and waits for the balance
      for update skip locked
    );
    if found then
      perform octroi_private.tell_of_auto_top_up(p_account_id, v_wish.pack_id, 'monthly_cap');
    end if;
    return null;
  end if;
  return octroi_private.enqueue_billing_request(
    p_account_id, v_wish.user_id, 'auto_top_up',
    jsonb_build_object('pack_id', v_wish.pack_id, 'price_minor', v_wish.price_minor)
  );
exception
  -- too much is waiting to be done at Stripe; that must not undo the settlement that found it out
  when sqlstate 'OC013' then
    return null;
end
$$;

ALTER FUNCTION octroi_private.buy_when_low(p_account_id uuid, p_meter text, p_left bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.buying_point(p_account_id uuid, p_scope text, p_meter text, p_period text, p_limit bigint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select greatest(p_limit - a.below, 1)
  from octroi_private.auto_top_up as a
  join octroi_private.top_up_pack as k on k.code = a.pack_code and k.retired_at is null
  where a.account_id = p_account_id and p_scope = 'account' and p_period = 'month' and k.meter = p_meter
    and p_limit > 0
$$;

ALTER FUNCTION octroi_private.buying_point(p_account_id uuid, p_scope text, p_meter text, p_period text, p_limit bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.cancel_step(p_id uuid) RETURNS TABLE(action text, wait_seconds integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid;
  v_subscription octroi_private.stripe_subscription;
  v_wait integer;
begin
  select r.account_id into v_account_id
  from octroi_private.billing_request as r
  where r.id = p_id and r.kind = 'cancel' and r.state = 'pending';
  v_subscription := octroi_private.billed_subscription(v_account_id);
  if v_subscription.id is null then
    return query select 'done', 0;
    return;
  end if;
  if not v_subscription.is_closing then
    perform from octroi_private.account as a where a.id = v_account_id for no key update;
    update octroi_private.stripe_subscription set is_closing = true where id = v_subscription.id;
    perform octroi_private.sync_access(v_account_id);
  end if;
  v_wait := octroi_private.settle_account(v_account_id, 'infinity');
  return query select case when v_wait = 0 then 'cancel' else 'wait' end, v_wait;
end
$$;

ALTER FUNCTION octroi_private.cancel_step(p_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.cancel_step(p_id uuid) IS 'What to do next to cancel a subscription at once: wait so many seconds, cancel, or done.';

CREATE FUNCTION octroi_private.now() RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return clock_timestamp() + coalesce((select c.shift from octroi_private.test_clock as c where c.only_row), interval '0');
end
$$;

ALTER FUNCTION octroi_private.now() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.now() IS 'The only clock of Octroi: the database''s, shifted by test_clock in tests.';

CREATE FUNCTION octroi_private.uuid_v7() RETURNS uuid
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select encode(
    overlay(
      overlay(
        uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6
      )
      placing set_byte('\x00'::bytea, 0, (get_byte(uuid_send(gen_random_uuid()), 0) & 15) | 112) from 7 for 1
    ),
    'hex'
  )::uuid
$$;

ALTER FUNCTION octroi_private.uuid_v7() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.uuid_v7() IS 'A time-ordered UUID (RFC 9562, version 7).';

CREATE TABLE octroi_private.billing_request (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    args jsonb NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    object_id text,
    url text,
    error text,
    message text,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT billing_request_args_check CHECK ((jsonb_typeof(args) = 'object'::text)),
    CONSTRAINT billing_request_error_check CHECK ((error ~ '^[a-z_]{1,50}$'::text)),
    CONSTRAINT billing_request_failed_for_a_reason CHECK (((state = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT billing_request_finished_or_pending CHECK (((state = 'pending'::text) = (finished_at IS NULL))),
    CONSTRAINT billing_request_kind_check CHECK ((kind = ANY (ARRAY['checkout'::text, 'portal'::text, 'change_plan'::text, 'cancel'::text, 'resume'::text, 'top_up'::text, 'auto_top_up'::text]))),
    CONSTRAINT billing_request_message_check CHECK ((length(message) <= 500)),
    CONSTRAINT billing_request_object_id_check CHECK ((length(object_id) <= 255)),
    CONSTRAINT billing_request_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text]))),
    CONSTRAINT billing_request_url_check CHECK ((length(url) <= 5000)),
    CONSTRAINT billing_request_url_only_when_answered CHECK (((url IS NULL) OR (state <> 'pending'::text)))
);

ALTER TABLE ONLY octroi_private.billing_request FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.billing_request OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.billing_request IS 'Requests of account owners to Stripe: pending, then done or failed.';

CREATE FUNCTION octroi_private.change_args(p_request octroi_private.billing_request) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subscription octroi_private.stripe_subscription := octroi_private.billed_subscription(p_request.account_id);
  v_items jsonb := octroi_private.items_of(
    (p_request.args ->> 'plan_version_id')::bigint, p_request.args ->> 'billing_interval'
  );
  v_base_item_id text;
  v_base_interval text;
begin
  if v_subscription.id is null then
    raise exception 'there is no subscription to change' using errcode = 'OC032';
  end if;
  if p_request.args ->> 'when' = 'now' then
    select i.id, p.billing_interval into v_base_item_id, v_base_interval
    from octroi_private.stripe_subscription_item as i
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    join octroi_private.plan_price as p on p.lookup_key = k.key
    where i.subscription_id = v_subscription.id
    limit 1;
    -- the metered prices of the plan that is left stay until the cycle is closed: what was used under them is billed
    -- under them
    v_items := jsonb_build_array(
      jsonb_build_object('id', v_base_item_id, 'price', v_items #>> '{0,price}')
    ) || coalesce((
      select jsonb_agg(i.item)
      from octroi_private.listed(v_items - 0) as i
      where not exists (
        select from octroi_private.stripe_subscription_item as s
        where s.subscription_id = v_subscription.id and s.price_id = i.item ->> 'price'
      )
    ), '[]');
  end if;
  return jsonb_build_object(
    'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id, 'when', p_request.args -> 'when',
    'items', v_items, 'reference', p_request.id
  ) || case
    -- by another interval than before, Stripe counts all periods from now on, and bills what was used up to now
    when p_request.args ->> 'when' = 'now' and v_subscription.status <> 'trialing'
      and v_base_interval <> p_request.args ->> 'billing_interval' then '{"begins_anew": true}'
    else '{}'
  end::jsonb;
end
$$;

ALTER FUNCTION octroi_private.change_args(p_request octroi_private.billing_request) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.change_step(p_id uuid, p_totals jsonb) RETURNS TABLE(action text, wait_seconds integer, windows jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid;
  v_closed_at timestamptz;
  v_wait integer;
  v_total record;
  v_action text;
begin
  select r.account_id into v_account_id
  from octroi_private.billing_request as r
  where r.id = p_id and r.kind = 'change_plan' and r.state = 'pending';
  if v_account_id is null then
    return query select 'done', 0, '[]'::jsonb;
    return;
  end if;
  v_closed_at := octroi_private.close_overage(v_account_id);
  v_wait := octroi_private.settle_account(v_account_id, v_closed_at);
  select
    coalesce(jsonb_agg(jsonb_build_object(
      'key', w.key, 'meter_id', octroi_private.stripe_id_of(w.event_name), 'customer', w.customer_id,
      'start_s', extract(epoch from w.window_start)::bigint, 'end_s', extract(epoch from w.window_end)::bigint
    ) order by w.key), '[]') as windows,
    count(w.key) > 0 and not coalesce(p_totals operator(pg_catalog.?&) array_agg(w.key), false) as is_to_ask,
    coalesce(bool_or((p_totals ->> w.key)::bigint > w.reported), false) as is_over,
    coalesce(bool_or((p_totals ->> w.key)::bigint < w.reported), false) as is_short
  into v_total
  from octroi_private.reported_windows(v_account_id) as w;
  v_action := case
    when v_wait > 0 then 'wait'
    when v_total.is_to_ask then 'compare'
    -- more than was ever told, or still less after a day: people look at it, and no machine charges for it
    when v_total.is_over or v_total.is_short and v_closed_at <= octroi_private.now() - interval '1 day' then 'disputed'
    when v_total.is_short then 'wait'
    else 'change'
  end;
  -- Stripe counts meter events some time after it took them
  return query
  select v_action, case when v_action = 'wait' then coalesce(nullif(v_wait, 0), 5) else 0 end, v_total.windows;
end
$$;

ALTER FUNCTION octroi_private.change_step(p_id uuid, p_totals jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.change_step(p_id uuid, p_totals jsonb) IS 'What to do next before a change of plan that begins a new billing cycle: wait so many seconds, compare (tell Stripe''s totals of these windows), change, disputed, or done.';

CREATE TABLE octroi_private.model_price (
    id bigint NOT NULL,
    model text NOT NULL,
    valid tstzrange NOT NULL,
    encoding text NOT NULL,
    max_input_tokens integer NOT NULL,
    max_output_tokens integer NOT NULL,
    input_price bigint NOT NULL,
    cached_input_price bigint NOT NULL,
    cache_write_price bigint NOT NULL,
    audio_input_price bigint NOT NULL,
    output_price bigint NOT NULL,
    audio_output_price bigint NOT NULL,
    top_input_price bigint GENERATED ALWAYS AS (GREATEST(input_price, cache_write_price, audio_input_price)) STORED NOT NULL,
    top_output_price bigint GENERATED ALWAYS AS (GREATEST(output_price, audio_output_price)) STORED NOT NULL,
    source text NOT NULL,
    CONSTRAINT model_price_audio_input_price_check CHECK (((audio_input_price >= 0) AND (audio_input_price <= 1000000000))),
    CONSTRAINT model_price_audio_output_price_check CHECK (((audio_output_price >= 0) AND (audio_output_price <= 1000000000))),
    CONSTRAINT model_price_cache_write_price_check CHECK (((cache_write_price >= 0) AND (cache_write_price <= 1000000000))),
    CONSTRAINT model_price_check CHECK (((cached_input_price >= 0) AND (cached_input_price <= input_price))),
    CONSTRAINT model_price_encoding_check CHECK ((encoding = ANY (ARRAY['o200k_base'::text, 'cl100k_base'::text]))),
    CONSTRAINT model_price_input_price_check CHECK (((input_price >= 0) AND (input_price <= 1000000000))),
    CONSTRAINT model_price_max_input_tokens_check CHECK (((max_input_tokens >= 1) AND (max_input_tokens <= 10000000))),
    CONSTRAINT model_price_max_output_tokens_check CHECK (((max_output_tokens >= 0) AND (max_output_tokens <= 1000000))),
    CONSTRAINT model_price_model_check CHECK ((model ~ '^[a-z0-9][a-z0-9.:_-]{0,99}$'::text)),
    CONSTRAINT model_price_output_price_check CHECK (((output_price >= 0) AND (output_price <= 1000000000))),
    CONSTRAINT model_price_valid_check CHECK ((NOT isempty(valid)))
);

ALTER TABLE ONLY octroi_private.model_price FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.model_price OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.model_price IS 'Prices in micro-USD per million tokens and size limits of a model, each for a span of time.';

CREATE FUNCTION octroi_private.charge_call(p_price octroi_private.model_price, p_hold_tokens bigint, p_hold_cost_nano_usd bigint, p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint) RETURNS octroi_private.charge
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_input bigint := greatest(p_input_tokens, 0);
  v_output bigint := greatest(p_output_tokens, 0);
  v_cached bigint := least(greatest(p_cached_input_tokens, 0), v_input);
  v_written bigint := least(greatest(p_cache_write_tokens, 0), v_input - v_cached);
  v_audio_in bigint := least(greatest(p_audio_input_tokens, 0), v_input - v_cached - v_written);
  v_audio_out bigint := least(greatest(p_audio_output_tokens, 0), v_output);
  v_cost bigint := (
    (v_input - v_cached - v_written - v_audio_in) * p_price.input_price + v_cached * p_price.cached_input_price
    + v_written * p_price.cache_write_price + v_audio_in * p_price.audio_input_price
    + (v_output - v_audio_out) * p_price.output_price + v_audio_out * p_price.audio_output_price + 999
  ) / 1000;
begin
  return row(
    v_input, v_cached, v_written, v_audio_in, v_output, least(greatest(p_reasoning_tokens, 0), v_output), v_audio_out,
    v_input + v_output, v_cost, greatest(v_input + v_output - p_hold_tokens, 0),
    greatest(v_cost - p_hold_cost_nano_usd, 0)
  )::octroi_private.charge;
end
$$;

ALTER FUNCTION octroi_private.charge_call(p_price octroi_private.model_price, p_hold_tokens bigint, p_hold_cost_nano_usd bigint, p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.check_key_access(p_allowed_models text[], p_allowed_endpoints text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if cardinality(p_allowed_models) not between 1 and 100
    or exists (select from unnest(p_allowed_models) as m (model) where length(m.model) between 1 and 200 is not true)
  then
    raise exception 'allowed_models has 1 to 100 models, or is null for all' using errcode = '22023';
  end if;
  if cardinality(p_allowed_endpoints) = 0
    or not p_allowed_endpoints <@ array['chat.completions', 'responses', 'embeddings']
  then
    raise exception 'allowed_endpoints has some of chat.completions, responses, embeddings, or is null for all'
      using errcode = '22023';
  end if;
end
$$;

ALTER FUNCTION octroi_private.check_key_access(p_allowed_models text[], p_allowed_endpoints text[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer, p_after_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_after_id bigint DEFAULT NULL::bigint) RETURNS TABLE(id bigint, kind text, args jsonb, attempt integer, max_attempts integer, run_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_sort TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
begin
  return query
  update octroi_private.job as j
  set state = 'running', attempt = j.attempt + 1, worker = p_worker,
    lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
  -- locked in this statement, so that the place is still the row's
  where j.ctid = any(array(
    select k.ctid
    from octroi_private.job as k
    where k.state = 'queued' and k.run_at <= v_now and k.kind = any(p_kinds)
      and (k.run_at, k.id) > (coalesce(p_after_run_at, '-infinity'), coalesce(p_after_id, 0))
    order by k.run_at, k.id
    limit least(greatest(p_max, 0), 1000)
    for update skip locked
  ))
  returning j.id, j.kind, j.args, j.attempt, j.max_attempts, j.run_at;
end
$$;

ALTER FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer, p_after_run_at timestamp with time zone, p_after_id bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer, p_after_run_at timestamp with time zone, p_after_id bigint) IS 'Leases due jobs of known kinds, oldest first, of those after a given one. The attempt is counted before the work, so a job that kills its worker runs out of attempts. Whoever goes on from the last job claimed is spared what was claimed before, which stays in the index while any transaction could still see it; jobs that were committed late stand before it.';

CREATE FUNCTION octroi_private.claim_mail(p_mail_id uuid) RETURNS TABLE(mail_id uuid, attempt integer, kind text, is_contractual boolean, dedupe_key text, created_at timestamp with time zone, address text, locale text, time_zone text, account_name text, unsubscribe_token text, data jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_mail octroi_private.mail;
  v_address bytea;
  v_end text;
begin
  select m.* into v_mail from octroi_private.mail as m where m.id = p_mail_id for update;
  if v_mail.id is null or v_mail.finished_at is not null then
    return;
  end if;
  select c.email into v_address from octroi_private.contact as c where c.user_id = v_mail.user_id;
  v_end := case
    when v_mail.state = 'sending' and not octroi_private.is_contractual(v_mail.kind) then 'unknown'
    when v_address is null or v_mail.expires_at <= v_now
      or not octroi_private.is_wanted(v_mail.user_id, v_mail.kind) then 'cancelled'
  end;
  if v_end is not null then
    update octroi_private.mail as m
    set state = v_end, finished_at = v_now, detail = case
      when v_end = 'unknown' then 'an earlier attempt may have been delivered'
      when v_address is null then 'no address'
      when v_mail.expires_at <= v_now then 'of no use any more'
      else 'not wanted'
    end
    where m.id = p_mail_id;
    return;
  end if;
  update octroi_private.mail as m set attempt = m.attempt + 1, state = 'queued' where m.id = p_mail_id;
  return query
  select
    v_mail.id, v_mail.attempt + 1, v_mail.kind, octroi_private.is_contractual(v_mail.kind), v_mail.dedupe_key,
    v_mail.created_at, octroi_private.open_for(v_mail.user_id, 'contact.email', v_address),
    coalesce(n.locale, 'en'), n.time_zone,
    case when a.kind = 'team' then a.name end,
    case v_mail.kind when 'threshold' then n.unsubscribe_token when 'news' then n.news_token end::text, v_mail.data
  from octroi_private.account as a
  left join octroi_private.notification_setting as n on n.user_id = v_mail.user_id
  where a.id = v_mail.account_id;
end
$$;

ALTER FUNCTION octroi_private.claim_mail(p_mail_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.claim_mail(p_mail_id uuid) IS 'A mail to be sent now, with the attempt as a fence; no row when there is nothing to send any more. Raises OC050, OC051.';

CREATE FUNCTION octroi_private.close_breach(p_breach_id bigint, p_note text, p_no_notice_reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_why text;
begin
  v_why := case
    when v_breach.assessed_at is null then 'it is not assessed'
    when v_breach.risk <> 'none' and v_breach.authority_notified_at is null then 'the authority was not told'
    when v_breach.notices_begun_at is not null and v_breach.notices_queued_at is null
      or exists (
        select from octroi_private.breach_notice as n where n.breach_id = p_breach_id and n.outcome = 'queued'
      ) then 'notices are still under way'
    when v_breach.risk = 'high' and v_breach.notices_begun_at is null and p_no_notice_reason is null
      then 'the people affected were not told, and no reason is given (Art. 34(3))'
    when v_breach.notices_begun_at is not null and p_no_notice_reason is null
      and octroi_private.untold_people(v_breach) > 0
      then 'some of the people affected were not told; assess it again, and they are, or give a reason (Art. 34(3))'
  end;
  if v_why is not null then
    raise exception 'breach % cannot be closed: %', p_breach_id, v_why using errcode = 'OC055';
  end if;
  update octroi_private.breach as b
  set closed_at = octroi_private.now(), closing_note = p_note, no_notice_reason = p_no_notice_reason
  where b.id = p_breach_id;
  perform octroi_private.record_audit('breach.close', null, p_breach_id::text, '{}', p_note);
end
$$;

ALTER FUNCTION octroi_private.close_breach(p_breach_id bigint, p_note text, p_no_notice_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.close_breach(p_breach_id bigint, p_note text, p_no_notice_reason text) IS 'Ends a breach whose duties are met. Raises OC055 naming the one that is not, 23514 without a note.';

CREATE FUNCTION octroi_private.close_did(p_invoice_id text, p_action text, p_result jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_cycle octroi_private.billing_cycle;
  v_over text;
  v_short text;
begin
  select c.* into v_cycle from octroi_private.billing_cycle as c where c.invoice_id = p_invoice_id for update;
  if v_cycle.state = 'opened' and p_action = 'hold' then
    v_cycle.state := 'held';
  elsif v_cycle.state = 'flushed' and p_action = 'compare' then
    select
      string_agg(d.text, '; ') filter (where d.total > d.ledger),
      string_agg(d.text, '; ') filter (where d.total < d.ledger)
    into v_over, v_short
    from (
      select t.total, w.ledger, format('%s: Stripe %s, ledger %s', w.event_name, t.total, w.ledger) as text
      from octroi_private.cycle_windows(p_invoice_id) as w
      cross join lateral (select coalesce((p_result ->> w.key)::bigint, 0) as total) as t
    ) as d;
    v_cycle.detail := left(coalesce(v_over, v_short), 500);
    if v_over is not null then
      v_cycle.state := 'disputed';
    elsif v_short is null or v_cycle.short_since <= v_now - interval '24 hours' then
      v_cycle.state := 'compared';
    else
      v_cycle.short_since := coalesce(v_cycle.short_since, v_now);
    end if;
  elsif v_cycle.state = 'compared' and p_action = 'finalise' then
    v_cycle.state := 'finalised';
    perform octroi_private.enqueue_sync('invoice', p_invoice_id);
  elsif v_cycle.state = 'finalised' and p_action = 'drop_items' then
    v_cycle.state := 'closed';
    perform octroi_private.enqueue_sync('subscription', v_cycle.subscription_id);
  end if;
  update octroi_private.billing_cycle
  set state = v_cycle.state, detail = v_cycle.detail, short_since = v_cycle.short_since, changed_at = v_now
  where invoice_id = p_invoice_id;
  return v_cycle.state;
end
$$;

ALTER FUNCTION octroi_private.close_did(p_invoice_id text, p_action text, p_result jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.close_did(p_invoice_id text, p_action text, p_result jsonb) IS 'What a step of closing came to; the state now. A report of a step that is over changes nothing.';

CREATE FUNCTION octroi_private.close_overage(p_account_id uuid) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_closed_at timestamptz;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select s.overage_closed_at into v_closed_at
  from octroi_private.subscription as s where s.account_id = p_account_id and s.ended_at is null;
  if v_closed_at is not null then
    return v_closed_at;
  end if;
  perform octroi_private.lock_balances(p_account_id, octroi_private.anchor_of(p_account_id), octroi_private.now());
  update octroi_private.subscription as s set overage_closed_at = octroi_private.now()
  where s.account_id = p_account_id and s.ended_at is null
  returning s.overage_closed_at into v_closed_at;
  perform octroi_private.open_balances(p_account_id);
  return v_closed_at;
end
$$;

ALTER FUNCTION octroi_private.close_overage(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.close_privacy_request(p_id uuid, p_state text, p_evidence jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.privacy_request
  set state = p_state, closed_at = octroi_private.now(), evidence = evidence || p_evidence
  where id = p_id and state = 'open';
  return found;
end
$$;

ALTER FUNCTION octroi_private.close_privacy_request(p_id uuid, p_state text, p_evidence jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.close_privacy_request(p_id uuid, p_state text, p_evidence jsonb) IS 'Ends a request as done, refused (with a reason in the evidence) or withdrawn. False when it had ended.';

CREATE FUNCTION octroi_private.close_step(p_invoice_id text) RETURNS TABLE(action text, args jsonb, wait_seconds integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_cycle octroi_private.billing_cycle;
  v_is_draft boolean;
  v_wait integer := 0;
begin
  perform from octroi_private.account as a
  where a.id = (select c.account_id from octroi_private.billing_cycle as c where c.invoice_id = p_invoice_id)
  for no key update;
  select c.* into v_cycle from octroi_private.billing_cycle as c where c.invoice_id = p_invoice_id for update;
  if v_cycle.invoice_id is null or v_cycle.state = 'closed' then
    return query select 'done', '{}'::jsonb, 0;
    return;
  end if;
  select i.status = 'draft' into v_is_draft from octroi_private.stripe_invoice as i where i.id = p_invoice_id;
  if not v_is_draft and v_cycle.state <> 'finalised' then
    -- let go by Stripe, or by somebody at its dashboard
    v_cycle.detail := concat_ws('; ', v_cycle.detail, 'finalised while ' || v_cycle.state);
    v_cycle.state := 'finalised';
  elsif v_cycle.state = 'held' then
    v_wait := octroi_private.flush_account(v_cycle.account_id, v_cycle.period_end);
    if v_wait = 0 then
      v_cycle.state := 'flushed';
    end if;
  elsif v_cycle.state = 'flushed' and v_cycle.short_since is not null then
    -- Stripe counts meter events some time after it took them
    v_wait := greatest(ceil(extract(epoch from v_cycle.changed_at + interval '15 seconds' - v_now)), 0)::integer;
  end if;
  if v_cycle.state = 'finalised' and octroi_private.left_items(v_cycle.subscription_id) is null then
    v_cycle.state := 'closed';
  end if;
  update octroi_private.billing_cycle as c
  set state = v_cycle.state, detail = left(v_cycle.detail, 500),
    changed_at = case when c.state = v_cycle.state then c.changed_at else v_now end
  where c.invoice_id = p_invoice_id;
  return query
  select
    case
      when v_wait > 0 then 'wait'
      else case v_cycle.state
        when 'opened' then 'hold' when 'flushed' then 'compare' when 'compared' then 'finalise'
        when 'finalised' then 'drop_items' when 'disputed' then 'disputed' else 'done'
      end
    end,
    case
      when v_wait > 0 then '{}'
      when v_cycle.state = 'flushed' then jsonb_build_object('windows', coalesce((
        select jsonb_agg(jsonb_build_object(
          'key', w.key, 'meter_id', octroi_private.stripe_id_of(w.event_name), 'customer', v_cycle.customer_id,
          'start_s', extract(epoch from w.window_start)::bigint, 'end_s', extract(epoch from w.window_end)::bigint
        ) order by w.key) from octroi_private.cycle_windows(p_invoice_id) as w
      ), '[]'))
      when v_cycle.state = 'finalised' then jsonb_build_object(
        'subscription', v_cycle.subscription_id, 'items', octroi_private.left_items(v_cycle.subscription_id)
      )
      else '{}'
    end, v_wait;
end
$$;

ALTER FUNCTION octroi_private.close_step(p_invoice_id text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.close_step(p_invoice_id text) IS 'What to do next about a draft invoice: hold, wait, compare, finalise, drop_items, disputed or done.';

CREATE FUNCTION octroi_private.confirm_privacy_request(p_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update octroi_private.privacy_request set confirmed_at = octroi_private.now()
  where id = p_id and confirmed_at is null
$$;

ALTER FUNCTION octroi_private.confirm_privacy_request(p_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.confirm_privacy_request(p_id uuid) IS 'Takes note that the receipt of a request was confirmed.';

CREATE FUNCTION octroi_private.contact_change_details(p_user_id uuid, p_sealed bytea) RETURNS jsonb
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.open_for(p_user_id, 'contact_change.details', p_sealed)::jsonb
$$;

ALTER FUNCTION octroi_private.contact_change_details(p_user_id uuid, p_sealed bytea) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.contact_fault(p_account_name text, p_billing_email text, p_phone text, p_address jsonb, p_tax_id jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case
    when p_account_name !~ '^[^[:cntrl:]]{1,200}$' then 'account_name has 1 to 200 characters'
    when length(p_billing_email) > 320 or p_billing_email !~ '^[^[:space:][:cntrl:]@<>,;"]+@[^[:space:][:cntrl:]@<>,;"]+$'
      then 'billing_email is one e-mail address'
    when p_phone <> '' and p_phone !~ '^\+[1-9][0-9]{6,14}$' then 'phone is a number like +33123456789, or empty'
    when jsonb_typeof(p_address) <> 'object'
      or p_address - array['line1', 'line2', 'city', 'postal_code', 'state', 'country'] <> '{}'
      or exists (
        select from jsonb_each(case jsonb_typeof(p_address) when 'object' then p_address end) as a (name, value)
        where jsonb_typeof(a.value) <> 'string' or length(a.value #>> '{}') > 200 or a.value #>> '{}' ~ '[[:cntrl:]]'
      ) or p_address ->> 'country' !~ '^[A-Z]{2}$'
      then 'address has line1, line2, city, postal_code, state and a country like FR, as texts of at most 200 characters'
    when jsonb_typeof(p_tax_id) <> 'object' or p_tax_id - array['type', 'value'] <> '{}'
      or not p_tax_id ?& array['type', 'value'] or p_tax_id ->> 'type' !~ '^[a-z]{2}_[a-z]{2,10}$'
      or p_tax_id ->> 'value' !~ '^[A-Za-z0-9 ./-]{1,50}$'
      then 'tax_id is a type of Stripe''s such as eu_vat, and a value'
  end
$_$;

ALTER FUNCTION octroi_private.contact_fault(p_account_name text, p_billing_email text, p_phone text, p_address jsonb, p_tax_id jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.correct_usage(p_request_id uuid, p_reason text) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if p_reason is null or length(p_reason) not between 1 and 200 then
    raise exception 'a correction has a reason of 1 to 200 characters' using errcode = '22023';
  end if;
  return query
  insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, expires_at, reason, source)
  select e.account_id, b.meter, 'promo', c.amount, v_now, v_now + interval '1 year', p_reason,
    format('correction:%s:%s', e.id, b.meter)
  from octroi_private.usage_event as e
  join octroi_private.balance as b on b.id = any(e.balance_ids) and b.scope = 'account' and b.period = 'month'
  cross join lateral (
    select case b.meter
      when 'tokens' then e.total_tokens - e.overrun_tokens
      when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
      else 1 - e.overrun_requests
    end as amount
  ) as c
  where e.id = p_request_id and c.amount > 0
  on conflict (source) do nothing
  returning id;
  if not found then
    raise exception 'there is nothing to correct about this call, or it was corrected before' using errcode = 'OC044';
  end if;
end
$$;

ALTER FUNCTION octroi_private.correct_usage(p_request_id uuid, p_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.correct_usage(p_request_id uuid, p_reason text) IS 'Makes up for a call that was counted wrongly: grants what it was charged against the account''s month, once. The ledger stays. Raises 22023, OC044.';

CREATE FUNCTION octroi_private.count_key_use(p_account_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_until timestamptz := octroi_private.now() - interval '10 minutes';
begin
  insert into octroi_private.key_use as k (account_id, api_key_id, day, model, requests)
  select a.id, u.api_key_id, u.day, u.model, u.requests
  from unnest(p_account_ids) as a (id)
  left join octroi_private.key_use_cursor as c on c.account_id = a.id
  cross join lateral (
    select
      coalesce(e.api_key_id, '00000000-0000-0000-0000-000000000000') as api_key_id,
      (e.occurred_at at time zone 'utc')::date as day, e.model, count(*) as requests
    from octroi_private.usage_event as e
    where e.account_id = a.id and e.occurred_at > greatest(c.counted_until, v_until - interval '1 day')
      and e.occurred_at <= v_until
    group by 1, 2, 3
  ) as u
  order by 1, 2, 3, 4
  on conflict (account_id, api_key_id, day, model) do update set requests = k.requests + excluded.requests;
  insert into octroi_private.key_use_cursor as c (account_id, counted_until)
  select a.id, v_until from unnest(p_account_ids) as a (id)
  order by 1
  on conflict (account_id) do update set counted_until = greatest(c.counted_until, excluded.counted_until);
end
$$;

ALTER FUNCTION octroi_private.count_key_use(p_account_ids uuid[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.count_refusals(p_reasons text[], p_account_ids uuid[], p_api_key_ids uuid[], p_counts bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if cardinality(p_reasons) > 10000 then
    raise exception 'over 10000 counters at once' using errcode = '54000';
  end if;
  insert into octroi_private.refused_access as r (bucket_at, reason, account_id, api_key_id, refusals)
  select date_bin('10 minutes', octroi_private.now(), 'epoch'), c.reason, coalesce(c.account_id, z.nobody),
    coalesce(c.api_key_id, z.nobody), sum(c.refusals)
  from unnest(p_reasons, p_account_ids, p_api_key_ids, p_counts) as c (reason, account_id, api_key_id, refusals)
  cross join (select '00000000-0000-0000-0000-000000000000'::uuid as nobody) as z
  group by 2, 3, 4
  -- in one order, so that workers never wait for each other in a circle
  order by 2, 3, 4
  on conflict (bucket_at, reason, account_id, api_key_id)
  do update set refusals = least(r.refusals + excluded.refusals, 1000000000000000);
end
$$;

ALTER FUNCTION octroi_private.count_refusals(p_reasons text[], p_account_ids uuid[], p_api_key_ids uuid[], p_counts bigint[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.count_refusals(p_reasons text[], p_account_ids uuid[], p_api_key_ids uuid[], p_counts bigint[]) IS 'Adds what a gateway has refused since it last told. Raises 54000 over 10,000 counters, 23514 for a reason that is none.';

CREATE FUNCTION octroi_private.covered_until(p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, OUT until timestamp with time zone, OUT is_paid boolean) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_better_until timestamptz;
begin
  select
    greatest(
      max(p.period_end) filter (where p.plan_version_id = p_plan_version_id),
      case when p_subscription.status = 'trialing' then p_subscription.trial_ends_at end
    ),
    max(p.period_end) filter (where n.rank >= own.rank)
  into until, v_better_until
  from octroi_private.paid_lines(p_subscription.id) as p
  join octroi_private.plan_version as v on v.id = p.plan_version_id
  join octroi_private.plan as n on n.code = v.plan_code
  left join (
    select o.rank
    from octroi_private.plan as o
    join octroi_private.plan_version as w on w.plan_code = o.code
    where w.id = p_plan_version_id
  ) as own on true;
  is_paid := coalesce(until > octroi_private.now(), false);
  until := case when is_paid then until else greatest(until, v_better_until) end;
end
$$;

ALTER FUNCTION octroi_private.covered_until(p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, OUT until timestamp with time zone, OUT is_paid boolean) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.customer_of(p_kind text, p_id text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select case p_kind
      when 'customer' then p_id
      when 'subscription' then (select s.customer_id from octroi_private.stripe_subscription as s where s.id = p_id)
      when 'invoice' then (select i.customer_id from octroi_private.stripe_invoice as i where i.id = p_id)
      when 'checkout_session' then (
        select s.customer_id from octroi_private.stripe_checkout_session as s where s.id = p_id
      )
      when 'charge' then (select c.customer_id from octroi_private.stripe_charge as c where c.id = p_id)
      when 'dispute' then (
        select c.customer_id from octroi_private.stripe_dispute as d
        join octroi_private.stripe_charge as c on c.id = d.charge_id
        where d.id = p_id
      )
    end
  );
end
$$;

ALTER FUNCTION octroi_private.customer_of(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.cycle_windows(p_invoice_id text) RETURNS TABLE(key text, event_name text, window_start timestamp with time zone, window_end timestamp with time zone, ledger bigint, written_off bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    l.id, o.event_name, octroi_private.whole_minute(l.period_start, true),
    -- nothing follows the last period of a subscription that has ended, so its last minute may be counted whole
    octroi_private.whole_minute(l.period_end, s.status is not distinct from 'canceled'), used.ledger, used.written_off
  from octroi_private.stripe_invoice as i
  join octroi_private.stripe_customer as c on c.id = i.customer_id
  join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
  join octroi_private.stripe_catalogue as k on k.stripe_id = l.price_id
  join octroi_private.plan_overage as o on o.lookup_key = k.key
  left join octroi_private.stripe_subscription as s on s.id = i.subscription_id
  cross join lateral (
    select
      coalesce(sum(u.amount) filter (where r.state is distinct from 'written_off'), 0)::bigint as ledger,
      coalesce(sum(u.amount) filter (where r.state = 'written_off'), 0)::bigint as written_off
    from octroi_private.overage_use as u
    join octroi_private.balance as b on b.id = u.balance_id
    left join octroi_private.meter_report as r on r.id = u.report_id
    where u.account_id = c.account_id and u.event_name = o.event_name
      and b.period_start < l.period_end and b.resets_at > l.period_start
      and u.occurred_at >= l.period_start - interval '1 minute' and u.occurred_at < l.period_end + interval '1 minute'
      -- Stripe bills usage by its date, also where a new cycle began early
      and (r.id is null or r.usage_at >= l.period_start and r.usage_at < l.period_end)
  ) as used
  where i.id = p_invoice_id
$$;

ALTER FUNCTION octroi_private.cycle_windows(p_invoice_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.debt_of(p_account_id uuid, p_scope text, p_meter text, p_period text, p_period_start timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when p_scope = 'account' and p_period = 'month' then coalesce((
    select sum(greatest(g.drawn + g.revoked - g.amount, 0))
    from octroi_private.quota_grant as g
    where g.account_id = p_account_id and g.meter = p_meter and g.revoked > 0
  ), 0)::bigint - coalesce((
    select sum(
      b.set_off - least(greatest(b.used - b.from_grants - b.from_overage - b.included, 0), greatest(b.set_off, 0))
    )
    from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at <= p_period_start and b.scope = 'account' and b.subject = ''
      and b.meter = p_meter and b.period = 'month' and b.set_off <> 0 and b.is_bound
  ), 0)::bigint else 0 end
$$;

ALTER FUNCTION octroi_private.debt_of(p_account_id uuid, p_scope text, p_meter text, p_period text, p_period_start timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.decide_consent(p_user_id uuid, p_purpose text, p_is_given boolean, p_version text, p_method text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_policy octroi_private.consent_policy := octroi_private.policy_in_force(p_purpose);
  v_last octroi_private.consent;
begin
  if v_policy.purpose is null then
    raise exception 'no purpose %', left(p_purpose, 40) using errcode = '22023',
      hint = 'my_consents() lists them: usage_alerts, news, prompt_logging.';
  elsif p_is_given and p_version <> v_policy.version then
    raise exception 'version % is not in force', left(p_version, 40) using errcode = '22023',
      hint = 'Show the words that my_consents() has now, then ask again.';
  end if;
  insert into octroi_private.notification_setting (user_id) values (p_user_id) on conflict do nothing;
  perform from octroi_private.notification_setting as n where n.user_id = p_user_id for no key update;
  v_last := octroi_private.decision_on(p_user_id, p_purpose);
  if octroi_private.has_consent(p_user_id, p_purpose) = p_is_given
    and (not p_is_given or v_last.policy_version = v_policy.version or p_method <> 'rpc') then
    return false;
  end if;
  insert into octroi_private.consent (user_id, purpose, is_given, policy_version, text_hash, method, decided_at)
  select p_user_id, p_purpose, p_is_given, p.version, p.text_hash, p_method, octroi_private.now()
  from octroi_private.consent_policy as p
  -- taken back is what was given
  where p.purpose = p_purpose and p.version = case
    when p_is_given then v_policy.version else coalesce(v_last.policy_version, v_policy.version)
  end;
  if p_purpose = 'usage_alerts' then
    update octroi_private.notification_setting as n
    set usage_alerts = p_is_given, changed_at = octroi_private.now()
    where n.user_id = p_user_id and n.usage_alerts <> p_is_given;
  end if;
  return true;
end
$$;

ALTER FUNCTION octroi_private.decide_consent(p_user_id uuid, p_purpose text, p_is_given boolean, p_version text, p_method text) OWNER TO octroi_owner;

CREATE TABLE octroi_private.consent (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    is_given boolean NOT NULL,
    policy_version text NOT NULL,
    text_hash bytea NOT NULL,
    method text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT consent_method_check CHECK ((method = ANY (ARRAY['rpc'::text, 'settings'::text, 'link'::text]))),
    CONSTRAINT consent_text_hash_check CHECK ((octet_length(text_hash) = 32))
);

ALTER TABLE ONLY octroi_private.consent FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.consent OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.consent IS 'Every consent given and taken back, with the hash of the words. Append-only for as long as the person is there.';

CREATE FUNCTION octroi_private.decision_on(p_user_id uuid, p_purpose text) RETURNS octroi_private.consent
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c from octroi_private.consent as c
  where c.user_id = p_user_id and c.purpose = p_purpose
  order by c.id desc
  limit 1
$$;

ALTER FUNCTION octroi_private.decision_on(p_user_id uuid, p_purpose text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.declaration_faults(p_plans jsonb) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select octroi_private.unknown_keys(p_plans, array['plan', 'top_up'], '')
  union all
  select f.fault
  from (values
    (jsonb_array_length(jsonb_path_query_array(p_plans, '$.plan[*]')) between 1 and 100, 'plan: 1 to 100 of them'),
    (jsonb_array_length(jsonb_path_query_array(p_plans, '$.top_up[*]')) <= 100, 'top_up: at most 100 of them'),
    (
      (select count(*) from octroi_private.listed(p_plans -> 'plan') as l where l.item -> 'default' = 'true') = 1,
      'plan: exactly one is the default'
    )
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select format('plan %s, %s', coalesce(l.item ->> 'code', '[' || l.place || ']'), f.fault)
  from octroi_private.listed(p_plans -> 'plan') as l
  cross join lateral octroi_private.plan_faults(l.item, p_plans -> 'top_up') as f (fault)
  where f.fault is not null
  union all
  select format('top_up %s, %s', coalesce(l.item ->> 'code', '[' || l.place || ']'), f.fault)
  from octroi_private.listed(p_plans -> 'top_up') as l
  cross join lateral octroi_private.pack_faults(l.item) as f (fault)
  union all
  select format('%s %s, code: declared twice', k.kind, l.item ->> 'code')
  from (values ('plan', p_plans -> 'plan'), ('top_up', p_plans -> 'top_up')) as k (kind, list)
  cross join lateral octroi_private.listed(k.list) as l
  group by k.kind, l.item ->> 'code'
  having count(*) > 1
  union all
  select format('plan %s: removed, and %s accounts still have it', p.code, count(*))
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  join octroi_private.subscription as s on s.plan_version_id = v.id and s.ended_at is null
  where not exists (select from octroi_private.listed(p_plans -> 'plan') as l where l.item ->> 'code' = p.code)
  group by p.code
$_$;

ALTER FUNCTION octroi_private.declaration_faults(p_plans jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.declare_plans(p_plans jsonb, p_dry_run boolean) RETURNS TABLE(kind text, code text, change text, field text, was jsonb, becomes jsonb, version integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_faults text [];
  v_one record;
begin
  -- one declaration at a time
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.declare_plans', 0));
  v_faults := array(select f.fault from octroi_private.declaration_faults(p_plans) as f (fault));
  if cardinality(v_faults) > 0 then
    raise exception '%', v_faults[1] using errcode = 'OC030', detail = array_to_string(v_faults, e'\n');
  end if;
  return query
  select
    d.kind, d.code,
    case
      when d.ours is null then 'new' when d.theirs is null then 'removed' when f.key is null then 'unchanged'
      else 'changed'
    end,
    f.key, case when f.key is not null then d.ours -> f.key end, case when f.key is not null then d.theirs -> f.key end,
    case when d.theirs is not null and d.is_versioned then d.version + 1 else d.version end
  from octroi_private.declared_beside_ours(p_plans) as d
  left join lateral (
    select k.key from jsonb_object_keys(d.ours || d.theirs) as k (key)
    where nullif(d.ours -> k.key, 'null') is distinct from nullif(d.theirs -> k.key, 'null')
  ) as f on true
  order by d.kind, d.rank, d.code, f.key;
  if p_dry_run then
    return;
  end if;
  -- the one default may move from one plan to another
  update octroi_private.plan as p set is_default = false where p.is_default and not exists (
    select from octroi_private.listed(p_plans -> 'plan') as l
    where l.item ->> 'code' = p.code and l.item -> 'default' = 'true'
  );
  for v_one in
    select d.* from octroi_private.declared_beside_ours(p_plans) as d order by d.kind, d.rank, d.code
  loop
    if v_one.kind = 'top_up' then
      if v_one.is_versioned then
        perform octroi_private.make_pack_version(v_one.code, v_one.version + 1, v_one.theirs);
      end if;
    elsif v_one.theirs is null then
      update octroi_private.plan as p set retired_at = octroi_private.now() where p.code = v_one.code;
    else
      insert into octroi_private.plan as p (code, name, is_default, rank)
      values (v_one.code, v_one.theirs ->> 'name', (v_one.theirs -> 'default')::boolean, v_one.rank)
      on conflict on constraint plan_pkey do update
      set name = excluded.name, is_default = excluded.is_default, rank = excluded.rank, retired_at = null;
      if v_one.is_versioned then
        perform octroi_private.make_plan_version(
          v_one.code, v_one.version + 1, v_one.theirs - array['name', 'default', 'rank']
        );
      end if;
    end if;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.declare_plans(p_plans jsonb, p_dry_run boolean) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.declare_plans(p_plans jsonb, p_dry_run boolean) IS 'Compares a declaration of plans with those in force, one row per difference, and unless it is a dry run makes new versions where content changed. Raises OC030 with every fault.';

CREATE FUNCTION octroi_private.declared_beside_ours(p_plans jsonb) RETURNS TABLE(kind text, code text, rank integer, version integer, ours jsonb, theirs jsonb, is_versioned boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with newest as (
    select distinct on (v.plan_code) v.plan_code, v.version, v.content
    from octroi_private.plan_version as v
    order by v.plan_code, v.version desc
  )
  select
    'plan', coalesce(p.code, d.item ->> 'code'), d.place, coalesce(n.version, 0),
    case when p.retired_at is null then n.content || jsonb_build_object(
      'name', p.name, 'default', p.is_default, 'rank', p.rank
    ) end,
    case when d.item is not null then octroi_private.plan_content(d.item) || jsonb_build_object(
      'name', d.item -> 'name', 'default', coalesce(d.item -> 'default', 'false'), 'rank', d.place
    ) end,
    n.content is distinct from octroi_private.plan_content(d.item)
  from octroi_private.plan as p
  join newest as n on n.plan_code = p.code
  full join octroi_private.listed(p_plans -> 'plan') as d on d.item ->> 'code' = p.code
  where d.item is not null or p.retired_at is null
  union all
  select
    'top_up', coalesce(k.code, d.item ->> 'code'), d.place,
    (
      select coalesce(max(o.version), 0) from octroi_private.top_up_pack as o
      where o.code = coalesce(k.code, d.item ->> 'code')
    ),
    k.content, case when d.item is not null then octroi_private.pack_content(d.item) end,
    k.content is distinct from case when d.item is not null then octroi_private.pack_content(d.item) end
  from (select t.code, t.content from octroi_private.top_up_pack as t where t.retired_at is null) as k
  full join octroi_private.listed(p_plans -> 'top_up') as d on d.item ->> 'code' = k.code
$$;

ALTER FUNCTION octroi_private.declared_beside_ours(p_plans jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.delete_calls(p_account_id uuid, p_user_id uuid, p_after timestamp with time zone, p_until timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
declare
  v_rows bigint;
  v_request_since timestamptz := octroi_private.kept_since('request');
begin
  perform octroi_private.unlock_append_only('octroi_private.usage_event');
  -- a call that is settled has its event, or neither is there
  if p_until >= v_request_since then
    delete from octroi_private.request as r
    where r.id = any(array(
      select e.id from octroi_private.usage_event as e
      where e.account_id = p_account_id and e.occurred_at > greatest(p_after, v_request_since)
        and e.occurred_at <= p_until and (p_user_id is null or e.user_id = p_user_id)
    ));
  end if;
  -- read and deleted under one snapshot: that is faster than having the delete return its rows
  with gone as (
    delete from octroi_private.usage_event as e
    where e.account_id = p_account_id and e.occurred_at > p_after and e.occurred_at <= p_until
      and (p_user_id is null or e.user_id = p_user_id)
  ),
  part as materialized (
    select
      g.user_id, (g.occurred_at at time zone 'utc')::date as day, g.model, g.balance_ids, count(*) as requests,
      sum(g.input_tokens) as input_tokens, sum(g.cached_input_tokens) as cached_input_tokens,
      sum(g.output_tokens) as output_tokens, sum(g.reasoning_tokens) as reasoning_tokens,
      sum(g.total_tokens) as total_tokens, sum(g.cost_nano_usd) as cost_nano_usd,
      sum(g.overrun_tokens) as overrun_tokens, sum(g.overrun_cost_nano_usd) as overrun_cost_nano_usd,
      sum(g.overrun_requests) as overrun_requests
    from octroi_private.usage_event as g
    where g.account_id = p_account_id and g.occurred_at > p_after and g.occurred_at <= p_until
      and (p_user_id is null or g.user_id = p_user_id)
    group by 1, 2, 3, 4
  ),
  carried as (
    update octroi_private.balance as b
    set carried = b.carried + case b.meter
      when 'tokens' then used.tokens when 'cost' then used.cost else used.requests
    end
    from (
      select
        bound.id, sum(p.total_tokens - p.overrun_tokens)::bigint as tokens,
        sum(p.cost_nano_usd - p.overrun_cost_nano_usd)::bigint as cost,
        sum(p.requests - p.overrun_requests)::bigint as requests
      from part as p
      cross join lateral unnest(p.balance_ids) as bound (id)
      group by bound.id
    ) as used
    where b.id = used.id
  ),
  day as materialized (
    select
      p.user_id, p.day, p.model, sum(p.requests) as requests, sum(p.input_tokens) as input_tokens,
      sum(p.cached_input_tokens) as cached_input_tokens, sum(p.output_tokens) as output_tokens,
      sum(p.reasoning_tokens) as reasoning_tokens, sum(p.total_tokens) as total_tokens,
      sum(p.cost_nano_usd) as cost_nano_usd
    from part as p
    group by 1, 2, 3
  ),
  -- never below nothing: whatever else may be wrong with the books, a person can leave
  shrunk as (
    update octroi_private.usage_daily as d
    set requests = greatest(d.requests - x.requests, 0),
      input_tokens = greatest(d.input_tokens - x.input_tokens, 0),
      cached_input_tokens = greatest(d.cached_input_tokens - x.cached_input_tokens, 0),
      output_tokens = greatest(d.output_tokens - x.output_tokens, 0),
      reasoning_tokens = greatest(d.reasoning_tokens - x.reasoning_tokens, 0),
      total_tokens = greatest(d.total_tokens - x.total_tokens, 0),
      cost_nano_usd = greatest(d.cost_nano_usd - x.cost_nano_usd, 0)
    from day as x
    where d.account_id = p_account_id and d.day = x.day and d.user_id = x.user_id and d.model = x.model
  )
  select coalesce(sum(x.requests), 0)::bigint into v_rows from day as x;
  perform octroi_private.drop_empty_days(p_account_id, p_after, p_until);
  perform octroi_private.lock_append_only('octroi_private.usage_event');
  return v_rows;
end
$$;

ALTER FUNCTION octroi_private.delete_calls(p_account_id uuid, p_user_id uuid, p_after timestamp with time zone, p_until timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.delete_user(p_user_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_function regproc := to_regprocedure('octroi_private.delete_auth_user(uuid)')::regproc;
  v_is_deleted boolean;
begin
  if v_function is not null then
    execute format('select %s($1)', v_function) into v_is_deleted using p_user_id;
    return v_is_deleted;
  end if;
  delete from auth.users as u where u.id = p_user_id;
  return found;
end
$_$;

ALTER FUNCTION octroi_private.delete_user(p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.detect_broken_chain(p_max_links integer) RETURNS TABLE(kind text, raised bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_walk record;
  v_is_broken boolean;
begin
  select w.* into v_walk
  from octroi_private.detection_state as d
  cross join lateral octroi_private.verify_audit(d.after_audit_position, p_max_links) as w
  where d.only_row;
  v_is_broken := v_walk.problem <> 'unlinked_entry' or exists (
    select from octroi_private.audit_log as l
    where l.occurred_at < octroi_private.now() - interval '5 minutes'
      and not exists (select from octroi_private.audit_link as k where k.audit_id = l.id)
  );
  update octroi_private.detection_state as d
  set after_audit_position = case when v_walk.checked < p_max_links then 0 else v_walk.last_position end
  where d.only_row;
  return query
  select 'audit_chain', count(*)
  where v_is_broken and v_walk.problem is not null and octroi_private.raise_signal(
    'audit_chain', null, null, date_trunc('day', octroi_private.now(), 'utc'),
    jsonb_build_object('position', v_walk.broken_at, 'problem', v_walk.problem)
  );
end
$$;

ALTER FUNCTION octroi_private.detect_broken_chain(p_max_links integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.detect_refusals(p_max_rows integer) RETURNS TABLE(kind text, raised bigint)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with counted as (
    select
      r.bucket_at, nullif(r.account_id, z.nobody) as account_id, nullif(r.api_key_id, z.nobody) as api_key_id,
      sum(r.refusals)::bigint as refusals, sum(r.foreign_ids)::bigint as foreign_ids,
      jsonb_object_agg(r.reason, r.refusals) as reasons
    from octroi_private.refused_access as r
    cross join (select '00000000-0000-0000-0000-000000000000'::uuid as nobody) as z
    where r.bucket_at >= octroi_private.now() - interval '30 minutes'
    group by 1, 2, 3
  ),
  found as (
    select w.kind, c.account_id, c.api_key_id, c.bucket_at, w.detail
    from counted as c
    cross join octroi_private.security_setting as s
    cross join lateral (
      select 'foreign_ids' as kind, jsonb_build_object('foreign_ids', c.foreign_ids) as detail
      where c.foreign_ids >= s.foreign_ids
      union all
      select 'unknown_callers', jsonb_build_object('refusals', c.refusals, 'reasons', c.reasons)
      where c.account_id is null and c.refusals >= s.refusals_of_unknown
      union all
      select 'refusals', jsonb_build_object('refusals', c.refusals, 'reasons', c.reasons)
      where c.account_id is not null and c.refusals >= s.refusals_of_one
    ) as w
    where not exists (
      select from octroi_private.security_signal as g
      where g.kind = w.kind and g.window_start = c.bucket_at and g.account_id is not distinct from c.account_id
        and g.api_key_id is not distinct from c.api_key_id
    )
    limit p_max_rows
  )
  select f.kind, count(*) filter (
    where octroi_private.raise_signal(f.kind, f.account_id, f.api_key_id, f.bucket_at, f.detail)
  )
  from found as f
  group by f.kind
$$;

ALTER FUNCTION octroi_private.detect_refusals(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.detect_signals(p_max_rows integer) RETURNS TABLE(kind text, raised bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from octroi_private.refused_access as r where (r.bucket_at, r.reason, r.account_id, r.api_key_id) in (
    select o.bucket_at, o.reason, o.account_id, o.api_key_id
    from octroi_private.refused_access as o
    where o.bucket_at < octroi_private.now() - interval '7 days'
    limit p_max_rows
  );
  perform octroi_private.prune_key_use(p_max_rows);
  delete from octroi_private.security_signal as g where g.id in (
    select o.id from octroi_private.security_signal as o
    where o.dismissed_at <= octroi_private.kept_since('security_signal')
    limit p_max_rows
  );
  return query
  select r.kind, r.raised from octroi_private.detect_refusals(p_max_rows) as r
  union all
  select u.kind, u.raised from octroi_private.detect_unusual_use(p_max_rows * 4) as u
  union all
  select c.kind, c.raised from octroi_private.detect_broken_chain(p_max_rows * 4) as c where c.raised > 0;
end
$$;

ALTER FUNCTION octroi_private.detect_signals(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.detect_unusual_use(p_max_accounts integer) RETURNS TABLE(kind text, raised bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_today date := (octroi_private.now() at time zone 'utc')::date;
  v_after uuid := (select d.after_account_id from octroi_private.detection_state as d where d.only_row);
  v_accounts uuid [] := array(
    select a.id from octroi_private.account as a where a.id > v_after order by a.id limit p_max_accounts
  );
begin
  -- this row is also what keeps two from counting the same calls
  update octroi_private.detection_state as d
  set after_account_id = case
    when cardinality(v_accounts) < p_max_accounts then '00000000-0000-0000-0000-000000000000'
    else v_accounts[cardinality(v_accounts)]
  end
  where d.only_row;
  perform octroi_private.count_key_use(v_accounts);
  return query
  with busy as (
    select a.id as account_id, t.api_key_id, t.requests, t.models
    from unnest(v_accounts) as a (id)
    cross join lateral (
      select k.api_key_id, sum(k.requests)::bigint as requests, array_agg(k.model order by k.model) as models
      from octroi_private.key_use as k
      where k.account_id = a.id and k.day = v_today
      group by k.api_key_id
    ) as t
  ),
  found as (
    select w.kind, b.account_id, b.api_key_id, w.detail
    from busy as b
    cross join octroi_private.security_setting as s
    cross join lateral (
      select min(p.day) as since, coalesce(max(p.requests) filter (where p.day >= v_today - 14), 0)::bigint as most
      from (
        select k.day, sum(k.requests) as requests
        from octroi_private.key_use as k
        where k.account_id = b.account_id and k.api_key_id = b.api_key_id and k.day between v_today - 90 and v_today - 1
        group by k.day
      ) as p
    ) as habit
    cross join lateral (
      select 'velocity' as kind, jsonb_build_object('requests', b.requests, 'most_before', habit.most) as detail
      where b.requests >= s.velocity_requests and b.requests >= s.velocity_times * greatest(habit.most, 1)
      union all
      select 'new_model', jsonb_build_object('models', n.models)
      from (
        select array_agg(m.model order by m.model) as models
        from unnest(b.models) as m (model)
        where not exists (
          select from octroi_private.key_use as k
          where k.account_id = b.account_id and k.api_key_id = b.api_key_id
            and k.day between v_today - 90 and v_today - 1 and k.model = m.model
        )
      ) as n
      where n.models is not null
    ) as w
    where habit.since <= v_today - s.habit_days
  )
  select f.kind, count(*) filter (where octroi_private.raise_signal(
    f.kind, f.account_id, nullif(f.api_key_id, '00000000-0000-0000-0000-000000000000'),
    v_today::timestamp at time zone 'utc', f.detail
  ))
  from found as f
  group by f.kind;
end
$$;

ALTER FUNCTION octroi_private.detect_unusual_use(p_max_accounts integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.draw_grants(p_request_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_call record;
  v_grant record;
  v_taken bigint;
  v_left bigint;
begin
  for v_call in
    -- a call's share is what the balance stood beyond the plan after it, less what it stood before it; what earlier
    -- calls used beyond the plan is settled already
    select c.id, c.account_id, c.occurred_at, c.balance_id, c.meter, c.event_name, least(
      c.charged, c.used - c.settled - c.included - coalesce(sum(c.charged) over later, 0)
    )::bigint as amount
    from (
      select
        e.id, e.account_id, e.occurred_at, b.id as balance_id, b.meter, b.used,
        b.from_grants + b.from_overage as settled,
        o.event_name, ids.ord,
        -- a plan left while the call ran is the one that the call was allowed by
        greatest(b.included, case when s.ended_at is not null then (
          select l.amount from octroi_private.plan_limit as l
          where l.plan_version_id = s.plan_version_id and l.scope = 'account' and l.period = 'month'
            and l.meter = b.meter
        ) end) as included,
        case b.meter
          when 'tokens' then e.total_tokens - e.overrun_tokens
          when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
          else 1 - e.overrun_requests
        end as charged
      from unnest(p_request_ids) with ordinality as ids (id, ord)
      join octroi_private.request as r on r.id = ids.id
      join octroi_private.usage_event as e on e.id = r.id and e.occurred_at = r.started_at
      join octroi_private.balance as b
        on b.id = any(e.balance_ids) and b.scope = 'account' and b.period = 'month' and b.used > b.included
      left join octroi_private.subscription as s
        on s.account_id = e.account_id and s.started_at <= e.occurred_at
        and (s.ended_at is null or s.ended_at > e.occurred_at)
      left join octroi_private.plan_overage as o on o.plan_version_id = s.plan_version_id and o.meter = b.meter
    ) as c
    window later as (partition by c.balance_id order by c.ord desc rows between unbounded preceding and 1 preceding)
    order by c.ord, c.balance_id
  loop
    v_left := greatest(v_call.amount, 0);
    for v_grant in
      select g.id, g.amount - g.drawn - g.revoked as remaining, g.ended_at is not null as has_ended
      from octroi_private.quota_grant as g
      where g.account_id = v_call.account_id and g.meter = v_call.meter and g.drawn + g.revoked < g.amount
        -- not over when the call started, unless it was ended before its time
        and g.starts_at <= v_now and g.expires_at > v_call.occurred_at
        and (g.ended_at is null or g.ended_at >= g.expires_at)
      order by
        array_position(array['rollover', 'promo', 'top_up'], g.kind), g.priority, g.expires_at, g.created_at, g.id
      for update
    loop
      exit when v_left <= 0;
      v_taken := least(v_left, v_grant.remaining);
      update octroi_private.quota_grant as g set drawn = g.drawn + v_taken where g.id = v_grant.id;
      insert into octroi_private.quota_draw (grant_id, request_id, balance_id, amount, drawn_at)
      values (v_grant.id, v_call.id, v_call.balance_id, v_taken, v_now);
      -- the balance had stopped counting on a grant that is over; what was still drawn from it is allowed after all
      update octroi_private.balance as b
      set from_grants = b.from_grants + v_taken,
        allowed = b.allowed + case when v_grant.has_ended then v_taken else 0 end,
        granted = case
          when v_grant.has_ended then greatest(b.allowed + v_taken, b.used + b.reserved - b.overage) else b.granted
        end
      where b.id = v_call.balance_id;
      v_left := v_left - v_taken;
    end loop;
    if v_left > 0 and v_call.event_name is not null then
      insert into octroi_private.overage_use (
        balance_id, request_id, account_id, meter, event_name, amount, occurred_at
      )
      values (
        v_call.balance_id, v_call.id, v_call.account_id, v_call.meter, v_call.event_name, v_left, v_call.occurred_at
      );
      update octroi_private.balance as b set from_overage = b.from_overage + v_left where b.id = v_call.balance_id;
    end if;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.draw_grants(p_request_ids uuid[]) OWNER TO octroi_owner;

CREATE TABLE octroi_private.erased_account (
    account_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    kept_until timestamp with time zone NOT NULL,
    after_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    retry_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.erased_account FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.erased_account OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.erased_account IS 'Accounts that an erasure closed, and when what is left of them goes.';

CREATE FUNCTION octroi_private.drop_bite(p_erased octroi_private.erased_account, p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_until timestamptz := octroi_private.bite_end(p_erased.account_id, p_erased.after_at, p_max_rows);
  v_statement text;
  v_rows bigint;
  v_total bigint := octroi_private.delete_calls(p_erased.account_id, null, p_erased.after_at, v_until);
begin
  if v_until < 'infinity' then
    update octroi_private.erased_account set after_at = v_until where account_id = p_erased.account_id;
    return v_total;
  end if;
  for v_statement in
    select s.statement from octroi_private.drop_statements() as s order by s.place
  loop
    execute v_statement using p_erased.account_id;
    get diagnostics v_rows = row_count;
    v_total := v_total + v_rows;
  end loop;
  return v_total;
end
$$;

ALTER FUNCTION octroi_private.drop_bite(p_erased octroi_private.erased_account, p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.drop_empty_days(p_account_id uuid, p_after timestamp with time zone, p_until timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from octroi_private.usage_daily as d
  where d.account_id = p_account_id and d.requests = 0
    and d.day between (p_after at time zone 'utc')::date and (p_until at time zone 'utc')::date
$$;

ALTER FUNCTION octroi_private.drop_empty_days(p_account_id uuid, p_after timestamp with time zone, p_until timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.drop_erased_account(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_erased octroi_private.erased_account;
begin
  select e.* into v_erased
  from octroi_private.erased_account as e
  where e.kept_until <= octroi_private.now() and e.retry_at <= octroi_private.now() and not exists (
    select from octroi_private.erasure_step as s where s.receipt_id = e.receipt_id and s.finished_at is null
  )
  order by e.kept_until
  limit 1
  for update skip locked;
  if v_erased.account_id is null then
    return 0;
  end if;
  begin
    return octroi_private.drop_bite(v_erased, p_max_rows);
  exception
    -- one account that cannot go keeps neither the others nor the rest of the sweep
    when others then
      raise warning 'the erased account % could not be dropped and is tried again tomorrow: % (%)',
        v_erased.account_id, sqlerrm, sqlstate;
      update octroi_private.erased_account set retry_at = octroi_private.now() + interval '1 day'
      where account_id = v_erased.account_id;
      return 0;
  end;
end
$$;

ALTER FUNCTION octroi_private.drop_erased_account(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.drop_statements() RETURNS TABLE(place integer, statement text)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select s.place::integer, 'delete from octroi_private.' || s.statement
  from unnest(array[
    'reconciliation_difference where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_refund where charge_id in (
      select h.id from octroi_private.stripe_charge as h
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''dispute'' and id in (
      select d.id from octroi_private.stripe_dispute as d
      join octroi_private.stripe_charge as h on h.id = d.charge_id
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_dispute where charge_id in (
      select h.id from octroi_private.stripe_charge as h
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''charge'' and id in (
      select h.id from octroi_private.stripe_charge as h
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_charge where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_checkout_line where session_id in (
      select k.id from octroi_private.stripe_checkout_session as k
      join octroi_private.stripe_customer as c on c.id = k.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''checkout_session'' and id in (
      select k.id from octroi_private.stripe_checkout_session as k
      join octroi_private.stripe_customer as c on c.id = k.customer_id where c.account_id = $1)',
    'stripe_checkout_session where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_invoice_payment where invoice_id in (
      select i.id from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id where c.account_id = $1)',
    'stripe_invoice_line where invoice_id in (
      select i.id from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''invoice'' and id in (
      select i.id from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id where c.account_id = $1)',
    'stripe_invoice where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_subscription_item where subscription_id in (
      select s.id from octroi_private.stripe_subscription as s
      join octroi_private.stripe_customer as c on c.id = s.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''subscription'' and id in (
      select s.id from octroi_private.stripe_subscription as s
      join octroi_private.stripe_customer as c on c.id = s.customer_id where c.account_id = $1)',
    'stripe_subscription where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_object where kind = ''customer'' and id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'billing_cycle where account_id = $1', 'stripe_customer where account_id = $1',
    'top_up where account_id = $1', 'quota_draw where grant_id in (
      select g.id from octroi_private.quota_grant as g where g.account_id = $1)',
    'revocation where grant_id in (select g.id from octroi_private.quota_grant as g where g.account_id = $1)',
    'quota_grant where account_id = $1', 'overage_use where account_id = $1', 'meter_report where account_id = $1',
    'alert where account_id = $1', 'balance where account_id = $1', 'billing_request where account_id = $1',
    'auto_top_up where account_id = $1', 'overage_setting where account_id = $1', 'budget where account_id = $1',
    'mail where account_id = $1', 'completion where account_id = $1', 'api_key where account_id = $1',
    'contact_change where account_id = $1', 'key_use where account_id = $1', 'key_use_cursor where account_id = $1',
    'member where account_id = $1', 'subscription where account_id = $1', 'usage_daily where account_id = $1',
    'erased_account where account_id = $1', 'account where id = $1'
  ]) with ordinality as s (statement, place)
$_$;

ALTER FUNCTION octroi_private.drop_statements() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.drop_statements() IS 'What has to go before an account can. A new table with an account in it gets its line here.';

CREATE FUNCTION octroi_private.drop_usage_month() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_month date;
  v_name text;
  v_patience text := current_setting('lock_timeout');
begin
  select to_date(right(c.relname, 7), 'YYYY_MM') into v_month
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
  where i.inhparent = 'octroi_private.usage_event'::regclass and c.relname ~ '^usage_event_\d{4}_\d\d$'
  order by c.relname
  limit 1;
  if (v_month + interval '1 month')::timestamp at time zone 'utc' > octroi_private.kept_since('usage_event')
    or v_month is null
  then
    return 0;
  end if;
  v_name := format('octroi_private.%I', 'usage_event_' || to_char(v_month, 'YYYY_MM'));
  begin
    perform set_config('lock_timeout', '200ms', true);
    execute format('alter table octroi_private.usage_event detach partition %s', v_name);
    execute format('drop table %s', v_name);
    perform set_config('lock_timeout', v_patience, true);
  exception
    when lock_not_available or deadlock_detected then
      return 0;
  end;
  insert into octroi_private.usage_month_dropped (month, dropped_at) values (v_month, octroi_private.now());
  return 1;
end
$_$;

ALTER FUNCTION octroi_private.drop_usage_month() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_billing_request(p_account_id uuid, p_user_id uuid, p_kind text, p_args jsonb) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id uuid;
begin
  -- the same thing asked for again while it is being done is the same request; a page is its asker's alone
  select r.id into v_id
  from octroi_private.billing_request as r
  where r.account_id = p_account_id and r.kind = p_kind and r.state = 'pending' and r.args = p_args
    and (r.user_id = p_user_id or p_kind not in ('checkout', 'portal', 'top_up'))
  limit 1;
  if v_id is not null then
    return v_id;
  end if;
  if (
    select count(*) from octroi_private.billing_request as r where r.account_id = p_account_id and r.state = 'pending'
  ) >= 20 then
    raise exception 'this account has 20 billing requests waiting already' using errcode = 'OC013';
  end if;
  insert into octroi_private.billing_request (account_id, user_id, kind, args, created_at)
  values (p_account_id, p_user_id, p_kind, p_args, octroi_private.now())
  returning id into v_id;
  -- whoever a pack was to be bought for is being erased
  if v_id is null then
    return null;
  end if;
  insert into octroi_private.job (kind, args, run_at)
  values ('run_billing_request', jsonb_build_object('billing_request_id', v_id), octroi_private.now());
  return v_id;
end
$$;

ALTER FUNCTION octroi_private.enqueue_billing_request(p_account_id uuid, p_user_id uuid, p_kind text, p_args jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_breach_notices(p_breach_id bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('send_breach_notices', jsonb_build_object('breach_id', p_breach_id), octroi_private.now(), 50)
$$;

ALTER FUNCTION octroi_private.enqueue_breach_notices(p_breach_id bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_contact_change(p_request_id uuid, p_account_id uuid, p_user_id uuid, p_details jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_has_customer boolean := exists (
    select from octroi_private.stripe_customer as c where c.account_id = p_account_id and not c.is_deleted
  );
  v_waiting_id uuid;
begin
  if not v_has_customer and p_details ?| array['email', 'address', 'tax_id'] then
    raise exception 'Stripe does not know this account yet' using errcode = 'OC043',
      hint = 'Its checkout asks for e-mail, address and tax id.';
  elsif not v_has_customer or p_details = '{}' then
    return false;
  end if;
  select c.id into v_waiting_id
  from octroi_private.contact_change as c
  where c.account_id = p_account_id and c.state = 'pending'
  for no key update;
  if found then
    -- it goes along with the one that waits, whose job goes again if it was under way
    update octroi_private.contact_change as c
    set version = c.version + 1, details = octroi_private.seal_for(
      c.user_id, 'contact_change.details',
      (octroi_private.contact_change_details(c.user_id, c.details) || p_details)::text
    )
    where c.id = v_waiting_id;
    perform octroi_private.close_privacy_request(p_request_id, 'done', '{"outcome": "joined to an earlier one"}');
    return true;
  end if;
  insert into octroi_private.contact_change (id, account_id, user_id, details, created_at)
  values (
    p_request_id, p_account_id, p_user_id,
    octroi_private.seal_for(p_user_id, 'contact_change.details', p_details::text), octroi_private.now()
  );
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('push_contact', jsonb_build_object('contact_change_id', p_request_id), octroi_private.now(), 20);
  return true;
end
$$;

ALTER FUNCTION octroi_private.enqueue_contact_change(p_request_id uuid, p_account_id uuid, p_user_id uuid, p_details jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_erasure_at_stripe(p_receipt_id uuid, p_account_id uuid, p_customer_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_id bigint;
begin
  insert into octroi_private.erasure_step (
    receipt_id, kind, account_id, customer_id, session_ids, waived_at, created_at
  )
  select
    p_receipt_id, 'stripe', p_account_id, p_customer_id, coalesce((
      select array_agg(r.object_id order by r.created_at) from octroi_private.billing_request as r
      where r.account_id = p_account_id and r.object_id like 'cs\_%' and r.created_at > v_now - interval '2 days'
    ), '{}'), v_now + octroi_private.waived_after(), v_now
  on conflict do nothing
  returning id into v_id;
  if v_id is not null then
    update octroi_private.erasure_receipt set finished_at = null where id = p_receipt_id;
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    values ('erase_at_stripe', jsonb_build_object('step_id', v_id), v_now, 1000);
  end if;
end
$$;

ALTER FUNCTION octroi_private.enqueue_erasure_at_stripe(p_receipt_id uuid, p_account_id uuid, p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_mail(p_account_id uuid, p_user_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION octroi_private.enqueue_mail(p_account_id uuid, p_user_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_mail_to_owners(p_account_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamp with time zone) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*) filter (where octroi_private.enqueue_mail(
    p_account_id, m.user_id, p_kind, p_key, p_data, p_expires_at
  ))::integer
  from octroi_private.member as m
  where m.account_id = p_account_id and m.role in ('owner', 'admin')
$$;

ALTER FUNCTION octroi_private.enqueue_mail_to_owners(p_account_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_recurring() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_kind text;
  v_now timestamptz := octroi_private.now();
  v_enqueued bigint := 0;
begin
  for v_kind in
    update octroi_private.recurring_job as r
    set next_at = v_now + make_interval(secs => r.every_seconds)
    where r.next_at <= v_now
    returning r.kind
  loop
    if v_kind = 'sync_live_subscriptions' then
      -- no job of its own: each subscription, and with it its latest invoice, is fetched as after an event
      perform octroi_private.enqueue_sync('subscription', s.id)
      from octroi_private.stripe_subscription as s
      join octroi_private.stripe_customer as c on c.id = s.customer_id and c.account_id is not null
      where s.status not in ('canceled', 'incomplete_expired');
    elsif not exists (
      select from octroi_private.job as j where j.kind = v_kind and j.state = 'queued'
    ) and not exists (
      select from octroi_private.job as j where j.kind = v_kind and j.state = 'running'
    ) then
      insert into octroi_private.job (kind, args, run_at, max_attempts) values (v_kind, '{}', v_now, 5);
    end if;
    v_enqueued := v_enqueued + 1;
  end loop;
  return v_enqueued;
end
$$;

ALTER FUNCTION octroi_private.enqueue_recurring() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_related(p_kind text, p_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.enqueue_sync(r.kind, r.id)
  from (
    select 'invoice' as kind, s.latest_invoice_id as id
    from octroi_private.stripe_subscription as s
    where p_kind = 'subscription' and s.id = p_id and not exists (
      select from octroi_private.stripe_invoice as i where i.id = s.latest_invoice_id and i.status in ('paid', 'void')
    )
    union all
    select 'subscription', i.subscription_id
    from octroi_private.stripe_invoice as i
    left join octroi_private.stripe_subscription as s on s.id = i.subscription_id
    where p_kind = 'invoice' and i.id = p_id
      and (s.id is null or i.status = 'paid' and s.status in ('incomplete', 'past_due', 'unpaid'))
    union all
    select 'subscription', c.subscription_id
    from octroi_private.stripe_checkout_session as c
    where p_kind = 'checkout_session' and c.id = p_id
      and not exists (select from octroi_private.stripe_subscription as s where s.id = c.subscription_id)
    union all
    select 'charge', d.charge_id
    from octroi_private.stripe_dispute as d
    where p_kind = 'dispute' and d.id = p_id
      and not exists (select from octroi_private.stripe_charge as c where c.id = d.charge_id)
  ) as r
  where r.id is not null
  order by r.kind, r.id;
end
$$;

ALTER FUNCTION octroi_private.enqueue_related(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_sync(p_kind text, p_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  insert into octroi_private.stripe_object as o (kind, id, queued_at)
  values (p_kind, p_id, v_now)
  on conflict (kind, id) do update
  set queued_at = excluded.queued_at
  -- a job that was given up must not stand in the way for ever
  where o.queued_at is null or o.queued_at <= excluded.queued_at - interval '10 minutes';
  if not found then
    return false;
  end if;
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('sync_stripe_object', jsonb_build_object('kind', p_kind, 'id', p_id), v_now, 20);
  return true;
end
$$;

ALTER FUNCTION octroi_private.enqueue_sync(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.enqueue_touched(p_object_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.enqueue_sync(k.kind, p_object_id)
  from (values ('sub_', 'subscription'), ('in_', 'invoice'), ('cs_', 'checkout_session')) as k (prefix, kind)
  where starts_with(p_object_id, k.prefix)
$$;

ALTER FUNCTION octroi_private.enqueue_touched(p_object_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.erase_deleted_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.erase_user(old.id, case
    when current_setting('octroi.is_replaying', true) = 'on' then 'restore'
    when (select auth.uid()) = old.id then 'user'
    else 'auth'
  end);
  return null;
end
$$;

ALTER FUNCTION octroi_private.erase_deleted_user() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.erase_late_customer() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.enqueue_erasure_at_stripe(e.receipt_id, e.account_id, new.id)
  from octroi_private.erased_account as e
  where e.account_id = new.account_id;
  return null;
end
$$;

ALTER FUNCTION octroi_private.erase_late_customer() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.erase_user(p_user_id uuid, p_asked_by text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_accounts uuid [];
  v_owned uuid [];
  v_ending uuid [];
  v_receipt octroi_private.erasure_receipt;
  v_step record;
  v_rows bigint;
  v_erased jsonb := '{}';
  v_kept jsonb := '[]';
begin
  perform octroi_private.lock_person(p_user_id);
  -- erased before, by the same deletion or by an earlier soft one
  if not exists (select from octroi_private.account as a where a.owner_user_id = p_user_id)
    and not exists (select from octroi_private.member as m where m.user_id = p_user_id)
    and not exists (select from octroi_private.notification_setting as n where n.user_id = p_user_id)
  then
    return null;
  end if;
  select array_agg(a.id) into v_accounts
  from (
    select k.id from octroi_private.account as k
    where k.owner_user_id = p_user_id or k.id in (
      select m.account_id from octroi_private.member as m where m.user_id = p_user_id
      union
      select d.account_id from octroi_private.usage_daily as d where d.user_id = p_user_id
      union
      select y.account_id from octroi_private.api_key as y where y.user_id = p_user_id
    )
    order by k.id
    for no key update
  ) as a;
  v_accounts := coalesce(v_accounts, '{}');
  insert into octroi_private.erasure_receipt (asked_by, erased_at) values (p_asked_by, v_now) returning * into v_receipt;
  v_owned := array(select a.id from octroi_private.account as a where a.owner_user_id = p_user_id);
  v_ending := octroi_private.hand_over(p_user_id);
  perform octroi_private.audit_erasure(v_receipt.id, v_accounts, v_ending);
  v_erased := jsonb_build_object('request', octroi_private.resolve_open_requests(
    p_user_id, v_ending, v_accounts, v_receipt.pseudonym, v_now
  ));
  perform octroi_private.enqueue_erasure_at_stripe(v_receipt.id, c.account_id, c.id)
  from octroi_private.stripe_customer as c
  where c.account_id = any(v_ending) and not c.is_deleted;
  v_kept := octroi_private.hand_over_customers(
    v_receipt.id, p_user_id, array(select unnest(v_owned) except select unnest(v_ending))
  );
  for v_step in
    select s.table_name, s.statement from octroi_private.erasure_statements() as s order by s.place
  loop
    execute v_step.statement using p_user_id, v_ending, v_accounts, v_receipt.pseudonym, v_now;
    get diagnostics v_rows = row_count;
    if v_rows > 0 then
      v_erased := v_erased || jsonb_build_object(
        v_step.table_name, coalesce((v_erased ->> v_step.table_name)::bigint, 0) + v_rows
      );
    end if;
  end loop;
  v_kept := v_kept || octroi_private.keep_accounts(v_receipt.id, v_ending, v_now);
  if v_accounts && array(select unnest(v_accounts) except select unnest(v_ending)) then
    v_kept := v_kept || jsonb_build_object(
      'what', 'calls that a team pays for, under a pseudonym', 'why', 'they are the team''s record of what it used',
      'until', null
    );
  end if;
  v_kept := v_kept || jsonb_build_object(
    'what', 'tombstone: a keyed hash of the user id',
    'why', 'Art. 5(1)(f), 17 GDPR: a restored backup is erased again, for good since nobody knows how old one may be',
    'until', null
  ) || jsonb_build_object(
    'what', 'audit entries about a pseudonym that leads to nobody',
    'why', 'Art. 5(2) GDPR: accountability, for good since a chain with gaps proves nothing', 'until', null
  ) || jsonb_build_object(
    'what', 'this receipt', 'why', 'Art. 5(2) GDPR: accountability; counted from the end of the erasure',
    'until', greatest(v_now + octroi_private.kept_for('erasure_receipt'), (
      select max(e.kept_until) from octroi_private.erased_account as e where e.receipt_id = v_receipt.id
    ))
  );
  perform octroi_private.bury(p_user_id, v_now);
  update octroi_private.erasure_receipt set erased = v_erased, kept = v_kept where id = v_receipt.id;
  insert into octroi_private.usage_removal (receipt_id, user_id, account_id, is_deleting)
  select v_receipt.id, p_user_id, a.id, a.id = any(v_ending) from unnest(v_accounts) as a (id)
  union all
  select v_receipt.id, p_user_id, null, true;
  insert into octroi_private.erasure_step (receipt_id, kind, created_at) values (v_receipt.id, 'usage', v_now);
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('remove_usage', jsonb_build_object('receipt_id', v_receipt.id), v_now, 1000);
  -- for whoever asked in this transaction
  perform set_config('octroi.erasure_receipt_id', v_receipt.id::text, true);
  return v_receipt.id;
end
$$;

ALTER FUNCTION octroi_private.erase_user(p_user_id uuid, p_asked_by text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.erase_user(p_user_id uuid, p_asked_by text) IS 'Erases a person (asked_by user, auth or restore) and returns the receipt; null when nothing of them is left. Repeating it changes nothing.';

CREATE FUNCTION octroi_private.erasure_at_stripe(p_step_id bigint) RETURNS TABLE(action text, args jsonb, wait_seconds integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_step octroi_private.erasure_step;
  v_subscription octroi_private.stripe_subscription;
  v_open jsonb;
  v_wait integer := 0;
begin
  select s.* into v_step from octroi_private.erasure_step as s where s.id = p_step_id and s.kind <> 'usage';
  if v_step.id is null or v_step.finished_at is not null then
    return query select 'done', '{}'::jsonb, 0;
    return;
  elsif v_step.kind = 'handover' then
    return query select h.action, h.args, h.wait_seconds from octroi_private.handover_at_stripe(v_step) as h;
    return;
  end if;
  v_subscription := octroi_private.billed_subscription(v_step.account_id);
  if v_subscription.id is not null then
    if not v_subscription.is_closing then
      perform from octroi_private.account as a where a.id = v_step.account_id for no key update;
      update octroi_private.stripe_subscription set is_closing = true where id = v_subscription.id;
    end if;
    if v_now < v_step.waived_at then
      v_wait := octroi_private.flush_account(v_step.account_id, 'infinity');
    end if;
    return query select case when v_wait > 0 then 'wait' else 'cancel' end, jsonb_build_object(
      'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id
    ), v_wait;
    return;
  end if;
  select jsonb_agg(jsonb_build_object('id', i.id, 'is_draft', i.status = 'draft') order by i.id) into v_open
  from octroi_private.stripe_invoice as i
  where i.customer_id = v_step.customer_id and i.status in ('draft', 'open');
  return query select
    case
      when (v_open is not null or exists (
        select from octroi_private.billing_cycle as c
        where c.account_id = v_step.account_id and c.state not in ('finalised', 'closed', 'disputed')
      )) and v_now < v_step.waived_at then 'wait'
      when v_open is not null then 'waive'
      when exists (
        select from octroi_private.stripe_customer as c where c.id = v_step.customer_id and not c.is_deleted
      ) then 'delete'
      else 'finish'
    end, jsonb_build_object('customer', v_step.customer_id, 'invoices', coalesce(v_open, '[]')),
    -- a draft is finalised within the hour; a payment that failed is tried again after days
    case when v_open @> '[{"is_draft": false}]' then 21600 else 3600 end;
end
$$;

ALTER FUNCTION octroi_private.erasure_at_stripe(p_step_id bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.erasure_at_stripe(p_step_id bigint) IS 'What to do next to erase a customer at Stripe, or who left a team from it: wait, cancel, waive, delete, hand_over, finish or done.';

CREATE FUNCTION octroi_private.erasure_customer(p_step_id bigint) RETURNS TABLE(customer_id text, session_ids text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.customer_id, s.session_ids from octroi_private.erasure_step as s
  where s.id = p_step_id and s.kind <> 'usage' and s.finished_at is null
$$;

ALTER FUNCTION octroi_private.erasure_customer(p_step_id bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.erasure_customer(p_step_id bigint) IS 'The customer that a step is to erase at Stripe, and the checkout pages to close first; no row when it is done.';

CREATE FUNCTION octroi_private.erasure_statements() RETURNS TABLE(place integer, table_name text, statement text)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select s.place, s.table_name, s.statement
  from (values
    -- in the order in which whoever reads an answer takes them
    (1, 'completion', 'delete from octroi_private.completion
      where account_id = any($3) and (user_id = $1 or account_id = any($2))'),
    (2, 'stored_response', 'delete from octroi_private.stored_response where user_id = $1 or account_id = any($2)'),
    (3, 'entitlement', 'delete from octroi_private.entitlement
      where account_id = any($3) and (user_id = $1 or account_id = any($2))'),
    (5, 'alert', 'delete from octroi_private.alert
      where account_id = any($3) and (account_id = any($2) or scope = ''member'' and subject = $1::text)'),
    (6, 'budget', 'delete from octroi_private.budget
      where account_id = any($3) and (account_id = any($2) or scope = ''member'' and subject = $1::text)'),
    (7, 'auto_top_up', 'delete from octroi_private.auto_top_up where account_id = any($2)'),
    -- a team goes on buying, for whoever owns it now
    (8, 'auto_top_up', 'update octroi_private.auto_top_up as t set user_id = a.owner_user_id
      from octroi_private.account as a where a.id = t.account_id and t.user_id = $1'),
    (9, 'billing_request', 'update octroi_private.billing_request
      set user_id = case when user_id = $1 then $4 else user_id end, url = null, message = null,
        args = args - array[''success_url'', ''cancel_url'', ''return_url''],
        error = case when state = ''pending'' then ''account_erased'' else error end,
        finished_at = coalesce(finished_at, $5), state = case state when ''pending'' then ''failed'' else state end
      where account_id = any($2)'),
    (10, 'billing_request', 'update octroi_private.billing_request
      set user_id = $4, url = case when state = ''done'' then null else url end, message = null
      where account_id = any($3) and user_id = $1'),
    (11, 'balance', 'update octroi_private.balance set subject = $4::text
      where account_id = any($3) and scope = ''member'' and subject = $1::text'),
    (12, 'quota_grant', 'update octroi_private.quota_grant set reason = ''erased'' where account_id = any($2)'),
    (13, 'api_key', 'update octroi_private.api_key
      set user_id = $4, name = ''erased'', key_prefix = ''sk-oct-erased'',
        key_hash = sha256(uuid_send(gen_random_uuid())), revoked_at = coalesce(revoked_at, $5)
      where user_id = $1 or account_id = any($2)'),
    (14, 'api_key_previous', 'delete from octroi_private.api_key_previous
      where api_key_id in (select k.id from octroi_private.api_key as k where k.user_id = $4)'),
    (14, 'overage_setting', 'delete from octroi_private.overage_setting where account_id = any($2)'),
    (14, 'contact_change', 'delete from octroi_private.contact_change where user_id = $1 or account_id = any($2)'),
    (14, 'export_ticket', 'delete from octroi_private.export_ticket where user_id = $1'),
    (14, 'privacy_request', 'update octroi_private.privacy_request
      set state = ''withdrawn'', closed_at = $5, evidence = evidence || ''{"reason": "the user is gone"}''
      where user_id = $1 and state = ''open'' and kind <> ''erasure'''),
    (15, 'privacy_request', 'update octroi_private.privacy_request set user_id = null where user_id = $1'),
    (14, 'breach_notice', 'update octroi_private.breach_notice set user_id = null where user_id = $1'),
    (14, 'breach', 'update octroi_private.breach set affected = jsonb_set(affected, ''{users}'', (affected -> ''users'') - $1::text)
      where affected -> ''users'' ? $1::text'),
    (14, 'ban', 'delete from octroi_private.ban where user_id = $1'),
    (14, 'second_factor', 'delete from octroi_private.second_factor where user_id = $1'),
    (14, 'member', 'delete from octroi_private.member where user_id = $1 or account_id = any($2)'),
    (15, 'account', 'update octroi_private.account
      set status = ''closed'', closed_at = coalesce(closed_at, $5), owner_user_id = null, name = ''erased''
      where id = any($2)'),
    (16, 'consent', 'delete from octroi_private.consent where user_id = $1'),
    (17, 'notification_setting', 'delete from octroi_private.notification_setting where user_id = $1'),
    -- after the settings, as whoever sends it
    (18, 'mail', 'delete from octroi_private.mail where user_id = $1'),
    (18, 'contact', 'delete from octroi_private.contact where user_id = $1'),
    (19, 'data_key', 'delete from octroi_private.data_key where user_id = $1'),
    -- last: until then their audit entries are theirs
    (20, 'person', 'delete from octroi_private.person where user_id = $1')
  ) as s (place, table_name, statement)
  order by s.place
$_$;

ALTER FUNCTION octroi_private.erasure_statements() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.erasure_statements() IS 'What erasure does to which table. A new table with a user in it gets its line here.';

CREATE FUNCTION octroi_private.evaluate_customer(p_customer_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.account_of_customer(p_customer_id);
begin
  if v_account_id is null then
    return;
  end if;
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  perform octroi_private.grant_top_ups(v_account_id, p_customer_id);
  perform octroi_private.revoke_top_ups(v_account_id);
  -- before access, which trusts what they hold
  perform octroi_private.open_cycles(v_account_id, p_customer_id);
  perform octroi_private.sync_access(v_account_id);
  perform octroi_private.tell_of_payments(v_account_id, p_customer_id);
end
$$;

ALTER FUNCTION octroi_private.evaluate_customer(p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.expire_due(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ids uuid [];
  v_expired bigint;
begin
  select array_agg(due.id) into v_ids
  from (
    select r.id from octroi_private.request as r
    where r.state = 'open' and r.expires_at <= octroi_private.now()
    order by r.expires_at
    limit p_max_rows
    for update skip locked
  ) as due;
  if v_ids is null then
    return 0;
  end if;
  perform from octroi_private.balance as b
  where b.id in (select unnest(r.balance_ids) from octroi_private.request as r where r.id = any(v_ids))
  order by b.account_id, b.id
  for no key update;
  with closed as (
    update octroi_private.request as r
    set state = 'expired', finished_at = octroi_private.now()
    where r.id = any(v_ids) and r.state = 'open'
    returning r.balance_ids, r.hold_amounts
  ),
  returned as (
    update octroi_private.balance as b
    set reserved = b.reserved - h.amount
    from (
      select held.balance_id, sum(held.amount)::bigint as amount
      from closed as c
      cross join lateral unnest(c.balance_ids, c.hold_amounts) as held (balance_id, amount)
      group by held.balance_id
    ) as h
    where b.id = h.balance_id
  )
  select count(*) into v_expired from closed;
  return v_expired;
end
$$;

ALTER FUNCTION octroi_private.expire_due(p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.expire_due(p_max_rows integer) IS 'Expires open requests past their time and returns their holds; how many.';

CREATE FUNCTION octroi_private.expire_grants(p_account_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update octroi_private.quota_grant as g
  set ended_at = octroi_private.now()
  where g.account_id = p_account_id and g.ended_at is null and g.expires_at <= octroi_private.now()
$$;

ALTER FUNCTION octroi_private.expire_grants(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.export_manifest() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'format', 'octroi-export-1',
    'about', 'Every row about you, by table. data.json is exact; the CSV files are for spreadsheets: a text that a '
      'spreadsheet would run as a formula has an apostrophe before it.',
    'processors', (
      select jsonb_agg(jsonb_build_object('name', p.name, 'who', p.who, 'handles', p.handles) order by p.name)
      from octroi_private.processor as p
    ),
    'tables', (
      select jsonb_agg(t.entry order by t.table_name)
      from (
        select d.table_name, jsonb_build_object(
          'table', d.table_name, 'about', d.about, 'purpose', d.purpose, 'legal_basis', d.legal_basis,
          'retention', d.retention, 'processors', d.processors, 'key', d.key_columns, 'withheld', d.withheld,
          'columns', jsonb_agg(jsonb_build_object(
            'name', d.column_name, 'type', d.type, 'what', d.what,
            'export', case when d.withheld is null then d.export else 'withheld' end, 'on_erasure', d.erasure
          ) order by d.position)
        ) as entry
        from octroi_private.personal_data as d
        group by
          d.table_name, d.about, d.purpose, d.legal_basis, d.retention, d.processors, d.key_columns, d.withheld
      ) as t
    )
  )
$$;

ALTER FUNCTION octroi_private.export_manifest() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.export_page(p_request_id uuid, p_table text, p_after text[], p_max_rows integer) RETURNS TABLE(next_after text[], data text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select r.next_after, r.data::text
  from octroi_private.export_ticket as t
  cross join lateral octroi_private.export_rows(t.user_id, p_table, p_after, p_max_rows) as r
  where t.request_id = p_request_id and t.used_at > octroi_private.now() - interval '15 minutes'
$$;

ALTER FUNCTION octroi_private.export_page(p_request_id uuid, p_table text, p_after text[], p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.export_page(p_request_id uuid, p_table text, p_after text[], p_max_rows integer) IS 'Rows of a bundle that is being handed out; none once its fifteen minutes are over. Raises 22023.';

CREATE FUNCTION octroi_private.export_rows(p_user_id uuid, p_table text, p_after text[], p_max_rows integer) RETURNS TABLE(next_after text[], data json)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "DateStyle" TO 'ISO, YMD'
    SET "TimeZone" TO 'UTC'
    AS $_$
declare
  v_table octroi_private.personal_table;
  v_statement text;
  v_account_id uuid;
  v_left integer;
  v_rows integer;
begin
  select t.* into v_table from octroi_private.personal_table as t where t.table_name = p_table and t.reach is not null;
  v_statement := octroi_private.page_statement(p_table, v_table.reach);
  if v_table.table_name is null or v_statement is null then
    raise exception 'there is no table % with rows about people', left(p_table, 63) using errcode = '22023';
  end if;
  v_left := least(greatest(p_max_rows, 0), v_table.page_rows);
  for v_account_id in
    select s.id
    from (
      select null::uuid as id where v_table.slices = 'none'
      union all
      select octroi_private.accounts_of_person(p_user_id) where v_table.slices = 'member'
      union all
      select a.id from octroi_private.account as a where v_table.slices = 'owner' and a.owner_user_id = p_user_id
    ) as s
    where p_after is null or s.id is null or s.id >= p_after[1]::uuid
    order by s.id
  loop
    exit when v_left <= 0;
    return query execute 'select array[$2::text] || p.after, p.data from (' || v_statement || ') as p (after, data)'
    using
      p_user_id, v_account_id,
      case when p_after is not null and v_account_id is not distinct from p_after[1]::uuid then p_after[2:] end, v_left;
    get diagnostics v_rows = row_count;
    v_left := v_left - v_rows;
  end loop;
end
$_$;

ALTER FUNCTION octroi_private.export_rows(p_user_id uuid, p_table text, p_after text[], p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.export_rows(p_user_id uuid, p_table text, p_after text[], p_max_rows integer) IS 'Rows of a registered table about a person, in the order of its key, and for each the key to go on after. The single source of every export. Raises 22023 for a table that has none.';

CREATE FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) RETURNS SETOF bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- locked in order, as by finish_jobs, which the same worker may be calling
  with mine as materialized (
    select j.id
    from octroi_private.job as j
    join unnest(p_ids, p_attempts) as m (id, attempt) on m.id = j.id and m.attempt = j.attempt
    where j.state = 'running'
    order by j.id
    for no key update of j
  )
  update octroi_private.job as j
  set lease_expires_at = octroi_private.now() + make_interval(secs => p_lease_seconds)
  from mine
  where j.id = mine.id
  returning j.id
$$;

ALTER FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) IS 'Heartbeat. Returns the jobs that are still the caller''s; work on the others must stop.';

CREATE FUNCTION octroi_private.extend_privacy_request(p_id uuid, p_reason text) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_due_at timestamptz;
begin
  update octroi_private.privacy_request as r
  set extended_at = octroi_private.now(), extension_reason = p_reason, due_at = case r.regime
    when 'ccpa' then r.due_at + make_interval(days => s.ccpa_extension_days)
    else ((r.due_at at time zone 'utc') + make_interval(months => s.gdpr_extension_months)) at time zone 'utc'
  end
  from octroi_private.privacy_setting as s
  -- only before it is due, and once; an opt-out cannot be put off
  where r.id = p_id and r.state = 'open' and r.extended_at is null and r.due_at > octroi_private.now()
    and r.kind <> 'opt_out'
  returning r.due_at into v_due_at;
  if v_due_at is null then
    raise exception 'this request cannot be put off' using errcode = 'OC044',
      hint = 'Only an open request, before it is due, and once.';
  end if;
  return v_due_at;
end
$$;

ALTER FUNCTION octroi_private.extend_privacy_request(p_id uuid, p_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.extend_privacy_request(p_id uuid, p_reason text) IS 'Puts a request off by what the law allows, for a reason that the person is to be told. Raises OC044.';

CREATE FUNCTION octroi_private.fail_billing_request(p_id uuid, p_code text, p_message text, p_object_id text DEFAULT NULL::text, p_url text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_request octroi_private.billing_request;
begin
  update octroi_private.billing_request
  set state = 'failed', error = p_code, message = left(p_message, 500), object_id = p_object_id, url = p_url,
    finished_at = octroi_private.now()
  where id = p_id and state = 'pending'
  returning * into v_request;
  if v_request.id is null then
    return false;
  end if;
  if v_request.kind = 'auto_top_up' then
    perform octroi_private.stop_auto_top_up(v_request);
  elsif v_request.kind = 'cancel' then
    perform octroi_private.reopen_subscription(v_request.account_id);
  elsif v_request.kind = 'change_plan' then
    perform octroi_private.reopen_overage(v_request.account_id);
  end if;
  perform octroi_private.enqueue_touched(p_object_id);
  return true;
end
$$;

ALTER FUNCTION octroi_private.fail_billing_request(p_id uuid, p_code text, p_message text, p_object_id text, p_url text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.fail_billing_request(p_id uuid, p_code text, p_message text, p_object_id text, p_url text) IS 'Ends a billing request with what went wrong, in words for its owner; what at Stripe is the reason is looked at, and the URL is where the owner can do something about it. False when it had ended.';

CREATE FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update octroi_private.completion
  set error = p_error, error_status = p_status, request = null, finished_at = octroi_private.now()
  where id = p_completion_id and finished_at is null
$$;

ALTER FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) IS 'Ends a pending completion with an OpenAI-shaped error; nothing happens to a finished one.';

CREATE FUNCTION octroi_private.fail_given_up_billing_request() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.fail_billing_request(
    r.id, 'given_up', 'This could not be done in time. Look at your billing page before you try again.'
  )
  from octroi_private.billing_request as r
  -- as text: an unreadable id must not keep its job from ending
  where r.id::text = new.args ->> 'billing_request_id';
  return null;
end
$$;

ALTER FUNCTION octroi_private.fail_given_up_billing_request() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.fail_given_up_completion() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.completion as c
  set error = jsonb_build_object('error', jsonb_build_object(
      'message', 'This completion could not be made. You were not charged; ask for it again.',
      'type', 'server_error', 'param', null, 'code', 'completion_failed'
    )),
    error_status = 503, request = null, finished_at = octroi_private.now()
  -- as text: an unreadable id must not keep its job from ending
  where c.id::text = new.args ->> 'completion_id' and c.finished_at is null;
  return null;
end
$$;

ALTER FUNCTION octroi_private.fail_given_up_completion() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.fail_given_up_contact_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.finish_contact_change(c.id, null, 'it could not be done in time')
  from octroi_private.contact_change as c
  where c.id::text = new.args ->> 'contact_change_id';
  return null;
end
$$;

ALTER FUNCTION octroi_private.fail_given_up_contact_change() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.find_person_by_email(p_email text) RETURNS TABLE(user_id uuid, email text, phone text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_index bytea := octroi_private.blind_index('email', p_email);
  v_found uuid [];
begin
  v_found := array(
    select c.user_id from octroi_private.contact as c where c.email_index = v_index order by c.user_id limit 100
  );
  -- who was found and not what was asked for: the log is kept for good, and of an address nothing may outlive its owner
  perform octroi_private.note_admin_read(
    'contact.find', 'contact', octroi_private.pseudonym_of(f.user_id)::text,
    jsonb_build_object('found', cardinality(v_found))
  )
  from (select 1 as n) as once
  left join unnest(v_found) as f (user_id) on true;
  return query
  select c.user_id, m.email, m.phone
  from octroi_private.contact as c
  left join lateral octroi_private.mask_contact(c.user_id, c.email, c.phone) as m on true
  where c.user_id = any(v_found)
  order by c.user_id;
end
$$;

ALTER FUNCTION octroi_private.find_person_by_email(p_email text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.find_person_by_email(p_email text) IS 'Who has an e-mail address, in any spelling of it, by its blind index, at most 100; their contact comes masked. Each search is in the audit log, and in that of whoever is found. Raises OC040, OC050, 25006.';

CREATE FUNCTION octroi_private.finish_billing_request(p_id uuid, p_object_id text, p_url text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.billing_request
  set state = 'done', object_id = p_object_id, url = p_url, finished_at = octroi_private.now()
  where id = p_id and state = 'pending';
  if not found then
    return false;
  end if;
  perform octroi_private.enqueue_touched(p_object_id);
  return true;
end
$$;

ALTER FUNCTION octroi_private.finish_billing_request(p_id uuid, p_object_id text, p_url text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_billing_request(p_id uuid, p_object_id text, p_url text) IS 'Ends a billing request well: what Stripe made, and where its owner is to go. False when it had ended.';

CREATE FUNCTION octroi_private.finish_contact_change(p_id uuid, p_version integer, p_error text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.contact_change
  set state = case when p_error is null then 'done' else 'failed' end, error = left(p_error, 500), details = null,
    finished_at = octroi_private.now()
  where id = p_id and state = 'pending' and version = coalesce(p_version, version);
  if not found then
    return false;
  end if;
  -- one that failed stays open, and the operator hears of it in time
  if p_error is null then
    perform octroi_private.close_privacy_request(p_id, 'done', '{"outcome": "corrected here and at Stripe"}');
  else
    update octroi_private.privacy_request
    set evidence = evidence || jsonb_build_object('failed', left(p_error, 500)) where id = p_id;
  end if;
  return true;
end
$$;

ALTER FUNCTION octroi_private.finish_contact_change(p_id uuid, p_version integer, p_error text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_contact_change(p_id uuid, p_version integer, p_error text) IS 'Ends a correction, well or with what went wrong, and forgets what was given. False when a newer version waits, or it had ended.';

CREATE FUNCTION octroi_private.finish_erasure(p_receipt_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from octroi_private.erasure_receipt as r where r.id = p_receipt_id for update;
  update octroi_private.erasure_receipt set finished_at = octroi_private.now()
  where id = p_receipt_id and finished_at is null and not exists (
    select from octroi_private.erasure_step as s where s.receipt_id = p_receipt_id and s.finished_at is null
  );
end
$$;

ALTER FUNCTION octroi_private.finish_erasure(p_receipt_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.finish_erasure_step(p_step_id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_receipt_id uuid;
begin
  update octroi_private.erasure_step set finished_at = octroi_private.now()
  where id = p_step_id and kind <> 'usage' and finished_at is null
  returning receipt_id into v_receipt_id;
  if v_receipt_id is null then
    return false;
  end if;
  perform octroi_private.finish_erasure(v_receipt_id);
  return true;
end
$$;

ALTER FUNCTION octroi_private.finish_erasure_step(p_step_id bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_erasure_step(p_step_id bigint) IS 'Takes note that Stripe has forgotten a customer, or who left; false when that was known.';

CREATE FUNCTION octroi_private.finish_export(p_request_id uuid, p_rows bigint, p_bytes bigint, p_sha256 text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.close_privacy_request(
    p_request_id, 'done', jsonb_build_object('rows', p_rows, 'bytes', p_bytes, 'sha256', p_sha256)
  )
$$;

ALTER FUNCTION octroi_private.finish_export(p_request_id uuid, p_rows bigint, p_bytes bigint, p_sha256 text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_export(p_request_id uuid, p_rows bigint, p_bytes bigint, p_sha256 text) IS 'Writes down that a bundle was handed out whole, and its fingerprint. False when it had ended.';

CREATE FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from octroi_private.finish_jobs(
      array[p_id], array[p_attempt], array[p_outcome], array[p_detail], array[p_delay_seconds]
    )
  )
$$;

ALTER FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) IS 'The same for one; false when the caller no longer holds it.';

CREATE FUNCTION octroi_private.finish_jobs(p_ids bigint[], p_attempts integer[], p_outcomes text[], p_details text[], p_delays_seconds integer[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if not p_outcomes <@ array['done', 'retry', 'snooze', 'cancel'] then
    raise exception 'unknown job outcome among %', p_outcomes using errcode = 'OC001';
  end if;
  return query
  update octroi_private.job as j
  set
    state = case
      when mine.outcome = 'done' then 'done'
      when mine.outcome = 'cancel' then 'cancelled'
      when mine.outcome = 'retry' and j.attempt >= j.max_attempts then 'dead'
      else 'queued'
    end,
    -- a snooze is not a failure: it gives its attempt back at the far end, since attempt is the fence and only grows
    max_attempts = case when mine.outcome = 'snooze' then j.max_attempts + 1 else j.max_attempts end,
    run_at = case
      when mine.outcome = 'snooze' or mine.outcome = 'retry' and j.attempt < j.max_attempts
        then v_now + make_interval(secs => mine.delay_seconds)
      else j.run_at
    end,
    lease_expires_at = null,
    worker = null,
    last_error = coalesce(left(mine.detail, 2000), j.last_error),
    finished_at = case
      when mine.outcome in ('done', 'cancel') or mine.outcome = 'retry' and j.attempt >= j.max_attempts then v_now
    end
  from (
    select m.id, m.attempt, m.outcome, m.detail, m.delay_seconds
    from unnest(p_ids, p_attempts, p_outcomes, p_details, p_delays_seconds)
      as m (id, attempt, outcome, detail, delay_seconds)
    order by m.id
  ) as mine
  -- which is to say that it is running; said so, the planner may go through all that run instead of through the key
  where j.id = mine.id and j.attempt = mine.attempt and j.lease_expires_at is not null
  returning j.id;
end
$$;

ALTER FUNCTION octroi_private.finish_jobs(p_ids bigint[], p_attempts integer[], p_outcomes text[], p_details text[], p_delays_seconds integer[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_jobs(p_ids bigint[], p_attempts integer[], p_outcomes text[], p_details text[], p_delays_seconds integer[]) IS 'Ends attempts; returns the jobs that were still the caller''s. A retry past max_attempts is dead. Raises OC001 for an unknown outcome.';

CREATE FUNCTION octroi_private.finish_meter_report(p_report_id uuid, p_outcome text, p_detail text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_state text;
begin
  if p_outcome not in ('accepted', 'not_sent', 'unknown', 'rejected') then
    raise exception 'unknown outcome % of a meter report', p_outcome using errcode = 'OC001';
  end if;
  update octroi_private.meter_report as r
  set
    state = case
      when p_outcome <> 'not_sent' then p_outcome
      -- an earlier attempt may have arrived
      when r.attempts > 1 then 'unknown'
      else 'pending'
    end,
    first_sent_at = case when p_outcome = 'not_sent' and r.attempts = 1 then null else r.first_sent_at end,
    attempts = case when p_outcome = 'not_sent' and r.attempts = 1 then 0 else r.attempts end,
    detail = left(p_detail, 500), changed_at = octroi_private.now()
  where r.id = p_report_id and r.state in ('sending', 'unknown')
  returning r.state into v_state;
  return coalesce(v_state, (select r.state from octroi_private.meter_report as r where r.id = p_report_id));
end
$$;

ALTER FUNCTION octroi_private.finish_meter_report(p_report_id uuid, p_outcome text, p_detail text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_meter_report(p_report_id uuid, p_outcome text, p_detail text) IS 'What became of sending a report: accepted, not_sent (surely not taken), unknown or rejected. Returns its state.';

CREATE FUNCTION octroi_private.finish_reconciliation(p_run bigint) RETURNS TABLE(customers bigint, explained bigint, unexplained bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from octroi_private.reconciliation_seen where run_id = p_run;
  update octroi_private.reconciliation set finished_at = octroi_private.now() where id = p_run and finished_at is null;
  return query
  select r.customers::bigint, count(d.id) filter (where d.is_explained), count(d.id) filter (where not d.is_explained)
  from octroi_private.reconciliation as r
  left join octroi_private.reconciliation_difference as d on d.run_id = r.id
  where r.id = p_run
  group by r.customers;
end
$$;

ALTER FUNCTION octroi_private.finish_reconciliation(p_run bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.finish_stripe_event(p_event_id text, p_state text, p_reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_state not in ('done', 'quarantined') then
    raise exception 'unknown event state %', p_state using errcode = 'OC001';
  end if;
  update octroi_private.stripe_event
  set state = p_state, reason = left(p_reason, 500)
  where id = p_event_id and state = 'queued';
  return found;
end
$$;

ALTER FUNCTION octroi_private.finish_stripe_event(p_event_id text, p_state text, p_reason text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.flush_account(p_account_id uuid, p_before timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_first_expiry timestamptz;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select min(r.expires_at) into v_first_expiry
  from octroi_private.request as r
  where r.state = 'open' and r.account_id = p_account_id and r.started_at < p_before;
  -- a running call settles, or its time runs out and the sweep takes its hold back
  if v_first_expiry is not null then
    return greatest(least(ceil(extract(epoch from v_first_expiry - v_now)), 15), 1)::integer;
  end if;
  perform octroi_private.make_meter_reports(p_account_id);
  return case when exists (
    select from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.state in ('pending', 'sending', 'unknown') and r.window_start < p_before
  ) or exists (
    select from octroi_private.overage_use as u
    join octroi_private.stripe_customer as c on c.account_id = u.account_id and not c.is_deleted
    where u.account_id = p_account_id and u.report_id is null and u.occurred_at < p_before
  ) then 2 else 0 end;
end
$$;

ALTER FUNCTION octroi_private.flush_account(p_account_id uuid, p_before timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.follow_up(p_request_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.draw_grants(p_request_ids);
  perform octroi_private.raise_alerts(p_request_ids);
end
$$;

ALTER FUNCTION octroi_private.follow_up(p_request_ids uuid[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.follow_up(p_request_ids uuid[]) IS 'Draws grants, books overage and raises alerts for calls just settled that used something beyond their plan or reached a threshold.';

CREATE FUNCTION octroi_private.forecast(p_balances octroi_private.balance[], p_price_id bigint, p_tokens bigint) RETURNS TABLE(allowed boolean, reason text, scope text, meter text, remaining bigint, resets_at timestamp with time zone, retry_after_seconds bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_price octroi_private.model_price;
  v_given octroi_private.allotment;
  v_tightest octroi_private.balance;
begin
  select p.* into v_price from octroi_private.model_price as p where p.id = p_price_id;
  v_given := octroi_private.allot_next(null, p_balances, p_tokens, 0, 1, v_price.top_input_price, v_price.top_output_price);
  v_tightest := p_balances[v_given.tightest];
  allowed := v_given.output_tokens is not null;
  reason := case when not allowed then octroi_private.limit_reason(v_tightest.scope, v_tightest.meter) end;
  scope := v_tightest.scope;
  meter := v_tightest.meter;
  remaining := v_tightest.granted + v_tightest.overage - v_tightest.used - v_tightest.reserved;
  resets_at := nullif(v_tightest.resets_at, 'infinity');
  retry_after_seconds := case when not allowed then
    greatest(ceil(extract(epoch from resets_at - octroi_private.now())), 1)::bigint
  end;
  return next;
end
$$;

ALTER FUNCTION octroi_private.forecast(p_balances octroi_private.balance[], p_price_id bigint, p_tokens bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.forget_billing_urls(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_rows bigint;
begin
  update octroi_private.billing_request set url = null where id in (
    select r.id from octroi_private.billing_request as r
    where r.url is not null and r.finished_at <= v_now
      and octroi_private.billing_url_ends_at(r.kind, r.finished_at) <= v_now
    order by r.finished_at
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

ALTER FUNCTION octroi_private.forget_billing_urls(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.give_up_mail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.mail as m
  set state = case m.state when 'sending' then 'unknown' else 'cancelled' end,
    detail = left('given up: ' || coalesce(new.last_error, 'no reason known'), 500), finished_at = octroi_private.now()
  -- as text: an unreadable id must not keep its job from ending
  where m.id::text = new.args ->> 'mail_id' and m.finished_at is null;
  return null;
end
$$;

ALTER FUNCTION octroi_private.give_up_mail() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.grace_of(p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, p_paid_until timestamp with time zone) RETURNS interval
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_setting octroi_private.billing_setting;
begin
  if p_subscription.status not in ('trialing', 'active') or octroi_private.is_ending(p_subscription)
    or p_subscription.is_paused then
    return interval '0';
  end if;
  select s.* into v_setting from octroi_private.billing_setting as s;
  return make_interval(secs => case when p_subscription.status = 'active' and exists (
    select from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l
      on l.invoice_id = i.id and l.period_start <= p_paid_until and l.period_end > p_paid_until
    join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
    join octroi_private.plan_price as p on p.lookup_key = c.key and p.plan_version_id = p_plan_version_id
    where i.subscription_id = p_subscription.id and l.amount_minor >= 0 and case i.status
      when 'open' then octroi_private.is_payment_under_way(i)
      when 'draft' then exists (select from octroi_private.billing_cycle as b where b.invoice_id = i.id)
    end
  ) then greatest(v_setting.payment_grace_seconds, v_setting.renewal_grace_seconds)
  else v_setting.renewal_grace_seconds end);
end
$$;

ALTER FUNCTION octroi_private.grace_of(p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, p_paid_until timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.grant_top_ups(p_account_id uuid, p_customer_id text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_paid record;
  v_grant_id uuid;
  v_granted integer := 0;
begin
  for v_paid in
    select b.source, b.quantity::integer as quantity, b.paid_minor, b.currency, b.payment_intent_id, p.*
    from octroi_private.paid_packs(p_customer_id) as b
    join octroi_private.top_up_pack as p on p.id = b.pack_id
    where b.quantity between 1 and 100
      and not exists (select from octroi_private.quota_grant as g where g.source = b.source)
    order by b.source
  loop
    insert into octroi_private.quota_grant (
      account_id, meter, kind, amount, priority, starts_at, expires_at, reason, source
    )
    values (
      p_account_id, v_paid.meter, 'top_up', v_paid.amount * v_paid.quantity, v_paid.priority, v_now,
      coalesce(v_now + make_interval(days => v_paid.expires_after_days), 'infinity'),
      left(format('%s × %s', v_paid.quantity, v_paid.name), 200), v_paid.source
    )
    on conflict (source) do nothing
    returning id into v_grant_id;
    continue when v_grant_id is null;
    insert into octroi_private.top_up (
      grant_id, account_id, pack_id, quantity, paid_minor, currency, payment_intent_id, bought_at
    )
    values (
      v_grant_id, p_account_id, v_paid.id, v_paid.quantity, coalesce(v_paid.paid_minor, 0), v_paid.currency,
      v_paid.payment_intent_id, v_now
    );
    perform octroi_private.tell_of_top_up(v_grant_id);
    v_granted := v_granted + 1;
  end loop;
  return v_granted;
end
$$;

ALTER FUNCTION octroi_private.grant_top_ups(p_account_id uuid, p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.granted_on_top(p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when p_scope = 'account' and p_period = 'month' then greatest(
    coalesce((
      select sum(greatest(g.amount - g.drawn - g.revoked, 0))
      from octroi_private.quota_grant as g
      where g.account_id = p_account_id and g.meter = p_meter and g.ended_at is null
        and g.starts_at <= p_at and g.expires_at > p_at
    ), 0) - octroi_private.held_of_earlier_months(p_account_id, p_meter, p_at)
    - coalesce((
      select greatest(octroi_private.debt_of(p_account_id, 'account', p_meter, 'month', m.period_start) - l.included, 0)
      from octroi_private.period_bounds('month', octroi_private.anchor_of(p_account_id), p_at) as m
      join octroi_private.limit_in_force as l
        on l.account_id = p_account_id and l.scope = 'account' and l.meter = p_meter and l.period = 'month'
      -- most accounts never owe anything
      where exists (
        select from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.meter = p_meter and g.revoked > 0
      )
    ), 0), 0
  )::bigint else 0 end
$$;

ALTER FUNCTION octroi_private.granted_on_top(p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.hand_over(p_user_id uuid) RETURNS uuid[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account octroi_private.account;
  v_heir uuid;
  v_ending uuid [] := '{}';
begin
  for v_account in
    select a.* from octroi_private.account as a where a.owner_user_id = p_user_id order by a.id
  loop
    v_heir := null;
    if v_account.kind = 'team' and v_account.status <> 'closed' then
      select m.user_id into v_heir
      from octroi_private.member as m
      join octroi_private.person as p on p.user_id = m.user_id
      where m.account_id = v_account.id and m.user_id <> p_user_id
      order by array_position(array['owner', 'admin', 'member'], m.role), m.created_at, m.user_id
      limit 1
      for key share of p skip locked;
    end if;
    if v_heir is null then
      v_ending := v_ending || v_account.id;
    else
      update octroi_private.member set role = 'owner' where account_id = v_account.id and user_id = v_heir;
      update octroi_private.account set owner_user_id = v_heir where id = v_account.id;
    end if;
  end loop;
  return v_ending;
end
$$;

ALTER FUNCTION octroi_private.hand_over(p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.hand_over_customers(p_receipt_id uuid, p_user_id uuid, p_teams uuid[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_account_id uuid;
begin
  with step as (
    insert into octroi_private.erasure_step (receipt_id, kind, account_id, customer_id, session_ids, created_at)
    select
      p_receipt_id, 'handover', c.account_id, c.id, array(
        select r.object_id from octroi_private.billing_request as r
        where r.account_id = c.account_id and r.user_id = p_user_id and r.object_id like 'cs\_%'
          and r.created_at > v_now - interval '2 days'
        order by r.created_at
      ), v_now
    from octroi_private.stripe_customer as c
    where c.account_id = any(p_teams) and not c.is_deleted
    order by c.id
    returning id
  )
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  select 'erase_at_stripe', jsonb_build_object('step_id', s.id), v_now, 1000 from step as s;
  if not found then
    return '[]';
  end if;
  for v_account_id in
    select a.id from unnest(p_teams) as a (id) where (octroi_private.billed_subscription(a.id)).id is not null
  loop
    perform octroi_private.enqueue_mail(
      a.id, a.owner_user_id, 'new_owner', p_receipt_id::text,
      jsonb_build_object('plan', octroi_private.plan_name_of(a.id)), v_now + interval '30 days'
    )
    from octroi_private.account as a
    where a.id = v_account_id;
  end loop;
  return jsonb_build_array(jsonb_build_object(
    'what', 'the customer at Stripe of a team that goes on, without name, addresses, tax ids and means of payment',
    'why', 'the team has somebody else as its owner now', 'until', null
  ));
end
$$;

ALTER FUNCTION octroi_private.hand_over_customers(p_receipt_id uuid, p_user_id uuid, p_teams uuid[]) OWNER TO octroi_owner;

CREATE TABLE octroi_private.erasure_step (
    id bigint NOT NULL,
    receipt_id uuid NOT NULL,
    kind text NOT NULL,
    account_id uuid,
    customer_id text,
    session_ids text[] DEFAULT '{}'::text[] NOT NULL,
    waived_at timestamp with time zone,
    finished_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT erasure_step_at_stripe_has_customer CHECK ((((kind <> 'usage'::text) = ((customer_id IS NOT NULL) AND (account_id IS NOT NULL))) AND ((kind = 'stripe'::text) = (waived_at IS NOT NULL)))),
    CONSTRAINT erasure_step_kind_check CHECK ((kind = ANY (ARRAY['stripe'::text, 'handover'::text, 'usage'::text])))
);

ALTER TABLE ONLY octroi_private.erasure_step FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.erasure_step OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.erasure_step IS 'What an erasure has left to do outside its transaction; done once finished_at is set.';

CREATE FUNCTION octroi_private.handover_at_stripe(p_step octroi_private.erasure_step) RETURNS TABLE(action text, args jsonb, wait_seconds integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_owner_user_id uuid;
begin
  select a.owner_user_id into v_owner_user_id
  from octroi_private.stripe_customer as c
  join octroi_private.account as a on a.id = c.account_id
  where c.id = p_step.customer_id and c.account_id = p_step.account_id and not c.is_deleted;
  if v_owner_user_id is null then
    return query select 'finish', '{}'::jsonb, 0;
  elsif exists (
    select from octroi_private.job as j
    where j.kind = 'push_contact' and j.state = 'running' and j.run_at <= p_step.created_at
  ) then
    return query select 'wait', '{}'::jsonb, 1;
  else
    return query
    select 'hand_over', jsonb_strip_nulls(jsonb_build_object(
      -- five minutes by which Stripe's clock may be ahead: better ask twice for a card than charge who left
      'until_s', floor(extract(epoch from p_step.created_at))::bigint + 300, 'locale', n.locale,
      -- opened here and kept nowhere; without operator keys the team goes on without it
      'email', octroi_native.open(k.wrapped, octroi_private.sealed_place(v_owner_user_id, 'contact.email'), t.email)
    )), 0
    from octroi_private.person as p
    left join octroi_private.notification_setting as n on n.user_id = p.user_id
    left join octroi_private.contact as t on t.user_id = p.user_id
    left join octroi_private.data_key as k on k.user_id = p.user_id
    where p.user_id = v_owner_user_id;
  end if;
end
$$;

ALTER FUNCTION octroi_private.handover_at_stripe(p_step octroi_private.erasure_step) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.has_bought(p_account_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (octroi_private.billed_subscription(p_account_id)).status in (
    'trialing', 'active', 'past_due', 'unpaid', 'paused'
  ) is true or exists (
    select from octroi_private.stripe_customer as c
    join octroi_private.stripe_checkout_session as n
      on n.customer_id = c.id and n.mode = 'subscription' and n.status = 'complete'
    where c.account_id = p_account_id and not c.is_deleted and n.subscription_id is not null
      and not exists (select from octroi_private.stripe_subscription as s where s.id = n.subscription_id)
  )
$$;

ALTER FUNCTION octroi_private.has_bought(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.has_consent(p_user_id uuid, p_purpose text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case p_purpose
    when 'usage_alerts' then coalesce(
      (select n.usage_alerts from octroi_private.notification_setting as n where n.user_id = p_user_id), true
    )
    else coalesce((octroi_private.decision_on(p_user_id, p_purpose)).is_given, false)
  end
$$;

ALTER FUNCTION octroi_private.has_consent(p_user_id uuid, p_purpose text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.has_consent(p_user_id uuid, p_purpose text) IS 'Whether a purpose may be processed for somebody now. Whoever processes one asks this, in the transaction that decides.';

CREATE FUNCTION octroi_private.has_stepped_up() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := octroi_private.my_user_id();
begin
  return coalesce(auth.jwt() ->> 'aal', '') = 'aal2' or not exists (
    select from octroi_private.second_factor as f where f.user_id = v_user_id
  );
end
$$;

ALTER FUNCTION octroi_private.has_stepped_up() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.has_stepped_up() IS 'Whether the caller has no second factor, or has shown it in this session (aal2). Raises OC022.';

CREATE FUNCTION octroi_private.held_of_earlier_months(p_account_id uuid, p_meter text, p_at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(least(b.reserved, greatest(b.used + b.reserved - b.included, 0))), 0)::bigint
  from octroi_private.balance as b
  where b.account_id = p_account_id and b.scope = 'account' and b.period = 'month' and b.meter = p_meter
    and b.resets_at between p_at - interval '2 days' and p_at and b.reserved > 0
$$;

ALTER FUNCTION octroi_private.held_of_earlier_months(p_account_id uuid, p_meter text, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.hold_what_fits(p_request_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_request octroi_private.request;
  v_tokens bigint;
  v_cost bigint;
  v_requests bigint;
begin
  select r.* into strict v_request from octroi_private.request as r where r.id = p_request_id for update;
  if v_request.state not in ('expired', 'open') then
    return;
  end if;
  perform from octroi_private.balance as b where b.id = any(v_request.balance_ids) order by b.id for no key update;
  select
    greatest(least(v_request.hold_tokens, min(b.room) filter (where b.meter = 'tokens')), 0),
    greatest(least(v_request.hold_cost_nano_usd, min(b.room) filter (where b.meter = 'cost')), 0),
    greatest(least(1, min(b.room) filter (where b.meter = 'requests')), 0)
  into v_tokens, v_cost, v_requests
  from (
    select c.meter, c.granted + c.overage - c.used - c.reserved as room
    from octroi_private.balance as c
    where c.id = any(v_request.balance_ids)
  ) as b;
  update octroi_private.balance as b
  set reserved = b.reserved + case b.meter when 'tokens' then v_tokens when 'cost' then v_cost else v_requests end
  where b.id = any(v_request.balance_ids);
  update octroi_private.request as r
  set state = 'open', finished_at = null, is_late = (v_request.state = 'expired'),
    hold_tokens = v_tokens, hold_cost_nano_usd = v_cost, hold_requests = v_requests,
    hold_amounts = array(
      select case b.meter when 'tokens' then v_tokens when 'cost' then v_cost else v_requests end
      from unnest(r.balance_ids) with ordinality as held (id, ord)
      join octroi_private.balance as b on b.id = held.id
      order by held.ord
    )
  where r.id = p_request_id;
end
$$;

ALTER FUNCTION octroi_private.hold_what_fits(p_request_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_banned(p_user_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return exists (
    select from octroi_private.ban as b where b.user_id = p_user_id and b.banned_until > octroi_private.now()
  );
end
$$;

ALTER FUNCTION octroi_private.is_banned(p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_checkout_under_way(p_request octroi_private.billing_request) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from octroi_private.billing_request as r
    where r.account_id = p_request.account_id and r.kind = 'checkout' and r.state = 'pending'
      and (r.created_at, r.id) < (p_request.created_at, p_request.id)
  )
$$;

ALTER FUNCTION octroi_private.is_checkout_under_way(p_request octroi_private.billing_request) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_closed_for(p_account_id uuid, p_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from octroi_private.billing_cycle as c
    where c.account_id = p_account_id and c.period_start <= p_at and c.period_end > p_at
      and c.state in ('compared', 'finalised', 'closed')
  )
$$;

ALTER FUNCTION octroi_private.is_closed_for(p_account_id uuid, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_contractual(p_kind text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p_kind not in ('threshold', 'news')
$$;

ALTER FUNCTION octroi_private.is_contractual(p_kind text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_ending(p_subscription octroi_private.stripe_subscription) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (p_subscription).cancel_at_period_end or (p_subscription).cancel_at is not null
$$;

ALTER FUNCTION octroi_private.is_ending(p_subscription octroi_private.stripe_subscription) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_letter(p_letter jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    jsonb_typeof(p_letter) = 'object' and p_letter - array['en', 'fr', 'url'] = '{}' and p_letter ? 'en'
    and coalesce(octroi_private.origin_of(p_letter ->> 'url') is not null or not p_letter ? 'url', false)
    and not exists (
      select from jsonb_each(p_letter - 'url') as l
      where case
        when jsonb_typeof(l.value) <> 'object' or jsonb_typeof(l.value -> 'paragraphs') is distinct from 'array' then true
        else l.value - array['subject', 'paragraphs'] <> '{}'
          or jsonb_typeof(l.value -> 'subject') is distinct from 'string'
          or length(l.value ->> 'subject') not between 1 and 200
          or jsonb_array_length(l.value -> 'paragraphs') not between 1 and 20
          or exists (
            select from jsonb_array_elements(l.value -> 'paragraphs') as p (item)
            where jsonb_typeof(p.item) <> 'string' or length(p.item #>> '{}') not between 1 and 2000
          )
      end
    ), false
  )
$$;

ALTER FUNCTION octroi_private.is_letter(p_letter jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_overage_billed(p_stripe_subscription_id text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return p_stripe_subscription_id is null or exists (
    select from octroi_private.stripe_subscription as s
    where s.id = p_stripe_subscription_id and s.status = 'active' and not s.is_paused
  );
end
$$;

ALTER FUNCTION octroi_private.is_overage_billed(p_stripe_subscription_id text) OWNER TO octroi_owner;

CREATE TABLE octroi_private.stripe_invoice (
    id octroi_private.stripe_id NOT NULL,
    customer_id text NOT NULL,
    subscription_id text,
    status text NOT NULL,
    billing_reason text,
    currency text,
    total_minor bigint NOT NULL,
    amount_due_minor bigint NOT NULL,
    amount_paid_minor bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    period_start timestamp with time zone,
    period_end timestamp with time zone,
    auto_advance boolean NOT NULL,
    attempt_count integer NOT NULL,
    next_attempt_at timestamp with time zone,
    finalized_at timestamp with time zone,
    paid_at timestamp with time zone,
    told_attempt integer DEFAULT 0 NOT NULL,
    CONSTRAINT stripe_invoice_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'open'::text, 'paid'::text, 'uncollectible'::text, 'void'::text]))),
    CONSTRAINT stripe_invoice_told_attempt_check CHECK ((told_attempt >= 0))
);

ALTER TABLE ONLY octroi_private.stripe_invoice FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_invoice OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_invoice IS 'Invoices of Stripe, as last fetched. Once paid or void, for ever.';

CREATE FUNCTION octroi_private.is_payment_under_way(p_invoice octroi_private.stripe_invoice) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p_invoice.attempt_count = 0 or p_invoice.attempt_count = 1 and p_invoice.next_attempt_at is null
$$;

ALTER FUNCTION octroi_private.is_payment_under_way(p_invoice octroi_private.stripe_invoice) OWNER TO octroi_owner;

CREATE TABLE octroi_private.request (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    api_key_id uuid,
    user_id uuid NOT NULL,
    model text NOT NULL,
    endpoint text NOT NULL,
    state octroi_private.request_state DEFAULT 'open'::text NOT NULL,
    idempotency_key octroi_private.short_text,
    body_hash bytea NOT NULL,
    price_id bigint NOT NULL,
    balance_ids bigint[] NOT NULL,
    hold_amounts bigint[] NOT NULL,
    input_tokens octroi_private.quantity NOT NULL,
    output_tokens octroi_private.quantity NOT NULL,
    choices octroi_private.choice_count NOT NULL,
    hold_requests octroi_private.none_or_one DEFAULT 1 NOT NULL,
    hold_tokens octroi_private.quantity NOT NULL,
    hold_cost_nano_usd octroi_private.quantity NOT NULL,
    started_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    is_late boolean DEFAULT false NOT NULL,
    release_reason octroi_private.short_text
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE ONLY octroi_private.request FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.request OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.request IS 'A call that was allowed: what is held for it (output_tokens is per choice), and how it ended. open, then exactly one of settled, released, expired.';

CREATE FUNCTION octroi_private.is_sound_request(p_request octroi_private.request) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return p_request.expires_at > p_request.started_at
    and (p_request.state = 'open') = (p_request.finished_at is null)
    and (p_request.state = 'released') = (p_request.release_reason is not null)
    and (not p_request.is_late or p_request.state in ('open', 'settled'))
    and cardinality(p_request.balance_ids) = cardinality(p_request.hold_amounts)
    -- less than the call only when it was held after the fact: late, or recorded
    and p_request.hold_tokens <= p_request.input_tokens + p_request.output_tokens * p_request.choices;
end
$$;

ALTER FUNCTION octroi_private.is_sound_request(p_request octroi_private.request) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_sync_due(p_kind text, p_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from octroi_private.stripe_object as o
    where o.kind = p_kind and o.id = p_id
      and (o.queued_at > octroi_private.now() - interval '10 minutes' or o.lease_expires_at > octroi_private.now())
  )
$$;

ALTER FUNCTION octroi_private.is_sync_due(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_text(p_value jsonb, p_most integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_typeof(p_value) is not distinct from 'string' and length(p_value #>> '{}') between 1 and p_most
    and p_value #>> '{}' !~ '[[:cntrl:]]'
$$;

ALTER FUNCTION octroi_private.is_text(p_value jsonb, p_most integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_wanted(p_user_id uuid, p_kind text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return octroi_private.is_contractual(p_kind)
    or octroi_private.has_consent(p_user_id, case p_kind when 'threshold' then 'usage_alerts' else p_kind end);
end
$$;

ALTER FUNCTION octroi_private.is_wanted(p_user_id uuid, p_kind text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.is_whole(p_value jsonb, p_least bigint, p_most bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select coalesce(
    case when jsonb_typeof(p_value) = 'number' and p_value #>> '{}' ~ '^-?[0-9]{1,17}$'
      then (p_value #>> '{}')::bigint between p_least and p_most
    end, false
  )
$_$;

ALTER FUNCTION octroi_private.is_whole(p_value jsonb, p_least bigint, p_most bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.items_of(p_plan_version_id bigint, p_billing_interval text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_array(
    jsonb_build_object('price', octroi_private.price_id_of(p.lookup_key), 'quantity', 1)
  ) || coalesce((
    select jsonb_agg(jsonb_build_object('price', octroi_private.price_id_of(o.lookup_key)) order by o.meter)
    from octroi_private.plan_overage as o
    where o.plan_version_id = p.plan_version_id
  ), '[]')
  from octroi_private.plan_price as p
  where p.plan_version_id = p_plan_version_id and p.billing_interval = p_billing_interval
$$;

ALTER FUNCTION octroi_private.items_of(p_plan_version_id bigint, p_billing_interval text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.judge_stripe_event(p_event jsonb, OUT id text, OUT type text, OUT created_at timestamp with time zone, OUT kind text, OUT object_id text, OUT object jsonb, OUT state text, OUT reason text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_id_member text;
begin
  object := case when jsonb_typeof(p_event -> 'object') = 'object' then p_event -> 'object' else '{}' end;
  state := 'refused';
  if pg_column_size(p_event) > 8192 then
    reason := 'an event is not larger than 8 KiB';
    return;
  end if;
  id := p_event ->> 'id';
  type := p_event ->> 'type';
  if id is null or id !~ '^[A-Za-z0-9_.-]{1,255}$' or type is null or type !~ '^[a-z0-9_.]{1,100}$' then
    reason := 'an event has an id and a type';
    return;
  elsif octroi_private.is_whole(p_event -> 'created', 0, 99999999999) then
    created_at := to_timestamp((p_event ->> 'created')::bigint);
  elsif p_event ->> 'created' ~ '^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$' then
    begin
      created_at := (p_event ->> 'created')::timestamptz;
    exception
      -- the 31st of February
      when datetime_field_overflow then null;
    end;
  end if;
  if created_at is null then
    reason := 'an event says when it was created';
    return;
  end if;
  select t.kind, t.id_member into kind, v_id_member
  from octroi_private.stripe_event_types() as t
  where t.type = judge_stripe_event.type;
  object_id := object ->> v_id_member;
  if kind is null or type like 'subscription\_schedule.%' and object_id is null then
    state := 'ignored';
  elsif object_id is null or object_id !~ '^[A-Za-z0-9_.-]{1,255}$' then
    state := 'quarantined';
    reason := format('%s names no usable object', type);
    object_id := null;
  else
    state := 'queued';
  end if;
end
$_$;

ALTER FUNCTION octroi_private.judge_stripe_event(p_event jsonb, OUT id text, OUT type text, OUT created_at timestamp with time zone, OUT kind text, OUT object_id text, OUT object jsonb, OUT state text, OUT reason text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.keep_accounts(p_receipt_id uuid, p_ending uuid[], p_at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_rule octroi_private.retention_rule;
  v_billed uuid [];
  v_until timestamptz;
  v_soon timestamptz := p_at + octroi_private.kept_for('request');
  v_kept jsonb := '[]';
begin
  select r.* into strict v_rule from octroi_private.retention_rule as r where r.is_in_force;
  v_until := (date_trunc('year', p_at at time zone 'utc') + make_interval(years => 1 + v_rule.years)) at time zone 'utc';
  v_billed := array(
    select distinct c.account_id from octroi_private.stripe_customer as c where c.account_id = any(p_ending)
  );
  insert into octroi_private.erased_account (account_id, receipt_id, kept_until)
  select a.id, p_receipt_id, case when a.id = any(v_billed) then v_until else v_soon end
  from unnest(p_ending) as a (id);
  if cardinality(v_billed) > 0 then
    v_kept := v_kept || jsonb_build_object(
      'what', 'invoices, payments, top-ups and the usage they charge for, of a closed account without owner and name',
      'why', format('Art. 17(3)(b) GDPR; %s: %s years, %s', v_rule.country, v_rule.years, v_rule.legal_reason),
      'until', v_until
    );
  end if;
  if cardinality(p_ending) > cardinality(v_billed) then
    v_kept := v_kept || jsonb_build_object(
      'what', 'counters of a closed account without owner and name',
      'why', 'a call that was under way can still be counted', 'until', v_soon
    );
  end if;
  return v_kept;
end
$$;

ALTER FUNCTION octroi_private.keep_accounts(p_receipt_id uuid, p_ending uuid[], p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.keep_ban() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_until timestamptz := new.banned_until;
begin
  if v_until is null then
    delete from octroi_private.ban where user_id = new.id;
  else
    insert into octroi_private.ban (user_id, banned_until)
    select p.user_id, v_until from octroi_private.person as p where p.user_id = new.id
    on conflict (user_id) do update set banned_until = excluded.banned_until;
  end if;
  return null;
end
$$;

ALTER FUNCTION octroi_private.keep_ban() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.keep_contact() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_email text := case when length(new.email) between 3 and 320 and new.email !~ '[[:cntrl:]]' then new.email end;
  v_phone text := case when new.phone ~ '^\+?[0-9]{4,20}$' then new.phone end;
begin
  -- of whoever was erased Auth may keep a row, and go on changing it
  perform from octroi_private.person as p where p.user_id = new.id for key share;
  if not found then
    return null;
  end if;
  insert into octroi_private.notification_setting (user_id) values (new.id) on conflict do nothing;
  if new.email is null and v_phone is null then
    delete from octroi_private.contact where user_id = new.id;
  elsif v_email is not null or v_phone is not null then
    insert into octroi_private.contact as c (user_id, email, email_index, phone)
    values (
      new.id, octroi_private.seal_for(new.id, 'contact.email', v_email), octroi_private.blind_index('email', v_email),
      octroi_private.seal_for(new.id, 'contact.phone', v_phone)
    )
    on conflict (user_id) do update
    set email = excluded.email, email_index = excluded.email_index,
      -- a number that they gave us stays until Auth has another
      phone = case when old.phone is not distinct from new.phone then c.phone else excluded.phone end;
  end if;
  return null;
exception
  when sqlstate 'OC050' or sqlstate 'OC051' then
    -- what was there may be an address that is theirs no more
    delete from octroi_private.contact where user_id = new.id;
    raise warning 'how to reach a user was not kept: %', sqlerrm;
    insert into octroi_private.notification_setting (user_id) values (new.id) on conflict do nothing;
    return null;
end
$_$;

ALTER FUNCTION octroi_private.keep_contact() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.keep_notice_outcome() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.breach_notice as n
  set outcome = case when tg_op = 'DELETE' then 'cancelled' else new.state end, ended_at = octroi_private.now()
  where n.mail_id = old.id and n.ended_at is null;
  return null;
end
$$;

ALTER FUNCTION octroi_private.keep_notice_outcome() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.keep_second_factor() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if tg_op = 'DELETE' or new.status::text <> 'verified' then
    delete from octroi_private.second_factor where factor_id = old.id;
  end if;
  if tg_op <> 'DELETE' and new.status::text = 'verified' then
    insert into octroi_private.second_factor (factor_id, user_id, verified_at)
    values (new.id, new.user_id, octroi_private.now())
    on conflict (factor_id) do update set user_id = excluded.user_id;
  end if;
  return null;
end
$$;

ALTER FUNCTION octroi_private.keep_second_factor() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.kept_for(p_table_name text) RETURNS interval
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (select r.keep from octroi_private.retention_setting as r where r.table_name = p_table_name);
end
$$;

ALTER FUNCTION octroi_private.kept_for(p_table_name text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.kept_since(p_table_name text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return octroi_private.now() - octroi_private.kept_for(p_table_name);
end
$$;

ALTER FUNCTION octroi_private.kept_since(p_table_name text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.lapse_plans(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid;
  v_lapsed bigint := 0;
begin
  for v_account_id in
    select a.id
    from octroi_private.subscription as s
    join octroi_private.account as a on a.id = s.account_id
    where s.ended_at is null and s.granted_until < 'infinity' and s.granted_until <= octroi_private.now()
    order by s.granted_until
    limit p_max_rows
    for no key update of a skip locked
  loop
    perform octroi_private.sync_access(v_account_id);
    v_lapsed := v_lapsed + 1;
  end loop;
  return v_lapsed;
end
$$;

ALTER FUNCTION octroi_private.lapse_plans(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.left_items(p_subscription_id text) RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array_agg(i.id::text order by i.id)
  from octroi_private.stripe_subscription_item as i
  join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
  join octroi_private.plan_overage as o on o.lookup_key = k.key
  join octroi_private.stripe_subscription as s on s.id = i.subscription_id
  where i.subscription_id = p_subscription_id and s.status not in ('canceled', 'incomplete_expired')
    and not exists (
      select from octroi_private.stripe_subscription_item as b
      join octroi_private.stripe_catalogue as c on c.stripe_id = b.price_id
      join octroi_private.plan_price as p on p.lookup_key = c.key and p.plan_version_id = o.plan_version_id
      where b.subscription_id = i.subscription_id
    )
$$;

ALTER FUNCTION octroi_private.left_items(p_subscription_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.limit_faults(p_plan jsonb) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with declared as materialized (
    select l.item, 'limit[' || l.place || ']' as at, l.place,
      coalesce(l.item ->> 'scope', 'account') as scope, coalesce(l.item ->> 'model', '') as model,
      l.item ->> 'meter' as meter, l.item ->> 'period' as period
    from octroi_private.listed(p_plan -> 'limit') as l
  )
  select octroi_private.unknown_keys(
    d.item, array['scope', 'model', 'meter', 'period', 'amount', 'rollover'], d.at || '.'
  ) from declared as d
  union all
  select d.at || f.fault
  from declared as d
  cross join lateral (values
    (d.scope in ('account', 'member', 'api_key', 'model'), '.scope: account, member, api_key or model'),
    ((d.scope = 'model') = (d.model <> ''), '.model: named where, and only where, the scope is model'),
    (d.meter in ('tokens', 'requests', 'cost'), '.meter: tokens, requests or cost'),
    (d.period in ('day', 'month', 'lifetime'), '.period: day, month or lifetime'),
    (
      octroi_private.is_whole(d.item -> 'amount', 0, 1000000000000000),
      '.amount: a whole number from 0 to 1,000,000,000,000,000'
    ),
    (
      not d.item ? 'rollover' or (d.scope = 'account' and d.period = 'month'),
      '.rollover: only for the account''s month'
    ),
    (
      not d.item ? 'rollover' or (
        octroi_private.is_whole(d.item #> '{rollover,max}', 0, 1000000000000000)
        and octroi_private.is_whole(coalesce(d.item #> '{rollover,months}', '1'), 1, 12)
        and (d.item -> 'rollover') - array['max', 'months'] = '{}'
      ), '.rollover: max, and months from 1 to 12'
    )
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select d.at || ': overlaps limit[' || e.place || '], of the same scope, model, meter and period'
  from declared as d
  join declared as e on (e.scope, e.model, e.meter, e.period) = (d.scope, d.model, d.meter, d.period)
    and e.place < d.place
$$;

ALTER FUNCTION octroi_private.limit_faults(p_plan jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.limit_of(p_balance octroi_private.balance) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when (p_balance).scope = 'account' and (p_balance).period = 'month'
      then (p_balance).included + (p_balance).from_grants + octroi_private.granted_on_top(
        (p_balance).account_id, (p_balance).scope, (p_balance).meter, (p_balance).period, octroi_private.now()
      )
    else (p_balance).allowed
  end
$$;

ALTER FUNCTION octroi_private.limit_of(p_balance octroi_private.balance) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.limit_reason(p_scope text, p_meter text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return case
    when p_meter = 'cost' and p_scope = 'account' then 'spend_cap_reached'
    when p_scope = 'member' then 'member_budget_reached'
    when p_scope = 'api_key' then 'key_budget_reached'
    when p_scope = 'model' then 'model_budget_reached'
    else 'quota_exceeded'
  end;
end
$$;

ALTER FUNCTION octroi_private.limit_reason(p_scope text, p_meter text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.link_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '10s'
    AS $$
begin
  perform from octroi_private.audit_link as k where k.position = 0 for update;
  -- a statement of its own: it sees the link of whoever held the lock
  insert into octroi_private.audit_link (position, audit_id, hash)
  select k.position + 1, new.id, octroi_private.audit_hash(k.hash, new)
  from octroi_private.audit_link as k
  order by k.position desc
  limit 1
  on conflict (position) do nothing;
  if not found then
    raise exception 'the audit log grew meanwhile, or has lost its first link' using errcode = '40001',
      hint = 'Run the transaction again; if that does not help: octroi audit verify.';
  end if;
  return null;
end
$$;

ALTER FUNCTION octroi_private.link_entry() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.link_stripe_customer(p_account_id uuid, p_customer_id text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_customer_id text;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  if not found then
    raise exception 'no account %', p_account_id using errcode = 'OC032';
  end if;
  select c.id into v_customer_id
  from octroi_private.stripe_customer as c
  where c.account_id = p_account_id and not c.is_deleted;
  if v_customer_id is not null then
    return v_customer_id;
  end if;
  insert into octroi_private.stripe_customer as c (id, account_id)
  values (p_customer_id, p_account_id)
  on conflict (id) do update set account_id = excluded.account_id where c.account_id is null;
  if not found then
    raise exception 'customer % belongs to another account', p_customer_id using errcode = 'OC032';
  end if;
  perform octroi_private.evaluate_customer(p_customer_id);
  update octroi_private.stripe_object as o
  set problem = octroi_private.object_problem(o.kind, o.id)
  where o.problem in ('unknown_customer', 'foreign') and octroi_private.customer_of(o.kind, o.id) = p_customer_id;
  return p_customer_id;
end
$$;

ALTER FUNCTION octroi_private.link_stripe_customer(p_account_id uuid, p_customer_id text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.link_stripe_customer(p_account_id uuid, p_customer_id text) IS 'Makes a customer of Stripe an account''s and returns the account''s customer, which is another one where one was linked before. Raises OC032.';

CREATE FUNCTION octroi_private.listed(p_value jsonb) RETURNS TABLE(item jsonb, place integer)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.item, l.ord::integer - 1
  from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end)
    with ordinality as l (item, ord)
$$;

ALTER FUNCTION octroi_private.listed(p_value jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.live_stripe_ids(p_kind text, p_after text, p_max integer) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select o.id
  from (
    select c.id from octroi_private.stripe_customer as c
    where p_kind = 'customer' and c.account_id is not null and not c.is_deleted
    union all
    select s.id from octroi_private.stripe_subscription as s
    where p_kind = 'subscription' and s.status not in ('canceled', 'incomplete_expired')
    union all
    select i.id from octroi_private.stripe_invoice as i where p_kind = 'invoice' and i.status in ('draft', 'open')
  ) as o
  where o.id collate "C" > coalesce(p_after, '')
  order by o.id collate "C"
  limit least(greatest(p_max, 0), 1000)
$$;

ALTER FUNCTION octroi_private.live_stripe_ids(p_kind text, p_after text, p_max integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.live_stripe_ids(p_kind text, p_after text, p_max integer) IS 'Ids of customers, subscriptions or invoices that can still change, page by page.';

CREATE FUNCTION octroi_private.load_billing_request(p_id uuid) RETURNS TABLE(kind text, account_id uuid, customer_id text, idempotency_key text, args jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_request octroi_private.billing_request;
  v_subscription octroi_private.stripe_subscription;
  v_args jsonb;
begin
  select r.* into v_request from octroi_private.billing_request as r where r.id = p_id and r.state = 'pending';
  if v_request.id is null then
    return;
  end if;
  v_subscription := octroi_private.billed_subscription(v_request.account_id);
  if v_request.kind = 'cancel' and v_subscription.id is null then
    -- it has ended: by a worker that died before it could say so, or at Stripe's own pages
    perform octroi_private.finish_billing_request(p_id, null, null);
    return;
  elsif v_request.kind = 'resume' and v_subscription.id is null then
    raise exception 'there is no subscription to resume' using errcode = 'OC032';
  elsif v_request.kind = 'checkout' and octroi_private.has_bought(v_request.account_id) then
    raise exception 'this account has a subscription already' using errcode = 'OC032';
  end if;
  v_args := case v_request.kind
    when 'checkout' then jsonb_build_object(
      'mode', 'subscription', 'items', octroi_private.items_of(
        (v_request.args ->> 'plan_version_id')::bigint, v_request.args ->> 'billing_interval'
      ), 'trial_days', v_request.args -> 'trial_days', 'success_url', v_request.args -> 'success_url',
      'cancel_url', v_request.args -> 'cancel_url', 'reference', v_request.id,
      'expire_sessions', octroi_private.open_sessions(v_request.account_id, 'checkout')
    ) || case when octroi_private.is_checkout_under_way(v_request) then '{"wait_seconds": 1}' else '{}' end::jsonb
    when 'portal' then v_request.args
    when 'change_plan' then octroi_private.change_args(v_request)
    when 'cancel' then jsonb_build_object(
      'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id, 'when', v_request.args -> 'when'
    )
    when 'resume' then jsonb_build_object(
      'subscription', v_subscription.id, 'schedule', v_subscription.schedule_id
    )
    when 'top_up' then jsonb_build_object(
      'mode', 'payment', 'items', (
        select jsonb_build_array(jsonb_build_object('price', octroi_private.price_id_of(p.lookup_key), 'quantity', 1))
        from octroi_private.top_up_pack as p where p.id = (v_request.args ->> 'pack_id')::bigint
      ), 'success_url', v_request.args -> 'success_url', 'cancel_url', v_request.args -> 'cancel_url',
      'reference', v_request.id, 'expire_sessions', '[]'::jsonb
    )
    when 'auto_top_up' then (
      select jsonb_build_object(
        'price', octroi_private.price_id_of(p.lookup_key), 'quantity', 1, 'currency', p.currency,
        'reference', v_request.id
      )
      from octroi_private.top_up_pack as p where p.id = (v_request.args ->> 'pack_id')::bigint
    )
  end;
  return query
  select
    v_request.kind, v_request.account_id, (
      select c.id from octroi_private.stripe_customer as c
      where c.account_id = v_request.account_id and not c.is_deleted
    )::text, 'octroi-request-' || v_request.id, v_args;
end
$$;

ALTER FUNCTION octroi_private.load_billing_request(p_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.load_billing_request(p_id uuid) IS 'A pending billing request with every id that Stripe needs; no row when it is finished or unknown. Raises OC032, OC033 where it can no longer be done.';

CREATE FUNCTION octroi_private.load_completion(p_completion_id uuid) RETURNS TABLE(account_id uuid, user_id uuid, endpoint text, request jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.account_id, c.user_id, c.endpoint, c.request
  from octroi_private.completion as c
  where c.id = p_completion_id and c.finished_at is null and c.expires_at > octroi_private.now()
$$;

ALTER FUNCTION octroi_private.load_completion(p_completion_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.load_completion(p_completion_id uuid) IS 'A pending completion; no row when finished, expired or unknown.';

CREATE FUNCTION octroi_private.load_contact_change(p_id uuid) RETURNS TABLE(version integer, customer_id text, idempotency_key text, details jsonb, must_wait boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  select
    c.version, s.id::text, format('octroi-contact-%s-%s', c.id, c.version),
    octroi_private.contact_change_details(c.user_id, c.details), exists (
      select from octroi_private.erasure_step as e
      where e.account_id = c.account_id and e.kind = 'handover' and e.finished_at is null
    )
  from octroi_private.contact_change as c
  join octroi_private.stripe_customer as s on s.account_id = c.account_id and not s.is_deleted
  where c.id = p_id and c.state = 'pending';
end
$$;

ALTER FUNCTION octroi_private.load_contact_change(p_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.load_contact_change(p_id uuid) IS 'A correction that Stripe is to be told of, opened; must_wait while what an earlier owner left there is still being removed. No row when it has ended or the customer is gone. Raises OC050 to OC052.';

CREATE FUNCTION octroi_private.lock_append_only(p_relation regclass) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from octroi_private.append_only_pass where relation = p_relation and transaction_id = pg_current_xact_id()
$$;

ALTER FUNCTION octroi_private.lock_append_only(p_relation regclass) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.lock_balances(p_account_id uuid, p_anchor_at timestamp with time zone, p_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ids bigint [];
begin
  select array_agg(r.id) into v_ids
  from (
    select b.id from octroi_private.balance as b
    where b.account_id = p_account_id and (
      b.resets_at > p_at or b.period = 'month' and b.period_start < p_anchor_at and b.resets_at > p_anchor_at
    )
    order by b.id
    for no key update
  ) as r;
  update octroi_private.balance as b
  set is_bound = false
  where b.id = any(v_ids) and b.is_bound and not exists (
    select from octroi_private.limit_in_force as l
    where l.account_id = b.account_id and l.scope = b.scope and l.subject = b.subject and l.meter = b.meter
      and l.period = b.period
      and b.resets_at = (select p.resets_at from octroi_private.period_bounds(l.period, p_anchor_at, p_at) as p)
  );
end
$$;

ALTER FUNCTION octroi_private.lock_balances(p_account_id uuid, p_anchor_at timestamp with time zone, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.lock_person(p_user_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_heirs uuid [] := array(
    select m.user_id from octroi_private.account as a
    join octroi_private.member as m on m.account_id = a.id
    where a.owner_user_id = p_user_id and m.user_id <> p_user_id
  );
begin
  perform from octroi_private.person as p where p.user_id = any(v_heirs) and p.user_id < p_user_id
  order by p.user_id
  for key share;
  perform from octroi_private.person as p where p.user_id = p_user_id for update;
  perform from octroi_private.person as p where p.user_id = any(v_heirs) and p.user_id > p_user_id
  order by p.user_id
  for key share;
  perform from octroi_private.api_key as k where k.user_id = p_user_id order by k.id for update;
end
$$;

ALTER FUNCTION octroi_private.lock_person(p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.lock_stripe_object(p_kind text, p_id text, p_lease_seconds integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.stripe_object as o (kind, id, fence, lease_expires_at, locked_at)
  values (
    p_kind, p_id, 1, octroi_private.now() + make_interval(secs => least(greatest(p_lease_seconds, 1), 600)),
    octroi_private.now()
  )
  on conflict (kind, id) do update
  set fence = o.fence + 1, lease_expires_at = excluded.lease_expires_at, locked_at = excluded.locked_at,
    -- whatever happens from here on needs another fetch
    queued_at = null
  where o.lease_expires_at is null or o.lease_expires_at <= excluded.locked_at
  returning o.fence
$$;

ALTER FUNCTION octroi_private.lock_stripe_object(p_kind text, p_id text, p_lease_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.lock_stripe_object(p_kind text, p_id text, p_lease_seconds integer) IS 'Leases an object of Stripe before it is fetched; its fence, or null while another holds it.';

CREATE FUNCTION octroi_private.lock_unsettled_requests(p_user_id uuid, p_ending uuid[]) RETURNS uuid[]
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
  select array_agg(r.id)
  from (
    select q.id from octroi_private.request as q
    where q.state = 'open' and (q.user_id = p_user_id or q.account_id = any(p_ending))
      or q.state = 'expired' and q.user_id = p_user_id
    order by q.id
    for update
  ) as r
$$;

ALTER FUNCTION octroi_private.lock_unsettled_requests(p_user_id uuid, p_ending uuid[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.log_admin_read(p_relation text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if to_regclass(format('octroi_private.%I', p_relation)) is null then
    raise exception 'no table %', left(p_relation, 60) using errcode = '22023';
  end if;
  perform octroi_private.note_admin_read('admin_read.' || p_relation, p_relation, p_relation, '{}');
  return true;
end
$$;

ALTER FUNCTION octroi_private.log_admin_read(p_relation text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.log_admin_read(p_relation text) IS 'Enters that a table was read, of whomever. Raises what note_admin_read does, and 22023 for what is no table.';

CREATE FUNCTION octroi_private.lower_granted() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  new.granted := greatest(new.allowed, new.used + new.reserved - new.overage);
  return new;
end
$$;

ALTER FUNCTION octroi_private.lower_granted() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.make_admin_view(p_table text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  execute (
    select format(
      'create view octroi_private.%I as select %s '
      'from octroi_private.%I as t cross join (values (true)) as beside (it) where (select octroi_private.log_admin_read(%L))',
      'admin_' || p_table, string_agg(format('t.%I', d.column_name), ', ' order by d.position), p_table, p_table
    )
    from octroi_private.personal_data as d
    -- no secret, and nothing that says how to reach somebody or what they wrote
    where d.table_name = p_table and d.class in ('fact', 'reference')
  );
  execute format(
    'comment on view octroi_private.%I is %L', 'admin_' || p_table,
    format('%s for operators, without contact data and content. Each reading is in the audit log.', p_table)
  );
end
$$;

ALTER FUNCTION octroi_private.make_admin_view(p_table text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.make_meter_reports(p_account_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_sum record;
  v_id uuid;
  v_end timestamptz;
  v_fault text;
  v_made integer := 0;
begin
  for v_sum in
    select
      u.balance_id, u.event_name, u.meter, c.id as customer_id, sum(u.amount)::bigint as value,
      max(u.occurred_at) as last_at, array_agg(u.request_id) as request_ids,
      octroi_private.whole_minute(b.period_start, true) as window_start,
      octroi_private.whole_minute(b.resets_at, false) as window_end,
      (
        select least(count(*), 10)::smallint from octroi_private.meter_report as r
        where r.balance_id = u.balance_id and r.event_name = u.event_name and r.state = 'replaced'
      ) as generation
    from octroi_private.overage_use as u
    join octroi_private.balance as b on b.id = u.balance_id
    join octroi_private.stripe_customer as c on c.account_id = u.account_id and not c.is_deleted
    where u.account_id = p_account_id and u.report_id is null
    group by u.balance_id, u.event_name, u.meter, c.id, b.period_start, b.resets_at
    order by b.period_start, u.event_name
  loop
    -- what ended after its subscription did belongs to its last second
    v_end := octroi_private.billed_until(v_sum.customer_id, v_sum.event_name) - interval '1 second';
    v_fault := case
      when v_end < v_sum.window_start then 'its subscription ended within its first minute'
      when octroi_private.is_closed_for(p_account_id, least(v_sum.last_at, v_end))
        then 'the invoice of its period is closed'
      when v_sum.last_at < v_now - interval '35 days' then 'older than the 35 days that Stripe takes'
    end;
    continue when v_fault is null and exists (
      select from octroi_private.meter_report as r
      where r.customer_id = v_sum.customer_id and r.event_name = v_sum.event_name
        and r.state in ('pending', 'sending', 'unknown')
    );
    v_id := octroi_private.uuid_v7();
    insert into octroi_private.meter_report (
      id, account_id, customer_id, event_name, meter, balance_id, window_start, window_end, value, usage_at, state,
      detail, generation, created_at, changed_at
    )
    values (
      v_id, p_account_id, v_sum.customer_id, v_sum.event_name, v_sum.meter, v_sum.balance_id, v_sum.window_start,
      v_sum.window_end, v_sum.value,
      greatest(v_sum.window_start, least(
        date_trunc('second', v_sum.last_at), v_sum.window_end - interval '1 second', v_end
      )),
      case when v_fault is null then 'pending' else 'written_off' end, v_fault, v_sum.generation, v_now, v_now
    );
    update octroi_private.overage_use as u set report_id = v_id
    where u.balance_id = v_sum.balance_id and u.event_name = v_sum.event_name
      and u.request_id = any(v_sum.request_ids);
    if v_fault is null then
      insert into octroi_private.job (kind, args, run_at, max_attempts)
      values ('send_meter_report', jsonb_build_object('report_id', v_id), v_now, 100);
    end if;
    v_made := v_made + 1;
  end loop;
  return v_made;
end
$$;

ALTER FUNCTION octroi_private.make_meter_reports(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.make_pack_version(p_code text, p_version integer, p_content jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_key text := format('octroi-top-up-%s-v%s', p_code, p_version);
begin
  update octroi_private.top_up_pack set retired_at = octroi_private.now() where code = p_code and retired_at is null;
  if p_content is null then
    return;
  end if;
  insert into octroi_private.top_up_pack (
    code, version, name, meter, amount, price_minor, currency, expires_after_days, priority, lookup_key, content
  )
  select
    p_code, p_version, c.name, c.meter, c.amount, c.price, c.currency, c.expires_after_days, c.priority, v_key, p_content
  from jsonb_to_record(p_content) as c (
    name text, meter text, amount bigint, price bigint, currency text, expires_after_days integer, priority smallint
  );
  insert into octroi_private.stripe_catalogue (key, object)
  values ('octroi-top-up-' || p_code, 'product'), (v_key, 'price')
  on conflict (key) do nothing;
end
$$;

ALTER FUNCTION octroi_private.make_pack_version(p_code text, p_version integer, p_content jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.make_plan_version(p_code text, p_version integer, p_content jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id bigint;
  v_key text := format('octroi-%s-v%s-', p_code, p_version);
begin
  insert into octroi_private.plan_version (
    plan_code, version, allowed_models, currency, trial_days, seats, features, content
  )
  values (
    p_code, p_version, (select array_agg(l.item #>> '{}') from octroi_private.listed(p_content -> 'models') as l),
    p_content ->> 'currency', (p_content ->> 'trial_days')::smallint, (p_content ->> 'seats')::integer,
    array(select l.item #>> '{}' from octroi_private.listed(p_content -> 'features') as l), p_content
  )
  returning id into v_id;
  insert into octroi_private.plan_price (plan_version_id, billing_interval, amount_minor, lookup_key)
  select v_id, p.key, p.value::bigint, v_key || p.key from jsonb_each_text(p_content -> 'price') as p;
  insert into octroi_private.plan_overage (
    plan_version_id, meter, slice, price_minor, spend_cap_minor, is_on, lookup_key, event_name
  )
  select
    v_id, o.meter, o.slice, o.price, o.spend_cap, o."on", v_key || 'overage-' || o.meter,
    format('octroi_%s_v%s_%s', p_code, p_version, o.meter)
  from jsonb_to_recordset(p_content -> 'overage')
    as o (meter text, slice bigint, price bigint, spend_cap bigint, "on" boolean); -- noqa: RF06
  insert into octroi_private.plan_limit (
    plan_version_id, scope, model, meter, period, amount, overage, rollover_max, rollover_months
  )
  select
    v_id, l.scope, l.model, l.meter, l.period, l.amount,
    coalesce(octroi_private.overage_units(o.spend_cap_minor, o.price_minor, o.slice), 0),
    (l.rollover ->> 'max')::bigint, (l.rollover ->> 'months')::smallint
  from jsonb_to_recordset(p_content -> 'limit')
    as l (scope text, model text, meter text, period text, amount bigint, rollover jsonb)
  left join octroi_private.plan_overage as o
    on o.plan_version_id = v_id and o.meter = l.meter and l.scope = 'account' and l.period = 'month';
  insert into octroi_private.plan_version_pack (plan_version_id, pack_code)
  select v_id, l.item #>> '{}' from octroi_private.listed(p_content -> 'top_ups') as l;
  insert into octroi_private.stripe_catalogue (key, object)
  select 'octroi-' || p_code, 'product' where p_content -> 'price' <> '{}'
  union all
  select p.lookup_key, 'price' from octroi_private.plan_price as p where p.plan_version_id = v_id
  union all
  select k.key, k.object
  from octroi_private.plan_overage as o
  cross join lateral (values (o.lookup_key, 'metered_price'), (o.event_name, 'meter')) as k (key, object)
  where o.plan_version_id = v_id
  on conflict (key) do nothing;
end
$$;

ALTER FUNCTION octroi_private.make_plan_version(p_code text, p_version integer, p_content jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.make_usage_partition(p_month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_name text := format('usage_event_%s', to_char(p_month, 'YYYY_MM'));
begin
  if to_regclass('octroi_private.' || v_name) is not null then
    return false;
  end if;
  execute format(
    'create table octroi_private.%I partition of octroi_private.usage_event for values from (%L) to (%L)',
    v_name, p_month::timestamp at time zone 'utc', (p_month + interval '1 month') at time zone 'utc'
  );
  execute format('alter table octroi_private.%I enable row level security, force row level security', v_name);
  execute format('create policy owner_all on octroi_private.%I to octroi_owner using (true) with check (true)', v_name);
  execute format(
    'create trigger usage_event_append_only before update or delete or truncate on octroi_private.%I '
    'for each statement execute function octroi_private.refuse_change()', v_name
  );
  return true;
end
$$;

ALTER FUNCTION octroi_private.make_usage_partition(p_month date) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.make_usage_partitions(p_months_ahead integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*) filter (where octroi_private.make_usage_partition(
    (date_trunc('month', octroi_private.now() at time zone 'utc') + make_interval(months => m))::date
  ))::integer
  from generate_series(-1, p_months_ahead) as m
$$;

ALTER FUNCTION octroi_private.make_usage_partitions(p_months_ahead integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.make_usage_partitions(p_months_ahead integer) IS 'Makes the partitions of usage_event from last month to so many months ahead; the sweeper calls it.';

CREATE FUNCTION octroi_private.mark_mail(p_mail_id uuid, p_attempt integer, p_outcome text, p_detail text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION octroi_private.mark_mail(p_mail_id uuid, p_attempt integer, p_outcome text, p_detail text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.mark_mail(p_mail_id uuid, p_attempt integer, p_outcome text, p_detail text) IS 'What became of an attempt: sent, refused, deferred or unknown. Returns the state of the mail.';

CREATE FUNCTION octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea) RETURNS TABLE(email text, phone text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    octroi_private.mask_email(octroi_native.open(
      k.wrapped, octroi_private.sealed_place(k.user_id, 'contact.email'), p_email
    )),
    octroi_private.mask_phone(octroi_native.open(
      k.wrapped, octroi_private.sealed_place(k.user_id, 'contact.phone'), p_phone
    ))
  from octroi_private.data_key as k
  where k.user_id = p_user_id
$$;

ALTER FUNCTION octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea) IS 'A person''s sealed address and number, masked: m***@d***, +33 •• •• 12. Null for what is missing or does not open.';

CREATE FUNCTION octroi_private.mask_email(p_email text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select left(p_email, 1) || '***@' || left(substring(p_email from '@([^@]*)$'), 1) || '***'
$_$;

ALTER FUNCTION octroi_private.mask_email(p_email text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.mask_email(p_email text) IS 'm***@d***';

CREATE FUNCTION octroi_private.mask_phone(p_phone text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- the calling code (ITU-T E.164: one, two or, where it is neither, three digits) and the last two digits
  select '+' || coalesce(
    substring(d.digits from '^[17]'),
    substring(d.digits from '^(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])'),
    left(d.digits, 3)
  ) || ' •• •• ' || right(d.digits, 2)
  from (select regexp_replace(p_phone, '[^0-9]', '', 'g') as digits) as d
  where length(d.digits) >= 7
$$;

ALTER FUNCTION octroi_private.mask_phone(p_phone text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.mask_phone(p_phone text) IS '+33 •• •• 12; null for what is too short to hide anything.';

CREATE FUNCTION octroi_private.masked_contact(p_user_id uuid) RETURNS TABLE(email text, phone text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.note_admin_read(
    'contact.read', 'contact', octroi_private.pseudonym_of(p_user_id)::text, '{}'
  );
  return query
  select m.email, m.phone
  from octroi_private.contact as c
  left join lateral octroi_private.mask_contact(c.user_id, c.email, c.phone) as m on true
  where c.user_id = p_user_id;
end
$$;

ALTER FUNCTION octroi_private.masked_contact(p_user_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.masked_contact(p_user_id uuid) IS 'How a person is reached, masked; null where there is nothing, or nothing that opens. The person sees in their audit log that it was read. Raises OC040, 25006.';

CREATE FUNCTION octroi_private.metered_periods(p_customer text) RETURNS TABLE(key text, event_name text, meter text, account_id uuid, period_start timestamp with time zone, period_end timestamp with time zone, ledger bigint, accepted bigint, under_way bigint, waiting bigint, lost bigint, is_recent boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with used as (
    select c.account_id, u.balance_id, u.event_name, min(u.meter) as meter, u.report_id, sum(u.amount) as amount
    from octroi_private.stripe_customer as c
    join octroi_private.overage_use as u on u.account_id = c.account_id
    where c.id = p_customer and u.occurred_at > octroi_private.now() - interval '94 days'
    group by c.account_id, u.balance_id, u.event_name, u.report_id
  )
  select
    w.balance_id || ':' || w.event_name, w.event_name, min(u.meter), w.account_id, b.period_start, b.resets_at,
    sum(u.amount)::bigint,
    coalesce(sum(u.amount) filter (where r.state = 'accepted'), 0)::bigint,
    coalesce(sum(u.amount) filter (where r.state in ('sending', 'unknown', 'disputed')), 0)::bigint,
    coalesce(sum(u.amount) filter (where r.id is null or r.state = 'pending'), 0)::bigint,
    coalesce(sum(u.amount) filter (where r.state in ('written_off', 'rejected')), 0)::bigint,
    bool_or(coalesce(r.changed_at > octroi_private.now() - interval '15 minutes', false))
  from (select distinct x.account_id, x.balance_id, x.event_name from used as x) as w
  join octroi_private.balance as b on b.id = w.balance_id
  join used as u on u.event_name = w.event_name
  left join octroi_private.meter_report as r on r.id = u.report_id
  -- whole periods: Stripe's totals are of those
  where b.resets_at > octroi_private.now() - interval '62 days' and case
    when r.id is null then u.balance_id = w.balance_id
    else r.usage_at >= octroi_private.whole_minute(b.period_start, true)
      and r.usage_at < octroi_private.whole_minute(b.resets_at, false)
  end
  group by w.account_id, w.balance_id, w.event_name, b.period_start, b.resets_at
$$;

ALTER FUNCTION octroi_private.metered_periods(p_customer text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.missing_items() RETURNS TABLE(subscription_id text, meter text, lookup_key text, since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.id, o.meter, o.lookup_key, r.started_at
  from octroi_private.subscription as r
  join octroi_private.stripe_subscription as s
    on s.id = r.stripe_subscription_id and s.status not in ('canceled', 'incomplete_expired')
  join octroi_private.plan_overage as o on o.plan_version_id = r.plan_version_id
  where r.ended_at is null and not exists (
    select from octroi_private.stripe_subscription_item as i
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    where i.subscription_id = s.id and k.key = o.lookup_key
  )
$$;

ALTER FUNCTION octroi_private.missing_items() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.model_limits(p_model text) RETURNS TABLE(max_output_tokens bigint, max_input_tokens bigint, encoding text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.max_output_tokens::bigint, p.max_input_tokens::bigint, p.encoding
  from octroi_private.model_price as p
  where p.model = p_model and p.valid operator(pg_catalog.@>) octroi_private.now()
$$;

ALTER FUNCTION octroi_private.model_limits(p_model text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.model_limits(p_model text) IS 'Sizes and tokenizer of a model; no row when it has no price now.';

CREATE FUNCTION octroi_private.model_list(p_account_id uuid, p_api_key_id uuid) RETURNS TABLE(model text, created_at timestamp with time zone, owned_by text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.model, lower(p.valid), 'openai'
  from octroi_private.model_price as p
  join octroi_private.subscription as s on s.account_id = p_account_id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where p.valid operator(pg_catalog.@>) octroi_private.now()
    and (v.allowed_models is null or p.model = any(v.allowed_models))
    and not exists (
      select from octroi_private.api_key as k where k.id = p_api_key_id and p.model <> all(k.allowed_models)
    )
  order by p.model
$$;

ALTER FUNCTION octroi_private.model_list(p_account_id uuid, p_api_key_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.model_list(p_account_id uuid, p_api_key_id uuid) IS 'Models with a price now that the account''s plan allows, and the key, if the caller has one.';

CREATE FUNCTION octroi_private.month_cut_short(p_account_id uuid, p_period_start timestamp with time zone) RETURNS TABLE(period_start timestamp with time zone, resets_at timestamp with time zone, is_same_subscription boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  select m.period_start, m.resets_at, has.stripe_subscription_id is not distinct from had.stripe_subscription_id
  from octroi_private.subscription as has
  cross join lateral (
    select s.stripe_subscription_id, s.anchor_at
    from octroi_private.subscription as s
    where s.account_id = has.account_id and s.anchor_at <> has.anchor_at and s.stripe_subscription_id is not null
    order by s.started_at desc, s.id desc
    limit 1
  ) as had
  cross join lateral octroi_private.period_bounds('month', had.anchor_at, has.anchor_at) as m
  where has.account_id = p_account_id and has.ended_at is null and has.anchor_at = p_period_start
    and m.period_start < has.anchor_at
    and not exists (
      select from octroi_private.stripe_subscription as t
      where t.id = has.stripe_subscription_id and t.trial_ends_at = has.anchor_at
    );
end
$$;

ALTER FUNCTION octroi_private.month_cut_short(p_account_id uuid, p_period_start timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_account() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid;
begin
  select a.id into v_account_id
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  where m.user_id = (select octroi_private.my_user_id())
  order by (a.kind = 'personal') desc, a.id
  limit 1;
  if v_account_id is null then
    raise exception 'not signed in' using errcode = 'OC020', hint = 'Send the access token of a signed-in user.';
  end if;
  return v_account_id;
end
$$;

ALTER FUNCTION octroi_private.my_account() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_account_to_bill() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.require_step_up();
  return octroi_private.my_billed_account();
end
$$;

ALTER FUNCTION octroi_private.my_account_to_bill() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_accounts() RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select m.account_id from octroi_private.member as m where m.user_id = (select octroi_private.my_user_id());
end
$$;

ALTER FUNCTION octroi_private.my_accounts() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_administered_accounts() RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  select m.account_id from octroi_private.member as m
  where m.user_id = (select octroi_private.my_user_id()) and m.role in ('owner', 'admin');
end
$$;

ALTER FUNCTION octroi_private.my_administered_accounts() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_billed_account() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.my_account();
begin
  if not exists (
    select from octroi_private.member as m
    join octroi_private.account as a on a.id = m.account_id
    where m.account_id = v_account_id and m.user_id = (select auth.uid()) and m.role in ('owner', 'admin')
      and a.status = 'active'
  ) then
    raise exception 'only an owner or admin of an active account may do this' using errcode = 'OC021';
  end if;
  return v_account_id;
end
$$;

ALTER FUNCTION octroi_private.my_billed_account() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_billing_url(p_billing_request_id uuid) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select r.url
    from octroi_private.billing_request as r
    where r.id = p_billing_request_id and r.url is not null and r.user_id = octroi_private.my_user_id()
      and r.account_id in (select octroi_private.my_administered_accounts())
      and octroi_private.billing_url_ends_at(r.kind, r.finished_at) > octroi_private.now()
      and octroi_private.has_stepped_up()
  );
end
$$;

ALTER FUNCTION octroi_private.my_billing_url(p_billing_request_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.my_billing_url(p_billing_request_id uuid) IS 'Where a billing request of the caller leads to; null for anybody else''s, without the caller''s second factor, and when its time is over.';

CREATE FUNCTION octroi_private.my_invoices() RETURNS TABLE(account_id uuid, id text, status text, total_minor bigint, amount_paid_minor bigint, currency text, created_at timestamp with time zone, period_start timestamp with time zone, period_end timestamp with time zone, paid_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.account_id, i.id, i.status, i.total_minor, i.amount_paid_minor, i.currency, i.created_at, i.period_start,
    i.period_end, i.paid_at
  from octroi_private.stripe_invoice as i
  join octroi_private.stripe_customer as c on c.id = i.customer_id
  where c.account_id in (select octroi_private.my_administered_accounts()) and i.status <> 'draft'
$$;

ALTER FUNCTION octroi_private.my_invoices() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_top_ups() RETURNS TABLE(account_id uuid, pack text, meter text, amount bigint, drawn bigint, revoked bigint, remaining bigint, paid_minor bigint, currency text, bought_at timestamp with time zone, expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    t.account_id, k.code, g.meter, g.amount, g.drawn, g.revoked, greatest(g.amount - g.drawn - g.revoked, 0),
    t.paid_minor, t.currency, t.bought_at, nullif(g.expires_at, 'infinity')
  from octroi_private.top_up as t
  join octroi_private.quota_grant as g on g.id = t.grant_id
  join octroi_private.top_up_pack as k on k.id = t.pack_id
  where t.account_id in (select octroi_private.my_administered_accounts())
$$;

ALTER FUNCTION octroi_private.my_top_ups() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_user_id() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := auth.uid();
begin
  if octroi_private.is_banned(v_user_id) then
    raise exception 'this user is suspended' using errcode = 'OC022',
      hint = 'Auth has banned the user, for a time or until the ban is lifted. Ask whoever runs this service.';
  end if;
  return v_user_id;
end
$$;

ALTER FUNCTION octroi_private.my_user_id() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.my_user_id() IS 'auth.uid(), unless Auth has banned them. Raises OC022.';

CREATE FUNCTION octroi_private.new_key_secret() RETURNS text
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select 'sk-oct-' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;

ALTER FUNCTION octroi_private.new_key_secret() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.note_admin_read(p_action text, p_table text, p_subject text, p_detail jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.require_admin_step_up();
  perform octroi_private.record_audit(p_action, null, p_subject, p_detail, null);
  raise log 'octroi: % (%) reads personal data in %, because: %',
    session_user, coalesce(octroi_private.pseudonym_of((select auth.uid()))::text, current_setting('role')), p_table,
    -- on one line: a reason cannot look like an entry of the server's; and it names nobody there either
    coalesce(nullif(octroi_private.pseudonymised(
      regexp_replace(current_setting('octroi_audit.reason', true), '[[:cntrl:]]', ' ', 'g')
    ), ''), 'none given');
end
$$;

ALTER FUNCTION octroi_private.note_admin_read(p_action text, p_table text, p_subject text, p_detail jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.note_admin_read(p_action text, p_table text, p_subject text, p_detail jsonb) IS 'Enters a read of personal data by an operator, here and in the server''s log. Raises OC040 for one from the Data API without aal2, 25006 in a read-only transaction: what cannot be logged is not read.';

CREATE FUNCTION octroi_private.note_missed_id(p_is_foreign boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- a GET of the Data API reads only
  if current_setting('transaction_read_only') = 'on' then
    return;
  end if;
  insert into octroi_private.refused_access as r (
    bucket_at, reason, account_id, api_key_id, refusals, foreign_ids
  )
  select date_bin('10 minutes', octroi_private.now(), 'epoch'), 'missed_id', a.id,
    '00000000-0000-0000-0000-000000000000', 1, p_is_foreign::integer
  from octroi_private.account as a
  where a.owner_user_id = (select auth.uid()) and a.kind = 'personal'
  on conflict (bucket_at, reason, account_id, api_key_id)
  do update set refusals = least(r.refusals + 1, 1000000000000000),
    foreign_ids = least(r.foreign_ids + excluded.foreign_ids, 1000000000000000);
end
$$;

ALTER FUNCTION octroi_private.note_missed_id(p_is_foreign boolean) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.note_missed_key(p_api_key_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.note_missed_id(exists (
    select from octroi_private.api_key as k
    where k.id = p_api_key_id and k.user_id <> (select auth.uid())
      and k.account_id not in (select octroi_private.my_administered_accounts())
  ))
$$;

ALTER FUNCTION octroi_private.note_missed_key(p_api_key_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.note_refused_at_limit(p_account_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_meter text;
  v_balance octroi_private.balance;
  v_price octroi_private.model_price;
begin
  select k.meter into v_meter
  from octroi_private.auto_top_up as a
  join octroi_private.top_up_pack as k on k.code = a.pack_code and k.retired_at is null
  where a.account_id = p_account_id;
  if v_meter is null then
    return null;
  end if;
  select p.* into v_price
  from octroi_private.model_price as p
  where p.model = p_model and p.valid operator(pg_catalog.@>) v_now;
  select b.* into v_balance
  from octroi_private.balance as b
  where b.account_id = p_account_id and b.scope = 'account' and b.period = 'month' and b.meter = v_meter
    and b.resets_at > v_now and b.period_start <= v_now and b.is_bound
  for no key update;
  if v_price.id is null or v_balance.id is null then
    return null;
  end if;
  v_balance.reserved := 0;
  v_balance.granted := octroi_private.limit_of(v_balance);
  if (octroi_private.allot_next(
    null, array[v_balance], p_input_tokens, p_output_tokens, p_choices, v_price.top_input_price,
    v_price.top_output_price
  )).hold is not null then
    return null;
  end if;
  return octroi_private.buy_when_low(p_account_id, v_meter, 0);
end
$$;

ALTER FUNCTION octroi_private.note_refused_at_limit(p_account_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.note_refused_at_limit(p_account_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer) IS 'Takes note of a call that was refused at a limit: buys a pack where one was asked for and only that would let the account''s month allow the call. Returns the billing request, null when nothing is bought.';

CREATE FUNCTION octroi_private.notice_fault(p_notice jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when jsonb_typeof(p_notice) is distinct from 'object' or not p_notice ? 'en' then 'it has no English part'
    else (
      select string_agg(format('%s', l.key), ', ')
      from jsonb_each(p_notice) as l
      where l.key not in ('en', 'fr') or case when jsonb_typeof(l.value) <> 'object' then true else
        l.value - array['happened', 'consequences', 'measures', 'advice'] <> '{}'
        or not l.value ?& array['happened', 'consequences', 'measures', 'advice']
        or exists (
          select from jsonb_each(l.value) as t
          where jsonb_typeof(t.value) <> 'string' or length(t.value #>> '{}') not between 1 and 2000
        )
      end
    )
  end
$$;

ALTER FUNCTION octroi_private.notice_fault(p_notice jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.notify_affected(p_breach_id bigint, p_notice jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_fault text := octroi_private.notice_fault(p_notice);
begin
  if v_breach.assessed_at is null then
    raise exception 'breach % is not assessed yet', p_breach_id using errcode = 'OC055';
  elsif v_breach.notices_begun_at is not null then
    raise exception 'notices of breach % are under way already', p_breach_id using errcode = 'OC055',
      hint = 'Whoever is found to be affected later is told once the breach is assessed again.';
  elsif v_fault is not null then
    raise exception 'the notice lacks a text, or has one of over 2,000 characters: %', v_fault using errcode = '22023';
  end if;
  update octroi_private.breach as b set notice = p_notice, notices_begun_at = octroi_private.now()
  where b.id = p_breach_id;
  perform octroi_private.enqueue_breach_notices(p_breach_id);
  perform octroi_private.record_audit(
    'breach.notify', null, p_breach_id::text, jsonb_build_object('affected_count', v_breach.affected_count),
    'notices to the people affected'
  );
  return v_breach.affected_count;
end
$$;

ALTER FUNCTION octroi_private.notify_affected(p_breach_id bigint, p_notice jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.notify_affected(p_breach_id bigint, p_notice jsonb) IS 'Begins the notices to everyone a breach affects, once; a job queues them in batches. Returns how many. Raises OC055, 22023.';

CREATE FUNCTION octroi_private.notify_authority(p_breach_id bigint, p_authority text, p_reference text, p_notified_at timestamp with time zone, p_delay_reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_breach octroi_private.breach := octroi_private.open_breach_row(p_breach_id);
  v_at timestamptz := coalesce(p_notified_at, octroi_private.now());
begin
  if v_breach.assessed_at is null then
    raise exception 'breach % is not assessed yet', p_breach_id using errcode = 'OC055';
  elsif v_at > octroi_private.now() or v_at < v_breach.detected_at then
    raise exception 'the authority was told between awareness and now' using errcode = '22023';
  elsif v_at > v_breach.report_due_at and p_delay_reason is null then
    raise exception 'the time limit was %, so the authority is owed the reason for the delay', v_breach.report_due_at
      using errcode = 'OC055';
  end if;
  update octroi_private.breach as b
  set authority = p_authority, authority_reference = p_reference, authority_notified_at = v_at,
    delay_reason = p_delay_reason
  where b.id = p_breach_id;
  perform octroi_private.record_audit(
    'breach.authority', null, p_breach_id::text, jsonb_build_object('authority', p_authority, 'notified_at', v_at),
    p_delay_reason
  );
end
$$;

ALTER FUNCTION octroi_private.notify_authority(p_breach_id bigint, p_authority text, p_reference text, p_notified_at timestamp with time zone, p_delay_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.notify_authority(p_breach_id bigint, p_authority text, p_reference text, p_notified_at timestamp with time zone, p_delay_reason text) IS 'Records that the authority was told. Late, it asks for the reason. Raises OC055, 22023, 23514.';

CREATE FUNCTION octroi_private.notify_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_key constant bigint := hashtextextended('octroi_private.stand_by', 0);
begin
  if not pg_try_advisory_xact_lock_shared(v_key) then
    perform pg_notify('octroi_job', '');
  end if;
  return null;
end
$$;

ALTER FUNCTION octroi_private.notify_job() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.object_problem(p_kind text, p_id text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.account_of_customer(octroi_private.customer_of(p_kind, p_id));
  v_sold record;
begin
  if p_kind = 'customer' then
    return null;
  end if;
  select
    coalesce(bool_or(s.is_ours), false) as any_ours, coalesce(bool_and(s.is_ours), false) as all_ours,
    coalesce(bool_or(s.plan_key is not null), false) as any_plan,
    coalesce(bool_or(s.plan_key is not null and s.quantity is distinct from 1), false) as bad_plan,
    coalesce(bool_or(s.pack_key is not null and coalesce(s.quantity not between 1 and 100, true)), false) as bad_pack
  into v_sold
  from octroi_private.sold_by(p_kind, p_id) as s;
  if v_account_id is null then
    return case when v_sold.any_ours then 'unknown_customer' else 'foreign' end;
  end if;
  return case p_kind
    when 'subscription' then
      case when not v_sold.any_plan then 'unknown_price' when v_sold.bad_plan then 'bad_quantity' end
    when 'checkout_session' then (
      select case
        when s.mode = 'payment' and s.status = 'complete' and not v_sold.all_ours then 'unknown_price'
        when v_sold.bad_pack then 'bad_quantity'
        when exists (
          select from octroi_private.billing_request as r
          where r.id::text = s.reference and r.account_id <> v_account_id
        ) then 'foreign_reference'
      end
      from octroi_private.stripe_checkout_session as s where s.id = p_id
    )
    when 'invoice' then case when v_sold.bad_pack then 'bad_quantity' when not v_sold.any_ours then 'unknown_price' end
  end;
end
$$;

ALTER FUNCTION octroi_private.object_problem(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.only_about_the_living() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
  raise exception 'this user is not there any more' using errcode = 'OC020',
    hint = 'Whoever was deleted is not signed in, whatever their access token says.';
end
$_$;

ALTER FUNCTION octroi_private.only_about_the_living() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_and_lock(p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_caller record;
  v_locked bigint [] := '{}';
begin
  for v_caller in
    select distinct i.account_id, i.api_key_id, i.user_id, i.model
    from unnest(p_account_ids, p_api_key_ids, p_user_ids, p_models) as i (account_id, api_key_id, user_id, model)
    order by i.account_id, i.api_key_id, i.user_id, i.model
  loop
    if not exists (
      select from octroi_private.entitlement as e
      where e.account_id = v_caller.account_id and e.user_id = v_caller.user_id and e.model = v_caller.model
        and e.api_key_id = coalesce(v_caller.api_key_id, '00000000-0000-0000-0000-000000000000')
        and e.valid_until > octroi_private.now()
    ) then
      perform octroi_private.open_entitlement(
        v_caller.account_id, v_caller.api_key_id, v_caller.user_id, v_caller.model
      );
    end if;
    v_locked := v_locked || array(
      select b.id from octroi_private.balance as b
      where b.account_id = v_caller.account_id and b.resets_at > octroi_private.now()
      order by b.id
      for no key update
    );
  end loop;
  return v_locked;
end
$$;

ALTER FUNCTION octroi_private.open_and_lock(p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_balances(p_account_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_anchor_at timestamptz := octroi_private.anchor_of(p_account_id);
  v_limit record;
  v_missed bigint;
begin
  perform octroi_private.lock_balances(p_account_id, v_anchor_at, v_now);
  perform octroi_private.expire_grants(p_account_id);
  perform octroi_private.roll_over(p_account_id, v_anchor_at, v_now);
  for v_limit in
    select l.account_id, l.scope, l.subject, l.meter, l.period, p.period_start, p.resets_at, b.id as balance_id,
      b.used, coalesce(b.is_bound, false) as is_bound, plan.included, l.included - plan.included as set_off,
      plan.included + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, v_now)
      + coalesce(b.from_grants, 0) as allowed,
      -- what was used as overage before the plan changed does not come out of the new one
      greatest(l.overage, coalesce(b.from_overage, 0)) as overage
    from octroi_private.limit_in_force as l
    cross join lateral octroi_private.period_bounds(l.period, v_anchor_at, v_now) as p
    left join octroi_private.balance as b
      on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
      and b.subject = l.subject and b.meter = l.meter and b.period = l.period
    cross join lateral (
      select greatest(
        l.included - octroi_private.debt_of(l.account_id, l.scope, l.meter, l.period, p.period_start), 0
      ) as included
    ) as plan
    where l.account_id = p_account_id
    order by b.id, l.scope, l.subject, l.meter, l.period
  loop
    v_missed := case when v_limit.is_bound then 0 else coalesce(
      case when v_limit.balance_id is null then octroi_private.used_of_cut_month(
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period, v_limit.period_start
      ) end,
      greatest(octroi_private.used_since(
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period_start
      ) - coalesce(v_limit.used, 0), 0)
    ) end;
    if v_limit.balance_id is null then
      insert into octroi_private.balance (
        account_id, scope, subject, meter, period, period_start, resets_at, included, allowed, granted, overage,
        carried, used, set_off, alert_at
      )
      values (
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period, v_limit.period_start,
        v_limit.resets_at, v_limit.included, v_limit.allowed, greatest(v_limit.allowed, v_missed - v_limit.overage),
        v_limit.overage, v_missed, v_missed, v_limit.set_off,
        octroi_private.alert_amount(
          p_account_id, v_limit.scope, v_limit.meter, v_limit.period, v_missed, null, v_limit.allowed
        )
      );
    else
      update octroi_private.balance as b
      set included = v_limit.included, overage = v_limit.overage, allowed = v_limit.allowed, is_bound = true,
        set_off = v_limit.set_off,
        alert_at = octroi_private.rearm_alerts(b, v_limit.allowed),
        carried = b.carried + v_missed, used = b.used + v_missed,
        granted = greatest(v_limit.allowed, b.used + v_missed + b.reserved - v_limit.overage)
      where b.id = v_limit.balance_id
        and (
          v_missed > 0 or (b.included, b.overage, b.allowed, b.is_bound, b.set_off) is distinct from (
            v_limit.included, v_limit.overage, v_limit.allowed, true, v_limit.set_off
          )
        );
    end if;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.open_balances(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_breach(p_title text, p_nature text, p_detected_at timestamp with time zone) RETURNS TABLE(id bigint, report_due_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_id bigint;
  v_due timestamptz;
begin
  if coalesce(p_detected_at > v_now, false) then
    raise exception 'nobody becomes aware of a breach in the future' using errcode = '22023';
  end if;
  insert into octroi_private.breach as b (title, nature, detected_at, report_due_at, opened_at)
  select p_title, p_nature, coalesce(p_detected_at, v_now),
    coalesce(p_detected_at, v_now) + make_interval(hours => s.breach_report_hours), v_now
  from octroi_private.security_setting as s
  returning b.id, b.report_due_at into v_id, v_due;
  perform octroi_private.record_audit(
    'breach.open', null, v_id::text, jsonb_build_object('report_due_at', v_due), p_title
  );
  return query select v_id, v_due;
end
$$;

ALTER FUNCTION octroi_private.open_breach(p_title text, p_nature text, p_detected_at timestamp with time zone) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.open_breach(p_title text, p_nature text, p_detected_at timestamp with time zone) IS 'Enters a breach and starts its clock at the moment of awareness, now when null. Raises 22023, 23514, 23502.';

CREATE FUNCTION octroi_private.open_breach_row(p_breach_id bigint) RETURNS octroi_private.breach
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_breach octroi_private.breach;
begin
  select b.* into v_breach from octroi_private.breach as b where b.id = p_breach_id for update;
  if v_breach.id is null then
    raise exception 'there is no breach %', p_breach_id using errcode = 'OC055';
  elsif v_breach.closed_at is not null then
    raise exception 'breach % is closed', p_breach_id using errcode = 'OC055', hint = 'Open another one.';
  end if;
  return v_breach;
end
$$;

ALTER FUNCTION octroi_private.open_breach_row(p_breach_id bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_cycles(p_account_id uuid, p_customer_id text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_opened integer;
begin
  with draft as (
    select i.id, i.subscription_id, min(l.period_start) as period_start, max(l.period_end) as period_end
    from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = l.price_id and k.object = 'metered_price'
    where i.customer_id = p_customer_id and i.status = 'draft'
    group by i.id, i.subscription_id
  ),
  opened as (
    insert into octroi_private.billing_cycle (
      invoice_id, account_id, customer_id, subscription_id, period_start, period_end, opened_at, changed_at
    )
    select d.id, p_account_id, p_customer_id, d.subscription_id, d.period_start, d.period_end, v_now, v_now
    from draft as d
    on conflict (invoice_id) do nothing
    returning invoice_id
  ),
  queued as (
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    select 'close_cycle', jsonb_build_object('invoice_id', o.invoice_id), v_now, 100 from opened as o
  )
  select count(*) into v_opened from opened;
  return v_opened;
end
$$;

ALTER FUNCTION octroi_private.open_cycles(p_account_id uuid, p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  -- One opener at a time per account, and none while a rule of the account is being changed.
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  -- what was paid for is over: what comes next is in force before anything is resolved
  if exists (
    select from octroi_private.subscription as s
    where s.account_id = p_account_id and s.ended_at is null and s.granted_until <= v_now
  ) then
    perform octroi_private.sync_access(p_account_id);
  end if;
  if octroi_private.why_refused(p_account_id, p_api_key_id, p_user_id, p_model) is not null then
    return false;
  end if;
  perform octroi_private.open_balances(p_account_id);
  insert into octroi_private.entitlement (
    account_id, api_key_id, user_id, model, price_id, plan_code, balance_ids, valid_until
  )
  select
    p_account_id, coalesce(p_api_key_id, '00000000-0000-0000-0000-000000000000'), p_user_id, p_model,
    p.id, v.plan_code, coalesce(bound.balance_ids, '{}'),
    least(
      coalesce(bound.resets_at, 'infinity'), coalesce(upper(p.valid), 'infinity'), coalesce(k.expires_at, 'infinity'),
      coalesce((
        select min(case when g.starts_at > v_now then g.starts_at else g.expires_at end)
        from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.ended_at is null
      ), 'infinity'),
      s.granted_until,
      -- what an earlier month holds comes free within a call's time
      case when exists (
        select from octroi_private.quota_grant as g
        where g.account_id = p_account_id and g.ended_at is null
          and octroi_private.held_of_earlier_months(p_account_id, g.meter, v_now) > 0
      ) then v_now + interval '1 minute' else 'infinity' end
    )
  from octroi_private.model_price as p
  join octroi_private.subscription as s on s.account_id = p_account_id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  left join octroi_private.api_key as k on k.id = p_api_key_id
  cross join lateral (
    select array_agg(b.id order by b.id) as balance_ids, min(b.resets_at) as resets_at
    from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at > v_now and b.period_start <= v_now and b.is_bound
      and b.subject = case b.scope
        when 'account' then '' when 'member' then p_user_id::text
        when 'api_key' then p_api_key_id::text when 'model' then p_model
      end
  ) as bound
  where p.model = p_model and p.valid operator(pg_catalog.@>) v_now
  on conflict (account_id, api_key_id, user_id, model) do update
  set price_id = excluded.price_id, plan_code = excluded.plan_code, balance_ids = excluded.balance_ids,
    valid_until = excluded.valid_until;
  return true;
end
$$;

ALTER FUNCTION octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) IS 'Opens balances and writes the entitlement of a caller for a model; false when why_refused gives a reason.';

CREATE FUNCTION octroi_private.open_for(p_user_id uuid, p_place text, p_sealed bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_place text := octroi_private.sealed_place(p_user_id, p_place);
  v_wrapped bytea;
  v_plain text;
begin
  if p_sealed is null then
    return null;
  end if;
  select k.wrapped into v_wrapped from octroi_private.data_key as k where k.user_id = p_user_id;
  if v_wrapped is null then
    raise exception 'the data key of this person was destroyed: what it sealed is gone' using errcode = 'OC052';
  end if;
  v_plain := octroi_native.open(v_wrapped, v_place, p_sealed);
  if v_plain is null then
    perform octroi_private.raise_unsealed();
  end if;
  return v_plain;
end
$$;

ALTER FUNCTION octroi_private.open_for(p_user_id uuid, p_place text, p_sealed bytea) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.open_for(p_user_id uuid, p_place text, p_sealed bytea) IS 'Opens what seal_for sealed for the same person and place. Raises OC050, OC051, OC052, 22023.';

CREATE FUNCTION octroi_private.open_overage(p_account_id uuid) RETURNS TABLE(event_name text, meter text, quantity bigint, slice bigint, price_minor bigint, amount_minor bigint, currency text, period_start timestamp with time zone, period_end timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    u.event_name, u.meter, u.amount, o.slice, o.price_minor,
    octroi_private.overage_price(u.amount, o.price_minor, o.slice), v.currency, u.period_start, u.resets_at
  from (
    select w.event_name, w.meter, b.period_start, b.resets_at, sum(w.amount)::bigint as amount
    from octroi_private.overage_use as w
    join octroi_private.balance as b on b.id = w.balance_id
    left join octroi_private.meter_report as r on r.id = w.report_id
    where w.account_id = p_account_id and r.state is distinct from 'written_off'
      and w.occurred_at > octroi_private.now() - interval '70 days'
      and not exists (
        select from octroi_private.billing_cycle as c
        where c.account_id = w.account_id and c.period_start <= w.occurred_at and c.period_end > w.occurred_at
          and c.state in ('finalised', 'closed')
      )
      and exists (
        select from octroi_private.stripe_customer as c
        join octroi_private.metered_subscription as s on s.customer_id = c.id and s.event_name = w.event_name
        where c.account_id = w.account_id and not c.is_deleted and s.created_at <= w.occurred_at
          and (s.ended_at is null or s.ended_at >= w.occurred_at)
          -- nothing of a trial is billed
          and (s.trial_ends_at is null or s.trial_ends_at <= w.occurred_at)
      )
    group by w.event_name, w.meter, b.period_start, b.resets_at
  ) as u
  join octroi_private.plan_overage as o on o.event_name = u.event_name
  join octroi_private.plan_version as v on v.id = o.plan_version_id
$$;

ALTER FUNCTION octroi_private.open_overage(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_personal_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.uuid_v7();
  v_now timestamptz := octroi_private.now();
begin
  insert into octroi_private.account (id, kind, owner_user_id, name, created_at)
  values (v_account_id, 'personal', new.id, 'Personal', v_now);
  insert into octroi_private.member (account_id, user_id, role, created_at)
  values (v_account_id, new.id, 'owner', v_now);
  insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
  select v_account_id, v.id, v_now, v_now
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  where p.is_default
  order by v.version desc
  limit 1;
  return null;
end
$$;

ALTER FUNCTION octroi_private.open_personal_account() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_privacy_request(p_user_id uuid, p_kind text, p_channel text DEFAULT 'rpc'::text, p_regime text DEFAULT 'gdpr'::text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_set octroi_private.privacy_setting;
  v_id uuid;
begin
  select s.* into strict v_set from octroi_private.privacy_setting as s;
  insert into octroi_private.privacy_request (user_id, kind, regime, channel, received_at, confirm_by, due_at)
  values (
    p_user_id, p_kind, p_regime, p_channel, v_now,
    case when p_regime = 'ccpa' then octroi_private.add_business_days(v_now, v_set.ccpa_confirm_business_days) end,
    case
      when p_regime = 'ccpa' and p_kind = 'opt_out'
        then octroi_private.add_business_days(v_now, v_set.ccpa_opt_out_business_days)
      when p_regime = 'ccpa' then v_now + make_interval(days => v_set.ccpa_answer_days)
      -- a month from the 31st ends on the last day of a shorter month
      else ((v_now at time zone 'utc') + make_interval(months => v_set.gdpr_answer_months)) at time zone 'utc'
    end
  )
  returning id into v_id;
  return v_id;
end
$$;

ALTER FUNCTION octroi_private.open_privacy_request(p_user_id uuid, p_kind text, p_channel text, p_regime text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.open_privacy_request(p_user_id uuid, p_kind text, p_channel text, p_regime text) IS 'Takes note that somebody asked for a right, and starts its clock. Raises 23514 for a kind, channel or law that does not exist.';

CREATE FUNCTION octroi_private.open_sessions(p_account_id uuid, p_kind text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_agg(r.object_id order by r.created_at), '[]')
  from octroi_private.billing_request as r
  left join octroi_private.stripe_checkout_session as s on s.id = r.object_id
  where r.account_id = p_account_id and r.kind = p_kind and r.state = 'done'
    and r.finished_at > octroi_private.now() - interval '1 day' and coalesce(s.status, 'open') = 'open'
$$;

ALTER FUNCTION octroi_private.open_sessions(p_account_id uuid, p_kind text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.operator_key_use() RETURNS TABLE(operator_key_id text, is_active boolean, is_known boolean, data_keys bigint)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    coalesce(o.id, k.operator_key_id), coalesce(o.place = 1, false), o.id is not null, coalesce(k.data_keys, 0)
  from unnest(octroi_native.operator_key_ids()) with ordinality as o (id, place)
  full join (
    select d.operator_key_id, count(*) as data_keys from octroi_private.data_key as d group by d.operator_key_id
  ) as k on k.operator_key_id = o.id
  order by o.place nulls last, 1
$$;

ALTER FUNCTION octroi_private.operator_key_use() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.operator_key_use() IS 'How many data keys each operator key wraps. is_known is false for one that is not in the file: those do not open.';

CREATE FUNCTION octroi_private.origin_of(p_url text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case
    when length(p_url) > 2000 then null
    when p_url ~ '^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?([/?#]([!-\[]|[\]-~])*)?$'
      or p_url ~ '^http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?([/?#]([!-\[]|[\]-~])*)?$'
      then substring(p_url from '^https?://[^/?#]+')
  end
$_$;

ALTER FUNCTION octroi_private.origin_of(p_url text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.overage_faults(p_plan jsonb) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with declared as materialized (
    select o.item, 'overage[' || o.place || ']' as at, o.place, o.item ->> 'meter' as meter
    from octroi_private.listed(p_plan -> 'overage') as o
  )
  select octroi_private.unknown_keys(d.item, array['meter', 'slice', 'price', 'spend_cap', 'on'], d.at || '.')
  from declared as d
  union all
  select d.at || f.fault
  from declared as d
  cross join lateral (values
    (d.meter in ('tokens', 'requests'), '.meter: tokens or requests'),
    (octroi_private.is_whole(d.item -> 'slice', 1, 1000000000), '.slice: a whole number from 1 to 1,000,000,000'),
    (
      octroi_private.is_whole(d.item -> 'price', 1, 99999999),
      '.price: a whole number of minor units from 1 to 99,999,999'
    ),
    (
      octroi_private.is_whole(d.item -> 'spend_cap', 1, 99999999),
      '.spend_cap: a whole number of minor units from 1 to 99,999,999'
    ),
    (jsonb_typeof(d.item -> 'on') = 'boolean', '.on: true or false'),
    (
      exists (
        select from octroi_private.listed(p_plan -> 'limit') as l
        where coalesce(l.item ->> 'scope', 'account') = 'account' and l.item ->> 'period' = 'month'
          and l.item ->> 'meter' = d.meter
      ), '.meter: the account has no monthly limit of it to go beyond'
    ),
    (p_plan ? 'price', ': a plan that costs nothing has no invoice to put it on')
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select d.at || case
    when not octroi_private.is_whole(d.item -> 'slice', 1, 1000000000)
      or not octroi_private.is_whole(d.item -> 'price', 1, 99999999)
      or not octroi_private.is_whole(d.item -> 'spend_cap', 1, 99999999) then null
    when (d.item ->> 'spend_cap')::bigint < (d.item ->> 'price')::bigint then '.spend_cap: buys less than one slice'
    when octroi_private.overage_units(
      (d.item ->> 'spend_cap')::bigint, (d.item ->> 'price')::bigint, (d.item ->> 'slice')::bigint
    ) > 1000000000000000 then '.spend_cap: buys more than 1,000,000,000,000,000 units'
  end
  from declared as d
  union all
  select d.at || ': overlaps overage[' || e.place || '], of the same meter'
  from declared as d
  join declared as e on e.meter = d.meter and e.place < d.place
$$;

ALTER FUNCTION octroi_private.overage_faults(p_plan jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.overage_price(p_units bigint, p_price_minor bigint, p_slice bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (p_units + p_slice - 1) / p_slice * p_price_minor
$$;

ALTER FUNCTION octroi_private.overage_price(p_units bigint, p_price_minor bigint, p_slice bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.overage_units(p_cap_minor bigint, p_price_minor bigint, p_slice bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p_cap_minor / p_price_minor * p_slice
$$;

ALTER FUNCTION octroi_private.overage_units(p_cap_minor bigint, p_price_minor bigint, p_slice bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.pack_content(p_pack jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'name', p_pack -> 'name', 'meter', p_pack -> 'meter', 'amount', p_pack -> 'amount', 'price', p_pack -> 'price',
    'currency', p_pack -> 'currency', 'expires_after_days', p_pack -> 'expires_after_days',
    'priority', coalesce(p_pack -> 'priority', '0')
  )
$$;

ALTER FUNCTION octroi_private.pack_content(p_pack jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.pack_faults(p_pack jsonb) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select octroi_private.unknown_keys(p_pack, array[
    'code', 'name', 'meter', 'amount', 'price', 'currency', 'expires_after_days', 'priority'
  ], '')
  union all
  select f.fault
  from (values
    (
      coalesce(p_pack ->> 'code', '') ~ '^[a-z][a-z0-9_]{0,39}$',
      'code: a small letter, then at most 39 of a-z, 0-9 and _'
    ),
    (octroi_private.is_text(p_pack -> 'name', 200), 'name: 1 to 200 characters'),
    (coalesce(p_pack ->> 'meter', '') in ('tokens', 'requests', 'cost'), 'meter: tokens, requests or cost'),
    (
      octroi_private.is_whole(p_pack -> 'amount', 1, 10000000000000),
      'amount: a whole number from 1 to 10,000,000,000,000'
    ),
    (
      octroi_private.is_whole(p_pack -> 'price', 1, 99999999),
      'price: a whole number of minor units from 1 to 99,999,999'
    ),
    (coalesce(p_pack ->> 'currency', '') ~ '^[a-z]{3}$', 'currency: missing, or not three small letters'),
    (
      not p_pack ? 'expires_after_days' or octroi_private.is_whole(p_pack -> 'expires_after_days', 1, 3650),
      'expires_after_days: a whole number from 1 to 3,650; left out, never'
    ),
    (
      octroi_private.is_whole(coalesce(p_pack -> 'priority', '0'), -1000, 1000),
      'priority: a whole number from -1,000 to 1,000'
    )
  ) as f (holds, fault)
  where f.holds is not true
$_$;

ALTER FUNCTION octroi_private.pack_faults(p_pack jsonb) OWNER TO octroi_owner;

CREATE TABLE octroi_private.top_up_pack (
    id bigint NOT NULL,
    code text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    amount octroi_private.quantity NOT NULL,
    price_minor octroi_private.unit_price NOT NULL,
    currency octroi_private.currency_code NOT NULL,
    expires_after_days integer,
    priority smallint NOT NULL,
    lookup_key octroi_private.catalogue_key NOT NULL,
    content jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT top_up_pack_amount_check CHECK (((amount)::bigint > 0)),
    CONSTRAINT top_up_pack_code_check CHECK ((code ~ '^[a-z][a-z0-9_]{0,39}$'::text)),
    CONSTRAINT top_up_pack_content_check CHECK ((jsonb_typeof(content) = 'object'::text)),
    CONSTRAINT top_up_pack_expires_after_days_check CHECK (((expires_after_days >= 1) AND (expires_after_days <= 3650))),
    CONSTRAINT top_up_pack_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT top_up_pack_priority_check CHECK (((priority >= '-1000'::integer) AND (priority <= 1000))),
    CONSTRAINT top_up_pack_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY octroi_private.top_up_pack FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.top_up_pack OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.top_up_pack IS 'Extra quota on sale; a changed pack is a new version.';

CREATE FUNCTION octroi_private.pack_on_sale(p_account_id uuid, p_pack text) RETURNS octroi_private.top_up_pack
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_pack octroi_private.top_up_pack;
begin
  select k.* into v_pack
  from octroi_private.subscription as s
  join octroi_private.plan_version_pack as p on p.plan_version_id = s.plan_version_id
  join octroi_private.top_up_pack as k on k.code = p.pack_code and k.retired_at is null
  where s.account_id = p_account_id and s.ended_at is null and k.code = p_pack;
  if v_pack.id is null then
    raise exception 'pack % is not sold on this plan', left(p_pack, 50) using errcode = 'OC033',
      hint = 'The view octroi.top_up_packs lists what is.';
  end if;
  return v_pack;
end
$$;

ALTER FUNCTION octroi_private.pack_on_sale(p_account_id uuid, p_pack text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.packs_on_sale() RETURNS TABLE(pack text, name text, meter text, amount bigint, price_minor bigint, currency text, expires_after_days integer, plans text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select k.code, k.name, k.meter, k.amount, k.price_minor, k.currency, k.expires_after_days, array(
    select p.plan from octroi_private.plans_on_sale() as p where k.code = any(p.top_ups) order by p.rank
  )
  from octroi_private.top_up_pack as k
  where k.retired_at is null
$$;

ALTER FUNCTION octroi_private.packs_on_sale() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.page_statement(p_table text, p_reach text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select format(
    'select array[%s], row_to_json(x) from (select * from octroi_private.%I as t where (%s) and ($3 is null or (%s) > (%s)) '
    'order by %s limit $4) as t cross join lateral (select %s) as x order by %s',
    string_agg(format('t.%I::text', k.name), ', ' order by k.ord), p_table, p_reach,
    string_agg(format('t.%I', k.name), ', ' order by k.ord),
    string_agg(format('$3[%s]::%s', k.ord, format_type(a.atttypid, null)), ', ' order by k.ord),
    string_agg(format('t.%I', k.name), ', ' order by k.ord),
    (
      select string_agg(case
        when d.export = 'opened' and d.type = 'bytea' then format(
          'octroi_private.open_for(t.user_id, %L, t.%I) as %I', d.table_name || '.' || d.column_name, d.column_name,
          d.column_name
        )
        else format('t.%I', d.column_name)
      end, ', ' order by d.position)
      from octroi_private.personal_data as d
      where d.table_name = p_table and d.export <> 'withheld'
    ),
    string_agg(format('t.%I', k.name), ', ' order by k.ord)
  )
  from octroi_private.personal_table as p
  cross join lateral unnest(p.key_columns) with ordinality as k (name, ord)
  join pg_catalog.pg_class as r
    on r.relnamespace = 'octroi_private'::regnamespace and r.relname = p.table_name and r.relkind in ('r', 'p')
  join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attname = k.name
  where p.table_name = p_table
  having count(*) = max(cardinality(p.key_columns))
$_$;

ALTER FUNCTION octroi_private.page_statement(p_table text, p_reach text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.paid_lines(p_subscription_id text) RETURNS TABLE(invoice_id text, line_id text, plan_version_id bigint, period_start timestamp with time zone, period_end timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  with line as materialized (
    select i.created_at, l.*, p.plan_version_id
    from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
    join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
    join octroi_private.plan_price as p on p.lookup_key = c.key
    where i.subscription_id = p_subscription_id and i.status = 'paid'
      and (i.amount_paid_minor = 0 or i.amount_paid_minor > coalesce((
        select sum(octroi_private.taken_back(y.payment_intent_id))
        from octroi_private.stripe_invoice_payment as y
        where y.invoice_id = i.id
      ), 0))
  )
  select l.invoice_id::text, l.id::text, l.plan_version_id, l.period_start, least(l.period_end, credit.since)
  from line as l
  cross join lateral (
    select min(c.period_start) as since
    from line as c
    where c.price_id = l.price_id and c.is_proration and c.amount_minor < 0
      and c.period_start < l.period_end and c.period_end > l.period_start
      -- what is bought again from the moment of the credit on is not credited by it
      and (c.period_start > l.period_start and c.created_at >= l.created_at or c.created_at > l.created_at)
  ) as credit
  where l.amount_minor >= 0 and (credit.since is null or credit.since > l.period_start);
end
$$;

ALTER FUNCTION octroi_private.paid_lines(p_subscription_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.paid_packs(p_customer_id text) RETURNS TABLE(source text, pack_id bigint, quantity bigint, paid_minor bigint, currency text, payment_intent_id text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  select s.id || '/' || l.id, p.id, l.quantity, s.amount_total_minor, s.currency, s.payment_intent_id
  from octroi_private.stripe_checkout_session as s
  join octroi_private.stripe_checkout_line as l on l.session_id = s.id
  join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
  join octroi_private.top_up_pack as p on p.lookup_key = c.key
  where s.customer_id = p_customer_id and s.mode = 'payment' and s.status = 'complete'
    and s.payment_status in ('paid', 'no_payment_required')
  union all
  select i.id || '/' || l.id, p.id, l.quantity, i.amount_paid_minor, i.currency, y.payment_intent_id::text
  from octroi_private.stripe_invoice as i
  join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
  join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
  join octroi_private.top_up_pack as p on p.lookup_key = c.key
  left join lateral (
    select m.payment_intent_id from octroi_private.stripe_invoice_payment as m
    where m.invoice_id = i.id
    order by m.payment_intent_id
    limit 1
  ) as y on true
  where i.customer_id = p_customer_id and i.status = 'paid';
end
$$;

ALTER FUNCTION octroi_private.paid_packs(p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.people_of_accounts(p_account_ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select m.user_id from octroi_private.member as m where m.account_id = any(p_account_ids)
  union
  select d.user_id from octroi_private.usage_daily as d where d.account_id = any(p_account_ids)
  union
  select k.user_id from octroi_private.api_key as k where k.account_id = any(p_account_ids)
  union
  select a.owner_user_id from octroi_private.account as a
  where a.id = any(p_account_ids) and a.owner_user_id is not null
$$;

ALTER FUNCTION octroi_private.people_of_accounts(p_account_ids uuid[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.period_bounds(p_period text, p_anchor_at timestamp with time zone, p_at timestamp with time zone, OUT period_start timestamp with time zone, OUT resets_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_anchor timestamp := p_anchor_at at time zone 'utc';
  v_at timestamp := p_at at time zone 'utc';
  v_months integer;
begin
  case p_period
    when 'lifetime' then
      period_start := p_anchor_at;
      resets_at := 'infinity';
    when 'day' then
      period_start := date_trunc('day', v_at) at time zone 'utc';
      resets_at := (date_trunc('day', v_at) + interval '1 day') at time zone 'utc';
    when 'month' then
      v_months := (extract(year from v_at) - extract(year from v_anchor))::integer * 12
        + (extract(month from v_at) - extract(month from v_anchor))::integer;
      if v_anchor + make_interval(months => v_months) > v_at then
        v_months := v_months - 1;
      end if;
      period_start := (v_anchor + make_interval(months => v_months)) at time zone 'utc';
      resets_at := (v_anchor + make_interval(months => v_months + 1)) at time zone 'utc';
    else
      raise exception 'unknown period %', p_period using errcode = 'OC001';
  end case;
end
$$;

ALTER FUNCTION octroi_private.period_bounds(p_period text, p_anchor_at timestamp with time zone, p_at timestamp with time zone, OUT period_start timestamp with time zone, OUT resets_at timestamp with time zone) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.period_bounds(p_period text, p_anchor_at timestamp with time zone, p_at timestamp with time zone, OUT period_start timestamp with time zone, OUT resets_at timestamp with time zone) IS 'Start (inclusive) and reset (exclusive) of the day, month or lifetime that holds an instant.';

CREATE FUNCTION octroi_private.plan_catalogue() RETURNS TABLE(kind text, code text, version integer, object text, key text, name text, currency text, amount_minor bigint, recurring_interval text, meter text, slice bigint, event_name text, stripe_id text, stripe_parent_key text, is_sold boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION octroi_private.plan_catalogue() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.plan_catalogue() IS 'Every product, meter and price that Stripe must have for what is on sale or in use, or has from before, parents first, with Stripe''s id once it is known.';

CREATE FUNCTION octroi_private.plan_content(p_plan jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'currency', p_plan -> 'currency',
    'price', coalesce(p_plan -> 'price', '{}'),
    'trial_days', coalesce(p_plan -> 'trial_days', '0'),
    'seats', p_plan -> 'seats',
    'features', coalesce(p_plan -> 'features', '[]'),
    'models', (
      select jsonb_agg(distinct l.item order by l.item) from octroi_private.listed(p_plan -> 'models') as l
    ),
    'top_ups', coalesce((
      select jsonb_agg(distinct l.item order by l.item) from octroi_private.listed(p_plan -> 'top_ups') as l
    ), '[]'),
    'limit', (
      select jsonb_agg(
        jsonb_build_object(
          'scope', coalesce(l.item -> 'scope', '"account"'), 'model', coalesce(l.item -> 'model', '""'),
          'meter', l.item -> 'meter', 'period', l.item -> 'period', 'amount', l.item -> 'amount',
          'rollover', jsonb_build_object(
            'max', coalesce(l.item #> '{rollover,max}', '0'), 'months', coalesce(l.item #> '{rollover,months}', '1')
          )
        )
        order by l.item ->> 'scope', l.item ->> 'model', l.item ->> 'meter', l.item ->> 'period'
      ) from octroi_private.listed(p_plan -> 'limit') as l
    ),
    'overage', coalesce((
      select jsonb_agg(l.item order by l.item ->> 'meter') from octroi_private.listed(p_plan -> 'overage') as l
    ), '[]')
  )
$$;

ALTER FUNCTION octroi_private.plan_content(p_plan jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.plan_faults(p_plan jsonb, p_packs jsonb) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select octroi_private.unknown_keys(p_plan, array[
    'code', 'name', 'default', 'currency', 'price', 'trial_days', 'seats', 'features', 'models', 'top_ups', 'limit',
    'overage'
  ], '')
  union all
  select octroi_private.unknown_keys(p_plan -> 'price', array['month', 'year'], 'price.') where p_plan ? 'price'
  union all
  select f.fault
  from (values
    (
      coalesce(p_plan ->> 'code', '') ~ '^[a-z][a-z0-9_]{0,39}$',
      'code: a small letter, then at most 39 of a-z, 0-9 and _'
    ),
    (octroi_private.is_text(p_plan -> 'name', 200), 'name: 1 to 200 characters'),
    (jsonb_typeof(coalesce(p_plan -> 'default', 'false')) = 'boolean', 'default: true or false'),
    (
      not p_plan ? 'price' or coalesce(p_plan -> 'default', 'false') = 'false',
      'price: the default plan is what everybody falls back to, and costs nothing'
    ),
    (not p_plan ? 'price' or p_plan -> 'price' <> '{}', 'price: month, year or both'),
    (
      p_plan #> '{price,month}' is null or octroi_private.is_whole(p_plan #> '{price,month}', 1, 99999999),
      'price.month: a whole number of minor units from 1 to 99,999,999'
    ),
    (
      p_plan #> '{price,year}' is null or octroi_private.is_whole(p_plan #> '{price,year}', 1, 99999999),
      'price.year: a whole number of minor units from 1 to 99,999,999'
    ),
    (not p_plan ? 'price' or p_plan ? 'currency', 'currency: missing; a price is one of some currency'),
    (
      not p_plan ? 'currency' or coalesce(p_plan ->> 'currency', '') ~ '^[a-z]{3}$',
      'currency: three small letters, as in ISO 4217'
    ),
    (
      octroi_private.is_whole(coalesce(p_plan -> 'trial_days', '0'), 0, 730), 'trial_days: a whole number from 0 to 730'
    ),
    (
      p_plan ? 'price' or coalesce(p_plan -> 'trial_days', '0') = '0',
      'trial_days: there is nothing to try without a price'
    ),
    (
      not p_plan ? 'seats' or octroi_private.is_whole(p_plan -> 'seats', 1, 100000),
      'seats: a whole number from 1 to 100,000'
    ),
    (jsonb_typeof(coalesce(p_plan -> 'limit', '[]')) = 'array', 'limit: a list'),
    (jsonb_array_length(jsonb_path_query_array(p_plan, '$.limit[*]')) between 1 and 50, 'limit: 1 to 50 of them'),
    (jsonb_typeof(coalesce(p_plan -> 'overage', '[]')) = 'array', 'overage: a list'),
    (
      jsonb_typeof(coalesce(p_plan -> 'features', '[]')) = 'array'
      and jsonb_array_length(jsonb_path_query_array(p_plan, '$.features[*]')) <= 50, 'features: a list of at most 50'
    ),
    (
      not p_plan ? 'models' or jsonb_array_length(jsonb_path_query_array(p_plan, '$.models[*]')) between 1 and 500,
      'models: a list of 1 to 500; left out, every priced model'
    ),
    (jsonb_typeof(coalesce(p_plan -> 'top_ups', '[]')) = 'array', 'top_ups: a list')
  ) as f (holds, fault)
  where f.holds is not true
  union all
  select 'features[' || l.place || ']: 1 to 100 characters'
  from octroi_private.listed(p_plan -> 'features') as l
  where not octroi_private.is_text(l.item, 100)
  union all
  select 'models[' || l.place || ']: ' || coalesce(left(l.item #>> '{}', 100), 'null') || ' has no price'
  from octroi_private.listed(p_plan -> 'models') as l
  where not exists (select from octroi_private.model_price as p where p.model = l.item #>> '{}')
  union all
  select 'top_ups[' || l.place || ']: ' || coalesce(left(l.item #>> '{}', 100), 'null') || ' is not declared'
  from octroi_private.listed(p_plan -> 'top_ups') as l
  where not exists (select from octroi_private.listed(p_packs) as k where k.item -> 'code' = l.item)
  union all
  select octroi_private.limit_faults(p_plan)
  union all
  select octroi_private.overage_faults(p_plan)
$_$;

ALTER FUNCTION octroi_private.plan_faults(p_plan jsonb, p_packs jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.plan_name_of(p_account_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.name
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  join octroi_private.plan as p on p.code = v.plan_code
  where s.account_id = p_account_id and s.ended_at is null
$$;

ALTER FUNCTION octroi_private.plan_name_of(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.plans_on_sale() RETURNS TABLE(plan text, name text, version integer, rank integer, currency text, month_price_minor bigint, year_price_minor bigint, trial_days integer, seats integer, features text[], models text[], limits jsonb, overage jsonb, top_ups text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    p.code, p.name, v.version, p.rank, v.currency,
    (v.content #>> '{price,month}')::bigint, (v.content #>> '{price,year}')::bigint, v.trial_days, v.seats, v.features,
    v.allowed_models, v.content -> 'limit', v.content -> 'overage', array(
      select k.pack_code from octroi_private.plan_version_pack as k where k.plan_version_id = v.id order by k.pack_code
    )
  from octroi_private.plan as p
  cross join lateral (
    select n.* from octroi_private.plan_version as n
    where n.plan_code = p.code
    order by n.version desc
    limit 1
  ) as v
  where p.retired_at is null and v.content <> '{}'
$$;

ALTER FUNCTION octroi_private.plans_on_sale() OWNER TO octroi_owner;

CREATE TABLE octroi_private.consent_policy (
    purpose text NOT NULL,
    version text NOT NULL,
    policy_text text NOT NULL,
    text_hash bytea NOT NULL,
    published_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT consent_policy_hash_is_of_text CHECK ((text_hash = sha256(convert_to(policy_text, 'utf8'::name)))),
    CONSTRAINT consent_policy_policy_text_check CHECK (((length(policy_text) >= 1) AND (length(policy_text) <= 20000))),
    CONSTRAINT consent_policy_purpose_check CHECK ((purpose = ANY (ARRAY['usage_alerts'::text, 'news'::text, 'prompt_logging'::text]))),
    CONSTRAINT consent_policy_version_check CHECK ((version ~ '^[A-Za-z0-9._-]{1,40}$'::text))
);

ALTER TABLE ONLY octroi_private.consent_policy FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.consent_policy OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.consent_policy IS 'The words that people agree to, by purpose and version. Append-only.';

CREATE FUNCTION octroi_private.policy_in_force(p_purpose text) RETURNS octroi_private.consent_policy
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p from octroi_private.consent_policy as p
  where p.purpose = p_purpose
  order by p.published_at desc, p.version desc
  limit 1
$$;

ALTER FUNCTION octroi_private.policy_in_force(p_purpose text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.price_id_of(p_key text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id text := octroi_private.stripe_id_of(p_key);
begin
  if v_id is null then
    raise exception '% is not in Stripe yet', p_key using errcode = 'OC033', hint = 'Run octroi plans push.';
  end if;
  return v_id;
end
$$;

ALTER FUNCTION octroi_private.price_id_of(p_key text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.priced_pools(p_event octroi_private.usage_event) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'pool', l.pool, 'tokens', l.tokens, 'micro_usd_per_million', l.price, 'pico_usd', l.tokens * l.price
  ) order by l.ord), '[]')
  from octroi_private.model_price as p
  cross join lateral (values
    (1, 'input', p_event.input_tokens - p_event.cached_input_tokens - p_event.cache_write_tokens
      - p_event.audio_input_tokens, p.input_price),
    (2, 'cached_input', p_event.cached_input_tokens, p.cached_input_price),
    (3, 'cache_write', p_event.cache_write_tokens, p.cache_write_price),
    (4, 'audio_input', p_event.audio_input_tokens, p.audio_input_price),
    (5, 'output', p_event.output_tokens - p_event.audio_output_tokens, p.output_price),
    (6, 'audio_output', p_event.audio_output_tokens, p.audio_output_price)
  ) as l (ord, pool, tokens, price)
  where p.id = p_event.price_id and l.tokens > 0
$$;

ALTER FUNCTION octroi_private.priced_pools(p_event octroi_private.usage_event) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.privacy_requests_kept_since() RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.now() - make_interval(months => s.request_log_months)
  from octroi_private.privacy_setting as s
$$;

ALTER FUNCTION octroi_private.privacy_requests_kept_since() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.privacy_troubles() RETURNS TABLE(kind text, subject text, since timestamp with time zone, detail text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select 'privacy_request', r.id::text, r.received_at, case
    when r.due_at <= octroi_private.now() then format('%s was due on %s', r.kind, r.due_at::date)
    when r.confirmed_at is null and r.confirm_by <= octroi_private.now()
      then format('%s was to be confirmed by %s', r.kind, r.confirm_by::date)
    else format('%s is due on %s', r.kind, r.due_at::date)
  end
  from octroi_private.privacy_request as r
  cross join octroi_private.privacy_setting as s
  where r.state = 'open' and (
    octroi_private.now() >= r.received_at + make_interval(days => s.alert_day) and r.extended_at is null
    -- one that was put off is heard of ten days before it is due again
    or octroi_private.now() >= r.due_at - interval '10 days' and r.extended_at is not null
    or octroi_private.now() >= r.due_at
    or r.confirmed_at is null and r.confirm_by <= octroi_private.now()
  )
  order by r.due_at
  limit 1000
$$;

ALTER FUNCTION octroi_private.privacy_troubles() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.privacy_troubles() IS 'Privacy requests that are due soon or late.';

CREATE FUNCTION octroi_private.prune(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_request_since timestamptz := octroi_private.kept_since('request');
  v_rows bigint;
  v_total bigint := 0;
begin
  delete from octroi_private.stored_response where request_id in (
    select r.request_id from octroi_private.stored_response as r where r.expires_at <= v_now limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.completion where id in (
    select c.id from octroi_private.completion as c where c.expires_at <= v_now limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.job where id in (
    select j.id from octroi_private.job as j
    where j.state in ('done', 'cancelled') and j.finished_at <= octroi_private.kept_since('job') limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  -- ids are ordered by time, so the oldest stand first in the key
  delete from octroi_private.request where id in (
    select r.id from octroi_private.request as r
    where r.id < octroi_private.uuid_v7_floor(v_request_since) and r.state <> 'open'
      and r.finished_at <= v_request_since
    order by r.id
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows;
end
$$;

ALTER FUNCTION octroi_private.prune(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.prune_billing(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_event_since timestamptz := octroi_private.kept_since('stripe_event');
  v_mail_since timestamptz := octroi_private.kept_since('mail');
  v_rows bigint;
  v_total bigint := 0;
begin
  delete from octroi_private.stripe_event where id in (
    select e.id from octroi_private.stripe_event as e
    where e.received_at <= v_event_since and e.state <> 'queued' limit p_max_rows
  );
  get diagnostics v_total = row_count;
  delete from octroi_private.mail where id in (
    select m.id from octroi_private.mail as m where m.finished_at <= v_mail_since limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows + octroi_private.forget_billing_urls(p_max_rows);
end
$$;

ALTER FUNCTION octroi_private.prune_billing(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.prune_key_use(p_max_rows integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_since timestamptz := octroi_private.now() - interval '90 days';
begin
  delete from octroi_private.key_use as k where (k.account_id, k.api_key_id, k.day, k.model) in (
    select o.account_id, o.api_key_id, o.day, o.model
    from octroi_private.key_use as o
    where o.day < (v_since at time zone 'utc')::date
    limit p_max_rows
  );
end
$$;

ALTER FUNCTION octroi_private.prune_key_use(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.prune_previous_keys(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_rows bigint;
begin
  delete from octroi_private.api_key_previous where key_hash in (
    select p.key_hash from octroi_private.api_key_previous as p
    where p.expires_at <= octroi_private.now() - interval '30 days' limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;

ALTER FUNCTION octroi_private.prune_previous_keys(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.prune_privacy(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_since timestamptz := octroi_private.privacy_requests_kept_since();
  v_rows bigint;
  v_total bigint;
begin
  delete from octroi_private.export_ticket where request_id in (
    select t.request_id from octroi_private.export_ticket as t
    where t.expires_at <= v_now - interval '1 day' limit p_max_rows
  );
  get diagnostics v_total = row_count;
  -- a bundle that was never fetched: the offer was the answer
  update octroi_private.privacy_request as r
  set state = 'done', closed_at = v_now, evidence = r.evidence || '{"outcome": "offered and not fetched"}'
  where r.id in (
    select q.id from octroi_private.privacy_request as q
    where q.state = 'open' and q.kind = 'access' and q.channel = 'rpc' and q.received_at <= v_now - interval '1 day'
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  delete from octroi_private.privacy_request where id in (
    select r.id from octroi_private.privacy_request as r
    where r.closed_at <= v_since limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows;
end
$$;

ALTER FUNCTION octroi_private.prune_privacy(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.pseudonym_of(p_user_id uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.pseudonym from octroi_private.person as p where p.user_id = p_user_id
$$;

ALTER FUNCTION octroi_private.pseudonym_of(p_user_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.pseudonym_of(p_user_id uuid) IS 'What the audit log calls a user; null for who is not there, or is there no more.';

CREATE FUNCTION octroi_private.pseudonymise_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_whom text;
begin
  new.subject := octroi_private.pseudonymised(new.subject);
  new.reason := octroi_private.pseudonymised(new.reason);
  new.detail := octroi_private.pseudonymised((new.detail - array[
    'name', 'email', 'phone', 'address', 'url', 'key_hash', 'user_id', 'owner_user_id', 'unsubscribe_token',
    'news_token'
  ])::text)::jsonb;
  foreach v_whom in array array[new.detail ->> 'person', new.subject] loop
    if v_whom ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      new.person := coalesce(new.person, (
        select p.pseudonym from octroi_private.person as p where p.pseudonym = v_whom::uuid
      ));
    end if;
  end loop;
  return new;
end
$_$;

ALTER FUNCTION octroi_private.pseudonymise_entry() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.pseudonymised(p_text text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_text text := regexp_replace(p_text, '[^\s"\\<>@]+@[^\s"\\<>@]+', '[address]', 'g');
  v_person record;
begin
  for v_person in
    select p.user_id, p.pseudonym
    from octroi_private.person as p
    where p.user_id in (
      select m.found[1]::uuid
      from regexp_matches(
        v_text, '([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})', 'g'
      ) as m (found)
    )
  loop
    v_text := regexp_replace(v_text, v_person.user_id::text, v_person.pseudonym::text, 'gi');
  end loop;
  return v_text;
end
$$;

ALTER FUNCTION octroi_private.pseudonymised(p_text text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.publish_policy(p_purpose text, p_version text, p_text text) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.consent_policy (purpose, version, policy_text, text_hash)
  values (p_purpose, p_version, p_text, sha256(convert_to(p_text, 'utf8')))
  returning encode(text_hash, 'hex')
$$;

ALTER FUNCTION octroi_private.publish_policy(p_purpose text, p_version text, p_text text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.publish_policy(p_purpose text, p_version text, p_text text) IS 'Registers the words of a purpose and returns their SHA-256. Raises 23505 for a version that is there, 23514 for a purpose that is none.';

CREATE FUNCTION octroi_private.purchase_pages() RETURNS TABLE(upgrade_url text, top_up_url text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.upgrade_url, s.top_up_url from octroi_private.billing_setting as s
$$;

ALTER FUNCTION octroi_private.purchase_pages() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.purchase_pages() IS 'Where a refused caller gets a bigger plan, or a pack.';

CREATE FUNCTION octroi_private.quota_of(p_account_id uuid, p_user_id uuid) RETURNS TABLE(account_id uuid, scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint, period_start timestamp with time zone, resets_at timestamp with time zone, plan text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    l.account_id, l.scope, l.subject, l.meter, l.period,
    granted.amount, taken.used, coalesce(b.reserved, 0),
    granted.amount - taken.used - coalesce(b.reserved, 0), p.period_start,
    nullif(p.resets_at, 'infinity'),
    (
      select v.plan_code from octroi_private.subscription as s
      join octroi_private.plan_version as v on v.id = s.plan_version_id
      where s.account_id = l.account_id and s.ended_at is null
    )
  from octroi_private.limit_in_force as l
  cross join lateral octroi_private.period_bounds(
    l.period, octroi_private.anchor_of(l.account_id), octroi_private.now()
  ) as p
  left join octroi_private.balance as b
    on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
    and b.subject = l.subject and b.meter = l.meter and b.period = l.period
  cross join lateral (
    select coalesce(b.used, octroi_private.used_of_cut_month(
      l.account_id, l.scope, l.subject, l.meter, l.period, p.period_start
    ), 0)::bigint as used
  ) as taken
  -- as opening would allow it now, whatever the balance was opened with
  cross join lateral (
    select greatest(
      greatest(l.included - octroi_private.debt_of(l.account_id, l.scope, l.meter, l.period, p.period_start), 0)
      + greatest(l.overage, coalesce(b.from_overage, 0)) + coalesce(b.from_grants, 0)
      + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, octroi_private.now()),
      taken.used + coalesce(b.reserved, 0)
    )::bigint as amount
  ) as granted
  where l.account_id = p_account_id
    and (
      l.scope in ('account', 'model')
      or (l.scope = 'member' and l.subject = p_user_id::text)
      or (l.scope = 'api_key' and exists (
        select from octroi_private.api_key as k
        where k.id::text = l.subject and k.user_id = p_user_id and k.revoked_at is null
      ))
    )
  order by array_position(array['account', 'member', 'api_key', 'model'], l.scope), l.subject, l.meter, l.period
$$;

ALTER FUNCTION octroi_private.quota_of(p_account_id uuid, p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.raise_alerts(p_request_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_balance octroi_private.balance;
  v_limit bigint;
  v_alert_id bigint;
begin
  for v_balance in
    select b.* from octroi_private.balance as b
    where b.used >= b.alert_at and b.id in (
      select unnest(r.balance_ids) from octroi_private.request as r where r.id = any(p_request_ids)
    )
    order by b.id
  loop
    v_limit := octroi_private.limit_of(v_balance);
    -- a call that ended after its period tells nobody anything
    if v_balance.resets_at > v_now and v_balance.is_bound then
      insert into octroi_private.alert (
        account_id, balance_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at
      )
      select
        v_balance.account_id, v_balance.id, v_balance.scope, v_balance.subject, v_balance.meter, max(t.threshold),
        v_balance.used, v_limit, v_balance.period_start, v_balance.resets_at, v_now
      from unnest(array[80, 90, 100]) as t (threshold)
      where octroi_private.threshold_amount(v_limit, t.threshold) <= v_balance.used
      having max(t.threshold) is not null
      on conflict do nothing
      returning id into v_alert_id;
      if v_alert_id is not null then
        perform octroi_private.tell_of_threshold(v_alert_id);
      end if;
      if v_balance.scope = 'account' and v_balance.period = 'month' then
        perform octroi_private.buy_when_low(v_balance.account_id, v_balance.meter, v_limit - v_balance.used);
      end if;
    end if;
    update octroi_private.balance as b
    set alert_at = octroi_private.alert_amount(
      b.account_id, b.scope, b.meter, b.period, b.used, v_limit, v_limit
    )
    where b.id = v_balance.id;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.raise_alerts(p_request_ids uuid[]) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.raise_signal(p_kind text, p_account_id uuid, p_api_key_id uuid, p_window_start timestamp with time zone, p_detail jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into octroi_private.security_signal (kind, account_id, api_key_id, window_start, detail, raised_at)
  values (p_kind, p_account_id, p_api_key_id, p_window_start, p_detail, octroi_private.now())
  on conflict on constraint security_signal_once do nothing;
  return found;
end
$$;

ALTER FUNCTION octroi_private.raise_signal(p_kind text, p_account_id uuid, p_api_key_id uuid, p_window_start timestamp with time zone, p_detail jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.raise_unsealed() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_problem text := octroi_native.operator_key_problem();
begin
  if v_problem is not null then
    raise exception 'personal data can be neither sealed nor opened: %', v_problem
      using errcode = 'OC050', hint = 'See "Operator keys" in docs/operations.md.';
  end if;
  raise exception 'a sealed value cannot be opened: its operator key is not among the keys, or it was altered or moved'
    using errcode = 'OC051', hint = 'See "Operator keys" in docs/operations.md.';
end
$$;

ALTER FUNCTION octroi_private.raise_unsealed() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.rearm_alerts(p_balance octroi_private.balance, p_limit bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.alert as a
  set cleared_at = octroi_private.now()
  where a.balance_id = p_balance.id and a.cleared_at is null
    and octroi_private.threshold_amount(p_limit, a.threshold) > p_balance.used;
  return least(
    octroi_private.alert_amount(
      p_balance.account_id, p_balance.scope, p_balance.meter, p_balance.period, p_balance.used,
      greatest(p_balance.allowed, p_limit), p_limit
    ),
    octroi_private.buying_point(
      p_balance.account_id, p_balance.scope, p_balance.meter, p_balance.period, p_limit
    )
  );
end
$$;

ALTER FUNCTION octroi_private.rearm_alerts(p_balance octroi_private.balance, p_limit bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.receive_stripe_events(p_events jsonb) RETURNS TABLE(number integer, state text, reason text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := octroi_private.now();
  v_event record;
  v_changed jsonb := '[]';
begin
  if jsonb_typeof(p_events) is distinct from 'array' or jsonb_array_length(p_events) > 256 then
    raise exception 'events come as a list of at most 256' using errcode = '22023';
  end if;
  for v_event in
    select e.number, e.event ->> 'api_version' as api_version, j.*
    from jsonb_array_elements(p_events) with ordinality as e (event, number)
    cross join lateral octroi_private.judge_stripe_event(e.event) as j
    order by j.id, e.number
  loop
    number := v_event.number;
    state := v_event.state;
    reason := v_event.reason;
    if state <> 'refused' then
      insert into octroi_private.stripe_event (
        id, type, created_at, received_at, api_version, object_kind, object_id, object, state, reason
      )
      values (
        v_event.id, v_event.type, v_event.created_at, v_now, left(v_event.api_version, 50), v_event.kind,
        case when v_event.state = 'queued' then v_event.object_id end,
        (
          select coalesce(jsonb_object_agg(m.key, left(m.value, 255)), '{}')
          from jsonb_each_text(v_event.object) as m
          where m.key in ('object', 'id', 'customer', 'charge', 'payment_intent', 'subscription')
        ), v_event.state, v_event.reason
      )
      on conflict (id) do nothing;
      if not found then
        state := 'duplicate';
        reason := null;
      elsif state = 'queued' and v_event.kind = 'meter' then
        insert into octroi_private.job (kind, args, run_at)
        values ('read_meter_errors', jsonb_build_object('event_id', v_event.id), v_now);
      elsif state = 'queued' then
        v_changed := v_changed || jsonb_build_object('kind', v_event.kind, 'id', v_event.object_id);
      end if;
    end if;
    return next;
  end loop;
  perform octroi_private.enqueue_sync(c.kind, c.id)
  from (
    select distinct o.kind, o.id from jsonb_to_recordset(v_changed) as o (kind text, id text) order by 1, 2
  ) as c;
end
$$;

ALTER FUNCTION octroi_private.receive_stripe_events(p_events jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.receive_stripe_events(p_events jsonb) IS 'Keeps a list of events and has their objects fetched, in one transaction. For each, by its number in the list from 1: queued, duplicate, ignored, quarantined, or refused with a reason, which keeps nothing of it.';

CREATE FUNCTION octroi_private.reconcile_customers(p_run bigint, p_after text, p_max integer) RETURNS TABLE(customer_id text, account_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_rows integer;
begin
  return query
  select c.id::text, c.account_id
  from octroi_private.stripe_customer as c
  where c.account_id is not null and not c.is_deleted and c.id collate "C" > coalesce(p_after, '')
  order by c.id collate "C"
  limit least(greatest(p_max, 0), 1000);
  get diagnostics v_rows = row_count;
  update octroi_private.reconciliation set customers = customers + v_rows where id = p_run;
end
$$;

ALTER FUNCTION octroi_private.reconcile_customers(p_run bigint, p_after text, p_max integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_customers(p_run bigint, p_after text, p_max integer) IS 'The customers of a run, page by page.';

CREATE FUNCTION octroi_private.reconcile_cycles(p_run bigint, p_customer text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, period_start, period_end, is_explained, reason
  )
  select
    p_run, p_customer, c.invoice_id, 'invoice', c.period_start, c.period_end, false,
    left(concat_ws('; ', format('a draft, %s', c.state), c.detail), 500)
  from octroi_private.billing_cycle as c
  where c.customer_id = p_customer
    and (
      c.state = 'disputed'
      or c.state not in ('finalised', 'closed') and c.opened_at <= octroi_private.now() - interval '1 day'
    );
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, meter, period_start, period_end, ledger, reported, is_explained, reason
  )
  select
    p_run, p_customer, p.key, 'usage', p.meter, p.period_start, p.period_end, p.ledger, p.accepted, false,
    format('%s were accepted, and no invoice has a line for them', p.accepted)
  from octroi_private.metered_periods(p_customer) as p
  where p.accepted > 0 and p.period_end <= octroi_private.now() - interval '1 day' and not exists (
    select from octroi_private.stripe_invoice as i
    join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = l.price_id
    join octroi_private.plan_overage as o on o.lookup_key = k.key
    where i.customer_id = p_customer and o.event_name = p.event_name
      and l.period_start < p.period_end and l.period_end > p.period_start
  )
$$;

ALTER FUNCTION octroi_private.reconcile_cycles(p_run bigint, p_customer text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_cycles(p_run bigint, p_customer text) IS 'After the last invoice of a customer: drafts that do not become invoices, and usage told to Stripe that no invoice charges for.';

CREATE FUNCTION octroi_private.reconcile_invoice(p_run bigint, p_customer text, p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id text := p_object ->> 'id';
begin
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, meter, period_start, period_end, ledger, invoiced, is_explained, reason
  )
  select
    p_run, p_customer, v_id || '/' || (l.item ->> 'id'), 'invoice', o.meter,
    octroi_private.at_second((l.item ->> 'period_start')::bigint),
    octroi_private.at_second((l.item ->> 'period_end')::bigint),
    due.amount, (l.item ->> 'amount')::bigint, due.without_losses = (l.item ->> 'amount')::bigint,
    left(case
      when due.without_losses = (l.item ->> 'amount')::bigint
        then format('%s of %s units were written off', w.written_off, used.units)
      else concat_ws('; ', format('%s units cost %s', used.units, due.amount), c.detail)
    end, 500)
  from octroi_private.listed(p_object -> 'lines') as l
  join octroi_private.stripe_catalogue as k on k.stripe_id = l.item ->> 'price'
  join octroi_private.plan_overage as o on o.lookup_key = k.key
  left join octroi_private.billing_cycle as c on c.invoice_id = v_id
  left join octroi_private.cycle_windows(v_id) as w on w.key = l.item ->> 'id'
  cross join lateral (select coalesce(w.ledger + w.written_off, 0) as units) as used
  cross join lateral (
    select
      octroi_private.overage_price(used.units, o.price_minor, o.slice) as amount,
      octroi_private.overage_price(coalesce(w.ledger, 0), o.price_minor, o.slice) as without_losses
  ) as due
  where due.amount <> (l.item ->> 'amount')::bigint
    and p_object ->> 'status' in ('open', 'paid', 'uncollectible');
  insert into octroi_private.reconciliation_difference (run_id, customer_id, subject, what, is_explained, reason)
  select p_run, p_customer, v_id, 'invoice', d.is_due, format(
    'is %s here and %s at Stripe', coalesce(i.status, 'not known'), p_object ->> 'status'
  ) || case when d.is_due then '; being fetched' else '; fetched now' end
  from (select octroi_private.is_sync_due('invoice', v_id) as is_due) as d
  left join octroi_private.stripe_invoice as i on i.id = v_id
  where i.status is distinct from p_object ->> 'status';
  if found then
    perform octroi_private.enqueue_sync('invoice', v_id);
  end if;
end
$$;

ALTER FUNCTION octroi_private.reconcile_invoice(p_run bigint, p_customer text, p_object jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_invoice(p_run bigint, p_customer text, p_object jsonb) IS 'Compares an invoice of Stripe with the ledger, line by line, and with its mirror.';

CREATE FUNCTION octroi_private.reconcile_listed(p_run bigint, p_customer text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with gone as (
    insert into octroi_private.reconciliation_difference (run_id, customer_id, subject, what, is_explained, reason)
    select p_run, p_customer, s.id, 'subscription', d.is_due, 'not listed by Stripe' || case
      when d.is_due then '; being fetched' else '; fetched now'
    end
    from octroi_private.stripe_subscription as s
    cross join lateral (select octroi_private.is_sync_due('subscription', s.id) as is_due) as d
    where s.customer_id = p_customer and s.status not in ('canceled', 'incomplete_expired') and not exists (
      select from octroi_private.reconciliation_seen as n where n.run_id = p_run and n.subscription_id = s.id
    )
    returning subject
  )
  select octroi_private.enqueue_sync('subscription', g.subject) from gone as g
$$;

ALTER FUNCTION octroi_private.reconcile_listed(p_run bigint, p_customer text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_listed(p_run bigint, p_customer text) IS 'After the last subscription of a customer: those that are alive here and that Stripe did not list.';

CREATE FUNCTION octroi_private.reconcile_subscription(p_run bigint, p_customer text, p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id text := p_object ->> 'id';
  v_ours octroi_private.stripe_subscription;
  v_differs text;
begin
  insert into octroi_private.reconciliation_seen values (p_run, v_id) on conflict do nothing;
  select s.* into v_ours from octroi_private.stripe_subscription as s where s.id = v_id;
  select string_agg(f.name, ', ' order by f.name) into v_differs
  from (values
    ('status', v_ours.status, p_object ->> 'status'),
    (
      'cancel_at_period_end', v_ours.cancel_at_period_end::text,
      coalesce((p_object ->> 'cancel_at_period_end')::boolean, false)::text
    ),
    ('cancel_at', extract(epoch from v_ours.cancel_at)::bigint::text, p_object ->> 'cancel_at'),
    ('prices', (
      select string_agg(i.price_id, ' ' order by i.price_id)
      from octroi_private.stripe_subscription_item as i where i.subscription_id = v_id
    ), (
      select string_agg(i.item ->> 'price', ' ' order by i.item ->> 'price')
      from octroi_private.listed(p_object -> 'items') as i
    )),
    ('periods', (
      select string_agg(extract(epoch from i.period_end)::bigint::text, ' ' order by i.price_id)
      from octroi_private.stripe_subscription_item as i where i.subscription_id = v_id
    ), (
      select string_agg(i.item ->> 'current_period_end', ' ' order by i.item ->> 'price')
      from octroi_private.listed(p_object -> 'items') as i
    ))
  ) as f (name, ours, theirs)
  where f.ours is distinct from f.theirs;
  if v_differs is null then
    return;
  end if;
  insert into octroi_private.reconciliation_difference (run_id, customer_id, subject, what, is_explained, reason)
  select p_run, p_customer, v_id, 'subscription', d.is_due, case
    when v_ours.id is null then 'not known here' else 'differs in ' || v_differs
  end || case when d.is_due then '; being fetched' else '; fetched now' end
  from (select octroi_private.is_sync_due('subscription', v_id) as is_due) as d;
  perform octroi_private.enqueue_sync('subscription', v_id);
end
$$;

ALTER FUNCTION octroi_private.reconcile_subscription(p_run bigint, p_customer text, p_object jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_subscription(p_run bigint, p_customer text, p_object jsonb) IS 'Compares a subscription that Stripe listed with its mirror, and has it fetched where they differ.';

CREATE FUNCTION octroi_private.reconcile_window(p_run bigint, p_customer text, p_key text, p_stripe_total bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.reconciliation_difference (
    run_id, customer_id, subject, what, meter, period_start, period_end, ledger, reported, stripe, is_explained, reason
  )
  select
    p_run, p_customer, p_key, 'usage', p.meter, p.period_start, p.period_end, p.ledger, p.accepted, p_stripe_total,
    why.reason is not null, coalesce(why.reason, format(
      'Stripe counts %s; %s were accepted, %s under way, %s waiting, %s written off', p_stripe_total, p.accepted,
      p.under_way, p.waiting, p.lost
    ))
  from octroi_private.metered_periods(p_customer) as p
  cross join lateral (
    select case
      when p_stripe_total = p.accepted then concat_ws(
        '; ', case when p.waiting > 0 then format('%s wait to be reported', p.waiting) end,
        case when p.under_way > 0 then format('%s are of unknown outcome', p.under_way) end,
        case when p.lost > 0 then format('%s were written off or rejected', p.lost) end
      )
      when p_stripe_total = p.accepted + p.under_way then format('%s arrived and are not confirmed yet', p.under_way)
      when p_stripe_total < p.accepted and p.is_recent then 'Stripe counts some minutes later'
    end as reason
  ) as why
  where p.key = p_key and p_stripe_total <> p.ledger
$$;

ALTER FUNCTION octroi_private.reconcile_window(p_run bigint, p_customer text, p_key text, p_stripe_total bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_window(p_run bigint, p_customer text, p_key text, p_stripe_total bigint) IS 'Compares the ledger, the reports and Stripe''s total of one period.';

CREATE FUNCTION octroi_private.reconcile_windows(p_run bigint, p_customer text) RETURNS TABLE(key text, meter_id text, start_s bigint, end_s bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.key, octroi_private.stripe_id_of(p.event_name),
    extract(epoch from octroi_private.whole_minute(p.period_start, true))::bigint,
    extract(epoch from octroi_private.whole_minute(p.period_end, false))::bigint
  from octroi_private.metered_periods(p_customer) as p
  order by p.period_start, p.key
$$;

ALTER FUNCTION octroi_private.reconcile_windows(p_run bigint, p_customer text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reconcile_windows(p_run bigint, p_customer text) IS 'The summaries to read from Stripe for a customer.';

CREATE FUNCTION octroi_private.reconciliation_differences(p_run bigint) RETURNS TABLE(customer_id text, account_id uuid, what text, subject text, meter text, period_start timestamp with time zone, period_end timestamp with time zone, ledger bigint, reported bigint, stripe bigint, invoiced bigint, is_explained boolean, reason text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    d.customer_id, c.account_id, d.what, d.subject, d.meter, d.period_start, d.period_end, d.ledger, d.reported,
    d.stripe, d.invoiced, d.is_explained, d.reason
  from octroi_private.reconciliation_difference as d
  left join octroi_private.stripe_customer as c on c.id = d.customer_id
  where d.run_id = p_run
  order by d.is_explained, d.customer_id, d.id
$$;

ALTER FUNCTION octroi_private.reconciliation_differences(p_run bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.record_audit(p_action text, p_account_id uuid, p_subject text, p_detail jsonb, p_reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into octroi_private.audit_log (
    occurred_at, actor, actor_role, login, action, account_id, subject, detail, reason
  )
  values (
    octroi_private.now(), octroi_private.pseudonym_of((select auth.uid())),
    coalesce(nullif(current_setting('role'), 'none'), session_user), session_user, p_action, p_account_id,
    left(p_subject, 200), coalesce(p_detail, '{}'),
    left(coalesce(p_reason, nullif(current_setting('octroi_audit.reason', true), '')), 500)
  );
end
$$;

ALTER FUNCTION octroi_private.record_audit(p_action text, p_account_id uuid, p_subject text, p_detail jsonb, p_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.record_audit(p_action text, p_account_id uuid, p_subject text, p_detail jsonb, p_reason text) IS 'Enters an action of whoever is signed in. Whom it was done to is the subject, or person in the detail. Ids of people become pseudonyms, addresses and names are left out. A null reason is what the session set as octroi_audit.reason. Raises 23514 for an action that is not word.word.';

CREATE FUNCTION octroi_private.record_stripe_ids(p_ids jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION octroi_private.record_stripe_ids(p_ids jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.record_stripe_ids(p_ids jsonb) IS 'Records what Stripe called things: {"key": "id"}. Returns how many are new. Raises OC030 for an unknown key, or one with another id.';

CREATE FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint DEFAULT 0, p_api_key_id uuid DEFAULT NULL::uuid, p_request_id uuid DEFAULT NULL::uuid, p_endpoint text DEFAULT 'sql'::text) RETURNS TABLE(request_id uuid, outcome text, total_tokens bigint, cost_nano_usd bigint, overrun_tokens bigint, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_request_id uuid := coalesce(p_request_id, octroi_private.uuid_v7());
  v_now timestamptz := octroi_private.now();
  v_reason text;
begin
  if not exists (select from octroi_private.request as r where r.id = v_request_id) then
    if not octroi_private.open_entitlement(p_account_id, p_api_key_id, p_user_id, p_model) then
      v_reason := octroi_private.why_refused(p_account_id, p_api_key_id, p_user_id, p_model);
      raise exception 'usage of % cannot be recorded for account %: %', p_model, p_account_id, v_reason
        using errcode = 'OC011', hint = 'docs/errors.md says what each reason means';
    end if;
    insert into octroi_private.request (
      id, account_id, api_key_id, user_id, model, endpoint, body_hash, price_id, balance_ids, hold_amounts,
      input_tokens, output_tokens, choices, hold_tokens, hold_cost_nano_usd, started_at, expires_at
    )
    select
      v_request_id, p_account_id, p_api_key_id, p_user_id, p_model, p_endpoint, '\x', e.price_id, e.balance_ids,
      array_fill(0::bigint, array[cardinality(e.balance_ids)]), p_input_tokens, p_output_tokens, 1,
      p_input_tokens + p_output_tokens,
      (p_input_tokens * p.top_input_price + p_output_tokens * p.top_output_price + 999) / 1000,
      v_now, v_now + interval '1 minute'
    from octroi_private.entitlement as e
    join octroi_private.model_price as p on p.id = e.price_id
    where e.account_id = p_account_id and e.user_id = p_user_id and e.model = p_model
      and e.api_key_id = coalesce(p_api_key_id, '00000000-0000-0000-0000-000000000000');
    perform octroi_private.hold_what_fits(v_request_id);
  end if;
  return query select s.* from octroi_private.settle(
    v_request_id, p_input_tokens, p_output_tokens, p_cached_input_tokens, p_source => 'recorded'
  ) as s;
end
$$;

ALTER FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_api_key_id uuid, p_request_id uuid, p_endpoint text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_api_key_id uuid, p_request_id uuid, p_endpoint text) IS 'Records usage as a fact inside the caller''s transaction; with p_request_id, once. Raises OC011 when the caller or model is unknown, OC010 for other usage under the same id.';

CREATE FUNCTION octroi_private.recover_jobs(p_max_rows integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with lost as (
    select j.id
    from octroi_private.job as j
    where j.state = 'running' and j.lease_expires_at <= octroi_private.now()
    order by j.lease_expires_at
    limit p_max_rows
    for update skip locked
  ),
  recovered as (
    update octroi_private.job as j
    set state = case when j.attempt >= j.max_attempts then 'dead' else 'queued' end,
      run_at = octroi_private.now(), lease_expires_at = null, worker = null,
      last_error = 'the worker went silent and its lease ran out',
      finished_at = case when j.attempt >= j.max_attempts then octroi_private.now() end
    from lost
    where j.id = lost.id
    returning 1
  )
  select count(*) from recovered
$$;

ALTER FUNCTION octroi_private.recover_jobs(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.refuse_beyond_seats() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_seats integer;
begin
  perform from octroi_private.account as a where a.id = new.account_id for no key update;
  select v.seats into v_seats
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where s.account_id = new.account_id and s.ended_at is null;
  if (select count(*) from octroi_private.member as m where m.account_id = new.account_id) >= v_seats then
    raise exception 'all % seats of the plan are taken', v_seats using errcode = 'OC013';
  end if;
  return new;
end
$$;

ALTER FUNCTION octroi_private.refuse_beyond_seats() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if tg_op <> 'TRUNCATE' and exists (
    select from octroi_private.append_only_pass as p
    where p.relation = tg_relid and p.transaction_id = pg_current_xact_id_if_assigned()
  ) then
    return null;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'OC003';
end
$$;

ALTER FUNCTION octroi_private.refuse_change() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.refuse_loss_of_consent() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if octroi_private.pseudonym_of(old.user_id) is not null then
    raise exception 'consents leave with the person only' using errcode = 'OC003';
  end if;
  return null;
end
$$;

ALTER FUNCTION octroi_private.refuse_loss_of_consent() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.refuse_outcome(p_request_id uuid, p_why text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception 'request % %', p_request_id, p_why using errcode = 'OC010';
end
$$;

ALTER FUNCTION octroi_private.refuse_outcome(p_request_id uuid, p_why text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.refuse_url(p_name text, p_url text) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not coalesce((
    select octroi_private.origin_of(p_url) = any(s.return_origins) from octroi_private.billing_setting as s
  ), false) then
    raise exception '% is not on a site that this service returns to', p_name using errcode = 'OC031',
      hint = 'The operator lists the origins: docs/operations.md, return_origins.';
  end if;
end
$$;

ALTER FUNCTION octroi_private.refuse_url(p_name text, p_url text) OWNER TO octroi_owner;

CREATE PROCEDURE octroi_private.register_personal_table(IN p_table text, IN p_about text, IN p_purpose text, IN p_legal_basis text, IN p_retention text, IN p_processors text[], IN p_erasure text, IN p_erasure_reason text, IN p_slices text, IN p_reach text, IN p_withheld text, IN p_key_columns text[], IN p_columns text, IN p_page_rows integer DEFAULT 2000)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into octroi_private.personal_table values (
    p_table, p_about, p_purpose, p_legal_basis, p_retention, p_processors || array['operator', 'supabase'], p_erasure,
    p_erasure_reason, p_slices, p_reach, p_withheld, p_key_columns, p_page_rows
  );
  insert into octroi_private.personal_column (table_name, column_name, position, class, what, erasure)
  select p_table, trim(l.field[1]), l.position, trim(l.field[2]), trim(l.field[3]), trim(l.field[4])
  from (
    select string_to_array(trim(c.line), '|') as field, row_number() over (order by c.ord) as position
    from unnest(string_to_array(p_columns, E'\n')) with ordinality as c (line, ord)
    where trim(c.line) <> ''
  ) as l;
  if exists (
    select from octroi_private.personal_table as t
    cross join lateral unnest(t.processors) as named (name)
    where t.table_name = p_table
      and not exists (select from octroi_private.processor as p where p.name = named.name)
  ) then
    raise exception 'table % names a processor that does not exist', p_table using errcode = '22023';
  end if;
end
$$;

ALTER PROCEDURE octroi_private.register_personal_table(IN p_table text, IN p_about text, IN p_purpose text, IN p_legal_basis text, IN p_retention text, IN p_processors text[], IN p_erasure text, IN p_erasure_reason text, IN p_slices text, IN p_reach text, IN p_withheld text, IN p_key_columns text[], IN p_columns text, IN p_page_rows integer) OWNER TO octroi_owner;

COMMENT ON PROCEDURE octroi_private.register_personal_table(IN p_table text, IN p_about text, IN p_purpose text, IN p_legal_basis text, IN p_retention text, IN p_processors text[], IN p_erasure text, IN p_erasure_reason text, IN p_slices text, IN p_reach text, IN p_withheld text, IN p_key_columns text[], IN p_columns text, IN p_page_rows integer) IS 'Registers a table with something about people, whole. Raises 22023 for a processor that does not exist.';

CREATE FUNCTION octroi_private.reject_meter_reports(p_identifiers text[], p_reason text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.replace_reports(array(
    select r.id from octroi_private.meter_report as r where r.id::text = any(p_identifiers)
  ), p_reason)
$$;

ALTER FUNCTION octroi_private.reject_meter_reports(p_identifiers text[], p_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reject_meter_reports(p_identifiers text[], p_reason text) IS 'Takes note of reports that Stripe accepted and then found fault with; their usage is reported again. Returns how many.';

CREATE FUNCTION octroi_private.release(p_request_id uuid, p_reason text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return (select r.outcome from octroi_native.release_many(array[p_request_id], array[p_reason]) as r);
end
$$;

ALTER FUNCTION octroi_private.release(p_request_id uuid, p_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.release(p_request_id uuid, p_reason text) IS 'release_many for one call; returns its outcome.';

CREATE FUNCTION octroi_private.release_cycle(p_invoice_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.billing_cycle set state = 'compared', changed_at = octroi_private.now()
  where invoice_id = p_invoice_id and state in ('disputed', 'flushed');
  if not found then
    return false;
  end if;
  insert into octroi_private.job (kind, args, run_at, max_attempts)
  values ('close_cycle', jsonb_build_object('invoice_id', p_invoice_id), octroi_private.now(), 100);
  return true;
end
$$;

ALTER FUNCTION octroi_private.release_cycle(p_invoice_id text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.release_cycle(p_invoice_id text) IS 'An operator''s word that a draft is to be finalised as it stands; false when it does not wait for one.';

CREATE FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update octroi_private.job as j
  set state = 'queued', max_attempts = j.max_attempts + 1, run_at = octroi_private.now(),
    lease_expires_at = null, worker = null
  from unnest(p_ids, p_attempts) as mine (id, attempt)
  where j.id = mine.id and j.attempt = mine.attempt and j.state = 'running'
$$;

ALTER FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) IS 'Hands jobs back on shutdown; no attempt is burnt.';

CREATE FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) RETURNS TABLE(request_id uuid, outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return query select * from octroi_native.release_many(p_request_ids, p_reasons);
end
$$;

ALTER FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) IS 'Gives the holds of calls that did not happen back. An outcome each: released, replayed, conflict, unknown.';

CREATE FUNCTION octroi_private.remove_requests(p_user_id uuid, p_pseudonym uuid, p_after uuid, p_max_rows integer, OUT reached_id uuid, OUT rows_done bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
declare
  -- a bound that may be missing is none to an index: every bite would read all that is left
  v_until uuid;
begin
  select r.id into reached_id from octroi_private.request as r
  where r.id > p_after
  order by r.id
  offset greatest(p_max_rows, 1) - 1
  limit 1;
  v_until := coalesce(reached_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  -- one whose time ran out may still be settled, as nobody's; an open one is somebody's turn
  update octroi_private.request as r
  set user_id = p_pseudonym, idempotency_key = null, body_hash = '\x'
  where r.id > p_after and r.id <= v_until and r.user_id = p_user_id
    and r.state in ('open', 'expired');
  delete from octroi_private.request as r
  where r.id > p_after and r.id <= v_until and r.user_id = p_user_id
    and r.state in ('settled', 'released');
  get diagnostics rows_done = row_count;
end
$$;

ALTER FUNCTION octroi_private.remove_requests(p_user_id uuid, p_pseudonym uuid, p_after uuid, p_max_rows integer, OUT reached_id uuid, OUT rows_done bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.remove_usage(p_receipt_id uuid, p_max_rows integer) RETURNS TABLE(rows_done bigint, is_done boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_removal octroi_private.usage_removal;
  v_pseudonym uuid;
  v_until timestamptz;
  v_reached uuid;
  v_rows bigint := 0;
  v_name text;
begin
  -- cursor and rows are lost together or not at all, so nothing is owed to anybody by waiting for the disk
  perform set_config('synchronous_commit', 'off', true);
  select r.* into v_removal
  from octroi_private.usage_removal as r
  where r.receipt_id = p_receipt_id
  order by r.id
  limit 1
  for update;
  if v_removal.id is null then
    update octroi_private.erasure_step set finished_at = octroi_private.now()
    where receipt_id = p_receipt_id and kind = 'usage' and finished_at is null;
    perform octroi_private.finish_erasure(p_receipt_id);
    return query select 0::bigint, true;
    return;
  end if;
  select r.pseudonym into strict v_pseudonym from octroi_private.erasure_receipt as r where r.id = p_receipt_id;
  if v_removal.account_id is null then
    select s.reached_id, s.rows_done into v_reached, v_rows
    from octroi_private.remove_requests(v_removal.user_id, v_pseudonym, v_removal.after_id, p_max_rows) as s;
    v_name := 'request';
    update octroi_private.usage_removal set after_id = v_reached where id = v_removal.id and v_reached is not null;
    delete from octroi_private.usage_removal where id = v_removal.id and v_reached is null;
  else
    v_until := octroi_private.bite_end(v_removal.account_id, v_removal.after_at, p_max_rows);
    if v_removal.is_deleting then
      v_name := 'usage_event';
      v_rows := octroi_private.delete_calls(
        v_removal.account_id, v_removal.user_id, v_removal.after_at, v_until
      );
    else
      v_name := 'usage_event_unlinked';
      v_rows := octroi_private.unlink_calls(
        v_removal.account_id, v_removal.user_id, v_pseudonym, v_removal.after_at, v_until
      );
    end if;
    update octroi_private.usage_removal set after_at = v_until where id = v_removal.id and v_until < 'infinity';
    delete from octroi_private.usage_removal where id = v_removal.id and v_until = 'infinity';
  end if;
  update octroi_private.erasure_receipt as r
  set erased = r.erased || jsonb_build_object(v_name, coalesce((r.erased ->> v_name)::bigint, 0) + v_rows)
  where r.id = p_receipt_id and v_rows > 0;
  return query select v_rows, false;
end
$$;

ALTER FUNCTION octroi_private.remove_usage(p_receipt_id uuid, p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.remove_usage(p_receipt_id uuid, p_max_rows integer) IS 'One bite of removing an erased person''s calls; how many rows, and whether it was the last. Any number of workers may call it, one after the other.';

CREATE FUNCTION octroi_private.reopen_overage(p_account_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  update octroi_private.subscription as s set overage_closed_at = null
  where s.account_id = p_account_id and s.ended_at is null and s.overage_closed_at is not null;
end
$$;

ALTER FUNCTION octroi_private.reopen_overage(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.reopen_subscription(p_account_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  update octroi_private.stripe_subscription as s set is_closing = false
  from octroi_private.stripe_customer as c
  where c.account_id = p_account_id and s.customer_id = c.id and s.is_closing;
  perform octroi_private.sync_access(p_account_id);
end
$$;

ALTER FUNCTION octroi_private.reopen_subscription(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.replace_reports(p_report_ids uuid[], p_why text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with failed as (
    update octroi_private.meter_report as r
    set state = case when r.generation < 3 then 'replaced' else 'rejected' end, detail = left(p_why, 500),
      changed_at = octroi_private.now()
    where r.id = any(p_report_ids) and r.state not in ('pending', 'replaced', 'written_off')
    returning r.id, r.state
  ),
  freed as (
    update octroi_private.overage_use as u set report_id = null
    from failed as f
    where u.report_id = f.id and f.state = 'replaced'
  )
  select count(*) from failed
$$;

ALTER FUNCTION octroi_private.replace_reports(p_report_ids uuid[], p_why text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.replace_reports(p_report_ids uuid[], p_why text) IS 'Has the usage of reports that Stripe did not count reported anew; how many. For operators too, once the reason of a rejection is gone.';

CREATE FUNCTION octroi_private.replay_tombstones(p_lines text[]) RETURNS TABLE(erased bigint, absent bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_column
declare
  v_wrong text;
  v_hashes bytea [];
  v_user_id uuid;
  v_erased bigint := 0;
begin
  select l.line into v_wrong
  from unnest(p_lines) as l (line)
  where l.line is null or l.line !~ '^[0-9a-f]{64} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$'
  limit 1;
  if found then
    raise exception 'this is no tombstone: %', left(v_wrong, 100) using errcode = 'OC046',
      hint = 'The list is what octroi erasure list printed.';
  end if;
  v_hashes := array(select decode(left(l.line, 64), 'hex') from unnest(p_lines) as l (line));
  perform set_config('octroi.is_replaying', 'on', true);
  for v_user_id in
    select p.id
    from (
      select a.owner_user_id as id from octroi_private.account as a where a.owner_user_id is not null
      union
      select m.user_id from octroi_private.member as m
      union
      select n.user_id from octroi_private.notification_setting as n
    ) as p
    where octroi_private.subject_hash(p.id) = any(v_hashes)
    order by p.id
  loop
    perform octroi_private.delete_user(v_user_id);
    -- gone from Auth already, or its trigger has done this
    perform octroi_private.erase_user(v_user_id, 'restore');
    v_erased := v_erased + 1;
  end loop;
  perform set_config('octroi.is_replaying', 'off', true);
  insert into octroi_private.tombstone as t (subject_hash, erased_at)
  select decode(left(l.line, 64), 'hex'), min(substr(l.line, 66)::timestamptz) from unnest(p_lines) as l (line)
  group by 1
  on conflict (subject_hash) do update set erased_at = least(t.erased_at, excluded.erased_at);
  return query select v_erased, coalesce(cardinality(v_hashes), 0) - v_erased;
end
$_$;

ALTER FUNCTION octroi_private.replay_tombstones(p_lines text[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.replay_tombstones(p_lines text[]) IS 'After a restore: erases again whoever the tombstones name, and takes them in; how many were here and how many were not. Raises OC046 for what is no tombstone.';

CREATE FUNCTION octroi_private.report_usage(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid;
  v_made bigint := 0;
begin
  for v_account_id in
    select a.id
    from octroi_private.account as a
    where a.id in (
      select u.account_id
      from octroi_private.overage_use as u
      join octroi_private.stripe_customer as c on c.account_id = u.account_id and not c.is_deleted
      cross join octroi_private.billing_setting as s
      where u.report_id is null
        and u.occurred_at <= octroi_private.now() - make_interval(secs => s.report_every_seconds)
        and not exists (
          select from octroi_private.meter_report as r
          where r.customer_id = c.id and r.event_name = u.event_name and r.state in ('pending', 'sending', 'unknown')
        )
      limit p_max_rows
    )
    for no key update skip locked
  loop
    v_made := v_made + octroi_private.make_meter_reports(v_account_id);
  end loop;
  return v_made;
end
$$;

ALTER FUNCTION octroi_private.report_usage(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.reported_windows(p_account_id uuid) RETURNS TABLE(key text, event_name text, customer_id text, window_start timestamp with time zone, window_end timestamp with time zone, reported bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select w.balance_id || ':' || w.event_name, w.event_name, w.customer_id, w.window_start, w.window_end, (
    select sum(r.value)
    from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.customer_id = w.customer_id and r.event_name = w.event_name
      and r.state = 'accepted' and r.usage_at >= w.window_start and r.usage_at < w.window_end
  )::bigint
  from (
    select distinct r.balance_id, r.event_name, r.customer_id, r.window_start, r.window_end
    from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.state = 'accepted' and r.window_end > octroi_private.now()
  ) as w
$$;

ALTER FUNCTION octroi_private.reported_windows(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.requeue_events(p_max_rows integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*) filter (where octroi_private.enqueue_sync(e.object_kind, e.object_id))
  from (
    select distinct v.object_kind, v.object_id
    from octroi_private.stripe_event as v
    where v.state = 'queued' and v.object_kind <> 'meter'
      and v.received_at <= octroi_private.now() - interval '15 minutes'
    limit p_max_rows
  ) as e
$$;

ALTER FUNCTION octroi_private.requeue_events(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.require_admin_step_up() RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform octroi_private.my_user_id();
  if auth.jwt() <> '{}' and coalesce(auth.jwt() ->> 'aal', '') <> 'aal2' then
    raise exception 'operators need a second factor' using errcode = 'OC040',
      hint = 'Enrol one with supabase.auth.mfa.enroll, call supabase.auth.mfa.challengeAndVerify, then try again.';
  end if;
end
$$;

ALTER FUNCTION octroi_private.require_admin_step_up() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.require_admin_step_up() IS 'Passes an operator who came through the Data API only with aal2, whether or not they have enrolled. Raises OC040, OC022.';

CREATE FUNCTION octroi_private.require_step_up() RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not octroi_private.has_stepped_up() then
    raise exception 'this needs your second factor' using errcode = 'OC040',
      hint = 'Call supabase.auth.mfa.challengeAndVerify({ factorId, code }), then make this call again.';
  end if;
end
$$;

ALTER FUNCTION octroi_private.require_step_up() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.require_step_up() IS 'Passes whoever has no second factor, or has shown it in this session (aal2). Raises OC040, OC022.';

CREATE FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer DEFAULT 1, p_idempotency_key text DEFAULT NULL::text, p_body_hash bytea DEFAULT '\x'::bytea, p_endpoint text DEFAULT 'sql'::text, p_lease_seconds integer DEFAULT 660) RETURNS TABLE(request_id uuid, verdict text, reason text, output_tokens bigint, hold_tokens bigint, hold_cost_nano_usd bigint, expires_at timestamp with time zone, scope text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint, period_start timestamp with time zone, resets_at timestamp with time zone, retry_after_seconds bigint, plan text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return query select * from octroi_native.reserve_many(
    array[p_request_id], array[p_account_id], array[p_api_key_id], array[p_user_id], array[p_model],
    array[p_endpoint], array[p_input_tokens], array[p_output_tokens], array[p_choices], array[p_idempotency_key],
    array[p_body_hash], p_lease_seconds
  );
end
$$;

ALTER FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer, p_idempotency_key text, p_body_hash bytea, p_endpoint text, p_lease_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer, p_idempotency_key text, p_body_hash bytea, p_endpoint text, p_lease_seconds integer) IS 'reserve_many for one call.';

CREATE FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) RETURNS TABLE(request_id uuid, verdict text, reason text, output_tokens bigint, hold_tokens bigint, hold_cost_nano_usd bigint, expires_at timestamp with time zone, scope text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint, period_start timestamp with time zone, resets_at timestamp with time zone, retry_after_seconds bigint, plan text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return query select * from octroi_native.reserve_many(
    p_request_ids, p_account_ids, p_api_key_ids, p_user_ids, p_models, p_endpoints, p_input_tokens, p_output_tokens,
    p_choices, p_idempotency_keys, p_body_hashes, p_lease_seconds
  );
end
$$;

ALTER FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) IS 'Decides calls in order of arrival and holds what is granted, in one commit. A verdict each: granted, refused (reason), replayed (state).';

CREATE FUNCTION octroi_private.resolve_meter_report(p_report_id uuid, p_stripe_total bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_report octroi_private.meter_report;
  v_accepted bigint;
begin
  select r.* into v_report from octroi_private.meter_report as r where r.id = p_report_id for update;
  if v_report.state is null or v_report.state not in ('sending', 'unknown') then
    return v_report.state;
  end if;
  select coalesce(sum(r.value), 0)::bigint into v_accepted
  from octroi_private.meter_report as r
  where r.account_id = v_report.account_id and r.customer_id = v_report.customer_id
    and r.event_name = v_report.event_name and r.state = 'accepted'
    -- a new cycle that began early shares time with the one before
    and r.usage_at >= v_report.window_start and r.usage_at < v_report.window_end;
  if p_stripe_total = v_accepted + v_report.value then
    update octroi_private.meter_report
    set state = 'accepted', detail = 'found in Stripe''s total', changed_at = octroi_private.now()
    where id = p_report_id;
    return 'accepted';
  elsif p_stripe_total = v_accepted then
    perform octroi_private.replace_reports(array[p_report_id], 'never arrived');
    return 'resent';
  end if;
  update octroi_private.meter_report
  set state = 'disputed', changed_at = octroi_private.now(),
    detail = format('Stripe counts %s, %s were accepted before these %s', p_stripe_total, v_accepted, v_report.value)
  where id = p_report_id;
  return 'disputed';
end
$$;

ALTER FUNCTION octroi_private.resolve_meter_report(p_report_id uuid, p_stripe_total bigint) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.resolve_meter_report(p_report_id uuid, p_stripe_total bigint) IS 'Settles a report of unknown outcome by Stripe''s total for its window: accepted, resent, or disputed where it fits neither.';

CREATE FUNCTION octroi_private.resolve_open_requests(p_user_id uuid, p_ending uuid[], p_accounts uuid[], p_pseudonym uuid, p_at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_ids uuid [];
begin
  -- in the order in which settling locks: calls, then balances
  v_ids := octroi_private.lock_unsettled_requests(p_user_id, p_ending);
  perform from octroi_private.balance as b
  where b.id in (
    select unnest(r.balance_ids) from octroi_private.request as r
    where r.id = any(v_ids) and r.account_id = any(p_ending)
    union all
    select unnest(e.balance_ids) from octroi_private.entitlement as e
    where e.account_id = any(p_accounts) and (e.user_id = p_user_id or e.account_id = any(p_ending))
  )
  order by b.account_id, b.id
  for no key update;
  -- whoever was reserving under one of these entitlements held its balances until the call was there; nobody can now
  v_ids := octroi_private.lock_unsettled_requests(p_user_id, p_ending);
  update octroi_private.balance as b
  set reserved = b.reserved - h.amount
  from (
    select held.balance_id, sum(held.amount)::bigint as amount
    from octroi_private.request as r
    cross join lateral unnest(r.balance_ids, r.hold_amounts) as held (balance_id, amount)
    where r.id = any(v_ids) and r.account_id = any(p_ending) and r.state = 'open'
    group by held.balance_id
  ) as h
  where b.id = h.balance_id;
  update octroi_private.request as r
  set user_id = case when r.user_id = p_user_id then p_pseudonym else r.user_id end, idempotency_key = null,
    body_hash = '\x',
    state = case when r.account_id = any(p_ending) then 'expired' else r.state end,
    finished_at = case when r.account_id = any(p_ending) then coalesce(r.finished_at, p_at) else r.finished_at end,
    balance_ids = case when r.account_id = any(p_ending) then '{}' else r.balance_ids end,
    hold_amounts = case when r.account_id = any(p_ending) then '{}' else r.hold_amounts end
  where r.id = any(v_ids);
  return coalesce(cardinality(v_ids), 0);
end
$$;

ALTER FUNCTION octroi_private.resolve_open_requests(p_user_id uuid, p_ending uuid[], p_accounts uuid[], p_pseudonym uuid, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.resolve_signals(p_ids bigint[], p_breach_id bigint, p_reason text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_resolved bigint;
begin
  if (p_breach_id is null) = (p_reason is null) then
    raise exception 'a signal becomes part of a breach or is dismissed for a reason' using errcode = '22023';
  elsif p_breach_id is not null then
    perform octroi_private.open_breach_row(p_breach_id);
  end if;
  update octroi_private.security_signal as g
  set breach_id = p_breach_id, dismissed_reason = p_reason,
    dismissed_at = case when p_reason is not null then octroi_private.now() end
  where g.id = any(p_ids) and g.breach_id is null and g.dismissed_at is null;
  get diagnostics v_resolved = row_count;
  perform octroi_private.record_audit(
    'breach.signals', null, p_breach_id::text, jsonb_build_object('signals', p_ids, 'resolved', v_resolved),
    coalesce(p_reason, 'part of a breach')
  );
  return v_resolved;
end
$$;

ALTER FUNCTION octroi_private.resolve_signals(p_ids bigint[], p_breach_id bigint, p_reason text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.resolve_signals(p_ids bigint[], p_breach_id bigint, p_reason text) IS 'Makes signals part of a breach, or dismisses them for a reason; how many it was. Raises 22023, OC055.';

CREATE FUNCTION octroi_private.revoke_leaked_keys(p_key_hashes bytea[]) RETURNS TABLE(revoked bigint, graces_ended bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if cardinality(p_key_hashes) > 1000 then
    raise exception 'at most 1000 keys at once' using errcode = '54000';
  end if;
  update octroi_private.api_key set revoked_at = v_now
  where key_hash = any(p_key_hashes) and revoked_at is null;
  get diagnostics revoked = row_count;
  update octroi_private.api_key_previous set expires_at = v_now
  where key_hash = any(p_key_hashes) and expires_at > v_now;
  get diagnostics graces_ended = row_count;
  return next;
end
$$;

ALTER FUNCTION octroi_private.revoke_leaked_keys(p_key_hashes bytea[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.revoke_leaked_keys(p_key_hashes bytea[]) IS 'Revokes every key with one of these SHA-256 hashes, at once. Unknown hashes are passed over; nothing else is stored. Raises 54000.';

CREATE FUNCTION octroi_private.revoke_top_ups(p_account_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_grant record;
  v_revoked integer := 0;
begin
  for v_grant in
    select g.id, g.revoked, wanted.revoked as wanted
    from octroi_private.top_up as t
    join octroi_private.quota_grant as g on g.id = t.grant_id
    cross join lateral (
      select div(
        g.amount::numeric * least(octroi_private.taken_back(t.payment_intent_id), t.paid_minor),
        greatest(t.paid_minor, 1)
      )::bigint as revoked
    ) as wanted
    where t.account_id = p_account_id and wanted.revoked <> g.revoked
    order by g.id
    for update of g
  loop
    update octroi_private.quota_grant set revoked = v_grant.wanted where id = v_grant.id;
    insert into octroi_private.revocation (grant_id, change, happened_at)
    values (v_grant.id, v_grant.wanted - v_grant.revoked, octroi_private.now());
    v_revoked := v_revoked + 1;
  end loop;
  return v_revoked;
end
$$;

ALTER FUNCTION octroi_private.revoke_top_ups(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.roll_over(p_account_id uuid, p_anchor_at timestamp with time zone, p_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_limit record;
  v_start timestamptz;
  v_end timestamptz;
  v_expires_at timestamptz;
  v_left bigint;
begin
  for v_limit in
    select s.stripe_subscription_id, s.plan_version_id, l.meter, l.amount, l.rollover_max, l.rollover_months
    from octroi_private.subscription as s
    join octroi_private.plan_limit as l on l.plan_version_id = s.plan_version_id and l.rollover_max > 0
    where s.account_id = p_account_id and s.ended_at is null
  loop
    v_start := (select p.period_start from octroi_private.period_bounds('month', p_anchor_at, p_at) as p);
    for n in 1 .. v_limit.rollover_months loop
      v_end := v_start;
      v_start := (
        select p.period_start
        from octroi_private.period_bounds('month', p_anchor_at, v_end - interval '1 microsecond') as p
      );
      continue when not exists (
        select from octroi_private.subscription as s
        cross join lateral octroi_private.period_bounds('month', s.anchor_at, v_start) as m
        where s.account_id = p_account_id and s.plan_version_id = v_limit.plan_version_id
          and s.stripe_subscription_id is not distinct from v_limit.stripe_subscription_id
          and s.started_at < v_end and (s.ended_at is null or s.ended_at >= v_end)
          and s.anchor_at <= v_start and m.period_start = v_start and m.resets_at = v_end
      );
      v_left := least(v_limit.rollover_max, coalesce((
        select b.included - (b.used - b.from_grants - b.from_overage) - b.reserved
        from octroi_private.balance as b
        where b.account_id = p_account_id and b.resets_at = v_end and b.scope = 'account' and b.subject = ''
          and b.meter = v_limit.meter and b.period = 'month'
      ), v_limit.amount));
      continue when v_left <= 0;
      v_expires_at := v_end;
      for m in 1 .. v_limit.rollover_months loop
        v_expires_at := (
          select p.resets_at from octroi_private.period_bounds('month', p_anchor_at, v_expires_at) as p
        );
      end loop;
      insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, expires_at, reason, source)
      values (
        p_account_id, v_limit.meter, 'rollover', v_left, v_end, v_expires_at, 'left over from the month before',
        format('rollover:%s:%s:%s', p_account_id, v_limit.meter, extract(epoch from v_end)::bigint)
      )
      on conflict (source) do nothing;
    end loop;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.roll_over(p_account_id uuid, p_anchor_at timestamp with time zone, p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.rotate_data_keys(p_after uuid, p_max_rows integer) RETURNS TABLE(last_user_id uuid, rotated bigint, failed bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_active text := (octroi_native.operator_key_ids())[1];
  v_key record;
  v_wrapped bytea;
begin
  if p_max_rows is null or p_max_rows not between 1 and 1000 then
    raise exception 'a batch has 1 to 1000 keys' using errcode = '22023';
  end if;
  if v_active is null then
    perform octroi_private.raise_unsealed();
  end if;
  rotated := 0;
  failed := 0;
  for v_key in
    select k.user_id, k.wrapped from octroi_private.data_key as k
    where k.operator_key_id <> v_active and (p_after is null or k.user_id > p_after)
    order by k.user_id
    limit p_max_rows
    for no key update
  loop
    last_user_id := v_key.user_id;
    v_wrapped := octroi_native.rewrap(v_key.wrapped);
    if v_wrapped is null then
      failed := failed + 1;
    else
      update octroi_private.data_key as k
      set wrapped = v_wrapped, operator_key_id = octroi_native.wrapping_key_id(v_wrapped)
      where k.user_id = v_key.user_id;
      rotated := rotated + 1;
    end if;
  end loop;
  if last_user_id is not null then
    perform octroi_private.record_audit(
      'data_key.rotate', null, null, jsonb_build_object('to', v_active, 'rotated', rotated, 'failed', failed), null
    );
  end if;
  return next;
end
$$;

ALTER FUNCTION octroi_private.rotate_data_keys(p_after uuid, p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.rotate_data_keys(p_after uuid, p_max_rows integer) IS 'Wraps the next data keys, after a person, with the active operator key; each is checked before it replaces the old, and each batch is in the audit log. last_user_id is null at the end. Raises OC050, 22023.';

CREATE FUNCTION octroi_private.runs_out_at(p_left bigint, p_per_day bigint, p_resets_at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select r.at
  from (
    select octroi_private.now() + make_interval(
      secs => least(greatest(p_left, 0) * 86400.0 / nullif(p_per_day, 0), 3155760000)
    ) as at
  ) as r
  where r.at < p_resets_at
$$;

ALTER FUNCTION octroi_private.runs_out_at(p_left bigint, p_per_day bigint, p_resets_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.seal_for(p_user_id uuid, p_place text, p_plain text) RETURNS bytea
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_place text := octroi_private.sealed_place(p_user_id, p_place);
  v_wrapped bytea;
  v_sealed bytea;
begin
  if p_plain is null then
    return null;
  end if;
  -- locked, so that an erasure waits for what is being sealed, and then deletes it
  select k.wrapped into v_wrapped from octroi_private.data_key as k where k.user_id = p_user_id for key share;
  if v_wrapped is null then
    v_wrapped := octroi_native.new_data_key();
    if v_wrapped is null then
      perform octroi_private.raise_unsealed();
    end if;
    insert into octroi_private.data_key (user_id, wrapped, operator_key_id)
    values (p_user_id, v_wrapped, octroi_native.wrapping_key_id(v_wrapped))
    on conflict (user_id) do nothing;
    -- somebody else's, if they were first
    select k.wrapped into v_wrapped from octroi_private.data_key as k where k.user_id = p_user_id for key share;
  end if;
  v_sealed := octroi_native.seal(v_wrapped, v_place, p_plain);
  if v_sealed is null then
    perform octroi_private.raise_unsealed();
  end if;
  return v_sealed;
end
$$;

ALTER FUNCTION octroi_private.seal_for(p_user_id uuid, p_place text, p_plain text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.seal_for(p_user_id uuid, p_place text, p_plain text) IS 'Seals a text for a person and a place such as contact.email, with their data key, made when they have none. Raises OC050, OC051, 22023.';

CREATE FUNCTION octroi_private.sealed_place(p_user_id uuid, p_place text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  if p_user_id is null or p_place is null or p_place !~ '^[a-z_]+\.[a-z_]+(/[0-9a-z-]{1,64})?$' then
    raise exception 'a value is sealed for a person and a place table.column' using errcode = '22023';
  end if;
  return p_place || '/' || p_user_id;
end
$_$;

ALTER FUNCTION octroi_private.sealed_place(p_user_id uuid, p_place text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.security_signals(p_all boolean) RETURNS TABLE(id bigint, kind text, account_id uuid, api_key_id uuid, window_start timestamp with time zone, detail jsonb, raised_at timestamp with time zone, breach_id bigint, dismissed_reason text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select g.id, g.kind, g.account_id, g.api_key_id, g.window_start, g.detail, g.raised_at, g.breach_id,
    g.dismissed_reason
  from octroi_private.security_signal as g
  where p_all or g.breach_id is null and g.dismissed_at is null
  order by g.id desc
  limit 1000
$$;

ALTER FUNCTION octroi_private.security_signals(p_all boolean) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.security_signals(p_all boolean) IS 'The newest 1,000 signals, with or without those that were dealt with.';

CREATE FUNCTION octroi_private.send_breach_notices(p_breach_id bigint, p_max_rows integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_breach octroi_private.breach;
  v_people uuid [];
  v_untold uuid [];
begin
  select b.* into v_breach from octroi_private.breach as b where b.id = p_breach_id for update;
  if v_breach.notices_begun_at is null or v_breach.notices_queued_at is not null then
    return 0;
  end if;
  v_people := array(select octroi_private.affected_people(v_breach.affected, v_breach.notices_after, p_max_rows));
  v_untold := array(
    select p.user_id from unnest(v_people) as p (user_id)
    where not exists (
      select from octroi_private.breach_notice as n where n.breach_id = p_breach_id and n.user_id = p.user_id
    )
  );
  perform octroi_private.enqueue_mail(
    a.id, a.owner_user_id, 'breach', p_breach_id::text, jsonb_build_object(
      'breach', p_breach_id, 'detected_at', v_breach.detected_at, 'contact', v_breach.contact, 'notice', v_breach.notice
    ), v_now + interval '90 days'
  )
  from octroi_private.account as a
  join octroi_private.contact as c on c.user_id = a.owner_user_id
  where a.kind = 'personal' and a.owner_user_id = any(v_untold);
  insert into octroi_private.breach_notice (breach_id, user_id, mail_id, outcome, queued_at, ended_at)
  select p_breach_id, p.user_id, m.id, case when m.id is null then 'no_address' else 'queued' end, v_now,
    case when m.id is null then v_now end
  from unnest(v_untold) as p (user_id)
  left join octroi_private.mail as m on m.dedupe_key = format('breach:%s:%s', p_breach_id, p.user_id);
  update octroi_private.breach as b
  set notices_after = case when cardinality(v_people) = p_max_rows then v_people[p_max_rows] end,
    notices_queued_at = case when cardinality(v_people) < p_max_rows then v_now end
  where b.id = p_breach_id;
  return cardinality(v_people);
end
$$;

ALTER FUNCTION octroi_private.send_breach_notices(p_breach_id bigint, p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.send_breach_notices(p_breach_id bigint, p_max_rows integer) IS 'Queues the next batch of a breach''s notices; how many people it dealt with, fewer than asked for at the end.';

CREATE FUNCTION octroi_private.set_billing_settings(p_settings jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_wrong text;
  v_after jsonb;
begin
  select string_agg(k.key, ', ') into v_wrong
  from jsonb_each(p_settings) as k
  where not case
    when k.key = 'return_origins' then jsonb_typeof(k.value) = 'array' and not exists (
      select from octroi_private.listed(k.value) as o
      where octroi_private.origin_of(o.item #>> '{}') is distinct from o.item #>> '{}'
    )
    when k.key in ('upgrade_url', 'top_up_url', 'billing_url')
      then k.value = 'null' or octroi_private.origin_of(k.value #>> '{}') is not null
    when k.key in ('renewal_grace_seconds', 'payment_grace_seconds') then octroi_private.is_whole(k.value, 0, 1814400)
    when k.key in ('draft_watch_seconds', 'report_every_seconds')
      then octroi_private.is_whole(k.value, 0, 259200)
    else false
  end;
  if v_wrong is not null then
    raise exception 'these are no billing settings, or not of that kind: %', v_wrong using errcode = '22023';
  end if;
  update octroi_private.billing_setting as s
  set return_origins = n.return_origins, upgrade_url = n.upgrade_url, top_up_url = n.top_up_url,
    billing_url = n.billing_url, renewal_grace_seconds = n.renewal_grace_seconds,
    payment_grace_seconds = n.payment_grace_seconds, draft_watch_seconds = n.draft_watch_seconds,
    report_every_seconds = n.report_every_seconds
  from octroi_private.billing_setting as b
  cross join lateral jsonb_populate_record(b, p_settings) as n
  where s.only_row and b.only_row
  returning to_jsonb(s) - 'only_row' into v_after;
  return v_after;
end
$$;

ALTER FUNCTION octroi_private.set_billing_settings(p_settings jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.set_billing_settings(p_settings jsonb) IS 'Changes what is named and returns all of it. Raises 22023 for a name or value that is none.';

CREATE FUNCTION octroi_private.set_contact(p_user_id uuid, p_email text, p_phone text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from octroi_private.contact as c
  where c.user_id = p_user_id and c.email is null and p_email is null and p_phone = '';
  update octroi_private.contact as c
  set email = coalesce(octroi_private.seal_for(p_user_id, 'contact.email', p_email), c.email),
    email_index = coalesce(octroi_private.blind_index('email', p_email), c.email_index),
    phone = case
      when p_phone is null then c.phone else octroi_private.seal_for(p_user_id, 'contact.phone', nullif(p_phone, ''))
    end
  where c.user_id = p_user_id;
  if not found and (p_email is not null or p_phone <> '') then
    insert into octroi_private.contact (user_id, email, email_index, phone)
    values (
      p_user_id, octroi_private.seal_for(p_user_id, 'contact.email', p_email),
      octroi_private.blind_index('email', p_email),
      octroi_private.seal_for(p_user_id, 'contact.phone', nullif(p_phone, ''))
    );
  end if;
end
$$;

ALTER FUNCTION octroi_private.set_contact(p_user_id uuid, p_email text, p_phone text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.set_contact(p_user_id uuid, p_email text, p_phone text) IS 'Changes how a user is reached: null leaves as it is, an empty phone removes it. Raises 23514, OC050, OC051.';

CREATE FUNCTION octroi_private.set_retention(p_table_name text, p_keep interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_at_least interval;
begin
  select r.at_least into v_at_least from octroi_private.retention_setting as r where r.table_name = p_table_name;
  if v_at_least is null then
    raise exception 'nothing called % is kept for a time', p_table_name using errcode = 'OC047',
      hint = 'select table_name from octroi_private.retention_setting';
  elsif p_keep < v_at_least then
    raise exception '% is kept for % at least', p_table_name, v_at_least using errcode = 'OC047';
  elsif p_keep is null and p_table_name <> 'usage_daily' then
    raise exception 'only usage_daily is kept for ever' using errcode = 'OC047';
  end if;
  update octroi_private.retention_setting set keep = p_keep, changed_at = octroi_private.now()
  where table_name = p_table_name;
  if octroi_private.kept_for('usage_daily') < octroi_private.kept_for('usage_event') then
    raise exception 'the sums of usage_daily are kept for as long as the calls of usage_event' using errcode = 'OC047';
  end if;
end
$$;

ALTER FUNCTION octroi_private.set_retention(p_table_name text, p_keep interval) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.set_retention(p_table_name text, p_keep interval) IS 'How long the rows of a table are kept from now on; null (usage_daily only): for as long as the account is there. Raises OC047.';

CREATE FUNCTION octroi_private.set_retention_country(p_country text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_years integer;
begin
  update octroi_private.retention_rule set is_in_force = false where is_in_force and country <> p_country;
  update octroi_private.retention_rule set is_in_force = true where country = p_country returning years into v_years;
  if v_years is null then
    raise exception 'no retention rule for country %', p_country using errcode = 'OC047',
      hint = 'Insert its years and legal_reason into octroi_private.retention_rule first.';
  end if;
  return v_years;
end
$$;

ALTER FUNCTION octroi_private.set_retention_country(p_country text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.set_retention_country(p_country text) IS 'Whose law says how long billing records are kept, for erasures from now on; its years. Raises OC047 for a country without a rule.';

CREATE FUNCTION octroi_private.set_security_settings(p_settings jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_wrong text;
  v_after jsonb;
begin
  select string_agg(k.key, ', ') into v_wrong
  from jsonb_each(p_settings) as k
  where k.key = 'only_row' or not octroi_private.is_whole(k.value, 1, 1000000000) or not exists (
    select from octroi_private.security_setting as s where to_jsonb(s) ? k.key
  );
  if v_wrong is not null then
    raise exception 'these are no security settings, or no whole numbers above 0: %', v_wrong using errcode = '22023';
  end if;
  update octroi_private.security_setting as s
  set breach_report_hours = n.breach_report_hours, refusals_of_one = n.refusals_of_one,
    refusals_of_unknown = n.refusals_of_unknown, foreign_ids = n.foreign_ids, velocity_times = n.velocity_times,
    velocity_requests = n.velocity_requests, habit_days = n.habit_days
  from octroi_private.security_setting as b
  cross join lateral jsonb_populate_record(b, p_settings) as n
  where s.only_row and b.only_row
  returning to_jsonb(s) - 'only_row' into v_after;
  return v_after;
end
$$;

ALTER FUNCTION octroi_private.set_security_settings(p_settings jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.set_security_settings(p_settings jsonb) IS 'Changes what is named and returns all of it. Raises 22023 for a name or value that is none, 23514 outside its range.';

CREATE FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint DEFAULT 0, p_cache_write_tokens bigint DEFAULT 0, p_audio_input_tokens bigint DEFAULT 0, p_reasoning_tokens bigint DEFAULT 0, p_audio_output_tokens bigint DEFAULT 0, p_response_model text DEFAULT NULL::text, p_source text DEFAULT 'provider'::text) RETURNS TABLE(request_id uuid, outcome text, total_tokens bigint, cost_nano_usd bigint, overrun_tokens bigint, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return query select * from octroi_native.settle_many(
    array[p_request_id], array[p_input_tokens], array[p_cached_input_tokens], array[p_cache_write_tokens],
    array[p_audio_input_tokens], array[p_output_tokens], array[p_reasoning_tokens], array[p_audio_output_tokens],
    array[p_response_model], array[null::text], array[p_source], array[null::jsonb], array[null::integer],
    array[null::integer], array[null::text], array[null::smallint], array[null::text], array[null::bytea]
  ) as s
  where case s.outcome
    when 'conflict' then octroi_private.refuse_outcome(p_request_id, 'was resolved already, with another outcome')
    when 'unknown' then octroi_private.refuse_outcome(p_request_id, 'was never reserved')
    else true
  end;
end
$$;

ALTER FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_response_model text, p_source text) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_response_model text, p_source text) IS 'settle_many for one call. Raises OC010 when it was settled with other usage or released, or was never reserved.';

CREATE FUNCTION octroi_private.settle_account(p_account_id uuid, p_before timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_wait integer := octroi_private.flush_account(p_account_id, p_before);
begin
  if v_wait = 0 then
    select coalesce(ceil(extract(epoch from max(r.usage_at) - octroi_private.now())) + 1, 0)::integer into v_wait
    from octroi_private.meter_report as r
    where r.account_id = p_account_id and r.state = 'accepted' and r.usage_at >= octroi_private.now();
  end if;
  return v_wait;
end
$$;

ALTER FUNCTION octroi_private.settle_account(p_account_id uuid, p_before timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) RETURNS TABLE(request_id uuid, outcome text, total_tokens bigint, cost_nano_usd bigint, overrun_tokens bigint, remaining bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  return query select * from octroi_native.settle_many(
    p_request_ids, p_input_tokens, p_cached_input_tokens, p_cache_write_tokens, p_audio_input_tokens, p_output_tokens,
    p_reasoning_tokens, p_audio_output_tokens, p_response_models, p_service_tiers, p_sources, p_raw_usages,
    p_latency_ms, p_first_token_ms, p_upstream_request_ids, p_response_statuses, p_response_content_types,
    p_response_bodies
  );
end
$$;

ALTER FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) IS 'Records what calls used, in one commit. An outcome each: settled, settled_late, replayed, conflict (other usage), unknown.';

CREATE FUNCTION octroi_private.sold_by(p_kind text, p_id text) RETURNS TABLE(plan_key text, pack_key text, is_ours boolean, quantity bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  select p.lookup_key::text, k.lookup_key::text, c.key is not null, l.quantity
  from (
    select i.price_id, i.quantity from octroi_private.stripe_subscription_item as i
    where p_kind = 'subscription' and i.subscription_id = p_id
    union all
    select n.price_id, n.quantity from octroi_private.stripe_invoice_line as n
    where p_kind = 'invoice' and n.invoice_id = p_id
    union all
    select n.price_id, n.quantity from octroi_private.stripe_checkout_line as n
    where p_kind = 'checkout_session' and n.session_id = p_id
  ) as l
  left join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
  left join octroi_private.plan_price as p on p.lookup_key = c.key
  left join octroi_private.top_up_pack as k on k.lookup_key = c.key;
end
$$;

ALTER FUNCTION octroi_private.sold_by(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.stand_by_for_jobs() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_advisory_lock(octroi_private.stand_by_key())
$$;

ALTER FUNCTION octroi_private.stand_by_for_jobs() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.stand_by_for_jobs() IS 'Has jobs announced on channel octroi_job from now on, for as long as this session lives; look once more afterwards. Waits for others that stand by.';

CREATE FUNCTION octroi_private.stand_by_key() RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select hashtextextended('octroi_private.stand_by', 0)
$$;

ALTER FUNCTION octroi_private.stand_by_key() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.start_reconciliation() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id bigint;
begin
  delete from octroi_private.reconciliation where started_at < octroi_private.kept_since('reconciliation');
  insert into octroi_private.reconciliation (started_at) values (octroi_private.now()) returning id into v_id;
  return v_id;
end
$$;

ALTER FUNCTION octroi_private.start_reconciliation() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.stop_auto_top_up(p_request octroi_private.billing_request) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from octroi_private.auto_top_up where account_id = p_request.account_id;
  perform octroi_private.tell_of_auto_top_up(
    p_request.account_id, (p_request.args ->> 'pack_id')::bigint, coalesce(p_request.error, 'given_up')
  );
end
$$;

ALTER FUNCTION octroi_private.stop_auto_top_up(p_request octroi_private.billing_request) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.stop_standing_by() RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_advisory_unlock(octroi_private.stand_by_key())
$$;

ALTER FUNCTION octroi_private.stop_standing_by() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.stop_standing_by() IS 'Ends what stand_by_for_jobs began in this session; false when nothing was to be ended.';

CREATE FUNCTION octroi_private.store_charge(p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with stored as (
    insert into octroi_private.stripe_charge as s (
      id, customer_id, payment_intent_id, amount_minor, currency, status, created_at
    )
    select o.id, o.customer, o.payment_intent, o.amount, o.currency, o.status, octroi_private.at_second(o.created)
    from jsonb_to_record(p_object) as o (
      id text, customer text, payment_intent text, amount bigint, currency text, status text, created bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, payment_intent_id = excluded.payment_intent_id,
      amount_minor = excluded.amount_minor, currency = excluded.currency, status = excluded.status
    returning s.id
  )
  insert into octroi_private.stripe_refund as o (id, charge_id, amount_minor, status, created_at)
  select n.id, s.id, n.amount, n.status, octroi_private.at_second(n.created)
  from stored as s
  cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'refunds', 'null'), '[]')) as n (
    id text, amount bigint, status text, created bigint
  )
  on conflict (id) do update
  set amount_minor = excluded.amount_minor, status = excluded.status
  where o.status not in ('failed', 'canceled');
end
$$;

ALTER FUNCTION octroi_private.store_charge(p_object jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.store_checkout_session(p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with stored as (
    insert into octroi_private.stripe_checkout_session as s (
      id, customer_id, mode, status, payment_status, reference, subscription_id, payment_intent_id,
      amount_total_minor, currency, created_at, expires_at
    )
    select
      o.id, o.customer, o.mode, o.status, o.payment_status, left(o.client_reference_id, 200), o.subscription,
      o.payment_intent, o.amount_total, o.currency, octroi_private.at_second(o.created),
      octroi_private.at_second(o.expires_at)
    from jsonb_to_record(p_object) as o (
      id text, customer text, mode text, status text, payment_status text, client_reference_id text,
      subscription text, payment_intent text, amount_total bigint, currency text, created bigint, expires_at bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, status = excluded.status, payment_status = excluded.payment_status,
      reference = excluded.reference, subscription_id = excluded.subscription_id,
      payment_intent_id = excluded.payment_intent_id, amount_total_minor = excluded.amount_total_minor,
      currency = excluded.currency, expires_at = excluded.expires_at
    where s.payment_status = 'unpaid' and s.status is distinct from 'expired'
      or (excluded.status, excluded.payment_status) is not distinct from (s.status, s.payment_status)
    returning s.id
  )
  insert into octroi_private.stripe_checkout_line as o (session_id, id, price_id, quantity, amount_total_minor)
  select s.id, n.id, n.price, n.quantity, n.amount_total
  from stored as s
  cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'line_items', 'null'), '[]')) as n (
    id text, price text, quantity bigint, amount_total bigint
  )
  on conflict (session_id, id) do update
  set price_id = excluded.price_id, quantity = excluded.quantity, amount_total_minor = excluded.amount_total_minor;
end
$$;

ALTER FUNCTION octroi_private.store_checkout_session(p_object jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.store_customer(p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into octroi_private.stripe_customer as s (id, currency, is_delinquent, has_payment_method, is_deleted)
  select
    o.id, o.currency, coalesce(o.delinquent, false), coalesce(o.has_payment_method, false), coalesce(o.deleted, false)
  from jsonb_to_record(p_object) as o (
    id text, currency text, delinquent boolean, has_payment_method boolean, deleted boolean
  )
  on conflict (id) do update
  set currency = excluded.currency, is_delinquent = excluded.is_delinquent,
    has_payment_method = excluded.has_payment_method, is_deleted = s.is_deleted or excluded.is_deleted;
end
$$;

ALTER FUNCTION octroi_private.store_customer(p_object jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.store_dispute(p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into octroi_private.stripe_dispute as s (id, charge_id, payment_intent_id, amount_minor, status, created_at)
  select o.id, o.charge, o.payment_intent, o.amount, o.status, octroi_private.at_second(o.created)
  from jsonb_to_record(p_object) as o (
    id text, charge text, payment_intent text, amount bigint, status text, created bigint
  )
  on conflict (id) do update
  set amount_minor = excluded.amount_minor, status = excluded.status, payment_intent_id = excluded.payment_intent_id;
end
$$;

ALTER FUNCTION octroi_private.store_dispute(p_object jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.store_gone(p_kind text, p_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  case p_kind
    when 'customer' then update octroi_private.stripe_customer set is_deleted = true where id = p_id;
    when 'subscription' then
      update octroi_private.stripe_subscription
      set status = 'canceled', ended_at = coalesce(ended_at, octroi_private.now())
      where id = p_id and status not in ('canceled', 'incomplete_expired');
    when 'invoice' then
      update octroi_private.stripe_invoice set status = 'void' where id = p_id and status not in ('paid', 'void');
    else null;
  end case;
end
$$;

ALTER FUNCTION octroi_private.store_gone(p_kind text, p_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.store_invoice(p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with stored as (
    insert into octroi_private.stripe_invoice as s (
      id, customer_id, subscription_id, status, billing_reason, currency, total_minor, amount_due_minor,
      amount_paid_minor, created_at, period_start, period_end, auto_advance, attempt_count, next_attempt_at,
      finalized_at, paid_at
    )
    select
      o.id, o.customer, o.subscription, coalesce(o.status, case when o.deleted then 'void' end), o.billing_reason,
      o.currency, o.total, coalesce(o.amount_due, 0), coalesce(o.amount_paid, 0), octroi_private.at_second(o.created),
      octroi_private.at_second(o.period_start), octroi_private.at_second(o.period_end), coalesce(o.auto_advance, false),
      coalesce(o.attempt_count, 0), octroi_private.at_second(o.next_payment_attempt),
      octroi_private.at_second(o.finalized_at), octroi_private.at_second(o.paid_at)
    from jsonb_to_record(p_object) as o (
      id text, customer text, subscription text, status text, deleted boolean, billing_reason text, currency text,
      total bigint, amount_due bigint, amount_paid bigint, created bigint, period_start bigint, period_end bigint,
      auto_advance boolean, attempt_count integer, next_payment_attempt bigint, finalized_at bigint, paid_at bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, subscription_id = excluded.subscription_id, status = excluded.status,
      billing_reason = excluded.billing_reason, currency = excluded.currency, total_minor = excluded.total_minor,
      amount_due_minor = excluded.amount_due_minor, amount_paid_minor = excluded.amount_paid_minor,
      period_start = excluded.period_start, period_end = excluded.period_end, auto_advance = excluded.auto_advance,
      attempt_count = excluded.attempt_count, next_attempt_at = excluded.next_attempt_at,
      finalized_at = excluded.finalized_at, paid_at = excluded.paid_at
    where s.status not in ('paid', 'void') or excluded.status = s.status
    returning s.id
  ),
  line as (
    select l.*
    from stored as s
    cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'lines', 'null'), '[]')) as l (
      id text, price text, quantity bigint, amount bigint, is_proration boolean, period_start bigint, period_end bigint
    )
  ),
  gone as (
    delete from octroi_private.stripe_invoice_line as l
    using stored as s
    where l.invoice_id = s.id and l.id not in (select n.id from line as n)
  ),
  paid_by as (
    insert into octroi_private.stripe_invoice_payment (invoice_id, payment_intent_id)
    select s.id, p.item #>> '{}'
    from stored as s
    cross join lateral octroi_private.listed(p_object -> 'payment_intents') as p
    on conflict do nothing
  )
  insert into octroi_private.stripe_invoice_line as o (
    invoice_id, id, price_id, quantity, amount_minor, is_proration, period_start, period_end
  )
  select
    s.id, n.id, n.price, n.quantity, n.amount, coalesce(n.is_proration, false),
    octroi_private.at_second(n.period_start), octroi_private.at_second(n.period_end)
  from line as n
  cross join stored as s
  on conflict (invoice_id, id) do update
  set price_id = excluded.price_id, quantity = excluded.quantity, amount_minor = excluded.amount_minor,
    is_proration = excluded.is_proration, period_start = excluded.period_start, period_end = excluded.period_end;
end
$$;

ALTER FUNCTION octroi_private.store_invoice(p_object jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.store_subscription(p_object jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with stored as (
    insert into octroi_private.stripe_subscription as s (
      id, customer_id, status, created_at, anchor_at, cancel_at_period_end, cancel_at, canceled_at, ended_at,
      trial_ends_at, is_paused, currency, latest_invoice_id, schedule_id, next_price_id, next_price_at
    )
    select
      o.id, o.customer, o.status, octroi_private.at_second(o.created),
      octroi_private.at_second(coalesce(o.billing_cycle_anchor, o.created)), coalesce(o.cancel_at_period_end, false),
      octroi_private.at_second(o.cancel_at), octroi_private.at_second(o.canceled_at),
      octroi_private.at_second(o.ended_at), octroi_private.at_second(o.trial_end), coalesce(o.is_paused, false),
      o.currency, o.latest_invoice, o.schedule, o.next_price, octroi_private.at_second(o.next_price_at)
    from jsonb_to_record(p_object) as o (
      id text, customer text, status text, created bigint, billing_cycle_anchor bigint, cancel_at_period_end boolean,
      cancel_at bigint, canceled_at bigint, ended_at bigint, trial_end bigint, is_paused boolean, currency text,
      latest_invoice text, schedule text, next_price text, next_price_at bigint
    )
    on conflict (id) do update
    set customer_id = excluded.customer_id, status = excluded.status, anchor_at = excluded.anchor_at,
      cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = excluded.cancel_at,
      canceled_at = excluded.canceled_at, ended_at = excluded.ended_at,
      -- a trial that was had stays known
      trial_ends_at = coalesce(excluded.trial_ends_at, s.trial_ends_at),
      is_paused = excluded.is_paused, currency = excluded.currency, latest_invoice_id = excluded.latest_invoice_id,
      schedule_id = excluded.schedule_id, next_price_id = excluded.next_price_id,
      next_price_at = excluded.next_price_at
    where s.status not in ('canceled', 'incomplete_expired')
      or excluded.status in ('canceled', 'incomplete_expired')
    returning s.id
  ),
  item as (
    select i.*
    from stored as s
    cross join lateral jsonb_to_recordset(coalesce(nullif(p_object -> 'items', 'null'), '[]')) as i (
      id text, price text, quantity bigint, current_period_start bigint, current_period_end bigint
    )
  ),
  gone as (
    delete from octroi_private.stripe_subscription_item as i
    using stored as s
    where i.subscription_id = s.id and i.id not in (select n.id from item as n)
  )
  insert into octroi_private.stripe_subscription_item as o (
    id, subscription_id, price_id, quantity, period_start, period_end
  )
  select
    n.id, s.id, n.price, n.quantity, octroi_private.at_second(n.current_period_start),
    octroi_private.at_second(n.current_period_end)
  from item as n
  cross join stored as s
  on conflict (id) do update
  set subscription_id = excluded.subscription_id, price_id = excluded.price_id, quantity = excluded.quantity,
    period_start = excluded.period_start, period_end = excluded.period_end;
end
$$;

ALTER FUNCTION octroi_private.store_subscription(p_object jsonb) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.stored_response(p_request_id uuid) RETURNS TABLE(status smallint, content_type text, body bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select r.status, r.content_type, r.body
  from octroi_private.stored_response as r
  where r.request_id = p_request_id and r.expires_at > octroi_private.now()
$$;

ALTER FUNCTION octroi_private.stored_response(p_request_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.stored_response(p_request_id uuid) IS 'The answer kept for a call; no row when none was or its time is over.';

CREATE FUNCTION octroi_private.stripe_event_types() RETURNS TABLE(type text, kind text, id_member text)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.type, g.kind, g.id_member
  from (values
    ('checkout_session', 'id', array[
      'checkout.session.completed', 'checkout.session.async_payment_succeeded',
      'checkout.session.async_payment_failed', 'checkout.session.expired'
    ]),
    ('customer', 'id', array['customer.created', 'customer.updated', 'customer.deleted']),
    ('subscription', 'id', array[
      'customer.subscription.created', 'customer.subscription.updated', 'customer.subscription.deleted',
      'customer.subscription.paused', 'customer.subscription.resumed',
      'customer.subscription.pending_update_applied', 'customer.subscription.pending_update_expired',
      'customer.subscription.trial_will_end'
    ]),
    ('subscription', 'subscription', array[
      'subscription_schedule.created', 'subscription_schedule.updated', 'subscription_schedule.released',
      'subscription_schedule.canceled', 'subscription_schedule.completed'
    ]),
    ('invoice', 'id', array[
      'invoice.created', 'invoice.updated', 'invoice.finalized', 'invoice.finalization_failed', 'invoice.paid',
      'invoice.payment_failed', 'invoice.payment_action_required', 'invoice.overdue', 'invoice.voided',
      'invoice.marked_uncollectible'
    ]),
    ('charge', 'id', array['charge.refunded']),
    ('charge', 'charge', array['refund.created', 'refund.updated', 'refund.failed']),
    ('dispute', 'id', array[
      'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.funds_withdrawn',
      'charge.dispute.funds_reinstated', 'charge.dispute.closed'
    ]),
    ('meter', 'id', array['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found'])
  ) as g (kind, id_member, types)
  cross join lateral unnest(g.types) as t (type)
$$;

ALTER FUNCTION octroi_private.stripe_event_types() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.stripe_id_of(p_key text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.stripe_id from octroi_private.stripe_catalogue as c where c.key = p_key
$$;

ALTER FUNCTION octroi_private.stripe_id_of(p_key text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.subject_hash(p_user_id uuid) RETURNS bytea
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return sha256((select k.key from octroi_private.tombstone_key as k where k.only_row) || uuid_send(p_user_id));
end
$$;

ALTER FUNCTION octroi_private.subject_hash(p_user_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.subscribed_event_types() RETURNS SETOF text
    LANGUAGE sql IMMUTABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.type from octroi_private.stripe_event_types() as t
$$;

ALTER FUNCTION octroi_private.subscribed_event_types() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.subscribed_event_types() IS 'The events that a webhook endpoint must be subscribed to, and that the hourly sweep asks for.';

CREATE FUNCTION octroi_private.sweep(p_max_rows integer) RETURNS TABLE(task text, rows_done bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('octroi_private.sweep', 0)) then
    return;
  end if;
  return query
  select 'expire_requests', octroi_private.expire_due(p_max_rows)
  union all
  select 'recover_jobs', octroi_private.recover_jobs(p_max_rows)
  union all
  select 'make_partitions', octroi_private.make_usage_partitions(3)::bigint
  union all
  select 'prune', octroi_private.prune(p_max_rows) + octroi_private.prune_billing(p_max_rows)
    + octroi_private.prune_previous_keys(p_max_rows)
  union all
  select 'lapse_plans', octroi_private.lapse_plans(p_max_rows)
  union all
  select 'report_usage', octroi_private.report_usage(p_max_rows)
  union all
  select 'watch_billing', octroi_private.watch_billing(p_max_rows)
  union all
  select 'requeue_events', octroi_private.requeue_events(p_max_rows)
  union all
  select 'prune_privacy', octroi_private.prune_privacy(p_max_rows)
  union all
  select 'enqueue_recurring', octroi_private.enqueue_recurring()
  union all
  select 'signal:' || d.kind, d.raised from octroi_private.detect_signals(p_max_rows) as d
  union all
  -- last: it may take the ledger for itself for a moment
  select 'retention', octroi_private.apply_retention(p_max_rows);
end
$$;

ALTER FUNCTION octroi_private.sweep(p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.sweep(p_max_rows integer) IS 'Expires holds, recovers jobs, makes partitions ahead, prunes, lapses plans, reports overage, watches drafts, enqueues what comes back, drops what is kept no longer; how many rows each. No rows when another worker is at it.';

CREATE FUNCTION octroi_private.sync_access(p_account_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_has octroi_private.subscription;
  v_access record;
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  select s.* into v_has from octroi_private.subscription as s where s.account_id = p_account_id and s.ended_at is null;
  select a.* into v_access from octroi_private.access_of(p_account_id) as a;
  if v_access.stripe_subscription_id is null then
    if v_has.stripe_subscription_id is null then
      return 'unchanged';
    end if;
    update octroi_private.subscription set ended_at = greatest(v_now, started_at) where id = v_has.id;
    insert into octroi_private.subscription (account_id, plan_version_id, anchor_at, started_at)
    select p_account_id, v.id, v_has.anchor_at, greatest(v_now, v_has.started_at)
    from octroi_private.plan as p
    join octroi_private.plan_version as v on v.plan_code = p.code
    where p.is_default
    order by v.version desc
    limit 1;
    return 'ended';
  end if;
  if (v_has.stripe_subscription_id, v_has.plan_version_id, v_has.anchor_at)
    is not distinct from (v_access.stripe_subscription_id, v_access.plan_version_id, v_access.anchor_at)
  then
    if v_has.granted_until = v_access.granted_until then
      return 'unchanged';
    end if;
    update octroi_private.subscription set granted_until = v_access.granted_until where id = v_has.id;
    return 'extended';
  end if;
  update octroi_private.subscription set ended_at = greatest(v_now, started_at) where id = v_has.id;
  insert into octroi_private.subscription (
    account_id, plan_version_id, anchor_at, started_at, stripe_subscription_id, granted_until
  )
  values (
    p_account_id, v_access.plan_version_id, v_access.anchor_at, greatest(v_now, v_has.started_at),
    v_access.stripe_subscription_id, v_access.granted_until
  );
  return 'changed';
end
$$;

ALTER FUNCTION octroi_private.sync_access(p_account_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.sync_access(p_account_id uuid) IS 'Gives an account the plan it has paid for: unchanged, extended, changed or ended. Whoever asks, and however often.';

CREATE FUNCTION octroi_private.taken_back(p_payment_intent_id text) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select (
      coalesce((
        select sum(r.amount_minor)
        from octroi_private.stripe_charge as c
        join octroi_private.stripe_refund as r on r.charge_id = c.id and r.status = 'succeeded'
        where c.payment_intent_id = p_payment_intent_id
      ), 0)
      + coalesce((
        select sum(d.amount_minor)
        from octroi_private.stripe_dispute as d
        -- the money is gone from the moment it is disputed until the dispute is won
        where d.payment_intent_id = p_payment_intent_id and d.status in ('needs_response', 'under_review', 'lost')
      ), 0)
    )::bigint
  );
end
$$;

ALTER FUNCTION octroi_private.taken_back(p_payment_intent_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.tell_of_auto_top_up(p_account_id uuid, p_pack_id bigint, p_reason text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.enqueue_mail_to_owners(
    p_account_id, 'auto_top_up_failed', format(
      '%s:%s:%s', p_account_id, p_reason, extract(epoch from octroi_private.now())::bigint
    ), jsonb_build_object(
      'amount_minor', k.price_minor, 'currency', k.currency, 'meter', k.meter, 'amount', k.amount,
      'pack_name', k.name, 'reason', p_reason
    ), octroi_private.now() + interval '7 days'
  )
  from octroi_private.top_up_pack as k
  where k.id = p_pack_id
$$;

ALTER FUNCTION octroi_private.tell_of_auto_top_up(p_account_id uuid, p_pack_id bigint, p_reason text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.tell_of_payments(p_account_id uuid, p_customer_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with failed as (
    update octroi_private.stripe_invoice as i
    set told_attempt = i.attempt_count
    where i.customer_id = p_customer_id and i.status = 'open' and i.attempt_count > i.told_attempt
      and i.amount_due_minor > 0 and i.subscription_id is not null and not (
        octroi_private.is_payment_under_way(i) and exists (
          select from octroi_private.stripe_subscription as s where s.id = i.subscription_id and s.status = 'active'
        )
      )
    returning i.id, i.attempt_count, i.amount_due_minor, i.currency, i.next_attempt_at
  )
  select octroi_private.enqueue_mail_to_owners(
    p_account_id, 'payment_failed', format('%s:%s', f.id, f.attempt_count), jsonb_build_object(
      'amount_minor', f.amount_due_minor, 'currency', f.currency, 'next_attempt_at', f.next_attempt_at,
      'plan', octroi_private.plan_name_of(p_account_id)
    ), octroi_private.now() + interval '30 days'
  )
  from failed as f;
  with ended as (
    update octroi_private.stripe_subscription as s
    set told_ended_at = octroi_private.now()
    from octroi_private.subscription as r
    join octroi_private.plan_version as v on v.id = r.plan_version_id
    join octroi_private.plan as p on p.code = v.plan_code
    where s.customer_id = p_customer_id and s.status = 'canceled' and s.told_ended_at is null
      -- what never gave the account a plan took none away
      and r.id = (
        select h.id from octroi_private.subscription as h
        where h.account_id = p_account_id and h.stripe_subscription_id = s.id
        order by h.started_at desc, h.id
        limit 1
      )
    returning s.id, p.name, coalesce(s.ended_at, s.canceled_at, s.told_ended_at) as ended_at
  )
  select octroi_private.enqueue_mail_to_owners(
    p_account_id, 'subscription_ended', e.id, jsonb_build_object(
      'plan', e.name, 'ended_at', e.ended_at, 'plan_now', octroi_private.plan_name_of(p_account_id)
    ), octroi_private.now() + interval '30 days'
  )
  from ended as e
$$;

ALTER FUNCTION octroi_private.tell_of_payments(p_account_id uuid, p_customer_id text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.tell_of_threshold(p_alert_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_alert octroi_private.alert;
  v_data jsonb;
begin
  select a.* into strict v_alert from octroi_private.alert as a where a.id = p_alert_id;
  v_data := jsonb_build_object(
    'threshold', v_alert.threshold, 'scope', v_alert.scope, 'meter', v_alert.meter, 'used', v_alert.used,
    'granted', v_alert.granted, 'remaining', greatest(v_alert.granted - v_alert.used, 0),
    'resets_at', nullif(v_alert.resets_at, 'infinity'),
    'runs_out_at', octroi_private.runs_out_at(
      v_alert.granted - v_alert.used, octroi_private.used_per_day(
        v_alert.account_id, v_alert.scope, v_alert.subject, v_alert.meter
      ), v_alert.resets_at
    ),
    'plan', octroi_private.plan_name_of(v_alert.account_id),
    'overage_on', coalesce((
      select l.overage > 0 from octroi_private.limit_in_force as l
      where l.account_id = v_alert.account_id and l.scope = 'account' and l.period = 'month' and l.meter = v_alert.meter
    ), false)
  );
  if v_alert.scope = 'member' then
    perform octroi_private.enqueue_mail(
      v_alert.account_id, v_alert.subject::uuid, 'threshold', p_alert_id::text, v_data, v_alert.resets_at
    );
  else
    perform octroi_private.enqueue_mail_to_owners(
      v_alert.account_id, 'threshold', p_alert_id::text, v_data, v_alert.resets_at
    );
  end if;
end
$$;

ALTER FUNCTION octroi_private.tell_of_threshold(p_alert_id bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.tell_of_top_up(p_grant_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select octroi_private.enqueue_mail_to_owners(
    g.account_id, 'top_up_received', g.id::text, jsonb_build_object(
      'meter', g.meter, 'amount', g.amount, 'pack_name', k.name, 'paid_minor', t.paid_minor, 'currency', t.currency,
      'expires_at', nullif(g.expires_at, 'infinity'), 'remaining', (
        select greatest(sum(q.remaining), 0)::bigint
        from octroi_private.quota_of(g.account_id, null) as q
        where q.scope = 'account' and q.period = 'month' and q.meter = g.meter
      )
    ), g.created_at + interval '30 days'
  )
  from octroi_private.quota_grant as g
  join octroi_private.top_up as t on t.grant_id = g.id
  join octroi_private.top_up_pack as k on k.id = t.pack_id
  where g.id = p_grant_id
$$;

ALTER FUNCTION octroi_private.tell_of_top_up(p_grant_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.threshold_amount(p_limit bigint, p_threshold integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (p_limit * p_threshold + 99) / 100
$$;

ALTER FUNCTION octroi_private.threshold_amount(p_limit bigint, p_threshold integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.tombstones(p_after text, p_max integer) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select format(
    '%s %s', encode(t.subject_hash, 'hex'), to_char(t.erased_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  )
  from octroi_private.tombstone as t
  where p_after is null or t.subject_hash > decode(split_part(p_after, ' ', 1), 'hex')
  order by t.subject_hash
  limit least(greatest(p_max, 0), 10000)
$$;

ALTER FUNCTION octroi_private.tombstones(p_after text, p_max integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.tombstones(p_after text, p_max integer) IS 'Everybody who was erased, a line each, from after a line on: the list that is kept outside backups.';

CREATE FUNCTION octroi_private.unknown_keys(p_object jsonb, p_known text[], p_where text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p_where || k.key || ': not a field of a plan file'
  from jsonb_object_keys(case when jsonb_typeof(p_object) = 'object' then p_object else '{}' end) as k (key)
  where k.key <> all(p_known)
  union all
  select p_where || ' is not a table' where jsonb_typeof(p_object) <> 'object'
$$;

ALTER FUNCTION octroi_private.unknown_keys(p_object jsonb, p_known text[], p_where text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.unlink_calls(p_account_id uuid, p_user_id uuid, p_pseudonym uuid, p_after timestamp with time zone, p_until timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
declare
  v_rows bigint;
begin
  perform octroi_private.unlock_append_only('octroi_private.usage_event');
  with moved as (
    -- the provider's id of the call leads to what it still has of it
    update octroi_private.usage_event as e
    set user_id = p_pseudonym, upstream_request_id = null
    where e.account_id = p_account_id and e.occurred_at > p_after and e.occurred_at <= p_until
      and e.user_id = p_user_id
    returning
      e.occurred_at, e.model, e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens,
      e.total_tokens, e.cost_nano_usd
  ),
  day as materialized (
    select
      (m.occurred_at at time zone 'utc')::date as day, m.model, count(*) as requests,
      sum(m.input_tokens) as input_tokens, sum(m.cached_input_tokens) as cached_input_tokens,
      sum(m.output_tokens) as output_tokens, sum(m.reasoning_tokens) as reasoning_tokens,
      sum(m.total_tokens) as total_tokens, sum(m.cost_nano_usd) as cost_nano_usd
    from moved as m
    group by 1, 2
  ),
  shrunk as (
    update octroi_private.usage_daily as d
    set requests = greatest(d.requests - x.requests, 0),
      input_tokens = greatest(d.input_tokens - x.input_tokens, 0),
      cached_input_tokens = greatest(d.cached_input_tokens - x.cached_input_tokens, 0),
      output_tokens = greatest(d.output_tokens - x.output_tokens, 0),
      reasoning_tokens = greatest(d.reasoning_tokens - x.reasoning_tokens, 0),
      total_tokens = greatest(d.total_tokens - x.total_tokens, 0),
      cost_nano_usd = greatest(d.cost_nano_usd - x.cost_nano_usd, 0)
    from day as x
    where d.account_id = p_account_id and d.day = x.day and d.user_id = p_user_id and d.model = x.model
  ),
  grown as (
    insert into octroi_private.usage_daily as d (
      account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      total_tokens, cost_nano_usd
    )
    select
      p_account_id, p_pseudonym, x.day, x.model, x.requests, x.input_tokens, x.cached_input_tokens, x.output_tokens,
      x.reasoning_tokens, x.total_tokens, x.cost_nano_usd
    from day as x
    on conflict (account_id, day, user_id, model) do update
    set requests = d.requests + excluded.requests, input_tokens = d.input_tokens + excluded.input_tokens,
      cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
      total_tokens = d.total_tokens + excluded.total_tokens, cost_nano_usd = d.cost_nano_usd + excluded.cost_nano_usd
  )
  select coalesce(sum(x.requests), 0)::bigint into v_rows from day as x;
  perform octroi_private.drop_empty_days(p_account_id, p_after, p_until);
  perform octroi_private.lock_append_only('octroi_private.usage_event');
  return v_rows;
end
$$;

ALTER FUNCTION octroi_private.unlink_calls(p_account_id uuid, p_user_id uuid, p_pseudonym uuid, p_after timestamp with time zone, p_until timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.unlock_append_only(p_relation regclass) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into octroi_private.append_only_pass (relation, transaction_id) values (p_relation, pg_current_xact_id())
  on conflict do nothing
$$;

ALTER FUNCTION octroi_private.unlock_append_only(p_relation regclass) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.unlock_stripe_object(p_kind text, p_id text, p_fence bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.stripe_object
  set lease_expires_at = null
  where kind = p_kind and id = p_id and fence = p_fence and lease_expires_at is not null;
  return found;
end
$$;

ALTER FUNCTION octroi_private.unlock_stripe_object(p_kind text, p_id text, p_fence bigint) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.unsubscribe(p_token text, p_act boolean) RETURNS TABLE(found boolean, locale text, is_unsubscribed boolean, purpose text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

ALTER FUNCTION octroi_private.unsubscribe(p_token text, p_act boolean) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.unsubscribe(p_token text, p_act boolean) IS 'Takes back the consent that a token stands for, warnings or news, or only looks. An unknown token finds nothing and changes nothing.';

CREATE FUNCTION octroi_private.untold_people(p_breach octroi_private.breach) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*)
  from octroi_private.affected_people(p_breach.affected, null, null) as p (user_id)
  join octroi_private.account as a on a.owner_user_id = p.user_id and a.kind = 'personal'
  where a.created_at <= p_breach.assessed_at and not exists (
    select from octroi_private.breach_notice as n where n.breach_id = p_breach.id and n.user_id = p.user_id
  )
$$;

ALTER FUNCTION octroi_private.untold_people(p_breach octroi_private.breach) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.usage_kept_since() RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (max(d.month) + interval '1 month')::timestamp at time zone 'utc', '-infinity'
  ) from octroi_private.usage_month_dropped as d
$$;

ALTER FUNCTION octroi_private.usage_kept_since() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.used_of_cut_month(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_period text, p_period_start timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select greatest(b.used + b.reserved - b.from_grants - b.from_overage, 0)::bigint
  from octroi_private.month_cut_short(p_account_id, p_period_start) as m
  join octroi_private.balance as b
    on b.account_id = p_account_id and b.resets_at = m.resets_at and b.scope = p_scope and b.subject = p_subject
    and b.meter = p_meter and b.period = p_period
  where p_period = 'month' and m.is_same_subscription
$$;

ALTER FUNCTION octroi_private.used_of_cut_month(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_period text, p_period_start timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.used_per_day(p_account_id uuid, p_scope text, p_subject text, p_meter text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with span as (
    select greatest(
      date_trunc('day', octroi_private.now() at time zone 'utc') - interval '6 days', a.created_at at time zone 'utc'
    ) as since, octroi_private.now() at time zone 'utc' as until
    from octroi_private.account as a
    where a.id = p_account_id
  )
  select round(coalesce(sum(case p_meter
    when 'tokens' then d.total_tokens when 'cost' then d.cost_nano_usd else d.requests
  end), 0) * 86400 / greatest(extract(epoch from max(s.until) - max(s.since)), 3600))::bigint
  from span as s
  left join octroi_private.usage_daily as d
    on d.account_id = p_account_id and d.day >= s.since::date
    and case p_scope
      when 'account' then true when 'member' then d.user_id::text = p_subject when 'model' then d.model = p_subject
    end
$$;

ALTER FUNCTION octroi_private.used_per_day(p_account_id uuid, p_scope text, p_subject text, p_meter text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.used_since(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_since timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(case p_meter
    when 'tokens' then e.total_tokens - e.overrun_tokens
    when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
    else 1 - e.overrun_requests
  end), 0)::bigint
  from octroi_private.usage_event as e
  where e.account_id = p_account_id and e.occurred_at >= p_since
    and p_subject = case p_scope
      when 'account' then '' when 'member' then e.user_id::text
      when 'api_key' then e.api_key_id::text else e.model
    end
$$;

ALTER FUNCTION octroi_private.used_since(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_since timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.uuid_v7_floor(p_at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (lpad(to_hex((extract(epoch from p_at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

ALTER FUNCTION octroi_private.uuid_v7_floor(p_at timestamp with time zone) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.verify_audit(p_after bigint, p_max integer) RETURNS TABLE(checked integer, last_position bigint, last_hash text, broken_at bigint, problem text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_link record;
  v_hash bytea;
  v_max integer := least(greatest(p_max, 1), 100000);
begin
  checked := 0;
  last_position := p_after;
  select k.hash into v_hash from octroi_private.audit_link as k where k.position = p_after;
  if v_hash is null then
    broken_at := p_after;
    problem := 'missing_link';
    return next;
    return;
  end if;
  for v_link in
    select k.position, k.hash, l.id is null as is_missing, l as entry
    from octroi_private.audit_link as k
    left join octroi_private.audit_log as l on l.id = k.audit_id
    where k.position > p_after
    order by k.position
    limit v_max
  loop
    problem := case
      when v_link.position <> last_position + 1 then 'missing_link'
      when v_link.is_missing then 'missing_entry'
      when octroi_private.audit_hash(v_hash, v_link.entry) <> v_link.hash then 'changed'
    end;
    if problem is not null then
      broken_at := last_position + 1;
      exit;
    end if;
    checked := checked + 1;
    last_position := v_link.position;
    v_hash := v_link.hash;
  end loop;
  last_hash := encode(v_hash, 'hex');
  -- at the head: an entry that no link holds was slipped in, or its link taken away
  if problem is null and checked < v_max and exists (
    select from octroi_private.audit_log as l
    where not exists (select from octroi_private.audit_link as k where k.audit_id = l.id)
  ) then
    broken_at := last_position + 1;
    problem := 'unlinked_entry';
  end if;
  return next;
end
$$;

ALTER FUNCTION octroi_private.verify_audit(p_after bigint, p_max integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.verify_audit(p_after bigint, p_max integer) IS 'Checks the links after a position: how many hold, the last of them, and the first break, if any: missing_link, missing_entry, changed or unlinked_entry. Fewer than asked for: the head is reached.';

CREATE TABLE octroi_private.plan_version (
    id bigint NOT NULL,
    plan_code text NOT NULL,
    version integer NOT NULL,
    allowed_models text[],
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    currency octroi_private.currency_code,
    trial_days smallint DEFAULT 0 NOT NULL,
    seats integer,
    features text[] DEFAULT '{}'::text[] NOT NULL,
    content jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT plan_version_allowed_models_check CHECK (((cardinality(allowed_models) >= 1) AND (cardinality(allowed_models) <= 500))),
    CONSTRAINT plan_version_content_check CHECK ((jsonb_typeof(content) = 'object'::text)),
    CONSTRAINT plan_version_features_check CHECK ((cardinality(features) <= 50)),
    CONSTRAINT plan_version_seats_check CHECK (((seats >= 1) AND (seats <= 100000))),
    CONSTRAINT plan_version_trial_days_check CHECK (((trial_days >= 0) AND (trial_days <= 730))),
    CONSTRAINT plan_version_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY octroi_private.plan_version FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_version OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_version IS 'Immutable content of a plan; subscribers keep the version they have.';

CREATE FUNCTION octroi_private.version_on_sale(p_plan text, p_billing_interval text) RETURNS octroi_private.plan_version
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_version octroi_private.plan_version;
begin
  select v.* into v_version
  from octroi_private.plan as p
  join octroi_private.plan_version as v on v.plan_code = p.code
  where p.code = p_plan and p.retired_at is null
  order by v.version desc
  limit 1;
  if not exists (
    select from octroi_private.plan_price as x
    where x.plan_version_id = v_version.id and x.billing_interval = p_billing_interval
  ) then
    raise exception 'plan % is not sold by the %', left(p_plan, 50), left(p_billing_interval, 50)
      using errcode = 'OC033', hint = 'The view octroi.plans lists what is.';
  end if;
  return v_version;
end
$$;

ALTER FUNCTION octroi_private.version_on_sale(p_plan text, p_billing_interval text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.void_all_entitlements() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from octroi_private.entitlement;
  return null;
end
$$;

ALTER FUNCTION octroi_private.void_all_entitlements() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.void_entitlements() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_row jsonb := to_jsonb(coalesce(new, old));
  v_account_id uuid := coalesce(v_row ->> 'account_id', v_row ->> 'id')::uuid;
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  delete from octroi_private.entitlement as e where e.account_id = v_account_id;
  return null;
end
$$;

ALTER FUNCTION octroi_private.void_entitlements() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.void_entitlements_of_banned() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_accounts uuid [] := array(
    select m.account_id from octroi_private.member as m where m.user_id = new.user_id order by m.account_id
  );
begin
  perform from octroi_private.account as a where a.id = any(v_accounts) order by a.id for no key update;
  delete from octroi_private.entitlement as e where e.account_id = any(v_accounts) and e.user_id = new.user_id;
  return null;
end
$$;

ALTER FUNCTION octroi_private.void_entitlements_of_banned() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.void_entitlements_of_customer() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_account_id uuid := octroi_private.account_of_customer(new.customer_id);
begin
  perform from octroi_private.account as a where a.id = v_account_id for no key update;
  delete from octroi_private.entitlement as e where e.account_id = v_account_id;
  return null;
end
$$;

ALTER FUNCTION octroi_private.void_entitlements_of_customer() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.waived_after() RETURNS interval
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select interval '7 days'
$$;

ALTER FUNCTION octroi_private.waived_after() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.watch_billing(p_max_rows integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with stuck as (
    (
      select 'close_cycle' as kind, jsonb_build_object('invoice_id', c.invoice_id) as args
      from octroi_private.billing_cycle as c
      cross join octroi_private.billing_setting as s
      where c.state not in ('closed', 'disputed')
        and c.changed_at <= octroi_private.now() - make_interval(secs => s.draft_watch_seconds)
      order by c.changed_at
      limit p_max_rows
    )
    union all
    (
      select 'send_meter_report', jsonb_build_object('report_id', r.id)
      from octroi_private.meter_report as r
      where r.state in ('pending', 'sending', 'unknown') and r.changed_at <= octroi_private.now() - interval '1 hour'
      order by r.changed_at
      limit p_max_rows
    )
  ),
  queued as (
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    select s.kind, s.args, octroi_private.now(), 100
    from stuck as s
    where not exists (
      select from octroi_private.job as j where j.kind = s.kind and j.args = s.args and j.state = 'queued'
    ) and not exists (
      select from octroi_private.job as j where j.kind = s.kind and j.args = s.args and j.state = 'running'
    )
    returning 1
  )
  select count(*) from queued
$$;

ALTER FUNCTION octroi_private.watch_billing(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.watch_erasures(p_max_rows integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with stuck as (
    select w.kind, w.args
    from (
      select
        case s.kind when 'usage' then 'remove_usage' else 'erase_at_stripe' end as kind,
        case s.kind
          when 'usage' then jsonb_build_object('receipt_id', s.receipt_id) else jsonb_build_object('step_id', s.id)
        end as args
      from octroi_private.erasure_step as s
      where s.finished_at is null and s.created_at <= octroi_private.now() - interval '1 hour'
      order by s.id
      limit p_max_rows
    ) as w
    where not exists (
      select from octroi_private.job as j
      where j.kind = w.kind and j.args = w.args and j.state in ('queued', 'running')
    )
  ),
  queued as (
    insert into octroi_private.job (kind, args, run_at, max_attempts)
    select s.kind, s.args, octroi_private.now(), 1000 from stuck as s
    returning 1
  )
  select count(*) from queued
$$;

ALTER FUNCTION octroi_private.watch_erasures(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.whole_minute(p_at timestamp with time zone, p_up boolean) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select to_timestamp(
    case when p_up then ceil(extract(epoch from p_at) / 60) else floor(extract(epoch from p_at) / 60) end * 60
  )
$$;

ALTER FUNCTION octroi_private.whole_minute(p_at timestamp with time zone, p_up boolean) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.why_refused(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_account octroi_private.account;
  v_key octroi_private.api_key;
  v_plan octroi_private.plan_version;
begin
  select a.* into v_account from octroi_private.account as a where a.id = p_account_id;
  if not exists (
    select from octroi_private.member as m where m.account_id = p_account_id and m.user_id = p_user_id
  ) then
    return 'not_a_member';
  end if;
  if v_account.status <> 'active' or octroi_private.is_banned(p_user_id) then
    return 'account_suspended';
  end if;
  if p_api_key_id is not null then
    select k.* into v_key
    from octroi_private.api_key as k
    where k.id = p_api_key_id and k.account_id = p_account_id and k.user_id = p_user_id;
    if v_key.id is null or v_key.revoked_at is not null then
      return 'key_revoked';
    elsif v_key.expires_at <= v_now then
      return 'key_expired';
    end if;
  end if;
  select v.* into v_plan
  from octroi_private.subscription as s
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where s.account_id = p_account_id and s.ended_at is null;
  if v_plan.id is null then
    return 'no_plan';
  end if;
  if not exists (
    select from octroi_private.model_price as p
    where p.model = p_model and p.valid operator(pg_catalog.@>) v_now
  ) then
    return 'model_not_priced';
  end if;
  if p_model <> all(v_plan.allowed_models) or p_model <> all(v_key.allowed_models) then
    return 'model_not_allowed';
  end if;
  return null;
end
$$;

ALTER FUNCTION octroi_private.why_refused(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.worker_ready() RETURNS TABLE(synchronous_commit text, migration text, server_minor text, operator_key_problem text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- the newest file
  select current_setting('synchronous_commit'), '20261122001710', current_setting('server_version'),
    octroi_native.operator_key_problem()
$$;

ALTER FUNCTION octroi_private.worker_ready() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.worker_ready() IS 'What a worker checks before it starts: durable commits, the migration it was written for, the server''s version, why personal data cannot be sealed.';

CREATE TABLE octroi_private.alert (
    id bigint NOT NULL,
    account_id uuid NOT NULL,
    balance_id bigint NOT NULL,
    scope octroi_private.scope_name NOT NULL,
    subject text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    threshold smallint NOT NULL,
    used octroi_private.quantity NOT NULL,
    granted octroi_private.quantity NOT NULL,
    period_start timestamp with time zone NOT NULL,
    resets_at timestamp with time zone NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    cleared_at timestamp with time zone,
    CONSTRAINT alert_threshold_check CHECK ((threshold = ANY (ARRAY[80, 90, 100])))
);

ALTER TABLE ONLY octroi_private.alert FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.alert OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.alert IS 'Thresholds that were reached. One of each for a balance, until it is cleared.';

CREATE VIEW octroi.alerts WITH (security_invoker='true') AS
 SELECT a.account_id,
    a.scope,
    a.subject,
    a.meter,
    a.threshold,
    a.used,
    a.granted,
    a.period_start,
    a.resets_at,
    a.raised_at,
    a.cleared_at
   FROM octroi_private.alert a;

ALTER TABLE octroi.alerts OWNER TO octroi_owner;

COMMENT ON VIEW octroi.alerts IS 'Thresholds that were reached: the reader''s own, and those of the accounts they administer.';

CREATE TABLE octroi_private.api_key (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    key_prefix text NOT NULL,
    key_hash bytea NOT NULL,
    allowed_models text[],
    allowed_endpoints text[],
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_key_allowed_endpoints_check CHECK (((cardinality(allowed_endpoints) > 0) AND (allowed_endpoints <@ ARRAY['chat.completions'::text, 'responses'::text, 'embeddings'::text]))),
    CONSTRAINT api_key_allowed_models_check CHECK (((cardinality(allowed_models) >= 1) AND (cardinality(allowed_models) <= 100))),
    CONSTRAINT api_key_check CHECK ((expires_at > created_at)),
    CONSTRAINT api_key_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT api_key_key_prefix_check CHECK (((length(key_prefix) >= 8) AND (length(key_prefix) <= 16))),
    CONSTRAINT api_key_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);

ALTER TABLE ONLY octroi_private.api_key FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.api_key IS 'A bearer secret of one member of one account. Only its SHA-256 is stored.';

CREATE TABLE octroi_private.api_key_previous (
    key_hash bytea NOT NULL,
    api_key_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT api_key_previous_key_hash_check CHECK ((octet_length(key_hash) = 32))
);

ALTER TABLE ONLY octroi_private.api_key_previous FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key_previous OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.api_key_previous IS 'Secrets that a rotation has replaced, and until when each still works.';

CREATE TABLE octroi_private.api_key_use (
    api_key_id uuid NOT NULL,
    last_used_on date NOT NULL
);

ALTER TABLE ONLY octroi_private.api_key_use FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key_use OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.api_key_use IS 'The last day, UTC, on which a key was taken. Apart from api_key, whose every change voids entitlements and is audited.';

CREATE VIEW octroi.api_keys WITH (security_invoker='true') AS
 SELECT k.id,
    k.account_id,
    k.user_id,
    k.name,
    k.key_prefix,
    k.allowed_models,
    k.allowed_endpoints,
    k.created_at,
    k.expires_at,
    k.revoked_at,
    u.last_used_on,
    ( SELECT max(p.expires_at) AS max
           FROM octroi_private.api_key_previous p
          WHERE (p.api_key_id = k.id)) AS previous_expires_at
   FROM (octroi_private.api_key k
     LEFT JOIN octroi_private.api_key_use u ON ((u.api_key_id = k.id)));

ALTER TABLE octroi.api_keys OWNER TO octroi_owner;

COMMENT ON VIEW octroi.api_keys IS 'Keys of the reader, and of the accounts they administer; never a secret or its hash.';

CREATE VIEW octroi.billing_requests WITH (security_invoker='true') AS
 SELECT r.id,
    r.account_id,
    r.kind,
    r.state,
    octroi_private.my_billing_url(r.id) AS url,
    r.error,
    r.message,
    r.created_at,
    r.finished_at
   FROM octroi_private.billing_request r;

ALTER TABLE octroi.billing_requests OWNER TO octroi_owner;

COMMENT ON VIEW octroi.billing_requests IS 'What was asked of Stripe for the accounts the reader administers, and what became of it.';

CREATE VIEW octroi.invoices WITH (security_invoker='true') AS
 SELECT i.account_id,
    i.id,
    i.status,
    i.total_minor,
    i.amount_paid_minor,
    i.currency,
    i.created_at,
    i.period_start,
    i.period_end,
    i.paid_at
   FROM octroi_private.my_invoices() i(account_id, id, status, total_minor, amount_paid_minor, currency, created_at, period_start, period_end, paid_at);

ALTER TABLE octroi.invoices OWNER TO octroi_owner;

COMMENT ON VIEW octroi.invoices IS 'Invoices of the accounts the reader administers, as Stripe has them.';

CREATE VIEW octroi.plans WITH (security_invoker='true') AS
 SELECT p.plan,
    p.name,
    p.version,
    p.rank,
    p.currency,
    p.month_price_minor,
    p.year_price_minor,
    p.trial_days,
    p.seats,
    p.features,
    p.models,
    p.limits,
    p.overage,
    p.top_ups
   FROM octroi_private.plans_on_sale() p(plan, name, version, rank, currency, month_price_minor, year_price_minor, trial_days, seats, features, models, limits, overage, top_ups);

ALTER TABLE octroi.plans OWNER TO octroi_owner;

COMMENT ON VIEW octroi.plans IS 'Plans on sale. Prices are in the currency''s minor unit; models null means every priced one.';

CREATE VIEW octroi.quota WITH (security_invoker='true') AS
 SELECT q.scope,
    q.subject,
    q.meter,
    q.period,
    q.granted,
    q.used,
    q.reserved,
    q.remaining,
    q.period_start,
    q.resets_at,
    q.plan
   FROM octroi.my_quota() q(scope, subject, meter, period, granted, used, reserved, remaining, period_start, resets_at, plan);

ALTER TABLE octroi.quota OWNER TO octroi_owner;

COMMENT ON VIEW octroi.quota IS 'my_quota() as a view.';

CREATE VIEW octroi.top_up_packs WITH (security_invoker='true') AS
 SELECT k.pack,
    k.name,
    k.meter,
    k.amount,
    k.price_minor,
    k.currency,
    k.expires_after_days,
    k.plans
   FROM octroi_private.packs_on_sale() k(pack, name, meter, amount, price_minor, currency, expires_after_days, plans);

ALTER TABLE octroi.top_up_packs OWNER TO octroi_owner;

COMMENT ON VIEW octroi.top_up_packs IS 'Extra quota on sale, and to subscribers of which plans.';

CREATE VIEW octroi.top_ups WITH (security_invoker='true') AS
 SELECT t.account_id,
    t.pack,
    t.meter,
    t.amount,
    t.drawn,
    t.revoked,
    t.remaining,
    t.paid_minor,
    t.currency,
    t.bought_at,
    t.expires_at
   FROM octroi_private.my_top_ups() t(account_id, pack, meter, amount, drawn, revoked, remaining, paid_minor, currency, bought_at, expires_at);

ALTER TABLE octroi.top_ups OWNER TO octroi_owner;

COMMENT ON VIEW octroi.top_ups IS 'Packs that the accounts the reader administers have bought, and what is left of them.';

CREATE VIEW octroi.usage WITH (security_invoker='true') AS
 SELECT e.id,
    e.account_id,
    e.user_id,
    e.api_key_id,
    e.endpoint,
    e.model,
    e.response_model,
    e.source,
    e.input_tokens,
    e.cached_input_tokens,
    e.cache_write_tokens,
    e.audio_input_tokens,
    e.output_tokens,
    e.reasoning_tokens,
    e.audio_output_tokens,
    e.total_tokens,
    e.cost_nano_usd,
    e.overrun_tokens,
    e.latency_ms,
    e.first_token_ms,
    e.occurred_at
   FROM octroi_private.usage_event e;

ALTER TABLE octroi.usage OWNER TO octroi_owner;

COMMENT ON VIEW octroi.usage IS 'Settled calls: the reader''s own, and all of the accounts they administer. cost_nano_usd is in billionths of a US dollar.';

CREATE TABLE octroi_private.usage_daily (
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    requests octroi_private.quantity NOT NULL,
    input_tokens octroi_private.quantity NOT NULL,
    cached_input_tokens octroi_private.quantity NOT NULL,
    output_tokens octroi_private.quantity NOT NULL,
    reasoning_tokens octroi_private.quantity NOT NULL,
    total_tokens octroi_private.quantity NOT NULL,
    cost_nano_usd octroi_private.quantity NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE ONLY octroi_private.usage_daily FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_daily OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.usage_daily IS 'usage_event by account, member, UTC day and model; written in the same statement.';

CREATE VIEW octroi.usage_daily WITH (security_invoker='true') AS
 SELECT d.account_id,
    d.user_id,
    d.day,
    d.model,
    d.requests,
    d.input_tokens,
    d.cached_input_tokens,
    d.output_tokens,
    d.reasoning_tokens,
    d.total_tokens,
    d.cost_nano_usd
   FROM octroi_private.usage_daily d;

ALTER TABLE octroi.usage_daily OWNER TO octroi_owner;

COMMENT ON VIEW octroi.usage_daily IS 'usage by member, UTC day and model.';

CREATE TABLE octroi_private.account (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    kind text NOT NULL,
    owner_user_id uuid,
    name text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT account_closed_or_owned CHECK (((status = 'closed'::text) = (closed_at IS NOT NULL))),
    CONSTRAINT account_kind_check CHECK ((kind = ANY (ARRAY['personal'::text, 'team'::text]))),
    CONSTRAINT account_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT account_open_has_owner CHECK (((status = 'closed'::text) OR (owner_user_id IS NOT NULL))),
    CONSTRAINT account_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'closed'::text])))
);

ALTER TABLE ONLY octroi_private.account FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.account OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.account IS 'The billing unit: one person, or a team.';

CREATE VIEW octroi_private.admin_account AS
 SELECT t.id,
    t.kind,
    t.owner_user_id,
    t.status,
    t.created_at,
    t.closed_at
   FROM (octroi_private.account t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('account'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_account OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_account IS 'account for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_alert AS
 SELECT t.id,
    t.account_id,
    t.balance_id,
    t.scope,
    t.subject,
    t.meter,
    t.threshold,
    t.used,
    t.granted,
    t.period_start,
    t.resets_at,
    t.raised_at,
    t.cleared_at
   FROM (octroi_private.alert t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('alert'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_alert OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_alert IS 'alert for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_api_key AS
 SELECT t.id,
    t.account_id,
    t.user_id,
    t.key_prefix,
    t.allowed_models,
    t.allowed_endpoints,
    t.created_at,
    t.expires_at,
    t.revoked_at
   FROM (octroi_private.api_key t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('api_key'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_api_key OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_api_key IS 'api_key for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_api_key_previous AS
 SELECT t.api_key_id,
    t.expires_at
   FROM (octroi_private.api_key_previous t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('api_key_previous'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_api_key_previous OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_api_key_previous IS 'api_key_previous for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_api_key_use AS
 SELECT t.api_key_id,
    t.last_used_on
   FROM (octroi_private.api_key_use t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('api_key_use'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_api_key_use OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_api_key_use IS 'api_key_use for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_audit_log AS
 SELECT t.id,
    t.occurred_at,
    t.actor,
    t.actor_role,
    t.login,
    t.action,
    t.account_id,
    t.person,
    t.subject,
    t.detail,
    t.reason
   FROM (octroi_private.audit_log t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('audit_log'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_audit_log OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_audit_log IS 'audit_log for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.auto_top_up (
    account_id uuid NOT NULL,
    pack_code text NOT NULL,
    below octroi_private.quantity NOT NULL,
    monthly_cap_minor bigint NOT NULL,
    user_id uuid NOT NULL,
    changed_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    told_of_cap_at timestamp with time zone,
    CONSTRAINT auto_top_up_below_check CHECK (((below)::bigint >= 1)),
    CONSTRAINT auto_top_up_monthly_cap_minor_check CHECK (((monthly_cap_minor >= 1) AND (monthly_cap_minor <= 99999999)))
);

ALTER TABLE ONLY octroi_private.auto_top_up FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.auto_top_up OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.auto_top_up IS 'Accounts that buy a pack by themselves when little is left. A failed payment removes the row.';

CREATE VIEW octroi_private.admin_auto_top_up AS
 SELECT t.account_id,
    t.pack_code,
    t.below,
    t.monthly_cap_minor,
    t.user_id,
    t.changed_at,
    t.told_of_cap_at
   FROM (octroi_private.auto_top_up t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('auto_top_up'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_auto_top_up OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_auto_top_up IS 'auto_top_up for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_balance AS
 SELECT t.id,
    t.account_id,
    t.scope,
    t.subject,
    t.meter,
    t.period,
    t.period_start,
    t.resets_at,
    t.included,
    t.allowed,
    t.granted,
    t.overage,
    t.carried,
    t.used,
    t.reserved,
    t.is_bound,
    t.from_grants,
    t.from_overage,
    t.alert_at,
    t.set_off
   FROM (octroi_private.balance t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('balance'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_balance OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_balance IS 'balance for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.ban (
    user_id uuid NOT NULL,
    banned_until timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.ban FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.ban OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.ban IS 'Users whom Auth has banned, and until when; kept in step with auth.users by trigger. A ban is of the user, on every account, and of nobody else on it.';

CREATE VIEW octroi_private.admin_ban AS
 SELECT t.user_id,
    t.banned_until
   FROM (octroi_private.ban t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('ban'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_ban OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_ban IS 'ban for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.billing_cycle (
    invoice_id octroi_private.stripe_id NOT NULL,
    account_id uuid NOT NULL,
    customer_id text NOT NULL,
    subscription_id text,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    state text DEFAULT 'opened'::text NOT NULL,
    short_since timestamp with time zone,
    detail text,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT billing_cycle_check CHECK ((period_end >= period_start)),
    CONSTRAINT billing_cycle_detail_check CHECK ((length(detail) <= 500)),
    CONSTRAINT billing_cycle_state_check CHECK ((state = ANY (ARRAY['opened'::text, 'held'::text, 'flushed'::text, 'compared'::text, 'finalised'::text, 'closed'::text, 'disputed'::text])))
);

ALTER TABLE ONLY octroi_private.billing_cycle FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.billing_cycle OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.billing_cycle IS 'An invoice for metered usage, from draft to finalised.';

CREATE VIEW octroi_private.admin_billing_cycle AS
 SELECT t.invoice_id,
    t.account_id,
    t.customer_id,
    t.subscription_id,
    t.period_start,
    t.period_end,
    t.state,
    t.short_since,
    t.detail,
    t.opened_at,
    t.changed_at
   FROM (octroi_private.billing_cycle t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('billing_cycle'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_billing_cycle OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_billing_cycle IS 'billing_cycle for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_billing_request AS
 SELECT t.id,
    t.account_id,
    t.user_id,
    t.kind,
    t.state,
    t.object_id,
    t.error,
    t.message,
    t.created_at,
    t.finished_at
   FROM (octroi_private.billing_request t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('billing_request'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_billing_request OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_billing_request IS 'billing_request for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.breach_notice (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    breach_id bigint NOT NULL,
    user_id uuid,
    mail_id uuid,
    outcome text NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT breach_notice_ended_or_queued CHECK (((outcome = 'queued'::text) = (ended_at IS NULL))),
    CONSTRAINT breach_notice_outcome_check CHECK ((outcome = ANY (ARRAY['queued'::text, 'no_address'::text, 'sent'::text, 'refused'::text, 'unknown'::text, 'cancelled'::text])))
);

ALTER TABLE ONLY octroi_private.breach_notice FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.breach_notice OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.breach_notice IS 'The proof of Art. 34: who was told of which breach, and what became of the mail.';

CREATE VIEW octroi_private.admin_breach_notice AS
 SELECT t.id,
    t.breach_id,
    t.user_id,
    t.mail_id,
    t.outcome,
    t.queued_at,
    t.ended_at
   FROM (octroi_private.breach_notice t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('breach_notice'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_breach_notice OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_breach_notice IS 'breach_notice for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.budget (
    account_id uuid NOT NULL,
    scope octroi_private.scope_name NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    period octroi_private.period_name NOT NULL,
    amount octroi_private.quantity NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT budget_subject_unless_account CHECK ((((scope)::text = 'account'::text) = (subject = ''::text)))
);

ALTER TABLE ONLY octroi_private.budget FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.budget OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.budget IS 'A limit that an account sets for itself: a key, a member, a model, or all of it. Where a plan limits the same thing, the smaller holds.';

CREATE VIEW octroi_private.admin_budget AS
 SELECT t.account_id,
    t.scope,
    t.subject,
    t.meter,
    t.period,
    t.amount,
    t.created_at
   FROM (octroi_private.budget t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('budget'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_budget OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_budget IS 'budget for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_consent AS
 SELECT t.id,
    t.user_id,
    t.purpose,
    t.is_given,
    t.policy_version,
    t.text_hash,
    t.method,
    t.decided_at
   FROM (octroi_private.consent t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('consent'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_consent OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_consent IS 'consent for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.entitlement (
    account_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    user_id uuid NOT NULL,
    model text NOT NULL,
    price_id bigint NOT NULL,
    plan_code text NOT NULL,
    balance_ids bigint[] NOT NULL,
    valid_until timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.entitlement FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.entitlement OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.entitlement IS 'Resolved right of a caller to use a model: its price and every balance that bounds it. A cache with triggers; rebuilt on demand.';

CREATE VIEW octroi_private.admin_entitlement AS
 SELECT t.account_id,
    t.api_key_id,
    t.user_id,
    t.model,
    t.price_id,
    t.plan_code,
    t.balance_ids,
    t.valid_until
   FROM (octroi_private.entitlement t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('entitlement'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_entitlement OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_entitlement IS 'entitlement for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.mail (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    user_id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    dedupe_key text NOT NULL,
    data jsonb NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    detail text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT mail_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT mail_data_check CHECK ((jsonb_typeof(data) = 'object'::text)),
    CONSTRAINT mail_dedupe_key_check CHECK ((length(dedupe_key) <= 300)),
    CONSTRAINT mail_detail_check CHECK ((length(detail) <= 500)),
    CONSTRAINT mail_finished_or_not CHECK (((state = ANY (ARRAY['queued'::text, 'sending'::text])) = (finished_at IS NULL))),
    CONSTRAINT mail_kind_check CHECK ((kind = ANY (ARRAY['threshold'::text, 'payment_failed'::text, 'subscription_ended'::text, 'top_up_received'::text, 'auto_top_up_failed'::text, 'new_owner'::text, 'news'::text, 'breach'::text]))),
    CONSTRAINT mail_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sending'::text, 'sent'::text, 'refused'::text, 'unknown'::text, 'cancelled'::text])))
);

ALTER TABLE ONLY octroi_private.mail FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.mail OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.mail IS 'Mail to users: queued, sending, then sent, refused, unknown or cancelled.';

CREATE VIEW octroi_private.admin_mail AS
 SELECT t.id,
    t.user_id,
    t.account_id,
    t.kind,
    t.dedupe_key,
    t.data,
    t.state,
    t.attempt,
    t.detail,
    t.created_at,
    t.expires_at,
    t.finished_at
   FROM (octroi_private.mail t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('mail'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_mail OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_mail IS 'mail for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.member (
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT member_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text])))
);

ALTER TABLE ONLY octroi_private.member FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.member OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.member IS 'Who may act for an account. Owner and admin see all of its usage, a member their own.';

CREATE VIEW octroi_private.admin_member AS
 SELECT t.account_id,
    t.user_id,
    t.role,
    t.created_at
   FROM (octroi_private.member t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('member'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_member OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_member IS 'member for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.meter_report (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    customer_id text NOT NULL,
    event_name text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    balance_id bigint NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    value octroi_private.quantity NOT NULL,
    usage_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    first_sent_at timestamp with time zone,
    generation smallint DEFAULT 0 NOT NULL,
    detail text,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT meter_report_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT meter_report_dated_in_its_window CHECK (((usage_at >= window_start) AND (usage_at < window_end))),
    CONSTRAINT meter_report_detail_check CHECK ((length(detail) <= 500)),
    CONSTRAINT meter_report_generation_check CHECK (((generation >= 0) AND (generation <= 10))),
    CONSTRAINT meter_report_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'accepted'::text, 'unknown'::text, 'rejected'::text, 'disputed'::text, 'replaced'::text, 'written_off'::text]))),
    CONSTRAINT meter_report_value_check CHECK (((value)::bigint > 0))
);

ALTER TABLE ONLY octroi_private.meter_report FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.meter_report OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.meter_report IS 'What was told, or is to be told, to a Stripe meter. The calls behind it are the rows of overage_use with its id.';

CREATE VIEW octroi_private.admin_meter_report AS
 SELECT t.id,
    t.account_id,
    t.customer_id,
    t.event_name,
    t.meter,
    t.balance_id,
    t.window_start,
    t.window_end,
    t.value,
    t.usage_at,
    t.state,
    t.attempts,
    t.first_sent_at,
    t.generation,
    t.detail,
    t.created_at,
    t.changed_at
   FROM (octroi_private.meter_report t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('meter_report'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_meter_report OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_meter_report IS 'meter_report for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.notification_setting (
    user_id uuid NOT NULL,
    usage_alerts boolean DEFAULT true NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    time_zone text,
    unsubscribe_token uuid DEFAULT gen_random_uuid() NOT NULL,
    news_token uuid DEFAULT gen_random_uuid() NOT NULL,
    changed_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT notification_setting_locale_check CHECK ((locale = ANY (ARRAY['en'::text, 'fr'::text]))),
    CONSTRAINT notification_setting_time_zone_check CHECK ((length(time_zone) <= 100))
);

ALTER TABLE ONLY octroi_private.notification_setting FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.notification_setting OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.notification_setting IS 'What mail a user wants, and in which language.';

CREATE VIEW octroi_private.admin_notification_setting AS
 SELECT t.user_id,
    t.usage_alerts,
    t.locale,
    t.time_zone,
    t.changed_at
   FROM (octroi_private.notification_setting t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('notification_setting'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_notification_setting OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_notification_setting IS 'notification_setting for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.overage_setting (
    account_id uuid NOT NULL,
    is_on boolean NOT NULL,
    spend_cap_minor bigint,
    changed_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT overage_setting_spend_cap_minor_check CHECK (((spend_cap_minor >= 0) AND (spend_cap_minor <= 99999999)))
);

ALTER TABLE ONLY octroi_private.overage_setting FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.overage_setting OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.overage_setting IS 'Whether an account lets overage happen, and for how much money a month at most.';

CREATE VIEW octroi_private.admin_overage_setting AS
 SELECT t.account_id,
    t.is_on,
    t.spend_cap_minor,
    t.changed_at
   FROM (octroi_private.overage_setting t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('overage_setting'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_overage_setting OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_overage_setting IS 'overage_setting for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.overage_use (
    balance_id bigint NOT NULL,
    request_id uuid NOT NULL,
    account_id uuid NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    event_name text NOT NULL,
    amount octroi_private.quantity NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    report_id uuid,
    CONSTRAINT overage_use_amount_check CHECK (((amount)::bigint > 0))
);

ALTER TABLE ONLY octroi_private.overage_use FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.overage_use OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.overage_use IS 'Usage that is charged beyond plan and grants, call by call. balance.from_overage is the sum.';

CREATE VIEW octroi_private.admin_overage_use AS
 SELECT t.balance_id,
    t.request_id,
    t.account_id,
    t.meter,
    t.event_name,
    t.amount,
    t.occurred_at,
    t.report_id
   FROM (octroi_private.overage_use t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('overage_use'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_overage_use OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_overage_use IS 'overage_use for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.privacy_request (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    user_id uuid,
    kind text NOT NULL,
    regime text DEFAULT 'gdpr'::text NOT NULL,
    channel text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    confirm_by timestamp with time zone,
    confirmed_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    extended_at timestamp with time zone,
    extension_reason text,
    state text DEFAULT 'open'::text NOT NULL,
    closed_at timestamp with time zone,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT privacy_request_channel_check CHECK ((channel = ANY (ARRAY['rpc'::text, 'operator'::text]))),
    CONSTRAINT privacy_request_check CHECK ((due_at > received_at)),
    CONSTRAINT privacy_request_closed_or_open CHECK (((state = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT privacy_request_evidence_check CHECK ((jsonb_typeof(evidence) = 'object'::text)),
    CONSTRAINT privacy_request_extended_for_a_reason CHECK (((extended_at IS NULL) = (extension_reason IS NULL))),
    CONSTRAINT privacy_request_extension_reason_check CHECK (((length(extension_reason) >= 1) AND (length(extension_reason) <= 500))),
    CONSTRAINT privacy_request_kind_check CHECK ((kind = ANY (ARRAY['access'::text, 'rectification'::text, 'erasure'::text, 'restriction'::text, 'objection'::text, 'opt_out'::text]))),
    CONSTRAINT privacy_request_refused_for_a_reason CHECK (((state <> 'refused'::text) OR (evidence ? 'reason'::text))),
    CONSTRAINT privacy_request_regime_check CHECK ((regime = ANY (ARRAY['gdpr'::text, 'ccpa'::text]))),
    CONSTRAINT privacy_request_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'refused'::text, 'withdrawn'::text])))
);

ALTER TABLE ONLY octroi_private.privacy_request FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.privacy_request OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.privacy_request IS 'Each use of a right: when it came, when it is due, what became of it.';

CREATE VIEW octroi_private.admin_privacy_request AS
 SELECT t.id,
    t.user_id,
    t.kind,
    t.regime,
    t.channel,
    t.received_at,
    t.confirm_by,
    t.confirmed_at,
    t.due_at,
    t.extended_at,
    t.extension_reason,
    t.state,
    t.closed_at,
    t.evidence
   FROM (octroi_private.privacy_request t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('privacy_request'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_privacy_request OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_privacy_request IS 'privacy_request for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.quota_draw (
    grant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    balance_id bigint NOT NULL,
    amount octroi_private.quantity NOT NULL,
    drawn_at timestamp with time zone NOT NULL,
    CONSTRAINT quota_draw_amount_check CHECK (((amount)::bigint > 0))
);

ALTER TABLE ONLY octroi_private.quota_draw FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_draw OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.quota_draw IS 'What a call took from a grant. quota_grant.drawn is the sum.';

CREATE VIEW octroi_private.admin_quota_draw AS
 SELECT t.grant_id,
    t.request_id,
    t.balance_id,
    t.amount,
    t.drawn_at
   FROM (octroi_private.quota_draw t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('quota_draw'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_quota_draw OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_quota_draw IS 'quota_draw for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.quota_grant (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    kind text NOT NULL,
    amount octroi_private.quantity NOT NULL,
    drawn octroi_private.quantity DEFAULT 0 NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    revoked octroi_private.quantity DEFAULT 0 NOT NULL,
    source text,
    CONSTRAINT quota_grant_amount_check CHECK (((amount)::bigint > 0)),
    CONSTRAINT quota_grant_check CHECK ((expires_at > starts_at)),
    CONSTRAINT quota_grant_kind_check CHECK ((kind = ANY (ARRAY['rollover'::text, 'promo'::text, 'top_up'::text]))),
    CONSTRAINT quota_grant_never_overdrawn CHECK (((drawn)::bigint <= (amount)::bigint)),
    CONSTRAINT quota_grant_never_overrevoked CHECK (((revoked)::bigint <= (amount)::bigint)),
    CONSTRAINT quota_grant_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
    CONSTRAINT quota_grant_source_check CHECK (((length(source) >= 1) AND (length(source) <= 600)))
);

ALTER TABLE ONLY octroi_private.quota_grant FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_grant OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.quota_grant IS 'Quota on top of the plan''s monthly amount. Drawn after it: rollover, then promo, then top_up; by priority, expiry and age.';

CREATE VIEW octroi_private.admin_quota_grant AS
 SELECT t.id,
    t.account_id,
    t.meter,
    t.kind,
    t.amount,
    t.drawn,
    t.priority,
    t.starts_at,
    t.expires_at,
    t.ended_at,
    t.created_at,
    t.revoked,
    t.source
   FROM (octroi_private.quota_grant t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('quota_grant'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_quota_grant OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_quota_grant IS 'quota_grant for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_request AS
 SELECT t.id,
    t.account_id,
    t.api_key_id,
    t.user_id,
    t.model,
    t.endpoint,
    t.state,
    t.price_id,
    t.balance_ids,
    t.hold_amounts,
    t.input_tokens,
    t.output_tokens,
    t.choices,
    t.hold_requests,
    t.hold_tokens,
    t.hold_cost_nano_usd,
    t.started_at,
    t.expires_at,
    t.finished_at,
    t.is_late,
    t.release_reason
   FROM (octroi_private.request t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('request'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_request OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_request IS 'request for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.revocation (
    id bigint NOT NULL,
    grant_id uuid NOT NULL,
    change bigint NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    CONSTRAINT revocation_change_check CHECK ((change <> 0))
);

ALTER TABLE ONLY octroi_private.revocation FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.revocation OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.revocation IS 'Each time that a grant was taken back, or given again. quota_grant.revoked is the sum of change.';

CREATE VIEW octroi_private.admin_revocation AS
 SELECT t.id,
    t.grant_id,
    t.change,
    t.happened_at
   FROM (octroi_private.revocation t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('revocation'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_revocation OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_revocation IS 'revocation for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.second_factor (
    factor_id uuid NOT NULL,
    user_id uuid NOT NULL,
    verified_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.second_factor FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.second_factor OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.second_factor IS 'Verified factors of auth.mfa_factors, kept in step by trigger.';

CREATE VIEW octroi_private.admin_second_factor AS
 SELECT t.factor_id,
    t.user_id,
    t.verified_at
   FROM (octroi_private.second_factor t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('second_factor'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_second_factor OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_second_factor IS 'second_factor for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_charge (
    id octroi_private.stripe_id NOT NULL,
    customer_id text,
    payment_intent_id text,
    amount_minor bigint NOT NULL,
    currency text,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.stripe_charge FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_charge OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_charge IS 'Charges that something was refunded of or that are disputed.';

CREATE VIEW octroi_private.admin_stripe_charge AS
 SELECT t.id,
    t.customer_id,
    t.payment_intent_id,
    t.amount_minor,
    t.currency,
    t.status,
    t.created_at
   FROM (octroi_private.stripe_charge t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_charge'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_charge OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_charge IS 'stripe_charge for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_checkout_line (
    session_id octroi_private.stripe_id NOT NULL,
    id octroi_private.stripe_id NOT NULL,
    price_id text,
    quantity bigint,
    amount_total_minor bigint
);

ALTER TABLE ONLY octroi_private.stripe_checkout_line FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_checkout_line OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_checkout_line IS 'What a checkout session sells.';

CREATE VIEW octroi_private.admin_stripe_checkout_line AS
 SELECT t.session_id,
    t.id,
    t.price_id,
    t.quantity,
    t.amount_total_minor
   FROM (octroi_private.stripe_checkout_line t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_checkout_line'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_checkout_line OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_checkout_line IS 'stripe_checkout_line for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_checkout_session (
    id octroi_private.stripe_id NOT NULL,
    customer_id text,
    mode text NOT NULL,
    status text,
    payment_status text NOT NULL,
    reference text,
    subscription_id text,
    payment_intent_id text,
    amount_total_minor bigint,
    currency text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone
);

ALTER TABLE ONLY octroi_private.stripe_checkout_session FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_checkout_session OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_checkout_session IS 'Checkout sessions of Stripe, as last fetched. Once paid or expired, for ever.';

CREATE VIEW octroi_private.admin_stripe_checkout_session AS
 SELECT t.id,
    t.customer_id,
    t.mode,
    t.status,
    t.payment_status,
    t.reference,
    t.subscription_id,
    t.payment_intent_id,
    t.amount_total_minor,
    t.currency,
    t.created_at,
    t.expires_at
   FROM (octroi_private.stripe_checkout_session t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_checkout_session'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_checkout_session OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_checkout_session IS 'stripe_checkout_session for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_customer (
    id octroi_private.stripe_id NOT NULL,
    account_id uuid,
    currency text,
    is_delinquent boolean DEFAULT false NOT NULL,
    has_payment_method boolean DEFAULT false NOT NULL,
    is_deleted boolean DEFAULT false NOT NULL
);

ALTER TABLE ONLY octroi_private.stripe_customer FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_customer OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_customer IS 'Customers of Stripe; account_id is our own word for whose they are.';

CREATE VIEW octroi_private.admin_stripe_customer AS
 SELECT t.id,
    t.account_id,
    t.currency,
    t.is_delinquent,
    t.has_payment_method,
    t.is_deleted
   FROM (octroi_private.stripe_customer t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_customer'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_customer OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_customer IS 'stripe_customer for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_dispute (
    id octroi_private.stripe_id NOT NULL,
    charge_id text NOT NULL,
    payment_intent_id text,
    amount_minor bigint NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT stripe_dispute_amount_minor_check CHECK ((amount_minor >= 0))
);

ALTER TABLE ONLY octroi_private.stripe_dispute FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_dispute OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_dispute IS 'Disputed charges.';

CREATE VIEW octroi_private.admin_stripe_dispute AS
 SELECT t.id,
    t.charge_id,
    t.payment_intent_id,
    t.amount_minor,
    t.status,
    t.created_at
   FROM (octroi_private.stripe_dispute t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_dispute'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_dispute OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_dispute IS 'stripe_dispute for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_stripe_invoice AS
 SELECT t.id,
    t.customer_id,
    t.subscription_id,
    t.status,
    t.billing_reason,
    t.currency,
    t.total_minor,
    t.amount_due_minor,
    t.amount_paid_minor,
    t.created_at,
    t.period_start,
    t.period_end,
    t.auto_advance,
    t.attempt_count,
    t.next_attempt_at,
    t.finalized_at,
    t.paid_at,
    t.told_attempt
   FROM (octroi_private.stripe_invoice t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_invoice'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_invoice OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_invoice IS 'stripe_invoice for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_invoice_line (
    invoice_id octroi_private.stripe_id NOT NULL,
    id octroi_private.stripe_id NOT NULL,
    price_id text,
    quantity bigint,
    amount_minor bigint NOT NULL,
    is_proration boolean NOT NULL,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.stripe_invoice_line FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_invoice_line OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_invoice_line IS 'What an invoice charges for.';

CREATE VIEW octroi_private.admin_stripe_invoice_line AS
 SELECT t.invoice_id,
    t.id,
    t.price_id,
    t.quantity,
    t.amount_minor,
    t.is_proration,
    t.period_start,
    t.period_end
   FROM (octroi_private.stripe_invoice_line t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_invoice_line'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_invoice_line OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_invoice_line IS 'stripe_invoice_line for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_invoice_payment (
    invoice_id octroi_private.stripe_id NOT NULL,
    payment_intent_id octroi_private.stripe_id NOT NULL
);

ALTER TABLE ONLY octroi_private.stripe_invoice_payment FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_invoice_payment OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_invoice_payment IS 'Which payments paid an invoice; a refund names only the payment.';

CREATE VIEW octroi_private.admin_stripe_invoice_payment AS
 SELECT t.invoice_id,
    t.payment_intent_id
   FROM (octroi_private.stripe_invoice_payment t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_invoice_payment'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_invoice_payment OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_invoice_payment IS 'stripe_invoice_payment for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_refund (
    id octroi_private.stripe_id NOT NULL,
    charge_id text NOT NULL,
    amount_minor bigint NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT stripe_refund_amount_minor_check CHECK ((amount_minor >= 0))
);

ALTER TABLE ONLY octroi_private.stripe_refund FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_refund OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_refund IS 'Refunds of charges.';

CREATE VIEW octroi_private.admin_stripe_refund AS
 SELECT t.id,
    t.charge_id,
    t.amount_minor,
    t.status,
    t.created_at
   FROM (octroi_private.stripe_refund t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_refund'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_refund OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_refund IS 'stripe_refund for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_stripe_subscription AS
 SELECT t.id,
    t.customer_id,
    t.status,
    t.created_at,
    t.anchor_at,
    t.cancel_at_period_end,
    t.cancel_at,
    t.canceled_at,
    t.ended_at,
    t.trial_ends_at,
    t.is_paused,
    t.currency,
    t.latest_invoice_id,
    t.schedule_id,
    t.next_price_id,
    t.next_price_at,
    t.is_closing,
    t.told_ended_at
   FROM (octroi_private.stripe_subscription t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_subscription'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_subscription OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_subscription IS 'stripe_subscription for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.stripe_subscription_item (
    id octroi_private.stripe_id NOT NULL,
    subscription_id text NOT NULL,
    price_id text NOT NULL,
    quantity bigint,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.stripe_subscription_item FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_subscription_item OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_subscription_item IS 'The prices of a subscription, each with its own running period.';

CREATE VIEW octroi_private.admin_stripe_subscription_item AS
 SELECT t.id,
    t.subscription_id,
    t.price_id,
    t.quantity,
    t.period_start,
    t.period_end
   FROM (octroi_private.stripe_subscription_item t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('stripe_subscription_item'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_stripe_subscription_item OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_stripe_subscription_item IS 'stripe_subscription_item for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.subscription (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    plan_version_id bigint NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    stripe_subscription_id text,
    granted_until timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    overage_closed_at timestamp with time zone,
    CONSTRAINT subscription_check CHECK ((ended_at >= started_at)),
    CONSTRAINT subscription_granted_while_paid CHECK (((stripe_subscription_id IS NOT NULL) OR (granted_until = 'infinity'::timestamp with time zone)))
);

ALTER TABLE ONLY octroi_private.subscription FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.subscription OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.subscription IS 'Which plan version an account has, and since when. At most one runs.';

CREATE VIEW octroi_private.admin_subscription AS
 SELECT t.id,
    t.account_id,
    t.plan_version_id,
    t.anchor_at,
    t.started_at,
    t.ended_at,
    t.stripe_subscription_id,
    t.granted_until,
    t.overage_closed_at
   FROM (octroi_private.subscription t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('subscription'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_subscription OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_subscription IS 'subscription for operators, without contact data and content. Each reading is in the audit log.';

CREATE TABLE octroi_private.top_up (
    grant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    pack_id bigint NOT NULL,
    quantity integer NOT NULL,
    paid_minor bigint NOT NULL,
    currency octroi_private.currency_code NOT NULL,
    payment_intent_id text,
    bought_at timestamp with time zone NOT NULL,
    CONSTRAINT top_up_paid_minor_check CHECK ((paid_minor >= 0)),
    CONSTRAINT top_up_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100)))
);

ALTER TABLE ONLY octroi_private.top_up FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.top_up OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.top_up IS 'Packs that were bought, and with which payment.';

CREATE VIEW octroi_private.admin_top_up AS
 SELECT t.grant_id,
    t.account_id,
    t.pack_id,
    t.quantity,
    t.paid_minor,
    t.currency,
    t.payment_intent_id,
    t.bought_at
   FROM (octroi_private.top_up t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('top_up'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_top_up OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_top_up IS 'top_up for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_usage_daily AS
 SELECT t.account_id,
    t.user_id,
    t.day,
    t.model,
    t.requests,
    t.input_tokens,
    t.cached_input_tokens,
    t.output_tokens,
    t.reasoning_tokens,
    t.total_tokens,
    t.cost_nano_usd
   FROM (octroi_private.usage_daily t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('usage_daily'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_usage_daily OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_usage_daily IS 'usage_daily for operators, without contact data and content. Each reading is in the audit log.';

CREATE VIEW octroi_private.admin_usage_event AS
 SELECT t.id,
    t.account_id,
    t.api_key_id,
    t.user_id,
    t.endpoint,
    t.model,
    t.response_model,
    t.service_tier,
    t.source,
    t.input_tokens,
    t.cached_input_tokens,
    t.cache_write_tokens,
    t.audio_input_tokens,
    t.output_tokens,
    t.reasoning_tokens,
    t.audio_output_tokens,
    t.total_tokens,
    t.cost_nano_usd,
    t.overrun_tokens,
    t.overrun_cost_nano_usd,
    t.overrun_requests,
    t.price_id,
    t.balance_ids,
    t.latency_ms,
    t.first_token_ms,
    t.upstream_request_id,
    t.raw_usage,
    t.occurred_at,
    t.recorded_at
   FROM (octroi_private.usage_event t
     CROSS JOIN ( VALUES (true)) beside(it))
  WHERE ( SELECT octroi_private.log_admin_read('usage_event'::text) AS log_admin_read);

ALTER TABLE octroi_private.admin_usage_event OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.admin_usage_event IS 'usage_event for operators, without contact data and content. Each reading is in the audit log.';

ALTER TABLE octroi_private.alert ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.append_only_pass (
    relation regclass NOT NULL,
    transaction_id xid8 NOT NULL
);

ALTER TABLE ONLY octroi_private.append_only_pass FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.append_only_pass OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.append_only_pass IS 'Always empty when looked at: a pass lasts within one transaction.';

CREATE TABLE octroi_private.audit_link (
    "position" bigint NOT NULL,
    audit_id bigint,
    hash bytea NOT NULL,
    CONSTRAINT audit_link_first_is_bare CHECK ((("position" = 0) = (audit_id IS NULL))),
    CONSTRAINT audit_link_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_link_position_check CHECK (("position" >= 0))
);

ALTER TABLE ONLY octroi_private.audit_link FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.audit_link OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.audit_link IS 'The chain: each link is the hash of the one before and of an entry. The first is random, and its row is the lock.';

ALTER TABLE octroi_private.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE octroi_private.balance ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.balance_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.billing_setting (
    only_row boolean DEFAULT true NOT NULL,
    return_origins text[] DEFAULT '{http://localhost:3000}'::text[] NOT NULL,
    upgrade_url text,
    top_up_url text,
    billing_url text,
    renewal_grace_seconds integer DEFAULT 259200 NOT NULL,
    payment_grace_seconds integer DEFAULT 1814400 NOT NULL,
    draft_watch_seconds integer DEFAULT 7200 NOT NULL,
    report_every_seconds integer DEFAULT 300 NOT NULL,
    CONSTRAINT billing_setting_draft_watch_seconds_check CHECK (((draft_watch_seconds >= 60) AND (draft_watch_seconds <= 259200))),
    CONSTRAINT billing_setting_only_row_check CHECK (only_row),
    CONSTRAINT billing_setting_payment_grace_seconds_check CHECK (((payment_grace_seconds >= 0) AND (payment_grace_seconds <= 1814400))),
    CONSTRAINT billing_setting_renewal_grace_seconds_check CHECK (((renewal_grace_seconds >= 0) AND (renewal_grace_seconds <= 1814400))),
    CONSTRAINT billing_setting_report_every_seconds_check CHECK (((report_every_seconds >= 1) AND (report_every_seconds <= 86400))),
    CONSTRAINT billing_setting_return_origins_check CHECK ((cardinality(return_origins) <= 100))
);

ALTER TABLE ONLY octroi_private.billing_setting FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.billing_setting OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.billing_setting IS 'One row: what the operator decides about billing.';

ALTER TABLE octroi_private.breach ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.breach_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.completion (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    endpoint text NOT NULL,
    request jsonb,
    error jsonb,
    error_status smallint,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    finished_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT completion_endpoint_check CHECK ((endpoint = ANY (ARRAY['chat.completions'::text, 'responses'::text, 'embeddings'::text]))),
    CONSTRAINT completion_error_has_status CHECK (((error IS NULL) = (error_status IS NULL))),
    CONSTRAINT completion_error_only_when_finished CHECK (((error IS NULL) OR (finished_at IS NOT NULL))),
    CONSTRAINT completion_error_status_check CHECK (((error_status >= 400) AND (error_status <= 599))),
    CONSTRAINT completion_prompt_only_while_pending CHECK (((request IS NULL) = (finished_at IS NOT NULL)))
);

ALTER TABLE ONLY octroi_private.completion FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.completion OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.completion IS 'A queued call of one user. Its id becomes the request''s id; its answer a stored_response.';

ALTER TABLE octroi_private.consent ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.consent_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.contact (
    user_id uuid NOT NULL,
    email bytea,
    email_index bytea,
    phone bytea,
    CONSTRAINT contact_email_check CHECK (((octet_length(email) >= 44) AND (octet_length(email) <= 1500))),
    CONSTRAINT contact_email_index_check CHECK ((octet_length(email_index) = 32)),
    CONSTRAINT contact_has_one CHECK ((num_nonnulls(email, phone) > 0)),
    CONSTRAINT contact_indexed CHECK (((email IS NULL) = (email_index IS NULL))),
    CONSTRAINT contact_phone_check CHECK (((octet_length(phone) >= 44) AND (octet_length(phone) <= 200)))
);

ALTER TABLE ONLY octroi_private.contact FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.contact OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.contact IS 'Where a user is written to: Auth''s e-mail address and phone, sealed with their data key; gone with the user.';

CREATE TABLE octroi_private.contact_change (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    details bytea,
    state text DEFAULT 'pending'::text NOT NULL,
    error text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT contact_change_details_check CHECK (((octet_length(details) >= 43) AND (octet_length(details) <= 16384))),
    CONSTRAINT contact_change_error_check CHECK ((length(error) <= 500)),
    CONSTRAINT contact_change_forgets_when_finished CHECK ((((state = 'pending'::text) = (details IS NOT NULL)) AND ((state = 'pending'::text) = (finished_at IS NULL)))),
    CONSTRAINT contact_change_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text]))),
    CONSTRAINT contact_change_version_check CHECK (((version >= 1) AND (version <= 1000000)))
);

ALTER TABLE ONLY octroi_private.contact_change FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.contact_change OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.contact_change IS 'Corrections on their way to Stripe. What was given is forgotten as soon as they are there.';

CREATE TABLE octroi_private.data_key (
    user_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    operator_key_id text NOT NULL,
    made_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT data_key_operator_key_id_check CHECK (((length(operator_key_id) >= 1) AND (length(operator_key_id) <= 64))),
    CONSTRAINT data_key_wrapped_check CHECK (((octet_length(wrapped) >= 74) AND (octet_length(wrapped) <= 200)))
);

ALTER TABLE ONLY octroi_private.data_key FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.data_key OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.data_key IS 'The key of a person, wrapped by an operator key. Deleting a row destroys all that it sealed (crypto-shredding).';

CREATE TABLE octroi_private.detection_state (
    only_row boolean DEFAULT true NOT NULL,
    after_account_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    after_audit_position bigint DEFAULT 0 NOT NULL,
    CONSTRAINT detection_state_only_row_check CHECK (only_row)
);

ALTER TABLE ONLY octroi_private.detection_state FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.detection_state OWNER TO octroi_owner;

CREATE TABLE octroi_private.erasure_receipt (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    pseudonym uuid DEFAULT gen_random_uuid() NOT NULL,
    asked_by text NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    erased jsonb DEFAULT '{}'::jsonb NOT NULL,
    kept jsonb DEFAULT '[]'::jsonb NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT erasure_receipt_asked_by_check CHECK ((asked_by = ANY (ARRAY['user'::text, 'auth'::text, 'restore'::text]))),
    CONSTRAINT erasure_receipt_erased_check CHECK ((jsonb_typeof(erased) = 'object'::text)),
    CONSTRAINT erasure_receipt_kept_check CHECK ((jsonb_typeof(kept) = 'array'::text))
);

ALTER TABLE ONLY octroi_private.erasure_receipt FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.erasure_receipt OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.erasure_receipt IS 'Proof of an erasure: erased is rows by table, kept is [{what, why, until}]. It does not say whose.';

ALTER TABLE octroi_private.erasure_step ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.erasure_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.export_ticket (
    request_id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT export_ticket_check CHECK ((expires_at > issued_at)),
    CONSTRAINT export_ticket_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

ALTER TABLE ONLY octroi_private.export_ticket FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.export_ticket OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.export_ticket IS 'Opens the door to one bundle, once. Only the hash of the token is stored.';

CREATE TABLE octroi_private.plan_limit (
    plan_version_id bigint NOT NULL,
    scope octroi_private.scope_name NOT NULL,
    model text DEFAULT ''::text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    period octroi_private.period_name NOT NULL,
    amount octroi_private.quantity NOT NULL,
    overage octroi_private.quantity DEFAULT 0 NOT NULL,
    rollover_max octroi_private.quantity DEFAULT 0 NOT NULL,
    rollover_months smallint DEFAULT 1 NOT NULL,
    CONSTRAINT plan_limit_model_only_for_models CHECK ((((scope)::text = 'model'::text) = (model <> ''::text))),
    CONSTRAINT plan_limit_overage_on_account CHECK ((((overage)::bigint = 0) OR (((scope)::text = 'account'::text) AND ((period)::text = 'month'::text)))),
    CONSTRAINT plan_limit_rollover_months_check CHECK (((rollover_months >= 1) AND (rollover_months <= 12))),
    CONSTRAINT plan_limit_rollover_on_account CHECK ((((rollover_max)::bigint = 0) OR (((scope)::text = 'account'::text) AND ((period)::text = 'month'::text))))
);

ALTER TABLE ONLY octroi_private.plan_limit FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_limit OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_limit IS 'A limit of a plan: for the account as a whole, for each member, for each key, or for one model. overage is what may be used beyond amount.';

CREATE TABLE octroi_private.plan_overage (
    plan_version_id bigint NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    slice octroi_private.quantity NOT NULL,
    price_minor octroi_private.unit_price NOT NULL,
    spend_cap_minor bigint NOT NULL,
    is_on boolean NOT NULL,
    lookup_key octroi_private.catalogue_key NOT NULL,
    event_name octroi_private.catalogue_key NOT NULL,
    CONSTRAINT plan_overage_affords_a_slice CHECK ((spend_cap_minor >= (price_minor)::bigint)),
    CONSTRAINT plan_overage_meter_check CHECK (((meter)::text = ANY (ARRAY['tokens'::text, 'requests'::text]))),
    CONSTRAINT plan_overage_slice_check CHECK ((((slice)::bigint >= 1) AND ((slice)::bigint <= 1000000000))),
    CONSTRAINT plan_overage_spend_cap_minor_check CHECK ((spend_cap_minor <= 99999999))
);

ALTER TABLE ONLY octroi_private.plan_overage FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_overage OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_overage IS 'What usage beyond plan and grants costs. is_on is what subscribers start with; overage_setting is their own word.';

CREATE VIEW octroi_private.limit_in_force WITH (security_invoker='true') AS
 SELECT every.account_id,
    every.scope,
    every.subject,
    every.meter,
    every.period,
    min(every.amount) AS included,
    min(every.overage) AS overage
   FROM ( SELECT s.account_id,
            (l.scope)::text AS scope,
            who.subject,
            (l.meter)::text AS meter,
            (l.period)::text AS period,
            (l.amount)::bigint AS amount,
                CASE
                    WHEN (o.meter IS NULL) THEN (l.overage)::bigint
                    WHEN ((s.overage_closed_at IS NOT NULL) OR (NOT COALESCE(t.is_on, o.is_on)) OR (NOT octroi_private.is_overage_billed(s.stripe_subscription_id))) THEN (0)::bigint
                    ELSE LEAST((l.overage)::bigint, octroi_private.overage_units(LEAST(t.spend_cap_minor, o.spend_cap_minor), (o.price_minor)::bigint, (o.slice)::bigint))
                END AS overage
           FROM ((((octroi_private.subscription s
             JOIN octroi_private.plan_limit l ON ((l.plan_version_id = s.plan_version_id)))
             LEFT JOIN octroi_private.plan_overage o ON (((o.plan_version_id = l.plan_version_id) AND ((o.meter)::text = (l.meter)::text) AND ((l.scope)::text = 'account'::text) AND ((l.period)::text = 'month'::text))))
             LEFT JOIN octroi_private.overage_setting t ON ((t.account_id = s.account_id)))
             CROSS JOIN LATERAL ( SELECT ''::text AS subject
                  WHERE ((l.scope)::text = 'account'::text)
                UNION ALL
                 SELECT l.model
                  WHERE ((l.scope)::text = 'model'::text)
                UNION ALL
                 SELECT (m.user_id)::text AS user_id
                   FROM octroi_private.member m
                  WHERE (((l.scope)::text = 'member'::text) AND (m.account_id = s.account_id))
                UNION ALL
                 SELECT (k.id)::text AS id
                   FROM octroi_private.api_key k
                  WHERE (((l.scope)::text = 'api_key'::text) AND (k.account_id = s.account_id) AND (k.revoked_at IS NULL))) who)
          WHERE (s.ended_at IS NULL)
        UNION ALL
         SELECT b.account_id,
            (b.scope)::text AS scope,
            b.subject,
            (b.meter)::text AS meter,
            (b.period)::text AS period,
            (b.amount)::bigint AS amount,
            0
           FROM octroi_private.budget b) every
  GROUP BY every.account_id, every.scope, every.subject, every.meter, every.period;

ALTER TABLE octroi_private.limit_in_force OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.limit_in_force IS 'Limits of plans and budgets by what they bound, without grants on top. Overage is what the account lets happen.';

CREATE VIEW octroi_private.integrity WITH (security_invoker='true') AS
 SELECT 'I2 a settled call has one usage event'::text AS violated,
    (r.id)::text AS subject,
    ''::text AS detail
   FROM (octroi_private.request r
     LEFT JOIN octroi_private.usage_event e ON (((e.id = r.id) AND (e.occurred_at = r.started_at))))
  WHERE (((r.state)::text = 'settled'::text) <> (e.id IS NOT NULL))
UNION ALL
 SELECT 'I2 a call is charged no more than its hold'::text AS violated,
    (e.id)::text AS subject,
    format('%s of %s'::text, ((e.total_tokens)::bigint - (e.overrun_tokens)::bigint), r.hold_tokens) AS detail
   FROM (octroi_private.usage_event e
     JOIN octroi_private.request r ON ((r.id = e.id)))
  WHERE ((((e.total_tokens)::bigint - (e.overrun_tokens)::bigint) > (r.hold_tokens)::bigint) OR (((e.cost_nano_usd)::bigint - (e.overrun_cost_nano_usd)::bigint) > (r.hold_cost_nano_usd)::bigint))
UNION ALL
 SELECT 'I3 used and reserved stay within the limit'::text AS violated,
    (b.id)::text AS subject,
    format('%s + %s of %s + %s'::text, b.used, b.reserved, b.granted, b.overage) AS detail
   FROM octroi_private.balance b
  WHERE ((((b.used)::bigint + (b.reserved)::bigint) > ((b.granted)::bigint + (b.overage)::bigint)) OR ((b.reserved)::bigint < 0) OR ((b.used)::bigint < 0))
UNION ALL
 SELECT 'I3 reserved is the sum of the open holds'::text AS violated,
    (b.id)::text AS subject,
    format('%s, holds %s'::text, b.reserved, COALESCE(h.amount, (0)::numeric)) AS detail
   FROM (octroi_private.balance b
     LEFT JOIN ( SELECT held.balance_id,
            sum(held.amount) AS amount
           FROM (octroi_private.request r
             CROSS JOIN LATERAL UNNEST(r.balance_ids, r.hold_amounts) held(balance_id, amount))
          WHERE ((r.state)::text = 'open'::text)
          GROUP BY held.balance_id) h ON ((h.balance_id = b.id)))
  WHERE ((b.reserved)::numeric <> COALESCE(h.amount, (0)::numeric))
UNION ALL
 SELECT 'I1 used is the sum of the charged usage'::text AS violated,
    (b.id)::text AS subject,
    format('%s, events %s'::text, b.used, ((b.carried)::numeric + COALESCE(u.amount, (0)::numeric))) AS detail
   FROM (octroi_private.balance b
     LEFT JOIN ( SELECT c.id,
            sum(
                CASE c.meter
                    WHEN 'tokens'::text THEN ((e.total_tokens)::bigint - (e.overrun_tokens)::bigint)
                    WHEN 'cost'::text THEN ((e.cost_nano_usd)::bigint - (e.overrun_cost_nano_usd)::bigint)
                    ELSE ((1 - (e.overrun_requests)::smallint))::bigint
                END) AS amount
           FROM ((octroi_private.usage_event e
             CROSS JOIN LATERAL unnest(e.balance_ids) bound(id))
             JOIN octroi_private.balance c ON ((c.id = bound.id)))
          GROUP BY c.id) u ON ((u.id = b.id)))
  WHERE (((b.used)::numeric <> ((b.carried)::numeric + COALESCE(u.amount, (0)::numeric))) AND (b.period_start >= octroi_private.usage_kept_since()))
UNION ALL
 SELECT 'I1 the daily rollup is the sum of the events'::text AS violated,
    (COALESCE(d.account_id, e.account_id))::text AS subject,
    (COALESCE(d.day, e.day))::text AS detail
   FROM (octroi_private.usage_daily d
     FULL JOIN ( SELECT v.account_id,
            v.user_id,
            ((v.occurred_at AT TIME ZONE 'utc'::text))::date AS day,
            v.model,
            count(*) AS requests,
            sum((v.total_tokens)::bigint) AS total_tokens,
            sum((v.cost_nano_usd)::bigint) AS cost_nano_usd
           FROM octroi_private.usage_event v
          GROUP BY v.account_id, v.user_id, (((v.occurred_at AT TIME ZONE 'utc'::text))::date), v.model) e ON (((e.account_id = d.account_id) AND (e.user_id = d.user_id) AND (e.day = d.day) AND (e.model = d.model))))
  WHERE (((((d.requests)::bigint IS DISTINCT FROM e.requests) OR ((d.total_tokens)::numeric IS DISTINCT FROM e.total_tokens)) OR ((d.cost_nano_usd)::numeric IS DISTINCT FROM e.cost_nano_usd)) AND (COALESCE(d.day, e.day) >= ((octroi_private.usage_kept_since() AT TIME ZONE 'utc'::text))::date))
UNION ALL
 SELECT 'I1 a grant is drawn as its draws say'::text AS violated,
    (g.id)::text AS subject,
    format('%s, draws %s'::text, g.drawn, COALESCE(d.amount, (0)::numeric)) AS detail
   FROM (octroi_private.quota_grant g
     LEFT JOIN ( SELECT w.grant_id,
            sum((w.amount)::bigint) AS amount
           FROM octroi_private.quota_draw w
          GROUP BY w.grant_id) d ON ((d.grant_id = g.id)))
  WHERE ((g.drawn)::numeric <> COALESCE(d.amount, (0)::numeric))
UNION ALL
 SELECT 'I1 a balance knows what grants and overage covered'::text AS violated,
    (b.id)::text AS subject,
    format('grants %s of %s, overage %s of %s'::text, b.from_grants, COALESCE(d.amount, (0)::numeric), b.from_overage, COALESCE(o.amount, (0)::numeric)) AS detail
   FROM ((octroi_private.balance b
     LEFT JOIN ( SELECT w.balance_id,
            sum((w.amount)::bigint) AS amount
           FROM octroi_private.quota_draw w
          GROUP BY w.balance_id) d ON ((d.balance_id = b.id)))
     LEFT JOIN ( SELECT u.balance_id,
            sum((u.amount)::bigint) AS amount
           FROM octroi_private.overage_use u
          GROUP BY u.balance_id) o ON ((o.balance_id = b.id)))
  WHERE (((b.from_grants)::numeric <> COALESCE(d.amount, (0)::numeric)) OR ((b.from_overage)::numeric <> COALESCE(o.amount, (0)::numeric)))
UNION ALL
 SELECT 'I6 a meter report says what its calls used'::text AS violated,
    (r.id)::text AS subject,
    format('%s, calls %s'::text, r.value, COALESCE(u.amount, (0)::numeric)) AS detail
   FROM (octroi_private.meter_report r
     LEFT JOIN ( SELECT w.report_id,
            sum((w.amount)::bigint) AS amount
           FROM octroi_private.overage_use w
          WHERE (w.report_id IS NOT NULL)
          GROUP BY w.report_id) u ON ((u.report_id = r.id)))
  WHERE (COALESCE(u.amount, (0)::numeric) <> (
        CASE
            WHEN (r.state = 'replaced'::text) THEN (0)::bigint
            ELSE (r.value)::bigint
        END)::numeric)
UNION ALL
 SELECT 'I7 an account has the plan that it has paid for'::text AS violated,
    (r.account_id)::text AS subject,
    format('has %s until %s, paid for %s until %s'::text, r.plan_version_id, r.granted_until, a.plan_version_id, a.granted_until) AS detail
   FROM ((octroi_private.subscription r
     JOIN octroi_private.stripe_customer c ON (((c.account_id = r.account_id) AND (NOT c.is_deleted))))
     LEFT JOIN LATERAL octroi_private.access_of(r.account_id) a(stripe_subscription_id, plan_version_id, anchor_at, granted_until) ON (true))
  WHERE ((r.ended_at IS NULL) AND (r.granted_until > octroi_private.now()) AND (COALESCE(r.stripe_subscription_id, a.stripe_subscription_id) IS NOT NULL) AND ((((r.stripe_subscription_id IS DISTINCT FROM a.stripe_subscription_id) OR (r.plan_version_id IS DISTINCT FROM a.plan_version_id)) OR (r.anchor_at IS DISTINCT FROM a.anchor_at)) OR (r.granted_until IS DISTINCT FROM a.granted_until)))
UNION ALL
 SELECT 'I10 a pack that is paid was granted'::text AS violated,
    p.source AS subject,
    (c.account_id)::text AS detail
   FROM (octroi_private.stripe_customer c
     CROSS JOIN LATERAL octroi_private.paid_packs((c.id)::text) p(source, pack_id, quantity, paid_minor, currency, payment_intent_id))
  WHERE ((c.account_id IS NOT NULL) AND ((p.quantity >= 1) AND (p.quantity <= 100)) AND (NOT (EXISTS ( SELECT
           FROM octroi_private.quota_grant g
          WHERE (g.source = p.source)))))
UNION ALL
 SELECT 'I10 money that went back took its part of the grant along'::text AS violated,
    (g.id)::text AS subject,
    format('%s of %s, %s of %s went back'::text, g.revoked, g.amount, back.amount, t.paid_minor) AS detail
   FROM ((octroi_private.top_up t
     JOIN octroi_private.quota_grant g ON ((g.id = t.grant_id)))
     CROSS JOIN LATERAL ( SELECT LEAST(octroi_private.taken_back(t.payment_intent_id), t.paid_minor) AS amount) back)
  WHERE ((g.revoked)::numeric <> div(((g.amount)::numeric * (back.amount)::numeric), (GREATEST(t.paid_minor, (1)::bigint))::numeric))
UNION ALL
 SELECT 'I10 each reversal is on record'::text AS violated,
    (g.id)::text AS subject,
    format('%s, record %s'::text, g.revoked, COALESCE(r.change, (0)::numeric)) AS detail
   FROM (octroi_private.quota_grant g
     LEFT JOIN ( SELECT v.grant_id,
            sum(v.change) AS change
           FROM octroi_private.revocation v
          GROUP BY v.grant_id) r ON ((r.grant_id = g.id)))
  WHERE ((g.revoked)::numeric <> COALESCE(r.change, (0)::numeric))
UNION ALL
 SELECT 'I4 no hold outlives its time by five minutes'::text AS violated,
    (r.id)::text AS subject,
    (r.expires_at)::text AS detail
   FROM octroi_private.request r
  WHERE (((r.state)::text = 'open'::text) AND (r.expires_at < (octroi_private.now() - '00:05:00'::interval)))
UNION ALL
 SELECT 'I5 a usage event names a price that was valid'::text AS violated,
    (e.id)::text AS subject,
    (e.price_id)::text AS detail
   FROM (octroi_private.usage_event e
     LEFT JOIN octroi_private.model_price p ON (((p.id = e.price_id) AND (p.valid @> e.occurred_at))))
  WHERE (p.id IS NULL)
UNION ALL
 SELECT 'I6 a call is billed once'::text AS violated,
    (e.id)::text AS subject,
    (count(*))::text AS detail
   FROM octroi_private.usage_event e
  GROUP BY e.id
 HAVING (count(*) > 1)
UNION ALL
 SELECT 'I3 an entitlement names every balance that binds it'::text AS violated,
    (e.user_id)::text AS subject,
    e.model AS detail
   FROM octroi_private.entitlement e
  WHERE ((e.valid_until > octroi_private.now()) AND (e.balance_ids IS DISTINCT FROM COALESCE(( SELECT array_agg(b.id ORDER BY b.id) AS array_agg
           FROM (octroi_private.balance b
             JOIN octroi_private.limit_in_force l ON (((l.account_id = b.account_id) AND (l.scope = (b.scope)::text) AND (l.subject = b.subject) AND (l.meter = (b.meter)::text) AND (l.period = (b.period)::text))))
          WHERE (b.is_bound AND (b.account_id = e.account_id) AND (b.resets_at > octroi_private.now()) AND (b.period_start <= octroi_private.now()) AND (b.subject =
                CASE b.scope
                    WHEN 'account'::text THEN ''::text
                    WHEN 'member'::text THEN (e.user_id)::text
                    WHEN 'api_key'::text THEN (e.api_key_id)::text
                    WHEN 'model'::text THEN e.model
                    ELSE NULL::text
                END))), '{}'::bigint[])))
UNION ALL
 SELECT 'I8 row level security is on and forced for every table'::text AS violated,
    ((c.oid)::regclass)::text AS subject,
    ''::text AS detail
   FROM pg_class c
  WHERE ((c.relnamespace = ('octroi_private'::regnamespace)::oid) AND (c.relkind = ANY (ARRAY['r'::"char", 'p'::"char"])) AND (NOT (c.relrowsecurity AND c.relforcerowsecurity)));

ALTER TABLE octroi_private.integrity OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.integrity IS 'Violated invariants, one row each. Empty in a sound database.';

CREATE TABLE octroi_private.job (
    id bigint NOT NULL,
    kind text NOT NULL,
    args jsonb NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    max_attempts integer DEFAULT 10 NOT NULL,
    run_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    lease_expires_at timestamp with time zone,
    worker text,
    last_error text,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT job_args_check CHECK ((jsonb_typeof(args) = 'object'::text)),
    CONSTRAINT job_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT job_finished_or_not CHECK (((state = ANY (ARRAY['done'::text, 'cancelled'::text, 'dead'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT job_kind_check CHECK ((kind ~ '^[a-z][a-z_]{0,49}$'::text)),
    CONSTRAINT job_last_error_check CHECK ((length(last_error) <= 2000)),
    CONSTRAINT job_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 1000000))),
    CONSTRAINT job_running_is_leased CHECK ((((state = 'running'::text) = (lease_expires_at IS NOT NULL)) AND ((state = 'running'::text) = (worker IS NOT NULL)))),
    CONSTRAINT job_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'cancelled'::text, 'dead'::text]))),
    CONSTRAINT job_worker_check CHECK ((length(worker) <= 200))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE ONLY octroi_private.job FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.job OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.job IS 'Outbox and queue. queued → running → done, cancelled or dead; back to queued on retry.';

ALTER TABLE octroi_private.job ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.key_use (
    account_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    requests octroi_private.quantity NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY octroi_private.key_use FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.key_use OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.key_use IS 'Settled calls by key, UTC day and model: what is usual for a key. Kept for 90 days.';

CREATE TABLE octroi_private.key_use_cursor (
    account_id uuid NOT NULL,
    counted_until timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.key_use_cursor FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.key_use_cursor OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.key_use_cursor IS 'Until when an account''s calls are counted in key_use.';

CREATE TABLE octroi_private.stripe_catalogue (
    key octroi_private.catalogue_key NOT NULL,
    object text NOT NULL,
    stripe_id text,
    CONSTRAINT stripe_catalogue_object_check CHECK ((object = ANY (ARRAY['product'::text, 'meter'::text, 'price'::text, 'metered_price'::text]))),
    CONSTRAINT stripe_catalogue_stripe_id_check CHECK (((length(stripe_id) >= 1) AND (length(stripe_id) <= 255)))
);

ALTER TABLE ONLY octroi_private.stripe_catalogue FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_catalogue OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_catalogue IS 'The products, prices and meters that Stripe must have for what is declared here, and its id of each.';

CREATE VIEW octroi_private.metered_subscription WITH (security_invoker='true') AS
 SELECT s.id,
    s.customer_id,
    s.created_at,
    s.trial_ends_at,
    s.ended_at,
    o.event_name
   FROM (((octroi_private.stripe_subscription s
     JOIN octroi_private.stripe_subscription_item i ON ((i.subscription_id = (s.id)::text)))
     JOIN octroi_private.stripe_catalogue k ON ((k.stripe_id = i.price_id)))
     JOIN octroi_private.plan_overage o ON (((o.lookup_key)::text = (k.key)::text)));

ALTER TABLE octroi_private.metered_subscription OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.metered_subscription IS 'Subscriptions that Stripe bills for what is used beyond the plan, by the meter that counts it.';

ALTER TABLE octroi_private.model_price ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.model_price_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.news_letter (
    key text NOT NULL,
    begun_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY octroi_private.news_letter FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.news_letter OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.news_letter IS 'Letters that were announced, each under its key.';

CREATE TABLE octroi_private.person (
    user_id uuid NOT NULL,
    pseudonym uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL
);

ALTER TABLE ONLY octroi_private.person FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.person OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.person IS 'Each user of Auth, and what the audit log calls them. Without the row an entry cannot be told to be theirs.';

CREATE TABLE octroi_private.personal_column (
    table_name text NOT NULL,
    column_name text NOT NULL,
    "position" smallint NOT NULL,
    class text NOT NULL,
    what text NOT NULL,
    export text GENERATED ALWAYS AS (
CASE class
    WHEN 'secret'::text THEN 'withheld'::text
    WHEN 'sealed'::text THEN 'opened'::text
    ELSE 'as_is'::text
END) STORED NOT NULL,
    erasure text,
    mask text GENERATED ALWAYS AS (
CASE class
    WHEN 'fact'::text THEN 'shown'::text
    WHEN 'reference'::text THEN 'pseudonym'::text
    WHEN 'contact'::text THEN 'partial'::text
    WHEN 'sealed'::text THEN 'partial'::text
    ELSE 'hidden'::text
END) STORED NOT NULL,
    CONSTRAINT personal_column_class_check CHECK ((class = ANY (ARRAY['fact'::text, 'reference'::text, 'contact'::text, 'content'::text, 'secret'::text, 'sealed'::text]))),
    CONSTRAINT personal_column_erasure_check CHECK ((erasure = ANY (ARRAY['delete'::text, 'pseudonymise'::text, 'keep'::text]))),
    CONSTRAINT personal_column_what_check CHECK (((length(what) >= 1) AND (length(what) <= 200)))
);

ALTER TABLE ONLY octroi_private.personal_column FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.personal_column OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.personal_column IS 'Every column of those tables: what it is, how it is handed out, what erasure does to it, how it is masked.';

CREATE TABLE octroi_private.personal_table (
    table_name text NOT NULL,
    about text NOT NULL,
    purpose text NOT NULL,
    legal_basis text NOT NULL,
    retention text NOT NULL,
    processors text[] NOT NULL,
    erasure text NOT NULL,
    erasure_reason text,
    slices text NOT NULL,
    reach text,
    withheld text,
    key_columns text[] NOT NULL,
    page_rows integer DEFAULT 2000 NOT NULL,
    CONSTRAINT personal_table_about_check CHECK ((about = ANY (ARRAY['person'::text, 'account'::text, 'machinery'::text]))),
    CONSTRAINT personal_table_erasure_check CHECK ((erasure = ANY (ARRAY['delete'::text, 'pseudonymise'::text, 'keep'::text]))),
    CONSTRAINT personal_table_kept_for_a_reason CHECK (((erasure = 'delete'::text) OR (erasure_reason IS NOT NULL))),
    CONSTRAINT personal_table_key_columns_check CHECK (((cardinality(key_columns) >= 1) AND (cardinality(key_columns) <= 5))),
    CONSTRAINT personal_table_legal_basis_check CHECK ((legal_basis = ANY (ARRAY['consent'::text, 'contract'::text, 'legal_obligation'::text, 'legitimate_interest'::text]))),
    CONSTRAINT personal_table_page_rows_check CHECK (((page_rows >= 1) AND (page_rows <= 10000))),
    CONSTRAINT personal_table_slices_check CHECK ((slices = ANY (ARRAY['none'::text, 'member'::text, 'owner'::text]))),
    CONSTRAINT personal_table_table_name_check CHECK ((table_name ~ '^[a-z][a-z_]{0,62}$'::text)),
    CONSTRAINT personal_table_withheld_for_a_reason CHECK (((reach IS NULL) = (withheld IS NOT NULL)))
);

ALTER TABLE ONLY octroi_private.personal_table FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.personal_table OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.personal_table IS 'Tables with something about people: why, how long, who handles it, how a person''s rows are found, what erasure does.';

CREATE VIEW octroi_private.personal_data WITH (security_invoker='true') AS
 SELECT t.table_name,
    t.about,
    t.purpose,
    t.legal_basis,
    t.retention,
    t.processors,
    t.slices,
    t.reach,
    t.withheld,
    t.key_columns,
    t.page_rows,
    c.column_name,
    c."position",
    c.class,
    c.what,
    c.export,
    c.mask,
    COALESCE(c.erasure, t.erasure) AS erasure,
    t.erasure_reason,
    format_type(a.atttypid, a.atttypmod) AS type
   FROM (((octroi_private.personal_table t
     JOIN octroi_private.personal_column c ON ((c.table_name = t.table_name)))
     JOIN pg_class r ON (((r.relnamespace = ('octroi_private'::regnamespace)::oid) AND (r.relname = t.table_name) AND (r.relkind = ANY (ARRAY['r'::"char", 'p'::"char"])))))
     JOIN pg_attribute a ON (((a.attrelid = r.oid) AND (a.attname = c.column_name) AND (NOT a.attisdropped))));

ALTER TABLE octroi_private.personal_data OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.personal_data IS 'personal_table and personal_column, as far as the table and the column exist.';

CREATE TABLE octroi_private.plan (
    code text NOT NULL,
    name text NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    rank smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT plan_code_check CHECK ((code ~ '^[a-z][a-z0-9_]{0,39}$'::text)),
    CONSTRAINT plan_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY octroi_private.plan FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan IS 'A plan as customers know it. The default one is given at sign-up, and when a paid one ends.';

CREATE TABLE octroi_private.plan_price (
    plan_version_id bigint NOT NULL,
    billing_interval octroi_private.billing_interval NOT NULL,
    amount_minor octroi_private.unit_price NOT NULL,
    lookup_key octroi_private.catalogue_key NOT NULL
);

ALTER TABLE ONLY octroi_private.plan_price FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_price OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_price IS 'What a plan version costs by the month and by the year.';

ALTER TABLE octroi_private.plan_version ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.plan_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.plan_version_pack (
    plan_version_id bigint NOT NULL,
    pack_code text NOT NULL
);

ALTER TABLE ONLY octroi_private.plan_version_pack FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_version_pack OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_version_pack IS 'Which packs the subscribers of a plan version may buy, always in the version on sale.';

CREATE TABLE octroi_private.privacy_setting (
    only_row boolean DEFAULT true NOT NULL,
    gdpr_answer_months smallint DEFAULT 1 NOT NULL,
    gdpr_extension_months smallint DEFAULT 2 NOT NULL,
    alert_day smallint DEFAULT 20 NOT NULL,
    ccpa_confirm_business_days smallint DEFAULT 10 NOT NULL,
    ccpa_answer_days smallint DEFAULT 45 NOT NULL,
    ccpa_extension_days smallint DEFAULT 45 NOT NULL,
    ccpa_opt_out_business_days smallint DEFAULT 15 NOT NULL,
    request_log_months smallint DEFAULT 24 NOT NULL,
    export_ticket_seconds integer DEFAULT 900 NOT NULL,
    exports_a_day smallint DEFAULT 10 NOT NULL,
    CONSTRAINT privacy_setting_alert_day_check CHECK (((alert_day >= 1) AND (alert_day <= 28))),
    CONSTRAINT privacy_setting_ccpa_answer_days_check CHECK (((ccpa_answer_days >= 1) AND (ccpa_answer_days <= 45))),
    CONSTRAINT privacy_setting_ccpa_confirm_business_days_check CHECK (((ccpa_confirm_business_days >= 1) AND (ccpa_confirm_business_days <= 10))),
    CONSTRAINT privacy_setting_ccpa_extension_days_check CHECK (((ccpa_extension_days >= 0) AND (ccpa_extension_days <= 45))),
    CONSTRAINT privacy_setting_ccpa_opt_out_business_days_check CHECK (((ccpa_opt_out_business_days >= 1) AND (ccpa_opt_out_business_days <= 15))),
    CONSTRAINT privacy_setting_export_ticket_seconds_check CHECK (((export_ticket_seconds >= 60) AND (export_ticket_seconds <= 3600))),
    CONSTRAINT privacy_setting_exports_a_day_check CHECK (((exports_a_day >= 1) AND (exports_a_day <= 1000))),
    CONSTRAINT privacy_setting_gdpr_answer_months_check CHECK (((gdpr_answer_months >= 1) AND (gdpr_answer_months <= 3))),
    CONSTRAINT privacy_setting_gdpr_extension_months_check CHECK (((gdpr_extension_months >= 0) AND (gdpr_extension_months <= 2))),
    CONSTRAINT privacy_setting_only_row_check CHECK (only_row),
    CONSTRAINT privacy_setting_request_log_months_check CHECK (((request_log_months >= 1) AND (request_log_months <= 120)))
);

ALTER TABLE ONLY octroi_private.privacy_setting FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.privacy_setting OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.privacy_setting IS 'One row: the clocks of privacy requests, and how often an export may be had.';

CREATE TABLE octroi_private.processor (
    name text NOT NULL,
    who text NOT NULL,
    handles text NOT NULL,
    CONSTRAINT processor_handles_check CHECK (((length(handles) >= 1) AND (length(handles) <= 500))),
    CONSTRAINT processor_name_check CHECK ((name ~ '^[a-z_]{1,30}$'::text)),
    CONSTRAINT processor_who_check CHECK (((length(who) >= 1) AND (length(who) <= 200)))
);

ALTER TABLE ONLY octroi_private.processor FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.processor OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.processor IS 'Who handles personal data for the operator. The operator adds their own.';

CREATE TABLE octroi_private.reconciliation (
    id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    customers integer DEFAULT 0 NOT NULL
);

ALTER TABLE ONLY octroi_private.reconciliation FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.reconciliation OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.reconciliation IS 'Runs of `octroi reconcile` and of the daily job.';

CREATE TABLE octroi_private.reconciliation_difference (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    customer_id text NOT NULL,
    subject text NOT NULL,
    what text NOT NULL,
    meter text,
    period_start timestamp with time zone,
    period_end timestamp with time zone,
    ledger bigint,
    reported bigint,
    stripe bigint,
    invoiced bigint,
    is_explained boolean NOT NULL,
    reason text NOT NULL,
    CONSTRAINT reconciliation_difference_reason_check CHECK ((length(reason) <= 500)),
    CONSTRAINT reconciliation_difference_what_check CHECK ((what = ANY (ARRAY['usage'::text, 'invoice'::text, 'subscription'::text])))
);

ALTER TABLE ONLY octroi_private.reconciliation_difference FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.reconciliation_difference OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.reconciliation_difference IS 'What did not agree in a run, and why.';

ALTER TABLE octroi_private.reconciliation_difference ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.reconciliation_difference_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE octroi_private.reconciliation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.reconciliation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.reconciliation_seen (
    run_id bigint NOT NULL,
    subscription_id text NOT NULL
);

ALTER TABLE ONLY octroi_private.reconciliation_seen FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.reconciliation_seen OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.reconciliation_seen IS 'Subscriptions that Stripe listed in a run.';

CREATE TABLE octroi_private.recurring_job (
    kind text NOT NULL,
    every_seconds integer NOT NULL,
    next_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT recurring_job_every_seconds_check CHECK (((every_seconds >= 60) AND (every_seconds <= 604800)))
);

ALTER TABLE ONLY octroi_private.recurring_job FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.recurring_job OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.recurring_job IS 'Jobs that come back by themselves; at most one of a kind waits.';

CREATE TABLE octroi_private.refused_access (
    bucket_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    account_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    refusals octroi_private.quantity NOT NULL,
    foreign_ids octroi_private.quantity DEFAULT 0 NOT NULL,
    CONSTRAINT refused_access_reason_check CHECK ((reason = ANY (ARRAY['unknown_key'::text, 'revoked_key'::text, 'expired_key'::text, 'bad_token'::text, 'suspended'::text, 'not_a_member'::text, 'missed_id'::text])))
)
WITH (fillfactor='70');

ALTER TABLE ONLY octroi_private.refused_access FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.refused_access OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.refused_access IS 'How often access was refused, by ten minutes, reason, account and key. Kept for a week.';

CREATE TABLE octroi_private.retention_rule (
    country text NOT NULL,
    years integer NOT NULL,
    legal_reason text NOT NULL,
    is_in_force boolean DEFAULT false NOT NULL,
    CONSTRAINT retention_rule_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT retention_rule_legal_reason_check CHECK (((length(legal_reason) >= 1) AND (length(legal_reason) <= 300))),
    CONSTRAINT retention_rule_years_check CHECK (((years >= 1) AND (years <= 30)))
);

ALTER TABLE ONLY octroi_private.retention_rule FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.retention_rule OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.retention_rule IS 'How long invoices and what they charge for are kept after an erasure, by the operator''s country, from the end of the year.';

CREATE TABLE octroi_private.retention_setting (
    table_name text NOT NULL,
    keep interval,
    at_least interval NOT NULL,
    reason text NOT NULL,
    changed_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT retention_setting_keep_check CHECK ((keep > '00:00:00'::interval)),
    CONSTRAINT retention_setting_not_too_short CHECK ((keep >= at_least)),
    CONSTRAINT retention_setting_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 300))),
    CONSTRAINT retention_setting_table_name_check CHECK ((table_name ~ '^[a-z_]{1,63}$'::text))
);

ALTER TABLE ONLY octroi_private.retention_setting FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.retention_setting OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.retention_setting IS 'How long rows are kept after what they are about has ended. set_retention() changes it.';

ALTER TABLE octroi_private.revocation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.revocation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.security_setting (
    only_row boolean DEFAULT true NOT NULL,
    breach_report_hours integer DEFAULT 72 NOT NULL,
    refusals_of_one integer DEFAULT 100 NOT NULL,
    refusals_of_unknown integer DEFAULT 2000 NOT NULL,
    foreign_ids integer DEFAULT 3 NOT NULL,
    velocity_times integer DEFAULT 10 NOT NULL,
    velocity_requests integer DEFAULT 1000 NOT NULL,
    habit_days integer DEFAULT 7 NOT NULL,
    CONSTRAINT security_setting_breach_report_hours_check CHECK (((breach_report_hours >= 1) AND (breach_report_hours <= 720))),
    CONSTRAINT security_setting_foreign_ids_check CHECK (((foreign_ids >= 1) AND (foreign_ids <= 1000000))),
    CONSTRAINT security_setting_habit_days_check CHECK (((habit_days >= 1) AND (habit_days <= 90))),
    CONSTRAINT security_setting_only_row_check CHECK (only_row),
    CONSTRAINT security_setting_refusals_of_one_check CHECK (((refusals_of_one >= 1) AND (refusals_of_one <= 1000000))),
    CONSTRAINT security_setting_refusals_of_unknown_check CHECK (((refusals_of_unknown >= 1) AND (refusals_of_unknown <= 1000000))),
    CONSTRAINT security_setting_velocity_requests_check CHECK (((velocity_requests >= 1) AND (velocity_requests <= 1000000000))),
    CONSTRAINT security_setting_velocity_times_check CHECK (((velocity_times >= 2) AND (velocity_times <= 1000)))
);

ALTER TABLE ONLY octroi_private.security_setting FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.security_setting OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.security_setting IS 'One row: the breach clock, and what counts as a sign of one.';

CREATE TABLE octroi_private.security_signal (
    id bigint NOT NULL,
    kind text NOT NULL,
    account_id uuid,
    api_key_id uuid,
    window_start timestamp with time zone NOT NULL,
    detail jsonb NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    breach_id bigint,
    dismissed_at timestamp with time zone,
    dismissed_reason text,
    CONSTRAINT security_signal_detail_check CHECK ((jsonb_typeof(detail) = 'object'::text)),
    CONSTRAINT security_signal_dismissed_for_a_reason CHECK (((dismissed_at IS NULL) = (dismissed_reason IS NULL))),
    CONSTRAINT security_signal_dismissed_reason_check CHECK (((length(dismissed_reason) >= 1) AND (length(dismissed_reason) <= 1000))),
    CONSTRAINT security_signal_kind_check CHECK ((kind = ANY (ARRAY['refusals'::text, 'unknown_callers'::text, 'foreign_ids'::text, 'new_model'::text, 'velocity'::text, 'audit_chain'::text])))
);

ALTER TABLE ONLY octroi_private.security_signal FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.security_signal OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.security_signal IS 'What may be the sign of a breach, once per window. Dismissed for a reason, or part of a breach.';

ALTER TABLE octroi_private.security_signal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.security_signal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.stored_response (
    request_id uuid NOT NULL,
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    status smallint NOT NULL,
    content_type text NOT NULL,
    body bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT stored_response_body_check CHECK ((octet_length(body) <= 8388608)),
    CONSTRAINT stored_response_status_check CHECK (((status >= 100) AND (status <= 599)))
);

ALTER TABLE ONLY octroi_private.stored_response FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stored_response OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stored_response IS 'The only place an answer''s text rests: opt-in, for ten minutes at most. Read through RPCs, never selected.';

CREATE TABLE octroi_private.stripe_event (
    id octroi_private.stripe_id NOT NULL,
    type text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    api_version text,
    object_kind text,
    object_id text,
    object jsonb NOT NULL,
    state text NOT NULL,
    reason text,
    CONSTRAINT stripe_event_api_version_check CHECK ((length(api_version) <= 50)),
    CONSTRAINT stripe_event_object_check CHECK ((jsonb_typeof(object) = 'object'::text)),
    CONSTRAINT stripe_event_quarantined_for_a_reason CHECK (((state <> 'quarantined'::text) OR (reason IS NOT NULL))),
    CONSTRAINT stripe_event_queued_for_an_object CHECK (((state <> 'queued'::text) OR (object_kind IS NOT NULL))),
    CONSTRAINT stripe_event_reason_check CHECK ((length(reason) <= 500)),
    CONSTRAINT stripe_event_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'done'::text, 'ignored'::text, 'quarantined'::text]))),
    CONSTRAINT stripe_event_type_check CHECK (((length(type) >= 1) AND (length(type) <= 100)))
);

ALTER TABLE ONLY octroi_private.stripe_event FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_event OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_event IS 'Inbox of webhooks: which event said that which object changed. Nothing of its content is believed.';

CREATE TABLE octroi_private.stripe_object (
    kind text NOT NULL,
    id octroi_private.stripe_id NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    lease_expires_at timestamp with time zone,
    locked_at timestamp with time zone,
    queued_at timestamp with time zone,
    applied_at timestamp with time zone,
    problem text,
    CONSTRAINT stripe_object_kind_check CHECK ((kind = ANY (ARRAY['customer'::text, 'subscription'::text, 'invoice'::text, 'checkout_session'::text, 'charge'::text, 'dispute'::text]))),
    CONSTRAINT stripe_object_problem_check CHECK ((length(problem) <= 500))
);

ALTER TABLE ONLY octroi_private.stripe_object FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_object OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.stripe_object IS 'Which objects of Stripe were fetched, and who may be fetching one now.';

CREATE VIEW octroi_private.support_contact AS
 SELECT c.user_id,
    m.email,
    m.phone
   FROM (octroi_private.contact c
     LEFT JOIN LATERAL octroi_private.mask_contact(c.user_id, c.email, c.phone) m(email, phone) ON (true))
  WHERE ( SELECT octroi_private.log_admin_read('contact'::text) AS log_admin_read);

ALTER TABLE octroi_private.support_contact OWNER TO octroi_owner;

COMMENT ON VIEW octroi_private.support_contact IS 'Everybody''s contact, masked, for octroi_support. Nothing in it can be unmasked. Each reading is in the audit log.';

CREATE TABLE octroi_private.test_clock (
    only_row boolean DEFAULT true NOT NULL,
    shift interval NOT NULL,
    CONSTRAINT test_clock_only_row_check CHECK (only_row)
);

ALTER TABLE ONLY octroi_private.test_clock FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.test_clock OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.test_clock IS 'Moves octroi_private.now() in tests. Empty in production.';

CREATE TABLE octroi_private.tombstone (
    subject_hash bytea NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    CONSTRAINT tombstone_subject_hash_check CHECK ((octet_length(subject_hash) = 32))
);

ALTER TABLE ONLY octroi_private.tombstone FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.tombstone OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.tombstone IS 'Who was erased, as a keyed hash of their id: it recognises a person who is back, and names nobody.';

CREATE TABLE octroi_private.tombstone_key (
    only_row boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT tombstone_key_key_check CHECK ((octet_length(key) = 32)),
    CONSTRAINT tombstone_key_only_row_check CHECK (only_row)
);

ALTER TABLE ONLY octroi_private.tombstone_key FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.tombstone_key OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.tombstone_key IS 'The key of the hashes in tombstone.';

ALTER TABLE octroi_private.top_up_pack ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.top_up_pack_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.usage_month_dropped (
    month date NOT NULL,
    dropped_at timestamp with time zone NOT NULL,
    CONSTRAINT usage_month_dropped_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric))
);

ALTER TABLE ONLY octroi_private.usage_month_dropped FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_month_dropped OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.usage_month_dropped IS 'Months of usage_event whose time was over.';

CREATE TABLE octroi_private.usage_removal (
    id bigint NOT NULL,
    receipt_id uuid NOT NULL,
    user_id uuid NOT NULL,
    account_id uuid,
    is_deleting boolean NOT NULL,
    after_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    after_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL
);

ALTER TABLE ONLY octroi_private.usage_removal FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_removal OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.usage_removal IS 'How far the calls of an erased person are removed; the row is the cursor.';

ALTER TABLE octroi_private.usage_removal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.usage_removal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY octroi_private.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.api_key
    ADD CONSTRAINT api_key_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY octroi_private.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.api_key_previous
    ADD CONSTRAINT api_key_previous_pkey PRIMARY KEY (key_hash);

ALTER TABLE ONLY octroi_private.api_key_use
    ADD CONSTRAINT api_key_use_pkey PRIMARY KEY (api_key_id);

ALTER TABLE ONLY octroi_private.append_only_pass
    ADD CONSTRAINT append_only_pass_pkey PRIMARY KEY (relation, transaction_id);

ALTER TABLE ONLY octroi_private.audit_link
    ADD CONSTRAINT audit_link_audit_id_key UNIQUE (audit_id);

ALTER TABLE ONLY octroi_private.audit_link
    ADD CONSTRAINT audit_link_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY octroi_private.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.auto_top_up
    ADD CONSTRAINT auto_top_up_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY octroi_private.balance
    ADD CONSTRAINT balance_account_id_resets_at_scope_subject_meter_period_key UNIQUE (account_id, resets_at, scope, subject, meter, period);

ALTER TABLE ONLY octroi_private.balance
    ADD CONSTRAINT balance_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.ban
    ADD CONSTRAINT ban_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY octroi_private.billing_cycle
    ADD CONSTRAINT billing_cycle_pkey PRIMARY KEY (invoice_id);

ALTER TABLE ONLY octroi_private.billing_request
    ADD CONSTRAINT billing_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.billing_setting
    ADD CONSTRAINT billing_setting_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.breach_notice
    ADD CONSTRAINT breach_notice_once UNIQUE (breach_id, user_id);

ALTER TABLE ONLY octroi_private.breach_notice
    ADD CONSTRAINT breach_notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.breach
    ADD CONSTRAINT breach_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.budget
    ADD CONSTRAINT budget_pkey PRIMARY KEY (account_id, scope, subject, meter, period);

ALTER TABLE ONLY octroi_private.completion
    ADD CONSTRAINT completion_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.consent_policy
    ADD CONSTRAINT consent_policy_pkey PRIMARY KEY (purpose, version);

ALTER TABLE ONLY octroi_private.contact_change
    ADD CONSTRAINT contact_change_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.contact
    ADD CONSTRAINT contact_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY octroi_private.data_key
    ADD CONSTRAINT data_key_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY octroi_private.detection_state
    ADD CONSTRAINT detection_state_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.entitlement
    ADD CONSTRAINT entitlement_pkey PRIMARY KEY (account_id, api_key_id, user_id, model);

ALTER TABLE ONLY octroi_private.erased_account
    ADD CONSTRAINT erased_account_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY octroi_private.erasure_receipt
    ADD CONSTRAINT erasure_receipt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.erasure_receipt
    ADD CONSTRAINT erasure_receipt_pseudonym_key UNIQUE (pseudonym);

ALTER TABLE ONLY octroi_private.erasure_step
    ADD CONSTRAINT erasure_step_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.export_ticket
    ADD CONSTRAINT export_ticket_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY octroi_private.export_ticket
    ADD CONSTRAINT export_ticket_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY octroi_private.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.key_use_cursor
    ADD CONSTRAINT key_use_cursor_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY octroi_private.key_use
    ADD CONSTRAINT key_use_pkey PRIMARY KEY (account_id, api_key_id, day, model);

ALTER TABLE ONLY octroi_private.mail
    ADD CONSTRAINT mail_dedupe_key_key UNIQUE (dedupe_key);

ALTER TABLE ONLY octroi_private.mail
    ADD CONSTRAINT mail_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (account_id, user_id);

ALTER TABLE ONLY octroi_private.meter_report
    ADD CONSTRAINT meter_report_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.model_price
    ADD CONSTRAINT model_price_one_at_a_time EXCLUDE USING gist (model WITH =, valid WITH &&);

ALTER TABLE ONLY octroi_private.model_price
    ADD CONSTRAINT model_price_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.news_letter
    ADD CONSTRAINT news_letter_pkey PRIMARY KEY (key);

ALTER TABLE ONLY octroi_private.notification_setting
    ADD CONSTRAINT notification_setting_news_token_key UNIQUE (news_token);

ALTER TABLE ONLY octroi_private.notification_setting
    ADD CONSTRAINT notification_setting_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY octroi_private.notification_setting
    ADD CONSTRAINT notification_setting_unsubscribe_token_key UNIQUE (unsubscribe_token);

ALTER TABLE ONLY octroi_private.overage_setting
    ADD CONSTRAINT overage_setting_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY octroi_private.overage_use
    ADD CONSTRAINT overage_use_pkey PRIMARY KEY (balance_id, request_id);

ALTER TABLE ONLY octroi_private.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY octroi_private.person
    ADD CONSTRAINT person_pseudonym_key UNIQUE (pseudonym);

ALTER TABLE ONLY octroi_private.personal_column
    ADD CONSTRAINT personal_column_pkey PRIMARY KEY (table_name, column_name);

ALTER TABLE ONLY octroi_private.personal_table
    ADD CONSTRAINT personal_table_pkey PRIMARY KEY (table_name);

ALTER TABLE ONLY octroi_private.plan_limit
    ADD CONSTRAINT plan_limit_pkey PRIMARY KEY (plan_version_id, scope, model, meter, period);

ALTER TABLE ONLY octroi_private.plan_overage
    ADD CONSTRAINT plan_overage_event_name_key UNIQUE (event_name);

ALTER TABLE ONLY octroi_private.plan_overage
    ADD CONSTRAINT plan_overage_lookup_key_key UNIQUE (lookup_key);

ALTER TABLE ONLY octroi_private.plan_overage
    ADD CONSTRAINT plan_overage_pkey PRIMARY KEY (plan_version_id, meter);

ALTER TABLE ONLY octroi_private.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (code);

ALTER TABLE ONLY octroi_private.plan_price
    ADD CONSTRAINT plan_price_lookup_key_key UNIQUE (lookup_key);

ALTER TABLE ONLY octroi_private.plan_price
    ADD CONSTRAINT plan_price_pkey PRIMARY KEY (plan_version_id, billing_interval);

ALTER TABLE ONLY octroi_private.plan_version_pack
    ADD CONSTRAINT plan_version_pack_pkey PRIMARY KEY (plan_version_id, pack_code);

ALTER TABLE ONLY octroi_private.plan_version
    ADD CONSTRAINT plan_version_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.plan_version
    ADD CONSTRAINT plan_version_plan_code_version_key UNIQUE (plan_code, version);

ALTER TABLE ONLY octroi_private.privacy_request
    ADD CONSTRAINT privacy_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.privacy_setting
    ADD CONSTRAINT privacy_setting_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.processor
    ADD CONSTRAINT processor_pkey PRIMARY KEY (name);

ALTER TABLE ONLY octroi_private.quota_draw
    ADD CONSTRAINT quota_draw_pkey PRIMARY KEY (grant_id, request_id);

ALTER TABLE ONLY octroi_private.quota_grant
    ADD CONSTRAINT quota_grant_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.quota_grant
    ADD CONSTRAINT quota_grant_source_key UNIQUE (source);

ALTER TABLE ONLY octroi_private.reconciliation_difference
    ADD CONSTRAINT reconciliation_difference_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.reconciliation
    ADD CONSTRAINT reconciliation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.reconciliation_seen
    ADD CONSTRAINT reconciliation_seen_pkey PRIMARY KEY (run_id, subscription_id);

ALTER TABLE ONLY octroi_private.recurring_job
    ADD CONSTRAINT recurring_job_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY octroi_private.refused_access
    ADD CONSTRAINT refused_access_pkey PRIMARY KEY (bucket_at, reason, account_id, api_key_id);

ALTER TABLE octroi_private.request
    ADD CONSTRAINT request_is_sound CHECK (octroi_private.is_sound_request(request.*));

ALTER TABLE ONLY octroi_private.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.retention_rule
    ADD CONSTRAINT retention_rule_pkey PRIMARY KEY (country);

ALTER TABLE ONLY octroi_private.retention_setting
    ADD CONSTRAINT retention_setting_pkey PRIMARY KEY (table_name);

ALTER TABLE ONLY octroi_private.revocation
    ADD CONSTRAINT revocation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.second_factor
    ADD CONSTRAINT second_factor_pkey PRIMARY KEY (factor_id);

ALTER TABLE ONLY octroi_private.security_setting
    ADD CONSTRAINT security_setting_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.security_signal
    ADD CONSTRAINT security_signal_once UNIQUE NULLS NOT DISTINCT (kind, account_id, api_key_id, window_start);

ALTER TABLE ONLY octroi_private.security_signal
    ADD CONSTRAINT security_signal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stored_response
    ADD CONSTRAINT stored_response_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY octroi_private.stripe_catalogue
    ADD CONSTRAINT stripe_catalogue_pkey PRIMARY KEY (key);

ALTER TABLE ONLY octroi_private.stripe_catalogue
    ADD CONSTRAINT stripe_catalogue_stripe_id_key UNIQUE (stripe_id);

ALTER TABLE ONLY octroi_private.stripe_charge
    ADD CONSTRAINT stripe_charge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_checkout_line
    ADD CONSTRAINT stripe_checkout_line_pkey PRIMARY KEY (session_id, id);

ALTER TABLE ONLY octroi_private.stripe_checkout_session
    ADD CONSTRAINT stripe_checkout_session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_customer
    ADD CONSTRAINT stripe_customer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_dispute
    ADD CONSTRAINT stripe_dispute_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_event
    ADD CONSTRAINT stripe_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_invoice_line
    ADD CONSTRAINT stripe_invoice_line_pkey PRIMARY KEY (invoice_id, id);

ALTER TABLE ONLY octroi_private.stripe_invoice_payment
    ADD CONSTRAINT stripe_invoice_payment_pkey PRIMARY KEY (payment_intent_id, invoice_id);

ALTER TABLE ONLY octroi_private.stripe_invoice
    ADD CONSTRAINT stripe_invoice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_object
    ADD CONSTRAINT stripe_object_pkey PRIMARY KEY (kind, id);

ALTER TABLE ONLY octroi_private.stripe_refund
    ADD CONSTRAINT stripe_refund_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_subscription_item
    ADD CONSTRAINT stripe_subscription_item_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stripe_subscription
    ADD CONSTRAINT stripe_subscription_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.test_clock
    ADD CONSTRAINT test_clock_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.tombstone_key
    ADD CONSTRAINT tombstone_key_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.tombstone
    ADD CONSTRAINT tombstone_pkey PRIMARY KEY (subject_hash);

ALTER TABLE ONLY octroi_private.top_up_pack
    ADD CONSTRAINT top_up_pack_code_version_key UNIQUE (code, version);

ALTER TABLE ONLY octroi_private.top_up_pack
    ADD CONSTRAINT top_up_pack_lookup_key_key UNIQUE (lookup_key);

ALTER TABLE ONLY octroi_private.top_up_pack
    ADD CONSTRAINT top_up_pack_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.top_up
    ADD CONSTRAINT top_up_pkey PRIMARY KEY (grant_id);

ALTER TABLE ONLY octroi_private.usage_daily
    ADD CONSTRAINT usage_daily_pkey PRIMARY KEY (account_id, day, user_id, model);

ALTER TABLE ONLY octroi_private.usage_event
    ADD CONSTRAINT usage_event_pkey PRIMARY KEY (id, occurred_at);

ALTER TABLE ONLY octroi_private.usage_month_dropped
    ADD CONSTRAINT usage_month_dropped_pkey PRIMARY KEY (month);

ALTER TABLE ONLY octroi_private.usage_removal
    ADD CONSTRAINT usage_removal_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX account_one_personal ON octroi_private.account USING btree (owner_user_id) WHERE (kind = 'personal'::text);

CREATE INDEX account_owner ON octroi_private.account USING btree (owner_user_id);

CREATE INDEX alert_account ON octroi_private.alert USING btree (account_id, raised_at);

CREATE UNIQUE INDEX alert_once ON octroi_private.alert USING btree (balance_id, threshold) WHERE (cleared_at IS NULL);

CREATE INDEX api_key_account ON octroi_private.api_key USING btree (account_id);

CREATE INDEX api_key_previous_key ON octroi_private.api_key_previous USING btree (api_key_id);

CREATE INDEX api_key_user ON octroi_private.api_key USING btree (user_id);

CREATE INDEX audit_log_account ON octroi_private.audit_log USING btree (account_id, id);

CREATE INDEX audit_log_actor ON octroi_private.audit_log USING btree (actor, id);

CREATE INDEX audit_log_person ON octroi_private.audit_log USING btree (person, id);

CREATE INDEX audit_log_reads ON octroi_private.audit_log USING btree (id) WHERE (action ~ '^admin_read\.'::text);

CREATE INDEX balance_set_off ON octroi_private.balance USING btree (account_id, meter) WHERE (set_off <> 0);

CREATE INDEX billing_cycle_account ON octroi_private.billing_cycle USING btree (account_id, period_end);

CREATE INDEX billing_cycle_running ON octroi_private.billing_cycle USING btree (changed_at) WHERE (state <> 'closed'::text);

CREATE INDEX billing_request_account ON octroi_private.billing_request USING btree (account_id, created_at);

CREATE INDEX billing_request_url ON octroi_private.billing_request USING btree (finished_at) WHERE (url IS NOT NULL);

CREATE INDEX breach_notice_mail ON octroi_private.breach_notice USING btree (mail_id);

CREATE INDEX breach_notice_user ON octroi_private.breach_notice USING btree (user_id);

CREATE INDEX completion_account ON octroi_private.completion USING btree (account_id);

CREATE INDEX completion_expiry ON octroi_private.completion USING btree (expires_at);

CREATE INDEX consent_purpose ON octroi_private.consent USING btree (purpose, policy_version);

CREATE INDEX consent_user ON octroi_private.consent USING btree (user_id, purpose, id);

CREATE INDEX contact_change_account ON octroi_private.contact_change USING btree (account_id);

CREATE UNIQUE INDEX contact_change_one_waits ON octroi_private.contact_change USING btree (account_id) WHERE (state = 'pending'::text);

CREATE INDEX contact_change_user ON octroi_private.contact_change USING btree (user_id);

CREATE INDEX contact_email_index ON octroi_private.contact USING btree (email_index) WHERE (email_index IS NOT NULL);

CREATE INDEX entitlement_price ON octroi_private.entitlement USING btree (price_id);

CREATE INDEX erased_account_due ON octroi_private.erased_account USING btree (kept_until);

CREATE INDEX erased_account_receipt ON octroi_private.erased_account USING btree (receipt_id);

CREATE INDEX erasure_receipt_finished ON octroi_private.erasure_receipt USING btree (finished_at);

CREATE INDEX erasure_step_handover ON octroi_private.erasure_step USING btree (account_id) WHERE ((kind = 'handover'::text) AND (finished_at IS NULL));

CREATE UNIQUE INDEX erasure_step_once ON octroi_private.erasure_step USING btree (customer_id, receipt_id) WHERE (customer_id IS NOT NULL);

CREATE INDEX erasure_step_open ON octroi_private.erasure_step USING btree (id) WHERE (finished_at IS NULL);

CREATE INDEX erasure_step_receipt ON octroi_private.erasure_step USING btree (receipt_id);

CREATE INDEX export_ticket_expiry ON octroi_private.export_ticket USING btree (expires_at);

CREATE INDEX export_ticket_user ON octroi_private.export_ticket USING btree (user_id, issued_at);

CREATE INDEX job_due ON octroi_private.job USING btree (run_at, id) WHERE (state = 'queued'::text);

CREATE INDEX job_finished ON octroi_private.job USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX job_leased ON octroi_private.job USING btree (lease_expires_at) WHERE (state = 'running'::text);

CREATE INDEX key_use_day ON octroi_private.key_use USING btree (day);

CREATE INDEX mail_finished ON octroi_private.mail USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX mail_user ON octroi_private.mail USING btree (user_id);

CREATE INDEX member_user ON octroi_private.member USING btree (user_id, account_id);

CREATE INDEX meter_report_account ON octroi_private.meter_report USING btree (account_id, window_start);

CREATE INDEX meter_report_balance ON octroi_private.meter_report USING btree (balance_id);

CREATE UNIQUE INDEX meter_report_one_in_flight ON octroi_private.meter_report USING btree (customer_id, event_name) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text]));

CREATE INDEX meter_report_to_look_at ON octroi_private.meter_report USING btree (changed_at) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'rejected'::text, 'disputed'::text]));

CREATE INDEX model_price_model ON octroi_private.model_price USING btree (model);

CREATE INDEX overage_use_period ON octroi_private.overage_use USING btree (account_id, occurred_at);

CREATE INDEX overage_use_report ON octroi_private.overage_use USING btree (report_id) WHERE (report_id IS NOT NULL);

CREATE INDEX overage_use_unreported ON octroi_private.overage_use USING btree (account_id, event_name) WHERE (report_id IS NULL);

CREATE UNIQUE INDEX plan_one_default ON octroi_private.plan USING btree (is_default) WHERE is_default;

CREATE INDEX privacy_request_open ON octroi_private.privacy_request USING btree (due_at) WHERE (state = 'open'::text);

CREATE INDEX privacy_request_user ON octroi_private.privacy_request USING btree (user_id, received_at);

CREATE INDEX quota_draw_balance ON octroi_private.quota_draw USING btree (balance_id);

CREATE INDEX quota_grant_account ON octroi_private.quota_grant USING btree (account_id, meter) WHERE (ended_at IS NULL);

CREATE INDEX quota_grant_of_account ON octroi_private.quota_grant USING btree (account_id);

CREATE INDEX quota_grant_revoked ON octroi_private.quota_grant USING btree (account_id, meter) WHERE ((revoked)::bigint > 0);

CREATE INDEX reconciliation_difference_run ON octroi_private.reconciliation_difference USING btree (run_id);

CREATE INDEX request_expired ON octroi_private.request USING btree (user_id) WHERE ((state)::text = 'expired'::text);

CREATE UNIQUE INDEX request_idempotency ON octroi_private.request USING btree (account_id, idempotency_key) WHERE ((idempotency_key IS NOT NULL) AND ((state)::text <> 'released'::text));

CREATE INDEX request_open ON octroi_private.request USING btree (expires_at) WHERE ((state)::text = 'open'::text);

CREATE UNIQUE INDEX retention_rule_one_in_force ON octroi_private.retention_rule USING btree (is_in_force) WHERE is_in_force;

CREATE INDEX revocation_grant ON octroi_private.revocation USING btree (grant_id, happened_at);

CREATE INDEX second_factor_user ON octroi_private.second_factor USING btree (user_id);

CREATE INDEX security_signal_breach ON octroi_private.security_signal USING btree (breach_id);

CREATE INDEX security_signal_dismissed ON octroi_private.security_signal USING btree (dismissed_at) WHERE (dismissed_at IS NOT NULL);

CREATE INDEX stored_response_expiry ON octroi_private.stored_response USING btree (expires_at);

CREATE INDEX stripe_charge_payment ON octroi_private.stripe_charge USING btree (payment_intent_id);

CREATE INDEX stripe_checkout_session_customer ON octroi_private.stripe_checkout_session USING btree (customer_id);

CREATE INDEX stripe_checkout_session_payment ON octroi_private.stripe_checkout_session USING btree (payment_intent_id);

CREATE UNIQUE INDEX stripe_customer_one_per_account ON octroi_private.stripe_customer USING btree (account_id) WHERE ((account_id IS NOT NULL) AND (NOT is_deleted));

CREATE INDEX stripe_dispute_payment ON octroi_private.stripe_dispute USING btree (payment_intent_id);

CREATE INDEX stripe_event_quarantined ON octroi_private.stripe_event USING btree (received_at) WHERE (state = 'quarantined'::text);

CREATE INDEX stripe_event_queued ON octroi_private.stripe_event USING btree (object_kind, object_id) WHERE (state = 'queued'::text);

CREATE INDEX stripe_event_received ON octroi_private.stripe_event USING btree (received_at);

CREATE INDEX stripe_invoice_customer ON octroi_private.stripe_invoice USING btree (customer_id, created_at);

CREATE INDEX stripe_invoice_draft ON octroi_private.stripe_invoice USING btree (created_at) WHERE (status = 'draft'::text);

CREATE INDEX stripe_invoice_payment_of ON octroi_private.stripe_invoice_payment USING btree (invoice_id);

CREATE INDEX stripe_invoice_subscription ON octroi_private.stripe_invoice USING btree (subscription_id);

CREATE INDEX stripe_object_troubled ON octroi_private.stripe_object USING btree (applied_at) WHERE (problem IS NOT NULL);

CREATE INDEX stripe_refund_charge ON octroi_private.stripe_refund USING btree (charge_id);

CREATE INDEX stripe_subscription_customer ON octroi_private.stripe_subscription USING btree (customer_id);

CREATE INDEX stripe_subscription_item_of ON octroi_private.stripe_subscription_item USING btree (subscription_id);

CREATE INDEX subscription_account ON octroi_private.subscription USING btree (account_id);

CREATE UNIQUE INDEX subscription_one_running ON octroi_private.subscription USING btree (account_id) WHERE (ended_at IS NULL);

CREATE INDEX subscription_plan_version ON octroi_private.subscription USING btree (plan_version_id);

CREATE INDEX subscription_to_lapse ON octroi_private.subscription USING btree (granted_until) WHERE ((ended_at IS NULL) AND (granted_until < 'infinity'::timestamp with time zone));

CREATE INDEX tombstone_erased ON octroi_private.tombstone USING btree (erased_at, subject_hash);

CREATE INDEX top_up_account ON octroi_private.top_up USING btree (account_id, bought_at);

CREATE UNIQUE INDEX top_up_pack_one_on_sale ON octroi_private.top_up_pack USING btree (code) WHERE (retired_at IS NULL);

CREATE INDEX top_up_payment ON octroi_private.top_up USING btree (payment_intent_id);

CREATE INDEX usage_daily_day ON octroi_private.usage_daily USING btree (day);

CREATE INDEX usage_daily_user ON octroi_private.usage_daily USING btree (user_id, account_id);

CREATE INDEX usage_event_account ON ONLY octroi_private.usage_event USING btree (account_id, occurred_at DESC);

CREATE INDEX usage_removal_receipt ON octroi_private.usage_removal USING btree (receipt_id);

CREATE TRIGGER account_audited AFTER DELETE OR UPDATE OF status, owner_user_id, kind ON octroi_private.account FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('account');

CREATE TRIGGER account_of_the_living BEFORE INSERT OR UPDATE OF owner_user_id ON octroi_private.account FOR EACH ROW WHEN ((new.owner_user_id IS NOT NULL)) EXECUTE FUNCTION octroi_private.only_about_the_living('owner_user_id');

CREATE TRIGGER account_voids AFTER UPDATE OF status ON octroi_private.account FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER alert_of_the_living BEFORE INSERT ON octroi_private.alert FOR EACH ROW WHEN (((new.scope)::text = 'member'::text)) EXECUTE FUNCTION octroi_private.only_about_the_living('subject', 'skip');

CREATE TRIGGER api_key_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.api_key FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('api_key');

CREATE TRIGGER api_key_of_the_living BEFORE INSERT ON octroi_private.api_key FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER api_key_voids AFTER DELETE OR UPDATE ON octroi_private.api_key FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER audit_link_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON octroi_private.audit_link FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

ALTER TABLE octroi_private.audit_link ENABLE ALWAYS TRIGGER audit_link_append_only;

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON octroi_private.audit_log FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

ALTER TABLE octroi_private.audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;

CREATE CONSTRAINT TRIGGER audit_log_linked AFTER INSERT ON octroi_private.audit_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION octroi_private.link_entry();

ALTER TABLE octroi_private.audit_log ENABLE ALWAYS TRIGGER audit_log_linked;

CREATE TRIGGER audit_log_pseudonymous BEFORE INSERT ON octroi_private.audit_log FOR EACH ROW EXECUTE FUNCTION octroi_private.pseudonymise_entry();

ALTER TABLE octroi_private.audit_log ENABLE ALWAYS TRIGGER audit_log_pseudonymous;

CREATE TRIGGER auto_top_up_audited AFTER INSERT OR DELETE OR UPDATE OF pack_code, below, monthly_cap_minor, user_id ON octroi_private.auto_top_up FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('auto_top_up');

CREATE TRIGGER auto_top_up_of_the_living BEFORE INSERT ON octroi_private.auto_top_up FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER auto_top_up_request_of_the_living BEFORE INSERT ON octroi_private.billing_request FOR EACH ROW WHEN ((new.kind = 'auto_top_up'::text)) EXECUTE FUNCTION octroi_private.only_about_the_living('user_id', 'skip');

CREATE TRIGGER balance_lowered BEFORE UPDATE OF used, reserved ON octroi_private.balance FOR EACH ROW WHEN (((old.granted)::bigint > (old.allowed)::bigint)) EXECUTE FUNCTION octroi_private.lower_granted();

CREATE TRIGGER ban_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.ban FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('ban');

CREATE TRIGGER ban_of_the_living BEFORE INSERT ON octroi_private.ban FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id', 'skip');

CREATE TRIGGER ban_voids AFTER INSERT OR UPDATE ON octroi_private.ban FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements_of_banned();

CREATE TRIGGER billing_request_of_the_living BEFORE INSERT ON octroi_private.billing_request FOR EACH ROW WHEN ((new.kind <> 'auto_top_up'::text)) EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER billing_setting_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.billing_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('billing_setting');

CREATE TRIGGER breach_kept BEFORE DELETE OR TRUNCATE ON octroi_private.breach FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

CREATE TRIGGER breach_notice_ended AFTER UPDATE OF state ON octroi_private.mail FOR EACH ROW WHEN (((new.kind = 'breach'::text) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION octroi_private.keep_notice_outcome();

CREATE TRIGGER breach_notice_kept BEFORE DELETE OR TRUNCATE ON octroi_private.breach_notice FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

CREATE TRIGGER breach_notice_lost AFTER DELETE ON octroi_private.mail FOR EACH ROW WHEN (((old.kind = 'breach'::text) AND (old.finished_at IS NULL))) EXECUTE FUNCTION octroi_private.keep_notice_outcome();

CREATE TRIGGER breach_notice_of_the_living BEFORE INSERT ON octroi_private.breach_notice FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id', 'skip');

CREATE TRIGGER budget_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.budget FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('budget');

CREATE TRIGGER budget_of_the_living BEFORE INSERT ON octroi_private.budget FOR EACH ROW WHEN (((new.scope)::text = 'member'::text)) EXECUTE FUNCTION octroi_private.only_about_the_living('subject');

CREATE TRIGGER budget_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.budget FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER completion_of_the_living BEFORE INSERT ON octroi_private.completion FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER consent_append_only BEFORE UPDATE OR TRUNCATE ON octroi_private.consent FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

CREATE TRIGGER consent_audited AFTER INSERT ON octroi_private.consent FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('consent');

CREATE CONSTRAINT TRIGGER consent_leaves_with_person AFTER DELETE ON octroi_private.consent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION octroi_private.refuse_loss_of_consent();

CREATE TRIGGER consent_of_the_living BEFORE INSERT ON octroi_private.consent FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER consent_policy_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON octroi_private.consent_policy FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

CREATE TRIGGER consent_policy_audited AFTER INSERT ON octroi_private.consent_policy FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('consent_policy');

CREATE TRIGGER contact_change_of_the_living BEFORE INSERT ON octroi_private.contact_change FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER contact_of_the_living BEFORE INSERT ON octroi_private.contact FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER data_key_of_the_living BEFORE INSERT ON octroi_private.data_key FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER export_ticket_of_the_living BEFORE INSERT ON octroi_private.export_ticket FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER job_billing_given_up AFTER UPDATE OF state ON octroi_private.job FOR EACH ROW WHEN (((new.kind = 'run_billing_request'::text) AND (new.state = ANY (ARRAY['dead'::text, 'cancelled'::text])))) EXECUTE FUNCTION octroi_private.fail_given_up_billing_request();

CREATE TRIGGER job_contact_given_up AFTER UPDATE OF state ON octroi_private.job FOR EACH ROW WHEN (((new.kind = 'push_contact'::text) AND (new.state = ANY (ARRAY['dead'::text, 'cancelled'::text])))) EXECUTE FUNCTION octroi_private.fail_given_up_contact_change();

CREATE TRIGGER job_given_up AFTER UPDATE OF state ON octroi_private.job FOR EACH ROW WHEN (((new.kind = 'complete_request'::text) AND (new.state = ANY (ARRAY['dead'::text, 'cancelled'::text])))) EXECUTE FUNCTION octroi_private.fail_given_up_completion();

CREATE TRIGGER job_inserted AFTER INSERT ON octroi_private.job FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.notify_job();

CREATE TRIGGER mail_given_up AFTER UPDATE OF state ON octroi_private.job FOR EACH ROW WHEN (((new.kind = 'send_mail'::text) AND (new.state = ANY (ARRAY['dead'::text, 'cancelled'::text])))) EXECUTE FUNCTION octroi_private.give_up_mail();

CREATE TRIGGER mail_of_the_living BEFORE INSERT ON octroi_private.mail FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id', 'skip');

CREATE TRIGGER member_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.member FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('member');

CREATE TRIGGER member_of_the_living BEFORE INSERT ON octroi_private.member FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER member_seats BEFORE INSERT ON octroi_private.member FOR EACH ROW EXECUTE FUNCTION octroi_private.refuse_beyond_seats();

CREATE TRIGGER member_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.member FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER model_price_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.model_price FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('model_price');

CREATE TRIGGER model_price_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.model_price FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.void_all_entitlements();

CREATE TRIGGER notification_setting_audited AFTER DELETE OR UPDATE ON octroi_private.notification_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('notification_setting');

CREATE TRIGGER notification_setting_of_the_living BEFORE INSERT ON octroi_private.notification_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER overage_setting_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.overage_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('overage_setting');

CREATE TRIGGER overage_setting_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.overage_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER plan_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.plan FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('plan');

CREATE TRIGGER plan_limit_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.plan_limit FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.void_all_entitlements();

CREATE TRIGGER plan_version_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.plan_version FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('plan_version');

CREATE TRIGGER plan_version_voids AFTER DELETE OR UPDATE ON octroi_private.plan_version FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.void_all_entitlements();

CREATE TRIGGER privacy_request_audited AFTER INSERT OR UPDATE ON octroi_private.privacy_request FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('privacy_request');

CREATE TRIGGER privacy_request_deletion_audited AFTER DELETE ON octroi_private.privacy_request FOR EACH ROW WHEN (((old.closed_at IS NULL) OR (old.closed_at > octroi_private.privacy_requests_kept_since()))) EXECUTE FUNCTION octroi_private.audit('privacy_request');

CREATE TRIGGER privacy_request_of_the_living BEFORE INSERT ON octroi_private.privacy_request FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id');

CREATE TRIGGER privacy_setting_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.privacy_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('privacy_setting');

CREATE TRIGGER processor_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.processor FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('processor');

CREATE TRIGGER quota_grant_audited AFTER INSERT OR DELETE OR UPDATE OF amount, expires_at, ended_at, revoked ON octroi_private.quota_grant FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('quota_grant');

CREATE TRIGGER quota_grant_voids AFTER INSERT OR DELETE OR UPDATE OF amount, starts_at, expires_at, ended_at, revoked ON octroi_private.quota_grant FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER retention_rule_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.retention_rule FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('retention_rule');

CREATE TRIGGER retention_setting_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.retention_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('retention_setting');

CREATE TRIGGER second_factor_audited AFTER INSERT OR DELETE ON octroi_private.second_factor FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('second_factor');

CREATE TRIGGER second_factor_of_the_living BEFORE INSERT ON octroi_private.second_factor FOR EACH ROW EXECUTE FUNCTION octroi_private.only_about_the_living('user_id', 'skip');

CREATE TRIGGER security_setting_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.security_setting FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('security_setting');

CREATE TRIGGER stripe_customer_of_erased AFTER INSERT OR UPDATE OF account_id ON octroi_private.stripe_customer FOR EACH ROW WHEN (((new.account_id IS NOT NULL) AND (NOT new.is_deleted))) EXECUTE FUNCTION octroi_private.erase_late_customer();

CREATE TRIGGER stripe_subscription_voids AFTER UPDATE OF status, is_paused ON octroi_private.stripe_subscription FOR EACH ROW WHEN (((old.status <> new.status) OR (old.is_paused <> new.is_paused))) EXECUTE FUNCTION octroi_private.void_entitlements_of_customer();

CREATE TRIGGER subscription_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.subscription FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('subscription');

CREATE TRIGGER subscription_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.subscription FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER top_up_pack_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.top_up_pack FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('top_up_pack');

CREATE TRIGGER usage_event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON octroi_private.usage_event FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

ALTER TABLE ONLY octroi_private.alert
    ADD CONSTRAINT alert_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.alert
    ADD CONSTRAINT alert_balance_id_fkey FOREIGN KEY (balance_id) REFERENCES octroi_private.balance(id);

ALTER TABLE ONLY octroi_private.api_key
    ADD CONSTRAINT api_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.api_key_previous
    ADD CONSTRAINT api_key_previous_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES octroi_private.api_key(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.api_key_use
    ADD CONSTRAINT api_key_use_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES octroi_private.api_key(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.auto_top_up
    ADD CONSTRAINT auto_top_up_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.balance
    ADD CONSTRAINT balance_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.billing_cycle
    ADD CONSTRAINT billing_cycle_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.billing_request
    ADD CONSTRAINT billing_request_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.breach_notice
    ADD CONSTRAINT breach_notice_breach_id_fkey FOREIGN KEY (breach_id) REFERENCES octroi_private.breach(id);

ALTER TABLE ONLY octroi_private.budget
    ADD CONSTRAINT budget_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.completion
    ADD CONSTRAINT completion_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.consent
    ADD CONSTRAINT consent_purpose_policy_version_fkey FOREIGN KEY (purpose, policy_version) REFERENCES octroi_private.consent_policy(purpose, version);

ALTER TABLE ONLY octroi_private.contact_change
    ADD CONSTRAINT contact_change_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.contact_change
    ADD CONSTRAINT contact_change_id_fkey FOREIGN KEY (id) REFERENCES octroi_private.privacy_request(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.entitlement
    ADD CONSTRAINT entitlement_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.entitlement
    ADD CONSTRAINT entitlement_price_id_fkey FOREIGN KEY (price_id) REFERENCES octroi_private.model_price(id);

ALTER TABLE ONLY octroi_private.erased_account
    ADD CONSTRAINT erased_account_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.erased_account
    ADD CONSTRAINT erased_account_receipt_id_fkey FOREIGN KEY (receipt_id) REFERENCES octroi_private.erasure_receipt(id);

ALTER TABLE ONLY octroi_private.erasure_step
    ADD CONSTRAINT erasure_step_receipt_id_fkey FOREIGN KEY (receipt_id) REFERENCES octroi_private.erasure_receipt(id);

ALTER TABLE ONLY octroi_private.export_ticket
    ADD CONSTRAINT export_ticket_request_id_fkey FOREIGN KEY (request_id) REFERENCES octroi_private.privacy_request(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.mail
    ADD CONSTRAINT mail_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.member
    ADD CONSTRAINT member_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.meter_report
    ADD CONSTRAINT meter_report_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.meter_report
    ADD CONSTRAINT meter_report_balance_id_fkey FOREIGN KEY (balance_id) REFERENCES octroi_private.balance(id);

ALTER TABLE ONLY octroi_private.overage_setting
    ADD CONSTRAINT overage_setting_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.overage_use
    ADD CONSTRAINT overage_use_balance_id_fkey FOREIGN KEY (balance_id) REFERENCES octroi_private.balance(id);

ALTER TABLE ONLY octroi_private.personal_column
    ADD CONSTRAINT personal_column_table_name_fkey FOREIGN KEY (table_name) REFERENCES octroi_private.personal_table(table_name) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.plan_limit
    ADD CONSTRAINT plan_limit_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE ONLY octroi_private.plan_overage
    ADD CONSTRAINT plan_overage_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE ONLY octroi_private.plan_price
    ADD CONSTRAINT plan_price_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE ONLY octroi_private.plan_version_pack
    ADD CONSTRAINT plan_version_pack_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE ONLY octroi_private.plan_version
    ADD CONSTRAINT plan_version_plan_code_fkey FOREIGN KEY (plan_code) REFERENCES octroi_private.plan(code);

ALTER TABLE ONLY octroi_private.quota_draw
    ADD CONSTRAINT quota_draw_balance_id_fkey FOREIGN KEY (balance_id) REFERENCES octroi_private.balance(id);

ALTER TABLE ONLY octroi_private.quota_draw
    ADD CONSTRAINT quota_draw_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES octroi_private.quota_grant(id);

ALTER TABLE ONLY octroi_private.quota_grant
    ADD CONSTRAINT quota_grant_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.reconciliation_difference
    ADD CONSTRAINT reconciliation_difference_run_id_fkey FOREIGN KEY (run_id) REFERENCES octroi_private.reconciliation(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.reconciliation_seen
    ADD CONSTRAINT reconciliation_seen_run_id_fkey FOREIGN KEY (run_id) REFERENCES octroi_private.reconciliation(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.revocation
    ADD CONSTRAINT revocation_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES octroi_private.quota_grant(id);

ALTER TABLE ONLY octroi_private.security_signal
    ADD CONSTRAINT security_signal_breach_id_fkey FOREIGN KEY (breach_id) REFERENCES octroi_private.breach(id);

ALTER TABLE ONLY octroi_private.stripe_customer
    ADD CONSTRAINT stripe_customer_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.subscription
    ADD CONSTRAINT subscription_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.subscription
    ADD CONSTRAINT subscription_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE ONLY octroi_private.top_up
    ADD CONSTRAINT top_up_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.top_up
    ADD CONSTRAINT top_up_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES octroi_private.quota_grant(id);

ALTER TABLE ONLY octroi_private.top_up
    ADD CONSTRAINT top_up_pack_id_fkey FOREIGN KEY (pack_id) REFERENCES octroi_private.top_up_pack(id);

ALTER TABLE ONLY octroi_private.usage_removal
    ADD CONSTRAINT usage_removal_receipt_id_fkey FOREIGN KEY (receipt_id) REFERENCES octroi_private.erasure_receipt(id);

ALTER TABLE octroi_private.account ENABLE ROW LEVEL SECURITY;

CREATE POLICY admin_reads ON octroi_private.account FOR SELECT TO octroi_admin USING (( SELECT octroi_private.log_admin_read('account'::text) AS log_admin_read));

CREATE POLICY admin_reads ON octroi_private.usage_daily FOR SELECT TO octroi_admin USING (( SELECT octroi_private.log_admin_read('usage_daily'::text) AS log_admin_read));

CREATE POLICY admin_reads ON octroi_private.usage_event FOR SELECT TO octroi_admin USING (( SELECT octroi_private.log_admin_read('usage_event'::text) AS log_admin_read));

ALTER TABLE octroi_private.alert ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key_previous ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key_use ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.append_only_pass ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.audit_link ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.auto_top_up ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.balance ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.ban ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.billing_cycle ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.billing_request ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.billing_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.breach ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.breach_notice ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.budget ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.completion ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.consent ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.consent_policy ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.contact ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.contact_change ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.data_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.detection_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.entitlement ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.erased_account ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.erasure_receipt ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.erasure_step ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.export_ticket ENABLE ROW LEVEL SECURITY;

CREATE POLICY holder_reads ON octroi_private.api_key FOR SELECT TO authenticated USING (((user_id = ( SELECT octroi_private.my_user_id() AS my_user_id)) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts)))));

CREATE POLICY holder_reads ON octroi_private.api_key_previous FOR SELECT TO authenticated USING ((EXISTS ( SELECT
   FROM octroi_private.api_key k
  WHERE (k.id = api_key_previous.api_key_id))));

CREATE POLICY holder_reads ON octroi_private.api_key_use FOR SELECT TO authenticated USING ((EXISTS ( SELECT
   FROM octroi_private.api_key k
  WHERE (k.id = api_key_use.api_key_id))));

ALTER TABLE octroi_private.job ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.key_use ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.key_use_cursor ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.mail ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.member ENABLE ROW LEVEL SECURITY;

CREATE POLICY member_reads ON octroi_private.account FOR SELECT TO authenticated USING ((id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))));

CREATE POLICY member_reads ON octroi_private.alert FOR SELECT TO authenticated USING (((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))) AND ((subject = (( SELECT auth.uid() AS uid))::text) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts))))));

CREATE POLICY member_reads ON octroi_private.member FOR SELECT TO authenticated USING ((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))));

CREATE POLICY member_reads ON octroi_private.usage_daily FOR SELECT TO authenticated USING (((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))) AND ((user_id = ( SELECT auth.uid() AS uid)) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts))))));

CREATE POLICY member_reads ON octroi_private.usage_event FOR SELECT TO authenticated USING (((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))) AND ((user_id = ( SELECT auth.uid() AS uid)) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts))))));

ALTER TABLE octroi_private.meter_report ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.model_price ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.news_letter ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.notification_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.overage_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.overage_use ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON octroi_private.account TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.alert TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.api_key TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.api_key_previous TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.api_key_use TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.append_only_pass TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.audit_link TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.audit_log TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.auto_top_up TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.balance TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.ban TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.billing_cycle TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.billing_request TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.billing_setting TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.breach TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.breach_notice TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.budget TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.completion TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.consent TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.consent_policy TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.contact TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.contact_change TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.data_key TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.detection_state TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.entitlement TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.erased_account TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.erasure_receipt TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.erasure_step TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.export_ticket TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.job TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.key_use TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.key_use_cursor TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.mail TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.member TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.meter_report TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.model_price TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.news_letter TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.notification_setting TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.overage_setting TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.overage_use TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.person TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.personal_column TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.personal_table TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_limit TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_overage TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_price TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_version TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_version_pack TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.privacy_request TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.privacy_setting TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.processor TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.quota_draw TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.quota_grant TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.reconciliation TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.reconciliation_difference TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.reconciliation_seen TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.recurring_job TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.refused_access TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.request TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.retention_rule TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.retention_setting TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.revocation TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.second_factor TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.security_setting TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.security_signal TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stored_response TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_catalogue TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_charge TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_checkout_line TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_checkout_session TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_customer TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_dispute TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_event TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_invoice TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_invoice_line TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_invoice_payment TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_object TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_refund TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_subscription TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stripe_subscription_item TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.subscription TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.test_clock TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.tombstone TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.tombstone_key TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.top_up TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.top_up_pack TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.usage_daily TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.usage_event TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.usage_month_dropped TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.usage_removal TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY payer_reads ON octroi_private.billing_request FOR SELECT TO authenticated USING ((account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts))));

ALTER TABLE octroi_private.person ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.personal_column ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.personal_table ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_limit ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_overage ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_price ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_version ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_version_pack ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.privacy_request ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.privacy_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.processor ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_draw ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_grant ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.reconciliation ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.reconciliation_difference ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.reconciliation_seen ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.recurring_job ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.refused_access ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.request ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.retention_rule ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.retention_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.revocation ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.second_factor ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.security_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.security_signal ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stored_response ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_catalogue ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_charge ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_checkout_line ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_checkout_session ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_customer ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_dispute ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_invoice ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_invoice_line ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_invoice_payment ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_object ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_refund ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_subscription ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stripe_subscription_item ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.subscription ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.test_clock ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.tombstone ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.tombstone_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.top_up ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.top_up_pack ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_daily ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_month_dropped ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_removal ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA octroi TO anon;
GRANT USAGE ON SCHEMA octroi TO authenticated;
GRANT USAGE ON SCHEMA octroi TO service_role;
GRANT USAGE ON SCHEMA octroi TO octroi_admin;

GRANT USAGE ON SCHEMA octroi_private TO authenticated;
GRANT USAGE ON SCHEMA octroi_private TO octroi_worker;
GRANT USAGE ON SCHEMA octroi_private TO octroi_meter;
GRANT USAGE ON SCHEMA octroi_private TO octroi_admin;
GRANT USAGE ON SCHEMA octroi_private TO octroi_support;

REVOKE ALL ON FUNCTION octroi.billing_request(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.billing_request(id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi.buy_top_up(pack text, success_url text, cancel_url text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.buy_top_up(pack text, success_url text, cancel_url text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.cancel_subscription(at_period_end boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.cancel_subscription(at_period_end boolean) TO authenticated;

REVOKE ALL ON FUNCTION octroi.change_plan(plan text, billing_interval text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.change_plan(plan text, billing_interval text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.check_quota(model text, tokens bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.check_quota(model text, tokens bigint) TO authenticated;

REVOKE ALL ON FUNCTION octroi.completion(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.completion(id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi.count_tokens(model text, text text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.count_tokens(model text, text text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.create_api_key(name text, limits jsonb, expires_at timestamp with time zone, allowed_models text[], allowed_endpoints text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.create_api_key(name text, limits jsonb, expires_at timestamp with time zone, allowed_models text[], allowed_endpoints text[]) TO authenticated;

REVOKE ALL ON FUNCTION octroi.delete_my_account() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.delete_my_account() TO authenticated;

REVOKE ALL ON FUNCTION octroi.export_my_data() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.export_my_data() TO authenticated;

REVOKE ALL ON FUNCTION octroi.give_consent(purpose text, policy_version text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.give_consent(purpose text, policy_version text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_audit(max_rows integer, before bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_audit(max_rows integer, before bigint) TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_consents() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_consents() TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_data(table_name text, after text[], max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_data(table_name text, after text[], max_rows integer) TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_data_tables() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_data_tables() TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_forecast() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_forecast() TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_quota() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_quota() TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_subscription() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_subscription() TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_usage(since date, until date) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_usage(since date, until date) TO authenticated;

REVOKE ALL ON FUNCTION octroi.next_invoice() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.next_invoice() TO authenticated;

REVOKE ALL ON FUNCTION octroi.open_portal(return_url text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.open_portal(return_url text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.receipt(request_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.receipt(request_id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi.receive_stripe_events(events jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.receive_stripe_events(events jsonb) TO service_role;

REVOKE ALL ON FUNCTION octroi.request_completion(request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.request_completion(request jsonb) TO authenticated;

REVOKE ALL ON FUNCTION octroi.restrict_api_key(id uuid, allowed_models text[], allowed_endpoints text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.restrict_api_key(id uuid, allowed_models text[], allowed_endpoints text[]) TO authenticated;

REVOKE ALL ON FUNCTION octroi.resume_subscription() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.resume_subscription() TO authenticated;

REVOKE ALL ON FUNCTION octroi.revoke_api_key(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.revoke_api_key(id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi.rotate_api_key(id uuid, grace_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.rotate_api_key(id uuid, grace_seconds integer) TO authenticated;

REVOKE ALL ON FUNCTION octroi.set_auto_top_up(pack text, below bigint, monthly_cap_minor bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.set_auto_top_up(pack text, below bigint, monthly_cap_minor bigint) TO authenticated;

REVOKE ALL ON FUNCTION octroi.set_notifications(usage_alerts boolean, locale text, time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.set_notifications(usage_alerts boolean, locale text, time_zone text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.set_overage(enabled boolean, spend_cap_minor bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.set_overage(enabled boolean, spend_cap_minor bigint) TO authenticated;

REVOKE ALL ON FUNCTION octroi.start_checkout(plan text, billing_interval text, success_url text, cancel_url text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.start_checkout(plan text, billing_interval text, success_url text, cancel_url text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.unsubscribe(token text, act boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.unsubscribe(token text, act boolean) TO service_role;

REVOKE ALL ON FUNCTION octroi.update_my_contact(account_name text, billing_email text, phone text, locale text, time_zone text, address jsonb, tax_id jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.update_my_contact(account_name text, billing_email text, phone text, locale text, time_zone text, address jsonb, tax_id jsonb) TO authenticated;

REVOKE ALL ON FUNCTION octroi.withdraw_consent(purpose text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.withdraw_consent(purpose text) TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.access_of(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.account_of_customer(p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.accounts_of_person(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.add_business_days(p_at timestamp with time zone, p_days integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.add_grant(p_account_id uuid, p_meter text, p_amount bigint, p_kind text, p_reason text, p_expires_at timestamp with time zone, p_priority smallint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.add_person() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.admin_page(p_table text, p_after text[], p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.admin_page(p_table text, p_after text[], p_max_rows integer) TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.admin_statement(p_table text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.admin_tables() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.admin_tables() TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.affected_fault(p_affected jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.affected_people(p_affected jsonb, p_after uuid, p_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.alert_amount(p_account_id uuid, p_scope text, p_meter text, p_period text, p_used bigint, p_reached_of bigint, p_limit bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.allot(p_calls octroi_private.asked_call[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.allot_next(p_before octroi_private.allotment, p_balances octroi_private.balance[], p_input_tokens bigint, p_output_tokens bigint, p_choices bigint, p_input_price bigint, p_output_price bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.anchor_of(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.announce(p_key text, p_letter jsonb, p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.apply_retention(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.apply_stripe_object(p_kind text, p_id text, p_fence bigint, p_object jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.apply_stripe_object(p_kind text, p_id text, p_fence bigint, p_object jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.assess_breach(p_breach_id bigint, p_assessment jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.assess_breach(p_breach_id bigint, p_assessment jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.assign_plan(p_account_id uuid, p_plan_code text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.at_second(p_seconds bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.audit() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.audit_erasure(p_receipt_id uuid, p_accounts uuid[], p_ending uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.audit_hash(p_before bytea, p_entry octroi_private.audit_log) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.audit_position(p_position bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.audit_position(p_position bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) TO octroi_worker;
GRANT ALL ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) TO octroi_worker;
GRANT ALL ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.is_sound_usage(p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_total_tokens bigint, p_cost_nano_usd bigint, p_overrun_tokens bigint, p_overrun_cost_nano_usd bigint) FROM PUBLIC;

GRANT SELECT ON TABLE octroi_private.usage_event TO authenticated;
GRANT SELECT ON TABLE octroi_private.usage_event TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.balances_around(p_event octroi_private.usage_event) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.begin_export(p_token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.begin_export(p_token_hash bytea) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.begin_mail(p_mail_id uuid, p_attempt integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.begin_mail(p_mail_id uuid, p_attempt integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.begin_meter_report(p_report_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.begin_meter_report(p_report_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.billed_subscription(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.billed_until(p_customer_id text, p_event_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.billing_troubles() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.billing_troubles() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.billing_url_ends_at(p_kind text, p_finished_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.bite_end(p_account_id uuid, p_after timestamp with time zone, p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.blind_index(p_kind text, p_value text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.breach_report(p_breach_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.breach_report(p_breach_id bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.breach_state(p_breach octroi_private.breach) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.breaches(p_closed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.breaches(p_closed boolean) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.bury(p_user_id uuid, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.buy_when_low(p_account_id uuid, p_meter text, p_left bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.buying_point(p_account_id uuid, p_scope text, p_meter text, p_period text, p_limit bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.cancel_step(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.cancel_step(p_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.now() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.uuid_v7() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.uuid_v7() TO octroi_meter;

GRANT SELECT(id) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(account_id) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(kind) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(state) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(error) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(message) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(created_at) ON TABLE octroi_private.billing_request TO authenticated;

GRANT SELECT(finished_at) ON TABLE octroi_private.billing_request TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.change_args(p_request octroi_private.billing_request) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.change_step(p_id uuid, p_totals jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.change_step(p_id uuid, p_totals jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.charge_call(p_price octroi_private.model_price, p_hold_tokens bigint, p_hold_cost_nano_usd bigint, p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.check_key_access(p_allowed_models text[], p_allowed_endpoints text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer, p_after_run_at timestamp with time zone, p_after_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer, p_after_run_at timestamp with time zone, p_after_id bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.claim_mail(p_mail_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.claim_mail(p_mail_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.close_breach(p_breach_id bigint, p_note text, p_no_notice_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.close_breach(p_breach_id bigint, p_note text, p_no_notice_reason text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.close_did(p_invoice_id text, p_action text, p_result jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.close_did(p_invoice_id text, p_action text, p_result jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.close_overage(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.close_privacy_request(p_id uuid, p_state text, p_evidence jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.close_step(p_invoice_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.close_step(p_invoice_id text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.confirm_privacy_request(p_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.contact_change_details(p_user_id uuid, p_sealed bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.contact_fault(p_account_name text, p_billing_email text, p_phone text, p_address jsonb, p_tax_id jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.correct_usage(p_request_id uuid, p_reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.count_key_use(p_account_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.count_refusals(p_reasons text[], p_account_ids uuid[], p_api_key_ids uuid[], p_counts bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.count_refusals(p_reasons text[], p_account_ids uuid[], p_api_key_ids uuid[], p_counts bigint[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.covered_until(p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, OUT until timestamp with time zone, OUT is_paid boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.customer_of(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.cycle_windows(p_invoice_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.debt_of(p_account_id uuid, p_scope text, p_meter text, p_period text, p_period_start timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.decide_consent(p_user_id uuid, p_purpose text, p_is_given boolean, p_version text, p_method text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.decision_on(p_user_id uuid, p_purpose text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.declaration_faults(p_plans jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.declare_plans(p_plans jsonb, p_dry_run boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.declare_plans(p_plans jsonb, p_dry_run boolean) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.declared_beside_ours(p_plans jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.delete_calls(p_account_id uuid, p_user_id uuid, p_after timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.delete_user(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.detect_broken_chain(p_max_links integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.detect_refusals(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.detect_signals(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.detect_unusual_use(p_max_accounts integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.draw_grants(p_request_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.drop_bite(p_erased octroi_private.erased_account, p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.drop_empty_days(p_account_id uuid, p_after timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.drop_erased_account(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.drop_statements() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.drop_usage_month() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_billing_request(p_account_id uuid, p_user_id uuid, p_kind text, p_args jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_breach_notices(p_breach_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_contact_change(p_request_id uuid, p_account_id uuid, p_user_id uuid, p_details jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_erasure_at_stripe(p_receipt_id uuid, p_account_id uuid, p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_mail(p_account_id uuid, p_user_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_mail_to_owners(p_account_id uuid, p_kind text, p_key text, p_data jsonb, p_expires_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_recurring() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_related(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_sync(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.enqueue_touched(p_object_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.erase_deleted_user() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.erase_late_customer() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.erase_user(p_user_id uuid, p_asked_by text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.erasure_at_stripe(p_step_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.erasure_at_stripe(p_step_id bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.erasure_customer(p_step_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.erasure_customer(p_step_id bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.erasure_statements() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.evaluate_customer(p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.expire_due(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.expire_grants(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.export_manifest() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.export_manifest() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.export_page(p_request_id uuid, p_table text, p_after text[], p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.export_page(p_request_id uuid, p_table text, p_after text[], p_max_rows integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.export_rows(p_user_id uuid, p_table text, p_after text[], p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.extend_privacy_request(p_id uuid, p_reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.fail_billing_request(p_id uuid, p_code text, p_message text, p_object_id text, p_url text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.fail_billing_request(p_id uuid, p_code text, p_message text, p_object_id text, p_url text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.fail_given_up_billing_request() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.fail_given_up_completion() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.fail_given_up_contact_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.find_person_by_email(p_email text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.find_person_by_email(p_email text) TO octroi_support;
GRANT ALL ON FUNCTION octroi_private.find_person_by_email(p_email text) TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.finish_billing_request(p_id uuid, p_object_id text, p_url text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_billing_request(p_id uuid, p_object_id text, p_url text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_contact_change(p_id uuid, p_version integer, p_error text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_contact_change(p_id uuid, p_version integer, p_error text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_erasure(p_receipt_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.finish_erasure_step(p_step_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_erasure_step(p_step_id bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_export(p_request_id uuid, p_rows bigint, p_bytes bigint, p_sha256 text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_export(p_request_id uuid, p_rows bigint, p_bytes bigint, p_sha256 text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_jobs(p_ids bigint[], p_attempts integer[], p_outcomes text[], p_details text[], p_delays_seconds integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_jobs(p_ids bigint[], p_attempts integer[], p_outcomes text[], p_details text[], p_delays_seconds integer[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_meter_report(p_report_id uuid, p_outcome text, p_detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_meter_report(p_report_id uuid, p_outcome text, p_detail text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_reconciliation(p_run bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_reconciliation(p_run bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.finish_stripe_event(p_event_id text, p_state text, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_stripe_event(p_event_id text, p_state text, p_reason text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.flush_account(p_account_id uuid, p_before timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.follow_up(p_request_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.forecast(p_balances octroi_private.balance[], p_price_id bigint, p_tokens bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.forget_billing_urls(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.give_up_mail() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.grace_of(p_subscription octroi_private.stripe_subscription, p_plan_version_id bigint, p_paid_until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.grant_top_ups(p_account_id uuid, p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.granted_on_top(p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.hand_over(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.hand_over_customers(p_receipt_id uuid, p_user_id uuid, p_teams uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.handover_at_stripe(p_step octroi_private.erasure_step) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.has_bought(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.has_consent(p_user_id uuid, p_purpose text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.has_stepped_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.held_of_earlier_months(p_account_id uuid, p_meter text, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.hold_what_fits(p_request_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_banned(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_checkout_under_way(p_request octroi_private.billing_request) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_closed_for(p_account_id uuid, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_contractual(p_kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_ending(p_subscription octroi_private.stripe_subscription) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_letter(p_letter jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_overage_billed(p_stripe_subscription_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_payment_under_way(p_invoice octroi_private.stripe_invoice) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_sound_request(p_request octroi_private.request) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_sync_due(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_text(p_value jsonb, p_most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_wanted(p_user_id uuid, p_kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_whole(p_value jsonb, p_least bigint, p_most bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.items_of(p_plan_version_id bigint, p_billing_interval text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.judge_stripe_event(p_event jsonb, OUT id text, OUT type text, OUT created_at timestamp with time zone, OUT kind text, OUT object_id text, OUT object jsonb, OUT state text, OUT reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.keep_accounts(p_receipt_id uuid, p_ending uuid[], p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.keep_ban() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.keep_contact() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.keep_notice_outcome() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.keep_second_factor() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.kept_for(p_table_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.kept_since(p_table_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.lapse_plans(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.left_items(p_subscription_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.limit_faults(p_plan jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.limit_of(p_balance octroi_private.balance) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.limit_reason(p_scope text, p_meter text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.link_entry() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.link_stripe_customer(p_account_id uuid, p_customer_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.link_stripe_customer(p_account_id uuid, p_customer_id text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.listed(p_value jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.live_stripe_ids(p_kind text, p_after text, p_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.live_stripe_ids(p_kind text, p_after text, p_max integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.load_billing_request(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.load_billing_request(p_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.load_completion(p_completion_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.load_completion(p_completion_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.load_contact_change(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.load_contact_change(p_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.lock_append_only(p_relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.lock_balances(p_account_id uuid, p_anchor_at timestamp with time zone, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.lock_person(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.lock_stripe_object(p_kind text, p_id text, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.lock_stripe_object(p_kind text, p_id text, p_lease_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.lock_unsettled_requests(p_user_id uuid, p_ending uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.log_admin_read(p_relation text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.log_admin_read(p_relation text) TO octroi_admin;
GRANT ALL ON FUNCTION octroi_private.log_admin_read(p_relation text) TO octroi_support;

REVOKE ALL ON FUNCTION octroi_private.lower_granted() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_admin_view(p_table text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_meter_reports(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_pack_version(p_code text, p_version integer, p_content jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_plan_version(p_code text, p_version integer, p_content jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_usage_partition(p_month date) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_usage_partitions(p_months_ahead integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.mark_mail(p_mail_id uuid, p_attempt integer, p_outcome text, p_detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.mark_mail(p_mail_id uuid, p_attempt integer, p_outcome text, p_detail text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea) TO octroi_support;
GRANT ALL ON FUNCTION octroi_private.mask_contact(p_user_id uuid, p_email bytea, p_phone bytea) TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.mask_email(p_email text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.mask_phone(p_phone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.masked_contact(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.masked_contact(p_user_id uuid) TO octroi_support;
GRANT ALL ON FUNCTION octroi_private.masked_contact(p_user_id uuid) TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.metered_periods(p_customer text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.missing_items() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.model_limits(p_model text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.model_limits(p_model text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.model_list(p_account_id uuid, p_api_key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.model_list(p_account_id uuid, p_api_key_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.month_cut_short(p_account_id uuid, p_period_start timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.my_account() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.my_account_to_bill() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.my_accounts() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_accounts() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.my_administered_accounts() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_administered_accounts() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.my_billed_account() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.my_billing_url(p_billing_request_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_billing_url(p_billing_request_id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.my_invoices() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_invoices() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.my_top_ups() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_top_ups() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.my_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_user_id() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.new_key_secret() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.note_admin_read(p_action text, p_table text, p_subject text, p_detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.note_missed_id(p_is_foreign boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.note_missed_key(p_api_key_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.note_refused_at_limit(p_account_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.note_refused_at_limit(p_account_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.notice_fault(p_notice jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.notify_affected(p_breach_id bigint, p_notice jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.notify_affected(p_breach_id bigint, p_notice jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.notify_authority(p_breach_id bigint, p_authority text, p_reference text, p_notified_at timestamp with time zone, p_delay_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.notify_authority(p_breach_id bigint, p_authority text, p_reference text, p_notified_at timestamp with time zone, p_delay_reason text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.notify_job() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.object_problem(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.only_about_the_living() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_and_lock(p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_balances(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_breach(p_title text, p_nature text, p_detected_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.open_breach(p_title text, p_nature text, p_detected_at timestamp with time zone) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.open_breach_row(p_breach_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_cycles(p_account_id uuid, p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_for(p_user_id uuid, p_place text, p_sealed bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_overage(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_personal_account() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_privacy_request(p_user_id uuid, p_kind text, p_channel text, p_regime text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_sessions(p_account_id uuid, p_kind text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.operator_key_use() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.operator_key_use() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.origin_of(p_url text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.overage_faults(p_plan jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.overage_price(p_units bigint, p_price_minor bigint, p_slice bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.overage_units(p_cap_minor bigint, p_price_minor bigint, p_slice bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.pack_content(p_pack jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.pack_faults(p_pack jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.pack_on_sale(p_account_id uuid, p_pack text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.packs_on_sale() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.packs_on_sale() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.page_statement(p_table text, p_reach text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.paid_lines(p_subscription_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.paid_packs(p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.people_of_accounts(p_account_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.period_bounds(p_period text, p_anchor_at timestamp with time zone, p_at timestamp with time zone, OUT period_start timestamp with time zone, OUT resets_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.plan_catalogue() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.plan_catalogue() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.plan_content(p_plan jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.plan_faults(p_plan jsonb, p_packs jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.plan_name_of(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.plans_on_sale() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.plans_on_sale() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.policy_in_force(p_purpose text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.price_id_of(p_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.priced_pools(p_event octroi_private.usage_event) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.privacy_requests_kept_since() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.privacy_troubles() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.privacy_troubles() TO octroi_worker;
GRANT ALL ON FUNCTION octroi_private.privacy_troubles() TO octroi_admin;

REVOKE ALL ON FUNCTION octroi_private.prune(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.prune_billing(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.prune_key_use(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.prune_previous_keys(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.prune_privacy(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.pseudonym_of(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.pseudonymise_entry() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.pseudonymised(p_text text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.publish_policy(p_purpose text, p_version text, p_text text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.purchase_pages() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.purchase_pages() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.quota_of(p_account_id uuid, p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.raise_alerts(p_request_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.raise_signal(p_kind text, p_account_id uuid, p_api_key_id uuid, p_window_start timestamp with time zone, p_detail jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.raise_unsealed() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.rearm_alerts(p_balance octroi_private.balance, p_limit bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.receive_stripe_events(p_events jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.receive_stripe_events(p_events jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_customers(p_run bigint, p_after text, p_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_customers(p_run bigint, p_after text, p_max integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_cycles(p_run bigint, p_customer text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_cycles(p_run bigint, p_customer text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_invoice(p_run bigint, p_customer text, p_object jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_invoice(p_run bigint, p_customer text, p_object jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_listed(p_run bigint, p_customer text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_listed(p_run bigint, p_customer text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_subscription(p_run bigint, p_customer text, p_object jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_subscription(p_run bigint, p_customer text, p_object jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_window(p_run bigint, p_customer text, p_key text, p_stripe_total bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_window(p_run bigint, p_customer text, p_key text, p_stripe_total bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconcile_windows(p_run bigint, p_customer text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconcile_windows(p_run bigint, p_customer text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reconciliation_differences(p_run bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reconciliation_differences(p_run bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.record_audit(p_action text, p_account_id uuid, p_subject text, p_detail jsonb, p_reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.record_stripe_ids(p_ids jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.record_stripe_ids(p_ids jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_api_key_id uuid, p_request_id uuid, p_endpoint text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_api_key_id uuid, p_request_id uuid, p_endpoint text) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.recover_jobs(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_beyond_seats() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_loss_of_consent() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_outcome(p_request_id uuid, p_why text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_url(p_name text, p_url text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE octroi_private.register_personal_table(IN p_table text, IN p_about text, IN p_purpose text, IN p_legal_basis text, IN p_retention text, IN p_processors text[], IN p_erasure text, IN p_erasure_reason text, IN p_slices text, IN p_reach text, IN p_withheld text, IN p_key_columns text[], IN p_columns text, IN p_page_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.reject_meter_reports(p_identifiers text[], p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reject_meter_reports(p_identifiers text[], p_reason text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.release(p_request_id uuid, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release(p_request_id uuid, p_reason text) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.release_cycle(p_invoice_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release_cycle(p_invoice_id text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.remove_requests(p_user_id uuid, p_pseudonym uuid, p_after uuid, p_max_rows integer, OUT reached_id uuid, OUT rows_done bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.remove_usage(p_receipt_id uuid, p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.remove_usage(p_receipt_id uuid, p_max_rows integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reopen_overage(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.reopen_subscription(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.replace_reports(p_report_ids uuid[], p_why text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.replace_reports(p_report_ids uuid[], p_why text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.replay_tombstones(p_lines text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.replay_tombstones(p_lines text[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.report_usage(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.reported_windows(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.requeue_events(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.require_admin_step_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.require_step_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer, p_idempotency_key text, p_body_hash bytea, p_endpoint text, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer, p_idempotency_key text, p_body_hash bytea, p_endpoint text, p_lease_seconds integer) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.resolve_meter_report(p_report_id uuid, p_stripe_total bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.resolve_meter_report(p_report_id uuid, p_stripe_total bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.resolve_open_requests(p_user_id uuid, p_ending uuid[], p_accounts uuid[], p_pseudonym uuid, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.resolve_signals(p_ids bigint[], p_breach_id bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.resolve_signals(p_ids bigint[], p_breach_id bigint, p_reason text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.revoke_leaked_keys(p_key_hashes bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.revoke_leaked_keys(p_key_hashes bytea[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.revoke_top_ups(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.roll_over(p_account_id uuid, p_anchor_at timestamp with time zone, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.rotate_data_keys(p_after uuid, p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.rotate_data_keys(p_after uuid, p_max_rows integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.runs_out_at(p_left bigint, p_per_day bigint, p_resets_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.seal_for(p_user_id uuid, p_place text, p_plain text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.sealed_place(p_user_id uuid, p_place text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.security_signals(p_all boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.security_signals(p_all boolean) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.send_breach_notices(p_breach_id bigint, p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.send_breach_notices(p_breach_id bigint, p_max_rows integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.set_billing_settings(p_settings jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.set_billing_settings(p_settings jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.set_contact(p_user_id uuid, p_email text, p_phone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.set_retention(p_table_name text, p_keep interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.set_retention_country(p_country text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.set_security_settings(p_settings jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.set_security_settings(p_settings jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_response_model text, p_source text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_response_model text, p_source text) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.settle_account(p_account_id uuid, p_before timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.sold_by(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.stand_by_for_jobs() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.stand_by_for_jobs() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.stand_by_key() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.start_reconciliation() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.start_reconciliation() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.stop_auto_top_up(p_request octroi_private.billing_request) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.stop_standing_by() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.stop_standing_by() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.store_charge(p_object jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.store_checkout_session(p_object jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.store_customer(p_object jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.store_dispute(p_object jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.store_gone(p_kind text, p_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.store_invoice(p_object jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.store_subscription(p_object jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.stored_response(p_request_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.stored_response(p_request_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.stripe_event_types() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.stripe_id_of(p_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.subject_hash(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.subscribed_event_types() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.subscribed_event_types() TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.sweep(p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.sweep(p_max_rows integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.sync_access(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.taken_back(p_payment_intent_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.tell_of_auto_top_up(p_account_id uuid, p_pack_id bigint, p_reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.tell_of_payments(p_account_id uuid, p_customer_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.tell_of_threshold(p_alert_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.tell_of_top_up(p_grant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.threshold_amount(p_limit bigint, p_threshold integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.tombstones(p_after text, p_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.tombstones(p_after text, p_max integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.unknown_keys(p_object jsonb, p_known text[], p_where text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.unlink_calls(p_account_id uuid, p_user_id uuid, p_pseudonym uuid, p_after timestamp with time zone, p_until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.unlock_append_only(p_relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.unlock_stripe_object(p_kind text, p_id text, p_fence bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.unlock_stripe_object(p_kind text, p_id text, p_fence bigint) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.unsubscribe(p_token text, p_act boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.unsubscribe(p_token text, p_act boolean) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.untold_people(p_breach octroi_private.breach) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.usage_kept_since() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.used_of_cut_month(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_period text, p_period_start timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.used_per_day(p_account_id uuid, p_scope text, p_subject text, p_meter text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.used_since(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_since timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.uuid_v7_floor(p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.verify_audit(p_after bigint, p_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.verify_audit(p_after bigint, p_max integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.version_on_sale(p_plan text, p_billing_interval text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.void_all_entitlements() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.void_entitlements() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.void_entitlements_of_banned() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.void_entitlements_of_customer() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.waived_after() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.watch_billing(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.watch_erasures(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.whole_minute(p_at timestamp with time zone, p_up boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.why_refused(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.worker_ready() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.worker_ready() TO octroi_worker;

GRANT SELECT(id) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(account_id) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(scope) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(subject) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(meter) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(threshold) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(used) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(granted) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(period_start) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(resets_at) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(raised_at) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT(cleared_at) ON TABLE octroi_private.alert TO authenticated;

GRANT SELECT ON TABLE octroi.alerts TO authenticated;

GRANT SELECT(id) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(account_id) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(user_id) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(name) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(key_prefix) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(allowed_models) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(allowed_endpoints) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(created_at) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(expires_at) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(revoked_at) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(api_key_id) ON TABLE octroi_private.api_key_previous TO authenticated;

GRANT SELECT(expires_at) ON TABLE octroi_private.api_key_previous TO authenticated;

GRANT SELECT ON TABLE octroi_private.api_key_use TO authenticated;

GRANT SELECT ON TABLE octroi.api_keys TO authenticated;

GRANT SELECT ON TABLE octroi.billing_requests TO authenticated;

GRANT SELECT ON TABLE octroi.invoices TO authenticated;

GRANT SELECT ON TABLE octroi.plans TO authenticated;

GRANT SELECT ON TABLE octroi.quota TO authenticated;

GRANT SELECT ON TABLE octroi.top_up_packs TO authenticated;

GRANT SELECT ON TABLE octroi.top_ups TO authenticated;

GRANT SELECT ON TABLE octroi.usage TO authenticated;
GRANT SELECT ON TABLE octroi.usage TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.usage_daily TO authenticated;
GRANT SELECT ON TABLE octroi_private.usage_daily TO octroi_admin;

GRANT SELECT ON TABLE octroi.usage_daily TO authenticated;
GRANT SELECT ON TABLE octroi.usage_daily TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_account TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_alert TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_api_key TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_api_key_previous TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_api_key_use TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_audit_log TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_auto_top_up TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_balance TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_ban TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_billing_cycle TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_billing_request TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_breach_notice TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_budget TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_consent TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_entitlement TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_mail TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_member TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_meter_report TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_notification_setting TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_overage_setting TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_overage_use TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_privacy_request TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_quota_draw TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_quota_grant TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_request TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_revocation TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_second_factor TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_charge TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_checkout_line TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_checkout_session TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_customer TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_dispute TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_invoice TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_invoice_line TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_invoice_payment TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_refund TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_subscription TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_stripe_subscription_item TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_subscription TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_top_up TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_usage_daily TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.admin_usage_event TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.support_contact TO octroi_support;
GRANT SELECT ON TABLE octroi_private.support_contact TO octroi_admin;
