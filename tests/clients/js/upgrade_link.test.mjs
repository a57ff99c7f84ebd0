// The link that a refusal carries leads somewhere: to the page of this stack's own product.
import assert from "node:assert/strict";
import { test } from "node:test";

import { apiKey, openai, signUp, standing } from "./customer.mjs";
import { psql } from "./psql.mjs";

const QUESTION = { model: "gpt-5.4-mini", messages: [{ role: "user", content: "Hello" }] };

/** Uses all that the plan of this user's account has left, as a product's own code records it. */
async function useUp(supabase, userId) {
  const { remaining } = await standing(supabase);
  await psql(`
    select u.outcome from octroi_private.account as a
    cross join octroi_private.record_usage(a.id, '${userId}', 'gpt-5.4-mini', ${remaining}, 0) as u
    where a.owner_user_id = '${userId}'`);
}

async function refusalOf(secret) {
  const call = openai(secret).chat.completions.create(QUESTION);
  return call.then(() => assert.fail("it was answered"), (error) => error);
}

test("whoever has used up a plan is sent to a page that exists", async () => {
  const { supabase, userId } = await signUp();
  await useUp(supabase, userId);

  const refused = await refusalOf(await apiKey(supabase));

  assert.deepEqual([refused.status, refused.code], [429, "quota_exceeded"]);
  for (const link of [refused.error.quota.upgrade_url, refused.error.quota.topup_url]) {
    const page = await fetch(link);
    assert.equal(page.status, 200, link);
    assert.match(page.headers.get("content-type"), /^text\/html/);
  }
  assert.ok(refused.message.includes(refused.error.quota.upgrade_url), refused.message);
});
