//! The letters: Times New Roman where the system has it, Liberation Serif where not, DejaVu Serif as the last resort.
//!
//! Promise: a face is used only when it has every Vietnamese letter, and one family serves a whole document.
//! Start at [`Fonts::find`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use krilla::text::Font;
use rustybuzz::{Face as Shaper, UnicodeBuffer};

/// One of the four faces of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    Regular,
    Bold,
    Italic,
    BoldItalic,
}

const FACES: [Face; 4] = [Face::Regular, Face::Bold, Face::Italic, Face::BoldItalic];

impl Face {
    pub fn of(bold: bool, italic: bool) -> Face {
        match (bold, italic) {
            (false, false) => Face::Regular,
            (true, false) => Face::Bold,
            (false, true) => Face::Italic,
            (true, true) => Face::BoldItalic,
        }
    }
}

/// A family, and the names of its files in the order of [`FACES`].
struct Family {
    name: &'static str,
    files: &'static [[&'static str; 4]],
}

const FAMILIES: [Family; 2] = [
    Family {
        name: "Times New Roman",
        files: &[
            ["times.ttf", "timesbd.ttf", "timesi.ttf", "timesbi.ttf"],
            ["Times_New_Roman.ttf", "Times_New_Roman_Bold.ttf", "Times_New_Roman_Italic.ttf", "Times_New_Roman_Bold_Italic.ttf"],
        ],
    },
    Family {
        name: "Liberation Serif",
        files: &[[
            "LiberationSerif-Regular.ttf",
            "LiberationSerif-Bold.ttf",
            "LiberationSerif-Italic.ttf",
            "LiberationSerif-BoldItalic.ttf",
        ]],
    },
];

/// Every letter with its marks, small and capital.
const LETTERS: &str = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ\
                       AÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬEÈÉẺẼẸÊỀẾỂỄỆIÌÍỈĨỊOÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢUÙÚỦŨỤƯỪỨỬỮỰYỲÝỶỸỴĐ…–“”0123456789";

/// Folders of fonts below which nothing deeper is looked at.
const DEPTH: usize = 4;

/// Why no document can be drawn.
#[derive(Debug, thiserror::Error)]
#[error("không dùng được phông chữ {0}")]
pub struct Unusable(&'static str);

/// The four faces that a document is drawn with.
pub struct Fonts {
    pub family: &'static str,
    drawn: Vec<Font>,
    shapers: Vec<Shaper<'static>>,
    /// Widths that were measured before, in units of the face.
    widths: RefCell<BTreeMap<(Face, String), i32>>,
}

impl Fonts {
    /// The best family of this system; `folders` are looked through in their order.
    pub fn find(folders: &[PathBuf]) -> Result<Fonts, Unusable> {
        let mut files = BTreeMap::new();
        for folder in folders {
            gather(folder, DEPTH, &mut files);
        }
        let found = FAMILIES.iter().find_map(|family| family.files.iter().find_map(|names| load(family.name, names, &files)));
        found.map_or_else(last_resort, Ok)
    }

    pub fn face(&self, face: Face) -> &Font {
        &self.drawn[face as usize]
    }

    /// Width of `text` in points.
    pub fn width(&self, face: Face, text: &str, size: f32) -> f32 {
        let shaper = &self.shapers[face as usize];
        let units = *self.widths.borrow_mut().entry((face, text.to_owned())).or_insert_with(|| {
            let mut buffer = UnicodeBuffer::new();
            buffer.push_str(text);
            rustybuzz::shape(shaper, &[], buffer).glyph_positions().iter().map(|position| position.x_advance).sum()
        });
        #[expect(clippy::cast_precision_loss, reason = "widths of words are far below 2^23 units")]
        let width = units as f32 * size / shaper.units_per_em() as f32;
        width
    }
}

/// Where this system keeps fonts.
pub fn system_folders() -> Vec<PathBuf> {
    let windows = std::env::var_os("SystemRoot").map(|root| Path::new(&root).join("Fonts"));
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share/fonts"));
    let fixed = ["/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts"].map(PathBuf::from);
    windows.into_iter().chain(home).chain(fixed).collect()
}

/// Font files by their names in small letters.
fn gather(folder: &Path, depth: usize, files: &mut BTreeMap<String, PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && depth > 0 {
            gather(&path, depth - 1, files);
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            files.entry(name.to_lowercase()).or_insert_with(|| path.clone());
        }
    }
}

fn load(family: &'static str, names: &[&str; 4], files: &BTreeMap<String, PathBuf>) -> Option<Fonts> {
    let bytes: Vec<Vec<u8>> =
        names.iter().map(|name| std::fs::read(files.get(&name.to_lowercase())?).ok()).collect::<Option<_>>()?;
    of(family, bytes)
}

fn last_resort() -> Result<Fonts, Unusable> {
    let faces = [dejavu::serif::regular(), dejavu::serif::bold(), dejavu::serif::italic(), dejavu::serif::bold_italic()];
    of("DejaVu Serif", faces.map(<[u8]>::to_vec).into()).ok_or(Unusable("DejaVu Serif"))
}

fn of(family: &'static str, faces: Vec<Vec<u8>>) -> Option<Fonts> {
    let (mut drawn, mut shapers) = (Vec::new(), Vec::new());
    for bytes in faces {
        // The press draws one document and ends: what its fonts hold is given back with the process.
        let bytes: &'static [u8] = bytes.leak();
        let shaper = Shaper::from_slice(bytes, 0)?;
        LETTERS.chars().all(|letter| shaper.glyph_index(letter).is_some()).then_some(())?;
        shapers.push(shaper);
        drawn.push(Font::new(bytes.into(), 0)?);
    }
    (drawn.len() == FACES.len()).then(|| Fonts { family, drawn, shapers, widths: RefCell::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_resort_has_every_vietnamese_letter() {
        let fonts = Fonts::find(&[]).expect("there is always a family");
        assert_eq!(fonts.family, "DejaVu Serif");
        assert!(fonts.width(Face::Regular, "Nguyễn", 12.0) > fonts.width(Face::Regular, "Nguyễ", 12.0));
    }

    #[test]
    fn a_file_that_is_no_font_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in FAMILIES[1].files[0] {
            std::fs::write(folder.path().join(name), b"no font").expect("written");
        }
        assert_eq!(Fonts::find(&[folder.path().to_owned()]).expect("a family").family, "DejaVu Serif");
    }
}
