// Supabase Lite on our Postgres: one App, for the server and for the set-up of its auth tables.
import { AsyncLocalStorage } from "node:async_hooks";

import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { TIMESTAMP_TYPES } from "./timestamps.mjs";

const POOL_CONNECTIONS_MAX = 10;

// Lite hands over JSON arguments of an rpc as JSON text already, and would encode that text a second time.
const asJsonText = (value) => typeof value === "string" ? value : JSON.stringify(value);
const JSON_TYPES = {
  json: { to: 114, from: [114], serialize: asJsonText, parse: JSON.parse },
  jsonb: { to: 3802, from: [3802], serialize: asJsonText, parse: JSON.parse },
};

export function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set`);
    process.exit(2);
  }
  return value;
}

// What PostgREST tells every statement of its request, and Lite only an rpc: views ask for a header as well.
const requests = new AsyncLocalStorage();

function handOnHeaders(connection) {
  const applyClaims = connection.applyJwtSessionContext.bind(connection);
  connection.applyJwtSessionContext = async (transaction, ...claims) => {
    await applyClaims(transaction, ...claims);
    const request = requests.getStore();
    if (request) await connection.applyRpcRequestGucs(transaction, request);
  };
}

/** Answers a request by `answer`, whose statements find its headers in request.headers, as PostgREST has them. */
export function withRequest(request, answer) {
  const { pathname } = new URL(request.url);
  return requests.run(
    { method: request.method, path: pathname, requestHeaders: Object.fromEntries(request.headers) },
    answer,
  );
}

/** The App that serves `databaseUrl`; `publishableKey`, `secretKey` and `jwtSecret` as on a Supabase project. */
export async function connectLite({ databaseUrl, publishableKey, secretKey, jwtSecret }) {
  const connection = createPostgresConnection({
    url: databaseUrl,
    postgresOptions: { max: POOL_CONNECTIONS_MAX, onnotice: () => {}, types: { ...JSON_TYPES, ...TIMESTAMP_TYPES } },
  });
  // Left to itself, Lite grants everything in every schema that has a policy to the API roles, with its first request.
  // Our migrations grant what these roles may do; Lite only has to know that policies are in force.
  connection.rlsState = "active";
  const app = new App({
    connection,
    api: { schemas: ["octroi"] },
    auth: { enabled: true, publishable_key: publishableKey, secret_key: secretKey, jwt_secret: jwtSecret },
    // Admin mode would serve a request without a key as service_role.
    options: { server: { admin: false } },
  });
  await app.init();
  handOnHeaders(connection);
  return { app, connection };
}
