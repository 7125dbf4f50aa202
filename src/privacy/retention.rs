//! How long the law, or good practice where the law names no time, wants documents kept. The sources stand in `docs/privacy.md`.

use chrono::{Datelike, NaiveDate};

/// For how many years after the end of the year of its issue a receipt or statement is kept, by the rules that it follows.
pub fn years(profile: &str) -> i32 {
    match profile {
        // Six years after the end of the financial year, which may be in the calendar year after the receipt's: the accounting records of a
        // charity (Charities Act 2011, s. 131).
        "uk" => 7,
        // Books and records: six years after the end of the fiscal year (Income Tax Act, s. 230(4)), which may be in the calendar year after;
        // duplicates of receipts two.
        "ca" => 7,
        // Duplicates of confirmations: ten years (§ 50 Abs. 7 EStDV with § 147 AO; eight for vouchers since 2025, of which the longer is kept).
        "de" => 10,
        // Seven years for a registered charity (ACNC Act 2012, s. 55-5); five for the tax office.
        "au" => 7,
        // United States: no law names a time for acknowledgments; three to seven years are practice. The same where no law is known.
        _ => 7,
    }
}

/// For how many years after the last claim with one of its gifts a Gift Aid declaration is kept: six after the end of the accounting period,
/// which may be in the calendar year after the claim's.
pub const GIFT_AID_YEARS: i32 = 7;

/// The last day on which something of this day is kept.
pub fn until(day: NaiveDate, years: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(day.year() + years, 12, 31).unwrap_or(day)
}

/// Whether something that is kept until then is kept today.
pub fn is_kept(until: NaiveDate, today: NaiveDate) -> bool {
    today <= until
}
