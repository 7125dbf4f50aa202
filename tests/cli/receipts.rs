//! Statements of a year and Gift Aid from the command line.

use crate::support::{Folder, Program};

#[tokio::test]
async fn statements_are_of_a_year_that_is_over() {
    let folder = Folder::new();
    let run = async |arguments: &[&str]| Program::run(&folder, arguments, &[]).await;
    let none = run(&["receipts", "annual", "--year", "2020", "--dry-run"]).await;
    assert_eq!(
        (none.code, none.out.as_str()),
        (Some(0), "Would be: 0 issued, 0 replaced, 0 unchanged, 0 ended for the tax year 2020.\n"),
        "{}",
        none.err
    );
    let none = run(&["receipts", "annual", "--year", "2020"]).await;
    assert_eq!(
        (none.code, none.out.as_str()),
        (Some(0), "0 issued, 0 replaced, 0 unchanged, 0 ended for the tax year 2020.\n"),
        "{}",
        none.err
    );
    let early = run(&["receipts", "annual", "--year", "2990"]).await;
    assert_eq!((early.code, early.out.as_str()), (Some(2), ""));
    assert!(early.err.contains("The tax year 2990 ends on 2990-12-31."), "{}", early.err);
    let british = Program::run(
        &folder,
        &["receipts", "annual", "--year", "2020", "--dry-run"],
        &[("ORG_RECEIPT_PROFILE", "uk"), ("ORG_CHARITY_NUMBER", "7654321")],
    )
    .await;
    assert!(british.out.contains("for the tax year 2020–21."), "{}{}", british.out, british.err);
}

#[tokio::test]
async fn gift_aid_is_claimed_in_the_united_kingdom_and_never_for_nothing() {
    let folder = Folder::new();
    let elsewhere = Program::run(&folder, &["gift-aid", "claim"], &[]).await;
    assert_eq!(elsewhere.code, Some(2));
    assert!(elsewhere.err.contains("ORG_RECEIPT_PROFILE=uk"), "{}", elsewhere.err);
    let uk = [("ORG_RECEIPT_PROFILE", "uk"), ("ORG_CHARITY_NUMBER", "7654321")];
    let nothing = Program::run(&folder, &["gift-aid", "claim", "--until", "2026-04-05"], &uk).await;
    assert_eq!(nothing.code, Some(0), "{}", nothing.err);
    assert!(nothing.out.starts_with("0 gifts of GBP 0.00, tax GBP 0.00, adjustment GBP 0.00.\n"), "{}", nothing.out);
    assert!(nothing.out.contains("There is no gift to claim on."), "{}", nothing.out);
}

#[tokio::test]
async fn a_profile_without_its_number_is_refused_and_an_unknown_one_too() {
    let folder = Folder::new();
    for (profile, setting) in [
        ("us", "ORG_TAX_ID"),
        ("uk", "ORG_CHARITY_NUMBER"),
        ("ca", "ORG_CHARITY_NUMBER"),
        ("de", "ORG_TAX_NUMBER"),
        ("au", "ORG_TAX_ID"),
        ("fr", "plain, us, uk, ca, de or au"),
    ] {
        let refused = Program::run(&folder, &["migrate"], &[("ORG_RECEIPT_PROFILE", profile)]).await;
        assert_eq!(refused.code, Some(2), "{profile}");
        assert!(refused.err.contains(setting), "{profile}: {}", refused.err);
    }
    let odd = Program::run(&folder, &["migrate"], &[("ORG_TAX_NOTICE_DATE", "31.12.2025")]).await;
    assert!(odd.err.contains("ORG_TAX_NOTICE_DATE"), "{}", odd.err);
}
