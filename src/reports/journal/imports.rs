//! The files that Xero, QuickBooks Online and QuickBooks Desktop take in.
//!
//! None of them knows currencies in such a file the way our ledger does, so each entry is of one currency. Accounts must be there under
//! these codes or names: Xero refuses what it does not know, QuickBooks Desktop makes it anew without asking.

use super::{Accounts, Entry, latin::to_windows_1252};
use crate::{error::Error, reports::write::Lines};
use chrono::{Datelike, NaiveDate};

/// Xero takes no file with more lines than this, the line of column names among them (help.xero.com, import manual journals).
pub const XERO_LINES_MAX: usize = 300;

const XERO_COLUMNS: [&str; 10] = [
    "*Narration",
    "*Date",
    "Description",
    "*AccountCode",
    "*TaxRate",
    "*Amount",
    "TrackingName1",
    "TrackingOption1",
    "TrackingName2",
    "TrackingOption2",
];

const QUICKBOOKS_COLUMNS: [&str; 8] =
    ["Journal No", "Journal Date", "Account Name", "Description", "Debits", "Credits", "Class", "Currency"];

const IIF_COLUMNS: &str = "TRNSTYPE\tDATE\tACCNT\tNAME\tCLASS\tAMOUNT\tDOCNUM\tMEMO";

pub(super) fn xero_names(lines: &mut Lines) {
    write_names(lines, &XERO_COLUMNS);
}

pub(super) fn quickbooks_names(lines: &mut Lines) {
    write_names(lines, &QUICKBOOKS_COLUMNS);
}

fn write_names(lines: &mut Lines, names: &[&str]) {
    for name in names {
        // Xero's own names begin with an asterisk, which is no formula.
        lines.number(name);
    }
    lines.end();
}

/// Debits positive, credits negative; lines of the same narration and date are one journal.
pub(super) fn xero_entry(lines: &mut Lines, accounts: &Accounts, tax_rate: &str, entry: &Entry) {
    for side in &entry.sides {
        lines.text(&entry.narration);
        lines.number(format_args!("{:02}/{:02}/{:04}", entry.day.day(), entry.day.month(), entry.day.year()));
        lines.text(&entry.number);
        lines.text(&accounts.code(side));
        lines.text(tax_rate);
        lines.number(side.money.decimal());
        (0..4).for_each(|_| lines.text(""));
        lines.end();
    }
}

pub(super) fn quickbooks_entry(lines: &mut Lines, accounts: &Accounts, entry: &Entry) -> Result<(), Error> {
    for side in &entry.sides {
        lines.text(&entry.number);
        lines.number(american(entry.day));
        lines.text(&accounts.code(side));
        lines.text(&entry.narration);
        if side.money.minor > 0 {
            lines.number(side.money.decimal());
            lines.text("");
        } else {
            lines.text("");
            lines.number(side.money.negated()?.decimal());
        }
        lines.text(&side.fund_code);
        lines.text(side.money.currency.code());
        lines.end();
    }
    Ok(())
}

pub(super) fn iif_names(out: &mut Vec<u8>) {
    out.extend(format!("!TRNS\t{IIF_COLUMNS}\r\n!SPL\t{IIF_COLUMNS}\r\n!ENDTRNS\r\n").bytes());
}

/// The first side is the transaction, the others are its splits.
pub(super) fn iif_entry(out: &mut Vec<u8>, accounts: &Accounts, entry: &Entry) {
    for (place, side) in entry.sides.iter().enumerate() {
        let head = if place == 0 { "TRNS" } else { "SPL" };
        let cells = [
            "GENERAL JOURNAL",
            &american(entry.day),
            &accounts.code(side),
            "",
            &side.fund_code,
            &side.money.decimal(),
            &entry.number,
            &entry.narration,
        ];
        out.extend_from_slice(head.as_bytes());
        for cell in cells {
            out.push(b'\t');
            let one_line: String = cell.chars().map(|c| if c.is_control() || c == '"' { ' ' } else { c }).collect();
            out.extend(to_windows_1252(&one_line));
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"ENDTRNS\r\n");
}

fn american(day: NaiveDate) -> String {
    format!("{:02}/{:02}/{:04}", day.month(), day.day(), day.year())
}
