//! A copy of the workspace whose guards have switches.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::{
    root,
    table::{Attack, Table},
};

/// The copy, built.
pub struct Mutant {
    /// The folder of its binaries.
    binaries: PathBuf,
    /// This run's scenarios.
    scenarios: PathBuf,
}

/// What the controls found.
#[derive(Default)]
pub struct Outcome {
    /// Guards that were missed by each of their tests, as lines of `seen.txt`.
    pub seen: Vec<String>,
    /// What is wrong: a test that fails with all guards, or passes without its own.
    pub faults: Vec<String>,
}

impl Mutant {
    /// Copies, puts in the switches, and builds.
    pub fn build(table: &Table) -> anyhow::Result<Self> {
        let folder = target()?.join("controls");
        let copy = folder.join("workspace");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        copy_tracked(&copy)?;
        for (attack, guard) in table.guards() {
            let switch = format!("crate::without({:?})", guard.switch(attack));
            for (file, find, without) in guard.places() {
                let text = fs::read_to_string(copy.join(file))?;
                let switched = without.replace("OFF", &switch);
                fs::write(copy.join(file), text.replacen(find, &switched, 1))?;
            }
        }
        let library = copy.join("idp/src/lib.rs");
        let text = fs::read_to_string(&library)?;
        fs::write(&library, format!("{text}{SWITCH}"))?;
        // Packages of one name, version and place in the workspace are one to cargo: as another version, what is built
        // here is never taken for what the workspace itself builds. The rest is the same, and is not built again.
        for package in ["idp", "tests"] {
            let manifest = copy.join(package).join("Cargo.toml");
            let text = fs::read_to_string(&manifest)?;
            ensure!(text.matches(VERSION).count() == 1, "no version to change");
            fs::write(&manifest, text.replacen(VERSION, OTHER_VERSION, 1))?;
        }
        // In the same target folder, since every dependency is there; with a test, so that features are the same.
        let whorl = [
            "build",
            "--workspace",
            "--bin",
            "whorl",
            "--test",
            "invariants",
        ];
        cargo(&copy, &target()?, &whorl)?;
        let binaries = folder.join("bin");
        fs::create_dir_all(&binaries)?;
        fs::copy(target()?.join("debug/whorl"), binaries.join("whorl"))?;
        let scenarios = ["test", "--workspace", "--test", "scenarios", "--no-run"];
        cargo(&root(), &target()?, &scenarios)?;
        Ok(Self {
            binaries,
            scenarios: newest_scenarios()?,
        })
    }

    /// Plays each attack's scenarios with all guards and without each.
    pub fn control(&self, table: &Table, wanted: impl Fn(&Attack) -> bool) -> Outcome {
        let mut outcome = Outcome::default();
        for attack in table.attacks.iter().filter(|attack| wanted(attack)) {
            for test in &attack.tests {
                if !attack.guards.is_empty() && !self.passes(test, None) {
                    outcome
                        .faults
                        .push(format!("{}: {test} fails with all guards", attack.name));
                }
            }
            for guard in &attack.guards {
                let switch = guard.switch(attack);
                let passing: Vec<&String> = attack
                    .missing(guard)
                    .iter()
                    .filter(|test| self.passes(test, Some(&switch)))
                    .collect();
                let verdict = if passing.is_empty() {
                    "missed"
                } else {
                    "NOT MISSED"
                };
                eprintln!("{switch}: {verdict} ({})", guard.file);
                if passing.is_empty() {
                    outcome.seen.push(guard.line(attack));
                }
                for test in passing {
                    outcome.faults.push(format!(
                        "{}: {test} passes without {}",
                        attack.name, guard.find
                    ));
                }
            }
        }
        outcome
    }

    fn passes(&self, test: &str, switched_off: Option<&str>) -> bool {
        let mut command = Command::new(&self.scenarios);
        command
            .args([test, "--exact"])
            .env("WHORL_TEST_BINARIES", &self.binaries)
            .env("WHORL_TEST_ALL", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        match switched_off {
            Some(switch) => command.env("WHORL_WITHOUT", switch),
            None => command.env_remove("WHORL_WITHOUT"),
        };
        let output = command.output().expect("the scenarios run");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("running 1 test"), "there is no {test}");
        output.status.success()
    }
}

/// What git keeps, and what is new and not ignored.
fn copy_tracked(into: &Path) -> anyhow::Result<()> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .context("git")?;
    ensure!(listed.status.success(), "git ls-files");
    for file in String::from_utf8(listed.stdout)?.lines() {
        let (from, to) = (root().join(file), into.join(file));
        if from.is_file() {
            fs::create_dir_all(to.parent().context("invariant: a file lies in a folder")?)?;
            fs::copy(&from, &to)?;
            // As old as it is: what was built of it is new enough.
            let modified = fs::metadata(&from)?.modified()?;
            fs::File::options()
                .write(true)
                .open(&to)?
                .set_modified(modified)?;
        }
    }
    Ok(())
}

fn cargo(workspace: &Path, target: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace)
        .args(arguments)
        .env("CARGO_TARGET_DIR", target)
        // The copy's crates warn of what a switched guard leaves unused.
        .env("CARGO_TERM_QUIET", "true")
        .status()
        .context("cargo")?;
    ensure!(status.success(), "cargo {}", arguments.join(" "));
    Ok(())
}

/// `<target>` of `<target>/<profile>/deps/<test>`.
fn target() -> anyhow::Result<PathBuf> {
    let test = env::current_exe()?;
    let target = test.ancestors().nth(3);
    Ok(target.context("a test lies in a target folder")?.to_owned())
}

fn newest_scenarios() -> anyhow::Result<PathBuf> {
    let deps = target()?.join("debug/deps");
    let mut found = Vec::new();
    for entry in fs::read_dir(&deps)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        if name.starts_with("scenarios-") && !name.contains('.') {
            found.push((fs::metadata(&path)?.modified()?, path));
        }
    }
    found.sort();
    let (_, newest) = found.pop().context("no scenarios were built")?;
    Ok(newest)
}

const VERSION: &str = "\nversion.workspace = true\n";
const OTHER_VERSION: &str = "\nversion = \"0.0.0-controls\"\n";

const SWITCH: &str = r#"
/// Whether a guard is switched off.
pub(crate) fn without(guard: &str) -> bool {
    std::env::var("WHORL_WITHOUT").as_deref() == Ok(guard)
}
"#;
