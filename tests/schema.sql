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

CREATE DOMAIN octroi_private.usage_source AS text
	CONSTRAINT usage_source_check CHECK ((VALUE = ANY (ARRAY['provider'::text, 'estimated'::text, 'hold'::text, 'recorded'::text])));

ALTER DOMAIN octroi_private.usage_source OWNER TO octroi_owner;

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
      0, q.granted, q.granted, 0, 0, q.used, q.reserved, true
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
  v_completion octroi_private.completion;
  v_answer record;
begin
  select c.* into v_completion
  from octroi_private.completion as c
  where c.id = completion.id and c.user_id = (select auth.uid()) and c.expires_at > octroi_private.now()
  for update;
  if v_completion.id is null then
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

CREATE FUNCTION octroi.create_api_key(name text, limits jsonb DEFAULT '[]'::jsonb) RETURNS TABLE(id uuid, secret text, key_prefix text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_account_id uuid := octroi_private.my_account();
  v_id uuid := octroi_private.uuid_v7();
  -- 244 random bits in a form that survives shells, headers and double clicks
  v_secret text := 'sk-oct-' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
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
  insert into octroi_private.api_key (id, account_id, user_id, name, key_prefix, key_hash, created_at)
  values (
    v_id, v_account_id, (select auth.uid()), create_api_key.name, left(v_secret, 12),
    sha256(convert_to(v_secret, 'utf8')), octroi_private.now()
  );
  insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
  select v_account_id, 'api_key', v_id::text, l.meter, l.period, l.amount
  from jsonb_to_recordset(create_api_key.limits) as l (meter text, period text, amount bigint);
  return query select v_id, v_secret, left(v_secret, 12);
end
$_$;

ALTER FUNCTION octroi.create_api_key(name text, limits jsonb) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.create_api_key(name text, limits jsonb) IS 'Makes an API key of the caller and returns its secret, this once. limits bound the key: [{"meter","period","amount"}]. Raises 22023, 23514, 23505, OC013.';

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
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  (
    select
      e.id, 'settled', e.endpoint, e.model, e.input_tokens, e.cached_input_tokens, e.cache_write_tokens,
      e.output_tokens, e.reasoning_tokens, e.total_tokens, e.cost_nano_usd, e.source, e.latency_ms, e.first_token_ms,
      e.occurred_at
    from octroi_private.usage_event as e
    where e.account_id = octroi_private.my_account() and e.user_id = (select auth.uid())
      and e.occurred_at < coalesce(my_requests.before, 'infinity')
    order by e.occurred_at desc
    limit least(greatest(my_requests.max_rows, 0), 1000)
  )
  union all
  (
    select
      r.id, 'open', r.endpoint, r.model, null, null, null, null, null, null, null, null, null, null, r.started_at
    from octroi_private.request as r
    where r.account_id = octroi_private.my_account() and r.user_id = (select auth.uid()) and r.state = 'open'
      and r.expires_at > octroi_private.now() and r.started_at < coalesce(my_requests.before, 'infinity')
    order by r.started_at desc
    limit least(greatest(my_requests.max_rows, 0), 1000)
  )
  order by occurred_at desc
  limit least(greatest(my_requests.max_rows, 0), 1000)
$$;

ALTER FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) IS 'The caller''s own recent calls, newest first, running ones included; page on with the last occurred_at as before.';

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

CREATE FUNCTION octroi.revoke_api_key(id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.api_key as k
  set revoked_at = octroi_private.now()
  where k.id = revoke_api_key.id and k.revoked_at is null
    and (
      k.user_id = (select auth.uid())
      or k.account_id in (select octroi_private.my_administered_accounts())
    );
  return found;
end
$$;

ALTER FUNCTION octroi.revoke_api_key(id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi.revoke_api_key(id uuid) IS 'Revokes a key of the caller, or of an account they administer, at once; false when there is none to revoke.';

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

CREATE FUNCTION octroi_private.audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_row jsonb := to_jsonb(coalesce(new, old)) - array['key_hash', 'name', 'owner_user_id'];
begin
  insert into octroi_private.audit_log (occurred_at, actor_user_id, actor_role, action, account_id, subject, detail)
  values (
    octroi_private.now(), (select auth.uid()), session_user, tg_argv[0] || '.' || lower(tg_op),
    (v_row ->> 'account_id')::uuid, coalesce(v_row ->> 'id', v_row ->> 'subject', v_row ->> 'user_id'), v_row
  );
  return null;
end
$$;

ALTER FUNCTION octroi_private.audit() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.authenticate_key(p_key_hash bytea) RETURNS TABLE(api_key_id uuid, account_id uuid, user_id uuid, state text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select k.id, k.account_id, k.user_id,
    case
      when k.revoked_at is not null or m.user_id is null then 'revoked'
      when k.expires_at <= octroi_private.now() then 'expired'
      when a.status <> 'active' then 'suspended'
      else 'active'
    end
  from octroi_private.api_key as k
  join octroi_private.account as a on a.id = k.account_id
  left join octroi_private.member as m on m.account_id = k.account_id and m.user_id = k.user_id
  where k.key_hash = p_key_hash
$$;

ALTER FUNCTION octroi_private.authenticate_key(p_key_hash bytea) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) IS 'Resolves the SHA-256 of an API key; no row when unknown. state: active, revoked, expired or suspended.';

CREATE FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) RETURNS TABLE(account_id uuid, user_id uuid, state text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.id, m.user_id, case when a.status = 'active' then 'active' else 'suspended' end
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  where m.user_id = p_user_id
    and case when p_account_id is null then a.kind = 'personal' else a.id = p_account_id end
$$;

ALTER FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) IS 'Resolves the user of a verified token to an account of theirs; no row when not a member. state: active or suspended.';

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

CREATE FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer) RETURNS TABLE(id bigint, kind text, args jsonb, attempt integer, max_attempts integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with due as (
    select j.id
    from octroi_private.job as j
    where j.state = 'queued' and j.run_at <= octroi_private.now() and j.kind = any(p_kinds)
    order by j.run_at, j.id
    limit least(greatest(p_max, 0), 1000)
    for update skip locked
  )
  update octroi_private.job as j
  set state = 'running', attempt = j.attempt + 1, worker = p_worker,
    lease_expires_at = octroi_private.now() + make_interval(secs => p_lease_seconds)
  from due
  where j.id = due.id
  returning j.id, j.kind, j.args, j.attempt, j.max_attempts
$$;

ALTER FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer) IS 'Leases due jobs of known kinds, oldest first. The attempt is counted before the work, so a job that kills its worker runs out of attempts.';

CREATE FUNCTION octroi_private.close_deleted_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update octroi_private.api_key set revoked_at = octroi_private.now()
  where user_id = old.id and revoked_at is null;
  update octroi_private.account
  set status = 'closed', closed_at = octroi_private.now(), owner_user_id = null
  where owner_user_id = old.id and kind = 'personal' and status <> 'closed';
  delete from octroi_private.member where user_id = old.id;
  return null;
end
$$;

ALTER FUNCTION octroi_private.close_deleted_user() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.draw_grants(p_request_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
  v_call record;
  v_grant record;
  v_left bigint;
begin
  for v_call in
    -- a call's share is what the balance stood beyond the plan after it, less what it stood before it
    select c.id, c.account_id, c.occurred_at, c.balance_id, c.meter, least(
      c.charged, c.used - c.included - coalesce(sum(c.charged) over later, 0)
    )::bigint as amount
    from (
      select
        e.id, e.account_id, e.occurred_at, b.id as balance_id, b.meter, b.used, b.included, ids.ord,
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
    ) as c
    window later as (partition by c.balance_id order by c.ord desc rows between unbounded preceding and 1 preceding)
    order by c.ord, c.balance_id
  loop
    v_left := v_call.amount;
    for v_grant in
      select g.id, g.amount - g.drawn as remaining, g.ended_at is not null as has_ended
      from octroi_private.quota_grant as g
      where g.account_id = v_call.account_id and g.meter = v_call.meter and g.drawn < g.amount
        -- not over when the call started, unless it was ended before its time
        and g.starts_at <= v_now and g.expires_at > v_call.occurred_at
        and (g.ended_at is null or g.ended_at >= g.expires_at)
      order by
        array_position(array['rollover', 'promo', 'top_up'], g.kind), g.priority, g.expires_at, g.created_at, g.id
      for update
    loop
      exit when v_left <= 0;
      update octroi_private.quota_grant as g
      set drawn = g.drawn + least(v_left, v_grant.remaining)
      where g.id = v_grant.id;
      insert into octroi_private.quota_draw (grant_id, request_id, balance_id, amount, drawn_at)
      values (v_grant.id, v_call.id, v_call.balance_id, least(v_left, v_grant.remaining), v_now);
      -- the balance had stopped counting on a grant that is over; what was still drawn from it is allowed after all
      if v_grant.has_ended then
        update octroi_private.balance as b
        set allowed = b.allowed + least(v_left, v_grant.remaining),
          granted = greatest(b.allowed + least(v_left, v_grant.remaining), b.used + b.reserved - b.overage)
        where b.id = v_call.balance_id;
      end if;
      v_left := v_left - v_grant.remaining;
    end loop;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.draw_grants(p_request_ids uuid[]) OWNER TO octroi_owner;

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

CREATE FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) RETURNS SETOF bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update octroi_private.job as j
  set lease_expires_at = octroi_private.now() + make_interval(secs => p_lease_seconds)
  from unnest(p_ids, p_attempts) as mine (id, attempt)
  where j.id = mine.id and j.attempt = mine.attempt and j.state = 'running'
  returning j.id
$$;

ALTER FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) IS 'Heartbeat. Returns the jobs that are still the caller''s; work on the others must stop.';

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

CREATE FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  if p_outcome not in ('done', 'retry', 'snooze', 'cancel') then
    raise exception 'unknown job outcome %', p_outcome using errcode = 'OC001';
  end if;
  update octroi_private.job as j
  set
    state = next.state,
    -- a snooze is not a failure: it gives its attempt back at the far end, since attempt is the fence and only grows
    max_attempts = case when p_outcome = 'snooze' then j.max_attempts + 1 else j.max_attempts end,
    run_at = case when next.state = 'queued' then v_now + make_interval(secs => p_delay_seconds) else j.run_at end,
    lease_expires_at = null,
    worker = null,
    last_error = coalesce(left(p_detail, 2000), j.last_error),
    finished_at = case when next.state = 'queued' then null else v_now end
  from (
    select k.id, case
      when p_outcome = 'done' then 'done'
      when p_outcome = 'cancel' then 'cancelled'
      when p_outcome = 'retry' and k.attempt >= k.max_attempts then 'dead'
      else 'queued'
    end as state
    from octroi_private.job as k
    where k.id = p_id
  ) as next
  where j.id = next.id and j.attempt = p_attempt and j.state = 'running';
  return found;
end
$$;

ALTER FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) IS 'Ends one attempt; false when the caller no longer holds it. A retry past max_attempts is dead. Raises OC001 for an unknown outcome.';

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

CREATE FUNCTION octroi_private.granted_on_top(p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when p_scope = 'account' and p_period = 'month' then greatest(
    coalesce((
      select sum(g.amount - g.drawn)
      from octroi_private.quota_grant as g
      where g.account_id = p_account_id and g.meter = p_meter and g.ended_at is null
        and g.starts_at <= p_at and g.expires_at > p_at
    ), 0) - octroi_private.held_of_earlier_months(p_account_id, p_meter, p_at), 0
  )::bigint else 0 end
$$;

ALTER FUNCTION octroi_private.granted_on_top(p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamp with time zone) OWNER TO octroi_owner;

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

CREATE FUNCTION octroi_private.model_list(p_account_id uuid) RETURNS TABLE(model text, created_at timestamp with time zone, owned_by text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.model, lower(p.valid), 'openai'
  from octroi_private.model_price as p
  join octroi_private.subscription as s on s.account_id = p_account_id and s.ended_at is null
  join octroi_private.plan_version as v on v.id = s.plan_version_id
  where p.valid operator(pg_catalog.@>) octroi_private.now()
    and (v.allowed_models is null or p.model = any(v.allowed_models))
  order by p.model
$$;

ALTER FUNCTION octroi_private.model_list(p_account_id uuid) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.model_list(p_account_id uuid) IS 'Models with a price now that the account''s plan allows.';

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
  where m.user_id = (select auth.uid())
  order by (a.kind = 'personal') desc, a.id
  limit 1;
  if v_account_id is null then
    raise exception 'not signed in' using errcode = 'OC020', hint = 'Send the access token of a signed-in user.';
  end if;
  return v_account_id;
end
$$;

ALTER FUNCTION octroi_private.my_account() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_accounts() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select m.account_id from octroi_private.member as m where m.user_id = (select auth.uid())
$$;

ALTER FUNCTION octroi_private.my_accounts() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.my_administered_accounts() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select m.account_id from octroi_private.member as m
  where m.user_id = (select auth.uid()) and m.role in ('owner', 'admin')
$$;

ALTER FUNCTION octroi_private.my_administered_accounts() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.notify_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_notify('octroi_job', '');
  return null;
end
$$;

ALTER FUNCTION octroi_private.notify_job() OWNER TO octroi_owner;

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
  perform from octroi_private.balance as b
  where b.account_id = p_account_id and b.resets_at > v_now
  order by b.id
  for no key update;
  perform octroi_private.expire_grants(p_account_id);
  update octroi_private.balance as b
  set is_bound = false
  where b.account_id = p_account_id and b.resets_at > v_now and b.is_bound and not exists (
    select from octroi_private.limit_in_force as l
    where l.account_id = b.account_id and l.scope = b.scope and l.subject = b.subject and l.meter = b.meter
      and l.period = b.period
  );
  for v_limit in
    select l.*, p.period_start, p.resets_at, b.id as balance_id, b.used, coalesce(b.is_bound, false) as is_bound,
      l.included + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, v_now)
      + coalesce((select sum(d.amount) from octroi_private.quota_draw as d where d.balance_id = b.id), 0) as allowed
    from octroi_private.limit_in_force as l
    cross join lateral octroi_private.period_bounds(l.period, v_anchor_at, v_now) as p
    left join octroi_private.balance as b
      on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
      and b.subject = l.subject and b.meter = l.meter and b.period = l.period
    where l.account_id = p_account_id
    order by b.id, l.scope, l.subject, l.meter, l.period
  loop
    v_missed := case when v_limit.is_bound then 0 else greatest(octroi_private.used_since(
      p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period_start
    ) - coalesce(v_limit.used, 0), 0) end;
    if v_limit.balance_id is null then
      insert into octroi_private.balance (
        account_id, scope, subject, meter, period, period_start, resets_at, included, allowed, granted, overage,
        carried, used
      )
      values (
        p_account_id, v_limit.scope, v_limit.subject, v_limit.meter, v_limit.period, v_limit.period_start,
        v_limit.resets_at, v_limit.included, v_limit.allowed, greatest(v_limit.allowed, v_missed - v_limit.overage),
        v_limit.overage, v_missed, v_missed
      );
    else
      update octroi_private.balance as b
      set included = v_limit.included, overage = v_limit.overage, allowed = v_limit.allowed, is_bound = true,
        carried = b.carried + v_missed, used = b.used + v_missed,
        granted = greatest(v_limit.allowed, b.used + v_missed + b.reserved - v_limit.overage)
      where b.id = v_limit.balance_id
        and (
          v_missed > 0 or (b.included, b.overage, b.allowed, b.is_bound) is distinct from (
            v_limit.included, v_limit.overage, v_limit.allowed, true
          )
        );
    end if;
  end loop;
end
$$;

ALTER FUNCTION octroi_private.open_balances(p_account_id uuid) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
begin
  -- One opener at a time per account, and none while a rule of the account is being changed.
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
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

CREATE FUNCTION octroi_private.prune(p_max_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := octroi_private.now();
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
    where j.state in ('done', 'cancelled') and j.finished_at <= v_now - interval '7 days' limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  -- ids are ordered by time, so the oldest stand first in the key
  delete from octroi_private.request where id in (
    select r.id from octroi_private.request as r
    where r.id < octroi_private.uuid_v7_floor(v_now - interval '30 days') and r.state <> 'open'
      and r.finished_at <= v_now - interval '30 days'
    order by r.id
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  return v_total + v_rows;
end
$$;

ALTER FUNCTION octroi_private.prune(p_max_rows integer) OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.quota_of(p_account_id uuid, p_user_id uuid) RETURNS TABLE(account_id uuid, scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint, period_start timestamp with time zone, resets_at timestamp with time zone, plan text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    l.account_id, l.scope, l.subject, l.meter, l.period,
    granted.amount, coalesce(b.used, 0), coalesce(b.reserved, 0),
    granted.amount - coalesce(b.used, 0) - coalesce(b.reserved, 0), p.period_start,
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
  -- as opening would allow it now, whatever the balance was opened with
  cross join lateral (
    select greatest(
      l.included + l.overage
      + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, octroi_private.now())
      + coalesce((select sum(d.amount) from octroi_private.quota_draw as d where d.balance_id = b.id), 0),
      b.used + b.reserved
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

CREATE FUNCTION octroi_private.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'OC003';
end
$$;

ALTER FUNCTION octroi_private.refuse_change() OWNER TO octroi_owner;

CREATE FUNCTION octroi_private.refuse_outcome(p_request_id uuid, p_why text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception 'request % %', p_request_id, p_why using errcode = 'OC010';
end
$$;

ALTER FUNCTION octroi_private.refuse_outcome(p_request_id uuid, p_why text) OWNER TO octroi_owner;

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
  select 'prune', octroi_private.prune(p_max_rows);
end
$$;

ALTER FUNCTION octroi_private.sweep(p_max_rows integer) OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.sweep(p_max_rows integer) IS 'Expires holds, recovers jobs, makes partitions ahead, prunes; how many rows each. No rows when another worker is at it.';

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

CREATE FUNCTION octroi_private.uuid_v7_floor(p_at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (lpad(to_hex((extract(epoch from p_at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

ALTER FUNCTION octroi_private.uuid_v7_floor(p_at timestamp with time zone) OWNER TO octroi_owner;

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
  if v_account.status <> 'active' then
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

CREATE FUNCTION octroi_private.worker_ready() RETURNS TABLE(synchronous_commit text, migration text, server_minor text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select current_setting('synchronous_commit'), '20261122001200', current_setting('server_version')
$$;

ALTER FUNCTION octroi_private.worker_ready() OWNER TO octroi_owner;

COMMENT ON FUNCTION octroi_private.worker_ready() IS 'What a worker checks before it starts: durable commits, the migration it was written for, the server''s version.';

CREATE TABLE octroi_private.api_key (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    key_prefix text NOT NULL,
    key_hash bytea NOT NULL,
    allowed_models text[],
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_key_allowed_models_check CHECK (((cardinality(allowed_models) >= 1) AND (cardinality(allowed_models) <= 100))),
    CONSTRAINT api_key_check CHECK ((expires_at > created_at)),
    CONSTRAINT api_key_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT api_key_key_prefix_check CHECK (((length(key_prefix) >= 8) AND (length(key_prefix) <= 16))),
    CONSTRAINT api_key_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);

ALTER TABLE ONLY octroi_private.api_key FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.api_key OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.api_key IS 'A bearer secret of one member of one account. Only its SHA-256 is stored.';

CREATE VIEW octroi.api_keys WITH (security_invoker='true') AS
 SELECT k.id,
    k.account_id,
    k.user_id,
    k.name,
    k.key_prefix,
    k.allowed_models,
    k.created_at,
    k.expires_at,
    k.revoked_at
   FROM octroi_private.api_key k;

ALTER TABLE octroi.api_keys OWNER TO octroi_owner;

COMMENT ON VIEW octroi.api_keys IS 'Keys of the reader, and of the accounts they administer; never a secret or its hash.';

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

CREATE TABLE octroi_private.audit_log (
    id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    actor_user_id uuid,
    actor_role text NOT NULL,
    action text NOT NULL,
    account_id uuid,
    subject text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_log_action_check CHECK ((action ~ '^[a-z_]+\.[a-z_]+$'::text))
);

ALTER TABLE ONLY octroi_private.audit_log FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.audit_log OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.audit_log IS 'Append-only record of critical actions: keys, plans, grants, budgets.';

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

CREATE TABLE octroi_private.plan_limit (
    plan_version_id bigint NOT NULL,
    scope octroi_private.scope_name NOT NULL,
    model text DEFAULT ''::text NOT NULL,
    meter octroi_private.meter_name NOT NULL,
    period octroi_private.period_name NOT NULL,
    amount octroi_private.quantity NOT NULL,
    overage octroi_private.quantity DEFAULT 0 NOT NULL,
    CONSTRAINT plan_limit_model_only_for_models CHECK ((((scope)::text = 'model'::text) = (model <> ''::text))),
    CONSTRAINT plan_limit_overage_on_account CHECK ((((overage)::bigint = 0) OR (((scope)::text = 'account'::text) AND ((period)::text = 'month'::text))))
);

ALTER TABLE ONLY octroi_private.plan_limit FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_limit OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_limit IS 'A limit of a plan: for the account as a whole, for each member, for each key, or for one model. overage is what may be used beyond amount.';

CREATE TABLE octroi_private.subscription (
    id uuid DEFAULT octroi_private.uuid_v7() NOT NULL,
    account_id uuid NOT NULL,
    plan_version_id bigint NOT NULL,
    anchor_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT subscription_check CHECK ((ended_at >= started_at))
);

ALTER TABLE ONLY octroi_private.subscription FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.subscription OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.subscription IS 'Which plan version an account has, and since when. At most one runs.';

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
            (l.overage)::bigint AS overage
           FROM ((octroi_private.subscription s
             JOIN octroi_private.plan_limit l ON ((l.plan_version_id = s.plan_version_id)))
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

COMMENT ON VIEW octroi_private.limit_in_force IS 'Limits of plans and budgets by what they bound, without grants on top.';

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
    CONSTRAINT quota_grant_amount_check CHECK (((amount)::bigint > 0)),
    CONSTRAINT quota_grant_check CHECK ((expires_at > starts_at)),
    CONSTRAINT quota_grant_kind_check CHECK ((kind = ANY (ARRAY['rollover'::text, 'promo'::text, 'top_up'::text]))),
    CONSTRAINT quota_grant_never_overdrawn CHECK (((drawn)::bigint <= (amount)::bigint)),
    CONSTRAINT quota_grant_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200)))
);

ALTER TABLE ONLY octroi_private.quota_grant FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_grant OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.quota_grant IS 'Quota on top of the plan''s monthly amount. Drawn after it: rollover, then promo, then top_up; by priority, expiry and age.';

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
  WHERE ((b.used)::numeric <> ((b.carried)::numeric + COALESCE(u.amount, (0)::numeric)))
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
  WHERE ((((d.requests)::bigint IS DISTINCT FROM e.requests) OR ((d.total_tokens)::numeric IS DISTINCT FROM e.total_tokens)) OR ((d.cost_nano_usd)::numeric IS DISTINCT FROM e.cost_nano_usd))
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

ALTER TABLE octroi_private.model_price ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.model_price_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE octroi_private.plan (
    code text NOT NULL,
    name text NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT plan_code_check CHECK ((code ~ '^[a-z][a-z0-9_]{0,39}$'::text))
);

ALTER TABLE ONLY octroi_private.plan FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan IS 'A plan as customers know it. The default one is given at sign-up.';

CREATE TABLE octroi_private.plan_version (
    id bigint NOT NULL,
    plan_code text NOT NULL,
    version integer NOT NULL,
    allowed_models text[],
    created_at timestamp with time zone DEFAULT octroi_private.now() NOT NULL,
    CONSTRAINT plan_version_allowed_models_check CHECK (((cardinality(allowed_models) >= 1) AND (cardinality(allowed_models) <= 500))),
    CONSTRAINT plan_version_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY octroi_private.plan_version FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_version OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.plan_version IS 'Immutable content of a plan; subscribers keep the version they have.';

ALTER TABLE octroi_private.plan_version ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME octroi_private.plan_version_id_seq
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

CREATE TABLE octroi_private.test_clock (
    only_row boolean DEFAULT true NOT NULL,
    shift interval NOT NULL,
    CONSTRAINT test_clock_only_row_check CHECK (only_row)
);

ALTER TABLE ONLY octroi_private.test_clock FORCE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.test_clock OWNER TO octroi_owner;

COMMENT ON TABLE octroi_private.test_clock IS 'Moves octroi_private.now() in tests. Empty in production.';

ALTER TABLE ONLY octroi_private.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.api_key
    ADD CONSTRAINT api_key_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY octroi_private.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.balance
    ADD CONSTRAINT balance_account_id_resets_at_scope_subject_meter_period_key UNIQUE (account_id, resets_at, scope, subject, meter, period);

ALTER TABLE ONLY octroi_private.balance
    ADD CONSTRAINT balance_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.budget
    ADD CONSTRAINT budget_pkey PRIMARY KEY (account_id, scope, subject, meter, period);

ALTER TABLE ONLY octroi_private.completion
    ADD CONSTRAINT completion_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.entitlement
    ADD CONSTRAINT entitlement_pkey PRIMARY KEY (account_id, api_key_id, user_id, model);

ALTER TABLE ONLY octroi_private.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (account_id, user_id);

ALTER TABLE ONLY octroi_private.model_price
    ADD CONSTRAINT model_price_one_at_a_time EXCLUDE USING gist (model WITH =, valid WITH &&);

ALTER TABLE ONLY octroi_private.model_price
    ADD CONSTRAINT model_price_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.plan_limit
    ADD CONSTRAINT plan_limit_pkey PRIMARY KEY (plan_version_id, scope, model, meter, period);

ALTER TABLE ONLY octroi_private.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (code);

ALTER TABLE ONLY octroi_private.plan_version
    ADD CONSTRAINT plan_version_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.plan_version
    ADD CONSTRAINT plan_version_plan_code_version_key UNIQUE (plan_code, version);

ALTER TABLE ONLY octroi_private.quota_draw
    ADD CONSTRAINT quota_draw_pkey PRIMARY KEY (grant_id, request_id);

ALTER TABLE ONLY octroi_private.quota_grant
    ADD CONSTRAINT quota_grant_pkey PRIMARY KEY (id);

ALTER TABLE octroi_private.request
    ADD CONSTRAINT request_is_sound CHECK (octroi_private.is_sound_request(request.*));

ALTER TABLE ONLY octroi_private.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.stored_response
    ADD CONSTRAINT stored_response_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY octroi_private.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (id);

ALTER TABLE ONLY octroi_private.test_clock
    ADD CONSTRAINT test_clock_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY octroi_private.usage_daily
    ADD CONSTRAINT usage_daily_pkey PRIMARY KEY (account_id, day, user_id, model);

ALTER TABLE ONLY octroi_private.usage_event
    ADD CONSTRAINT usage_event_pkey PRIMARY KEY (id, occurred_at);

CREATE UNIQUE INDEX account_one_personal ON octroi_private.account USING btree (owner_user_id) WHERE (kind = 'personal'::text);

CREATE INDEX account_owner ON octroi_private.account USING btree (owner_user_id);

CREATE INDEX api_key_account ON octroi_private.api_key USING btree (account_id);

CREATE INDEX api_key_user ON octroi_private.api_key USING btree (user_id);

CREATE INDEX audit_log_account ON octroi_private.audit_log USING btree (account_id, id);

CREATE INDEX completion_account ON octroi_private.completion USING btree (account_id);

CREATE INDEX completion_expiry ON octroi_private.completion USING btree (expires_at);

CREATE INDEX entitlement_price ON octroi_private.entitlement USING btree (price_id);

CREATE INDEX job_due ON octroi_private.job USING btree (run_at, id) WHERE (state = 'queued'::text);

CREATE INDEX job_finished ON octroi_private.job USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX job_leased ON octroi_private.job USING btree (lease_expires_at) WHERE (state = 'running'::text);

CREATE INDEX member_user ON octroi_private.member USING btree (user_id, account_id);

CREATE INDEX model_price_model ON octroi_private.model_price USING btree (model);

CREATE UNIQUE INDEX plan_one_default ON octroi_private.plan USING btree (is_default) WHERE is_default;

CREATE INDEX quota_draw_balance ON octroi_private.quota_draw USING btree (balance_id);

CREATE INDEX quota_grant_account ON octroi_private.quota_grant USING btree (account_id, meter) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX request_idempotency ON octroi_private.request USING btree (account_id, idempotency_key) WHERE ((idempotency_key IS NOT NULL) AND ((state)::text <> 'released'::text));

CREATE INDEX request_open ON octroi_private.request USING btree (expires_at) WHERE ((state)::text = 'open'::text);

CREATE INDEX stored_response_expiry ON octroi_private.stored_response USING btree (expires_at);

CREATE INDEX subscription_account ON octroi_private.subscription USING btree (account_id);

CREATE UNIQUE INDEX subscription_one_running ON octroi_private.subscription USING btree (account_id) WHERE (ended_at IS NULL);

CREATE INDEX subscription_plan_version ON octroi_private.subscription USING btree (plan_version_id);

CREATE INDEX usage_event_account ON ONLY octroi_private.usage_event USING btree (account_id, occurred_at DESC);

CREATE TRIGGER account_voids AFTER UPDATE OF status ON octroi_private.account FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER api_key_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.api_key FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('api_key');

CREATE TRIGGER api_key_voids AFTER DELETE OR UPDATE ON octroi_private.api_key FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON octroi_private.audit_log FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

CREATE TRIGGER balance_lowered BEFORE UPDATE OF used, reserved ON octroi_private.balance FOR EACH ROW WHEN (((old.granted)::bigint > (old.allowed)::bigint)) EXECUTE FUNCTION octroi_private.lower_granted();

CREATE TRIGGER budget_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.budget FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('budget');

CREATE TRIGGER budget_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.budget FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER job_given_up AFTER UPDATE OF state ON octroi_private.job FOR EACH ROW WHEN (((new.kind = 'complete_request'::text) AND (new.state = ANY (ARRAY['dead'::text, 'cancelled'::text])))) EXECUTE FUNCTION octroi_private.fail_given_up_completion();

CREATE TRIGGER job_inserted AFTER INSERT ON octroi_private.job FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.notify_job();

CREATE TRIGGER member_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.member FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('member');

CREATE TRIGGER member_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.member FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER model_price_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.model_price FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.void_all_entitlements();

CREATE TRIGGER plan_limit_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.plan_limit FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.void_all_entitlements();

CREATE TRIGGER plan_version_voids AFTER DELETE OR UPDATE ON octroi_private.plan_version FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.void_all_entitlements();

CREATE TRIGGER quota_grant_audited AFTER INSERT OR DELETE OR UPDATE OF amount, expires_at, ended_at ON octroi_private.quota_grant FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('quota_grant');

CREATE TRIGGER quota_grant_voids AFTER INSERT OR DELETE OR UPDATE OF amount, starts_at, expires_at, ended_at ON octroi_private.quota_grant FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER subscription_audited AFTER INSERT OR DELETE OR UPDATE ON octroi_private.subscription FOR EACH ROW EXECUTE FUNCTION octroi_private.audit('subscription');

CREATE TRIGGER subscription_voids AFTER INSERT OR DELETE OR UPDATE ON octroi_private.subscription FOR EACH ROW EXECUTE FUNCTION octroi_private.void_entitlements();

CREATE TRIGGER usage_event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON octroi_private.usage_event FOR EACH STATEMENT EXECUTE FUNCTION octroi_private.refuse_change();

ALTER TABLE ONLY octroi_private.api_key
    ADD CONSTRAINT api_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.balance
    ADD CONSTRAINT balance_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.budget
    ADD CONSTRAINT budget_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.completion
    ADD CONSTRAINT completion_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.entitlement
    ADD CONSTRAINT entitlement_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY octroi_private.entitlement
    ADD CONSTRAINT entitlement_price_id_fkey FOREIGN KEY (price_id) REFERENCES octroi_private.model_price(id);

ALTER TABLE ONLY octroi_private.member
    ADD CONSTRAINT member_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.plan_limit
    ADD CONSTRAINT plan_limit_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE ONLY octroi_private.plan_version
    ADD CONSTRAINT plan_version_plan_code_fkey FOREIGN KEY (plan_code) REFERENCES octroi_private.plan(code);

ALTER TABLE ONLY octroi_private.quota_draw
    ADD CONSTRAINT quota_draw_balance_id_fkey FOREIGN KEY (balance_id) REFERENCES octroi_private.balance(id);

ALTER TABLE ONLY octroi_private.quota_draw
    ADD CONSTRAINT quota_draw_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES octroi_private.quota_grant(id);

ALTER TABLE ONLY octroi_private.quota_grant
    ADD CONSTRAINT quota_grant_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.subscription
    ADD CONSTRAINT subscription_account_id_fkey FOREIGN KEY (account_id) REFERENCES octroi_private.account(id);

ALTER TABLE ONLY octroi_private.subscription
    ADD CONSTRAINT subscription_plan_version_id_fkey FOREIGN KEY (plan_version_id) REFERENCES octroi_private.plan_version(id);

ALTER TABLE octroi_private.account ENABLE ROW LEVEL SECURITY;

CREATE POLICY admin_reads ON octroi_private.account FOR SELECT TO octroi_admin USING (true);

CREATE POLICY admin_reads ON octroi_private.usage_daily FOR SELECT TO octroi_admin USING (true);

CREATE POLICY admin_reads ON octroi_private.usage_event FOR SELECT TO octroi_admin USING (true);

ALTER TABLE octroi_private.api_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.balance ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.budget ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.completion ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.entitlement ENABLE ROW LEVEL SECURITY;

CREATE POLICY holder_reads ON octroi_private.api_key FOR SELECT TO authenticated USING (((user_id = ( SELECT auth.uid() AS uid)) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts)))));

ALTER TABLE octroi_private.job ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.member ENABLE ROW LEVEL SECURITY;

CREATE POLICY member_reads ON octroi_private.account FOR SELECT TO authenticated USING ((id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))));

CREATE POLICY member_reads ON octroi_private.member FOR SELECT TO authenticated USING ((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))));

CREATE POLICY member_reads ON octroi_private.usage_daily FOR SELECT TO authenticated USING (((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))) AND ((user_id = ( SELECT auth.uid() AS uid)) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts))))));

CREATE POLICY member_reads ON octroi_private.usage_event FOR SELECT TO authenticated USING (((account_id = ANY (ARRAY( SELECT octroi_private.my_accounts() AS my_accounts))) AND ((user_id = ( SELECT auth.uid() AS uid)) OR (account_id = ANY (ARRAY( SELECT octroi_private.my_administered_accounts() AS my_administered_accounts))))));

ALTER TABLE octroi_private.model_price ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON octroi_private.account TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.api_key TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.audit_log TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.balance TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.budget TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.completion TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.entitlement TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.job TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.member TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.model_price TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_limit TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.plan_version TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.quota_draw TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.quota_grant TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.request TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.stored_response TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.subscription TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.test_clock TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.usage_daily TO octroi_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON octroi_private.usage_event TO octroi_owner USING (true) WITH CHECK (true);

ALTER TABLE octroi_private.plan ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_limit ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.plan_version ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_draw ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.quota_grant ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.request ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.stored_response ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.subscription ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.test_clock ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_daily ENABLE ROW LEVEL SECURITY;

ALTER TABLE octroi_private.usage_event ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA octroi TO anon;
GRANT USAGE ON SCHEMA octroi TO authenticated;
GRANT USAGE ON SCHEMA octroi TO service_role;
GRANT USAGE ON SCHEMA octroi TO octroi_admin;

GRANT USAGE ON SCHEMA octroi_private TO authenticated;
GRANT USAGE ON SCHEMA octroi_private TO octroi_worker;
GRANT USAGE ON SCHEMA octroi_private TO octroi_meter;
GRANT USAGE ON SCHEMA octroi_private TO octroi_admin;

REVOKE ALL ON FUNCTION octroi.check_quota(model text, tokens bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.check_quota(model text, tokens bigint) TO authenticated;

REVOKE ALL ON FUNCTION octroi.completion(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.completion(id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi.count_tokens(model text, text text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.count_tokens(model text, text text) TO authenticated;

REVOKE ALL ON FUNCTION octroi.create_api_key(name text, limits jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.create_api_key(name text, limits jsonb) TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_quota() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_quota() TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_requests(max_rows integer, before timestamp with time zone) TO authenticated;

REVOKE ALL ON FUNCTION octroi.my_usage(since date, until date) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.my_usage(since date, until date) TO authenticated;

REVOKE ALL ON FUNCTION octroi.request_completion(request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.request_completion(request jsonb) TO authenticated;

REVOKE ALL ON FUNCTION octroi.revoke_api_key(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi.revoke_api_key(id uuid) TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.add_grant(p_account_id uuid, p_meter text, p_amount bigint, p_kind text, p_reason text, p_expires_at timestamp with time zone, p_priority smallint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.allot(p_calls octroi_private.asked_call[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.allot_next(p_before octroi_private.allotment, p_balances octroi_private.balance[], p_input_tokens bigint, p_output_tokens bigint, p_choices bigint, p_input_price bigint, p_output_price bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.anchor_of(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.assign_plan(p_account_id uuid, p_plan_code text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.audit() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) TO octroi_worker;
GRANT ALL ON FUNCTION octroi_private.authenticate_key(p_key_hash bytea) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) TO octroi_worker;
GRANT ALL ON FUNCTION octroi_private.authenticate_user(p_user_id uuid, p_account_id uuid) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.charge_call(p_price octroi_private.model_price, p_hold_tokens bigint, p_hold_cost_nano_usd bigint, p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.claim_jobs(p_worker text, p_kinds text[], p_max integer, p_lease_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.close_deleted_user() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.draw_grants(p_request_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.expire_due(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.expire_grants(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.extend_jobs(p_ids bigint[], p_attempts integer[], p_lease_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.fail_completion(p_completion_id uuid, p_status smallint, p_error jsonb) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.fail_given_up_completion() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.finish_job(p_id bigint, p_attempt integer, p_outcome text, p_detail text, p_delay_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.forecast(p_balances octroi_private.balance[], p_price_id bigint, p_tokens bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.granted_on_top(p_account_id uuid, p_scope text, p_meter text, p_period text, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.held_of_earlier_months(p_account_id uuid, p_meter text, p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.hold_what_fits(p_request_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_sound_request(p_request octroi_private.request) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.is_sound_usage(p_input_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_output_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_total_tokens bigint, p_cost_nano_usd bigint, p_overrun_tokens bigint, p_overrun_cost_nano_usd bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.limit_reason(p_scope text, p_meter text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.load_completion(p_completion_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.load_completion(p_completion_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.lower_granted() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_usage_partition(p_month date) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.make_usage_partitions(p_months_ahead integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.model_limits(p_model text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.model_limits(p_model text) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.model_list(p_account_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.model_list(p_account_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.my_account() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.my_accounts() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_accounts() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.my_administered_accounts() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.my_administered_accounts() TO authenticated;

REVOKE ALL ON FUNCTION octroi_private.notify_job() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.now() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_and_lock(p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_balances(p_account_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_entitlement(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.open_personal_account() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.period_bounds(p_period text, p_anchor_at timestamp with time zone, p_at timestamp with time zone, OUT period_start timestamp with time zone, OUT resets_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.prune(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.quota_of(p_account_id uuid, p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_api_key_id uuid, p_request_id uuid, p_endpoint text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.record_usage(p_account_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_api_key_id uuid, p_request_id uuid, p_endpoint text) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.recover_jobs(p_max_rows integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.refuse_outcome(p_request_id uuid, p_why text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.release(p_request_id uuid, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release(p_request_id uuid, p_reason text) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release_jobs(p_ids bigint[], p_attempts integer[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.release_many(p_request_ids uuid[], p_reasons text[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer, p_idempotency_key text, p_body_hash bytea, p_endpoint text, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reserve(p_request_id uuid, p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_input_tokens bigint, p_output_tokens bigint, p_choices integer, p_idempotency_key text, p_body_hash bytea, p_endpoint text, p_lease_seconds integer) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.reserve_many(p_request_ids uuid[], p_account_ids uuid[], p_api_key_ids uuid[], p_user_ids uuid[], p_models text[], p_endpoints text[], p_input_tokens bigint[], p_output_tokens bigint[], p_choices integer[], p_idempotency_keys text[], p_body_hashes bytea[], p_lease_seconds integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_response_model text, p_source text) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.settle(p_request_id uuid, p_input_tokens bigint, p_output_tokens bigint, p_cached_input_tokens bigint, p_cache_write_tokens bigint, p_audio_input_tokens bigint, p_reasoning_tokens bigint, p_audio_output_tokens bigint, p_response_model text, p_source text) TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.settle_many(p_request_ids uuid[], p_input_tokens bigint[], p_cached_input_tokens bigint[], p_cache_write_tokens bigint[], p_audio_input_tokens bigint[], p_output_tokens bigint[], p_reasoning_tokens bigint[], p_audio_output_tokens bigint[], p_response_models text[], p_service_tiers text[], p_sources text[], p_raw_usages jsonb[], p_latency_ms integer[], p_first_token_ms integer[], p_upstream_request_ids text[], p_response_statuses smallint[], p_response_content_types text[], p_response_bodies bytea[]) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.stored_response(p_request_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.stored_response(p_request_id uuid) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.sweep(p_max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.sweep(p_max_rows integer) TO octroi_worker;

REVOKE ALL ON FUNCTION octroi_private.used_since(p_account_id uuid, p_scope text, p_subject text, p_meter text, p_since timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.uuid_v7() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.uuid_v7() TO octroi_meter;

REVOKE ALL ON FUNCTION octroi_private.uuid_v7_floor(p_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.void_all_entitlements() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.void_entitlements() FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.why_refused(p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text) FROM PUBLIC;

REVOKE ALL ON FUNCTION octroi_private.worker_ready() FROM PUBLIC;
GRANT ALL ON FUNCTION octroi_private.worker_ready() TO octroi_worker;

GRANT SELECT(id) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(account_id) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(user_id) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(name) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(key_prefix) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(allowed_models) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(created_at) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(expires_at) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT(revoked_at) ON TABLE octroi_private.api_key TO authenticated;

GRANT SELECT ON TABLE octroi.api_keys TO authenticated;

GRANT SELECT ON TABLE octroi.quota TO authenticated;

GRANT SELECT ON TABLE octroi_private.usage_event TO authenticated;
GRANT SELECT ON TABLE octroi_private.usage_event TO octroi_admin;

GRANT SELECT ON TABLE octroi.usage TO authenticated;
GRANT SELECT ON TABLE octroi.usage TO octroi_admin;

GRANT SELECT ON TABLE octroi_private.usage_daily TO authenticated;
GRANT SELECT ON TABLE octroi_private.usage_daily TO octroi_admin;

GRANT SELECT ON TABLE octroi.usage_daily TO authenticated;
GRANT SELECT ON TABLE octroi.usage_daily TO octroi_admin;
