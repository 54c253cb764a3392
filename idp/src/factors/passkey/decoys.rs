//! Passkeys that nobody has: what a login shows for a name without any, so that nobody is told by having none.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::text;

/// How many passkeys a made-up person has, in shares of 256: most people have one for a service, some a second on another
/// device. Assumed, since nobody publishes it.
const DECOY_COUNTS: [(u8, u16); 3] = [(1, 164), (2, 69), (3, 23)];
/// How long their ids are, bytes: password managers and Android 16, iCloud 20, Windows Hello and Chrome 32, security keys
/// 48 and 64. The lengths are what these products make; the shares are assumed.
const DECOY_BYTES: [(u8, u16); 5] = [(16, 64), (20, 77), (32, 77), (48, 22), (64, 16)];

/// Credentials that nobody has, always the same for a name, as many and as long as people's are (WebAuthn Level 3
/// §14.6.2). Neither these nor real ones name transports, which would be one more thing to tell them by.
pub(super) fn of(secret: &[u8], username: &str) -> Vec<Value> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let block = |number: u8| hmac::sign(&key, &[&[number], username.as_bytes()].concat());
    let shape = block(0);
    let (count, lengths) = shape.as_ref().split_first().unwrap_or((&0, &[]));
    (1..)
        .step_by(2)
        .zip(lengths)
        .take(usize::from(drawn(&DECOY_COUNTS, *count)))
        .map(|(number, length)| {
            let mut id = [block(number), block(number + 1)].map(|it| it.as_ref().to_vec());
            let [first, second] = &mut id;
            first.append(second);
            first.truncate(drawn(&DECOY_BYTES, *length).into());
            json!({ "type": "public-key", "id": text(first) })
        })
        .collect()
}

/// What a byte draws of a table of values, each with its share of 256.
fn drawn(table: &[(u8, u16)], byte: u8) -> u8 {
    let mut left = u16::from(byte);
    for (value, share) in table {
        match left.checked_sub(*share) {
            Some(rest) => left = rest,
            None => return *value,
        }
    }
    table.first().map_or(0, |(value, _)| *value)
}
