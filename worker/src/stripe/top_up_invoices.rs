//! The invoice of an automatic top-up, made step by step. Each step first looks at what is there, so that it may be
//! taken again after a crash or in doubt, even when Stripe has forgotten the keys.

use std::collections::HashMap;

use stripe_billing::invoice::{
    CreateInvoice, CreateInvoiceAutomaticTax, CreateInvoicePendingInvoiceItemsBehavior,
    FinalizeInvoiceInvoice, PayInvoice, VoidInvoiceInvoice,
};
use stripe_billing::invoice_item::{CreateInvoiceItem, PricingParam};
use stripe_shared::{InvoiceCollectionMethod, InvoiceStatus};

use super::checkout::REQUEST;
use super::{Stripe, StripeError, made_once};

/// What an automatic top-up charges.
#[derive(Debug, Clone, Copy)]
pub struct TopUpInvoice<'t> {
    /// Who is charged.
    pub customer: &'t str,
    /// The pack's price.
    pub price: &'t str,
    /// How many packs.
    pub quantity: u64,
    /// The price's currency.
    pub currency: &'t str,
    /// Whether Stripe adds taxes.
    pub automatic_tax: bool,
    /// Our billing request.
    pub reference: &'t str,
    /// When the request was made at the latest, in Unix seconds: its invoice is no older.
    pub created_after_s: i64,
}

impl Stripe {
    /// Charges the customer without asking, once for each reference. The invoice's id; whether it is paid shows when it
    /// is looked at.
    ///
    /// # Errors
    /// Any [`StripeError`]; a declined card is a refusal, and leaves the invoice open until [`Stripe::void_top_up`].
    pub async fn charge_top_up(&self, top_up: TopUpInvoice<'_>, key: &str) -> Result<String, StripeError> {
        made_once(
            key,
            |key| async move { self.take_steps(top_up, &key).await },
            || async move {
                let invoice = self.find_top_up(top_up).await?;
                let paid = invoice.filter(|invoice| invoice.status == Some(InvoiceStatus::Paid));
                Ok(paid.and_then(|invoice| invoice.id).map(|id| id.to_string()))
            },
        )
        .await
    }

    async fn take_steps(&self, top_up: TopUpInvoice<'_>, key: &str) -> Result<String, StripeError> {
        let invoice = match self.find_top_up(top_up).await? {
            Some(invoice) => invoice,
            None => self.draft_top_up(top_up, key).await?,
        };
        let Some(id) = invoice.id.as_ref().map(ToString::to_string) else {
            return Err(StripeError::Unreadable("an invoice without an id".to_owned()));
        };
        if invoice.status == Some(InvoiceStatus::Draft) {
            if invoice.lines.data.is_empty() {
                self.add_pack(top_up, &id, key).await?;
            }
            let request = FinalizeInvoiceInvoice::new(id.as_str()).auto_advance(false);
            self.change(&request, &format!("{key}-finalise")).await?;
        }
        if matches!(invoice.status, Some(InvoiceStatus::Draft | InvoiceStatus::Open)) {
            let mut request = PayInvoice::new(id.as_str()).off_session(true);
            if let Some(method) = self.payment_method_of(top_up.customer).await? {
                request = request.payment_method(method);
            }
            self.change(&request, &format!("{key}-pay")).await?;
        }
        Ok(id)
    }

    /// Gives up on the invoice of a top-up that could not be paid.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn void_top_up(
        &self,
        top_up: TopUpInvoice<'_>,
        key: &str,
    ) -> Result<Option<String>, StripeError> {
        let Some(invoice) = self.find_top_up(top_up).await? else { return Ok(None) };
        let Some(id) = invoice.id.map(|id| id.to_string()) else { return Ok(None) };
        if invoice.status == Some(InvoiceStatus::Open) {
            let request = VoidInvoiceInvoice::new(id.as_str());
            self.change(&request, &format!("{key}-void")).await?;
        }
        Ok(Some(id))
    }

    async fn find_top_up(
        &self,
        top_up: TopUpInvoice<'_>,
    ) -> Result<Option<stripe_shared::Invoice>, StripeError> {
        let invoices = self.raw_invoices_of(top_up.customer, top_up.created_after_s).await?;
        Ok(invoices.into_iter().find(|invoice| {
            let metadata = invoice.metadata.as_ref();
            metadata.and_then(|metadata| metadata.get(REQUEST)).is_some_and(|found| found == top_up.reference)
        }))
    }

    async fn draft_top_up(
        &self,
        top_up: TopUpInvoice<'_>,
        key: &str,
    ) -> Result<stripe_shared::Invoice, StripeError> {
        let metadata = HashMap::from([(REQUEST.to_owned(), top_up.reference.to_owned())]);
        let mut request = CreateInvoice::new()
            .customer(top_up.customer)
            .currency(currency(top_up.currency)?)
            .collection_method(InvoiceCollectionMethod::ChargeAutomatically)
            .auto_advance(false)
            // What lies about for the next invoice of a subscription is none of this one's business.
            .pending_invoice_items_behavior(CreateInvoicePendingInvoiceItemsBehavior::Exclude)
            .metadata(metadata);
        if top_up.automatic_tax {
            request = request.automatic_tax(CreateInvoiceAutomaticTax::new(true));
        }
        self.change(&request, &format!("{key}-invoice")).await
    }

    async fn add_pack(&self, top_up: TopUpInvoice<'_>, invoice: &str, key: &str) -> Result<(), StripeError> {
        let mut pricing = PricingParam::new();
        pricing.price = Some(top_up.price.to_owned());
        let request = CreateInvoiceItem::new()
            .customer(top_up.customer)
            .invoice(invoice)
            .pricing(pricing)
            .quantity(top_up.quantity);
        self.change(&request, &format!("{key}-item")).await.map(drop)
    }
}

fn currency(code: &str) -> Result<stripe_types::Currency, StripeError> {
    code.parse().map_err(|_| StripeError::Unreadable("a currency Stripe does not know".to_owned()))
}
