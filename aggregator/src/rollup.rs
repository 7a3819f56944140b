//! What the district asks of the rollups: form II.06, the communes side by side, and on what the figures rest.
//!
//! Promise: figures come from the rollups alone and coverage stands beside every one of them. Start at [`ii06`].

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use motcua_shared::calendar::LocalTime;
use motcua_shared::period::{Backwards, Period};
use motcua_shared::report::{Coverage, FieldSums, Ii06, OfficeCoverage};
use motcua_shared::unit::{Organisation, View};
use serde::Serialize;
use uuid::Uuid;

use crate::nights::{self, Absent};
use crate::store::{Node, Store, StoreError, StreamStatus};

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
/// period: see [`Organisation::resolve`].
pub fn ii06(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Ii06, ReportError> {
    let node = node(store)?;
    let organisation = store.organisation()?;
    let unit = unit.filter(|unit| *unit != node.code).map(|asked| (asked, organisation.resolve(asked, period.to)));
    let streams = store.streams(unit.as_ref().map(|(_, key)| key.as_str()))?;
    if let Some((asked, key)) = &unit
        && streams.is_empty()
        && organisation.unit(key).is_none()
    {
        return Err(ReportError::UnknownUnit((*asked).to_owned()));
    }
    let keys = match &unit {
        Some((_, key)) => vec![key.clone()],
        None => office_keys(&node.code, &organisation, &streams, period),
    };
    let sums = store.rollup_sums(unit.as_ref().map(|(_, key)| key.as_str()), period.from, period.to)?;
    let named = unit.as_ref().map_or_else(|| node.code.clone(), |(_, key)| organisation.exact(key));
    Ok(Ii06::compute(&named, period.from, period.to, &sums, coverage(&keys, &organisation, &streams)))
}

/// Form II.06 of a unit with the figures of all in whose place it stands on `today`, and of those that it took over in part
/// nothing: their dossiers cannot be told apart, and `left_out` names them. Of the node, it is what it was then.
pub fn ii06_as(
    store: &dyn Store,
    unit: Option<&str>,
    period: Period,
    view: View,
    today: chrono::NaiveDate,
) -> Result<AsNow, ReportError> {
    let node = node(store)?;
    let (View::Now, Some(asked)) = (view, unit.filter(|unit| *unit != node.code)) else {
        return Ok(AsNow { report: ii06(store, unit, period)?, view, made_of: Vec::new(), left_out: Vec::new() });
    };
    let organisation = store.organisation()?;
    let streams = store.streams(None)?;
    let then = organisation.resolve(asked, period.to);
    if organisation.unit(&then).is_none() && !streams.iter().any(|stream| stream.unit == then) {
        return Err(ReportError::UnknownUnit(asked.to_owned()));
    }
    // Whoever asks for a unit that was split gets the one that took most of it.
    let heir = organisation.now(&then, today).into_iter().max_by_key(|share| share.percent).map_or(then, |share| share.key);
    let (whole, split) = organisation.predecessors(&heir, today);
    let mut sums = Vec::new();
    for key in &whole {
        sums.extend(store.rollup_sums(Some(key), period.from, period.to)?);
    }
    let known = |key: &&String| streams.iter().any(|stream| stream.unit == **key) || *key == &heir;
    let kept: Vec<String> = whole.iter().filter(known).cloned().collect();
    let coverage = coverage(&kept, &organisation, &streams);
    let report = Ii06::compute(&organisation.exact(&heir), period.from, period.to, &sums, coverage);
    let named = |key: &str| UnitName { unit: organisation.exact(key), name: organisation.name(key).to_owned() };
    let made_of = whole.iter().map(|key| named(key)).collect();
    Ok(AsNow { report, view, made_of, left_out: split.iter().map(|share| named(&share.key)).collect() })
}

/// A form, and to whom its figures are attributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AsNow {
    #[serde(flatten)]
    pub report: Ii06,
    #[serde(rename = "as")]
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

/// The sums of every unit, by key; as now those of a unit that is gone are added to whoever stands in its place on `today`,
/// except those of units that were split, which stay with them.
pub fn sums_by_unit(
    store: &dyn Store,
    period: Period,
    view: View,
    today: chrono::NaiveDate,
) -> Result<BTreeMap<String, FieldSums>, StoreError> {
    let then = store.rollup_sums_by_unit(period.from, period.to)?;
    if view == View::Then {
        return Ok(then);
    }
    let organisation = store.organisation()?;
    let mut now: BTreeMap<String, FieldSums> = BTreeMap::new();
    for (key, sum) in then {
        let heirs = organisation.now(&key, today);
        let heir = if let [only] = heirs.as_slice() { only.key.clone() } else { key };
        match now.entry(heir) {
            Entry::Occupied(mut known) => known.get_mut().add(&sum),
            Entry::Vacant(new) => drop(new.insert(sum)),
        }
    }
    Ok(now)
}

/// Offices of the node that existed on some day of the period, and whoever has sent something, by key.
fn office_keys(node: &str, organisation: &Organisation, streams: &[StreamStatus], period: Period) -> Vec<String> {
    let under = organisation.under(node, period.from, period.to).into_iter();
    under.chain(streams.iter().map(|stream| stream.unit.clone())).collect::<BTreeSet<_>>().into_iter().collect()
}

fn coverage(keys: &[String], organisation: &Organisation, streams: &[StreamStatus]) -> Coverage {
    let named = |key: &String| OfficeCoverage { unit: organisation.exact(key), ..office_coverage(key, streams) };
    Coverage::of(keys.iter().map(named).collect())
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
    /// As [`Organisation::resolve`] takes it for exactly this unit.
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

/// Every commune of the node, by key.
pub fn offices(store: &dyn Store, period: Period) -> Result<Vec<Office>, StoreError> {
    let node = node(store)?;
    let (organisation, streams) = (store.organisation()?, store.streams(None)?);
    let sums = store.rollup_sums_by_unit(period.from, period.to)?;
    let keys = office_keys(&node.code, &organisation, &streams, period);
    Ok(keys
        .into_iter()
        .map(|key| {
            let own = || streams.iter().filter(|stream| stream.unit == key);
            let within = sums.get(&key).map(|sums| sums.within).unwrap_or_default();
            let mut end = sums.get(&key).map(|sums| sums.before).unwrap_or_default();
            end.add(&within);
            Office {
                name: organisation.name(&key).to_owned(),
                coverage: OfficeCoverage { unit: organisation.exact(&key), ..office_coverage(&key, &streams) },
                forked: own().map(|stream| stream.forked).sum(),
                received: within.received(),
                resolved: within.resolved(),
                resolved_overdue: within.get(motcua_shared::contribution::Counter::ResolvedOverdue),
                open: end.open(),
                open_overdue: end.open_overdue(),
                agent_version: own().max_by_key(|stream| &stream.last_seen_at).and_then(|stream| stream.agent_version.clone()),
                last_seen_at: own().filter_map(|stream| stream.last_seen_at.clone()).max(),
                enrolled: own().next().is_some(),
                code: organisation.exact(&key),
            }
        })
        .collect())
}
