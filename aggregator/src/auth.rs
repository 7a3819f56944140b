//! People and programs that look: accounts, passwords, sessions, bearer tokens.
//!
//! Promise: no password and no token is kept, only hashes; guessing is slow, soon stops, and does not tell which names
//! exist; every change stands in the audit log in the same transaction, and somebody always manages the accounts. The policy
//! is [`motcua_shared::access`]. Start at [`candidate`] and [`log_in`].

use chrono::{Days, NaiveDate};
use motcua_shared::access::node::{Right, Rights, Role};
use motcua_shared::access::{self, AccessFault, TRIES, Tries};
use motcua_shared::calendar::{LocalTime, local_day};
use tracing::{info, warn};

pub use motcua_shared::access::token_hash;

use crate::audit::{self, Act, By};
use crate::authority::chance;
use crate::store::people::{Token, User};
use crate::store::{Store, StoreError, in_transaction};

/// Why nobody was let in, or an account not changed, in words for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Tên đăng nhập hoặc mật khẩu không đúng.")]
    Wrong,
    #[error("Đã nhập sai mật khẩu {TRIES} lần. Tên này tạm khóa đến {}.", .0.format("%H:%M"))]
    Locked(LocalTime),
    #[error("Tài khoản này đã ngừng sử dụng. Hãy hỏi người quản trị của huyện.")]
    Disabled,
    #[error(transparent)]
    Fault(#[from] AccessFault),
    #[error("Tên “{0}” dành cho chương trình, không đặt cho người được.")]
    Reserved(String),
    #[error("Đã có tài khoản “{0}”.")]
    Taken(String),
    #[error("Không có tài khoản “{0}”.")]
    NoUser(String),
    #[error("Phải còn ít nhất một người quản trị đang làm việc. Hãy giao quyền quản trị cho người khác trước.")]
    LastAdmin,
    #[error("Lãnh đạo xã phải thuộc một đơn vị: hãy chọn đơn vị.")]
    NoUnit,
    #[error("Không có đơn vị mang mã “{0}” trong danh mục đơn vị.")]
    UnknownUnit(String),
    #[error("Không có mã truy cập “{0}” nào còn hiệu lực.")]
    NoToken(String),
    #[error("Không có phần “{}”; chọn trong: {}.", .0, readable())]
    Scope(String),
}

/// What a scope may name.
fn readable() -> String {
    Right::READING.map(Right::code).join(", ")
}

/// Names under which programs stand in the audit log.
const RESERVED: [&str; 2] = ["command-line", "token"];

/// A secret that a browser or a program shows at every request.
pub fn new_token() -> String {
    access::new_token(chance())
}

/// A password that nobody chose.
pub fn new_password() -> String {
    access::new_password(chance())
}

/// Somebody's account, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub role: Role,
    /// Code of the commune of a leader, as people write it; of nobody else.
    pub unit: Option<String>,
}

/// Checks a chosen password and gives what is kept of it: slow on purpose.
pub fn kept_password(name: &str, password: &str) -> Result<String, AuthError> {
    access::password_check(name, password)?;
    Ok(access::password_hash(password, chance()))
}

/// Checks name and password of an account and hashes the password: slow on purpose.
pub fn new_account(name: &str, password: &str) -> Result<String, AuthError> {
    access::name_check(name)?;
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(AuthError::Reserved(name.to_owned()));
    }
    kept_password(name, password)
}

/// The key of the commune that a role belongs to.
fn unit_of(store: &dyn Store, role: Role, unit: Option<&str>, day: NaiveDate) -> Result<Option<String>, AuthError> {
    if !role.is_of_a_unit() {
        return Ok(None);
    }
    let asked = unit.filter(|unit| !unit.is_empty()).ok_or(AuthError::NoUnit)?;
    known_unit(store, asked, day).map(Some)
}

/// The key of a unit that the table knows.
fn known_unit(store: &dyn Store, asked: &str, day: NaiveDate) -> Result<String, AuthError> {
    let organisation = store.organisation()?;
    let key = organisation.resolve(asked, day);
    if organisation.unit(&key).is_some() { Ok(key) } else { Err(AuthError::UnknownUnit(asked.to_owned())) }
}

/// A password as [`new_account`] or [`kept_password`] gave it, and whether its owner has to choose another one.
pub struct Secret {
    pub kept: String,
    pub must_change: bool,
}

/// Adds somebody. `again`: where the name is taken, the account gets this role and password instead, and its sessions and its
/// rest end.
pub fn user_add(store: &mut dyn Store, account: &Account, secret: Secret, again: bool, by: &By) -> Result<(), AuthError> {
    in_transaction(store, |store| {
        let before = store.user_find(&account.name)?;
        if before.is_some() && !again {
            return Err(AuthError::Taken(account.name.clone()));
        }
        let user = User {
            name: before.as_ref().map_or_else(|| account.name.clone(), |before| before.name.clone()),
            role: account.role,
            unit: unit_of(store, account.role, account.unit.as_deref(), local_day(by.at))?,
            password: secret.kept,
            must_change: secret.must_change,
            disabled_at: None,
            created_at: before.as_ref().map_or(by.at, |before| before.created_at),
        };
        store.user_keep(&user)?;
        store.sessions_end(&user.name)?;
        store.tries_keep(&user.name, Tries::default(), by.at)?;
        somebody_manages(store, before.as_ref())?;
        let act = if before.is_some() { Act::PasswordReset } else { Act::AccountAdded };
        audit::note_of(store, by, act, (&user.name, user.unit.as_deref().unwrap_or_default()), user.role.words())?;
        info!(user = user.name, role = user.role.code(), "account saved");
        Ok(())
    })
}

/// Whether a change of somebody who managed the accounts leaves one who does.
fn somebody_manages(store: &dyn Store, before: Option<&User>) -> Result<(), AuthError> {
    let manages = |user: &User| user.role == Role::Admin && user.disabled_at.is_none();
    if before.is_some_and(manages) && !store.users()?.iter().any(manages) {
        return Err(AuthError::LastAdmin);
    }
    Ok(())
}

/// Changes an account and ends its sessions; says what was done.
fn user_change(
    store: &mut dyn Store,
    name: &str,
    by: &By,
    change: impl FnOnce(&dyn Store, &mut User) -> Result<(Act, String), AuthError>,
) -> Result<(), AuthError> {
    in_transaction(store, |store| {
        let before = store.user_find(name)?.ok_or_else(|| AuthError::NoUser(name.to_owned()))?;
        let mut user = before.clone();
        let (act, detail) = change(store, &mut user)?;
        store.user_keep(&user)?;
        store.sessions_end(&user.name)?;
        somebody_manages(store, Some(&before))?;
        Ok(audit::note_of(store, by, act, (&user.name, user.unit.as_deref().unwrap_or_default()), &detail)?)
    })
}

pub fn user_role(store: &mut dyn Store, account: &Account, by: &By) -> Result<(), AuthError> {
    user_change(store, &account.name, by, |store, user| {
        let unit = unit_of(store, account.role, account.unit.as_deref(), local_day(by.at))?;
        let detail = format!("{} → {}", user.role.words(), account.role.words());
        (user.role, user.unit) = (account.role, unit);
        Ok((Act::RoleChanged, detail))
    })
}

/// Closes an account, or opens it again. What it did stays in the audit log under its name.
pub fn user_disable(store: &mut dyn Store, name: &str, disabled: bool, by: &By) -> Result<(), AuthError> {
    user_change(store, name, by, |_, user| {
        user.disabled_at = disabled.then_some(by.at);
        Ok((if disabled { Act::AccountDisabled } else { Act::AccountEnabled }, String::new()))
    })?;
    Ok(store.tries_keep(name, Tries::default(), by.at)?)
}

/// Gives an account another password, and ends its sessions and its rest.
pub fn user_password(store: &mut dyn Store, name: &str, secret: Secret, by: &By) -> Result<(), AuthError> {
    user_change(store, name, by, |_, user| {
        let own = by.who == user.name;
        (user.password, user.must_change) = (secret.kept, secret.must_change);
        Ok((if own { Act::PasswordChanged } else { Act::PasswordReset }, String::new()))
    })?;
    Ok(store.tries_keep(name, Tries::default(), by.at)?)
}

/// Who wants to get in, before the password is looked at.
pub struct Candidate {
    name: String,
    user: Option<User>,
}

/// Who is meant by a name, unless it rests. The slow part, [`password_holds`], comes between this and [`log_in`].
pub fn candidate(store: &dyn Store, name: &str, now: LocalTime) -> Result<Candidate, AuthError> {
    if let Some(until) = store.tries_find(name)?.locked(now) {
        return Err(AuthError::Locked(until));
    }
    Ok(Candidate { user: store.user_find(name)?, name: name.to_owned() })
}

/// Whether it is the password of the candidate; slow on purpose, also for nobody.
pub fn password_holds(candidate: &Candidate, password: &str) -> bool {
    access::password_holds(candidate.user.as_ref().map(|user| user.password.as_str()), password)
}

/// Who the candidate is, when the password holds; counts a wrong try. `by.who` is not looked at: nobody is in yet.
pub fn verified(store: &mut dyn Store, tried: &Candidate, holds: bool, by: &By) -> Result<User, AuthError> {
    // Read anew: others may have tried while the password was hashed.
    let again = candidate(store, &tried.name, by.at)?;
    let same = |user: &User| tried.user.as_ref().is_some_and(|tried| tried.password == user.password);
    let known = store.tries_find(&tried.name)?;
    let who = By { who: tried.user.as_ref().map_or_else(String::new, |user| user.name.clone()), ..by.clone() };
    let Some(user) = again.user.filter(|user| holds && same(user)) else {
        let fault = wrong_try(store, &tried.name, known, by.at)?;
        let detail = match fault {
            AuthError::Locked(until) => format!("tạm khóa đến {}", until.format("%H:%M")),
            _ if who.who.is_empty() => "không có tên này".to_owned(),
            _ => "sai mật khẩu".to_owned(),
        };
        audit::note(store, &who, Act::LogInFailed, &who.who, &detail)?;
        return Err(fault);
    };
    if user.disabled_at.is_some() {
        audit::note(store, &who, Act::LogInFailed, &who.who, "tài khoản đã ngừng")?;
        return Err(AuthError::Disabled);
    }
    if known != Tries::default() {
        store.tries_keep(&tried.name, Tries::default(), by.at)?;
    }
    Ok(user)
}

fn wrong_try(store: &mut dyn Store, name: &str, tries: Tries, now: LocalTime) -> Result<AuthError, StoreError> {
    // A name that nobody can have fills no table.
    if access::name_check(name).is_err() {
        return Ok(AuthError::Wrong);
    }
    let tries = tries.after_wrong(now);
    warn!(failed = tries.failed, "log-in refused");
    store.tries_keep(name, tries, now)?;
    Ok(tries.locked_until.map_or(AuthError::Wrong, AuthError::Locked))
}

/// Opens a session for somebody whose password was checked, or counts a wrong try. Gives the session's token.
pub fn log_in(store: &mut dyn Store, candidate: &Candidate, holds: bool, by: &By) -> Result<String, AuthError> {
    let user = verified(store, candidate, holds, by)?;
    let who = By { who: user.name.clone(), role: user.role.code().to_owned(), ..by.clone() };
    let token = in_transaction(store, |store| -> Result<_, StoreError> {
        let unit = user.unit.as_deref().unwrap_or_default();
        audit::note_of(store, &who, Act::LogIn, (&user.name, unit), "")?;
        session_open(store, &user.name, by.at)
    })?;
    info!(user = user.name, role = user.role.code(), "somebody logged in");
    Ok(token)
}

/// Opens a session and gives its token.
pub fn session_open(store: &mut dyn Store, name: &str, now: LocalTime) -> Result<String, StoreError> {
    let token = new_token();
    store.session_add(token_hash(&token), name, now)?;
    Ok(token)
}

/// A token as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    pub name: String,
    /// What it may read, as [`Rights::scope`] reads it; empty: everything but the audit log.
    pub scope: String,
    /// Code of the one commune of which it may read; `None`: of all.
    pub unit: Option<String>,
    /// How long it is good; `None`: until it is taken back.
    pub days: Option<u16>,
}

/// Gives a program a token, and tells it once; one of the same name counts no more.
pub fn token_create(store: &mut dyn Store, asked: &NewToken, by: &By) -> Result<(String, Token), AuthError> {
    access::name_check(&asked.name)?;
    let rights = Rights::scope(&asked.scope).map_err(AuthError::Scope)?;
    let secret = new_token();
    let token = in_transaction(store, |store| {
        let day = local_day(by.at);
        let unit = asked.unit.as_deref().filter(|unit| !unit.is_empty());
        let token = Token {
            name: asked.name.clone(),
            rights,
            unit: unit.map(|unit| known_unit(store, unit, day)).transpose()?,
            created_at: by.at,
            created_by: by.who.clone(),
            expires_at: asked.days.and_then(|days| by.at.checked_add_days(Days::new(days.into()))),
            revoked_at: None,
        };
        store.token_keep(token_hash(&secret), &token)?;
        let until = token.expires_at.map_or_else(String::new, |end| format!(", đến {}", end.format("%d/%m/%Y")));
        let detail = format!("{rights}{until}");
        audit::note_of(store, by, Act::TokenCreated, (&token.name, token.unit.as_deref().unwrap_or_default()), &detail)?;
        Ok::<_, AuthError>(token)
    })?;
    Ok((secret, token))
}

/// Takes a program's token back.
pub fn token_revoke(store: &mut dyn Store, name: &str, by: &By) -> Result<(), AuthError> {
    in_transaction(store, |store| {
        if !store.token_revoke(name, by.at)? {
            return Err(AuthError::NoToken(name.to_owned()));
        }
        Ok(audit::note(store, by, Act::TokenRevoked, name, "")?)
    })
}

#[cfg(test)]
pub mod tests {
    use chrono::Duration;
    use motcua_shared::access::{IDLE_MINUTES, REST_MINUTES, SESSION_HOURS};
    use motcua_shared::reference::Snapshot;

    use super::*;
    use crate::ingest::tests::{District, noon};
    use crate::store::People;
    use crate::store::people::AuditQuery;

    pub const PASSWORD: &str = "mật khẩu đủ dài";

    /// Adds somebody who has chosen a password already.
    pub fn account(store: &mut dyn Store, name: &str, role: Role, unit: Option<&str>) -> Result<(), AuthError> {
        let by = By::command_line(noon());
        let secret = Secret { kept: new_account(name, PASSWORD)?, must_change: false };
        let account = Account { name: name.to_owned(), role, unit: unit.map(str::to_owned) };
        user_add(store, &account, secret, false, &by)
    }

    fn district() -> District {
        let mut district = District::new();
        district.store.units_replace(&Snapshot::starter().units).expect("units");
        account(&mut district.store, "quan.tri", Role::Admin, None).expect("added");
        account(&mut district.store, "hoa", Role::Officer, None).expect("added");
        district
    }

    fn at(minutes: i64) -> By {
        By { who: String::new(), role: String::new(), address: "192.0.2.7".to_owned(), at: noon() + Duration::minutes(minutes) }
    }

    fn attempt(store: &mut dyn Store, name: &str, password: &str, by: &By) -> Result<String, AuthError> {
        let candidate = candidate(store, name, by.at)?;
        let holds = password_holds(&candidate, password);
        log_in(store, &candidate, holds, by)
    }

    fn whose(store: &dyn Store, token: &str, minutes: i64) -> Option<(String, Role)> {
        let found = store.session_find(token_hash(token), at(minutes).at).expect("read");
        found.map(|(user, _)| (user.name, user.role))
    }

    #[test]
    fn a_right_password_opens_a_session_that_ends() {
        let store = &mut district().store;
        let token = attempt(store, "HOA", PASSWORD, &at(0)).expect("let in");
        assert_eq!(whose(store, &token, 30), Some(("hoa".to_owned(), Role::Officer)));
        assert_eq!(whose(store, &token, IDLE_MINUTES), None, "nothing was done for so long");
        let hash = token_hash(&token);
        for used in 1..24 {
            store.session_use(hash, at(30 * used).at).expect("noted");
        }
        assert!(whose(store, &token, SESSION_HOURS * 60 - 1).is_some());
        assert_eq!(whose(store, &token, SESSION_HOURS * 60), None);
        store.session_end(hash).expect("ended");
        assert_eq!(whose(store, &token, 30), None);
    }

    #[test]
    fn five_wrong_tries_lock_a_name_for_a_while_whether_somebody_has_it_or_not() {
        for name in ["hoa", "nobody"] {
            let store = &mut district().store;
            for _ in 1..TRIES {
                assert!(matches!(attempt(store, name, "sai", &at(0)), Err(AuthError::Wrong)), "{name}");
            }
            assert!(matches!(attempt(store, name, "sai", &at(0)), Err(AuthError::Locked(_))), "{name}");
            assert!(matches!(attempt(store, name, PASSWORD, &at(0)), Err(AuthError::Locked(_))), "{name}");
            assert_eq!(attempt(store, name, PASSWORD, &at(REST_MINUTES)).is_ok(), name == "hoa");
        }
    }

    #[test]
    fn a_disabled_account_loses_its_sessions_and_can_be_opened_again() {
        let store = &mut district().store;
        let token = attempt(store, "hoa", PASSWORD, &at(0)).expect("let in");
        user_disable(store, "hoa", true, &at(0)).expect("disabled");
        assert_eq!(whose(store, &token, 0), None);
        assert!(matches!(attempt(store, "hoa", PASSWORD, &at(0)), Err(AuthError::Disabled)));
        assert!(matches!(attempt(store, "hoa", "sai", &at(0)), Err(AuthError::Wrong)), "a stranger learns nothing");
        user_disable(store, "hoa", false, &at(0)).expect("enabled");
        assert!(attempt(store, "hoa", PASSWORD, &at(0)).is_ok());
    }

    #[test]
    fn somebody_always_manages_the_accounts() {
        let store = &mut district().store;
        let role = |name: &str, role| Account { name: name.to_owned(), role, unit: None };
        assert!(matches!(user_disable(store, "quan.tri", true, &at(0)), Err(AuthError::LastAdmin)));
        assert!(matches!(user_role(store, &role("quan.tri", Role::Viewer), &at(0)), Err(AuthError::LastAdmin)));
        assert_eq!(store.user_find("quan.tri").expect("read").expect("there").role, Role::Admin, "nothing was changed");
        user_role(store, &role("hoa", Role::Admin), &at(0)).expect("changed");
        user_disable(store, "quan.tri", true, &at(0)).expect("another one manages");
        assert!(matches!(user_role(store, &role("nobody", Role::Viewer), &at(0)), Err(AuthError::NoUser(_))));
    }

    #[test]
    fn a_leader_has_one_commune_and_nobody_else_has_any() {
        let store = &mut district().store;
        assert!(matches!(account(store, "binh", Role::Leader, None), Err(AuthError::NoUnit)));
        assert!(matches!(account(store, "binh", Role::Leader, Some("99999")), Err(AuthError::UnknownUnit(_))));
        account(store, "binh", Role::Leader, Some("11089")).expect("added");
        assert_eq!(store.user_find("binh").expect("read").expect("there").unit.as_deref(), Some("11089"));
        account(store, "lan", Role::Viewer, Some("11089")).expect("added");
        assert_eq!(store.user_find("lan").expect("read").expect("there").unit, None);
    }

    #[test]
    fn names_are_nobodys_twice_and_only_hashes_are_kept() {
        let store = &mut district().store;
        assert!(matches!(account(store, "Hoa", Role::Viewer, None), Err(AuthError::Taken(_))));
        assert!(matches!(account(store, "Command-Line", Role::Viewer, None), Err(AuthError::Reserved(_))));
        assert!(matches!(account(store, "a b", Role::Viewer, None), Err(AuthError::Fault(AccessFault::Name))));
        assert!(matches!(new_account("lan", "ngắn"), Err(AuthError::Fault(AccessFault::Short))));
        let kept = store.user_find("hoa").expect("read").expect("there").password;
        assert!(kept.starts_with("$argon2id$"), "{kept}");
    }

    #[test]
    fn a_token_reads_what_it_was_made_for_until_it_ends_or_is_taken_back() {
        let store = &mut district().store;
        let asked = NewToken { name: "bao-cao".to_owned(), scope: "figures".to_owned(), unit: None, days: Some(30) };
        let (secret, _) = token_create(store, &asked, &at(0)).expect("made");
        let found = |store: &dyn Store, secret: &str| store.token_find(token_hash(secret)).expect("read");
        let token = found(store, &secret).expect("there");
        assert!(token.rights.holds(Right::Figures) && !token.rights.holds(Right::Dossiers));
        assert!(token.is_good(at(30 * 24 * 60 - 1).at) && !token.is_good(at(30 * 24 * 60).at));
        let (again, _) = token_create(store, &NewToken { days: None, ..asked.clone() }, &at(1)).expect("made");
        assert_eq!(found(store, &secret), None, "one of the same name counts no more");
        token_revoke(store, "bao-cao", &at(2)).expect("taken back");
        assert!(!found(store, &again).expect("it is listed all the same").is_good(at(2).at));
        assert!(matches!(token_revoke(store, "bao-cao", &at(3)), Err(AuthError::NoToken(_))));
        let wrong = NewToken { scope: "people".to_owned(), ..asked };
        assert!(matches!(token_create(store, &wrong, &at(0)), Err(AuthError::Scope(word)) if word == "people"));
    }

    #[test]
    fn every_change_and_every_try_is_written_down_and_no_name_that_nobody_has() {
        let store = &mut district().store;
        attempt(store, "mật khẩu của tôi", "hoa", &at(0)).expect_err("refused");
        attempt(store, "hoa", "sai", &at(0)).expect_err("refused");
        attempt(store, "hoa", PASSWORD, &at(0)).expect("let in");
        let lines = store.audit_list(&AuditQuery::default(), 4).expect("read");
        let told: Vec<(&str, &str, &str)> =
            lines.iter().map(|line| (line.act.as_str(), line.who.as_str(), line.detail.as_str())).collect();
        assert_eq!(
            told,
            [
                ("log-in", "hoa", ""),
                ("log-in-failed", "hoa", "sai mật khẩu"),
                ("log-in-failed", "", "không có tên này"),
                ("account-added", "command-line", "cán bộ"),
            ]
        );
    }
}
