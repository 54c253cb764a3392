//! RSA public keys that must not be trusted: too short, a small or even exponent, or a modulus of the
//! flawed generator of CVE-2017-15361 (ROCA).
//!
//! The flawed generator made primes of the form `k * M + (65537^a mod M)`, so that the modulus is a power
//! of 65537 modulo every small prime in `M` (Nemec et al., CCS 2017, §3.1). A random modulus passes for
//! one with probability below 2^-27.

/// The key is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakRsa;

/// Looks at a modulus and an exponent, big-endian.
///
/// # Errors
/// [`WeakRsa`] when the key is not to be trusted.
pub fn check(modulus: &[u8], exponent: &[u8]) -> Result<(), WeakRsa> {
    let (n, e) = (stripped(modulus), stripped(exponent));
    let is_long = (LEAST_BITS..=MOST_BITS).contains(&bits(n));
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    // FIPS 186-5 §5.1: 2^16 < e < 2^256 and odd; 3 and 17 are found in the field and are taken.
    let is_exponent = is_odd(e) && e != [1] && e.len() <= 32;
    (is_long && is_odd(n) && is_exponent && !has_roca_fingerprint(n))
        .then_some(())
        .ok_or(WeakRsa)
}

fn has_roca_fingerprint(n: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let prime = u32::from(*prime);
        let target = remainder(n, prime);
        let (mut power, step) = (1, 65_537 % prime);
        // The powers of 65537 return to 1 after at most `prime - 1` steps.
        (0..prime).any(|_| {
            let found = power == target;
            power = power * step % prime;
            found
        })
    })
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor)
}

fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bits(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// NIST SP 800-131A rev. 2 §3; beyond 8192 bits a verification is work that a stranger should not order.
const LEAST_BITS: usize = 2048;
const MOST_BITS: usize = 8192;

/// The odd primes up to 167, the product of which divides the `M` of every key length concerned.
const PRIMES: [u8; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(length: usize) -> Vec<u8> {
        let mut modulus = vec![0xa7; length];
        modulus[length - 1] = 0x31;
        modulus
    }

    #[test]
    fn lengths_and_exponents_have_bounds() {
        let usual = [1, 0, 1];
        assert_eq!(check(&modulus(256), &usual), Ok(()));
        assert_eq!(check(&modulus(256), &[3]), Ok(()));
        for length in [128, 255, 1025] {
            assert_eq!(check(&modulus(length), &usual), Err(WeakRsa), "{length}");
        }
        for exponent in [&[][..], &[0], &[1], &[2], &[0, 0, 1], &[255; 33]] {
            assert_eq!(check(&modulus(256), exponent), Err(WeakRsa), "{exponent:?}");
        }
        let mut even = modulus(256);
        even[255] = 0x30;
        assert_eq!(check(&even, &usual), Err(WeakRsa));
    }

    #[test]
    fn a_power_of_the_generator_has_the_fingerprint() {
        // 65537^128 is a number of 2049 bits that is a power of 65537 modulo every prime.
        let mut power = vec![1_u8];
        for _ in 0..128 {
            power = times_65537(&power);
        }
        assert!(has_roca_fingerprint(&power));
        assert_eq!(check(&power, &[1, 0, 1]), Err(WeakRsa));
        assert!(!has_roca_fingerprint(&modulus(256)));
    }

    /// `n * 65537 = (n << 16) + n`, big-endian.
    fn times_65537(n: &[u8]) -> Vec<u8> {
        let shifted: Vec<u8> = n.iter().copied().chain([0, 0]).collect();
        let mut sum = vec![0; shifted.len() + 1];
        let mut carry = 0_u16;
        for at in 0..shifted.len() {
            let from_end = |number: &[u8]| {
                number
                    .len()
                    .checked_sub(at + 1)
                    .map_or(0, |index| u16::from(number[index]))
            };
            let digit = from_end(&shifted) + from_end(n) + carry;
            let place = sum.len() - 1 - at;
            sum[place] = (digit % 256) as u8;
            carry = digit / 256;
        }
        sum[0] = carry as u8;
        stripped(&sum).to_vec()
    }
}
