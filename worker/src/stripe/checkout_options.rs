//! What a checkout page does beside taking the money, in the combinations that Stripe allows.

use std::collections::HashMap;

use serde::Deserialize;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionConsentCollection,
    CreateCheckoutSessionConsentCollectionTermsOfService, CreateCheckoutSessionCustomerUpdate,
    CreateCheckoutSessionCustomerUpdateAddress, CreateCheckoutSessionCustomerUpdateName,
    CreateCheckoutSessionInvoiceCreation, CreateCheckoutSessionInvoiceCreationInvoiceData,
    CreateCheckoutSessionTaxIdCollection,
};
use stripe_shared::{CheckoutSessionBillingAddressCollection, CheckoutSessionLocale};

use super::NewCheckout;
use super::checkout::REQUEST;

/// The operator's choices, as SQL kept them with the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CheckoutOptions {
    /// Stripe adds taxes by where the customer is.
    pub automatic_tax: bool,
    /// Businesses may give a tax id.
    pub tax_ids: bool,
    /// `required` asks for the whole address; else Stripe asks for what it needs.
    pub billing_address: String,
    /// Customers may enter a code.
    pub promotion_codes: bool,
    /// The page's language; `auto` is the browser's.
    pub locale: String,
    /// Customers have to accept the terms that the dashboard links.
    pub require_terms: bool,
    /// What is paid once gets an invoice; what recurs always does.
    pub invoice: bool,
}

/// Asks for what the options say. An existing customer's name and address are changed by the page only where Stripe
/// insists: for a tax id it wants the business's name, for taxes an address to work from.
pub(super) fn apply(request: CreateCheckoutSession, checkout: &NewCheckout<'_>) -> CreateCheckoutSession {
    let options = checkout.options;
    let mut request = request;
    if options.billing_address == "required" {
        request = request.billing_address_collection(CheckoutSessionBillingAddressCollection::Required);
    }
    if options.automatic_tax {
        request = request.automatic_tax(CreateCheckoutSessionAutomaticTax::new(true));
    }
    if options.tax_ids {
        request = request.tax_id_collection(CreateCheckoutSessionTaxIdCollection::new(true));
    }
    if options.automatic_tax || options.tax_ids {
        let mut update = CreateCheckoutSessionCustomerUpdate::new();
        update.address = Some(CreateCheckoutSessionCustomerUpdateAddress::Auto);
        update.name = options.tax_ids.then_some(CreateCheckoutSessionCustomerUpdateName::Auto);
        request = request.customer_update(update);
    }
    if options.promotion_codes {
        request = request.allow_promotion_codes(true);
    }
    // A name that Stripe does not know is passed on, and refused by it.
    let Ok(locale) = options.locale.parse::<CheckoutSessionLocale>();
    if !matches!(options.locale.as_str(), "" | "auto") {
        request = request.locale(locale);
    }
    if options.require_terms {
        let mut consent = CreateCheckoutSessionConsentCollection::new();
        consent.terms_of_service = Some(CreateCheckoutSessionConsentCollectionTermsOfService::Required);
        request = request.consent_collection(consent);
    }
    if options.invoice && !checkout.is_subscription {
        let mut data = CreateCheckoutSessionInvoiceCreationInvoiceData::new();
        data.metadata = Some(HashMap::from([(REQUEST.to_owned(), checkout.reference.to_owned())]));
        let mut creation = CreateCheckoutSessionInvoiceCreation::new(true);
        creation.invoice_data = Some(data);
        request = request.invoice_creation(creation);
    }
    request
}
