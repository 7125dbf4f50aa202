//! The one error value, and what each kind means to a person and to a program.

use entity::MoneyError;
use sea_orm::DbErr;

/// Why something was not done. The web turns it into a page, the command line into a message and an exit code.
#[derive(Debug)]
pub enum Error {
    /// There is no such thing, or the asker may not know of it.
    NotFound,
    /// The request cannot be understood; says what is wrong. Nothing was changed.
    Invalid(String),
    /// The request contradicts what is already there; says how. Nothing was changed.
    Conflict(String),
    /// The asker is not signed in.
    SignInNeeded,
    /// The asker may not do this.
    Forbidden(String),
    /// A limit was reached; says which, and when to come back.
    TooMany(String),
    /// Something we depend on does not answer; says what. Trying again may help.
    Unavailable(String),
    /// This installation does not have it; says what to do instead.
    NotOffered(String),
    /// Our fault: the detail goes to the log, never to a page.
    Internal(String),
}

impl Error {
    /// An internal error from any error, with what was being done.
    pub fn internal(doing: &str, error: impl std::fmt::Display) -> Self {
        Self::Internal(format!("{doing}: {error}"))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found"),
            Self::SignInNeeded => f.write_str("sign in first"),
            Self::Invalid(why)
            | Self::Conflict(why)
            | Self::Forbidden(why)
            | Self::TooMany(why)
            | Self::Unavailable(why)
            | Self::NotOffered(why)
            | Self::Internal(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(format!("the database does not answer: {error}")),
            DbErr::RecordNotFound(_) => Self::NotFound,
            _ => Self::Internal(format!("database: {error}")),
        }
    }
}

impl From<MoneyError> for Error {
    fn from(error: MoneyError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::internal("rendering a page", error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal("JSON", error)
    }
}
