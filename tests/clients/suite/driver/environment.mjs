// Installed packages, and how a client of theirs is started.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { text } from "node:stream/consumers";

const SUITE = new URL("..", import.meta.url).pathname;
const MAX_INSTALL_MS = 900_000;
/** Nobody listens there: a client that wants to reach more than this machine fails at once. */
const NOWHERE = "http://127.0.0.1:9";

/** Installs an environment where it is missing, and resolves to its directory. */
export async function install(environment) {
  const installing = spawn(`${SUITE}install.sh`, [environment], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: MAX_INSTALL_MS,
  });
  const [directory, [status]] = await Promise.all([text(installing.stdout), once(installing, "close")]);
  if (status !== 0) throw new Error(`the clients of ${environment} were not installed: status ${status}`);
  return directory.trim();
}

/** What runs the programs of an environment: its Python, its Node, or the Node that runs this. */
async function interpreter(directory) {
  const candidates = [
    `${directory}/bin/python`,
    `${directory}/node_modules/node-linux-${process.arch}/bin/node`,
  ];
  for (const candidate of candidates) {
    if (await access(candidate).then(() => true, () => false)) return candidate;
  }
  return process.execPath;
}

/** The command of a client: `[executable, ...arguments]`; `programs` is where the suite's programs lie. */
export async function command(client, directory, programs) {
  return [await interpreter(directory), `${programs}/${client.program}`, ...(client.arguments ?? [])];
}

/** All of a client's environment: nothing of the caller's but PATH. */
export function variables(settings, directory, scratch) {
  return {
    PATH: process.env.PATH,
    HOME: scratch,
    LANG: "C.UTF-8",
    PYTHONDONTWRITEBYTECODE: "1",
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    NO_PROXY: "127.0.0.1,localhost",
    // What some of them would tell their makers, or ask them.
    DO_NOT_TRACK: "1",
    CREWAI_DISABLE_TELEMETRY: "true",
    CREWAI_TRACING_ENABLED: "false",
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
    OTEL_SDK_DISABLED: "true",
    ...settings,
    SUITE_PACKAGES: `${directory}/node_modules`,
    SUITE_SCRATCH: scratch,
  };
}
