// A customer of a product that runs on Octroi, with the clients that such a product would use.
import { createClient } from "@supabase/supabase-js";
import { randomUUID } from "node:crypto";
import OpenAI from "openai";
import WebSocket from "ws";

const { OCTROI_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } = process.env;

/** supabase-js on schema `octroi`, as a front end makes it; nobody is signed in yet. `global` is supabase-js's option. */
export function frontEnd(global = {}) {
  return createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, {
    global,
    db: { schema: "octroi" },
    auth: { persistSession: false, autoRefreshToken: false },
    // Node 20 has no WebSocket of its own, and the client wants one even where nothing is live.
    realtime: { transport: WebSocket },
  });
}

/** Signs a new user up: `{ supabase, token, userId }`. */
export async function signUp(global = {}) {
  const supabase = frontEnd(global);
  const { data, error } = await supabase.auth.signUp({
    email: `${randomUUID()}@example.test`,
    password: randomUUID(),
  });
  if (error) throw error;
  return { supabase, token: data.session.access_token, userId: data.user.id };
}

/** `supabase` for one account of its user: the same session, and the header that names the account with each call. */
export function actingFor(supabase, account) {
  const name = (query) => query.setHeader("x-octroi-account", account);
  return {
    rpc: (...call) => name(supabase.rpc(...call)),
    from: (view) => ({ select: (...columns) => name(supabase.from(view).select(...columns)) }),
  };
}

/** What a query of supabase-js found; throws what it failed with. */
export async function found(query) {
  const { data, error } = await query;
  if (error) throw Object.assign(new Error(error.message), error);
  return data;
}

/** The secret of a new key, bounded by `limits` if any. */
export async function apiKey(supabase, limits = []) {
  const [key] = await found(supabase.rpc("create_api_key", { name: "tests", limits }));
  return key.secret;
}

/**
 * The official client, told nothing but where to call and with which key. `attempts` collects every HTTP request, and
 * `onAnswer` sees each response before the client does.
 */
export function openai(secret, attempts = [], onAnswer = () => {}) {
  return new OpenAI({
    baseURL: `${OCTROI_URL}/v1`,
    apiKey: secret,
    fetch: async (url, init) => {
      attempts.push(url);
      const response = await fetch(url, init);
      await onAnswer(response);
      return response;
    },
  });
}

/** The limit of this scope on this meter. */
export async function standing(supabase, scope = "account", meter = "tokens") {
  const rows = await found(supabase.rpc("my_quota"));
  return rows.find((row) => row.scope === scope && row.meter === meter);
}

/** The newest call of the user. */
export async function lastRequest(supabase) {
  const [newest] = await found(supabase.rpc("my_requests", { max_rows: 1 }));
  return newest;
}
