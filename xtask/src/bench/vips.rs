//! libvips in a process of its own. It makes the sources that are not in the repository, and
//! measures the CPU of a thumbnail.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use eyesonly_harness::process::Process;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::workspace::{execute, output_of};

/// The packages of PyPI, pinned so that the row means the same next year.
const PACKAGES: [&str; 2] = ["pyvips==3.2.0", "pyvips-binary==8.18.7"];

/// A running libvips.
pub struct Vips {
    /// Its version, such as `libvips 8.18.7`.
    pub version: String,
    process: Process,
}

/// The sources that libvips made from others, in the same order.
#[derive(Deserialize)]
pub struct Made {
    /// The same pictures with a sensor's noise.
    pub noisy: Vec<PathBuf>,
    /// The same pictures as progressive JPEG.
    pub progressive: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Cpu {
    cpu_seconds: f64,
}

impl Vips {
    /// Starts `script` with pyvips from a virtual environment below `tools`. Makes the environment
    /// when it is missing.
    ///
    /// Errors: there is no python3 with venv, or PyPI can't be reached.
    pub fn start(script: &Path, tools: &Path) -> Result<Self> {
        let python = environment(&tools.join("vips"))?;
        let mut command = Command::new(python);
        command.arg(script).env("VIPS_CONCURRENCY", "1");
        let mut process = Process::start(&mut command, None)?;
        let version = process.line("ready ", None).context("libvips")?;
        Ok(Self { version, process })
    }

    /// Makes the other kinds of source from these files, and writes them into `folder`.
    ///
    /// Errors: a file is not a picture.
    pub fn make(&mut self, from: &[PathBuf], folder: &Path) -> Result<Made> {
        self.ask(&json!({ "make": { "from": from, "to": folder } }))
    }

    /// Measures the CPU seconds of one thumbnail, as the mean of `calls` thumbnails.
    ///
    /// Errors: a file is not a picture.
    pub fn cpu_seconds(&mut self, files: &[PathBuf], calls: usize, width: u32) -> Result<f64> {
        let cpu: Cpu =
            self.ask(&json!({ "measure": { "files": files, "calls": calls, "width": width } }))?;
        Ok(cpu.cpu_seconds / calls as f64)
    }

    fn ask<T: DeserializeOwned>(&mut self, question: &Value) -> Result<T> {
        self.process.send(&question.to_string())?;
        Ok(serde_json::from_str(&self.process.line("", None).context("libvips")?)?)
    }
}

fn environment(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    let is_there = |python: &Path| output_of(python, &["-c", "import pyvips"]).is_some();
    if !is_there(&python) {
        let mend = "apt-get install -y python3 python3-venv; PyPI must be reachable";
        execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder), mend)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
        execute(&mut pip, mend)?;
    }
    Ok(python)
}
