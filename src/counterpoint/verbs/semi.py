"""The verb ``semi``: pretrain on everything, fine-tune on few labels, distil on everything, report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from counterpoint.classification.classifier import Classifier
from counterpoint.classification.selection import FINETUNED, PROBE, STUDENT, require_deliverable
from counterpoint.errors import InputError, RunError
from counterpoint.plans import SemiPlan, choices_in
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions, listed_groups
from counterpoint.reports.run_contents import SEMI
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_out
from counterpoint.setup.classifier_folder import requested_record
from counterpoint.setup.dataset import without_column
from counterpoint.setup.labelled_data import gather
from counterpoint.setup.progress import announce_labels
from counterpoint.storage.files import expanded
from counterpoint.verbs.semi_steps import Journey, led
from counterpoint.verbs.verb import verb


@verb(SemiPlan, ReadOptions)
@holds_out
def semi(
    source: object,
    *,
    labels: object = None,
    out: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    per_class: int | None = None,
    fraction: float | None = None,
    minutes: float | None = None,
    epochs: int | None = None,
    modality: str = "auto",
    encoder: str = "auto",
    width: int | None = None,
    student: str = "same",
    student_width: int | None = None,
    batch_size: int | None = None,
    deliver: str = "best",
    draws: int | None = None,
    seed: int = 0,
    column: str | Sequence[str] | None = None,
    without: str | Sequence[str] | None = None,
    schema: str | Mapping[str, str] | None = None,
    id: str | None = None,
    time: str | None = None,
    groups: str | Iterable[object] | None = None,
    label_first: bool = False,
    header: bool = True,
    encoding: str | None = None,
    quoting: str = "auto",
    min_count: int | None = None,
    tokens: str = "words",
    range: str | Sequence[float] | None = None,
    channel_axis: str = "auto",
    window: int | None = None,
    stride: int = 1,
    quiet: bool = False,
) -> Classifier:
    """From unlabelled data and a few labels to a small classifier, compared with training from scratch.

    ``out/pretrained`` is the model pretrained on all items, ``out/finetuned`` the better one of a linear probe and a
    fine-tuned encoder, and ``out`` that one or its student, which learned its predictions on all items except held-out
    ones, whichever is better by cross-validation, with scores and a report.

    Args:
        source: All items, as for ``fit``.
        labels: As for ``finetune``. With ``per_class`` or ``fraction`` a fifth of the labels is held out for testing;
            without, the classifier learns from all of them.
        out: The folder for all results.
        resume: Continue the interrupted run in ``out``: finished steps are kept.
        overwrite: Replace the run in ``out``.
        per_class: Labels per class to learn from; others are for testing. None for all.
        fraction: The same as a share of every class's labels.
        minutes: Time for all of it; None for 8, unless epochs are given.
        epochs: Passes over the data in pretraining, and in distillation.
        modality: Modality, or auto to recognise it: counterpoint list modalities.
        encoder: The teacher's network: counterpoint list encoders.
        width: Width of the teacher's first stage; None for the encoder's own.
        student: The student's network; same for the teacher's: counterpoint list encoders.
        student_width: Width of the student's first stage; None for the encoder's own.
        batch_size: Items compared in one step; None for 256, fewer for small data.
        deliver: The classifier to keep: best by cross-validation, probe, finetuned or student.
        draws: Random draws of the labels, to measure what they are worth; None for 3 where minutes allow it.
        seed: Random seed: of the labels that are drawn, and of the run.
        column: Columns to learn from, separated by commas; inferred when left out.
        without: Columns not to learn from, separated by commas.
        schema: Roles of columns where they are inferred wrongly, such as 'zip:category, note:ignore'. Roles: text,
            number, category, label, id, group, time, path, pair, score, ignore.
        id: The column with the names of items; for series, of the series of each row.
        time: The column of times, by which the steps of a series are sorted.
        groups: Groups of items that no split separates, such as patient or speaker: a column; folder, for the folder
            below that of the class; an .npy file with one entry per item; or a .csv file of name and group.
        label_first: The first column is a label, as in files of the UCR archive.
        header: Whether the first line of a file of columns holds their names.
        encoding: Encoding of text files, such as cp1252, gbk, shift_jis; detected if None.
        quoting: Quotation marks in a file of columns: none if they are part of the text, standard if cells may span
            several lines, or auto to decide and ask if it is unclear.
        min_count: How often a whole word must occur to be in the vocabulary; None for 5, or 2 in small texts.
        tokens: words, or spaces for text that is tokenised already: then case and punctuation stay as they are.
        range: Pixel values of black and of full brightness, such as 0,4095; measured when left out.
        channel_axis: The channel axis of an array: first (n, c, ...), last (n, ..., c), or auto for the shorter axis.
        window: Steps of a window: then items are windows of long series, and not whole series.
        stride: Steps from one window to the next.
        quiet: Print nothing.

    Raises:
        InputError: The source, the labels, a choice or the folder cannot be used; nothing has been written.
        Interrupted: Ctrl-C or SIGTERM during pretraining; everything is saved.
    """
    began, folder = monotonic(), expanded(out)
    plan, data = SemiPlan.of(choices_in(locals(), SemiPlan)), ReadOptions.given(choices_in(locals(), ReadOptions))
    require_deliverable(plan.deliver, (PROBE, FINETUNED, STUDENT))
    run_folder.check(folder, resume=False, overwrite=overwrite or resume)
    if resume and overwrite:
        raise InputError("Give --resume to go on or --overwrite to start anew, not both.")
    before = None
    if resume:
        before = run_folder.read_plan(folder)
        plan = SemiPlan.of(run_folder.merged(plan.record(), before["asked"], SemiPlan().record(), before["settled"]))
        data = ReadOptions.of(before["data"]) if data == AS_IT_IS else data
    material = gather(source, labels, plan, data=data, groups=listed_groups(groups))
    data = without_column(data, labels, material.modality)
    record = {
        **requested_record(source, labels, plan),
        "verb": SEMI,
        "data": data.record(),
        "identity": material.identity(),
    }
    journey = Journey(folder, plan, record, material, began)
    if before is not None and before.get("identity") != record["identity"]:
        raise RunError("The run was started on other items or other labels. Resume with those, or use --overwrite.")
    if before is None:
        for step in (run_folder.PRETRAINED, run_folder.FINETUNED):
            run_folder.check(folder / step, resume=False, overwrite=True)
        for done in (
            folder / run_folder.PRETRAINED / run_folder.VERDICT,
            folder / run_folder.PRETRAINED / run_folder.STATE,
            folder / run_folder.FINETUNED / run_folder.TUNED,
        ):
            done.unlink(missing_ok=True)  # a leftover of an earlier run must not pass for a step of this one
        run_folder.start(folder, record, material.items)
    announce_labels(material.read, left_out=False)
    return led(journey, source, resume=resume)
