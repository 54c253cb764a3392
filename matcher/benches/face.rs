//! Where a face's time goes: each network of the pack by each engine, and a login frame, on one thread.
//!
//! `WHORL_MODELS=FOLDER cargo bench -p matcher --bench face` prints the least and the median time of each; `--layers` each layer of our own
//! plans, `--load` how long loading takes and
//! `--resident` how much memory it leaves in use. With `--serve` it answers
//! lines of `model engine runs` with the times of that many runs in seconds, so that another program can measure its own engine in
//! between: `benches/inference.py` does so with onnxruntime. Only ratios within one run mean something: no limit is asserted here.

use std::io::{BufRead, Write};
use std::time::Instant;

use matcher::face::{FacePipeline, ModelBytes};
use matcher::onnx::{Contract, Engine, Level, Network};

/// A file of the pack, the side of its input and the values of its outputs.
const MODELS: [(&str, usize, &[usize]); 5] = [
    (
        "yunet_n_320",
        320,
        &[
            1600, 400, 100, 1600, 400, 100, 6400, 1600, 400, 16000, 4000, 1000,
        ],
    ),
    ("mobilefacenet_foamliu_dyn", 112, &[128]),
    ("minifasnet_v2_27_noprelu", 80, &[3]),
    ("minifasnet_v1se_40_noprelu", 80, &[3]),
    ("faceapi_landmark68_dyn", 112, &[136]),
];
const RUNS: usize = 40;

fn main() {
    let Some(folder) = std::env::var_os("WHORL_MODELS") else {
        println!("WHORL_MODELS names no folder of models: nothing to measure");
        return;
    };
    if std::env::args().any(|word| word == "--load") {
        load(&folder);
        return;
    }
    if std::env::args().any(|word| word == "--resident") {
        resident(&folder);
        return;
    }
    // The baseline is there to compare answers with: nobody is served by it.
    let mut engines: Vec<(String, Engine)> = Level::available()
        .into_iter()
        .filter(|level| *level != Level::Baseline)
        .map(|level| (format!("{level:?}").to_lowercase(), Engine::Plan(level)))
        .collect();
    engines.push(("tract".to_owned(), Engine::Tract));
    let mut networks = Vec::new();
    let mut loading = 0.0;
    for (name, side, outputs) in MODELS {
        let path = std::path::Path::new(&folder).join(format!("{name}.onnx"));
        let Ok(bytes) = std::fs::read(&path) else {
            println!("{name} is not there");
            continue;
        };
        let contract = Contract {
            role: "any",
            input: [1, 3, side, side],
            outputs,
        };
        let start = Instant::now();
        Network::load(&bytes, contract).expect("the model loads");
        loading += start.elapsed().as_secs_f64();
        for (engine, chosen) in &engines {
            let network = Network::load_for(&bytes, contract, *chosen).expect("the model loads");
            networks.push((name, engine.clone(), network));
        }
    }
    if std::env::args().any(|word| word == "--serve") {
        serve(&networks);
        return;
    }
    if std::env::args().any(|word| word == "--layers") {
        for (name, engine, network) in &networks {
            layers(name, engine, network);
        }
        return;
    }
    println!("{:<28} {:>9.3} ms", "loading the pack", loading * 1e3);
    for (engine, _) in &engines {
        let mut frame = 0.0;
        for (name, own, network) in &networks {
            if own != engine {
                continue;
            }
            let mut times = times(network, RUNS);
            times.sort_by(f64::total_cmp);
            let (least, median) = (times[0], times[times.len() / 2]);
            frame += least;
            println!(
                "{name:<28} {engine:<9} {:>9.3} ms, median {:>9.3}",
                least * 1e3,
                median * 1e3
            );
        }
        println!("{:<28} {engine:<9} {:>9.3} ms", "frame", frame * 1e3);
    }
}

/// The least time that each model takes to load, and what the whole pack takes as a server loads it, over all cores: by the clock, and
/// as processor time (Linux).
fn load(folder: &std::ffi::OsStr) {
    let bytes = MODELS.map(|(name, _, _)| {
        let path = std::path::Path::new(folder).join(format!("{name}.onnx"));
        std::fs::read(&path).expect("the pack is whole")
    });
    let mut sum = 0.0;
    for ((name, side, outputs), bytes) in MODELS.iter().zip(&bytes) {
        let contract = Contract {
            role: "any",
            input: [1, 3, *side, *side],
            outputs,
        };
        let least = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                Network::load(bytes, contract).expect("the model loads");
                start.elapsed().as_secs_f64()
            })
            .fold(f64::INFINITY, f64::min);
        println!("{name:<28} {:>9.3} ms to load", least * 1e3);
        sum += least;
    }
    println!(
        "{:<28} {:>9.3} ms to load, one after another",
        "sum",
        sum * 1e3
    );
    let [detector, embedder, near, far, landmarks] = &bytes;
    let mut times: Vec<(f64, f64)> = (0..RUNS)
        .map(|_| {
            let (start, worked_s) = (Instant::now(), processor_s());
            let pipeline = FacePipeline::load(ModelBytes {
                detector,
                embedder,
                pad: Some((near, far)),
                landmarks: Some(landmarks),
                embedder_name: String::new(),
            });
            let times = (start.elapsed().as_secs_f64(), processor_s() - worked_s);
            pipeline.expect("the pack loads");
            times
        })
        .collect();
    let mut print = |what: &str, of: fn(&(f64, f64)) -> f64| {
        times.sort_by(|a, b| of(a).total_cmp(&of(b)));
        let [least, median] = [0, RUNS / 2].map(|at| of(&times[at]) * 1e3);
        println!("{what:<28} {least:>9.3} ms to load, median {median:>9.3}");
    };
    print("pack, by the clock", |t| t.0);
    print("pack, processor time", |t| t.1);
}

/// Processor time of all threads of this process; 0 where the system does not tell.
fn processor_s() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    threads
        .flatten()
        .filter_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        })
        .sum::<f64>()
        / 1e9
}

/// Memory of the process without the pack, with it, and after each model has run (Linux).
fn resident(folder: &std::ffi::OsStr) {
    let print = |what: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        for line in status.lines().filter(|line| line.starts_with("VmRSS")) {
            println!("{what:<28} {line}");
        }
    };
    print("without the pack");
    let networks: Vec<Network> = MODELS
        .into_iter()
        .map(|(name, side, outputs)| {
            let path = std::path::Path::new(folder).join(format!("{name}.onnx"));
            let contract = Contract {
                role: "any",
                input: [1, 3, side, side],
                outputs,
            };
            let bytes = std::fs::read(&path).expect("the pack is whole");
            Network::load(&bytes, contract).expect("the model loads")
        })
        .collect();
    print("with it");
    for network in &networks {
        network.run(|input| input.fill(1.0)).expect("runs");
    }
    print("after a run of each");
}

/// The least time of each layer, those of a plan.
fn layers(name: &str, engine: &str, network: &Network) {
    let mut least: Vec<(String, f64)> = Vec::new();
    for _ in 0..RUNS {
        let mut order: Vec<(String, f64)> = Vec::new();
        let mut at = Instant::now();
        network.observe(
            |input| input.fill(100.0),
            |layer| {
                let time = at.elapsed().as_secs_f64();
                if !layer.is_empty() {
                    match order.iter_mut().find(|(name, _)| name == layer) {
                        Some((_, sum)) => *sum += time,
                        None => order.push((layer.to_owned(), time)),
                    }
                }
                at = Instant::now();
            },
        );
        if least.is_empty() {
            least = order;
        } else {
            for ((_, least), (_, time)) in least.iter_mut().zip(order) {
                *least = least.min(time);
            }
        }
    }
    for (layer, time) in least {
        println!("{name:<28} {engine:<9} {:>8.1} us  {layer}", time * 1e6);
    }
}

/// Answers questions until there are no more.
fn serve(networks: &[(&str, String, Network)]) {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of text");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [model, engine, runs] = words.as_slice() else {
            continue;
        };
        let found = networks
            .iter()
            .find(|(name, own, _)| name == model && own == engine);
        let times = found.map_or_else(Vec::new, |(_, _, network)| {
            times(network, runs.parse().expect("a number of runs"))
        });
        let times: Vec<String> = times.iter().map(f64::to_string).collect();
        writeln!(out, "{}", times.join(" ")).expect("somebody reads");
        out.flush().expect("somebody reads");
    }
}

/// Seconds of each run, on an input that is no constant.
fn times(network: &Network, runs: usize) -> Vec<f64> {
    let mut values = Vec::new();
    network
        .run(|input| values = (0..input.len()).map(|i| (i % 251) as f32).collect())
        .expect("runs");
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            let outputs = network
                .run(|input| input.copy_from_slice(&values))
                .expect("runs");
            std::hint::black_box(outputs.get(0));
            drop(outputs);
            start.elapsed().as_secs_f64()
        })
        .collect()
}
