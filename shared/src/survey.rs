//! Citizens' judgement of how a dossier was handled: nine questions of 0, 1 or 2 points (TT 01/2018 Art. 13–15; DOMAIN §5).
//!
//! Promise: a question that nobody answered is left out, never counted as full marks. Start at [`Indices::of`].

use serde::{Deserialize, Serialize};

/// How many questions the form has.
pub const QUESTIONS: usize = 9;

/// What was answered on one form: points, or nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Option<u8>>", into = "Vec<Option<u8>>")]
pub struct Answers([Option<u8>; QUESTIONS]);

impl Answers {
    /// Points above 2 are no answer.
    pub fn of(points: [Option<u8>; QUESTIONS]) -> Answers {
        Answers(points.map(|points| points.filter(|points| *points <= 2)))
    }

    pub fn points(&self) -> [Option<u8>; QUESTIONS] {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether the time of the whole or of a unit (questions 1 and 2) is judged, which is possible only after the result.
    pub fn judges_result(&self) -> bool {
        self.0[..2].iter().any(Option::is_some)
    }
}

impl TryFrom<Vec<Option<u8>>> for Answers {
    type Error = String;

    fn try_from(points: Vec<Option<u8>>) -> Result<Answers, String> {
        let points: [Option<u8>; QUESTIONS] = points.try_into().map_err(|_| format!("a form has {QUESTIONS} questions"))?;
        let answers = Answers::of(points);
        if answers.0 == points { Ok(answers) } else { Err("an answer has 0, 1 or 2 points".to_owned()) }
    }
}

impl From<Answers> for Vec<Option<u8>> {
    fn from(answers: Answers) -> Vec<Option<u8>> {
        answers.0.into()
    }
}

/// A figure with one decimal, in tenths.
pub type Tenths = u32;

/// One question over many forms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Points for each dossier that answered; `None` where none did.
    pub tenths: Option<Tenths>,
    pub answered: u32,
    pub not_answered: u32,
}

/// The nine indices of a unit or an officer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Indices(pub [Index; QUESTIONS]);

/// How a unit is ranked (TT 01/2018 Art. 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitGrade {
    Excellent,
    Good,
    Fair,
    Average,
    Weak,
}

/// How far an officer's task is fulfilled (TT 01/2018 Art. 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfficerGrade {
    /// All of it.
    Full,
    /// From 70 % to under 100 %.
    Most,
    /// Under 70 %.
    Part,
}

/// Questions that are asked of each dossier, and so of the officer who handled it (TT 01/2018 Art. 14), from 1.
pub const OFFICER_QUESTIONS: [usize; 5] = [1, 2, 3, 4, 7];

impl Indices {
    /// The indices of forms: the sum of the points over the number of dossiers that answered, to one decimal
    /// (TT 01/2018 Art. 15(2)).
    pub fn of<'a>(forms: impl IntoIterator<Item = &'a Answers>) -> Indices {
        let (mut counted, mut count) = ([(0u32, 0u32); QUESTIONS], 0);
        for form in forms {
            count += 1;
            for (points, (sum, answered)) in form.0.iter().zip(&mut counted) {
                *sum += u32::from(points.unwrap_or(0));
                *answered += u32::from(points.is_some());
            }
        }
        Indices::of_sums(counted, count)
    }

    /// The same from what was counted: for each question its points and the forms that answered it, of so many forms.
    pub fn of_sums(counted: [(u32, u32); QUESTIONS], forms: u32) -> Indices {
        Indices(counted.map(|(points, answered)| Index {
            tenths: (answered > 0).then(|| (points * 20 + answered) / (answered * 2)),
            answered,
            not_answered: forms.saturating_sub(answered),
        }))
    }

    /// The sum of the indices that have data; `None` without any.
    pub fn unit_total(&self) -> Option<Tenths> {
        self.0.iter().filter_map(|index| index.tenths).reduce(|sum, tenths| sum + tenths)
    }

    /// The same over the questions that are asked of each dossier.
    pub fn officer_total(&self) -> Option<Tenths> {
        OFFICER_QUESTIONS.into_iter().filter_map(|question| self.0[question - 1].tenths).reduce(|sum, tenths| sum + tenths)
    }
}

/// The rank of a unit by the sum of its indices: 15, 12, 9 and 6 points part the five (TT 01/2018 Art. 15).
pub fn unit_grade(total: Tenths) -> UnitGrade {
    match total {
        150.. => UnitGrade::Excellent,
        120.. => UnitGrade::Good,
        90.. => UnitGrade::Fair,
        60.. => UnitGrade::Average,
        _ => UnitGrade::Weak,
    }
}

/// The standing of an officer by the sum of the indices: 5 and 3.5 points part the three (TT 01/2018 Art. 15).
pub fn officer_grade(total: Tenths) -> OfficerGrade {
    match total {
        50.. => OfficerGrade::Full,
        35.. => OfficerGrade::Most,
        _ => OfficerGrade::Part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(first: Option<u8>, others: Option<u8>) -> Answers {
        let mut points = [others; QUESTIONS];
        points[0] = first;
        Answers::of(points)
    }

    #[track_caller]
    fn index(firsts: &[Option<u8>], tenths: Option<Tenths>) {
        let forms: Vec<Answers> = firsts.iter().map(|first| form(*first, None)).collect();
        assert_eq!(Indices::of(&forms).0[0].tenths, tenths, "{firsts:?}");
    }

    #[test]
    fn an_index_has_one_decimal_and_leaves_out_who_did_not_answer() {
        index(&[], None);
        index(&[None, None], None);
        index(&[Some(2), None], Some(20));
        index(&[Some(0)], Some(0));
        index(&[Some(2), Some(2), Some(1)], Some(17)); // 1.666…
        index(&[Some(1), Some(0), Some(0)], Some(3)); // 0.333…
        index(&[Some(1), Some(1), Some(1), Some(2)], Some(13)); // 1.25 is rounded up
        let counted = Indices::of(&[form(Some(2), None), form(None, None)]).0[0];
        assert_eq!((counted.answered, counted.not_answered), (1, 1));
    }

    #[test]
    fn grades_part_at_the_points_of_the_circular() {
        let units = [(180, UnitGrade::Excellent), (150, UnitGrade::Excellent), (149, UnitGrade::Good), (120, UnitGrade::Good)];
        let more = [(119, UnitGrade::Fair), (90, UnitGrade::Fair), (89, UnitGrade::Average), (60, UnitGrade::Average)];
        for (total, grade) in units.into_iter().chain(more).chain([(59, UnitGrade::Weak), (0, UnitGrade::Weak)]) {
            assert_eq!(unit_grade(total), grade, "{total}");
        }
        for (total, grade) in
            [(50, OfficerGrade::Full), (49, OfficerGrade::Most), (35, OfficerGrade::Most), (34, OfficerGrade::Part)]
        {
            assert_eq!(officer_grade(total), grade, "{total}");
        }
    }

    #[test]
    fn an_officer_answers_for_the_questions_on_the_dossier_only() {
        let all = Indices::of(&[form(Some(2), Some(2))]);
        assert_eq!((all.unit_total(), all.officer_total()), (Some(180), Some(100)));
        assert_eq!(Indices::of(&[]).unit_total(), None);
    }

    #[test]
    fn answers_are_read_as_they_were_written_and_nothing_else() {
        let answers = form(None, Some(1));
        let json = serde_json::to_string(&answers).expect("JSON");
        assert_eq!(json, "[null,1,1,1,1,1,1,1,1]");
        assert_eq!(serde_json::from_str::<Answers>(&json).expect("read"), answers);
        for bad in ["[3,1,1,1,1,1,1,1,1]", "[1]", "[1,1,1,1,1,1,1,1,1,1]"] {
            assert!(serde_json::from_str::<Answers>(bad).is_err(), "{bad}");
        }
        assert!(form(Some(0), None).judges_result() && !form(None, None).judges_result() && form(None, None).is_empty());
    }
}
