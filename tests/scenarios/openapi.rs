//! schemathesis sends the admin API what its OpenAPI document allows and what it does not: no answer is a fault of ours,
//! and every answer is of the shape that the document promises.

use std::{fs, process::Stdio, time::Duration};

use serde_json::Value;
use tests::{
    missing::here,
    need,
    outsiders::Python,
    server::{Backend, Server, Setup},
};
use tokio::{process::Command, time::timeout};

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_fault() {
    let python = need!(Python::here());
    let server = need!(Server::start(Setup::plain(Backend::Embedded)).await);
    let output = server
        .whorl(&["admin", "token", "olivia", "--role", "owner"])
        .expect("whorl");
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(!token.is_empty(), "{output:?}");
    let text = fs::read_to_string(here().join("../docs/openapi.json")).expect("the document");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    // Nobody is to wait for events here.
    for parameter in document["paths"]["/admin/v1/audit"]["get"]["parameters"]
        .as_array_mut()
        .expect("parameters")
    {
        if parameter["name"] == "wait_s" {
            parameter["schema"]["maximum"] = 0.into();
        }
    }
    let schema = server.folder().join("openapi.json");
    fs::write(&schema, document.to_string()).expect("written");
    let child = Command::new(python.program("schemathesis"))
        .args(["--no-color", "run"])
        .arg(&schema)
        .args(["--url", &server.issuer])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args([
            "--checks",
            "not_a_server_error,response_schema_conformance,content_type_conformance",
        ])
        .args([
            "--max-examples",
            "25",
            "--seed",
            "1",
            "--workers",
            "1",
            "--continue-on-failure",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--warnings",
            "off",
            "--generation-database",
            "none",
        ])
        .current_dir(server.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("schemathesis");
    let output = timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("in time")
        .expect("its output");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    // It did ask, with a token that is good, and sent what is to be refused.
    for (status, least) in [("2xx", 100.0), ("4xx", 100.0)] {
        let labels = ["/admin/v1/", &format!("status=\"{status}\"")];
        let asked = server
            .metric("idp_http_requests_total", &labels)
            .await
            .expect("a metric");
        assert!(asked > least, "{status}: {asked}\n{said}");
    }
}

const PATIENCE: Duration = Duration::from_secs(300);
