//! Where the datasets are, and `restore`.

use clap::Args;
use store::{DatasetStore, FolderDatasets, S3Datasets};

use super::BundlesArguments;
use crate::Result;

/// Where the folder in a bucket is not named.
const FOLDER: &str = "datasets";

/// Where the klines of each data version are kept.
#[derive(Debug, Clone, Default, Args)]
pub struct DatasetsArguments {
    /// Keep the klines of each data version there: s3://bucket/folder, on the server and by the key of the bundles, or a folder.
    /// Without it they are in the database alone.
    #[arg(long, global = true, env = "KLINECAST_DATASETS", default_value = "", hide_default_value = true)]
    pub datasets: String,
}

/// `restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArguments {
    /// The data version, or the beginning of its digits.
    pub dataset: String,
}

impl DatasetsArguments {
    /// The place, if one was named; nothing is sent yet.
    ///
    /// # Errors
    /// When it is none.
    pub fn store(&self, server: &BundlesArguments) -> Result<Option<Box<dyn DatasetStore>>> {
        let address = self.datasets.as_str();
        if address.is_empty() {
            return Ok(None);
        }
        if !address.contains("://") {
            return Ok(Some(Box::new(FolderDatasets::new(address))));
        }
        let bucket = address.strip_prefix("s3://").filter(|bucket| !bucket.contains('/'));
        let whole = bucket.map_or_else(|| address.to_owned(), |bucket| format!("s3://{bucket}/{FOLDER}"));
        let place = server.place_at(&whole)?;
        Ok(place.map(|place| Box::new(S3Datasets::new(place)) as Box<dyn DatasetStore>))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket_of_the_bundles_server() {
        let server = BundlesArguments {
            minio_endpoint: "minio:9000".to_owned(),
            minio_access_key: "ada".to_owned(),
            minio_secret_key: "hidden".to_owned(),
            ..BundlesArguments::default()
        };
        let place = |address: &str, server: &BundlesArguments| {
            let arguments = DatasetsArguments { datasets: address.to_owned() };
            match arguments.store(server) {
                Ok(found) => found.map_or_else(|| "none".to_owned(), |store| store.place()),
                Err(error) => error.to_string(),
            }
        };
        for (address, expected) in [
            ("", "none"),
            ("data/sets", "data/sets"),
            ("s3://market", "s3://market/datasets at http://minio:9000"),
            ("s3://market/a/b", "s3://market/a/b at http://minio:9000"),
        ] {
            assert_eq!(place(address, &server), expected);
        }
        assert!(place("http://market", &server).contains("s3://"));
        let told = place("s3://market", &BundlesArguments { minio_secret_key: String::new(), ..server });
        assert!(told.contains("MINIO_SECRET_KEY") && !told.contains("hidden"), "{told}");
    }
}
