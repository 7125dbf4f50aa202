//! Roles changed, access ended and opened, accounts recovered; and always an administrator left.

use crate::support::{PASSWORD, TestApp, TestDatabase, on_both_databases};
use axum::http::StatusCode;
use entity::{ids::StaffId, staff_member, words::Role};
use sea_orm::EntityTrait;
use wellwisher::{
    error::Error,
    staff::{self, Actor},
};

async fn member(app: &TestApp, id: StaffId) -> staff_member::Model {
    staff_member::Entity::find_by_id(id).one(app.app.db.read()).await.unwrap().unwrap()
}

on_both_databases! {
    async fn real_money_is_refused_while_the_demos_accounts_can_sign_in(app: TestApp) {
        app.add_person(Role::Admin).await;
        assert!(staff::refuse_demo_accounts(&app.app).await.is_ok());
        staff::add_demo_account(&app.app, Role::Admin, "Anselma Reed").await.unwrap();
        let refused = staff::refuse_demo_accounts(&app.app).await;
        assert!(matches!(refused, Err(Error::Invalid(why)) if why.contains("demo.example")));
    }

    async fn an_administrator_invites_changes_ends_and_opens(app: TestApp) {
        app.sign_in_as(Role::Admin).await;
        let page = app.post("/desk/staff/invites", &[("email", "colleague@newsroom.example"), ("role", "editor")]).await;
        let link = page.texts("div.done code").concat();
        assert!(link.starts_with("http://127.0.0.1:8080/desk/join/"), "{link}");
        assert!(!app.get("/desk/staff").await.body.contains(&link), "a link is shown once");
        let again = app.post("/desk/staff/invites", &[("email", "no address"), ("role", "editor")]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        let odd = app.post("/desk/staff/invites", &[("email", "x@newsroom.example"), ("role", "owner")]).await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
        let editor = app.add_person(Role::Editor).await;
        let known = app.post("/desk/staff/invites", &[("email", &editor.email), ("role", "admin")]).await;
        assert_eq!(known.status, StatusCode::UNPROCESSABLE_ENTITY);
        let role = format!("/desk/staff/{}/role", editor.id);
        assert_eq!(app.post(&role, &[("role", "finance")]).await.location(), "/desk/staff?done=saved");
        assert_eq!(member(&app, editor.id).await.role, Role::Finance);
        assert_eq!(app.post(&role, &[("role", "owner")]).await.status, StatusCode::BAD_REQUEST);
        app.post(&format!("/desk/staff/{}/disable", editor.id), &[]).await;
        assert!(member(&app, editor.id).await.disabled_at.is_some());
        assert!(app.get("/desk/staff").await.body.contains("Access ended on"));
        app.post(&format!("/desk/staff/{}/enable", editor.id), &[]).await;
        assert!(member(&app, editor.id).await.disabled_at.is_none());
    }

    async fn who_lost_her_role_or_access_is_out_at_once(app: TestApp) {
        let actor = Actor::system();
        let editor = app.sign_in_as(Role::Editor).await;
        staff::change_role(&app.app, &actor, editor.id, Role::Finance).await.unwrap();
        assert_eq!(app.get("/desk").await.location(), "/desk/sign-in");
        app.sign_in(&editor).await;
        staff::disable(&app.app, &actor, editor.id).await.unwrap();
        assert_eq!(app.get("/desk").await.location(), "/desk/sign-in");
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "as for somebody unknown");
        assert!(matches!(staff::reset_link(&app.app, &actor, &editor.email).await, Err(Error::Conflict(_))));
    }

    async fn the_last_administrator_stays(app: TestApp) {
        let (first, second) = (app.add_person(Role::Admin).await, app.add_person(Role::Admin).await);
        let actor = Actor::system();
        staff::disable(&app.app, &actor, first.id).await.unwrap();
        assert!(matches!(staff::disable(&app.app, &actor, second.id).await, Err(Error::Conflict(_))), "a disabled one does not count");
        assert!(matches!(staff::change_role(&app.app, &actor, second.id, Role::Editor).await, Err(Error::Conflict(_))));
        staff::enable(&app.app, &actor, first.id).await.unwrap();
        staff::change_role(&app.app, &actor, second.id, Role::Editor).await.unwrap();
        assert!(matches!(staff::change_role(&app.app, &actor, first.id, Role::Finance).await, Err(Error::Conflict(_))));
    }

    async fn two_administrators_who_end_each_others_access_at_once_leave_one(app: TestApp) {
        let (first, second) = (app.add_person(Role::Admin).await, app.add_person(Role::Admin).await);
        let by = |id: StaffId| Actor { staff_id: Some(id), name: "an admin".to_owned() };
        let (first_acts, second_acts) = (by(first.id), by(second.id));
        let (one, other) = futures_util::join!(
            staff::disable(&app.app, &first_acts, second.id),
            staff::disable(&app.app, &second_acts, first.id)
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }

    async fn nobody_changes_her_own_role_or_ends_her_own_access(app: TestApp) {
        app.add_person(Role::Admin).await;
        let admin = app.sign_in_as(Role::Admin).await;
        let answer = app.post(&format!("/desk/staff/{}/role", admin.id), &[("role", "editor")]).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(app.post(&format!("/desk/staff/{}/disable", admin.id), &[]).await.status, StatusCode::CONFLICT);
        assert_eq!(member(&app, admin.id).await.role, Role::Admin);
    }

    async fn a_lost_phone_is_helped_by_a_link_that_starts_anew(app: TestApp) {
        let editor = app.sign_in_as(Role::Editor).await;
        app.forget_cookies();
        app.sign_in_as(Role::Admin).await;
        let page = app.post(&format!("/desk/staff/{}/reset", editor.id), &[]).await;
        let link = page.texts("div.done code").concat();
        assert!(member(&app, editor.id).await.totp_secret.is_some(), "nothing ends before the link is used");
        app.forget_cookies();
        let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
        assert!(app.get(path).await.attribute("input#name", "name").is_none(), "her name stays");
        let answer = app.post(path, &[("password", "moss under the third stair")]).await;
        assert_eq!(answer.location(), "/desk/second-factor");
        let page = app.get("/desk/second-factor").await;
        let sealed = page.attribute("input[name=sealed]", "value").unwrap();
        let code = super::super::doors::code_on(&page, &app);
        assert_eq!(app.post("/desk/second-factor", &[("sealed", &sealed), ("code", &code)]).await.status, StatusCode::OK);
        let now = member(&app, editor.id).await;
        assert_eq!((now.role, now.name.as_str()), (Role::Editor, "The editor"));
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn the_demo_shows_its_own_accounts_with_codes_that_work_and_no_others(database: TestDatabase) {
        let mut app = TestApp::with(database, |_| {}).await;
        staff::add_demo_account(&app.app, Role::Editor, "Demo editor").await.unwrap();
        let real = app.add_person(Role::Admin).await;
        assert!(staff::demo_accounts(&app.app).await.unwrap().is_empty(), "outside the demo nothing is shown");
        assert!(!app.get("/desk/sign-in").await.body.contains("editor@demo.example"));
        app.make_demo();
        let page = app.get("/desk/sign-in").await;
        assert!(!page.body.contains(&real.email));
        let shown = page.texts("dl.facts code");
        assert_eq!(shown.len(), 3);
        app.post("/desk/sign-in", &[("email", &shown[0]), ("password", &shown[1])]).await;
        assert_eq!(app.get("/desk/sign-in/code").await.texts("dl.facts code")[2], shown[2]);
        assert_eq!(app.post("/desk/sign-in/code", &[("code", &shown[2])]).await.location(), "/desk");
        app.forget_cookies();
        app.post("/desk/sign-in", &[("email", &shown[0]), ("password", &shown[1])]).await;
        let next = app.get("/desk/sign-in/code").await.texts("dl.facts code")[2].clone();
        assert_eq!(app.post("/desk/sign-in/code", &[("code", &next)]).await.location(), "/desk", "the code that was used is not shown again");
    }
}
