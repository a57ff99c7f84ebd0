//! A breach of personal data that puts its reader at a high risk (GDPR, Article 34).

use std::collections::BTreeMap;

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Content, fact};
use crate::mail::single_line::paragraph;
use crate::mail::wording::{Wording, WordingError};

/// The language that every notice has.
const FALLBACK: &str = "en";

/// A breach that its reader must know of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Breach {
    /// When the operator became aware of it.
    #[serde(with = "time::serde::rfc3339")]
    pub detected_at: OffsetDateTime,
    /// Whom to ask.
    pub contact: String,
    /// What the operator has to say, by language.
    pub notice: BTreeMap<String, BreachNotice>,
}

/// What the operator has to say, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BreachNotice {
    /// What happened, in plain words.
    pub happened: String,
    /// What it may lead to.
    pub consequences: String,
    /// What was done about it.
    pub measures: String,
    /// What the reader can do.
    pub advice: String,
}

impl Breach {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let when = wording.instant(self.detected_at)?;
        let mut paragraphs = vec![wording.say("breach-lead", &[("when", &when)])?];
        let notice = self.notice.get(wording.language().tag()).or_else(|| self.notice.get(FALLBACK));
        if let Some(notice) = notice {
            paragraphs.push(paragraph(&notice.happened));
            for (phrase, text) in [
                ("breach-consequences", &notice.consequences),
                ("breach-measures", &notice.measures),
                ("breach-advice", &notice.advice),
            ] {
                paragraphs.push(wording.say(phrase, &[("text", &paragraph(text))])?);
            }
        }
        Ok(Content {
            subject: wording.text("breach-subject")?,
            paragraphs,
            facts: vec![fact(wording, "breach-contact", paragraph(&self.contact))?],
            actions: Vec::new(),
        })
    }
}
