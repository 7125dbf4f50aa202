//! What readers are told about an article: that it was corrected, or that it is retracted. Each notice is dated, stands on the article in
//! the reader's language where it was written in it, and is never edited: a wrong one is lifted and another one made.

use super::{follow_ask, store, touch};
use crate::{app::App, error::Error, i18n::Language, staff::audit::Actor};
use chrono::NaiveDate;
use entity::{
    article, article_notice,
    ids::{ArticleId, ArticleNoticeId},
    words::NoticeKind,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use std::collections::BTreeMap;

/// The most characters of a notice in one language.
pub const TEXT_MAX: usize = 1000;

/// How many notices an article shows, and the desk lists.
const SHOWN_MAX: u64 = 100;

/// What a notice says: language tag to text, without the empty ones.
pub type Texts = BTreeMap<String, String>;

/// A notice as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Corrected or retracted.
    pub kind: NoticeKind,
    /// Its day.
    pub noted_on: NaiveDate,
    /// The language of `text`.
    pub language: String,
    /// What it says.
    pub text: String,
}

/// What readers are to be told.
#[derive(Clone, Debug)]
pub struct NewNotice {
    /// Corrected or retracted.
    pub kind: NoticeKind,
    /// In which words.
    pub texts: Texts,
    /// Whether what was corrected leaves the ask as it was. Else the article asks for nothing until its mark *sensitive* is taken off.
    pub keeps_asking: bool,
}

/// Tells readers that the article was corrected or is retracted. A retracted article asks for nothing from then on, and stays readable; so
/// does a corrected one until somebody has looked whether its ask still stands, unless that was done already.
/// Returns the article and how many open checkouts are to be ended.
///
/// # Errors
/// [`Error::Conflict`] when it is retracted already.
pub async fn add(
    app: &App,
    tx: &DatabaseTransaction,
    id: ArticleId,
    new: &NewNotice,
    actor: &Actor,
) -> Result<(article::Model, usize), Error> {
    let before = store::by_id_locked(tx, id).await?;
    if new.kind == NoticeKind::Retracted && before.retracted {
        return Err(Error::Conflict("this article is retracted already".to_owned()));
    }
    let notice = article_notice::ActiveModel {
        id: Set(app.new_id::<ArticleNoticeId>()),
        article_id: Set(id),
        kind: Set(new.kind),
        noted_on: Set(app.today()),
        texts: Set(serde_json::to_string(&new.texts)?),
        made_by: Set(actor.name.clone()),
        made_at: Set(app.now()),
        lifted_by: Set(String::new()),
        lifted_at: Set(None),
    };
    article_notice::Entity::insert(notice).exec_without_returning(tx).await?;
    let mut row = before.clone().into_active_model();
    match new.kind {
        NoticeKind::Retracted => row.retracted = Set(true),
        NoticeKind::Corrected if !new.keeps_asking => row.sensitive = Set(true),
        NoticeKind::Corrected => {}
    }
    touch(app, &before, &mut row);
    let after = row.update(tx).await?;
    let ended = follow_ask(app, tx, &before, &after).await?;
    Ok((after, ended))
}

/// Takes a notice back. The ask of an article that is retracted no more comes back; a checkout that was ended does not.
pub async fn lift(
    app: &App,
    tx: &DatabaseTransaction,
    id: ArticleId,
    notice: ArticleNoticeId,
    actor: &Actor,
) -> Result<article_notice::Model, Error> {
    let before = store::by_id_locked(tx, id).await?;
    let found = article_notice::Entity::find_by_id(notice).one(tx).await?.filter(|row| row.article_id == id).ok_or(Error::NotFound)?;
    if found.lifted_at.is_some() {
        return Err(Error::Conflict("this notice was taken back already".to_owned()));
    }
    let mut row = found.clone().into_active_model();
    row.lifted_by = Set(actor.name.clone());
    row.lifted_at = Set(Some(app.now()));
    let lifted = row.update(tx).await?;
    let mut row = before.clone().into_active_model();
    if found.kind == NoticeKind::Retracted {
        row.retracted = Set(false);
    }
    touch(app, &before, &mut row);
    row.update(tx).await?;
    Ok(lifted)
}

/// Every notice of an article, those that were taken back too, the newest first.
pub async fn of_article(db: &impl ConnectionTrait, id: ArticleId) -> Result<Vec<article_notice::Model>, Error> {
    let find = article_notice::Entity::find().filter(article_notice::Column::ArticleId.eq(id));
    Ok(find.order_by_desc(article_notice::Column::Id).limit(SHOWN_MAX).all(db).await?)
}

/// What stands of an article, as a reader of `lang` sees it: the retraction first, then corrections, the newest first.
pub async fn for_readers(db: &impl ConnectionTrait, article: &article::Model, lang: Language) -> Result<Vec<Shown>, Error> {
    let mut standing = of_article(db, article.id).await?;
    standing.retain(|notice| notice.lifted_at.is_none());
    standing.sort_by_key(|notice| notice.kind != NoticeKind::Retracted);
    standing.into_iter().map(|notice| shown(&notice, &article.language, lang)).collect()
}

/// The text in the reader's language, else in the article's, else in any.
fn shown(notice: &article_notice::Model, own: &str, lang: Language) -> Result<Shown, Error> {
    let texts: Texts = serde_json::from_str(&notice.texts)?;
    let wanted = [lang.tag(), own];
    let found = wanted.into_iter().find_map(|tag| texts.get_key_value(tag)).or_else(|| texts.iter().next());
    let (language, text) = found.map(|(tag, text)| (tag.clone(), text.clone())).unwrap_or_else(|| (own.to_owned(), String::new()));
    Ok(Shown { kind: notice.kind, noted_on: notice.noted_on, language, text })
}
