//! A model of one office PC: its disk, and what one process does between two I/O steps.
//!
//! Promise: decisions are those of `shared::sync`; only the disk and the order of I/O are modelled. Every step of
//! [`Agent::act`] touches the disk at most once, so that the simulator can kill the process between any two.
//! Start at [`Agent::act`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::entry::{Hash, Head, Record, Seq};
use motcua_shared::sync::{Action, End, Event, Session, check_receipt, copies_due, needs_session, whole_tail};
use motcua_shared::wire::{self, AgentReport, Hello, LastReceipt, PROTOCOL, Receipt, Segment, Signed, Tail, Upload};
use uuid::Uuid;

use super::Mutation;
use super::aggregator::{Question, Reply, Request, Source, opened};
use super::fact::{self, Entry};
use crate::register::Dice;

/// The last receipt of a stream, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub stored_through: Seq,
    pub epoch: Uuid,
    /// For the checker alone: which life of the aggregator's database the receipt spoke of.
    pub life: u64,
}

/// Our entries from `at` on are not those of the aggregator's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    pub at: Seq,
    pub kept: Option<Seq>,
    /// For the checker alone, as in [`Kept`].
    pub life: u64,
}

/// One stream on a disk.
#[derive(Debug, Clone)]
pub struct Stream {
    pub id: Uuid,
    key: SigningKey,
    pub log: Vec<Arc<Entry>>,
    pub receipt: Option<Kept>,
    pub branch: Option<Branch>,
    /// Its successor is to be opened: its tail was fetched, or a person decided so.
    pub leaving: bool,
}

/// Everything that survives `kill -9`.
#[derive(Debug, Clone)]
pub struct Disk {
    /// In the order in which they were opened: the last one is written to.
    pub streams: Vec<Stream>,
    /// A stream that is being opened.
    opening: Option<(Uuid, SigningKey)>,
    /// The newest life of the aggregator that a kept receipt named.
    epoch: Option<Uuid>,
}

/// What a process does next.
#[derive(Debug)]
enum Todo {
    Decided(Action),
    KeepTail { from: Seq, tail: Vec<Record> },
    Adopt,
}

/// What a process waits for.
#[derive(Debug)]
struct Waiting {
    id: u64,
    nonce: [u8; 16],
    asked: Head,
    carried: usize,
    /// Where the tail that was asked for must lead.
    tail: Option<(Seq, Head)>,
    /// The entries that were sent.
    first_sent: Seq,
    last_sent: Option<Seq>,
    /// For the checker alone: the step at which it was asked.
    at_step: u64,
}

/// One exchange under way.
#[derive(Debug)]
struct Run {
    stream: usize,
    session: Session,
    todo: VecDeque<Todo>,
    waiting: Option<Waiting>,
    /// For the checker alone: bytes of the receipt that is to be kept, and when it was asked for.
    receipt: Option<(Vec<u8>, u64)>,
}

/// One PC.
#[derive(Debug)]
pub struct Agent {
    pub name: usize,
    pub office: usize,
    pub disk: Disk,
    pub snapshot: Option<Disk>,
    pub up: bool,
    pub life: u64,
    pub disk_full: bool,
    pub clock_offset_ms: i64,
    pub mutation: Option<Mutation>,
    /// A person was told of a fork and will decide.
    pub decision_pending: bool,
    nights: usize,
    run: Option<Run>,
}

/// What the world must do for an agent after one of its steps.
#[derive(Debug)]
pub enum Effect {
    /// Go on at once.
    Again,
    /// Go on after a pause.
    Wait(Duration),
    Ask(Box<Request>),
    /// The district lost so many entries that it had acknowledged.
    Lost {
        entries: u64,
    },
    Ended(End),
    /// A receipt was kept: these bytes answered what was asked at this step.
    Kept {
        bytes: Vec<u8>,
        asked_at: u64,
    },
    Idle,
}

/// For the checker alone: when a receipt was signed, and of which life of the database it speaks.
#[derive(Debug, Clone, Copy)]
pub struct Signing {
    pub step: u64,
    pub life: u64,
}

/// What every agent knows of the aggregator from its enrolment, and what a step needs.
pub struct Surroundings<'a> {
    pub server_id: Uuid,
    pub receipt_key: &'a VerifyingKey,
    pub now_ms: i64,
    pub step: u64,
    /// For the checker alone: which life of the database is running, and of which life each signed receipt speaks.
    pub aggregator_life: u64,
    pub signed: &'a BTreeMap<Vec<u8>, Signing>,
    pub dice: &'a mut Dice,
    pub next_request: &'a mut u64,
}

impl Surroundings<'_> {
    fn life_of(&self, receipt: &[u8]) -> u64 {
        self.signed.get(receipt).map_or(self.aggregator_life, |signing| signing.life)
    }
}

impl Stream {
    pub fn new(id: Uuid, key: SigningKey) -> Stream {
        Stream { id, key, log: Vec::new(), receipt: None, branch: None, leaving: false }
    }

    pub fn head(&self) -> Head {
        self.log.last().map_or_else(|| Head::genesis(self.id), |entry| entry.record.head())
    }

    /// Hash of our own entry at `seq`.
    pub fn hash(&self, seq: Seq) -> Option<Hash> {
        match usize::try_from(seq).ok()?.checked_sub(1) {
            None => Some(Head::genesis(self.id).hash),
            Some(index) => self.log.get(index).map(|entry| entry.hash()),
        }
    }

    pub fn head_at(&self, seq: Seq) -> Option<Head> {
        self.hash(seq).map(|hash| Head { seq, hash })
    }

    /// What the screen shows as stored at the district: never more than we have, never a branch.
    pub fn shown_stored(&self) -> Seq {
        let through = self.receipt.as_ref().map_or(0, |kept| kept.stored_through).min(self.head().seq);
        self.branch.as_ref().map_or(through, |branch| through.min(branch.at - 1))
    }

    fn last_receipt(&self, server_id: Uuid) -> Option<LastReceipt> {
        self.receipt.as_ref().map(|kept| LastReceipt { server_id, epoch: kept.epoch, stored_through: kept.stored_through })
    }
}

impl Disk {
    pub fn new(stream: Stream) -> Disk {
        Disk { streams: vec![stream], opening: None, epoch: None }
    }

    fn current(&self) -> usize {
        self.streams.len() - 1
    }

    /// The head that a session is about: of a stream that was left, what is not a branch.
    pub fn session_head(&self, stream: usize) -> Head {
        let it = &self.streams[stream];
        let prefix = it.branch.as_ref().filter(|_| stream != self.current()).and_then(|branch| it.head_at(branch.at - 1));
        prefix.unwrap_or_else(|| it.head())
    }

    /// Whether this stream has something to say.
    pub fn needs_session(&self, stream: usize) -> bool {
        let it = &self.streams[stream];
        let last = it.last_receipt(Uuid::nil());
        it.leaving && stream == self.current() || needs_session(self.session_head(stream).seq, last.as_ref(), self.epoch)
    }

    /// Origins of every entry that is no part of a branch.
    fn recorded(&self) -> BTreeSet<Hash> {
        let sound = |it: &Stream| it.branch.as_ref().map_or(Seq::MAX, |branch| branch.at - 1);
        let entries = self.streams.iter().flat_map(|it| it.log.iter().filter(move |entry| entry.seq() <= sound(it)));
        entries.map(|entry| entry.origin).collect()
    }

    /// Entries of branches that are to be recorded again: stream and seq.
    pub fn copies_due(&self, twice: bool) -> Vec<(usize, Seq)> {
        let current = &self.streams[self.current()];
        if current.branch.is_some() || current.leaving {
            return Vec::new();
        }
        let mut recorded = if twice { BTreeSet::new() } else { self.recorded() };
        let mut due = Vec::new();
        for (index, it) in self.streams.iter().enumerate().take(self.current()) {
            let Some(branch) = &it.branch else { continue };
            let own = it.log.iter().map(|entry| (entry.seq(), entry.origin));
            for seq in copies_due(own, branch.at, &recorded) {
                due.push((index, seq));
                recorded.extend(it.log.iter().find(|entry| entry.seq() == seq).map(|entry| entry.origin));
            }
        }
        due
    }

    /// How often each origin stands on this disk outside of branches.
    pub fn origins(&self) -> BTreeMap<Hash, u32> {
        let mut counted = BTreeMap::new();
        for it in &self.streams {
            let sound = it.branch.as_ref().map_or(Seq::MAX, |branch| branch.at - 1);
            for entry in it.log.iter().filter(|entry| entry.seq() <= sound) {
                *counted.entry(entry.origin).or_default() += 1;
            }
        }
        counted
    }

    pub fn facts(&self) -> BTreeSet<u64> {
        self.streams.iter().flat_map(|it| it.log.iter().filter_map(|entry| entry.fact())).collect()
    }
}

impl Agent {
    pub fn new(name: usize, office: usize, disk: Disk, mutation: Option<Mutation>) -> Agent {
        Agent {
            name,
            office,
            disk,
            snapshot: None,
            up: true,
            life: 0,
            disk_full: false,
            clock_offset_ms: 0,
            mutation,
            decision_pending: false,
            nights: 0,
            run: None,
        }
    }

    pub fn current(&self) -> &Stream {
        &self.disk.streams[self.disk.current()]
    }

    fn current_mut(&mut self) -> &mut Stream {
        let current = self.disk.current();
        &mut self.disk.streams[current]
    }

    pub fn kill(&mut self) {
        self.up = false;
        self.life += 1;
        self.run = None;
    }

    pub fn is_busy(&self) -> bool {
        self.run.is_some()
    }

    /// One fact, one transaction. False: refused politely, the disk is full.
    pub fn save(&mut self, number: u64, dossier: Uuid, newer: bool, now_ms: i64, dice: &mut Dice) -> bool {
        if self.disk_full {
            return false;
        }
        let wall = now_ms.saturating_add(self.clock_offset_ms);
        let key = fact::office_key(self.office);
        let stream = self.current_mut();
        let record = if newer {
            fact::newer(stream.head(), number, dossier, wall)
        } else {
            let draft = fact::draft(number, dossier, wall, number.is_multiple_of(3));
            stream.head().next(stream.id, &draft, &key, dice.roll().to_le_bytes())
        };
        stream.log.push(Arc::new(Entry::of(record)));
        true
    }

    /// A person decided that this PC is enrolled again.
    pub fn re_enrol(&mut self) {
        self.decision_pending = false;
        if !self.disk_full && self.current().branch.is_some() {
            self.current_mut().leaving = true;
        }
    }

    /// The schedule: starts a session, in turn about each stream that needs one; the current one is always asked about.
    pub fn night(&mut self) -> bool {
        if self.run.is_some() || !self.up {
            return false;
        }
        let current = self.disk.current();
        let forgets = self.mutation == Some(Mutation::ForgetLeft);
        let asked = |stream: &usize| *stream == current || (!forgets && self.disk.needs_session(*stream));
        let asked: Vec<usize> = (0..=current).filter(asked).collect();
        self.nights += 1;
        let stream = asked[self.nights % asked.len()];
        let it = &self.disk.streams[stream];
        let (head, known) = (self.disk.session_head(stream), it.receipt.as_ref().map(|kept| kept.stored_through));
        let mut session = match stream {
            _ if stream != current => Session::left(head, known),
            _ if it.leaving => Session::leaving(head, known),
            _ => Session::new(head, known),
        };
        session = session.with_branch_kept(it.branch.as_ref().and_then(|branch| branch.kept));
        let todo = session.step(Event::Start, 0).into_iter().map(Todo::Decided).collect();
        self.run = Some(Run { stream, session, todo, waiting: None, receipt: None });
        true
    }

    /// One step of the process: at most one I/O.
    pub fn act(&mut self, around: &mut Surroundings) -> Effect {
        let Some(mut run) = self.run.take() else { return Effect::Idle };
        let Some(todo) = run.todo.pop_front() else {
            self.run = Some(run);
            return Effect::Idle;
        };
        let effect = match todo {
            Todo::KeepTail { from, tail } => self.keep_tail(&mut run, from, tail, around),
            Todo::Adopt => self.adopt(&mut run, around),
            Todo::Decided(Action::End(end)) => return Effect::Ended(end),
            Todo::Decided(action) => self.perform(&mut run, action, around),
        };
        self.run = Some(run);
        effect
    }

    fn perform(&mut self, run: &mut Run, action: Action, around: &mut Surroundings) -> Effect {
        match action {
            Action::Hello => self.ask(run, None, None, around),
            Action::Compare { at } => self.ask(run, None, Some(at), around),
            Action::Send { from, .. } => self.ask(run, Some(from), None, around),
            Action::FetchTail { from, to } => {
                let waiting = self.waiting(run, None, around);
                run.waiting = Some(Waiting { tail: Some((from, to)), ..waiting });
                self.request(run, Question::Tail { from }, around)
            }
            Action::OpenStream => self.open(run, around),
            Action::Keep(receipt) => self.keep(run, &receipt, around),
            Action::Branch { at, kept } => self.keep_branch(run, at, kept, around),
            Action::Pause(pause) => Effect::Wait(pause),
            Action::Lost { had, has } => Effect::Lost { entries: had - has },
            Action::End(_) => Effect::Again,
        }
    }

    /// Tells the session what happened; what it decides replaces what was planned.
    fn tell(&self, run: &mut Run, event: Event, around: &mut Surroundings) -> Effect {
        run.waiting = None;
        run.session.grow(self.disk.session_head(run.stream));
        run.todo = run.session.step(event, around.dice.roll()).into_iter().map(Todo::Decided).collect();
        Effect::Again
    }

    fn waiting(&self, run: &Run, compare: Option<Seq>, around: &mut Surroundings) -> Waiting {
        let it = &self.disk.streams[run.stream];
        let head = self.disk.session_head(run.stream);
        let asked = compare.and_then(|at| it.head_at(at)).unwrap_or(head);
        let mut nonce = [0; 16];
        if self.mutation != Some(Mutation::ReuseNonce) {
            nonce[..8].copy_from_slice(&around.dice.roll().to_le_bytes());
        }
        *around.next_request += 1;
        Waiting {
            id: *around.next_request,
            nonce,
            asked,
            carried: 0,
            tail: None,
            first_sent: 0,
            last_sent: None,
            at_step: around.step,
        }
    }

    fn request(&self, run: &Run, question: Question, around: &mut Surroundings) -> Effect {
        let it = &self.disk.streams[run.stream];
        let id = run.waiting.as_ref().map_or(*around.next_request, |waiting| waiting.id);
        let source = Source { office: self.office, stream: it.id, key: it.key.verifying_key() };
        let heads = match (&question, &run.waiting) {
            (Question::Upload(_), Some(waiting)) => {
                let to = waiting.last_sent.unwrap_or_default();
                (waiting.first_sent.saturating_sub(1)..=to).filter_map(|seq| it.head_at(seq)).collect()
            }
            _ => Vec::new(),
        };
        Effect::Ask(Box::new(Request { id, agent: self.name, source, question, heads, intact: true }))
    }

    fn ask(&self, run: &mut Run, send: Option<Seq>, compare: Option<Seq>, around: &mut Surroundings) -> Effect {
        let it = &self.disk.streams[run.stream];
        let head = self.disk.session_head(run.stream);
        let mut waiting = self.waiting(run, compare, around);
        let report = AgentReport {
            protocol: PROTOCOL,
            version: String::new(),
            head_seq: head.seq,
            head_hash: head.hash.0,
            now_ms: around.now_ms.saturating_add(self.clock_offset_ms),
            nonce: waiting.nonce,
            last_receipt: it.last_receipt(around.server_id),
            compare_at: compare,
            compare_hash: compare.map(|_| waiting.asked.hash.0.into()),
        };
        let question = match send {
            None => Question::Hello(wire::encode(&Hello { stream: it.id, report })),
            Some(from) => {
                let most = 1 + around.dice.below(4);
                let through = head.seq.min(from.saturating_add(most - 1));
                let records: Vec<Record> = it
                    .log
                    .iter()
                    .filter(|entry| (from..=through).contains(&entry.seq()))
                    .map(|entry| entry.record.clone())
                    .collect();
                if records.is_empty() {
                    return self.tell(run, Event::Cut, around);
                }
                (waiting.first_sent, waiting.last_sent) = (from, Some(through));
                Question::Upload(wire::encode(&Upload { report, segment: Segment::pack(it.id, &records, &it.key) }))
            }
        };
        waiting.carried = match &question {
            Question::Hello(bytes) | Question::Upload(bytes) => bytes.len(),
            Question::Tail { .. } | Question::Open { .. } => 0,
        };
        run.waiting = Some(waiting);
        self.request(run, question, around)
    }

    /// Makes id and key of a new stream, once, and asks for its certificate.
    fn open(&mut self, run: &mut Run, around: &mut Surroundings) -> Effect {
        if self.disk.opening.is_none() {
            if self.disk_full {
                return self.tell(run, Event::Cut, around);
            }
            let mut secret = [0; 32];
            secret[..8].copy_from_slice(&around.dice.roll().to_le_bytes());
            let id = Uuid::from_u64_pair(around.dice.roll(), around.dice.roll());
            self.disk.opening = Some((id, SigningKey::from_bytes(&secret)));
            run.todo.push_front(Todo::Decided(Action::OpenStream));
            return Effect::Again;
        }
        run.waiting = Some(self.waiting(run, None, around));
        let Some((stream, key)) = &self.disk.opening else { return Effect::Idle };
        self.request(run, Question::Open { stream: *stream, key: key.verifying_key() }, around)
    }

    fn adopt(&mut self, run: &mut Run, around: &mut Surroundings) -> Effect {
        if self.disk_full {
            return self.tell(run, Event::Cut, around);
        }
        if let Some((id, key)) = self.disk.opening.take() {
            self.current_mut().leaving = false;
            self.disk.streams.push(Stream::new(id, key));
        }
        self.tell(run, Event::StreamOpened, around)
    }

    fn keep(&mut self, run: &mut Run, receipt: &Receipt, around: &mut Surroundings) -> Effect {
        if self.disk_full {
            return self.tell(run, Event::Cut, around);
        }
        let left = run.stream != self.disk.current();
        let it = &mut self.disk.streams[run.stream];
        let (bytes, asked_at) = run.receipt.clone().unwrap_or_default();
        let before = it.receipt.as_ref().map_or(0, |kept| kept.stored_through);
        let stored_through = match self.mutation {
            Some(Mutation::NeverLower) => receipt.stored_through.max(before),
            _ => receipt.stored_through,
        };
        it.receipt = Some(Kept { stored_through, epoch: receipt.epoch, life: around.life_of(&bytes) });
        if !left {
            it.branch = None;
        }
        self.disk.epoch = Some(receipt.epoch);
        Effect::Kept { bytes, asked_at }
    }

    fn keep_branch(&mut self, run: &mut Run, at: Seq, kept: Option<Seq>, around: &mut Surroundings) -> Effect {
        if self.disk_full {
            return self.tell(run, Event::Cut, around);
        }
        let bytes = run.receipt.as_ref().map_or(&[][..], |(bytes, _)| bytes);
        self.disk.streams[run.stream].branch = Some(Branch { at, kept, life: around.life_of(bytes) });
        Effect::Again
    }

    /// The tail goes into the log whole, and only where it still fits.
    fn keep_tail(&mut self, run: &mut Run, from: Seq, tail: Vec<Record>, around: &mut Surroundings) -> Effect {
        let it = &mut self.disk.streams[run.stream];
        if self.disk_full || it.head().seq + 1 != from {
            return self.tell(run, Event::Cut, around);
        }
        it.log.extend(tail.into_iter().map(|record| Arc::new(Entry::of(record))));
        it.leaving = true;
        let head = it.head();
        self.tell(run, Event::TailKept { head }, around)
    }

    /// An answer came, or nothing did (`None`).
    pub fn hear(&mut self, id: u64, reply: Option<&Reply>, around: &mut Surroundings) -> Effect {
        let Some(mut run) = self.run.take_if(|run| run.waiting.as_ref().is_some_and(|waiting| waiting.id == id)) else {
            return Effect::Idle;
        };
        let effect = match reply {
            Some(Reply::Body(bytes)) => self.read(&mut run, bytes, around),
            Some(Reply::Refused) | None => self.tell(&mut run, Event::Cut, around),
        };
        self.run = Some(run);
        effect
    }

    fn read(&mut self, run: &mut Run, bytes: &[u8], around: &mut Surroundings) -> Effect {
        let Some(waiting) = run.waiting.take() else { return Effect::Idle };
        if let Some((from, to)) = waiting.tail {
            return self.read_tail(run, bytes, from, to, around);
        }
        if waiting.last_sent.is_none() && self.disk.opening.as_ref().is_some_and(|(id, _)| bytes == opened(*id)) {
            run.todo = VecDeque::from([Todo::Adopt]);
            return Effect::Again;
        }
        let it = &mut self.disk.streams[run.stream];
        if let (Some(Mutation::SyncedOn200), Some(sent)) = (self.mutation, waiting.last_sent) {
            it.receipt = Some(Kept { stored_through: sent, epoch: Uuid::nil(), life: around.aggregator_life });
        }
        let receipt = wire::decode::<Signed>(bytes).ok().and_then(|signed| match self.mutation {
            Some(Mutation::SkipSignature) => wire::decode::<Receipt>(&signed.payload).ok(),
            _ => signed.open_receipt(around.receipt_key),
        });
        let receipt = receipt.filter(|receipt| check_receipt(receipt, around.server_id, it.id, waiting.nonce).is_ok());
        let Some(receipt) = receipt else { return self.tell(run, Event::Cut, around) };
        let ours = it.hash(receipt.stored_through);
        run.receipt = Some((bytes.to_vec(), waiting.at_step));
        let (asked, carried) = (waiting.asked, waiting.carried);
        self.tell(run, Event::Receipt { receipt: Box::new(receipt), ours, asked, carried }, around)
    }

    fn read_tail(&mut self, run: &mut Run, bytes: &[u8], from: Seq, to: Head, around: &mut Surroundings) -> Effect {
        let it = &self.disk.streams[run.stream];
        let previous = it.head_at(from - 1);
        let fetched = previous.and_then(|previous| wire::decode::<Tail>(bytes).ok()?.unpack(it.id, previous).ok());
        match fetched.as_deref().and_then(|records| whole_tail(records, to)) {
            Some(tail) => {
                run.todo = VecDeque::from([Todo::KeepTail { from, tail: tail.to_vec() }]);
                Effect::Again
            }
            None => self.tell(run, Event::Cut, around),
        }
    }

    /// Records a few entries of a branch again, in one transaction. True: there is more to do.
    pub fn copy_some(&mut self, dice: &mut Dice) -> bool {
        let due = self.disk.copies_due(self.mutation == Some(Mutation::CopyTwice));
        if self.disk_full || due.is_empty() {
            return false;
        }
        let batch = 1 + usize::try_from(dice.below(2)).unwrap_or_default();
        let key = fact::office_key(self.office);
        for (stream, seq) in due.iter().take(batch) {
            let from = &self.disk.streams[*stream];
            let Some(original) = from.log.iter().find(|entry| entry.seq() == *seq).cloned() else { continue };
            let (from, to) = (from.id, self.current());
            if let Ok(copy) = to.head().copy(to.id, &original.record, from, &key, dice.roll().to_le_bytes()) {
                self.current_mut().log.push(Arc::new(Entry::of(copy)));
            }
        }
        due.len() > batch
    }

    /// The disk is replaced by an older one.
    pub fn restore(&mut self) -> bool {
        let Some(snapshot) = self.snapshot.clone() else { return false };
        self.disk = snapshot;
        true
    }

    /// The system was installed anew; only the identity was saved.
    pub fn reimage(&mut self) {
        let current = self.current();
        self.disk = Disk::new(Stream::new(current.id, current.key.clone()));
    }
}
