//! What goes wrong besides the line: processes die, disks fill up, are restored, cloned and wiped, clocks jump, strangers
//! knock.
//!
//! Promise: one draw, one fault; none after the faults have stopped. Start at [`World::mischief`].

use motcua_shared::entry::Head;
use motcua_shared::wire::{self, AgentReport, PROTOCOL, Segment, Upload};

use super::agent::Agent;
use super::aggregator::{Question, Request, Source};
use super::line::Weather;
use super::{Happening, STRANGE_OFFICE, STRANGER, World, uuid};

/// Most PCs of a history, clones included.
const MOST_AGENTS: usize = 7;
const TWENTY_YEARS_MS: i64 = 20 * 365 * 24 * 3_600_000;

impl World {
    pub(super) fn mischief(&mut self) -> Option<String> {
        if self.calm {
            return None;
        }
        self.after(self.mischief_within, Happening::Mischief);
        let agent = self.below(self.agents.len());
        let line = match self.dice.below(36) {
            0..=4 => self.crash(agent),
            5..=7 => self.crash_aggregator(),
            8..=9 => self.fill_disk(agent),
            10 => self.fill_aggregator(),
            11..=13 => self.snapshot(agent),
            14..=15 => self.restore(agent),
            16..=18 => self.snapshot_aggregator(),
            19..=20 => self.restore_aggregator(),
            21 => self.clone_pc(agent),
            22 => self.reimage(agent),
            23..=24 => self.jump_clock(agent),
            25..=27 => self.garbage(),
            28..=29 => self.stranger(),
            30 if self.once_in(4) => self.upgrade(),
            _ => self.turn_weather(),
        };
        Some(line)
    }

    fn crash(&mut self, agent: usize) -> String {
        self.count("crashes of a pc");
        self.agents[agent].kill();
        self.after(60_000, Happening::Boot { agent });
        format!("pc {agent}: is killed")
    }

    fn kill_aggregator(&mut self) {
        self.aggregator.up = false;
        self.aggregator.life += 1;
        self.after(30_000, Happening::BootAggregator);
    }

    fn crash_aggregator(&mut self) -> String {
        self.count("crashes of the district");
        self.kill_aggregator();
        "district: is killed".to_owned()
    }

    fn fill_disk(&mut self, agent: usize) -> String {
        self.count("full disks");
        self.agents[agent].disk_full ^= true;
        format!("pc {agent}: the disk is full: {}", self.agents[agent].disk_full)
    }

    fn fill_aggregator(&mut self) -> String {
        self.count("full disks");
        self.aggregator.disk_full ^= true;
        format!("district: the disk is full: {}", self.aggregator.disk_full)
    }

    fn snapshot(&mut self, agent: usize) -> String {
        self.agents[agent].snapshot = Some(self.agents[agent].disk.clone());
        format!("pc {agent}: is backed up")
    }

    fn restore(&mut self, agent: usize) -> String {
        self.touched_agent = Some(agent);
        if !self.agents[agent].restore() {
            return format!("pc {agent}: has no backup");
        }
        self.count("restores of a pc");
        self.disk_replaced(agent);
        format!("pc {agent}: is restored from its backup")
    }

    /// What stood on the old disk alone is gone, and nobody can be blamed for it.
    fn disk_replaced(&mut self, agent: usize) {
        self.agents[agent].kill();
        self.agents[agent].decision_pending = false;
        self.after(60_000, Happening::Boot { agent });
        let facts = self.agents[agent].disk.facts();
        self.truth.shown.entry(agent).or_default().retain(|fact| facts.contains(fact));
    }

    fn snapshot_aggregator(&mut self) -> String {
        self.aggregator.snapshot = Some(self.aggregator.disk.clone());
        "district: is backed up".to_owned()
    }

    fn restore_aggregator(&mut self) -> String {
        let epoch = uuid(&mut self.dice);
        if !self.aggregator.restore(epoch) {
            return "district: has no backup".to_owned();
        }
        self.count("restores of the district");
        self.kill_aggregator();
        self.touched_aggregator = true;
        self.truth.life += 1;
        let disk = &self.aggregator.disk;
        self.truth
            .reached
            .retain(|(stream, seq, hash)| disk.holds(*stream, Head { seq: *seq, hash: motcua_shared::entry::Hash(*hash) }));
        self.stranger.1 = disk.head(STRANGER);
        "district: is restored from its backup".to_owned()
    }

    fn clone_pc(&mut self, agent: usize) -> String {
        if self.agents.len() >= MOST_AGENTS {
            return "no pc is cloned: there are enough".to_owned();
        }
        self.count("clones");
        let Agent { office, disk, .. } = &self.agents[agent];
        let (office, disk) = (*office, disk.clone());
        let shown = disk.facts();
        let clone = self.add_agent(office, disk, shown);
        format!("pc {clone}: is a clone of pc {agent}")
    }

    fn reimage(&mut self, agent: usize) -> String {
        self.touched_agent = Some(agent);
        if !self.once_in(2) {
            return format!("pc {agent}: is looked at, and kept as it is");
        }
        self.count("reimaged");
        self.agents[agent].reimage();
        self.disk_replaced(agent);
        format!("pc {agent}: is installed anew under its old identity")
    }

    fn jump_clock(&mut self, agent: usize) -> String {
        let span = TWENTY_YEARS_MS.unsigned_abs();
        let offset = i64::try_from(self.dice.below(2 * span)).unwrap_or_default() - TWENTY_YEARS_MS;
        if self.once_in(4) {
            self.aggregator.clock_offset_ms = offset;
            return format!("district: its clock is {offset} ms off");
        }
        self.agents[agent].clock_offset_ms = offset;
        format!("pc {agent}: its clock is {offset} ms off")
    }

    /// An upload that somebody else saw, damaged or not, sent again by nobody who waits for the answer.
    fn garbage(&mut self) -> String {
        if self.seen_uploads.is_empty() {
            return "nobody has seen an upload yet".to_owned();
        }
        let seen = self.below(self.seen_uploads.len());
        let mut request = Request { agent: usize::MAX, intact: false, ..self.seen_uploads[seen].clone() };
        request.id = 0;
        if let Question::Upload(bytes) = &mut request.question {
            for _ in 0..self.dice.below(3) {
                let at = usize::try_from(self.dice.below(bytes.len() as u64)).unwrap_or_default();
                bytes[at] = self.dice.roll().to_le_bytes()[0];
            }
        }
        self.after(100, Happening::Asked { request: Box::new(request) });
        "a stranger replays an upload, more or less".to_owned()
    }

    /// Somebody with a certificate sends entries that say nothing.
    fn stranger(&mut self) -> String {
        let (key, head) = self.stranger.clone();
        let record = head.chain(format!("nonsense {}", self.step), Vec::new());
        self.stranger.1 = record.head();
        let report = AgentReport {
            protocol: PROTOCOL,
            version: String::new(),
            head_seq: u64::MAX,
            head_hash: [7; 32],
            now_ms: i64::MIN,
            nonce: [0; 16],
            last_receipt: None,
            compare_at: Some(u64::MAX),
            compare_hash: None,
        };
        let upload = Upload { report, segment: Segment::pack(STRANGER, std::slice::from_ref(&record), &key) };
        let source = Source { office: STRANGE_OFFICE, stream: STRANGER, key: key.verifying_key() };
        let request = Request {
            id: 0,
            agent: usize::MAX,
            source,
            question: Question::Upload(wire::encode(&upload)),
            heads: vec![head, record.head()],
            intact: true,
        };
        self.after(100, Happening::Asked { request: Box::new(request) });
        "a stranger with a certificate sends nonsense".to_owned()
    }

    fn upgrade(&mut self) -> String {
        self.touched_aggregator = true;
        self.aggregator.upgrade();
        "district: is upgraded".to_owned()
    }

    fn turn_weather(&mut self) -> String {
        self.weather = match self.dice.below(3) {
            0 => Weather::default(),
            1 => Weather::some(false),
            _ => Weather::some(true),
        };
        format!("the weather turns: {:?}", self.weather)
    }
}
