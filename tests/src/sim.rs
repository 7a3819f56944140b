//! The sync protocol in a box: offices, a district and a bad line between them, in virtual time, from one seed.
//!
//! Promise: the same seed gives the same history, event by event. The decisions are those of `shared`; disks, processes
//! and the line are models, and everything that can go wrong with them does. After every step DESIGN §10 is checked; then
//! the faults stop, and everything that is left must arrive. Start at [`run`].

pub mod agent;
pub mod aggregator;
pub mod fact;
pub mod invariant;
mod line;
mod mischief;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::entry::Head;
use motcua_shared::sync::End;
use uuid::Uuid;

use agent::{Agent, Effect, Signing, Surroundings};
use aggregator::{Aggregator, Decided, Question, Reply, Request};
use invariant::{Touched, Truth, Violation};
use line::Weather;

use crate::register::Dice;

/// Declares the bugs that can be planted, and their names on the command line.
macro_rules! mutations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A bug that can be planted, to see that the checker finds it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutation { $($(#[$doc])* $variant,)* }

        impl Mutation {
            pub const ALL: &'static [Mutation] = &[$(Mutation::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Mutation::$variant => $name,)* }
            }
        }
    };
}

mutations! {
    /// The district answers, then commits.
    AckBeforeCommit = "ack-before-commit",
    /// It stores entries whose predecessors it does not have.
    AcceptGap = "accept-gap",
    /// It believes the agent's last receipt instead of its own rows.
    TrustCursor = "trust-cursor",
    /// It reads what is stored from a number beside the rows, which a restore does not set back.
    SeparateMarker = "separate-marker",
    /// The other branch of a fork is acknowledged and thrown away.
    DropOnConflict = "drop-on-conflict",
    /// What arrives again is applied again.
    ApplyTwice = "apply-twice",
    /// With a full disk it stores the part of an upload that still fits.
    HalfSave = "half-save",
    /// The agent takes any answer for a receipt.
    SyncedOn200 = "synced-on-200",
    /// All questions of an agent have the same nonce.
    ReuseNonce = "reuse-nonce",
    /// The agent does not check who signed a receipt.
    SkipSignature = "skip-signature",
    /// A receipt that says less than the one before does not lower what is shown as stored.
    NeverLower = "never-lower",
    /// A branch is recorded again each time that it is tried.
    CopyTwice = "copy-twice",
    /// The district applies a fact that was recorded again a second time.
    CountCopies = "count-copies",
    /// After a restore it turns away streams that it has forgotten.
    RefuseForgotten = "refuse-forgotten",
    /// The agent does not ask about streams that it has left.
    ForgetLeft = "forget-left",
    /// The screen says "saved" before the transaction is committed.
    ShowBeforeSave = "show-before-save",
}

impl Mutation {
    pub fn named(name: &str) -> Option<Mutation> {
        Mutation::ALL.iter().copied().find(|mutation| mutation.name() == name)
    }
}

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    /// Steps with faults; then they stop.
    pub steps: u64,
    pub mutation: Option<Mutation>,
}

impl Options {
    pub const STEPS: u64 = 400;

    pub fn seed(seed: u64) -> Options {
        Options { seed, steps: Options::STEPS, mutation: None }
    }
}

/// A history that kept every promise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub steps: u64,
    /// Virtual time from the end of the faults until nothing was left to do.
    pub healed_after_ms: u64,
    pub facts: u64,
    /// How often each thing happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// One line per event.
    pub trace: Vec<String>,
}

impl History {
    /// Names the trace: equal for equal histories.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.trace.iter().for_each(|line| hasher.write(line.as_bytes()));
        hasher.finish()
    }
}

/// A history that broke a promise.
#[derive(Debug, Clone)]
pub struct Failure {
    pub options: Options,
    pub step: u64,
    pub invariant: &'static str,
    pub detail: String,
    pub trace: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Options { seed, steps, mutation } = self.options;
        let from = self.trace.len().saturating_sub(25);
        self.trace[from..].iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "seed {seed}, step {}: {} is broken: {}", self.step, self.invariant, self.detail)?;
        write!(f, "repeat: cargo run -p motcua-tests --bin sim -- --seed {seed} --steps {steps}")?;
        mutation.map_or(Ok(()), |mutation| write!(f, " --mutation {}", mutation.name()))
    }
}

/// Faults that have stopped must be healed within this time: two days of nights every ten minutes.
const HEALED_WITHIN_MS: u64 = 2 * 24 * 3600 * 1000;
/// The agent takes a question for lost after this time.
const TIMEOUT_MS: u64 = 10_000;
/// Wall clock at the start: 2026-11-22.
const WALL_MS: i64 = 1_795_300_000_000;

/// What happens at some moment. Whatever a process planned carries its life: it does not happen after a crash.
#[derive(Debug)]
enum Happening {
    Save {
        agent: usize,
    },
    Committed {
        agent: usize,
        life: u64,
        fact: u64,
        newer: bool,
    },
    Shown {
        agent: usize,
        life: u64,
        fact: u64,
    },
    Night {
        agent: usize,
    },
    Act {
        agent: usize,
        life: u64,
    },
    Heard {
        agent: usize,
        life: u64,
        id: u64,
        reply: Option<Reply>,
    },
    ReEnrol {
        agent: usize,
    },
    Copy {
        agent: usize,
        life: u64,
    },
    Boot {
        agent: usize,
    },
    /// A request is at the district's door.
    Asked {
        request: Box<Request>,
    },
    Commit {
        life: u64,
        request: Box<Request>,
    },
    Answer {
        life: u64,
        request: Box<Request>,
        decided: Decided,
    },
    BootAggregator,
    Mischief,
}

/// Everything.
struct World {
    options: Options,
    now: u64,
    step: u64,
    dice: Dice,
    queue: BTreeMap<(u64, u64), Happening>,
    scheduled: u64,
    requests: u64,
    facts: u64,
    agents: Vec<Agent>,
    aggregator: Aggregator,
    receipt_key: VerifyingKey,
    truth: Truth,
    weather: Weather,
    /// How long it is quiet between two faults, at most.
    mischief_within: u64,
    /// Faults have stopped.
    calm: bool,
    /// Receipts and uploads that were on the line, for those who replay them.
    seen_replies: Vec<Reply>,
    seen_uploads: Vec<Request>,
    /// A stream of a stranger with a certificate, who sends nonsense.
    stranger: (SigningKey, Head),
    history: History,
    /// What the last event touched.
    touched_agent: Option<usize>,
    touched_aggregator: bool,
}

/// Runs one history.
pub fn run(options: Options) -> Result<History, Box<Failure>> {
    let mut world = World::new(options);
    match world.live() {
        Ok(()) => Ok(world.history),
        Err((invariant, detail)) => {
            Err(Box::new(Failure { options, step: world.step, invariant, detail, trace: world.history.trace }))
        }
    }
}

impl World {
    fn new(options: Options) -> World {
        let mut dice = Dice::new(options.seed);
        let key = signing_key(&mut dice);
        let receipt_key = key.verifying_key();
        let aggregator = Aggregator::new(uuid(&mut dice), uuid(&mut dice), key, options.mutation);
        let stranger = (signing_key(&mut dice), Head::genesis(STRANGER));
        let mut world = World {
            options,
            now: 0,
            step: 0,
            dice,
            queue: BTreeMap::new(),
            scheduled: 0,
            requests: 0,
            facts: 0,
            agents: Vec::new(),
            aggregator,
            receipt_key,
            truth: Truth::default(),
            weather: Weather::default(),
            mischief_within: 30_000,
            calm: false,
            seen_replies: Vec::new(),
            seen_uploads: Vec::new(),
            stranger,
            history: History::default(),
            touched_agent: None,
            touched_aggregator: false,
        };
        let offices = 2 + world.below(2);
        for _ in 0..3 + world.below(3) {
            let office = world.below(offices);
            let stream = agent::Stream::new(uuid(&mut world.dice), signing_key(&mut world.dice));
            world.add_agent(office, agent::Disk::new(stream), BTreeSet::new());
        }
        world.mischief_within = [3_000, 10_000, 30_000][world.below(3)];
        world.after(5_000, Happening::Mischief);
        world
    }

    fn add_agent(&mut self, office: usize, disk: agent::Disk, shown: BTreeSet<u64>) -> usize {
        let name = self.agents.len();
        disk.streams.iter().for_each(|stream| self.aggregator.admit(stream.id, office));
        self.agents.push(Agent::new(name, office, disk, self.options.mutation));
        self.truth.shown.insert(name, shown);
        self.after(20_000, Happening::Save { agent: name });
        self.after(60_000, Happening::Night { agent: name });
        name
    }

    fn live(&mut self) -> Result<(), Violation> {
        while self.step < self.options.steps {
            self.advance()?;
        }
        self.stop_faults();
        let stopped = self.now;
        let mut settled = Err("nothing happened".to_owned());
        while self.now < stopped + HEALED_WITHIN_MS {
            self.advance()?;
            if self.touched_agent.is_some() {
                settled = invariant::settled(&self.agents, &self.truth);
            }
            if settled.is_ok() {
                break;
            }
        }
        settled.map_err(|left| ("I6", left))?;
        invariant::chains_are_whole(&self.aggregator.disk)?;
        invariant::every_fact_counts(&self.agents, &self.aggregator)?;
        self.history.steps = self.step;
        self.history.healed_after_ms = self.now - stopped;
        self.history.facts = self.facts;
        Ok(())
    }

    /// One event, and the promises after it.
    fn advance(&mut self) -> Result<(), Violation> {
        let Some(((at, _), happening)) = self.queue.pop_first() else {
            return Err(("I6", "nothing is left to happen".to_owned()));
        };
        self.now = at;
        self.step += 1;
        self.touched_agent = None;
        self.touched_aggregator = false;
        let line = self.happen(happening)?;
        if let Some(line) = line {
            self.history.trace.push(format!("{:>5} {:>9} {line}", self.step, self.now));
        }
        let agents = self.touched_agent.map(|agent| &self.agents[agent]).into_iter().collect();
        let touched = Touched { agents, aggregator: self.touched_aggregator };
        invariant::check(&self.agents, &self.aggregator, &self.truth, &touched)
    }

    /// What happens, in one line; `None`: a process that died meanwhile had planned it.
    fn happen(&mut self, happening: Happening) -> Result<Option<String>, Violation> {
        Ok(match happening {
            Happening::Save { agent } => self.save(agent),
            Happening::Committed { agent, life, fact, newer } => self.committed(agent, life, fact, newer),
            Happening::Shown { agent, life, fact } => self.shown(agent, life, fact),
            Happening::Night { agent } => self.night(agent),
            Happening::Act { agent, life } => self.act(agent, life)?,
            Happening::Heard { agent, life, id, reply } => self.heard(agent, life, id, reply.as_ref())?,
            Happening::ReEnrol { agent } => self.re_enrol(agent),
            Happening::Copy { agent, life } => self.copy(agent, life),
            Happening::Boot { agent } => self.boot(agent),
            Happening::Asked { request } => Some(self.asked(request)),
            Happening::Commit { life, request } => self.commit(life, request)?,
            Happening::Answer { life, request, decided } => self.answer(life, &request, decided)?,
            Happening::BootAggregator => self.boot_aggregator(),
            Happening::Mischief => self.mischief(),
        })
    }

    fn at(&mut self, at: u64, happening: Happening) {
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), happening);
    }

    /// Within the next `within` milliseconds, by chance.
    fn after(&mut self, within: u64, happening: Happening) {
        let at = self.now + 1 + self.dice.below(within);
        self.at(at, happening);
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(end.max(1) as u64)).unwrap_or_default()
    }

    /// One time in `n`.
    fn once_in(&mut self, n: u64) -> bool {
        self.dice.below(n) == 0
    }

    fn count(&mut self, what: &'static str) {
        *self.history.counts.entry(what).or_default() += 1;
    }

    fn wall_ms(&self) -> i64 {
        WALL_MS + i64::try_from(self.now).unwrap_or_default()
    }

    /// The process of `agent`, if it is still the one that planned this.
    fn living(&mut self, agent: usize, life: u64) -> Option<&mut Agent> {
        self.touched_agent = Some(agent);
        Some(&mut self.agents[agent]).filter(|it| it.up && it.life == life)
    }

    // What offices do.

    fn save(&mut self, agent: usize) -> Option<String> {
        if self.calm {
            return None;
        }
        self.after(60_000, Happening::Save { agent });
        let it = &self.agents[agent];
        let (life, up) = (it.life, it.up);
        if !up {
            return None;
        }
        self.facts += 1;
        let fact = self.facts;
        let newer = self.once_in(12);
        self.after(50, Happening::Committed { agent, life, fact, newer });
        if self.options.mutation == Some(Mutation::ShowBeforeSave) {
            self.shown(agent, life, fact);
        }
        Some(format!("pc {agent}: a clerk writes fact {fact}"))
    }

    fn committed(&mut self, agent: usize, life: u64, fact: u64, newer: bool) -> Option<String> {
        let office = self.agents[agent].office;
        let dossier = Uuid::from_u128((office as u128) << 64 | u128::from(self.dice.below(5)));
        let (now, mut dice) = (self.wall_ms(), Dice::new(self.dice.roll()));
        let saved = self.living(agent, life)?.save(fact, dossier, newer, now, &mut dice);
        if !saved {
            return Some(format!("pc {agent}: fact {fact} is refused, the disk is full"));
        }
        self.after(50, Happening::Shown { agent, life, fact });
        if self.once_in(3) {
            self.after(2_000, Happening::Night { agent });
        }
        Some(format!("pc {agent}: fact {fact} is in the log, entry {}", self.agents[agent].current().head().seq))
    }

    fn shown(&mut self, agent: usize, life: u64, fact: u64) -> Option<String> {
        self.living(agent, life)?;
        self.truth.shown.entry(agent).or_default().insert(fact);
        Some(format!("pc {agent}: the screen says that fact {fact} is saved"))
    }

    fn night(&mut self, agent: usize) -> Option<String> {
        let within = if self.calm { 600_000 } else { 90_000 };
        if self.queue.values().filter(|planned| matches!(planned, Happening::Night { agent: other } if *other == agent)).count()
            == 0
        {
            self.after(within, Happening::Night { agent });
        }
        if !self.agents[agent].night() {
            return None;
        }
        self.go_on(agent);
        Some(format!("pc {agent}: a session starts"))
    }

    fn go_on(&mut self, agent: usize) {
        let life = self.agents[agent].life;
        self.after(20, Happening::Act { agent, life });
    }

    /// Lets `step` work on an agent, with what it needs of the world.
    fn with_agent(&mut self, agent: usize, step: impl FnOnce(&mut Agent, &mut Surroundings) -> Effect) -> Effect {
        let now_ms = self.wall_ms();
        let mut around = Surroundings {
            server_id: self.aggregator.server_id,
            receipt_key: &self.receipt_key,
            now_ms,
            step: self.step,
            aggregator_life: self.truth.life,
            signed: &self.truth.signed,
            dice: &mut self.dice,
            next_request: &mut self.requests,
        };
        step(&mut self.agents[agent], &mut around)
    }

    fn act(&mut self, agent: usize, life: u64) -> Result<Option<String>, Violation> {
        if self.living(agent, life).is_none() {
            return Ok(None);
        }
        let effect = self.with_agent(agent, Agent::act);
        self.effect(agent, effect)
    }

    fn heard(&mut self, agent: usize, life: u64, id: u64, reply: Option<&Reply>) -> Result<Option<String>, Violation> {
        if self.living(agent, life).is_none() {
            return Ok(None);
        }
        let effect = self.with_agent(agent, |it, around| it.hear(id, reply, around));
        if matches!(effect, Effect::Idle) {
            return Ok(None);
        }
        self.effect(agent, effect)?;
        let what = match reply {
            None => "no answer",
            Some(Reply::Refused) => "a refusal",
            Some(Reply::Body(_)) => "an answer",
        };
        Ok(Some(format!("pc {agent}: hears {what} to question {id}")))
    }

    fn effect(&mut self, agent: usize, effect: Effect) -> Result<Option<String>, Violation> {
        Ok(match effect {
            Effect::Idle => None,
            Effect::Again => {
                self.go_on(agent);
                Some(format!("pc {agent}: goes on"))
            }
            Effect::Wait(pause) => {
                let (life, at) = (self.agents[agent].life, self.now + u64::try_from(pause.as_millis()).unwrap_or_default());
                self.at(at, Happening::Act { agent, life });
                Some(format!("pc {agent}: waits {} ms", pause.as_millis()))
            }
            Effect::Ask(request) => Some(self.ask(agent, *request)),
            Effect::Kept { bytes, asked_at } => {
                invariant::kept_is_an_answer(&self.truth, agent, &bytes, asked_at)?;
                self.go_on(agent);
                self.count("receipts");
                let stream = self.agents[agent].current();
                Some(format!("pc {agent}: keeps a receipt; {} of {} stored", stream.shown_stored(), stream.head().seq))
            }
            Effect::Lost { entries } => {
                *self.history.counts.entry("entries sent again").or_default() += entries;
                self.go_on(agent);
                Some(format!("pc {agent}: tells people that the district lost {entries} entries"))
            }
            Effect::Ended(end) => Some(self.ended(agent, end)),
        })
    }

    fn ended(&mut self, agent: usize, end: End) -> String {
        let it = &mut self.agents[agent];
        if it.current().branch.is_some() && !it.current().leaving && !it.decision_pending {
            it.decision_pending = true;
            self.after(300_000, Happening::ReEnrol { agent });
        }
        match end {
            End::Complete => self.count("complete"),
            End::GaveUp => self.count("gave up"),
            End::Forked { .. } => self.count("forked"),
            End::MovedToNewStream => self.count("moved to a new stream"),
            End::Behind { .. } => self.count("behind"),
        }
        let life = self.agents[agent].life;
        self.after(1_000, Happening::Copy { agent, life });
        format!("pc {agent}: the session ends: {end:?}")
    }

    fn re_enrol(&mut self, agent: usize) -> Option<String> {
        self.touched_agent = Some(agent);
        if !self.agents[agent].up {
            self.after(60_000, Happening::ReEnrol { agent });
            return None;
        }
        self.agents[agent].re_enrol();
        Some(format!("pc {agent}: a person decides that it is enrolled again"))
    }

    fn copy(&mut self, agent: usize, life: u64) -> Option<String> {
        let mut dice = Dice::new(self.dice.roll());
        let before = self.agents[agent].current().head().seq;
        let more = self.living(agent, life)?.copy_some(&mut dice);
        let after = self.agents[agent].current().head().seq;
        if more {
            self.after(2_000, Happening::Copy { agent, life });
        }
        (after > before).then(|| {
            self.count("recorded again");
            format!("pc {agent}: entries {}..={after} record a branch again", before + 1)
        })
    }

    fn boot(&mut self, agent: usize) -> Option<String> {
        let it = &mut self.agents[agent];
        if it.up {
            return None;
        }
        it.up = true;
        let life = it.life;
        self.after(30_000, Happening::Night { agent });
        self.after(5_000, Happening::Copy { agent, life });
        Some(format!("pc {agent}: starts"))
    }

    // What the district does.

    fn asked(&mut self, request: Box<Request>) -> String {
        let (life, id, agent) = (self.aggregator.life, request.id, request.agent);
        if !self.aggregator.up {
            return format!("district: is down for question {id}");
        }
        self.after(40, Happening::Commit { life, request });
        format!("district: question {id} of pc {agent} is at the door")
    }

    fn commit(&mut self, life: u64, request: Box<Request>) -> Result<Option<String>, Violation> {
        if !self.aggregator.up || self.aggregator.life != life {
            return Ok(None);
        }
        let early = self.options.mutation == Some(Mutation::AckBeforeCommit) && matches!(request.question, Question::Upload(_));
        if early && !request.heads.is_empty() {
            return self.answer_early(life, request);
        }
        let (done, decided) = self.transact(&request)?;
        if request.id > 0 {
            self.after(40, Happening::Answer { life, request, decided });
        }
        Ok(Some(done))
    }

    fn transact(&mut self, request: &Request) -> Result<(String, Decided), Violation> {
        self.touched_aggregator = true;
        let before = invariant::count(&self.aggregator.disk);
        let decided = self.aggregator.ingest(request, self.wall_ms());
        let refused = matches!(decided, Decided::Refused);
        if matches!(request.question, Question::Upload(_)) {
            let held = invariant::upload_is_kept(request, before, refused, &self.aggregator)?;
            self.truth.reached.extend(held.iter().map(|head| (request.source.stream, head.seq, head.hash.0)));
        }
        let new = invariant::count(&self.aggregator.disk) - before;
        let mut line = format!("district: question {} of pc {}: ", request.id, request.agent);
        let _ = match &decided {
            Decided::Receipt(receipt) if receipt.forked_at.is_some() => write!(line, "{new} entries of a branch put aside"),
            Decided::Receipt(receipt) => write!(line, "{new} entries stored, now {}", receipt.stored_through),
            Decided::Tail(_) => write!(line, "a tail goes back"),
            Decided::Opened(stream) => write!(line, "stream {stream} is known"),
            Decided::Refused => write!(line, "refused"),
        };
        Ok((line, decided))
    }

    /// Planted: the answer leaves as if it were done, and it is done later.
    fn answer_early(&mut self, life: u64, request: Box<Request>) -> Result<Option<String>, Violation> {
        let disk = self.aggregator.disk.clone();
        let decided = self.aggregator.ingest(&request, self.wall_ms());
        self.aggregator.disk = disk;
        let answered = self.answer(life, &request, decided)?;
        let request = Box::new(Request { heads: Vec::new(), id: 0, ..*request });
        self.after(5_000, Happening::Commit { life, request });
        Ok(answered)
    }

    fn answer(&mut self, life: u64, request: &Request, decided: Decided) -> Result<Option<String>, Violation> {
        if !self.aggregator.up || self.aggregator.life != life {
            return Ok(None);
        }
        let checked = match &decided {
            Decided::Receipt(receipt) => Some((receipt.stream, receipt.head())),
            _ => None,
        };
        let reply = self.aggregator.answer(decided);
        if let (Some((stream, head)), Reply::Body(bytes)) = (checked, &reply) {
            // What another request stored meanwhile does not make it a lie: it speaks of the rows of its own transaction.
            if self.options.mutation != Some(Mutation::AckBeforeCommit)
                && self.aggregator.disk.held(stream, head.seq) != Some(head.hash)
            {
                invariant::signed_is_durable(&self.aggregator.disk, stream, head)?;
            }
            self.truth.signed.insert(bytes.clone(), Signing { step: self.step, life: self.truth.life });
        }
        Ok(Some(self.send_back(request, reply)))
    }

    fn boot_aggregator(&mut self) -> Option<String> {
        if self.aggregator.up {
            return None;
        }
        self.aggregator.up = true;
        Some("district: starts".to_owned())
    }

    /// The second regime: no new faults, everything starts, people do what they have put off.
    fn stop_faults(&mut self) {
        self.calm = true;
        self.weather = Weather::default();
        self.aggregator.up = true;
        self.aggregator.disk_full = false;
        self.aggregator.upgrade();
        for agent in 0..self.agents.len() {
            self.agents[agent].disk_full = false;
            self.boot(agent);
            self.after(60_000, Happening::Night { agent });
            let (life, it) = (self.agents[agent].life, &self.agents[agent]);
            if it.decision_pending {
                self.after(300_000, Happening::ReEnrol { agent });
            }
            self.after(60_000, Happening::Copy { agent, life });
        }
        self.history.trace.push(format!("{:>5} {:>9} the faults stop", self.step, self.now));
    }
}

/// The stream of somebody with a certificate and no good intentions.
const STRANGER: Uuid = Uuid::from_u128(0x51);
/// The office that his certificate names.
const STRANGE_OFFICE: usize = 99;

fn signing_key(dice: &mut Dice) -> SigningKey {
    let mut secret = [0; 32];
    secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&dice.roll().to_le_bytes()));
    SigningKey::from_bytes(&secret)
}

fn uuid(dice: &mut Dice) -> Uuid {
    Uuid::from_u64_pair(dice.roll(), dice.roll())
}
