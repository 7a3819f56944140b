//! What must hold after every step of the simulation (DESIGN §10), and what must hold when the faults have stopped.
//!
//! Promise: nothing here is asked of the code under test: the truth is kept beside it, in [`Truth`].
//! Start at [`check`] and [`settled`].

use std::collections::{BTreeMap, BTreeSet};

use motcua_shared::entry::Head;
use uuid::Uuid;

use super::agent::{Agent, Signing};
use super::aggregator::{Aggregator, Disk, Projection, Request};

/// A broken promise: which one, and how it shows.
pub type Violation = (&'static str, String);

/// What really happened, as only the simulator knows.
#[derive(Debug, Default)]
pub struct Truth {
    /// Facts of which the screen of each PC said that they are saved, and whose disk was not replaced since.
    pub shown: BTreeMap<usize, BTreeSet<u64>>,
    /// Entries that reached the aggregator with a good chain, in this life of its database.
    pub reached: BTreeSet<(Uuid, u64, [u8; 32])>,
    /// Which life of the aggregator's database runs.
    pub life: u64,
    /// Every receipt that was ever signed.
    pub signed: BTreeMap<Vec<u8>, Signing>,
}

/// The whole world, or the part that the last step touched.
pub struct Touched<'a> {
    pub agents: Vec<&'a Agent>,
    pub aggregator: bool,
}

/// I1 to I8, after every step.
pub fn check(agents: &[Agent], aggregator: &Aggregator, truth: &Truth, touched: &Touched) -> Result<(), Violation> {
    for agent in &touched.agents {
        saved_is_in_the_log(agent, truth)?;
        no_fact_twice_on_a_disk(agent)?;
    }
    if touched.aggregator {
        applied_once(&aggregator.disk)?;
        figures_are_a_recomputation(aggregator)?;
        nothing_is_dropped(&aggregator.disk, truth)?;
    }
    for agent in agents {
        what_shows_as_stored_is_stored(agent, &aggregator.disk, truth)?;
    }
    Ok(())
}

fn saved_is_in_the_log(agent: &Agent, truth: &Truth) -> Result<(), Violation> {
    let Some(shown) = truth.shown.get(&agent.name) else { return Ok(()) };
    let facts = agent.disk.facts();
    match shown.iter().find(|fact| !facts.contains(fact)) {
        Some(fact) => Err(("I1", format!("pc {} showed fact {fact} as saved; its log has it no more", agent.name))),
        None => Ok(()),
    }
}

fn no_fact_twice_on_a_disk(agent: &Agent) -> Result<(), Violation> {
    match agent.disk.origins().into_iter().find(|(_, count)| *count > 1) {
        Some((origin, count)) => Err(("I3", format!("pc {} recorded {origin} {count} times", agent.name))),
        None => Ok(()),
    }
}

fn what_shows_as_stored_is_stored(agent: &Agent, held: &Disk, truth: &Truth) -> Result<(), Violation> {
    for stream in &agent.disk.streams {
        let shown = stream.shown_stored();
        let fresh = stream.receipt.as_ref().is_some_and(|kept| kept.life == truth.life);
        let mine = stream.head_at(shown);
        if fresh && mine.is_none_or(|mine| held.held(stream.id, mine.seq) != Some(mine.hash)) {
            return Err((
                "I2",
                format!("pc {} shows {shown} of {} as stored; the district has other rows", agent.name, stream.id),
            ));
        }
        let kept = stream.branch.as_ref().filter(|branch| branch.life == truth.life).and_then(|branch| branch.kept);
        let branch = kept.and_then(|kept| stream.head_at(kept));
        if branch.is_some_and(|head| !held.holds(stream.id, head)) {
            return Err(("I2", format!("pc {} was told that its branch of {} lies aside; it does not", agent.name, stream.id)));
        }
    }
    Ok(())
}

fn applied_once(disk: &Disk) -> Result<(), Violation> {
    for (stream, (_, rows)) in &disk.streams {
        if let Some((_, row)) = (1..).zip(rows).find(|(seq, row)| row.seq() != *seq) {
            return Err(("I3", format!("{stream}: there is a gap before entry {}", row.seq())));
        }
    }
    let rows: usize = disk.streams.values().map(|(_, rows)| rows.len()).sum();
    let places: BTreeSet<_> = disk.log.iter().map(|arrived| (arrived.stream, arrived.entry.seq())).collect();
    if disk.log.len() != rows || places.len() != rows {
        return Err(("I3", format!("{} places, {} arrivals, {rows} rows", places.len(), disk.log.len())));
    }
    let mut seen = BTreeSet::new();
    match disk.projection.dossiers.values().flatten().find(|fact| !seen.insert(**fact)) {
        Some(fact) => Err(("I3", format!("fact {fact} counts twice"))),
        None => Ok(()),
    }
}

fn figures_are_a_recomputation(aggregator: &Aggregator) -> Result<(), Violation> {
    let Disk { log, projection, .. } = &aggregator.disk;
    if *projection != Projection::recount(log, aggregator.upgraded) {
        return Err(("I5", "the figures are not what the entries say".to_owned()));
    }
    let (stored, quarantined) = (log.len() as u64, projection.quarantined.len() as u64);
    if stored != projection.applied + quarantined {
        return Err(("I5", format!("{stored} stored, {} applied, {quarantined} quarantined", projection.applied)));
    }
    Ok(())
}

fn nothing_is_dropped(disk: &Disk, truth: &Truth) -> Result<(), Violation> {
    let lost = truth
        .reached
        .iter()
        .find(|(stream, seq, hash)| !disk.holds(*stream, Head { seq: *seq, hash: motcua_shared::entry::Hash(*hash) }));
    match lost {
        Some((stream, seq, _)) => Err(("I8", format!("entry {seq} of {stream} reached the district and is gone"))),
        None => Ok(()),
    }
}

/// The stored bytes are those that were chained and sent, to the last one.
pub fn chains_are_whole(disk: &Disk) -> Result<(), Violation> {
    for (stream, (_, rows)) in &disk.streams {
        let mut head = Head::genesis(*stream);
        for row in rows {
            head = head.chain(row.record.body.clone(), row.record.sealed.clone()).head();
            if head != row.record.head() {
                return Err(("I3", format!("{stream}: the chain breaks at entry {}", row.seq())));
            }
        }
    }
    Ok(())
}

/// I7 for a receipt at the moment of signing: what it says is on the disk now.
pub fn signed_is_durable(disk: &Disk, stream: Uuid, stored: Head) -> Result<(), Violation> {
    if disk.head(stream) == stored {
        return Ok(());
    }
    Err(("I7", format!("a receipt for {} of {stream} was signed; {} is on the disk", stored.seq, disk.head(stream).seq)))
}

/// I7 for a receipt at the moment of keeping: it answers the question, and was not signed before it was asked.
pub fn kept_is_an_answer(truth: &Truth, agent: usize, bytes: &[u8], asked_at: u64) -> Result<(), Violation> {
    match truth.signed.get(bytes) {
        None => Err(("I7", format!("pc {agent} kept a receipt that the district never signed"))),
        Some(signing) if signing.step < asked_at => Err(("I7", format!("pc {agent} kept a receipt from before its question"))),
        Some(_) => Ok(()),
    }
}

/// I8 for one upload: with a good chain it is stored whole, or refused whole and for a reason. Returns what is held now.
pub fn upload_is_kept(request: &Request, before: usize, refused: bool, aggregator: &Aggregator) -> Result<Vec<Head>, Violation> {
    let disk = &aggregator.disk;
    if refused {
        let reason = aggregator.disk_full || !request.intact || request.heads.is_empty();
        let changed = count(disk) != before;
        return match (reason, changed) {
            (_, true) => Err(("I8", "an upload was refused and partly stored".to_owned())),
            (false, _) => Err(("I8", "a sound upload was refused without reason".to_owned())),
            (true, false) => Ok(Vec::new()),
        };
    }
    let Some((previous, sent)) = request.heads.split_first().filter(|_| request.intact) else { return Ok(Vec::new()) };
    if !disk.holds(request.source.stream, *previous) {
        return Ok(Vec::new());
    }
    match sent.iter().find(|head| !disk.holds(request.source.stream, **head)) {
        Some(head) => Err(("I8", format!("entry {} of {} was sent, answered and not stored", head.seq, request.source.stream))),
        None => Ok(sent.to_vec()),
    }
}

/// How many entries are held.
pub fn count(disk: &Disk) -> usize {
    disk.log.len() + disk.aside.values().map(BTreeMap::len).sum::<usize>()
}

/// Whether nothing is left to do: every entry has a receipt of this life, every branch was recorded again.
pub fn settled(agents: &[Agent], truth: &Truth) -> Result<(), String> {
    for agent in agents {
        let name = agent.name;
        if !agent.up || agent.decision_pending || agent.is_busy() {
            return Err(format!("pc {name} is busy"));
        }
        for (index, stream) in agent.disk.streams.iter().enumerate() {
            let current = index + 1 == agent.disk.streams.len();
            if agent.disk.needs_session(index) || (current && (stream.branch.is_some() || stream.leaving)) {
                return Err(format!(
                    "pc {name}: {} is stored through {} of {}",
                    stream.id,
                    stream.shown_stored(),
                    stream.head().seq
                ));
            }
            if stream.receipt.as_ref().is_none_or(|kept| kept.life != truth.life) {
                return Err(format!("pc {name}: {} did not hear of the restore", stream.id));
            }
        }
        if !agent.disk.copies_due(false).is_empty() {
            return Err(format!("pc {name} has a branch to record again"));
        }
    }
    Ok(())
}

/// I6: every fact on a disk counts, once.
pub fn every_fact_counts(agents: &[Agent], aggregator: &Aggregator) -> Result<(), Violation> {
    let mut counted: BTreeMap<(usize, u64), u32> = BTreeMap::new();
    for ((office, _), facts) in &aggregator.disk.projection.dossiers {
        for fact in facts {
            *counted.entry((*office, *fact)).or_default() += 1;
        }
    }
    for agent in agents {
        for fact in agent.disk.facts() {
            let count = counted.get(&(agent.office, fact)).copied().unwrap_or_default();
            if count != 1 {
                return Err(("I6", format!("fact {fact} is on the disk of pc {} and counts {count} times", agent.name)));
            }
        }
    }
    Ok(())
}
