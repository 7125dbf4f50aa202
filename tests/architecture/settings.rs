//! `.env.example` lists every setting, in the order of `src/config.rs`, with its sentence and its default.

use clap::{Arg, Args, Command};
use wellwisher::config::Settings;

use super::sources::root;

const HEAD: &str = "\
# Every setting, with what it is when nothing is set. Copy this file to `.env` and take the `#` away before what you change.
# The same names work as environment variables, and as flags: LISTEN is `--listen`.
# This file follows src/config.rs: `UPDATE_ENV_EXAMPLE=1 cargo test env_example` writes it anew.
";

fn settings() -> Vec<Arg> {
    Settings::augment_args(Command::new("settings")).get_arguments().cloned().collect()
}

/// The lines of one setting. A value that a shell or dotenv would split is quoted.
fn lines_of(setting: &Arg) -> String {
    let name = setting.get_env().expect("every setting has a name in the environment").to_string_lossy();
    let defaults: Vec<_> = setting.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let value = defaults.join(",");
    let plain = value.chars().all(|character| character.is_ascii_alphanumeric() || "-_.,:/@%+".contains(character));
    let value = if plain { value } else { format!("\"{value}\"") };
    let sentence = setting.get_long_help().or(setting.get_help()).expect("every setting has a doc comment").to_string();
    // clap takes the full stop away.
    let sentence: String =
        format!("{}.", sentence.trim_end_matches('.')).lines().map(|line| format!("# {line}\n").replace("# \n", "#\n")).collect();
    format!("\n{sentence}#{name}={value}\n")
}

#[test]
fn env_example_is_the_list_of_the_settings() {
    let settings = settings();
    assert!(settings.len() > 20, "the settings were not found");
    let expected: String = std::iter::once(HEAD.to_owned()).chain(settings.iter().map(lines_of)).collect();
    let file = root().join(".env.example");
    if std::env::var_os("UPDATE_ENV_EXAMPLE").is_some() {
        std::fs::write(&file, &expected).expect("the project's folder is writable");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    if let Some((line, (is, should))) =
        written.lines().chain([""]).zip(expected.lines().chain([""])).enumerate().find(|(_, (is, should))| is != should)
    {
        panic!(".env.example:{}: is `{is}`, should be `{should}`. `UPDATE_ENV_EXAMPLE=1 cargo test env_example` writes it anew.", line + 1);
    }
    assert_eq!(written.len(), expected.len(), ".env.example has other lines than the settings");
}

#[test]
fn every_setting_is_a_flag_of_the_same_name_and_ends_its_sentence() {
    for setting in settings() {
        let name = setting.get_env().expect("named").to_string_lossy().to_lowercase().replace('_', "-");
        assert_eq!(setting.get_long(), Some(name.as_str()));
        let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.len() > 20, "--{name}: say what it is for: `{help}`");
    }
}
