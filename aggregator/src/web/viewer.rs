//! Who is looking: the right to look and to decide, as an argument of a handler.
//!
//! Promise: without one of these a handler has nobody to show anything to; whoever belongs to one commune gets no other unit
//! out of [`Within`], and nothing at all out of [`Holder`]. How to use it:
//!
//! ```text
//! async fn all(viewer: AllFigures, …)           // the whole district: nobody who belongs to one commune
//! async fn one(viewer: FiguresOf, …)            // viewer.unit: the unit that may be shown, from {unit} or ?unit=
//! async fn decide(viewer: DecidingViewer, …)    // 403, in words, for whoever may not
//! viewer.may(Right::Decide)                     // to show a button or not
//! ```
//!
//! Who holds which right is one table, [`motcua_shared::access::node`]. An address names a unit as `unit`, in its path or
//! its query, and in no other way.

use std::ops::Deref;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use motcua_shared::access::node::{Right, Rights, Role};
use motcua_shared::access::{self, token_hash};
use motcua_shared::calendar::LocalTime;
use motcua_shared::unit::code_of;

use super::{App, Problem, now};
use crate::audit::By;
use crate::store::{Store, StoreError};

/// Cookie of a session.
pub const COOKIE: &str = "__Host-motcua";

/// The one commune that somebody belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    pub key: String,
    /// Names exactly this unit, in addresses.
    pub code: String,
}

/// Somebody who is logged in, or a program with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The log-in name, or `token:NAME`.
    pub name: String,
    /// Of a person.
    pub role: Option<Role>,
    pub rights: Rights,
    /// `None`: sees all of them.
    pub own: Option<Own>,
    /// Somebody else chose the password: another is to be chosen before anything else.
    pub must_change: bool,
    /// Where the request came from.
    pub address: String,
}

impl Viewer {
    pub fn may(&self, right: Right) -> bool {
        self.rights.holds(right)
    }

    pub fn by(&self) -> By {
        let role = self.role.map_or("", Role::code).to_owned();
        By { who: self.name.clone(), role, address: self.address.clone(), at: now() }
    }

    /// Whether what is kept under this key may be shown.
    pub fn sees(&self, key: &str) -> bool {
        self.own.as_ref().is_none_or(|own| own.key == key)
    }

    /// Whether the right is held, and for the whole district.
    pub fn sees_all(&self, right: Right) -> Result<(), Problem> {
        match &self.own {
            _ if !self.may(right) => Err(not_allowed(self, right)),
            Some(_) => Err(another_unit(self)),
            None => Ok(()),
        }
    }

    /// The unit that may be shown where `asked` was asked for; `None`: all together.
    fn within(&self, asked: &[String]) -> Result<Option<String>, Problem> {
        let Some(own) = &self.own else { return Ok(asked.last().cloned()) };
        let is_own = |unit: &String| *unit == own.key || *unit == own.code || unit == code_of(&own.code);
        if asked.iter().all(is_own) { Ok(Some(own.code.clone())) } else { Err(another_unit(self)) }
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Viewer, Problem> {
        // The guard lets nobody else through to what needs one.
        parts.extensions.get::<Viewer>().cloned().ok_or_else(not_logged_in)
    }
}

/// A viewer of the whole district who holds a right.
pub struct Holder<const RIGHT: u8>(Viewer);

pub type AllFigures = Holder<{ Right::Figures as u8 }>;
pub type AllOffices = Holder<{ Right::Offices as u8 }>;
pub type ReferenceViewer = Holder<{ Right::Reference as u8 }>;
pub type AuditViewer = Holder<{ Right::Audit as u8 }>;
pub type DecidingViewer = Holder<{ Right::Decide as u8 }>;
pub type PublishingViewer = Holder<{ Right::Publish as u8 }>;
pub type EnrollingViewer = Holder<{ Right::Enrol as u8 }>;
pub type PeopleViewer = Holder<{ Right::People as u8 }>;

impl<const RIGHT: u8> Deref for Holder<RIGHT> {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.0
    }
}

impl<const RIGHT: u8> FromRequestParts<App> for Holder<RIGHT> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        viewer.sees_all(Right::of(RIGHT))?;
        Ok(Holder(viewer))
    }
}

/// A viewer who holds a right, and what of the district may be shown.
pub struct Within<const RIGHT: u8> {
    viewer: Viewer,
    /// The unit that was asked for and may be shown, as a code that names exactly it where the viewer belongs to it;
    /// `None`: the whole district.
    pub unit: Option<String>,
}

pub type FiguresOf = Within<{ Right::Figures as u8 }>;
pub type DossiersOf = Within<{ Right::Dossiers as u8 }>;
pub type FindingsOf = Within<{ Right::Findings as u8 }>;
pub type OfficesOf = Within<{ Right::Offices as u8 }>;

impl<const RIGHT: u8> Deref for Within<RIGHT> {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.viewer
    }
}

impl<const RIGHT: u8> FromRequestParts<App> for Within<RIGHT> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        if !viewer.may(Right::of(RIGHT)) {
            return Err(not_allowed(&viewer, Right::of(RIGHT)));
        }
        let in_query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let mut asked: Vec<String> = in_query
            .filter(|(name, unit)| name == "unit" && !unit.trim().is_empty())
            .map(|(_, unit)| unit.trim().to_owned())
            .collect();
        if let Ok(params) = RawPathParams::from_request_parts(parts, app).await {
            asked.extend(params.iter().filter(|(name, _)| *name == "unit").map(|(_, unit)| unit.to_owned()));
        }
        let unit = viewer.within(&asked)?;
        Ok(Within { viewer, unit })
    }
}

pub fn another_unit(viewer: &Viewer) -> Problem {
    let own = viewer.own.as_ref().map_or("", |own| own.code.as_str());
    let words = format!("{} chỉ xem được số liệu của đơn vị mình ({own}). Không có gì được đọc hay thay đổi.", viewer.name);
    Problem::new(StatusCode::FORBIDDEN, "role", "Không đủ quyền", words)
}

/// Who is logged in may not do this.
fn not_allowed(viewer: &Viewer, right: Right) -> Problem {
    let words = match viewer.role {
        Some(role) => {
            let holders: Vec<&str> = Role::ALL.into_iter().filter(|role| right.is_held_by(*role)).map(Role::words).collect();
            format!(
                "Việc này không thuộc quyền của {} ({}). Không có gì được đọc hay thay đổi. Dành cho: {}; hãy nhờ người đó, hoặc \
                 nhờ người quản trị đổi vai trò của tài khoản này.",
                viewer.name,
                role.words(),
                holders.join(", ")
            )
        }
        None => format!(
            "Mã truy cập này ({}) không gồm phần “{}”. Người quản trị cấp mã có phần đó ở trang Mã truy cập.",
            viewer.name,
            right.code()
        ),
    };
    Problem::new(StatusCode::FORBIDDEN, "role", "Không đủ quyền", words)
}

pub fn not_logged_in() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "no-token",
        "Chưa đăng nhập",
        "Cần đăng nhập, hoặc gửi kèm mã truy cập (Authorization: Bearer …) do lệnh token create cấp.",
    )
}

/// Who sent a request, by its session or its bearer token.
pub async fn identify(app: &App, headers: &HeaderMap, address: String) -> Result<Option<Viewer>, Problem> {
    if let Some(token) = session(headers) {
        let (hash, at) = (token_hash(token), now());
        let found = app.read(move |store| of_session(store, hash, at)).await??;
        if let Some((viewer, is_to_be_noted)) = found {
            if is_to_be_noted {
                app.write(move |store| store.session_use(hash, at)).await??;
            }
            return Ok(Some(Viewer { address, ..viewer }));
        }
    }
    let Some(token) = bearer(headers) else { return Ok(None) };
    let (hash, at) = (token_hash(token), now());
    app.read(move |store| of_token(store, hash, at)).await?.map(|viewer| viewer.map(|viewer| Viewer { address, ..viewer }))
}

fn of_session(store: &dyn Store, hash: [u8; 32], at: LocalTime) -> Result<Option<(Viewer, bool)>, StoreError> {
    let Some((user, session)) = store.session_find(hash, at)? else { return Ok(None) };
    let viewer = Viewer {
        own: own(store, user.unit)?,
        rights: Rights::of_role(user.role),
        role: Some(user.role),
        name: user.name,
        must_change: user.must_change,
        address: String::new(),
    };
    Ok(Some((viewer, session.is_to_be_noted(at))))
}

fn of_token(store: &dyn Store, hash: [u8; 32], at: LocalTime) -> Result<Option<Viewer>, Problem> {
    let Some(token) = store.token_find(hash)? else { return Ok(None) };
    if !token.is_good(at) {
        let words = match (token.revoked_at, token.expires_at) {
            (None, Some(end)) => format!("Mã truy cập “{}” đã hết hạn lúc {}.", token.name, end.format("%H:%M %d/%m/%Y")),
            _ => format!("Mã truy cập “{}” đã bị thu hồi.", token.name),
        };
        let words = format!("{words} Người quản trị cấp mã mới bằng lệnh token create hoặc ở trang Mã truy cập.");
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "token-ended", "Mã truy cập không còn hiệu lực", words));
    }
    Ok(Some(Viewer {
        name: format!("token:{}", token.name),
        role: None,
        rights: token.rights,
        own: own(store, token.unit)?,
        must_change: false,
        address: String::new(),
    }))
}

fn own(store: &dyn Store, key: Option<String>) -> Result<Option<Own>, StoreError> {
    key.map(|key| Ok(Own { code: store.organisation()?.exact(&key), key })).transpose()
}

/// The session's token that a browser shows.
pub fn session(headers: &HeaderMap) -> Option<&str> {
    let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.find_map(|cookies| access::cookie(cookies, COOKIE))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_belongs_to_one_commune_is_shown_no_other() {
        let of = |own: Option<(&str, &str)>| Viewer {
            name: "binh".to_owned(),
            role: Some(Role::Leader),
            rights: Rights::of_role(Role::Leader),
            own: own.map(|(key, code)| Own { key: key.to_owned(), code: code.to_owned() }),
            must_change: false,
            address: String::new(),
        };
        let asked = |viewer: &Viewer, units: &[&str]| {
            viewer.within(&units.iter().map(|unit| (*unit).to_owned()).collect::<Vec<_>>()).map_err(|problem| problem.status)
        };
        let leader = of(Some(("11098", "11098@2019-12-01")));
        for own in [&[][..], &["11098"], &["11098@2019-12-01"]] {
            assert_eq!(asked(&leader, own), Ok(Some("11098@2019-12-01".to_owned())), "{own:?}");
        }
        for other in [&["11089"][..], &["11098@2024-12-01"], &["11098", "11089"], &["11089", "11098"]] {
            assert_eq!(asked(&leader, other), Err(StatusCode::FORBIDDEN), "{other:?}");
        }
        assert!(leader.sees("11098") && !leader.sees("11089"));
        assert_eq!((asked(&of(None), &[]), asked(&of(None), &["11089"])), (Ok(None), Ok(Some("11089".to_owned()))));
    }
}
