//! Values as older sites and spreadsheets write them: dates, counts, yes and no, languages.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use std::ops::Range;

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

/// An instant: RFC 3339, RFC 2822, or a day or local time in the organisation's zone.
pub fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(exact) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text)) {
        return Some(exact.to_utc());
    }
    for pattern in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"] {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, pattern) {
            return Some(in_zone(local, zone));
        }
    }
    day(text).map(|day| start_of(day, zone))
}

/// The first moment of a day in a zone.
pub fn start_of(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    in_zone(day.and_time(chrono::NaiveTime::MIN), zone)
}

fn in_zone(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    zone.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |exact| exact.to_utc())
}

/// A day, when the text is nothing but a date.
pub fn day(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    find_day(text)
        .filter(|(_, at)| at.start == 0 && text[at.end..].trim_matches(|c: char| ".,".contains(c)).trim().is_empty())
        .map(|(day, _)| day)
}

/// The first date in a line and where it stands: `March 5, 2021`, `5th of March 2021`, `2021-03-05`, `5.3.2021`. What could be
/// read in two ways (`3/5/2021`) is no date.
pub fn find_day(line: &str) -> Option<(NaiveDate, Range<usize>)> {
    let words = words_of(line);
    (0..words.len()).find_map(|at| day_at(line, &words[at..]))
}

/// Runs of letters or digits, with their places.
fn words_of(line: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, c) in line.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        match words.last_mut() {
            Some(word) if word.end == at => word.end = at + c.len_utf8(),
            _ => words.push(at..at + c.len_utf8()),
        }
    }
    words
}

fn day_at(line: &str, words: &[Range<usize>]) -> Option<(NaiveDate, Range<usize>)> {
    let text = |n: usize| words.get(n).map(|word| latin_digits(&line[word.clone()]).to_lowercase());
    let between = |n: usize| words.get(n).zip(words.get(n + 1)).map(|(a, b)| line[a.end..b.start].trim().to_owned());
    let (first, second, third) = (text(0)?, text(1)?, text(2)?);
    let found = |day: Option<NaiveDate>, last: usize| day.map(|day| (day, words[0].start..words[last].end));
    if let (Some(month), Some(date), Some(year)) = (month(&first), date(&second), year(&third)) {
        return found(NaiveDate::from_ymd_opt(year, month, date), 2);
    }
    if let Some(date) = date(&first) {
        if let (Some(month), Some(year)) = (month(&second), year(&third)) {
            return found(NaiveDate::from_ymd_opt(year, month, date), 2);
        }
        if second == "of"
            && let (Some(month), Some(year)) = (month(&third), text(3).and_then(|word| year(&word)))
        {
            return found(NaiveDate::from_ymd_opt(year, month, date), 3);
        }
    }
    let (gap, gap_after) = (between(0)?, between(1)?);
    if gap == gap_after && matches!(gap.as_str(), "-" | "/" | ".") {
        if let (Some(year), Ok(month), Some(date)) = (year(&first), second.parse(), date(&third)) {
            return found(NaiveDate::from_ymd_opt(year, month, date), 2);
        }
        if gap == "."
            && let (Some(date), Ok(month), Some(year)) = (date(&first), second.parse(), year(&third))
        {
            return found(NaiveDate::from_ymd_opt(year, month, date), 2);
        }
    }
    None
}

fn month(word: &str) -> Option<u32> {
    if word == "sept" {
        return Some(9);
    }
    let place = MONTHS.iter().position(|name| word.len() >= 3 && name.starts_with(word) && (word.len() == 3 || *name == word))?;
    u32::try_from(place + 1).ok()
}

fn date(word: &str) -> Option<u32> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
    if digits.len() <= 2 { digits.parse().ok() } else { None }
}

fn year(word: &str) -> Option<i32> {
    if word.len() == 4 { word.parse().ok().filter(|year| (1900..=2100).contains(year)) } else { None }
}

/// A count as people write it: `26,142`, `26 142`, `۲۶٬۱۴۲`.
pub fn count(text: &str) -> Option<i64> {
    let digits: String = latin_digits(text).chars().filter(|c| !c.is_whitespace() && !",.٬،'’".contains(*c)).collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) { None } else { digits.parse().ok() }
}

/// Yes or no, in the words that spreadsheets use; empty is no.
pub fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "yes" | "true" | "1" | "y" | "x" | "on" => Some(true),
        "" | "no" | "false" | "0" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Persian and Arabic digits as Latin ones; the rest as it is.
pub fn latin_digits(text: &str) -> String {
    let latin = |c: char| match c {
        '۰'..='۹' => char::from_digit(c as u32 - '۰' as u32, 10).unwrap_or(c),
        '٠'..='٩' => char::from_digit(c as u32 - '٠' as u32, 10).unwrap_or(c),
        _ => c,
    };
    text.chars().map(latin).collect()
}

/// A language tag in its usual spelling: `EN_us` is `en-US`.
pub fn language(tag: &str) -> String {
    let mut parts = tag.trim().split(['-', '_']);
    let mut whole = parts.next().unwrap_or_default().to_lowercase();
    for part in parts {
        whole.push('-');
        whole.push_str(&if part.len() == 2 { part.to_uppercase() } else { part.to_owned() });
    }
    whole
}

/// The language that a text without a tag is most probably in, by its letters: Pashto has letters that Dari has not, and Dari some
/// that Arabic has not; everything else is taken for English.
pub fn language_by_letters(text: &str) -> String {
    let sample: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).take(4000).collect();
    let of = |letters: &str| sample.iter().filter(|c| letters.contains(**c)).count();
    let arabic_letters = sample.iter().filter(|c| ('\u{600}'..='\u{6FF}').contains(*c)).count();
    if arabic_letters * 2 <= sample.len() {
        return "en".to_owned();
    }
    let guess = if of("ټډړږښڼۍېځڅ") * 100 >= sample.len() {
        "ps"
    } else if of("پچژگیک") > 0 {
        "fa-AF"
    } else {
        "ar"
    };
    guess.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_older_sites_write_them() {
        let expected = NaiveDate::from_ymd_opt(2021, 3, 5).unwrap();
        for text in
            ["March 5, 2021", "5 March 2021", "5th of March, 2021", "Mar. 5th 2021", "2021-03-05", "2021/3/5", "5.3.2021", "۵ March ۲۰۲۱"]
        {
            assert_eq!(day(text), Some(expected), "{text}");
            let line = format!("Kabul Paper, {text} (quoted)");
            assert_eq!(find_day(&line).map(|(day, _)| day), Some(expected), "{line}");
        }
        for text in ["3/5/2021", "5 Marchioness 2021", "32 March 2021", "2021", "March 2021", "12-31", ""] {
            assert_eq!(find_day(text), None, "{text}");
        }
        let (_, at) = find_day("The Paper, March 5th, 2021.").unwrap();
        assert_eq!(&"The Paper, March 5th, 2021."[at], "March 5th, 2021");
    }

    #[test]
    fn a_day_begins_in_the_organisations_zone() {
        let at = |text: &str, zone: Tz| instant(text, zone).map(|at| at.to_rfc3339());
        assert_eq!(at("2021-03-05", chrono_tz::Asia::Kabul).as_deref(), Some("2021-03-04T19:30:00+00:00"));
        assert_eq!(at("2021-03-05T10:00:00+02:00", chrono_tz::UTC).as_deref(), Some("2021-03-05T08:00:00+00:00"));
        assert_eq!(at("Fri, 05 Mar 2021 10:00:00 GMT", chrono_tz::UTC).as_deref(), Some("2021-03-05T10:00:00+00:00"));
        assert_eq!(at("2021-03-05 10:00", chrono_tz::UTC).as_deref(), Some("2021-03-05T10:00:00+00:00"));
        assert_eq!(at("yesterday", chrono_tz::UTC), None);
    }

    #[test]
    fn counts_and_languages_are_understood() {
        assert_eq!(
            (count("26,142"), count("۲۶٬۱۴۲"), count("26 142"), count("many"), count("-5")),
            (Some(26142), Some(26142), Some(26142), None, None)
        );
        assert_eq!((language("EN_us"), language("fa-af")), ("en-US".to_owned(), "fa-AF".to_owned()));
        assert_eq!(language_by_letters("The school"), "en");
        assert_eq!(language_by_letters("مکتب دختران در شهر باز شد"), "fa-AF");
        assert_eq!(language_by_letters("د نجونو ښوونځی بیا پرانیستل شو، ټولې خوښې دي"), "ps");
    }
}
