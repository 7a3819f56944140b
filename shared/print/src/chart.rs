//! Charts on paper: columns over labels, and the small line of a trend.
//!
//! Promise: told apart by filled and hollow shapes, never by colour; the scale ends at a round number. Start at [`columns`].

use motcua_shared::document::Chart;
use motcua_shared::indicator::Hundredths;

use crate::flow::{Item, Set};
use crate::fonts::{Face, Fonts};

/// Points: of the drawing itself, of its words, left of the scale.
const HEIGHT: f32 = 130.0;
const SIZE: f32 = 8.0;
const LEFT: f32 = 46.0;
const LINES: i64 = 4;
const THIN: f32 = 0.4;

/// The smallest round number that is not below `value`: 1, 2 or 5 times a power of ten, times four.
fn ceiling(value: i64) -> i64 {
    let mut step = 1;
    loop {
        for times in [1, 2, 5] {
            if step * times * LINES >= value {
                return step * times * LINES;
            }
        }
        step *= 10;
    }
}

fn text(fonts: &Fonts, words: &str, middle: f32, y: f32, face: Face, size: f32) -> Item {
    let width = fonts.width(face, words, size);
    Item::Text { x: middle - width / 2.0, y, face, size, text: words.to_owned() }
}

/// Values are far below 2^23 in a chart that anybody can read.
#[expect(clippy::cast_precision_loss, reason = "places on paper need no more digits")]
fn real(value: i64) -> f32 {
    value as f32
}

pub fn columns(fonts: &Fonts, chart: &Chart, room: f32) -> Set {
    let mut items = vec![text(fonts, &chart.title, room / 2.0, SIZE + 2.0, Face::Bold, SIZE + 2.0)];
    let top = SIZE * 2.0 + 6.0;
    let most = ceiling(chart.series.iter().flat_map(|(_, values)| values).copied().max().unwrap_or(0).max(1));
    for line in 0..=LINES {
        let y = top + HEIGHT - HEIGHT * real(line) / real(LINES);
        items.push(Item::Box { x: LEFT, y, width: room - LEFT, height: THIN });
        let words = Hundredths(most / LINES * line).to_string();
        let width = fonts.width(Face::Regular, &words, SIZE);
        items.push(Item::Text { x: LEFT - 4.0 - width, y: y + SIZE / 3.0, face: Face::Regular, size: SIZE, text: words });
    }
    let count = real(i64::try_from(chart.labels.len().max(1)).unwrap_or(1));
    let several = real(i64::try_from(chart.series.len().max(1)).unwrap_or(1));
    let step = (room - LEFT) / count;
    let width = (step * 0.75 / several).min(26.0);
    for (place, label) in (0i64..).zip(&chart.labels) {
        let middle = LEFT + step * (real(place) + 0.5);
        for (number, (_, values)) in (0i64..).zip(&chart.series) {
            let value = usize::try_from(place).ok().and_then(|place| values.get(place)).copied().unwrap_or(0).max(0);
            let height = HEIGHT * real(value) / real(most);
            let (x, y) = (middle - width * several / 2.0 + width * real(number), top + HEIGHT - height);
            let wide = (width - 1.5).max(1.0);
            if number == 0 {
                items.push(Item::Box { x, y, width: wide, height });
            } else {
                let corners = vec![[0.0, 0.0], [wide, 0.0], [wide, height], [0.0, height], [0.0, 0.0]];
                items.push(Item::Line { x, y, points: corners });
            }
        }
        items.push(text(fonts, label, middle, top + HEIGHT + SIZE + 3.0, Face::Regular, SIZE));
    }
    let mut height = top + HEIGHT + SIZE * 2.0;
    if chart.series.len() > 1 {
        let names: Vec<String> = chart
            .series
            .iter()
            .enumerate()
            .map(|(place, (name, _))| format!("{} {name}", ["đặc:", "rỗng:"][place.min(1)]))
            .collect();
        height += SIZE + 4.0;
        items.push(text(fonts, &format!("Cột {}", names.join("; cột ")), room / 2.0, height - 4.0, Face::Italic, SIZE));
    }
    Set { items, height }
}

/// A small line; a value without a neighbour is not drawn.
pub fn trend(values: &[Option<i64>], room: f32) -> Set {
    const TALL: f32 = 14.0;
    let known: Vec<i64> = values.iter().flatten().copied().collect();
    let (Some(lowest), Some(highest)) = (known.iter().min(), known.iter().max()) else {
        return Set { items: Vec::new(), height: TALL };
    };
    let last = real(i64::try_from(values.len()).unwrap_or(2) - 1).max(1.0);
    let place = |number: i64, value: i64| {
        let share = if highest == lowest { 0.5 } else { real(value - lowest) / real(highest - lowest) };
        [room * real(number) / last, TALL - 2.0 - (TALL - 4.0) * share]
    };
    let mut items = Vec::new();
    let mut run: Vec<[f32; 2]> = Vec::new();
    for (number, value) in (0i64..).zip(values.iter().chain([&None])) {
        match value {
            Some(value) => run.push(place(number, *value)),
            None if run.len() > 1 => items.push(Item::Line { x: 0.0, y: 0.0, points: std::mem::take(&mut run) }),
            None => run.clear(),
        }
    }
    Set { items, height: TALL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_shape_for_each_value_inside_its_room_and_says_its_scale() {
        let fonts = Fonts::find(&[]).expect("there is always a family");
        let chart = Chart {
            title: "Hồ sơ".to_owned(),
            labels: vec!["1".to_owned(), "2".to_owned()],
            series: vec![("tiếp nhận".to_owned(), vec![1000, 500]), ("giải quyết".to_owned(), vec![900, 0])],
        };
        let set = columns(&fonts, &chart, 400.0);
        let bars = set.items.iter().filter(|item| matches!(item, Item::Box { height, .. } if *height > 1.0)).count();
        let hollow = set.items.iter().filter(|item| matches!(item, Item::Line { .. })).count();
        assert_eq!((bars, hollow), (2, 2));
        assert!(set.items.iter().all(|item| !matches!(item, Item::Box { x, width, .. } if x + width > 400.1)));
        assert!(set.items.iter().any(|item| matches!(item, Item::Text { text, .. } if text == "20")));
    }

    #[test]
    fn a_trend_breaks_where_nothing_is_known() {
        let lines = |values: &[Option<i64>]| trend(values, 60.0).items.len();
        assert_eq!(lines(&[Some(1), Some(2), None, Some(3), Some(1)]), 2);
        assert_eq!(lines(&[Some(1), None, Some(2)]) + lines(&[]), 0);
    }
}
