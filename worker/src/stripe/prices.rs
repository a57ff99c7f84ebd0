//! Prices: found by lookup keys of ours. A price never changes; another amount is another price.

use stripe_product::price::{
    CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval, CreatePriceRecurringUsageType,
    CreatePriceTransformQuantity, CreatePriceTransformQuantityRound, ListPrice, UpdatePrice,
};

use super::{Stripe, StripeError, fresh_key};

/// Lookup keys that one call may ask for (Stripe's limit).
const KEYS_MAX: usize = 10;

/// A price to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrice<'p> {
    /// What it is found by.
    pub lookup_key: &'p str,
    /// The product it is a price of.
    pub product: &'p str,
    /// Of three letters.
    pub currency: &'p str,
    /// In the currency's minor unit.
    pub amount_minor: i64,
    /// `month` or `year`; none when paid once.
    pub interval: Option<&'p str>,
    /// For usage: the meter that counts it, and how many units are one slice.
    pub metered: Option<(&'p str, i64)>,
}

/// A price as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPrice {
    /// Its id.
    pub id: String,
    /// What it is found by.
    pub lookup_key: String,
    /// Of three letters.
    pub currency: String,
    /// In the currency's minor unit.
    pub amount_minor: Option<i64>,
    /// `month`, `year`, …; none when paid once.
    pub interval: Option<String>,
    /// Whether it is for sale.
    pub is_active: bool,
}

impl Stripe {
    /// The prices that have these lookup keys.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn prices(&self, lookup_keys: &[&str]) -> Result<Vec<ListedPrice>, StripeError> {
        let mut prices = Vec::new();
        for keys in lookup_keys.chunks(KEYS_MAX) {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            // A key belongs to one price at most, so there is never a second page.
            let page = self.get(&ListPrice::new().lookup_keys(keys).limit(100)).await?;
            prices.extend(page.data.iter().filter_map(listed));
        }
        Ok(prices)
    }

    /// Makes a price, once for each lookup key.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn create_price(&self, price: &NewPrice<'_>) -> Result<String, StripeError> {
        let currency: stripe_types::Currency = price
            .currency
            .parse()
            .map_err(|_| StripeError::Unreadable("a currency Stripe does not know".to_owned()))?;
        let mut request = CreatePrice::new(currency)
            .product(price.product)
            .lookup_key(price.lookup_key)
            .unit_amount(price.amount_minor);
        if let Some(recurring) = recurring(price) {
            request = request.recurring(recurring);
        }
        if let Some((_, slice)) = price.metered.filter(|(_, slice)| *slice > 1) {
            let round = CreatePriceTransformQuantityRound::Up;
            request = request.transform_quantity(CreatePriceTransformQuantity::new(slice, round));
        }
        let key = format!("octroi-price-{}", price.lookup_key);
        Ok(self.change(&request, &key).await?.id.to_string())
    }

    /// Puts a price on sale, or takes it off. Who pays it already goes on paying it.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn set_price_active(&self, id: &str, is_active: bool) -> Result<(), StripeError> {
        let request = UpdatePrice::new(id).active(is_active);
        self.change(&request, &fresh_key(id)).await.map(drop)
    }
}

fn recurring(price: &NewPrice<'_>) -> Option<CreatePriceRecurring> {
    let mut recurring = CreatePriceRecurring::new(match price.interval? {
        "year" => CreatePriceRecurringInterval::Year,
        _ => CreatePriceRecurringInterval::Month,
    });
    if let Some((meter, _)) = price.metered {
        recurring.meter = Some(meter.to_owned());
        recurring.usage_type = Some(CreatePriceRecurringUsageType::Metered);
    }
    Some(recurring)
}

fn listed(price: &stripe_shared::Price) -> Option<ListedPrice> {
    Some(ListedPrice {
        id: price.id.to_string(),
        lookup_key: price.lookup_key.clone()?,
        currency: price.currency.to_string(),
        amount_minor: price.unit_amount,
        interval: price.recurring.as_ref().map(|recurring| recurring.interval.to_string()),
        is_active: price.active,
    })
}
