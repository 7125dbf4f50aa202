//! The desk's frame: navigation by role, who is signed in, what was just done.

use super::{guard::let_in, outcomes};
use crate::{app::App, canary, i18n::Language, web::Page};
use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use entity::{staff_member, words::Role};
use std::ops::Deref;

/// The frame of a page of the desk. Every desk page struct has one as its field `page`; it is a [`Page`] besides.
#[derive(Clone, Debug)]
pub struct DeskPage {
    /// Who is signed in.
    pub staff: staff_member::Model,
    /// What was just done, in a sentence; from `?done=<word>`, the text being `desk-done-<word>`.
    pub done: Option<String>,
    /// What the hourly verification found wrong, for every page; nothing when all agrees.
    pub alarm: Option<String>,
    /// The first link of the chain that gave the canary no sign, and what to do, in sentences.
    pub silence: Option<String>,
    page: Page,
}

/// A place in the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavLink {
    /// Where it leads.
    pub path: &'static str,
    /// What it says.
    pub text: String,
    /// `page` or `false`, as `aria-current` wants it.
    pub current: &'static str,
}

/// Places that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavGroup {
    /// What they have in common.
    pub name: String,
    /// The places that she may go to.
    pub links: Vec<NavLink>,
}

/// A place, its text, and who works there.
type Place = (&'static str, &'static str, &'static [Role]);

const EVERYBODY: &[Role] = &[Role::Admin, Role::Editor, Role::Finance];
const EDITORS: &[Role] = &[Role::Admin, Role::Editor];
const FINANCE: &[Role] = &[Role::Admin, Role::Finance];
const ADMINS: &[Role] = &[Role::Admin];

/// The places of the desk, by what they are about.
const PLACES: &[(&str, &[Place])] = &[
    (
        "desk-nav-of-gifts",
        &[
            ("/desk/donations", "desk-nav-donations", EVERYBODY),
            ("/desk/recurring", "desk-nav-recurring", EVERYBODY),
            ("/desk/refunds", "desk-nav-refunds", FINANCE),
            ("/desk/disputes", "desk-nav-disputes", FINANCE),
            ("/desk/receipts", "desk-nav-receipts", FINANCE),
            ("/desk/supporters", "desk-nav-supporters", FINANCE),
        ],
    ),
    (
        "desk-nav-of-asking",
        &[
            ("/desk/campaigns", "desk-nav-campaigns", EDITORS),
            ("/desk/wish-list", "desk-nav-wish-list", EDITORS),
            ("/desk/matching", "desk-nav-matching", FINANCE),
            ("/desk/updates", "desk-nav-updates", EDITORS),
            ("/desk/promises", "desk-nav-promises", FINANCE),
            ("/desk/articles", "desk-nav-articles", EDITORS),
            ("/desk/readers", "desk-nav-readers", EVERYBODY),
        ],
    ),
    (
        "desk-nav-of-books",
        &[
            ("/desk/payouts", "desk-nav-payouts", FINANCE),
            ("/desk/periods", "desk-nav-periods", FINANCE),
            ("/desk/reports", "desk-nav-reports", FINANCE),
        ],
    ),
    (
        "desk-nav-of-office",
        &[
            ("/desk/letters", "desk-nav-letters", FINANCE),
            ("/desk/audit", "desk-nav-audit", ADMINS),
            ("/desk/genuine", "desk-nav-genuine", ADMINS),
            ("/desk/staff", "desk-nav-staff", ADMINS),
        ],
    ),
];

impl FromRequestParts<App> for DeskPage {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let staff = let_in(parts, app).await?.staff;
        let mut page = Page::of(app, &parts.headers, &parts.uri);
        // The desk's own words are English so far: the frame says so, and content carries its own language.
        page.lang = Language::English;
        let done = parts.uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("done=")));
        let done = done.filter(|word| word.len() <= 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        let done = done.map(|word| format!("desk-done-{word}")).filter(|key| page.lang.has(key)).map(|key| page.t(&key));
        let verified = outcomes::last(app.db.read(), outcomes::VERIFY).await.map_err(IntoResponse::into_response)?;
        let alarm = verified.filter(|last| !last.ok).map(|last| last.summary);
        let silence = canary::state(app).await.ok().flatten().and_then(|report| report.banner());
        Ok(Self { staff, done, alarm, silence, page })
    }
}

impl Deref for DeskPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl DeskPage {
    /// The page with its title.
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.page.title = title.into();
        self
    }

    /// The places that she may go to; a group of which none is open to her is left out.
    pub fn nav(&self) -> Vec<NavGroup> {
        let groups = PLACES.iter().map(|(name, places)| {
            let open = places.iter().filter(|(_, _, roles)| roles.contains(&self.staff.role));
            let links = open.map(|(path, key, _)| NavLink { path, text: self.t(key), current: self.current(path) }).collect();
            NavGroup { name: self.t(name), links }
        });
        groups.filter(|group| !group.links.is_empty()).collect()
    }

    /// A role as people read it.
    pub fn role(&self, role: impl std::borrow::Borrow<Role>) -> String {
        self.t(&format!("desk-role-{}", role.borrow()))
    }

    /// Whether she may change articles, campaigns and wishes.
    pub fn may_edit(&self) -> bool {
        matches!(self.staff.role, Role::Admin | Role::Editor)
    }

    /// Whether she may see money and who gave it.
    pub fn may_see_money(&self) -> bool {
        matches!(self.staff.role, Role::Admin | Role::Finance)
    }

    /// Whether she may change people and read the audit trail.
    pub fn is_admin(&self) -> bool {
        self.staff.role == Role::Admin
    }

    /// An e-mail address as this member of staff may see it.
    pub fn email(&self, email: &str) -> String {
        if self.may_see_money() { email.to_owned() } else { mask_email(email) }
    }

    /// A supporter's name as this member of staff may see it: where the supporter did not make it public, finance only.
    pub fn donor(&self, name: &str, is_public: &bool) -> String {
        if self.may_see_money() || *is_public { name.to_owned() } else { String::new() }
    }

    /// A word of the program (a state, a kind of step) in plain words: the text `<prefix>-<word>`, or the word itself.
    pub fn word(&self, prefix: &str, word: impl AsRef<str>) -> String {
        let word = word.as_ref();
        let key = format!("{prefix}-{}", word.replace('_', "-"));
        if self.lang.has(&key) { self.t(&key) } else { word.to_owned() }
    }
}

/// An e-mail address for who may not see it: `a…@e….org`.
fn mask_email(email: &str) -> String {
    let Some((user, domain)) = email.rsplit_once('@') else { return "…".to_owned() };
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let ending = domain.rsplit_once('.').map_or("", |(_, ending)| ending);
    format!("{}…@{}….{ending}", first(user), first(domain))
}
