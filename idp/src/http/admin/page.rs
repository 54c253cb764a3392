//! Pages of a list that is ordered by a name: the cursor is the last name of the page before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire::{DEFAULT_LIMIT, MAX_LIMIT, Page, ProblemCode};

use super::refusal::Refusal;

/// Which page is asked for.
pub struct Cut {
    after: Option<String>,
    limit: usize,
}

impl Cut {
    /// Reads a cursor and a limit; a limit beyond the greatest is lowered to it.
    pub fn parse(after: Option<&str>, limit: Option<u32>) -> Result<Self, Refusal> {
        let after = match after {
            None => None,
            Some(cursor) => Some(open(cursor).ok_or_else(|| {
                let message = "is not what a page before gave as `next`";
                Refusal::field(ProblemCode::InvalidRequest, "after", message)
            })?),
        };
        Ok(Self {
            after,
            limit: at_most(limit)? as usize,
        })
    }

    /// Behind which name the page begins.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// How many rows to read: one more than the page holds, which says whether there is another.
    pub fn rows(&self) -> u64 {
        self.limit as u64 + 1
    }

    /// The rows of the page, and the cursor of the next.
    pub fn take<R>(
        &self,
        mut rows: Vec<R>,
        name: impl Fn(&R) -> &str,
    ) -> (Vec<R>, Option<String>) {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| more).map(|last| seal(name(last)));
        (rows, next)
    }

    /// [`Cut::take`] where each row is an item by itself.
    pub fn page<R, T>(
        &self,
        rows: Vec<R>,
        name: impl Fn(&R) -> &str,
        item: impl Fn(R) -> T,
    ) -> Page<T> {
        let (rows, next) = self.take(rows, name);
        Page {
            items: rows.into_iter().map(item).collect(),
            next,
        }
    }
}

/// How many items a page holds.
pub fn at_most(asked: Option<u32>) -> Result<u64, Refusal> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        0 => {
            let message = "a page holds at least one item";
            Err(Refusal::field(
                ProblemCode::InvalidRequest,
                "limit",
                message,
            ))
        }
        limit => Ok(limit.min(MAX_LIMIT).into()),
    }
}

fn seal(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

fn open(cursor: &str) -> Option<String> {
    let name = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    (!name.chars().any(char::is_control)).then_some(name)
}
