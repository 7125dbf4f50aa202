//! The program: see `wellwisher --help`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // One TLS provider for all: without this, rustls would have to guess when a second one slips into the build.
    let _ = rustls::crypto::ring::default_provider().install_default();
    wellwisher::cli::run().await
}
