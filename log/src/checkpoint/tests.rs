//! Tests of checkpoints: the example of C2SP, spoiled ones, and those of another crate.

use super::*;
use crate::hash::EMPTY_ROOT;
use crate::testing::{self, key, log_of, name};
use proptest::prelude::*;
use std::format;
use std::string::String;

const EXAMPLE: &str = "example.com/behind-the-sofa\n\
    20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    \u{2014} example.com/behind-the-sofa \
    Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

#[test]
fn the_example_of_c2sp_is_read_and_written() {
    let (text, _) = EXAMPLE.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.origin().as_str(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(checkpoint.to_string(), text);
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(note.signatures()[0].name(), checkpoint.origin());
    // The key is not published, so the text is not to be had.
    let opened = Checkpoint::open(EXAMPLE.as_bytes(), &key().verifying_key());
    assert_eq!(opened, Err(CheckpointError::Note(NoteError::Unsigned)));
}

#[test]
fn what_was_signed_is_opened() {
    let checkpoint = testing::checkpoint(&log_of(300).1);
    let note = checkpoint.sign(&key()).unwrap().to_string();
    assert_eq!(Checkpoint::open(note.as_bytes(), &key().verifying_key()), Ok(checkpoint));
    let false_one = note.replace("\n300\n", "\n301\n");
    let opened = Checkpoint::open(false_one.as_bytes(), &key().verifying_key());
    assert_eq!(opened, Err(CheckpointError::Note(NoteError::False)));
}

#[test]
fn a_key_signs_and_opens_its_own_log_alone() {
    let other = Checkpoint::new(Name::new("example.com/ledger/attic").unwrap(), 0, EMPTY_ROOT);
    assert_eq!(other.sign(&key()), Err(CheckpointError::Origin));
    let note = Note::sign(&other.to_string(), &key()).unwrap().to_string();
    let opened = Checkpoint::open(note.as_bytes(), &key().verifying_key());
    assert_eq!(opened, Err(CheckpointError::Origin));
}

#[test]
fn what_is_no_checkpoint_is_rejected() {
    let root = EMPTY_ROOT.to_base64();
    let mut cases: std::vec::Vec<(String, CheckpointError)> = [
        "",
        "\n",
        "a\n",
        "a\n1\n",
        "\n1\nR\n",
        "a b\n1\nR\n",
        "a+b\n1\nR\n",
        "a\n\nR\n",
        "a\n01\nR\n",
        "a\n00\nR\n",
        "a\n+1\nR\n",
        "a\n-1\nR\n",
        "a\n 1\nR\n",
        "a\n1 \nR\n",
        "a\n0x1\nR\n",
        "a\n18446744073709551616\nR\n",
        "a\n1\n\n",
        "a\n1\nR",
        "a\n1\nRR\n",
        "a\n1\n R\n",
        "a\n1\nAAAA\n",
    ]
    .iter()
    .map(|text| (text.replace('R', &root), CheckpointError::Malformed))
    .collect();
    for more in ["\n", "extension\n", "x\ny\n"] {
        cases.push((format!("a\n1\n{root}\n{more}"), CheckpointError::Extension));
    }
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
    assert!(Checkpoint::parse(&format!("a\n18446744073709551615\n{root}\n")).is_ok());
}

proptest! {
    #[test]
    fn another_crate_reads_and_writes_the_same(size in any::<u64>(), bytes in any::<[u8; 32]>()) {
        let root = Hash::from_bytes(bytes);
        let ours = Checkpoint::new(name(), size, root);
        let their_root = tlog_tiles::Hash(bytes);
        let theirs = tlog_tiles::Checkpoint::new(name().as_str(), size, their_root, "").unwrap();
        let text = ours.to_string();
        prop_assert_eq!(text.as_bytes(), theirs.to_bytes());
        prop_assert_eq!(tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap(), theirs);
        prop_assert_eq!(Checkpoint::parse(&text), Ok(ours));
    }

    #[test]
    fn another_crate_takes_all_that_we_take(
        at in 0..80_usize,
        with in "[\n0-9a =+A]{0,2}",
        skip in 0..2_usize,
    ) {
        let text = Checkpoint::new(name(), 107, EMPTY_ROOT).to_string();
        let at = at.min(text.len() - skip);
        let spoiled = format!("{}{with}{}", &text[..at], &text[at + skip..]);
        if let Ok(read) = Checkpoint::parse(&spoiled) {
            prop_assert_eq!(read.to_string(), spoiled.clone());
            prop_assert!(tlog_tiles::Checkpoint::from_bytes(spoiled.as_bytes()).is_ok());
        }
    }
}
