// The link that a refusal carries leads somewhere: to the page of this stack's own product.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openai, signUp } from "./customer.mjs";

test("whoever runs into a limit is sent to a page that exists", async () => {
  const { supabase } = await signUp();
  const { data: [key] } = await supabase.rpc("create_api_key", { name: "any" }).throwOnError();
  await supabase.rpc("set_budget", { meter: "tokens", period: "day", amount: 1 }).throwOnError();
  const refused = await openai(key.secret).chat.completions
    .create({ model: "gpt-5.4-mini", messages: [{ role: "user", content: "Hello" }] })
    .then(() => assert.fail("it was answered"), (error) => error);
  assert.equal(refused.status, 429);

  for (const link of [refused.error.quota.upgrade_url, refused.error.quota.topup_url]) {
    const page = await fetch(link);
    assert.equal(page.status, 200, link);
    assert.match(page.headers.get("content-type"), /^text\/html/);
  }
});
