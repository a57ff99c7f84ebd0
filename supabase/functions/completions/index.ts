// Edge function `completions`: a completion that nobody waits for. Settings come from Supabase's own variables.
import { required } from "../_shared/settings.ts";
import { callerVerifier } from "./caller.ts";
import { openDoor } from "./door.ts";
import { completionsOf } from "./rpc.ts";

// What octroi.request_completion takes.
const MAX_BODY_BYTES = 1024 * 1024;

const url = required("SUPABASE_URL");
const publishableKey = JSON.parse(required("SUPABASE_PUBLISHABLE_KEYS")).default;
const secret = Deno.env.get("OCTROI_JWT_SECRET");

const door = openDoor({
  verifyCaller: callerVerifier(
    secret ? { secret } : { jwksUrl: new URL(`${url}/auth/v1/.well-known/jwks.json`) },
    `${url}/auth/v1`,
  ),
  completions: completionsOf({ url, publishableKey }),
  maxBodyBytes: MAX_BODY_BYTES,
  publicUrl: `${url}/functions/v1/completions`,
});

Deno.serve((request) => door(request));
