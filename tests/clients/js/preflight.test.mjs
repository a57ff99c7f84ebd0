// What a browser asks before it lets a page of another site call, at each door a front end has, and what it lets the page
// read of the answer. Node asks nothing of the kind, so it is asked here by hand; story.test.mjs has a real browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { signUp } from "./customer.mjs";

const { OCTROI_EXAMPLE_URL, OCTROI_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } = process.env;
const PAGE = new URL(OCTROI_EXAMPLE_URL).origin;
const ELSEWHERE = "https://elsewhere.example";

/** What supabase-js and OpenAI's SDK send along, of which a browser asks for every one. */
const SUPABASE_HEADERS = [
  "accept-profile",
  "apikey",
  "authorization",
  "content-profile",
  "content-type",
  "prefer",
  "x-client-info",
  "x-region",
  "x-retry-count",
  "x-supabase-api-version",
];
const OPENAI_HEADERS = [
  "authorization",
  "content-type",
  "idempotency-key",
  "openai-organization",
  "x-stainless-arch",
  "x-stainless-helper-method",
  "x-stainless-lang",
  "x-stainless-os",
  "x-stainless-package-version",
  "x-stainless-retry-count",
  "x-stainless-runtime",
  "x-stainless-runtime-version",
  "x-stainless-timeout",
];

/** Fails unless a browser would send `method` with these headers from a page of `origin`. */
async function assertLetThrough(url, method, headers, origin = PAGE) {
  const answer = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": headers.join(","),
    },
  });
  const listed = (name) => (answer.headers.get(name) ?? "").toLowerCase().split(/\s*,\s*/);
  assert.ok(answer.ok, `${url}: ${answer.status}`);
  assert.ok(["*", origin].includes(answer.headers.get("access-control-allow-origin")), `${url}: origin`);
  assert.ok(listed("access-control-allow-methods").includes(method.toLowerCase()), `${url}: ${method}`);
  // "*" stands for every header but the one that matters.
  for (const name of headers) assert.ok(listed("access-control-allow-headers").includes(name), `${url}: ${name}`);
  assert.equal(answer.headers.get("access-control-allow-credentials"), null, `${url}: no cookies are involved`);
}

test("a page may call Data API, Auth and edge function, before anybody has signed in", async () => {
  for (const path of ["rest/v1/rpc/my_quota", "rest/v1/rpc/no_such_rpc", "auth/v1/signup", "auth/v1/token?grant_type=password"]) {
    await assertLetThrough(`${SUPABASE_URL}/${path}`, "POST", SUPABASE_HEADERS, ELSEWHERE);
  }
  await assertLetThrough(`${SUPABASE_URL}/rest/v1/plans?select=*`, "GET", SUPABASE_HEADERS);
  await assertLetThrough(`${SUPABASE_URL}/auth/v1/factors`, "POST", SUPABASE_HEADERS);
  await assertLetThrough(`${SUPABASE_URL}/auth/v1/factors/${crypto.randomUUID()}`, "DELETE", SUPABASE_HEADERS);
  await assertLetThrough(`${SUPABASE_URL}/functions/v1/completions`, "POST", SUPABASE_HEADERS);
});

test("a page may read every answer of theirs, refusals too", async () => {
  const asked = { headers: { origin: ELSEWHERE, apikey: SUPABASE_PUBLISHABLE_KEY } };
  for (const path of ["rest/v1/usage", "auth/v1/user", "auth/v1/factors", "functions/v1/completions/x"]) {
    const answer = await fetch(`${SUPABASE_URL}/${path}`, asked);
    assert.ok(!answer.ok, path);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*", path);
  }
});

test("a page of the operator's may call the gateway and read what an answer says of itself", async () => {
  for (const path of ["chat/completions", "responses", "embeddings"]) {
    await assertLetThrough(`${OCTROI_URL}/v1/${path}`, "POST", OPENAI_HEADERS);
  }
  await assertLetThrough(`${OCTROI_URL}/v1/models`, "GET", OPENAI_HEADERS);

  const { token } = await signUp();
  const answer = await fetch(`${OCTROI_URL}/v1/models`, { headers: { origin: PAGE, authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("access-control-allow-origin"), PAGE);
  assert.equal(answer.headers.get("access-control-expose-headers"), "*");
});

test("a page of somebody else's site may not, whatever token it has got hold of", async () => {
  const { token } = await signUp();
  for (const method of ["OPTIONS", "GET"]) {
    const answer = await fetch(`${OCTROI_URL}/v1/models`, {
      method,
      headers: { origin: ELSEWHERE, authorization: `Bearer ${token}`, "access-control-request-method": "GET" },
    });
    assert.equal(answer.headers.get("access-control-allow-origin"), null, method);
  }
});
