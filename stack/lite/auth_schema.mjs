// Creates Supabase Lite's auth tables: auth_schema.mjs, with LITE_DATABASE_URL naming a superuser.
import { connectLite, required } from "./connection.mjs";

const { app, connection } = await connectLite({
  databaseUrl: required("LITE_DATABASE_URL"),
  jwtSecret: "signs nothing: no request is served here",
});
await app.ensureSystemSchema();
await connection.close();
