//! LibreOffice opens the spreadsheet and says of every cell what the comma-separated file says.

use super::{
    accounting::{TemporaryFile, is_there},
    bytes_of, everything, file_of,
    movements::every_kind,
};
use crate::support::{TestApp, gift, on_both_databases, unique_number};
use std::process::Command;
use wellwisher::reports::{ExportRequest, Format};

/// Cells as they are shown, in UTF-8, with commas and quotes as RFC 4180 has them: the tokens of LibreOffice's CSV filter.
const AS_SHOWN: &str = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false";

fn has_libreoffice() -> bool {
    let mut probe = Command::new("soffice");
    probe.args(["--headless", "--version"]);
    is_there("LibreOffice (soffice)", probe)
}

/// The first sheet, as LibreOffice writes it as comma-separated values.
fn by_libreoffice(sheet: &[u8]) -> Vec<Vec<String>> {
    let file = TemporaryFile::new(".xlsx", sheet);
    let folder = crate::support::scratch().join(format!("libreoffice-{}-{}", std::process::id(), unique_number()));
    std::fs::create_dir_all(&folder).unwrap();
    // A profile of its own: another LibreOffice under way would take the file over.
    let output = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", folder.join("profile").display()))
        .args(["--headless", "--norestore", "--convert-to", AS_SHOWN, "--outdir"])
        .arg(&folder)
        .arg(&file.0)
        .env("HOME", &folder)
        .output()
        .unwrap();
    let converted = folder.join(file.0.with_extension("csv").file_name().unwrap());
    let text = std::fs::read(&converted).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let _ = std::fs::remove_dir_all(&folder);
    cells_of(&text)
}

fn cells_of(csv: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

on_both_databases! {
    async fn libreoffice_shows_what_the_comma_separated_file_says(test: TestApp) {
        // It takes seconds to start, and the file is the same from both databases.
        if test.app.db.is_postgres() || !has_libreoffice() {
            return;
        }
        let mut named = gift(2_500, "EUR");
        named.name = "=cmd|' /C calc'!A0, \"از کابل\"".to_owned();
        test.give(&named).await;
        every_kind(&test).await;
        let mut request = everything();
        request.asked.with_donors = true;
        let (csv, _) = file_of(&test, &request).await;
        let (sheet, _) = bytes_of(&test, &ExportRequest { format: Format::Xlsx, ..request }).await;
        let (ours, theirs) = (cells_of(csv.as_bytes()), by_libreoffice(&sheet));
        assert!(ours.len() > 10 && ours.len() == theirs.len(), "{} lines of ours, {} of LibreOffice", ours.len(), theirs.len());
        for (line, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "line {}", line + 1);
        }
    }
}
