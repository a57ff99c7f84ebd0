// pg-boss, by its fetch and complete, since its own workers are bound by their polling: pg_boss.mjs DATABASE_URL JOBS
// Prints how long it took until the last job was completed.
import { PgBoss } from "pg-boss";

const [url, count] = process.argv.slice(2);
const jobs = Number(count);
const ADDED_AT_ONCE = 10_000;
const FETCHED_AT_ONCE = 500;
const FETCHERS = 4;

const boss = new PgBoss({ connectionString: url, max: 10, supervise: false, schedule: false });
boss.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
await boss.start();
await boss.createQueue("no_op");
for (let added = 0; added < jobs; added += ADDED_AT_ONCE) {
  const length = Math.min(ADDED_AT_ONCE, jobs - added);
  await boss.insert("no_op", Array.from({ length }, () => ({ data: {} })));
}

let worked = 0;
const started = performance.now();
await Promise.all(Array.from({ length: FETCHERS }, async () => {
  for (;;) {
    const fetched = await boss.fetch("no_op", { batchSize: FETCHED_AT_ONCE });
    if (fetched.length === 0) return;
    await boss.complete("no_op", fetched.map((job) => job.id));
    worked += fetched.length;
  }
}));
const seconds = (performance.now() - started) / 1000;
if (worked !== jobs) throw new Error(`${worked} of ${jobs} jobs were worked`);
console.log(JSON.stringify({ seconds }));
await boss.stop({ graceful: false });
process.exit(0);
