//! A short letter: a greeting, some sentences, perhaps a link. Text and HTML say the same.

use super::message::one_line;
use crate::{
    error::Error,
    i18n::{ISOLATE, Language, plain},
};
use askama::Template;
use fluent_templates::fluent_bundle::FluentValue;

/// Longest subject that lock screens and lists show whole.
const SUBJECT_CHARACTERS_MAX: usize = 78;

/// A link and what it is for.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is for.
    pub words: String,
    /// Where it leads.
    pub url: String,
}

/// A short letter.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its language.
    pub language: Language,
    /// To whom; may be empty.
    pub name: String,
    /// Who writes.
    pub org: String,
    /// Where questions go.
    pub org_email: String,
    /// Whether no real money moves here.
    pub practice: bool,
    /// The subject.
    pub subject: String,
    /// The sentences.
    pub paragraphs: Vec<String>,
    /// What is copied from the letter, a line each, such as an account number; may be empty.
    pub details: Vec<String>,
    /// The sentences after those lines.
    pub after: Vec<String>,
    /// The link.
    pub link: Option<Link>,
}

/// `Dear Wren,` or, without a name, `Hello,`: how every letter begins.
pub fn greeting(language: Language, name: &str) -> String {
    match one_line(name, 200) {
        name if name.is_empty() => language.text("receipt-greeting-unnamed"),
        name => language.text_with("receipt-greeting", &[("name", FluentValue::from(name))]),
    }
}

macro_rules! rendering {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            note: &'a Note,
            greeting: &'a str,
            practice: &'a str,
            questions: &'a str,
            privacy: &'a str,
        }
    };
}
rendering!(AsText, "mail/note/note.txt");
rendering!(AsHtml, "mail/note/note.html");

impl Note {
    /// Subject, text and HTML.
    pub fn render(&self) -> Result<(String, String, String), Error> {
        let with = |key, name, value: &str| self.language.text_with(key, &[(name, FluentValue::from(value.to_owned()))]);
        let greeting = greeting(self.language, &self.name);
        let practice = if self.practice { self.language.text("note-practice") } else { String::new() };
        let questions = with("receipt-questions", "email", &self.org_email);
        let privacy = self.language.text("receipt-privacy");
        let (greeting, practice, questions, privacy) = (&greeting, &practice, &questions, &privacy);
        let text = AsText { note: self, greeting, practice, questions, privacy }.render()?;
        let html = AsHtml { note: self, greeting, practice, questions, privacy }.render()?;
        let text = plain(format!("{}\n", text.trim()), self.language.dir());
        Ok((one_line(&self.subject.replace(ISOLATE, ""), SUBJECT_CHARACTERS_MAX), text, html))
    }
}
