//! The secret key, and the folder that the program keeps it in.

use super::parse::wrong;
use crate::error::Error;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// The secret key: as set, else read from DATA_DIR, else made there once, readable by nobody else.
pub(super) fn find_secret_key(set: &SecretString, data_dir: &Path, is_sqlite: bool) -> Result<SecretString, Error> {
    let typed = set.expose_secret();
    if !typed.is_empty() {
        if typed.len() < 32 {
            return Err(wrong("SECRET_KEY", "at least 32 characters that nobody can guess"));
        }
        return Ok(set.clone());
    }
    if !is_sqlite {
        return Err(Error::Invalid("with PostgreSQL SECRET_KEY must be set, because every process needs the same one".to_owned()));
    }
    let file = data_dir.join("secret.key");
    let told = |e: std::io::Error| Error::Invalid(format!("{}: {e}. Name a folder that this user may write in DATA_DIR", file.display()));
    if !file.try_exists().map_err(told)? {
        make_private_folder(data_dir).map_err(told)?;
        keep_new_key(&file).map_err(told)?;
    }
    let kept = std::fs::read_to_string(&file).map_err(told)?;
    if kept.trim().len() < 32 {
        return Err(Error::Invalid(format!("{} holds no key of 32 characters: restore it from a backup", file.display())));
    }
    Ok(SecretString::from(kept.trim().to_owned()))
}

/// Makes a folder, and those above it, that only its owner can look into: databases and letters name supporters.
pub(crate) fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a new key whole, or leaves the one that another process was first to write.
fn keep_new_key(file: &Path) -> std::io::Result<()> {
    let draft = file.with_extension(format!("{}.part", std::process::id()));
    write_private(&draft, &crate::clock::Random::default().token())?;
    let kept = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match kept {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Begins a file that only its owner can read; also where an older one stands that others could.
pub(crate) fn create_private(file: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(file)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = create_private(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
