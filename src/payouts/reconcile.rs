//! Asks Stripe what we missed, from the sessions to the payouts. Doing it again writes nothing.

use super::{
    differences::{self, Found},
    follow::{self, Followed},
    held,
    lists::{self, Unlisted},
    movements::{self, TakenIn},
    returned::{self, Returned},
    store,
};
use crate::{app::App, donations, error::Error, payments::BalanceQuery, staff::outcomes};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{donation, stripe_event, words::DonationSource};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

pub use super::keeping::reconcile_and_keep;

/// The name under which the last run is kept.
pub const OUTCOME: &str = "reconcile";

/// How far runs overlap: what Stripe books late is found by the next.
pub const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The checkouts.
    pub sessions: donations::reconcile::Report,
    /// The refunds and disputes.
    pub returned: Returned,
    /// The movements of the balance.
    pub movements: TakenIn,
    /// The payouts.
    pub payouts: Followed,
    /// How many movements wait to be mapped by a person.
    pub unmapped: u64,
    /// How many movements lie in a balance that is not known, which keeps every period open.
    pub in_unknown_balances: usize,
    /// Which lists Stripe did not give.
    pub unlisted: Vec<Unlisted>,
}

impl Report {
    /// Whether nothing waits for a person.
    pub fn is_clean(&self) -> bool {
        let sessions = &self.sessions;
        sessions.refused == 0
            && sessions.unknown.is_empty()
            && sessions.failed.is_empty()
            && self.returned.refused.is_empty()
            && self.returned.failed.is_empty()
            && self.movements.not_posted.is_empty()
            && self.movements.unread == 0
            && self.unmapped == 0
            && self.in_unknown_balances == 0
            && self.unlisted.is_empty()
    }

    /// Whether everything was asked for and answered: what Stripe holds besides may stay untold.
    pub fn came_through(&self) -> bool {
        came_through(&self.unlisted)
    }
}

fn came_through(unlisted: &[Unlisted]) -> bool {
    unlisted.iter().all(|one| one.list == lists::BALANCE)
}

/// The names under which is kept since when the balance, and the payouts with it, are known without a gap, and until when they are where later
/// runs have not come through: each for itself, so that a list that is refused keeps no other from going on.
const MARKS: [&str; 2] = ["balance_read", "payouts_read"];

/// When the last run that came through began, overlapping it; none where none did.
type Missed = Option<DateTime<Utc>>;

/// Since when what a mark stands for is read: as asked, and from where it was last given; but from before our first gift at Stripe on until
/// that has come through once, so that the books begin whole also when the first run was cut off in the middle, and when older gifts of the
/// account are imported later.
async fn marked_since(app: &App, mark: &str, missed: Missed, since: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    use donation::Column as C;
    let db = app.db.read();
    let at_stripe =
        Condition::any().add(C::Source.is_in([DonationSource::Checkout, DonationSource::Recurring])).add(C::ChargeId.is_not_null());
    let first = donation::Entity::find().filter(at_stripe).order_by_asc(C::CreatedAt).limit(1).one(db).await?;
    let first = first.map(|first| first.created_at - OVERLAP);
    let known = outcomes::last(db, mark).await?;
    // A mark of a clock that ran ahead stands for nothing.
    let known = known.filter(|known| known.ended_at <= app.now() && first.is_none_or(|first| known.began_at <= first));
    let known = known.map(|known| known.ended_at - OVERLAP);
    Ok(match known {
        Some(until) => missed.map_or(until, |missed| missed.max(until)).min(since),
        None => first.into_iter().chain([missed.unwrap_or(app.now() - LOOK_BACK_MOST), since]).min().unwrap_or(since),
    })
}

/// Compares everything at Stripe since `since` with what is here, and brings us up to date. `progress` hears how many checkouts of how
/// many are done.
pub async fn reconcile(app: &App, since: DateTime<Utc>, progress: impl Fn(u64, u64)) -> Result<Report, Error> {
    reconcile_what_was_missed(app, Some(since), since, progress).await
}

/// The same, and what was missed since a run came through; where none did, of [`LOOK_BACK_MOST`].
pub(super) async fn reconcile_what_was_missed(
    app: &App,
    missed: Missed,
    since: DateTime<Utc>,
    progress: impl Fn(u64, u64),
) -> Result<Report, Error> {
    let began = app.now();
    let listed_since = missed.unwrap_or(began - LOOK_BACK_MOST).min(since);
    let sessions = donations::reconcile::reconcile(app, listed_since, progress).await?;
    write_down(app, &sessions).await?;
    write_down_events(app).await?;
    let returned = returned::look_for(app, listed_since).await?;
    let [balance_since, payouts_since] =
        [marked_since(app, MARKS[0], missed, since).await?, marked_since(app, MARKS[1], missed, since).await?];
    let mut unlisted: Vec<Unlisted> = sessions.unlisted.iter().map(|failure| Unlisted::new(lists::CHECKOUTS, failure)).collect();
    unlisted.extend(returned.unlisted.iter().cloned());
    let mut movements = TakenIn { unlisted, ..TakenIn::default() };
    let held = held::ask(app, &mut movements.unlisted).await?;
    movements::take_in_all(app, BalanceQuery::Since(balance_since), None, &mut movements).await?;
    let unpaid = store::of_unpaid_gifts(app.db.read(), ROUND).await?;
    movements::ask_for_missing(app, &unpaid, &mut movements).await?;
    let payouts = follow::follow_all(app, payouts_since, &mut movements).await?;
    let unlisted = std::mem::take(&mut movements.unlisted);
    let is_given = |list| unlisted.iter().all(|one| one.list != list);
    let has_all_movements = is_given(lists::MOVEMENTS);
    for (mark, from, list) in [(MARKS[0], balance_since, lists::MOVEMENTS), (MARKS[1], payouts_since, lists::PAYOUTS)] {
        // Of a payout not all is known either while movements are refused.
        if has_all_movements && is_given(list) {
            keep_mark(app, mark, (from, began), came_through(&unlisted)).await?;
        }
    }
    settle_what_is_over(app).await?;
    if has_all_movements && movements.unread == 0 {
        held::compare(app, held).await?;
    }
    let unmapped = store::count_unmapped(app.db.read()).await?;
    let in_unknown_balances = differences::open_of(app.db.read(), differences::UNKNOWN_BALANCE).await?.len();
    movements.not_posted.sort();
    movements.not_posted.dedup();
    lists::write_down(app, &lists::OF_RUN, &unlisted).await?;
    Ok(Report { sessions, returned, movements, payouts, unmapped, in_unknown_balances, unlisted })
}

/// How many movements of gifts that are not paid are looked at in one run.
const ROUND: u64 = 1_000;

/// Keeps that what a mark stands for was read from `from` to when the run began. Of a run that came through its beginning says the latter.
async fn keep_mark(app: &App, name: &str, (from, ended): (DateTime<Utc>, DateTime<Utc>), came_through: bool) -> Result<(), Error> {
    let known = outcomes::last(app.db.read(), name).await?;
    let began = known.as_ref().map_or(from, |known| known.began_at.min(from));
    if known.is_some_and(|known| known.began_at == began && known.ended_at <= app.now() && (came_through || known.ended_at >= ended)) {
        return Ok(());
    }
    let kept = outcomes::Kept { name, ok: true, summary: "read without a gap", report: "{}", began, ended };
    app.db.write(async |tx| outcomes::keep(tx, kept).await).await
}

/// Settles differences that have ended by themselves: movements that are posted by now, events that were acted on after all.
async fn settle_what_is_over(app: &App) -> Result<(), Error> {
    let (db, now) = (app.db.read(), app.now());
    let mut over: Vec<(&'static str, String, &str)> = Vec::new();
    let waiting = differences::open_of(db, differences::NOT_POSTED).await?;
    let ids: Vec<&str> = waiting.iter().map(|found| found.object_id.as_str()).collect();
    over.extend(store::posted(db, &ids).await?.into_iter().map(|id| (differences::NOT_POSTED, id, "It is posted.")));
    for found in differences::open_of(db, differences::EVENT).await? {
        let event = stripe_event::Entity::find_by_id(found.object_id.as_str()).one(db).await?;
        if event.is_some_and(|event| event.outcome != "waiting" && !event.outcome.starts_with("refused")) {
            over.push((differences::EVENT, found.object_id, "It was acted on."));
        }
    }
    for (kind, object, done) in over {
        app.db.write(async |tx| differences::settle(tx, kind, &object, done, now).await).await?;
    }
    Ok(())
}

/// How far back a run looks at most by itself.
pub(super) const LOOK_BACK_MOST: TimeDelta = TimeDelta::days(35);

async fn write_down(app: &App, sessions: &donations::reconcile::Report) -> Result<(), Error> {
    let unknown = "It names a donation that is not here. Was a backup restored, or does another installation use the account?";
    let (missed, mended) = (format!("Stripe knew more of it than we did on {}.", app.today()), Some("Brought up to date."));
    let caught_up: Vec<String> = sessions.caught_up.iter().map(ToString::to_string).collect();
    let mut all = Vec::new();
    all.extend(caught_up.iter().map(|object| Found { kind: differences::MISSED, object, detail: &missed, done: mended }));
    all.extend(sessions.unknown.iter().map(|object| Found { kind: differences::UNKNOWN_SESSION, object, detail: unknown, done: None }));
    let unreadable = "The log says why.";
    all.extend(sessions.failed.iter().map(|object| Found {
        kind: differences::UNREADABLE_SESSION,
        object,
        detail: unreadable,
        done: None,
    }));
    differences::note_all(app, &all).await
}

/// How long an event may wait before somebody is told.
const EVENT_WAITS_MOST: TimeDelta = TimeDelta::days(1);

/// How many events are looked at in one run.
const EVENTS_MAX: u64 = 1_000;

/// Writes down events that were refused or that nobody has acted on for long.
async fn write_down_events(app: &App) -> Result<(), Error> {
    use stripe_event::Column as C;
    let now = app.now();
    let late = Condition::all().add(C::Outcome.eq("waiting")).add(C::ReceivedAt.lt(now - EVENT_WAITS_MOST));
    let odd = stripe_event::Entity::find()
        .filter(Condition::any().add(C::Outcome.starts_with("refused")).add(late))
        .filter(C::ReceivedAt.gte(now - LOOK_BACK_MOST))
        .order_by_asc(C::ReceivedAt)
        .limit(EVENTS_MAX)
        .all(app.db.read())
        .await?;
    if odd.is_empty() {
        return Ok(());
    }
    app.db
        .write(async |tx| {
            for event in &odd {
                let detail = format!("{} about {}: {}", event.event_type, event.object_id, event.outcome);
                let found = Found { kind: differences::EVENT, object: &event.id, detail: &detail, done: None };
                differences::note(tx, found, now).await?;
            }
            Ok(())
        })
        .await
}
