//! Forms and query strings: every request that is read out of one.
#![no_main]

use idp_fuzz::oidc::authorization_details::AuthorizationDetails;
use idp_fuzz::oidc::claims_request::ClaimsRequest;
use idp_fuzz::oidc::client_auth::Presented;
use idp_fuzz::oidc::device::UserCode;
use idp_fuzz::oidc::logout::LogoutRequest;
use idp_fuzz::oidc::parameters::Parameters;
use idp_fuzz::oidc::redirect_uri::RedirectUri;
use idp_fuzz::{PUBLIC, REDIRECT, follow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(parameters) = Parameters::from_urlencoded(data) else {
        return;
    };
    follow(&parameters);
    let _ = LogoutRequest::parse(&parameters);
    let _ = Presented::parse(None, &parameters);
    let text = String::from_utf8_lossy(data);
    let _ = Presented::parse(Some(&text), &parameters);
    let _ = Presented::parse(Some(&format!("Basic {text}")), &parameters);
    let _ = UserCode::parse(&text);
    let registered = RedirectUri::new(REDIRECT);
    let same = registered.matches(&text, PUBLIC.application_type);
    assert!(!same || text == REDIRECT, "{text}");
    let claims = parameters.get("claims").unwrap_or(&text);
    if let Some(asked) = ClaimsRequest::parse(claims) {
        let kept = serde_json::to_string(&asked).expect("is kept");
        let again: ClaimsRequest = serde_json::from_str(&kept).expect("is read again");
        assert_eq!(again, asked);
    }
    let details = parameters.get("authorization_details").unwrap_or(&text);
    let _ = AuthorizationDetails::parse(Some(details));
});
