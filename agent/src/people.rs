//! People and programs that work with this PC's pages: passwords, sessions, tokens.
//!
//! Promise: no password and no token is kept, only hashes; guessing is slow, soon stops, and does not tell which names
//! exist. The policy is [`motcua_shared::access`]. Start at [`candidate`] and [`log_in`].

use motcua_shared::access::{self, AccessFault, Role, Tries, new_token, token_hash};
use motcua_shared::calendar::LocalTime;
use tracing::{info, warn};

use crate::office::chance;
use crate::store::{Act, Changed, Store, StoreError, User};

/// Why somebody was not let in, or an account not changed, in words for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Tên đăng nhập hoặc mật khẩu không đúng.")]
    Wrong,
    #[error("Đã nhập sai mật khẩu {} lần. Tên này tạm khóa đến {}.", access::TRIES, .0.format("%H:%M"))]
    Locked(LocalTime),
    #[error("Tài khoản này đã ngừng sử dụng. Hãy hỏi người quản trị của đơn vị.")]
    Disabled,
    #[error(transparent)]
    Fault(#[from] AccessFault),
    #[error("Tên “{0}” dành cho chương trình, không đặt cho người được.")]
    Reserved(String),
    #[error("Đã có tài khoản “{0}”.")]
    Taken(String),
    #[error("Không có tài khoản “{0}”.")]
    NoUser(String),
    #[error("Đơn vị phải còn ít nhất một người quản trị đang làm việc. Hãy giao quyền quản trị cho người khác trước.")]
    LastAdmin,
    #[error("Đơn vị đã có tài khoản; bước này chỉ dành cho lần thiết lập đầu tiên.")]
    NotFirst,
}

/// Names under which programs write into the log.
const RESERVED: [&str; 6] = ["agent", "command-line", "counter", "reference", "setup", "district"];

/// Checks name and password of a new account and hashes the password: slow on purpose.
pub fn new_user(name: &str, role: Role, password: &str, must_change: bool, now: LocalTime) -> Result<User, PeopleError> {
    access::name_check(name)?;
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(PeopleError::Reserved(name.to_owned()));
    }
    let password = new_password(name, password)?;
    Ok(User { name: name.to_owned(), role, password, must_change, disabled_at: None, created_at: now.to_rfc3339() })
}

/// Checks a chosen password and gives what is kept of it: slow on purpose.
pub fn new_password(name: &str, password: &str) -> Result<String, PeopleError> {
    access::password_check(name, password)?;
    Ok(access::password_hash(password, chance()))
}

/// A password that nobody chose.
pub fn generated_password() -> String {
    access::new_password(chance())
}

/// What became of a change, as a result.
pub fn done(changed: Changed, name: &str) -> Result<(), PeopleError> {
    match changed {
        Changed::Done => Ok(()),
        Changed::NoUser => Err(PeopleError::NoUser(name.to_owned())),
        Changed::Taken => Err(PeopleError::Taken(name.to_owned())),
        Changed::NotFirst => Err(PeopleError::NotFirst),
        Changed::LastAdmin => Err(PeopleError::LastAdmin),
    }
}

/// Adds an account that was made by [`new_user`].
pub fn user_add(store: &mut Store, user: &User, first: bool, act: Act) -> Result<(), PeopleError> {
    done(store.user_add(user, first, act)?, &user.name)?;
    info!(user = user.name, role = user.role.code(), "account added");
    Ok(())
}

/// Who wants to get in, before the password is looked at.
pub struct Candidate {
    name: String,
    user: Option<User>,
}

/// Who is meant by a name, unless it rests. The slow part, [`password_holds`], comes between this and [`log_in`].
pub fn candidate(store: &Store, name: &str, now: LocalTime) -> Result<Candidate, PeopleError> {
    if let Some(until) = store.tries_find(name)?.locked(now) {
        return Err(PeopleError::Locked(until));
    }
    Ok(Candidate { user: store.user_find(name)?, name: name.to_owned() })
}

/// Whether it is the password of the candidate; slow on purpose, also for nobody.
pub fn password_holds(candidate: &Candidate, password: &str) -> bool {
    access::password_holds(candidate.user.as_ref().map(|user| user.password.as_str()), password)
}

/// Who the candidate is, when the password holds; counts a wrong try.
pub fn verified(store: &mut Store, tried: &Candidate, holds: bool, now: LocalTime) -> Result<User, PeopleError> {
    // Read anew: others may have tried while the password was hashed.
    let again = candidate(store, &tried.name, now)?;
    let same = |user: &User| tried.user.as_ref().is_some_and(|tried| tried.password == user.password);
    let known = store.tries_find(&tried.name)?;
    let Some(user) = again.user.filter(|user| holds && same(user)) else {
        return Err(wrong_try(store, &tried.name, known, now)?);
    };
    if user.disabled_at.is_some() {
        return Err(PeopleError::Disabled);
    }
    if known != Tries::default() {
        store.tries_keep(&user.name, Tries::default(), now)?;
    }
    Ok(user)
}

fn wrong_try(store: &mut Store, name: &str, tries: Tries, now: LocalTime) -> Result<PeopleError, StoreError> {
    // A name that nobody can have fills no table.
    if access::name_check(name).is_err() {
        return Ok(PeopleError::Wrong);
    }
    let tries = tries.after_wrong(now);
    warn!(failed = tries.failed, "log-in refused");
    store.tries_keep(name, tries, now)?;
    Ok(tries.locked_until.map_or(PeopleError::Wrong, PeopleError::Locked))
}

/// Opens a session for somebody whose password was checked, or counts a wrong try. Gives the session's token.
pub fn log_in(store: &mut Store, candidate: &Candidate, holds: bool, now: LocalTime) -> Result<(User, String), PeopleError> {
    let user = verified(store, candidate, holds, now)?;
    let token = session_open(store, &user.name, now)?;
    info!(user = user.name, role = user.role.code(), "somebody logged in");
    Ok((user, token))
}

/// Opens a session and gives its token.
pub fn session_open(store: &mut Store, name: &str, now: LocalTime) -> Result<String, StoreError> {
    let token = new_token(chance());
    store.session_add(token_hash(&token), name, now)?;
    Ok(token)
}

/// Gives a program a token, and tells it once.
pub fn token_create(store: &mut Store, name: &str, role: Role, act: Act) -> Result<String, PeopleError> {
    access::name_check(name)?;
    let token = new_token(chance());
    store.token_add(name, token_hash(&token), role, act)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use motcua_shared::access::{IDLE_MINUTES, REST_MINUTES, TRIES};

    use crate::office;

    const PASSWORD: &str = "mật khẩu đủ dài";

    fn noon() -> LocalTime {
        LocalTime::parse_from_rfc3339("2026-11-26T12:00:00+07:00").expect("a time")
    }

    fn act() -> Act<'static> {
        Act { author: "setup", now: noon() }
    }

    fn store() -> (Store, tempfile::TempDir) {
        let data = tempfile::tempdir().expect("a directory");
        office::found(data.path(), &office::Name { unit: "11089", name: "Xã Thử", identifier: None }).expect("an office");
        let mut store = Store::open(data.path()).expect("its store");
        add(&mut store, "quan.tri", Role::Admin).expect("added");
        add(&mut store, "hoa", Role::Clerk).expect("added");
        (store, data)
    }

    fn add(store: &mut Store, name: &str, role: Role) -> Result<(), PeopleError> {
        let user = new_user(name, role, PASSWORD, false, noon())?;
        user_add(store, &user, false, act())
    }

    fn attempt(store: &mut Store, name: &str, password: &str, at: LocalTime) -> Result<String, PeopleError> {
        let candidate = candidate(store, name, at)?;
        let holds = password_holds(&candidate, password);
        Ok(log_in(store, &candidate, holds, at)?.1)
    }

    fn whose(store: &mut Store, token: &str, at: LocalTime) -> Option<String> {
        store.session_find(token_hash(token), at, true).expect("read").map(|user| user.name)
    }

    #[test]
    fn a_right_password_opens_a_session_that_ends_when_it_rests() {
        let (mut store, _data) = store();
        let token = attempt(&mut store, "HOA", PASSWORD, noon()).expect("let in");
        let later = |minutes| noon() + Duration::minutes(minutes);
        assert_eq!(whose(&mut store, &token, later(30)).as_deref(), Some("hoa"));
        assert_eq!(whose(&mut store, &token, later(30 + IDLE_MINUTES - 1)).as_deref(), Some("hoa"), "a use was noted");
        assert_eq!(whose(&mut store, &token, later(30 + 2 * IDLE_MINUTES)), None);
        store.session_end(token_hash(&token)).expect("ended");
        assert_eq!(whose(&mut store, &token, noon()), None);
        assert_eq!(whose(&mut store, "other", noon()), None);
    }

    #[test]
    fn five_wrong_tries_lock_a_name_for_a_while_whether_somebody_has_it_or_not() {
        for name in ["hoa", "nobody"] {
            let (mut store, _data) = store();
            for _ in 1..TRIES {
                assert!(matches!(attempt(&mut store, name, "sai", noon()), Err(PeopleError::Wrong)), "{name}");
            }
            assert!(matches!(attempt(&mut store, name, "sai", noon()), Err(PeopleError::Locked(_))), "{name}");
            assert!(matches!(attempt(&mut store, name, PASSWORD, noon()), Err(PeopleError::Locked(_))), "{name}");
            let later = noon() + Duration::minutes(REST_MINUTES);
            assert_eq!(attempt(&mut store, name, PASSWORD, later).is_ok(), name == "hoa");
        }
    }

    #[test]
    fn whoever_gives_the_right_password_starts_counting_anew() {
        let (mut store, _data) = store();
        for _ in 0..3 {
            for _ in 1..TRIES {
                attempt(&mut store, "hoa", "sai", noon()).expect_err("refused");
            }
            attempt(&mut store, "hoa", PASSWORD, noon()).expect("let in");
        }
    }

    #[test]
    fn a_disabled_account_loses_its_sessions_and_nothing_else_and_can_be_opened_again() {
        let (mut store, _data) = store();
        let token = attempt(&mut store, "hoa", PASSWORD, noon()).expect("let in");
        assert_eq!(store.user_disable("hoa", true, act()).expect("written"), Changed::Done);
        assert_eq!(whose(&mut store, &token, noon()), None);
        assert!(matches!(attempt(&mut store, "hoa", PASSWORD, noon()), Err(PeopleError::Disabled)));
        assert!(matches!(attempt(&mut store, "hoa", "sai", noon()), Err(PeopleError::Wrong)), "a stranger learns nothing");
        assert_eq!(store.user_disable("hoa", false, act()).expect("written"), Changed::Done);
        assert!(attempt(&mut store, "hoa", PASSWORD, noon()).is_ok());
    }

    #[test]
    fn a_new_password_ends_every_session_and_the_rest() {
        let (mut store, _data) = store();
        let token = attempt(&mut store, "hoa", PASSWORD, noon()).expect("let in");
        for _ in 0..TRIES {
            attempt(&mut store, "hoa", "sai", noon()).expect_err("refused");
        }
        let hash = new_password("hoa", "một mật khẩu khác").expect("sound");
        assert_eq!(store.user_password("hoa", &hash, true, act()).expect("written"), Changed::Done);
        assert_eq!(whose(&mut store, &token, noon()), None);
        attempt(&mut store, "hoa", "một mật khẩu khác", noon()).expect("let in");
        attempt(&mut store, "hoa", PASSWORD, noon()).expect_err("the old one is gone");
        assert!(store.user_find("hoa").expect("read").expect("there").must_change);
    }

    #[test]
    fn somebody_always_manages_the_accounts() {
        let (mut store, _data) = store();
        assert_eq!(store.user_disable("quan.tri", true, act()).expect("read"), Changed::LastAdmin);
        assert_eq!(store.user_role("quan.tri", Role::Clerk, act()).expect("read"), Changed::LastAdmin);
        assert_eq!(store.user_role("hoa", Role::Admin, act()).expect("read"), Changed::Done);
        assert_eq!(store.user_disable("quan.tri", true, act()).expect("read"), Changed::Done);
        assert_eq!(store.user_role("hoa", Role::Leader, act()).expect("read"), Changed::LastAdmin);
        assert_eq!(store.user_role("nobody", Role::Leader, act()).expect("read"), Changed::NoUser);
    }

    #[test]
    fn names_are_nobodys_twice_and_not_those_of_programs() {
        let (mut store, _data) = store();
        assert!(matches!(add(&mut store, "Hoa", Role::Clerk), Err(PeopleError::Taken(_))));
        assert!(matches!(add(&mut store, "Counter", Role::Clerk), Err(PeopleError::Reserved(_))));
        assert!(matches!(add(&mut store, "<b>", Role::Clerk), Err(PeopleError::Fault(AccessFault::Name))));
        let late = new_user("lan", Role::Admin, PASSWORD, false, noon()).expect("sound");
        assert!(matches!(user_add(&mut store, &late, true, act()), Err(PeopleError::NotFirst)));
    }

    #[test]
    fn what_was_done_to_accounts_stays_written_down() {
        let (mut store, data) = store();
        store.user_disable("hoa", true, Act { author: "quan.tri", now: noon() }).expect("written");
        token_create(&mut store, "script", Role::Clerk, act()).expect("made");
        let acts = store.user_acts(10).expect("read");
        let told: Vec<_> = acts.iter().map(|act| (act.act.as_str(), act.name.as_str(), act.author.as_str())).collect();
        assert_eq!(told[..2], [("token", "script", "setup"), ("disable", "hoa", "quan.tri")]);
        let raw = rusqlite::Connection::open(data.path().join("motcua.db")).expect("opened");
        for tampering in ["delete from user_act", "update user_act set author = 'x'"] {
            raw.execute(tampering, []).expect_err("refused");
        }
    }

    #[test]
    fn a_token_is_found_by_what_is_kept_of_it_until_it_is_taken_away() {
        let (mut store, _data) = store();
        let token = token_create(&mut store, "script", Role::Clerk, act()).expect("made");
        let found = |store: &Store| store.token_find(token_hash(&token)).expect("read");
        assert_eq!(found(&store), Some(("script".to_owned(), Role::Clerk)));
        assert!(store.token_end("script", act()).expect("written"));
        assert_eq!(found(&store), None);
        assert!(!store.token_end("script", act()).expect("read"));
    }
}
