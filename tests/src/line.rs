//! A bad line between an agent and the aggregator: a TCP proxy on 127.0.0.1 whose weather the test chooses.
//!
//! Promise: what the weather lets through arrives unchanged, in order, and is counted in the moment it is written to
//! the other side; the rest is lost the way lines lose it: by a reset, by silence, by a stranger's page. Chance comes
//! from a seed. Knows nothing of what it carries, so it can do no more to TLS than a real line can.
//! Start at [`Line::start`] and [`Weather`].

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// Most that is read at once, in bytes.
const PACKET: usize = 16 * 1024;

/// Most that is under way in one direction of one connection, in bytes.
const WINDOW: u64 = 1024 * 1024;

/// An upstream that has answered, and then is silent for this long, has said all of its answer.
const ANSWERED: Duration = Duration::from_millis(300);

/// What a hotel's network says to everybody.
const PORTAL_PAGE: &str = "<!doctype html><title>WiFi</title><p>Đăng nhập để dùng mạng. Please sign in.</p>\r\n";

/// How the line behaves. The default is clean; faults combine, and where two exclude each other the first of `down`,
/// `hang`, `captive_portal` wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each fault is switched by itself, and a test reads as it is set")]
pub struct Weather {
    /// New connections are reset at once, existing ones too.
    pub down: bool,
    /// Bytes, both directions counted together, after which a connection is reset. Each connection draws its own number
    /// and counts from the moment this weather came; `0` resets it before the first byte.
    pub cut_every: Option<RangeInclusive<u64>>,
    /// Seed of what `cut_every` draws: the same seed and the same place in the order of connections, the same cut.
    pub seed: u64,
    /// Bytes per second in each direction, shared by all connections. `0` counts as 1.
    pub bandwidth: Option<u64>,
    /// One-way latency, in both directions. It holds for bytes, not for making the connection.
    pub delay: Duration,
    /// Everything passes towards the upstream, nothing comes back; once the upstream has answered and has no more to
    /// say, the connection is reset.
    pub drop_responses: bool,
    /// With `drop_responses`: bytes that a connection has carried towards the upstream before its answers are lost.
    /// `0` loses whatever the upstream says first, be it its part of a TLS handshake; a few thousand let the handshake
    /// pass and lose the answer to a request that is longer than that.
    pub drop_responses_after: u64,
    /// Half-open: connections are accepted, what comes is swallowed, nothing is ever answered, no end is passed on.
    pub hang: bool,
    /// Whatever is sent is answered, in clear, with HTTP 200 and a page of HTML; nothing reaches the upstream.
    pub captive_portal: bool,
}

impl Weather {
    /// Everything passes, at once.
    pub fn clean() -> Self {
        Self::default()
    }

    /// No line at all.
    pub fn down() -> Self {
        Self { down: true, ..Self::default() }
    }

    fn carries(&self) -> bool {
        !(self.down || self.hang || self.captive_portal)
    }

    /// Bytes that may be under way in one direction of one connection: enough to fill the line, little enough that the
    /// sender feels how slow it is.
    fn window(&self) -> u64 {
        let Some(bandwidth) = self.bandwidth else { return WINDOW };
        let millis = u64::try_from(self.delay.as_millis()).unwrap_or(u64::MAX).saturating_add(100);
        (bandwidth.saturating_mul(millis) / 1000).clamp(1, WINDOW)
    }

    /// Bytes read at once: on a slow line what passes in 50 ms, so that it trickles.
    fn packet(&self) -> usize {
        let slow = self.bandwidth.map_or(u64::MAX, |bandwidth| bandwidth / 20);
        usize::try_from(slow).unwrap_or(PACKET).clamp(1, PACKET)
    }

    /// Bytes until connection `number` is cut.
    fn cut_after(&self, number: u64) -> Option<u64> {
        self.cut_every.as_ref().map(|range| draw(self.seed, number, range))
    }
}

/// What has happened on the line since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes taken from either side: those counted below, those under way, and those that were under way in a cut.
    pub bytes_taken: u64,
    /// Bytes from the agent that were written towards the upstream.
    pub bytes_up: u64,
    /// Bytes from the upstream that were written towards the agent; a portal's page is not among them.
    pub bytes_down: u64,
    /// Bytes from either side that were given to nobody.
    pub bytes_swallowed: u64,
    /// Connections that the agent made, those that were refused included.
    pub connections: u64,
    /// Connections that the weather reset; those that were refused are not among them.
    pub cuts: u64,
    /// Connections reset on arrival: the line was down, or nobody listened upstream.
    pub refused: u64,
    /// Pages that a captive portal gave.
    pub portal_pages: u64,
}

/// The line. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Line {
    addr: SocketAddr,
    shared: Arc<Shared>,
    doorman: JoinHandle<()>,
}

impl Line {
    /// Opens a line to `upstream` on a free port of 127.0.0.1. Must be called inside a tokio runtime.
    pub fn start(upstream: SocketAddr, weather: Weather) -> anyhow::Result<Self> {
        let runtime = Handle::try_current().context("a line needs a tokio runtime around it")?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for the line")?;
        listener.set_nonblocking(true).context("the line's port stays blocking")?;
        let addr = listener.local_addr().context("the line's port has no address")?;
        let listener = TcpListener::from_std(listener).context("the line's port cannot be watched")?;
        let shared = Arc::new(Shared {
            upstream,
            sky: watch::Sender::new(Arc::new(Sky::new(weather))),
            stats: watch::Sender::new(Stats::default()),
        });
        let doorman = runtime.spawn(open_the_door(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, doorman })
    }

    /// Where the agent connects to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the weather, at once, for existing and for new connections. What was under way goes on under the new
    /// weather; a connection of which bytes were swallowed is reset when it would be carried again. Setting the weather
    /// that is there changes nothing.
    pub fn set(&self, weather: Weather) {
        self.shared.sky.send_if_modified(|sky| {
            let changes = sky.weather != weather;
            if changes {
                *sky = Arc::new(Sky::new(weather));
            }
            changes
        });
    }

    /// What has happened so far. A byte that has arrived is counted.
    pub fn stats(&self) -> Stats {
        *self.shared.stats.borrow()
    }

    /// Waits until the counters say what the test waits for, and returns them.
    pub async fn until(&self, enough: impl FnMut(&Stats) -> bool) -> Stats {
        let mut stats = self.shared.stats.subscribe();
        let seen = stats.wait_for(enough).await.map(|stats| *stats);
        seen.unwrap_or_else(|_| self.stats())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.doorman.abort();
    }
}

/// What all connections of a line share.
#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    sky: watch::Sender<Arc<Sky>>,
    stats: watch::Sender<Stats>,
}

impl Shared {
    fn count(&self, add: impl FnOnce(&mut Stats)) {
        self.stats.send_modify(add);
    }

    fn count_swallowed(&self, bytes: &[u8]) {
        self.count(|stats| {
            stats.bytes_taken += length(bytes);
            stats.bytes_swallowed += length(bytes);
        });
    }
}

/// One weather and what it has to remember while it lasts.
#[derive(Debug)]
struct Sky {
    weather: Weather,
    up_is_free_at: Mutex<Instant>,
    down_is_free_at: Mutex<Instant>,
}

impl Sky {
    fn new(weather: Weather) -> Self {
        let now = Instant::now();
        Self { weather, up_is_free_at: Mutex::new(now), down_is_free_at: Mutex::new(now) }
    }

    /// When a packet that sets out now arrives: after those before it, after its own length, after the way.
    fn arrival(&self, way: Way, bytes: &[u8]) -> Instant {
        let Some(bandwidth) = self.weather.bandwidth else { return Instant::now() + self.weather.delay };
        let nanos = length(bytes).saturating_mul(1_000_000_000) / bandwidth.max(1);
        let free_at = match way {
            Way::Up => &self.up_is_free_at,
            Way::Down => &self.down_is_free_at,
        };
        let mut free_at = free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = Instant::now().max(*free_at) + Duration::from_nanos(nanos);
        *free_at + self.weather.delay
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Both sides have said goodbye.
    Tidy,
    /// One of the sides broke it; the other one is told by a reset.
    Broken,
    /// The weather reset it.
    Cut,
    /// It never came to be.
    Refused,
    /// A captive portal gave its page and closed.
    Portal,
}

/// Takes in connections until it is aborted; the connections end with it.
async fn open_the_door(listener: TcpListener, shared: Arc<Shared>) {
    let mut links = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((agent, _)) => {
                    links.spawn(serve(Arc::clone(&shared), number, agent));
                    number += 1;
                }
                Err(_) => sleep(Duration::from_millis(20)).await, // out of file handles: others have to close first
            },
            Some(_) = links.join_next() => {}
        }
    }
}

/// One connection, through all weathers, to its end.
async fn serve(shared: Arc<Shared>, number: u64, agent: TcpStream) {
    shared.count(|stats| stats.connections += 1);
    let mut news = shared.sky.subscribe();
    let mut link = Link::new(number, agent);
    let end = if news.borrow().weather.down { End::Refused } else { link.live_through(&shared, &mut news).await };
    link.close(&shared, end).await;
}

/// One connection of the agent, and the one towards the upstream that belongs to it.
struct Link {
    number: u64,
    agent: TcpStream,
    upstream: Option<TcpStream>,
    up: Flight,
    down: Flight,
    carried_up: AtomicU64,
    /// Bytes are missing: carried further, it would be a lie.
    spoilt: AtomicBool,
}

impl Link {
    fn new(number: u64, agent: TcpStream) -> Self {
        agent.set_nodelay(true).ok(); // a line that failed to hurry is still a line
        Self {
            number,
            agent,
            upstream: None,
            up: Flight::default(),
            down: Flight::default(),
            carried_up: AtomicU64::new(0),
            spoilt: AtomicBool::new(false),
        }
    }

    /// Lives through one weather after another.
    async fn live_through(&mut self, shared: &Shared, news: &mut watch::Receiver<Arc<Sky>>) -> End {
        loop {
            let sky = Arc::clone(&news.borrow_and_update());
            if sky.weather.carries() && self.upstream.is_none() && !self.spoilt.load(Relaxed) {
                // Not below, where a change of weather would drop a dial that the upstream has already taken.
                let Ok(upstream) = dial(shared.upstream).await else { return End::Refused };
                self.upstream = Some(upstream);
            }
            tokio::select! {
                biased;
                Ok(()) = news.changed() => {}
                lived = self.live(shared, &sky) => return lived.err().unwrap_or(End::Tidy),
            }
        }
    }

    /// Lives through one weather. May be dropped at any await and called again: all that counts is in `self`.
    async fn live(&mut self, shared: &Shared, sky: &Sky) -> Result<(), End> {
        let weather = &sky.weather;
        if weather.down {
            Err(End::Cut)
        } else if weather.hang {
            self.hang(shared).await
        } else if weather.captive_portal {
            self.meet_portal(shared).await
        } else {
            self.carry(shared, sky).await
        }
    }

    /// Swallows what both sides say, their goodbyes too, and never returns.
    async fn hang(&self, shared: &Shared) -> Result<(), End> {
        tokio::join!(swallow(&self.agent, &self.spoilt, shared), async {
            if let Some(upstream) = &self.upstream {
                swallow(upstream, &self.spoilt, shared).await;
            }
        });
        pending().await
    }

    /// Waits for the agent to say something, whatever it is, and gives it the page.
    async fn meet_portal(&mut self, shared: &Shared) -> Result<(), End> {
        let said = read_some(&self.agent, PACKET).await?;
        if said.is_empty() {
            return Err(End::Broken);
        }
        self.spoilt.store(true, Relaxed);
        shared.count_swallowed(&said);
        shared.count(|stats| stats.portal_pages += 1);
        self.agent.write_all(portal_answer().as_bytes()).await.map_err(|_| End::Broken)?;
        Err(End::Portal)
    }

    /// Carries bytes both ways until both sides have said goodbye.
    async fn carry(&mut self, shared: &Shared, sky: &Sky) -> Result<(), End> {
        let Self { number, agent, upstream, up, down, carried_up, spoilt } = self;
        let (Some(upstream), false) = (upstream, spoilt.load(Relaxed)) else { return Err(End::Cut) };
        let until_cut = sky.weather.cut_after(*number).map(AtomicU64::new);
        let passage = Passage { shared, sky, until_cut, carried_up, spoilt };
        passage.check_cut()?;
        let (from_agent, to_agent) = agent.split();
        let (from_upstream, to_upstream) = upstream.split();
        tokio::try_join!(
            passage.pump(Way::Up, from_agent, to_upstream, up),
            passage.pump(Way::Down, from_upstream, to_agent, down),
        )?;
        Ok(())
    }

    async fn close(self, shared: &Shared, end: End) {
        match end {
            End::Tidy => return,
            End::Broken => {}
            End::Cut => shared.count(|stats| stats.cuts += 1),
            End::Refused => shared.count(|stats| stats.refused += 1),
            End::Portal => {
                self.upstream.into_iter().for_each(reset);
                return see_off(self.agent, shared).await;
            }
        }
        self.upstream.into_iter().for_each(reset);
        reset(self.agent);
    }
}

/// One connection while one weather carries it.
struct Passage<'a> {
    shared: &'a Shared,
    sky: &'a Sky,
    /// Bytes left until the cut.
    until_cut: Option<AtomicU64>,
    carried_up: &'a AtomicU64,
    spoilt: &'a AtomicBool,
}

impl Passage<'_> {
    /// Takes and delivers in one direction until the goodbye has been delivered.
    async fn pump(&self, way: Way, from: ReadHalf<'_>, mut to: WriteHalf<'_>, flight: &mut Flight) -> Result<(), End> {
        let weather = &self.sky.weather;
        flight.retime(|bytes| self.sky.arrival(way, bytes));
        while !flight.landed {
            let takes = !flight.closed && flight.bytes < weather.window();
            let delivers = !flight.packets.is_empty();
            tokio::select! {
                bytes = read_some(from.as_ref(), weather.packet()), if takes => {
                    let bytes = bytes?;
                    if way == Way::Down && !bytes.is_empty() && self.loses_answers() {
                        return Err(self.lose_answer(from.as_ref(), &bytes).await);
                    }
                    self.shared.count(|stats| stats.bytes_taken += length(&bytes));
                    flight.take(bytes, |bytes| self.sky.arrival(way, bytes));
                }
                delivered = self.deliver(way, &mut to, flight), if delivers => delivered?,
            }
        }
        Ok(())
    }

    /// Delivers what has arrived of the foremost packet, as far as the other side takes it and the cut allows.
    async fn deliver(&self, way: Way, to: &mut WriteHalf<'_>, flight: &mut Flight) -> Result<(), End> {
        let Some(packet) = flight.packets.front_mut() else { return Ok(()) };
        if packet.arrives > Instant::now() {
            sleep_until(packet.arrives).await; // not for what is due: the timer rounds up to a whole millisecond
        }
        if packet.bytes.is_empty() {
            to.shutdown().await.ok(); // fails when that side is gone, which the other direction notices
            flight.landed = true;
            return Ok(());
        }
        to.writable().await.map_err(|_| End::Broken)?;
        let written = self.write(way, to, &packet.bytes)?;
        flight.bytes -= length(&packet.bytes[..written]);
        packet.bytes.drain(..written);
        if packet.bytes.is_empty() {
            flight.packets.pop_front();
        }
        self.check_cut()
    }

    /// Writes and counts in one step, so that nobody sees a byte before it is counted. Gives the number of bytes.
    fn write(&self, way: Way, to: &WriteHalf<'_>, bytes: &[u8]) -> Result<usize, End> {
        let most = self.until_cut.as_ref().map_or(u64::MAX, |left| left.load(Relaxed));
        let bytes = &bytes[..usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len())];
        let mut outcome = Ok(0);
        self.shared.count(|stats| {
            outcome = to.try_write(bytes);
            let written = outcome.as_ref().map_or(0, |&written| length(&bytes[..written]));
            match way {
                Way::Up => stats.bytes_up += written,
                Way::Down => stats.bytes_down += written,
            }
        });
        let written = match outcome {
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => 0,
            outcome => outcome.map_err(|_| End::Broken)?,
        };
        self.note(way, length(&bytes[..written]));
        Ok(written)
    }

    /// Remembers what this connection has carried.
    fn note(&self, way: Way, written: u64) {
        if way == Way::Up {
            self.carried_up.fetch_add(written, Relaxed);
        }
        if let Some(left) = &self.until_cut {
            left.fetch_sub(written, Relaxed);
        }
    }

    fn check_cut(&self) -> Result<(), End> {
        let is_due = self.until_cut.as_ref().is_some_and(|left| left.load(Relaxed) == 0);
        if is_due { Err(End::Cut) } else { Ok(()) }
    }

    fn loses_answers(&self) -> bool {
        let weather = &self.sky.weather;
        weather.drop_responses && self.carried_up.load(Relaxed) >= weather.drop_responses_after
    }

    /// Swallows the answer until the upstream has no more to say and the agent nothing more to ask.
    async fn lose_answer(&self, upstream: &TcpStream, first: &[u8]) -> End {
        self.spoilt.store(true, Relaxed);
        self.shared.count_swallowed(first);
        let mut asked = self.carried_up.load(Relaxed);
        loop {
            tokio::select! {
                more = read_some(upstream, PACKET) => match more {
                    Ok(bytes) if !bytes.is_empty() => self.shared.count_swallowed(&bytes),
                    _ => return End::Cut,
                },
                () = sleep(ANSWERED + self.sky.weather.delay) => {
                    let asked_before = std::mem::replace(&mut asked, self.carried_up.load(Relaxed));
                    if asked == asked_before {
                        return End::Cut;
                    }
                }
            }
        }
    }
}

/// What is under way in one direction of one connection.
#[derive(Debug, Default)]
struct Flight {
    packets: VecDeque<Packet>,
    /// Bytes in `packets`.
    bytes: u64,
    /// The goodbye has been taken: it is the last of `packets`.
    closed: bool,
    /// The goodbye has been delivered.
    landed: bool,
}

/// Bytes, or a goodbye when there are none.
#[derive(Debug)]
struct Packet {
    arrives: Instant,
    bytes: Vec<u8>,
}

impl Flight {
    fn take(&mut self, bytes: Vec<u8>, arrival: impl Fn(&[u8]) -> Instant) {
        self.bytes += length(&bytes);
        self.closed = bytes.is_empty();
        self.packets.push_back(Packet { arrives: arrival(&bytes), bytes });
    }

    /// The weather has changed: what is under way sets out again.
    fn retime(&mut self, arrival: impl Fn(&[u8]) -> Instant) {
        for packet in &mut self.packets {
            packet.arrives = arrival(&packet.bytes);
        }
    }
}

async fn dial(upstream: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true).ok();
    Ok(stream)
}

/// Up to `most` bytes, as soon as there are any; none at the end. May be dropped without losing a byte.
async fn read_some(from: &TcpStream, most: usize) -> Result<Vec<u8>, End> {
    let mut bytes = vec![0; most];
    loop {
        from.readable().await.map_err(|_| End::Broken)?;
        match from.try_read(&mut bytes) {
            Ok(read) => {
                bytes.truncate(read);
                return Ok(bytes);
            }
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(End::Broken),
        }
    }
}

/// Takes all that comes and gives it to nobody.
async fn swallow(from: &TcpStream, spoilt: &AtomicBool, shared: &Shared) {
    loop {
        let said = read_some(from, PACKET).await.unwrap_or_default();
        spoilt.store(true, Relaxed);
        if said.is_empty() {
            return;
        }
        shared.count_swallowed(&said);
    }
}

/// Closes tidily, and listens on until the other side has closed too: closing earlier could take back what was said.
async fn see_off(mut stream: TcpStream, shared: &Shared) {
    if stream.shutdown().await.is_ok() {
        swallow(&stream, &AtomicBool::new(true), shared).await;
    }
}

/// Closes with a reset instead of a goodbye. What the other side's window had no room for yet is lost with it.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().ok(); // fails only on a connection that is gone
    drop(stream);
}

fn portal_answer() -> String {
    let length = PORTAL_PAGE.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{PORTAL_PAGE}"
    )
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A number of `range`, the same for the same `seed` and `number`: one step of `SplitMix64` (Steele, Lea, Flood 2014).
fn draw(seed: u64, number: u64, range: &RangeInclusive<u64>) -> u64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(GOLDEN));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let width = range.end().saturating_sub(*range.start()).saturating_add(1);
    range.start().saturating_add(mixed % width)
}

#[cfg(test)]
mod tests {
    use anyhow::{Result, ensure};
    use tokio::io::AsyncReadExt as _;
    use tokio::time::timeout;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A test that waits longer than this waits for something that does not come.
    async fn soon<T>(awaited: impl Future<Output = T>) -> Result<T> {
        timeout(Duration::from_secs(30), awaited).await.context("waited in vain")
    }

    /// An upstream that gives back what it gets, until the goodbye.
    async fn echo() -> Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await?;
                    to.shutdown().await
                });
            }
        });
        Ok(addr)
    }

    /// A line to an upstream that the test plays itself.
    async fn line_to_us(weather: Weather) -> Result<(Line, TcpListener)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok((Line::start(listener.local_addr()?, weather)?, listener))
    }

    async fn line_to_echo(weather: Weather) -> Result<Line> {
        Line::start(echo().await?, weather)
    }

    async fn connect(line: &Line) -> Result<TcpStream> {
        Ok(soon(TcpStream::connect(line.addr())).await??)
    }

    async fn say(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        Ok(soon(stream.write_all(bytes)).await??)
    }

    async fn hear(stream: &mut TcpStream, count: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        soon(stream.read_exact(&mut bytes)).await??;
        Ok(bytes)
    }

    /// What still comes, and how it ended.
    async fn hear_out(stream: &mut TcpStream) -> Result<(Vec<u8>, io::Result<usize>)> {
        let mut bytes = Vec::new();
        let end = soon(stream.read_to_end(&mut bytes)).await?;
        Ok((bytes, end))
    }

    fn is_reset<T>(outcome: &io::Result<T>) -> bool {
        outcome.as_ref().is_err_and(|fault| fault.kind() == io::ErrorKind::ConnectionReset)
    }

    /// Neither a byte nor an end has come so far.
    fn is_silent(stream: &TcpStream) -> bool {
        stream.try_read(&mut [0; 1]).is_err_and(|fault| fault.kind() == io::ErrorKind::WouldBlock)
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_clean_line_carries_all_bytes_both_ways_and_counts_them() -> Result<()> {
        let line = line_to_echo(Weather::clean()).await?;
        let mut agent = connect(&line).await?;
        let (mut from, mut to) = agent.split();
        let sent = bytes(3_000_000);
        let mut heard = Vec::new();
        let talk = async {
            tokio::try_join!(from.read_to_end(&mut heard), async {
                to.write_all(&sent).await?;
                to.shutdown().await // the goodbye passes one way while the other way still talks
            })
        };
        soon(talk).await??;
        assert!(heard == sent);
        let carried = Stats { bytes_up: 3_000_000, bytes_down: 3_000_000, ..Stats::default() };
        assert_eq!(line.stats(), Stats { bytes_taken: 6_000_000, connections: 1, ..carried });
        Ok(())
    }

    #[tokio::test]
    async fn a_side_that_breaks_breaks_the_other_side_and_is_no_cut() -> Result<()> {
        let (line, upstream) = line_to_us(Weather::clean()).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, b"hello").await?;
        let (mut server, _) = soon(upstream.accept()).await??;
        hear(&mut server, 5).await?;
        reset(server);
        assert!(is_reset(&hear_out(&mut agent).await?.1));
        assert_eq!(line.stats().cuts, 0);
        Ok(())
    }

    #[tokio::test]
    async fn nobody_upstream_is_a_refusal() -> Result<()> {
        let (line, upstream) = line_to_us(Weather::clean()).await?;
        drop(upstream);
        let mut agent = connect(&line).await?;
        assert!(is_reset(&hear_out(&mut agent).await?.1));
        assert_eq!(line.stats(), Stats { connections: 1, refused: 1, ..Stats::default() });
        Ok(())
    }

    #[tokio::test]
    async fn down_resets_what_is_there_refuses_what_comes_and_passes() -> Result<()> {
        let line = line_to_echo(Weather::clean()).await?;
        let mut there = connect(&line).await?;
        say(&mut there, b"hello").await?;
        hear(&mut there, 5).await?;
        line.set(Weather::down());
        assert!(is_reset(&hear_out(&mut there).await?.1));

        let mut comes = connect(&line).await?;
        assert!(is_reset(&hear_out(&mut comes).await?.1));
        assert_eq!((line.stats().cuts, line.stats().refused), (1, 1));

        line.set(Weather::clean());
        let mut after = connect(&line).await?;
        say(&mut after, b"hello").await?;
        assert_eq!(hear(&mut after, 5).await?, b"hello");
        Ok(())
    }

    /// Sends 9000 bytes on a new connection; gives how many the upstream got before both sides saw a reset.
    async fn carried_until_cut(line: &Line, upstream: &TcpListener) -> Result<usize> {
        let mut agent = connect(line).await?;
        let said = soon(agent.write_all(&bytes(9_000))).await?; // an early cut may be faster
        let (mut server, _) = soon(upstream.accept()).await??;
        let (heard, end) = hear_out(&mut server).await?;
        ensure!(heard == bytes(heard.len()), "bytes changed on the way");
        ensure!(is_reset(&end), "the upstream saw {end:?}");
        ensure!(is_reset(&said) || is_reset(&hear_out(&mut agent).await?.1), "the agent saw no reset");
        Ok(heard.len())
    }

    #[tokio::test]
    async fn a_cut_comes_at_exactly_its_byte() -> Result<()> {
        for at in [0, 1, 2, 1_000, 8_999] {
            let weather = Weather { cut_every: Some(at..=at), ..Weather::clean() };
            let (line, upstream) = line_to_us(weather).await?;
            assert_eq!(length(&bytes(carried_until_cut(&line, &upstream).await?)), at);
            let seen = line.until(|stats| stats.cuts == 1).await;
            assert_eq!((seen.bytes_up, seen.bytes_down), (at, 0));
        }
        Ok(())
    }

    #[tokio::test]
    async fn both_directions_count_towards_a_cut() -> Result<()> {
        let line = line_to_echo(Weather { cut_every: Some(700..=700), ..Weather::clean() }).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, &bytes(500)).await?;
        let (heard, end) = hear_out(&mut agent).await?;
        assert!(is_reset(&end) && heard == bytes(200));
        let stats = line.stats();
        assert_eq!((stats.bytes_up, stats.bytes_down, stats.cuts), (500, 200, 1));
        Ok(())
    }

    #[tokio::test]
    async fn the_same_seed_cuts_at_the_same_bytes() -> Result<()> {
        let mut histories = Vec::new();
        for seed in [7, 7, 8] {
            let weather = Weather { cut_every: Some(10..=8_000), seed, ..Weather::clean() };
            let (line, upstream) = line_to_us(weather).await?;
            let mut history = Vec::new();
            for _ in 0..5 {
                history.push(carried_until_cut(&line, &upstream).await?);
            }
            assert!(history.iter().all(|at| (10..=8_000).contains(at)));
            histories.push(history);
        }
        assert_eq!(histories[0], histories[1]);
        assert_ne!(histories[0], histories[2]);
        Ok(())
    }

    #[test]
    fn a_draw_stays_in_its_range_and_reaches_both_ends() {
        let drawn: Vec<u64> = (0..200).map(|number| draw(1, number, &(3..=6))).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        draw(1, 1, &(0..=u64::MAX));
    }

    #[tokio::test]
    async fn a_narrow_line_trickles_and_a_wide_one_takes_over_what_is_under_way() -> Result<()> {
        let line = line_to_echo(Weather { bandwidth: Some(40), ..Weather::clean() }).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, &bytes(100_000)).await?; // would take most of an hour
        soon(line.until(|stats| stats.bytes_down > 2)).await?;
        assert!(line.stats().bytes_up < 50_000);
        line.set(Weather::clean());
        assert!(hear(&mut agent, 100_000).await? == bytes(100_000));
        Ok(())
    }

    #[tokio::test]
    async fn connections_share_the_bandwidth() -> Result<()> {
        let line = line_to_echo(Weather { bandwidth: Some(20_000), ..Weather::clean() }).await?;
        let start = Instant::now();
        let (mut one, mut two) = (connect(&line).await?, connect(&line).await?);
        say(&mut one, &bytes(5_000)).await?;
        say(&mut two, &bytes(5_000)).await?;
        hear(&mut one, 5_000).await?;
        hear(&mut two, 5_000).await?;
        assert!(start.elapsed() >= Duration::from_millis(500)); // 10 kB up at 20 kB/s, were the answers for nothing
        Ok(())
    }

    #[tokio::test]
    async fn a_long_way_delays_both_directions() -> Result<()> {
        let line = line_to_echo(Weather { delay: Duration::from_millis(40), ..Weather::clean() }).await?;
        let mut agent = connect(&line).await?;
        let start = Instant::now();
        say(&mut agent, b"hello").await?;
        hear(&mut agent, 5).await?;
        assert!(start.elapsed() >= Duration::from_millis(80));
        Ok(())
    }

    #[tokio::test]
    async fn what_was_delayed_for_an_hour_arrives_when_the_weather_clears() -> Result<()> {
        let (line, upstream) = line_to_us(Weather { delay: HOUR, ..Weather::clean() }).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, b"hello").await?;
        let (mut server, _) = soon(upstream.accept()).await??;
        let taken = soon(line.until(|stats| stats.bytes_taken == 5)).await?;
        assert_eq!(taken.bytes_up, 0);
        agent.shutdown().await?;
        line.set(Weather::clean());
        assert_eq!(hear_out(&mut server).await?.0, b"hello");
        Ok(())
    }

    #[tokio::test]
    async fn a_lost_answer_has_been_asked_for_in_full() -> Result<()> {
        let (line, upstream) = line_to_us(Weather { drop_responses: true, ..Weather::clean() }).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, &bytes(9_000)).await?;
        let (mut server, _) = soon(upstream.accept()).await??;
        assert!(hear(&mut server, 9_000).await? == bytes(9_000));
        assert_eq!(line.stats().cuts, 0); // no answer yet
        say(&mut server, b"stored").await?;
        let (heard, end) = hear_out(&mut agent).await?;
        assert!(heard.is_empty() && is_reset(&end));
        assert!(is_reset(&hear_out(&mut server).await?.1));
        let stats = line.stats();
        assert_eq!((stats.bytes_up, stats.bytes_down, stats.bytes_swallowed, stats.cuts), (9_000, 0, 6, 1));
        Ok(())
    }

    #[tokio::test]
    async fn the_greeting_may_pass_before_answers_are_lost() -> Result<()> {
        let weather = Weather { drop_responses: true, drop_responses_after: 1_000, ..Weather::clean() };
        let line = line_to_echo(weather).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, b"greeting").await?;
        assert_eq!(hear(&mut agent, 8).await?, b"greeting");
        say(&mut agent, &bytes(992)).await?;
        assert!(is_reset(&hear_out(&mut agent).await?.1));
        assert_eq!(line.stats().bytes_up, 1_000);
        Ok(())
    }

    #[tokio::test]
    async fn a_hanging_line_swallows_everything_and_resets_when_it_comes_back() -> Result<()> {
        let (line, upstream) = line_to_us(Weather::clean()).await?;
        let mut agent = connect(&line).await?;
        say(&mut agent, b"hello").await?;
        let (mut server, _) = soon(upstream.accept()).await??;
        hear(&mut server, 5).await?;

        line.set(Weather { hang: true, ..Weather::clean() });
        say(&mut agent, b"are you there").await?;
        say(&mut server, b"welcome").await?;
        let seen = soon(line.until(|stats| stats.bytes_swallowed == 20)).await?;
        assert_eq!((seen.bytes_up, seen.bytes_down), (5, 0));
        agent.shutdown().await?;
        assert!(is_silent(&agent) && is_silent(&server));

        line.set(Weather::clean());
        assert!(is_reset(&hear_out(&mut agent).await?.1));
        assert!(is_reset(&hear_out(&mut server).await?.1));
        assert_eq!(line.stats().cuts, 1);
        Ok(())
    }

    #[tokio::test]
    async fn who_said_nothing_while_the_line_hung_is_carried_afterwards() -> Result<()> {
        let line = line_to_echo(Weather { hang: true, ..Weather::clean() }).await?;
        let mut agent = connect(&line).await?;
        soon(line.until(|stats| stats.connections == 1)).await?;
        line.set(Weather::clean());
        say(&mut agent, b"hello").await?;
        assert_eq!(hear(&mut agent, 5).await?, b"hello");
        Ok(())
    }

    #[tokio::test]
    async fn a_captive_portal_gives_its_page_to_anybody() -> Result<()> {
        let (line, upstream) = line_to_us(Weather::clean()).await?;
        let mut there = connect(&line).await?;
        let (mut server, _) = soon(upstream.accept()).await??;
        line.set(Weather { captive_portal: true, ..Weather::clean() });
        let mut comes = connect(&line).await?;
        for agent in [&mut there, &mut comes] {
            say(agent, b"\x16\x03\x01\x02\x00\x01 the start of a TLS handshake").await?;
            let (heard, end) = hear_out(agent).await?;
            assert!(end.is_ok());
            let heard = String::from_utf8(heard)?;
            assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") && heard.ends_with(PORTAL_PAGE));
        }
        assert_eq!(hear_out(&mut server).await?.0, b"");
        let stats = line.stats();
        assert_eq!((stats.portal_pages, stats.bytes_up, stats.bytes_down, stats.cuts), (2, 0, 0, 0));
        Ok(())
    }

    #[tokio::test]
    async fn a_dropped_line_closes_its_port_and_its_connections() -> Result<()> {
        let line = line_to_echo(Weather::clean()).await?;
        let addr = line.addr();
        let mut agent = connect(&line).await?;
        say(&mut agent, b"hello").await?;
        hear(&mut agent, 5).await?;
        drop(line);
        assert_eq!(hear_out(&mut agent).await?.0, b"");
        soon(async { while TcpStream::connect(addr).await.is_ok() {} }).await
    }
}
