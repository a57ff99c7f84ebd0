//! What every mail consists of, whatever it is about, and its two renderings.

use askama::Template;

use super::Language;

/// A mail in words, before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// The language it is written in.
    pub language: Language,
    /// The subject, also its heading.
    pub subject: String,
    /// What it says.
    pub paragraphs: Vec<String>,
    /// What it says in figures.
    pub facts: Vec<Fact>,
    /// What the reader can do about it.
    pub actions: Vec<Link>,
    /// What stands between a name and its figure: a colon, as the language sets it.
    pub colon: String,
    /// Why the reader gets it.
    pub reason: String,
    /// How to get no more of its kind; none in what is about the contract.
    pub unsubscribe: Option<Link>,
    /// Who writes.
    pub service: String,
}

/// A figure with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// What it is.
    pub label: String,
    /// How much it is.
    pub value: String,
}

/// Somewhere to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// What the reader finds there.
    pub label: String,
    /// Where it is.
    pub url: String,
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct PlainText<'l> {
    letter: &'l Letter,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'l> {
    letter: &'l Letter,
}

impl Letter {
    /// For programs that show no HTML, and people who want none.
    pub(super) fn plain_text(&self) -> askama::Result<String> {
        PlainText { letter: self }.render()
    }

    /// Everything in it escaped; it loads nothing from anywhere.
    pub(super) fn html(&self) -> askama::Result<String> {
        Html { letter: self }.render()
    }
}
