//! A TCP connection to a part, which a test can pull and put back: the part itself goes on, for the other tests.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A loopback port that leads to another while the plug is in.
#[derive(Debug)]
pub struct Plug {
    port: u16,
    state: Arc<watch::Sender<Current>>,
    forwarder: JoinHandle<()>,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Current {
    /// It reaches the part.
    Flows,
    /// It is closed at once, as by a part that is down.
    Cut,
    /// It is taken and never answered, as by a part that hangs.
    Hangs,
}

impl Plug {
    /// Leads to `port` of the loopback address.
    pub async fn to(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = listener.local_addr()?.port();
        let (state, watcher) = watch::channel(Current::Flows);
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        let forwarder = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, target, watcher.clone()));
            }
        });
        Ok(Self {
            port: own,
            state: Arc::new(state),
            forwarder,
        })
    }

    /// The port to give to whom the plug may be pulled from.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Breaks what is connected, and lets nobody connect.
    pub fn pull(&self) {
        self.state.send_replace(Current::Cut);
    }

    /// Takes connections and answers nothing on any.
    pub fn hang(&self) {
        self.state.send_replace(Current::Hangs);
    }

    /// Lets new connections through again.
    pub fn put_back(&self) {
        self.state.send_replace(Current::Flows);
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        self.state.send_replace(Current::Cut);
        self.forwarder.abort();
    }
}

async fn forward(mut from: TcpStream, target: SocketAddr, mut state: watch::Receiver<Current>) {
    let now = *state.borrow_and_update();
    if now == Current::Flows {
        let Ok(mut to) = TcpStream::connect(target).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut from, &mut to) => return,
            _ = state.wait_for(|s| *s != Current::Flows) => {}
        }
    }
    // A connection that began to hang is closed when the part comes back, or goes for good.
    let _ = state.wait_for(|s| *s != Current::Hangs).await;
}
