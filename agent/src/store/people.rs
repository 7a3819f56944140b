//! Accounts of this PC: users, their sessions, tokens of programs, and what was done to them.
//!
//! Promise: every change of an account stands in `user_act` in the same transaction; there is always an account that
//! manages the others, once there is one. Start at [`Store::user_add`] and [`Store::session_find`].

use motcua_shared::access::{Role, Session, Tries};
use motcua_shared::calendar::LocalTime;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::{Result, Store};

/// Somebody who works on this PC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub role: Role,
    /// argon2id, PHC string.
    pub password: String,
    /// Somebody else chose the password.
    pub must_change: bool,
    pub disabled_at: Option<String>,
    pub created_at: String,
}

/// What is done to an account, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    pub author: &'a str,
    pub now: LocalTime,
}

/// One line of what was done to accounts.
#[derive(Debug, Clone)]
pub struct UserAct {
    pub at: String,
    pub author: String,
    pub act: String,
    pub name: String,
    pub detail: String,
}

/// What became of a change to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// Nobody has this name.
    NoUser,
    /// Somebody has this name already.
    Taken,
    /// There are accounts already, and this one was to be the first.
    NotFirst,
    /// Nobody would be left who manages accounts.
    LastAdmin,
}

/// Names with wrong passwords that are remembered at once; the oldest are forgotten first.
const REMEMBERED: u32 = 1_000;

const USER: &str = "select name, role, password, must_change, disabled_at, created_at from user";

fn user(row: &Row) -> rusqlite::Result<User> {
    Ok(User {
        name: row.get(0)?,
        role: role(row, 1)?,
        password: row.get(2)?,
        must_change: row.get(3)?,
        disabled_at: row.get(4)?,
        created_at: row.get(5)?,
    })
}

fn time(row: &Row, column: usize) -> rusqlite::Result<LocalTime> {
    let text: String = row.get(column)?;
    LocalTime::parse_from_rfc3339(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
}

fn role(row: &Row, column: usize) -> rusqlite::Result<Role> {
    let code: String = row.get(column)?;
    Role::from_code(&code)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, code.into()))
}

fn act_keep(transaction: &Transaction, act: Act, what: &str, name: &str, detail: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("insert into user_act (at, author, act, name, detail) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![act.now.to_rfc3339(), act.author, what, name, detail])?;
    Ok(())
}

fn admins(transaction: &Transaction) -> rusqlite::Result<i64> {
    transaction.query_row("select count(*) from user where role = 'admin' and disabled_at is null", [], |row| row.get(0))
}

impl Store {
    /// Whether there is any account, disabled ones too.
    pub fn user_any(&self) -> Result<bool> {
        Ok(self.connection.prepare_cached("select exists (select 1 from user)")?.query_row([], |row| row.get(0))?)
    }

    pub fn user_find(&self, name: &str) -> Result<Option<User>> {
        let mut statement = self.connection.prepare_cached(&format!("{USER} where name = ?1"))?;
        Ok(statement.query_row([name], user).optional()?)
    }

    /// Everybody, by name.
    pub fn user_list(&self) -> Result<Vec<User>> {
        let mut statement = self.connection.prepare_cached(&format!("{USER} order by name"))?;
        Ok(statement.query_map([], user)?.collect::<rusqlite::Result<_>>()?)
    }

    /// What was done to accounts, newest first.
    pub fn user_acts(&self, limit: u32) -> Result<Vec<UserAct>> {
        let mut statement =
            self.connection.prepare_cached("select at, author, act, name, detail from user_act order by n desc limit ?1")?;
        let acts = statement.query_map([limit], |row| {
            Ok(UserAct { at: row.get(0)?, author: row.get(1)?, act: row.get(2)?, name: row.get(3)?, detail: row.get(4)? })
        })?;
        Ok(acts.collect::<rusqlite::Result<_>>()?)
    }

    /// Adds an account; `first`: only if there is none yet.
    pub fn user_add(&mut self, user: &User, first: bool, act: Act) -> Result<Changed> {
        self.user_change(|transaction| {
            let any: bool = transaction.query_row("select exists (select 1 from user)", [], |row| row.get(0))?;
            if first && any {
                return Ok(Changed::NotFirst);
            }
            let added = transaction.execute(
                "insert into user (name, role, password, must_change, created_at) values (?1, ?2, ?3, ?4, ?5)
                 on conflict do nothing",
                params![user.name, user.role.code(), user.password, user.must_change, user.created_at],
            )?;
            if added == 0 {
                return Ok(Changed::Taken);
            }
            act_keep(transaction, act, "add", &user.name, user.role.code())?;
            Ok(Changed::Done)
        })
    }

    /// Gives an account another password and ends its sessions and its rest.
    pub fn user_password(&mut self, name: &str, password: &str, must_change: bool, act: Act) -> Result<Changed> {
        self.user_change(|transaction| {
            let changed = transaction.execute(
                "update user set password = ?2, must_change = ?3 where name = ?1",
                params![name, password, must_change],
            )?;
            if changed == 0 {
                return Ok(Changed::NoUser);
            }
            transaction.execute("delete from session where user = ?1", [name])?;
            transaction.execute("delete from wrong_try where name = ?1", [name])?;
            act_keep(transaction, act, "password", name, "")?;
            Ok(Changed::Done)
        })
    }

    pub fn user_role(&mut self, name: &str, role: Role, act: Act) -> Result<Changed> {
        self.user_change(|transaction| {
            let before = admins(transaction)?;
            if transaction.execute("update user set role = ?2 where name = ?1", params![name, role.code()])? == 0 {
                return Ok(Changed::NoUser);
            }
            if before > 0 && admins(transaction)? == 0 {
                return Ok(Changed::LastAdmin);
            }
            act_keep(transaction, act, "role", name, role.code())?;
            Ok(Changed::Done)
        })
    }

    /// Closes an account and ends its sessions, or opens it again. What it did stays in the log under its name.
    pub fn user_disable(&mut self, name: &str, disabled: bool, act: Act) -> Result<Changed> {
        self.user_change(|transaction| {
            let at = disabled.then(|| act.now.to_rfc3339());
            let before = admins(transaction)?;
            if transaction.execute("update user set disabled_at = ?2 where name = ?1", params![name, at])? == 0 {
                return Ok(Changed::NoUser);
            }
            if before > 0 && admins(transaction)? == 0 {
                return Ok(Changed::LastAdmin);
            }
            transaction.execute("delete from session where user = ?1", [name])?;
            transaction.execute("delete from wrong_try where name = ?1", [name])?;
            act_keep(transaction, act, if disabled { "disable" } else { "enable" }, name, "")?;
            Ok(Changed::Done)
        })
    }

    /// One transaction that is kept only if the change was done.
    fn user_change(&mut self, change: impl FnOnce(&Transaction) -> rusqlite::Result<Changed>) -> Result<Changed> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = change(&transaction)?;
        if changed == Changed::Done {
            transaction.commit()?;
        }
        Ok(changed)
    }

    /// Who recorded what on this PC since `since`: author, kind of entry, and when. Oldest first.
    pub fn recorded_by(&self, since: LocalTime) -> Result<Vec<(String, String, LocalTime)>> {
        let stream = self.office()?.stream;
        let mut at = self.connection.prepare_cached(
            "select json_extract(body, '$.recorded_at') from entry where stream = ?1 and seq >= ?2 order by seq limit 1",
        )?;
        // A stream is written in the order of time: halving finds where the days begin.
        let (mut from, mut to) = (1, self.head_of(stream)?.seq + 1);
        while from < to {
            let middle = from + (to - from) / 2;
            let recorded = at.query_row(params![stream, middle], |row| time(row, 0))?;
            if recorded < since { from = middle + 1 } else { to = middle }
        }
        let mut statement = self.connection.prepare_cached(
            "select json_extract(body, '$.author'), json_extract(body, '$.kind'), json_extract(body, '$.recorded_at')
             from entry where stream = ?1 and seq >= ?2 order by seq",
        )?;
        let recorded = statement.query_map(params![stream, from], |row| Ok((row.get(0)?, row.get(1)?, time(row, 2)?)))?;
        Ok(recorded.collect::<rusqlite::Result<_>>()?)
    }

    pub fn tries_find(&self, name: &str) -> Result<Tries> {
        let mut statement = self.connection.prepare_cached("select failed, locked_until from wrong_try where name = ?1")?;
        let found = statement.query_row([name], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))).optional()?;
        let Some((failed, locked_until)) = found else { return Ok(Tries::default()) };
        Ok(Tries { failed, locked_until: locked_until.and_then(|at| LocalTime::parse_from_rfc3339(&at).ok()) })
    }

    /// Remembers wrong passwords under a name, or, without any, forgets them.
    pub fn tries_keep(&mut self, name: &str, tries: Tries, now: LocalTime) -> Result<()> {
        if tries == Tries::default() {
            self.connection.prepare_cached("delete from wrong_try where name = ?1")?.execute([name])?;
            return Ok(());
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "insert into wrong_try (name, failed, locked_until, at) values (?1, ?2, ?3, ?4)
             on conflict (name) do update set failed = excluded.failed, locked_until = excluded.locked_until, at = excluded.at",
            params![name, tries.failed, tries.locked_until.map(|until| until.to_rfc3339()), now.to_rfc3339()],
        )?;
        transaction.execute(
            "delete from wrong_try where name in (select name from wrong_try order by at desc limit -1 offset ?1)",
            [REMEMBERED],
        )?;
        Ok(transaction.commit()?)
    }

    /// Opens a session, and clears away those that nobody can use any more.
    pub fn session_add(&mut self, hash: [u8; 32], name: &str, now: LocalTime) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sessions: Vec<([u8; 32], Session)> = transaction
            .prepare_cached("select hash, opened_at, used_at from session")?
            .query_map([], |row| Ok((row.get(0)?, session(row, 1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (ended, _) in sessions.iter().filter(|(_, session)| !session.is_open(now)) {
            transaction.execute("delete from session where hash = ?1", [ended])?;
        }
        transaction.execute(
            "insert into session (hash, user, opened_at, used_at) values (?1, ?2, ?3, ?3)",
            params![hash, name, now.to_rfc3339()],
        )?;
        Ok(transaction.commit()?)
    }

    /// Whose session this is, if it still counts; `used` notes that it was used, so that it goes on.
    pub fn session_find(&mut self, hash: [u8; 32], now: LocalTime, used: bool) -> Result<Option<User>> {
        let mut statement = self.connection.prepare_cached(
            "select u.name, u.role, u.password, u.must_change, u.disabled_at, u.created_at, s.opened_at, s.used_at
             from session s join user u on u.name = s.user where s.hash = ?1 and u.disabled_at is null",
        )?;
        let found = statement.query_row([hash], |row| Ok((user(row)?, session(row, 6)?))).optional()?;
        let Some((found, session)) = found.filter(|(_, session)| session.is_open(now)) else { return Ok(None) };
        drop(statement);
        if used && session.is_to_be_noted(now) {
            self.connection
                .prepare_cached("update session set used_at = ?2 where hash = ?1")?
                .execute(params![hash, now.to_rfc3339()])?;
        }
        Ok(Some(found))
    }

    pub fn session_end(&mut self, hash: [u8; 32]) -> Result<()> {
        self.connection.prepare_cached("delete from session where hash = ?1")?.execute([hash])?;
        Ok(())
    }

    /// Gives a program a token; one of the same name is replaced.
    pub fn token_add(&mut self, name: &str, hash: [u8; 32], role: Role, act: Act) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "insert into api_token (name, hash, role, created_at) values (?1, ?2, ?3, ?4)
             on conflict (name) do update set hash = excluded.hash, role = excluded.role, created_at = excluded.created_at",
            params![name, hash, role.code(), act.now.to_rfc3339()],
        )?;
        act_keep(&transaction, act, "token", name, role.code())?;
        Ok(transaction.commit()?)
    }

    /// Takes a program's token away; `false`: none has this name.
    pub fn token_end(&mut self, name: &str, act: Act) -> Result<bool> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ended = transaction.execute("delete from api_token where name = ?1", [name])? > 0;
        if ended {
            act_keep(&transaction, act, "token-end", name, "")?;
        }
        transaction.commit()?;
        Ok(ended)
    }

    /// Name and role of the program that has this token.
    pub fn token_find(&self, hash: [u8; 32]) -> Result<Option<(String, Role)>> {
        let mut statement = self.connection.prepare_cached("select name, role from api_token where hash = ?1")?;
        Ok(statement.query_row([hash], |row| Ok((row.get(0)?, role(row, 1)?))).optional()?)
    }
}

fn session(row: &Row, column: usize) -> rusqlite::Result<Session> {
    Ok(Session { opened_at: time(row, column)?, used_at: time(row, column + 1)? })
}
