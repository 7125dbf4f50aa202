//! Pages of a long list by key: the next page begins after the last row of this one, whatever was added meanwhile.

/// How many rows a page of a list has.
pub const PAGE_ROWS: u64 = 50;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Pager<T> {
    /// The rows, at most [`PAGE_ROWS`].
    pub rows: Vec<T>,
    /// What the address of the next page names in `after=`, when there is one.
    pub next: Option<String>,
}

impl<T> Pager<T> {
    /// Makes a page from up to `PAGE_ROWS + 1` rows; `key` names the last row shown.
    pub fn from_rows(mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Self {
        let more = rows.len() as u64 > PAGE_ROWS;
        rows.truncate(PAGE_ROWS as usize);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }
}
