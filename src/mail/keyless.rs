//! A letter's text for other eyes than its recipient's.

/// The shortest secret in a link: 256 bits as base64.
const KEY_CHARACTERS_MIN: usize = 43;

/// A letter's text without the secrets in its links: what they open or decide is for whom the letter is to.
pub fn without_keys(text: &str) -> String {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let hidden = |word: &str| if word.len() >= KEY_CHARACTERS_MIN { "…".to_owned() } else { word.to_owned() };
    let (mut shown, mut word) = (String::with_capacity(text.len()), String::new());
    for c in text.chars() {
        if is_of_key(c) {
            word.push(c);
        } else {
            shown.push_str(&hidden(&std::mem::take(&mut word)));
            shown.push(c);
        }
    }
    shown + &hidden(&word)
}
