//! The page's side of a capture without a browser: a key of its own, signed messages, a socket. What an attacker would write.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use crate::person::{Form, Page, Person};
use crate::stand_in::StandIn;

/// Signs the messages of one capture, as the page does.
pub struct Signer {
    key: EcdsaKeyPair,
    nonce: String,
    last: [u8; 32],
    sequence: u32,
    began: Instant,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    /// A fresh key for a nonce.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn new(nonce: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self {
            key,
            nonce: nonce.to_owned(),
            last: [0; 32],
            sequence: 0,
            began: Instant::now(),
        }
    }

    /// The first message.
    pub fn hello(&mut self) -> Vec<u8> {
        let key = self.key.public_key().as_ref().to_vec();
        let statement = self.statement(b"whorl capture 1 hello\0", &[&key]);
        [vec![1, 1], key, self.sign(&statement)].concat()
    }

    /// The next frame, filmed while the screen showed number `cue`.
    pub fn frame(&mut self, jpeg: &[u8], cue: u32) -> Vec<u8> {
        self.sequence += 1;
        let captured = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let said = [
            &self.sequence.to_be_bytes()[..],
            &captured.to_be_bytes(),
            &cue.to_be_bytes(),
        ]
        .concat();
        let last = self.last;
        let statement = self.statement(b"whorl capture 1 frame\0", &[&last, &said, &sha256(jpeg)]);
        let signature = self.sign(&statement);
        let length = u32::try_from(jpeg.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&[1, 2][..], &said, &length, &signature, jpeg].concat()
    }

    fn statement(&mut self, label: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let length = u8::try_from(self.nonce.len()).expect("a nonce");
        let mut out = [label, &[length], self.nonce.as_bytes()].concat();
        for part in parts {
            out.extend_from_slice(part);
        }
        self.last = sha256(&out);
        out
    }

    fn sign(&self, statement: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&SystemRandom::new(), statement);
        signature.expect("a signature").as_ref().to_vec()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes)
        .as_ref()
        .try_into()
        .expect("32 bytes")
}

/// What the server said to a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// An answer.
    Answer(Value),
    /// The end, with its code.
    Closed(u16),
}

/// A capture's socket.
#[derive(Debug)]
pub struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The page's key.
    pub signer: Signer,
}

/// The capture that a page is about.
#[derive(Debug, Clone)]
pub struct CapturePage {
    /// Where its frames and its form go.
    pub base: Url,
    /// Its nonce.
    pub nonce: String,
}

impl CapturePage {
    /// Reads it off a page with a camera.
    pub fn of(page: &Page) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let value = page.attribute("[data-capture]", name);
            value.with_context(|| format!("no {name} in {page}"))
        };
        Ok(Self {
            base: page.url.join(&read("data-base")?)?,
            nonce: read("data-nonce")?,
        })
    }

    /// The form that ends the capture.
    #[must_use]
    pub fn form(&self) -> Form {
        Form::forged(self.base.clone(), &[("nonce", &self.nonce)])
    }

    /// Opens its socket as `person`, from a page of `origin`.
    pub async fn socket(&self, person: &Person, origin: &str) -> Result<Line, tungstenite::Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/socket", self.base.path()));
        url.set_query(Some(&format!("nonce={}", self.nonce)));
        let cookies = person.cookies(&url).join("; ");
        url.set_scheme("ws").expect("a scheme");
        let mut request = url.as_str().into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("origin", origin.parse().expect("a header"));
        headers.insert("cookie", cookies.parse().expect("a header"));
        let config = WebSocketConfig::default();
        let (socket, _) = connect_async_with_config(request, Some(config), true).await?;
        Ok(Line {
            socket,
            signer: Signer::new(&self.nonce),
        })
    }
}

/// How a capture went.
#[derive(Debug)]
pub struct Played {
    /// From the first frame to the end.
    pub took: Duration,
    /// From each frame to its answer.
    pub answers: Vec<Duration>,
    /// The pictures, in their order.
    pub pictures: Vec<Vec<u8>>,
    /// All that was said to do.
    pub guidance: Vec<String>,
}

impl Played {
    /// The median and the longest time to an answer.
    #[must_use]
    pub fn latency(&self) -> (Duration, Duration) {
        let mut all = self.answers.clone();
        all.sort_unstable();
        let longest = all.last().copied().unwrap_or_default();
        (all.get(all.len() / 2).copied().unwrap_or_default(), longest)
    }
}

/// Why a capture that was played came to no end; with all that was said to do.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The server closed its socket.
    #[error("closed with {0} after {1:?}")]
    Closed(u16, Vec<String>),
    /// Who was before the camera went.
    #[error("left after {0:?}")]
    Left(Vec<String>),
}

/// What a camera says when nobody is before it any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody is before the camera any more")]
pub struct Leaves;

impl Line {
    /// Sends bytes as a binary message.
    pub async fn send(&mut self, bytes: Vec<u8>) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::Binary(bytes.into())).await?)
    }

    /// The connection itself, for bytes that are no message.
    pub fn connection(&mut self) -> &mut MaybeTlsStream<TcpStream> {
        self.socket.get_mut()
    }

    /// Sends text.
    pub async fn text(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// What the server says next.
    pub async fn hear(&mut self) -> anyhow::Result<Said> {
        heard(&mut self.socket).await
    }

    /// Sends a message, and hears the answer.
    pub async fn ask(&mut self, bytes: Vec<u8>) -> anyhow::Result<Said> {
        self.send(bytes).await?;
        self.hear().await
    }

    /// Introduces the key: the first answer.
    pub async fn begin(&mut self) -> anyhow::Result<Value> {
        let hello = self.signer.hello();
        match self.ask(hello).await? {
            Said::Answer(answer) => Ok(answer),
            Said::Closed(code) => bail!("closed with {code}"),
        }
    }

    /// Plays a capture to its end, with `next` as the camera: the picture while the screen shows this.
    pub async fn play(
        &mut self,
        next: impl FnMut(&Value) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Played> {
        let Self { socket, signer } = self;
        let ask = async |message: Vec<u8>| {
            socket.send(Message::Binary(message.into())).await?;
            heard(socket).await
        };
        play(signer, ask, next).await
    }

    /// Plays a capture to its end with somebody before the camera.
    pub async fn film(&mut self, stand_in: &mut StandIn) -> anyhow::Result<Played> {
        self.play(|screen| stand_in.jpeg(screen)).await
    }
}

async fn heard(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> anyhow::Result<Said> {
    loop {
        let heard = timeout(PATIENCE, socket.next()).await?;
        match heard.context("the connection ended without a word")?? {
            Message::Text(text) => return Ok(Said::Answer(serde_json::from_str(&text)?)),
            Message::Close(frame) => {
                let code = frame.context("a close without a code")?.code;
                return Ok(Said::Closed(code.into()));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => bail!("unexpected: {other:?}"),
        }
    }
}

/// Plays a capture to its end over whatever line: `ask` sends a message and hears the answer, `next` is the camera.
pub async fn play(
    signer: &mut Signer,
    mut ask: impl AsyncFnMut(Vec<u8>) -> anyhow::Result<Said>,
    mut next: impl FnMut(&Value) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Played> {
    let mut screen = match ask(signer.hello()).await? {
        Said::Answer(answer) => answer["shown"].clone(),
        Said::Closed(code) => bail!("closed with {code}"),
    };
    let mut played = Played {
        took: Duration::ZERO,
        answers: Vec::new(),
        pictures: Vec::new(),
        guidance: Vec::new(),
    };
    let began = Instant::now();
    loop {
        ensure!(began.elapsed() < LONGEST, "no end: {:?}", played.guidance);
        let cue = u32::try_from(screen["cue"].as_u64().unwrap_or_default())?;
        let jpeg = match tokio::task::block_in_place(|| next(&screen)) {
            Ok(jpeg) => jpeg,
            Err(error) if error.is::<Leaves>() => {
                return Err(Unfinished::Left(played.guidance).into());
            }
            Err(error) => return Err(error),
        };
        let message = signer.frame(&jpeg, cue);
        played.pictures.push(jpeg);
        let sent = Instant::now();
        let answer = match ask(message).await? {
            Said::Answer(answer) => answer,
            Said::Closed(code) => return Err(Unfinished::Closed(code, played.guidance).into()),
        };
        played.answers.push(sent.elapsed());
        let text = answer["text"].as_str().unwrap_or("busy").to_owned();
        if played.guidance.last() != Some(&text) {
            played.guidance.push(text);
        }
        if answer["shown"].is_object() {
            screen = answer["shown"].clone();
        }
        if answer["phase"] == "over" {
            played.took = began.elapsed();
            return Ok(played);
        }
        let next_ms = answer["next_ms"].as_u64().unwrap_or_default();
        sleep(Duration::from_millis(next_ms)).await;
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that a capture is let go on.
const LONGEST: Duration = Duration::from_secs(110);
