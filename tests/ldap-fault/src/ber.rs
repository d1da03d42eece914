//! The little of BER (X.690) that LDAP needs. Written by hand: an LDAP library that helps a server
//! also stops it from sending what no server should, and reads filter values as text.

/// SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// SET.
pub(crate) const SET: u8 = 0x31;
/// INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(crate) const OCTETS: u8 = 0x04;
/// ENUMERATED.
pub(crate) const ENUMERATED: u8 = 0x0a;

/// One element: tag, length, content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(length(content.len() as u64));
    bytes.extend_from_slice(content);
    bytes
}

/// The octets of a length: one below 128, else as many as needed after their number.
pub(crate) fn length(n: u64) -> Vec<u8> {
    if n < 0x80 {
        return vec![n as u8];
    }
    let bytes = n.to_be_bytes();
    let skip = n.leading_zeros() as usize / 8;
    let mut octets = vec![0x80 | (8 - skip) as u8];
    octets.extend_from_slice(&bytes[skip..]);
    octets
}

/// An INTEGER or ENUMERATED in the fewest octets.
pub(crate) fn integer(tag: u8, n: i64) -> Vec<u8> {
    let bytes = n.to_be_bytes();
    let mut start = 0;
    while start < 7
        && ((bytes[start] == 0 && bytes[start + 1] < 0x80)
            || (bytes[start] == 0xff && bytes[start + 1] >= 0x80))
    {
        start += 1;
    }
    element(tag, &bytes[start..])
}

/// An element of elements.
pub(crate) fn constructed(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// The value of an INTEGER's content.
pub(crate) fn read_integer(content: &[u8]) -> Option<i64> {
    let (first, rest) = content.split_first()?;
    if rest.len() > 7 {
        return None;
    }
    let start = i64::from(*first as i8);
    Some(
        rest.iter()
            .fold(start, |n, byte| (n << 8) | i64::from(*byte)),
    )
}

/// How many bytes the first element takes with its header; `None` while its header is incomplete.
pub(crate) fn whole(bytes: &[u8]) -> Option<usize> {
    let (header, content) = header(bytes)?;
    header.checked_add(content)
}

/// Sizes of the header and of the content of the first element.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let octets = bytes.get(2..2 + (first & 0x7f))?;
    let size = octets.iter().try_fold(0_usize, |n, byte| {
        n.checked_mul(256)?.checked_add(usize::from(*byte))
    })?;
    Some((2 + octets.len(), size))
}

/// The elements that stand one after another, as tag and content; ends early at a malformed one.
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, size) = header(self.0)?;
        let content = self.0.get(header..header.checked_add(size)?)?;
        let tag = self.0[0];
        self.0 = &self.0[header + size..];
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_lengths_survive_the_way_there_and_back() {
        for n in [
            0,
            1,
            127,
            128,
            255,
            256,
            -1,
            -128,
            -129,
            i64::from(i32::MAX),
            i64::MIN,
        ] {
            let bytes = integer(INTEGER, n);
            let (tag, content) = Elements(&bytes).next().unwrap();
            assert_eq!((tag, read_integer(content)), (INTEGER, Some(n)));
        }
        assert_eq!(integer(INTEGER, 128), [2, 2, 0, 128]);
        assert_eq!(length(127), [127]);
        assert_eq!(length(128), [0x81, 128]);
        assert_eq!(length(2 << 30), [0x84, 0x80, 0, 0, 0]);
        assert_eq!(whole(&element(OCTETS, &[7; 300])), Some(304));
        assert_eq!(whole(&[0x30, 0x82, 1]), None);
    }
}
