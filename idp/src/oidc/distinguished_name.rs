//! Distinguished names as text (RFC 4514), compared with those of certificates.
//!
//! The comparison is stricter than X.500's: the order of the parts and every letter of a value must be the same, so
//! that nothing which merely looks alike is taken for the name that was registered. Only the names of the attributes
//! may be written in any way.

use std::iter::Peekable;
use std::str::Chars;

use x509_parser::x509::X509Name;

/// A distinguished name, its parts in the order of RFC 4514: the most specific one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<Attribute>>);

/// One attribute of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    /// Its type, dotted.
    oid: String,
    /// Its value, where that is text.
    text: Option<String>,
    /// Its value in DER, where that is known.
    der: Option<Vec<u8>>,
}

impl Attribute {
    fn is(&self, other: &Self) -> bool {
        let same_text = self.text.is_some() && self.text == other.text;
        let same_der = self.der.is_some() && self.der == other.der;
        self.oid == other.oid && (same_text || same_der)
    }
}

impl DistinguishedName {
    /// Reads a name (RFC 4514 §3); `None` where it is none, or empty.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.chars().peekable();
        let mut parts = vec![Vec::new()];
        loop {
            parts.last_mut()?.push(attribute(&mut rest)?);
            match rest.next() {
                None => return Some(Self(parts)),
                Some('+') => {}
                Some(',') => parts.push(Vec::new()),
                Some(_) => return None,
            }
        }
    }

    /// The name in a certificate.
    pub fn of(name: &X509Name<'_>) -> Self {
        let parts: Vec<Vec<Attribute>> = name
            .iter_rdn()
            .map(|part| {
                let attributes = part.iter().map(|attribute| Attribute {
                    oid: attribute.attr_type().to_id_string(),
                    text: attribute.as_str().ok().map(str::to_owned),
                    der: der(attribute.attr_value().tag().0, attribute.attr_value().data),
                });
                attributes.collect()
            })
            .collect();
        // RFC 4514 §2.1: "starting with the last element".
        Self(parts.into_iter().rev().collect())
    }

    /// Whether both are the same name.
    pub fn is(&self, other: &Self) -> bool {
        let within = |a: &[Attribute], b: &[Attribute]| {
            a.iter().all(|it| b.iter().any(|other| it.is(other)))
        };
        let same_part = |(a, b): (&Vec<Attribute>, &Vec<Attribute>)| {
            a.len() == b.len() && within(a, b) && within(b, a)
        };
        !self.0.is_empty()
            && self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(same_part)
    }
}

/// `type=value`, up to the next separator.
fn attribute(rest: &mut Peekable<Chars<'_>>) -> Option<Attribute> {
    let mut name = String::new();
    loop {
        match rest.next()? {
            '=' => break,
            c => name.push(c),
        }
    }
    let oid = oid(name.trim())?;
    while rest.next_if_eq(&' ').is_some() {}
    if rest.next_if_eq(&'#').is_some() {
        let mut digits = String::new();
        while let Some(c) = rest.next_if(|c| !matches!(c, ',' | '+')) {
            digits.push(c);
        }
        // RFC 4514 §2.4: a value that has no text is written in hexadecimal BER.
        let der = Some(hex::decode(digits.trim()).ok()?).filter(|it| !it.is_empty())?;
        return Some(Attribute {
            oid,
            text: None,
            der: Some(der),
        });
    }
    Some(Attribute {
        oid,
        text: Some(value(rest)?),
        der: None,
    })
}

/// A value as text; escaped characters are put back, and spaces at its end count only where they are escaped.
fn value(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut bytes = Vec::new();
    let mut significant = 0;
    while let Some(c) = rest.next_if(|c| !matches!(c, ',' | '+')) {
        match c {
            '\\' => {
                let first = rest.next()?;
                match first.to_digit(16) {
                    Some(high) => {
                        let low = rest.next()?.to_digit(16)?;
                        bytes.push(u8::try_from(high * 16 + low).ok()?);
                    }
                    None if ESCAPED.contains(first) => {
                        bytes.extend(first.encode_utf8(&mut [0; 4]).bytes());
                    }
                    None => return None,
                }
                significant = bytes.len();
            }
            '"' | ';' | '<' | '>' | '\0' => return None,
            c => {
                bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
                if c != ' ' {
                    significant = bytes.len();
                }
            }
        }
    }
    bytes.truncate(significant);
    String::from_utf8(bytes).ok().filter(|it| !it.is_empty())
}

/// A type by its name (RFC 4514 §3, RFC 4519, ETSI EN 319 412-1), or dotted.
fn oid(name: &str) -> Option<String> {
    let known = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, oid)) = known {
        return Some((*oid).to_owned());
    }
    let dotted = name
        .strip_prefix("OID.")
        .or_else(|| name.strip_prefix("oid."))
        .unwrap_or(name);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (dotted.contains('.') && dotted.split('.').all(is_number)).then(|| dotted.to_owned())
}

/// Tag, length and content; `None` beyond what a name has.
fn der(tag: u32, content: &[u8]) -> Option<Vec<u8>> {
    let tag = u8::try_from(tag).ok().filter(|tag| *tag < 31)?;
    let mut der = vec![tag];
    match u16::try_from(content.len()).ok()?.to_be_bytes() {
        [0, short @ 0..=127] => der.push(short),
        [0, long] => der.extend([0x81, long]),
        [high, low] => der.extend([0x82, high, low]),
    }
    der.extend_from_slice(content);
    Some(der)
}

const ESCAPED: &str = " \"#+,;<=>\\";

const NAMES: [(&str, &str); 20] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("businessCategory", "2.5.4.15"),
    ("postalCode", "2.5.4.17"),
    ("GN", "2.5.4.42"),
    ("givenName", "2.5.4.42"),
    ("organizationIdentifier", "2.5.4.97"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap_or_else(|| panic!("{text} is a name"))
    }

    /// The examples of RFC 4514 §4.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for (text, parts) in [
            ("UID=jsmith,DC=example,DC=net", 3),
            ("OU=Sales+CN=J.  Smith,DC=example,DC=net", 3),
            (r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#, 3),
            (r"CN=Before\0dAfter,DC=example,DC=net", 3),
            ("1.3.6.1.4.1.1466.0=#04024869", 1),
            (r"CN=Lu\C4\8Di\C4\87", 1),
        ] {
            assert_eq!(name(text).0.len(), parts, "{text}");
        }
        assert!(name(r"CN=Lu\C4\8Di\C4\87").is(&name("cn=Lučić")));
        assert!(name(r"CN=Before\0dAfter").is(&name("CN=Before\rAfter")));
    }

    #[test]
    fn a_name_is_the_same_only_part_by_part() {
        let same = |a: &str, b: &str| name(a).is(&name(b));
        assert!(same("CN=a, O=b", "2.5.4.3=a,oid.2.5.4.10=b"));
        assert!(same("CN=a+OU=b,O=c", "OU=b+CN=a,O=c"));
        assert!(same("CN=a ", "CN=a") && !same(r"CN=a\ ", "CN=a"));
        assert!(!same("CN=a,O=b", "O=b,CN=a"), "another order");
        assert!(!same("CN=a", "CN=A"), "another letter");
        assert!(!same("CN=a", "CN=a,O=b") && !same("CN=a,O=b", "CN=a"));
        assert!(!same("CN=a,OU=b", "CN=a+OU=b"));
        assert!(!same("CN=a+CN=a", "CN=a+CN=b"));
        assert!(!DistinguishedName::default().is(&DistinguishedName::default()));
    }

    #[test]
    fn what_is_no_name_is_not_read() {
        for text in [
            "", "CN", "CN=", "=a", "CN=a,", ",CN=a", "pet=a", "CN=a;O=b", "CN=\"a\"", "CN=a\\",
            "CN=a\\q", "CN=a\\0", "CN=#", "CN=#0", "CN=#zz", "1.=a", "1=a", "CN=\\ff",
        ] {
            assert_eq!(DistinguishedName::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _either = DistinguishedName::parse(&text);
        }
    }
}
