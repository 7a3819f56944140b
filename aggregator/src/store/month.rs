//! The counters of one reporting month: everything before it, and what each of its days adds.
//!
//! Promise: one row answers for any day of its month and, while it is the newest, for every day after it; its size depends
//! on the days and not on the dossiers. Start at [`Month::until`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use motcua_shared::contribution::Counters;
use motcua_shared::period::{month_of, month_start};

/// One row of `rollup_unit` or `rollup_procedure`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Month {
    /// Sum of all days before the month.
    pub before: Counters,
    /// What each day adds, by its distance from the first.
    pub days: BTreeMap<u8, Counters>,
}

/// The row is not one that this program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month of the rollups is not readable")]
pub struct Unreadable;

/// How far `day` is from the first of its reporting month.
pub fn distance(day: NaiveDate) -> u8 {
    let days = (day - month_start(month_of(day))).num_days();
    u8::try_from(days).unwrap_or(u8::MAX)
}

impl Month {
    /// Sum of all days up to the end of the month.
    pub fn end(&self) -> Counters {
        self.days.values().fold(self.before, |mut sum, day| {
            sum.add(day);
            sum
        })
    }

    /// Adds to a day; a day to which nothing is left of goes.
    pub fn add(&mut self, distance: u8, counters: &Counters) {
        let day = self.days.entry(distance).or_default();
        day.add(counters);
        if day.is_zero() {
            self.days.remove(&distance);
        }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        write_counters(&self.before, &mut out);
        for (distance, counters) in &self.days {
            out.push(*distance);
            write_counters(counters, &mut out);
        }
        out
    }

    pub fn read(bytes: &[u8]) -> Result<Month, Unreadable> {
        let mut month = Month::default();
        let mut reader = Reader(bytes);
        reader.add_counters(&mut month.before)?;
        while let Some(distance) = reader.byte() {
            reader.add_counters(month.days.entry(distance).or_default())?;
        }
        Ok(month)
    }

    /// Of the row `bytes` of `month`: the sum of all days up to and with `day`, which is in this month or later.
    pub fn until(bytes: &[u8], month: i32, day: NaiveDate) -> Result<Counters, Unreadable> {
        let last = if month_of(day) > month { u8::MAX } else { distance(day) };
        let mut sum = Counters::default();
        let mut reader = Reader(bytes);
        reader.add_counters(&mut sum)?;
        while reader.byte().is_some_and(|distance| distance <= last) {
            reader.add_counters(&mut sum)?;
        }
        Ok(sum)
    }
}

/// How many counters are not zero, then each with its place.
fn write_counters(counters: &Counters, out: &mut Vec<u8>) {
    let set = || (0u8..).zip(counters.0).filter(|(_, value)| *value != 0);
    out.push(u8::try_from(set().count()).unwrap_or(u8::MAX));
    for (place, value) in set() {
        out.push(place);
        // Zigzag: small numbers of either sign take one byte.
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest >= 0x80 {
            out.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
            rest >>= 7;
        }
        out.push(u8::try_from(rest).unwrap_or(0));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn add_counters(&mut self, sum: &mut Counters) -> Result<(), Unreadable> {
        for _ in 0..self.byte().ok_or(Unreadable)? {
            let place = usize::from(self.byte().ok_or(Unreadable)?);
            let value = self.number()?;
            let counter = sum.0.get_mut(place).ok_or(Unreadable)?;
            *counter = counter.saturating_add(value);
        }
        Ok(())
    }

    fn number(&mut self) -> Result<i64, Unreadable> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte().ok_or(Unreadable)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use motcua_shared::contribution::COLUMNS;
    use proptest::prelude::*;

    use super::*;

    fn any_counters() -> impl Strategy<Value = Counters> {
        let value = prop_oneof![4 => Just(0i64), 2 => -200i64..200, 1 => any::<i32>().prop_map(i64::from)];
        prop::collection::vec(value, COLUMNS.len()).prop_map(|values| Counters(values.try_into().expect("as many")))
    }

    proptest! {
        #[test]
        fn a_month_is_read_as_it_was_written_and_answers_for_each_of_its_days(
            before in any_counters(),
            days in prop::collection::btree_map(0u8..31, any_counters(), 0..12),
            asked in 0u8..31,
        ) {
            let days: BTreeMap<u8, Counters> = days.into_iter().filter(|(_, counters)| !counters.is_zero()).collect();
            let month = Month { before, days };
            let bytes = month.write();
            prop_assert_eq!(Month::read(&bytes), Ok(month.clone()));
            let number = 12 * 2023; // 15 December to 14 January
            let day = month_start(number) + chrono::Days::new(u64::from(asked));
            let mut expected = month.before;
            month.days.range(..=asked).for_each(|(_, counters)| expected.add(counters));
            prop_assert_eq!(Month::until(&bytes, number, day), Ok(expected));
            prop_assert_eq!(Month::until(&bytes, number, month_start(number + 3)), Ok(month.end()));
        }

        #[test]
        fn foreign_bytes_are_refused_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Month::read(&bytes);
            let _ = Month::until(&bytes, 12 * 2023, month_start(12 * 2023));
        }
    }
}
