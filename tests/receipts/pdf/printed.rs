//! What is on the paper.

use crate::receipts::{gift, issuer, noon, receipt_of};
use entity::{Money, statement, words::ReceiptStatus};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};
use wellwisher::{
    clock::Random,
    i18n::Language,
    receipts::{
        IssuerSettings, PaidGift,
        pdf::{PdfError, ROWS_MAX, Sheet, render},
        statement::{Donor, Line, YearSnapshot},
    },
};

/// The fonts of this machine.
fn fonts() -> Vec<PathBuf> {
    vec!["/usr/share/fonts".into()]
}

fn print(sheet: &Sheet) -> Vec<u8> {
    render(sheet, &fonts()).unwrap()
}

fn a_gift(language: Language) -> PaidGift {
    PaidGift { language, ..gift(Random::default().id(noon())) }
}

fn sheet(settings: &IssuerSettings, gift: &PaidGift) -> Sheet {
    Sheet::of_receipt(&receipt_of(settings, gift)).unwrap()
}

/// A gift with all that an official receipt of these rules needs.
fn official(profile: &str, language: Language) -> Sheet {
    let currency = if profile == "ca" { "CAD" } else { "EUR" };
    let minor = if profile == "de" { 29_900 } else { 123_450 };
    let gift =
        PaidGift { amount: Money::new(minor, currency.parse().unwrap()), donor_address: "7 Reed Bank, Gander".into(), ..a_gift(language) };
    sheet(&issuer(profile), &gift)
}

/// A year of this many gifts.
fn year(profile: &str, language: Language, gifts: usize) -> Sheet {
    let eur = |minor| Money::new(minor, "EUR".parse().unwrap());
    let given = |place: usize| Line {
        gift_on: noon().date_naive() + chrono::Days::new(place as u64 % 200),
        given: eur(60_000 + place as i64),
        left: eur(60_000 + place as i64 - if place == 1 { 10_000 } else { 0 }),
        receipt: Some(format!("R-2026-{place:06}")),
    };
    let said = YearSnapshot {
        version: 1,
        code: "R-Y-2026-000007".into(),
        issuer: issuer(profile).issuer,
        donor: Donor { name: "Ash Marlow".into(), email: "ash@example.org".into(), address: "Am Ried 7, 20095 Hamburg".into() },
        year: "2026".into(),
        starts_on: "2026-01-01".parse().unwrap(),
        ends_on: "2026-12-31".parse().unwrap(),
        issued_on: "2027-02-01".parse().unwrap(),
        lines: (0..gifts).map(given).collect(),
        totals: vec![eur((0..gifts).map(|place| given(place).left.minor).sum())],
        language: language.tag().into(),
        wording: format!("{profile}-year-1"),
        statements: vec![
            "Es wird bestätigt, dass die Zuwendung nur zur Förderung der Volksbildung verwendet wird.".to_owned();
            if profile == "de" { 6 } else { 0 }
        ],
        statement_language: if profile == "de" { "de" } else { "en" }.into(),
        replaces: None,
        practice: false,
    };
    let random = Random::default();
    Sheet::of_statement(&statement::Model {
        id: random.id(noon()),
        series_id: random.id(noon()),
        number: 7,
        code: said.code.clone(),
        supporter_id: random.id(noon()),
        starts_on: said.starts_on,
        ends_on: said.ends_on,
        status: ReceiptStatus::Issued,
        status_reason: String::new(),
        issued_at: noon(),
        profile: profile.into(),
        language: said.language.clone(),
        snapshot: serde_json::to_string(&said).unwrap(),
        replaces_id: None,
        sealed_at: None,
    })
    .unwrap()
}

/// A file of this name for people to look at, and for the tools.
fn keep(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pdf");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.pdf"));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What a tool says of a file; nothing where the tool is missing, which is a failure with `CI=true`.
fn ask(tool: &str, arguments: &[&str], file: &Path) -> Option<String> {
    let mut command = Command::new(tool);
    command.args(arguments).arg(file);
    match tool {
        "pdftotext" => _ = command.arg("-"),
        // It puts `.png` to this name.
        "pdftoppm" => _ = command.arg(file.with_extension("")),
        _ => {}
    }
    let Ok(output) = command.output() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{tool} is needed to read PDFs.");
        let _ = writeln!(std::io::stderr(), "{tool} (packages `poppler-utils`, `qpdf`) is not installed: a test of PDFs is SKIPPED.");
        return None;
    };
    assert!(output.status.success(), "{tool}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The text in a PDF as one line, as it is laid out; marks that only order directions are left out. (In a line from right to left poppler keeps
/// the words of Latin text in order only so.)
fn text_of(name: &str, bytes: &[u8]) -> Option<String> {
    text_in(name, bytes, &["-enc", "UTF-8", "-raw"])
}

/// The same with words from right to left in the order in which they are read.
fn text_as_read(name: &str, bytes: &[u8]) -> Option<String> {
    text_in(name, bytes, &["-enc", "UTF-8"])
}

fn text_in(name: &str, bytes: &[u8], arguments: &[&str]) -> Option<String> {
    let text = ask("pdftotext", arguments, &keep(name, bytes))?;
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
        .collect();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn the_text_of_every_receipt_can_be_read_back_in_every_language() {
    for profile in ["us", "uk", "ca", "de", "au", "plain"] {
        for language in Language::ALL {
            let sheet = official(profile, language);
            let Some(text) = text_of(&format!("{profile}-{}", language.tag()), &print(&sheet)) else { return };
            let mut needed = vec!["R-2026-000123", "Kestrel Papers Foundation, Inc.", "Ash & Wren <Marlow>"];
            needed.push(match profile {
                "ca" => "CAD 1,234.50",
                "de" => "299,00 EUR",
                _ => "EUR 1,234.50",
            });
            let statements: Vec<&str> = sheet
                .shown
                .statements
                .iter()
                .map(String::as_str)
                .filter(|text| sheet.shown.statement_lang != "fa-AF" && text.is_ascii())
                .collect();
            needed.extend(statements);
            for field in needed {
                assert!(text.contains(field), "{profile} {language:?}: {field:?} is not in {text}");
            }
            if !sheet.shown.fields_lang.starts_with("en") && sheet.shown.fields_lang != "de" {
                assert!(
                    text.contains("۱٬۲۳۴٫۵۰") || text.contains("۱۲۳۴"),
                    "{profile} {language:?}: the reader's digits are not in {text}"
                );
            }
        }
    }
}

#[test]
fn persian_and_pashto_letters_come_back_as_they_were_written() {
    for (language, words) in
        [(Language::Dari, ["رسید تأیید", "کمک‌کننده", "دریافت‌کننده"]), (Language::Pashto, ["رسید شمېره", "ترلاسه کوونکی", "مرستې نېټه"])]
    {
        let Some(text) = text_as_read(&format!("letters-{}", language.tag()), &print(&sheet(&issuer("plain"), &a_gift(language)))) else {
            return;
        };
        let bare = |text: &str| text.replace(['\u{200C}', '\u{200D}'], "");
        for word in words {
            assert!(bare(&text).contains(&bare(word)), "{language:?}: {word:?} is not in {text}");
        }
    }
    let gift = PaidGift { campaign: Some("ښځې ځوانې ړومبی ګډون ډېر ۍ ۀ".into()), ..a_gift(Language::Pashto) };
    let Some(text) = text_as_read("letters-all", &print(&sheet(&issuer("plain"), &gift))) else { return };
    for letter in "ښځړګډېۍ".chars() {
        assert!(text.contains(letter), "{letter} is not in {text}");
    }
}

#[test]
fn a_receipt_is_tagged_named_and_has_its_fonts_inside() {
    for (profile, language) in
        [("us", Language::English), ("de", Language::English), ("plain", Language::Dari), ("plain", Language::Pashto)]
    {
        let file = keep(&format!("tags-{profile}-{}", language.tag()), &print(&official(profile, language)));
        let (Some(info), Some(fonts), Some(_)) =
            (ask("pdfinfo", &[], &file), ask("pdffonts", &[], &file), ask("qpdf", &["--check"], &file))
        else {
            return;
        };
        let has = |what: &str| assert!(info.split_whitespace().collect::<Vec<_>>().join(" ").contains(what), "{what:?} is not in {info}");
        has("Tagged: yes");
        has("Creator: Wellwisher");
        has("CreationDate: Mon Mar 9");
        has("R-2026-000123");
        has("Pages: 1");
        has(if profile == "us" { "(letter)" } else { "(A4)" });
        assert!(!info.contains("Wren") && !info.contains("Author"), "what programs list has nobody's name: {info}");
        let rows: Vec<&str> = fonts.lines().skip(2).collect();
        assert!(
            !rows.is_empty() && rows.iter().all(|row| row.contains("+Noto") && row.contains("yes yes yes")),
            "embedded, as subsets, with their letters: {fonts}"
        );
        let bytes = std::fs::read(&file).unwrap();
        let tags = ask("pdfinfo", &["-struct"], &file).unwrap_or_default();
        assert!(tags.contains("Table") && tags.contains("H1") && tags.contains("TH"), "{tags}");
        assert!(String::from_utf8_lossy(&bytes).contains("pdfuaid"), "it says that it follows PDF/UA");
        assert!(bytes.len() < 200_000, "{} bytes", bytes.len());
    }
}

/// Where the dark points of a page lie: how many in its left and its right half of the upper quarter, how many in all, and how many nearer to an
/// edge than a printer prints (6 mm).
struct Ink {
    left: usize,
    right: usize,
    all: usize,
    of: usize,
    at_edges: usize,
}

/// A page as a picture, kept beside the PDF for people to look at.
fn ink_of(name: &str, bytes: &[u8]) -> Option<Ink> {
    const DOTS_PER_INCH: u32 = 75;
    let file = keep(name, bytes);
    ask("pdftoppm", &["-png", "-r", &DOTS_PER_INCH.to_string(), "-singlefile"], &file)?;
    let page = image::open(file.with_extension("png")).unwrap().to_luma8();
    let (width, height, edge) = (page.width(), page.height(), DOTS_PER_INCH * 6 / 25);
    let dark: Vec<(u32, u32)> = page.enumerate_pixels().filter(|(.., point)| point.0[0] < 128).map(|(x, y, _)| (x, y)).collect();
    let upper = |side: fn(u32, u32) -> bool| dark.iter().filter(|(x, y)| *y < height / 4 && side(*x, width / 2)).count();
    let is_at_edge = |x: u32, y: u32| x < edge || y < edge || x >= width - edge || y >= height - edge;
    Some(Ink {
        left: upper(|x, middle| x < middle),
        right: upper(|x, middle| x >= middle),
        all: dark.len(),
        of: page.len(),
        at_edges: dark.iter().filter(|(x, y)| is_at_edge(*x, *y)).count(),
    })
}

#[test]
fn a_receipt_is_a_picture_that_begins_where_its_language_does() {
    for profile in ["us", "uk", "de", "plain"] {
        for language in Language::ALL {
            let name = format!("picture-{profile}-{}", language.tag());
            let Some(ink) = ink_of(&name, &print(&sheet(&issuer(profile), &a_gift(language)))) else { return };
            let share = ink.all * 1000 / ink.of;
            assert!((5..150).contains(&share), "{name}: {share} of a thousand points are dark");
            assert_eq!(ink.at_edges, 0, "{name}: nothing is where a printer cuts it off");
            let from_right = language.dir() == "rtl";
            assert_eq!(ink.right > ink.left, from_right, "{name}: {} dark points to the left, {} to the right", ink.left, ink.right);
        }
    }
}

#[test]
fn the_same_receipt_is_the_same_file() {
    for sheet in [official("us", Language::Dari), year("plain", Language::Pashto, 10)] {
        assert_eq!(print(&sheet), print(&sheet));
    }
}

#[test]
fn no_name_is_a_command_to_the_typesetter() {
    let name = "#panic() $x^2$ @ref *bold* _it_ `raw` <label> \\ [c] = h -- \"q\" #sys.inputs //c";
    let gift = PaidGift {
        donor_name: name.into(),
        campaign: Some("#import \"@preview/x:1.0.0\"".into()),
        item: None,
        ..a_gift(Language::English)
    };
    let Some(text) = text_of("injection", &print(&sheet(&issuer("us"), &gift))) else { return };
    assert!(text.contains(name), "{text}");
    assert!(text.contains("#import \"@preview/x:1.0.0\""), "{text}");
}

#[test]
fn a_very_long_name_is_broken_and_stays_on_the_page() {
    for (name, gift) in [
        ("long-en", PaidGift { donor_name: "W".repeat(100), campaign: Some("Abcdefghij".repeat(40)), ..a_gift(Language::English) }),
        (
            "long-fa",
            PaidGift {
                donor_name: "ش".repeat(100), campaign: Some("کاغذ برای همهٔ دره‌ها ".repeat(20)), ..a_gift(Language::Dari)
            },
        ),
    ] {
        let file = keep(name, &print(&sheet(&issuer("us"), &gift)));
        let Some(boxes) = ask("pdftotext", &["-bbox"], &file) else { return };
        let mut words = 0;
        for word in boxes.lines().filter(|line| line.contains("<word ")) {
            let at = |edge: &str| {
                word.split(&format!("{edge}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse::<f64>().unwrap()
            };
            assert!(at("xMin") >= 40.0 && at("xMax") <= 612.0 - 40.0, "{word}");
            words += 1;
        }
        assert!(words > 20);
        let text = text_of(name, &print(&sheet(&issuer("us"), &gift))).unwrap();
        let letters = text.chars().filter(|c| *c == 'W' || *c == 'ش').count();
        assert!(letters >= 100, "every letter of the name is there: {letters}");
    }
}

#[test]
fn what_is_void_says_so_across_the_page() {
    for language in Language::ALL {
        let mut receipt = receipt_of(&issuer("us"), &a_gift(language));
        receipt.status = ReceiptStatus::Void;
        let bytes = print(&Sheet::of_receipt(&receipt).unwrap());
        let Some(text) = text_as_read(&format!("void-{}", language.tag()), &bytes) else { return };
        let mark = language.text("receipt-cancelled-mark");
        assert!(text.contains(&mark), "{mark:?} is not in {text}");
        if language == Language::English {
            assert_eq!(text_of("void", &bytes).unwrap().matches(&mark).count(), 2, "in words and across the page");
        }
    }
}

#[test]
fn a_statement_lists_its_gifts_on_as_many_pages_as_it_needs() {
    for (profile, language) in
        [("us", Language::English), ("de", Language::English), ("plain", Language::Dari), ("plain", Language::Pashto)]
    {
        let name = format!("year-{profile}-{}", language.tag());
        let bytes = print(&year(profile, language, 60));
        let Some(text) = text_of(&name, &bytes) else { return };
        let pages = ask("pdfinfo", &[], &keep(&name, &bytes)).unwrap();
        let count: usize = pages.lines().find_map(|line| line.strip_prefix("Pages:")).unwrap().trim().parse().unwrap();
        assert!(count > 1, "{pages}");
        assert!(text.contains("R-Y-2026-000007") && text.contains(&format!("{count} / {count}")), "{text}");
        if language != Language::English {
            assert!(text.contains("2026-01-01") && text.contains("2026-12-31"), "{text}");
        }
        if profile == "de" {
            assert!(text.contains("Sammelbestätigung über Geldzuwendungen") && text.contains("600,59 EUR"), "{text}");
            assert!(text.contains("fünfunddreißigtausendneunhundertsiebzehn Euro"), "the total in words: {text}");
            let (law, annex) = (text.find("Es wird bestätigt").unwrap(), text.find("Anlage").unwrap());
            assert!(law < annex && text.find("1 / ").unwrap() < annex, "the form is a page of its own, before its annex: {text}");
        } else {
            assert!(text.contains("R-2026-000059"), "the last gift: {text}");
        }
    }
}

#[test]
fn what_cannot_be_printed_is_refused_and_not_mangled() {
    let gift = PaidGift { donor_name: "漢".into(), ..a_gift(Language::English) };
    assert_eq!(render(&sheet(&issuer("us"), &gift), &fonts()), Err(PdfError::NoLetter('漢')));
    assert_eq!(render(&year("us", Language::English, ROWS_MAX + 1), &fonts()), Err(PdfError::TooLong));
    assert_eq!(
        render(&official("us", Language::English), &["/nowhere".into()]),
        Err(PdfError::NoFonts(vec!["Noto Sans", "Noto Naskh Arabic"]))
    );
}
