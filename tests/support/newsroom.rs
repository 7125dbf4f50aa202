//! A small newsroom for tests: funds, campaigns, items, articles, written as staff would write them.

use super::TestApp;
use entity::{
    article, campaign, category, fund,
    ids::{CampaignId, CategoryId},
    wish_item,
    words::{ArticleKind, ArticleStatus, CampaignStatus, Restriction},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use wellwisher::{
    campaigns::{self, Verb, details::RawCampaign, funds::RawFund},
    staff::Actor,
    wishes::{self, item::RawItem},
};

impl TestApp {
    /// The fund `TEST`, made at first use.
    pub async fn fund(&self) -> fund::Model {
        let found = fund::Entity::find().filter(fund::Column::Code.eq("TEST")).one(self.app.db.read()).await.unwrap();
        if let Some(found) = found {
            return found;
        }
        let raw = RawFund {
            code: "test".into(),
            name: "Schools".into(),
            restriction: Restriction::With.to_string(),
            gl_income: "4000".into(),
            gl_fee: "6000".into(),
        };
        let details = campaigns::funds::parse(&raw).expect("a fund");
        campaigns::funds::create(&self.app, &Actor::system(), &details).await.expect("a new fund")
    }

    /// A draft with a goal of 1,000 euros, changed as the test wants.
    pub async fn draft(&self, title: &str, change: impl FnOnce(&mut RawCampaign)) -> campaign::Model {
        let fund = self.fund().await;
        let mut raw = RawCampaign {
            title: title.into(),
            summary: "Every girl in a class.".into(),
            story: "A **story** of schools.".into(),
            language: "en".into(),
            goal: "1,000.00".into(),
            currency: "EUR".into(),
            fund: fund.id.to_string(),
            ..RawCampaign::default()
        };
        change(&mut raw);
        let details = campaigns::details::parse(&raw, &[fund]).expect("a campaign");
        campaigns::details::create(&self.app, &Actor::system(), &details).await.expect("a new campaign")
    }

    /// A live campaign with a goal of 1,000 euros.
    pub async fn campaign(&self, title: &str) -> campaign::Model {
        let draft = self.draft(title, |_| {}).await;
        campaigns::apply(&self.app, &Actor::system(), draft.id, Verb::Launch).await.expect("a live campaign")
    }

    /// An open item at 25 euros, ten of which are needed, changed as the test wants.
    pub async fn item(&self, title: &str, campaign: Option<CampaignId>, change: impl FnOnce(&mut RawItem)) -> wish_item::Model {
        let fund = self.fund().await;
        let campaigns = campaign::Entity::find().all(self.app.db.read()).await.unwrap();
        let mut raw = RawItem {
            title: title.into(),
            description: "For a home school.".into(),
            language: "en".into(),
            kind: "priced".into(),
            price: "25".into(),
            currency: "EUR".into(),
            quantity: "10".into(),
            campaign: campaign.map(|id| id.to_string()).unwrap_or_default(),
            fund: fund.id.to_string(),
            ..RawItem::default()
        };
        change(&mut raw);
        let details = wishes::item::parse(&self.app, &raw, &campaigns, &[fund]).expect("an item");
        wishes::item::create(&self.app, &Actor::system(), &details).await.expect("a new item")
    }

    /// A category, and every one above it.
    pub async fn category(&self, path: &str) -> CategoryId {
        let mut last = None;
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let (path, now) = (&path[..end], self.app.now());
            let found = category::Entity::find().filter(category::Column::Path.eq(path)).one(self.app.db.read()).await.unwrap();
            let row = category::Model { id: self.app.new_id(), path: path.into(), slug: path.to_lowercase(), created_at: now };
            if found.is_none() {
                let write = async |tx: &sea_orm::DatabaseTransaction| {
                    category::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
                    Ok(())
                };
                self.app.db.write(write).await.unwrap();
            }
            last = Some(found.map_or(row.id, |found| found.id));
        }
        last.expect("a path")
    }

    /// A published article, changed as the test wants.
    pub async fn article(&self, slug: &str, change: impl FnOnce(&mut article::Model)) -> article::Model {
        let now = self.app.now();
        let mut row = article::Model {
            id: self.app.new_id(),
            slug: slug.into(),
            kind: ArticleKind::Hosted,
            canonical_url: None,
            title: "A school behind a curtain".into(),
            standfirst: String::new(),
            byline: String::new(),
            body_markdown: "Text.".into(),
            source_name: String::new(),
            source_url: None,
            source_date: None,
            category_id: None,
            language: "en".into(),
            status: ArticleStatus::Published,
            sensitive: false,
            retracted: false,
            published_at: Some(now),
            imported_views: 0,
            import_key: None,
            import_hash: None,
            created_at: now,
            updated_at: now,
        };
        change(&mut row);
        let write = async |tx: &sea_orm::DatabaseTransaction| {
            article::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        };
        self.app.db.write(write).await.unwrap();
        row
    }

    /// Writes a gift for a campaign into the ledger, as a settled donation does.
    pub async fn raise(&self, campaign: &campaign::Model, minor: i64, currency: &str) {
        use entity::{
            Money,
            words::{Account, MovementKind},
        };
        use wellwisher::ledger::{self, Leg, Posting, Purpose};
        let (now, amount) = (self.app.now(), Money::new(minor, currency.parse().unwrap()));
        let bare = Purpose::default();
        let posting = Posting {
            kind: MovementKind::Donation,
            source: format!("ch_{}", super::unique_number()),
            donation_id: None,
            occurred_at: now,
            balance_transaction: None,
            reverses_id: None,
            legs: vec![
                Leg { account: Account::StripeClearing, amount, purpose: bare },
                Leg {
                    account: Account::Donations,
                    amount: amount.negated().unwrap(),
                    purpose: Purpose { campaign_id: Some(campaign.id), ..bare },
                },
            ],
        };
        assert!(self.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap());
        self.books_end_broken("money was raised without a donation");
    }
}

/// A campaign in a state that its verbs lead to.
pub async fn move_to(test: &TestApp, campaign: &campaign::Model, status: CampaignStatus) {
    let verbs: &[Verb] = match status {
        CampaignStatus::Draft => &[],
        CampaignStatus::Live => &[Verb::Launch],
        CampaignStatus::Paused => &[Verb::Launch, Verb::Pause],
        CampaignStatus::Closed => &[Verb::Launch, Verb::Close],
    };
    for verb in verbs {
        campaigns::apply(&test.app, &Actor::system(), campaign.id, *verb).await.expect("an allowed verb");
    }
}

/// Words without the marks that keep an inserted name's or amount's direction to itself.
pub fn plain(words: &[String]) -> String {
    words.join(" ").replace(['\u{2068}', '\u{2069}'], "")
}
