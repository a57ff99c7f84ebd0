//! The phrases of every language, read once, and saying one of them.

use std::collections::HashMap;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use thiserror::Error;
use unic_langid::LanguageIdentifier;

use super::Language;

/// What is said does not exist, or not with these variables. Only a defect in `phrases/` leads here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PhraseError {
    /// A file of phrases cannot be read.
    #[error("the phrases of {language} are malformed: {problem}")]
    Malformed {
        /// The language's tag.
        language: &'static str,
        /// What the parser said.
        problem: String,
    },
    /// There is no such phrase.
    #[error("{language} has no phrase {phrase}")]
    Missing {
        /// The language's tag.
        language: &'static str,
        /// The phrase's name.
        phrase: String,
    },
    /// The phrase names a variable that it was not given.
    #[error("the phrase {phrase} of {language} cannot be said: {problem}")]
    Variables {
        /// The language's tag.
        language: &'static str,
        /// The phrase's name.
        phrase: String,
        /// What Fluent said.
        problem: String,
    },
}

/// The phrases of every language.
pub struct Phrasebook {
    bundles: HashMap<Language, FluentBundle<FluentResource>>,
}

impl Phrasebook {
    /// Reads every language's file.
    ///
    /// # Errors
    /// [`PhraseError::Malformed`].
    pub fn new() -> Result<Self, PhraseError> {
        let bundles = Language::ALL.into_iter().map(|language| Ok((language, bundle(language)?)));
        Ok(Self { bundles: bundles.collect::<Result<_, _>>()? })
    }

    /// Says `phrase` with these variables.
    ///
    /// # Errors
    /// [`PhraseError::Missing`] or [`PhraseError::Variables`].
    pub fn say(
        &self,
        language: Language,
        phrase: &str,
        variables: &[(&str, FluentValue<'_>)],
    ) -> Result<String, PhraseError> {
        let missing = || PhraseError::Missing { language: language.tag(), phrase: phrase.to_owned() };
        let bundle = self.bundles.get(&language).ok_or_else(missing)?;
        let pattern = bundle.get_message(phrase).and_then(|message| message.value()).ok_or_else(missing)?;
        let arguments: FluentArgs<'_> = variables.iter().cloned().collect();
        let mut problems = Vec::new();
        let said = bundle.format_pattern(pattern, Some(&arguments), &mut problems);
        match problems.first() {
            None => Ok(said.into_owned()),
            Some(problem) => Err(PhraseError::Variables {
                language: language.tag(),
                phrase: phrase.to_owned(),
                problem: problem.to_string(),
            }),
        }
    }
}

fn bundle(language: Language) -> Result<FluentBundle<FluentResource>, PhraseError> {
    let malformed = |problem: String| PhraseError::Malformed { language: language.tag(), problem };
    let identifier: LanguageIdentifier =
        language.tag().parse().map_err(|_| malformed("its tag is no language".to_owned()))?;
    let resource = FluentResource::try_new(language.phrases().to_owned())
        .map_err(|(_, problems)| malformed(format!("{problems:?}")))?;
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    // The marks would be there for texts of mixed direction; in a subject line they only disturb.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).map_err(|problems| malformed(format!("{problems:?}")))?;
    Ok(bundle)
}

#[cfg(test)]
#[path = "phrasebook_tests.rs"]
mod tests;
