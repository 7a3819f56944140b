//! Codes for machines to read: QR and Code 128.
//!
//! Promise: what cannot be written in a code gives no code, never a wrong one. Start at [`qr`] and [`bars`].

use barcoders::sym::code128::Code128;
use fast_qr::ECL;
use fast_qr::qr::QRBuilder;

/// Dark places of a QR code, row by row; empty when `text` is too long for one.
pub fn qr(text: &str) -> Vec<Vec<bool>> {
    let Ok(code) = QRBuilder::new(text).ecl(ECL::L).build() else { return Vec::new() };
    (0..code.size).map(|row| code[row][..code.size].iter().map(|module| module.value()).collect()).collect()
}

/// Dark places of a Code 128 from left to right; empty when `text` has other letters than ASCII.
pub fn bars(text: &str) -> Vec<bool> {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Vec::new();
    }
    // The first letter switches to character set B: printable ASCII.
    Code128::new(format!("\u{0181}{text}"))
        .map_or_else(|_| Vec::new(), |code| code.encode().iter().map(|bar| *bar == 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dossier_code_has_both_codes() {
        let code = "000.11.57.H23-230526-0001";
        assert!(qr(code).len() >= 21 && qr(code).iter().all(|row| row.len() == qr(code).len()));
        assert!(bars(code).len() > 200);
        assert!(bars("hồ sơ").is_empty() && qr(&"x".repeat(8_000)).is_empty());
    }
}
