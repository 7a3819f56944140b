//! The papers of a dossier: what a clerk lists, line by line, and how much of it is digital.
//!
//! Promise: a word that is not understood is a fault of its line, never a guess; names of papers stay out of the clear
//! part. Start at [`read`].

use serde::{Deserialize, Serialize};

use crate::dossier::Extent;
use crate::text::{fold, nfc};

/// In what form a paper was handed in (the table of the receipt, Mẫu 01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperKind {
    Original,
    Copy,
    Certified,
    Photocopy,
}

/// Whether there is a digital one (DOMAIN §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digital {
    No,
    Digitised,
    /// Taken from what the citizen had handed in, or got, before.
    Reused,
}

/// One component of a dossier, without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    pub kind: PaperKind,
    pub quantity: u32,
    pub digital: Digital,
}

/// A kind in words; [`read`] and [`components`] understand them.
pub fn kind_name(kind: PaperKind) -> &'static str {
    match kind {
        PaperKind::Original => "bản chính",
        PaperKind::Copy => "bản sao",
        PaperKind::Certified => "bản chứng thực",
        PaperKind::Photocopy => "bản photo",
    }
}

/// A paper that a procedure asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    pub name: String,
    pub kind: PaperKind,
    pub quantity: u32,
}

impl std::fmt::Display for Component {
    /// As [`components`] reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} | {} | {}", self.name, kind_name(self.kind), self.quantity)
    }
}

/// Reads what a procedure asks for, one paper a line: its name, then its kind and how many, set apart by `|` (or by commas
/// where the line has none). A name alone is one original. Gives what is wrong with the first line that is not understood.
pub fn components(lines: &[String]) -> Result<Vec<Component>, String> {
    if lines.len() > MOST_PAPERS {
        return Err(format!("nhiều quá {MOST_PAPERS} giấy tờ"));
    }
    let component = |(number, line): (usize, &String)| {
        let separators: &[char] = if line.contains('|') { &['|'] } else { &[','] };
        let (paper, name) = paper_of(line, separators).map_err(|word| format!("giấy tờ thứ {number}: không hiểu “{word}”"))?;
        if paper.digital != Digital::No {
            return Err(format!("giấy tờ thứ {number}: chỉ ghi tên, loại và số lượng"));
        }
        Ok(Component { name, kind: paper.kind, quantity: paper.quantity })
    };
    (1..).zip(lines).map(component).collect()
}

/// How much of the list is digital, made here or reused. Of an empty list, nothing.
pub fn extent(papers: &[Paper]) -> Extent {
    let digital = papers.iter().filter(|paper| paper.digital != Digital::No).count();
    match digital {
        0 => Extent::None,
        some if some < papers.len() => Extent::Some,
        _ => Extent::All,
    }
}

/// More than any procedure asks for.
const MOST_PAPERS: usize = 50;

/// Reads a list as it was typed, one paper a line: its name, then in any order its kind, how many, and whether it is
/// digital, such as `Giấy khai sinh, bản sao, 2, số hóa`. A name alone is one original on paper. Gives the papers and their
/// names, or what is wrong.
pub fn read(text: &str) -> Result<(Vec<Paper>, Vec<String>), String> {
    let lines: Vec<(usize, String)> = (1..).zip(text.lines().map(nfc)).filter(|(_, line)| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err("hãy ghi mỗi dòng một giấy tờ".to_owned());
    }
    if lines.len() > MOST_PAPERS {
        return Err(format!("nhiều quá {MOST_PAPERS} giấy tờ"));
    }
    let read = lines.iter().map(|(number, line)| paper(line).map_err(|word| format!("dòng {number}: không hiểu “{word}”")));
    Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
}

/// The paper of one line and its name, or the word that is not understood.
fn paper(line: &str) -> Result<(Paper, String), String> {
    paper_of(line, &[',', ';', '|'])
}

fn paper_of(line: &str, separators: &[char]) -> Result<(Paper, String), String> {
    let mut parts = line.split(separators).map(str::trim);
    let name = parts.next().filter(|name| name.chars().any(char::is_alphabetic)).ok_or(line)?;
    let mut paper = Paper { kind: PaperKind::Original, quantity: 1, digital: Digital::No };
    for part in parts.filter(|part| !part.is_empty()) {
        match fold(part).as_str() {
            "ban chinh" => paper.kind = PaperKind::Original,
            "ban sao" => paper.kind = PaperKind::Copy,
            "chung thuc" | "ban chung thuc" | "ban sao chung thuc" => paper.kind = PaperKind::Certified,
            "photo" | "ban photo" => paper.kind = PaperKind::Photocopy,
            "so hoa" | "da so hoa" => paper.digital = Digital::Digitised,
            "dung lai" => paper.digital = Digital::Reused,
            number => paper.quantity = number.parse().ok().filter(|count| (1..=999).contains(count)).ok_or(part)?,
        }
    }
    Ok((paper, name.to_owned()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn some(digital: bool) -> Vec<Paper> {
        let digital = if digital { Digital::Digitised } else { Digital::No };
        vec![Paper { kind: PaperKind::Copy, quantity: 2, digital }, Paper { kind: PaperKind::Original, quantity: 1, digital }]
    }

    #[track_caller]
    fn reads(line: &str, kind: PaperKind, quantity: u32, digital: Digital) {
        let (papers, names) = read(line).expect("understood");
        assert_eq!((papers.as_slice(), names.len()), (&[Paper { kind, quantity, digital }][..], 1), "{line}");
    }

    #[test]
    fn one_line_cases_of_papers() {
        reads("Tờ khai", PaperKind::Original, 1, Digital::No);
        reads("Giấy khai sinh, bản sao, 2, số hóa", PaperKind::Copy, 2, Digital::Digitised);
        reads("Giấy khai sinh; 2; BẢN SAO; đã số hóa", PaperKind::Copy, 2, Digital::Digitised);
        reads("Căn cước | chứng thực", PaperKind::Certified, 1, Digital::No);
        reads("\nCăn cước, photo, dùng lại,\n\n", PaperKind::Photocopy, 1, Digital::Reused);
    }

    #[test]
    fn a_word_that_is_not_understood_is_named_with_its_line() {
        let cases = [
            ("", "hãy ghi mỗi dòng một giấy tờ"),
            ("Tờ khai\nCăn cước, bản chép", "dòng 2: không hiểu “bản chép”"),
            ("Tờ khai, 0", "dòng 1: không hiểu “0”"),
            ("Tờ khai, 1000", "dòng 1: không hiểu “1000”"),
            ("123, bản sao", "dòng 1: không hiểu “123, bản sao”"),
        ];
        for (text, problem) in cases {
            assert_eq!(read(text), Err(problem.to_owned()), "{text}");
        }
        assert!(read(&"Tờ khai\n".repeat(51)).is_err());
    }

    #[test]
    fn the_extent_counts_what_is_digital_and_an_empty_list_is_not() {
        let [mut one, two] = some(true)[..] else { panic!("two papers") };
        assert_eq!((extent(&[]), extent(&some(false)), extent(&[one, two])), (Extent::None, Extent::None, Extent::All));
        one.digital = Digital::No;
        assert_eq!(extent(&[one, two]), Extent::Some);
        one.digital = Digital::Reused;
        assert_eq!(extent(&[one, two]), Extent::All);
    }
}
