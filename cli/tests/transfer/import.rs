//! Files that come in, whole or with errors that name the line.

use std::fs;

use axum::body::Body;
use axum::http::Request;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_comes_in_whatever_program_wrote_it() {
    let (folder, stack) = (folder(), stack().await);
    let identity = stack.identity.as_ref().unwrap().rsplit(':').next().unwrap();
    let check = |file: &str, contents: &str, expected: String| {
        fs::write(folder.path().join(file), contents).unwrap();
        // Without a token it takes one of the local identity service's.
        let output = casting(&folder)
            .args([
                "import",
                file,
                "--concurrency",
                "1",
                "--api",
                &stack.api,
                "--identity-port",
                identity,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(&output.stdout), expected);
    };
    let excel = "\u{feff}Gender;Age;Name;Notes\r\nfemale;34;\"Zoë; Ida\";late\r\n";
    check("actors.csv", excel, counts(1, 0, 0));
    check(
        "Actors 2026.CSV",
        "name,age,gender\n\"O'Neill, Max\",51,male\n",
        counts(1, 0, 0),
    );
    check(
        "actors.jsonl",
        "{\"id\":9,\"name\":\"Eva\",\"age\":\"20\",\"gender\":\"f\"}\n\n",
        counts(1, 0, 0),
    );
    check(
        "movies.jsonl",
        r#"{"title":"One","release_date":"2020-05-14","budget":5}"#,
        counts(1, 0, 0),
    );
    check(
        "movies.csv",
        "title,release date\nTwo,\nThree,\"May 14, 2020\"",
        counts(2, 0, 0),
    );
    check("movies.ndjson", "", counts(0, 0, 0));
    assert_eq!(
        names(&list(&stack, "actors").await),
        ["Zoë; Ida", "O'Neill, Max", "Eva"]
    );
    let movies = list(&stack, "movies").await;
    assert_eq!(names(&movies), ["One", "Two", "Three"]);
    assert_eq!(movies[2]["release_date"], "Thu, 14 May 2020 00:00:00 GMT");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_reported_with_their_lines_and_the_others_are_imported() {
    let (folder, stack) = (folder(), stack().await);
    let file = "name,age,gender\n\"Ida\nExample\",34,f\nMax,151,\n\nEva,20,f\nUdo,40\n";
    fs::write(folder.path().join("actors.csv"), file).unwrap();
    let output = run(&folder, &stack, &["import", "actors.csv"]);
    assert!(!output.status.success());
    let expected = [
        "actors.csv, line 2: name: must be a text of 1 to 200 characters without control characters",
        "actors.csv, line 4: age: must be a whole number from 0 to 150; gender: is required",
        "actors.csv, line 7: has 2 cells, and the header has 3",
        &counts(1, 0, 3),
    ];
    let printed = text(&output.stdout);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    let advice =
        "Correct them in a file of their own, without the other rows, and import that file.";
    assert!(text(&output.stderr).contains(advice), "{output:?}");
    assert_eq!(names(&list(&stack, "actors").await), ["Eva"]);

    // Corrected, it adds what was rejected and nothing else.
    let corrected = file
        .replace("\nExample", " Example")
        .replace("151,", "51,m")
        .replace("Udo,40", "Udo,40,m");
    fs::write(folder.path().join("actors.csv"), corrected).unwrap();
    assert_eq!(
        summary(&run(&folder, &stack, &["import", "actors.csv"])),
        counts(3, 1, 0)
    );
    let jsonl = format!(
        "{{\"title\":5}}\n[1]\n{{\"title\":\"One\"}}\n{{\"title\":\"{}\"}}\n",
        "x".repeat(70_000)
    );
    fs::write(folder.path().join("movies.jsonl"), jsonl).unwrap();
    let printed = text(&run(&folder, &stack, &["import", "movies.jsonl"]).stdout);
    let lines: Vec<_> = printed.lines().collect();
    assert!(
        lines[0].starts_with("movies.jsonl, line 1: title: must be"),
        "{printed}"
    );
    let expected = [
        "movies.jsonl, line 2: is not a JSON object; JSON lines have one object on one line",
        "movies.jsonl, line 4: 413 payload too large",
        &counts(1, 0, 3),
    ];
    assert_eq!(lines[1..], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_are_imported_separately_and_a_second_import_adds_nothing() {
    let (folder, stack) = (folder(), stack().await);
    fs::write(
        folder.path().join("actors.csv"),
        "name,age,gender\nIda,34,f\nIda,34,f\nMax,51,m\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("more.jsonl"),
        r#"{"gender":"f","age":34,"name":"Ida"}"#,
    )
    .unwrap();
    let import = |arguments: &[&str]| run(&folder, &stack, &[&["import"], arguments].concat());
    assert_eq!(summary(&import(&["actors.csv"])), counts(3, 0, 0));
    assert_eq!(summary(&import(&["actors.csv"])), counts(0, 3, 0));
    assert_eq!(
        summary(&import(&["more.jsonl", "--resource", "actors"])),
        counts(0, 1, 0)
    );
    let again = import(&["actors.csv", "--again"]);
    assert_eq!(summary(&again), counts(3, 0, 0));
    let message = text(&again.stderr);
    let id = message
        .lines()
        .find_map(|line| line.split_once("--again="))
        .unwrap()
        .1;
    assert_eq!(
        summary(&import(&["actors.csv", &format!("--again={id}")])),
        counts(0, 3, 0)
    );
    assert_eq!(
        summary(&import(&[
            "actors.csv",
            &format!("--again={}", casting::random_run().unwrap())
        ])),
        counts(3, 0, 0)
    );
    assert_eq!(
        names(&list(&stack, "actors").await)
            .iter()
            .filter(|name| **name == "Ida")
            .count(),
        6
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_explained_before_anything_is_sent() {
    let (folder, stack) = (folder(), stack().await);
    let check = |name: &str, contents: &[u8], more: &[&str], expected: &str| {
        fs::write(folder.path().join(name), contents).unwrap();
        let output = run(&folder, &stack, &[&["import", name], more].concat());
        assert!(
            !output.status.success() && text(&output.stderr).contains(expected),
            "{name}: {output:?}"
        );
    };
    check(
        "actors.csv",
        b"name,gender\nIda,f\n",
        &[],
        "actors.csv: line 1: there is no column \"age\"",
    );
    check(
        "actors.csv",
        b"name,age,gender\nIda,1,f\nZo\xEB,1,f\n",
        &[],
        "actors.csv: line 3: this is not UTF-8",
    );
    check(
        "actors.csv",
        b"name,age,gender\nIda,1,f\nMax,1,\"f\n",
        &[],
        "line 3: a quotation mark",
    );
    check("actors.csv", b"", &[], "actors.csv: the file is empty");
    check(
        "people.csv",
        b"",
        &[],
        "people.csv: add --resource actors or --resource movies",
    );
    check(
        "actors.txt",
        b"",
        &[],
        "actors.txt: add --format csv or --format jsonl",
    );
    check("actors.csv", b"", &["--concurrency", "0"], "1..=64");
    check("actors.csv", b"", &["--concurrency", "65"], "1..=64");
    let ready = b"name,age,gender\nIda,1,f\n";
    check(
        "actors.csv",
        ready,
        &["--token", "to\nken"],
        "the token has characters in it that no token has",
    );
    assert!(
        text(&run(&folder, &stack, &["import", "nowhere/actors.csv"]).stderr)
            .contains("nowhere/actors.csv: ")
    );
    let far = casting(&folder)
        .args(["import", "actors.csv", "--api", "https://api.example"])
        .output()
        .unwrap();
    assert!(
        text(&far.stderr).contains("give it in CASTING_AGENCY_TOKEN or with --token"),
        "{far:?}"
    );
    assert_eq!(list(&stack, "actors").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_file_is_rejected_with_its_line_before_the_first_request() {
    let (folder, stack) = (folder(), stack().await);
    let server = Server::start(&stack.api, |_, _| Reply::Pass).await;
    let check = |file: &str, contents: &[u8], expected: &[&str]| {
        fs::write(folder.path().join(file), contents).unwrap();
        let output = command(&folder, &stack, &server.url, &["import", file])
            .output()
            .unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            expected.iter().all(|expected| message.contains(expected)),
            "{message}"
        );
        assert!(
            message.ends_with(&format!("nothing of {file} was sent")),
            "{message}"
        );
    };
    let inches = b"name,age,gender,height\nEd Inch,32,m,\"5ft 7\"\"\nFay Inch,33,f,\"5ft 8\"\"\nGus Inch,34,m,6ft\n";
    check(
        "actors.csv",
        inches,
        &[
            "actors.csv: line 3: a quotation mark",
            "the cell opens on line 2",
        ],
    );
    check(
        "actors.csv",
        b"name,age,gender\n\"Junk\"after,1,f\n",
        &["actors.csv: line 2: a quotation mark"],
    );
    check(
        "actors.csv",
        b"n\0a\0m\0e\0,\0",
        &[
            "actors.csv: line 1: there is a NUL byte",
            "save the file as UTF-8",
        ],
    );
    let dates = b"title,release_date\nOne,01/02/2020\nTwo,43965\nThree,2020-05-14\n";
    check(
        "movies.csv",
        dates,
        &[
            "line 2: release_date: can be read as two",
            "write it as YYYY-MM-DD",
            "line 3: release_date is the bare number",
        ],
    );
    check(
        "movies.jsonl",
        br#"{"title":"One","release_date":"1/2/2020"}"#,
        &["movies.jsonl: line 1: release_date"],
    );
    assert_eq!(
        (
            server.served(),
            list(&stack, "actors").await.len(),
            list(&stack, "movies").await.len()
        ),
        (0, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_of_spreadsheets_are_imported_exactly_or_reported_with_their_lines() {
    let (folder, stack) = (folder(), stack().await);
    let file = "sep=;\r\nName;Age;Gender;;\r\n \"Ida; A.\" ;31.0;f;;;\r\n5ft 7\" Ed;32;m\r\n#N/A;33;f\r\nEva;1,234;f\r\n\
                Udo;34,5;m\r\n\"Zoë\u{c}B\";20;f\r\n\u{c}\r\nMax;51;m\r\n";
    fs::write(folder.path().join("actors.csv"), file).unwrap();
    let output = run(
        &folder,
        &stack,
        &["import", "actors.csv", "--concurrency", "1"],
    );
    let lines: Vec<_> = text(&output.stdout)
        .lines()
        .map(|line| line.split(" is ").next().unwrap().to_owned())
        .collect();
    let expected = [
        "actors.csv, line 5: name",
        "actors.csv, line 6: age: must be a whole number from 0 to 150",
        "actors.csv, line 7: age: must be a whole number from 0 to 150",
        "actors.csv, line 8: name: must be a text of 1 to 200 characters without control characters",
        &counts(3, 0, 4),
    ];
    assert_eq!(lines, expected);
    let actors = list(&stack, "actors").await;
    assert_eq!(names(&actors), ["Ida; A.", "5ft 7\" Ed", "Max"]);
    assert_eq!(actors[0]["age"], 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_members_are_reported_and_every_post_requests_strict_handling() {
    let (folder, stack) = (folder(), stack().await);
    let strict = |_, request: &Request<Body>| match request.headers().get("prefer") {
        Some(preference) if preference == "handling=strict" => Reply::Pass,
        _ => own(422, &[], r#"{"message":"no preference"}"#),
    };
    let server = Server::start(&stack.api, strict).await;
    fs::write(
        folder.path().join("actors.csv"),
        "name,age,gender\nIda,34,f\n",
    )
    .unwrap();
    let import = |file: &str| {
        command(&folder, &stack, &server.url, &["import", file])
            .output()
            .unwrap()
    };
    assert_eq!(summary(&import("actors.csv")), counts(1, 0, 0));
    let file = [
        r#"{"id":7,"title":"One","budget":5,"cast":[{"actor_id":1,"name":"Ida"}]}"#,
        r#"{"title":"Two","budget":6}"#,
        r#"{"title":"Three","title":"Four"}"#,
    ];
    fs::write(folder.path().join("movies.jsonl"), file.join("\n")).unwrap();
    let output = import("movies.jsonl");
    let expected = "movies.jsonl: the API has no field for these, which are ignored: \
                    budget (2 rows), cast[].name (1 row)";
    assert_eq!(
        text(&output.stderr).lines().next(),
        Some(expected),
        "{output:?}"
    );
    let printed = text(&output.stdout);
    assert_eq!(
        printed,
        format!(
            "movies.jsonl, line 3: has the member title twice\n{}",
            counts(2, 0, 1)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_id_of_a_run_is_an_error_before_anything_is_sent() {
    let (folder, stack) = (folder(), stack().await);
    let file = actors(&folder, 2);
    let id = casting::random_run().unwrap();
    for bad in ["", "other", &id[..12], &format!("{id}0")] {
        let output = run(
            &folder,
            &stack,
            &["import", &file, &format!("--again={bad}")],
        );
        let message = text(&output.stderr);
        assert!(
            output.status.code() == Some(2) && message.contains("--again"),
            "{bad}: {output:?}"
        );
    }
    assert_eq!(list(&stack, "actors").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_program_has_saved_adds_no_row_twice() {
    let (folder, stack) = (folder(), stack().await);
    let check = |file: &str, contents: &str, expected: String| {
        fs::write(folder.path().join(file), contents).unwrap();
        let output = run(&folder, &stack, &["import", file]);
        assert_eq!(summary(&output), expected, "{contents}: {output:?}");
    };
    check(
        "actors.csv",
        "name,age,gender\nIda,31,f\nMax,7,m\n",
        counts(2, 0, 0),
    );
    check(
        "actors.csv",
        "name,age,gender\nIda\u{a0},031,f\n\u{3000}Max,7.0,\"m \"\n",
        counts(0, 2, 0),
    );
    for age in ["31", "31.0", "3.1e1", "\"31\"", "\"031\""] {
        let row =
            format!("{{\"name\":\"\\u3000Ida \",\"age\":{age},\"gender\":\"f\\n\",\"id\":null}}");
        check("actors.jsonl", &row, counts(0, 1, 0));
    }
    // What is no age is the API's to reject.
    check(
        "actors.jsonl",
        r#"{"name":"Ida","age":" 31","gender":"f"}"#,
        counts(0, 0, 1),
    );
    check("movies.csv", "title,release_date\nOne,\n", counts(1, 0, 0));
    let more = [
        r#""cast":[]"#,
        r#""cast":null"#,
        r#""release_date":null"#,
        r#""id":5"#,
    ];
    for more in more {
        check(
            "movies.jsonl",
            &format!("{{\"title\":\" One\",{more}}}"),
            counts(0, 1, 0),
        );
    }
    let cast = |credits: &str| format!("{{\"title\":\"Two\",\"cast\":[{credits}]}}");
    let (first, second) = (
        r#"{"actor_id":1,"character":"Cat"}"#,
        r#"{"actor_id":2,"billing":1}"#,
    );
    check(
        "movies.jsonl",
        &cast(&format!("{second},{first}")),
        counts(1, 0, 0),
    );
    let other = r#"{"character":" Cat","billing":null,"actor_id":1.0},{"billing":1,"actor_id":2,"character":null}"#;
    check("movies.jsonl", &cast(other), counts(0, 1, 0));
    assert_eq!(
        (
            list(&stack, "actors").await.len(),
            list(&stack, "movies").await.len()
        ),
        (2, 2)
    );

    // An error names the credit's index in the file, whatever order it was sent in.
    fs::write(
        folder.path().join("movies.jsonl"),
        cast(&format!("{{\"actor_id\":9}},{first}")),
    )
    .unwrap();
    let printed = text(&run(&folder, &stack, &["import", "movies.jsonl"]).stdout);
    assert!(
        printed.starts_with("movies.jsonl, line 1: cast[0].actor_id: there is no actor 9"),
        "{printed}"
    );
}
