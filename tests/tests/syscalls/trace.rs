//! Parses the output of strace: `PID  name(arguments) = result`. strace shows a call in two parts
//! if another thread's call came between.

use std::collections::HashMap;
use std::fmt::Write as _;

/// One system call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The positions in the trace at which the call started and ended.
    begin: usize,
    end: usize,
    name: String,
    /// The arguments, as strace shows them.
    arguments: String,
    /// True if the call returned without an error.
    pub succeeded: bool,
}

impl Call {
    /// Says whether this call had ended when `other` started.
    pub fn is_before(&self, other: &Self) -> bool {
        self.end < other.begin
    }

    /// Says whether this call writes to a file or socket.
    pub fn is_write(&self) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "sendto" | "sendmsg"
        )
    }

    /// Says whether this call waits until a file or folder is on the disk. `sync_file_range` does
    /// not: it leaves out what is needed to find the bytes.
    pub fn is_flush(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    /// Returns the path of the first argument, a file descriptor: `18</path>`.
    pub fn path(&self) -> Option<&str> {
        let (number, rest) = self.arguments.split_once('<')?;
        number.chars().all(|digit| digit.is_ascii_digit()).then_some(())?;
        // The path ends at the text after the descriptor. No path here contains that text.
        rest.split_once(">,").map_or_else(|| rest.strip_suffix('>'), |(path, _)| Some(path))
    }

    /// Says whether this call writes to a socket, and starts with `text`.
    pub fn sends(&self, text: &str) -> bool {
        let first = self.arguments.split_once('"').is_some_and(|(_, data)| data.starts_with(text));
        self.is_write()
            && first
            && self
                .path()
                .is_some_and(|path| path.starts_with("socket:") || path.starts_with("TCP"))
    }

    /// Returns old and new path, if this call gives an object of the store its name.
    pub fn gives_name(&self) -> Option<(&str, &str)> {
        if !matches!(self.name.as_str(), "link" | "linkat" | "rename" | "renameat" | "renameat2") {
            return None;
        }
        let mut texts = self.arguments.split('"').skip(1).step_by(2);
        let (from, to) = (texts.next()?, texts.next()?);
        let (folder, name) = to.rsplit_once('/')?;
        let is_name = name.len() == 64 && name.bytes().all(|c| c.is_ascii_hexdigit());
        (is_name && folder.contains("/objects/")).then_some((from, to))
    }
}

/// Returns the calls of a trace in the order of their ends. The calls whose end it does not show
/// come last, in the order of their starts.
pub fn calls(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    for (at, line) in text.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((begin, beginning)) = unfinished.remove(pid) else {
                continue;
            };
            let rest = resumed
                .split_once(" resumed>")
                .unwrap_or_else(|| panic!("not a line of strace: {line}"))
                .1;
            calls.push(call(begin, at, &format!("{beginning}{rest}"), line));
        } else if let Some(beginning) = rest.strip_suffix("<detached ...>") {
            // The call was under way when the trace ended. As with an unfinished one, only its
            // start is known.
            unfinished.insert(pid, (at, beginning.trim_end()));
        } else if let Some(beginning) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(pid, (at, beginning.trim_end()));
        } else {
            calls.push(call(at, at, rest, line));
        }
    }
    // An answer may reach its client before strace sees the call return.
    let mut begun: Vec<Call> =
        unfinished.into_values().filter_map(|(at, text)| begun(at, text)).collect();
    begun.sort_by_key(|call| call.begin);
    calls.extend(begun);
    calls
}

/// Makes a call whose end the trace does not show: it is before nothing, and has not succeeded.
fn begun(at: usize, text: &str) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    Some(Call {
        begin: at,
        end: usize::MAX,
        name: name.into(),
        arguments: arguments.into(),
        succeeded: false,
    })
}

fn call(begin: usize, end: usize, text: &str, line: &str) -> Call {
    let split = || {
        let (name, rest) = text.split_once('(')?;
        // The result is behind the last `= `. Written text may contain one too, but not behind the
        // last parenthesis.
        let (arguments, result) = rest.rsplit_once(" = ")?;
        let arguments = arguments.trim_end().strip_suffix(')')?;
        Some((name, arguments, result))
    };
    let (name, arguments, result) =
        split().unwrap_or_else(|| panic!("not a line of strace: {line}"));
    let succeeded = result.starts_with(|first: char| first.is_ascii_digit());
    Call { begin, end, name: name.into(), arguments: arguments.into(), succeeded }
}

/// Numbers calls that were moved by hand: each ends before the next starts.
pub fn number_anew(calls: &mut [Call]) {
    for (at, call) in calls.iter_mut().enumerate() {
        (call.begin, call.end) = (at, at);
    }
}

/// Lists the calls, for a message.
pub fn listing(calls: &[Call]) -> String {
    let mut text = String::new();
    for call in calls {
        let short: String = call.arguments.chars().take(160).collect();
        let _written =
            write!(text, "\n{}–{} {}({short}) {}", call.begin, call.end, call.name, call.succeeded);
    }
    text
}

#[test]
fn lines_of_strace_are_read() {
    let text = r#"7  write(14<socket:[99]>, "HTTP/1.1 201 Created = (x)\r\n", 8 <unfinished ...>
8  fsync(18</data/objects/3b>) = 0
9  +++ exited with 0 +++
8  linkat(AT_FDCWD</>, "/data/objects/3b/abc#1", AT_FDCWD</>, "/data/objects/3b/abc", 0) = -1 EEXIST
7  <... write resumed>)              = 8
7  --- SIGURG {si_signo=SIGURG} ---
8  fsync(19</data/registry.sqlite-wal> <unfinished ...>
7  fdatasync(3</data/a> <detached ...>
8  write(14<socket:[99]>, "HTTP/1.1 200 OK\r\n", 9 <unfinished ...>
"#;
    let calls = calls(text);
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.name.as_str(), call.begin, call.end, call.succeeded, call.path()))
        .collect();
    assert_eq!(
        seen,
        [
            ("fsync", 1, 1, true, Some("/data/objects/3b")),
            ("linkat", 3, 3, false, None),
            ("write", 0, 4, true, Some("socket:[99]")),
            ("fdatasync", 7, usize::MAX, false, Some("/data/a")),
            ("write", 8, usize::MAX, false, Some("socket:[99]")),
        ]
    );
    assert!(
        calls[4].sends("HTTP/1.1 200")
            && calls[0].is_before(&calls[4])
            && !calls[4].is_before(&calls[0])
    );
    assert!(
        calls[2].sends("HTTP/1.1 2")
            && !calls[2].sends("HTTP/1.1 4")
            && !calls[0].sends("HTTP/1.1 2")
    );
    assert!(
        calls[0].is_before(&calls[1])
            && !calls[2].is_before(&calls[1])
            && !calls[1].is_before(&calls[2])
    );
    assert_eq!(calls[1].gives_name(), None, "not a name of the store");
}
