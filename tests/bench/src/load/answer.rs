//! The two things of an HTTP/1.1 answer that must be understood: its status, and where its body ends.

use anyhow::{Context, Result, bail};

/// Status line and headers.
#[derive(Debug)]
pub struct Head {
    /// Status.
    pub status: u16,
    /// How the body is delimited.
    pub body: Body,
}

impl Head {
    /// The head at the start of `bytes` and its length; none while it is incomplete.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end]).context("a head is not UTF-8")?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .with_context(|| format!("not an HTTP answer: {text}"))?;
        let mut body = Body::Sized { left: 0 };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                body = Body::Sized { left: value.trim().parse().context("content-length is no number")? };
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                body = Body::Chunked { left: 0, at: Place::Size };
            }
        }
        Ok(Some((Self { status, body }, end + 4)))
    }
}

/// What is left of a body.
#[derive(Debug)]
pub enum Body {
    /// So many bytes.
    Sized {
        /// Bytes to come.
        left: usize,
    },
    /// Chunks, until an empty one.
    Chunked {
        /// Bytes to come of the chunk being read.
        left: usize,
        /// Where in the coding the next byte is.
        at: Place,
    },
}

/// A place in the chunked coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before a chunk's size.
    Size,
    /// Within a chunk.
    Data,
    /// Before the line break after a chunk.
    Break,
    /// Before the line break after the last, empty chunk.
    End,
}

impl Body {
    /// Reads what it can of `bytes`, hands each part on, and returns how many bytes it used and whether that was all.
    pub fn read(&mut self, bytes: &[u8], mut part: impl FnMut(&[u8])) -> Result<(usize, bool)> {
        match self {
            Self::Sized { left } => {
                let used = bytes.len().min(*left);
                if used > 0 {
                    part(&bytes[..used]);
                }
                *left -= used;
                Ok((used, *left == 0))
            }
            Self::Chunked { left, at } => read_chunks(left, at, bytes, part),
        }
    }
}

fn read_chunks(
    left: &mut usize,
    at: &mut Place,
    bytes: &[u8],
    mut part: impl FnMut(&[u8]),
) -> Result<(usize, bool)> {
    let mut used = 0;
    loop {
        let rest = &bytes[used..];
        match *at {
            Place::Size => {
                let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
                    return Ok((used, false));
                };
                let size = std::str::from_utf8(&rest[..end])?.split(';').next().unwrap_or_default().trim();
                *left = usize::from_str_radix(size, 16).with_context(|| format!("no chunk size: {size}"))?;
                *at = if *left == 0 { Place::End } else { Place::Data };
                used += end + 2;
            }
            Place::Data => {
                let taken = rest.len().min(*left);
                if taken > 0 {
                    part(&rest[..taken]);
                }
                *left -= taken;
                used += taken;
                if *left > 0 {
                    return Ok((used, false));
                }
                *at = Place::Break;
            }
            Place::Break | Place::End => {
                let Some(two) = rest.get(..2) else { return Ok((used, false)) };
                if two != b"\r\n" {
                    bail!("a chunk does not end in a line break");
                }
                used += 2;
                if *at == Place::End {
                    return Ok((used, true));
                }
                *at = Place::Size;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Head, Place};

    #[test]
    fn a_chunked_body_is_the_same_however_it_is_split() {
        let wire =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n3;x=y\r\n 1\n\r\n0\r\n\r\n";
        for split in 0..wire.len() {
            let mut pending: Vec<u8> = wire[..split].to_vec();
            let mut later = Some(&wire[split..]);
            let (head, length) = loop {
                if let Some(read) = Head::read(&pending).unwrap_or_else(|error| unreachable!("{error}")) {
                    break read;
                }
                pending.extend_from_slice(later.take().unwrap_or_default());
            };
            pending.drain(..length);
            let mut body = head.body;
            assert!(matches!(body, Body::Chunked { at: Place::Size, .. }));
            let mut whole = Vec::new();
            loop {
                let (used, ended) = body
                    .read(&pending, |part| whole.extend_from_slice(part))
                    .unwrap_or_else(|error| unreachable!("{error}"));
                pending.drain(..used);
                if ended {
                    break;
                }
                pending.extend_from_slice(later.take().unwrap_or_default());
            }
            assert_eq!(whole, b"data: 1\n");
            assert!(pending.is_empty());
        }
    }
}
