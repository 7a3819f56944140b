//! Proof that nothing was changed: the chain is walked, the projection recomputed, and both compared with what is stored.
//!
//! Promise: reads only, except [`Store::rebuild`], which throws the projection away and makes it again from the log.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension as _;

use super::{
    COLUMNS, Delta, Dossier, Hash, Head, Result, Seq, Store, Transaction, Uuid, begin, books, declared, desk, dossier_put,
    figures, findings, fold, office, search,
};
use motcua_shared::contribution::{Cell, Counters, edition};
use motcua_shared::entry::Body;
use motcua_shared::seal::OfficeKey;
use motcua_shared::search::Blind;

/// What a check found sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub entries: u64,
    pub dossiers: u64,
}

/// The first thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("mục {seq} của nhật ký bị sửa hoặc hỏng (mã băm không khớp)")]
    Chain { seq: Seq },
    #[error("nhật ký thiếu mục {seq}")]
    Missing { seq: Seq },
    #[error("mục {seq} không đọc được")]
    Unreadable { seq: Seq },
    #[error("phần niêm phong của mục {seq} không mở được bằng khóa của đơn vị")]
    Sealed { seq: Seq },
    #[error("hồ sơ {0} trong sổ không khớp với nhật ký; hãy chạy: motcua-agent verify --rebuild")]
    Dossier(String),
    #[error("chỉ mục tìm kiếm không khớp với nhật ký; hãy chạy: motcua-agent verify --rebuild")]
    Search,
    #[error("số liệu ngày {day}, thủ tục {procedure} không khớp với nhật ký; hãy chạy: motcua-agent verify --rebuild")]
    Rollup { procedure: String, day: String },
    #[error("{0} của đơn vị không khớp với nhật ký; hãy chạy: motcua-agent verify --rebuild")]
    Office(String),
}

impl Store {
    /// Walks the chain and recomputes the projection. The inner error is the first damage, in the order of the log.
    pub fn verify(&mut self, key: &OfficeKey) -> Result<std::result::Result<Proof, Damage>> {
        let transaction = begin(&mut self.connection)?;
        let entries = match walk_chain(&transaction, key)? {
            Ok(entries) => entries,
            Err(damage) => return Ok(Err(damage)),
        };
        if let Some(what) = declared::difference(&transaction)? {
            return Ok(Err(Damage::Office(what)));
        }
        Ok(compare_projection(&transaction, key)?.map(|dossiers| Proof { entries, dossiers }))
    }

    /// Makes the projection again from the log.
    pub fn rebuild(&mut self) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        transaction.execute_batch(
            "delete from dossier; delete from rollup; delete from certification; delete from desk; delete from stay;",
        )?;
        let mut delta = Delta::default();
        for id in dossier_ids(&transaction)? {
            let (dossier, person) = fold(&transaction, id)?;
            delta.add(&dossier);
            dossier_put(&transaction, &dossier, person)?;
        }
        figures::rollup_add(&transaction, &delta)?;
        declared::refold(&transaction)?;
        findings::forget(&transaction)?;
        transaction.execute("insert or replace into figures (id, edition) values (1, ?1)", [edition()])?;
        books::assign_missing(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// After an upgrade: counters that an older program counted otherwise are computed anew.
    pub(super) fn recount(&mut self) -> Result<()> {
        let sql = "select edition from figures";
        let counted: Option<String> = self.connection.query_row(sql, [], |row| row.get(0)).optional()?;
        if counted.as_deref() == Some(&edition()) { Ok(()) } else { self.rebuild() }
    }
}

fn walk_chain(transaction: &Transaction, key: &OfficeKey) -> Result<std::result::Result<u64, Damage>> {
    let mine = office(transaction)?.stream;
    let mut statement = transaction.prepare("select stream, seq, hash, body, sealed, dossier from entry order by stream, seq")?;
    let mut rows = statement.query([])?;
    let mut at: Option<(Uuid, Head)> = None;
    let mut entries = 0;
    while let Some(row) = rows.next()? {
        let stream: Uuid = row.get(0)?;
        let (seq, hash, body, sealed): (Seq, [u8; 32], String, Vec<u8>) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        let head = at.filter(|(current, _)| *current == stream).map_or_else(|| Head::genesis(stream), |(_, head)| head);
        if seq != head.seq + 1 {
            return Ok(Err(Damage::Missing { seq: head.seq + 1 }));
        }
        let record = head.chain(body, sealed);
        if record.hash != Hash(hash) {
            return Ok(Err(Damage::Chain { seq }));
        }
        let dossier: Option<Uuid> = row.get(5)?;
        if !Body::parse(seq, &record.body).is_ok_and(|body| body.dossier == dossier) {
            return Ok(Err(Damage::Unreadable { seq }));
        }
        if stream == mine && !record.sealed.is_empty() && key.open(stream, seq, &record.body, &record.sealed).is_err() {
            return Ok(Err(Damage::Sealed { seq }));
        }
        at = Some((stream, record.head()));
        entries += 1;
    }
    Ok(Ok(entries))
}

fn dossier_ids(transaction: &Transaction) -> Result<BTreeSet<Uuid>> {
    let mut statement = transaction.prepare("select distinct dossier from entry where dossier is not null")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn compare_projection(transaction: &Transaction, key: &OfficeKey) -> Result<std::result::Result<u64, Damage>> {
    let mut expected = Delta::default();
    let (blind, mut terms) = (Blind::of(key), search::Sum::default());
    let mut statement =
        transaction.prepare("select code, state, due_at, finished_at, returned_at, verdict from dossier where id = ?1")?;
    let ids = dossier_ids(transaction)?;
    for id in &ids {
        let (dossier, person) = fold(transaction, *id)?;
        expected.add(&dossier);
        let person = person.map_or(Ok(None), |n| search::person_at(transaction, n, key))?;
        terms.expect(&blind, &dossier, person.as_ref());
        let stored = statement.query_row([id], |row| (0..6).map(|column| row.get(column)).collect());
        if stored.ok() != Some(projected(&dossier)) || desk::stored(transaction, *id)? != Some(desk::projected(&dossier)) {
            return Ok(Err(Damage::Dossier(dossier.code().to_owned())));
        }
    }
    let stored: u64 = transaction.query_row("select count(*) from dossier", [], |row| row.get(0))?;
    if stored != ids.len() as u64 {
        return Ok(Err(Damage::Dossier("thừa trong sổ".to_owned())));
    }
    if search::Sum::stored(transaction)?.is_some_and(|stored| stored != terms) {
        return Ok(Err(Damage::Search));
    }
    compare_rollup(transaction, expected).map(|same| same.map(|()| stored))
}

/// The columns that are compared, as stored.
fn projected(dossier: &Dossier) -> Vec<Option<String>> {
    use motcua_shared::dossier::Code;
    vec![
        Some(dossier.code().to_owned()),
        Some(dossier.state().code().to_owned()),
        dossier.due_at.map(|at| at.to_rfc3339()),
        dossier.finished.map(|finished| finished.at.to_rfc3339()),
        dossier.returned_at.map(|at| at.to_rfc3339()),
        dossier.verdict().map(|verdict| verdict.as_str().to_owned()),
    ]
}

fn compare_rollup(transaction: &Transaction, mut expected: Delta) -> Result<std::result::Result<(), Damage>> {
    let mut statement = transaction.prepare(&format!("select field, procedure, day, {} from rollup", COLUMNS.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (field, procedure, day): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let stored = figures::counters(row, 3)?;
        let computed = match day.parse() {
            Ok(day) => expected.0.remove(&Cell { field, procedure: procedure.clone(), day }).unwrap_or_default(),
            Err(_) => Counters::default(),
        };
        if computed != stored {
            return Ok(Err(Damage::Rollup { procedure, day }));
        }
    }
    let missing = expected.changes().next();
    Ok(missing.map_or(Ok(()), |(cell, _)| Err(Damage::Rollup { procedure: cell.procedure.clone(), day: cell.day.to_string() })))
}
