//! Tests of the hashes against the tree of eight entries that the logs of Certificate Transparency
//! are tested with.

use super::*;
use crate::frontier::Frontier;
use crate::proof::{verify_consistency, verify_inclusion};
use crate::testing::{leaves, naive_root};
use std::format;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn hash(text: &str) -> Hash {
    from_bytes(&hex(text)).unwrap()[0]
}

const ENTRIES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_reference_tree_has_its_known_roots() {
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), hash(ROOTS[0]));
    for (entry, root) in ENTRIES.iter().zip(&ROOTS[1..]) {
        frontier.push(leaf(&hex(entry))).unwrap();
        assert_eq!(frontier.root(), hash(root));
    }
}

#[test]
fn the_known_proofs_of_the_reference_tree_are_verified() {
    // The path to the entry 5 of 8, and the proof from 6 entries to 8.
    let inclusion = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(hash);
    let root = hash(ROOTS[8]);
    assert_eq!(verify_inclusion(&leaf(&hex(ENTRIES[5])), 5, 8, &root, &inclusion), Ok(()));
    let consistency = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(hash);
    assert_eq!(verify_consistency((6, &hash(ROOTS[6])), (8, &root), &consistency), Ok(()));
}

#[test]
fn an_entry_is_no_pair_of_hashes() {
    let leaves = leaves(2);
    assert_ne!(leaf(&to_bytes(&leaves)), node(&leaves[0], &leaves[1]));
    assert_ne!(node(&leaves[1], &leaves[0]), node(&leaves[0], &leaves[1]));
    assert_eq!(Hash::of(b""), EMPTY_ROOT);
}

#[test]
fn only_complete_subtrees_have_a_hash() {
    for count in 0..=300 {
        let leaves = leaves(count);
        let expected = count.is_power_of_two().then(|| naive_root(&leaves));
        assert_eq!(subtree(&leaves), expected);
    }
}

#[test]
fn a_hash_has_one_text() {
    let text = EMPTY_ROOT.to_base64();
    assert_eq!(text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(format!("{EMPTY_ROOT} {EMPTY_ROOT:?}"), format!("{text} {text}"));
    assert_eq!(Hash::from_base64(&text), Some(EMPTY_ROOT));
    for wrong in [
        "",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
        "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA",
        " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ] {
        assert_eq!(Hash::from_base64(wrong), None, "{wrong}");
    }
    assert_eq!(from_bytes(&[0; 33]), None);
    assert_eq!(from_bytes(&[]), Some(Vec::new()));
}
