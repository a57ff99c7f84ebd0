// graphile-worker, tuned as its documentation does for speed: graphile_worker.mjs DATABASE_URL JOBS
// Prints how long it took from the start of the worker until no job was left in the table.
import { run, runMigrations } from "graphile-worker";
import pg from "pg";

const [url, count] = process.argv.slice(2);
const jobs = Number(count);
const ADDED_AT_ONCE = 10_000;

const pgPool = new pg.Pool({ connectionString: url, max: 20 });
await runMigrations({ pgPool });
for (let added = 0; added < jobs; added += ADDED_AT_ONCE) {
  await pgPool.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select json_populate_record(null::graphile_worker.job_spec, '{"identifier": "no_op", "payload": {}}')
       from generate_series(1, $1::integer)
     ))`,
    [Math.min(ADDED_AT_ONCE, jobs - added)],
  );
}
await pgPool.query("checkpoint");

let worked = 0;
const quiet = () => {};
const started = performance.now();
const runner = await run({
  pgPool,
  noHandleSignals: true,
  taskList: { no_op: () => void worked++ },
  preset: { worker: { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  logger: new (await import("graphile-worker")).Logger(() => quiet),
});
for (;;) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (worked < jobs) continue;
  const { rows } = await pgPool.query("select exists (select from graphile_worker.jobs) as is_left");
  if (!rows[0].is_left) break;
}
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
await runner.stop();
await pgPool.end();
