//! What one frame of a stream means. Text is borrowed from the frame; most frames are read without an allocation.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::endpoint::Endpoint;
use super::finish::ended_at_limit;
use super::relayed::RelayedText;
use super::stream_error::StreamError;
use super::usage::{Metered, UsageReport};

/// What becomes of a frame.
#[derive(Debug)]
pub(super) enum FrameKind {
    /// Handed on.
    Content,
    /// Chat's extra chunk: usage, and no choices.
    UsageOnly,
    /// The last frame of a stream.
    Terminal,
    /// The last frame of a stream that failed.
    Error(StreamError),
}

/// A string borrowed from the frame unless it has escapes. A bare `Option<Cow>` would always copy.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct ChatChunk<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    choices: Option<Vec<ChatChoice<'a>>>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct ChatChoice<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    delta: Option<ChatDelta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ChatDelta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    function_call: Option<CallDelta<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCallDelta<'a>>>,
}

#[derive(Deserialize)]
struct ToolCallDelta<'a> {
    #[serde(borrow)]
    function: Option<CallDelta<'a>>,
    #[serde(borrow)]
    custom: Option<CallDelta<'a>>,
}

#[derive(Deserialize)]
struct CallDelta<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ResponsesEvent<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

/// Reads one frame's data into the report and the relayed text. Data that cannot be read is handed on and counted
/// as text: it went to the client, and it is not free.
pub(super) fn read_frame(
    endpoint: Endpoint,
    data: &[u8],
    report: &mut UsageReport,
    relayed: &mut RelayedText,
) -> FrameKind {
    let read = match endpoint {
        Endpoint::ChatCompletions => chat(data, report, relayed),
        Endpoint::Responses => responses(data, report, relayed),
        Endpoint::Embeddings => Ok(FrameKind::Content),
    };
    read.unwrap_or_else(|_| {
        relayed.push(0, &String::from_utf8_lossy(data));
        FrameKind::Content
    })
}

fn chat(
    data: &[u8],
    report: &mut UsageReport,
    relayed: &mut RelayedText,
) -> Result<FrameKind, serde_json::Error> {
    if data.trim_ascii() == b"[DONE]" {
        return Ok(FrameKind::Terminal);
    }
    let chunk: ChatChunk<'_> = serde_json::from_slice(data)?;
    if let Some(error) = chunk.error {
        return Ok(FrameKind::Error(StreamError::read(&error)));
    }
    note(&mut report.model, chunk.model);
    note(&mut report.service_tier, chunk.service_tier);
    let choices = chunk.choices.unwrap_or_default();
    for choice in &choices {
        let index = choice.index.unwrap_or_default();
        relayed.begin(index);
        if let Some(delta) = &choice.delta {
            relay_delta(index, delta, relayed);
        }
        if choice.finish_reason.is_some() {
            relayed.finish(index);
        }
    }
    report.ended_at_limit |= choices.iter().any(|choice| is_length(choice.finish_reason.as_ref()));
    let has_usage = chunk.usage.is_some();
    report.read(Endpoint::ChatCompletions, chunk.usage);
    Ok(if has_usage && choices.is_empty() { FrameKind::UsageOnly } else { FrameKind::Content })
}

fn is_length(reason: Option<&Text<'_>>) -> bool {
    reason.is_some_and(|Text(reason)| reason == "length")
}

fn relay_delta(index: u64, delta: &ChatDelta<'_>, relayed: &mut RelayedText) {
    let mut relay = |text: &Option<Text<'_>>| {
        if let Some(Text(text)) = text {
            relayed.push(index, text);
        }
    };
    relay(&delta.content);
    relay(&delta.refusal);
    let calls = delta.tool_calls.iter().flatten();
    let called = calls.flat_map(|call| call.function.iter().chain(&call.custom));
    for call in called.chain(&delta.function_call) {
        relay(&call.name);
        relay(&call.arguments);
        relay(&call.input);
    }
}

fn responses(
    data: &[u8],
    report: &mut UsageReport,
    relayed: &mut RelayedText,
) -> Result<FrameKind, serde_json::Error> {
    let event: ResponsesEvent<'_> = serde_json::from_slice(data)?;
    let kind = event.kind.0.as_ref();
    if kind.ends_with(".delta")
        && let Some(delta) = event.delta
        && let Ok(Text(text)) = serde_json::from_str(delta.get())
    {
        relayed.push(0, &text);
    }
    let terminal = matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
    if let Some(response) = event.response
        && (terminal || report.model.is_none())
    {
        let metered: Metered = serde_json::from_str(response.get())?;
        report.model = metered.model.or(report.model.take());
        report.service_tier = metered.service_tier.or(report.service_tier.take());
        if terminal {
            report.ended_at_limit = ended_at_limit(Endpoint::Responses, response.get().as_bytes());
            report.read(Endpoint::Responses, metered.usage);
        }
    }
    Ok(match kind {
        "response.completed" | "response.incomplete" => {
            relayed.finish(0);
            FrameKind::Terminal
        }
        "response.failed" => {
            let response: Value =
                event.response.map_or(Ok(Value::Null), |raw| serde_json::from_str(raw.get()))?;
            FrameKind::Error(StreamError::read(&response["error"]))
        }
        "error" => FrameKind::Error(StreamError::read_event(&serde_json::from_slice(data)?)),
        _ => FrameKind::Content,
    })
}

// The last one wins: a rerouted answer names the model that really gave it.
fn note(known: &mut Option<String>, text: Option<Text<'_>>) {
    if let Some(Text(text)) = text
        && known.as_deref() != Some(text.as_ref())
        && !text.is_empty()
    {
        *known = Some(text.into_owned());
    }
}
