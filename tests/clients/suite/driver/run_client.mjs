// One client, from its customer's sign-up to the comparison of the books.
import { spawn } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

import { books } from "./books.mjs";
import { casesOf } from "./clients.mjs";
import { newCustomer } from "./customer.mjs";
import { command, variables } from "./environment.mjs";
import { received } from "./provider.mjs";

const SUITE = new URL("..", import.meta.url).pathname;
/** How tests/browser starts its browser. */
const CHROMIUM = new URL("../../../browser/chromium.mjs", import.meta.url).pathname;
const MAX_CLIENT_MS = 300_000;
/** As much of a client's complaints as is shown where it reported nothing. */
const MAX_COMPLAINT_CHARACTERS = 2000;
/** How a line of a report begins, among whatever else a client prints. */
const REPORT = /^\{"(client|case)"/;

/** Runs a client: `{ name, version, cases: { name: error or null }, books }`. */
export async function runClient(client, directory) {
  const customer = await newCustomer();
  const scratch = await mkdtemp(`${tmpdir()}/octroi-client-`);
  try {
    // Programs find packages beside themselves, and the cache is not the place for programs.
    for (const kind of ["node", "browser", "python"]) {
      await cp(`${SUITE}${kind}`, `${scratch}/programs/${kind}`, { recursive: true });
    }
    await cp(CHROMIUM, `${scratch}/programs/node/chromium.mjs`);
    await symlink(`${directory}/node_modules`, `${scratch}/programs/node/node_modules`);
    const [program, ...rest] = await command(client, directory, `${scratch}/programs`);
    const { reports, complaint } = await run(program, rest, variables(customer.settings, directory, scratch));
    const cases = await judge(client, customer, reports, complaint);
    const version = reports.find((report) => report.client)?.version ?? "?";
    return { name: client.name, version, cases, books: await books(customer.accountId) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What the program reported, line by line, and the end of what it complained of. */
async function run(program, rest, env) {
  const running = spawn(program, rest, { env, cwd: env.SUITE_SCRATCH, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => running.kill("SIGKILL"), MAX_CLIENT_MS);
  let complaint = "";
  running.stderr.setEncoding("utf8").on("data", (text) => {
    complaint = (complaint + text).slice(-MAX_COMPLAINT_CHARACTERS);
  });
  const ended = new Promise((resolve, reject) => running.once("close", resolve).once("error", reject));
  const reports = [];
  for await (const line of createInterface({ input: running.stdout })) {
    if (REPORT.test(line)) reports.push(JSON.parse(line));
  }
  await ended;
  clearTimeout(timer);
  return { reports, complaint };
}

/** Why each case failed, or null. */
async function judge(client, customer, reports, complaint) {
  const wanted = process.env.SUITE_CASES?.split(",");
  const cases = {};
  for (const name of casesOf(client)) {
    if (wanted && !wanted.includes(name)) continue;
    const report = reports.find((report) => report.case === name);
    if (!report) cases[name] = `nothing was reported: ${complaint.trim()}`;
    else cases[name] = report.ok ? null : report.error;
  }
  if (cases.tools === null && !(await received(customer.toolResult))) {
    cases.tools = "the tool's result never reached the provider";
  }
  return cases;
}
