//! Subscriptions: what we ask, and what we keep of Stripe's answers. Nothing here reads names, addresses or card numbers; of the card only the
//! month in which it expires.
//!
//! The shape is that of the API version we send: the period stands on the subscription's item.

use super::{
    DONATION_KEY, PAGE_MAX, Page, Pages, RECURRING_KEY, Stripe, StripeFailure, checked_id,
    checkout::{money, time},
};
use chrono::{DateTime, Utc};
use entity::{Money, words::GiftInterval};
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus, RetrieveSubscription};
use stripe_client_core::StripeRequest;
use stripe_shared::{PaymentMethod, Subscription};
use stripe_types::{Expandable, RangeQueryTs};

/// Where a subscription stands, in Stripe's words (docs.stripe.com/api/subscriptions/object).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionStatus {
    /// Its first payment has not come yet.
    Incomplete,
    /// Its first payment never came, within 23 hours.
    IncompleteExpired,
    /// All is well.
    Active,
    /// A payment failed and is tried again.
    PastDue,
    /// The tries are used up, and the settings say that it goes on unpaid.
    Unpaid,
    /// It is over.
    Canceled,
    /// It waits for a means of payment.
    Paused,
}

/// What Stripe says of a subscription at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// `sub_…`
    pub id: String,
    /// The recurring donation it was made for; `None`: not ours, leave it alone.
    pub recurring_id: Option<String>,
    /// `cus_…`
    pub customer_id: String,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Whether its invoices are voided instead of charged.
    pub collection_paused: bool,
    /// Until when, where an end was set.
    pub paused_until: Option<DateTime<Utc>>,
    /// What is charged each time; `None` when that cannot be said in one figure.
    pub amount: Option<Money>,
    /// How often; `None` when not by one month or one year.
    pub every: Option<GiftInterval>,
    /// `si_…`, its first item.
    pub item_id: Option<String>,
    /// `prod_…` of its price.
    pub product_id: Option<String>,
    /// When the next payment is due.
    pub next_at: Option<DateTime<Utc>>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// `cancellation_requested`, `payment_failed` or `payment_disputed`.
    pub end_reason: Option<String>,
    /// The year and month after which the card has expired.
    pub card_expires: Option<(i64, i64)>,
    /// `pm_…` of a card that its supporter gave since, and that the subscription does not use yet.
    pub new_card: Option<String>,
    /// Whether real money moves.
    pub livemode: bool,
}

impl Stripe {
    /// The present state of a subscription.
    pub async fn fetch_subscription(&self, id: &str) -> Result<SubscriptionState, StripeFailure> {
        let all = expansions("");
        match self.fetch_expanded(id, all.clone()).await {
            // A customer who was deleted, here or in Stripe's dashboard, has none of what a customer has.
            Err(StripeFailure::BadAnswer { .. }) => self.fetch_expanded(id, all.into_iter().take(1).collect()).await,
            answer => answer,
        }
    }

    async fn fetch_expanded(&self, id: &str, expand: Vec<String>) -> Result<SubscriptionState, StripeFailure> {
        let request = RetrieveSubscription::new(checked_id(id, "sub_")?).expand(expand);
        let answer = self.ask(id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        SubscriptionState::of(answer)
    }

    /// Every subscription that we made since `created_since`, whatever became of it, newest first.
    pub async fn all_subscriptions(&self, created_since: DateTime<Utc>) -> Result<Vec<SubscriptionState>, StripeFailure> {
        let (mut ours, mut pages) = (Vec::new(), Pages::new());
        while let Some(place) = pages.ahead()? {
            let mut request = ListSubscription::new()
                .created(RangeQueryTs::gte(created_since.timestamp()))
                .status(ListSubscriptionStatus::All)
                .limit(i64::from(PAGE_MAX));
            if let Some(place) = place {
                request = request.starting_after(place);
            }
            let answer = self.ask("list", || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
            // Subscriptions of other programs may be of kinds that we do not understand.
            let page = pages.turn(Page::of(answer, |row| row.id.to_string(), Ok)?);
            for row in page.items.into_iter().filter(|row: &Subscription| row.metadata.contains_key(RECURRING_KEY)) {
                ours.push(SubscriptionState::of(row)?);
            }
        }
        Ok(ours)
    }
}

/// The card may hang on the subscription or on its customer.
fn expansions(prefix: &str) -> Vec<String> {
    ["default_payment_method", "customer.invoice_settings.default_payment_method"].iter().map(|path| format!("{prefix}{path}")).collect()
}

impl SubscriptionState {
    /// Reads a subscription as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let answer = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a Subscription" })?;
        Self::of(answer)
    }

    fn of(answer: Subscription) -> Result<Self, StripeFailure> {
        let customer_id = answer.customer.id().to_string();
        let of_customer = || answer.customer.as_object()?.invoice_settings.as_ref()?.default_payment_method.as_ref();
        let card_expires = answer.default_payment_method.as_ref().or_else(of_customer).and_then(card_expiry);
        let new_card = newer_card(answer.default_payment_method.as_ref(), of_customer());
        let item = answer.items.data.first();
        let recurring = item.and_then(|item| item.price.recurring.as_ref());
        let every =
            recurring.filter(|recurring| recurring.interval_count == 1).and_then(|recurring| recurring.interval.as_str().parse().ok());
        // We make one item, once. What somebody made of it at Stripe's dashboard may be charged several times, or beside other items.
        let amount = match item.filter(|_| answer.items.data.len() == 1).and_then(|item| Some((item.price.unit_amount?, item))) {
            Some((minor, item)) => {
                let times = i64::try_from(item.quantity.unwrap_or(1)).unwrap_or(i64::MAX);
                let minor = minor.checked_mul(times).ok_or(StripeFailure::BadAnswer { detail: "a price that is too large" })?;
                Some(money(minor, &item.price.currency.to_string())?)
            }
            None => None,
        };
        Ok(Self {
            id: answer.id.to_string(),
            recurring_id: answer.metadata.get(RECURRING_KEY).filter(|id| !id.is_empty()).cloned(),
            customer_id,
            status: status(answer.status.as_str())?,
            collection_paused: answer.pause_collection.is_some(),
            paused_until: answer.pause_collection.as_ref().and_then(|pause| pause.resumes_at).map(time).transpose()?,
            amount,
            every,
            item_id: item.map(|item| item.id.to_string()),
            product_id: item.map(|item| item.price.product.id().to_string()),
            next_at: item.map(|item| time(item.current_period_end)).transpose()?,
            started_at: time(answer.start_date)?,
            ended_at: answer.ended_at.map(time).transpose()?,
            end_reason: answer.cancellation_details.and_then(|details| details.reason).map(|reason| reason.as_str().to_owned()),
            card_expires,
            new_card,
            livemode: answer.livemode,
        })
    }
}

/// The customer's card, when it came after the one that the subscription uses. Stripe's customer portal makes another card the default of
/// the customer, while a subscription that a checkout began keeps a card of its own, which goes first
/// (docs.stripe.com/api/subscriptions/object#subscription_object-default_payment_method).
fn newer_card(own: Option<&Expandable<PaymentMethod>>, of_customer: Option<&Expandable<PaymentMethod>>) -> Option<String> {
    let (own, other) = (own?.as_object()?, of_customer?.as_object()?);
    (own.id != other.id && other.created >= own.created).then(|| other.id.to_string())
}

fn card_expiry(method: &Expandable<PaymentMethod>) -> Option<(i64, i64)> {
    let card = method.as_object()?.card.as_ref()?;
    Some((card.exp_year, card.exp_month))
}

/// A word that we do not know must not count as anything.
fn status(word: &str) -> Result<SubscriptionStatus, StripeFailure> {
    Ok(match word {
        "incomplete" => SubscriptionStatus::Incomplete,
        "incomplete_expired" => SubscriptionStatus::IncompleteExpired,
        "active" | "trialing" => SubscriptionStatus::Active,
        "past_due" => SubscriptionStatus::PastDue,
        "unpaid" => SubscriptionStatus::Unpaid,
        "canceled" => SubscriptionStatus::Canceled,
        "paused" => SubscriptionStatus::Paused,
        _ => return Err(StripeFailure::BadAnswer { detail: "a subscription status that is not known" }),
    })
}

/// The metadata of a session: the donation that its first payment is, and the recurring donation that it begins.
pub(super) fn marks(donation_id: &str, recurring_id: Option<&str>) -> std::collections::HashMap<String, String> {
    let mut marks = std::collections::HashMap::from([(DONATION_KEY.to_owned(), donation_id.to_owned())]);
    if let Some(id) = recurring_id {
        marks.insert(RECURRING_KEY.to_owned(), id.to_owned());
    }
    marks
}
