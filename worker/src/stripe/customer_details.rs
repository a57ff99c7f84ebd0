//! What a customer is called, where they are, and their tax id: corrected here, kept by Stripe alone.

use std::fmt;

use serde::Deserialize;
use stripe_billing::tax_id::{
    CreateCustomerTaxId, CreateCustomerTaxIdType, DeleteCustomerTaxId, ListCustomerTaxId,
};
use stripe_core::customer::{OptionalFieldsCustomerAddress, UpdateCustomer};

use super::pages::{PAGE_OBJECTS, all};
use super::{Stripe, StripeError};

/// What changes of a customer; what is left out stays.
#[derive(Clone, Default, Deserialize)]
pub struct CustomerDetails {
    /// What they are called.
    pub name: Option<String>,
    /// Where invoices go.
    pub email: Option<String>,
    /// Their telephone; empty removes it.
    pub phone: Option<String>,
    /// Their language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Where they are.
    pub address: Option<Address>,
    /// What they are taxed under.
    pub tax_id: Option<TaxId>,
}

/// An address: what is left out is empty.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Address {
    line1: String,
    line2: String,
    city: String,
    postal_code: String,
    state: String,
    country: String,
}

/// A tax id.
#[derive(Clone, Deserialize)]
pub struct TaxId {
    /// Stripe's name of its kind, such as `eu_vat`.
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

impl Stripe {
    /// Corrects a customer. Each call says what is to be, so all of it can be said again under the same `key`.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn correct_customer(
        &self,
        customer: &str,
        details: &CustomerDetails,
        key: &str,
    ) -> Result<(), StripeError> {
        if let Some(request) = update(customer, details) {
            self.change(&request, key).await?;
        }
        match &details.tax_id {
            Some(tax_id) => self.replace_tax_id(customer, tax_id, key).await,
            None => Ok(()),
        }
    }

    /// Makes a tax id the only one of its kind. The old ones go last: better two for a moment than none on an invoice.
    async fn replace_tax_id(&self, customer: &str, tax_id: &TaxId, key: &str) -> Result<(), StripeError> {
        let existing = all(|after| async {
            let mut request = ListCustomerTaxId::new(customer).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        let (same, old): (Vec<_>, Vec<_>) = existing
            .iter()
            .filter(|other| other.type_.as_str() == tax_id.kind)
            .partition(|other| other.value == tax_id.value);
        if same.is_empty() {
            let Ok(kind) = tax_id.kind.parse::<CreateCustomerTaxIdType>();
            let request = CreateCustomerTaxId::new(customer, kind, tax_id.value.as_str());
            self.change(&request, &format!("{key}-tax")).await?;
        }
        for other in old {
            let request = DeleteCustomerTaxId::new(customer, other.id.as_str());
            self.change(&request, &format!("{key}-{}", other.id)).await?;
        }
        Ok(())
    }
}

/// The call for what is the customer's own; none when nothing of it changes.
fn update(customer: &str, details: &CustomerDetails) -> Option<UpdateCustomer> {
    let CustomerDetails { name, email, phone, locale, address, tax_id: _ } = details;
    if name.is_none() && email.is_none() && phone.is_none() && locale.is_none() && address.is_none() {
        return None;
    }
    let mut request = UpdateCustomer::new(customer);
    if let Some(name) = name {
        request = request.name(name);
    }
    if let Some(email) = email {
        request = request.email(email);
    }
    if let Some(phone) = phone {
        request = request.phone(phone);
    }
    if let Some(locale) = locale {
        request = request.preferred_locales(vec![locale.clone()]);
    }
    if let Some(address) = address {
        request = request.address(OptionalFieldsCustomerAddress {
            city: Some(address.city.clone()),
            country: Some(address.country.clone()),
            line1: Some(address.line1.clone()),
            line2: Some(address.line2.clone()),
            postal_code: Some(address.postal_code.clone()),
            state: Some(address.state.clone()),
        });
    }
    Some(request)
}

/// Nothing of it goes into a log.
impl fmt::Debug for CustomerDetails {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CustomerDetails").finish_non_exhaustive()
    }
}
