//! A chat completion as a stream of chunks.

use serde_json::{Value, json};

use super::plain::called;
use super::{Completion, finish_reason, usage};
use crate::openai::answer::{Choice, Piece, Said};
use crate::openai::script::{Data, Frame, Role, Script};
use crate::openai::tools::Takes;

/// The fingerprint of the system that answers.
pub const FINGERPRINT: &str = "fp_octroisim01";

/// The chunks: for each choice its role, its pieces and its `finish_reason`, then usage if it was asked
/// for, then `[DONE]`. The pieces of several choices take turns.
pub fn script(completion: &Completion<'_>, include_usage: bool) -> Script {
    let chunk = |choices: Value| chunk(completion, include_usage, choices);
    let choices = &completion.answer.choices;
    // Whatever is thought is thought before the first word.
    let mut generated = choices.iter().map(|choice| choice.reasoning_tokens).sum();
    let mut frames = Vec::new();
    for (index, choice) in choices.iter().enumerate() {
        let delta = opening(completion, index, choice);
        frames.push(Frame::json(Role::Opening, chunk(part(index, delta, Value::Null)), generated));
    }
    for (index, place, said, piece) in in_turns(choices) {
        if place.opens_call() {
            let delta = json!({ "tool_calls": [opened(completion, index, place.said, said)] });
            frames.push(Frame::json(Role::Opening, chunk(part(index, delta, Value::Null)), generated));
        }
        generated += piece.tokens;
        let mut part = part(index, delta(place.said, said, piece), Value::Null);
        if said.tool.is_none() {
            part[0]["logprobs"] = completion.logprobs(&piece.text);
        }
        frames.push(Frame::json(Role::Delta, chunk(part), generated));
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

/// The first delta of a choice: its role, and its first call if it calls.
fn opening(completion: &Completion<'_>, index: usize, choice: &Choice) -> Value {
    match choice.said.first().filter(|said| said.tool.is_some()) {
        None => json!({ "role": "assistant", "content": "", "refusal": null }),
        Some(said) => json!({
            "role": "assistant",
            "content": null,
            "tool_calls": [opened(completion, index, 0, said)],
            "refusal": null,
        }),
    }
}

/// A call that begins, without what it is called with.
fn opened(completion: &Completion<'_>, index: usize, call: usize, said: &Said) -> Value {
    let id = completion.call_id(index, call);
    let mut opened = said.tool.as_ref().map_or(Value::Null, |tool| called(&id, tool, ""));
    opened["index"] = json!(call);
    opened
}

fn delta(call: usize, said: &Said, piece: &Piece) -> Value {
    let piece = &piece.text;
    match said.tool.as_ref().map(|tool| &tool.takes) {
        None => json!({ "content": piece }),
        Some(Takes::Arguments(_)) => {
            json!({ "tool_calls": [{ "index": call, "function": { "arguments": piece } }] })
        }
        Some(Takes::Text) => json!({ "tool_calls": [{ "index": call, "custom": { "input": piece } }] }),
    }
}

/// Where a piece stands in its choice.
#[derive(Clone, Copy)]
struct Place {
    said: usize,
    piece: usize,
}

impl Place {
    /// The choice's first call is opened with its role.
    const fn opens_call(self) -> bool {
        self.said > 0 && self.piece == 0
    }
}

/// The pieces of a choice with their places.
fn placed(choice: &Choice) -> Vec<(Place, &Said, &Piece)> {
    let mut pieces = Vec::new();
    for (said, one) in choice.said.iter().enumerate() {
        let places = one.pieces.iter().enumerate();
        pieces.extend(places.map(|(piece, text)| (Place { said, piece }, one, text)));
    }
    pieces
}

/// The pieces of all choices, one of each in turn.
fn in_turns(choices: &[Choice]) -> Vec<(usize, Place, &Said, &Piece)> {
    let rows: Vec<_> = choices.iter().map(placed).collect();
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut turns = Vec::new();
    for turn in 0..longest {
        let numbered = rows.iter().enumerate();
        turns.extend(numbered.filter_map(|(index, row)| {
            row.get(turn).map(|(place, said, piece)| (index, *place, *said, *piece))
        }));
    }
    turns
}
