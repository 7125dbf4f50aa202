//! Receipts: numbered without gaps, never edited, complete as plain text in every language.

mod annual;
mod check;
mod desk;
mod letters;
mod numbers;
mod pdf;
mod reported;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    Money, donation, fund,
    ids::{DonationId, FundId, SupporterId},
    receipt, supporter,
    words::{DonationSource, DonationStatus, Restriction},
};
use sea_orm::{ActiveValue::Set, EntityTrait};
use wellwisher::{
    clock::Random,
    db::Db,
    error::Error,
    i18n::Language,
    receipts::{self, Issuer, IssuerSettings, PaidGift},
};

use crate::support::{FromDatabase, TestDatabase};

/// A books office: a database, a fund, a supporter.
pub struct Books {
    pub db: Db,
    pub random: Random,
    fund: FundId,
    supporter: SupporterId,
    _database: TestDatabase,
}

/// Noon on 9 March 2026.
pub fn noon() -> DateTime<Utc> {
    "2026-03-09T12:00:00Z".parse().unwrap()
}

/// An issuer that follows the rules of `profile`.
pub fn issuer(profile: &str) -> IssuerSettings {
    IssuerSettings {
        issuer: Issuer {
            profile: profile.to_owned(),
            name: "Kestrel Papers".to_owned(),
            legal_name: "Kestrel Papers Foundation, Inc.".to_owned(),
            address: "12 Lantern Row, Port Alder".to_owned(),
            email: "giving@kestrelpapers.example".to_owned(),
            tax_id: "00-1234567".to_owned(),
            charity_number: "7654321".to_owned(),
            place: "Halifax".to_owned(),
            signatory: "R. Tern, Treasurer".to_owned(),
            exemption: receipts::Exemption {
                office: "Berlin für Körperschaften I".to_owned(),
                number: "27/123/45678".to_owned(),
                dated: NaiveDate::from_ymd_opt(2025, 3, 14),
                period: "2021 bis 2023".to_owned(),
                purpose: "der Volksbildung".to_owned(),
                slips: true,
            },
        },
        prefix: "R".to_owned(),
        timezone: chrono_tz::Asia::Kabul,
        practice: false,
        check_page: String::new(),
    }
}

/// A gift of 1,234.50 EUR.
pub fn gift(donation_id: DonationId) -> PaidGift {
    PaidGift {
        donation_id,
        amount: Money::new(123_450, "EUR".parse().unwrap()),
        paid_at: noon(),
        donor_name: "Ash & Wren <Marlow>".to_owned(),
        donor_email: "wren@example.org".to_owned(),
        donor_address: String::new(),
        language: Language::English,
        campaign: Some("A printing press for the \"valley\"".to_owned()),
        item: Some("Ream of paper".to_owned()),
        item_quantity: 3,
    }
}

impl FromDatabase for Books {
    async fn from_database(database: TestDatabase) -> Self {
        let db = Db::open(&database.url).await.unwrap();
        let random = Random::default();
        let (fund, supporter) = (random.id(noon()), random.id(noon()));
        let a_fund = fund::ActiveModel {
            id: Set(fund),
            code: Set("press".into()),
            name: Set("Press".into()),
            restriction: Set(Restriction::With),
            gl_income: Set("4000".into()),
            gl_fee: Set("6000".into()),
            created_at: Set(noon()),
        };
        let a_supporter = supporter::ActiveModel {
            id: Set(supporter),
            email: Set("wren@example.org".into()),
            name: Set("Wren".into()),
            language: Set("en".into()),
            wants_updates: Set(false),
            wants_updates_since: Set(None),
            created_at: Set(noon()),
            updated_at: Set(noon()),
            discreet: Set(false),
        };
        db.write(async |tx| {
            fund::Entity::insert(a_fund.clone()).exec_without_returning(tx).await?;
            supporter::Entity::insert(a_supporter.clone()).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
        .unwrap();
        Self { db, random, fund, supporter, _database: database }
    }
}

impl Books {
    /// Writes down a donation that waits to be paid.
    pub async fn donation(&self) -> DonationId {
        let id: DonationId = self.random.id(noon());
        let row = donation::ActiveModel {
            id: Set(id),
            token_hash: Set(format!("t{id}")),
            form_token: Set(format!("f{id}")),
            request_hash: Set(String::new()),
            status: Set(DonationStatus::Pending),
            supporter_id: Set(self.supporter),
            donor_name: Set("Wren".into()),
            public_name: Set(false),
            note: Set(String::new()),
            wants_updates: Set(false),
            discreet: Set(false),
            language: Set("en".into()),
            amount_minor: Set(123_450),
            fee_cover_minor: Set(0),
            currency: Set("EUR".parse().unwrap()),
            fund_id: Set(self.fund),
            fund_code: Set("press".into()),
            restriction: Set(Restriction::With),
            idempotency_key: Set(format!("k{id}")),
            livemode: Set(false),
            expires_at: Set(noon()),
            created_at: Set(noon()),
            updated_at: Set(noon()),
            source: Set(DonationSource::Checkout),
            method: Set(String::new()),
            reference: Set(String::new()),
            ..Default::default()
        };
        self.db.write(async |tx| Ok(donation::Entity::insert(row.clone()).exec_without_returning(tx).await?)).await.unwrap();
        id
    }

    pub async fn issue(&self, settings: &IssuerSettings, gift: &PaidGift) -> Result<receipt::Model, Error> {
        self.db.write(async |tx| receipts::issue(tx, settings, gift, noon(), &self.random).await).await
    }

    pub async fn issued(&self, settings: &IssuerSettings, gift: &PaidGift) -> receipt::Model {
        self.issue(settings, gift).await.unwrap()
    }
}

/// A receipt that is in no database, for the letters.
pub fn receipt_of(settings: &IssuerSettings, gift: &PaidGift) -> receipt::Model {
    let gift_on: NaiveDate = settings.day_of(gift.paid_at);
    let snapshot = receipts::Snapshot::of(settings, gift, "R-2026-000123", gift_on, gift_on, None);
    let random = Random::default();
    receipt::Model {
        id: random.id(noon()),
        series_id: random.id(noon()),
        number: 123,
        code: "R-2026-000123".into(),
        donation_id: gift.donation_id,
        status: entity::words::ReceiptStatus::Issued,
        status_reason: String::new(),
        gift_on,
        issued_at: noon(),
        amount_minor: gift.amount.minor,
        currency: gift.amount.currency,
        profile: settings.issuer.profile.clone(),
        language: gift.language.tag().into(),
        snapshot: serde_json::to_string(&snapshot).unwrap(),
        replaces_id: None,
        sealed_at: None,
    }
}
