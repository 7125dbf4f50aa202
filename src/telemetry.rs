//! Logs that hold ids only: never names, addresses, tokens, networks or what a browser says of itself.

use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts the log on stderr at the levels of `filter` (`info`, `wellwisher=debug,info`), as JSON when `json`.
/// Later calls do nothing, so that tests may call it too.
pub fn start(filter: &str, json: bool) {
    let levels = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Stripe's answers and SQL can carry personal data, and paths the secrets of links: their crates are never heard below a warning.
    let quiet = ["sqlx", "sea_orm", "stripe", "stripe_client_core", "hyper", "rustls", "tower_http"];
    let levels = quiet.iter().filter_map(|name| format!("{name}=warn").parse().ok()).fold(levels, EnvFilter::add_directive);
    let registry = tracing_subscriber::registry().with(levels);
    let _ = if json {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        let colours = std::io::stderr().is_terminal();
        registry.with(fmt::layer().with_target(false).with_ansi(colours).with_writer(std::io::stderr)).try_init()
    };
}
