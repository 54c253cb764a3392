//! A mail server of a test: takes what it is sent (RFC 5321), or does not, and remembers it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::bail;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::time::{Instant, sleep};

use crate::entra;

/// A mail server on 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Sink {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    refusal: Arc<Mutex<Option<u16>>>,
    tries: Arc<Mutex<usize>>,
    /// Who may send, where that is asked: a name and a password.
    sender: Arc<Mutex<Option<(String, String)>>>,
    strangers: Arc<Mutex<usize>>,
}

/// When a connection goes over to TLS.
#[derive(Clone)]
enum Tls {
    Never,
    Always(Arc<ServerConfig>),
    /// When the client says so, and nothing is taken before (RFC 3207).
    Asked(Arc<ServerConfig>),
}

/// How a conversation ended.
enum End<S> {
    Over,
    /// Its stream goes on in TLS.
    Starttls(S),
}

/// A mail as it came.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// The envelope's sender and recipients.
    pub from: String,
    /// Whom it is for.
    pub to: Vec<String>,
    /// Header and text, as sent.
    pub text: String,
}

impl Sink {
    /// Listens for as long as the process lives, and takes every mail.
    pub fn open() -> anyhow::Result<Self> {
        Self::listen(0, Tls::Never)
    }

    /// A server on this port that wants STARTTLS, under an authority that is written to `ca.pem` of a folder, and then
    /// this name and password (RFC 4954).
    pub fn open_starttls(
        port: u16,
        folder: &Path,
        (name, password): (&str, &str),
    ) -> anyhow::Result<Self> {
        let tls = entra::certificate(folder)?.get_inner();
        let sink = Self::listen(port, Tls::Asked(tls))?;
        sink.expect_of(name, password);
        Ok(sink)
    }

    /// Takes mail from this sender only, from now on.
    pub fn expect_of(&self, name: &str, password: &str) {
        *lock(&self.sender) = Some((name.to_owned(), password.to_owned()));
    }

    /// Waits until so many have shown a wrong name or password.
    pub async fn wait_for_strangers(&self, count: usize) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if *lock(&self.strangers) >= count {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!("{} of {count} strangers", *lock(&self.strangers))
    }

    /// The same by TLS from the first byte, under an authority that is written to `ca.pem` of a folder.
    pub fn open_tls(folder: &Path) -> anyhow::Result<Self> {
        Self::listen(0, Tls::Always(entra::certificate(folder)?.get_inner()))
    }

    fn listen(port: u16, tls: Tls) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let sink = Self {
            port: listener.local_addr()?.port(),
            mails: Arc::default(),
            refusal: Arc::default(),
            tries: Arc::default(),
            sender: Arc::default(),
            strangers: Arc::default(),
        };
        let own = sink.clone();
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (sink, tls) = (own.clone(), tls.clone());
                // A client that hangs up in between is its own matter.
                thread::spawn(move || sink.answer(stream, tls).ok());
            }
        });
        Ok(sink)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Refuses recipients with this code from now on, or takes them again.
    pub fn refuse(&self, code: Option<u16>) {
        *lock(&self.refusal) = code;
    }

    /// Every mail so far.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.mails).clone()
    }

    /// How many recipients were named so far, taken or refused.
    #[must_use]
    pub fn tries(&self) -> usize {
        *lock(&self.tries)
    }

    /// Waits for so many mails.
    pub async fn wait_for(&self, count: usize) -> anyhow::Result<Vec<Mail>> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let mails = self.mails();
            if mails.len() >= count {
                return Ok(mails);
            }
            sleep(GLANCE).await;
        }
        bail!("{} of {count} mails came", self.mails().len())
    }

    /// Waits until somebody has tried so often.
    pub async fn wait_for_tries(&self, count: usize) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.tries() >= count {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!("{} of {count} tries", self.tries())
    }

    fn answer(&self, mut stream: TcpStream, tls: Tls) -> anyhow::Result<()> {
        const GREETING: &[u8] = b"220 sink\r\n";
        match tls {
            Tls::Never => {
                stream.write_all(GREETING)?;
                self.serve(stream, false)?;
            }
            Tls::Always(config) => {
                let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
                stream.write_all(GREETING)?;
                self.serve(stream, false)?;
            }
            Tls::Asked(config) => {
                stream.write_all(GREETING)?;
                if let End::Starttls(stream) = self.serve(stream, true)? {
                    let stream = StreamOwned::new(ServerConnection::new(config)?, stream);
                    self.serve(stream, false)?;
                }
            }
        }
        Ok(())
    }

    /// A conversation; one that is only `before` TLS takes nothing.
    fn serve<S: Read + Write>(&self, stream: S, before: bool) -> anyhow::Result<End<S>> {
        let mut stream = BufReader::new(stream);
        let mut mail = Mail::default();
        let sender = lock(&self.sender).clone();
        let mut is_known = sender.is_none();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(End::Over);
            }
            let line = line.trim_end();
            let (verb, rest) = line.split_at(line.len().min(4));
            let answer = match verb.to_ascii_uppercase().as_str() {
                "EHLO" | "HELO" if before => "250-sink\r\n250 STARTTLS".to_owned(),
                "EHLO" if !is_known => "250-sink\r\n250 AUTH PLAIN".to_owned(),
                "EHLO" | "HELO" => "250 sink".to_owned(),
                "STAR" if before => {
                    stream.get_mut().write_all(b"220 go on\r\n")?;
                    stream.get_mut().flush()?;
                    return Ok(End::Starttls(stream.into_inner()));
                }
                "QUIT" => {
                    stream.get_mut().write_all(b"221 bye\r\n")?;
                    stream.get_mut().flush()?;
                    return Ok(End::Over);
                }
                _ if before => "530 STARTTLS first".to_owned(),
                "AUTH" => {
                    is_known = sender.as_ref().is_some_and(|known| is_from(rest, known));
                    if !is_known {
                        *lock(&self.strangers) += 1;
                    }
                    let answer = if is_known {
                        "235 ok"
                    } else {
                        "535 who are you?"
                    };
                    answer.to_owned()
                }
                "MAIL" if !is_known => "530 who are you?".to_owned(),
                "MAIL" => {
                    mail.from = within(rest);
                    "250 ok".to_owned()
                }
                "RCPT" => {
                    *lock(&self.tries) += 1;
                    match *lock(&self.refusal) {
                        Some(code) => format!("{code} not now"),
                        None => {
                            mail.to.push(within(rest));
                            "250 ok".to_owned()
                        }
                    }
                }
                "DATA" => {
                    stream.get_mut().write_all(b"354 go on\r\n")?;
                    mail.text = data(&mut stream)?;
                    lock(&self.mails).push(std::mem::take(&mut mail));
                    "250 taken".to_owned()
                }
                "RSET" | "NOOP" => "250 ok".to_owned(),
                _ => "502 what?".to_owned(),
            };
            let answer = format!("{answer}\r\n");
            stream.get_mut().write_all(answer.as_bytes())?;
            stream.get_mut().flush()?;
        }
    }
}

/// Up to the line with a lone full stop.
fn data(stream: &mut impl BufRead) -> anyhow::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            bail!("hung up within a mail");
        }
        if line.trim_end() == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// Whether `PLAIN` and its answer name this sender (RFC 4616 §2).
fn is_from(rest: &str, (name, password): &(String, String)) -> bool {
    let answer = rest.trim().strip_prefix("PLAIN ").unwrap_or_default();
    let expected = format!("\0{name}\0{password}");
    STANDARD
        .decode(answer)
        .is_ok_and(|answer| answer == expected.as_bytes())
}

fn within(rest: &str) -> String {
    let inside = rest
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(it, _)| it.to_owned()).unwrap_or_default()
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than the pauses between the first tries.
const PATIENCE: Duration = Duration::from_secs(90);
const GLANCE: Duration = Duration::from_millis(50);
