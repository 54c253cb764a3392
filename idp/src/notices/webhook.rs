//! The webhook: a signed security event token, pushed (RFC 8417, RFC 8935). Whoever gets it checks it by our published
//! keys; there is no secret to share.

use time::OffsetDateTime;

use super::{Unsent, letter};
use crate::app::App;
use crate::oidc::security_event::{SecurityEvent, TYP};
use crate::oidc::subject::SubjectId;
use crate::outbound::Send;
use crate::store::Notice;

impl App {
    pub(super) async fn post_notice(
        &self,
        notice: &Notice,
        now: OffsetDateTime,
    ) -> Result<(), Unsent> {
        let Some(url) = self.config.notices.webhook() else {
            return Err(Unsent::Never("the webhook is off".into()));
        };
        let mut what = serde_json::to_value(&notice.told)
            .map_err(|_| Unsent::Never("it cannot be written".into()))?;
        // For a receiver that passes it on to the person: the person's words for it.
        let language = self.language_of(notice).await;
        let language = language.map_err(|error| Unsent::Later(error.to_string()))?;
        let client = notice.told.client.as_deref();
        what["language"] = language.tag().into();
        what["title"] = letter::what(language, &notice.told, client).into();
        let event = SecurityEvent::new(
            &self.provider.issuer,
            url,
            SubjectId(notice.subject.0),
            (notice.id, what),
            (notice.told.at, now),
        );
        let token = self.tokens.sign_own(TYP, &event).await;
        let token = token.map_err(|error| Unsent::Later(error.to_string()))?;
        // RFC 8935 §2.1.
        let request = Send::post(url, "application/secevent+jwt", token.into());
        let answer = self.outbound.send(request).await;
        match answer
            .map_err(|error| Unsent::Later(error.to_string()))?
            .status
        {
            // RFC 8935 §2.2 wants 202; receivers that are no more than a web server answer 200 or 204.
            200 | 202 | 204 => Ok(()),
            status => Err(Unsent::Later(format!("the webhook answered {status}"))),
        }
    }
}
