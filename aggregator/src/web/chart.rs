//! Charts drawn on the server, as SVG.
//!
//! Promise: every chart has its title and its figures in words for whoever cannot see it, and is told apart in grey print
//! by filled and hollow shapes, never by colour alone. Start at [`columns`].

use std::fmt::Write as _;

use motcua_shared::text::number;

/// Text inside SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One row of columns: its name and its values.
pub struct Series {
    pub name: &'static str,
    pub values: Vec<i64>,
}

const WIDTH: i64 = 720;
const HEIGHT: i64 = 230;
const LEFT: i64 = 52;
const TOP: i64 = 14;
const BOTTOM: i64 = 34;
/// Horizontal lines of the scale.
const LINES: i64 = 4;

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

/// Columns side by side, the first series filled, the second hollow, over short labels.
pub fn columns(id: &str, title: &str, labels: &[String], series: &[Series]) -> String {
    let most = ceiling(series.iter().flat_map(|series| series.values.iter().copied()).max().unwrap_or(0).max(1));
    let room = HEIGHT - TOP - BOTTOM;
    let height = |value: i64| value.max(0) * room / most;
    let told: Vec<String> = labels
        .iter()
        .enumerate()
        .map(|(place, label)| {
            let values =
                series.iter().map(|series| format!("{} {}", series.name, number(series.values.get(place).copied().unwrap_or(0))));
            format!("{label}: {}", values.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let mut svg = format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">\
         <title id=\"{id}-title\">{}</title><desc id=\"{id}-words\">{}</desc>",
        escaped(title),
        escaped(&told.join("; "))
    );
    for line in 0..=LINES {
        let (y, value) = (HEIGHT - BOTTOM - room * line / LINES, most * line / LINES);
        let _ = write!(
            svg,
            "<line class=\"scale\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 5,
            number(value)
        );
    }
    let count = i64::try_from(labels.len()).unwrap_or(1).max(1);
    let step = (WIDTH - LEFT) / count;
    let several = i64::try_from(series.len()).unwrap_or(1).max(1);
    let width = (step * 3 / 4 / several).clamp(3, 44);
    for ((place, label), words) in (0..).zip(labels).zip(&told) {
        let middle = LEFT + step * place + step / 2;
        for (number, series) in (0..).zip(series) {
            let value = usize::try_from(place).ok().and_then(|place| series.values.get(place)).copied().unwrap_or(0);
            let (x, tall) = (middle - width * several / 2 + width * number, height(value));
            let _ = write!(
                svg,
                "<rect class=\"{}\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{tall}\"><title>{}</title></rect>",
                if number == 0 { "filled" } else { "hollow" },
                HEIGHT - BOTTOM - tall,
                width - 2,
                escaped(words)
            );
        }
        let y = HEIGHT - BOTTOM + 20;
        let _ = write!(svg, "<text class=\"axis\" x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", escaped(label));
    }
    svg.push_str("</svg>");
    svg
}

/// A small line over the months; a month without a value breaks it. Empty where there is nothing to draw.
pub fn sparkline(title: &str, values: &[Option<i64>]) -> String {
    let known: Vec<i64> = values.iter().flatten().copied().collect();
    let (Some(lowest), Some(highest)) = (known.iter().min(), known.iter().max()) else { return String::new() };
    if known.len() < 2 {
        return String::new();
    }
    let (width, height) = (110, 26);
    let count = i64::try_from(values.len()).unwrap_or(2) - 1;
    let range = (highest - lowest).max(1);
    let y = |value: i64| if highest == lowest { height / 2 } else { height - 3 - (value - lowest) * (height - 6) / range };
    let (mut path, mut pen_down, mut last) = (String::new(), false, (0, 0));
    for (place, value) in (0..).zip(values) {
        let Some(value) = value else {
            pen_down = false;
            continue;
        };
        last = (3 + place * (width - 6) / count.max(1), y(*value));
        let _ = write!(path, "{}{} {}", if pen_down { 'L' } else { 'M' }, last.0, last.1);
        pen_down = true;
    }
    format!(
        "<svg class=\"spark\" role=\"img\" viewBox=\"0 0 {width} {height}\"><title>{}</title><path d=\"{path}\"/>\
         <circle cx=\"{}\" cy=\"{}\" r=\"3\"/></svg>",
        escaped(title),
        last.0,
        last.1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_says_its_figures_in_words_and_escapes_them() {
        let series = [Series { name: "tiếp nhận", values: vec![1200, 7] }, Series { name: "giải quyết", values: vec![900, 0] }];
        let svg = columns("c", "Theo <tháng>", &["1/2023".to_owned(), "2/2023".to_owned()], &series);
        assert!(svg.contains("<title id=\"c-title\">Theo &lt;tháng&gt;</title>"), "{svg}");
        assert!(svg.contains("1/2023: tiếp nhận 1.200, giải quyết 900; 2/2023: tiếp nhận 7, giải quyết 0"), "{svg}");
        assert_eq!((svg.matches("class=\"filled\"").count(), svg.matches("class=\"hollow\"").count()), (2, 2));
    }

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (value, end) in [(1, 4), (4, 4), (5, 8), (9, 20), (1200, 2000), (2001, 4000)] {
            assert_eq!(ceiling(value), end);
        }
    }

    #[test]
    fn a_line_breaks_where_nothing_is_known_and_is_left_out_for_one_point() {
        let svg = sparkline("12 tháng", &[Some(1), None, Some(3), Some(2)]);
        assert_eq!((svg.matches('M').count(), svg.matches('L').count()), (2, 1), "{svg}");
        assert_eq!(sparkline("x", &[None, Some(4)]), "");
        assert!(sparkline("x", &[Some(4), Some(4)]).contains("M3 13L107 13"));
    }
}
