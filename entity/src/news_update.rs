//! News of a campaign, of a wish item or of the newsroom: a page, and letters to those who asked for them.

use crate::{
    ids::{CampaignId, MailingId, SupporterId, UpdateId, WishItemId},
    words::{UpdateAudience, UpdateState},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// News of a campaign, of a wish item or of the newsroom.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "news_update")]
pub struct Model {
    /// Its id, and so the id of its entry in every feed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UpdateId,
    /// Its name in URLs; unique.
    pub slug: String,
    /// The campaign that it is news of.
    pub campaign_id: Option<CampaignId>,
    /// The wish item that it is news of. Neither: the whole newsroom.
    pub wish_item_id: Option<WishItemId>,
    /// BCP 47 tag of the text for whoever reads none of the others.
    pub language: String,
    /// Whether it asks for money.
    pub asks: bool,
    /// Its place in its life.
    pub state: UpdateState,
    /// Who gets it, of those who asked for such news.
    pub audience: UpdateAudience,
    /// Only who reads this language gets it; empty: everybody.
    pub only_language: String,
    /// When its letters are to leave.
    pub send_at: Option<DateTime<Utc>>,
    /// Since when it is on a page and in the feeds.
    pub published_at: Option<DateTime<Utc>>,
    /// Whether it was taken back: no page, no feed, no letter.
    pub hidden: bool,
    /// Its letters.
    pub mailing_id: Option<MailingId>,
    /// How many were to get it when its sending was confirmed.
    pub expected: i64,
    /// The last recipient whose letter was written: the next ones come after her.
    pub cursor_id: Option<SupporterId>,
    /// When the letters of all recipients were written.
    pub taken_in_at: Option<DateTime<Utc>>,
    /// When the last letter had left.
    pub sent_at: Option<DateTime<Utc>>,
    /// Who was asked often enough lately, and got none.
    pub left_budget: i64,
    /// Who gave for it already, and got none.
    pub left_given: i64,
    /// Who reads another language or did not give, and got none.
    pub left_other: i64,
    /// Who wrote it.
    pub written_by_name: String,
    /// Who had it sent; may be empty.
    pub sent_by_name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its text was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
