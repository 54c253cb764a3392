//! Silent beginnings, slow requests, and what one address may hold.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use axum::Router;
use axum::routing::get;
use axum_server::accept::DefaultAcceptor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::super::serve::bound;
use super::*;

const SILENCE: Silence = Silence {
    first: Duration::from_millis(400),
    idle: Duration::from_millis(1200),
};

async fn server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("is set");
    let slow = get(|| async {
        sleep(SILENCE.idle * 2).await;
        "late"
    });
    let routes = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/slow", slow);
    let doors = Arc::new(Doors {
        silence: SILENCE,
        ..Doors::default()
    });
    let server = axum_server::from_tcp(listener).expect("a server");
    let mut server = server.acceptor(Bounded::new(DefaultAcceptor, doors));
    bound(server.http_builder());
    tokio::spawn(server.serve(routes.into_make_service()));
    address
}

/// Sends these bytes and nothing more; what came until the connection was closed.
async fn until_closed(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(sent).await.expect("is sent");
    let mut came = Vec::new();
    let read = timeout(SILENCE.idle * 10, stream.read_to_end(&mut came)).await;
    // Closed with a reset or without one: not open.
    let _however = read.unwrap_or_else(|_| panic!("{sent:?} is still open"));
    came
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_whatever_it_began() {
    let address = server().await;
    let preface = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 0, 0, 0, 0][..],
    ]
    .concat();
    let beginnings: [&[u8]; 6] = [b"", b"G", b"P", b"PRI * HTT", &preface[..24], &preface];
    let all = beginnings.map(|sent| until_closed(address, sent));
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn a_request_takes_its_time_and_a_connection_after_it_ends() {
    let address = server().await;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let begun = Instant::now();
    let came = until_closed(address, ask("/slow").as_bytes()).await;
    assert!(
        came.ends_with(b"late"),
        "{}",
        String::from_utf8_lossy(&came)
    );
    assert!(begun.elapsed() >= SILENCE.idle * 3);
    let mut stream = TcpStream::connect(address).await.expect("connects");
    for _ in 0..4 {
        stream
            .write_all(ask("/").as_bytes())
            .await
            .expect("is sent");
        let mut some = [0; 512];
        let read = stream.read(&mut some).await.expect("is answered");
        assert!(some[..read].ends_with(b"here"));
        sleep(SILENCE.idle / 2).await;
    }
}

#[test]
fn one_network_holds_so_many_connections_and_its_neighbour_as_many() {
    let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().expect("a network")];
    let doors = Arc::new(Doors::new(2, &trusted));
    let enter = |address: &str| doors.enter(address.parse().expect("an address"));
    let first = enter("2001:db8::1").expect("enters");
    let _second = enter("2001:db8::2").expect("enters");
    assert!(enter("2001:db8::3").is_none(), "the same /64");
    let _other = enter("2001:db8:0:1::1").expect("another one");
    drop(first);
    let _again = enter("2001:db8::3").expect("there is room again");
    for exempt in ["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1"] {
        let many: Vec<Option<Place>> = (0..9).map(|_| enter(exempt)).collect();
        assert!(many.iter().all(Option::is_some), "{exempt}");
    }
    assert_eq!(doors.open().len(), 2);
}
