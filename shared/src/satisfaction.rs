//! Satisfaction of a unit and its officers over a period: the nine indices of TT 01/2018 Art. 13–15 from the forms that came
//! back, with the four-level scale of the communes beside them (DOMAIN §5).
//!
//! Promise: the same counters give the same indices at both ends. A form counts on the day on which its dossier was
//! resolved, so that there are never more forms than resolved dossiers; an index that nobody gave points for is left out and
//! named as missing, never counted as full marks. Start at [`Satisfaction::of`].

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::contribution::{Counter, Counters};
use crate::period::Period;
use crate::survey::{
    Answers, Index, Indices, OFFICER_QUESTIONS, OfficerGrade, QUESTIONS, Tenths, UnitGrade, officer_grade, unit_grade,
};
use crate::unit;

/// For each question, where its points are counted and where the forms that answered it.
pub const COUNTED: [(Counter, Counter); QUESTIONS] = [
    (Counter::Q1Points, Counter::Q1Answers),
    (Counter::Q2Points, Counter::Q2Answers),
    (Counter::Q3Points, Counter::Q3Answers),
    (Counter::Q4Points, Counter::Q4Answers),
    (Counter::Q5Points, Counter::Q5Answers),
    (Counter::Q6Points, Counter::Q6Answers),
    (Counter::Q7Points, Counter::Q7Answers),
    (Counter::Q8Points, Counter::Q8Answers),
    (Counter::Q9Points, Counter::Q9Answers),
];

/// One index with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Given {
    /// From 1.
    pub question: usize,
    /// Points for each dossier that answered, with one decimal.
    #[serde(serialize_with = "one_decimal")]
    pub index: Tenths,
    pub answered: u32,
    pub not_answered: u32,
}

/// What the people thought in the four levels of the communes' own form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Scale {
    pub rated: i64,
    pub not_good: i64,
    pub normal: i64,
    pub good: i64,
    pub very_good: i64,
}

/// One officer, by the account that recorded the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Officer {
    pub officer: String,
    pub forms: u32,
    pub indices: Vec<Given>,
    /// Questions that are asked of an officer's dossiers and have no data.
    pub missing: Vec<usize>,
    /// Sum of the indices with data; absent without any.
    #[serde(serialize_with = "maybe_one_decimal")]
    pub total: Option<Tenths>,
    pub grade: Option<OfficerGrade>,
}

/// The judgement of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Satisfaction {
    pub form: &'static str,
    #[serde(serialize_with = "unit::code_only")]
    pub unit: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Dossiers resolved in the period: never fewer than forms.
    pub resolved: i64,
    pub forms: i64,
    pub indices: Vec<Given>,
    /// Questions without data: their indices are left out of the sum.
    pub missing: Vec<usize>,
    #[serde(serialize_with = "maybe_one_decimal")]
    pub total: Option<Tenths>,
    pub grade: Option<UnitGrade>,
    pub scale: Scale,
    /// Known at the office only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub officers: Vec<Officer>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn one_decimal<S: Serializer>(tenths: &Tenths, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(f64::from(*tenths) / 10.0)
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn maybe_one_decimal<S: Serializer>(tenths: &Option<Tenths>, serializer: S) -> Result<S::Ok, S::Error> {
    match tenths {
        Some(tenths) => one_decimal(tenths, serializer),
        None => serializer.serialize_none(),
    }
}

/// `1,7`, as figures are written here.
pub fn tenths_words(tenths: Tenths) -> String {
    format!("{},{}", tenths / 10, tenths % 10)
}

/// The indices that have data, and the questions that have none.
fn given(indices: &Indices, asked: impl IntoIterator<Item = usize>) -> (Vec<Given>, Vec<usize>) {
    let (mut given, mut missing) = (Vec::new(), Vec::new());
    for question in asked {
        let Index { tenths, answered, not_answered } = indices.0[question - 1];
        match tenths {
            Some(index) => given.push(Given { question, index, answered, not_answered }),
            None => missing.push(question),
        }
    }
    (given, missing)
}

impl Satisfaction {
    /// From the counters that a period adds.
    pub fn of(unit: &str, period: Period, within: &Counters) -> Satisfaction {
        let count = |counter| u32::try_from(within.get(counter)).unwrap_or_default();
        let forms = count(Counter::Surveyed);
        let indices = Indices::of_sums(COUNTED.map(|(points, answers)| (count(points), count(answers))), forms);
        let (given, missing) = given(&indices, 1..=QUESTIONS);
        let total = indices.unit_total();
        Satisfaction {
            form: "satisfaction",
            unit: unit.to_owned(),
            from: period.from,
            to: period.to,
            resolved: within.resolved(),
            forms: i64::from(forms),
            indices: given,
            missing,
            total,
            grade: total.map(unit_grade),
            scale: Scale {
                rated: within.get(Counter::Rated),
                not_good: within.get(Counter::RatedNotGood),
                normal: within.get(Counter::RatedNormal),
                good: within.get(Counter::RatedGood),
                very_good: within.get(Counter::RatedVeryGood),
            },
            officers: Vec::new(),
        }
    }

    /// A heading, the unit's indices, its sum, the scale, and each officer, as CSV with a byte order mark.
    pub fn to_csv(&self) -> String {
        let mut out = String::from("\u{feff}Đối tượng,Chỉ số,Điểm,Số phiếu trả lời,Không trả lời\r\n");
        let mut block = |who: &str, indices: &[Given], total: Option<Tenths>| {
            for Given { question, index, answered, not_answered } in indices {
                let _ = write!(out, "{who},{question},\"{}\",{answered},{not_answered}\r\n", tenths_words(*index));
            }
            if let Some(total) = total {
                let _ = write!(out, "{who},Tổng,\"{}\",,\r\n", tenths_words(total));
            }
        };
        block("Đơn vị", &self.indices, self.total);
        for officer in &self.officers {
            let name: String = officer.officer.chars().filter(|c| !c.is_control() && *c != '"').collect();
            block(&format!("\"Cán bộ {name}\""), &officer.indices, officer.total);
        }
        let Scale { not_good, normal, good, very_good, .. } = self.scale;
        for (level, count) in [("Không tốt", not_good), ("Bình thường", normal), ("Tốt", good), ("Rất tốt", very_good)]
        {
            let _ = write!(out, "Thang bốn mức,{level},{count},,\r\n");
        }
        out
    }

    /// The same for people.
    pub fn to_text(&self) -> String {
        let day = |day: NaiveDate| day.format("%d/%m/%Y");
        let mut out = format!(
            "Mức độ hài lòng, đơn vị {}, từ {} đến {}: {} phiếu trên {} hồ sơ đã giải quyết\n",
            unit::code_of(&self.unit),
            day(self.from),
            day(self.to),
            self.forms,
            self.resolved
        );
        let _ = writeln!(out, "  {}", sentence(&self.indices, &self.missing, self.total));
        if let Some(grade) = self.grade {
            let _ = writeln!(out, "  Xếp loại đơn vị: {}", unit_grade_name(grade));
        }
        for officer in &self.officers {
            let _ = writeln!(out, "Cán bộ {}: {} phiếu", officer.officer, officer.forms);
            let _ = writeln!(out, "  {}", sentence(&officer.indices, &officer.missing, officer.total));
            if let Some(grade) = officer.grade {
                let _ = writeln!(out, "  Mức hoàn thành: {}", officer_grade_name(grade));
            }
        }
        let Scale { rated, not_good, normal, good, very_good } = self.scale;
        let _ = writeln!(
            out,
            "Thang bốn mức: {rated} đánh giá (không tốt {not_good}, bình thường {normal}, tốt {good}, rất tốt {very_good})"
        );
        out
    }
}

fn sentence(indices: &[Given], missing: &[usize], total: Option<Tenths>) -> String {
    let Some(total) = total else { return "chưa có phiếu nào trả lời".to_owned() };
    let each: Vec<String> =
        indices.iter().map(|given| format!("chỉ số {}: {}", given.question, tenths_words(given.index))).collect();
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let left_out = if missing.is_empty() { String::new() } else { format!("; không có dữ liệu: {}", missing.join(", ")) };
    format!("{}; tổng {}{left_out}", each.join(", "), tenths_words(total))
}

/// The rank of a unit in words (TT 01/2018 Art. 15).
pub fn unit_grade_name(grade: UnitGrade) -> &'static str {
    match grade {
        UnitGrade::Excellent => "xuất sắc",
        UnitGrade::Good => "tốt",
        UnitGrade::Fair => "khá",
        UnitGrade::Average => "trung bình",
        UnitGrade::Weak => "yếu",
    }
}

/// The standing of an officer in words.
pub fn officer_grade_name(grade: OfficerGrade) -> &'static str {
    match grade {
        OfficerGrade::Full => "100% nhiệm vụ",
        OfficerGrade::Most => "từ 70% đến dưới 100% nhiệm vụ",
        OfficerGrade::Part => "dưới 70% nhiệm vụ",
    }
}

/// The indices of officers, from who recorded a result and the form that came back for it.
pub fn officers<'a>(forms: impl IntoIterator<Item = (&'a str, &'a Answers)>) -> Vec<Officer> {
    let mut by_officer: BTreeMap<&str, Vec<&Answers>> = BTreeMap::new();
    for (officer, answers) in forms {
        by_officer.entry(officer).or_default().push(answers);
    }
    let judged = by_officer.into_iter().map(|(officer, forms)| {
        let indices = Indices::of(forms.iter().copied());
        let (given, missing) = given(&indices, OFFICER_QUESTIONS);
        let total = indices.officer_total();
        Officer {
            officer: officer.to_owned(),
            forms: u32::try_from(forms.len()).unwrap_or(u32::MAX),
            indices: given,
            missing,
            total,
            grade: total.map(officer_grade),
        }
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::contribution::Delta;
    use crate::dossier::tests::{any_event, received, time};
    use crate::dossier::{Channel, Dossier, Event, Finished, Outcome, Rated, Rating, Surveyed};

    fn period() -> Period {
        Period::new("2023-05-01".parse().expect("a date"), "2023-05-31".parse().expect("a date")).expect("a period")
    }

    fn counted(lives: &[Vec<Event>]) -> Counters {
        let mut delta = Delta::default();
        for (number, life) in (0u128..).zip(lives) {
            delta.add(&Dossier::fold(Uuid::from_u128(number), life));
        }
        let within = delta.0.iter().filter(|(cell, _)| (period().from..=period().to).contains(&cell.day));
        within.fold(Counters::default(), |mut sum, (_, counters)| {
            sum.add(counters);
            sum
        })
    }

    fn judged(points: [Option<u8>; QUESTIONS]) -> Vec<Event> {
        let done = Event::Finished(Finished { at: time(20), outcome: Outcome::Granted });
        let form = Event::Surveyed(Surveyed { at: time(30), answers: Answers::of(points) });
        vec![received(0, Channel::InPerson), done, form]
    }

    #[test]
    fn indices_have_one_decimal_and_those_without_data_are_left_out_and_named() {
        let mut points = [Some(2); QUESTIONS];
        points[4] = None;
        let mut other = points;
        other[0] = Some(1);
        let mut third = [None; QUESTIONS];
        third[0] = Some(2);
        let open = vec![received(0, Channel::InPerson), Event::Rated(Rated { rating: Rating::Good })];
        let found = Satisfaction::of("11089", period(), &counted(&[judged(points), judged(other), judged(third), open]));
        assert_eq!((found.resolved, found.forms, found.missing.as_slice()), (3, 3, &[5][..]));
        assert_eq!(found.indices[0], Given { question: 1, index: 17, answered: 3, not_answered: 0 });
        assert_eq!(found.indices[1], Given { question: 2, index: 20, answered: 2, not_answered: 1 });
        assert_eq!((found.total, found.grade), (Some(157), Some(UnitGrade::Excellent)));
        let json = serde_json::to_value(&found).expect("JSON");
        assert_eq!((json["indices"][0]["index"].as_f64(), json["total"].as_f64()), (Some(1.7), Some(15.7)));
        assert_eq!((json["from"].as_str(), json["grade"].as_str()), (Some("2023-05-01"), Some("excellent")));
        assert!(found.to_csv().contains("Đơn vị,1,\"1,7\",3,0\r\n"), "{}", found.to_csv());
    }

    #[test]
    fn without_a_form_there_is_no_index_and_no_grade() {
        let none = Satisfaction::of("11089", period(), &Counters::default());
        assert_eq!((none.total, none.grade, none.indices.len(), none.missing.len()), (None, None, 0, 9));
        assert!(none.to_text().contains("chưa có phiếu nào"), "{}", none.to_text());
    }

    #[test]
    fn an_officer_is_judged_by_the_dossiers_that_they_settled() {
        let (full, half) = (Answers::of([Some(2); QUESTIONS]), Answers::of([Some(1); QUESTIONS]));
        let found = officers([("lan", &full), ("minh", &half), ("lan", &half)]);
        let shown: Vec<_> = found.iter().map(|one| (one.officer.as_str(), one.forms, one.total, one.grade)).collect();
        assert_eq!(shown, [("lan", 2, Some(75), Some(OfficerGrade::Full)), ("minh", 1, Some(50), Some(OfficerGrade::Full))]);
        assert_eq!(found[0].indices.len(), 5, "of the dossier only");
    }

    proptest! {
        #[test]
        fn there_are_never_more_forms_than_resolved_dossiers(
            lives in prop::collection::vec(prop::collection::vec(any_event(), 0..10), 0..20),
        ) {
            let found = Satisfaction::of("11089", period(), &counted(&lives));
            prop_assert!(found.forms <= found.resolved && found.scale.rated <= found.resolved);
            prop_assert!(found.total.is_none_or(|total| total <= 180));
            for given in &found.indices {
                prop_assert!(given.index <= 20 && i64::from(given.answered + given.not_answered) == found.forms);
            }
        }
    }
}
