#!/usr/bin/env python3
"""Switches off one rule of the code at a time and checks that a test notices.

Each mutation replaces one piece of source, runs the tests that stand for the rule, and puts the source back. A mutation that
no test notices fails the run. It works on a copy of the tree, so the checkout stays as it is.

    scripts/mutants.py [--only WORD] [--target-dir DIR]
    scripts/mutants.py --check      only checks that each piece of source is there, once
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNIT = ["-p", "shared", "--lib"]
API = ["-p", "tests", "--test", "api"]
LOCAL = ["-p", "local", "--lib"]
STACK = ["-p", "local", "--test", "stack"]
COMMAND = ["-p", "local", "--bin", "local"]
CLI = ["-p", "casting", "--lib"]
CLI_COMMAND = ["-p", "casting", "--bin", "casting"]
TRANSFER = ["-p", "casting", "--test", "transfer"]
DOCTOR = ["-p", "casting", "--test", "doctor"]

TOKEN = "shared/src/auth/token.rs"
JWK = "shared/src/auth/jwk.rs"
KEYS = "shared/src/auth/keys.rs"
MOVIE_STORE = "shared/src/store/movies.rs"
CURSOR = "shared/src/endpoint/cursor.rs"
FIND = "shared/src/store/find.rs"
FINDING = "shared/src/model/find.rs"
FOLD = "shared/src/model/fold.rs"
DELETE = "shared/src/store/delete.rs"
QUERY = "shared/src/endpoint/query.rs"
AUTH = "shared/src/auth/mod.rs"
TABLE = "shared/src/store/table.rs"
WRITE = "shared/src/store/write.rs"
CONDITION = "shared/src/store/condition.rs"
LIST = "shared/src/store/list.rs"
LIST_QUERY = "shared/src/store/list_query.rs"
WITH_CREDITS = "shared/src/store/with_credits.rs"
HTTPS = "shared/src/https.rs"
TOKEN_CACHE = "shared/src/auth/token_cache.rs"
CREATION = "shared/src/store/creation.rs"
RETRY = "shared/src/store/retry.rs"
PRECONDITION = "shared/src/endpoint/precondition.rs"
PREFERENCE = "shared/src/endpoint/preference.rs"
BODY = "shared/src/endpoint/body.rs"
ERROR = "shared/src/error.rs"
FORM = "shared/src/model/form.rs"
CLIENT = "cli/src/api.rs"
CANONICAL = "cli/src/canonical.rs"
COLUMNS = "cli/src/csv/columns.rs"
RECORDS = "cli/src/csv/records.rs"
DATE = "cli/src/date.rs"
EXPORT = "cli/src/export.rs"
IMPORT = "cli/src/import.rs"
JSON_LINES = "cli/src/json_lines.rs"
MEMBERS = "cli/src/members.rs"
OUTPUT = "cli/src/output.rs"
PAGES = "cli/src/pages.rs"
BACKUP = "cli/src/backup/mod.rs"
BACKUP_FOLDER = "cli/src/backup/folder.rs"
BACKUP_CHANGES = "cli/src/backup/changes.rs"
BACKUP_WALK = "cli/src/backup/walk.rs"
RECORD = "cli/src/backup/record.rs"
RESTORE = "cli/src/restore/mod.rs"
RESTORE_CHECK = "cli/src/restore/check.rs"
RESTORE_CAST = "cli/src/restore/cast.rs"
JOURNAL = "cli/src/restore/journal.rs"
VERIFY = "cli/src/restore/verify.rs"
ROW = "cli/src/row.rs"
ROWS = "cli/src/rows.rs"
TERMINAL = "cli/src/terminal.rs"
IMPORT_COMMAND = "cli/src/commands/import.rs"
EXPORT_COMMAND = "cli/src/commands/export.rs"
INTERRUPTION = "cli/src/commands/interruption.rs"
HOME = "local/src/home.rs"
ACCESS = "local/src/access.rs"
GRANT = "local/src/identity/grant.rs"
AUTHORIZE = "local/src/identity/authorize.rs"
CLIENTS = "local/src/identity/clients.rs"
CODE = "local/src/identity/code.rs"
KEPT = "local/src/identity/kept.rs"
SIGNED_IN = "local/src/identity/signed_in.rs"
LOGOUT = "local/src/identity/logout.rs"
CORS = "local/src/identity/cors.rs"

# (the rule that is switched off, file, source, replacement, tests)
MUTATIONS = [
    # 1. The token
    ("one Authorization header", AUTH, "if values.next().is_some()", "if false", (UNIT, "auth")),
    ("the scheme is Bearer", AUTH, '!scheme.eq_ignore_ascii_case("bearer") ||', "", (UNIT, "auth")),
    ("a token is at most 8 KiB", TOKEN, "token.len() > MAX_TOKEN_BYTES", "false", (UNIT, "auth")),
    ("no name stands twice", "shared/src/auth/json.rs", "object.insert(name, value).is_some()", "{ object.insert(name, value); false }", (UNIT, "auth")),
    ("alg is RS256", TOKEN, 'header.get("alg").and_then(Value::as_str) != Some("RS256")', "false", (UNIT, "auth")),
    ("crit is refused", TOKEN, '["crit", "b64"', '["b64"', (UNIT, "auth")),
    ("cty is refused", TOKEN, '"enc", "cty"]', '"enc"]', (UNIT, "auth")),
    ("typ is an access token's", TOKEN, 'if !header.get("typ").is_none_or(is_access_token_type)', "if false", (UNIT, "auth")),
    ("typ is compared without case", TOKEN, "typ.eq_ignore_ascii_case(known)", "typ == *known", (UNIT, "auth")),
    ("kid is not empty", TOKEN, ".filter(|kid| !kid.is_empty());", ";", (UNIT, "auth")),
    ("iss is the issuer", TOKEN, 'self.text("iss") != Some(issuer)', "false", (UNIT, "auth")),
    ("aud is this API", TOKEN, '!is_for(self.claims.get("aud"), audience)', "false", (UNIT, "auth")),
    ("aud holds strings alone", TOKEN, "several.iter().all(Value::is_string)\n                &&", "", (UNIT, "auth")),
    ("exp lies ahead", TOKEN, "now >= expiry + LEEWAY_SECONDS", "false", (UNIT, "auth")),
    ("exp is near", TOKEN, "expiry > now + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS", "false", (UNIT, "auth")),
    ("nbf is past", TOKEN, 'self.not_in_the_future("nbf", now)?;', "", (UNIT, "auth")),
    ("iat is past", TOKEN, 'self.not_in_the_future("iat", now)?;', "", (UNIT, "auth")),
    ("sub is not empty", TOKEN, ".filter(|subject| !subject.is_empty())", "", (UNIT, "auth")),
    ("the signature is checked", AUTH, "token.is_signed_by(&key)", "true", (API, "authorization")),
    ("the permission is checked", "shared/src/endpoint/mod.rs", "if claims.permissions.contains(permission)", "if true", (API, "permissions")),
    ("showing the other resource takes its permission", "shared/src/permission.rs", "if self.contains(R::READ)", "if true", (API, "permissions")),
    ("a cast in a body takes the permission, valid or not", "shared/src/model/form.rs", "Some(missing) => Err(FormError::PermissionMissing(missing)),", "Some(_) => self.fields(whole).map_err(FormError::Fields),", (API, "permissions")),
    ("a parameter takes the permission, valid or not", QUERY, "Some(missing) => Err(Error::PermissionMissing(missing)),", "Some(_) => Ok(whole),", (API, "permissions")),
    ("a missing permission does not tell whether the row exists", "shared/src/endpoint/mod.rs", "Err(error) if !matches!(error, Error::PermissionMissing(_)) => {", "Err(error) => {", (API, "permissions")),
    # Behind a custom domain, and other endpoints of DynamoDB
    ("base path: it precedes the next page after an id", QUERY, '"{base_path}{path}?after={}', '"{path}?after={}', (API, "base_path")),
    ("base path: it precedes the next page after a cursor", QUERY, '"{base_path}{path}?{scope}', '"{path}?{scope}', (API, "base_path")),
    ("base path: the default route knows it", "shared/src/route.rs", "=> (&self.0, rest),", "=> (&self.0, raw_path),", (API, "base_path")),
    ("base path: it is whole segments", "shared/src/route.rs", "Some(rest) if rest.starts_with('/') =>", "Some(rest) if !self.0.is_empty() =>", (UNIT, "route")),
    ("endpoint: FIPS is asked for", "shared/src/config.rs", "config.set_use_fips(Some(reader.flag(\"AWS_USE_FIPS_ENDPOINT\")));", "", (UNIT, "config")),
    ("endpoint: the first connection goes there too", "shared/src/store/client.rs", ".set_use_dual_stack(config.use_dual_stack())", "", (UNIT, "config")),
    ("endpoint: settings that contradict each other are refused", "shared/src/config.rs", "if !is_usual && store", "if false && store", (UNIT, "config")),
    # 2. The key set
    ("keys are for signatures", JWK, 'usage == "sig"', "true", (UNIT, "auth")),
    ("keys may verify", JWK, 'operation == "verify"', "true", (UNIT, "auth")),
    ("keys are for RS256", JWK, 'alg == "RS256"', "true", (UNIT, "auth")),
    ("keys are strong", JWK, "(2048..=8192).contains(&bits(&modulus))", "true", (UNIT, "auth")),
    ("exponents are sound", JWK, "is_accepted_exponent(&exponent)", "true", (UNIT, "auth")),
    ("of two keys with one id the first counts", JWK, "keys.entry(kid).or_insert(Arc::new(key));", "keys.insert(kid, Arc::new(key));", (UNIT, "auth")),
    ("fetches are a cool-down apart", KEYS, ">= state.pause(self.cooldown)", ">= Duration::ZERO", (API, "key_set")),
    ("documents are bounded", KEYS, "if document.len() > MAX_DOCUMENT_BYTES", "if false", (API, "key_set")),
    ("encoded documents are refused", KEYS, "response.headers().contains_key(CONTENT_ENCODING)", "false", (API, "key_set")),
    ("fetches end in time", KEYS, "from_secs(3);", "from_secs(30);", (API, "key_set")),
    ("an outage is borne for an hour at most", KEYS, ".filter(|age| *age < self.cache + STALE_IF_ERROR);", ";", (UNIT, "auth")),
    ("a withdrawn key stops", KEYS, "age >= self.cache + self.cooldown", "age >= self.cache + STALE_IF_ERROR", (API, "key_set")),
    ("a fetch ahead of its need that failed does not count", KEYS, "if ahead && fetched.is_err() || now.elapsed()", "let _ = ahead;\n                if now.elapsed()", (UNIT, "auth")),
    ("memory: a token is remembered for five minutes", TOKEN_CACHE, "now < self.checked + CACHE_SECONDS", "now < self.checked + 9.0 * CACHE_SECONDS", (UNIT, "auth")),
    ("memory: a token is forgotten at exp", TOKEN_CACHE, " && now < self.claims.expiry", "", (UNIT, "auth")),
    ("memory: a clock that is put back forgets", TOKEN_CACHE, "now >= self.checked && ", "", (UNIT, "auth")),
    ("memory: a token is known by its signature too", TOKEN_CACHE, "digest(&SHA256, token.as_bytes())", 'digest(&SHA256, token.rsplit_once(\'.\').map_or(token, |(signed, _)| signed).as_bytes())', (UNIT, "auth")),
    ("memory: a token is forgotten with its key", AUTH, "&& Arc::ptr_eq(&key, &cached.key)", "", (API, "key_set")),
    ("memory: it has an end", TOKEN_CACHE, "tokens.remove(&first);", "let _ = first;", (UNIT, "auth")),
    ("roots: a file has one at least", HTTPS, "if roots.is_empty() {", "if false {", (UNIT, "https")),
    ("start: it waits for connections no longer than it may", "shared/src/app.rs", "Duration::from_millis(20);", "Duration::from_secs(60);", (["-p", "get_actors"], "")),
    # 3. Idempotency
    ("a key is looked up", CREATION, "if let Some(before) = self.created_before(key).await? {", "if let (Some(before), true) = (self.created_before(key).await?, false) {", (API, "idempotency")),
    ("row and record are one", CREATION, "let writes = vec![self.put_row(&row)?, record];", "let writes = vec![self.put_row(&row)?]; drop(record);", (API, "idempotency")),
    ("a record is written once", CREATION, '"attribute_not_exists(#id) OR #expires_at <= :now"', '"attribute_not_exists(#id) OR #expires_at <= :now OR attribute_exists(#id)"', (API, "idempotency")),
    ("the body must be the same", CREATION, "if *text(BODY_DIGEST)? != key.body", "if text(BODY_DIGEST)?.is_empty()", (API, "idempotency")),
    ("a key is the subject's", CREATION, "for part in [subject, route, key]", "for part in [route, key]", (UNIT, "store")),
    ("a key is the route's", CREATION, "for part in [subject, route, key]", "for part in [subject, key]", (UNIT, "store")),
    ("a key expires", CREATION, "<= now() {\n            return Ok(None);", "<= 0 {\n            return Ok(None);", (API, "idempotency")),
    ("ambiguous writes are not sent again", RETRY, "RetryAction::RetryForbidden\n", "RetryAction::NoActionIndicated\n", (API, "faults")),
    # 4. Preconditions
    ("PATCH checks the version", WRITE, "Change::of(changed, precondition);", "Change::of(changed, &Precondition::Exists);", (API, "preconditions")),
    ("DELETE checks the version", WRITE, "} = Condition::of(precondition);\n        let delete", "} = Condition::of({ let _ = precondition; &Precondition::Exists });\n        let delete", (API, "preconditions")),
    ("an empty PATCH checks the version", WRITE, "if precondition.admits(row.version)", "if true", (API, "preconditions")),
    ("every change is a version", CONDITION, 'format!("{set}ADD #version :one")', 'format!("{}, #version = :one", set.trim_end())', (API, "preconditions")),
    ("weak tags never match", PRECONDITION, "let digits = tag.strip_prefix('\"')?", "let tag = tag.trim_start_matches(\"W/\"); let digits = tag.strip_prefix('\"')?", (UNIT, "precondition")),
    ("a tag is of the row alone", "shared/src/endpoint/reply.rs", "let rows = [R::with_credits(found.row)];", "let found = Versioned { version: Version(found.version.0 + found.row.1.len() as u64), ..found };\n        let rows = [R::with_credits(found.row)];", (API, "preconditions")),
    ("PATCH demands the row", CONDITION, 'let mut expression = "attribute_exists(#id)".to_owned();', 'let mut expression = "(attribute_exists(#id) OR attribute_not_exists(#id))".to_owned();', (API, "store")),
    # 7. Casting and finding
    ("casting: actors are checked in the transaction", MOVIE_STORE, '.condition_expression("attribute_exists(#id)")', '.condition_expression("attribute_exists(#id) OR attribute_not_exists(#id)")', (API, "casting")),
    ("casting: unknown actors are refused", MOVIE_STORE, "if unknown.is_empty() {", "if true {", (API, "casting")),
    ("casting: a cast is computed from the version that is written", MOVIE_STORE, "Change::of(changed, &Precondition::IsOneOf(vec![seen]))", "{ let _ = seen; Change::of(changed, &Precondition::Exists) }", (API, "histories")),
    ("casting: If-Match guards a cast", MOVIE_STORE, "if !precondition.admits(seen.version)", "if false", (API, "casting")),
    ("casting: only the difference is written", MOVIE_STORE, "gone.remove(actor).as_ref() != Some(credit));", "{ let _ = credit; gone.remove(actor); true });", (API, "casting")),
    ("casting: leftovers count for nothing", MOVIE_STORE, "gone.into_keys().partition(|id| actors.contains_key(id));", "gone.into_keys().partition(|_| true);", (API, "casting")),
    ("casting: a version and its cast belong together", WITH_CREDITS, "if version != before.version", "if false", (API, "histories")),
    ("casting: gone counterparts are passed over in lists", FIND, "Err(Error::Missing) => {\n                return Ok(Page {\n                    rows: Vec::new(),\n                    next: None,\n                });\n            }", "Err(Error::Missing) => self.rows.get_all(&ids).await?,", (API, "casting")),
    ("casting: a cast that is as asked has its own version", MOVIE_STORE, "return self.get_unchanged(id, seen.version).await;", "return Ok(seen);", (API, "casting")),
    ("races: a row that was missing is read again after its credits", DELETE, "(!deleted && self.rows.exists(id).await?)", "(!deleted && false)", (API, "races")),
    ("races: a cast is refused at the version that If-Match names", MOVIE_STORE, "return self.get_unchanged(id, seen.version).await.and(Err(error));", "return Err(error);", (API, "races")),
    ("races: credits of which some are skipped are read again", WITH_CREDITS, "if self.credits.of::<C>(id).await? == credits {", "if true {", (API, "races")),
    ("races: a record that has expired is not in the way", CREATION, "ok_or(Error::Contended {", 'ok_or(Error::Failed { code: "id taken".into(),', (API, "races")),
    ("races: an upgrade overwrites no row that has changed", "local/src/upgrade.rs", "AND {unchanged}", "AND ({unchanged} OR attribute_exists(#id))", (["-p", "local", "--lib"], "upgrade")),
    ("casting: a deletion sweeps", DELETE, "matches!(deleted, Ok(()) | Err(Error::Missing))", "false", (API, "casting")),
    ("lists: no bucket is read twice", LIST, "if first.is_some() && buckets.next == first", "if false", (API, "lists")),
    ("lists: what is no row fails the list", "shared/src/store/query_page.rs", ".map(|item| (self.read)(item))\n", ".filter_map(|item| (self.read)(item).ok().map(Ok::<T, Error>))\n", (API, "store")),
    ("lists: a number is no text", "shared/src/store/query_page.rs", '"N" => value = Value::Digits', '"N" => value = Value::Text', (UNIT, "store")),
    ("finding: a gathering is complete", FIND, "let all = shards.iter().all(|shard| shard.read_to.is_none());", "let all = true;", (API, "finding")),
    ("finding: a walk ends where a shard does", FIND, "Some(end) => position <= end,", "Some(end) => position <= end || true,", (API, "finding")),
    ("finding: rows found twice come once", LIST_QUERY, "rows.dedup_by(|one, other| one.0 == other.0);", "", (API, "finding")),
    ("finding: last words count", FINDING, "|| last_word(&name).starts_with(prefix.as_str())", "", (API, "finding")),
    ("finding: articles are passed over", FINDING, "|| without_article(&title).starts_with(prefix.as_str())", "", (API, "finding")),
    ("finding: marks are dropped", FOLD, "GeneralCategoryGroup::Mark.contains(category)", "GeneralCategoryGroup::Mark.contains(category) && false", (API, "finding")),
    ("finding: letters with a stroke are folded", FOLD, "Ok(place) => folded.push_str(LATIN[place].1),", "Ok(_) => folded.push(c),", (API, "finding")),
    ("finding: a dash is a space", FOLD, "GeneralCategory::DashPunctuation => Some(' ')", "GeneralCategory::DashPunctuation => Some(c)", (API, "finding")),
    ("finding: apostrophes are one", FOLD, "_ => Some(punctuation(c)),", "_ => Some(c),", (API, "finding")),
    ("finding: the index of a filter gives the order", "shared/src/model/actor.rs", "filter.order()", "ActorOrder::Id", (API, "finding")),
    ("finding: a page is filled", FIND, "|| read_to.is_none() || left == 0", "|| true", (API, "finding")),
    ("finding: a row that matches twice is listed once", FIND, "position.starts_with(position_prefix)", "true", (API, "finding")),
    ("finding: the counter is read at the same time", LIST, "usize::try_from(ids).is_ok_and(|ids| ids < self.most)", "ids == u64::MAX", (API, "finding")),
    ("finding: a page that may be full reads no counter", LIST, "usize::try_from(ids).is_ok_and(|ids| ids < self.most)", "ids < u64::MAX", (API, "finding")),
    ("finding: after goes with no filter", QUERY, "if !is_sorted && !unfiltered", "if false", (API, "finding")),
    ("finding: a cursor holds a place of its order", QUERY, "(is_id == (order == R::Order::BY_ID))", "(is_id || order != R::Order::BY_ID)", (UNIT, "query")),
    ("upgrade: keys of an earlier format are made again", "local/src/upgrade.rs", "    if is_current {\n        filter +=", "    if true {\n        filter +=", (STACK, "upgrade")),
    ("finding: a day without a time is whole", QUERY, "ReleaseDate::parse_end", "ReleaseDate::parse", (API, "finding")),
    ("finding: descending turns ties round too", LIST_QUERY, "Reverse(&one.0).cmp(&Reverse(&other.0))", "Reverse(one.0.split('\\u{1f}').next()).cmp(&Reverse(other.0.split('\\u{1f}').next()))", (API, "finding")),
    ("finding: lists by ids are strongly consistent", LIST, ".consistent_read(bounds.consistent)", ".consistent_read(false)", (API, "finding")),
    ("finding: 900 bytes of a text are sorted by", "shared/src/store/index.rs", "const MAX_TEXT_BYTES: usize = 900;", "const MAX_TEXT_BYTES: usize = 901;", (API, "finding")),
    ("finding: a cursor is its list's", CURSOR, "(digest == digest_of(scope, position))", "(!digest.is_empty())", (API, "finding")),
    ("finding: index keys follow a change", "shared/src/store/record/actor.rs", "attributes.push((index::BY_NAME.sort, text(&index::text_key(&folded, id))));", "", (API, "finding")),
    # 8. Strict mode
    ("strict: query parameters are known", QUERY, ".filter(|_| *handling == Handling::Strict)", ".filter(|_| { let _ = handling; false })", (API, "strict")),
    ("strict: beside a body too", BODY, "Ok(_) if !unknown.is_empty() =>", "Ok(_) if unknown.len() > 9 =>", (API, "strict")),
    ("strict: of a deletion too", "functions/delete_movies/src/lib.rs", "request.no_parameters()?;", "", (API, "strict")),
    ("strict: it comes after the spelling of an id", "functions/delete_actors/src/lib.rs", "let id = request.id()?;\n        request.no_parameters()?;", "request.no_parameters()?;\n        let id = request.id()?;", (API, "strict")),
    ("strict: browsers may send Prefer", "local/src/gateway/mod.rs", ",if-match,prefer", ",if-match", (API, "template")),
    ("strict: fields are known", FORM, "if self.handling == Handling::Strict {\n            let mut seen", "if false {\n            let mut seen", (API, "strict")),
    ("strict: fields of a cast's entries are known", "shared/src/model/cast.rs", "Form::parse(json.as_bytes(), handling)", "Form::parse(json.as_bytes(), { let _ = handling; Handling::Lenient })", (API, "strict")),
    ("strict: an id is the server's", BODY, 'form.set_by_server("id");', "", (API, "strict")),
    ("strict: a name is given once", FORM, "values.next().is_some()", "values.nth(9).is_some()", (API, "strict")),
    ("strict: the first handling counts", PREFERENCE, "match values.next() {", "match values.last() {", (UNIT, "preference")),
    ("strict: commas in quotes do not count", PREFERENCE, "quoted = !quoted,", "quoted = false,", (UNIT, "preference")),
    ("strict: a quotation mark may be escaped", PREFERENCE, "escaped = quoted,", "escaped = false,", (UNIT, "preference")),
    ("strict: a success says so", "shared/src/app.rs", "Ok(Reply { handling, ..reply })", "{ let _ = handling; Ok(reply) }", (API, "strict")),
    ("strict: twenty unknown names are sent back", ERROR, "unknown <= MAX_UNKNOWN_NAMES", "unknown <= 9 * MAX_UNKNOWN_NAMES", (API, "strict")),
    ("strict: unknown names are cut", FORM, ".take(Self::MAX_UNKNOWN_CHARACTERS)", ".take(9 * Self::MAX_UNKNOWN_CHARACTERS)", (API, "strict")),
    ("strict: unknown names are not logged", ERROR, "partition(|fault| fault.has_unknown_name())", "partition(|fault| false && fault.has_unknown_name())", (API, "log")),
    # 9. Import and export
    ("import: a delimiter follows a closing quotation mark", RECORDS, "Some(next) if next != self.delimiter && !is_line_end(next)", "Some(next) if false && next != self.delimiter", (TRANSFER, "two_ways")),
    ("import: a quotation mark is closed", RECORDS, 'return Err(Problem::at(\n                    opened,\n                    "a quotation mark opens a cell here that nothing closes",\n                ));', "return Ok(cell + std::mem::take(&mut self.rest));", (CLI, "records")),
    ("import: lines end in one way", RECORDS, "if *self.end.get_or_insert(end) != end", "if false && *self.end.get_or_insert(end) != end", (CLI, "records")),
    ("import: no byte order mark begins a record", RECORDS, "if self.rest.starts_with('\\u{feff}')", "if false", (CLI, "records")),
    ("import: no NUL byte is text", ROWS, "bytes.iter().position(|byte| *byte == 0)", "bytes.iter().position(|_| false)", (CLI, "rows")),
    ("import: a date is read in one way before anything is sent", ROW, "Ok((line, Err(RowError::File(message)))) => problems.push(Problem::at(line, message)),", "Ok((line, Err(RowError::File(message)))) => rows.push(Row { line, body: Err(message), original_indexes: Vec::new() }),", (TRANSFER, "two_ways")),
    ("import: equal dates are equal rows", CANONICAL, "Ok(date) => Ok(date::iso(date)),", "Ok(_) => Ok(text.to_owned()),", (CLI, "rows")),
    ("import: a spreadsheet's own errors are no values", COLUMNS, "if guard::is_error_value(cell)", "if false", (TRANSFER, "spreadsheets")),
    ("import: a first line may name the delimiter", COLUMNS, "if !named(line) {", "if true {", (CLI, "rows")),
    ("import: cells beyond the header may be empty", COLUMNS, "!cells.iter().skip(self.width).all(is_empty)", "cells.len() > self.width", (CLI, "rows")),
    ("import: cells beyond the header may hold nothing", COLUMNS, "|| !cells.iter().skip(self.width).all(is_empty)", "", (CLI, "rows")),
    ("import: cells below no name are reported", COLUMNS, "filter(|(_, _, rows)| *rows > 0)", "filter(|(_, name, rows)| *rows > 0 && name.is_some())", (CLI, "rows")),
    ("import: an age may be 31.0", COLUMNS, "zeros.bytes().all(|byte| byte == b'0')", "zeros.len() > 99", (CLI, "rows")),
    ("import: a field spelled in another way is not ignored", JSON_LINES, "find(|field| is_spelled(name, field))", "find(|_| false)", (CLI, "json_lines")),
    ("import: no member stands twice", MEMBERS, "find(|(name, _)| !names.insert(name))", "find(|(name, _)| { names.insert(name); false })", (TRANSFER, "members")),
    ("import: unknown members are not sent", JSON_LINES, "_ if resource.has_field(&name) =>", "_ if !name.is_empty() =>", (TRANSFER, "members")),
    ("import: unknown members of a cast are not sent", JSON_LINES, "partition(|(name, _)| CREDIT.contains(&name.as_str()))", "partition(|_| true)", (TRANSFER, "members")),
    ("import: strict handling is asked for", CLIENT, '.header("prefer", "handling=strict")', "", (TRANSFER, "members")),
    ("import: a cast fits a request", JSON_LINES, "if entries.len() > MAX_CREDITS", "if false", (CLI, "json_lines")),
    ("import: advice names the run", IMPORT_COMMAND, "without the other rows, and import that file{again}.", "without the other rows, and import that file.", (TRANSFER, "advises")),
    ("import: rejected rows are imported alone", IMPORT_COMMAND, "1 row was rejected. Correct it in a file of its own\".to_owned()", "1 row was rejected. Correct it and run the same\".to_owned()", (TRANSFER, "advises")),
    ("import: 24 hours count from the beginning of the run", IMPORT_COMMAND, "let until = began + KEY_LIFE;", "let until = now + KEY_LIFE;", (CLI_COMMAND, "import")),
    ("import: rows already there have an earlier end", IMPORT_COMMAND, "match summary.replayed {", "match 0 {", (CLI_COMMAND, "import")),
    ("import: equal values are equal rows", JSON_LINES, "let stored = canonical::value(&name, value.get());", "let stored = value.get().to_owned();", (TRANSFER, "another_program")),
    ("import: equal ages are equal rows in CSV", COLUMNS, "Ok(canonical::value(field, &age))", "Ok(age)", (TRANSFER, "another_program")),
    ("import: a cast in any order is the same", CANONICAL, "credits.sort_by_key(|(_, (actor, _))| *actor);", "credits.reverse();", (CLI, "canonical")),
    ("import: a number that is nearly whole is not rounded", CANONICAL, "(significant(json) == significant(&number.to_string())).then_some(number)", "Some(number)", (CLI, "canonical")),
    ("import: a weekday agrees with its date", DATE, ".is_ok_and(|weekday| weekday == date.weekday())", ".is_ok()", (CLI, "date")),
    ("import: a date with two readings is read as neither", DATE, "if readings.all(|other| other == reading) {", "if true {", (CLI, "date")),
    ("import: null is no value", JSON_LINES, '_ if resource.has_field(&name) && value.get() == "null" => {}', "", (TRANSFER, "another_program")),
    ("import: a credit is named by its index in the file", IMPORT, "reasons(&response, &row.original_indexes)", "reasons(&response, &[])", (TRANSFER, "another_program")),
    ("import: a mistyped id of a run is an error", IMPORT, "check == check_digits(digits)", "check.len() == 2", (CLI, "import")),
    ("import: an id of a run is checked before anything is sent", IMPORT_COMMAND, ", value_parser = casting::check_run", "", (TRANSFER, "mistyped")),
    ("client: a closed terminal ends it in an orderly way", INTERRUPTION, "if ignores_hangup() {", "if ignores_hangup() || true {", (TRANSFER, "stopped")),
    ("client: nohup is respected", INTERRUPTION, "|mask| mask & 1 == 1", "|mask| mask & 1 == 9", (TRANSFER, "nohup")),
    ("client: a wait that is too long is named", CLIENT, "Some(retry_after) => Attempt::Failed(Stop::LongWait {\n                        url,\n                        status,\n                        retry_after,\n                        max_wait,\n                    }),", "Some(_) => Attempt::Failed(Stop::Busy { url, status, attempts }),", (TRANSFER, "left_alone")),
    ("client: no password is printed", CLIENT, "let shown = without_user(url);", "let shown = url;", (CLI, "password")),
    ("export: JSON lines have casts", EXPORT, '"/movies?include=cast&limit=100"', '"/movies?limit=100"', (TRANSFER, "with_its_cast")),
    ("export: a missing cast is an error", EXPORT, 'if resource == Resource::Movies && row.get("cast").is_none()', "if false", (TRANSFER, "with_its_cast")),
    ("export: casts are as import takes them", EXPORT, "CREDIT.contains(&name.as_str()) && ", "!name.is_empty() && ", (TRANSFER, "with_its_cast")),
    ("export: CSV says that it ignores casts", EXPORT, 'exported.ignored.insert("cast".into());', "", (TRANSFER, "says_what_it_ignores")),
    ("export: CSV dates are ISO 8601", EXPORT, '(column == "release_date")', '(column == "no date")', (TRANSFER, "says_what_it_ignores")),
    ("export: a byte order mark on request", EXPORT_COMMAND, "if self.bom {", "if false {", (TRANSFER, "says_what_it_ignores")),
    ("export: a file keeps its mode", OUTPUT, "file.as_file().set_permissions(plain(permissions))?;", "drop(plain(permissions));", (TRANSFER, "owners")),
    ("export: links are not followed", OUTPUT, "match (there.is_symlink(), there.is_file())", "match (false, there.is_symlink() || there.is_file())", (TRANSFER, "owners")),
    ("export: what is stopped leaves no file", OUTPUT, '.suffix(".part")', '.suffix(".part").disable_cleanup(true)', (TRANSFER, "stopped")),
    ("export: ids ascend", PAGES, "if id <= self.last", "if false", (TRANSFER, "without_an_end")),
    ("export: a page has the rows asked for", PAGES, "if page.rows.len() > limit", "if false", (TRANSFER, "without_an_end")),
    ("export: after increases", PAGES, "if after < self.last || after <= self.after", "if false", (CLI, "pages")),
    ("export: a cursor comes once", PAGES, "if !self.cursors.insert(", "if false && !self.cursors.insert(", (CLI, "pages")),
    ("export: pages with few rows have an end", PAGES, "if self.short < MAX_SHORT_PAGES {", "if true {", (CLI, "pages")),
    ("export: it says that it waits", EXPORT_COMMAND, "on_wait(move |why| last.print(why))", 'on_wait(move |_| last.print(""))', (TRANSFER, "says_that_it_waits")),
    ("export: odd dates are counted", EXPORT, 'row.get("release_date").is_some_and(is_invalid_date)', 'row.get("no date").is_some_and(is_invalid_date)', (CLI, "export")),
    ("export: a folder that is missing is named", OUTPUT, "if !folder.is_dir()", "if false", (TRANSFER, "says_that_it_waits")),
    ("export: empty pages have an end", PAGES, "if self.empty < MAX_EMPTY_PAGES {", "if true {", (CLI, "pages")),
    ("backup: a further reading follows a change", BACKUP, "if changes.count() == 0 || reading", "if changes.count() < 99 || reading", (TRANSFER, "until_it_does_not")),
    ("backup: a deleted row is a change", BACKUP_CHANGES, "self.deleted += 1;", "", (TRANSFER, "between_the_last_readings")),
    ("backup: no credit is of an unknown actor", BACKUP, ".retain(|it| actors.binary_search(&it.actor).is_ok());", ".retain(|it| it.actor > 0);", (TRANSFER, "no_credit_is")),
    ("backup: a part of a row is read again", BACKUP_FOLDER, "file.set_len(end)?;", "", (TRANSFER, "last_whole_row")),
    ("backup: it continues behind the last row", BACKUP, "Walk::new(api, resource, section.last_id)", "Walk::new(api, resource, 0)", (TRANSFER, "last_whole_row")),
    ("backup: readings of another API are not continued", BACKUP_FOLDER, "run.api == api &&", "true &&", (TRANSFER, "another_day_or_api")),
    ("backup: a busy API is asked for smaller pages", BACKUP_WALK, "|| self.limit <= MIN_LIMIT", "|| true", (TRANSFER, "smaller_ones")),
    ("backup: only its own files are removed", BACKUP_FOLDER, "is_some_and(is_ours)", "is_some_and(|it| it != \"lock\")", (TRANSFER, "another_day_or_api")),
    ("backup: the file is its owner's alone", BACKUP_FOLDER, "mode(options, 0o600)", "mode(options, 0o644)", (TRANSFER, "owner_alone")),
    ("restore: the digest is checked", RESTORE_CHECK, 'if header.digest != format!("sha256:{}", lines.digest())', 'if header.digest == format!("{}", lines.digest())', (TRANSFER, "whole_backup")),
    ("restore: the permissions are checked first", RESTORE, "    ensure_permissions(api, &file).await?;\n", "    if false {\n        ensure_permissions(api, &file).await?;\n    }\n", (TRANSFER, "before_the_first_row")),
    ("restore: a row in the journal is not sent", RESTORE, "known.contains_key(&row.id);", "known.contains_key(&0);", (TRANSFER, "second_run_adds_nothing")),
    ("restore: a cast gets the new ids", RECORD, "let actor = *new_ids.get(&credit.actor).ok_or(credit.actor)?;", "let actor = new_ids.get(&credit.actor).map_or(credit.actor, |_| credit.actor);", (TRANSFER, "second_run_adds_nothing")),
    ("restore: credits of others stay", RESTORE_CAST, "there.extend(step", "there.clear(); there.extend(step", (TRANSFER, "long_cast")),
    ("restore: equal rows without a journal are asked about", RESTORE, "existing == Existing::Stop {", "existing == Existing::Again {", (TRANSFER, "without_its_journal")),
    ("restore: keys of another user are not relied on", JOURNAL, "self.users.iter().any(|earlier| earlier != user)\n", "false\n", (TRANSFER, "no_key_finds")),
    ("restore: old keys are not relied on", JOURNAL, "now - begun > KEY_LIFE", "now < begun", (TRANSFER, "no_key_finds")),
    ("restore: rows that are gone are noticed", RESTORE, "match is_any_known {", "match false {", (TRANSFER, "rows_that_are_gone")),
    ("restore: a foreign journal is not used", JOURNAL, "if found != expected {", "if false && found != expected {", (TRANSFER, "foreign_journal")),
    ("restore: a key is the same in each run", JOURNAL, "\"restore-{run}-{kind}-{old}-{}\",", "\"restore-{run}-{kind}-{old}-{}-{}\", Utc::now().timestamp_micros(),", (TRANSFER, "adds_none_twice")),
    ("restore: values are compared", VERIFY, "&& *entry.get() == row.content()", "&& row.id > 0", (TRANSFER, "verify_names")),
    ("client: responses are bounded in bytes", CLIENT, "if body.len() + chunk.len() > max_bytes", "if false && max_bytes > 0", (TRANSFER, "limits")),
    ("client: responses are bounded in time", CLIENT, ".timeout(backoff.timeout)", ".timeout(backoff.timeout * 1000)", (TRANSFER, "limits")),
    ("client: a URL has a scheme", CLIENT, 'if !url.contains("://")', "if false", (TRANSFER, "scheme")),
    ("terminal: control characters are escaped", TERMINAL, "character.is_control() || ", "", (TRANSFER, "terminal")),
    ("terminal: what turns text around is escaped", TERMINAL, " || is_separator_or_direction(character)", "", (CLI, "terminal")),
    ("terminal: invisible characters are escaped", TERMINAL, " || is_invisible(character)", "", (CLI, "terminal")),
    ("terminal: a line feed in a cell begins no line", TERMINAL, "if !self.in_quotes => written", "if true => written", (CLI, "terminal")),
    ("terminal: arguments are escaped", "cli/src/main.rs", "Cli::try_parse_from(arguments).err().unwrap_or(error);", "{ drop(arguments); error };", (TRANSFER, "no_argument")),
    ("terminal: rows are escaped there", EXPORT_COMMAND, "list.write(&mut EscapedWriter::new(stdout, format), interrupted)", "list.write(&mut { stdout }, interrupted)", (TRANSFER, "exact_elsewhere")),
    # 8. The local stack
    ("home: the first database is written in one step", "local/src/stack.rs", "home.as_ref().filter(|home| home.has_no_database())", "home.as_ref().filter(|_| false)", (STACK, "killed")),
    ("home: the file that cannot be used is named", HOME, '["", "-wal", "-shm"]\n        .map(|suffix|', '["", "-wal"]\n        .map(|suffix|', (STACK, "home")),
    ("home: a database that is read-only does not start", HOME, "match connection.is_readonly(MAIN_DB)? {", "match connection.is_readonly(MAIN_DB)? && false {", (STACK, "home")),
    ("home: a lock is no reason to move the database away", HOME, "Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)", "Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::DatabaseBusy)", (LOCAL, "home")),
    ("home: a reader's lock is waited for as well", HOME, 'connection.pragma_update(None, "journal_mode", "wal")?;', "", (STACK, "home")),
    ("home: a lock is waited for two seconds", HOME, "Duration::from_secs(2);", "Duration::from_secs(12);", (STACK, "home")),
    ("home: a newer database is opened by a newer version", HOME, "Run the version of this project that wrote it", "Delete it", (STACK, "home")),
    ("websites: Host is checked", ACCESS, "if target && named.all(", "if target || named.all(", (API, "websites")),
    ("websites: Host is the stack's own", ACCESS, ".any(|name| host.eq_ignore_ascii_case(name))", ".any(|name| !host.eq_ignore_ascii_case(name))", (LOCAL, "access")),
    ("websites: DynamoDB takes no Origin", ACCESS, "if headers.contains_key(ORIGIN) || ", "if ", (API, "websites")),
    ("websites: DynamoDB takes no Sec-Fetch-Site", ACCESS, " || headers.contains_key(SEC_FETCH_SITE)", "", (API, "websites")),
    ("websites: no page is framed", ACCESS, 'headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));', "", (API, "identity")),
    ("sign-in: a link counts where the browser confirms it", AUTHORIZE, "_ => access::is_same_origin(headers),", "_ => Sender::of(headers) != Sender::Elsewhere,", (API, "identity")),
    ("sign-in: a form counts from this page", AUTHORIZE, "Method::POST => Sender::of(headers) == Sender::OwnPage,", "Method::POST => Sender::of(headers) != Sender::Elsewhere,", (API, "identity")),
    ("sign-in: it leads to no page of its own", CLIENTS, "is_registered && !is_own", "is_registered", (LOCAL, "clients")),
    ("sign-in: it leads to registered addresses", CLIENTS, ".any(|registered| registered.text == redirect_uri)", ".any(|registered| registered.url.origin() == url.origin())", (API, "sign_in")),
    ("sign-in: the console is at one path", CLIENTS, '&& url.path() == "/"\n', "\n", (LOCAL, "clients")),
    ("sign-in: the console is at this machine", CLIENTS, "&& self.is_here(headers, &url, self.console_port);", ";", (API, "sign_in")),
    ("sign-in: with 0.0.0.0 another address is not this machine", CLIENTS, "(self.hosts.name(host)", "(host.parse::<std::net::IpAddr>().is_ok() || self.hosts.name(host)", (LOCAL, "clients")),
    ("sign-in: a code needs a challenge of S256", AUTHORIZE, 'if parameters.code_challenge_method != "S256" {', "if false {", (API, "sign_in")),
    ("sign-in: an audience is the API's", AUTHORIZE, "audience if audience == service.tokens.audience() => {}", "_ if true => {}", (API, "sign_in")),
    ("sign-in: only the console uses its session", AUTHORIZE, ".filter(|_| authorization.client == Client::Console)", "", (API, "sign_in")),
    ("sign-in: only the console gets a session", AUTHORIZE, "authorization.client == Client::Console && matches", "matches", (API, "sign_in")),
    ("sign-in: prompt=login shows the page", AUTHORIZE, "pages.contains(value)) => Ok(Prompt::Always)", "pages.contains(value)) => Ok(Prompt::IfNeeded)", (API, "sign_in")),
    ("sign-in: a session may be too old for the client", AUTHORIZE, "now() - session.at < seconds", "seconds >= 0", (API, "sign_in")),
    ("codes: bound to the client", CODE, "self.signed_in.client_id == client_id\n            && ", "", (API, "sign_in")),
    ("codes: bound to the redirect URI", CODE, "&& self.redirect_uri == redirect_uri", "", (API, "sign_in")),
    ("codes: bound to the verifier", CODE, "&& verify_slices_are_equal(&self.challenge.0, hash.as_ref()).is_ok()", "", (API, "sign_in")),
    ("codes: a second use revokes the refresh tokens", SIGNED_IN, "self.families.retain(|family| family.code != code);", "", (API, "sign_in")),
    ("codes: they last a minute", SIGNED_IN, "CODE_LIFETIME: Duration = Duration::from_secs(60);", "CODE_LIFETIME: Duration = Duration::from_secs(61);", (LOCAL, "signed_in")),
    ("kept: memory is bounded", KEPT, "if self.values.len() >= CAPACITY {", "if false {", (LOCAL, "kept")),
    ("kept: a value ends", KEPT, "(now.duration_since(*kept) < lifetime).then_some(value)", "(now >= *kept || lifetime.is_zero()).then_some(value)", (LOCAL, "kept")),
    ("refresh tokens: each is used once", SIGNED_IN, "family.secret != half || ", "", (API, "sign_in")),
    ("refresh tokens: a second use revokes the others", SIGNED_IN, "            self.families.remove(now, key);\n", "", (API, "sign_in")),
    ("refresh tokens: bound to the client", SIGNED_IN, " || family.signed_in.client_id != client_id", "", (API, "sign_in")),
    ("sessions: signing out revokes refresh tokens", SIGNED_IN, "self.families.retain(|family| is_other(&family.signed_in));", "", (API, "sign_in")),
    ("sessions: signing in again ends the earlier one", SIGNED_IN, "|cookie| self.sessions.remove(now, cookie)", "|cookie| self.sessions.get_mut(now, cookie).cloned()", (API, "sign_in")),
    ("signing out: a link needs the session's ID token", LOGOUT, "of_hint != Some(&session.id)", "of_hint.is_none()", (API, "sign_in")),
    ("signing out: a form counts from this page", LOGOUT, "if is_form && Sender::of(headers) != Sender::OwnPage {", "if false {", (API, "sign_in")),
    ("signing out: without the cookie it stays", LOGOUT, "        None => response,\n", "        None => ([(SET_COOKIE, cookie::clear())], response).into_response(),\n", (API, "sign_in")),
    ("signing out: a hint is signed by this issuer", "local/src/identity/key.rs", "            .ok()?;\n        URL_SAFE", "            .ok();\n        URL_SAFE", (API, "sign_in")),
    ("cors: only registered origins read responses", CORS, ".filter(|_| is_client)", "", (API, "sign_in")),
    ("cors: an origin is compared in full", CLIENTS, "known.origin() == url.origin()", "known.host() == url.host()", (LOCAL, "clients")),
    ("console: its policy names the API and the issuer", "local/src/console/mod.rs", "connect-src 'self' {api} {issuer};", "connect-src *;", (API, "console")),
    ("console: the client's copy is not sent again", "local/src/console/mod.rs", "    if same {", "    if false {", (API, "console")),
    ("console: it serves no other type of file", "local/src/console/mod.rs", "        _ => None,\n    }\n}", '        _ => Some("text/plain"),\n    }\n}', (API, "console")),
    ("tokens: no website is granted one", GRANT, "if elsewhere && !service.clients.has_origin(headers) {", "if elsewhere && body.is_err() {", (API, "sign_in")),
    ("tokens: the page of a client gets no password grant", GRANT, '"password" | "client_credentials" if elsewhere => Err(website()),', "", (API, "sign_in")),
    ("tokens: a parameter without a value is missing", GRANT, "if value.is_empty() {", "if value.len() > 99 {", (API, "identity")),
    ("terminal: arguments of the local command are escaped", "local/src/main.rs", "Cli::try_parse_from(arguments).err().unwrap_or(error);", "{ drop(arguments); error };", (STACK, "no_argument")),
    ("demo: a busy stack gets the request again", "local/src/demo/client.rs", "matches!(status, 429 | 503)", "matches!(status, 429)", (STACK, "demo")),
    ("demo: a key is the row's", "local/src/demo/client.rs", 'format!("{path}\\n{body}")', "path.to_owned()", (STACK, "demo")),
    ("listen: what is open is said", "local/src/commands/run.rs", "(!address.is_loopback()).then(", "address.is_unspecified().then(", (COMMAND, "")),
    # 11. casting doctor
    ("doctor: a server that is not this API gets no token", "cli/src/doctor/mod.rs", "(Some(_), Some(token)) => Some(", "(_, Some(token)) => Some(", (DOCTOR, "the_token_goes")),
    ("doctor: no redirect is followed", "cli/src/doctor/http.rs", "redirect(Policy::none())", "redirect(Policy::limited(3))", (DOCTOR, "redirect")),
    ("doctor: PATCH and DELETE name no row", "cli/src/doctor/endpoints.rs", '(true, false) => format!("/{}/0", self.resource),', '(true, false) => format!("/{}/{id}", self.resource),', (DOCTOR, "nothing_is_written")),
    ("doctor: an endpoint that is open is named", "cli/src/doctor/endpoints.rs", "one.verdict == Verdict::Allowed && !expects(&one)", "false", (DOCTOR, "endpoints")),
    ("doctor: the API's clock counts", "cli/src/doctor/mod.rs", "clock::now() + skew.unwrap_or_default()", "clock::now()", (DOCTOR, "clock")),
    ("doctor: another issuer's keys say nothing", "cli/src/doctor/mod.rs", "examined.keys.filter(|_| own == Some(issuer.as_str()))", "examined.keys", (DOCTOR, "a_token_of_another")),
    ("doctor: a signature is verified", "cli/src/doctor/validity.rs", "(!verified.unwrap_or(false))", "(false && !verified.unwrap_or(false))", (DOCTOR, "signature")),
    ("doctor: a claim of other values than strings grants nothing", "cli/src/doctor/permissions.rs", "claim.as_array()?.iter().map(Value::as_str).collect()", "Some(claim.as_array()?.iter().filter_map(Value::as_str).collect())", (DOCTOR, "no_array")),
    ("doctor: text of servers is escaped", "cli/src/doctor/report.rs", "seen: escaped(seen.as_ref()).into_owned(),\n            remedy", "seen: seen.as_ref().to_owned(),\n            remedy", (DOCTOR, "terminal")),
    ("doctor: findings have an exit code", "cli/src/commands/doctor.rs", "Ok(()) => ExitCode::FAILURE,", "Ok(()) => ExitCode::SUCCESS,", (DOCTOR, "opaque")),
]  # fmt: skip


def survives(tree: pathlib.Path, target: pathlib.Path, mutation) -> str | None:
    """Why the mutation was not noticed, if it was not."""
    _, file, old, new, tests = mutation
    path = tree / file
    if problem := misplaced(tree, mutation):
        return problem
    source = path.read_text()
    path.write_text(source.replace(old, new))
    try:
        package, name = tests
        build = ["cargo", "test", "--quiet", "--target-dir", str(target), *package]
        built = subprocess.run([*build, "--no-run"], cwd=tree, capture_output=True, text=True)
        if built.returncode:
            return "it does not compile:\n" + built.stderr[-1500:]
        ran = subprocess.run([*build, name], cwd=tree, capture_output=True, text=True)
        return None if ran.returncode else "every test passed"
    finally:
        path.write_text(source)


def misplaced(tree: pathlib.Path, mutation) -> str | None:
    """Why the mutation cannot be made, if it cannot: its piece of source is not in the file exactly once."""
    _, file, old, *_ = mutation
    count = (tree / file).read_text().count(old)
    return None if count == 1 else f"{file} has {count} places that read: {old}"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="", help="run the mutations whose rule or file holds this word")
    arguments.add_argument("--check", action="store_true", help="run no test")
    arguments.add_argument("--target-dir", type=pathlib.Path, default=ROOT / "target" / "mutants")
    options = arguments.parse_args()
    chosen = [mutation for mutation in MUTATIONS if options.only in mutation[0] or options.only in mutation[1]]
    unnoticed = 0
    if options.check:
        problems = [f"{mutation[0]}: {problem}" for mutation in chosen if (problem := misplaced(ROOT, mutation))]
        print("\n".join([*problems, f"{len(chosen) - len(problems)} passed, {len(problems)} failed"]))
        return 1 if problems or not chosen else 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("target", ".git", ".venv", ".local", "node_modules", ".aws-sam"))
        for mutation in chosen:
            problem = survives(tree, options.target_dir.resolve(), mutation)
            unnoticed += problem is not None
            print(f"{'UNNOTICED' if problem else 'noticed'}: {mutation[0]}{': ' + problem if problem else ''}", flush=True)
    print(f"{len(chosen) - unnoticed} passed, {unnoticed} failed")
    return 1 if unnoticed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
