//! Finding a dossier by what a clerk remembers of it: words of a name in any order, with or without diacritics, a number
//! or its end.
//!
//! Promise: what [`Query::matches`] says of a subject, [`Subject::terms`] and [`Query::terms`] say too, so that an index
//! of hidden terms finds it; a hidden term tells nothing without the office's key. Start at [`Query::parse`].

use std::collections::BTreeSet;

use crate::seal::OfficeKey;
use crate::text::fold;

/// What one dossier is found by. Absent parts are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    pub name: &'a str,
    pub identity: &'a str,
    pub phone: &'a str,
    pub code: &'a str,
    /// The number that another system knows it by.
    pub external_code: &'a str,
}

/// Of longer words the first letters tell enough.
const LONGEST_WORD: usize = 10;
/// A name that is longer is found by its beginning.
const MOST_WORDS: usize = 24;
/// How many last digits of a number are enough to find it.
const TAIL: usize = 4;

impl Subject<'_> {
    /// The terms of its index: each word of the name and its beginnings of two letters and more, and each number whole and
    /// by its last digits.
    pub fn terms(&self) -> BTreeSet<String> {
        let mut terms = BTreeSet::new();
        for word in words(self.name) {
            let ends = word.char_indices().map(|(at, letter)| at + letter.len_utf8());
            for end in ends.skip(1) {
                terms.insert(word_term(&word[..end]));
            }
            terms.insert(word_term(&word));
        }
        for number in self.numbers() {
            if let Some(tail) = tail(&number) {
                terms.insert(number_term(tail));
            }
            terms.insert(number_term(&number));
        }
        terms
    }

    /// Every number that it has, as they are compared. Of its code also the day with the number, and the number alone.
    fn numbers(&self) -> Vec<String> {
        let mut day_and_number = self.code.rsplitn(3, '-').take(2);
        let (number, day) = (day_and_number.next().unwrap_or_default(), day_and_number.next().unwrap_or_default());
        let all = [
            plain(self.identity),
            phone(self.phone),
            plain(self.code),
            plain(&format!("{day}{number}")),
            plain(number),
            plain(self.external_code),
        ];
        all.into_iter().filter(|number| !number.is_empty()).collect()
    }
}

/// Words in the order of the text, folded.
fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(MOST_WORDS).map(|word| word.chars().take(LONGEST_WORD).collect()).collect()
}

/// Letters and digits alone, folded.
fn plain(number: &str) -> String {
    fold(number).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A phone number as it is dialled here.
fn phone(number: &str) -> String {
    let dialled = plain(number);
    match dialled.strip_prefix("84") {
        Some(rest) if number.trim_start().starts_with('+') => format!("0{rest}"),
        _ => dialled,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The last digits of a number that is longer.
fn tail(number: &str) -> Option<&str> {
    let at = number.len().checked_sub(TAIL).filter(|at| *at > 0)?;
    number.get(at..).filter(|tail| is_digits(tail))
}

fn word_term(word: &str) -> String {
    format!("w{word}")
}

fn number_term(number: &str) -> String {
    format!("n{number}")
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// The beginning of a word of the name.
    Word(String),
    /// A number, or its last digits; or the beginning of a word that has digits.
    Number(String),
}

/// What was typed to find dossiers: every part of it must be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<Part>);

impl Query {
    /// Reads what was typed. A number that was typed in groups is one number.
    pub fn parse(text: &str) -> Query {
        let mut parts = Vec::new();
        let mut groups: Vec<&str> = Vec::new();
        for piece in text.split_whitespace() {
            let is_group = piece.chars().all(|letter| letter.is_ascii_digit() || ".-+".contains(letter));
            if is_group && piece.bytes().any(|byte| byte.is_ascii_digit()) {
                groups.push(piece);
                continue;
            }
            parts.extend(numbers_of(&groups));
            groups.clear();
            if piece.bytes().any(|byte| byte.is_ascii_digit()) {
                parts.push(Part::Number(plain(piece)));
            } else {
                parts.extend(words(piece).into_iter().map(Part::Word));
            }
        }
        parts.extend(numbers_of(&groups));
        parts.truncate(MOST_WORDS);
        Query(parts)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Terms of an index: of each group one must be there. What it finds is more than what matches.
    pub fn terms(&self) -> Vec<Vec<String>> {
        let terms = |part: &Part| match part {
            Part::Word(word) => vec![word_term(word)],
            Part::Number(number) => {
                let start: String = number.chars().take(LONGEST_WORD).collect();
                let mut terms = vec![number_term(&padded(number)), word_term(&start)];
                terms.extend(tail(number).filter(|_| is_digits(number)).map(number_term));
                terms
            }
        };
        self.0.iter().map(terms).collect()
    }

    /// Whether a dossier is one of those that were meant.
    pub fn matches(&self, subject: &Subject) -> bool {
        if self.is_empty() {
            return true;
        }
        let (words, numbers) = (words(subject.name), subject.numbers());
        self.0.iter().all(|part| match part {
            Part::Word(word) => begins(&words, word),
            Part::Number(typed) => {
                let ends = |number: &String| is_digits(typed) && typed.len() >= TAIL && number.ends_with(typed.as_str());
                numbers.iter().any(|number| *number == padded(typed) || ends(number)) || begins(&words, typed)
            }
        })
    }
}

/// Whether a word begins so. One letter alone is a whole word: the name Ý.
fn begins(words: &[String], start: &str) -> bool {
    let start: String = start.chars().take(LONGEST_WORD).collect();
    let single = start.chars().count() == 1;
    words.iter().any(|word| if single { *word == start } else { word.starts_with(&start) })
}

/// The daily number of a dossier, as people say it, has four digits in its code.
fn padded(number: &str) -> String {
    if is_digits(number) { format!("{number:0>TAIL$}") } else { number.to_owned() }
}

/// Groups of digits beside each other: together a phone or an identity number, or else each by itself.
fn numbers_of(groups: &[&str]) -> Vec<Part> {
    let whole = phone(&groups.concat());
    if groups.len() > 1 && (9..=12).contains(&whole.len()) {
        return vec![Part::Number(whole)];
    }
    groups.iter().map(|group| Part::Number(phone(group))).collect()
}

/// Hides terms under the office's key.
pub struct Blind([u8; 32]);

impl Blind {
    pub fn of(key: &OfficeKey) -> Blind {
        Blind(blake3::derive_key("motcua 2026 search index v1", key.as_bytes()))
    }

    /// Ten letters and digits: one in 2⁵⁰ of two terms is hidden alike.
    pub fn hide(&self, term: &str) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let hash = blake3::keyed_hash(&self.0, term.as_bytes());
        let mut bits = hash.as_bytes().first_chunk().map_or(0, |bytes: &[u8; 8]| u64::from_le_bytes(*bytes));
        let mut hidden = String::with_capacity(10);
        for _ in 0..10 {
            hidden.push(char::from(LETTERS[usize::try_from(bits % 32).unwrap_or(0)]));
            bits /= 32;
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBJECT: Subject = Subject {
        name: "Đặng Thị Ánh Nguyệt",
        identity: "030200000017",
        phone: "0912345678",
        code: "000.11.57.H23-231120-0042",
        external_code: "H23.17-231120-0009",
    };

    /// Whether the index would give it, and whether it is meant.
    fn found(typed: &str, subject: &Subject) -> (bool, bool) {
        let (query, terms) = (Query::parse(typed), subject.terms());
        let indexed = query.terms().iter().all(|group| group.iter().any(|term| terms.contains(term)));
        (indexed, query.matches(subject))
    }

    #[track_caller]
    fn finds(typed: &str) {
        assert_eq!(found(typed, &SUBJECT), (true, true), "{typed}");
    }

    #[track_caller]
    fn misses(typed: &str) {
        assert!(!found(typed, &SUBJECT).1, "{typed}");
    }

    #[test]
    fn one_line_cases_of_what_finds_a_dossier() {
        for typed in ["Đặng Thị Ánh Nguyệt", "nguyet dang", "ANH NGUY", "dang thi", "Đă", "  nguyệt  ", "ánh-nguyệt", ""]
        {
            finds(typed);
        }
        for typed in ["030200000017", "030 200 000 017", "0017", "000017", "0912.345.678", "+84912345678", "0912 345 678", "5678"]
        {
            finds(typed);
        }
        for typed in ["000.11.57.H23-231120-0042", "000.11.57.h23-231120-0042", "231120-0042", "42", "0042", "nguyet 42"] {
            finds(typed);
        }
        for typed in ["H23.17-231120-0009", "h23.17-231120-0009", "0009", "nguyet 0009"] {
            finds(typed);
        }
        for typed in ["nguyên", "Đặng Văn", "guyet", "d", "030200000018", "017", "0018", "43", "231121-0042", "Nguyệt 43"]
        {
            misses(typed);
        }
    }

    #[test]
    fn a_name_of_one_letter_is_found_and_stands_for_no_other() {
        let subject = Subject { name: "Hoàng Thị Ý", ..Subject::default() };
        assert_eq!(found("ý", &subject), (true, true));
        assert!(!found("h", &subject).1);
    }

    #[test]
    fn a_hidden_term_depends_on_the_key_and_shows_nothing() {
        let of = |key| Blind::of(&OfficeKey::from_bytes([key; 32])).hide("wnguyen");
        assert_eq!((of(1), of(1).len()), (of(1), 10));
        assert_ne!(of(1), of(2));
        assert!(!of(1).contains("nguyen"));
    }

    fn person() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof!["Nguyễn", "Đỗ", "Thị", "Văn", "Ánh", "Phượng", "Ưởng", "Đức", "Ý", "Lê", "Quỳnh"],
            1..5,
        )
        .prop_map(|words| words.join(" "))
    }

    proptest! {
        /// Any order of the words, any diacritics left out, any of the letters large, decomposed or not.
        #[test]
        fn any_word_order_and_any_diacritics_find_the_same_dossier(
            name in person(),
            order in any::<proptest::sample::Index>(),
            bare in any::<bool>(),
            large in any::<bool>(),
            decomposed in any::<bool>(),
        ) {
            use unicode_normalization::UnicodeNormalization;
            let subject = Subject { name: &name, ..Subject::default() };
            let mut typed: Vec<&str> = name.split(' ').collect();
            let turned = order.index(typed.len());
            typed.rotate_left(turned);
            let typed = typed.join(" ");
            let typed = if bare { fold(&typed) } else { typed };
            let typed = if large { typed.to_uppercase() } else { typed };
            let typed = if decomposed { typed.nfd().collect() } else { typed };
            prop_assert_eq!(found(&typed, &subject), (true, true));
        }

        /// The index never loses what is meant.
        #[test]
        fn whatever_matches_is_in_the_index(name in ".{0,40}", number in "[0-9A-Z+. -]{0,16}", typed in "[0-9a-zđ.+ -]{0,12}") {
            let code = "X-261120-0007";
            let subject = Subject { name: &name, identity: &number, phone: &number, code, external_code: &number };
            let (indexed, meant) = found(&typed, &subject);
            prop_assert!(indexed || !meant, "{:?}", Query::parse(&typed));
        }
    }
}
