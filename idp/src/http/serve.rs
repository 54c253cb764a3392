//! Listening: plain HTTP behind a proxy, or TLS by rustls, until the handle says stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum_server::accept::DefaultAcceptor;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::connections::{Bounded, Doors};
use super::router::{metrics, router};
use super::tls::{self, Asking, TlsAcceptor};
use crate::app::Shared;

/// Stops a server, at once or gracefully.
pub type Handle = axum_server::Handle<SocketAddr>;

/// Serves an assembled provider, and tends it.
///
/// # Errors
/// When the listener or the TLS files cannot be used.
pub async fn serve(app: Shared, listener: TcpListener, handle: Handle) -> anyhow::Result<()> {
    tokio::spawn(app.clone().tend());
    tokio::spawn(app.clone().follow_packs());
    tokio::spawn(app.clone().follow_policy());
    tokio::spawn(app.clone().tell());
    tokio::spawn(app.clone().search_duplicates());
    let Some(address) = app.config.metrics.listen() else {
        return serve_people(app, listener, handle).await;
    };
    let watched = TcpListener::bind(address).context("[metrics] listen cannot be bound")?;
    tracing::info!(%address, "metrics_served");
    // Until the last connection of the other listener is done.
    let metrics = serve_plain(metrics(app.clone()), watched, Handle::new());
    tokio::select! {
        done = serve_people(app, listener, handle) => done,
        failed = metrics => failed,
    }
}

async fn serve_people(app: Shared, listener: TcpListener, handle: Handle) -> anyhow::Result<()> {
    let most = app.config.limits.connections_per_address;
    let doors = Arc::new(Doors::new(most, &app.config.trusted_proxies));
    let Some((certificate, key)) = app.config.tls() else {
        return serve_counted(router(app), listener, handle, doors).await;
    };
    // One provider for the whole process; a second call finds it there.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let of = |asking| {
        let acceptor = TlsAcceptor::new(tls::config(certificate, key, asking)?);
        anyhow::Ok(Bounded::new(acceptor, doors.clone()))
    };
    let mtls = &app.config.mtls;
    let here = match mtls.request_certificates && mtls.listen().is_none() {
        true => of(Asking::ForCertificates)?,
        false => of(Asking::Nothing)?,
    };
    let asking = match mtls.listen() {
        Some(address) => {
            let bound = TcpListener::bind(address).context("[mtls] listen cannot be bound")?;
            Some((bound, of(Asking::ForCertificates)?))
        }
        None => None,
    };
    let routes = router(app);
    let Some((asking, acceptor)) = asking else {
        return serve_tls(routes, listener, here, handle).await;
    };
    let people = serve_tls(routes.clone(), listener, here, handle.clone());
    let clients = serve_tls(routes, asking, acceptor, handle);
    tokio::try_join!(people, clients)?;
    Ok(())
}

async fn serve_tls(
    routes: Router,
    listener: TcpListener,
    acceptor: Bounded<TlsAcceptor>,
    handle: Handle,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum_server::from_tcp(listener)?.handle(handle);
    let mut server = server.acceptor(acceptor);
    bound(server.http_builder());
    Ok(server.serve(service).await?)
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
    serve_counted(routes, listener, handle, Arc::default()).await
}

async fn serve_counted(
    routes: Router,
    listener: TcpListener,
    handle: Handle,
    doors: Arc<Doors>,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum_server::from_tcp(listener)?.handle(handle);
    let mut server = server.acceptor(Bounded::new(DefaultAcceptor, doors));
    bound(server.http_builder());
    Ok(server.serve(service).await?)
}

/// A connection whose request never comes is closed: idle ones would pile up until no file is left to open. What is
/// silent before or between requests of either version, [`Bounded`] ends.
pub(super) fn bound(http: &mut Builder<TokioExecutor>) {
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ASK_AFTER)
        .keep_alive_timeout(HEADERS_WITHIN)
        .max_concurrent_streams(MOST_STREAMS);
}

const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// A peer that went without a word is asked whether it is there (RFC 9113 §6.7).
const ASK_AFTER: Duration = Duration::from_secs(30);
/// RFC 9113 §6.5.2 recommends no fewer.
const MOST_STREAMS: u32 = 100;
