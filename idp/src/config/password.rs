//! What a password's hash costs, and the least that it may cost.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use crate::factors::password::PasswordCost;

/// `[password]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
    breached_file: PathBuf,
}

impl Password {
    /// The list of passwords that nobody may choose, where there is one.
    #[must_use]
    pub fn breached_file(&self) -> Option<&Path> {
        Some(self.breached_file.as_path()).filter(|path| !path.as_os_str().is_empty())
    }

    /// The cost of Argon2id.
    #[must_use]
    pub fn cost(&self) -> PasswordCost {
        PasswordCost {
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
        }
    }

    /// Whether the cost is one that Argon2 takes (RFC 9106 §3.1), and no less than what holds a thief of hashes up.
    /// On this machine alone it may be less: benchmarks measure what is around it.
    ///
    /// # Errors
    /// [`ConfigError::Password`] says what to write instead.
    pub fn check(&self, is_loopback: bool) -> Result<(), ConfigError> {
        let passes_over = u64::from(self.memory_kib) * u64::from(self.iterations);
        let problem = if self.iterations == 0 || !(1..=16).contains(&self.parallelism) {
            "iterations is at least 1, parallelism 1 to 16"
        } else if self.memory_kib / 8 < self.parallelism {
            "memory_kib is at least 8 for each of parallelism (RFC 9106 section 3.1)"
        } else if self.memory_kib > MOST_MEMORY_KIB || passes_over > MOST_PASSES_KIB {
            "at most 1048576 memory_kib, and 4194304 multiplied by iterations"
        } else if !is_loopback
            && (self.memory_kib < LEAST_MEMORY_KIB || passes_over < LEAST_PASSES_KIB)
        {
            "on an issuer that is not loopback memory_kib is at least 7168, and 35840 multiplied by iterations"
        } else {
            return Ok(());
        };
        Err(ConfigError::Password(problem))
    }
}

/// The smallest memory among the settings that OWASP's password storage cheat sheet holds equal: 7 MiB with 5 passes.
const LEAST_MEMORY_KIB: u32 = 7 * 1024;
/// The least product among them.
const LEAST_PASSES_KIB: u64 = 5 * 7 * 1024;
/// More is a slip of the pen: a handful of logins would fill the machine.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES_KIB: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_cost_that_is_none_is_refused_with_the_way_out() {
        let public = "issuer = \"https://id.example\"\n";
        let check = |before: &str, memory: u32, iterations: u32, lanes: u32| {
            let toml = format!(
                "{before}[password]\nmemory_kib = {memory}\niterations = {iterations}\nparallelism = {lanes}"
            );
            Config::from_toml(&toml).err().map(|it| it.to_string())
        };
        for (memory, iterations) in [
            (47_104, 1),
            (19_456, 2),
            (12_288, 3),
            (9_216, 4),
            (7_168, 5),
        ] {
            assert_eq!(check(public, memory, iterations, 1), None, "{memory}");
        }
        for (memory, iterations) in [(19_456, 1), (7_168, 4), (4_096, 10), (8, 1)] {
            let says = check(public, memory, iterations, 1).expect("refused");
            assert!(says.contains("at least 7168"), "{says}");
            assert_eq!(check("", memory, iterations, 1), None, "on this machine");
        }
        for (memory, iterations, lanes) in [
            (19_456, 0, 1),
            (19_456, 2, 0),
            (19_456, 2, 17),
            (8, 1, 2),
            (2_000_000, 1, 1),
            (1_000_000, 5, 1),
        ] {
            assert!(
                check("", memory, iterations, lanes).is_some(),
                "{memory} {iterations} {lanes}"
            );
        }
        let usual = Config::from_toml("").expect("valid").password.cost();
        assert_eq!(usual, crate::factors::password::PasswordCost::default());
    }
}
