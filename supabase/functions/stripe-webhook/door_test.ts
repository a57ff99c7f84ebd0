// Stripe at the door: what is stored, what is refused, and what is told of a database that is away.
import { deepStrictEqual as assertEquals } from "node:assert";
import {
  type Answer,
  atTheDoor,
  digest,
  INVOICE_PAID,
  MAX_BODY_BYTES,
  NOW,
  outcome,
  QUEUED,
  ROLLED,
  SECRET,
  sign,
  TRIMMED,
} from "./door_setting.ts";

Deno.test("an event of Stripe's is stored before it is acknowledged, and only what names its object is", async () => {
  await atTheDoor(async (knock, seen) => {
    const response = await knock();
    assertEquals([response.status, await response.json()], [200, { received: true }]);
    assertEquals(seen, [{
      path: "/rest/v1/rpc/receive_stripe_events",
      apikey: "sb_secret_test",
      authorization: null,
      profile: "octroi",
      body: { events: [TRIMMED] },
    }]);
  });
});

Deno.test("a transaction that Postgres ended for another is made again, not by Stripe", async () => {
  for (const code of ["40P01", "40001"]) {
    const busy: Answer = { status: 500, body: { code, message: "deadlock detected" } };
    await atTheDoor(async (knock, seen) => {
      assertEquals((await knock()).status, 200);
      assertEquals(seen.length, 3);
    }, { answer: (asked) => asked < 3 ? busy : QUEUED });
    await atTheDoor(async (knock, seen) => {
      assertEquals((await knock()).status, 503);
      assertEquals(seen.length, 3);
    }, { answer: busy });
  }
});

Deno.test("a project that still has a service_role token shows it as one", async () => {
  await atTheDoor(async (knock, seen) => {
    assertEquals((await knock()).status, 200);
    assertEquals([seen[0]?.apikey, seen[0]?.authorization], ["ey.token", "Bearer ey.token"]);
  }, { secretKey: "ey.token" });
});

Deno.test("events of every kind are passed on, also those nobody here knows", async () => {
  const passed = async (event: unknown) => {
    let body: unknown;
    await atTheDoor(async (knock, seen) => {
      assertEquals((await knock({ body: JSON.stringify(event) })).status, 200);
      body = (seen[0]?.body as { events: { object: unknown }[] }).events[0]?.object;
    });
    return body;
  };
  const none = { customer: null, charge: null, payment_intent: null, subscription: null };
  const unknown = { ...INVOICE_PAID, type: "future.thing", data: { object: { object: "thing", id: 7 } } };
  assertEquals(await passed(unknown), { object: "thing", id: null, ...none });
  const refund = {
    object: "refund",
    id: "re_1",
    charge: "ch_1",
    payment_intent: "pi_1",
    reason: "requested",
  };
  const refunded = { ...INVOICE_PAID, type: "refund.created", data: { object: refund } };
  assertEquals(await passed(refunded), {
    ...none,
    object: "refund",
    id: "re_1",
    charge: "ch_1",
    payment_intent: "pi_1",
  });
  const thin = {
    id: "evt_thin",
    object: "v2.core.event",
    type: "v1.billing.meter.error_report_triggered",
    created: "2026-11-22T10:00:00.000Z",
    livemode: false,
    related_object: { id: "mtr_1", type: "billing.meter", url: "/v1/billing/meters/mtr_1" },
  };
  assertEquals(await passed(thin), { object: "billing.meter", id: "mtr_1" });
});

Deno.test("any signature that matches any secret is enough, so that a secret can be rolled", async () => {
  await atTheDoor(async (knock) => {
    const body = JSON.stringify(INVOICE_PAID);
    const old = digest(body, ROLLED, NOW);
    const foreign = digest(body, "whsec_somebody_else", NOW);
    const good = [
      sign(body),
      sign(body, ROLLED),
      `t=${NOW},v1=${foreign},v1=${old}`,
      `t=${NOW}, v0=${foreign}, v1=${old}`,
      sign(body, SECRET, NOW - 300),
      sign(body, SECRET, NOW + 300),
    ];
    for (const signature of good) assertEquals((await knock({ body, signature })).status, 200, signature);
  }, { secrets: [SECRET, ROLLED] });
});

Deno.test("what Stripe did not sign, or not now, is refused and not stored", async () => {
  await atTheDoor(async (knock, seen) => {
    const body = JSON.stringify(INVOICE_PAID);
    const right = digest(body, SECRET, NOW);
    const bad: [string | null, string][] = [
      [null, "There is no signature"],
      ["", "There is no signature"],
      ["nonsense", "The signature header is malformed"],
      [`t=${NOW}`, "The signature header is malformed"],
      [`v1=${right}`, "The signature header is malformed"],
      [`t=,v1=${right}`, "The signature header is malformed"],
      [`t=1e9,v1=${right}`, "The signature header is malformed"],
      [`t=${NOW},v0=${right}`, "The signature header is malformed"],
      [`t=${NOW},v1=${right.slice(1)}`, "The signature header is malformed"],
      [`t=${NOW}${`,v1=${right}`.repeat(9)}`, "The signature header is malformed"],
      [`t=${NOW},v1=${right}${",x=1".repeat(2000)}`, "The signature header is too long"],
      [sign(body, "whsec_somebody_else"), "The signature does not match"],
      [sign(body, ROLLED), "The signature does not match"],
      [sign(`${body} `), "The signature does not match"],
      [`t=${NOW + 1},v1=${right}`, "The signature does not match"],
      [sign(body, SECRET, NOW - 301), "The signature is too old"],
      [sign(body, SECRET, NOW + 301), "The signature is too old"],
    ];
    for (const [signature, message] of bad) {
      assertEquals(await outcome(await knock({ body, signature })), [400, message], signature ?? "none");
    }
    assertEquals(seen, []);
  });
});

Deno.test("what is refused is told in the log, without a word of it", async () => {
  const { warn } = console;
  const said: unknown[][] = [];
  console.warn = (...words) => said.push(words);
  try {
    await atTheDoor(async (knock) => {
      await knock({ signature: `t=${NOW},v1=${"0".repeat(64)}` });
      await knock({ body: "{" });
      await knock({ body: "x".repeat(MAX_BODY_BYTES + 1) });
    });
  } finally {
    console.warn = warn;
  }
  assertEquals(said, [
    ["event refused with 400: The signature does not match"],
    ["event refused with 400: The body is not valid JSON"],
    [`event refused with 413: The body is longer than ${MAX_BODY_BYTES} bytes`],
  ]);
});

Deno.test("what is no event is refused, although it is signed", async () => {
  await atTheDoor(async (knock, seen) => {
    const without = (name: string) => JSON.stringify({ ...INVOICE_PAID, [name]: undefined });
    const bad: [string, string][] = [
      ["{", "The body is not valid JSON"],
      ["", "The body is not valid JSON"],
      ["[]", "The body is not a JSON object"],
      ["null", "The body is not a JSON object"],
      [without("id"), "The event has no id"],
      [without("type"), "The event has no type"],
      [without("created"), "The event has no time"],
      [JSON.stringify({ ...INVOICE_PAID, id: "e".repeat(256) }), "The event has no id"],
      [JSON.stringify({ ...INVOICE_PAID, created: 1.5 }), "The event has no time"],
    ];
    for (const [body, message] of bad) {
      assertEquals(await outcome(await knock({ body })), [400, message], body);
    }
    const tooLong = "x".repeat(MAX_BODY_BYTES + 1);
    assertEquals(await outcome(await knock({ body: tooLong })), [413, "The body is longer than 2000 bytes"]);
    const read = await knock({ method: "GET" });
    assertEquals([read.status, read.headers.get("allow")], [405, "POST"]);
    assertEquals(seen, []);
  });
});

Deno.test("the bytes are verified as they came, not as they would be written again", async () => {
  await atTheDoor(async (knock) => {
    const body = JSON.stringify(INVOICE_PAID, null, 2).replace("private", "priv\u00e9 \u2028");
    assertEquals((await knock({ body })).status, 200);
  });
});

Deno.test("while the database is away Stripe is asked to come back, and learns nothing about it", async () => {
  const away: Answer[] = [
    { status: 503, body: { code: "PGRST000", message: "could not connect to 10.0.0.7" } },
    { status: 500, body: { code: "53300", message: "too many connections" } },
    { status: 403, body: { code: "42501", message: "permission denied" } },
    { status: 404, body: "<html>" },
  ];
  for (const answer of away) {
    await atTheDoor(async (knock) => {
      const expected = "The event could not be stored, send it again later";
      assertEquals(await outcome(await knock()), [503, expected]);
    }, { answer });
  }
});

Deno.test("an event that the database finds malformed is not asked for again", async () => {
  const body = [{ number: 1, state: "refused", reason: "an event has an id and a type" }];
  await atTheDoor(async (knock) => {
    assertEquals(await outcome(await knock()), [400, "an event has an id and a type"]);
  }, { answer: { status: 200, body } });
});
