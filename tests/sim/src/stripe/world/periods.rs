//! Billing periods: month by month from the original anchor, so that the 31st comes back after February.

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

/// How long a period is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// The unit.
    pub unit: Unit,
    /// How many of them.
    pub count: i64,
}

/// The unit of an interval.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// A calendar month.
    Month,
    /// Twelve of them.
    Year,
}

impl Unit {
    /// Its name in Stripe's objects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The unit of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month, Self::Year].into_iter().find(|unit| unit.name() == name)
    }
}

const DAY: i64 = 86_400;
/// How far the guess of a period's number can be off: months are shorter than 31 days, and that adds up.
const MAX_STEPS: i64 = 1000;

impl Interval {
    /// The end of the period that contains `at`, where periods are counted from `anchor`.
    pub fn end_after(self, anchor: i64, at: i64) -> i64 {
        // Counted from the anchor, never from the last end: a clamped 28 February must not stay.
        let guess = (at - anchor).div_euclid(self.longest()).max(-1);
        let ends = (guess..guess + MAX_STEPS).map(|number| self.nth(anchor, number));
        ends.into_iter().find(|end| *end > at).unwrap_or(i64::MAX)
    }

    /// The moment `number` intervals after `anchor`.
    fn nth(self, anchor: i64, number: i64) -> i64 {
        let steps = number * self.count;
        match self.unit {
            Unit::Day => anchor + steps * DAY,
            Unit::Week => anchor + steps * 7 * DAY,
            Unit::Month => add_months(anchor, steps),
            Unit::Year => add_months(anchor, steps * 12),
        }
    }

    /// Seconds that no interval of this kind exceeds.
    fn longest(self) -> i64 {
        let days = match self.unit {
            Unit::Day => 1,
            Unit::Week => 7,
            Unit::Month => 31,
            Unit::Year => 366,
        };
        days * DAY * self.count
    }
}

/// `at` moved by calendar months in UTC; a day that the month does not have becomes its last.
fn add_months(at: i64, months: i64) -> i64 {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp(at) else { return at };
    let index = i64::from(moment.year()) * 12 + i64::from(u8::from(moment.month())) - 1 + months;
    let (Ok(year), Ok(month)) = (i32::try_from(index.div_euclid(12)), u8::try_from(index.rem_euclid(12) + 1))
    else {
        return at;
    };
    let Ok(month) = Month::try_from(month) else { return at };
    let day = moment.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).map_or(at, |date| moment.replace_date(date).unix_timestamp())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const MONTHLY: Interval = Interval { unit: Unit::Month, count: 1 };
    const YEARLY: Interval = Interval { unit: Unit::Year, count: 1 };

    #[test]
    fn the_31st_is_shortened_and_comes_back() {
        let anchor = datetime!(2027-12-31 10:00 UTC).unix_timestamp();
        let mut at = anchor;
        let ends: Vec<OffsetDateTime> = (0..4)
            .map(|_| {
                at = MONTHLY.end_after(anchor, at);
                OffsetDateTime::from_unix_timestamp(at).unwrap()
            })
            .collect();
        let expected = [
            datetime!(2028-01-31 10:00 UTC),
            datetime!(2028-02-29 10:00 UTC),
            datetime!(2028-03-31 10:00 UTC),
            datetime!(2028-04-30 10:00 UTC),
        ];
        assert_eq!(ends, expected);
    }

    #[test]
    fn a_year_from_29_february_ends_on_the_28th_until_the_next_leap_year() {
        let anchor = datetime!(2028-02-29 00:00 UTC).unix_timestamp();
        let first = YEARLY.end_after(anchor, anchor);
        assert_eq!(first, datetime!(2029-02-28 00:00 UTC).unix_timestamp());
        let third = datetime!(2031-06-01 00:00 UTC).unix_timestamp();
        assert_eq!(YEARLY.end_after(anchor, third), datetime!(2032-02-29 00:00 UTC).unix_timestamp());
    }

    #[test]
    fn an_anchor_in_the_future_has_a_first_short_period() {
        let anchor = datetime!(2026-12-01 00:00 UTC).unix_timestamp();
        let start = datetime!(2026-11-22 00:00 UTC).unix_timestamp();
        assert_eq!(MONTHLY.end_after(anchor, start), anchor);
    }
}
