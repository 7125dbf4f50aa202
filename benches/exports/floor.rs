//! What the database's own tool needs for the same rows: `sqlite3 -csv`, or `psql` with `copy … to stdout`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wellwisher::app::App;
use wellwisher::db::sqlite_path;
use wellwisher::reports::Report;

/// How long the tool takes to write the rows of a report.
pub fn time(app: &App, report: Report) -> Option<Duration> {
    let question = question(report, app.db.is_postgres())?;
    let mut tool = match sqlite_path(&app.config.database_url) {
        Some(path) => {
            let mut tool = Command::new("sqlite3");
            tool.arg("-readonly").arg("-csv").arg("-header").arg(path).arg(question);
            tool
        }
        None => {
            let mut tool = Command::new("psql");
            tool.arg(&app.config.database_url).arg("-qc").arg(format!("copy ({question}) to stdout with (format csv, header)"));
            tool
        }
    };
    let started = Instant::now();
    let mut child = tool.stdout(Stdio::piped()).spawn().expect("sqlite3 or psql is installed");
    let mut out = child.stdout.take().expect("piped");
    std::io::copy(&mut out, &mut std::io::sink()).expect("readable");
    assert!(child.wait().expect("it ends").success(), "the floor failed");
    Some(started.elapsed())
}

/// A question that gives the same rows, as somebody would write it who wants them as a file; none where the rows are a program's.
fn question(report: Report, postgres: bool) -> Option<String> {
    let sums = "e.currency, sum(case when e.account = 'donations' and t.kind = 'donation' then 1 else 0 end) as gifts,
        -sum(case when e.account = 'donations' and t.kind = 'donation' then e.amount_minor else 0 end) as given,
        sum(case when e.account = 'donations' and t.kind <> 'donation' then e.amount_minor else 0 end) as taken_back,
        sum(case when e.account = 'stripe_fees' then e.amount_minor else 0 end) as fees";
    let month = if postgres {
        "to_char(t.booked_at at time zone 'Asia/Kabul', 'YYYY-MM')"
    } else {
        "strftime('%Y-%m', t.booked_at, '+270 minutes')"
    };
    Some(match report {
        Report::Donations => REGISTER.to_owned(),
        Report::Books => "select t.id, t.booked_at, t.kind || ' ' || t.source, e.account, d.gl_income, d.gl_fee, d.fund_code, e.amount_minor, e.currency
            from ledger_transaction t join ledger_entry e on e.transaction_id = t.id left join donation d on d.id = t.donation_id
            order by t.booked_at, t.id, e.id"
            .to_owned(),
        Report::Receipts => "select r.code, r.gift_on, r.issued_at, r.status, r.status_reason, o.code, r.amount_minor, r.currency, r.profile, r.language,
            r.donation_id from receipt r left join receipt o on o.id = r.replaces_id order by r.issued_at, r.id"
            .to_owned(),
        Report::ByMonth => format!(
            "select {month} as month, {sums} from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
             where e.account in ('donations', 'stripe_fees') group by 1, e.currency order by 1"
        ),
        Report::ByCampaign => format!(
            "select c.slug, {sums} from ledger_entry e join ledger_transaction t on t.id = e.transaction_id left join campaign c on c.id = e.campaign_id
             where e.account in ('donations', 'stripe_fees') group by c.slug, e.currency order by 1"
        ),
        Report::Waterfall => "select p.stripe_payout_id, p.arrives_on, p.state, m.mapped_to, count(*), sum(m.gross_minor), sum(m.fee_minor), sum(m.net_minor)
            from payout p join balance_movement m on m.payout_id = p.stripe_payout_id group by p.stripe_payout_id, p.arrives_on, p.state, m.mapped_to
            order by p.arrives_on, p.stripe_payout_id"
            .to_owned(),
        _ => return None,
    })
}

/// Each transaction's sides are summed where it is read; summed beforehand for all, both databases are slower.
const REGISTER: &str =
    "select t.id, t.posted_at, t.occurred_at, t.booked_at, t.kind, d.id, r.code, d.supporter_id, c.slug, i.slug, a.slug, d.fund_code,
    d.restriction, d.gl_income, d.gl_fee, d.currency, d.amount_minor, s.gross, s.fee, s.exchanged, s.other, s.net, s.currency,
    d.checkout_session_id, d.payment_intent_id, d.charge_id, t.stripe_balance_transaction, t.reverses_id,
    p.stripe_payout_id, p.arrives_on
    from ledger_transaction t left join donation d on d.id = t.donation_id left join campaign c on c.id = d.campaign_id
    left join wish_item i on i.id = d.wish_item_id left join article a on a.id = d.article_id
    left join receipt r on r.donation_id = d.id and r.status = 'issued'
    left join balance_movement m on m.id = t.stripe_balance_transaction
    left join balance_movement g on g.donation_id = t.donation_id and g.mapped_to = 'gift' and t.kind = 'donation'
    left join payout p on p.stripe_payout_id = coalesce(m.payout_id, g.payout_id)
    join (select transaction_id, currency, sum(case when account = 'donations' then -amount_minor else 0 end) as gross,
        sum(case when account = 'stripe_fees' then amount_minor else 0 end) as fee,
        sum(case when account = 'exchange' then -amount_minor else 0 end) as exchanged,
        sum(case when account not in ('donations', 'stripe_fees', 'exchange', 'stripe_clearing') then -amount_minor else 0 end) as other,
        sum(case when account = 'stripe_clearing' then amount_minor else 0 end) as net
        from ledger_entry group by transaction_id, currency) s on s.transaction_id = t.id
    order by t.booked_at, t.id";
