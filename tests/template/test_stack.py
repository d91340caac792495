"""Which template a rollback of scripts/stack.py chooses."""

import datetime
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))

from stack import Failed, Template, left_behind, previous


def templates(*marks: str) -> list[Template]:
    """Templates named 0, 1, … from the newest on, each with one of the marks "present", "rolled back" and ""."""
    return [
        Template(str(place), datetime.datetime(2026, 5, 14 - place), mark == "present", mark == "rolled back")
        for place, mark in enumerate(marks)
    ]


class Rollback(unittest.TestCase):
    def test_a_rollback_goes_to_the_template_before_the_present_one(self):
        self.assertEqual(previous(templates("present", "", "")), "1")

    def test_a_second_rollback_goes_one_further_back(self):
        self.assertEqual(previous(templates("rolled back", "present", "", "")), "2")

    def test_no_rollback_goes_to_a_template_that_was_rolled_back(self):
        self.assertEqual(previous(templates("present", "rolled back", "")), "2")

    def test_without_an_older_template_a_rollback_fails(self):
        for marks in [("present",), ("rolled back", "present"), ("present", "rolled back")]:
            with self.assertRaisesRegex(Failed, "no template older"):
                previous(templates(*marks))

    def test_only_a_step_back_marks_the_template_that_it_leaves(self):
        self.assertEqual(left_behind(templates("present", ""), "1"), ["0"])
        self.assertEqual(left_behind(templates("", "present"), "0"), [])

    def test_if_an_older_template_was_deployed_again_the_operator_chooses(self):
        with self.assertRaisesRegex(Failed, "not the newest.*--to"):
            previous(templates("", "present", ""))

    def test_if_the_bucket_lacks_the_present_template_the_operator_chooses(self):
        with self.assertRaisesRegex(Failed, "does not have.*--to"):
            previous(templates("", ""))


if __name__ == "__main__":
    unittest.main()
