//! What the plans of networks promise: bad files are refused, and what they compute is what tract computes.

use std::path::{Path, PathBuf};

use super::*;

const ANY: Contract = Contract {
    role: "detector",
    input: [1, 3, 8, 8],
    outputs: &[1],
};

#[test]
fn bytes_that_are_no_model_are_refused() {
    for bytes in [&b""[..], b"\x08\x07", b"not a model at all", &[0xff; 64]] {
        assert!(matches!(
            Network::load(bytes, ANY),
            Err(OnnxError::Load {
                role: "detector",
                ..
            })
        ));
    }
}

#[test]
fn a_network_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Network>();
}

/// What a variable names; nothing, said plainly, without it, and a failure where everything must be there.
fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        let is_needed = std::env::var_os("WHORL_TEST_ALL").is_some_and(|v| v == "1");
        assert!(!is_needed, "{variable} is not set");
        println!("skipped: {variable} is not set");
    }
    folder
}

/// The models of the pack that `WHORL_MODELS` names; none without it.
fn pack() -> Vec<(Contract, Vec<u8>)> {
    let Some(folder) = folder("WHORL_MODELS") else {
        return Vec::new();
    };
    let model = |role, input, outputs| (role, input, outputs);
    [
        (
            "yunet_n_320.onnx",
            model(
                "detector",
                [1, 3, 320, 320],
                &[
                    1600, 400, 100, 1600, 400, 100, 6400, 1600, 400, 16000, 4000, 1000,
                ][..],
            ),
        ),
        (
            "mobilefacenet_foamliu_dyn.onnx",
            model("embedder", [1, 3, 112, 112], &[128]),
        ),
        (
            "minifasnet_v2_27_noprelu.onnx",
            model("presentation-attack-2.7", [1, 3, 80, 80], &[3]),
        ),
        (
            "minifasnet_v1se_40_noprelu.onnx",
            model("presentation-attack-4.0", [1, 3, 80, 80], &[3]),
        ),
        (
            "faceapi_landmark68_dyn.onnx",
            model("landmarks", [1, 3, 112, 112], &[136]),
        ),
    ]
    .into_iter()
    .map(|(file, (role, input, outputs))| {
        let bytes = std::fs::read(folder.join(file)).expect("the pack is whole");
        let contract = Contract {
            role,
            input,
            outputs,
        };
        (contract, bytes)
    })
    .collect()
}

/// Numbers of 0 to 255 that look like nothing.
fn noise(seed: u32) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as f32
    })
}

fn filled(seed: u32) -> impl Fn(&mut [f32]) {
    move |input| {
        for (value, noise) in input.iter_mut().zip(noise(seed)) {
            *value = noise;
        }
    }
}

/// A smooth picture, as a face is smoother than noise.
fn picture(contract: &Contract) -> impl Fn(&mut [f32]) {
    let [_, _, height, width] = contract.input;
    move |input| {
        for (i, value) in input.iter_mut().enumerate() {
            let (channel, y, x) = (i / (height * width), i / width % height, i % width);
            let (y, x) = (
                y as f32 / height as f32 - 0.5,
                x as f32 / width as f32 - 0.5,
            );
            let round = (-(8.0 * x * x + 5.0 * y * y)).exp();
            *value = 255.0 * round * (1.0 - 0.2 * channel as f32) + 20.0 * (9.0 * y).sin().abs();
        }
    }
}

fn worst(contract: &Contract, ours: &Outputs<'_>, theirs: &Outputs<'_>) -> f32 {
    (0..contract.outputs.len())
        .flat_map(|i| ours.get(i).iter().zip(theirs.get(i)))
        .fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
}

#[test]
fn the_models_of_the_pack_run_as_plans_and_answer_as_tract_does() {
    for (contract, bytes) in pack() {
        let tract = Network::load_for(&bytes, contract, Engine::Tract).expect("loads");
        assert_eq!(tract.engine(), Engine::Tract);
        for level in Level::available() {
            let plan = Network::load_for(&bytes, contract, Engine::Plan(level)).expect("loads");
            assert_eq!(plan.engine(), Engine::Plan(level), "{}", contract.role);
            let check = |name: &str, fill: &dyn Fn(&mut [f32])| {
                let (ours, theirs) = (
                    plan.run(fill).expect("runs"),
                    tract.run(fill).expect("runs"),
                );
                let worst = worst(&contract, &ours, &theirs);
                println!("{} {level:?} {name}: {worst:e}", contract.role);
                assert!(worst <= 1e-5, "{} {level:?} {name}: {worst}", contract.role);
                assert!(ours.get(0).iter().any(|v| *v != 0.0));
            };
            check("nothing", &|_| ());
            check("picture", &picture(&contract));
            for seed in 0..3 {
                check("noise", &filled(seed));
            }
        }
    }
}

/// Photographs of people from the data that `WHORL_SHARED` names, enlarged or reduced to an input, its channels in this order.
fn photographs(contract: &Contract, order: [usize; 3]) -> Vec<Vec<f32>> {
    let Some(folder) = folder("WHORL_SHARED") else {
        return Vec::new();
    };
    let [_, _, height, width] = contract.input;
    let people = folder.join("data/faces/lfw");
    let files: Vec<_> = walk(&people).into_iter().take(400).step_by(80).collect();
    assert_eq!(files.len(), 5, "photographs in {}", people.display());
    files
        .iter()
        .map(|file| {
            let image = image::open(file).expect("a photograph").to_rgb8();
            let plane = |channel: usize| {
                let (image, from) = (&image, image.dimensions());
                (0..height * width).map(move |i| {
                    let along = |at: usize, of: usize, from: u32| (at * from as usize / of) as u32;
                    let (x, y) = (
                        along(i % width, width, from.0),
                        along(i / width, height, from.1),
                    );
                    f32::from(image.get_pixel(x, y).0[channel])
                })
            };
            order.into_iter().flat_map(plane).collect()
        })
        .collect()
}

/// The files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder that can be read");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("lists").path()) {
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn on_photographs_the_pack_answers_as_tract_does() {
    for (contract, bytes) in pack() {
        // The detector and the attack networks take blue first.
        let order = match contract.role {
            "embedder" | "landmarks" => [0, 1, 2],
            _ => [2, 1, 0],
        };
        let tract = Network::load_for(&bytes, contract, Engine::Tract).expect("loads");
        for level in Level::available() {
            let plan = Network::load_for(&bytes, contract, Engine::Plan(level)).expect("loads");
            // The baseline takes seconds for each.
            let most = if level == Level::Baseline {
                1
            } else {
                usize::MAX
            };
            let photographs = photographs(&contract, order).into_iter().take(most);
            for (i, values) in photographs.enumerate() {
                let fill = |input: &mut [f32]| input.copy_from_slice(&values);
                let (ours, theirs) = (
                    plan.run(fill).expect("runs"),
                    tract.run(fill).expect("runs"),
                );
                let worst = worst(&contract, &ours, &theirs);
                println!("{} {level:?} photograph {i}: {worst:e}", contract.role);
                assert!(
                    worst <= 1e-5,
                    "{} {level:?} photograph {i}: {worst}",
                    contract.role
                );
            }
        }
    }
}

#[test]
fn a_run_remembers_nothing_of_the_one_before() {
    for (contract, bytes) in pack().into_iter().skip(1) {
        let network = Network::load(&bytes, contract).expect("loads");
        let first = network.run(filled(1)).expect("runs").get(0).to_vec();
        network.run(filled(2)).expect("runs");
        network
            .run(|input| assert!(input.iter().all(|v| *v == 0.0)))
            .expect("runs");
        assert_eq!(network.run(filled(1)).expect("runs").get(0), first);
    }
}

/// A protocol buffer's field of bytes, or of a message.
#[test]
fn the_memory_of_a_run_is_empty_once_its_outputs_are_dropped() {
    for (contract, bytes) in pack() {
        for level in Level::available() {
            let network = Network::load_for(&bytes, contract, Engine::Plan(level)).expect("loads");
            let Runner::Plan { plan, idle, .. } = &network.runner else {
                panic!("{} has a plan", contract.role);
            };
            // Nothing is wiped before: the check below sees what a run leaves.
            let mut used = plan.state();
            assert!(used.is_clear());
            filled(7)(&mut used.input);
            plan.run(&mut used);
            used.input.fill(0.0);
            used.outputs.iter_mut().for_each(|o| o.fill(0.0));
            assert!(!used.is_clear(), "{} {level:?}", contract.role);
            drop(network.run(filled(7)).expect("runs"));
            let mut idle = idle.lock().expect("nobody panicked");
            assert!(!idle.is_empty());
            assert!(
                idle.iter_mut().all(State::is_clear),
                "{} {level:?}",
                contract.role
            );
        }
    }
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut made = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 128 {
        made.push(length as u8 | 128);
        length >>= 7;
    }
    made.push(length as u8);
    made.extend(bytes);
    made
}

fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// An ONNX file of one operation after another, from `x` of 1 x 2 x 4 x 4 to `y`.
fn chain(operations: &[&str]) -> Vec<u8> {
    let name = |i: usize| match i {
        0 => "x".to_owned(),
        i if i == operations.len() => "y".to_owned(),
        i => format!("t{i}"),
    };
    let sizes: Vec<u8> = [1, 2, 4, 4]
        .iter()
        .flat_map(|d| field(1, &number(1, *d)))
        .collect();
    let tensor = [number(1, 1), field(2, &sizes)].concat();
    let value = |name: &str| [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat();
    let mut graph = Vec::new();
    for (i, operation) in operations.iter().enumerate() {
        let node = [
            field(1, name(i).as_bytes()),
            field(2, name(i + 1).as_bytes()),
            field(4, operation.as_bytes()),
        ];
        graph.extend(field(1, &node.concat()));
    }
    graph.extend(field(2, b"g"));
    graph.extend(field(11, &value("x")));
    graph.extend(field(12, &value("y")));
    [number(1, 8), field(7, &graph), field(8, &number(2, 13))].concat()
}

/// An ONNX file of one operation on `x`, and on a constant where there is one; and its attributes, whole numbers.
fn single(
    operation: &str,
    constant: Option<(&[u8], &[f32])>,
    attributes: &[(&str, u8)],
    outputs: [u8; 4],
) -> Vec<u8> {
    let value = |name: &str, sizes: [u8; 4]| {
        let sizes: Vec<u8> = sizes
            .iter()
            .flat_map(|d| field(1, &number(1, *d)))
            .collect();
        let tensor = [number(1, 1), field(2, &sizes)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let mut node = field(1, b"x");
    if constant.is_some() {
        node.extend(field(1, b"c"));
    }
    node.extend([field(2, b"y"), field(4, operation.as_bytes())].concat());
    for (name, whole) in attributes {
        // Type 2, a whole number, in field 20.
        let attribute = [
            field(1, name.as_bytes()),
            number(3, *whole),
            vec![160, 1, 2],
        ];
        node.extend(field(5, &attribute.concat()));
    }
    let mut graph = [field(1, &node), field(2, b"g")].concat();
    if let Some((sizes, values)) = constant {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let sizes = sizes.iter().flat_map(|d| number(1, *d)).collect();
        let tensor = [sizes, number(2, 1), field(8, b"c"), field(9, &bytes)];
        graph.extend(field(5, &tensor.concat()));
    }
    graph.extend(field(11, &value("x", [1, 2, 4, 4])));
    graph.extend(field(12, &value("y", outputs)));
    [number(1, 8), field(7, &graph), field(8, &number(2, 13))].concat()
}

/// What a model answers at every level, beside tract; and whether it runs as a plan.
fn beside_tract(model: &[u8], contract: Contract) -> bool {
    let fill = |input: &mut [f32]| {
        for (i, value) in input.iter_mut().enumerate() {
            *value = (i as f32 - 15.5) / 4.0;
        }
    };
    let tract = Network::load_for(model, contract, Engine::Tract).expect("loads");
    let theirs = tract.run(fill).expect("runs");
    let mut planned = true;
    for level in Level::available() {
        let ours = Network::load_for(model, contract, Engine::Plan(level)).expect("loads");
        planned &= ours.engine() == Engine::Plan(level);
        let ours = ours.run(fill).expect("runs");
        assert!(worst(&contract, &ours, &theirs) <= 1e-6, "{level:?}");
    }
    planned
}

#[test]
fn rectifiers_with_slopes_up_to_one_are_planned() {
    let small = [1, 2, 4, 4];
    assert!(beside_tract(&single("LeakyRelu", None, &[], small), SMALL));
    let slopes = |slopes: &[f32]| single("PRelu", Some((&[2, 1, 1], slopes)), &[], small);
    assert!(beside_tract(&slopes(&[0.25, -0.5]), SMALL));
    assert!(beside_tract(&slopes(&[1.0, 0.0]), SMALL));
    // Above one, the larger of x and its product is not the rectifier.
    assert!(!beside_tract(&slopes(&[0.25, 1.5]), SMALL));
}

#[test]
fn zeros_joined_on_are_planned_and_other_numbers_are_not() {
    let larger = Contract {
        outputs: &[64],
        ..SMALL
    };
    for (axis, outputs) in [(1, [1, 4, 4, 4]), (2, [1, 2, 8, 4]), (3, [1, 2, 4, 8])] {
        let joined = |value: f32| {
            let values = [value; 32];
            single(
                "Concat",
                Some((&[1, 2, 4, 4], &values)),
                &[("axis", axis)],
                outputs,
            )
        };
        assert!(beside_tract(&joined(0.0), larger));
        assert!(!beside_tract(&joined(0.5), larger));
    }
}

const SMALL: Contract = Contract {
    role: "embedder",
    input: [1, 2, 4, 4],
    outputs: &[32],
};

#[test]
fn a_model_that_no_plan_is_made_for_runs_as_tract_runs_it() {
    let known = Network::load(&chain(&["Relu", "Sigmoid"]), SMALL).expect("loads");
    assert_eq!(known.engine(), Engine::best());
    let model = chain(&["Relu", "Sqrt", "Sigmoid"]);
    let unknown = Network::load(&model, SMALL).expect("loads");
    assert_eq!(unknown.engine(), Engine::Tract);
    let fill = |input: &mut [f32]| {
        for (i, value) in input.iter_mut().enumerate() {
            *value = i as f32 - 9.0;
        }
    };
    let logistic = |x: f32| 1.0 / (1.0 + (-x).exp());
    let (known, unknown) = (
        known.run(fill).expect("runs"),
        unknown.run(fill).expect("runs"),
    );
    for (i, (a, b)) in known.get(0).iter().zip(unknown.get(0)).enumerate() {
        let x = (i as f32 - 9.0).max(0.0);
        assert!((a - logistic(x)).abs() < 1e-6 && (b - logistic(x.sqrt())).abs() < 1e-6);
    }
}

#[test]
fn another_role_is_refused_by_its_outputs() {
    let wrong = Contract {
        outputs: &[31],
        ..SMALL
    };
    let refused = Network::load(&chain(&["Relu"]), wrong);
    assert!(matches!(refused, Err(OnnxError::Contract { found, .. }) if found == [32]));
}

#[test]
fn values_that_are_not_finite_are_a_fault() {
    let network = Network::load(&chain(&["Sqrt"]), SMALL).expect("loads");
    let refused = network.run(|input| input.fill(-1.0));
    assert!(matches!(refused, Err(OnnxError::NotFinite { .. })));
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_model_cut_short_or_changed_is_refused_or_runs(
            cut in 0usize..200,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut model = chain(&["Relu", "GlobalAveragePool", "Sigmoid"]);
            for (at, byte) in changes {
                let at = at.index(model.len());
                model[at] = byte;
            }
            model.truncate(model.len().saturating_sub(cut / 2));
            if let Ok(network) = Network::load(&model, SMALL) {
                let _ = network.run(|_| ());
            }
        }
    }
}
