//! The consolidated narrative report: the node's figures from the rollups, what its units declared added up, the words that
//! are being written, and filing.
//!
//! Promise: how many units the figures come from stands in the report; a filed one never changes. Start at [`snapshot`].

use std::collections::BTreeMap;

use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::declared::Figures;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::indicator::Sums;
use motcua_shared::narrative::{self, FORM, Facts, Narrative, Snapshot, Words};
use motcua_shared::office::Stated;
use motcua_shared::period::Period;
use motcua_shared::rule::{Computed, Standing};
use motcua_shared::ruleset::Ruleset;
use motcua_shared::text::number;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::filed::{self, FileError, HeadOf};
use crate::findings::{self, FindingsError};
use crate::reference::{self, ReferenceError};
use crate::rollup::{self, ReportError};
use crate::store::{FiledForm, NarrativeWords, NewFiledForm, Store, StoreError, in_transaction};

/// A filed report read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    pub snapshot: Snapshot,
    pub heads: Vec<HeadOf>,
}

fn in_store(error: FindingsError) -> StoreError {
    match error {
        FindingsError::Store(error) | FindingsError::Reference(ReferenceError::Store(error)) => error,
        FindingsError::Reference(other) => StoreError::Damaged(other.to_string()),
    }
}

/// What can be declared, with what was published beside it.
pub fn dictionary(store: &dyn Store) -> Result<Dictionary, StoreError> {
    let (newest, snapshot) = reference::in_force(store).map_err(|error| in_store(error.into()))?;
    Ok(snapshot.tables(newest.map_or(0, |newest| newest.version), "").book.dictionary)
}

/// The node's report of a period without its words.
fn narrative(store: &dyn Store, period: Period, dictionary: &Dictionary) -> Result<Narrative, ReportError> {
    let (node, organisation) = (rollup::node(store)?, store.organisation()?);
    let mut computed = BTreeMap::new();
    for period in narrative::periods(period) {
        let mut all = Computed::default();
        for sums in rollup::field_sums(store, None, period)? {
            let own = Sums { before: sums.before, within: sums.within };
            all.total.add(&own);
            all.fields.entry(sums.field).or_default().add(&own);
        }
        computed.insert(period, all);
    }
    let mut by_unit: BTreeMap<String, Vec<Stated>> = BTreeMap::new();
    for of in store.stated(None)? {
        by_unit.entry(of.unit).or_default().push(of.said);
    }
    let units: Vec<Figures> = by_unit.into_values().map(Figures::of).collect();
    let declaring = units.iter().filter(|figures| figures.periods().contains(&period)).count();
    let coverage = rollup::ii06(store, None, period)?.coverage;
    let name = organisation.name(&organisation.resolve(&node.code, period.to)).to_owned();
    let mut narrative = narrative::compose(&Facts {
        unit: &node.code,
        name: &name,
        period,
        computed: &computed,
        declared: &narrative::added_up(&units),
        dictionary,
    });
    narrative.basis = format!(
        "Số liệu hồ sơ tính từ nhật ký của {} đơn vị, trong đó {} đơn vị đã gửi đủ; {} đơn vị đã khai số liệu của kỳ này.",
        number(coverage.offices),
        number(coverage.complete),
        number(i64::try_from(declaring).unwrap_or(i64::MAX))
    );
    narrative.units = coverage
        .units
        .iter()
        .map(|office| (office.unit.clone(), organisation.name(&organisation.resolve(&office.unit, period.to)).to_owned()))
        .collect();
    Ok(narrative)
}

/// Everything of a period as it would be filed now. Findings are those that nobody has settled yet.
pub fn snapshot(store: &dyn Store, period: Period) -> Result<Snapshot, ReportError> {
    let dictionary = dictionary(store)?;
    let unsettled = |state| !matches!(state, Standing::Gone | Standing::Accepted);
    let findings = findings::list(store, None)?.into_iter().filter(|listed| unsettled(listed.state));
    let findings = findings.map(|listed| listed.finding).filter(|finding| finding.period() == period).collect();
    let words = typed(store, period)?.map(|(words, _)| words).unwrap_or_default();
    Ok(Snapshot { narrative: narrative(store, period, &dictionary)?, words, findings })
}

/// The words that were typed for a period, and as what they are kept.
pub fn typed(store: &dyn Store, period: Period) -> Result<Option<(Words, NarrativeWords)>, StoreError> {
    let kept = store.narrative_words()?.into_iter().find(|kept| kept.period == period);
    kept.map(|kept| Ok((read_words(&kept)?, kept))).transpose()
}

/// The words of the report before this period, to be offered again.
pub fn earlier(store: &dyn Store, period: Period) -> Result<Option<(Period, Words)>, StoreError> {
    let before = store.narrative_words()?.into_iter().filter(|kept| kept.period != period && kept.period.to <= period.to);
    let newest = before.max_by_key(|kept| (kept.period.to, kept.saved_at));
    newest.map(|kept| Ok((kept.period, read_words(&kept)?))).transpose()
}

fn read_words(kept: &NarrativeWords) -> Result<Words, StoreError> {
    serde_json::from_str(&kept.body).map_err(|error| StoreError::Damaged(format!("words of a report: {error}")))
}

/// Keeps the words of a period as they are now.
pub fn keep(store: &mut dyn Store, period: Period, words: &Words, by: &str, at: LocalTime) -> Result<(), StoreError> {
    let body = serde_json::to_string(words).map_err(|error| StoreError::Damaged(error.to_string()))?;
    store.narrative_words_keep(&NarrativeWords { period, saved_at: at, saved_by: by.to_owned(), body })
}

/// Files the report of a period as it is now; the one that was filed before stays beside it.
pub fn file(store: &mut dyn Store, period: Period, by: &str, at: LocalTime) -> Result<i64, FileError> {
    if period.to >= local_day(at) {
        return Err(FileError::NotOver(period.to));
    }
    in_transaction(store, |store| {
        let snapshot = snapshot(store, period)?;
        let unit = snapshot.narrative.unit.clone();
        let frozen = Frozen { snapshot, heads: filed::heads(store)? };
        let body = serde_json::to_string(&frozen).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let new = NewFiledForm {
            form: FORM.to_owned(),
            corrects: filed::newest_of(store, FORM, &unit, period)?,
            unit,
            from: period.from,
            to: period.to,
            by: by.to_owned(),
            ruleset: Ruleset::on(period.to).id.to_owned(),
            hash: *blake3::hash(body.as_bytes()).as_bytes(),
            body,
        };
        let id = store.filed_add(&new, at)?;
        info!(id, from = %new.from, to = %new.to, "narrative report filed");
        Ok(id)
    })
}

/// What was filed.
pub fn read(filed: &FiledForm) -> Result<Frozen, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("filed report {}: {what}", filed.id));
    if filed.form != FORM || !filed::is_intact(filed) {
        return Err(damaged("not the bytes that were filed"));
    }
    serde_json::from_str(&filed.body).map_err(|error| damaged(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, UNIT, noon, received};

    fn year() -> Period {
        Period::year(2023)
    }

    #[test]
    fn the_consolidated_report_counts_every_unit_keeps_its_words_and_is_filed_as_it_was() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record(1, received(1));
        district.send(&agent, 1, 1);
        let words = |text: &str| Words { parts: BTreeMap::from([("V".to_owned(), text.to_owned())]), ..Words::default() };
        keep(&mut district.store, year(), &words("Không"), "hoa", noon()).expect("kept");
        let now = snapshot(&district.store, year()).expect("figures");
        assert!(now.narrative.basis.contains("1 đơn vị") && now.words.part("V") == "Không");
        let first = file(&mut district.store, year(), "hoa", noon()).expect("filed");
        keep(&mut district.store, year(), &words("Có"), "hoa", noon()).expect("kept");
        let second = file(&mut district.store, year(), "hoa", noon()).expect("filed");
        let frozen = |id| {
            let filed = district.store.filed_find(id).expect("read").expect("there");
            (filed.corrects, read(&filed).expect("intact").snapshot)
        };
        assert_eq!(frozen(first), (None, now));
        assert_eq!(frozen(second).0, Some(first));
        assert_eq!(earlier(&district.store, Period::year(2024)).expect("read").map(|(period, _)| period), Some(year()));
        assert!(matches!(file(&mut district.store, Period::year(2099), "hoa", noon()), Err(FileError::NotOver(_))));
        let form =
            filed::file(&mut district.store, &filed::Filing { unit: None, period: year(), by: "hoa".to_owned(), at: noon() });
        assert!(form.is_ok(), "form II.06 of the period is another report: {form:?}");
    }
}
