//! The state of an article at the desk: corrections and the retraction, what was given from here, checkouts that were ended, recurring
//! gifts that began here.

use super::{
    by_id,
    notices::{self, NewNotice, Shown, TEXT_MAX, Texts},
};
use crate::{
    app::App,
    asks::article_may_ask,
    donations::ending,
    error::Error,
    i18n::Language,
    ledger, recurring,
    staff::{DeskPage, Editor, audit},
    web::{self, Form, FormErrors, Path},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::{
    Money, article, article_notice, checkout_ending, donation,
    ids::{ArticleId, ArticleNoticeId},
    recurring_donation,
    words::{EndingOutcome, NoticeKind},
};
use serde::Deserialize;
use serde_json::json;

/// How many rows of one kind the page shows.
const ROWS_MAX: u64 = 200;

/// The pages of the desk.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/articles/{id}/state", get(show))
        .route("/desk/articles/{id}/notices", post(add))
        .route("/desk/articles/{id}/notices/{notice}/lift", post(lift))
}

/// The form of a notice as it was typed; one text for each language of the pages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    kind: String,
    text_en: String,
    text_fa: String,
    text_ps: String,
    /// `yes` when what was corrected leaves the ask as it was.
    keeps_asking: String,
}

impl Typed {
    fn texts(&self) -> [(Language, &'static str, &str); 3] {
        [
            (Language::English, "text_en", &self.text_en),
            (Language::Dari, "text_fa", &self.text_fa),
            (Language::Pashto, "text_ps", &self.text_ps),
        ]
    }

    fn parse(&self, page: &DeskPage) -> Result<NewNotice, FormErrors> {
        let mut errors = FormErrors::default();
        let kind = self.kind.parse::<NoticeKind>();
        if kind.is_err() {
            errors.add("kind", page.t("desk-notice-fault-kind"));
        }
        let mut texts = Texts::new();
        for (language, field, typed) in self.texts() {
            let text: String = typed.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || *c == '\n').collect();
            if text.chars().count() > TEXT_MAX {
                errors.add(field, page.t1("desk-article-fault-too-long", "max", TEXT_MAX));
            }
            if !text.trim().is_empty() {
                texts.insert(language.tag().to_owned(), text.trim().to_owned());
            }
        }
        if texts.is_empty() {
            errors.add("text_en", page.t("desk-notice-fault-empty"));
        }
        match kind {
            Ok(kind) if errors.is_empty() => Ok(NewNotice { kind, texts, keeps_asking: self.keeps_asking == "yes" }),
            _ => Err(errors),
        }
    }
}

/// A notice with what it says in each language.
struct Notice {
    row: article_notice::Model,
    texts: Vec<Shown>,
}

/// A checkout that was open when the article stopped asking.
struct Ending {
    row: checkout_ending::Model,
    donation: donation::Model,
    amount: Money,
}

#[derive(Template)]
#[template(path = "articles/desk_state.html")]
struct StatePage {
    page: DeskPage,
    article: article::Model,
    asks: bool,
    notices: Vec<Notice>,
    kinds: Vec<(String, String)>,
    typed: Typed,
    errors: FormErrors,
    given: Vec<Money>,
    endings: Vec<Ending>,
    recurring: Vec<(recurring_donation::Model, Money)>,
}

impl StatePage {
    /// How many checkouts are ended, or over in another way.
    fn done(&self) -> usize {
        self.endings.iter().filter(|ending| ending.row.outcome != EndingOutcome::Open).count()
    }

    /// How many paid in the very moment.
    fn paid(&self) -> usize {
        self.endings.iter().filter(|ending| ending.row.outcome == EndingOutcome::Paid).count()
    }
}

async fn state_page(app: &App, page: DeskPage, id: ArticleId, typed: Typed, errors: FormErrors) -> Result<StatePage, Error> {
    let db = app.db.read();
    let article = by_id(db, id).await?;
    let mut shown = Vec::new();
    for row in notices::of_article(db, id).await? {
        let texts: Texts = serde_json::from_str(&row.texts)?;
        let text = |(language, text)| Shown { kind: row.kind, noted_on: row.noted_on, language, text };
        shown.push(Notice { texts: texts.into_iter().map(text).collect(), row: row.clone() });
    }
    let endings = ending::of_article(db, id, ROWS_MAX).await?.into_iter().map(|(row, donation)| Ending {
        amount: Money::new(donation.amount_minor, donation.currency),
        row,
        donation,
    });
    let gifts = recurring::store::of_article(db, id, ROWS_MAX).await?;
    let title = page.t("desk-article-state");
    Ok(StatePage {
        asks: article_may_ask(&article, app.now()),
        notices: shown,
        kinds: NoticeKind::ALL.iter().map(|kind| (kind.to_string(), page.word("desk-notice", kind.as_str()))).collect(),
        given: ledger::raised_from(db, id).await?,
        endings: endings.collect(),
        recurring: gifts.into_iter().map(|gift| (gift.clone(), Money::new(gift.amount_minor, gift.currency))).collect(),
        page: page.titled(title),
        article,
        typed,
        errors,
    })
}

async fn show(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<ArticleId>) -> Result<Response, Error> {
    web::html(&state_page(&app, page, id, Typed::default(), FormErrors::default()).await?)
}

/// Tells readers; or says what is wrong, with everything typed kept.
async fn add(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<ArticleId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Error> {
    let new = match typed.parse(&page) {
        Ok(parsed) => parsed,
        Err(errors) => {
            return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &state_page(&app, page, id, typed, errors).await?);
        }
    };
    let written = app
        .db
        .write(async |tx| {
            let (_, ended) = notices::add(&app, tx, id, &new, &who.actor()).await?;
            let told = json!({ "kind": new.kind, "texts": new.texts, "keeps_asking": new.keeps_asking, "checkouts": ended });
            audit::record(tx, app.now(), &who.actor(), "article.notice", "article", &id.to_string(), told).await
        })
        .await;
    match written {
        Ok(()) => {
            app.bell.notify_waiters();
            Ok(web::redirect(&format!("/desk/articles/{id}/state?done=saved")))
        }
        Err(Error::Conflict(_)) => {
            let mut errors = FormErrors::default();
            errors.add("kind", page.t("desk-notice-fault-retracted"));
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &state_page(&app, page, id, typed, errors).await?)
        }
        Err(other) => Err(other),
    }
}

async fn lift(State(app): State<App>, who: Editor, Path((id, notice)): Path<(ArticleId, ArticleNoticeId)>) -> Result<Response, Error> {
    app.db
        .write(async |tx| {
            let lifted = notices::lift(&app, tx, id, notice, &who.actor()).await?;
            let told = json!({ "kind": lifted.kind, "notice": notice });
            audit::record(tx, app.now(), &who.actor(), "article.notice-lifted", "article", &id.to_string(), told).await
        })
        .await?;
    Ok(web::redirect(&format!("/desk/articles/{id}/state?done=saved")))
}
