//! A report that was written elsewhere: a filled form II.06 or a file of declared figures, as CSV or XLSX.
//!
//! Promise: what was understood is told before anything is kept, and with any fault nothing may be kept; the same checks
//! run on it as on what was typed in. Start at [`read`].

use std::collections::BTreeMap;

use crate::declared::{self, Figures};
use crate::dictionary::Dictionary;
use crate::import::RowFault;
use crate::office::Figure;
use crate::period::Period;
use crate::report::{self, Form};
use crate::table;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// The forms II.06 in it, each sheet one; none in a file of declared figures.
    pub forms: Vec<Form>,
    /// Its figures by period.
    pub figures: Vec<(Period, Vec<Figure>)>,
    /// What was not understood.
    pub faults: Vec<RowFault>,
}

impl Brought {
    /// The periods that it speaks of.
    pub fn periods(&self) -> Vec<Period> {
        self.figures.iter().map(|(period, _)| *period).collect()
    }

    pub fn count(&self) -> usize {
        self.figures.iter().map(|(_, figures)| figures.len()).sum()
    }

    /// What counts when these figures are taken for declared on top of those that stand.
    pub fn over(&self, standing: &Figures) -> Figures {
        let stands = standing.iter().map(|(key, figure)| (key.period, figure.clone()));
        let new = self.figures.iter().flat_map(|(period, figures)| figures.iter().map(|figure| (*period, figure.clone())));
        Figures::draft(stands.chain(new))
    }
}

/// Reads a file of either kind. `period`: of a form that does not say its own; `sheet`: the one form of several to take,
/// by the name of its sheet.
pub fn read(bytes: &[u8], dictionary: &Dictionary, period: Option<Period>, sheet: Option<&str>) -> Brought {
    let grids = match table::grids(bytes) {
        Ok(grids) => grids,
        Err(faults) => return Brought { faults, ..Brought::default() },
    };
    let mut forms: Vec<Form> = grids.iter().filter_map(report::read).collect();
    if forms.is_empty() {
        return match declared::read(bytes, dictionary) {
            Ok(figures) => Brought { figures, ..Brought::default() },
            Err(faults) => Brought { faults, ..Brought::default() },
        };
    }
    if let Some(sheet) = sheet {
        forms.retain(|form| form.sheet == sheet);
    }
    let mut faults: Vec<RowFault> = forms.iter().flat_map(|form| form.faults.clone()).collect();
    let whole = |problem: String| RowFault::new(1, "", "", problem);
    if forms.len() != 1 {
        let names: Vec<&str> = forms.iter().map(|form| form.sheet.as_str()).collect();
        faults.push(whole(format!("tệp có {} biểu II.06 ({}); hãy chọn một trang tính", forms.len(), names.join(", "))));
    }
    let mut by_period: BTreeMap<Period, Vec<Figure>> = BTreeMap::new();
    if let [form] = &forms[..] {
        match form.period.or(period) {
            Some(period) => by_period.entry(period).or_default().extend(form.figures()),
            None => faults.push(whole("biểu không ghi kỳ báo cáo (từ ngày … đến ngày …); hãy ghi kỳ khi nhập".to_owned())),
        }
    }
    Brought { forms, figures: by_period.into_iter().collect(), faults }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &str =
        "indicator,field,from,to,value,numerator,denominator,printed,where\nweb.news,,2021-12-15,2022-12-14,5,,,,\n";
    const FORM: &str = "STT,Lĩnh vực,Tiếp nhận: tổng số,Trực tuyến,Trực tiếp,Kỳ trước,Đã giải quyết: tổng số,Trước hạn,Đúng hạn,Quá hạn,Đang giải quyết: tổng số,Trong hạn,Quá hạn\n1,Hộ tịch,3,1,2,0,3,3,0,0,0,0,0\n";

    fn brought(text: &str, period: Option<Period>) -> Brought {
        read(text.as_bytes(), &Dictionary::starter(), period, None)
    }

    #[test]
    fn both_kinds_of_files_are_told_apart_by_their_headings() {
        let declared = brought(DECLARED, None);
        assert_eq!((declared.forms.len(), declared.count(), declared.faults.len()), (0, 1, 0));
        let form = brought(FORM, Some(Period::year(2022)));
        assert_eq!((form.forms.len(), form.count(), form.periods()), (1, 11, vec![Period::year(2022)]));
        assert!(brought(FORM, None).faults[0].problem.contains("không ghi kỳ báo cáo"));
        assert!(!brought("a,b\n1,2\n", None).faults.is_empty());
    }

    #[test]
    fn what_is_brought_counts_over_what_stands_and_leaves_the_rest() {
        let figure = |indicator: &str, value| Figure { indicator: indicator.to_owned(), value: Some(value), ..Figure::default() };
        let standing =
            Figures::draft([(Period::year(2022), figure("web.news", 4)), (Period::year(2022), figure("web.documents", 9))]);
        let over = brought(DECLARED, None).over(&standing);
        let value = |code: &str| over.find(Period::year(2022), code, "").and_then(Figure::amount);
        assert_eq!((value("web.news"), value("web.documents")), (Some(5), Some(9)));
    }
}
