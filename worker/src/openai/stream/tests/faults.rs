//! Streams that go wrong after their 200.

use super::*;

fn failed(endpoint: Endpoint, frame: &str) -> StreamEnd {
    let (sent, end) = run(StreamMeter::new(endpoint, false), [frame.as_bytes()]);
    assert!(sent.is_empty());
    end
}

#[test]
fn an_error_chunk_ends_a_chat_stream_and_is_held() {
    let frame = "data: {\"error\":{\"message\":\"Overloaded in org-AbCdEf0123456789\",\"type\":\"server_error\",\"code\":null}}\n\n";
    let end = failed(Endpoint::ChatCompletions, frame);
    assert!(end.complete);
    assert_eq!(end.fault, Some(StreamFault { code: Some("server_error".into()), own_account: false }));
    assert_eq!(
        String::from_utf8(end.held.to_vec()).unwrap(),
        frame.replace("org-AbCdEf0123456789", "[redacted]")
    );
    assert_eq!(end.report.state, UsageState::Missing);
}

#[test]
fn the_operators_empty_account_is_not_shown_to_the_client() {
    let chat = "data: {\"error\":{\"message\":\"You exceeded your current quota\",\"code\":\"insufficient_quota\"}}\n\n";
    let event = "event: error\ndata: {\"type\":\"error\",\"code\":\"insufficient_quota\",\"message\":\"You exceeded your current quota\",\"param\":null,\"sequence_number\":3}\n\n";
    for (endpoint, frame) in [(Endpoint::ChatCompletions, chat), (Endpoint::Responses, event)] {
        let end = failed(endpoint, frame);
        assert!(end.fault.unwrap().own_account);
        let held = String::from_utf8(end.held.to_vec()).unwrap();
        assert!(held.contains("upstream_unavailable") && !held.contains("quota"), "{held}");
        assert!(held.ends_with("\n\n"));
    }
}

#[test]
fn a_failed_response_with_null_usage_says_null_not_zero() {
    let frame = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":9,\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5-2025-08-07\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"The model failed.\"},\"usage\":null}}\n\n";
    let end = failed(Endpoint::Responses, frame);
    assert_eq!((end.report.usage, end.report.state), (None, UsageState::Null));
    assert_eq!(end.fault.unwrap().code.as_deref(), Some("server_error"));
    assert_eq!(&end.held[..], frame.as_bytes());
}

#[test]
fn an_incomplete_response_is_an_end_and_no_fault() {
    for (usage, state) in [
        ("null", UsageState::Null),
        ("{\"input_tokens\":10,\"output_tokens\":16,\"total_tokens\":26}", UsageState::Present),
    ] {
        let frame = format!(
            "event: response.incomplete\ndata: {{\"type\":\"response.incomplete\",\"response\":{{\"usage\":{usage}}}}}\n\n"
        );
        let end = failed(Endpoint::Responses, &frame);
        assert!(end.complete && end.fault.is_none());
        assert_eq!(end.report.state, state);
    }
}

#[test]
fn usage_without_done_is_read_but_not_complete() {
    let cut = &CHAT[..CHAT.find("data: [DONE]").unwrap()];
    let (_, end) = run(chat(true), [cut.as_bytes()]);
    assert!(!end.complete);
    assert_eq!(end.report.state, UsageState::Present);
    assert!(end.held.starts_with(b"data: {"));
}

#[test]
fn usage_on_the_last_content_chunk_is_read_and_the_chunk_kept() {
    let frame = "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    let (sent, end) = run(chat(false), [frame.as_bytes()]);
    assert_eq!(sent, frame.as_bytes());
    assert_eq!(end.report.usage.map(|usage| usage.output), Some(2));
}

#[test]
fn a_stream_is_whole_once_every_choice_has_its_finish_reason() {
    let chunk = |index: u64, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"a\"}},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut meter = chat(false);
    for (frame, whole) in [
        (chunk(0, "null"), false),
        (chunk(1, "null"), false),
        (chunk(0, "\"stop\""), false),
        (chunk(1, "\"length\""), true),
    ] {
        meter.push(Bytes::from(frame));
        assert_eq!(meter.is_whole(), whole);
    }
    let (_, end) = run(responses(), [RESPONSES.as_bytes()]);
    assert!(end.relayed.is_whole());
}

#[test]
fn keep_alives_and_empty_first_chunks_pass_through() {
    let stream = ": keep-alive\n\ndata: {\"choices\":[],\"prompt_filter_results\":[]}\n\n\ndata: {\"choices\":[],\"usage\":null}\n\n";
    let (sent, end) = run(chat(false), stream.as_bytes().chunks(3));
    assert_eq!(sent, stream.as_bytes());
    assert_eq!(end.report.state, UsageState::Missing);
}

#[test]
fn a_frame_that_is_not_json_passes_and_is_not_free() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\n\n";
    let (sent, end) = run(chat(false), [stream.as_bytes()]);
    assert_eq!(sent, stream.as_bytes());
    assert!(end.relayed.total_bytes() > 0);
}

#[test]
fn a_frame_without_end_breaks_the_stream_at_the_limit() {
    let mut meter = chat(false);
    let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
    let mut pushed = 0;
    while meter.push(piece.clone()).state == StreamState::Open {
        pushed += piece.len();
        assert!(pushed <= MAX_FRAME_BYTES);
    }
    let forward = meter.push(Bytes::from_static(b"\n\ndata: [DONE]\n\n"));
    assert_eq!((forward.bytes.len(), forward.state), (0, StreamState::Broken));
    let end = meter.finish();
    assert!(!end.complete && end.held.is_empty());
}

#[test]
fn whatever_follows_the_end_is_held_with_it() {
    let stream = format!("{CHAT}\n: bye\n\n");
    let (_, end) = run(chat(false), [stream.as_bytes()]);
    assert_eq!(&end.held[..], b"data: [DONE]\n\n\n: bye\n\n");
}
