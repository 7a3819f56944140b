//! The way of the other PCs of the office: https with this PC's own certificate, and the page that helps them trust it.
//!
//! Promise: TLS 1.3 only; a request knows by which address of this PC it came, and is answered only if it was called by
//! that address or by this PC's name. Start at [`Door`] and [`trust`].

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::middleware::AddExtension;
use axum::response::{IntoResponse, Response};
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::Layer;
use tracing::debug;

use super::fault::HttpError;
use super::viewer::Viewer;
use super::{App, Frame, html};
use crate::lan::{self, Lan};
use crate::office::now;

/// The way on which a request came.
#[derive(Debug, Clone, Default)]
pub enum Wire {
    /// From this PC, in the clear.
    #[default]
    Loopback,
    /// Over TLS, to this address of this PC; and this PC's name, if it has one that counts.
    Lan { local: IpAddr, name: Option<Arc<str>> },
}

impl Wire {
    pub fn is_lan(&self) -> bool {
        matches!(self, Wire::Lan { .. })
    }

    pub fn scheme(&self) -> &'static str {
        if self.is_lan() { "https://" } else { "http://" }
    }

    /// Whether this PC is called so on this way. Any other name is somebody's who points it at us.
    pub fn is_called(&self, asked: &str) -> bool {
        let loopback = ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| asked.eq_ignore_ascii_case(ours));
        match self {
            Wire::Loopback => loopback,
            Wire::Lan { local, name } => {
                let bare = asked.strip_prefix('[').and_then(|asked| asked.strip_suffix(']')).unwrap_or(asked);
                let is_address = bare.parse::<IpAddr>().is_ok_and(|asked| asked == *local);
                let is_name = name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(asked));
                is_address || is_name || (loopback && local.is_loopback())
            }
        }
    }
}

/// Accepts connections of other PCs with the certificate for the address that they came to.
#[derive(Clone)]
pub struct Door {
    lan: Arc<Lan>,
    name: Option<Arc<str>>,
}

impl Door {
    pub fn new(lan: Arc<Lan>) -> Door {
        Door { name: lan.name().map(Arc::from), lan }
    }
}

type Accepted<S> = (TlsStream<TcpStream>, AddExtension<S, Wire>);

impl<S: Send + 'static> Accept<TcpStream, S> for Door {
    type Stream = TlsStream<TcpStream>;
    type Service = AddExtension<S, Wire>;
    type Future = Pin<Box<dyn Future<Output = io::Result<Accepted<S>>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Door { lan, name } = self.clone();
        Box::pin(async move {
            let local = stream.local_addr()?.ip().to_canonical();
            stream.set_nodelay(true)?;
            let config = lan.server_config(local, now()).map_err(io::Error::other)?;
            let tls = RustlsAcceptor::new(RustlsConfig::from_config(config));
            let (stream, service) = tls.accept(stream, service).await.inspect_err(|error| debug!(%error, "no TLS came about"))?;
            Ok((stream, Extension(Wire::Lan { local, name }).layer(service)))
        })
    }
}

#[derive(Template)]
#[template(path = "trust.html")]
struct TrustPage {
    frame: Option<Frame>,
    nav: &'static str,
    /// Whether other PCs are answered at all.
    open: bool,
    fingerprint: Vec<String>,
    addresses: Vec<String>,
    /// This PC is the one that serves.
    here: bool,
}

/// How the other PCs get in, and how they come to trust this one.
pub async fn trust(
    viewer: Option<Extension<Viewer>>,
    wire: Option<Extension<Wire>>,
    State(app): State<App>,
) -> Result<Response, HttpError> {
    let frame = match viewer {
        Some(Extension(viewer)) => app.read(move |store, _| Frame::read(store, &viewer)).await?,
        None => None,
    };
    let here = !wire.is_some_and(|Extension(wire)| wire.is_lan());
    let Some(open) = &app.lan else {
        let page = TrustPage { frame, nav: "", open: false, fingerprint: Vec::new(), addresses: Vec::new(), here };
        return Ok(html(&page)?.into_response());
    };
    let port = open.port;
    let names = open.lan.name().map(str::to_owned).into_iter();
    let numbers = lan::addresses().into_iter().filter(|address| open.bound.is_unspecified() || *address == open.bound);
    let addresses = numbers.map(|address| address.to_string()).chain(names).map(|host| format!("https://{host}:{port}"));
    let fingerprint = open.lan.fingerprint();
    let pairs: Vec<&str> = fingerprint.split(':').collect();
    let page = TrustPage {
        frame,
        nav: "",
        open: true,
        fingerprint: pairs.chunks(8).map(|row| row.join(":")).collect(),
        addresses: addresses.collect(),
        here,
    };
    Ok(html(&page)?.into_response())
}

/// The CA as a file for other PCs.
pub async fn ca(State(app): State<App>) -> Result<Response, HttpError> {
    let open = app.lan.as_ref().ok_or_else(|| HttpError::of_status(StatusCode::NOT_FOUND))?;
    let headers =
        [(CONTENT_TYPE, "application/x-x509-ca-cert"), (CONTENT_DISPOSITION, "attachment; filename=\"mot-cua-ca.crt\"")];
    Ok((headers, open.lan.ca_pem().to_owned()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pc_is_called_by_the_address_that_one_came_to_or_by_its_name_and_by_nothing_else() {
        let lan = |local: &str| Wire::Lan { local: local.parse().expect("an address"), name: Some("mayxa01".into()) };
        for host in ["192.168.1.20", "mayxa01", "MAYXA01"] {
            assert!(lan("192.168.1.20").is_called(host), "{host}");
        }
        assert!(lan("fe80::7").is_called("[fe80::7]") && lan("127.0.0.1").is_called("localhost"));
        for host in ["", "localhost", "127.0.0.1", "192.168.1.21", "evil.example", "mayxa01.evil.example", "192.168.1.20.nip.io"]
        {
            assert!(!lan("192.168.1.20").is_called(host), "{host}");
        }
    }
}
