//! Where a pack is found, what is refused of it, and that a pull brings it whole.

use std::path::PathBuf;

use super::find::find_among;
use super::*;

/// The pack of `WHORL_MODELS`; a missing one is a failure only where everything is to be tested.
pub(crate) fn pack() -> Option<PathBuf> {
    let pack = std::env::var_os("WHORL_MODELS").map(PathBuf::from);
    if pack.is_none() {
        assert!(
            std::env::var_os("WHORL_TEST_ALL").is_none(),
            "WHORL_MODELS is not set"
        );
        println!("skipped: WHORL_MODELS is not set");
    }
    pack
}

/// A folder with files of the pack's names, and nothing in them.
fn hollow() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for model in Manifest::builtin().models {
        std::fs::write(folder.path().join(model.file), b"").expect("writes");
    }
    folder
}

#[test]
fn a_named_folder_must_hold_the_pack_and_the_usual_ones_may() {
    let (empty, whole) = (tempfile::tempdir().expect("a folder"), hollow());
    let usual = [empty.path().to_owned(), whole.path().to_owned()];
    assert_eq!(
        find_among(None, &usual).expect("found").directory,
        whole.path()
    );
    let named = find_among(Some(empty.path().to_owned()), &usual);
    assert!(
        matches!(named, Err(ModelsError::Missing { .. })),
        "{named:?}"
    );
    let none = find_among(None, &usual[..1]).expect_err("nowhere");
    assert!(none.to_string().contains("whorl models pull"), "{none}");
}

#[test]
fn another_file_is_refused() {
    let folder = hollow();
    assert!(matches!(
        verify(folder.path(), &Manifest::builtin()),
        Err(ModelsError::Changed { .. })
    ));
    assert!(matches!(
        Models::load(folder.path()),
        Err(ModelsError::Changed { .. })
    ));
    let first = Manifest::builtin().models.remove(0).file;
    std::fs::remove_file(folder.path().join(&first)).expect("removes");
    assert!(matches!(
        verify(folder.path(), &Manifest::builtin()),
        Err(ModelsError::Missing { .. })
    ));
    let states = list(folder.path(), Manifest::builtin());
    assert!(
        matches!(states[0].state, FileState::Missing)
            && matches!(states[1].state, FileState::Bad(_))
    );
}

#[tokio::test]
async fn a_pull_brings_the_pack_whole_and_only_the_right_files() {
    let Some(pack) = pack() else { return };
    let into = tempfile::tempdir().expect("a folder");
    let target = into.path().join("models");
    let pulled = pull(&Source::parse(pack.to_str()), &target)
        .await
        .expect("pulls");
    assert_eq!(pulled.files.len(), Manifest::builtin().models.len());
    verify(&target, &pulled.found.manifest).expect("the pack");
    assert!(
        pull(&Source::Folder(pack), &target)
            .await
            .expect("nothing to do")
            .files
            .is_empty()
    );
    let broken = pull(&Source::Folder(hollow().path().to_owned()), into.path()).await;
    assert!(matches!(broken, Err(ModelsError::Changed { .. })));
    let nowhere = pull(&Source::Manifest, into.path()).await;
    assert!(matches!(nowhere, Err(ModelsError::NoSource { .. })));
    assert_eq!(
        std::fs::read_dir(into.path()).expect("reads").count(),
        1,
        "nothing else is left behind"
    );
}

#[tokio::test]
async fn a_pull_from_an_address_is_held_to_the_digests() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("binds");
    let base = format!("http://{}/pack", listener.local_addr().expect("an address"));
    let served = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.expect("a peer");
        let mut request = vec![0; 1024];
        let length = peer.read(&mut request).await.expect("reads");
        peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nmodel")
            .await
            .expect("writes");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let into = tempfile::tempdir().expect("a folder");
    let pulled = pull(&Source::parse(Some(&base)), into.path()).await;
    assert!(
        matches!(pulled, Err(ModelsError::Changed { .. })),
        "{pulled:?}"
    );
    let first = Manifest::builtin().models.remove(0).file;
    assert!(
        served
            .await
            .expect("served")
            .starts_with(&format!("GET /pack/{first} "))
    );
    assert_eq!(std::fs::read_dir(into.path()).expect("reads").count(), 0);
}

#[test]
fn the_pack_loads_and_says_what_it_is() {
    let Some(pack) = pack() else { return };
    let models = Models::find_and_load(Some(&pack)).expect("loads");
    let said = models.describe();
    assert!(
        said.contains(models.face().model()) && said.contains(&*pack.to_string_lossy()),
        "{said}"
    );
}
