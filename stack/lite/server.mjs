// Supabase Lite as a service: the Data API and Auth of the local stack, with the edge functions behind it at
// /functions/v1, so that one SUPABASE_URL answers for all three as a hosted project does. Where Lite differs from a hosted
// project in what a front end meets, the files beside this one make up for it.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { connectLite, required, withRequest } from "./connection.mjs";
import { openToEverySite } from "./cors.mjs";
import { forwardToFunction } from "./functions.mjs";
import { factorRoutes } from "./mfa/routes.mjs";
import { sessionCompleter } from "./mfa/sessions.mjs";
import { inPostgrestsWords, noteDatabaseErrors } from "./rest_errors.mjs";

const SITE_NAME = "Octroi";

const port = Number(required("LITE_PORT"));
const functionUrls = JSON.parse(required("LITE_FUNCTION_URLS"));
const jwtSecret = required("LITE_JWT_SECRET");
const { app: lite, connection } = await connectLite({
  databaseUrl: required("LITE_DATABASE_URL"),
  publishableKey: required("SUPABASE_PUBLISHABLE_KEY"),
  secretKey: required("SUPABASE_SECRET_KEY"),
  jwtSecret,
});
noteDatabaseErrors(connection);
const sql = connection.driver;
const completeAnswer = sessionCompleter({ issuer: required("LITE_JWT_ISSUER"), jwtSecret, sql });

const askLite = (request, c) =>
  withRequest(request, () => lite.fetch(request, { peerAddress: c?.env.incoming.socket.remoteAddress ?? null }));
const askAuth = async (request, c) => completeAnswer(request, await askLite(request, c));

const project = new Hono()
  .use("/rest/v1/*", openToEverySite)
  .use("/auth/v1/*", openToEverySite)
  // A function answers browsers itself, as on a hosted project.
  .all("/functions/v1/*", (c) => forwardToFunction(c.req.raw, functionUrls))
  .route("/auth/v1/factors", factorRoutes({ sql, askLite: askAuth, siteName: SITE_NAME }))
  .all("/auth/v1/*", (c) => askAuth(c.req.raw, c))
  .all("/rest/v1/*", (c) => inPostgrestsWords(c.req.raw, () => askLite(c.req.raw, c)))
  .all("*", (c) => askLite(c.req.raw, c));

const server = serve(
  { port, hostname: "127.0.0.1", fetch: project.fetch },
  () => console.log(`Supabase Lite listens on http://127.0.0.1:${port}`),
);

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
