//! The names of codecs (RFC 6381), as a browser asks for them. FROM CLIENT: each box read here.
//!
//! INVARIANT: a name has only letters, digits, dots and hyphens, for it goes into JSON and HTML.

use super::boxes::{Reader, need};
use super::error::{FragmentError, Name};

/// A function that names a codec by its configuration box.
type Form = fn(&str, &[u8]) -> Option<String>;

/// Names the codec of a sample entry. FROM CLIENT: `name` and `boxes`, which are the boxes in it.
pub(super) fn codec(name: Name, boxes: &[u8]) -> Result<String, FragmentError> {
    let (config, form): (_, Form) = match &name.0 {
        b"avc1" | b"avc3" => (Name(*b"avcC"), avc),
        b"hvc1" | b"hev1" => (Name(*b"hvcC"), hevc),
        b"av01" => (Name(*b"av1C"), av1),
        b"vp08" | b"vp09" => (Name(*b"vpcC"), vp9),
        b"mp4a" => (Name(*b"esds"), mpeg4_audio),
        b"Opus" => return Ok("opus".to_owned()),
        b"fLaC" => return Ok("flac".to_owned()),
        plain if plain.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') => {
            return Ok(name.to_string());
        }
        _ => return Err(FragmentError::UnknownCodec { name }),
    };
    form(&name.to_string(), need(boxes, config)?).ok_or(FragmentError::Malformed { name: config })
}

/// Names H.264 by the profile, compatibility and level of its `avcC`.
fn avc(name: &str, config: &[u8]) -> Option<String> {
    let [1, profile, compatibility, level] = Reader(config).bytes()? else { return None };
    Some(format!("{name}.{profile:02x}{compatibility:02x}{level:02x}"))
}

/// Names H.265 by its `hvcC`, in the form of ISO/IEC 14496-15, annex E.
fn hevc(name: &str, config: &[u8]) -> Option<String> {
    let mut reader = Reader(config);
    let [1, profile] = reader.bytes()? else { return None };
    let compatibility = reader.u32()?.reverse_bits();
    let constraints: [u8; 6] = reader.bytes()?;
    let [level] = reader.bytes()?;
    let space = ["", "A", "B", "C"].get(usize::from(profile >> 6))?;
    let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
    let profile = profile & 0x1F;
    let mut text = format!("{name}.{space}{profile}.{compatibility:X}.{tier}{level}");
    let zeros = constraints.iter().rev().take_while(|byte| **byte == 0).count();
    for byte in constraints.iter().take(constraints.len().saturating_sub(zeros)) {
        text.push_str(&format!(".{byte:X}"));
    }
    Some(text)
}

/// Names AV1 by the profile, level, tier and depth of its `av1C`.
fn av1(name: &str, config: &[u8]) -> Option<String> {
    let [0x81, profile, depth] = Reader(config).bytes()? else { return None };
    let tier = if depth & 0x80 == 0 { 'M' } else { 'H' };
    let (profile, level) = (profile >> 5, profile & 0x1F);
    let depth = match (profile, depth & 0x40 != 0, depth & 0x20 != 0) {
        (2, true, true) => 12,
        (_, true, _) => 10,
        _ => 8,
    };
    Some(format!("{name}.{profile}.{level:02}{tier}.{depth:02}"))
}

/// Names VP8 or VP9 by the profile, level and depth of its `vpcC`.
fn vp9(name: &str, config: &[u8]) -> Option<String> {
    let [1, _, _, _, profile, level, depth] = Reader(config).bytes()? else { return None };
    Some(format!("{name}.{profile:02}.{level:02}.{:02}", depth >> 4))
}

/// Names an audio of MPEG-4 by the object types of its `esds`.
fn mpeg4_audio(name: &str, config: &[u8]) -> Option<String> {
    let mut reader = Reader(config);
    reader.skip(4)?;
    descriptor(&mut reader, 3)?;
    let [_, _, flags] = reader.bytes()?;
    if flags & 0x80 != 0 {
        reader.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let [length] = reader.bytes()?;
        reader.skip(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        reader.skip(2)?;
    }
    descriptor(&mut reader, 4)?;
    let [object] = reader.bytes()?;
    if object != 0x40 {
        return Some(format!("{name}.{object:02X}"));
    }
    reader.skip(12)?;
    descriptor(&mut reader, 5)?;
    let [first] = reader.bytes()?;
    let audio = match first >> 3 {
        // The type 31 says that six more bits tell the type.
        31 => {
            let [second] = reader.bytes()?;
            (((first & 7) << 3) | (second >> 5)).saturating_add(32)
        }
        audio => audio,
    };
    Some(format!("{name}.{object:02X}.{audio}"))
}

/// Enters a descriptor of the type `tag`, past its length of at most four bytes.
fn descriptor(reader: &mut Reader<'_>, tag: u8) -> Option<()> {
    let [found] = reader.bytes()?;
    if found != tag {
        return None;
    }
    for _ in 0..4 {
        let [byte] = reader.bytes()?;
        if byte & 0x80 == 0 {
            return Some(());
        }
    }
    None
}
