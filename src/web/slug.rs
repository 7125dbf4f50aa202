//! Names in URLs: lower-case ASCII letters, digits and hyphens, so that an address can be read aloud and typed anywhere.

/// The longest slug, in characters.
pub const SLUG_CHARACTERS_MAX: usize = 80;

/// A readable slug from a title, or nothing where ASCII would keep too little of it (Dari, Pashto, …).
pub fn of_title(title: &str) -> Option<String> {
    let letters = title.chars().filter(|c| c.is_alphanumeric()).count();
    let kept = title.chars().filter(char::is_ascii_alphanumeric).count();
    if kept < 3 || kept * 2 < letters {
        return None;
    }
    let joined: String = title.chars().filter(|c| !matches!(c, '\'' | '’' | '‘')).collect();
    let words: Vec<String> =
        joined.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    let mut slug = words.join("-");
    slug.truncate(SLUG_CHARACTERS_MAX);
    Some(slug.trim_end_matches('-').to_owned())
}

/// A slug for a title that ASCII cannot write: `word` and the end of the thing's id, which is chance.
pub fn of_id(word: &str, id: uuid::Uuid) -> String {
    let hex = id.simple().to_string();
    format!("{word}-{}", &hex[hex.len() - 8..])
}

/// Whether `text` may stand as a slug.
pub fn is_slug(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=SLUG_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_can_be_read_aloud_or_is_made_of_the_id() {
        assert_eq!(of_title("The Women’s Radio: 3 cameras!").as_deref(), Some("the-womens-radio-3-cameras"));
        assert_eq!(of_title("رادیوی زنان 24"), None);
        assert!(of_title(&"long word ".repeat(30)).is_some_and(|slug| is_slug(&slug)));
        assert!(is_slug(&of_id("campaign", uuid::Uuid::nil())));
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "رادیو"] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
