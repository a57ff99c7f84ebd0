//! A chat completion in one body.

use serde_json::{Value, json};

use super::{Completion, finish_reason, usage};
use crate::openai::answer::Choice;
use crate::openai::script::Script;

/// The `chat.completion` object.
pub fn script(completion: &Completion<'_>) -> Script {
    let choices: Vec<Value> = completion.answer.choices.iter().enumerate().map(choice).collect();
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

fn choice((index, choice): (usize, &Choice)) -> Value {
    let mut message = json!({ "role": "assistant", "content": null, "refusal": null, "annotations": [] });
    match &choice.tool {
        None => message["content"] = json!(choice.text()),
        Some(name) => {
            message["tool_calls"] = json!([{
                "id": super::stream::call_id(index),
                "type": "function",
                "function": { "name": name, "arguments": choice.text() },
            }]);
        }
    }
    json!({
        "index": index,
        "message": message,
        "logprobs": null,
        "finish_reason": finish_reason(choice.finish),
    })
}
