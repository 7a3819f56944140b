//! People and programs that look: passwords, sessions, bearer tokens.
//!
//! Promise: no password and no token is kept, only hashes; guessing is slow and soon stops. Start at [`log_in`].

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use chrono::Duration;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use motcua_shared::calendar::LocalTime;
use tracing::{info, warn};

use crate::authority::chance;
use crate::store::{Role, Store, StoreError, User};

/// How long somebody stays logged in.
pub const SESSION_HOURS: i64 = 12;
/// Wrong passwords in a row, after which an account rests.
const TRIES: u32 = 5;
const REST_MINUTES: i64 = 15;
const SHORTEST_PASSWORD: usize = 10;

/// Why nobody was let in, in words for the person at the door.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Tên đăng nhập hoặc mật khẩu không đúng.")]
    Wrong,
    #[error("Đã nhập sai mật khẩu {TRIES} lần. Tài khoản tạm khóa đến {}.", .0.format("%H:%M"))]
    Locked(LocalTime),
    #[error("Mật khẩu phải có ít nhất {SHORTEST_PASSWORD} ký tự.")]
    Short,
    #[error("Tên đăng nhập chỉ gồm chữ cái không dấu, chữ số, dấu chấm, gạch ngang, gạch dưới (2 đến 40 ký tự).")]
    Name,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// A secret that a browser or a program shows at every request.
pub fn new_token() -> String {
    HEXLOWER.encode(&chance::<32>())
}

/// What is kept of it.
pub fn token_hash(token: &str) -> [u8; 32] {
    blake3::derive_key("motcua 2026 token v1", token.as_bytes())
}

/// A password that nobody chose: 100 bits.
pub fn new_password() -> String {
    let text = BASE32_NOPAD.encode(&chance::<13>()).to_lowercase();
    [&text[..5], &text[5..10], &text[10..15], &text[15..20]].join("-")
}

/// Adds somebody, or gives them a new password and role.
pub fn user_add(store: &mut dyn Store, name: &str, role: Role, password: &str, now: LocalTime) -> Result<(), AuthError> {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(2..=40).contains(&name.len()) || !name.chars().all(sound) {
        return Err(AuthError::Name);
    }
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(AuthError::Short);
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| AuthError::Hash(error.to_string()))?;
    let user = User { name: name.to_owned(), role, password: hash.to_string(), failed_tries: 0, locked_until: None };
    Ok(store.user_save(&user, now)?)
}

/// Verifies a password that costs as much as a real one, so that time does not tell which names exist.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Wrmh1+zNPnCkQnZYRXJ7Kn3EU3Dn5HkUOi0ZoZ1N1Dc";

/// What the account allows now. The slow part, [`password_holds`], comes between this and [`log_in`].
pub fn candidate(store: &dyn Store, name: &str, now: LocalTime) -> Result<Option<User>, AuthError> {
    let user = store.user_find(name)?;
    match user.as_ref().and_then(|user| user.locked_until).filter(|until| *until > now) {
        Some(until) => Err(AuthError::Locked(until)),
        None => Ok(user),
    }
}

/// Whether it is the password of the candidate; slow on purpose, also for nobody.
pub fn password_holds(candidate: Option<&User>, password: &str) -> bool {
    let kept = candidate.map_or(NOBODY, |user| &user.password);
    let Ok(hash) = PasswordHash::new(kept) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && candidate.is_some()
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
    let failed = user.failed_tries + 1;
    warn!(failed, "log-in refused: wrong password");
    if failed < TRIES {
        store.user_tries(&user.name, failed, None)?;
        return Ok(AuthError::Wrong);
    }
    let until = now + Duration::minutes(REST_MINUTES);
    store.user_tries(&user.name, 0, Some(until))?;
    Ok(AuthError::Locked(until))
}

#[cfg(test)]
mod tests {
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
        let at = |hours| store.session_find(token_hash(&token), noon() + Duration::hours(hours)).expect("read");
        assert_eq!(at(1), Some(("hoa".to_owned(), Role::Officer)));
        assert_eq!(at(SESSION_HOURS), None);
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
    fn nobody_costs_as_much_as_somebody_and_never_gets_in() {
        assert!(PasswordHash::new(NOBODY).is_ok(), "the stand-in must be hashed, not skipped");
        let store = &mut District::new().store;
        assert!(matches!(attempt(store, "nobody", "x", noon()), Err(AuthError::Wrong)));
    }

    #[test]
    fn names_and_passwords_are_checked_and_kept_as_hashes() {
        let store = &mut District::new().store;
        assert!(matches!(user_add(store, "a b", Role::Viewer, "mật khẩu đủ dài", noon()), Err(AuthError::Name)));
        assert!(matches!(user_add(store, "hoa", Role::Viewer, "ngắn", noon()), Err(AuthError::Short)));
        user_add(store, "hoa", Role::Viewer, &new_password(), noon()).expect("added");
        let kept = store.user_find("hoa").expect("read").expect("there").password;
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        let token = new_token();
        store.token_add(token_hash(&token), "script", noon()).expect("added");
        assert_eq!(store.token_find(token_hash(&token)).expect("read").as_deref(), Some("script"));
        assert_eq!(store.token_find(token_hash("other")).expect("read"), None);
    }
}
