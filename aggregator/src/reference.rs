//! Reference data for the offices: collected in a draft, published as one signed version.
//!
//! Promise: a version is published whole or not at all, without a fault, and never changes; the numbers count up. What an
//! office asks for is answered from the rows. Start at [`publish`] and [`answer`].

use motcua_shared::calendar::LocalTime;
use motcua_shared::reference::{self, Answer, Change, Fault, Published, Refusal, Snapshot, Statement, changes};
use tracing::{info, warn};

use crate::authority::Authority;
use crate::rollup;
use crate::store::{Reference, Store, StoreError, in_transaction};

/// Why nothing was changed or published. The words are for the person at the district.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("có {} chỗ sai, chưa thay đổi gì:\n{}", .0.len(), lines(.0))]
    Faulty(Vec<Fault>),
    #[error("không có gì khác với phiên bản đang công bố; chưa công bố gì")]
    Nothing,
    #[error("tệp không phải danh mục do lệnh reference export ghi, hoặc do bản chương trình mới hơn ghi; chưa thay đổi gì")]
    NotASnapshot,
    #[error("không có phiên bản {0}")]
    NoVersion(u64),
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
}

/// The version in force: its row, absent for what is built in, and what it says.
pub fn in_force(store: &dyn Store) -> Result<(Option<Reference>, Snapshot), ReferenceError> {
    let newest = store.reference_newest()?;
    let snapshot = newest.as_ref().map_or_else(|| Ok(Snapshot::starter()), |newest| ours(&newest.body))?;
    Ok((newest, snapshot))
}

/// What a published version says; 0 is what is built in.
pub fn version(store: &dyn Store, version: u64) -> Result<Snapshot, ReferenceError> {
    match store.reference_find(version)? {
        Some(found) => Ok(ours(&found.body)?),
        None if version == 0 => Ok(Snapshot::starter()),
        None => Err(ReferenceError::NoVersion(version)),
    }
}

fn ours(body: &str) -> Result<Snapshot, StoreError> {
    Snapshot::read(body).map_err(|error: Refusal| StoreError::Damaged(error.to_string()))
}

/// What the next version would say: the draft, or the version in force, with the units as they are now.
pub fn next(store: &dyn Store) -> Result<Snapshot, ReferenceError> {
    let collected = match store.reference_draft()? {
        Some(body) => ours(&body)?,
        None => in_force(store)?.1,
    };
    Ok(Snapshot { units: store.units()?, ..collected })
}

/// Changes the draft and says what that changed; with any fault the draft stays as it is.
pub fn collect(store: &mut dyn Store, amend: impl FnOnce(&mut Snapshot), now: LocalTime) -> Result<Vec<Change>, ReferenceError> {
    in_transaction(store, |store| {
        let before = next(store)?;
        let mut after = before.clone();
        amend(&mut after);
        let faults = after.faults();
        if !faults.is_empty() {
            return Err(ReferenceError::Faulty(faults));
        }
        store.reference_draft_set(Some(&after.to_json()), now)?;
        Ok(changes(&before, &after))
    })
}

/// Makes the next version, signs it, and says what it changes.
pub fn publish(store: &mut dyn Store, authority: &Authority, now: LocalTime) -> Result<(u64, Vec<Change>), ReferenceError> {
    in_transaction(store, |store| {
        let (newest, before) = in_force(store)?;
        let after = next(store)?;
        let faults = after.faults();
        if !faults.is_empty() {
            return Err(ReferenceError::Faulty(faults));
        }
        let changes = changes(&before, &after);
        if changes.is_empty() {
            return Err(ReferenceError::Nothing);
        }
        let (node, body) = (rollup::node(store)?, after.to_json());
        let statement = Statement {
            server_id: node.server_id,
            epoch: node.epoch,
            version: newest.map_or(0, |newest| newest.version) + 1,
            hash: reference::hash(&body),
            published_at_ms: now.timestamp_millis(),
        };
        let signed = authority.reference(&statement);
        let (version, hash) = (statement.version, statement.hash);
        store.reference_add(&Reference { version, hash, published_at: now, statement: signed, body })?;
        store.reference_draft_set(None, now)?;
        info!(version, changes = changes.len(), "reference data published");
        Ok((version, changes))
    })
}

/// Takes back a version that this aggregator had published and lost in a restore. What its own signature stands on needs no
/// other proof; the answer says what is the newest now.
pub fn readmit(store: &mut dyn Store, authority: &Authority, offered: &Published, now: LocalTime) -> Result<u64, ReferenceError> {
    in_transaction(store, |store| {
        let node = rollup::node(store)?;
        let opened = offered.open(node.server_id, &authority.receipt_key()).map_err(|_| ReferenceError::NotASnapshot)?;
        let newest = store.reference_newest()?;
        let said = newest.as_ref().and_then(|newest| Statement::open(&newest.statement, &authority.receipt_key()));
        if !reference::readmits(said.as_ref(), &opened.statement, node.epoch) {
            return Ok(newest.map_or(0, |newest| newest.version));
        }
        let Statement { version, hash, .. } = opened.statement;
        let statement = offered.statement.clone();
        store.reference_add(&Reference { version, hash, published_at: now, statement, body: opened.json })?;
        warn!(version, "reference data given back by an office: it was published after the backup");
        Ok(version)
    })
}

/// What an office is told that holds version `have` with this hash.
pub fn answer(newest: Option<Reference>, have: u64, hash: &[u8]) -> Answer {
    let version = newest.as_ref().map_or(0, |newest| newest.version);
    let news = newest.filter(|newest| newest.version != have || newest.hash != hash);
    Answer { version, published: news.map(|newest| Published::pack(newest.statement, &newest.body)) }
}

#[cfg(test)]
mod tests {
    use motcua_shared::calendar;

    use super::*;
    use crate::ingest::tests::{District, noon};
    use crate::store::Node;

    fn holiday(date: &str) -> impl FnOnce(&mut Snapshot) {
        let days = calendar::days(&format!("date,name,kind\n{date},Nghỉ,le\n")).expect("readable");
        move |snapshot| snapshot.days_amend(days, Some("1/TB"))
    }

    fn district() -> (District, Authority) {
        let mut district = District::new();
        district.store.units_replace(&Snapshot::starter().units).expect("units");
        let node = Node { hosts: vec!["localhost".to_owned()], ..rollup::node(&district.store).expect("a node") };
        let authority = Authority::create(district.directory.path(), &node, noon()).expect("keys");
        (district, authority)
    }

    #[test]
    fn a_draft_becomes_one_signed_version_and_nothing_is_published_twice() {
        let (mut district, authority) = district();
        let store = &mut district.store;
        assert!(matches!(publish(store, &authority, noon()), Err(ReferenceError::Nothing)));
        for date in ["2027-03-17", "2027-03-18"] {
            assert_eq!(collect(store, holiday(date), noon()).expect("good").len(), 1, "{date}");
        }
        assert_eq!(store.reference_newest().expect("read"), None, "a draft is not published");
        let (version, said) = publish(store, &authority, noon()).expect("published");
        assert_eq!((version, said.len()), (1, 2));
        assert!(matches!(publish(store, &authority, noon()), Err(ReferenceError::Nothing)));
        assert_eq!(rollup::node(store).expect("a node").reference_version, 1);

        let newest = store.reference_newest().expect("read").expect("there");
        let hash = newest.hash;
        let told = answer(Some(newest.clone()), 0, &[]).published.expect("news");
        let opened = told.open(rollup::node(store).expect("a node").server_id, &authority.receipt_key()).expect("good");
        assert_eq!((opened.statement.version, opened.json), (1, newest.body.clone()));
        assert_eq!(answer(Some(newest.clone()), 1, &hash).published, None);
        assert!(answer(Some(newest), 1, &[0; 32]).published.is_some(), "the same number of another life");
    }

    #[test]
    fn a_fault_leaves_the_draft_as_it_was() {
        let (mut district, authority) = district();
        let store = &mut district.store;
        collect(store, holiday("2027-03-17"), noon()).expect("good");
        let before = store.reference_draft().expect("read");
        let refused = collect(store, |snapshot| snapshot.procedures.clear(), noon());
        assert!(matches!(refused, Err(ReferenceError::Faulty(faults)) if faults.len() == 1));
        assert_eq!(store.reference_draft().expect("read"), before);
        store.units_replace(&[]).expect("units");
        assert_eq!(publish(store, &authority, noon()).expect("published").0, 1, "units come from the table of units");
        assert!(version(store, 1).expect("there").units.is_empty());
    }
}
