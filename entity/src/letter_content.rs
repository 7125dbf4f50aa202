//! The text of a mailing in one language, kept once for all who get it.

use crate::ids::{LetterContentId, MailingId};
use sea_orm::entity::prelude::*;

/// The text of a mailing in one language.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "letter_content")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LetterContentId,
    /// The mailing.
    pub mailing_id: MailingId,
    /// BCP 47 tag; one text for each.
    pub language: String,
    /// The subject.
    pub subject: String,
    /// The text part, with places to be filled for each recipient.
    pub text_body: String,
    /// The HTML part, with the same places.
    pub html_body: String,
    /// The text part of a discreet letter, which tells no more than that there is news; empty in mailings of earlier versions.
    pub discreet_text: String,
    /// Its HTML part.
    pub discreet_html: String,
}

impl ActiveModelBehavior for ActiveModel {}
