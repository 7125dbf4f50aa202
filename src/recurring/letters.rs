//! What a supporter is told of her recurring donation, and what staff are. Each thing is told once.

use super::pages::card_path;
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::{
        message::one_line,
        note::{Link, Note},
        outbox::NewLetter,
    },
};
use chrono::{DateTime, Utc};
use entity::{
    Money, recurring_donation, staff_member, supporter,
    words::{LetterKind, Role},
};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The first payment has come.
    Begun,
    /// Another amount is charged from now on.
    Changed {
        /// The amount until now.
        before: Money,
        /// The number of the step in the story.
        step: i64,
    },
    /// Nothing is charged for a while.
    Paused {
        /// The number of the step in the story.
        step: i64,
    },
    /// It is over.
    Ended,
    /// A payment failed.
    Failed {
        /// The invoice.
        invoice: String,
        /// When Stripe tries again.
        next_try: Option<DateTime<Utc>>,
    },
    /// The card expires soon.
    CardExpiring {
        /// The year.
        year: i64,
        /// The month after which it has expired.
        month: i64,
    },
}

impl News {
    const fn kind(&self) -> LetterKind {
        match self {
            Self::Begun => LetterKind::RecurringBegun,
            Self::Changed { .. } => LetterKind::RecurringChanged,
            Self::Paused { .. } => LetterKind::RecurringPaused,
            Self::Ended => LetterKind::RecurringEnded,
            Self::Failed { .. } => LetterKind::RecurringFailed,
            Self::CardExpiring { .. } => LetterKind::CardExpiring,
        }
    }

    /// The part of its texts' keys.
    const fn word(&self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Changed { .. } => "changed",
            Self::Paused { .. } => "paused",
            Self::Ended => "ended",
            Self::Failed { .. } => "failed",
            Self::CardExpiring { .. } => "expiring",
        }
    }

    /// What makes it the same news when it is told again.
    fn mark(&self) -> String {
        match self {
            Self::Begun | Self::Ended => String::new(),
            Self::Changed { step, .. } | Self::Paused { step } => step.to_string(),
            Self::Failed { invoice, .. } => invoice.clone(),
            Self::CardExpiring { year, month } => format!("{year}-{month:02}"),
        }
    }

    const fn is_about_the_card(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::CardExpiring { .. })
    }
}

/// Puts the letter into the outbox, in the transaction of what it tells.
pub(super) async fn write(tx: &DatabaseTransaction, app: &App, gift: &recurring_donation::Model, news: &News) -> Result<(), Error> {
    let supporter = supporter::Entity::find_by_id(gift.supporter_id).one(tx).await?;
    let supporter = supporter.ok_or_else(|| Error::Internal(format!("recurring donation {} has no supporter", gift.id)))?;
    let letter = compose(app, gift, news, &supporter)?;
    app.outbox.enqueue(tx, letter, app.new_id(), app.now()).await.map(|_| ())
}

fn compose(app: &App, gift: &recurring_donation::Model, news: &News, to: &supporter::Model) -> Result<NewLetter, Error> {
    let language = Language::nearest(&gift.language).unwrap_or_default();
    let key = |part: &str| format!("recurring-letter-{}-{part}", news.word());
    let arguments = arguments(app, gift, news, language);
    let text = |key: &str| language.text_with(key, &arguments);
    let mut paragraphs = vec![text(&key("text"))];
    match news {
        News::Failed { next_try: Some(_), .. } => paragraphs.push(text("recurring-letter-failed-again")),
        News::Ended if gift.end_reason == "payment_failed" => paragraphs.push(text("recurring-letter-ended-failed")),
        News::Paused { .. } if gift.paused_until.is_some() => paragraphs.push(text("recurring-letter-paused-until")),
        _ => {}
    }
    // The page for another card asks nobody to sign in: somebody whose card failed should not have to.
    let link = if news.is_about_the_card() {
        Link { words: text("recurring-letter-mend"), url: app.config.link(&card_path(app, gift.id)) }
    } else {
        Link { words: text("recurring-letter-pages"), url: app.config.link("/me") }
    };
    let note = Note {
        language,
        name: gift.donor_name.clone(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text(&key("subject")),
        paragraphs,
        details: Vec::new(),
        after: Vec::new(),
        link: Some(link),
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: news.kind(),
        dedupe_key: format!("recurring:{}:{}:{}", gift.id, news.word(), news.mark()),
        donation_id: None,
        receipt_id: None,
        to_address: to.email.clone(),
        to_name: one_line(&gift.donor_name, 200),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: to.discreet,
    })
}

fn arguments(app: &App, gift: &recurring_donation::Model, news: &News, language: Language) -> Vec<(&'static str, FluentValue<'static>)> {
    let money = |minor| language.money(Money::new(minor, gift.currency));
    let day = |at: DateTime<Utc>| language.date(at.with_timezone(&app.config.org_timezone).date_naive());
    let mut all = vec![
        ("org", FluentValue::from(app.config.org_name.clone())),
        ("amount", FluentValue::from(money(gift.amount_minor))),
        ("every", FluentValue::from(gift.every.as_str())),
    ];
    if let Some(next) = gift.next_at {
        all.push(("day", FluentValue::from(day(next))));
    }
    match news {
        News::Changed { before, .. } => all.push(("before", FluentValue::from(language.money(*before)))),
        News::Failed { next_try: Some(at), .. } => all.push(("again", FluentValue::from(day(*at)))),
        News::Paused { .. } => {
            if let Some(until) = gift.paused_until {
                all.push(("until", FluentValue::from(day(until))));
            }
        }
        News::CardExpiring { year, month } => all.push(("expires", FluentValue::from(language.digits(&format!("{month:02} / {year}"))))),
        _ => {}
    }
    all
}

/// Tells those of staff who look after money that a payment failed: which gift, and nothing about whose.
pub(super) async fn notify_staff(
    tx: &DatabaseTransaction,
    app: &App,
    gift: &recurring_donation::Model,
    invoice: &str,
) -> Result<(), Error> {
    let of_finance = staff_member::Entity::find()
        .filter(staff_member::Column::Role.is_in([Role::Admin, Role::Finance]))
        .filter(staff_member::Column::DisabledAt.is_null())
        .all(tx)
        .await?;
    let language = Language::English;
    for member in of_finance {
        let note = Note {
            language,
            name: member.name.clone(),
            org: app.config.org_name.clone(),
            org_email: app.config.org_email.clone(),
            practice: app.config.is_practice(),
            subject: language.text("desk-recurring-notice-subject"),
            paragraphs: vec![language.text("desk-recurring-notice-text")],
            details: Vec::new(),
            after: Vec::new(),
            link: Some(Link {
                words: language.text("desk-recurring-notice-link"),
                url: app.config.link(&format!("/desk/recurring/{}", gift.id)),
            }),
        };
        let (subject, text, html) = note.render()?;
        let letter = NewLetter {
            kind: LetterKind::StaffNotice,
            dedupe_key: format!("recurring:{}:notice:{invoice}:{}", gift.id, member.id),
            donation_id: None,
            receipt_id: None,
            to_address: member.email,
            to_name: one_line(&member.name, 200),
            subject,
            text,
            html,
            language: language.tag().to_owned(),
            discreet: false,
        };
        app.outbox.enqueue(tx, letter, app.new_id(), app.now()).await?;
    }
    Ok(())
}
