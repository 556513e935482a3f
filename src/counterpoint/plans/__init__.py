"""Every choice of every verb. Defaults, help and ranges stand here and nowhere else."""

from counterpoint.plans.choices import LARGEST_SEED as LARGEST_SEED
from counterpoint.plans.choices import LONGEST as LONGEST
from counterpoint.plans.choices import WORDS as WORDS
from counterpoint.plans.choices import Choices as Choices
from counterpoint.plans.choices import check as check
from counterpoint.plans.choices import choice as choice
from counterpoint.plans.choices import plain as plain
from counterpoint.plans.choices import within as within
from counterpoint.plans.few_labels import Distilling as Distilling
from counterpoint.plans.few_labels import Lifecycle as Lifecycle
from counterpoint.plans.few_labels import Tuning as Tuning
from counterpoint.plans.lab import Lab as Lab
from counterpoint.plans.plan import Plan as Plan
