// All that this page asks of Octroi: RPCs and views through supabase-js, OpenAI's API through OpenAI's own SDK.
import { createClient } from "@supabase/supabase-js";
import OpenAI from "openai";

const { VITE_SUPABASE_URL, VITE_SUPABASE_PUBLISHABLE_KEY, VITE_OCTROI_URL } = import.meta.env;
const BILLING_POLL_MS = 500;
const BILLING_MS = 60_000;

export const supabase = createClient(VITE_SUPABASE_URL, VITE_SUPABASE_PUBLISHABLE_KEY, { db: { schema: "octroi" } });
export const { auth } = supabase;
const { mfa } = auth;

/** What a query found. `ask` is called anew once a second factor that is wanted (OC040) was shown by `stepUp`. */
export async function found(ask, stepUp) {
  const { data, error } = await ask();
  if (error?.code === "OC040" && stepUp) return (await stepUp(), found(ask));
  if (error) throw error;
  return data;
}

export const rpc = (name, args, stepUp) => found(() => supabase.rpc(name, args), stepUp);

/** Asks Stripe for something and waits for what it says: the request's id, and the page to go on at if there is one. */
export async function bill(name, args, stepUp) {
  const id = await rpc(name, args, stepUp);
  for (const end = Date.now() + BILLING_MS; Date.now() < end;) {
    const [{ state, url, message }] = await rpc("billing_request", { id });
    if (state === "failed") throw new Error(message);
    if (state === "done") return { id, url };
    await new Promise((resolve) => setTimeout(resolve, BILLING_POLL_MS));
  }
  throw new Error("Stripe has not answered yet. Look again in a while.");
}

/** What a change of plan would charge, worked out by Stripe; named in the change, it is charged so. */
export async function preview(args, stepUp) {
  const { id } = await bill("preview_change", args, stepUp);
  const [told] = await rpc("change_preview", { id });
  return { id, ...told };
}

/** OpenAI's client. Its warning is about keys: what stands here is the user's own access token, for an hour at most. */
export async function openai() {
  const { data: { session } } = await auth.getSession();
  return new OpenAI({ baseURL: `${VITE_OCTROI_URL}/v1`, apiKey: session.access_token, dangerouslyAllowBrowser: true });
}

/** Streams an answer, piece by piece, to `show`; returns the id that it is charged under, a header of Octroi's. */
export async function chat(request, signal, show) {
  const client = await openai();
  const { data: stream, response } = await client.chat.completions
    .create({ ...request, stream: true }, { signal }).withResponse();
  for await (const chunk of stream) show(chunk.choices[0]?.delta?.content ?? "");
  return response.headers.get("x-usage-id");
}

/** The user's factor that is in use, if any. */
export const factor = async () => (await found(() => mfa.listFactors())).totp[0];
export const enrol = () => found(() => mfa.enroll({ factorType: "totp", friendlyName: `app ${Date.now()}` }));
export const showCode = (factorId, code) => found(() => mfa.challengeAndVerify({ factorId, code }));
