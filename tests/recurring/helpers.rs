//! What the tests of recurring gifts share.

pub use crate::donations::helpers::{GOOD_CARD, all_jobs, balance, count, deliver, deliver_all, donations, everything, fill, session_of};
use crate::support::TestApp;
use chrono::TimeDelta;
use entity::{letter, recurring_donation, recurring_step, words::LetterKind};
use sea_orm::{EntityTrait, QueryOrder};
use wellwisher::{donations::reconcile::LOOK_BACK, payments::standin::PayOutcome, recurring, worker};

/// A card that pays at the checkout and fails later.
pub const FAILING: &str = "4000000000000341";

/// Does all jobs that are due, as the worker does.
pub async fn work(app: &TestApp) {
    while worker::work_once(&app.app).await.expect("jobs are done") > 0 {}
}

/// A form for a monthly gift that was sent; the session it leads to.
pub async fn open(app: &TestApp, frequency: &str) -> String {
    let answer = fill(app, "").await.with("frequency", frequency).send(app).await;
    session_of(app, &answer)
}

/// A gift that was begun with this card; its events wait.
pub async fn begin_unheard(app: &TestApp, frequency: &str, card: &str) -> String {
    let session = open(app, frequency).await;
    assert_eq!(app.stripe.standin.pay(&session, card), PayOutcome::Paid);
    app.stripe.standin.subscriptions().remove(0)
}

/// A gift that was begun, and heard of.
pub async fn begin(app: &TestApp, frequency: &str, card: &str) -> String {
    let subscription = begin_unheard(app, frequency, card).await;
    hear(app).await;
    subscription
}

/// Everything that Stripe has to tell is delivered and acted on.
pub async fn hear(app: &TestApp) {
    deliver_all(app).await;
    work(app).await;
}

/// Days go by; Stripe does what is due.
pub async fn wait(app: &TestApp, days: i64) {
    app.app.clock.advance(TimeDelta::days(days));
    app.stripe.standin.catch_up();
}

/// All recurring gifts, oldest first.
pub async fn gifts(app: &TestApp) -> Vec<recurring_donation::Model> {
    let all = recurring_donation::Entity::find().order_by_asc(recurring_donation::Column::Id);
    all.all(app.app.db.read()).await.expect("gifts are read")
}

/// The only recurring gift.
pub async fn the_gift(app: &TestApp) -> recurring_donation::Model {
    let mut all = gifts(app).await;
    assert_eq!(all.len(), 1, "one recurring gift");
    all.remove(0)
}

/// The kinds of the steps of all stories, in order.
pub async fn steps(app: &TestApp) -> Vec<String> {
    let all = recurring_step::Entity::find().order_by_asc(recurring_step::Column::Id);
    all.all(app.app.db.read()).await.expect("steps are read").into_iter().map(|step| step.kind).collect()
}

/// The letters of a kind.
pub async fn letters(app: &TestApp, kind: LetterKind) -> Vec<letter::Model> {
    let all = letter::Entity::find().order_by_asc(letter::Column::CreatedAt).order_by_asc(letter::Column::Id);
    all.all(app.app.db.read()).await.expect("letters are read").into_iter().filter(|letter| letter.kind == kind).collect()
}

/// What the schedule does to find what was missed.
pub async fn reconcile(app: &TestApp) -> recurring::reconcile::Report {
    let since = app.app.now() - LOOK_BACK;
    wellwisher::donations::reconcile::reconcile(&app.app, since, |_, _| {}).await.expect("Stripe answers");
    work(app).await;
    recurring::reconcile::reconcile(&app.app, since, true).await.expect("Stripe answers")
}
