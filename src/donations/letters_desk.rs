//! The outbox at the desk: what was written to whom, what became of it, and trying again. Finance and administrators only, because
//! letters name people.

use crate::{
    app::App,
    error::Error,
    mail::{keyless::without_keys, mailing, outbox, over, retry, store},
    staff::{DeskPage, Finance, audit},
    web::{self, Path, Query, pager::PAGE_ROWS},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use entity::{ids::LetterId, letter, letter_attempt, words::LetterState};
use serde::Deserialize;
use serde_json::json;

/// The desk's routes of letters.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/letters", get(show_list))
        .route("/desk/letters/{id}", get(show_letter))
        .route("/desk/letters/{id}/retry", post(try_again))
}

/// The filter as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// A word of [`LetterState`], or `trouble` for those that staff should look at.
    state: String,
    q: String,
    /// The last letter of the page before.
    after: String,
}

#[derive(Template)]
#[template(path = "donations/desk_letters.html")]
struct ListPage {
    page: DeskPage,
    asked: Asked,
    states: Vec<(String, String)>,
    letters: Vec<store::LetterLine>,
    /// How many there are, or that they are too many to count.
    count: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "donations/desk_letter.html")]
struct LetterPage {
    page: DeskPage,
    letter: letter::Model,
    attempts: Vec<letter_attempt::Model>,
    can_retry: bool,
    /// Why it may not leave any more.
    over: Option<&'static str>,
    /// Whether its text is for nobody but whom it is to: it holds a link that opens a supporter's own pages.
    is_secret: bool,
}

impl Asked {
    fn is_empty(&self) -> bool {
        self.state.is_empty() && self.q.trim().is_empty()
    }

    fn filter(&self) -> Result<store::LetterFilter, Error> {
        let state = match self.state.as_str() {
            "" | "trouble" => None,
            word => Some(word.parse().map_err(|_| Error::Invalid("Choose one of the states.".to_owned()))?),
        };
        let search = Some(self.q.trim().to_owned()).filter(|words| !words.is_empty());
        Ok(store::LetterFilter { state, troubled: self.state == "trouble", search, ..Default::default() })
    }

    fn after(&self) -> Result<Option<LetterId>, Error> {
        match self.after.trim() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned())),
        }
    }

    fn address_after(&self, last: LetterId) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", &self.state).append_pair("q", self.q.trim());
        format!("/desk/letters?{}", query.append_pair("after", &last.to_string()).finish())
    }
}

async fn show_list(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let found = store::list(app.db.read(), &asked.filter()?, asked.after()?, PAGE_ROWS).await?;
    let first = [(String::new(), page.t("desk-letters-any")), ("trouble".to_owned(), page.t("desk-letters-trouble"))];
    let states = LetterState::ALL.iter().map(|state| (state.to_string(), page.word("desk-letter-state", state.as_str())));
    let is_counted = found.count <= store::COUNTED_MAX;
    let shown = ListPage {
        states: first.into_iter().chain(states).collect(),
        next: found.next.map(|last| asked.address_after(last)),
        count: if is_counted { page.tn("desk-letters-count", found.count) } else { page.t("desk-letters-count-many") },
        page: page.clone().titled(page.t("desk-nav-letters")),
        asked,
        letters: found.lines,
    };
    web::html(&shown)
}

async fn show_letter(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<LetterId>) -> Result<Response, Error> {
    let (mut letter, attempts) = store::find(app.db.read(), id).await?;
    let mut over = over::among(app.db.read(), std::slice::from_ref(&letter), app.now()).await?;
    let over = over.remove(&id).filter(|_| letter.state != LetterState::Sent);
    let can_retry = over.is_none() && retry::may_be_sent_again(&letter);
    if let Some(content) = letter.content_id {
        letter.text_body = mailing::content(app.db.read(), content).await?.text_body;
    }
    let title = page.t("desk-letter-title");
    let is_secret = outbox::is_secret(letter.kind);
    letter.text_body = without_keys(&letter.text_body);
    web::html(&LetterPage { page: page.titled(title), letter, attempts, can_retry, over, is_secret })
}

/// Has a letter tried again now: the same letter, with the same Message-ID.
async fn try_again(State(app): State<App>, who: Finance, Path(id): Path<LetterId>) -> Result<Response, Error> {
    let (now, actor) = (app.now(), who.actor());
    app.db
        .write(async |tx| {
            outbox::retry_letter(tx, id, now).await?;
            audit::record(tx, now, &actor, "letter.retry", "letter", &id.to_string(), json!({})).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(web::redirect(&format!("/desk/letters/{id}?done=letter-retry")))
}
