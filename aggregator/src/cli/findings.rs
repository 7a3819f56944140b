//! The command that says what does not add up.

use std::path::Path;

use chrono::NaiveDate;
use motcua_shared::brought;
use motcua_shared::period::Period;
use motcua_shared::rule::{Standing, rule_name};
use motcua_shared::text::number;

use super::{CliError, now, open};
use crate::findings::{self, FindingsError, Listed};
use crate::narrative;
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

/// Reads a report of a unit that was written elsewhere, and prints what would be found if the unit declared it. Keeps nothing.
pub fn check_file(
    data: &Path,
    days: (Option<NaiveDate>, Option<NaiveDate>),
    unit: &str,
    (file, sheet): (&Path, Option<&str>),
    json: bool,
) -> Result<(), CliError> {
    let store = open(data)?;
    let bytes = std::fs::read(file).map_err(|error| CliError::Asked(format!("Không đọc được {}: {error}.", file.display())))?;
    let period = days.0.zip(days.1).map(|(from, to)| Period::new(from, to)).transpose().map_err(rollup::ReportError::from)?;
    let brought = brought::read(&bytes, &narrative::dictionary(&store)?, period, sheet);
    if !brought.faults.is_empty() {
        let faults: Vec<String> = brought.faults.iter().map(|fault| format!("\n  {fault}")).collect();
        return Err(CliError::Asked(format!("Chưa hiểu hết tệp {}:{}", file.display(), faults.concat())));
    }
    let last = brought.periods().iter().map(|period| period.to).max();
    let last = last.unwrap_or_else(|| motcua_shared::calendar::local_day(now()));
    let key = rollup::key_of(&store, Some(unit), last)?
        .ok_or_else(|| CliError::Asked("Hãy ghi mã của một đơn vị báo cáo, không phải của cấp tổng hợp.".to_owned()))?;
    let found = findings::found_in(&store, &key, &brought, now())?;
    if json {
        say_json(&serde_json::to_value(&found).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    for finding in &found {
        let (period, severity) = (finding.period().days(), finding.severity.words());
        say(&format!("{period} · [{severity}] {}: {} Hỏi: {}", rule_name(&finding.rule), finding.note, finding.ask));
    }
    let count = |count: usize| number(i64::try_from(count).unwrap_or(i64::MAX));
    say(&format!("Đã đọc {} số liệu, {} phát hiện. Không lưu gì.", count(brought.count()), count(found.len())));
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
