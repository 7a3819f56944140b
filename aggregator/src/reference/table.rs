//! The tables of the reference data, as files are read into them, as pages show them, and as files are written of them.
//!
//! Promise: what is written is what is read again. Every bad cell of a file is named. Start at [`Table`] and [`read`].

use chrono::NaiveDate;
use motcua_shared::reference::{self as format, Snapshot};
use motcua_shared::rule::identity;
use motcua_shared::unit::{Unit, Units};
use motcua_shared::{calendar, catalogue, dictionary};
use serde::Serialize;
use serde_json::Value;

/// One table of the reference data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Procedures,
    Holidays,
    Hours,
    Targets,
    Units,
    Rulesets,
    Indicators,
    Rules,
}

/// A table as it is declared: code, name, the columns that a file of it must have and may have, and those that tell its
/// lines apart where a line can be taken out.
struct Shape {
    code: &'static str,
    name: &'static str,
    columns: &'static [&'static str],
    key: &'static [&'static str],
}

const fn shape(code: &'static str, name: &'static str, columns: &'static [&'static str], key: &'static [&'static str]) -> Shape {
    Shape { code, name, columns, key }
}

const SHAPES: [Shape; 8] = [
    shape("procedures", "Thủ tục", &[], &[]),
    shape("holidays", "Ngày nghỉ, làm bù", &["date", "name", "kind", "unit", "decision"], &["date", "unit"]),
    shape(
        "hours",
        "Giờ làm việc",
        &["days", "morning", "afternoon", "valid_from", "unit", "valid_to", "decision"],
        &["days", "valid_from", "unit"],
    ),
    shape(
        "targets",
        "Mục tiêu",
        &["indicator", "level", "unit", "year", "value", "decision"],
        &["indicator", "level", "unit", "year"],
    ),
    shape("units", "Đơn vị", &["code", "name", "kind", "parent", "valid_from", "valid_to", "successor"], &[]),
    shape("rulesets", "Bộ quy định", &["id", "holiday_change"], &[]),
    shape("indicators", "Chỉ tiêu báo cáo", &["code", "name", "unit", "group", "computed"], &["code"]),
    shape(
        "rules",
        "Quy tắc kiểm tra",
        &["id", "rule", "scope", "at", "statement", "missing", "severity", "gap", "basis", "ask"],
        &["id"],
    ),
];

/// What changes the draft.
pub type Amendment = Box<dyn FnOnce(&mut Snapshot) + Send>;

impl Table {
    pub const ALL: [Table; 8] = [
        Table::Procedures,
        Table::Holidays,
        Table::Hours,
        Table::Targets,
        Table::Units,
        Table::Rulesets,
        Table::Indicators,
        Table::Rules,
    ];

    fn shape(self) -> &'static Shape {
        &SHAPES[self as usize]
    }

    /// As it stands in addresses.
    pub fn code(self) -> &'static str {
        self.shape().code
    }

    pub fn from_code(code: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.code() == code)
    }

    /// In words for people.
    pub fn name(self) -> &'static str {
        self.shape().name
    }

    /// The columns of its files, in order.
    pub fn columns(self) -> Vec<&'static str> {
        match self {
            Table::Procedures => catalogue::COLUMNS.iter().chain(&catalogue::OPTIONAL_COLUMNS).copied().collect(),
            other => other.shape().columns.to_vec(),
        }
    }

    /// The columns that tell its lines apart; none where no line can be taken out.
    pub fn key(self) -> &'static [&'static str] {
        self.shape().key
    }

    /// Whether a line can be typed in.
    pub fn takes_lines(self) -> bool {
        !matches!(self, Table::Procedures | Table::Units)
    }

    /// Its lines in a snapshot, cell by cell as [`Table::columns`] says, in the words of a file.
    pub fn rows(self, snapshot: &Snapshot) -> Vec<Vec<String>> {
        let columns = self.columns();
        match self {
            Table::Procedures => sheet_rows(&catalogue::sheet(&snapshot.procedures).to_csv()),
            Table::Hours => snapshot.hours.iter().map(hours_row).collect(),
            Table::Holidays => rows(&snapshot.days, &columns),
            Table::Targets => rows(&snapshot.targets, &columns),
            Table::Units => rows(&snapshot.units, &columns),
            Table::Rulesets => rows(&snapshot.rulesets, &columns),
            Table::Indicators => rows(&snapshot.indicators, &columns),
            Table::Rules => rows(&snapshot.rules, &columns),
        }
    }

    /// The same lines as JSON.
    pub fn json(self, snapshot: &Snapshot) -> Value {
        match self {
            Table::Procedures => value(&snapshot.procedures),
            Table::Holidays => value(&snapshot.days),
            Table::Hours => value(&snapshot.hours),
            Table::Targets => value(&snapshot.targets),
            Table::Units => value(&snapshot.units),
            Table::Rulesets => value(&snapshot.rulesets),
            Table::Indicators => value(&snapshot.indicators),
            Table::Rules => value(&snapshot.rules),
        }
    }

    /// Takes out the line with this key, cell by cell as [`Table::key`] says; nothing where there is none.
    pub fn without(self, key: Vec<String>) -> Amendment {
        let (columns, wanted) = (self.columns(), self.key());
        let is_meant = move |cells: &[String]| {
            let cell = |name: &str| columns.iter().position(|column| *column == name).and_then(|place| cells.get(place));
            !wanted.is_empty() && wanted.iter().zip(&key).all(|(name, value)| cell(name) == Some(value))
        };
        Box::new(move |snapshot| {
            let keeps: Vec<bool> = self.rows(snapshot).iter().map(|cells| !is_meant(cells)).collect();
            match self {
                Table::Holidays => retain(&mut snapshot.days, &keeps),
                Table::Hours => retain(&mut snapshot.hours, &keeps),
                Table::Targets => retain(&mut snapshot.targets, &keeps),
                Table::Indicators => retain(&mut snapshot.indicators, &keeps),
                Table::Rules => retain(&mut snapshot.rules, &keeps),
                Table::Procedures | Table::Units | Table::Rulesets => {}
            }
        })
    }
}

fn retain<T>(lines: &mut Vec<T>, keeps: &[bool]) {
    let mut keeps = keeps.iter();
    lines.retain(|_| keeps.next().copied().unwrap_or(true));
}

fn value(lines: &impl Serialize) -> Value {
    serde_json::to_value(lines).unwrap_or_default()
}

fn rows(lines: &impl Serialize, columns: &[&str]) -> Vec<Vec<String>> {
    let cell = |line: &Value, column: &&str| match &line[*column] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let lines = value(lines);
    lines.as_array().into_iter().flatten().map(|line| columns.iter().map(|column| cell(line, column)).collect()).collect()
}

fn hours_row(hours: &calendar::Hours) -> Vec<String> {
    let session = |session: Option<calendar::Session>| {
        session.map_or_else(String::new, |(from, to)| format!("{}-{}", from.format("%H:%M"), to.format("%H:%M")))
    };
    vec![
        hours.days.to_string(),
        session(hours.open.morning),
        session(hours.open.afternoon),
        hours.valid_from.to_string(),
        hours.unit.clone().unwrap_or_default(),
        hours.valid_to.map(|day| day.to_string()).unwrap_or_default(),
        hours.decision.clone().unwrap_or_default(),
    ]
}

/// The rows of a CSV file that this program wrote, without its heading.
fn sheet_rows(file: &[u8]) -> Vec<Vec<String>> {
    let text = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    reader.records().filter_map(Result::ok).map(|row| row.iter().map(str::to_owned).collect()).collect()
}

/// One line as a file of it, to be read as any other.
pub fn line_file(columns: &[&str], cells: &[String]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in [columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>(), cells.to_vec()] {
        writer.write_record(&row).expect("memory takes every byte, and the rows are of one length");
    }
    writer.into_inner().expect("memory takes every byte")
}

/// Reads a file into what it changes. `decision` and `from` are for lines without their own. `Err`: everything that is
/// wrong, with its place.
pub fn read(table: Table, file: &[u8], decision: Option<String>, from: Option<NaiveDate>) -> Result<Amendment, Vec<String>> {
    Ok(match table {
        Table::Procedures => {
            let rows = good(catalogue::procedures(file))?;
            if from.is_none() && rows.iter().any(|row| row.valid_from.is_none()) {
                return Err(vec![
                    "có thủ tục chưa ghi ngày hiệu lực; hãy ghi ngày bắt đầu hiệu lực hoặc thêm cột valid_from".to_owned(),
                ]);
            }
            Box::new(move |snapshot| snapshot.procedures_amend(rows, decision.as_deref(), from))
        }
        Table::Holidays => {
            let rows = good(calendar::days(text(file)?))?;
            Box::new(move |snapshot| snapshot.days_amend(rows, decision.as_deref()))
        }
        Table::Targets => {
            let rows = good(format::targets(text(file)?))?;
            Box::new(move |snapshot| snapshot.targets_amend(rows, decision.as_deref()))
        }
        Table::Rulesets => {
            let rows = good(format::terms(text(file)?))?;
            Box::new(move |snapshot| snapshot.rulesets_amend(rows))
        }
        Table::Hours => {
            let rows = good(calendar::hours(file))?;
            Box::new(move |snapshot| snapshot.hours_amend(rows, decision.as_deref()))
        }
        Table::Indicators => {
            let rows = good(dictionary::parse(text(file)?))?;
            Box::new(move |snapshot| snapshot.indicators_amend(rows))
        }
        Table::Rules => {
            let rows = good(identity::parse(text(file)?))?;
            Box::new(move |snapshot| snapshot.rules_amend(rows))
        }
        Table::Units => {
            let rows = units(file)?;
            Box::new(move |snapshot| snapshot.units = rows)
        }
    })
}

/// Reads a file of units.
pub fn units(file: &[u8]) -> Result<Vec<Unit>, Vec<String>> {
    let units = Units::parse(text(file)?).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(units.iter().cloned().collect())
}

fn text(file: &[u8]) -> Result<&str, Vec<String>> {
    let unreadable = |_| vec!["tệp không phải UTF-8; hãy lưu lại tệp dạng CSV UTF-8".to_owned()];
    std::str::from_utf8(file).map_err(unreadable)
}

fn good<T, F: std::fmt::Display>(read: Result<Vec<T>, Vec<F>>) -> Result<Vec<T>, Vec<String>> {
    match read {
        Ok(rows) if rows.is_empty() => Err(vec!["tệp không có dòng nào".to_owned()]),
        Ok(rows) => Ok(rows),
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(Table, &str); 6] = [
        (Table::Holidays, "date,name,kind,unit,decision\n2027-03-17,Nghỉ,le,11089,1/TB\n"),
        (
            Table::Hours,
            "days,morning,afternoon,valid_from,unit,valid_to,decision\nt2-t6,07:00-11:30,13:30-17:00,2027-01-01,,,4/QĐ\n",
        ),
        (Table::Targets, "indicator,level,unit,year,value,decision\nonline_share,commune,,2027,84.5,5/QĐ\n"),
        (Table::Rulesets, "id,holiday_change\nnd61-2018,keeps\n"),
        (Table::Indicators, "code,name,unit,group,computed\nweb.news,Tin bài,tin,Công khai,\n"),
        (Table::Units, "code,name,kind,parent,valid_from,valid_to,successor\n11089,Xã Thử,commune,298,2020-01-01,,\n"),
    ];

    fn amended(table: Table, file: &str) -> Snapshot {
        let mut snapshot = Snapshot { units: Vec::new(), days: Vec::new(), rulesets: Vec::new(), ..Snapshot::starter() };
        read(table, file.as_bytes(), None, None).expect("readable")(&mut snapshot);
        snapshot
    }

    #[test]
    fn what_is_written_of_a_table_is_what_was_read() {
        for (table, file) in FILES {
            let rows = table.rows(&amended(table, file));
            assert_eq!(rows.len(), 1, "{table:?}");
            assert_eq!(String::from_utf8(line_file(&table.columns(), &rows[0])).expect("text"), file, "{table:?}");
        }
        let starter = Snapshot::starter();
        let procedures = Table::Procedures.rows(&starter);
        assert_eq!((procedures.len(), procedures[0].len()), (starter.procedures.len(), Table::Procedures.columns().len()));
    }

    #[test]
    fn a_line_is_taken_out_by_its_key_and_no_other() {
        for (table, file) in FILES.into_iter().filter(|(table, _)| !table.key().is_empty()) {
            let mut snapshot = amended(table, file);
            let (row, columns) = (table.rows(&snapshot).remove(0), table.columns());
            let cell = |name: &&str| row[columns.iter().position(|column| column == name).expect("a column")].clone();
            let key: Vec<String> = table.key().iter().map(cell).collect();
            let mut other = key.clone();
            other[0] = "khác".to_owned();
            table.without(other)(&mut snapshot);
            assert_eq!(table.rows(&snapshot).len(), 1, "{table:?}");
            table.without(key)(&mut snapshot);
            assert!(table.rows(&snapshot).is_empty(), "{table:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_in_a_file_is_named_with_its_place() {
        let faults = |table, file: &str| read(table, file.as_bytes(), None, None).err().expect("faulty").join("\n");
        let hours = faults(Table::Hours, "days,morning,afternoon,valid_from\nt9,7,13:30-17:00,2027-01-01\n");
        assert!(hours.contains("dòng 2, cột days") && hours.contains("dòng 2, cột morning"), "{hours}");
        assert!(faults(Table::Holidays, "date,name,kind\n2027-13-01,Nghỉ,le\n").contains("dòng 2"));
        assert!(faults(Table::Targets, "indicator,level,unit,year,value\n").contains("không có dòng nào"));
    }
}
