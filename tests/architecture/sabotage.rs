//! The mistakes that `tests/sabotage/run` makes can still be made: their patches fit the code, and name tests that there are.

use std::{path::Path, process::Command};

#[test]
fn every_sabotage_fits_the_code_and_names_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/sabotage");
    let files = std::fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let patches: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "patch")).collect();
    assert_eq!(patches.len(), 5);
    let has_git = Command::new("git").arg("--version").output().is_ok();
    for patch in patches {
        let text = std::fs::read_to_string(&patch).expect("a text");
        let tests = text.lines().nth(1).and_then(|line| line.strip_prefix("Tests: ")).expect("the second line names tests");
        for filter in tests.split(' ') {
            let file = root.join("tests").join(filter.trim_end_matches("::").replace("::", "/")).with_extension("rs");
            assert!(file.exists(), "{}: there are no tests {filter}", patch.display());
        }
        if has_git {
            let checked = Command::new("git").args(["apply", "--check"]).arg(&patch).current_dir(root).output().expect("git runs");
            let why = String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success(), "{} fits no more, write it anew: {why}", patch.display());
        }
    }
}
