//! The German annual confirmation (Sammelbestätigung): its wording is fixed by the tax authorities and is not to be rephrased
//! (BMF, 7 November 2013, pattern for several gifts of money), and it has the total in digits and in words.

use super::{Issuer, profiles::exemption};
use entity::Money;

/// What stands over it.
pub(super) const HEADING: &str = "Sammelbestätigung über Geldzuwendungen im Sinne des § 10b des Einkommensteuergesetzes an eine der in § 5 \
                                  Abs. 1 Nr. 9 des Körperschaftsteuergesetzes bezeichneten Körperschaften, Personenvereinigungen oder \
                                  Vermögensmassen";

/// Its sentences, in their order.
pub(super) fn statements(issuer: &Issuer, replaces: Option<&str>) -> Vec<String> {
    let mut all = vec![
        exemption(issuer),
        format!("Es wird bestätigt, dass die Zuwendung nur zur Förderung {} verwendet wird.", issuer.exemption.purpose),
        "Es wird bestätigt, dass es sich nicht um einen Mitgliedsbeitrag handelt, dessen Abzug nach § 10b Abs. 1 des \
         Einkommensteuergesetzes ausgeschlossen ist."
            .to_owned(),
        "Es wird bestätigt, dass über die in der Gesamtsumme enthaltenen Zuwendungen keine weiteren Bestätigungen, weder formelle \
         Zuwendungsbestätigungen noch Beitragsquittungen oder Ähnliches ausgestellt wurden und werden."
            .to_owned(),
        "Ob es sich um den Verzicht auf Erstattung von Aufwendungen handelt, ist der Anlage zur Sammelbestätigung zu entnehmen.".to_owned(),
        "Hinweis: Wer vorsätzlich oder grob fahrlässig eine unrichtige Zuwendungsbestätigung erstellt oder veranlasst, dass Zuwendungen \
         nicht zu den in der Zuwendungsbestätigung angegebenen steuerbegünstigten Zwecken verwendet werden, haftet für die entgangene Steuer \
         (§ 10b Abs. 4 EStG, § 9 Abs. 3 KStG, § 9 Nr. 5 GewStG)."
            .to_owned(),
        "Diese Bestätigung wird nicht als Nachweis für die steuerliche Berücksichtigung der Zuwendung anerkannt, wenn das Datum des \
         Freistellungsbescheides länger als 5 Jahre bzw. das Datum der Feststellung der Einhaltung der satzungsmäßigen Voraussetzungen nach \
         § 60a Abs. 1 AO länger als 3 Jahre seit Ausstellung des Bescheides zurückliegt (§ 63 Abs. 5 AO)."
            .to_owned(),
    ];
    all.extend(replaces.map(|code| format!("Diese Sammelbestätigung ersetzt die Sammelbestätigung {code}, die ungültig ist.")));
    all
}

/// An amount of euros in words: `eintausendzweihundertvierunddreißig Euro und fünfzig Cent`.
pub fn in_words(money: Money) -> String {
    let minor = money.minor.unsigned_abs();
    let (euros, cents) = (minor / 100, minor % 100);
    let euros = format!("{} Euro", words(euros));
    if cents == 0 { euros } else { format!("{euros} und {} Cent", words(cents)) }
}

const SMALL: [&str; 20] = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const TENS: [&str; 10] = ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];

fn words(number: u64) -> String {
    match number {
        0..20 => SMALL[number as usize].to_owned(),
        20..100 => {
            let (tens, rest) = (TENS[(number / 10) as usize], number % 10);
            if rest == 0 { tens.to_owned() } else { format!("{}und{tens}", SMALL[rest as usize]) }
        }
        100..1_000 => joined(&words(number / 100), "hundert", number % 100),
        1_000..1_000_000 => joined(&words(number / 1_000), "tausend", number % 1_000),
        _ => {
            let (millions, rest) = (number / 1_000_000, number % 1_000_000);
            let head = if millions == 1 { "eine Million".to_owned() } else { format!("{} Millionen", words(millions)) };
            if rest == 0 { head } else { format!("{head} {}", words(rest)) }
        }
    }
}

fn joined(count: &str, unit: &str, rest: u64) -> String {
    if rest == 0 { format!("{count}{unit}") } else { format!("{count}{unit}{}", words(rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn euros_are_written_out_as_germans_do() {
        for (minor, written) in [
            (100, "ein Euro"),
            (1_201, "zwölf Euro und ein Cent"),
            (2_100, "einundzwanzig Euro"),
            (10_000, "einhundert Euro"),
            (10_117, "einhundertein Euro und siebzehn Cent"),
            (123_450, "eintausendzweihundertvierunddreißig Euro und fünfzig Cent"),
            (1_600_000, "sechzehntausend Euro"),
            (98_765_499, "neunhundertsiebenundachtzigtausendsechshundertvierundfünfzig Euro und neunundneunzig Cent"),
            (100_000_000, "eine Million Euro"),
            (230_000_100, "zwei Millionen dreihunderttausendein Euro"),
        ] {
            assert_eq!(in_words(Money::new(minor, "EUR".parse().unwrap())), written);
        }
    }
}
