//! What strangers and operators register, and the documents that clients publish.
#![no_main]

use idp_fuzz::oidc::client::metadata::{By, Fields};
use idp_fuzz::oidc::client::{Client, ClientId};
use idp_fuzz::oidc::distinguished_name::DistinguishedName;
use idp_fuzz::oidc::{client_document, sector};
use idp_fuzz::{PUBLIC, rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(fields) = serde_json::from_slice::<Fields>(data) {
        for by in [By::Stranger, By::Operator] {
            let named = ClientId::parse("app").expect("an identifier");
            if let Ok(client) = Client::from_metadata(named, &fields, &rules(by)) {
                let _ = sector::check_hosts(&client);
                if by == By::Stranger {
                    let mut uris = client.redirect_uris.iter();
                    assert!(!client.trusted);
                    assert!(!uris.any(|uri| uri.as_str().starts_with("javascript:")));
                }
            }
        }
    }
    let id = "https://app.example/client.json";
    let named = ClientId::parse(id).expect("an identifier");
    if let Ok(client) = client_document::read(named, data, &rules(By::Stranger)) {
        assert_eq!(client.id.as_str(), id);
        assert!(client.secret_digest.is_none());
    }
    let _ = sector::check_document(&PUBLIC, data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = DistinguishedName::parse(text);
        if let Some(id) = ClientId::parse(text) {
            let _ = client_document::url(&id);
        }
    }
});
