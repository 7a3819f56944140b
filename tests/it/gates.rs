//! What the workspace may stand on: checked from cargo's own metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

/// Licences that a dependency may be used under (SPDX).
const LICENCES: [&str; 12] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "Unicode-3.0",
    "Zlib",
];
/// A second TLS stack or crypto provider.
const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

fn metadata() -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()?;
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

/// Names of everything that `package` needs to run, itself included.
fn needs(metadata: &Value, package: &str) -> Result<BTreeSet<String>> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let names: BTreeMap<&str, &str> =
        list(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?))).collect();
    let start = names.iter().find(|(_, name)| **name == package).context("the package")?.0;
    let (mut found, mut open) = (BTreeSet::new(), vec![*start]);
    while let Some(id) = open.pop() {
        if found.insert(names[id].to_owned()) {
            let runs = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
            open.extend(list(&nodes[id]["deps"]).filter(runs).filter_map(|dependency| dependency["pkg"].as_str()));
        }
    }
    Ok(found)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[test]
fn the_core_is_pure_and_the_programs_do_not_know_each_other() -> Result<()> {
    let metadata = metadata()?;
    let core = needs(&metadata, "motcua-shared")?;
    for rim in ["tokio", "rusqlite", "reqwest", "axum", "hyper", "rustls"] {
        assert!(!core.contains(rim), "motcua-shared needs {rim}");
    }
    assert!(needs(&metadata, "motcua-agent")?.contains("rusqlite"), "the walk finds what is there");
    assert!(!needs(&metadata, "motcua-agent")?.contains("motcua-aggregator"));
    assert!(!needs(&metadata, "motcua-aggregator")?.contains("motcua-agent"));
    Ok(())
}

#[test]
fn there_is_one_tls_stack_and_every_licence_is_permissive() -> Result<()> {
    let metadata = metadata()?;
    for package in list(&metadata["packages"]) {
        let name = package["name"].as_str().context("a name")?;
        assert!(!BANNED.contains(&name), "{name} is banned");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_permissive(licence), "{name}: {licence}");
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source.starts_with("registry+")), "{name} comes from {source:?}");
    }
    Ok(())
}

/// Some branch of an SPDX expression has allowed licences only. Old manifests write `/` for `OR`.
fn is_permissive(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" OR ").any(|branch| branch.split(" AND ").all(|licence| LICENCES.contains(&licence.trim())))
}
