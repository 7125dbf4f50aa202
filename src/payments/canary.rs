//! What the canary does at Stripe, in test mode: no real money can move by it.

use super::{Checkout, NewCheckout, Stripe, StripeFailure, checkout};
use std::collections::HashMap;
use stripe_checkout::checkout_session::CreateCheckoutSessionPaymentIntentData;
use stripe_client_core::{IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods, CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects,
};

/// The metadata key that marks what is made for practice; its value is the run's random id.
pub const CANARY_KEY: &str = "wellwisher_canary";

/// Stripe's test card as a payment method (docs.stripe.com/testing): it exists in test mode only.
const TEST_METHOD: &str = "pm_card_visa";

/// One dollar that is none.
pub const PRACTICE_MINOR: i64 = 100;

impl Stripe {
    /// Opens a checkout for practice: the request of a real one, marked with the run (which stands in the donation's place) instead of a
    /// donation, so that nobody takes it for a gift.
    ///
    /// # Errors
    /// Refused before anything is asked when the key moves real money.
    pub async fn open_for_practice(&self, new: &NewCheckout) -> Result<Checkout, StripeFailure> {
        self.refuse_real_money()?;
        let mark = HashMap::from([(CANARY_KEY.to_owned(), new.donation_id.clone())]);
        let mut intent = CreateCheckoutSessionPaymentIntentData::new();
        intent.metadata = Some(mark.clone());
        let request = checkout::create_request(new).metadata(mark).payment_intent_data(intent);
        let opened = self.open_checkout(&new.idempotency_key, &request).await?;
        if opened.livemode {
            return Err(StripeFailure::BadAnswer { detail: "a practice checkout says that it is live" });
        }
        Ok(opened)
    }

    /// Makes and confirms a practice payment.
    ///
    /// # Errors
    /// Refused before anything is asked when the key moves real money.
    pub async fn pay_for_practice(&self, run: &str) -> Result<(), StripeFailure> {
        self.refuse_real_money()?;
        let key = format!("canary:{run}");
        let key =
            IdempotencyKey::new(key).map_err(|_| StripeFailure::refused("idempotency_key", "the key must have 1 to 255 characters"))?;
        let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
        methods.allow_redirects = Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never);
        let request = CreatePaymentIntent::new(PRACTICE_MINOR, stripe_types::Currency::USD)
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

    fn refuse_real_money(&self) -> Result<(), StripeFailure> {
        if self.livemode() {
            return Err(StripeFailure::refused("livemode", "practice is made with a test key only"));
        }
        Ok(())
    }
}
