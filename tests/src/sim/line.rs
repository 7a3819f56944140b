//! The line between an office and the district: what it loses, cuts, doubles, delays and makes up.
//!
//! Promise: only [`Weather`] decides how bad it is; with no weather everything arrives once, in half a second.
//! Start at [`World::ask`].

use ed25519_dalek::SigningKey;
use motcua_shared::wire::{self, Hello, PROTOCOL, Receipt, Signed, Upload};
use uuid::Uuid;

use super::aggregator::{Question, Reply, Request};
use super::{Happening, TIMEOUT_MS, World};

/// How often something goes wrong: one time in so many; 0: never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub lost: u64,
    pub cut: u64,
    pub doubled: u64,
    pub slow: u64,
    pub portal: u64,
    pub answer_lost: u64,
}

impl Weather {
    /// A day like most, or a bad one.
    pub fn some(bad: bool) -> Weather {
        if bad {
            Weather { lost: 3, cut: 5, doubled: 4, slow: 3, portal: 4, answer_lost: 3 }
        } else {
            Weather { lost: 12, cut: 20, doubled: 10, slow: 10, portal: 20, answer_lost: 10 }
        }
    }
}

impl World {
    fn strikes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.once_in(one_in)
    }

    /// Sends a question off, and waits for an answer only so long.
    pub(super) fn ask(&mut self, agent: usize, mut request: Request) -> String {
        let (life, id, weather) = (self.agents[agent].life, request.id, self.weather);
        self.at(self.now + TIMEOUT_MS, Happening::Heard { agent, life, id, reply: None });
        let what = describe(&request);
        self.remember(&request);
        if self.strikes(weather.portal) {
            return self.portal(agent, &request, &what);
        }
        if self.strikes(weather.lost) {
            self.count("questions lost");
            return format!("pc {agent}: asks {id}, {what}; it is lost");
        }
        if self.strikes(weather.cut) {
            cut(&mut request, self.dice.roll());
        }
        let copies = if self.strikes(weather.doubled) { 2 + self.dice.below(2) } else { 1 };
        for _ in 0..copies {
            let within = if self.strikes(weather.slow) { 60_000 } else { 200 };
            self.after(within, Happening::Asked { request: Box::new(request.clone()) });
        }
        format!("pc {agent}: asks {id}, {what}; {copies} on the line{}", if request.intact { "" } else { ", cut" })
    }

    fn remember(&mut self, request: &Request) {
        if matches!(request.question, Question::Upload(_)) && self.seen_uploads.len() < 20 {
            self.seen_uploads.push(request.clone());
        }
    }

    /// Somebody else answers: a page, something old, something of somebody else, something forged.
    fn portal(&mut self, agent: usize, request: &Request, what: &str) -> String {
        let old =
            (!self.seen_replies.is_empty()).then(|| self.below(self.seen_replies.len())).map(|n| self.seen_replies[n].clone());
        let page = Reply::Body(b"<html>Wi-Fi mi\xe1\xbb\x85n ph\xc3\xad</html>".to_vec());
        let (name, reply) = match (self.dice.below(5), old) {
            (0 | 1, Some(old)) => ("an old receipt", old),
            (2, _) => ("a forged receipt", forged(request, self.aggregator.server_id, &self.stranger.0).unwrap_or(page)),
            (3, Some(Reply::Body(bytes))) => ("half a receipt", Reply::Body(bytes[..bytes.len() / 2].to_vec())),
            _ => ("a page", page),
        };
        self.count("portals");
        let (life, id) = (self.agents[agent].life, request.id);
        self.after(200, Happening::Heard { agent, life, id, reply: Some(reply) });
        format!("pc {agent}: asks {id}, {what}; a portal answers with {name}")
    }

    /// Sends an answer off.
    pub(super) fn send_back(&mut self, request: &Request, mut reply: Reply) -> String {
        let (agent, id, weather) = (request.agent, request.id, self.weather);
        if agent >= self.agents.len() {
            return format!("district: answers a stranger's question {id}");
        }
        if self.seen_replies.len() < 200 {
            self.seen_replies.push(reply.clone());
        }
        if self.strikes(weather.answer_lost) {
            self.count("answers lost");
            return format!("district: answers {id} of pc {agent}; it is lost");
        }
        if let (Reply::Body(bytes), true) = (&mut reply, self.strikes(weather.cut)) {
            bytes.truncate(bytes.len() / 2);
        }
        let within = if self.strikes(weather.slow) { 40_000 } else { 200 };
        let life = self.agents[agent].life;
        self.after(within, Happening::Heard { agent, life, id, reply: Some(reply) });
        format!("district: answers {id} of pc {agent}")
    }
}

fn describe(request: &Request) -> String {
    match &request.question {
        Question::Hello(_) => "hello".to_owned(),
        Question::Upload(_) => {
            let last = request.heads.last().map_or(0, |head| head.seq);
            format!("sends ..={last} of {}", &request.source.stream.to_string()[..8])
        }
        Question::Tail { from } => format!("wants its tail from {from} on"),
        Question::Open { stream, .. } => format!("opens {}", &stream.to_string()[..8]),
    }
}

/// The line breaks in the middle. It changes nothing: TLS would notice.
fn cut(request: &mut Request, chance: u64) {
    if let Question::Hello(bytes) | Question::Upload(bytes) = &mut request.question {
        bytes.truncate(usize::try_from(chance).unwrap_or_default() % bytes.len());
        request.intact = false;
    }
}

/// What somebody without the district's key would like the agent to believe: all is stored.
fn forged(request: &Request, server_id: Uuid, key: &SigningKey) -> Option<Reply> {
    let report = match &request.question {
        Question::Hello(bytes) => wire::decode::<Hello>(bytes).ok()?.report,
        Question::Upload(bytes) => wire::decode::<Upload>(bytes).ok()?.report,
        Question::Tail { .. } | Question::Open { .. } => return None,
    };
    let receipt = Receipt {
        protocol: PROTOCOL,
        server_id,
        epoch: Uuid::from_u128(0xbad),
        stream: request.source.stream,
        stored_through: report.head_seq,
        hash: report.head_hash,
        quarantined: Vec::new(),
        forked_at: None,
        nonce: report.nonce,
        at_ms: 0,
        reference_version: 0,
        night_slot_s: None,
        max_segment: 1 << 20,
        compared: Some(report.head_hash.into()),
        kept_aside: None,
        reasons: None,
        decisions: None,
    };
    Some(Reply::Body(wire::encode(&Signed::receipt(&receipt, key))))
}
