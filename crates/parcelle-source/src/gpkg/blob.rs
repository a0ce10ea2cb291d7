//! The header of a GeoPackage geometry (StandardGeoPackageBinary, OGC 12-128r18, clause 2.1.3.1.1).

use crate::error::GeometryReason;

/// Bytes of the envelope by its code in the flags.
const ENVELOPE_BYTES: [usize; 5] = [0, 32, 48, 48, 64];

/// The WKB behind the header. The header's own envelope, empty flag and srs_id repeat what geometry and column say, and
/// are not needed.
pub(crate) fn wkb(blob: &[u8]) -> Result<&[u8], GeometryReason> {
    let wrong = |reason: String| GeometryReason::Blob { reason };
    let [b'G', b'P', version, flags, ..] = *blob else {
        return Err(wrong("it does not begin with the letters GP".to_owned()));
    };
    if version != 0 {
        return Err(wrong(format!("its version is {version}, and only 0 is known")));
    }
    if flags & 0b10_0000 != 0 {
        return Err(GeometryReason::ExtendedBlob);
    }
    let code = usize::from(flags >> 1 & 0b111);
    let envelope = ENVELOPE_BYTES
        .get(code)
        .ok_or_else(|| wrong(format!("its envelope has the code {code}, which is not defined")))?;
    // 2 bytes of magic, version, flags, and 4 of srs_id, in the byte order that nothing here needs to know.
    blob.get(8 + envelope..)
        .ok_or_else(|| wrong(format!("it is cut off: {} bytes are less than its header", blob.len())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(rest in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = wkb(&rest);
            let with_magic = [b"GP\0", rest.as_slice()].concat();
            if let Ok(found) = wkb(&with_magic) {
                prop_assert!(with_magic.ends_with(found) && found.len() + 8 <= with_magic.len());
            }
        }
    }

    #[test]
    fn every_envelope_is_skipped() {
        for (code, bytes) in [(0u8, 0), (1, 32), (2, 48), (3, 48), (4, 64)] {
            for little_endian in [0, 1] {
                let mut blob = vec![b'G', b'P', 0, code << 1 | little_endian, 0, 0, 0, 0];
                blob.resize(8 + bytes, 7);
                assert_eq!(wkb(&blob).unwrap(), [] as [u8; 0]);
                blob.extend([1, 2, 3]);
                assert_eq!(wkb(&blob).unwrap(), [1, 2, 3]);
                assert!(wkb(&blob[..8 + bytes - 1]).is_err());
            }
        }
    }

    #[test]
    fn other_headers_are_refused() {
        for blob in
            [&b""[..], b"GP", b"GP\0", b"XP\0\0\0\0\0\0", b"GP\x01\0\0\0\0\0", b"GP\0\x0a\0\0\0\0", b"GP\0\x0e\0\0\0\0"]
        {
            assert!(matches!(wkb(blob), Err(GeometryReason::Blob { .. })), "{blob:?}");
        }
        assert_eq!(wkb(b"GP\0\x20\0\0\0\0"), Err(GeometryReason::ExtendedBlob));
    }
}
