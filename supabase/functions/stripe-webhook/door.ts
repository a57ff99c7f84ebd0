// The door for Stripe's webhooks: verify, store, say thanks.
//
// 200 means that the event is in the database for good, together with the job that will look at it. Stripe sends again
// whatever it does not get a 2xx for, for three days, so everything that may pass is answered 5xx: the database away, or
// slow. What cannot become right is answered 4xx, and stands in Stripe's dashboard. Types that nobody here knows are
// stored as well: what to do with them is not this door's business.
import { BodyTooLong, readAtMost } from "../_shared/body.ts";
import { guarded } from "../_shared/guarded.ts";
import { NotAnEvent, trimEvent } from "./event.ts";
import { EventRefused, type Receive } from "./inbox.ts";
import { NotSigned, type VerifySignature } from "./signature.ts";

export interface Door {
  verifySignature: VerifySignature;
  receive: Receive;
  /** Longest body that is read, in bytes. */
  maxBodyBytes: number;
  /** Now, in Unix seconds. */
  now: () => number;
}

/** The handler of the edge function. It never throws. */
export function openDoor(door: Door): (request: Request) => Promise<Response> {
  return guarded(async (request) => {
    if (request.method !== "POST") {
      return Response.json({ error: "Only POST is allowed here" }, {
        status: 405,
        headers: { allow: "POST" },
      });
    }
    try {
      const body = await readAtMost(request, door.maxBodyBytes);
      await door.verifySignature(request.headers.get("stripe-signature"), body, door.now());
      await door.receive(trimEvent(parse(body)));
      return Response.json({ received: true });
    } catch (error) {
      return refusalOf(error);
    }
  });
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new NotAnEvent("The body is not valid JSON");
  }
}

function refusalOf(error: unknown): Response {
  if (error instanceof BodyTooLong) return refuse(413, error.message);
  if (error instanceof NotSigned || error instanceof NotAnEvent || error instanceof EventRefused) {
    return refuse(400, error.message);
  }
  console.error("event not stored:", error);
  return answer(503, "The event could not be stored, send it again later");
}

/** Tells the operator's log as well: what was not stored leaves no other trace here. */
function refuse(status: number, message: string): Response {
  console.warn(`event refused with ${status}: ${message}`);
  return answer(status, message);
}

function answer(status: number, message: string): Response {
  return Response.json({ error: message }, { status });
}
