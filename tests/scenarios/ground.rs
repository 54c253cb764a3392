//! The ground itself: each part that the scenarios stand on does what they count on.

use std::{collections::BTreeSet, path::Path};

use image::{Rgb, RgbImage};
use serde_json::json;
use tests::{browser::Browser, camera, moto::Moto, need, plug::Plug, postgres::Cluster};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[test]
fn each_test_has_a_database_of_its_own_with_the_schema_in_it() {
    let cluster = need!(Cluster::shared());
    let mut migrated = 0;
    let mut names = BTreeSet::new();
    for _ in 0..3 {
        let name = cluster
            .migrated_database(|url| {
                migrated += 1;
                let database = url.rsplit('/').next().unwrap_or_default();
                cluster.sql(database, "SELECT 1").map(drop)
            })
            .expect("a database");
        // A second table of that name in one database would be an error.
        cluster
            .sql(&name, "CREATE TABLE only_here (name text)")
            .expect("its own table");
        names.insert(name);
    }
    assert_eq!(names.len(), 3);
    assert!(migrated <= 1, "migrated {migrated} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emulator_keeps_objects_and_unwraps_only_in_the_right_context() {
    let moto = need!(Moto::shared());
    let vault = moto.vault().await.expect("a bucket and a key");
    moto.put_object(&vault.bucket, "a/b", b"sealed".to_vec())
        .await
        .expect("an object");
    let objects = moto.objects(&vault.bucket).await.expect("a list");
    assert_eq!(objects, [("a/b".to_owned(), b"sealed".to_vec())]);

    let context = json!({ "subject": "ada" });
    let request = json!({ "KeyId": vault.key, "KeySpec": "AES_256", "EncryptionContext": context });
    let made = moto
        .kms("GenerateDataKey", &request)
        .await
        .expect("a data key");
    let wrapped = &made["CiphertextBlob"];
    let open = json!({ "CiphertextBlob": wrapped, "EncryptionContext": context });
    let opened = moto
        .kms("Decrypt", &open)
        .await
        .expect("the data key again");
    assert_eq!(opened["Plaintext"], made["Plaintext"]);
    let wrong = json!({ "CiphertextBlob": wrapped, "EncryptionContext": { "subject": "eve" } });
    let error = moto
        .kms("Decrypt", &wrong)
        .await
        .expect_err("another subject's context");
    assert!(error.to_string().contains("InvalidCiphertext"), "{error}");

    moto.remove_bucket(&vault.bucket).await.expect("removed");
    moto.objects(&vault.bucket)
        .await
        .expect_err("no such bucket");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_plug_breaks_connections_and_can_be_put_back() {
    let port = serve("hello").await;
    let plug = Plug::to(port).await.expect("a plug");
    let url = format!("http://127.0.0.1:{}/", plug.port());
    let get = || async { reqwest::Client::new().get(&url).send().await?.text().await };
    assert_eq!(get().await.expect("through the plug"), "hello");
    plug.pull();
    get().await.expect_err("pulled");
    plug.put_back();
    assert_eq!(get().await.expect("through the plug again"), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_films_what_it_is_given_and_makes_passkeys() {
    let browser = need!(Browser::here());
    let port =
        serve("<!doctype html><title>Ground</title><link rel=icon href=data:,><p>Ground").await;
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("red.png");
    RgbImage::from_pixel(250, 250, Rgb([220, 20, 20]))
        .save(&picture)
        .expect("a picture");
    let film = folder.path().join("film.mjpeg");
    camera::film(&[picture], &film).expect("a film");

    let arguments = json!({
        "url": format!("http://localhost:{port}/"),
        "film": film,
        "screenshots": folder.path().join("shots"),
    });
    let seen = browser
        .run("camera_and_passkey", &arguments)
        .await
        .expect("the script");
    assert_eq!(
        (&seen["frame"]["width"], &seen["frame"]["height"]),
        (&json!(640), &json!(480))
    );
    let channel = |place: &str, c: usize| seen["frame"][place][c].as_i64().unwrap_or_default();
    assert!(
        channel("middle", 0) > 190 && channel("middle", 1) < 60,
        "{seen}"
    );
    assert!(
        channel("edge", 0) > 190 && channel("edge", 1) < 60,
        "the room goes on as the picture ends: {seen}"
    );
    assert_eq!(seen["passkey"]["created"], seen["passkey"]["used"]);
    assert!(seen["signCount"].as_i64().is_some_and(|n| n > 0), "{seen}");
    for size in ["phone", "desktop"] {
        let shot = folder.path().join(format!("shots/01-ground-{size}.png"));
        assert!(wide(&shot) > 300, "{}", shot.display());
    }
}

fn wide(picture: &Path) -> u32 {
    image::open(picture).map(|i| i.width()).unwrap_or_default()
}

/// A page at a loopback port, for as long as the test's runtime lives.
async fn serve(body: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let response = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(response.as_bytes()).await;
            });
        }
    });
    port
}
