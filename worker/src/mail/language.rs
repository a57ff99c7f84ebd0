//! The languages mails are written in.

/// A language with a file of its own in `phrases/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English; what is written to everybody whose language is not here.
    English,
    /// French.
    French,
}

impl Language {
    /// Every language there is.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// The language of a BCP 47 tag such as `fr` or `fr-CA`; English for those that are not here.
    pub fn from_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
            .unwrap_or(Self::English)
    }

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// Its phrases, in Fluent's syntax.
    pub(super) fn phrases(self) -> &'static str {
        match self {
            Self::English => include_str!("phrases/en.ftl"),
            Self::French => include_str!("phrases/fr.ftl"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_region_does_not_matter_and_what_is_unknown_is_written_to_in_english() {
        for (tag, language) in [
            ("fr", Language::French),
            ("FR", Language::French),
            ("fr-CA", Language::French),
            ("fr_BE", Language::French),
            ("en-GB", Language::English),
            ("de", Language::English),
            ("", Language::English),
            ("frr", Language::English),
        ] {
            assert_eq!(Language::from_tag(tag), language, "{tag}");
        }
    }
}
