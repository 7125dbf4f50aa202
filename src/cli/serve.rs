//! `serve`, `work` and `demo`: the commands that stay.

use super::prepare_folders;
use crate::{
    app::{App, Payment},
    clock::{Clock, Random},
    config::{Config, MailWay, PaymentWay, Settings},
    db::{Db, sqlite_path},
    demo,
    error::Error,
    mail::suppression::{self, AddressKey},
    payments::{
        signature::WebhookSecret,
        standin::{RunningStandin, Standin, StandinOptions},
    },
    readers, router, staff, worker,
};
use secrecy::SecretString;
use std::{fs::File, net::SocketAddr, process::ExitCode, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The key that is used with the stand-in; it opens nothing else.
const STANDIN_KEY: &str = "sk_test_practice_only";

/// How long requests may take to end when the program is asked to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// Serves the site and does its jobs.
pub async fn serve(settings: &Settings) -> Result<ExitCode, Error> {
    let (listener, config) = bind(settings).await?;
    let _lock = lock(&config)?;
    let db = open_database(&config).await?;
    let (payment, standin) = payment(&config, &listener).await?;
    let app = App::new(config, db, Clock::System, payment)?;
    if app.stripe.livemode() {
        staff::refuse_demo_accounts(&app).await?;
    }
    if let Some(link) = staff::first_account_link(&app).await? {
        println!("No staff account yet. Make the first one here within 24 hours (the link works once):\n  {link}");
    }
    warn_of_practice(&app);
    run(app, listener, standin, stop_on_signal()).await
}

/// Does jobs only.
pub async fn work(settings: &Settings) -> Result<ExitCode, Error> {
    let config = Config::check(settings)?;
    if sqlite_path(&config.database_url).is_some() {
        return Err(Error::Invalid("`work` is for PostgreSQL; on SQLite `serve` does the jobs itself".to_owned()));
    }
    let payment = Payment::from_config(&config)
        .ok_or_else(|| Error::Invalid("`work` needs STRIPE_SECRET_KEY: the stand-in lives inside `serve` only".to_owned()))?;
    let db = open_database(&config).await?;
    let app = App::new(config, db, Clock::System, payment)?;
    tracing::info!("working on jobs");
    let stop = stop_on_signal();
    worker::run(app, stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Serves the sample newsroom. Stopping it, also while it is being made, leaves nothing behind.
pub async fn demo(settings: &Settings) -> Result<ExitCode, Error> {
    let begun = std::time::Instant::now();
    let stop = stop_on_signal();
    let mut settings = settings.clone();
    let folder = demo::prepare_settings(&mut settings)?;
    let (listener, mut config) = bind(&settings).await?;
    config.demo = true;
    let _lock = lock(&config)?;
    eprintln!("Making a sample newsroom with three months of gifts and readers; this takes some seconds …");
    let past = tokio::select! {
        made = make_sample(&config) => made?,
        () = stop.cancelled() => {
            if folder.is_none() {
                eprintln!("wellwisher: stopped in the middle; empty the database before the demo goes on it again");
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    let db = open_database(&config).await?;
    let (payment, standin) = payment(&config, &listener).await?;
    if let Some(running) = &standin {
        // So that the samples can be changed, refunded and ended like what is given from now on.
        running.standin.take_over(&past);
    }
    let app = App::new(config, db, Clock::System, payment)?;
    show_sample(&app, begun.elapsed()).await?;
    run(app, listener, standin, stop).await
}

async fn make_sample(config: &Config) -> Result<Standin, Error> {
    let db = Db::open_for_filling(&config.database_url).await?;
    db.migrate().await?;
    demo::require_empty(&db).await?;
    let past = demo::fill(config, &db).await?;
    db.close_filled(&config.database_url).await?;
    Ok(past)
}

/// Tells where the sample newsroom is and how to sign in.
async fn show_sample(app: &App, took: Duration) -> Result<(), Error> {
    println!("The sample newsroom is ready after {:.1} s. No real money moves.\n", took.as_secs_f64());
    println!("  Site     {}", app.config.base_url);
    println!("  Staff    {}", app.config.link("/desk"));
    for account in staff::demo_accounts(app).await? {
        println!("           {:8} {}   password: {}   code now: {}", account.role.as_str(), account.email, account.password, account.code);
    }
    println!("           The sign-in page always shows the codes of the moment.");
    if let MailWay::Files(dir) = &app.config.mail {
        println!("  Letters  {}", dir.display());
    }
    println!("\nCard numbers to practise with: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined. Stop with Ctrl+C.");
    Ok(())
}

/// Opens the port first, so that the settings can name the address that readers use even when the port was chosen freely.
async fn bind(settings: &Settings) -> Result<(TcpListener, Config), Error> {
    let mut config = Config::check(settings)?;
    prepare_folders(&config)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| {
        Error::Invalid(format!("cannot listen on {}: {e}. Is it running already? Another port: --listen 127.0.0.1:8090", config.listen))
    })?;
    let local = listener.local_addr().map_err(|e| Error::internal("the port", e))?;
    if settings.base_url.trim().is_empty() {
        config.base_url = format!("http://{local}").parse().map_err(|e| Error::internal("the address", e))?;
    }
    config.listen = local;
    Ok((listener, config))
}

/// Keeps a second `serve` from the same SQLite file; the lock ends with the process.
fn lock(config: &Config) -> Result<Option<File>, Error> {
    let Some(path) = sqlite_path(&config.database_url) else { return Ok(None) };
    let name = path.with_extension("lock");
    let file = File::create(&name).map_err(|e| Error::Invalid(format!("{}: {e}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(Error::Invalid(format!("another process serves {} already; several need PostgreSQL", path.display()))),
    }
}

async fn open_database(config: &Config) -> Result<Db, Error> {
    let db = Db::open(&config.database_url).await?;
    db.migrate().await?;
    suppression::notice_key(&db, &AddressKey::new(&config.key("mail addresses")), Clock::System.now()).await?;
    Ok(db)
}

/// The way to Stripe, or to a stand-in that is started for it.
async fn payment(config: &Config, listener: &TcpListener) -> Result<(Payment, Option<RunningStandin>), Error> {
    if let Some(payment) = Payment::from_config(config) {
        return Ok((payment, None));
    }
    let PaymentWay::Standin(address) = config.payment else { return Err(Error::Internal("no way to take gifts".to_owned())) };
    let random = Random::default();
    let secret = format!("whsec_{}", crate::clock::hex(&random.bytes::<24>()));
    let webhook_secret = WebhookSecret::parse(&secret).map_err(|e| Error::internal("the stand-in's secret", e))?;
    let running = Standin::new(StandinOptions::new(Clock::System, random, webhook_secret))
        .spawn(&address.to_string())
        .await
        .map_err(|e| Error::Invalid(format!("the stand-in for Stripe cannot listen on {address} (STANDIN_LISTEN): {e}")))?;
    let port = listener.local_addr().map_err(|e| Error::internal("the port", e))?.port();
    running.standin.set_webhook_url(Some(&format!("http://127.0.0.1:{port}/webhooks/stripe")));
    let payment = Payment {
        key: SecretString::from(STANDIN_KEY),
        api_base: running.base_url.clone(),
        webhook_secrets: vec![SecretString::from(secret)],
        checkout_origin: running.base_url.trim_end_matches('/').to_owned(),
    };
    Ok((payment, Some(running)))
}

/// Says in the log what is not for real.
fn warn_of_practice(app: &App) {
    if app.config.is_practice() {
        tracing::warn!("a stand-in takes the place of Stripe: no real money moves (set STRIPE_SECRET_KEY to take gifts)");
    }
    if let MailWay::Files(dir) = &app.config.mail {
        tracing::warn!(folder = %dir.display(), "letters are written as files (set SMTP_URL to send them)");
    }
}

/// Serves until `stop`, then ends what is under way.
async fn run(app: App, listener: TcpListener, standin: Option<RunningStandin>, stop: CancellationToken) -> Result<ExitCode, Error> {
    readers::counter(&app).await?;
    let router = router::build(app.clone())?;
    if !app.config.demo {
        println!("Serving {}", app.config.base_url);
    }
    tracing::info!(listen = %app.config.listen, "serving");
    let work = tokio::spawn(worker::run(app.clone(), stop.clone()));
    let quiet = stop.clone();
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { quiet.cancelled().await });
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => served.map_err(|e| Error::internal("serving", e))?,
        () = drained => tracing::warn!("some requests did not end in time"),
    }
    stop.cancel();
    let _ = tokio::time::timeout(DRAIN, work).await;
    drop(standin);
    app.db.clone().close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Cancelled by Ctrl+C or SIGTERM, from this call on.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let signal = next_signal();
    tokio::spawn(async move {
        signal.await;
        tracing::info!("stopping: what is under way is finished first");
        told.cancel();
    });
    stop
}

/// Listens at once, also before the future is first polled: until then a signal would end the process in the middle.
#[cfg(unix)]
fn next_signal() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    async move {
        match signals {
            [Ok(mut terminate), Ok(mut interrupt)] => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            _ => {
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
