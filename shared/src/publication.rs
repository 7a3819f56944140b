//! Figures for the public: small numbers are hidden, and enough beside them that nobody computes them back.
//!
//! Promise: no number of one or two is shown, and no hidden one follows from what is shown: there is always another table of
//! numbers that are not negative, with the same shown cells and other hidden ones. A zero tells of nobody and is shown.
//! Pure linear algebra, without chance: the same table is always hidden alike. Start at [`Figures::hidden`].

use std::collections::BTreeMap;

/// Numbers below it are small.
pub const SMALLEST_SHOWN: i64 = 3;
/// What stands in place of a hidden number.
pub const HIDDEN: &str = "*";
/// What it means.
pub const NOTE: &str = "* số nhỏ hơn 3, hoặc số phải giấu để không ai tính ngược ra số nhỏ hơn 3";

/// Numbers, and which of them are sums of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    cells: Vec<i64>,
    /// A sum, and its parts.
    sums: Vec<(usize, Vec<usize>)>,
}

impl Figures {
    /// Adds a number, and gives its place.
    pub fn cell(&mut self, value: i64) -> usize {
        self.cells.push(value);
        self.cells.len() - 1
    }

    /// Says that one cell is the sum of others. What does not add up says nothing, and is left out.
    pub fn sum(&mut self, total: usize, parts: impl IntoIterator<Item = usize>) {
        let parts: Vec<usize> = parts.into_iter().collect();
        if !parts.is_empty() && parts.iter().map(|part| self.cells[*part]).sum::<i64>() == self.cells[total] {
            self.sums.push((total, parts));
        }
    }

    /// Says that each column of `rows` adds up to the cell of `total` in the same place.
    pub fn columns(&mut self, total: &[usize], rows: &[Vec<usize>]) {
        for (place, total) in total.iter().enumerate() {
            self.sum(*total, rows.iter().filter_map(|row| row.get(place).copied()).collect::<Vec<_>>());
        }
    }

    /// Which cells are not shown.
    pub fn hidden(&self) -> Vec<bool> {
        let small = |value: &i64| (1..SMALLEST_SHOWN).contains(&value.abs());
        let mut hidden: Vec<bool> = self.cells.iter().map(small).collect();
        let of_cell = self.sums_of_cells();
        loop {
            let free = self.free(&hidden);
            let pinned: Vec<usize> = (0..self.cells.len()).filter(|cell| hidden[*cell] && !free[*cell]).collect();
            if pinned.is_empty() {
                return hidden;
            }
            let mut served = vec![false; self.sums.len()];
            let mut grew = false;
            for cell in pinned {
                // The sum in which the fewest are hidden tells the most.
                let told = of_cell[cell]
                    .iter()
                    .filter_map(|sum| Some((self.hidden_in(*sum, &hidden), *sum, self.companion(*sum, &hidden)?)));
                let Some((_, sum, companion)) = told.min() else { continue };
                if !served[sum] {
                    (served[sum], hidden[companion], grew) = (true, true, true);
                }
            }
            if !grew && !self.hide_another(&mut hidden) {
                return hidden;
            }
        }
    }

    fn sums_of_cells(&self) -> Vec<Vec<usize>> {
        let mut of_cell = vec![Vec::new(); self.cells.len()];
        for (place, (total, parts)) in self.sums.iter().enumerate() {
            for cell in parts.iter().chain([total]) {
                of_cell[*cell].push(place);
            }
        }
        of_cell
    }

    fn members(&self, sum: usize) -> impl Iterator<Item = usize> {
        let (total, parts) = &self.sums[sum];
        parts.iter().chain([total]).copied()
    }

    fn hidden_in(&self, sum: usize, hidden: &[bool]) -> usize {
        self.members(sum).filter(|cell| hidden[*cell]).count()
    }

    /// What is hidden beside a small number: the smallest that is no zero, a part rather than the whole.
    fn companion(&self, sum: usize, hidden: &[bool]) -> Option<usize> {
        let total = self.sums[sum].0;
        let shown = self.members(sum).filter(|cell| !hidden[*cell] && self.cells[*cell] != 0);
        shown.min_by_key(|cell| (*cell == total, self.cells[*cell].abs(), *cell))
    }

    /// Hides one more that stands in a sum with a hidden one.
    fn hide_another(&self, hidden: &mut [bool]) -> bool {
        let with_hidden = (0..self.sums.len()).filter(|sum| self.hidden_in(*sum, hidden) > 0);
        let Some(companion) = with_hidden.filter_map(|sum| self.companion(sum, hidden)).min() else { return false };
        hidden[companion] = true;
        true
    }

    /// Which hidden cells can be otherwise while the shown ones and all sums stay: those in which a vector of the kernel of
    /// the sums, with free coordinates as good as drawn by lot, is not zero. Cells that are not zero can then be moved a
    /// little either way without becoming negative.
    fn free(&self, hidden: &[bool]) -> Vec<bool> {
        let mut echelon: Vec<(usize, Row)> = Vec::new();
        // In which row of the echelon a cell is the pivot. Such a row holds no pivot of an earlier one.
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        for (total, parts) in &self.sums {
            let mut row = Row::new();
            for (cell, sign) in parts.iter().map(|part| (*part, 1)).chain([(*total, MODULUS - 1)]) {
                if hidden[cell] {
                    add(&mut row, cell, sign);
                }
            }
            while let Some(place) = row.keys().filter_map(|cell| places.get(cell)).min() {
                let (pivot, other) = &echelon[*place];
                let factor = row[pivot];
                for (cell, value) in other {
                    add(&mut row, *cell, MODULUS - times(factor, *value));
                }
            }
            if let Some((pivot, value)) = row.first_key_value().map(|(pivot, value)| (*pivot, *value)) {
                let inverse = power(value, MODULUS - 2);
                for value in row.values_mut() {
                    *value = times(*value, inverse);
                }
                places.insert(pivot, echelon.len());
                echelon.push((pivot, row));
            }
        }
        let mut vector: Vec<u64> = (0..self.cells.len()).map(|cell| if hidden[cell] { lot(cell) } else { 0 }).collect();
        for (pivot, row) in echelon.iter().rev() {
            let others = row.iter().filter(|(cell, _)| *cell != pivot);
            let sum = others.fold(0, |sum, (cell, value)| (sum + times(*value, vector[*cell])) % MODULUS);
            vector[*pivot] = (MODULUS - sum) % MODULUS;
        }
        vector.into_iter().map(|value| value != 0).collect()
    }
}

/// Coefficients that are not zero, by cell, modulo [`MODULUS`].
type Row = BTreeMap<usize, u64>;

/// A Mersenne prime: arithmetic without fractions, in which no sum of a table of people vanishes by accident.
const MODULUS: u64 = (1 << 61) - 1;

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b) % u128::from(MODULUS);
    u64::try_from(product).unwrap_or_default()
}

fn power(base: u64, mut exponent: u64) -> u64 {
    let (mut base, mut result) = (base, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    result
}

fn add(row: &mut Row, cell: usize, value: u64) {
    let sum = (row.get(&cell).copied().unwrap_or_default() + value) % MODULUS;
    if sum == 0 {
        row.remove(&cell);
    } else {
        row.insert(cell, sum);
    }
}

/// A number that has nothing to do with others: always the same for the same cell.
fn lot(cell: usize) -> u64 {
    let hash = blake3::hash(&(cell as u64).to_le_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes) % (MODULUS - 1) + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table with a sum for each row, for each column, and of all.
    fn table(rows: &[Vec<i64>]) -> (Figures, Vec<Vec<usize>>) {
        let mut figures = Figures::default();
        let mut places: Vec<Vec<usize>> = Vec::new();
        let with_sum = |row: &Vec<i64>| row.iter().copied().chain([row.iter().sum()]).collect::<Vec<i64>>();
        let mut whole: Vec<Vec<i64>> = rows.iter().map(with_sum).collect();
        let bottom = (0..whole[0].len()).map(|column| whole.iter().map(|row| row[column]).sum()).collect();
        whole.push(bottom);
        for row in &whole {
            let cells: Vec<usize> = row.iter().map(|value| figures.cell(*value)).collect();
            let (total, parts) = cells.split_last().expect("a sum");
            figures.sum(*total, parts.iter().copied());
            places.push(cells);
        }
        let (bottom, parts) = places.split_last().expect("a sum");
        figures.columns(bottom, parts);
        (figures, places)
    }

    #[track_caller]
    fn shows(rows: &[&[i64]], expected: &[&str]) {
        let (figures, places) = table(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
        let hidden = figures.hidden();
        let word = |cell: &usize| if hidden[*cell] { HIDDEN.to_owned() } else { figures.cells[*cell].to_string() };
        let shown: Vec<String> = places.iter().map(|row| row.iter().map(word).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn nothing_is_hidden_where_nothing_is_small() {
        shows(&[&[3, 0], &[40, 5]], &["3 0 3", "40 5 45", "43 5 48"]);
    }

    #[test]
    fn a_small_number_takes_a_rectangle_with_it() {
        shows(&[&[1, 9, 30], &[8, 7, 30], &[30, 30, 30]], &["* * 30 40", "* * 30 45", "30 30 30 90", "39 46 90 175"]);
    }

    #[test]
    fn where_only_the_small_one_is_there_its_sums_go_too() {
        shows(&[&[2, 0], &[0, 0]], &["* 0 *", "0 0 0", "* 0 *"]);
    }

    /// Solves the sums for the hidden cells as an attacker would, with fractions: the cells that come out.
    fn computed_back(figures: &Figures, hidden: &[bool]) -> Vec<usize> {
        let unknown: Vec<usize> = (0..hidden.len()).filter(|cell| hidden[*cell]).collect();
        let mut rows: Vec<Vec<f64>> = figures
            .sums
            .iter()
            .map(|(total, parts)| {
                let sign = |cell: &usize| {
                    let parts = parts.iter().filter(|part| *part == cell).count();
                    f64::from(u32::try_from(parts).expect("few")) - if cell == total { 1.0 } else { 0.0 }
                };
                unknown.iter().map(sign).collect()
            })
            .collect();
        let mut top = 0;
        for column in 0..unknown.len() {
            let Some(pivot) = (top..rows.len()).find(|row| rows[*row][column].abs() > 1e-9) else { continue };
            rows.swap(top, pivot);
            let head = rows[top].iter().map(|value| value / rows[top][column]).collect::<Vec<f64>>();
            for (place, row) in rows.iter_mut().enumerate() {
                let factor = row[column];
                if place != top && factor.abs() > 1e-9 {
                    for (value, head) in row.iter_mut().zip(&head) {
                        *value -= factor * head;
                    }
                }
            }
            rows[top] = head;
            top += 1;
        }
        // Fully reduced: a row with one unknown left gives it away.
        let alone = |row: &Vec<f64>| {
            let mut left = row.iter().enumerate().filter(|(_, value)| value.abs() > 1e-9);
            let (first, second) = (left.next(), left.next());
            first.filter(|_| second.is_none()).map(|(column, _)| unknown[column])
        };
        rows.iter().filter_map(alone).collect()
    }

    /// Numbers as in a commune: many zeros, many small ones, some large.
    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![3 => Just(0_i64), 3 => 1..3_i64, 3 => 3..12_i64, 1 => 12..900_i64]
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<i64>>> {
        (1..6_usize, 1..6_usize)
            .prop_flat_map(|(rows, columns)| prop::collection::vec(prop::collection::vec(number(), columns), rows))
    }

    proptest! {
        #[test]
        fn no_small_number_is_shown_or_can_be_computed_back(rows in rows()) {
            let (figures, _) = table(&rows);
            let hidden = figures.hidden();
            for (value, hidden) in figures.cells.iter().zip(&hidden) {
                prop_assert!(*hidden || !(1..SMALLEST_SHOWN).contains(value), "{value} is shown");
                prop_assert!(!*hidden || *value != 0, "a zero need not be hidden");
            }
            prop_assert_eq!(computed_back(&figures, &hidden), Vec::<usize>::new());
        }

        /// Groups within rows, as the form's columns, and a second way to the same sum.
        #[test]
        fn sums_of_sums_do_not_help_either(rows in prop::collection::vec(prop::collection::vec(number(), 5), 1..5)) {
            let mut figures = Figures::default();
            let mut places = Vec::new();
            let mut bottom = vec![0; 8];
            for row in &rows {
                let (first, second) = (row[0] + row[1] + row[2], row[3] + row[4]);
                let whole = [row[0], row[1], row[2], first, row[3], row[4], second, first + second];
                for (sum, value) in bottom.iter_mut().zip(whole) {
                    *sum += value;
                }
                places.push(whole.map(|value| figures.cell(value)).to_vec());
            }
            let bottom: Vec<usize> = bottom.into_iter().map(|value| figures.cell(value)).collect();
            for cells in places.iter().chain([&bottom]) {
                figures.sum(cells[3], cells[..3].iter().copied());
                figures.sum(cells[6], cells[4..6].iter().copied());
                figures.sum(cells[7], [cells[3], cells[6]]);
            }
            figures.columns(&bottom, &places);
            let hidden = figures.hidden();
            prop_assert_eq!(computed_back(&figures, &hidden), Vec::<usize>::new());
            prop_assert!(figures.cells.iter().zip(&hidden).all(|(value, hidden)| *hidden || !(1..SMALLEST_SHOWN).contains(value)));
        }
    }
}
