//! What the documents list in full: a field of the plan file or a header that is added without a line there fails.

use std::collections::BTreeSet;
use std::path::Path;

use octroi_tests::template::checkout;

fn text(path: &str) -> String {
    std::fs::read_to_string(checkout().join(path)).unwrap()
}

/// What stands between `open` and the next `close`, wherever `open` stands.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.split(open).skip(1).map(|rest| rest.split_once(close).unwrap_or((rest, "")).0).collect()
}

fn missing(document: &str, names: &BTreeSet<String>) -> Vec<String> {
    let document = text(document);
    names.iter().filter(|name| !document.contains(&format!("`{name}`"))).cloned().collect()
}

#[test]
fn every_field_of_a_plan_file_is_described() {
    let faults = text("supabase/migrations/20261122000510_plan_faults.sql");
    let known: BTreeSet<String> = between(&faults, "unknown_keys(", ";")
        .into_iter()
        .flat_map(|call| {
            between(call, "array[", "]").first().map(|list| between(list, "'", "'")).unwrap_or_default()
        })
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    // as many as the sample uses, at the least: the list above was found
    assert!(known.len() >= 20 && known.contains("spend_cap"), "{known:?}");
    let undocumented: Vec<String> = missing("docs/plans.md", &known)
        .into_iter()
        // the tables themselves have headings
        .filter(|name| !["plan", "top_up"].contains(&name.as_str()))
        .collect();
    assert!(undocumented.is_empty(), "docs/plans.md does not describe {undocumented:?}");
}

/// The sources below a directory, without their tests.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("_tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

#[test]
fn every_header_that_the_gateway_reads_or_sends_is_described() {
    let mut gateway = Vec::new();
    sources(&checkout().join("worker/src/gateway"), &mut gateway);
    let named: BTreeSet<String> = gateway
        .iter()
        .flat_map(|source| {
            let constants = between(source, "HeaderName::from_static(\"", "\"");
            let literals = between(source, "\"x-", "\"").into_iter();
            constants.into_iter().map(str::to_owned).chain(literals.map(|rest| format!("x-{rest}")))
        })
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
        .collect();
    assert!(named.contains("x-usage-id") && named.contains("x-ratelimit-reset-tokens"), "{named:?}");
    assert_eq!(undescribed(&named), Vec::<&str>::new());
}

/// Those of the headers that docs/headers.md does not describe.
fn undescribed(names: &BTreeSet<String>) -> Vec<&str> {
    let document = text("docs/headers.md").to_ascii_lowercase();
    names.iter().map(String::as_str).filter(|name| !document.contains(&format!("`{name}`"))).collect()
}

#[test]
fn every_header_that_browsers_ask_with_or_are_told_is_described() {
    let source = text("worker/src/gateway/cors.rs");
    let [layer] = between(&source, "CorsLayer::new()", "\n}")[..] else { panic!("one layer: {source}") };
    let told = between(layer, "\n        .", "(").into_iter().map(|rule| rule.replace('_', "-"));
    let mut names: BTreeSet<String> = told.map(|rule| format!("access-control-{rule}")).collect();
    assert!(names.contains("access-control-allow-origin") && names.len() >= 5, "{names:?}");
    // what a preflight asks with is the browsers' own, and an answer that depends on it varies by it
    names.extend(
        ["origin", "vary", "access-control-request-method", "access-control-request-headers"]
            .map(str::to_owned),
    );
    assert_eq!(undescribed(&names), Vec::<&str>::new());
}

/// Lines of the page's own sources below a directory; what npm installs there is none of them.
fn lines_of(directory: &Path) -> usize {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.ends_with("node_modules") => 0,
            _ if path.is_dir() => lines_of(&path),
            Some("js" | "html" | "css") => std::fs::read_to_string(&path).unwrap().lines().count(),
            _ => 0,
        })
        .sum()
}

#[test]
fn the_example_is_a_page_of_300_lines() {
    let lines = lines_of(&checkout().join("examples/web"));
    assert!((100..=300).contains(&lines), "examples/web has {lines} lines");
}

#[test]
fn readme_is_read_in_ten_minutes() {
    let lines = text("README.md").lines().count();
    assert!(lines < 150, "README.md has {lines} lines");
}

/// The models that a text names: in a body, as an argument, or as the constant of a program.
fn models_named(text: &str) -> Vec<&str> {
    ["\"model\":\"", "\"model\": \"", "model=\"", "const MODEL = \""]
        .iter()
        .flat_map(|open| between(text, open, "\""))
        .collect()
}

#[test]
fn what_a_stranger_tries_first_names_models_that_every_sample_plan_offers() {
    let plans = text("plans.toml");
    let offered: Vec<&str> = between(&plans, "\nmodels = [", "]");
    assert!(offered.len() >= 3, "{offered:?}");
    for path in
        ["README.md", "stack/show.sh", "stack/demo/run.mjs", "examples/web/src/main.js", "docs/functions.md"]
    {
        let source = text(path);
        let named = models_named(&source);
        assert!(!named.is_empty(), "{path} names no model");
        for model in named {
            let quoted = format!("\"{model}\"");
            assert!(
                offered.iter().all(|models| models.contains(&quoted)),
                "{path}: {model} is not in every plan"
            );
        }
    }
}
