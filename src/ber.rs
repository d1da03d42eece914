//! The part of BER (X.690) that is needed to check an LDAP message before a parser that trusts it
//! gets it, and to read a certificate.
//!
//! LDAP restricts BER (RFC 4511, 5.1): definite lengths, tag numbers below 31, octet strings in
//! primitive form. Certificates restrict it further, to DER. Anything that breaks the rules of LDAP
//! is refused here.

/// Universal BOOLEAN.
pub(crate) const BOOLEAN: u8 = 0x01;
/// Universal INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// Universal OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// Universal ENUMERATED.
pub(crate) const ENUMERATED: u8 = 0x0a;
/// Universal SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Universal SET.
pub(crate) const SET: u8 = 0x31;

/// What is wrong with a message.
pub(crate) type Fault = &'static str;

/// The first bytes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The class, form and number, in one octet.
    pub tag: u8,
    /// How many octets tag and length take.
    pub header: usize,
    /// How many octets the contents have.
    pub contents: usize,
}

/// Reads the header at the beginning of `bytes`; `None` when more bytes are needed.
pub(crate) fn header(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let [tag, first, rest @ ..] = bytes else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err("a tag number above 30");
    }
    if *first < 0x80 {
        return Ok(Some(Header {
            tag: *tag,
            header: 2,
            contents: usize::from(*first),
        }));
    }
    let octets = usize::from(first & 0x7f);
    match octets {
        0 => return Err("an indefinite length"),
        // Active Directory writes four octets for every length; eight is what fits an integer.
        1..=8 => (),
        _ => return Err("a length of more than eight octets"),
    }
    let Some(length) = rest.get(..octets) else {
        return Ok(None);
    };
    let length = length
        .iter()
        .fold(0_u64, |sum, octet| (sum << 8) | u64::from(*octet));
    Ok(Some(Header {
        tag: *tag,
        header: 2 + octets,
        contents: usize::try_from(length).map_err(|_| "a length beyond all bounds")?,
    }))
}

/// The elements of a constructed element's contents, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(pub &'a [u8]);

impl<'a> Elements<'a> {
    /// Returns the next element's tag and contents; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let short = "an element that ends after what contains it";
        let head = header(self.0)?.ok_or(short)?;
        let end = head.header.checked_add(head.contents).ok_or(short)?;
        let contents = self.0.get(head.header..end).ok_or(short)?;
        self.0 = &self.0[end..];
        Ok(Some((head.tag, contents)))
    }

    /// Returns the contents of the next element, which must exist and have this tag.
    pub(crate) fn expect(&mut self, tag: u8, what: Fault) -> Result<&'a [u8], Fault> {
        match self.next()? {
            Some((found, contents)) if found == tag => Ok(contents),
            _ => Err(what),
        }
    }
}

/// Reads a non-negative integer of at most 31 bits.
pub(crate) fn small_integer(contents: &[u8], what: Fault) -> Result<u32, Fault> {
    match contents {
        [] => Err(what),
        [first, ..] if first & 0x80 != 0 || contents.len() > 4 => Err(what),
        octets => Ok(octets
            .iter()
            .fold(0, |sum, octet| (sum << 8) | u32::from(*octet))),
    }
}

/// Returns an element with its length in four octets.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap_or(u32::MAX);
    [&[tag, 0x84], &length.to_be_bytes()[..], contents].concat()
}
