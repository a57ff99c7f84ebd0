// Supabase Lite as a service: the Data API and Auth of the local stack, with the edge functions behind it at
// /functions/v1, so that one SUPABASE_URL answers for all three as a hosted project does.
import { serve } from "@hono/node-server";
import { connectLite, required, withRequest } from "./connection.mjs";
import { forwardToFunction } from "./functions.mjs";
import { issuerNamer } from "./issuer.mjs";

const port = Number(required("LITE_PORT"));
const functionUrls = JSON.parse(required("LITE_FUNCTION_URLS"));
const jwtSecret = required("LITE_JWT_SECRET");
const nameIssuer = issuerNamer(required("LITE_JWT_ISSUER"), jwtSecret);
const { app, connection } = await connectLite({
  databaseUrl: required("LITE_DATABASE_URL"),
  publishableKey: required("SUPABASE_PUBLISHABLE_KEY"),
  secretKey: required("SUPABASE_SECRET_KEY"),
  jwtSecret,
});

const server = serve({
  port,
  hostname: "127.0.0.1",
  async fetch(request, env) {
    const path = new URL(request.url).pathname;
    if (path.startsWith("/functions/v1/")) return forwardToFunction(request, functionUrls);
    const peerAddress = env.incoming.socket.remoteAddress ?? null;
    const response = await withRequest(request, () => app.fetch(request, { peerAddress }));
    return path.startsWith("/auth/v1/") ? nameIssuer(response) : response;
  },
}, () => console.log(`Supabase Lite listens on http://127.0.0.1:${port}`));

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    server.closeIdleConnections();
    server.close(async () => {
      await connection.close();
      process.exit(0);
    });
    setTimeout(() => server.closeAllConnections(), 2000).unref();
  });
}
