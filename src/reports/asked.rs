//! What a report is asked with, in words: the desk's addresses and the command line say the same, and it is read here alone.

use super::{
    report::{Period, Report, ReportRequest},
    schedule,
};
use crate::{
    app::App,
    clock,
    donations::list::{Asked, parse_day},
    error::Error,
    gift_aid,
};
use chrono::{Days, Months, NaiveDate};
use chrono_tz::Tz;
use entity::{ids::GiftAidClaimId, words::GiftAidClaimState};
use sea_orm::{ConnectionTrait, Statement};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is asked of a report besides the filter of the donations' list. Empty fields ask for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AskedReport {
    /// A month `2026-01`, a year `2026`, `all`, or empty for the days.
    pub period: String,
    /// The first day.
    pub posted_from: String,
    /// The last day.
    pub posted_to: String,
    /// Only gifts for this item.
    pub item: String,
    /// Only gifts from this article.
    pub article: String,
    /// Of this claim of Gift Aid.
    pub claim: String,
    /// Only entries in this currency.
    pub currency: String,
    /// Where the page begins.
    pub after: String,
    /// How the file is written.
    pub format: String,
    /// Which of several files.
    pub part: String,
    /// Whether names are in it.
    pub with_donors: String,
}

impl AskedReport {
    /// The rows that were asked for, with days of this zone. What the report does not heed is refused, and so is what is not there.
    pub async fn request(&self, app: &App, report: Report, filter: &Asked, zone: Tz) -> Result<ReportRequest, Error> {
        if let Some((name, _)) = self.fields(filter).into_iter().find(|(name, _)| !report.narrowed_by().contains(name)) {
            let name = match name {
                "q" => "search",
                "from" => "given-from",
                "to" => "given-to",
                name => name,
            };
            return Err(Error::Invalid(format!("the report `{}` cannot be narrowed by `{name}`", report.as_str())));
        }
        let with_donors = !self.with_donors.is_empty();
        if with_donors && report != Report::Donations {
            return Err(Error::Invalid("only the report `donations` can be asked for with donors".to_owned()));
        }
        let text = |field: &str| Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        let wrong = |what: &str| Error::Invalid(format!("`{what}` is not a currency such as EUR"));
        let mut request = ReportRequest {
            period: self.days(zone)?,
            with_donors,
            filter: filter.filter(zone, true)?,
            item: text(&self.item),
            article: text(&self.article),
            currency: text(&self.currency).map(|code| code.parse().map_err(|_| wrong(&code))).transpose()?,
            ..ReportRequest::all(report, zone)
        };
        refuse_unknown(app.db.read(), &request).await?;
        if report == Report::GiftAid {
            self.choose_claim(app.db.read(), &mut request).await?;
        }
        Ok(request)
    }

    /// The days that were asked for; all, when nothing was.
    fn days(&self, zone: Tz) -> Result<Period, Error> {
        let named = match self.period.trim() {
            "" => (parse_day(&self.posted_from)?, parse_day(&self.posted_to)?),
            "all" => (None, None),
            name => days_of(name).ok_or_else(|| Error::Invalid(format!("`{name}` is not a month such as 2026-01, nor a year.")))?,
        };
        let period = Period { from: named.0, to: named.1, zone };
        period.bounds()?;
        Ok(period)
    }

    /// A schedule is that of one claim: of the one that was named, or of the newest that was not withdrawn. Its days are those of the claim.
    async fn choose_claim(&self, db: &impl ConnectionTrait, request: &mut ReportRequest) -> Result<(), Error> {
        let claim = match self.claim.trim() {
            "" => gift_aid::store::newest_claim(db).await?,
            id => {
                let unknown = || Error::Invalid(format!("there is no Gift Aid claim `{id}`"));
                let claim: GiftAidClaimId = id.parse().map_err(|_| unknown())?;
                let claim = gift_aid::store::find_claim(db, claim).await.map_err(|error| match error {
                    Error::NotFound => unknown(),
                    other => other,
                })?;
                if claim.state == GiftAidClaimState::Withdrawn {
                    return Err(schedule::withdrawn(claim.id));
                }
                Some(claim)
            }
        };
        if let Some(claim) = claim {
            request.claim = Some(claim.id);
            request.period = Period { from: None, to: Some(claim.until_on), ..request.period };
        }
        Ok(())
    }

    /// What narrows the rows, by the names that addresses use; without what is empty.
    pub fn fields<'a>(&'a self, filter: &'a Asked) -> Vec<(&'static str, &'a str)> {
        let own = [("item", &self.item), ("article", &self.article), ("claim", &self.claim), ("currency", &self.currency)];
        let own = own.into_iter().map(|(name, value)| (name, value.trim()));
        filter.fields().into_iter().chain(own).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// What the audit trail says of it. What was searched for may be somebody's address, so it says only that there was a search.
    pub fn trail(&self, filter: &Asked, request: &ReportRequest) -> Value {
        let period = request.period;
        let mut told: BTreeMap<&str, String> =
            self.fields(filter).into_iter().map(|(name, value)| (name, if name == "q" { "…" } else { value }.to_owned())).collect();
        told.extend(request.claim.map(|claim| ("claim", claim.to_string())));
        json!({
            "from": period.from, "to": period.to, "zone": period.zone.name(), "with_donors": request.names_people(), "filter": told,
        })
    }

    /// Whether no days were asked for.
    pub(super) fn is_of_no_days(&self) -> bool {
        [&self.period, &self.posted_from, &self.posted_to].iter().all(|field| field.trim().is_empty())
    }
}

/// The days of a month or a year by its name.
fn days_of(name: &str) -> Option<(Option<NaiveDate>, Option<NaiveDate>)> {
    let (first, months) = match name.split_once('-') {
        Some(_) => (clock::parse_day(&format!("{name}-01"))?, 1),
        None => (clock::parse_day(&format!("{name}-01-01"))?, 12),
    };
    Some((Some(first), Some(first.checked_add_months(Months::new(months))? - Days::new(1))))
}

/// A name with a slip in it would give an empty file, which looks like a true one. Of funds, also codes count that gifts were given under
/// and that the fund had before.
async fn refuse_unknown(db: &impl ConnectionTrait, request: &ReportRequest) -> Result<(), Error> {
    let currency = request.currency.map(|currency| currency.code().to_owned());
    let named = [
        ("campaign", &request.filter.campaign, "select 1 as one from campaign where slug = $1"),
        (
            "fund",
            &request.filter.fund,
            "select 1 as one from fund where code = $1 union all select 1 as one from donation where fund_code = $1",
        ),
        ("item", &request.item, "select 1 as one from wish_item where slug = $1"),
        ("article", &request.article, "select 1 as one from article where slug = $1"),
        ("booking in", &currency, "select 1 as one from ledger_entry where currency = $1"),
    ];
    for (what, name, question) in named {
        let Some(name) = name else { continue };
        let question = Statement::from_sql_and_values(db.get_database_backend(), format!("{question} limit 1"), [name.as_str().into()]);
        if db.query_one_raw(question).await?.is_none() {
            return Err(Error::Invalid(format!("there is no {what} `{name}`")));
        }
    }
    Ok(())
}
