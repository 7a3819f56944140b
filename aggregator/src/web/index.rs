//! The index of QĐ 766: computed where dossiers tell, typed in where they do not, the total with its parts.

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::node::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::index766::{self, Index, Numbers, Scored, Source};
use motcua_shared::indicator::Sums;
use motcua_shared::period::Period;
use motcua_shared::text::number;

use super::csv::Table;
use super::pages::{Frame, PageError, Section, show};
use super::period::{PeriodQuery, PeriodView, chosen, query_of};
use super::reports::name_of;
use super::viewer::{DecidingViewer, FiguresOf};
use super::{App, Problem, now};
use crate::audit::{self, Act};
use crate::rollup::{self, ReportError, eve};
use crate::store::{IndexInput, Store};

/// The index of a unit, or of the node.
pub fn compute(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Index, ReportError> {
    let key = rollup::key_of(store, unit, period.to)?;
    let until = store.rollup_until(key.as_deref(), &[eve(period), period.to])?;
    let typed = store.index_inputs(&key.map_or_else(|| rollup::node(store).map(|node| node.code), Ok)?, period)?;
    Ok(Index::compute(&Sums::between(until[0], &until[1]), &typed, period.to))
}

#[derive(Template)]
#[template(path = "index766.html")]
struct IndexPage {
    frame: Frame,
    name: String,
    unit: String,
    period: PeriodView,
    score: String,
    known: i64,
    max: i64,
    version: String,
    groups: Vec<GroupView>,
    typed: Vec<TypedView>,
    may_type: bool,
    csv: String,
}

struct GroupView {
    name: String,
    score: String,
    known: i64,
    max: i64,
    rows: Vec<IndicatorView>,
}

struct IndicatorView {
    id: String,
    name: String,
    source: &'static str,
    numbers: String,
    ratio: String,
    target: String,
    score: String,
    max: i64,
    note: String,
}

/// A pair of fields to type numbers into.
struct TypedView {
    id: String,
    name: String,
    numerator: String,
    denominator: String,
}

fn indicator_view(scored: &Scored) -> IndicatorView {
    let percent = |value: motcua_shared::indicator::Hundredths| format!("{value} %");
    IndicatorView {
        id: scored.id.clone(),
        name: scored.name.clone(),
        source: if scored.typed { "nhập tay" } else { "tính từ hồ sơ" },
        numbers: scored.numbers.map_or_else(
            || "chưa nhập".to_owned(),
            |numbers| format!("{}/{}", number(numbers.numerator), number(numbers.denominator)),
        ),
        ratio: scored.ratio.map_or_else(|| "–".to_owned(), percent),
        target: scored.target.map_or_else(|| "–".to_owned(), percent),
        score: scored.score.map_or_else(|| "chưa rõ".to_owned(), |score| score.to_string()),
        max: scored.max,
        note: scored.note.clone(),
    }
}

fn typed_view(scored: &Scored) -> TypedView {
    let shown = |of: fn(&Numbers) -> i64| scored.numbers.as_ref().map(|numbers| of(numbers).to_string()).unwrap_or_default();
    TypedView {
        id: scored.id.clone(),
        name: scored.name.clone(),
        numerator: shown(|numbers| numbers.numerator),
        denominator: shown(|numbers| numbers.denominator),
    }
}

pub async fn page(viewer: FiguresOf, State(app): State<App>, Query(query): Query<PeriodQuery>) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let unit = viewer.unit.clone();
    let asked = unit.clone();
    let (name, (period, problem), index) = app
        .read(move |store| -> Result<_, ReportError> {
            let chosen = chosen(store, &query, today)?;
            let index = compute(store, asked.as_deref(), chosen.0)?;
            Ok((name_of(store, asked.as_deref(), chosen.0, at)?, chosen, index))
        })
        .await??;
    let kept = unit.iter().map(|unit| ("unit".to_owned(), unit.clone())).collect();
    let view = PeriodView::keeping("/index766", period, problem, today, kept);
    let typed = index.groups.iter().flat_map(|group| &group.indicators).filter(|scored| scored.typed).map(typed_view).collect();
    show(&IndexPage {
        frame: Frame::of(&viewer, Section::Index),
        name,
        csv: format!("/api/v1/index766?format=csv&unit={}&{}", unit.as_deref().unwrap_or_default(), query_of(period)),
        unit: unit.unwrap_or_default(),
        period: view,
        score: index.score.to_string(),
        known: index.known,
        max: index.max,
        version: index.version,
        typed,
        groups: index
            .groups
            .iter()
            .map(|group| GroupView {
                name: group.name.clone(),
                score: group.score.to_string(),
                known: group.known,
                max: group.max,
                rows: group.indicators.iter().map(indicator_view).collect(),
            })
            .collect(),
        may_type: viewer.may(Right::Decide),
    })
}

/// The index as a table.
pub fn table(index: &Index) -> Table {
    let heading = ["Nhóm", "Mã", "Chỉ tiêu", "Nguồn", "Tử số", "Mẫu số", "Tỷ lệ %", "Mục tiêu %", "Điểm", "Điểm tối đa"];
    let rows = index.groups.iter().flat_map(|group| {
        group.indicators.iter().map(|scored| {
            let count =
                |of: fn(&Numbers) -> i64| scored.numbers.as_ref().map(|numbers| of(numbers).to_string()).unwrap_or_default();
            let text = |value: Option<motcua_shared::indicator::Hundredths>| {
                value.map(|value| value.to_string().replace('.', "")).unwrap_or_default()
            };
            vec![
                group.name.clone(),
                scored.id.clone(),
                scored.name.clone(),
                if scored.typed { "nhập tay" } else { "tính từ hồ sơ" }.to_owned(),
                count(|numbers| numbers.numerator),
                count(|numbers| numbers.denominator),
                text(scored.ratio),
                text(scored.target),
                text(scored.score),
                scored.max.to_string(),
            ]
        })
    });
    Table { heading: heading.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// What was typed: fields `n.ID` and `d.ID`. Both empty: left as it is.
fn typed_numbers(pairs: &[(String, String)]) -> Result<Vec<(String, Numbers)>, String> {
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
    let mut typed = Vec::new();
    for indicator in index766::all().iter().filter(|indicator| indicator.source == Source::Typed) {
        let (over, under) = (value(&format!("n.{}", indicator.id)), value(&format!("d.{}", indicator.id)));
        if over.is_empty() && under.is_empty() {
            continue;
        }
        let whole = |text: &str| text.replace('.', "").parse::<i64>().ok().filter(|value| (0..=1_000_000_000).contains(value));
        let (Some(numerator), Some(denominator)) = (whole(over), whole(under)) else {
            return Err(format!("Chỉ tiêu {}: hãy ghi cả tử số và mẫu số là số nguyên không âm.", indicator.id));
        };
        if numerator > denominator {
            return Err(format!(
                "Chỉ tiêu {}: tử số {} lớn hơn mẫu số {}.",
                indicator.id,
                number(numerator),
                number(denominator)
            ));
        }
        typed.push((indicator.id.clone(), Numbers { numerator, denominator }));
    }
    Ok(typed)
}

/// Takes in typed numbers: all, or none of them.
pub async fn save(
    viewer: DecidingViewer,
    State(app): State<App>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, PageError> {
    let wrong = |words: String| Problem::new(StatusCode::BAD_REQUEST, "form", "Chưa lưu số liệu", words);
    let Form(pairs) = form.map_err(|_| wrong("Hãy mở lại trang chỉ số và nhập lại.".to_owned()))?;
    let text = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default();
    let query = PeriodQuery { from: text("from"), to: text("to"), unit: text("unit") };
    let period = query.period().map_err(wrong)?.ok_or_else(|| wrong("Hãy chọn kỳ.".to_owned()))?;
    let typed = typed_numbers(&pairs).map_err(wrong)?;
    let (unit, by, at) = (query.unit(), viewer.by(), now());
    let back = format!("/index766?unit={}&{}", unit.as_deref().unwrap_or_default(), query_of(period));
    app.write(move |store| {
        crate::store::in_transaction(store, |store| -> Result<(), ReportError> {
            let key = rollup::key_of(store, unit.as_deref(), period.to)?;
            let unit = key.map_or_else(|| rollup::node(store).map(|node| node.code), Ok)?;
            let before = store.index_inputs(&unit, period)?;
            for (indicator, numbers) in typed.into_iter().filter(|(id, numbers)| before.get(id) != Some(numbers)) {
                let told = format!("{indicator}: {}/{}", numbers.numerator, numbers.denominator);
                audit::note_of(store, &by, Act::NumbersTyped, (&told, &unit), &query_of(period))?;
                let by = by.who.clone();
                store.index_input_add(&IndexInput { unit: unit.clone(), period, indicator, numbers, by }, at)?;
            }
            Ok::<(), ReportError>(())
        })
    })
    .await??;
    Ok(Redirect::to(&back).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> Result<Vec<(String, Numbers)>, String> {
        typed_numbers(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn typed_numbers_come_in_pairs_and_parts_are_no_more_than_the_whole() {
        assert_eq!(typed(&[("n.1.1", "1.200"), ("d.1.1", "1300"), ("n.1.2", ""), ("d.1.2", "")]).map(|typed| typed.len()), Ok(1));
        for wrong in [[("n.1.1", "3"), ("d.1.1", "")], [("n.1.1", "3"), ("d.1.1", "2")], [("n.1.1", "-1"), ("d.1.1", "2")]] {
            assert!(typed(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(typed(&[("n.2.1", "1"), ("d.2.1", "1")]), Ok(vec![]), "what dossiers tell is not typed in");
    }
}
