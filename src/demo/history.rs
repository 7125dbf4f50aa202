//! Three months of readers, counted through the real code.

use crate::{
    app::App,
    attachments,
    error::Error,
    readers::{self, PastView, filter::Bucket},
};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use entity::{article, words::ArticleStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

/// Makes the readers of the days before `today`, and moves the app's clock there.
pub async fn make(app: &App, today: DateTime<Utc>) -> Result<(), Error> {
    app.clock.set(today);
    let mut articles = article::Entity::find().filter(article::Column::Status.eq(ArticleStatus::Published)).all(app.db.read()).await?;
    articles.sort_by(|a, b| a.slug.cmp(&b.slug));
    let mut views = Vec::new();
    for (place, article) in (0u32..).zip(&articles) {
        let campaigns = attachments::campaign_ids_for_article(app, article.id).await?;
        let published = article.published_at.unwrap_or(today);
        for age in 1..=i64::from(super::OPEN_FOR.num_days() as i32) {
            let day = (today - TimeDelta::days(age)).date_naive();
            if day < published.date_naive() {
                continue;
            }
            let since = (day - published.date_naive()).num_days();
            for view in 0..views_on(place, since, day.num_days_from_ce()) {
                views.push(PastView {
                    day,
                    article: article.id,
                    campaigns: campaigns.clone(),
                    // Readers come back to other articles on the same day, and sometimes to the same one.
                    reader: (view * 7 + place * 3 + day.day()) % 60,
                    filtered: match view % 23 {
                        5 => Some(Bucket::Bot),
                        11 => Some(Bucket::OptOut),
                        17 => Some(Bucket::Prefetch),
                        _ => None,
                    },
                });
            }
        }
    }
    readers::counter(app).await?.record_history(&views).await?;
    Ok(())
}

/// Many in the first days, then fewer, with a little unrest.
fn views_on(place: u32, since: i64, day: i32) -> u32 {
    let first = 26 + place * 11 % 20;
    let fading = first / u32::try_from(since + 1).unwrap_or(u32::MAX).min(12);
    fading + day.unsigned_abs().wrapping_mul(place + 3) % 4
}
