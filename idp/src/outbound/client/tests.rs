//! The guard over real sockets: what is allowed gets through, and nothing else does.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every request with these bytes, and then waits or closes.
async fn serving(answer: Vec<u8>, hold: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let _read = stream.read(&mut request).await;
                let _written = stream.write_all(&answer).await;
                if hold {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    port
}

fn outbound(port: u16) -> Outbound {
    Outbound::new(OutboundSettings {
        allow: vec![OutboundTarget::try_from(format!("127.0.0.1:{port}")).unwrap()],
        ca_file: None,
    })
    .unwrap()
}

async fn fetch(answer: &[u8], hold: bool) -> Result<Answer, OutboundError> {
    let port = serving(answer.to_vec(), hold).await;
    let url = format!("http://127.0.0.1:{port}/x");
    outbound(port).send(Send::get(&url, "*/*")).await
}

#[tokio::test]
async fn an_allowed_address_is_fetched() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=x\r\n\
        cache-control: public, max-age=60\r\ncontent-length: 2\r\n\r\n{}";
    let answer = fetch(answer, true).await.unwrap();
    assert_eq!(answer.media_type, "application/json");
    assert_eq!((answer.status, answer.max_age), (200, Some(60)));
    assert_eq!(answer.ok().unwrap(), "{}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let port = serving(
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
        true,
    )
    .await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
    );
    let answer = fetch(answer.as_bytes(), true).await.unwrap();
    assert_eq!(answer.ok(), Err(OutboundError::Status(302)));
}

#[tokio::test]
async fn a_large_answer_is_not_read() {
    let declared = b"HTTP/1.1 200 OK\r\ncontent-length: 6000000\r\n\r\n";
    assert_eq!(fetch(declared, true).await, Err(OutboundError::TooLarge));
    let mut undeclared = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    undeclared.resize(6_000_000, b'x');
    assert_eq!(
        fetch(&undeclared, false).await,
        Err(OutboundError::TooLarge)
    );
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for() {
    let begun = std::time::Instant::now();
    let partial = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx";
    assert_eq!(fetch(partial, true).await, Err(OutboundError::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn another_port_of_the_allowed_host_is_refused() {
    let port = serving(Vec::new(), true).await;
    let other = outbound(port.wrapping_add(1).max(1024));
    let url = format!("https://127.0.0.1:{port}/");
    let refused = other.send(Send::get(&url, "*/*")).await;
    assert!(
        matches!(refused, Err(OutboundError::Target(_))),
        "{refused:?}"
    );
}

#[test]
fn one_private_address_among_public_ones_refuses_all() {
    let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let public = addresses(&["93.184.215.14:443", "[2606:4700::1111]:443"]);
    assert_eq!(vetted(public.clone(), false), Ok(public));
    let mixed = addresses(&["93.184.215.14:443", "127.0.0.1:443"]);
    assert_eq!(vetted(mixed.clone(), false), Err(OutboundError::NotPublic));
    assert_eq!(vetted(mixed.clone(), true), Ok(mixed));
    let mapped = addresses(&["[::ffff:10.0.0.1]:443"]);
    assert_eq!(vetted(mapped, false), Err(OutboundError::NotPublic));
    assert_eq!(vetted(Vec::new(), true), Err(OutboundError::Unresolved));
}
