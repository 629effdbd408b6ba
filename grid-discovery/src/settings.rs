//! Where to look for members.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::announcement::is_cluster_name;

/// The port of members, and of the name service on it.
pub const MEMBER_PORT_DEFAULT: u16 = 7574;

/// The multicast group that members meet at when none is said.
pub const MULTICAST_GROUP_DEFAULT: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 192, 14, 8));

/// The port of the multicast group when none is said.
pub const MULTICAST_PORT_DEFAULT: u16 = 7574;

/// How many routers a multicast packet may cross when nothing else is said.
pub const MULTICAST_TTL_DEFAULT: u8 = 4;

/// The most addresses of a list.
const LIST_LEN_MAX: usize = 256;
/// The longest host name.
const HOST_LEN_MAX: usize = 253;
/// The most sources at once.
const SOURCES_MAX: usize = 64;

/// The settings of a discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name of the cluster whose members are looked for.
    pub cluster: String,
    /// Where to look. All at once, up to 16.
    pub sources: Vec<SourceSettings>,
    /// How often to announce, ask and look.
    pub timing: Timing,
}

/// How often a discovery announces, asks and looks. The defaults suit a network of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two packets of one that looks for its cluster. Default: 1 s.
    pub looking: Duration,
    /// Between two packets of one that has found it. Default: 5 s.
    pub steady: Duration,
    /// How long a member that was not heard by multicast still counts as found. Default: 17 s.
    pub multicast_lifetime: Duration,
    /// Between two writes of a member's own key in a directory, and two readings. Default: 5 s.
    pub directory_beat: Duration,
    /// How long a key that is not written again counts. Default: 15 s.
    pub directory_lifetime: Duration,
    /// How long the addresses of a host name are believed. Default: 30 s; a name that is not known is asked for
    /// after a sixth of it.
    pub resolve: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            looking: Duration::from_secs(1),
            steady: Duration::from_secs(5),
            multicast_lifetime: Duration::from_secs(17),
            directory_beat: Duration::from_secs(5),
            directory_lifetime: Duration::from_secs(15),
            resolve: Duration::from_secs(30),
        }
    }
}

/// One place to look for members.
///
/// As text:
///
/// - `static:HOST:PORT,HOST:PORT,...`: a list of member addresses. Names are resolved again and again.
/// - `multicast`, `multicast:GROUP`, `multicast:GROUP:PORT`: UDP multicast. The group is an IP address, one of version 6 in
///   brackets. Options follow a question mark, with `&` between them: `ttl=N`, `interface=ADDRESS` (the address of the
///   interface; for a group of version 6 its number).
/// - `folder:PATH`: a folder that all members share.
/// - `s3://BUCKET/PREFIX`: a prefix in a bucket; credentials, region and endpoint are taken from the environment
///   (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT`, ...).
///
/// ```
/// use grid_discovery::SourceSettings;
///
/// let source: SourceSettings = "static:db1:7574,db2:7574".parse()?;
/// assert_eq!(source.to_string(), "static:db1:7574,db2:7574");
/// let error = "multicast:10.0.0.1".parse::<SourceSettings>().unwrap_err();
/// assert!(error.to_string().contains("no multicast group"));
/// # Ok::<(), grid_discovery::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSettings {
    /// A list of addresses.
    Static(Vec<HostPort>),
    /// UDP multicast.
    Multicast(MulticastSettings),
    /// A directory of members in an object store.
    Directory(DirectorySettings),
}

/// A host, by name or by address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// How members meet by UDP multicast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MulticastSettings {
    /// The group and its port.
    pub group: SocketAddr,
    /// How many routers a packet may cross.
    pub ttl: u8,
    /// The interface to use. Default: the one that the system's routes say.
    pub interface: Option<Interface>,
}

/// An interface of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// The one with this address, for groups of IP version 4.
    Address(Ipv4Addr),
    /// The one with this number, for groups of IP version 6.
    Number(u32),
}

/// Where a directory of members is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectorySettings {
    /// A folder. It is made if it is not there.
    Folder(std::path::PathBuf),
    /// A bucket, and the prefix in it.
    S3 {
        /// The name of the bucket.
        bucket: String,
        /// What all keys begin with; may be empty.
        prefix: String,
    },
}

/// Why settings make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A source is of no kind that there is.
    #[error(
        "{text:?} is no way to find members; write static:HOST:PORT,..., multicast[:GROUP[:PORT]], folder:PATH or s3://BUCKET/PREFIX"
    )]
    Kind {
        /// What was given.
        text: String,
    },
    /// An address is none.
    #[error("{text:?} is no address; write HOST:PORT, for example db1:7574, or [::1]:7574")]
    Address {
        /// What was given.
        text: String,
    },
    /// A multicast setting makes no sense.
    #[error("{text:?}: {reason}")]
    Multicast {
        /// What was given.
        text: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A directory has no name.
    #[error("{text:?} names no place; write folder:PATH or s3://BUCKET/PREFIX")]
    Directory {
        /// What was given.
        text: String,
    },
    /// This program was built without this source.
    #[error(
        "{text:?} needs a program that was built with it: with the feature {feature:?} of grid-discovery, which is \
         discovery-{feature} of grid-server and grid-client"
    )]
    Unsupported {
        /// What was given.
        text: String,
        /// The feature of the crate that has it.
        feature: &'static str,
    },
    /// There is too much of something.
    #[error("{what}: {count} are given, and at most {max} may be; give fewer")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// The name of the cluster is none.
    #[error("{name:?} is no name of a cluster: 1 to 128 bytes of letters, digits, \".\", \"_\" and \"-\"")]
    Cluster {
        /// What was given.
        name: String,
    },
    /// A time makes no sense.
    #[error("{what}")]
    Timing {
        /// Which, and what would be right.
        what: &'static str,
    },
}

impl Settings {
    /// Settings to look for members of this cluster in these places.
    #[must_use]
    pub fn new(cluster: &str, sources: Vec<SourceSettings>) -> Self {
        Settings {
            cluster: cluster.to_owned(),
            sources,
            timing: Timing::default(),
        }
    }

    /// Settings from texts, each as of [`SourceSettings`].
    ///
    /// # Errors
    /// When a text is of no known form, or there are too many.
    pub fn parse<'a>(
        cluster: &str,
        sources: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SettingsError> {
        let sources = sources.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        let settings = Settings::new(cluster, sources);
        settings.check()?;
        Ok(settings)
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// Says what does not, and what would be right.
    pub fn check(&self) -> Result<(), SettingsError> {
        if !is_cluster_name(&self.cluster) {
            return Err(SettingsError::Cluster {
                name: self.cluster.clone(),
            });
        }
        at_most("sources", self.sources.len(), SOURCES_MAX)?;
        self.sources.iter().try_for_each(SourceSettings::check)?;
        let timing = &self.timing;
        let times = [
            timing.looking,
            timing.steady,
            timing.directory_beat,
            timing.resolve,
        ];
        if times.iter().any(|time| *time < Duration::from_millis(10)) {
            let what = "a time between two packets, writes or lookups is below 10 ms; choose a longer one";
            return Err(SettingsError::Timing { what });
        }
        if timing.multicast_lifetime < timing.steady * 2
            || timing.directory_lifetime < timing.directory_beat * 2
        {
            let what =
                "a lifetime is less than twice the time between two signs of life; choose a longer one";
            return Err(SettingsError::Timing { what });
        }
        Ok(())
    }
}

fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), SettingsError> {
    if count > max {
        return Err(SettingsError::TooMany { what, count, max });
    }
    Ok(())
}

impl SourceSettings {
    fn check(&self) -> Result<(), SettingsError> {
        match self {
            SourceSettings::Static(addresses) => {
                at_most("addresses of a list", addresses.len(), LIST_LEN_MAX)
            }
            SourceSettings::Multicast(multicast) => multicast.check(),
            SourceSettings::Directory(directory) => directory.check(),
        }
    }
}

impl MulticastSettings {
    fn check(&self) -> Result<(), SettingsError> {
        let refuse = |reason: String| {
            Err(SettingsError::Multicast {
                text: self.to_string(),
                reason,
            })
        };
        if !self.group.ip().is_multicast() {
            let example = MULTICAST_GROUP_DEFAULT;
            return refuse(format!(
                "{} is no multicast group; choose one such as {example} or [ff15::7574]",
                self.group.ip()
            ));
        }
        if self.group.port() == 0 {
            return refuse("a group needs a port from 1 to 65535".to_owned());
        }
        match (self.group, self.interface) {
            (SocketAddr::V4(_), Some(Interface::Number(_))) => {
                refuse("for a group of IP version 4, name the interface by its address".to_owned())
            }
            (SocketAddr::V6(_), Some(Interface::Address(_))) => {
                refuse("for a group of IP version 6, name the interface by its number".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl DirectorySettings {
    fn check(&self) -> Result<(), SettingsError> {
        let text = || self.to_string();
        let (named, feature, built) = match self {
            DirectorySettings::Folder(path) => {
                (!path.as_os_str().is_empty(), "folder", cfg!(feature = "folder"))
            }
            DirectorySettings::S3 { bucket, .. } => (!bucket.is_empty(), "s3", cfg!(feature = "s3")),
        };
        match (named, built) {
            (false, _) => Err(SettingsError::Directory { text: text() }),
            (true, false) => Err(SettingsError::Unsupported {
                text: text(),
                feature,
            }),
            (true, true) => Ok(()),
        }
    }
}

impl HostPort {
    /// The host and the port.
    ///
    /// # Errors
    /// When the host is none, or the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Self, SettingsError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-:%".contains(c);
        let valid = port > 0 && !host.is_empty() && host.len() <= HOST_LEN_MAX && host.chars().all(is_name);
        if !valid {
            let text = format!("{host}:{port}");
            return Err(SettingsError::Address { text });
        }
        Ok(HostPort {
            host: host.to_owned(),
            port,
        })
    }

    /// The host: a name or an address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HostPort {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let refused = || SettingsError::Address {
            text: text.to_owned(),
        };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:").ok_or_else(refused)?,
            None => text
                .rsplit_once(':')
                .filter(|(host, _)| !host.contains(':'))
                .ok_or_else(refused)?,
        };
        let port = port.parse().map_err(|_not_a_number| refused())?;
        HostPort::new(host, port).map_err(|_none| refused())
    }
}

impl FromStr for SourceSettings {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let text = text.trim();
        let source = if let Some(list) = text.strip_prefix("static:") {
            let addresses: Result<Vec<_>, _> =
                list.split(',').map(|address| address.trim().parse()).collect();
            SourceSettings::Static(addresses?)
        } else if text == "multicast" || text.starts_with("multicast:") || text.starts_with("multicast?") {
            SourceSettings::Multicast(multicast(text)?)
        } else if let Some(path) = text.strip_prefix("folder:") {
            SourceSettings::Directory(DirectorySettings::Folder(path.into()))
        } else if let Some(place) = text.strip_prefix("s3://") {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            SourceSettings::Directory(DirectorySettings::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            })
        } else {
            return Err(SettingsError::Kind {
                text: text.to_owned(),
            });
        };
        source.check()?;
        Ok(source)
    }
}

fn multicast(text: &str) -> Result<MulticastSettings, SettingsError> {
    let refuse = |reason: String| SettingsError::Multicast {
        text: text.to_owned(),
        reason,
    };
    let rest = text.strip_prefix("multicast").unwrap_or(text);
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let place = place.strip_prefix(':').unwrap_or("");
    let no_group = || {
        let reason = format!("{place:?} is no multicast group; write GROUP or GROUP:PORT");
        refuse(reason)
    };
    let group = if place.is_empty() && !rest.starts_with(':') {
        SocketAddr::new(MULTICAST_GROUP_DEFAULT, MULTICAST_PORT_DEFAULT)
    } else if let Ok(group) = place.parse() {
        group
    } else {
        let bare = place.strip_prefix('[').and_then(|place| place.strip_suffix(']'));
        let group = bare.unwrap_or(place).parse().map_err(|_none| no_group())?;
        SocketAddr::new(group, MULTICAST_PORT_DEFAULT)
    };
    let mut settings = MulticastSettings {
        group,
        ttl: MULTICAST_TTL_DEFAULT,
        interface: None,
    };
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("ttl", ttl)) => {
                let reason = || refuse(format!("ttl is {ttl:?}; choose a number from 0 to 255"));
                settings.ttl = ttl.parse().map_err(|_none| reason())?;
            }
            Some(("interface", name)) => {
                let address = name.parse().map(Interface::Address);
                let interface = address.or_else(|_none| name.parse().map(Interface::Number));
                let reason = || {
                    refuse(format!(
                        "{name:?} is neither the address nor the number of an interface"
                    ))
                };
                settings.interface = Some(interface.map_err(|_none| reason())?);
            }
            _ => {
                return Err(refuse(format!(
                    "{option:?} is no option; there are ttl=N and interface=ADDRESS"
                )));
            }
        }
    }
    Ok(settings)
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for SourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceSettings::Static(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "static:{}", addresses.join(","))
            }
            SourceSettings::Multicast(multicast) => multicast.fmt(f),
            SourceSettings::Directory(directory) => directory.fmt(f),
        }
    }
}

impl fmt::Display for MulticastSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "multicast:{}", self.group)?;
        let mut options = Vec::new();
        if self.ttl != MULTICAST_TTL_DEFAULT {
            options.push(format!("ttl={}", self.ttl));
        }
        match self.interface {
            Some(Interface::Address(address)) => options.push(format!("interface={address}")),
            Some(Interface::Number(number)) => options.push(format!("interface={number}")),
            None => {}
        }
        if options.is_empty() {
            return Ok(());
        }
        write!(f, "?{}", options.join("&"))
    }
}

impl fmt::Display for DirectorySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DirectorySettings::Folder(path) => write!(f, "folder:{}", path.display()),
            DirectorySettings::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
#[path = "settings_test.rs"]
mod tests;
