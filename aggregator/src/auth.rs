//! People and programs that look: passwords, sessions, bearer tokens.
//!
//! Promise: no password and no token is kept, only hashes; guessing is slow and soon stops. The policy is
//! [`motcua_shared::access`]. Start at [`log_in`].

use chrono::Duration;
use motcua_shared::access::{self, AccessFault, SESSION_HOURS, TRIES, Tries};
use motcua_shared::calendar::LocalTime;
use tracing::{info, warn};

pub use motcua_shared::access::token_hash;

use crate::authority::chance;
use crate::store::{Role, Store, StoreError, User};

/// Why nobody was let in, in words for the person at the door.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Tên đăng nhập hoặc mật khẩu không đúng.")]
    Wrong,
    #[error("Đã nhập sai mật khẩu {TRIES} lần. Tài khoản tạm khóa đến {}.", .0.format("%H:%M"))]
    Locked(LocalTime),
    #[error(transparent)]
    Fault(#[from] AccessFault),
}

/// A secret that a browser or a program shows at every request.
pub fn new_token() -> String {
    access::new_token(chance())
}

/// A password that nobody chose.
pub fn new_password() -> String {
    access::new_password(chance())
}

/// Adds somebody, or gives them a new password and role.
pub fn user_add(store: &mut dyn Store, name: &str, role: Role, password: &str, now: LocalTime) -> Result<(), AuthError> {
    access::name_check(name)?;
    access::password_check(name, password)?;
    let password = access::password_hash(password, chance());
    let user = User { name: name.to_owned(), role, password, failed_tries: 0, locked_until: None };
    Ok(store.user_save(&user, now)?)
}

fn tries(user: &User) -> Tries {
    Tries { failed: user.failed_tries, locked_until: user.locked_until }
}

/// What the account allows now. The slow part, [`password_holds`], comes between this and [`log_in`].
pub fn candidate(store: &dyn Store, name: &str, now: LocalTime) -> Result<Option<User>, AuthError> {
    let user = store.user_find(name)?;
    match user.as_ref().and_then(|user| tries(user).locked(now)) {
        Some(until) => Err(AuthError::Locked(until)),
        None => Ok(user),
    }
}

/// Whether it is the password of the candidate; slow on purpose, also for nobody.
pub fn password_holds(candidate: Option<&User>, password: &str) -> bool {
    access::password_holds(candidate.map(|user| user.password.as_str()), password)
}

/// Opens a session for somebody whose password was checked, or counts a wrong try. Returns the session's token.
pub fn log_in(store: &mut dyn Store, candidate: Option<&User>, holds: bool, now: LocalTime) -> Result<String, AuthError> {
    let Some(user) = candidate else {
        warn!("log-in refused: no such account");
        return Err(AuthError::Wrong);
    };
    // Read anew: others may have tried while the password was hashed.
    let user = candidate_again(store, user, now)?;
    if !holds {
        return Err(wrong_try(store, &user, now)?);
    }
    store.user_tries(&user.name, 0, None)?;
    let token = new_token();
    store.session_add(token_hash(&token), &user.name, now, now + Duration::hours(SESSION_HOURS))?;
    info!(role = user.role.as_str(), "somebody logged in");
    Ok(token)
}

fn candidate_again(store: &dyn Store, user: &User, now: LocalTime) -> Result<User, AuthError> {
    let again = self::candidate(store, &user.name, now)?;
    again.filter(|again| again.password == user.password).ok_or(AuthError::Wrong)
}

fn wrong_try(store: &mut dyn Store, user: &User, now: LocalTime) -> Result<AuthError, StoreError> {
    let tries = tries(user).after_wrong(now);
    warn!(failed = tries.failed, "log-in refused: wrong password");
    store.user_tries(&user.name, tries.failed, tries.locked_until)?;
    Ok(tries.locked_until.map_or(AuthError::Wrong, AuthError::Locked))
}

#[cfg(test)]
mod tests {
    use motcua_shared::access::{IDLE_MINUTES, REST_MINUTES};

    use super::*;
    use crate::ingest::tests::{District, noon};

    fn attempt(store: &mut dyn Store, name: &str, password: &str, at: LocalTime) -> Result<String, AuthError> {
        let user = candidate(store, name, at)?;
        let holds = password_holds(user.as_ref(), password);
        log_in(store, user.as_ref(), holds, at)
    }

    #[test]
    fn a_right_password_opens_a_session_that_ends() {
        let store = &mut District::new().store;
        user_add(store, "hoa", Role::Officer, "mật khẩu đủ dài", noon()).expect("added");
        let token = attempt(store, "hoa", "mật khẩu đủ dài", noon()).expect("let in");
        let hash = token_hash(&token);
        let whose = |store: &dyn Store, minutes| {
            store.session_find(hash, noon() + Duration::minutes(minutes)).expect("read").map(|(name, role, _)| (name, role))
        };
        assert_eq!(whose(store, 30), Some(("hoa".to_owned(), Role::Officer)));
        assert_eq!(whose(store, IDLE_MINUTES), None, "nothing was done for so long");
        for used in 1..24 {
            store.session_use(hash, noon() + Duration::minutes(30 * used)).expect("noted");
        }
        assert!(whose(store, SESSION_HOURS * 60 - 1).is_some());
        assert_eq!(whose(store, SESSION_HOURS * 60), None);
        store.session_end(token_hash(&token)).expect("ended");
        assert_eq!(store.session_find(token_hash(&token), noon()).expect("read"), None);
    }

    #[test]
    fn five_wrong_tries_lock_an_account_for_a_while() {
        let store = &mut District::new().store;
        user_add(store, "hoa", Role::Viewer, "mật khẩu đủ dài", noon()).expect("added");
        for _ in 1..TRIES {
            assert!(matches!(attempt(store, "hoa", "sai", noon()), Err(AuthError::Wrong)));
        }
        assert!(matches!(attempt(store, "hoa", "sai", noon()), Err(AuthError::Locked(_))));
        assert!(matches!(attempt(store, "hoa", "mật khẩu đủ dài", noon()), Err(AuthError::Locked(_))));
        let later = noon() + Duration::minutes(REST_MINUTES);
        assert!(attempt(store, "hoa", "mật khẩu đủ dài", later).is_ok());
    }

    #[test]
    fn nobody_never_gets_in() {
        let store = &mut District::new().store;
        assert!(matches!(attempt(store, "nobody", "x", noon()), Err(AuthError::Wrong)));
    }

    #[test]
    fn names_and_passwords_are_checked_and_kept_as_hashes() {
        let store = &mut District::new().store;
        assert!(matches!(
            user_add(store, "a b", Role::Viewer, "mật khẩu đủ dài", noon()),
            Err(AuthError::Fault(AccessFault::Name))
        ));
        assert!(matches!(user_add(store, "hoa", Role::Viewer, "ngắn", noon()), Err(AuthError::Fault(AccessFault::Short))));
        user_add(store, "hoa", Role::Viewer, &new_password(), noon()).expect("added");
        let kept = store.user_find("hoa").expect("read").expect("there").password;
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        let token = new_token();
        store.token_add(token_hash(&token), "script", noon()).expect("added");
        assert_eq!(store.token_find(token_hash(&token)).expect("read").as_deref(), Some("script"));
        assert_eq!(store.token_find(token_hash("other")).expect("read"), None);
    }
}
