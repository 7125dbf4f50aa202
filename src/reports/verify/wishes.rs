//! The rules about wish items.

use super::{Key, Rule};

/// Every rule, in the order of an item's life.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "No more of a wish item is held, ordered and paid than is asked for.",
        noun: "wish item",
        key: Key::Text,
        counted: "select count(*) as n from wish_item",
        broken: "select i.slug as who, 'held, ordered and paid' as note, cast(sum(r.quantity) as bigint) as found, i.quantity as expected
            from wish_item i join (
                select wish_item_id, quantity from wish_reservation where state = 'paid' or (state = 'held' and expires_at > $1)
                union all select wish_item_id, quantity from wish_order where state = 'confirmed' or (state = 'held' and expires_at > $1)) r
                on r.wish_item_id = i.id
            where i.funding = 'whole' and i.status = 'open' group by i.id, i.slug, i.quantity having sum(r.quantity) > i.quantity order by i.slug",
    },
    Rule {
        name: "No more money is held and paid for a wish item that many pay for together than it costs.",
        noun: "wish item",
        key: Key::Text,
        counted: "select count(*) as n from wish_item where funding = 'shared'",
        broken: "select i.slug as who, 'held and paid' as note, cast(sum(r.amount_minor) as bigint) as found,
                i.price_minor * i.quantity as expected
            from wish_item i join wish_reservation r on r.wish_item_id = i.id
            where i.funding = 'shared' and i.status = 'open' and (r.state = 'paid' or (r.state = 'held' and r.expires_at > $1))
            group by i.id, i.slug, i.price_minor, i.quantity having sum(r.amount_minor) > i.price_minor * i.quantity order by i.slug",
    },
    Rule {
        name: "A wish item is paid where its donation is, and only there; what was paid too late or given back is noted.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from wish_reservation",
        broken: "select d.id as who, 'the item is ' || coalesce(r.state, 'not reserved') || ', the donation ' || d.status as note,
                cast(null as bigint) as found, cast(null as bigint) as expected
            from donation d left join wish_reservation r on r.donation_id = d.id
            left join (
                select t.donation_id, -sum(e.amount_minor) as minor from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where e.account = 'donations' group by t.donation_id) w on w.donation_id = d.id
            where (r.state = 'paid' and (d.status <> 'paid' or w.minor <= 0))
                or (d.wish_item_id is not null and r.id is null)
                or (d.status = 'paid' and r.state <> 'paid' and not exists (
                    select 1 from donation_step s where s.donation_id = d.id
                        and (s.kind in ('item_paid_late', 'reversed') or (s.kind = 'item_given_back' and w.minor <= 0)
                            or (s.kind = 'promise_moved' and coalesce((
                                select sum(e.amount_minor) from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                                where t.donation_id = d.id and e.account = 'donations' and e.wish_item_id = r.wish_item_id), 0) >= 0))))
            order by d.id",
    },
    Rule {
        name: "Of a wish item no more is bought than is asked for, and no more delivered than bought.",
        noun: "wish item",
        key: Key::Text,
        counted: "select count(*) as n from wish_step where kind in ('bought', 'delivered')",
        broken: "select i.slug as who, 'bought, and delivered' as note, s.delivered as found, s.bought as expected from wish_item i join (
                select wish_item_id, cast(sum(case when kind = 'bought' then quantity else 0 end) as bigint) as bought,
                    cast(sum(case when kind = 'delivered' then quantity else 0 end) as bigint) as delivered
                from wish_step where kind in ('bought', 'delivered') group by wish_item_id) s on s.wish_item_id = i.id
            where s.bought < 0 or s.delivered < 0 or s.delivered > s.bought or s.bought > i.quantity order by i.slug",
    },
    Rule {
        name: "A confirmed order counts as bought once, and no other does.",
        noun: "order",
        key: Key::Id,
        counted: "select count(*) as n from wish_order",
        broken: "select o.id as who, o.state as note, cast(coalesce(s.bought, 0) as bigint) as found,
                case when o.state = 'confirmed' then o.quantity else 0 end as expected
            from wish_order o left join (
                select order_id, sum(quantity) as bought from wish_step where kind = 'bought' group by order_id) s on s.order_id = o.id
            where coalesce(s.bought, 0) <> case when o.state = 'confirmed' then o.quantity else 0 end order by o.id",
    },
    Rule {
        name: "What is paid of a wish item is what its steps say.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from wish_reservation",
        broken: "select r.donation_id as who, r.state as note, cast(s.paid as bigint) as found,
                cast(case when r.state = 'paid' then 1 else 0 end as bigint) as expected
            from wish_reservation r join (
                select donation_id, sum(case when kind in ('paid', 'paid_late') then coalesce(amount_minor, quantity)
                    else -coalesce(amount_minor, quantity) end) as paid
                from wish_step where kind in ('paid', 'paid_late', 'given_back') group by donation_id) s on s.donation_id = r.donation_id
            where s.paid <> case when r.state = 'paid' then coalesce(r.amount_minor, r.quantity) else 0 end order by r.donation_id",
    },
    Rule {
        name: "A checkout that was ended because its article asks no more is over, and holds nothing of a wish item.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from checkout_ending",
        broken: "select d.id as who, 'the end is ' || e.outcome || ', the donation ' || d.status as note,
                cast(null as bigint) as found, cast(null as bigint) as expected
            from checkout_ending e join donation d on d.id = e.donation_id left join wish_reservation r on r.donation_id = d.id
            where (e.outcome <> 'open' and d.status = 'pending') or (e.outcome = 'paid' and d.status <> 'paid')
                or (e.outcome in ('ended', 'over') and d.status <> 'paid' and r.state = 'held')
            order by d.id",
    },
];
