//! What we ask Stripe to change about subscriptions: their amount, a pause, their end, their card, and the invoices that hang on these.

use super::{Stripe, StripeFailure, SubscriptionState, checked_id, checkout::stripe_currency};
use chrono::{DateTime, Utc};
use entity::{Money, words::GiftInterval};
use stripe_billing::{
    billing_portal_session::{
        CreateBillingPortalSession, CreateBillingPortalSessionFlowData, CreateBillingPortalSessionFlowDataAfterCompletion,
        CreateBillingPortalSessionFlowDataAfterCompletionRedirect, CreateBillingPortalSessionFlowDataAfterCompletionType,
        CreateBillingPortalSessionFlowDataType,
    },
    invoice::{FinalizeInvoiceInvoice, PayInvoice, VoidInvoiceInvoice},
    subscription::{
        CancelSubscription, UpdateSubscription, UpdateSubscriptionItems, UpdateSubscriptionItemsPriceData,
        UpdateSubscriptionItemsPriceDataRecurring, UpdateSubscriptionItemsPriceDataRecurringInterval, UpdateSubscriptionPauseCollection,
        UpdateSubscriptionPauseCollectionBehavior, UpdateSubscriptionProrationBehavior,
    },
};
use stripe_client_core::{IdempotencyKey, RequestBuilder, RequestStrategy, StripeMethod, StripeRequest};
use stripe_shared::Subscription;

impl Stripe {
    /// Changes what is charged from the next time on; nothing is charged or given back for the present period.
    pub async fn change_amount(&self, known: &SubscriptionState, money: Money) -> Result<(), StripeFailure> {
        let (Some(item), Some(product), Some(every), Some(_)) = (&known.item_id, &known.product_id, known.every, known.amount) else {
            return Err(StripeFailure::refused("not_one_price", "the subscription has not one price that we know; change it at Stripe"));
        };
        let interval = match every {
            GiftInterval::Month => UpdateSubscriptionItemsPriceDataRecurringInterval::Month,
            GiftInterval::Year => UpdateSubscriptionItemsPriceDataRecurringInterval::Year,
        };
        let mut price = UpdateSubscriptionItemsPriceData::new(
            stripe_currency(money.currency),
            product.as_str(),
            UpdateSubscriptionItemsPriceDataRecurring::new(interval),
        );
        price.unit_amount = Some(money.minor);
        let mut line = UpdateSubscriptionItems::new();
        line.id = Some(item.clone());
        line.price_data = Some(price);
        line.quantity = Some(1);
        let request = UpdateSubscription::new(checked_id(&known.id, "sub_")?)
            .items(vec![line])
            .proration_behavior(UpdateSubscriptionProrationBehavior::None);
        self.ask(&known.id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }

    /// Charges nothing until `until`, or until it is resumed: the invoices of that time are voided, not saved up.
    pub async fn pause(&self, subscription_id: &str, until: Option<DateTime<Utc>>) -> Result<(), StripeFailure> {
        let mut pause = UpdateSubscriptionPauseCollection::new(UpdateSubscriptionPauseCollectionBehavior::Void);
        pause.resumes_at = until.map(|at| at.timestamp());
        let request = UpdateSubscription::new(checked_id(subscription_id, "sub_")?).pause_collection(pause);
        self.ask(subscription_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }

    /// Charges again from the next payment on.
    pub async fn resume(&self, subscription_id: &str) -> Result<(), StripeFailure> {
        // The generated type cannot say "no pause", which Stripe writes as an empty value.
        let path = format!("/subscriptions/{}", checked_id(subscription_id, "sub_")?);
        let form = std::collections::BTreeMap::from([("pause_collection", "")]);
        let request = || {
            RequestBuilder::new(StripeMethod::Post, path.as_str()).form(&form).customize::<Subscription>().timeout(self.patience.attempt)
        };
        self.ask(subscription_id, || request().send(&self.client)).await.map(|_| ())
    }

    /// Ends it now: nothing more is charged, and what was given stays given.
    pub async fn cancel(&self, subscription_id: &str) -> Result<(), StripeFailure> {
        let request = CancelSubscription::new(checked_id(subscription_id, "sub_")?);
        self.ask(subscription_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }

    /// A page of Stripe's on which the supporter gives another card. It is short-lived: make one each time.
    pub async fn card_page(&self, customer_id: &str, return_url: &str) -> Result<String, StripeFailure> {
        let mut after =
            CreateBillingPortalSessionFlowDataAfterCompletion::new(CreateBillingPortalSessionFlowDataAfterCompletionType::Redirect);
        after.redirect = Some(CreateBillingPortalSessionFlowDataAfterCompletionRedirect::new(return_url));
        let mut flow = CreateBillingPortalSessionFlowData::new(CreateBillingPortalSessionFlowDataType::PaymentMethodUpdate);
        flow.after_completion = Some(after);
        let request = CreateBillingPortalSession::new().customer(checked_id(customer_id, "cus_")?).return_url(return_url).flow_data(flow);
        let answer = self.ask(customer_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        Ok(answer.url)
    }

    /// Has the subscription use this card of its customer's from now on.
    pub async fn use_card(&self, subscription_id: &str, card_id: &str) -> Result<(), StripeFailure> {
        let request = UpdateSubscription::new(checked_id(subscription_id, "sub_")?).default_payment_method(checked_id(card_id, "pm_")?);
        self.ask(subscription_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }

    /// Has an open invoice paid by this card now. Asked again, Stripe tells for a day what came of it the first time.
    pub async fn pay_invoice(&self, invoice_id: &str, card_id: &str) -> Result<(), StripeFailure> {
        let request = PayInvoice::new(checked_id(invoice_id, "in_")?).payment_method(checked_id(card_id, "pm_")?);
        let key = IdempotencyKey::new(format!("v1:pay:{invoice_id}:{card_id}"))
            .map_err(|_| StripeFailure::refused("idempotency_key", "the key must have 1 to 255 characters"))?;
        let once = || RequestStrategy::Idempotent(key.clone());
        let send = || request.customize().request_strategy(once()).timeout(self.patience.attempt).send(&self.client);
        self.ask(invoice_id, send).await.map(|_| ())
    }

    /// Makes a draft of an invoice final, so that it can be paid.
    pub async fn finalize_invoice(&self, invoice_id: &str) -> Result<(), StripeFailure> {
        let request = FinalizeInvoiceInvoice::new(checked_id(invoice_id, "in_")?).auto_advance(false);
        self.ask(invoice_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }

    /// Voids an open invoice: it is not tried again, and nothing is owed.
    pub async fn void_invoice(&self, invoice_id: &str) -> Result<(), StripeFailure> {
        let request = VoidInvoiceInvoice::new(checked_id(invoice_id, "in_")?);
        self.ask(invoice_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await.map(|_| ())
    }
}
