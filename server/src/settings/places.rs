//! What is kept elsewhere than in the home's folder: the database, the bundles, the registry.

use store::{DatabaseParts, DatabaseUrl, MlflowParts, MlflowPlace, Places, S3Parts, S3Place};

use super::Reader;

/// Reads them.
pub(super) fn read(reader: &mut Reader<'_>) -> Places {
    Places { database: database(reader), bundles: bundles(reader), registry: registry(reader) }
}

fn database(reader: &mut Reader<'_>) -> Option<DatabaseUrl> {
    let part = |name: &str| reader.text(&format!("database.{name}"));
    let [url, host, port, user, password, name] =
        ["url", "host", "port", "user", "password", "name"].map(part);
    let parts = DatabaseParts { host: &host, port: &port, user: &user, password: &password, name: &name };
    DatabaseUrl::chosen(&url, parts).unwrap_or_else(|error| {
        reader.refuse(if url.is_empty() { "database.host" } else { "database.url" }, &error);
        None
    })
}

fn bundles(reader: &mut Reader<'_>) -> Option<S3Place> {
    let part = |name: &str| reader.text(&format!("bundles.{name}"));
    let [address, endpoint, access_key, secret_key, session_token] =
        ["address", "endpoint", "access_key", "secret_key", "session_token"].map(part);
    let [bucket, region, secure, root_certificate] =
        ["bucket", "region", "secure", "root_certificate"].map(part);
    let parts = S3Parts {
        address: &address,
        endpoint: &endpoint,
        access_key: &access_key,
        secret_key: &secret_key,
        session_token: &session_token,
        bucket: &bucket,
        region: &region,
        secure: &secure,
        root_certificate: &root_certificate,
    };
    S3Place::chosen(parts).unwrap_or_else(|error| {
        reader.refuse(if address.is_empty() { "bundles.endpoint" } else { "bundles.address" }, &error);
        None
    })
}

fn registry(reader: &mut Reader<'_>) -> Option<MlflowPlace> {
    let part = |name: &str| reader.text(&format!("mlflow.{name}"));
    let [uri, username, password, token, root_certificate, model] =
        ["tracking_uri", "username", "password", "token", "root_certificate", "model"].map(part);
    let parts = MlflowParts {
        uri: &uri,
        username: &username,
        password: &password,
        token: &token,
        root_certificate: &root_certificate,
        model: &model,
        experiment: "",
    };
    MlflowPlace::chosen(parts).unwrap_or_else(|error| {
        reader.refuse("mlflow.tracking_uri", &error);
        None
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Settings, SettingsError, Sources, resolve};

    fn settings(flags: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut sources = Sources::default();
        for (path, text) in flags {
            sources.flags.insert((*path).to_owned(), (*text).to_owned());
        }
        Settings::from_resolved(&resolve(&sources)?)
    }

    #[test]
    fn a_database_is_chosen_by_its_address_or_its_parts() -> Result<(), SettingsError> {
        assert_eq!(settings(&[])?.places.database, None);
        let by_parts = settings(&[
            ("database.host", "db"),
            ("database.user", "ada"),
            ("database.password", "s3cret"),
            ("database.name", "market"),
        ])?;
        let by_url = settings(&[("database.url", "postgresql://ada:s3cret@db:5432/market")])?;
        assert_eq!(by_parts.places.database, by_url.places.database);
        assert!(by_url.places.database.is_some() && !format!("{by_url:?}").contains("s3cret"));
        for fault in [
            &[("database.password", "s3cret")][..],
            &[("database.url", "postgresql://ada:s3cret@db:x/market")][..],
        ] {
            let told = settings(fault).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(told.contains("database.") && !told.contains("s3cret"), "{told}");
        }
        Ok(())
    }

    #[test]
    fn a_bucket_and_mlflow_are_chosen_and_their_secrets_not_shown() -> Result<(), SettingsError> {
        let given = [
            ("bundles.endpoint", "minio:9000"),
            ("bundles.access_key", "s3cret-name"),
            ("bundles.secret_key", "s3cret"),
            ("mlflow.tracking_uri", "http://mlflow:5000"),
            ("mlflow.token", "s3cret"),
        ];
        let places = settings(&given)?.places;
        assert!(
            places.bundles.is_some()
                && places.registry.is_some()
                && !format!("{places:?}").contains("s3cret")
        );
        let flags = given.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let sources = Sources { flags, ..Sources::default() };
        let printed = resolve(&sources)?.to_string();
        assert!(printed.contains("endpoint = \"minio:9000\"") && !printed.contains("s3cret"), "{printed}");
        for (fault, part) in [
            (&given[1..3], "MINIO_ENDPOINT"),
            (&given[..2], "MINIO_SECRET_KEY"),
            (&[("mlflow.tracking_uri", "http://ada:s3cret@mlflow")][..], "MLFLOW_TRACKING_USERNAME"),
            (&[("bundles.endpoint", "http://ada:s3cret@minio")][..], "MINIO_ENDPOINT"),
        ] {
            let told = settings(fault).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(told.contains(part) && !told.contains("s3cret"), "{told}");
        }
        Ok(())
    }
}
