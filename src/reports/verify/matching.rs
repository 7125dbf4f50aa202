//! The rules about matching pots.

use super::{Key, Rule};

/// Every rule.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "Of a matching pot no more is held and confirmed than was promised, and the pot says what its gifts say.",
        noun: "matching pot",
        key: Key::Id,
        counted: "select count(*) as n from match_pot",
        broken: "select p.id as who, 'held and confirmed' as note, cast(coalesce(h.held, 0) + coalesce(h.confirmed, 0) as bigint) as found,
                cast(p.held_minor + p.confirmed_minor as bigint) as expected
            from match_pot p left join (
                select match_pot_id, sum(case when state = 'held' then minor else 0 end) as held,
                    sum(case when state = 'confirmed' then minor else 0 end) as confirmed
                from match_hold group by match_pot_id) h on h.match_pot_id = p.id
            where coalesce(h.held, 0) <> p.held_minor or coalesce(h.confirmed, 0) <> p.confirmed_minor
                or coalesce(h.held, 0) + coalesce(h.confirmed, 0) > p.total_minor order by p.id",
    },
    Rule {
        name: "A match is confirmed for a paid donation only, of the pot's campaign and currency.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from match_hold where state = 'confirmed'",
        broken: "select d.id as who, 'it is ' || d.status as note, h.minor as found, cast(0 as bigint) as expected
            from match_hold h join donation d on d.id = h.donation_id join match_pot p on p.id = h.match_pot_id
            where h.state = 'confirmed' and (d.status <> 'paid' or d.currency <> p.currency or d.campaign_id <> p.campaign_id
                or d.campaign_id is null) order by d.id",
    },
    Rule {
        name: "No more is added to a gift than the ratio says of what it is worth to the campaign.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from match_hold where state = 'confirmed' and minor > 0",
        broken: "select h.donation_id as who, 'added to' as note, h.minor as found, cast(coalesce(w.minor, 0) as bigint) as expected
            from match_hold h join donation d on d.id = h.donation_id join match_pot p on p.id = h.match_pot_id left join (
                select t.donation_id, e.campaign_id, -sum(e.amount_minor) as minor
                from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
                where e.account = 'donations' and t.donation_id in (select donation_id from match_hold where state = 'confirmed')
                group by t.donation_id, e.campaign_id) w on w.donation_id = h.donation_id and w.campaign_id = p.campaign_id
            where h.state = 'confirmed' and h.minor > 0
                and h.minor * 10000 > h.ratio_bp * (coalesce(w.minor, 0) - d.fee_cover_minor) order by h.donation_id",
    },
    Rule {
        name: "No part of a gift is added to twice.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(distinct donation_id) as n from match_hold",
        broken: "select d.id as who, 'parts' as note, cast(sum(h.base_minor) as bigint) as found,
                cast(d.amount_minor - d.fee_cover_minor as bigint) as expected
            from match_hold h join donation d on d.id = h.donation_id
            where not exists (select 1 from donation_step s where s.donation_id = d.id and s.kind = 'paid_in_parts')
            group by d.id, d.amount_minor, d.fee_cover_minor having sum(h.base_minor) > d.amount_minor - d.fee_cover_minor order by d.id",
    },
    Rule {
        name: "No match is held longer than its checkout.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from match_hold where state = 'held'",
        broken: "select h.donation_id as who, 'the donation is ' || d.status as note, h.minor as found, cast(0 as bigint) as expected
            from match_hold h join donation d on d.id = h.donation_id
            where h.state = 'held' and (d.status not in ('pending', 'processing') or h.expires_at <= @recent) order by h.donation_id",
    },
    Rule {
        name: "What a gift has of a matching pot is what the pot's history says.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from match_hold",
        broken: "select h.donation_id as who, h.state as note, h.minor as found, cast(coalesce(s.total, 0) as bigint) as expected
            from match_hold h left join (
                select match_pot_id, donation_id, sum(change_minor) as total from match_step where donation_id is not null
                group by match_pot_id, donation_id) s on s.match_pot_id = h.match_pot_id and s.donation_id = h.donation_id
            where h.minor <> coalesce(s.total, 0) order by h.donation_id",
    },
    Rule {
        name: "A sponsor's payment is a paid donation for the pot's campaign in its currency, and is not matched itself.",
        noun: "donation",
        key: Key::Id,
        counted: "select count(*) as n from match_payment where unlinked_at is null",
        broken:
            "select d.id as who, 'it is ' || d.status as note, cast(coalesce(m.minor, 0) as bigint) as found, cast(0 as bigint) as expected
            from match_payment y join donation d on d.id = y.donation_id join match_pot p on p.id = y.match_pot_id left join (
                select donation_id, sum(minor) as minor from match_hold group by donation_id) m on m.donation_id = d.id
            where y.unlinked_at is null and (d.status <> 'paid' or d.currency <> p.currency or d.campaign_id is null
                or d.campaign_id <> p.campaign_id or coalesce(m.minor, 0) > 0) order by d.id",
    },
];
