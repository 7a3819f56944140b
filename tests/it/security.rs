//! Who is let in, who is not, and what the log says of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use motcua_shared::wire::{self, AgentReport, Hello, PROTOCOL};
use motcua_tests::world::{Commune, District, Server, expect, programs, run, text, until};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use uuid::Uuid;

/// A district that serves, and a commune that is enrolled.
async fn enrolled(folder: &Path) -> Result<(District, Server, Commune)> {
    let district = District::found(folder).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder).await?;
    commune.enroll(&district, district.address).await?;
    Ok((district, server, commune))
}

/// A client that trusts the district's CA and shows a certificate, if it has one.
fn client(
    district: &District,
    certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<reqwest::Client> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(district.data.join("identity/ca.pem"))?)?;
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    let tls = match certificate {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?)
}

fn identity_of(commune: &Commune) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let identity = commune.data.join("identity");
    Ok((vec![CertificateDer::from_pem_file(identity.join("cert.pem"))?], PrivateKeyDer::from_pem_file(identity.join("key.pem"))?))
}

fn stream_of(commune: &Commune) -> Result<Uuid> {
    let bytes: Vec<u8> = commune.database()?.query_row("select stream from office", [], |row| row.get(0))?;
    Ok(Uuid::from_slice(&bytes)?)
}

async fn hello(client: &reqwest::Client, district: &District, stream: Uuid) -> Result<reqwest::Response> {
    let report = AgentReport {
        protocol: PROTOCOL,
        version: "test".to_owned(),
        head_seq: 0,
        head_hash: [0; 32],
        now_ms: 0,
        nonce: [1; 16],
        last_receipt: None,
        compare_at: None,
        compare_hash: None,
    };
    let body = wire::encode(&Hello { stream, report });
    let url = format!("https://{}/sync/v1/hello", district.address);
    Ok(client.post(url).header("content-type", "application/cbor").body(body).send().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_certificate_of_this_district_for_this_stream_speaks_for_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = enrolled(folder.path()).await?;
    let stream = stream_of(&commune)?;
    let own = hello(&client(&district, Some(identity_of(&commune)?))?, &district, stream).await?;
    assert_eq!(own.status(), 200);

    let nobody = hello(&client(&district, None)?, &district, stream).await?;
    assert_eq!(nobody.status(), 401);
    assert_eq!(nobody.headers()["content-type"], "application/problem+json");

    let neighbour = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    neighbour.enroll(&district, district.address).await?;
    let foreign = hello(&client(&district, Some(identity_of(&neighbour)?))?, &district, stream).await?;
    assert_eq!(foreign.status(), 403, "{}", foreign.text().await?);

    let key = rcgen::KeyPair::generate()?;
    let forged = rcgen::CertificateParams::new(vec!["11089".to_owned()])?.self_signed(&key)?;
    let forged = (vec![forged.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?);
    assert!(
        hello(&client(&district, Some(forged))?, &district, stream).await.is_err(),
        "another CA's certificate ends the handshake"
    );
    until("a refused handshake is logged", || Ok(std::fs::read_to_string(district.log())?.contains("handshake"))).await
}

async fn enroll_with(commune: &Commune, district: &District, code: &str) -> Result<(Option<i32>, String)> {
    let url = format!("https://{}", district.address);
    let output = run(&programs().agent, &["enroll", "--data", text(&commune.data), "--aggregator", &url, "--code", code]).await?;
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_within_its_day_for_its_unit_at_its_district() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, _enrolled) = enrolled(folder.path()).await?;
    let commune = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    let twin = Commune::found(&folder.path().join("twin"), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;

    let expired = district.enroll_code("11098").await?;
    district.database()?.execute("update enrolment set expires_at = '2020-01-01T00:00:00+07:00' where used_at is null", [])?;
    let (exit, said) = enroll_with(&commune, &district, &expired).await?;
    assert!(exit == Some(2) && said.contains("hết hạn"), "{said}");

    let other = District::found(&folder.path().join("other")).await?;
    let wrong_fingerprint = other.enroll_code("11098").await?;
    let (exit, said) = enroll_with(&commune, &district, &wrong_fingerprint).await?;
    assert!(exit == Some(2) && said.contains("không có chứng thư của huyện"), "{said}");

    let foreign = district.enroll_code("11122").await?;
    let (exit, said) = enroll_with(&commune, &district, &foreign).await?;
    assert!(exit == Some(2) && said.contains("đơn vị"), "{said}");

    let code = district.enroll_code("11098").await?;
    let mistyped = code.replacen(code.chars().next().context("a letter")?, "Z", 1);
    if mistyped != code {
        let (exit, said) = enroll_with(&commune, &district, &mistyped).await?;
        assert!(exit == Some(2) && said.contains("gõ sai"), "{said}");
    }
    assert_eq!(enroll_with(&commune, &district, &code).await?.0, Some(0));
    let (exit, said) = enroll_with(&twin, &district, &code).await?;
    assert!(exit == Some(2) && said.contains("đã"), "a used code: {said}");

    let log = std::fs::read_to_string(district.log())?;
    assert!(log.to_lowercase().contains("enrol"), "refused codes are logged: {log}");
    for secret in [&expired, &foreign, &code, &district.admin_password] {
        assert!(!log.contains(secret.as_str()), "the log keeps no secret");
    }
    Ok(())
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn private_keys_are_readable_by_their_owner_only() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = enrolled(folder.path()).await?;
    for data in [&district.data, &commune.data] {
        let mut keys = 0;
        for entry in std::fs::read_dir(data.join("identity"))? {
            let path = entry?.path();
            let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
            if path.to_string_lossy().contains("key") {
                keys += 1;
                assert_eq!(mode, 0o600, "{}", path.display());
            }
        }
        assert!(keys >= 2);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_initialised_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let again =
        run(&programs().agent, &["init", "--data", text(&commune.data), "--unit", "11089", "--name", "Xã Ngọc Kỳ"]).await?;
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8(again.stderr)?.contains("đã có dữ liệu"));
    expect(&programs().agent, &["verify", "--data", text(&commune.data)]).await?;
    Ok(())
}
