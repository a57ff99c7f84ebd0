// The door with a real Data API behind it that answers as the test says, and tokens signed here.
import { deepStrictEqual as assertEquals } from "node:assert";
import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from "jose";
import { callerVerifier, type SigningKeys } from "./caller.ts";
import { openDoor } from "./door.ts";
import { completionsOf } from "./rpc.ts";

const SECRET = "a secret of at least thirty-two bytes";
const ISSUER = "http://octroi.test/auth/v1";
const USER_ID = "01a20407-bef0-760a-aa78-988cc047c398";
const COMPLETION_ID = "01a20408-0000-7000-8000-000000000001";

interface Seen {
  authorization: string | null;
  profile: string | null;
  account: string | null;
  rpc: string;
  body: unknown;
}

/** Runs `story` against a door; `status` and `answer` are what its Data API answers, `seen` what that was asked. */
async function atTheDoor(
  story: (knock: (init: RequestInit, path?: string) => Promise<Response>, seen: Seen[]) => Promise<void>,
  { status = 200, answer = COMPLETION_ID as unknown, keys = { secret: SECRET } as SigningKeys } = {},
) {
  const seen: Seen[] = [];
  const api = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { headers } = request;
    seen.push({
      authorization: headers.get("authorization"),
      profile: headers.get("content-profile"),
      account: headers.get("x-octroi-account"),
      rpc: new URL(request.url).pathname,
      body: await request.json(),
    });
    return Response.json(answer, { status });
  });
  const url = `http://127.0.0.1:${api.addr.port}`;
  const door = openDoor({
    verifyCaller: callerVerifier(keys, ISSUER),
    completions: completionsOf({ url, publishableKey: "sb_publishable_test" }),
    maxBodyBytes: 1000,
    publicUrl: "http://octroi.test/functions/v1/completions",
  });
  try {
    const knock = (init: RequestInit, path = "/completions") =>
      door(new Request(`http://octroi.test${path}`, { method: "POST", ...init }));
    await story(knock, seen);
  } finally {
    await api.shutdown();
  }
}

function token(claims: Record<string, unknown> = {}, header: JWTHeaderParameters = { alg: "HS256" }) {
  return new SignJWT({ role: "authenticated", sub: USER_ID, aud: "authenticated", iss: ISSUER, ...claims })
    .setProtectedHeader(header)
    .setExpirationTime(typeof claims.exp === "number" ? claims.exp : "1h");
}

const signed = (claims?: Record<string, unknown>) => token(claims).sign(new TextEncoder().encode(SECRET));

/** A token with one of its three parts replaced. */
function spoiled(token: string, index: number, part: string) {
  return token.split(".").map((good, at) => (at === index ? part : good)).join(".");
}

const headers = (bearer: string) => ({
  authorization: `Bearer ${bearer}`,
  "content-type": "application/json",
});

async function code(response: Response): Promise<string> {
  return (await response.json()).error.code;
}

Deno.test("a signed-in user's request is inserted as that user, who learns where the result will be", async () => {
  await atTheDoor(async (knock, seen) => {
    const bearer = await signed();
    const response = await knock({ headers: headers(bearer), body: '{"model":"gpt-5.4-mini"}' });
    const url = `http://octroi.test/functions/v1/completions/${COMPLETION_ID}`;
    assertEquals(response.status, 202);
    assertEquals(await response.json(), { id: COMPLETION_ID, url });
    assertEquals(response.headers.get("location"), url);
    assertEquals(seen, [{
      authorization: `Bearer ${bearer}`,
      profile: "octroi",
      account: null,
      rpc: "/rest/v1/rpc/request_completion",
      body: { request: { model: "gpt-5.4-mini" } },
    }]);
  });
});

Deno.test("the account that a caller names is named to the database, which knows whether they may", async () => {
  await atTheDoor(async (knock, seen) => {
    const named = { ...headers(await signed()), "x-octroi-account": "somebody's" };
    await knock({ headers: named, body: '{"model":"gpt-5.4-mini"}' });
    assertEquals(seen.map((call) => call.account), ["somebody's"]);
  });
});

Deno.test("a project that signs with a key pair is verified by its public keys", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid: "now", alg: "ES256" };
  const keyServer = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => Response.json({ keys: [jwk] }),
  );
  const keys = { jwksUrl: new URL(`http://127.0.0.1:${keyServer.addr.port}/`) };
  try {
    await atTheDoor(async (knock) => {
      const bearer = await token({}, { alg: "ES256", kid: "now" }).sign(privateKey);
      assertEquals((await knock({ headers: headers(bearer), body: "{}" })).status, 202);
      // Signed with the public key as if it were a shared secret.
      const forged = await token().sign(new TextEncoder().encode(JSON.stringify(jwk)));
      assertEquals((await knock({ headers: headers(forged), body: "{}" })).status, 401);
    }, { keys });
  } finally {
    await keyServer.shutdown();
  }
});

Deno.test("nobody else comes in, and nothing is inserted", async () => {
  await atTheDoor(async (knock, seen) => {
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa(`{"sub":"${USER_ID}","role":"authenticated"}`)}.`;
    const strangers = [
      unsigned,
      "sk-oct-not-a-token",
      await signed({ exp: 1 }),
      await signed({ aud: "somewhere else" }),
      await signed({ iss: "http://elsewhere.test/auth/v1" }),
      await signed({ role: "service_role" }),
      await signed({ sub: "not a uuid" }),
      await token().sign(new TextEncoder().encode("another secret of at least thirty-two")),
      await token({ nbf: Math.floor(Date.now() / 1000) + 3600 }).sign(new TextEncoder().encode(SECRET)),
      await signed({ sub: undefined }),
      // another user under a good signature, and a good token without one
      spoiled(await signed(), 1, btoa(`{"sub":"${COMPLETION_ID}","role":"authenticated"}`)),
      spoiled(await signed(), 2, ""),
    ];
    assertEquals(strangers.length, 12);
    for (const stranger of strangers) {
      const response = await knock({ headers: headers(stranger), body: "{}" });
      assertEquals([response.status, await code(response)], [401, "invalid_token"], stranger);
    }
    const anonymous = await knock({ headers: { "content-type": "application/json" }, body: "{}" });
    assertEquals([anonymous.status, await code(anonymous)], [401, "invalid_token"]);
    assertEquals(seen, []);
  });
});

Deno.test("a bad request is named as such, and nothing is inserted", async () => {
  await atTheDoor(async (knock, seen) => {
    const bearer = await signed();
    const bad: [RequestInit, number, string][] = [
      [{ body: "{" }, 400, "invalid_json"],
      [{ body: "[]" }, 400, "invalid_json"],
      [{ body: new Uint8Array([0x7b, 0xff, 0x7d]) }, 400, "invalid_json"],
      [{ body: JSON.stringify({ text: "x".repeat(1000) }) }, 413, "request_too_large"],
      [
        { body: "{}", headers: { ...headers(bearer), "content-type": "text/plain" } },
        415,
        "unsupported_media_type",
      ],
      [{ method: "PUT", body: "{}" }, 405, "method_not_allowed"],
    ];
    for (const [init, status, expected] of bad) {
      const response = await knock({ headers: headers(bearer), ...init });
      assertEquals([response.status, await code(response)], [status, expected]);
    }
    assertEquals(seen, []);
  });
});

Deno.test("the result is read as the same user, and only at a completion's own place", async () => {
  const pending = { state: "pending", status: null, response: null, error: null };
  await atTheDoor(async (knock, seen) => {
    const bearer = await signed();
    const read = (id: string) => knock({ method: "GET", headers: headers(bearer) }, `/completions/${id}`);
    const response = await read(COMPLETION_ID);
    assertEquals([response.status, response.headers.get("cache-control")], [200, "no-store"]);
    assertEquals(await response.json(), pending);
    assertEquals(seen.map(({ rpc, body }) => [rpc, body]), [["/rest/v1/rpc/completion", {
      id: COMPLETION_ID,
    }]]);
    assertEquals((await read("not-a-uuid")).status, 404);
  }, { answer: [pending] });
  await atTheDoor(async (knock) => {
    const unknown = await knock(
      { method: "GET", headers: headers(await signed()) },
      `/completions/${COMPLETION_ID}`,
    );
    assertEquals([unknown.status, await code(unknown)], [404, "not_found"]);
  }, { answer: [] });
});

Deno.test("what the database refuses is passed on, and what it says about itself is not", async () => {
  const knockOnce = async (status: number, answer: unknown) => {
    let got: unknown;
    await atTheDoor(async (knock) => {
      const response = await knock({ headers: headers(await signed()), body: "{}" });
      const { error } = await response.json();
      got = [response.status, error.code, error.message];
    }, { status, answer });
    return got;
  };
  assertEquals(await knockOnce(400, { code: "OC001", message: "model is missing" }), [
    400,
    "OC001",
    "model is missing",
  ]);
  assertEquals(await knockOnce(403, { code: "42501", message: "permission denied for function f" }), [
    403,
    "permission_denied",
    "This user has no completions here",
  ]);
  assertEquals(await knockOnce(500, { code: "XX000", message: "cache lookup failed" }), [
    503,
    "unavailable",
    "The service is not available, try again later",
  ]);
});

Deno.test("an answer is not sniffed, framed or kept, whatever it is", async () => {
  await atTheDoor(async (knock) => {
    for (const init of [{}, { method: "GET" }, { method: "OPTIONS" }]) {
      const { headers } = await knock(init);
      const said = ["x-content-type-options", "x-frame-options", "cache-control"].map((name) =>
        headers.get(name)
      );
      assertEquals(said, ["nosniff", "DENY", "no-store"]);
      assertEquals(headers.get("content-security-policy")?.startsWith("default-src 'none'"), true);
    }
  });
});

Deno.test("a browser may ask first", async () => {
  await atTheDoor(async (knock) => {
    const asked = "apikey,authorization,content-profile,content-type,x-client-info,x-region,x-retry-count";
    const response = await knock({
      method: "OPTIONS",
      headers: { origin: "https://app.test", "access-control-request-headers": asked },
    });
    assertEquals([response.status, response.headers.get("access-control-allow-origin")], [204, "*"]);
    assertEquals(response.headers.get("access-control-allow-headers"), asked);
    const refused = await knock({ headers: { origin: "https://app.test" } });
    assertEquals([refused.status, refused.headers.get("access-control-allow-origin")], [401, "*"]);
    assertEquals(refused.headers.get("access-control-expose-headers"), "*");
  });
});
