// Edge function `stripe-webhook`: where Stripe sends its events.
import { required } from "../_shared/settings.ts";
import { openDoor } from "./door.ts";
import { inboxOf } from "./inbox.ts";
import { signatureVerifier } from "./signature.ts";

// An event holds one object. The largest by far are invoices, which show ten lines themselves.
const MAX_BODY_BYTES = 512 * 1024;

// Several, separated by commas, while the endpoint's secret is being rolled.
const secrets = required("STRIPE_WEBHOOK_SECRETS").split(",").map((secret) => secret.trim());
if (secrets.some((secret) => !secret.startsWith("whsec_"))) {
  throw new Error(
    "STRIPE_WEBHOOK_SECRETS must be signing secrets of a webhook endpoint: whsec_…, separated by commas",
  );
}

const door = openDoor({
  verifySignature: await signatureVerifier(secrets),
  receive: inboxOf({
    url: required("SUPABASE_URL"),
    secretKey: JSON.parse(required("SUPABASE_SECRET_KEYS")).default,
  }),
  maxBodyBytes: MAX_BODY_BYTES,
  now: () => Math.floor(Date.now() / 1000),
});

Deno.serve((request) => door(request));
