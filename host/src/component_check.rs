//! Reads the imports and exports of a component, and says whether it keeps to the contract.
//!
//! `eyesonly component check` prints this report, and the sandbox asks for it before it compiles
//! anything. This module only reads: it must never compile, instantiate or trust a name that it has
//! not compared with the list below.

use std::fmt;

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

/// The only interfaces that a handler may import.
pub const IMPORTS_ALLOWED: [&str; 5] = [
    "eyesonly:edge/types@0.3.0",
    "eyesonly:edge/footage@0.3.0",
    "eyesonly:edge/events@0.3.0",
    "eyesonly:edge/live@0.3.0",
    "eyesonly:edge/renditions@0.3.0",
];
/// The interface that makes a component a handler.
pub const EXPORT_REQUIRED: &str = "eyesonly:edge/handler@0.3.0";
/// The interface that makes a component the check of stills.
pub const STILL_CHECK: &str = "eyesonly:edge/still-check@0.3.0";
/// The largest file that is parsed, in bytes. A handler is a few hundred KiB.
pub const SIZE_BYTES_MAX: usize = 64 << 20;

/// What a component is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It answers requests under a grant.
    Handler,
    /// It checks stills that are handed in, and reaches nothing.
    StillCheck,
}

impl Role {
    /// Returns the interfaces that the component may import.
    fn imports(self) -> &'static [&'static str] {
        match self {
            Self::Handler => &IMPORTS_ALLOWED,
            Self::StillCheck => &[],
        }
    }

    /// Returns the interface that the component must export.
    fn export(self) -> &'static str {
        match self {
            Self::Handler => EXPORT_REQUIRED,
            Self::StillCheck => STILL_CHECK,
        }
    }
}

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The full name.
    pub name: String,
    /// Says whether the contract allows the item.
    pub allowed: bool,
}

/// The imports and exports of a component, and the verdict. `Display` is for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The SHA-256 of the file.
    pub sha256: [u8; 32],
    /// The length of the file in bytes.
    pub size_bytes: usize,
    /// The imports, in the component's order.
    pub imports: Vec<Item>,
    /// The exports, in the component's order.
    pub exports: Vec<Item>,
    /// Says whether the host would run the component.
    pub verdict: Verdict,
}

/// Says whether the host would run a component as a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The component asks for nothing beyond the contract and is a handler.
    Allowed,
    /// The component asks for these imports, which the contract does not have.
    AsksForMore(Vec<String>),
    /// The component does not export the interface of its role.
    LacksExport(&'static str),
}

/// Why there is no report on a file, or (from [`Report::admitted`]) why the component may not run.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file is larger than [`SIZE_BYTES_MAX`].
    #[error("too large to be a handler: {0} bytes, at most {SIZE_BYTES_MAX}")]
    TooLarge(usize),
    /// The file is a WebAssembly module that was not made into a component.
    #[error("a core WebAssembly module, not a component: `eyesonly-build` makes a component")]
    CoreModule,
    /// The file is not WebAssembly, or is damaged.
    #[error("not a valid WebAssembly component")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The component asks for more than the contract.
    #[error("asks for what it can't have: {}", .0.join(", "))]
    AsksForMore(Vec<String>),
    /// The component does not export the interface of its role.
    #[error("not a component of this kind: it does not export {0}")]
    LacksExport(&'static str),
}

/// Reads `bytes` as a handler.
///
/// # Errors
/// Those of [`check_as`].
pub fn check(bytes: &[u8]) -> Result<Report, CheckError> {
    check_as(bytes, Role::Handler)
}

/// Reads `bytes` as a component of this role.
///
/// # Errors
/// [`CheckError::TooLarge`], [`CheckError::CoreModule`], [`CheckError::Invalid`]. A component that
/// asks for too much is no error here: the verdict of its report says so.
pub fn check_as(bytes: &[u8], role: Role) -> Result<Report, CheckError> {
    if bytes.len() > SIZE_BYTES_MAX {
        return Err(CheckError::TooLarge(bytes.len()));
    }
    if Parser::is_core_wasm(bytes) {
        return Err(CheckError::CoreModule);
    }
    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(invalid)?;
    let (imports, exports) = names(bytes, role)?;
    let verdict = verdict(&imports, &exports, role);
    Ok(Report {
        sha256: Sha256::digest(bytes).into(),
        size_bytes: bytes.len(),
        imports,
        exports,
        verdict,
    })
}

fn invalid(error: wasmparser::BinaryReaderError) -> CheckError {
    CheckError::Invalid(error.into())
}

/// Reads the imports and exports of the outermost component. Those of nested components do not
/// matter, but the bytes of nested ones must all be there, which the validator does not check.
fn names(bytes: &[u8], role: Role) -> Result<(Vec<Item>, Vec<Item>), CheckError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { unchecked_range: range, .. }
            | Payload::ComponentSection { unchecked_range: range, .. }
                if range.end > bytes.len() =>
            {
                return Err(CheckError::Invalid("a part of it is cut off".into()));
            }
            Payload::Version { encoding, .. } => {
                depth = depth.saturating_add(1);
                debug_assert!(depth > 1 || encoding == Encoding::Component, "told apart before");
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let name = import.map_err(invalid)?.name.name.to_owned();
                    let allowed = role.imports().contains(&name.as_str());
                    imports.push(Item { name, allowed });
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let name = export.map_err(invalid)?.name.name.to_owned();
                    let allowed = name == role.export();
                    exports.push(Item { name, allowed });
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn verdict(imports: &[Item], exports: &[Item], role: Role) -> Verdict {
    let more: Vec<String> =
        imports.iter().filter(|item| !item.allowed).map(|item| item.name.clone()).collect();
    if !more.is_empty() {
        Verdict::AsksForMore(more)
    } else if !exports.iter().any(|item| item.allowed) {
        Verdict::LacksExport(role.export())
    } else {
        Verdict::Allowed
    }
}

impl Report {
    /// Returns the report of a component that may run.
    pub fn admitted(self) -> Result<Self, CheckError> {
        match self.verdict {
            Verdict::Allowed => Ok(self),
            Verdict::AsksForMore(more) => Err(CheckError::AsksForMore(more)),
            Verdict::LacksExport(export) => Err(CheckError::LacksExport(export)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256   ")?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        writeln!(f, "\nsize     {} bytes", self.size_bytes)?;
        section(f, "imports", &self.imports, "not in the contract")?;
        section(f, "exports", &self.exports, "not used by the host")?;
        match &self.verdict {
            Verdict::Allowed => write!(
                f,
                "verdict  allowed: it can reach footage through its grant and nothing else"
            ),
            Verdict::AsksForMore(more) => {
                write!(f, "verdict  refused: it asks for {}", more.join(", "))
            }
            Verdict::LacksExport(export) => {
                write!(f, "verdict  refused: it does not export {export}")
            }
        }
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, items: &[Item], note: &str) -> fmt::Result {
    if items.is_empty() {
        return writeln!(f, "{title}  none");
    }
    for (index, item) in items.iter().enumerate() {
        let title = if index == 0 { title } else { "" };
        let note = if item.allowed { String::new() } else { format!("  ({note})") };
        writeln!(f, "{title:<7}  {}{note}", item.name.escape_debug())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes a component by hand: a header, and an instance type without exports that is imported
    /// as `name`.
    fn importing(name: &str) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        // Type section: one instance type with no declarations.
        bytes.extend([7, 3, 1, 0x42, 0]);
        let length = u8::try_from(name.len()).unwrap();
        // Import section: one import, plain name, of an instance of type 0.
        bytes.extend([10, length + 5, 1, 0, length]);
        bytes.extend(name.as_bytes());
        bytes.extend([5, 0]);
        bytes
    }

    fn check_error(bytes: &[u8], expected: &str) {
        let error = check(bytes).and_then(Report::admitted).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn what_is_no_handler_is_told_apart() {
        check_error(b"", "not a valid WebAssembly component");
        check_error(b"GIF89a", "not a valid WebAssembly component");
        check_error(b"\0asm\x01\0\0\0", "a core WebAssembly module");
        check_error(b"\0asm\x0d\0\x01\0", "not a component of this kind: it does not export");
        check_error(b"\0asm\x0d\0\x01\0\xff", "not a valid WebAssembly component");
        // A module or a component within, of which 24 bytes should be there.
        check_error(
            b"\0asm\x0d\0\x01\0\x01\x18\0asm\x01\0\0\0",
            "not a valid WebAssembly component",
        );
        check_error(
            b"\0asm\x0d\0\x01\0\x04\x18\0asm\x0d\0\x01\0",
            "not a valid WebAssembly component",
        );
        check_error(
            &importing("wasi:clocks/monotonic-clock@0.2.0"),
            "asks for what it can't have: wasi:clocks",
        );
        check_error(
            &importing("eyesonly:edge/footage@0.1.0"),
            "asks for what it can't have: eyesonly:edge",
        );
        check_error(
            &importing("eyesonly:spin/admission@0.5.0"),
            "asks for what it can't have: eyesonly:spin",
        );
        check_error(&importing(IMPORTS_ALLOWED[0]), "not a component of this kind: it does");
    }

    #[test]
    fn the_check_of_stills_may_import_nothing() {
        for import in IMPORTS_ALLOWED {
            let report = check_as(&importing(import), Role::StillCheck).unwrap();
            assert_eq!(report.verdict, Verdict::AsksForMore(vec![import.to_owned()]));
        }
    }

    #[test]
    fn the_report_is_for_a_person() {
        let report = check(&importing("wasi:cli/environment@0.2.0")).unwrap().to_string();
        let expected = "\nsize     46 bytes\n\
            imports  wasi:cli/environment@0.2.0  (not in the contract)\n\
            exports  none\n\
            verdict  refused: it asks for wasi:cli/environment@0.2.0";
        assert!(report.starts_with("sha256   "));
        assert_eq!(report.get(73..), Some(expected));
    }
}
