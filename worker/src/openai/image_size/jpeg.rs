//! A JPEG up to its picture, segment by segment as libjpeg walks it: what a reader that takes a marker without a length for
//! one with a length finds further on is not what a decoder finds.

use super::Reading;

/// The largest frame before the first scan. Markers that no encoder writes there (those without a length, but for fill
/// bytes) leave the size in doubt.
pub(super) fn read(image: &[u8]) -> Reading {
    let number = |at: usize| Some(usize::from(u16::from_be_bytes(image.get(at..at + 2)?.try_into().ok()?)));
    let (mut at, mut found) = (2, None);
    loop {
        if image.get(at).is_some_and(|byte| *byte != 0xff) {
            return Reading::None;
        }
        while image.get(at) == Some(&0xff) {
            at += 1;
        }
        let (Some(marker), Some(length)) = (image.get(at).copied(), number(at + 1)) else {
            return Reading::Further;
        };
        match marker {
            0x00 | 0x01 | 0xd0..=0xd9 => return Reading::None,
            0xda => return found.map_or(Reading::None, |(width, height)| Reading::of(width, height)),
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (Some(height), Some(width)) = (number(at + 4), number(at + 6)) else {
                    return Reading::Further;
                };
                let (widest, highest) = found.unwrap_or_default();
                found = Some((widest.max(width as u64), highest.max(height as u64)));
                // A height of none comes after the scan.
                if height == 0 {
                    return Reading::None;
                }
            }
            _ => {}
        }
        if length < 2 {
            return Reading::None;
        }
        at += 1 + length;
    }
}
