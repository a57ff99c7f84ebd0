use super::*;
use crate::openai::{Encoding, RelayedText, StreamFault, UsageState};

const BOUNDS: CallBounds = CallBounds { input_tokens: 10, output_tokens: 100, encoding: Encoding::O200k };

fn reported(output: u64) -> UsageReport {
    let usage = Usage { input: 7, output, reasoning: 3, ..Usage::default() };
    UsageReport {
        usage: Some(usage),
        state: UsageState::Present,
        model: Some("gpt-x".to_owned()),
        ..UsageReport::default()
    }
}

fn stream(report: UsageReport, relayed_text: &str, complete: bool, fault: bool) -> StreamEnd {
    let mut relayed = RelayedText::default();
    relayed.push(relayed_text);
    let fault = fault.then_some(StreamFault { code: None, own_account: false });
    StreamEnd { held: bytes::Bytes::new(), report, relayed, complete, fault }
}

fn charged(charge: &Charge) -> (ChargeSource, u64, u64) {
    (charge.source, charge.usage.input_tokens, charge.usage.output_tokens)
}

#[test]
fn the_providers_count_is_charged_even_above_the_hold() {
    let charge = Charge::of_finished(reported(400), false, &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Provider, 7, 400));
    assert_eq!(charge.usage.reasoning_tokens, 3);
    assert_eq!(charge.model.as_deref(), Some("gpt-x"));
}

#[test]
fn an_explicit_zero_is_free_and_a_missing_count_is_the_hold() {
    let zero =
        UsageReport { usage: Some(Usage::default()), state: UsageState::Present, ..UsageReport::default() };
    assert_eq!(charged(&Charge::of_finished(zero, false, &BOUNDS)), (ChargeSource::Provider, 0, 0));
    for state in [UsageState::Missing, UsageState::Null, UsageState::Unreadable] {
        let report = UsageReport { state, ..UsageReport::default() };
        assert_eq!(charged(&Charge::of_finished(report, false, &BOUNDS)), (ChargeSource::Hold, 10, 100));
    }
}

#[test]
fn a_call_that_failed_without_a_count_is_charged_its_input() {
    let charge = Charge::of_finished(UsageReport::default(), true, &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 0));
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
fn a_stream_that_ended_is_charged_as_reported_or_at_the_hold() {
    let charge = Charge::of_stream(stream(reported(5), "Hello", true, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Provider, 7, 5));
    let charge = Charge::of_stream(stream(reported(5), "Hello", false, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Provider, 7, 5));
    let charge = Charge::of_stream(stream(UsageReport::default(), "Hello", true, false), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Hold, 10, 100));
}

#[test]
fn a_stream_that_ended_with_an_error_is_estimated() {
    let charge = Charge::of_stream(stream(UsageReport::default(), "Hello, world", true, true), &BOUNDS);
    assert_eq!(charged(&charge), (ChargeSource::Estimated, 10, 3));
}
