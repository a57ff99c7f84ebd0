//! The size of an image that is sent along as a data URL, read from its own bytes.
//!
//! The provider decodes the same bytes, so a size that no decoder could take for another one is no mere word of the
//! client's. Where the beginning leaves room for two readings (a PNG that does not begin with its header, a GIF whose
//! frame is larger than its screen, a JPEG with two headers), the larger one counts, or none.

mod jpeg;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use imagesize::ImageType;

/// Bytes that are decoded to find the size. All formats but JPEG have it at the very beginning; in a JPEG it comes
/// after the metadata, a preview among them. What is not found there is looked for in the whole image.
const FIRST_LOOK_BYTES: usize = 16 * 1024;
const SECOND_LOOK_BYTES: usize = 512 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Width and height in pixels, neither of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels in a row.
    pub width: u64,
    /// Rows.
    pub height: u64,
}

impl ImageSize {
    /// The size of the image in a `data:` URL; none for another URL, another format than PNG, JPEG, GIF and WebP, and
    /// for bytes that do not say their size beyond doubt.
    pub fn of_url(url: &str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        if !head.to_ascii_lowercase().ends_with(";base64") {
            return None;
        }
        let data = data.as_bytes();
        for look_bytes in [FIRST_LOOK_BYTES, SECOND_LOOK_BYTES, usize::MAX] {
            // Four characters are three bytes.
            let characters = (look_bytes / 3).saturating_mul(4).min(data.len());
            match Self::read(&BASE64.decode(&data[..characters]).ok()?) {
                Reading::Size(size) => return Some(size),
                Reading::Further if characters < data.len() => {}
                Reading::Further | Reading::None => return None,
            }
        }
        None
    }

    fn read(image: &[u8]) -> Reading {
        let is_sound = match imagesize::image_type(image) {
            Ok(ImageType::Png) => image.get(12..16) == Some(b"IHDR"),
            Ok(ImageType::Webp) => true,
            Ok(ImageType::Jpeg) => return jpeg::read(image),
            Ok(ImageType::Gif) => return gif(image),
            _ => false,
        };
        if !is_sound {
            return Reading::None;
        }
        match imagesize::blob_size(image) {
            Ok(size) => Reading::of(size.width as u64, size.height as u64),
            Err(imagesize::ImageError::IoError(_)) => Reading::Further,
            Err(_) => Reading::None,
        }
    }
}

/// What the beginning of an image says.
enum Reading {
    Size(ImageSize),
    /// The size stands further on.
    Further,
    /// Nothing that can be relied on.
    None,
}

impl Reading {
    fn of(width: u64, height: u64) -> Self {
        if width == 0 || height == 0 { Self::None } else { Self::Size(ImageSize { width, height }) }
    }
}

/// The larger of a GIF's screen and its first frame. The provider takes no animations.
fn gif(image: &[u8]) -> Reading {
    let number =
        |at: usize| image.get(at..at + 2).map(|pair| u64::from(u16::from_le_bytes([pair[0], pair[1]])));
    let (Some(width), Some(height), Some(flags)) = (number(6), number(8), image.get(10)) else {
        return Reading::None;
    };
    let color_table_bytes = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + color_table_bytes;
    loop {
        match image.get(at) {
            // An extension: its label, then blocks with their length before them, up to one of none.
            Some(0x21) => {
                at += 2;
                while let Some(length) = image.get(at).filter(|length| **length > 0) {
                    at += 1 + usize::from(*length);
                }
                at += 1;
            }
            Some(0x2c) => {
                let corner = |from: usize, extent: usize| Some(number(at + from)? + number(at + extent)?);
                return match (corner(1, 5), corner(3, 7)) {
                    (Some(right), Some(bottom)) => Reading::of(width.max(right), height.max(bottom)),
                    _ => Reading::Further,
                };
            }
            Some(_) => return Reading::None,
            None => return Reading::Further,
        }
    }
}

#[cfg(test)]
#[path = "image_size_tests.rs"]
mod tests;
