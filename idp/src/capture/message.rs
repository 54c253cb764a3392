//! What a capture's page sends: two binary messages of our own, told apart by their second byte.
//!
//! Integers are big-endian, lengths in bytes. The first message introduces the page's key, all others are frames:
//!
//! ```text
//! hello  0   1  version: 1
//!        1   1  kind: 1
//!        2  65  the page's public key, a P-256 point uncompressed (SEC 1, 2.3.3)
//!       67  64  signature over the hello statement: r and s (IEEE P1363, as WebCrypto has it)
//!
//! frame  0   1  version: 1
//!        1   1  kind: 2
//!        2   4  sequence, from 1, each one more than the last
//!        6   8  when the picture was taken, microseconds of the page's own clock
//!       14   4  the number of what the page showed then, as the server numbered it
//!       18   4  length of the picture
//!       22  64  signature over the frame statement
//!       86   n  the picture, a JPEG
//! ```
//!
//! The hello statement is `whorl capture 1 hello`, a zero byte, the nonce's length (1) and the nonce, the key. A frame
//! statement is `whorl capture 1 frame`, a zero byte, the nonce's length and the nonce, the SHA-256 digest of the statement
//! before it, the sequence, the time, the number, and the SHA-256 digest of the picture. So every frame is bound to its
//! capture, to its place and to all that came before it.
//!
//! What this proves: one holder of one key, which a page cannot export, sent all of the capture and in this order. It does
//! not prove that the holder is our page, nor that a camera made the pictures: whoever writes a client of his own signs
//! what he likes.
//!
//! This module is pure and stands alone, so that it can be fuzzed alone.

/// A message, borrowed from the bytes that it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// The first.
    Hello(Hello<'a>),
    /// Any other.
    Frame(Frame<'a>),
}

/// The page's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    /// An uncompressed point; whether it lies on the curve is for the verification to say.
    pub key: &'a [u8; KEY],
    /// Over [`hello_statement`].
    pub signature: &'a [u8; SIGNATURE],
}

/// One picture, and what the page says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its place, from 1.
    pub sequence: u32,
    /// The page's clock, microseconds.
    pub captured_us: u64,
    /// The number of what was shown.
    pub cue: u32,
    /// Over [`frame_statement`].
    pub signature: &'a [u8; SIGNATURE],
    /// A JPEG, by its first bytes.
    pub jpeg: &'a [u8],
}

// Not derived: a picture is never written anywhere.
impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("sequence", &self.sequence)
            .field("cue", &self.cue)
            .field("bytes", &self.jpeg.len())
            .finish_non_exhaustive()
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// More than the largest message.
    #[error("the message is too large")]
    TooLarge,
    /// It ends before it should.
    #[error("the message is cut short")]
    TooShort,
    /// Of another version.
    #[error("the message is of another version")]
    Version,
    /// Neither hello nor frame.
    #[error("the message is of no known kind")]
    Kind,
    /// Longer than it says.
    #[error("the message has another length than it says")]
    Length,
    /// The key is no uncompressed point.
    #[error("the key is no uncompressed point")]
    Key,
    /// Frames count from one.
    #[error("frames are numbered from one")]
    Sequence,
    /// What should be a JPEG begins otherwise.
    #[error("the picture is no JPEG")]
    Picture,
}

/// Reads a message.
///
/// # Errors
/// [`MessageError`].
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, MessageError> {
    if bytes.len() > LARGEST {
        return Err(MessageError::TooLarge);
    }
    let mut rest = bytes;
    let [version, kind] = *take(&mut rest)?;
    match (version, kind) {
        (VERSION, HELLO) => hello(rest).map(Message::Hello),
        (VERSION, FRAME) => frame(rest).map(Message::Frame),
        (VERSION, _) => Err(MessageError::Kind),
        _ => Err(MessageError::Version),
    }
}

fn hello(mut rest: &[u8]) -> Result<Hello<'_>, MessageError> {
    let key: &[u8; KEY] = take(&mut rest)?;
    let signature = take(&mut rest)?;
    if !rest.is_empty() {
        return Err(MessageError::Length);
    }
    if key[0] != UNCOMPRESSED {
        return Err(MessageError::Key);
    }
    Ok(Hello { key, signature })
}

fn frame(mut rest: &[u8]) -> Result<Frame<'_>, MessageError> {
    let sequence = u32::from_be_bytes(*take(&mut rest)?);
    let captured_us = u64::from_be_bytes(*take(&mut rest)?);
    let cue = u32::from_be_bytes(*take(&mut rest)?);
    let length = u32::from_be_bytes(*take(&mut rest)?);
    let signature = take(&mut rest)?;
    match rest.len().cmp(&(length as usize)) {
        std::cmp::Ordering::Less => return Err(MessageError::TooShort),
        std::cmp::Ordering::Greater => return Err(MessageError::Length),
        std::cmp::Ordering::Equal => {}
    }
    if sequence == 0 {
        return Err(MessageError::Sequence);
    }
    // The one format that a canvas of every browser makes: no other decoder is within reach.
    if !rest.starts_with(&JPEG) {
        return Err(MessageError::Picture);
    }
    Ok(Frame {
        sequence,
        captured_us,
        cue,
        signature,
        jpeg: rest,
    })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], MessageError> {
    let (head, tail) = rest.split_first_chunk().ok_or(MessageError::TooShort)?;
    *rest = tail;
    Ok(head)
}

/// What a hello signs.
#[must_use]
pub fn hello_statement(nonce: &str, key: &[u8; KEY]) -> Vec<u8> {
    let mut out = begin(b"whorl capture 1 hello\0", nonce);
    out.extend_from_slice(key);
    out
}

/// What a frame signs: `before` is the digest of the statement before it, `picture` that of its JPEG.
#[must_use]
pub fn frame_statement(
    nonce: &str,
    before: &[u8; 32],
    frame: &Frame<'_>,
    picture: &[u8; 32],
) -> Vec<u8> {
    let mut out = begin(b"whorl capture 1 frame\0", nonce);
    out.extend_from_slice(before);
    out.extend_from_slice(&frame.sequence.to_be_bytes());
    out.extend_from_slice(&frame.captured_us.to_be_bytes());
    out.extend_from_slice(&frame.cue.to_be_bytes());
    out.extend_from_slice(picture);
    out
}

fn begin(label: &[u8], nonce: &str) -> Vec<u8> {
    let mut out = label.to_vec();
    // Nonces have 43 characters; what is cut here would not verify.
    out.push(u8::try_from(nonce.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(nonce.as_bytes());
    out
}

/// The largest message: a picture of 640 pixels has about 60 KiB, one of 960 about 150.
pub const LARGEST: usize = 512 << 10;
/// Bytes of an uncompressed point.
pub const KEY: usize = 65;
/// Bytes of a signature.
pub const SIGNATURE: usize = 64;
const VERSION: u8 = 1;
const HELLO: u8 = 1;
const FRAME: u8 = 2;
const UNCOMPRESSED: u8 = 4;
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    fn hello_bytes() -> Vec<u8> {
        let mut bytes = vec![1, 1, 4];
        bytes.extend([7; 64]);
        bytes.extend([9; 64]);
        bytes
    }

    fn frame_bytes(jpeg: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 2];
        bytes.extend(3_u32.to_be_bytes());
        bytes.extend(5_000_000_u64.to_be_bytes());
        bytes.extend(2_u32.to_be_bytes());
        bytes.extend((jpeg.len() as u32).to_be_bytes());
        bytes.extend([9; 64]);
        bytes.extend(jpeg);
        bytes
    }

    const PICTURE: [u8; 5] = [0xff, 0xd8, 0xff, 1, 2];

    #[test]
    fn both_messages_are_read_as_they_are_laid_out() {
        let bytes = hello_bytes();
        let Ok(Message::Hello(hello)) = parse(&bytes) else {
            panic!("a hello");
        };
        assert_eq!(
            (hello.key[0], hello.key[64], hello.signature),
            (4, 7, &[9; 64])
        );
        let bytes = frame_bytes(&PICTURE);
        let Ok(Message::Frame(frame)) = parse(&bytes) else {
            panic!("a frame");
        };
        assert_eq!(
            (frame.sequence, frame.captured_us, frame.cue, frame.jpeg),
            (3, 5_000_000, 2, &PICTURE[..])
        );
        assert!(
            !format!("{frame:?}").contains("255"),
            "no picture is written"
        );
    }

    #[test]
    fn each_fault_has_its_error() {
        let check = |bytes: Vec<u8>, expected| assert_eq!(parse(&bytes), Err(expected));
        let spoil = |mut bytes: Vec<u8>, at: usize, by: u8| {
            bytes[at] = by;
            bytes
        };
        check(Vec::new(), MessageError::TooShort);
        check(vec![1], MessageError::TooShort);
        check(spoil(hello_bytes(), 0, 2), MessageError::Version);
        check(spoil(hello_bytes(), 1, 3), MessageError::Kind);
        check(spoil(hello_bytes(), 2, 2), MessageError::Key);
        check([hello_bytes(), vec![0]].concat(), MessageError::Length);
        check(frame_bytes(&PICTURE)[..90].to_vec(), MessageError::TooShort);
        check(
            [frame_bytes(&PICTURE), vec![0]].concat(),
            MessageError::Length,
        );
        check(spoil(frame_bytes(&PICTURE), 5, 0), MessageError::Sequence);
        check(frame_bytes(b"\x89PNG\r\n"), MessageError::Picture);
        check(frame_bytes(b""), MessageError::Picture);
        check(vec![1; LARGEST + 1], MessageError::TooLarge);
        for cut in 0..hello_bytes().len() {
            check(hello_bytes()[..cut].to_vec(), MessageError::TooShort);
        }
    }

    #[test]
    fn every_part_of_a_statement_counts() {
        let bytes = frame_bytes(&PICTURE);
        let Ok(Message::Frame(frame)) = parse(&bytes) else {
            panic!("a frame");
        };
        let said = frame_statement("nonce", &[1; 32], &frame, &[2; 32]);
        let others = [
            frame_statement("other", &[1; 32], &frame, &[2; 32]),
            frame_statement("nonce", &[3; 32], &frame, &[2; 32]),
            frame_statement("nonce", &[1; 32], &frame, &[3; 32]),
            frame_statement(
                "nonce",
                &[1; 32],
                &Frame {
                    sequence: 4,
                    ..frame
                },
                &[2; 32],
            ),
            frame_statement(
                "nonce",
                &[1; 32],
                &Frame {
                    captured_us: 4,
                    ..frame
                },
                &[2; 32],
            ),
            frame_statement("nonce", &[1; 32], &Frame { cue: 4, ..frame }, &[2; 32]),
        ];
        assert!(others.iter().all(|other| *other != said));
        assert_ne!(
            hello_statement("a", &[4; 65]),
            hello_statement("b", &[4; 65])
        );
    }
}
