// Every exposed function with whatever comes to mind, through the Data API: none breaks, whatever it is given. The list is
// the catalogue's. tests/tests/security_random_calls.rs does the same in SQL, and more of it.
import assert from "node:assert/strict";
import { randomInt, randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { rpcs } from "./catalogue.mjs";
import { signUp } from "./customer.mjs";

const { SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } = process.env;
const ROUNDS = 6;

const pick = (values) => values[randomInt(values.length)];
const TEXTS = [
  "", "x", "basic", "month", "gpt-5.4-mini\n", "'; drop table account; --", "\u202e\u0301💣", "%s%n", "../../etc/passwd", "{}",
  "null", "https://a@127.0.0.1:1/\\", "-1", "1e309", "NaN", "\ud800", "a".repeat(70_000),
];
const ANYTHING = [null, true, 0, -1, 1e308, 9223372036854775807n, "x", [], [[[]]], {}, { "": {} }, { model: "gpt-5.4-mini" }];

/** A value for an argument of this type, or a text in its place. Other JSON Lite's driver breaks over, before Postgres. */
function value(type) {
  if (randomInt(5) === 0) return pick([null, pick(TEXTS)]);
  if (type.endsWith("[]")) return pick([[], [pick(TEXTS)], [null]]);
  switch (type) {
    case "uuid":
      return pick([randomUUID(), "00000000-0000-0000-0000-000000000000"]);
    case "boolean":
      return pick([true, false]);
    case "smallint":
    case "integer":
    case "bigint":
      return pick([0, 1, -1, 2147483647, -2147483648, 2147483648, 9223372036854775807n, 1e30]);
    case "date":
    case "timestamp with time zone":
      return pick(["2026-11-22", "infinity", "-infinity", "294277-01-01", "0001-01-01 BC", "yesterday"]);
    case "jsonb":
      return pick([...ANYTHING, [{ meter: "tokens", period: "day", amount: pick([1, -1, 1e30, "x"]) }]]);
    default:
      return pick(TEXTS);
  }
}

const json = (body) => JSON.stringify(body, (_, v) => typeof v === "bigint" ? JSON.rawJSON?.(String(v)) ?? Number(v) : v);

let token, functions;

before(async () => {
  ({ token } = await signUp());
  functions = await rpcs();
  assert.ok(functions.length > 20);
});

async function call(name, body, as) {
  const answer = await fetch(`${SUPABASE_URL}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: {
      apikey: SUPABASE_PUBLISHABLE_KEY,
      ...(as && { authorization: `Bearer ${as}` }),
      "content-type": "application/json",
      "content-profile": "octroi",
    },
    body,
  });
  return { status: answer.status, said: await answer.text() };
}

/** A 4xx is about what was asked, or who asked; a 5xx is ours. */
function assertSound(name, body, { status, said }) {
  assert.ok(status < 500, `${name} ${String(body).slice(0, 300)}: ${status} ${said.slice(0, 300)}`);
}

test("no function breaks over random arguments", async () => {
  for (const { name, args } of functions) {
    for (let round = 0; round < ROUNDS; round++) {
      const given = Object.entries(args).filter(() => randomInt(8) > 0).map(([arg, type]) => [arg, value(type)]);
      const body = json(Object.fromEntries(given));
      const nobody = await call(name, body);
      assert.ok(nobody.status >= 400, `nobody may call nothing, ${name} neither`);
      assertSound(name, body, nobody);
      assertSound(name, body, await call(name, body, token));
    }
  }
});

test("nor over bodies that are none", async () => {
  for (const { name } of functions) {
    for (const body of ["", "{", "[]", "null", "1", '"x"', '{"no_such_argument": 1}', "\u0000", `${"[".repeat(10_000)}`]) {
      assertSound(name, body, await call(name, body, token));
    }
  }
});
