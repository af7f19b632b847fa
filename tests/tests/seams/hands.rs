//! The changes that somebody with access to the disk can make to a data folder.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::json;

use crate::world::World;

/// Swaps some columns of two rows. `condition` is on `?1`, and `rows` has the value that selects
/// each row.
pub fn swap_columns(
    connection: &mut Connection,
    table: &str,
    columns: &str,
    condition: &str,
    rows: [Value; 2],
) {
    let count = columns.split(',').count();
    let transaction = connection.transaction().unwrap();
    let read = |row: &Value| -> Vec<Value> {
        let question = format!("SELECT {columns} FROM {table} WHERE {condition}");
        transaction
            .query_row(&question, [row], |found| {
                (0..count).map(|column| found.get(column)).collect()
            })
            .unwrap()
    };
    let (one, other) = (read(&rows[0]), read(&rows[1]));
    assert_ne!(one, other, "two rows of {table} are the same, so swapping them shows nothing");
    if table == "objects" && columns.contains("name") {
        // The index wants unique names at every moment.
        transaction
            .execute(
                &format!("UPDATE objects SET name = randomblob(32) WHERE {condition}"),
                [&rows[0]],
            )
            .unwrap();
    }
    let places: Vec<_> = columns
        .split(',')
        .enumerate()
        .map(|(at, column)| format!("{column} = ?{}", at + 2))
        .collect();
    let write = format!("UPDATE {table} SET {} WHERE {condition}", places.join(", "));
    for (row, values) in [(&rows[1], one), (&rows[0], other)] {
        let parameters = std::iter::once(row).chain(&values);
        assert_eq!(transaction.execute(&write, rusqlite::params_from_iter(parameters)).unwrap(), 1);
    }
    transaction.commit().unwrap();
}

/// Swaps the contents of two files.
pub fn swap_files(one: &Path, other: &Path) {
    let (first, second) = (fs::read(one).unwrap(), fs::read(other).unwrap());
    assert_ne!(first, second);
    fs::write(one, second).unwrap();
    fs::write(other, first).unwrap();
}

/// Changes the bytes of a file.
pub fn change_file(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let before = fs::read(path).unwrap();
    let mut bytes = before.clone();
    change(&mut bytes);
    assert_ne!(bytes, before, "nothing was changed in {}", path.display());
    fs::write(path, bytes).unwrap();
}

/// Swaps two households' wrapped keys.
pub fn swap_keys(world: &World, one: &str, other: &str) {
    let path = world.edge.data().join("keyring.json");
    let mut keyring: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let households = keyring["households"].as_object_mut().unwrap();
    let (one, other) = (&world.person(one).household.id, &world.person(other).household.id);
    let (first, second) = (households[one].clone(), households[other].clone());
    assert_ne!(first, second);
    households.insert(one.clone(), second);
    households.insert(other.clone(), first);
    fs::write(path, json!(keyring).to_string()).unwrap();
}
