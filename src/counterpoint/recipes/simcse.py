"""SimCSE, Gao et al. 2021, arXiv:2104.08821, with BERT-base.

The network has to be on this machine: nothing is downloaded.  The rates belong to the batches and are not scaled.
"""

from __future__ import annotations

from counterpoint.recipes.recipe import Published

WIKIPEDIA = Published(
    source="princeton-nlp/SimCSE, README and run_unsup_example.sh; schedule and decay are defaults of its trainer",
    figure="mean Spearman correlation of seven tasks of STS: 76.25 (the README)",
    departs="the head ends in a tanh; the state that was best on STS-B is kept, not the last",
    choices={
        "method": "simcse",
        "encoder": "hf:bert-base-uncased(pooling='cls')",
        "view_size": 32,
        "views": "dropout",
        "temperature": 0.05,
        "head_layers": 1,
        "head_outputs": 768,
        "batch_size": 64,
        "epochs": 1,
        "optimizer": "adamw(betas=(0.9, 0.999))",
        "learning_rate": 3e-5,
        "scaling": "none",
        "schedule": "linear",
        "warmup": 0.0,
        "weight_decay": 0.0,
    },
)

NLI = Published(
    source="princeton-nlp/SimCSE, README and run_sup_example.sh; schedule and decay are defaults of its trainer",
    figure="mean Spearman correlation of seven tasks of STS: 81.57 (the README)",
    departs=(
        "the head ends in a tanh and is kept when texts are embedded; the state that was best on STS-B is kept, not "
        "the last"
    ),
    choices={
        **WIKIPEDIA.choices,
        "batch_size": 512,
        "epochs": 3,
        "learning_rate": 5e-5,
    },
)
