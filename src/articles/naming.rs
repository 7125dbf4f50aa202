//! Names in URLs: an article's slug, a category's path.

use chrono::NaiveDate;

/// The longest slug made from a title, in characters.
const SLUG_MAX: usize = 60;

/// How many levels a category path may have.
pub const CATEGORY_LEVELS_MAX: usize = 5;

/// The longest part of a category path, in characters.
pub const CATEGORY_PART_MAX: usize = 80;

/// A readable ASCII slug from `title`, or nothing where ASCII would keep too little of it to be read (Dari, Pashto, …).
pub fn slug_of(title: &str) -> Option<String> {
    let letters = title.chars().filter(|c| c.is_alphanumeric()).count();
    let kept = title.chars().filter(char::is_ascii_alphanumeric).count();
    if kept < 3 || kept * 2 < letters {
        return None;
    }
    // An apostrophe joins (`women's` is one word); everything else that is no letter or digit parts words.
    let joined: String = title.chars().filter(|c| !matches!(c, '\'' | '’' | '‘')).collect();
    let mut slug = String::new();
    for word in joined.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() && slug.len() + 1 + word.len() > SLUG_MAX {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(word.chars().take(SLUG_MAX).map(|c| c.to_ascii_lowercase()));
    }
    Some(slug)
}

/// A slug for a title that ASCII cannot write: the day and six characters by chance, `2026-03-21-k7m2pq`.
pub fn slug_by_chance(day: NaiveDate, chance: [u8; 6]) -> String {
    // Without the letters and digits that are mistaken for each other when read aloud.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let code: String = chance.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    format!("{}-{code}", day.format("%Y-%m-%d"))
}

/// Whether `text` may stand as a slug in a URL: lower-case ASCII letters, digits and hyphens.
pub fn is_slug(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 100 && text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

/// The parts of a category path, each trimmed and with single spaces; none for an empty path.
pub fn category_parts(path: &str) -> Vec<String> {
    path.split('/').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|part| !part.is_empty()).collect()
}

/// A part of a category path as a URL writes it: lower case, in its own script, words joined by hyphens. Empty where nothing remains.
pub fn category_slug_part(part: &str) -> String {
    let words: Vec<String> = part.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("-")
}

/// A category and all above it, outermost first: path as people read it, path as a URL writes it.
pub fn category_line(path: &str) -> Vec<(String, String)> {
    let (mut shown, mut slug) = (String::new(), String::new());
    category_parts(path)
        .iter()
        .map(|part| {
            for (whole, piece) in [(&mut shown, part.clone()), (&mut slug, category_slug_part(part))] {
                if !whole.is_empty() {
                    whole.push('/');
                }
                whole.push_str(&piece);
            }
            (shown.clone(), slug.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_readable_ascii_or_nothing() {
        assert_eq!(slug_of("Girls' school reopens — at last!").as_deref(), Some("girls-school-reopens-at-last"));
        assert_eq!(slug_of("مکتب دختران دوباره باز شد"), None);
        assert_eq!(slug_of("BBC: مکتب دختران دوباره باز شد"), None);
        assert_eq!(slug_of("!?"), None);
        let long = slug_of(&"word ".repeat(40)).unwrap();
        assert!(long.len() <= SLUG_MAX && !long.ends_with('-'), "{long}");
        assert!(is_slug(&long) && !is_slug("-a") && !is_slug("A") && !is_slug("") && !is_slug("a b"));
    }

    #[test]
    fn a_slug_by_chance_can_stand_in_a_url() {
        let slug = slug_by_chance(NaiveDate::from_ymd_opt(2026, 3, 21).unwrap(), [0, 31, 32, 255, 7, 9]);
        assert!(slug.starts_with("2026-03-21-a9a9") && is_slug(&slug), "{slug}");
    }

    #[test]
    fn a_category_path_names_every_level_above_it() {
        let line = category_line(" Taliban / ISIS  /");
        assert_eq!(line, [("Taliban".to_owned(), "taliban".to_owned()), ("Taliban/ISIS".to_owned(), "taliban/isis".to_owned())]);
        assert_eq!(category_line("زنان/آموزش و پرورش").last().unwrap().1, "زنان/آموزش-و-پرورش");
        assert!(category_line(" / ").is_empty());
    }
}
