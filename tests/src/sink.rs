//! A mail server of a test: takes what it is sent (RFC 5321), or does not, and remembers it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::bail;
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
        Self::listen(None)
    }

    /// The same by TLS from the first byte, under an authority that is written to `ca.pem` of a folder.
    pub fn open_tls(folder: &Path) -> anyhow::Result<Self> {
        Self::listen(Some(entra::certificate(folder)?.get_inner()))
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let sink = Self {
            port: listener.local_addr()?.port(),
            mails: Arc::default(),
            refusal: Arc::default(),
            tries: Arc::default(),
        };
        let own = sink.clone();
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (sink, tls) = (own.clone(), tls.clone());
                // A client that hangs up in between is its own matter.
                thread::spawn(move || match tls {
                    None => sink.serve(stream).ok(),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).ok()?;
                        sink.serve(StreamOwned::new(connection, stream)).ok()
                    }
                });
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

    fn serve(&self, stream: impl Read + Write) -> anyhow::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(b"220 sink\r\n")?;
        let mut mail = Mail::default();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let (verb, rest) = line.split_at(line.len().min(4));
            let answer = match verb.to_ascii_uppercase().as_str() {
                "EHLO" | "HELO" => "250 sink".to_owned(),
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
                "QUIT" => {
                    stream.get_mut().write_all(b"221 bye\r\n")?;
                    return Ok(());
                }
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
