//! The command that says what does not add up.

use std::path::Path;

use chrono::NaiveDate;
use motcua_shared::rule::{Standing, rule_name};
use motcua_shared::text::number;

use super::{CliError, now, open};
use crate::findings::{self, FindingsError, Listed};
use crate::output::{say, say_json};
use crate::rollup;

impl From<FindingsError> for CliError {
    fn from(error: FindingsError) -> Self {
        match error {
            FindingsError::Store(error) => error.into(),
            FindingsError::Reference(error) => error.into(),
        }
    }
}

/// Checks what is due, and prints what is found now within some days, of a unit or of all.
pub fn check(
    data: &Path,
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
    unit: Option<&str>,
    json: bool,
) -> Result<(), CliError> {
    let mut store = open(data)?;
    findings::recheck_due(&mut store, now())?;
    let day = to.unwrap_or_else(|| motcua_shared::calendar::local_day(now()));
    let key = rollup::key_of(&store, unit, day)?;
    let mut found = findings::list(&store, key.as_deref())?;
    found.retain(|one| {
        let within = from.is_none_or(|from| one.finding.from >= from) && to.is_none_or(|to| one.finding.to <= to);
        within && one.state != Standing::Gone
    });
    if json {
        say_json(&serde_json::to_value(&found).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    for one in &found {
        say(&line(one));
    }
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    say(&format!("{} phát hiện. Phần mềm không sửa số liệu nào.", number(count)));
    Ok(())
}

fn line(one: &Listed) -> String {
    let finding = &one.finding;
    format!(
        "{} · {} · [{}] {}: {} ({})",
        one.unit_name,
        finding.period().days(),
        finding.severity.words(),
        rule_name(&finding.rule),
        finding.note,
        one.state.words()
    )
}
