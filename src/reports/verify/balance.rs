//! The rules about Stripe's balance, the bank and closed periods.

use super::{Check, Key, Rule};
use crate::{error::Error, ledger::periods};
use entity::words::PeriodState;
use sea_orm::ConnectionTrait;

/// Every rule, in the order of money on its way to the bank. `@recent` is a quarter of an hour ago: a movement that was heard of since may
/// still wait for its donation.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "What each movement of Stripe's balance came to is what it did to the ledger.",
        noun: "movement",
        key: Key::Text,
        counted: "select count(*) as n from balance_movement",
        broken: "select m.id as who, case when l.minor is null then m.mapped_to || ', no posting' else m.mapped_to end as note,
                cast(l.minor as bigint) as found,
                case when m.balance in ('payments', 'issuing', 'refund_and_dispute_prefunding') then m.net_minor else cast(0 as bigint) end as expected
            from balance_movement m left join (
                select txn, currency, sum(minor) as minor from (
                    select t.stripe_balance_transaction as txn, e.currency as currency, e.amount_minor as minor
                    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                    where e.account = 'stripe_clearing' and t.stripe_balance_transaction is not null
                    union all select f.stripe_balance_transaction, e.currency, e.amount_minor
                    from ledger_transaction f join ledger_transaction g on g.donation_id = f.donation_id and g.kind = 'donation'
                        join ledger_entry e on e.transaction_id = g.id
                    where f.kind = 'fee' and e.account = 'stripe_clearing' and f.stripe_balance_transaction is not null) legs
                group by txn, currency) l on l.txn = m.id and l.currency = m.currency
            where coalesce(l.minor, 0) <> case when m.balance in ('payments', 'issuing', 'refund_and_dispute_prefunding') then m.net_minor else 0 end
                and (l.minor is not null or m.heard_at < @recent)
                and not ((l.minor is null or m.balance not in ('payments', 'issuing', 'refund_and_dispute_prefunding')) and exists (select 1 from donation d where d.id = m.donation_id and d.status = 'processing'))
            order by m.id",
    },
    Rule {
        name: "A movement changes what Stripe holds in its own currency only.",
        noun: "movement",
        key: Key::Text,
        counted: "select count(*) as n from balance_movement",
        broken: "select m.id as who, l.currency as note, cast(l.minor as bigint) as found, cast(0 as bigint) as expected
            from balance_movement m join (
                select txn, currency, sum(minor) as minor from (
                    select t.stripe_balance_transaction as txn, e.currency as currency, e.amount_minor as minor
                    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                    where e.account = 'stripe_clearing' and t.stripe_balance_transaction is not null
                    union all select f.stripe_balance_transaction, e.currency, e.amount_minor
                    from ledger_transaction f join ledger_transaction g on g.donation_id = f.donation_id and g.kind = 'donation'
                        join ledger_entry e on e.transaction_id = g.id
                    where f.kind = 'fee' and e.account = 'stripe_clearing' and f.stripe_balance_transaction is not null) legs
                group by txn, currency) l on l.txn = m.id and l.currency <> m.currency
            where l.minor <> 0 order by m.id",
    },
    Rule {
        name: "What Stripe holds back is what moved into it, told once.",
        noun: "movement",
        key: Key::Text,
        counted: "select count(*) as n from balance_movement",
        broken: "select m.id as who, m.balance as note, cast(coalesce(l.minor, 0) as bigint) as found, m.expected as expected
            from (select id, balance, currency, heard_at, case
                    when balance in ('payments', 'issuing', 'refund_and_dispute_prefunding') then
                        case when mapped_to = 'reserve' then -gross_minor else cast(0 as bigint) end
                    when mapped_to = 'reserve' then cast(0 as bigint) else net_minor end as expected
                from balance_movement) m
            left join (
                select t.stripe_balance_transaction as txn, e.currency as currency, sum(e.amount_minor) as minor
                from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where e.account = 'stripe_reserve' and t.stripe_balance_transaction is not null
                group by t.stripe_balance_transaction, e.currency) l on l.txn = m.id and l.currency = m.currency
            where coalesce(l.minor, 0) <> m.expected order by m.id",
    },
    Rule {
        name: "Every posting from Stripe's balance has its movement.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction where kind in
            ('payout', 'payout_failure', 'stripe_fee', 'reserve', 'top_up', 'other', 'unmapped')",
        broken: "select t.id as who, t.source as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_transaction t left join balance_movement m on m.id = t.stripe_balance_transaction
            where t.kind in ('payout', 'payout_failure', 'stripe_fee', 'reserve', 'top_up', 'other', 'unmapped') and m.id is null order by t.id",
    },
    Rule {
        name: "Every movement of Stripe's balance is of a known kind.",
        noun: "movement",
        key: Key::Text,
        counted: "select count(*) as n from balance_movement",
        broken: "select m.id as who, 'say what ' || m.category || ' is, under Payouts' as note, cast(null as bigint) as found,
                cast(null as bigint) as expected
            from balance_movement m where m.mapped_to = 'unmapped' order by m.id",
    },
    Rule {
        name: "Each itemised payout is the sum of its parts.",
        noun: "payout",
        key: Key::Text,
        counted: "select count(*) as n from payout where itemised_at is not null",
        broken: "select p.stripe_payout_id as who, p.currency as note, cast(coalesce(s.minor, 0) as bigint) as found, p.amount_minor as expected
            from payout p left join (
                select payout_id, currency, sum(net_minor) as minor from balance_movement
                where payout_id is not null and source_id <> payout_id and balance = 'payments'
                group by payout_id, currency) s on s.payout_id = p.stripe_payout_id and s.currency = p.currency
            where p.itemised_at is not null and (coalesce(s.minor, 0) <> p.amount_minor or exists (
                select 1 from balance_movement o where o.payout_id = p.stripe_payout_id and o.currency <> p.currency and o.balance = 'payments'))
            order by p.stripe_payout_id",
    },
    Rule {
        name: "The bank has what each payout brought, and nothing of one that came back.",
        noun: "payout",
        key: Key::Text,
        counted: "select count(*) as n from payout where balance_transaction_id is not null",
        broken: "select p.stripe_payout_id as who, 'at the bank' as note, cast(coalesce(b.minor, 0) as bigint) as found,
                case when p.failure_balance_transaction_id is null then p.amount_minor else cast(0 as bigint) end as expected
            from payout p left join (
                select own.payout as payout, sum(e.amount_minor) as minor from (
                    select id as payout, currency, balance_transaction_id as txn from payout where balance_transaction_id is not null
                    union all select id, currency, failure_balance_transaction_id from payout where failure_balance_transaction_id is not null
                    ) own join ledger_transaction t on t.stripe_balance_transaction = own.txn
                    join ledger_entry e on e.transaction_id = t.id and e.account = 'bank' and e.currency = own.currency
                group by own.payout) b on b.payout = p.id
            where p.balance_transaction_id is not null and p.updated_at < @recent
                and coalesce(b.minor, 0) <> case when p.failure_balance_transaction_id is null then p.amount_minor else 0 end
            order by p.stripe_payout_id",
    },
];

/// Every closed period holds the entries that it was closed with, unchanged.
pub(super) async fn periods_are_as_they_were_closed(db: &impl ConnectionTrait) -> Result<Check, Error> {
    let (mut findings, mut entries) = (Vec::new(), 0u64);
    for period in periods::list(db).await?.into_iter().filter(|period| period.state == PeriodState::Closed) {
        let now = periods::control(db, period.starts_at, period.ends_at).await?;
        entries += u64::try_from(now.entries).unwrap_or(0);
        let named = || format!("period from {} to before {}", period.starts_on, period.ends_on);
        if now.entries != period.entries {
            findings.push(format!("{}: {} entries instead of {}", named(), now.entries, period.entries));
        } else if now.hash != period.control_hash {
            findings.push(format!("{}: its entries are not those that it was closed with", named()));
        }
    }
    Ok(Check::new("Each closed period is as it was closed.", entries, findings))
}
