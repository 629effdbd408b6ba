//! The object store that a directory of members is in.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::time::timeout;

use super::record::RECORD_LEN_MAX;
use super::roll::Listed;
use crate::DirectorySettings;

/// How long a store may take for one operation.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most keys that are looked at.
const KEYS_MAX: usize = 10_000;
/// What all keys of members begin with, in the folder or after the bucket's prefix.
const SERVERS: &str = "servers";

/// The keys of one cluster's members in an object store.
#[derive(Debug)]
pub(super) struct Store {
    store: Arc<dyn ObjectStore>,
    keys: Path,
    /// Whether a listing goes on after an entry that cannot be read: in a folder anything may lie around, while in a
    /// bucket it means that the rest is missing.
    skips_bad_entries: bool,
}

impl Store {
    /// Opens the place where the settings say that it is.
    ///
    /// # Errors
    /// Why that does not work now.
    pub(super) async fn open(
        settings: &DirectorySettings,
        cluster: &str,
        writes: bool,
    ) -> Result<Self, String> {
        match settings {
            DirectorySettings::Folder(path) => {
                let path = path.clone();
                let open = move || {
                    if writes {
                        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
                    }
                    LocalFileSystem::new_with_prefix(&path).map_err(|error| error.to_string())
                };
                let store = tokio::task::spawn_blocking(open);
                let store = store.await.map_err(|error| error.to_string())??;
                Ok(Store {
                    store: Arc::new(store),
                    keys: Path::from(SERVERS).join(cluster),
                    skips_bad_entries: true,
                })
            }
            #[cfg(feature = "s3")]
            DirectorySettings::S3 { bucket, prefix } => {
                use object_store::aws::AmazonS3Builder;
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
                check_endpoint(&builder)?;
                let store = builder.build().map_err(|error| error.to_string())?;
                Ok(Store {
                    store: Arc::new(store),
                    keys: Path::from(prefix.as_str()).join(SERVERS).join(cluster),
                    skips_bad_entries: false,
                })
            }
            #[cfg(not(feature = "s3"))]
            DirectorySettings::S3 { .. } => Err("this program was built without S3".to_owned()),
        }
    }

    /// The key with this name.
    pub(super) fn key(&self, name: String) -> Path {
        self.keys.clone().join(name)
    }

    /// What lies there, up to a limit.
    ///
    /// # Errors
    /// Why it cannot be said.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, String> {
        let list = async {
            let mut objects = self.store.list(Some(&self.keys)).take(KEYS_MAX);
            let mut listed = Vec::new();
            while let Some(object) = objects.next().await {
                match object {
                    Ok(object) if object.size <= RECORD_LEN_MAX => listed.push(as_listed(object)),
                    Ok(object) => {
                        tracing::debug!(key = %object.location, size = object.size, "too long for a record");
                    }
                    Err(error) if self.skips_bad_entries => {
                        tracing::debug!(%error, "an entry of the folder cannot be read");
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(listed)
        };
        within(list).await
    }

    /// What a key holds; `None` when it is not there any more.
    ///
    /// # Errors
    /// Why it cannot be said.
    pub(super) async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let read = async {
            let found = match self.store.get(&Path::from(key)).await {
                Ok(found) => found,
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.to_string()),
            };
            if found.meta.size > RECORD_LEN_MAX {
                return Err(format!(
                    "it grew to {} bytes, too long for a record",
                    found.meta.size
                ));
            }
            let bytes = found.bytes().await.map_err(|error| error.to_string())?;
            Ok(Some(bytes.to_vec()))
        };
        within(read).await
    }

    /// Writes a key whole: who reads it gets what was there before, or this.
    ///
    /// # Errors
    /// Why that was not done.
    pub(super) async fn write(&self, key: &Path, bytes: Vec<u8>) -> Result<(), String> {
        let write = async {
            let written = self.store.put(key, bytes.into()).await;
            written.map(|_| ()).map_err(|error| error.to_string())
        };
        within(write).await
    }

    /// Takes a key away. One that is not there is no error.
    ///
    /// # Errors
    /// Why that was not done.
    pub(super) async fn remove(&self, key: &Path) -> Result<(), String> {
        let remove = async {
            match self.store.delete(key).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        };
        within(remove).await
    }
}

/// The library panics at the first request to an endpoint that is no URL, and says little about one without encryption.
#[cfg(feature = "s3")]
fn check_endpoint(builder: &object_store::aws::AmazonS3Builder) -> Result<(), String> {
    use object_store::ClientConfigKey;
    use object_store::aws::AmazonS3ConfigKey;
    let Some(endpoint) = builder.get_config_value(&AmazonS3ConfigKey::Endpoint) else {
        return Ok(());
    };
    let place = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"));
    let is_url = place.is_some_and(|place| {
        !place.is_empty()
            && place
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._:[]/%~".contains(c))
    });
    if !is_url {
        return Err(format!(
            "the endpoint {endpoint:?} is no URL; set AWS_ENDPOINT to one such as https://storage.example:9000"
        ));
    }
    let allow = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
    let allowed = builder.get_config_value(&allow);
    let allowed =
        allowed.is_some_and(|allowed| matches!(allowed.as_str(), "true" | "1" | "yes" | "on" | "y" | "t"));
    if endpoint.starts_with("http://") && !allowed {
        return Err(format!(
            "the endpoint {endpoint:?} is without encryption; use https, or accept that with AWS_ALLOW_HTTP=true"
        ));
    }
    Ok(())
}

fn as_listed(object: ObjectMeta) -> Listed {
    Listed {
        key: object.location.to_string(),
        modified_ms: object.last_modified.timestamp_millis(),
        tag: object.e_tag,
    }
}

async fn within<T>(operation: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let answer = timeout(STORE_TIMEOUT, operation).await;
    answer.unwrap_or_else(|_elapsed| Err(format!("the store did not answer within {STORE_TIMEOUT:?}")))
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use object_store::aws::AmazonS3Builder;

    use super::*;

    #[test]
    fn an_endpoint_that_cannot_work_is_told() {
        let check = |endpoint: &str, allow| {
            let builder = AmazonS3Builder::new()
                .with_endpoint(endpoint)
                .with_allow_http(allow);
            check_endpoint(&builder)
        };
        for (endpoint, allow) in [
            ("https://s3.example:9000", false),
            ("https://[::1]/path", false),
            ("http://127.0.0.1:9000", true),
        ] {
            assert_eq!(check(endpoint, allow), Ok(()), "{endpoint}");
        }
        assert_eq!(check_endpoint(&AmazonS3Builder::new()), Ok(()));
        for endpoint in ["s3.example", "https://", "https://a b", "ftp://a", "https://a?b"] {
            let error = check(endpoint, true).unwrap_err();
            assert!(error.contains("AWS_ENDPOINT"), "{error}");
        }
        let error = check("http://127.0.0.1:9000", false).unwrap_err();
        assert!(error.contains("AWS_ALLOW_HTTP=true"), "{error}");
    }
}
