"""``Plan``: every choice of a training run, one flat frozen record.

``None`` and ``"auto"`` are resolved before training from the data and the machine, then printed and saved.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.plans.choices import LARGEST_SEED, LONGEST, Choices, choice


@dataclass(frozen=True, kw_only=True)
class Plan(Choices):
    """Every choice of a run.

    >>> Plan(temperature=0.5).temperature
    0.5
    >>> Plan(temperature=-1)
    Traceback (most recent call last):
    counterpoint.errors.PlanError: temperature must be at least 0.001. Got -1.
    """

    recipe: str | None = choice(
        None, "Choices of a published run, for those that are left open: counterpoint list recipes."
    )
    modality: str = choice("auto", "Modality, or auto to recognise it: counterpoint list modalities.")
    method: str = choice("simclr", "Method: counterpoint list methods.")
    objective: str = choice("auto", "Contrastive loss; auto for the method's own: counterpoint list objectives.")
    negatives: str = choice(
        "auto", "Which candidates are negatives; auto for the method's own: counterpoint list negatives."
    )
    similarity: str = choice(
        "auto", "Similarity of two vectors; auto for the objective's own: counterpoint list similarities."
    )
    temperature: float | str | None = choice(
        None,
        "Temperature; lower weights hard negatives more. None for the method's own, mostly 0.1; or a learned or "
        "scheduled one: counterpoint list temperatures.",
        low=0.001,
    )
    encoder: str = choice("auto", "Network, or timm:NAME, or hf:PATH of text or images: counterpoint list encoders.")
    weights: str | None = choice(
        None, "File of weights that the encoder starts from: .safetensors, .pt or .pth; matched by name and shape."
    )
    width: int | None = choice(None, "Width of the encoder's first stage; None for the encoder's own.", low=1)
    head_layers: int | None = choice(
        None, "Linear layers of the projection head, 0 for none; None for the method's own, mostly 2.", low=0, high=5
    )
    head_hidden: int | None = choice(
        None, "Width of the head's hidden layers; None for the method's own, mostly 512.", low=2, high=LONGEST
    )
    head_outputs: int | None = choice(
        None, "Length of the vectors that are compared; None for the method's own, mostly 128.", low=2, high=LONGEST
    )
    matryoshka: str | None = choice(
        None, "Shorter lengths at which vectors shall be usable, such as 64,128; without a head (Matryoshka)."
    )
    views: str = choice("auto", "Augmentation preset, or package.module:name: counterpoint list views.")
    view_size: int | None = choice(
        None, "Height and width of an image's view in pixels, or tokens of a text; None to fit the data.", low=4
    )
    local_views: int | None = choice(
        None,
        "Smaller views of each item beside the usual two (multi-crop), for methods that can use them; None for none.",
        low=0,
    )
    epochs: int | None = choice(
        None, "Passes over the data, 0 to take a pretrained encoder as it is; None to fit the size of the data.", low=0
    )
    minutes: float | None = choice(None, "Time for the whole run; plans the epochs.", low=0.01)
    batch_size: int | None = choice(
        None, "Items compared in one step; None for the method's own, mostly 256, and fewer for small data.", low=2
    )
    micro_batch: int | None = choice(
        None,
        "Items per forward pass (gradient caching), for batches beyond memory: same gradient; None for all.",
        low=2,
    )
    optimizer: str = choice("auto", "Optimiser; auto for the method's own, mostly adamw: counterpoint list optimizers.")
    learning_rate: float | None = choice(
        None,
        "For a batch of 256; grows with the batch by --scaling. None for the optimiser's own, or the method's.",
        low=0,
    )
    scaling: str = choice(
        "auto",
        "How the learning rate grows with the batch; auto for sqrt, its square root: counterpoint list scalings.",
    )
    schedule: str = choice(
        "auto", "Learning-rate schedule after the warm-up; auto for cosine: counterpoint list schedules."
    )
    weight_decay: float | None = choice(None, "Weight decay, not applied to biases and norms.", low=0)
    warmup: float | None = choice(
        None, "Warm-up as a share of the steps; None for 0.05, more in short runs.", low=0, high=1
    )
    seed: int = choice(0, "Random seed of the run.", low=0, high=LARGEST_SEED)
    device: str = choice("auto", "cpu, cuda, mps, or auto.")
    precision: str = choice("auto", "bf16, fp32, or auto: bf16 where this machine computes it correctly and faster.")
    track: str | None = choice(None, "Where else to write the curves: counterpoint list trackers.")
    save_every: int | None = choice(None, "Steps between saved states; None for about once a minute.", low=1)
