//! One e-mail in the outbox, written in the transaction of what it tells.

use crate::{
    ids::{DonationId, LetterContentId, LetterId, MailingId, ReceiptId},
    words::{LetterKind, LetterStage, LetterState, LetterStream},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One e-mail in the outbox, written in the transaction of what it tells.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "letter")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LetterId,
    /// What it tells.
    pub kind: LetterKind,
    /// `receipt:R-2026-000123`: the same news is told once; unique.
    pub dedupe_key: String,
    /// The donation it tells of.
    pub donation_id: Option<DonationId>,
    /// The receipt it carries.
    pub receipt_id: Option<ReceiptId>,
    /// To whom.
    pub to_address: String,
    /// Her name; may be empty.
    pub to_name: String,
    /// The subject.
    pub subject: String,
    /// The text part; empty when it is that of a mailing.
    pub text_body: String,
    /// The HTML part; empty when it is that of a mailing.
    pub html_body: String,
    /// BCP 47 tag.
    pub language: String,
    /// The Message-ID, the same in every attempt; unique.
    pub message_id: String,
    /// Its place in its life.
    pub state: LetterState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is next tried; while a worker holds it, when its hold ends.
    pub next_at: DateTime<Utc>,
    /// Until when a worker holds it.
    pub lease_until: Option<DateTime<Utc>>,
    /// How far the last attempt came.
    pub last_stage: Option<LetterStage>,
    /// The last answer's code.
    pub smtp_code: Option<i64>,
    /// The last answer, shortened to 200 characters; may be empty.
    pub last_reply: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When the mail server took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// The stream that it leaves by.
    pub stream: LetterStream,
    /// The domain of the address, in lower case.
    pub domain: String,
    /// What the news are about, and so what its link to unsubscribe ends: `updates`, `campaign:<id>`, `item:<id>`. Empty: no news.
    pub topic: String,
    /// The mailing that it is one of.
    pub mailing_id: Option<MailingId>,
    /// The text that it carries, where it is that of a mailing.
    pub content_id: Option<LetterContentId>,
    /// Whether it tells nothing to whoever sees the mailbox, wherever it goes: as its supporter wanted when it was written, or since.
    pub discreet: bool,
}

impl ActiveModelBehavior for ActiveModel {}
