//! The PCs in the communes, as the district looks after them: codes that let them in, certificates that are taken back.
//!
//! Promise: who gave a code and who took a certificate back, and why, stands in the audit log in the same transaction. What a
//! PC had sent stays. Start at [`code_give`] and [`revoke`].

use motcua_shared::calendar::LocalTime;
use motcua_shared::enrolment::EnrolmentCode;
use uuid::Uuid;

use crate::audit::{self, Act, By};
use crate::authority::{self, Authority};
use crate::output::people_time;
use crate::store::{Store, StoreError, in_transaction};

/// Makes a one-time code for an office of `unit` (its key), good for so many days.
pub fn code_give(
    store: &mut dyn Store,
    authority: &Authority,
    unit: &str,
    days: u16,
    by: &By,
) -> Result<(EnrolmentCode, LocalTime), StoreError> {
    in_transaction(store, |store| {
        let (code, expires) = authority::enrolment_code(store, authority, unit, days, by.at)?;
        store.code_given(EnrolmentCode::secret_hash(&code.secret), &by.who)?;
        let name = authority::unit_name(store, unit)?;
        audit::note_of(store, by, Act::CodeGiven, (&name, unit), &format!("đến {}", people_time(&expires.to_rfc3339())))?;
        Ok((code, expires))
    })
}

/// Takes back a code that nobody has used; `false`: it was used, or is over.
pub fn code_cancel(store: &mut dyn Store, handle: &str, by: &By) -> Result<bool, StoreError> {
    in_transaction(store, |store| {
        let Some(unit) = store.code_cancel(handle, by.at)? else { return Ok(false) };
        let name = authority::unit_name(store, &unit)?;
        audit::note_of(store, by, Act::CodeCancelled, (&name, &unit), "")?;
        Ok(true)
    })
}

/// Takes back the certificates of a PC: of its stream and of those that it opened; says how many counted.
pub fn revoke(store: &mut dyn Store, stream: Uuid, reason: &str, by: &By) -> Result<usize, StoreError> {
    in_transaction(store, |store| {
        let unit = store.stream_find(stream)?.map(|stream| stream.unit).unwrap_or_default();
        let count = store.certificates_revoke(stream, by.at)?;
        if count > 0 {
            store.revocation_note(by.at, &by.who, reason)?;
            audit::note_of(store, by, Act::MachineRevoked, (&stream.to_string(), &unit), reason)?;
        }
        Ok(count)
    })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::ingest::tests::{District, UNIT, noon};
    use crate::store::people::AuditQuery;
    use crate::store::{Certificate, Machines, People};

    #[test]
    fn a_code_that_is_taken_back_lets_nobody_in_and_one_that_was_used_cannot_be_taken_back() {
        let mut district = District::new();
        let node = district.store.node_find().expect("read").expect("there");
        let authority = Authority::create(district.directory.path(), &node, noon()).expect("made");
        let by = By::command_line(noon());
        let store = &mut district.store;
        let (code, _) = code_give(store, &authority, UNIT, 1, &by).expect("given");
        let given = store.codes(10).expect("read");
        assert_eq!((given[0].unit.as_str(), given[0].created_by.as_str(), given[0].used_at), (UNIT, "command-line", None));
        assert!(code_cancel(store, &given[0].handle, &by).expect("written"));
        assert!(!code_cancel(store, &given[0].handle, &by).expect("read"), "once");
        let hash = EnrolmentCode::secret_hash(&code.secret);
        assert!(store.enrolment_find(hash).expect("read").expect("there").expires_at <= noon(), "it is over");
        assert_eq!(store.codes(10).expect("read")[0].cancelled_at, Some(noon()));
        code_give(store, &authority, UNIT, 1, &by).expect("given");
        let late = By { at: noon() + Duration::days(2), ..by };
        assert!(!code_cancel(store, "0000000000000000", &late).expect("read"));
    }

    #[test]
    fn a_certificate_is_taken_back_with_a_reason_that_stays() {
        let mut district = District::new();
        let agent = district.agent(UNIT, 1);
        let certificate = Certificate {
            serial: vec![1; 16],
            stream: agent.stream,
            unit: UNIT.to_owned(),
            issued_at: noon(),
            expires_at: noon() + Duration::days(365),
            revoked: false,
            pem: String::new(),
        };
        let store = &mut district.store;
        store.certificate_add(&certificate).expect("added");
        let by = By { who: "quan.tri".to_owned(), ..By::command_line(noon()) };
        assert_eq!(revoke(store, agent.stream, "mất máy", &by).expect("written"), 1);
        assert_eq!(revoke(store, agent.stream, "lần nữa", &by).expect("read"), 0);
        let kept = &store.certified().expect("read")[&agent.stream];
        assert_eq!((kept.revoked_by.as_str(), kept.reason.as_str()), ("quan.tri", "mất máy"));
        let lines =
            store.audit_list(&AuditQuery { act: "machine-revoked".to_owned(), ..AuditQuery::default() }, 9).expect("read");
        assert_eq!((lines.len(), lines[0].unit.as_str(), lines[0].detail.as_str()), (1, UNIT, "mất máy"));
    }
}
