//! What a change of plan would cost, as Stripe works it out without changing anything.

use serde::Serialize;
use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoiceSubscriptionDetails,
    CreatePreviewInvoiceSubscriptionDetailsItems, CreatePreviewInvoiceSubscriptionDetailsProrationBehavior,
};

use super::objects::{Invoice, InvoiceLine};
use super::subscriptions::NewItem;
use super::{Stripe, StripeError, fresh_key};

/// The invoice that a change would make at once, in the currency's smallest unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChangePreview {
    /// What would be charged, credit of the customer's taken off.
    pub due: i64,
    /// What of the total is tax.
    pub tax: i64,
    /// In Stripe's words.
    pub lines: Vec<PreviewLine>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewLine {
    /// What for.
    pub description: Option<String>,
    /// The price's id.
    pub price: Option<String>,
    /// How much, before tax.
    pub amount: i64,
    /// From, in Unix seconds.
    pub period_start: i64,
    /// Until.
    pub period_end: i64,
}

impl Stripe {
    /// What [`Stripe::change_items`] would charge, counted from the same second.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn preview_items(
        &self,
        subscription: &str,
        items: &[NewItem],
        proration_at_s: Option<i64>,
    ) -> Result<ChangePreview, StripeError> {
        let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
        details.items = Some(items.iter().map(changed_item).collect());
        details.proration_behavior =
            Some(CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::AlwaysInvoice);
        details.proration_date = proration_at_s;
        let request = CreatePreviewInvoice::new().subscription(subscription).subscription_details(details);
        let invoice = self.change(&request, &fresh_key(subscription)).await?;
        let (lines, has_more) = (invoice.lines.data.clone(), invoice.lines.has_more);
        let invoice = Invoice::new(&invoice, &lines);
        let (due, tax, subtotal) = (invoice.amount_due, invoice.tax, invoice.subtotal);
        let mut lines: Vec<PreviewLine> = invoice.lines.into_iter().map(PreviewLine::from).collect();
        if has_more {
            lines.extend(PreviewLine::rest_of(&lines, subtotal));
        }
        Ok(ChangePreview { due, tax, lines })
    }
}

impl PreviewLine {
    /// Stripe tells the first lines of an invoice that is not made; one for the others makes them add up. None where
    /// nothing is told that it could follow.
    fn rest_of(told: &[Self], subtotal: i64) -> Option<Self> {
        let last = told.last()?;
        Some(Self {
            description: Some("Other lines".to_owned()),
            price: None,
            amount: subtotal - told.iter().map(|line| line.amount).sum::<i64>(),
            period_start: last.period_start,
            period_end: last.period_end,
        })
    }
}

impl From<InvoiceLine> for PreviewLine {
    fn from(line: InvoiceLine) -> Self {
        let InvoiceLine { description, price, amount, period_start, period_end, .. } = line;
        Self { description, price, amount, period_start, period_end }
    }
}

fn changed_item(item: &NewItem) -> CreatePreviewInvoiceSubscriptionDetailsItems {
    let mut changed = CreatePreviewInvoiceSubscriptionDetailsItems::new();
    changed.id = item.id.clone();
    changed.price = Some(item.price.clone());
    changed.quantity = item.quantity;
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_told_one_by_one_are_told_together() {
        let line =
            |amount| PreviewLine { description: None, price: None, amount, period_start: 1, period_end: 2 };
        let told = [line(4_900), line(-450)];
        let rest = PreviewLine::rest_of(&told, 5_000).unwrap_or_else(|| line(0));
        assert_eq!((rest.amount, rest.period_end), (550, 2));
        assert_eq!(rest.amount + told.iter().map(|line| line.amount).sum::<i64>(), 5_000);
    }
}
