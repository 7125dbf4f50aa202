//! The audit trail: written with the change or not at all, never edited, and found out when it was.

use crate::support::{TestApp, on_both_databases};
use axum::http::StatusCode;
use entity::{audit_entry, words::Role};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder};
use serde_json::json;
use wellwisher::{
    error::Error,
    staff::{Actor, audit},
};

async fn record(app: &TestApp, number: i64) {
    app.app
        .db
        .write(async |tx| {
            audit::record(tx, app.app.now(), &Actor::system(), "test.count", "number", &number.to_string(), json!({"n": number})).await
        })
        .await
        .unwrap();
}

/// Does what the database forbids, as somebody with the file or the superuser's rights could.
async fn tamper(app: &TestApp, sql: &str) {
    let db = sea_orm::Database::connect(&app.database.url).await.unwrap();
    for operation in ["update", "delete"] {
        let name = format!("audit_entry_refuses_{operation}");
        let drop = if app.database.is_postgres() { format!("drop trigger {name} on audit_entry") } else { format!("drop trigger {name}") };
        let _ = db.execute_unprepared(&drop).await;
    }
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

async fn ids(app: &TestApp) -> Vec<i64> {
    let entries = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).all(app.app.db.read()).await.unwrap();
    entries.into_iter().map(|entry| entry.id).collect()
}

on_both_databases! {
    async fn the_database_refuses_to_change_or_delete_an_entry(app: TestApp) {
        record(&app, 1).await;
        for sql in ["update audit_entry set action = 'nothing'", "delete from audit_entry"] {
            let result = app.app.db.write(async |tx| tx.execute_unprepared(sql).await.map(|_| ()).map_err(Error::from)).await;
            let refused = format!("{:?}", result.unwrap_err());
            assert!(refused.contains("audit_entry refuses"), "{refused}");
        }
        assert_eq!(audit_entry::Entity::find().count(app.app.db.read()).await.unwrap(), 1);
    }

    async fn an_entry_goes_with_its_change_or_not_at_all(app: TestApp) {
        let failed: Result<(), Error> = app
            .app
            .db
            .write(async |tx| {
                audit::record(tx, app.app.now(), &Actor::system(), "test.count", "number", "1", json!({})).await?;
                Err(Error::Conflict("the change did not work".to_owned()))
            })
            .await;
        assert!(failed.is_err());
        assert!(ids(&app).await.is_empty());
        record(&app, 2).await;
        assert_eq!(audit::verify_chain(&app.app.db).await.unwrap().broken, None);
    }

    async fn a_whole_chain_holds_also_when_many_write_at_once(app: TestApp) {
        let empty = audit::verify_chain(&app.app.db).await.unwrap();
        assert_eq!((empty.entries, empty.broken), (0, None));
        futures_util::future::join_all((0..24).map(|number| record(&app, number))).await;
        let chain = audit::verify_chain(&app.app.db).await.unwrap();
        assert_eq!((chain.entries, chain.broken), (24, None));
        assert_eq!(chain.head.len(), 64);
    }

    async fn a_changed_entry_is_found(app: TestApp) {
        for number in 0..5 {
            record(&app, number).await;
        }
        let ids = ids(&app).await;
        for (column, place) in [("detail", 3), ("actor", 2), ("object_id", 1)] {
            tamper(&app, &format!("update audit_entry set {column} = '{{\"n\":9}}' where id = {}", ids[place])).await;
            let broken = audit::verify_chain(&app.app.db).await.unwrap().broken.unwrap();
            assert_eq!(broken.entry, ids[place], "{column}: {}", broken.why);
        }
    }

    async fn an_entry_taken_out_is_found_at_the_one_after_it(app: TestApp) {
        for number in 0..5 {
            record(&app, number).await;
        }
        let ids = ids(&app).await;
        tamper(&app, &format!("delete from audit_entry where id = {}", ids[2])).await;
        let chain = audit::verify_chain(&app.app.db).await.unwrap();
        assert_eq!(chain.broken.unwrap().entry, ids[3]);
        app.sign_in_as(Role::Admin).await;
        let page = app.get("/desk/audit/check").await;
        assert!(page.texts("[role=alert] h2").concat().contains("The trail was changed at entry"), "{}", page.body);
    }

    async fn every_change_of_staff_is_in_the_trail(app: TestApp) {
        let admin = app.sign_in_as(Role::Admin).await;
        let editor = app.add_person(Role::Editor).await;
        app.post("/desk/staff/invites", &[("email", "colleague@newsroom.example"), ("role", "editor")]).await;
        app.post(&format!("/desk/staff/{}/role", editor.id), &[("role", "finance")]).await;
        app.post(&format!("/desk/staff/{}/disable", editor.id), &[]).await;
        app.post(&format!("/desk/staff/{}/enable", editor.id), &[]).await;
        app.post(&format!("/desk/staff/{}/reset", editor.id), &[]).await;
        let entries = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).all(app.app.db.read()).await.unwrap();
        let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
        let expected = [
            "staff.create", "staff.sign-in", "staff.create", "staff.invite", "staff.role", "staff.disable", "staff.enable", "staff.reset-link",
        ];
        assert_eq!(actions, expected);
        assert!(entries[3..].iter().all(|entry| entry.staff_id == Some(admin.id) && entry.actor == "The admin"));
        assert_eq!(entries[4].detail, r#"{"from":"editor","to":"finance"}"#);
        let text = format!("{entries:?}");
        assert!(!text.contains("colleague@") && !text.contains(&editor.email), "no addresses in what can never be deleted");
        let page = app.get("/desk/audit/check").await;
        assert!(page.texts("p.done").concat().contains("all are as they were written"), "{}", page.body);
    }

    async fn the_trail_is_filtered_by_its_address_and_shown_fifty_at_a_time(app: TestApp) {
        for number in 0..60 {
            record(&app, number).await;
        }
        let admin = app.sign_in_as(Role::Admin).await;
        let first = app.get("/desk/audit?action=test").await;
        assert_eq!(first.texts("tbody tr").len(), 50);
        let next = first.attribute("a[rel=next]", "href").unwrap();
        assert!(next.contains("action=test"), "the next page keeps the filter: {next}");
        let second = app.get(&next).await;
        assert_eq!(second.texts("tbody tr").len(), 10);
        assert!(second.attribute("a[rel=next]", "href").is_none());
        let rows = async |query: &str| app.get(&format!("/desk/audit?{query}")).await.texts("tbody tr").len();
        assert_eq!(rows("kind=number&object=7").await, 1);
        assert_eq!(rows(&format!("person={}", admin.id)).await, 1, "her sign-in");
        assert_eq!(rows("from=2026-05-01&to=2026-05-01&kind=number&action=test.count&object=7&person=").await, 1);
        assert_eq!(rows("from=2026-05-02").await, 0);
        assert_eq!(rows("to=2026-04-30").await, 0);
        let none = app.get("/desk/audit?kind=nothing").await;
        assert!(none.texts("main p").concat().contains("Take a part of the filter away"));
        assert_eq!(app.get("/desk/audit?from=yesterday").await.status, StatusCode::BAD_REQUEST);
        assert_eq!(app.get("/desk/audit?person=x").await.status, StatusCode::BAD_REQUEST);
        assert_eq!(app.get("/desk/audit?after=x").await.status, StatusCode::BAD_REQUEST);
    }
}
