//! One donation's whole story in plain words: for staff and finance, as evidence on paper, and shortened for the supporter.
//!
//! Nothing is judged here: each sentence stands for a row that was written when it happened.

use super::{bank_lines::CHAIN_MAX, story::Story};
use crate::{app::App, error::Error, i18n::Language, matching, web::Page};
use chrono::{DateTime, Days, Utc};
use entity::{
    Money, accounting_period, balance_movement, dispute, donation, gift_aid_claim, gift_aid_declaration, gift_aid_line,
    ids::DonationId,
    letter, payout, receipt, refund, statement,
    words::{DisputeOutcome, LetterKind, MovementKind, ReceiptStatus, RefundState},
};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::JoinType};
use std::collections::BTreeSet;

/// The most rows of one kind that a story tells.
const ROWS_MAX: u64 = 200;

/// One thing that happened, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
}

/// What is known of the money after it was given.
#[derive(Clone, Debug, Default)]
pub struct Aftermath {
    /// What was given back, or asked to be.
    pub refunds: Vec<refund::Model>,
    /// What a bank was asked to take back.
    pub disputes: Vec<dispute::Model>,
    /// The payouts by which it reached the bank.
    pub payouts: Vec<payout::Model>,
    /// The accounting periods that it counts in.
    pub periods: Vec<accounting_period::Model>,
    /// The Gift Aid declaration that was made with it.
    pub declared: Option<gift_aid_declaration::Model>,
    /// What of it stands in claims of Gift Aid.
    pub claimed: Vec<(gift_aid_line::Model, gift_aid_claim::Model)>,
    /// The annual receipts that list it.
    pub statements: Vec<statement::Model>,
}

impl Aftermath {
    /// Reads what became of a donation's money.
    pub async fn of(db: &impl ConnectionTrait, story: &Story) -> Result<Self, Error> {
        let id = story.donation.id;
        let refunds = refund::Entity::find().filter(refund::Column::DonationId.eq(id)).order_by_asc(refund::Column::CreatedAt);
        let disputes = dispute::Entity::find().filter(dispute::Column::DonationId.eq(id)).order_by_asc(dispute::Column::OpenedAt);
        let moved = balance_movement::Entity::find().filter(balance_movement::Column::DonationId.eq(id)).limit(ROWS_MAX).all(db).await?;
        let payouts = to_the_bank(db, moved.into_iter().filter_map(|movement| movement.payout_id).collect()).await?;
        let mut periods = Vec::new();
        for entry in &story.ledger {
            let at = entry.head.booked_at;
            let find = accounting_period::Entity::find()
                .filter(accounting_period::Column::StartsAt.lte(at))
                .filter(accounting_period::Column::EndsAt.gt(at));
            periods.extend(find.one(db).await?.filter(|period| !periods.contains(period)));
        }
        Ok(Self {
            refunds: refunds.limit(ROWS_MAX).all(db).await?,
            disputes: disputes.limit(ROWS_MAX).all(db).await?,
            payouts,
            periods,
            declared: gift_aid_declaration::Entity::find().filter(gift_aid_declaration::Column::DonationId.eq(id)).one(db).await?,
            claimed: claims_of(db, id).await?,
            statements: statements_of(db, story).await?,
        })
    }
}

async fn claims_of(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<(gift_aid_line::Model, gift_aid_claim::Model)>, Error> {
    use gift_aid_line::Column;
    let to_claim = gift_aid_line::Entity::belongs_to(gift_aid_claim::Entity).from(Column::ClaimId).to(gift_aid_claim::Column::Id);
    let find = gift_aid_line::Entity::find().filter(Column::DonationId.eq(id)).join(JoinType::InnerJoin, to_claim.into());
    let rows = find.select_also(gift_aid_claim::Entity).order_by_asc(gift_aid_claim::Column::MadeAt).limit(ROWS_MAX).all(db).await?;
    Ok(rows.into_iter().filter_map(|(line, claim)| Some((line, claim?))).collect())
}

/// The annual receipts of a gift's giver that name one of its receipts.
async fn statements_of(db: &impl ConnectionTrait, story: &Story) -> Result<Vec<statement::Model>, Error> {
    use statement::Column;
    let find = statement::Entity::find().filter(Column::SupporterId.eq(story.donation.supporter_id)).order_by_asc(Column::IssuedAt);
    let codes: Vec<String> = story.receipts.iter().map(|given| format!("\"{}\"", given.receipt.code)).collect();
    let all = find.limit(ROWS_MAX).all(db).await?;
    Ok(all.into_iter().filter(|one| codes.iter().any(|code| one.snapshot.contains(code))).collect())
}

/// These payouts, and where one came back, the one that its money went out again with, until it stayed at the bank; the first one first.
async fn to_the_bank(db: &impl ConnectionTrait, mut named: BTreeSet<String>) -> Result<Vec<payout::Model>, Error> {
    let mut found: Vec<payout::Model> = Vec::new();
    for _ in 0..CHAIN_MAX {
        named.retain(|id| found.iter().all(|known| known.stripe_payout_id != *id));
        if named.is_empty() {
            break;
        }
        let find = payout::Entity::find().filter(payout::Column::StripePayoutId.is_in(named)).limit(ROWS_MAX).all(db).await?;
        let came_back: Vec<String> = find.iter().filter_map(|payout| payout.failure_balance_transaction_id.clone()).collect();
        found.extend(find);
        let back = balance_movement::Entity::find().filter(balance_movement::Column::Id.is_in(came_back)).all(db).await?;
        named = back.into_iter().filter_map(|movement| movement.payout_id).collect();
    }
    found.sort_by_key(|payout| payout.created_at);
    Ok(found)
}

fn say(lang: Language, key: &str, arguments: &[(&'static str, String)]) -> String {
    let arguments: Vec<_> = arguments.iter().map(|(name, value)| (*name, FluentValue::from(value.clone()))).collect();
    lang.text_with(key, &arguments)
}

/// What staff read first: who gave what for what, and what it is worth today.
pub fn summary(page: &Page, story: &Story) -> String {
    let purpose = match (&story.item, &story.campaign) {
        (Some(item), _) => item.title.clone(),
        (None, Some(campaign)) => campaign.title.clone(),
        (None, None) => page.t("desk-explain-general"),
    };
    let worth = worth(story).map_or_else(|| page.t("desk-explain-nothing"), |worth| page.money(worth));
    say(
        page.lang,
        if story.donation.paid_at.is_some() { "desk-explain-summary" } else { "desk-explain-summary-unpaid" },
        &[
            ("amount", page.money(story.amount)),
            ("day", page.day(story.donation.paid_at.unwrap_or(story.donation.created_at))),
            ("purpose", purpose),
            ("fund", story.donation.fund_code.clone()),
            ("worth", worth),
        ],
    )
}

/// What the donation is worth: the income that the ledger holds for it, in its own currency. Nothing before it is paid.
pub fn worth(story: &Story) -> Option<Money> {
    let income = story
        .ledger
        .iter()
        .flat_map(|entry| &entry.sides)
        .filter(|(side, money)| side.account == entity::words::Account::Donations && money.currency == story.amount.currency);
    let mut sums = income.map(|(_, money)| *money).peekable();
    sums.peek()?;
    sums.try_fold(Money::new(0, story.amount.currency), Money::checked_add).ok()?.negated().ok()
}

/// Everything that happened, in sentences, in the order of time.
pub fn lines(page: &Page, story: &Story, after: &Aftermath) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut tell = |at: DateTime<Utc>, key: &str, arguments: &[(&'static str, String)]| {
        lines.push(Line { at, text: say(page.lang, key, arguments) });
    };
    for step in &story.steps {
        let key = format!("desk-step-{}", step.kind.replace('_', "-"));
        let what = if page.lang.has(&key) { page.t(&key) } else { step.kind.clone() };
        tell(
            step.at,
            if step.detail.is_empty() { "desk-explain-step-bare" } else { "desk-explain-step" },
            &[("what", what), ("detail", step.detail.clone())],
        );
    }
    for event in &story.events {
        tell(
            event.received_at,
            "desk-explain-event",
            &[("event", event.event_type.clone()), ("id", event.id.clone()), ("outcome", event.outcome.clone())],
        );
    }
    for given in &story.receipts {
        let day = page.date(given.says.gift_on);
        tell(
            given.receipt.issued_at,
            "desk-explain-receipt",
            &[("code", given.receipt.code.clone()), ("amount", page.money(given.says.amount)), ("day", day)],
        );
    }
    for written in &story.letters {
        let letter = &written.letter;
        tell(letter.created_at, "desk-explain-letter", &[("subject", letter.subject.clone())]);
        for attempt in &written.attempts {
            let key = format!("desk-letter-state-{}", attempt.state);
            let state = if page.lang.has(&key) { page.t(&key) } else { attempt.state.to_string() };
            let code = attempt.smtp_code.map(|code| code.to_string()).unwrap_or_default();
            tell(attempt.at, "desk-explain-letter-tried", &[("subject", letter.subject.clone()), ("state", state), ("code", code)]);
        }
    }
    for entry in story.ledger.iter().filter(|entry| entry.head.kind == MovementKind::Reversal) {
        tell(entry.head.occurred_at, "desk-explain-reversal", &[("entry", entry.head.id.to_string())]);
    }
    tell_aftermath(page, &story.donation, after, &mut lines);
    lines.sort_by_key(|line| line.at);
    lines
}

fn tell_aftermath(page: &Page, gift: &donation::Model, after: &Aftermath, lines: &mut Vec<Line>) {
    let mut tell = |at: DateTime<Utc>, key: &str, arguments: &[(&'static str, String)]| {
        lines.push(Line { at, text: say(page.lang, key, arguments) });
    };
    for refund in &after.refunds {
        let amount = page.money(Money::new(refund.amount_minor, refund.currency));
        let who = if refund.asked_by.is_some() { "desk-explain-refund-asked" } else { "desk-explain-refund-at-stripe" };
        tell(refund.created_at, who, &[("amount", amount.clone()), ("reason", refund.reason.clone())]);
        let end = match refund.state {
            RefundState::Succeeded => "desk-explain-refund-succeeded",
            RefundState::Failed => "desk-explain-refund-failed",
            RefundState::Canceled => "desk-explain-refund-canceled",
            RefundState::Asked | RefundState::Pending => continue,
        };
        tell(refund.updated_at, end, &[("amount", amount), ("why", refund.failure.clone())]);
    }
    for dispute in &after.disputes {
        let amount = page.money(Money::new(dispute.amount_minor, dispute.currency));
        let opened = if dispute.outcome == DisputeOutcome::Inquiry { "desk-explain-inquiry" } else { "desk-explain-dispute" };
        let due = dispute.evidence_due_at.map(|due| page.day(due)).unwrap_or_default();
        tell(
            dispute.opened_at,
            opened,
            &[("amount", amount), ("id", dispute.stripe_dispute_id.clone()), ("reason", dispute.reason.clone()), ("due", due)],
        );
        let end = match dispute.outcome {
            DisputeOutcome::Won => "desk-explain-dispute-won",
            DisputeOutcome::Lost => "desk-explain-dispute-lost",
            DisputeOutcome::Inquiry | DisputeOutcome::Open => continue,
        };
        tell(dispute.closed_at.unwrap_or(dispute.updated_at), end, &[]);
    }
    for payout in &after.payouts {
        tell(
            payout.created_at,
            "desk-explain-payout",
            &[
                ("id", payout.stripe_payout_id.clone()),
                ("amount", page.money(Money::new(payout.amount_minor, payout.currency))),
                ("day", page.date(payout.arrives_on)),
                ("state", payout.state.to_string()),
            ],
        );
    }
    for period in &after.periods {
        // A period ends where the next one begins; people read its last day.
        let arguments = [("from", page.date(period.starts_on)), ("until", page.date(period.ends_on - Days::new(1)))];
        if let Some(closed_at) = period.closed_at {
            tell(closed_at, "desk-explain-period-closed", &arguments);
        }
    }
    if let Some(declared) = &after.declared {
        tell(declared.declared_at, "desk-explain-declared", &[]);
        if let Some(at) = declared.cancelled_at {
            tell(at, "desk-explain-declaration-cancelled", &[]);
        }
    }
    for (line, claim) in &after.claimed {
        let amount = page.money(Money::new(line.amount_minor, gift.currency));
        tell(claim.made_at, "desk-explain-claimed", &[("amount", amount), ("state", claim.state.to_string())]);
    }
    for statement in &after.statements {
        let arguments = [("code", statement.code.clone()), ("state", statement.status.to_string())];
        tell(statement.issued_at, "desk-explain-statement", &arguments);
    }
}

/// What the supporter's own page tells: days and amounts, nobody's name and no address.
pub async fn for_supporter(app: &App, page: &Page, donation: &donation::Model) -> Result<Vec<Line>, Error> {
    let (db, id) = (app.db.read(), donation.id);
    let mut lines = Vec::new();
    let mut tell = |at: DateTime<Utc>, key: &str, arguments: &[(&'static str, String)]| {
        lines.push(Line { at, text: say(page.lang, key, arguments) });
    };
    if donation.source != entity::words::DonationSource::Imported {
        tell(donation.created_at, "donations-story-begun", &[]);
    }
    if let Some(at) = donation.paid_at {
        tell(at, "donations-story-paid", &[]);
    }
    if let (Some(at), Some(matching::Told::Confirmed(money))) = (donation.paid_at, matching::told(db, donation, app.now()).await?) {
        tell(at, "donations-story-match", &[("match", page.money(money))]);
    }
    for receipt in receipts_of(db, id).await? {
        let key = if receipt.status == ReceiptStatus::Issued { "donations-story-receipt" } else { "donations-story-receipt-void" };
        tell(receipt.issued_at, key, &[("code", receipt.code)]);
    }
    let sent = letter::Entity::find()
        .filter(letter::Column::DonationId.eq(id))
        .filter(letter::Column::Kind.eq(LetterKind::Receipt))
        .filter(letter::Column::SentAt.is_not_null());
    for letter in sent.order_by_asc(letter::Column::SentAt).limit(ROWS_MAX).all(db).await? {
        tell(letter.sent_at.unwrap_or(letter.created_at), "donations-story-sent", &[]);
    }
    let back = refund::Entity::find().filter(refund::Column::DonationId.eq(id)).filter(refund::Column::State.eq(RefundState::Succeeded));
    for refund in back.limit(ROWS_MAX).all(db).await? {
        tell(refund.updated_at, "donations-story-refunded", &[("amount", page.money(Money::new(refund.amount_minor, refund.currency)))]);
    }
    let lost = dispute::Entity::find().filter(dispute::Column::DonationId.eq(id)).filter(dispute::Column::Outcome.eq(DisputeOutcome::Lost));
    for dispute in lost.limit(ROWS_MAX).all(db).await? {
        let amount = page.money(Money::new(dispute.amount_minor, dispute.currency));
        tell(dispute.closed_at.unwrap_or(dispute.updated_at), "donations-story-lost", &[("amount", amount)]);
    }
    for (head, _) in crate::ledger::entries_of_donation(db, id).await?.into_iter().filter(|(head, _)| head.kind == MovementKind::Reversal) {
        tell(head.occurred_at, "donations-story-reversed", &[]);
    }
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

async fn receipts_of(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<receipt::Model>, Error> {
    crate::receipts::store::find_by_donation(db, id).await
}
