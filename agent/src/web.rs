//! The agent's pages and API.
use crate::config::Config;
use crate::door::Door;
use crate::office::Status;
use motcua_shared::seal::OfficeKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Clone)]
pub struct App {
    pub data: PathBuf,
    pub door: Door,
    pub key: OfficeKey,
    pub saved: Arc<Notify>,
}
impl App {
    pub fn new(data: &Path, door: Door, key: OfficeKey) -> App {
        App { data: data.to_owned(), door, key, saved: Arc::default() }
    }
}
pub async fn serve(_listener: tokio::net::TcpListener, app: App, config: &Config) -> anyhow::Result<()> {
    crate::schedule::run(app.data, app.door, app.saved, std::time::Duration::from_secs(config.sync_every_s.unwrap_or(300))).await;
    Ok(())
}
pub fn sync_sentence(status: &Status) -> String {
    format!("{} mục chưa gửi.", status.pending)
}
pub fn state_name(state: &str) -> &str {
    state
}
pub fn kind_name(kind: &str) -> &str {
    kind
}
pub fn shown_time(at: &str) -> String {
    at.to_owned()
}
