//! `POST /v1/chat/completions`.

mod plain;
mod stream;

use serde_json::{Map, Value, json};

use super::answer::{self, Answer, Ask, Finish, Logprobs, Random};
use super::errors::ApiError;
use super::ledger::Pools;
use super::models::{Kind, Model};
use super::params::Params;
use super::script::Script;
use super::state::{Sim, unix_seconds};
use super::tokens::Prompt;

/// Most choices in one request.
const MAX_CHOICES: u64 = 128;
const KNOWN: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// What the writers of both forms need.
struct Completion<'a> {
    id: String,
    created_at_unix_seconds: i64,
    model: &'static Model,
    service_tier: &'a str,
    answer: &'a Answer,
    logprobs: Option<Logprobs>,
}

impl Completion<'_> {
    /// The id of a tool call: no two of any answers are the same.
    fn call_id(&self, choice: usize, call: usize) -> String {
        let unique = self.id.trim_start_matches("chatcmpl-");
        format!("call_{}{choice:02}{call:02}", unique.get(..20).unwrap_or(unique))
    }

    /// `logprobs` for a piece of a message.
    fn logprobs(&self, text: &str) -> Value {
        self.logprobs.map_or(Value::Null, |told| json!({ "content": told.of(text), "refusal": null }))
    }
}

/// Answers a chat completion request.
pub fn answer(sim: &Sim, members: &Map<String, Value>, raw: &[u8]) -> Result<Script, ApiError> {
    let params = Params::new(members, KNOWN)?;
    let model = params.text_model()?;
    let stream = params.flag("stream")?;
    let include_usage = stream_options(&params, stream)?;
    params.number("temperature", 0.0, 2.0)?;
    params.number("top_p", 0.0, 1.0)?;
    let choices = params.integer("n", 1, MAX_CHOICES)?.unwrap_or(1);
    let limit = output_limit(&params, model)?;
    let logprobs = logprobs(&params, model)?;
    let prompt = prompt(&params, model)?;
    if prompt.total() > model.context_tokens {
        return Err(ApiError::context_length(model.context_tokens, prompt.total(), "messages"));
    }
    let ask = Ask {
        model,
        max_output_tokens: limit,
        choices,
        form: params.form("messages", params.get("response_format"))?,
        effort: Params::effort(params.get("reasoning_effort")),
        wishes: sim.wishes(raw),
        cached_tokens: sim.prompt_cache.look_up(model.alias, prompt.tokens()),
        prompt: &prompt,
    };
    let answer = answer::compose(&ask, Random::seeded(raw));
    let completion = Completion {
        id: format!("chatcmpl-{}", sim.fresh_id()),
        created_at_unix_seconds: unix_seconds(),
        model,
        service_tier: params.service_tier()?,
        answer: &answer,
        logprobs,
    };
    Ok(if stream { stream::script(&completion, include_usage) } else { plain::script(&completion) })
}

fn stream_options(params: &Params<'_>, stream: bool) -> Result<bool, ApiError> {
    let Some(options) = params.get("stream_options") else { return Ok(false) };
    if !stream {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(ApiError::invalid(message, Some("stream_options"), None));
    }
    Ok(options.get("include_usage").and_then(Value::as_bool).unwrap_or(false))
}

fn logprobs(params: &Params<'_>, model: &Model) -> Result<Option<Logprobs>, ApiError> {
    let (wanted, top) = (params.flag("logprobs")?, params.top_logprobs()?);
    if top.is_some() && !wanted {
        let message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
        return Err(ApiError::invalid(message, Some("top_logprobs"), None));
    }
    Ok(wanted.then(|| Logprobs { encoding: model.encoding, top: top.unwrap_or(0) }))
}

fn output_limit(params: &Params<'_>, model: &Model) -> Result<Option<u64>, ApiError> {
    let older = params.integer("max_tokens", 1, u64::MAX)?;
    let current = params.integer("max_completion_tokens", 1, u64::MAX)?;
    let Kind::Text { reasoning, max_output_tokens } = model.kind else { return Ok(current) };
    if older.is_some() && current.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(ApiError::invalid(message, Some("max_tokens"), Some("invalid_parameter_combination")));
    }
    if older.is_some() && reasoning {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return Err(ApiError::invalid(message, Some("max_tokens"), Some("unsupported_parameter")));
    }
    let limit = older.or(current);
    match limit.filter(|limit| *limit > max_output_tokens) {
        None => Ok(limit),
        Some(limit) => {
            let message = format!(
                "max_tokens is too large: {limit}. This model supports at most {max_output_tokens} \
                 completion tokens, whereas you provided {limit}."
            );
            Err(ApiError::invalid(message, Some("max_tokens"), Some("invalid_value")))
        }
    }
}

fn prompt(params: &Params<'_>, model: &Model) -> Result<Prompt, ApiError> {
    let messages = params.get("messages").ok_or_else(|| ApiError::missing("messages"))?;
    let messages =
        messages.as_array().ok_or_else(|| ApiError::wrong_type("messages", "an array of objects"))?;
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an \
                       empty array instead.";
        return Err(ApiError::invalid(message, Some("messages"), Some("empty_array")));
    }
    let mut prompt = Prompt::new(model.encoding);
    prompt.tools(params.get("tools"));
    for (index, message) in messages.iter().enumerate() {
        if message.get("role").and_then(Value::as_str).is_none() {
            return Err(ApiError::missing(&format!("messages[{index}].role")));
        }
        prompt.message(message);
    }
    if let Some(schema) = params.get("response_format").and_then(|format| format.get("json_schema")) {
        prompt.strings(schema, usize::from(u8::MAX));
    }
    prompt.priming();
    Ok(prompt)
}

const fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCall => "tool_calls",
    }
}

fn usage(pools: &Pools) -> Value {
    json!({
        "prompt_tokens": pools.input_tokens,
        "completion_tokens": pools.output_tokens,
        "total_tokens": pools.input_tokens + pools.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": pools.cached_input_tokens,
            "cache_write_tokens": pools.cache_write_tokens,
            "audio_tokens": pools.audio_input_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": pools.reasoning_tokens,
            "audio_tokens": pools.audio_output_tokens,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
