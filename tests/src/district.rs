//! Many communes in one process: invented lives of dossiers, years of them, straight into a district's database.
//!
//! Promise: the same seed gives the same lives; everything goes through the door that the line uses, signed and chained.
//! Start at [`fill`].

use anyhow::{Context, Result};
use chrono::{Datelike, Days, NaiveDate};
use ed25519_dalek::SigningKey;
use motcua_aggregator::ingest::{self, Source, Way};
use motcua_aggregator::store::{SqliteStore, Store, Stream};
use motcua_shared::calendar::{Calendar, LocalTime, at};
use motcua_shared::catalogue::Catalogue;
use motcua_shared::deadline;
use motcua_shared::dossier::{
    Channel, Correction, Digitised, Event, Extent, Finished, Moment, Outcome, Paid, Rated, Rating, Received, SubmittedBy,
    Supplemented,
};
use motcua_shared::entry::{Draft, Head, Record};
use motcua_shared::ruleset::Ruleset;
use motcua_shared::seal::OfficeKey;
use motcua_shared::wire::{AgentReport, PROTOCOL, Segment};
use uuid::Uuid;

use crate::register::Dice;

/// Procedure, its fee in đồng, and how many office minutes it takes at most here; some of the time more than is allowed.
const PROCEDURES: [(&str, u64, u64); 7] = [
    ("2.000815", 4_000, 300),
    ("2.000884", 10_000, 600),
    ("1.001193", 0, 500),
    ("1.004873", 0, 1_800),
    ("1.001731", 0, 3_000),
    ("1.001653", 0, 12_000),
    ("1.010803", 0, 9_000),
];

/// Entries of one upload.
const SEGMENT: usize = 2_000;

/// The desk that invents.
pub struct Invention {
    dice: Dice,
    calendar: Calendar,
    catalogue: Catalogue,
}

impl Invention {
    pub fn new(seed: u64) -> Invention {
        Invention { dice: Dice::new(seed), calendar: Calendar::starter(), catalogue: Catalogue::starter() }
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.dice.below(count) == 0
    }

    /// The lives of `count` dossiers received on working days of `first..=last`, in order of reception.
    pub fn lives(&mut self, identifier: &str, first: NaiveDate, last: NaiveDate, count: usize) -> Vec<Vec<Event>> {
        let days = u64::try_from((last - first).num_days()).unwrap_or(0) + 1;
        let mut receptions: Vec<NaiveDate> =
            (0..count).map(|_| self.calendar.roll(first + Days::new(self.dice.below(days))).min(last)).collect();
        receptions.sort_unstable();
        let (mut number, mut before) = (0, NaiveDate::MIN);
        let mut lives = Vec::with_capacity(count);
        for day in receptions {
            number = if day == before { number + 1 } else { 1 };
            before = day;
            lives.push(self.life(format!("{identifier}-{}-{number:04}", day.format("%y%m%d")), day));
        }
        lives
    }

    fn after(&self, start: LocalTime, minutes: u64) -> LocalTime {
        self.calendar.add_office_minutes(start, u32::try_from(minutes).unwrap_or(u32::MAX))
    }

    /// Up to so many office minutes later.
    fn within(&mut self, start: LocalTime, minutes: u64) -> LocalTime {
        let minutes = self.dice.below(minutes);
        self.after(start, minutes)
    }

    fn life(&mut self, code: String, day: NaiveDate) -> Vec<Event> {
        let place = usize::try_from(self.dice.below(PROCEDURES.len() as u64)).expect("a short list");
        let (procedure, fee_vnd, most) = PROCEDURES[place];
        let known = self.catalogue.find(procedure, day).expect("a procedure of the catalogue");
        let (field, limit, after_15h) = (known.field.clone(), known.limit, known.after_15h_next_day);
        let opening = at(day, self.calendar.opens(day));
        let received_at = self.within(opening, 470);
        let due_at = limit.map(|limit| deadline::due(limit, after_15h, received_at, &self.calendar));
        let channel = match self.dice.below(6) {
            0..=2 => Channel::InPerson,
            3 => Channel::Post,
            _ => Channel::Online,
        };
        let submitted_by = if self.one_in(3) { SubmittedBy::Official } else { SubmittedBy::Citizen };
        let ruleset = Ruleset::on(day).id.to_owned();
        let mut life = vec![Event::Received(Received {
            code,
            procedure: procedure.to_owned(),
            field,
            channel,
            submitted_by,
            received_at,
            limit,
            due_at,
            ruleset,
            fee_vnd,
            catalogued: None,
            book: None,
            follows: None,
        })];
        self.processing(&mut life, received_at, channel, fee_vnd, most);
        life
    }

    fn processing(&mut self, life: &mut Vec<Event>, received_at: LocalTime, channel: Channel, fee_vnd: u64, most: u64) {
        if fee_vnd > 0 && !self.one_in(5) {
            life.push(Event::Paid(Paid { amount_vnd: fee_vnd, online: channel == Channel::Online && !self.one_in(4) }));
        }
        let components = match self.dice.below(3) {
            0 => Extent::None,
            1 => Extent::Some,
            _ => Extent::All,
        };
        let mut from = received_at;
        if self.one_in(12) {
            let asked = self.within(from, 900);
            life.push(Event::SupplementRequested(Moment { at: asked }));
            if self.one_in(8) {
                return;
            }
            from = self.within(asked, 4_000);
            let due_at = Some(self.after(from, most));
            life.push(Event::Supplemented(Supplemented { at: from, due_at, due_at_other_mode: None }));
        }
        if self.one_in(25) {
            return; // still open
        }
        let end = self.within(from, most);
        let outcome = if self.one_in(15) { Outcome::Refused } else { Outcome::Granted };
        life.push(Event::Finished(Finished { at: end, outcome }));
        life.push(Event::Digitised(Digitised { components, result: outcome == Outcome::Granted && !self.one_in(3) }));
        life.push(Event::Returned(Moment { at: self.within(end, 600) }.into()));
        if self.one_in(3) {
            let rating = match self.dice.below(8) {
                0 => Rating::NotGood,
                1..=2 => Rating::Normal,
                3..=5 => Rating::Good,
                _ => Rating::VeryGood,
            };
            life.push(Event::Rated(Rated { rating }));
        }
        if self.one_in(40) {
            let finished_at = Some(end + chrono::Duration::hours(i64::try_from(self.dice.below(72)).unwrap_or(0)));
            life.push(Event::Corrected(Box::new(Correction { finished_at, ..Correction::default() })));
        }
        if self.one_in(60) {
            life.push(Event::Voided(Moment { at: self.after(end, 700) }));
        }
    }
}

/// One commune that was enrolled, and its log.
pub struct Office {
    pub unit: String,
    pub stream: Uuid,
    key: SigningKey,
    pub log: Vec<Record>,
}

impl Office {
    /// Enrols an office of the unit with this key.
    pub fn enrol(store: &mut SqliteStore, unit: &str, number: u128, at: LocalTime) -> Result<Office> {
        let mut seed = [7; 32];
        seed[..16].copy_from_slice(&number.to_le_bytes());
        let (stream, key) = (Uuid::from_u128(number), SigningKey::from_bytes(&seed));
        let public_key = key.verifying_key().to_bytes();
        store.stream_add(&Stream { id: stream, unit: unit.to_owned(), public_key, numbers_from: 1, numbers_to: 4_999 }, at)?;
        Ok(Office { unit: unit.to_owned(), stream, key, log: Vec::new() })
    }

    /// Writes lives into its log: what happened to a dossier in order, the dossiers mixed as a desk mixes them.
    pub fn record(&mut self, lives: &[Vec<Event>], at: LocalTime) {
        let office = OfficeKey::from_bytes([4; 32]);
        let mut head = self.log.last().map_or_else(|| Head::genesis(self.stream), Record::head);
        let most = lives.iter().map(Vec::len).max().unwrap_or(0);
        for near in (0u128..).zip(lives.chunks(16)) {
            for step in 0..most {
                for (place, life) in (0u128..).zip(near.1) {
                    let Some(event) = life.get(step) else { continue };
                    let dossier = Uuid::from_u128(self.stream.as_u128() << 40 | (near.0 * 16 + place + 1));
                    let draft = Draft {
                        event: event.clone(),
                        dossier: Some(dossier),
                        author: "lan".to_owned(),
                        recorded_at: at,
                        clock: None,
                        sealed: None,
                    };
                    let record = head.next(self.stream, &draft, &office, [0; 8]);
                    head = record.head();
                    self.log.push(record);
                }
            }
        }
    }

    /// Sends the entries after the first `from`.
    pub fn send(&self, store: &mut SqliteStore, from: usize, at: LocalTime) -> Result<()> {
        let head = self.log.last().context("something to send")?.head();
        let source = Source { unit: self.unit.clone(), stream: self.stream, key: self.key.verifying_key(), way: Way::Line };
        let report = AgentReport {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
            head_seq: head.seq,
            head_hash: head.hash.0,
            now_ms: at.timestamp_millis(),
            nonce: [7; 16],
            last_receipt: None,
            compare_at: None,
            compare_hash: None,
        };
        for records in self.log[from..].chunks(SEGMENT) {
            ingest::take(store, &source, &report, &Segment::pack(self.stream, records, &self.key), at)?;
        }
        Ok(())
    }
}

/// Fills a district with a commune for each unit key, each with `each` dossiers received from `first` to `last`.
pub fn fill(store: &mut SqliteStore, units: &[String], first: NaiveDate, last: NaiveDate, each: usize) -> Result<()> {
    let now = at(last + Days::new(1), chrono::NaiveTime::from_hms_opt(12, 0, 0).context("noon")?);
    for (number, unit) in (1u128..).zip(units) {
        let mut invention = Invention::new(u64::try_from(number)? * 31 + u64::from(first.year().cast_unsigned()));
        let lives = invention.lives(&format!("000.00.{number:02}.H23"), first, last, each);
        let mut office = Office::enrol(store, unit, number, now)?;
        office.record(&lives, now);
        office.send(store, 0, now)?;
    }
    Ok(())
}
