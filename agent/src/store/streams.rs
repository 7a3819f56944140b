//! The streams of this PC: the one that is written to, and those that were left because a disk was restored or cloned.
//!
//! Promise: a stream is left and its successor taken up in one transaction; what only a branch records is recorded again
//! in it, once, however often this is interrupted. Bytes of a branch are kept. Start at [`Store::stream_adopt`].

use std::collections::BTreeSet;

use motcua_shared::calendar::LocalTime;
use motcua_shared::contribution::Delta;
use motcua_shared::entry::{Hash, Head, Record, Seq};
use motcua_shared::sync::copies_due;
use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use super::{
    Pen, Result, Store, StoreError, begin, books, declared, dossier_put, entry_insert, figures, findings, fold, head, office,
    record, search,
};

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Made, and not written to yet: its certificate is asked for.
    Opening,
    Current,
    Left,
}

/// Our entries from `at` on are not those of the district's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    pub at: Seq,
    /// Up to here they lie aside at the district.
    pub kept: Option<Seq>,
}

/// One stream of this PC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnStream {
    pub id: Uuid,
    pub standing: Standing,
    /// Its successor is to be opened.
    pub leaving: bool,
    pub branch: Option<Branch>,
    /// The district may hold more of it than we.
    pub ask: bool,
}

impl Store {
    /// The streams of this PC, in the order in which they were opened.
    pub fn streams_own(&self) -> Result<Vec<OwnStream>> {
        let mut statement = self
            .connection
            .prepare_cached("select stream, standing, leaving, branch_at, branch_kept, ask from own_stream order by n")?;
        let own = statement.query_map([], |row| {
            let standing: String = row.get(1)?;
            let (at, kept): (Option<Seq>, Option<Seq>) = (row.get(3)?, row.get(4)?);
            Ok(OwnStream {
                id: row.get(0)?,
                standing: match standing.as_str() {
                    "opening" => Standing::Opening,
                    "current" => Standing::Current,
                    _ => Standing::Left,
                },
                leaving: row.get(2)?,
                branch: at.map(|at| Branch { at, kept }),
                ask: row.get(5)?,
            })
        })?;
        Ok(own.collect::<rusqlite::Result<_>>()?)
    }

    /// The stream that is written to.
    pub fn stream_current(&self) -> Result<OwnStream> {
        let current = self.streams_own()?.into_iter().find(|own| own.standing == Standing::Current);
        current.ok_or(StoreError::Database(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Notes that our entries of a stream from `at` on are a branch. Those of a left stream are set aside at once, and what
    /// only they record is recorded again.
    pub fn branch_keep(&mut self, stream: Uuid, branch: Branch, pen: &Pen) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        transaction.execute(
            "update own_stream set branch_at = ?2, branch_kept = ?3 where stream = ?1",
            params![stream, branch.at, branch.kept],
        )?;
        let current = office(&transaction)?.stream;
        if current != stream {
            set_aside(&transaction, stream, branch.at, current, pen)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Adds what the district holds of an own stream after our last entry, if that is still `from - 1`; says whether it
    /// was. The current stream is then being left: whoever wrote this may go on writing it.
    pub fn tail_keep(&mut self, stream: Uuid, from: Seq, tail: &[Record]) -> Result<bool> {
        let transaction = begin(&mut self.connection)?;
        if head(&transaction, stream)?.seq + 1 != from {
            return Ok(false);
        }
        adopt_records(&transaction, stream, tail)?;
        transaction.execute("update own_stream set leaving = 1 where stream = ?1 and standing = 'current'", [stream])?;
        transaction.commit()?;
        Ok(true)
    }

    /// Notes that a stream `id` is being opened, and gives the one that is: perhaps one that was noted before.
    pub fn stream_open(&mut self, id: Uuid, now: LocalTime) -> Result<Uuid> {
        let transaction = begin(&mut self.connection)?;
        let opening =
            transaction.query_row("select stream from own_stream where standing = 'opening'", [], |row| row.get(0)).optional()?;
        if let Some(opening) = opening {
            return Ok(opening);
        }
        transaction.execute(
            "insert into own_stream (stream, opened_at, standing) values (?1, ?2, 'opening')",
            params![id, now.to_rfc3339()],
        )?;
        transaction.commit()?;
        Ok(id)
    }

    /// Goes on in the stream that is being opened, with these daily numbers. Gives how many entries of the left one were
    /// recorded again. Does nothing when it was taken up before.
    pub fn stream_adopt(&mut self, opened: Uuid, numbers: (u32, u32), pen: &Pen) -> Result<usize> {
        let transaction = begin(&mut self.connection)?;
        let left = office(&transaction)?.stream;
        if left == opened {
            return Ok(0);
        }
        transaction.execute("update own_stream set standing = 'left', leaving = 0, ask = 1 where standing = 'current'", [])?;
        transaction.execute("update own_stream set standing = 'current' where stream = ?1", [opened])?;
        transaction.execute(
            "update office set stream = ?1, numbers_from = ?2, numbers_to = ?3",
            params![opened, numbers.0, numbers.1],
        )?;
        let branch: Option<Seq> =
            transaction.query_row("select branch_at from own_stream where stream = ?1", [left], |row| row.get(0))?;
        let copied = branch.map_or(Ok(0), |at| set_aside(&transaction, left, at, opened, pen))?;
        transaction.commit()?;
        Ok(copied)
    }

    /// Goes on in `stream` at once, before anybody certified it: this log came back from a backup.
    pub fn stream_begin(&mut self, stream: Uuid, numbers: (u32, u32), now: LocalTime) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        transaction.execute("update own_stream set standing = 'left', leaving = 0, ask = 1 where standing = 'current'", [])?;
        transaction.execute(
            "insert into own_stream (stream, opened_at, standing) values (?1, ?2, 'current')",
            params![stream, now.to_rfc3339()],
        )?;
        transaction.execute(
            "update office set stream = ?1, numbers_from = ?2, numbers_to = ?3",
            params![stream, numbers.0, numbers.1],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// The daily numbers that the district gave the current stream.
    pub fn numbers_keep(&mut self, numbers: (u32, u32)) -> Result<()> {
        self.connection.execute("update office set numbers_from = ?1, numbers_to = ?2", [numbers.0, numbers.1])?;
        Ok(())
    }

    /// Everything that the district holds of a left stream is here.
    pub fn stream_asked(&mut self, stream: Uuid) -> Result<()> {
        self.connection.execute("update own_stream set ask = 0 where stream = ?1", [stream])?;
        Ok(())
    }

    /// Keeps entries of another PC's stream of this office as they came, unchanged.
    pub fn entries_adopt(&mut self, stream: Uuid, records: &[Record]) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        adopt_records(&transaction, stream, records)?;
        transaction.commit()?;
        Ok(())
    }
}

/// Adds entries as they came, and brings the projection along.
fn adopt_records(transaction: &Transaction, stream: Uuid, records: &[Record]) -> Result<()> {
    let dossiers = records.iter().filter_map(super::dossier_of).collect();
    refolded(transaction, &dossiers, || {
        for record in records {
            entry_insert(transaction, stream, record, super::dossier_of(record))?;
        }
        Ok(())
    })?;
    office_refolded(transaction, records)
}

/// Brings the projection of what the office says along, where these entries touch it.
fn office_refolded(transaction: &Transaction, records: &[Record]) -> Result<()> {
    let touched = records.iter().any(|record| super::dossier_of(record).is_none());
    if touched { declared::refold(transaction) } else { Ok(()) }
}

/// Moves our entries of `left` from `at` on out of the log, and records again in `current` what nothing else records.
fn set_aside(transaction: &Transaction, left: Uuid, at: Seq, current: Uuid, pen: &Pen) -> Result<usize> {
    let branch = {
        let mut statement =
            transaction.prepare("select seq, hash, body, sealed from entry where stream = ?1 and seq >= ?2 order by seq")?;
        let rows = statement.query_map(params![left, at], record)?;
        rows.collect::<rusqlite::Result<Vec<Record>>>()?
    };
    let dossiers = branch.iter().filter_map(super::dossier_of).collect();
    let mut copied = 0;
    refolded(transaction, &dossiers, || {
        transaction.execute(
            "insert into aside (stream, seq, hash, body, sealed, dossier)
             select stream, seq, hash, body, sealed, dossier from entry where stream = ?1 and seq >= ?2
             on conflict do nothing",
            params![left, at],
        )?;
        transaction.execute("delete from entry where stream = ?1 and seq >= ?2", params![left, at])?;
        let due = copies_due(branch.iter().map(|record| (record.seq, record.origin())), at, &origins(transaction)?);
        let due: BTreeSet<Seq> = due.into_iter().collect();
        let mut head: Head = head(transaction, current)?;
        for original in branch.iter().filter(|original| due.contains(&original.seq)) {
            let copy = head.copy(current, original, left, pen.key, (pen.salt)());
            let copy = copy.map_err(|_| StoreError::Damaged(original.seq))?;
            head = copy.head();
            entry_insert(transaction, current, &copy, super::dossier_of(original))?;
        }
        copied = due.len();
        Ok(())
    })?;
    office_refolded(transaction, &branch)?;
    findings::forget(transaction)?;
    Ok(copied)
}

/// The origins of every fact that the log records.
fn origins(transaction: &Transaction) -> Result<BTreeSet<Hash>> {
    let mut statement = transaction.prepare("select seq, hash, body from entry")?;
    let rows = statement.query_map([], |row| {
        Ok(Record { seq: row.get(0)?, hash: Hash(row.get(1)?), body: row.get(2)?, sealed: Vec::new() }.origin())
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Runs `change` on the entries of these dossiers, and brings their projection along.
fn refolded(transaction: &Transaction, dossiers: &BTreeSet<Uuid>, change: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut delta = Delta::default();
    for id in dossiers {
        delta.retract(&fold(transaction, *id)?.0);
    }
    change()?;
    for id in dossiers {
        let (dossier, person) = fold(transaction, *id)?;
        delta.add(&dossier);
        dossier_put(transaction, &dossier, person)?;
        search::put_off(transaction, *id)?;
    }
    figures::rollup_add(transaction, &delta)?;
    books::assign_missing(transaction)
}
