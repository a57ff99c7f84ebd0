//! What a quantity costs at a price, in exact decimals, rounded once.

use serde::{Deserialize, Serialize};

use super::{Price, Round, Tier, TiersMode};

/// Digits behind the point that Stripe allows in a unit amount.
const DECIMALS: u32 = 12;
/// The largest amount: no sum of them leaves its type.
const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
const ONE: i128 = 10_i128.pow(DECIMALS);

/// An amount in the currency's smallest unit, with twelve decimals.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Exact(i128);

impl Exact {
    /// A whole amount.
    pub fn whole(amount: i64) -> Self {
        Self(i128::from(amount) * ONE)
    }

    /// An amount as Stripe writes it, such as `0.05`.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.chars().all(|digit| digit.is_ascii_digit());
        let decimals = usize::try_from(DECIMALS).ok()?;
        if whole.is_empty()
            || whole.len() > 12
            || fraction.len() > decimals
            || !digits(whole)
            || !digits(fraction)
        {
            return None;
        }
        let fraction: i128 = format!("{fraction:0<decimals$}").parse().ok()?;
        Some(Self(whole.parse::<i128>().ok()? * ONE + fraction))
    }

    /// Without trailing zeros.
    pub fn text(self) -> String {
        let fraction = format!("{:012}", self.0.unsigned_abs() % ONE.unsigned_abs());
        let text = format!("{}.{fraction}", self.0 / ONE);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// The whole amount, if it is one.
    pub fn whole_or_none(self) -> Option<i64> {
        if self.0 % ONE == 0 { i64::try_from(self.0 / ONE).ok() } else { None }
    }

    fn times(self, quantity: i64) -> Self {
        Self(self.0.saturating_mul(i128::from(quantity)))
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Half a unit is rounded up.
    fn rounded(self) -> i64 {
        let rounded = self.0.saturating_add(ONE / 2).div_euclid(ONE);
        i64::try_from(rounded).unwrap_or(MAX_AMOUNT).min(MAX_AMOUNT)
    }
}

impl Price {
    /// What `quantity` costs, in the currency's smallest unit. Less than nothing costs nothing.
    pub fn amount(&self, quantity: i64) -> i64 {
        let quantity = self.transformed(quantity.max(0));
        match &self.tiers {
            None => self.unit_amount.unwrap_or(Exact::whole(0)).times(quantity).rounded(),
            Some((TiersMode::Volume, tiers)) => volume(tiers, quantity).rounded(),
            Some((TiersMode::Graduated, tiers)) => graduated(tiers, quantity).rounded(),
        }
    }

    fn transformed(&self, quantity: i64) -> i64 {
        match self.transform {
            None => quantity,
            Some((divide_by, Round::Up)) => quantity / divide_by + i64::from(quantity % divide_by != 0),
            Some((divide_by, Round::Down)) => quantity / divide_by,
        }
    }
}

fn volume(tiers: &[Tier], quantity: i64) -> Exact {
    let tier = tiers.iter().find(|tier| tier.up_to.is_none_or(|up_to| quantity <= up_to));
    tier.map_or(Exact::whole(0), |tier| tier.unit.times(quantity).plus(tier.flat))
}

fn graduated(tiers: &[Tier], quantity: i64) -> Exact {
    let mut total = Exact::whole(0);
    let mut reached = 0;
    for tier in tiers {
        let upper = tier.up_to.unwrap_or(i64::MAX).min(quantity);
        // The flat amount of the first tier is due even for nothing.
        if upper > reached || reached == 0 {
            total = total.plus(tier.unit.times(upper - reached)).plus(tier.flat);
        }
        reached = upper.max(reached);
        if reached >= quantity {
            break;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_unit(unit: &str) -> Price {
        Price { unit_amount: Exact::parse(unit), ..Price::for_test() }
    }

    #[test]
    fn fractions_of_a_cent_are_summed_before_they_are_rounded() {
        assert_eq!(per_unit("0.05").amount(1_000), 50);
        assert_eq!(per_unit("0.05").amount(9), 0);
        assert_eq!(per_unit("0.05").amount(10), 1, "half a cent is rounded up");
        assert_eq!(per_unit("0.000000000001").amount(1), 0);
    }

    #[test]
    fn packages_are_counted_whole() {
        let price = Price { transform: Some((1_000, Round::Up)), ..per_unit("50") };
        assert_eq!([0, 1, 1_000, 1_001].map(|quantity| price.amount(quantity)), [0, 50, 50, 100]);
        let price = Price { transform: Some((1_000, Round::Down)), ..per_unit("50") };
        assert_eq!([999, 1_000].map(|quantity| price.amount(quantity)), [0, 50]);
    }

    #[test]
    fn tiers_are_volume_or_graduated() {
        let tier = |up_to, unit: &str, flat| Tier {
            up_to,
            unit: Exact::parse(unit).unwrap(),
            flat: Exact::whole(flat),
        };
        let tiers = vec![tier(Some(100), "0", 0), tier(Some(200), "2", 10), tier(None, "1", 0)];
        let price = |mode| Price { tiers: Some((mode, tiers.clone())), ..per_unit("0") };
        let at = |mode, quantity| price(mode).amount(quantity);
        assert_eq!([100, 101, 250].map(|quantity| at(TiersMode::Graduated, quantity)), [0, 12, 260]);
        assert_eq!([100, 101, 250].map(|quantity| at(TiersMode::Volume, quantity)), [0, 212, 250]);
    }

    #[test]
    fn decimals_are_written_as_they_were_read() {
        for text in ["0.05", "12", "0.000000000001", "1000.5"] {
            assert_eq!(Exact::parse(text).unwrap().text(), text);
        }
        assert_eq!(Exact::parse("-1"), None);
        assert_eq!(Exact::parse("1e3"), None);
    }
}
