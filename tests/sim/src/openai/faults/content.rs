//! Faults in what an answer says: they edit its frames before anything is sent.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::FaultKind;
use crate::openai::errors::ApiError;
use crate::openai::ledger::Pools;
use crate::openai::script::{Data, Frame, Role, Script};

/// Edits `script` as `fault` says. Faults of the transport change nothing here.
pub fn edit(script: Script, fault: &FaultKind) -> Script {
    match fault {
        FaultKind::Status { status, code, retry_after_seconds } => {
            Script::refusal(&status_error(*status, code.clone(), *retry_after_seconds))
        }
        FaultKind::Answer { status, headers, body } => answer(*status, headers, body),
        FaultKind::ErrorBody => {
            Script { status: StatusCode::OK, ..Script::refusal(&status_error(500, None, None)) }
        }
        FaultKind::ErrorEvent { chunks } => end_with(script, *chunks, error_frame),
        FaultKind::ResponseFailed { chunks } => response_failed(script, *chunks),
        FaultKind::ResponseIncomplete => response_incomplete(script),
        FaultKind::ContentType { value } => Script { content_type: value.clone(), ..script },
        FaultKind::ResponseModel { model } => {
            let script = Script { model: Some(model.clone()), ..script };
            with_member(script, "model", &json!(model))
        }
        FaultKind::ServiceTier { tier } => with_member(script, "service_tier", &json!(tier)),
        FaultKind::NoUsage => without_usage(script),
        FaultKind::NullUsage => with_usage(script, |usage| *usage = Value::Null),
        FaultKind::Usage { value } => with_usage(script, |usage| *usage = value.clone()),
        FaultKind::UsageBeforeFinish => usage_before_finish(script),
        FaultKind::Overrun { output_tokens, input_tokens } => overrun(script, *output_tokens, *input_tokens),
        FaultKind::MalformedJson => malformed(script),
        FaultKind::HugeChunk { bytes } => huge_chunk(script, *bytes),
        FaultKind::NoDone => without(script, |role| matches!(role, Role::Done | Role::Terminal)),
        _ => script,
    }
}

/// OpenAI's usual error for a status.
fn status_error(status: u16, code: Option<String>, retry_after_seconds: Option<u64>) -> ApiError {
    let (message, kind, usual_code) = match status {
        401 => ("Incorrect API key provided.", "invalid_request_error", Some("invalid_api_key")),
        403 => (
            "Country, region, or territory not supported",
            "request_forbidden",
            Some("unsupported_country_region_territory"),
        ),
        404 => ("The model does not exist.", "invalid_request_error", Some("model_not_found")),
        429 if code.as_deref().is_none_or(|code| code == "rate_limit_exceeded") => {
            ("Rate limit reached. Please try again.", "requests", Some("rate_limit_exceeded"))
        }
        429 => (
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            None,
        ),
        503 => ("The engine is currently overloaded, please try again later", "server_error", None),
        500.. => {
            ("The server had an error while processing your request. Sorry about that!", "server_error", None)
        }
        _ => ("The request is invalid.", "invalid_request_error", None),
    };
    ApiError {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        message: message.to_owned(),
        kind,
        param: None,
        code: code.or(usual_code.map(str::to_owned)),
        retry_after_seconds,
    }
}

fn answer(status: u16, headers: &[(String, String)], body: &str) -> Script {
    let is_type = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
    let content_type = headers.iter().find(is_type).map_or("application/json", |(_, value)| value);
    let body = Bytes::copy_from_slice(body.as_bytes());
    let frame = Frame { role: Role::Whole, event: None, data: Data::Raw(body), output_tokens: 0 };
    Script {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        content_type: content_type.to_owned(),
        headers: headers.iter().filter(|header| !is_type(header)).cloned().collect(),
        frames: vec![frame],
        ..Script::plain(Value::Null, Pools::default())
    }
}

/// Where a frame's JSON has the members of the answer as a whole.
fn answer_of(frame: &mut Frame) -> Option<&mut Value> {
    let value = frame.value_mut()?;
    if value.get("response").is_some() { value.get_mut("response") } else { Some(value) }
}

fn with_member(mut script: Script, name: &str, member: &Value) -> Script {
    for answer in script.frames.iter_mut().filter_map(answer_of) {
        if let Some(present) = answer.get_mut(name) {
            *present = member.clone();
        }
    }
    script
}

fn with_usage(mut script: Script, change: impl Fn(&mut Value)) -> Script {
    let carriers = |frame: &&mut Frame| matches!(frame.role, Role::Usage | Role::Terminal | Role::Whole);
    for answer in script.frames.iter_mut().filter(carriers).filter_map(answer_of) {
        if let Some(usage) = answer.get_mut("usage") {
            change(usage);
        }
    }
    script
}

fn without_usage(script: Script) -> Script {
    let mut script = without(script, |role| role == Role::Usage);
    for answer in script.frames.iter_mut().filter_map(answer_of) {
        if let Some(members) = answer.as_object_mut() {
            members.remove("usage");
        }
    }
    script
}

fn without(mut script: Script, unwanted: impl Fn(Role) -> bool) -> Script {
    script.frames.retain(|frame| !unwanted(frame.role));
    script
}

fn usage_before_finish(mut script: Script) -> Script {
    let usage = script.frames.iter().position(|frame| frame.role == Role::Usage);
    let finish = script.frames.iter().position(|frame| frame.role == Role::Finish);
    if let (Some(usage), Some(finish)) = (usage, finish) {
        let frame = script.frames.remove(usage);
        script.frames.insert(finish, frame);
    }
    script
}

fn overrun(mut script: Script, output_tokens: u64, input_tokens: u64) -> Script {
    script.pools.output_tokens += output_tokens;
    script.pools.input_tokens += input_tokens;
    let last = script.frames.last_mut();
    last.into_iter().for_each(|frame| frame.output_tokens += output_tokens);
    with_usage(script, |usage| {
        let added = [
            ("completion_tokens", output_tokens),
            ("output_tokens", output_tokens),
            ("prompt_tokens", input_tokens),
            ("input_tokens", input_tokens),
            ("total_tokens", output_tokens + input_tokens),
        ];
        for (name, tokens) in added {
            if let Some(present) = usage.get_mut(name) {
                *present = json!(present.as_u64().unwrap_or(0) + tokens);
            }
        }
    })
}

fn malformed(mut script: Script) -> Script {
    let middle = script.frames.len() / 2;
    if let Some(frame) = script.frames.get_mut(middle)
        && let Some(value) = frame.value_mut()
    {
        let text = value.to_string();
        let end = text.floor_char_boundary(text.len() * 2 / 3);
        frame.data = Data::Raw(Bytes::copy_from_slice(&text.as_bytes()[..end]));
    }
    script
}

fn huge_chunk(mut script: Script, bytes: usize) -> Script {
    let before_last = script.frames.len().saturating_sub(1);
    let output_tokens = script.frames.last().map_or(0, |frame| frame.output_tokens);
    let data = Data::Raw(vec![b'x'; bytes].into());
    script.frames.insert(before_last, Frame { role: Role::Opening, event: None, data, output_tokens });
    script
}

/// Keeps the first `chunks` frames and ends with what `last` makes of those that were left out.
fn end_with(mut script: Script, chunks: usize, last: impl Fn(&Script, usize, u64) -> Frame) -> Script {
    let chunks = chunks.min(script.frames.len().saturating_sub(1));
    let generated = chunks.checked_sub(1).and_then(|index| script.frames.get(index));
    let generated = generated.map_or(0, |frame| frame.output_tokens);
    let last = last(&script, chunks, generated);
    script.frames.truncate(chunks);
    script.frames.push(last);
    script.pools = script.pools.after(generated);
    script
}

fn error_frame(script: &Script, chunks: usize, output_tokens: u64) -> Frame {
    let error = status_error(500, None, None);
    let is_response = script.frames.iter().any(|frame| frame.event.is_some());
    if !is_response {
        return Frame::json(Role::Finish, error.body(), output_tokens);
    }
    let body = json!({
        "type": "error", "code": "server_error", "message": error.message, "param": null,
        "sequence_number": chunks,
    });
    Frame { event: Some("error"), ..Frame::json(Role::Finish, body, output_tokens) }
}

fn response_failed(script: Script, chunks: usize) -> Script {
    let error = json!({
        "code": "server_error",
        "message": "The model failed to generate a response.",
    });
    let fail = |response: &mut Value| {
        response["status"] = json!("failed");
        response["error"] = error.clone();
        response["output"] = json!([]);
        response["usage"] = Value::Null;
    };
    if !script.streamed {
        return plain_response(script, fail);
    }
    end_with(script, chunks, |script, chunks, output_tokens| {
        let Some(terminal) = script.frames.iter().find(|frame| frame.role == Role::Terminal) else {
            return error_frame(script, chunks, output_tokens);
        };
        let mut frame = Frame { event: Some("response.failed"), output_tokens, ..terminal.clone() };
        if let Some(value) = frame.value_mut() {
            value["type"] = json!("response.failed");
            value["sequence_number"] = json!(chunks);
            fail(&mut value["response"]);
        }
        frame
    })
}

fn plain_response(mut script: Script, change: impl Fn(&mut Value)) -> Script {
    script.frames.iter_mut().filter_map(Frame::value_mut).for_each(change);
    script
}

fn response_incomplete(mut script: Script) -> Script {
    let change = |response: &mut Value| {
        response["status"] = json!("incomplete");
        response["incomplete_details"] = json!({ "reason": "content_filter" });
        response["usage"] = Value::Null;
    };
    if !script.streamed {
        return plain_response(script, change);
    }
    for frame in script.frames.iter_mut().filter(|frame| frame.role == Role::Terminal) {
        frame.event = Some("response.incomplete");
        if let Some(value) = frame.value_mut() {
            value["type"] = json!("response.incomplete");
            change(&mut value["response"]);
        }
    }
    script
}
