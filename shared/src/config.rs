//! The settings of a function, all read here from its environment.

use std::env;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use url::Url;

use crate::https::Roots;
use crate::route::BasePath;
use crate::store::{self, TableNames};

/// What a function needs to know before its first request.
#[derive(Clone, Debug)]
pub struct Config {
    /// The token issuer, and how long its keys are cached.
    pub issuer: IssuerConfig,
    /// The names of the tables that the function uses.
    pub tables: TableNames,
    /// The path below which a custom domain has the API.
    pub base_path: BasePath,
    /// DynamoDB's endpoint, region and credentials. Lambda puts region and credentials into the
    /// environment, so a cold start skips the SDK's own search for them (profiles, processes,
    /// metadata services).
    pub aws: SdkConfig,
    /// Trusted root certificates: Mozilla's, or those in `AWS_CA_BUNDLE`.
    pub roots: Roots,
}

/// The issuer of access tokens, and how long its keys are cached.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// The issuer: the `iss` of its tokens, and the beginning of its key set's URL.
    pub issuer: Issuer,
    /// The API identifier that a token's `aud` must contain.
    pub audience: String,
    /// How long a fetched key set is trusted.
    pub cache: Duration,
    /// The minimum time between two fetches of the key set.
    pub cooldown: Duration,
}

impl IssuerConfig {
    /// The cache time if `JWKS_CACHE_SECONDS` is not set.
    pub const CACHE: Duration = Duration::from_secs(600);
    /// The minimum time between two fetches if `JWKS_COOLDOWN_SECONDS` is not set.
    pub const COOLDOWN: Duration = Duration::from_secs(60);
    /// The maximum of both settings: a day.
    const MAX_SECONDS: u64 = 86_400;

    /// The configuration for this issuer and API, with the default times.
    pub fn new(issuer: Issuer, audience: impl Into<String>) -> Self {
        Self {
            issuer,
            audience: audience.into(),
            cache: Self::CACHE,
            cooldown: Self::COOLDOWN,
        }
    }
}

/// An issuer's URL: `https://<domain>/`, or a full `http://…/` URL for local use. It always ends
/// with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// The URL, exactly as a token's `iss` must spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of the issuer's key set.
    pub fn key_set_url(&self) -> Url {
        let url = format!("{}.well-known/jwks.json", self.0);
        Url::parse(&url)
            .unwrap_or_else(|error| unreachable!("an issuer was read as a URL: {error}"))
    }
}

impl FromStr for Issuer {
    type Err = &'static str;

    fn from_str(domain: &str) -> Result<Self, Self::Err> {
        const RULE: &str =
            "must be a domain (your-tenant.eu.auth0.com), or a http:// URL for local use";
        let url = if domain.starts_with("http://") {
            domain.to_owned()
        } else {
            format!("https://{domain}")
        };
        let url = format!("{}/", url.strip_suffix('/').unwrap_or(&url));
        let parsed = Url::parse(&url).map_err(|_| RULE)?;
        let bare = parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
        // A URL that parses to the same text has no default port, upper case or stray character.
        let anonymous = parsed.username().is_empty() && parsed.password().is_none();
        if bare && anonymous && parsed.as_str() == url {
            Ok(Self(url))
        } else {
            Err(RULE)
        }
    }
}

/// All settings that are missing or malformed, so that one look at the log is enough to fix them.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings: {}", self.0.join("; "))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the settings from the process's environment; `tables` names the variables that hold
    /// table names.
    ///
    /// # Errors
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub(crate) fn from_env(tables: &[&'static str]) -> Result<Self, ConfigError> {
        Self::read(tables, variable)
    }

    fn read(
        tables: &[&'static str],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader {
            variable: &variable,
            problems: Vec::new(),
        };
        let issuer = read_issuer(&mut reader);
        let tables = tables
            .iter()
            .filter_map(|setting| Some((*setting, reader.required(setting)?)))
            .collect();
        let base_path = reader.parsed("BASE_PATH").unwrap_or_default();
        let aws = read_aws(&mut reader);
        let roots = read_roots(&mut reader);
        match (issuer, aws, roots) {
            (Some(issuer), Some(aws), Some(roots)) if reader.problems.is_empty() => Ok(Self {
                issuer,
                tables,
                base_path,
                aws,
                roots,
            }),
            _ => Err(ConfigError(reader.problems)),
        }
    }
}

/// Reads the variables that Lambda sets for the SDK. The credentials stay the same for the life of
/// an environment.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn read_aws(reader: &mut Reader<'_>) -> Option<SdkConfig> {
    let region = reader.required("AWS_REGION");
    let (key, secret) = (
        reader.required("AWS_ACCESS_KEY_ID"),
        reader.required("AWS_SECRET_ACCESS_KEY"),
    );
    let token = reader.optional("AWS_SESSION_TOKEN");
    let credentials = Credentials::new(key?, secret?, token, None, "environment");
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region?))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(reader.optional("AWS_ENDPOINT_URL_DYNAMODB"));
    // The SDK reads these two by way of `aws-config`, which this configuration does without.
    // <https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html>
    config.set_use_fips(Some(reader.flag("AWS_USE_FIPS_ENDPOINT")));
    config.set_use_dual_stack(Some(reader.flag("AWS_USE_DUALSTACK_ENDPOINT")));
    let config = config.build();
    // Only these three can contradict each other: a cold start need not resolve the endpoint twice.
    let is_usual = config.endpoint_url().is_none()
        && config.use_fips() != Some(true)
        && config.use_dual_stack() != Some(true);
    if !is_usual && store::endpoint(&config).is_none() {
        reader.problems.push(NO_ENDPOINT.to_owned());
    }
    Some(config)
}

/// The error if the SDK has no endpoint for the settings: it accepts a URL with neither of the two
/// flags, and knows which regions have which endpoints.
const NO_ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB, AWS_USE_FIPS_ENDPOINT, \
    AWS_USE_DUALSTACK_ENDPOINT and AWS_REGION lead to no endpoint";

/// Reads the setting that the AWS command line and the SDKs use for this, too.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>
fn read_roots(reader: &mut Reader<'_>) -> Option<Roots> {
    match reader.optional("AWS_CA_BUNDLE") {
        None => Some(Roots::public()),
        Some(file) => reader.checked("AWS_CA_BUNDLE", Roots::read(file.as_ref())),
    }
}

impl IssuerConfig {
    /// Reads only the two times: how long keys are cached, and the minimum time between fetches.
    ///
    /// # Errors
    /// [`ConfigError`] with each of the two that is malformed.
    pub fn times_from_env() -> Result<(Duration, Duration), ConfigError> {
        let mut reader = Reader {
            variable: &variable,
            problems: Vec::new(),
        };
        let times = read_times(&mut reader);
        if reader.problems.is_empty() {
            Ok(times)
        } else {
            Err(ConfigError(reader.problems))
        }
    }
}

fn read_times(reader: &mut Reader<'_>) -> (Duration, Duration) {
    let cache = reader.seconds("JWKS_CACHE_SECONDS", IssuerConfig::CACHE);
    (
        cache,
        reader.seconds("JWKS_COOLDOWN_SECONDS", IssuerConfig::COOLDOWN),
    )
}

fn read_issuer(reader: &mut Reader<'_>) -> Option<IssuerConfig> {
    let issuer = reader.required("AUTH0_DOMAIN");
    let issuer = issuer.and_then(|domain| reader.checked("AUTH0_DOMAIN", domain.parse::<Issuer>()));
    let audience = reader.required("API_AUDIENCE");
    let (cache, cooldown) = read_times(reader);
    Some(IssuerConfig {
        issuer: issuer?,
        audience: audience?,
        cache,
        cooldown,
    })
}

/// Reads an environment variable. A value that is not UTF-8 does not count as missing: its invalid
/// bytes become U+FFFD.
fn variable(name: &str) -> Option<String> {
    Some(env::var_os(name)?.to_string_lossy().into_owned())
}

/// Reads variables and collects their errors. An empty variable counts as missing.
struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.problems.push(format!("{name} is missing"));
        }
        value
    }

    fn checked<T>(&mut self, name: &str, value: Result<T, &'static str>) -> Option<T> {
        value
            .map_err(|rule| self.problems.push(format!("{name} {rule}")))
            .ok()
    }

    /// A setting's value, `None` if it is missing or malformed.
    fn parsed<T: FromStr<Err = &'static str>>(&mut self, name: &str) -> Option<T> {
        let value = self.optional(name)?;
        self.checked(name, value.parse())
    }

    /// A setting that is `true` or, by default, `false`.
    fn flag(&mut self, name: &str) -> bool {
        let value = self.optional(name).unwrap_or_default();
        let flag = match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "" | "false" => Ok(false),
            _ => Err("must be true or false"),
        };
        self.checked(name, flag).unwrap_or_default()
    }

    fn seconds(&mut self, name: &str, default: Duration) -> Duration {
        let Some(value) = self.optional(name) else {
            return default;
        };
        let seconds = value
            .parse()
            .ok()
            .filter(|seconds| *seconds <= IssuerConfig::MAX_SECONDS);
        let seconds = seconds.ok_or("must be a whole number of seconds from 0 to 86400");
        self.checked(name, seconds)
            .map_or(default, Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&["ACTORS_TABLE", "MOVIES_TABLE"], |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_domain_becomes_an_issuer_url_with_a_trailing_slash() {
        let check = |domain: &str, issuer: Option<&str>| {
            assert_eq!(
                domain.parse::<Issuer>().ok().as_ref().map(Issuer::as_str),
                issuer,
                "{domain}"
            );
        };
        check(
            "your-tenant.eu.auth0.com",
            Some("https://your-tenant.eu.auth0.com/"),
        );
        check(
            "your-tenant.eu.auth0.com/",
            Some("https://your-tenant.eu.auth0.com/"),
        );
        check("http://127.0.0.1:3001", Some("http://127.0.0.1:3001/"));
        check("http://localhost:3001/", Some("http://localhost:3001/"));
        for domain in [
            "",
            "/",
            "https://a.example",
            "a.example/path",
            "a.example?x",
            "a example",
            "A.example",
            "u@a.example",
        ] {
            check(domain, None);
        }
    }

    #[test]
    fn the_key_set_url_is_the_issuers_well_known_path() {
        let issuer: Issuer = "tenant.example".parse().unwrap();
        assert_eq!(
            issuer.key_set_url().as_str(),
            "https://tenant.example/.well-known/jwks.json"
        );
    }

    #[test]
    fn all_missing_and_malformed_settings_are_reported_together() {
        let bad = [
            ("API_AUDIENCE", ""),
            ("BASE_PATH", "/v1"),
            ("AWS_USE_FIPS_ENDPOINT", "yes"),
            ("JWKS_CACHE_SECONDS", "soon"),
            ("AWS_CA_BUNDLE", "/no/such/file"),
        ];
        let error = read(&bad).unwrap_err().to_string();
        for name in [
            "AUTH0_DOMAIN is missing",
            "API_AUDIENCE is missing",
            "ACTORS_TABLE is missing",
            "MOVIES_TABLE is missing",
            "AWS_REGION is missing",
            "AWS_ACCESS_KEY_ID is missing",
            "AWS_SECRET_ACCESS_KEY is missing",
            "BASE_PATH must",
            "JWKS_CACHE_SECONDS must",
            "AWS_CA_BUNDLE must name a file of PEM certificates",
        ] {
            assert!(error.contains(name), "{error}");
        }
    }

    const NEEDED: [(&str, &str); 7] = [
        ("AUTH0_DOMAIN", "tenant.example"),
        ("API_AUDIENCE", "casting-agency"),
        ("ACTORS_TABLE", "actors"),
        ("MOVIES_TABLE", "movies"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];

    /// The URL to which a call goes with these settings and the needed ones.
    async fn url_of_a_call(settings: &[(&str, &str)]) -> String {
        let config = read(&[&NEEDED, settings].concat()).unwrap();
        let client = store::client(&config.aws, &crate::https::Https::new(&config.roots));
        let (sender, receiver) = std::sync::mpsc::channel();
        let never_sent = client
            .list_tables()
            .customize()
            .map_request(move |request| {
                sender.send(request.uri().to_owned()).unwrap();
                Err::<aws_smithy_runtime_api::client::orchestrator::HttpRequest, _>(std::fmt::Error)
            });
        never_sent.send().await.unwrap_err();
        let url = receiver.recv().unwrap();
        assert_eq!(store::endpoint(&config.aws).unwrap().as_str(), url);
        url
    }

    #[tokio::test]
    async fn calls_and_the_first_connection_go_to_the_endpoint_that_the_settings_ask_for() {
        let (fips, dual) = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT");
        for (settings, url) in [
            (&[][..], "https://dynamodb.us-east-1.amazonaws.com/"),
            (
                &[(fips, "false"), (dual, "FALSE")],
                "https://dynamodb.us-east-1.amazonaws.com/",
            ),
            (
                &[(fips, "true")],
                "https://dynamodb-fips.us-east-1.amazonaws.com/",
            ),
            (&[(dual, "true")], "https://dynamodb.us-east-1.api.aws/"),
            (
                &[(fips, "true"), (dual, "true")],
                "https://dynamodb-fips.us-east-1.api.aws/",
            ),
            (
                &[(
                    "AWS_ENDPOINT_URL_DYNAMODB",
                    "https://vpce-1.dynamodb.example",
                )],
                "https://vpce-1.dynamodb.example/",
            ),
        ] {
            assert_eq!(url_of_a_call(settings).await, url, "{settings:?}");
        }
    }

    #[test]
    fn settings_that_lead_to_no_endpoint_are_an_error() {
        let url = (
            "AWS_ENDPOINT_URL_DYNAMODB",
            "https://vpce-1.dynamodb.example",
        );
        for flag in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            let error = read(&[&NEEDED[..], &[url, (flag, "true")]].concat()).unwrap_err();
            assert_eq!(error, ConfigError(vec![NO_ENDPOINT.to_owned()]), "{flag}");
        }
    }

    #[test]
    fn cache_and_cool_down_times_have_defaults_and_can_be_set() {
        let config = read(&NEEDED).unwrap();
        assert_eq!(
            (config.issuer.cache, config.issuer.cooldown),
            (IssuerConfig::CACHE, IssuerConfig::COOLDOWN)
        );
        let set = [
            NEEDED.as_slice(),
            &[("JWKS_CACHE_SECONDS", "5"), ("JWKS_COOLDOWN_SECONDS", "1")],
        ]
        .concat();
        let config = read(&set).unwrap();
        assert_eq!(
            (config.issuer.cache, config.issuer.cooldown),
            (Duration::from_secs(5), Duration::from_secs(1))
        );
    }
}
