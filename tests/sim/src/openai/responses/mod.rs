//! `POST /v1/responses` and `POST /v1/responses/input_tokens`.

mod object;
mod sealed;
mod stream;

use serde_json::{Map, Value, json};

use super::answer::{self, Ask, Logprobs, Random};
use super::errors::ApiError;
use super::ledger::Pools;
use super::models::{Kind, Model};
use super::params::Params;
use super::script::Script;
use super::state::Sim;
use super::tokens::Prompt;

/// The least that `max_output_tokens` may be.
const LEAST_OUTPUT_TOKENS: u64 = 16;
const KNOWN: &[&str] = &[
    "background",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "personality",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Answers a request for a response.
pub fn answer(sim: &Sim, members: &Map<String, Value>, raw: &[u8]) -> Result<Script, ApiError> {
    let params = Params::new(members, KNOWN)?;
    let model = params.text_model()?;
    let stream = params.flag("stream")?;
    params.number("temperature", 0.0, 2.0)?;
    params.number("top_p", 0.0, 1.0)?;
    refuse_unknown_ids(&params)?;
    let limit = output_limit(&params, model)?;
    let prompt = prompt(&params, model)?;
    if prompt.total() > model.context_tokens {
        return Err(ApiError::context_length(model.context_tokens, prompt.total(), "input"));
    }
    let ask = Ask {
        model,
        max_output_tokens: limit,
        choices: 1,
        form: params.form("input", params.get("text").and_then(|text| text.get("format")))?,
        effort: Params::effort(params.get("reasoning").and_then(|reasoning| reasoning.get("effort"))),
        wishes: sim.wishes(raw),
        cached_tokens: sim.prompt_cache.look_up(model.alias, prompt.tokens()),
        prompt: &prompt,
    };
    let included = included(&params, model)?;
    let answer = answer::compose(&ask, Random::seeded(raw));
    let object = object::ResponseObject::new(sim, &params, model, &answer, included)?;
    Ok(if stream { stream::script(&object, &answer) } else { Script::plain(object.finished(), answer.pools) })
}

/// What `include` adds to the answer.
#[derive(Clone, Copy, Debug)]
struct Included {
    /// Reasoning, sealed.
    encrypted_reasoning: bool,
    /// Log probabilities of the text.
    logprobs: Option<Logprobs>,
}

fn included(params: &Params<'_>, model: &Model) -> Result<Included, ApiError> {
    let names = params.get("include").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has = |name: &str| names.iter().any(|included| included == name);
    let encrypted_reasoning = has("reasoning.encrypted_content");
    if encrypted_reasoning && !matches!(model.kind, Kind::Text { reasoning: true, .. }) {
        let message = "Encrypted content is not supported with this model.";
        return Err(ApiError::invalid(message, Some("include"), None));
    }
    let top = params.top_logprobs()?.unwrap_or(0);
    let logprobs = has("message.output_text.logprobs").then_some(Logprobs { encoding: model.encoding, top });
    Ok(Included { encrypted_reasoning, logprobs })
}

/// Counts the input of a request for a response, without answering it.
pub fn input_tokens(members: &Map<String, Value>) -> Result<Script, ApiError> {
    let params = Params::new(members, KNOWN)?;
    let tokens = prompt(&params, params.text_model()?)?.total();
    let body = json!({ "object": "response.input_tokens", "input_tokens": tokens });
    Ok(Script::plain(body, Pools::default()))
}

/// The stand-in keeps nothing between requests, so every earlier id is unknown to it.
fn refuse_unknown_ids(params: &Params<'_>) -> Result<(), ApiError> {
    if let Some(id) = params.text("previous_response_id")? {
        let message = format!("Previous response with id '{id}' not found.");
        let (param, code) = ("previous_response_id", "previous_response_not_found");
        return Err(ApiError::invalid(message, Some(param), Some(code)));
    }
    if params.get("conversation").is_some() {
        return Err(ApiError::invalid("Conversation not found.", Some("conversation"), None));
    }
    Ok(())
}

fn output_limit(params: &Params<'_>, model: &Model) -> Result<Option<u64>, ApiError> {
    match model.kind {
        Kind::Text { max_output_tokens, .. } => {
            params.integer("max_output_tokens", LEAST_OUTPUT_TOKENS, max_output_tokens)
        }
        Kind::Embedding { .. } => Ok(None),
    }
}

fn prompt(params: &Params<'_>, model: &Model) -> Result<Prompt, ApiError> {
    let mut prompt = Prompt::new(model.encoding);
    if let Some(instructions) = params.text("instructions")? {
        prompt.message(&json!({ "role": "developer", "content": instructions }));
    }
    prompt.tools(params.get("tools"));
    match params.get("input") {
        Some(Value::String(text)) => prompt.message(&json!({ "role": "user", "content": text })),
        Some(Value::Array(items)) => items.iter().try_for_each(|item| add(&mut prompt, item))?,
        Some(_) => return Err(ApiError::wrong_type("input", "a string or an array of items")),
        None => return Err(ApiError::missing("input")),
    }
    if let Some(schema) = params.get("text").and_then(|text| text.pointer("/format/schema")) {
        prompt.strings(schema, usize::from(u8::MAX));
    }
    prompt.priming();
    Ok(prompt)
}

/// Adds an item of the input. Sealed reasoning counts as what was thought, not as the letters it is sealed in, and tools as
/// they do beside the input.
fn add(prompt: &mut Prompt, item: &Value) -> Result<(), ApiError> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    match (text("type"), text("encrypted_content")) {
        (Some("reasoning"), Some(sealed)) => {
            let tokens = sealed::open(sealed).ok_or_else(|| ApiError::invalid_encrypted_content(sealed))?;
            prompt.framing(usize::try_from(tokens).unwrap_or(usize::MAX));
        }
        (Some("additional_tools"), _) => prompt.tools(item.get("tools")),
        _ => prompt.message(item),
    }
    Ok(())
}
