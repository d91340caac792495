//! Lists that are written to a file, and read again.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use axum::body::Body;
use axum::http::Request;
use casting::ExportFile;
use local::Stack;
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_export_comes_back_in_as_it_was() {
    let folder = folder();
    let spreadsheet = [
        json!({"name": "=HYPERLINK(\"http://example.com\")", "age": 1, "gender": "-f"}),
        json!({"name": "'=1", "age": 2, "gender": "'"}),
        json!({"name": "a;=1+1,\"b\"", "age": 150, "gender": "@f"}),
        json!({"name": "'t Hooft", "age": 0, "gender": "+m"}),
        json!({"name": "Zoë 🎬", "age": 34, "gender": "x,y"}),
    ];
    fs::write(
        folder.path().join("actors.jsonl"),
        spreadsheet.map(|row| format!("{row}\n")).concat(),
    )
    .unwrap();
    fs::write(
        folder.path().join("movies.csv"),
        "title,release_date\n=1,\nTwo,2020-05-14\n",
    )
    .unwrap();
    let import = |stack: &Stack, file: &str| {
        let output = run(&folder, stack, &["import", file, "--concurrency", "1"]);
        assert!(output.status.success(), "{output:?}");
    };
    let before = stack().await;
    import(&before, "actors.jsonl");
    import(&before, "movies.csv");
    for format in ["csv", "jsonl"] {
        let after = stack().await;
        for resource in ["actors", "movies"] {
            let exported = run(&folder, &before, &["export", resource, "--format", format]).stdout;
            let file = format!("{resource} exported.{format}");
            fs::write(folder.path().join(&file), &exported).unwrap();
            import(&after, &file);
            assert_eq!(list(&after, resource).await, list(&before, resource).await);
            let again = format!("again.{format}");
            assert!(
                run(&folder, &after, &["export", resource, "--output", &again])
                    .status
                    .success()
            );
            assert_eq!(fs::read(folder.path().join(again)).unwrap(), exported);
        }
    }
    let guarded = fs::read_to_string(folder.path().join("actors exported.csv")).unwrap();
    let first = "1,\"'=HYPERLINK(\"\"http://example.com\"\")\",1,'-f";
    assert_eq!(
        guarded.lines().take(2).collect::<Vec<_>>(),
        ["id,name,age,gender", first]
    );
}

#[tokio::test]
async fn an_export_follows_the_list_to_its_end() {
    let reply = |_, request: &Request<Body>| match request.uri().to_string().as_str() {
        "/staging/actors?limit=1000" => {
            page(json!({"actors": [{"id": 1, "name": "Ida"}], "next": "/actors?after=1"}))
        }
        "/staging/actors?after=1" => page(json!({"actors": [], "next": "/actors?after=9"})),
        "/staging/actors?after=9" => {
            page(json!({"actors": [{"id": 10, "name": "Max", "age": 51}]}))
        }
        other => panic!("{other}"),
    };
    let server = Server::start("", reply).await;
    let written = export(&quick(&format!("{}/staging", server.url), "token"))
        .await
        .unwrap();
    assert_eq!(
        written,
        (2, "id,name,age,gender\n1,Ida,,\n10,Max,51,\n".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_export_never_looks_complete() {
    let (folder, stack) = (folder(), stack().await);
    let half = |number, _: &Request<Body>| match number {
        0 => page(json!({"actors": [{"id": 1, "name": "Ida"}], "next": "/actors?after=1"})),
        _ => own(401, &[], "{}"),
    };
    let export = |api: &str| {
        command(
            &folder,
            &stack,
            api,
            &["export", "actors", "--output", "actors.csv"],
        )
        .output()
        .unwrap()
    };
    fs::write(folder.path().join("actors.csv"), "before").unwrap();
    let output = export(&Server::start("", half).await.url);
    assert!(
        text(&output.stderr).contains("rejects this token (401)"),
        "{output:?}"
    );
    assert!(!output.status.success());
    let files = || -> Vec<_> {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect()
    };
    assert_eq!(
        (files(), fs::read(folder.path().join("actors.csv")).unwrap()),
        (vec!["actors.csv".into()], b"before".into())
    );
    assert_eq!(text(&export(&stack.api).stdout), "0 actors in actors.csv");
    assert_eq!(
        fs::read(folder.path().join("actors.csv")).unwrap(),
        b"id,name,age,gender\n"
    );
    assert_eq!(files().len(), 1);
    assert!(ExportFile::create(Path::new("/dev/null")).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_read_enough_ends_an_export_quietly() {
    let (folder, stack) = (folder(), stack().await);
    let many = |number: usize, _: &Request<Body>| {
        let ids = number * 1000 + 1..=number * 1000 + 1000;
        let rows: Vec<_> = ids
            .map(|id| json!({"id": id, "name": "Ida Example", "age": 34}))
            .collect();
        page(json!({"actors": rows, "next": format!("/actors?after={}", number * 1000 + 1000)}))
    };
    let server = Server::start("", many).await;
    let mut command = command(&folder, &stack, &server.url, &["export", "actors"]);
    let mut exporting = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(exporting.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let mut message = String::new();
    exporting
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut message)
        .unwrap();
    assert!(exporting.wait().unwrap().success());
    assert_eq!(
        (first.as_str(), message.as_str()),
        ("id,name,age,gender\n", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movie_exported_as_json_lines_comes_back_with_its_cast() {
    let (folder, before, after) = (folder(), stack().await, stack().await);
    fs::write(
        folder.path().join("actors.csv"),
        "name,age,gender\nIda,34,f\nMax,51,m\n",
    )
    .unwrap();
    let file = [
        json!({"title": "One", "release_date": "2020-05-14T14:02:13Z", "cast": [
            {"actor_id": 2, "character": "The \"Cat\"", "billing": 1}, {"actor_id": 1},
        ]}),
        json!({"title": "Two", "release_date": "1949-08-31"}),
    ];
    fs::write(
        folder.path().join("movies.jsonl"),
        file.map(|row| format!("{row}\n")).concat(),
    )
    .unwrap();
    // More than one page of movies with their casts.
    let many: String = (1..=120)
        .map(|number| format!("Movie {number},2000-01-01\n"))
        .collect();
    fs::write(
        folder.path().join("movies more.csv"),
        format!("title,release_date\n{many}"),
    )
    .unwrap();
    let import = |stack: &Stack, file: &str| {
        let output = run(&folder, stack, &["import", file, "--concurrency", "1"]);
        assert_eq!(
            (
                output.status.success(),
                text(&output.stderr).contains("no field")
            ),
            (true, false),
            "{output:?}"
        );
    };
    for file in ["actors.csv", "movies.jsonl", "movies more.csv"] {
        import(&before, file);
    }
    let output = run(
        &folder,
        &before,
        &["export", "movies", "--output", "movies exported.jsonl"],
    );
    assert_eq!(text(&output.stdout), "122 movies in movies exported.jsonl");
    assert!(!text(&output.stderr).contains("ignored"), "{output:?}");
    import(&after, "actors.csv");
    import(&after, "movies exported.jsonl");
    for path in ["movies", "movies?include=cast&limit=10"] {
        assert_eq!(get(&after, path).await, get(&before, path).await);
    }
    assert_eq!(
        get(&after, "movies/1?include=cast").await["movies"][0]["cast"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        run(&folder, &after, &["export", "movies", "--format", "jsonl"]).stdout,
        fs::read(folder.path().join("movies exported.jsonl")).unwrap()
    );

    // A cast that no request can add is rejected with its line; an API that sends no casts is told
    // from one without any.
    let credits: Vec<_> = (1..=34).map(|id| json!({"actor_id": id})).collect();
    fs::write(
        folder.path().join("movies.jsonl"),
        json!({"title": "Large", "cast": credits}).to_string(),
    )
    .unwrap();
    let output = run(&folder, &after, &["import", "movies.jsonl"]);
    assert!(
        text(&output.stdout)
            .starts_with("movies.jsonl, line 1: cast has 34 credits, and one request can add 33;"),
        "{output:?}"
    );
    let old = Server::start("", |_, _| {
        page(json!({"movies": [{"id": 1, "title": "One"}]}))
    })
    .await;
    let output = command(
        &folder,
        &after,
        &old.url,
        &["export", "movies", "--format", "jsonl"],
    )
    .output()
    .unwrap();
    assert!(
        text(&output.stderr).contains("without their casts"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_export_says_what_it_ignores_and_writes_dates_that_sort() {
    let (folder, stack) = (folder(), stack().await);
    fs::write(
        folder.path().join("movies.csv"),
        "title,release_date\nZoë,\"Thu, 14 May 2020 14:02:13 GMT\"\n",
    )
    .unwrap();
    let export = |more: &[&str]| run(&folder, &stack, &[&["export"], more].concat());
    assert_eq!(text(&export(&["movies"]).stderr), "");
    assert!(
        run(&folder, &stack, &["import", "movies.csv"])
            .status
            .success()
    );
    let message = "ignored, since CSV has no column for it: cast; --format jsonl exports it";
    for more in [&["movies"][..], &["movies", "--output", "movies out.csv"]] {
        assert_eq!(text(&export(more).stderr), message);
    }
    let expected = "id,title,release_date\n1,Zoë,2020-05-14T14:02:13Z\n";
    assert_eq!(text(&export(&["movies"]).stdout), expected.trim());
    assert_eq!(
        fs::read_to_string(folder.path().join("movies out.csv")).unwrap(),
        expected
    );
    assert!(
        export(&["movies", "--bom", "--output", "movies bom.csv"])
            .status
            .success()
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("movies bom.csv")).unwrap(),
        format!("\u{feff}{expected}")
    );
    // It is the same row: nothing is added.
    assert_eq!(
        summary(&run(&folder, &stack, &["import", "movies bom.csv"])),
        counts(0, 1, 0)
    );
    let output = export(&["movies", "--bom", "--format", "jsonl"]);
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (
            Some(1),
            "error: --bom is for CSV: JSON lines have no byte order mark".into()
        )
    );
    assert_eq!(text(&export(&["actors"]).stderr), "");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_export_keeps_the_mode_of_the_file_it_replaces_and_follows_no_link() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let (folder, stack) = (folder(), stack().await);
    let at = |name: &str| folder.path().join(name);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o777;
    let export = |name: &str| run(&folder, &stack, &["export", "actors", "--output", name]);
    assert!(export("actors.csv").status.success());
    assert_eq!(mode("actors.csv"), 0o600);
    fs::set_permissions(at("actors.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(export("actors.csv").status.success());
    assert_eq!(mode("actors.csv"), 0o640);

    // While it is written, nobody else may read it.
    let mut unfinished = ExportFile::create(&at("new.csv")).unwrap();
    let part = files(&folder)
        .into_iter()
        .find(|name| name.ends_with(".part"))
        .unwrap();
    assert_eq!(mode(&part), 0o600);
    std::io::Write::write_all(&mut unfinished, b"x").unwrap();
    drop(unfinished);
    assert_eq!(files(&folder), ["actors.csv"]);

    fs::write(at("target.csv"), "before").unwrap();
    symlink("target.csv", at("link.csv")).unwrap();
    symlink("nowhere.csv", at("dangling.csv")).unwrap();
    for link in ["link.csv", "dangling.csv"] {
        let output = export(link);
        assert!(
            text(&output.stderr).contains(&format!(
                "{link}: this is a link, which export does not follow"
            )),
            "{output:?}"
        );
    }
    assert_eq!(fs::read_to_string(at("target.csv")).unwrap(), "before");
    assert_eq!(
        files(&folder),
        ["actors.csv", "dangling.csv", "link.csv", "target.csv"]
    );

    // A link that is put in the file's place meanwhile is replaced, and what is behind it stays.
    let unfinished = ExportFile::create(&at("late.csv")).unwrap();
    symlink("target.csv", at("late.csv")).unwrap();
    unfinished.finish().unwrap();
    assert_eq!(fs::read_to_string(at("target.csv")).unwrap(), "before");
    assert!(fs::symlink_metadata(at("late.csv")).unwrap().is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_that_it_waits_and_how_many_dates_are_invalid() {
    let (folder, stack) = (folder(), stack().await);
    let reply = |number, _: &Request<Body>| match number {
        0 => busy(503, "0"),
        _ => page(json!({"movies": [{"id": 1, "title": "One", "release_date": "soon"}]})),
    };
    let server = Server::start("", reply).await;
    let output = command(&folder, &stack, &server.url, &["export", "movies"])
        .output()
        .unwrap();
    let message = text(&output.stderr);
    assert!(
        message.starts_with("the API responds with 503, trying again\n"),
        "{message}"
    );
    assert!(
        message.contains("1 row has a release_date that is not a date to this API"),
        "{message}"
    );
    assert_eq!(text(&output.stdout), "id,title,release_date\n1,One,soon");
    let output = run(
        &folder,
        &stack,
        &["export", "movies", "--output", "nowhere/movies.csv"],
    );
    assert_eq!(
        text(&output.stderr),
        "error: nowhere/movies.csv: there is no folder nowhere"
    );
}
