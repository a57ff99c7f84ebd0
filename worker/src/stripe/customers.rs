//! Customers: one for each account, known to Stripe by our account's id alone.

use std::collections::HashMap;

use stripe_core::customer::{
    CreateCustomer, DeleteCustomer, ListCustomer, RetrieveCustomer, RetrieveCustomerReturned, UpdateCustomer,
};
use stripe_types::RangeQueryTs;
use uuid::Uuid;

use super::pages::{PAGE_OBJECTS, all};
use super::{Customer, Stripe, StripeError, Synced, fresh_key};

/// The member of a customer's metadata that names our account.
const ACCOUNT: &str = "octroi_account";

impl Stripe {
    /// Makes the customer of an account, once for each `key`.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn create_customer(&self, account_id: Uuid, key: &str) -> Result<String, StripeError> {
        let request =
            CreateCustomer::new().metadata(HashMap::from([(ACCOUNT.to_owned(), account_id.to_string())]));
        let customer = self.change(&request, key).await?;
        Ok(customer.id.to_string())
    }

    /// The customer that was made for an account since `created_after_s`, for when its making ended in doubt. The oldest,
    /// should there be several.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn find_customer(
        &self,
        account_id: Uuid,
        created_after_s: i64,
    ) -> Result<Option<String>, StripeError> {
        let wanted = account_id.to_string();
        let customers = all(|after| async {
            let mut request =
                ListCustomer::new().limit(PAGE_OBJECTS).created(RangeQueryTs::gte(created_after_s));
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        let ours = |customer: &&stripe_shared::Customer| {
            let metadata = customer.metadata.as_ref();
            metadata.is_some_and(|metadata| metadata.get(ACCOUNT) == Some(&wanted))
        };
        let oldest = customers.iter().filter(ours).min_by_key(|customer| customer.created);
        Ok(oldest.map(|customer| customer.id.to_string()))
    }

    /// Gives a customer an address, unless they have one: theirs may be for invoices only.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn fill_in_email(&self, customer: &str, email: &str) -> Result<(), StripeError> {
        let found = self.get(&RetrieveCustomer::new(customer)).await?;
        let RetrieveCustomerReturned::Customer(found) = found else { return Ok(()) };
        if found.email.is_some() {
            return Ok(());
        }
        let request = UpdateCustomer::new(customer).email(email);
        self.change(&request, &fresh_key(customer)).await.map(drop)
    }

    /// A customer as it is now.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn customer(&self, id: &str) -> Result<Synced, StripeError> {
        Ok(match self.get(&RetrieveCustomer::new(id)).await? {
            RetrieveCustomerReturned::Customer(customer) => Synced::Customer(Customer::from(&customer)),
            RetrieveCustomerReturned::DeletedCustomer(_) => Synced::Deleted { deleted: true },
        })
    }

    /// Deletes a customer for good, with their cards and whatever they subscribe to. One that is gone is left alone.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn delete_customer(&self, id: &str) -> Result<(), StripeError> {
        match self.get(&DeleteCustomer::new(id)).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// What a customer's invoices are paid with: their own default, else that of a subscription.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub(super) async fn payment_method_of(&self, customer: &str) -> Result<Option<String>, StripeError> {
        let RetrieveCustomerReturned::Customer(found) = self.get(&RetrieveCustomer::new(customer)).await?
        else {
            return Ok(None);
        };
        let own =
            found.invoice_settings.as_ref().and_then(|settings| settings.default_payment_method.as_ref());
        if let Some(own) = own {
            return Ok(Some(own.id().to_string()));
        }
        let subscriptions = self.raw_subscriptions_of(customer).await?;
        let theirs =
            subscriptions.iter().find_map(|subscription| subscription.default_payment_method.as_ref());
        Ok(theirs.map(|method| method.id().to_string()))
    }
}
