"""The stack that CloudFormation would make of template.yaml with given parameters, worked out offline.

SAM's own translator does the first step, as on AWS. The rest is what scripts and tests need of
CloudFormation: it checks parameters and rules, and applies conditions and parameters to resources.
"""

import copy
import functools
import logging
import os
import pathlib
import re

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
NO_VALUE = {"Ref": "AWS::NoValue"}


class NoManagedPolicies:
    """What the translator would ask AWS for. A managed policy that is named in the template stays a name."""

    def load(self) -> dict:
        return {}


@functools.cache
def template() -> dict:
    """The template as it is written, with each function's folder as its code."""
    source = yaml_parse((ROOT / "template.yaml").read_text())
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # The translator takes code only from where `sam deploy` would have put it.
            properties = resource["Properties"]
            properties["CodeUri"] = f"s3://bucket/{pathlib.PurePath(properties['CodeUri']).name}"
    return source


class Stack:
    """The template with these parameters; the others have their defaults, or remain references."""

    def __init__(self, **given: str):
        source = template()
        self.given = given
        self.declared = source["Parameters"]
        defaults = {name: str(known["Default"]) for name, known in self.declared.items() if "Default" in known}
        self.parameters = defaults | given
        self.rules, self.conditions = source["Rules"], source["Conditions"]

    @functools.cached_property
    def resources(self) -> dict:
        """The resources that there would be, by logical id."""
        kept = {
            name: resource
            for name, resource in translate(template(), self.given)["Resources"].items()
            if "Condition" not in resource or self.holds({"Condition": resource["Condition"]})
        }
        return {name: self.applied(resource) for name, resource in kept.items()}

    @property
    def outputs(self) -> dict:
        """The outputs that there would be, by name."""
        kept = {
            name: output
            for name, output in template()["Outputs"].items()
            if "Condition" not in output or self.holds({"Condition": output["Condition"]})
        }
        return {name: self.applied(output["Value"]) for name, output in kept.items()}

    def of_type(self, kind: str) -> dict:
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def problems(self) -> list[str]:
        """Why CloudFormation would reject the parameters, before it changes anything."""
        return [*self.invalid_parameters(), *self.broken_rules()]

    def invalid_parameters(self):
        for name, known in self.declared.items():
            value = self.parameters.get(name)
            pattern, allowed = known.get("AllowedPattern"), known.get("AllowedValues")
            if value is None:
                yield f"{name} is missing"
            elif pattern and not re.fullmatch(pattern, value):
                yield f"{name} {known['ConstraintDescription']}"
            elif allowed and value not in map(str, allowed):
                yield f"{name} must be one of {allowed}"
            elif len(value) > known.get("MaxLength", len(value)):
                yield f"{name} is too long"
            elif "MinValue" in known and float(value) < known["MinValue"]:
                yield f"{name} is too small"

    def broken_rules(self):
        for rule in self.rules.values():
            if self.holds(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self.holds(assertion["Assert"]):
                        yield assertion["AssertDescription"]

    def holds(self, condition) -> bool:
        """Whether a condition of `Conditions` or of `Rules` is true."""
        if isinstance(condition, bool):
            return condition
        [(function, argument)] = condition.items()
        match function:
            case "Condition":
                return self.holds(self.conditions[argument])
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(part) for part in argument)
            case "Fn::Or":
                return any(self.holds(part) for part in argument)
            case "Fn::Equals":
                return self.text(argument[0]) == self.text(argument[1])
            case "Fn::Contains":
                return self.text(argument[1]) in [self.text(part) for part in argument[0]]
        raise ValueError(f"unknown condition {function}")

    def text(self, value) -> str:
        return str(self.parameters.get(value["Ref"], value) if isinstance(value, dict) else value)

    def applied(self, value):
        """A part of a resource with its `Fn::If`s decided, and parameters in place of references to them."""
        if isinstance(value, list):
            parts = [self.applied(part) for part in value]
            return [part for part in parts if part != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Fn::If"}:
            condition, yes, no = value["Fn::If"]
            return self.applied(yes if self.holds({"Condition": condition}) else no)
        if value.keys() == {"Ref"}:
            return self.parameters.get(value["Ref"], value)
        if value.keys() == {"Fn::Sub"}:
            return self.substituted(value["Fn::Sub"])
        members = {name: self.applied(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member != NO_VALUE}

    def substituted(self, argument):
        """A `Fn::Sub`: a text if parameters were all that it names, else a `Fn::Sub` of the rest."""
        text, names = argument if isinstance(argument, list) else (argument, {})
        names = {name: self.applied(value) for name, value in names.items()}
        known = self.parameters | {name: value for name, value in names.items() if isinstance(value, str)}
        text = re.sub(r"\$\{(\w+)\}", lambda name: known.get(name[1], name[0]), text)
        rest = {name: value for name, value in names.items() if not isinstance(value, str)}
        if "${" not in text:
            return text
        return {"Fn::Sub": [text, rest] if rest else text}


def translate(source: dict, given: dict) -> dict:
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # only to tell the partition by
    logging.disable(logging.WARNING)  # the translator's own telemetry
    try:
        return transform(copy.deepcopy(source), dict(given), NoManagedPolicies())
    finally:
        logging.disable(logging.NOTSET)
