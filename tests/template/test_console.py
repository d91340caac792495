"""The console: what the template hosts it with, and what scripts/console.py copies.

`make emulate` runs the script, and reads the console from the emulated CloudFront.
"""

import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import console  # noqa: E402
import translated  # noqa: E402

ON = {"Auth0Domain": "agency.eu.auth0.com", "Console": "true"}
API_DOMAIN = {
    "CustomDomain": "api.agency.tld",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b",
}
OWN_DOMAIN = {
    "ConsoleDomain": "casting.agency.tld",
    "ConsoleCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
}


def of_console(made: translated.Stack) -> dict:
    """The resources that only the console needs, by type without its service."""
    found = [resource for resource in made.resources.values() if resource["Type"].startswith(("AWS::S3::", "AWS::CloudFront::"))]
    return {resource["Type"].split("::")[2]: resource["Properties"] for resource in found}


def policy(**given: str) -> str:
    """The content security policy, with `API` in place of the host that AWS gives the API."""
    headers = of_console(translated.Stack(**(ON | given)))["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    text = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    return text if isinstance(text, str) else text["Fn::Sub"][0].replace("${Origin}", text["Fn::Sub"][1]["Origin"]["Fn::Sub"])


class Hosting(unittest.TestCase):
    def test_there_is_no_console_by_default(self):
        made = translated.Stack(Auth0Domain="agency.eu.auth0.com")
        self.assertEqual(of_console(made), {})
        self.assertEqual([name for name in made.outputs if name.startswith("Console")], [])

    def test_only_this_distribution_reads_the_bucket_and_only_over_tls(self):
        parts = of_console(translated.Stack(**ON))
        self.assertEqual(set(parts["Bucket"]["PublicAccessBlockConfiguration"].values()), {True})
        self.assertEqual(len(parts["Bucket"]["PublicAccessBlockConfiguration"]), 4)
        self.assertIn("BucketEncryption", parts["Bucket"])
        allow, deny = parts["BucketPolicy"]["PolicyDocument"]["Statement"]
        self.assertEqual((allow["Effect"], allow["Principal"], allow["Action"]), ("Allow", {"Service": "cloudfront.amazonaws.com"}, "s3:GetObject"))
        arn = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${ConsoleDistribution}"
        self.assertEqual(allow["Condition"], {"StringEquals": {"AWS:SourceArn": {"Fn::Sub": arn}}})
        self.assertEqual((deny["Effect"], deny["Principal"], deny["Action"]), ("Deny", "*", "s3:*"))
        self.assertEqual(deny["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
        access = parts["OriginAccessControl"]["OriginAccessControlConfig"]
        self.assertEqual((access["SigningBehavior"], access["SigningProtocol"]), ("always", "sigv4"))
        [origin] = parts["Distribution"]["DistributionConfig"]["Origins"]
        self.assertEqual(origin["OriginAccessControlId"], {"Fn::GetAtt": ["ConsoleAccess", "Id"]})

    def test_the_distribution_sends_the_page_compressed_over_tls_with_the_headers(self):
        config = of_console(translated.Stack(**ON))["Distribution"]["DistributionConfig"]
        self.assertEqual((config["Enabled"], config["DefaultRootObject"], config["HttpVersion"]), (True, "index.html", "http2and3"))
        behavior = config["DefaultCacheBehavior"]
        self.assertEqual((behavior["ViewerProtocolPolicy"], behavior["Compress"]), ("redirect-to-https", True))
        self.assertEqual(behavior["ResponseHeadersPolicyId"], {"Ref": "ConsoleHeaders"})

    def test_every_header_takes_the_place_of_one_from_the_bucket(self):
        config = of_console(translated.Stack(**ON))["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
        headers = [*config["SecurityHeadersConfig"].values(), *config["CustomHeadersConfig"]["Items"]]
        self.assertEqual(len(headers), 7)
        for header in headers:
            self.assertIs(header["Override"], True, header)

    def test_the_console_connects_to_its_api_and_its_issuer_only(self):
        api = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
        for given, origin, url in [
            ({}, api, {"Fn::Sub": api}),
            (API_DOMAIN, "https://api.agency.tld", "https://api.agency.tld"),
            (API_DOMAIN | {"BasePath": "v1"}, "https://api.agency.tld", "https://api.agency.tld/v1"),
        ]:
            with self.subTest(given=given):
                self.assertIn(f"; connect-src 'self' {origin} https://agency.eu.auth0.com; ", policy(**given))
                self.assertEqual(translated.Stack(**(ON | given)).outputs["ConsoleApi"], url)

    def test_a_domain_of_ones_own_takes_tls_1_2_or_newer(self):
        made = translated.Stack(**(ON | OWN_DOMAIN))
        self.assertEqual(made.problems(), [])
        config = of_console(made)["Distribution"]["DistributionConfig"]
        self.assertEqual(config["Aliases"], ["casting.agency.tld"])
        self.assertEqual(config["ViewerCertificate"]["MinimumProtocolVersion"], "TLSv1.2_2021")
        self.assertEqual(made.outputs["ConsoleUrl"], "https://casting.agency.tld")
        without = translated.Stack(**ON)
        self.assertNotIn("Aliases", of_console(without)["Distribution"]["DistributionConfig"])
        self.assertEqual(without.outputs["ConsoleUrl"], {"Fn::Sub": "https://${ConsoleDistribution.DomainName}"})

    def test_the_deployers_policy_covers_the_name_that_the_bucket_gets(self):
        # CloudFormation names it after the stack and the logical id.
        text = (ROOT / "deploy" / "deployer-policy.json").read_text()
        [name] = translated.Stack(**ON).of_type("AWS::S3::Bucket")
        self.assertIn(f'"arn:aws:s3:::casting-agency-*-{name.lower()}-*/*"', text)


def hosting(**given: str) -> console.Hosting:
    values = {
        "url": "https://d111.cloudfront.net", "api": "https://api.agency.tld/v1", "issuer": "https://agency.eu.auth0.com/",
        "audience": "casting-agency", "allowed_origin": "https://d111.cloudfront.net", "bucket": "bucket", "distribution": "E1",
    }  # fmt: skip
    return console.Hosting(**(values | given))


class Copying(unittest.TestCase):
    def folder(self, *names: str) -> pathlib.Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in names:
            path = pathlib.Path(folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return pathlib.Path(folder.name)

    def test_modules_and_licences_are_served_and_notes_for_readers_are_not(self):
        folder = self.folder("index.html", "app.js", "README.md", "config.json", "vendor/preact.js", "vendor/preact.LICENSE", "vendor/README.md")
        expected = {name: name.encode() for name in ("index.html", "app.js", "vendor/preact.js", "vendor/preact.LICENSE")}
        self.assertEqual(console.served(folder), expected)

    def test_a_file_of_an_unknown_type_or_a_missing_page_is_an_error(self):
        with self.assertRaisesRegex(console.Failed, r"content type is known for app\.js~, vendor/\.DS_Store"):
            console.served(self.folder("index.html", "app.js~", "vendor/.DS_Store"))
        with self.assertRaisesRegex(console.Failed, "has no index.html"):
            console.served(self.folder("app.js"))

    def test_new_files_are_copied_first_and_the_page_last(self):
        names = ["index.html", "app.js", "z.js", "config.json"]
        self.assertEqual(console.in_order(names, {"index.html", "app.js"}), ["config.json", "z.js", "app.js", "index.html"])
        self.assertEqual(console.in_order(names, set())[-1], "index.html")

    def test_the_configuration_has_no_demo_command(self):
        expected = {
            "api": "https://api.agency.tld/v1", "issuer": "https://agency.eu.auth0.com/", "clientId": "abc",
            "audience": "casting-agency",
        }  # fmt: skip
        self.assertEqual(json.loads(hosting().config("abc")), expected)

    def test_an_origin_that_the_api_does_not_allow_is_reported(self):
        for origin in ("*", "https://d111.cloudfront.net"):
            self.assertIsNone(hosting(allowed_origin=origin).origin_problem())
        problem = hosting(allowed_origin="https://localhost").origin_problem()
        self.assertRegex(problem, "only https://localhost .* Set AllowedOrigin=https://d111.cloudfront.net ")

    def test_a_missing_or_malformed_client_id_is_an_error(self):
        self.assertEqual(console.client_id({"CONSOLE_CLIENT_ID": " aB3_-x\n"}), "aB3_-x")
        for environment, problem in [({}, "is missing"), ({"CONSOLE_CLIENT_ID": " "}, "is missing"), ({"CONSOLE_CLIENT_ID": "<id>"}, "must be")]:
            with self.assertRaisesRegex(console.Failed, f"CONSOLE_CLIENT_ID {problem}"):
                console.client_id(environment)


if __name__ == "__main__":
    unittest.main()
