//! `evaluate anomaly`: replays login histories as a service would have seen them, and tells what its scores were worth.
//!
//! Rows come in the order of time. Each is judged before its end is known, and learned from only where it succeeded;
//! the models are fitted anew as the history grows. Labels judge and do nothing else: what counts is the second half,
//! rows with a right password, and whether those of attackers scored above those of the person. Both baselines see the
//! same rows at the same moments.

mod baseline;
mod figures;
mod page;
mod replay;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use matcher::anomaly::history::{History, HistoryError, Row};

use self::figures::Figures;
use self::page::Page;
use self::replay::Replay;

/// Replays login histories in the columns of the RBA data set and judges the scores
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The history, CSV with the columns of the RBA data set; a last column `Attack Kind` may tell attacks apart
    #[arg(long, value_name = "FILE")]
    logins: PathBuf,
    /// A page with the trade-off, the baselines and examples, HTML
    #[arg(long, value_name = "OUT")]
    report: Option<PathBuf>,
    /// Every judged login's score, CSV
    #[arg(long, value_name = "OUT")]
    scores: Option<PathBuf>,
    /// Share of honest logins that are asked again, per cent
    #[arg(long, value_name = "%", default_value_t = 5.0)]
    reask: f64,
    /// Rows that are read at most
    #[arg(long, default_value_t = 5_000_000)]
    rows: usize,
    /// What training draws follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Replays, judges and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        options.reask > 0.0 && options.reask < 100.0,
        "--reask is a share between 0 and 100"
    );
    let (rows, skipped) = read(options)?;
    if skipped > 0 {
        eprintln!("{skipped} rows could not be read and were left out");
    }
    ensure!(rows.len() >= 4, "only {} rows could be read", rows.len());
    let style = ProgressStyle::with_template("replaying [{bar:40}] {pos}/{len} {eta}")?
        .progress_chars("=> ");
    let bar = ProgressBar::new(rows.len() as u64).with_style(style);
    let replayed = Replay::new(options.seed).run(&rows, &bar);
    bar.finish_and_clear();
    let judged = &replayed.judged;
    let attacks = judged.iter().filter(|j| j.is_attack).count();
    ensure!(
        attacks > 0 && attacks < judged.len(),
        "the second half has {attacks} takeovers among {} successful logins: nothing to judge by",
        judged.len()
    );
    let figures = Figures::new(judged, options.reask / 100.0);
    println!("re-ask {:.1} %", options.reask);
    for kind in &figures.kinds {
        println!("stopped {} {:.1} %", kind.name, 100.0 * kind.stopped.rate);
    }
    println!("AUC {:.4}", figures.auc.rate);
    println!("attack_share {:.4}", replayed.attack_share);
    for bin in figures.calibration.iter().filter(|bin| bin.logins > 0) {
        let were = bin.attacks as f64 / bin.logins as f64;
        println!(
            "from {} said {:.5} were {were:.5} of {}",
            bin.least, bin.said, bin.logins
        );
    }
    println!("us_per_login {:.1}", replayed.us_per_login);
    let (logins, time) = replayed.training;
    println!("training_s {:.1} of {logins} logins", time.as_secs_f64());
    for (name, baseline) in &figures.baselines {
        println!("baseline {name} {:.4}", baseline.auc.rate);
    }
    if let Some(path) = &options.scores {
        fs::write(path, figures::table(judged))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.report {
        let page = Page {
            history: options
                .logins
                .file_name()
                .unwrap_or_default()
                .to_string_lossy(),
            rows: rows.len(),
            skipped,
            replayed: &replayed,
            figures: &figures,
        };
        fs::write(path, page.html()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// All rows in the order of time, and how many could not be read.
fn read(options: &Options) -> anyhow::Result<(Vec<Row>, usize)> {
    let path = &options.logins;
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let style = ProgressStyle::with_template("reading [{bar:40}] {bytes}/{total_bytes} {eta}")?
        .progress_chars("=> ");
    let bar = ProgressBar::new(file.metadata().map_or(0, |m| m.len())).with_style(style);
    let source = BufReader::with_capacity(1 << 16, bar.wrap_read(file));
    let history =
        History::open(source).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        history.is_labelled(),
        "{} has no column \"Is Account Takeover\" to judge by",
        path.display()
    );
    let (mut rows, mut skipped) = (Vec::new(), 0);
    let mut first = None;
    for row in history {
        match row {
            Ok(row) => rows.push(row),
            Err(error @ HistoryError::Row { .. }) => {
                skipped += 1;
                first.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
        ensure!(
            rows.len() <= options.rows,
            "more than {} rows: see --rows",
            options.rows
        );
    }
    bar.finish_and_clear();
    if let (true, Some(error)) = (rows.is_empty(), first) {
        return Err(error.into());
    }
    rows.sort_by_key(|row| row.event.at_s);
    Ok((rows, skipped))
}
