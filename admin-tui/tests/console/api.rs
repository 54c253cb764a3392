//! The typed client against a listener that answers as it is told: what it sends, and what it makes of refusals.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use admin_tui::api::{Api, ApiError};
use secrecy::SecretString;
use url::Url;
use wire::{ClientId, ProblemCode, SubjectQuery};

/// Answers one request with this, and gives back what was asked.
fn serve_once(answer: impl Into<String>) -> (Api, thread::JoinHandle<String>) {
    let answer: String = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/idp/", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let token = SecretString::from("op-token");
    let api = Api::new(&Url::parse(&address).unwrap(), &token, None).unwrap();
    (api, served)
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

const DOES_NOT_MATTER: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

#[test]
fn a_request_carries_the_token_and_the_path_below_the_servers() {
    let (api, served) = serve_once(DOES_NOT_MATTER);
    wait_for(api.delete_client(&ClientId::from("a/b"))).unwrap();
    let request = served.join().unwrap();
    assert!(
        request.starts_with("DELETE /idp/admin/v1/clients/a%2Fb HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\nauthorization: Bearer op-token\r\n"),
        "{request}"
    );
}

#[test]
fn a_query_is_encoded_and_what_is_absent_is_not_sent() {
    let (api, served) = serve_once(
        "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"items\":[]}",
    );
    let query = SubjectQuery {
        search: Some("a&b ü".to_owned()),
        after: None,
        limit: Some(7),
    };
    let page = wait_for(api.subjects(&query)).unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
    let request = served.join().unwrap();
    let line = "GET /idp/admin/v1/subjects?search=a%26b+%C3%BC&limit=7 HTTP/1.1\r\n";
    assert!(request.starts_with(line), "{request}");
}

#[test]
fn a_refusal_is_told_as_the_server_tells_it() {
    let (api, _served) = serve_once(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n\
         {\"type\":\"about:blank\",\"title\":\"no\",\"status\":403,\"detail\":\"ask an owner\",\"code\":\"role_insufficient\"}",
    );
    let error = wait_for(api.whoami()).unwrap_err();
    assert_eq!(error.to_string(), "no: ask an owner");
    let ApiError::Refused(problem) = error else {
        panic!("{error:?}");
    };
    assert_eq!(problem.code, ProblemCode::RoleInsufficient);
}

#[test]
fn a_refusal_is_said_once_and_in_words_for_people() {
    for (code, detail, fields, says) in [
        (
            "name_taken",
            "username: is taken",
            "{\"username\":\"is taken\"}",
            "the username is taken",
        ),
        (
            "invalid_token",
            "send a live operator token as `Authorization: Bearer`",
            "{}",
            "the operator token is not accepted: it is unknown, expired or revoked; `whorl admin token NAME` on the \
             server, or an owner, makes a new one",
        ),
    ] {
        let answer = format!(
            "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n\
             {{\"type\":\"about:blank\",\"title\":\"the name is taken\",\"status\":409,\"detail\":\"{detail}\",\
             \"code\":\"{code}\",\"fields\":{fields}}}"
        );
        let (api, _served) = serve_once(answer);
        assert_eq!(wait_for(api.whoami()).unwrap_err().to_string(), says);
    }
}

#[test]
fn what_is_not_this_api_is_told_apart() {
    for (answer, expected) in [
        (
            "HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n<html>",
            "away",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n",
            "refused",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\nnope",
            "garbled",
        ),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>",
            "garbled",
        ),
        // A redirect would carry the token elsewhere.
        (
            "HTTP/1.1 302 Found\r\nlocation: /x\r\nconnection: close\r\n\r\n",
            "garbled",
        ),
    ] {
        let (api, _served) = serve_once(answer);
        let told = match wait_for(api.whoami()) {
            Err(ApiError::Away(_)) => "away",
            Err(ApiError::Refused(_)) => "refused",
            Err(ApiError::Garbled(_)) => "garbled",
            Ok(_) => "fine",
        };
        assert_eq!(told, expected, "{answer}");
    }
}

#[test]
fn a_server_that_is_not_there_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let token = SecretString::from("t");
    let api = Api::new(&Url::parse(&address).unwrap(), &token, None).unwrap();
    assert!(matches!(wait_for(api.health()), Err(ApiError::Away(_))));
}

#[test]
fn a_certificate_file_without_a_certificate_is_refused() {
    let token = SecretString::from("t");
    let url = Url::parse("https://localhost").unwrap();
    assert!(Api::new(&url, &token, Some(b"nothing in here")).is_err());
}
