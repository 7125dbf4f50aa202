//! Members of staff for tests: added through the program's own verbs, signed in through its own pages.

use super::{Answer, TestApp};
use axum::http::StatusCode;
use chrono::TimeDelta;
use entity::{
    ids::StaffId,
    words::{Role, SuppressionReason},
};
use tokio::sync::OnceCell;
use wellwisher::{
    mail::{
        suppression::{self, NewSuppression},
        topic::Topic,
    },
    staff::{Actor, NewMember, create_member, password, totp::TotpSecret},
};

/// The password of everybody in tests.
pub const PASSWORD: &str = "seven quiet lanterns by the river";

/// A member of staff.
pub struct Person {
    pub id: StaffId,
    pub email: String,
    pub secret: [u8; 20],
}

impl Person {
    /// The code that her phone shows now.
    pub fn code(&self, app: &TestApp) -> String {
        TotpSecret::from_bytes(&self.secret).code_at(app.app.now()).expect("a code")
    }
}

impl TestApp {
    /// Has letters about `topic` go no more to an address.
    pub async fn suppress(&self, email: &str, topic: Topic, reason: SuppressionReason) {
        let new = NewSuppression {
            address_hash: self.app.outbox.address_key().hash(email),
            topic,
            reason,
            note: String::new(),
            letter_id: None,
            made_by: "test".into(),
        };
        let (id, now) = (self.app.new_id(), self.app.now());
        self.app.db.write(async |tx| suppression::suppress(tx, &new, id, now).await).await.expect("it is written");
    }

    /// Adds a member of staff who is enrolled: `editor-3@newsroom.example`.
    pub async fn add_person(&self, role: Role) -> Person {
        static HASH: OnceCell<String> = OnceCell::const_new();
        let hash = HASH.get_or_init(async || password::hash(PASSWORD.to_owned(), &self.app.random).await.expect("a hash")).await;
        let secret = self.app.random.bytes::<20>();
        let email = format!("{role}-{}@newsroom.example", super::unique_number());
        let member = self
            .app
            .db
            .write(async |tx| {
                let new = NewMember {
                    name: format!("The {role}"),
                    email: email.clone(),
                    role,
                    password_hash: hash.clone(),
                    second_factor: Some(TotpSecret::from_bytes(&secret)),
                };
                create_member(tx, &self.app, &Actor::system(), &new).await
            })
            .await
            .expect("a new member");
        Person { id: member.id, email, secret }
    }

    /// Signs her in with both factors. A code works once, so the clock moves on where hers was used.
    pub async fn sign_in(&self, person: &Person) -> Answer {
        self.forget_cookies();
        let answer = self.post("/desk/sign-in", &[("email", &person.email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let answer = self.post("/desk/sign-in/code", &[("code", &person.code(self))]).await;
        if answer.status == StatusCode::SEE_OTHER {
            return answer;
        }
        self.app.clock.advance(TimeDelta::seconds(60));
        let answer = self.post("/desk/sign-in/code", &[("code", &person.code(self))]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer
    }

    /// Adds somebody with this role and signs her in.
    pub async fn sign_in_as(&self, role: Role) -> Person {
        let person = self.add_person(role).await;
        self.sign_in(&person).await;
        person
    }

    /// Checks who may reach each route (`GET /desk/x`, or `POST /desk/x`, which is sent without fields): nobody who is not
    /// signed in, each role that is named, and no other.
    pub async fn assert_open_only_to(&self, routes: &[(&str, &[Role])]) {
        self.forget_cookies();
        for (route, _) in routes {
            let answer = self.ask(route).await;
            let sent_away = answer.status == StatusCode::SEE_OTHER && answer.location().starts_with("/desk/sign-in");
            assert!(sent_away || answer.status == StatusCode::FORBIDDEN, "{route}: {} for somebody who is not signed in", answer.status);
        }
        for role in Role::ALL {
            let person = self.sign_in_as(*role).await;
            for (route, open_to) in routes {
                let answer = self.ask(route).await;
                if answer.location().starts_with("/desk/sign-in") {
                    panic!("{route}: the {role} was signed out by a route before it");
                }
                let is_open = answer.status != StatusCode::FORBIDDEN;
                assert_eq!(is_open, open_to.contains(role), "{route}: {} for the {role}", answer.status);
                assert!(!answer.status.is_server_error(), "{route}: {}", answer.body);
            }
            self.sign_in(&person).await;
        }
    }

    /// Turns this into the demo, which shows how to sign in.
    pub fn make_demo(&mut self) {
        let config = wellwisher::config::Config { demo: true, ..(*self.app.config).clone() };
        self.app.config = std::sync::Arc::new(config);
        self.router = wellwisher::router::build(self.app.clone()).expect("the routes fit");
    }

    async fn ask(&self, route: &str) -> Answer {
        match route.split_once(' ').expect("a method and a path") {
            ("GET", path) => self.get(path).await,
            ("POST", path) => self.post(path, &[]).await,
            other => panic!("{other:?} is not asked in tests"),
        }
    }
}
