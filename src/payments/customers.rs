//! What we ask Stripe to change about a customer, whom a monthly gift has: the address that Stripe writes to, and to forget her.

use super::{Stripe, StripeFailure, checked_id};
use stripe_client_core::StripeRequest;
use stripe_core::customer::{DeleteCustomer, UpdateCustomer};

impl Stripe {
    /// Has Stripe know a customer by another e-mail address. Asking again changes nothing.
    pub async fn change_customer_email(&self, customer_id: &str, email: &str) -> Result<(), StripeFailure> {
        let request = UpdateCustomer::new(checked_id(customer_id, "cus_")?).email(email);
        self.ask(customer_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }

    /// Has Stripe delete a customer: her name, address and cards go, and what she still gives by subscription ends. Her past payments stay
    /// with Stripe, which must keep them as a payment institution. Asking again changes nothing.
    pub async fn delete_customer(&self, customer_id: &str) -> Result<(), StripeFailure> {
        let request = DeleteCustomer::new(checked_id(customer_id, "cus_")?);
        match self.ask(customer_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_missing() => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
