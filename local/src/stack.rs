//! Starts and stops the services.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use serde_json::Value;
use shared::auth::Verifier;
use shared::config::{Issuer, IssuerConfig};
use shared::https::{Https, Roots};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::{self, Hosts};
use crate::console::{self, Config};
use crate::gateway::Functions;
use crate::home::Home;
use crate::identity::{self, Clients, RedirectUri, Role, SigningKey, TOKEN_SECONDS, Tokens};
use crate::{database, docs, dynamodb, gateway, upgrade};

/// The longest time that the services get to finish running requests when the stack stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What to start.
pub struct Options {
    /// The address that all services listen on and use in their URLs.
    pub address: IpAddr,
    /// Host names that requests may use besides the address, `localhost` and the loopback
    /// addresses.
    pub hosts: Vec<String>,
    /// Where each service listens.
    pub ports: Ports,
    /// The folder for data, key and log; without one, nothing is kept.
    pub home: Option<PathBuf>,
    /// The identity service's signing key. By default the home's, or a new one if there is no home.
    pub key: Option<Arc<SigningKey>>,
    /// The API identifier (`aud`) that tokens must have.
    pub audience: String,
    /// How long the stack's own tokens are valid, in seconds.
    pub token_seconds: i64,
    /// The addresses of applications that the stack's own identity service may redirect to.
    pub redirect_uris: Vec<RedirectUri>,
    /// How long the issuer's keys are trusted.
    pub cache: Duration,
    /// The minimum time between two fetches of the issuer's keys.
    pub cooldown: Duration,
    /// The issuer to trust instead of the stack's own identity service.
    pub issuer: Option<Issuer>,
    /// The console's client id at that issuer; without one, there is no console.
    pub console_client: Option<String>,
    /// The DynamoDB URL that the functions use, if not the stack's own. Tests put a proxy there.
    pub dynamodb: Option<String>,
}

impl Options {
    /// Options for a stack on free ports that keeps nothing and has its own identity service.
    pub fn in_memory() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            hosts: Vec::new(),
            ports: Ports {
                api: 0,
                identity: 0,
                dynamodb: 0,
                console: 0,
            },
            home: None,
            key: None,
            audience: crate::AUDIENCE.to_owned(),
            token_seconds: TOKEN_SECONDS,
            redirect_uris: Vec::new(),
            cache: IssuerConfig::CACHE,
            cooldown: IssuerConfig::COOLDOWN,
            issuer: None,
            console_client: None,
            dynamodb: None,
        }
    }
}

/// The four ports; 0 picks a free one.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// The API's.
    pub api: u16,
    /// The identity service's.
    pub identity: u16,
    /// DynamoDB's.
    pub dynamodb: u16,
    /// The console's.
    pub console: u16,
}

/// A running stack. Dropping it stops it at once; [`Stack::stop`] lets running requests finish.
pub struct Stack {
    /// The console's URL, without a trailing slash, if there is a console.
    pub console: Option<String>,
    /// The API's URL, without a trailing slash.
    pub api: String,
    /// The identity service's URL, likewise, if there is one.
    pub identity: Option<String>,
    /// The issuer whose tokens the API accepts.
    pub issuer: String,
    /// DynamoDB's URL, also without a trailing slash.
    pub dynamodb: String,
    /// Issues tokens as the identity service does, if there is one.
    pub tokens: Option<Tokens>,
    functions: Arc<Functions>,
    client: Client,
    stopping: watch::Sender<bool>,
    services: JoinSet<()>,
    home: Option<Home>,
}

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the port.
    #[error("port {port} is already in use; free it, or choose another with {flag}")]
    PortTaken {
        /// The port.
        port: u16,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// The address to listen on is not an address of this machine.
    #[error("{address} is not an address of this machine; choose another with --listen")]
    Address {
        /// The address.
        address: IpAddr,
    },
    /// The port cannot be used for another reason.
    #[error("port {port} cannot be used ({cause}); choose another with {flag}")]
    Port {
        /// The port.
        port: u16,
        /// The flag that chooses another.
        flag: &'static str,
        /// Why.
        cause: io::Error,
    },
    /// The folder for data and key cannot be used.
    #[error("{path}: {cause}")]
    Home {
        /// The folder or the file in it.
        path: String,
        /// Why.
        cause: String,
    },
    /// Something else failed that should work on any machine.
    #[error("{0}")]
    Other(String),
}

impl Stack {
    /// Starts the services, and returns once all of them accept requests.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (api, api_address) = listen(options.address, options.ports.api, "--port").await?;
        let (store, dynamodb_address) =
            listen(options.address, options.ports.dynamodb, "--dynamodb-port").await?;
        let identity = match options.issuer {
            Some(_) => None,
            None => Some(listen(options.address, options.ports.identity, "--identity-port").await?),
        };
        let console_client = match &options.issuer {
            Some(_) => options.console_client,
            None => Some(console::CLIENT_ID.to_owned()),
        };
        let console = match &console_client {
            Some(_) => {
                Some(listen(options.address, options.ports.console, "--console-port").await?)
            }
            None => None,
        };
        let hosts = Hosts::new(options.address, options.hosts);
        let (stopping, stopped) = watch::channel(false);
        let mut services = JoinSet::new();

        let home = options.home.as_deref().map(Home::open).transpose()?;
        if let Some(home) = home.as_ref().filter(|home| home.has_no_database()) {
            home.create_database(&empty_database().await?)?;
        }
        let database = match &home {
            Some(home) => home.database()?,
            None => Database::memory().map_err(other)?,
        };
        let service =
            access::only_for(&hosts, access::without_browsers(dynamodb::router(database)));
        services.spawn(serve(store, service, stopped.clone()));
        let client = database::client(&format!("http://{dynamodb_address}"));
        database::create_tables(&client).await.map_err(other)?;
        // The tables of an in-memory stack are new.
        if let Some(home) = &home {
            upgrade::upgrade_tables(&client)
                .await
                .map_err(|error| home.unusable_table(error))?;
        }

        let issuer = match (&options.issuer, &identity) {
            (Some(issuer), _) => issuer.clone(),
            (None, Some((_, address))) => format!("http://{address}")
                .parse()
                .map_err(|rule: &str| other(rule))?,
            (None, None) => return Err(other("no issuer")),
        };
        let demo_command = identity
            .as_ref()
            .map(|(_, identity_address)| console::demo_command(api_address, *identity_address));
        let mut console_address = None;
        if let (Some((listener, address)), Some(client_id)) = (console, console_client) {
            let service = console::router(&Config {
                api: format!("http://{api_address}"),
                issuer: issuer.as_str().to_owned(),
                client_id,
                audience: options.audience.clone(),
                demo_command,
            });
            let service = access::only_for(&hosts, access::never_framed(service));
            services.spawn(serve(listener, service, stopped.clone()));
            console_address = Some(address);
        }

        let mut tokens = None;
        let mut identity_url = None;
        if let Some((listener, address)) = identity {
            let key = match (options.key, &home) {
                (Some(key), _) => key,
                (None, Some(home)) => Arc::new(home.signing_key()?),
                (None, None) => Arc::new(SigningKey::generate().map_err(other)?),
            };
            let issued = Tokens::new(key, issuer.as_str(), &options.audience)
                .with_lifetime(options.token_seconds);
            let clients = Clients {
                hosts: hosts.clone(),
                port: address.port(),
                console_port: console_address.map_or(0, |address| address.port()),
                redirect_uris: options.redirect_uris,
            };
            let pages = identity::router(issued.clone(), clients)
                .merge(docs::router(&format!("http://{api_address}"), &issued));
            let service = access::only_for(&hosts, access::never_framed(pages));
            services.spawn(serve(listener, service, stopped.clone()));
            tokens = Some(issued);
            identity_url = Some(format!("http://{address}"));
        }

        let issuer_url = issuer.as_str().to_owned();
        let config = IssuerConfig {
            issuer,
            audience: options.audience,
            cache: options.cache,
            cooldown: options.cooldown,
        };
        let verifier = Arc::new(Verifier::new(&config, &Https::new(&Roots::public())));
        let dynamodb_url = format!("http://{dynamodb_address}");
        let functions_client = options
            .dynamodb
            .as_ref()
            .map_or_else(|| client.clone(), |url| database::client(url));
        let functions = Arc::new(Functions::new(&functions_client, &verifier));
        let service = access::only_for(&hosts, gateway::router(Arc::clone(&functions)));
        services.spawn(serve(api, service, stopped));

        Ok(Self {
            console: console_address.map(|address| format!("http://{address}")),
            api: format!("http://{api_address}"),
            identity: identity_url,
            issuer: issuer_url,
            dynamodb: dynamodb_url,
            tokens,
            functions,
            client,
            stopping,
            services,
            home,
        })
    }

    /// A client of the stack's DynamoDB.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends an event directly to one of the eight functions, without the gateway, and returns its
    /// response.
    ///
    /// # Errors
    /// If there is no such function, or on what Lambda would call a function error.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, String> {
        let function = self
            .functions
            .named(function)
            .ok_or("there is no such function")?;
        function.invoke(event.to_string()).await
    }

    /// Writes a file of request headers with a new token for each role, if the stack issues tokens
    /// and has a home.
    ///
    /// # Errors
    /// [`StartError::Home`] if a file cannot be written.
    pub fn write_headers(&self) -> Result<Vec<(Role, PathBuf)>, StartError> {
        let (Some(home), Some(tokens)) = (&self.home, &self.tokens) else {
            return Ok(Vec::new());
        };
        let write = |role: Role| {
            let token = tokens.issue(role).map_err(StartError::Other)?;
            Ok((role, home.write_headers(role.user_name(), &token)?))
        };
        [Role::Assistant, Role::Director, Role::Producer]
            .into_iter()
            .map(write)
            .collect()
    }

    /// Empties and opens the request log, if the stack has a home.
    ///
    /// # Errors
    /// [`StartError::Home`] if it cannot be written.
    pub fn log(&self) -> Result<Option<(PathBuf, File)>, StartError> {
        self.home.as_ref().map(Home::log).transpose()
    }

    /// Lets running requests finish, for at most two seconds, and stops.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let ended = async { while self.services.join_next().await.is_some() {} };
        // Dropping the set aborts whatever still runs.
        drop(tokio::time::timeout(STOP_TIMEOUT, ended).await);
    }
}

/// A database in memory with the stack's tables and no rows.
///
/// The first start copies it to its file in one step. If it created the tables in the file, a start
/// that is interrupted between two of them would leave a database that no start can use.
async fn empty_database() -> Result<Database, StartError> {
    let database = Database::memory().map_err(other)?;
    let (listener, address) = listen(Ipv4Addr::LOCALHOST.into(), 0, "--dynamodb-port").await?;
    let service = access::without_browsers(dynamodb::router(database.clone()));
    let (stopping, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, service, stopped));
    let client = database::client(&format!("http://{address}"));
    database::create_tables(&client).await.map_err(other)?;
    upgrade::upgrade_tables(&client).await.map_err(other)?;
    stopping.send_replace(true);
    serving.abort();
    Ok(database)
}

fn other(cause: impl ToString) -> StartError {
    StartError::Other(cause.to_string())
}

async fn listen(
    address: IpAddr,
    port: u16,
    flag: &'static str,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = TcpListener::bind((address, port)).await;
    let listener = bound.map_err(|cause| match cause.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { port, flag },
        io::ErrorKind::AddrNotAvailable => StartError::Address { address },
        _ => StartError::Port { port, flag, cause },
    })?;
    let address = listener.local_addr().map_err(other)?;
    Ok((listener, address))
}

async fn serve(listener: TcpListener, service: axum::Router, stopped: watch::Receiver<bool>) {
    // No error to handle: serving on a loopback listener ends only when the stack stops.
    drop(
        axum::serve(listener, service)
            .with_graceful_shutdown(wait(stopped))
            .await,
    );
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}
