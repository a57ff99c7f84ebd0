//! The most tokens an image can cost, by model, `detail` and, where it is known, size.
//!
//! Rules from OpenAI's "Images and vision" guide, of two kinds. Tiles: fitted into 2048 × 2048, then 768 on the short
//! side, so at most 4 × 2 tiles of 512. Patches of 32 × 32: as many as cover the image, scaled down to a budget (1,536;
//! later models 2,500 or 10,000; the latest scale nothing down), times a multiplier of the model. An image that is
//! scaled down counts as its whole budget: how the sides are rounded on the way is not published to the pixel.
//!
//! For the models whose multiplier is not published the highest published one stands, 2.46; measured ones are lower.
//! The size is that of the image's own bytes ([`ImageSize`]); behind a URL it is unknown, and the largest counts.

use super::image_size::ImageSize;

/// Images in one request, as the provider has it.
pub const MAX_IMAGES: u64 = 1_500;

/// Tiles in the largest image: 2048 × 768.
const MAX_TILES: u64 = 8;
const TILE_SIDE: u64 = 512;
const LONGEST_SIDE: u64 = 2_048;
const SHORT_SIDE: u64 = 768;

const PATCH_SIDE: u64 = 32;
/// Patches that an image of unknown size can have where nothing is scaled down; the provider refuses larger ones.
const MOST_PATCHES: u64 = 30_000;
/// The highest published multiplier, in hundredths.
const TOP_MULTIPLIER: u64 = 246;

/// What a level of `detail` costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// So many tokens, whatever the size.
    Tokens(u64),
    /// So many for the image, and so many for each tile.
    Tiles { base: u64, tile: u64 },
    /// For each patch so many hundredths of a token, up to a budget of patches.
    Patches { budget: u64, multiplier: u64 },
    /// The same without a budget.
    AllPatches { multiplier: u64 },
}

/// Prices of `detail`; absent means `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ImageCost {
    low: Level,
    high: Level,
    auto: Level,
    original: Level,
}

impl Level {
    fn tokens(self, size: Option<ImageSize>) -> u64 {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Tiles { base, tile } => base + tile * size.map_or(MAX_TILES, tiles_of),
            Self::Patches { budget, multiplier } => {
                times(size.map_or(budget, |size| patches_of(size).min(budget)), multiplier)
            }
            Self::AllPatches { multiplier } => times(size.map_or(MOST_PATCHES, patches_of), multiplier),
        }
    }
}

/// Rounded up.
const fn times(patches: u64, multiplier: u64) -> u64 {
    patches.saturating_mul(multiplier).div_ceil(100)
}

fn patches_of(size: ImageSize) -> u64 {
    size.width.div_ceil(PATCH_SIDE).saturating_mul(size.height.div_ceil(PATCH_SIDE))
}

/// Tiles after both steps of scaling, neither of which makes an image larger. The sides stay fractions of whole numbers,
/// so that no rounding can lose a tile.
fn tiles_of(size: ImageSize) -> u64 {
    let (long, short) = (size.width.max(size.height), size.width.min(size.height));
    let fitted = long.min(LONGEST_SIDE);
    // The fitted short side is short × fitted / long.
    let (long_tiles, short_tiles) = if short * fitted > SHORT_SIDE * long {
        ((SHORT_SIDE * long).div_ceil(TILE_SIDE * short), SHORT_SIDE.div_ceil(TILE_SIDE))
    } else {
        (fitted.div_ceil(TILE_SIDE), (short * fitted).div_ceil(TILE_SIDE * long))
    };
    long_tiles * short_tiles
}

const fn tiles(base: u64, tile: u64) -> ImageCost {
    let full = Level::Tiles { base, tile };
    ImageCost { low: Level::Tokens(base), high: full, auto: full, original: full }
}

/// These models are reported to ignore `low`, so no detail is cheaper than another.
const fn patches_1536(multiplier: u64) -> ImageCost {
    let full = Level::Patches { budget: 1_536, multiplier };
    ImageCost { low: full, high: full, auto: full, original: full }
}

const GPT_5: ImageCost = tiles(70, 140);
const PATCHES_1536: ImageCost = patches_1536(TOP_MULTIPLIER);

const HIGH: Level = Level::Patches { budget: 2_500, multiplier: TOP_MULTIPLIER };
const ORIGINAL: Level = Level::Patches { budget: 10_000, multiplier: TOP_MULTIPLIER };
/// Nothing is scaled down.
const UNSCALED: Level = Level::AllPatches { multiplier: TOP_MULTIPLIER };
/// 512 × 512; smaller images may be enlarged to it.
const LOW: Level = Level::Tokens(times(256, TOP_MULTIPLIER));

const GPT_5_4: ImageCost = ImageCost { low: LOW, high: HIGH, auto: HIGH, original: ORIGINAL };
const GPT_5_5: ImageCost = ImageCost { auto: ORIGINAL, ..GPT_5_4 };
const GPT_5_6: ImageCost = ImageCost { auto: UNSCALED, original: UNSCALED, ..GPT_5_4 };

/// One rule of every kind, each the dearest of it: an image of an unknown model costs the most of them.
const UNKNOWN: &[ImageCost] = &[tiles(2_833, 5_667), PATCHES_1536, GPT_5_6];

/// Which rule holds for which models; the dearest counts where the guide names none. First match wins, so a longer
/// prefix stands before its shorter one.
const FAMILIES: &[(&str, &[ImageCost])] = &[
    ("gpt-4o-mini", &[tiles(2_833, 5_667)]),
    ("gpt-4o", &[tiles(85, 170)]),
    ("gpt-4.1-mini", &[patches_1536(162)]),
    ("gpt-4.1-nano", &[patches_1536(246)]),
    ("gpt-4.1", &[tiles(85, 170)]),
    ("gpt-4.5", &[tiles(85, 170)]),
    ("gpt-4-turbo", &[tiles(85, 170)]),
    ("gpt-5-mini", &[patches_1536(162)]),
    ("gpt-5-nano", &[patches_1536(246)]),
    ("gpt-5-codex", &[PATCHES_1536]),
    ("gpt-5.1-codex", &[PATCHES_1536]),
    ("gpt-5.1", &[GPT_5, PATCHES_1536]),
    ("gpt-5.2", &[PATCHES_1536]),
    ("gpt-5.3-codex", &[PATCHES_1536]),
    ("gpt-5.4-mini", &[patches_1536(162)]),
    ("gpt-5.4-nano", &[patches_1536(246)]),
    ("gpt-5.4", &[GPT_5_4]),
    ("gpt-5.5", &[GPT_5_5]),
    ("gpt-5.6", &[GPT_5_6]),
    ("gpt-6", &[GPT_5_6]),
    ("gpt-5-chat", &[GPT_5]),
    ("gpt-5-2025-08-07", &[GPT_5]),
    ("codex-mini", &[PATCHES_1536]),
    ("o4-mini", &[patches_1536(172)]),
    ("o1", &[tiles(75, 150)]),
    ("o3", &[tiles(75, 150)]),
];

/// The most tokens one image can cost on `model`; without a `size` the most that one of any size can.
pub fn image_tokens(model: &str, detail: Option<&str>, size: Option<ImageSize>) -> u64 {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let rules = match base {
        "gpt-5" => &[GPT_5],
        _ => {
            FAMILIES.iter().find(|(prefix, _)| base.starts_with(prefix)).map_or(UNKNOWN, |(_, rules)| *rules)
        }
    };
    let level = |rule: &ImageCost| match detail {
        Some("low") => rule.low,
        Some("high") => rule.high,
        Some("original") => rule.original,
        _ => rule.auto,
    };
    rules.iter().map(|rule| level(rule).tokens(size)).max().unwrap_or(0)
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
