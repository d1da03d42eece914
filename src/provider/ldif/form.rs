//! Recognises files that are not LDIF in UTF-8 by their first bytes.

/// First bytes of files, and what they mean.
const BEGINNINGS: [(&[u8], &str); 20] = [
    (b"\x1f\x8b", GZIP),
    (b"BZh", BZIP2),
    (b"\xfd7zXZ\0", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (
        b"\x04\x22\x4d\x18",
        "it is compressed (lz4): unpack it first, lz4 -d",
    ),
    (
        b"\x1f\x9d",
        "it is compressed (compress): unpack it first, gunzip",
    ),
    (
        b"\x5d\0\0",
        "it is compressed (lzma): unpack it first, unxz --format=lzma",
    ),
    (
        b"PK\x03\x04",
        "it is compressed (zip): unpack it first, unzip",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "it is compressed (7z): unpack it first, 7z x",
    ),
    (b"Rar!", "it is compressed (rar): unpack it first"),
    (
        b"-----BEGIN PGP",
        "it is encrypted or signed (PGP): decrypt it first, gpg -d",
    ),
    (
        b"age-encryption.org",
        "it is encrypted (age): decrypt it first, age -d",
    ),
    (b"Salted__", "it is encrypted (openssl): decrypt it first"),
    (
        b"TDB file",
        "it is a database of Samba: dump it with ldbsearch",
    ),
    (b"SQLite format 3", "it is an SQLite database, no LDIF"),
    (b"%PDF", "it is a PDF, no LDIF"),
    (
        b"{\rtf",
        "it is a word processor's file (RTF): save it as plain text",
    ),
    (b"<?xml", XML),
    (b"<dsml", XML),
    (b"\x7fELF", "it is a program, no LDIF"),
];

const GZIP: &str = "it is compressed (gzip): unpack it first, gunzip";
const BZIP2: &str = "it is compressed (bzip2): unpack it first, bunzip2";
const XZ: &str = "it is compressed (xz): unpack it first, unxz";
const ZSTD: &str = "it is compressed (zstd): unpack it first, unzstd";
const XML: &str = "it is XML (DSML), and LDIF is wanted: export it as LDIF";

/// Returns what the file is, and what to do, if its first bytes show that it is not LDIF in UTF-8.
pub(super) fn foreign(start: &[u8]) -> Option<String> {
    let found = BEGINNINGS
        .iter()
        .find(|(magic, _)| start.starts_with(magic));
    if let Some((_, what)) = found {
        return Some((*what).to_owned());
    }
    if let Some(form) = unicode(start) {
        return Some(format!(
            "it is in {form} (ldifde -u, or PowerShell's >): write it without -u, or convert it: \
             iconv -f {form} -t UTF-8"
        ));
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some("it is an archive (tar): unpack it first, tar -xf".to_owned());
    }
    // data.mdb of OpenLDAP begins with a page whose header has this number.
    if start.get(16..20) == Some(&[0xde, 0xc0, 0xef, 0xbe]) {
        return Some("it is a database of OpenLDAP: dump it with slapcat".to_owned());
    }
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = line.to_ascii_lowercase();
    if line.starts_with(b"dn,") || line.starts_with(b"\"dn\",") {
        return Some("it is CSV (csvde), and LDIF is wanted: export it with ldifde".to_owned());
    }
    let returns = start.iter().filter(|b| **b == b'\r').count();
    if returns > 1 && !start.contains(&b'\n') {
        return Some(
            "its lines end with CR alone: convert it, tr '\\r' '\\n' < OLD > NEW".to_owned(),
        );
    }
    None
}

/// Returns the name of the encoding, by its byte order mark or the zero bytes in ASCII.
fn unicode(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(b"\xff\xfe\0\0") || start.starts_with(b"\0\0\xfe\xff") {
        return Some("UTF-32");
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Some("UTF-16");
    }
    let zeros = start.first_chunk::<4>()?.map(|b| b == 0);
    match zeros {
        [true, true, true, false] | [false, true, true, true] => Some("UTF-32"),
        [false, true, false, true] => Some("UTF-16LE"),
        [true, false, true, false] => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn what_a_file_is_and_what_to_do() {
        let text = "dn: cn=a,dc=x\r\ncn: a\r\n";
        let little = utf16(&format!("\u{feff}{text}"), u16::to_le_bytes);
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar");
        let mut lmdb = vec![0; 16];
        lmdb.extend([0xde, 0xc0, 0xef, 0xbe]);
        for (start, want) in [
            (little.as_slice(), "UTF-16 (ldifde -u"),
            (&little[2..], "iconv -f UTF-16LE"),
            (
                &utf16(&format!("\u{feff}{text}"), u16::to_be_bytes),
                "iconv -f UTF-16 ",
            ),
            (&utf16(text, u16::to_be_bytes), "iconv -f UTF-16BE"),
            (b"\xff\xfe\0\0d\0\0\0", "UTF-32"),
            (b"d\0\0\0n\0\0\0", "UTF-32"),
            (b"\x1f\x8b\x08\0", "gunzip"),
            (b"BZh91AY", "bunzip2"),
            (b"\xfd7zXZ\0", "unxz"),
            (b"\x28\xb5\x2f\xfd", "unzstd"),
            (b"PK\x03\x04\x14", "unzip"),
            (b"-----BEGIN PGP MESSAGE-----\n", "gpg -d"),
            (b"TDB file\n", "ldbsearch"),
            (b"<?xml version=\"1.0\"?>", "DSML"),
            (b"DN,objectClass,ou\n", "ldifde"),
            (b"dn: cn=a\rcn: a\r\rdn: cn=b\r", "CR alone"),
            (&tar, "tar -xf"),
            (&lmdb, "slapcat"),
        ] {
            let said = foreign(start).unwrap_or_default();
            assert!(said.contains(want), "{want}: {said}");
        }
    }

    #[test]
    fn ldif_is_not_foreign() {
        for start in [
            "",
            "d",
            "\u{feff}dn: cn=a\n",
            "version: 1\r\n\r\ndn: cn=a\r\n",
            "# a comment\n",
            "\n\n",
            "dn: cn=a\r\n",
            "PKI: x\n",
        ] {
            assert_eq!(foreign(start.as_bytes()), None, "{start:?}");
        }
    }
}
