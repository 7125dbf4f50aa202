//! The rules that one question each can check, the same on both databases.

use super::{Key, Rule};

/// Every rule, in the order of a donation's life.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "Each transaction of the ledger sums to zero in every currency.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_entry",
        broken: "select transaction_id as who, currency as note, cast(sum(amount_minor) as bigint) as found, cast(0 as bigint) as expected
            from ledger_entry group by transaction_id, currency having sum(amount_minor) <> 0 order by transaction_id",
    },
    Rule {
        name: "The whole ledger sums to zero in every currency.",
        noun: "currency",
        key: Key::Text,
        counted: "select count(distinct currency) as n from ledger_entry",
        broken: "select currency as who, '' as note, cast(sum(amount_minor) as bigint) as found, cast(0 as bigint) as expected
            from ledger_entry group by currency having sum(amount_minor) <> 0 order by currency",
    },
    Rule {
        name: "Each paid donation is in the ledger once, with its amount.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from donation where status = 'paid'",
        broken: "select d.id as who, case when g.postings is null then 'no gift in the ledger' when g.postings <> 1 then 'posted more than once'
                else 'another amount in the ledger' end as note, g.minor as found, d.amount_minor as expected
            from donation d left join (
                select t.donation_id, count(distinct t.id) as postings, cast(-sum(e.amount_minor) as bigint) as minor,
                    min(e.currency) as lowest, max(e.currency) as highest
                from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where t.kind = 'donation' and e.account = 'donations' group by t.donation_id) g on g.donation_id = d.id
            where d.status = 'paid' and (g.postings is null or g.postings <> 1 or g.minor <> d.amount_minor
                or g.lowest <> d.currency or g.highest <> d.currency) order by d.id",
    },
    Rule {
        name: "Every posting belongs to a paid donation.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction",
        broken: "select t.id as who, t.source as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_transaction t left join donation d on d.id = t.donation_id
            where (d.id is null or d.status <> 'paid') and (t.donation_id is not null or t.stripe_balance_transaction is null
                or t.kind in ('donation', 'fee', 'refund', 'refund_failure', 'dispute', 'dispute_reversal', 'dispute_loss', 'shortfall'))
                and not (t.donation_id is null and t.source like 'deposit:%') order by t.id",
    },
    Rule {
        name: "Each deposit is in the ledger with the sum of its gifts.",
        noun: "deposit",
        key: Key::Id,
        counted: "select count(*) as n from deposit",
        broken: "select d.id as who, case when t.id is null then 'not in the ledger' else 'its gifts and the bank' end as note,
                cast(coalesce(b.minor, 0) as bigint) as found, d.amount_minor as expected
            from deposit d left join ledger_transaction t on t.source = d.source
            left join (
                select e.transaction_id, sum(e.amount_minor) as minor from ledger_transaction l join ledger_entry e on e.transaction_id = l.id
                where l.kind = 'deposit' and e.account = 'bank' group by e.transaction_id) b on b.transaction_id = t.id
            left join (
                select g.deposit_id, sum(n.amount_minor) as minor from deposit_gift g join donation n on n.id = g.donation_id
                group by g.deposit_id) s on s.deposit_id = d.id
            where t.id is null or coalesce(b.minor, 0) <> d.amount_minor or coalesce(s.minor, 0) <> d.amount_minor
                or (d.reversed_at is not null) <> exists (select 1 from ledger_transaction r where r.reverses_id = t.id) order by d.id",
    },
    Rule {
        name: "What a gift is for in the ledger is what the donation says; an item that was gone when the money came is left out.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_entry where account = 'donations'",
        broken: "select t.id as who, 'its campaign, item, article or fund is another than the donation''s' as note,
                cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_entry e join ledger_transaction t on t.id = e.transaction_id join donation d on d.id = t.donation_id
            where e.account = 'donations' and (e.campaign_id is distinct from d.campaign_id or e.fund_id is distinct from d.fund_id
                or (e.wish_item_id is distinct from d.wish_item_id and not (e.wish_item_id is null and exists (
                    select 1 from donation_step s where s.donation_id = d.id and s.kind = 'item_paid_late')))
                or e.article_id is distinct from d.article_id) and not exists (
                    select 1 from ledger_transaction m where m.donation_id = d.id and m.kind = 'reclassification') order by t.id",
    },
    Rule {
        name: "Stripe's fee of a donation is in the ledger once.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from ledger_transaction where kind = 'fee'",
        broken: "select donation_id as who, 'fees posted' as note, cast(count(*) as bigint) as found, cast(1 as bigint) as expected
            from ledger_transaction where kind = 'fee' and donation_id is not null group by donation_id having count(*) > 1 order by donation_id",
    },
    Rule {
        name: "Each paid donation names the checkout that paid it.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from donation where status = 'paid' and source = 'checkout'",
        broken: "select id as who, 'no checkout' as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from donation where status = 'paid' and source = 'checkout' and checkout_session_id is null order by id",
    },
    Rule {
        name: "What a checkout brought is posted under the payment or checkout of its donation.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction where kind = 'donation' and donation_id is not null",
        broken: "select t.id as who, t.source as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_transaction t join donation d on d.id = t.donation_id
            where t.kind = 'donation' and d.source = 'checkout' and t.source <> coalesce(d.payment_intent_id, '') || ':capture'
                and t.source <> coalesce(d.checkout_session_id, '') || ':capture' order by t.id",
    },
    Rule {
        name: "What came in for an invoice is posted under its own payment.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction t join donation d on d.id = t.donation_id
            where t.kind = 'donation' and d.invoice_id is not null and d.checkout_session_id is null",
        broken: "select t.id as who, t.source as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from ledger_transaction t join donation d on d.id = t.donation_id
            where t.kind = 'donation' and d.invoice_id is not null and d.checkout_session_id is null
                and t.source <> coalesce(d.payment_intent_id, '') || ':capture' order by t.id",
    },
    Rule {
        name: "Every event that was taken in was acted on, its job is there, or staff settled it.",
        noun: "event",
        key: Key::Text,
        counted: "select count(*) as n from stripe_event",
        broken: "select e.id as who, e.event_type as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from stripe_event e left join job j on j.dedupe_key = 'event:' || e.id
            where e.outcome = 'waiting' and j.id is null and not exists (
                select 1 from difference d where d.kind = 'event' and d.object_id = e.id and d.settled_at is not null) order by e.id",
    },
    Rule {
        name: "A gift by hand names how it came and nothing of Stripe, and a gift of another system has a day of its own.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from donation where source in ('manual', 'imported')",
        broken: "select id as who, source as note, cast(null as bigint) as found, cast(null as bigint) as expected from donation
            where (source = 'manual' and (method not in ('cash', 'cheque', 'transfer') or checkout_session_id is not null
                or payment_intent_id is not null or charge_id is not null or fee_cover_minor <> 0))
                or (source = 'imported' and (status <> 'paid' or checkout_session_id is not null)) order by id",
    },
    Rule {
        name: "What was taken back was taken back once, in full.",
        noun: "ledger transaction",
        key: Key::Number,
        counted: "select count(*) as n from ledger_transaction where kind = 'reversal'",
        broken: "select r.id as who, r.source as note, cast(coalesce(sum(e.amount_minor), 0) as bigint) as found, cast(0 as bigint) as expected
            from ledger_transaction r left join ledger_entry e on e.transaction_id in (r.id, r.reverses_id)
            where r.kind = 'reversal' group by r.id, r.source, r.reverses_id, e.account, e.currency
            having r.reverses_id is null or coalesce(sum(e.amount_minor), 0) <> 0 or
                (select count(*) from ledger_transaction other where other.reverses_id = r.reverses_id and other.kind = 'reversal') <> 1
            order by r.id",
    },
    Rule {
        name: "No form, checkout, payment or charge belongs to two donations.",
        noun: "form or object of Stripe",
        key: Key::Text,
        counted: "select count(*) as n from donation",
        broken: "select object as who, '' as note, cast(count(*) as bigint) as found, cast(1 as bigint) as expected from (
                select form_token as object from donation
                union all select checkout_session_id from donation where checkout_session_id is not null
                union all select payment_intent_id from donation where payment_intent_id is not null
                union all select charge_id from donation where charge_id is not null) objects
            group by object having count(*) > 1 order by object",
    },
    Rule {
        name: "Each paid donation has one valid receipt, with what it is worth; one that is worth nothing has none.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from donation where status = 'paid'",
        broken: "select d.id as who, case when w.minor <= 0 then 'a valid receipt, and nothing is left' when r.receipts is null then 'no valid receipt'
                when r.receipts <> 1 then 'more than one valid receipt' else 'another amount on the receipt' end as note,
                r.minor as found, w.minor as expected
            from donation d join (
                select t.donation_id, cast(-sum(e.amount_minor) as bigint) as minor
                from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where e.account = 'donations' group by t.donation_id) w on w.donation_id = d.id
            left join (
                select donation_id, count(*) as receipts, max(amount_minor) as minor, max(currency) as currency
                from receipt where status = 'issued' group by donation_id) r on r.donation_id = d.id
            where d.status = 'paid' and ((w.minor <= 0 and r.receipts is not null)
                or (w.minor > 0 and r.receipts is null and d.source <> 'imported')
                or (w.minor > 0 and (r.receipts <> 1 or r.minor <> w.minor or r.currency <> d.currency)))
            order by d.id",
    },
    Rule {
        name: "What came back of a gift is no more than the gift.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(distinct donation_id) as n from ledger_transaction where kind in ('refund', 'refund_failure', 'dispute_loss', 'shortfall')",
        broken: "select d.id as who, 'came back' as note, cast(sum(e.amount_minor) as bigint) as found, d.amount_minor as expected
            from ledger_transaction t join ledger_entry e on e.transaction_id = t.id join donation d on d.id = t.donation_id
            where t.kind in ('refund', 'refund_failure', 'dispute_loss', 'shortfall') and e.account = 'donations'
            group by d.id, d.amount_minor having sum(e.amount_minor) < 0 or sum(e.amount_minor) > d.amount_minor order by d.id",
    },
    Rule {
        name: "No gift is worth less than nothing, nor is what stands of it for any one purpose.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(distinct donation_id) as n from ledger_transaction where donation_id is not null",
        broken: "select t.donation_id as who, 'income for one purpose' as note, cast(-sum(e.amount_minor) as bigint) as found,
                cast(0 as bigint) as expected
            from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
            where e.account = 'donations' and t.donation_id is not null
            group by t.donation_id, e.currency, e.fund_id, e.campaign_id, e.wish_item_id, e.article_id having sum(e.amount_minor) > 0
            order by t.donation_id",
    },
    Rule {
        name: "What was taken back beyond a gift is a cost, and of nothing else.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from ledger_transaction where kind = 'shortfall'",
        broken: "select s.donation_id as who, 'worth something, and a cost all the same' as note, w.minor as found, cast(0 as bigint) as expected
            from (select t.donation_id, sum(e.amount_minor) as minor from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where t.kind = 'shortfall' and e.account = 'stripe_fees' group by t.donation_id) s
            join (select t.donation_id, cast(-sum(e.amount_minor) as bigint) as minor
                from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where e.account = 'donations' group by t.donation_id) w on w.donation_id = s.donation_id
            where s.minor < 0 or (s.minor > 0 and w.minor <> 0) order by s.donation_id",
    },
    Rule {
        name: "Each refund that succeeded is in the ledger, and none that was never made or that failed.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from refund",
        broken: "select d.id as who, 'refunds in the ledger' as note, cast(coalesce(l.minor, 0) as bigint) as found, r.succeeded as expected
            from donation d left join (
                select donation_id, cast(sum(case when state = 'succeeded' then amount_minor else 0 end) as bigint) as succeeded,
                    cast(sum(case when stripe_refund_id is not null and (state not in ('failed', 'canceled') or updated_at >= @recent)
                        then amount_minor else 0 end) as bigint) as made
                from refund group by donation_id) r on r.donation_id = d.id
            left join (
                select t.donation_id, sum(e.amount_minor) as minor from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where t.kind in ('refund', 'refund_failure') and t.source not like '%:charge_failure' and e.account = 'donations'
                group by t.donation_id) l on l.donation_id = d.id
            where (r.donation_id is not null or l.donation_id is not null)
                and (coalesce(l.minor, 0) < coalesce(r.succeeded, 0) or coalesce(l.minor, 0) > coalesce(r.made, 0)) order by d.id",
    },
    Rule {
        name: "Nothing stays disputed once every dispute of a gift is decided.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from dispute",
        broken: "select t.donation_id as who, e.currency || ' still disputed' as note, cast(sum(e.amount_minor) as bigint) as found,
                cast(0 as bigint) as expected
            from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
            where e.account = 'disputed' and t.donation_id is not null
                and not exists (select 1 from dispute p where p.donation_id = t.donation_id
                    and (p.outcome = 'open' or (p.outcome = 'won' and p.updated_at >= @recent)))
            group by t.donation_id, e.currency having sum(e.amount_minor) <> 0 order by t.donation_id",
    },
    Rule {
        name: "No receipt was given for what was not paid.",
        noun: "receipt",
        key: Key::Text,
        counted: "select count(*) as n from receipt",
        broken: "select r.code as who, 'its donation is not paid' as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from receipt r left join donation d on d.id = r.donation_id where d.id is null or d.status <> 'paid' order by r.code",
    },
    Rule {
        name: "Receipt numbers have no gaps.",
        noun: "series",
        key: Key::Text,
        counted: "select count(*) as n from receipt_series",
        broken: "select s.prefix || '-' || s.year as who, 'receipts' as note, cast(coalesce(r.receipts, 0) as bigint) as found,
                cast(s.next_number - 1 as bigint) as expected
            from receipt_series s left join (
                select series_id, count(distinct number) as receipts, max(number) as last from (
                    select series_id, number from receipt union all select series_id, number from statement) numbered
                group by series_id) r on r.series_id = s.id
            where coalesce(r.receipts, 0) <> s.next_number - 1 or coalesce(r.last, 0) <> s.next_number - 1 order by s.prefix, s.year",
    },
    Rule {
        name: "Each receipt has one first letter; of a gift by hand or of another system, at most one.",
        noun: "receipt",
        key: Key::Text,
        counted: "select count(*) as n from receipt",
        broken: "select r.code as who, 'letters' as note, cast(coalesce(l.letters, 0) as bigint) as found, cast(1 as bigint) as expected
            from receipt r left join donation d on d.id = r.donation_id left join (
                select receipt_id, dedupe_key, count(*) as letters from letter where kind = 'receipt' group by receipt_id, dedupe_key) l
                on l.receipt_id = r.id and l.dedupe_key = 'receipt:' || r.code
            where coalesce(l.letters, 0) <> 1 and not (l.letters is null and d.source in ('manual', 'imported')) order by r.code",
    },
    Rule {
        name: "What confirms a gift to a German tax office is valid.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from confirmation",
        broken: "select c.donation_id as who, 'its confirmation ended' as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from confirmation c left join receipt r on r.id = c.receipt_id left join statement s on s.id = c.statement_id
            where coalesce(r.status, s.status, 'none') <> 'issued' order by c.donation_id",
    },
    Rule {
        name: "Gift Aid is claimed on no more than was given, and never on less than nothing.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from gift_aid_line",
        broken: "select d.id as who, 'pence claimed on' as note, cast(l.claimed as bigint) as found, d.amount_minor as expected
            from donation d join (select donation_id, sum(amount_minor) as claimed from gift_aid_line group by donation_id) l
                on l.donation_id = d.id
            where l.claimed < 0 or l.claimed > d.amount_minor or d.currency <> 'GBP' or d.status <> 'paid' order by d.id",
    },
    Rule {
        name: "A Gift Aid claim that was sent is locked, and one that was withdrawn holds no gift.",
        noun: "claim",
        key: Key::Id,
        counted: "select count(*) as n from gift_aid_claim",
        broken: "select c.id as who, c.state as note, cast(count(*) as bigint) as found, cast(0 as bigint) as expected
            from gift_aid_claim c join gift_aid_line l on l.claim_id = c.id
            where c.state = 'withdrawn' or (c.state = 'submitted') <> l.locked group by c.id, c.state order by c.id",
    },
    Rule {
        name: "Every reader's beacon of a closed day ended in one place, and no day has more readers than views.",
        noun: "readers of",
        key: Key::Text,
        counted: "select count(*) as n from reader_day where closed",
        broken: "select scope || ' ' || scope_id || ' ' || day as who, source as note,
                views + duplicates + bots + prefetch + opt_out + malformed + unknown_article + capped + staff as found, received as expected
            from reader_day where closed and (received <> views + duplicates + bots + prefetch + opt_out + malformed + unknown_article + capped
                + staff or readers_min > readers or (form = 'exact' and readers > views)) order by day, scope, scope_id, source",
    },
];
