use super::*;
use crate::openai::{Encoding, InputTokens, RelayedText, StreamFault, UsageState};

const BOUNDS: CallBounds =
    CallBounds { input: InputTokens { most: 40, likely: 10 }, output_tokens: 100, encoding: Encoding::O200k };

fn reported(output: u64) -> UsageReport {
    let usage = Usage { input: 7, output, reasoning: 3, ..Usage::default() };
    UsageReport {
        usage: Some(usage),
        state: UsageState::Present,
        model: Some("gpt-x".to_owned()),
        ..UsageReport::default()
    }
}

fn relayed(text: &str, finished: bool) -> RelayedText {
    let mut relayed = RelayedText::default();
    relayed.begin(0);
    relayed.push(0, text);
    if finished {
        relayed.finish(0);
    }
    relayed
}

fn stream(report: UsageReport, relayed_text: &str, complete: bool, fault: bool) -> StreamEnd {
    let relayed = relayed(relayed_text, complete && !fault);
    let fault = fault.then_some(StreamFault { code: None, own_account: false });
    StreamEnd { held: bytes::Bytes::new(), report, relayed, complete, fault }
}

fn charged(charge: &Charge) -> (ChargeSource, u64, u64) {
    (charge.source, charge.usage.input_tokens, charge.usage.output_tokens)
}

#[test]
fn the_providers_count_is_charged_even_above_the_hold() {
    let charge = Charge::of_answer(reported(400), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Provider, 7, 400));
    assert_eq!(charge.usage.reasoning_tokens, 3);
    assert_eq!(charge.model.as_deref(), Some("gpt-x"));
}

#[test]
fn an_explicit_zero_is_free_and_a_missing_count_is_what_was_said() {
    let zero =
        UsageReport { usage: Some(Usage::default()), state: UsageState::Present, ..UsageReport::default() };
    assert_eq!(charged(&Charge::of_answer(zero, &BOUNDS)), (ChargeSource::Provider, 0, 0));
    for state in [UsageState::Missing, UsageState::Null, UsageState::Unreadable] {
        let report = UsageReport { state, ..UsageReport::default() };
        let charge = Charge::of_unmetered(report, &relayed("Hello, world", true), false, &BOUNDS);
        assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 3), "{state:?}");
    }
}

#[test]
fn an_answer_without_a_count_that_is_not_all_there_is_charged_the_hold() {
    let cut = Charge::of_unmetered(UsageReport::default(), &relayed("Hello", false), false, &BOUNDS);
    assert_eq!(charged(&cut), (ChargeSource::Hold, 40, 100));
    let nothing = Charge::of_unmetered(UsageReport::default(), &RelayedText::default(), false, &BOUNDS);
    assert_eq!(charged(&nothing), (ChargeSource::Hold, 40, 100));
}

#[test]
fn an_answer_that_failed_is_charged_what_it_said_and_nothing_if_it_said_nothing() {
    let charge = Charge::of_unmetered(UsageReport::default(), &relayed("", false), true, &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 0, 0));
    let charge = Charge::of_unmetered(UsageReport::default(), &relayed("Hello, world", false), true, &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 3));
}

#[test]
fn a_cut_stream_is_charged_what_was_relayed_within_the_hold() {
    let charge = Charge::of_stream(stream(UsageReport::default(), "Hello, world", false, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 3));
    let endless = "word ".repeat(1_000);
    let charge = Charge::of_stream(stream(UsageReport::default(), &endless, false, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 100));
}

#[test]
fn a_stream_that_ended_is_charged_as_reported_or_what_was_relayed() {
    let charge = Charge::of_stream(stream(reported(5), "Hello", true, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Provider, 7, 5));
    let charge = Charge::of_stream(stream(reported(5), "Hello", false, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Provider, 7, 5));
    let charge = Charge::of_stream(stream(UsageReport::default(), "Hello, world", true, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 3));
    // One choice of two never ended, though the stream says it did.
    let mut end = stream(UsageReport::default(), "Hello", true, false);
    end.relayed.begin(1);
    assert_eq!(charged(&Charge::of_stream(end, &BOUNDS)), (ChargeSource::Hold, 40, 100));
}

#[test]
fn a_stream_that_ended_with_an_error_is_estimated() {
    let charge = Charge::of_stream(stream(UsageReport::default(), "Hello, world", true, true), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 3));
}
