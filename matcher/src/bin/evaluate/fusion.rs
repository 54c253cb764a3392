//! `evaluate fusion`: face and fingerprint weighed together, on people made of one's face and another's finger.
//!
//! Nobody's face and finger are both in the development data, so every face comparison is put beside every finger
//! comparison (chimeras): that strangers' scores of the two traits are independent is assumed by this, and not shown.
//! Every comparison is judged by a calibration that neither of its two people had a part in.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};

use self::chimera::{Measured, Outcome, RATE_OF_ONE, RATE_OF_TWO};
use self::held::Trait;
use crate::calibration::Fit;
use crate::face;
use crate::fingerprint::pooled;

mod chimera;
mod curves;
mod held;
mod report;

/// What to weigh together.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: evaluate fusion --faces lfw --fingers fvc2002_db1_b --fingers fvc2004_db2_b --dpi 500 --report fusion.html"
)]
pub struct Options {
    /// Folder of people: DIR/<person>/<image>
    #[arg(long, value_name = "DIR")]
    faces: PathBuf,
    /// Folder of impressions named <finger>_<impression>; may be given more than once
    #[arg(long, required = true, value_name = "DIR")]
    fingers: Vec<PathBuf>,
    /// Resolution of the impressions, dots an inch; estimated from each when left out
    #[arg(long, value_name = "N")]
    dpi: Option<f64>,
    /// Folder of the model files [default: ./models, else the user's cache]
    #[arg(long, value_name = "DIR", env = "WHORL_MODELS")]
    models: Option<PathBuf>,
    /// Face images whose label is wrong, a line each: person/image reason
    #[arg(long, value_name = "FILE")]
    set_aside: Option<PathBuf>,
    /// Page of the tables with intervals, curves and histograms; it shows no samples
    #[arg(long, value_name = "OUT.html")]
    report: Option<PathBuf>,
}

/// Both traits by one way of enrolling.
struct Protocol {
    name: &'static str,
    face: Trait,
    finger: Trait,
    outcome: Outcome,
}

/// Measures, prints, and writes the page.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let faces = face::compared(
        &options.faces,
        options.models.as_deref(),
        options.set_aside.as_deref(),
    )?;
    let fingers = pooled::compared(&options.fingers, options.dpi)?;
    let mut protocols = Vec::new();
    for (name, face, finger) in [
        ("one sample against one", &faces.single, &fingers.single),
        ("references of three", &faces.three, &fingers.three),
    ] {
        let fit = [&faces.single[..], &faces.three[..]];
        let face = Trait::judged("face", face, &fit, (Fit::FACE, FOLDS));
        // Of references there are too few comparisons for a rate of one in ten thousand.
        let fit = [&fingers.single[..]];
        let finger = Trait::judged("finger", finger, &fit, (Fit::FINGERPRINT, FOLDS));
        let (Some(face), Some(finger)) = (face, finger) else {
            eprintln!("{name}: too few comparisons to fit a calibration");
            continue;
        };
        let outcome = Outcome::of(&face, &finger);
        protocols.push(Protocol {
            name,
            face,
            finger,
            outcome,
        });
    }
    ensure!(!protocols.is_empty(), "nothing could be calibrated");
    println!("face model {}", faces.model);
    for protocol in &protocols {
        print(protocol);
    }
    if let Some(path) = &options.report {
        let models = format!("{} and {}", faces.model, matcher::fingerprint::MODEL);
        fs::write(path, report::page(&models, &protocols))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn print(protocol: &Protocol) {
    let Protocol {
        name,
        face,
        finger,
        outcome,
    } = protocol;
    println!("{name}");
    for part in [face, finger] {
        println!(
            "  {}: {} people, {} mated and {} non-mated comparisons; Cllr {:.4}, at its least {:.4}; tail {}",
            part.name,
            part.people,
            part.count(true),
            part.count(false),
            part.cllr,
            part.least_cllr,
            part.tail_in_words(),
        );
    }
    println!(
        "  sum: Cllr {:.4}, at its least {:.4} (drawn pairs)",
        outcome.cllr, outcome.least_cllr
    );
    for row in &outcome.rows {
        println!("  {}", row.in_words());
    }
    let Measured { value, low, high } = outcome.ratio;
    println!(
        "  pair at {RATE_OF_TWO:.0e} over the better one at {RATE_OF_ONE:.0e}: {value:.2} of its FNMR [{low:.2}-{high:.2}]"
    );
}

/// Into how many parts the people are dealt whose curves judge the others. Each curve leaves out two of them.
const FOLDS: u32 = 10;
