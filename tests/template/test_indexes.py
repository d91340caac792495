"""What scripts/apply_indexes.py adds to a deployed template. `make emulate` runs it on a stack."""

import copy
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import apply_indexes  # noqa: E402
import translated  # noqa: E402


def wanted() -> dict:
    return copy.deepcopy(translated.template())


def without(*names: str) -> dict:
    """The template without these indexes, and without the attributes that only their keys have."""
    template = wanted()
    for table in apply_indexes.tables(template).values():
        properties = table["Properties"]
        kept = [index for index in properties.pop("GlobalSecondaryIndexes", []) if index["IndexName"] not in names]
        if kept:
            properties["GlobalSecondaryIndexes"] = kept
        keys = [key["AttributeName"] for part in [properties, *kept] for key in part["KeySchema"]]
        properties["AttributeDefinitions"] = [known for known in properties["AttributeDefinitions"] if known["AttributeName"] in keys]
    return template


class Indexes(unittest.TestCase):
    def test_nothing_is_missing_from_the_template_itself(self):
        self.assertEqual(apply_indexes.missing(wanted(), wanted()), {})

    def test_only_the_missing_indexes_are_added_in_the_templates_order(self):
        found = apply_indexes.missing(without("by_name", "by_age", "by_title"), wanted())
        self.assertEqual(found, {"ActorsTable": ["by_age", "by_name"], "MoviesTable": ["by_title"]})

    def test_adding_each_missing_index_gives_the_templates_tables(self):
        template = without("by_age", "by_gender", "by_name", "by_last_word", "by_release", "by_title", "by_bare_title")
        for table, names in apply_indexes.missing(template, wanted()).items():
            for name in names:
                apply_indexes.with_index(template, wanted(), table, name)
        for name, table in apply_indexes.tables(wanted()).items():
            made = apply_indexes.tables(template)[name]["Properties"]
            expected = table["Properties"]
            shapes = [apply_indexes.shape(index) for index in expected.get("GlobalSecondaryIndexes", [])]
            self.assertEqual(made.get("GlobalSecondaryIndexes", []), shapes)
            self.assertCountEqual(made["AttributeDefinitions"], expected["AttributeDefinitions"])

    def test_a_table_that_is_not_deployed_yet_is_left_to_the_deployment(self):
        deployed = without("by_age")
        del deployed["Resources"]["ActorsTable"]
        self.assertEqual(apply_indexes.missing(deployed, wanted()), {})

    def test_an_index_with_other_keys_or_another_projection_is_reported(self):
        for change in ({"Projection": {"ProjectionType": "KEYS_ONLY"}}, {"KeySchema": []}):
            deployed = wanted()
            apply_indexes.indexes(apply_indexes.tables(deployed)["MoviesTable"])["by_title"].update(change)
            self.assertEqual(apply_indexes.changed(deployed, wanted()), ["MoviesTable/by_title"])
        self.assertEqual(apply_indexes.changed(wanted(), wanted()), [])

    def test_an_index_that_the_template_has_no_more_is_reported(self):
        self.assertEqual(apply_indexes.removed(wanted(), without("by_age")), ["ActorsTable/by_age"])


if __name__ == "__main__":
    unittest.main()
