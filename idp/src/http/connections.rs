//! How long a connection may be silent, and how many of them one address may hold.
//!
//! hyper bounds the headers of a request of HTTP/1.1 and nothing else: until the version of HTTP is known, after TLS's
//! handshake and throughout HTTP/2 a connection could stay open for ever and cost a file. Here the stream itself has a
//! clock: the first request has to come soon, and afterwards a connection without a request ends (RFC 9112 §9.5,
//! RFC 9113 §5.1.1 leave both to the server).

use std::collections::HashMap;
use std::future::{Future, ready};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Response, StatusCode};
use axum_server::accept::Accept;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tower::Service;

use super::client_address::{is_trusted, network};

/// How long connections may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// Before the first request.
    pub first: Duration,
    /// Without a request that is being answered.
    pub idle: Duration,
}

impl Default for Silence {
    /// Proxies keep idle connections for a minute. Those of HTTP/2 are not gone before; those of HTTP/1.1 are, by hyper's
    /// clock on the headers of the next request.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(15),
            idle: Duration::from_secs(75),
        }
    }
}

/// The connections of a listener, counted.
#[derive(Default)]
pub struct Doors {
    open: Mutex<HashMap<IpAddr, u32>>,
    /// None where they are not bounded.
    most: Option<u32>,
    trusted: Vec<IpNet>,
    silence: Silence,
}

impl Doors {
    /// So many for each address, and any number for this machine and for the operator's own proxies.
    pub fn new(most: u32, trusted: &[IpNet]) -> Self {
        Self {
            most: Some(most),
            trusted: trusted.to_vec(),
            ..Self::default()
        }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let most = match self.most {
            Some(most) if !address.is_loopback() && !is_trusted(address, &self.trusted) => most,
            Some(_) | None => return Some(Place(self.clone(), None)),
        };
        let key = network(address);
        let mut open = self.open();
        let count = open.entry(key).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), Some(key)))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted connection; dropped, it makes room for another.
struct Place(Arc<Doors>, Option<IpAddr>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some(key) = self.1 else { return };
        let mut open = self.0.open();
        if let Some(count) = open.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&key);
            }
        }
    }
}

/// Takes connections as another acceptor does, within the bounds.
#[derive(Clone)]
pub struct Bounded<A> {
    inner: A,
    doors: Arc<Doors>,
}

impl<A> Bounded<A> {
    /// The connections that `inner` takes, counted by `doors`.
    pub fn new(inner: A, doors: Arc<Doors>) -> Self {
        Self { inner, doors }
    }
}

impl<A, S> Accept<TcpStream, S> for Bounded<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
{
    type Stream = Clocked<A::Stream>;
    type Service = Noticed<A::Service>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = match stream.peer_addr().map(|peer| self.doors.enter(peer.ip())) {
            Ok(Some(place)) => place,
            Ok(None) => return Box::pin(ready(Err(io::ErrorKind::QuotaExceeded.into()))),
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let accepted = self.inner.accept(stream, service);
        let silence = self.doors.silence;
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            let pulse = Pulse(Arc::new(Mutex::new(Beats {
                last: Instant::now(),
                answering: 0,
                was_asked: false,
                is_upgraded: false,
            })));
            let stream = Clocked {
                stream,
                pulse: pulse.clone(),
                silence,
                sleep: Box::pin(sleep(silence.first)),
                is_blocked: false,
                _place: place,
            };
            Ok((stream, Noticed { service, pulse }))
        })
    }
}

/// What a connection does, shared by its stream and its service.
#[derive(Clone)]
struct Pulse(Arc<Mutex<Beats>>);

struct Beats {
    last: Instant,
    answering: usize,
    was_asked: bool,
    /// It is no HTTP any more, and has a clock of its own.
    is_upgraded: bool,
}

impl Pulse {
    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the connection ends if nothing comes; never while a request is being answered.
    fn end(&self, silence: Silence) -> Option<Instant> {
        let beats = self.beats();
        let patience = if beats.was_asked {
            silence.idle
        } else {
            silence.first
        };
        (beats.answering == 0 && !beats.is_upgraded).then(|| beats.last + patience)
    }
}

/// A request that is being answered, or was dropped before.
struct Answering(Pulse);

impl Answering {
    fn begin(pulse: &Pulse) -> Self {
        let mut beats = pulse.beats();
        beats.answering += 1;
        beats.was_asked = true;
        Self(pulse.clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut beats = self.0.beats();
        beats.answering = beats.answering.saturating_sub(1);
        beats.last = Instant::now();
    }
}

/// A service whose requests are noticed.
#[derive(Clone)]
pub struct Noticed<S> {
    service: S,
    pulse: Pulse,
}

impl<S, R, B> Service<R> for Noticed<S>
where
    S: Service<R, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let answering = Answering::begin(&self.pulse);
        let answer = self.service.call(request);
        Box::pin(async move {
            let response = answer.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                answering.0.beats().is_upgraded = true;
            }
            drop(answering);
            Ok(response)
        })
    }
}

/// A stream that ends where the connection has been silent for too long.
pub struct Clocked<I> {
    stream: I,
    pulse: Pulse,
    silence: Silence,
    sleep: Pin<Box<Sleep>>,
    /// Whether the other side has yet to take what was written.
    is_blocked: bool,
    _place: Place,
}

impl<I> Clocked<I> {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Some(end) = self.pulse.end(self.silence) {
            if self.sleep.deadline() != end {
                self.sleep.as_mut().reset(end);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            if self.pulse.end(self.silence).is_some_and(|now| now <= end) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Whoever takes what was waiting for them is not silent; a ping that goes out says nothing of that.
    fn written<T>(&mut self, outcome: Poll<T>) -> Poll<T> {
        if self.is_blocked && outcome.is_ready() {
            self.pulse.beats().last = Instant::now();
        }
        self.is_blocked = outcome.is_pending();
        outcome
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Clocked<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Clocked<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        let outcome = this.written(outcome);
        if outcome.is_pending() {
            this.check(cx)?;
        }
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        let outcome = this.written(outcome);
        if outcome.is_pending() {
            this.check(cx)?;
        }
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
