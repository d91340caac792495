//! The identity service's pages. They load nothing from other sites.

use super::{Role, Tokens};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#1d2433;background:#f6f7f9}\
    main{background:#fff;border:1px solid #d9dde5;border-radius:10px;padding:1.5rem 2rem}h1{font-size:1.4rem;margin-top:0}\
    button{display:block;width:100%;border:1px solid #b9c1d0;border-radius:8px;padding:.7rem 1rem;margin:.6rem 0;\
    font:inherit;text-align:left;color:inherit;background:none;cursor:pointer}\
    button:hover,button:focus{border-color:#2b59c3;background:#eef3ff}button b{display:block;color:#2b59c3}\
    small{color:#5b6477}textarea{width:100%;height:9rem;font:13px/1.4 ui-monospace,monospace;box-sizing:border-box}code{font-size:.9em}";

/// The home page, with links to the other pages.
pub(super) fn home(tokens: &Tokens) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("audience", tokens.audience())
        .append_pair("response_type", "token")
        .append_pair("client_id", "local")
        .append_pair("redirect_uri", &format!("{}callback", tokens.issuer()))
        .finish();
    let link = escaped(&format!("/authorize?{query}"));
    page(
        "Identity service",
        &format!(
            "<p>This stands in for the Auth0 tenant of the Casting Agency.</p><p><a href=\"{link}\">Sign in</a></p>\
             <p><a href=\"/docs\">Read the API's documentation, and try it as each role</a></p>"
        ),
    )
}

/// The sign-in page: the user picks a role instead of entering a password. If a role was not
/// confirmed, the page says so.
///
/// Each role is a form button, because browsers send `Origin` with a POST to any address.
pub(super) fn sign_in(query: &str, redirect_uri: &str, unconfirmed: bool) -> String {
    let mut body = String::from(
        "<p>Pick a role. On a real tenant this is where you would enter a password.</p>",
    );
    if unconfirmed {
        body += "<p><b>No token was issued:</b> the browser did not confirm that the role was picked on this page. \
                 Pick it here. Without a browser, <code>cargo run -q -p local -- token</code> prints a token, and so does \
                 <code>POST /oauth/token</code>.</p>";
    }
    body += "<form method=\"post\">";
    for role in Role::ALL {
        let action = escaped(&format!("/authorize?{}", with_role(query, role)));
        let permissions: Vec<_> = role
            .permissions()
            .into_iter()
            .map(|permission| permission.as_str())
            .collect();
        let permissions = if permissions.is_empty() {
            "no permission".to_owned()
        } else {
            permissions.join(", ")
        };
        body += &format!(
            "<button formaction=\"{action}\"><b>{}</b><small>{permissions}</small></button>",
            role.title()
        );
    }
    body += &format!(
        "</form><p><small>You return to {}</small></p>",
        escaped(redirect_uri)
    );
    page("Sign in to the Casting Agency", &body)
}

/// The page that asks a user whom nobody but a link asks to sign out.
pub(super) fn sign_out(query: &str, role: Role) -> String {
    let action = escaped(&format!("/oidc/logout?{query}"));
    page(
        "Sign out?",
        &format!(
            "<p>You are signed in as {}.</p><form method=\"post\" action=\"{action}\"><button><b>Sign out</b></button></form>",
            role.title()
        ),
    )
}

/// The page after signing out, if there is no client to return to.
pub(super) fn signed_out() -> String {
    page(
        "Signed out",
        "<p>You can close this page.</p><p><a href=\"/\">Sign in again</a></p>",
    )
}

/// The page for an invalid request.
pub(super) fn problem(problem: &str) -> String {
    page(
        "That did not work",
        &format!(
            "<p>{}.</p><p><a href=\"/\">Start again</a></p>",
            escaped(problem)
        ),
    )
}

/// The page to return to if there is no client: it shows the token in the URL's fragment, or what
/// else has come back.
pub(super) fn callback() -> String {
    page(
        "Signed in",
        "<p>Your access token, for <code>Authorization: Bearer …</code>:</p><textarea id=\"token\" readonly></textarea>\
         <p><a href=\"/\">Sign in again</a></p><script>const back=new URLSearchParams(location.hash.slice(1)||location.search);\
         document.getElementById('token').value=back.get('access_token')||(back.has('code')?'A code, not a token: '+back.get('code'):\
         back.get('error_description')||'No token in the address.')</script>",
    )
}

/// The request's parameters with this role.
fn with_role(query: &str, role: Role) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "role");
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .append_pair("role", role.user_name())
        .finish()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1>{body}</main></html>"
    )
}

/// Escapes a text for HTML, attributes included.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
