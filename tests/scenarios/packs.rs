//! Model packs: only what a trusted key signed comes into use, in a folder or a bucket, without a restart and without
//! locking anybody out; and the small pack of the npm package, which is worth a demonstration.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use axum::{Router, extract, http::StatusCode, routing::get};
use serde_json::Value;
use tempfile::TempDir;
use tests::{
    missing::{Missing, models_folder, on_path, shared_folder},
    need,
    person::Person,
    program,
    scene::Scene,
    server::{Backend, Server, Setup},
};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use wire::{AuditOutcome, Health, SubjectDetail, paths};

use super::samples::{DEMO, Willing};

/// What an embedder of another name is worth, for a pack that names it anew.
const KNOTS: &str = "knots = [[-0.3, -2.5, 0.0], [0.2, -2.5, -1.4], [0.34, 2.5, -3.0], [0.41, 5.0, -4.0], [0.47, 7.7, -4.7]]\n";

/// A maker of packs: a folder for them, and a key.
struct Maker {
    folder: TempDir,
    models: PathBuf,
}

impl Maker {
    fn here() -> Result<Self, Missing> {
        Ok(Self {
            models: models_folder()?,
            folder: tempfile::tempdir().expect("a folder"),
        })
    }

    /// The recommended pack's files under another name: the embedder, and so its templates, as those of another model.
    fn pack(&self, version: u64) -> PathBuf {
        let folder = self.folder.path().join(format!("theirs-{version}"));
        fs::create_dir_all(&folder).expect("a folder");
        let text = include_str!("../../models/manifest.toml");
        let mut manifest = text
            .replace("\"whorl-face\"", "\"theirs\"")
            .replace("version = \"1\"", &format!("version = \"{version}\""))
            .replace(
                "\"mobilefacenet-foamliu-1\"",
                &format!("\"renamed-{version}\""),
            )
            .replace(
                "calibration = \"matcher::face::score::CALIBRATION\"\n",
                KNOTS,
            );
        assert!(manifest.contains(KNOTS) && manifest.contains("renamed"));
        manifest.push('\n');
        for line in manifest.lines().filter_map(|l| l.strip_prefix("file = ")) {
            let file = line.trim_matches('"');
            fs::copy(self.models.join(file), folder.join(file)).expect("a copy");
        }
        fs::write(folder.join("manifest.toml"), manifest).expect("a manifest");
        folder
    }

    /// Signs a pack; the public key.
    fn sign(&self, pack: &Path, key: &str) -> String {
        let key = self.folder.path().join(key);
        let mut command = program::command("whorl", self.folder.path());
        command
            .args(["models", "sign"])
            .arg(pack)
            .arg("--key")
            .arg(key);
        let output = command.output().expect("whorl");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn signed(&self, version: u64) -> (PathBuf, String) {
        let pack = self.pack(version);
        let key = self.sign(&pack, "key");
        (pack, key)
    }
}

fn trusting(key: &str) -> String {
    format!("{DEMO}\n[models]\ntrusted_keys = [{key:?}]\n")
}

/// A server with the recommended pack.
async fn scene_with(toml: &str) -> Result<Scene, Missing> {
    Scene::set(Setup {
        backend: Backend::Embedded,
        toml,
        faces: true,
    })
    .await
}

fn models(server: &Server, arguments: &[&str]) -> Output {
    let arguments: Vec<&str> = std::iter::once("models")
        .chain(arguments.iter().copied())
        .collect();
    server.whorl(&arguments).expect("whorl")
}

fn pull(server: &Server, pack: &Path) -> Output {
    models(server, &["pull", "--from", &pack.to_string_lossy()])
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes))
        .concat()
}

fn refused(output: &Output, why: &str) {
    let said = said(output);
    assert!(
        !output.status.success() && said.contains(why),
        "{why}: {said}"
    );
}

fn done(output: &Output) -> String {
    let said = said(output);
    assert!(output.status.success(), "{said}");
    said
}

/// What an operator is told of the models.
async fn told(scene: &Scene) -> String {
    let health: Health = scene.owner.get(paths::HEALTH).await.expect("health");
    let part = health.parts.into_iter().find(|part| part.name == "models");
    part.and_then(|part| part.detail).unwrap_or_default()
}

/// Waits until the running server has turned to a pack.
async fn turned_to(scene: &Scene, pack: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let told = told(scene).await;
        if told.starts_with(pack) {
            return;
        }
        assert!(Instant::now() < until, "{pack}: {told}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// The model and the version of a subject's face.
async fn face_of(willing: &Willing) -> (String, u32) {
    let path = paths::subject(willing.id);
    let subject: SubjectDetail = willing.scene.owner.get(&path).await.expect("a subject");
    let mut faces = subject.credentials.into_iter();
    let face = faces
        .find(|c| c.factor == wire::FactorKind::Face)
        .expect("a face");
    (face.model.unwrap_or_default(), face.version)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_trusted_key_signed_is_taken_and_no_version_goes_back() {
    let maker = need!(Maker::here());
    let (first, key) = maker.signed(1);
    let second = maker.signed(2).0;
    let scene = need!(scene_with(&trusting(&key)).await);
    let server = &scene.server;
    let why = |output: &Output, why: &str| {
        refused(output, why);
        assert!(
            !done(&models(server, &["list"])).contains("theirs@"),
            "nothing is kept"
        );
    };

    let manifest = fs::read(first.join("manifest.toml")).expect("a manifest");
    let signature = fs::read(first.join("manifest.sig")).expect("a signature");
    let changed = [manifest.as_slice(), b"# more\n"].concat();
    fs::write(first.join("manifest.toml"), changed).expect("writes");
    why(&pull(server, &first), "no trusted key made it");
    fs::write(first.join("manifest.toml"), &manifest).expect("writes");

    fs::write(first.join("manifest.sig"), "AAAA").expect("writes");
    why(&pull(server, &first), "no trusted key made it");
    maker.sign(&first, "somebody-elses");
    why(&pull(server, &first), "no trusted key made it");
    fs::write(first.join("manifest.sig"), &signature).expect("writes");

    let file = first.join("yunet_n_320.onnx");
    let good = fs::read(&file).expect("a model");
    let mut bad = good.clone();
    bad[1000] ^= 1;
    fs::write(&file, &bad).expect("writes");
    why(&pull(server, &first), "SHA-256");
    fs::write(&file, &good).expect("writes");
    // Nobody signs what the manifest does not say either.
    fs::write(second.join("yunet_n_320.onnx"), &bad).expect("writes");
    let mut sign = program::command("whorl", &second);
    let key_file = maker.folder.path().join("key");
    sign.args(["models", "sign", "."])
        .arg("--key")
        .arg(key_file);
    refused(&sign.output().expect("whorl"), "SHA-256");
    fs::write(second.join("yunet_n_320.onnx"), &good).expect("writes");

    refused(&models(server, &["use", "theirs@2"]), "is not there");
    done(&pull(server, &first));
    done(&pull(server, &second));
    done(&models(server, &["use", "theirs@2"]));
    turned_to(&scene, "theirs 2").await;
    let listed = done(&models(server, &["list"]));
    assert!(
        listed.contains("in use") && listed.contains("theirs@1"),
        "{listed}"
    );

    refused(
        &models(server, &["use", "theirs@1"]),
        "older than version 2",
    );
    done(&models(server, &["use", "theirs@1", "--allow-older"]));
    turned_to(&scene, "theirs 1").await;
    let trail = scene.owner.audit().await.expect("the trail");
    let used = trail.iter().filter(|event| event.kind == "models.used");
    let used: Vec<_> = used
        .map(|event| {
            (
                event.detail["pack"].as_str(),
                event.detail.contains_key("older"),
            )
        })
        .collect();
    assert_eq!(used.len(), 2, "{used:?}");
    assert!(
        used.contains(&("theirs@2", false)) && used.contains(&("theirs@1", true)),
        "{used:?}"
    );
}

/// A file that is changed where the packs are kept is found when it is read, and the pack in use stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_was_changed_on_the_shelf_does_not_come_into_use() {
    let maker = need!(Maker::here());
    let (first, key) = maker.signed(1);
    let scene = need!(scene_with(&trusting(&key)).await);
    let before = told(&scene).await;
    done(&pull(&scene.server, &first));
    let kept = scene
        .server
        .folder()
        .join("state/packs/theirs/1/yunet_n_320.onnx");
    let mut bytes = fs::read(&kept).expect("a model");
    bytes[2000] ^= 1;
    fs::write(&kept, bytes).expect("writes");
    done(&models(&scene.server, &["use", "theirs@1"]));
    let until = Instant::now() + Duration::from_secs(60);
    while !scene.server.log().contains("models_refused") {
        assert!(Instant::now() < until, "{}", scene.server.log());
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(told(&scene).await, before);
}

/// The server runs on, the person is not locked out, and the reference is made anew under the newer model.
async fn switch(backend: Backend) {
    let maker = need!(Maker::here());
    let (pack, key) = maker.signed(7);
    let willing = need!(Willing::under(backend, &trusting(&key)).await);
    let server = &willing.scene.server;
    willing.enrol_face(1).await.expect("a face");
    willing.finish().await.expect("enrolled");
    let (model, version) = face_of(&willing).await;
    assert_eq!((model.as_str(), version), ("mobilefacenet-foamliu-1", 1));

    done(&pull(server, &pack));
    done(&models(server, &["use", "theirs@7"]));
    turned_to(&willing.scene, "theirs 7 (renamed-7)").await;
    assert_eq!(
        face_of(&willing).await.1,
        1,
        "nothing is written before a login"
    );
    willing.sign_in(5).await.expect("under the older model");
    assert_eq!(face_of(&willing).await, ("renamed-7".to_owned(), 2));
    willing.sign_in(3).await.expect("under the newer model");
    assert_eq!(face_of(&willing).await.1, 2, "one time is enough");
    let trail = willing.scene.owner.audit().await.expect("the trail");
    let mut judged: Vec<_> = trail
        .iter()
        .filter(|event| event.kind == "factor.verified" && event.outcome == AuditOutcome::Success)
        .filter_map(|event| Some((event.seq, event.detail.get("model")?.as_str())))
        .collect();
    judged.sort_unstable();
    let judged: Vec<_> = judged.into_iter().map(|(_, model)| model).collect();
    assert_eq!(judged, ["mobilefacenet-foamliu-1", "renamed-7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_model_takes_over_at_the_next_good_login() {
    switch(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_model_takes_over_from_a_bucket() {
    switch(Backend::Production).await;
}

/// A folder at a loopback address.
async fn serve(folder: PathBuf) -> String {
    let file = async move |extract::Path(name): extract::Path<String>| {
        let bytes = fs::read(folder.join(name));
        bytes.map_err(|_| StatusCode::NOT_FOUND)
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let routes = Router::new().route("/pack/{file}", get(file));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://127.0.0.1:{port}/pack")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_comes_from_a_url_and_a_file_that_changed_since_is_found() {
    let url = serve(need!(models_folder())).await;
    let home = tempfile::tempdir().expect("a folder");
    let pack = home.path().join("pack");
    let whorl = |arguments: &[&str]| {
        let mut command = program::command("whorl", home.path());
        command.env("WHORL_MODELS", &pack);
        command.arg("models").args(arguments);
        command.output().expect("whorl")
    };
    done(&whorl(&["pull", "--from", &url, "--into", "pack"]));
    assert_eq!(fs::read_dir(&pack).expect("a folder").count(), 5);
    let good = done(&whorl(&["verify"]));
    assert_eq!(good.matches("good").count(), 5, "{good}");

    let file = pack.join("yunet_n_320.onnx");
    let mut bytes = fs::read(&file).expect("a model");
    bytes[1000] ^= 1;
    fs::write(&file, &bytes).expect("writes");
    let found = whorl(&["verify"]);
    let text = said(&found);
    assert_eq!(found.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("good").count(), 4, "{text}");
    // From somewhere else comes another file, which is not kept.
    let elsewhere = serve(pack.clone()).await;
    refused(
        &whorl(&["pull", "--from", &elsewhere, "--into", "other"]),
        "SHA-256",
    );
}

/// A server that started without a pack takes one that comes, without a restart: the face is offered from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_pack_takes_one_that_comes() {
    let maker = need!(Maker::here());
    let (pack, key) = maker.signed(4);
    let setup = Setup {
        backend: Backend::Embedded,
        toml: &trusting(&key),
        faces: false,
    };
    let scene = need!(Scene::set(setup).await);
    let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
    let person = Person::new();
    let page = person.open(&invitation).await.expect("an answer").page();
    let form = page.expect("a page").form_with("token").expect("a form");
    let overview = person.submit(form).await.expect("an answer").page();
    let before = overview.expect("the overview").body;
    assert!(!before.contains("/enrol/face"), "{before}");
    assert!(told(&scene).await.contains("the face factor is off"));
    done(&pull(&scene.server, &pack));
    done(&models(&scene.server, &["use", "theirs@4"]));
    turned_to(&scene, "theirs 4").await;
    let overview = person.open(scene.server.url("/enrol")).await;
    let after = overview.expect("an answer").page().expect("a page").body;
    assert!(after.contains("/enrol/face"), "{after}");
    let page = person.open(scene.server.url("/enrol/consent")).await;
    let page = page.expect("an answer").page().expect("a page");
    let form = page.form_with("version").expect("a form");
    let granted = person.submit(form.fill("decision", "grant")).await;
    granted.expect("an answer").page().expect("a page");
    let camera = person.open(scene.server.url("/enrol/face")).await;
    let camera = camera.expect("an answer").page().expect("a page").body;
    assert!(camera.contains("data-capture"), "{camera}");
}

/// Without attack networks a pack serves a demonstration, and nothing else takes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_without_attack_networks_is_worth_a_demonstration_alone() {
    let maker = need!(Maker::here());
    let pack = maker.pack(3);
    let text = fs::read_to_string(pack.join("manifest.toml")).expect("a manifest");
    let (head, rest) = text
        .split_once("[[model]]\nrole = \"presentation-attack-2.7\"")
        .expect("the net");
    let (_, tail) = rest
        .split_once("[[model]]\nrole = \"landmarks\"")
        .expect("the last");
    let text = format!("{head}[[model]]\nrole = \"landmarks\"{tail}");
    fs::write(pack.join("manifest.toml"), text).expect("writes");
    let key = maker.sign(&pack, "key");

    let strict = format!("[models]\ntrusted_keys = [{key:?}]\n");
    let scene = need!(scene_with(&strict).await);
    done(&pull(&scene.server, &pack));
    refused(
        &models(&scene.server, &["use", "theirs@3"]),
        "serves a demonstration only",
    );

    let scene = need!(scene_with(&trusting(&key)).await);
    done(&pull(&scene.server, &pack));
    done(&models(&scene.server, &["use", "theirs@3"]));
    turned_to(&scene, "theirs 3").await;
    assert!(told(&scene).await.contains("urn:whorl:acr:demo alone"));
    let doctor = said(&scene.server.whorl(&["doctor"]).expect("whorl"));
    assert!(
        doctor.contains("worth urn:whorl:acr:demo alone"),
        "{doctor}"
    );
}

/// A machine with nothing but npm: what `whorl demo` finds and says there, and that a face signs in.
struct Bare {
    home: TempDir,
    people: PathBuf,
}

impl Bare {
    fn here() -> Result<Self, Missing> {
        on_path(&["npm"]).ok_or_else(|| Missing::new("npm is missing", "install Node"))?;
        Ok(Self {
            home: tempfile::tempdir().expect("a folder"),
            people: shared_folder()?.join("data/faces/lfw_color"),
        })
    }

    fn whorl(&self) -> Command {
        let mut command = program::command("whorl", self.home.path());
        command.env_remove("WHORL_MODELS");
        // A machine's own registry is the machine's, and not the test's.
        for kept in [
            "NPM_CONFIG_REGISTRY",
            "npm_config_registry",
            "NPM_CONFIG_USERCONFIG",
            "HTTPS_PROXY",
            "https_proxy",
            "NODE_EXTRA_CA_CERTS",
        ] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if let Some(home) = std::env::var_os("HOME").map(PathBuf::from)
            && home.join(".npmrc").is_file()
        {
            command.env("NPM_CONFIG_USERCONFIG", home.join(".npmrc"));
        }
        command
    }

    fn picture(&self, person: &str, number: u32) -> PathBuf {
        self.people
            .join(person)
            .join(format!("{person}_{number:04}.jpg"))
    }

    fn demo(&self, references: &[PathBuf], probe: PathBuf) -> (Option<i32>, String) {
        let mut command = self.whorl();
        command.arg("demo").args(["--face"]).args(references);
        let output = command
            .arg("--probe-face")
            .arg(probe)
            .output()
            .expect("whorl");
        (output.status.code(), said(&output))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_nothing_but_npm_comes_to_a_login_by_face() {
    let bare = need!(Bare::here());
    let powell: Vec<_> = (1..=3).map(|n| bare.picture("Colin_Powell", n)).collect();
    let (status, first) = bare.demo(&powell, bare.picture("Colin_Powell", 5));
    assert_eq!(status, Some(0), "{first}");
    assert!(
        first.contains("No face models are here") && first.contains("npm"),
        "{first}"
    );
    let report: Value =
        serde_json::from_str(first.lines().next_back().unwrap_or_default()).expect("JSON");
    assert_eq!(report["claims"]["acr"], "urn:whorl:acr:demo", "{report}");

    // The second time everything is there, and nothing is fetched; another face is refused.
    let (status, second) = bare.demo(&powell, bare.picture("George_W_Bush", 1));
    assert_eq!(status, Some(10), "{second}");
    assert!(!second.contains("No face models are here"), "{second}");

    let verified = bare
        .whorl()
        .args(["models", "verify"])
        .output()
        .expect("whorl");
    assert_eq!(done(&verified).matches("good").count(), 3);
    // A provider that is no demonstration does not take it, and the doctor says why.
    let doctor = said(&bare.whorl().arg("doctor").output().expect("whorl"));
    assert!(
        doctor.contains("looks for no presentation attacks"),
        "{doctor}"
    );
}

/// A folder with an `npm` that does this, and nothing else, for a PATH.
fn npm_that(does: &str, home: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = home.join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("npm");
    fs::write(&program, format!("#!/bin/sh\n{does}\n")).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
    folder
}

#[test]
fn what_npm_brings_is_held_to_the_digest_that_is_built_in() {
    let home = tempfile::tempdir().expect("a folder");
    let pull = |path: &Path| {
        let mut command = program::command("whorl", home.path());
        command.env_remove("WHORL_MODELS").env("PATH", path);
        command.args(["models", "pull", "--from", "npm", "--into", "models"]);
        command.output().expect("whorl")
    };
    let path = npm_that("echo no such package >&2; exit 1", home.path());
    refused(&pull(&path), "no such package");
    let path = npm_that("printf other > vladmandic-face-api-1.7.15.tgz", home.path());
    refused(&pull(&path), "is another one than this version knows");
    let path = npm_that("exit 0", home.path());
    refused(&pull(&path), "is another one than this version knows");
    refused(&pull(&home.path().join("empty")), "npm is not on the PATH");
    let kept = fs::read_dir(home.path().join("models")).map_or(0, Iterator::count);
    assert_eq!(kept, 0, "nothing is kept");
}
