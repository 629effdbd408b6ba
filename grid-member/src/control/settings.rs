//! What a member of the control group is told when it starts.

use std::time::Duration;

use grid_core::membership::{Generation, MemberId};
use openraft::{Config, SnapshotPolicy};

use super::runtime::LIMIT_FLOOR;

/// The settings of one member of the control group. All members should have the same ones, but for their number.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ControlSettings {
    /// This member. Its number is never used again: not by another process, nor by this one after it forgot its log.
    pub member: MemberId,
    /// The generation of the group. Requests of others are refused.
    pub generation: Generation,
    /// How often the leader is heard when there is nothing to say. Default 30 ms.
    pub heartbeat: Duration,
    /// The shortest election time-out. Default 250 ms: a leader that is dead is replaced without waiting for it, so it is
    /// for silence alone, where members wait for the end of leases anyway. Shorter ones unseat leaders of busy machines.
    ///
    /// Each member has its own, fixed, between the shortest and the longest. A member that has not heard its leader
    /// for twice its time-out stands for election, and votes for no one before it has not heard it for one.
    pub election_timeout_min: Duration,
    /// The longest election time-out, at most twice the shortest. Default 500 ms: far from the shortest, so that members
    /// that are slow to answer do not stand at the same time again and again.
    pub election_timeout_max: Duration,
    /// How long one request to another member may take. Default 1 s, at most 2 s.
    ///
    /// It should be well above the round-trip time: no agreement is reached with members that are farther away.
    pub call_timeout: Duration,
    /// How long a proposal may take before its outcome is called unknown. Default 5 s.
    pub propose_timeout: Duration,
    /// How long a confirmation may take. Default 1 s.
    pub confirm_timeout: Duration,
    /// How long a new voter may take to catch up, and each step of a change of voters. Default 10 s.
    pub voters_timeout: Duration,
    /// How long an election may take that was asked for. Default 2 s.
    pub elect_timeout: Duration,
    /// After how many entries of the log a snapshot is made. Default 2,000.
    pub snapshot_every: u64,
    /// How many entries of the log are kept behind a snapshot, for members that are a little late. Default 500.
    pub entries_kept: u64,
    /// How long the log may get before proposals are refused, in entries. Default 20,000.
    ///
    /// It only gets so long when the leader has lost its majority.
    pub log_len_max: usize,
    /// How much the log may hold before proposals are refused, in bytes of commands. Default 64 MiB.
    pub log_bytes_max: usize,
    /// How long a command may be, in bytes. Default 1 MiB.
    pub command_len_max: usize,
    /// How many bytes of commands one request carries, if it carries more than one. Default 1 MiB.
    pub append_len_max: usize,
    /// How many bytes of a snapshot one request carries. Default 1 MiB.
    pub snapshot_chunk_len: usize,
    /// How long a snapshot from another member may be, in bytes. Default 256 MiB.
    pub snapshot_len_max: usize,
    /// How many proposals may be open at once. Default 1,024.
    pub proposals_max: usize,
    /// How many confirmations may wait at once. Default 4,096.
    pub confirmations_max: usize,
    /// How many voters there may be. Default 5.
    pub voters_max: usize,
}

const MIB: usize = 1024 * 1024;

impl ControlSettings {
    /// The defaults for a member of a generation.
    #[must_use]
    pub const fn new(member: MemberId, generation: Generation) -> Self {
        ControlSettings {
            member,
            generation,
            heartbeat: Duration::from_millis(30),
            election_timeout_min: Duration::from_millis(250),
            election_timeout_max: Duration::from_millis(500),
            call_timeout: Duration::from_secs(1),
            propose_timeout: Duration::from_secs(5),
            confirm_timeout: Duration::from_secs(1),
            voters_timeout: Duration::from_secs(10),
            elect_timeout: Duration::from_secs(2),
            snapshot_every: 2_000,
            entries_kept: 500,
            log_len_max: 20_000,
            log_bytes_max: 64 * MIB,
            command_len_max: MIB,
            append_len_max: MIB,
            snapshot_chunk_len: MIB,
            snapshot_len_max: 256 * MIB,
            proposals_max: 1_024,
            confirmations_max: 4_096,
            voters_max: 5,
        }
    }

    /// The most bytes that a request from another member has.
    #[must_use]
    pub fn request_len_max(&self) -> usize {
        // Beside commands there are numbers: at most some tens of bytes an entry.
        const NUMBERS: usize = 256 * 1024;
        let commands = self.append_len_max.saturating_add(self.command_len_max);
        commands.max(self.snapshot_chunk_len).saturating_add(NUMBERS)
    }

    /// The election time-out of this member.
    ///
    /// Numbers are given out in order, so the golden ratio spreads those of any few members apart. Different time-outs
    /// keep two members from standing at the same time, better than a die would.
    #[must_use]
    pub fn election_timeout(&self) -> Duration {
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let spread = self
            .election_timeout_max
            .saturating_sub(self.election_timeout_min);
        let part = self.member.get().wrapping_mul(GOLDEN) >> 48;
        let extra = spread.as_micros().saturating_mul(u128::from(part)) >> 16;
        let extra = Duration::from_micros(u64::try_from(extra).unwrap_or(u64::MAX));
        self.election_timeout_min.saturating_add(extra)
    }

    /// Says what is wrong with the settings.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let rules = [
            (
                self.member.get() > 0,
                "the number of a member must not be 0: no one has it",
            ),
            (
                self.heartbeat >= Duration::from_millis(3),
                "heartbeat must be at least 3 ms",
            ),
            (
                self.election_timeout_min >= self.heartbeat * 2,
                "election_timeout_min must be at least twice the heartbeat",
            ),
            (
                self.election_timeout_max >= self.election_timeout_min
                    && self.election_timeout_max <= self.election_timeout_min * 2,
                "election_timeout_max must be between election_timeout_min and twice that",
            ),
            (
                self.call_timeout >= self.heartbeat && self.call_timeout <= LIMIT_FLOOR,
                "call_timeout must be between the heartbeat and 2 s",
            ),
            (self.snapshot_every > 0, "snapshot_every must not be 0"),
            (
                self.log_len_max as u64 > self.snapshot_every.saturating_add(self.entries_kept),
                "log_len_max must be above snapshot_every and entries_kept together",
            ),
            (
                self.append_len_max > 0 && self.snapshot_chunk_len > 0,
                "append_len_max and snapshot_chunk_len must not be 0",
            ),
            (
                self.log_bytes_max >= self.command_len_max,
                "log_bytes_max must be at least command_len_max",
            ),
            (
                self.proposals_max > 0 && self.confirmations_max > 0 && self.voters_max > 0,
                "proposals_max, confirmations_max and voters_max must not be 0",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(SettingsError { rule }),
            None => Ok(()),
        }
    }

    /// The library's settings.
    pub(super) fn raft_config(&self) -> Config {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let election_timeout_ms = ms(self.election_timeout());
        Config {
            cluster_name: format!("control {}", self.generation),
            // The library looks at its timers, and so beats, every one and a half of what it calls the interval.
            heartbeat_interval: ms(self.heartbeat * 2 / 3).max(1),
            // It draws from this range, and takes the end as the time for which it votes for no one else.
            election_timeout_min: election_timeout_ms,
            election_timeout_max: election_timeout_ms.saturating_add(1),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every),
            max_in_snapshot_log_to_keep: self.entries_kept,
            purge_batch_size: 64,
            replication_lag_threshold: self.snapshot_every.saturating_mul(2),
            snapshot_max_chunk_size: self.snapshot_chunk_len as u64,
            install_snapshot_timeout: ms(self.call_timeout),
            ..Config::default()
        }
    }
}

/// Settings that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the settings of the control group cannot be used: {rule}")]
pub struct SettingsError {
    rule: &'static str,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn settings(member: u64) -> ControlSettings {
        ControlSettings::new(MemberId::new(member), Generation::FIRST)
    }

    #[test]
    fn the_defaults_fit_together() {
        for member in 1..200 {
            let settings = settings(member);
            settings.check().unwrap();
            settings.raft_config().validate().unwrap();
            assert!(settings.election_timeout() >= settings.election_timeout_min);
            assert!(settings.election_timeout() <= settings.election_timeout_max);
        }
    }

    #[test]
    fn neighbours_have_time_outs_apart() {
        for first in 1..50 {
            let times: BTreeSet<_> = (first..first + 5)
                .map(|m| settings(m).election_timeout())
                .collect();
            let times: Vec<_> = times.into_iter().collect();
            for pair in times.windows(2) {
                assert!(pair[1] - pair[0] >= Duration::from_millis(5), "{times:?}");
            }
            assert_eq!(times.len(), 5);
        }
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        type Spoil = fn(&mut ControlSettings);
        let spoils: [Spoil; 8] = [
            |s| s.member = MemberId::new(0),
            |s| s.heartbeat = Duration::from_millis(1),
            |s| s.election_timeout_min = s.heartbeat,
            |s| s.election_timeout_max = s.election_timeout_min * 3,
            |s| s.call_timeout = Duration::from_secs(3),
            |s| s.log_len_max = 2_100,
            |s| s.proposals_max = 0,
            |s| s.append_len_max = 0,
        ];
        for (number, spoil) in spoils.into_iter().enumerate() {
            let mut settings = settings(1);
            spoil(&mut settings);
            assert!(settings.check().is_err(), "{number}");
        }
    }
}
