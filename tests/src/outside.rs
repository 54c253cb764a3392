//! A client's own host, by https under an authority of its own: it serves documents as it is told, and remembers what it
//! was asked.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{bed::Bed, entra};

/// The host; its server lives as long as the test's runtime.
pub struct Host {
    /// Where it listens.
    pub port: u16,
    folder: TempDir,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    documents: Mutex<BTreeMap<String, Document>>,
    heard: Mutex<Vec<Heard>>,
}

#[derive(Clone)]
struct Document {
    status: u16,
    media_type: String,
    body: String,
    location: Option<String>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The `Authorization` header.
    pub authorization: String,
    /// The body.
    pub body: String,
}

impl Host {
    /// Serves on a free port of the loopback address.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let tls = entra::certificate(folder.path())?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let routes = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let server = axum_server::from_tcp_rustls(listener, tls)?;
        tokio::spawn(server.serve(routes.into_make_service_with_connect_info::<SocketAddr>()));
        Ok(Self {
            port,
            folder,
            shared,
        })
    }

    /// A test bed that may reach this host and believes its certificate.
    pub async fn bed(&self, name: &str, more: &str) -> anyhow::Result<Bed> {
        let ca = self.ca_file();
        let ca = ca.to_string_lossy();
        Bed::start_with(name, self.port, &[("WHORL_OUTBOUND_CA_FILE", &ca)], more).await
    }

    /// The certificate authority, PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// Serves a document there from now on; answers with its URL.
    pub fn serve(&self, path: &str, media_type: &str, body: impl Into<String>) -> String {
        self.put(path, 200, media_type, body.into(), None)
    }

    /// Answers with this status and an empty body there from now on; answers with its URL.
    pub fn status(&self, path: &str, status: u16) -> String {
        self.put(path, status, "text/plain", String::new(), None)
    }

    /// Sends on from there to another place from now on; answers with its URL.
    pub fn redirect(&self, path: &str, to: &str) -> String {
        self.put(path, 302, "text/plain", String::new(), Some(to.to_owned()))
    }

    fn put(
        &self,
        path: &str,
        status: u16,
        media_type: &str,
        body: String,
        location: Option<String>,
    ) -> String {
        let document = Document {
            status,
            media_type: media_type.to_owned(),
            body,
            location,
        };
        let documents = &self.shared.documents;
        let mut documents = documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.insert(path.to_owned(), document);
        self.url(path)
    }

    /// What was asked of a path so far.
    #[must_use]
    pub fn heard(&self, path: &str) -> Vec<Heard> {
        let heard = &self.shared.heard;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |it: &&Heard| it.target.split('?').next() == Some(path);
        heard.iter().filter(of).cloned().collect()
    }

    /// Waits until a path was asked so often.
    pub async fn wait_for(&self, path: &str, count: usize) -> anyhow::Result<Vec<Heard>> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let heard = self.heard(path);
            if heard.len() >= count {
                return Ok(heard);
            }
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!(
            "{path} was asked {} of {count} times",
            self.heard(path).len()
        )
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let heard = Heard {
        method,
        target: uri.to_string(),
        authorization: authorization
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut all = shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(heard);
    drop(all);
    let documents = &shared.documents;
    let documents = documents.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(document) = documents.get(uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::IM_A_TEAPOT);
    let mut response = (
        status,
        [(header::CONTENT_TYPE, document.media_type.clone())],
        document.body.clone(),
    )
        .into_response();
    if let Some(location) = &document.location
        && let Ok(location) = location.parse()
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
