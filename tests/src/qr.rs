//! A phone's camera before a page: reads the QR code that the page shows, by a decoder that is not ours.

use anyhow::Context;
use axum::{Json, Router, routing::post};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::person::Page;

/// The text of the QR code on a page.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn on_page(page: &Page) -> anyhow::Result<String> {
    let side = page.attribute("svg.qr rect", "width").context("no code")?;
    let path = page.attribute("svg.qr path", "d").context("no code")?;
    read(side.parse()?, &path)
}

/// Runs of dark modules, `M{x} {y}h{length}v1h-{length}z` each, as pixels for the decoder.
fn read(side: usize, path: &str) -> anyhow::Result<String> {
    let mut dark = vec![false; side * side];
    for run in path.split('M').filter(|run| !run.is_empty()) {
        let (at, rest) = run.split_once('h').context("a run")?;
        let (x, y) = at.split_once(' ').context("a place")?;
        let length: usize = rest.split('v').next().context("a length")?.parse()?;
        let start = y.parse::<usize>()? * side + x.parse::<usize>()?;
        dark[start..start + length].fill(true);
    }
    let pixels = side * PIXELS;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, |x, y| {
        if dark[y / PIXELS * side + x / PIXELS] {
            0
        } else {
            255
        }
    });
    let found = image.detect_grids();
    let (_, text) = found.first().context("no code is seen")?.decode()?;
    Ok(text)
}

/// A reader for scripts in a browser: `POST` with `side` and `path` answers the text.
///
/// # Panics
/// When there is no port.
pub async fn reader() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let routes = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://127.0.0.1:{port}/")
}

async fn answer(Json(code): Json<Value>) -> String {
    let side = code["side"].as_u64().unwrap_or_default();
    let path = code["path"].as_str().unwrap_or_default();
    let side = usize::try_from(side).unwrap_or_default();
    read(side, path).unwrap_or_else(|error| format!("unread: {error:#}"))
}

/// Pixels a module.
const PIXELS: usize = 6;
