#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::openai::usage::{Usage, UsageState};
use octroi_tokenizer::Encoding;

mod faults;

const CHAT: &str = include_str!("../golden/chat_stream.sse");
const TOOLS: &str = include_str!("../golden/chat_tools_stream.sse");
const RESPONSES: &str = include_str!("../golden/responses_stream.sse");

/// What the client got before the end, and the end.
fn run<'a>(mut meter: StreamMeter, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, StreamEnd) {
    let mut sent = Vec::new();
    for piece in pieces {
        let forward = meter.push(Bytes::copy_from_slice(piece));
        sent.extend_from_slice(&forward.bytes);
    }
    (sent, meter.finish())
}

fn chat(wants_usage: bool) -> StreamMeter {
    StreamMeter::new(Endpoint::ChatCompletions, wants_usage)
}

fn responses() -> StreamMeter {
    StreamMeter::new(Endpoint::Responses, false)
}

/// The frames of a stream that satisfy a condition, put together.
fn frames_where(stream: &str, keep: impl Fn(&str) -> bool) -> String {
    stream.split_inclusive("\n\n").filter(|frame| keep(frame)).collect()
}

#[test]
fn a_client_that_asked_gets_every_byte() {
    let (mut sent, end) = run(chat(true), [CHAT.as_bytes()]);
    assert!(end.held.starts_with(b"data: {") && end.held.ends_with(b"data: [DONE]\n\n"));
    sent.extend_from_slice(&end.held);
    assert_eq!(sent, CHAT.as_bytes());
}

#[test]
fn a_client_that_did_not_ask_misses_the_usage_chunk_and_nothing_else() {
    let (mut sent, end) = run(chat(false), [CHAT.as_bytes()]);
    assert_eq!(&end.held[..], b"data: [DONE]\n\n");
    sent.extend_from_slice(&end.held);
    let expected = frames_where(CHAT, |frame| !frame.contains(r#""choices":[],"usage":{"#));
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
    // The chunks' nulls stay: SDKs know the field as nullable.
    assert!(expected.contains(r#""usage":null"#));
}

#[test]
fn usage_after_the_finish_reason_is_read() {
    let (_, end) = run(chat(false), [CHAT.as_bytes()]);
    assert!(end.complete && end.fault.is_none());
    let usage = Usage { input: 19, cached_input: 8, output: 10, reasoning: 2, ..Usage::default() };
    assert_eq!(end.report.usage, Some(usage));
    assert_eq!(end.report.model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
    assert_eq!(end.report.service_tier.as_deref(), Some("default"));
    assert_eq!(end.relayed.tokens(Encoding::O200k), Encoding::O200k.count("Hello! \"Ça va\"?\n😀"));
}

#[test]
fn a_responses_stream_ends_with_its_completed_event_which_is_held() {
    let (sent, end) = run(responses(), [RESPONSES.as_bytes()]);
    assert!(end.complete);
    assert!(end.held.starts_with(b"event: response.completed\n"));
    assert_eq!([&sent[..], &end.held].concat(), RESPONSES.as_bytes());
    let usage = Usage { input: 37, output: 11, ..Usage::default() };
    assert_eq!(end.report.usage, Some(usage));
    assert_eq!(end.report.model.as_deref(), Some("gpt-5-2025-08-07"));
    assert_eq!(end.relayed.total_bytes(), "Hi there!{\"a\":1}".len() as u64);
}

#[test]
fn tool_calls_are_output_text_too() {
    let (_, end) = run(chat(false), [TOOLS.as_bytes()]);
    assert_eq!(end.relayed.total_bytes(), "look{\"city\":\"Paris\"}".len() as u64);
}

#[test]
fn no_split_changes_what_is_sent_held_or_read() {
    let crlf = CHAT.replace('\n', "\r\n");
    for (stream, make) in [
        (CHAT, (|| chat(false)) as fn() -> StreamMeter),
        (CHAT, || chat(true)),
        (crlf.as_str(), || chat(false)),
        (TOOLS, || chat(false)),
        (RESPONSES, responses),
    ] {
        let (sent, end) = run(make(), [stream.as_bytes()]);
        for cut in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(cut);
            let (split_sent, split_end) = run(make(), [left, right]);
            assert_eq!((&split_sent, &split_end.held), (&sent, &end.held), "at {cut}");
            assert_eq!(split_end.report, end.report, "at {cut}");
            assert_eq!(split_end.relayed.total_bytes(), end.relayed.total_bytes(), "at {cut}");
        }
        let (byte_sent, byte_end) = run(make(), stream.as_bytes().chunks(1));
        assert_eq!((byte_sent, byte_end.held, byte_end.report), (sent, end.held, end.report));
    }
}

#[test]
fn frames_that_arrive_together_leave_as_a_slice_of_what_arrived() {
    let arrived = Bytes::from_static(CHAT.as_bytes());
    let forward = chat(false).push(arrived.clone());
    assert_eq!(forward.bytes.as_ptr(), arrived.as_ptr());
    assert_eq!(forward.state, StreamState::Ended);
}

#[test]
fn time_to_first_token_is_the_first_text_not_the_first_frame() {
    let mut meter = chat(false);
    let mut frames = CHAT.split_inclusive("\n\n");
    meter.push(Bytes::from_static(frames.next().unwrap().as_bytes()));
    assert!(!meter.has_output());
    meter.push(Bytes::from_static(frames.next().unwrap().as_bytes()));
    assert!(meter.has_output());
}

#[test]
fn a_stream_cut_anywhere_is_incomplete_and_hands_on_whole_frames_only() {
    for cut in 0..CHAT.find("data: [DONE]").unwrap() {
        let (sent, end) = run(chat(false), [&CHAT.as_bytes()[..cut]]);
        assert!(!end.complete);
        assert!(sent.is_empty() || sent.ends_with(b"\n\n"));
        assert!(CHAT.as_bytes().starts_with(&sent));
        assert!(end.held.is_empty());
    }
}

proptest! {
    #[test]
    fn any_pieces_give_the_same_stream(cuts in prop::collection::vec(0..CHAT.len(), 0..12), wants in any::<bool>()) {
        let mut cuts: Vec<_> = cuts.into_iter().chain([0, CHAT.len()]).collect();
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &CHAT.as_bytes()[pair[0]..pair[1]]);
        let (sent, end) = run(chat(wants), pieces);
        let (whole_sent, whole_end) = run(chat(wants), [CHAT.as_bytes()]);
        prop_assert_eq!(sent, whole_sent);
        prop_assert_eq!((end.held, end.report), (whole_end.held, whole_end.report));
    }

    #[test]
    fn hostile_bytes_never_panic_and_never_invent_usage(
        bytes in prop::collection::vec(prop::sample::select(b"data: {}[]\"usage:null,choices\n\r\\u00e9\xff".to_vec()), 0..200),
        responses_stream in any::<bool>(),
    ) {
        let meter = if responses_stream { responses() } else { chat(false) };
        let (_, end) = run(meter, bytes.chunks(7));
        prop_assert!(end.report.state != UsageState::Present);
    }
}
