//! The settings of the cluster and of the member in it.

use std::path::PathBuf;
use std::time::Duration;

use grid_core::membership::survivor::TwoMembers;
use grid_core::partition::table::BackupCount;
use grid_discovery::SourceSettings;

use super::sections::{MINUTE, SECOND, Visit};
use super::value::{Label, List, Listed, Raw, Setting, Within, WithinIfSet, Word};
use super::{HostPort, HostPortError};

impl Word for TwoMembers {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("wait", TwoMembers::Wait),
        ("trust-reset", TwoMembers::TrustReset),
    ];
}

impl Setting for BackupCount {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let mut count = u32::from(self.get());
        Within(&mut count, 0..=u32::from(BackupCount::MAX.get())).set(raw)?;
        // Within the limits there is such a count.
        *self = u8::try_from(count)
            .ok()
            .and_then(BackupCount::new)
            .unwrap_or_default();
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(self.get().to_string())
    }
}

impl Setting for Option<BackupCount> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let mut count = BackupCount::default();
        count.set(raw)?;
        *self = Some(count);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Setting::show)
    }
}

impl Listed for HostPort {
    const WHAT: &'static str = "addresses";
    const EXAMPLE: &'static str = "[\"db1:7574\", \"db2:7574\"]";
    const SEPARATOR: char = ',';
    const LEN_MAX: usize = 256;

    fn read(text: &str) -> Result<Self, String> {
        let address: HostPort = text.parse().map_err(|error: HostPortError| error.to_string())?;
        if address.port() == 0 {
            return Err(format!(
                "{text:?}: port 0 is no port to connect to; give the one that the member listens on"
            ));
        }
        Ok(address)
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Listed for SourceSettings {
    const WHAT: &'static str = "ways to find members";
    const EXAMPLE: &'static str = "[\"static:db1:7574,db2:7574\", \"multicast\"]";
    // Addresses of a static list have commas between them.
    const SEPARATOR: char = ';';
    const LEN_MAX: usize = 16;

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: grid_discovery::SettingsError| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// `[cluster]`: what all members have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// `name`: the name of the cluster; `girih` by default.
    pub name: Label,
    /// `join`: members of the cluster, or who will be; its own address may be among them. Without `join` and
    /// `discover` a member starts a cluster of its own.
    pub join: Option<Vec<HostPort>>,
    /// `discover`: ways to find members beside `join`.
    pub discover: Option<Vec<SourceSettings>>,
    /// `expect`: how many members there will be when the cluster is started, a majority of which must see each other;
    /// by default those of `join` and this one. Must be given with `discover` alone.
    pub expect: Option<usize>,
    /// `backups`: how many backups caches have that no rule says otherwise of; 1 by default, at most 3.
    pub backups: BackupCount,
    /// `two-members`: what the survivor of two members on different hosts does: `wait`, the default, or `trust-reset`.
    pub two_members: TwoMembers,
    /// `accept-loss-after`: how long partitions whose copies are all gone wait for a member with a copy, or for
    /// `grid cluster accept-loss`, before they begin anew, empty; at most 7 days. Without it only an operator gives them up.
    pub accept_loss_after: Option<Duration>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig {
            name: label("girih"),
            join: None,
            discover: None,
            expect: None,
            backups: BackupCount::default(),
            two_members: TwoMembers::default(),
            accept_loss_after: None,
        }
    }
}

impl ClusterConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("name", &mut self.name);
        visit("join", &mut List(&mut self.join));
        visit("discover", &mut List(&mut self.discover));
        visit("expect", &mut WithinIfSet(&mut self.expect, 1..=1_000));
        visit("backups", &mut self.backups);
        visit("two-members", &mut self.two_members);
        visit(
            "accept-loss-after",
            &mut WithinIfSet(&mut self.accept_loss_after, Duration::ZERO..=7 * 24 * 60 * MINUTE),
        );
    }
}

/// TLS between members, in `[member]`: the first three together or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberTlsConfig {
    /// `tls-certificate`: the file of this member's certificate, in PEM, with those between it and the authority's.
    pub certificate: Option<PathBuf>,
    /// `tls-key`: the file of the key of that certificate, in PEM.
    pub key: Option<PathBuf>,
    /// `tls-authority`: the file of the certificates of the authorities, in PEM, of one of which the certificates of all
    /// members are.
    pub authority: Option<PathBuf>,
    /// `tls-name`: the name that the certificates of all members are for; by default each is for the IP address that its
    /// member is reached at.
    pub name: Option<Label>,
}

impl MemberTlsConfig {
    /// Whether any of it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("tls-certificate", &mut self.certificate);
        visit("tls-key", &mut self.key);
        visit("tls-authority", &mut self.authority);
        visit("tls-name", &mut self.name);
    }
}

/// `[member]`: this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// `name`: the name of the member; the machine's name and the process number by default.
    pub name: Option<Label>,
    /// `listen`: where it listens for other members; port 7574 on this machine alone by default.
    pub listen: HostPort,
    /// `advertise`: where other members reach it, if that is another address than `listen`.
    pub advertise: Option<HostPort>,
    /// `zone`: the zone (site) that the member is in, if zones are used.
    pub zone: Option<Label>,
    /// `rack`: the rack that the machine is in, if racks are used.
    pub rack: Option<Label>,
    /// `machine`: the machine that the member runs on; the name of the host by default.
    pub machine: Option<Label>,
    /// `role`: a word of yours for what this member is there for.
    pub role: Option<Label>,
    /// `storage`: whether the member holds data; true by default.
    pub storage: bool,
    /// `tls-...`: TLS with other members; none by default.
    pub tls: MemberTlsConfig,
    /// `hand-over-timeout`: how long a stop tries to hand the member's partitions over to others; 30 s by default, at
    /// most 1 h.
    pub hand_over_timeout: Duration,
    /// `drain-timeout`: how long a stop waits, after that, for requests that are under way; 5 s by default, at most 1 h.
    pub drain_timeout: Duration,
}

impl Default for MemberConfig {
    fn default() -> Self {
        MemberConfig {
            name: None,
            listen: HostPort::loopback(7574),
            advertise: None,
            zone: None,
            rack: None,
            machine: None,
            role: None,
            storage: true,
            tls: MemberTlsConfig::default(),
            hand_over_timeout: 30 * SECOND,
            drain_timeout: 5 * SECOND,
        }
    }
}

impl MemberConfig {
    pub(crate) fn visit(&mut self, visit: &mut Visit<'_>) {
        visit("name", &mut self.name);
        visit("listen", &mut self.listen);
        visit("advertise", &mut self.advertise);
        visit("zone", &mut self.zone);
        visit("rack", &mut self.rack);
        visit("machine", &mut self.machine);
        visit("role", &mut self.role);
        visit("storage", &mut self.storage);
        self.tls.visit(visit);
        visit(
            "hand-over-timeout",
            &mut Within(&mut self.hand_over_timeout, Duration::ZERO..=60 * MINUTE),
        );
        visit(
            "drain-timeout",
            &mut Within(&mut self.drain_timeout, Duration::ZERO..=60 * MINUTE),
        );
    }
}

fn label(text: &str) -> Label {
    text.parse().expect("a default is a name")
}
