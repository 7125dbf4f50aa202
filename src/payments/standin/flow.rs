//! What happens to money: a session is paid, refused, left to run out, settled later, refunded. Each step writes its events.

use super::{
    shapes,
    state::{Charge, Due, Entry, Intent, Means, Session, SessionStatus, Vault},
};
use crate::payments::balance::PAYMENTS;
use chrono::TimeDelta;

/// How one try to pay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayOutcome {
    /// The money has come.
    Paid,
    /// The bank wants the payer to confirm.
    NeedsApproval,
    /// The bank debit is under way.
    Processing,
    /// The bank refused; the payer may try again. The text is for the payer.
    Declined(&'static str),
    /// The number is not one of the practice numbers.
    NotPractice,
    /// The session cannot be paid (any more).
    Closed,
    /// There is no such session.
    Unknown,
}

/// A card that is good for years: month and year.
const LONG_FROM_NOW: (u32, i32) = (12, 2040);

/// A card that can be kept but not charged: here the first payment of a subscription goes through, and the later ones fail.
const FAILS_LATER: &str = "4000000000000341";

/// Whether a number is one of the practice cards.
pub(super) fn is_practice_number(digits: &str) -> bool {
    digits == FAILS_LATER || fate_of(digits).is_some()
}

/// What a practice card does.
enum Fate {
    Pays,
    Asks,
    Fails(&'static str, Option<&'static str>, &'static str),
}

const DECLINED: &str = "Your card was declined. Try another card.";

/// Stripe's test numbers (docs.stripe.com/testing).
fn fate_of(number: &str) -> Option<Fate> {
    Some(match number {
        "4242424242424242" | "5555555555554444" | "4000000000000077" => Fate::Pays,
        // What comes of these afterwards: disputes, and refunds that take their time.
        "4000000000000259" | "4000000000002685" | "4000000000001976" | "4000000000007726" | "4000000000005126" => Fate::Pays,
        "4000002500003155" | "4000000000003184" => Fate::Asks,
        "4000000000000002" => Fate::Fails("card_declined", Some("generic_decline"), DECLINED),
        "4000000000009995" => {
            Fate::Fails("card_declined", Some("insufficient_funds"), "Your card has insufficient funds. Try another card.")
        }
        "4000000000000069" => Fate::Fails("expired_card", None, "Your card has expired. Try another card."),
        FAILS_LATER => Fate::Fails("card_declined", Some("generic_decline"), DECLINED),
        "4000000000000127" => Fate::Fails("incorrect_cvc", None, "Your card's security code is incorrect."),
        _ => return None,
    })
}

impl Vault {
    /// Does everything whose time has come.
    pub fn catch_up(&mut self) {
        while let Some(due) = self.take_due() {
            match due {
                Due::Expire { session_id } => {
                    self.expire(&session_id);
                }
                Due::SettleDebit { session_id } => {
                    self.settle_debit(&session_id, None);
                }
                Due::BookFee { charge_id } => self.book_charge(&charge_id),
                Due::Billing(due) => self.act_on_billing(&due),
                Due::SettleRefund { refund_id, succeeds } => {
                    self.settle_refund(&refund_id, succeeds);
                }
            }
        }
    }

    /// Ends an open session. False when it is not open.
    pub fn expire(&mut self, session_id: &str) -> bool {
        let Some(session) = self.sessions.get_mut(session_id).filter(|session| session.status == SessionStatus::Open) else { return false };
        session.status = SessionStatus::Expired;
        if let Some(intent) = session.intent_id.clone().and_then(|id| self.intents.get_mut(&id)) {
            intent.status = "canceled";
        }
        self.tell_session("checkout.session.expired", session_id);
        true
    }

    /// One try to pay with a card number.
    pub fn pay_by_card(&mut self, session_id: &str, number: &str) -> PayOutcome {
        self.pay_by_card_expiring(session_id, number, LONG_FROM_NOW)
    }

    /// One try to pay with a card that expires in this month and year.
    pub fn pay_by_card_expiring(&mut self, session_id: &str, number: &str, expires: (u32, i32)) -> PayOutcome {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let Some(session) = self.sessions.get(session_id).cloned() else { return PayOutcome::Unknown };
        if session.status != SessionStatus::Open {
            return PayOutcome::Closed;
        }
        let fate = match digits.as_str() {
            FAILS_LATER if session.plan.is_some() => Some(Fate::Pays),
            digits => fate_of(digits),
        };
        let Some(fate) = fate else { return PayOutcome::NotPractice };
        let means = Means::Card(*digits.as_bytes().last_chunk().unwrap_or(b"0000"));
        let intent_id = self.intent_for(&session, means);
        match fate {
            Fate::Pays => self.succeed(&session, &intent_id, expires),
            Fate::Fails(code, decline_code, words) => self.decline(&intent_id, code, decline_code, words),
            Fate::Asks => {
                self.set_intent(&intent_id, "requires_action");
                PayOutcome::NeedsApproval
            }
        }
    }

    /// The payer's answer on the bank's page.
    pub fn answer_bank(&mut self, session_id: &str, approve: bool) -> PayOutcome {
        let Some(session) = self.sessions.get(session_id).cloned() else { return PayOutcome::Unknown };
        let asked = session.intent_id.as_ref().and_then(|id| self.intents.get(id)).filter(|intent| intent.status == "requires_action");
        let (SessionStatus::Open, Some(intent_id)) = (session.status, asked.map(|intent| intent.id.clone())) else {
            return PayOutcome::Closed;
        };
        if approve {
            return self.succeed(&session, &intent_id, LONG_FROM_NOW);
        }
        let words = "You did not confirm the payment. Try again or use another card.";
        self.fail_intent(&intent_id, "payment_intent_authentication_failure", None, words);
        PayOutcome::Declined(words)
    }

    /// Starts a bank debit, which ends days later.
    pub fn pay_by_debit(&mut self, session_id: &str, succeeds: bool) -> PayOutcome {
        let Some(session) = self.sessions.get(session_id).cloned() else { return PayOutcome::Unknown };
        if session.status != SessionStatus::Open {
            return PayOutcome::Closed;
        }
        let intent_id = self.intent_for(&session, Means::Debit { succeeds });
        self.charge(&intent_id, "pending", None);
        self.set_intent(&intent_id, "processing");
        self.complete(session_id, false);
        // A liberty: only the first payment takes days; what comes later is paid at once, as by a card.
        self.begin_subscription(&session, &intent_id, *b"0000", LONG_FROM_NOW, false);
        self.tell_intent("payment_intent.processing", &intent_id);
        self.tell_session("checkout.session.completed", session_id);
        if let Some(delay) = self.debit_delay {
            self.schedule(self.now() + delay, Due::SettleDebit { session_id: session_id.to_owned() });
        }
        PayOutcome::Processing
    }

    /// Ends a bank debit as chosen on the card page, or as `succeeds` says. False when none is under way.
    pub fn settle_debit(&mut self, session_id: &str, succeeds: Option<bool>) -> bool {
        let intent = self.sessions.get(session_id).and_then(|session| session.intent_id.as_ref()).and_then(|id| self.intents.get(id));
        let Some(intent) = intent.filter(|intent| intent.status == "processing").cloned() else { return false };
        let Some(charge_id) = intent.latest_charge.clone() else { return false };
        if succeeds.unwrap_or(intent.means == Means::Debit { succeeds: true }) {
            self.set_charge(&charge_id, "succeeded", None);
            self.set_intent(&intent.id, "succeeded");
            self.complete(session_id, true);
            self.book_or_schedule(&charge_id);
            self.tell_charge("charge.succeeded", &charge_id);
            self.tell_intent("payment_intent.succeeded", &intent.id);
            self.tell_session("checkout.session.async_payment_succeeded", session_id);
            self.first_invoice_came(session_id, &intent.id, true);
        } else {
            let words = "The bank returned the debit.";
            self.book_failure(&charge_id);
            self.set_charge(&charge_id, "failed", Some(("insufficient_funds", words)));
            self.fail_intent(&intent.id, "payment_intent_payment_attempt_failed", Some("insufficient_funds"), words);
            self.tell_charge("charge.failed", &charge_id);
            self.tell_session("checkout.session.async_payment_failed", session_id);
            self.first_invoice_came(session_id, &intent.id, false);
        }
        true
    }

    fn succeed(&mut self, session: &Session, intent_id: &str, expires: (u32, i32)) -> PayOutcome {
        let charge_id = self.charge(intent_id, "succeeded", None);
        self.set_intent(intent_id, "succeeded");
        self.complete(&session.id, true);
        let last4 = match self.intents.get(intent_id).map(|intent| intent.means) {
            Some(Means::Card(last4)) => last4,
            _ => *b"0000",
        };
        let invoice_id = self.begin_subscription(session, intent_id, last4, expires, true);
        self.tell_charge("charge.succeeded", &charge_id);
        self.tell_intent("payment_intent.succeeded", intent_id);
        self.book_or_schedule(&charge_id);
        if let Some(invoice_id) = invoice_id {
            self.tell_invoice("invoice.paid", &invoice_id);
        }
        self.tell_session("checkout.session.completed", &session.id);
        self.dispute_by_card(&charge_id);
        PayOutcome::Paid
    }

    /// A payment without a checkout succeeds.
    pub(super) fn succeed_alone(&mut self, intent_id: &str) {
        let charge_id = self.charge(intent_id, "succeeded", None);
        self.set_intent(intent_id, "succeeded");
        self.tell_charge("charge.succeeded", &charge_id);
        self.tell_intent("payment_intent.succeeded", intent_id);
        self.book_or_schedule(&charge_id);
    }

    fn decline(&mut self, intent_id: &str, code: &'static str, decline_code: Option<&'static str>, words: &'static str) -> PayOutcome {
        let charge_id = self.charge(intent_id, "failed", Some((code, words)));
        self.tell_charge("charge.failed", &charge_id);
        self.fail_intent(intent_id, code, decline_code, words);
        PayOutcome::Declined(words)
    }

    /// The session's payment intent, made at the first try to pay as Stripe does.
    fn intent_for(&mut self, session: &Session, means: Means) -> String {
        if let Some(intent) = session.intent_id.as_ref().and_then(|id| self.intents.get_mut(id)) {
            intent.means = means;
            return intent.id.clone();
        }
        let id = self.new_id("pi_3", 23);
        self.intents.put(Intent {
            id: id.clone(),
            created: self.now(),
            session_id: session.id.clone(),
            amount: session.amount,
            metadata: session.intent_metadata.clone(),
            status: "requires_payment_method",
            means,
            latest_charge: None,
            last_error: None,
        });
        if let Some(session) = self.sessions.get_mut(&session.id) {
            session.intent_id = Some(id.clone());
        }
        id
    }

    pub fn charge(&mut self, intent_id: &str, status: &'static str, failure: Option<(&'static str, &'static str)>) -> String {
        let Some(intent) = self.intents.get(intent_id).cloned() else { return String::new() };
        let id = self.new_id(if matches!(intent.means, Means::Card(_)) { "ch_3" } else { "py_3" }, 23);
        self.charges.put(Charge {
            id: id.clone(),
            created: self.now(),
            intent_id: intent.id.clone(),
            amount: intent.amount,
            metadata: intent.metadata,
            status,
            means: intent.means,
            refunded: 0,
            disputed: false,
            entry_id: None,
            failure,
        });
        if let Some(intent) = self.intents.get_mut(intent_id) {
            intent.latest_charge = Some(id.clone());
        }
        id
    }

    pub fn book_or_schedule(&mut self, charge_id: &str) {
        if self.fee_delay > TimeDelta::zero() {
            self.schedule(self.now() + self.fee_delay, Due::BookFee { charge_id: charge_id.to_owned() });
        } else {
            self.book_charge(charge_id);
        }
    }

    /// Books a paid charge with its fee; the news of it is `charge.updated`, as at Stripe.
    pub fn book_charge(&mut self, charge_id: &str) {
        let id = self.new_id("txn_3", 23);
        let now = self.now();
        let Some(charge) = self.charges.get_mut(charge_id).filter(|charge| charge.entry_id.is_none()) else { return };
        charge.entry_id = Some(id.clone());
        let kind = if matches!(charge.means, Means::Card(_)) { "charge" } else { "payment" };
        let (amount, exchange_rate) = self.fees.settle(charge.amount);
        let fee = self.fees.on(amount);
        let available_on = now + TimeDelta::days(2);
        let source = charge_id.to_owned();
        self.entries.put(Entry {
            id,
            created: now,
            available_on,
            kind,
            category: "charge",
            source,
            amount,
            fee,
            exchange_rate,
            payout: None,
            balance: PAYMENTS,
        });
        self.tell_charge("charge.updated", charge_id);
    }

    /// Books out a charge that was booked in and whose payment failed. False when there is none.
    pub fn book_failure(&mut self, charge_id: &str) -> bool {
        let entry = self.charges.get(charge_id).and_then(|charge| charge.entry_id.as_ref()).and_then(|id| self.entries.get(id));
        let Some(amount) = entry.map(|entry| entry.amount) else { return false };
        let back = entity::Money::new(amount.minor.saturating_neg(), amount.currency);
        self.book("payment_failure_refund", "charge_failure", charge_id, back, 0);
        true
    }

    fn complete(&mut self, session_id: &str, paid: bool) {
        if let Some(session) = self.sessions.get_mut(session_id) {
            session.status = SessionStatus::Complete;
            session.paid = paid;
        }
    }

    pub fn set_intent(&mut self, intent_id: &str, status: &'static str) {
        if let Some(intent) = self.intents.get_mut(intent_id) {
            intent.status = status;
            intent.last_error = None;
        }
    }

    pub fn fail_intent(&mut self, intent_id: &str, code: &'static str, decline_code: Option<&'static str>, words: &'static str) {
        if let Some(intent) = self.intents.get_mut(intent_id) {
            intent.status = "requires_payment_method";
            intent.last_error = Some((code, decline_code, words));
        }
        self.tell_intent("payment_intent.payment_failed", intent_id);
    }

    fn set_charge(&mut self, charge_id: &str, status: &'static str, failure: Option<(&'static str, &'static str)>) {
        if let Some(charge) = self.charges.get_mut(charge_id) {
            charge.status = status;
            charge.failure = failure;
        }
    }

    fn tell_session(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.sessions.get(id).map(|session| shapes::session(self, session)) {
            self.tell(kind, object);
        }
    }

    pub fn tell_intent(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.intents.get(id).map(|intent| shapes::intent(self, intent)) {
            self.tell(kind, object);
        }
    }

    pub fn tell_charge(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.charges.get(id).map(shapes::charge) {
            self.tell(kind, object);
        }
    }
}
