//! The letter of a receipt, in every language and by every country's rules.

use entity::Money;
use scraper::{Html, Selector};
use wellwisher::{
    clock::Random,
    i18n::Language,
    mail::outbox::NewLetter,
    receipts::{self, IssuerSettings, PaidGift},
};

use super::{gift, issuer, noon, receipt_of};

const LINK: &str = "https://newsroom.example/donations/abc?x=1&y=2";

fn a_gift(language: Language) -> PaidGift {
    PaidGift { language, ..gift(Random::default().id(noon())) }
}

fn letter(settings: &IssuerSettings, gift: &PaidGift) -> NewLetter {
    receipts::letter(&receipt_of(settings, gift), Some(LINK)).unwrap()
}

/// Without the characters that only order directions.
fn bare(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}', '\u{200F}'], "")
}

fn each_letter(check: impl Fn(&str, Language, &NewLetter)) {
    for profile in ["us", "uk", "plain"] {
        for language in Language::ALL {
            check(profile, language, &letter(&issuer(profile), &a_gift(language)));
        }
    }
}

#[test]
fn the_text_alone_has_every_field_that_the_law_asks_for() {
    each_letter(|profile, language, letter| {
        let text = bare(&letter.text);
        let date = if language == Language::English { "9 March 2026" } else { "2026-03-09" };
        let mut needed = vec![
            "R-2026-000123",
            "Kestrel Papers Foundation, Inc.",
            "12 Lantern Row, Port Alder",
            "Ash & Wren <Marlow>",
            "EUR 1,234.50",
            date,
            LINK,
        ];
        needed.extend(["A printing press for the \"valley\"", "3 × Ream of paper", "giving@kestrelpapers.example"]);
        match profile {
            "us" => needed.extend([
                "00-1234567",
                "No goods or services were provided in exchange for this contribution.",
                "Kestrel Papers Foundation, Inc. is tax-exempt under section 501(c)(3) of the Internal Revenue Code.",
            ]),
            "uk" => needed.extend(["is a registered charity, number 7654321.", "This receipt is not a Gift Aid declaration."]),
            _ => {}
        }
        for field in needed {
            assert!(text.contains(field), "{profile} {language:?}: {field:?} is not in\n{text}");
        }
        if profile == "plain" {
            assert!(!text.contains("tax-exempt") && !text.contains("00-1234567") && !text.contains("7654321"), "{text}");
        }
        if language != Language::English {
            assert!(letter.text.contains("\u{2068}2026-03-09 ("), "a date after Persian letters keeps its order");
            assert!(text.contains("۱٬۲۳۴٫۵۰") && text.contains("۱۴۰۴"), "the reader's own digits and calendar:\n{text}");
        }
    });
}

#[test]
fn the_text_says_everything_that_the_html_says() {
    each_letter(|profile, language, letter| {
        let (text, page) = (bare(&letter.text), Html::parse_document(&letter.html));
        let mut seen = 0;
        for element in page.select(&Selector::parse("td strong, td bdi, p, a").unwrap()) {
            for piece in element.text().map(bare).map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()) {
                assert!(text.contains(&piece), "{profile} {language:?}: {piece:?} is not in\n{text}");
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} pieces were compared");
    });
}

#[test]
fn the_html_is_laid_out_in_its_language_escaped_and_asks_nothing_of_any_host() {
    each_letter(|_, language, letter| {
        let page = Html::parse_document(&letter.html);
        let one = |selector: &str| page.select(&Selector::parse(selector).unwrap()).next().unwrap();
        assert_eq!((one("html").attr("lang"), one("html").attr("dir")), (Some(language.tag()), Some(language.dir())));
        assert_eq!(one("td").attr("dir"), Some(language.dir()), "mail programs drop <html> and <body>");
        assert_eq!(one("a").attr("href"), Some(LINK));
        assert_eq!(page.select(&Selector::parse("img, script, link, iframe, form, [background]").unwrap()).count(), 0);
        assert!(!letter.html.contains("url(") && !letter.html.contains("<Marlow>"));
        assert_eq!(letter.html.matches("http").count(), 2, "the one link, as address and as text");
    });
}

#[test]
fn a_subject_is_short_and_tells_the_number_but_no_amount() {
    for name in
        ["Kestrel Papers", &"A Very Long Name of an Organisation ".repeat(4), "کاغذهای باشه برای همهٔ دره‌ها و روستاهای دور و نزدیک", ""]
    {
        for language in Language::ALL {
            let mut settings = issuer("us");
            settings.issuer.name = name.to_owned();
            let subject = letter(&settings, &a_gift(language)).subject;
            assert!(subject.chars().count() <= 60, "{subject}");
            assert!(subject.contains("R-2026-000123") && !subject.contains("1,234") && !subject.contains('\u{2068}'), "{subject}");
        }
    }
    assert_eq!(letter(&issuer("us"), &a_gift(Language::English)).subject, "Your receipt R-2026-000123 – Kestrel Papers");
}

#[test]
fn the_laws_wording_stays_english_inside_a_letter_from_the_right() {
    let letter = letter(&issuer("us"), &a_gift(Language::Pashto));
    let page = Html::parse_document(&letter.html);
    let statements = page.select(&Selector::parse("td[lang=en][dir=ltr] p").unwrap()).count();
    assert_eq!(statements, 2);
    assert!(letter.text.contains("انګلیسي"), "and the reader is told why");
}

#[test]
fn a_practice_receipt_says_first_that_it_is_worth_nothing() {
    for language in Language::ALL {
        let settings = IssuerSettings { practice: true, ..issuer("us") };
        let letter = letter(&settings, &a_gift(language));
        assert!(bare(&letter.text).starts_with(&language.text("receipt-practice")), "{}", letter.text);
        assert!(letter.html.contains(&language.text("receipt-practice")));
    }
    assert!(!letter(&issuer("us"), &a_gift(Language::English)).text.contains("PRACTICE"));
}

#[test]
fn what_was_not_given_leaves_no_empty_line_behind() {
    let mut settings = issuer("plain");
    settings.issuer.address = String::new();
    let gift = PaidGift { donor_name: String::new(), campaign: None, item: None, ..a_gift(Language::English) };
    let letter = receipts::letter(&receipt_of(&settings, &gift), None).unwrap();
    insta::assert_snapshot!(letter.text, @r"
    Hello,

    Thank you for your gift to Kestrel Papers. This letter is your receipt.

    Receipt number: R-2026-000123
    Received by: Kestrel Papers Foundation, Inc.
    Given by: wren@example.org
    Date of the gift: 9 March 2026
    Amount: EUR 1,234.50

    This receipt confirms that the gift above was received. Whether it counts for tax depends on the law where you live.

    Questions? Write to giving@kestrelpapers.example
    This letter has no trackers: nobody learns that you opened it.
    ");
}

#[test]
fn an_amount_has_the_decimals_of_its_currency() {
    for (minor, currency, written) in
        [(1_200, "JPY", "JPY 1,200"), (3_500, "KWD", "KWD 3.500"), (5, "USD", "USD 0.05"), (100_000_000, "EUR", "EUR 1,000,000.00")]
    {
        let gift = PaidGift { amount: Money::new(minor, currency.parse().unwrap()), ..a_gift(Language::English) };
        let text = letter(&issuer("plain"), &gift).text;
        assert!(text.contains(&format!("Amount: {written}\n")), "{text}");
    }
}

#[test]
fn a_name_cannot_add_a_line_to_the_receipt() {
    let gift = PaidGift { donor_name: "Wren\nAmount: EUR 9,999,999.00\u{202E}".into(), ..a_gift(Language::English) };
    let text = letter(&issuer("us"), &gift).text;
    assert_eq!(text.lines().filter(|line| line.starts_with("Amount:")).count(), 1, "{text}");
    assert!(!text.contains('\u{202E}'));
}
