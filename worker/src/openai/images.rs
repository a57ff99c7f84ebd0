//! The most tokens an image can cost, by model and `detail`.
//!
//! The size of an image behind a URL is unknown, and the size its header states is the client's word, so every
//! image is held at the largest its `detail` allows. Rules from OpenAI's "Images and vision" guide, of two kinds.
//! Tiles: fitted into 2048 × 2048, then 768 on the short side, so at most 4 × 2 tiles of 512.
//! Patches of 32 × 32: a budget per image (1,536; later models 2,500, 10,000 or 30,000), times a multiplier.
//! For the models whose multiplier is not published the highest published one stands, 2.46; measured ones are lower.

/// Images in one request, as the provider has it.
pub const MAX_IMAGES: u64 = 1_500;

/// Tiles in the largest image: 2048 × 768.
const MAX_TILES: u64 = 8;

/// Prices of `detail` in tokens; absent means `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ImageCost {
    low: u64,
    high: u64,
    auto: u64,
    original: u64,
}

const fn tiles(base: u64, tile: u64) -> ImageCost {
    let full = base + MAX_TILES * tile;
    ImageCost { low: base, high: full, auto: full, original: full }
}

/// Patches at the multiplier 2.46, rounded up.
const fn at_top_multiplier(patches: u64) -> u64 {
    (patches * 246).div_ceil(100)
}

/// These models are reported to ignore `low`, so no detail is cheaper than another.
const PATCHES_1536: ImageCost = {
    let full = at_top_multiplier(1_536);
    ImageCost { low: full, high: full, auto: full, original: full }
};

/// `low` is 512 × 512 there.
const LOW_PATCHES: u64 = at_top_multiplier(256);
const HIGH_PATCHES: u64 = at_top_multiplier(2_500);
const ORIGINAL_PATCHES: u64 = at_top_multiplier(10_000);
/// Larger images are refused by the provider.
const UNSCALED_PATCHES: u64 = at_top_multiplier(30_000);

const GPT_5_4: ImageCost =
    ImageCost { low: LOW_PATCHES, high: HIGH_PATCHES, auto: HIGH_PATCHES, original: ORIGINAL_PATCHES };
const GPT_5_5: ImageCost = ImageCost { auto: ORIGINAL_PATCHES, ..GPT_5_4 };

/// The worst of every family, detail by detail.
const UNKNOWN: ImageCost = ImageCost {
    low: PATCHES_1536.low,
    high: 2_833 + MAX_TILES * 5_667,
    auto: UNSCALED_PATCHES,
    original: UNSCALED_PATCHES,
};

/// First match wins, so a longer prefix stands before its shorter one.
const FAMILIES: &[(&str, ImageCost)] = &[
    ("gpt-4o-mini", tiles(2_833, 5_667)),
    ("gpt-4o", tiles(85, 170)),
    ("gpt-4.1-mini", PATCHES_1536),
    ("gpt-4.1-nano", PATCHES_1536),
    ("gpt-4.1", tiles(85, 170)),
    ("gpt-4.5", tiles(85, 170)),
    ("gpt-4-turbo", tiles(85, 170)),
    ("gpt-5-mini", PATCHES_1536),
    ("gpt-5-nano", PATCHES_1536),
    ("gpt-5-codex", PATCHES_1536),
    ("gpt-5.1-codex", PATCHES_1536),
    ("gpt-5.2", PATCHES_1536),
    ("gpt-5.3-codex", PATCHES_1536),
    ("gpt-5.4-mini", PATCHES_1536),
    ("gpt-5.4-nano", PATCHES_1536),
    ("gpt-5.4", GPT_5_4),
    ("gpt-5.5", GPT_5_5),
    ("gpt-5-chat", tiles(70, 140)),
    ("gpt-5-2025-08-07", tiles(70, 140)),
    ("codex-mini", PATCHES_1536),
    ("o4-mini", PATCHES_1536),
    ("o1", tiles(75, 150)),
    ("o3", tiles(75, 150)),
];

/// The most tokens one image can cost on `model`.
pub fn image_tokens(model: &str, detail: Option<&str>) -> u64 {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let cost = match base {
        "gpt-5" => tiles(70, 140),
        _ => FAMILIES.iter().find(|(prefix, _)| base.starts_with(prefix)).map_or(UNKNOWN, |(_, cost)| *cost),
    };
    match detail {
        Some("low") => cost.low,
        Some("high") => cost.high,
        Some("original") => cost.original,
        _ => cost.auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Worked examples of the guide and amounts billed in practice, which must never exceed the bound.
    #[test]
    fn no_documented_example_exceeds_its_bound() {
        for (model, detail, billed) in [
            ("gpt-4o", Some("high"), 1_105),
            ("gpt-4o", Some("low"), 85),
            ("gpt-4o-2024-08-06", None, 1_445),
            ("gpt-4o-mini", Some("low"), 2_833),
            ("gpt-4.1-mini", None, 2_488),
            ("gpt-4.1-nano", Some("low"), 3_779),
            ("o4-mini", Some("high"), 2_642),
            ("gpt-5-mini", Some("high"), 2_488),
            ("gpt-5", None, 1_190),
            ("ft:gpt-4o-mini-2024-07-18:org::id", Some("high"), 48_169),
        ] {
            let bound = image_tokens(model, detail);
            assert!(bound >= billed, "{model} {detail:?}: {bound} < {billed}");
        }
    }

    #[test]
    fn an_unknown_model_costs_the_most_of_all() {
        for (prefix, _) in FAMILIES {
            for detail in [None, Some("auto"), Some("low"), Some("high"), Some("original")] {
                assert!(
                    image_tokens("gpt-99", detail) >= image_tokens(prefix, detail),
                    "{prefix} {detail:?}"
                );
            }
        }
    }
}
