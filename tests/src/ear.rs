//! A small HTTP server of a client: answers as it is told, and remembers what it heard.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

/// What a server heard, and how it answers.
#[derive(Debug, Clone)]
pub struct Ear {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    answer: Arc<Mutex<(u16, String)>>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Method and path.
    pub line: String,
    /// The body.
    pub body: String,
}

impl Ear {
    /// Listens on a free port of 127.0.0.1 for as long as the test's runtime lives, and answers 200 with nothing.
    pub async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let ear = Self {
            port: listener.local_addr()?.port(),
            heard: Arc::default(),
            answer: Arc::new(Mutex::new((200, String::new()))),
        };
        let own = ear.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ear = own.clone();
                tokio::spawn(async move { ear.serve(stream).await });
            }
        });
        Ok(ear)
    }

    /// Where it listens, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Answers like this from now on; status 0 is no answer at all.
    pub fn answer(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_owned());
    }

    /// Everything heard so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until it has heard so many requests.
    pub async fn wait_for(&self, count: usize) -> anyhow::Result<Vec<Heard>> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let heard = self.heard();
            if heard.len() >= count {
                return Ok(heard);
            }
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("heard {} of {count} requests", self.heard().len())
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let request = loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse::<usize>().ok())?
                });
                if body.len() >= length.unwrap_or(0) {
                    let line = head.lines().next().unwrap_or_default().to_owned();
                    break Heard {
                        line,
                        body: body.to_owned(),
                    };
                }
            }
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            }
        };
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        let (status, body) = self
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if status == 0 {
            sleep(PATIENCE).await;
            return;
        }
        let response = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(response.as_bytes()).await;
    }
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
