//! What allocates nothing: comparing fingerprints, so that a gallery is searched at the speed of arithmetic, and running a network.

use matcher::fingerprint::synthetic::{Condition, Finger, FingerParams};
use matcher::fingerprint::{Params, Prepared, compare, compare_or_dismiss, extract};
use matcher::onnx::{Contract, Network};

fn prepared(seed: u64, number: u64, params: &Params) -> Prepared {
    let finger = Finger::grow(seed, &FingerParams::default());
    let image = finger.impression(number, &Condition::clear()).image;
    let made = extract(&image, Some(500.0), params).expect("a clear print");
    Prepared::new(&made.template, params)
}

#[test]
fn a_comparison_allocates_nothing() {
    let params = Params::default();
    let (probe, same, other) = (
        prepared(1, 0, &params),
        prepared(1, 1, &params),
        prepared(2, 0, &params),
    );
    // The counter sees what is allocated at all.
    assert!(
        allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 64]))).count_total > 0
    );
    for reference in [&same, &other] {
        let counted = allocation_counter::measure(|| {
            std::hint::black_box(compare(&probe, reference, &params));
            std::hint::black_box(compare_or_dismiss(&probe, reference, &params));
        });
        assert_eq!(counted.count_total, 0);
    }
}

#[test]
fn a_network_allocates_nothing_after_its_first_run() {
    let Some(folder) = std::env::var_os("WHORL_MODELS") else {
        let is_needed = std::env::var_os("WHORL_TEST_ALL").is_some_and(|v| v == "1");
        assert!(!is_needed, "WHORL_MODELS is not set");
        println!("skipped: WHORL_MODELS is not set");
        return;
    };
    let read = |file: &str| std::fs::read(std::path::Path::new(&folder).join(file));
    for (file, side, outputs) in [
        ("mobilefacenet_foamliu_dyn.onnx", 112, &[128][..]),
        ("minifasnet_v2_27_noprelu.onnx", 80, &[3]),
        ("minifasnet_v1se_40_noprelu.onnx", 80, &[3]),
        ("faceapi_landmark68_dyn.onnx", 112, &[136]),
        (
            "yunet_n_320.onnx",
            320,
            &[
                1600, 400, 100, 1600, 400, 100, 6400, 1600, 400, 16000, 4000, 1000,
            ],
        ),
    ] {
        let contract = Contract {
            role: "any",
            input: [1, 3, side, side],
            outputs,
        };
        let network = Network::load(&read(file).expect("the pack is whole"), contract);
        let network = network.expect("loads");
        let counted = allocation_counter::measure(|| {
            for _ in 0..3 {
                let outputs = network.run(|input| input.fill(9.0)).expect("runs");
                std::hint::black_box(outputs.get(0));
            }
        });
        assert_eq!(counted.count_total, 0, "{file}");
    }
}
