//! Putting a slip of the hand right: what was recorded wrongly gets new values beside the old, with the reason.
//!
//! Promise: only what was changed is recorded, a list of papers as a whole; the due time follows what it was counted from,
//! and nothing that a person set is counted again. Start at [`Draft::of`] and [`Draft::check`].

use chrono::{Duration, NaiveDate};
use serde::Deserialize;

use crate::calendar::{self, LocalTime, local_day};
use crate::catalogue::{Catalogue, ClockStart, Procedure};
use crate::deadline;
use crate::dossier::{Channel, Code, Correction, Dossier, Lack, Outcome, Received, TurnedAway};
use crate::paper::{self, Component, Named, Paper, Ticked};
use crate::reception::{self, procedure_code};
use crate::seal::Sealed;
use crate::step::{Desk, this_minute};
use crate::text::{self, nfc};
use crate::typed::{self, FieldError};

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub procedure: String,
    pub channel: String,
    pub received_at: String,
    pub due_at: String,
    pub finished_at: String,
    pub outcome: String,
    pub returned_at: String,
    pub name: String,
    pub identity: String,
    pub phone: String,
    pub address: String,
    /// Papers beside the ticked ones, one a line, as [`paper::read`] takes them.
    pub papers: String,
    #[serde(flatten)]
    pub ticked: Ticked,
    /// Of a request that was not accepted: why, and what its citizen is told.
    pub lack: String,
    pub lack_note: String,
    pub reason: String,
}

/// What is known of a dossier before it is put right.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    pub dossier: &'a Dossier,
    pub person: &'a Sealed,
    /// The newest list of papers.
    pub papers: &'a [Named],
    /// What the citizen was told on a slip; empty where there is none.
    pub words: &'a str,
}

/// What is recorded: the clear part, and the whole person as known from now on, with the reason as its note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub correction: Correction,
    pub person: Sealed,
    /// The whole list of papers, where it has become another: they, and their names for the sealed part.
    pub papers: Option<(Vec<Paper>, String)>,
}

const LONGEST_REASON: usize = 2000;
const NO_PROCEDURE: &str = "hãy ghi mã một thủ tục có hiệu lực vào ngày tiếp nhận, ví dụ 2.000815";

fn shown(at: Option<LocalTime>) -> String {
    at.map(calendar::shown).unwrap_or_default()
}

impl Draft {
    /// The form with what is recorded now.
    pub fn of(recorded: Recorded, catalogue: &Catalogue) -> Draft {
        let Recorded { dossier, person, papers, words } = recorded;
        let slip = dossier.turned_away.as_ref().filter(|_| dossier.received.is_none());
        let received_at = dossier.received.as_ref().map(|received| received.received_at).or(slip.map(|slip| slip.at));
        let components = received_at.map_or(&[][..], |at| components(catalogue, dossier.procedure(), local_day(at)));
        let (ticked, papers) = paper::split(papers, components);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Draft {
            procedure: dossier.procedure().to_owned(),
            channel: dossier.channel().map_or("", Code::code).to_owned(),
            received_at: shown(received_at),
            due_at: shown(dossier.due_at),
            finished_at: shown(dossier.finished.map(|finished| finished.at)),
            outcome: dossier.finished.map_or("", |finished| finished.outcome.code()).to_owned(),
            returned_at: shown(dossier.returned_at),
            name: text(&person.name),
            identity: text(&person.identity),
            phone: text(&person.phone),
            address: text(&person.address),
            papers,
            ticked,
            lack: slip.map_or("", |slip| slip.lack.code()).to_owned(),
            lack_note: slip.map_or("", |_| words).to_owned(),
            reason: String::new(),
        }
    }

    /// The correction that was typed, or all that is wrong with it.
    pub fn check(&self, recorded: Recorded, desk: &Desk) -> Result<Checked, Vec<FieldError>> {
        let Recorded { dossier, person, papers, .. } = recorded;
        let Some(received) = &dossier.received else { return self.check_slip(recorded, desk) };
        let mut check = Check { draft: self, faults: Vec::new() };
        let mut correction = check.facts(dossier, received, desk);
        check.due(dossier, received, desk, &mut correction);
        check.order(dossier, received, &correction);
        let person_after = check.person(person);
        let list = check.papers(self.asked_for(dossier, desk.catalogue));
        let list = list.filter(|list| list != papers).map(paper::recorded);
        let same_person = Sealed { note: None, ..person.clone() } == Sealed { note: None, ..person_after.clone() };
        if check.faults.is_empty() && same_person && list.is_none() && correction == Correction::default() {
            check.fault("reason", "chưa có chỗ nào được sửa");
        }
        if check.faults.is_empty() { Ok(Checked { correction, person: person_after, papers: list }) } else { Err(check.faults) }
    }

    /// The same of a request that was not accepted.
    fn check_slip(&self, recorded: Recorded, desk: &Desk) -> Result<Checked, Vec<FieldError>> {
        let Some(slip) = &recorded.dossier.turned_away else {
            return Err(vec![FieldError::new("reason", "hồ sơ chưa được tiếp nhận thì không đính chính được")]);
        };
        let mut check = Check { draft: self, faults: Vec::new() };
        let correction = check.slip(slip, desk);
        let mut person = check.person(recorded.person);
        let words = text::lines(&self.lack_note);
        if words.is_empty() {
            check.fault("lack_note", "hãy ghi đủ những gì cần hoàn thiện, hoặc lý do từ chối");
        } else if words.chars().count() > LONGEST_REASON {
            check.fault("lack_note", format!("dài quá {LONGEST_REASON} ký tự"));
        }
        person.words = Some(words).filter(|words| *words != recorded.words);
        let same_person =
            Sealed { note: None, words: None, ..recorded.person.clone() } == Sealed { note: None, ..person.clone() };
        if check.faults.is_empty() && same_person && correction == Correction::default() {
            check.fault("reason", "chưa có chỗ nào được sửa");
        }
        if check.faults.is_empty() { Ok(Checked { correction, person, papers: None }) } else { Err(check.faults) }
    }

    /// What the procedure that is typed now asks for; of one that is not known, nothing.
    pub fn asked_for<'c>(&self, dossier: &Dossier, catalogue: &'c Catalogue) -> &'c [Component] {
        let received_at = typed::time(&self.received_at).or(dossier.received.as_ref().map(|received| received.received_at));
        let typed = nfc(&self.procedure);
        received_at.map_or(&[], |at| components(catalogue, procedure_code(&typed), local_day(at)))
    }
}

fn components<'c>(catalogue: &'c Catalogue, procedure: &str, day: NaiveDate) -> &'c [Component] {
    catalogue.find(procedure, day).map_or(&[], |procedure| &procedure.components)
}

/// A draft, with the list that its faults go to.
struct Check<'a> {
    draft: &'a Draft,
    faults: Vec<FieldError>,
}

impl Check<'_> {
    fn fault(&mut self, field: &'static str, problem: impl Into<String>) {
        self.faults.push(FieldError::new(field, problem));
    }

    /// A time that was changed; what had none may not get one here.
    fn time(&mut self, field: &'static str, typed_text: &str, before: Option<LocalTime>, now: LocalTime) -> Option<LocalTime> {
        let text = nfc(typed_text);
        let Some(before) = before else {
            if !text.is_empty() {
                self.fault(field, "việc này chưa được ghi nên không đính chính được; hãy ghi nó ở trang hồ sơ");
            }
            return None;
        };
        match typed::time(&text) {
            None => self.fault(field, "cần giờ và ngày, ví dụ 14:32 22/11/2026"),
            Some(at) if at == this_minute(before) => {}
            Some(at) if at > now + Duration::minutes(5) => self.fault(field, "thời điểm nằm trong tương lai"),
            Some(at) => return Some(at),
        }
        None
    }

    fn facts(&mut self, dossier: &Dossier, received: &Received, desk: &Desk) -> Correction {
        let received_at = self.time("received_at", &self.draft.received_at, Some(received.received_at), desk.now);
        let channel = Channel::from_code(&self.draft.channel);
        if channel.is_none() {
            self.fault("channel", "hãy chọn hình thức nộp");
        }
        let channel = channel.unwrap_or(received.channel);
        let day = local_day(received_at.unwrap_or(received.received_at));
        let procedure = self.procedure(received, channel, day, desk);
        let own =
            desk.catalogue.find(&received.procedure, day).filter(|own| own.limit_by(channel) != own.limit_by(received.channel));
        let limit = procedure.or(own).and_then(|procedure| procedure.limit_by(channel));
        let finished_before = dossier.finished.map(|finished| finished.at);
        let finished_at = self.time("finished_at", &self.draft.finished_at, finished_before, desk.now);
        let returned_at = self.time("returned_at", &self.draft.returned_at, dossier.returned_at, desk.now);
        let outcome = self.outcome(dossier);
        Correction {
            procedure: procedure.map(|procedure| procedure.code.clone()),
            field: procedure.map(|procedure| procedure.field.clone()).filter(|field| *field != received.field),
            channel: Some(channel).filter(|channel| *channel != received.channel),
            received_at,
            limit: limit.filter(|limit| Some(*limit) != received.limit),
            due_at: None,
            finished_at,
            outcome,
            returned_at,
            catalogued: procedure.map(|procedure| desk.catalogue.keeps(procedure)),
            lack: None,
        }
    }

    fn slip(&mut self, slip: &TurnedAway, desk: &Desk) -> Correction {
        let received_at = self.time("received_at", &self.draft.received_at, Some(slip.at), desk.now);
        let channel = Channel::from_code(&self.draft.channel);
        if channel.is_none() {
            self.fault("channel", "hãy chọn hình thức nộp");
        }
        let lack = Lack::from_code(&self.draft.lack);
        if lack.is_none() {
            self.fault("lack", "hãy chọn lý do chưa tiếp nhận");
        }
        let typed = nfc(&self.draft.procedure);
        let code = procedure_code(&typed);
        let procedure = if code == slip.procedure {
            None
        } else {
            let found = desk.catalogue.find(code, local_day(received_at.unwrap_or(slip.at)));
            if found.is_none() {
                self.fault("procedure", NO_PROCEDURE);
            }
            found
        };
        Correction {
            procedure: procedure.map(|procedure| procedure.code.clone()),
            field: procedure.map(|procedure| procedure.field.clone()).filter(|field| *field != slip.field),
            channel: channel.filter(|channel| *channel != slip.channel),
            received_at,
            lack: lack.filter(|lack| *lack != slip.lack),
            ..Correction::default()
        }
    }

    /// The procedure, when it is another.
    fn procedure<'c>(&mut self, received: &Received, channel: Channel, day: NaiveDate, desk: &'c Desk) -> Option<&'c Procedure> {
        let typed = nfc(&self.draft.procedure);
        let code = procedure_code(&typed);
        if code == received.procedure {
            return None;
        }
        let found = desk.catalogue.find(code, day);
        let clock_start = received.catalogued.map_or(ClockStart::Reception, |catalogued| catalogued.clock_start);
        match found {
            None => self.fault("procedure", NO_PROCEDURE),
            Some(procedure) if procedure.clock_start != clock_start => self.fault(
                "procedure",
                "thủ tục này tính thời hạn từ một lúc khác (tiếp nhận, hoặc thụ lý); hãy hủy hồ sơ này và tiếp nhận lại",
            ),
            Some(procedure) if procedure.limit_by(channel).is_none() && received.limit.is_some() => self.fault(
                "procedure",
                "thủ tục này chưa có thời hạn trong danh mục; hãy hủy hồ sơ này và tiếp nhận lại với hẹn trả tự ghi",
            ),
            Some(_) => {}
        }
        found
    }

    fn outcome(&mut self, dossier: &Dossier) -> Option<Outcome> {
        let finished = dossier.finished?;
        let outcome = Outcome::from_code(&self.draft.outcome);
        if outcome.is_none() {
            self.fault("outcome", "hãy chọn kết quả");
        }
        outcome.filter(|outcome| *outcome != finished.outcome)
    }

    /// A due time that was typed counts. Else it is counted again when its start or its limit was wrong, unless a person or
    /// a supplement has set another since.
    fn due(&mut self, dossier: &Dossier, received: &Received, desk: &Desk, correction: &mut Correction) {
        let received_at = correction.received_at.unwrap_or(received.received_at);
        let typed_due = match (nfc(&self.draft.due_at), dossier.due_at) {
            (text, None) if text.is_empty() => None,
            (text, before) => match typed::time(&text) {
                None => {
                    self.fault("due_at", "cần giờ và ngày, ví dụ 17:00 24/11/2026");
                    return;
                }
                Some(at) => Some(at).filter(|at| before.map(this_minute) != Some(*at)),
            },
        };
        if let Some(due) = typed_due {
            if due <= received_at {
                self.fault("due_at", "hẹn trả phải sau lúc tiếp nhận");
            }
            correction.due_at = Some(due);
            return;
        }
        let is_first = dossier.clock_started_at == Some(received.received_at) && dossier.extensions == 0;
        let moved = correction.received_at.is_some() || correction.procedure.is_some() || correction.limit.is_some();
        let Some(limit) = correction.limit.or(received.limit).filter(|_| is_first && moved) else { return };
        let after_15h = match &correction.procedure {
            Some(code) => desk.catalogue.find(code, local_day(received_at)).is_some_and(|other| other.after_15h_next_day),
            None => dossier.after_15h_next_day(desk.catalogue),
        };
        let due = deadline::due(limit, after_15h, received_at, desk.calendar);
        correction.due_at = Some(due).filter(|due| dossier.due_at != Some(*due));
    }

    fn order(&mut self, dossier: &Dossier, received: &Received, correction: &Correction) {
        let received_at = correction.received_at.unwrap_or(received.received_at);
        let finished_at = correction.finished_at.or(dossier.finished.map(|finished| finished.at));
        let returned_at = correction.returned_at.or(dossier.returned_at);
        let changed = |times: [Option<LocalTime>; 2]| times.into_iter().any(|time| time.is_some());
        if changed([correction.received_at, correction.finished_at]) && finished_at.is_some_and(|at| at < received_at) {
            self.fault("finished_at", "có kết quả không thể trước lúc tiếp nhận");
        }
        let is_back_early = returned_at.zip(finished_at).is_some_and(|(returned, finished)| returned < finished);
        if changed([correction.finished_at, correction.returned_at]) && is_back_early {
            self.fault("returned_at", "trả kết quả không thể trước lúc có kết quả");
        }
    }

    /// The whole list as it is to stand; `None` where it is faulty.
    fn papers(&mut self, components: &[Component]) -> Option<Vec<Named>> {
        match paper::handed_in(&self.draft.ticked, &self.draft.papers, components) {
            Ok(list) => Some(list.unwrap_or_default()),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn person(&mut self, before: &Sealed) -> Sealed {
        let Draft { name, identity, phone, address, .. } = self.draft.clone();
        let typed = reception::Draft { name, identity, phone, address, ..reception::Draft::default() };
        let (mut person, faults) = typed.person();
        // What an import or an older version let pass is no fault of this correction.
        let kept = |field: &str| match field {
            "name" => before.name == person.name,
            "identity" => before.identity == person.identity,
            "phone" => before.phone == person.phone,
            _ => before.address == person.address,
        };
        self.faults.extend(faults.into_iter().filter(|fault| fault.field == "name" || !kept(fault.field)));
        let reason = nfc(&self.draft.reason);
        if reason.is_empty() {
            self.fault("reason", "hãy ghi lý do đính chính");
        } else if reason.chars().count() > LONGEST_REASON {
            self.fault("reason", format!("dài quá {LONGEST_REASON} ký tự"));
        }
        person.note = Some(reason);
        person
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::calendar::Calendar;
    use crate::deadline::Limit;
    use crate::dossier::{Event, Extended, Finished, SubmittedBy};

    fn time(text: &str) -> LocalTime {
        typed::time(text).expect("a time")
    }

    fn person() -> Sealed {
        Sealed { name: Some("Nguyễn Thị Thử".to_owned()), phone: Some("0912345678".to_owned()), ..Sealed::default() }
    }

    fn dossier(events: &[Event]) -> Dossier {
        let received = Event::Received(Received {
            code: "X-261120-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            submitted_by: SubmittedBy::Citizen,
            received_at: time("08:00 20/11/2026"),
            limit: Some(Limit::SameDay),
            due_at: Some(time("17:00 20/11/2026")),
            ruleset: "nd118-2025".to_owned(),
            fee_vnd: 2000,
            catalogued: None,
            book: None,
            follows: None,
        });
        Dossier::fold(Uuid::nil(), std::iter::once(&received).chain(events))
    }

    fn check(events: &[Event], change: impl FnOnce(&mut Draft)) -> Result<Checked, Vec<FieldError>> {
        check_by(&Catalogue::starter(), &[], events, change)
    }

    fn check_by(
        catalogue: &Catalogue,
        papers: &[Named],
        events: &[Event],
        change: impl FnOnce(&mut Draft),
    ) -> Result<Checked, Vec<FieldError>> {
        let (dossier, person) = (dossier(events), person());
        let recorded = Recorded { dossier: &dossier, person: &person, papers, words: "" };
        let mut draft = Draft::of(recorded, catalogue);
        draft.reason = "ghi nhầm".to_owned();
        change(&mut draft);
        let desk = Desk { catalogue, calendar: &Calendar::starter(), now: time("16:00 23/11/2026") };
        draft.check(recorded, &desk)
    }

    #[track_caller]
    fn faulty(expected: &[&str], events: &[Event], change: impl FnOnce(&mut Draft)) {
        let faults = check(events, change).expect_err("refused");
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), expected, "{faults:?}");
    }

    fn finished() -> Event {
        Event::Finished(Finished { at: time("10:00 20/11/2026"), outcome: Outcome::Granted })
    }

    #[test]
    fn only_what_was_changed_is_recorded_and_the_whole_person_is_kept() {
        let checked = check(&[], |draft| draft.name = "Nguyễn Thị Thứ".to_owned()).expect("good");
        assert_eq!(checked.correction, Correction::default());
        assert_eq!(checked.person.name.as_deref(), Some("Nguyễn Thị Thứ"));
        assert_eq!((checked.person.phone, checked.person.note.as_deref()), (person().phone, Some("ghi nhầm")));
        let checked = check(&[], |draft| draft.channel = "online".to_owned()).expect("good");
        assert_eq!(checked.correction, Correction { channel: Some(Channel::Online), ..Correction::default() });
    }

    #[test]
    fn the_due_time_follows_what_it_was_counted_from() {
        let later = |draft: &mut Draft| draft.received_at = "15:30 20/11/2026".to_owned();
        let checked = check(&[], later).expect("good");
        assert_eq!(checked.correction.due_at, Some(time("17:00 23/11/2026")), "after 15:00");
        let extended = Event::Extended(Extended { at: time("08:30 20/11/2026"), due_at: time("17:00 25/11/2026") });
        assert_eq!(check(&[extended], later).expect("good").correction.due_at, None, "a person has set it");
        let typed = check(&[], |draft| draft.due_at = "17:00 30/11/2026".to_owned()).expect("good");
        assert_eq!(typed.correction.due_at, Some(time("17:00 30/11/2026")));
    }

    #[test]
    fn another_procedure_brings_its_field_its_limit_and_its_due_time() {
        let catalogue = Catalogue::starter();
        let other = catalogue.iter().find(|one| one.field == "ho_tich" && one.limit == Some(Limit::WorkingDays(3)));
        let other = other.expect("the table has one").code.clone();
        let checked = check(&[], |draft| draft.procedure = format!("{other} Tên thủ tục")).expect("good");
        assert_eq!(checked.correction.procedure, Some(other));
        assert_eq!(checked.correction.field.as_deref(), Some("ho_tich"));
        assert_eq!(checked.correction.limit, Some(Limit::WorkingDays(3)));
        assert_eq!(checked.correction.due_at, Some(time("17:00 26/11/2026")));
    }

    #[test]
    fn one_line_cases_of_bad_corrections() {
        let text = str::to_owned;
        faulty(&["reason"], &[], |_| {});
        faulty(&["reason"], &[], |draft| (draft.reason, draft.channel) = (text(" "), text("online")));
        faulty(&["procedure"], &[], |draft| draft.procedure = text("9.999999"));
        faulty(&["channel"], &[], |draft| draft.channel = text("dove"));
        faulty(&["received_at"], &[], |draft| draft.received_at = text("mai"));
        faulty(&["received_at"], &[], |draft| draft.received_at = text("16:06 23/11/2026"));
        faulty(&["due_at"], &[], |draft| draft.due_at = text("07:00 20/11/2026"));
        faulty(&["name"], &[], |draft| draft.name = text(""));
        faulty(&["phone"], &[], |draft| draft.phone = text("abc"));
        faulty(&["finished_at"], &[], |draft| draft.finished_at = text("10:00 20/11/2026"));
        faulty(&["finished_at"], &[finished()], |draft| draft.received_at = text("10:30 20/11/2026"));
        faulty(&["outcome"], &[finished()], |draft| draft.outcome = text(""));
    }

    #[test]
    fn a_slip_is_put_right_with_its_reason_and_its_words() {
        let slip = TurnedAway {
            code: "X-261120-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            at: time("08:00 20/11/2026"),
            lack: Lack::Incomplete,
        };
        let dossier = Dossier::fold(Uuid::nil(), [&Event::Guided(slip)]);
        let (person, catalogue, calendar) = (person(), Catalogue::starter(), Calendar::starter());
        let recorded = Recorded { dossier: &dossier, person: &person, papers: &[], words: "Thiếu bản sao" };
        let desk = Desk { catalogue: &catalogue, calendar: &calendar, now: time("16:00 23/11/2026") };
        let check = |change: &dyn Fn(&mut Draft)| {
            let mut draft = Draft { reason: "ghi nhầm".to_owned(), ..Draft::of(recorded, &catalogue) };
            change(&mut draft);
            draft.check(recorded, &desk)
        };
        assert_eq!(check(&|_| {}).expect_err("nothing changed")[0].field, "reason");
        let told = check(&|draft| draft.lack_note = "Thiếu bản sao\n\nvà tờ khai".to_owned()).expect("good");
        assert_eq!((told.correction, told.person.words.as_deref()), (Correction::default(), Some("Thiếu bản sao\nvà tờ khai")));
        let other =
            check(&|draft| (draft.lack, draft.procedure) = ("invalid".to_owned(), "1.004873 Tên".to_owned())).expect("good");
        let mut after = dossier.clone();
        after.apply(&Event::Corrected(Box::new(other.correction)));
        assert!(after.faults.is_empty(), "{:?}", after.faults);
        assert_eq!(after.turned_away.map(|slip| (slip.procedure, slip.lack)), Some(("1.004873".to_owned(), Lack::Invalid)));
        let faults = check(&|draft| (draft.lack_note, draft.procedure) = (String::new(), "9.9".to_owned())).expect_err("two");
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["procedure", "lack_note"]);
    }

    #[test]
    fn a_dossier_that_was_not_received_is_not_corrected() {
        let desk = Desk { catalogue: &Catalogue::starter(), calendar: &Calendar::starter(), now: time("16:00 23/11/2026") };
        let recorded = Recorded { dossier: &Dossier::new(Uuid::nil()), person: &person(), papers: &[], words: "" };
        let faults = Draft::default().check(recorded, &desk).expect_err("refused");
        assert_eq!(faults[0].field, "reason");
    }

    #[test]
    fn a_list_of_papers_is_put_right_by_its_ticks_and_lines_and_recorded_only_when_it_changed() {
        let table = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,components\n\
                     2.000815,Bản sao,chung_thuc,,same_day,yes,0,\"Bản chính | bản chính | 1\nBản cần chứng thực | bản sao | 2\"\n";
        let catalogue = Catalogue::of(crate::catalogue::procedures(table).expect("good"), 1);
        let asked = &catalogue.newest("2.000815").expect("there").components;
        let papers = [(asked[0].name.clone(), asked[0].paper()), ("Ảnh".to_owned(), asked[0].paper())];
        let by = |change: &dyn Fn(&mut Draft)| check_by(&catalogue, &papers, &[], |draft| change(draft));
        assert_eq!(by(&|_| {}).expect_err("nothing changed")[0].field, "reason");
        let added = by(&|draft| draft.ticked.0.push(asked[1].to_string())).expect("good").papers.expect("another list");
        assert_eq!((added.0.len(), added.1.as_str()), (3, "Bản chính; Bản cần chứng thực; Ảnh"));
        let none = by(&|draft| (draft.ticked.0.clear(), draft.papers.clear()).0).expect("good").papers.expect("another list");
        assert_eq!(none, (Vec::new(), String::new()));
        let other = by(&|draft| draft.procedure = "1.004873".to_owned()).expect_err("neither known nor its ticks");
        assert_eq!(other.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["procedure", "papers"]);
    }
}
