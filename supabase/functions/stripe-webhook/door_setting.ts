// What the door's tests share: a real Data API behind it that answers as the test says, and events signed here.
import { createHmac } from "node:crypto";
import { openDoor } from "./door.ts";
import { inboxOf } from "./inbox.ts";
import { signatureVerifier } from "./signature.ts";

export const SECRET = "whsec_the_one_in_force";
export const ROLLED = "whsec_the_one_before";
export const NOW = 1_795_000_000;
export const MAX_BODY_BYTES = 2000;

interface Seen {
  path: string;
  apikey: string | null;
  authorization: string | null;
  profile: string | null;
  body: unknown;
}

export interface Answer {
  status: number;
  body: unknown;
}

export const QUEUED: Answer = { status: 200, body: [{ number: 1, state: "queued", reason: null }] };

interface Knock {
  body?: BodyInit;
  signature?: string | null;
  method?: string;
}

/** Runs `story` against a door; `answer` is what its Data API answers, `seen` what that was asked. */
export async function atTheDoor(
  story: (knock: (init?: Knock) => Promise<Response>, seen: Seen[]) => Promise<void>,
  {
    answer = QUEUED as Answer | ((asked: number) => Answer),
    secretKey = "sb_secret_test",
    secrets = [SECRET],
  } = {},
) {
  const seen: Seen[] = [];
  const api = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { headers } = request;
    seen.push({
      path: new URL(request.url).pathname,
      apikey: headers.get("apikey"),
      authorization: headers.get("authorization"),
      profile: headers.get("content-profile"),
      body: await request.json(),
    });
    const { body, status } = typeof answer === "function" ? answer(seen.length) : answer;
    return Response.json(body, { status });
  });
  const door = openDoor({
    verifySignature: await signatureVerifier(secrets),
    receive: inboxOf({ url: `http://127.0.0.1:${api.addr.port}`, secretKey }),
    maxBodyBytes: MAX_BODY_BYTES,
    now: () => NOW,
  });
  const knock = ({ body = JSON.stringify(INVOICE_PAID), signature, method = "POST" }: Knock = {}) => {
    const headers = new Headers({ "content-type": "application/json; charset=utf-8" });
    const signed = signature === undefined ? sign(String(body)) : signature;
    if (signed !== null) headers.set("stripe-signature", signed);
    return door(
      new Request("http://octroi.test/stripe-webhook", {
        method,
        headers,
        ...(method === "POST" && { body }),
      }),
    );
  };
  try {
    await story(knock, seen);
  } finally {
    await api.shutdown();
  }
}

export const digest = (body: string, secret: string, time: number) =>
  createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");

export const sign = (body: string, secret = SECRET, time = NOW) =>
  `t=${time},v1=${digest(body, secret, time)}`;

export const INVOICE_PAID = {
  id: "evt_1",
  object: "event",
  type: "invoice.paid",
  created: NOW - 5,
  api_version: "2026-09-30.endive",
  livemode: false,
  data: {
    object: {
      id: "in_1",
      object: "invoice",
      customer: "cus_1",
      customer_email: "ada@example.com",
      amount_paid: 900,
      parent: { subscription_details: { subscription: "sub_1", metadata: { note: "private" } } },
    },
  },
};

export const TRIMMED = {
  id: "evt_1",
  type: "invoice.paid",
  created: NOW - 5,
  api_version: "2026-09-30.endive",
  livemode: false,
  object: {
    object: "invoice",
    id: "in_1",
    customer: "cus_1",
    charge: null,
    payment_intent: null,
    subscription: "sub_1",
  },
};

export async function outcome(response: Response): Promise<[number, string | undefined]> {
  return [response.status, (await response.json()).error];
}
