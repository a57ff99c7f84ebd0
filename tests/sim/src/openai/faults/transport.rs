//! Faults in how an answer travels: they rewrite the steps by which its body is sent.

use std::time::Duration;

use bytes::Bytes;

use super::FaultKind;
use crate::http::Step;

/// Rewrites `steps` as `fault` says. Faults of the content change nothing here.
pub fn rewrite(mut steps: Vec<Step>, fault: &FaultKind) -> Vec<Step> {
    match fault {
        FaultKind::SlowStart { delay_ms } => {
            steps.insert(0, Step::Pause(Duration::from_millis(*delay_ms)));
            steps
        }
        FaultKind::StallAfterChunks { chunks, for_ms } => {
            let index = after_chunks(&steps, *chunks);
            steps.insert(index, Step::Hold(for_ms.map(Duration::from_millis)));
            steps
        }
        FaultKind::StallBeforeLast { chunks, for_ms } => {
            let sends = steps.iter().filter(|step| matches!(step, Step::Send { .. })).count();
            let index = after_chunks(&steps, sends.saturating_sub(*chunks));
            steps.insert(index, Step::Hold(for_ms.map(Duration::from_millis)));
            steps
        }
        FaultKind::CutAfterChunks { chunks, reset } => {
            steps.truncate(after_chunks(&steps, *chunks));
            steps.push(Step::Cut { reset: *reset });
            steps
        }
        FaultKind::CutAtByte { offset, reset } => cut_at_byte(steps, *offset, *reset),
        FaultKind::SplitEveryByte { delay_ms } => split_every_byte(steps, *delay_ms),
        FaultKind::SplitAt { offsets } => resplit(steps, offsets),
        FaultKind::SplitInsideUtf8 => {
            let offsets = inside_utf8(&whole(&steps));
            resplit(steps, &offsets)
        }
        _ => steps,
    }
}

/// The index of the step that follows the first `chunks` sends.
fn after_chunks(steps: &[Step], chunks: usize) -> usize {
    let sends = steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Send { .. }));
    match chunks.checked_sub(1) {
        None => 0,
        Some(last) => sends.map(|(index, _)| index + 1).nth(last).unwrap_or(steps.len()),
    }
}

fn cut_at_byte(steps: Vec<Step>, offset: usize, reset: bool) -> Vec<Step> {
    let mut left = offset;
    let mut kept = Vec::new();
    for step in steps {
        let Step::Send { bytes, mark } = step else {
            kept.push(step);
            continue;
        };
        if bytes.len() > left {
            // A piece of a chunk does not carry its tokens.
            let mark = last_mark(&kept);
            kept.push(Step::Send { bytes: bytes.slice(..left), mark });
            break;
        }
        left -= bytes.len();
        kept.push(Step::Send { bytes, mark });
    }
    kept.push(Step::Cut { reset });
    kept
}

fn last_mark(steps: &[Step]) -> u64 {
    let mark = |step: &Step| match step {
        Step::Send { mark, .. } => Some(*mark),
        _ => None,
    };
    steps.iter().rev().find_map(mark).unwrap_or(0)
}

fn split_every_byte(steps: Vec<Step>, delay_ms: u64) -> Vec<Step> {
    let mut split = Vec::new();
    for step in steps {
        let Step::Send { bytes, mark } = step else {
            split.push(step);
            continue;
        };
        for index in 0..bytes.len() {
            // Only a chunk's last byte completes it.
            let mark = if index + 1 == bytes.len() { mark } else { last_mark(&split) };
            split.push(Step::Send { bytes: bytes.slice(index..=index), mark });
            if delay_ms > 0 {
                split.push(Step::Pause(Duration::from_millis(delay_ms)));
            }
        }
    }
    split
}

fn whole(steps: &[Step]) -> Bytes {
    let mut body = Vec::new();
    for step in steps {
        if let Step::Send { bytes, .. } = step {
            body.extend_from_slice(bytes);
        }
    }
    body.into()
}

/// Offsets inside UTF-8 sequences of `body`: each after the first byte of a sequence of several.
fn inside_utf8(body: &[u8]) -> Vec<usize> {
    body.iter().enumerate().filter(|(_, byte)| **byte >= 0xc0).map(|(index, _)| index + 1).collect()
}

/// The whole body in sends that end at `offsets` and at its end. Pauses and holds are lost.
fn resplit(steps: Vec<Step>, offsets: &[usize]) -> Vec<Step> {
    let body = whole(&steps);
    let cut = steps.last().filter(|step| matches!(step, Step::Cut { .. })).cloned();
    let mut ends: Vec<usize> = offsets.iter().copied().filter(|end| *end < body.len()).collect();
    ends.push(body.len());
    ends.sort_unstable();
    ends.dedup();
    let mut sends = Vec::new();
    let mut start = 0;
    for end in ends.into_iter().filter(|end| *end > 0) {
        let mark = mark_at(&steps, end);
        sends.push(Step::Send { bytes: body.slice(start..end), mark });
        start = end;
    }
    sends.extend(cut);
    sends
}

/// The mark of the last of the original sends that is complete at byte `end`.
fn mark_at(steps: &[Step], end: usize) -> u64 {
    let mut sent = 0;
    let mut reached = 0;
    for step in steps {
        if let Step::Send { bytes, mark } = step {
            sent += bytes.len();
            if sent > end {
                break;
            }
            reached = *mark;
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(text: &'static str, mark: u64) -> Step {
        Step::Send { bytes: Bytes::from_static(text.as_bytes()), mark }
    }

    #[test]
    fn a_cut_leaves_out_the_tokens_of_the_chunk_it_falls_into() {
        let steps = vec![send("abc", 1), send("def", 2)];
        let cut = rewrite(steps, &FaultKind::CutAtByte { offset: 4, reset: false });
        assert_eq!(cut, [send("abc", 1), send("d", 1), Step::Cut { reset: false }]);
    }

    #[test]
    fn splits_fall_inside_utf8_sequences_and_lose_nothing() {
        let steps = vec![send("é東", 1), send("x🙂", 2)];
        let split = rewrite(steps, &FaultKind::SplitInsideUtf8);
        assert_eq!(whole(&split), "é東x🙂".as_bytes());
        let ends_inside = |step: &Step| match step {
            Step::Send { bytes, .. } => bytes.last().is_some_and(|byte| *byte >= 0xc0),
            _ => false,
        };
        assert_eq!(split.iter().filter(|step| ends_inside(step)).count(), 3);
        assert_eq!(last_mark(&split), 2);
    }

    #[test]
    fn stalls_stand_between_the_chunks_they_name() {
        let steps = vec![send("a", 1), send("b", 2)];
        let stall = |chunks| rewrite(steps.clone(), &FaultKind::StallAfterChunks { chunks, for_ms: None });
        assert_eq!(stall(0)[0], Step::Hold(None));
        assert_eq!(stall(1)[1], Step::Hold(None));
        assert_eq!(stall(9)[2], Step::Hold(None), "after all there is");
        let before = |chunks| rewrite(steps.clone(), &FaultKind::StallBeforeLast { chunks, for_ms: None });
        assert_eq!(before(1)[1], Step::Hold(None));
        assert_eq!(before(9)[0], Step::Hold(None), "before all there is");
    }
}
