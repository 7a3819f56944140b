//! Codes and certificates, in `SQLite`.

use std::collections::BTreeMap;

use motcua_shared::calendar::LocalTime;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::{Sql, SqliteStore, parsed, parsed_option, time};
use crate::store::StoreError;
use crate::store::machines::{Certified, GivenCode, Machines};

/// How a code is called: the beginning of the hash of its secret.
const HANDLE: &str = "substr(lower(hex(secret_hash)), 1, 16)";

fn given_code(row: &Row) -> Sql<GivenCode> {
    let stream: Option<[u8; 16]> = row.get(6)?;
    Ok(GivenCode {
        handle: row.get(0)?,
        unit: row.get(1)?,
        created_at: parsed(row, 2)?,
        created_by: row.get(3)?,
        expires_at: parsed(row, 4)?,
        used_at: parsed_option(row, 5)?,
        stream: stream.map(Uuid::from_bytes),
        cancelled_at: parsed_option(row, 7)?,
    })
}

impl Machines for SqliteStore {
    fn codes(&self, limit: u32) -> Result<Vec<GivenCode>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select {HANDLE}, unit, created_at, created_by, expires_at, used_at, stream, cancelled_at from enrolment
             order by created_at desc limit ?1"
        ))?;
        Ok(statement.query_map([limit], given_code)?.collect::<Sql<_>>()?)
    }

    fn code_given(&mut self, secret_hash: [u8; 32], by: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("update enrolment set created_by = ?2 where secret_hash = ?1")?
            .execute(params![secret_hash, by])?;
        Ok(())
    }

    fn code_cancel(&mut self, handle: &str, at: LocalTime) -> Result<Option<String>, StoreError> {
        let sql = format!(
            "update enrolment set cancelled_at = ?2, expires_at = ?2
             where {HANDLE} = ?1 and used_at is null and expires_at > ?2 returning unit"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(params![handle, time(at)], |row| row.get(0)).optional()?)
    }

    fn certified(&self) -> Result<BTreeMap<Uuid, Certified>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select stream, issued_at, expires_at, revoked_at, coalesce(revoked_by, ''), coalesce(revoked_reason, '')
             from certificate order by issued_at",
        )?;
        let certified = statement.query_map([], |row| {
            let certified = Certified {
                issued_at: parsed(row, 1)?,
                expires_at: parsed(row, 2)?,
                revoked_at: parsed_option(row, 3)?,
                revoked_by: row.get(4)?,
                reason: row.get(5)?,
            };
            Ok((Uuid::from_bytes(row.get(0)?), certified))
        })?;
        Ok(certified.collect::<Sql<_>>()?)
    }

    fn revocation_note(&mut self, at: LocalTime, by: &str, reason: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "update certificate set revoked_by = ?2, revoked_reason = ?3 where revoked_at = ?1 and revoked_by is null",
            )?
            .execute(params![time(at), by, reason])?;
        Ok(())
    }
}
