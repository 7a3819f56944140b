//! What the pages of both programs look like, and what script adds to them.
//!
//! Promise: one sheet and one script for both, under one version that changes with them. Start at [`STYLE`].

use std::sync::LazyLock;

/// The sheet, served as `/style.css`.
pub const STYLE: &str = include_str!("../assets/style.css");

/// The script, served as `/app.js`. Every page works without it.
pub const SCRIPT: &str = include_str!("../assets/app.js");

/// A word that changes whenever sheet or script do: in their addresses, so that a browser may keep them for ever.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = blake3::hash([STYLE, SCRIPT].concat().as_bytes());
    hash.to_hex()[..16].to_owned()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_another_host() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("@import") && !text.contains("url("));
        }
    }

    #[test]
    fn no_letter_is_smaller_than_16_px() {
        // The root is 17 px; a size below 0.94 rem or em would be under 16.
        let sizes = STYLE.split("font-size:").skip(1).chain(STYLE.split("font:").skip(1)).map(|rest| {
            let end = rest.find([';', '}']).unwrap_or(rest.len());
            &rest[..end]
        });
        for size in sizes {
            let small = size.split([' ', '/']).filter_map(|part| part.strip_suffix("rem").or_else(|| part.strip_suffix("em")));
            for value in small.filter_map(|part| part.parse::<f64>().ok()) {
                assert!(value >= 0.94, "{size}");
            }
        }
    }
}
