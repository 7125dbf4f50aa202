//! The giving form: amounts, its token, its limits.

use crate::support::{TestApp, TestDatabase};
use chrono::TimeDelta;
use entity::{Currency, Money};
use proptest::prelude::*;
use wellwisher::asks::{
    self,
    amount::{AmountError, parse, parse_count},
    token::{self, TokenError},
};

fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

fn minor(text: &str, code: &str) -> i64 {
    parse(text, currency(code)).unwrap_or_else(|error| panic!("{text} in {code}: {error:?}")).minor
}

fn refused(text: &str, code: &str) -> AmountError {
    parse(text, currency(code)).expect_err(&format!("{text} in {code} is refused"))
}

#[test]
fn an_amount_is_read_as_people_write_it() {
    let corpus: &[(&str, i64)] = &[
        ("25", 2_500),
        ("25.5", 2_550),
        ("25,50", 2_550),
        (".50", 50),
        ("1,000.50", 100_050),
        ("1.000,50", 100_050),
        ("1 000,50", 100_050),
        ("1\u{a0}000,50", 100_050),
        ("1\u{202f}000,50", 100_050),
        ("1'000.50", 100_050),
        ("1’000.50", 100_050),
        ("1,000", 100_000),
        ("1.000", 100_000),
        ("1000.5", 100_050),
        ("1,000,000", 100_000_000),
        ("1.000.000,25", 100_000_025),
        ("10,00,000.25", 100_000_025),
        ("۱۲۳", 12_300),
        ("١٢٣", 12_300),
        ("۱٬۰۰۰٫۵۰", 100_050),
        ("١٬٠٠٠٫٥٠", 100_050),
        ("۱۰۰۰٫۵", 100_050),
        ("\u{200e}25\u{200f} ", 2_500),
        ("$25", 2_500),
        ("25 USD", 2_500),
        ("usd 25", 2_500),
    ];
    for (text, expected) in corpus {
        assert_eq!(minor(text, "USD"), *expected, "{text}");
    }
}

#[test]
fn what_could_be_two_amounts_or_none_is_refused() {
    for text in [
        "x",
        "1-2",
        "-5",
        "1e3",
        "12,34,56",
        "1,0000,000",
        "1,000 000",
        "1.2.3",
        "5.",
        "1..5",
        "1,,000",
        "00,000,1",
        "€25",
        "2 5",
        "1٫5٫0",
        "0x10",
        "½",
    ] {
        assert_eq!(refused(text, "USD"), AmountError::NotANumber, "{text}");
    }
    assert_eq!(refused("", "USD"), AmountError::Empty);
    assert_eq!(refused(" $ ", "USD"), AmountError::Empty);
    assert_eq!(refused("0", "USD"), AmountError::NotPositive);
    assert_eq!(refused("0.00", "USD"), AmountError::NotPositive);
    assert_eq!(refused("1.234567", "USD"), AmountError::TooManyDecimals(2));
    assert_eq!(refused("0.500", "USD"), AmountError::TooManyDecimals(2));
    assert_eq!(refused("99999999999999999999", "USD"), AmountError::TooLarge);
    assert_eq!(refused(&"9".repeat(1_000_000), "USD"), AmountError::TooLarge);
}

#[test]
fn each_currency_has_its_own_decimals() {
    assert_eq!(minor("1,000", "JPY"), 1_000);
    assert_eq!(minor("500.00", "JPY"), 500);
    assert_eq!(refused("500.5", "JPY"), AmountError::TooManyDecimals(0));
    assert_eq!(minor("3.500", "KWD"), 3_500);
    assert_eq!(minor("1,234.500", "KWD"), 1_234_500);
    assert_eq!(minor("1 234,500", "TND"), 1_234_500);
    assert_eq!(refused("1,500", "KWD"), AmountError::Ambiguous);
    assert_eq!(refused("3.505", "KWD"), AmountError::NotAStep(Money::new(10, currency("KWD"))));
    assert_eq!(minor("2.500", "ISK"), 250_000);
    assert_eq!(refused("25.50", "ISK"), AmountError::NotAStep(Money::new(100, currency("ISK"))));
    assert_eq!(minor("1 750", "HUF"), 175_000);
}

#[test]
fn a_count_is_a_whole_number_in_any_digits() {
    assert_eq!((parse_count("3"), parse_count(" ۱۲ "), parse_count("٤")), (Some(3), Some(12), Some(4)));
    for text in ["", "1.5", "-1", "x", "1 0", "9999999999"] {
        assert_eq!(parse_count(text), None, "{text}");
    }
}

fn grouped(whole: i64, separator: &str) -> String {
    let digits = whole.to_string();
    let places = digits.len();
    digits.chars().enumerate().fold(String::new(), |mut text, (place, digit)| {
        if place > 0 && (places - place).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
        text
    })
}

fn in_digits(text: &str, zero: char) -> String {
    text.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(zero as u32 + d)).unwrap_or(c)).collect()
}

proptest! {
    #[test]
    fn every_amount_is_read_back_from_every_way_of_writing_it(
        steps in 1..9_999_999_999_i64,
        code in prop::sample::select(vec!["USD", "EUR", "JPY", "KWD", "TND", "ISK", "HUF", "AFN"]),
    ) {
        let currency = currency(code);
        let money = Money::new(steps * currency.step(), currency);
        prop_assert_eq!(parse(&money.decimal(), currency), Ok(money));
        let exponent = currency.exponent();
        let unit = 10i64.pow(exponent);
        let (whole, rest) = (money.minor / unit, money.minor % unit);
        for (group, point) in [(",", "."), (".", ","), (" ", ","), ("\u{a0}", ","), ("\u{202f}", "."), ("'", "."), ("٬", "٫")] {
            let text = match exponent {
                0 => grouped(whole, group),
                decimals => format!("{}{point}{rest:0width$}", grouped(whole, group), width = decimals as usize),
            };
            let lone_comma = exponent == 3 && whole < 1_000 && point == ",";
            if !lone_comma || whole == 0 {
                prop_assert_eq!(parse(&text, currency), Ok(money), "{}", &text);
                prop_assert_eq!(parse(&in_digits(&text, '۰'), currency), Ok(money), "{}", &text);
                prop_assert_eq!(parse(&in_digits(&text, '٠'), currency), Ok(money), "{}", &text);
            } else {
                prop_assert_eq!(parse(&text, currency), Err(AmountError::Ambiguous), "{}", &text);
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic_or_answer_less_than_a_step(text in "\\PC{0,50}", digits in "[0-9.,٫٬ '۰-۹]{0,24}") {
        for text in [text, digits] {
            for code in ["USD", "JPY", "KWD", "ISK"] {
                if let Ok(money) = parse(&text, currency(code)) {
                    prop_assert!(money.minor >= currency(code).step() && money.minor % currency(code).step() == 0);
                }
            }
        }
    }
}

async fn app_with(change: impl FnOnce(&mut wellwisher::config::Settings)) -> TestApp {
    TestApp::with(TestDatabase::sqlite().await, change).await
}

#[tokio::test]
async fn limits_fit_the_currency() {
    let test = app_with(|settings| settings.gift_limits = "EUR=3-500".to_owned()).await;
    let range = |code: &str| {
        let limits = asks::limits(&test.app.config, currency(code));
        (limits.min.minor, limits.max.minor)
    };
    assert_eq!(range("EUR"), (300, 50_000));
    assert_eq!(range("USD"), (500, 1_000_000));
    assert_eq!(range("JPY"), (500, 1_000_000));
    assert_eq!(range("HUF"), (175_000, 350_000_000));
    assert_eq!(range("KWD"), (1_000, 1_000_000_000));
    assert_eq!(range("ISK"), (100, 100_000_000));
    for code in ["USD", "JPY", "HUF", "KWD", "ISK"] {
        let limits = asks::limits(&test.app.config, currency(code));
        let suggested = asks::suggestions(&test.app.config, currency(code));
        assert!(suggested.len() >= 2, "{code}: {suggested:?}");
        assert!(suggested.iter().all(|money| (limits.min.minor..=limits.max.minor).contains(&money.minor)), "{code}: {suggested:?}");
        assert!(suggested.iter().all(|money| money.minor % money.currency.step() == 0), "{code}: {suggested:?}");
    }
}

#[tokio::test]
async fn a_covered_fee_leaves_the_whole_gift_and_is_the_least_that_does() {
    let test = app_with(|_| {}).await;
    let config = &test.app.config;
    assert_eq!(asks::fee_cover(config, Money::new(2_500, currency("USD"))).unwrap().minor, 106);
    for code in ["USD", "JPY", "KWD", "ISK"] {
        let (currency, fixed) = (currency(code), asks::fixed_fee(config, currency(code)).minor);
        let step = currency.step();
        for gift in [1, 7, 99, 12_345, 999_999].map(|steps| steps * step) {
            let cover = asks::fee_cover(config, Money::new(gift, currency)).unwrap().minor;
            let net = |charge: i64| charge * (10_000 - config.fee_basis_points) - fixed * 10_000;
            assert!(cover >= 0 && cover % step == 0, "{code} {gift}");
            assert!(net(gift + cover) >= gift * 10_000, "{code} {gift}: {cover} is too little");
            assert!(cover == 0 || net(gift + cover - step) < gift * 10_000, "{code} {gift}: {cover} is too much");
        }
    }
    assert!(asks::fee_cover(config, Money::new(i64::MAX, currency("USD"))).is_err());
}

#[tokio::test]
async fn a_form_token_counts_between_three_seconds_and_a_day() {
    let test = app_with(|_| {}).await;
    let issued = token::issue(&test.app);
    assert_eq!(token::check(&test.app, &issued), Err(TokenError::TooFast));
    test.app.clock.advance(TimeDelta::seconds(3));
    let checked = token::check(&test.app, &issued).expect("it counts");
    assert_eq!(checked.id.len(), 32);
    test.app.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(3));
    assert!(token::check(&test.app, &issued).is_ok());
    test.app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(token::check(&test.app, &issued), Err(TokenError::Expired));
}

#[tokio::test]
async fn a_forged_form_token_does_not_count() {
    let test = app_with(|_| {}).await;
    let issued = token::issue(&test.app);
    test.app.clock.advance(TimeDelta::minutes(1));
    for place in 0..issued.len() {
        let mut forged = issued.clone().into_bytes();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(token::check(&test.app, &forged), Err(TokenError::Forged), "{place}");
    }
    for text in ["", "x", &issued[..issued.len() - 4], &format!("{issued}AAAA")] {
        assert_eq!(token::check(&test.app, text), Err(TokenError::Forged), "{text}");
    }
    let other = app_with(|settings| settings.secret_key = "another secret for tests, of more than 32".into()).await;
    other.app.clock.advance(TimeDelta::minutes(1));
    assert_eq!(token::check(&other.app, &issued), Err(TokenError::Forged));
}

mod pages {
    use crate::support::{Answer, TestApp, TestDatabase, newsroom::plain, on_both_databases};
    use chrono::TimeDelta;
    use wellwisher::i18n::Language;

    /// What a person sends: the page's hidden fields, and what she typed.
    async fn send(test: &TestApp, form: &Answer, typed: &[(&str, &str)]) -> Answer {
        let hidden = ["form_token", "campaign", "item", "article", "language"];
        let hidden = hidden.map(|name| (name, form.attribute(&format!("input[name={name}]"), "value").unwrap_or_default()));
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend(typed);
        test.post("/donations", &fields).await
    }

    fn value(page: &Answer, name: &str) -> String {
        page.attribute(&format!("[name={name}]"), "value").unwrap_or_default()
    }

    on_both_databases! {
        async fn the_second_amount_is_chosen_and_says_what_it_buys(test: TestApp) {
            let campaign = test.campaign("Schools").await;
            test.item("School bag", Some(campaign.id), |raw| raw.price = "12".into()).await;
            test.item("Desk", Some(campaign.id), |raw| raw.price = "40".into()).await;
            let page = test.get("/campaigns/schools").await;
            assert_eq!(page.attribute("input[name=amount][checked]", "value").as_deref(), Some("25.00"));
            let labels = page.texts("input[name=amount] + label");
            assert_eq!(labels, ["€10", "€25 2 × School bag (€12)", "€50 Desk", "€100 2 × Desk (€40)", "Another amount"]);
            assert_eq!(value(&page, "currency"), "");
            assert_eq!(page.texts("select[name=currency] option"), ["EUR", "USD", "GBP"]);
            for ticked_by_nobody in ["public_name", "wants_updates", "discreet", "cover_fee"] {
                assert!(page.attribute(&format!("#{ticked_by_nobody}"), "checked").is_none(), "{ticked_by_nobody}");
            }
        }

        async fn what_is_wrong_is_said_on_top_and_at_the_field_and_what_was_typed_is_kept(test: TestApp) {
            test.campaign("Schools").await;
            let form = test.get("/donate?campaign=schools").await;
            test.app.clock.advance(TimeDelta::seconds(5));
            let typed = [
                ("amount", "25.00"), ("other_amount", "12,345.678x"), ("currency", "USD"), ("email", "not an address"),
                ("name", "A \"quoted\" <name>"), ("note", "Line one\nline two"), ("wants_updates", "yes"), ("discreet", "yes"),
            ];
            let answer = send(&test, &form, &typed).await;
            assert_eq!(answer.status, 422);
            assert!(answer.texts("title")[0].starts_with("Error:"), "{:?}", answer.texts("title"));
            assert_eq!(answer.attribute(".error-summary", "role").as_deref(), Some("alert"));
            let links: Vec<String> =
                answer.page().select(&scraper::Selector::parse(".error-summary a").unwrap()).map(|a| a.attr("href").unwrap().to_owned()).collect();
            assert_eq!(links, ["#other_amount", "#email"]);
            for link in links {
                assert!(answer.attribute(&link, "name").is_some(), "{link} leads to a field");
                assert!(answer.attribute(&link, "aria-describedby").unwrap().contains(&format!("{}-error", &link[1..])));
            }
            assert_eq!(value(&answer, "other_amount"), "12,345.678x");
            assert_eq!(value(&answer, "email"), "not an address");
            assert_eq!(value(&answer, "name"), "A \"quoted\" <name>");
            assert_eq!(answer.texts("textarea[name=note]"), ["Line one line two"]);
            assert_eq!(answer.attribute("select[name=currency] option[selected]", "value").as_deref(), Some("USD"));
            assert!(answer.attribute("#wants_updates", "checked").is_some() && answer.attribute("#discreet", "checked").is_some());
            assert!(answer.attribute("#cover_fee", "checked").is_none());
            assert_eq!(answer.attribute("input[name=amount][checked]", "value").as_deref(), Some("other"));
            assert_eq!(value(&answer, "form_token"), value(&form, "form_token"), "a double submit stays one donation");
        }

        async fn a_form_sent_too_fast_or_too_late_is_shown_again_and_then_works(test: TestApp) {
            let typed = [("amount", "25.00"), ("currency", "USD"), ("email", "reader@example.org")];
            let form = test.get("/donate").await;
            let fast = send(&test, &form, &typed).await;
            assert_eq!(fast.status, 422);
            assert!(fast.texts(".error-summary a")[0].contains("three seconds"), "{:?}", fast.texts(".error-summary a"));
            assert_eq!(value(&fast, "form_token"), value(&form, "form_token"));
            test.app.clock.advance(TimeDelta::hours(25));
            let late = send(&test, &fast, &typed).await;
            assert_eq!(late.status, 422);
            assert_ne!(value(&late, "form_token"), value(&form, "form_token"));
            assert_eq!(value(&late, "email"), "reader@example.org");
            test.app.clock.advance(TimeDelta::seconds(4));
            assert_eq!(send(&test, &late, &typed).await.status, 303);
        }

        async fn a_program_that_fills_every_field_is_told_so(test: TestApp) {
            let form = test.get("/donate").await;
            assert_eq!(form.attribute(".unseen #website", "tabindex").as_deref(), Some("-1"));
            assert_eq!(form.attribute(".unseen[aria-hidden]", "aria-hidden").as_deref(), Some("true"));
            test.app.clock.advance(TimeDelta::seconds(5));
            let typed = [("amount", "25.00"), ("currency", "USD"), ("email", "reader@example.org"), ("website", "https://spam.example")];
            assert_eq!(send(&test, &form, &typed).await.status, 422);
        }

        async fn amounts_outside_the_limits_and_unknown_currencies_are_refused(test: TestApp) {
            let cases = [
                ("4.99", "USD", "The smallest gift is $5"),
                ("10,000.01", "USD", "The largest gift is $10,000"),
                ("25", "JPY", "Choose one of the currencies"),
                ("25", "", "303"),
                ("1.005", "GBP", "303"),
            ];
            for (amount, currency, expected) in cases {
                let typed = [("amount", "other"), ("other_amount", amount), ("currency", currency), ("email", "reader@example.org")];
                let answer = send(&test, &test.get("/donate").await, &typed).await;
                assert_eq!(answer.status, 422, "the clock stands: too fast");
                test.app.clock.advance(TimeDelta::seconds(5));
                let answer = send(&test, &answer, &typed).await;
                let told = plain(&answer.texts(".error-summary a"));
                assert!(if expected == "303" { answer.status == 303 } else { told == expected }, "{amount} {currency}: {} {told}", answer.status);
            }
        }

        async fn an_item_is_given_by_quantity_and_never_more_than_needed(test: TestApp) {
            let item = test.item("School bag", None, |raw| raw.quantity = "3".into()).await;
            let form = test.get("/wish-list/school-bag").await;
            assert_eq!(value(&form, "quantity"), "1");
            assert!(plain(&form.texts("form p")).contains("€25 each. 3 are left."), "{:?}", form.texts("form p"));
            test.app.clock.advance(TimeDelta::seconds(5));
            for (quantity, status) in [("0", 422), ("x", 422), ("4", 422), ("۲", 303)] {
                let answer = send(&test, &form, &[("quantity", quantity), ("email", "reader@example.org")]).await;
                assert_eq!(answer.status, status, "{quantity}: {:?}", answer.texts(".error-summary a"));
            }
            let stock = wellwisher::wishes::stock(test.app.db.read(), &[item.id], test.app.now()).await.unwrap()[&item.id];
            assert_eq!((stock.reserved, stock.left), (2, 1));
        }

        async fn the_last_item_sent_twice_is_one_checkout(test: TestApp) {
            test.item("School bag", None, |raw| raw.quantity = "1".into()).await;
            let form = test.get("/wish-list/school-bag").await;
            test.app.clock.advance(TimeDelta::seconds(5));
            let typed = [("quantity", "1"), ("email", "reader@example.org")];
            let (first, second) = tokio::join!(send(&test, &form, &typed), send(&test, &form, &typed));
            let third = send(&test, &form, &typed).await;
            assert_eq!((first.status.as_u16(), second.status.as_u16(), third.status.as_u16()), (303, 303, 303), "{}", second.body);
            assert_eq!((first.location(), second.location()), (second.location(), third.location()));
        }
    }

    #[tokio::test]
    async fn the_form_is_prefilled_from_its_address() {
        let test = TestApp::with(TestDatabase::sqlite().await, |_| {}).await;
        let other = test.get("/donate?amount=30&currency=gbp").await;
        assert_eq!(other.attribute("#other_amount", "value").as_deref(), Some("30"));
        assert_eq!(other.attribute("select[name=currency] option[selected]", "value").as_deref(), Some("GBP"));
        let known = test.get("/donate?amount=50").await;
        assert_eq!(known.attribute("input[name=amount][checked]", "value").as_deref(), Some("50.00"));
        let odd = test.get("/donate?amount=%3Cscript%3E&currency=XXX&frequency=monthly").await;
        assert_eq!(odd.status, 200);
        assert!(!odd.body.contains("<script>"), "what an address says is escaped");
        assert_eq!(test.get("/donate?campaign=nothing").await.status, 404);
        assert_eq!(test.get("/donate?item=nothing").await.status, 404);
    }

    #[tokio::test]
    async fn the_form_says_who_gets_the_money_and_speaks_every_language() {
        let test = TestApp::with(TestDatabase::sqlite().await, |settings| settings.org_legal_name = "Lantern Press".into()).await;
        for (tag, dir, button) in [("en", "ltr", "Donate"), ("fa-AF", "rtl", "کمک می‌کنم"), ("ps", "rtl", "مرسته کوم")] {
            let page = test.get(&format!("/donate?lang={tag}")).await;
            assert_eq!(page.attribute("html", "dir").as_deref(), Some(dir));
            assert_eq!(page.texts("#donate"), [button]);
            assert!(page.texts("form").join(" ").contains("Lantern Press"));
            assert!(page.attribute("form a[href^='mailto:']", "href").is_some());
            assert!(!page.body.contains("asks-"), "{tag}: a text is missing");
        }
    }

    #[tokio::test]
    async fn before_she_pays_a_giver_reads_what_happens_when_too_much_or_too_little_comes_in() {
        let test = TestApp::with(TestDatabase::sqlite().await, |settings| settings.promise_days = 21).await;
        let campaign = test.campaign("Schools").await;
        test.item("School bag", Some(campaign.id), |_| {}).await;
        test.item("Van", None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "900".into(), "1".into())).await;
        test.article("report", |_| {}).await;
        let (own, none) = ("asks-rule-campaign", "asks-rule-fund");
        let (dearer, shared) = ("asks-rule-dearer", "asks-rule-shared");
        for language in [Language::English, Language::Dari, Language::Pashto] {
            // The sentence as far as its first figure or name.
            let said = |key: &str| {
                language.text_with(key, &[("campaign", "Schools".into()), ("count", 21.into()), ("number", language.number(21).into())])
            };
            for (path, told) in [
                ("/wish-list/school-bag", [own, dearer]),
                ("/donate?item=school-bag", [own, dearer]),
                ("/donate?item=school-bag&article=report", [own, dearer]),
                ("/wish-list/van", [none, shared]),
                ("/donate?item=van", [none, shared]),
            ] {
                let page = test.get(&format!("{path}{}lang={}", if path.contains('?') { '&' } else { '?' }, language.tag())).await;
                let rules = plain(&page.texts(".giving .rules"));
                for key in told.into_iter().chain(["asks-rule-promise"]) {
                    let sentence = plain(&[said(key)]);
                    assert!(sentence.chars().count() > 40 && rules.contains(&sentence), "{path}, {key}: {sentence} is not in {rules}");
                }
                assert_eq!(rules.contains(&plain(&[said(shared)])), told.contains(&shared), "{path}: {rules}");
                assert_eq!(rules.contains(&plain(&[said(own)])), told.contains(&own), "{path}: {rules}");
            }
            let without = test.get(&format!("/donate?lang={}", language.tag())).await;
            assert!(without.texts(".giving .rules").is_empty(), "a gift for no item has none of these");
        }
    }
}
