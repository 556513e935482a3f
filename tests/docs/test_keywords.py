"""The keywords of the verbs: what an editor completes is what the records take, and slips are found before a run."""

import dataclasses
import subprocess
import sys
import typing

import pytest

from counterpoint.plans import DistillPlan, FinetunePlan, LabPlan, Plan, SemiPlan
from counterpoint.plans.data_options import ReadOptions
from counterpoint.verbs import keywords

RECORDS = {
    keywords.ReadKeywords: [ReadOptions],
    keywords.PlanKeywords: [Plan, ReadOptions],
    keywords.FinetuneKeywords: [FinetunePlan],
    keywords.DistillKeywords: [DistillPlan],
    keywords.SemiKeywords: [SemiPlan, ReadOptions],
    keywords.LabKeywords: [LabPlan, ReadOptions],
}


def kinds(hint):
    return set(typing.get_args(hint)) or {hint}


@pytest.mark.parametrize("listed", RECORDS, ids=lambda listed: listed.__name__)
def test_keywords_are_the_fields_of_their_records(listed):
    fields = {}
    for record in RECORDS[listed]:
        fields |= {each.name: typing.get_type_hints(record)[each.name] for each in dataclasses.fields(record)}
    hints = typing.get_type_hints(listed)
    assert hints.keys() == fields.keys() | {"quiet"}
    for name, hint in fields.items():
        assert kinds(hint) <= kinds(hints[name]), name


SLIPS = """
import counterpoint as cp
cp.fit("photos", epoch=3)
cp.fit("photos", epochs="3")
cp.finetune("run", "photos", per_klass=3)
cp.semi("photos", out="run", labels="folder", pre_class=3)
cp.fit("photos", epochs=3, without=["a", "b"], listeners=[print])
"""


@pytest.mark.slow
def test_a_type_checker_finds_slips_in_keywords(tmp_path):
    script = tmp_path / "slips.py"
    script.write_text(SLIPS, encoding="utf-8")
    result = subprocess.run([sys.executable, "-m", "mypy", str(script)], capture_output=True, text=True).stdout
    lines = [line.partition("slips.py:")[2].partition(":")[0] for line in result.splitlines() if "error" in line]
    assert [line for line in lines if line] == ["3", "4", "5", "6"], result
