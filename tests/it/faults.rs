//! Lines and servers that fail in every way that lines and servers do, and clients that wish the district ill.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ed25519_dalek::SigningKey;
use motcua_shared::entry::Head;
use motcua_shared::wire::{self, AgentReport, PROTOCOL, Receipt, Segment, Signed, Upload};
use motcua_tests::caller::{Caller, Connection, Peer, answer, head_of};
use motcua_tests::fuzz::{Mutator, TARGETS};
use motcua_tests::line::{Line, Weather};
use motcua_tests::register;
use motcua_tests::world::{Commune, District, Server, expect, programs, run, text};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A test that waits longer than this waits for something that does not come.
#[track_caller]
fn soon<T>(awaited: impl Future<Output = T>) -> impl Future<Output = Result<T>> {
    let place = std::panic::Location::caller();
    async move {
        let waited = tokio::time::timeout(Duration::from_mins(2), awaited).await;
        waited.with_context(|| format!("waited in vain at {place}"))
    }
}

/// A district that serves, and a commune with a register, enrolled over a line.
struct Scene {
    folder: tempfile::TempDir,
    district: District,
    server: Server,
    line: Line,
    commune: Commune,
}

impl Scene {
    async fn new(dossiers: usize) -> Result<Scene> {
        let folder = tempfile::tempdir()?;
        let district = District::found(folder.path()).await?;
        let server = district.serve().await?;
        let line = Line::start(district.address, Weather::clean())?;
        let commune = Commune::ngoc_ky(folder.path()).await?;
        record(&commune, dossiers, 1, "2023-01-03").await?;
        commune.enroll(&district, line.addr()).await?;
        Ok(Scene { folder, district, server, line, commune })
    }
}

/// Records invented dossiers.
async fn record(commune: &Commune, dossiers: usize, seed: u64, from: &str) -> Result<()> {
    let file = commune.data.with_extension(format!("{seed}.csv"));
    std::fs::write(&file, register::csv(seed, &format!("000.{}", commune.unit), from.parse()?, dossiers))?;
    commune.import(&file).await?;
    Ok(())
}

fn stored(district: &District) -> Result<u64> {
    Ok(district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?)
}

async fn pending(commune: &Commune) -> Result<(u64, u64)> {
    let status = commune.status().await?;
    Ok((status["stored_through"].as_u64().context("a figure")?, status["pending"].as_u64().context("a figure")?))
}

const PERIOD: (&str, &str) = ("2022-12-15", "2023-12-14");

async fn assert_same_figures(commune: &Commune, district: &District) -> Result<()> {
    let ours = commune.ii06(PERIOD.0, PERIOD.1).await?;
    let theirs = district.ii06(PERIOD.0, PERIOD.1, Some(&commune.unit)).await?;
    assert_eq!(ours["total"], theirs["total"]);
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_in_the_middle_of_a_segment_nothing_is_called_sent_and_nothing_is_lost() -> Result<()> {
    let Scene { district, server: _server, line, commune, folder: _folder } = Scene::new(900).await?;
    line.set(Weather { bandwidth: Some(60_000), ..Weather::clean() });
    let before = line.stats().bytes_up;
    let (synced, watched) = tokio::join!(commune.sync(), async {
        soon(line.until(|stats| stats.bytes_up > before + 9_000)).await?;
        line.set(Weather { hang: true, ..Weather::clean() });
        soon(line.until(|stats| stats.bytes_swallowed > 0)).await?;
        let (stored_through, pending) = pending(&commune).await?;
        ensure!(stored_through <= stored(&district)? && pending > 0, "{stored_through} called sent, {pending} pending");
        line.set(Weather::clean());
        Ok(())
    });
    watched?;
    let (exit, said) = synced?;
    assert_eq!((exit, said["pending"].as_u64()), (Some(0), Some(0)), "{said}");
    assert!(said["cuts"].as_u64() > Some(0), "it noticed: {said}");
    assert_same_figures(&commune, &district).await
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_from_the_start_the_agent_gives_the_connection_up_by_itself() -> Result<()> {
    let Scene { district, server: _server, line, commune, folder: _folder } = Scene::new(20).await?;
    let before = line.stats().connections;
    line.set(Weather { hang: true, ..Weather::clean() });
    let (synced, watched) = tokio::join!(commune.sync(), async {
        // Nobody closes the first connection: that there is a second one is the agent's own doing.
        soon(line.until(|stats| stats.connections > before + 1)).await?;
        line.set(Weather::clean());
        anyhow::Ok(())
    });
    watched?;
    assert_eq!(synced?.0, Some(0));
    assert_same_figures(&commune, &district).await
}

/// Story 6: the response is lost, the client sends again, and there are ten copies.
#[tokio::test(flavor = "multi_thread")]
async fn drop_every_response() -> Result<()> {
    let Scene { district, server: _server, line, commune, folder: _folder } = Scene::new(40).await?;
    // A handshake and a question of few bytes are answered, a segment is not.
    line.set(Weather { drop_responses: true, drop_responses_after: 2_200, ..Weather::clean() });
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, said["stored_through"].as_u64()), (Some(3), Some(0)), "{said}");
    assert!(said["cuts"].as_u64() >= Some(5), "the same answer was lost again and again: {said}");
    let head = said["head_seq"].as_u64().context("a head")?;
    assert_eq!(stored(&district)?, head, "the district has it, once");
    let counted = district.ii06(PERIOD.0, PERIOD.1, None).await?["total"].clone();
    line.set(Weather::clean());
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, said["stored_through"].as_u64()), (Some(0), Some(head)), "{said}");
    assert_eq!((stored(&district)?, &district.ii06(PERIOD.0, PERIOD.1, None).await?["total"]), (head, &counted));
    assert_same_figures(&commune, &district).await
}

/// Story 7: two retries in parallel both pass the "is it there?" check.
#[tokio::test(flavor = "multi_thread")]
async fn same_segment_x5_concurrent_is_stored_once_with_five_equal_receipts() -> Result<()> {
    let Scene { district, server: _server, line: _line, commune, folder: _folder } = Scene::new(60).await?;
    let peer = Peer::of(&commune, district.address)?;
    let head = peer.head();
    for (from, to) in [(1, head.seq / 2), (1, head.seq), (head.seq / 3, head.seq)] {
        let request = [head_of("PUT", &peer.path(from), peer.upload(from, to).len()), peer.upload(from, to)].concat();
        let mut connections = Vec::new();
        for _ in 0..5 {
            connections.push(peer.caller.connect().await?);
        }
        let asked: Vec<_> = connections.into_iter().map(|connection| tokio::spawn(whole(connection, request.clone()))).collect();
        for answered in asked {
            let receipt = peer.receipt(&answered.await??)?;
            let place = usize::try_from(to)? - 1;
            assert_eq!(receipt.head(), peer.log[place].head());
            assert_eq!((receipt.quarantined, receipt.forked_at), (vec![], None));
        }
        assert_eq!(stored(&district)?, to);
    }
    assert_same_figures(&commune, &district).await
}

async fn whole(mut connection: Connection, request: Vec<u8>) -> Result<motcua_tests::caller::Answer> {
    connection.write_all(&request).await?;
    connection.flush().await?;
    answer(&mut connection).await
}

/// Everything that something between the agent and its district might answer, all of it over TLS that is sound.
fn lies(peer: &Peer, genuine: &Signed) -> Result<Vec<Vec<u8>>> {
    let http = |status: &str, media: &str, body: &[u8]| {
        let length = body.len();
        [format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n").as_bytes(), body].concat()
    };
    let receipt = genuine.open_receipt(&peer.receipt_key).context("a genuine receipt")?;
    let complete = Receipt { stored_through: peer.head().seq, hash: peer.head().hash.0, ..receipt };
    let stranger = SigningKey::from_bytes(&[8; 32]);
    let bytes = wire::encode(genuine);
    let cbor = |body: &[u8]| http("200 OK", "application/cbor", body);
    Ok(vec![
        http("200 OK", "text/html; charset=utf-8", "<p>Đăng nhập Wi-Fi</p>".as_bytes()),
        cbor(b""),
        http("200 OK", "text/plain", b""),
        cbor(&bytes[..bytes.len() / 2]),
        http("502 Bad Gateway", "text/html", b"<h1>502 Bad Gateway</h1>"),
        cbor(&bytes), // yesterday's receipt: another nonce
        cbor(&wire::encode(&Signed::receipt(&complete, &stranger))),
        cbor(b"{\"ok\":true}"),
        http("200 OK", "application/json", b"{\"ok\":true}"),
        http("204 No Content", "application/cbor", b""),
        http("302 Found\r\nlocation: https://127.0.0.1/login", "text/html", b""),
        http("201 Created", "application/cbor", &bytes),
        http("503 Service Unavailable", "application/problem+json", b"{\"detail\":\"b\xe1\xba\xadn\"}"),
        [&cbor(&bytes)[..60], b"\r\n"].concat(), // the rest of the answer never comes
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        vec![],
    ])
}

/// Serves with the district's own name and key, and answers nothing but lies, one after another.
async fn liar(district: &District, lies: Vec<Vec<u8>>, told: Arc<AtomicUsize>) -> Result<tokio::task::JoinHandle<()>> {
    let identity = district.data.join("identity");
    let chain = CertificateDer::pem_file_iter(identity.join("server.pem"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(identity.join("server-key.pem"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let tls = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?));
    let listener = TcpListener::bind(district.address).await?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, told, lies) = (tls.clone(), told.clone(), lies.clone());
            tokio::spawn(async move {
                let mut stream = tls.accept(stream).await?;
                read_request(&mut stream).await?;
                let lie = told.fetch_add(1, Ordering::Relaxed) % lies.len();
                stream.write_all(&lies[lie]).await?;
                stream.shutdown().await
            });
        }
    }))
}

async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if end.is_some_and(|end| bytes.len() >= end + 4 + length.unwrap_or(0)) || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
}

/// A copy of an office's directory, as a second PC that says the same.
fn twin(commune: &Commune, folder: &Path) -> Result<Commune> {
    let data = folder.join("twin");
    std::fs::create_dir_all(data.join("identity"))?;
    for file in ["motcua.db", "identity/key.pem", "identity/cert.pem", "identity/ca.pem", "identity/office.key"] {
        std::fs::copy(commune.data.join(file), data.join(file))?;
    }
    Ok(Commune { unit: commune.unit.clone(), name: commune.name.clone(), data, recovery_key: String::new() })
}

/// Story 21: "Sync OK" when it failed.
#[tokio::test(flavor = "multi_thread")]
async fn never_lie() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.enroll(&district, district.address).await?;
    record(&commune, 20, 1, "2023-01-03").await?;
    let peer = Peer::of(&commune, district.address)?;
    let genuine: Signed = wire::decode(&peer.caller.ask("POST", "/sync/v1/hello", &peer.hello()).await?.body)?;
    server.kill().await?;

    let told = Arc::new(AtomicUsize::new(0));
    let lies = lies(&peer, &genuine)?;
    let count = lies.len();
    let liar = liar(&district, lies, told.clone()).await?;
    let other = twin(&commune, folder.path())?;
    while told.load(Ordering::Relaxed) < count {
        let (one, two) = tokio::join!(commune.sync(), other.sync());
        for (exit, said) in [one?, two?] {
            assert_eq!((exit, &said["outcome"]), (Some(3), &"offline".into()), "{said}");
            assert_eq!((said["stored_through"].as_u64(), said["pending"].as_u64()), (Some(0), Some(peer.head().seq)), "{said}");
        }
        assert_eq!(pending(&commune).await?, (0, peer.head().seq));
    }
    liar.abort();
    let _ = liar.await;
    let _server = district.serve().await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_same_figures(&commune, &district).await
}

/// Story (a) beside the 25: everybody wakes at the same minute after an outage.
#[tokio::test(flavor = "multi_thread")]
async fn herd_of_23_communes_after_an_outage_completes_without_a_storm() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    let all = motcua_shared::unit::Units::parse(motcua_shared::unit::STARTER).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let units: Vec<String> = all.children("298", "2023-05-26".parse()?).iter().map(|unit| unit.code.clone()).collect();
    assert_eq!(units.len(), 23);
    let mut communes = Vec::new();
    for unit in &units {
        let commune = Commune::found(folder.path(), unit, "Xã Tưởng Tượng", &format!("000.{unit}")).await?;
        record(&commune, 12, 1, "2023-01-03").await?;
        commune.enroll(&district, line.addr()).await?;
        communes.push(commune);
    }
    let before = line.stats();
    line.set(Weather { hang: true, ..Weather::clean() });
    let syncs: Vec<_> = communes.iter().map(Commune::sync).collect();
    let (results, woken) = tokio::join!(futures(syncs), async {
        // All of them have said hello into the outage, which ends for all in one moment, by a reset.
        soon(line.until(|stats| stats.connections >= before.connections + 23)).await?;
        line.set(Weather::clean());
        anyhow::Ok(())
    });
    woken?;
    for result in results {
        let (exit, said) = result?;
        assert_eq!((exit, said["pending"].as_u64()), (Some(0), Some(0)), "{said}");
    }
    let connections = line.stats().connections - before.connections;
    assert!((23..=3 * 23).contains(&connections), "{connections} connections for 23 communes");
    let heads: u64 = district.database()?.query_row("select sum(told_head_seq) from stream", [], |row| row.get(0))?;
    assert_eq!(stored(&district)?, heads, "everything is there, once");
    district.verify().await?;
    Ok(())
}

/// Runs all at once, on this task.
async fn futures<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Resident memory of a process in KiB, where the system tells it.
fn memory(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Bytes in all files of a directory.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.path().is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

/// Begins an upload of 512 KiB and hangs up after 64 KiB of it.
async fn abort(caller: &Caller, path: &str) -> Result<()> {
    let mut connection = caller.connect().await?;
    connection.write_all(&head_of("PUT", path, 512 << 10)).await?;
    connection.write_all(&vec![0x5a; 64 << 10]).await?;
    connection.flush().await?;
    connection.get_mut().0.set_zero_linger()?;
    Ok(())
}

async fn abort_many(peer: &Peer, count: usize) -> Result<()> {
    const AT_ONCE: usize = 16;
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (caller, path) = (peer.caller.clone(), peer.path(1));
            tokio::spawn(async move {
                for _ in 0..count / AT_ONCE {
                    abort(&caller, &path).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    Ok(())
}

/// Story 15: failed syncs leave their staging data behind, 8.2 GB of it on one school's PC.
#[tokio::test(flavor = "multi_thread")]
async fn staging_is_bounded_ten_thousand_aborted_uploads_leave_nothing_behind() -> Result<()> {
    let Scene { district, server, line: _line, commune, folder: _folder } = Scene::new(20).await?;
    let peer = Peer::of(&commune, district.address)?;
    let id = server.id().context("it runs")?;
    abort_many(&peer, 480).await?;
    let (files, before) = (size(&district.data)?, memory(id));
    abort_many(&peer, 10_000).await?;
    let (left, after) = (size(&district.data)?, memory(id));
    assert!(left <= files, "{files} bytes of files became {left}");
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after < before + (24 << 10), "{before} KiB of memory became {after} KiB");
    }
    assert_eq!(stored(&district)?, 0);
    assert_eq!(commune.sync().await?.0, Some(0), "and the next upload is taken as ever");
    assert_same_figures(&commune, &district).await
}

/// Lines die without a word: their uploads would keep every place at the district for ever.
#[tokio::test(flavor = "multi_thread")]
async fn half_open_uploads_that_fill_every_place_give_it_back() -> Result<()> {
    let Scene { district, server, line: _line, commune, folder: _folder } = Scene::new(10).await?;
    server.stop().await?;
    let listen = district.address.to_string();
    let arguments = ["serve", "--data", text(&district.data), "--listen", &listen, "--sync-at-once", "4"];
    let _server = Server::start(&programs().aggregator, &arguments, &district.log()).await?;
    let peer = Peer::of(&commune, district.address)?;
    let mut dead = Vec::new();
    for _ in 0..4 {
        let mut connection = peer.caller.connect().await?;
        connection.write_all(&head_of("PUT", &peer.path(1), 900)).await?;
        connection.write_all(&[0x5a; 100]).await?;
        connection.flush().await?;
        dead.push(connection);
    }
    // Who comes now is sent away.
    while peer.caller.ask("POST", "/sync/v1/hello", &peer.hello()).await?.status != 503 {
        tokio::task::yield_now().await;
    }
    for connection in &mut dead {
        assert_eq!(soon(answer(connection)).await??.status, 408, "the district waited long enough");
    }
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_same_figures(&commune, &district).await
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_input_with_and_without_a_certificate_is_refused_and_costs_nothing() -> Result<()> {
    let Scene { district, server, line: _line, commune, folder: _folder } = Scene::new(20).await?;
    let mut peer = Peer::of(&commune, district.address)?;
    let stranger = Caller::stranger(&district)?;
    let id = server.id().context("it runs")?;
    let before = memory(id);

    // Not even TLS, and TLS with nonsense in it.
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 5_000], b"\x16\x03\x01\xff\xff", &vec![0xff; 70_000]] {
        let mut raw = TcpStream::connect(district.address).await?;
        let _ = raw.write_all(bytes).await;
        let _ = raw.shutdown().await;
        let mut rest = Vec::new();
        let _ = soon(raw.read_to_end(&mut rest)).await?;
        assert!(!rest.starts_with(b"HTTP"), "no HTTP without TLS");
    }
    for caller in [&stranger, &peer.caller] {
        let mut connection = caller.connect().await?;
        let _ = connection.write_all(&[b"PUT /sync HTTP/1.1\r\nx: ".as_slice(), &vec![b'x'; 1 << 20]].concat()).await;
        let mut rest = Vec::new();
        let _ = soon(connection.read_to_end(&mut rest)).await?;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "an endless header is not answered as if it were a request");
    }

    // Who has no certificate is told so before a byte of the body is taken.
    let mut connection = stranger.connect().await?;
    connection.write_all(&head_of("PUT", &peer.path(1), 3 << 20)).await?;
    connection.flush().await?;
    assert_eq!(soon(answer(&mut connection)).await??.status, 401);
    // With one, no more is taken than a segment can have.
    for length in [5 << 20, 1 << 40] {
        let mut connection = peer.caller.connect().await?;
        connection.write_all(&head_of("PUT", &peer.path(1), length)).await?;
        connection.write_all(&vec![0x5a; wire::MAX_REQUEST + 1]).await?;
        connection.flush().await?;
        assert_eq!(soon(answer(&mut connection)).await??.status, 413, "{length}");
    }

    assert_no_bomb_goes_off(&mut peer).await?;
    assert_foreign_bytes_are_refused(&peer).await?;
    if let (Some(before), Some(after)) = (before, memory(id)) {
        assert!(after < before + (160 << 10), "{before} KiB of memory became {after} KiB");
    }
    assert_eq!(stored(&district)?, 0);
    let log = std::fs::read_to_string(district.log())?;
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_same_figures(&commune, &district).await
}

/// Few bytes that would unpack to gigabytes, signed as is right.
async fn assert_no_bomb_goes_off(peer: &mut Peer) -> Result<()> {
    let mut bomb: Segment = peer.segment(1, 1);
    // A zstd frame of run-length blocks: each of 4 bytes becomes 128 KiB, 4 GiB in all.
    bomb.clear = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88][..], &[0x02, 0x00, 0x10, b'\n'].repeat(32_768)].concat();
    let body = wire::encode(&Upload { report: peer.report(), segment: bomb });
    let refused = soon(peer.caller.ask("PUT", &peer.path(1), &body)).await??;
    assert_eq!((refused.status, refused.media.as_str()), (400, "application/problem+json"));
    Ok(())
}

/// Spoilt messages on every address: a refusal in words or a receipt for nothing, never a fault of ours.
async fn assert_foreign_bytes_are_refused(peer: &Peer) -> Result<()> {
    let good = vec![peer.hello(), peer.upload(1, 3)];
    let corpora =
        TARGETS.iter().filter(|target| ["segment", "hello"].contains(&target.name)).flat_map(|target| (target.corpus)());
    let mut mutator = Mutator::new(5, good.into_iter().chain(corpora).collect());
    let mut connection = peer.caller.connect().await?;
    for number in 0..600 {
        let (method, path) = [
            ("POST", "/sync/v1/hello".to_owned()),
            ("PUT", peer.path(1)),
            ("POST", "/sync/v1/enroll".to_owned()),
            ("PUT", format!("/sync/v1/streams/{}/{}", peer.stream, u64::MAX)),
        ][number % 4]
            .clone();
        let body = mutator.next_input();
        connection.write_all(&[head_of(method, &path, body.len()), body].concat()).await?;
        connection.flush().await?;
        let answer = soon(answer(&mut connection)).await??;
        let is_sound = matches!(answer.status, 400 | 403 | 409 | 413 | 429) || (answer.status == 200 && path.ends_with("hello"));
        assert!(is_sound, "{method} {path}, input {number}: {answer:?}");
    }
    Ok(())
}

/// Story 9: one large thing loops for ever and holds back every newer record.
#[tokio::test(flavor = "multi_thread")]
async fn giant_entry_is_refused_at_the_door_where_it_can_hold_nothing_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = folder.path().join("giant.csv");
    let rows = register::csv(1, "000.11089", "2023-01-03".parse()?, 3);
    std::fs::write(&register, rows.replacen("xã Tưởng Tượng", &"xã Tưởng Tượng ".repeat(400_000), 1))?;
    let output = run(&programs().agent, &["import", "--data", text(&commune.data), "dossiers", text(&register)]).await?;
    let said = String::from_utf8(output.stderr)?;
    assert!(output.status.code() == Some(2) && said.contains("dòng 2, cột applicant_address"), "{said}");
    assert!(said.contains("dài quá 300 ký tự") && said.len() < 2_000, "the fault does not repeat megabytes");
    assert_eq!(commune.status().await?["head_seq"].as_u64(), Some(0));
    Ok(())
}

/// Story 16: two PCs that are offline pick the same number, and the second dossier never appears.
#[tokio::test(flavor = "multi_thread")]
async fn dup_number_two_devices_of_one_office_cannot_happen() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let mut codes = std::collections::BTreeSet::new();
    let mut pcs = Vec::new();
    for number in 0..3 {
        let pc = Commune::ngoc_ky(&folder.path().join(format!("pc-{number}"))).await?;
        pc.enroll(&district, district.address).await?;
        pcs.push(pc);
    }
    server.stop().await?;
    for pc in &pcs {
        for _ in 0..2 {
            codes.insert(receive(pc).await?);
        }
    }
    assert_eq!(codes.len(), 6, "{codes:?}");
    let _server = district.serve().await?;
    for pc in &pcs {
        assert_eq!(pc.sync().await?.0, Some(0));
    }
    let held: u64 = district.database()?.query_row("select count(distinct code) from dossier", [], |row| row.get(0))?;
    assert_eq!(held, 6);
    district.verify().await?;
    Ok(())
}

/// Saves a dossier of an invented person at the counter and gives its code.
async fn receive(commune: &Commune) -> Result<String> {
    let server = commune.serve().await?;
    let encoded = |text: &str| text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
    let id = uuid::Uuid::now_v7().to_string();
    let form = [
        ("id", id.as_str()),
        ("procedure", "2.000815"),
        ("channel", "in_person"),
        ("submitted_by", "citizen"),
        ("name", "Nguyễn Thị Thử"),
        ("identity", ""),
        ("received_at", "09:00 20/11/2023"),
    ];
    let body = form.map(|(name, value)| format!("{name}={}", encoded(value))).join("&");
    let address = server.url.strip_prefix("http://").context("an address")?;
    let bearer = commune.bearer("clerk").await?;
    let head = format!(
        "POST /dossiers HTTP/1.1\r\nhost: {address}\r\nauthorization: {bearer}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all((head + &body).as_bytes()).await?;
    let saved = answer(&mut stream).await?;
    ensure!(saved.status == 303, "HTTP {}: {}", saved.status, String::from_utf8_lossy(&saved.body));
    Ok(commune.database()?.query_row("select code from dossier order by code desc limit 1", [], |row| row.get(0))?)
}

/// Story 25: one wrong key makes data unreadable for everyone.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_office_neither_write_nor_send_nor_hide_what_is_there() -> Result<()> {
    let Scene { district, server: _server, line: _line, commune, folder } = Scene::new(20).await?;
    let other = Commune::found(&folder.path().join("other"), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    let key = commune.data.join("identity/office.key");
    let own = std::fs::read(&key)?;
    std::fs::copy(other.data.join("identity/office.key"), &key)?;
    let register = folder.path().join("more.csv");
    std::fs::write(&register, register::csv(9, "000.11089", "2024-01-03".parse()?, 3))?;
    let data = text(&commune.data);
    for command in
        [&["sync", "--data", data][..], &["serve", "--data", data], &["import", "--data", data, "dossiers", text(&register)]]
    {
        let output = run(&programs().agent, command).await?;
        let said = String::from_utf8(output.stderr)?;
        assert!(!output.status.success() && said.contains("không phải khóa của đơn vị này"), "{command:?}: {said}");
        assert!(said.contains("chưa ghi và chưa gửi gì"), "{command:?}: {said}");
    }
    assert_eq!(stored(&district)?, 0);
    std::fs::write(&key, own)?;
    commune.verify().await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_same_figures(&commune, &district).await
}

/// Story 22, at the district: clocks that are twenty years off, either way, and jump.
#[tokio::test(flavor = "multi_thread")]
async fn clock_chaos_changes_no_order_and_no_figure() -> Result<()> {
    let Scene { district, server: _server, line: _line, commune, folder: _folder } = Scene::new(6).await?;
    let honest = Peer::of(&commune, district.address)?;
    let years =
        ["2006-01-01T08:00:00+07:00", "2046-01-01T08:00:00+07:00", "1970-01-01T00:00:00+07:00", "9999-12-31T23:59:59+07:00"];
    let mut peer = Peer { log: Vec::new(), ..honest.clone() };
    for (record, year) in honest.log.iter().zip(years.iter().cycle()) {
        let body: serde_json::Value = serde_json::from_str(&record.body)?;
        let recorded_at = body["recorded_at"].as_str().context("a time")?;
        let seq = format!("\"seq\":{},", record.seq);
        peer.record_raw(&record.body.replace(recorded_at, year).replace(&seq, "\"seq\":SEQ,"), &record.sealed);
    }
    let end = peer.head().seq;
    for (now_ms, from, to) in [(i64::MIN, 1, 2), (i64::MAX, 3, 4), (0, 5, 6), (-62_135_596_800_000, 7, end)] {
        let report = AgentReport { now_ms, ..peer.report() };
        let upload = wire::encode(&Upload { report, segment: peer.segment(from, to) });
        let receipt = peer.receipt(&peer.caller.ask("PUT", &peer.path(from), &upload).await?)?;
        assert_eq!((receipt.stored_through, receipt.quarantined), (to, vec![]), "a clock of {now_ms}");
    }
    let ours = commune.ii06(PERIOD.0, PERIOD.1).await?;
    assert_eq!(district.ii06(PERIOD.0, PERIOD.1, None).await?["total"], ours["total"], "figures know no clock");
    expect(&programs().aggregator, &["status", "--data", text(&district.data)]).await?;
    district.verify().await?;
    Ok(())
}

/// Story 22, at the commune: a clock that makes the district's certificate look wrong is named.
#[tokio::test(flavor = "multi_thread")]
async fn clock_chaos_a_certificate_that_seems_out_of_date_is_put_down_to_the_clock() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.enroll(&district, district.address).await?;
    record(&commune, 5, 1, "2023-01-03").await?;
    server.stop().await?;
    let identity = district.data.join("identity");
    let ca = rcgen::KeyPair::from_pem(&std::fs::read_to_string(identity.join("ca-key.pem"))?)?;
    let issuer = rcgen::Issuer::from_ca_cert_pem(&std::fs::read_to_string(identity.join("ca.pem"))?, ca)?;
    for (from, to) in [(2006, 2008), (2046, 2048)] {
        let key = rcgen::KeyPair::generate()?;
        let mut wrong = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        (wrong.not_before, wrong.not_after) = (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(to, 1, 1));
        std::fs::write(identity.join("server.pem"), wrong.signed_by(&key, &issuer)?.pem())?;
        std::fs::write(identity.join("server-key.pem"), key.serialize_pem())?;
        let told = Arc::new(AtomicUsize::new(0));
        let seems = liar(&district, vec![Vec::new()], told.clone()).await?;
        let (exit, said) = commune.sync().await?;
        assert_eq!((exit, &said["outcome"], told.load(Ordering::Relaxed)), (Some(3), &"refused".into(), 0), "{said}");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("kiểm tra ngày giờ của máy này")), "{said}");
        seems.abort();
        let _ = seems.await;
    }
    Ok(())
}

/// A receipt speaks of rows: what is asked for in the far future is answered with what is there.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_from_the_wrong_place_is_told_where_to_go_on() -> Result<()> {
    let Scene { district, server: _server, line: _line, commune, folder: _folder } = Scene::new(20).await?;
    let peer = Peer::of(&commune, district.address)?;
    let end = peer.head().seq;
    let refused = peer.caller.ask("PUT", &peer.path(5), &peer.upload(5, end)).await?;
    let gap = peer.receipt(&refused)?;
    assert_eq!((refused.status, gap.head(), gap.forked_at), (409, Head::genesis(peer.stream), None));
    assert_eq!(peer.put(1, 9).await?.stored_through, 9);
    let ahead = peer.caller.ask("GET", &format!("/sync/v1/streams/{}?from=1000000", peer.stream), b"").await?;
    let tail: wire::Tail = wire::decode(&ahead.body)?;
    assert_eq!((ahead.status, tail.protocol, tail.sealed.len()), (200, PROTOCOL, 0), "nothing is there, and that is an answer");
    assert_eq!(peer.put(10, end).await?.stored_through, end);
    assert_same_figures(&commune, &district).await
}
