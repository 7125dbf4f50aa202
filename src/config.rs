//! Every setting: flags, environment and `.env`, in one struct. `.env.example` lists the same, and a test keeps the two equal.

mod checked;
mod key;
mod parse;

pub use checked::{Canary, Config, Limits, Link, MailWay, PaymentWay, ReceiptProfile};
pub(crate) use key::{create_private, make_private_folder};

use clap::Args;
use secrecy::SecretString;

/// The settings as they were typed. [`Config::check`] makes sure that they can be right.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Settings (also from the environment and .env)")]
pub struct Settings {
    /// Where the program keeps what it makes itself: the SQLite database, the secret key, letters as files.
    #[arg(long, env = "DATA_DIR", default_value = "data", global = true, hide_env_values = true)]
    pub data_dir: String,
    /// The database: `sqlite://path` or `postgres://user:password@host/name`. Empty: an SQLite file in DATA_DIR.
    #[arg(long, env = "DATABASE_URL", default_value = "", global = true, hide_env_values = true)]
    pub database_url: String,
    /// The address and port that the site listens on.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080", global = true, hide_env_values = true)]
    pub listen: String,
    /// The address that readers use, without a slash at the end. Empty: http and LISTEN.
    #[arg(long, env = "BASE_URL", default_value = "", global = true, hide_env_values = true)]
    pub base_url: String,
    /// At least 32 characters that nobody can guess. Empty: made once and kept in DATA_DIR (only with SQLite).
    #[arg(long, env = "SECRET_KEY", default_value = "", global = true, hide_env_values = true, hide_default_value = true)]
    pub secret_key: SecretString,

    /// The organisation's name, as readers know it.
    #[arg(long, env = "ORG_NAME", default_value = "Our Newsroom", global = true, hide_env_values = true)]
    pub org_name: String,
    /// A sentence under the name. Empty: none.
    #[arg(long, env = "ORG_TAGLINE", default_value = "", global = true, hide_env_values = true)]
    pub org_tagline: String,
    /// The legal name on receipts: the entity that receives the money. Empty: ORG_NAME.
    #[arg(long, env = "ORG_LEGAL_NAME", default_value = "", global = true, hide_env_values = true)]
    pub org_legal_name: String,
    /// The postal address on receipts, parts joined by commas. Empty: none.
    #[arg(long, env = "ORG_ADDRESS", default_value = "", global = true, hide_env_values = true)]
    pub org_address: String,
    /// Where supporters write with questions. Empty: MAIL_FROM.
    #[arg(long, env = "ORG_EMAIL", default_value = "", global = true, hide_env_values = true)]
    pub org_email: String,
    /// The United States EIN or the Australian ABN; needed by the receipt profiles `us` and `au`.
    #[arg(long, env = "ORG_TAX_ID", default_value = "", global = true, hide_env_values = true)]
    pub org_tax_id: String,
    /// The United Kingdom charity number or the Canadian registration number; needed by the receipt profiles `uk` and `ca`.
    #[arg(long, env = "ORG_CHARITY_NUMBER", default_value = "", global = true, hide_env_values = true)]
    pub org_charity_number: String,
    /// The rules that receipts follow: `plain`, `us`, `uk`, `ca`, `de` or `au`. Have somebody who knows your law read one before you use it.
    #[arg(long, env = "ORG_RECEIPT_PROFILE", default_value = "plain", global = true, hide_env_values = true)]
    pub org_receipt_profile: String,
    /// What stands before the year in a receipt number: one to four capital letters.
    #[arg(long, env = "ORG_RECEIPT_PREFIX", default_value = "R", global = true, hide_env_values = true)]
    pub org_receipt_prefix: String,
    /// The place where receipts are issued, such as `Halifax`; needed for official receipts by the profiles `ca` and `de`.
    #[arg(long, env = "ORG_RECEIPT_PLACE", default_value = "", global = true, hide_env_values = true)]
    pub org_receipt_place: String,
    /// Who is authorised to sign receipts, by name and office; needed for official receipts by the profiles `ca` and `de`.
    #[arg(long, env = "ORG_RECEIPT_SIGNATORY", default_value = "", global = true, hide_env_values = true)]
    pub org_receipt_signatory: String,
    /// The German tax office (Finanzamt) of the notice of exemption; needed by the profile `de`.
    #[arg(long, env = "ORG_TAX_OFFICE", default_value = "", global = true, hide_env_values = true)]
    pub org_tax_office: String,
    /// The German tax number (Steuernummer) in that notice; needed by the profile `de`.
    #[arg(long, env = "ORG_TAX_NUMBER", default_value = "", global = true, hide_env_values = true)]
    pub org_tax_number: String,
    /// The date of that notice, such as `2025-03-14`; needed by the profile `de`.
    #[arg(long, env = "ORG_TAX_NOTICE_DATE", default_value = "", global = true, hide_env_values = true)]
    pub org_tax_notice_date: String,
    /// The assessment period of that notice, such as `2021 bis 2023`. Empty: the notice is one under § 60a AO.
    #[arg(long, env = "ORG_TAX_NOTICE_PERIOD", default_value = "", global = true, hide_env_values = true)]
    pub org_tax_notice_period: String,
    /// The tax-privileged purpose in that notice, as it continues `Förderung`: `der Volksbildung`; needed by the profile `de`.
    #[arg(long, env = "ORG_TAX_PURPOSE", default_value = "", global = true, hide_env_values = true)]
    pub org_tax_purpose: String,
    /// With the profile `de`: a gift up to 300 EUR gets its slip at once, and is then on no annual confirmation. `false`: annual confirmations only.
    #[arg(long, env = "ORG_GERMAN_SLIPS", default_value = "true", global = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "true")]
    pub org_german_slips: bool,
    /// How many days after the end of a tax year its statements go out by themselves: 31. Empty: staff send them from the desk.
    #[arg(long, env = "STATEMENTS_AFTER_DAYS", default_value = "", global = true, hide_env_values = true)]
    pub statements_after_days: String,
    /// The folders with the fonts of PDFs, Noto Sans and Noto Naskh Arabic, joined by commas; used by builds that make PDFs.
    #[arg(long, env = "PDF_FONTS", default_value = "/usr/share/fonts,/usr/local/share/fonts", global = true, hide_env_values = true)]
    pub pdf_fonts: String,
    /// The organisation's time zone: receipts' dates, campaigns' days, reports.
    #[arg(long, env = "ORG_TIMEZONE", default_value = "UTC", global = true, hide_env_values = true)]
    pub org_timezone: String,
    /// The currencies that supporters may give in, the first one chosen.
    #[arg(long, env = "ORG_CURRENCIES", default_value = "USD,EUR,GBP", global = true, hide_env_values = true)]
    pub org_currencies: String,
    /// The suggested amounts, in whole units of the currency; the second one is chosen.
    #[arg(long, env = "ORG_AMOUNTS", default_value = "10,25,50,100", global = true, hide_env_values = true)]
    pub org_amounts: String,
    /// Video and social channels shown on every page: `Name=https://…`, joined by commas.
    #[arg(long, env = "ORG_CHANNELS", default_value = "", global = true, hide_env_values = true)]
    pub org_channels: String,
    /// Wish lists at shops elsewhere shown on every page: `Name=https://…`, joined by commas.
    #[arg(long, env = "ORG_WISH_LISTS", default_value = "", global = true, hide_env_values = true)]
    pub org_wish_lists: String,
    /// The bank account for gifts by transfer, parts joined by semicolons: `Account: Our Fund; IBAN: DE00 …; BIC: …`. Empty: transfers are not offered.
    #[arg(long, env = "ORG_BANK_DETAILS", default_value = "", global = true, hide_env_values = true)]
    pub org_bank_details: String,

    /// Stripe's secret or restricted key. Empty: a stand-in answers in Stripe's place and no real money moves.
    #[arg(long, env = "STRIPE_SECRET_KEY", default_value = "", global = true, hide_env_values = true, hide_default_value = true)]
    pub stripe_secret_key: SecretString,
    /// The webhook endpoint's signing secret, `whsec_…`; two joined by a comma while one is being replaced.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRET", default_value = "", global = true, hide_env_values = true, hide_default_value = true)]
    pub stripe_webhook_secret: SecretString,
    /// A test key (`sk_test_…`) for a daily practice gift that shows whether every link from the checkout to the letter holds. Empty: none is made.
    #[arg(long, env = "STRIPE_CANARY_KEY", default_value = "", global = true, hide_env_values = true, hide_default_value = true)]
    pub stripe_canary_key: SecretString,
    /// The signing secret of the test-mode endpoint BASE_URL/webhooks/stripe/canary, `whsec_…`; needed with STRIPE_CANARY_KEY.
    #[arg(
        long,
        env = "STRIPE_CANARY_WEBHOOK_SECRET",
        default_value = "",
        global = true,
        hide_env_values = true,
        hide_default_value = true
    )]
    pub stripe_canary_webhook_secret: SecretString,
    /// Where the daily practice letter goes, a mailbox of yours; used with STRIPE_CANARY_KEY. Empty: whether letters leave is not tried.
    #[arg(long, env = "STRIPE_CANARY_EMAIL", default_value = "", global = true, hide_env_values = true)]
    pub stripe_canary_email: String,
    /// Where Stripe's API answers.
    #[arg(long, env = "STRIPE_API_BASE", default_value = "https://api.stripe.com/", global = true, hide_env_values = true)]
    pub stripe_api_base: String,
    /// Where Stripe's checkout page stands: the one other site that our forms may lead to.
    #[arg(long, env = "CHECKOUT_ORIGIN", default_value = "https://checkout.stripe.com", global = true, hide_env_values = true)]
    pub checkout_origin: String,
    /// The address and port of the stand-in for Stripe; port 0 takes a free one.
    #[arg(long, env = "STANDIN_LISTEN", default_value = "127.0.0.1:0", global = true, hide_env_values = true)]
    pub standin_listen: String,
    /// Allow the stand-in for Stripe although BASE_URL is not on this machine: for trying the program out, never for real gifts.
    #[arg(long, env = "STANDIN_ON_PUBLIC_URL", default_value = "false", global = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "true")]
    pub standin_on_public_url: bool,
    /// The part of a gift that Stripe keeps, in hundredths of a percent, for the supporter who covers the fee.
    #[arg(long, env = "FEE_BASIS_POINTS", default_value = "290", global = true, hide_env_values = true)]
    pub fee_basis_points: i64,
    /// What Stripe keeps of every gift besides, in hundredths of the currency's unit.
    #[arg(long, env = "FEE_FIXED", default_value = "30", global = true, hide_env_values = true)]
    pub fee_fixed: i64,
    /// The smallest and largest gift where the defaults do not fit: `USD=5-10000,JPY=500-1000000`.
    #[arg(long, env = "GIFT_LIMITS", default_value = "", global = true, hide_env_values = true)]
    pub gift_limits: String,
    /// The ledger's accounts by their codes in the accounting program, for journals: `bank=1000,stripe_clearing=1050,stripe_fees=6000`.
    /// Income and fees go by their fund's codes first. Empty: names such as `Stripe clearing`.
    #[arg(long, env = "GL_ACCOUNTS", default_value = "", global = true, hide_env_values = true)]
    pub gl_accounts: String,
    /// The full name of the tax rate in Xero that gifts have, for its journals: `Tax Exempt`, `No VAT`, `BAS Excluded`.
    #[arg(long, env = "XERO_TAX_RATE", default_value = "Tax Exempt", global = true, hide_env_values = true)]
    pub xero_tax_rate: String,
    /// How many checkouts one network may open in an hour; kept in memory, no address is stored.
    #[arg(long, env = "CHECKOUTS_PER_HOUR", default_value = "10", global = true, hide_env_values = true)]
    pub checkouts_per_hour: u32,
    /// For how many days an item on a shop's list is held for a supporter who says that she ordered it.
    #[arg(long, env = "WISH_ORDER_DAYS", default_value = "21", global = true, hide_env_values = true)]
    pub wish_order_days: u32,
    /// How many days givers have to choose what becomes of their money when what they funded cannot be bought; then it goes to the general fund.
    #[arg(long, env = "PROMISE_DAYS", default_value = "30", global = true, hide_env_values = true)]
    pub promise_days: u32,
    /// How often within 30 days news may ask one supporter for money. Nobody is asked again for what she gave.
    #[arg(long, env = "ASKS_PER_MONTH", default_value = "2", global = true, hide_env_values = true, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub asks_per_month: u32,

    /// The mail server: `smtp://user:password@host:587`, `smtps://…:465`. Empty: letters are written as files.
    #[arg(long, env = "SMTP_URL", default_value = "", global = true, hide_env_values = true, hide_default_value = true)]
    pub smtp_url: SecretString,
    /// The folder for letters as .eml files where SMTP_URL is empty. Empty: `mail` in DATA_DIR.
    #[arg(long, env = "MAIL_DIR", default_value = "", global = true, hide_env_values = true)]
    pub mail_dir: String,
    /// The sender of letters: `giving@example.org`.
    #[arg(long, env = "MAIL_FROM", default_value = "giving@localhost.localdomain", global = true, hide_env_values = true)]
    pub mail_from: String,
    /// The sender of news: `news@example.org`. Its own domain keeps the good name of receipts apart from that of news. Empty: MAIL_FROM.
    #[arg(long, env = "MAIL_FROM_UPDATES", default_value = "", global = true, hide_env_values = true)]
    pub mail_from_updates: String,
    /// The mail server for news, when it is another one. Empty: SMTP_URL.
    #[arg(long, env = "SMTP_URL_UPDATES", default_value = "", global = true, hide_env_values = true, hide_default_value = true)]
    pub smtp_url_updates: SecretString,
    /// How many connections to the mail server each process opens at once, for each of the two streams (receipts and news).
    #[arg(long, env = "MAIL_CONNECTIONS", default_value = "4", global = true, hide_env_values = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub mail_connections: u16,
    /// How many letters go through one connection before it is closed.
    #[arg(long, env = "MAIL_LETTERS_PER_CONNECTION", default_value = "20", global = true, hide_env_values = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub mail_letters_per_connection: u32,
    /// How many letters to one domain each process hands over at the same time, for each stream.
    #[arg(long, env = "MAIL_DOMAIN_CONNECTIONS", default_value = "4", global = true, hide_env_values = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub mail_domain_connections: u16,
    /// How many news letters a second each process sends to one domain; 0: as many as it can.
    #[arg(long, env = "MAIL_DOMAIN_RATE", default_value = "5", global = true, hide_env_values = true, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub mail_domain_rate: u32,
    /// The mailbox that bounces go to, at a mail server that delivers `bounces+anything@…` to it; each letter gets an address of its own. Empty: bounces go to the sender and are not read.
    #[arg(long, env = "MAIL_BOUNCES", default_value = "", global = true, hide_env_values = true)]
    pub mail_bounces: String,
    /// The Maildir of that mailbox, looked into every minute. Empty: bounces come through the pipe `wellwisher mail bounce`, or not at all.
    #[arg(long, env = "MAIL_BOUNCE_DIR", default_value = "", global = true, hide_env_values = true)]
    pub mail_bounce_dir: String,
    /// How many days after it was written a letter keeps its text, once it has gone out; to whom it went, when, and its subject are kept. Empty: for ever.
    #[arg(long, env = "LETTER_TEXT_DAYS", default_value = "30", global = true, hide_env_values = true)]
    pub letter_text_days: String,
    /// How many months after their last gift supporters who get no news are erased by themselves, as they can do on their own pages: 36. Empty: never.
    #[arg(long, env = "FORGET_AFTER_MONTHS", default_value = "", global = true, hide_env_values = true)]
    pub forget_after_months: String,
    /// The file of the private key (PEM; RSA or Ed25519) that letters are signed with (DKIM). Empty: the mail server signs them.
    #[arg(long, env = "MAIL_DKIM_KEY", default_value = "", global = true, hide_env_values = true)]
    pub mail_dkim_key: String,
    /// The name under which the public key stands in the DNS: `<name>._domainkey.<domain of the sender>`.
    #[arg(long, env = "MAIL_DKIM_SELECTOR", default_value = "wellwisher", global = true, hide_env_values = true)]
    pub mail_dkim_selector: String,
    /// Give every letter a neutral subject and a sender without a name, for supporters whose mail others may see. Each can also choose it.
    #[arg(long, env = "MAIL_DISCREET", default_value = "false", global = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "true")]
    pub mail_discreet: bool,

    /// The proxies before us, whose `X-Forwarded-For` is believed: addresses or networks joined by commas.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "", global = true, hide_env_values = true)]
    pub trusted_proxies: String,
    /// The sites that may show our embeds (`/embed/…`) in a frame: `https://news.example.org`, joined by commas; `*` is every site. Empty: only this one.
    #[arg(long, env = "EMBED_ORIGINS", default_value = "", global = true, hide_env_values = true)]
    pub embed_origins: String,
    /// Count readers without scripts by a small picture, in a column of its own.
    #[arg(long, env = "READER_PIXEL", default_value = "false", global = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "true")]
    pub reader_pixel: bool,
    /// The folder for the day's reader key, in memory and never beside the database. Empty: the system's run-time folder.
    #[arg(long, env = "READER_KEY_DIR", default_value = "", global = true, hide_env_values = true)]
    pub reader_key_dir: String,
    /// What the log tells: `info`, `debug`, `wellwisher=debug,info`.
    #[arg(long, env = "LOG", default_value = "info", global = true, hide_env_values = true)]
    pub log: String,
    /// Write the log as JSON, one line an entry.
    #[arg(long, env = "LOG_JSON", default_value = "false", global = true, hide_env_values = true, num_args = 0..=1, default_missing_value = "true")]
    pub log_json: bool,
}
