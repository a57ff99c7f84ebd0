-- States, as the CHECKs state them. Every combination of the columns that make up a state is tried; those that the
-- database accepts are exactly the ones listed.
begin;
\ir setup/cast.sql
select plan(8);

select tap.play(:olga) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') \g /dev/null
select tap.clear() \g /dev/null

-- Which values of some columns a table's rows may have together. Each set of values is SQL.
create function tap.accepted(p_relation regclass, p_columns text [], variadic p_values text [])
returns setof text
language plpgsql
as $$
declare
  v_combinations text [] := array[''];
  v_set text;
  v_state text;
begin
  -- p_values holds, for each column, its possible values, separated by |
  for n in 1 .. cardinality(p_columns) loop
    v_combinations := array(
      select c || case when n > 1 then ', ' else '' end || p_columns[n] || ' = ' || v
      from unnest(v_combinations) as c
      cross join unnest(string_to_array(p_values[n], '|')) as v
    );
  end loop;
  foreach v_set in array v_combinations loop
    v_state := tap.outcome_of(format('update %s set %s', p_relation, v_set));
    if v_state = '00000' then
      return next v_set;
    elsif v_state not like '23514 %' then
      raise exception 'update % set % ended with %', p_relation, v_set, v_state;
    end if;
  end loop;
end
$$;

select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.request', array['state', 'finished_at', 'release_reason', 'is_late'],
    '''open''|''settled''|''released''|''expired''', 'null|now()', 'null|''unsent''', 'false|true'
  )$$,
  array[
    'state = ''open'', finished_at = null, release_reason = null, is_late = false',
    'state = ''open'', finished_at = null, release_reason = null, is_late = true',
    'state = ''settled'', finished_at = now(), release_reason = null, is_late = false',
    'state = ''settled'', finished_at = now(), release_reason = null, is_late = true',
    'state = ''released'', finished_at = now(), release_reason = ''unsent'', is_late = false',
    'state = ''expired'', finished_at = now(), release_reason = null, is_late = false'
  ],
  'a request is open, or finished in one of three ways; only a settled one is late'
);

select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.job', array['state', 'lease_expires_at', 'worker', 'finished_at'],
    '''queued''|''running''|''done''|''cancelled''|''dead''', 'null|now()', 'null|''w''', 'null|now()'
  )$$,
  array[
    'state = ''queued'', lease_expires_at = null, worker = null, finished_at = null',
    'state = ''running'', lease_expires_at = now(), worker = ''w'', finished_at = null',
    'state = ''done'', lease_expires_at = null, worker = null, finished_at = now()',
    'state = ''cancelled'', lease_expires_at = null, worker = null, finished_at = now()',
    'state = ''dead'', lease_expires_at = null, worker = null, finished_at = now()'
  ],
  'a job that runs is leased to a worker, one that ended has an end, and no other has either'
);

select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.account', array['status', 'closed_at', 'owner_user_id'],
    '''active''|''suspended''|''closed''', 'null|now()', 'null|owner_user_id'
  )$$,
  array[
    'status = ''active'', closed_at = null, owner_user_id = owner_user_id',
    'status = ''suspended'', closed_at = null, owner_user_id = owner_user_id',
    'status = ''closed'', closed_at = now(), owner_user_id = null',
    'status = ''closed'', closed_at = now(), owner_user_id = owner_user_id'
  ],
  'an account has an owner until it is closed'
);

select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.completion', array['request', 'finished_at', 'error', 'error_status'],
    'null|''{}''', 'null|now()', 'null|''{}''', 'null|500'
  )$$,
  array[
    'request = ''{}'', finished_at = null, error = null, error_status = null',
    'request = null, finished_at = now(), error = null, error_status = null',
    'request = null, finished_at = now(), error = ''{}'', error_status = 500'
  ],
  'a completion keeps its prompt while it waits, and has an error with a status only when it ended in one'
);

update octroi_private.plan_limit set rollover_max = 0;
select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.plan_limit', array['scope', 'model', 'period', 'overage'],
    '''account''|''member''|''api_key''|''model''', '''''|''m''', '''day''|''month''|''lifetime''', '0|1'
  )$$,
  $$select format('scope = ''%s'', model = ''%s'', period = ''%s'', overage = 0',
      s, case s when 'model' then 'm' else '' end, p)
    from unnest(array['account', 'member', 'api_key', 'model']) as s
    cross join unnest(array['day', 'month', 'lifetime']) as p
    union all
    values ('scope = ''account'', model = '''', period = ''month'', overage = 1')$$,
  'a model is named where the limit is one on a model; overage is for an account''s month'
);

insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'model', 'gpt-5.5', 'tokens', 'day', 5);
select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.budget', array['scope', 'subject'], '''account''|''member''|''api_key''|''model''', '''''|''x'''
  )$$,
  array[
    'scope = ''account'', subject = ''''',
    'scope = ''member'', subject = ''x''', 'scope = ''api_key'', subject = ''x''',
    'scope = ''model'', subject = ''x'''
  ],
  'a budget names whom it bounds, unless it is the whole account'
);

-- The promise of the whole system, on the row.
select bag_eq(
  $$select * from tap.accepted(
    'octroi_private.balance', array['included', 'allowed', 'granted', 'overage', 'used', 'reserved'],
    '100|200', '100|200', '100|200', '0|50', '0|100|150|250|-1', '0|1|-1'
  )$$,
  $$select format(
      'included = %s, allowed = %s, granted = %s, overage = %s, used = %s, reserved = %s', i, a, g, o, u, r
    )
    from unnest(array[100, 200]) as i, unnest(array[100, 200]) as a, unnest(array[100, 200]) as g,
      unnest(array[0, 50]) as o, unnest(array[0, 100, 150, 250, -1]) as u, unnest(array[0, 1, -1]) as r
    where u >= 0 and r >= 0 and g >= a and a >= i and u + r <= g + o$$,
  'used and reserved never exceed what is granted and its overage, and never fall below nothing'
);

select is(
  tap.outcome_of('update octroi_private.request set hold_tokens = input_tokens + output_tokens * choices + 1'),
  '23514 request_is_sound', 'a call never holds more than it can use'
);

select * from finish();
rollback;
