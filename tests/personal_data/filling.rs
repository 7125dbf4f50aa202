//! One person in every table that knows people, with the mark in every column that can hold words, beside somebody else who gives to the same.

use super::{ADDRESS, MARK};
use crate::support::{TestApp, gift, hand_gift};
use entity::{
    donation,
    ids::{CampaignId, DonationId, SupporterId, WishItemId},
    letter,
    words::{CancelReason, DonationStatus, GiftAidScope, GiftInterval, LetterKind, Role},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};
use serde_json::json;
use std::collections::BTreeSet;
use wellwisher::{
    asks::{Declared, Gift, Particulars},
    attachments::{self, Place, Thing},
    donations::{
        self,
        by_hand::{self, transfers},
    },
    mail::topic::Topic,
    matching::pots,
    privacy::{self, inventory},
    promises,
    receipts::annual,
    recurring,
    staff::{Actor, audit},
    updates::state::Verb,
    wishes::orders,
    worker,
};

/// Columns of hers that have no mark, and why: nobody can write her name, her address or words about her into them. What is in neither of these lists
/// must have the mark, so a new column is thought of.
const WITHOUT_MARK: &[(&str, &str)] = &[
    (
        "a word of a list that is ours, Stripe's or a mail server's",
        "supporter.language donation.status donation.language donation.currency donation.restriction donation.source donation.method \
         donation_step.kind refund.currency refund.state refund.failure dispute.currency dispute.reason dispute.stripe_status dispute.outcome \
         receipt.status receipt.currency receipt.profile receipt.language statement.status statement.status_reason statement.profile \
         statement.language recurring_donation.status recurring_donation.every recurring_donation.currency recurring_donation.language \
         recurring_donation.restriction recurring_donation.end_reason recurring_donation.asked_end recurring_step.kind recurring_step.actor \
         letter.kind letter.language letter.state letter.last_stage letter.stream letter.topic letter_attempt.stage letter_attempt.state \
         bounce.via bounce.severity bounce.status subscription.topic subscription.language subscription.wording_version \
         subscription.ended_by suppression.topic suppression.reason wish_order.state wish_order.language wish_reservation.state \
         wish_step.kind promise_choice.currency promise_choice.way promise_choice.chosen_by match_hold.state match_step.kind \
         checkout_ending.reason checkout_ending.outcome gift_aid_declaration.scope gift_aid_declaration.wording_version \
         gift_aid_declaration.made ledger_transaction.kind balance_movement.category balance_movement.kind balance_movement.currency \
         balance_movement.mapped_to balance_movement.balance stripe_event.event_type stripe_event.api_version stripe_event.outcome \
         address_change.asked_by address_change.ended_why audit_entry.action audit_entry.object_kind",
    ),
    (
        "the code of a fund, which the organisation gives",
        "donation.fund_code donation.gl_income donation.gl_fee recurring_donation.fund_code",
    ),
    (
        "an id of ours or of Stripe's, or made of such",
        "donation.checkout_session_id donation.payment_intent_id donation.charge_id donation.invoice_id refund.stripe_refund_id \
         dispute.stripe_dispute_id recurring_donation.subscription_id recurring_donation.customer_id recurring_donation.item_id \
         recurring_donation.product_id recurring_step.detail letter.dedupe_key letter.message_id news_ask.letter_key \
         promise_choice.source promise_choice.refund_key ledger_transaction.source ledger_transaction.stripe_balance_transaction \
         balance_movement.id balance_movement.source_id balance_movement.payout_id stripe_event.id stripe_event.object_id \
         audit_entry.object_id",
    ),
    (
        "chance, a hash, or an address at Stripe's checkout that ends with its id",
        "donation.token_hash donation.form_token donation.request_hash donation.idempotency_key donation.checkout_url \
         refund.idempotency_key receipt.code statement.code bounce.address_hash subscription.address_hash subscription.token_hash \
         suppression.address_hash portal_link.token_hash portal_session.token_hash wish_order.form_token promise_choice.token_hash \
         address_change.old_token_hash address_change.new_token_hash audit_entry.previous_hash audit_entry.hash",
    ),
];

fn hers(minor: i64) -> Gift {
    Gift {
        name: format!("Zala {MARK}"),
        email: ADDRESS.to_owned(),
        note: format!("a note of {MARK}"),
        wants_updates: true,
        particulars: Particulars {
            address: format!("7 {MARK} Row, Port Alder"),
            gift_aid: Some(Declared {
                title: MARK.to_owned(),
                first_name: format!("Zala{MARK}"),
                last_name: format!("Wells{MARK}"),
                house: format!("7{MARK}"),
                postcode: MARK.to_owned(),
                scope: GiftAidScope::This,
                wording: format!("as {MARK} agreed"),
            }),
        },
        ..gift(minor, "GBP")
    }
}

/// Somebody of the staff whose name has the mark as well: who did what with a gift is not for the public either.
fn staff() -> Actor {
    Actor { staff_id: None, name: format!("Staff {MARK}") }
}

async fn work_off(app: &TestApp) {
    while worker::work_once(&app.app).await.unwrap() > 0 {}
}

/// What one can give to.
struct Newsroom {
    campaign: entity::campaign::Model,
    item: WishItemId,
    linked: WishItemId,
    article: entity::article::Model,
}

async fn make_newsroom(app: &TestApp) -> Newsroom {
    let campaign = app.campaign("Schools").await;
    let item = app.item("School bag", Some(campaign.id), |raw| raw.currency = "GBP".into()).await.id;
    let linked = app.item("A stove", None, |raw| (raw.kind, raw.shop_url) = ("link".into(), "https://shop.example/stove".into())).await.id;
    let category = app.category("Women").await;
    let article = app.article("a-school", |row| row.category_id = Some(category)).await;
    for thing in [Thing::Campaign(campaign.id), Thing::Item(item)] {
        attachments::attach(&app.app, &staff(), thing, Place::Everywhere, None).await.unwrap();
    }
    Newsroom { campaign, item, linked, article }
}

/// One person in every table that knows people, beside somebody else who gives to the same and gets the same news.
pub async fn fill(app: &TestApp) {
    let newsroom = make_newsroom(app).await;
    let Newsroom { campaign, item, linked, article } = &newsroom;
    app.add_person(Role::Finance).await;
    let to_campaign =
        |gift: Gift| Gift { campaign_id: Some(campaign.id), fund_id: Some(campaign.fund_id), article_id: Some(article.id), ..gift };
    let to_item = |gift: Gift| Gift { item: Some((*item, 1)), ..to_campaign(gift) };
    app.give(&to_campaign(hers(2_500))).await;
    app.give(&to_item(hers(2_500))).await;
    app.give(&to_item(gift(2_500, "GBP"))).await;
    let monthly =
        app.start(&to_campaign(Gift { every: Some(GiftInterval::Month), particulars: Particulars::default(), ..hers(1_000) })).await;
    app.pay_unheard(&monthly);
    app.settle(&monthly).await;
    app.start(&to_campaign(hers(4_000))).await;
    let disputed = app.start(&to_campaign(hers(3_000))).await;
    app.stripe.standin.pay(disputed.checkout_session_id.as_deref().unwrap(), "4000000000000259");
    donations::refresh(&app.app, disputed.id).await.unwrap();
    give_on_paper(app).await;
    transfers::announce(&app.app, &Gift { particulars: Particulars::default(), ..hers(2_000) }).await.unwrap();
    let order = orders::Order { form_token: "an-order".to_owned(), quantity: 1, email: ADDRESS.to_owned() };
    assert_eq!(orders::tell(&app.app, *linked, &order, "en").await.unwrap(), orders::Told::Held);
    promises::declare(&app.app, &staff(), *item, CancelReason::Danger, &format!("note {MARK}")).await.unwrap();
    work_off(app).await;
    recurring::refresh(&app.app, monthly.recurring_donation_id.unwrap(), &recurring::By::Stripe).await.unwrap();
    match_her_gift(app, &to_campaign(hers(2_500))).await;
    work_off(app).await;
    app.post("/me/link", &[("email", ADDRESS)]).await;
    app.forget_cookies();
    state_her_year(app).await;
    write_about_her(app, *item).await;
    send_news(app, campaign.id).await;
}

/// Two gifts by hand, one of them taken back with a reason that stands on its receipt.
async fn give_on_paper(app: &TestApp) {
    for minor in [1_500, 1_600] {
        let mut by_hand = hand_gift(app, minor, "GBP");
        (by_hand.email, by_hand.name) = (Some(ADDRESS.to_owned()), format!("Zala {MARK}"));
        (by_hand.address, by_hand.note, by_hand.reference) = (format!("7 {MARK} Row"), format!("note {MARK}"), format!("ref {MARK}"));
        let entered = app.enter(&by_hand).await;
        if minor == 1_600 {
            by_hand::reverse(&app.app, &staff(), entered.id, &format!("{MARK} wrote the wrong sum")).await.unwrap();
        }
    }
}

/// A pot that her gift for the campaign counts as a payment of.
async fn match_her_gift(app: &TestApp, gift: &Gift) {
    let paid = app
        .give(&Gift { money: entity::Money::new(2_500, "EUR".parse().unwrap()), particulars: Particulars::default(), ..gift.clone() })
        .await;
    let pot = crate::matching::open_pot(app, gift.campaign_id.unwrap(), |_| {}).await;
    pots::apply(&app.app, &staff(), pot.id, pots::Verb::Pause, &format!("{MARK} asked for it")).await.unwrap();
    pots::link(&app.app, &staff(), pot.id, paid.id).await.unwrap();
}

/// Her annual statement, made in the year after; then it is again the day that it was.
async fn state_her_year(app: &TestApp) {
    let today = app.app.now();
    app.app.clock.set("2027-02-01T12:00:00Z".parse().unwrap());
    let year = annual::year_to_state(&app.app, 2026).unwrap();
    annual::run(&app.app, &staff(), &year, false, |_, _| {}).await.unwrap();
    crate::updates::deliver(app).await;
    app.app.clock.set(today);
}

/// News of the campaign, to her and to somebody else, sent and as they left.
async fn send_news(app: &TestApp, campaign: CampaignId) {
    let her = privacy::find_by_address(app.app.db.read(), ADDRESS).await.unwrap().expect("she is known");
    crate::updates::asks_for_news(app, her.id, Topic::Updates).await;
    crate::updates::subscriber(app, "somebody-else@example.org", Topic::Campaign(campaign), "en").await;
    let update = crate::updates::draft(app, &format!("campaign:{campaign}"), |_| {}).await;
    crate::updates::begin(app, &update).await;
    work_off(app).await;
    crate::updates::deliver(app).await;
    let on_page = crate::updates::draft(app, &format!("campaign:{campaign}"), |raw| raw.title_en = "Not mailed".into()).await;
    crate::updates::tell(app, &on_page, Verb::Publish).await;
}

/// What no verb of these tests writes is written as other parts of the program write it.
async fn write_about_her(app: &TestApp, item: WishItemId) {
    let db = app.app.db.read();
    let is_postgres = app.app.db.is_postgres();
    let hex = |id: uuid::Uuid| if is_postgres { format!("'{id}'") } else { format!("x'{}'", id.simple()) };
    let new = || hex(app.app.new_id::<SupporterId>().0);
    let her = privacy::find_by_address(db, ADDRESS).await.unwrap().expect("she is known");
    let mut of_her = donation::Entity::find().filter(donation::Column::SupporterId.eq(her.id)).all(db).await.unwrap();
    of_her.retain(|gift| gift.status == DonationStatus::Paid && gift.currency.code() == "GBP" && gift.recurring_donation_id.is_none());
    let gift: DonationId = of_her.iter().find(|gift| gift.checkout_session_id.is_some()).expect("a paid gift").id;
    let receipt = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::Receipt)).filter(letter::Column::DonationId.eq(gift));
    let receipt = receipt.one(db).await.unwrap().expect("her receipt");
    let (gift, letter, who, item, claim) = (hex(gift.0), hex(receipt.id.0), hex(her.id.0), hex(item.0), new());
    let hash = app.app.outbox.address_key().hash(ADDRESS);
    let at = "'2026-04-05T10:00:00+00:00'";
    for sql in [
        format!("insert into donation_step (donation_id, at, kind, detail) values ({gift}, {at}, 'transfer_matched', '{MARK} RF18')"),
        format!("update recurring_donation set end_note = '{MARK} lost her work'"),
        format!("update letter set last_reply = '250 ok <{ADDRESS}>', subject = 'For {MARK}' where id = {letter}"),
        format!("insert into letter_attempt (letter_id, at, stage, state, smtp_code, reply) values ({letter}, {at}, 'done', 'bounced', null, '5.1.1 <{ADDRESS}>')"),
        format!("insert into bounce (letter_id, via, severity, status, diagnostic, address_hash, at) values ({letter}, 'report', 'soft', '4.2.2', '{MARK}: full', '{hash}', {at})"),
        format!("insert into subscription (id, supporter_id, address_hash, topic, language, wording, wording_version, token_hash, requested_at, expires_at, confirmed_at, ended_at, ended_by)
            values ({}, {who}, '{hash}', 'updates', 'en', 'Yes, write to {MARK}', 'v', 'a hash', {at}, {at}, {at}, {at}, 'supporter')", new()),
        format!("insert into suppression (id, address_hash, topic, reason, note, made_by, made_at, renewed_at, lifted_by, lifted_at, lift_note)
            values ({}, '{hash}', 'updates', 'staff', '{MARK} called', 'Staff {MARK}', {at}, {at}, 'Staff {MARK}', {at}, '{MARK} called again')", new()),
        format!("insert into wish_step (wish_item_id, at, kind, quantity, donation_id, actor, note)
            values ({item}, {at}, 'reserved', 1, {gift}, 'Staff {MARK}', 'for {MARK}')"),
        // Who ordered is known by her id; rows of older versions have her address.
        format!("update wish_order set email = '{ADDRESS}'"),
        format!("update promise_choice set trouble = '{MARK} has no account'"),
        format!("insert into refund (id, donation_id, idempotency_key, amount_minor, currency, state, reason, failure, created_at, updated_at)
            values ({}, {gift}, 'a key', 1, 'GBP', 'failed', '{MARK} asked for it', '', {at}, {at})", new()),
        format!("update gift_aid_declaration set void_from = {at}, cancelled_at = {at}, cancel_reason = '{MARK} moved' where donation_id = {gift}"),
        format!("insert into gift_aid_claim (id, state, until_on, reference, made_at) values ({claim}, 'made', '2026-04-05', '', {at})"),
        format!("insert into gift_aid_line (claim_id, donation_id, amount_minor, schedule, locked) values ({claim}, {gift}, 100, '{MARK}', false)"),
        format!("insert into stripe_event (id, event_type, api_version, livemode, object_id, donation_id, payload, received_at, outcome, settled_at)
            values ('evt_old', 'charge.succeeded', '', false, 'ch_1', {gift}, '{{\"name\":\"{MARK}\"}}', {at}, 'applied', {at})"),
        format!("insert into address_change (id, supporter_id, asked_by, old_address, new_address, old_token_hash, new_token_hash, old_letter_id, asked_at, expires_at, ended_at, ended_why)
            values ({}, {who}, 'supporter', '{ADDRESS}', 'new.{ADDRESS}', 'o', 'n', {letter}, {at}, {at}, {at}, 'refused')", new()),
    ] {
        app.app.db.write(async |tx| Ok(tx.execute_unprepared(&sql).await.map(|_| ())?)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let now = app.app.now();
    let note = async |tx: &sea_orm::DatabaseTransaction| {
        audit::record(tx, now, &staff(), "supporter.note", "supporter", &her.id.to_string(), json!({ "about": MARK })).await
    };
    app.app.db.write(note).await.unwrap();
}

/// Whether a column is a time or a day, which SQLite keeps as text; PostgreSQL says it by the type.
fn is_time(column: &str) -> bool {
    column == "at" || ["_at", "_on", "_since", "_until", "_due", "_from"].iter().any(|end| column.ends_with(end))
}

/// The columns of hers that can hold words: `table.column`.
async fn columns_with_words(app: &TestApp) -> Vec<(&'static str, &'static str)> {
    let db = app.app.db.read();
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            "select m.name as t, p.name as c, p.type as kind from sqlite_master m join pragma_table_info(m.name) p where m.type = 'table'"
        }
        _ => {
            "select table_name::text as t, column_name::text as c, data_type::text as kind from information_schema.columns where table_schema = current_schema()"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    let mut with_words = BTreeSet::new();
    for row in rows {
        let [table, column, kind] = ["t", "c", "kind"].map(|name| row.try_get::<String>("", name).unwrap());
        if backend == DbBackend::Postgres {
            assert!(kind != "text" || inventory::table(&table).is_none() || !is_time(&column), "{table}.{column} is named as a time");
        }
        if kind.eq_ignore_ascii_case("text") && !is_time(&column) {
            with_words.insert((table, column));
        }
    }
    let all = inventory::HERS.iter().flat_map(|table| table.columns().map(move |column| (table.name, column)));
    all.filter(|(table, column)| with_words.contains(&((*table).to_owned(), (*column).to_owned()))).collect()
}

/// Every column of hers that can hold words has the mark, but for those that are named with a reason.
pub async fn assert_marked_everywhere(app: &TestApp) {
    let excepted: BTreeSet<String> = WITHOUT_MARK.iter().flat_map(|(_, columns)| columns.split_whitespace()).map(str::to_owned).collect();
    let db = app.app.db.read();
    let columns = columns_with_words(app).await;
    assert!(columns.len() > 150, "all columns: {}", columns.len());
    let mut unmarked = BTreeSet::new();
    for (table, column) in columns {
        let sql = format!("select count(*) as n from {table} where lower({column}) like '%{MARK}%'");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        if row.try_get::<i64>("", "n").unwrap() == 0 {
            unmarked.insert(format!("{table}.{column}"));
        }
    }
    let (forgotten, stale): (Vec<_>, Vec<_>) = (unmarked.difference(&excepted).collect(), excepted.difference(&unmarked).collect());
    assert!(
        forgotten.is_empty() && stale.is_empty(),
        "mark these columns in `fill`, or say in WITHOUT_MARK why nobody can write into them: {forgotten:?}. \
         These of WITHOUT_MARK have the mark, or are no columns of hers with words: {stale:?}"
    );
}
