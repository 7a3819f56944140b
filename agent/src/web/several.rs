//! One step for many dossiers at once: ten certified copies finished, handed on or given back in one act.
//!
//! Promise: every dossier has an entry of its own and all of them are saved in one transaction; what was not saved is
//! named with its reason; the same form twice saves once. Start at [`prepare`] and [`take`].

use std::collections::BTreeSet;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::dossier::{Code, Dossier};
use motcua_shared::seal::OfficeKey;
use motcua_shared::step::{Draft, StepKind};
use motcua_shared::typed::FieldError;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use uuid::Uuid;

use super::dossier::{Known, Returned, StepForm, step_form};
use super::fault::HttpError;
use super::today::{self, Line};
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, dossier, html};
use crate::office::now;
use crate::store::{self, Pen, StepTaken, Store, StoreError};
use crate::words;

/// Steps that many dossiers may take at once.
pub const ACTS: [StepKind; 4] = [StepKind::Finished, StepKind::Returned, StepKind::Transferred, StepKind::CameBack];
/// No list is longer.
const MOST: usize = 200;

/// A form or an address with ticked dossiers: `pick` as `CODE` or `CODE@SEEN`, `act`, where it came from, and the step.
struct Asked {
    kind: StepKind,
    picks: Vec<(String, Option<usize>)>,
    list: String,
    draft: Draft,
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Result<Asked, HttpError> {
        let unreadable = || HttpError::parameter("Mẫu này không đầy đủ.", "Hãy quay lại danh sách và chọn lại các hồ sơ.");
        let (mut kind, mut list, mut picks, mut rest) = (None, String::new(), Vec::new(), Vec::new());
        let mut known = BTreeSet::new();
        for (name, value) in pairs {
            match name.as_str() {
                "act" => kind = StepKind::from_code(&value).filter(|kind| ACTS.contains(kind)),
                "list" => list = if today::is_list(&value) { value } else { String::new() },
                "pick" => {
                    let (code, seen) = match value.split_once('@') {
                        Some((code, seen)) => (code.to_owned(), Some(seen.parse().map_err(|_| unreadable())?)),
                        None => (value, None),
                    };
                    if known.insert(code.clone()) {
                        picks.push((code, seen));
                    }
                }
                _ => rest.push((name, value)),
            }
        }
        if picks.len() > MOST {
            return Err(HttpError::parameter("Chọn quá nhiều hồ sơ một lúc.", "Mỗi lần chọn không quá 200 hồ sơ."));
        }
        let fields = rest.into_iter().collect::<std::collections::BTreeMap<_, _>>();
        let draft = Draft::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(fields.into_iter()));
        Ok(Asked { kind: kind.ok_or_else(unreadable)?, picks, list, draft: draft.map_err(|_| unreadable())? })
    }
}

/// A dossier that was not saved, and why.
struct Refused {
    code: String,
    why: String,
}

#[derive(Template)]
#[template(path = "several.html")]
struct SeveralPage {
    frame: Option<Frame>,
    nav: &'static str,
    form: StepForm,
    lines: Vec<Line>,
    list: String,
    /// In words, of the act that was just tried; empty before.
    saved: String,
    refused: Vec<Refused>,
}

/// The ticked dossiers with the form of the step, before anything is saved.
pub async fn prepare(
    viewer: ClerkViewer,
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, HttpError> {
    let asked = Asked::read(pairs)?;
    if asked.picks.is_empty() {
        let back = "Hãy đánh dấu các hồ sơ trong danh sách rồi bấm lại.";
        return Err(HttpError::parameter("Chưa chọn hồ sơ nào.", back));
    }
    let form = step_form(asked.kind, &Dossier::new(Uuid::nil()), None);
    let codes: Vec<String> = asked.picks.into_iter().map(|(code, _)| code).collect();
    let page = app.read(move |store, key| page(store, key, &viewer, form, &codes, asked.list)).await?;
    Ok(html(&page)?.into_response())
}

fn page(
    store: &Store,
    key: &OfficeKey,
    viewer: &Viewer,
    form: StepForm,
    codes: &[String],
    list: String,
) -> store::Result<SeveralPage> {
    let lines = today::lines(store, key, store.desk_of(codes)?, now())?;
    Ok(SeveralPage {
        frame: Frame::read(store, viewer)?,
        nav: "today",
        form,
        lines,
        list,
        saved: String::new(),
        refused: Vec::new(),
    })
}

/// What became of the act.
enum Taken {
    /// Nothing was tried: the step is not filled in as it should be.
    Faulty(Vec<FieldError>),
    Done {
        saved: usize,
        refused: Vec<Refused>,
    },
}

/// Takes the step for every ticked dossier, and says which were not saved.
pub async fn take(
    viewer: ClerkViewer,
    State(app): State<App>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, HttpError> {
    let asked = Asked::read(pairs)?;
    let (kind, list) = (asked.kind, asked.list.clone());
    let (draft, codes) = (asked.draft.clone(), asked.picks.iter().map(|(code, _)| code.clone()).collect::<Vec<_>>());
    let taken = app.write(&viewer, move |store, pen| take_all(store, pen, &asked)).await?;
    let (saved, refused, faults) = match taken {
        Taken::Done { saved, refused } if refused.is_empty() => {
            return Ok(Redirect::to(&format!("/?list={list}&saved={saved}")).into_response());
        }
        Taken::Done { saved, refused } => (saved, refused, Vec::new()),
        Taken::Faulty(faults) => (0, Vec::new(), faults),
    };
    let status = if faults.is_empty() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    let left = if refused.is_empty() { codes } else { refused.iter().map(|refused| refused.code.clone()).collect() };
    let form = step_form(kind, &Dossier::new(Uuid::nil()), Some(Returned { kind, draft, faults }));
    let shown = app.read(move |store, key| page(store, key, &viewer, form, &left, list)).await?;
    let saved = if refused.is_empty() {
        String::new()
    } else {
        format!("Đã lưu {saved} hồ sơ; chưa lưu {} hồ sơ dưới đây.", refused.len())
    };
    Ok((status, html(&SeveralPage { saved, refused, ..shown })?).into_response())
}

fn take_all(store: &mut Store, pen: &Pen, asked: &Asked) -> store::Result<Taken> {
    let (mut acts, mut refused, mut saved) = (Vec::new(), Vec::new(), 0);
    for (code, seen) in &asked.picks {
        let known = match Known::read(store, pen.key, code) {
            Ok(known) => known,
            Err(StoreError::NoDossier(code)) => {
                refused.push(Refused { code, why: "Không có hồ sơ này trong sổ.".to_owned() });
                continue;
            }
            Err(error) => return Err(error),
        };
        match seen {
            Some(seen) if known.length() != *seen => {
                if known.was_saved(*seen, pen.author, asked.kind, &asked.draft) {
                    saved += 1;
                } else {
                    let why = format!("{} Hãy mở hồ sơ để xem.", words::happened_since(&known.steps, *seen));
                    refused.push(Refused { code: code.clone(), why });
                }
            }
            _ => match dossier::check(&known, asked.kind, &asked.draft, pen.now) {
                Ok((event, note)) => acts.push(StepTaken { code: code.clone(), event, note }),
                Err(faults) => return Ok(Taken::Faulty(faults)),
            },
        }
    }
    let codes: Vec<String> = acts.iter().map(|act| act.code.clone()).collect();
    for (code, outcome) in codes.into_iter().zip(store.acts(acts, pen)?) {
        match outcome {
            Ok(()) => saved += 1,
            Err(refusal) => refused.push(Refused { code, why: refusal.to_string() }),
        }
    }
    Ok(Taken::Done { saved, refused })
}

/// The acts as buttons under a list: code, name, key.
pub fn buttons() -> [(&'static str, &'static str, &'static str); ACTS.len()] {
    ACTS.map(|kind| (kind.code(), words::kind_name(kind.code()), super::dossier::key(kind)))
}
