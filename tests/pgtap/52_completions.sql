-- A completion that nobody waits for: asked for by a user, made by the worker, read once by the user.
begin;
\ir setup/cast.sql
select plan(35);

create function tap.ask_outcome(p_request text) returns text
language sql
begin atomic
select tap.outcome_of(format('select octroi.request_completion(%L)', p_request));
end;

select tap.play(:sten) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "Say hi"}') as answered \gset
select octroi.request_completion('{"model": "gpt-5.6-luna", "messages": [{"role": "user", "content": "x"}]}') as failing
\gset
select octroi.request_completion('{"model": "text-embedding-3-small", "input": "hi", "endpoint": "embeddings"}') as aged
\gset
select results_eq(
  format('select * from octroi.completion(%L)', :'answered'),
  $$values ('pending', null::smallint, null::jsonb, null::jsonb)$$, 'it waits'
);

-- The worker's side, with the worker's rights.
select tap.play_role('octroi_worker') \g /dev/null
create temporary table claimed as
select * from octroi_private.claim_jobs('w1', array['complete_request'], 10, 30);
select bag_eq(
  $$select args ->> 'completion_id', attempt from claimed$$,
  format('values (%L, 1), (%L, 1), (%L, 1)', :'answered', :'failing', :'aged'), 'each became a job'
);
select is_empty(
  $$select * from octroi_private.claim_jobs('w2', array['complete_request'], 10, 30)$$,
  'another worker gets none of them'
);
select results_eq(
  format('select user_id, endpoint, request from octroi_private.load_completion(%L)', :'answered'),
  format($$values (%L::uuid, 'responses', '{"model": "gpt-5.6-luna", "input": "Say hi"}'::jsonb)$$, :sten),
  'the worker loads what was asked, and for whom'
);
select is(
  (select c.endpoint from octroi_private.load_completion(:'failing') as c), 'chat.completions',
  'messages make it a chat completion'
);
select results_eq(
  format('select endpoint, request from octroi_private.load_completion(%L)', :'aged'),
  $$values ('embeddings', '{"model": "text-embedding-3-small", "input": "hi"}'::jsonb)$$,
  'endpoint says what it is, and is not sent on'
);
select c.id as job from claimed as c where c.args ->> 'completion_id' = :'answered' \gset
select account_id as account from octroi_private.load_completion(:'answered') \gset
select results_eq(
  format($$select request_id, verdict from octroi_private.reserve_many(
    array[%L::uuid], array[%L::uuid], array[null::uuid], array[%L::uuid], array['gpt-5.6-luna'], array['responses'],
    array[20::bigint], array[50::bigint], array[1], array[null::text], array[sha256('body')], 660
  )$$, :'answered', :'account', :sten),
  format('values (%L::uuid, %L)', :'answered', 'granted'), 'it is reserved under its own id'
);
select results_eq(
  format($$select outcome, total_tokens from octroi_private.settle_many(
    array[%L::uuid], array[18::bigint], array[0::bigint], array[0::bigint], array[0::bigint], array[7::bigint],
    array[0::bigint], array[0::bigint], array[null::text], array['default'], array['provider'], array['{}'::jsonb],
    array[900], array[300], array['req_1'], array[200::smallint], array['application/json'],
    array['{"output_text": "hi"}'::bytea], array[0::bigint]
  )$$, :'answered'),
  $$values ('settled', 25::bigint)$$, 'and settled with its answer'
);
select octroi_private.fail_completion(
  :'failing', 429::smallint, '{"error": {"code": "quota_exceeded"}}'
) \g /dev/null
select octroi_private.fail_completion(:'answered', 500::smallint, '{"error": {"code": "late"}}') \g /dev/null
select is(
  octroi_private.finish_job(:job, 1, 'done', null, 0),
  true, 'the job is done'
);
select is(
  octroi_private.finish_job(:job, 1, 'done', null, 0),
  false, 'once'
);
select is_empty(
  format('select * from octroi_private.load_completion(%L)', :'answered'), 'a finished completion is not made again'
);
select is(
  tap.outcome_of('select * from octroi_private.completion'), '42501', 'the worker itself reads no table of prompts'
);

select tap.clear() \g /dev/null
select is(
  (select c.request from octroi_private.completion as c where c.id = :'answered'), null::jsonb,
  'once answered, the prompt is gone'
);

select tap.play(:olga) \g /dev/null
select is_empty(format('select * from octroi.completion(%L)', :'answered'), 'nobody else reads the answer');
select tap.play(:sten) \g /dev/null
select results_eq(
  format('select * from octroi.completion(%L)', :'answered'),
  $$values ('done', 200::smallint, '{"output_text": "hi"}'::jsonb, null::jsonb)$$, 'its owner does'
);
select results_eq(
  format('select * from octroi.completion(%L)', :'answered'),
  $$values ('read', null::smallint, null::jsonb, null::jsonb)$$, 'once'
);
select tap.clear() \g /dev/null
select is_empty(
  format('select * from octroi_private.stored_response where request_id = %L', :'answered'),
  'the answer left with its reader'
);
select tap.play(:sten) \g /dev/null
select results_eq(
  format('select * from octroi.completion(%L)', :'failing'),
  $$values ('failed', 429::smallint, null::jsonb, '{"error": {"code": "quota_exceeded"}}'::jsonb)$$,
  'a failed one says why, in OpenAI''s shape'
);
select results_eq(
  format('select * from octroi.completion(%L)', :'failing'), format('select * from octroi.completion(%L)', :'failing'),
  'as often as it is asked'
);
select is(
  (select r.endpoint || ' ' || r.total_tokens from octroi.my_requests(1) as r), 'responses 25',
  'the call stands among the others'
);
select is_empty('select * from octroi.completion(null)', 'null is no completion');

-- Its time runs out.
select tap.clear() \g /dev/null
insert into octroi_private.test_clock (shift) values ('61 minutes');
select tap.play(:sten) \g /dev/null
select is_empty(format('select * from octroi.completion(%L)', :'aged'), 'after an hour it is no more');
select tap.play_role('octroi_worker') \g /dev/null
select is_empty(format('select * from octroi_private.load_completion(%L)', :'aged'), 'for the worker neither');
select rows_done from octroi_private.sweep(1000) \g /dev/null
select tap.clear() \g /dev/null
select is_empty(
  format('select * from octroi_private.completion where id = %L', :'aged'),
  'and the sweep takes the row, and the prompt with it'
);
delete from octroi_private.test_clock;

-- What cannot be asked for.
select tap.play(:sten) \g /dev/null
select is(tap.ask_outcome(null), '22023', 'a request is there');
select is(tap.ask_outcome('[]'), '22023', 'and an object');
select is(tap.ask_outcome('{"input": "hi"}'), '22023', 'with a model');
select is(
  tap.ask_outcome('{"model": "gpt-5.5", "input": "x", "endpoint": "images"}'), '22023', 'for an endpoint we have'
);
select is(tap.ask_outcome('{"model": "gpt-5.5", "input": "x", "stream": true}'), '22023', 'that is not streamed');
select is(
  tap.ask_outcome(json_build_object('model', 'gpt-5.5', 'input', (
    select string_agg(md5(n::text), '') from generate_series(1, 40000) as n
  ))::text), '22023', 'and not larger than a mebibyte'
);
select is(tap.outcome_of('select octroi.completion(''x'')'), '22P02', 'an id that is none is refused as such');

select tap.clear() \g /dev/null
insert into octroi_private.completion (account_id, user_id, endpoint, request, expires_at)
select tap.personal('sten'), :sten, 'responses', '{}', octroi_private.now() + interval '1 hour'
from generate_series(1, 1000);
select tap.play(:sten) \g /dev/null
select is(
  tap.ask_outcome('{"model": "gpt-5.5", "input": "x"}'), 'OC013', 'nor when a thousand of the account''s wait already'
);

-- Counting tokens, for whoever wants to know before asking.
select is(octroi.count_tokens('gpt-5.6-luna', 'Hello, world!'), 4::bigint, 'a text counts as OpenAI counts it');
select is(octroi.count_tokens('text-embedding-3-small', 'Hello, world!'), 4::bigint, 'in either encoding');
select is(
  tap.outcome_of('select octroi.count_tokens(''gpt-99'', ''x'')') || ' '
  || tap.outcome_of('select octroi.count_tokens(''gpt-5.5'', repeat(''x'', 1048577))') || ' '
  || tap.outcome_of('select octroi.count_tokens(''gpt-5.5'', '''')'),
  'OC012 22023 00000', 'for models that have a price, up to a mebibyte'
);

select * from finish();
rollback;
