//! Tests of exports: each line is proven, and each spoiled one is named.

use super::*;
use crate::testing::{checkpoint, key, log_of};
use crate::tile::Tile;
use std::string::ToString;

fn export(size: u64, indices: &[u64]) -> Export {
    let (files, edge) = log_of(size);
    let lines = indices.iter().map(|index| Line::read(*index, size, &files).unwrap());
    Export {
        checkpoint: checkpoint(&edge).sign(&key()).unwrap().to_string(),
        lines: lines.collect(),
    }
}

#[test]
fn an_export_is_verified_without_the_log() {
    let export = export(600, &[0, 5, 255, 256, 511, 512, 599]);
    let checkpoint = export.verify(&key().verifying_key()).unwrap();
    assert_eq!(checkpoint.size(), 600);
    assert_eq!(export.lines[3].entry, crate::testing::entry(256));
    let empty = Export { lines: Vec::new(), ..export };
    assert_eq!(empty.verify(&key().verifying_key()), Ok(checkpoint));
}

#[test]
fn each_spoiled_line_is_named() {
    let good = export(300, &[3, 7, 299]);
    for (at, index) in [(0, 3), (1, 7), (2, 299)] {
        let mut edited = good.clone();
        edited.lines[at].entry[511] ^= 1;
        let mut moved = good.clone();
        moved.lines[at].index += 1;
        let mut cut = good.clone();
        cut.lines[at].proof.pop();
        for (export, index) in [(edited, index), (moved, index + 1), (cut, index)] {
            let verified = export.verify(&key().verifying_key());
            assert!(
                matches!(verified, Err(ExportError::Line { index: named, .. }) if named == index),
                "{verified:?}"
            );
        }
    }
}

#[test]
fn lines_stand_in_the_order_of_the_log() {
    for indices in [[7, 3], [3, 3]] {
        let verified = export(300, &indices).verify(&key().verifying_key());
        assert_eq!(verified, Err(ExportError::Order { index: 3 }));
    }
}

#[test]
fn a_false_checkpoint_is_rejected() {
    let mut export = export(300, &[3]);
    export.checkpoint = export.checkpoint.replace("\n300\n", "\n301\n");
    let verified = export.verify(&key().verifying_key());
    assert!(matches!(verified, Err(ExportError::Checkpoint(_))));
}

#[test]
fn an_entry_that_the_log_has_not_got_is_not_exported() {
    let (mut files, _) = log_of(300);
    assert_eq!(Line::read(300, 300, &files), Err(TreeError::OutOfRange));
    let bundle = Tile::entries(1, 44).unwrap();
    files.0.get_mut(&bundle).unwrap().truncate(5 * 514 + 513);
    assert!(Line::read(260, 300, &files).is_ok());
    assert_eq!(Line::read(261, 300, &files), Err(TreeError::Malformed(bundle)));
    files.0.remove(&bundle);
    assert_eq!(Line::read(260, 300, &files), Err(TreeError::Missing(bundle)));
}
