//! The rules about promises that could not be kept.

use super::{Key, Rule};

/// Every rule.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "The money of a promise that was not kept went to exactly one place, all of it, as was chosen.",
        noun: "choice",
        key: Key::Id,
        counted: "select count(*) as n from promise_choice",
        broken: "select c.id as who, c.way as note, cast(coalesce(m.minor, 0) + coalesce(r.amount_minor, 0) as bigint) as found,
                c.moved_minor as expected
            from promise_choice c
            left join (
                select t.source, sum(e.amount_minor) as minor from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where t.kind in ('reclassification', 'reversal') and e.account = 'donations' and e.amount_minor > 0
                group by t.source) m on m.source = c.source
            left join refund r on r.idempotency_key = c.refund_key and r.donation_id = c.donation_id
            where coalesce(m.minor, 0) + coalesce(r.amount_minor, 0) <> c.moved_minor or (m.source is not null and r.id is not null)
                or (c.carried_at is null and c.moved_minor <> 0)
            order by c.id",
    },
    Rule {
        name: "Money moves from one purpose to another only where a giver's choice says so.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction where kind = 'reclassification'",
        broken: "select t.id as who, t.source as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_transaction t left join promise_choice c on c.source = t.source and c.donation_id = t.donation_id
            where t.kind = 'reclassification' and (c.id is null or c.carried_at is null or exists (
                select 1 from ledger_entry e where e.transaction_id = t.id and e.account <> 'donations')) order by t.id",
    },
    Rule {
        name: "Where money was moved to another fund, the codes that it had then are kept.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from donation_fund",
        broken: "select t.id as who, f.code as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_transaction t join ledger_entry e on e.transaction_id = t.id join donation d on d.id = t.donation_id
            join fund f on f.id = e.fund_id left join donation_fund x on x.donation_id = d.id and x.fund_id = e.fund_id
            where t.kind = 'reclassification' and e.fund_id <> d.fund_id and x.fund_id is null order by t.id",
    },
    Rule {
        name: "About one gift no two questions stand open at once.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from promise_choice where carried_at is null",
        broken: "select donation_id as who, 'open questions' as note, count(*) as found, cast(1 as bigint) as expected
            from promise_choice where carried_at is null group by donation_id having count(*) > 1 order by donation_id",
    },
    Rule {
        name: "What is being given back by hand goes back: nothing else was chosen.",
        noun: "choice",
        key: Key::Id,
        counted: "select count(*) as n from promise_choice where returning_at is not null",
        broken: "select c.id as who, c.way as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from promise_choice c join donation d on d.id = c.donation_id
            where c.returning_at is not null and (c.way <> 'refund' or d.payment_intent_id is not null) order by c.id",
    },
    Rule {
        name: "Where a gift was given back from another account than its own, it was given back once, in full, on that day.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction where kind = 'deposit' and source like '%:reversal:paid'",
        broken: "select t.id as who, t.source as note, cast(m.minor as bigint) as found, d.amount_minor as expected
            from ledger_transaction t join donation d on d.id = t.donation_id
            left join ledger_transaction r on r.donation_id = t.donation_id and r.kind = 'reversal'
            left join (
                select transaction_id, sum(amount_minor) as minor from ledger_entry where amount_minor > 0 group by transaction_id) m
                on m.transaction_id = t.id
            where t.kind = 'deposit' and t.source like '%:reversal:paid'
                and (r.id is null or r.occurred_at <> t.occurred_at or m.minor <> d.amount_minor) order by t.id",
    },
    Rule {
        name: "What is paid of a wish item is what the ledger holds for it, gift by gift.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from wish_reservation where state = 'paid'",
        broken: "select r.donation_id as who, 'income booked for the item, and its hold is ' || r.state as note,
                cast(coalesce(b.minor, 0) as bigint) as found, cast(null as bigint) as expected
            from wish_reservation r left join (
                select t.donation_id, e.wish_item_id, -sum(e.amount_minor) as minor
                from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where e.account = 'donations' and e.wish_item_id is not null group by t.donation_id, e.wish_item_id) b
                on b.donation_id = r.donation_id and b.wish_item_id = r.wish_item_id
            where r.state = 'paid' and coalesce(b.minor, 0) <= 0 order by r.donation_id",
    },
];
