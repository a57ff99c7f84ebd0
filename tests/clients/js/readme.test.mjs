// README's ten minutes, as a stranger walks them: each block runs as it stands, in order, and what the text says of it holds.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

import { apiKey, found, signUp } from "./customer.mjs";
import { examples } from "./document.mjs";
import { eventually, press } from "./visitor.mjs";

const ROOT = new URL("../../../", import.meta.url).pathname;
const STATE = resolve(process.env.STACK_STATE ?? join(ROOT, ".local"));
const { OCTROI_EXAMPLE_URL } = process.env;
const MAX_RUN_MS = 300_000;
const AsyncFunction = (async () => {}).constructor;

const [load, call, callBySdk, seeUsed, useUp, upgrade, push, ...others] = examples("sh", "README.md").map(({ code }) => code);
const [sell, ...otherScripts] = examples("js", "README.md").map(({ code }) => code);

let directory, key, email;

// A checkout whose stack is the one that runs, and a user of its own in the demo's place: the demo's can be used up once.
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "octroi-readme-"));
  await mkdir(join(directory, ".local"));
  for (const name of ["bin", "env"]) await symlink(join(STATE, name), join(directory, ".local", name));
  await symlink(join(ROOT, "plans.toml"), join(directory, "plans.toml"));
  const { supabase } = await signUp();
  key = await apiKey(supabase);
  ({ data: { user: { email } } } = await supabase.auth.getUser());
});
after(() => rm(directory, { recursive: true }));

/** Runs a block in a shell that knows what the first block loads, and nothing else of this stack: `{ status, out, said }`. */
function run(code, path = process.env.PATH) {
  const own = Object.entries(process.env).filter(([name]) => !/^(DATABASE_URL|SUPABASE_|OCTROI_|STACK_)/.test(name));
  const constraint = join(ROOT, "tests/clients/python/requirements.txt");
  const env = { ...Object.fromEntries(own), PATH: path, PIP_CONSTRAINT: constraint, PIP_DISABLE_PIP_VERSION_CHECK: "1" };
  const script = `${load}\nexport OCTROI_DEMO_KEY=${key}\n${code.replaceAll("demo@example.com", email)}`;
  return new Promise((done) => {
    const options = { cwd: directory, env, timeout: MAX_RUN_MS };
    execFile("bash", ["-euo", "pipefail", "-c", script], options, (error, out, said) => {
      done({ status: error ? error.code : 0, out, said });
    });
  });
}

async function ran(code) {
  const { status, out, said } = await run(code);
  assert.equal(status, 0, `${code}\n${said}`);
  return out;
}

test("every block is one that this story knows", () => {
  assert.equal(load, "set -a; source .local/env; set +a");
  assert.deepEqual([...others, ...otherScripts], []);
});

test("a call with curl is answered", async () => {
  const answer = JSON.parse(await ran(call));
  assert.ok(answer.choices[0].message.content, JSON.stringify(answer));
});

test("OpenAI's SDK is installed and answered, too", async () => {
  assert.match(await ran(callBySdk), /\w+/);
});

test("what is used is to be seen", async () => {
  const seen = await ran(seeUsed);
  assert.match(seen, /account +\| tokens +\| month/);
  assert.match(seen, /gpt-5\.4-mini/);
});

test("the plan's limit refuses, in OpenAI's shape, and says where to upgrade", async () => {
  assert.match(await ran(useUp), /\(1 row\)/);

  const { error } = JSON.parse(await ran(call));
  assert.equal(error.code, "quota_exceeded");
  assert.match(error.message, /limit of 10000 tokens a month/);
  assert.equal(new URL(error.quota.upgrade_url).origin, OCTROI_EXAMPLE_URL);
  assert.equal((await fetch(error.quota.upgrade_url)).status, 200);
  const [, ...installed] = callBySdk.split("\n");
  assert.match((await run(installed.join("\n"))).said, /^openai\.RateLimitError: /m);
});

test("a bigger plan takes effect with the next call", async () => {
  await ran(upgrade);
  assert.ok(JSON.parse(await ran(call)).choices);
});

test("the plans are pushed by the command that is named", async () => {
  await ran(push);
});

test("what the page's buttons do leads to a plan that is paid for, and back to the page", async () => {
  const { supabase } = await signUp();
  let checkout;
  const location = { origin: OCTROI_EXAMPLE_URL, assign: (url) => (checkout = url) };

  await new AsyncFunction("supabase", "location", sell)(supabase, location);
  const paid = await press(checkout, "Pay with a test card");

  assert.equal((await fetch(paid.location)).status, 200);
  assert.equal(new URL(paid.location).origin, OCTROI_EXAMPLE_URL);
  await eventually("plan basic", async () => {
    const [mine] = await found(supabase.rpc("my_subscription"));
    return mine.plan === "basic";
  });
});

test("a Node that vite does not run on is refused before anything is installed", async () => {
  const node = join(directory, "node");
  await writeFile(node, "");
  await chmod(node, 0o755);
  const check = async (version) => {
    await writeFile(node, `#!/bin/sh\necho ${version}\n`);
    return run(`${ROOT}stack/node_packages.sh`, `${directory}:${process.env.PATH}`);
  };
  for (const version of ["v18.20.8", "v20.18.3", "v21.7.3", "v22.11.0"]) {
    const { status, said } = await check(version);
    assert.equal(status, 1, version);
    assert.match(said, /^error: Node\.js 20\.19, or 22\.12 and later, is needed, and node is v/);
  }
  for (const version of ["v20.19.0", "v22.12.0", "v24.0.0"]) assert.equal((await check(version)).status, 0, version);
});
