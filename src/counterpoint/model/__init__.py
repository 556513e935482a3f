"""The result of a training: an encoder with its modality, which embeds items, saved as a readable folder."""

from counterpoint.model.loading import load as load
from counterpoint.model.loading import model_of as model_of
from counterpoint.model.model import BATCH as BATCH
from counterpoint.model.model import CONFIG as CONFIG
from counterpoint.model.model import LOG as LOG
from counterpoint.model.model import WEIGHTS as WEIGHTS
from counterpoint.model.model import Model as Model
from counterpoint.model.model import Tell as Tell
