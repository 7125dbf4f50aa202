//! Comma-separated values (RFC 4180), or the same with semicolons: CRLF, quotes where needed, and no cell of text that a spreadsheet program
//! would run.

/// The first characters that make a spreadsheet program compute a cell, full-width ones included (OWASP ASVS 5.0, 1.2.10). Quotes do
/// not help against it; an apostrophe before the text does.
const STARTS_A_FORMULA: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet program would run this text.
pub(super) fn is_formula(text: &str) -> bool {
    text.starts_with(STARTS_A_FORMULA)
}

/// Lines being written.
#[derive(Debug)]
pub struct Lines {
    bytes: Vec<u8>,
    line_has_cells: bool,
    separator: u8,
}

impl Default for Lines {
    fn default() -> Self {
        Self { bytes: Vec::new(), line_has_cells: false, separator: b',' }
    }
}

impl Lines {
    /// With semicolons between the cells, and a comma in decimal numbers: where Excel wants the one, it takes `5.10` for a day in October.
    pub fn with_semicolons() -> Self {
        Self { separator: b';', ..Self::default() }
    }

    /// A cell of text, whatever is in it.
    pub fn text(&mut self, text: &str) {
        self.separate();
        let dangerous = is_formula(text);
        let must_quote = text.bytes().any(|byte| matches!(byte, b'"' | b'\r' | b'\n') || byte == self.separator);
        if must_quote {
            self.bytes.push(b'"');
        }
        if dangerous {
            self.bytes.push(b'\'');
        }
        if must_quote {
            self.bytes.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            self.bytes.push(b'"');
        } else {
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// A cell of text, or an empty one.
    pub fn maybe(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    /// A cell with a number as our own formatter writes it: `-50.00` stays a number.
    pub fn number(&mut self, number: impl std::fmt::Display) {
        use std::io::Write;
        self.separate();
        let _ = write!(self.bytes, "{number}");
    }

    /// The same, where it is text already.
    pub(super) fn plain(&mut self, number: &str) {
        self.separate();
        self.bytes.extend_from_slice(number.as_bytes());
    }

    /// A cell with a decimal number as our own formatter writes it.
    pub fn decimal(&mut self, number: &str) {
        self.plain(number);
        let start = self.bytes.len() - number.len();
        if self.separator == b';' {
            self.bytes[start..].iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = b',');
        }
    }

    /// A cell with a whole number: nearly half of a report's cells are.
    pub(super) fn count(&mut self, number: i64) {
        self.separate();
        let (mut digits, mut place, mut rest) = ([b'0'; 20], 20, number.unsigned_abs());
        while rest > 0 || place == 20 {
            place -= 1;
            digits[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if number < 0 {
            self.bytes.push(b'-');
        }
        self.bytes.extend_from_slice(&digits[place..]);
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.bytes.extend(b"\r\n");
        self.line_has_cells = false;
    }

    /// How many bytes wait to be taken.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes what was written so far.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn separate(&mut self) {
        if self.line_has_cells {
            self.bytes.push(self.separator);
        }
        self.line_has_cells = true;
    }
}
