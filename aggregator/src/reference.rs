//! Reference data for the offices: collected in a draft, published as one signed version.
//!
//! Promise: a version is published whole or not at all, without a fault, and never changes; the numbers count up. Who worked
//! on it, who published it, and whether a second person looked, stays with it. What an office asks for is answered from the
//! rows. Start at [`publish`] and [`answer`]; files and tables are in [`table`].

pub mod table;

use motcua_shared::calendar::LocalTime;
use motcua_shared::reference::{self, Answer, Change, Fault, Published, Refusal, Snapshot, Statement, changes};
use motcua_shared::unit::Unit;
use tracing::{info, warn};

use crate::audit::{self, Act, By};
use crate::authority::Authority;
use crate::rollup;
use crate::store::{Draft, Reference, Store, StoreError, in_transaction};

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
    #[error("bản nháp đã thay đổi từ lúc xem; chưa công bố gì. Hãy xem lại rồi công bố")]
    Changed,
    #[error("chính {0} đã soạn bản nháp này; chưa công bố gì. Hãy nhờ người khác xem lại và công bố, hoặc xác nhận tự công bố")]
    Alone(String),
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
        Some(draft) => ours(&draft.body)?,
        None => in_force(store)?.1,
    };
    Ok(Snapshot { units: store.units()?, ..collected })
}

/// What is looked at before it is published, in few letters: the same for the same content.
pub fn fingerprint(snapshot: &Snapshot) -> String {
    blake3::Hash::from(reference::hash(&snapshot.to_json())).to_hex().to_string()
}

/// Keeps what the next version would say, with everybody who worked on it.
fn keep(store: &mut dyn Store, next: &Snapshot, by: &By) -> Result<(), StoreError> {
    let mut authors = store.reference_draft()?.map(|draft| draft.authors).unwrap_or_default();
    if !authors.contains(&by.who) {
        authors.push(by.who.clone());
    }
    store.reference_draft_set(Some(&Draft { body: next.to_json(), authors, changed_at: by.at }))
}

/// Replaces the table of units, which counts here at once and for the offices once it is published; says what that changes.
pub fn units_replace(store: &mut dyn Store, units: Vec<Unit>, by: &By) -> Result<Vec<Change>, ReferenceError> {
    in_transaction(store, |store| {
        let before = next(store)?;
        let after = Snapshot { units, ..before.clone() };
        let faults = after.faults();
        if !faults.is_empty() {
            return Err(ReferenceError::Faulty(faults));
        }
        let changes = changes(&before, &after);
        if !changes.is_empty() {
            store.units_replace(&after.units)?;
            // Without a difference to what is in force nothing waits to be published.
            if store.reference_draft()?.is_some() || fingerprint(&after) != fingerprint(&in_force(store)?.1) {
                keep(store, &after, by)?;
            }
            audit::note(store, by, Act::UnitsChanged, "danh mục đơn vị", &format!("{} thay đổi", changes.len()))?;
        }
        Ok(changes)
    })
}

/// Throws the draft away.
pub fn discard(store: &mut dyn Store, by: &By) -> Result<(), StoreError> {
    in_transaction(store, |store| {
        if store.reference_draft()?.is_some() {
            store.reference_draft_set(None)?;
            audit::note(store, by, Act::DraftDiscarded, "bản nháp danh mục", "")?;
        }
        Ok(())
    })
}

/// Changes the draft and says what that changed; with any fault the draft stays as it is. `what`: what is changed, in words.
pub fn collect(
    store: &mut dyn Store,
    amend: impl FnOnce(&mut Snapshot),
    what: &str,
    by: &By,
) -> Result<Vec<Change>, ReferenceError> {
    in_transaction(store, |store| {
        let before = next(store)?;
        let mut after = before.clone();
        amend(&mut after);
        let faults = after.faults();
        if !faults.is_empty() {
            return Err(ReferenceError::Faulty(faults));
        }
        let changes = changes(&before, &after);
        if !changes.is_empty() {
            keep(store, &after, by)?;
            audit::note(store, by, Act::DraftChanged, what, &format!("{} thay đổi", changes.len()))?;
        }
        Ok(changes)
    })
}

/// Makes the next version, signs it, and says what it changes. `looked`: the fingerprint of what was looked at, and whether
/// the publisher, who worked on it, knows that nobody else has; without it, what is there is published as it is.
pub fn publish(
    store: &mut dyn Store,
    authority: &Authority,
    looked: Option<(&str, bool)>,
    by: &By,
) -> Result<(u64, Vec<Change>), ReferenceError> {
    in_transaction(store, |store| {
        let (newest, before) = in_force(store)?;
        let after = next(store)?;
        let drafted_by = store.reference_draft()?.map(|draft| draft.authors).unwrap_or_default();
        match looked {
            Some((seen, _)) if seen != fingerprint(&after) => return Err(ReferenceError::Changed),
            Some((_, false)) if drafted_by.contains(&by.who) => return Err(ReferenceError::Alone(by.who.clone())),
            _ => {}
        }
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
            published_at_ms: by.at.timestamp_millis(),
        };
        let signed = authority.reference(&statement);
        let (version, hash) = (statement.version, statement.hash);
        let published_by = by.who.clone();
        let published = Reference { version, hash, published_at: by.at, statement: signed, body, drafted_by, published_by };
        store.reference_add(&published)?;
        store.reference_draft_set(None)?;
        let looked = if published.was_reviewed() { "người khác soạn" } else { "không có người thứ hai xem lại" };
        let told = format!("{} thay đổi; {looked}", changes.len());
        audit::note(store, by, Act::Published, &format!("danh mục, phiên bản {version}"), &told)?;
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
        let (drafted_by, published_by) = (Vec::new(), String::new());
        let body = opened.json;
        store.reference_add(&Reference { version, hash, published_at: now, statement, body, drafted_by, published_by })?;
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
    use crate::store::{Node, People};

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

    fn by(who: &str) -> By {
        By { who: who.to_owned(), ..By::command_line(noon()) }
    }

    #[test]
    fn a_second_person_publishes_what_was_looked_at_or_it_is_written_down_that_nobody_looked() {
        let (mut district, authority) = district();
        let store = &mut district.store;
        let seen = |store: &dyn Store| fingerprint(&next(store).expect("read"));
        collect(store, holiday("2027-03-17"), "ngày nghỉ", &by("hoa")).expect("good");
        let first = seen(store);
        collect(store, holiday("2027-03-18"), "ngày nghỉ", &by("lan")).expect("good");
        let refused = publish(store, &authority, Some((&first, false)), &by("binh"));
        assert!(matches!(refused, Err(ReferenceError::Changed)), "it is not what binh looked at");
        let now = seen(store);
        let refused = publish(store, &authority, Some((&now, false)), &by("lan"));
        assert!(matches!(refused, Err(ReferenceError::Alone(who)) if who == "lan"));
        publish(store, &authority, Some((&now, false)), &by("binh")).expect("a third person");
        let newest = store.reference_newest().expect("read").expect("there");
        assert_eq!((newest.drafted_by.join(" "), newest.published_by.as_str()), ("hoa lan".to_owned(), "binh"));
        assert!(newest.was_reviewed());
        collect(store, holiday("2027-03-19"), "ngày nghỉ", &by("hoa")).expect("good");
        let now = seen(store);
        publish(store, &authority, Some((&now, true)), &by("hoa")).expect("and knows it");
        assert!(!store.reference_newest().expect("read").expect("there").was_reviewed());
        let said = store.audit_list(&crate::store::people::AuditQuery::default(), 2).expect("read");
        assert!(said[0].detail.contains("không có người thứ hai xem lại"), "{said:?}");
    }

    #[test]
    fn another_table_of_units_counts_at_once_and_waits_to_be_published_under_its_authors_name() {
        let (mut district, _) = district();
        let store = &mut district.store;
        let mut units = store.units().expect("read");
        units[0].name = "Xã Tên Mới".to_owned();
        assert_eq!(units_replace(store, units.clone(), &by("hoa")).expect("good").len(), 1);
        assert_eq!(store.units().expect("read")[0].name, "Xã Tên Mới");
        assert_eq!(store.reference_draft().expect("read").expect("there").authors, ["hoa"]);
        assert!(units_replace(store, units.clone(), &by("lan")).expect("good").is_empty());
        assert_eq!(store.reference_draft().expect("read").expect("there").authors, ["hoa"], "who changes nothing is no author");
        units[0].name = String::new();
        assert!(matches!(units_replace(store, units, &by("hoa")), Err(ReferenceError::Faulty(_))));
    }

    #[test]
    fn a_draft_becomes_one_signed_version_and_nothing_is_published_twice() {
        let (mut district, authority) = district();
        let store = &mut district.store;
        assert!(matches!(publish(store, &authority, None, &by("hoa")), Err(ReferenceError::Nothing)));
        for date in ["2027-03-17", "2027-03-18"] {
            assert_eq!(collect(store, holiday(date), "ngày nghỉ", &by("hoa")).expect("good").len(), 1, "{date}");
        }
        assert_eq!(store.reference_newest().expect("read"), None, "a draft is not published");
        let (version, said) = publish(store, &authority, None, &by("hoa")).expect("published");
        assert_eq!((version, said.len()), (1, 2));
        assert!(matches!(publish(store, &authority, None, &by("hoa")), Err(ReferenceError::Nothing)));
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
        collect(store, holiday("2027-03-17"), "ngày nghỉ", &by("hoa")).expect("good");
        let before = store.reference_draft().expect("read");
        let refused = collect(store, |snapshot| snapshot.procedures.clear(), "thủ tục", &by("hoa"));
        assert!(matches!(refused, Err(ReferenceError::Faulty(faults)) if faults.len() == 1));
        assert_eq!(store.reference_draft().expect("read"), before);
        store.units_replace(&[]).expect("units");
        assert_eq!(publish(store, &authority, None, &by("hoa")).expect("published").0, 1, "units come from the table of units");
        assert!(version(store, 1).expect("there").units.is_empty());
    }
}
