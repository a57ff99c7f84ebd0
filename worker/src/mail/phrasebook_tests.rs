//! The files of phrases beside each other.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;

use super::*;

/// Every phrase of a language and the variables it names.
fn phrases(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut phrases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in language.phrases().lines().filter(|line| !line.starts_with('#')) {
        if let Some((start, _)) =
            line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            name = start.to_owned();
            assert!(phrases.insert(name.clone(), BTreeSet::new()).is_none(), "{name} twice in {language:?}");
        }
        let variables = line.split('$').skip(1).map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>()
        });
        phrases.entry(name.clone()).or_default().extend(variables);
    }
    phrases.retain(|name, _| !name.is_empty());
    phrases
}

#[test]
fn every_language_has_every_phrase_with_the_same_variables() {
    let english = phrases(Language::English);
    assert!(english.len() > 50);
    for language in Language::ALL {
        assert_eq!(phrases(language), english, "{language:?} on the left, English on the right");
    }
}

#[test]
fn every_file_is_read_without_a_complaint() {
    for language in Language::ALL {
        let resource = FluentResource::try_new(language.phrases().to_owned()).unwrap();
        assert_eq!(resource.entries().count(), phrases(language).len());
    }
    Phrasebook::new().unwrap();
}

#[test]
fn a_phrase_that_is_not_there_or_lacks_a_variable_is_an_error_by_name() {
    let book = Phrasebook::new().unwrap();
    let error = book.say(Language::French, "no-such-phrase", &[]).unwrap_err();
    assert_eq!(error.to_string(), "fr has no phrase no-such-phrase");
    let error = book.say(Language::English, "percent", &[]).unwrap_err();
    assert!(matches!(error, PhraseError::Variables { ref phrase, .. } if phrase == "percent"), "{error}");
}
