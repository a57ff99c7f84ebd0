// The demo of `make up`: two users sign up and call OpenAI through Octroi, one within the limits and one beyond.
// Everything goes the way a product's own front end and server would. Shows itself on stderr; the only line on
// stdout is the first user's API key.
import { askInChat, signUp } from "./user.mjs";

const MODEL = "gpt-5.4-mini";
const TOO_FEW_TOKENS = 20;

function show(...words) {
  console.error(...words);
}

function showQuota(rows) {
  for (const { scope, meter, period, used, granted, remaining, plan } of rows) {
    show(`    ${plan} plan, ${scope} ${meter} per ${period}: ${used} used of ${granted}, ${remaining} left`);
  }
}

async function call(client, name, parameters) {
  const { data, error } = await client.rpc(name, parameters);
  if (error) throw new Error(`${name}: ${error.message}`);
  return data;
}

const customer = await signUp("demo@example.com");
show("  demo@example.com signed up and has:");
showQuota(await call(customer, "my_quota"));

const [key] = await call(customer, "create_api_key", { name: "demo" });
const answer = await askInChat(key.secret, MODEL, "What is an octroi? Answer in one sentence.");
if (!answer.ok) throw new Error(`the chat completion was refused: ${JSON.stringify(answer.body)}`);
show(`  asked ${MODEL} with a new API key, which cost ${answer.body.usage.total_tokens} tokens; now:`);
showQuota(await call(customer, "my_quota"));

const visitor = await signUp("visitor@example.com");
const [small] = await call(visitor, "create_api_key", {
  name: "demo with a small budget",
  limits: [{ meter: "tokens", period: "month", amount: TOO_FEW_TOKENS }],
});
const refused = await askInChat(small.secret, MODEL, "What is a toll? Answer in one sentence, but in a long one.");
show(`  visitor@example.com asked with a key bounded to ${TOO_FEW_TOKENS} tokens: HTTP ${refused.status}`);
show(`    ${refused.body.error?.code}: ${refused.body.error?.message}`);

console.log(key.secret);
