// What of an event is sent on: which object it is about, and whose it may be. The worker fetches the object itself, so
// nothing else of the body is needed, and names, addresses and amounts stay out of the database.

/** The body is not an event of Stripe's; the message may be shown to whoever sent it. */
export class NotAnEvent extends Error {}

/** One of what octroi.receive_stripe_events takes. */
export interface ReceivedEvent {
  id: string;
  type: string;
  /** Unix seconds; an RFC 3339 time in thin events. */
  created: number | string;
  api_version: string | null;
  livemode: boolean;
  object: Record<string, string | null>;
}

const MAX_TEXT_LENGTH = 255;
/** Members of an object that name what it belongs to. */
const LINKS = ["customer", "charge", "payment_intent", "subscription"];

type Members = Record<string, unknown>;

/** Trims the parsed body. Throws NotAnEvent. */
export function trimEvent(body: unknown): ReceivedEvent {
  const event = members(body);
  if (!event) throw new NotAnEvent("The body is not a JSON object");
  const thin = event.object === "v2.core.event";
  const { created } = event;
  if (thin ? !text(created) : !Number.isSafeInteger(created)) throw new NotAnEvent("The event has no time");
  return {
    id: needed(event, "id"),
    type: needed(event, "type"),
    created: created as number | string,
    api_version: text(event.api_version),
    livemode: event.livemode === true,
    object: thin ? related(members(event.related_object)) : object(members(members(event.data)?.object)),
  };
}

function object(of: Members | undefined): ReceivedEvent["object"] {
  const links = LINKS.map((name) => [name, text(of?.[name])]);
  const trimmed = { object: text(of?.object), id: text(of?.id), ...Object.fromEntries(links) };
  // An invoice has it here since 2025-03-31.basil.
  trimmed.subscription ??= text(members(members(of?.parent)?.subscription_details)?.subscription);
  return trimmed;
}

/** A thin event only names its object. */
function related(of: Members | undefined): ReceivedEvent["object"] {
  return { object: text(of?.type), id: text(of?.id) };
}

function needed(event: Members, name: string): string {
  const value = text(event[name]);
  if (!value) throw new NotAnEvent(`The event has no ${name}`);
  return value;
}

/** Stripe's ids, types and times are plain ASCII. Anything else could make one event spoil the call it shares. */
function text(value: unknown): string | null {
  return typeof value === "string" && value.length <= MAX_TEXT_LENGTH && /^[!-~]+$/.test(value)
    ? value
    : null;
}

function members(value: unknown): Members | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Members : undefined;
}
