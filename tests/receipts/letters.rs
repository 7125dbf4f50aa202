//! The letter of a receipt, in every language and by every country's rules.

use entity::{Money, supporter};
use scraper::{Html, Selector};
use wellwisher::{
    clock::Random,
    i18n::Language,
    mail::outbox::NewLetter,
    receipts::{self, Ended, IssuerSettings, PaidGift},
};

use super::{gift, issuer, noon, receipt_of};

const LINK: &str = "https://newsroom.example/donations/abc?x=1&y=2";

fn a_gift(language: Language) -> PaidGift {
    PaidGift { language, ..gift(Random::default().id(noon())) }
}

fn letter(settings: &IssuerSettings, gift: &PaidGift) -> NewLetter {
    receipts::letter(&receipt_of(settings, gift), None, Some(LINK)).unwrap()
}

/// Without the characters that only order directions.
pub fn bare(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}', '\u{200F}'], "")
}

fn each_letter(check: impl Fn(&str, Language, &NewLetter)) {
    for profile in ["us", "uk", "plain", "au"] {
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
    let forms = ["ca", "de"].into_iter().flat_map(|profile| Language::ALL.map(|language| (profile, language)));
    for (profile, language) in forms {
        compare(profile, language, &letter(&issuer(profile), &self::official(profile, language)));
    }
    each_letter(compare);
}

fn compare(profile: &str, language: Language, letter: &NewLetter) {
    {
        let (text, page) = (bare(&letter.text), Html::parse_document(&letter.html));
        let mut seen = 0;
        for element in page.select(&Selector::parse("td strong, td bdi, p, a").unwrap()) {
            for piece in element.text().map(bare).map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()) {
                assert!(text.contains(&piece), "{profile} {language:?}: {piece:?} is not in\n{text}");
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} pieces were compared");
    }
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
    let letter = receipts::letter(&receipt_of(&settings, &gift), None, None).unwrap();
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
    for (minor, currency, written) in [
        (1_200, "JPY", "JPY 1,200"),
        (3_500, "KWD", "KWD 3.500"),
        (120_000, "ISK", "ISK 1,200.00"),
        (1_250_000, "HUF", "HUF 12,500.00"),
        (5, "USD", "USD 0.05"),
        (100_000_000, "EUR", "EUR 1,000,000.00"),
    ] {
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

#[test]
fn a_cancelled_notice_tells_number_and_amount_and_nothing_that_looks_like_a_valid_receipt() {
    for profile in ["us", "uk", "plain", "ca", "de", "au"] {
        for language in Language::ALL {
            let (settings, gift) = (issuer(profile), official(profile, language));
            let notice = receipts::cancelled_letter(&receipt_of(&settings, &gift), None, Ended::Returned).unwrap();
            let text = bare(&notice.text);
            assert!(notice.subject.contains("R-2026-000123") && text.contains("R-2026-000123"), "{text}");
            assert!(
                text.contains(&language.text("receipt-cancelled-returned")) && text.contains(&language.text("receipt-cancelled-mark")),
                "{text}"
            );
            for law in
                ["No goods or services", "official receipt", "Zuwendungsnachweis", "receipt is for a gift", "registered charity, number"]
            {
                assert!(!text.contains(law), "{profile}: {text}");
            }
            assert_eq!(notice.receipt_id, None, "it is never sent again as the receipt");
        }
    }
}

/// Who gave, and wants discreet letters; she has another address than when she gave.
fn discreet_giver() -> supporter::Model {
    supporter::Model {
        id: Random::default().id(noon()),
        email: "elsewhere@example.org".into(),
        name: "Ash".into(),
        language: "en".into(),
        wants_updates: false,
        wants_updates_since: None,
        created_at: noon(),
        updated_at: noon(),
        discreet: true,
    }
}

#[test]
fn a_discreet_receipt_says_what_the_law_asks_for_and_not_what_was_given_for() {
    for profile in ["us", "uk", "ca", "de", "au", "plain"] {
        for language in Language::ALL {
            let (settings, gift) = (issuer(profile), official(profile, language));
            let receipt = receipt_of(&settings, &gift);
            let open = letter(&settings, &gift);
            let giver = discreet_giver();
            let hidden = receipts::letter(&receipt, Some(&giver), Some(LINK)).unwrap();
            let cancelled = receipts::cancelled_letter(&receipt, Some(&giver), Ended::Mistake).unwrap();
            assert!(hidden.discreet && cancelled.discreet && !open.discreet);
            for told in [&hidden, &cancelled] {
                assert_eq!(told.to_address, "elsewhere@example.org");
                for part in [&told.subject, &told.text, &told.html] {
                    assert!(!part.contains("printing press") && !part.contains("Ream of paper"), "{profile} {language:?}: {part}");
                }
                assert!(told.text.contains("R-2026-000123") && told.text.contains("Kestrel Papers Foundation, Inc."), "{}", told.text);
            }
            // Beside these lines it is the same receipt.
            let named = |line: &&str| !line.contains("printing press") && !line.contains("Ream of paper");
            assert_eq!(hidden.text.lines().collect::<Vec<_>>(), open.text.lines().filter(named).collect::<Vec<_>>());
        }
    }
}

/// A gift that gets the official form under `profile`.
fn official(profile: &str, language: Language) -> PaidGift {
    let amount = match profile {
        "ca" => Money::new(123_450, "CAD".parse().unwrap()),
        _ => Money::new(12_345, "EUR".parse().unwrap()),
    };
    PaidGift { amount, donor_address: "7 Reed Bank, Lower Vale".into(), ..a_gift(language) }
}

#[test]
fn a_canadian_official_receipt_has_every_field_of_the_regulations() {
    for language in Language::ALL {
        let mut settings = issuer("ca");
        settings.issuer.charity_number = "12345 6789 RR0001".into();
        let text = bare(&letter(&settings, &official("ca", language)).text);
        for needed in [
            "Official receipt for income tax purposes",
            "Receipt number: R-2026-000123",
            "Charity: Kestrel Papers Foundation, Inc.",
            "Address of the charity: 12 Lantern Row, Port Alder",
            "Registration number: 12345 6789 RR0001",
            "Place of issue: Halifax",
            "Date gift received: 9 March 2026",
            "Date of issue: 9 March 2026",
            "Donor: Ash & Wren <Marlow>",
            "Address of the donor: 7 Reed Bank, Lower Vale",
            "Amount of gift: CAD 1,234.50",
            "Advantage: none (CAD 0.00)",
            "Eligible amount of gift for tax purposes: CAD 1,234.50",
            "Authorised signature: R. Tern, Treasurer",
            "Canada Revenue Agency: canada.ca/charities-giving",
        ] {
            assert!(text.contains(needed), "{language:?}: {needed:?} is not in\n{text}");
        }
    }
}

#[test]
fn what_is_missing_for_an_official_receipt_makes_a_plain_one_that_says_so() {
    let english = |profile: &str, change: &dyn Fn(&mut IssuerSettings, &mut PaidGift)| {
        let (mut settings, mut gift) = (issuer(profile), official(profile, Language::English));
        change(&mut settings, &mut gift);
        letter(&settings, &gift).text
    };
    type Change = dyn Fn(&mut IssuerSettings, &mut PaidGift);
    let cases: [(&str, &str, &Change); 8] = [
        ("ca", "needs your postal address", &|_, gift| gift.donor_address.clear()),
        ("ca", "needs your full name", &|_, gift| gift.donor_name.clear()),
        ("ca", "foreign currency", &|_, gift| gift.amount = Money::new(5_000, "USD".parse().unwrap())),
        ("ca", "not an official receipt for tax.", &|settings, _| settings.issuer.signatory.clear()),
        ("de", "one for all your gifts of the year follows", &|_, gift| gift.amount.minor = 30_001),
        ("de", "one for all your gifts of the year follows", &|settings, _| settings.issuer.exemption.slips = false),
        ("de", "not an official receipt for tax.", &|settings, _| settings.issuer.exemption.dated = "2021-03-08".parse().ok()),
        ("de", "foreign currency", &|_, gift| gift.amount = Money::new(5_000, "USD".parse().unwrap())),
    ];
    for (profile, said, change) in cases {
        let text = english(profile, change);
        assert!(text.contains(said), "{profile} {said}: {text}");
        assert!(
            !text.contains("Official receipt for") && !text.contains("Zuwendungsnachweis") && !text.contains("Eligible amount"),
            "{text}"
        );
    }
    assert!(english("de", &|settings, _| settings.issuer.exemption.dated = "2021-03-09".parse().ok()).contains("Zuwendungsnachweis"));
}

#[test]
fn a_german_slip_names_purpose_exemption_and_that_it_is_a_donation() {
    for language in Language::ALL {
        let text = bare(&letter(&issuer("de"), &official("de", language)).text);
        for needed in [
            "Vereinfachter Zuwendungsnachweis nach § 50 Abs. 4 EStDV",
            "Betrag: 123,45 EUR",
            "Tag der Zuwendung: 09.03.2026",
            "Begünstigter Zweck: der Volksbildung",
            "wegen Förderung der Volksbildung nach dem Freistellungsbescheid",
            "des Finanzamtes Berlin für Körperschaften I, StNr. 27/123/45678, vom 14.03.2025 für den letzten Veranlagungszeitraum 2021 bis 2023",
            "Es handelt sich um eine Spende, nicht um einen Mitgliedsbeitrag.",
        ] {
            assert!(text.contains(needed), "{language:?}: {needed:?} is not in\n{text}");
        }
        assert!(text.contains(&language.text("receipt-statement-in-german")), "{text}");
    }
    let mut settings = issuer("de");
    settings.issuer.exemption.period.clear();
    assert!(letter(&settings, &official("de", Language::English)).text.contains("nach § 60a AO gesondert festgestellt"));
}

#[test]
fn an_australian_receipt_says_name_abn_and_that_it_is_for_a_gift() {
    for language in Language::ALL {
        let text = bare(&letter(&issuer("au"), &a_gift(language)).text);
        for needed in
            ["This receipt is for a gift.", "is a deductible gift recipient (DGR), ABN 00-1234567.", "Kestrel Papers Foundation, Inc."]
        {
            assert!(text.contains(needed), "{text}");
        }
    }
}

#[test]
fn a_receipt_of_an_earlier_version_is_read_as_it_was() {
    let mut receipt = receipt_of(&issuer("us"), &a_gift(Language::English));
    let now = receipts::letter(&receipt, None, None).unwrap();
    let mut old: serde_json::Value = serde_json::from_str(&receipt.snapshot).unwrap();
    for new in ["donor_address", "issued_on", "statement_language", "short_of", "replaces"] {
        assert!(old.as_object_mut().unwrap().remove(new).is_some(), "{new}");
    }
    for new in ["place", "signatory", "exemption"] {
        assert!(old["issuer"].as_object_mut().unwrap().remove(new).is_some(), "{new}");
    }
    receipt.snapshot = old.to_string();
    assert_eq!(receipts::letter(&receipt, None, None).unwrap(), now);
}
