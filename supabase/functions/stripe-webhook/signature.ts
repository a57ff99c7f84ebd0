// Whether Stripe sent this: the `Stripe-Signature` header over the raw body.

/** Why a body is not taken for Stripe's; the message may be shown to whoever sent it. */
export class NotSigned extends Error {}

/** Checks the signature of a body at `now`, in Unix seconds. Throws NotSigned. */
export type VerifySignature = (header: string | null, body: Uint8Array, now: number) => Promise<void>;

/** How far the signature's time may be from ours, in seconds: what Stripe's own libraries allow. */
const TOLERANCE_SECONDS = 300;
/** Stripe signs once, and twice while a secret is rolled. A header that wants more work than this is not Stripe's. */
const MAX_SIGNATURES = 8;
const MAX_HEADER_LENGTH = 4096;

const HMAC = { name: "HMAC", hash: "SHA-256" };
const DIGEST = /^[0-9a-f]{64}$/;

/** Accepts what any of `secrets` signed: there are two while an endpoint's secret is rolled. */
export async function signatureVerifier(secrets: string[]): Promise<VerifySignature> {
  const keys = await Promise.all(
    secrets.map((secret) =>
      crypto.subtle.importKey("raw", new TextEncoder().encode(secret), HMAC, false, ["verify"])
    ),
  );
  return async (header, body, now) => {
    const { time, signatures } = parse(header);
    if (Math.abs(now - time) > TOLERANCE_SECONDS) throw new NotSigned("The signature is too old");
    const signed = join(new TextEncoder().encode(`${time}.`), body);
    for (const key of keys) {
      for (const signature of signatures) {
        // verify() compares in constant time.
        if (await crypto.subtle.verify(HMAC, key, signature, signed)) return;
      }
    }
    throw new NotSigned("The signature does not match");
  };
}

/** `t=…,v1=…[,v1=…]`. Other schemes say nothing: `v0` is for Stripe's own tests. */
function parse(header: string | null): { time: number; signatures: Uint8Array<ArrayBuffer>[] } {
  if (!header) throw new NotSigned("There is no signature");
  if (header.length > MAX_HEADER_LENGTH) throw new NotSigned("The signature header is too long");
  let time: number | undefined;
  const signatures: Uint8Array<ArrayBuffer>[] = [];
  for (const part of header.split(",")) {
    const [scheme, value = ""] = part.trim().split("=", 2);
    if (scheme === "t" && /^[0-9]{1,12}$/.test(value)) time = Number(value);
    if (scheme === "v1" && DIGEST.test(value)) signatures.push(bytesOf(value));
  }
  if (time === undefined || signatures.length === 0 || signatures.length > MAX_SIGNATURES) {
    throw new NotSigned("The signature header is malformed");
  }
  return { time, signatures };
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function join(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
