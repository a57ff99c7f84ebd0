// What people add up through the Data API is whole: it hands out 1,000 rows at most and does not say when there were more.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { signUp } from "./customer.mjs";
import { examples } from "./document.mjs";
import { psql } from "./psql.mjs";

const AsyncFunction = (async () => {}).constructor;
const TWO_YEARS = { since: "2024-01-01", until: "2025-12-30" };

// The days below have no calls behind them, and the books must be sound when the suite has ended.
after(() => psql("delete from octroi_private.usage_daily where model in ('a', 'b', 'c') and day < '2026-01-01'"));

async function found(question) {
  const { data, error } = await question;
  assert.equal(error, null);
  return data;
}

/** Every row, page by page, as docs/sql-api.md does it. */
async function all(supabase, span) {
  const rows = [];
  for (let after = {}, more = true; more; ) {
    const page = await found(supabase.rpc("my_usage", { ...span, ...after }));
    rows.push(...page);
    const last = page.at(-1);
    more = last?.has_more ?? false;
    after = { after_day: last?.day, after_model: last?.model };
  }
  return rows;
}

/** The rows of the view usage_daily that the example of docs/sql-api.md comes by. */
async function byTheDocument(supabase) {
  const { code } = examples("js").find(({ code }) => code.includes('from("usage_daily")'));
  const [, name] = code.match(/^const (\w+) = \[\];\nfor .*\n.*from\("usage_daily"\)/m);
  return new AsyncFunction("supabase", `${code}\nreturn ${name};`)(supabase);
}

const sum = (rows) => rows.reduce((total, row) => total + row.total_tokens, 0);

test("two years of usage add up, by page, by month and in total", async () => {
  const { supabase, userId } = await signUp();
  await psql(`
    insert into octroi_private.usage_daily (
      account_id, user_id, day, model, requests, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
      total_tokens, cost_nano_usd
    )
    select a.id, a.owner_user_id, '2024-01-01'::date + d, m, 1, 6, 0, 4, 0, 10, 100
    from octroi_private.account as a
    cross join generate_series(0, 729) as d
    cross join unnest(array['a', 'b', 'c']) as m
    where a.owner_user_id = '${userId}'`);

  const first = await found(supabase.rpc("my_usage", TWO_YEARS));
  assert.ok(first.length <= 1000 && first.at(-1).has_more, "a part says that it is one");
  const everything = await all(supabase, TWO_YEARS);
  assert.equal(everything.length, 2190);
  assert.equal(sum(everything), 21900);
  const months = await found(supabase.rpc("my_usage", { ...TWO_YEARS, per: "month" }));
  assert.deepEqual([months.length, sum(months), months.at(-1).has_more], [72, 21900, false]);
  const total = await found(supabase.rpc("my_usage", { ...TWO_YEARS, per: "total" }));
  assert.deepEqual([total.length, sum(total)], [3, 21900]);
  const viewed = await byTheDocument(supabase);
  assert.deepEqual([viewed.length, sum(viewed)], [2190, 21900], "the view, as the document reads it");
});
