//! Money that comes back, at the desk: giving a gift back, and the lists of refunds and disputes. Finance and administrators only.

use super::{
    back::{self, list},
    refunds::{self, Outcome, Problem, REASON_CHARS_MAX, Wish},
    store,
};
use crate::{
    app::App,
    asks::amount,
    error::Error,
    receipts,
    staff::{DeskPage, Finance},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
    wishes,
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use entity::{
    Money, donation,
    ids::DonationId,
    words::{DisputeOutcome, DonationStatus, RefundState},
};
use serde::Deserialize;

/// The desk's routes of refunds and disputes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/donations/{id}/refund", get(show_form).post(give_back))
        .route("/desk/refunds", get(show_refunds))
        .route("/desk/disputes", get(show_disputes))
}

/// What the form sends; `confirm` only from its second page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Sent {
    form: String,
    amount: String,
    reason: String,
    confirm: Option<String>,
}

/// What giving back would do, told before it is done.
#[derive(Clone, Debug)]
struct Consequence {
    amount: Money,
    /// What is left of the gift then.
    remains: Money,
    /// The receipt that will be void.
    receipt: Option<String>,
    /// Whether it may have been used for the taxes of a year that is over.
    earlier_year: bool,
    /// Whether the wish item is free again.
    frees_item: bool,
    /// What must be typed to go on.
    word: String,
}

#[derive(Template)]
#[template(path = "donations/desk_refund.html")]
struct RefundPage {
    page: DeskPage,
    errors: FormErrors,
    donation: donation::Model,
    left: Money,
    sent: Sent,
    confirm: String,
    consequence: Option<Consequence>,
}

async fn show_form(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<DonationId>) -> Result<Response, Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let left = refundable(&app, &donation).await?;
    let sent = Sent { form: fresh_form(&app), amount: left.decimal(), ..Sent::default() };
    show(page, StatusCode::OK, donation, left, sent, FormErrors::default(), None)
}

/// First the consequences, then, when the amount was typed once more, the refund.
async fn give_back(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<DonationId>,
    Form(mut sent): Form<Sent>,
) -> Result<Response, Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let left = refundable(&app, &donation).await?;
    let form = sent.form.parse::<uuid::Uuid>().ok();
    // The same form sent twice is answered like the first time, although less is left by then.
    let known = match form {
        Some(form) => back::store::refund_by_key(app.db.read(), &refunds::key_of(id, form)).await?.is_some(),
        None => false,
    };
    let mut errors = FormErrors::default();
    let wished = amount::parse(&sent.amount, donation.currency);
    match &wished {
        Err(problem) => errors.add("amount", page.t1("desk-refund-amount-wrong", "why", problem)),
        Ok(amount) if amount.minor > left.minor && !known => {
            errors.add("amount", page.t1("desk-refund-too-much", "left", page.money(left)))
        }
        Ok(_) => {}
    }
    if sent.reason.chars().count() > REASON_CHARS_MAX {
        errors.add("reason", page.t("desk-refund-reason-long"));
    }
    let (Ok(amount), Some(form), true) = (wished, form, errors.is_empty()) else {
        if form.is_none() {
            sent.form = fresh_form(&app);
        }
        return show(page, StatusCode::UNPROCESSABLE_ENTITY, donation, left, sent, errors, None);
    };
    let consequence = consequence_of(&app, &donation, amount).await?;
    let Some(typed) = sent.confirm.clone() else {
        return show(page, StatusCode::OK, donation, left, sent, errors, Some(consequence));
    };
    if amount::parse(&typed, donation.currency) != Ok(amount) {
        errors.add("confirm", page.t1("desk-refund-confirm-wrong", "word", &consequence.word));
        return show(page, StatusCode::UNPROCESSABLE_ENTITY, donation, left, sent, errors, Some(consequence));
    }
    let wish = Wish { form, amount, reason: sent.reason.trim().to_owned() };
    match refunds::refund(&app, &who.actor(), id, &wish).await {
        Ok(Outcome::Made) => Ok(web::redirect(&format!("/desk/donations/{id}?done=refund-made"))),
        Ok(Outcome::Waiting) => Ok(web::redirect(&format!("/desk/donations/{id}?done=refund-waiting"))),
        Err(Problem::Other(error)) => Err(error),
        Err(problem) => {
            errors.add("amount", page.t1("desk-refund-refused", "why", &problem));
            // A refusal is an answer to this form; what is sent next is another wish.
            sent.form = fresh_form(&app);
            sent.confirm = None;
            let left = refundable(&app, &donation).await?;
            show(page, StatusCode::UNPROCESSABLE_ENTITY, donation, left, sent, errors, None)
        }
    }
}

fn show(
    page: DeskPage,
    status: StatusCode,
    donation: donation::Model,
    left: Money,
    sent: Sent,
    errors: FormErrors,
    consequence: Option<Consequence>,
) -> Result<Response, Error> {
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    let title = format!("{prefix}{}", page.t("desk-refund-title"));
    let confirm = sent.confirm.clone().unwrap_or_default();
    web::html_status(status, &RefundPage { page: page.titled(title), errors, donation, left, sent, confirm, consequence })
}

fn fresh_form(app: &App) -> String {
    app.new_id::<uuid::Uuid>().to_string()
}

async fn refundable(app: &App, donation: &donation::Model) -> Result<Money, Error> {
    if donation.status != DonationStatus::Paid || donation.payment_intent_id.is_none() {
        return Err(Error::Conflict("Only a gift that was paid through Stripe can be given back here.".to_owned()));
    }
    refunds::left_of(app.db.read(), donation).await
}

async fn consequence_of(app: &App, donation: &donation::Model, amount: Money) -> Result<Consequence, Error> {
    let db = app.db.read();
    let worth = crate::ledger::worth_of(db, donation.id, donation.currency).await?;
    let remains = worth.checked_add(amount.negated()?)?;
    let receipt = receipts::store::issued_for_donation(db, donation.id).await?;
    Ok(Consequence {
        amount,
        remains,
        earlier_year: receipt.as_ref().is_some_and(|receipt| back::is_of_earlier_year(app, receipt)),
        receipt: receipt.map(|receipt| receipt.code),
        frees_item: remains.minor < 1 && wishes::is_paid(db, donation.id).await?,
        word: amount.decimal(),
    })
}

/// The filter as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// A word of [`RefundState`] or [`DisputeOutcome`]; empty for all.
    state: String,
    /// The last row of the page before.
    after: String,
}

impl Asked {
    fn state<T: std::str::FromStr>(&self) -> Result<Option<T>, Error> {
        match self.state.trim() {
            "" => Ok(None),
            word => word.parse().map(Some).map_err(|_| Error::Invalid("Choose one of the states.".to_owned())),
        }
    }

    fn after<T: std::str::FromStr>(&self) -> Result<Option<T>, Error> {
        match self.after.trim() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned())),
        }
    }

    fn next(&self, path: &str, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", self.state.trim()).append_pair("after", after);
        format!("{path}?{}", query.finish())
    }
}

#[derive(Template)]
#[template(path = "donations/desk_refunds.html")]
struct RefundsPage {
    page: DeskPage,
    asked: Asked,
    states: Vec<(String, String)>,
    lines: Vec<list::RefundLine>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "donations/desk_disputes.html")]
struct DisputesPage {
    page: DeskPage,
    asked: Asked,
    states: Vec<(String, String)>,
    lines: Vec<list::DisputeLine>,
    next: Option<String>,
}

async fn show_refunds(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let Pager { rows, next } = list::refunds(app.db.read(), asked.state()?, asked.after()?).await?;
    let words = RefundState::ALL.iter().map(|state| (state.to_string(), page.word("desk-refund-state", state.as_str())));
    let shown = RefundsPage {
        states: std::iter::once((String::new(), page.t("desk-donations-any"))).chain(words).collect(),
        next: next.map(|after| asked.next("/desk/refunds", &after)),
        page: page.clone().titled(page.t("desk-nav-refunds")),
        lines: rows,
        asked,
    };
    web::html(&shown)
}

async fn show_disputes(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let Pager { rows, next } = list::disputes(app.db.read(), asked.state()?, asked.after()?, app.now()).await?;
    let words = DisputeOutcome::ALL.iter().map(|outcome| (outcome.to_string(), page.word("desk-dispute-outcome", outcome.as_str())));
    let shown = DisputesPage {
        states: std::iter::once((String::new(), page.t("desk-donations-any"))).chain(words).collect(),
        next: next.map(|after| asked.next("/desk/disputes", &after)),
        page: page.clone().titled(page.t("desk-nav-disputes")),
        lines: rows,
        asked,
    };
    web::html(&shown)
}
