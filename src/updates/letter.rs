//! The letter of an update: greeting, title, text, the link to its page, and how to get no more of them. No picture, no counted link.

use super::{Subject, store, subject_of};
use crate::{
    app::App,
    error::Error,
    i18n::{self, Language, dir_of},
    mail::{
        mailing::{Content, GREETING, UNSUBSCRIBE},
        message::one_line,
        outbox::NewLetter,
    },
    news::{self, Entry},
    staff::audit::{self, Actor},
    web::markdown,
};
use askama::Template;
use entity::{ids::UpdateId, news_text, news_update, staff_member, words::LetterKind};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::ConnectionTrait;
use serde_json::json;

/// The longest subject.
const SUBJECT_CHARS_MAX: usize = 100;

/// What both parts of a letter say beside its text.
#[derive(Clone)]
struct Letter<'a> {
    language: Language,
    text_language: &'a str,
    text_dir: &'static str,
    practice: String,
    greeting: &'static str,
    title: &'a str,
    about: String,
    words: Words,
    page_link: String,
    unsubscribe: &'static str,
    org: &'a str,
}

#[derive(Template)]
#[template(path = "mail/update/update.txt")]
struct AsText<'a> {
    letter: &'a Letter<'a>,
    story: &'a str,
}

#[derive(Template)]
#[template(path = "mail/update/update.html")]
struct AsHtml<'a> {
    letter: &'a Letter<'a>,
    story: &'a str,
}

/// The letter's own sentences.
#[derive(Clone)]
struct Words {
    on_page: String,
    why: String,
    end: String,
    questions: String,
    privacy: String,
}

impl Words {
    fn of(app: &App, language: Language) -> Self {
        let with = |key, name, value: &str| language.text_with(key, &[(name, FluentValue::from(value.to_owned()))]);
        Self {
            on_page: language.text("updates-letter-on-page"),
            why: with("updates-letter-why", "org", &app.config.org_name),
            end: language.text("updates-letter-end"),
            questions: with("receipt-questions", "email", &app.config.org_email),
            privacy: language.text("receipt-privacy"),
        }
    }
}

/// The letter with the text `text`, for whoever reads that language, and the one for who wants discreet letters: that there is news, and a
/// link that names nothing. The places for what each recipient has of her own are left.
pub fn compose(app: &App, update: &news_update::Model, text: &news_text::Model, subject: Option<&Subject>) -> Result<Content, Error> {
    let language = Language::nearest(&text.language).unwrap_or_default();
    let title = one_line(&text.title, SUBJECT_CHARS_MAX);
    let about = subject.map(|subject| language.text_with("updates-about", &[("title", FluentValue::from(subject.title.clone()))]));
    let letter = Letter {
        language,
        text_language: &text.language,
        text_dir: dir_of(&text.language),
        practice: if app.config.is_practice() { language.text("note-practice") } else { String::new() },
        greeting: GREETING,
        title: &title,
        about: about.unwrap_or_default(),
        words: Words::of(app, language),
        page_link: app.config.link(&format!("/updates/{}", update.slug)),
        unsubscribe: UNSUBSCRIBE,
        org: &app.config.org_name,
    };
    // A link is a long word: unbroken, it would make the letter wider than a phone.
    let html = markdown::to_html_for_elsewhere(&text.body_markdown, &app.config.base_url)
        .replace("<a href=", "<a style=\"word-break: break-all\" href=");
    let plain = markdown::to_text(&text.body_markdown, &app.config.base_url);
    let (text, html) = letter.render(&plain, &html)?;
    let (neutral, sentence) = (language.text("letter-discreet-subject"), language.text("updates-letter-discreet"));
    let page_link = app.config.link(&format!("/updates/{}", update.id));
    let discreet = Letter {
        text_language: language.tag(),
        text_dir: language.dir(),
        title: &neutral,
        about: String::new(),
        page_link,
        ..letter.clone()
    };
    let (discreet_text, discreet_html) = discreet.render(&sentence, &format!("<p>{sentence}</p>"))?;
    Ok(Content { language: language.tag().to_owned(), text, html, subject: title, discreet_text, discreet_html })
}

impl Letter<'_> {
    /// The text part and the HTML part around a text.
    fn render(&self, plain: &str, html: &str) -> Result<(String, String), Error> {
        let html = AsHtml { letter: self, story: html }.render()?;
        let text = format!("{}\n", AsText { letter: self, story: plain }.render()?.trim());
        Ok((i18n::plain(text, self.language.dir()), i18n::plain(html, self.language.dir())))
    }
}

/// The letters of an update, one for each of its texts.
pub async fn contents(app: &App, db: &impl ConnectionTrait, entry: &Entry) -> Result<Vec<Content>, Error> {
    let subject = subject_of(db, &entry.update).await?;
    entry.texts.iter().map(|text| compose(app, &entry.update, text, subject.as_ref())).collect()
}

/// The letter as its recipients will see it, for a preview or a test: a greeting without a name, and a link that ends nothing.
pub fn filled(app: &App, content: &Content, id: UpdateId) -> Content {
    let language = Language::nearest(&content.language).unwrap_or_default();
    let (greeting, link) = (language.text("receipt-greeting-unnamed"), app.config.link(&format!("/desk/updates/{id}")));
    let fill = |text: &str| text.replace(GREETING, &greeting).replace(UNSUBSCRIBE, &link);
    Content { text: fill(&content.text), html: fill(&content.html), ..content.clone() }
}

/// Sends the letters of an update to a member of staff, one for each language, at most once a minute.
pub async fn send_test(app: &App, actor: &Actor, to: &staff_member::Model, id: UpdateId) -> Result<(), Error> {
    let now = app.now();
    let minute = now.timestamp() / 60;
    app.db
        .write(async |tx| {
            let update = store::update(tx, id).await?.ok_or(Error::NotFound)?;
            let entry = news::store::with_texts(tx, vec![update]).await?.pop().ok_or(Error::NotFound)?;
            for content in contents(app, tx, &entry).await? {
                let content = filled(app, &content, id);
                let letter = NewLetter {
                    kind: LetterKind::StaffNotice,
                    dedupe_key: format!("update:{id}:test:{}:{}:{minute}", to.id, content.language),
                    donation_id: None,
                    receipt_id: None,
                    to_address: to.email.clone(),
                    to_name: to.name.clone(),
                    subject: content.subject,
                    text: content.text,
                    html: content.html,
                    language: content.language,
                    discreet: false,
                };
                app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
            }
            audit::record(tx, now, actor, "update.test", "update", &id.to_string(), json!({})).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(())
}
