"""Contrast among scikit-learn's estimators: their own checks, every kind of X, and as many rows out as in."""

import json
import pickle  # noqa: TID251  (what scikit-learn's users do with a fitted estimator)
import warnings

import jaxtyping
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import counterpoint as cp
from counterpoint.errors import InputError, LabelError, PlanError
from counterpoint.estimator import _coded
from counterpoint.plans import Plan, within
from tests.worlds import pulses, records, remarks, stripes

FAST = {"epochs": 1, "width": 16}
CLASSIFIER = {"epochs": 1, "width": 32, "frozen": True, "head_layers": 0}


@pytest.fixture
def unchecked_types():
    """Types are what people write; what happens where they write others is up to the code."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    "estimator",
    [cp.Contrast(**FAST), pytest.param(cp.ContrastClassifier(**CLASSIFIER), marks=pytest.mark.slow)],
    ids=repr,
)
def test_scikit_learn_finds_nothing_wrong(estimator, quick_lessons, unchecked_types):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some checks warn on purpose, and pandas or an array API may be absent
        results = check_estimator(estimator, on_skip=None, on_fail=None)
    failed = {each["check_name"]: str(each["exception"]) for each in results if each["status"] == "failed"}
    assert failed == {}
    assert sum(each["status"] == "passed" for each in results) >= 45


def sources():
    """Data of every kind, of 32 items, as people of scikit-learn hold it."""
    texts, table = remarks(count=32).source, records(count=32).source
    names = [f"x{number}" for number in range(table.shape[1])]
    return {
        "rows": table,
        "lists of numbers": table.tolist(),
        "objects that are numbers": table.astype(object),
        "a frame": pd.DataFrame(table, columns=names),
        "a frame without names": pd.DataFrame(table),
        "series": pulses(count=32).source,
        "pictures": stripes(count=32).source,
        "a list of arrays": list(stripes(count=32).source),
        "a tensor": torch.from_numpy(stripes(count=32).source),
        "Pillow images": [Image.fromarray(each) for each in stripes(count=32).source],
        "a list of texts": texts,
        "an array of texts": np.array(texts),
        "objects that are texts": np.array(texts, dtype=object),
        "a column of texts": pd.Series(texts, name="said"),
        "a frame of texts": pd.DataFrame({"said": texts}),
    }


@pytest.mark.parametrize("kind", sources())
def test_every_kind_of_x_is_learned_embedded_named_and_pickled(kind, capsys):
    source = sources()[kind]
    contrast = cp.Contrast(**FAST).fit(source)
    z = contrast.transform(source)
    assert z.shape == (32, len(contrast.get_feature_names_out()))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    assert list(contrast.get_feature_names_out()[:2]) == ["contrast0", "contrast1"]
    again = pickle.loads(pickle.dumps(contrast))
    np.testing.assert_array_equal(again.transform(source), z)
    frame = contrast.set_output(transform="pandas").transform(source)
    assert list(frame.columns) == list(contrast.get_feature_names_out())
    assert capsys.readouterr() == ("", "")


def test_a_run_is_told_of_only_where_that_is_wanted(capsys):
    cp.Contrast(**FAST, verbose=True).fit(records(count=32).source)
    told = capsys.readouterr()
    assert told.out == ""
    assert "recognised as table" in told.err


def test_columns_are_counted_and_named():
    table = records(count=32).source
    names = [f"x{number}" for number in range(table.shape[1])]
    frame = pd.DataFrame(table, columns=names)
    contrast = cp.Contrast(**FAST).fit(frame)
    assert contrast.n_features_in_ == table.shape[1]
    assert list(contrast.feature_names_in_) == names
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        bare = contrast.transform(table)
    np.testing.assert_array_equal(bare, contrast.transform(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        contrast.transform(frame.rename(columns={"x0": "other"}))
    contrast.fit(remarks(count=32).source)  # texts have no columns, and nothing is left of those before
    assert not hasattr(contrast, "n_features_in_")
    assert not hasattr(contrast, "feature_names_in_")


def test_a_frame_with_words_and_gaps_is_learned_from():
    table = records(count=32).source
    frame = pd.DataFrame({"a": table[:, 0], "b": table[:, 1], "town": ["Ulm", "Bonn"] * 16})
    frame.loc[3, "a"] = np.nan
    assert cp.Contrast(**FAST).fit_transform(frame).shape == (32, 16)


def test_texts_of_a_column_transformer():
    frame = pd.DataFrame({"said": remarks(count=32).source, "size": np.arange(32.0)})
    columns = make_column_transformer((cp.Contrast(**FAST), "said"), ("passthrough", ["size"]))
    columns.set_output(transform="pandas")
    assert list(columns.fit_transform(frame).columns)[-2:] == ["contrast__contrast15", "passthrough__size"]


def test_sparse_rows_are_refused_in_words():
    sparse = csr_array(np.eye(32))
    with pytest.raises(TypeError, match=r"Sparse data was passed for X, but dense data is required\. Use '\.toarray"):
        cp.Contrast(**FAST).fit(sparse)
    fitted = cp.Contrast(**FAST).fit(records(count=32).source)
    with pytest.raises(TypeError, match="Sparse data was passed"):
        fitted.transform(sparse)


def test_arrays_of_unequal_shape_in_a_list_are_refused():
    with pytest.raises(InputError, match="Give pictures as Pillow images"):
        cp.Contrast(**FAST).fit([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)])


def test_numbers_of_numpy_are_choices_of_estimators():
    contrast = cp.Contrast(epochs=np.int64(1), width=np.int32(8), temperature=np.float32(0.5), seed=np.int64(0))
    rows = records(count=32).source
    same = cp.Contrast(epochs=1, width=8, temperature=0.5).fit_transform(rows)
    np.testing.assert_array_equal(clone(contrast).fit_transform(rows), same)
    record = Plan.of({"epochs": np.int64(3), "warmup": np.float64(0.25)}).record()
    assert json.loads(json.dumps(record)) == record
    assert type(record["epochs"]) is int


def test_numbers_of_numpy_are_plain_numbers_in_a_plan(unchecked_types):
    record = Plan(epochs=np.int64(3), warmup=np.float64(0.25)).record()
    assert json.loads(json.dumps(record)) == record
    assert type(record["epochs"]) is int
    within("k", np.int64(3), 1, kind=int)
    with pytest.raises(PlanError, match=r"k must be a whole number\. Got 1\.5\."):
        within("k", np.float64(1.5), 1, kind=int)
    with pytest.raises(PlanError, match=r"epochs must be a whole number or None\. Got True\."):
        Plan(epochs=np.bool_(True))


def test_texts_keep_their_rows_where_some_are_empty():
    texts = remarks(count=64).source
    labels = np.arange(64) % 2
    gaps = pd.Series([*texts[:3], None, *texts[4:7], "  ", *texts[8:]])
    contrast = cp.Contrast(**FAST)
    with pytest.warns(UserWarning, match=r"2 of 64 items could not be embedded and count as zeros; the first is '3'"):
        z = contrast.fit(gaps).transform(gaps)
    assert z.shape == (64, 16)
    assert np.flatnonzero(~z.any(axis=1)).tolist() == [3, 7]
    with pytest.warns(UserWarning, match="1 of 1 items"):
        assert contrast.transform([""]).tolist() == [[0.0] * 16]
    pipeline = make_pipeline(cp.Contrast(**FAST), LogisticRegression())
    with pytest.warns(UserWarning, match="2 of 64 items"):
        assert pipeline.fit(gaps, labels).predict(gaps).shape == (64,)


def test_a_classifier_answers_for_every_row(quick_lessons):
    texts, labels = remarks(count=64).source, np.array(["odd", "even"])[np.arange(64) % 2]
    texts[5] = ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # fewer to learn from are no reason to warn
        classifier = cp.ContrastClassifier(**CLASSIFIER).fit(texts, labels)
    with pytest.warns(UserWarning, match="1 of 64 items could not be embedded"):
        likely = classifier.predict_proba(texts)
    assert likely.shape == (64, 2)
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-5)
    assert classifier.classifier_.classes == ["even", "odd"]
    with pytest.warns(UserWarning, match="1 of 64"):
        assert len(cp.predict(classifier.classifier_, texts)) == 64


@pytest.mark.parametrize("empty", [None, np.nan, "", pd.NA])
def test_what_is_missing_is_no_label(empty):
    class_ids, classes = _coded([empty, "b", "a", empty, "b"])
    assert class_ids.tolist() == [-1, 1, 0, -1, 1]
    assert classes.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("y", "class_ids", "classes"),
    [
        ([-1, 1, -1, 1], [0, 1, 0, 1], [-1, 1]),
        ([-1.0, 1.0, np.nan, 1.0], [0, 1, -1, 1], [-1.0, 1.0]),
        ([-1, 0, -1, 3], [-1, 0, -1, 1], [0, 3]),
        ([-1.0, 0.0, -1.0, 1.0], [-1, 0, -1, 1], [0.0, 1.0]),
        ([0, None, 2, 2], [0, -1, 1, 1], [0, 2]),
        (["-1", "1", "0", "-1"], [0, 2, 1, 0], ["-1", "0", "1"]),
        ([True, False, True, True], [1, 0, 1, 1], [False, True]),
    ],
)
def test_minus_one_is_a_class_beside_one_other_and_else_no_label(y, class_ids, classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result, named = _coded(y)
    assert result.tolist() == class_ids
    assert named.tolist() == classes


def test_labels_that_may_be_meant_otherwise_are_said():
    with pytest.warns(UserWarning, match=r"2 of 7 rows have the label -1 and count as unlabelled"):
        assert _coded([-1, 0, 1, -1, 0, 1, 1])[0].tolist() == [-1, 0, 1, -1, 0, 1, 1]
    with pytest.warns(UserWarning, match=r"only -1 and 0, and both count as classes"):
        assert _coded([-1, 0, 0, -1])[0].tolist() == [0, 1, 1, 0]


def test_labels_of_no_use_are_refused():
    with pytest.raises(LabelError, match="None of the 3 rows has a label"):
        _coded([None, np.nan, ""])
    with pytest.raises(LabelError, match="Some labels are texts and some are not"):
        _coded([1, "a", None])
    with pytest.raises(LabelError, match="y has the shape"):
        _coded(np.eye(3))
    with pytest.raises(ValueError, match="Unknown label type"):
        _coded([0.5, 0.25, 0.1])
    with pytest.warns(DataConversionWarning):
        assert _coded([[1], [2]])[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cp.ContrastClassifier(**CLASSIFIER).fit(records(count=32).source, [0, 1])


def test_minus_one_and_one_are_two_classes_of_a_classifier(quick_lessons):
    rows, y = records(count=64).source, np.where(np.arange(64) % 2, 1, -1)
    classifier = cp.ContrastClassifier(**CLASSIFIER).fit(rows, y)
    assert classifier.classes_.tolist() == [-1, 1]
    assert set(classifier.predict(rows)) == {-1, 1}
    assert pickle.loads(pickle.dumps(classifier)).predict(rows).tolist() == classifier.predict(rows).tolist()
