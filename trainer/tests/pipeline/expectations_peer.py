"""Great Expectations reads what `validate` left in a folder, and judges the measured values as we did."""

import json
import sys
from pathlib import Path

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResultSchema

folder = Path(sys.argv[1])
read = lambda name: json.loads((folder / name).read_text())

suite = ExpectationSuite(**read("suite.json"))
ours = ExpectationSuiteValidationResultSchema().load(read("validation.json"))
measured = read("measured.json")
assert list(measured) == [one.column for one in suite.expectations], "the suite is about other columns"

frame = pd.DataFrame({name: pd.Series(of["values"], dtype="float64") for name, of in measured.items()})
context = gx.get_context(mode="ephemeral")
source = context.data_sources.add_pandas("klinecast").add_dataframe_asset("measured")
batch = source.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
theirs = batch.validate(suite)

assert theirs.success == ours["success"], "the verdicts differ"
assert theirs.statistics["successful_expectations"] == ours["statistics"]["successful_expectations"]
unexpected = 0
for one, other in zip(theirs.results, ours["results"], strict=True):
    name = one.expectation_config.kwargs["column"]
    assert not one.exception_info["raised_exception"], one.exception_info
    assert other["expectation_config"]["kwargs"]["column"] == name
    assert one.success == other["success"], name
    found, told = one.result, other["result"]
    assert found["element_count"] - found["missing_count"] == told["element_count"], name
    if told["element_count"]:
        assert found["unexpected_count"] == told["unexpected_count"], name
        unexpected += found["unexpected_count"]
print(f"{len(theirs.results)} expectations, {unexpected} unexpected values, success {theirs.success}")
