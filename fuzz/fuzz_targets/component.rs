//! Components that somebody wants the host to run. The file is the host's own check, without the
//! host, which brings all of wasmtime. An allowed component asks for nothing beyond the contract,
//! and it is refused once it imports one thing more. This target must never run a component.
#![no_main]

#[path = "../../host/src/component_check.rs"]
mod component_check;

use component_check::{
    CheckError, EXPORT_REQUIRED, IMPORTS_ALLOWED, Report, SIZE_BYTES_MAX, Verdict,
};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

fn check(bytes: &[u8]) -> Result<Report, CheckError> {
    let report = component_check::check(bytes);
    #[cfg(planted)]
    let report = report.map(at_fault);
    report
}

/// The fault: the version of an import does not count.
#[cfg(planted)]
fn at_fault(mut report: Report) -> Report {
    let unversioned = |name: &str| name.split('@').next().map(str::to_owned);
    for import in &mut report.imports {
        let name = unversioned(&import.name);
        import.allowed |= IMPORTS_ALLOWED.iter().any(|allowed| unversioned(allowed) == name);
    }
    if report.imports.iter().all(|import| import.allowed)
        && matches!(report.verdict, Verdict::AsksForMore(_))
    {
        report.verdict = Verdict::Allowed;
    }
    report
}

/// Puts a component into another one.
fn nested(bytes: &[u8]) -> Vec<u8> {
    let mut outer = [HEADER, &[4]].concat();
    let mut length = bytes.len();
    while length > 127 {
        outer.push(length as u8 | 128);
        length >>= 7;
    }
    outer.push(length as u8);
    [&outer, bytes].concat()
}

/// Appends a section that imports a resource by this name.
fn importing(bytes: &[u8], name: &str) -> Vec<u8> {
    let length = name.len() as u8;
    [bytes, &[10, length + 5, 1, 0, length], name.as_bytes(), &[3, 1]].concat()
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = check(bytes) else { return };
    assert!(bytes.starts_with(HEADER) && bytes.len() <= SIZE_BYTES_MAX);
    assert_eq!(report.sha256[..], Sha256::digest(bytes)[..]);
    let is_allowed = report.verdict == Verdict::Allowed;
    if is_allowed {
        for import in &report.imports {
            assert!(IMPORTS_ALLOWED.contains(&&*import.name), "{} is allowed", import.name);
        }
        assert!(report.exports.iter().any(|export| export.name == EXPORT_REQUIRED));
    }
    for item in report.imports.iter().chain(&report.exports) {
        let name = item.name.as_bytes();
        assert!(bytes.windows(name.len().max(1)).any(|part| part == name) || name.is_empty());
    }
    // For a person to read, each item is one line.
    let lines = report.to_string().lines().count();
    let items = report.imports.len().max(1) + report.exports.len().max(1);
    assert_eq!(lines, items + 3, "a name breaks the report");

    // What is inside of another component is not what that one asks for.
    let outer = check(&nested(bytes)).expect("a component in a component");
    assert!(outer.imports.is_empty() && outer.exports.is_empty());
    assert!(matches!(outer.verdict, Verdict::LacksExport(_)));

    let name = "wasi-clock";
    if report.imports.iter().all(|import| !import.name.eq_ignore_ascii_case(name)) {
        let more = check(&importing(bytes, name)).expect("one import more");
        assert_eq!(more.imports.len(), report.imports.len() + 1);
        assert!(
            matches!(&more.verdict, Verdict::AsksForMore(names) if names.iter().any(|n| n == name))
        );
        assert!(more.admitted().is_err());
    }
    assert_eq!(report.admitted().is_ok(), is_allowed);
});
