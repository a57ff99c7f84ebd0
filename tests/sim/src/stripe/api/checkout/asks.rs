//! What the page does beside taking the money, and which of that goes together.

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::stripe::api::customers::Customer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::World;

/// The languages of the page (Stripe's API reference).
const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA",
    "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru",
    "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// What a session asks of its customer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Asks {
    pub automatic_tax: bool,
    pub tax_ids: bool,
    pub promotion_codes: bool,
    pub requires_address: bool,
    pub requires_terms: bool,
    pub locale: Option<String>,
    /// What is entered on the page becomes the customer's own.
    pub updates_name: bool,
    pub updates_address: bool,
}

impl Asks {
    /// Takes them, and refuses what Stripe refuses.
    pub fn take(world: &World, customer: Option<&str>, params: &mut Params) -> Result<Self, ApiError> {
        let (updates_name, updates_address) = take_update(customer, params)?;
        let consent = params.object("consent_collection")?;
        let asks = Self {
            automatic_tax: enabled(params, "automatic_tax", &["liability"])?,
            tax_ids: enabled(params, "tax_id_collection", &["required"])?,
            promotion_codes: params.boolean("allow_promotion_codes")?.unwrap_or(false),
            requires_address: params.one_of("billing_address_collection", &["auto", "required"])?
                == Some("required"),
            requires_terms: take_consent(consent)?,
            locale: params.one_of("locale", LOCALES)?.map(str::to_owned),
            updates_name,
            updates_address,
        };
        asks.check(world, customer)?;
        Ok(asks)
    }

    fn check(&self, world: &World, customer: Option<&str>) -> Result<(), ApiError> {
        let known = customer.and_then(|id| world.customers.get(id));
        if self.automatic_tax && world.settings.tax_basis_points.is_none() {
            let message = "You must have a valid head office address to enable automatic tax calculation in test \
                           mode. Visit https://dashboard.stripe.com/test/settings/tax to update it.";
            return Err(ApiError::impossible(message));
        }
        if self.automatic_tax && known.is_some_and(|of| !has_country(of)) && !self.updates_address {
            let message = "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid \
                           address to the Customer or set either `customer_update[address]` to 'auto' or \
                           `customer_update[shipping]` to 'auto' to save the address entered in Checkout to the \
                           Customer.";
            return Err(ApiError::impossible_because("customer_tax_location_invalid", message));
        }
        if self.tax_ids && customer.is_some() && !self.updates_name {
            let message = "Tax ID collection requires updating business name on the customer. To enable tax ID \
                           collection for an existing customer, please set `customer_update[name]` to `auto`.";
            return Err(ApiError::impossible(message));
        }
        if self.requires_terms && !world.settings.has_terms_url {
            let message = "You cannot collect consent to your terms of service unless a URL is set in the Stripe \
                           Dashboard. Update your public business details in the Dashboard \
                           https://dashboard.stripe.com/settings/public with a Terms of service URL to collect \
                           terms of service consent.";
            return Err(ApiError::impossible(message));
        }
        Ok(())
    }
}

/// Whether Stripe knows where a customer is, as far as taxes go.
pub fn has_country(customer: &Customer) -> bool {
    let address = customer.address.as_ref();
    address.is_some_and(|address| address["country"].as_str().is_some_and(|country| !country.is_empty()))
}

/// `invoice_creation` goes with payments only: a subscription makes its invoices by itself.
pub fn takes_invoice(mode: Mode, params: &Params) -> Result<(), ApiError> {
    if mode == Mode::Subscription && params.has("invoice_creation") {
        let message = "You can only enable invoice creation when `mode` is set to `payment`. Invoices are created \
                       automatically when `mode` is set to `subscription`.";
        return Err(ApiError::parameter("parameter_invalid", "invoice_creation", message));
    }
    Ok(())
}

fn enabled(params: &mut Params, name: &str, ignored: &[&str]) -> Result<bool, ApiError> {
    let Some(mut given) = params.object(name)? else { return Ok(false) };
    let missing = given.name("enabled");
    let enabled = given.boolean("enabled")?.ok_or_else(|| ApiError::missing(&missing))?;
    given.ignore(ignored);
    given.finish()?;
    Ok(enabled)
}

fn take_update(customer: Option<&str>, params: &mut Params) -> Result<(bool, bool), ApiError> {
    let Some(mut update) = params.object("customer_update")? else { return Ok((false, false)) };
    if customer.is_none() {
        let message = "`customer_update` can only be used with `customer`.";
        return Err(ApiError::parameter("parameter_invalid", "customer_update", message));
    }
    let mut is_auto = |name: &str| update.one_of(name, &["auto", "never"]).map(|given| given == Some("auto"));
    let found = (is_auto("name")?, is_auto("address")?);
    is_auto("shipping")?;
    update.finish()?;
    Ok(found)
}

fn take_consent(consent: Option<Params>) -> Result<bool, ApiError> {
    let Some(mut consent) = consent else { return Ok(false) };
    let terms = consent.one_of("terms_of_service", &["none", "required"])?;
    consent.ignore(&["promotions", "payment_method_reuse_agreement"]);
    consent.finish()?;
    Ok(terms == Some("required"))
}
