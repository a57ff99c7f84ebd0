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
    let document = text("docs/headers.md").to_ascii_lowercase();
    let undocumented: Vec<&String> =
        named.iter().filter(|name| !document.contains(&format!("`{name}`"))).collect();
    assert!(undocumented.is_empty(), "docs/headers.md does not describe {undocumented:?}");
}
