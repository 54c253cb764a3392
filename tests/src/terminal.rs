//! The console in a terminal of its own, which answers no questions: what is on its screen, and keys for it.
//!
//! A console writes only what changes, and steps over what is there already, so that its words are no text in what it writes:
//! what it writes is put on a screen first, by the few sequences of ECMA-48 that it uses, and waited for there.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

use crate::missing::{Missing, on_path};

/// A program in a terminal of 24 rows and 80 columns; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    screen: Arc<Mutex<Screen>>,
}

impl Terminal {
    /// Runs a program there, with these variables besides those of the test.
    ///
    /// # Panics
    /// When `script`, which is there, does not start.
    pub fn open(program: &Path, variables: &[(&str, &str)]) -> Result<Self, Missing> {
        let script = on_path(&["script"])
            .ok_or_else(|| Missing::new("script is missing", "Debian's bsdutils has it"))?;
        let mut child = Command::new(script)
            .args(["--quiet", "--return", "--command"])
            .arg(format!(
                "stty rows {ROWS} cols {COLUMNS} && exec {}",
                program.display()
            ))
            .arg("/dev/null")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script starts");
        let screen = Arc::new(Mutex::new(Screen::default()));
        let (kept, mut out) = (screen.clone(), child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut some) {
                let mut screen = kept.lock().unwrap_or_else(PoisonError::into_inner);
                screen.write(&some[..read]);
            }
        });
        Ok(Self { child, screen })
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        let input = self.child.stdin.as_mut().context("no input")?;
        input.write_all(keys.as_bytes())?;
        Ok(input.flush()?)
    }

    /// Waits until this is on the screen, on one line.
    pub async fn shows(&self, text: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.text().contains(text) {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
        bail!("{text} is not on the screen:\n{}", self.text());
    }

    /// Waits until the program has ended.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(GLANCE).await;
        }
        bail!("it goes on:\n{}", self.text());
    }

    /// What is on the screen.
    #[must_use]
    pub fn text(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.text()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Cells, and where the next character goes.
#[derive(Debug)]
struct Screen {
    cells: Vec<[char; COLUMNS]>,
    at: (usize, usize),
    /// What of a sequence or a character came so far.
    begun: Vec<u8>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            cells: vec![[' '; COLUMNS]; ROWS],
            at: (0, 0),
            begun: Vec::new(),
        }
    }
}

impl Screen {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.begun.push(*byte);
            if self.take() {
                self.begun.clear();
            }
        }
    }

    /// Takes what has begun, where it is whole.
    fn take(&mut self) -> bool {
        match self.begun.as_slice() {
            [0x1b] | [0x1b, b'['] => false,
            [0x1b, b'[', inner @ .., last] => {
                // A final byte ends a control sequence (ECMA-48 §5.4).
                if !(0x40..=0x7e).contains(last) {
                    return false;
                }
                let (last, inner) = (*last, String::from_utf8_lossy(inner).into_owned());
                self.control(last, &inner);
                true
            }
            // An operating system command, up to BEL or ST.
            [0x1b, b']', .., 0x07] | [0x1b, b']', .., 0x1b, b'\\'] => true,
            [0x1b, b']', ..] => false,
            [0x1b, ..] => true,
            [b'\r'] => {
                self.at.1 = 0;
                true
            }
            [b'\n'] => {
                self.at.0 = (self.at.0 + 1).min(ROWS - 1);
                true
            }
            [0..0x20] => true,
            text => match std::str::from_utf8(text) {
                Ok(text) => {
                    let character = text.chars().next().unwrap_or(' ');
                    self.put(character);
                    true
                }
                // A character of several bytes that is not whole yet.
                Err(error) => error.error_len().is_some(),
            },
        }
    }

    fn put(&mut self, character: char) {
        let (row, column) = self.at;
        if let Some(cell) = self.cells.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = character;
        }
        self.at.1 = column + 1;
    }

    fn control(&mut self, last: u8, inner: &str) {
        let mut numbers = inner.split(';').map(|it| it.parse::<usize>().ok());
        let first = numbers.next().flatten();
        match last {
            b'H' | b'f' => {
                let column = numbers.next().flatten();
                self.at = (
                    first.unwrap_or(1).saturating_sub(1),
                    column.unwrap_or(1).saturating_sub(1),
                );
            }
            b'A' => self.at.0 = self.at.0.saturating_sub(first.unwrap_or(1)),
            b'B' => self.at.0 = (self.at.0 + first.unwrap_or(1)).min(ROWS - 1),
            b'C' => self.at.1 += first.unwrap_or(1),
            b'D' => self.at.1 = self.at.1.saturating_sub(first.unwrap_or(1)),
            b'G' => self.at.1 = first.unwrap_or(1).saturating_sub(1),
            b'J' if first == Some(2) => self.cells = vec![[' '; COLUMNS]; ROWS],
            b'K' => {
                let (row, column) = self.at;
                if let Some(rest) = self.cells.get_mut(row).and_then(|it| it.get_mut(column..)) {
                    rest.fill(' ');
                }
            }
            // The other screen begins empty.
            b'h' if inner == "?1049" => self.cells = vec![[' '; COLUMNS]; ROWS],
            // Colours and modes.
            _ => {}
        }
    }

    fn text(&self) -> String {
        let lines = self.cells.iter().map(|row| {
            let line: String = row.iter().collect();
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

const ROWS: usize = 24;
const COLUMNS: usize = 80;
/// The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_parts_is_read_as_it_stands() {
        let mut screen = Screen::default();
        screen.write(b"\x1b[?1049h\x1b[2J\x1b[2;3H\x1b[1;32mnever\x1b[0m\x1b[2;9Hchanged");
        // In the middle of a character, and of a sequence.
        for byte in "\x1b[2;17Hhère\r\nnext\x1b]0;a title\x07\x1b[1;1Htop".bytes() {
            screen.write(&[byte]);
        }
        assert_eq!(
            screen.text().lines().take(3).collect::<Vec<_>>(),
            ["top", "  never changed hère", "next"]
        );
        screen.write(b"\x1b[2;8H\x1b[K\x1b[99;99Hbeyond");
        assert!(screen.text().contains("  never\n"), "{}", screen.text());
    }
}
