//! Every command. What people asked for goes to stdout, what they must know besides to stderr; exit code 0 done, 1 done in part or found
//! wanting, 2 not done.

mod data;
mod mail;
mod past;
mod receipts;
mod serve;
mod supporters;
mod updates;

use crate::{
    app::{App, Payment},
    clock::Clock,
    config::{Config, Settings, make_private_folder},
    db::Db,
    error::Error,
    reports::{Format, Report},
    telemetry,
};
use clap::{
    Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser, Debug)]
#[command(
    name = "wellwisher",
    version,
    about = "Donations and supporter campaigns for small newsrooms and advocacy groups.",
    after_help = "Examples:\n  wellwisher demo                          a sample newsroom, no accounts or keys needed\n  wellwisher serve                         the site and its jobs, in one process\n  wellwisher import articles ./old-site    articles from Markdown, feeds, CSV or saved pages\n  wellwisher export donations --format csv --from 2026-01-01 --to 2026-12-31 --output gifts.csv\n\nExit codes: 0 done, 1 done in part or something was found, 2 not done."
)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the site and do its jobs, in one process. Migrations run at start.
    #[command(after_help = "Examples:\n  wellwisher serve\n  LISTEN=0.0.0.0:8080 BASE_URL=https://give.example.org wellwisher serve")]
    Serve,
    /// Do jobs only, beside `serve` processes on the same PostgreSQL.
    #[command(
        after_help = "Example:\n  DATABASE_URL=postgres://… SECRET_KEY=… STRIPE_SECRET_KEY=… STRIPE_WEBHOOK_SECRET=… wellwisher work"
    )]
    Work,
    /// Serve a sample newsroom on a throw-away database (or on DATABASE_URL, when that is empty). No real money moves.
    #[command(after_help = "Examples:\n  wellwisher demo\n  wellwisher demo --listen 127.0.0.1:9000")]
    Demo,
    /// Bring the database's tables up to date.
    #[command(after_help = "Example:\n  wellwisher migrate")]
    Migrate,
    /// Check the installation and say what to do about what is wrong. Exit code 1 when something is.
    #[command(after_help = "Example:\n  wellwisher doctor")]
    Doctor,
    /// Recompute every figure from the ledger and name each row that does not agree. Exit code 1 when one does not.
    #[command(after_help = "Example:\n  wellwisher verify")]
    Verify,
    /// Ask Stripe what we missed. Doing it again changes nothing.
    #[command(after_help = "Examples:\n  wellwisher reconcile\n  wellwisher reconcile --days 90")]
    Reconcile {
        /// How many days to look back.
        #[arg(long, default_value_t = 35, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// Take reports away as files.
    #[command(
        after_help = "Reports:\n  donations    the register: a row for each movement of money\n  by-month, by-campaign, by-fund, by-item, by-article\n               what each of them brought\n  recurring    what began, changed, was lost and came back of monthly and yearly gifts\n  matching     each matching pot: promised, confirmed, paid by the sponsor, left\n  receipts     issued, void and replaced\n  gift-aid     HMRC's schedule of a Gift Aid claim; names people\n  waterfall    each payout, and what it is made of\n  journal      a summary for accounting programs, by payout and fund\n  books        every transaction of the ledger\n\nExamples:\n  wellwisher export donations > register.csv\n  wellwisher export donations --from 2026-01-01 --to 2026-03-31 --tz Asia/Kabul --output q1.csv\n  wellwisher export donations --campaign winter --status paid --output winter.csv\n  wellwisher export by-campaign --format xlsx --output campaigns.xlsx\n  wellwisher export journal --format xero --currency EUR --from 2026-01-01 --to 2026-01-31 --output january.csv\n  wellwisher export books --format hledger --output books.journal && hledger -f books.journal check --strict"
    )]
    Export(Box<ExportArguments>),
    /// Bring content in.
    Import {
        #[command(subcommand)]
        what: Import,
    },
    /// Receipts and the statements of a year.
    Receipts {
        #[command(subcommand)]
        what: Receipts,
    },
    /// Gift Aid, in the United Kingdom.
    GiftAid {
        #[command(subcommand)]
        what: GiftAid,
    },
    /// Letters that come back.
    Mail {
        #[command(subcommand)]
        what: Mail,
    },
    /// What is known of a supporter: given to her, or erased, on her request.
    Supporters {
        #[command(subcommand)]
        what: Supporters,
    },
    /// The newest updates, and how far their letters are.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  wellwisher updates\n  wellwisher updates watch the-stoves-have-come"
    )]
    Updates {
        #[command(subcommand)]
        what: Option<Updates>,
    },
    /// Members of staff.
    Staff {
        #[command(subcommand)]
        what: Staff,
    },
}

#[derive(clap::Args, Debug)]
struct ExportArguments {
    /// Which report.
    #[arg(value_parser = PossibleValuesParser::new(Report::ALL.iter().map(|report| report.as_str())).try_map(|name| name.parse::<Report>().map_err(|error| error.to_string())))]
    report: Report,
    /// First day (YYYY-MM-DD); the beginning when left out.
    #[arg(long)]
    from: Option<chrono::NaiveDate>,
    /// Last day (YYYY-MM-DD), included; today when left out.
    #[arg(long)]
    to: Option<chrono::NaiveDate>,
    /// The time zone of the days; ORG_TIMEZONE when left out.
    #[arg(long)]
    tz: Option<chrono_tz::Tz>,
    /// The form of the file. Journals and books also in those of accounting programs.
    #[arg(long, default_value = "csv", value_parser = PossibleValuesParser::new(Format::ALL.iter().map(|format| format.as_str())).try_map(|name| name.parse::<Format>().map_err(|error| error.to_string())))]
    format: Format,
    /// Add the donors' names and addresses; only the report `donations` has them.
    #[arg(long)]
    with_donors: bool,
    /// Where to write; standard output when left out.
    #[arg(long, short)]
    output: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Only what fits (for `donations`, unless it says otherwise)")]
    narrowed: Narrowed,
}

/// A value with more in it than spaces: a report that is narrowed by nothing looks like one that is narrowed.
fn not_blank(value: &str) -> Result<String, &'static str> {
    if value.trim().is_empty() { Err("a value is required") } else { Ok(value.to_owned()) }
}

// What narrows a report, as at the desk. (A doc comment here would become the help of the command.)
#[derive(clap::Args, Debug)]
struct Narrowed {
    /// Gifts for the campaign with this name in its address.
    #[arg(long, value_parser = not_blank)]
    campaign: Option<String>,
    /// Gifts for the fund with this code.
    #[arg(long, value_parser = not_blank)]
    fund: Option<String>,
    /// Gifts for the wish item with this name in its address.
    #[arg(long, value_parser = not_blank)]
    item: Option<String>,
    /// Gifts from the article with this name in its address.
    #[arg(long, value_parser = not_blank)]
    article: Option<String>,
    /// Gifts in this state, such as paid.
    #[arg(long, value_parser = not_blank)]
    status: Option<String>,
    /// Gifts whose form was sent on this day or later (YYYY-MM-DD).
    #[arg(long, value_parser = not_blank)]
    given_from: Option<String>,
    /// Gifts whose form was sent on this day or earlier.
    #[arg(long, value_parser = not_blank)]
    given_to: Option<String>,
    /// A receipt's number, a donation's id, an id of Stripe's, a name or e-mail address or part of one.
    #[arg(long, value_parser = not_blank)]
    search: Option<String>,
    /// Of the report `gift-aid`: the claim with this id; the newest when left out.
    #[arg(long, value_parser = not_blank)]
    claim: Option<String>,
    /// Of the report `journal`: entries in this currency, such as EUR.
    #[arg(long, value_parser = not_blank)]
    currency: Option<String>,
}

#[derive(Subcommand, Debug)]
enum Import {
    /// Articles from Markdown with front matter, RSS or Atom, CSV, or saved text or HTML pages; a file or a folder. Importing again changes nothing.
    #[command(after_help = "Examples:\n  wellwisher import articles ./old-site\n  wellwisher import articles feed.xml")]
    Articles {
        /// The file or folder.
        path: PathBuf,
    },
    /// Past gifts of another system, from a CSV file. They keep their days and nobody is written to. Importing again adds nothing; rows that cannot be right are named and left out (exit code 1).
    #[command(
        after_help = "Examples:\n  wellwisher import donations gifts-2025.csv --dry-run\n  wellwisher import donations gifts-2025.csv --fund GENERAL --currency EUR"
    )]
    Donations(past::TableArguments),
    /// Past payments of the Stripe account that this program did not make. They keep their days, fees and funds, and nobody is written to. Importing again adds nothing.
    #[command(
        name = "stripe-history",
        after_help = "Examples:\n  wellwisher import stripe-history --dry-run\n  wellwisher import stripe-history --from 2025-01-01 --to 2025-12-31 --fund GENERAL"
    )]
    StripeHistory(past::HistoryArguments),
}

#[derive(Subcommand, Debug)]
enum Receipts {
    /// Issue and send each supporter's statement of a tax year that is over. Doing it again sends only what has changed since.
    #[command(after_help = "Examples:\n  wellwisher receipts annual --year 2026 --dry-run\n  wellwisher receipts annual --year 2026")]
    Annual {
        /// The calendar year in which the tax year begins.
        #[arg(long)]
        year: i32,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Subcommand, Debug)]
enum GiftAid {
    /// Make a claim of all gifts up to a day and write its files, in the order of the columns of HMRC's spreadsheet.
    #[command(
        after_help = "Examples:\n  wellwisher gift-aid claim --until 2026-04-05 --dry-run\n  wellwisher gift-aid claim --until 2026-04-05 --output claim"
    )]
    Claim {
        /// The last day (YYYY-MM-DD), included; today when left out.
        #[arg(long)]
        until: Option<chrono::NaiveDate>,
        /// Only say what the claim would have, and what is wrong with gifts that it leaves out.
        #[arg(long)]
        dry_run: bool,
        /// The folder for the files; the working folder when left out.
        #[arg(long, short, default_value = ".")]
        output: PathBuf,
    },
}

#[derive(Subcommand, Debug)]
enum Mail {
    /// Take in one message that came back, from standard input: for a mail server that delivers into a pipe. Exit code 75 asks it to try later.
    #[command(
        after_help = "Examples:\n  wellwisher mail bounce < message.eml\nPostfix, /etc/postfix/master.cf:\n  wellwisher unix - n n - - pipe user=wellwisher argv=/usr/bin/wellwisher mail bounce --recipient ${original_recipient}"
    )]
    Bounce {
        /// The address that it was delivered to, when the mail server tells it.
        #[arg(long)]
        recipient: Option<String>,
    },
}

#[derive(Subcommand, Debug)]
enum Supporters {
    /// Write everything that is known of a supporter as one JSON document. It is noted in the audit trail.
    #[command(after_help = "Example:\n  wellwisher supporters export zarmina@example.org --output zarmina.json")]
    Export {
        /// Her e-mail address, or the id from the desk.
        who: String,
        /// Where to write; standard output when left out.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Erase a supporter as far as the law lets us: her name, addresses, notes and letters go; amounts, dates and receipt numbers stay. Exit code 1 when something must come to its end first, which is named.
    #[command(after_help = "Example:\n  wellwisher supporters erase zarmina@example.org")]
    Erase {
        /// Her e-mail address, or the id from the desk.
        who: String,
        /// Do not ask whether it is meant.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand, Debug)]
enum Updates {
    /// Watch the letters of one leave: a bar on a terminal, plain lines when piped. Exit code 1 when they are held back or were ended.
    #[command(after_help = "Example:\n  wellwisher updates watch the-stoves-have-come")]
    Watch {
        /// Its id, or its name in the address.
        update: String,
    },
}

#[derive(Subcommand, Debug)]
enum Staff {
    /// Make a one-time link with which a member of staff makes her account.
    #[command(after_help = "Example:\n  wellwisher staff add editor@example.org --role editor")]
    Add {
        /// Her e-mail address.
        email: String,
        /// What she may do: admin, editor or finance.
        #[arg(long)]
        role: entity::words::Role,
    },
}

/// Runs the command line. The process ends with the code that this returns.
pub async fn run() -> ExitCode {
    let _ = dotenvy::dotenv();
    let mut cli = Cli::parse();
    quieten_demo(&mut cli);
    telemetry::start(&cli.settings.log, cli.settings.log_json);
    match dispatch(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("wellwisher: {error}");
            ExitCode::from(2)
        }
    }
}

/// The demo's terminal is for the addresses and codes: unless a level was asked for, only warnings come between.
fn quieten_demo(cli: &mut Cli) {
    let asked = std::env::var_os("LOG").is_some() || std::env::args().any(|argument| argument == "--log" || argument.starts_with("--log="));
    if matches!(cli.command, Command::Demo) && !asked {
        cli.settings.log = "warn".to_owned();
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode, Error> {
    match cli.command {
        Command::Serve => serve::serve(&cli.settings).await,
        Command::Work => serve::work(&cli.settings).await,
        Command::Demo => serve::demo(&cli.settings).await,
        Command::Migrate => data::migrate(&cli.settings).await,
        Command::Doctor => data::doctor(&open(&cli.settings).await?).await,
        Command::Verify => data::verify(&open(&cli.settings).await?).await,
        Command::Reconcile { days } => data::reconcile(&open(&cli.settings).await?, days).await,
        Command::Export(arguments) => data::export(&open(&cli.settings).await?, &arguments).await,
        Command::Import { what: Import::Articles { path } } => data::import_articles(&open(&cli.settings).await?, &path).await,
        Command::Receipts { what: Receipts::Annual { year, dry_run } } => {
            receipts::annual(&open(&cli.settings).await?, year, dry_run).await
        }
        Command::GiftAid { what: GiftAid::Claim { until, dry_run, output } } => {
            receipts::gift_aid_claim(&open(&cli.settings).await?, until, dry_run, &output).await
        }
        Command::Import { what: Import::Donations(arguments) } => past::import_table(&open(&cli.settings).await?, &arguments).await,
        Command::Import { what: Import::StripeHistory(arguments) } => past::import_history(&open(&cli.settings).await?, &arguments).await,
        Command::Mail { what: Mail::Bounce { recipient } } => mail::hear_bounce(&cli.settings, recipient.as_deref()).await,
        Command::Supporters { what: Supporters::Export { who, output } } => {
            supporters::export(&open(&cli.settings).await?, &who, output.as_deref()).await
        }
        Command::Supporters { what: Supporters::Erase { who, yes } } => supporters::erase(&open(&cli.settings).await?, &who, yes).await,
        Command::Updates { what: None } => updates::list(&open(&cli.settings).await?).await,
        Command::Updates { what: Some(Updates::Watch { update }) } => updates::watch(&open(&cli.settings).await?, &update).await,
        Command::Staff { what: Staff::Add { email, role } } => data::add_staff(&open(&cli.settings).await?, &email, role).await,
    }
}

/// The parts for a command that runs beside `serve` or without it. With the stand-in configured there is nobody to ask about money,
/// which the commands that need Stripe then say.
async fn open(settings: &Settings) -> Result<App, Error> {
    let config = Config::check(settings)?;
    prepare_folders(&config)?;
    let db = Db::open(&config.database_url).await?;
    db.migrate().await?;
    let payment = Payment::from_config(&config).unwrap_or_else(Payment::nobody);
    App::new(config, db, Clock::System, payment)
}

/// Makes the folder of an SQLite file and of the program's own things.
fn prepare_folders(config: &Config) -> Result<(), Error> {
    let mut folders = vec![config.data_dir.clone()];
    folders.extend(crate::db::sqlite_path(&config.database_url).and_then(|path| path.parent().map(std::path::Path::to_owned)));
    for folder in folders.iter().filter(|f| !f.as_os_str().is_empty()) {
        make_private_folder(folder).map_err(|e| Error::Invalid(format!("the folder {} cannot be made: {e}", folder.display())))?;
    }
    Ok(())
}
