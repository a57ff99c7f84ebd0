use time::macros::datetime;

use super::*;

/// Narrow no-break space, which groups digits in French.
const NARROW: &str = "\u{202f}";

fn in_each(say: impl Fn(&Wording<'_>) -> String) -> [String; 2] {
    in_zone(None, say)
}

fn in_zone(zone: Option<&str>, say: impl Fn(&Wording<'_>) -> String) -> [String; 2] {
    let phrases = Phrasebook::new().unwrap();
    Language::ALL.map(|language| say(&Wording::new(&phrases, language, zone).unwrap()))
}

fn narrow(text: &str) -> String {
    text.replace('_', NARROW)
}

#[test]
fn numbers_are_grouped_and_counted_as_the_language_does() {
    for (amount, english, french) in [
        (0, "0 tokens", "0 jeton"),
        (1, "1 token", "1 jeton"),
        (2, "2 tokens", "2 jetons"),
        (999, "999 tokens", "999 jetons"),
        (1_000, "1,000 tokens", "1_000 jetons"),
        (80_000, "80,000 tokens", "80_000 jetons"),
        (1_000_000, "1,000,000 tokens", "1_000_000 de jetons"),
        (1_500_000, "1,500,000 tokens", "1_500_000 jetons"),
        (2_000_000, "2,000,000 tokens", "2_000_000 de jetons"),
        (-5, "-5 tokens", "-5 jetons"),
        (i64::MAX, "9,223,372,036,854,775,807 tokens", "9_223_372_036_854_775_807 jetons"),
    ] {
        let said = in_each(|wording| wording.amount(Meter::Tokens, amount).unwrap());
        assert_eq!(said, [english.to_owned(), narrow(french)]);
    }
    let said = in_each(|wording| wording.amount(Meter::Requests, 1).unwrap());
    assert_eq!(said, ["1 request", "1 requête"]);
}

#[test]
fn percentages_follow_the_language() {
    assert_eq!(in_each(|wording| wording.percent(80).unwrap()), ["80%".to_owned(), narrow("80_%")]);
}

#[test]
fn money_has_the_digits_of_its_currency() {
    for (minor, currency, english, french) in [
        (1_299, "usd", "USD 12.99", "12,99 USD"),
        (123_450, "eur", "EUR 1,234.50", "1_234,50 EUR"),
        (5, "gbp", "GBP 0.05", "0,05 GBP"),
        (1_500, "jpy", "JPY 1,500", "1_500 JPY"),
        (1_500, "kwd", "KWD 1.500", "1,500 KWD"),
        (150_000, "isk", "ISK 1,500.00", "1_500,00 ISK"),
    ] {
        let said = in_each(|wording| wording.money(minor, currency).unwrap());
        assert_eq!(said, [english.to_owned(), narrow(french)]);
    }
    // 12.349 USD of use, to whole cents.
    let said = in_each(|wording| wording.amount(Meter::Cost, 12_349_000_000).unwrap());
    assert_eq!(said, ["USD 12.34", "12,34 USD"]);
}

#[test]
fn instants_are_told_in_the_reader_s_zone_and_say_which() {
    let said = |zone, at| in_zone(zone, move |wording| wording.instant(at).unwrap());
    assert_eq!(
        said(None, datetime!(2026-12-01 00:00 UTC)),
        ["1 December 2026 at 00:00 (UTC)", "1er décembre 2026 à 00:00 (UTC)"]
    );
    assert_eq!(
        said(Some("Europe/Paris"), datetime!(2026-07-13 22:30:59 UTC)),
        ["14 July 2026 at 00:30 (Europe/Paris)", "14 juillet 2026 à 00:30 (Europe/Paris)"]
    );
    // The hour that daylight saving skips in New York.
    assert_eq!(
        said(Some("America/New_York"), datetime!(2027-03-14 07:00 UTC))[0],
        "14 March 2027 at 03:00 (America/New_York)"
    );
    assert_eq!(
        said(Some("Mars/Olympus"), datetime!(2028-02-29 12:05 UTC))[0],
        "29 February 2028 at 12:05 (UTC)"
    );
}

#[test]
fn every_month_has_its_name() {
    let names = |language: usize| -> Vec<String> {
        (0..12)
            .map(|ahead| {
                let at = datetime!(2026-01-15 12:00 UTC)
                    .replace_month(time::Month::January.nth_next(ahead))
                    .unwrap();
                let said = &in_each(|wording| wording.instant(at).unwrap())[language];
                said.split(' ').nth(1).unwrap().to_owned()
            })
            .collect()
    };
    let english = "January February March April May June July August September October November December";
    let french = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre";
    assert_eq!(names(0).join(" "), english);
    assert_eq!(names(1).join(" "), french);
}
