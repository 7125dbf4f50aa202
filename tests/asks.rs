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
