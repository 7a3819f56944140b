//! The papers of a dossier: what a clerk lists, line by line, and how much of it is digital.
//!
//! Promise: a word that is not understood is a fault of its line, never a guess; names of papers stay out of the clear
//! part. Start at [`handed_in`] and [`read`].

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::dossier::Extent;
use crate::text::{fold, nfc};
use crate::typed::FieldError;

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

impl Component {
    /// The same, handed in as it is asked for, on paper.
    pub fn paper(&self) -> Paper {
        Paper { kind: self.kind, quantity: self.quantity, digital: Digital::No }
    }
}

/// The components that were ticked in a form, each as [`Component`] is displayed. In a form the field [`Ticked::FIELD`]
/// stands once for each; what else stands there is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticked(pub Vec<String>);

impl Ticked {
    pub const FIELD: &'static str = "component";

    pub fn has(&self, component: &Component) -> bool {
        let written = component.to_string();
        self.0.contains(&written)
    }
}

impl Serialize for Ticked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.0.is_empty() {
            map.serialize_entry(Self::FIELD, &self.0.join("\n"))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Ticked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ticked, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Ticked;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("the fields of a form")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ticked, A::Error> {
                let mut ticked = Vec::new();
                while let Some(field) = map.next_key::<String>()? {
                    if field == Ticked::FIELD {
                        let lines = map.next_value::<String>()?;
                        ticked.extend(lines.lines().map(nfc).filter(|line| !line.is_empty()));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Ticked(ticked))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A paper under its name.
pub type Named = (String, Paper);

const LONGEST_NAME: usize = 200;

/// What was handed in: the ticked components in the order of the catalogue, then what was typed as [`read`] takes it. `None`
/// where nothing is listed. A tick at what the procedure does not ask for is a fault: the catalogue, or the procedure, has
/// changed under it.
pub fn handed_in(ticked: &Ticked, typed: &str, components: &[Component]) -> Result<Option<Vec<Named>>, FieldError> {
    if let Some(strange) = strange(ticked, components).next() {
        let name = strange.split('|').next().unwrap_or_default().trim();
        let problem = format!(
            "“{name}” không nằm trong thành phần của thủ tục đã chọn nên được chuyển xuống ô giấy tờ khác; hãy xem lại rồi lưu"
        );
        return Err(FieldError::new("papers", problem));
    }
    let mut list: Vec<Named> =
        components.iter().filter(|one| ticked.has(one)).map(|one| (one.name.clone(), one.paper())).collect();
    if !typed.trim().is_empty() {
        let (papers, names) = read(typed).map_err(|problem| FieldError::new("papers", problem))?;
        if names.iter().any(|name| name.chars().count() > LONGEST_NAME) {
            return Err(FieldError::new("papers", format!("tên giấy tờ dài quá {LONGEST_NAME} ký tự")));
        }
        list.extend(names.into_iter().zip(papers));
    }
    Ok(Some(list).filter(|list| !list.is_empty()))
}

fn strange<'t>(ticked: &'t Ticked, components: &[Component]) -> impl Iterator<Item = &'t String> {
    let known: Vec<String> = components.iter().map(ToString::to_string).collect();
    ticked.0.iter().filter(move |line| !known.contains(line))
}

/// Ticks that no component has any more become typed lines, so that nothing is lost when a form is shown again.
pub fn settle(ticked: &mut Ticked, typed: &mut String, components: &[Component]) {
    let strange: Vec<String> = strange(ticked, components).cloned().collect();
    ticked.0.retain(|line| !strange.contains(line));
    for line in strange {
        if !typed.is_empty() && !typed.ends_with('\n') {
            typed.push('\n');
        }
        typed.push_str(&line);
    }
}

/// A list as a form shows it: ticks where it has what the procedure asks for, as it asks for it, and lines for the rest.
pub fn split(list: &[Named], components: &[Component]) -> (Ticked, String) {
    let mut left: Vec<&Component> = components.iter().collect();
    let (mut ticked, mut typed) = (Vec::new(), Vec::new());
    for (name, paper) in list {
        let place = left.iter().position(|component| component.name == *name && component.paper() == *paper);
        match place {
            Some(place) => ticked.push(left.remove(place).to_string()),
            None => typed.push(line(name, *paper)),
        }
    }
    (Ticked(ticked), typed.join("\n"))
}

/// A paper as [`read`] takes it.
fn line(name: &str, paper: Paper) -> String {
    let mut line = format!("{name} | {} | {}", kind_name(paper.kind), paper.quantity);
    match paper.digital {
        Digital::No => {}
        Digital::Digitised => line.push_str(" | số hóa"),
        Digital::Reused => line.push_str(" | dùng lại"),
    }
    line
}

/// A list as it is recorded: the papers, and their names for the sealed part.
pub fn recorded(list: Vec<Named>) -> (Vec<Paper>, String) {
    let (names, papers): (Vec<String>, Vec<Paper>) = list.into_iter().unzip();
    (papers, joined(&names))
}

const BETWEEN: &str = "; ";

/// Names in one text. What sets them apart stands in none of them.
pub fn joined(names: &[String]) -> String {
    names.iter().map(|name| name.replace(BETWEEN, ", ")).collect::<Vec<_>>().join(BETWEEN)
}

/// The papers under the names that were sealed with them; without a name where they cannot be read.
pub fn named(papers: &[Paper], names: &str) -> Vec<Named> {
    let mut names = names.split(BETWEEN).map(str::to_owned);
    papers.iter().map(|paper| (names.next().unwrap_or_default(), *paper)).collect()
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

/// The paper of one line and its name, or the word that is not understood. A name before a bar may have commas.
fn paper(line: &str) -> Result<(Paper, String), String> {
    const SEPARATORS: &[char] = &[',', ';', '|'];
    match line.split_once('|') {
        Some((name, rest)) => described(line, name, rest.split(SEPARATORS)),
        None => paper_of(line, SEPARATORS),
    }
}

fn paper_of(line: &str, separators: &[char]) -> Result<(Paper, String), String> {
    let mut parts = line.split(separators);
    let name = parts.next().unwrap_or_default();
    described(line, name, parts)
}

fn described<'l>(line: &'l str, name: &'l str, parts: impl Iterator<Item = &'l str>) -> Result<(Paper, String), String> {
    let parts = parts.map(str::trim);
    let name = Some(name.trim()).filter(|name| name.chars().any(char::is_alphabetic)).ok_or(line)?;
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
        reads("Tờ khai, theo mẫu | bản sao, 3", PaperKind::Copy, 3, Digital::No);
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

    fn asked() -> Vec<Component> {
        let lines = ["Tờ khai, theo mẫu | bản chính | 1", "Giấy chứng sinh | bản sao | 2", "Căn cước | bản photo | 1"];
        components(&lines.map(str::to_owned)).expect("good")
    }

    #[test]
    fn ticked_components_come_first_in_the_order_of_the_catalogue_then_what_was_typed() {
        let asked = asked();
        let ticked = Ticked(vec![asked[2].to_string(), asked[0].to_string()]);
        let list = handed_in(&ticked, "Ảnh, 2\nĐơn; bản sao", &asked).expect("good").expect("something");
        let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Tờ khai, theo mẫu", "Căn cước", "Ảnh", "Đơn"]);
        assert_eq!(
            split(&list, &asked),
            (Ticked(vec![asked[0].to_string(), asked[2].to_string()]), "Ảnh | bản chính | 2\nĐơn | bản sao | 1".to_owned())
        );
        assert_eq!(handed_in(&Ticked::default(), " \n", &asked), Ok(None));
    }

    #[test]
    fn a_tick_at_what_the_procedure_does_not_ask_for_becomes_a_line_and_is_never_dropped() {
        let asked = asked();
        let (mut ticked, mut typed) = (Ticked(vec![asked[0].to_string(), asked[1].to_string()]), "Ảnh".to_owned());
        let fault = handed_in(&ticked, &typed, &asked[..1]).expect_err("changed");
        assert!(fault.field == "papers" && fault.problem.contains("“Giấy chứng sinh”"), "{fault:?}");
        settle(&mut ticked, &mut typed, &asked[..1]);
        let list = handed_in(&ticked, &typed, &asked[..1]).expect("good").expect("three");
        assert_eq!(
            list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["Tờ khai, theo mẫu", "Ảnh", "Giấy chứng sinh"]
        );
        assert_eq!((list[2].1.kind, list[2].1.quantity), (PaperKind::Copy, 2));
    }

    #[test]
    fn ticks_are_kept_with_the_form_in_which_they_stand() {
        #[derive(Serialize, Deserialize)]
        struct Form {
            name: String,
            #[serde(flatten)]
            ticked: Ticked,
        }
        let ticked = Ticked(vec![asked()[0].to_string(), asked()[1].to_string()]);
        let kept = serde_json::to_string(&Form { name: "x".to_owned(), ticked: ticked.clone() }).expect("plain");
        assert_eq!(serde_json::from_str::<Form>(&kept).expect("read back").ticked, ticked);
        assert_eq!(serde_json::from_str::<Form>(r#"{"name":"x","other":"y"}"#).expect("an older form").ticked, Ticked::default());
    }

    proptest::proptest! {
        #[test]
        fn any_list_is_shown_and_read_back_as_it_was(picked in proptest::collection::vec((0usize..3, 1u32..9, 0u8..4, proptest::bool::ANY), 0..8)) {
            let asked = asked();
            let kinds = [PaperKind::Original, PaperKind::Copy, PaperKind::Certified, PaperKind::Photocopy];
            let list: Vec<Named> = picked.iter().map(|(place, quantity, kind, digital)| {
                let digital = if *digital { Digital::Digitised } else { Digital::No };
                (asked[*place].name.clone(), Paper { kind: kinds[usize::from(*kind)], quantity: *quantity, digital })
            }).collect();
            let (ticked, typed) = split(&list, &asked);
            let mut back = handed_in(&ticked, &typed, &asked).expect("our own words").unwrap_or_default();
            let order = |one: &Named| (one.0.clone(), one.1.quantity, kind_name(one.1.kind), one.1.digital == Digital::No);
            let mut list_sorted = list.clone();
            list_sorted.sort_by_key(order);
            back.sort_by_key(order);
            proptest::prop_assert_eq!(&list_sorted, &back);
            let (papers, names) = recorded(list.clone());
            proptest::prop_assert_eq!(named(&papers, &names), list);
        }
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
