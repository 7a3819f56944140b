//! Open dossiers that go over to the office that took this one's place: the entries on both sides, and the letter between.
//!
//! Promise: a dossier is open at exactly one office on every day. The old office closes it with `handed_over`, the new one
//! opens it with `taken_over`, both of the same moment, so that what leaves the figures of one enters those of the other
//! (DOMAIN §9). The new one gets an id that is made of the old one: however often a letter is read, and on whatever PC, it is
//! taken over once. A letter opens only with the words on paper that were printed when it was written.
//! Start at [`Letter::lock`] and [`TakenOver`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::book::Line;
use crate::calendar::LocalTime;
use crate::dossier::{Dossier, Event};
use crate::seal::{RecoveryKey, Sealed};
use crate::unit::code_of;

/// The dossier is the new office's from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    pub at: LocalTime,
    /// Code of the unit that gets it, or `CODE@FROM`.
    pub to: String,
}

/// A dossier came from the office whose place this one took. It keeps its code, its due time and the law that it was
/// received under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// As in the old office's `handed_over`.
    pub at: LocalTime,
    /// Code and name of the old office.
    pub from: String,
    pub from_name: String,
    /// The id that the dossier has there.
    pub origin: Uuid,
    /// Everything that was recorded of it there, in order.
    pub life: Vec<Told>,
    /// Its line in the register book of this office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<Line>,
}

/// An event that another office recorded: `{"kind": …, "clear": …}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told(pub Event);

/// How often a dossier can go over; more is no life but an attempt to make us read for ever.
const MOST_TIMES: usize = 8;

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Raw<'a> {
            kind: &'a str,
            clear: &'a RawValue,
        }
        Raw { kind: self.0.kind(), clear: &self.0.clear() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Told, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            kind: String,
            clear: Box<RawValue>,
        }
        let Raw { kind, clear } = Raw::deserialize(deserializer)?;
        if clear.get().matches("\"taken_over\"").count() > MOST_TIMES {
            return Err(serde::de::Error::custom("it went over too often"));
        }
        Event::read(&kind, &clear).map(Told).map_err(serde::de::Error::custom)
    }
}

/// What is kept of the way a dossier came here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub at: LocalTime,
    pub from: String,
    pub from_name: String,
    pub id: Uuid,
    /// It was still open there: it is in the balance that this office took over.
    pub open: bool,
    /// What had been counted there and is not counted again here.
    pub paid: bool,
    pub supplements: u32,
    pub extensions: u32,
}

impl TakenOver {
    /// The state in which it comes here. Its certifications stand in the old office's book.
    pub fn fold(&self, id: Uuid) -> (Dossier, Origin) {
        let life = Dossier::fold(id, self.life.iter().map(|told| &told.0));
        let origin = Origin {
            at: self.at,
            from: self.from.clone(),
            from_name: self.from_name.clone(),
            id: self.origin,
            open: life.finished.is_none() && !life.voided,
            paid: life.paid.is_some_and(|paid| paid.amount_vnd > 0),
            supplements: life.supplements,
            extensions: life.extensions,
        };
        (Dossier { certified: Vec::new(), ..life }, origin)
    }
}

/// The id that a dossier gets at the unit that takes it over.
pub fn id_at(unit: &str, origin: Uuid) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key("motcua 2026 dossier taken over v1");
    hasher.update(origin.as_bytes());
    hasher.update(code_of(unit).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// One dossier on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    pub id: Uuid,
    pub at: LocalTime,
    pub life: Vec<Told>,
    pub person: Person,
}

/// The personal part, as it stands inside the locked letter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    pub name: Option<String>,
    pub identity: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

impl From<Sealed> for Person {
    fn from(Sealed { name, identity, phone, address, note, words }: Sealed) -> Person {
        Person { name, identity, phone, address, note, words }
    }
}

impl From<Person> for Sealed {
    fn from(Person { name, identity, phone, address, note, words }: Person) -> Sealed {
        Sealed { name, identity, phone, address, note, words }
    }
}

/// Everything that one office passes to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub from: String,
    pub from_name: String,
    pub to: String,
    pub dossiers: Vec<Passed>,
}

/// Why a file is no letter that can be read, in words for whoever brought it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    #[error("tệp này không phải gói bàn giao hồ sơ, hoặc do phiên bản mới hơn ghi; hãy kiểm tra lại tệp")]
    NotALetter,
    #[error("mã mở gói không đúng với tệp này, hoặc tệp bị hỏng; hãy xem lại mã đã in khi xuất gói, hoặc xuất gói lại")]
    Locked,
    #[error("nội dung gói bàn giao không đọc được ({0}); hãy nâng cấp chương trình rồi nhập lại, gói vẫn dùng được")]
    Unreadable(String),
}

/// First line of a file.
const MAGIC: &[u8] = b"motcua hand-over 1\n";
/// What the lock is for; see [`crate::seal::OfficeKey::lock`].
const PURPOSE: &str = "motcua hand-over v1";

impl Letter {
    /// The file, locked with `key`: whoever has its words and the file can read it, and nobody else.
    pub fn lock(&self, key: &RecoveryKey, nonce: [u8; 24]) -> Vec<u8> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(self).expect("plain strings, numbers and times are JSON"));
        [MAGIC, &key.office_key().lock(PURPOSE, &plain, nonce)].concat()
    }

    /// Opens a file again.
    pub fn open(file: &[u8], key: &RecoveryKey) -> Result<Letter, LetterError> {
        let locked = file.strip_prefix(MAGIC).ok_or(LetterError::NotALetter)?;
        let plain = key.office_key().unlock(PURPOSE, locked).map_err(|_| LetterError::Locked)?;
        let plain = zeroize::Zeroizing::new(plain);
        serde_json::from_slice(&plain).map_err(|error| LetterError::Unreadable(error.to_string()))
    }
}

/// Whether bytes begin as a letter does.
pub fn is_letter(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contribution::{Counter, Counters, Delta};
    use crate::dossier::tests::{any_event, received, time};
    use crate::dossier::{Channel, Extended, Fault, Finished, Moment, Outcome, Refusal, State, Supplemented};

    const OLD: Uuid = Uuid::from_u128(1);
    const DAY: i64 = 24 * 60;

    fn handed(minute: i64) -> Event {
        Event::HandedOver(HandedOver { at: time(minute), to: "11098".to_owned() })
    }

    /// The same dossier at the new office: `life` is what the old one recorded before `minute`.
    fn taken(minute: i64, life: &[Event]) -> Event {
        Event::TakenOver(Box::new(TakenOver {
            at: time(minute),
            from: "11089".to_owned(),
            from_name: "Xã Ngọc Kỳ".to_owned(),
            origin: OLD,
            life: life.iter().cloned().map(Told).collect(),
            book: Some(Line { volume: 1, number: 7 }),
        }))
    }

    fn fold(life: &[Event]) -> Dossier {
        Dossier::fold(id_at("11098", OLD), life)
    }

    fn finished(minute: i64) -> Event {
        Event::Finished(Finished { at: time(minute), outcome: Outcome::Granted })
    }

    #[test]
    fn what_was_handed_over_is_closed_here_and_goes_on_there_with_its_code_and_due_time() {
        let life = [received(0, Channel::Online), Event::SupplementRequested(Moment { at: time(5) })];
        let before = Dossier::fold(OLD, &life);
        assert_eq!(before.admits(&handed(10), time(20)), Ok(()));
        let mut old = before.clone();
        old.apply(&handed(10));
        assert_eq!((old.state(), &old.faults[..]), (State::HandedOver, &[][..]));
        for event in [finished(15), Event::Voided(Moment { at: time(15) }), handed(15)] {
            assert_eq!(old.admits(&event, time(20)), Err(Refusal::State(State::HandedOver)), "{event:?}");
        }
        let new = fold(&[taken(10, &life)]);
        assert_eq!((new.state(), new.code(), new.due_at), (State::AwaitingSupplement, before.code(), before.due_at));
        assert_eq!((new.book.map(|place| place.number), new.received.as_ref()), (Some(7), before.received.as_ref()));
        let full = Event::Supplemented(Supplemented { at: time(30), due_at: Some(time(600)), due_at_other_mode: None });
        assert_eq!(new.admits(&full, time(40)), Ok(()));
        let done = fold(&[taken(10, &life), full, finished(50)]);
        assert_eq!((done.state(), &done.faults[..]), (State::Finished, &[][..]));
        assert_eq!(new.admits(&Event::Voided(Moment { at: time(15) }), time(20)), Err(Refusal::CameFromElsewhere));
    }

    #[test]
    fn what_comes_by_sync_after_the_hand_over_is_flagged_and_changes_nothing() {
        let life = [received(0, Channel::Online), handed(10)];
        let old = Dossier::fold(OLD, &life);
        let mut later = old.clone();
        later.apply(&finished(5));
        assert_eq!((later.finished, &later.faults[..]), (None, &[Fault::AfterHandover][..]));
        let twice = fold(&[taken(10, &life[..1]), taken(10, &life[..1])]);
        assert_eq!((twice.state(), &twice.faults[..]), (State::Processing, &[][..]), "read on two PCs");
        let nothing = fold(&[taken(10, &[])]);
        assert_eq!(nothing.state(), State::Unknown);
    }

    #[test]
    fn a_result_that_nobody_fetched_goes_over_and_was_counted_already() {
        let life = [received(0, Channel::InPerson), finished(100)];
        let new = fold(&[taken(3 * DAY, &life), Event::Returned(Moment { at: time(4 * DAY) }.into())]);
        assert_eq!(new.state(), State::Returned);
        let mut delta = Delta::default();
        delta.add(&new);
        assert_eq!(sum(&delta).open(), 0);
        assert_eq!((sum(&delta).resolved(), sum(&delta).get(Counter::Returned)), (0, 1));
    }

    fn sum(delta: &Delta) -> Counters {
        delta.0.values().fold(Counters::default(), |mut sum, counters| {
            sum.add(counters);
            sum
        })
    }

    #[test]
    fn an_event_of_another_office_is_read_as_it_was_written_and_not_without_end() {
        let mut event = taken(10, &[received(0, Channel::Post), Event::Extended(Extended { at: time(1), due_at: time(2) })]);
        let clear = event.clear();
        assert_eq!(Event::read("taken_over", &clear).expect("our own words"), event);
        for _ in 0..20 {
            event = taken(10, &[event]);
        }
        assert!(Event::read("taken_over", &event.clear()).is_err());
    }

    #[test]
    fn a_letter_opens_with_its_words_only() {
        let letter = Letter {
            from: "11089".to_owned(),
            from_name: "Xã Ngọc Kỳ".to_owned(),
            to: "11098".to_owned(),
            dossiers: vec![Passed {
                id: OLD,
                at: time(10),
                life: vec![Told(received(0, Channel::Online))],
                person: Person { name: Some("Nguyễn Thử Một".to_owned()), ..Person::default() },
            }],
        };
        let key = RecoveryKey::new([7; 32]);
        let file = letter.lock(&key, [1; 24]);
        assert!(is_letter(&file) && !String::from_utf8_lossy(&file).contains("Thử"));
        assert_eq!(Letter::open(&file, &key), Ok(letter));
        assert_eq!(Letter::open(&file, &RecoveryKey::new([8; 32])), Err(LetterError::Locked));
        assert_eq!(Letter::open(&file[1..], &key), Err(LetterError::NotALetter));
        assert_eq!(Letter::open(&file[..file.len() - 1], &key), Err(LetterError::Locked));
    }

    proptest! {
        /// Whatever happens before and after, on every day the dossier is open at one office at most, and both together
        /// give what one office would have given: received once, resolved once.
        #[test]
        fn both_offices_together_count_what_one_would_have(
            before in prop::collection::vec(any_event(), 0..6),
            after in prop::collection::vec(any_event(), 0..6),
            minute in 0i64..20_000,
        ) {
            let plain = |events: Vec<Event>| -> Vec<Event> {
                events.into_iter().filter(|event| !matches!(event, Event::Voided(_) | Event::HandedOver(_) | Event::TakenOver(_))).collect()
            };
            let before: Vec<Event> = std::iter::once(received(0, Channel::InPerson)).chain(plain(before)).collect();
            // A correction of the old office may move the reception; the hand-over is never before it.
            let after: Vec<Event> = plain(after).into_iter().filter(|event| !matches!(event, Event::Corrected(_) | Event::Received(_))).collect();
            let before: Vec<Event> = before.into_iter().filter(|event| !matches!(event, Event::Corrected(_))).collect();
            let (mut old, mut new, mut one) = (Delta::default(), Delta::default(), Delta::default());
            let closed: Vec<Event> = before.iter().cloned().chain([handed(minute)]).chain(after.clone()).collect();
            old.add(&Dossier::fold(OLD, &closed));
            let opened: Vec<Event> = std::iter::once(taken(minute, &before)).chain(after.clone()).collect();
            new.add(&fold(&opened));
            let whole: Vec<Event> = before.iter().cloned().chain(after).collect();
            one.add(&Dossier::fold(OLD, &whole));
            let days: std::collections::BTreeSet<_> = [&old, &new, &one].iter().flat_map(|delta| delta.0.keys().map(|cell| cell.day)).collect();
            let until = |delta: &Delta, day| {
                let mut sum = Counters::default();
                delta.0.iter().filter(|(cell, _)| cell.day <= day).for_each(|(_, counters)| sum.add(counters));
                sum
            };
            for day in &days {
                let (old, new) = (until(&old, *day), until(&new, *day));
                prop_assert!((0..=1).contains(&old.open()) && (0..=1).contains(&new.open()) && old.open() + new.open() <= 1);
                prop_assert!((0..=old.open()).contains(&old.open_overdue()) && (0..=new.open()).contains(&new.open_overdue()));
                prop_assert!((0..=old.open()).contains(&old.waiting()) && (0..=new.open()).contains(&new.waiting()));
            }
            let last = days.last().copied().expect("a day");
            let (old, new, one) = (until(&old, last), until(&new, last), until(&one, last));
            // What is recorded of a dossier that has its result is against the rules, and at the new office counts nowhere.
            let open: &[Counter] = if new.get(Counter::TakenOver) == 1 {
                &[Counter::ResolvedEarly, Counter::ResolvedOnTime, Counter::ResolvedOverdue, Counter::ResolvedWithoutResult, Counter::WithFee, Counter::Extended, Counter::AskedForMore]
            } else {
                &[]
            };
            prop_assert_eq!(old.resolved() + new.resolved(), one.resolved());
            for counter in std::iter::once(Counter::ReceivedInPerson).chain(open.iter().copied()) {
                prop_assert_eq!(old.get(counter) + new.get(counter), one.get(counter), "{:?}", counter);
            }
            prop_assert_eq!((old.open() + new.open(), old.get(Counter::HandedOver)), (one.open(), new.get(Counter::TakenOver)));
        }
    }
}
