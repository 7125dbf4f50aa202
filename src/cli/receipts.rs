//! The commands for receipts and Gift Aid.

use super::data::{export_file, progress_bar};
use crate::{
    app::App,
    donations::list::Asked,
    error::Error,
    gift_aid::claims,
    receipts::annual,
    reports::{self, ExportRequest, Format, Report, asked::AskedReport},
    staff::Actor,
};
use chrono::NaiveDate;
use std::{path::Path, process::ExitCode};

/// Issues the statements of a tax year.
pub async fn annual(app: &App, year: i32, dry_run: bool) -> Result<ExitCode, Error> {
    let year = annual::year_to_state(app, year)?;
    let bar = progress_bar("Issuing statements");
    let report = annual::run(app, &Actor::system(), &year, dry_run, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    let would = if dry_run { "Would be: " } else { "" };
    println!(
        "{would}{} issued, {} replaced, {} unchanged, {} ended for the tax year {}.",
        report.issued,
        report.replaced,
        report.unchanged,
        report.ended,
        year.name()
    );
    if report.disputed > 0 {
        println!(
            "{} gifts are on no statement, because their payers’ banks dispute them: see Disputes at the desk. Begin again when that is decided.",
            report.disputed
        );
    }
    if report.no_address > 0 {
        println!(
            "{} supporters get none, because their name or postal address is missing. Correct their receipts at the desk.",
            report.no_address
        );
    }
    Ok(if report.no_address == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Makes a Gift Aid claim and writes its files.
pub async fn gift_aid_claim(app: &App, until: Option<NaiveDate>, dry_run: bool, output: &Path) -> Result<ExitCode, Error> {
    if !app.config.org_receipt_profile.offers_gift_aid() {
        return Err(Error::Invalid("Gift Aid needs ORG_RECEIPT_PROFILE=uk".to_owned()));
    }
    let until = until.unwrap_or_else(|| app.today());
    let draft = claims::draft(app.db.read(), app, until).await?;
    let sums = draft.sums()?;
    println!("{} gifts of {}, tax {}, adjustment {}.", sums.count, sums.gifts, sums.tax, sums.back);
    for problem in &draft.problems {
        let faults: Vec<&str> = problem.faults.iter().map(|fault| fault.as_str()).collect();
        println!("  donation {} is left out: {}", problem.donation_id, faults.join(", "));
    }
    if let Some(why) = draft.refusal()? {
        println!("{why}");
    }
    if !dry_run && draft.refusal()?.is_none() {
        let id = claims::make(app, &Actor::system(), until).await?;
        let asked = AskedReport { claim: id.to_string(), ..AskedReport::default() };
        let filter = Asked::default();
        let rows = asked.request(app, Report::GiftAid, &filter, app.config.org_timezone).await?;
        let trail = asked.trail(&filter, &rows);
        let mut request = ExportRequest { asked: rows, format: Format::Csv, part: None };
        let files = reports::export::files(app, &request).await?;
        for number in 1..=files.len() {
            let path = output.join(format!("gift-aid-{until}-{number}.csv"));
            request.part = Some(number);
            export_file(app, &request, &trail, &files, &path).await?;
            println!("{}", path.display());
        }
        println!("Claim {id} is made. When it was sent to HMRC, note the reference at the desk: /desk/gift-aid/claims/{id}");
    }
    Ok(if draft.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
