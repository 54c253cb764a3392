//! What a manifest may say, and that the built-in ones say it.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

#[test]
fn the_builtin_manifests_have_every_role_once() {
    for (manifest, roles) in [(Manifest::builtin(), 5), (Manifest::npm(), 3)] {
        let seen: HashSet<Role> = manifest.models.iter().map(|m| m.role).collect();
        assert_eq!((seen.len(), manifest.models.len()), (roles, roles));
        manifest.check().expect("a manifest as anybody's");
    }
}

#[test]
fn no_two_builtin_packs_share_a_file_or_an_embedder() {
    let files = |m: &Manifest| {
        m.models
            .iter()
            .map(|m| m.file.clone())
            .collect::<HashSet<_>>()
    };
    let (face, npm) = (Manifest::builtin(), Manifest::npm());
    assert!(files(&face).is_disjoint(&files(&npm)));
    assert!(face.name != npm.name);
    assert!(
        face.model(Role::Embedder).map(|m| &m.name) != npm.model(Role::Embedder).map(|m| &m.name)
    );
}

#[test]
fn only_a_pack_with_both_attack_networks_is_worth_more_than_a_demonstration() {
    let mut face = Manifest::builtin();
    assert!(!face.is_demonstration_only() && Manifest::npm().is_demonstration_only());
    face.demonstration = true;
    assert!(face.is_demonstration_only());
    face.demonstration = false;
    face.models
        .retain(|m| m.role != Role::PresentationAttackFar);
    assert!(face.is_demonstration_only());
}

#[test]
fn every_model_has_its_card() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    for model in Manifest::builtins().into_iter().flat_map(|m| m.models) {
        let card = std::fs::read_to_string(folder.join(&model.card)).expect("the card exists");
        assert!(
            card.contains(&model.licence),
            "{} does not state {}",
            model.card,
            model.licence
        );
    }
}

/// A small pack of somebody else's.
fn text() -> String {
    let model = |role: &str, more: &str| {
        format!(
            "[[model]]\nrole = \"{role}\"\nname = \"{role}-9\"\nfile = \"{role}.onnx\"\nsha256 = \"{}\"\nbytes = 7\n\
             source = \"s\"\nsource_path = \"p\"\nconversion = \"none\"\nlicence = \"MIT\"\n\
             training_data = \"t\"\ninput = \"i\"\ncard = \"c.md\"\n{more}\n",
            "0a".repeat(32)
        )
    };
    let embedder = "contract = \"facenet-160\"\nknots = [[0.0, -2.0, 0.0], [0.5, 3.0, -4.0]]\nembedding = { length = 512, mean = 127.5, divisor = 128.0 }";
    format!(
        "name = \"theirs\"\nversion = \"12\"\n{}{}",
        model("detector", ""),
        model("embedder", embedder)
    )
}

#[test]
fn a_manifest_of_somebody_elses_is_read_with_its_contract_and_its_knots() {
    let manifest = Manifest::parse(&text()).expect("a manifest");
    assert_eq!(manifest.number(), 12);
    let contract = manifest.contracts().embedder;
    assert_eq!(
        (contract.kind, contract.length),
        (EmbedderKind::FaceNet160, 512)
    );
    let calibration = manifest.calibration().expect("knots");
    assert!((calibration.false_match_rate(0.5) - 1e-4).abs() < 1e-12);
}

#[test]
fn a_manifest_that_asks_for_too_much_is_refused() {
    let refused = |from: &str, to: &str| {
        let changed = text().replace(from, to);
        assert_ne!(changed, text(), "{from}");
        Manifest::parse(&changed).expect_err(to)
    };
    let field = |from: &str, to: &str, expected: &str| match refused(from, to) {
        ManifestError::Field { field, .. } => assert_eq!(field, expected, "{to}"),
        other => panic!("{to}: {other}"),
    };
    field("detector.onnx", "../detector.onnx", "file");
    field("detector.onnx", "/etc/x.onnx", "file");
    field("detector.onnx", ".x.onnx", "file");
    field("detector.onnx", "embedder.onnx", "file");
    field("detector.onnx", "detector.sh", "file");
    field("\"theirs\"", "\"../theirs\"", "name");
    field("\"12\"", "\"1.2\"", "version");
    field("\"12\"", "\"012\"", "version");
    field("\"12\"", "\"-1\"", "version");
    field(&"0a".repeat(32), &"0A".repeat(32), "sha256");
    field("bytes = 7", "bytes = 0", "bytes");
    field("bytes = 7", "bytes = 9000000000", "bytes");
    field("facenet-160", "yunet-320", "contract");
    field("length = 512", "length = 513", "embedding");
    field("divisor = 128.0", "divisor = 0.0", "embedding");
    field("[0.5, 3.0, -4.0]", "[-0.5, 3.0, -4.0]", "knots");
    field("[0.5, 3.0, -4.0]", "[0.5, 3.0, nan]", "knots");
    field("[0.5, 3.0, -4.0]", "[1e308, 3.0, -4.0]", "knots");
    field("knots = [[0.0, -2.0, 0.0], [0.5, 3.0, -4.0]]", "", "knots");
    assert!(matches!(
        refused("role = \"embedder\"", "role = \"detector\""),
        ManifestError::RoleTwice(Role::Detector)
    ));
    assert!(matches!(
        refused("role = \"embedder\"", "role = \"landmarks\"\n"),
        ManifestError::Field { .. } | ManifestError::RoleMissing(Role::Embedder)
    ));
    assert!(matches!(
        refused("\"theirs\"", "\"theirs"),
        ManifestError::Unreadable(_)
    ));
    assert!(matches!(
        refused("version", "wersion"),
        ManifestError::Unreadable(_)
    ));
    let long = format!("{}#{}", text(), " ".repeat(LONGEST));
    assert!(matches!(
        Manifest::parse(&long),
        Err(ManifestError::TooLong)
    ));
}

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,400}") {
        let _ = Manifest::parse(&text);
    }
}
