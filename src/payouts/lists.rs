//! Lists that Stripe refuses to give, or gives in a form that nobody understands: they must not keep the others from being read, and somebody
//! must be told.

use super::differences::{self, Found};
use crate::{app::App, error::Error, payments::StripeFailure};

/// The list of checkouts.
pub const CHECKOUTS: &str = "checkouts";
/// The list of refunds.
pub const REFUNDS: &str = "refunds";
/// The list of disputes.
pub const DISPUTES: &str = "disputes";
/// What Stripe holds; no list, and all else can be known without it.
pub const BALANCE: &str = "balance";
/// The list of the balance's movements.
pub const MOVEMENTS: &str = "balance transactions";
/// The list of payouts.
pub const PAYOUTS: &str = "payouts";
/// The list of subscriptions.
pub const SUBSCRIPTIONS: &str = "subscriptions";

/// What one run asks for besides recurring gifts.
pub(super) const OF_RUN: [&str; 6] = [CHECKOUTS, REFUNDS, DISPUTES, BALANCE, MOVEMENTS, PAYOUTS];

/// A list that Stripe did not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlisted {
    /// Which.
    pub list: &'static str,
    /// Why, in a sentence for staff.
    pub why: String,
}

impl Unlisted {
    /// What to say of a list that was refused.
    pub fn new(list: &'static str, failure: &StripeFailure) -> Self {
        let why = match failure.lacking() {
            "" => format!("Stripe does not tell of {list}: {failure}."),
            right => format!(
                "Stripe does not tell of {list}: the key lacks the right {right}. Give it that right in Stripe’s dashboard; `wellwisher doctor` \
                 names all that are missing."
            ),
        };
        Self { list, why }
    }
}

/// Passes on what Stripe answered; a list that it refuses is noted instead. When Stripe cannot be reached at all, the whole run is over: the
/// next one begins where this one did.
pub(super) fn or_note<T>(list: &'static str, answer: Result<T, StripeFailure>, unlisted: &mut Vec<Unlisted>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.may_pass() => Err(super::movements::untold(failure)),
        Err(failure) => {
            tracing::error!(list, %failure, "Stripe did not give a list");
            if unlisted.iter().all(|known| known.list != list) {
                unlisted.push(Unlisted::new(list, &failure));
            }
            Ok(None)
        }
    }
}

/// Writes down which of the lists that were asked for Stripe did not give, and that it gives the others again.
pub(super) async fn write_down(app: &App, asked: &[&'static str], unlisted: &[Unlisted]) -> Result<(), Error> {
    let now = app.now();
    let open = differences::open_of(app.db.read(), differences::UNLISTED).await?;
    let is_given = |object: &str| asked.contains(&object) && unlisted.iter().all(|one| one.list != object);
    let again: Vec<_> = open.into_iter().filter(|found| is_given(&found.object_id)).collect();
    if unlisted.is_empty() && again.is_empty() {
        return Ok(());
    }
    app.db
        .write(async |tx| {
            for one in unlisted {
                differences::note(tx, Found { kind: differences::UNLISTED, object: one.list, detail: &one.why, done: None }, now).await?;
            }
            for found in &again {
                differences::end(tx, found.clone(), "Stripe tells of it again.", now).await?;
            }
            Ok(())
        })
        .await
}
