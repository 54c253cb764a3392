//! Sectors: whose clients see the same pairwise subject (OIDC Core §8.1, Dynamic Client Registration §5).

use std::collections::BTreeSet;

use thiserror::Error;
use url::Url;

use super::client::{Client, SubjectType};

/// Why a client has no sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SectorError {
    /// The document is not a list of URIs.
    #[error("the sector's document is not a JSON list of URIs")]
    Document,
    /// A redirect URI of the client is not in the document.
    #[error("the sector's document does not list every redirect URI")]
    NotListed,
    /// Pairwise subjects, redirect URIs at several hosts, and no document that joins them.
    #[error("pairwise subjects with redirect URIs at several hosts need a sector_identifier_uri")]
    SeveralHosts,
}

/// Whether the sector's document names every redirect URI, so that nobody joins a foreign sector.
///
/// # Errors
/// When it does not.
pub fn check_document(client: &Client, document: &[u8]) -> Result<(), SectorError> {
    let listed: BTreeSet<String> =
        serde_json::from_slice(document).map_err(|_| SectorError::Document)?;
    client
        .redirect_uris
        .iter()
        .all(|uri| listed.contains(uri.as_str()))
        .then_some(())
        .ok_or(SectorError::NotListed)
}

/// Whether a client has a sector: its document's, or the one host of its redirect URIs.
///
/// # Errors
/// Where its subjects are pairwise, there is no document and there are several hosts.
pub fn check_hosts(client: &Client) -> Result<(), SectorError> {
    let subjects = &client.subjects;
    if subjects.subject_type == SubjectType::Public || subjects.sector_identifier_uri.is_some() {
        return Ok(());
    }
    let hosts: BTreeSet<Option<String>> = client
        .redirect_uris
        .iter()
        .map(|uri| Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned))
        .collect();
    match hosts.len() {
        0 | 1 => Ok(()),
        _ => Err(SectorError::SeveralHosts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::{REDIRECT_URI, confidential_client};
    use crate::oidc::redirect_uri::RedirectUri;

    #[test]
    fn a_document_lists_every_redirect_uri() {
        let client = confidential_client();
        let check = |text: &str| check_document(&client, text.as_bytes());
        assert_eq!(
            check(&format!(r#"["https://x.example/", "{REDIRECT_URI}"]"#)),
            Ok(())
        );
        assert_eq!(
            check(r#"["https://app.example/"]"#),
            Err(SectorError::NotListed)
        );
        for text in ["{}", "[1]", "", "<html>", r#"{"uris": []}"#] {
            assert_eq!(check(text), Err(SectorError::Document), "{text}");
        }
    }

    #[test]
    fn several_hosts_have_no_sector_of_their_own() {
        let mut client = confidential_client();
        client.subjects.subject_type = SubjectType::Pairwise;
        assert_eq!(check_hosts(&client), Ok(()));
        client
            .redirect_uris
            .push(RedirectUri::new("https://other.example/"));
        assert_eq!(check_hosts(&client), Err(SectorError::SeveralHosts));
        client.subjects.subject_type = SubjectType::Public;
        assert_eq!(check_hosts(&client), Ok(()));
    }
}
