//! The program that members run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ProcessError;

/// The program `grid`.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
}

impl Binary {
    /// A program that is there already.
    ///
    /// # Errors
    /// When it is not.
    pub fn at(path: &Path) -> Result<Self, ProcessError> {
        let path = path.to_owned();
        // Members run in folders of their own.
        match path.canonicalize() {
            Ok(path) if path.is_file() => Ok(Binary { path }),
            _ => Err(ProcessError::NoBinary { path }),
        }
    }

    /// The program beside this one, in the same profile. `cargo run` builds only what it runs, so under cargo it is built
    /// first: a stale one would be tested in place of the code.
    ///
    /// # Errors
    /// When it cannot be built, or is not there.
    pub fn beside_this_one() -> Result<Self, ProcessError> {
        let failed = |reason: String| ProcessError::Build { reason };
        let this = env::current_exe().map_err(|error| failed(error.to_string()))?;
        let folder = this.parent().unwrap_or(Path::new("."));
        if let Some(cargo) = env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "-p", "grid-server"]);
            if folder.file_name().is_some_and(|profile| profile == "release") {
                build.arg("--release");
            }
            let built = build.status().map_err(|error| failed(error.to_string()))?;
            if !built.success() {
                return Err(failed(format!("cargo build ended with {built}")));
            }
        }
        Binary::at(&folder.join("grid"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
