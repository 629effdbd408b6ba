//! What a member's key in a directory holds: a JSON text that people can read too.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use grid_core::membership::{ClusterId, ProcessId};

use crate::Announcement;
use crate::announcement::is_cluster_name;

/// The longest record, in bytes. A longer object is none.
pub(super) const RECORD_LEN_MAX: u64 = 4_096;

const VERSION: u32 = 1;

/// A record as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Text {
    version: u32,
    cluster: String,
    cluster_id: Option<String>,
    process: String,
    member_address: SocketAddr,
    grpc: Option<SocketAddr>,
    http: Option<SocketAddr>,
    started: bool,
    /// How long the record counts if it is not written again.
    lifetime_ms: u64,
    /// When it was written, by the clock of its member. For people: clocks differ.
    written_unix_ms: u64,
}

/// Writes a record.
pub(super) fn write(announcement: &Announcement, lifetime: Duration, written_unix_ms: u64) -> Vec<u8> {
    let text = Text {
        version: VERSION,
        cluster: announcement.cluster.clone(),
        cluster_id: announcement.cluster_id.map(|id| id.to_string()),
        process: announcement.process.to_string(),
        member_address: announcement.member_address,
        grpc: announcement.grpc,
        http: announcement.http,
        started: announcement.started,
        lifetime_ms: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX),
        written_unix_ms,
    };
    let mut bytes = serde_json::to_vec_pretty(&text).expect("a record has text keys and plain numbers");
    bytes.push(b'\n');
    bytes
}

/// Reads a record: the announcement, and how long it counts.
///
/// # Errors
/// Why it is none.
pub(super) fn read(bytes: &[u8]) -> Result<(Announcement, Duration), String> {
    let text: Text = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if text.version != VERSION {
        return Err(format!("its version is {}, and {VERSION} is known", text.version));
    }
    let number = |text: &str| u128::from_str_radix(text, 16).map_err(|_none| format!("{text:?} is no id"));
    let cluster_id = text.cluster_id.as_deref().map(number).transpose()?;
    let announcement = Announcement {
        cluster: text.cluster,
        cluster_id: cluster_id.map(ClusterId::new),
        process: ProcessId::new(number(&text.process)?),
        member_address: text.member_address,
        grpc: text.grpc,
        http: text.http,
        started: text.started,
    };
    if !is_cluster_name(&announcement.cluster) {
        return Err("the name of its cluster is none".to_owned());
    }
    let announcement = announcement.resolved(None);
    let announcement = announcement.ok_or("nobody could connect to its address")?;
    Ok((announcement, Duration::from_millis(text.lifetime_ms)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            cluster: "girih".into(),
            cluster_id: Some(ClusterId::new(0xab)),
            process: ProcessId::new(u128::MAX),
            member_address: "10.0.0.1:7574".parse().unwrap(),
            grpc: Some("[fe80::1]:1408".parse().unwrap()),
            http: None,
            started: true,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = write(&announcement(), Duration::from_secs(15), 5);
        assert!((bytes.len() as u64) < RECORD_LEN_MAX);
        assert_eq!(read(&bytes), Ok((announcement(), Duration::from_secs(15))));
    }

    #[test]
    fn what_is_no_record_says_why() {
        let record = String::from_utf8(write(&announcement(), Duration::ZERO, 0)).unwrap();
        for (from, to, words) in [
            ("\"version\": 1", "\"version\": 2", "version is 2"),
            ("\"girih\"", "\"a/b\"", "name of its cluster"),
            ("10.0.0.1:7574", "0.0.0.0:7574", "nobody could connect"),
            ("10.0.0.1:7574", "10.0.0.1:0", "nobody could connect"),
            ("ffffffff\"", "x\"", "is no id"),
            ("{", "", "at line 2"),
        ] {
            assert!(record.contains(from), "{from}");
            let error = read(record.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(error.contains(words), "{to}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn a_record_that_was_cut_is_none(at in any::<prop::sample::Index>()) {
            let bytes = write(&announcement(), Duration::from_secs(1), 0);
            // Without its last character, the end of the line, it is whole.
            prop_assert!(read(&bytes[..at.index(bytes.len() - 1)]).is_err());
        }
    }
}
