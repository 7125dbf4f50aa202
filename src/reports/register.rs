//! The register of donations as rows: every movement of money once, in the order in which it is booked.
//!
//! Columns that hold amounts may be summed over the rows of one currency: `gross` is what was given (negative for what was given back or
//! lost in a dispute), `fee` what Stripe kept, `exchanged` what left this currency for the one that Stripe settled in (negative) or came from
//! another (positive), `other` what went to or came from the bank, a dispute, a reserve or whatever else is not a gift, and
//! `net = gross − fee + exchanged + other` by how much what Stripe holds changed. A gift and its fee are rows of their own, because they
//! happen at different times; the amount that the supporter saw stands in the gift's row only. A gift taken by hand never was at Stripe:
//! its `other` is what went to the bank, and its `net` zero.
//!
//! `payout`, `deposit` and `at_bank_on` say with which line of the bank statement the money came.
//!
//! The period is that of booking: when it happened, or the first open day where the books of that day were closed. Nothing is booked into
//! a closed period, so a closed period always has the same rows and sums. The fund's codes and restriction are those of when it was given.
//! What else is known of a row beside its sums is as it is now: the valid receipt, where the money reached the bank.

use super::report::{Cell, Column, Kind, Link, Page, ReportRequest, Row, column, read_place, write_place};
use crate::{
    app::App,
    clock::hex,
    donations::register::{self, Movement},
    error::Error,
};
use entity::{Currency, Money, ids::SupporterId};

const ALL: &[Column] = &[
    column("entry_no", Kind::Count),
    column("posted_at_utc", Kind::Instant),
    column("posted_date", Kind::Day),
    column("occurred_at_utc", Kind::Instant),
    column("type", Kind::Text),
    column("donation_id", Kind::Text),
    column("receipt_no", Kind::Text),
    column("donor_ref", Kind::Text),
    column("campaign", Kind::Text),
    column("item", Kind::Text),
    column("article", Kind::Text),
    column("fund_code", Kind::Text),
    column("restriction", Kind::Text),
    column("gl_income", Kind::Text),
    column("gl_fee", Kind::Text),
    column("presented_currency", Kind::Text),
    column("presented_minor", Kind::Count),
    column("settlement_currency", Kind::Text),
    column("gross", Kind::Money),
    column("gross_minor", Kind::Count),
    column("fee", Kind::Money),
    column("fee_minor", Kind::Count),
    column("exchanged", Kind::Money),
    column("exchanged_minor", Kind::Count),
    column("net", Kind::Money),
    column("net_minor", Kind::Count),
    column("currency", Kind::Text),
    column("stripe_checkout_session", Kind::Text),
    column("stripe_payment_intent", Kind::Text),
    column("stripe_charge", Kind::Text),
    column("stripe_balance_txn", Kind::Text),
    column("time_zone", Kind::Text),
    column("booked_at_utc", Kind::Instant),
    column("booked_date", Kind::Day),
    column("other", Kind::Money),
    column("other_minor", Kind::Count),
    column("reverses_entry", Kind::Count),
    column("payout", Kind::Text),
    column("deposit", Kind::Text),
    column("at_bank_on", Kind::Day),
    column("donor_name", Kind::Text),
    column("donor_email", Kind::Text),
];

/// The columns, with those that name people or without.
pub fn columns(with_donors: bool) -> &'static [Column] {
    if with_donors { ALL } else { ALL.split_at(ALL.len() - 2).0 }
}

/// The next rows.
pub async fn page(app: &App, request: &ReportRequest, after: &str, limit: u64) -> Result<Page, Error> {
    let place = read_place::<i64>(after)?;
    let read = register::page(app.db.read(), &request.scope()?, place, request.with_donors, limit).await?;
    let Some((movements, last)) = read else { return Ok(Page::default()) };
    let references = DonorReferences::new(app);
    let rows = movements.into_iter().map(|movement| row_of(request, &references, movement)).collect();
    Ok(Page { rows, next: last.map(|(at, id)| write_place(at, id)) })
}

fn row_of(request: &ReportRequest, references: &DonorReferences, movement: Movement) -> Row {
    let Movement { head, kind, currency, sums, settlement, bank } = movement;
    let zone = request.period.zone;
    let day = |at: chrono::DateTime<chrono::Utc>| Cell::Day(at.with_timezone(&zone).date_naive());
    let code = |currency: Option<Currency>| currency.map_or(Cell::Empty, |currency| Cell::Text(currency.code().to_owned()));
    let mut cells = Vec::with_capacity(ALL.len());
    cells.extend([
        Cell::Count(head.entry_no),
        Cell::Instant(head.posted_at),
        day(head.posted_at),
        Cell::Instant(head.occurred_at),
        Cell::Word(kind),
        head.donation_id.map_or(Cell::Empty, |id| Cell::Text(id.to_string())),
        head.receipt_no.into(),
        head.supporter_id.map_or(Cell::Empty, |id| Cell::Text(references.of(id))),
        head.campaign.into(),
        head.item.into(),
        head.article.into(),
        head.fund_code.into(),
        head.restriction.map_or(Cell::Empty, |restriction| Cell::Word(restriction.as_str())),
        head.gl_income.into(),
        head.gl_fee.into(),
        code(head.presented_currency),
        head.presented_minor.filter(|_| kind == "donation").map_or(Cell::Empty, Cell::Count),
        code(settlement),
    ]);
    for minor in [sums.gross, sums.fee, sums.exchanged, sums.net] {
        cells.extend([Cell::Money(Money::new(minor, currency)), Cell::Count(minor)]);
    }
    cells.extend([
        code(Some(currency)),
        head.session.into(),
        head.intent.into(),
        head.charge.into(),
        head.balance_transaction.into(),
        Cell::Word(zone.name()),
        Cell::Instant(head.booked_at),
        day(head.booked_at),
        Cell::Money(Money::new(sums.other, currency)),
        Cell::Count(sums.other),
        head.reverses.map_or(Cell::Empty, Cell::Count),
        bank.payout.into(),
        bank.deposit.map_or(Cell::Empty, |id| Cell::Text(id.to_string())),
        match bank.on {
            Some(on) => Cell::Day(on),
            None if bank.by_itself => day(head.occurred_at),
            None => Cell::Empty,
        },
    ]);
    if request.with_donors {
        cells.extend([head.donor_name.into(), head.donor_email.into()]);
    }
    Row { cells, link: head.donation_id.map(Link::Donation) }
}

/// Pseudonyms of supporters: the same in every export, and without our key nobody can tell whose they are.
struct DonorReferences(ring::hmac::Key);

impl DonorReferences {
    fn new(app: &App) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &app.key("donor reference v1")))
    }

    fn of(&self, id: SupporterId) -> String {
        format!("D{}", &hex(ring::hmac::sign(&self.0, id.0.as_bytes()).as_ref())[..16])
    }
}
