//! The stand-in as a browser and a stranger meet it: card page, keys, parameters, controls.

use super::{GOOD_CARD, Hall, gift, money, noon};
use chrono::TimeDelta;
use serde_json::{Value, json};
use wellwisher::payments::{StripeFailure, standin::PayOutcome};

struct Browser(reqwest::Client);

impl Browser {
    fn new() -> Self {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self(client.expect("a browser"))
    }

    async fn get(&self, url: &str) -> (u16, String) {
        let answer = self.0.get(url).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a page"))
    }

    /// Posts a form; the status, where it leads, and the page.
    async fn post(&self, url: &str, fields: &[(&str, &str)]) -> (u16, String, String) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.0.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        let answer = request.send().await.expect("an answer");
        let target = answer.headers().get("location").map(|target| target.to_str().expect("text").to_owned()).unwrap_or_default();
        (answer.status().as_u16(), target, answer.text().await.expect("a page"))
    }

    async fn control(&self, hall: &Hall, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}_standin/{path}", hall.running.base_url);
        let request = self.0.post(url).header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
    }
}

const CARD: [(&str, &str); 3] = [("method", "card"), ("expiry", "12 / 40"), ("cvc", "123")];

fn with_number(number: &str) -> Vec<(&str, &str)> {
    [&CARD[..], &[("number", number)]].concat()
}

#[tokio::test]
async fn a_card_is_paid_on_the_card_page_and_the_payer_comes_back() {
    let hall = Hall::open().await;
    let browser = Browser::new();
    let opened = hall.stripe.create_checkout(&gift("d-1", money(123_456, "JPY"))).await.expect("a checkout");
    let (status, page) = browser.get(&opened.url).await;
    assert_eq!(status, 200);
    assert!(page.contains("no real money moves") && page.contains("JPY 123456") && page.contains("Gift سلام &#38; + % = é"), "{page}");
    assert!(!page.contains("<script") && !page.contains("style="), "no script and no inline style");
    let (status, target, _) = browser.post(&opened.url, &with_number("4242 4242 4242 4242")).await;
    assert_eq!((status, target), (303, format!("http://127.0.0.1:9/donations/abc?s={}", opened.session_id)));
    assert!(hall.stripe.fetch_checkout(&opened.session_id).await.expect("a state").is_paid());
    let (status, _, _) = browser.post(&opened.url, &with_number(GOOD_CARD)).await;
    assert_eq!(status, 303, "a double click pays once and leads back");
    assert_eq!(hall.standin().events().iter().filter(|event| event.kind == "charge.succeeded").count(), 1);
    let (status, page) = browser.get(&opened.url).await;
    assert!(status == 200 && page.contains("complete"));
}

#[tokio::test]
async fn the_card_page_lets_forms_lead_only_to_itself_and_back() {
    let hall = Hall::open().await;
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    let answer = Browser::new().0.get(&opened.url).send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:9"), "{policy}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let (status, styles) = Browser::new().get(&format!("{}standin.css", hall.running.base_url)).await;
    assert!(status == 200 && styles.contains("inline-size"));
}

#[tokio::test]
async fn a_declined_card_stays_on_the_page_and_another_may_be_tried() {
    let hall = Hall::open().await;
    let browser = Browser::new();
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    let (status, _, page) = browser.post(&opened.url, &with_number("4000000000000002")).await;
    assert!(status == 402 && page.contains("declined") && page.contains("role=\"alert\"") && !page.contains("4000000000000002"), "{page}");
    let (status, _, _) = browser.post(&opened.url, &with_number(GOOD_CARD)).await;
    assert_eq!(status, 303);
}

#[tokio::test]
async fn a_real_card_number_is_refused_and_not_shown_again() {
    let hall = Hall::open().await;
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    let (status, _, page) = Browser::new().post(&opened.url, &with_number("4111111111111111")).await;
    assert!(status == 422 && page.contains("Never type a real card") && !page.contains("4111"), "{page}");
    assert!(hall.standin().events().is_empty(), "nothing was tried");
}

#[tokio::test]
async fn missing_and_past_fields_are_named() {
    let hall = Hall::open().await;
    let browser = Browser::new();
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    for (number, expiry, cvc, words) in [
        ("", "12/40", "123", "practice card numbers"),
        (GOOD_CARD, "", "123", "expiry date as month and year"),
        (GOOD_CARD, "13/40", "123", "expiry date as month and year"),
        (GOOD_CARD, "01/20", "123", "in the past"),
        (GOOD_CARD, "12/40", "12a", "security code"),
    ] {
        let fields = [("method", "card"), ("number", number), ("expiry", expiry), ("cvc", cvc)];
        let (status, _, page) = browser.post(&opened.url, &fields).await;
        assert!(status == 422 && page.contains(words), "{number} {expiry} {cvc}: {page}");
    }
    assert_eq!(hall.standin().pay(&opened.session_id, GOOD_CARD), PayOutcome::Paid);
}

#[tokio::test]
async fn a_card_that_asks_is_paid_after_approval_and_not_after_refusal() {
    let hall = Hall::open().await;
    let browser = Browser::new();
    for (number, answer) in [("4000002500003155", "refuse"), ("4000000000003184", "approve")] {
        let opened = hall.stripe.create_checkout(&gift(&format!("d-{answer}"), money(2_500, "EUR"))).await.expect("a checkout");
        let (status, _, page) = browser.post(&opened.url, &with_number(number)).await;
        assert!(status == 200 && page.contains("Your bank asks"), "{page}");
        let (_, page) = browser.get(&opened.url).await;
        assert!(page.contains("Your bank asks"), "the question stays after a reload");
        let (status, _, page) = browser.post(&opened.url, &[("step", "bank"), ("answer", answer)]).await;
        let paid = hall.stripe.fetch_checkout(&opened.session_id).await.expect("a state").is_paid();
        assert_eq!((status, paid), if answer == "approve" { (303, true) } else { (402, false) }, "{page}");
    }
    let fresh = hall.stripe.create_checkout(&gift("d-3", money(2_500, "EUR"))).await.expect("a checkout");
    let (status, _, _) = browser.post(&fresh.url, &[("step", "bank"), ("answer", "approve")]).await;
    assert_eq!(status, 410, "nobody asked, so there is nothing to approve");
    assert!(!hall.stripe.fetch_checkout(&fresh.session_id).await.expect("a state").is_paid());
}

#[tokio::test]
async fn a_bank_debit_settles_by_the_clock() {
    let hall = Hall::open().await;
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    let (status, _, _) = Browser::new().post(&opened.url, &[("method", "debit_succeeds")]).await;
    assert_eq!(status, 303);
    assert!(hall.stripe.fetch_checkout(&opened.session_id).await.expect("a state").is_processing());
    hall.clock.advance(TimeDelta::seconds(10));
    assert!(hall.stripe.fetch_checkout(&opened.session_id).await.expect("a state").is_paid());
}

#[tokio::test]
async fn a_session_runs_out_by_the_clock_and_its_page_says_so() {
    let hall = Hall::open().await;
    let browser = Browser::new();
    let opened = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await.expect("a checkout");
    hall.clock.set(noon() + TimeDelta::minutes(35));
    let (status, page) = browser.get(&opened.url).await;
    assert!(status == 410 && page.contains("run out") && page.contains("http://127.0.0.1:9/donate"), "{page}");
    let (status, _, _) = browser.post(&opened.url, &with_number(GOOD_CARD)).await;
    assert_eq!(status, 410);
    assert_eq!(hall.standin().events()[0].kind, "checkout.session.expired");
    let (status, page) = browser.get(&format!("{}pay/cs_test_forgotten", hall.running.base_url)).await;
    assert!(status == 404 && page.contains("not known"), "a practice payment from before a restart");
}

async fn ask(hall: &Hall, method: &str, path: &str, body: &str, header: Option<(&str, &str)>) -> (u16, Value) {
    let url = format!("{}v1/{path}", hall.running.base_url);
    let client = Browser::new().0;
    let mut request = if method == "GET" { client.get(url) } else { client.post(url).body(body.to_owned()) };
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
}

const KEY: Option<(&str, &str)> = Some(("authorization", "Bearer sk_test_1"));

#[tokio::test]
async fn without_a_test_key_nothing_is_answered() {
    let hall = Hall::open().await;
    for header in
        [None, Some(("authorization", "Bearer pk_test_1")), Some(("authorization", "Basic !!")), Some(("authorization", "sk_test_1"))]
    {
        let (status, body) = ask(&hall, "GET", "charges", "", header).await;
        assert_eq!((status, body["error"]["type"].as_str()), (401, Some("invalid_request_error")));
    }
    let (status, body) = ask(&hall, "GET", "charges", "", Some(("authorization", "Bearer sk_live_1"))).await;
    assert!(status == 401 && body["error"]["message"].as_str().is_some_and(|words| words.contains("stand-in")));
    // "sk_test_1:" in Base64
    let (status, _) = ask(&hall, "GET", "charges", "", Some(("authorization", "Basic c2tfdGVzdF8xOg=="))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_stripe_would_refuse_is_refused() {
    let hall = Hall::open().await;
    let line = "line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][product_data][name]=Gift";
    let base = format!("mode=payment&success_url=http://127.0.0.1:9/&{line}");
    let soon = (noon() + TimeDelta::minutes(29)).timestamp();
    let far = (noon() + TimeDelta::hours(25)).timestamp();
    for (form, code, param) in [
        (format!("{base}&line_items[0][price_data][unit_amount]=49"), "amount_too_small", "line_items"),
        (format!("{base}&line_items[0][price_data][unit_amount]=1000000000000"), "amount_too_large", "line_items"),
        (
            format!("{base}&line_items[0][price_data][unit_amount]=12.5"),
            "parameter_invalid_integer",
            "line_items[0][price_data][unit_amount]",
        ),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&surprise=1"), "parameter_unknown", "surprise"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&line_items[0][x]=1"), "parameter_unknown", "line_items[0][x]"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&locale=fa"), "", "locale"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&submit_type=beg"), "", "submit_type"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&expires_at={soon}"), "", "expires_at"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&expires_at={far}"), "", "expires_at"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&customer_email=nobody"), "email_invalid", "customer_email"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&cancel_url=javascript:1"), "url_invalid", "cancel_url"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500&metadata[a]={}", "x".repeat(501)), "", "metadata"),
        (format!("{base}&line_items[0][price_data][unit_amount]=500").replace("=eur", "=irr"), "", "line_items[0][price_data][currency]"),
        (format!("{base}&line_items[0][price_data][unit_amount]=5001").replace("=eur", "=kwd"), "", "line_items"),
        ("mode=payment".to_owned(), "", "line_items"),
        (format!("success_url=http://127.0.0.1:9/&{line}"), "parameter_missing", "mode"),
    ] {
        let (status, body) = ask(&hall, "POST", "checkout/sessions", &form, KEY).await;
        let error = &body["error"];
        assert_eq!((status, error["code"].as_str().unwrap_or_default(), error["param"].as_str()), (400, code, Some(param)), "{form}");
    }
    assert!(hall.standin().sessions().is_empty());
    for (path, param) in [
        ("charges?limit=0", "limit"),
        ("charges?limit=101", "limit"),
        ("charges?starting_after=ch_x", "starting_after"),
        ("charges?x=1", "x"),
    ] {
        let (status, body) = ask(&hall, "GET", path, "", KEY).await;
        assert_eq!((status, body["error"]["param"].as_str()), (400, Some(param)), "{path}");
    }
    for path in ["charges/ch_x", "charges/cs_x", "customers/cus_x", "events/evt_x", "checkout/sessions/pi_1"] {
        assert_eq!(ask(&hall, "GET", path, "", KEY).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn expanding_has_stripes_bounds() {
    let hall = Hall::open().await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    let path = "checkout/sessions?expand[]=data.payment_intent.latest_charge.balance_transaction";
    let (status, body) = ask(&hall, "GET", path, "", KEY).await;
    let entry = &body["data"][0]["payment_intent"]["latest_charge"]["balance_transaction"];
    assert_eq!(
        (status, entry["object"].as_str(), entry["source"].as_str().map(|id| &id[..3])),
        (200, Some("balance_transaction"), Some("ch_"))
    );
    let deep = format!("{path}.source");
    assert_eq!(ask(&hall, "GET", &deep, "", KEY).await.0, 400, "five levels are one too many");
    assert_eq!(ask(&hall, "GET", &format!("checkout/sessions/{id}?expand[]=line_items"), "", KEY).await.0, 400);
}

#[tokio::test]
async fn a_refund_never_exceeds_what_is_left_and_is_booked() {
    let hall = Hall::open().await;
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    assert_eq!(hall.standin().pay(&id, GOOD_CARD), PayOutcome::Paid);
    let charge = hall.stripe.fetch_checkout(&id).await.expect("a state").charge_id.expect("a charge");
    let refund = async |extra: &str| ask(&hall, "POST", "refunds", &format!("charge={charge}{extra}"), KEY).await;
    assert_eq!(refund("&amount=2501").await.0, 400);
    let (status, body) = refund("&amount=2000&reason=requested_by_customer&expand[]=balance_transaction").await;
    assert_eq!((status, body["balance_transaction"]["net"].as_i64()), (200, Some(-2_000)));
    assert_eq!(refund("&amount=501").await.0, 400);
    assert_eq!(refund("").await.1["amount"].as_i64(), Some(500), "the rest");
    assert_eq!(refund("").await.1["error"]["code"].as_str(), Some("charge_already_refunded"));
    let kinds: Vec<_> = hall.standin().events().into_iter().map(|event| event.kind).filter(|kind| kind.contains("refund")).collect();
    assert_eq!(kinds, ["charge.refunded", "refund.created", "charge.refunded", "refund.created"]);
    let (_, body) = ask(&hall, "GET", &format!("charges/{charge}"), "", KEY).await;
    assert_eq!((body["amount_refunded"].as_i64(), body["refunded"].as_bool()), (Some(2_500), Some(true)));
}

#[tokio::test]
async fn every_kind_of_object_can_be_listed_and_fetched() {
    let hall = Hall::open().await;
    for (number, card) in [GOOD_CARD, "4000000000000002", "4000002500003155"].into_iter().enumerate() {
        let id = hall.checkout(&format!("d-{number}"), money(2_500, "EUR")).await;
        hall.standin().pay(&id, card);
    }
    let debit = hall.checkout("d-debit", money(2_500, "EUR")).await;
    hall.standin().pay_by_debit(&debit, true);
    assert!(hall.standin().settle_debit(&debit, true));
    let (_, paid) = ask(&hall, "GET", "charges?limit=1", "", KEY).await;
    let form = format!("charge={}", paid["data"][0]["id"].as_str().expect("a charge"));
    assert_eq!(ask(&hall, "POST", "refunds", &form, KEY).await.0, 200);
    for kind in ["checkout/sessions", "payment_intents", "charges", "balance_transactions", "refunds", "events"] {
        let (status, list) = ask(&hall, "GET", &format!("{kind}?limit=100&created[gte]={}", noon().timestamp()), "", KEY).await;
        let rows = list["data"].as_array().expect("rows");
        assert!(status == 200 && !rows.is_empty() && list["has_more"] == json!(false), "{kind}");
        for row in rows {
            let id = row["id"].as_str().expect("an id");
            assert_eq!(ask(&hall, "GET", &format!("{kind}/{id}"), "", KEY).await, (200, row.clone()), "{kind}");
        }
        let (_, none) = ask(&hall, "GET", &format!("{kind}?created[gt]={}", noon().timestamp() + 60), "", KEY).await;
        assert_eq!(none["data"], json!([]), "{kind}");
    }
}

#[tokio::test]
async fn faults_and_short_cuts_can_be_ordered_over_http_on_this_machine() {
    let hall = Hall::open().await;
    let browser = Browser::new();
    let orders = json!({ "api": [{ "kind": "too_many_requests", "calls": 3 }], "webhooks": [{ "kind": "duplicate", "times": 2 }] });
    assert_eq!(browser.control(&hall, "faults", &orders).await, (200, json!({ "done": true })));
    assert_eq!(hall.standin().faults_waiting(), (3, 1));
    let failure = hall.stripe.create_checkout(&gift("d-1", money(2_500, "EUR"))).await;
    assert_eq!(failure, Err(StripeFailure::Busy { status: 429 }));
    let id = hall.checkout("d-2", money(2_500, "EUR")).await;
    let (_, outcome) = browser.control(&hall, &format!("sessions/{id}/pay"), &json!({ "number": GOOD_CARD })).await;
    assert_eq!(outcome, json!({ "outcome": "paid" }));
    assert_eq!(browser.control(&hall, "faults", &json!({ "api": [{ "kind": "fire" }] })).await.0, 400);
    assert_eq!(browser.control(&hall, "nothing", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_reach_the_controls() {
    let hall = Hall::open().await;
    let client = Browser::new().0;
    let url = format!("{}_standin/faults", hall.running.base_url);
    let plain = client.post(&url).header("content-type", "text/plain").body("{}").send().await.expect("an answer");
    assert_eq!(plain.status(), 415, "a form or plain text is what a browser sends across sites unasked");
    let other = client.get(&url).header("host", "evil.example").send().await.expect("an answer");
    assert_eq!(other.status(), 403, "a name that was pointed here");
    let hall = Hall::open_with(|options| options.controls = false).await;
    let off = client.get(format!("{}_standin/sessions", hall.running.base_url)).send().await.expect("an answer");
    assert_eq!(off.status(), 404);
}

#[tokio::test]
async fn the_stand_in_listens_and_delivers_on_this_machine_only() {
    let hall = Hall::open().await;
    let public = hall.standin().clone().spawn("0.0.0.0:0").await;
    assert_eq!(public.err().map(|error| error.kind()), Some(std::io::ErrorKind::InvalidInput));
    hall.standin().set_webhook_url(Some("http://192.0.2.1/webhooks/stripe"));
    let id = hall.checkout("d-1", money(2_500, "EUR")).await;
    hall.standin().pay(&id, GOOD_CARD);
    assert!(hall.standin().quiet(std::time::Duration::from_secs(2)).await, "nothing is sent there");
}
