//! What is run is what was chosen: each import has a version, and each version a lock.

use std::path::{Path, PathBuf};

use octroi_tests::template::checkout;

fn files(directory: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        match path.is_dir() {
            true if [".git", "node_modules", "target", ".local"].contains(&name.as_str()) => {}
            true => files(&path, wanted, found),
            false if wanted(&path) => found.push(path),
            false => {}
        }
    }
}

fn found(wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&checkout(), &wanted, &mut found);
    found
}

fn is_exact(version: &str) -> bool {
    let parts: Vec<&str> = version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn every_import_is_pinned_by_a_lock_file() {
    let manifests = found(|path| path.ends_with("package.json"));
    assert!(!manifests.is_empty());
    for manifest in manifests {
        assert!(manifest.with_file_name("package-lock.json").is_file(), "{} has no lock", manifest.display());
    }
    for lock in ["Cargo.lock", "tests/clients/rust/Cargo.lock"] {
        assert!(checkout().join(lock).is_file(), "{lock}");
    }
    for settings in found(|path| path.ends_with("deno.json")) {
        let text = std::fs::read_to_string(&settings).unwrap();
        let settings_json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let imports = settings_json["imports"].as_object().cloned().unwrap_or_default();
        for (name, target) in &imports {
            let version =
                target.as_str().unwrap().rsplit_once('@').map(|(_, version)| version).unwrap_or_default();
            assert!(is_exact(version), "{}: {name} is {target}, not one version", settings.display());
        }
        // An empty lock is one too: what is imported later has no place in it, and does not run.
        assert!(settings.with_file_name("deno.lock").is_file(), "{} has no lock", settings.display());
        assert_eq!(
            settings_json["lock"]["frozen"],
            true,
            "{}: nothing is added by running",
            settings.display()
        );
        assert!(text.contains("deno test --frozen"), "{}: tests take what the lock says", settings.display());
    }
}

#[test]
fn code_of_others_is_named_in_the_import_map_alone() {
    let root = checkout().join("supabase/functions");
    for source in found(|path| path.starts_with(&root) && path.extension().is_some_and(|kind| kind == "ts")) {
        for line in std::fs::read_to_string(&source).unwrap().lines() {
            let Some(from) = line.split(" from \"").nth(1).and_then(|rest| rest.split('"').next()) else {
                continue;
            };
            let is_remote = from.contains("://") || from.starts_with("npm:") || from.starts_with("jsr:");
            assert!(!is_remote, "{}: {from} has no place in the lock", source.display());
        }
    }
    let services = std::fs::read_to_string(checkout().join("stack/services.sh")).unwrap();
    assert!(services.contains("--frozen"), "functions are served with what the lock says");
}

#[test]
fn a_page_of_the_data_api_has_an_end() {
    let settings = std::fs::read_to_string(checkout().join("supabase/config.toml")).unwrap();
    let rows = settings.lines().find_map(|line| line.strip_prefix("max_rows = ")).expect("a cap on rows");
    assert!((1..=10_000).contains(&rows.parse::<u32>().unwrap()));
}
