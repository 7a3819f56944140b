//! The code on a citizen's receipt: genuine, changed, or of nobody who is known here.
//!
//! Promise: told from the key of the PC that signed it, without asking anybody. Start at [`page`].

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use motcua_shared::calendar::local_day;
use motcua_shared::statement::{Disbelief, Statement};
use serde::Deserialize;

use super::pages::{Frame, PageError, Section, show};
use super::viewer::AllOffices;
use super::{App, now};
use crate::output::people_time;
use crate::store::{Store, StoreError};

/// No text of a code of ours is longer.
const LONGEST: usize = 400;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
}

/// What a code turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Verdict {
    mark: &'static str,
    says: String,
    detail: String,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    text: String,
    verdict: Option<Verdict>,
}

pub async fn page(viewer: AllOffices, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    let text: String = asked.text.trim().chars().take(LONGEST).collect();
    let scanned = text.clone();
    let verdict = if text.is_empty() { None } else { Some(app.read(move |store| verdict(store, &scanned)).await??) };
    show(&ReceiptPage { frame: Frame::of(&viewer, Section::Health), text, verdict })
}

fn verdict(store: &dyn Store, scanned: &str) -> Result<Verdict, StoreError> {
    let claimed = Statement::claimed(scanned);
    let stream = claimed.as_ref().map(|claimed| store.stream_find(claimed.stream)).transpose()?.flatten();
    let key = stream.as_ref().and_then(|stream| ed25519_dalek::VerifyingKey::from_bytes(&stream.public_key).ok());
    let organisation = store.organisation()?;
    let name = |code: &str| organisation.name(&organisation.resolve(code, local_day(now()))).to_owned();
    let bad = |says: &str, detail: String| Verdict { mark: "bad", says: says.to_owned(), detail };
    let statement = match Statement::open(scanned, |_| key) {
        Ok(statement) => statement,
        Err(Disbelief::UnknownSigner) => {
            let unit = claimed.map(|claimed| claimed.unit).unwrap_or_default();
            let detail = format!("Mã ghi đơn vị {} ({unit}), nhưng máy đã ký chưa đăng ký ở đây.", name(&unit));
            return Ok(Verdict {
                mark: "wait", says: "Giấy của nơi khác, không kiểm tra được ở đây".to_owned(), detail
            });
        }
        Err(error @ Disbelief::Forged) => return Ok(bad("Giấy đã bị sửa, hoặc mã bị đọc sai", error.to_string())),
        Err(error @ Disbelief::Foreign) => return Ok(bad("Không phải mã trên giấy tiếp nhận", error.to_string())),
    };
    let signer = stream.map(|stream| organisation.exact(&stream.unit)).unwrap_or_default();
    let due =
        statement.due_at.map_or_else(|| "không hẹn giờ".to_owned(), |due| format!("hẹn trả {}", people_time(&due.to_rfc3339())));
    let rows = store.dossiers_find(&statement.code)?;
    let here = match rows.first() {
        None => " Hồ sơ này xã chưa gửi về.".to_owned(),
        Some(row) => match (&row.due_at, statement.due_at) {
            (Some(now), Some(then)) if *now != then.to_rfc3339() => format!(" Nay hẹn trả {}.", people_time(now)),
            _ => String::new(),
        },
    };
    Ok(Verdict {
        mark: "good",
        says: format!("Giấy thật, do {} cấp", name(&signer)),
        detail: format!("Hồ sơ {}, thủ tục {}, {due}.{here}", statement.code, statement.procedure),
    })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use uuid::Uuid;

    use super::*;
    use crate::ingest::tests::{District, UNIT, noon};
    use crate::store::Stream;

    #[test]
    fn a_receipt_is_genuine_changed_or_of_a_pc_that_nobody_knows() {
        let mut district = District::new();
        let key = SigningKey::from_bytes(&[5; 32]);
        let id = Uuid::from_u128(77);
        let public_key = key.verifying_key().to_bytes();
        let stream = Stream { id, unit: UNIT.to_owned(), public_key, numbers_from: 1, numbers_to: 9 };
        district.store.stream_add(&stream, noon()).expect("added");
        let statement = Statement {
            code: "000.11.57.H23-261126-0001".to_owned(),
            procedure: "2.000815".to_owned(),
            due_at: None,
            unit: UNIT.to_owned(),
            stream: id,
        };
        let text = statement.sign(&key);
        let mark = |text: &str| verdict(&district.store, text).expect("read").mark;
        assert_eq!(mark(&text), "good");
        assert_eq!(mark(&text.replace("0001", "0002")), "bad");
        assert_eq!(mark(&Statement { stream: Uuid::from_u128(78), ..statement }.sign(&key)), "wait");
        assert_eq!(mark("https://vi.du"), "bad");
    }
}
