//! Passwords that were found in breaches, looked up in a file on this machine: nothing of a password goes anywhere.
//!
//! The file is the sorted list of SHA-1 digests as Have I Been Pwned gives it out: a line each, forty hexadecimal
//! digits, a colon and a count. It may be many gigabytes; a look-up reads some forty lines of it by halving
//! (NIST SP 800-63B-4 §3.1.1.2 wants chosen passwords held against such a list). SHA-1 is only the list's key here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// An opened list.
pub struct Breached {
    file: File,
    bytes: u64,
}

/// The list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BreachedError {
    #[error("[password] breached_file {0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("[password] breached_file {0} is no sorted list of SHA-1 digests, HEX:COUNT a line")]
    NoList(PathBuf),
}

impl Breached {
    /// Opens a list, and looks at two of its lines.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, BreachedError> {
        let unreadable = |error| BreachedError::Unreadable(path.to_owned(), error);
        let file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let list = Self { file, bytes };
        let first = list.line_at(0).map_err(unreadable)?;
        let later = list.line_behind(bytes / 3).map_err(unreadable)?;
        match (first, later) {
            (Some((first, _)), Some((later, _))) if first <= later => Ok(list),
            (Some(_), None) => Ok(list),
            _ => Err(BreachedError::NoList(path.to_owned())),
        }
    }

    /// Whether a password is in it.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what it was.
    pub fn contains(&self, password: &str) -> io::Result<bool> {
        let mut wanted: Digest = [0; DIGITS];
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        hex::encode_to_slice(digest.as_ref(), &mut wanted).map_err(io::Error::other)?;
        wanted.make_ascii_uppercase();
        // What is wanted, if it is there, begins at `low` or behind it and in front of `high`.
        let (mut low, mut high) = (0, self.bytes);
        while high - low > NEAR {
            let middle = low + (high - low) / 2;
            match self.line_behind(middle)? {
                Some((found, at)) if at < high => {
                    if found == wanted {
                        return Ok(true);
                    }
                    match found < wanted {
                        true => low = at,
                        false => high = middle + 1,
                    }
                }
                _ => high = middle + 1,
            }
        }
        let mut next = Some(low);
        while let Some(at) = next.filter(|at| *at <= high) {
            match self.line_at(at)? {
                Some((found, _)) if found == wanted => return Ok(true),
                Some((_, behind)) => next = Some(behind),
                None => next = None,
            }
        }
        Ok(false)
    }

    /// The digest of the first line that begins behind `at`, and where that is.
    fn line_behind(&self, at: u64) -> io::Result<Option<(Digest, u64)>> {
        let mut buffer = [0; LONGEST_LINE];
        let read = self.read(&mut buffer, at)?;
        let Some(end) = buffer[..read].iter().position(|byte| *byte == b'\n') else {
            return Ok(None);
        };
        let begins = at + end as u64 + 1;
        Ok(self.line_at(begins)?.map(|(found, _)| (found, begins)))
    }

    /// The digest of the line that begins at `at`, and where the next one begins.
    fn line_at(&self, at: u64) -> io::Result<Option<(Digest, u64)>> {
        let mut buffer = [0; LONGEST_LINE];
        let read = self.read(&mut buffer, at)?;
        let line = &buffer[..read];
        let Some((found, rest)) = line.split_first_chunk::<DIGITS>() else {
            return Ok(None);
        };
        let is_digest = found.iter().all(u8::is_ascii_hexdigit);
        if !is_digest || !matches!(rest.first(), None | Some(b':' | b'\r' | b'\n')) {
            return Err(io::Error::other("a line is no digest"));
        }
        let mut found = *found;
        found.make_ascii_uppercase();
        let end = line.iter().position(|byte| *byte == b'\n');
        let behind = end.map_or(read, |end| end + 1);
        Ok(Some((found, at + behind as u64)))
    }

    /// As much as there is, up to the buffer's end.
    fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self
                .file
                .read_at(&mut buffer[filled..], at + filled as u64)?
            {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

type Digest = [u8; DIGITS];
/// SHA-1 in hexadecimal.
const DIGITS: usize = 40;
/// Longer than a digest, a colon, a count and the line's end.
const LONGEST_LINE: usize = 80;
/// So near, lines are read one after the other.
const NEAR: u64 = 512;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn line(password: &str, count: u32, end: &str) -> (String, String) {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let digest = hex::encode_upper(digest.as_ref());
        let line = format!("{digest}:{count}{end}");
        (digest, line)
    }

    fn list(text: &str) -> (tempfile::NamedTempFile, Result<Breached, BreachedError>) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("writes");
        let opened = Breached::open(file.path());
        (file, opened)
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["", "password\nletmein\n", "0123\n", &"x".repeat(500)] {
            assert!(list(text).1.is_err(), "{text}");
        }
        let backwards: String = ["F", "0"]
            .iter()
            .map(|digit| format!("{}:1\n", digit.repeat(40)))
            .collect();
        assert!(list(&backwards).1.is_err());
        assert!(Breached::open(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn the_first_digest_of_the_standard_is_found() {
        // FIPS 180-4's example: SHA-1 of "abc".
        let (_file, list) = list("A9993E364706816ABA3E25717850C26C9CD0D89D:3\r\n");
        let list = list.expect("a list");
        assert!(list.contains("abc").expect("reads"));
        assert!(!list.contains("abd").expect("reads"));
    }

    proptest! {
        /// Held against a set: whatever the list's size, line ends and counts.
        #[test]
        fn exactly_what_is_listed_is_found(
            listed in prop::collection::btree_set("[a-z]{1,6}", 1..120),
            others in prop::collection::vec("[a-z]{1,6}", 0..30),
            count in 1u32..2_000_000_000,
            dos in any::<bool>(),
        ) {
            let end = if dos { "\r\n" } else { "\n" };
            let sorted: BTreeMap<String, String> =
                listed.iter().map(|it| line(it, count, end)).collect();
            let text: String = sorted.into_values().collect();
            let (_file, list) = list(&text);
            let list = list.expect("a list");
            for password in &listed {
                prop_assert!(list.contains(password).expect("reads"), "{} is missed", password);
            }
            for other in &others {
                prop_assert_eq!(list.contains(other).expect("reads"), listed.contains(other));
            }
        }
    }
}
