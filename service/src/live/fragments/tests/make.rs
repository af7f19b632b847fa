//! Makers of hand-made bodies.

/// Makes a box of the pieces of its body.
pub(super) fn boxed(name: &str, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes(), name.as_bytes(), &body].concat()
}

/// Writes numbers of four bytes each.
pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

pub(super) const AVCC: [u8; 7] = [1, 0x64, 0, 0x1f, 0xff, 0xe0, 0];

pub(super) fn entry(name: &str, head: usize, config: &[u8]) -> Vec<u8> {
    let mut body = vec![0; head];
    if head == 78 {
        body[25] = 16;
        body[27] = 8;
    }
    boxed(name, &[&body, config])
}

pub(super) fn avc() -> Vec<u8> {
    entry("avc1", 78, &boxed("avcC", &[&AVCC]))
}

/// Makes the boxes of a track: `tkhd` and `mdia`.
pub(super) fn trak(
    id: u32,
    timescale: u32,
    handler: &[u8; 4],
    entry: &[u8],
    samples: u32,
) -> Vec<u8> {
    let stbl = boxed(
        "stbl",
        &[&boxed("stsd", &[&words(&[0, 1]), entry]), &boxed("stsz", &[&words(&[0, 0, samples])])],
    );
    let mdia = boxed(
        "mdia",
        &[
            &boxed("mdhd", &[&words(&[0, 0, 0, timescale, 0, 0])]),
            &boxed("hdlr", &[&words(&[0, 0]), handler, &words(&[0, 0, 0, 0])]),
            &boxed("minf", &[&stbl]),
        ],
    );
    boxed("trak", &[&boxed("tkhd", &[&words(&[0, 0, 0, id, 0])]), &mdia])
}

pub(super) fn trex(id: u32) -> Vec<u8> {
    boxed("trex", &[&words(&[0, id, 1, 40, 3, 0x1_0000])])
}

pub(super) fn moov(traks: &[Vec<u8>], trexes: &[Vec<u8>]) -> Vec<u8> {
    boxed("moov", &[&traks.concat(), &boxed("mvex", &[&trexes.concat()])])
}

pub(super) fn ftyp() -> Vec<u8> {
    boxed("ftyp", &[b"iso6", &[0; 4]])
}

/// Makes an init of one track of H.264 with the id 1.
pub(super) fn init() -> Vec<u8> {
    [ftyp(), moov(&[trak(1, 1000, b"vide", &avc(), 0)], &[trex(1)])].concat()
}

/// Makes an init whose one track has the sample entry `entry`.
pub(super) fn init_of(handler: &[u8; 4], entry: &[u8]) -> Vec<u8> {
    [ftyp(), moov(&[trak(1, 1000, handler, entry, 0)], &[trex(1)])].concat()
}

pub(super) fn tfhd(track: u32) -> Vec<u8> {
    boxed("tfhd", &[&words(&[0x2_0000, track])])
}

pub(super) fn tfdt(time: u64) -> Vec<u8> {
    boxed("tfdt", &[&words(&[0x0100_0000]), &time.to_be_bytes()])
}

pub(super) fn trun(flags: u32, rest: &[u32]) -> Vec<u8> {
    boxed("trun", &[&words(&[flags]), &words(rest)])
}

pub(super) fn moof(trafs: &[Vec<u8>]) -> Vec<u8> {
    let trafs: Vec<u8> = trafs.iter().flat_map(|traf| boxed("traf", &[traf])).collect();
    boxed("moof", &[&boxed("mfhd", &[&words(&[0, 9])]), &trafs])
}

pub(super) fn mdat(count: usize) -> Vec<u8> {
    boxed("mdat", &[&vec![7; count]])
}

/// Makes a fragment of one track with the boxes `trafs`, and ten bytes of media.
pub(super) fn fragment(boxes: &[Vec<u8>]) -> Vec<u8> {
    [moof(&[boxes.concat()]), mdat(10)].concat()
}

/// Makes the `moof` of one traf of one `trun`, which has the offset `past` the end of the `moof`.
pub(super) fn offset(past: i32, samples: &[u32]) -> Vec<u8> {
    let make = |offset: i32| {
        let mut rest = vec![u32::try_from(samples.len()).unwrap(), offset as u32];
        rest.extend(samples);
        moof(&[[tfhd(1), tfdt(0), trun(0x201, &rest)].concat()])
    };
    make(i32::try_from(make(0).len()).unwrap() + past)
}
