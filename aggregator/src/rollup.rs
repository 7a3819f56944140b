//! What the district asks of the rollups: form II.06, the communes side by side, and on what the figures rest.
//!
//! Promise: figures come from the rollups alone and coverage stands beside every one of them. Start at [`ii06`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use motcua_shared::calendar::LocalTime;
use motcua_shared::contribution::Counters;
use motcua_shared::period::{Backwards, Period};
use motcua_shared::report::{Coverage, FieldSums, Ii06, OfficeCoverage};
use motcua_shared::unit::Unit;
use serde::Serialize;
use uuid::Uuid;

use crate::nights::{self, Absent};
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
        missed_nights: nights::absent(&streams, &store.units()?, now),
        healing: node.restored_at.map(|at| NodeHealing::of(at, &streams)),
        streams,
    })
}

/// The node; a database without one was not made by `init`.
pub fn node(store: &dyn Store) -> Result<Node, StoreError> {
    store.node_find()?.ok_or_else(|| StoreError::Damaged("the node has no name".to_owned()))
}

/// Form II.06 of one unit, or of the whole node.
pub fn ii06(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Ii06, ReportError> {
    let node = node(store)?;
    let unit = unit.filter(|unit| *unit != node.code);
    let streams = store.streams(unit)?;
    let units = store.units()?;
    if let Some(code) = unit
        && streams.is_empty()
        && !units.iter().any(|unit| unit.code == code)
    {
        return Err(ReportError::UnknownUnit(code.to_owned()));
    }
    let codes = match unit {
        Some(code) => vec![code.to_owned()],
        None => office_codes(&node.code, &units, &streams, period),
    };
    let sums = field_sums(store, unit, period)?;
    let coverage = Coverage::of(codes.iter().map(|code| office_coverage(code, &streams)).collect());
    Ok(Ii06::compute(unit.unwrap_or(&node.code), period.from, period.to, &sums, coverage))
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
fn eve(period: Period) -> NaiveDate {
    period.from.pred_opt().unwrap_or(NaiveDate::MIN)
}

/// Offices of the node that existed on some day of the period, and whoever has sent something.
fn office_codes(node: &str, units: &[Unit], streams: &[StreamStatus], period: Period) -> Vec<String> {
    let existed = |unit: &&Unit| unit.valid_from <= period.to && unit.valid_to.is_none_or(|end| end >= period.from);
    let under = units.iter().filter(|unit| unit.parent == node).filter(existed).map(|unit| unit.code.clone());
    under.chain(streams.iter().map(|stream| stream.unit.clone())).collect::<BTreeSet<_>>().into_iter().collect()
}

fn office_coverage(code: &str, streams: &[StreamStatus]) -> OfficeCoverage {
    let own = || streams.iter().filter(|stream| stream.unit == code);
    let sum = |of: fn(&StreamStatus) -> u64| i64::try_from(own().map(of).sum::<u64>()).unwrap_or(i64::MAX);
    OfficeCoverage {
        unit: code.to_owned(),
        complete_to: own().filter_map(|stream| stream.complete_to.clone()).max(),
        entries: sum(|stream| stream.stored_through),
        quarantined: sum(|stream| stream.quarantined),
        pending: sum(|stream| stream.pending),
    }
}

/// One commune in the overview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    pub code: String,
    pub name: String,
    pub coverage: OfficeCoverage,
    pub forked: u64,
    pub received: i64,
    pub resolved: i64,
    pub resolved_overdue: i64,
    pub open: i64,
    pub open_overdue: i64,
    pub agent_version: Option<String>,
    pub last_seen_at: Option<String>,
    /// Has at least one agent.
    pub enrolled: bool,
}

/// Every commune of the node, by code.
pub fn offices(store: &dyn Store, period: Period) -> Result<Vec<Office>, StoreError> {
    let node = node(store)?;
    let (units, streams) = (store.units()?, store.streams(None)?);
    let (earlier, ends) = (store.rollup_until_by_unit(eve(period))?, store.rollup_until_by_unit(period.to)?);
    let names = names(&units, period.to);
    let codes = office_codes(&node.code, &units, &streams, period);
    Ok(codes
        .into_iter()
        .map(|code| {
            let own = || streams.iter().filter(|stream| stream.unit == code);
            let end = ends.get(&code).copied().unwrap_or_default();
            let within = end.since(&earlier.get(&code).copied().unwrap_or_default());
            Office {
                name: names.get(code.as_str()).map_or_else(|| code.clone(), |name| (*name).to_owned()),
                coverage: office_coverage(&code, &streams),
                forked: own().map(|stream| stream.forked).sum(),
                received: within.received(),
                resolved: within.resolved(),
                resolved_overdue: within.get(motcua_shared::contribution::Counter::ResolvedOverdue),
                open: end.open(),
                open_overdue: end.open_overdue(),
                agent_version: own().max_by_key(|stream| &stream.last_seen_at).and_then(|stream| stream.agent_version.clone()),
                last_seen_at: own().filter_map(|stream| stream.last_seen_at.clone()).max(),
                enrolled: own().next().is_some(),
                code,
            }
        })
        .collect())
}

/// The name of each code on `day`, or the nearest one before or after.
pub fn names(units: &[Unit], day: NaiveDate) -> BTreeMap<&str, &str> {
    let mut names = BTreeMap::new();
    for unit in units {
        if unit.is_valid(day) || !names.contains_key(unit.code.as_str()) {
            names.insert(unit.code.as_str(), unit.name.as_str());
        }
    }
    names
}
