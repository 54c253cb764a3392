//! A background program that lives exactly as long as the test process, however that ends.
//!
//! A `static` is never dropped and a killed process cleans nothing up. So each program runs under a small shell
//! script which reads its standard input: when the test process is gone, for whatever reason, the kernel closes the
//! other end of that pipe, the script reads the end of it, stops the program and removes its folder.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, bail};

/// The script and what runs under it; dropping it stops both.
#[derive(Debug)]
pub struct Keeper {
    script: Child,
    lifeline: Option<ChildStdin>,
}

impl Keeper {
    /// Runs a bash script with arguments `$1`… and returns when it prints `ready`.
    ///
    /// The script starts its program in the background, prints `ready` when that answers, then reads its standard
    /// input to the end and stops the program.
    ///
    /// # Errors
    /// When the script ends first; the message has what it wrote to its standard error.
    pub fn start<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> anyhow::Result<Self> {
        let mut child = Command::new("bash")
            .args(["-euc", script, "keeper"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Out of the terminal's foreground group: an interrupt ends the tests, and they end the script.
            .process_group(0)
            .spawn()
            .context("bash")?;
        let lifeline = child.stdin.take();
        let output = child
            .stdout
            .take()
            .context("invariant: standard output is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() == "ready" {
            return Ok(Self {
                script: child,
                lifeline,
            });
        }
        drop(lifeline);
        let mut said = String::new();
        if let Some(mut errors) = child.stderr.take() {
            errors.read_to_string(&mut said)?;
        }
        bail!(
            "ended with {} before it was ready: {line}{said}",
            child.wait()?
        );
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.script.wait();
    }
}

/// A TCP port of the loopback address that nobody listens on at this moment.
pub fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS.len() {
        // Other test programs begin elsewhere.
        let step = NEXT
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(std::process::id().wrapping_mul(97));
        let port = PORTS.start + u16::try_from(step % u32::from(PORTS.end - PORTS.start))?;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port is free")
}

/// Below those that connections to elsewhere are given, one of which would be taken before the server has it.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_fails_tells_why() {
        let error = Keeper::start::<&str>("echo no luck >&2; exit 3", &[]).expect_err("it fails");
        let text = format!("{error:#}");
        assert!(text.contains("no luck") && text.contains('3'), "{text}");
    }

    #[test]
    fn dropping_it_runs_the_script_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("stopped");
        let script = "echo ready; cat >/dev/null; touch \"$1\"";
        let keeper = Keeper::start(script, &[&mark]).expect("it starts");
        assert!(!mark.exists());
        drop(keeper);
        assert!(mark.exists());
    }
}
