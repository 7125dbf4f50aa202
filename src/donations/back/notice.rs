//! Finance hears of a dispute by letter, because evidence can be sent for some days only. The letter names no supporter.

use crate::{app::App, error::Error, mail::outbox::NewLetter, staff};
use askama::Template;
use chrono::{DateTime, Utc};
use entity::{
    Money, dispute, staff_member,
    words::{DisputeOutcome, LetterKind, Role},
};
use sea_orm::DatabaseTransaction;

/// What both renderings show.
struct View {
    subject: String,
    lines: Vec<String>,
    link: String,
}

macro_rules! rendering {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            view: &'a View,
        }
    };
}
rendering!(AsText, "mail/dispute/dispute.txt");
rendering!(AsHtml, "mail/dispute/dispute.html");

/// Writes to everybody in finance, or to the administrators where nobody is in finance.
pub(super) async fn tell_finance(tx: &DatabaseTransaction, app: &App, dispute: &dispute::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let members: Vec<staff_member::Model> = staff::active_members(tx).await?;
    let role = if members.iter().any(|member| member.role == Role::Finance) { Role::Finance } else { Role::Admin };
    let view = view(app, dispute);
    for member in members.iter().filter(|member| member.role == role) {
        let letter = NewLetter {
            kind: LetterKind::StaffNotice,
            dedupe_key: format!("dispute:{}:{}:{}", dispute.stripe_dispute_id, dispute.outcome, member.id),
            donation_id: Some(dispute.donation_id),
            receipt_id: None,
            to_address: member.email.clone(),
            to_name: member.name.clone(),
            subject: view.subject.clone(),
            text: AsText { view: &view }.render()?,
            html: AsHtml { view: &view }.render()?,
            language: "en".to_owned(),
            discreet: false,
        };
        app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
    }
    Ok(())
}

fn view(app: &App, dispute: &dispute::Model) -> View {
    let amount = Money::new(dispute.amount_minor, dispute.currency);
    let zone = app.config.org_timezone;
    let due = dispute.evidence_due_at.map(|at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M %:z").to_string());
    let lost = dispute.outcome == DisputeOutcome::Lost;
    let mut lines = vec![match dispute.outcome {
        DisputeOutcome::Inquiry => {
            format!("A bank asks about a gift of {amount}. No money was taken yet; without an answer it may become a dispute.")
        }
        DisputeOutcome::Lost => format!("A gift of {amount} was disputed, and the dispute is lost: the money does not come back."),
        DisputeOutcome::Open | DisputeOutcome::Won => {
            format!("A gift of {amount} is disputed. The bank takes the money back until it is decided, and Stripe charges a fee.")
        }
    }];
    lines.push(format!("The bank's reason: {}. Stripe calls it {}.", dispute.reason.replace('_', " "), dispute.stripe_dispute_id));
    let due = due.filter(|_| !lost);
    lines.push(match &due {
        _ if lost => "Nothing can be sent any more. The receipt was made void or replaced, and the supporter is told.".to_owned(),
        Some(due) => format!("Evidence must be at Stripe by {due}. It is sent in Stripe's dashboard."),
        None => "Stripe names no day until which evidence can be sent. Look in its dashboard.".to_owned(),
    });
    let what = match dispute.outcome {
        DisputeOutcome::Inquiry => "A bank asks about a gift",
        DisputeOutcome::Lost => "A dispute is lost",
        DisputeOutcome::Open | DisputeOutcome::Won => "A gift is disputed",
    };
    View {
        subject: due.map_or_else(|| what.to_owned(), |due| format!("{what}: answer by {}", due.get(..10).unwrap_or(&due))),
        lines,
        link: app.config.link(&format!("/desk/donations/{}", dispute.donation_id)),
    }
}
