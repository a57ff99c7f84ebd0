//! Saying things to one reader: in their language, with numbers, money and dates as it writes them, in their time zone.

use fluent_bundle::FluentValue;
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use thiserror::Error;
use time::OffsetDateTime;

use super::currency::minor_digits;
use super::phrasebook::{PhraseError, Phrasebook};
use super::{Language, Meter};

/// Nano-USD in a cent.
const NANO_USD_PER_CENT: i64 = 10_000_000;

/// Something cannot be put into words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WordingError {
    /// A phrase is missing or malformed.
    #[error(transparent)]
    Phrase(#[from] PhraseError),
    /// There is no data about how the language writes numbers.
    #[error("the numbers of {language} cannot be written: {problem}")]
    Numbers {
        /// The language's tag.
        language: &'static str,
        /// What ICU4X said.
        problem: String,
    },
    /// An instant beyond the calendar.
    #[error("an instant is out of range")]
    Instant,
}

/// How one reader is written to.
pub(super) struct Wording<'p> {
    phrases: &'p Phrasebook,
    language: Language,
    numbers: DecimalFormatter,
    plurals: PluralRules,
    zone: TimeZone,
    /// As shown after a time of day.
    zone_name: String,
}

impl<'p> Wording<'p> {
    /// Writes in `language`; instants are told in `zone`, an IANA name, or in UTC when it is none.
    pub(super) fn new(
        phrases: &'p Phrasebook,
        language: Language,
        zone: Option<&str>,
    ) -> Result<Self, WordingError> {
        let numbers = |problem: String| WordingError::Numbers { language: language.tag(), problem };
        let locale: Locale = language.tag().parse().map_err(|_| numbers("no such locale".to_owned()))?;
        let known = zone.and_then(|name| Some((TimeZone::get(name).ok()?, name.to_owned())));
        let (zone, zone_name) = known.unwrap_or((TimeZone::UTC, "UTC".to_owned()));
        Ok(Self {
            phrases,
            language,
            numbers: DecimalFormatter::try_new((&locale).into(), Default::default())
                .map_err(|error| numbers(error.to_string()))?,
            plurals: PluralRules::try_new_cardinal((&locale).into())
                .map_err(|error| numbers(error.to_string()))?,
            zone,
            zone_name,
        })
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// A phrase without variables.
    pub(super) fn text(&self, phrase: &str) -> Result<String, WordingError> {
        self.say(phrase, &[])
    }

    /// A phrase with variables that are texts.
    pub(super) fn say(&self, phrase: &str, variables: &[(&str, &str)]) -> Result<String, WordingError> {
        let variables: Vec<(&str, FluentValue<'_>)> =
            variables.iter().map(|(name, text)| (*name, FluentValue::from(*text))).collect();
        Ok(self.phrases.say(self.language, phrase, &variables)?)
    }

    /// `80%`, `80 %`.
    pub(super) fn percent(&self, number: i64) -> Result<String, WordingError> {
        self.say("percent", &[("number", &self.number(Decimal::from(number)))])
    }

    /// So many tokens or requests, or so much money.
    pub(super) fn amount(&self, meter: Meter, amount: i64) -> Result<String, WordingError> {
        let phrase = match meter {
            Meter::Tokens => "tokens",
            Meter::Requests => "requests",
            // Cut to whole cents, as everywhere people read it; the ledger has the exact figure.
            Meter::Cost => return self.money(amount / NANO_USD_PER_CENT, "usd"),
        };
        let plural = category(self.plurals.category_for(amount));
        self.say(phrase, &[("number", &self.number(Decimal::from(amount))), ("plural", plural)])
    }

    /// Money as Stripe tells it: an amount in the currency's smallest unit and the currency's code.
    pub(super) fn money(&self, minor_units: i64, currency: &str) -> Result<String, WordingError> {
        let currency = currency.to_ascii_uppercase();
        let mut number = Decimal::from(minor_units);
        number.multiply_pow10(-minor_digits(&currency));
        self.say("money", &[("number", &self.number(number)), ("currency", &currency)])
    }

    /// Day, time of day to the minute, and the zone they are told in.
    pub(super) fn instant(&self, at: OffsetDateTime) -> Result<String, WordingError> {
        let at = Timestamp::from_second(at.unix_timestamp()).map_err(|_| WordingError::Instant)?;
        let at = at.to_zoned(self.zone.clone());
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        self.say("date-and-time", &[("date", &self.date(&at)?), ("time", &time), ("zone", &self.zone_name)])
    }

    fn date(&self, at: &Zoned) -> Result<String, WordingError> {
        let parts: [(&str, FluentValue<'_>); 3] =
            [("day", at.day().into()), ("month", at.month().into()), ("year", at.year().into())];
        Ok(self.phrases.say(self.language, "date", &parts)?)
    }

    fn number(&self, number: Decimal) -> String {
        self.numbers.format(&number).to_string()
    }
}

fn category(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        _ => "other",
    }
}

#[cfg(test)]
#[path = "wording_tests.rs"]
mod tests;
