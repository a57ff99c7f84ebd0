// The one call this function makes: octroi.receive_stripe_events through the Data API, with the project's secret key.
//
// The key's role, service_role, may execute that one function of schema octroi and read nothing there. A Postgres
// connection would need a role that can log in, in every isolate, and more rights than one insert. Events that come at
// the same time are stored by one call and one commit: what Stripe sends on the first of a month comes all at once.
import { inBatches } from "./batches.ts";
import type { ReceivedEvent } from "./event.ts";

/** The database found the event malformed. */
export class EventRefused extends Error {}

/** Stores an event durably; returns once it is committed. Throws EventRefused. */
export type Receive = (event: ReceivedEvent) => Promise<void>;

export interface DataApi {
  /** The project's URL, without a path. */
  url: string;
  /** `sb_secret_…`, or the service_role token of a project that still has one. */
  secretKey: string;
}

/** What the database says of one event, by its place in the list from 1. */
interface Verdict {
  number: number;
  state: string;
  reason: string | null;
}

// Stripe gives up after a while, and tries again later.
const TIMEOUT_MS = 5_000;
/** The database takes 256; a trimmed event is smaller than 2 KiB. */
const MAX_EVENTS = 128;
/** A second's work or two. Stripe sends again what is refused for this. */
const MAX_WAITING = 1024;
/** Postgres ended one of two transactions that waited for each other, and nothing of it was kept: the same again. */
const ENDED_FOR_ANOTHER = new Set(["40001", "40P01"]);
const MAX_ATTEMPTS = 3;

/** Not at the same moment as the other. */
function pause(attempt: number): Promise<void> {
  return new Promise((go) => setTimeout(go, attempt * (10 + Math.random() * 40)));
}

export function inboxOf(api: DataApi): Receive {
  const headers = headersOf(api);
  const store = async (events: ReceivedEvent[], attempt = 1): Promise<Verdict[]> => {
    const response = await fetch(`${api.url}/rest/v1/rpc/receive_stripe_events`, {
      method: "POST",
      headers,
      body: JSON.stringify({ events }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return inOrder(await response.json());
    const { code } = await response.json().catch(() => ({}));
    if (ENDED_FOR_ANOTHER.has(code) && attempt < MAX_ATTEMPTS) {
      console.warn(`receive_stripe_events was ended for another (${code}), attempt ${attempt}`);
      await pause(attempt);
      return store(events, attempt + 1);
    }
    // Goes to a log, and Postgres' messages quote what they are about.
    throw new Error(`receive_stripe_events answered ${response.status} ${code}`);
  };
  const receive = inBatches(store, { maxItems: MAX_EVENTS, maxWaiting: MAX_WAITING });
  return async (event) => {
    const { state, reason } = await receive(event);
    if (state === "refused") throw new EventRefused(reason ?? "The event is malformed");
  };
}

function headersOf({ secretKey }: DataApi): Record<string, string> {
  const headers = {
    "apikey": secretKey,
    "content-profile": "octroi",
    "content-type": "application/json",
  };
  // A secret key is no token, and the gateway would refuse it as one.
  return secretKey.startsWith("sb_secret_") ? headers : { ...headers, authorization: `Bearer ${secretKey}` };
}

function inOrder(verdicts: Verdict[]): Verdict[] {
  return verdicts.toSorted((a, b) => a.number - b.number);
}
