//! The settings after they were checked: every value is of its type, and combinations that would be dangerous were refused.

use super::Settings;
use crate::error::Error;
use chrono::NaiveDate;
use chrono_tz::Tz;
use entity::{Currency, Money, words::Account};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};
use url::Url;

/// A link in the settings: a name and an https address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What people read.
    pub name: String,
    /// Where it leads.
    pub url: String,
}

/// Who takes the money.
#[derive(Clone, Debug)]
pub enum PaymentWay {
    /// The stand-in, on this address: no real money moves.
    Standin(SocketAddr),
    /// Stripe.
    Stripe {
        /// The secret or restricted key.
        key: SecretString,
        /// The webhook secrets, one or two.
        webhook_secrets: Vec<SecretString>,
        /// Where the API answers.
        api_base: String,
        /// The origin of the checkout page.
        checkout_origin: String,
    },
}

/// The daily practice payment: in test mode only.
#[derive(Clone, Debug)]
pub struct Canary {
    /// A test key.
    pub key: SecretString,
    /// The secret that its webhooks are signed with.
    pub webhook_secret: SecretString,
}

/// The way letters leave.
#[derive(Clone, Debug)]
pub enum MailWay {
    /// Over SMTP, by this URL.
    Smtp(SecretString),
    /// As .eml files in this folder.
    Files(PathBuf),
}

/// The rules that receipts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptProfile {
    /// Amount, date, organisation, number.
    Plain,
    /// United States, IRC 170(f)(8).
    Us,
    /// United Kingdom.
    Uk,
    /// Canada, Income Tax Regulations 3501.
    Ca,
    /// Germany, § 50 EStDV.
    De,
    /// Australia, deductible gift recipients.
    Au,
}

impl ReceiptProfile {
    /// The word of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Us => "us",
            Self::Uk => "uk",
            Self::Ca => "ca",
            Self::De => "de",
            Self::Au => "au",
        }
    }

    /// Whether official receipts need the supporter's postal address, so that the form asks for it.
    pub const fn needs_address(self) -> bool {
        matches!(self, Self::Ca | Self::De)
    }

    /// Whether the form offers a Gift Aid declaration.
    pub const fn offers_gift_aid(self) -> bool {
        matches!(self, Self::Uk)
    }
}

/// The smallest and largest gift of one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The smallest gift.
    pub min: Money,
    /// The largest gift.
    pub max: Money,
}

/// The settings, checked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is the setting of the same name, which says what it is")]
pub struct Config {
    pub data_dir: PathBuf,
    pub database_url: String,
    pub listen: SocketAddr,
    pub base_url: Url,
    pub secret_key: SecretString,
    pub org_name: String,
    pub org_tagline: String,
    pub org_legal_name: String,
    pub org_address: String,
    pub org_email: String,
    pub org_tax_id: String,
    pub org_charity_number: String,
    pub org_receipt_profile: ReceiptProfile,
    pub org_receipt_prefix: String,
    pub org_receipt_place: String,
    pub org_receipt_signatory: String,
    pub org_tax_office: String,
    pub org_tax_number: String,
    pub org_tax_notice_date: Option<NaiveDate>,
    pub org_tax_notice_period: String,
    pub org_tax_purpose: String,
    pub org_german_slips: bool,
    pub statements_after_days: Option<u16>,
    pub pdf_fonts: Vec<PathBuf>,
    pub org_timezone: Tz,
    pub org_currencies: Vec<Currency>,
    pub org_amounts: Vec<i64>,
    pub org_channels: Vec<Link>,
    pub org_wish_lists: Vec<Link>,
    pub org_bank_details: Vec<String>,
    pub payment: PaymentWay,
    pub canary: Option<Canary>,
    pub fee_basis_points: i64,
    pub fee_fixed: i64,
    pub gift_limits: HashMap<Currency, Limits>,
    pub gl_accounts: BTreeMap<Account, String>,
    pub xero_tax_rate: String,
    pub checkouts_per_hour: u32,
    /// For how many days an item is held for who says that she ordered it elsewhere.
    pub wish_order_days: i64,
    /// How many days givers have to choose when what they funded cannot be bought.
    pub promise_days: i64,
    /// How often within 30 days news may ask one supporter for money.
    pub asks_per_month: i64,
    pub mail: MailWay,
    pub mail_from: String,
    pub mail_from_updates: String,
    pub smtp_url_updates: Option<SecretString>,
    pub mail_connections: u16,
    pub mail_letters_per_connection: u32,
    pub mail_domain_connections: u16,
    pub mail_domain_rate: u32,
    pub mail_bounces: Option<String>,
    pub mail_bounce_dir: Option<PathBuf>,
    /// How many days letters keep their text; none: for ever.
    pub letter_text_days: Option<u16>,
    /// How many months after their last gift supporters are erased; none: never.
    pub forget_after_months: Option<u16>,
    pub mail_dkim_key: Option<PathBuf>,
    pub mail_dkim_selector: String,
    pub mail_discreet: bool,
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    pub reader_pixel: bool,
    pub reader_key_dir: PathBuf,
    pub log: String,
    pub log_json: bool,
    /// Whether this is the demo: pages say so, and sign-in shows its codes.
    pub demo: bool,
}

impl Config {
    /// Checks the settings. The error names the setting and says what it should be.
    pub fn check(settings: &Settings) -> Result<Self, Error> {
        let data_dir = PathBuf::from(&settings.data_dir);
        let listen: SocketAddr = settings.listen.parse().map_err(|_| wrong("LISTEN", "an address and port such as 127.0.0.1:8080"))?;
        let base_url = parse_base_url(settings, listen)?;
        let database_url = or_else(&settings.database_url, || format!("sqlite://{}", data_dir.join("wellwisher.db").display()));
        let is_sqlite = crate::db::sqlite_path(&database_url).is_some();
        let org_currencies = parse_list(&settings.org_currencies, "ORG_CURRENCIES", |c| c.parse::<Currency>().ok())?;
        if org_currencies.is_empty() {
            return Err(wrong("ORG_CURRENCIES", "at least one currency code, such as EUR"));
        }
        let org_amounts =
            parse_list(&settings.org_amounts, "ORG_AMOUNTS", |a| a.parse::<i64>().ok().filter(|a| (1..=1_000_000).contains(a)))?;
        let profile = parse_profile(settings)?;
        let prefix = &settings.org_receipt_prefix;
        if !(1..=4).contains(&prefix.len()) || !prefix.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(wrong("ORG_RECEIPT_PREFIX", "one to four capital letters"));
        }
        if !(0..=2_000).contains(&settings.fee_basis_points) || !(0..=1_000).contains(&settings.fee_fixed) {
            return Err(wrong("FEE_BASIS_POINTS and FEE_FIXED", "0 to 2000 and 0 to 1000"));
        }
        let mail_from_updates = or_else(&settings.mail_from_updates, || settings.mail_from.clone());
        for (setting, address) in [("MAIL_FROM", &settings.mail_from), ("MAIL_FROM_UPDATES", &mail_from_updates)] {
            if !is_bare_address(address) {
                return Err(wrong(setting, "one bare address such as giving@example.org"));
            }
        }
        let payment = parse_payment(settings, &base_url)?;
        // Last, because it may be made here: settings that are refused leave nothing behind.
        let secret_key = find_secret_key(&settings.secret_key, &data_dir, is_sqlite)?;
        Ok(Self {
            listen,
            payment,
            canary: parse_canary(settings)?,
            base_url,
            secret_key,
            org_name: settings.org_name.trim().to_owned(),
            org_tagline: settings.org_tagline.trim().to_owned(),
            org_legal_name: or_else(&settings.org_legal_name, || settings.org_name.trim().to_owned()),
            org_address: settings.org_address.trim().to_owned(),
            org_email: or_else(&settings.org_email, || settings.mail_from.clone()),
            org_tax_id: settings.org_tax_id.trim().to_owned(),
            org_charity_number: settings.org_charity_number.trim().to_owned(),
            org_receipt_profile: profile,
            org_receipt_prefix: prefix.clone(),
            org_receipt_place: settings.org_receipt_place.trim().to_owned(),
            org_receipt_signatory: settings.org_receipt_signatory.trim().to_owned(),
            org_tax_office: settings.org_tax_office.trim().to_owned(),
            org_tax_number: settings.org_tax_number.trim().to_owned(),
            org_tax_notice_date: parse_notice_date(&settings.org_tax_notice_date)?,
            org_tax_notice_period: settings.org_tax_notice_period.trim().to_owned(),
            org_tax_purpose: settings.org_tax_purpose.trim().to_owned(),
            org_german_slips: settings.org_german_slips,
            statements_after_days: parse_count(&settings.statements_after_days, "STATEMENTS_AFTER_DAYS", 300)?,
            pdf_fonts: parse_list(&settings.pdf_fonts, "PDF_FONTS", |folder| Some(PathBuf::from(folder)))?,
            org_timezone: settings.org_timezone.parse().map_err(|_| wrong("ORG_TIMEZONE", "an IANA zone such as Asia/Kabul"))?,
            org_currencies,
            org_amounts,
            org_channels: parse_links(&settings.org_channels, "ORG_CHANNELS")?,
            org_wish_lists: parse_links(&settings.org_wish_lists, "ORG_WISH_LISTS")?,
            org_bank_details: settings
                .org_bank_details
                .split(';')
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect(),
            fee_basis_points: settings.fee_basis_points,
            fee_fixed: settings.fee_fixed,
            gift_limits: parse_limits(&settings.gift_limits)?,
            gl_accounts: parse_accounts(&settings.gl_accounts)?,
            xero_tax_rate: settings.xero_tax_rate.trim().to_owned(),
            checkouts_per_hour: settings.checkouts_per_hour.max(1),
            promise_days: i64::from(settings.promise_days.clamp(1, 365)),
            asks_per_month: i64::from(settings.asks_per_month),
            wish_order_days: i64::from(settings.wish_order_days.clamp(1, 365)),
            mail: if settings.smtp_url.expose_secret().is_empty() {
                MailWay::Files(or_else(&settings.mail_dir, || data_dir.join("mail").display().to_string()).into())
            } else {
                MailWay::Smtp(settings.smtp_url.clone())
            },
            mail_from: settings.mail_from.clone(),
            mail_from_updates,
            smtp_url_updates: Some(&settings.smtp_url_updates).filter(|url| !url.expose_secret().is_empty()).cloned(),
            mail_connections: settings.mail_connections,
            mail_letters_per_connection: settings.mail_letters_per_connection,
            mail_domain_connections: settings.mail_domain_connections,
            mail_domain_rate: settings.mail_domain_rate,
            mail_bounces: parse_bounces(&settings.mail_bounces)?,
            mail_bounce_dir: optional(&settings.mail_bounce_dir).map(PathBuf::from),
            letter_text_days: parse_count(&settings.letter_text_days, "LETTER_TEXT_DAYS", 3_650)?,
            forget_after_months: parse_count(&settings.forget_after_months, "FORGET_AFTER_MONTHS", 600)?,
            mail_dkim_key: optional(&settings.mail_dkim_key).map(PathBuf::from),
            mail_dkim_selector: settings.mail_dkim_selector.trim().to_owned(),
            mail_discreet: settings.mail_discreet,
            trusted_proxies: parse_list(&settings.trusted_proxies, "TRUSTED_PROXIES", parse_network)?,
            reader_pixel: settings.reader_pixel,
            reader_key_dir: settings.reader_key_dir.clone().into(),
            log: settings.log.clone(),
            log_json: settings.log_json,
            demo: false,
            data_dir,
            database_url,
        })
    }

    /// A key for one purpose, derived from the secret key by HMAC-SHA-256 over `label`, so that no two purposes share one.
    pub fn key(&self, label: &str) -> [u8; 32] {
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.secret_key.expose_secret().as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(ring::hmac::sign(&secret, label.as_bytes()).as_ref());
        key
    }

    /// The absolute address of a path on this site.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.as_str().trim_end_matches('/'))
    }

    /// Whether a stand-in answers in Stripe's place.
    pub fn is_practice(&self) -> bool {
        matches!(self.payment, PaymentWay::Standin(_))
    }

    /// The smallest and largest gift in `currency`: as set, else ten and twenty thousand times Stripe's minimum charge
    /// (5 to 10,000 for the dollar), or one to a million whole units where Stripe names no minimum.
    pub fn limits(&self, currency: Currency) -> Limits {
        if let Some(limits) = self.gift_limits.get(&currency) {
            return *limits;
        }
        let floor = currency.stripe_minimum();
        let (min, max) = if floor == currency.step() {
            let unit = 10i64.pow(currency.exponent());
            (unit, unit * 1_000_000)
        } else {
            (floor * 10, floor * 20_000)
        };
        Limits { min: Money::new(min, currency), max: Money::new(max, currency) }
    }
}

fn wrong(setting: &str, should: &str) -> Error {
    Error::Invalid(format!("{setting} must be {should}"))
}

fn is_bare_address(text: &str) -> bool {
    let has_parts = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    has_parts && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn optional(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn parse_bounces(text: &str) -> Result<Option<String>, Error> {
    match optional(text) {
        Some(address) if !is_bare_address(address) || address.contains('+') => {
            Err(wrong("MAIL_BOUNCES", "one bare address such as bounces@example.org, without a `+`"))
        }
        address => Ok(address.map(str::to_owned)),
    }
}

fn or_else(text: &str, default: impl FnOnce() -> String) -> String {
    let text = text.trim();
    if text.is_empty() { default() } else { text.to_owned() }
}

fn parse_list<T>(text: &str, setting: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| parse(part).ok_or_else(|| Error::Invalid(format!("{setting}: `{part}` is not understood"))))
        .collect()
}

fn parse_base_url(settings: &Settings, listen: SocketAddr) -> Result<Url, Error> {
    let text = or_else(&settings.base_url, || format!("http://{listen}"));
    let url = Url::parse(&text).map_err(|_| wrong("BASE_URL", "an address such as https://give.example.org"))?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
        return Err(wrong("BASE_URL", "http(s):// and a host, without a path"));
    }
    Ok(url)
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn parse_payment(settings: &Settings, base_url: &Url) -> Result<PaymentWay, Error> {
    let key = settings.stripe_secret_key.expose_secret();
    if key.is_empty() {
        if !is_loopback(base_url) && !settings.standin_on_public_url {
            return Err(Error::Invalid(
                "STRIPE_SECRET_KEY is not set, so a stand-in would take the gifts, but BASE_URL is not on this machine. \
                 Set STRIPE_SECRET_KEY, or STANDIN_ON_PUBLIC_URL=true to show practice payments to others"
                    .to_owned(),
            ));
        }
        let listen: SocketAddr =
            settings.standin_listen.parse().map_err(|_| wrong("STANDIN_LISTEN", "an address and port such as 127.0.0.1:0"))?;
        return Ok(PaymentWay::Standin(listen));
    }
    let known = ["sk_live_", "rk_live_", "sk_test_", "rk_test_"].iter().any(|prefix| key.starts_with(prefix));
    if !known {
        return Err(wrong("STRIPE_SECRET_KEY", "a key that begins with sk_live_, rk_live_, sk_test_ or rk_test_"));
    }
    let live = key.contains("_live_");
    if live && base_url.scheme() != "https" {
        return Err(Error::Invalid("a live Stripe key needs a BASE_URL with https: supporters' data would travel in the open".to_owned()));
    }
    let secrets: Vec<SecretString> = settings
        .stripe_webhook_secret
        .expose_secret()
        .split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(SecretString::from)
        .collect();
    if secrets.is_empty() || secrets.len() > 2 {
        return Err(wrong(
            "STRIPE_WEBHOOK_SECRET",
            "the endpoint's signing secret (two while one is being replaced): without it anyone could say that a gift was paid",
        ));
    }
    let api_base =
        Url::parse(&settings.stripe_api_base).map_err(|_| wrong("STRIPE_API_BASE", "an address such as https://api.stripe.com/"))?;
    if live && api_base.scheme() != "https" {
        return Err(wrong("STRIPE_API_BASE", "https with a live key"));
    }
    let checkout =
        Url::parse(&settings.checkout_origin).map_err(|_| wrong("CHECKOUT_ORIGIN", "an origin such as https://checkout.stripe.com"))?;
    Ok(PaymentWay::Stripe {
        key: settings.stripe_secret_key.clone(),
        webhook_secrets: secrets,
        api_base: api_base.to_string(),
        checkout_origin: checkout.origin().ascii_serialization(),
    })
}

/// The rules of receipts. The number that names the organisation to its tax office must be there; what else a profile lacks does not keep
/// the program from starting: receipts then say that they are not official ones, and `doctor` says what is missing.
fn parse_canary(settings: &Settings) -> Result<Option<Canary>, Error> {
    let (key, secret) = (settings.stripe_canary_key.expose_secret(), settings.stripe_canary_webhook_secret.expose_secret());
    if key.is_empty() {
        return Ok(None);
    }
    // A live key would take real money every day.
    if !["sk_test_", "rk_test_"].iter().any(|prefix| key.starts_with(prefix)) {
        return Err(wrong("STRIPE_CANARY_KEY", "a test key, sk_test_… or rk_test_…"));
    }
    if !secret.starts_with("whsec_") {
        return Err(wrong(
            "STRIPE_CANARY_WEBHOOK_SECRET",
            "the signing secret (whsec_…) of the endpoint /webhooks/stripe/canary in test mode",
        ));
    }
    Ok(Some(Canary { key: settings.stripe_canary_key.clone(), webhook_secret: settings.stripe_canary_webhook_secret.clone() }))
}

fn parse_profile(settings: &Settings) -> Result<ReceiptProfile, Error> {
    let (profile, needed) = match settings.org_receipt_profile.as_str() {
        "plain" => (ReceiptProfile::Plain, None),
        "us" => (ReceiptProfile::Us, Some(("ORG_TAX_ID", &settings.org_tax_id))),
        "uk" => (ReceiptProfile::Uk, Some(("ORG_CHARITY_NUMBER", &settings.org_charity_number))),
        "ca" => (ReceiptProfile::Ca, Some(("ORG_CHARITY_NUMBER", &settings.org_charity_number))),
        "de" => (ReceiptProfile::De, Some(("ORG_TAX_NUMBER", &settings.org_tax_number))),
        "au" => (ReceiptProfile::Au, Some(("ORG_TAX_ID", &settings.org_tax_id))),
        _ => return Err(wrong("ORG_RECEIPT_PROFILE", "plain, us, uk, ca, de or au")),
    };
    match needed {
        Some((setting, value)) if value.trim().is_empty() => {
            Err(Error::Invalid(format!("the receipt profile `{}` needs {setting}", profile.as_str())))
        }
        _ => Ok(profile),
    }
}

fn parse_notice_date(text: &str) -> Result<Option<NaiveDate>, Error> {
    match text.trim() {
        "" => Ok(None),
        day => crate::clock::parse_day(day).map(Some).ok_or_else(|| wrong("ORG_TAX_NOTICE_DATE", "a day such as 2025-03-14")),
    }
}

/// Within the ten months in which a statement is still of use.
/// A number of days or months that may be left out.
fn parse_count(text: &str, setting: &str, most: u16) -> Result<Option<u16>, Error> {
    match text.trim() {
        "" => Ok(None),
        count => match count.parse() {
            Ok(count) if (1..=most).contains(&count) => Ok(Some(count)),
            _ => Err(wrong(setting, &format!("1 to {most}, or empty"))),
        },
    }
}

fn parse_links(text: &str, setting: &str) -> Result<Vec<Link>, Error> {
    parse_list(text, setting, |part| {
        let (name, url) = part.split_once('=')?;
        let url = Url::parse(url.trim()).ok().filter(|url| url.scheme() == "https")?;
        Some(Link { name: name.trim().to_owned(), url: url.to_string() })
    })
}

fn parse_accounts(text: &str) -> Result<BTreeMap<Account, String>, Error> {
    let accounts = parse_list(text, "GL_ACCOUNTS", |part| {
        let (account, code) = part.split_once('=')?;
        let code = code.trim();
        let is_code = !code.is_empty() && code.len() <= 100 && !code.contains(char::is_control);
        is_code.then_some((account.trim().parse::<Account>().ok()?, code.to_owned()))
    })?;
    Ok(accounts.into_iter().collect())
}

fn parse_limits(text: &str) -> Result<HashMap<Currency, Limits>, Error> {
    let limits = parse_list(text, "GIFT_LIMITS", |part| {
        let (code, range) = part.split_once('=')?;
        let currency: Currency = code.parse().ok()?;
        let (min, max) = range.split_once('-')?;
        let unit = 10i64.pow(currency.exponent());
        let minor = |text: &str| text.trim().parse::<i64>().ok().filter(|n| *n > 0)?.checked_mul(unit);
        let (min, max) = (minor(min)?, minor(max)?);
        (currency.stripe_minimum() <= min && min <= max && max <= 99_999_999)
            .then_some((currency, Limits { min: Money::new(min, currency), max: Money::new(max, currency) }))
    })?;
    Ok(limits.into_iter().collect())
}

fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr = ip.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |b| b.parse().ok())?;
    (bits <= most).then_some((ip, bits))
}

/// The secret key: as set, else read from DATA_DIR, else made there once, readable by nobody else.
fn find_secret_key(set: &SecretString, data_dir: &Path, is_sqlite: bool) -> Result<SecretString, Error> {
    let typed = set.expose_secret();
    if !typed.is_empty() {
        if typed.len() < 32 {
            return Err(wrong("SECRET_KEY", "at least 32 characters that nobody can guess"));
        }
        return Ok(set.clone());
    }
    if !is_sqlite {
        return Err(Error::Invalid("with PostgreSQL SECRET_KEY must be set, because every process needs the same one".to_owned()));
    }
    let file = data_dir.join("secret.key");
    let told = |e: std::io::Error| Error::Invalid(format!("{}: {e}. Name a folder that this user may write in DATA_DIR", file.display()));
    if !file.try_exists().map_err(told)? {
        make_private_folder(data_dir).map_err(told)?;
        keep_new_key(&file).map_err(told)?;
    }
    let kept = std::fs::read_to_string(&file).map_err(told)?;
    if kept.trim().len() < 32 {
        return Err(Error::Invalid(format!("{} holds no key of 32 characters: restore it from a backup", file.display())));
    }
    Ok(SecretString::from(kept.trim().to_owned()))
}

/// Makes a folder, and those above it, that only its owner can look into: databases and letters name supporters.
pub(crate) fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a new key whole, or leaves the one that another process was first to write.
fn keep_new_key(file: &Path) -> std::io::Result<()> {
    let draft = file.with_extension(format!("{}.part", std::process::id()));
    write_private(&draft, &crate::clock::Random::default().token())?;
    let kept = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match kept {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Begins a file that only its owner can read; also where an older one stands that others could.
pub(crate) fn create_private(file: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(file)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = create_private(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
