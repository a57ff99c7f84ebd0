// Twelve tokens that should open no door, against each door there is: Data API, gateway, edge function.
import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { signUp } from "./customer.mjs";

const { OCTROI_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } = process.env;

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token over `claims`, signed by `sign` or not at all. */
function made(header, claims, sign = () => "") {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${sign(text)}`;
}

const hmac = (secret) => (text) => createHmac("sha256", secret).update(text).digest("base64url");

/** Each bad token with what is wrong with it, made from a good one. */
function badTokens(good) {
  const [head, body, signature] = good.split(".");
  const header = JSON.parse(Buffer.from(head, "base64url"));
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rsa = (text) => createSign("sha256").update(text).sign(privateKey, "base64url");
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const now = Math.floor(Date.now() / 1000);
  const other = hmac("another secret of at least thirty-two bytes");
  const hs = { alg: "HS256", typ: "JWT" };
  return {
    "alg none": made({ alg: "none" }, claims),
    "alg None, with the good signature": `${part({ ...header, alg: "None" })}.${body}.${signature}`,
    "no signature": `${head}.${body}.`,
    "another secret": made(hs, claims, other),
    "another key pair": made({ alg: "RS256", kid: header.kid ?? "x" }, claims, rsa),
    "a public key as secret": made(hs, claims, hmac(pem)),
    "another user under the good signature": `${head}.${part({ ...claims, sub: crypto.randomUUID() })}.${signature}`,
    "the service role under the good signature": `${head}.${part({ ...claims, role: "service_role" })}.${signature}`,
    "expired": made(hs, { ...claims, exp: now - 3600 }, other),
    "never expiring": made(hs, { ...claims, exp: undefined }, other),
    "an unknown critical header": made({ ...hs, crit: ["b64"], b64: false }, claims, other),
    "a key of one's own in the header": made(
      { alg: "RS256", jwk: publicKey.export({ format: "jwk" }) },
      claims,
      rsa,
    ),
  };
}

const DOORS = {
  "Data API": (token) =>
    fetch(`${SUPABASE_URL}/rest/v1/rpc/my_quota`, {
      method: "POST",
      headers: {
        apikey: SUPABASE_PUBLISHABLE_KEY,
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "content-profile": "octroi",
      },
      body: "{}",
    }),
  gateway: (token) => fetch(`${OCTROI_URL}/v1/models`, { headers: { authorization: `Bearer ${token}` } }),
  "edge function": (token) =>
    fetch(`${SUPABASE_URL}/functions/v1/completions`, {
      method: "POST",
      headers: {
        apikey: SUPABASE_PUBLISHABLE_KEY,
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ model: "gpt-5-mini", input: "Hi" }),
    }),
};

test("no bad token speaks for anyone, at any door", async () => {
  const { token } = await signUp();
  const bad = Object.entries(badTokens(token));
  assert.equal(bad.length, 12);

  for (const [door, knock] of Object.entries(DOORS)) {
    assert.ok((await knock(token)).ok, `${door} opens to the good token`);
    for (const [fault, spoiled] of bad) {
      const answer = await knock(spoiled);
      const said = await answer.text();
      assert.ok([401, 403].includes(answer.status), `${door}, ${fault}: ${answer.status} ${said}`);
      assert.ok(!said.includes(spoiled), `${door} repeats no token`);
    }
  }
});
