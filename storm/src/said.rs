//! Reads what `--lie` says, and spreads a seam's rate over its kinds of lies.
//!
//! A contradiction is an error before anything starts: nothing that was asked for is dropped in
//! silence.

use crate::lies::{Kind, Liar, Lie, TABLE};
use std::str::FromStr;

/// The rate of a `--lie` that names none: one answer of a hundred.
const RATE_DEFAULT: f64 = 0.01;
/// The lies that are told without a `--lie`.
pub const LIES_DEFAULT: &str = "all@0.01";
/// The excess over 1 that rounding may give to the sum of one seam's rates.
const ROUNDING: f64 = 1e-9;

/// The value of one `--lie`.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// `none`: nobody lies.
    None,
    /// `all`, or `all@rate`: every seam tells every lie that it can. The rate is that of all lies
    /// of a seam together.
    All(f64),
    /// `seam@rate`: every lie of a seam, at this rate together. `seam:kind@rate`: one lie.
    Some(Vec<Lie>),
}

impl FromStr for Told {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, rate) = match text.split_once('@') {
            None => (text, None),
            Some((what, rate)) => (what, Some(rate)),
        };
        let (seam, kind) =
            what.split_once(':').map_or((what, None), |(seam, kind)| (seam, Some(kind)));
        match (seam, kind, rate) {
            ("none", None, None) => return Ok(Self::None),
            ("none", ..) => {
                return Err(
                    "`none` is that nobody lies, and takes neither a kind nor a rate; write `none` \
                     alone".to_owned(),
                );
            }
            ("all", Some(_), _) => {
                return Err(
                    "`all` is every lie of every seam, and takes no kind; write `all@rate`, \
                     or name one seam: `seam:kind@rate`"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let rate = rate.map_or(Ok(RATE_DEFAULT), a_rate)?;
        if seam == "all" {
            return Ok(Self::All(rate));
        }
        let (liar, kinds) =
            TABLE.iter().find(|(liar, _)| liar.name() == seam).ok_or_else(|| {
                let names: Vec<_> = TABLE.iter().map(|(liar, _)| liar.name()).collect();
                format!(
                    "there is no seam {seam:?}; there are {}; `all` is all of them, `none` is none",
                    names.join(", ")
                )
            })?;
        let Some(kind) = kind else {
            return Ok(Self::Some(share(*liar, kinds, rate)));
        };
        let found = kinds.iter().find(|known| known.name() == kind).ok_or_else(|| {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("{seam} can't tell {kind:?}; it can tell {}", names.join(", "))
        })?;
        Ok(Self::Some(vec![Lie { liar: *liar, kind: *found, rate }]))
    }
}

fn a_rate(text: &str) -> Result<f64, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a rate; it is a number from 0 to 1, such as 0.01"))?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(format!("the rate {text} is not within 0 to 1"))
    }
}

/// Spreads a rate evenly over these kinds of one seam.
fn share(liar: Liar, kinds: &[Kind], rate: f64) -> Vec<Lie> {
    let count = kinds.len().max(1) as f64;
    kinds.iter().map(|kind| Lie { liar, kind: *kind, rate: rate / count }).collect()
}

impl Told {
    /// Returns the lies that are meant.
    pub fn lies(&self) -> Vec<Lie> {
        match self {
            Self::None => Vec::new(),
            Self::Some(lies) => lies.clone(),
            Self::All(rate) => {
                TABLE.iter().flat_map(|(liar, kinds)| share(*liar, kinds, *rate)).collect()
            }
        }
    }
}

/// Reads every `--lie` of a command line. Without any, [`LIES_DEFAULT`] counts.
///
/// # Errors
/// One of them can't be read, or contradicts another one.
pub fn lies(said: &[String]) -> Result<Vec<Lie>, String> {
    let default = [LIES_DEFAULT.to_owned()];
    let said = if said.is_empty() { &default[..] } else { said };
    let mut lies: Vec<(Lie, &str)> = Vec::new();
    for text in said {
        let told: Told = text.parse().map_err(|error| format!("--lie {text}: {error}"))?;
        if told == Told::None && said.len() > 1 {
            return Err(
                "--lie none: nobody would lie, but another --lie says who does; leave one of them \
                 out"
                .to_owned(),
            );
        }
        for lie in told.lies() {
            let same = |(known, _): &&(Lie, &str)| (known.liar, known.kind) == (lie.liar, lie.kind);
            if let Some((_, first)) = lies.iter().find(same) {
                return Err(format!(
                    "--lie {text}: {}:{} is told by --lie {first} already, and can have one rate \
                     only; leave one of them out",
                    lie.liar.name(),
                    lie.kind
                ));
            }
            lies.push((lie, text));
        }
    }
    for (liar, _) in TABLE {
        let rates = lies.iter().filter(|(lie, _)| lie.liar == *liar);
        let sum: f64 = rates.map(|(lie, _)| lie.rate).sum();
        if sum > 1.0 + ROUNDING {
            return Err(format!(
                "--lie: the rates of {}'s lies add up to {sum}; an answer is one lie at most, so \
                 they may add up to 1",
                liar.name()
            ));
        }
    }
    Ok(lies.into_iter().map(|(lie, _)| lie).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<usize, &str>) {
        match (text.parse::<Told>(), expected) {
            (Ok(told), Ok(count)) => assert_eq!(told.lies().len(), count, "{text}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
            (got, expected) => panic!("{text}: {got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn lies_are_read_and_refused() {
        let all = TABLE.iter().map(|(_, kinds)| kinds.len()).sum();
        check("all", Ok(all));
        check("all@1", Ok(all));
        check("none", Ok(0));
        check("index@0.5", Ok(5));
        check("disk-tier:flipped-bit@0.25", Ok(1));
        check("disk-tier:another-viewer", Err("can't tell"));
        check("moon:cut", Err("there is no seam"));
        check("index:missing@1.5", Err("not within 0 to 1"));
        check("index:missing@-0.1", Err("not within 0 to 1"));
        check("index:missing@NaN", Err("not within 0 to 1"));
        check("index:missing@often", Err("not a rate"));
        check("all:cut@0.1", Err("takes no kind"));
        check("none@0.1", Err("neither a kind nor a rate"));
        check("none:cut", Err("neither a kind nor a rate"));
        check("", Err("there is no seam"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let said = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            lies(&texts)
        };
        let all: usize = TABLE.iter().map(|(_, kinds)| kinds.len()).sum();
        assert_eq!(said(&[]).unwrap().len(), all);
        assert_eq!(said(&["none"]).unwrap(), []);
        assert_eq!(
            said(&["pool@0.1", "index:cut"]).unwrap_err().split(':').next(),
            Some("--lie index")
        );
        assert_eq!(said(&["pool@1", "index:missing@0.5"]).unwrap().len(), 5);
        let refused = |texts: &[&str], part: &str| {
            let error = said(texts).unwrap_err();
            assert!(error.contains(part), "{texts:?}: {error}");
        };
        refused(&["none", "pool@0.1"], "nobody would lie");
        refused(&["pool@0.1", "none"], "nobody would lie");
        refused(
            &["pool:late-reply@0.1", "pool:late-reply@0.1"],
            "told by --lie pool:late-reply@0.1 already",
        );
        refused(&["pool@0.1", "pool:late-reply@0.2"], "told by --lie pool@0.1 already");
        refused(&["all", "index@0.2"], "told by --lie all already");
        refused(&["index:missing@0.7", "index:repeated@0.7"], "add up to");
    }
}
