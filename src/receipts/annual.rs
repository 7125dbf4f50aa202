//! The statements of a tax year: one for each supporter who gave in it. Issuing them again issues only what has changed since: a gift that
//! was given back, a name or address that was mended.
//!
//! In Germany the statement is the annual confirmation (Sammelbestätigung). It lists what no slip has proved, is made to be printed and
//! signed, and is therefore not e-mailed.

use super::{
    IssuerSettings, Snapshot, code,
    profiles::{self, TaxYear},
    statement::{self, Donor, Line, YearSnapshot, totals},
    store, years,
};
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    jobs::{self, NewJob, Outcome},
    ledger,
    staff::{Actor, audit},
};
use chrono::{Datelike, Days, NaiveDate};
use entity::{
    donation,
    ids::{DonationId, StatementId, SupporterId},
    receipt, supporter,
    words::{DonationSource, ReceiptStatus},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The kind of the job that issues the next statements of a year.
pub const JOB: &str = "annual_receipts";

/// How many supporters are looked at in one go: well within a job's lease.
const AT_ONCE: u64 = 100;

/// What stands after the prefix of receipts in the numbers of statements. It has a hyphen, which no prefix has, so the two never mix.
const SERIES: &str = "-Y";

/// What is to be done for one supporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A first statement.
    Issue,
    /// One in place of that which says something else.
    Replace,
    /// The valid one says the same.
    Keep,
    /// Nothing is left of the gifts: the valid one ends.
    End,
    /// There is nothing to confirm.
    Nothing,
    /// A German confirmation that lacks the supporter's name or postal address.
    NoAddress,
}

/// What a run did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Statements issued for the first time.
    pub issued: u64,
    /// Statements issued in place of others.
    pub replaced: u64,
    /// Statements that say the same as before.
    pub unchanged: u64,
    /// Statements that ended because nothing is left of the gifts.
    pub ended: u64,
    /// German confirmations that lack a name or postal address.
    pub no_address: u64,
    /// Gifts that are on no statement while their payers' banks dispute them. Begun again after that is decided in our favour, they are.
    pub disputed: u64,
    /// Whether there are more supporters, who were not looked at.
    pub is_part: bool,
}

impl Report {
    fn count(&mut self, step: Step) {
        match step {
            Step::Issue => self.issued += 1,
            Step::Replace => self.replaced += 1,
            Step::Keep => self.unchanged += 1,
            Step::End => self.ended += 1,
            Step::NoAddress => self.no_address += 1,
            Step::Nothing => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.issued += other.issued;
        self.replaced += other.replaced;
        self.unchanged += other.unchanged;
        self.ended += other.ended;
        self.no_address += other.no_address;
        self.disputed += other.disputed;
    }
}

/// One supporter's year.
struct Plan {
    supporter: supporter::Model,
    donor: Donor,
    lines: Vec<Line>,
    gifts: Vec<DonationId>,
    live: Option<(StatementId, YearSnapshot)>,
    step: Step,
    /// How many gifts are left out because they are disputed.
    disputed: u64,
}

/// The tax year that begins in `year` by the organisation's rules, if it is over.
pub fn year_to_state(app: &App, year: i32) -> Result<TaxYear, Error> {
    let profile = app.config.org_receipt_profile.as_str();
    let asked = TaxYear::beginning_in(profile, year).ok_or_else(|| Error::Invalid(format!("{year} is not a year such as 2026")))?;
    if app.today() <= asked.ends_on {
        return Err(Error::Invalid(format!(
            "The tax year {} ends on {}. Its statements are issued afterwards, so that they have every gift.",
            asked.name(),
            asked.ends_on
        )));
    }
    if profile == "de" {
        let issuer = IssuerSettings::from_config(&app.config).issuer;
        let lacking = profiles::lacks(&issuer);
        if !lacking.is_empty() {
            return Err(Error::Invalid(format!("German confirmations need {}. Set them first.", lacking.join(", "))));
        }
        if profiles::notice_good_until(&issuer).is_none_or(|last| last < app.today()) {
            return Err(Error::Invalid("The notice of exemption is too old to confirm gifts (§ 63 Abs. 5 AO).".to_owned()));
        }
    }
    Ok(asked)
}

/// The last tax year that is over.
pub fn last_year(app: &App) -> i32 {
    let profile = app.config.org_receipt_profile.as_str();
    TaxYear::of_day(profile, app.today()).map_or_else(|| app.today().year(), |current| current.year) - 1
}

/// Issues the statements of a tax year, or only says what would be done. `progress` hears how many supporters of how many are done.
pub async fn run(app: &App, actor: &Actor, year: &TaxYear, dry: bool, mut progress: impl FnMut(u64, u64)) -> Result<Report, Error> {
    let settings = IssuerSettings::from_config(&app.config);
    let all = years::count_givers(app.db.read(), years::span(settings.timezone, year)).await?;
    let (mut report, mut after, mut done) = (Report::default(), None, 0);
    loop {
        let (part, last, count) = run_some(app, &settings, year, (after, AT_ONCE), dry).await?;
        report.add(&part);
        done += count;
        progress(done, all);
        after = last;
        if after.is_none() {
            break;
        }
    }
    if !dry {
        let now = app.now();
        let told = json!({ "year": year.name(), "issued": report.issued, "replaced": report.replaced, "ended": report.ended });
        app.db.write(async |tx| audit::record(tx, now, actor, "receipts.annual", "statement", &year.name(), told.clone()).await).await?;
        app.bell.notify_waiters();
    }
    Ok(report)
}

/// How many supporters the desk's page looks at before it says that there are more: it has to answer at once, whoever gave.
pub const PREVIEWED_MAX: u64 = 300;

/// What issuing the statements of a tax year would do for the first supporters: `most` of them, or some more.
pub async fn preview(app: &App, year: &TaxYear, most: u64) -> Result<Report, Error> {
    let settings = IssuerSettings::from_config(&app.config);
    let (mut report, mut after, mut done) = (Report::default(), None, 0);
    loop {
        let (part, last, count) = run_some(app, &settings, year, (after, most.clamp(1, AT_ONCE)), true).await?;
        report.add(&part);
        (after, done) = (last, done + count);
        if after.is_none() {
            return Ok(report);
        }
        if done >= most {
            // There may be nobody after the last one.
            let next = years::givers(app.db.read(), years::span(settings.timezone, year), after, 1).await?;
            report.is_part = !next.is_empty();
            return Ok(report);
        }
    }
}

/// How many statements no longer say what is left of their gifts, because something came back or is disputed since they were issued, or because
/// they ended and a gift counts again, by tax year.
pub async fn outdated(app: &App) -> Result<Vec<(TaxYear, u64)>, Error> {
    let (db, settings) = (app.db.read(), IssuerSettings::from_config(&app.config));
    let mut changed: BTreeMap<i32, (TaxYear, BTreeSet<SupporterId>)> = BTreeMap::new();
    for (who, starts_on, paid_at) in years::came_back_since(db).await? {
        let Some(year) = TaxYear::of_day(&settings.issuer.profile, starts_on) else { continue };
        let (from, until) = years::span(settings.timezone, &year);
        if (from..until).contains(&paid_at) {
            changed.entry(year.year).or_insert((year, BTreeSet::new())).1.insert(who);
        }
    }
    let mut outdated = Vec::new();
    for (year, who) in changed.into_values() {
        let (who, mut count) = (Vec::from_iter(who), 0);
        for some in who.chunks(AT_ONCE as usize) {
            let plans = plan(db, &settings, &year, some).await?;
            count +=
                plans.iter().filter(|plan| plan.step == Step::Issue || (plan.live.is_some() && plan.step != Step::Keep)).count() as u64;
        }
        if count > 0 {
            outdated.push((year, count));
        }
    }
    Ok(outdated)
}

/// Has the worker issue the statements of a tax year.
pub async fn begin(app: &App, actor: &Actor, year: &TaxYear) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            jobs::enqueue(tx, app.new_id(), job_after(year, None, now), now).await?;
            audit::record(tx, now, actor, "receipts.annual", "statement", &year.name(), json!({ "year": year.name() })).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(())
}

/// How long after the day on which statements go out by themselves they still do: a program that stood still on that day makes up for it, and
/// one that is set up in autumn does not write to everybody about the year before.
const MADE_UP_FOR_DAYS: u64 = 60;

/// The day on which the statements of a tax year go out by themselves, if they do.
pub fn sent_on(app: &App, year: &TaxYear) -> Option<NaiveDate> {
    app.config.statements_after_days.and_then(|days| year.ends_on.checked_add_days(Days::new(days.into())))
}

/// Has the worker issue the statements of the last tax year when their day has come, once for each year however many processes ask and
/// whatever ends in between: that it was begun is written in the transaction of the job. Returns whether they were begun now.
pub async fn begin_when_due(app: &App) -> Result<bool, Error> {
    let profile = app.config.org_receipt_profile.as_str();
    let Some(year) = TaxYear::beginning_in(profile, last_year(app)) else { return Ok(false) };
    let Some(day) = sent_on(app, &year) else { return Ok(false) };
    let last_day = day.checked_add_days(Days::new(MADE_UP_FOR_DAYS)).unwrap_or(day);
    if !(day..=last_day).contains(&app.today()) {
        return Ok(false);
    }
    let year = year_to_state(app, year.year)?;
    let (now, actor) = (app.now(), Actor::system());
    let mark = format!("{JOB}:{}", year.year);
    let begun = app
        .db
        .write(async |tx| {
            if !jobs::begin_once(tx, &mark, now).await? {
                return Ok(false);
            }
            jobs::enqueue(tx, app.new_id(), job_after(&year, None, now), now).await?;
            audit::record(tx, now, &actor, "receipts.annual", "statement", &year.name(), json!({ "year": year.name() })).await?;
            Ok(true)
        })
        .await?;
    if begun {
        app.bell.notify_waiters();
    }
    Ok(begun)
}

/// Whether the worker is at the statements of this tax year.
pub async fn is_running(app: &App, year: &TaxYear) -> Result<bool, Error> {
    let payloads = jobs::waiting(app.db.read(), JOB).await?;
    Ok(payloads.iter().any(|payload| payload["year"] == year.year))
}

fn job_after(year: &TaxYear, after: Option<SupporterId>, now: chrono::DateTime<chrono::Utc>) -> NewJob {
    let after = after.map(|id| id.to_string());
    NewJob {
        kind: JOB,
        dedupe_key: Some(format!("{JOB}:{}:{}", year.year, after.as_deref().unwrap_or("first"))),
        payload: json!({ "year": year.year, "after": after }),
        run_at: now,
    }
}

/// Does one of the jobs: some supporters, and then the job for those after them.
pub async fn act(app: &App, payload: &serde_json::Value) -> Outcome {
    let (year, after) = (payload["year"].as_i64().and_then(|year| i32::try_from(year).ok()), payload["after"].as_str());
    let Some(year) = year else { return Outcome::GiveUp("no year is named".to_owned()) };
    let work = async {
        let year = year_to_state(app, year)?;
        let settings = IssuerSettings::from_config(&app.config);
        let after = after.map(|id| id.parse().map_err(|e| Error::internal("a supporter's id", e))).transpose()?;
        let (_, last, _) = run_some(app, &settings, &year, (after, AT_ONCE), false).await?;
        if let Some(last) = last {
            let now = app.now();
            app.db.write(async |tx| jobs::enqueue(tx, app.new_id(), job_after(&year, Some(last), now), now).await).await?;
        }
        app.bell.notify_waiters();
        Ok::<_, Error>(())
    };
    match work.await {
        Ok(()) => Outcome::Done,
        Err(error) => error.into(),
    }
}

/// The next supporters, so many at most: what was done, the last of them when there may be more, and how many they were.
async fn run_some(
    app: &App,
    settings: &IssuerSettings,
    year: &TaxYear,
    (after, most): (Option<SupporterId>, u64),
    dry: bool,
) -> Result<(Report, Option<SupporterId>, u64), Error> {
    let who = years::givers(app.db.read(), years::span(settings.timezone, year), after, most).await?;
    let mut report = Report::default();
    if dry {
        for plan in plan(app.db.read(), settings, year, &who).await? {
            report.count(plan.step);
            report.disputed += plan.disputed;
        }
    } else {
        for id in &who {
            let (step, disputed) = app.db.write(async |tx| issue_one(tx, app, settings, year, *id).await).await?;
            report.count(step);
            report.disputed += disputed;
        }
    }
    let last = if who.len() as u64 == most { who.last().copied() } else { None };
    Ok((report, last, who.len() as u64))
}

/// One supporter's statement and its letter, in one transaction. Returns what was done, and how many of her gifts are disputed.
async fn issue_one(
    tx: &DatabaseTransaction,
    app: &App,
    settings: &IssuerSettings,
    year: &TaxYear,
    who: SupporterId,
) -> Result<(Step, u64), Error> {
    years::lock(tx, who).await?;
    let Some(plan) = plan(tx, settings, year, &[who]).await?.pop() else { return Ok((Step::Nothing, 0)) };
    let now = app.now();
    if let Some((old, said)) = plan.live.as_ref().filter(|_| matches!(plan.step, Step::Replace | Step::End)) {
        let (status, why) = match plan.step {
            Step::End => (ReceiptStatus::Void, "nothing is left of the gifts"),
            _ => (ReceiptStatus::Replaced, "the gifts, the name or the address changed"),
        };
        years::end(tx, (*old, &said.code), status, why).await?;
        if plan.step == Step::End && !plan.donor.email.is_empty() {
            app.outbox
                .enqueue(tx, statement::cancelled_letter(said, &plan.donor.email, plan.supporter.discreet)?, app.new_id(), now)
                .await?;
        }
    }
    if !matches!(plan.step, Step::Issue | Step::Replace) {
        return Ok((plan.step, plan.disputed));
    }
    let prefix = format!("{}{SERIES}", settings.prefix);
    let (series_id, number) = store::take_number(tx, &prefix, i64::from(year.year), app.new_id()).await?;
    let at = years::Number { series_id, number };
    let written = write(tx, app, settings, year, &plan, &at, &code(&prefix, i64::from(year.year), number)).await?;
    if settings.issuer.profile != "de" && !plan.donor.email.is_empty() {
        app.outbox.enqueue(tx, statement::letter(&written, plan.supporter.discreet)?, app.new_id(), now).await?;
    }
    Ok((plan.step, plan.disputed))
}

async fn write(
    tx: &DatabaseTransaction,
    app: &App,
    settings: &IssuerSettings,
    year: &TaxYear,
    plan: &Plan,
    at: &years::Number,
    code: &str,
) -> Result<entity::statement::Model, Error> {
    let now = app.now();
    let language = Language::nearest(&plan.supporter.language).unwrap_or_default();
    let replaces = plan.live.as_ref().map(|(_, old)| old.code.as_str());
    let said = (plan.donor.clone(), plan.lines.clone());
    let snapshot = YearSnapshot::of(settings, year, said, language, (code, replaces), settings.day_of(now))?;
    let row = entity::statement::ActiveModel {
        id: Set(app.new_id()),
        series_id: Set(at.series_id),
        number: Set(at.number),
        code: Set(code.to_owned()),
        supporter_id: Set(plan.supporter.id),
        starts_on: Set(year.starts_on),
        ends_on: Set(year.ends_on),
        status: Set(ReceiptStatus::Issued),
        status_reason: Set(String::new()),
        issued_at: Set(now),
        profile: Set(settings.issuer.profile.clone()),
        language: Set(language.tag().to_owned()),
        snapshot: Set(serde_json::to_string(&snapshot)?),
        replaces_id: Set(plan.live.as_ref().map(|(id, _)| *id)),
        sealed_at: Set(None),
    };
    let confirms: &[DonationId] = if settings.issuer.profile == "de" { &plan.gifts } else { &[] };
    years::insert(tx, row, confirms).await
}

/// What is to be done for each of these supporters, in the order of their ids.
async fn plan(db: &impl ConnectionTrait, settings: &IssuerSettings, year: &TaxYear, who: &[SupporterId]) -> Result<Vec<Plan>, Error> {
    let gifts = years::gifts(db, who, years::span(settings.timezone, year)).await?;
    let ids: Vec<DonationId> = gifts.iter().map(|gift| gift.id).collect();
    let worths = ledger::worths_of(db, &ids).await?;
    let receipts: HashMap<DonationId, receipt::Model> =
        years::receipts(db, &ids).await?.into_iter().map(|receipt| (receipt.donation_id, receipt)).collect();
    let addresses: HashMap<DonationId, String> =
        years::addresses(db, &ids).await?.into_iter().map(|row| (row.donation_id, row.address)).collect();
    // Slips; what an earlier annual confirmation lists is free for the one that replaces it.
    let slips: HashSet<DonationId> =
        years::confirmed(db, &ids).await?.into_iter().filter(|row| row.receipt_id.is_some()).map(|row| row.donation_id).collect();
    let disputed = years::disputed(db, &ids).await?;
    let mut lives = years::statements(db, who, year).await?;
    let mut plans = Vec::with_capacity(who.len());
    for supporter in years::supporters(db, who).await? {
        let own: Vec<&donation::Model> = gifts.iter().filter(|gift| gift.supporter_id == supporter.id).collect();
        let (mut lines, mut counted, mut left_out) = (Vec::new(), Vec::new(), 0);
        for gift in &own {
            let Some(worth) = worths.get(&gift.id).filter(|worth| worth.given.minor > 0) else { continue };
            if settings.issuer.profile == "de" && (slips.contains(&gift.id) || !is_confirmable(gift, worth)) {
                continue;
            }
            if disputed.contains(&gift.id) {
                left_out += 1;
                continue;
            }
            let gift_on = gift.paid_at.map_or(year.starts_on, |at| settings.day_of(at));
            let receipt = receipts.get(&gift.id).map(|receipt| receipt.code.clone());
            lines.push(Line { gift_on, given: worth.given, left: worth.left, receipt });
            counted.push(gift.id);
        }
        let live = match lives.iter().position(|live| live.supporter_id == supporter.id) {
            Some(place) => {
                let row = lives.swap_remove(place);
                Some((row.id, serde_json::from_str::<YearSnapshot>(&row.snapshot)?))
            }
            None => None,
        };
        let donor = donor_of(&supporter, &own, &receipts, &addresses)?;
        let step = step_for(settings, &donor, &lines, live.as_ref().map(|(_, said)| said))?;
        plans.push(Plan { supporter, donor, lines, gifts: counted, live, step, disputed: left_out });
    }
    plans.sort_by_key(|plan| plan.supporter.id);
    Ok(plans)
}

/// Whether a German confirmation may list a gift: in euros, not all given back, and not brought in from another program, which may have
/// confirmed it.
fn is_confirmable(gift: &donation::Model, worth: &ledger::Worth) -> bool {
    gift.currency.code() == "EUR" && worth.left.minor > 0 && gift.source != DonationSource::Imported
}

fn step_for(settings: &IssuerSettings, donor: &Donor, lines: &[Line], live: Option<&YearSnapshot>) -> Result<Step, Error> {
    let is_empty = totals(lines)?.iter().all(|sum| sum.minor == 0);
    Ok(match live {
        Some(said) if said.says_the_same(donor, lines) => Step::Keep,
        Some(_) if is_empty => Step::End,
        None if is_empty => Step::Nothing,
        _ if settings.issuer.profile == "de" && (donor.name.is_empty() || donor.address.is_empty()) => Step::NoAddress,
        Some(_) => Step::Replace,
        None => Step::Issue,
    })
}

/// The name and address as the last receipt of the year has them, which staff may have mended; else as they were given last.
fn donor_of(
    supporter: &supporter::Model,
    gifts: &[&donation::Model],
    receipts: &HashMap<DonationId, receipt::Model>,
    addresses: &HashMap<DonationId, String>,
) -> Result<Donor, Error> {
    let mut donor = Donor { name: String::new(), email: supporter.email.clone(), address: String::new() };
    for gift in gifts.iter().rev() {
        if let Some(receipt) = receipts.get(&gift.id) {
            let said: Snapshot = serde_json::from_str(&receipt.snapshot)?;
            if donor.name.is_empty() {
                donor.name = said.donor_name;
            }
            if donor.address.is_empty() {
                donor.address = said.donor_address;
            }
        }
        if donor.address.is_empty() {
            donor.address = addresses.get(&gift.id).cloned().unwrap_or_default();
        }
    }
    if donor.name.is_empty() {
        donor.name.clone_from(&supporter.name);
    }
    Ok(donor)
}
