#![allow(clippy::unwrap_used)]

use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use proptest::prelude::*;

use super::*;

fn url(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

fn size(bytes: &[u8]) -> Option<(u64, u64)> {
    ImageSize::of_url(&url(bytes)).map(|size| (size.width, size.height))
}

fn png(first_chunk: &[u8; 4], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend_from_slice(first_chunk);
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&[8, 2, 0, 0, 0, 1, 2, 3, 4]);
    bytes
}

/// A JPEG whose size comes after metadata of so many bytes, in which a smaller preview is.
fn jpeg(metadata_bytes: usize, width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"\xff\xd8".to_vec();
    let mut left = metadata_bytes;
    while left > 0 {
        let length = left.min(60_000);
        left -= length;
        bytes.extend_from_slice(b"\xff\xe1");
        bytes.extend_from_slice(&u16::try_from(length + 2).unwrap().to_be_bytes());
        let preview = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xd9";
        bytes.extend(preview.iter().copied().chain(std::iter::repeat(7)).take(length));
    }
    bytes.extend_from_slice(b"\xff\xc2\0\x11\x08");
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&[3; 10]);
    bytes.extend_from_slice(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0");
    bytes
}

/// The segment that says a size.
fn frame(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"\xff\xc0\0\x11\x08".to_vec();
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&[3; 10]);
    bytes
}

fn gif(screen: (u16, u16), frame: (u16, u16)) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend_from_slice(&screen.0.to_le_bytes());
    bytes.extend_from_slice(&screen.1.to_le_bytes());
    // A table of two colours, then an extension of one block.
    bytes.extend_from_slice(b"\x80\0\0\x01\x02\x03\x04\x05\x06\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0");
    bytes.extend_from_slice(&frame.0.to_le_bytes());
    bytes.extend_from_slice(&frame.1.to_le_bytes());
    bytes.extend_from_slice(b"\0\x02\x01\0");
    bytes
}

#[test]
fn each_format_tells_its_size() {
    assert_eq!(size(&png(b"IHDR", 1920, 1080)), Some((1920, 1080)));
    for metadata_bytes in [0, 20, 15_000, 200_000, 900_000] {
        assert_eq!(size(&jpeg(metadata_bytes, 4032, 3024)), Some((4032, 3024)), "{metadata_bytes}");
    }
    assert_eq!(size(&gif((640, 480), (640, 480))), Some((640, 480)));
    let extended = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x7f\x07\0\x37\x04\0\0\0\0\0";
    assert_eq!(size(extended), Some((1920, 1080)));
    let lossless = b"RIFF\x1a\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xc0\x3f\0\0\0\0\0\0\0\0";
    assert_eq!(size(lossless), Some((256, 256)));
    let lossy = b"RIFF\x1a\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01\0\0\0\0";
    assert_eq!(size(lossy), Some((640, 480)));
}

#[test]
fn bytes_that_another_decoder_could_read_as_a_larger_image_are_not_relied_on() {
    // A PNG that does not begin with its header, and a GIF with a frame beyond its screen.
    assert_eq!(size(&png(b"tEXt", 1, 1)), None);
    assert_eq!(size(&gif((1, 1), (3000, 2000))), Some((3000, 2000)));
    // No size, or none that is to be found.
    assert_eq!(size(&png(b"IHDR", 0, 5)), None);
    assert_eq!(size(&jpeg(900_000, 10, 10)[..800_000]), None);
    assert_eq!(size(b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0"), None);
    assert_eq!(size(b""), None);
}

#[test]
fn only_base64_in_a_data_url_is_read() {
    let bytes = png(b"IHDR", 3, 4);
    let unpadded = format!("data:image/webp;charset=x;BASE64,{}", STANDARD_NO_PAD.encode(&bytes));
    assert_eq!(ImageSize::of_url(&unpadded), Some(ImageSize { width: 3, height: 4 }));
    for url in
        ["https://e.com/a.png", "data:image/png,AAAA", "data:image/png;base64", "data:image/png;base64,*?"]
    {
        assert_eq!(ImageSize::of_url(url), None, "{url}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(head in 0..6_usize, tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let heads: [&[u8]; 6] = [b"", b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8", b"GIF87a\x01\0\x01\0\x80"];
        let bytes = [heads[head], &tail].concat();
        let _ = size(&bytes);
    }
}

#[test]
fn a_jpeg_whose_size_depends_on_the_reader_has_none_or_the_larger() {
    let scan: &[u8] = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0";
    let (small, large) = (frame(16, 16), frame(4000, 3000));
    let of = |parts: &[&[u8]]| size(&[b"\xff\xd8" as &[u8], &parts.concat()].concat());
    assert_eq!(of(&[&large, scan]), Some((4000, 3000)));
    assert_eq!(of(&[b"\xff\xff", &large, scan]), Some((4000, 3000)), "fill bytes have no length");
    assert_eq!(of(&[&small, &large, scan]), Some((4000, 3000)), "of two headers the larger counts");
    for marker in [b"\xff\xd0", b"\xff\xd7", b"\xff\x01", b"\xff\xd8", b"\xff\xd9", b"\xff\0"] {
        // A reader that takes what follows for a length finds the small frame behind it.
        assert_eq!(of(&[marker, &large, &small, scan]), None, "{marker:?}");
    }
    assert_eq!(of(&[b"\xff\xe1\0\x01", &large, scan]), None, "a length counts itself");
    assert_eq!(of(&[b"\x07", &large, scan]), None, "no marker");
    assert_eq!(of(&[&frame(16, 0), scan]), None, "a height that comes later");
    assert_eq!(of(&[&large]), None, "no picture");
}
