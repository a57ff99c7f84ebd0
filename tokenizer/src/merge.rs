//! Byte-pair encoding of one piece, counting only.
//!
//! A piece starts as single bytes; the adjacent pair that is the earliest token is merged until none is left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// Up to this many bytes a plain search for the next pair beats a heap.
const SHORT_PIECE_BYTES: usize = 64;

/// No pair to merge.
const NONE: u32 = u32::MAX;

/// Tokens of a piece, which is not empty.
pub(crate) fn count(vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
    if vocabulary.rank(piece).is_some() {
        return 1;
    }
    if piece.len() <= SHORT_PIECE_BYTES {
        count_short(vocabulary, piece)
    } else {
        count_long(vocabulary, piece)
    }
}

fn count_short(vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
    // Parts by their start, with the rank of the pair each makes with the next; one entry marks the end.
    let mut parts = [(0_usize, NONE); SHORT_PIECE_BYTES + 1];
    let mut length = piece.len();
    for (start, part) in parts.iter_mut().enumerate().take(length + 1) {
        let rank = piece.get(start..start + 2).and_then(|pair| vocabulary.rank(pair));
        *part = (start, rank.unwrap_or(NONE));
    }
    while let Some((index, &(_, rank))) = parts[..length].iter().enumerate().min_by_key(|(_, part)| part.1)
        && rank != NONE
    {
        parts.copy_within(index + 2..=length, index + 1);
        length -= 1;
        for left in [index.checked_sub(1), Some(index)].into_iter().flatten() {
            let pair = (left + 2 <= length).then(|| &piece[parts[left].0..parts[left + 2].0]);
            parts[left].1 = pair.and_then(|pair| vocabulary.rank(pair)).unwrap_or(NONE);
        }
    }
    length as u64
}

/// A part of a long piece, in a list linked by position. A part's index is where it starts.
#[derive(Clone, Copy)]
struct Part {
    previous: u32,
    end: u32,
    /// The rank of the pair with the next part; an entry in the heap with another rank is out of date.
    rank: u32,
}

fn count_long(vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
    // Callers bound a piece far below 4 GiB, so positions fit 32 bits.
    let mut list =
        Parts { vocabulary, piece, parts: Vec::with_capacity(piece.len()), heap: BinaryHeap::new() };
    for start in 0..piece.len() as u32 {
        list.parts.push(Part { previous: start.wrapping_sub(1), end: start + 1, rank: NONE });
    }
    (0..piece.len() as u32).for_each(|start| list.rank_pair(start));
    let mut tokens = piece.len() as u64;
    while let Some(Reverse((rank, start))) = list.heap.pop() {
        if list.parts[start as usize].rank == rank {
            list.merge(start);
            tokens -= 1;
        }
    }
    tokens
}

struct Parts<'a> {
    vocabulary: &'a Vocabulary,
    piece: &'a [u8],
    parts: Vec<Part>,
    /// Pairs by rank, then by position: of equal ones the leftmost merges first.
    heap: BinaryHeap<Reverse<(u32, u32)>>,
}

impl Parts<'_> {
    fn rank_pair(&mut self, start: u32) {
        let next = self.parts[start as usize].end;
        let pair_end = self.parts.get(next as usize).map(|part| part.end);
        let pair = pair_end.map(|end| &self.piece[start as usize..end as usize]);
        let rank = pair.and_then(|pair| self.vocabulary.rank(pair));
        self.parts[start as usize].rank = rank.unwrap_or(NONE);
        if let Some(rank) = rank {
            self.heap.push(Reverse((rank, start)));
        }
    }

    fn merge(&mut self, start: u32) {
        let absorbed = self.parts[start as usize].end;
        let end = self.parts[absorbed as usize].end;
        self.parts[absorbed as usize].rank = NONE;
        self.parts[start as usize].end = end;
        if let Some(next) = self.parts.get_mut(end as usize) {
            next.previous = start;
        }
        self.rank_pair(start);
        let previous = self.parts[start as usize].previous;
        if start > 0 {
            self.rank_pair(previous);
        }
    }
}
