// The clients, where their packages come from, and what each of them can do.

/** What every client is asked for; a client that cannot do one of them says why. */
export const CASES = ["tools", "stream", "structured", "image", "embeddings", "refusal"];
/** What some clients have beside: OpenAI's other endpoint, log probabilities, state that is stored at the provider. */
export const FURTHER_CASES = ["responses", "logprobs", "state"];

const NO_EMBEDDINGS = { embeddings: "the client has none of its own" };

const python = (name, environment, rest = {}) => ({
  name,
  environment,
  program: `python/with_${name.replace(/-/g, "_")}.py`,
  ...rest,
});

const node = (name, program, rest = {}) => ({ name, environment: "node", program: `node/${program}.mjs`, ...rest });

const aiSdk = (major, rest = {}) =>
  node(`ai-sdk-${major}`, "with_ai_sdk", { arguments: [major], further: ["state"], ...rest });

/** `quick` are those that `make test` runs: light to install, and each sends something that was once refused. */
export const CLIENTS = [
  python("openai", "current", { name: "openai-python", further: ["responses", "logprobs"] }),
  python("langchain", "current", { name: "langchain-py" }),
  python("openai-agents", "current", { name: "openai-agents-py", lacks: NO_EMBEDDINGS, further: ["state"] }),
  python("pydantic-ai", "current"),
  python("litellm", "current"),
  python("llm", "current", { lacks: { embeddings: "it embeds with OpenAI's own models only" } }),
  python("instructor", "instructor", { lacks: NO_EMBEDDINGS, quick: true }),
  python("llama-index", "openai_2"),
  python("crewai", "openai_2", { lacks: NO_EMBEDDINGS }),
  node("openai-node", "with_openai", { further: ["responses"], quick: true }),
  node("openai-node-browser", "with_browser", { arguments: ["with_openai.mjs"], further: ["responses"], quick: true }),
  aiSdk("5"),
  aiSdk("6"),
  aiSdk("7", { quick: true }),
  node("langchain-js", "with_langchain", { quick: true }),
  node("openai-agents-js", "with_openai_agents", { lacks: NO_EMBEDDINGS }),
  node("codex", "with_codex", { environment: "codex", lacks: NO_EMBEDDINGS }),
];

/** The cases that a client must pass. */
export function casesOf({ lacks = {}, further = [] }) {
  return [...CASES.filter((name) => !(name in lacks)), ...further];
}

/** The clients that are meant by `quick`, `all`, or by their names. */
export function choose(names) {
  if (names.length === 0 || names[0] === "all") return CLIENTS;
  if (names[0] === "quick") return CLIENTS.filter(({ quick }) => quick);
  return names.map((name) => CLIENTS.find((client) => client.name === name) ?? unknown(name));
}

function unknown(name) {
  throw new Error(`no client is called ${name}: ${CLIENTS.map((client) => client.name).join(", ")}`);
}
