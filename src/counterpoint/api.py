"""The verbs, as functions, each from its file; ``cli`` makes the commands of the shell from them."""

from counterpoint.verbs.analogies import analogies as analogies
from counterpoint.verbs.audit import audit as audit
from counterpoint.verbs.compare import compare as compare
from counterpoint.verbs.distill import distill as distill
from counterpoint.verbs.duplicates import duplicates as duplicates
from counterpoint.verbs.embed import embed as embed
from counterpoint.verbs.embed_shards import embed_shards as embed_shards
from counterpoint.verbs.evaluate import evaluate as evaluate
from counterpoint.verbs.evaluate_retrieval import evaluate_retrieval as evaluate_retrieval
from counterpoint.verbs.evaluate_similarity import evaluate_similarity as evaluate_similarity
from counterpoint.verbs.export import export as export
from counterpoint.verbs.finetune import finetune as finetune
from counterpoint.verbs.fit import fit as fit
from counterpoint.verbs.lab import lab as lab
from counterpoint.verbs.label_efficiency import label_efficiency as label_efficiency
from counterpoint.verbs.mine import mine as mine
from counterpoint.verbs.plan import plan as plan
from counterpoint.verbs.predict import predict as predict
from counterpoint.verbs.report import report as report
from counterpoint.verbs.search import search as search
from counterpoint.verbs.semi import semi as semi
from counterpoint.verbs.tune import tune as tune
from counterpoint.verbs.verification import verification as verification
from counterpoint.verbs.verify import verify as verify
from counterpoint.verbs.words import words as words
