//! Registers of communes that do not exist, full of people who do not exist.
//!
//! Promise: the same seed gives the same register; every row passes the agent's import. Start at [`csv`].

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use motcua_shared::calendar::Calendar;
use motcua_shared::import::COLUMNS;

/// A generator of chance that is the same everywhere (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let place = self.below(choices.len() as u64);
        choices[usize::try_from(place).expect("a short list")]
    }
}

const FAMILY: [&str; 8] = ["Nguyễn", "Trần", "Phạm", "Vũ", "Đặng", "Bùi", "Đỗ", "Hoàng"];
const MIDDLE: [&str; 6] = ["Thị", "Văn", "Đức", "Ngọc", "Minh", "Thu"];
const GIVEN: [&str; 8] = ["Thử", "Mẫu", "Giả", "Ví", "Dụ", "Bịa", "Tưởng", "Nháp"];
/// Procedure, its fee in đồng, and the days that it takes here.
const PROCEDURES: [(&str, u64, u64); 6] = [
    ("2.000815", 4000, 0),
    ("2.000884", 10000, 0),
    ("1.001193", 0, 0),
    ("1.004873", 0, 2),
    ("1.001731", 0, 4),
    ("1.001653", 0, 7),
];

/// A register of `count` dossiers of the office with this identifier, from `first_day` on, as an import file.
pub fn csv(seed: u64, identifier: &str, first_day: NaiveDate, count: usize) -> String {
    let mut dice = Dice::new(seed);
    let calendar = Calendar::starter();
    let mut out = COLUMNS.join(",") + "\n";
    let mut day = first_day;
    let (mut number, mut written) = (0, 0);
    let per_day = 4 + dice.below(20);
    while written < count {
        if !calendar.is_working_day(day) || number >= per_day {
            day = day.checked_add_days(Days::new(1)).expect("a day after");
            number = 0;
            continue;
        }
        number += 1;
        written += 1;
        out.push_str(&row(&mut dice, &format!("{identifier}-{}-{number:04}", day.format("%y%m%d")), day));
    }
    out
}

fn row(dice: &mut Dice, code: &str, day: NaiveDate) -> String {
    let (procedure, fee, takes) = PROCEDURES[usize::try_from(dice.below(6)).expect("a short list")];
    let online = dice.below(3) == 0;
    let received = day.and_time(NaiveTime::from_hms_opt(8, 0, 0).expect("a time")) + minutes(dice.below(150));
    let finished = received + TimeDelta::days(i64::try_from(takes).expect("few days")) + minutes(10 + dice.below(60));
    let open = dice.below(50) == 0;
    let (finished, outcome, returned) =
        if open { (String::new(), "", String::new()) } else { (stamp(finished), "granted", stamp(finished + minutes(20))) };
    let person = format!("{} {} {}", dice.pick(&FAMILY), dice.pick(&MIDDLE), dice.pick(&GIVEN));
    let (identity, phone) = (dice.below(100_000_000), dice.below(10_000_000));
    format!(
        "{code},{procedure},{},{},{},,{finished},{outcome},{returned},{},{},{fee},{},{},{person},0309{identity:08},090{phone:07},\
         \"Thôn {}, xã Tưởng Tượng, huyện Tứ Kỳ, tỉnh Hải Dương\"\n",
        if online { "online" } else { "in_person" },
        dice.pick(&["citizen", "citizen", "official"]),
        stamp(received),
        dice.pick(&["none", "some", "all"]),
        if open { "no" } else { dice.pick(&["yes", "no"]) },
        if online && fee > 0 { "yes" } else { "no" },
        if open { "" } else { dice.pick(&["", "normal", "good", "very_good"]) },
        1 + dice.below(6),
    )
}

fn minutes(count: u64) -> TimeDelta {
    TimeDelta::minutes(i64::try_from(count).expect("few minutes"))
}

fn stamp(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:00+07:00").to_string()
}

#[cfg(test)]
mod tests {
    use motcua_shared::catalogue::Catalogue;
    use motcua_shared::import::dossiers;

    use super::*;

    #[test]
    fn a_generated_register_is_imported_whole_and_is_the_same_again() {
        let text = csv(7, "000.00.01.H23", NaiveDate::from_ymd_opt(2021, 1, 4).expect("a date"), 500);
        let read = dossiers(text.as_bytes(), &Catalogue::starter(), &Calendar::starter(), |_| false).expect("every row is good");
        assert_eq!(read.len(), 500);
        assert_eq!(text, csv(7, "000.00.01.H23", NaiveDate::from_ymd_opt(2021, 1, 4).expect("a date"), 500));
    }
}
