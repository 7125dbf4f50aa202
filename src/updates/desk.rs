//! Staff's pages for updates: list, write, preview as page and as letter, a test to oneself, and what moves an update on.

use super::{
    Subject,
    details::{self, RawUpdate, fields},
    letter, send,
    send::Progress,
    state::{self, Verb},
    store, subject_of,
};
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::mailing::Content,
    news::{self, Entry},
    staff::{Admin, DeskPage, Editor},
    web::{self, Form, FormErrors, Path, Query, markdown, pager::Pager},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use entity::{ids::UpdateId, news_text, news_update, words::UpdateState};
use serde::Deserialize;

/// How often a page reloads itself while letters leave, before it asks to be reloaded by hand: ten minutes.
const RELOADS_MAX: u32 = 120;

/// The desk's pages but for those of sending.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/updates", get(list))
        .route("/desk/updates/new", get(blank).post(create))
        .route("/desk/updates/{id}", get(show))
        .route("/desk/updates/{id}/edit", get(edit).post(change))
        .route("/desk/updates/{id}/letter", get(show_letter))
        .route("/desk/updates/{id}/test", post(send_test))
        .route("/desk/updates/{id}/state/{verb}", post(apply))
        .route("/desk/updates/{id}/resume", post(resume))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    q: String,
    state: String,
    campaign: String,
    after: String,
}

/// An update as a row of the list.
struct Row {
    update: news_update::Model,
    title: String,
    language: String,
    about: Option<Subject>,
}

#[derive(Template)]
#[template(path = "updates/desk_list.html")]
struct ListPage {
    page: DeskPage,
    filter: Filter,
    states: Vec<(String, String)>,
    campaigns: Vec<(String, String)>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// The updates, the newest first, by words of the title, by state and by campaign.
async fn list(State(app): State<App>, _: Editor, page: DeskPage, Query(filter): Query<Filter>) -> Result<Response, Error> {
    let db = app.db.read();
    let asked = store::Filter { words: filter.q.clone(), state: filter.state.parse().ok(), campaign: filter.campaign.parse().ok() };
    let found = store::page(db, &asked, filter.after.parse().ok()).await?;
    let Pager { rows: updates, next } = Pager::from_rows(found, |update| update.id.to_string());
    let mut rows = Vec::with_capacity(updates.len());
    for entry in news::store::with_texts(db, updates).await? {
        let text = entry.text_for(&entry.update.language);
        let (title, language) = text.map(|text| (text.title.clone(), text.language.clone())).unwrap_or_default();
        let about = subject_of(db, &entry.update).await?;
        rows.push(Row { update: entry.update, title, language, about });
    }
    let mut states = vec![(String::new(), page.t("desk-any"))];
    states.extend(UpdateState::ALL.iter().map(|state| (state.to_string(), page.word("desk-update-state", state.as_str()))));
    let mut campaigns = vec![(String::new(), page.t("desk-any"))];
    campaigns.extend(store::campaigns(db).await?.into_iter().map(|campaign| (campaign.id.to_string(), campaign.title)));
    let title = page.t("desk-nav-updates");
    web::html(&ListPage { page: page.titled(title), filter, states, campaigns, rows, next })
}

/// One language's fields of the form.
struct Fields {
    tag: &'static str,
    name: &'static str,
    title_field: &'static str,
    body_field: &'static str,
    title: String,
    body: String,
}

#[derive(Template)]
#[template(path = "updates/desk_edit.html")]
struct EditPage {
    page: DeskPage,
    id: Option<UpdateId>,
    /// Whether what it is news of, its address and whether it asks can still be changed.
    is_draft: bool,
    values: RawUpdate,
    texts: Vec<Fields>,
    errors: FormErrors,
    about: Vec<(String, String)>,
    languages: Vec<(String, String)>,
}

async fn edit_page(
    app: &App,
    page: DeskPage,
    of: Option<&news_update::Model>,
    values: RawUpdate,
    errors: FormErrors,
) -> Result<EditPage, Error> {
    let db = app.db.read();
    let mut about = vec![(String::new(), page.t("desk-update-about-all"))];
    about.extend(
        store::campaigns(db)
            .await?
            .into_iter()
            .map(|one| (format!("campaign:{}", one.id), page.t1("desk-update-about-campaign", "title", one.title))),
    );
    about.extend(
        store::items(db).await?.into_iter().map(|one| (format!("item:{}", one.id), page.t1("desk-update-about-item", "title", one.title))),
    );
    let languages = page.languages().map(|language| (language.tag().to_owned(), language.name().to_owned())).into();
    let texts = Language::ALL.map(|language| {
        let ((title_field, body_field), (title, body)) = (fields(language), values.typed(language));
        Fields { tag: language.tag(), name: language.name(), title_field, body_field, title: title.to_owned(), body: body.to_owned() }
    });
    let title = page.t(if of.is_some() { "desk-update-edit" } else { "desk-update-new" });
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let is_draft = of.is_none_or(|update| update.state == UpdateState::Draft);
    Ok(EditPage {
        page: page.titled(title),
        id: of.map(|update| update.id),
        is_draft,
        values,
        texts: texts.into(),
        errors,
        about,
        languages,
    })
}

async fn blank(State(app): State<App>, _: Editor, page: DeskPage, Query(values): Query<RawUpdate>) -> Result<Response, Error> {
    let language = if values.language.is_empty() { page.lang.tag().to_owned() } else { values.language.clone() };
    let values = RawUpdate { language, ..values };
    web::html(&edit_page(&app, page, None, values, FormErrors::default()).await?)
}

async fn create(State(app): State<App>, who: Editor, page: DeskPage, Form(raw): Form<RawUpdate>) -> Result<Response, Error> {
    save(&app, &who, page, None, raw).await
}

async fn edit(State(app): State<App>, _: Editor, page: DeskPage, Path(id): Path<UpdateId>) -> Result<Response, Error> {
    let entry = entry_of(&app, id).await?;
    if !details::may_be_changed(entry.update.state) {
        return Err(Error::Conflict(page.t("desk-update-edit-late")));
    }
    web::html(&edit_page(&app, page, Some(&entry.update), RawUpdate::of(&entry), FormErrors::default()).await?)
}

async fn change(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<UpdateId>,
    Form(raw): Form<RawUpdate>,
) -> Result<Response, Error> {
    let update = store::update(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    save(&app, &who, page, Some(&update), raw).await
}

/// Writes a new update or a change; what is wrong is said on the same page, with everything typed kept.
async fn save(app: &App, who: &Editor, page: DeskPage, of: Option<&news_update::Model>, raw: RawUpdate) -> Result<Response, Error> {
    let errors = match details::parse(app, &raw) {
        Ok(details) => {
            let other = store::by_slug(app.db.read(), &details.slug).await?.filter(|other| Some(other.id) != of.map(|update| update.id));
            let written = match (other, of) {
                (Some(_), _) => Err(Error::Conflict(page.t("desk-slug-taken"))),
                (None, Some(update)) => details::edit(app, &who.actor(), update.id, &details).await,
                (None, None) => details::create(app, &who.actor(), &details).await,
            };
            let mut errors = FormErrors::default();
            match written {
                Ok(update) => return Ok(web::redirect(&format!("/desk/updates/{}?done=saved", update.id))),
                Err(Error::Conflict(why)) => errors.add("slug", why),
                Err(other) => return Err(other),
            }
            errors
        }
        Err(errors) => errors,
    };
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &edit_page(app, page, of, raw, errors).await?)
}

/// The update and its texts.
pub(super) async fn entry_of(app: &App, id: UpdateId) -> Result<Entry, Error> {
    let update = store::update(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    news::store::with_texts(app.db.read(), vec![update]).await?.pop().ok_or(Error::NotFound)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    language: String,
    /// How often the page has reloaded itself.
    tick: u32,
}

#[derive(Template)]
#[template(path = "updates/desk_update.html")]
struct UpdatePage {
    page: DeskPage,
    update: news_update::Model,
    about: Option<Subject>,
    title: String,
    story: String,
    language: String,
    letter: Content,
    languages: Vec<(String, &'static str)>,
    verbs: Vec<(Verb, String)>,
    progress: Progress,
    /// The next reload by itself, while letters leave.
    reload: Option<u32>,
    zone: String,
    may_send: bool,
    may_be_changed: bool,
    is_public: bool,
}

/// One update as readers see it or will see it, as page and as letter, how far its letters are, and what can be done to it.
async fn show(
    State(app): State<App>,
    _: Editor,
    page: DeskPage,
    Path(id): Path<UpdateId>,
    Query(shown): Query<Shown>,
) -> Result<Response, Error> {
    let entry = entry_of(&app, id).await?;
    let text = entry.text_for(&shown.language).ok_or(Error::NotFound)?;
    let about = subject_of(app.db.read(), &entry.update).await?;
    let letter = letter::filled(&app, &letter::compose(&app, &entry.update, text, about.as_ref())?, id);
    let verbs = Verb::ALL.into_iter().filter(|verb| verb.is_allowed(&entry.update) && (*verb != Verb::Resume || page.is_admin()));
    let verbs = verbs.map(|verb| (verb, page.t(&format!("desk-update-{verb}")))).collect();
    let progress = send::progress(&app, &entry.update).await?;
    let reload = (entry.update.state == UpdateState::Sending && shown.tick < RELOADS_MAX).then_some(shown.tick + 1);
    let languages = entry.texts.iter().map(|text| (text.language.clone(), name_of(&text.language))).collect();
    let is_public = news::store::by_slug(app.db.read(), &entry.update.slug, app.now()).await?.is_some();
    web::html(&UpdatePage {
        title: text.title.clone(),
        story: markdown::to_html(&text.body_markdown),
        language: text.language.clone(),
        page: page.titled(text.title.clone()),
        zone: app.config.org_timezone.name().to_owned(),
        may_send: send::may_be_sent(&entry.update),
        may_be_changed: details::may_be_changed(entry.update.state),
        is_public,
        about,
        letter,
        languages,
        verbs,
        progress,
        reload,
        update: entry.update,
    })
}

fn name_of(tag: &str) -> &'static str {
    Language::nearest(tag).unwrap_or_default().name()
}

/// The HTML part of the letter by itself, as a mail program shows it.
async fn show_letter(State(app): State<App>, _: Editor, Path(id): Path<UpdateId>, Query(shown): Query<Shown>) -> Result<Response, Error> {
    let entry = entry_of(&app, id).await?;
    let text: &news_text::Model = entry.text_for(&shown.language).ok_or(Error::NotFound)?;
    let about = subject_of(app.db.read(), &entry.update).await?;
    let letter = letter::filled(&app, &letter::compose(&app, &entry.update, text, about.as_ref())?, id);
    // Mail programs know no stylesheets, so its few styles stand in it; nothing else may be in it.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
    Ok(([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))], web::html_text(letter.html)).into_response())
}

/// Sends the letters to whoever asks, and to nobody else.
async fn send_test(State(app): State<App>, who: Editor, Path(id): Path<UpdateId>) -> Result<Response, Error> {
    letter::send_test(&app, &who.actor(), &who.staff, id).await?;
    Ok(web::redirect(&format!("/desk/updates/{id}?done=test-letter")))
}

/// Publishes, takes back, pauses or stops an update. Having letters leave again is an administrator's.
async fn apply(State(app): State<App>, who: Editor, Path((id, verb)): Path<(UpdateId, String)>) -> Result<Response, Error> {
    let verb: Verb = verb.parse()?;
    if verb == Verb::Resume {
        return Err(Error::Forbidden("Letters are sent by administrators.".to_owned()));
    }
    state::apply(&app, &who.actor(), id, verb).await?;
    Ok(web::redirect(&format!("/desk/updates/{id}?done=saved")))
}

async fn resume(State(app): State<App>, who: Admin, Path(id): Path<UpdateId>) -> Result<Response, Error> {
    state::apply(&app, &who.actor(), id, Verb::Resume).await?;
    Ok(web::redirect(&format!("/desk/updates/{id}?done=saved")))
}
