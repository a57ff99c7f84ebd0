// What browsers ask before a call from a page of another site, answered as a hosted project does: without a key, to every
// site, because a call is judged by the key and the token that it shows and by no cookie.
import { cors } from "hono/cors";

const REMEMBER_SECONDS = 3600;

/** Any header may be sent: which ones depends on the version of supabase-js. */
export const openToEverySite = cors({
  origin: "*",
  allowMethods: ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"],
  exposeHeaders: [
    "Content-Encoding",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "Location",
    "Preference-Applied",
    "Range-Unit",
    "X-Total-Count",
    "X-Supabase-Api-Version",
  ],
  maxAge: REMEMBER_SECONDS,
});
