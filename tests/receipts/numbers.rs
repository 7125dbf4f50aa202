//! Numbers without gaps, and receipts that nobody can edit.

use std::sync::Arc;

use entity::{Money, confirmation, receipt, words::ReceiptStatus};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use wellwisher::{
    error::Error,
    mail::{
        outbox::Outbox,
        transport::{Mailer, Memory},
    },
    receipts::{self, Change, PaidGift, store},
};

use super::{Books, gift, issuer, noon};
use crate::support::on_both_databases;

on_both_databases! {
    async fn numbers_have_no_gap_and_no_double_when_gifts_settle_at_once_and_some_fail(books: Books) {
        let books = Arc::new(books);
        let mut gifts = Vec::new();
        for _ in 0..32 {
            gifts.push(gift(books.donation().await));
        }
        let settles = gifts.into_iter().enumerate().map(|(place, gift)| {
            let books = books.clone();
            tokio::spawn(async move {
                let settings = issuer("plain");
                books.db.write(async |tx| {
                    let receipt = receipts::issue(tx, &settings, &gift, noon(), &books.random).await?;
                    // The number is taken, and then the ledger fails.
                    if place % 4 == 0 { Err(Error::Conflict("the ledger said no".into())) } else { Ok(receipt.number) }
                }).await
            })
        });
        let mut numbers = Vec::new();
        for settle in settles.collect::<Vec<_>>() {
            match settle.await.unwrap() {
                Ok(number) => numbers.push(number),
                Err(error) => assert!(matches!(&error, Error::Conflict(_)), "{error:?}"),
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=24).collect::<Vec<i64>>());
        let stored = receipt::Entity::find().order_by_asc(receipt::Column::Number).all(books.db.read()).await.unwrap();
        assert_eq!(stored.iter().map(|receipt| receipt.number).collect::<Vec<_>>(), numbers);
        assert_eq!(stored[23].code, "R-2026-000024");
    }

    async fn a_gift_settled_twice_has_one_receipt(books: Books) {
        let (settings, gift) = (issuer("plain"), gift(books.donation().await));
        let first = books.issued(&settings, &gift).await;
        assert_eq!(books.issued(&settings, &gift).await, first);
        let next = PaidGift { donation_id: books.donation().await, ..gift };
        assert_eq!(books.issued(&settings, &next).await.number, 2, "asking again took no number");
    }

    async fn the_year_is_the_issuers_and_each_year_and_prefix_counts_from_one(books: Books) {
        let kabul = issuer("plain");
        let mut codes = Vec::new();
        for (paid_at, settings) in [
            ("2026-12-31T19:29:59Z", &kabul),
            ("2026-12-31T19:30:00Z", &kabul),
            ("2026-12-31T23:00:00Z", &kabul),
            ("2026-06-01T00:00:00Z", &kabul),
            ("2026-12-31T23:00:00Z", &receipts::IssuerSettings { timezone: chrono_tz::UTC, prefix: "UK".into(), ..kabul.clone() }),
        ] {
            let gift = PaidGift { paid_at: paid_at.parse().unwrap(), ..gift(books.donation().await) };
            let receipt = books.issued(settings, &gift).await;
            codes.push(format!("{} {}", receipt.code, receipt.gift_on));
        }
        assert_eq!(codes, [
            "R-2026-000001 2026-12-31",
            "R-2027-000001 2027-01-01",
            "R-2027-000002 2027-01-01",
            "R-2026-000002 2026-06-01",
            "UK-2026-000001 2026-12-31",
        ]);
    }

    async fn a_gift_is_of_the_day_on_the_issuers_clock_also_when_it_is_put_on_or_back_and_on_a_leap_day(books: Books) {
        let settings = receipts::IssuerSettings { timezone: chrono_tz::America::St_Johns, ..issuer("plain") };
        for (paid_at, gift_on) in [
            // From winter to summer time on 8 March 2026 at two in the morning, and back on 1 November.
            ("2026-03-08T03:29:59Z", "2026-03-07"),
            ("2026-03-08T03:30:00Z", "2026-03-08"),
            ("2026-03-09T02:29:59Z", "2026-03-08"),
            ("2026-03-09T02:30:00Z", "2026-03-09"),
            ("2026-11-01T02:29:59Z", "2026-10-31"),
            ("2026-11-01T02:30:00Z", "2026-11-01"),
            ("2026-11-02T03:29:59Z", "2026-11-01"),
            ("2026-11-02T03:30:00Z", "2026-11-02"),
            ("2028-02-29T03:29:59Z", "2028-02-28"),
            ("2028-02-29T03:30:00Z", "2028-02-29"),
            ("2028-03-01T03:29:59Z", "2028-02-29"),
            ("2028-03-01T03:30:00Z", "2028-03-01"),
        ] {
            let gift = PaidGift { paid_at: paid_at.parse().unwrap(), ..gift(books.donation().await) };
            assert_eq!(books.issued(&settings, &gift).await.gift_on.to_string(), gift_on, "{paid_at}");
        }
    }

    async fn the_database_itself_refuses_to_edit_or_delete_a_receipt(books: Books) {
        let receipt = books.issued(&issuer("us"), &gift(books.donation().await)).await;
        for change in [
            "update receipt set snapshot = '{}'",
            "update receipt set number = 7",
            "update receipt set code = 'R-2026-000007'",
            "update receipt set amount_minor = 1",
            "update receipt set currency = 'USD'",
            "update receipt set gift_on = '2020-01-01'",
            "update receipt set profile = 'plain'",
            "update receipt set language = 'ps'",
            "update receipt set issued_at = '2020-01-01 00:00:00+00:00'",
            "delete from receipt",
        ] {
            let refused = books.db.write(async |tx| Ok(tx.execute_unprepared(change).await?)).await.unwrap_err();
            assert!(refused.to_string().contains("never edited"), "{change}: {refused}");
        }
        assert_eq!(store::find(books.db.read(), receipt.id).await.unwrap(), receipt);
    }

    async fn a_void_receipt_keeps_its_number_and_the_gift_may_get_another(books: Books) {
        let (settings, gift) = (issuer("plain"), gift(books.donation().await));
        let first = books.issued(&settings, &gift).await;
        let void = async |reason: &str| books.db.write(async |tx| receipts::void(tx, first.id, reason).await).await;
        assert!(matches!(void("  ").await, Err(Error::Invalid(_))));
        void("wrong amount").await.unwrap();
        assert!(matches!(void("again").await, Err(Error::Conflict(why)) if why.contains("R-2026-000001")));
        let revived = books.db.write(async |tx| Ok(tx.execute_unprepared("update receipt set status = 'issued'").await?)).await;
        assert!(revived.is_err(), "a void receipt stays void");

        let second = books.issued(&settings, &gift).await;
        assert_eq!(second.number, 2);
        let all = store::find_by_donation(books.db.read(), gift.donation_id).await.unwrap();
        assert_eq!(all.iter().map(|receipt| (receipt.number, receipt.status)).collect::<Vec<_>>(), [(1, ReceiptStatus::Void), (2, ReceiptStatus::Issued)]);
        assert_eq!((all[0].status_reason.as_str(), &all[0].snapshot), ("wrong amount", &first.snapshot));
        assert_eq!(store::find_by_code(books.db.read(), " r-2026-000002 ").await.unwrap(), Some(second));
    }

    async fn a_receipt_is_sent_again_with_the_same_content_and_a_void_one_is_not(books: Books) {
        let memory = Memory::default();
        let outbox = Outbox::new(Mailer::Memory(memory.clone()), "give@newsroom.example".parse().unwrap());
        let receipt = books.issued(&issuer("us"), &gift(books.donation().await)).await;
        let first = receipts::letter(&receipt, None, Some("https://newsroom.example/donations/abc")).unwrap();
        let new = books.random.id(noon());
        books.db.write(async |tx| outbox.enqueue(tx, first.clone(), new, noon()).await).await.unwrap();
        let resend = async |to: Option<receipts::Elsewhere<'_>>| {
            let new = books.random.id(noon());
            books.db.write(async |tx| receipts::resend(tx, &outbox, receipt.id, to, new, noon()).await).await
        };
        let again = resend(None).await.unwrap();
        let corrected = resend(Some(receipts::Elsewhere::once("right@example.org"))).await.unwrap();
        let letters = store::letters(books.db.read(), receipt.id).await.unwrap();
        assert_eq!(letters.len(), 3);
        assert!(letters.iter().all(|letter| letter.text_body == first.text && letter.html_body == first.html));
        let find = |id| letters.iter().find(|letter| letter.id == id).unwrap();
        assert_eq!((find(again).to_address.as_str(), find(corrected).to_address.as_str()), ("wren@example.org", "right@example.org"));

        books.db.write(async |tx| receipts::void(tx, receipt.id, "refunded").await).await.unwrap();
        assert!(matches!(resend(None).await, Err(Error::Conflict(_))));
    }

    async fn a_replacement_says_what_it_replaces_and_takes_the_next_number_of_the_gifts_year(books: Books) {
        let (settings, gift) = (issuer("us"), gift(books.donation().await));
        let first = books.issued(&settings, &gift).await;
        let change = Change { amount: Some(Money::new(23_450, "EUR".parse().unwrap())), donor_name: Some("Wren Marlow".into()), donor_address: None };
        let late = "2027-02-03T10:00:00Z".parse().unwrap();
        let second = books.db.write(async |tx| receipts::replace(tx, &settings, first.id, &change, "half was given back", late, &books.random).await).await.unwrap();
        assert_eq!((second.code.as_str(), second.replaces_id, second.amount_minor, second.gift_on), ("R-2026-000002", Some(first.id), 23_450, first.gift_on));
        let old = store::find(books.db.read(), first.id).await.unwrap();
        assert_eq!((old.status, old.status_reason.as_str(), &old.snapshot), (ReceiptStatus::Replaced, "half was given back", &first.snapshot));
        let letter = receipts::letter(&second, None, None).unwrap();
        assert!(letter.text.contains("This receipt cancels and replaces receipt R-2026-000001.") && letter.text.contains("EUR 234.50"), "{}", letter.text);
        assert!(letter.text.contains("Wren Marlow") && letter.text.contains("Ream of paper"), "what was not changed stays: {}", letter.text);
        assert!(!letter.text.contains("3 × Ream of paper"), "a part of the money pays for no certain number: {}", letter.text);
        let again = books.db.write(async |tx| receipts::replace(tx, &settings, first.id, &change, "again", late, &books.random).await).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "a receipt is replaced once");
    }

    async fn a_gift_is_on_one_valid_german_slip_and_no_more(books: Books) {
        let settings = issuer("de");
        let gift = PaidGift { amount: Money::new(30_000, "EUR".parse().unwrap()), ..gift(books.donation().await) };
        let first = books.issued(&settings, &gift).await;
        let twice = books.db.write(async |tx| store::confirm_by_receipt(tx, gift.donation_id, first.id).await).await;
        assert!(twice.is_err(), "the database itself refuses a second confirmation");
        let change = Change { amount: Some(Money::new(10_000, "EUR".parse().unwrap())), ..Change::default() };
        let second = books.db.write(async |tx| receipts::replace(tx, &settings, first.id, &change, "partly given back", noon(), &books.random).await).await.unwrap();
        let on = confirmation::Entity::find().all(books.db.read()).await.unwrap();
        assert_eq!(on.iter().map(|row| row.receipt_id).collect::<Vec<_>>(), [Some(second.id)]);
        books.db.write(async |tx| receipts::void(tx, second.id, "given back").await).await.unwrap();
        assert!(confirmation::Entity::find().all(books.db.read()).await.unwrap().is_empty());
    }
}
