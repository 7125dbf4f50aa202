//! Letters as files: one `.eml` per letter, for trying the product out and for newsrooms whose mail leaves by other means.

use super::transport::{Delivery, Outcome, Parcel, Reply};
use entity::words::LetterStage;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A folder that letters are put into.
#[derive(Debug)]
pub struct MailFolder {
    dir: PathBuf,
    written: AtomicU64,
}

impl MailFolder {
    /// The folder at `dir`; it is made when the first letter comes.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), written: AtomicU64::new(0) }
    }

    /// Where the letters are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file that a letter with this Message-ID is in, or will be in.
    pub fn path_of(&self, message_id: &str) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.') { c } else { '_' };
        let name: String = message_id.chars().map(safe).take(200).collect();
        // A leading dot would hide the file, and `..` would leave the folder.
        self.dir.join(format!("{}.eml", name.trim_start_matches('.')))
    }

    /// Puts a letter into the folder. A letter that is there already is left as it is.
    pub async fn deliver(&self, parcel: &Parcel) -> Delivery {
        let path = self.path_of(&parcel.message_id);
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let draft = self.dir.join(format!(".{}-{number}.part", std::process::id()));
        let (dir, raw) = (self.dir.clone(), parcel.raw.clone());
        let result = tokio::task::spawn_blocking(move || write(&dir, &draft, &path, &raw)).await;
        let outcome = match result {
            Ok(Ok(())) => return Delivery { stage: LetterStage::Done, outcome: Outcome::Sent(Reply::none("written to the mail folder")) },
            Ok(Err(error)) => format!("the mail folder {} cannot be written: {error}", self.dir.display()),
            Err(error) => format!("writing into the mail folder was cut short: {error}"),
        };
        Delivery { stage: LetterStage::Data, outcome: Outcome::Transient(Reply::none(outcome)) }
    }

    /// Whether the folder can be made and written in.
    pub async fn check(&self) -> Result<(), String> {
        let dir = self.dir.clone();
        let probe = dir.join(format!(".{}.probe", std::process::id()));
        let result = tokio::task::spawn_blocking(move || {
            make(&dir)?;
            open(&probe)?;
            fs::remove_file(&probe)
        });
        match result.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(format!("{} cannot be written ({error}): give this user the right to, or set MAIL_DIR", self.dir.display()))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// All or nothing: a reader of the folder never sees half a letter, and a letter reported as sent is on the disk.
fn write(dir: &Path, draft: &Path, path: &Path, raw: &[u8]) -> io::Result<()> {
    make(dir)?;
    if path.try_exists()? {
        return Ok(());
    }
    let mut file = open(draft)?;
    file.write_all(raw)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    sync_dir(dir)
}

/// Letters hold names and amounts, so only their owner may read them.
fn make(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
