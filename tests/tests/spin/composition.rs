//! Reads the composed component: its imports, its parts, and what each part is given.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use eyesonly_tests::built::{components, spin_component};
use wasmparser::{ComponentInstance, Parser, Payload};

const ADMISSION: &str = "eyesonly:spin/admission@0.5.0";
/// The interfaces that a handler may be given.
const CONTRACT: [&str; 4] = [
    "eyesonly:edge/events@0.3.0",
    "eyesonly:edge/footage@0.3.0",
    "eyesonly:edge/renditions@0.3.0",
    "eyesonly:edge/types@0.3.0",
];

/// The imports of the composed component, each with its reason.
const IMPORTS: [(&str, &str); 22] = [
    ("wasi:http/types", "the front: requests and responses"),
    ("wasi:io/error", "the front: bodies; the backend: its log"),
    ("wasi:io/poll", "the front: waits for more of a body"),
    ("wasi:io/streams", "the front: bodies; the backend: its log"),
    ("wasi:keyvalue/store", "the backend: everything that is kept"),
    ("wasi:keyvalue/atomics", "the backend: two writers at once"),
    ("wasi:keyvalue/batch", "the backend: the rows of a page in one call"),
    ("wasi:config/store", "the backend: the key-encryption key, how long sessions last"),
    (
        "wasi:clocks/wall-clock",
        "the backend: windows, expiry, ids; the front: how long a cookie lasts",
    ),
    ("wasi:clocks/monotonic-clock", "the front: how long a client may take; std: Instant"),
    ("wasi:random/random", "the backend: salts, nonces, ids"),
    ("wasi:random/insecure-seed", "std: the seed of hash maps"),
    ("wasi:cli/stderr", "the backend: its log and ledger lines"),
    ("wasi:cli/environment", "std; engines give it none"),
    ("wasi:cli/exit", "std: abort"),
    ("wasi:cli/stdin", "std; nothing reads it"),
    ("wasi:cli/stdout", "std; nothing writes it"),
    ("wasi:cli/terminal-input", "std"),
    ("wasi:cli/terminal-output", "std"),
    ("wasi:cli/terminal-stdin", "std"),
    ("wasi:cli/terminal-stdout", "std"),
    ("wasi:cli/terminal-stderr", "std"),
];

/// The imports of a component inside the composed one.
type Imports = BTreeSet<String>;

/// The top level of the composed file: its own imports and exports, its parts, and what each
/// instance is given.
#[derive(Default)]
struct Composed {
    imports: BTreeSet<String>,
    exports: Vec<String>,
    parts: Vec<Imports>,
    /// For each instance, the index of its part, and the names of what it is given.
    instances: Vec<(usize, BTreeSet<String>)>,
}

fn read() -> (Vec<u8>, Composed) {
    let bytes = fs::read(spin_component()).unwrap();
    let (mut composed, mut depth) = (Composed::default(), 0);
    // The stack of what the parser is in: the index of a component of ours, or none for something
    // inside of one.
    let mut open: Vec<Option<usize>> = Vec::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::ComponentSection { .. } => {
                let part = (depth == 1).then(|| {
                    composed.parts.push(Imports::new());
                    composed.parts.len() - 1
                });
                open.push(part);
            }
            Payload::ModuleSection { .. } => open.push(None),
            Payload::End(_) => {
                depth -= 1;
                open.pop();
            }
            Payload::ComponentImportSection(section) => {
                let names = section.into_iter().map(|import| import.unwrap().name.name.to_owned());
                match open.last() {
                    None => composed.imports.extend(names),
                    Some(Some(part)) if depth == 2 => composed.parts[*part].extend(names),
                    _ => {}
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                composed
                    .exports
                    .extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            Payload::ComponentInstanceSection(section) if depth == 1 => {
                for instance in section {
                    if let ComponentInstance::Instantiate { component_index, args } =
                        instance.unwrap()
                    {
                        let given = args.iter().map(|arg| arg.name.to_owned()).collect();
                        composed.instances.push((component_index as usize, given));
                    }
                }
            }
            _ => {}
        }
    }
    (bytes, composed)
}

fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap()
}

#[test]
fn it_asks_for_what_is_listed_and_nothing_else() {
    let (_, composed) = read();
    for import in &composed.imports {
        println!("imports {import}");
    }
    let asked: BTreeSet<&str> = composed.imports.iter().map(|name| without_version(name)).collect();
    let listed: BTreeSet<&str> = IMPORTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(asked, listed, "each import has its reason in this file");
    assert!(!asked.iter().any(|name| name.contains("sockets") || name.contains("filesystem")));
    let [export] = composed.exports.as_slice() else { panic!("{:?}", composed.exports) };
    // Engines reuse the instances of 0.3. With 0.2, each request has an instance of its own.
    assert!(export.starts_with("wasi:http/incoming-handler@0.2."), "{export}");
}

#[test]
fn handlers_reach_the_grant_and_not_admission() {
    let (_, composed) = read();
    assert_eq!(composed.parts.len(), 5, "front, backend, two handlers and the check of stills");
    assert_eq!(composed.instances.len(), 5, "each of them once");
    let with_admission: Vec<_> =
        composed.instances.iter().filter(|(_, given)| given.contains(ADMISSION)).collect();
    let [(front, given)] = with_admission.as_slice() else {
        panic!("admission is given to one part: {with_admission:?}")
    };
    assert!(given.contains("thumbnail") && given.contains("event-pages"), "{given:?}");
    assert!(
        !given
            .iter()
            .any(|name| name.starts_with("wasi:keyvalue") || name.starts_with("wasi:config"))
    );
    let mut handlers = 0;
    for (part, given) in &composed.instances {
        let asks_engine = composed.parts[*part].iter().any(|name| name.starts_with("wasi:"));
        if part == front || asks_engine {
            continue;
        }
        // The check of stills is given nothing.
        handlers += usize::from(!given.is_empty());
        let contract = CONTRACT.map(str::to_owned);
        assert!(given.iter().all(|name| contract.contains(name)), "{given:?}");
        assert_eq!(*given, composed.parts[*part], "it imports nothing beyond what it is given");
    }
    assert_eq!(handlers, 2);
}

#[test]
fn the_handlers_are_those_of_the_native_host_byte_for_byte() {
    let (composed, _) = read();
    for name in ["thumbnail", "events", "still-check"] {
        let handler = fs::read(components().join(format!("{name}.wasm"))).unwrap();
        let found = composed.windows(handler.len()).any(|window| window == handler);
        assert!(found, "{name}.wasm is not in the composed component");
    }
}

/// The front's two handlers have names of their own. Each of them has the function of the handler
/// interface, over the contract's own types.
#[test]
fn the_front_takes_the_handlers_types_from_the_contract() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(repository.join(path)).unwrap();
    let (handler, front) = (read("wit/handler.wit"), read("components/spin/wit/front.wit"));
    let code = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect()
    };
    let handle = code(&handler).into_iter().find(|line| line.starts_with("handle: func(")).unwrap();
    let imported = |name: &str| {
        let (_, after) = front.split_once(&format!("import {name}: interface {{")).unwrap();
        code(after.split_once("\n    }").unwrap().0)
    };
    let expected = [
        "use eyesonly:edge/types@0.3.0.{question};",
        "use eyesonly:edge/footage@0.3.0.{grant, response};",
        handle.as_str(),
    ];
    for name in ["thumbnail", "event-pages"] {
        assert_eq!(imported(name), expected, "{name}");
    }
}
