"""The choices of every verb. Defaults, help and ranges are defined here only."""

from counterpoint.plans.anomalies import AnomalyPlan as AnomalyPlan
from counterpoint.plans.audit import AuditPlan as AuditPlan
from counterpoint.plans.choices import LARGEST_SEED as LARGEST_SEED
from counterpoint.plans.choices import LONGEST as LONGEST
from counterpoint.plans.choices import RENAMED as RENAMED
from counterpoint.plans.choices import WORDS as WORDS
from counterpoint.plans.choices import Choices as Choices
from counterpoint.plans.choices import by_new_names as by_new_names
from counterpoint.plans.choices import check as check
from counterpoint.plans.choices import choice as choice
from counterpoint.plans.choices import choices_in as choices_in
from counterpoint.plans.choices import plain as plain
from counterpoint.plans.choices import renamed as renamed
from counterpoint.plans.choices import types_of as types_of
from counterpoint.plans.choices import within as within
from counterpoint.plans.few_labels import DistillPlan as DistillPlan
from counterpoint.plans.few_labels import FinetunePlan as FinetunePlan
from counterpoint.plans.few_labels import SemiPlan as SemiPlan
from counterpoint.plans.lab import LabPlan as LabPlan
from counterpoint.plans.plan import Plan as Plan
from counterpoint.plans.several_plans import ComparePlan as ComparePlan
from counterpoint.plans.several_plans import TunePlan as TunePlan
