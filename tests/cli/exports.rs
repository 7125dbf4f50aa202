//! Reports from the command line: narrowed as at the desk, refused by name with nothing written, kept from others where they name people.

use crate::support::{Ended, Folder, Program};

const GIFTS: &str = "date,amount,currency,id,email,name,article\n\
    2026-01-05,25.50,EUR,1,zarmina@example.org,Zarmina Ahmadi,the-first\n\
    2026-01-06,40,EUR,2,wren@example.org,Wren Teal,\n\
    2026-02-07,12,USD,3,ash@example.org,Ash Teal,\n";

const ARTICLE: &str = "---\ntitle: The first\nslug: the-first\npublished: 2026-01-01\n---\nIt began in winter.\n";

/// A folder with an article and three gifts of another system.
async fn newsroom() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.join("the-first.md"), ARTICLE).unwrap();
    std::fs::write(folder.join("gifts.csv"), GIFTS).unwrap();
    for (what, file) in [("articles", "the-first.md"), ("donations", "gifts.csv")] {
        let ended = Program::run(&folder, &["import", what, file], &[]).await;
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    }
    folder
}

/// What was imported is in the books, and no export has changed it.
async fn assert_books_agree(folder: &Folder) {
    let verified = Program::run(folder, &["verify"], &[]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

async fn export(folder: &Folder, arguments: &[&str]) -> Ended {
    Program::run(folder, &[&["export"][..], arguments].concat(), &[]).await
}

#[tokio::test]
async fn the_register_is_narrowed_as_at_the_desk() {
    let folder = newsroom().await;
    let cases: [(&[&str], usize); 7] = [
        (&[], 3),
        (&["--search", "zarmina"], 1),
        (&["--article", "the-first"], 1),
        (&["--fund", "GENERAL", "--status", "paid"], 3),
        (&["--status", "expired"], 0),
        (&["--given-from", "2026-01-06", "--given-to", "2026-01-31"], 1),
        (&["--from", "2026-02-01"], 1),
    ];
    for (arguments, gifts) in cases {
        let ended = export(&folder, &[&["donations"][..], arguments].concat()).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out.lines().count(), gifts + 1, "{arguments:?}: {}", ended.out);
        assert!(ended.err.contains(&format!("\"rows\":{gifts}")), "its manifest: {}", ended.err);
    }
    let semicolons = export(&folder, &["donations", "--format", "csv-semicolon", "--from", "2026-01-05", "--to", "2026-01-05"]).await;
    assert!(semicolons.out.starts_with("\u{feff}entry_no;") && semicolons.out.contains(";25,50;2550;"), "{}", semicolons.out);
    assert_books_agree(&folder).await;
}

#[tokio::test]
async fn what_has_a_slip_in_it_is_refused_by_name_and_nothing_is_written() {
    let folder = newsroom().await;
    let cases: [(&[&str], &str); 18] = [
        (&["donations", "--campaign", "wintr"], "there is no campaign `wintr`"),
        (&["donations", "--fund", "SCHOLS"], "there is no fund `SCHOLS`"),
        (&["donations", "--item", "bags"], "there is no item `bags`"),
        (&["donations", "--article", "the-frist"], "there is no article `the-frist`"),
        (&["donations", "--status", "rich"], "`rich` is not a state: choose one of"),
        (&["donations", "--given-from", "soon"], "`soon` is not a day"),
        (&["donations", "--campaign", ""], "a value is required"),
        (&["donations", "--campaign", " "], "a value is required"),
        (&["by-month", "--fund", "GENERAL"], "the report `by-month` cannot be narrowed by `fund`"),
        (&["books", "--with-donors"], "with donors"),
        (&["gift-aid", "--claim", "7"], "there is no Gift Aid claim `7`"),
        (&["gift-aid", "--format", "csv-semicolon"], "is not written as csv-semicolon"),
        (&["gift-aid", "--from", "2026-01-01"], "the report `gift-aid` cannot be narrowed by days"),
        (&["matching", "--to", "2026-01-31"], "the report `matching` cannot be narrowed by days"),
        (&["journal", "--currency", "EURO"], "`EURO` is not a currency"),
        (&["journal", "--currency", "GBP"], "there is no booking in `GBP`"),
        (&["journal", "--format", "xero"], "Xero takes one currency in a file, and in these days there are EUR, USD"),
        (&["journal", "--format", "iif"], "QuickBooks Desktop takes one currency"),
    ];
    for (arguments, says) in cases {
        let outputs: [&[&str]; 2] = [&[], &["--output", "out.csv"]];
        for output in outputs {
            let ended = export(&folder, &[arguments, output].concat()).await;
            assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.err);
            assert!(ended.err.contains(says), "{arguments:?} should say `{says}`: {}", ended.err);
        }
    }
    assert!(folder.names().iter().all(|name| !name.starts_with("out")), "no file, not even a part of one: {:?}", folder.names());
    let one = export(&folder, &["journal", "--format", "xero", "--currency", "EUR"]).await;
    assert_eq!(one.code, Some(0), "{}", one.err);
    assert!(one.out.contains(", EUR\",05/01/2026,") && !one.out.contains("USD"), "{}", one.out);
    let none = export(&folder, &["gift-aid"]).await;
    assert_eq!((none.code, none.out.lines().count()), (Some(0), 1), "no claim was made: only the heads. {}", none.err);
    assert_books_agree(&folder).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_names_people_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = newsroom().await;
    let cases: [(&[&str], bool); 3] = [(&["donations", "--with-donors"], true), (&["gift-aid"], true), (&["donations"], false)];
    for (arguments, is_private) in cases {
        // What an export left that was cut off, open to all.
        std::fs::write(folder.join("out.partial"), "entry_no,").unwrap();
        std::fs::set_permissions(folder.join("out.partial"), std::fs::Permissions::from_mode(0o644)).unwrap();
        let ended = export(&folder, &[arguments, &["--output", "out.csv"][..]].concat()).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
        let mode = std::fs::metadata(folder.join("out.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077 == 0, is_private, "{arguments:?}: {mode:o}");
        std::fs::remove_file(folder.join("out.csv")).unwrap();
    }
    assert_books_agree(&folder).await;
}
