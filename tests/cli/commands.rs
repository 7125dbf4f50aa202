//! The commands that do one thing and end.

use crate::support::{Folder, Program};
use std::path::Path;

/// The sample files of the import's tests.
fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/articles").join(name).display().to_string()
}

#[tokio::test]
async fn the_help_of_every_command_shows_an_example() {
    let folder = Folder::new();
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = waiting.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let ended = Program::run(&folder, &arguments, &[]).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?}");
        let commands = ended.out.split_once("Commands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or_default());
        let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let below: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
        // A command that only groups others shows those.
        assert!(!below.is_empty() || ended.out.contains("Example"), "{arguments:?}:\n{}", ended.out);
        waiting.extend(below.iter().map(|name| command.iter().cloned().chain([(*name).to_owned()]).collect()));
        seen += 1;
    }
    assert!(seen > 8, "only {seen} commands");
    assert!(folder.names().is_empty(), "asking for help leaves nothing behind");
}

#[tokio::test]
async fn what_is_not_a_command_is_said_on_stderr_with_exit_code_2() {
    let folder = Folder::new();
    for arguments in [&["nonsense"][..], &[], &["serve", "--no-such-flag"], &["staff", "add", "a@example.org"], &["import", "people", "x"]]
    {
        let ended = Program::run(&folder, arguments, &[]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.err.contains("--help"), "{arguments:?}: {}", ended.err);
    }
    assert!(folder.names().is_empty());
}

#[tokio::test]
async fn importing_twice_changes_nothing_and_the_exit_code_tells_whole_from_part_from_nothing() {
    let folder = Folder::new();
    let import = async |what: &str| Program::run(&folder, &["import", "articles", what], &[]).await;

    let whole = import(&fixture("folder")).await;
    assert_eq!((whole.code, whole.out.as_str()), (Some(0), "3 added, 0 changed, 0 unchanged, 0 skipped.\n"), "{}", whole.err);
    let again = import(&fixture("folder")).await;
    assert_eq!((again.code, again.out.as_str()), (Some(0), "0 added, 0 changed, 3 unchanged, 0 skipped.\n"));

    let part = import(&fixture("bad.md")).await;
    assert_eq!(part.code, Some(1));
    assert!(part.out.starts_with("0 added") && !part.out.contains(" 0 skipped"), "{}", part.out);
    assert!(part.err.contains("bad.md:4: published: `next week` is not a date"), "{}", part.err);

    let nothing = import("no-such-folder").await;
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(2), ""));
    assert!(nothing.err.contains("no-such-folder"), "{}", nothing.err);

    for ended in [whole, again, part, nothing] {
        let both = ended.out + &ended.err;
        assert!(!both.contains(['\u{1b}', '\r']), "a bar or colours in a pipe: {both:?}");
    }
}

#[tokio::test]
async fn adding_staff_prints_a_link_for_that_person_and_refuses_an_unknown_role() {
    let folder = Folder::new();
    let base = [("BASE_URL", "http://localhost:8080")];
    let added = Program::run(&folder, &["staff", "add", "editor@example.org", "--role", "editor"], &base).await;
    assert_eq!(added.code, Some(0), "{}", added.err);
    let link = added.out.lines().last().unwrap().trim();
    assert!(link.strip_prefix("http://localhost:8080/desk/join/").is_some_and(|token| token.len() == 43), "{}", added.out);
    assert!(!added.err.contains("editor@example.org"), "addresses are not logged");

    for arguments in [["staff", "add", "editor@example.org", "--role", "queen"], ["staff", "add", "not an address", "--role", "editor"]] {
        let refused = Program::run(&folder, &arguments, &base).await;
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let folder = Folder::new();
    for _ in 0..2 {
        let ended = Program::run(&folder, &["migrate"], &[]).await;
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "The database is up to date.\n", ""));
    }
}

#[tokio::test]
async fn reconciling_says_that_the_stand_in_has_nothing_to_tell() {
    let folder = Folder::new();
    let ended = Program::run(&folder, &["reconcile"], &[]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.err.contains("STRIPE_SECRET_KEY"), "{}", ended.err);
}

#[tokio::test]
async fn importing_past_gifts_names_bad_rows_and_the_second_time_adds_nothing() {
    let folder = Folder::new();
    let file = folder.join("gifts.csv");
    std::fs::write(&file, "date;amount;currency;id\n2024-12-31;1.000,50;EUR;a-1\n2024-13-31;5;EUR;a-2\n").unwrap();
    let name = file.display().to_string();
    let dry = Program::run(&folder, &["import", "donations", &name, "--dry-run"], &[]).await;
    assert_eq!((dry.code, dry.out.as_str()), (Some(1), "Nothing was written. To do: 1 added, 0 here already, 1 skipped.\n"), "{}", dry.err);
    let part = Program::run(&folder, &["import", "donations", &name], &[]).await;
    assert_eq!((part.code, part.out.as_str()), (Some(1), "1 added, 0 here already, 1 skipped.\n"));
    assert!(part.err.contains("line 3: `2024-13-31` is not a day"), "{}", part.err);
    let again = Program::run(&folder, &["import", "donations", &name], &[]).await;
    assert_eq!(again.out, "0 added, 1 here already, 1 skipped.\n");
    let verified = Program::run(&folder, &["verify"], &[]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.out);
    let history = Program::run(&folder, &["import", "stripe-history"], &[]).await;
    assert_eq!((history.code, history.out.as_str()), (Some(2), ""));
    assert!(history.err.contains("STRIPE_SECRET_KEY"), "{}", history.err);
}
