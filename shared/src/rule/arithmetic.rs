//! Identities over declared figures: sums, balances, carrying over, and where a gap sits.
//!
//! Promise: what is not declared is never guessed, except where a rule says `known()`: then other figures of the report
//! give it. Start at [`identities`].

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{Identity, Relation, Scope, Side, Statement, joined, lower, upper};
use super::{Facts, Finding, Findings, Seat, Severity, Shown};
use crate::catalogue::field_name;
use crate::declared::{Figures, Key, cuts};
use crate::dictionary::Dictionary;
use crate::office::Figure;
use crate::period::Period;

/// The prefix of the figures that form the block of dossiers: its fields are those of the report.
const BLOCK: &str = "dossiers.";

/// Declared figures with what can be derived from them.
struct Ledger<'a> {
    figures: &'a Figures,
    dictionary: &'a Dictionary,
    periods: BTreeSet<Period>,
    /// Fields of the block of dossiers of each period.
    fields: BTreeMap<Period, BTreeSet<&'a str>>,
}

/// What was met while a side was computed.
#[derive(Default)]
struct Met {
    used: Vec<Key>,
    /// Figures that are not declared, and the sign with which each would count.
    lacking: Vec<(Key, i64)>,
    /// Something that cannot be known.
    blind: bool,
    /// Something that is known.
    seen: bool,
}

/// An identity that was computed.
struct Judged {
    used: Vec<Key>,
    holds: bool,
    equal: bool,
    signed_gap: i64,
    /// Of its finding, where it does not hold.
    finding: Option<Finding>,
    field: String,
    period: Period,
    rule: String,
}

/// Every arithmetic rule on every period and field.
pub(super) fn identities(facts: &Facts, findings: &mut Findings) {
    let ledger = Ledger::of(facts.declared, &facts.book.dictionary);
    let mut judged = Vec::new();
    for identity in &facts.book.identities {
        for period in &ledger.periods {
            ledger.apply(facts.unit, identity, *period, &mut judged, findings);
        }
        if identity.line.scope == Scope::Chain {
            ledger.chains(facts.unit, identity, &mut judged);
        }
    }
    explain(&mut judged, &ledger);
    findings.extend(judged.into_iter().filter_map(|judged| judged.finding));
}

impl<'a> Ledger<'a> {
    fn of(figures: &'a Figures, dictionary: &'a Dictionary) -> Ledger<'a> {
        let mut fields: BTreeMap<Period, BTreeSet<&str>> = BTreeMap::new();
        for (key, _) in figures.iter().filter(|(key, _)| key.indicator.starts_with(BLOCK) && !key.field.is_empty()) {
            fields.entry(key.period).or_default().insert(&key.field);
        }
        Ledger { figures, dictionary, periods: figures.periods(), fields }
    }

    fn fields(&self, period: Period) -> impl Iterator<Item = &'a str> {
        self.fields.get(&period).into_iter().flatten().copied()
    }

    fn figure(&self, period: Period, code: &str, field: &str) -> Option<&'a Figure> {
        self.figures.find(period, code, field)
    }

    fn amount(&self, period: Period, code: &str, field: &str) -> Option<i64> {
        self.figure(period, code, field).and_then(Figure::amount)
    }

    fn apply(&self, unit: &str, identity: &Identity, period: Period, judged: &mut Vec<Judged>, findings: &mut Findings) {
        let line = &identity.line;
        let rows: Vec<&str> = match line.scope {
            Scope::Total => vec![""],
            Scope::Year if period == Period::year(Period::year_of(period.to)) => vec![""],
            Scope::Field => self.fields(period).collect(),
            Scope::Row => std::iter::once("").chain(self.fields(period)).collect(),
            Scope::Same => return self.same(unit, identity, period, findings),
            Scope::Fields => return judged.extend(self.field_sum(unit, identity, period)),
            Scope::Year | Scope::Chain => return,
        };
        let Statement::Compare { left, relation, right } = &identity.statement else { return };
        for field in rows {
            judged.extend(self.compare(unit, identity, (left, *relation, right), period, field));
        }
    }

    fn compare(
        &self,
        unit: &str,
        identity: &Identity,
        (left, relation, right): (&Side, Relation, &Side),
        period: Period,
        field: &str,
    ) -> Option<Judged> {
        let line = &identity.line;
        let mut met = Met::default();
        let declared = self.value(left, period, field, 1, &mut met);
        let expected = self.value(right, period, field, -1, &mut met);
        if met.blind || (!met.seen && met.used.is_empty()) {
            return None;
        }
        let judged = |holds, finding| Judged {
            used: met.used.clone(),
            holds,
            equal: relation == Relation::Equal,
            signed_gap: declared.saturating_sub(expected),
            finding,
            field: field.to_owned(),
            period,
            rule: line.rule.clone(),
        };
        match &met.lacking[..] {
            [] if relation.holds(declared, expected) => Some(judged(true, None)),
            [] => {
                let (left, right) =
                    (self.sum_words(left, period, field, declared), self.sum_words(right, period, field, expected));
                let note = upper(&format!("{left}, {} {right}.", relation.words()));
                let finding = Finding::new(&line.rule, line.severity, unit, period, &line.at, field).figures(declared, expected);
                let mut finding = finding.words(note, &line.basis, &line.ask);
                if line.gap == "no" {
                    finding.gap = None;
                }
                Some(judged(false, Some(finding)))
            }
            [(key, sign)] if !line.missing.is_empty() && relation == Relation::Equal && field.is_empty() => {
                let expected = (expected - declared) * sign;
                let name = lower(self.dictionary.name(&key.indicator));
                let note = if matches!(left, Side::Figure(code) if *code == key.indicator) {
                    format!("Không ghi {name}; phải bằng {}.", self.sum_words(right, period, field, expected))
                } else {
                    let right = self.words(right, period, field);
                    let left = self.words(left, period, field);
                    let expected = crate::text::number(expected);
                    format!("Không ghi {name}; vì {left} {} {right} nên phải là {expected}.", Relation::Equal.words())
                };
                let mut finding = Finding::new(&line.missing, Severity::Warning, unit, period, &key.indicator, field);
                finding.expected = Shown::Number(expected);
                let ask = "Hãy bổ sung số liệu này.";
                Some(Judged { used: Vec::new(), ..judged(false, Some(finding.words(note, &line.basis, ask))) })
            }
            _ => None,
        }
    }

    /// The value of a side; what is not declared counts as nothing and is told in `met`.
    fn value(&self, side: &Side, period: Period, field: &str, sign: i64, met: &mut Met) -> i64 {
        match side {
            Side::Number(number) => *number,
            Side::Sum(terms) => terms.iter().map(|(own, term)| own * self.value(term, period, field, sign * own, met)).sum(),
            Side::Figure(code) => {
                let key = Key { period, indicator: code.clone(), field: field.to_owned() };
                let amount = self.amount(period, code, field);
                match amount {
                    Some(_) => met.used.push(key),
                    None => met.lacking.push((key, sign)),
                }
                amount.unwrap_or(0)
            }
            Side::Known(code) => {
                let own = Key { period, indicator: code.clone(), field: field.to_owned() };
                met.used.extend(self.amount(period, code, field).map(|_| own));
                Self::or_blind(self.known(code, period, field), met)
            }
            Side::Before(code) => {
                let before = self.before(code, period, field);
                let declared = before.filter(|(before, _)| self.amount(*before, code, field).is_some());
                met.used.extend(declared.map(|(period, _)| Key { period, indicator: code.clone(), field: field.to_owned() }));
                Self::or_blind(before.map(|(_, amount)| amount), met)
            }
            Side::ShareOf(code) => {
                let denominator = self.figure(period, code, field).and_then(Figure::whole);
                met.used.extend(denominator.map(|_| Key { period, indicator: code.clone(), field: field.to_owned() }));
                Self::or_blind(denominator, met)
            }
            Side::Min(sides) => {
                let known = sides.iter().filter_map(|side| {
                    let mut own = Met::default();
                    let value = self.value(side, period, field, sign, &mut own);
                    let known = !own.blind && own.lacking.is_empty();
                    met.used.extend(if known { own.used } else { Vec::new() });
                    known.then_some(value)
                });
                let least = known.min();
                Self::or_blind(least, met)
            }
            Side::Parts(inner) => {
                let parts = self.tiles(inner, period, field);
                for part in parts.iter().flatten() {
                    met.used.extend(part.1.iter().cloned());
                }
                Self::or_blind(parts.map(|parts| parts.iter().map(|part| part.0).sum()), met)
            }
        }
    }

    fn or_blind(value: Option<i64>, met: &mut Met) -> i64 {
        met.blind |= value.is_none();
        met.seen |= value.is_some();
        value.unwrap_or(0)
    }

    /// The values of `inner` in the declared periods that a period is made of, with the figures used.
    fn tiles(&self, inner: &Side, whole: Period, field: &str) -> Option<Vec<(i64, Vec<Key>)>> {
        let mut tiles = Vec::new();
        let mut from = whole.from;
        while from <= whole.to {
            let inside = self.periods.iter().filter(|part| part.from == from && part.to <= whole.to && **part != whole);
            let (part, value) = inside.rev().find_map(|part| {
                let mut met = Met::default();
                let value = self.value(inner, *part, field, 1, &mut met);
                (!met.blind && met.lacking.is_empty()).then_some((*part, (value, met.used)))
            })?;
            tiles.push(value);
            from = part.to.succ_opt()?;
        }
        Some(tiles)
    }

    /// A figure in the period that ends the day before; of several the longest.
    fn before(&self, code: &str, period: Period, field: &str) -> Option<(Period, i64)> {
        let eve = period.from.pred_opt()?;
        let mut before = self.periods.iter().filter(|before| before.to == eve);
        before.find_map(|before| Some((*before, self.known(code, *before, field)?)))
    }

    /// A figure as declared, or as other figures of the report give it.
    fn known(&self, code: &str, period: Period, field: &str) -> Option<i64> {
        if let Some(amount) = self.amount(period, code, field) {
            return Some(amount);
        }
        match (code, field) {
            ("dossiers.received_new", "") => {
                let denominator = self.figure(period, "dossiers.received_online", "").and_then(Figure::whole);
                denominator.or_else(|| {
                    Some(self.amount(period, "dossiers.received", "")? - self.known("dossiers.carried_over", period, "")?)
                })
            }
            ("dossiers.received_new", _) => self.new_of_field(period, field),
            ("dossiers.carried_over", "") => self.before("dossiers.pending", period, "").map(|(_, amount)| amount),
            ("dossiers.carried_over", _) if self.amount(period, code, "") == Some(0) => Some(0),
            ("dossiers.carried_over", _) => self.before("dossiers.pending", period, field).map(|(_, amount)| amount),
            // Fields that are left out have nothing where the others make up the total.
            (_, field) if !field.is_empty() && code.starts_with(BLOCK) => {
                let total = self.amount(period, code, "")?;
                let listed: i64 = self.fields(period).filter_map(|other| self.amount(period, code, other)).sum();
                (listed == total).then_some(0)
            }
            _ => None,
        }
    }

    /// How many were received new in a field: what the share of the online ones is of, or what the other fields leave.
    fn new_of_field(&self, period: Period, field: &str) -> Option<i64> {
        let own = |field: &str| {
            let denominator = self.figure(period, "dossiers.received_online", field).and_then(Figure::whole);
            self.amount(period, "dossiers.received_new", field).or(denominator)
        };
        own(field).or_else(|| {
            let others: Vec<Option<i64>> = self.fields(period).filter(|other| *other != field).map(own).collect();
            let others: i64 = others.into_iter().sum::<Option<i64>>()?;
            Some(self.known("dossiers.received_new", period, "")? - others)
        })
    }

    /// Whether the fields of a figure make up its total, also where it is a share.
    fn field_sum(&self, unit: &str, identity: &Identity, period: Period) -> Option<Judged> {
        let Statement::Of(code) = &identity.statement else { return None };
        let total = self.figure(period, code, "")?;
        let listed: Vec<(&str, &Figure)> =
            self.fields(period).filter_map(|field| Some((field, self.figure(period, code, field)?))).collect();
        if listed.is_empty() {
            return None;
        }
        let left_out: Vec<&str> = self.fields(period).filter(|field| !listed.iter().any(|(other, _)| other == field)).collect();
        let sum = |of: fn(&Figure) -> Option<i64>| listed.iter().map(|(_, figure)| of(figure)).sum::<Option<i64>>();
        let of_share = sum(Figure::whole).zip(total.whole());
        let of_figure = sum(Figure::amount).zip(total.amount());
        let complete = left_out.is_empty();
        let wrong_share = of_share.filter(|(sum, whole)| sum != whole && !self.rest_is_known(period, &left_out, whole - sum));
        let wrong_figure = of_figure.filter(|(sum, whole)| sum > whole || (sum < whole && (complete || of_share.is_none())));
        let mut used: Vec<Key> = listed
            .iter()
            .map(|(field, _)| *field)
            .chain([""])
            .map(|field| Key { period, indicator: code.clone(), field: field.to_owned() })
            .collect();
        let finding = wrong_figure.or(wrong_share).map(|(sum, whole)| {
            let line = &identity.line;
            let names: Vec<&str> = listed.iter().map(|(field, _)| field_name(field)).collect();
            let base = if wrong_figure.is_none() { "mẫu số của " } else { "" };
            let mut note = format!(
                "Cộng {base}{} theo các lĩnh vực {} được {}, tổng ghi {}.",
                lower(self.dictionary.name(code)),
                names.join(", "),
                crate::text::number(sum),
                crate::text::number(whole)
            );
            if !left_out.is_empty() {
                let names: Vec<&str> = left_out.iter().map(|field| field_name(field)).collect();
                note = format!("{note} Không ghi: {}.", names.join(", "));
            }
            Finding::new(&line.rule, line.severity, unit, period, &line.at, "").figures(sum, whole).words(
                note,
                &line.basis,
                &line.ask,
            )
        });
        let (sum, whole) = wrong_figure.or(wrong_share).unwrap_or_default();
        let holds = finding.is_none();
        if of_figure.is_none() {
            used.clear();
        }
        let (rule, field) = (identity.line.rule.clone(), String::new());
        Some(Judged { used, holds, equal: complete, signed_gap: sum - whole, finding, field, period, rule })
    }

    /// Whether what is left for fields that are not listed is what their other figures say.
    fn rest_is_known(&self, period: Period, left_out: &[&str], rest: i64) -> bool {
        let new = |field: &&str| {
            let end = self.amount(period, "dossiers.resolved", field)? + self.known("dossiers.pending", period, field)?;
            Some(end - self.known("dossiers.carried_over", period, field)?)
        };
        !left_out.is_empty() && left_out.iter().map(new).sum::<Option<i64>>() == Some(rest)
    }

    /// Figures that are one and the same quantity: the one that most of them say is expected of the others.
    fn same(&self, unit: &str, identity: &Identity, period: Period, findings: &mut Findings) {
        let Statement::Same(codes) = &identity.statement else { return };
        let said: Vec<(&str, i64)> =
            codes.iter().filter_map(|code| Some((code.as_str(), self.amount(period, code, "")?))).collect();
        let count = |amount: i64| said.iter().filter(|(_, other)| *other == amount).count();
        let Some(most) = said.iter().map(|(_, amount)| count(*amount)).max() else { return };
        let favoured: BTreeSet<i64> = said.iter().map(|(_, amount)| *amount).filter(|amount| count(*amount) == most).collect();
        let line = &identity.line;
        let all: Vec<String> = said
            .iter()
            .map(|(code, amount)| format!("{} {}", lower(self.dictionary.name(code)), crate::text::number(*amount)))
            .collect();
        let note = format!("Phải bằng nhau: {}.", all.join(", "));
        let raise = |code: &str, declared: i64, expected: i64| {
            Finding::new(&line.rule, line.severity, unit, period, code, "").figures(declared, expected).words(
                note.clone(),
                &line.basis,
                &line.ask,
            )
        };
        match (favoured.len(), said.first()) {
            (1, _) => {
                let expected = *favoured.first().unwrap_or(&0);
                let others = said.iter().filter(|(_, amount)| *amount != expected);
                findings.extend(others.map(|(code, amount)| raise(code, *amount, expected)));
            }
            (_, Some((code, amount))) => {
                let other = said.iter().map(|(_, other)| *other).find(|other| other != amount).unwrap_or(*amount);
                let mut finding = raise(code, *amount, other);
                finding.explanations.push(format!("Có {} cách hiểu, báo cáo không cho biết số nào đúng.", favoured.len()));
                findings.add(finding);
            }
            _ => {}
        }
    }

    /// What came in and what was resolved from the first period on, against what is said to be left.
    fn chains(&self, unit: &str, identity: &Identity, judged: &mut Vec<Judged>) {
        let mut seen = BTreeSet::new();
        for longest in [true, false] {
            let block: Vec<Period> =
                self.periods.iter().filter(|period| self.amount(**period, "dossiers.resolved", "").is_some()).copied().collect();
            for first in block.iter().filter(|period| !block.iter().any(|before| before.to.succ_opt() == Some(period.from))) {
                self.chain(unit, identity, (*first, &block, longest), &mut seen, judged);
            }
        }
    }

    fn chain(
        &self,
        unit: &str,
        identity: &Identity,
        (first, block, longest): (Period, &[Period], bool),
        seen: &mut BTreeSet<Period>,
        judged: &mut Vec<Judged>,
    ) {
        let line = &identity.line;
        let Some(mut running) = self.known("dossiers.carried_over", first, "") else { return };
        let (mut came, mut went, mut last_gap) = (Vec::new(), Vec::new(), 0);
        let mut from = first.from;
        loop {
            let mut starting = block.iter().filter(|period| period.from == from);
            let Some(period) = (if longest { starting.next_back() } else { starting.next() }) else { return };
            let new = self.known("dossiers.received_new", *period, "");
            let Some((new, resolved)) = new.zip(self.amount(*period, "dossiers.resolved", "")) else { return };
            running += new - resolved;
            came.push(new);
            went.push(resolved);
            if let Some(pending) = self.amount(*period, "dossiers.pending", "") {
                let gap = pending - running;
                let whole = Period { from: first.from, to: period.to };
                if came.len() > 1 && gap != 0 && gap != last_gap && seen.insert(whole) {
                    let join = |numbers: &[i64]| {
                        numbers.iter().map(|number| crate::text::number(*number)).collect::<Vec<_>>().join(" + ")
                    };
                    let note = format!(
                        "Từ {}: tiếp nhận mới {}, đã giải quyết {}, phải còn {}; báo cáo ghi còn {}.",
                        first.from.format("%d/%m/%Y"),
                        join(&came),
                        join(&went),
                        crate::text::number(running),
                        crate::text::number(pending)
                    );
                    let finding = Finding::new(&line.rule, line.severity, unit, whole, &line.at, "").figures(pending, running);
                    judged.push(Judged {
                        used: Vec::new(),
                        holds: false,
                        equal: false,
                        signed_gap: gap,
                        finding: Some(finding.words(note, &line.basis, &line.ask)),
                        field: String::new(),
                        period: whole,
                        rule: line.rule.clone(),
                    });
                }
                last_gap = gap;
            }
            let Some(next) = period.to.succ_opt() else { return };
            from = next;
        }
    }

    /// A side with its amounts, and what they make where it is more than one figure.
    fn sum_words(&self, side: &Side, period: Period, field: &str, value: i64) -> String {
        let words = self.words(side, period, field);
        match side {
            Side::Number(_) | Side::Figure(_) | Side::Known(_) | Side::Before(_) | Side::ShareOf(_) => words,
            Side::Parts(_) | Side::Min(_) | Side::Sum(_) => format!("{words} = {}", crate::text::number(value)),
        }
    }

    /// A side with names and amounts, as in "hồ sơ đã giải quyết 685 + hồ sơ đang giải quyết 3".
    fn words(&self, side: &Side, period: Period, field: &str) -> String {
        let with = |code: &str, amount: Option<i64>| {
            let amount = amount.map_or_else(|| "(không ghi)".to_owned(), crate::text::number);
            format!("{} {amount}", lower(self.dictionary.name(code)))
        };
        match side {
            Side::Number(number) => crate::text::number(*number),
            Side::Figure(code) => with(code, self.amount(period, code, field)),
            Side::Known(code) => with(code, self.known(code, period, field)),
            Side::Before(code) => {
                let amount = self.before(code, period, field).map(|(_, amount)| amount);
                let amount = amount.map_or_else(|| "(không ghi)".to_owned(), crate::text::number);
                format!("{} kỳ trước {amount}", lower(self.dictionary.name(code)))
            }
            Side::ShareOf(code) => {
                let denominator = self.figure(period, code, field).and_then(Figure::whole);
                format!("mẫu số của {}", with(code, denominator))
            }
            Side::Parts(inner) => format!("các kỳ cộng lại của ({})", inner.words(self.dictionary)),
            Side::Min(sides) => {
                let all: Vec<String> = sides.iter().map(|side| self.words(side, period, field)).collect();
                format!("số nhỏ hơn trong ({})", all.join("; "))
            }
            Side::Sum(terms) => joined(terms, |term| self.words(term, period, field)),
        }
    }
}

/// Says of each broken identity which fields make up its gap, and which figure is likely to be wrong: one that no sum
/// that still holds speaks for.
fn explain(judged: &mut [Judged], ledger: &Ledger) {
    let firm: BTreeSet<Key> =
        judged.iter().filter(|judged| judged.holds && judged.equal).flat_map(|judged| judged.used.iter().cloned()).collect();
    let broken: Vec<(String, Period, String, i64)> = judged
        .iter()
        .filter(|judged| judged.finding.is_some())
        .map(|judged| (judged.rule.clone(), judged.period, judged.field.clone(), judged.signed_gap))
        .collect();
    for judged in judged.iter_mut() {
        let Some(finding) = &mut judged.finding else { continue };
        if judged.field.is_empty() {
            let of_fields: Vec<&(String, Period, String, i64)> = broken
                .iter()
                .filter(|(rule, period, field, _)| *rule == judged.rule && *period == judged.period && !field.is_empty())
                .collect();
            let total: i64 = of_fields.iter().map(|(.., gap)| gap).sum();
            if !of_fields.is_empty() && total == judged.signed_gap {
                finding.sits = of_fields
                    .iter()
                    .map(|(.., field, gap)| Seat { indicator: finding.indicator.clone(), field: field.clone(), gap: *gap })
                    .collect();
                let parts: Vec<String> =
                    of_fields.iter().map(|(.., field, gap)| format!("{} {}", lower(field_name(field)), gap.abs())).collect();
                let word = if judged.signed_gap > 0 { "Thừa" } else { "Thiếu" };
                finding.explanations.push(format!("{word} {}: {}.", judged.signed_gap.abs(), parts.join(", ")));
            }
        }
        let suspects: Vec<&Key> = judged.used.iter().filter(|key| !firm.contains(key)).collect();
        if !judged.equal || judged.used.len() < 2 {
            continue;
        }
        let name = |key: &&Key| {
            let field = if key.field.is_empty() { String::new() } else { format!(" ({})", lower(field_name(&key.field))) };
            let period = if key.period == judged.period { String::new() } else { format!(" kỳ {}", key.period.days()) };
            format!("{}{field}{period}", lower(ledger.dictionary.name(&key.indicator)))
        };
        finding.explanations.push(match &suspects[..] {
            [] => "Từng số đều khớp với phép cộng khác; cần đối chiếu lại cả hai vế.".to_owned(),
            [one] => format!("Các số khác đều khớp với phép cộng khác; có thể sai ở {}.", name(one)),
            several => format!(
                "Có {} cách giải thích, báo cáo không phân biệt được: sai ở {}.",
                several.len(),
                several.iter().map(name).collect::<Vec<_>>().join("; hoặc ở ")
            ),
        });
    }
}

/// Declared periods that cut into each other, and those that no rule knows and nothing makes comparable.
pub(super) fn periods(facts: &Facts, findings: &mut Findings) {
    let periods: Vec<Period> = facts.declared.periods().into_iter().collect();
    for (place, period) in periods.iter().enumerate() {
        let base = |severity| Finding::new("period", severity, facts.unit, *period, "", "");
        let cut: Vec<String> = periods[..place].iter().filter(|other| cuts(**other, *period)).map(Period::days).collect();
        if !cut.is_empty() {
            let note = format!("Kỳ {} chồng lên một phần kỳ {}.", period.days(), cut.join(", "));
            let basis = "NĐ 09/2019/NĐ-CP, Đ.12: các kỳ báo cáo nối tiếp nhau";
            findings.add(base(Severity::Error).words(note, basis, "Kỳ nào ghi sai ngày?"));
        }
        let holds_another = periods.iter().any(|other| other != period && period.from <= other.from && other.to <= period.to);
        if cut.is_empty() && period.name().is_none() && !holds_another {
            let note =
                format!("Kỳ {} không phải tháng, quý, 6 tháng, 9 tháng hay năm báo cáo; không so sánh được.", period.days());
            let basis = "NĐ 09/2019/NĐ-CP, Đ.12";
            findings.add(base(Severity::Notice).words(note, basis, "Số liệu này có cần chốt theo kỳ báo cáo không?"));
        }
    }
}
