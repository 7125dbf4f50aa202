//! What is a view by a person: the filter every beacon passes, in one fixed order, into exactly one bucket.

use std::sync::LazyLock;

/// The version of these rules. It is stored with each day, so that a change of figures can be told from a change of readers: raise it
/// whenever the order, a rule or the list of words below changes.
pub const RULES_VERSION: i32 = 1;

/// Shorter user agents name no browser.
const USER_AGENT_BYTES_MIN: usize = 20;

/// Words, in lower case, that programs put into their user agent and browsers do not. Compiled by us from how crawlers, libraries,
/// headless browsers, link previews and monitors name themselves; short on purpose, since what it misses mostly fails a later rule.
const PROGRAM_WORDS: [&str; 43] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scrape",
    "archiver",
    "fetch",
    "preview",
    "monitor",
    "uptime",
    "pingdom",
    "statuscake",
    "lighthouse",
    "pagespeed",
    "gtmetrix",
    "headless",
    "phantomjs",
    "puppeteer",
    "playwright",
    "selenium",
    "webdriver",
    "electron",
    "curl",
    "wget",
    "python",
    "httpx",
    "aiohttp",
    "java/",
    "okhttp",
    "apache-http",
    "go-http",
    "ruby",
    "perl",
    "php/",
    "axios",
    "node",
    "http_request",
    "facebookexternalhit",
    "whatsapp/",
    "scan",
    "feed",
    "reader/",
    "validator",
];

/// Where a beacon ended. The names are the columns' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Bucket {
    /// A qualified view.
    Counted = 0,
    /// The same page load, sent again.
    DuplicateView = 1,
    /// A program, or a request that no page of ours made.
    Bot = 2,
    /// Loaded by a browser in advance: nobody has read it.
    Prefetch = 3,
    /// The reader asked not to be counted (Global Privacy Control, Do Not Track).
    OptOut = 4,
    /// The beacon could not be understood.
    Malformed = 5,
    /// It names no published article.
    UnknownArticle = 6,
    /// One network has already added as many readers today as it may.
    Capped = 7,
    /// A member of staff at her own desk.
    Staff = 8,
}

impl Bucket {
    /// Every bucket, in the order in which figures are shown and stored.
    pub const ALL: [Self; 9] = [
        Self::Counted,
        Self::DuplicateView,
        Self::Bot,
        Self::Prefetch,
        Self::OptOut,
        Self::Malformed,
        Self::UnknownArticle,
        Self::Capped,
        Self::Staff,
    ];

    /// The key of the text that names it.
    pub const fn text_key(self) -> &'static str {
        match self {
            Self::Counted => "desk-readers-bucket-counted",
            Self::DuplicateView => "desk-readers-bucket-duplicate",
            Self::Bot => "desk-readers-bucket-bot",
            Self::Prefetch => "desk-readers-bucket-prefetch",
            Self::OptOut => "desk-readers-bucket-opt-out",
            Self::Malformed => "desk-readers-bucket-malformed",
            Self::UnknownArticle => "desk-readers-bucket-unknown",
            Self::Capped => "desk-readers-bucket-capped",
            Self::Staff => "desk-readers-bucket-staff",
        }
    }
}

/// What the filter reads of a request. It has no `Debug`: user agents belong in no log.
#[derive(Clone, Copy, Default)]
pub struct Signs<'a> {
    /// `Sec-Purpose`, `Purpose` and `X-Moz`.
    pub purposes: [Option<&'a str>; 3],
    /// `Sec-GPC`.
    pub gpc: Option<&'a str>,
    /// `DNT`.
    pub dnt: Option<&'a str>,
    /// `User-Agent`.
    pub user_agent: &'a [u8],
    /// Whether `Accept-Language` says anything.
    pub has_language: bool,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
    /// Whether the request is the no-script pixel: a GET carries no `Origin`.
    pub is_pixel: bool,
}

/// The bucket that a request's headers alone decide, in the order of the definition; `None` goes on to the body.
pub fn judge(signs: &Signs<'_>, our_origins: &[String]) -> Option<Bucket> {
    if signs.purposes.iter().flatten().any(|purpose| is_prefetch(purpose)) {
        return Some(Bucket::Prefetch);
    }
    if signs.gpc.is_some_and(|value| value.trim() == "1") || signs.dnt.is_some_and(|value| value.trim() == "1") {
        return Some(Bucket::OptOut);
    }
    if is_program(signs.user_agent) || !signs.has_language || !is_ours(signs, our_origins) {
        return Some(Bucket::Bot);
    }
    None
}

/// `Sec-Purpose: prefetch;prerender`, `Purpose: prefetch`, `X-Moz: prefetch`, and Safari's `X-Purpose` word `preview`.
fn is_prefetch(purpose: &str) -> bool {
    let purpose = purpose.to_ascii_lowercase();
    ["prefetch", "prerender", "preview"].iter().any(|word| purpose.contains(word))
}

/// Whether a user agent is that of a program.
fn is_program(user_agent: &[u8]) -> bool {
    let name = user_agent.trim_ascii();
    if name.len() < USER_AGENT_BYTES_MIN {
        return true;
    }
    let name = name.to_ascii_lowercase();
    (0..name.len()).any(|start| {
        let words = WORDS_BY_LETTER.get(usize::from(name[start])).map_or(&[][..], Vec::as_slice);
        words.iter().any(|word| name[start..].starts_with(word) && !is_telephone(&name[..start], word))
    })
}

/// A maker of telephones is called Cubot: its "bot" is none.
fn is_telephone(before: &[u8], word: &[u8]) -> bool {
    word == b"bot" && before.ends_with(b"cu")
}

/// The words by their first letter, so that a name is gone through once and not once for each word.
static WORDS_BY_LETTER: LazyLock<Vec<Vec<&'static [u8]>>> = LazyLock::new(|| {
    let mut letters = vec![Vec::new(); 128];
    for word in PROGRAM_WORDS {
        letters[usize::from(word.as_bytes()[0])].push(word.as_bytes());
    }
    letters
});

/// Whether a page of ours sent it. Browsers say so in `Sec-Fetch-Site`; older ones name the `Origin` of every POST. A POST with
/// neither comes from no browser of the last years.
fn is_ours(signs: &Signs<'_>, our_origins: &[String]) -> bool {
    let origin_is_ours = signs.origin.map(|origin| our_origins.iter().any(|ours| ours.eq_ignore_ascii_case(origin)));
    match (signs.fetch_site, origin_is_ours) {
        (Some("same-origin"), _) | (_, Some(true)) => true,
        (Some(_), _) | (None, Some(false)) => false,
        (None, None) => signs.is_pixel,
    }
}
