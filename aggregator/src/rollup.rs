//! What the district asks of the rollups: form II.06, sums by field and procedure, and on what the figures rest.
//!
//! Promise: figures come from the rollups alone and coverage stands beside every one of them. Start at [`ii06`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use motcua_shared::calendar::LocalTime;
use motcua_shared::contribution::{Counter, Counters};
use motcua_shared::period::{Backwards, Period, month_of, month_start};
use motcua_shared::report::{FieldSums, Ii06};
use motcua_shared::satisfaction::Satisfaction;
use motcua_shared::unit::{Share, View, code_of};
use serde::Serialize;
use uuid::Uuid;

use crate::nights::{self, Absent};
use crate::offices::Offices;
use crate::store::{Node, ProcedureCounters, Store, StoreError, StreamStatus};

/// Why a report is not to be had, in words for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Backwards(#[from] Backwards),
    #[error("Không có đơn vị mang mã “{0}” trong danh mục đơn vị.")]
    UnknownUnit(String),
}

/// What is stored here, for people and scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    pub node: String,
    pub server_id: Uuid,
    pub epoch: Uuid,
    /// Newest published reference data; 0: none.
    pub reference_version: u64,
    pub stored: u64,
    pub applied: u64,
    pub quarantined: u64,
    pub pending: u64,
    /// Absent: this database never came back from a backup.
    pub healing: Option<NodeHealing>,
    pub streams: Vec<StreamStatus>,
    /// Offices that missed their night.
    pub missed_nights: Vec<Absent>,
}

/// How far the offices have made good what a restore of this database took away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeHealing {
    pub restored_at: String,
    /// Entries that were lost and came again.
    pub resent: u64,
    /// Units that had lost something and sent all of it again.
    pub healed: Vec<String>,
    /// Units that still have to.
    pub outstanding: Vec<String>,
    /// Units whose agents were not heard of since: what of theirs is lost is not known.
    pub not_seen: Vec<String>,
}

impl NodeHealing {
    /// Everybody was heard of since, and nothing is missing any more.
    pub fn is_over(&self) -> bool {
        self.outstanding.is_empty() && self.not_seen.is_empty()
    }

    fn of(restored_at: LocalTime, streams: &[StreamStatus]) -> NodeHealing {
        let since = |stream: &&StreamStatus| {
            let seen = stream.last_seen_at.as_deref().and_then(|at| LocalTime::parse_from_rfc3339(at).ok());
            seen.is_none_or(|seen| seen < restored_at)
        };
        let units = |those: &dyn Fn(&&StreamStatus) -> bool| -> Vec<String> {
            streams.iter().filter(those).map(|stream| stream.unit.clone()).collect::<BTreeSet<_>>().into_iter().collect()
        };
        NodeHealing {
            restored_at: restored_at.to_rfc3339(),
            resent: streams.iter().filter_map(|stream| stream.healing).map(|healing| healing.resent).sum(),
            healed: units(&|stream| stream.healing.is_some_and(|healing| healing.healed)),
            outstanding: units(&|stream| stream.healing.is_some_and(|healing| !healing.healed)),
            not_seen: units(&since),
        }
    }
}

/// How everything stands at `now`.
pub fn status(store: &dyn Store, now: LocalTime) -> Result<NodeStatus, StoreError> {
    let node = node(store)?;
    let streams = store.streams(None)?;
    let sum = |of: fn(&StreamStatus) -> u64| streams.iter().map(of).sum();
    Ok(NodeStatus {
        node: node.code,
        server_id: node.server_id,
        epoch: node.epoch,
        reference_version: node.reference_version,
        stored: sum(|stream| stream.stored_through),
        applied: sum(|stream| stream.applied),
        quarantined: sum(|stream| stream.quarantined),
        pending: sum(|stream| stream.pending),
        missed_nights: nights::absent(&streams, &store.organisation()?, now),
        healing: node.restored_at.map(|at| NodeHealing::of(at, &streams)),
        streams,
    })
}

/// The node; a database without one was not made by `init`.
pub fn node(store: &dyn Store) -> Result<Node, StoreError> {
    store.node_find()?.ok_or_else(|| StoreError::Damaged("the node has no name".to_owned()))
}

/// Form II.06 of one unit, or of the whole node, as it was then. A code means the unit that carried it at the end of the
/// period: see [`motcua_shared::unit::Organisation::resolve`].
pub fn ii06(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Ii06, ReportError> {
    let node = node(store)?;
    let key = key_of(store, unit, period.to)?;
    let offices = Offices::of(node, store.organisation()?, store.streams(key.as_deref())?);
    let keys = key.as_ref().map_or_else(|| offices.keys(period), |key| vec![key.clone()]);
    let sums = field_sums(store, key.as_deref(), period)?;
    let named = key.as_ref().map_or_else(|| offices.node.code.clone(), |key| offices.code(key));
    Ok(Ii06::compute(&named, period.from, period.to, &sums, offices.coverage_of(&keys)))
}

/// The key of the unit that is asked for, as it was on `day`; `None`: the node, all its units together. Where the bearer of
/// a code on that day never sent anything and one other bearer did, it is that one: an office that was enrolled later, with
/// a register from before.
pub fn key_of(store: &dyn Store, asked: Option<&str>, day: NaiveDate) -> Result<Option<String>, ReportError> {
    let node = node(store)?;
    let Some(asked) = asked.filter(|asked| *asked != node.code) else { return Ok(None) };
    let organisation = store.organisation()?;
    let key = organisation.resolve(asked, day);
    if !store.streams(Some(&key))?.is_empty() {
        return Ok(Some(key));
    }
    let of_code = |stream: StreamStatus| (code_of(&stream.unit) == asked).then_some(stream.unit);
    let mut senders: BTreeSet<String> = store.streams(None)?.into_iter().filter_map(of_code).collect();
    match (senders.pop_first(), senders.is_empty(), organisation.unit(&key)) {
        (Some(sender), true, _) => Ok(Some(sender)),
        (_, _, Some(_)) => Ok(Some(key)),
        _ => Err(ReportError::UnknownUnit(asked.to_owned())),
    }
}

/// Form II.06 for paper, each under the name of its unit: of the node, then of every office that sent something; of one unit
/// alone.
pub fn ii06_named(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Vec<(String, Ii06)>, ReportError> {
    let organisation = store.organisation()?;
    let name = |report: &Ii06| {
        let name = organisation.name(&organisation.resolve(&report.unit, period.to)).to_owned();
        if name.is_empty() { report.unit.clone() } else { name }
    };
    let first = ii06(store, unit, period)?;
    let of_node = unit.is_none_or(|unit| Some(unit) == store.node_find().ok().flatten().map(|node| node.code).as_deref());
    let offices: Vec<String> =
        first.coverage.units.iter().filter(|office| of_node && office.entries > 0).map(|office| office.unit.clone()).collect();
    let mut named = vec![(name(&first), first)];
    for office in offices {
        let report = ii06(store, Some(&office), period)?;
        named.push((name(&report), report));
    }
    Ok(named)
}

/// Form II.06 of a unit with the figures of all in whose place it stands on `today`, and of those that it took over in part
/// nothing: their dossiers cannot be told apart, and `left_out` names them. Of the node, it is what it was then.
pub fn ii06_as(
    store: &dyn Store,
    unit: Option<&str>,
    period: Period,
    view: View,
    today: NaiveDate,
) -> Result<AsNow, ReportError> {
    let node = node(store)?;
    let (View::Now, Some(asked)) = (view, unit.filter(|unit| *unit != node.code)) else {
        return Ok(AsNow { report: ii06(store, unit, period)?, view, made_of: Vec::new(), left_out: Vec::new() });
    };
    let then = key_of(store, Some(asked), period.to)?.unwrap_or_default();
    let offices = Offices::of(node, store.organisation()?, store.streams(None)?);
    let organisation = &offices.organisation;
    // Whoever asks for a unit that was split gets the one that took most of it.
    let heir = organisation.now(&then, today).into_iter().max_by_key(|share| share.percent).map_or(then, |share| share.key);
    let (whole, split) = organisation.predecessors(&heir, today);
    let mut sums = Vec::new();
    for key in &whole {
        sums.extend(field_sums(store, Some(key), period)?);
    }
    let known = |key: &&String| offices.streams_of(key).next().is_some() || *key == &heir;
    let kept: Vec<String> = whole.iter().filter(known).cloned().collect();
    let coverage = offices.coverage_of(&kept);
    let report = Ii06::compute(&organisation.exact(&heir), period.from, period.to, &sums, coverage);
    let named = |key: &str| UnitName { unit: organisation.exact(key), name: organisation.name(key).to_owned() };
    let made_of = whole.iter().map(|key| named(key)).collect();
    Ok(AsNow { report, view, made_of, left_out: split.iter().map(|share| named(&share.key)).collect() })
}

/// One reporting month of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TrendPoint {
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub received: i64,
    pub resolved: i64,
    pub resolved_overdue: i64,
    /// A share of a unit that was split is in it, by its weight: for a curve to look at, never for a report.
    pub estimated: bool,
}

/// Month by month, what the units did in whose place `unit` stands on `today`; of those that were split, its share.
pub fn trend(store: &dyn Store, unit: &str, period: Period, today: NaiveDate) -> Result<Vec<TrendPoint>, ReportError> {
    let organisation = store.organisation()?;
    let Some(key) = key_of(store, Some(unit), period.to)? else { return Err(ReportError::UnknownUnit(unit.to_owned())) };
    let heir = organisation.now(&key, today).into_iter().max_by_key(|share| share.percent).map_or(key, |share| share.key);
    let (whole, split) = organisation.predecessors(&heir, today);
    let whole = whole.into_iter().map(|key| Share { key, percent: 100 });
    let shares: Vec<Share> = whole.chain(split).collect();
    let mut earlier = store.rollup_until_by_unit(month_start(month_of(period.from)).pred_opt().unwrap_or(NaiveDate::MIN))?;
    let mut points = Vec::new();
    for month in month_of(period.from)..=month_of(period.to) {
        let (from, to) = (month_start(month), month_start(month + 1).pred_opt().unwrap_or(NaiveDate::MAX));
        let ends = store.rollup_until_by_unit(to)?;
        let mut point = TrendPoint { from, to, received: 0, resolved: 0, resolved_overdue: 0, estimated: false };
        let mut sums = [0i64; 3];
        for Share { key, percent } in &shares {
            let within = ends.get(key).copied().unwrap_or_default().since(&earlier.get(key).copied().unwrap_or_default());
            let each = [within.received(), within.resolved(), within.get(Counter::ResolvedOverdue)];
            point.estimated |= *percent < 100 && each != [0; 3];
            sums.iter_mut().zip(each).for_each(|(sum, value)| *sum += value * i64::from(*percent));
        }
        [point.received, point.resolved, point.resolved_overdue] = sums.map(|sum| (sum + 50).div_euclid(100));
        points.push(point);
        earlier = ends;
    }
    Ok(points)
}

/// Satisfaction with one unit, or with all of the node together, and with each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    #[serde(flatten)]
    pub whole: Satisfaction,
    /// Of the node: its units that resolved anything in the period.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<JudgedUnit>,
}

/// Satisfaction with one unit of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgedUnit {
    pub name: String,
    #[serde(flatten)]
    pub judged: Satisfaction,
}

/// The nine indices of a unit, as it was then, or of the node and of every unit in it.
pub fn satisfaction(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Judged, ReportError> {
    let node = node(store)?;
    let organisation = store.organisation()?;
    let (ends, earlier) = (store.rollup_until_by_unit(period.to)?, store.rollup_until_by_unit(eve(period))?);
    let within = |key: &str| {
        let end = ends.get(key).copied().unwrap_or_default();
        end.since(&earlier.get(key).copied().unwrap_or_default())
    };
    let judge = |key: &str| Satisfaction::of(&organisation.exact(key), period, &within(key));
    if let Some(asked) = unit.filter(|unit| *unit != node.code) {
        let key = key_of(store, Some(asked), period.to)?.unwrap_or_default();
        return Ok(Judged { whole: judge(&key), units: Vec::new() });
    }
    let mut all = Counters::default();
    for key in ends.keys() {
        all.add(&within(key));
    }
    let units = ends.keys().map(|key| JudgedUnit { name: organisation.name(key).to_owned(), judged: judge(key) });
    let units = units.filter(|unit| unit.judged.resolved > 0).collect();
    Ok(Judged { whole: Satisfaction::of(&node.code, period, &all), units })
}

/// A form, and to whom its figures are attributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AsNow {
    #[serde(flatten)]
    pub report: Ii06,
    /// Left out for figures as then.
    #[serde(rename = "as", skip_serializing_if = "View::is_then")]
    pub view: View,
    /// As now: the units whose figures are in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<UnitName>,
    /// As now: units that were split, and of which only a share would be its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<UnitName>,
}

/// A unit as people are told of it: `CODE`, or `CODE@FROM` where the code was re-used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnitName {
    pub unit: String,
    pub name: String,
}

/// Everything up to `day` of every unit, in one field or in all, by key; as now that of a unit that is gone is added to whoever stands in its place on
/// `today`, except that of units that were split, which stay by themselves.
pub fn until_by_unit(
    store: &dyn Store,
    field: Option<&str>,
    day: NaiveDate,
    view: View,
    today: NaiveDate,
) -> Result<BTreeMap<String, Counters>, StoreError> {
    let then = match field {
        Some(field) => store.rollup_until_by_unit_in(field, day)?,
        None => store.rollup_until_by_unit(day)?,
    };
    if view == View::Then {
        return Ok(then);
    }
    let organisation = store.organisation()?;
    let mut now: BTreeMap<String, Counters> = BTreeMap::new();
    for (key, counters) in then {
        let heirs = organisation.now(&key, today);
        let heir = if let [only] = heirs.as_slice() { only.key.clone() } else { key };
        now.entry(heir).or_default().add(&counters);
    }
    Ok(now)
}

/// How far the offices have made good what a restore took away; `None`: this database never came back from a backup.
pub fn healing(store: &dyn Store) -> Result<Option<NodeHealing>, StoreError> {
    let Some(at) = node(store)?.restored_at else { return Ok(None) };
    Ok(Some(NodeHealing::of(at, &store.streams(None)?)))
}

/// Sums by field before and within a period, of a unit or of all together.
pub fn field_sums(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Vec<FieldSums>, StoreError> {
    let mut fields: BTreeMap<String, FieldSums> = BTreeMap::new();
    for sums in procedure_sums(store, unit, period)? {
        let empty = || FieldSums { field: sums.field.clone(), before: Counters::default(), within: Counters::default() };
        let field = fields.entry(sums.field.clone()).or_insert_with(empty);
        field.before.add(&sums.before);
        field.within.add(&sums.within);
    }
    Ok(fields.into_values().collect())
}

/// Sums of one procedure before and within a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureSums {
    pub field: String,
    pub procedure: String,
    pub before: Counters,
    pub within: Counters,
}

/// Sums by procedure before and within a period, of a unit or of all together, by field and procedure.
pub fn procedure_sums(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Vec<ProcedureSums>, StoreError> {
    let earlier = store.rollup_until_by_procedure(unit, eve(period))?;
    let earlier: BTreeMap<(String, String), Counters> =
        earlier.into_iter().map(|row| ((row.field, row.procedure), row.counters)).collect();
    let ends = store.rollup_until_by_procedure(unit, period.to)?;
    let sums = ends.into_iter().map(|ProcedureCounters { field, procedure, counters }| {
        let before = earlier.get(&(field.clone(), procedure.clone())).copied().unwrap_or_default();
        ProcedureSums { within: counters.since(&before), field, procedure, before }
    });
    Ok(sums.collect())
}

/// The day before a period.
pub fn eve(period: Period) -> NaiveDate {
    period.from.pred_opt().unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use motcua_shared::dossier::{Event, Finished, Outcome, Surveyed};
    use motcua_shared::survey::Answers;
    use motcua_shared::unit::{STARTER, Units};

    use super::*;
    use crate::ingest::tests::{District, received, time};

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn year() -> Period {
        Period::new(day("2023-01-01"), day("2023-12-31")).expect("a period")
    }

    /// The district with its units, an office of each of these, and so many dossiers received at each in January 2023.
    fn district(offices: &[(&str, u128)]) -> District {
        let mut district = District::new();
        let units: Vec<_> = Units::parse(STARTER).expect("sound").iter().cloned().collect();
        district.store.units_replace(&units).expect("units");
        let mut dossier = 0;
        for (number, (asked, count)) in (1..).zip(offices) {
            let key = district.store.organisation().expect("units").resolve(asked, day("2026-11-26"));
            let mut agent = district.agent(&key, number);
            for _ in 0..*count {
                dossier += 1;
                agent.record(dossier, received(dossier));
            }
            district.send(&agent, 1, u64::try_from(*count).expect("few"));
        }
        district
    }

    fn open(district: &District, unit: &str, view: View) -> (String, i64) {
        let shown = ii06_as(&district.store, Some(unit), year(), view, day("2026-11-26")).expect("a form");
        assert_eq!(shown.report.broken_identities(), []);
        (shown.report.unit, shown.report.total.pending.total)
    }

    #[test]
    fn the_figures_of_two_units_with_one_code_are_never_mixed() {
        let district = district(&[("11098@2019-12-01", 2), ("11098", 3)]);
        assert_eq!(open(&district, "11098", View::Then), ("11098@2019-12-01".to_owned(), 2), "who carried it in 2023");
        assert_eq!(open(&district, "11098@2024-12-01", View::Then), ("11098@2024-12-01".to_owned(), 3));
        let received = motcua_shared::indicator::find("received").expect("there");
        let asked = crate::comparison::Asked {
            period: year(),
            view: View::Then,
            by: received,
            columns: vec![],
            field: None,
            order: crate::comparison::Order::Name,
            filter: String::new(),
        };
        let shown = crate::comparison::compare(&district.store, &asked, crate::ingest::tests::noon()).expect("offices");
        let of = |code: &str| {
            let line = shown.lines.iter().find(|line| line.unit == code)?;
            Some((line.name.as_str(), line.values["received"].value.numerator?))
        };
        assert_eq!(of("11098@2019-12-01"), Some(("Xã Tái Sơn", 2)));
        assert_eq!(of("11098@2024-12-01"), Some(("Xã Kỳ Sơn", 3)));
        let form = serde_json::to_value(ii06(&district.store, Some("11098"), year()).expect("a form")).expect("JSON");
        assert_eq!((form["unit"].as_str(), form["unit_since"].as_str()), (Some("11098"), Some("2019-12-01")));
        crate::verify::verify(&district.store).expect("sound");
    }

    #[test]
    fn as_now_the_figures_of_those_that_are_gone_stand_under_who_took_their_place() {
        let district = district(&[("11089", 1), ("11098@2019-12-01", 2), ("11098", 3), ("11113", 4), ("11074", 5)]);
        assert_eq!(open(&district, "11089", View::Then), ("11089".to_owned(), 1));
        let tan_ky = ("11113@2025-07-01".to_owned(), 10);
        for asked in ["11089", "11098", "11098@2024-12-01", "11113", "11113@2025-07-01"] {
            assert_eq!(open(&district, asked, View::Now), tan_ky, "{asked}");
        }
        let shown = ii06_as(&district.store, Some("11089"), year(), View::Now, day("2025-01-01")).expect("a form");
        assert_eq!((shown.report.unit.as_str(), shown.report.total.pending.total), ("11098@2024-12-01", 6));
        let names: Vec<&str> = shown.made_of.iter().map(|unit| unit.name.as_str()).collect();
        assert_eq!(names, ["Xã Ngọc Kỳ", "Xã Tái Sơn", "Xã Kỳ Sơn"]);
        let sums = |view| until_by_unit(&district.store, None, day("2023-12-31"), view, day("2026-11-26")).expect("sums");
        let total = |view| sums(view).values().map(Counters::open).sum::<i64>();
        assert_eq!((total(View::Then), total(View::Now), sums(View::Now).len()), (15, 15, 2));
    }

    #[test]
    fn a_unit_that_was_split_is_left_out_and_named() {
        let mut district = district(&[("11089", 1)]);
        let table = "code,name,kind,parent,valid_from,valid_to,successor\n\
                     11089,Xã Ngọc Kỳ,commune,298,2019-12-01,2024-11-30,1:60;2:40\n\
                     1,Xã Một,commune,298,2024-12-01,,\n2,Xã Hai,commune,298,2024-12-01,,\n";
        let units: Vec<_> = Units::parse(table).expect("sound").iter().cloned().collect();
        district.store.units_replace(&units).expect("units");
        let shown = ii06_as(&district.store, Some("11089"), year(), View::Now, day("2026-11-26")).expect("a form");
        assert_eq!((shown.report.unit.as_str(), shown.report.total.pending.total), ("1", 0), "the larger part");
        assert_eq!(shown.left_out.iter().map(|unit| unit.unit.as_str()).collect::<Vec<_>>(), ["11089"]);
        assert_eq!(open(&district, "11089", View::Then), ("11089".to_owned(), 1));
        let of = |unit: &str| trend(&district.store, unit, year(), day("2026-11-26")).expect("a trend");
        let january = |unit: &str| of(unit).into_iter().find(|point| point.received > 0 || point.estimated);
        assert_eq!(
            january("1").map(|point| (point.received, point.estimated, point.from)),
            Some((1, true, day("2023-01-15"))),
            "60 % of 1"
        );
        assert_eq!(january("2").map(|point| point.received), Some(0), "40 % of 1");
        assert_eq!(of("1").len(), 13);
    }

    #[test]
    fn satisfaction_is_told_of_the_node_and_of_each_unit() {
        let mut district = district(&[("11089", 1)]);
        let mut agent = district.agent("11074", 9);
        let finished = Event::Finished(Finished { at: time("2023-02-01T10:00:00"), outcome: Outcome::Granted });
        let form = Event::Surveyed(Surveyed { at: time("2023-02-01T11:00:00"), answers: Answers::of([Some(1); 9]) });
        for event in [received(77), finished, form] {
            agent.record(77, event);
        }
        district.send(&agent, 1, 3);
        let node = satisfaction(&district.store, None, year()).expect("figures");
        assert_eq!((node.whole.forms, node.whole.resolved, node.whole.total, node.units.len()), (1, 1, Some(90), 1));
        let unit = satisfaction(&district.store, Some("11074"), year()).expect("figures");
        assert_eq!((unit.whole.total, unit.whole.missing.len()), (Some(90), 0));
        assert_eq!(satisfaction(&district.store, Some("11089"), year()).expect("figures").whole.total, None);
        assert!(matches!(satisfaction(&district.store, Some("1"), year()), Err(ReportError::UnknownUnit(_))));
    }
}
