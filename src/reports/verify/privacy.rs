//! The rules about supporters who were erased.

use super::{Key, Rule};

/// Every rule.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "Nothing names a supporter who was erased.",
        noun: "supporter",
        key: Key::Id,
        counted: "select count(*) as n from erasure",
        broken: "select e.supporter_id as who, case when s.email <> '' or s.name <> '' then 'her name or address is back'
                when exists (select 1 from donation d where d.supporter_id = e.supporter_id and (d.donor_name <> '' or d.note <> ''))
                    then 'a donation names her'
                when exists (select 1 from recurring_donation r where r.supporter_id = e.supporter_id and r.donor_name <> '')
                    then 'a recurring donation names her'
                when exists (select 1 from donation_address a join donation d on d.id = a.donation_id where d.supporter_id = e.supporter_id)
                    then 'a donation has her postal address'
                when exists (select 1 from portal_link l where l.supporter_id = e.supporter_id)
                    or exists (select 1 from portal_session p where p.supporter_id = e.supporter_id) then 'her pages are open'
                when exists (select 1 from statement t where t.supporter_id = e.supporter_id and t.sealed_at is null and t.issued_at < e.erased_at)
                    then 'a statement is not sealed'
                when exists (select 1 from receipt t join donation d on d.id = t.donation_id
                    where d.supporter_id = e.supporter_id and t.sealed_at is null and t.issued_at < e.erased_at) then 'a receipt is not sealed'
                else 'a Gift Aid declaration is not sealed' end as note, cast(null as bigint) as found, cast(null as bigint) as expected
            from erasure e join supporter s on s.id = e.supporter_id
            where s.email <> '' or s.name <> ''
                or exists (select 1 from donation d where d.supporter_id = e.supporter_id and (d.donor_name <> '' or d.note <> ''))
                or exists (select 1 from recurring_donation r where r.supporter_id = e.supporter_id and r.donor_name <> '')
                or exists (select 1 from donation_address a join donation d on d.id = a.donation_id where d.supporter_id = e.supporter_id)
                or exists (select 1 from portal_link l where l.supporter_id = e.supporter_id)
                or exists (select 1 from portal_session p where p.supporter_id = e.supporter_id)
                or exists (select 1 from statement t where t.supporter_id = e.supporter_id and t.sealed_at is null and t.issued_at < e.erased_at)
                or exists (select 1 from receipt t join donation d on d.id = t.donation_id
                    where d.supporter_id = e.supporter_id and t.sealed_at is null and t.issued_at < e.erased_at)
                or exists (select 1 from gift_aid_declaration g where g.supporter_id = e.supporter_id and g.sealed_at is null)
            order by e.supporter_id",
    },
    Rule {
        name: "What was sealed of an erased supporter is there as long as its key, and no longer.",
        noun: "supporter",
        key: Key::Id,
        counted: "select count(*) as n from sealed_document",
        broken: "select e.supporter_id as who, 'sealed documents' as note, cast(coalesce(s.there, 0) as bigint) as found,
                cast(case when e.wrapped_key is null then 0 else e.documents end as bigint) as expected
            from erasure e left join (select supporter_id, count(*) as there from sealed_document group by supporter_id) s
                on s.supporter_id = e.supporter_id
            where coalesce(s.there, 0) <> case when e.wrapped_key is null then 0 else e.documents end order by e.supporter_id",
    },
];
