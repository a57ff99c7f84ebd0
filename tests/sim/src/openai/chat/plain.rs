//! A chat completion in one body.

use serde_json::{Value, json};

use super::{Completion, finish_reason, usage};
use crate::openai::answer::Choice;
use crate::openai::script::Script;
use crate::openai::tools::{Takes, Tool};

/// The `chat.completion` object.
pub fn script(completion: &Completion<'_>) -> Script {
    let choices = completion.answer.choices.iter().enumerate();
    let choices: Vec<Value> = choices.map(|(index, one)| choice(completion, index, one)).collect();
    let body = json!({
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created_at_unix_seconds,
        "model": completion.model.snapshot,
        "choices": choices,
        "usage": usage(&completion.answer.pools),
        "service_tier": completion.service_tier,
        "system_fingerprint": super::stream::FINGERPRINT,
    });
    Script::plain(body, completion.answer.pools)
}

fn choice(completion: &Completion<'_>, index: usize, choice: &Choice) -> Value {
    let mut message = json!({ "role": "assistant", "content": null, "refusal": null, "annotations": [] });
    let mut logprobs = Value::Null;
    if let Some(said) = choice.message() {
        let text = said.text();
        logprobs = completion.logprobs(&text);
        message["content"] = json!(text);
    }
    let calls = choice.calls().enumerate();
    let calls: Vec<Value> = calls
        .map(|(call, (tool, said))| called(&completion.call_id(index, call), tool, &said.text()))
        .collect();
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    json!({
        "index": index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": finish_reason(choice.finish),
    })
}

/// A call as a message has it.
pub fn called(id: &str, tool: &Tool, input: &str) -> Value {
    match tool.takes {
        Takes::Arguments(_) => {
            json!({ "id": id, "type": "function", "function": { "name": tool.name, "arguments": input } })
        }
        Takes::Text => json!({ "id": id, "type": "custom", "custom": { "name": tool.name, "input": input } }),
    }
}
