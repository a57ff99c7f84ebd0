//! Finds the frames of a server-sent event stream, byte by byte.
//!
//! The scanner says where a frame ends and looks at every byte once, whatever the pieces it arrives in; its state
//! is all that crosses a split. Lines end in LF, CRLF or CR. A frame ends with the first byte that proves an empty
//! line, so the LF of a final CRLF belongs to the next frame: a rule that no split can change.

use std::borrow::Cow;

/// Largest frame, in bytes. The last one of a Responses stream repeats the whole answer, its instructions and
/// its tools, so it must exceed the largest body accepted (32 MiB by default).
pub const MAX_FRAME_BYTES: usize = 48 * 1024 * 1024;

/// Where in a frame the scanner stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    /// Nothing but line ends since the last frame: empty lines there are no frames.
    #[default]
    Between,
    /// As `Between`, just after a CR.
    BetweenAfterCr,
    /// In a line with content.
    InLine,
    /// At the start of a line, after at least one with content.
    LineStart,
    /// As `LineStart`, just after a CR, whose LF may follow.
    LineStartAfterCr,
}

/// Finds frame ends.
#[derive(Clone, Debug, Default)]
pub struct FrameScanner {
    position: Position,
}

impl FrameScanner {
    /// Scans bytes that follow those scanned before. Returns the length up to and including the end of the
    /// frame, leaving the rest to the next call; `None` if the frame goes on beyond these bytes.
    pub fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        use Position::{Between, BetweenAfterCr, InLine, LineStart, LineStartAfterCr};
        let mut index = 0;
        while index < bytes.len() {
            if self.position == InLine {
                // The hot path: most bytes of a stream are inside a line.
                match bytes[index..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                    Some(offset) => index += offset,
                    None => return None,
                }
            }
            let byte = bytes[index];
            index += 1;
            self.position = match (self.position, byte) {
                (InLine, b'\r') => LineStartAfterCr,
                (InLine, b'\n') | (LineStartAfterCr, b'\n') => LineStart,
                (LineStart | LineStartAfterCr, b'\r') => {
                    self.position = BetweenAfterCr;
                    return Some(index);
                }
                (LineStart, b'\n') => {
                    self.position = Between;
                    return Some(index);
                }
                (Between | BetweenAfterCr, b'\r') => BetweenAfterCr,
                (Between | BetweenAfterCr, b'\n') => Between,
                _ => InLine,
            };
        }
        None
    }
}

/// The data of one frame: its `data:` lines joined by LF, without the one space after the colon.
/// `None` if it has no data line (a comment, a keep-alive, a bare event name).
pub fn frame_data(frame: &[u8]) -> Option<Cow<'_, [u8]>> {
    let frame = frame.strip_prefix(b"\xef\xbb\xbf").unwrap_or(frame);
    let mut data: Option<Cow<'_, [u8]>> = None;
    for line in frame.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Some(value) = field_value(line) else { continue };
        data = Some(match data {
            None => Cow::Borrowed(value),
            Some(earlier) => {
                let mut joined = earlier.into_owned();
                joined.push(b'\n');
                joined.extend_from_slice(value);
                Cow::Owned(joined)
            }
        });
    }
    data
}

fn field_value(line: &[u8]) -> Option<&[u8]> {
    match line.strip_prefix(b"data")? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
