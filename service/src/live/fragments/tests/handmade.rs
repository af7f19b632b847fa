//! Hand-made bodies, each with one fault.

use super::make::*;
use super::*;

fn one(body: &[u8]) -> Fragment {
    let mut parts = whole(body).unwrap();
    assert_eq!(walk(body, || 1).unwrap(), parts);
    assert_eq!(parts.len(), 1);
    match parts.pop() {
        Some(Part::Fragment(fragment)) => fragment,
        part => panic!("{part:?}"),
    }
}

fn the_init(body: &[u8]) -> Init {
    split(whole(body).unwrap()).0
}

fn name(name: &str) -> Name {
    Name(name.as_bytes().try_into().unwrap())
}

#[test]
fn other_forms_are_another_media_type() {
    let mut stream = vec![0_u8; 400];
    for at in [0, 188, 376] {
        stream[at] = 0x47;
    }
    let cases: [(&[u8], FragmentError); 11] = [
        (&stream, FragmentError::TransportStream),
        (&stream[..100], FragmentError::TransportStream),
        (&stream[..3], FragmentError::TransportStream),
        (&[&[0x47][..], &[0; 300]].concat(), FragmentError::NotMp4),
        (b"\x1A\x45\xDF\xA3\x01\0\0\0", FragmentError::Matroska),
        (b"FLV\x01\x05\0\0\0\x09", FragmentError::FlashVideo),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", FragmentError::Jpeg),
        (b"\0\0\0\x01\x67\x64\0\x1f\xac", FragmentError::RawVideo),
        (b"\0\0\x01\x67\x64\0\x1f\xac", FragmentError::RawVideo),
        (b"{\"a\": \"b\"}", FragmentError::NotMp4),
        (b"\0\0\x01\x67", FragmentError::RawVideo),
    ];
    for (body, error) in cases {
        assert_eq!(refused(body), error);
        assert!(error.is_media_type());
        assert!(error.to_string().contains("frag_keyframe+empty_moov+default_base_moof"));
    }
    // The size of a `moof` may look like a start code.
    let moof = offset(8 + 172, &[10]);
    let padded = [moof, boxed("free", &[&[0; 164]]), mdat(10)].concat();
    one(&padded);
    let large = [&words(&[1])[..], b"free", &24_u64.to_be_bytes(), &[0; 8]].concat();
    assert_eq!(whole(&large), Ok(Vec::new()));
    assert_eq!(whole(&[]), Ok(Vec::new()));
}

#[test]
fn files_that_are_not_fragmented_are_told_what_to_add() {
    assert!(FragmentError::NotFragmented.is_media_type());
    let bare = boxed("moov", &[&trak(1, 1000, b"vide", &avc(), 5)]);
    assert_eq!(refused(&[ftyp(), bare].concat()), FragmentError::NotFragmented);
    assert_eq!(refused(&[init(), mdat(4)].concat()), FragmentError::NotFragmented);
    let samples = moov(&[trak(1, 1000, b"vide", &avc(), 5)], &[trex(1)]);
    assert_eq!(refused(&[ftyp(), samples].concat()), FragmentError::SamplesInInit);

    let absent = boxed("tfhd", &[&words(&[0, 1])]);
    let error = FragmentError::FileOffsets;
    assert_eq!(refused(&fragment(&[absent, tfdt(0)])), error);
}

#[test]
fn boxes_out_of_place_are_refused() {
    let moof = offset(8, &[10]);
    let prft = boxed("prft", &[&words(&[0, 1, 0, 0, 0])]);
    let cases: [(Vec<u8>, &str); 9] = [
        ([&moof[..], &moof].concat(), "moof"),
        ([&moof[..], &prft].concat(), "prft"),
        ([&moof[..], &ftyp()].concat(), "ftyp"),
        ([&moof[..], &mdat(10), &mdat(10)].concat(), "mdat"),
        ([&ftyp()[..], &moof].concat(), "moof"),
        ([&ftyp()[..], &ftyp()].concat(), "ftyp"),
        (init()[ftyp().len()..].to_vec(), "moov"),
        ([&prft[..], &ftyp()].concat(), "ftyp"),
        ([&prft[..], &mdat(3)].concat(), "mdat"),
    ];
    for (body, box_name) in cases {
        match refused(&body) {
            FragmentError::Misplaced { name: found, .. } => assert_eq!(found, name(box_name)),
            error => panic!("{box_name}: {error:?}"),
        }
    }
    let unknown = [init(), boxed("<b>\"", &[])].concat();
    assert_eq!(refused(&unknown), FragmentError::UnknownBox { name: Name(*b"<b>\"") });
    assert!(refused(&unknown).to_string().contains("`?b??`"));
    assert_eq!(refused(&moof), FragmentError::Ended);
    assert_eq!(refused(&ftyp()), FragmentError::Ended);
    assert_eq!(refused(&prft), FragmentError::Ended);
    assert_eq!(refused(&init()[..3]), FragmentError::Ended);
}

#[test]
fn sizes_are_refused_as_soon_as_the_header_is_there() {
    let (moof, gib2) = (offset(8, &[10]), 2_u64 << 30);
    let large = |size: u64| [&words(&[1])[..], b"mdat", &size.to_be_bytes()].concat();
    let small = |size: u64, name: &str| {
        [&u32::try_from(size).unwrap().to_be_bytes(), name.as_bytes()].concat()
    };
    let too_large = [
        ([&moof[..], &small(gib2, "mdat")].concat(), FRAGMENT_BYTES_MAX),
        ([&moof[..], &large(gib2)].concat(), FRAGMENT_BYTES_MAX),
        ([&moof[..], &large(u64::MAX)].concat(), FRAGMENT_BYTES_MAX),
        ([&moof[..], &small(8 << 20, "mdat")].concat(), FRAGMENT_BYTES_MAX),
        (small(262_145, "moof"), MOOF_BYTES_MAX),
        ([&ftyp()[..], &small(262_140, "moov")].concat(), INIT_BYTES_MAX),
        (small(65_537, "uuid"), DROPPED_BYTES_MAX),
        (small(65_537, "styp"), DROPPED_BYTES_MAX),
        (small(65_537, "free"), DROPPED_BYTES_MAX),
        (small((64 << 20) + 1, "mfra"), INDEX_BYTES_MAX),
    ];
    for (body, most) in too_large {
        match refused(&body) {
            FragmentError::TooLarge { max, .. } => assert_eq!(max, most),
            error => panic!("{error:?}"),
        }
    }
    for size in 2..8 {
        let error = FragmentError::BoxSize { name: name("mdat") };
        assert_eq!(refused(&[&moof[..], &small(size, "mdat")].concat()), error);
    }
    for size in 0..16 {
        let error = FragmentError::BoxSize { name: name("mdat") };
        assert_eq!(refused(&[&moof[..], &large(size)].concat()), error);
    }
    let error = FragmentError::OpenEnded { name: name("mdat") };
    assert_eq!(refused(&[&moof[..], &small(0, "mdat")].concat()), error);

    // A header that claims 8 MiB makes the walker hold no more than what came.
    let mut walker = Walker::new();
    walker.push(&[&moof[..], &small(8_000_000, "mdat"), &[0; 100]].concat()).unwrap();
    assert_eq!(walker.next_part(), Ok(None));
    assert!(walker.part.capacity() < 1000 && walker.input.capacity() < 1000);
    // An `mdat` with a large size of its own is taken.
    let sized = [&offset(16, &[10])[..], &large(26), &[0; 10]].concat();
    assert_eq!(one(&sized).bytes, sized);
}

#[test]
fn the_largest_fragment_is_taken() {
    let moof = offset(8, &[10]);
    let body = [&moof[..], &mdat(FRAGMENT_BYTES_MAX - moof.len() - 8)].concat();
    assert_eq!(whole(&body).unwrap().len(), 1);
}

#[test]
fn broken_inits_are_refused() {
    let video = || trak(1, 1000, b"vide", &avc(), 0);
    let with =
        |traks: &[Vec<u8>], trexes: &[Vec<u8>]| refused(&[ftyp(), moov(traks, trexes)].concat());
    let moov_name = name("moov");
    assert_eq!(with(&[], &[trex(1)]), FragmentError::NoTracks { name: moov_name });
    let many: Vec<Vec<u8>> = (1..10).map(|id| trak(id, 1000, b"vide", &avc(), 0)).collect();
    let trexes: Vec<Vec<u8>> = (1..10).map(trex).collect();
    assert_eq!(with(&many, &trexes), FragmentError::TooManyTracks { name: moov_name });
    assert_eq!(with(&[video(), video()], &[trex(1)]), FragmentError::DuplicateTrack { track: 1 });
    assert_eq!(with(&[video()], &[trex(2)]), FragmentError::Missing { name: name("trex") });
    let error = FragmentError::Repeated { name: name("trex") };
    assert_eq!(with(&[video()], &[trex(1), trex(1)]), error);
    let error = FragmentError::NoTimescale { track: 1 };
    assert_eq!(with(&[trak(1, 0, b"vide", &avc(), 0)], &[trex(1)]), error);
    let error = FragmentError::Malformed { name: name("tkhd") };
    assert_eq!(with(&[trak(0, 1000, b"vide", &avc(), 0)], &[trex(0)]), error);
    let error = FragmentError::Missing { name: name("mdia") };
    assert_eq!(with(&[boxed("trak", &[&video()[8..36]])], &[trex(1)]), error);
    let short = boxed("trex", &[&words(&[0, 1])]);
    assert_eq!(with(&[video()], &[short]), FragmentError::Malformed { name: name("trex") });
    let claims = [&words(&[1000])[..], b"trak"].concat();
    assert_eq!(with(&[claims], &[trex(1)]), FragmentError::BoxSize { name: name("trak") });
    let open = [&words(&[0])[..], b"trak"].concat();
    assert_eq!(with(&[open], &[trex(1)]), FragmentError::OpenEnded { name: name("trak") });
}

#[test]
fn codecs_are_named() {
    let hvcc = [1, 1, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93];
    let high = [1, 0x62, 0x20, 0, 0, 0, 0xB0, 0, 0x10, 0, 0, 0, 120];
    let esds = |object: u8, config: &[u8]| {
        let info = [&[5, 0x80, 0x80, 0x80, config.len() as u8][..], config].concat();
        let decoder = [&[4, 13 + info.len() as u8, object][..], &[0; 12], &info].concat();
        boxed("esds", &[&[0; 4], &[3, 3 + decoder.len() as u8, 0, 1, 0], &decoder])
    };
    let video = [
        ("avc1", boxed("avcC", &[&AVCC]), "avc1.64001f"),
        ("avc3", boxed("avcC", &[&AVCC]), "avc3.64001f"),
        ("hvc1", boxed("hvcC", &[&hvcc]), "hvc1.1.6.L93.B0"),
        ("hev1", boxed("hvcC", &[&high]), "hev1.A2.4.H120.B0.0.10"),
        ("av01", boxed("av1C", &[&[0x81, 0x04, 0x0C, 0]]), "av01.0.04M.08"),
        ("av01", boxed("av1C", &[&[0x81, 0x4D, 0xE0, 0]]), "av01.2.13H.12"),
        ("vp09", boxed("vpcC", &[&[1, 0, 0, 0, 2, 31, 0xA2]]), "vp09.02.31.10"),
        ("jp-9", Vec::new(), "jp-9"),
    ];
    for (entry_name, config, codec) in video {
        let init = the_init(&init_of(b"vide", &entry(entry_name, 78, &config)));
        assert_eq!(init.codecs(), codec);
        assert_eq!(init.tracks[0].media, Media::Video { width: 16, height: 8 });
    }
    let audio = [
        ("mp4a", esds(0x40, &[0x12, 0x10]), "mp4a.40.2"),
        ("mp4a", esds(0x40, &[0xF9, 0x48]), "mp4a.40.42"),
        ("mp4a", esds(0x6B, &[]), "mp4a.6B"),
        ("Opus", Vec::new(), "opus"),
        ("fLaC", Vec::new(), "flac"),
        ("ac-3", Vec::new(), "ac-3"),
        ("ec-3", Vec::new(), "ec-3"),
    ];
    for (entry_name, config, codec) in audio {
        let init = the_init(&init_of(b"soun", &entry(entry_name, 28, &config)));
        assert_eq!(init.codecs(), codec);
        assert_eq!(init.video(), None);
    }
    assert_eq!(the_init(&init_of(b"meta", &entry("mett", 8, &[]))).tracks[0].media, Media::Other);
    for entry_name in ["encv", "enca"] {
        let error = FragmentError::Encrypted { name: name(entry_name) };
        let both = [avc(), entry(entry_name, 78, &[])].concat();
        assert_eq!(refused(&init_of(b"vide", &both)), error);
    }
    for entry_name in ["ms\0\x11", "a.b\"", "</a>", "a,bc"] {
        let error = FragmentError::UnknownCodec { name: name(entry_name) };
        assert_eq!(refused(&init_of(b"vide", &entry(entry_name, 78, &[]))), error);
    }
    let error = FragmentError::Missing { name: name("avcC") };
    assert_eq!(refused(&init_of(b"vide", &entry("avc1", 78, &[]))), error);
    let error = FragmentError::Malformed { name: name("avc1") };
    assert_eq!(refused(&init_of(b"vide", &entry("avc1", 20, &[]))), error);
    let error = FragmentError::Malformed { name: name("avcC") };
    let short = entry("avc1", 78, &boxed("avcC", &[&[1, 2]]));
    assert_eq!(refused(&init_of(b"vide", &short)), error);
    assert_eq!(refused(&init_of(b"vide", &[])), FragmentError::Malformed { name: name("stsd") });
}

#[test]
fn broken_fragments_are_refused() {
    let good = || [tfhd(1), tfdt(5)].concat();
    let moof_name = name("moof");
    assert_eq!(refused(&moof(&[])), FragmentError::NoTracks { name: moof_name });
    let twice = moof(&[good(), good()]);
    assert_eq!(refused(&twice), FragmentError::DuplicateTrack { track: 1 });
    let many: Vec<Vec<u8>> = (1..10).map(|id| [tfhd(id), tfdt(0)].concat()).collect();
    assert_eq!(refused(&moof(&many)), FragmentError::TooManyTracks { name: moof_name });
    let error = FragmentError::Missing { name: name("tfhd") };
    assert_eq!(refused(&fragment(&[tfdt(0)])), error);
    assert_eq!(refused(&fragment(&[tfhd(1)])), FragmentError::NoDecodeTime);
    let error = FragmentError::Repeated { name: name("tfdt") };
    assert_eq!(refused(&fragment(&[good(), tfdt(0)])), error);
    let error = FragmentError::Missing { name: name("mfhd") };
    assert_eq!(refused(&boxed("moof", &[&boxed("traf", &[&good()])])), error);
    let error = FragmentError::TooManySamples { samples: 1_000_000 };
    assert_eq!(refused(&fragment(&[good(), trun(0, &[1_000_000])])), error);
    let error = FragmentError::TooManySamples { samples: 10_002 };
    assert_eq!(refused(&fragment(&[good(), trun(0, &[5001]), trun(0, &[5001])])), error);
    let empties = |count| vec![trun(0, &[0]); count].concat();
    assert_eq!(one(&fragment(&[good(), empties(1024)])).runs[0].truns.len(), 1024);
    assert_eq!(refused(&fragment(&[good(), empties(1025)])), FragmentError::TooManyTruns);
    let two = [[good(), empties(1000)].concat(), [tfhd(2), tfdt(0), empties(25)].concat()];
    assert_eq!(refused(&moof(&two)), FragmentError::TooManyTruns);
    let error = FragmentError::Malformed { name: name("trun") };
    assert_eq!(refused(&fragment(&[good(), trun(0x200, &[3, 1, 1])])), error);
    let error = FragmentError::Malformed { name: name("prft") };
    assert_eq!(refused(&boxed("prft", &[&[0; 8]])), error);

    let outside = FragmentError::OutsideMedia { track: 1 };
    for (past, samples) in [(7, &[10][..]), (8, &[11]), (9, &[10]), (-300, &[1]), (8, &[9, 2])] {
        let body = [&offset(past, samples)[..], &mdat(10)].concat();
        assert_eq!(refused(&body), outside, "{past} {samples:?}");
    }
    // The samples are refused with the header of the `mdat`, before the media come.
    let mut early = [&offset(8, &[11])[..], &mdat(10)].concat();
    early.truncate(early.len() - 10);
    assert_eq!(refused(&early), outside);
    assert_eq!(refused(&fragment(&[good(), trun(0x200, &[1, 5])])), outside);
    let follows = [&offset(8, &[9, 1])[..], &mdat(10)].concat();
    assert_eq!(one(&follows).runs[0].truns[0].bytes, Some(10));
}

#[test]
fn defaults_of_the_init_complete_a_fragment() {
    let init = the_init(&init());
    assert_eq!(init.bytes, super::make::init());
    let make = |at: u32, samples: u32| {
        let runs = [trun(0x5, &[samples, at, 0]), trun(0, &[1])].concat();
        fragment(&[tfhd(1), tfdt(5), runs])
    };
    let at = u32::try_from(make(0, 2).len()).unwrap() - 10;
    let timing = one(&make(at, 2)).timing(&init);
    let expected =
        Timing { track: 1, decode_time: 5, duration: 120, samples: 3, starts_with_key: true };
    assert_eq!(timing, Ok(vec![expected]));
    // Four samples of 3 bytes are more than the 10 bytes of media.
    let outside = FragmentError::OutsideMedia { track: 1 };
    assert_eq!(one(&make(at, 3)).timing(&init), Err(outside));

    let none = one(&fragment(&[tfhd(1), tfdt(5)])).timing(&init).unwrap()[0];
    assert_eq!((none.samples, none.duration, none.starts_with_key), (0, 0, false));
    let other = one(&fragment(&[tfhd(2), tfdt(5)]));
    assert_eq!(other.timing(&init), Err(FragmentError::UnknownTrack { track: 2 }));
    let late = one(&fragment(&[tfhd(1), tfdt(u64::MAX), trun(0x200, &[1, 0])]));
    assert_eq!(late.timing(&init), Err(FragmentError::Times { track: 1 }));
    // The flags: the trex says no sync sample; a run's own say so, or that it depends on others.
    for (flags, key) in [(0, true), (0x0200_0000, true), (0x0100_0000, false), (0x1_0000, false)] {
        let run = one(&fragment(&[tfhd(1), tfdt(0), trun(0x600, &[1, 0, flags])]));
        assert_eq!(run.timing(&init).unwrap()[0].starts_with_key, key);
        let tfhd = boxed("tfhd", &[&words(&[0x2_0038, 1, 7, 0, flags])]);
        let timing = one(&fragment(&[tfhd, tfdt(0), trun(0, &[3])])).timing(&init).unwrap()[0];
        assert_eq!((timing.starts_with_key, timing.duration), (key, 21));
    }
    let run = one(&fragment(&[tfhd(1), tfdt(0), trun(0x200, &[1, 0])]));
    assert!(!run.timing(&init).unwrap()[0].starts_with_key);
}

#[test]
fn what_is_dropped_and_kept() {
    let moof = offset(8 + 12, &[10]);
    let free = boxed("free", &[b"free"]);
    let prft =
        |seconds: u32, fraction: u32| boxed("prft", &[&words(&[0, 1, seconds, fraction, 0])]);
    let lead = [boxed("styp", &[b"msdh"]), boxed("sidx", &[&[0; 20]]), boxed("emsg", &[&[1; 9]])];
    let set = prft(3_900_000_000, 0x8000_0000);
    let (lead, media) = (lead.concat(), mdat(10));
    let body = [&free[..], &lead, &set, &prft(0, 0), &free, &lead, &moof, &free, &media].concat();
    let body = [body, boxed("uuid", &[&[0; 16]]), boxed("mfra", &[&[9; 40]])].concat();
    let fragment = one(&body);
    assert_eq!(fragment.bytes, [&set[..], &prft(0, 0), &moof, &free, &media].concat());
    assert_eq!(fragment.wallclock_milliseconds, Some((3_900_000_000 - 2_208_988_800) * 1000 + 500));
    for seconds in [0, 2_208_988_799, 2_208_988_800, 3_786_825_599] {
        let body = [&prft(seconds, u32::MAX)[..], &offset(8, &[10]), &mdat(10)].concat();
        assert_eq!(one(&body).wallclock_milliseconds, None);
    }
    let spread = [&ftyp()[..], &free, &init()[ftyp().len()..], &free].concat();
    assert_eq!(the_init(&spread).bytes, init());
}

#[test]
fn faults_of_the_caller_are_told() {
    let mut walker = Walker::new();
    walker.push(&SMALL).unwrap();
    assert_eq!(walker.push(&[0]), Err(FragmentError::Untaken));
    let mut walker = Walker::new();
    walker.push(&init()).unwrap();
    assert_eq!(walker.end(), Err(FragmentError::Untaken));
    // After an error there is nothing but that error.
    let mut walker = Walker::new();
    walker.push(b"{\"a\": \"b\"}").unwrap();
    assert_eq!(walker.next_part(), Err(FragmentError::NotMp4));
    assert_eq!(walker.push(&init()), Err(FragmentError::NotMp4));
    assert_eq!(walker.next_part(), Err(FragmentError::NotMp4));
    assert_eq!(walker.end(), Err(FragmentError::NotMp4));
}

#[test]
fn edges_are_taken() {
    // Boxes of version 1 have times of 64 bits.
    let wide = boxed(
        "trak",
        &[
            &boxed("tkhd", &[&words(&[0x0100_0000, 0, 0, 0, 0, 77, 0])]),
            &boxed(
                "mdia",
                &[
                    &boxed("mdhd", &[&words(&[0x0100_0000, 0, 0, 0, 0, 90_000, 0, 0, 0])]),
                    &boxed("hdlr", &[&words(&[0, 0]), b"vide", &words(&[0, 0, 0, 0])]),
                    &boxed(
                        "minf",
                        &[&boxed("stbl", &[&boxed("stsd", &[&words(&[0, 1]), &avc()])])],
                    ),
                ],
            ),
        ],
    );
    let track = the_init(&[ftyp(), moov(&[wide], &[trex(77)])].concat()).tracks.remove(0);
    assert_eq!((track.id, track.timescale), (77, 90_000));
    let defaults = (track.default_duration, track.default_size, track.default_flags);
    assert_eq!(defaults, (40, 3, 0x1_0000));

    for byte in [25, 27] {
        let mut entry = avc();
        entry[8 + byte] = 0;
        let error = FragmentError::Malformed { name: name("avc1") };
        assert_eq!(refused(&init_of(b"vide", &entry)), error);
    }
    let tfhd_empty = boxed("tfhd", &[&words(&[0x2_0012, 1, 1, 0])]);
    let full = one(&fragment(&[tfhd_empty, tfdt(0), trun(0, &[SAMPLES_MAX])]));
    let timing = full.timing(&the_init(&init())).unwrap()[0];
    assert_eq!((timing.samples, timing.duration), (SAMPLES_MAX, 400_000));
    // A run of no samples does not say what the first sample is.
    let truns = [trun(0x4, &[0, 0x1_0000]), trun(0x604, &[1, 0, 0, 0x1_0000])].concat();
    let empty_first = one(&fragment(&[tfhd(1), tfdt(0), truns]));
    assert!(empty_first.timing(&the_init(&init())).unwrap()[0].starts_with_key);
    let prft = boxed("prft", &[&words(&[0, 1, 3_786_825_600, 0, 0])]);
    let earliest = one(&[&prft[..], &offset(8, &[10]), &mdat(10)].concat());
    assert_eq!(earliest.wallclock_milliseconds, Some(EARLIEST_MILLISECONDS));
}
