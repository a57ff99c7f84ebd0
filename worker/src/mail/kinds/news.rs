//! What is new, in the operator's own words.

use serde::Deserialize;

use super::{Content, link};
use crate::mail::Language;
use crate::mail::single_line::line_of;
use crate::mail::wording::{Wording, WordingError};

/// Longest subject, in characters.
const SUBJECT_CHARACTERS_MAX: usize = 200;
/// Longest paragraph, in characters.
const PARAGRAPH_CHARACTERS_MAX: usize = 2_000;

/// What is new, in the operator's own words. Only who consented gets it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct News {
    /// In English, and in every language that has no words of its own.
    pub en: NewsText,
    /// In French.
    #[serde(default)]
    pub fr: Option<NewsText>,
    /// Where to read on.
    #[serde(default)]
    pub url: Option<String>,
}

/// The words of one language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewsText {
    /// The subject.
    pub subject: String,
    /// What it says.
    pub paragraphs: Vec<String>,
}

impl News {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let text = match wording.language() {
            Language::English => &self.en,
            Language::French => self.fr.as_ref().unwrap_or(&self.en),
        };
        Ok(Content {
            subject: line_of(&text.subject, SUBJECT_CHARACTERS_MAX),
            paragraphs: text.paragraphs.iter().map(|said| line_of(said, PARAGRAPH_CHARACTERS_MAX)).collect(),
            facts: Vec::new(),
            actions: link(wording, "news-do", self.url.as_deref())?.into_iter().collect(),
        })
    }
}
