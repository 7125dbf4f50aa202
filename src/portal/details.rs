//! Who she is to us: her name, whether it may be shown, her postal address, her language, whether letters are discreet, and her e-mail address.

use super::{session::AtHome, store};
use crate::{
    app::App,
    asks::gift::without_controls,
    error::Error,
    i18n::Language,
    privacy::{
        By,
        address::{self, Choice},
        own,
    },
    receipts::{self, care::Correction},
    web::{self, Form, FormErrors, Page, Path, Query},
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use entity::{ids::ReceiptId, receipt, supporter, words::ErasureBy};
use serde::Deserialize;

const NAME_CHARACTERS_MAX: usize = 100;
const ADDRESS_CHARACTERS_MAX: usize = 300;

/// The form as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    name: String,
    public_name: String,
    address: String,
    language: String,
    discreet: String,
}

#[derive(Template)]
#[template(path = "portal/details.html")]
struct DetailsPage {
    page: Page,
    errors: FormErrors,
    typed: Typed,
    languages: Vec<(&'static str, &'static str)>,
    email: String,
    /// Valid receipts that say another name or address.
    differing: Vec<receipt::Model>,
    done: Option<String>,
}

async fn page_of(app: &App, page: Page, who: &supporter::Model, errors: FormErrors, typed: Option<Typed>) -> Result<DetailsPage, Error> {
    let known = own::details(app.db.read(), who).await?;
    let differing = store::differing_receipts(app.db.read(), who.id, &known.name, &known.address).await?;
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    let title = format!("{prefix}{}", page.t("portal-details-title"));
    let yes = |on: bool| if on { "yes".to_owned() } else { String::new() };
    let typed = typed.unwrap_or_else(|| Typed {
        name: known.name.clone(),
        public_name: yes(known.public_name),
        address: known.address.clone(),
        language: Language::nearest(&who.language).unwrap_or_default().tag().to_owned(),
        discreet: yes(who.discreet),
    });
    let languages = Language::ALL.map(|language| (language.tag(), language.name())).to_vec();
    Ok(DetailsPage { page: page.titled(title), errors, typed, languages, email: who.email.clone(), differing, done: None })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    done: String,
}

/// The form as things stand.
pub(super) async fn show(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let done = ["saved", "asked", "corrected"].contains(&asked.done.as_str()).then(|| page.t(&format!("portal-details-{}", asked.done)));
    web::html(&DetailsPage { done, ..page_of(&app, page, &supporter, FormErrors::default(), None).await? })
}

/// Keeps it.
pub(super) async fn save(State(app): State<App>, AtHome { supporter, page }: AtHome, Form(typed): Form<Typed>) -> Result<Response, Error> {
    let name = without_controls(&typed.name, false);
    let lines = without_controls(&typed.address, true);
    let parts: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let address = parts.join(", ");
    let mut errors = FormErrors::default();
    for (field, text, most) in [("name", &name, NAME_CHARACTERS_MAX), ("address", &address, ADDRESS_CHARACTERS_MAX)] {
        if text.chars().count() > most {
            errors.add(field, page.t1("asks-error-long", "most", page.number(most)));
        }
    }
    let language = Language::ALL.into_iter().find(|language| language.tag() == typed.language);
    let Some(language) = language.filter(|_| errors.is_empty()) else {
        if language.is_none() {
            errors.add("language", page.t("portal-details-language-wrong"));
        }
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &page_of(&app, page, &supporter, errors, Some(typed)).await?);
    };
    let details =
        own::Details { name, address, public_name: !typed.public_name.is_empty(), language, discreet: !typed.discreet.is_empty() };
    own::keep(&app, supporter.id, &details).await?;
    Ok(web::redirect("/me/details?done=saved"))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewAddress {
    email: String,
}

/// Asks both mailboxes for another e-mail address. The answer is the same whether the new one is known to us or not.
pub(super) async fn ask_address(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Form(typed): Form<NewAddress>,
) -> Result<Response, Error> {
    let (text, status) = match address::ask(&app, ErasureBy::Supporter, &By::Supporter.actor(), supporter.id, &typed.email).await {
        Ok(()) => return Ok(web::redirect("/me/details?done=asked")),
        Err(Error::Invalid(_)) => (page.t("portal-address-wrong"), StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::TooMany(_)) => (page.t("portal-address-too-many"), StatusCode::TOO_MANY_REQUESTS),
        Err(Error::Conflict(_)) => (page.t("portal-address-undoable"), StatusCode::CONFLICT),
        Err(error) => return Err(error),
    };
    let mut errors = FormErrors::default();
    errors.add("email", text);
    let mut shown = page_of(&app, page, &supporter, errors, None).await?;
    shown.email = typed.email;
    web::html_status(status, &shown)
}

/// Issues a receipt anew with her present name and address; the old one is replaced.
pub(super) async fn correct(
    State(app): State<App>,
    AtHome { supporter, .. }: AtHome,
    Path(id): Path<ReceiptId>,
) -> Result<Response, Error> {
    store::receipt_of(app.db.read(), supporter.id, id).await?.ok_or(Error::NotFound)?;
    let known = own::details(app.db.read(), &supporter).await?;
    let correction = Correction { name: known.name, address: known.address };
    receipts::care::correct(&app, &By::Supporter.actor(), id, &correction).await?;
    Ok(web::redirect("/me/details?done=corrected"))
}

#[derive(Template)]
#[template(path = "portal/address.html")]
struct AddressPage {
    page: Page,
    token: String,
    /// `decide`, `stop`, `undo`, `waits`, `done`, `over`.
    choice: &'static str,
    new_address: String,
    problem: Option<String>,
}

impl AddressPage {
    fn is(&self, choice: &str) -> bool {
        self.choice == choice
    }
}

/// What a link about another address leads to: it only asks. No session is needed, because the old one may be gone.
pub(super) async fn ask_about_address(State(app): State<App>, page: Page, Path(token): Path<String>) -> Result<Response, Error> {
    address_page(&app, page, token, None, StatusCode::OK).await
}

async fn address_page(app: &App, page: Page, token: String, problem: Option<String>, status: StatusCode) -> Result<Response, Error> {
    let wish = address::behind(app.db.read(), &token).await?;
    let choice = wish.as_ref().and_then(|wish| wish.choice(app.now()));
    let word = match choice {
        Some(Choice::Decide) => "decide",
        Some(Choice::Stop) => "stop",
        Some(Choice::Undo) => "undo",
        Some(Choice::Waits) => "waits",
        Some(Choice::Done) => "done",
        None => "over",
    };
    let title = page.t("portal-address-title");
    let new_address = wish.filter(|_| choice.is_some()).map(|wish| wish.change.new_address).unwrap_or_default();
    let shown = AddressPage { page: page.titled(title), token, choice: word, new_address, problem };
    let mut response = web::html_status(status, &shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decision {
    /// `yes` or `no`.
    say: String,
}

/// Says yes or no for the mailbox that the link was sent to.
pub(super) async fn decide_address(
    State(app): State<App>,
    page: Page,
    Path(token): Path<String>,
    Form(typed): Form<Decision>,
) -> Result<Response, Error> {
    match address::decide(&app, &token, typed.say == "yes").await {
        Ok(()) | Err(Error::NotFound) => address_page(&app, page, token, None, StatusCode::OK).await,
        Err(Error::Conflict(_)) => {
            let problem = Some(page.t("portal-address-taken"));
            address_page(&app, page, token, problem, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error),
    }
}
