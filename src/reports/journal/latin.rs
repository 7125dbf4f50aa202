//! Windows-1252, the only letters that QuickBooks Desktop reads: what it lacks is written with letters that it has.

/// 0x80 to 0x9F; the five places without a letter hold a space.
const HIGH: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// Latin letters with marks that the code page lacks, Persian, Dari, Pashto and Arabic letters, and what is read in their place.
const LOOKALIKES: &[(&str, &str)] = &[
    ("ĀĂĄ", "A"),
    ("āăą", "a"),
    ("ĆĈĊČ", "C"),
    ("ćĉċč", "c"),
    ("ĎĐ", "D"),
    ("ďđ", "d"),
    ("ĒĔĖĘĚ", "E"),
    ("ēĕėęě", "e"),
    ("ĜĞĠĢ", "G"),
    ("ĝğġģ", "g"),
    ("ĤĦ", "H"),
    ("ĥħ", "h"),
    ("ĨĪĬĮİ", "I"),
    ("ĩīĭįı", "i"),
    ("Ĵ", "J"),
    ("ĵ", "j"),
    ("Ķ", "K"),
    ("ķ", "k"),
    ("ĹĻĽĿŁ", "L"),
    ("ĺļľŀł", "l"),
    ("ŃŅŇ", "N"),
    ("ńņň", "n"),
    ("ŌŎŐ", "O"),
    ("ōŏő", "o"),
    ("ŔŖŘ", "R"),
    ("ŕŗř", "r"),
    ("ŚŜŞȘ", "S"),
    ("śŝşș", "s"),
    ("ŢŤŦȚ", "T"),
    ("ţťŧț", "t"),
    ("ŨŪŬŮŰŲ", "U"),
    ("ũūŭůűų", "u"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("Ŷ", "Y"),
    ("ŷ", "y"),
    ("ŹŻ", "Z"),
    ("źż", "z"),
    ("اأإٱ", "a"),
    ("آ", "a"),
    ("ب", "b"),
    ("پ", "p"),
    ("تط", "t"),
    ("ټ", "t"),
    ("ثسص", "s"),
    ("ج", "j"),
    ("چ", "ch"),
    ("حهة", "h"),
    ("خ", "kh"),
    ("دډ", "d"),
    ("ذزضظ", "z"),
    ("رړ", "r"),
    ("ژ", "zh"),
    ("ږ", "zh"),
    ("ش", "sh"),
    ("ښ", "sh"),
    ("ع", "a"),
    ("غ", "gh"),
    ("ف", "f"),
    ("ق", "q"),
    ("کكګ", "k"),
    ("گ", "g"),
    ("ل", "l"),
    ("م", "m"),
    ("نڼ", "n"),
    ("وؤ", "w"),
    ("یيىئېۍ", "y"),
    ("ځ", "dz"),
    ("څ", "ts"),
    ("۰٠", "0"),
    ("۱١", "1"),
    ("۲٢", "2"),
    ("۳٣", "3"),
    ("۴٤", "4"),
    ("۵٥", "5"),
    ("۶٦", "6"),
    ("۷٧", "7"),
    ("۸٨", "8"),
    ("۹٩", "9"),
    ("،", ","),
    ("؛", ";"),
    ("؟", "?"),
    ("ءًٌٍَُِّْ\u{200c}\u{200d}\u{200e}\u{200f}", ""),
    ("−‐‑", "-"),
];

/// The bytes of `text`; what has no likeness becomes a question mark.
pub fn to_windows_1252(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match u32::from(letter) {
            code @ (0..=0x7F | 0xA0..=0xFF) => bytes.push(code as u8),
            _ => push_other(&mut bytes, letter),
        }
    }
    bytes
}

fn push_other(bytes: &mut Vec<u8>, letter: char) {
    if let Some(place) = HIGH.chars().position(|high| high == letter) {
        bytes.push(0x80 + place as u8);
    } else if let Some((_, likeness)) = LOOKALIKES.iter().find(|(letters, _)| letters.contains(letter)) {
        bytes.extend(likeness.bytes());
    } else {
        bytes.push(b'?');
    }
}

#[cfg(test)]
mod tests {
    use super::to_windows_1252;

    #[test]
    fn letters_of_the_code_page_stay_and_others_are_written_with_its_letters() {
        assert_eq!(to_windows_1252("Zürich – 5 €"), b"Z\xfcrich \x96 5 \x80");
        assert_eq!(to_windows_1252("Œuvre Ÿ ž"), b"\x8cuvre \x9f \x9e");
        assert_eq!(to_windows_1252("Łódź"), b"L\xf3dz");
        assert_eq!(to_windows_1252("زمستان ۱۴۰۵"), b"zmstan 1405");
        assert_eq!(to_windows_1252("ښوونځي"), b"shwwndzy");
        assert_eq!(to_windows_1252("你"), b"?");
    }
}
