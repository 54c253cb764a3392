//! The commands as they are typed, on made-up fingers.

use std::fs;
use std::path::Path;

use clap::Parser;

use super::*;

/// Runs a line of words; `{}` stands for the folder.
fn evaluate(line: &str, folder: &Path) -> anyhow::Result<()> {
    let folder = folder.to_str().expect("a plain path");
    let words = line.split(' ').map(|word| word.replace("{}", folder));
    run(Arguments::try_parse_from(
        std::iter::once("evaluate".to_owned()).chain(words),
    )?)
}

#[test]
fn made_up_fingers_are_written_evaluated_traced_and_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let run = |line: &str| evaluate(line, folder.path()).unwrap_or_else(|e| panic!("{line}: {e}"));
    run(
        "synthetic --out {}/prints --fingers 3 --impressions 2 --seed 5 --size 200x220 --hardness 0.2 --measure",
    );
    let truth = fs::read_to_string(at("prints/3_2.json")).expect("the truth");
    let truth: serde_json::Value = serde_json::from_str(&truth).expect("JSON");
    assert!(truth["minutiae"].as_array().is_some_and(|m| m.len() > 10));
    assert_eq!(truth["dpi"], 500.0);

    run("fingerprint --images {}/prints --dpi 500 --scores {}/scores --report {}/report.html");
    let scores = fs::read_to_string(at("scores")).expect("scores");
    assert_eq!(scores.lines().count(), 15);
    let page = fs::read_to_string(at("report.html")).expect("a page");
    assert_eq!(page.matches("<svg").count(), 2);
    assert_eq!(
        page.matches("data:image/jpeg").count(),
        9,
        "three mated pairs and six others"
    );

    run("fingerprint --trace {}/stages {}/prints/1_1.png --dpi 500");
    let names = fs::read_dir(at("stages")).expect("pictures").count();
    assert_eq!(names, 16, "fourteen stages, the minutiae and the page");

    run(
        "fingerprint --compare {}/prints/1_1.png {}/prints/1_2.png --dpi 500 --picture {}/pairs.png",
    );
    let picture = image::open(at("pairs.png")).expect("a picture");
    assert!(picture.width() > 3 * 2 * 200 && picture.height() == 2 * 220);
}

#[test]
fn a_refused_sample_is_still_traced_and_cannot_be_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let blank = folder.path().join("blank.png");
    image::GrayImage::from_pixel(200, 200, image::Luma([200]))
        .save(&blank)
        .expect("writes");
    evaluate(
        "fingerprint --trace {}/stages {}/blank.png --dpi 500",
        folder.path(),
    )
    .expect("a trace");
    assert!(folder.path().join("stages/02-segmentation.png").is_file());
    let line = "fingerprint --compare {}/blank.png {}/blank.png --dpi 500 --picture {}/pairs.png";
    let error = evaluate(line, folder.path()).expect_err("no template");
    assert!(
        error.to_string().ends_with("no ridges were found"),
        "{error}"
    );
}

#[test]
fn commands_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for line in [
        "fingerprint",
        "fingerprint --trace {}",
        "fingerprint --images {} --compare a b",
        "fingerprint --report {}/report.html",
        "synthetic",
        "synthetic --out {} --fingers 0",
        "synthetic --out {} --size 20x20",
        "synthetic --out {} --hardness 2",
    ] {
        assert!(evaluate(line, folder.path()).is_err(), "{line}");
    }
    Arguments::command().debug_assert();
}

#[test]
fn made_up_logins_are_judged_and_both_baselines_beaten_whoever_made_them_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |line: &str| evaluate(line, folder.path()).unwrap_or_else(|e| panic!("{line}: {e}"));
    for shape in ["habits --signals", "restaurant"] {
        run(&format!(
            "logins --out {{}}/logins.csv --people 150 --days 60 --seed 3 --shape {shape}"
        ));
        run("anomaly --logins {}/logins.csv --report {}/report.html --scores {}/scores.csv");
        let page = fs::read_to_string(folder.path().join("report.html")).expect("a page");
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(page.contains("plain Freeman") && !page.contains("NaN") && !page.contains("http"));
        let scores = fs::read_to_string(folder.path().join("scores.csv")).expect("scores");
        // Takeover, kind, probability, ours, the baselines.
        let rows: Vec<Vec<&str>> = scores
            .lines()
            .skip(1)
            .map(|l| l.split(',').collect())
            .collect();
        let area = |column: usize| {
            let of = |label: &str| -> Vec<f64> {
                let rows = rows.iter().filter(|r| r[0] == label);
                rows.map(|r| r[column].parse().expect("a number")).collect()
            };
            let (bad, good) = (of("1"), of("0"));
            let pairs = bad.iter().flat_map(|b| good.iter().map(move |g| (b, g)));
            let order = pairs.map(|(b, g)| {
                if b > g {
                    1.0
                } else if b == g {
                    0.5
                } else {
                    0.0
                }
            });
            order.sum::<f64>() / (bad.len() * good.len()) as f64
        };
        assert!(
            area(3) > area(4) && area(3) > area(5),
            "{shape}: {} {} {}",
            area(3),
            area(4),
            area(5)
        );
    }
}

#[test]
fn histories_that_nothing_can_be_judged_by_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |text: &str| fs::write(folder.path().join("logins.csv"), text).expect("writes");
    let judge = || evaluate("anomaly --logins {}/logins.csv", folder.path());
    let names = "Login Timestamp,User ID,Login Successful,Is Account Takeover\n";
    for (text, expected) in [
        (String::new(), "cannot read"),
        ("a,b\n".to_owned(), "cannot read"),
        (
            "Login Timestamp,User ID,Login Successful\n1,2,1\n".to_owned(),
            "to judge by",
        ),
        (names.to_owned(), "only 0 rows"),
        (format!("{names}x,1,1,0\n"), "line 2: no time"),
        (
            format!("{names}{}", "1,1,1,0\n".repeat(9)),
            "nothing to judge by",
        ),
    ] {
        write(&text);
        let error = judge().expect_err("is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
