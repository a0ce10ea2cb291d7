//! What may be opened: a VRT is text that anyone may upload, and a path in it is a wish, not a permission.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Which sources a check may open. By default any regular file of this machine but those of the system, and nothing on
/// a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcePolicy {
    /// Whether sources on a network are opened (with the feature `gdal`).
    pub follow_remote: bool,
    /// Where sources must lie, links followed. Where there are any, nothing else is opened, and naming it is a finding.
    pub data_directories: Vec<PathBuf>,
    /// Hosts that sources may name. Where there are any, another one is a finding, and is not asked.
    pub allowed_hosts: Vec<String>,
    /// How long GDAL may take for a request to a source on a network: 30 seconds where nothing is stated here, nor in
    /// `GDAL_HTTP_TIMEOUT`. GDAL itself waits for ever.
    pub timeout: Option<Duration>,
}

/// Why a local path is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// It belongs to the operating system.
    System,
    /// It lies in no data directory.
    Outside,
}

/// Directories of which no file is a raster that somebody published: devices and what the kernel makes up, settings,
/// programs, logs.
const SYSTEM: [&str; 13] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/var/log",
    "/var/run",
    "/var/spool",
];
/// Names of directories that hold keys and passwords.
const SECRET: [&str; 4] = [".aws", ".gnupg", ".kube", ".ssh"];

/// The policy with its directories as the file system knows them.
pub(crate) struct Policy<'a> {
    pub(crate) given: &'a SourcePolicy,
    directories: Vec<PathBuf>,
}

impl<'a> Policy<'a> {
    pub(crate) fn new(given: &'a SourcePolicy) -> Self {
        let directories = given.data_directories.iter();
        let directories =
            directories.map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone())).collect();
        Self { given, directories }
    }

    /// Whether a path may be opened. Links must have been followed in it as far as they exist.
    pub(crate) fn forbids(&self, path: &Path) -> Option<Forbidden> {
        if is_of_the_system(path) {
            return Some(Forbidden::System);
        }
        let inside =
            self.directories.is_empty() || self.directories.iter().any(|directory| path.starts_with(directory));
        (!inside).then_some(Forbidden::Outside)
    }

    /// Whether the host of a source is in the list, where there is one.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        let hosts = &self.given.allowed_hosts;
        hosts.is_empty() || hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// Whether a path leads into a directory of the operating system, or of secrets.
pub(crate) fn is_of_the_system(path: &Path) -> bool {
    let is_secret = |component: Component<'_>| SECRET.iter().any(|name| component.as_os_str() == *name);
    // Removable disks are mounted below the one, whatever else is there.
    let is_system = SYSTEM.iter().any(|directory| path.starts_with(directory)) && !path.starts_with("/run/media");
    is_system || path.components().any(is_secret)
}

/// A path without `.` and `..`, as they are resolved where no link is in the way.
pub(crate) fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir if plain.has_root() => {}
            other => plain.push(other),
        }
    }
    plain
}

/// A source on a network, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// The path that GDAL opens.
    pub(crate) path: String,
    /// The host, or the bucket of an object store.
    pub(crate) host: String,
}

/// The place on a network that a path names: a URL, or a path of one of GDAL's network file systems. `None` for any
/// other path, such as one of a file system that hides another one inside.
pub(crate) fn remote(path: &str) -> Option<Remote> {
    let lower = path.to_ascii_lowercase();
    let url = |rest: &str| {
        let (scheme, rest) = rest.split_once("://")?;
        matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ftp").then_some(())?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority.rsplit('@').next()?;
        let host = if host.starts_with('[') { host.split(']').next()? } else { host.split(':').next()? };
        Some(host.trim_start_matches('[').to_owned())
    };
    if let Some(host) = url(path) {
        return Some(Remote { path: format!("/vsicurl/{path}"), host });
    }
    for prefix in ["/vsicurl/", "/vsicurl_streaming/"] {
        if lower.starts_with(prefix) {
            return Some(Remote { path: path.to_owned(), host: url(path.get(prefix.len()..)?)? });
        }
    }
    let stores = ["/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift", "/vsiwebhdfs", "/vsihdfs"];
    let store = stores.iter().find(|store| lower.starts_with(*store))?;
    let rest = path.get(store.len()..)?.trim_start_matches("_streaming").trim_start_matches('/');
    Some(Remote { path: path.to_owned(), host: rest.split('/').next().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(without_dots(Path::new("/data/a/../../../etc/./hostname")), Path::new("/etc/hostname"));
        assert_eq!(without_dots(Path::new("../a/../b.tif")), Path::new("../b.tif"));
    }

    #[test]
    fn the_system_is_never_opened() {
        let given = SourcePolicy::default();
        let policy = Policy::new(&given);
        for path in [
            "/etc/passwd",
            "/proc/self/environ",
            "/var/log/syslog",
            "/dev/zero",
            "/home/a/.ssh/id_rsa",
            "/run/secrets/key",
        ] {
            assert_eq!(policy.forbids(Path::new(path)), Some(Forbidden::System), "{path}");
        }
        for path in ["/data/a.tif", "/home/a/etc/b.tif", "/devices/a.tif", "/run/media/a/b.tif", "a.tif"] {
            assert_eq!(policy.forbids(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn nothing_outside_a_data_directory() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().canonicalize().unwrap();
        let given = SourcePolicy { data_directories: vec![directory.path().to_owned()], ..SourcePolicy::default() };
        let policy = Policy::new(&given);
        assert_eq!(policy.forbids(&inside.join("a.tif")), None);
        assert_eq!(policy.forbids(Path::new("/srv/a.tif")), Some(Forbidden::Outside));
        let beside = PathBuf::from(format!("{}x/a.tif", inside.display()));
        assert_eq!(policy.forbids(&beside), Some(Forbidden::Outside));
    }

    #[test]
    fn hosts_of_sources() {
        let host = |path: &str| remote(path).map(|remote| remote.host);
        assert_eq!(host("https://user:key@data.example.org:8080/a.tif?x=1").as_deref(), Some("data.example.org"));
        assert_eq!(host("/vsicurl/http://[::1]/a.tif").as_deref(), Some("::1"));
        assert_eq!(host("/vsis3/bucket/a.tif").as_deref(), Some("bucket"));
        assert_eq!(host("/vsigs_streaming/bucket/a.tif").as_deref(), Some("bucket"));
        for other in ["/vsizip/a.zip/a.tif", "a.tif", "PG:host=x", "/vsicurl?file=x", "file:///etc/passwd"] {
            assert_eq!(remote(other), None, "{other}");
        }
        let given = SourcePolicy { allowed_hosts: vec!["data.example.org".to_owned()], ..SourcePolicy::default() };
        assert!(Policy::new(&given).allows_host("DATA.example.org"));
        assert!(!Policy::new(&given).allows_host("169.254.169.254"));
    }
}
