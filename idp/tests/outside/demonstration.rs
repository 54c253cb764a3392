//! `whorl demo` without a human, as a program: what it says of files that it cannot use.

use std::process::Command;

use image::{GrayImage, Luma};
use serde_json::Value;

#[test]
fn the_files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["first.png", "second.png", "probe.png"] {
        let blank = GrayImage::from_pixel(320, 320, Luma([200]));
        blank.save(folder.path().join(name)).expect("a picture");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_whorl"))
        .args([
            "demo",
            "--dpi",
            "500",
            "--finger",
            "first.png",
            "second.png",
        ])
        .args(["--probe-finger", "probe.png"])
        .env_clear()
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(12), "{said}");
    let last = said.lines().last().expect("a report");
    let report: Value = serde_json::from_str(last).expect("JSON");
    let steps = report["steps"].as_array().expect("steps");
    let detail = steps.last().and_then(|step| step["detail"].as_str());
    let detail = detail.expect("why").to_owned();
    assert!(detail.starts_with("first.png, second.png: "), "{detail}");
}
