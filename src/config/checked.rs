//! The settings after they were checked: every value is of its type, and combinations that would be dangerous were refused.

use super::{
    Settings,
    key::find_secret_key,
    parse::{
        is_bare_address, optional, or_else, parse_accounts, parse_base_url, parse_bounces, parse_canary, parse_count, parse_embed_origins,
        parse_limits, parse_links, parse_list, parse_network, parse_notice_date, parse_payment, parse_profile, wrong,
    },
};
use crate::error::Error;
use chrono::NaiveDate;
use chrono_tz::Tz;
use entity::{Currency, Money, words::Account};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
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

/// The daily practice gift: in test mode only.
#[derive(Clone, Debug)]
pub struct Canary {
    /// A test key.
    pub key: SecretString,
    /// The secret that its webhooks are signed with.
    pub webhook_secret: SecretString,
    /// Where its letter goes; none: whether letters leave is not tried.
    pub email: Option<String>,
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
    pub embed_origins: Vec<String>,
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
            embed_origins: parse_embed_origins(&settings.embed_origins)?,
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
