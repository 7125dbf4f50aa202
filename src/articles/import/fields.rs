//! The named fields of front matter and of CSV columns, which are the same.
//!
//! | field | also | what |
//! |---|---|---|
//! | `id` | | what the import knows the article by |
//! | `title` | `headline` | the headline |
//! | `standfirst` | `summary`, `description`, `subtitle` | the sentence under it |
//! | `byline` | `author` | who wrote it |
//! | `body` | `text`, `content` | the text in Markdown (in front matter: what follows it) |
//! | `source_name`, `source_url`, `source_date` | `source` | for a quoted piece: the paper, the address, the day |
//! | `category` | `categories` | a path such as `Taliban/ISIS` |
//! | `language` | `lang` | a tag such as `fa-AF`; without one, told by the letters |
//! | `published` | `date`, `published_at` | the publication date |
//! | `status` | `draft: true` | `published` (as without it), `draft` or `unpublished` |
//! | `sensitive` | | `yes`: the article asks for nothing |
//! | `url` | `canonical_url`, `link` | without a text: the page elsewhere; with one: where the quoted piece stands |
//! | `slug` | | the name in the URL |
//! | `views` | | views counted by the older site |

use super::values;
use crate::articles::Details;
use chrono_tz::Tz;
use entity::words::ArticleKind;
use std::collections::HashMap;

/// The field that a name stands for, if any.
pub fn field_named(name: &str) -> Option<&'static str> {
    Some(match name.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
        "id" => "id",
        "title" | "headline" => "title",
        "standfirst" | "summary" | "description" | "subtitle" => "standfirst",
        "byline" | "author" => "byline",
        "body" | "body_markdown" | "text" | "content" => "body",
        "source_name" | "source" => "source_name",
        "source_url" => "source_url",
        "source_date" => "source_date",
        "category" | "categories" => "category",
        "language" | "lang" => "language",
        "published" | "date" | "published_at" => "published",
        "status" => "status",
        "draft" => "draft",
        "sensitive" => "sensitive",
        "url" | "canonical_url" | "link" => "url",
        "slug" => "slug",
        "views" => "views",
        _ => return None,
    })
}

/// The fields of one article, by the names of [`field_named`].
#[derive(Debug, Default)]
pub struct Fields(pub HashMap<&'static str, String>);

/// What fields say: the article, the views of the older site, whether readers should see it.
#[derive(Debug)]
pub struct Said {
    pub details: Details,
    pub views: i64,
    pub publish: bool,
}

impl Fields {
    /// The field, trimmed; empty when it is not there.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map(|value| value.trim()).unwrap_or_default()
    }

    /// What the fields say, or every field that is not understood with the reason.
    pub fn understood(&self, zone: Tz) -> Result<Said, Vec<(&'static str, String)>> {
        let published_at = values::instant(self.get("published"), zone);
        let day = |text: &str| values::day(text).or_else(|| values::instant(text, zone).map(|at| at.date_naive()));
        let source_date = day(self.get("source_date"));
        let views = values::count(self.get("views"));
        let sensitive = values::truth(self.get("sensitive"));
        let publish = self.publish();
        let checks = [
            ("published", published_at.is_some(), "a date such as 2026-03-21, or a date and time"),
            ("source_date", source_date.is_some(), "a date such as 2026-03-21"),
            ("views", views.is_some(), "a count such as 1204"),
            ("sensitive", sensitive.is_some(), "yes or no"),
            ("draft", values::truth(self.get("draft")).is_some(), "yes or no"),
            ("status", publish.is_some(), "published, draft or unpublished"),
        ];
        let wrong = checks.iter().filter(|(field, understood, _)| !understood && !self.get(field).is_empty());
        let faults: Vec<_> = wrong.map(|(field, _, wanted)| (*field, format!("`{}` is not {wanted}", self.get(field)))).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut details = self.details();
        details.source_date = source_date;
        details.sensitive = sensitive.unwrap_or_default();
        details.published_at = published_at;
        Ok(Said { details, views: views.unwrap_or_default(), publish: publish.unwrap_or_default() })
    }

    /// Whether readers should see it; nothing when the status is not understood.
    fn publish(&self) -> Option<bool> {
        match self.get("status").to_lowercase().as_str() {
            "" | "published" => Some(values::truth(self.get("draft")) != Some(true)),
            "draft" | "unpublished" => Some(false),
            _ => None,
        }
    }

    /// What needs no understanding beyond its words.
    fn details(&self) -> Details {
        let given = |field: &str| Some(self.get(field).to_owned()).filter(|text| !text.is_empty());
        let body = self.0.get("body").cloned().unwrap_or_default();
        let url = given("url");
        let is_elsewhere = body.trim().is_empty() && url.is_some();
        let language = match self.get("language") {
            "" => values::language_by_letters(&format!("{} {} {body}", self.get("title"), self.get("standfirst"))),
            tag => values::language(tag),
        };
        Details {
            kind: if is_elsewhere { ArticleKind::Elsewhere } else { ArticleKind::Hosted },
            canonical_url: url.clone().filter(|_| is_elsewhere),
            slug: self.get("slug").to_owned(),
            title: self.get("title").to_owned(),
            standfirst: self.get("standfirst").to_owned(),
            byline: self.get("byline").to_owned(),
            body_markdown: body,
            source_name: self.get("source_name").to_owned(),
            source_url: given("source_url").or(url.filter(|_| !is_elsewhere)),
            category: self.get("category").to_owned(),
            language,
            ..Details::default()
        }
    }
}
