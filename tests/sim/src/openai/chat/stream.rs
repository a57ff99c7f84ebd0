//! A chat completion as a stream of chunks.

use serde_json::{Value, json};

use super::{Completion, finish_reason, usage};
use crate::openai::answer::{Choice, Piece};
use crate::openai::script::{Data, Frame, Role, Script};

/// The fingerprint of the system that answers.
pub const FINGERPRINT: &str = "fp_octroisim01";

/// The id of the tool call of a choice.
pub fn call_id(choice: usize) -> String {
    format!("call_octroisim{choice:08}")
}

/// The chunks: for each choice its role, its pieces and its `finish_reason`, then usage if it was asked
/// for, then `[DONE]`. The pieces of several choices take turns.
pub fn script(completion: &Completion<'_>, include_usage: bool) -> Script {
    let chunk = |choices: Value| chunk(completion, include_usage, choices);
    let choices = &completion.answer.choices;
    // Whatever is thought is thought before the first word.
    let mut generated = choices.iter().map(|choice| choice.reasoning_tokens).sum();
    let mut frames = Vec::new();
    for (index, choice) in choices.iter().enumerate() {
        let delta = opening(index, choice);
        frames.push(Frame::json(Role::Opening, chunk(part(index, delta, Value::Null)), generated));
    }
    for (index, choice, piece) in in_turns(choices) {
        generated += piece.tokens;
        let delta = delta(choice, piece);
        frames.push(Frame::json(Role::Delta, chunk(part(index, delta, Value::Null)), generated));
    }
    for (index, choice) in choices.iter().enumerate() {
        let finish = json!(finish_reason(choice.finish));
        frames.push(Frame::json(Role::Finish, chunk(part(index, json!({}), finish)), generated));
    }
    if include_usage {
        let mut last = chunk(json!([]));
        last["usage"] = usage(&completion.answer.pools);
        frames.push(Frame::json(Role::Usage, last, generated));
    }
    let done = Data::Raw("[DONE]".into());
    frames.push(Frame { role: Role::Done, event: None, data: done, output_tokens: generated });
    let model = completion.model.snapshot.to_owned();
    Script::stream(frames, completion.answer.pools, completion.id.clone(), model)
}

fn chunk(completion: &Completion<'_>, include_usage: bool, choices: Value) -> Value {
    let mut chunk = json!({
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created_at_unix_seconds,
        "model": completion.model.snapshot,
        "service_tier": completion.service_tier,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    });
    if include_usage {
        chunk["usage"] = Value::Null;
    }
    chunk
}

fn part(index: usize, delta: Value, finish_reason: Value) -> Value {
    json!([{ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason }])
}

fn opening(index: usize, choice: &Choice) -> Value {
    match &choice.tool {
        None => json!({ "role": "assistant", "content": "", "refusal": null }),
        Some(name) => json!({
            "role": "assistant",
            "content": null,
            "tool_calls": [{
                "index": 0,
                "id": call_id(index),
                "type": "function",
                "function": { "name": name, "arguments": "" },
            }],
            "refusal": null,
        }),
    }
}

fn delta(choice: &Choice, piece: &Piece) -> Value {
    match &choice.tool {
        None => json!({ "content": piece.text }),
        Some(_) => json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece.text } }] }),
    }
}

fn in_turns(choices: &[Choice]) -> impl Iterator<Item = (usize, &Choice, &Piece)> {
    let longest = choices.iter().map(|choice| choice.pieces.len()).max().unwrap_or(0);
    (0..longest).flat_map(move |turn| {
        let numbered = choices.iter().enumerate();
        numbered.filter_map(move |(index, choice)| Some((index, choice, choice.pieces.get(turn)?)))
    })
}
