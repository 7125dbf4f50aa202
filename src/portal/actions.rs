//! What a supporter does with her recurring donation: each on a page that asks first.

use super::session::AtHome;
use crate::{
    app::App,
    asks::{self, amount},
    clock,
    error::Error,
    recurring::{
        self, By,
        care::{self, REASON_CHARACTERS_MAX},
    },
    web::{self, Form, FormErrors, Page, Path},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use entity::{Money, ids::RecurringId, recurring_donation, supporter, words::RecurringStatus};
use serde::Deserialize;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Amount,
    Pause,
    Resume,
    End,
    Card,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::End => "end",
            Self::Card => "card",
        }
    }

    /// Whether it makes sense for a gift in this state.
    fn fits(self, status: RecurringStatus) -> bool {
        match status {
            RecurringStatus::Ended => false,
            // A bank debit is under way: there is nothing to change yet, but she may think better of it.
            RecurringStatus::Pending => self == Self::End,
            RecurringStatus::Paused => self != Self::Pause,
            RecurringStatus::Active | RecurringStatus::PastDue => self != Self::Resume,
        }
    }
}

#[derive(Template)]
#[template(path = "portal/action.html")]
struct ActionPage {
    page: Page,
    errors: FormErrors,
    gift: recurring_donation::Model,
    amount: Money,
    /// `amount`, `pause`, `resume`, `end`, `card`.
    action: &'static str,
    typed: Typed,
}

/// What was typed; each action reads its own field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    amount: String,
    until: String,
    reason: String,
}

impl ActionPage {
    fn is(&self, action: &str) -> bool {
        self.action == action
    }
}

async fn hers(app: &App, supporter: &supporter::Model, id: RecurringId, action: Action) -> Result<recurring_donation::Model, Error> {
    let gift = recurring::store::find(app.db.read(), id).await?.filter(|gift| gift.supporter_id == supporter.id);
    gift.filter(|gift| action.fits(gift.status) && gift.asked_end.is_empty()).ok_or(Error::NotFound)
}

/// The page that asks before anything is done.
pub(super) async fn ask(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Path((id, action)): Path<(RecurringId, Action)>,
) -> Result<Response, Error> {
    let gift = hers(&app, &supporter, id, action).await?;
    let page = page.preferring(&gift.language);
    let title = page.t(&format!("portal-{}-title", action.as_str()));
    let amount = Money::new(gift.amount_minor, gift.currency);
    let typed = Typed { amount: amount.decimal(), ..Typed::default() };
    web::html(&ActionPage { page: page.titled(title), errors: FormErrors::default(), gift, amount, action: action.as_str(), typed })
}

/// Does it, and leads back to her pages; or shows the page again with what is wrong.
pub(super) async fn act(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Path((id, action)): Path<(RecurringId, Action)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Error> {
    let gift = hers(&app, &supporter, id, action).await?;
    let page = page.preferring(&gift.language);
    let came = match action {
        Action::Amount => match parse_amount(&app, &page, &gift, &typed.amount) {
            Ok(money) => care::change_amount(&app, &By::Supporter, id, money).await,
            Err(text) => return again(page, gift, action, typed, ("amount", text), StatusCode::UNPROCESSABLE_ENTITY),
        },
        Action::Pause => match parse_until(&app, &typed.until) {
            Some(until) => care::pause(&app, &By::Supporter, id, until).await,
            None => {
                let text = page.t("portal-pause-wrong");
                return again(page, gift, action, typed, ("until", text), StatusCode::UNPROCESSABLE_ENTITY);
            }
        },
        Action::End if typed.reason.chars().count() > REASON_CHARACTERS_MAX => {
            let text = page.t1("asks-error-long", "most", page.number(REASON_CHARACTERS_MAX));
            return again(page, gift, action, typed, ("reason", text), StatusCode::UNPROCESSABLE_ENTITY);
        }
        Action::Resume => care::resume(&app, &By::Supporter, id).await,
        Action::End => match care::end(&app, &By::Supporter, id, &typed.reason).await {
            Ok(false) => return Ok(web::redirect("/me?done=end-later")),
            ended => ended.map(|_| ()),
        },
        Action::Card => match care::card_page(&app, id, "/me?done=card").await {
            Ok(url) => return Ok(web::redirect(&url)),
            Err(error) => Err(error),
        },
    };
    match came {
        Ok(()) => Ok(web::redirect(&format!("/me?done={}", action.as_str()))),
        Err(Error::Unavailable(why)) => {
            tracing::warn!(recurring_id = %id, why, "a recurring donation could not be changed");
            let text = page.t("portal-stripe-down");
            again(page, gift, action, typed, ("act", text), StatusCode::SERVICE_UNAVAILABLE)
        }
        Err(error) => Err(error),
    }
}

fn again(
    page: Page,
    gift: recurring_donation::Model,
    action: Action,
    typed: Typed,
    problem: (&'static str, String),
    status: StatusCode,
) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    errors.add(problem.0, problem.1);
    let title = format!("{} {}", page.t("error-prefix"), page.t(&format!("portal-{}-title", action.as_str())));
    let amount = Money::new(gift.amount_minor, gift.currency);
    web::html_status(status, &ActionPage { page: page.titled(title), errors, gift, amount, action: action.as_str(), typed })
}

/// The amount typed, within the limits of a single gift; else what is wrong with it, in the page's language.
fn parse_amount(app: &App, page: &Page, gift: &recurring_donation::Model, text: &str) -> Result<Money, String> {
    let money = amount::parse(text, gift.currency).map_err(|error| asks::gift::tell_amount_error(page, error))?;
    let limits = asks::limits(&app.config, gift.currency);
    if money.minor < limits.min.minor {
        return Err(page.t1("asks-error-min", "min", page.money(limits.min)));
    }
    if money.minor > limits.max.minor {
        return Err(page.t1("asks-error-max", "max", page.money(limits.max)));
    }
    Ok(money)
}

/// The end of a pause: none for an empty field; nothing at all when it is not a day in reach.
fn parse_until(app: &App, text: &str) -> Option<Option<chrono::DateTime<chrono::Utc>>> {
    match text.trim() {
        "" => Some(None),
        day => clock::parse_day(day).and_then(|day| care::pause_end(app, day)).map(Some),
    }
}
