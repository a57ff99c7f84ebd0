//! The copy of a streamed response that is kept for a replay.

use bytes::{Bytes, BytesMut};

/// Collects what goes to the client, up to a bound; past it nothing is kept.
pub(super) struct KeptBody {
    collected: BytesMut,
    /// None once the body has outgrown it, or when nothing is to be kept.
    max_bytes: Option<usize>,
}

impl KeptBody {
    /// Keeps at most `max_bytes`; none keeps nothing.
    pub fn new(max_bytes: Option<usize>) -> Self {
        Self { collected: BytesMut::new(), max_bytes }
    }

    /// Adds bytes handed to the client.
    pub fn push(&mut self, bytes: &[u8]) {
        let Some(max_bytes) = self.max_bytes else { return };
        if self.collected.len() + bytes.len() > max_bytes {
            self.collected = BytesMut::new();
            self.max_bytes = None;
        } else {
            self.collected.extend_from_slice(bytes);
        }
    }

    /// The whole body, if it was kept.
    pub fn finish(self) -> Option<Bytes> {
        self.max_bytes.map(|_| self.collected.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_whole_or_not_at_all() {
        let mut kept = KeptBody::new(Some(4));
        kept.push(b"ab");
        kept.push(b"cd");
        assert_eq!(kept.finish().as_deref(), Some(b"abcd".as_slice()));

        let mut kept = KeptBody::new(Some(4));
        kept.push(b"abc");
        kept.push(b"de");
        kept.push(b"f");
        assert_eq!(kept.finish(), None);
    }

    #[test]
    fn nothing_is_kept_unless_asked() {
        let mut kept = KeptBody::new(None);
        kept.push(b"ab");
        assert_eq!(kept.finish(), None);
    }
}
