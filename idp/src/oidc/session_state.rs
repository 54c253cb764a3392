//! The session state that lets a client's page see whether the browser's session has changed (OpenID Connect Session
//! Management 1.0 §3.2).

use aws_lc_rs::digest;

use super::client::ClientId;
use super::redirect_uri::RedirectUri;

/// `session_state`: a salted hash over client, origin and browser state, computed again by the frame of
/// `check_session_iframe`. A redirect URI without an origin has no page that could ask.
pub fn session_state(
    client: &ClientId,
    redirect_uri: &RedirectUri,
    browser_state: &str,
    salt: &str,
) -> Option<String> {
    let origin = redirect_uri.origin()?;
    let text = format!("{client} {origin} {browser_state} {salt}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    Some(format!("{}.{salt}", hex::encode(hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_salted_hash_of_client_origin_and_browser_state() {
        let client = ClientId::parse("app").unwrap();
        let uri = RedirectUri::new("https://app.example/cb?x=1");
        let state = session_state(&client, &uri, "opbs", "salt").unwrap();
        let text = "app https://app.example opbs salt";
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        assert_eq!(state, format!("{}.salt", hex::encode(hash)));
        let other = session_state(&client, &uri, "changed", "salt").unwrap();
        assert_ne!(state, other);
        let private = RedirectUri::new("com.example.app:/cb");
        assert_eq!(session_state(&client, &private, "opbs", "salt"), None);
    }
}
