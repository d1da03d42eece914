//! Bytes that no server should send.

use crate::ber::{INTEGER, SEQUENCE, constructed, element, integer, length};

/// What is sent instead of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// The answer of another kind of server.
    Garbage,
    /// A message whose operation is so many sequences within each other; 20,000 take 84 KB.
    Nested(usize),
    /// The beginning of a message that claims to have so many bytes, as 2 GiB.
    Length(u64),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Raw {
    /// The bytes, as the answer to the request with this id.
    pub(crate) fn bytes(&self, id: i64) -> Vec<u8> {
        match self {
            Self::Garbage => b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(),
            Self::Nested(levels) => {
                let operation = element(0x64, &nested(*levels));
                constructed(SEQUENCE, &[integer(INTEGER, id), operation])
            }
            Self::Length(claimed) => {
                let mut bytes = vec![SEQUENCE];
                bytes.extend(length(*claimed));
                bytes.extend(integer(INTEGER, id));
                bytes
            }
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// Headers are made from the inside, where the lengths are known, and written from the outside.
fn nested(levels: usize) -> Vec<u8> {
    let mut headers = Vec::with_capacity(levels);
    let mut size = 0_u64;
    for _ in 0..levels {
        let mut header = vec![SEQUENCE];
        header.extend(length(size));
        size += header.len() as u64;
        headers.push(header);
    }
    headers.into_iter().rev().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::Elements;

    #[test]
    fn nested_sequences_are_well_formed_and_as_deep_as_said() {
        let bytes = nested(20_000);
        assert!(bytes.len() < 100_000, "{}", bytes.len());
        let mut rest = bytes.as_slice();
        let mut depth = 0;
        while let Some((tag, content)) = Elements(rest).next() {
            assert_eq!(tag, SEQUENCE);
            depth += 1;
            rest = content;
        }
        assert_eq!(depth, 20_000);
    }
}
