//! Where the database is.

use clap::Args;
use store::{DatabaseParts, DatabaseUrl};

use crate::Result;

/// PostgreSQL in place of the database in the home; the server is told the same.
#[derive(Clone, Default, Args)]
pub struct DatabaseArguments {
    /// postgresql://user:password@host:port/database; ?schema=NAME puts the tables elsewhere than into klinecast, sslmode and
    /// sslrootcert are libpq's.
    #[arg(
        long,
        global = true,
        env = "DB_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub database_url: String,
    /// PostgreSQL's host, where no --database-url is given.
    #[arg(long, global = true, env = "DB_HOST", default_value = "", hide_default_value = true)]
    pub database_host: String,
    /// PostgreSQL's port; 5432 if nothing is said.
    #[arg(long, global = true, env = "DB_PORT", default_value = "", hide_default_value = true)]
    pub database_port: String,
    /// PostgreSQL's user.
    #[arg(long, global = true, env = "DB_USER", default_value = "", hide_default_value = true)]
    pub database_user: String,
    /// PostgreSQL's password; better by the environment, flags are seen by others.
    #[arg(
        long,
        global = true,
        env = "DB_PASSWORD",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub database_password: String,
    /// PostgreSQL's database; klinecast if nothing is said.
    #[arg(long, global = true, env = "DB_NAME", default_value = "", hide_default_value = true)]
    pub database_name: String,
}

impl DatabaseArguments {
    /// The address that was asked for; `None` is the database in the home.
    ///
    /// # Errors
    /// When it is none.
    pub fn url(&self) -> Result<Option<DatabaseUrl>> {
        let parts = DatabaseParts {
            host: &self.database_host,
            port: &self.database_port,
            user: &self.database_user,
            password: &self.database_password,
            name: &self.database_name,
        };
        Ok(DatabaseUrl::chosen(&self.database_url, parts)?)
    }
}

impl std::fmt::Debug for DatabaseArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password may be in it.
        f.write_str("DatabaseArguments")
    }
}
