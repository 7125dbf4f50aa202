//! What a page needs beside its own content: language, navigation, the organisation's face.

use super::assets;
use crate::{
    app::App,
    config::{Config, Link},
    error::Error,
    i18n::{Language, dir_of},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, header, request::Parts},
};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, NaiveDate, Utc};
use entity::Money;
use fluent_templates::fluent_bundle::FluentValue;
use std::sync::Arc;

/// The cookie that remembers a chosen language; it holds nothing else.
pub const LANGUAGE_COOKIE: &str = "lang";

/// A value that a template shows: by itself or behind any number of references, because a template cannot take them off.
pub trait Shown<T> {
    /// The value.
    fn shown(&self) -> T;
}

macro_rules! shown {
    ($($own:ty => $as:ty),+ $(,)?) => {$(
        impl Shown<$as> for $own {
            fn shown(&self) -> $as {
                #[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "one body serves all kinds of numbers")]
                <$as>::try_from(*self).unwrap_or_else(|_| unreachable!("a count fits in 63 bits"))
            }
        }
    )+};
}

shown!(i64 => i64, i32 => i64, u32 => i64, u64 => i64, usize => i64, Money => Money, NaiveDate => NaiveDate, DateTime<Utc> => DateTime<Utc>);

impl<T, U: Shown<T> + ?Sized> Shown<T> for &U {
    fn shown(&self) -> T {
        (**self).shown()
    }
}

/// The frame of a public page. Every page struct has one as its field `page`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The language of the page's own words.
    pub lang: Language,
    /// Whether the reader chose it, rather than her browser.
    pub lang_chosen: bool,
    /// The title, without the organisation's name.
    pub title: String,
    /// The path of this page, for the navigation and the language switch.
    pub path: String,
    config: Arc<Config>,
}

impl FromRequestParts<App> for Page {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Ok(Self::of(app, &parts.headers, &parts.uri))
    }
}

impl Page {
    /// The frame for a request: language by `?lang=`, then the cookie, then the browser's wish, then English.
    pub fn of(app: &App, headers: &HeaderMap, uri: &Uri) -> Self {
        let asked = uri.query().and_then(|q| q.split('&').find_map(|pair| pair.strip_prefix("lang="))).and_then(|tag| tag.parse().ok());
        let kept = || CookieJar::from_headers(headers).get(LANGUAGE_COOKIE).and_then(|c| c.value().parse().ok());
        let chosen: Option<Language> = asked.or_else(kept);
        let wished = || headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(Language::accepted);
        Self {
            lang: chosen.or_else(wished).unwrap_or_default(),
            lang_chosen: chosen.is_some(),
            title: String::new(),
            path: uri.path().to_owned(),
            config: app.config.clone(),
        }
    }

    /// A frame outside any request, for what is rendered by a job or a test.
    pub fn plain(app: &App, lang: Language) -> Self {
        Self { lang, lang_chosen: true, title: String::new(), path: "/".to_owned(), config: app.config.clone() }
    }

    /// The page with its title.
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The page in `tag`'s language, unless the reader chose another: an article in Dari has a Dari page around it.
    pub fn preferring(mut self, tag: &str) -> Self {
        if !self.lang_chosen
            && let Some(lang) = Language::nearest(tag)
        {
            self.lang = lang;
        }
        self
    }

    /// The text of `key`.
    pub fn t(&self, key: &str) -> String {
        self.lang.text(key)
    }

    /// The text of `key` with one argument, a text.
    pub fn t1(&self, key: &str, name: &'static str, value: impl ToString) -> String {
        self.lang.text_with(key, &[(name, FluentValue::from(value.to_string()))])
    }

    /// The text of `key` with two arguments, texts.
    pub fn t2(&self, key: &str, name: &'static str, value: impl ToString, name2: &'static str, value2: impl ToString) -> String {
        self.lang.text_with(key, &[(name, FluentValue::from(value.to_string())), (name2, FluentValue::from(value2.to_string()))])
    }

    /// The text of `key` for a count: `count` picks the plural, `number` is it as written in the language.
    pub fn tn(&self, key: &str, count: impl Shown<i64>) -> String {
        let count = count.shown();
        self.lang.text_with(key, &[("count", FluentValue::from(count)), ("number", FluentValue::from(self.lang.number(count)))])
    }

    /// An amount in the page's language.
    pub fn money(&self, money: impl Shown<Money>) -> String {
        self.lang.money(money.shown())
    }

    /// A whole number in the page's language.
    pub fn number(&self, number: impl Shown<i64>) -> String {
        self.lang.number(number.shown())
    }

    /// A day in the page's language.
    pub fn date(&self, day: impl Shown<NaiveDate>) -> String {
        self.lang.date(day.shown())
    }

    /// The day of an instant in the organisation's time zone, in the page's language.
    pub fn day(&self, instant: impl Shown<DateTime<Utc>>) -> String {
        self.lang.date(instant.shown().with_timezone(&self.config.org_timezone).date_naive())
    }

    /// An instant in the organisation's time zone, to the minute, with the zone's offset: `2026-11-22 18:05 +04:30`.
    pub fn time(&self, instant: impl Shown<DateTime<Utc>>) -> String {
        instant.shown().with_timezone(&self.config.org_timezone).format("%Y-%m-%d %H:%M %:z").to_string()
    }

    /// An instant in the organisation's time zone, in the page's language, to the minute: `31 May 2026, 18:30`.
    pub fn moment(&self, instant: impl Shown<DateTime<Utc>>) -> String {
        let local = instant.shown().with_timezone(&self.config.org_timezone);
        format!("{}, {}", self.lang.date(local.date_naive()), self.lang.digits(&local.format("%H:%M").to_string()))
    }

    /// A time of day in the organisation's time zone, with the zone's name: `18:30 (Asia/Kabul)`.
    pub fn clock(&self, time: impl std::borrow::Borrow<chrono::NaiveTime>) -> String {
        format!("{} ({})", self.lang.digits(&time.borrow().format("%H:%M").to_string()), self.config.org_timezone.name())
    }

    /// The direction of a language by its tag.
    pub fn dir_of(&self, tag: &str) -> &'static str {
        dir_of(tag)
    }

    /// The organisation's settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The organisation's name.
    pub fn org(&self) -> &str {
        &self.config.org_name
    }

    /// Channels elsewhere.
    pub fn channels(&self) -> &[Link] {
        &self.config.org_channels
    }

    /// Wish lists at shops elsewhere.
    pub fn wish_lists(&self) -> &[Link] {
        &self.config.org_wish_lists
    }

    /// Whether no real money moves here.
    pub fn is_practice(&self) -> bool {
        self.config.is_practice()
    }

    /// The address of an asset.
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The absolute address of a path.
    pub fn link(&self, path: &str) -> String {
        self.config.link(path)
    }

    /// The languages to switch to.
    pub fn languages(&self) -> [Language; 3] {
        Language::ALL
    }

    /// `page` for the navigation's link to where we are, else `false`, as `aria-current` wants it.
    pub fn current(&self, prefix: &str) -> &'static str {
        if self.path == prefix || self.path.starts_with(&format!("{prefix}/")) { "page" } else { "false" }
    }
}
