//! What does not add up in any commune, since when, what the commune says of it and what the district decided.
//!
//! Promise: a unit is checked again when something of it changed, and then only its changed dossiers are looked at; a
//! finding that vanishes stays in the history with what changed. Start at [`recheck_due`] and [`list`].

use std::collections::{BTreeMap, BTreeSet};

use motcua_shared::brought::Brought;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::certainty::Recorded;
use motcua_shared::decision::{Decided, Decision, Decisions};
use motcua_shared::declared::Figures;
use motcua_shared::dossier::{Code, Dossier};
use motcua_shared::entry::Body;
use motcua_shared::indicator::Sums;
use motcua_shared::office::{Explanation, Reason};
use motcua_shared::period::Period;
use motcua_shared::reference::Tables;
use motcua_shared::rule::{
    Change, Computed, Facts, Finding, Sending, Standing, Step, Turn, changes, check, marks, periods, standing,
};
use motcua_shared::same_person::Told;
use motcua_shared::unit::{Organisation, code_of};
use serde::Serialize;
use uuid::Uuid;

use crate::reference::{self, ReferenceError};
use crate::rollup;
use crate::store::{Checked, FindingEvent, Kept, Of, Span, Store, StoreError, in_transaction};

/// Seconds without anything from a unit, after which it is done sending.
const QUIET_S: i64 = 60;

/// What an office said of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub at: String,
    pub author: String,
    pub reason: Reason,
    pub words: String,
}

/// Something that happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happened {
    pub at: String,
    pub kind: String,
    /// Empty: the program.
    pub who: String,
    pub words: String,
}

/// A finding with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub finding: Finding,
    pub state: Standing,
    pub first_seen: String,
    pub last_seen: String,
    pub gone_since: Option<String>,
    pub explained: Vec<Answer>,
    pub history: Vec<Happened>,
    /// The key under which the unit is kept here.
    #[serde(skip)]
    pub key: String,
    #[serde(skip)]
    pub unit_name: String,
}

/// How many findings of a unit stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub open: usize,
    pub explained: usize,
    pub rejected: usize,
    pub accepted: usize,
}

impl Counts {
    /// Those that somebody still has to do something about.
    pub fn unsettled(&self) -> usize {
        self.open + self.explained + self.rejected
    }
}

/// Why there are no findings to be had.
#[derive(Debug, thiserror::Error)]
pub enum FindingsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// Keys of the units of which something is to be checked: it changed, a day has passed, or other rules are in force.
pub fn due(store: &dyn Store, now: LocalTime) -> Result<Vec<String>, StoreError> {
    let reference = rollup::node(store)?.reference_version;
    let streams = store.streams(None)?;
    let units: BTreeSet<String> = streams.iter().map(|stream| stream.unit.clone()).collect();
    let mut due = Vec::new();
    for unit in units {
        let sending = sending_words(&sending(&streams, &unit));
        let current = Checked { day: local_day(now), reference, sending };
        if store.checked(&unit)?.as_ref() != Some(&current) || store.unchecked(&unit)? {
            due.push(unit);
        }
    }
    Ok(due)
}

/// Checks every unit of which something is due. Gives how many there were.
pub fn recheck_due(store: &mut dyn Store, now: LocalTime) -> Result<usize, FindingsError> {
    let due = due(store, now)?;
    recheck_all(store, &due, now)?;
    Ok(due.len())
}

/// Checks one unit.
pub fn recheck(store: &mut dyn Store, unit: &str, now: LocalTime) -> Result<(), FindingsError> {
    recheck_all(store, &[unit.to_owned()], now)
}

/// Checks units, each in its own transaction: marks what changed of it, and compares what is found with what was found
/// before.
pub fn recheck_all(store: &mut dyn Store, units: &[String], now: LocalTime) -> Result<(), FindingsError> {
    if units.is_empty() {
        return Ok(());
    }
    let organisation = store.organisation()?;
    let (newest, snapshot) = reference::in_force(store)?;
    let version = newest.map_or(0, |newest| newest.version);
    for unit in units {
        let code = organisation.unit(unit).map_or_else(|| unit.to_owned(), |unit| unit.code.clone());
        let tables = snapshot.clone().tables(version, &code);
        recheck_by(store, (unit, &code), &tables, now)?;
    }
    Ok(())
}

fn recheck_by(store: &mut dyn Store, (unit, code): (&str, &str), tables: &Tables, now: LocalTime) -> Result<(), FindingsError> {
    in_transaction(store, |store| {
        if store.checked(unit)?.is_some_and(|checked| checked.reference != tables.version) {
            store.checks_forget(Some(unit))?;
        }
        for id in store.unit_changed(unit)? {
            mark(store, unit, id, tables)?;
        }
        let sending = sending(&store.streams(Some(unit))?, unit);
        let found = found(store, unit, code, tables, &sending, now)?;
        compare(store, unit, found, now)?;
        let checked = Checked { day: local_day(now), reference: tables.version, sending: sending_words(&sending) };
        Ok(store.checked_set(unit, &checked)?)
    })
}

fn mark(store: &mut dyn Store, unit: &str, id: Uuid, tables: &Tables) -> Result<(), StoreError> {
    let (mut dossier, mut steps, mut origins) = (Dossier::new(id), Vec::new(), BTreeSet::new());
    for record in store.dossier_history(id, i64::MAX)? {
        let Ok(body) = Body::parse(record.seq, &record.body) else { continue };
        let Some(recorded) = Recorded::read(&body).filter(|_| origins.insert(record.origin())) else { continue };
        dossier.apply(&recorded.event);
        steps.push(Step { recorded, author: body.author.to_string() });
    }
    let marks = marks(&dossier, &steps, dossier.after_15h_next_day(&tables.catalogue), &tables.calendar);
    let received = dossier.received.as_ref().filter(|_| !dossier.voided);
    let span = received.map(|received| Span {
        field: received.field.clone(),
        received: local_day(received.received_at),
        resolved: dossier.finished.map(|finished| local_day(finished.at)).zip(dossier.verdict()),
    });
    store.marks_put(unit, id, &marks, span.as_ref())
}

/// What would be found in the periods of a report that was written elsewhere, if its unit declared it. Nothing is kept.
pub fn found_in(store: &dyn Store, unit: &str, brought: &Brought, now: LocalTime) -> Result<Vec<Finding>, FindingsError> {
    let organisation = store.organisation()?;
    let code = organisation.unit(unit).map_or_else(|| unit.to_owned(), |unit| unit.code.clone());
    let (newest, snapshot) = reference::in_force(store)?;
    let tables = snapshot.tables(newest.map_or(0, |newest| newest.version), &code);
    let sending = sending(&store.streams(Some(unit))?, unit);
    let standing = Figures::of(store.stated(Some(unit))?.into_iter().map(|of| of.said));
    let mut all = found_with(store, unit, &code, &brought.over(&standing), &tables, &sending, now)?;
    let periods = brought.periods();
    all.retain(|finding| !finding.indicator.is_empty() && periods.contains(&finding.period()));
    Ok(all)
}

fn found(
    store: &dyn Store,
    unit: &str,
    code: &str,
    tables: &Tables,
    sending: &Sending,
    now: LocalTime,
) -> Result<Vec<Finding>, StoreError> {
    let declared = Figures::of(store.stated(Some(unit))?.into_iter().map(|of| of.said));
    found_with(store, unit, code, &declared, tables, sending, now)
}

fn found_with(
    store: &dyn Store,
    unit: &str,
    code: &str,
    declared: &Figures,
    tables: &Tables,
    sending: &Sending,
    now: LocalTime,
) -> Result<Vec<Finding>, StoreError> {
    let mut computed = BTreeMap::new();
    for period in periods(declared) {
        computed.insert(period, sums(store, unit, period)?);
    }
    let told = store.same_person(Some(unit))?.into_iter().map(|(_, origin, day)| (day, origin));
    let facts = Facts {
        unit: code,
        level: &tables.level,
        declared,
        computed: &computed,
        marks: &store.marks(unit)?,
        procedures: &store.procedures_used(unit)?,
        same_person: &Told::of(told).current(),
        sending: Some(sending),
        catalogue: &tables.catalogue,
        book: &tables.book,
        today: local_day(now),
    };
    check(&facts, &mut |slice| store.slice_codes(unit, slice))
}

fn sums(store: &dyn Store, unit: &str, period: Period) -> Result<Computed, StoreError> {
    let mut computed = Computed::default();
    for sums in rollup::field_sums(store, Some(unit), period)? {
        let own = Sums { before: sums.before, within: sums.within };
        computed.total.add(&own);
        computed.fields.entry(sums.field).or_default().add(&own);
    }
    Ok(computed)
}

fn sending(streams: &[crate::store::StreamStatus], unit: &str) -> Sending {
    let day = |at: &String| LocalTime::parse_from_rfc3339(at).ok().map(local_day);
    let own = || streams.iter().filter(|stream| stream.unit == unit);
    Sending {
        newest: own().filter_map(|stream| stream.complete_to.as_ref().and_then(day)).max(),
        enrolled: own().filter_map(|stream| day(&stream.enrolled_at)).min(),
        quarantined: own().map(|stream| i64::try_from(stream.quarantined).unwrap_or(i64::MAX)).sum(),
    }
}

fn sending_words(sending: &Sending) -> String {
    format!("{:?} {}", sending.newest, sending.quarantined)
}

/// Notes what appeared, changed, vanished and came back.
fn compare(store: &mut dyn Store, unit: &str, found: Vec<Finding>, now: LocalTime) -> Result<(), StoreError> {
    let before = store.findings(Some(unit))?.into_iter().map(|kept| kept.seen);
    for Change { seen, turn } in changes(before.collect::<Vec<_>>(), found, now) {
        if let Some((turn, words)) = turn {
            note(store, unit, &seen.finding.id, (turn.code(), "", words), now)?;
        }
        store.finding_keep(&Kept { unit: unit.to_owned(), seen })?;
    }
    Ok(())
}

fn note(
    store: &mut dyn Store,
    unit: &str,
    finding: &str,
    (kind, who, words): (&str, &str, String),
    at: LocalTime,
) -> Result<(), StoreError> {
    let newest =
        store.explanations(Some(unit))?.into_iter().filter(|of| of.said.explained.finding == finding).map(|of| of.n).max();
    store.finding_event_add(&FindingEvent {
        n: 0,
        unit: unit.to_owned(),
        finding: finding.to_owned(),
        at,
        kind: kind.to_owned(),
        who: who.to_owned(),
        words,
        after_n: newest.unwrap_or(0),
    })
}

/// Findings of a unit, or of all, with their histories, by unit and in the order of [`check`].
pub fn list(store: &dyn Store, unit: Option<&str>) -> Result<Vec<Listed>, StoreError> {
    let organisation = store.organisation()?;
    let mut explained: BTreeMap<(String, String), Vec<Of<Explanation>>> = BTreeMap::new();
    for of in store.explanations(unit)? {
        explained.entry((of.unit.clone(), of.said.explained.finding.clone())).or_default().push(of);
    }
    let mut events: BTreeMap<(String, String), Vec<FindingEvent>> = BTreeMap::new();
    for event in store.finding_events(unit)? {
        events.entry((event.unit.clone(), event.finding.clone())).or_default().push(event);
    }
    let mut all: Vec<Listed> = store
        .findings(unit)?
        .into_iter()
        .map(|kept| {
            let place = (kept.unit.clone(), kept.seen.finding.id.clone());
            let (said, happened) = (explained.remove(&place).unwrap_or_default(), events.remove(&place).unwrap_or_default());
            listed(kept, &said, happened, &organisation)
        })
        .collect();
    let key = |listed: &Listed| {
        let Finding { from, to, severity, rule, indicator, field, .. } = &listed.finding;
        (listed.key.clone(), *from, *to, *severity, rule.clone(), indicator.clone(), field.clone())
    };
    all.sort_by_cached_key(key);
    Ok(all)
}

fn listed(kept: Kept, said: &[Of<Explanation>], events: Vec<FindingEvent>, organisation: &Organisation) -> Listed {
    let state = stands(&kept, said, &events);
    let Kept { unit, seen } = kept;
    let answer = |of: &Of<Explanation>| Answer {
        at: of.said.recorded_at.to_rfc3339(),
        author: of.said.author.clone(),
        reason: of.said.explained.reason,
        words: of.said.explained.words.clone(),
    };
    let happened =
        |event: FindingEvent| Happened { at: event.at.to_rfc3339(), kind: event.kind, who: event.who, words: event.words };
    Listed {
        state,
        first_seen: seen.first_seen.to_rfc3339(),
        last_seen: seen.last_seen.to_rfc3339(),
        gone_since: seen.gone_since.map(|at| at.to_rfc3339()),
        explained: said.iter().map(answer).collect(),
        history: events.into_iter().map(happened).collect(),
        unit_name: organisation.name(&unit).to_owned(),
        key: unit,
        finding: seen.finding,
    }
}

/// The newest thing that happened to a finding that is still found, where it is a decision: it holds until the figures
/// change.
fn decision<'a>(events: impl DoubleEndedIterator<Item = &'a FindingEvent>) -> Option<(Decision, &'a FindingEvent)> {
    let newest = events.rev().find(|event| Turn::from_code(&event.kind) != Some(Turn::Gone))?;
    Decision::from_code(&newest.kind).map(|decision| (decision, newest))
}

fn stands(kept: &Kept, said: &[Of<Explanation>], events: &[FindingEvent]) -> Standing {
    if kept.seen.gone_since.is_some() {
        return Standing::Gone;
    }
    let decided = decision(events.iter());
    let after = decided.map_or(0, |(_, event)| event.after_n);
    let explained_since = said.iter().any(|of| of.n > after && of.said.explained.is_about(&kept.seen.finding));
    standing(decided.map(|(decision, _)| decision), explained_since)
}

/// What is decided about findings of a unit, for its office.
pub fn decisions(store: &dyn Store, unit: &str, number: u64) -> Result<Decisions, StoreError> {
    let node = rollup::node(store)?;
    let (said, events) = (store.explanations(Some(unit))?, store.finding_events(Some(unit))?);
    let of = |kept: Kept| {
        let finding = kept.seen.finding;
        let (decision, event) = decision(events.iter().filter(|event| event.finding == finding.id))?;
        let known = said.iter().filter(|of| of.said.explained.finding == finding.id && of.n <= event.after_n);
        Some(Decided {
            decision,
            at: event.at,
            who: event.who.clone(),
            words: event.words.clone(),
            answers: known.max_by_key(|of| of.n).map(|of| of.said.origin),
            finding: finding.id,
            declared: finding.declared,
            expected: finding.expected,
        })
    };
    let found = store.findings(Some(unit))?.into_iter().filter(|kept| kept.seen.gone_since.is_none());
    let (code, decided) = (code_of(unit).to_owned(), found.filter_map(of).collect());
    Ok(Decisions { server_id: node.server_id, epoch: node.epoch, unit: code, number, decided })
}

/// How many findings of each unit stand where, by key.
pub fn counts(store: &dyn Store) -> Result<BTreeMap<String, Counts>, StoreError> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for listed in list(store, None)? {
        let own = counts.entry(listed.key).or_default();
        match listed.state {
            Standing::Open => own.open += 1,
            Standing::Explained => own.explained += 1,
            Standing::Rejected => own.rejected += 1,
            Standing::Accepted => own.accepted += 1,
            Standing::Gone => {}
        }
    }
    Ok(counts)
}

/// Notes what the district decides. `false`: there is no such finding, or nothing to decide about it any more.
pub fn decide(
    store: &mut dyn Store,
    (unit, finding): (&str, &str),
    decision: Decision,
    (who, words): (&str, &str),
    now: LocalTime,
) -> Result<bool, StoreError> {
    in_transaction(store, |store| {
        let seen = store.findings(Some(unit))?.into_iter().map(|kept| kept.seen).find(|seen| seen.finding.id == finding);
        if seen.is_none_or(|seen| seen.gone_since.is_some()) {
            return Ok(false);
        }
        note(store, unit, finding, (decision.code(), who, words.to_owned()), now)?;
        Ok(true)
    })
}

/// The same as [`due`], without units that are sending just now: what they send is looked at when they are done.
pub fn due_and_quiet(store: &dyn Store, now: LocalTime) -> Result<Vec<String>, StoreError> {
    let busy: BTreeSet<String> = store
        .streams(None)?
        .into_iter()
        .filter(|stream| {
            let seen = stream.last_seen_at.as_deref().and_then(|at| LocalTime::parse_from_rfc3339(at).ok());
            seen.is_some_and(|seen| (now - seen).num_seconds().abs() < QUIET_S)
        })
        .map(|stream| stream.unit)
        .collect();
    Ok(due(store, now)?.into_iter().filter(|unit| !busy.contains(unit)).collect())
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;
    use crate::ingest::tests::{Agent, District, UNIT, noon, received};

    const DECLARED: &str = r#"{"v":1,"seq":SEQ,"kind":"declared","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{"from":"2021-12-15","to":"2022-12-14","figures":[{"indicator":"dossiers.received","value":10,"revision":1},{"indicator":"dossiers.resolved","value":RESOLVED,"revision":REVISION}]}}"#;
    const EXPLAINED: &str = r#"{"v":1,"seq":SEQ,"kind":"finding_explained","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{"finding":"ID","rule":"subset","from":"2021-12-15","to":"2022-12-14","indicator":"dossiers.resolved","reason":"counted_twice","words":"tính hai lần"}}"#;

    struct World {
        district: District,
        agent: Agent,
        now: LocalTime,
    }

    impl World {
        fn new() -> World {
            let mut district = District::new();
            let agent = district.agent(UNIT, 1);
            World { district, agent, now: noon() }
        }

        fn send(&mut self, body: &str) {
            self.agent.record_raw(body);
            let seq = self.agent.head.seq;
            self.district.send(&self.agent, seq, seq);
        }

        fn declare(&mut self, resolved: i64, revision: u32) {
            self.send(&DECLARED.replace("RESOLVED", &resolved.to_string()).replace("REVISION", &revision.to_string()));
        }

        fn explain(&mut self) {
            let id = self.one().finding.id;
            self.send(&EXPLAINED.replace("ID", &id));
        }

        fn recheck(&mut self) -> usize {
            recheck_due(&mut self.district.store, self.now).expect("checked")
        }

        fn one(&mut self) -> Listed {
            self.recheck();
            let mut all = list(&self.district.store, Some(UNIT)).expect("read");
            assert_eq!(all.len(), 1, "{all:?}");
            all.remove(0)
        }

        fn decide(&mut self, decision: Decision) -> bool {
            let id = self.one().finding.id;
            decide(&mut self.district.store, (UNIT, &id), decision, ("hoa", "lý do"), self.now).expect("noted")
        }

        #[track_caller]
        fn stands(&mut self, standing: Standing) {
            assert_eq!(self.one().state, standing);
        }
    }

    #[test]
    fn a_finding_is_explained_rejected_explained_again_and_accepted() {
        let mut world = World::new();
        world.declare(12, 1);
        world.stands(Standing::Open);
        assert!(world.decide(Decision::Reject));
        world.stands(Standing::Rejected);
        world.explain();
        world.stands(Standing::Explained);
        assert!(world.decide(Decision::Reject));
        world.stands(Standing::Rejected);
        world.explain();
        world.stands(Standing::Explained);
        assert!(world.decide(Decision::Accept));
        world.stands(Standing::Accepted);
        assert_eq!(counts(&world.district.store).expect("read")[UNIT], Counts { accepted: 1, ..Counts::default() });
        assert!(world.decide(Decision::Reopen));
        world.stands(Standing::Open);
        world.explain();
        world.stands(Standing::Explained);
        assert_eq!(counts(&world.district.store).expect("read")[UNIT].unsettled(), 1);
        let one = world.one();
        assert_eq!((one.explained.len(), one.history.len(), one.history[1].who.as_str()), (3, 5, "hoa"));
    }

    #[test]
    fn a_finding_that_changes_is_open_again_and_one_that_vanishes_stays_in_the_history() {
        let mut world = World::new();
        world.declare(12, 1);
        let first = world.one();
        assert!(world.decide(Decision::Accept));
        world.now = noon() + Days::new(1);
        world.declare(13, 2);
        world.stands(Standing::Open);
        let changed = world.one();
        assert_eq!(
            (&changed.finding.id, changed.finding.gap, &changed.first_seen),
            (&first.finding.id, Some(3), &first.first_seen)
        );
        world.declare(10, 3);
        world.stands(Standing::Gone);
        assert!(world.one().gone_since.is_some() && !world.decide(Decision::Accept));
        world.declare(14, 4);
        world.stands(Standing::Open);
        let kinds: Vec<String> = world.one().history.into_iter().map(|happened| happened.kind).collect();
        assert_eq!(kinds, ["appeared", "accepted", "changed", "gone", "back"]);
    }

    #[test]
    fn only_what_changed_is_looked_at_again() {
        let mut world = World::new();
        let other = world.district.agent("11074", 2);
        world.agent.record(1, received(1));
        world.agent.record(2, received(2));
        world.district.send(&world.agent, 1, 2);
        assert_eq!(due(&world.district.store, world.now).expect("read"), ["11074", UNIT]);
        assert_eq!(world.recheck(), 2);
        assert_eq!(world.recheck(), 0, "nothing is due twice");
        let marks = world.district.store.marks(UNIT).expect("read");
        assert!(marks.iter().any(|marked| marked.mark.rule == motcua_shared::rule::MarkRule::OpenLate));
        let dossier = Uuid::from_u128(1);
        world.district.store.marks_put(UNIT, dossier, &[], None).expect("taken away by hand");
        world.agent.record(2, motcua_shared::dossier::Event::Voided(motcua_shared::dossier::Moment { at: noon() }));
        world.district.send(&world.agent, 3, 3);
        assert_eq!(due(&world.district.store, world.now).expect("read"), [UNIT]);
        assert_eq!(
            due_and_quiet(&world.district.store, world.now).expect("read"),
            Vec::<String>::new(),
            "it is sending just now"
        );
        world.recheck();
        assert!(world.district.store.marks(UNIT).expect("read").is_empty(), "the untouched dossier was not looked at");
        world.district.store.checks_forget(None).expect("forgotten");
        world.recheck();
        assert!(!world.district.store.marks(UNIT).expect("read").is_empty());
        assert_eq!(other.log.len(), 0);
        world.now = noon() + Days::new(1);
        assert_eq!(world.recheck(), 2, "a new day may make something late");
    }

    #[test]
    fn a_silent_office_and_what_is_held_back_are_found() {
        let mut world = World::new();
        world.send(r#"{"v":1,"seq":SEQ,"kind":"invented","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{}}"#);
        world.now = noon() + Days::new(8);
        world.recheck();
        let all = list(&world.district.store, Some(UNIT)).expect("read");
        let rules: Vec<&str> = all.iter().map(|one| one.finding.rule.as_str()).collect();
        assert_eq!(rules, ["quarantined", "stale_sync"]);
    }
}
