// `.local/bin/octroi` after `make up`: it needs nothing of the shell that calls it, and believes nothing of it.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { signUp } from "./customer.mjs";
import { octroi, PLANS } from "./operator.mjs";

test("doctor finds the stack in order", async () => {
  const { status, said } = await octroi("doctor");
  assert.equal(status, 0, said);
  assert.match(said, /^ok {5}every user of Auth has an account$/m);
  assert.match(said, /^ok {5}Stripe answers in test mode/m);
});

test("plans, people, audit log and reconciliation are looked at from any directory", async () => {
  const checked = await octroi("plans", "check", "--file", PLANS);
  assert.match(checked.said, /^differences: 0, losses: 0$/m);
  const people = await octroi("people", "backfill");
  assert.equal(people.status, 0, people.said);
  assert.match(people.said, /^without an account: 0$/m);
  const audit = await octroi("audit", "verify");
  assert.equal(audit.status, 0, audit.said);
  const reconciled = await octroi("reconcile");
  assert.equal(reconciled.status, 0, reconciled.said);
  assert.match(reconciled.said, /^unexplained: 0$/m);
});

test("an export is written, for its owner alone", async () => {
  await signUp();
  const directory = await mkdtemp(join(tmpdir(), "octroi-export-"));
  try {
    const { status, said } = await octroi("export", "account", "--format", "jsonl", "--directory", directory);
    assert.equal(status, 0, said);
    assert.deepEqual(await readdir(directory), ["account.jsonl"]);
    assert.equal((await stat(join(directory, "account.jsonl"))).mode & 0o777, 0o600);
  } finally {
    await rm(directory, { recursive: true });
  }
});
