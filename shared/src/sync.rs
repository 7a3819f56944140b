//! What an agent does next in an exchange with its aggregator, decided without a socket, a clock or a disk.
//!
//! Promise: what is sent is decided from what the aggregator says that it holds. The agent's own memory only detects
//! contradiction, and a contradiction stops and is shown. Nothing counts as stored without a verified receipt.
//! Start at [`Session::step`].

use std::time::Duration;

use uuid::Uuid;

use crate::entry::{Hash, Head, Seq};
use crate::wire::{MAX_SEGMENT, Receipt};

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
        /// Bytes of the request that it answers.
        carried: usize,
    },
    /// No answer, or one that is not a receipt.
    Cut,
}

/// What the rim must do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask what the aggregator holds.
    Hello,
    /// Send entries from `from` on, about `budget` bytes of them.
    Send {
        from: Seq,
        budget: usize,
    },
    /// Keep the receipt, durably, before anything is shown as sent.
    Keep(Box<Receipt>),
    /// Tell people: the aggregator lost what it had acknowledged (it was restored from a backup). It is sent again.
    Lost {
        had: Seq,
        has: Seq,
    },
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
    /// At `seq` the aggregator holds other bytes than we: this disk or its twin was cloned. A person decides.
    Forked { seq: Seq },
    /// The aggregator holds more of this stream than we: this PC was restored from a backup. A person decides.
    Behind { theirs: Seq },
}

/// One exchange, from the first word to the last receipt.
#[derive(Debug, Clone)]
pub struct Session {
    head: Head,
    /// What the last receipt said; `None` before the first.
    known: Option<Seq>,
    budget: Budget,
    failures: u32,
}

impl Session {
    /// A session to send a log that ends at `head`; `known` is how far the last receipt reached.
    pub fn new(head: Head, known: Option<Seq>) -> Session {
        Session { head, known, budget: Budget::default(), failures: 0 }
    }

    /// The log grew while the session ran.
    pub fn grow(&mut self, head: Head) {
        self.head = head;
    }

    /// Decides. `chance` is any random number: it spreads pauses.
    pub fn step(&mut self, event: Event, chance: u64) -> Vec<Action> {
        match event {
            Event::Start => vec![self.next()],
            Event::Receipt { receipt, ours, carried } => self.receipt(receipt, ours, carried),
            Event::Cut => self.cut(chance),
        }
    }

    fn next(&self) -> Action {
        match self.known {
            // What we remember is a good guess of where to go on: wrong, it costs one answer and no data.
            Some(stored) if stored < self.head.seq => Action::Send { from: stored + 1, budget: self.budget.size() },
            _ => Action::Hello,
        }
    }

    fn receipt(&mut self, receipt: Box<Receipt>, ours: Option<Hash>, carried: usize) -> Vec<Action> {
        let has = receipt.stored_through;
        if let Some(seq) = receipt.forked_at {
            return vec![Action::End(End::Forked { seq })];
        }
        if has > self.head.seq {
            return vec![Action::End(End::Behind { theirs: has })];
        }
        if ours != Some(receipt.head().hash) {
            return vec![Action::End(End::Forked { seq: has })];
        }
        self.failures = 0;
        self.budget.carried(carried, receipt.max_segment as usize);
        let mut actions = Vec::new();
        if let Some(had) = self.known.filter(|had| *had > has) {
            actions.push(Action::Lost { had, has });
        }
        self.known = Some(has);
        actions.push(Action::Keep(receipt));
        actions.push(if has == self.head.seq { Action::End(End::Complete) } else { self.next() });
        actions
    }

    fn cut(&mut self, chance: u64) -> Vec<Action> {
        self.failures += 1;
        self.budget.cut();
        if self.failures >= PATIENCE {
            return vec![Action::End(End::GaveUp)];
        }
        vec![Action::Pause(pause(self.failures, chance)), self.next()]
    }
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

/// What the aggregator does with a segment, from what it holds of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is new and follows what is held.
    Append,
    /// It starts inside what is held: compare, then keep what is new.
    Overlap,
    /// Entries before it are missing; the receipt says which come next.
    Gap,
}

/// Judges a segment that starts at `from` against a stream stored through `stored`.
pub fn judge(from: Seq, stored: Seq) -> Verdict {
    match from {
        _ if from == stored + 1 => Verdict::Append,
        _ if from <= stored && from > 0 => Verdict::Overlap,
        _ => Verdict::Gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PROTOCOL;

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
        }
    }

    fn answer(stored_through: Seq) -> Event {
        Event::Receipt { receipt: Box::new(receipt(stored_through)), ours: Some(hash(stored_through)), carried: 1000 }
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
    fn contradictions_stop() {
        let stopped = |event| Session::new(head(10), Some(8)).step(event, 0);
        assert_eq!(stopped(answer(11)), [Action::End(End::Behind { theirs: 11 })]);
        let other = Event::Receipt { receipt: Box::new(receipt(5)), ours: Some(hash(6)), carried: 0 };
        assert_eq!(stopped(other), [Action::End(End::Forked { seq: 5 })]);
        let told = Receipt { forked_at: Some(4), ..receipt(5) };
        let told = Event::Receipt { receipt: Box::new(told), ours: Some(hash(5)), carried: 0 };
        assert_eq!(stopped(told), [Action::End(End::Forked { seq: 4 })]);
    }

    #[test]
    fn a_dead_line_is_given_up_after_growing_pauses() {
        let mut session = Session::new(head(10), Some(8));
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
    fn segments_are_judged_by_what_is_stored() {
        let cases = [
            (1, 0, Verdict::Append),
            (6, 5, Verdict::Append),
            (5, 5, Verdict::Overlap),
            (1, 5, Verdict::Overlap),
            (7, 5, Verdict::Gap),
            (0, 5, Verdict::Gap),
        ];
        for (from, stored, verdict) in cases {
            assert_eq!(judge(from, stored), verdict, "{from} after {stored}");
        }
    }
}
