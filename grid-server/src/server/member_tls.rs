//! TLS between members, from the files that the configuration names.

use grid_member::cluster::ClusterSettings;

use crate::config::{Config, MemberTlsConfig};

use super::StartError;

/// Why members cannot talk through TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberTlsError {
    /// This program cannot do it.
    #[error(
        "member.tls-certificate: this program was built without TLS between members; build it with the feature \
         member-tls, which is on by default"
    )]
    Unsupported,
    /// A file cannot be read.
    #[error(
        "member.{setting}: {path} cannot be read: {reason}; give a file that this process may read, with {flag} FILE or \
         member.{setting} in the configuration file"
    )]
    Unreadable {
        /// The setting, without its section.
        setting: &'static str,
        /// The flag that changes it.
        flag: &'static str,
        /// The path as it was given.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// What a file has cannot be used.
    #[cfg(feature = "member-tls")]
    #[error("member.{setting}: {path}: {problem}")]
    Unfit {
        /// The setting, without its section.
        setting: &'static str,
        /// The path as it was given.
        path: String,
        /// What is wrong with it, and what to do.
        #[source]
        problem: grid_member::transport::TlsError,
    },
}

/// Gives the member what it needs for TLS, if that is wanted, and makes sure that other members will take it.
///
/// # Errors
/// When a file cannot be read, or what it has cannot be used.
pub(super) fn set_up(config: &Config, member: &mut ClusterSettings) -> Result<(), StartError> {
    let tls = &config.member.tls;
    if tls.is_set() {
        of_files(tls, member)?;
    }
    Ok(())
}

#[cfg(not(feature = "member-tls"))]
fn of_files(_tls: &MemberTlsConfig, _member: &mut ClusterSettings) -> Result<(), MemberTlsError> {
    Err(MemberTlsError::Unsupported)
}

#[cfg(feature = "member-tls")]
fn of_files(tls: &MemberTlsConfig, member: &mut ClusterSettings) -> Result<(), MemberTlsError> {
    use grid_member::clock::{Clock, SystemClock};
    use grid_member::transport::{TlsError, TlsSettings};

    use files::File;

    let certificate = File::read("tls-certificate", "--member-tls-certificate", &tls.certificate)?;
    let key = File::read("tls-key", "--member-tls-key", &tls.key)?;
    let authority = File::read("tls-authority", "--member-tls-authority", &tls.authority)?;
    let name = tls.name.as_ref().map(crate::config::Label::as_str);
    let of_certificate = |problem| certificate.unfit(problem);
    let settings =
        TlsSettings::new(&certificate.text, &key.text, &authority.text, name).map_err(|problem| {
            match &problem {
                TlsError::Key | TlsError::Pem { what: "the key", .. } => key.unfit(problem),
                TlsError::Pem {
                    what: "the authority",
                    ..
                } => authority.unfit(problem),
                _ => of_certificate(problem),
            }
        })?;
    let reached = member.advertised.unwrap_or(member.listen).ip();
    settings
        .check(reached, SystemClock::new().now())
        .map_err(of_certificate)?;
    member.tls = Some(settings);
    Ok(())
}

#[cfg(feature = "member-tls")]
mod files {
    use std::io::Read;
    use std::path::PathBuf;

    use grid_member::transport::TlsError;

    use super::MemberTlsError;

    /// The most bytes of a file; certificates are far shorter.
    const FILE_LEN_MAX: u64 = 1 << 20;

    /// A file, and who names it.
    pub(super) struct File {
        setting: &'static str,
        path: String,
        pub(super) text: Vec<u8>,
    }

    impl File {
        pub(super) fn read(
            setting: &'static str,
            flag: &'static str,
            path: &Option<PathBuf>,
        ) -> Result<Self, MemberTlsError> {
            // The configuration has all of them, or none.
            let path = path.clone().unwrap_or_default();
            let shown = path.display().to_string();
            let unreadable = |reason: String| MemberTlsError::Unreadable {
                setting,
                flag,
                path: shown.clone(),
                reason,
            };
            let mut text = Vec::new();
            std::fs::File::open(&path)
                .and_then(|file| file.take(FILE_LEN_MAX + 1).read_to_end(&mut text))
                .map_err(|error| unreadable(error.to_string()))?;
            if text.len() as u64 > FILE_LEN_MAX {
                return Err(unreadable(format!("it has more than {FILE_LEN_MAX} bytes")));
            }
            Ok(File {
                setting,
                path: shown,
                text,
            })
        }

        pub(super) fn unfit(&self, problem: TlsError) -> MemberTlsError {
            MemberTlsError::Unfit {
                setting: self.setting,
                path: self.path.clone(),
                problem,
            }
        }
    }
}
