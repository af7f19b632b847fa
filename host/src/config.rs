//! The configuration file. An unknown key is an error: a typing mistake must not become a default.

use eyesonly_web::origin::PublicUrl;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The reason why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error(
        "{path}: {source}. Name the configuration with --config FILE; one line is enough: \
         data = \"eyesonly-data\""
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The error from the system.
        source: std::io::Error,
    },
    /// The file is not a configuration.
    #[error("{path}: {message}")]
    Form {
        /// The file.
        path: PathBuf,
        /// The fault, with line and key.
        message: String,
    },
}

/// The settings. Paths are relative to the folder of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address that viewers and cameras connect to.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// The folder that everything is kept in.
    pub data: PathBuf,
    /// The folder with `thumbnail.wasm` and `events.wasm`. None: the handlers that the binary
    /// brings along.
    #[serde(default)]
    pub components: Option<PathBuf>,
    /// The address at which metrics are read. None: metrics are not served.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    /// The most bytes of sealed extents that are kept in memory.
    #[serde(default = "memory_tier_bytes")]
    pub memory_tier_bytes: u64,
    /// The most bytes of sealed live chunks that are kept in memory. One household has an eighth.
    #[serde(default = "live_memory_bytes")]
    pub live_memory_bytes: u64,
    /// The most bytes of sealed extents that are kept on the local disk, for a store that is far
    /// away. 0: none are kept.
    #[serde(default)]
    pub disk_tier_bytes: u64,
    /// The bytes of the disk that uploads leave free, for the ledger and the database. None: 1 GiB
    /// or 1 % of the disk, whichever is more.
    #[serde(default)]
    pub reserve_bytes: Option<u64>,
    /// The days for which the access ledger keeps its entries.
    #[serde(default = "ledger_days")]
    pub ledger_days: u32,
    /// The length of a session.
    #[serde(default = "session_seconds")]
    pub session_seconds: u64,
    /// The address that people open in their browser, where a proxy changes it on the way:
    /// `https://cameras.example`. With https, cookies are `Secure`.
    #[serde(default)]
    pub public_url: Option<PublicUrl>,
    /// The proxies before the edge. They are believed who a client is; without any, nobody is.
    #[serde(default)]
    pub proxy: ProxyConfig,
    /// Certificate and key. Without them the edge speaks plain HTTP.
    pub tls: Option<TlsConfig>,
}

/// The proxies before the edge.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// Their addresses and networks.
    #[serde(default)]
    pub addresses: Vec<Network>,
    /// The header in which they say who the client is. It is one that they always write, because a
    /// client could write the other one.
    #[serde(default)]
    pub header: Forwarded,
}

/// A network, as `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(pub IpNet);

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let one = || text.parse::<IpAddr>().map(IpNet::from);
        let read = text.parse().or_else(|_| one());
        read.map(Self).map_err(|_| "this must be an address or a network, as 10.0.0.1 or fd00::/8")
    }
}

/// The header in which a proxy says who its client is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forwarded {
    /// `X-Forwarded-For`, which most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The PEM files for TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

fn live_memory_bytes() -> u64 {
    512 * 1024 * 1024
}

/// The days for which the access ledger keeps its entries, unless others are configured.
pub const LEDGER_DAYS_DEFAULT: u32 = 180;

fn ledger_days() -> u32 {
    LEDGER_DAYS_DEFAULT
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn memory_tier_bytes() -> u64 {
    64 * 1024 * 1024
}

fn session_seconds() -> u64 {
    7 * 24 * 3600
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// The file can't be read, or it is not a configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let mut config: Self = toml::from_str(&text).map_err(|e| ConfigError::Form {
            path: path.into(),
            message: e.to_string().trim_end().to_owned(),
        })?;
        config
            .check()
            .map_err(|message| ConfigError::Form { path: path.into(), message: message.into() })?;
        config.set_out_from(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Refuses what has the right form but can't be meant.
    fn check(&self) -> Result<(), &'static str> {
        if self.data.as_os_str().is_empty() {
            return Err("`data` is empty: name the folder that everything is kept in");
        }
        if self.data.starts_with("~") {
            return Err("`data`: ~ is the shell's, and is not known here; write the whole path");
        }
        if self.ledger_days == 0 {
            return Err("`ledger_days` is 0, so that nobody could say who saw what");
        }
        if self.session_seconds == 0 {
            return Err("`session_seconds` is 0, so that nobody could stay signed in");
        }
        if self.metrics == Some(self.listen) && self.listen.port() != 0 {
            return Err("`metrics` and `listen` are one address; each needs its own");
        }
        Ok(())
    }

    /// Joins relative paths to `folder`. So a command means the same installation wherever it is
    /// run from.
    fn set_out_from(&mut self, folder: &Path) {
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        for path in tls.chain([&mut self.data]).chain(&mut self.components) {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        match (toml::from_str::<Config>(text), expected) {
            (Ok(config), Ok(data)) => assert_eq!(config.data, PathBuf::from(data)),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, expected) => panic!("{text}: {got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn paths_are_of_the_configurations_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eyesonly.toml");
        let text = "data = \"d\"\ncomponents = \"/c\"\n[tls]\ncertificate = \"chain.pem\"\n\
            key = \"../key.pem\"\n";
        std::fs::write(&path, text).unwrap();
        let config = Config::read(&path).unwrap();
        let tls = config.tls.unwrap();
        assert_eq!(config.data, folder.path().join("d"));
        assert_eq!(config.components, Some(PathBuf::from("/c")));
        assert_eq!(tls.certificate, folder.path().join("chain.pem"));
        assert_eq!(tls.key, folder.path().join("../key.pem"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eyesonly.toml");
        let check = |text: &str, expected: Option<&str>| {
            std::fs::write(&path, text).unwrap();
            let said = Config::read(&path).err().map(|error| error.to_string());
            let fits = match (&said, expected) {
                (Some(said), Some(part)) => said.contains(part) && said.contains("eyesonly.toml"),
                (said, expected) => said.is_none() && expected.is_none(),
            };
            assert!(fits, "{text}: {said:?}");
        };
        check("data = \"d\"\nsession_seconds = 1", None);
        check("data = \"d\"\nsession_seconds = 0", Some("`session_seconds` is 0"));
        check("data = \"\"", Some("`data` is empty"));
        check("data = \"~/footage\"", Some("write the whole path"));
        check("data = \"d\"\nmetrics = \"127.0.0.1:8080\"", Some("each needs its own"));
        let both = "listen = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"";
        check(&format!("data = \"d\"\n{both}"), None);
    }

    #[test]
    fn a_proxy_has_an_address_or_a_network() {
        let check = |text: &str, expected: Option<&str>| {
            let read = Network::try_from(text.to_owned());
            assert_eq!(read.ok().map(|read| read.0.to_string()).as_deref(), expected, "{text}");
        };
        check("10.0.0.1", Some("10.0.0.1/32"));
        check("fd00::1", Some("fd00::1/128"));
        check("fd00::/8", Some("fd00::/8"));
        let wrong = ["", "10.0.0.1:80", "10.0.0.0/33", "proxy.example", "[fd00::1]"];
        for wrong in wrong {
            check(wrong, None);
        }
    }

    #[test]
    fn unknown_and_missing_keys_are_named() {
        check("data = \"d\"", Ok("d"));
        check("", Err("missing field `data`"));
        check("data = \"d\"\nlisten_on = \"x\"", Err("unknown field `listen_on`"));
        check(
            "data = \"d\"\n[tls]\ncertificate = \"c\"\nkey = \"k\"\npassword = \"p\"",
            Err("unknown field `password`"),
        );
        check("data = \"d\"\nlisten = \"here\"", Err("invalid socket address"));
    }
}
