//! Pictures that a phone reads a text from.

use crate::error::Error;
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// The quiet zone around the code, in modules (ISO/IEC 18004 asks for four).
const QUIET: i32 = 4;

/// A QR code as a path: the page draws it with attributes alone, because it may hold no style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The length of a side in modules, with the quiet zone on each side.
    pub side: i32,
    /// The dark modules, as the `d` of an SVG path.
    pub path: String,
}

impl Picture {
    /// The picture of a text, such as a link.
    pub fn of(text: &str) -> Result<Self, Error> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|error| Error::internal("a picture for phones", error))?;
        let mut path = String::new();
        for y in 0..code.size() {
            for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
                let _ = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
        Ok(Self { side: code.size() + 2 * QUIET, path })
    }
}
