//! Where the day's key is kept: never in the database's files, its log or its backups.
//!
//! With SQLite it is a file of mode 0600 in a directory that lives in memory: it survives a restart and an upgrade, not a loss of
//! power. On PostgreSQL it is a row of an UNLOGGED table, so that all processes agree on it: the server's log never sees it, and a
//! crash of the server empties the table. A key that is lost opens a new epoch of the day; the old one cannot be made again.

use super::store;
use super::token::DayKey;
use crate::clock::{Random, hex};
use crate::db::{Db, sqlite_path};
use crate::error::Error;
use chrono::NaiveDate;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The length of a key file: the epoch in four bytes, then the key.
const FILE_BYTES: usize = 4 + 32;

/// Where the keys of one installation are.
#[derive(Clone, Debug)]
pub enum KeyPlace {
    /// Files in this directory.
    Directory(PathBuf),
    /// The UNLOGGED table.
    Table,
}

impl KeyPlace {
    /// The place for the database at `database_url`. `wanted` is the setting READER_KEY_DIR, empty for the system's own place:
    /// `$RUNTIME_DIRECTORY` (systemd's), else a directory in `/dev/shm`, else in the system's temporary directory, named after the
    /// database so that two installations on one machine do not share it.
    pub fn of(database_url: &str, wanted: &Path) -> Result<Self, Error> {
        let Some(database) = sqlite_path(database_url) else { return Ok(Self::Table) };
        let database = std::path::absolute(&database).map_err(|error| Error::internal("the path of the database", error))?;
        let directory = if wanted != Path::new("") {
            wanted.to_owned()
        } else if let Some(runtime) = std::env::var_os("RUNTIME_DIRECTORY").filter(|value| !value.is_empty()) {
            // systemd joins several by colons; the first is ours.
            PathBuf::from(runtime.to_string_lossy().split(':').next().unwrap_or_default())
        } else {
            let memory = Path::new("/dev/shm");
            let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
            let name = ring::digest::digest(&ring::digest::SHA256, database.as_os_str().as_encoded_bytes());
            parent.join(format!("wellwisher-{}", &hex(name.as_ref())[..16]))
        };
        let directory = std::path::absolute(&directory).map_err(|error| Error::internal("READER_KEY_DIR", error))?;
        if database.parent() == Some(&directory) {
            return Err(Error::Invalid(
                "READER_KEY_DIR is the database's own directory: a backup would hold the readers' key. Name a directory in memory, such as /run/wellwisher".to_owned(),
            ));
        }
        Ok(Self::Directory(directory))
    }

    /// Whether every process on the database shares the key.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Table)
    }

    /// The key of a day, made when there is none.
    pub async fn obtain(&self, db: &Db, random: &Random, day: NaiveDate) -> Result<DayKey, Error> {
        match self {
            Self::Directory(directory) => {
                if let Some(key) = read_key(&key_file(directory, day), day)? {
                    return Ok(key);
                }
                let epoch = store::next_epoch(db.read(), day).await?;
                let secret = random.bytes::<32>();
                write_key(directory, day, epoch, &secret)?;
                Ok(DayKey::new(day, epoch, &secret))
            }
            Self::Table => {
                for _ in 0..3 {
                    if let Some((epoch, secret)) = store::newest_key(db.read(), day).await? {
                        return Ok(DayKey::new(day, epoch, &secret));
                    }
                    let epoch = store::next_epoch(db.read(), day).await?;
                    let secret = random.bytes::<32>();
                    // Whoever is first wins; the others read what she wrote.
                    db.write(async |tx| store::offer_key(tx, day, epoch, &secret).await).await?;
                }
                Err(Error::Unavailable("the readers' key of the day cannot be kept; try again".to_owned()))
            }
        }
    }

    /// Destroys the keys of every day up to and including `day`.
    pub async fn destroy_until(&self, db: &Db, day: NaiveDate) -> Result<(), Error> {
        match self {
            Self::Directory(directory) => {
                for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                    let name = entry.file_name();
                    let of_day =
                        name.to_str().and_then(|name| name.strip_prefix("readers-")?.strip_suffix(".key")?.parse::<NaiveDate>().ok());
                    if of_day.is_some_and(|of_day| of_day <= day) {
                        fs::remove_file(entry.path()).map_err(|error| Error::internal("destroying a reader key", error))?;
                    }
                }
                Ok(())
            }
            Self::Table => store::destroy_keys(db, day).await,
        }
    }
}

fn key_file(directory: &Path, day: NaiveDate) -> PathBuf {
    directory.join(format!("readers-{day}.key"))
}

/// Reads a key file; one that is cut short is as good as lost.
fn read_key(file: &Path, day: NaiveDate) -> Result<Option<DayKey>, Error> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Unavailable(format!("{} cannot be read: {error}", file.display()))),
    };
    let Ok(bytes) = <[u8; FILE_BYTES]>::try_from(bytes) else { return Ok(None) };
    let (epoch, secret) = bytes.split_at(4);
    let number = u32::from_be_bytes(epoch.try_into().expect("four bytes"));
    Ok(Some(DayKey::new(day, number, secret.try_into().expect("32 bytes"))))
}

/// Writes a key file whole or not at all.
fn write_key(directory: &Path, day: NaiveDate, epoch: u32, secret: &[u8; 32]) -> Result<(), Error> {
    let wrong = |error: std::io::Error| {
        Error::Unavailable(format!("the readers' key cannot be kept in {}: {error}; set READER_KEY_DIR", directory.display()))
    };
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        builder.mode(0o700);
        options.mode(0o600);
    }
    builder.create(directory).map_err(wrong)?;
    let unfinished = directory.join(format!("readers-{day}.new"));
    let mut file = options.open(&unfinished).map_err(wrong)?;
    file.write_all(&epoch.to_be_bytes()).and_then(|()| file.write_all(secret)).map_err(wrong)?;
    fs::rename(&unfinished, key_file(directory, day)).map_err(wrong)
}
