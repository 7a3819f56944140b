//! Packages of npm that a test or a bench stands beside, in the versions of their lock files.
//!
//! Promise: they are put below the target directory, never into the repository. Start at [`install`].

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::world::{expect, text};

/// Puts what `tests/NAME/package-lock.json` names, and the scripts beside it, into `below/NAME`, once for each lock file.
pub async fn install(name: &str, below: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let target = below.join(name);
    let lock = std::fs::read(source.join("package-lock.json"))?;
    // Written last: what was broken off half-way is installed again.
    let installed = target.join("installed");
    let is_there = std::fs::read(&installed).is_ok_and(|known| known == lock);
    std::fs::create_dir_all(&target)?;
    for file in std::fs::read_dir(&source)? {
        let file = file?;
        std::fs::copy(file.path(), target.join(file.file_name()))?;
    }
    if !is_there {
        expect(Path::new("npm"), &["ci", "--no-audit", "--no-fund", "--prefix", text(&target)]).await?;
        std::fs::write(&installed, &lock)?;
    }
    Ok(target)
}
