//! Listening: plain HTTP behind a proxy, or TLS by rustls, until the handle says stop.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::router::router;
use crate::app::Shared;

/// Stops a server, at once or gracefully.
pub type Handle = axum_server::Handle<SocketAddr>;

/// Serves an assembled provider, and tends it.
///
/// # Errors
/// When the listener or the TLS files cannot be used.
pub async fn serve(app: Shared, listener: TcpListener, handle: Handle) -> anyhow::Result<()> {
    tokio::spawn(app.clone().tend());
    let tls = match app.config.tls() {
        Some((certificate, key)) => {
            // One provider for the whole process; a second call finds it there.
            let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let tls = RustlsConfig::from_pem_file(certificate, key).await;
            Some(tls.context("[tls] certificate and key cannot be used")?)
        }
        None => None,
    };
    let routes = router(app);
    match tls {
        Some(tls) => {
            listener.set_nonblocking(true)?;
            let service = routes.into_make_service_with_connect_info::<SocketAddr>();
            let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
            bound(server.http_builder());
            Ok(server.serve(service).await?)
        }
        None => serve_plain(routes, listener, handle).await,
    }
}

/// Serves routes over plain HTTP.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve_plain(
    routes: Router,
    listener: TcpListener,
    handle: Handle,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener)?.handle(handle);
    bound(server.http_builder());
    Ok(server.serve(service).await?)
}

/// A connection whose request never comes is closed: idle ones would pile up until no file is left to open.
fn bound(http: &mut Builder<TokioExecutor>) {
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
}

const HEADERS_WITHIN: Duration = Duration::from_secs(15);
