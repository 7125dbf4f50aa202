//! HMRC's schedule, field by field, and which gifts can stand in it. No database is needed for it.

use entity::{
    Money, gift_aid_declaration,
    ids::GiftAidDeclarationId,
    words::{GiftAidMade, GiftAidScope},
};
use std::path::Path;
use wellwisher::{
    asks::particulars::postcode,
    clock::Random,
    gift_aid::{
        claims,
        schedule::{self, Fault, Row},
    },
    reports::{self, Format, Report, write::TableWriter},
};

/// A declaration that is in no database.
fn model(change: impl FnOnce(&mut gift_aid_declaration::Model)) -> gift_aid_declaration::Model {
    let random = Random::default();
    let now = "2026-03-09T12:00:00Z".parse().unwrap();
    let mut model = gift_aid_declaration::Model {
        id: random.id::<GiftAidDeclarationId>(now),
        donation_id: random.id(now),
        supporter_id: random.id(now),
        title: "Ms".into(),
        first_name: "Wren".into(),
        last_name: "Marlow-Teal".into(),
        house: "7".into(),
        postcode: "S19 2BD".into(),
        scope: GiftAidScope::This,
        wording_version: "uk-gift-aid-1".into(),
        wording: String::new(),
        declared_at: now,
        void_from: None,
        cancelled_at: None,
        cancel_reason: String::new(),
        made: GiftAidMade::Online,
        recorded_by: None,
        record_sent_on: None,
        sealed_at: None,
    };
    change(&mut model);
    model
}

fn row(change: impl FnOnce(&mut gift_aid_declaration::Model)) -> Row {
    Row::of(&model(change), "2028-02-29".parse().unwrap(), Money::new(20_000, "GBP".parse().unwrap()))
}

/// The file of these rows, as the report writes it.
fn file_of(rows: &[Row]) -> Vec<u8> {
    let mut table = TableWriter::new(Format::Csv, Report::GiftAid, Report::GiftAid.columns(false), Path::new(".")).unwrap();
    rows.iter().for_each(|row| table.row(&reports::schedule::cells(row)).unwrap());
    table.take()
}

#[test]
fn the_schedule_has_hmrcs_columns_in_their_order_with_its_forms() {
    let csv = String::from_utf8(file_of(&[row(|_| {}), row(|d| d.title.clear())])).unwrap();
    let csv = csv.strip_prefix('\u{feff}').expect("a byte order mark, or Zoë is misread where the rows are copied from");
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(
        lines,
        [
            "Title,First name,Last name,House name or number,Postcode,Aggregated donations,Sponsored event,Donation date (DD/MM/YY),Amount",
            "Ms,Wren,Marlow Teal,7,S19 2BD,,,29/02/28,200.00",
            ",Wren,Marlow Teal,7,S19 2BD,,,29/02/28,200.00",
            "",
        ]
    );
}

#[test]
fn each_field_of_the_schedule_is_checked() {
    let long = |count: usize| "x".repeat(count);
    let cases: [(&str, Row, &[Fault]); 15] = [
        ("a good row", row(|_| {}), &[]),
        ("a title of four", row(|d| d.title = "Prof".into()), &[]),
        ("a title of five", row(|d| d.title = "Canon".into()), &[Fault::Title]),
        ("no first name", row(|d| d.first_name = " ".into()), &[Fault::FirstName]),
        ("35 characters", row(|d| d.first_name = long(35)), &[]),
        ("36 characters", row(|d| d.first_name = long(36)), &[Fault::FirstName]),
        ("no last name", row(|d| d.last_name = "-".into()), &[Fault::LastName]),
        ("36 characters", row(|d| d.last_name = long(36)), &[Fault::LastName]),
        ("no house", row(|d| d.house.clear()), &[Fault::House]),
        ("no postcode", row(|d| d.postcode = "10115".into()), &[Fault::Postcode]),
        ("a postcode without its space", row(|d| d.postcode = "s192bd".into()), &[]),
        ("a formula", row(|d| d.house = "=1+1".into()), &[Fault::Formula]),
        ("a formula of full width", row(|d| d.first_name = "＝1+1".into()), &[Fault::Formula]),
        ("dollars", Row { amount: Money::new(100, "USD".parse().unwrap()), ..row(|_| {}) }, &[Fault::Currency]),
        ("nothing", Row { amount: Money::new(0, "GBP".parse().unwrap()), ..row(|_| {}) }, &[Fault::Amount]),
    ];
    for (what, row, faults) in cases {
        assert_eq!(row.faults(), faults, "{what}: {row:?}");
    }
    let tidy = row(|d| {
        d.first_name = "  Anna \u{2011} Maria ".into();
        d.postcode = " sw1a  2aa".into();
    });
    assert_eq!((tidy.first_name.as_str(), tidy.postcode.as_str()), ("Anna Maria", "SW1A 2AA"));
}

#[test]
fn what_is_pasted_keeps_every_rule_of_hmrcs_spreadsheet() {
    let rows = [
        row(|d| {
            (d.title, d.first_name, d.last_name) = ("  Dr".into(), " Zoë  Anne ".into(), "O’Hara-Smith\u{2011}Jones ".into());
            (d.house, d.postcode) = (" Flat 2,  7 Reed Bank ".into(), "s192bd".into());
        }),
        Row { amount: Money::new(1_234_505, "GBP".parse().unwrap()), gift_on: "2026-04-05".parse().unwrap(), ..row(|_| {}) },
    ];
    assert!(rows.iter().all(|row| row.faults().is_empty()), "{rows:?}");
    let file = file_of(&rows);
    let mut reader = csv::ReaderBuilder::new().from_reader(&file[3..]);
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), schedule::COLUMNS);
    let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(read.len(), 2, "no blank rows");
    for record in &read {
        assert_eq!(record.len(), 9);
        assert!(record.iter().all(|cell| cell == cell.trim() && cell != "n/a"), "no spaces around: {record:?}");
        assert!(
            record[0].chars().count() <= 4
                && (1..=35).contains(&record[1].chars().count())
                && (1..=35).contains(&record[2].chars().count())
        );
        assert!(!record[2].contains(['-', '\u{2011}']), "a space for each hyphen");
        assert_eq!((&record[4], &record[5], &record[6]), ("S19 2BD", "", ""), "capitals with a space; what does not apply is blank");
        assert_eq!(record[7].split('/').map(str::len).collect::<Vec<_>>(), [2, 2, 2], "DD/MM/YY");
        assert!(
            record[8].chars().all(|c| c.is_ascii_digit() || c == '.') && record[8].rsplit('.').next().unwrap().len() == 2,
            "{record:?}"
        );
    }
    assert_eq!((&read[0][1], &read[0][2], &read[0][3]), ("Zoë Anne", "O’Hara Smith Jones", "Flat 2, 7 Reed Bank"));
    assert_eq!((&read[1][7], &read[1][8]), ("05/04/26", "12345.05"), "no sign and no thousands");
}

#[test]
fn a_gift_can_be_claimed_on_until_four_years_after_its_tax_year() {
    for (gift_on, last) in
        [("2022-04-05", "2026-04-05"), ("2022-04-06", "2027-04-05"), ("2024-02-29", "2028-04-05"), ("2021-12-31", "2026-04-05")]
    {
        assert_eq!(claims::last_day_to_claim(gift_on.parse().unwrap()).unwrap().to_string(), last, "{gift_on}");
    }
}

#[test]
fn a_postcode_is_read_however_it_is_typed_and_nothing_else_is_one() {
    for (typed, written) in [
        ("m11ae", "M1 1AE"),
        ("B33 8TH", "B33 8TH"),
        ("cr2 6xh", "CR2 6XH"),
        ("DN551PT", "DN55 1PT"),
        ("w1a 0ax", "W1A 0AX"),
        ("ec1a1bb", "EC1A 1BB"),
        ("gir 0aa", "GIR 0AA"),
        (" S 1 9 2 B D ", "S19 2BD"),
    ] {
        assert_eq!(postcode(typed).as_deref(), Some(written), "{typed}");
    }
    for wrong in ["", "X", "10115", "S19 2B", "S19 2BDD", "S19-2BD", "1S9 2BD", "S19 BD2", "K1A 0B1", "ش۱۹ ۲ب"] {
        assert_eq!(postcode(wrong), None, "{wrong}");
    }
}
