//! From the DER form of an ECDSA signature, as key services give it, to the form that a JWS carries.
//!
//! DER is `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3); a JWS holds r and s side by side, each
//! as long as the curve's order (RFC 7518 §3.4).

/// r and s of a P-256 signature side by side, or none where `der` is not strictly such a signature.
pub fn p256_fixed_from_der(der: &[u8]) -> Option<[u8; 2 * SCALAR_BYTES]> {
    // A P-256 signature is always shorter than 128 bytes, so every length is one byte.
    let [SEQUENCE, length, body @ ..] = der else {
        return None;
    };
    if usize::from(*length) != body.len() || body.len() > 127 {
        return None;
    }
    let (r, body) = scalar(body)?;
    let (s, []) = scalar(body)? else {
        return None;
    };
    let mut fixed = [0; 2 * SCALAR_BYTES];
    fixed[..SCALAR_BYTES].copy_from_slice(&r);
    fixed[SCALAR_BYTES..].copy_from_slice(&s);
    Some(fixed)
}

/// The first integer of `der`, padded, and what follows it.
fn scalar(der: &[u8]) -> Option<([u8; SCALAR_BYTES], &[u8])> {
    let [INTEGER, length, rest @ ..] = der else {
        return None;
    };
    let (digits, rest) = rest.split_at_checked(usize::from(*length))?;
    let digits = match digits {
        // A leading zero is there only to keep the number from looking negative.
        [0, digits @ ..] if digits.first().is_some_and(|first| *first >= 0x80) => digits,
        [first, ..] if (1..0x80).contains(first) => digits,
        _ => return None,
    };
    let mut padded = [0; SCALAR_BYTES];
    padded
        .get_mut(SCALAR_BYTES.checked_sub(digits.len())?..)?
        .copy_from_slice(digits);
    Some((padded, rest))
}

const SCALAR_BYTES: usize = 32;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, KeyPair,
            UnparsedPublicKey,
        },
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_converted_still_verifies() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("made");
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
        // Enough signatures to meet short and sign-padded integers.
        for message in 0u32..2000 {
            let message = message.to_be_bytes();
            let der = pair.sign(&SystemRandom::new(), &message).expect("signed");
            let fixed = p256_fixed_from_der(der.as_ref()).expect("converted");
            public.verify(&message, &fixed).expect("verifies");
            for length in 0..der.as_ref().len() {
                assert_eq!(p256_fixed_from_der(&der.as_ref()[..length]), None);
            }
        }
    }

    #[test]
    fn small_and_large_numbers_are_padded_and_nothing_else_is_taken() {
        let of = |r: &[u8], s: &[u8]| {
            let mut body = [
                &[INTEGER, r.len() as u8][..],
                r,
                &[INTEGER, s.len() as u8],
                s,
            ]
            .concat();
            let mut der = vec![SEQUENCE, body.len() as u8];
            der.append(&mut body);
            p256_fixed_from_der(&der)
        };
        let fixed = of(&[1], &[0, 0x80]).expect("converted");
        assert_eq!((fixed[31], fixed[63]), (1, 0x80));
        assert_eq!(fixed.iter().filter(|byte| **byte == 0).count(), 62);
        let largest = [&[0][..], &[0xff; 32]].concat();
        assert_eq!(of(&largest, &largest), Some([0xff; 64]));
        for odd in [&[][..], &[0], &[0, 1], &[0x80], &[1; 33]] {
            assert_eq!(of(odd, &[1]), None, "{odd:?}");
            assert_eq!(of(&[1], odd), None, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(der in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = p256_fixed_from_der(&der);
            let mut sequence = vec![SEQUENCE, der.len() as u8];
            sequence.extend_from_slice(&der);
            let _ = p256_fixed_from_der(&sequence);
        }
    }
}
