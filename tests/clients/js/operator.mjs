// Whoever runs the stack: `.local/bin/octroi`, and what it does to the plans.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const COMMAND = join(process.env.STACK_STATE ?? ".local", "bin", "octroi");
const MAX_RUN_MS = 60_000;
/** The sample plans, which are what the stack sells. */
export const PLANS = new URL("../../../plans.toml", import.meta.url).pathname;

/** Runs the command in an empty shell; the settings of another project that it exports by chance are not for this one. */
export function octroi(...args) {
  const env = { PATH: "/usr/bin:/bin", STRIPE_SECRET_KEY: "sk_live_of_something_else", OCTROI_DATABASE_URL: "postgres://elsewhere/x" };
  return new Promise((resolve) => {
    execFile(COMMAND, args, { cwd: "/", env, timeout: MAX_RUN_MS }, (error, stdout, stderr) => {
      resolve({ status: error ? error.code : 0, said: stdout + stderr });
    });
  });
}

async function push(file) {
  const { status, said } = await octroi("plans", "push", "--file", file);
  if (status !== 0) throw new Error(`the plans were not pushed: ${said}`);
}

/** Runs `during` while the free plan has another line; whoever signs up meanwhile keeps that version of it. */
export async function withFreePlan(line, during) {
  const directory = await mkdtemp(join(tmpdir(), "octroi-plans-"));
  const file = join(directory, "plans.toml");
  try {
    const sample = await readFile(PLANS, "utf8");
    await writeFile(file, sample.replace('code = "free"\n', (code) => `${code}${line}\n`));
    await push(file);
    return await during();
  } finally {
    await push(PLANS);
    await rm(directory, { recursive: true });
  }
}
