//! The past of an existing Stripe account: charges that succeeded and that we did not make become donations with their real days, fees
//! and, where some of the money went back, its refunds and disputes. Nobody is written to.
//!
//! The ledger knows them by the same names as our own payments, so what the payouts bring of the same movements fits. `payouts::history` goes
//! through the charges, because it knows the movements of the balance as well.

use super::{Only, Options, alike, find_supporter, note_begin};
use crate::{
    app::App,
    clock::sha256_hex,
    donations::{
        receipt,
        settle::purpose_of,
        store,
        taken::{self, Receipt, Taken, Unpaid},
    },
    error::Error,
    ledger::{self, Posting},
    payments::{PastCharge, StripeFailure},
    receipts,
};
use entity::{
    donation, fund, recurring_donation,
    words::{Account, DonationSource},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
};
use std::collections::BTreeMap;

/// What an import of Stripe's history did, or would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Charges looked at.
    pub seen: u64,
    /// Charges that we made ourselves.
    pub ours: u64,
    /// Gifts added.
    pub added: u64,
    /// Past gifts that were here already.
    pub known: u64,
    /// Charges that are no gifts, by what was asked for.
    pub others: u64,
    /// Charges left out, by the reason.
    pub skipped: BTreeMap<&'static str, Vec<String>>,
}

/// Charges that were never paid: no gifts, and nothing to look at.
const NOT_PAID: &str = "not paid";

/// Charges that a later run takes.
const NOT_BOOKED: &str = "Stripe has not booked it yet: import again later";

/// Charges of which money went back and that Stripe does not tell by a payment.
const CAME_BACK: &str = "some of it went back, and it is too old to be asked about: enter what is left by hand";

/// Charges whose gift is in the books already, as far as one can tell.
const ALIKE: &str = "it looks like a gift that came another way: say `--alike` to take such charges too";

impl History {
    /// Whether nothing is left to look at: what was never paid is no gift.
    pub fn is_complete(&self) -> bool {
        self.skipped.keys().all(|why| *why == NOT_PAID)
    }
}

pub(crate) fn tell(failure: StripeFailure) -> Error {
    Error::Unavailable(format!("Stripe did not tell of its charges: {failure:?}"))
}

/// What a charge is to an import.
pub(crate) enum Judged {
    /// A past gift that is not here yet.
    New,
    /// One that an import has brought already.
    Known(Box<donation::Model>),
    /// Nothing to be brought: counted, or named with the reason.
    Nothing,
}

/// Judges a charge, and counts it unless it is new.
pub(crate) async fn judge(app: &App, charge: &PastCharge, options: &Options, history: &mut History) -> Result<Judged, Error> {
    history.seen += 1;
    if charge.donation_id.is_some() || charge.is_practice || is_of_recurring(app, charge).await? {
        history.ours += 1;
        return Ok(Judged::Nothing);
    }
    match find_known(app, charge).await? {
        Some(known) if known.source == DonationSource::Imported => {
            history.known += 1;
            return Ok(Judged::Known(Box::new(known)));
        }
        Some(_) => {
            history.ours += 1;
            return Ok(Judged::Nothing);
        }
        None => {}
    }
    if !is_asked_for(options, charge) {
        history.others += 1;
        return Ok(Judged::Nothing);
    }
    let why = if !charge.is_paid || charge.amount.minor < 1 {
        NOT_PAID
    } else if charge.livemode != app.stripe.livemode() {
        "of the other mode, live or test"
    } else if charge.came_back && charge.payment_intent_id.is_none() {
        CAME_BACK
    } else if charge.fee.is_none() {
        NOT_BOOKED
    } else if !options.alike && looks_known(app, charge).await? {
        ALIKE
    } else {
        return Ok(Judged::New);
    };
    history.skipped.entry(why).or_default().push(charge.charge_id.clone());
    Ok(Judged::Nothing)
}

/// Whether a charge is one of those that an import is asked for.
pub(crate) fn is_asked_for(options: &Options, charge: &PastCharge) -> bool {
    options.only.iter().all(|only| applies(only, charge))
}

fn applies(only: &Only, charge: &PastCharge) -> bool {
    match only {
        Only::Metadata(key, value) => charge.metadata.get(key) == Some(value),
        Only::Description(words) => charge.description.to_lowercase().contains(&words.to_lowercase()),
    }
}

async fn looks_known(app: &App, charge: &PastCharge) -> Result<bool, Error> {
    let names: Vec<&str> = [Some(charge.charge_id.as_str()), charge.payment_intent_id.as_deref()].into_iter().flatten().collect();
    let email = charge.email.as_deref().unwrap_or_default();
    let gift = alike::Gift { email, names: &names, money: charge.amount, at: charge.created, is_of_stripe: true };
    Ok(alike::find(app.db.read(), app, &gift).await?.is_some())
}

/// Payments of our own recurring gifts do not carry our mark; their customer does.
async fn is_of_recurring(app: &App, charge: &PastCharge) -> Result<bool, Error> {
    let Some(customer) = &charge.customer_id else { return Ok(false) };
    let find = recurring_donation::Entity::find().filter(recurring_donation::Column::CustomerId.eq(customer));
    Ok(find.count(app.db.read()).await? > 0)
}

async fn find_known(app: &App, charge: &PastCharge) -> Result<Option<donation::Model>, Error> {
    let ids: Vec<&str> = [Some(charge.charge_id.as_str()), charge.payment_intent_id.as_deref()].into_iter().flatten().collect();
    Ok(store::find_by_stripe_object(app.db.read(), &ids).await?)
}

/// Gives a past gift its receipt, of what is left of it, unless it has one.
pub(crate) async fn give_receipt(app: &App, charge: &PastCharge, donation: &donation::Model) -> Result<(), Error> {
    let (now, paid_at) = (app.now(), donation.paid_at.unwrap_or(charge.created));
    let write = async |tx: &DatabaseTransaction| {
        if !receipts::store::find_by_donation(tx, donation.id).await?.is_empty() {
            return Ok(());
        }
        let worth = ledger::worth_of(tx, donation.id, donation.currency).await?;
        if worth.minor < 1 { Ok(()) } else { receipt::issue(tx, app, donation, worth, None, paid_at, now).await }
    };
    app.db.write(write).await
}

/// Writes a past gift down, with its fee. `is_first` says that it is the first one of a run. Whose its movement of the balance is, `payouts`
/// says in the same transaction.
pub(crate) async fn write_in(
    tx: &DatabaseTransaction,
    app: &App,
    charge: &PastCharge,
    fund: Option<&fund::Model>,
    is_first: bool,
) -> Result<donation::Model, Error> {
    let now = app.now();
    let fee = charge.fee.as_ref().ok_or_else(|| Error::Internal("a charge without its fee was to be imported".to_owned()))?;
    if is_first {
        let begin = serde_json::json!({ "charge": charge.charge_id });
        note_begin(tx, app, "import.stripe_history.begin", "stripe", &begin).await?;
    }
    let (email, name) = (charge.email.as_deref().unwrap_or_default(), charge.name.as_deref().unwrap_or_default());
    let language = crate::i18n::Language::default().tag();
    let supporter_id = find_supporter(tx, app, email, name, language, now).await?;
    let fund = match fund {
        Some(fund) => fund.clone(),
        None => store::fund(tx, None, app.new_id(), now).await?,
    };
    let new = Unpaid {
        id: app.new_id(),
        form_token: format!("imported:stripe:{}", charge.charge_id),
        request_hash: sha256_hex(&charge.charge_id),
        supporter_id,
        donor_name: name,
        public_name: false,
        note: "",
        wants_updates: false,
        discreet: false,
        language,
        money: charge.amount,
        campaign_id: None,
        item: None,
        article_id: None,
        fund: &fund,
        source: DonationSource::Imported,
        method: "",
        reference: "",
        expires_at: charge.created,
        created_at: charge.created,
    };
    let mut row = taken::write_down(tx, app, &new, now).await?.into_active_model();
    row.payment_intent_id = Set(charge.payment_intent_id.clone());
    row.charge_id = Set(Some(charge.charge_id.clone()));
    let donation = row.update(tx).await?;
    store::note(tx, donation.id, now, "imported", &charge.charge_id).await?;
    let payment = charge.payment_intent_id.as_deref().unwrap_or(&charge.charge_id);
    let taken = Taken {
        // Stripe's own booking is the day of the gift, as it is of our own.
        paid_at: fee.created,
        account: Account::StripeClearing,
        source: format!("{payment}:capture"),
        receipt: Receipt::None,
    };
    taken::take(tx, app, &donation, &taken, now).await?;
    let posting =
        Posting::fee(donation.id, charge.amount, fee.gross, fee.fee, &fee.balance_transaction_id, fee.created, purpose_of(&donation))?;
    if ledger::post(tx, &posting, now).await? {
        let kept = format!("{} {}", fee.fee, fee.balance_transaction_id);
        store::note(tx, donation.id, now, "fee_learned", &kept).await?;
    }
    store::find(tx, donation.id).await?.ok_or(Error::NotFound)
}
