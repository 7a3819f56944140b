//! People and programs, in `SQLite`.

use chrono::{Duration, NaiveDate};
use motcua_shared::access::node::{Rights, Role};
use motcua_shared::access::{SESSION_HOURS, Session, Tries};
use motcua_shared::calendar::LocalTime;
use rusqlite::{OptionalExtension, Row, params};

use super::{Sql, SqliteStore, parsed, parsed_option, time, unreadable};
use crate::store::StoreError;
use crate::store::people::{AuditLine, AuditQuery, People, Token, User};

/// Names with wrong passwords that are remembered at once; the oldest are forgotten first.
const REMEMBERED: u32 = 1_000;
const USER: &str = "select name, role, unit, password, must_change, disabled_at, created_at from user";
const TOKEN: &str = "select name, scope, unit, created_at, created_by, expires_at, revoked_at from api_token";

fn user(row: &Row) -> Sql<User> {
    let role: String = row.get(1)?;
    Ok(User {
        name: row.get(0)?,
        role: Role::from_code(&role).ok_or_else(|| unreadable(1, std::fmt::Error))?,
        unit: row.get(2)?,
        password: row.get(3)?,
        must_change: row.get(4)?,
        disabled_at: parsed_option(row, 5)?,
        created_at: parsed(row, 6)?,
    })
}

fn token(row: &Row) -> Sql<Token> {
    let scope: Option<String> = row.get(1)?;
    Ok(Token {
        name: row.get(0)?,
        rights: Rights::scope(scope.as_deref().unwrap_or_default()).map_err(|_| unreadable(1, std::fmt::Error))?,
        unit: row.get(2)?,
        created_at: parsed(row, 3)?,
        created_by: row.get(4)?,
        expires_at: parsed_option(row, 5)?,
        revoked_at: parsed_option(row, 6)?,
    })
}

fn audit_line(row: &Row) -> Sql<AuditLine> {
    Ok(AuditLine {
        n: row.get(0)?,
        at: parsed(row, 1)?,
        who: row.get(2)?,
        role: row.get(3)?,
        address: row.get(4)?,
        act: row.get(5)?,
        subject: row.get(6)?,
        unit: row.get(7)?,
        detail: row.get(8)?,
        status: row.get(9)?,
    })
}

/// The first moment of a day, as text orders times.
fn begins(day: NaiveDate) -> String {
    format!("{day}T00:00:00.000+07:00")
}

impl People for SqliteStore {
    fn user_find(&self, name: &str) -> Result<Option<User>, StoreError> {
        let sql = format!("{USER} where name = ?1 collate nocase order by name = ?1 desc limit 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([name], user).optional()?)
    }

    fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{USER} order by name collate nocase"))?;
        Ok(statement.query_map([], user)?.collect::<Sql<_>>()?)
    }

    fn user_keep(&mut self, user: &User) -> Result<(), StoreError> {
        let User { name, role, unit, password, must_change, disabled_at, created_at } = user;
        self.connection
            .prepare_cached(
                "insert into user (name, role, unit, password, must_change, disabled_at, created_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 on conflict (name) do update set role = excluded.role, unit = excluded.unit, password = excluded.password,
                    must_change = excluded.must_change, disabled_at = excluded.disabled_at",
            )?
            .execute(params![name, role.code(), unit, password, must_change, disabled_at.map(time), time(*created_at)])?;
        Ok(())
    }

    fn tries_find(&self, name: &str) -> Result<Tries, StoreError> {
        let mut statement = self.connection.prepare_cached("select failed, locked_until from wrong_try where name = ?1")?;
        let found = statement.query_row([name], |row| Ok(Tries { failed: row.get(0)?, locked_until: parsed_option(row, 1)? }));
        Ok(found.optional()?.unwrap_or_default())
    }

    fn tries_keep(&mut self, name: &str, tries: Tries, at: LocalTime) -> Result<(), StoreError> {
        if tries == Tries::default() {
            self.connection.prepare_cached("delete from wrong_try where name = ?1")?.execute([name])?;
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "insert into wrong_try (name, failed, locked_until, at) values (?1, ?2, ?3, ?4)
                 on conflict (name) do update set failed = excluded.failed, locked_until = excluded.locked_until,
                    at = excluded.at",
            )?
            .execute(params![name, tries.failed, tries.locked_until.map(time), time(at)])?;
        self.connection
            .prepare_cached(
                "delete from wrong_try where name in (select name from wrong_try order by at desc limit -1 offset ?1)",
            )?
            .execute([REMEMBERED])?;
        Ok(())
    }

    fn session_add(&mut self, hash: [u8; 32], user: &str, at: LocalTime) -> Result<(), StoreError> {
        let oldest = at - Duration::hours(SESSION_HOURS);
        self.connection.prepare_cached("delete from session where opened_at <= ?1")?.execute([time(oldest)])?;
        self.connection
            .prepare_cached("insert into session (hash, user, opened_at, used_at) values (?1, ?2, ?3, ?3)")?
            .execute(params![hash, user, time(at)])?;
        Ok(())
    }

    fn session_find(&self, hash: [u8; 32], now: LocalTime) -> Result<Option<(User, Session)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select u.name, u.role, u.unit, u.password, u.must_change, u.disabled_at, u.created_at, s.opened_at, s.used_at
             from session s join user u on u.name = s.user where s.hash = ?1 and u.disabled_at is null",
        )?;
        let found =
            statement.query_row([hash], |row| Ok((user(row)?, Session { opened_at: parsed(row, 7)?, used_at: parsed(row, 8)? })));
        Ok(found.optional()?.filter(|(_, session)| session.is_open(now)))
    }

    fn session_use(&mut self, hash: [u8; 32], at: LocalTime) -> Result<(), StoreError> {
        self.connection.prepare_cached("update session set used_at = ?2 where hash = ?1")?.execute(params![hash, time(at)])?;
        Ok(())
    }

    fn session_end(&mut self, hash: [u8; 32]) -> Result<(), StoreError> {
        self.connection.prepare_cached("delete from session where hash = ?1")?.execute([hash])?;
        Ok(())
    }

    fn sessions_end(&mut self, user: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("delete from session where user = ?1")?.execute([user])?;
        Ok(())
    }

    fn token_keep(&mut self, hash: [u8; 32], token: &Token) -> Result<(), StoreError> {
        let Token { name, rights, unit, created_at, created_by, expires_at, revoked_at } = token;
        self.connection
            .prepare_cached(
                "insert into api_token (hash, name, scope, unit, created_at, created_by, expires_at, revoked_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 on conflict (name) do update set hash = excluded.hash, scope = excluded.scope, unit = excluded.unit,
                    created_at = excluded.created_at, created_by = excluded.created_by, expires_at = excluded.expires_at,
                    revoked_at = excluded.revoked_at",
            )?
            .execute(params![
                hash,
                name,
                rights.to_string(),
                unit,
                time(*created_at),
                created_by,
                expires_at.map(time),
                revoked_at.map(time)
            ])?;
        Ok(())
    }

    fn token_find(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{TOKEN} where hash = ?1"))?;
        Ok(statement.query_row([hash], token).optional()?)
    }

    fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{TOKEN} order by name"))?;
        Ok(statement.query_map([], token)?.collect::<Sql<_>>()?)
    }

    fn token_revoke(&mut self, name: &str, at: LocalTime) -> Result<bool, StoreError> {
        let revoked = self
            .connection
            .prepare_cached("update api_token set revoked_at = ?2 where name = ?1 and revoked_at is null")?
            .execute(params![name, time(at)])?;
        Ok(revoked > 0)
    }

    fn audit_add(&mut self, lines: &[AuditLine]) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "insert into audit (at, who, role, address, act, subject, unit, detail, status)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for line in lines {
            let AuditLine { at, who, role, address, act, subject, unit, detail, status, .. } = line;
            insert.execute(params![time(*at), who, role, address, act, subject, unit, detail, status])?;
        }
        Ok(())
    }

    fn audit_list(&self, query: &AuditQuery, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        let AuditQuery { who, act, unit, from, to, before } = query;
        let mut sql = "select n, at, who, role, address, act, subject, unit, detail, status from audit
            where n < ?1 and at >= ?2 and at < ?3"
            .to_owned();
        for (word, condition) in
            [(who, " and who = ?4"), (act, " and act = ?5"), (unit, " and (unit = ?6 or unit like ?6 || '@%')")]
        {
            sql += if word.is_empty() { "" } else { condition };
        }
        sql += " order by n desc limit ?7";
        let mut statement = self.connection.prepare_cached(&sql)?;
        let from = from.map_or_else(String::new, begins);
        let to = to.and_then(|day| day.succ_opt()).map_or_else(|| "9".to_owned(), begins);
        let lines = statement.query_map(params![before.unwrap_or(i64::MAX), from, to, who, act, unit, limit], audit_line)?;
        Ok(lines.collect::<Sql<_>>()?)
    }
}
