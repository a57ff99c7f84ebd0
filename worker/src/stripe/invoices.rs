//! Invoices: reading them whole, holding and finalising drafts.

use stripe_billing::invoice::{
    DeleteInvoice, FinalizeInvoiceInvoice, ListInvoice, RetrieveInvoice, UpdateInvoice, VoidInvoiceInvoice,
};
use stripe_billing::invoice_line_item::ListInvoiceInvoiceLineItem;
use stripe_core::charge::RetrieveCharge;
use stripe_core::dispute::RetrieveDispute;
use stripe_core::refund::ListRefund;
use stripe_shared::InvoiceStatus;
use stripe_types::RangeQueryTs;

use super::pages::{PAGE_OBJECTS, all};
use super::{Charge, Dispute, Invoice, Stripe, StripeError, Synced, fresh_key, made_once};

/// Payments are left out unless asked for.
const WITH_PAYMENTS: &str = "payments";

impl Stripe {
    /// An invoice as it is now, with all its lines and payments.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn invoice(&self, id: &str) -> Result<Synced, StripeError> {
        let request = RetrieveInvoice::new(id).expand(vec![WITH_PAYMENTS.to_owned()]);
        let invoice = self.get(&request).await?;
        Ok(Synced::Invoice(self.with_lines(&invoice).await?))
    }

    /// Where the customer reads and pays an invoice; none while it is a draft.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn invoice_page(&self, id: &str) -> Result<Option<String>, StripeError> {
        Ok(self.get(&RetrieveInvoice::new(id)).await?.hosted_invoice_url)
    }

    /// The invoices of a customer made since `created_after_s`, with all their lines, without their payments.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn invoices_of(
        &self,
        customer: &str,
        created_after_s: i64,
    ) -> Result<Vec<Invoice>, StripeError> {
        let mut invoices = Vec::new();
        for invoice in self.raw_invoices_of(customer, created_after_s).await? {
            invoices.push(self.with_lines(&invoice).await?);
        }
        Ok(invoices)
    }

    pub(super) async fn raw_invoices_of(
        &self,
        customer: &str,
        created_after_s: i64,
    ) -> Result<Vec<stripe_shared::Invoice>, StripeError> {
        all(|after| async {
            let mut request = ListInvoice::new()
                .customer(customer)
                .created(RangeQueryTs::gte(created_after_s))
                .limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await
    }

    async fn with_lines(&self, invoice: &stripe_shared::Invoice) -> Result<Invoice, StripeError> {
        let (Some(id), true) = (&invoice.id, invoice.lines.has_more) else {
            return Ok(Invoice::new(invoice, &invoice.lines.data));
        };
        let lines = all(|after| async {
            let mut request = ListInvoiceInvoiceLineItem::new(id).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        Ok(Invoice::new(invoice, &lines))
    }

    /// Keeps a draft from being finalised by Stripe.
    ///
    /// # Errors
    /// Any [`StripeError`]; a refusal when it is no draft any more.
    pub async fn hold_invoice(&self, id: &str) -> Result<(), StripeError> {
        let request = &UpdateInvoice::new(id).auto_advance(false);
        made_once(
            &format!("octroi-hold-{id}"),
            |key| async move { self.change(request, &key).await.map(drop) },
            || async move {
                let invoice = self.get(&RetrieveInvoice::new(id)).await?;
                Ok((invoice.auto_advance == Some(false)).then_some(()))
            },
        )
        .await
    }

    /// Finalises a draft and lets Stripe collect it.
    ///
    /// # Errors
    /// Any [`StripeError`]; a refusal when it is no draft any more.
    pub async fn finalise_invoice(&self, id: &str) -> Result<(), StripeError> {
        let request = &FinalizeInvoiceInvoice::new(id).auto_advance(true);
        made_once(
            &format!("octroi-finalise-{id}"),
            |key| async move { self.change(request, &key).await.map(drop) },
            || async move {
                let invoice = self.get(&RetrieveInvoice::new(id)).await?;
                Ok((invoice.status != Some(InvoiceStatus::Draft)).then_some(()))
            },
        )
        .await
    }

    /// Gives up on an invoice: a draft is deleted, where that is allowed, or finalised; an open one is voided. One that is
    /// neither any more is left alone.
    ///
    /// # Errors
    /// Any [`StripeError`] but a refusal.
    pub async fn waive_invoice(&self, id: &str, is_draft: bool) -> Result<(), StripeError> {
        if is_draft {
            match self.get(&DeleteInvoice::new(id)).await {
                Ok(_) => return Ok(()),
                // Drafts of subscriptions can only be finalised, and voided then.
                Err(error) if error.is_refusal() => {}
                Err(error) => return Err(error),
            }
            let request = FinalizeInvoiceInvoice::new(id).auto_advance(false);
            forgiving(self.change(&request, &fresh_key(id)).await)?;
        }
        forgiving(self.change(&VoidInvoiceInvoice::new(id), &fresh_key(id)).await)
    }

    /// A charge as it is now, with all its refunds.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn charge(&self, id: &str) -> Result<Synced, StripeError> {
        let charge = self.get(&RetrieveCharge::new(id)).await?;
        let refunds = all(|after| async {
            let mut request = ListRefund::new().charge(id).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        Ok(Synced::Charge(Charge::new(&charge, &refunds)))
    }

    /// A dispute as it is now.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn dispute(&self, id: &str) -> Result<Synced, StripeError> {
        let dispute = self.get(&RetrieveDispute::new(id)).await?;
        Ok(Synced::Dispute(Dispute::from(&dispute)))
    }
}

/// A refusal says that the invoice has moved on by itself.
fn forgiving<T>(changed: Result<T, StripeError>) -> Result<(), StripeError> {
    match changed {
        Err(error) if !error.is_refusal() => Err(error),
        _ => Ok(()),
    }
}
