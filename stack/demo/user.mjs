// A user of the demo: signs up through Auth, calls the Data API as a front end does, and the gateway as a server does.
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";

const { DEMO_PASSWORD, OCTROI_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } = process.env;

/** A client of schema `octroi`, signed in as `email`, who signs up first unless known already. */
export async function signUp(email) {
  const client = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, {
    db: { schema: "octroi" },
    auth: { persistSession: false, autoRefreshToken: false },
    // Node 20 has no WebSocket of its own, and the client wants one even where nothing is live.
    realtime: { transport: WebSocket },
  });
  const credentials = { email, password: DEMO_PASSWORD };
  const signedIn = await client.auth.signInWithPassword(credentials);
  if (!signedIn.error) return client;
  const { error } = await client.auth.signUp(credentials);
  if (error) throw new Error(`sign-up of ${email}: ${error.message}`);
  return client;
}

/** Asks `question` through the gateway; resolves to `{ ok, status, body }` whatever the answer. */
export async function askInChat(apiKey, model, question) {
  const response = await fetch(`${OCTROI_URL}/v1/chat/completions`, {
    method: "POST",
    headers: { "authorization": `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_completion_tokens: 100, messages: [{ role: "user", content: question }] }),
  });
  return { ok: response.ok, status: response.status, body: await response.json() };
}
