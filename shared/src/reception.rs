//! Receiving a dossier: what the clerk typed becomes a reception that may be saved, or every fault at once.
//!
//! Promise: past [`Draft::check`] everything is known, in NFC and due at a computed time; nothing typed is dropped.
//! Start at [`Draft::check`].

use chrono::Duration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::{Calendar, LocalTime, local_day};
use crate::catalogue::{Catalogue, Procedure};
use crate::dossier::{Channel, Code, Event, Lack, Papers, Received, SubmittedBy, TurnedAway};
use crate::paper::{self, Paper, Ticked};
use crate::ruleset::Ruleset;
use crate::seal::Sealed;
use crate::text::{self, nfc};
use crate::typed::{self, FieldError};

/// What a new dossier is made of; its code is given out when it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reception {
    /// Made when the form was opened: saving the same form twice saves it once.
    pub id: Uuid,
    /// `received.code` is filled in on saving.
    pub received: Received,
    /// It is not accepted, and why; the words are in the note of `person`.
    pub refusal: Option<(Answer, Lack)>,
    pub person: Sealed,
    /// What was handed in, and its names for the sealed part; `None`: not listed.
    pub papers: Option<(Vec<Paper>, String)>,
}

/// What the citizen is told instead of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What to complete (Mẫu 02).
    Guided,
    /// That the request is not accepted (Mẫu 03).
    Declined,
}

impl Code for Answer {
    const ALL: &'static [(Self, &'static str)] = &[(Answer::Guided, "guided"), (Answer::Declined, "declined")];
}

impl Reception {
    /// Everything that is recorded under `code`, each with its sealed part.
    pub fn events(self, code: String) -> Vec<(Event, Sealed)> {
        let first = self.event(code);
        let papers = self
            .papers
            .map(|(papers, names)| (Event::Papers(Papers { papers }), Sealed { note: Some(names), ..Sealed::default() }));
        std::iter::once((first, self.person)).chain(papers).collect()
    }

    /// What is recorded first.
    pub fn event(&self, code: String) -> Event {
        let received = self.received.clone();
        let Some((answer, lack)) = self.refusal else { return Event::Received(Received { code, ..received }) };
        let Received { procedure, field, channel, received_at: at, .. } = received;
        let slip = TurnedAway { code, procedure, field, channel, at, lack };
        match answer {
            Answer::Guided => Event::Guided(slip),
            Answer::Declined => Event::Declined(slip),
        }
    }
}

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// [`Reception::id`].
    pub id: String,
    pub procedure: String,
    pub channel: String,
    pub submitted_by: String,
    pub name: String,
    pub identity: String,
    pub phone: String,
    pub address: String,
    /// Papers beside the ticked ones, one a line, as [`paper::read`] takes them.
    pub papers: String,
    /// Components of the procedure that were handed in.
    #[serde(flatten)]
    pub ticked: Ticked,
    /// Đồng; empty: as the catalogue says, or nothing where it does not say.
    pub fee_vnd: String,
    pub received_at: String,
    /// Only for a procedure whose limit is not known.
    pub due_at: String,
    /// By what that due time was set: a limit that the catalogue does not know is entered with its reason, never guessed.
    pub due_reason: String,
    /// The day as the calendar on the wall shows it: only where the PC's clock is doubted.
    pub today: String,
    /// Code of an [`Answer`]; empty when the request is accepted.
    pub answer: String,
    pub lack: String,
    /// What is missing or wrong, in full.
    pub lack_note: String,
    /// Number of the slip with which the same request was not accepted before; empty when there is none. Whether there is
    /// such a slip is for who knows the register to say.
    pub follows: String,
}

const LONGEST_NAME: usize = 200;
const LONGEST_ADDRESS: usize = 300;
const LONGEST_NOTE: usize = 2000;
const LONGEST_SLIP: usize = 60;

impl Draft {
    /// Whether nobody has typed anything into it that would be missed.
    pub fn is_blank(&self) -> bool {
        let typed = [&self.procedure, &self.name, &self.identity, &self.phone, &self.address, &self.papers, &self.lack_note];
        typed.into_iter().chain([&self.fee_vnd, &self.due_at, &self.due_reason]).all(|text| text.trim().is_empty())
    }

    /// What the chosen procedure asks for and was not ticked, as it is told to the citizen; empty when all is there.
    pub fn missing(&self, procedure: &Procedure) -> String {
        let missing = procedure.components.iter().filter(|component| !self.ticked.has(component));
        missing
            .map(|one| format!("{}: {}, số lượng {}", one.name, paper::kind_name(one.kind), one.quantity))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The person that was typed, and what is wrong with it.
    pub fn person(&self) -> (Sealed, Vec<FieldError>) {
        let mut check = Check { draft: self, faults: Vec::new() };
        (check.person(), check.faults)
    }

    /// The reception that was typed, or all that is wrong with it.
    pub fn check(&self, catalogue: &Catalogue, calendar: &Calendar, now: LocalTime) -> Result<Reception, Vec<FieldError>> {
        let mut check = Check { draft: self, faults: Vec::new() };
        let id = check.id();
        let procedure = check.procedure(catalogue, typed::time(&self.received_at).unwrap_or(now));
        let channel = check.choice("channel", &self.channel, "hãy chọn hình thức nộp");
        let submitted_by = check.choice("submitted_by", &self.submitted_by, "hãy chọn người khai hồ sơ");
        let mut person = check.person();
        let received_at = check.received_at(now);
        let papers = check.papers(procedure);
        let fee_vnd = check.fee(procedure);
        let refusal = check.refusal();
        let follows = check.follows(!self.answer.is_empty());
        let due_at = if refusal.is_some() {
            None
        } else {
            check.due_at(procedure, channel.unwrap_or(Channel::InPerson), received_at, calendar)
        };
        person.note = match refusal {
            Some(_) => Some(text::lines(&self.lack_note)),
            None => check.due_reason(),
        };
        match (id, procedure, channel, submitted_by, received_at) {
            (Some(id), Some(procedure), Some(channel), Some(submitted_by), Some(received_at)) if check.faults.is_empty() => {
                let catalogued = Some(catalogue.keeps(procedure));
                let received = received(procedure, channel, submitted_by, received_at);
                let received = Received { due_at, fee_vnd, catalogued, follows, ..received };
                let papers = if refusal.is_some() { None } else { papers };
                Ok(Reception { id, received, refusal, person, papers })
            }
            _ => Err(check.faults),
        }
    }
}

fn received(procedure: &Procedure, channel: Channel, submitted_by: SubmittedBy, received_at: LocalTime) -> Received {
    Received {
        code: String::new(),
        procedure: procedure.code.clone(),
        field: procedure.field.clone(),
        channel,
        submitted_by,
        received_at,
        limit: procedure.limit_by(channel),
        due_at: None,
        ruleset: Ruleset::on(local_day(received_at)).id.to_owned(),
        fee_vnd: 0,
        catalogued: None,
        book: None,
        follows: None,
    }
}

/// The code that a chosen procedure begins with: `2.000815 Chứng thực bản sao…`.
pub fn procedure_code(typed: &str) -> &str {
    typed.split_whitespace().next().unwrap_or_default()
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

    fn id(&mut self) -> Option<Uuid> {
        let id = Uuid::parse_str(&self.draft.id).ok();
        if id.is_none() {
            self.fault("id", "Mẫu gửi lên không đầy đủ; hãy kiểm tra lại rồi bấm Lưu lần nữa.");
        }
        id
    }

    fn procedure<'c>(&mut self, catalogue: &'c Catalogue, received: LocalTime) -> Option<&'c Procedure> {
        let typed = nfc(&self.draft.procedure);
        let code = procedure_code(&typed);
        let day = local_day(received);
        let found = catalogue.find(code, day);
        match &found {
            Some(_) => {}
            None if typed.is_empty() => self.fault("procedure", "hãy chọn thủ tục"),
            None if catalogue.newest(code).is_some() => {
                self.fault("procedure", format!("thủ tục {code} không có hiệu lực vào ngày tiếp nhận"));
            }
            None => match catalogue.search(&typed, day).len() {
                0 => self.fault("procedure", format!("không có thủ tục nào trong danh mục khớp với “{typed}”")),
                1 => self.fault("procedure", "có một thủ tục khớp với chữ đã gõ; hãy chọn thủ tục đó"),
                count => self.fault("procedure", format!("có {count} thủ tục khớp với chữ đã gõ; hãy chọn một")),
            },
        }
        found
    }

    fn choice<T: Code>(&mut self, field: &'static str, code: &str, problem: &str) -> Option<T> {
        let choice = T::from_code(code);
        if choice.is_none() {
            self.fault(field, problem);
        }
        choice
    }

    fn papers(&mut self, procedure: Option<&Procedure>) -> Option<(Vec<Paper>, String)> {
        let procedure = procedure?;
        match paper::handed_in(&self.draft.ticked, &self.draft.papers, &procedure.components) {
            Ok(list) => list.map(paper::recorded),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn fee(&mut self, procedure: Option<&Procedure>) -> u64 {
        if nfc(&self.draft.fee_vnd).is_empty() {
            return procedure.and_then(|procedure| procedure.fee_vnd).unwrap_or(0);
        }
        typed::amount_vnd(&self.draft.fee_vnd).unwrap_or_else(|| {
            self.fault("fee_vnd", "cần số tiền bằng đồng, ví dụ 8.000; để trống: theo danh mục");
            0
        })
    }

    fn received_at(&mut self, now: LocalTime) -> Option<LocalTime> {
        let Some(at) = typed::time(&self.draft.received_at) else {
            self.fault("received_at", "cần giờ và ngày, ví dụ 14:32 22/11/2026");
            return None;
        };
        if at > now + Duration::minutes(5) {
            self.fault("received_at", "thời điểm nằm trong tương lai; hãy kiểm tra lại và xem đồng hồ của máy");
        }
        Some(at)
    }

    /// Computed where the limit is known; else as typed. None yet where it runs from acceptance.
    fn due_at(
        &mut self,
        procedure: Option<&Procedure>,
        channel: Channel,
        received: Option<LocalTime>,
        calendar: &Calendar,
    ) -> Option<LocalTime> {
        let typed_text = nfc(&self.draft.due_at);
        let typed_time = typed::time(&typed_text);
        if !typed_text.is_empty() && typed_time.is_none() {
            self.fault("due_at", "cần giờ và ngày, ví dụ 17:00 24/11/2026");
            return None;
        }
        let (procedure, received) = (procedure?, received?);
        if !procedure.clock_start.is_reception() {
            if typed_time.is_some() {
                self.fault(
                    "due_at",
                    "thời hạn của thủ tục này tính từ khi thụ lý; hãy để trống ô này và ghi bước thụ lý sau khi lưu",
                );
            }
            return None;
        }
        match (procedure.limit_by(channel), typed_time) {
            (Some(_), Some(_)) => {
                self.fault("due_at", "thủ tục này đã có thời hạn trong danh mục, máy tự tính hẹn trả; hãy để trống ô này");
                None
            }
            (Some(_), None) => procedure.due(channel, received, calendar),
            (None, None) => {
                self.fault("due_at", "danh mục chưa có thời hạn của thủ tục này; hãy ghi giờ, ngày hẹn trả");
                None
            }
            (None, Some(due)) => {
                if due <= received {
                    self.fault("due_at", "hẹn trả phải sau lúc tiếp nhận");
                }
                Some(due)
            }
        }
    }

    /// Goes with a due time that was typed, and with no other.
    fn due_reason(&mut self) -> Option<String> {
        let reason = nfc(&self.draft.due_reason);
        let typed = !nfc(&self.draft.due_at).is_empty() && !self.faults.iter().any(|fault| fault.field == "due_at");
        match (typed, reason.is_empty()) {
            (true, true) => self.fault("due_reason", "hãy ghi căn cứ của hẹn trả này, ví dụ số quyết định hoặc ý kiến lãnh đạo"),
            (false, false) if nfc(&self.draft.due_at).is_empty() => {
                self.fault("due_reason", "chỉ ghi căn cứ khi tự ghi hẹn trả; hãy để trống ô này");
            }
            _ if reason.chars().count() > LONGEST_NOTE => self.fault("due_reason", format!("dài quá {LONGEST_NOTE} ký tự")),
            _ => {}
        }
        typed.then_some(reason)
    }

    /// The citizen is told everything in one slip (NĐ 61/2018 Art. 15(3)).
    fn refusal(&mut self) -> Option<(Answer, Lack)> {
        if self.draft.answer.is_empty() {
            return None;
        }
        let answer = self.choice("answer", &self.draft.answer, "hãy bấm một trong các nút ở cuối mẫu");
        let lack = self.choice("lack", &self.draft.lack, "hãy chọn lý do chưa tiếp nhận");
        let note = nfc(&self.draft.lack_note);
        if note.is_empty() {
            self.fault("lack_note", "hãy ghi đủ những gì cần hoàn thiện, hoặc lý do từ chối; phiếu chỉ đưa một lần");
        } else if note.chars().count() > LONGEST_NOTE {
            self.fault("lack_note", format!("dài quá {LONGEST_NOTE} ký tự"));
        }
        answer.zip(lack)
    }

    /// Goes with a request that is accepted, and with no other.
    fn follows(&mut self, refused: bool) -> Option<String> {
        let slip = nfc(&self.draft.follows);
        if slip.is_empty() {
            return None;
        }
        if refused {
            self.fault("follows", "chỉ ghi khi tiếp nhận hồ sơ đã hoàn thiện; hãy để trống ô này");
        } else if slip.chars().count() > LONGEST_SLIP || slip.contains(' ') {
            self.fault("follows", "cần đúng số ghi trên phiếu, ví dụ 000.11.57.H23-261120-0001");
        }
        Some(slip)
    }

    fn person(&mut self) -> Sealed {
        let given = |text: String| (!text.is_empty()).then_some(text);
        Sealed {
            name: given(self.name()),
            identity: given(self.identity()),
            phone: given(self.phone()),
            address: given(self.address()),
            note: None,
            words: None,
        }
    }

    fn name(&mut self) -> String {
        let name = nfc(&self.draft.name);
        if !name.chars().any(char::is_alphabetic) {
            self.fault("name", "hãy ghi họ và tên người nộp, hoặc tên tổ chức");
        } else if name.chars().count() > LONGEST_NAME {
            self.fault("name", format!("dài quá {LONGEST_NAME} ký tự"));
        }
        name
    }

    /// A citizen's number has 12 digits, the old one 9; passports have letters too.
    fn identity(&mut self) -> String {
        let identity = nfc(&self.draft.identity).replace(' ', "");
        let well_formed = match identity.len() {
            0 | 9 | 12 => true,
            length => (5..=20).contains(&length) && !identity.bytes().all(|byte| byte.is_ascii_digit()),
        };
        if !well_formed || !identity.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.fault("identity", "số căn cước có 12 chữ số (số CMND cũ: 9); hộ chiếu gồm chữ không dấu và số");
        }
        identity
    }

    fn phone(&mut self) -> String {
        let phone = nfc(&self.draft.phone).replace([' ', '.', '-'], "");
        let digits = phone.strip_prefix('+').unwrap_or(&phone);
        let well_formed = (9..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !phone.is_empty() && !well_formed {
            self.fault("phone", "số điện thoại gồm 9 đến 12 chữ số, ví dụ 0912 345 678");
        }
        phone
    }

    fn address(&mut self) -> String {
        let address = nfc(&self.draft.address);
        if address.chars().count() > LONGEST_ADDRESS {
            self.fault("address", format!("dài quá {LONGEST_ADDRESS} ký tự"));
        }
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ClockStart;
    use crate::deadline::Limit;

    fn now() -> LocalTime {
        typed::time("16:00 20/11/2026").expect("a time")
    }

    fn good() -> Draft {
        Draft {
            id: "0193a6f0-0000-7000-8000-000000000001".to_owned(),
            procedure: "2.000815".to_owned(),
            channel: "in_person".to_owned(),
            submitted_by: "citizen".to_owned(),
            name: " Nguyễn  Thị Thử ".to_owned(),
            identity: "030 200 000 001".to_owned(),
            phone: "0912.345.678".to_owned(),
            address: "Thôn 1".to_owned(),
            received_at: "14:32 20/11/2026".to_owned(),
            ..Draft::default()
        }
    }

    fn check(change: impl FnOnce(&mut Draft)) -> Result<Reception, Vec<FieldError>> {
        let mut draft = good();
        change(&mut draft);
        draft.check(&Catalogue::starter(), &Calendar::starter(), now())
    }

    #[track_caller]
    fn faulty(expected: &[&str], change: impl FnOnce(&mut Draft)) {
        let faults = check(change).expect_err("refused");
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), expected, "{faults:?}");
    }

    fn unlimited() -> String {
        let catalogue = Catalogue::starter();
        catalogue.iter().find(|procedure| procedure.limit.is_none()).expect("some limits are unknown").code.clone()
    }

    #[test]
    fn a_good_form_becomes_a_reception_with_its_due_time_and_fee() {
        let reception = check(|_| {}).expect("good");
        assert_eq!(reception.person.name.as_deref(), Some("Nguyễn Thị Thử"));
        assert_eq!(reception.person.identity.as_deref(), Some("030200000001"));
        assert_eq!(reception.person.phone.as_deref(), Some("0912345678"));
        assert_eq!(reception.received.due_at, typed::time("17:00 20/11/2026"));
        assert_eq!((reception.received.fee_vnd, reception.received.ruleset.as_str()), (2000, "nd118-2025"));
    }

    #[test]
    fn after_15h_a_same_day_dossier_is_due_the_next_working_day() {
        let reception = check(|draft| draft.received_at = "15:01 20/11/2026".to_owned()).expect("good");
        assert_eq!(reception.received.due_at, typed::time("17:00 23/11/2026"));
    }

    #[test]
    fn an_empty_form_shows_every_fault_at_once() {
        faulty(&["id", "procedure", "channel", "submitted_by", "name", "received_at"], |draft| *draft = Draft::default());
    }

    #[test]
    fn one_line_cases_of_bad_fields() {
        faulty(&["procedure"], |draft| draft.procedure = "9.999999".to_owned());
        faulty(&["channel"], |draft| draft.channel = "by_dove".to_owned());
        faulty(&["name"], |draft| draft.name = " 123 ".to_owned());
        faulty(&["name"], |draft| draft.name = "a".repeat(201));
        faulty(&["identity"], |draft| draft.identity = "03020000001".to_owned());
        faulty(&["identity"], |draft| draft.identity = "<script>".to_owned());
        faulty(&["phone"], |draft| draft.phone = "0912 ABC".to_owned());
        faulty(&["address"], |draft| draft.address = "ấ".repeat(301));
        faulty(&["received_at"], |draft| draft.received_at = "16:06 20/11/2026".to_owned());
        faulty(&["received_at"], |draft| draft.received_at = "hôm nay".to_owned());
        faulty(&["due_at"], |draft| draft.due_at = "17:00 24/11/2026".to_owned());
        faulty(&["due_at"], |draft| draft.due_at = "mai".to_owned());
    }

    #[test]
    fn papers_and_a_fee_that_were_typed_are_recorded_and_the_names_of_papers_are_sealed() {
        let reception = check(|draft| {
            draft.papers = "Tờ khai\nGiấy khai sinh, bản sao, 2".to_owned();
            draft.fee_vnd = "8.000".to_owned();
        });
        let reception = reception.expect("good");
        assert_eq!(reception.received.fee_vnd, 8000);
        let person = reception.person.clone();
        let events = reception.events("X-261120-0001".to_owned());
        let [(Event::Received(_), sealed), (Event::Papers(papers), names)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((sealed, papers.papers.len()), (&person, 2));
        assert_eq!(names.note.as_deref(), Some("Tờ khai; Giấy khai sinh"));
        faulty(&["papers", "fee_vnd"], |draft| {
            draft.papers = "Tờ khai, bản chép".to_owned();
            draft.fee_vnd = "8,5".to_owned();
        });
    }

    #[test]
    fn ticked_components_are_recorded_before_what_was_typed_and_what_is_missing_can_be_told() {
        let table = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,components\n\
                     1.001193,Khai sinh,ho_tich,,same_day,yes,0,\"Tờ khai | bản chính | 1\nGiấy chứng sinh | bản sao | 2\"\n";
        let catalogue = Catalogue::of(crate::catalogue::procedures(table).expect("good"), 1);
        let draft = Draft {
            procedure: "1.001193".to_owned(),
            papers: "Ảnh, 3".to_owned(),
            ticked: Ticked(vec!["Giấy chứng sinh | bản sao | 2".to_owned()]),
            ..good()
        };
        let reception = draft.check(&catalogue, &Calendar::starter(), now()).expect("good");
        let (papers, names) = reception.papers.expect("listed");
        assert_eq!(
            (papers.iter().map(|paper| paper.quantity).collect::<Vec<_>>(), names.as_str()),
            (vec![2, 3], "Giấy chứng sinh; Ảnh")
        );
        let asked = catalogue.newest("1.001193").expect("there");
        assert_eq!(draft.missing(asked), "Tờ khai: bản chính, số lượng 1");
        let faults = draft.check(&Catalogue::starter(), &Calendar::starter(), now()).expect_err("another list");
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["papers"], "{faults:?}");
    }

    #[test]
    fn a_procedure_is_taken_by_its_code_and_never_guessed_from_words() {
        let chosen = check(|draft| draft.procedure = "2.000815 Chứng thực bản sao từ bản chính".to_owned()).expect("good");
        assert_eq!(chosen.received.procedure, "2.000815");
        faulty(&["procedure"], |draft| draft.procedure = "chung thuc".to_owned());
        faulty(&["procedure"], |draft| draft.procedure = "trồng cây".to_owned());
    }

    #[test]
    fn a_form_is_blank_until_somebody_types() {
        assert!(Draft { id: "x".to_owned(), channel: "online".to_owned(), ..Draft::default() }.is_blank());
        assert!(!Draft { phone: "09".to_owned(), ..Draft::default() }.is_blank());
    }

    #[test]
    fn a_procedure_without_limit_is_due_when_the_clerk_says_and_why() {
        faulty(&["due_at"], |draft| draft.procedure = unlimited());
        faulty(&["due_at"], |draft| {
            draft.procedure = unlimited();
            draft.due_at = draft.received_at.clone();
        });
        let reception = check(|draft| {
            draft.procedure = unlimited();
            draft.due_at = "17:00 30/11/2026".to_owned();
            draft.due_reason = "Kế hoạch 12/KH-UBND".to_owned();
        });
        let reception = reception.expect("good");
        assert_eq!(reception.received.due_at, typed::time("17:00 30/11/2026"));
        assert_eq!(reception.person.note.as_deref(), Some("Kế hoạch 12/KH-UBND"), "sealed: a reason may name people");
        faulty(&["due_reason"], |draft| {
            draft.procedure = unlimited();
            draft.due_at = "17:00 30/11/2026".to_owned();
        });
        faulty(&["due_reason"], |draft| draft.due_reason = "không cần".to_owned());
    }

    #[test]
    fn a_petition_is_received_without_a_due_time() {
        let reception = check(|draft| draft.procedure = "2.002409".to_owned()).expect("good").received;
        assert_eq!((reception.due_at, reception.limit), (None, Some(Limit::CalendarDays(30))));
        assert_eq!(reception.catalogued.map(|kept| (kept.reference, kept.clock_start)), Some((0, ClockStart::Acceptance)));
        faulty(&["due_at"], |draft| {
            draft.procedure = "2.002409".to_owned();
            draft.due_at = "17:00 24/12/2026".to_owned();
            draft.due_reason = "x".to_owned();
        });
    }

    #[test]
    fn a_request_that_is_not_accepted_needs_its_reason_and_no_due_time() {
        faulty(&["answer", "lack", "lack_note"], |draft| draft.answer = "later".to_owned());
        faulty(&["lack", "lack_note"], |draft| draft.answer = "declined".to_owned());
        let reception = check(|draft| {
            draft.procedure = unlimited();
            draft.answer = "guided".to_owned();
            draft.lack = "incomplete".to_owned();
            draft.lack_note = " Thiếu  bản sao ".to_owned();
        });
        let reception = reception.expect("good");
        assert_eq!(reception.person.note.as_deref(), Some("Thiếu bản sao"));
        let Event::Guided(slip) = reception.event("X-261120-0001".to_owned()) else { panic!("a slip") };
        assert_eq!((slip.code.as_str(), slip.lack), ("X-261120-0001", Lack::Incomplete));
        assert_eq!((slip.procedure, slip.at), (unlimited(), typed::time("14:32 20/11/2026").expect("a time")));
    }

    #[test]
    fn a_request_that_came_back_complete_names_its_slip() {
        let typed = |slip: &str| check(|draft| draft.follows = slip.to_owned()).expect("good").received.follows;
        assert_eq!((typed(" X-261120-0001 "), typed(" ")), (Some("X-261120-0001".to_owned()), None));
        faulty(&["follows"], |draft| draft.follows = "phiếu hôm qua".to_owned());
        faulty(&["lack", "lack_note", "follows"], |draft| {
            (draft.answer, draft.follows) = ("guided".to_owned(), "X-261120-0001".to_owned());
        });
    }

    #[test]
    fn only_the_name_of_a_person_is_asked_for() {
        let reception = check(|draft| {
            draft.identity.clear();
            draft.phone.clear();
            draft.address.clear();
        });
        let person = reception.expect("good").person;
        assert_eq!((person.identity, person.phone, person.address), (None, None, None));
    }
}
