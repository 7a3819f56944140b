//! What an agent and its aggregator do next in an exchange, decided without a socket, a clock or a disk.
//!
//! Promise: what is sent is decided from what the aggregator says that it holds. The agent's own memory only detects
//! contradiction; a contradiction is looked into, healed where nobody has to choose, and shown. Nothing counts as stored
//! without a verified receipt, and every session ends. Start at [`Session::step`] (agent) and [`decide`] (aggregator).

use std::collections::BTreeSet;
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use uuid::Uuid;

use crate::entry::{Hash, Head, Record, Seq};
use crate::wire::{LastReceipt, MAX_SEGMENT, PROTOCOL, Receipt, Segment, SegmentError};

/// Smallest segment that is sent by choice.
const MIN_SEGMENT: usize = 16 << 10;
/// Smallest segment on a line that carries nothing larger.
const LAST_RESORT: usize = 2 << 10;
/// Longest pause inside one session.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Failures in a row, nothing carried between them, after which a session ends; the schedule tries again later.
pub const PATIENCE: u32 = 8;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Start,
    /// A receipt whose signature, nonce, stream and server were checked with [`check_receipt`].
    Receipt {
        receipt: Box<Receipt>,
        /// Hash of our own entry at `stored_through`; `None`: we have no such entry.
        ours: Option<Hash>,
        /// The seq that the request asked to compare, and our own hash there.
        asked: Head,
        /// Bytes of the request that it answers.
        carried: usize,
    },
    /// The tail was fetched, proven with [`whole_tail`] and added to our log, which now ends at `head`.
    TailKept {
        head: Head,
    },
    /// The new stream is durably the one that is written to; the old one is left.
    StreamOpened,
    /// No answer, or one that is not a receipt; or our own disk did not take it.
    Cut,
}

/// What the rim must do, in this order. What fails ends the list: the next event is [`Event::Cut`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask what the aggregator holds.
    Hello,
    /// Ask what it holds at `at`: a hello with [`crate::wire::AgentReport::compare_at`] and our own hash there.
    Compare {
        at: Seq,
    },
    /// Send entries from `from` on, about `budget` bytes of them.
    Send {
        from: Seq,
        budget: usize,
    },
    /// Keep the receipt, durably, in place of the one before, before anything is shown as sent. On a stream that was not
    /// left it also says that no entry of it is a branch.
    Keep(Box<Receipt>),
    /// Tell people: the aggregator lost what it had acknowledged (it was restored from a backup). It is sent again.
    Lost {
        had: Seq,
        has: Seq,
    },
    /// Keep durably and tell people: our entries from `at` on are a branch, another PC wrote there first. Nothing from
    /// `at` on shows as stored. Those up to `kept` lie aside at the aggregator, which a receipt said.
    Branch {
        at: Seq,
        kept: Option<Seq>,
    },
    /// Fetch entries `from..=to.seq` of our own stream; prove them with [`whole_tail`]; then, in one transaction and only
    /// if our log still ends at `from - 1`, add them unchanged and note that this stream is being left.
    FetchTail {
        from: Seq,
        to: Head,
    },
    /// Open a new stream: make id and key and keep them durably, have a certificate issued by the old one, then make it
    /// the stream that is written to. Repeating it opens the same one.
    OpenStream,
    /// Wait, then do the next action.
    Pause(Duration),
    End(End),
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything up to our head has a receipt.
    Complete,
    /// The line carried nothing for too long. What is stored stays stored.
    GaveUp,
    /// From `seq` on the aggregator holds other bytes than we: this disk or its twin was cloned. Our branch lies aside
    /// there. A person decides which PC is enrolled again.
    Forked { seq: Seq },
    /// This PC was restored from a backup: it has its own tail again, and goes on in a new stream.
    MovedToNewStream,
    /// The aggregator holds more of this stream than we, and is too old to tell whether we are its beginning.
    Behind { theirs: Seq },
}

/// Whether a stream is still written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Current,
    /// Nothing is written to it any more. What it holds is still sent, also again to a restored aggregator.
    Left,
}

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Fresh,
    Sending,
    /// Looking for the first entry that differs.
    Comparing(Search),
    /// Our branch begins at `at`, and we remember that it lies aside up to `kept`: does it still?
    Confirming {
        at: Seq,
        kept: Seq,
    },
    /// Sending our branch, which is different from `at` on; `next` goes next.
    Branching {
        at: Seq,
        next: Seq,
    },
    /// Fetching what `receipt` says that we lack.
    Fetching {
        receipt: Box<Receipt>,
    },
    Opening,
    Over(End),
}

/// One exchange about one stream, from the first word to the last receipt.
#[derive(Debug, Clone)]
pub struct Session {
    head: Head,
    /// What the last receipt said; `None` before the first.
    known: Option<Seq>,
    standing: Standing,
    phase: Phase,
    /// The life of the aggregator's database that answers. What another one said of a fork counts no more.
    epoch: Option<Uuid>,
    /// How far our branch lies aside, as told in this session.
    aside: Option<Seq>,
    /// The same as told in an earlier one: a guess.
    remembered_aside: Option<Seq>,
    /// The last question was a segment.
    sent: bool,
    budget: Budget,
    failures: u32,
    /// How often the aggregator took back what it had said.
    reversals: u32,
}

impl Session {
    /// A session to send a log that ends at `head`; `known` is how far the last receipt reached.
    pub fn new(head: Head, known: Option<Seq>) -> Session {
        Session {
            head,
            known,
            standing: Standing::Current,
            phase: Phase::Fresh,
            epoch: None,
            aside: None,
            remembered_aside: None,
            sent: false,
            budget: Budget::default(),
            failures: 0,
            reversals: 0,
        }
    }

    /// For a stream that is not written to any more. When a part of it is a branch, `head` is the last entry before it.
    pub fn left(head: Head, known: Option<Seq>) -> Session {
        Session { standing: Standing::Left, ..Session::new(head, known) }
    }

    /// For a stream whose tail was fetched (see [`Action::FetchTail`]) and whose successor is not open yet.
    pub fn leaving(head: Head, known: Option<Seq>) -> Session {
        Session { phase: Phase::Opening, ..Session::new(head, known) }
    }

    /// The last session said that our branch lies aside up to `kept`.
    #[must_use]
    pub fn with_branch_kept(self, kept: Option<Seq>) -> Session {
        Session { remembered_aside: kept, ..self }
    }

    /// The log grew while the session ran.
    pub fn grow(&mut self, head: Head) {
        self.head = head;
    }

    /// Decides. `chance` is any random number: it spreads pauses.
    pub fn step(&mut self, event: Event, chance: u64) -> Vec<Action> {
        match (event, self.phase.clone()) {
            (_, Phase::Over(end)) => vec![Action::End(end)],
            (Event::Start, Phase::Opening) => vec![Action::OpenStream],
            (Event::Start, Phase::Fresh) => {
                self.phase = Phase::Sending;
                vec![self.next()]
            }
            (Event::Receipt { receipt, ours, asked, carried }, phase) => {
                self.receipt(Answer { receipt, ours, asked, carried }, &phase, chance)
            }
            (Event::TailKept { head }, Phase::Fetching { receipt }) if head == receipt.head() => self.tail_kept(receipt),
            (Event::StreamOpened, Phase::Opening) => self.end(End::MovedToNewStream),
            _ => self.cut(chance),
        }
    }

    fn receipt(&mut self, answer: Answer, phase: &Phase, chance: u64) -> Vec<Action> {
        let reborn = self.epoch.replace(answer.receipt.epoch).is_some_and(|epoch| epoch != answer.receipt.epoch);
        match *phase {
            Phase::Comparing(_) | Phase::Confirming { .. } | Phase::Branching { .. } if reborn => self.ask_again(chance),
            Phase::Sending => self.settle(answer, chance),
            Phase::Comparing(search) => self.narrow(search, &answer, chance),
            Phase::Confirming { kept, .. } if answer.asked.seq != kept => self.cut(chance),
            Phase::Confirming { at, .. } => {
                self.remembered_aside = None;
                self.note_aside(&answer);
                self.branch(at)
            }
            Phase::Branching { at, next } => self.branched(at, next, &answer, chance),
            Phase::Fresh | Phase::Fetching { .. } | Phase::Opening | Phase::Over(_) => self.cut(chance),
        }
    }

    fn next(&mut self) -> Action {
        let action = match (&self.phase, self.known) {
            (Phase::Opening, _) => Action::OpenStream,
            (Phase::Comparing(search), _) => Action::Compare { at: search.probe() },
            (Phase::Confirming { kept, .. }, _) => Action::Compare { at: *kept },
            (Phase::Branching { next, .. }, _) => Action::Send { from: *next, budget: self.budget.size() },
            // What we remember is a good guess of where to go on: wrong, it costs one answer and no data.
            (_, Some(stored)) if stored < self.head.seq => Action::Send { from: stored + 1, budget: self.budget.size() },
            _ => Action::Hello,
        };
        self.sent = matches!(action, Action::Send { .. });
        action
    }

    /// The aggregator holds what we hold, or less, or more, or something else.
    fn settle(&mut self, answer: Answer, chance: u64) -> Vec<Action> {
        let has = answer.receipt.stored_through;
        if has > self.head.seq {
            return self.behind(answer, chance);
        }
        if answer.ours != Some(answer.receipt.head().hash) {
            return self.diverged(has, &answer, chance);
        }
        if let Some(at) = answer.receipt.forked_at {
            return self.diverged(at.min(self.head.seq), &answer, chance);
        }
        self.stored(answer, chance)
    }

    fn stored(&mut self, answer: Answer, chance: u64) -> Vec<Action> {
        let has = answer.receipt.stored_through;
        let mut actions = Vec::new();
        let idle = self.sent && self.known == Some(has);
        if let Some(had) = self.known.filter(|had| *had > has) {
            self.reversals += 1;
            actions.push(Action::Lost { had, has });
        }
        self.known = Some(has);
        self.aside = None;
        self.budget.carried(answer.carried, answer.receipt.max_segment as usize);
        actions.push(Action::Keep(answer.receipt));
        if has == self.head.seq {
            actions.extend(self.end(End::Complete));
        } else if idle || self.reversals > PATIENCE {
            actions.extend(self.cut(chance)); // it answers and stores nothing: full, or as good as gone
        } else {
            self.failures = 0;
            actions.push(self.next());
        }
        actions
    }

    /// It holds more. When our log is its beginning, we were restored from a backup; else somebody else wrote on.
    fn behind(&mut self, answer: Answer, chance: u64) -> Vec<Action> {
        if answer.asked != self.head {
            return self.ask_again(chance); // our log grew since
        }
        match answer.receipt.compared() {
            None => self.end(End::Behind { theirs: answer.receipt.stored_through }),
            Some(hash) if hash != self.head.hash => self.diverged(self.head.seq, &answer, chance),
            Some(_) if self.standing == Standing::Left => {
                let mut actions = vec![Action::Keep(answer.receipt)];
                actions.extend(self.end(End::Complete));
                actions
            }
            Some(_) => {
                let (from, to) = (self.head.seq + 1, answer.receipt.head());
                self.phase = Phase::Fetching { receipt: answer.receipt };
                vec![Action::FetchTail { from, to }]
            }
        }
    }

    fn tail_kept(&mut self, receipt: Box<Receipt>) -> Vec<Action> {
        self.head = receipt.head();
        self.known = Some(self.head.seq);
        self.failures = 0;
        self.phase = Phase::Opening;
        vec![Action::Keep(receipt), Action::OpenStream]
    }

    /// At `differs` the two logs are different: find the first such entry.
    fn diverged(&mut self, differs: Seq, answer: &Answer, chance: u64) -> Vec<Action> {
        if differs == 0 {
            return self.cut(chance); // two beginnings of one stream: no aggregator says that
        }
        self.note_aside(answer);
        self.search(Search::new(differs))
    }

    fn search(&mut self, search: Search) -> Vec<Action> {
        if let Some(at) = search.found() {
            return self.branch(at);
        }
        self.phase = Phase::Comparing(search);
        vec![self.next()]
    }

    fn narrow(&mut self, search: Search, answer: &Answer, chance: u64) -> Vec<Action> {
        let at = search.probe();
        if answer.asked.seq != at {
            return self.cut(chance);
        }
        self.note_aside(answer);
        match answer.receipt.compared() {
            Some(hash) => {
                self.failures = 0;
                let search = search.narrowed(hash == answer.asked.hash);
                self.search(search)
            }
            None if answer.receipt.stored_through >= at => self.end(End::Forked { seq: search.differs }), // too old to compare
            None => self.ask_again(chance), // it holds less than a moment ago
        }
    }

    fn note_aside(&mut self, answer: &Answer) {
        self.aside = answer.receipt.kept_aside.or(self.aside);
    }

    /// Our entries from `at` on are a branch. What of it does not lie aside is sent.
    fn branch(&mut self, at: Seq) -> Vec<Action> {
        let ours = at..=self.head.seq;
        let kept = self.aside.filter(|kept| ours.contains(kept));
        if let (None, Some(kept)) = (kept, self.remembered_aside.filter(|kept| ours.contains(kept))) {
            self.phase = Phase::Confirming { at, kept };
            return vec![self.next()];
        }
        let mut actions = vec![Action::Branch { at, kept }];
        if kept == Some(self.head.seq) {
            actions.extend(self.end(End::Forked { seq: at }));
        } else {
            self.phase = Phase::Branching { at, next: kept.map_or(at, |kept| kept + 1) };
            actions.push(self.next());
        }
        actions
    }

    fn branched(&mut self, at: Seq, next: Seq, answer: &Answer, chance: u64) -> Vec<Action> {
        match answer.receipt.kept_aside {
            Some(kept) if (next..=self.head.seq).contains(&kept) => {
                self.failures = 0;
                self.budget.carried(answer.carried, answer.receipt.max_segment as usize);
                self.aside = Some(kept);
                self.branch(at)
            }
            // It was restored meanwhile.
            _ => self.ask_again(chance),
        }
    }

    /// What was believed does not hold any more: begin again with a question.
    fn ask_again(&mut self, chance: u64) -> Vec<Action> {
        self.reversals += 1;
        self.phase = Phase::Sending;
        (self.aside, self.remembered_aside) = (None, None);
        let mut actions = self.cut(chance);
        if let Some(last) = actions.last_mut().filter(|last| matches!(last, Action::Send { .. })) {
            *last = Action::Hello;
            self.sent = false;
        }
        actions
    }

    fn cut(&mut self, chance: u64) -> Vec<Action> {
        self.failures += 1;
        self.budget.cut();
        if self.failures >= PATIENCE || self.reversals > PATIENCE {
            return self.end(End::GaveUp);
        }
        if matches!(self.phase, Phase::Fetching { .. } | Phase::Fresh) {
            self.phase = Phase::Sending; // the tail may have grown: ask for a new receipt
        }
        vec![Action::Pause(pause(self.failures, chance)), self.next()]
    }

    fn end(&mut self, end: End) -> Vec<Action> {
        self.phase = Phase::Over(end);
        vec![Action::End(end)]
    }
}

/// See [`Event::Receipt`].
struct Answer {
    receipt: Box<Receipt>,
    ours: Option<Hash>,
    asked: Head,
    carried: usize,
}

/// Finds the first entry that differs: backwards in growing steps, because forks are young, then by halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Search {
    /// Known to be the same. Before the first entry all logs of a stream are.
    same: Seq,
    /// Known to differ.
    differs: Seq,
    /// How far back the next probe lies; 0: by halves.
    stride: Seq,
}

impl Search {
    fn new(differs: Seq) -> Search {
        Search { same: 0, differs, stride: 1 }
    }

    fn found(self) -> Option<Seq> {
        (self.same + 1 >= self.differs).then_some(self.differs)
    }

    /// Between the two, neither of them.
    fn probe(self) -> Seq {
        let gap = self.differs - self.same;
        if (1..gap).contains(&self.stride) { self.differs - self.stride } else { self.same + gap / 2 }
    }

    fn narrowed(self, same: bool) -> Search {
        match (self.probe(), same) {
            (probe, true) => Search { same: probe, stride: 0, ..self },
            (probe, false) => Search { differs: probe, stride: self.stride.saturating_mul(2), ..self },
        }
    }
}

/// Whether a stream of this PC needs a session: not everything has a receipt, or the receipt is of another life of the
/// aggregator's database than `epoch`, the newest that any receipt named. A stream that was left is asked about, too.
pub fn needs_session(head: Seq, last: Option<&LastReceipt>, epoch: Option<Uuid>) -> bool {
    last.is_none_or(|last| last.stored_through < head || epoch.is_some_and(|epoch| epoch != last.epoch))
}

/// Of fetched entries, chained to our head, those up to `to`: proven, because a signed receipt says that `to` is stored.
pub fn whole_tail(records: &[Record], to: Head) -> Option<&[Record]> {
    let last = records.iter().position(|record| record.seq == to.seq)?;
    (records[last].hash == to.hash).then(|| &records[..=last])
}

/// Which entries of a branch are to be recorded again in the stream that is written to now, in order.
///
/// `branch`: seq and [`Record::origin`] of this PC's own entries of the left stream, by seq; from `at` on they are a
/// branch. `recorded`: the origins of every entry on this PC that is not part of a branch. So this may be interrupted and
/// repeated: what was recorded again is not due any more.
pub fn copies_due(branch: impl IntoIterator<Item = (Seq, Hash)>, at: Seq, recorded: &BTreeSet<Hash>) -> Vec<Seq> {
    let mut seen = recorded.clone();
    branch.into_iter().filter(|(seq, origin)| *seq >= at && seen.insert(*origin)).map(|(seq, _)| seq).collect()
}

/// Full jitter: anything up to 100 ms doubled with each failure in a row, and never more than half a minute.
fn pause(failures: u32, chance: u64) -> Duration {
    let ceiling = Duration::from_millis(100).saturating_mul(1 << failures.min(16)).min(MAX_PAUSE);
    let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(chance % (millis + 1))
}

/// How large the next segment is: half of what the line carried since it last broke, so that a cut costs little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Budget {
    carried_since_cut: usize,
    /// Lowered by cuts before anything was carried.
    floor: usize,
    ceiling: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { carried_since_cut: 0, floor: MIN_SEGMENT, ceiling: MAX_SEGMENT }
    }
}

impl Budget {
    fn size(self) -> usize {
        (self.carried_since_cut / 2).max(self.floor).min(self.ceiling)
    }

    fn carried(&mut self, bytes: usize, ceiling: usize) {
        self.carried_since_cut = self.carried_since_cut.saturating_add(bytes);
        self.ceiling = ceiling.clamp(LAST_RESORT, MAX_SEGMENT);
        if self.carried_since_cut >= MIN_SEGMENT {
            self.floor = MIN_SEGMENT;
        }
    }

    fn cut(&mut self) {
        if self.carried_since_cut == 0 {
            self.floor = (self.floor / 2).max(LAST_RESORT);
        }
        self.carried_since_cut = 0;
    }
}

/// Why an answer is not a receipt for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    #[error("the receipt is of another server")]
    Server,
    #[error("the receipt is of another stream")]
    Stream,
    #[error("the receipt answers another question")]
    Nonce,
}

/// Whether a receipt with a good signature answers this question.
pub fn check_receipt(receipt: &Receipt, server_id: Uuid, stream: Uuid, nonce: [u8; 16]) -> Result<(), ReceiptFault> {
    match receipt {
        _ if receipt.server_id != server_id => Err(ReceiptFault::Server),
        _ if receipt.stream != stream => Err(ReceiptFault::Stream),
        _ if receipt.nonce != nonce => Err(ReceiptFault::Nonce),
        _ => Ok(()),
    }
}

/// Whether a receipt that was carried by hand tells more than `last`, the newest one kept: files are read twice and out
/// of order. `asked_since`: the bundle that it answers was made after `last` was kept.
pub fn is_news(receipt: &Receipt, last: Option<&Receipt>, asked_since: bool) -> bool {
    match last {
        None => true,
        // Within one epoch nothing that is stored is lost again.
        Some(last) if last.epoch == receipt.epoch => (receipt.stored_through, receipt.at_ms) > (last.stored_through, last.at_ms),
        Some(_) => asked_since,
    }
}

/// What the aggregator does with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Store the entries from the one with this index on: they follow what is held.
    Append { from: usize },
    /// All of it is there.
    AlreadyHeld,
    /// The entry that it follows is not held: store nothing, and let the receipt say what is held.
    Gap,
    /// From `at` on it says something else than the stream. Keep the entries from the one with index `from` on aside,
    /// durably; those that lie there already are the same. Nothing of the stream changes.
    Forked { at: Seq, from: usize },
}

/// Judges a segment.
///
/// `stored`: head of the stream. `held(seq)`: hash of the stream's entry there, of the genesis at 0. `aside`: hashes of
/// the entries at `segment.from - 1` that were kept aside. The entries that come back are proven: they follow something
/// that is held, and the stream's key signed them. So with every entry that is held, all before it are.
pub fn decide(
    segment: &Segment,
    key: &VerifyingKey,
    stored: Head,
    held: impl Fn(Seq) -> Option<Hash>,
    aside: &[Hash],
) -> Result<(Verdict, Vec<Record>), SegmentError> {
    if segment.protocol != PROTOCOL {
        return Err(SegmentError::Protocol(segment.protocol));
    }
    let Some(before) = segment.from.checked_sub(1) else { return Err(SegmentError::Chain) };
    let own = (before <= stored.seq).then(|| held(before)).flatten();
    let mut failure = None;
    for (hash, in_stream) in own.iter().map(|hash| (hash, true)).chain(aside.iter().map(|hash| (hash, false))) {
        match segment.unpack(Head { seq: before, hash: *hash }, key) {
            Ok(records) if in_stream => return Ok((compare(&records, stored, held), records)),
            Ok(records) => return Ok((Verdict::Forked { at: segment.from, from: 0 }, records)),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        // Signed, so not damaged on the way: it follows an entry that is not held here.
        None | Some(SegmentError::Chain) if segment.is_signed_by(key) => Ok((Verdict::Gap, Vec::new())),
        None => Err(SegmentError::Signature),
        Some(error) => Err(error),
    }
}

/// Compares entries that follow the stream with what it holds.
fn compare(records: &[Record], stored: Head, held: impl Fn(Seq) -> Option<Hash>) -> Verdict {
    for (index, record) in records.iter().enumerate() {
        if record.seq > stored.seq {
            return Verdict::Append { from: index };
        }
        if held(record.seq) != Some(record.hash) {
            return Verdict::Forked { at: record.seq, from: index };
        }
    }
    Verdict::AlreadyHeld
}

/// How far back this aggregator was set, as an agent's last receipt shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Healing {
    /// The agent had a receipt up to here.
    pub had: Seq,
    /// This is held now.
    pub has: Seq,
}

/// Whether a restore of this database (`server_id`, now in `epoch`) took away what the agent has a receipt for. It heals
/// by itself: the agent sends it again.
pub fn healing(last: Option<&LastReceipt>, server_id: Uuid, epoch: Uuid, stored: Seq) -> Option<Healing> {
    let last = last.filter(|last| last.server_id == server_id && last.epoch != epoch && last.stored_through > stored)?;
    Some(Healing { had: last.stored_through, has: stored })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const STREAM: Uuid = Uuid::from_u128(7);

    fn head(seq: Seq) -> Head {
        Head { seq, hash: hash(seq) }
    }

    fn hash(seq: Seq) -> Hash {
        Hash([u8::try_from(seq % 251).expect("below 256"); 32])
    }

    fn receipt(stored_through: Seq) -> Receipt {
        Receipt {
            protocol: PROTOCOL,
            server_id: Uuid::from_u128(1),
            epoch: Uuid::from_u128(2),
            stream: STREAM,
            stored_through,
            hash: hash(stored_through).0,
            quarantined: vec![],
            forked_at: None,
            nonce: [0; 16],
            at_ms: 0,
            reference_version: 0,
            night_slot_s: None,
            max_segment: 1 << 20,
            compared: None,
            kept_aside: None,
            reasons: None,
            decisions: None,
        }
    }

    fn answer(stored_through: Seq) -> Event {
        told(receipt(stored_through), Some(hash(stored_through)), head(10))
    }

    fn told(receipt: Receipt, ours: Option<Hash>, asked: Head) -> Event {
        Event::Receipt { receipt: Box::new(receipt), ours, asked, carried: 1000 }
    }

    /// The aggregator holds `has` entries; at `seq` it holds this one.
    fn holds(has: Seq, seq: Seq, compared: Hash, asked: Head) -> Event {
        let receipt = Receipt { compared: Some(compared.0.into()), hash: [99; 32], ..receipt(has) };
        assert_eq!(seq, asked.seq);
        told(receipt, None, asked)
    }

    fn send(from: Seq) -> Action {
        Action::Send { from, budget: MIN_SEGMENT }
    }

    #[test]
    fn a_first_session_asks_then_sends_until_everything_has_a_receipt() {
        let mut session = Session::new(head(10), None);
        assert_eq!(session.step(Event::Start, 0), [Action::Hello]);
        assert_eq!(session.step(answer(0), 0), [Action::Keep(Box::new(receipt(0))), send(1)]);
        assert_eq!(session.step(answer(6), 0), [Action::Keep(Box::new(receipt(6))), send(7)]);
        assert_eq!(session.step(answer(10), 0), [Action::Keep(Box::new(receipt(10))), Action::End(End::Complete)]);
    }

    #[test]
    fn a_small_night_is_one_round_trip() {
        let mut session = Session::new(head(10), Some(8));
        assert_eq!(session.step(Event::Start, 0), [send(9)]);
        assert_eq!(session.step(answer(10), 0).last(), Some(&Action::End(End::Complete)));
    }

    #[test]
    fn what_a_restored_aggregator_lost_is_sent_again_and_told() {
        let mut session = Session::new(head(10), Some(8));
        session.step(Event::Start, 0);
        assert_eq!(session.step(answer(3), 0), [Action::Lost { had: 8, has: 3 }, Action::Keep(Box::new(receipt(3))), send(4)]);
    }

    #[test]
    fn a_restored_pc_fetches_its_own_tail_and_moves_to_a_new_stream() {
        let mut session = Session::new(head(10), Some(8));
        session.step(Event::Start, 0);
        let theirs = Receipt { compared: Some(hash(10).0.into()), ..receipt(14) };
        assert_eq!(session.step(told(theirs.clone(), None, head(10)), 0), [Action::FetchTail { from: 11, to: head(14) }]);
        assert!(matches!(session.clone().step(Event::Cut, 0)[1], Action::Send { from: 9, .. }), "asks anew");
        assert_eq!(session.step(Event::TailKept { head: head(14) }, 0), [Action::Keep(Box::new(theirs)), Action::OpenStream]);
        assert_eq!(session.step(Event::Cut, 0)[1], Action::OpenStream);
        assert_eq!(session.step(Event::StreamOpened, 0), [Action::End(End::MovedToNewStream)]);
        assert_eq!(session.step(Event::StreamOpened, 0), [Action::End(End::MovedToNewStream)], "an end is an end");
        assert_eq!(Session::leaving(head(14), Some(14)).step(Event::Start, 0), [Action::OpenStream], "after a crash");
    }

    #[test]
    fn a_stream_that_was_left_fetches_nothing() {
        let mut session = Session::left(head(10), Some(8));
        session.step(Event::Start, 0);
        let theirs = Receipt { compared: Some(hash(10).0.into()), ..receipt(14) };
        let actions = session.step(told(theirs.clone(), None, head(10)), 0);
        assert_eq!(actions, [Action::Keep(Box::new(theirs)), Action::End(End::Complete)]);
    }

    #[test]
    fn a_fork_is_searched_its_branch_is_sent_and_a_person_is_told() {
        let mut session = Session::new(head(10), Some(8));
        session.step(Event::Start, 0);
        let other = Hash([200; 32]);
        assert_eq!(session.step(holds(12, 10, other, head(10)), 0), [Action::Compare { at: 9 }]);
        assert_eq!(session.step(holds(12, 9, other, head(9)), 0), [Action::Compare { at: 7 }]);
        assert_eq!(session.step(holds(12, 7, hash(7), head(7)), 0), [Action::Compare { at: 8 }]);
        let found = session.step(holds(12, 8, other, head(8)), 0);
        assert_eq!(found, [Action::Branch { at: 8, kept: None }, send(8)]);
        let kept = |through| told(Receipt { kept_aside: Some(through), forked_at: Some(8), ..receipt(12) }, None, head(10));
        assert_eq!(session.step(kept(9), 0), [Action::Branch { at: 8, kept: Some(9) }, send(10)]);
        let ended = [Action::Branch { at: 8, kept: Some(10) }, Action::End(End::Forked { seq: 8 })];
        assert_eq!(session.step(kept(10), 0), ended);
    }

    #[test]
    fn a_branch_that_lies_aside_is_not_sent_again() {
        let mut session = Session::new(head(2), Some(1));
        session.step(Event::Start, 0);
        let known = Receipt { kept_aside: Some(2), hash: [9; 32], ..receipt(1) };
        let actions = session.step(told(known, Some(hash(1)), head(2)), 0);
        assert_eq!(actions, [Action::Branch { at: 1, kept: Some(2) }, Action::End(End::Forked { seq: 1 })]);
    }

    #[test]
    fn what_is_remembered_of_a_branch_is_asked_before_it_is_believed() {
        let forked = || {
            let mut session = Session::new(head(5), Some(0)).with_branch_kept(Some(3));
            session.step(Event::Start, 0);
            let actions = session.step(told(Receipt { hash: [9; 32], ..receipt(1) }, Some(hash(1)), head(5)), 0);
            assert_eq!(actions, [Action::Compare { at: 3 }]);
            session
        };
        let kept = told(Receipt { kept_aside: Some(3), ..receipt(1) }, None, head(3));
        assert_eq!(forked().step(kept, 0), [Action::Branch { at: 1, kept: Some(3) }, send(4)]);
        let gone = told(receipt(1), None, head(3));
        assert_eq!(forked().step(gone, 0), [Action::Branch { at: 1, kept: None }, send(1)]);
    }

    #[test]
    fn what_a_fork_looked_like_before_a_restore_counts_no_more() {
        let mut session = Session::new(head(5), Some(4));
        session.step(Event::Start, 0);
        let forked = Receipt { kept_aside: Some(5), hash: [9; 32], ..receipt(5) };
        assert_eq!(session.step(told(forked, Some(hash(5)), head(5)), 0), [Action::Compare { at: 4 }]);
        let reborn = Receipt { epoch: Uuid::from_u128(3), compared: Some(hash(4).0.into()), ..receipt(4) };
        assert_eq!(session.step(told(reborn, Some(hash(4)), head(4)), 0)[1], Action::Hello);
    }

    #[test]
    fn an_aggregator_that_cannot_compare_leaves_it_to_a_person() {
        let stopped = |event| {
            let mut session = Session::new(head(10), Some(8));
            session.step(Event::Start, 0);
            session.step(event, 0)
        };
        assert_eq!(stopped(answer(11)), [Action::End(End::Behind { theirs: 11 })]);
        let mut session = Session::new(head(10), Some(8));
        session.step(Event::Start, 0);
        assert_eq!(session.step(told(receipt(5), Some(hash(6)), head(10)), 0), [Action::Compare { at: 4 }]);
        assert_eq!(session.step(told(receipt(5), None, head(4)), 0), [Action::End(End::Forked { seq: 5 })]);
    }

    #[test]
    fn an_aggregator_that_answers_and_stores_nothing_is_given_up() {
        let mut session = Session::new(head(10), Some(8));
        session.step(Event::Start, 0);
        for _ in 1..PATIENCE {
            assert!(matches!(session.step(answer(8), 0)[..], [Action::Keep(_), Action::Pause(_), Action::Send { from: 9, .. }]));
        }
        assert_eq!(session.step(answer(8), 0).last(), Some(&Action::End(End::GaveUp)));
    }

    #[test]
    fn a_dead_line_is_given_up_after_growing_pauses() {
        let mut session = Session::new(head(10), Some(8));
        session.step(Event::Start, 0);
        for failure in 1..PATIENCE {
            let Action::Pause(pause) = session.step(Event::Cut, u64::MAX)[0] else { panic!("a pause") };
            assert!(pause <= Duration::from_millis(100 << failure));
        }
        assert_eq!(session.step(Event::Cut, 0), [Action::End(End::GaveUp)]);
    }

    #[test]
    fn segments_grow_on_a_good_line_and_shrink_after_a_cut() {
        let mut budget = Budget::default();
        assert_eq!(budget.size(), MIN_SEGMENT);
        budget.carried(100_000, MAX_SEGMENT);
        assert_eq!(budget.size(), 50_000);
        budget.carried(10_000_000, MAX_SEGMENT);
        assert_eq!(budget.size(), MAX_SEGMENT);
        budget.cut();
        assert_eq!(budget.size(), MIN_SEGMENT);
        for _ in 0..9 {
            budget.cut();
        }
        assert_eq!(budget.size(), LAST_RESORT);
    }

    #[test]
    fn a_receipt_for_another_question_is_no_receipt() {
        let receipt = receipt(1);
        assert_eq!(check_receipt(&receipt, receipt.server_id, STREAM, [0; 16]), Ok(()));
        assert_eq!(check_receipt(&receipt, receipt.server_id, STREAM, [1; 16]), Err(ReceiptFault::Nonce));
        assert_eq!(check_receipt(&receipt, receipt.server_id, Uuid::nil(), [0; 16]), Err(ReceiptFault::Stream));
        assert_eq!(check_receipt(&receipt, Uuid::nil(), STREAM, [0; 16]), Err(ReceiptFault::Server));
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    /// A log whose entries from `differs` on say `word`.
    fn log(count: Seq, differs: Seq, word: &str) -> Vec<Record> {
        let mut head = Head::genesis(STREAM);
        (1..=count)
            .map(|seq| {
                let record = head.chain(if seq < differs { format!("{seq}") } else { format!("{seq} {word}") }, vec![]);
                head = record.head();
                record
            })
            .collect()
    }

    #[test]
    fn receipts_carried_by_hand_count_once_and_never_backwards() {
        let at = |stored_through, at_ms| Receipt { at_ms, ..receipt(stored_through) };
        let last = at(5, 100);
        let restored = |stored_through| Receipt { epoch: Uuid::from_u128(3), ..at(stored_through, 50) };
        let cases = [
            (at(5, 100), false, false, "the same again"),
            (at(5, 101), false, true, "asked again, nothing more stored"),
            (at(6, 99), false, true, "more is stored, whatever the clock says"),
            (at(4, 200), true, false, "an older one"),
            (restored(3), false, false, "of another epoch, to a question from before the last answer"),
            (restored(3), true, true, "of another epoch, to a later question: the district was restored"),
        ];
        for (receipt, asked_since, news, case) in cases {
            assert_eq!(is_news(&receipt, Some(&last), asked_since), news, "{case}");
        }
        assert!(is_news(&at(0, 0), None, false), "the first one");
    }

    #[test]
    fn segments_are_judged_by_what_is_held() {
        let (ours, twin) = (log(8, 9, ""), log(9, 4, "twin"));
        let stored = &ours[..5];
        let held = |seq: Seq| match seq {
            0 => Some(Head::genesis(STREAM).hash),
            seq => stored.get(usize::try_from(seq - 1).expect("small")).map(|record| record.hash),
        };
        let judged = |records: &[Record], aside: &[Hash]| {
            let segment = Segment::pack(STREAM, records, &key());
            decide(&segment, &key().verifying_key(), stored[4].head(), held, aside).map(|(verdict, _)| verdict)
        };
        assert_eq!(judged(&ours[5..], &[]), Ok(Verdict::Append { from: 0 }));
        assert_eq!(judged(&ours[2..8], &[]), Ok(Verdict::Append { from: 3 }));
        assert_eq!(judged(&ours[..5], &[]), Ok(Verdict::AlreadyHeld));
        assert_eq!(judged(&ours[6..], &[]), Ok(Verdict::Gap));
        assert_eq!(judged(&twin[1..], &[]), Ok(Verdict::Forked { at: 4, from: 2 }));
        assert_eq!(judged(&twin[5..], &[]), Ok(Verdict::Gap), "a branch whose beginning is not here");
        assert_eq!(judged(&twin[5..], &[twin[4].hash]), Ok(Verdict::Forked { at: 6, from: 0 }), "a branch goes on");
        let stranger = Segment::pack(STREAM, &ours[5..], &SigningKey::from_bytes(&[6; 32]));
        let refused = decide(&stranger, &key().verifying_key(), stored[4].head(), held, &[]);
        assert_eq!(refused, Err(SegmentError::Signature));
        let nowhere = Segment { from: 0, ..Segment::pack(STREAM, &ours, &key()) };
        assert_eq!(decide(&nowhere, &key().verifying_key(), stored[4].head(), held, &[]), Err(SegmentError::Chain));
        let far = Segment { from: Seq::MAX, ..Segment::pack(STREAM, &ours, &key()) };
        assert_eq!(decide(&far, &key().verifying_key(), stored[4].head(), held, &[]), Err(SegmentError::Signature));
    }

    #[test]
    fn a_tail_counts_up_to_what_the_receipt_says() {
        let (ours, twin) = (log(8, 9, ""), log(8, 4, "twin"));
        assert_eq!(whole_tail(&ours[2..], ours[5].head()), Some(&ours[2..6]));
        assert_eq!(whole_tail(&ours[2..], twin[5].head()), None);
        assert_eq!(whole_tail(&ours[2..4], ours[5].head()), None, "cut short");
    }

    #[test]
    fn a_branch_is_recorded_again_once_however_often_it_is_tried() {
        let branch: Vec<(Seq, Hash)> = (1..=6).map(|seq| (seq, hash(seq))).chain([(7, hash(5))]).collect();
        let mut recorded = BTreeSet::from([hash(1), hash(2)]);
        assert_eq!(copies_due(branch.clone(), 3, &recorded), [3, 4, 5, 6]);
        recorded.extend([hash(3), hash(4)]);
        assert_eq!(copies_due(branch.clone(), 3, &recorded), [5, 6]);
        recorded.extend([hash(5), hash(6)]);
        assert_eq!(copies_due(branch, 3, &recorded), [0; 0]);
    }

    #[test]
    fn streams_are_asked_about_until_this_life_of_the_aggregator_has_all() {
        let last = |epoch, stored_through| LastReceipt { server_id: Uuid::nil(), epoch: Uuid::from_u128(epoch), stored_through };
        let epoch = Some(Uuid::from_u128(2));
        let cases = [(None, true), (Some(last(2, 5)), false), (Some(last(2, 4)), true), (Some(last(1, 5)), true)];
        for (last, needed) in cases {
            assert_eq!(needs_session(5, last.as_ref(), epoch), needed, "{last:?}");
        }
        assert_eq!(healing(Some(&last(1, 9)), Uuid::nil(), Uuid::from_u128(2), 4), Some(Healing { had: 9, has: 4 }));
        assert_eq!(healing(Some(&last(2, 9)), Uuid::nil(), Uuid::from_u128(2), 4), None);
        assert_eq!(healing(Some(&last(1, 4)), Uuid::nil(), Uuid::from_u128(2), 4), None);
    }

    proptest! {
        /// Whatever is said to it, in any order, a session never panics and comes to its end.
        #[test]
        fn a_session_is_total_and_ends(start in any::<(u8, u8, u8)>(), words in vec(any::<(u8, [u8; 4], u64)>(), 0..60)) {
            let head_seq = wild(start.0);
            let mut session = match start.1 % 3 {
                0 => Session::new(head(head_seq), Some(wild(start.2)).filter(|known| *known != 7)),
                1 => Session::left(head(head_seq), None).with_branch_kept(Some(wild(start.2))),
                _ => Session::leaving(head(head_seq), Some(wild(start.2))),
            };
            session.step(Event::Start, 0);
            for (word, seqs, chance) in words {
                session.step(spoken(word, seqs), chance);
            }
            // And a line that stays dead ends it.
            let ended = (0..=PATIENCE).any(|_| matches!(session.step(Event::Cut, 0).last(), Some(Action::End(_))));
            prop_assert!(ended);
        }

        /// An honest aggregator that changes its mind at every answer wears the patience out.
        #[test]
        fn a_session_ends_by_itself_when_nothing_gets_further(seqs in vec(0..12u64, 400)) {
            let mut session = Session::new(head(12), Some(6));
            let mut ended = matches!(session.step(Event::Start, 0).last(), Some(Action::End(_)));
            for seq in seqs {
                ended |= matches!(session.step(answer(seq), 0).last(), Some(Action::End(_)));
            }
            prop_assert!(ended);
        }
    }

    /// Small numbers, and the largest.
    fn wild(byte: u8) -> Seq {
        if byte > 240 { Seq::MAX - u64::from(byte - 241) } else { u64::from(byte % 16) }
    }

    fn spoken(word: u8, [a, b, c, d]: [u8; 4]) -> Event {
        let receipt = Receipt {
            compared: (c % 3 != 0).then(|| hash(wild(b)).0.into()),
            kept_aside: (d % 2 == 0).then(|| wild(d)),
            forked_at: (d % 5 == 0).then(|| wild(c)),
            ..receipt(wild(a))
        };
        match word % 8 {
            0 => Event::Start,
            1 => Event::TailKept { head: head(wild(a)) },
            2 => Event::StreamOpened,
            3 => Event::Cut,
            _ => told(receipt, (c % 2 == 0).then(|| hash(wild(a))), head(wild(b))),
        }
    }
}
