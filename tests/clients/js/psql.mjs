// psql on the stack's database, as its superuser.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const { DATABASE_URL, POSTGRES_BIN } = process.env;
const MAX_RUN_MS = 30_000;

/** Runs a script and resolves to what psql printed; rejects when a statement fails. */
export async function psql(script, ...options) {
  const psqlPath = POSTGRES_BIN ? `${POSTGRES_BIN}/psql` : "psql";
  const running = promisify(execFile)(
    psqlPath,
    ["--no-psqlrc", "--set=ON_ERROR_STOP=1", ...options, DATABASE_URL],
    { timeout: MAX_RUN_MS },
  );
  running.child.stdin.end(script);
  return (await running).stdout;
}

/** The first column of a query's rows. */
export async function column(query) {
  const out = await psql(query, "--tuples-only", "--no-align");
  return out.split("\n").filter((line) => line !== "");
}
