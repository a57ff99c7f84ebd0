//! The `response` object, from its creation to its end.

use serde_json::{Value, json};

use super::{Included, sealed};
use crate::openai::answer::{Answer, Choice, Finish, Logprobs, Said};
use crate::openai::errors::ApiError;
use crate::openai::ledger::Pools;
use crate::openai::models::{Kind, Model};
use crate::openai::params::Params;
use crate::openai::state::{Sim, unix_seconds};
use crate::openai::tools::{Takes, Tool};

/// A response whose answer is composed.
pub struct ResponseObject {
    /// `resp_…`.
    pub id: String,
    /// The model that the answer names.
    pub model: &'static str,
    /// The output items as they are in the end, reasoning first.
    pub items: Vec<Value>,
    /// Whether the limit ended it.
    pub incomplete: bool,
    logprobs: Option<Logprobs>,
    created: Value,
    pools: Pools,
}

impl ResponseObject {
    /// The object for a request and its answer.
    pub fn new(
        sim: &Sim,
        params: &Params<'_>,
        model: &'static Model,
        answer: &Answer,
        included: Included,
    ) -> Result<Self, ApiError> {
        let id = format!("resp_{}", sim.fresh_id());
        let given = |name: &str| params.get(name).cloned();
        let or_null = |name: &str| given(name).unwrap_or(Value::Null);
        let created = json!({
            "id": id,
            "object": "response",
            "created_at": unix_seconds(),
            "status": "in_progress",
            "background": false,
            "completed_at": null,
            "error": null,
            "incomplete_details": null,
            "instructions": or_null("instructions"),
            "max_output_tokens": or_null("max_output_tokens"),
            "max_tool_calls": or_null("max_tool_calls"),
            "model": model.snapshot,
            "output": [],
            "parallel_tool_calls": given("parallel_tool_calls").unwrap_or(json!(true)),
            "previous_response_id": null,
            "prompt_cache_key": or_null("prompt_cache_key"),
            "reasoning": given("reasoning").unwrap_or_else(|| json!({ "effort": null, "summary": null })),
            "safety_identifier": or_null("safety_identifier"),
            "service_tier": params.service_tier()?,
            "store": given("store").unwrap_or(json!(true)),
            "temperature": given("temperature").unwrap_or(json!(1.0)),
            "text": text(given("text")),
            "tool_choice": given("tool_choice").unwrap_or(json!("auto")),
            "tools": given("tools").unwrap_or(json!([])),
            "top_logprobs": given("top_logprobs").unwrap_or(json!(0)),
            "top_p": given("top_p").unwrap_or(json!(1.0)),
            "truncation": given("truncation").unwrap_or(json!("disabled")),
            "usage": null,
            "user": or_null("user"),
            "metadata": given("metadata").unwrap_or(json!({})),
        });
        let incomplete = answer.choices.iter().any(|choice| choice.finish == Finish::Length);
        let items = answer.choices.first().map_or(Vec::new(), |choice| items(sim, model, choice, included));
        let logprobs = included.logprobs;
        Ok(Self { id, model: model.snapshot, items, incomplete, logprobs, created, pools: answer.pools })
    }

    /// The log probabilities of a text, if they were asked for.
    pub fn logprobs(&self, text: &str) -> Value {
        logprobs(self.logprobs, text)
    }

    /// The object as `response.created` has it.
    pub fn created(&self) -> Value {
        self.created.clone()
    }

    /// The object as it is in the end.
    pub fn finished(&self) -> Value {
        let mut object = self.created.clone();
        object["output"] = json!(self.items);
        object["usage"] = usage(&self.pools);
        if self.incomplete {
            object["status"] = json!("incomplete");
            object["incomplete_details"] = json!({ "reason": "max_output_tokens" });
        } else {
            object["status"] = json!("completed");
            object["completed_at"] = json!(unix_seconds());
        }
        object
    }
}

fn text(given: Option<Value>) -> Value {
    let mut text = given.unwrap_or_else(|| json!({}));
    if text.get("format").is_none() {
        text["format"] = json!({ "type": "text" });
    }
    if text.get("verbosity").is_none() {
        text["verbosity"] = json!("medium");
    }
    text
}

fn items(sim: &Sim, model: &Model, choice: &Choice, included: Included) -> Vec<Value> {
    let reasons = matches!(model.kind, Kind::Text { reasoning: true, .. });
    let reasoning = reasons.then(|| {
        let id = format!("rs_{}", sim.fresh_id());
        let sealed = included.encrypted_reasoning.then(|| sealed::seal(choice.reasoning_tokens, &id));
        let mut item = json!({ "id": id, "type": "reasoning", "summary": [] });
        if let Some(sealed) = sealed {
            item["encrypted_content"] = json!(sealed);
        }
        item
    });
    let item = |said: &Said| match &said.tool {
        Some(tool) => called(sim, tool, &said.text(), status(choice)),
        None => json!({
            "id": format!("msg_{}", sim.fresh_id()),
            "type": "message",
            "status": status(choice),
            "role": "assistant",
            "content": [part(&said.text(), logprobs(included.logprobs, &said.text()))],
        }),
    };
    reasoning.into_iter().chain(spoken(choice).map(item)).collect()
}

/// What is said, each an item of its own. Output that was used up by thinking leaves no message at all.
pub fn spoken(choice: &Choice) -> impl Iterator<Item = &Said> {
    let silent = move |said: &&Said| said.pieces.is_empty() && choice.finish == Finish::Length;
    choice.said.iter().filter(move |said| !silent(said))
}

fn status(choice: &Choice) -> &'static str {
    if choice.finish == Finish::Length { "incomplete" } else { "completed" }
}

fn called(sim: &Sim, tool: &Tool, input: &str, status: &str) -> Value {
    let (prefix, kind, member) = match tool.takes {
        Takes::Arguments(_) => ("fc", "function_call", "arguments"),
        Takes::Text => ("ctc", "custom_tool_call", "input"),
    };
    let mut item = json!({
        "id": format!("{prefix}_{}", sim.fresh_id()),
        "type": kind,
        "status": status,
        "call_id": format!("call_{}", sim.fresh_id()),
        "name": tool.name,
    });
    item[member] = json!(input);
    if let Some(namespace) = &tool.namespace {
        item["namespace"] = json!(namespace);
    }
    item
}

fn logprobs(told: Option<Logprobs>, text: &str) -> Value {
    json!(told.map_or_else(Vec::new, |told| told.of(text)))
}

/// A text part of a message.
pub fn part(text: &str, logprobs: Value) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": logprobs })
}

/// The provider's types have the split of what was written as optional, and OpenAI's own agents cannot read an answer that
/// has it; it is told where there is something to split.
fn usage(pools: &Pools) -> Value {
    let mut input_tokens_details = json!({
        "cached_tokens": pools.cached_input_tokens,
        "cache_write_tokens": pools.cache_write_tokens,
    });
    if pools.cache_write_12h_tokens > 0 {
        input_tokens_details["cache_write_tokens_details"] = json!({
            "ttl_12h_tokens": pools.cache_write_12h_tokens,
            "ttl_30m_tokens": pools.cache_write_tokens - pools.cache_write_12h_tokens,
        });
    }
    json!({
        "input_tokens": pools.input_tokens,
        "input_tokens_details": input_tokens_details,
        "output_tokens": pools.output_tokens,
        "output_tokens_details": { "reasoning_tokens": pools.reasoning_tokens },
        "total_tokens": pools.input_tokens + pools.output_tokens,
    })
}
