//! Manifests of model packs: an error, or a pack that names no place outside its folder and asks for what a model needs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::face::pack::{Manifest, Role};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(manifest) = Manifest::parse(text) else {
        return;
    };
    let is_plain = |name: &str| !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    assert!(is_plain(&manifest.name) && manifest.number().to_string() == manifest.version);
    for model in &manifest.models {
        assert!(is_plain(&model.file) && model.file.ends_with(".onnx"));
    }
    assert!(manifest.model(Role::Detector).is_some() && manifest.model(Role::Embedder).is_some());
    let contract = manifest.contracts().embedder;
    assert!([128, 256, 512].contains(&contract.length) && contract.divisor != 0.0);
    let calibration = manifest.calibration().expect("an embedder has its knots");
    let mut last = (f64::NEG_INFINITY, 1.0);
    for score in [-2.0, -0.5, 0.0, 0.5, 2.0] {
        let now = (calibration.llr(score), calibration.false_match_rate(score));
        assert!(now.0 >= last.0 && now.1 <= last.1, "{now:?} after {last:?}");
        last = now;
    }
});
