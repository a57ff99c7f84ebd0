//! The `response` object, from its creation to its end.

use serde_json::{Value, json};

use crate::openai::answer::{Answer, Choice, Finish};
use crate::openai::errors::ApiError;
use crate::openai::ledger::Pools;
use crate::openai::models::{Kind, Model};
use crate::openai::params::Params;
use crate::openai::state::{Sim, unix_seconds};

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
    ) -> Result<Self, ApiError> {
        let id = format!("resp_{}", sim.fresh_id());
        let given = |name: &str| params.get(name).cloned();
        let or_null = |name: &str| given(name).unwrap_or(Value::Null);
        let reasons = matches!(model.kind, Kind::Text { reasoning: true, .. });
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
        let items = answer.choices.first().map_or(Vec::new(), |choice| items(sim, reasons, choice));
        Ok(Self { id, model: model.snapshot, items, incomplete, created, pools: answer.pools })
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

fn items(sim: &Sim, reasons: bool, choice: &Choice) -> Vec<Value> {
    let reasoning = reasons.then(|| {
        json!({
            "id": format!("rs_{}", sim.fresh_id()), "type": "reasoning", "summary": [],
        })
    });
    let status = if choice.finish == Finish::Length { "incomplete" } else { "completed" };
    let said = match &choice.tool {
        Some(name) => json!({
            "id": format!("fc_{}", sim.fresh_id()),
            "type": "function_call",
            "status": status,
            "call_id": format!("call_{}", sim.fresh_id()),
            "name": name,
            "arguments": choice.text(),
        }),
        None => json!({
            "id": format!("msg_{}", sim.fresh_id()),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [part(&choice.text())],
        }),
    };
    // Output that was used up by thinking leaves no message at all.
    let silent = choice.pieces.is_empty() && choice.finish == Finish::Length;
    reasoning.into_iter().chain((!silent).then_some(said)).collect()
}

/// A text part of a message.
pub fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn usage(pools: &Pools) -> Value {
    json!({
        "input_tokens": pools.input_tokens,
        "input_tokens_details": {
            "cached_tokens": pools.cached_input_tokens,
            "cache_write_tokens": pools.cache_write_tokens,
            "cache_write_tokens_details": {
                "ttl_12h_tokens": pools.cache_write_12h_tokens,
                "ttl_30m_tokens": pools.cache_write_tokens - pools.cache_write_12h_tokens,
            },
        },
        "output_tokens": pools.output_tokens,
        "output_tokens_details": { "reasoning_tokens": pools.reasoning_tokens },
        "total_tokens": pools.input_tokens + pools.output_tokens,
    })
}
