//! Every route, in one table, and the layers around them.

use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::HeaderName;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, options, post};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument as _;

use super::{
    HttpError, additions, admin, authorize, backchannel, body, capture, check_session,
    client_address, cross_origin, device, enrol, error, hand_over, headers, health, home,
    introspect, login, logout, me, metadata, par, phone, register, requests, revoke, speech, token,
    userinfo,
};
use crate::app::Shared;

/// The whole service.
pub fn router(app: Shared) -> Router {
    // Where clients call, an address is slowed that is wrong too often; where people sign in, one that comes too often.
    let by_scripts = Router::new()
        .route("/token", post(token::post))
        .route("/revoke", post(revoke::post))
        .route("/par", post(par::post))
        .layer(from_fn_with_state(app.clone(), cross_origin::of_client))
        .route("/token", options(cross_origin::preflight))
        .route("/revoke", options(cross_origin::preflight))
        .route("/par", options(cross_origin::preflight));
    let called = Router::new()
        .merge(by_scripts)
        .route("/introspect", post(introspect::post))
        .route("/device_authorization", post(device::authorize))
        .route("/bc-authorize", post(backchannel::post))
        .layer(from_fn_with_state(app.clone(), client_address::limit_wrong));
    let guessable = Router::new()
        .route("/device", get(device::page).post(device::look))
        .route("/device/qr", get(device::qr))
        .route("/device/answer", post(device::answer))
        .route(additions::PAGE, get(additions::show).post(additions::begin))
        .route("/me/requests", get(requests::list))
        .route("/me/requests/{id}", post(requests::answer))
        .merge(me::routes())
        .route("/login/{attempt}", get(login::show))
        .route("/login/{attempt}/ping", get(login::ping))
        .route("/login/{attempt}/identify", post(login::identify))
        .route("/login/{attempt}/account", post(login::account))
        .route("/login/{attempt}/register", post(login::register))
        .route("/login/{attempt}/registered", post(login::registered))
        .route("/login/{attempt}/device", post(login::device))
        .route("/login/{attempt}/choose", post(login::choose))
        .route("/login/{attempt}/cancel", post(login::cancel))
        .route("/login/{attempt}/consent", post(login::consent))
        .route(
            "/login/{attempt}/phone",
            get(hand_over::show).post(hand_over::begin),
        )
        .route("/phone", get(phone::show))
        .route("/phone/{link}", get(phone::open))
        .route("/phone/number", post(phone::number))
        .route("/phone/stop", post(phone::stop))
        .route("/phone/face", post(phone::captured))
        .route("/phone/face/upload", post(phone::upload).layer(samples()))
        .route("/login/{attempt}/face", post(login::captured))
        .route(
            "/login/{attempt}/face/upload",
            post(login::upload_face).layer(samples()),
        )
        .route(
            "/login/{attempt}/fingerprint",
            post(login::upload_fingerprint).layer(samples()),
        )
        .route("/login/{attempt}/{factor}", post(login::answer))
        .route("/enrol/begin", post(enrol::begin))
        .route("/language", post(speech::choose))
        .route(
            "/enrol/consent",
            get(enrol::consent_page).post(enrol::consent),
        )
        .route(
            "/enrol/face/upload",
            post(enrol::upload_face).layer(samples()),
        )
        .route(
            "/enrol/fingerprint",
            get(fingerprint_page)
                .post(enrol::upload_fingerprint)
                .layer(samples()),
        )
        .route("/enrol/finish", post(enrol::finish))
        .route("/enrol/{name}", get(enrol::page).post(enrol::answer))
        .layer(from_fn_with_state(app.clone(), client_address::limit));
    let pages = Router::new()
        .route("/", get(home::home))
        .route("/assets/{name}", get(home::asset))
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route(
            "/login/{attempt}/face/frame",
            post(capture::login_frame).layer(one_frame()),
        )
        .route("/login/{attempt}/face/socket", get(capture::login_socket))
        .route("/login/{attempt}/phone/state", get(hand_over::state))
        .route(
            "/phone/face/frame",
            post(capture::phone_frame).layer(one_frame()),
        )
        .route("/phone/face/socket", get(capture::phone_socket))
        .route("/enrol", get(enrol::overview))
        .route(
            "/enrol/face/frame",
            post(capture::enrol_frame).layer(one_frame()),
        )
        .route("/enrol/face/socket", get(capture::enrol_socket))
        .route("/end_session", get(logout::get).post(logout::post))
        .route("/end_session/confirm", post(logout::confirm));
    let open = Router::new()
        .route("/userinfo", get(userinfo::respond).post(userinfo::respond))
        .layer(from_fn(cross_origin::any))
        .route("/userinfo", options(cross_origin::preflight));
    let public = |handler: MethodRouter<Shared>| handler.options(cross_origin::preflight);
    let machines = Router::new()
        .route(
            "/.well-known/openid-configuration",
            public(get(metadata::discovery)),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            public(get(metadata::discovery)),
        )
        .route(
            "/.well-known/oauth-protected-resource",
            public(get(metadata::protected_resource)),
        )
        .route(
            "/.well-known/oauth-protected-resource/userinfo",
            public(get(metadata::protected_resource)),
        )
        .route("/jwks", public(get(metadata::jwks)))
        .route("/check_session", get(check_session::frame))
        .route("/register", post(register::register))
        .route(
            "/register/{client_id}",
            get(register::show)
                .put(register::replace)
                .delete(register::remove),
        )
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready));
    // Where strangers reach this listener, the networks that may read metrics cannot be told from a proxy in front of it.
    let watched = match app.config.metrics.listen().is_none() && app.config.is_loopback() {
        true => Router::new().route("/metrics", get(health::metrics)),
        false => Router::new(),
    };
    // The outermost first. One layer of many: each that a router is given by itself boxes every request once more.
    let around_all = (
        from_fn(forget_request_id),
        SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid),
        PropagateRequestIdLayer::new(REQUEST_ID),
        from_fn_with_state(app.clone(), watch),
        from_fn_with_state(app.clone(), headers::protect),
        TimeoutLayer::with_status_code(axum::http::StatusCode::SERVICE_UNAVAILABLE, LONGEST),
        CatchPanicLayer::custom(|_| HttpError::unavailable("panicked", 1).into_response()),
        from_fn_with_state(app.clone(), speech::listen),
        from_fn_with_state(app.clone(), error::draw),
        from_fn(body::read_whole),
        DefaultBodyLimit::max(FORM_BYTES),
    );
    Router::new()
        .merge(called)
        .merge(open)
        .merge(watched)
        .merge(guessable)
        .merge(pages)
        .merge(machines)
        .nest("/admin/v1", admin::routes(app.clone()))
        .route("/admin/v1/", any(admin::bare))
        .fallback(home::nothing)
        .layer(around_all)
        .with_state(app)
}

/// What the listener for metrics serves, and nothing else.
pub fn metrics(app: Shared) -> Router {
    Router::new()
        .route("/metrics", get(health::metrics))
        .layer(from_fn_with_state(app.clone(), headers::protect))
        .with_state(app)
}

async fn fingerprint_page(
    State(app): State<Shared>,
    browser: super::browser::Browser,
) -> Result<Response, HttpError> {
    enrol::factor_page(app, wire::FactorKind::Fingerprint, browser).await
}

/// A request's id is ours to give: one that a client made up would stand in our log.
async fn forget_request_id(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(REQUEST_ID);
    next.run(request).await
}

/// Logs and counts each request: by the route's pattern, never by its path or query, which may hold secrets.
async fn watch(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = %headers::request_id(request.headers()), %route, %method, client = tracing::field::Empty);
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let (took, status) = (begun.elapsed(), response.status().as_u16());
    let method = match method.as_str() {
        known @ ("GET" | "POST" | "DELETE" | "PUT" | "HEAD" | "OPTIONS") => known,
        _ => "other",
    };
    app.metrics.request(&route, method, status, took);
    let _entered = span.enter();
    let noted = error::Noted::of(&response);
    tracing::info!(
        status,
        code = noted.as_ref().map(|noted| noted.code),
        reason = noted.as_ref().map(|noted| noted.reason.as_str()),
        took_ms = took.as_millis() as u64,
        "request_answered"
    );
    response
}

fn samples() -> DefaultBodyLimit {
    DefaultBodyLimit::max(5 * (12 << 20) + (1 << 20))
}

fn one_frame() -> DefaultBodyLimit {
    DefaultBodyLimit::max(crate::capture::message::LARGEST)
}

const FORM_BYTES: usize = 256 * 1024;
const LONGEST: Duration = Duration::from_secs(60);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
