//! What the offices of the simulation record: real entries, each of which carries one numbered fact.
//!
//! Promise: a fact has one number for ever, in whatever stream and however often it is written down. Start at [`draft`].

use motcua_shared::calendar::{self, LocalTime};
use motcua_shared::dossier::{Event, Paid};
use motcua_shared::entry::{Body, Draft, Hash, Head, Record, Seq};
use motcua_shared::seal::{OfficeKey, Sealed};
use uuid::Uuid;

/// A kind of entry that only an upgraded aggregator understands.
pub const LATER: &str = "later";

/// An entry and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub record: Record,
    pub origin: Hash,
    /// `None`: nonsense.
    pub reading: Option<Reading>,
}

/// The part of an entry that the model applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub fact: u64,
    pub dossier: Uuid,
    /// This version does not understand its kind.
    pub newer: bool,
}

impl Entry {
    /// Reads what the bytes say, as an aggregator does.
    pub fn of(record: Record) -> Entry {
        let reading = Body::parse(record.seq, &record.body).ok().and_then(|body| {
            let clear: serde_json::Value = serde_json::from_str(body.clear.get()).ok()?;
            let fact = clear.get("amount_vnd")?.as_u64()?;
            Some(Reading { fact, dossier: body.dossier?, newer: Event::parse(&body).is_err() })
        });
        Entry { origin: record.origin(), reading, record }
    }

    pub fn seq(&self) -> Seq {
        self.record.seq
    }

    pub fn hash(&self) -> Hash {
        self.record.hash
    }

    pub fn fact(&self) -> Option<u64> {
        self.reading.as_ref().map(|reading| reading.fact)
    }
}

/// A fact that this version writes.
pub fn draft(fact: u64, dossier: Uuid, wall_ms: i64, personal: bool) -> Draft {
    Draft {
        event: Event::Paid(Paid { amount_vnd: fact, online: false }),
        dossier: Some(dossier),
        author: "lan".to_owned(),
        recorded_at: local(wall_ms),
        clock: None,
        sealed: personal.then(|| Sealed { note: Some(format!("người thử {fact}")), ..Sealed::default() }),
    }
}

/// A fact of a kind that only a newer version writes.
pub fn newer(head: Head, fact: u64, dossier: Uuid, wall_ms: i64) -> Record {
    let (seq, at) = (head.seq + 1, local(wall_ms).to_rfc3339());
    let body = format!(
        r#"{{"v":1,"seq":{seq},"kind":"{LATER}","dossier":"{dossier}","author":"lan","recorded_at":"{at}","clear":{{"amount_vnd":{fact}}}}}"#
    );
    head.chain(body, Vec::new())
}

/// The key of an office.
pub fn office_key(office: usize) -> OfficeKey {
    OfficeKey::from_bytes([u8::try_from(office).unwrap_or_default() + 1; 32])
}

/// A wall clock as it is written down.
fn local(wall_ms: i64) -> LocalTime {
    calendar::local(chrono::DateTime::from_timestamp_millis(wall_ms).unwrap_or_default())
}
