//! Stripe's official Python SDK against our stand-in and our signatures.

use super::{GOOD_CARD, Hall, SECRET, money, secret};
use serde_json::Value;
use std::{
    env,
    ffi::OsString,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};
use wellwisher::payments::{
    event::Event,
    signature::{sign, verify},
};

/// A Python that has the `stripe` module; without one the test is skipped, but not in CI.
fn python() -> Option<OsString> {
    let python = env::var_os("WELLWISHER_PYTHON").unwrap_or_else(|| "python3".into());
    let check = Command::new(&python).args(["-c", "import stripe"]).stderr(Stdio::null()).status();
    if check.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "CI needs Stripe's SDK: pip install 'stripe==16.1.0', WELLWISHER_PYTHON=<that python>"
    );
    println!("skipped: no Python with the stripe module (pip install 'stripe==16.1.0', then set WELLWISHER_PYTHON)");
    None
}

#[tokio::test]
async fn stripes_own_sdk_can_create_pay_refund_and_list_and_both_believe_each_others_signatures() {
    let Some(python) = python() else { return };
    let hall = Hall::open().await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    let event = hall.standin().events().into_iter().next().expect("an event");
    assert!(Event::parse(event.body.as_bytes()).is_ok());
    let now = hall.clock.now();
    let header = sign(event.body.as_bytes(), &secret(), now);

    let arguments = [hall.running.base_url.clone(), SECRET.to_owned(), now.timestamp().to_string()];
    let input = format!("{}\n{header}\n", event.body);
    let output = tokio::task::spawn_blocking(move || run(python, &arguments, &input)).await.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let said: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let theirs = said["header"].as_str().expect("a header");
    assert_eq!(verify(b"signed by the SDK", theirs, &[secret()], now), Ok(()));
    let state = hall.stripe.fetch_checkout(said["paid"].as_str().expect("a session")).await.expect("a state");
    assert!(state.is_paid() && state.donation_id.as_deref() == Some("sdk-1"));
}

fn run(python: OsString, arguments: &[String], input: &str) -> Output {
    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stripe_sdk.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    child.wait_with_output().expect("Python ends")
}
