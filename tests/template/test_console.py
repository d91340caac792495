"""The console: what the template hosts it with."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

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


if __name__ == "__main__":
    unittest.main()
