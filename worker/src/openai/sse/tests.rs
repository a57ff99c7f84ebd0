#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// Frames found when the stream arrives in the given pieces; the last element is what remains open.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut scanner = FrameScanner::default();
    let mut found = vec![Vec::new()];
    for mut piece in pieces {
        while let Some(length) = scanner.scan(piece) {
            found.last_mut().unwrap().extend_from_slice(&piece[..length]);
            found.push(Vec::new());
            piece = &piece[length..];
        }
        found.last_mut().unwrap().extend_from_slice(piece);
    }
    found
}

/// What a client following the specification would dispatch, written without regard to speed.
fn dispatched(stream: &[u8]) -> Vec<Vec<u8>> {
    let text = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let mut lines = vec![Vec::new()];
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if(|next| **next == b'\n');
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            other => lines.last_mut().unwrap().push(*other),
        }
    }
    lines.pop();
    let mut events = Vec::new();
    let mut data: Option<Vec<u8>> = None;
    for line in lines {
        if line.is_empty() {
            events.extend(data.take());
        } else if line == b"data" || line.starts_with(b"data:") {
            let value = line.get(5..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut data {
                Some(data) => data.extend([b"\n", value].concat()),
                None => data = Some(value.to_vec()),
            }
        }
    }
    events
}

fn data_of(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (_, whole) = frames.split_last().unwrap();
    whole.iter().filter_map(|frame| frame_data(frame).map(Cow::into_owned)).collect()
}

const STREAMS: &[&[u8]] = &[
    b"data: {\"a\":1}\n\ndata: [DONE]\n\n",
    b"data: one\r\n\r\ndata: two\r\n\r\n",
    b"data: one\r\rdata: two\r\r",
    b"\xef\xbb\xbfdata: bom\n\n",
    b": keep-alive\n\nevent: x\nid: 1\nretry: 5\ndata: a\ndata: b\ndata:c\ndata\n\n\n\n: c\r\n\r\ndata: end\n\n",
    b"\n\r\n\rdata: late\n\ndata: cut",
    b"data: mixed\r\n\ndata: ends\n\r\ndata: here\r\n\r",
    b"data:  two spaces\n\ndatabase: no\n\ndata : no\n\n",
];

#[test]
fn frames_carry_what_the_specification_dispatches() {
    for stream in STREAMS {
        assert_eq!(data_of(&frames([*stream])), dispatched(stream), "{}", stream.escape_ascii());
    }
}

#[test]
fn no_split_into_two_changes_a_frame() {
    for stream in STREAMS {
        let whole = frames([*stream]);
        for cut in 0..=stream.len() {
            let (left, right) = stream.split_at(cut);
            assert_eq!(frames([left, right]), whole, "{} at {cut}", stream.escape_ascii());
        }
    }
}

#[test]
fn no_split_into_three_nor_into_bytes_changes_a_frame() {
    for stream in STREAMS {
        let whole = frames([*stream]);
        assert_eq!(frames(stream.chunks(1)), whole);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(frames(pieces), whole, "{} at {first}, {second}", stream.escape_ascii());
            }
        }
    }
}

#[test]
fn frames_put_together_are_the_stream() {
    for stream in STREAMS {
        assert_eq!(frames([*stream]).concat(), *stream);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_in_any_pieces_give_the_frames_of_the_whole(
        stream in prop::collection::vec(prop::sample::select(b"data: x\n\r\r\n\n:[]{}\"\xff\xef\xbb\xbf".to_vec()), 0..80),
        cuts in prop::collection::vec(0_usize..80, 0..8),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).chain([0, stream.len()]).collect();
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        let whole = frames([&stream[..]]);
        prop_assert_eq!(&frames(pieces), &whole);
        prop_assert_eq!(whole.concat(), stream);
    }

    #[test]
    fn whatever_is_dispatched_is_found(
        stream in prop::collection::vec(prop::sample::select(b"data: xy\n\r\n".to_vec()), 0..120),
    ) {
        prop_assert_eq!(data_of(&frames([&stream[..]])), dispatched(&stream));
    }
}
