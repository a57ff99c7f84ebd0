use super::*;

/// What customers read of all this.
const REQUESTS: &str = include_str!("../../../docs/requests.md");

fn sized(width: u64, height: u64) -> Option<ImageSize> {
    Some(ImageSize { width, height })
}

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
        ("gpt-6-astra", None, 14_364),
        ("ft:gpt-4o-mini-2024-07-18:org::id", Some("high"), 48_169),
    ] {
        let bound = image_tokens(model, detail, None);
        assert!(bound >= billed, "{model} {detail:?}: {bound} < {billed}");
    }
}

// The guide's examples and those of OpenAI's own price calculator, where nothing has to be guessed.
#[test]
fn a_known_size_is_held_to_the_token() {
    for (model, detail, size, billed) in [
        ("gpt-4o", None, (150, 150), 255),
        ("gpt-4o", Some("high"), (512, 512), 255),
        ("gpt-4o", Some("high"), (1024, 1024), 765),
        ("gpt-4o", Some("high"), (2048, 4096), 1_105),
        ("gpt-4o", Some("low"), (4096, 8192), 85),
        ("gpt-4o-mini", None, (512, 512), 8_500),
        ("gpt-4o-mini", None, (1024, 1024), 25_501),
        ("gpt-5", None, (1024, 1024), 630),
        ("o1", None, (1024, 1024), 675),
        ("gpt-4.1-mini", None, (1024, 1024), 1_659),
        ("gpt-4.1-nano", None, (1024, 1024), 2_520),
        ("o4-mini", None, (1024, 1024), 1_762),
    ] {
        assert_eq!(image_tokens(model, detail, sized(size.0, size.1)), billed, "{model} {detail:?} {size:?}");
    }
}

// Measured by third parties off the API's own usage: huggingface.co/datasets/JOHNISKING/image-token-cost, and for
// gpt-5-mini and gpt-4.1-mini developers' reports in OpenAI's forum.
#[test]
fn no_measured_size_exceeds_its_bound_nor_is_held_far_above_it() {
    for (model, detail, size, billed) in [
        ("gpt-6-astra", None, (256, 256), 77),
        ("gpt-6-astra", None, (1920, 1080), 2_448),
        ("gpt-6-astra", None, (4032, 3024), 14_364),
        ("gpt-6-astra", Some("high"), (4032, 3024), 2_942),
        ("gpt-6-astra", Some("high"), (2560, 1440), 2_931),
        ("gpt-5.5", None, (1280, 720), 1_104),
        ("gpt-5.5", None, (4032, 3024), 11_868),
        ("gpt-5-mini", None, (768, 1024), 922),
        ("gpt-5-mini", None, (2048, 768), 1_844),
        ("gpt-4.1-mini", None, (2400, 1800), 2_353),
    ] {
        let bound = image_tokens(model, detail, sized(size.0, size.1));
        assert!(
            bound >= billed && bound <= billed * 22 / 10,
            "{model} {detail:?} {size:?}: {bound} for {billed}"
        );
    }
}

#[test]
fn no_size_costs_more_than_an_unknown_one_up_to_what_the_provider_takes() {
    for (model, _) in FAMILIES.iter().chain(&[("gpt-99", UNKNOWN)]) {
        for detail in [None, Some("low"), Some("high"), Some("original")] {
            for (width, height) in
                [(1, 1), (1, 8000), (769, 768), (1025, 1536), (2049, 769), (5000, 5000), (4, 900_000)]
            {
                let known = image_tokens(model, detail, sized(width, height));
                assert!(
                    known <= image_tokens(model, detail, None),
                    "{model} {detail:?} {width} × {height}: {known}"
                );
            }
        }
    }
}

#[test]
fn an_unknown_model_costs_the_most_of_all() {
    for (prefix, _) in FAMILIES {
        for detail in [None, Some("auto"), Some("low"), Some("high"), Some("original")] {
            for size in [None, sized(64, 64), sized(512, 512), sized(1024, 3000), sized(9000, 9000)] {
                assert!(
                    image_tokens("gpt-99", detail, size) >= image_tokens(prefix, detail, size),
                    "{prefix} {detail:?} {size:?}"
                );
            }
        }
    }
}

/// The rows of the document's table whose heading begins so.
fn documented(heading: &str) -> Vec<&'static str> {
    let below = REQUESTS.lines().skip_while(|line| !line.starts_with(heading));
    below.skip(2).take_while(|line| line.starts_with('|')).collect()
}

/// The rows that such a table should have: the models of each rule, and a cell for each level of `detail`.
fn rows(cell: impl Fn(&[ImageCost], fn(&ImageCost) -> Level) -> String) -> Vec<String> {
    const DETAILS: [fn(&ImageCost) -> Level; 4] =
        [|rule| rule.low, |rule| rule.high, |rule| rule.auto, |rule| rule.original];
    let mut models: Vec<(Vec<&str>, &[ImageCost])> = Vec::new();
    for (name, rules) in FAMILIES.iter().chain(&[("gpt-5 itself", &[GPT_5] as &[_]), ("any other", UNKNOWN)])
    {
        match models.iter_mut().find(|(_, known)| known == rules) {
            Some((names, _)) => names.push(name),
            None => models.push((vec![name], rules)),
        }
    }
    let row = |(names, rules): (Vec<&str>, &[ImageCost])| {
        format!("| {} | {} |", names.join(", "), DETAILS.map(|detail| cell(rules, detail)).join(" | "))
    };
    models.into_iter().map(row).collect()
}

/// With commas, as the document has it.
fn written(number: u64) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", written(thousands)),
    }
}

/// The formula, as the document has it.
fn formula(level: Level) -> String {
    let factor = |hundredths: u64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
    match level {
        Level::Tokens(tokens) => written(tokens),
        Level::Tiles { base, tile } => format!("{} + {} × tiles", written(base), written(tile)),
        Level::Patches { budget, multiplier } => {
            format!("{} × min(patches, {})", factor(multiplier), written(budget))
        }
        Level::AllPatches { multiplier } => format!("{} × patches", factor(multiplier)),
    }
}

#[test]
fn the_document_has_the_formula_of_every_model() {
    let table = rows(|rules, detail| {
        let formulas: Vec<String> = rules.iter().map(|rule| formula(detail(rule))).collect();
        match formulas.as_slice() {
            _ if rules == UNKNOWN => "the most of all these".to_owned(),
            [only] => only.clone(),
            several => format!("max({})", several.join(", ")),
        }
    });
    assert_eq!(documented("| an image in the body "), table);
}

#[test]
fn the_document_has_the_most_that_an_image_behind_a_url_is_held_at() {
    let table =
        rows(|rules, detail| written(rules.iter().map(|rule| detail(rule).tokens(None)).max().unwrap()));
    assert_eq!(documented("| an image behind a URL "), table);
}

#[test]
fn the_document_s_photograph_is_held_at_what_it_says() {
    let held = |model| written(image_tokens(model, None, sized(1024, 1024)));
    let told = format!(
        "A photograph of 1,024 × 1,024 is held at {} tokens for gpt-5.4 and gpt-5.6-luna, at {} for gpt-5.4-mini and at {} \
         for gpt-4o.",
        held("gpt-5.4"),
        held("gpt-5.4-mini"),
        held("gpt-4o")
    );
    assert_eq!(held("gpt-5.6-luna"), held("gpt-5.4"));
    assert!(
        REQUESTS.split_whitespace().collect::<Vec<_>>().join(" ").contains(&told),
        "it should say: {told}"
    );
}
