//! Request parameters as Stripe takes them: `line_items[0][price_data][currency]=eur`.

use super::errors::ApiError;
use std::collections::BTreeMap;
use url::form_urlencoded;

/// The most pairs in one request.
const PAIRS_MAX: usize = 500;

/// The parameters of one request, by their full bracketed name.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a form body or a query string, and refuses what `known` does not list. A pattern is a parameter's name in which `#` stands for
    /// an index and `*` for any key: `line_items[#][quantity]`, `metadata[*]`.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, ApiError> {
        let mut pairs = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            if !known.iter().any(|pattern| matches(pattern, &key)) {
                return Err(ApiError::coded("parameter_unknown", &key, format!("Received unknown parameter: {key}")));
            }
            pairs.insert(key.into_owned(), value.into_owned());
            if pairs.len() > PAIRS_MAX {
                return Err(ApiError::invalid("", "Too many parameters."));
            }
        }
        Ok(Self(pairs))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Whether it was sent, perhaps empty.
    pub fn is_given(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| ApiError::coded("parameter_missing", name, format!("Missing required param: {name}.")))
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::coded("parameter_invalid_integer", name, format!("Invalid integer: {text}")))
    }

    /// The pairs of `name[…]`, without the name.
    pub fn group(&self, name: &str) -> BTreeMap<String, String> {
        let inner = |key: &str| key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
        self.0.iter().filter_map(|(key, value)| Some((inner(key)?, value.clone()))).filter(|(key, _)| !key.contains('[')).collect()
    }

    /// The values of `name[0]`, `name[1]`, … in order, also of `name[]`.
    pub fn list(&self, name: &str) -> Vec<String> {
        let mut rows: Vec<_> = self.group(name).into_iter().collect();
        rows.sort_by_key(|(index, _)| index.parse::<u32>().unwrap_or(0));
        rows.into_iter().map(|(_, value)| value).collect()
    }

    /// How many items `name[0]…`, `name[1]…` speaks of.
    pub fn count(&self, name: &str) -> usize {
        let index = |key: &str| key.strip_prefix(name)?.strip_prefix('[')?.split(']').next().map(str::to_owned);
        self.0.keys().filter_map(|key| index(key)).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Metadata within Stripe's limits: 50 keys of 40 characters, values of 500 (docs.stripe.com/metadata).
    pub fn metadata(&self, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
        let mut pairs = self.group(name);
        pairs.retain(|_, value| !value.is_empty());
        let fits = |(key, value): (&String, &String)| key.chars().count() <= 40 && value.chars().count() <= 500;
        if pairs.len() > 50 || !pairs.iter().all(fits) {
            return Err(ApiError::invalid(name, "Metadata has at most 50 keys of 40 characters with values of 500."));
        }
        Ok(pairs)
    }
}

fn matches(pattern: &str, key: &str) -> bool {
    let (mut patterns, mut keys) = (pattern.split('['), key.split('['));
    loop {
        match (patterns.next(), keys.next()) {
            (None, None) => return true,
            (Some("*]"), Some(part)) if part.len() > 1 && part.ends_with(']') => {}
            (Some("#]"), Some(part)) if part.strip_suffix(']').is_some_and(|index| index.bytes().all(|b| b.is_ascii_digit())) => {}
            (Some(wanted), Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
}
