//! A practice payment in test mode, for the canary: no real money can move by it.

use super::{Stripe, StripeFailure};
use std::collections::HashMap;
use stripe_client_core::{IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods, CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects,
};

/// The metadata key that marks a practice payment; its value is the run's random id.
pub const CANARY_KEY: &str = "wellwisher_canary";

/// Stripe's test card as a payment method (docs.stripe.com/testing): it exists in test mode only.
const TEST_METHOD: &str = "pm_card_visa";

/// One dollar that is none.
const MINOR: i64 = 100;

impl Stripe {
    /// Makes and confirms a practice payment.
    ///
    /// # Errors
    /// Refused before anything is asked when the key moves real money.
    pub async fn pay_for_practice(&self, run: &str) -> Result<(), StripeFailure> {
        if self.livemode() {
            return Err(StripeFailure::refused("livemode", "a practice payment is made with a test key only"));
        }
        let key = format!("canary:{run}");
        let key =
            IdempotencyKey::new(key).map_err(|_| StripeFailure::refused("idempotency_key", "the key must have 1 to 255 characters"))?;
        let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
        methods.allow_redirects = Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never);
        let request = CreatePaymentIntent::new(MINOR, stripe_types::Currency::USD)
            .automatic_payment_methods(methods)
            .confirm(true)
            .payment_method(TEST_METHOD)
            .metadata(HashMap::from([(CANARY_KEY.to_owned(), run.to_owned())]));
        let intent = self
            .ask(run, || {
                request
                    .customize()
                    .timeout(self.patience.attempt)
                    .request_strategy(RequestStrategy::Idempotent(key.clone()))
                    .send(&self.client)
            })
            .await?;
        if intent.livemode {
            return Err(StripeFailure::BadAnswer { detail: "a practice payment says that it is live" });
        }
        Ok(())
    }
}
