//! The search for people who are enrolled twice: it is started, it raises pairs, and somebody decides each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{DuplicatePairId, DuplicateSearchId, FactorKind, OperatorName, SubjectId};

/// A search to start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewDuplicateSearch {
    /// Which references are compared: `face` or `fingerprint`.
    pub factor: FactorKind,
    /// How often somebody who is enrolled once may be raised all the same, above 0 and at most a half.
    pub false_positive_identification_rate: f64,
}

/// Where a search stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateSearchStatus {
    /// It goes on; a server that ends takes it up again when it is back.
    Running,
    /// Everybody was compared.
    Finished,
    /// It ended early; `problem` says why.
    Failed,
}

impl DuplicateSearchStatus {
    /// The state's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for DuplicateSearchStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DuplicateSearchStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Running, Self::Finished, Self::Failed];
        let found = all.into_iter().find(|status| status.as_str() == text);
        found.ok_or(UnknownWord)
    }
}

/// What an operator makes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairDecision {
    /// They are two people.
    Dismissed,
    /// They are one person. Nothing happens to either by that: suspend or erase whom you must.
    Confirmed,
}

impl PairDecision {
    /// The decision's name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dismissed => "dismissed",
            Self::Confirmed => "confirmed",
        }
    }
}

impl fmt::Display for PairDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PairDecision {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Dismissed, Self::Confirmed];
        let found = all.into_iter().find(|decision| decision.as_str() == text);
        found.ok_or(UnknownWord)
    }
}

/// A word that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord;

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unknown word")
    }
}

impl std::error::Error for UnknownWord {}

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DuplicateSearch {
    /// Which.
    pub id: DuplicateSearchId,
    /// Which references are compared.
    pub factor: FactorKind,
    /// As it was asked for.
    pub false_positive_identification_rate: f64,
    /// Where it stands.
    pub status: DuplicateSearchStatus,
    /// By whom.
    pub started_by: OperatorName,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended_at: Option<OffsetDateTime>,
    /// Whose references were read so far.
    pub people: u64,
    /// References that cannot be compared: their model is gone, or they are not to be trusted.
    pub left_out: u64,
    /// Comparisons made so far.
    pub compared: u64,
    /// Comparisons to make; 0 until everybody was read.
    pub comparisons: u64,
    /// That each comparison was held to, so that the rate that was asked for holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_match_rate: Option<f64>,
    /// Pairs that are alike.
    pub alike: u64,
    /// Those of them that were not on the list before.
    pub raised: u64,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One side of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedSubject {
    /// Who.
    pub id: SubjectId,
    /// What it identifies by.
    pub username: String,
}

/// Two subjects that may be one person. No score is told: whoever sees scores learns about faces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicatePair {
    /// Which.
    pub id: DuplicatePairId,
    /// The search that found it.
    pub search: DuplicateSearchId,
    /// By which references.
    pub factor: FactorKind,
    /// One of them.
    pub one: PairedSubject,
    /// And the other.
    pub other: PairedSubject,
    /// When it was found.
    #[serde(with = "time::serde::rfc3339")]
    pub found_at: OffsetDateTime,
    /// What somebody made of it; absent while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<PairDecision>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<OperatorName>,
    /// When.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub decided_at: Option<OffsetDateTime>,
}

/// A decision on a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideDuplicate {
    /// What it is.
    pub decision: PairDecision,
}

/// Which pairs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateQuery {
    /// Those that wait (`false`) or have a decision (`true`); all where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<bool>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_read_as_they_are_written() {
        for status in [
            DuplicateSearchStatus::Running,
            DuplicateSearchStatus::Finished,
            DuplicateSearchStatus::Failed,
        ] {
            assert_eq!(status.as_str().parse(), Ok(status));
            let json = serde_json::to_string(&status).expect("JSON");
            assert_eq!(json, format!("\"{status}\""));
        }
        for decision in [PairDecision::Dismissed, PairDecision::Confirmed] {
            assert_eq!(decision.as_str().parse(), Ok(decision));
            let json = serde_json::to_string(&decision).expect("JSON");
            assert_eq!(json, format!("\"{decision}\""));
        }
        assert_eq!("?".parse::<PairDecision>(), Err(UnknownWord));
        assert_eq!("?".parse::<DuplicateSearchStatus>(), Err(UnknownWord));
    }
}
