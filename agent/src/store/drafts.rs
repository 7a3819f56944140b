//! What a user keeps here beside the log: forms that are being typed, and searches that are wanted again.
//!
//! Promise: durable when the call returns, locked under the office's key, and gone only when saved or thrown away. A form
//! that was received is never offered again. Start at [`Store::half_typed_keep`].

use motcua_shared::calendar::LocalTime;
use motcua_shared::seal::OfficeKey;
use rusqlite::params;
use uuid::Uuid;

use super::{Result, Store, begin};

/// A form that somebody was typing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfTyped {
    pub id: Uuid,
    /// The browser in which it was typed; empty: not known.
    pub pc: String,
    pub saved_at: String,
    /// As it was given to be kept.
    pub form: Vec<u8>,
}

/// Who types, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typist {
    pub owner: String,
    pub pc: String,
}

/// A search that is wanted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    pub n: i64,
    /// It belongs to everybody here.
    pub shared: bool,
    /// As it was given to be kept.
    pub content: Vec<u8>,
}

const SEARCH: &str = "motcua saved search v1";

fn purpose(id: Uuid) -> String {
    format!("motcua half-typed form v1 {id}")
}

impl Store {
    /// Keeps a form as it is now. Says whether it did: one that was received meanwhile is not kept any more.
    pub fn half_typed_keep(
        &mut self,
        id: Uuid,
        typist: &Typist,
        form: &[u8],
        now: LocalTime,
        (key, nonce): (&OfficeKey, [u8; 24]),
    ) -> Result<bool> {
        let transaction = begin(&mut self.connection)?;
        if transaction.prepare_cached("select 1 from dossier where id = ?1")?.exists([id])? {
            return Ok(false);
        }
        let locked = key.lock(&purpose(id), form, nonce);
        let kept = transaction.execute(
            "insert into half_typed (id, owner, pc, saved_at, locked) values (?1, ?2, ?3, ?4, ?5)
             on conflict do update set pc = ?3, saved_at = ?4, locked = ?5 where owner = ?2",
            params![id, typist.owner, typist.pc, now.to_rfc3339(), locked],
        )?;
        transaction.commit()?;
        Ok(kept > 0)
    }

    /// The forms that `owner` was typing, the newest first. What another key locked is left out.
    pub fn half_typed(&self, owner: &str, key: &OfficeKey) -> Result<Vec<HalfTyped>> {
        let mut statement = self.connection.prepare_cached(
            "select id, pc, saved_at, locked from half_typed
             where owner = ?1 and not exists (select 1 from dossier where dossier.id = half_typed.id) order by saved_at desc, id",
        )?;
        let rows = statement.query_map([owner], |row| {
            let (id, pc, saved_at, locked): (Uuid, _, _, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(key.unlock(&purpose(id), &locked).ok().map(|form| HalfTyped { id, pc, saved_at, form }))
        })?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Throws a form away.
    pub fn half_typed_drop(&mut self, id: Uuid, owner: &str) -> Result<()> {
        self.connection.execute("delete from half_typed where id = ?1 and owner = ?2", params![id, owner])?;
        Ok(())
    }

    /// Keeps a search for `owner`, or for the whole office.
    pub fn saved_search_keep(
        &mut self,
        owner: Option<&str>,
        content: &[u8],
        now: LocalTime,
        (key, nonce): (&OfficeKey, [u8; 24]),
    ) -> Result<()> {
        self.connection.execute(
            "insert into saved_search (owner, saved_at, locked) values (?1, ?2, ?3)",
            params![owner, now.to_rfc3339(), key.lock(SEARCH, content, nonce)],
        )?;
        Ok(())
    }

    /// The searches that `owner` may use, in the order in which they were kept.
    pub fn saved_searches(&self, owner: &str, key: &OfficeKey) -> Result<Vec<SavedSearch>> {
        let mut statement = self
            .connection
            .prepare_cached("select n, owner is null, locked from saved_search where owner is null or owner = ?1 order by n")?;
        let rows = statement.query_map([owner], |row| {
            let locked: Vec<u8> = row.get(2)?;
            let (n, shared) = (row.get(0)?, row.get(1)?);
            Ok(key.unlock(SEARCH, &locked).ok().map(|content| SavedSearch { n, shared, content }))
        })?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Forgets a search of `owner`'s, or of the office.
    pub fn saved_search_drop(&mut self, n: i64, owner: &str) -> Result<()> {
        self.connection.execute("delete from saved_search where n = ?1 and (owner is null or owner = ?2)", params![n, owner])?;
        Ok(())
    }
}
