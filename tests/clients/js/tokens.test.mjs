// Tokens that should open no door, against each door there is: Data API, gateway, edge function. They are signed as the
// stack signs, so each is bad for the one reason that it is named after.
import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { signUp } from "./customer.mjs";
import { column, psql } from "./psql.mjs";

const { OCTROI_URL, STACK_STATE, SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } = process.env;

/** What Auth signs with here, and only Auth, gateway, Data API and edge function know. */
const SECRET = /^JWT_SECRET=(.+)$/m.exec(readFileSync(`${STACK_STATE}/secrets`, "utf8"))[1];
const HS = { alg: "HS256", typ: "JWT" };

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decoded = (value) => JSON.parse(Buffer.from(value, "base64url"));
const hmac = (secret) => (text) => createHmac("sha256", secret).update(text).digest("base64url");
const signed = hmac(SECRET);
const now = () => Math.floor(Date.now() / 1000);

/** A token over `claims`, signed by `sign` or not at all. */
function made(header, claims, sign = signed) {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${sign(text)}`;
}

/** Tokens that nobody signed who may: every door refuses them, whatever they say. */
function forgeries(good) {
  const [head, body, signature] = good.split(".");
  const claims = decoded(body);
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rsa = (text) => createSign("sha256").update(text).sign(privateKey, "base64url");
  const under = (changed) => `${head}.${part({ ...claims, ...changed })}.${signature}`;
  return {
    "alg none": made({ alg: "none" }, claims, () => ""),
    "alg None, with the good signature": `${part({ ...HS, alg: "None" })}.${body}.${signature}`,
    "no signature": `${head}.${body}.`,
    "another secret": made(HS, claims, hmac("another secret of at least thirty-two bytes")),
    "another key pair, under an unknown kid": made({ alg: "RS256", kid: "unknown" }, claims, rsa),
    "RS256 over the secret": made({ alg: "RS256" }, claims),
    "a public key as secret": made(HS, claims, hmac(publicKey.export({ type: "spki", format: "pem" }))),
    "a key of one's own in the header": made({ alg: "RS256", jwk: publicKey.export({ format: "jwk" }) }, claims, rsa),
    "another user under the good signature": under({ sub: randomUUID() }),
    "the service role under the good signature": under({ role: "service_role" }),
  };
}

/** Tokens that are genuine but for one thing, which every door looks at. */
const spoiled = (claims) => ({
  "expired": made(HS, { ...claims, iat: now() - 7200, exp: now() - 3600 }),
  "not yet valid": made(HS, { ...claims, nbf: now() + 3600 }),
  "an unknown critical header": made({ ...HS, crit: ["octroi"], octroi: true }, claims),
});

/**
 * Tokens that are genuine but for one thing, which the Data API does not look at: Supabase Lite, like a PostgREST without
 * jwt-aud, asks for no audience, issuer or end. What holds there is that a token speaks for its subject and for no more.
 */
const unaddressed = (claims) => ({
  "never expiring": made(HS, { ...claims, exp: undefined }),
  "another audience": made(HS, { ...claims, aud: "anon" }),
  "no audience": made(HS, { ...claims, aud: undefined }),
  "another issuer": made(HS, { ...claims, iss: "https://elsewhere.example/auth/v1" }),
  "no issuer": made(HS, { ...claims, iss: undefined }),
});

const dataApi = (rpc, token) =>
  fetch(`${SUPABASE_URL}/rest/v1/rpc/${rpc}`, {
    method: "POST",
    headers: {
      apikey: SUPABASE_PUBLISHABLE_KEY,
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-profile": "octroi",
    },
    body: "{}",
  });

const DOORS = {
  gateway: (token) => fetch(`${OCTROI_URL}/v1/models`, { headers: { authorization: `Bearer ${token}` } }),
  "edge function": (token) =>
    fetch(`${SUPABASE_URL}/functions/v1/completions`, {
      method: "POST",
      headers: {
        apikey: SUPABASE_PUBLISHABLE_KEY,
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ model: "gpt-5.6-luna", input: "Hi" }),
    }),
};
const DATA_API = { "Data API": (token) => dataApi("my_quota", token) };

async function refuseAll(doors, bad) {
  for (const [door, knock] of Object.entries(doors)) {
    for (const [fault, token] of Object.entries(bad)) {
      const answer = await knock(token);
      const said = await answer.text();
      assert.ok([401, 403].includes(answer.status), `${door}, ${fault}: ${answer.status} ${said}`);
      assert.ok(!said.includes(token), `${door} repeats no token`);
    }
  }
}

test("a token that is signed as the stack signs opens every door, or the rest would prove nothing", async () => {
  const { token } = await signUp();
  const again = made(HS, decoded(token.split(".")[1]));
  for (const [door, knock] of Object.entries({ ...DOORS, ...DATA_API })) {
    assert.ok((await knock(token)).ok, door);
    assert.ok((await knock(again)).ok, door);
    const unknownKid = await knock(made({ ...HS, kid: "unknown" }, decoded(token.split(".")[1])));
    assert.ok(unknownKid.ok, `${door}: with one secret, a kid chooses nothing`);
  }
});

test("a token that nobody signed who may is refused at every door", async () => {
  const { token } = await signUp();
  await refuseAll({ ...DOORS, ...DATA_API }, forgeries(token));
});

test("a genuine token is refused when its time is over or to come, or asks for what nobody understands", async () => {
  const { token } = await signUp();
  await refuseAll({ ...DOORS, ...DATA_API }, spoiled(decoded(token.split(".")[1])));
});

test("a genuine token that is not meant for us is refused by gateway and edge function", async () => {
  const { token } = await signUp();
  const claims = decoded(token.split(".")[1]);
  await refuseAll(DOORS, {
    ...unaddressed(claims),
    "the service role": made(HS, { ...claims, role: "service_role" }),
    "a subject that is no id": made(HS, { ...claims, sub: "somebody" }),
  });
});

test("at the Data API, too, it speaks for its subject and for no more", async () => {
  const ada = await signUp();
  const claims = decoded(ada.token.split(".")[1]);
  const quota = async (token) => {
    const answer = await dataApi("my_quota", token);
    return { status: answer.status, said: await answer.json() };
  };
  const own = await quota(ada.token);
  for (const [fault, token] of Object.entries(unaddressed(claims))) {
    assert.deepEqual(await quota(token), own, fault);
  }
  for (const [fault, token] of Object.entries(unaddressed({ ...claims, sub: randomUUID() }))) {
    const { status, said } = await quota(token);
    assert.deepEqual([status, said.code], [400, "OC020"], fault);
  }
});

test("no genuine token makes its bearer a role that is none of the Data API's", async () => {
  const { token } = await signUp();
  const claims = decoded(token.split(".")[1]);
  for (const role of ["octroi_owner", "octroi_worker", "octroi_admin", "postgres", "nobody"]) {
    const answer = await dataApi("my_quota", made(HS, { ...claims, role }));
    assert.ok(!answer.ok, `${role}: ${answer.status} ${await answer.text()}`);
  }
});

test("the token of a user who was deleted opens nothing, though it is genuine and its time is not over", async () => {
  const { token, userId } = await signUp();
  for (const knock of Object.values({ ...DOORS, ...DATA_API })) assert.ok((await knock(token)).ok);
  await psql(`delete from auth.users where id = '${userId}'`);
  for (const [door, knock] of Object.entries(DOORS)) {
    const answer = await knock(token);
    const said = await answer.text();
    // The edge function passes on what the database says, OC020.
    assert.ok([400, 401, 403].includes(answer.status), `${door}: ${answer.status} ${said}`);
  }
  assert.deepEqual(await column(`select id from octroi_private.completion where user_id = '${userId}'`), []);
  const answer = await dataApi("my_quota", token);
  assert.deepEqual([answer.status, (await answer.json()).code], [400, "OC020"], "Data API");
});
