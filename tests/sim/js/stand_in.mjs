// A stand-in of its own for each test, with a place for its webhooks and the official client in front of it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import Stripe from "stripe";

const SECRET_KEY = "sk_test_stand_in";
export const WEBHOOK_SECRETS = ["whsec_in_force", "whsec_before"];

/** Where the built program is. */
const PROGRAM = process.env.OCTROI_SIM ?? "octroi-sim";

async function receiver() {
  const arrived = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    arrived.push({ signature: request.headers["stripe-signature"], body: Buffer.concat(chunks) });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { arrived, server, url: `http://127.0.0.1:${server.address().port}/hook` };
}

async function started(url) {
  const arguments_ = ["stripe", "--secret-key", SECRET_KEY, "--webhook-url", url];
  arguments_.push("--webhook-secret", WEBHOOK_SECRETS.join(","));
  const program = spawn(PROGRAM, arguments_, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of program.stdout) {
    said += chunk;
    const listening = /listening on (\S+)/.exec(said);
    if (listening) return { program, url: new URL(listening[1]) };
  }
  throw new Error(`${PROGRAM} did not start: ${said}`);
}

/** Runs `story` with a stand-in whose clock stands still. */
export async function withStandIn(story) {
  const hook = await receiver();
  const { program, url } = await started(hook.url);
  const stripe = new Stripe(SECRET_KEY, {
    host: url.hostname,
    port: url.port,
    protocol: "http",
    maxNetworkRetries: 0,
    telemetry: false,
  });
  const control = async (method, path, body) => {
    const response = await fetch(new URL(`/sim/${path}`, url), { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${answer.error}`);
    return answer;
  };
  try {
    await control("POST", "clock", { freeze: true });
    await story({ stripe, control, arrived: hook.arrived, url });
  } finally {
    program.kill();
    hook.server.close();
  }
}
